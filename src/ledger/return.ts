import { transaction, type Connection, type Pool } from './database.js';
import type { Lease } from './lease.js';
import { ownBatch, recordCall, type CallRecord } from './own.js';
import { putBack } from './put-back.js';
import { reform, separates } from './reform.js';
import { settleAnswered } from './settle.js';

/** Where the rows of a batch go when they go back to the outbox. */
export interface ReturnPart {
  /** Rows from this position on, up to the next part. */
  readonly fromOrd: number;
  /** null: into the open queue, free to fill any call. */
  readonly bundle: { readonly tries: number; readonly suspect: boolean; readonly delayMs: number } | null;
}

export interface ReturnPlan {
  /** `settled`: nobody knows whether the call arrived; otherwise it certainly did not. */
  readonly status: 'refused' | 'split' | 'settled';
  /** Ascending by `fromOrd`, the first 0. */
  readonly parts: readonly ReturnPart[];
  /** Whether this call counts as an attempt of its rows. */
  readonly spendsAttempt: boolean;
  /** The search these rows belong to began with this call, or with an earlier one. */
  readonly keepRootOf: number | null;
  /** The platform refused the call for what is in it: the fault is in one of the parts. */
  readonly faulty?: boolean;
}

/**
 * Puts the rows of a batch back into the outbox, in parts. A row that something newer replaced meanwhile is overtaken.
 * @throws FenceLost
 */
export function returnRows(pool: Pool, lease: Lease, batchId: number, plan: ReturnPlan, call: CallRecord): Promise<void> {
  return transaction(pool, async (connection) => {
    const { destinationId } = await ownBatch(connection, lease, batchId);
    await connection.query('SELECT pg_advisory_xact_lock(796201, $1)', [destinationId]);
    const bundles: (number | null)[] = [];
    for (const part of plan.parts) {
      if (part.bundle === null) bundles.push(null);
      else {
        const { rows } = await connection.query<{ id: number }>(
          `INSERT INTO bundle (destination_id, root_at, tries, suspect, not_before, split_of)
           SELECT b.destination_id, COALESCE((SELECT p.root_at FROM bundle p WHERE p.id = $2), b.started_at), $3, $4::boolean,
             CASE WHEN $4::boolean THEN 'infinity' ELSE clock_timestamp() + make_interval(secs => $5::float8 / 1000) END, $6
           FROM batch b WHERE b.id = $1 RETURNING id`,
          [batchId, plan.keepRootOf, part.bundle.tries, part.bundle.suspect, part.bundle.delayMs, plan.faulty === true ? batchId : null],
        );
        bundles.push((rows[0] as { id: number }).id);
      }
    }
    await putBack(connection, batchId, { ords: null, fromOrds: plan.parts.map((part) => part.fromOrd), bundles, spent: plan.spendsAttempt ? 1 : 0, anew: false });
    if (plan.status === 'settled') await doubt(connection, batchId);
    await recordCall(connection, batchId, plan.status, call);
    if (await separates(connection, destinationId)) await reform(connection, batchId);
  });
}

/** The rows of a batch may have arrived or not: until one is delivered, their contacts are not what the ledger knows of them. */
async function doubt(connection: Connection, batchId: number): Promise<void> {
  await connection.query(
    `UPDATE contact c SET unsure = true FROM batch_row r
     WHERE r.batch_id = $1 AND r.outcome = 3 AND c.destination_id = r.destination_id AND c.key IN (r.key, r.previous_key)`,
    [batchId],
  );
  // Where the platform knows contacts by their identity, one that may have arrived may stand there under it for good:
  // if it changes before the next call, what was sent must still be reached.
  await connection.query(
    `INSERT INTO contact (destination_id, key, batch_id, ord, sync_id, version, email, sms, fp, locale, identity, unsure)
     SELECT r.destination_id, r.key, r.batch_id, r.ord, r.sync_id, r.version, r.email, r.sms, r.fp, r.locale, r.identity, true
     FROM batch_row r JOIN batch b ON b.id = r.batch_id WHERE r.batch_id = $1 AND r.outcome = 3 AND r.identity IS NOT NULL AND b.action = 0
     ON CONFLICT (destination_id, key) DO NOTHING`,
    [batchId],
  );
}

/** Settles a call nobody answered, of which the platform could be asked: the given rows arrived, the others go again. @throws FenceLost */
export function settleLanded(pool: Pool, lease: Lease, batchId: number, landed: readonly number[], call: CallRecord): Promise<void> {
  return transaction(pool, async (connection) => {
    const { destinationId } = await ownBatch(connection, lease, batchId);
    await connection.query('SELECT pg_advisory_xact_lock(796201, $1)', [destinationId]);
    const { rows } = await connection.query<{ ord: number }>(
      'SELECT ord FROM batch_row WHERE batch_id = $1 AND outcome IS NULL AND NOT (ord = ANY($2))', [batchId, landed]);
    if (rows.length > 0) await putBack(connection, batchId, { ords: rows.map((row) => row.ord), fromOrds: [0], bundles: [null], spent: 1, anew: false });
  }).then(() => settleAnswered(pool, lease, batchId, { failed: [] }, call));
}
