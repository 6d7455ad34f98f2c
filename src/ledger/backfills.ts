import type { Queryable } from './database.js';

/** The backfill of a sync that still reads, by the sync's name; undefined where there is none. */
export async function readingBackfill(db: Queryable, sync: string): Promise<string | undefined> {
  const { rows } = await db.query<{ id: string }>(
    `SELECT r.id FROM run r JOIN sync s ON s.id = r.sync_id WHERE s.name = $1 AND r.kind = 'backfill' AND r.extracting`,
    [sync],
  );
  return rows[0]?.id;
}

/**
 * Has a backfill read on, or not, from its next slice; what is staged goes out all the same.
 * @returns false where nothing of it is left to be read
 */
export async function pauseReading(db: Queryable, runId: string, paused: boolean): Promise<boolean> {
  const { rowCount } = await db.query(
    `UPDATE run SET options = CASE WHEN $2 THEN options || '{"paused": true}' ELSE options - 'paused' END
     WHERE id = $1 AND kind = 'backfill' AND extracting AND ended_at IS NULL`,
    [runId, paused],
  );
  return rowCount === 1;
}

/** Rows that wait for a destination, of whatever run, counted up to `most`. */
export async function waitingFor(db: Queryable, destinationId: number, most: number): Promise<number> {
  const { rows } = await db.query<{ waiting: number }>(
    'SELECT count(*) AS waiting FROM (SELECT 1 FROM outbox WHERE destination_id = $1 LIMIT $2) o',
    [destinationId, most],
  );
  return rows[0]?.waiting ?? 0;
}
