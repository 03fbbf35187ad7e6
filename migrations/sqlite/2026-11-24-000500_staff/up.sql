-- Who works for the bureau, in which roles; insert-only but for the last day.
CREATE TABLE staff (
  name TEXT PRIMARY KEY,
  roles TEXT NOT NULL,
  jwk TEXT,
  since_us INTEGER NOT NULL,
  left_us INTEGER
) STRICT;

-- The threshold of a yes or no, to tell when one asker probes a person with many.
ALTER TABLE inquiries ADD COLUMN threshold INTEGER;
CREATE INDEX inquiries_probed ON inquiries (person, at_us) WHERE threshold IS NOT NULL;

-- What staff must look at.
CREATE TABLE alerts (
  idx INTEGER PRIMARY KEY,
  kind TEXT NOT NULL,
  partner TEXT NOT NULL,
  at_us INTEGER NOT NULL
) STRICT;
CREATE INDEX alerts_partner ON alerts (partner, at_us);

-- Which member of a record was refuted; NULL where all of it is barred.
ALTER TABLE barred ADD COLUMN member TEXT;

-- The first day (YYYYMMDD) on which something of the person's must go, until it is gone.
ALTER TABLE profiles ADD COLUMN purge_day INTEGER NOT NULL DEFAULT 99991231;
-- Not known yet: the next sweep finds out.
UPDATE profiles SET purge_day = 0;
DROP INDEX profiles_until;
CREATE INDEX profiles_purge ON profiles (purge_day, person);
