-- Up Migration

-- What a configuration that changed before this run touches, and costs: {changed, contacts, calls, seconds}, each null
-- until it is counted. Null: nothing changed.
ALTER TABLE run ADD COLUMN mapping jsonb;

-- Down Migration

ALTER TABLE run DROP COLUMN mapping;
