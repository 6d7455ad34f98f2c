import { audit } from './audit.js';
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
 * Runs against platforms that fail: errors before anything is stored, cuts before and after, bad rows (refused by row,
 * or with their whole request), tokens that end, results that are late or never come, and limits below the configured
 * pace. Exactly the bad rows are rejected; once they are mended the next run sends them.
 */
export async function playMix(world: World, mode: 'row' | 'request', changes: number): Promise<MixResult> {
  const { place, crm, sandbox, sides, optOuts, random } = world;
  const began = performance.now();
  const before = sides.map(({ passage }) => passage.calls.length);
  optOuts.act(changes / 10);
  const keys = crm.pick(changes);
  const bad = new Map<string, CrmRow>(keys.slice(0, Math.ceil(keys.length * SHARE_BAD)).map((key) => [key, crm.rows.get(key) as CrmRow]));
  await crm.change(keys);
  const seed = Math.floor(random() * 1_000_000);
  const badNow = [...bad.keys()].map((key) => crm.rows.get(key) as CrmRow);
  for (const { platform, pace } of sides) platform.mix(sandbox, seed, mode, badNow, pace);
  const results = await Promise.all(sides.map(async (side, i) => {
    // Rejected rows: exit code 3.
    const faults = await nextRun(world, side, 3);
    const calls = side.passage.calls.slice(before[i]);
    const seen = await side.checks.calls(calls.filter((call) => call.status === null).length);
    return { calls, unknown: seen.unknown, faults: [...faults, ...seen.faults, ...(await side.checks.delivered()), ...(await side.checks.equal(bad))] };
  }));
  const faults = [...results.flatMap((result) => result.faults), ...(await audit(place))];

  for (const { platform } of sides) platform.calm(sandbox);
  await crm.change([...bad.keys()]);
  const mended = await Promise.all(sides.map(async (side) => [...(await nextRun(world, side)), ...(await side.checks.calls(0)).faults, ...(await side.checks.equal())]));
  faults.push(...mended.flat(), ...(await audit(place)));
  const calls = results.flatMap((result) => result.calls);
  return {
    mode, changes: keys.length, bad: bad.size, calls: calls.length, cut: calls.filter((call) => call.status === null).length,
    unknown: results.reduce((sum, result) => sum + result.unknown, 0), faults, tookMs: performance.now() - began,
    errors: calls.filter((call) => (call.status ?? 0) >= 500).length, throttled: calls.filter((call) => call.status === 429).length,
  };
}
