-- Up Migration

-- Contacts a run would opt in, whole as they were read: they wait here until it has read to its end and its share of
-- such contacts has been judged. Neither extracted nor queued until then; gone when the run is closed.
CREATE TABLE rise (
  run_no int NOT NULL REFERENCES run,
  destination_id int NOT NULL REFERENCES destination,
  ord int NOT NULL,
  key text NOT NULL,
  version timestamptz NOT NULL,
  action smallint NOT NULL,
  email smallint NOT NULL,
  sms smallint NOT NULL,
  locale text,
  only_if_known text,
  fields text NOT NULL,
  shape text,
  previous_key text,
  identity bytea,
  mail text,
  consent_at timestamptz,
  PRIMARY KEY (run_no, key)
);
CREATE INDEX rise_key ON rise (destination_id, key);

ALTER TABLE run
  -- Contacts it would opt in; known contacts it would change, of which so many were staged.
  ADD COLUMN guard_opt_ins int NOT NULL DEFAULT 0,
  ADD COLUMN guard_changes int NOT NULL DEFAULT 0,
  ADD COLUMN guard_staged int NOT NULL DEFAULT 0,
  -- What earlier readings from the same cursor staged before they failed; null: the run is not judged.
  ADD COLUMN guard_carry int,
  -- Contacts of the sync the destination held; null: not asked for yet.
  ADD COLUMN guard_known bigint,
  -- More than may go without asking: from there on only opt-outs and new contacts are staged.
  ADD COLUMN guard_over boolean NOT NULL DEFAULT false;

-- Down Migration
ALTER TABLE run DROP COLUMN guard_opt_ins, DROP COLUMN guard_changes, DROP COLUMN guard_staged, DROP COLUMN guard_carry, DROP COLUMN guard_known,
  DROP COLUMN guard_over;
DROP TABLE rise;
