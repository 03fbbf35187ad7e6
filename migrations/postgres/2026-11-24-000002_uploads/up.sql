-- Large files of observations on their way: taken with 202, applied slice by slice, resumed after
-- a crash where the last committed slice ended. The file itself lies sealed under DIR/spool.
CREATE TABLE uploads (
  id TEXT PRIMARY KEY,
  partner TEXT NOT NULL,
  keyid TEXT NOT NULL,
  format TEXT NOT NULL CHECK (format IN ('ndjson', 'parquet')),
  bytes BIGINT NOT NULL CHECK (bytes > 0),
  digest BYTEA NOT NULL,
  dry_run BOOLEAN NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('waiting', 'applying', 'done', 'refused')),
  next_line BIGINT NOT NULL,
  -- What is known so far: the receipt, or the problem that refused the file; sealed.
  outcome BYTEA NOT NULL,
  -- The key of the spooled file, sealed; empty once the file is gone.
  spool_key BYTEA NOT NULL,
  created_us BIGINT NOT NULL,
  updated_us BIGINT NOT NULL,
  idx BIGINT NOT NULL
);
CREATE INDEX uploads_state ON uploads (state, created_us);
