//! Damage: what is altered behind the bureau's back is refused at the start or named by an audit.

use fivefold::store::{SchemaState, Store};

use crate::world::{Human, World, on_both, text, time};

/// A world with a bit of everything in it.
fn furnished(world: &World) -> String {
    let (bank, hotel) = (world.bank(), world.hotel());
    let human = Human::nth(1, "CN");
    let (subject, at_hotel) = (world.enrol(&bank, &human), world.enrol(&hotel, &human));
    world.history(&bank, &subject);
    world.inquire(&bank, &subject, "credit_application");
    world.inquire(&hotel, &at_hotel, "hotel_deposit");
    let consent = world.consent(&bank, &subject, "account_review");
    world.revoke(world.by(&bank), &consent).expect("revoked");
    world.bureau().publish().expect("published");
    subject
}

/// Why the bureau does not open.
fn refusal(world: &mut World) -> String {
    world.open().expect_err("it must not open").to_string()
}

on_both!(the_log_refuses_changes, |world| {
    furnished(world);
    for sql in [
        "UPDATE entries SET leaf = leaf WHERE idx = 0",
        "DELETE FROM entries WHERE idx = 1",
        "DELETE FROM entries",
    ] {
        let error = world.sql(sql).expect_err(sql).to_string();
        assert!(error.contains("append-only"), "{sql}: {error}");
    }
    let sly = if world.is_postgres() {
        "TRUNCATE entries"
    } else {
        "INSERT OR REPLACE INTO entries SELECT idx, leaf FROM entries WHERE idx = 1"
    };
    let error = world.sql(sly).expect_err(sly).to_string();
    assert!(error.contains("append-only"), "{sly}: {error}");
});

on_both!(a_bureau_with_an_altered_end_does_not_open, |world| {
    furnished(world);
    let last = world.size() - 1;
    world.close();
    world.disarm();
    let copy = format!("CREATE TABLE kept AS SELECT leaf FROM entries WHERE idx = {last}");
    world.sql(&copy).expect("kept");
    let other = "(SELECT leaf FROM entries WHERE idx = 3)";
    world.sql(&format!("UPDATE entries SET leaf = {other} WHERE idx = {last}")).expect("altered");
    assert!(refusal(world).contains("do not give the root in the head"));
    let back = format!("UPDATE entries SET leaf = (SELECT leaf FROM kept) WHERE idx = {last}");
    world.sql(&back).expect("put back");
    world.sql(&format!("DELETE FROM entries WHERE idx = {last}")).expect("removed");
    assert!(refusal(world).contains("are not the last in the table"));
    let back = format!("INSERT INTO entries SELECT {last}, leaf FROM kept");
    world.sql(&back).expect("put back");
    world.open().expect("whole again");
});

on_both!(a_database_older_than_what_was_published_does_not_open, |world| {
    let bank = world.bank();
    let subject = world.enrol(&bank, &Human::nth(1, "CN"));
    world.bureau().publish().expect("published");
    let size = world.size();
    world.close();
    // What the database held at this moment, and then a day's work that a restore would lose.
    world.sql("CREATE TABLE kept AS SELECT * FROM log_head").expect("kept");
    world.open().expect("it opens");
    world.consent(&bank, &subject, "credit_application");
    world.bureau().publish().expect("published");
    world.close();
    world.disarm();
    world
        .sql(&format!(
            "CREATE TABLE later AS SELECT * FROM log_head; \
             CREATE TABLE lost AS SELECT * FROM entries WHERE idx >= {size}; \
             CREATE TABLE shown AS SELECT * FROM checkpoints WHERE size > {size}; \
             DELETE FROM log_head; INSERT INTO log_head SELECT * FROM kept; \
             DELETE FROM entries WHERE idx >= {size}; \
             DELETE FROM checkpoints WHERE size > {size}"
        ))
        .expect("set back");
    let why = refusal(world);
    assert!(why.contains("restore a newer copy"), "{why}");
    world
        .sql(
            "DELETE FROM log_head; INSERT INTO log_head SELECT * FROM later; \
             INSERT INTO entries SELECT * FROM lost; \
             INSERT INTO checkpoints SELECT * FROM shown",
        )
        .expect("restored");
    world.open().expect("whole again");
});

on_both!(an_unknown_schema_does_not_open, |world| {
    furnished(world);
    world.close();
    world
        .sql("INSERT INTO __diesel_schema_migrations (version) VALUES ('29990101000000')")
        .expect("a version");
    assert!(refusal(world).contains("29990101000000"));
    let state = Store::schema_state(&world.settings.database).expect("a state");
    assert_eq!(state, SchemaState::Unknown("29990101000000".to_string()));
    assert!(Store::migrate(&world.settings.database).is_err());
    world
        .sql("DELETE FROM __diesel_schema_migrations WHERE version = '29990101000000'")
        .expect("taken out");
    world.open().expect("it opens");
});

on_both!(a_clock_behind_the_log_does_not_open, |world| {
    furnished(world);
    let now = world.env.now();
    world.clock.set(time("2026-11-19T04:00:00Z"));
    assert!(refusal(world).contains("set the clock"));
    world.clock.set(now);
    world.open().expect("it opens");
});

/// Sets a column of the row that `which` picks, demands that the audit names it, and puts the
/// row back.
fn found(world: &World, (table, key): (&str, &str), which: &str, set: &str, named: &str) {
    let column = set.split(" = ").next().expect("a column");
    world.sql(&format!("CREATE TABLE kept AS SELECT * FROM {table} {which}")).expect("kept");
    let row = format!("{key} = (SELECT {key} FROM kept)");
    world.sql(&format!("UPDATE {table} SET {set} WHERE {row}")).expect("altered");
    let findings = world.findings();
    assert!(
        findings.iter().any(|f| f.starts_with(table) && f.contains(named)),
        "{table} {set}: {findings:?}"
    );
    let back = format!("UPDATE {table} SET {column} = (SELECT {column} FROM kept) WHERE {row}");
    world.sql(&format!("{back}; DROP TABLE kept")).expect("put back");
    assert_eq!(world.findings(), Vec::<String>::new(), "{table} was put back");
}

on_both!(an_altered_row_is_named_by_the_audit, |world| {
    let subject = furnished(world);
    let person = world.person(&subject);
    let mine = format!("WHERE person = '{person}'");
    let first = |key: &str| format!("ORDER BY {key} LIMIT 1");
    let profiles = ("profiles", "person");
    found(world, profiles, &mine, "observations = 99", &person);
    let other = "sealed = (SELECT artefact FROM consents LIMIT 1)";
    found(world, profiles, &mine, other, &person);
    for set in ["personal = record", "kind = 'freeze_placed'", "at_us = 0"] {
        found(world, ("bodies", "idx"), "WHERE idx = 5", set, "bodies 5");
    }
    for set in ["deleted = true", "digest = identity", "idx = 999999", "idx = 1"] {
        found(world, ("facts", "identity"), &first("idx"), set, "");
    }
    let consents = ("consents", "id");
    found(world, consents, &first("id"), "expires_us = 1", "con_");
    found(world, consents, &first("id"), "recipient = 'par_x'", "con_");
    found(world, consents, "WHERE used_us IS NOT NULL", "used_us = 7", "con_");
    found(world, consents, "WHERE revoked_us IS NOT NULL", "revoked_idx = 7", "con_");
    for set in ["expires_us = 9", "asker = 'par_x'", "answer = (SELECT frontier FROM log_head)"] {
        found(world, ("inquiries", "id"), &first("idx"), set, "inq_");
    }
    found(world, ("inquiry_marks", "idx"), &mine, "scenario = 'tenancy'", "");
    found(world, ("pairwise", "id"), &first("id"), "level = 4", "sub_");
    found(world, ("persons", "id"), "", "residence = 'GB'", &person);
    found(world, ("partners", "id"), &first("id"), "suspended = true", "par_");
    found(world, ("artefacts", "digest"), "WHERE kind = 'packs'", "content = '{}'", "rule packs");
    found(world, ("checkpoints", "size"), &first("size"), "note = 'nothing'", "");
});

on_both!(a_row_too_few_or_too_many_is_named_by_the_audit, |world| {
    furnished(world);
    for (table, key) in [
        ("bodies", "idx = 6"),
        ("facts", "idx = (SELECT max(idx) FROM facts)"),
        ("profiles", "idx >= 0"),
        ("inquiry_marks", "idx >= 0"),
        ("inquiries", "idx = (SELECT max(idx) FROM inquiries)"),
        ("consents", "revoked_us IS NOT NULL"),
    ] {
        world.sql(&format!("CREATE TABLE kept AS SELECT * FROM {table} WHERE {key}")).expect("k");
        world.sql(&format!("DELETE FROM {table} WHERE {key}")).expect("deleted");
        let findings = world.findings();
        assert!(findings.iter().any(|f| f.starts_with(table)), "{table}: {findings:?}");
        let back = format!("INSERT INTO {table} SELECT * FROM kept; DROP TABLE kept");
        world.sql(&back).expect("put back");
    }
    let freeze = "INSERT INTO freezes (id, person, placed_us) SELECT 'frz_x', id, 1 FROM persons";
    world.sql(freeze).expect("placed by nobody");
    assert_eq!(world.findings(), ["freezes frz_x: no entry says so"]);
    world.sql("DELETE FROM freezes").expect("taken out");
});

on_both!(an_altered_log_is_named_by_the_audit, |world| {
    furnished(world);
    world.disarm();
    world.sql("CREATE TABLE kept AS SELECT leaf FROM entries WHERE idx = 4").expect("kept");
    let other = "(SELECT leaf FROM entries WHERE idx = 3)";
    world.sql(&format!("UPDATE entries SET leaf = {other} WHERE idx = 4")).expect("altered");
    let findings = world.findings();
    for named in ["bodies 4: its commitment", "log_head", "checkpoints", "published log"] {
        assert!(findings.iter().any(|f| f.starts_with(named)), "{named}: {findings:#?}");
    }
    world.sql("UPDATE entries SET leaf = (SELECT leaf FROM kept) WHERE idx = 4").expect("back");
});

on_both!(a_lost_key_and_an_altered_file_are_named_by_the_audit, |world| {
    let subject = furnished(world);
    let name = format!("person:{}", world.person(&subject));
    let kept = world.settings.keys.connect();
    let mut keys = kept.expect("the key store");
    keys.batch("CREATE TABLE kept AS SELECT * FROM keys").expect("kept");
    keys.batch(&format!("DELETE FROM keys WHERE name = '{name}'")).expect("lost");
    let findings = world.findings();
    assert!(findings.iter().any(|f| f.starts_with(&format!("keys {name}"))), "{findings:?}");
    keys.batch(&format!("INSERT INTO keys SELECT * FROM kept WHERE name = '{name}'"))
        .expect("found");
    let checkpoint = world.bureau().log_dir().join("checkpoint");
    let good = std::fs::read_to_string(&checkpoint).expect("a checkpoint");
    std::fs::write(&checkpoint, good.replacen("\n", "\n1", 1)).expect("altered");
    let findings = world.findings();
    assert!(findings.iter().any(|f| f.starts_with("published log")), "{findings:?}");
    std::fs::write(&checkpoint, good).expect("put back");
    assert_eq!(world.findings(), Vec::<String>::new());
    assert_eq!(text(&serde_json::json!(name)), name);
});
