import type { Config, DestinationConfig, SyncConfig } from '../config/index.js';
import { createDestination } from '../destinations/index.js';
import { findRun, queueRejections, type Pool, type RunRow } from '../ledger/index.js';
import { readOptOuts } from './opt-outs.js';
import { registerRun, registerSync, startSyncWorkflow, type Orchestrator } from './start.js';

/** A list of opt-outs that takes longer is left to be asked for again. Milliseconds. */
const OPT_OUTS_WITHIN_MS = 300_000;

/**
 * Starts a run of rejected rows, with books of its own. Where a retry of this sync is under way, that one is named.
 * @param reason only rejections with this code, or whose words contain it; null: all that hold a payload
 * @throws DestinationError where the platform could not be asked who opted out: nothing is queued then
 */
export async function retryFailures(pool: Pool, temporal: Orchestrator, config: Config, sync: string, reason: string | null): Promise<{ readonly run: string; readonly attached: boolean }> {
  const to = config.destinations[(config.syncs[sync] as SyncConfig).destination] as DestinationConfig;
  const destination = createDestination(to);
  try {
    // Ahead of the queue: a lane that is awake sends what it finds there, and what was refused may have been taken back since.
    await readOptOuts({ pool, config: to, destination, ids: await registerSync(pool, config, sync), signal: AbortSignal.timeout(OPT_OUTS_WITHIN_MS), onPage: () => undefined });
    const opened = await registerRun(pool, config, sync, { kind: 'retry' }, (run) => `sync/${sync}/${run}`);
    if (!opened.attached) {
      const run = (await findRun(pool, opened.run)) as RunRow;
      await queueRejections(pool, run.no, reason, destination.capabilities.identityChange === 'hold');
      await startSyncWorkflow(temporal, sync, opened.run);
    }
    return { run: opened.run, attached: opened.attached };
  } finally {
    await destination.close();
  }
}
