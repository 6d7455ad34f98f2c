import { setTimeout as sleep } from 'node:timers/promises';
import type { Config } from '../config/index.js';
import { startRun, type Orchestrator } from '../control/index.js';
import { runDocument, runPulse, type Pool, type RunDocument, type RunPulse } from '../ledger/index.js';
import { SYNC } from './config-file.js';

const LOOK_MS = 100;

export interface FollowOptions {
  readonly pool: Pool;
  readonly temporal: Orchestrator;
  readonly config: Config;
  /** Called several times a second while the run goes on. */
  readonly onPulse: (pulse: RunPulse) => void;
  readonly signal: AbortSignal;
}

/** Starts an incremental run and follows it to its end. @throws the signal's reason when it is aborted */
export async function runOnce({ pool, temporal, config, onPulse, signal }: FollowOptions): Promise<RunDocument> {
  const { run } = await startRun(pool, temporal, config, SYNC, { kind: 'incremental' });
  for (;;) {
    signal.throwIfAborted();
    const pulse = await runPulse(pool, run);
    if (pulse?.ended === true) break;
    if (pulse !== undefined) onPulse(pulse);
    await sleep(LOOK_MS);
  }
  const document = await runDocument(pool, run);
  if (document === undefined) throw new Error(`run ${run} is not in the ledger`);
  return document;
}
