import { transaction, type Pool, type Queryable } from './database.js';
import type { FailureDocument } from './documents.js';
import { lowerWaiting } from './opt-outs.js';
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
 * The open rejections of a sync after one, in the order they were noted: for reading all of them in flat memory.
 * @param after the last `id` of the page before; 0: from the start
 */
export async function failuresAfter(db: Queryable, sync: string, after: number, limit: number): Promise<readonly (FailureDocument & { readonly id: number })[]> {
  const { rows } = await db.query<FailureDocument & { id: number }>(
    `SELECT x.id, ${COLUMNS} FROM rejection x JOIN run r ON r.no = x.run_no JOIN sync s ON s.id = x.sync_id
     WHERE s.name = $1 AND x.resolved_at IS NULL AND x.id > $2 ORDER BY x.id LIMIT $3`,
    [sync, after, limit],
  );
  return rows;
}

/** How many rejections of a sync could be tried again: those that hold a payload. @param reason as in {@link queueRejections} */
export async function countRetriable(db: Queryable, sync: string, reason: string | null): Promise<number> {
  const { rows } = await db.query<{ count: number }>(
    `SELECT count(*) AS count FROM rejection x JOIN sync s ON s.id = x.sync_id
     WHERE s.name = $1 AND x.resolved_at IS NULL AND x.fields IS NOT NULL
       AND ($2::text IS NULL OR x.code = $2 OR position(lower($2) IN lower(x.reason)) > 0)`,
    [sync, reason],
  );
  return rows[0]?.count ?? 0;
}

/**
 * Puts the rejected rows of a sync back into the outbox as rows of `runNo`, and writes the page that accounts for
 * them. Invalid rows hold no payload and stay: they are fixed at their source.
 * @param reason only rejections with this code, or whose words contain it
 * @param holds whether contacts with a changed identity stay aside
 */
export function queueRejections(pool: Pool, runNo: number, reason: string | null, holds = false): Promise<number> {
  return transaction(pool, async (connection) => {
    // Whoever adds waiting rows holds this lock (see staging).
    await connection.query(
      'SELECT pg_advisory_xact_lock(796201, s.destination_id) FROM run r JOIN sync s ON s.id = r.sync_id WHERE r.no = $1', [runNo]);
    const queued = await queue(connection, runNo, reason, holds);
    // What was refused long ago may be consent that was taken back since.
    if (queued > 0) await lowerWaiting(connection, runNo);
    return queued;
  });
}

async function queue(db: Queryable, runNo: number, reason: string | null, holds: boolean): Promise<number> {
  const { rows } = await db.query<{ queued: number }>(
    `WITH picked AS (
       UPDATE rejection x SET resolved_at = clock_timestamp(), resolution = 'tried again'
       FROM run r WHERE r.no = $1 AND r.pages = 0 AND x.sync_id = r.sync_id AND x.resolved_at IS NULL AND x.fields IS NOT NULL
         AND ($2::text IS NULL OR x.code = $2 OR position(lower($2) IN lower(x.reason)) > 0)
         -- Held for good reason: the source changes that, or an id that is learned, or the configuration.
         AND (x.code <> 'held' OR NOT $3 OR EXISTS (
           SELECT 1 FROM contact h WHERE h.destination_id = x.destination_id AND h.key = x.key AND h.platform_id IS NOT NULL))
         AND (x.code <> 'duplicate' OR NOT EXISTS (SELECT 1 FROM identity i JOIN identity j USING (account_id, identity)
           WHERE i.key = x.key AND i.identity = x.identity AND j.no < i.no))
         -- An erased person does not come back by a rejection.
         AND NOT EXISTS (SELECT 1 FROM tombstone g JOIN sync y ON y.source = g.source WHERE y.id = x.sync_id AND g.lifted_at IS NULL AND g.key = keyed(x.key))
         AND NOT EXISTS (SELECT 1 FROM tombstone g WHERE g.lifted_at IS NULL AND g.address = x.address)
         -- A key that another sync still owns would be taken from it.
         AND NOT EXISTS (
           SELECT 1 FROM sync y WHERE NOT y.retired AND y.destination_id = x.destination_id AND y.id <> x.sync_id AND y.id = COALESCE(
             (SELECT o.sync_id FROM outbox o WHERE o.destination_id = x.destination_id AND o.key = x.key),
             (SELECT f.sync_id FROM batch_row f JOIN batch fb ON fb.id = f.batch_id
              WHERE f.destination_id = x.destination_id AND f.key = x.key AND f.outcome IS NULL AND fb.status IN ('sending', 'accepted', 'unknown') LIMIT 1),
             (SELECT c.sync_id FROM contact c WHERE c.destination_id = x.destination_id AND c.key = x.key)))
       RETURNING x.*
     ), newest AS (
       SELECT DISTINCT ON (destination_id, key) * FROM picked ORDER BY destination_id, key, id DESC
     ), queued AS (
       INSERT INTO outbox (destination_id, key, seq, version, sync_id, run_no, attempts, priority, action, email, sms, known, behind, fp, locale, fields, kind, identity, previous_key,
         consent_at, address)
       SELECT n.destination_id, n.key, nextval('outbox_seq'), n.version, n.sync_id, $1, n.attempts, 2, n.action, n.email, n.sms,
         EXISTS (SELECT 1 FROM contact c WHERE c.destination_id = n.destination_id AND c.key = n.key), true, n.fp, n.locale, n.fields, k.id, n.identity,
         CASE WHEN k.form = 2 THEN n.previous_key END, n.consent_at, n.address
       FROM newest n
       LEFT JOIN contact h ON h.destination_id = n.destination_id AND h.key = n.key
       JOIN kind k ON k.destination_id = n.destination_id AND k.action = n.action AND k.shape = COALESCE(n.shape, '')
         -- Consent that has not changed stays unsaid where the platform's own counts, as in staging.
         AND k.form = CASE
           WHEN n.action = 0 AND (h.email, h.sms) = (n.email, n.sms) AND NOT h.unsure AND EXISTS (SELECT 1 FROM kind s WHERE s.destination_id = n.destination_id AND s.form = 1) THEN 1
           WHEN n.action = 0 AND n.previous_key IS NOT NULL AND h.key IS NULL AND EXISTS (SELECT 1 FROM kind s WHERE s.destination_id = n.destination_id AND s.form = 2) THEN 2
           ELSE 0 END
       -- Rejected while something newer of the same contact was under way: it must not come after that.
       WHERE NOT EXISTS (SELECT 1 FROM batch_row f JOIN batch fb ON fb.id = f.batch_id
           WHERE f.destination_id = n.destination_id AND f.key = n.key AND f.outcome IS NULL AND fb.status IN ('sending', 'accepted', 'unknown')
             AND f.version > n.version)
         AND NOT EXISTS (SELECT 1 FROM contact c WHERE c.destination_id = n.destination_id AND c.key = n.key AND c.version > n.version)
       ON CONFLICT (destination_id, key) DO NOTHING RETURNING key
     ), late AS (
       INSERT INTO overtaken (destination_id, key, run_no, version, reason)
       SELECT n.destination_id, n.key, $1, n.version, 'something newer was known already' FROM newest n WHERE NOT EXISTS (SELECT 1 FROM queued q WHERE q.key = n.key)
     ), page AS (
       INSERT INTO page (run_no, no, extracted, invalid, filtered, unchanged, still_rejected, superseded, suppressed, queued)
       SELECT $1, 1, count(*), 0, 0, 0, 0, 0, 0, count(*) FROM newest
     ), moved AS (
       UPDATE run SET pages = 1, extracting = false, extracted_at = clock_timestamp() WHERE no = $1 AND pages = 0
     )
     SELECT count(*) AS queued FROM newest`,
    [runNo, reason, holds],
  );
  return rows[0]?.queued ?? 0;
}
