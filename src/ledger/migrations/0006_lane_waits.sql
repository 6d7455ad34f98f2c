-- Up Migration

-- When an account's calls waited, and why. `cause`: pace (its limit, a result, a held contact), backing_off, quota,
-- paused (by hand), blocked. `to_at` null: it still waits.
CREATE TABLE lane_wait (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  account_id int NOT NULL REFERENCES account,
  cause text NOT NULL,
  reason text,
  from_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  to_at timestamptz
);
CREATE UNIQUE INDEX lane_wait_open ON lane_wait (account_id) WHERE to_at IS NULL;
CREATE INDEX lane_wait_account ON lane_wait (account_id, from_at);

-- Kept by the table itself: whoever changes an account's state, an older version of Syncline too, is noted.
CREATE FUNCTION note_lane_wait() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE syncline.lane_wait SET to_at = clock_timestamp() WHERE account_id = NEW.id AND to_at IS NULL;
  IF NEW.state IN ('waiting', 'backing_off', 'paused', 'blocked') THEN
    INSERT INTO syncline.lane_wait (account_id, cause, reason) VALUES (NEW.id, CASE
      WHEN NEW.paused THEN 'paused' WHEN NEW.blocked THEN 'blocked' WHEN NEW.quota THEN 'quota'
      WHEN NEW.state = 'backing_off' THEN 'backing_off' ELSE 'pace' END, NEW.reason);
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER account_waits AFTER UPDATE OF state, reason, paused, blocked, quota ON account FOR EACH ROW
  WHEN ((OLD.state, OLD.reason, OLD.paused, OLD.blocked, OLD.quota) IS DISTINCT FROM (NEW.state, NEW.reason, NEW.paused, NEW.blocked, NEW.quota))
  EXECUTE FUNCTION note_lane_wait();

-- Down Migration
DROP TRIGGER account_waits ON account;
DROP FUNCTION note_lane_wait;
DROP TABLE lane_wait;
