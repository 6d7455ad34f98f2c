import { ACTION, type Receipt, type RowFailure, type RowNote } from '../destinations/index.js';
import { transaction, type Connection, type Pool } from './database.js';
import { crossedRows, noteEffects, sendOnceMore } from './crossing.js';
import { settleErased } from './erase.js';
import { inferFault } from './infer.js';
import type { Lease } from './lease.js';
import { ownBatch, recordCall, type CallRecord } from './own.js';
import { sendAnew } from './put-back.js';
import { reform, separates } from './reform.js';

/**
 * Settles a batch that was answered row by row: the rows in `failed` become rejections, all others are delivered.
 * A batch without failures touches none of its rows.
 * @throws FenceLost
 */
export function settleAnswered(pool: Pool, lease: Lease, batchId: number, answer: Answer, call: CallRecord): Promise<void> {
  const { failed, absent = [], notes = [], receipt } = answer;
  return transaction(pool, async (connection) => {
    const { destinationId, bundle, action } = await ownBatch(connection, lease, batchId);
    const crossed = await crossedRows(connection, batchId, failed, absent);
    const separate = await separates(connection, destinationId);
    const clean = bundle !== null && failed.length + absent.length === 0;
    if (absent.length + crossed.length > 0 || separate || clean || action === ACTION.erase) await connection.query('SELECT pg_advisory_xact_lock(796201, $1)', [destinationId]);
    if (failed.length > 0) await reject(connection, batchId, failed);
    if (absent.length > 0) await sendAnew(connection, batchId, absent);
    if (crossed.length > 0) await sendOnceMore(connection, batchId, crossed);
    if (notes.length > 0) await note(connection, batchId, notes);
    await recordCall(connection, batchId, 'settled', call);
    if (receipt !== undefined) {
      await connection.query('UPDATE batch SET receipt = $2 WHERE id = $1', [
        batchId, JSON.stringify({ inserted: receipt.inserted, updated: receipt.updated, skipped: receipt.skipped }),
      ]);
    }
    await noteEffects(connection, batchId);
    const { rows } = action === ACTION.erase ? await settleErased(connection, batchId) : await connection.query<{ delivered: number }>({
      name: 'settle-delivered',
      text: `WITH r AS MATERIALIZED (
         SELECT * FROM batch_row WHERE batch_id = $1 AND outcome IS NULL
       ), held AS MATERIALIZED (
         SELECT r.*, c.place FROM r
         LEFT JOIN LATERAL (SELECT c.ctid AS place FROM contact c WHERE c.destination_id = r.destination_id AND c.key = r.key LIMIT 1) c ON true
       ), changed AS (
         UPDATE contact c SET batch_id = h.batch_id, ord = h.ord, sync_id = h.sync_id, version = h.version, email = h.email, sms = h.sms,
           fp = h.fp, locale = h.locale, identity = h.identity, unsure = false
         FROM held h WHERE c.ctid = h.place
       ), made AS (
         -- Two versions of a contact are never in flight together, so nobody else makes it now.
         INSERT INTO contact (destination_id, key, batch_id, ord, sync_id, version, email, sms, fp, locale, identity, platform_id)
         SELECT destination_id, key, batch_id, ord, sync_id, version, email, sms, fp, locale, identity,
           -- Under its former key it was the same contact.
           CASE WHEN h.previous_key IS NOT NULL THEN (SELECT p.platform_id FROM contact p WHERE p.destination_id = h.destination_id AND p.key = h.previous_key) END
         FROM held h WHERE place IS NULL
       ), renamed AS (
         -- By place: joined by key, every settlement could be planned as a scan of all contacts.
         DELETE FROM contact c USING (
           SELECT p.place FROM r CROSS JOIN LATERAL (
             SELECT x.ctid AS place FROM contact x WHERE x.destination_id = r.destination_id AND x.key = r.previous_key LIMIT 1
           ) p WHERE r.previous_key IS NOT NULL
         ) gone WHERE c.ctid = gone.place
       ), books AS (
         UPDATE batch_run br SET delivered = br.rows - br.rejected - br.returned WHERE br.batch_id = $1
       ), cleared AS (
         UPDATE rejection x SET resolved_at = clock_timestamp(), resolution = 'delivered'
         -- Another sync's rejection, or a row that reads invalid by now, is not answered by this delivery.
         FROM r WHERE x.destination_id = r.destination_id AND x.key = r.key AND x.resolved_at IS NULL AND x.batch_id IS DISTINCT FROM $1
           AND x.sync_id = r.sync_id AND x.code <> 'invalid'
           -- What is held because it would be another contact there is not answered by what went under the old fields.
           AND (x.code NOT IN ('held', 'duplicate') OR x.identity IS NOT DISTINCT FROM r.identity)
       )
       SELECT count(*) AS delivered FROM r`,
      values: [batchId],
    });
    if (receipt?.ids.length === 1) {
      // Only where the answer speaks of one row is the id certainly that row's.
      await connection.query(
        `UPDATE contact c SET platform_id = $2 FROM batch b JOIN batch_row r ON r.batch_id = b.id
         WHERE b.id = $1 AND b.rows = 1 AND r.outcome IS NULL AND c.destination_id = r.destination_id AND c.key = r.key`,
        [batchId, receipt.ids[0]],
      );
    }
    if (separate) await reform(connection, batchId);
    if (clean) await inferFault(connection, bundle);
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

/** What was answered for the rows of a batch; those not named were taken. */
export interface Answer {
  readonly failed: readonly RowFailure[];
  /** Positions of rows whose contact the platform does not hold: sent again as new ones. */
  readonly absent?: readonly number[];
  readonly notes?: readonly RowNote[];
  readonly receipt?: Receipt;
}

/** What the platform said of rows it took, kept with them. */
async function note(connection: Connection, batchId: number, notes: readonly RowNote[]): Promise<void> {
  await connection.query(
    `INSERT INTO row_note (run_no, batch_id, ord, reason)
     SELECT r.run_no, $1, n.ord, n.reason FROM unnest($2::int[], $3::text[]) AS n (ord, reason) JOIN batch_row r ON r.batch_id = $1 AND r.ord = n.ord`,
    [batchId, notes.map((one) => one.ord), notes.map((one) => one.reason)],
  );
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
         AND x.sync_id = r.sync_id AND x.code <> 'invalid' AND (x.code NOT IN ('held', 'duplicate') OR x.identity IS NOT DISTINCT FROM r.identity)
       RETURNING x.key, x.since
     ), doubted AS (
       -- Taken for held only because an earlier call had no answer: the platform has said what it makes of it.
       DELETE FROM contact c USING r, batch_row d WHERE c.destination_id = r.destination_id AND c.key = r.key AND c.unsure AND c.identity = r.identity
         AND d.batch_id = c.batch_id AND d.ord = c.ord AND d.outcome = 3
     ), made AS (
       INSERT INTO rejection (destination_id, sync_id, run_no, batch_id, key, code, reason, attempts, since, version, action, email, sms, fp, locale, fields, previous_key, identity, shape, consent_at, address)
       SELECT r.destination_id, r.sync_id, r.run_no, $1, r.key, r.code, r.reason, r.attempts + 1,
         COALESCE((SELECT min(e.since) FROM earlier e WHERE e.key = r.key), clock_timestamp()),
         r.version, (SELECT action FROM batch WHERE id = $1), r.email, r.sms, r.fp, r.locale, r.fields, r.previous_key, r.identity,
         (SELECT k.shape FROM batch b JOIN kind k ON k.id = b.kind WHERE b.id = $1), r.consent_at, r.address FROM r
     )
     UPDATE batch_run b SET rejected = b.rejected + n.count
     FROM (SELECT run_no, count(*) AS count FROM r GROUP BY run_no) n WHERE b.batch_id = $1 AND b.run_no = n.run_no`,
    [batchId, failed.map((row) => row.ord), failed.map((row) => row.code), failed.map((row) => row.reason)],
  );
}

/** Rejects every row of a batch for one reason: a single row that was refused beside a witness. @throws FenceLost */
export function settleRejected(pool: Pool, lease: Lease, batchId: number, code: string, reason: string, call: CallRecord): Promise<void> {
  return transaction(pool, async (connection) => {
    const { destinationId } = await ownBatch(connection, lease, batchId);
    const { rows } = await connection.query<{ ord: number }>('SELECT ord FROM batch_row WHERE batch_id = $1 AND outcome IS NULL', [batchId]);
    await reject(connection, batchId, rows.map((row) => ({ ord: row.ord, code, reason })));
    await recordCall(connection, batchId, 'settled', call);
    if (await separates(connection, destinationId)) await reform(connection, batchId);
  });
}

/** Holds a batch whose outcome nobody knows until its settle delay has passed. @throws FenceLost */
export function holdUnknown(pool: Pool, lease: Lease, batchId: number, settleDelayMs: number, call: CallRecord): Promise<void> {
  return transaction(pool, async (connection) => {
    await ownBatch(connection, lease, batchId);
    await recordCall(connection, batchId, 'unknown', call);
    await connection.query(
      // A webhook may have told the reference before the cut: then the platform can be asked.
      `UPDATE batch SET settle_at = clock_timestamp() + make_interval(secs => $2::float8 / 1000),
         status = CASE WHEN reference IS NULL THEN 'unknown' ELSE 'accepted' END WHERE id = $1`,
      [batchId, settleDelayMs],
    );
  });
}
