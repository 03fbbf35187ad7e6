//! The service's own role on PostgreSQL: a whole life works with it, and history cannot be changed.

use fivefold::bureau::command::erase::Erase;
use fivefold::bureau::command::file::SeeFile;
use fivefold::policy::Environment;
use fivefold::store::{StoreError, Target};

use crate::persons::with_key;
use crate::world::{Human, World, text};

const GRANTS: &str = include_str!("../../migrations/postgres/grants.sql");

/// The role of the service, made by the owner: the address under which it connects.
fn service(owner: &Target) -> Target {
    let Target::Postgres { url, keys } = owner else { panic!("PostgreSQL only") };
    let role = format!("service_{}", url.rsplit('_').next().expect("a name"));
    let mut conn = owner.connect().expect("the owner");
    conn.batch(&format!("CREATE ROLE {role} LOGIN PASSWORD 'of-a-test'")).expect("a role");
    conn.batch(&GRANTS.replace(":\"service\"", &format!("\"{role}\""))).expect("granted");
    let (scheme, rest) = url.split_once("://").expect("a URL");
    let (_, place) = rest.rsplit_once('@').expect("a user");
    Target::Postgres { url: format!("{scheme}://{role}:of-a-test@{place}"), keys: *keys }
}

#[test]
fn the_service_does_everything_and_changes_no_history() {
    let Some(mut world) = World::postgres("the service's role", "DE", Environment::Demo) else {
        return;
    };
    world.close();
    let owner = world.settings.database.clone();
    world.settings.database = service(&owner);
    world.open().expect("it opens as the service");

    let bank = world.bank();
    let key = world.key("a person");
    let subject = with_key(&world, &bank, &Human::nth(1, "DE"), &key);
    let consent = world.history(&bank, &subject);
    world.inquire(&bank, &subject, "credit_application");
    let other = with_key(&world, &bank, &Human::nth(2, "DE"), &world.key("another"));
    world.history(&bank, &other);
    world.revoke(world.by(&bank), &consent).expect("revoked");
    let person = world.person(&subject);
    let frozen = world.freeze(world.by_person(&person, &key), "me").expect("frozen");
    world.unfreeze(world.by_person(&person, &key), "me", &text(&frozen["freeze"])).expect("lifted");
    let see = SeeFile { admission: world.by_person(&person, &key), subject: "me".to_string() };
    world.run(see).expect("a report");
    let out = tempfile::tempdir().expect("a directory");
    world.bureau().backup(world.staff(), &out.path().join("b"), &mut |_, _| {}).expect("a backup");
    world.bureau().rotate_key(world.staff(), "log").expect("rotated");
    let erase = Erase { admission: world.by_person(&person, &key), subject: "me".to_string() };
    world.run(erase).expect("forgotten");
    // Time passes until something is past its time: the sweep purges as the service.
    world.clock.advance_seconds(6 * 365 * 86_400);
    let swept = world.bureau().sweep().expect("swept");
    assert_eq!(swept.failed, 0, "{swept:?}");
    assert!(swept.files_purged > 0, "{swept:?}");
    world.audited();

    let refused = |sql: &str| -> String {
        let mut conn = world.settings.database.connect().expect("the service");
        let error: StoreError = conn.batch(sql).expect_err(sql);
        error.to_string()
    };
    for sql in [
        "UPDATE entries SET leaf = leaf WHERE idx = 0",
        "DELETE FROM entries WHERE idx = 0",
        "TRUNCATE entries",
        "ALTER TABLE entries DISABLE TRIGGER ALL",
        "DROP TRIGGER entries_keep ON entries",
        "DROP TABLE entries",
        "UPDATE bodies SET record = personal WHERE idx = 0",
        "UPDATE bodies SET at_us = 0",
        "DELETE FROM bodies WHERE idx = 0",
        "DELETE FROM checkpoints",
        "DELETE FROM log_head",
        "DELETE FROM persons",
        "DELETE FROM partners",
        "UPDATE artefacts SET content = ''",
        "UPDATE inquiry_marks SET at_us = 0",
        "UPDATE resolutions SET person = other",
        "CREATE TABLE mine (x BIGINT)",
        "UPDATE __diesel_schema_migrations SET version = '0'",
    ] {
        let said = refused(sql);
        let known = said.contains("permission denied") || said.contains("must be owner");
        assert!(known, "{sql}: {said}");
    }
    world.audited();
}
