-- Who is watched for whom, and against which answer: an event tells when that has changed.
CREATE TABLE monitors (
  id TEXT PRIMARY KEY,
  partner TEXT NOT NULL REFERENCES partners (id),
  person TEXT NOT NULL REFERENCES persons (id),
  subject TEXT NOT NULL,
  consent TEXT NOT NULL,
  scenario TEXT NOT NULL,
  watch TEXT NOT NULL,
  bands TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('active', 'ended')),
  reason TEXT,
  inquiry TEXT NOT NULL,
  opened_us INTEGER NOT NULL,
  ended_us INTEGER,
  opened_idx INTEGER NOT NULL,
  idx INTEGER NOT NULL
) STRICT;
CREATE INDEX monitors_partner ON monitors (partner, id);
CREATE INDEX monitors_person ON monitors (person);
CREATE INDEX monitors_consent ON monitors (consent);

-- By which entry furnishers were reminded of a dispute that they must answer.
ALTER TABLE matters ADD COLUMN reminded_idx INTEGER;
