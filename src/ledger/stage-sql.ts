import { keyed } from './keyed.js';

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
 * | duplicate | the platform takes it for another contact, `owner` |
 * | held | the platform would take it for a new contact, as its identity changed and its id there is not known |
 * | rises | would opt a known contact in: put aside until the run has been judged |
 * | excess | the run would do more than it may without asking: not staged |
 * | suppressed | nothing is left to send: the person took back what the source grants, or was erased |
 * | uninvited | meant only for a contact the destination holds, and it does not |
 * | queue | replaces a waiting row or becomes one |
 *
 * A row's version is never later than now: a time in the future would beat every correction of it.
 *
 * @param asked.resend whether unchanged rows are sent too
 * @param asked.waiting whether there are waiting rows at all, and likewise `flying` and `rejected`: planned as constants,
 * they spare a page of unchanged rows all probes but one
 * @param asked.separates whether rows whose consent did not change go without it
 * @param asked.lowers whether consent goes with every row that grants nothing, changed or not (a repair)
 * @param asked.renames whether a changed key is told to the platform
 * @param asked.holds whether a contact with a changed identity is held
 * @param asked.guards 0: the run is not judged; 1: opt-ins of known contacts are put aside; 2: it is over its limits
 * @param asked.remapped whether a row that is as old as what is delivered, with the same consent, differs by a changed
 * mapping alone, which sends nothing by itself
 */
export const compare = (asked: {
  readonly [name in 'resend' | 'waiting' | 'flying' | 'rejected' | 'separates' | 'lowers' | 'renames' | 'holds' | 'remapped']: `$${number}` | 'true' | 'false'
} & { readonly guards: `$${number}` | '0' }): string => `
WITH s AS MATERIALIZED (
  SELECT st.ord, st.key, LEAST(COALESCE(st.version, now()), now()) AS version, st.action, st.email, st.sms, st.locale,
    st.fields, st.only_if_known, COALESCE(st.shape, '') AS shape, st.previous_key, st.identity, st.owner, substr(sha256(convert_to(st.fields, 'UTF8')), 1, 16) AS fp,
    st.consent_at, st.withheld, st.erased, CASE WHEN st.mail IS NOT NULL THEN ${keyed('lower(st.mail)')} END AS address
  FROM stage st LEFT JOIN installation i ON true
), open AS MATERIALIZED (
  -- The rows of open calls are few: fetched once and hashed.
  SELECT br.key, br.version, br.sync_id, br.fp, br.email, br.sms, br.identity, br.previous_key, b.action, br.crossed IS TRUE AS crossed
  FROM batch b JOIN batch_row br ON br.batch_id = b.id
  WHERE ${asked.flying} AND b.destination_id = $1 AND b.status IN ('sending', 'accepted', 'unknown') AND br.outcome IS NULL
), f AS MATERIALIZED (
  -- An opt-out can be under way beside what it crossed: it is the newer.
  SELECT * FROM open WHERE crossed OR key NOT IN (SELECT key FROM open WHERE crossed)
), j AS NOT MATERIALIZED (
  SELECT s.*,
    o.tid AS o_tid, o.version AS o_version, o.run_no AS o_run, o.priority AS o_priority, o.sync_id AS o_sync, o.seq AS o_seq, o.crossed AS o_crossed, o.action AS o_action, f.action AS f_action, o.email AS o_email, o.sms AS o_sms,
    o.key IS NOT NULL AND (o.fp, o.email, o.sms, o.action) = (s.fp, s.email, s.sms, s.action) AS o_same,
    -- Held for ever: an old ledger brought it along, and nobody has read it since.
    o.not_before = 'infinity' AS o_parked,
    f.version AS f_version, f.sync_id AS f_sync,
    f.key IS NOT NULL AND (f.fp, f.email, f.sms, f.action) = (s.fp, s.email, s.sms, s.action) AS f_same,
    c.version AS c_version, c.sync_id AS c_sync, c.identity AS c_identity, c.platform_id AS c_id,
    f.identity AS f_identity, pf.key IS NOT NULL AS previous_flying, n.former,
    -- What the destination holds under the key this row gives or takes over.
    COALESCE(c.email, pc.email) AS held_email, COALESCE(c.sms, pc.sms) AS held_sms, pc.version AS p_version,
    ${asked.renames} AND n.former IS NOT NULL AND s.action = 0 AND c.key IS NULL AS renames,
    c.key IS NOT NULL AND NOT c.unsure AND s.action = 0 AND (c.fp, c.email, c.sms) = (s.fp, s.email, s.sms) AS c_same,
    COALESCE(c.unsure, pc.unsure, false) AS unsure,
    -- Sent once more only because nobody knows whether it arrived: no change.
    c.key IS NOT NULL AND c.unsure AND s.action = 0 AND (c.fp, c.email, c.sms) = (s.fp, s.email, s.sms) AS again,
    r.version AS r_version, r.id IS NOT NULL AS r_open,
    r.id IS NOT NULL AND r.code <> 'invalid' AND (r.fp, r.email, r.sms, r.action) = (s.fp, s.email, s.sms, s.action) AS r_same,
    r.code AS r_code, r.since AS r_since,
    -- The consent the destination is known, or about, to have: a fall against it is an opt-out.
    COALESCE(f.email, c.email, pf.email, pc.email) AS known_email, COALESCE(f.sms, c.sms, pf.sms, pc.sms) AS known_sms
  FROM s
  LEFT JOIN f ON f.key = s.key
  -- LATERAL with LIMIT: always a probe of the index, whatever the planner believes of the page's size.
  LEFT JOIN LATERAL (SELECT o.ctid AS tid, o.* FROM outbox o WHERE ${asked.waiting} AND o.destination_id = $1 AND o.key = s.key LIMIT 1) o ON true
  -- A change of key that is not done yet is not forgotten because the source no longer speaks of it.
  CROSS JOIN LATERAL (SELECT COALESCE(s.previous_key, o.previous_key, f.previous_key) AS former) n
  -- Looked for where there is a former key only: most rows have none, and joined it could be every row against every open one.
  LEFT JOIN LATERAL (SELECT x.* FROM f x WHERE n.former IS NOT NULL AND x.key = n.former AND x.sync_id = $2 LIMIT 1) pf ON true
  LEFT JOIN LATERAL (
    SELECT * FROM contact c WHERE ${asked.renames} AND n.former IS NOT NULL AND c.destination_id = $1 AND c.key = n.former AND c.sync_id = $2 LIMIT 1
  ) pc ON true
  LEFT JOIN LATERAL (SELECT * FROM contact c WHERE c.destination_id = $1 AND c.key = s.key LIMIT 1) c ON true
  LEFT JOIN LATERAL (
    SELECT x.id, x.version, x.fp, x.email, x.sms, x.action, x.code, x.since FROM rejection x
    WHERE ${asked.rejected} AND x.destination_id = $1 AND x.key = s.key AND x.sync_id = $2 AND x.resolved_at IS NULL ORDER BY x.code = 'invalid', x.id DESC LIMIT 1
  ) r ON true
), v AS MATERIALIZED (
  SELECT j.*,
    CASE
      WHEN owner IS NOT NULL THEN CASE WHEN r_same AND r_code = 'duplicate' THEN 'still' ELSE 'duplicate' END
      WHEN COALESCE(o_sync, f_sync, c_sync) <> $2
        AND EXISTS (SELECT 1 FROM sync y WHERE y.id = COALESCE(o_sync, f_sync, c_sync) AND NOT y.retired AND y.destination_id = $1)
        THEN CASE WHEN r_same AND r_code = 'owned' THEN 'still' ELSE 'owned' END
      WHEN only_if_known IS NOT NULL AND o_version IS NULL AND f_version IS NULL AND c_version IS NULL THEN 'uninvited'
      WHEN erased AND action = 0 AND NOT COALESCE(((known_email = 2 AND email < 2) OR (known_sms = 2 AND sms < 2))
        AND o_action IS DISTINCT FROM 1 AND f_action IS DISTINCT FROM 1, false) THEN 'suppressed'
      WHEN ${asked.resend} AND (version >= o_version OR o_same) IS NOT FALSE AND (version >= f_version OR f_same) IS NOT FALSE THEN 'queue'
      WHEN ${asked.resend} THEN 'overtaken'
      WHEN o_version IS NOT NULL THEN
        CASE
          WHEN o_same AND NOT o_parked THEN 'unchanged'
          WHEN version < o_version THEN 'overtaken'
          -- What crossed an open call has changed the contact there: going back to before must be said.
          WHEN (f_same OR (f_version IS NULL AND c_same)) AND NOT o_crossed THEN 'back'
          ELSE 'queue'
        END
      WHEN f_version IS NOT NULL THEN
        CASE WHEN f_same THEN 'unchanged' WHEN version < f_version THEN 'overtaken' ELSE 'queue' END
      WHEN c_same THEN 'unchanged'
      WHEN ${asked.remapped} AND action = 0 AND version = c_version AND (held_email, held_sms) = (email, sms)
        AND c_identity IS NOT DISTINCT FROM identity AND former IS NULL AND NOT r_open AND NOT unsure THEN 'unchanged'
      -- What was set aside may be free by now.
      WHEN r_same AND r_code NOT IN ('owned', 'duplicate', 'held') THEN 'still'
      WHEN version < GREATEST(c_version, CASE WHEN r_code NOT IN ('held', 'duplicate') THEN r_version END) THEN 'overtaken'
      ELSE 'queue'
    END AS wanted,
    (known_email = 2 AND email < 2) OR (known_sms = 2 AND sms < 2) OR action = 1 AS opt_out,
    -- Taken back before it was sent: nobody is mailed by it, and yet it goes first.
    (o_email = 2 AND email < 2) OR (o_sms = 2 AND sms < 2) AS withdrawn,
    -- A grant, against what the destination is known, or about, to have.
    action = 0 AND COALESCE((email = 2 AND known_email <> 2) OR (sms = 2 AND known_sms <> 2), false) AS rise,
    COALESCE(c_version, CASE WHEN renames THEN p_version END) IS NOT NULL AND again IS NOT TRUE AS known_there,
    -- Bit 1: without consent, to a contact that is held with the same; bit 2: changes its key.
    CASE WHEN renames AND f_version IS NULL THEN 2 ELSE 0 END + CASE
      WHEN ${asked.separates} AND action = 0 AND NOT unsure AND f_version IS NULL AND NOT previous_flying AND COALESCE(c_version, CASE WHEN renames THEN p_version END) IS NOT NULL
        AND (held_email, held_sms) = (email, sms) AND NOT (${asked.lowers} AND email <> 2 AND sms <> 2) THEN 1 ELSE 0 END AS form
  FROM j
), d AS MATERIALIZED (
  SELECT v.*, CASE
      WHEN wanted = 'queue' AND ${asked.holds} AND action = 0 AND c_id IS NULL AND COALESCE(f_identity, c_identity) <> identity
        THEN CASE WHEN r_same AND r_code = 'held' THEN 'still' ELSE 'held' END
      WHEN wanted = 'unchanged' AND withheld THEN 'suppressed'
      -- What somebody took back goes at once, whatever else the row says.
      WHEN wanted = 'queue' AND ${asked.guards} > 0 AND opt_out IS NOT TRUE AND withdrawn IS NOT TRUE AND (rise OR (${asked.guards} = 2 AND known_there))
        THEN CASE WHEN ${asked.guards} = 2 THEN 'excess' ELSE 'rises' END
      ELSE wanted
    END AS verdict
  FROM v
)`;

/** Sent again on purpose, a row is at least as new as whatever is known. */
const VERSION = 'CASE WHEN $5 THEN GREATEST(d.version, d.o_version, d.f_version, d.c_version, d.r_version) ELSE d.version END';

/**
 * Compares a staged page with the newest known intents and acts on it.
 * $1 destination, $2 sync, $3 run, $4 priority, $5 resend, $6 to $8: whether rows wait, are in flight, are rejected,
 * $9 to $12: the destination's ways, $13 whether the mapping changed, $14 how the run is judged, $15 whether runs have contacts put aside. Every kind a row can be of must be there.
 */
export const CLASSIFY = `${compare({
  resend: '$5', waiting: '$6', flying: '$7', rejected: '$8', separates: '$9', lowers: '$10', renames: '$11', holds: '$12', remapped: '$13', guards: '$14',
})}, q AS MATERIALIZED (
  -- Of a row that opts out of one channel and into the other, the opt-out goes at once and alone.
  SELECT d.*, k.id AS kind, CASE WHEN $14::int > 0 AND d.rise AND d.email = 2 AND d.known_email <> 2 THEN d.known_email ELSE d.email END AS sent_email,
    CASE WHEN $14::int > 0 AND d.rise AND d.sms = 2 AND d.known_sms <> 2 THEN d.known_sms ELSE d.sms END AS sent_sms FROM d
  LEFT JOIN kind k ON k.destination_id = $1 AND k.action = d.action AND k.form = d.form AND k.shape = d.shape
  WHERE d.verdict = 'queue'
), put_aside AS (
  -- Of two versions in one run the newer was read last, and has superseded the other.
  INSERT INTO rise (run_no, destination_id, ord, key, version, action, email, sms, locale, only_if_known, fields, shape, previous_key, identity, mail, consent_at)
  SELECT $3, $1, s.ord, s.key, d.version, s.action, s.email, s.sms, s.locale, s.only_if_known, s.fields, s.shape, s.previous_key, s.identity, s.mail, s.consent_at
  FROM d JOIN stage s ON s.ord = d.ord WHERE $14::int = 1 AND d.rise AND d.verdict IN ('rises', 'queue')
  ON CONFLICT DO NOTHING
), outdated AS (
  -- What other runs of the sync put aside gives way to a row that found its place, and to no other: else a contact is lost
  -- whose run has read past it. Where both were put aside, their versions decide when they are released.
  DELETE FROM rise a USING d, run r
  WHERE $15::boolean AND a.destination_id = $1 AND a.key = d.key AND a.version <= d.version AND a.run_no <> $3 AND r.no = a.run_no AND r.sync_id = $2
    AND d.verdict IN ('queue', 'back', 'unchanged', 'suppressed', 'still') AND NOT (d.rise AND d.verdict = 'queue')
  RETURNING a.run_no
), counted AS (
  -- Numbers below zero: those above are of a run's own pages, one after another.
  INSERT INTO page (run_no, no, extracted, invalid, filtered, unchanged, still_rejected, superseded, suppressed, queued)
  SELECT n.run_no, LEAST(COALESCE((SELECT min(no) FROM page p WHERE p.run_no = n.run_no), 0), 0) - 1, n.count, 0, 0, 0, 0, n.count, 0, 0
  FROM (SELECT run_no, count(*) AS count FROM outdated GROUP BY run_no) n
), replaced AS (
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
  UPDATE outbox o SET version = ${VERSION}, seq = CASE WHEN (d.opt_out OR d.withdrawn) AND o.priority > 0 THEN nextval('outbox_seq') ELSE o.seq END, sync_id = $2, run_no = $3, action = d.action, email = d.sent_email, sms = d.sent_sms, fp = d.fp,
    priority = LEAST(o.priority, CASE WHEN d.opt_out OR d.withdrawn THEN 0 ELSE $4::int END), locale = d.locale, fields = d.fields,
    -- Held for ever: only what an old ledger brought along, which this is not.
    not_before = CASE WHEN o.not_before = 'infinity' THEN '-infinity' ELSE o.not_before END,
    bundle = NULL, attempts = 0, staged_at = clock_timestamp(), known = d.c_version IS NOT NULL, behind = o.behind OR d.f_version IS NOT NULL OR d.previous_flying,
    kind = d.kind, identity = d.identity, previous_key = CASE WHEN d.renames OR d.previous_flying THEN d.former END,
    consent_at = d.consent_at, address = d.address, crossed = o.crossed AND d.opt_out IS NOT TRUE
  FROM q d WHERE d.o_version IS NOT NULL AND o.ctid = d.o_tid
), queued AS (
  -- Every inserter holds the destination's lock, so what was not waiting a moment ago is not waiting now.
  INSERT INTO outbox (destination_id, key, seq, version, sync_id, run_no, priority, action, email, sms, known, behind, fp, locale, fields, kind, identity, previous_key,
    consent_at, address)
  SELECT $1, key, nextval('outbox_seq'), ${VERSION}, $2, $3, CASE WHEN opt_out THEN 0 ELSE $4 END, action, sent_email, sent_sms,
    c_version IS NOT NULL, f_version IS NOT NULL OR previous_flying, fp, locale, fields, kind, identity,
    CASE WHEN renames OR previous_flying THEN former END, consent_at, address
  FROM q d WHERE o_version IS NULL
), aside AS (
  INSERT INTO rejection (destination_id, sync_id, run_no, key, code, reason, since, version, action, email, sms, fp, locale, fields,
    previous_key, identity, shape, consent_at, address)
  SELECT $1, $2, $3, d.key, d.verdict,
    CASE d.verdict
      WHEN 'owned' THEN 'this key already belongs to the sync '
        || (SELECT y.name FROM sync y WHERE y.id = COALESCE(d.o_sync, d.f_sync, d.c_sync)) || ' of the same destination'
      WHEN 'duplicate' THEN 'the same mobile and e-mail as contact ' || d.owner || ', so the platform takes both for one: the first is sent, with the strictest consent of both'
      ELSE 'its mobile or e-mail changed, and its id at the platform is not known: sending it would make a second contact (onKeyChange: send allows that)'
    END,
    CASE WHEN d.r_code = d.verdict THEN d.r_since ELSE clock_timestamp() END, d.version, d.action, d.email, d.sms, d.fp, d.locale, d.fields,
    d.former, d.identity, d.shape, d.consent_at, d.address
  FROM d WHERE verdict IN ('owned', 'duplicate', 'held')
), resolved AS (
  -- A contact that reads differently, or as delivered, leaves the list of rejections by itself.
  UPDATE rejection x SET resolved_at = clock_timestamp(), resolution = 'the source changed'
  FROM d CROSS JOIN LATERAL (
    SELECT r.ctid AS place FROM rejection r
    WHERE r.destination_id = $1 AND r.key = d.key AND r.resolved_at IS NULL AND r.sync_id = $2
      AND (d.verdict IN ('queue', 'back', 'unchanged', 'suppressed', 'owned', 'duplicate', 'held') OR (r.code = 'invalid' AND d.verdict <> 'uninvited')
        OR (d.verdict = 'uninvited' AND d.only_if_known = 'filtered'))
    OFFSET 0
  ) open
  WHERE d.r_open AND x.ctid = open.place
)
SELECT verdict, count(*) AS count, count(*) FILTER (WHERE opt_out) AS opt_outs,
  count(*) FILTER (WHERE rise) AS rises, count(*) FILTER (WHERE known_there AND opt_out IS NOT TRUE) AS changes,
  CASE WHEN verdict = 'uninvited' THEN json_agg(json_build_array(key, only_if_known)) END AS uninvited
FROM d GROUP BY verdict`;

/** Makes the kinds known that rows of a page can be of. $1 destination, $2 whether consent is separate, $3 whether keys change. */
export const KINDS = `
INSERT INTO kind (destination_id, action, form, shape)
SELECT $1, p.action, f.form, p.shape FROM (SELECT DISTINCT action, COALESCE(shape, '') AS shape FROM stage) p
CROSS JOIN (VALUES (0), (1), (2), (3)) f (form)
WHERE (f.form & 1 = 0 OR $2::boolean) AND (f.form & 2 = 0 OR $3::boolean)
  AND NOT EXISTS (SELECT 1 FROM kind k WHERE k.destination_id = $1 AND k.action = p.action AND k.form = f.form AND k.shape = p.shape)
ON CONFLICT DO NOTHING`;
