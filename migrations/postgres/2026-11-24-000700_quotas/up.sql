-- How much a partner may ask, where its contract says so: JSON, NULL for the bureau's own limits.
ALTER TABLE partners ADD COLUMN quota TEXT;
