/**
 * The working tables, temporary on the verification's own connection. "C" collation: keys are compared as bytes.
 * `n` is the order of reading. The hash stands for the fields in the big join, so that it carries no payload.
 * A connection that has staged pages keeps its temp_buffers: Postgres changes them only before the first temporary table.
 */
export const CREATE_TABLES = `
DO $$ BEGIN SET temp_buffers = '32MB'; EXCEPTION WHEN invalid_parameter_value THEN NULL; END $$;
SET work_mem = '64MB';
CREATE TEMP TABLE expected (
  n int NOT NULL, key text COLLATE "C" NOT NULL, locale text NOT NULL, opted_in boolean, version timestamptz, fields text,
  hash bigint GENERATED ALWAYS AS (hashtextextended(fields, 0)) STORED
);
CREATE TEMP TABLE found (
  n int NOT NULL, key text COLLATE "C" NOT NULL, locale text NOT NULL, opted_in boolean NOT NULL, fields text NOT NULL,
  hash bigint GENERATED ALWAYS AS (hashtextextended(fields, 0)) STORED
);
CREATE TEMP TABLE pending (key text COLLATE "C" PRIMARY KEY, sync_id int NOT NULL, locale text NOT NULL);
CREATE TEMP TABLE differing (pair bigint PRIMARY KEY, names text[] NOT NULL)`;

/** Contacts with a row waiting or under way, as it is now. $1 destination. */
const UNDER_WAY = `
  SELECT o.key, o.sync_id, o.locale FROM outbox o WHERE o.destination_id = $1
  UNION ALL
  SELECT r.key, r.sync_id, r.locale FROM batch b JOIN batch_row r ON r.batch_id = b.id
  WHERE b.destination_id = $1 AND b.status IN ('sending', 'accepted', 'unknown') AND r.outcome IS DISTINCT FROM 2`;

/** What is pending before anything is read. $1 destination. */
export const PENDING_BEFORE = `
INSERT INTO pending SELECT key, sync_id, COALESCE(NULLIF(locale, ''), 'none') FROM (${UNDER_WAY}) u ON CONFLICT DO NOTHING`;

/**
 * What was rejected while we read is no longer pending: it is really not there.
 * $1 destination, $2 start of the verification.
 */
export const PENDING_REJECTED = `
DELETE FROM pending p USING rejection x
WHERE x.destination_id = $1 AND x.key = p.key AND x.resolved_at IS NULL AND x.at >= $2`;

/**
 * What came meanwhile, or came and went: its contact was read at two moments that need not agree.
 * $1 destination, $2 start of the verification.
 */
export const PENDING_AFTER = `
INSERT INTO pending SELECT key, sync_id, COALESCE(NULLIF(locale, ''), 'none') FROM (${UNDER_WAY}
  UNION ALL
  SELECT r.key, r.sync_id, r.locale FROM batch b JOIN batch_row r ON r.batch_id = b.id
  WHERE b.destination_id = $1 AND b.settled_at >= $2 AND r.outcome IS DISTINCT FROM 2
) u ON CONFLICT DO NOTHING`;

/** Keeps the newest version of a key that was read twice; most reads have none. */
export const DROP_REPEATED_EXPECTED = `
WITH twice AS MATERIALIZED (SELECT key FROM expected GROUP BY key HAVING count(*) > 1)
DELETE FROM expected e USING (
  SELECT n, row_number() OVER (PARTITION BY key ORDER BY version DESC NULLS FIRST, n DESC) AS rank
  FROM expected JOIN twice USING (key)
) d WHERE e.n = d.n AND d.rank > 1`;

/** Pages of a platform may repeat a contact: the last one read counts. */
export const DROP_REPEATED_FOUND = `
WITH twice AS MATERIALIZED (SELECT key, max(n) AS last FROM found GROUP BY key HAVING count(*) > 1)
DELETE FROM found f USING twice t WHERE f.key = t.key AND f.n < t.last`;

/**
 * Brings both sides together, one row a key, and sorts each by what it means; see the table in `kinds.ts`.
 * $1 destination, $2 sync.
 *
 * A key belongs to whoever has it waiting, else to whoever delivered it; a retired sync's key passes to
 * the one that expects it. `at_expected` and `at_found` lead back to the payloads without an index.
 */
export const PAIR_UP = `
CREATE TEMP TABLE pair AS
WITH erasing AS MATERIALIZED (
  SELECT id FROM batch WHERE destination_id = $1 AND action = 1
), erased AS MATERIALIZED (
  SELECT DISTINCT r.key FROM erasing b JOIN batch_row r ON r.batch_id = b.id
  WHERE r.sync_id = $2 AND r.outcome IS DISTINCT FROM 2 AND r.outcome IS DISTINCT FROM 3
), side AS (
  SELECT COALESCE(e.key, f.key, p.key) AS key, e.locale AS expected_locale, f.locale AS found_locale, p.locale AS pending_locale,
    e.key IS NOT NULL AS wanted, e.opted_in AS wants_in, e.fields IS NULL AS unsendable,
    f.key IS NOT NULL AS there, COALESCE(f.opted_in, false) AS is_in,
    e.hash IS DISTINCT FROM f.hash OR e.locale <> f.locale AS unlike,
    p.key IS NOT NULL AS waits, p.sync_id AS waits_for, c.sync_id AS delivered_by,
    c.key IS NOT NULL AND c.batch_id NOT IN (SELECT id FROM erasing) AS delivered,
    x.key IS NOT NULL AS erased, e.ctid AS at_expected, f.ctid AS at_found
  FROM expected e
  FULL JOIN found f ON f.key = e.key
  FULL JOIN pending p ON p.key = COALESCE(e.key, f.key)
  LEFT JOIN contact c ON c.destination_id = $1 AND c.key = COALESCE(e.key, f.key, p.key)
  LEFT JOIN erased x ON x.key = COALESCE(e.key, f.key, p.key)
), owned AS (
  SELECT s.*, COALESCE(waits_for, delivered_by) = $2 OR erased AND COALESCE(waits_for, delivered_by) IS NULL AS ours,
    COALESCE(waits_for, delivered_by) <> $2 AND NOT (wanted AND EXISTS (
      SELECT 1 FROM sync y WHERE y.id = COALESCE(s.waits_for, s.delivered_by) AND (y.retired OR y.destination_id <> $1)
    )) AS theirs
  FROM side s
)
SELECT row_number() OVER () AS id, key, expected_locale, found_locale, pending_locale, wanted, there, wants_in, is_in, erased, at_expected, at_found,
  CASE
    WHEN theirs THEN 'theirs'
    WHEN there AND NOT wanted AND ours IS NOT TRUE THEN 'foreign'
    WHEN waits THEN 'pending'
    WHEN NOT wanted THEN CASE WHEN is_in THEN 'unexpected' ELSE 'alike' END
    WHEN NOT there THEN CASE WHEN wants_in IS NOT FALSE OR (delivered AND ours) THEN 'missing' ELSE 'alike' END
    WHEN wants_in AND NOT is_in THEN 'missing'
    WHEN NOT wants_in AND is_in THEN 'unexpected'
    WHEN unsendable THEN 'different'
    WHEN unlike THEN 'unlike'
    ELSE 'alike'
  END AS kind
FROM owned`;
