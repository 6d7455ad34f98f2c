-- Up Migration

-- Finds the payloads that have been kept long enough.
CREATE INDEX rejection_payload ON rejection (at) WHERE fields IS NOT NULL;

-- Down Migration
DROP INDEX rejection_payload;
