-- Who works for the bureau, in which roles; insert-only but for the last day.
CREATE TABLE staff (
  name TEXT PRIMARY KEY,
  roles TEXT NOT NULL,
  jwk TEXT,
  since_us BIGINT NOT NULL,
  left_us BIGINT
);

-- The threshold of a yes or no, to tell when one asker probes a person with many.
ALTER TABLE inquiries ADD COLUMN threshold BIGINT;
CREATE INDEX inquiries_probed ON inquiries (person, at_us) WHERE threshold IS NOT NULL;

-- What staff must look at.
CREATE TABLE alerts (
  idx BIGINT PRIMARY KEY,
  kind TEXT NOT NULL,
  partner TEXT NOT NULL,
  at_us BIGINT NOT NULL
);
CREATE INDEX alerts_partner ON alerts (partner, at_us);

-- Which member of a record was refuted; NULL where all of it is barred.
ALTER TABLE barred ADD COLUMN member TEXT;
