import { transaction, type Pool } from './database.js';
import type { StageRow } from './stage.js';
import { STAGE_TABLE } from './stage-copy.js';
import { withhold } from './withhold.js';

/**
 * Rows as a run would send them now: with the consent that opt-outs learned elsewhere leave of theirs, and without erased
 * persons. Stores nothing. Ids are null where the ledger knows none.
 */
export async function effectiveRows<Row extends Pick<StageRow, 'key' | 'emailConsent' | 'smsConsent' | 'mail' | 'consentAt'>>(
  pool: Pool, at: { readonly destinationId: number; readonly syncId: number }, rows: readonly Row[],
): Promise<readonly Row[]> {
  const { rows: there } = await pool.query<{ any: boolean }>(
    'SELECT EXISTS (SELECT 1 FROM suppression WHERE lifted_at IS NULL) OR EXISTS (SELECT 1 FROM tombstone WHERE lifted_at IS NULL) AS any');
  if (there[0]?.any !== true || rows.length === 0) return rows;
  return transaction(pool, async (connection) => {
    await connection.query(`CREATE TEMP TABLE IF NOT EXISTS ${STAGE_TABLE}`);
    await connection.query(
      `INSERT INTO stage (ord, key, action, email, sms, mail, consent_at)
       SELECT o - 1, key, 0, email, sms, mail, consent_at
       FROM unnest($1::text[], $2::smallint[], $3::smallint[], $4::text[], $5::timestamptz[]) WITH ORDINALITY AS u (key, email, sms, mail, consent_at, o)`,
      [
        rows.map((row) => row.key), rows.map((row) => row.emailConsent), rows.map((row) => row.smsConsent), rows.map((row) => row.mail ?? null),
        rows.map((row) => row.consentAt ?? null),
      ],
    );
    await withhold(connection, at);
    const { rows: stand } = await connection.query<{ emailConsent: Row['emailConsent']; smsConsent: Row['smsConsent']; erased: boolean }>(
      'SELECT email AS "emailConsent", sms AS "smsConsent", erased FROM stage ORDER BY ord');
    return rows.flatMap((row, ord) => {
      const { erased, ...consents } = stand[ord] as (typeof stand)[number];
      return erased ? [] : [{ ...row, ...consents }];
    });
  });
}
