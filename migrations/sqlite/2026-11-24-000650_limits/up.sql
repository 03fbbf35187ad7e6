-- What a consent limits: answers a month, and whether its artefact names accounts or days.
ALTER TABLE consents ADD COLUMN frequency INTEGER;
ALTER TABLE consents ADD COLUMN uses INTEGER NOT NULL DEFAULT 0;
ALTER TABLE consents ADD COLUMN narrowed INTEGER NOT NULL DEFAULT 0 CHECK (narrowed IN (0, 1));
UPDATE consents SET uses = 1 WHERE used_us IS NOT NULL;

-- A warning of fraud stands beside freezes, and ends by itself.
ALTER TABLE freezes ADD COLUMN kind TEXT NOT NULL DEFAULT 'freeze';
ALTER TABLE freezes ADD COLUMN until_us INTEGER;
