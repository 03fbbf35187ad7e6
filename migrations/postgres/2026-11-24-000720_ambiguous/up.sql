-- Documents that lead to several persons: nothing is guessed, and nothing told, under such a subject.
ALTER TABLE pairwise ADD COLUMN ambiguous BOOLEAN NOT NULL DEFAULT FALSE;
DROP INDEX pairwise_person;
CREATE UNIQUE INDEX pairwise_person ON pairwise (partner, person, mismatch, ambiguous);
