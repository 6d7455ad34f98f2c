import type { Connection } from './database.js';
import { keyed } from './keyed.js';
import { CONSENT_MARGIN } from './margin.js';
import type { StagePage } from './stage.js';

/** Why rows of a page do not go as the source has them, and how many. */
export interface Withheld {
  /** In words, without anybody's data: a warning of the run. */
  readonly reason: string;
  readonly count: number;
}

/**
 * Of the staged rows, those an opt-out learned elsewhere holds against: by the key it was learned under at this
 * destination, or by address wherever it was learned. A grant passes only where it is certainly newer.
 */
const SUPPRESSED = `
WITH t AS MATERIALIZED (
  SELECT s.ord, s.key, s.email, s.sms, s.consent_at, ${keyed('lower(s.mail)')} AS address FROM stage s LEFT JOIN installation i ON true WHERE s.action = 0
), hit AS MATERIALIZED (
  SELECT t.ord, x.channel, min(COALESCE(d.name || ': ' || x.reason, 'by hand')) AS why,
    bool_or(CASE x.channel WHEN 0 THEN t.email ELSE t.sms END = 2) AS granted
  FROM t CROSS JOIN LATERAL (
    SELECT x.* FROM suppression x WHERE x.lifted_at IS NULL AND x.key = t.key AND x.destination_id = $1
    UNION ALL SELECT x.* FROM suppression x WHERE x.lifted_at IS NULL AND x.address = t.address
  ) x LEFT JOIN destination d ON d.id = x.destination_id AND x.origin <> 'hand'
  WHERE CASE x.channel WHEN 0 THEN t.email ELSE t.sms END <> 1
    AND NOT (CASE x.channel WHEN 0 THEN t.email ELSE t.sms END = 2 AND COALESCE(t.consent_at > x.at + interval '${CONSENT_MARGIN}', false))
  GROUP BY t.ord, x.channel
), clamped AS (
  UPDATE stage s SET email = CASE WHEN h.email THEN 1 ELSE s.email END, sms = CASE WHEN h.sms THEN 1 ELSE s.sms END, withheld = h.granted
  FROM (SELECT ord, bool_or(channel = 0) AS email, bool_or(channel = 1) AS sms, bool_or(granted) AS granted FROM hit GROUP BY ord) h
  WHERE s.ord = h.ord
)
SELECT CASE channel WHEN 0 THEN 'emailConsent' ELSE 'smsConsent' END || ': withheld, as the person opted out (' || why || ')' AS reason, count(*) AS count
FROM hit WHERE granted GROUP BY 1 ORDER BY 1`;

/** Of the staged rows, those of erased persons, unless they gave a new consent since. */
const ERASED = `
WITH hit AS (
  UPDATE stage s SET erased = true
  FROM installation i, sync y
  WHERE y.id = $1 AND s.action = 0 AND EXISTS (
    SELECT 1 FROM tombstone g WHERE g.lifted_at IS NULL AND g.source = y.source AND g.key = ${keyed('s.key')}
      AND NOT COALESCE((s.email = 2 OR s.sms = 2) AND s.consent_at > g.at + interval '${CONSENT_MARGIN}', false)
    UNION ALL SELECT 1 FROM tombstone g WHERE g.lifted_at IS NULL AND g.address = ${keyed('lower(s.mail)')}
      AND NOT COALESCE((s.email = 2 OR s.sms = 2) AND s.consent_at > g.at + interval '${CONSENT_MARGIN}', false))
  RETURNING s.only_if_known
)
SELECT 'erased on request: not sent again' AS reason, count(*) AS count FROM hit WHERE only_if_known IS NULL HAVING count(*) > 0`;

/**
 * Lowers the consent of staged rows that somebody took back elsewhere, and marks those of erased persons. The
 * destination's lock must be held: whoever learns of an opt-out takes it as well, so none is missed in between.
 */
export async function withhold(connection: Connection, page: Pick<StagePage, 'syncId' | 'destinationId'>): Promise<readonly Withheld[]> {
  // A consent of the future would beat every opt-out to come.
  const { rowCount } = await connection.query(`UPDATE stage SET consent_at = NULL WHERE consent_at > clock_timestamp() + interval '${CONSENT_MARGIN}'`);
  const { rows } = await connection.query<{ suppressions: boolean; tombstones: boolean }>(
    'SELECT EXISTS (SELECT 1 FROM suppression WHERE lifted_at IS NULL) AS suppressions, EXISTS (SELECT 1 FROM tombstone WHERE lifted_at IS NULL) AS tombstones');
  const there = rows[0] as { suppressions: boolean; tombstones: boolean };
  const withheld: Withheld[] = (rowCount ?? 0) > 0 ? [{ reason: 'consentAt: in the future', count: rowCount ?? 0 }] : [];
  if (there.suppressions) withheld.push(...(await connection.query<Withheld>(SUPPRESSED, [page.destinationId])).rows);
  if (there.tombstones) withheld.push(...(await connection.query<Withheld>(ERASED, [page.syncId])).rows);
  return withheld;
}
