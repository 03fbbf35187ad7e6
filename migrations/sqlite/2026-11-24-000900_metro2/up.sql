-- Uploads may be written in Metro 2 as well. SQLite changes no constraint in place.
CREATE TABLE uploads_metro2 (
  id TEXT PRIMARY KEY,
  partner TEXT NOT NULL,
  keyid TEXT NOT NULL,
  format TEXT NOT NULL CHECK (format IN ('ndjson', 'parquet', 'metro2')),
  bytes INTEGER NOT NULL CHECK (bytes > 0),
  digest BLOB NOT NULL,
  dry_run INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('waiting', 'applying', 'done', 'refused')),
  next_line INTEGER NOT NULL,
  -- What is known so far: the receipt, or the problem that refused the file; sealed.
  outcome BLOB NOT NULL,
  -- The key of the spooled file, sealed; empty once the file is gone.
  spool_key BLOB NOT NULL,
  created_us INTEGER NOT NULL,
  updated_us INTEGER NOT NULL,
  idx INTEGER NOT NULL
) STRICT;
INSERT INTO uploads_metro2 SELECT * FROM uploads;
DROP TABLE uploads;
ALTER TABLE uploads_metro2 RENAME TO uploads;
CREATE INDEX uploads_state ON uploads (state, created_us);
