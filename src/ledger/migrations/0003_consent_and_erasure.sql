-- Up Migration

-- What keeps hashed addresses and keys from being looked up in a list of known ones: made here, never shown.
CREATE TABLE installation (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  pepper bytea NOT NULL
);
INSERT INTO installation (pepper) VALUES (sha256(convert_to(gen_random_uuid()::text || gen_random_uuid()::text, 'UTF8')));

-- A text that can be recognised and not read.
CREATE FUNCTION keyed(value text) RETURNS bytea LANGUAGE sql STABLE PARALLEL SAFE AS
$$ SELECT substr(sha256((SELECT pepper FROM syncline.installation) || convert_to(value, 'UTF8')), 1, 16) $$;

-- `address`: the contact's e-mail, keyed. `consent_at`: when the person said so, as the source has it.
ALTER TABLE outbox ADD COLUMN consent_at timestamptz, ADD COLUMN address bytea,
  -- It was sent while another version was under way, and waits for that one's end to go once more.
  ADD COLUMN crossed boolean NOT NULL DEFAULT false;
ALTER TABLE batch_row ADD COLUMN consent_at timestamptz, ADD COLUMN address bytea,
  ADD COLUMN crossed boolean,
  -- Of opt-outs only: for the time they took.
  ADD COLUMN staged_at timestamptz;
ALTER TABLE rejection ADD COLUMN consent_at timestamptz, ADD COLUMN address bytea;
-- Finds the few ranges an address can be in; costs a write nothing.
CREATE INDEX batch_row_address ON batch_row USING brin (address bytea_bloom_ops) WITH (pages_per_range = 64, autosummarize = on);

-- An opt-out learned elsewhere than from the source. It holds against every consent that is not certainly newer.
CREATE TABLE suppression (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  -- Where it was learned, which is where `key` counts; an address counts everywhere. null: by hand, for every destination.
  destination_id int REFERENCES destination,
  -- 0 e-mail, 1 SMS.
  channel smallint NOT NULL,
  key text,
  address bytea,
  -- When the person did it, at the latest; null: not known, so no consent is newer.
  at timestamptz,
  origin text NOT NULL,
  reason text NOT NULL,
  learned_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  lifted_at timestamptz,
  lifted_by text,
  -- When the platform's own list was told to let go, as a newer consent came.
  let_in_at timestamptz,
  CHECK (key IS NOT NULL OR address IS NOT NULL)
);
CREATE UNIQUE INDEX suppression_one ON suppression (COALESCE(destination_id, 0), channel, COALESCE(key, ''), COALESCE(address, ''));
CREATE INDEX suppression_key ON suppression (key) WHERE lifted_at IS NULL AND key IS NOT NULL;
CREATE INDEX suppression_address ON suppression (address) WHERE lifted_at IS NULL AND address IS NOT NULL;

-- Up to where a destination's own opt-outs have been read, and when.
ALTER TABLE destination ADD COLUMN opt_outs_to text, ADD COLUMN opt_outs_read_at timestamptz;

-- Webhooks that have been heard: they come again.
CREATE TABLE webhook_delivery (
  destination_id int NOT NULL REFERENCES destination,
  id text NOT NULL,
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (destination_id, id)
);
CREATE INDEX webhook_delivery_at ON webhook_delivery (at);

-- Opt-outs and erasures that took effect: the times they took.
CREATE TABLE opt_out_effect (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  destination_id int NOT NULL REFERENCES destination,
  -- When the source says it changed, when it was staged, when the platform had it.
  version timestamptz NOT NULL,
  staged_at timestamptz NOT NULL,
  at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX opt_out_effect_latest ON opt_out_effect (destination_id, id DESC);

-- An erased person, by what they would be recognised by if they came back.
CREATE TABLE tombstone (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  source text NOT NULL,
  key bytea NOT NULL,
  address bytea,
  -- Held until the stores of this ledger are clean: {key}; then null.
  plain text,
  reason text NOT NULL,
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  lifted_at timestamptz
);
CREATE UNIQUE INDEX tombstone_key ON tombstone (source, key);
CREATE INDEX tombstone_address ON tombstone (address) WHERE address IS NOT NULL;
CREATE INDEX tombstone_unclean ON tombstone (id) WHERE plain IS NOT NULL;

-- Keys a full read has met, while it lasts: who is held and was not met is gone from the source. Logged: emptied by a crash,
-- it would have everybody gone.
CREATE TABLE met (
  run_no int NOT NULL,
  key text NOT NULL
);
CREATE INDEX met_run ON met (run_no);
-- Contacts the source marks as deleted: erased when the run has read to its end and not too many are gone.
CREATE TABLE departed (
  run_no int NOT NULL,
  key text NOT NULL,
  PRIMARY KEY (run_no, key)
);

-- Down Migration
DROP TABLE departed, met, tombstone, opt_out_effect, webhook_delivery, suppression;
ALTER TABLE destination DROP COLUMN opt_outs_to, DROP COLUMN opt_outs_read_at;
DROP INDEX batch_row_address;
ALTER TABLE rejection DROP COLUMN consent_at, DROP COLUMN address;
ALTER TABLE batch_row DROP COLUMN consent_at, DROP COLUMN address, DROP COLUMN crossed, DROP COLUMN staged_at;
ALTER TABLE outbox DROP COLUMN consent_at, DROP COLUMN address, DROP COLUMN crossed;
DROP FUNCTION keyed;
DROP TABLE installation;
