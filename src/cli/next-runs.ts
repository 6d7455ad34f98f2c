import type { StatusDocument, SyncStatus } from '../ledger/index.js';
import type { Context } from './context.js';
import { reachedTemporal } from './session.js';

/** A status does not wait long for what only Temporal knows. Milliseconds. */
const REACH_MS = 2_000;

/** A status with the next run of each scheduled sync, where Temporal is reached; else as it was. */
export async function withNextRuns(context: Context, status: StatusDocument): Promise<StatusDocument> {
  const { syncs } = await context.config();
  const scheduled = (sync: string): boolean => Object.hasOwn(syncs, sync) && syncs[sync]?.schedule !== undefined;
  if (!status.syncs.some(({ sync }) => scheduled(sync))) return status;
  const temporal = await reachedTemporal(context, REACH_MS);
  if (temporal === undefined) return status;
  const { findSchedule, nextStart } = await import('../control/index.js');
  const next = async (sync: SyncStatus): Promise<SyncStatus> => {
    if (!scheduled(sync.sync)) return sync;
    const found = await findSchedule(temporal, sync.sync);
    if (found === undefined) return { ...sync, schedule: { state: 'missing', note: null } };
    const { paused, note } = found.description.state;
    return { ...sync, nextRun: nextStart(found.description), schedule: { state: paused ? 'paused' : 'active', note: note === undefined || note === '' ? null : note } };
  };
  // Temporal may go while it is asked: the rest of the status is as good without.
  return { ...status, syncs: await Promise.all(status.syncs.map((sync) => next(sync).catch(() => sync))) };
}
