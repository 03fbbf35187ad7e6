-- The bureau's database. Times are microseconds UTC; sealed columns are AES-256-GCM (kernel::seal).

-- One row: the end of the log. Whoever holds it locked is the writer (decisions.md 10).
CREATE TABLE log_head (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  size INTEGER NOT NULL CHECK (size >= 0),
  frontier BLOB NOT NULL,
  at_us INTEGER NOT NULL,
  batch TEXT NOT NULL,
  origin TEXT NOT NULL
) STRICT;

-- The log. Rows are inserted, never changed: the triggers below say so to every client.
CREATE TABLE entries (
  idx INTEGER PRIMARY KEY,
  leaf BLOB NOT NULL
) STRICT;
CREATE TRIGGER entries_keep BEFORE DELETE ON entries BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END;
-- INSERT OR REPLACE deletes without asking the trigger above.
CREATE TRIGGER entries_once BEFORE INSERT ON entries
  WHEN EXISTS (SELECT 1 FROM entries WHERE idx = NEW.idx)
  BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END;
CREATE TRIGGER entries_stay BEFORE UPDATE ON entries BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END;

-- What the leaves commit to. Rows may lose their personal part by purge only.
CREATE TABLE bodies (
  idx INTEGER PRIMARY KEY,
  kind TEXT NOT NULL,
  at_us INTEGER NOT NULL,
  period TEXT NOT NULL,
  person TEXT,
  record BLOB NOT NULL,
  personal BLOB NOT NULL
) STRICT;
CREATE INDEX bodies_person ON bodies (person, idx);
CREATE INDEX bodies_at ON bodies (at_us);

CREATE TABLE checkpoints (
  size INTEGER PRIMARY KEY,
  note TEXT NOT NULL,
  at_us INTEGER NOT NULL
) STRICT;

CREATE TABLE partners (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  sector TEXT NOT NULL,
  roles TEXT NOT NULL,
  scenarios TEXT NOT NULL,
  suspended INTEGER NOT NULL,
  created_us INTEGER NOT NULL
) STRICT;

CREATE TABLE partner_keys (
  thumbprint TEXT PRIMARY KEY,
  partner TEXT NOT NULL REFERENCES partners (id),
  jwk TEXT NOT NULL,
  added_us INTEGER NOT NULL,
  retired_us INTEGER
) STRICT;

CREATE TABLE persons (
  id TEXT PRIMARY KEY,
  residence TEXT NOT NULL,
  birth_us INTEGER,
  vault BLOB NOT NULL,
  merged_into TEXT,
  created_us INTEGER NOT NULL,
  idx INTEGER NOT NULL
) STRICT;
CREATE INDEX persons_merged ON persons (merged_into) WHERE merged_into IS NOT NULL;

CREATE TABLE lookups (
  hmac BLOB PRIMARY KEY,
  person TEXT NOT NULL REFERENCES persons (id),
  name_hmac BLOB NOT NULL
) STRICT;
CREATE INDEX lookups_person ON lookups (person);

CREATE TABLE pairwise (
  id TEXT PRIMARY KEY,
  partner TEXT NOT NULL,
  person TEXT NOT NULL REFERENCES persons (id),
  mismatch INTEGER NOT NULL,
  level INTEGER NOT NULL,
  created_us INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX pairwise_person ON pairwise (partner, person, mismatch);
CREATE INDEX pairwise_by_person ON pairwise (person);

CREATE TABLE person_keys (
  thumbprint TEXT PRIMARY KEY,
  person TEXT NOT NULL REFERENCES persons (id),
  jwk TEXT NOT NULL,
  added_us INTEGER NOT NULL,
  retired_us INTEGER
) STRICT;
CREATE INDEX person_keys_person ON person_keys (person);

CREATE TABLE mandates (
  id TEXT PRIMARY KEY,
  person TEXT NOT NULL REFERENCES persons (id),
  agent TEXT NOT NULL REFERENCES partners (id),
  acts TEXT NOT NULL,
  expires_us INTEGER NOT NULL,
  revoked_us INTEGER
) STRICT;
CREATE INDEX mandates_person ON mandates (person);

CREATE TABLE resolutions (
  idx INTEGER PRIMARY KEY,
  kind TEXT NOT NULL CHECK (kind IN ('subject_alias', 'subject_merge', 'subject_split', 'no_merge')),
  person TEXT NOT NULL,
  other TEXT NOT NULL
) STRICT;

CREATE TABLE consents (
  id TEXT PRIMARY KEY,
  person TEXT NOT NULL REFERENCES persons (id),
  subject TEXT NOT NULL,
  recipient TEXT NOT NULL,
  purpose TEXT NOT NULL CHECK (purpose IN ('furnish', 'inquire', 'restricted')),
  scenario TEXT,
  fetch TEXT NOT NULL CHECK (fetch IN ('ONETIME', 'PERIODIC')),
  categories TEXT NOT NULL,
  dimensions TEXT NOT NULL,
  valid_from_us INTEGER NOT NULL,
  expires_us INTEGER NOT NULL,
  revoked_us INTEGER,
  revoked_idx INTEGER,
  used_us INTEGER,
  data_life_days INTEGER,
  statement BLOB,
  artefact BLOB NOT NULL,
  idx INTEGER NOT NULL
) STRICT;
CREATE INDEX consents_person ON consents (person);
-- A person's signature is good for one consent.
CREATE UNIQUE INDEX consents_statement ON consents (person, statement);

-- One row per live record identity (decisions.md 14): what a furnisher said last.
CREATE TABLE facts (
  identity BLOB PRIMARY KEY,
  person TEXT NOT NULL REFERENCES persons (id),
  digest BLOB NOT NULL,
  deleted INTEGER NOT NULL,
  idx INTEGER NOT NULL
) STRICT;
CREATE INDEX facts_person ON facts (person);

CREATE TABLE profiles (
  person TEXT PRIMARY KEY REFERENCES persons (id),
  sealed BLOB NOT NULL,
  observations INTEGER NOT NULL,
  idx INTEGER NOT NULL
) STRICT;

-- Hard inquiries that count; insert-only, so an inquiry never rewrites a profile (decisions.md 11).
CREATE TABLE inquiry_marks (
  idx INTEGER PRIMARY KEY,
  person TEXT NOT NULL,
  scenario TEXT NOT NULL,
  at_us INTEGER NOT NULL
) STRICT;
CREATE INDEX inquiry_marks_person ON inquiry_marks (person, at_us);

CREATE TABLE inquiries (
  id TEXT PRIMARY KEY,
  idx INTEGER NOT NULL,
  asker TEXT NOT NULL,
  person TEXT,
  subject TEXT NOT NULL,
  scenario TEXT NOT NULL,
  at_us INTEGER NOT NULL,
  expires_us INTEGER NOT NULL,
  answer BLOB NOT NULL
) STRICT;
CREATE INDEX inquiries_person ON inquiries (person);
CREATE UNIQUE INDEX inquiries_idx ON inquiries (idx);

CREATE TABLE inquiry_outcomes (
  inquiry TEXT PRIMARY KEY REFERENCES inquiries (id),
  idx INTEGER NOT NULL,
  decision TEXT NOT NULL,
  at_us INTEGER NOT NULL
) STRICT;

CREATE TABLE freezes (
  id TEXT PRIMARY KEY,
  person TEXT NOT NULL REFERENCES persons (id),
  placed_us INTEGER NOT NULL,
  lifted_us INTEGER
) STRICT;
CREATE INDEX freezes_person ON freezes (person);

CREATE TABLE nonces (
  keyid TEXT NOT NULL,
  nonce TEXT NOT NULL,
  until_us INTEGER NOT NULL,
  PRIMARY KEY (nonce, keyid)
) STRICT;
CREATE INDEX nonces_until ON nonces (until_us);

CREATE TABLE idempotency (
  principal TEXT NOT NULL,
  key TEXT NOT NULL,
  request BLOB NOT NULL,
  verdict TEXT NOT NULL,
  body BLOB NOT NULL,
  person TEXT,
  idx INTEGER NOT NULL,
  at_us INTEGER NOT NULL,
  PRIMARY KEY (key, principal)
) STRICT;
CREATE INDEX idempotency_at ON idempotency (at_us);

-- Rule packs and scorecards that were ever in force, kept for ever by digest (decisions.md 17).
CREATE TABLE artefacts (
  digest TEXT PRIMARY KEY,
  kind TEXT NOT NULL CHECK (kind IN ('packs', 'scorecard')),
  name TEXT NOT NULL,
  content TEXT NOT NULL,
  since_us INTEGER NOT NULL,
  idx INTEGER NOT NULL
) STRICT;

-- Batches committed lately: after a lost answer to a commit, this tells (decisions.md 10).
CREATE TABLE batches (
  id TEXT PRIMARY KEY,
  at_us INTEGER NOT NULL
) STRICT;
