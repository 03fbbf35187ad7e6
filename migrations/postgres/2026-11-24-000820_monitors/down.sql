ALTER TABLE matters DROP COLUMN reminded_idx;
DROP TABLE monitors;
