import type { Queryable } from './database.js';
import type { FailureDocument } from './documents.js';
import { isoTime } from './reports.js';

const COLUMNS = `x.key, x.place, x.reason, x.code, r.id AS run, ${isoTime('x.since')} AS since, x.attempts`;

/** Open rejections of a sync, invalid rows among them, oldest first. */
export async function listFailures(db: Queryable, sync: string, limit: number): Promise<{ readonly failures: readonly FailureDocument[]; readonly total: number }> {
  const { rows } = await db.query<FailureDocument>(
    `SELECT ${COLUMNS} FROM rejection x JOIN run r ON r.no = x.run_no JOIN sync s ON s.id = x.sync_id
     WHERE s.name = $1 AND x.resolved_at IS NULL ORDER BY x.since, x.id LIMIT $2`,
    [sync, limit],
  );
  const total = await db.query<{ total: number }>(
    'SELECT count(*) AS total FROM rejection x JOIN sync s ON s.id = x.sync_id WHERE s.name = $1 AND x.resolved_at IS NULL',
    [sync],
  );
  return { failures: rows, total: total.rows[0]?.total ?? 0 };
}

/**
 * Puts the rejected rows of a sync back into the outbox as rows of `runNo`, and writes the page that accounts for
 * them. Invalid rows hold no payload and stay: they are fixed at their source.
 * @param reason only rejections with this code, or whose words contain it
 */
export async function queueRejections(db: Queryable, runNo: number, reason: string | null): Promise<number> {
  const { rows } = await db.query<{ queued: number }>(
    `WITH picked AS (
       UPDATE rejection x SET resolved_at = clock_timestamp(), resolution = 'tried again'
       FROM run r WHERE r.no = $1 AND r.pages = 0 AND x.sync_id = r.sync_id AND x.resolved_at IS NULL AND x.fields IS NOT NULL
         AND ($2::text IS NULL OR x.code = $2 OR position(lower($2) IN lower(x.reason)) > 0)
       RETURNING x.*
     ), newest AS (
       SELECT DISTINCT ON (destination_id, key) * FROM picked ORDER BY destination_id, key, id DESC
     ), queued AS (
       INSERT INTO outbox (destination_id, key, seq, version, sync_id, run_no, attempts, priority, action, email, sms, fp, locale, fields)
       SELECT destination_id, key, nextval('outbox_seq'), version, sync_id, $1, attempts, 2, action, email, sms, fp, locale, fields FROM newest
       ON CONFLICT (destination_id, key) DO NOTHING RETURNING key
     ), late AS (
       INSERT INTO overtaken (destination_id, key, run_no, version, reason)
       SELECT n.destination_id, n.key, $1, n.version, 'a newer version waits' FROM newest n WHERE NOT EXISTS (SELECT 1 FROM queued q WHERE q.key = n.key)
     ), page AS (
       INSERT INTO page (run_no, no, extracted, invalid, filtered, unchanged, still_rejected, superseded, suppressed, queued)
       SELECT $1, 1, count(*), 0, 0, 0, 0, 0, 0, count(*) FROM newest
     ), moved AS (
       UPDATE run SET pages = 1, extracting = false, extracted_at = clock_timestamp() WHERE no = $1 AND pages = 0
     )
     SELECT count(*) AS queued FROM newest`,
    [runNo, reason],
  );
  return rows[0]?.queued ?? 0;
}
