import type { Connection } from './database.js';
import type { Action } from '../destinations/index.js';
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

/** A batch that is ours to settle. */
export interface OwnBatch {
  readonly destinationId: number;
  readonly bundle: number | null;
  readonly action: Action;
}

/** The batch is open and ours, or the transaction ends. A batch that was adopted carries the adopter's fence. */
export async function ownBatch(connection: Connection, lease: Lease, batchId: number): Promise<OwnBatch> {
  const { rows } = await connection.query<OwnBatch>(
    `SELECT b.destination_id AS "destinationId", b.bundle, b.action FROM batch b JOIN account a ON a.id = b.account_id
     WHERE b.id = $1 AND b.status IN ('sending', 'accepted', 'unknown') AND b.fence <= $2 AND a.fence = $2 AND a.id = $3 FOR UPDATE OF b`,
    [batchId, lease.fence, lease.accountId],
  );
  if (!rows[0]) throw new FenceLost('the batch is no longer this driver\'s to settle');
  return rows[0];
}

/** Writes down how a call ended. */
export async function recordCall(connection: Connection, batchId: number, status: string, call: CallRecord): Promise<void> {
  await connection.query(
    `UPDATE batch SET status = $2, outcome = COALESCE(outcome, $3), http_status = COALESCE($4, http_status), message = COALESCE($5, message),
       answered_at = COALESCE(answered_at, clock_timestamp()),
       settled_at = CASE WHEN $2 IN ('sending', 'accepted', 'unknown') THEN NULL ELSE clock_timestamp() END
     WHERE id = $1`,
    [batchId, status, call.outcome, call.httpStatus, call.message],
  );
}
