-- The key store: wrapped keys of persons and periods, apart from the data and from its backups
-- (decisions.md 6). A row that is gone is a person forgotten.
CREATE TABLE keys (
  name TEXT PRIMARY KEY,
  wrapped BLOB NOT NULL
) STRICT;
