-- Up Migration

-- What runs that are over came to, by sync and outcome. Counted once, so that totals over years cost nothing to tell,
-- and stay when old runs are removed.
CREATE TABLE row_total (
  sync_id int NOT NULL REFERENCES sync,
  outcome text NOT NULL,
  rows bigint NOT NULL,
  PRIMARY KEY (sync_id, outcome)
);
-- false: not in row_total yet.
ALTER TABLE run ADD COLUMN totalled boolean NOT NULL DEFAULT false;
CREATE INDEX run_untotalled ON run (no) WHERE NOT totalled;

-- The same of waits that have ended.
CREATE TABLE wait_total (
  account_id int NOT NULL REFERENCES account,
  cause text NOT NULL,
  seconds float8 NOT NULL,
  PRIMARY KEY (account_id, cause)
);
ALTER TABLE lane_wait ADD COLUMN totalled boolean NOT NULL DEFAULT false;
CREATE INDEX lane_wait_untotalled ON lane_wait (account_id) WHERE NOT totalled;

-- Counts open failures by code.
CREATE INDEX rejection_open_code ON rejection (sync_id, code) WHERE resolved_at IS NULL;

-- Down Migration
DROP INDEX rejection_open_code;
ALTER TABLE lane_wait DROP COLUMN totalled;
DROP TABLE wait_total;
ALTER TABLE run DROP COLUMN totalled;
DROP TABLE row_total;
