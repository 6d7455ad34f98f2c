-- Up Migration

-- What cannot be reached: 'destination' where the run has to ask it something first; null: the source.
ALTER TABLE run ADD COLUMN trouble_of text;

-- Down Migration
ALTER TABLE run DROP COLUMN trouble_of;
