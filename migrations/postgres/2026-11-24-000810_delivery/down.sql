ALTER TABLE partners DROP COLUMN delivery;
