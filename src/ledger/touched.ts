import { booksOf } from './books.js';
import type { Queryable } from './database.js';

/** An open run with rows in some calls. */
export interface TouchedRun {
  readonly no: number;
  readonly workflowId: string;
  readonly extracting: boolean;
}

/** The open runs with rows in the given batches. */
export async function runsTouched(db: Queryable, batchIds: readonly number[]): Promise<readonly TouchedRun[]> {
  const { rows } = await db.query<TouchedRun>(
    `SELECT DISTINCT r.no, r.workflow_id AS "workflowId", r.extracting FROM batch_run br JOIN run r ON r.no = br.run_no
     WHERE br.batch_id = ANY($1) AND r.ended_at IS NULL`,
    [batchIds],
  );
  return rows;
}

/** Ids of the runs with rows in a batch. */
export async function runsOfBatch(db: Queryable, batchId: number): Promise<readonly string[]> {
  const { rows } = await db.query<{ id: string }>({
    name: 'runs-of-batch', text: 'SELECT r.id FROM batch_run br JOIN run r ON r.no = br.run_no WHERE br.batch_id = $1 ORDER BY r.no', values: [batchId],
  });
  return rows.map(({ id }) => id);
}

/** Whether one of the runs has nothing left to wait for, so that somebody should tell it. */
export async function anySettled(db: Queryable, runs: readonly TouchedRun[]): Promise<boolean> {
  const read = runs.filter((run) => !run.extracting).map((run) => run.no);
  if (read.length === 0) return false;
  const books = await booksOf(db, read);
  return [...books.values()].some((counts) => counts.waiting === 0 && counts.inFlight === 0);
}
