DROP TABLE data_requests;
DROP INDEX consents_furnishing;
DROP INDEX facts_unnamed;
DROP INDEX facts_account;
ALTER TABLE facts DROP COLUMN ends;
ALTER TABLE facts DROP COLUMN month;
ALTER TABLE facts DROP COLUMN account;
ALTER TABLE facts DROP COLUMN furnisher;
