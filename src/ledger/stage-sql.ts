/**
 * The comparing part: ends in `d`, the rows of a staged page (temporary table `stage`) beside the newest known
 * intents, each with its verdict. $1 destination, $2 sync, $5 resend. Changes nothing; open for more parts.
 *
 * The order of comparison is the promise: waiting row, in-flight row, delivered state, open rejection.
 *
 * | verdict | what it means |
 * | unchanged | equal to the newest intent |
 * | still | equal to an open rejection: it would be refused again |
 * | back | the source went back to what is delivered (or under way) while a change waits: the change is dropped |
 * | overtaken | older than what is known |
 * | owned | the key belongs to another sync of this destination |
 * | uninvited | meant only for a contact the destination holds, and it does not |
 * | queue | replaces a waiting row or becomes one |
 *
 * A row's version is never later than now: a time in the future would beat every correction of it.
 */
export const COMPARE = `
WITH s AS MATERIALIZED (
  SELECT st.ord, st.key, LEAST(COALESCE(st.version, now()), now()) AS version, st.action, st.email, st.sms, st.locale,
    st.fields, st.only_if_known, substr(sha256(convert_to(st.fields, 'UTF8')), 1, 16) AS fp
  FROM stage st
), j AS MATERIALIZED (
  SELECT s.*,
    o.version AS o_version, o.run_no AS o_run, o.priority AS o_priority, o.sync_id AS o_sync, o.seq AS o_seq,
    o.key IS NOT NULL AND (o.fp, o.email, o.sms, o.action) = (s.fp, s.email, s.sms, s.action) AS o_same,
    f.version AS f_version, f.sync_id AS f_sync,
    f.key IS NOT NULL AND (f.fp, f.email, f.sms, f.action) = (s.fp, s.email, s.sms, s.action) AS f_same,
    c.version AS c_version, c.sync_id AS c_sync,
    c.key IS NOT NULL AND s.action = 0 AND (c.fp, c.email, c.sms) = (s.fp, s.email, s.sms) AS c_same,
    r.version AS r_version,
    r.id IS NOT NULL AND (r.fp, r.email, r.sms, r.action) = (s.fp, s.email, s.sms, s.action) AS r_same,
    r.code AS r_code,
    -- The consent the destination is known, or about, to have: a fall against it is an opt-out.
    COALESCE(f.email, c.email) AS known_email, COALESCE(f.sms, c.sms) AS known_sms
  FROM s
  LEFT JOIN outbox o ON o.destination_id = $1 AND o.key = s.key
  LEFT JOIN LATERAL (
    SELECT br.key, br.version, br.sync_id, br.fp, br.email, br.sms, b.action
    FROM batch_row br JOIN batch b ON b.id = br.batch_id
    WHERE br.destination_id = $1 AND br.key = s.key AND br.outcome IS NULL AND b.status IN ('sending', 'accepted', 'unknown')
    LIMIT 1
  ) f ON true
  LEFT JOIN contact c ON c.destination_id = $1 AND c.key = s.key
  LEFT JOIN LATERAL (
    SELECT x.id, x.version, x.fp, x.email, x.sms, x.action, x.code
    FROM rejection x WHERE x.destination_id = $1 AND x.key = s.key AND x.resolved_at IS NULL AND x.code <> 'invalid'
    ORDER BY x.id DESC LIMIT 1
  ) r ON true
), d AS MATERIALIZED (
  SELECT j.*,
    CASE
      WHEN COALESCE(o_sync, f_sync, c_sync) <> $2
        AND EXISTS (SELECT 1 FROM sync y WHERE y.id = COALESCE(o_sync, f_sync, c_sync) AND NOT y.retired AND y.destination_id = $1)
        THEN CASE WHEN r_same AND r_code = 'owned' THEN 'still' ELSE 'owned' END
      WHEN only_if_known IS NOT NULL AND o_version IS NULL AND f_version IS NULL AND c_version IS NULL THEN 'uninvited'
      WHEN $5 THEN 'queue'
      WHEN o_version IS NOT NULL THEN
        CASE
          WHEN o_same THEN 'unchanged'
          WHEN version < o_version THEN 'overtaken'
          WHEN f_same OR (f_version IS NULL AND c_same) THEN 'back'
          ELSE 'queue'
        END
      WHEN f_version IS NOT NULL THEN
        CASE WHEN f_same THEN 'unchanged' WHEN version < f_version THEN 'overtaken' ELSE 'queue' END
      WHEN c_same THEN 'unchanged'
      WHEN r_same THEN 'still'
      WHEN version < GREATEST(c_version, r_version) THEN 'overtaken'
      ELSE 'queue'
    END AS verdict,
    (known_email = 2 AND email < 2) OR (known_sms = 2 AND sms < 2) OR action = 1 AS opt_out
  FROM j
)`;

/**
 * Compares a staged page with the newest known intents and acts on it.
 * $1 destination, $2 sync, $3 run, $4 priority, $5 resend.
 */
export const CLASSIFY = `${COMPARE}, replaced AS (
  INSERT INTO overtaken (destination_id, key, run_no, version, reason)
  SELECT $1, key, o_run, o_version, CASE verdict WHEN 'back' THEN 'the source went back to what was sent' ELSE 'a newer version came' END
  FROM d WHERE verdict IN ('queue', 'back') AND o_version IS NOT NULL
), late AS (
  INSERT INTO overtaken (destination_id, key, run_no, version, reason)
  SELECT $1, key, $3, version, 'something newer was known already' FROM d WHERE verdict = 'overtaken'
), dropped AS (
  DELETE FROM outbox o USING d WHERE d.verdict = 'back' AND o.destination_id = $1 AND o.key = d.key
), queued AS (
  INSERT INTO outbox (destination_id, key, seq, version, sync_id, run_no, priority, action, email, sms, fp, locale, fields)
  SELECT $1, key, COALESCE(o_seq, nextval('outbox_seq')),
    CASE WHEN $5 THEN GREATEST(version, o_version, f_version, c_version, r_version) ELSE version END, $2, $3,
    LEAST(CASE WHEN opt_out THEN 0 ELSE $4 END, COALESCE(o_priority, 9)), action, email, sms, fp, locale, fields
  FROM d WHERE verdict = 'queue' ORDER BY ord
  ON CONFLICT (destination_id, key) DO UPDATE SET
    version = excluded.version, sync_id = excluded.sync_id, run_no = excluded.run_no, priority = excluded.priority,
    action = excluded.action, email = excluded.email, sms = excluded.sms, fp = excluded.fp, locale = excluded.locale,
    fields = excluded.fields, bundle = NULL, attempts = 0, staged_at = excluded.staged_at
), owned AS (
  INSERT INTO rejection (destination_id, sync_id, run_no, key, code, reason, version, action, email, sms, fp, locale, fields)
  SELECT $1, $2, $3, d.key, 'owned',
    'this key already belongs to the sync ' || (SELECT y.name FROM sync y WHERE y.id = COALESCE(d.o_sync, d.f_sync, d.c_sync)) || ' of the same destination',
    d.version, d.action, d.email, d.sms, d.fp, d.locale, d.fields
  FROM d WHERE verdict = 'owned'
), resolved AS (
  -- A contact that reads differently, or as delivered, leaves the list of rejections by itself.
  UPDATE rejection x SET resolved_at = clock_timestamp(), resolution = 'the source changed'
  FROM d WHERE x.destination_id = $1 AND x.key = d.key AND x.resolved_at IS NULL
    AND (d.verdict IN ('queue', 'back') OR (d.verdict = 'unchanged') OR (x.code = 'invalid' AND d.verdict <> 'uninvited'))
    AND x.sync_id = $2
)
SELECT verdict, count(*) AS count, count(*) FILTER (WHERE opt_out) AS opt_outs,
  CASE WHEN verdict = 'uninvited' THEN json_agg(json_build_array(key, only_if_known)) END AS uninvited
FROM d GROUP BY verdict`;
