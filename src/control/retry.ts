import type { Config, DestinationConfig, SyncConfig } from '../config/index.js';
import { createDestination } from '../destinations/index.js';
import { findRun, queueRejections, type Pool, type RunRow } from '../ledger/index.js';
import { registerRun, startSyncWorkflow, type Orchestrator } from './start.js';

/**
 * Starts a run of rejected rows, with books of its own. Where a retry of this sync is under way, that one is named.
 * @param reason only rejections with this code, or whose words contain it; null: all that hold a payload
 */
export async function retryFailures(pool: Pool, temporal: Orchestrator, config: Config, sync: string, reason: string | null): Promise<{ readonly run: string; readonly attached: boolean }> {
  const opened = await registerRun(pool, config, sync, { kind: 'retry' }, (run) => `sync/${sync}/${run}`);
  if (!opened.attached) {
    const run = (await findRun(pool, opened.run)) as RunRow;
    const destination = createDestination(config.destinations[(config.syncs[sync] as SyncConfig).destination] as DestinationConfig);
    await queueRejections(pool, run.no, reason, destination.capabilities.identityChange === 'hold');
    await destination.close();
    await startSyncWorkflow(temporal, sync, opened.run);
  }
  return { run: opened.run, attached: opened.attached };
}
