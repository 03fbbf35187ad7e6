-- Uploads may be written in Metro 2 as well.
ALTER TABLE uploads DROP CONSTRAINT uploads_format_check;
ALTER TABLE uploads ADD CONSTRAINT uploads_format_check
  CHECK (format IN ('ndjson', 'parquet', 'metro2'));
