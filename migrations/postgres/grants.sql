-- What the service may do in the bureau's database, and no more. Run it once as the owner of the
-- tables, after `fivefold migrate`, and again after each migration:
--
--   psql "$OWNER_URL" -v service=fivefold_service -f migrations/postgres/grants.sql
--
-- The key store is another database, whose one table the service itself owns: a key that is
-- destroyed must leave its page too, and only an owner may VACUUM.
--
-- The owner (migrations, restore) and the service are two roles. The service cannot change history:
-- entries are inserted and read, and that is all. What a purge, an erasure or a sweep must delete or
-- change is named here, table by table.

REVOKE ALL ON ALL TABLES IN SCHEMA public FROM :"service";
GRANT USAGE ON SCHEMA public TO :"service";
GRANT SELECT ON ALL TABLES IN SCHEMA public TO :"service";

-- History: inserted once. A leaf, what was published, what was in force, who is who.
GRANT INSERT ON entries, artefacts, alerts, conduct, inquiry_marks, inquiry_outcomes, resolutions TO :"service";

-- A checkpoint is signed anew by a later key, at the same size and of the same root.
GRANT INSERT, UPDATE ON checkpoints TO :"service";

-- The end of the log moves forward.
GRANT INSERT, UPDATE ON log_head TO :"service";

-- What entries commit to: a body is inserted, and only the part that concerns a person can go or be
-- sealed anew, under its own name or as evidence.
GRANT INSERT ON bodies TO :"service";
GRANT UPDATE (person, personal) ON bodies TO :"service";

-- Projections that stand for the last word: inserted and updated, never deleted.
GRANT INSERT, UPDATE ON partners, partner_keys, staff, persons, models, uploads TO :"service";

-- What is forgotten with a person, or replaced row by row.
GRANT INSERT, UPDATE, DELETE ON
  lookups, pairwise, person_keys, mandates, consents, facts, profiles, inquiries, freezes,
  data_requests, monitors, matters, contested, barred, events, idempotency, nonces, batches, webhooks,
  dead_letters, applications
TO :"service";
GRANT DELETE ON inquiry_marks, inquiry_outcomes, resolutions TO :"service";
