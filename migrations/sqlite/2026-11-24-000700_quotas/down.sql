ALTER TABLE partners DROP COLUMN quota;
