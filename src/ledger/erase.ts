import type { Connection } from './database.js';
import { dropRises } from './rises.js';

/**
 * Queues the erasure of contacts a destination holds, or is being sent, ahead of everything else. What waits for them is
 * overtaken. The destination's lock must be held.
 * @returns how many rows were queued
 */
export async function queueErasures(connection: Connection, at: { readonly destinationId: number; readonly runNo: number }, keys: readonly string[]): Promise<number> {
  if (keys.length === 0) return 0;
  await dropRises(connection, at.destinationId, keys);
  // First, and apart: a row that is being claimed just now is then seen in flight by the statement below.
  await connection.query(
    'SELECT count(*) FROM (SELECT 1 FROM outbox o WHERE o.destination_id = $1 AND o.key = ANY($2) FOR UPDATE OF o) locked', [at.destinationId, keys]);
  await connection.query(
    `INSERT INTO kind (destination_id, action, form, shape)
     SELECT DISTINCT destination_id, 1::smallint, 0::smallint, shape FROM kind WHERE destination_id = $1 ON CONFLICT DO NOTHING`,
    [at.destinationId],
  );
  const { rows } = await connection.query<{ queued: number }>(
    `WITH t AS (SELECT DISTINCT unnest($3::text[]) AS key), f AS MATERIALIZED (
       -- The rows of open calls are few: fetched once.
       SELECT r.key, r.batch_id, r.ord, r.crossed FROM batch b JOIN batch_row r ON r.batch_id = b.id
       WHERE b.destination_id = $1 AND b.status IN ('sending', 'accepted', 'unknown') AND r.outcome IS NULL
     ), last AS MATERIALIZED (
       SELECT t.key, h.behind, r.sync_id, r.version, r.fp, r.locale, r.fields, r.identity, r.address, w.id AS kind
       FROM t CROSS JOIN LATERAL (
         (SELECT f.batch_id, f.ord, true AS behind FROM f WHERE f.key = t.key ORDER BY f.crossed IS TRUE DESC LIMIT 1)
         UNION ALL SELECT c.batch_id, c.ord, false FROM contact c WHERE c.destination_id = $1 AND c.key = t.key LIMIT 1
       ) h
       CROSS JOIN LATERAL (SELECT * FROM batch_row r WHERE r.batch_id = h.batch_id AND r.ord = h.ord LIMIT 1) r
       JOIN batch b ON b.id = h.batch_id JOIN kind k ON k.id = b.kind
       JOIN kind w ON w.destination_id = $1 AND w.action = 1 AND w.form = 0 AND w.shape = k.shape
       -- Neither what is being erased already nor what waits for it.
       WHERE b.action = 0 AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.destination_id = $1 AND o.key = t.key AND o.action = 1)
     ), replaced AS (
       INSERT INTO overtaken (destination_id, key, run_no, version, reason)
       SELECT $1, o.key, o.run_no, o.version, 'the contact is to be erased' FROM outbox o JOIN last l ON l.key = o.key WHERE o.destination_id = $1
     ), queued AS (
       INSERT INTO outbox (destination_id, key, seq, version, sync_id, run_no, priority, action, email, sms, known, behind, fp, locale, fields, kind, identity, address)
       SELECT $1, key, nextval('outbox_seq'), version, sync_id, $2, 0, 1, 1, 1, true, behind, fp, locale, fields, kind, identity, address FROM last
       ON CONFLICT (destination_id, key) DO UPDATE SET seq = excluded.seq, version = GREATEST(outbox.version, excluded.version), sync_id = excluded.sync_id,
         run_no = excluded.run_no, priority = 0, action = 1, email = 1, sms = 1, known = true, behind = outbox.behind OR excluded.behind, fp = excluded.fp,
         locale = excluded.locale, fields = excluded.fields, kind = excluded.kind, identity = excluded.identity, address = excluded.address,
         bundle = NULL, attempts = 0, staged_at = clock_timestamp(), previous_key = NULL, consent_at = NULL, crossed = false
       RETURNING 1
     )
     SELECT count(*) AS queued FROM queued`,
    [at.destinationId, at.runNo, keys],
  );
  return rows[0]?.queued ?? 0;
}

/**
 * Settles the rows of an erasing call that were taken: their contacts are held no more, what waits for them is dropped,
 * and a tombstone keeps them from coming back. The destination's lock must be held.
 */
export async function settleErased(connection: Connection, batchId: number): Promise<{ readonly rows: readonly { readonly delivered: number }[] }> {
  return connection.query<{ delivered: number }>(
    `WITH r AS MATERIALIZED (
       SELECT r.destination_id, r.key, r.sync_id, y.source FROM batch_row r JOIN sync y ON y.id = r.sync_id WHERE r.batch_id = $1 AND r.outcome IS NULL
     ), gone AS (
       DELETE FROM contact c USING r WHERE c.destination_id = r.destination_id AND c.key = r.key
     ), waited AS (
       DELETE FROM outbox o USING r WHERE o.destination_id = r.destination_id AND o.key = r.key AND o.sync_id = r.sync_id
       RETURNING o.destination_id, o.key, o.run_no, o.version
     ), late AS (
       INSERT INTO overtaken (destination_id, key, run_no, version, reason) SELECT destination_id, key, run_no, version, 'the contact was erased' FROM waited
     ), books AS (
       UPDATE batch_run br SET delivered = br.rows - br.rejected - br.returned WHERE br.batch_id = $1
     ), cleared AS (
       UPDATE rejection x SET resolved_at = clock_timestamp(), resolution = 'erased'
       FROM r WHERE x.destination_id = r.destination_id AND x.key = r.key AND x.sync_id = r.sync_id AND x.resolved_at IS NULL
     ), stones AS (
       INSERT INTO tombstone (source, key, plain, reason) SELECT DISTINCT source, keyed(key), key, 'deleted at the source' FROM r
       ON CONFLICT (source, key) DO UPDATE SET plain = excluded.plain, lifted_at = NULL,
         at = CASE WHEN tombstone.lifted_at IS NULL THEN tombstone.at ELSE clock_timestamp() END
     )
     SELECT count(*) AS delivered FROM r`,
    [batchId],
  );
}
