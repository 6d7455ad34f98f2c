import { transaction, type Pool, type Queryable } from './database.js';
import { hasReason } from './failures.js';
import { lowerWaiting } from './opt-outs.js';

/** Which open rejections of a sync are to be sent once more. */
export interface RetrySelection {
  /** Only those with this code, or whose words contain it. */
  readonly reason: string | null;
  /** Only these keys. */
  readonly keys: readonly string[] | null;
  /** Contacts with a changed identity stay aside at this destination. */
  readonly holds: boolean;
}

/**
 * Why a rejection is not sent once more: it is mended in the source (`invalid`), its payload has gone by its retention
 * (`expired`), or it is aside for a reason that still holds.
 */
export type RetryObstacle = 'invalid' | 'expired' | 'held' | 'duplicate' | 'erased' | 'owned';

/** The obstacle of rejection `x`, or NULL. @param holds the parameter's place */
const obstacle = (holds: `$${number}`): string => `CASE
    WHEN x.code = 'invalid' THEN 'invalid'
    WHEN x.fields IS NULL THEN 'expired'
    -- Held for good reason: the source changes that, or an id that is learned, or the configuration.
    WHEN x.code = 'held' AND ${holds}::boolean AND NOT EXISTS (
      SELECT 1 FROM contact h WHERE h.destination_id = x.destination_id AND h.key = x.key AND h.platform_id IS NOT NULL) THEN 'held'
    WHEN x.code = 'duplicate' AND EXISTS (SELECT 1 FROM identity i JOIN identity j USING (account_id, identity)
      WHERE i.key = x.key AND i.identity = x.identity AND j.no < i.no) THEN 'duplicate'
    -- An erased person does not come back by a rejection.
    WHEN EXISTS (SELECT 1 FROM tombstone g JOIN sync y ON y.source = g.source WHERE y.id = x.sync_id AND g.lifted_at IS NULL AND g.key = keyed(x.key))
      OR EXISTS (SELECT 1 FROM tombstone g WHERE g.lifted_at IS NULL AND g.address = x.address) THEN 'erased'
    -- A key that another sync still owns would be taken from it.
    WHEN EXISTS (
      SELECT 1 FROM sync y WHERE NOT y.retired AND y.destination_id = x.destination_id AND y.id <> x.sync_id AND y.id = COALESCE(
        (SELECT o.sync_id FROM outbox o WHERE o.destination_id = x.destination_id AND o.key = x.key),
        (SELECT f.sync_id FROM batch_row f JOIN batch fb ON fb.id = f.batch_id
         WHERE f.destination_id = x.destination_id AND f.key = x.key AND f.outcome IS NULL AND fb.status IN ('sending', 'accepted', 'unknown') LIMIT 1),
        (SELECT c.sync_id FROM contact c WHERE c.destination_id = x.destination_id AND c.key = x.key))) THEN 'owned'
  END`;

/** What a retry would find. */
export interface RetryOutlook {
  /** Rejections that are sent once more. */
  readonly retriable: number;
  /** Of the selection, how many are not, by what keeps them. */
  readonly kept: Readonly<Partial<Record<RetryObstacle, number>>>;
}

/** Looks at a selection; chooses and queues nothing. */
export async function retryOutlook(db: Queryable, syncId: number, { reason, keys, holds }: RetrySelection): Promise<RetryOutlook> {
  const { rows } = await db.query<{ obstacle: RetryObstacle | null; count: number }>(
    `SELECT ${obstacle('$4')} AS obstacle, count(*) AS count FROM rejection x
     WHERE x.sync_id = $1 AND x.resolved_at IS NULL AND ${hasReason('$2')} AND ($3::text[] IS NULL OR x.key = ANY ($3)) GROUP BY 1`,
    [syncId, reason, keys, holds],
  );
  const kept = rows.flatMap((row) => (row.obstacle === null ? [] : [[row.obstacle, row.count]]));
  return { retriable: rows.find((row) => row.obstacle === null)?.count ?? 0, kept: Object.fromEntries(kept) as RetryOutlook['kept'] };
}

/** A key that was asked for and is not sent. */
export interface KeptKey {
  /** Its place among the keys that were asked for, from 0. */
  readonly index: number;
  /** `unknown`: no open failure has it; `other`: its failure has another reason than the one asked for. */
  readonly why: RetryObstacle | 'unknown' | 'other';
}

/** Which of the keys of a selection are not sent, in the order they were given; a key that is given twice counts where it stands first. */
export async function keptKeys(db: Queryable, syncId: number, { reason, keys, holds }: RetrySelection & { readonly keys: readonly string[] }): Promise<readonly KeptKey[]> {
  const { rows } = await db.query<KeptKey>(
    `WITH asked AS (SELECT key, (min(ord) - 1)::int AS index FROM unnest($3::text[]) WITH ORDINALITY a (key, ord) GROUP BY key),
     found AS (
       SELECT a.index, x.id, x.id IS NOT NULL AND ${hasReason('$2')} AS meant, CASE WHEN x.id IS NOT NULL THEN ${obstacle('$4')} END AS obstacle
       FROM asked a LEFT JOIN rejection x ON x.sync_id = $1 AND x.key = a.key AND x.resolved_at IS NULL
     )
     SELECT index, CASE WHEN max(id) IS NULL THEN 'unknown' WHEN NOT bool_or(meant) THEN 'other' ELSE min(obstacle) END AS why
     FROM found GROUP BY index HAVING NOT bool_or(meant AND obstacle IS NULL) ORDER BY index`,
    [syncId, reason, keys, holds],
  );
  return rows;
}

/** Notes with each selected rejection which run is to send it once more. To be called in the transaction that opens the run. @returns how many */
export async function chooseRejections(db: Queryable, runId: string, { reason, keys, holds }: RetrySelection): Promise<number> {
  const { rowCount } = await db.query(
    `UPDATE rejection x SET chosen_by = r.no FROM run r
     WHERE r.id = $1 AND x.sync_id = r.sync_id AND x.resolved_at IS NULL AND ${hasReason('$2')} AND ($3::text[] IS NULL OR x.key = ANY ($3)) AND ${obstacle('$4')} IS NULL`,
    [runId, reason, keys, holds],
  );
  return rowCount ?? 0;
}

/**
 * Puts the rejected rows a run has chosen back into the outbox as its own, and writes the page that accounts for them:
 * once, however often it is called. Invalid rows hold no payload and stay: they are fixed at their source.
 * @param holds whether contacts with a changed identity stay aside
 */
export function queueRejections(pool: Pool, runNo: number, holds = false): Promise<number> {
  return transaction(pool, async (connection) => {
    // Whoever adds waiting rows holds this lock (see staging).
    await connection.query(
      'SELECT pg_advisory_xact_lock(796201, s.destination_id) FROM run r JOIN sync s ON s.id = r.sync_id WHERE r.no = $1', [runNo]);
    const queued = await queue(connection, runNo, holds);
    // What was refused long ago may be consent that was taken back since.
    if (queued > 0) await lowerWaiting(connection, runNo);
    return queued;
  });
}

async function queue(db: Queryable, runNo: number, holds: boolean): Promise<number> {
  const { rows } = await db.query<{ queued: number }>(
    `WITH open AS MATERIALIZED (
       SELECT no, sync_id FROM run WHERE no = $1 AND pages = 0 AND extracting FOR UPDATE
     ), picked AS (
       UPDATE rejection x SET resolved_at = clock_timestamp(), resolution = 'tried again'
       FROM open r WHERE x.sync_id = r.sync_id AND x.chosen_by = r.no AND x.resolved_at IS NULL AND ${obstacle('$2')} IS NULL
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
       SELECT $1, 1, (SELECT count(*) FROM newest), 0, 0, 0, 0, 0, 0, (SELECT count(*) FROM newest) FROM open
     ), moved AS (
       UPDATE run SET pages = 1, extracting = false, extracted_at = clock_timestamp() WHERE no = $1 AND pages = 0 AND extracting
     )
     SELECT count(*) AS queued FROM newest`,
    [runNo, holds],
  );
  return rows[0]?.queued ?? 0;
}
