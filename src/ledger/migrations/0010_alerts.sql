-- Up Migration

-- Something that is wrong, from when it was first seen until it has been well for a while. Ids, counts and reasons only.
CREATE TABLE alert (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  event text NOT NULL,
  -- An account, a sync, a destination.
  subject text NOT NULL,
  reason text NOT NULL,
  -- What a person does about it.
  command text,
  opened_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  seen_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  resolved_at timestamptz
);
CREATE UNIQUE INDEX alert_open ON alert (event, subject) WHERE resolved_at IS NULL;

-- What a channel is to be told of it: once that it opened, once that it is over.
CREATE TABLE alert_message (
  alert_id bigint NOT NULL REFERENCES alert ON DELETE CASCADE,
  channel text NOT NULL,
  state text NOT NULL CHECK (state IN ('open', 'resolved')),
  -- The same at every try: who hears a message twice knows it by this.
  id uuid NOT NULL DEFAULT gen_random_uuid(),
  made_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  attempts int NOT NULL DEFAULT 0,
  next_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  told_at timestamptz,
  -- Why it was not told at the last try.
  error text,
  PRIMARY KEY (alert_id, channel, state)
);
CREATE INDEX alert_message_due ON alert_message (channel, next_at) WHERE told_at IS NULL;

-- Down Migration
DROP TABLE alert_message, alert;
