/**
 * The comparing part: ends in `d`, the rows of a staged page (temporary table `stage`) beside the newest known
 * intents, each with its verdict. $1 destination, $2 sync. Changes nothing; open for more parts.
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
 *
 * @param asked.resend whether unchanged rows are sent too
 * @param asked.waiting whether there are waiting rows at all, and likewise `flying` and `rejected`: planned as constants,
 * they spare a page of unchanged rows all probes but one
 */
export const compare = (asked: { readonly [name in 'resend' | 'waiting' | 'flying' | 'rejected']: `$${number}` | 'true' }): string => `
WITH s AS MATERIALIZED (
  SELECT st.ord, st.key, LEAST(COALESCE(st.version, now()), now()) AS version, st.action, st.email, st.sms, st.locale,
    st.fields, st.only_if_known, substr(sha256(convert_to(st.fields, 'UTF8')), 1, 16) AS fp
  FROM stage st
), f AS MATERIALIZED (
  -- The rows of open calls are few: fetched once and hashed.
  SELECT br.key, br.version, br.sync_id, br.fp, br.email, br.sms, b.action
  FROM batch b JOIN batch_row br ON br.batch_id = b.id
  WHERE ${asked.flying} AND b.destination_id = $1 AND b.status IN ('sending', 'accepted', 'unknown') AND br.outcome IS NULL
), j AS NOT MATERIALIZED (
  SELECT s.*,
    o.tid AS o_tid, o.version AS o_version, o.run_no AS o_run, o.priority AS o_priority, o.sync_id AS o_sync, o.seq AS o_seq,
    o.key IS NOT NULL AND (o.fp, o.email, o.sms, o.action) = (s.fp, s.email, s.sms, s.action) AS o_same,
    f.version AS f_version, f.sync_id AS f_sync,
    f.key IS NOT NULL AND (f.fp, f.email, f.sms, f.action) = (s.fp, s.email, s.sms, s.action) AS f_same,
    c.version AS c_version, c.sync_id AS c_sync,
    c.key IS NOT NULL AND s.action = 0 AND (c.fp, c.email, c.sms) = (s.fp, s.email, s.sms) AS c_same,
    r.version AS r_version, r.id IS NOT NULL AS r_open,
    r.id IS NOT NULL AND r.code <> 'invalid' AND (r.fp, r.email, r.sms, r.action) = (s.fp, s.email, s.sms, s.action) AS r_same,
    r.code AS r_code, r.since AS r_since,
    -- The consent the destination is known, or about, to have: a fall against it is an opt-out.
    COALESCE(f.email, c.email) AS known_email, COALESCE(f.sms, c.sms) AS known_sms
  FROM s
  LEFT JOIN f ON f.key = s.key
  -- LATERAL with LIMIT: always a probe of the index, whatever the planner believes of the page's size.
  LEFT JOIN LATERAL (SELECT o.ctid AS tid, o.* FROM outbox o WHERE ${asked.waiting} AND o.destination_id = $1 AND o.key = s.key LIMIT 1) o ON true
  LEFT JOIN LATERAL (SELECT * FROM contact c WHERE c.destination_id = $1 AND c.key = s.key LIMIT 1) c ON true
  LEFT JOIN LATERAL (
    SELECT x.id, x.version, x.fp, x.email, x.sms, x.action, x.code, x.since FROM rejection x
    WHERE ${asked.rejected} AND x.destination_id = $1 AND x.key = s.key AND x.sync_id = $2 AND x.resolved_at IS NULL ORDER BY x.code = 'invalid', x.id DESC LIMIT 1
  ) r ON true
), d AS MATERIALIZED (
  SELECT j.*,
    CASE
      WHEN COALESCE(o_sync, f_sync, c_sync) <> $2
        AND EXISTS (SELECT 1 FROM sync y WHERE y.id = COALESCE(o_sync, f_sync, c_sync) AND NOT y.retired AND y.destination_id = $1)
        THEN CASE WHEN r_same AND r_code = 'owned' THEN 'still' ELSE 'owned' END
      WHEN only_if_known IS NOT NULL AND o_version IS NULL AND f_version IS NULL AND c_version IS NULL THEN 'uninvited'
      WHEN ${asked.resend} AND (version >= o_version OR o_same) IS NOT FALSE AND (version >= f_version OR f_same) IS NOT FALSE THEN 'queue'
      WHEN ${asked.resend} THEN 'overtaken'
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

/** Sent again on purpose, a row is at least as new as whatever is known. */
const VERSION = 'CASE WHEN $5 THEN GREATEST(d.version, d.o_version, d.f_version, d.c_version, d.r_version) ELSE d.version END';

/**
 * Compares a staged page with the newest known intents and acts on it.
 * $1 destination, $2 sync, $3 run, $4 priority, $5 resend, $6 to $8: whether rows wait, are in flight, are rejected.
 */
export const CLASSIFY = `${compare({ resend: '$5', waiting: '$6', flying: '$7', rejected: '$8' })}, replaced AS (
  INSERT INTO overtaken (destination_id, key, run_no, version, reason)
  SELECT $1, key, o_run, o_version, CASE verdict WHEN 'back' THEN 'the source went back to what was sent' ELSE 'a newer version came' END
  FROM d WHERE verdict IN ('queue', 'back') AND o_version IS NOT NULL
), late AS (
  INSERT INTO overtaken (destination_id, key, run_no, version, reason)
  SELECT $1, key, $3, version, 'something newer was known already' FROM d WHERE verdict = 'overtaken'
), dropped AS (
  -- By place: the row is locked, and a join by key can be planned as every row of the queue against every one of the page.
  DELETE FROM outbox o USING d WHERE d.verdict = 'back' AND o.ctid = d.o_tid
), replacing AS (
  UPDATE outbox o SET version = ${VERSION}, seq = CASE WHEN d.opt_out AND o.priority > 0 THEN nextval('outbox_seq') ELSE o.seq END, sync_id = $2, run_no = $3, action = d.action, email = d.email, sms = d.sms, fp = d.fp,
    priority = LEAST(o.priority, CASE WHEN d.opt_out THEN 0 ELSE $4::int END), locale = d.locale, fields = d.fields,
    bundle = NULL, attempts = 0, staged_at = clock_timestamp(), known = d.c_version IS NOT NULL, behind = o.behind OR d.f_version IS NOT NULL
  FROM d WHERE d.verdict = 'queue' AND d.o_version IS NOT NULL AND o.ctid = d.o_tid
), queued AS (
  -- Every inserter holds the destination's lock, so what was not waiting a moment ago is not waiting now.
  INSERT INTO outbox (destination_id, key, seq, version, sync_id, run_no, priority, action, email, sms, known, behind, fp, locale, fields)
  SELECT $1, key, nextval('outbox_seq'), ${VERSION}, $2, $3, CASE WHEN opt_out THEN 0 ELSE $4 END, action, email, sms,
    c_version IS NOT NULL, f_version IS NOT NULL, fp, locale, fields
  FROM d WHERE verdict = 'queue' AND o_version IS NULL
), owned AS (
  INSERT INTO rejection (destination_id, sync_id, run_no, key, code, reason, since, version, action, email, sms, fp, locale, fields)
  SELECT $1, $2, $3, d.key, 'owned',
    'this key already belongs to the sync ' || (SELECT y.name FROM sync y WHERE y.id = COALESCE(d.o_sync, d.f_sync, d.c_sync)) || ' of the same destination',
    CASE WHEN d.r_code = 'owned' THEN d.r_since ELSE clock_timestamp() END, d.version, d.action, d.email, d.sms, d.fp, d.locale, d.fields
  FROM d WHERE verdict = 'owned'
), resolved AS (
  -- A contact that reads differently, or as delivered, leaves the list of rejections by itself.
  UPDATE rejection x SET resolved_at = clock_timestamp(), resolution = 'the source changed'
  FROM d CROSS JOIN LATERAL (
    SELECT r.ctid AS place FROM rejection r
    WHERE r.destination_id = $1 AND r.key = d.key AND r.resolved_at IS NULL AND r.sync_id = $2
      AND (d.verdict IN ('queue', 'back', 'unchanged', 'owned') OR (r.code = 'invalid' AND d.verdict <> 'uninvited'))
    OFFSET 0
  ) open
  WHERE d.r_open AND x.ctid = open.place
)
SELECT verdict, count(*) AS count, count(*) FILTER (WHERE opt_out) AS opt_outs,
  CASE WHEN verdict = 'uninvited' THEN json_agg(json_build_array(key, only_if_known)) END AS uninvited
FROM d GROUP BY verdict`;
