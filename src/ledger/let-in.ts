import type { Queryable } from './database.js';
import { CONSENT_MARGIN } from './margin.js';

/** The consent that is sent is newer than the opt-out, or somebody lifted that; and the platform has not been told yet. */
const LETS_IN = `s.destination_id = r.destination_id AND s.channel = 0 AND s.let_in_at IS NULL AND (s.key = r.key OR s.address = r.address)
  AND (s.lifted_by = 'hand' OR (s.lifted_at IS NULL AND r.consent_at > s.at + interval '${CONSENT_MARGIN}'))`;

/** The opt-out holds against what is about to be sent: it was learned after the row was claimed. */
const HOLDS = `s.channel = 0 AND s.lifted_at IS NULL AND ((s.destination_id = r.destination_id AND s.key = r.key) OR s.address = r.address)
  AND NOT COALESCE(r.consent_at > s.at + interval '${CONSENT_MARGIN}', false)`;

/** Rows of a call that grant e-mail to people this very platform had on its list: positions, ascending. */
export async function regrants(db: Queryable, batchId: number): Promise<readonly number[]> {
  const { rows } = await db.query<{ ord: number }>({
    name: 'regrants',
    text: `SELECT DISTINCT r.ord FROM batch_row r JOIN suppression s ON ${LETS_IN}
      WHERE r.batch_id = $1 AND r.email = 2 AND NOT EXISTS (SELECT 1 FROM suppression s WHERE ${HOLDS}) ORDER BY r.ord`,
    values: [batchId],
  });
  return rows.map((row) => row.ord);
}

/** Notes that the platform's list has let go of a row's contact: until the next opt-out it need not be told again. */
export async function noteLetIn(db: Queryable, batchId: number, ord: number): Promise<void> {
  await db.query(
    `UPDATE suppression s SET let_in_at = clock_timestamp() FROM batch_row r
     WHERE r.batch_id = $1 AND r.ord = $2 AND ${LETS_IN}`,
    [batchId, ord],
  );
}

/** Whether somebody whom a call is about to opt in has opted out since its rows were claimed. */
export async function takenBack(db: Queryable, batchId: number): Promise<boolean> {
  const { rows } = await db.query<{ taken: boolean }>(
    `SELECT EXISTS (SELECT 1 FROM batch_row r JOIN suppression s ON ${HOLDS} WHERE r.batch_id = $1 AND r.email = 2) AS taken`, [batchId]);
  return rows[0]?.taken ?? false;
}
