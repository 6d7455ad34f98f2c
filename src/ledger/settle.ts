import type { RowFailure } from '../destinations/index.js';
import { transaction, type Connection, type Pool } from './database.js';
import type { Lease } from './lease.js';

/** What is written about the call itself. */
export interface CallRecord {
  readonly outcome: string;
  readonly httpStatus: number | null;
  readonly message: string | null;
}

/** Somebody else drives the account now; nothing was written. */
export class FenceLost extends Error {
  override readonly name = 'FenceLost';
}

/** The batch is open and ours, or the transaction ends. A batch that was adopted carries the adopter's fence. */
async function own(connection: Connection, lease: Lease, batchId: number): Promise<number> {
  const { rows } = await connection.query<{ destination_id: number }>(
    `SELECT b.destination_id FROM batch b JOIN account a ON a.id = b.account_id
     WHERE b.id = $1 AND b.status IN ('sending', 'accepted', 'unknown') AND b.fence <= $2 AND a.fence = $2 AND a.id = $3 FOR UPDATE OF b`,
    [batchId, lease.fence, lease.accountId],
  );
  if (!rows[0]) throw new FenceLost('the batch is no longer this driver\'s to settle');
  return rows[0].destination_id;
}

async function recordCall(connection: Connection, batchId: number, status: string, call: CallRecord): Promise<void> {
  await connection.query(
    `UPDATE batch SET status = $2, outcome = COALESCE(outcome, $3), http_status = COALESCE($4, http_status), message = COALESCE($5, message),
       answered_at = COALESCE(answered_at, clock_timestamp()),
       settled_at = CASE WHEN $2 IN ('sending', 'accepted', 'unknown') THEN NULL ELSE clock_timestamp() END
     WHERE id = $1`,
    [batchId, status, call.outcome, call.httpStatus, call.message],
  );
}

/**
 * Settles a batch that was answered row by row: the rows in `failed` become rejections, all others are delivered.
 * A batch without failures touches none of its rows.
 * @throws FenceLost
 */
export function settleAnswered(pool: Pool, lease: Lease, batchId: number, failed: readonly RowFailure[], call: CallRecord): Promise<void> {
  return transaction(pool, async (connection) => {
    const destinationId = await own(connection, lease, batchId);
    if (failed.length > 0) await reject(connection, batchId, failed);
    await recordCall(connection, batchId, 'settled', call);
    const { rows } = await connection.query<{ delivered: number }>({
      name: 'settle-delivered',
      text: `WITH r AS MATERIALIZED (
         SELECT * FROM batch_row WHERE batch_id = $1 AND outcome IS NULL
       ), held AS MATERIALIZED (
         SELECT r.*, c.place FROM r
         LEFT JOIN LATERAL (SELECT c.ctid AS place FROM contact c WHERE c.destination_id = r.destination_id AND c.key = r.key LIMIT 1) c ON true
       ), changed AS (
         UPDATE contact c SET batch_id = h.batch_id, ord = h.ord, sync_id = h.sync_id, version = h.version, email = h.email, sms = h.sms,
           fp = h.fp, locale = h.locale
         FROM held h WHERE c.ctid = h.place
       ), made AS (
         -- Two versions of a contact are never in flight together, so nobody else makes it now.
         INSERT INTO contact (destination_id, key, batch_id, ord, sync_id, version, email, sms, fp, locale)
         SELECT destination_id, key, batch_id, ord, sync_id, version, email, sms, fp, locale FROM held WHERE place IS NULL
       ), books AS (
         UPDATE batch_run br SET delivered = br.rows - br.rejected - br.returned WHERE br.batch_id = $1
       ), cleared AS (
         UPDATE rejection x SET resolved_at = clock_timestamp(), resolution = 'delivered'
         -- Another sync's rejection, or a row that reads invalid by now, is not answered by this delivery.
         FROM r WHERE x.destination_id = r.destination_id AND x.key = r.key AND x.resolved_at IS NULL AND x.batch_id IS DISTINCT FROM $1
           AND x.sync_id = r.sync_id AND x.code <> 'invalid'
       )
       SELECT count(*) AS delivered FROM r`,
      values: [batchId],
    });
    // Settlements run side by side: these rows are written only when they say something new, last, and in the order
    // in which registering a sync locks them.
    await connection.query(
      `UPDATE account SET last_success_at = clock_timestamp(), failures = 0
       WHERE id = $1 AND (failures > 0 OR last_success_at < clock_timestamp() - interval '100 milliseconds')`,
      [lease.accountId],
    );
    if (rows[0]?.delivered === 0) return;
    await connection.query(
      `UPDATE destination SET witness_at = clock_timestamp()
       WHERE id = $2 AND (witness_at < clock_timestamp() - interval '100 milliseconds' OR EXISTS (
         SELECT 1 FROM batch b WHERE b.id = $1 AND b.bundle IS NOT NULL))`,
      [batchId, destinationId],
    );
  });
}

/** Turns rows into rejections with their payload and reason, and keeps the books. */
async function reject(connection: Connection, batchId: number, failed: readonly RowFailure[]): Promise<void> {
  await connection.query(
    `WITH f AS (
       SELECT * FROM unnest($2::int[], $3::text[], $4::text[]) AS f (ord, code, reason)
     ), r AS (
       UPDATE batch_row br SET outcome = 2 FROM f WHERE br.batch_id = $1 AND br.ord = f.ord AND br.outcome IS NULL
       RETURNING br.*, f.code, f.reason
     ), earlier AS (
       UPDATE rejection x SET resolved_at = clock_timestamp(), resolution = 'refused again'
       FROM r WHERE x.destination_id = r.destination_id AND x.key = r.key AND x.resolved_at IS NULL
         AND x.sync_id = r.sync_id AND x.code <> 'invalid'
       RETURNING x.key, x.since
     ), made AS (
       INSERT INTO rejection (destination_id, sync_id, run_no, batch_id, key, code, reason, attempts, since, version, action, email, sms, fp, locale, fields)
       SELECT r.destination_id, r.sync_id, r.run_no, $1, r.key, r.code, r.reason, r.attempts + 1,
         COALESCE((SELECT min(e.since) FROM earlier e WHERE e.key = r.key), clock_timestamp()),
         r.version, (SELECT action FROM batch WHERE id = $1), r.email, r.sms, r.fp, r.locale, r.fields FROM r
     )
     UPDATE batch_run b SET rejected = b.rejected + n.count
     FROM (SELECT run_no, count(*) AS count FROM r GROUP BY run_no) n WHERE b.batch_id = $1 AND b.run_no = n.run_no`,
    [batchId, failed.map((row) => row.ord), failed.map((row) => row.code), failed.map((row) => row.reason)],
  );
}

/** Rejects every row of a batch for one reason: a single row that was refused beside a witness. @throws FenceLost */
export function settleRejected(pool: Pool, lease: Lease, batchId: number, code: string, reason: string, call: CallRecord): Promise<void> {
  return transaction(pool, async (connection) => {
    await own(connection, lease, batchId);
    const { rows } = await connection.query<{ ord: number }>('SELECT ord FROM batch_row WHERE batch_id = $1 AND outcome IS NULL', [batchId]);
    await reject(connection, batchId, rows.map((row) => ({ ord: row.ord, code, reason })));
    await recordCall(connection, batchId, 'settled', call);
  });
}

/** Holds a batch whose outcome nobody knows until its settle delay has passed. @throws FenceLost */
export function holdUnknown(pool: Pool, lease: Lease, batchId: number, settleDelayMs: number, call: CallRecord): Promise<void> {
  return transaction(pool, async (connection) => {
    await own(connection, lease, batchId);
    await recordCall(connection, batchId, 'unknown', call);
    await connection.query('UPDATE batch SET settle_at = clock_timestamp() + make_interval(secs => $2::float8 / 1000) WHERE id = $1', [batchId, settleDelayMs]);
  });
}

/** Where the rows of a batch go when they go back to the outbox. */
export interface ReturnPart {
  /** Rows from this position on, up to the next part. */
  readonly fromOrd: number;
  /** null: into the open queue, free to fill any call. */
  readonly bundle: { readonly tries: number; readonly suspect: boolean; readonly delayMs: number } | null;
}

export interface ReturnPlan {
  readonly status: 'refused' | 'split' | 'settled';
  /** Ascending by `fromOrd`, the first 0. */
  readonly parts: readonly ReturnPart[];
  /** Whether this call counts as an attempt of its rows. */
  readonly spendsAttempt: boolean;
  /** The search these rows belong to began with this call, or with an earlier one. */
  readonly keepRootOf: number | null;
}

/**
 * Puts the rows of a batch back into the outbox, in parts. A row that something newer replaced meanwhile is overtaken.
 * @throws FenceLost
 */
export function returnRows(pool: Pool, lease: Lease, batchId: number, plan: ReturnPlan, call: CallRecord): Promise<void> {
  return transaction(pool, async (connection) => {
    const destinationId = await own(connection, lease, batchId);
    await connection.query('SELECT pg_advisory_xact_lock(796201, $1)', [destinationId]);
    const bundles: (number | null)[] = [];
    for (const part of plan.parts) {
      if (part.bundle === null) bundles.push(null);
      else {
        const { rows } = await connection.query<{ id: number }>(
          `INSERT INTO bundle (destination_id, root_at, tries, suspect, not_before)
           SELECT b.destination_id, COALESCE((SELECT p.root_at FROM bundle p WHERE p.id = $2), b.started_at), $3, $4::boolean,
             CASE WHEN $4::boolean THEN 'infinity' ELSE clock_timestamp() + make_interval(secs => $5::float8 / 1000) END
           FROM batch b WHERE b.id = $1 RETURNING id`,
          [batchId, plan.keepRootOf, part.bundle.tries, part.bundle.suspect, part.bundle.delayMs],
        );
        bundles.push((rows[0] as { id: number }).id);
      }
    }
    await connection.query(
      `WITH parts AS (
         SELECT ord AS from_ord, lead(ord) OVER (ORDER BY ord) AS to_ord, bundle FROM unnest($2::int[], $3::bigint[]) AS p (ord, bundle)
       ), r AS MATERIALIZED (
         UPDATE batch_row br SET outcome = 3 WHERE br.batch_id = $1 AND br.outcome IS NULL RETURNING br.*
       ), back AS (
         INSERT INTO outbox (destination_id, key, seq, version, bundle, sync_id, run_no, attempts, priority, action, email, sms, known, fp, locale, fields)
         SELECT r.destination_id, r.key, r.seq, r.version, p.bundle, r.sync_id, r.run_no, r.attempts + $4, r.priority,
           (SELECT action FROM batch WHERE id = $1), r.email, r.sms, r.known, r.fp, r.locale, r.fields
         FROM r JOIN parts p ON r.ord >= p.from_ord AND (p.to_ord IS NULL OR r.ord < p.to_ord)
         ON CONFLICT (destination_id, key) DO UPDATE SET priority = LEAST(outbox.priority, excluded.priority)
         RETURNING key, (xmax = 0) AS inserted
       ), lost AS (
         INSERT INTO overtaken (destination_id, key, run_no, version, batch_id, reason)
         SELECT r.destination_id, r.key, r.run_no, r.version, $1, 'a newer version came while it was under way'
         FROM r JOIN back ON back.key = r.key AND NOT back.inserted
       )
       UPDATE batch_run b SET returned = b.returned + n.count
       FROM (SELECT run_no, count(*) AS count FROM r GROUP BY run_no) n WHERE b.batch_id = $1 AND b.run_no = n.run_no`,
      [batchId, plan.parts.map((part) => part.fromOrd), bundles, plan.spendsAttempt ? 1 : 0],
    );
    await recordCall(connection, batchId, plan.status, call);
  });
}
