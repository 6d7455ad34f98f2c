import type { CrmRow } from './crm.js';
import { nextRun } from './rounds.js';
import type { World } from './world.js';

export interface MixResult {
  readonly mode: 'row' | 'request';
  readonly changes: number;
  readonly bad: number;
  readonly calls: number;
  readonly errors: number;
  readonly cut: number;
  readonly throttled: number;
  readonly unknown: number;
  readonly tookMs: number;
  readonly faults: readonly string[];
}

const SHARE_BAD = 0.005;

/**
 * A run against a platform that fails: 5 % errors before anything is stored, 2 % cuts after everything was, 0.5 % bad
 * rows (refused by row, or with their whole request) and a limit below the configured pace. Exactly the bad rows are
 * rejected; once they are mended the next run sends them.
 */
export async function playMix(world: World, mode: 'row' | 'request', changes: number): Promise<MixResult> {
  const { crm, sandbox, witness, checks, pace, random } = world;
  const began = performance.now();
  const before = witness.calls.length;
  const keys = crm.pick(changes);
  const bad = new Map<string, CrmRow>(keys.slice(0, Math.ceil(keys.length * SHARE_BAD)).map((key) => [key, crm.rows.get(key) as CrmRow]));
  await crm.change(keys);
  sandbox.mailingcore.setFaults({
    seed: Math.floor(random() * 1_000_000), latency: 20, errorsBeforeCommit: 0.05, cutAfterCommit: 0.02,
    badRows: { externalIds: [...bad.keys()], mode },
    limit: { calls: Math.ceil(pace.calls * 0.8), per: pace.perMs, window: 'sliding' },
  });
  // Rejected rows: exit code 3.
  const faults = await nextRun(world, 3);
  const calls = witness.calls.slice(before);
  const cut = calls.filter((call) => call.status === null).length;
  const seen = await checks.calls(cut);
  faults.push(...seen.faults, ...(await checks.delivered()), ...(await checks.equal(bad)), ...(await checks.audit()));

  sandbox.mailingcore.setFaults({});
  await crm.change([...bad.keys()]);
  faults.push(...(await nextRun(world)), ...(await checks.calls(0)).faults, ...(await checks.equal()), ...(await checks.audit()));
  return {
    mode, changes: keys.length, bad: bad.size, calls: calls.length, cut, unknown: seen.unknown, faults, tookMs: performance.now() - began,
    errors: calls.filter((call) => (call.status ?? 0) >= 500).length, throttled: calls.filter((call) => call.status === 429).length,
  };
}
