-- Up Migration

-- What the rows of one call have in common, besides their destination: the action, the form (bit 1: nothing is said
-- about consent; bit 2: keys are changed) and the column set.
CREATE TABLE kind (
  id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  destination_id int NOT NULL REFERENCES destination,
  action smallint NOT NULL,
  form smallint NOT NULL,
  shape text NOT NULL,
  UNIQUE (destination_id, action, form, shape)
);
INSERT INTO kind (destination_id, action, form, shape)
  SELECT DISTINCT destination_id, action, 0, '' FROM outbox UNION SELECT DISTINCT destination_id, action, 0, '' FROM batch;

ALTER TABLE outbox ADD COLUMN kind int, ADD COLUMN previous_key text, ADD COLUMN identity bytea;
UPDATE outbox o SET kind = k.id FROM kind k WHERE k.destination_id = o.destination_id AND k.action = o.action AND k.form = 0 AND k.shape = '';
ALTER TABLE outbox ALTER COLUMN kind SET NOT NULL;
DROP INDEX outbox_claim;
CREATE INDEX outbox_claim ON outbox (kind, priority, seq) WHERE bundle IS NULL;
-- Rows of a former key must not come after the one that changes it.
CREATE INDEX outbox_renames ON outbox (destination_id, previous_key) WHERE previous_key IS NOT NULL;

ALTER TABLE batch
  ADD COLUMN kind int,
  -- What the platform counted, for results that come later: {inserted, updated, skipped}.
  ADD COLUMN receipt jsonb,
  -- Its remarks on the call as a whole.
  ADD COLUMN notes jsonb,
  -- When an accepted batch is asked for next.
  ADD COLUMN poll_at timestamptz,
  ADD COLUMN polls int NOT NULL DEFAULT 0;
UPDATE batch b SET kind = k.id FROM kind k WHERE k.destination_id = b.destination_id AND k.action = b.action AND k.form = 0 AND k.shape = '';

ALTER TABLE batch_row ADD COLUMN previous_key text, ADD COLUMN identity bytea;
ALTER TABLE rejection ADD COLUMN previous_key text, ADD COLUMN identity bytea, ADD COLUMN shape text;

ALTER TABLE contact
  -- As delivered: by what a platform without our keys recognises the contact.
  ADD COLUMN identity bytea,
  -- The platform's own id, where an answer tied it to this very contact.
  ADD COLUMN platform_id text,
  -- A later version was in a call nobody answered, and may be what the destination holds.
  ADD COLUMN unsure boolean NOT NULL DEFAULT false;

-- The refused call this bundle is a part of: where every other part was accepted, the fault lies here.
ALTER TABLE bundle ADD COLUMN split_of bigint;
-- Which calls a bundle was in.
CREATE INDEX batch_bundle ON batch (bundle) WHERE bundle IS NOT NULL;
CREATE INDEX bundle_split ON bundle (split_of) WHERE split_of IS NOT NULL;

-- What the platform said last about calls as a whole (a property it does not know).
ALTER TABLE destination ADD COLUMN notes jsonb;

-- What the platform said about rows it took.
CREATE TABLE row_note (
  run_no int NOT NULL,
  batch_id bigint NOT NULL,
  ord int NOT NULL,
  reason text NOT NULL
);
CREATE INDEX row_note_run ON row_note (run_no);
CREATE INDEX row_note_batch ON row_note (batch_id);

-- Who claims an identity on a platform that holds no key of ours; the first claimant owns it.
CREATE TABLE identity (
  account_id int NOT NULL REFERENCES account,
  identity bytea NOT NULL,
  source text NOT NULL,
  key text NOT NULL,
  no bigint GENERATED ALWAYS AS IDENTITY,
  -- As the claimant's own source has it, not clamped.
  email smallint NOT NULL,
  sms smallint NOT NULL,
  PRIMARY KEY (account_id, identity, source, key)
);
CREATE INDEX identity_key ON identity (account_id, source, key);

-- As before, and besides: a least gap between two starts; and, where calls go one at a time (`alone_ms` above 0),
-- no call beside an unanswered one of another budget, nor sooner than a whole window after the last answer.
DROP FUNCTION reserve_call;
CREATE FUNCTION reserve_call(account int, budget text, calls int, per_ms float8, gap_ms float8, least_ms float8, alone_ms float8, credit float8,
  margin_ms float8, max_wait_ms float8, OUT call bigint, OUT wait_ms float8, OUT now_ms float8)
LANGUAGE plpgsql AS $$
DECLARE
  p pace%ROWTYPE;
  earlier pace_slot%ROWTYPE;
  leaves timestamptz;
BEGIN
  INSERT INTO pace (account_id, bucket) VALUES (account, budget) ON CONFLICT DO NOTHING;
  IF alone_ms > 0 THEN
    -- Every budget of the account, in one order: what one reserves the others must see.
    PERFORM 1 FROM pace WHERE account_id = account ORDER BY bucket FOR UPDATE;
  END IF;
  SELECT * INTO p FROM pace WHERE account_id = account AND bucket = budget FOR UPDATE;
  SELECT * INTO earlier FROM pace_slot s WHERE s.account_id = account AND s.bucket = budget AND s.call = p.next_call - calls;
  leaves := GREATEST(clock_timestamp(), p.not_before, p.even_at - gap_ms * credit * interval '1 millisecond');
  IF earlier.call IS NOT NULL THEN
    leaves := GREATEST(leaves, CASE WHEN alone_ms > 0 AND earlier.answered_at IS NOT NULL
      THEN earlier.answered_at + per_ms * interval '1 millisecond'
      ELSE LEAST(
        COALESCE(earlier.answered_at, 'infinity') + per_ms * interval '1 millisecond',
        earlier.started_at + (per_ms + margin_ms) * interval '1 millisecond') END);
  END IF;
  IF least_ms > 0 THEN
    SELECT GREATEST(leaves, max(LEAST(
        COALESCE(s.answered_at, 'infinity') + least_ms * interval '1 millisecond',
        s.started_at + (least_ms + margin_ms) * interval '1 millisecond'))) INTO leaves
      FROM pace_slot s WHERE s.account_id = account AND s.bucket = budget AND s.call = p.next_call - 1;
  END IF;
  now_ms := EXTRACT(EPOCH FROM clock_timestamp())::float8 * 1000;
  wait_ms := GREATEST(EXTRACT(EPOCH FROM leaves)::float8 * 1000 - now_ms, 0);
  IF wait_ms > max_wait_ms THEN RETURN; END IF;
  IF alone_ms > 0 AND EXISTS (
    SELECT 1 FROM pace_slot s WHERE s.account_id = account AND s.answered_at IS NULL
      AND s.started_at > clock_timestamp() - alone_ms * interval '1 millisecond') THEN
    wait_ms := GREATEST(wait_ms, 20);
    RETURN;
  END IF;
  call := p.next_call;
  UPDATE pace SET next_call = p.next_call + 1, even_at = GREATEST(p.even_at, leaves) + gap_ms * interval '1 millisecond'
    WHERE account_id = account AND bucket = budget;
  INSERT INTO pace_slot (account_id, bucket, call, started_at) VALUES (account, budget, p.next_call, leaves);
  DELETE FROM pace_slot s WHERE s.account_id = account AND s.bucket = budget
    -- A few more than the rule needs: a call that is given back must find the one before it.
    AND s.call < p.next_call - calls - 16;
END $$;

-- Down Migration
DROP FUNCTION reserve_call;
DROP TABLE identity, row_note;
ALTER TABLE destination DROP COLUMN notes;
ALTER TABLE bundle DROP COLUMN split_of;
ALTER TABLE contact DROP COLUMN identity, DROP COLUMN platform_id, DROP COLUMN unsure;
ALTER TABLE rejection DROP COLUMN previous_key, DROP COLUMN identity, DROP COLUMN shape;
ALTER TABLE batch_row DROP COLUMN previous_key, DROP COLUMN identity;
DROP INDEX batch_bundle;
ALTER TABLE batch DROP COLUMN kind, DROP COLUMN receipt, DROP COLUMN notes, DROP COLUMN poll_at, DROP COLUMN polls;
DROP INDEX outbox_claim, outbox_renames;
ALTER TABLE outbox DROP COLUMN kind, DROP COLUMN previous_key, DROP COLUMN identity;
CREATE INDEX outbox_claim ON outbox (destination_id, action, priority, seq) WHERE bundle IS NULL;
DROP TABLE kind;
