import type { Queryable } from './database.js';
import type { ConsentStanding } from './documents.js';
import { CONSENT_MARGIN } from './margin.js';
import { isoTime } from './reports.js';
import type { SuppressionDocument } from './suppressions.js';

/** What the source says of a contact just now, where somebody has asked it. */
export interface SaidNow {
  /** Its e-mail: opt-outs are kept by address, too. */
  readonly mail: string | null;
  /** When the person said so; ISO 8601. */
  readonly consentAt: string | null;
}

/** Rows by which a contact was meant to reach this destination, or reached it, the latest first. */
const LATEST = `
  SELECT address, consent_at FROM (
    SELECT o.address, o.consent_at, o.version, 0 AS place FROM outbox o WHERE o.destination_id = $1 AND o.key = $2 AND o.action = 0
    UNION ALL SELECT r.address, r.consent_at, r.version, 1 FROM batch_row r WHERE r.destination_id = $1 AND r.key = $2
  ) x ORDER BY place, version DESC LIMIT 1`;

/**
 * The opt-outs that are kept of a contact, by its key at this destination or by its address anywhere, newest first; and
 * whether each holds against the consent in the source: one that is certainly newer passes.
 */
export async function consentStanding(db: Queryable, destinationId: number, key: string, said: SaidNow | null): Promise<ConsentStanding> {
  const { rows } = await db.query<SuppressionDocument & { holds: boolean }>(
    `WITH l AS (${LATEST}), w AS (
       SELECT COALESCE(keyed(lower($3::text)), (SELECT address FROM l)) AS address, CASE WHEN $5 THEN $4::timestamptz ELSE (SELECT consent_at FROM l) END AS consent_at
     )
     SELECT s.id, d.name AS destination, CASE s.channel WHEN 0 THEN 'email' ELSE 'sms' END AS channel, s.key, ${isoTime('s.at')} AS at, s.origin, s.reason,
       ${isoTime('s.learned_at')} AS "learnedAt", NOT COALESCE(w.consent_at > s.at + interval '${CONSENT_MARGIN}', false) AS holds
     FROM w CROSS JOIN suppression s LEFT JOIN destination d ON d.id = s.destination_id
     WHERE s.lifted_at IS NULL AND ((s.destination_id = $1 AND s.key = $2) OR s.address = w.address) ORDER BY s.learned_at DESC, s.id DESC`,
    [destinationId, key, said?.mail ?? null, said?.consentAt ?? null, said !== null],
  );
  const staged = await db.query<{ at: string | null }>(`SELECT ${isoTime('l.consent_at')} AS at FROM (${LATEST}) l`, [destinationId, key]);
  return { consentAt: staged.rows[0]?.at ?? null, suppressions: rows };
}
