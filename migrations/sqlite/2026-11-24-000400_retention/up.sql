-- The first day (YYYYMMDD) on which a profile changes without a new entry: something's time is over.
ALTER TABLE profiles ADD COLUMN until_day INTEGER NOT NULL DEFAULT 99991231;
CREATE INDEX profiles_until ON profiles (until_day);
