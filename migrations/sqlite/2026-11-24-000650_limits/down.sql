-- A bureau's record is never taken down by a migration.
SELECT 1;
