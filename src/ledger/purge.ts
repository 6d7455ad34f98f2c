import { transaction, type Connection, type Pool } from './database.js';

/** Persons whose traces are removed in one transaction. */
const AT_ONCE = 500;

/** What the ledger writes in place of an erased person's key; it keeps the rows of one person together. */
const NAMELESS = `'erased:' || encode(p.key, 'hex')`;

/**
 * Removes erased persons from this ledger's own stores: payloads and keys leave batches, rejections and lists; what
 * the books count stays. A person something still waits for, or is under way for, is looked at again next time.
 * @returns how many persons are gone for good
 */
export async function purgeErased(pool: Pool): Promise<number> {
  await forgetOld(pool);
  let purged = 0;
  for (let after: number | null = 0; after !== null;) {
    const from: number = after;
    const some = await transaction(pool, (connection) => purgeSome(connection, from));
    purged += some.gone;
    after = some.next;
  }
  return purged;
}

/** What is kept for a while only: the marks of webhooks (they come again for minutes), the times that opt-outs took. */
async function forgetOld(pool: Pool): Promise<void> {
  await pool.query(`DELETE FROM webhook_delivery WHERE at < clock_timestamp() - interval '7 days'`);
  await pool.query(`DELETE FROM opt_out_effect e USING destination d WHERE e.destination_id = d.id
    AND e.id < (SELECT max(l.id) FROM opt_out_effect l WHERE l.destination_id = d.id) - 100000`);
}

/** @param after tombstones up to this id have been looked at. @returns `next`: null when there are no more */
async function purgeSome(connection: Connection, after: number): Promise<{ readonly gone: number; readonly next: number | null }> {
  const { rows: unclean } = await connection.query<{ any: boolean }>('SELECT EXISTS (SELECT 1 FROM tombstone WHERE plain IS NOT NULL AND id > $1) AS any', [after]);
  if (unclean[0]?.any !== true) return { gone: 0, next: null };
  // As whoever erases or stages does, and before any row is locked.
  await connection.query('SELECT pg_advisory_xact_lock(796201, d.id) FROM (SELECT id FROM destination ORDER BY id OFFSET 0) d');
  await connection.query(
    `CREATE TEMP TABLE IF NOT EXISTS purge (id bigint, key bytea, plain text, sync_id int, destination_id int, account_id int, source text, busy boolean)
     ON COMMIT DELETE ROWS`);
  const { rows: there } = await connection.query<{ looked: number; last: number | null }>(
    `WITH p AS MATERIALIZED (SELECT id, key, plain, source FROM tombstone WHERE plain IS NOT NULL AND id > $1 ORDER BY id LIMIT ${AT_ONCE} FOR UPDATE SKIP LOCKED), made AS (
       INSERT INTO purge SELECT p.id, p.key, p.plain, y.id, y.destination_id, d.account_id, p.source,
         EXISTS (SELECT 1 FROM outbox o WHERE o.destination_id = y.destination_id AND o.key = p.plain)
         OR EXISTS (SELECT 1 FROM batch b JOIN batch_row r ON r.batch_id = b.id WHERE b.destination_id = y.destination_id
           AND b.status IN ('sending', 'accepted', 'unknown') AND r.outcome IS NULL AND r.key = p.plain)
         OR EXISTS (SELECT 1 FROM contact c WHERE c.destination_id = y.destination_id AND c.key = p.plain AND c.sync_id = y.id)
       FROM p LEFT JOIN sync y ON y.source = p.source LEFT JOIN destination d ON d.id = y.destination_id
     )
     SELECT count(*) AS looked, max(id) AS last FROM p`,
    [after],
  );
  const { looked, last } = there[0] as { looked: number; last: number | null };
  if (last === null) return { gone: 0, next: null };
  await connection.query('ANALYZE purge');
  // A former key is a name of the same person.
  const former = await connection.query(
    `INSERT INTO tombstone (source, key, plain, reason)
     SELECT DISTINCT p.source, keyed(r.previous_key), r.previous_key, 'a former key' FROM purge p JOIN batch_row r ON r.sync_id = p.sync_id AND r.key = p.plain
     WHERE r.previous_key IS NOT NULL ON CONFLICT (source, key) DO NOTHING`);
  await connection.query(
    `UPDATE batch_row r SET key = ${NAMELESS}, fields = '{}', address = NULL, identity = NULL, previous_key = NULL
     FROM purge p, batch b WHERE r.sync_id = p.sync_id AND r.key = p.plain AND b.id = r.batch_id
       AND (r.outcome IS NOT NULL OR b.status NOT IN ('sending', 'accepted', 'unknown'))
       -- What is held there yet is what an erasure addresses it by.
       AND NOT EXISTS (SELECT 1 FROM contact c WHERE c.destination_id = r.destination_id AND c.key = r.key AND c.batch_id = r.batch_id AND c.ord = r.ord)`);
  await connection.query(
    `UPDATE rejection x SET key = ${NAMELESS}, reason = x.code, place = NULL, fields = NULL, address = NULL, identity = NULL, previous_key = NULL,
       resolved_at = COALESCE(x.resolved_at, clock_timestamp()), resolution = COALESCE(x.resolution, 'erased')
     FROM purge p WHERE x.sync_id = p.sync_id AND x.key = p.plain
       -- An erasure the platform refused stays among the failures, with what it takes to try it again.
       AND NOT (x.action IS NOT DISTINCT FROM 1 AND x.resolved_at IS NULL AND EXISTS (
         SELECT 1 FROM contact c WHERE c.destination_id = x.destination_id AND c.key = x.key))`);
  await connection.query(
    `UPDATE rejection x SET reason = replace(x.reason, p.plain, ${NAMELESS}) FROM purge p
     WHERE x.code = 'duplicate' AND x.destination_id = p.destination_id AND position('contact ' || p.plain || ',' IN x.reason) > 0`);
  await connection.query(`UPDATE overtaken o SET key = ${NAMELESS} FROM purge p WHERE o.destination_id = p.destination_id AND o.key = p.plain`);
  await connection.query('DELETE FROM difference d USING purge p WHERE d.sync_id = p.sync_id AND d.key = p.plain');
  await connection.query('DELETE FROM identity i USING purge p WHERE i.account_id = p.account_id AND i.source = p.source AND i.key = p.plain');
  await connection.query('DELETE FROM departed d USING purge p, run r WHERE r.no = d.run_no AND r.sync_id = p.sync_id AND d.key = p.plain');
  await connection.query(
    `UPDATE run r SET options = r.options - 'only' FROM purge p WHERE r.sync_id = p.sync_id AND r.ended_at IS NOT NULL AND r.options -> 'only' ? p.plain`);
  // Held by its address from here on; the tombstone holds the key.
  await connection.query('DELETE FROM suppression s USING purge p WHERE s.destination_id = p.destination_id AND s.key = p.plain AND s.address IS NULL');
  await connection.query('UPDATE suppression s SET key = NULL FROM purge p WHERE s.destination_id = p.destination_id AND s.key = p.plain');
  const gone = await connection.query(
    `UPDATE tombstone t SET plain = NULL FROM (SELECT id FROM purge GROUP BY id HAVING NOT bool_or(busy)) p WHERE t.id = p.id`);
  // Former keys were given higher ids.
  return { gone: gone.rowCount ?? 0, next: looked === AT_ONCE || former.rowCount !== 0 ? last : null };
}
