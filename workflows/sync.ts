import type { SyncInput, SyncProgress } from './names.js';
import { SyncRun } from './run.js';

/** One run of a sync: read and stage, wait until every row is settled, verify, close. */
export async function sync(input: SyncInput): Promise<SyncProgress> {
  return new SyncRun(input).execute();
}
