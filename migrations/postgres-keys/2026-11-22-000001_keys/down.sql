-- The first schema has nothing before it: a bureau's record is never taken down by a migration.
SELECT 1;
