/**
 * A key belongs to whoever has it waiting, else to whoever delivered it; a retired sync's key passes to the one that
 * expects it. SQL for: the key is another sync's. $1 destination, $2 sync.
 */
const theirs = (owner: string, wanted: string): string => `${owner} <> $2 AND NOT (${wanted} AND EXISTS (
      SELECT 1 FROM sync y WHERE y.id = ${owner} AND (y.retired OR y.destination_id <> $1)
    ))`;

/**
 * Lists what a sample is drawn from: every contact that should be there, and every one the ledger says was put there
 * (or erased). Only those of ours that have no row waiting or under way get a rank to be drawn by.
 * $1 destination, $2 sync.
 */
export const LIST_CANDIDATES = `
CREATE TEMP TABLE candidate AS
SELECT key, locale, false AS drawn, CASE WHEN drawable THEN row_number() OVER (PARTITION BY drawable ORDER BY key) - 1 END AS rank
FROM (
  SELECT k.key, COALESCE(e.locale, NULLIF(c.locale, ''), 'none') AS locale,
    p.key IS NULL AND (${theirs('c.sync_id', 'e.key IS NOT NULL')}) IS NOT TRUE AS drawable
  FROM (SELECT key FROM expected UNION SELECT key FROM contact WHERE destination_id = $1 AND sync_id = $2) k
  LEFT JOIN expected e ON e.key = k.key
  LEFT JOIN pending p ON p.key = k.key
  LEFT JOIN contact c ON c.destination_id = $1 AND c.key = k.key
) k`;

/** Marks the candidates of these ranks as drawn. $1 ranks. */
export const DRAW = 'UPDATE candidate k SET drawn = true FROM unnest($1::bigint[]) AS r (rank) WHERE k.rank = r.rank';

const FULL = {
  key: 'COALESCE(e.key, f.key, p.key)',
  drawnFrom: 'NULL::text',
  unread: 'false',
  sides: `expected e
  FULL JOIN found f ON f.key = e.key
  FULL JOIN pending p ON p.key = COALESCE(e.key, f.key)`,
};

const SAMPLE = {
  key: 'COALESCE(k.key, p.key)',
  drawnFrom: 'k.locale',
  unread: 'k.key IS NOT NULL AND NOT k.drawn',
  sides: `candidate k
  FULL JOIN pending p ON p.key = k.key
  LEFT JOIN expected e ON e.key = k.key
  LEFT JOIN found f ON f.key = k.key`,
};

/**
 * Brings both sides together, one row a key, and sorts each by what it means; see the table in `verify.ts`.
 * $1 destination, $2 sync. `at_expected` and `at_found` lead back to the payloads without an index.
 */
const pairUp = ({ key, drawnFrom, unread, sides }: typeof FULL): string => `
CREATE TEMP TABLE pair AS
WITH erasing AS MATERIALIZED (
  SELECT id FROM batch WHERE destination_id = $1 AND action = 1
), erased AS MATERIALIZED (
  SELECT DISTINCT r.key FROM erasing b JOIN batch_row r ON r.batch_id = b.id
  WHERE r.sync_id = $2 AND r.outcome IS DISTINCT FROM 2 AND r.outcome IS DISTINCT FROM 3
), side AS (
  SELECT ${key} AS key, ${drawnFrom} AS drawn_from, ${unread} AS unread,
    e.locale AS expected_locale, f.locale AS found_locale, p.locale AS pending_locale,
    e.key IS NOT NULL AS wanted, e.opted_in AS wants_in, e.sms_in AS wants_sms, e.fields IS NULL AS unsendable,
    f.key IS NOT NULL AS there, COALESCE(f.opted_in, false) AS is_in, f.sms_in AS is_sms,
    e.hash IS DISTINCT FROM f.hash OR e.locale <> f.locale OR COALESCE(e.sms_in <> f.sms_in, false) AS unlike,
    p.key IS NOT NULL AS waits, p.sync_id AS waits_for, c.sync_id AS delivered_by,
    c.key IS NOT NULL AND c.batch_id NOT IN (SELECT id FROM erasing) AS delivered, c.email = 2 AS held_in,
    x.key IS NOT NULL AS erased, e.ctid AS at_expected, f.ctid AS at_found
  FROM ${sides}
  LEFT JOIN contact c ON c.destination_id = $1 AND c.key = ${key}
  LEFT JOIN erased x ON x.key = ${key}
), owned AS (
  SELECT s.*, COALESCE(waits_for, delivered_by) = $2 OR erased AND COALESCE(waits_for, delivered_by) IS NULL AS ours,
    ${theirs('COALESCE(s.waits_for, s.delivered_by)', 's.wanted')} AS theirs
  FROM side s
)
SELECT row_number() OVER () AS id, key, drawn_from, expected_locale, found_locale, pending_locale, wanted, there, wants_in, is_in, wants_sms, is_sms,
  delivered AND ours AND held_in AS held_in, erased, at_expected, at_found,
  CASE
    WHEN theirs THEN 'theirs'
    WHEN there AND NOT wanted AND ours IS NOT TRUE THEN 'foreign'
    WHEN waits THEN 'pending'
    WHEN unread THEN 'unread'
    WHEN NOT wanted THEN CASE WHEN is_in THEN 'unexpected' ELSE 'alike' END
    WHEN NOT there THEN CASE WHEN wants_in IS NOT FALSE OR (delivered AND ours) THEN 'missing' ELSE 'alike' END
    WHEN wants_in AND NOT is_in THEN 'missing'
    WHEN NOT wants_in AND is_in THEN 'unexpected'
    WHEN unsendable THEN 'different'
    WHEN unlike THEN 'unlike'
    ELSE 'alike'
  END AS kind
FROM owned`;

/** Where all of the destination was read. */
export const PAIR_UP = pairUp(FULL);
/** Where only the drawn candidates were read. */
export const PAIR_UP_SAMPLE = pairUp(SAMPLE);
