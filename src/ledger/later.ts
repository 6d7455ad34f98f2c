import { transaction, type Pool, type Queryable } from './database.js';
import { inferFault } from './infer.js';
import type { Lease } from './lease.js';
import { ownBatch, recordCall, type CallRecord } from './own.js';

/** An accepted batch whose result is asked for. */
export interface DuePoll {
  readonly id: number;
  readonly destinationId: number;
  readonly destination: string;
  readonly reference: string;
  readonly rows: number;
  /** How often it was asked for before. */
  readonly polls: number;
  readonly bundle: number | null;
  /** Milliseconds since it was accepted. */
  readonly ageMs: number;
}

export interface Acceptance {
  readonly reference: string;
  readonly notes: readonly string[];
  /** Positions of rows whose id the platform does not know. */
  readonly unknownIds: readonly number[];
  /** Milliseconds until it is first asked for the result. */
  readonly pollInMs: number;
  /** Milliseconds until the result counts as never coming. */
  readonly withinMs: number;
}

/**
 * Notes that a platform took a batch and will tell the result later. Its rows stay in flight; it stands as a witness that
 * calls of this configuration are taken.
 * @throws FenceLost
 */
export function recordAccepted(pool: Pool, lease: Lease, batchId: number, accepted: Acceptance, call: CallRecord): Promise<void> {
  return transaction(pool, async (connection) => {
    const { destinationId, bundle } = await ownBatch(connection, lease, batchId);
    if (bundle !== null) await connection.query('SELECT pg_advisory_xact_lock(796201, $1)', [destinationId]);
    await recordCall(connection, batchId, 'accepted', call);
    const notes = accepted.notes.length > 0 ? JSON.stringify(accepted.notes) : null;
    await connection.query(
      // A webhook may have been faster than the answer: then it is asked for at once.
      `UPDATE batch SET reference = $2, notes = $3, settle_at = clock_timestamp() + make_interval(secs => $4::float8 / 1000),
         poll_at = LEAST(poll_at, clock_timestamp() + make_interval(secs => $5::float8 / 1000)) WHERE id = $1`,
      [batchId, accepted.reference, notes, accepted.withinMs, Math.min(accepted.pollInMs, accepted.withinMs / 2)],
    );
    if (accepted.unknownIds.length > 0) {
      await connection.query(
        `UPDATE contact c SET platform_id = NULL FROM batch_row r
         WHERE r.batch_id = $1 AND r.ord = ANY($2) AND c.destination_id = r.destination_id AND c.key = r.key`,
        [batchId, accepted.unknownIds],
      );
    }
    if (bundle !== null) await inferFault(connection, bundle);
    await connection.query('UPDATE account SET last_success_at = clock_timestamp(), failures = 0 WHERE id = $1', [lease.accountId]);
    await connection.query('UPDATE destination SET witness_at = clock_timestamp(), notes = $2 WHERE id = $1', [destinationId, notes]);
  });
}

/** Accepted batches that are to be asked for now, the longest due first. */
export async function duePolls(db: Queryable, accountId: number, limit: number): Promise<readonly DuePoll[]> {
  const { rows } = await db.query<DuePoll>({
    name: 'due-polls',
    text: `SELECT b.id, b.destination_id AS "destinationId", d.name AS destination, b.reference, b.rows, b.polls, b.bundle,
        (EXTRACT(EPOCH FROM clock_timestamp() - b.answered_at) * 1000)::float8 AS "ageMs"
      FROM batch b JOIN destination d ON d.id = b.destination_id
      WHERE b.account_id = $1 AND b.status = 'accepted' AND COALESCE(b.poll_at, '-infinity') <= clock_timestamp() ORDER BY b.poll_at LIMIT $2`,
    values: [accountId, limit],
  });
  return rows;
}

/** Asked in vain: asks again later, and in any case once when the time for a result is over. */
export async function pollLater(db: Queryable, lease: Lease, batchId: number, inMs: number): Promise<void> {
  await db.query(
    `UPDATE batch SET polls = polls + 1,
       poll_at = CASE WHEN settle_at > clock_timestamp() THEN LEAST(settle_at, clock_timestamp() + make_interval(secs => $3::float8 / 1000))
         ELSE clock_timestamp() + make_interval(secs => $3::float8 / 1000) END
     WHERE id = $1 AND account_id = $2 AND status = 'accepted'`,
    [batchId, lease.accountId, inMs],
  );
}

/**
 * Accepted batches whose result never came, though it was asked for when its time was over: nobody knows what became of
 * them. One that nobody could ask for (no worker was there) is asked for first.
 * @returns how many
 */
export async function expireAccepted(db: Queryable, lease: Lease, settleDelayMs: number): Promise<number> {
  const { rowCount } = await db.query({
    name: 'expire-accepted',
    text: `UPDATE batch SET status = 'unknown', outcome = 'unknown', message = 'accepted, but its result never came',
        settle_at = clock_timestamp() + make_interval(secs => $2::float8 / 1000)
      WHERE account_id = $1 AND status = 'accepted' AND settle_at <= clock_timestamp() AND poll_at > settle_at`,
    values: [lease.accountId, settleDelayMs],
  });
  return rowCount ?? 0;
}

/**
 * A genuine webhook spoke of a batch: its result is asked for at once. It decides nothing by itself, so coming twice or
 * late does no harm; before the answer, it tells the reference of a call that may then be cut.
 * @returns the account whose lane should look; null where nothing of this destination is open under that id
 */
export async function noteWebhook(db: Queryable, destination: string, batchId: number, reference: string | null): Promise<string | null> {
  const { rows } = await db.query<{ account: string }>(
    `UPDATE batch b SET poll_at = clock_timestamp(), reference = COALESCE(b.reference, $3),
       status = CASE WHEN b.status = 'unknown' AND COALESCE(b.reference, $3) IS NOT NULL THEN 'accepted' ELSE b.status END,
       -- Time to ask, where it was about to be given up.
       settle_at = CASE WHEN b.status = 'unknown' THEN GREATEST(b.settle_at, clock_timestamp() + interval '30 seconds') ELSE b.settle_at END
     FROM destination d JOIN account a ON a.id = d.account_id
     WHERE b.id = $2 AND d.id = b.destination_id AND d.name = $1 AND b.status IN ('sending', 'accepted', 'unknown')
     RETURNING a.name AS account`,
    [destination, batchId, reference],
  );
  return rows[0]?.account ?? null;
}
