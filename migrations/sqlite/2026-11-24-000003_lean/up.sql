-- What every request writes, in one tree each: a table with a text key of its own needs no second
-- one by row number. Nonces live for a minute; the sweep that forgets them can look at all.
CREATE TABLE nonces_lean (
  keyid TEXT NOT NULL,
  nonce TEXT NOT NULL,
  until_us INTEGER NOT NULL,
  PRIMARY KEY (nonce, keyid)
) STRICT, WITHOUT ROWID;
INSERT INTO nonces_lean SELECT keyid, nonce, until_us FROM nonces;
DROP TABLE nonces;
ALTER TABLE nonces_lean RENAME TO nonces;

CREATE TABLE idempotency_lean (
  principal TEXT NOT NULL,
  key TEXT NOT NULL,
  request BLOB NOT NULL,
  verdict TEXT NOT NULL,
  body BLOB NOT NULL,
  person TEXT,
  idx INTEGER NOT NULL,
  at_us INTEGER NOT NULL,
  PRIMARY KEY (key, principal)
) STRICT, WITHOUT ROWID;
INSERT INTO idempotency_lean
  SELECT principal, key, request, verdict, body, person, idx, at_us FROM idempotency;
DROP TABLE idempotency;
ALTER TABLE idempotency_lean RENAME TO idempotency;
CREATE INDEX idempotency_at ON idempotency (at_us);

CREATE TABLE batches_lean (
  id TEXT PRIMARY KEY,
  at_us INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO batches_lean SELECT id, at_us FROM batches;
DROP TABLE batches;
ALTER TABLE batches_lean RENAME TO batches;
