-- Up Migration

-- Of a run whose details were removed: {counts, warnings, calls} as they were then, and when the last of them went.
ALTER TABLE run ADD COLUMN final jsonb;
ALTER TABLE run ADD COLUMN pruned_at timestamptz;

-- Down Migration
ALTER TABLE run DROP COLUMN pruned_at;
ALTER TABLE run DROP COLUMN final;
