-- Where a partner sits, and on what basis answers may leave for it (PIPL 38).
ALTER TABLE partners ADD COLUMN country TEXT NOT NULL DEFAULT '';
ALTER TABLE partners ADD COLUMN export_basis TEXT;
