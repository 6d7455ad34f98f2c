import { booksOf } from './books.js';
import type { Queryable } from './database.js';
import type { BatchDocument, Counts, RunStatus } from './documents.js';
import { batchesOf } from './reports.js';
import { closeRun, findRun } from './runs.js';

export interface Settlement {
  readonly done: boolean;
  readonly status: RunStatus;
  readonly counts: Counts;
  readonly cursor: { readonly from: string | null; readonly to: string | null };
  readonly batches: readonly BatchDocument[];
}

/** How a run that has nothing left to do ends. */
export function finalStatus(status: RunStatus, counts: Counts): RunStatus {
  if (status === 'cancelled' || status === 'failed') return status;
  return counts.rejected + counts.invalid + counts.stillRejected > 0 ? 'completed_with_rejects' : 'completed';
}

/** How a run stands. With `close`, a run whose last row is settled is closed. */
export async function settlementOf(db: Queryable, runId: string, close: boolean): Promise<Settlement> {
  const run = await findRun(db, runId);
  if (!run) throw new Error(`there is no run ${runId} in the ledger`);
  const counts = (await booksOf(db, [run.no])).get(run.no) as Counts;
  const done = !run.extracting && counts.waiting === 0 && counts.inFlight === 0;
  const status = done ? finalStatus(run.status, counts) : run.status;
  if (done && close) await closeRun(db, run.no, status, null);
  const { rows } = await db.query<{ from: string | null; to: string | null }>('SELECT cursor_from AS "from", cursor_to AS "to" FROM run WHERE no = $1', [run.no]);
  return { done, status, counts, cursor: rows[0] ?? { from: null, to: null }, batches: await batchesOf(db, run.no, 10) };
}

/** A run that was left delivering and has nothing left to deliver. */
export interface Delivered {
  readonly id: string;
  readonly sync: string;
  readonly destination: string;
  /** Its configuration has its sync verified after a run. */
  readonly verifies: boolean;
}

/**
 * Closes the runs that were left delivering and whose last row is settled now.
 * @param before is called for each before it is closed, so that what follows from it is not lost by a crash
 * @returns their ids
 */
export async function closeDelivering(db: Queryable, before: (run: Delivered) => Promise<void> = () => Promise.resolve()): Promise<readonly string[]> {
  const { rows } = await db.query<Delivered>(
    `SELECT r.id, s.name AS sync, d.name AS destination, COALESCE(r.config #>> '{sync,verify,after}' = 'run', false) AS verifies
     FROM run r JOIN sync s ON s.id = r.sync_id JOIN destination d ON d.id = s.destination_id WHERE r.status = 'delivering' AND r.ended_at IS NULL ORDER BY r.no`,
  );
  const closed: string[] = [];
  for (const run of rows) {
    if (!(await settlementOf(db, run.id, false)).done) continue;
    await before(run);
    await settlementOf(db, run.id, true);
    closed.push(run.id);
  }
  return closed;
}
