-- Up Migration

-- The retry that is to send this rejection once more, by the number of its run: chosen when the retry was asked for.
ALTER TABLE rejection ADD COLUMN chosen_by int;

-- Down Migration
ALTER TABLE rejection DROP COLUMN chosen_by;
