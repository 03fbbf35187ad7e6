DELETE FROM pairwise WHERE ambiguous;
DROP INDEX pairwise_person;
CREATE UNIQUE INDEX pairwise_person ON pairwise (partner, person, mismatch);
ALTER TABLE pairwise DROP COLUMN ambiguous;
