-- The bureau's database. Times are microseconds UTC; sealed columns are AES-256-GCM (kernel::seal).

-- One row: the end of the log. Whoever holds it locked is the writer (decisions.md 10).
CREATE TABLE log_head (
  id BIGINT PRIMARY KEY CHECK (id = 1),
  size BIGINT NOT NULL CHECK (size >= 0),
  frontier BYTEA NOT NULL,
  at_us BIGINT NOT NULL,
  batch TEXT NOT NULL,
  origin TEXT NOT NULL
);

-- The log. Rows are inserted, never changed: the triggers below say so to every client.
CREATE TABLE entries (
  idx BIGINT PRIMARY KEY,
  leaf BYTEA NOT NULL
);
CREATE FUNCTION entries_refuse() RETURNS trigger LANGUAGE plpgsql AS
  $$ BEGIN RAISE EXCEPTION 'the log is append-only'; END $$;
CREATE TRIGGER entries_keep BEFORE UPDATE OR DELETE ON entries
  FOR EACH ROW EXECUTE FUNCTION entries_refuse();
CREATE TRIGGER entries_stay BEFORE TRUNCATE ON entries
  FOR EACH STATEMENT EXECUTE FUNCTION entries_refuse();

-- What the leaves commit to. Rows may lose their personal part by purge only.
CREATE TABLE bodies (
  idx BIGINT PRIMARY KEY,
  kind TEXT NOT NULL,
  at_us BIGINT NOT NULL,
  period TEXT NOT NULL,
  person TEXT,
  record BYTEA NOT NULL,
  personal BYTEA NOT NULL
);
CREATE INDEX bodies_person ON bodies (person, idx);
CREATE INDEX bodies_at ON bodies (at_us);

CREATE TABLE checkpoints (
  size BIGINT PRIMARY KEY,
  note TEXT NOT NULL,
  at_us BIGINT NOT NULL
);

CREATE TABLE partners (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  sector TEXT NOT NULL,
  roles TEXT NOT NULL,
  scenarios TEXT NOT NULL,
  suspended BOOLEAN NOT NULL,
  created_us BIGINT NOT NULL
);

CREATE TABLE partner_keys (
  thumbprint TEXT PRIMARY KEY,
  partner TEXT NOT NULL REFERENCES partners (id),
  jwk TEXT NOT NULL,
  added_us BIGINT NOT NULL,
  retired_us BIGINT
);

CREATE TABLE persons (
  id TEXT PRIMARY KEY,
  residence TEXT NOT NULL,
  birth_us BIGINT,
  vault BYTEA NOT NULL,
  merged_into TEXT,
  created_us BIGINT NOT NULL,
  idx BIGINT NOT NULL
);
CREATE INDEX persons_merged ON persons (merged_into) WHERE merged_into IS NOT NULL;

CREATE TABLE lookups (
  hmac BYTEA PRIMARY KEY,
  person TEXT NOT NULL REFERENCES persons (id),
  name_hmac BYTEA NOT NULL
);
CREATE INDEX lookups_person ON lookups (person);

CREATE TABLE pairwise (
  id TEXT PRIMARY KEY,
  partner TEXT NOT NULL,
  person TEXT NOT NULL REFERENCES persons (id),
  mismatch BOOLEAN NOT NULL,
  level BIGINT NOT NULL,
  created_us BIGINT NOT NULL
);
CREATE UNIQUE INDEX pairwise_person ON pairwise (partner, person, mismatch);
CREATE INDEX pairwise_by_person ON pairwise (person);

CREATE TABLE person_keys (
  thumbprint TEXT PRIMARY KEY,
  person TEXT NOT NULL REFERENCES persons (id),
  jwk TEXT NOT NULL,
  added_us BIGINT NOT NULL,
  retired_us BIGINT
);
CREATE INDEX person_keys_person ON person_keys (person);

CREATE TABLE mandates (
  id TEXT PRIMARY KEY,
  person TEXT NOT NULL REFERENCES persons (id),
  agent TEXT NOT NULL REFERENCES partners (id),
  acts TEXT NOT NULL,
  expires_us BIGINT NOT NULL,
  revoked_us BIGINT
);
CREATE INDEX mandates_person ON mandates (person);

CREATE TABLE resolutions (
  idx BIGINT PRIMARY KEY,
  kind TEXT NOT NULL CHECK (kind IN ('subject_alias', 'subject_merge', 'subject_split', 'no_merge')),
  person TEXT NOT NULL,
  other TEXT NOT NULL
);

CREATE TABLE consents (
  id TEXT PRIMARY KEY,
  person TEXT NOT NULL REFERENCES persons (id),
  subject TEXT NOT NULL,
  recipient TEXT NOT NULL,
  purpose TEXT NOT NULL CHECK (purpose IN ('furnish', 'inquire', 'restricted')),
  scenario TEXT,
  "fetch" TEXT NOT NULL CHECK ("fetch" IN ('ONETIME', 'PERIODIC')),
  categories TEXT NOT NULL,
  dimensions TEXT NOT NULL,
  valid_from_us BIGINT NOT NULL,
  expires_us BIGINT NOT NULL,
  revoked_us BIGINT,
  revoked_idx BIGINT,
  used_us BIGINT,
  data_life_days BIGINT,
  statement BYTEA,
  artefact BYTEA NOT NULL,
  idx BIGINT NOT NULL
);
CREATE INDEX consents_person ON consents (person);
-- A person's signature is good for one consent.
CREATE UNIQUE INDEX consents_statement ON consents (person, statement);

-- One row per live record identity (decisions.md 14): what a furnisher said last.
CREATE TABLE facts (
  identity BYTEA PRIMARY KEY,
  person TEXT NOT NULL REFERENCES persons (id),
  digest BYTEA NOT NULL,
  deleted BOOLEAN NOT NULL,
  idx BIGINT NOT NULL
);
CREATE INDEX facts_person ON facts (person);

CREATE TABLE profiles (
  person TEXT PRIMARY KEY REFERENCES persons (id),
  sealed BYTEA NOT NULL,
  observations BIGINT NOT NULL,
  idx BIGINT NOT NULL
);

-- Hard inquiries that count; insert-only, so an inquiry never rewrites a profile (decisions.md 11).
CREATE TABLE inquiry_marks (
  idx BIGINT PRIMARY KEY,
  person TEXT NOT NULL,
  scenario TEXT NOT NULL,
  at_us BIGINT NOT NULL
);
CREATE INDEX inquiry_marks_person ON inquiry_marks (person, at_us);

CREATE TABLE inquiries (
  id TEXT PRIMARY KEY,
  idx BIGINT NOT NULL,
  asker TEXT NOT NULL,
  person TEXT,
  subject TEXT NOT NULL,
  scenario TEXT NOT NULL,
  at_us BIGINT NOT NULL,
  expires_us BIGINT NOT NULL,
  answer BYTEA NOT NULL
);
CREATE INDEX inquiries_person ON inquiries (person);
CREATE UNIQUE INDEX inquiries_idx ON inquiries (idx);

CREATE TABLE inquiry_outcomes (
  inquiry TEXT PRIMARY KEY REFERENCES inquiries (id),
  idx BIGINT NOT NULL,
  decision TEXT NOT NULL,
  at_us BIGINT NOT NULL
);

CREATE TABLE freezes (
  id TEXT PRIMARY KEY,
  person TEXT NOT NULL REFERENCES persons (id),
  placed_us BIGINT NOT NULL,
  lifted_us BIGINT
);
CREATE INDEX freezes_person ON freezes (person);

CREATE TABLE nonces (
  keyid TEXT NOT NULL,
  nonce TEXT NOT NULL,
  until_us BIGINT NOT NULL,
  PRIMARY KEY (nonce, keyid)
);
CREATE INDEX nonces_until ON nonces (until_us);

CREATE TABLE idempotency (
  principal TEXT NOT NULL,
  key TEXT NOT NULL,
  request BYTEA NOT NULL,
  verdict TEXT NOT NULL,
  body BYTEA NOT NULL,
  person TEXT,
  idx BIGINT NOT NULL,
  at_us BIGINT NOT NULL,
  PRIMARY KEY (key, principal)
);
CREATE INDEX idempotency_at ON idempotency (at_us);

-- Rule packs and scorecards that were ever in force, kept for ever by digest (decisions.md 17).
CREATE TABLE artefacts (
  digest TEXT PRIMARY KEY,
  kind TEXT NOT NULL CHECK (kind IN ('packs', 'scorecard')),
  name TEXT NOT NULL,
  content TEXT NOT NULL,
  since_us BIGINT NOT NULL,
  idx BIGINT NOT NULL
);

-- Batches committed lately: after a lost answer to a commit, this tells (decisions.md 10).
CREATE TABLE batches (
  id TEXT PRIMARY KEY,
  at_us BIGINT NOT NULL
);
