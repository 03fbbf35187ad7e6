DROP TABLE conduct;
DROP TABLE applications;
ALTER TABLE partners DROP COLUMN resumed_us;
ALTER TABLE partners DROP COLUMN kind;
