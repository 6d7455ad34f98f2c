import type { Queryable } from './database.js';

/** Rejections that lose their payload in one statement. */
const AT_ONCE = 1_000;

/**
 * Removes the payloads of rejected rows that were refused long ago, here and in the calls they were refused in. Key,
 * reason and code stay, and so do the books; a row that is still rejected can be read again, but not sent as it was.
 * @param olderThan milliseconds
 * @returns how many payloads were removed
 */
export async function dropRejectedPayloads(db: Queryable, olderThan: number): Promise<number> {
  for (let dropped = 0; ;) {
    const { rowCount } = await db.query(
      `WITH old AS MATERIALIZED (
         SELECT id, batch_id, key FROM rejection WHERE fields IS NOT NULL AND at < clock_timestamp() - $1::float8 * interval '1 millisecond'
         ORDER BY at LIMIT ${AT_ONCE} FOR UPDATE SKIP LOCKED
       ), sent AS (
         UPDATE batch_row r SET fields = '{}' FROM old o WHERE r.batch_id = o.batch_id AND r.key = o.key AND r.outcome = 2
       )
       UPDATE rejection x SET fields = NULL FROM old o WHERE x.id = o.id`,
      [olderThan],
    );
    dropped += rowCount ?? 0;
    if ((rowCount ?? 0) < AT_ONCE) return dropped;
  }
}
