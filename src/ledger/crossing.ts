import type { RowFailure } from '../destinations/index.js';
import type { Connection } from './database.js';
import { putBack } from './put-back.js';

/** Positions of rows that went while another version of their contact was under way, and were taken. */
export async function crossedRows(connection: Connection, batchId: number, failed: readonly RowFailure[], absent: readonly number[]): Promise<readonly number[]> {
  const { rows } = await connection.query<{ ord: number }>({
    name: 'crossed-rows', text: 'SELECT ord FROM batch_row WHERE batch_id = $1 AND crossed AND outcome IS NULL', values: [batchId],
  });
  const other = new Set([...failed.map((row) => row.ord), ...absent]);
  return rows.map((row) => row.ord).filter((ord) => !other.has(ord));
}

/**
 * Queues rows again that arrived beside an older version of their contact: nobody knows which of the two the platform
 * applied last. They wait until that call has ended. The destination's lock must be held.
 */
export async function sendOnceMore(connection: Connection, batchId: number, ords: readonly number[]): Promise<void> {
  await noteEffects(connection, batchId, ords);
  await putBack(connection, batchId, { ords, fromOrds: [0], bundles: [null], spent: 0, anew: false, crossed: true });
}

/** Notes how long the opt-outs among rows took that the platform has taken now. @param ords absent: of all without an outcome */
export async function noteEffects(connection: Connection, batchId: number, ords?: readonly number[]): Promise<void> {
  await connection.query({
    name: 'opt-out-effects',
    text: `INSERT INTO opt_out_effect (destination_id, version, staged_at)
      SELECT r.destination_id, r.version, r.staged_at FROM batch_row r JOIN batch b ON b.id = r.batch_id
      WHERE r.batch_id = $1 AND r.staged_at IS NOT NULL AND r.outcome IS NULL AND ($2::int[] IS NULL OR r.ord = ANY($2))
        AND (r.email = 1 OR r.sms = 1 OR b.action = 1)`,
    values: [batchId, ords ?? null],
  });
}
