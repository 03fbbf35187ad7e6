-- Small merchants: partners that applied by themselves. When a suspension was lifted is kept, because
-- what was held against a partner before does not count again.
ALTER TABLE partners ADD COLUMN kind TEXT NOT NULL DEFAULT 'institution';
ALTER TABLE partners ADD COLUMN resumed_us INTEGER;

-- Who asked to become a small merchant, with which key, and what staff decided.
CREATE TABLE applications (
  id TEXT PRIMARY KEY,
  keyid TEXT NOT NULL,
  jwk TEXT NOT NULL,
  name TEXT NOT NULL,
  sector TEXT NOT NULL,
  country TEXT NOT NULL,
  scenario TEXT NOT NULL,
  licence TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('pending', 'admitted', 'refused')),
  reason TEXT NOT NULL,
  partner TEXT,
  at_us INTEGER NOT NULL,
  decided_us INTEGER,
  idx INTEGER NOT NULL
) STRICT;
CREATE INDEX applications_keyid ON applications (keyid);
CREATE INDEX applications_state ON applications (state);

-- What staff put on record against a partner; one row an entry.
CREATE TABLE conduct (
  idx INTEGER PRIMARY KEY,
  partner TEXT NOT NULL REFERENCES partners (id),
  kind TEXT NOT NULL,
  points INTEGER NOT NULL CHECK (points > 0),
  at_us INTEGER NOT NULL
) STRICT;
CREATE INDEX conduct_partner ON conduct (partner, at_us);
