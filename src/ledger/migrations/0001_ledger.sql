-- Up Migration

-- One account of a marketing platform: its lease, its pace, and why it waits.
CREATE TABLE account (
  id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name text NOT NULL UNIQUE,
  fence bigint NOT NULL DEFAULT 0,
  lease_owner text,
  lease_until timestamptz NOT NULL DEFAULT '-infinity',
  state text NOT NULL DEFAULT 'idle',
  reason text,
  hint text,
  until timestamptz,
  paused boolean NOT NULL DEFAULT false,
  blocked boolean NOT NULL DEFAULT false,
  quota boolean NOT NULL DEFAULT false,
  -- No call leaves before this (throttled, outage, quota).
  not_before timestamptz NOT NULL DEFAULT '-infinity',
  failures int NOT NULL DEFAULT 0,
  last_success_at timestamptz NOT NULL DEFAULT '-infinity',
  claims bigint NOT NULL DEFAULT 0
);

-- A budget of calls: every call of an account is reserved here, on this server's clock.
CREATE TABLE pace (
  account_id int NOT NULL REFERENCES account,
  bucket text NOT NULL,
  next_call bigint NOT NULL DEFAULT 0,
  -- Where an evenly spread series of calls stands (generic cell rate algorithm).
  even_at timestamptz NOT NULL DEFAULT '-infinity',
  not_before timestamptz NOT NULL DEFAULT '-infinity',
  PRIMARY KEY (account_id, bucket)
);

-- The last k calls of a budget.
CREATE TABLE pace_slot (
  account_id int NOT NULL,
  bucket text NOT NULL,
  call bigint NOT NULL,
  started_at timestamptz NOT NULL,
  answered_at timestamptz,
  PRIMARY KEY (account_id, bucket, call),
  FOREIGN KEY (account_id, bucket) REFERENCES pace
);

-- Reserves the next call of a budget: one row lock orders every process that shares the account, and each
-- statement after it sees what the previous holder wrote. Rules and units: src/ledger/pace.ts.
CREATE FUNCTION reserve_call(account int, budget text, calls int, per_ms float8, gap_ms float8, credit float8, margin_ms float8, max_wait_ms float8,
  OUT call bigint, OUT wait_ms float8, OUT now_ms float8)
LANGUAGE plpgsql AS $$
DECLARE
  p pace%ROWTYPE;
  earlier pace_slot%ROWTYPE;
  leaves timestamptz;
BEGIN
  INSERT INTO pace (account_id, bucket) VALUES (account, budget) ON CONFLICT DO NOTHING;
  SELECT * INTO p FROM pace WHERE account_id = account AND bucket = budget FOR UPDATE;
  SELECT * INTO earlier FROM pace_slot s WHERE s.account_id = account AND s.bucket = budget AND s.call = p.next_call - calls;
  leaves := GREATEST(clock_timestamp(), p.not_before, p.even_at - gap_ms * credit * interval '1 millisecond');
  IF earlier.call IS NOT NULL THEN
    leaves := GREATEST(leaves, LEAST(
      COALESCE(earlier.answered_at, 'infinity') + per_ms * interval '1 millisecond',
      earlier.started_at + (per_ms + margin_ms) * interval '1 millisecond'));
  END IF;
  now_ms := EXTRACT(EPOCH FROM clock_timestamp())::float8 * 1000;
  wait_ms := GREATEST(EXTRACT(EPOCH FROM leaves)::float8 * 1000 - now_ms, 0);
  IF wait_ms > max_wait_ms THEN RETURN; END IF;
  call := p.next_call;
  UPDATE pace SET next_call = p.next_call + 1, even_at = GREATEST(p.even_at, leaves) + gap_ms * interval '1 millisecond'
    WHERE account_id = account AND bucket = budget;
  INSERT INTO pace_slot (account_id, bucket, call, started_at) VALUES (account, budget, p.next_call, leaves);
  DELETE FROM pace_slot s WHERE s.account_id = account AND s.bucket = budget AND s.call <= p.next_call - calls;
END $$;

CREATE TABLE destination (
  id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name text NOT NULL UNIQUE,
  account_id int NOT NULL REFERENCES account,
  config_hash text NOT NULL DEFAULT '',
  -- Last time a row was accepted under this configuration: the witness against blaming rows.
  witness_at timestamptz NOT NULL DEFAULT '-infinity'
);

CREATE TABLE sync (
  id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name text NOT NULL UNIQUE,
  source text NOT NULL,
  destination_id int NOT NULL REFERENCES destination,
  state jsonb,
  cursor text,
  read_to text,
  config_hash text,
  -- No longer in the configuration: its contacts may pass to another sync.
  retired boolean NOT NULL DEFAULT false
);

CREATE TABLE run (
  no int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  id text NOT NULL UNIQUE,
  sync_id int NOT NULL REFERENCES sync,
  kind text NOT NULL,
  slot text NOT NULL,
  status text NOT NULL DEFAULT 'running',
  extracting boolean NOT NULL DEFAULT true,
  workflow_id text NOT NULL,
  options jsonb NOT NULL,
  config jsonb NOT NULL,
  config_hash text NOT NULL,
  plan jsonb,
  position jsonb,
  pages int NOT NULL DEFAULT 0,
  estimate bigint,
  max_time text,
  cursor_from text,
  cursor_to text,
  notices jsonb NOT NULL DEFAULT '[]',
  error text,
  -- A service that cannot be reached just now, in words, and since when.
  trouble text,
  trouble_since timestamptz,
  verification jsonb,
  started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  extracted_at timestamptz,
  ended_at timestamptz
);
-- One run of a sync extracts at a time; a backfill has its own slot.
CREATE UNIQUE INDEX run_extracting ON run (sync_id, slot) WHERE extracting;
CREATE INDEX run_of_sync ON run (sync_id, no DESC);
CREATE INDEX run_open ON run (no) WHERE ended_at IS NULL;

-- One staged page: the left side of the books.
CREATE TABLE page (
  run_no int NOT NULL REFERENCES run,
  no int NOT NULL,
  extracted int NOT NULL,
  invalid int NOT NULL,
  filtered int NOT NULL,
  unchanged int NOT NULL,
  still_rejected int NOT NULL,
  superseded int NOT NULL,
  suppressed int NOT NULL,
  queued int NOT NULL,
  warnings jsonb,
  staged_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (run_no, no)
);

CREATE SEQUENCE outbox_seq;

-- Waiting: at most one row a contact and destination, always its newest wish.
CREATE TABLE outbox (
  destination_id int NOT NULL,
  key text NOT NULL,
  seq bigint NOT NULL,
  version timestamptz NOT NULL,
  not_before timestamptz NOT NULL DEFAULT '-infinity',
  staged_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  bundle bigint,
  sync_id int NOT NULL,
  run_no int NOT NULL,
  attempts int NOT NULL DEFAULT 0,
  priority smallint NOT NULL,
  action smallint NOT NULL,
  email smallint NOT NULL,
  sms smallint NOT NULL,
  -- The destination was known to hold the contact when the row was staged.
  known boolean NOT NULL,
  -- Another version of the contact was in flight when the row was staged: only then need a claim look for it.
  behind boolean NOT NULL DEFAULT false,
  fp bytea NOT NULL,
  locale text,
  fields text NOT NULL,
  PRIMARY KEY (destination_id, key)
);
CREATE INDEX outbox_claim ON outbox (destination_id, action, priority, seq) WHERE bundle IS NULL;
CREATE INDEX outbox_bundle ON outbox (destination_id, bundle) WHERE bundle IS NOT NULL;

-- Rows that go together after a failure: a call holds one bundle or unbundled rows, never both.
CREATE TABLE bundle (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  destination_id int NOT NULL REFERENCES destination,
  -- Start of the first call of the search it belongs to.
  root_at timestamptz NOT NULL,
  tries int NOT NULL DEFAULT 0,
  -- A single row that was refused while nothing else was accepted.
  suspect boolean NOT NULL DEFAULT false,
  not_before timestamptz NOT NULL DEFAULT '-infinity',
  made_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX bundle_suspect ON bundle (destination_id) WHERE suspect;

CREATE TABLE batch (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  account_id int NOT NULL REFERENCES account,
  destination_id int NOT NULL REFERENCES destination,
  action smallint NOT NULL,
  fence bigint NOT NULL,
  status text NOT NULL DEFAULT 'sending',
  bundle bigint,
  rows int NOT NULL,
  attempt int NOT NULL,
  outcome text,
  http_status int,
  message text,
  reference text,
  started_at timestamptz NOT NULL,
  answered_at timestamptz,
  settle_at timestamptz,
  settled_at timestamptz
);
CREATE INDEX batch_open ON batch (account_id, destination_id) WHERE status IN ('sending', 'accepted', 'unknown');

-- The rows of a call. `outcome` stays NULL where a row shares the fate of its batch,
-- so that a call that went well is settled without touching its rows.
-- 1 delivered, 2 rejected, 3 returned to the outbox (or overtaken there).
CREATE TABLE batch_row (
  batch_id bigint NOT NULL,
  ord int NOT NULL,
  destination_id int NOT NULL,
  sync_id int NOT NULL,
  run_no int NOT NULL,
  attempts int NOT NULL,
  seq bigint NOT NULL,
  version timestamptz NOT NULL,
  priority smallint NOT NULL,
  email smallint NOT NULL,
  sms smallint NOT NULL,
  outcome smallint,
  known boolean NOT NULL,
  key text NOT NULL,
  fp bytea NOT NULL,
  locale text,
  fields text NOT NULL,
  PRIMARY KEY (batch_id, ord)
);
-- Only for the story of one contact: it costs a write nothing, and finds the few ranges a key can be in.
CREATE INDEX batch_row_key ON batch_row USING brin (key text_bloom_ops) WITH (pages_per_range = 64, autosummarize = on);

-- What a batch did for each run that had rows in it: the right side of the books, kept as it grows.
CREATE TABLE batch_run (
  batch_id bigint NOT NULL,
  run_no int NOT NULL,
  rows int NOT NULL,
  delivered int NOT NULL DEFAULT 0,
  rejected int NOT NULL DEFAULT 0,
  returned int NOT NULL DEFAULT 0,
  PRIMARY KEY (run_no, batch_id)
);
CREATE INDEX batch_run_batch ON batch_run (batch_id);

-- What the destination is known to hold. The payload is the batch row that delivered it.
CREATE TABLE contact (
  destination_id int NOT NULL,
  key text NOT NULL,
  batch_id bigint NOT NULL,
  ord int NOT NULL,
  sync_id int NOT NULL,
  version timestamptz NOT NULL,
  email smallint NOT NULL,
  sms smallint NOT NULL,
  fp bytea NOT NULL,
  locale text,
  PRIMARY KEY (destination_id, key)
) WITH (fillfactor = 90);

-- Rows that did not make it and why: refused by a platform, owned by another sync, or invalid as read.
CREATE TABLE rejection (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  destination_id int NOT NULL,
  sync_id int NOT NULL,
  run_no int NOT NULL,
  batch_id bigint,
  key text,
  place text,
  code text NOT NULL,
  reason text NOT NULL,
  attempts int NOT NULL DEFAULT 0,
  since timestamptz NOT NULL DEFAULT clock_timestamp(),
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  resolved_at timestamptz,
  resolution text,
  version timestamptz,
  action smallint,
  email smallint,
  sms smallint,
  fp bytea,
  locale text,
  fields text
);
CREATE INDEX rejection_open ON rejection (destination_id, key) WHERE resolved_at IS NULL;
CREATE INDEX rejection_run ON rejection (run_no);

-- Rows replaced by something newer before they were delivered.
CREATE TABLE overtaken (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  destination_id int NOT NULL,
  key text NOT NULL,
  run_no int NOT NULL,
  version timestamptz NOT NULL,
  batch_id bigint,
  reason text NOT NULL,
  at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX overtaken_run ON overtaken (run_no);
CREATE INDEX overtaken_key ON overtaken (destination_id, key);

-- Audience verifications, for the history of verdicts.
CREATE TABLE verification (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  sync_id int NOT NULL REFERENCES sync,
  run_no int,
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  verdict text NOT NULL,
  document jsonb NOT NULL
);
CREATE INDEX verification_sync ON verification (sync_id, id DESC);

-- What a verification found to differ, for whoever asked.
CREATE TABLE difference (
  verification text NOT NULL,
  no bigint GENERATED ALWAYS AS IDENTITY,
  sync_id int NOT NULL REFERENCES sync,
  key text NOT NULL,
  locale text NOT NULL,
  kind text NOT NULL,
  document jsonb NOT NULL,
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (verification, no)
);

-- Down Migration
DROP TABLE difference, verification, overtaken, rejection, contact, batch_run, batch_row, batch, bundle, outbox, page, run, sync,
  destination, pace_slot, pace, account;
DROP SEQUENCE outbox_seq;
DROP FUNCTION reserve_call;
