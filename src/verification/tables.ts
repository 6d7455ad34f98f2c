/**
 * The working tables, temporary on the verification's own connection. "C" collation: keys are compared as bytes.
 * `n` is the order of reading. The hash stands for the fields in the big join, so that it carries no payload.
 * A connection that has staged pages keeps its temp_buffers: Postgres changes them only before the first temporary table.
 */
export const CREATE_TABLES = `
DO $$ BEGIN SET temp_buffers = '32MB'; EXCEPTION WHEN invalid_parameter_value THEN NULL; END $$;
SET work_mem = '64MB';
CREATE TEMP TABLE expected (
  n int NOT NULL, key text COLLATE "C" NOT NULL, locale text NOT NULL, opted_in boolean, sms_in boolean, version timestamptz, fields text,
  hash bigint GENERATED ALWAYS AS (hashtextextended(fields, 0)) STORED
);
CREATE TEMP TABLE found (
  n int NOT NULL, key text COLLATE "C" NOT NULL, locale text NOT NULL, opted_in boolean NOT NULL, sms_in boolean, fields text NOT NULL,
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
