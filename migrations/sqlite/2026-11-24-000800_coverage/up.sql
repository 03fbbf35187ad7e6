-- Which records a furnisher's account has: so that a month that is missing can be told.
-- `account` is a keyed digest of holder, furnisher and account key; `month` is the month of a
-- statement (year * 12 + month - 1), NULL for the account itself; `ends` the month after which no
-- further one is expected. Empty for a record from before: the next start fills it in.
ALTER TABLE facts ADD COLUMN furnisher TEXT NOT NULL DEFAULT '';
ALTER TABLE facts ADD COLUMN account BLOB;
ALTER TABLE facts ADD COLUMN month INTEGER;
ALTER TABLE facts ADD COLUMN ends INTEGER;
CREATE INDEX facts_account ON facts (furnisher, account, month, deleted)
  WHERE account IS NOT NULL;
CREATE INDEX facts_unnamed ON facts (identity) WHERE furnisher = '';
-- Whom a furnisher may speak of.
CREATE INDEX consents_furnishing ON consents (recipient, subject) WHERE purpose = 'furnish';

-- What the bureau asked a furnisher for, until it comes or is answered.
CREATE TABLE data_requests (
  id TEXT PRIMARY KEY,
  furnisher TEXT NOT NULL REFERENCES partners (id),
  person TEXT NOT NULL REFERENCES persons (id),
  account BLOB NOT NULL,
  from_month INTEGER NOT NULL,
  until_month INTEGER NOT NULL CHECK (until_month >= from_month),
  state TEXT NOT NULL CHECK (state IN ('open', 'filled', 'answered')),
  reason TEXT,
  opened_us INTEGER NOT NULL,
  closed_us INTEGER,
  opened_idx INTEGER NOT NULL,
  idx INTEGER NOT NULL
) STRICT;
CREATE INDEX data_requests_furnisher ON data_requests (furnisher, id);
CREATE INDEX data_requests_account ON data_requests (account);
CREATE INDEX data_requests_person ON data_requests (person);
