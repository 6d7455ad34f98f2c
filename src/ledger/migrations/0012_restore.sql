-- Up Migration

-- The ledger was found to be older than what was sent (restored from a back-up), and the account's calls are held until
-- every sync that feeds it has been read again.
ALTER TABLE account ADD COLUMN restored_at timestamptz;
-- A full run with a greater number has to read the whole source before the account goes on; null: none has to.
ALTER TABLE sync ADD COLUMN reread_after int;

-- Down Migration
ALTER TABLE sync DROP COLUMN reread_after;
ALTER TABLE account DROP COLUMN restored_at;
