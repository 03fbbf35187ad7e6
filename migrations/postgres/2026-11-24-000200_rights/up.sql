-- What persons demanded and what became of it: disputes, statements, reviews, complaints, notices.
CREATE TABLE matters (
  id TEXT PRIMARY KEY,
  kind TEXT NOT NULL CHECK (kind IN ('dispute', 'statement', 'review', 'complaint', 'notice')),
  person TEXT NOT NULL REFERENCES persons (id),
  state TEXT NOT NULL,
  placed_us BIGINT NOT NULL,
  due_us BIGINT,
  closed_us BIGINT,
  opened_idx BIGINT NOT NULL,
  sealed BYTEA NOT NULL,
  idx BIGINT NOT NULL
);
CREATE INDEX matters_person ON matters (person);
CREATE INDEX matters_due ON matters (due_us) WHERE closed_us IS NULL;

-- The items of disputes: a mark on each while it is contested, or, where withheld, out of the score.
CREATE TABLE contested (
  id TEXT PRIMARY KEY,
  dispute TEXT NOT NULL REFERENCES matters (id),
  person TEXT NOT NULL REFERENCES persons (id),
  observation BIGINT NOT NULL,
  furnisher TEXT NOT NULL,
  state TEXT NOT NULL,
  withheld BOOLEAN NOT NULL,
  from_idx BIGINT NOT NULL,
  to_idx BIGINT
);
CREATE INDEX contested_person ON contested (person);
CREATE INDEX contested_dispute ON contested (dispute);

-- Records that a furnisher may not send again: disputed and found wrong, or forgotten.
CREATE TABLE barred (
  id BYTEA PRIMARY KEY,
  identity BYTEA NOT NULL,
  reason TEXT NOT NULL CHECK (reason IN ('refuted', 'deleted', 'obsolete')),
  idx BIGINT NOT NULL,
  lifted_idx BIGINT
);
CREATE INDEX barred_identity ON barred (identity);

-- What partners and persons are told: a signed pull. Ids rise with the log.
CREATE TABLE events (
  id BIGINT PRIMARY KEY,
  recipient TEXT NOT NULL,
  kind TEXT NOT NULL,
  person TEXT,
  period TEXT NOT NULL,
  body BYTEA NOT NULL,
  idx BIGINT NOT NULL,
  at_us BIGINT NOT NULL
);
CREATE INDEX events_recipient ON events (recipient, id);
