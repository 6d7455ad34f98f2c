import { setTimeout as sleep } from 'node:timers/promises';
import type { Config } from '../config/index.js';
import { startRun, type Orchestrator } from '../control/index.js';
import { runDocument, runPulse, type Counts, type Pool, type RunDocument, type RunPulse } from '../ledger/index.js';

const LOOK_MS = 100;

export interface FollowOptions {
  readonly pool: Pool;
  readonly temporal: Orchestrator;
  readonly config: Config;
  /** Called several times a second while any of the runs goes on, with the sums of all. */
  readonly onPulse: (pulse: RunPulse) => void;
  readonly signal: AbortSignal;
}

/** Starts an incremental run of every sync at once and follows them to their ends. @throws the signal's reason when it is aborted */
export async function runAll({ pool, temporal, config, onPulse, signal }: FollowOptions, syncs: readonly string[]): Promise<ReadonlyMap<string, RunDocument>> {
  const started = await Promise.all(syncs.map((sync) => startRun(pool, temporal, config, sync, { kind: 'incremental' })));
  for (;;) {
    signal.throwIfAborted();
    const pulses = (await Promise.all(started.map(({ run }) => runPulse(pool, run)))).filter((pulse) => pulse !== undefined);
    if (pulses.every((pulse) => pulse.ended)) break;
    onPulse(together(pulses));
    await sleep(LOOK_MS);
  }
  const ended = new Map<string, RunDocument>();
  for (const { run } of started) {
    const document = await runDocument(pool, run);
    if (document === undefined) throw new Error(`run ${run} is not in the ledger`);
    ended.set(document.sync, document);
  }
  return ended;
}

/** Several runs as one: sums, and the lane of the first that is not done. @param pulses at least one */
export function together(pulses: readonly RunPulse[]): RunPulse {
  const [first] = pulses;
  if (first === undefined) throw new Error('there is no run to follow');
  const sum = (of: (pulse: RunPulse) => number): number => pulses.reduce((total, pulse) => total + of(pulse), 0);
  const counts = Object.fromEntries((Object.keys(first.counts) as (keyof Counts)[]).map((name) => [name, sum((pulse) => pulse.counts[name])])) as unknown as Counts;
  const open = pulses.find((pulse) => !pulse.ended) ?? first;
  return {
    ...open, counts,
    extracting: pulses.some((pulse) => pulse.extracting),
    calls: sum((pulse) => pulse.calls),
    estimate: pulses.some((pulse) => pulse.estimate === null) ? null : sum((pulse) => pulse.estimate ?? 0),
  };
}
