-- What a consent limits: answers a month, and whether its artefact names accounts or days.
ALTER TABLE consents ADD COLUMN frequency BIGINT;
ALTER TABLE consents ADD COLUMN uses BIGINT NOT NULL DEFAULT 0;
ALTER TABLE consents ADD COLUMN narrowed BOOLEAN NOT NULL DEFAULT FALSE;
UPDATE consents SET uses = 1 WHERE used_us IS NOT NULL;

-- A warning of fraud stands beside freezes, and ends by itself.
ALTER TABLE freezes ADD COLUMN kind TEXT NOT NULL DEFAULT 'freeze';
ALTER TABLE freezes ADD COLUMN until_us BIGINT;
