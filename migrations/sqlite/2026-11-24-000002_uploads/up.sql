-- Large files of observations on their way: taken with 202, applied slice by slice, resumed after
-- a crash where the last committed slice ended. The file itself lies sealed under DIR/spool.
CREATE TABLE uploads (
  id TEXT PRIMARY KEY,
  partner TEXT NOT NULL,
  keyid TEXT NOT NULL,
  format TEXT NOT NULL CHECK (format IN ('ndjson', 'parquet')),
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
CREATE INDEX uploads_state ON uploads (state, created_us);
