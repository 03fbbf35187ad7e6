//! Backups: whole, signed, without a key, made while the bureau works; restored into either
//! database; and what was forgotten after one was made stays forgotten.

use std::path::{Path, PathBuf};

use fivefold::bureau::Bureau;
use fivefold::bureau::backup::{self, BackupError};
use fivefold::bureau::command::erase::Erase;
use fivefold::bureau::command::file::SeeFile;
use fivefold::bureau::replay::Replayed;
use fivefold::bureau::restore::{RESTORING, RestoreError, RestoreOrder, RestoreReport};
use fivefold::kernel::Env;
use fivefold::ledger::note::Verifier;
use fivefold::policy::Environment;
use fivefold::store::copy::{self, TABLES};
use fivefold::store::{Store, Target};
use serde_json::{Value, json};

use crate::persons::with_key;
use crate::postgres::Fresh;
use crate::uploads::{stands, taken};
use crate::world::{Human, Party, World, on_both, text};

/// A bureau with a bit of everything, and a person with a key of their own.
struct Case {
    bank: Party,
    subject: String,
    inquiry: String,
    out: tempfile::TempDir,
}

fn case(world: &World) -> Case {
    let (bank, hotel) = (world.bank(), world.hotel());
    let subject = with_key(world, &bank, &Human::nth(7, "DE"), &world.key("a person"));
    world.history(&bank, &subject);
    world.enrol(&hotel, &Human::nth(7, "DE"));
    world.inquire(&bank, &subject, "account_review");
    let other = world.enrol(&bank, &Human::nth(8, "DE"));
    world.history(&bank, &other);
    let answer = world.inquire(&bank, &other, "credit_application");
    let inquiry = text(&answer["inquiry"]);
    Case { bank, subject, inquiry, out: tempfile::tempdir().expect("a directory") }
}

fn back_up(world: &World, out: &Path) -> u64 {
    let made = world.bureau().backup(world.staff(), out, &mut |_, _| {}).expect("a backup");
    made.entries
}

/// An empty database of the same kind, in place of the world's.
fn emptied(world: &mut World) {
    world.close();
    match &world.settings.database {
        Target::Sqlite { path, .. } => {
            for end in ["", "-wal", "-shm"] {
                let _ = std::fs::remove_file(format!("{}{end}", path.display()));
            }
        }
        Target::Postgres { .. } => {
            let fresh = Fresh::database("restore").expect("a second database");
            world.settings.database = Target::Postgres { url: fresh.url.clone(), keys: false };
            world.hold(fresh);
        }
    }
}

fn restore(world: &mut World, order: &RestoreOrder) -> Result<RestoreReport, Box<RestoreError>> {
    let (env, clock) = Env::fixed(world.env.now(), 99_000 + world.next());
    let restored = Bureau::restore(&env, &world.settings, order, &mut |_, _| {});
    let (bureau, report) = restored?;
    world.put(bureau, env, clock);
    Ok(report)
}

fn from(path: &Path) -> RestoreOrder {
    RestoreOrder { from: path.to_path_buf(), unwitnessed: true, ..RestoreOrder::default() }
}

fn without_log(world: &World) {
    std::fs::remove_dir_all(world.dir().join("log")).expect("removed");
}

/// Every file under a directory that holds any of these bytes.
fn holding(dir: &Path, planted: &[Vec<u8>]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).expect("a directory") {
        let path = entry.expect("an entry").path();
        let mut bytes = std::fs::read(&path).expect("a file");
        if path.extension().is_some_and(|end| end == "zst") {
            bytes = zstd::decode_all(&bytes[..]).expect("a compressed table");
        }
        let holds = |word: &Vec<u8>| bytes.windows(word.len()).any(|window| window == &word[..]);
        if planted.iter().any(holds) {
            found.push(path);
        }
    }
    found
}

on_both!(every_table_of_the_database_is_in_a_backup, |world| {
    let mut conn = world.settings.database.connect().expect("a connection");
    let there = copy::tables(&mut conn).expect("tables");
    let mut copied: Vec<&str> = TABLES.iter().map(|(name, _)| *name).collect();
    copied.sort_unstable();
    assert_eq!(there, copied, "a table that no backup holds is lost with the database");
});

on_both!(a_backup_is_whole_and_holds_no_key, "DE", |world| {
    let case = case(world);
    let out = case.out.path().join("one");
    let entries = back_up(world, &out);
    let keys = world.bureau().engine.keys.log_verifiers();
    let checked = backup::check(&out, &keys, &[], &mut |_, _| {}).expect("whole");
    assert_eq!(checked.checkpoint.size, entries);
    // Neither a private key of the bureau nor a wrapped one of a person, in any spelling.
    let mut planted = Vec::new();
    for file in std::fs::read_dir(world.dir().join("keys")).expect("keys") {
        let text = std::fs::read_to_string(file.expect("a file").path()).expect("a key");
        let seed = text.trim().rsplit(' ').next().expect("a seed").to_string();
        let bytes = fivefold::kernel::bytes::from_base64(&seed).expect("base64");
        planted.push(fivefold::kernel::bytes::hex(&bytes).into_bytes());
        planted.push(seed.into_bytes());
        planted.push(bytes);
    }
    assert!(planted.len() >= 15, "five keys, in three spellings");
    for words in ["\"keys\"", "wrapped", &Human::nth(7, "DE").passport, "Person H"] {
        planted.push(words.as_bytes().to_vec());
    }
    assert_eq!(holding(&out, &planted), Vec::<PathBuf>::new());
    // What is altered is named; what another key signed is not believed.
    let file = out.join("bodies.ndjson.zst");
    let good = std::fs::read(&file).expect("a file");
    let mut bad = good.clone();
    let middle = bad.len() / 2;
    bad[middle] ^= 1;
    std::fs::write(&file, &bad).expect("altered");
    let refused = backup::check(&out, &keys, &[], &mut |_, _| {}).expect_err("altered");
    assert!(matches!(&refused, BackupError::File(name, _) if name == "bodies.ndjson.zst"));
    std::fs::write(&file, &good).expect("put back");
    let manifest = out.join("manifest.json");
    let text = std::fs::read_to_string(&manifest).expect("a manifest");
    std::fs::write(&manifest, text.replacen("\"rows\": ", "\"rows\": 1", 1)).expect("altered");
    let refused = backup::check(&out, &keys, &[], &mut |_, _| {}).expect_err("altered");
    assert_eq!(refused.code(), "backup_manifest", "{refused}");
});

on_both!(a_restored_bureau_answers_as_before, "DE", |world| {
    let case = case(world);
    let out = case.out.path().join("one");
    let entries = back_up(world, &out);
    // The manifest's entry is the last, and not in the backup: it must not be published yet.
    let size = world.size();
    assert!(size > entries);
    emptied(world);
    without_log(world);
    let report = restore(world, &from(&out)).expect("restored");
    assert_eq!((report.entries, report.lapsed, report.lost), (entries, 0, 0));
    assert!(!world.dir().join(RESTORING).exists());
    let replayed = world.bureau().replay(&case.inquiry).expect("replayed");
    assert!(matches!(replayed, Replayed::Same { .. }), "{replayed:?}");
    world.inquire(&case.bank, &case.subject, "credit_application");
    world.audited();
    let refused = restore(world, &from(&out)).expect_err("there is a log already");
    assert!(matches!(*refused, RestoreError::NotEmpty(_)), "{refused}");
});

on_both!(whoever_was_forgotten_after_a_backup_stays_forgotten, "DE", |world| {
    let case = case(world);
    let person = world.person(&case.subject);
    let out = case.out.path().join("before");
    back_up(world, &out);
    let me = world.by_person(&person, &world.key("a person"));
    world.run(Erase { admission: me, subject: "me".to_string() }).expect("forgotten");
    world.bureau().publish().expect("published");
    let published = world.size();
    let newest = std::fs::read_to_string(world.dir().join("log/checkpoint")).expect("a checkpoint");
    emptied(world);

    // The published log has more than the backup: going on would reuse indices.
    let refused = restore(world, &from(&out)).expect_err("behind");
    assert!(matches!(*refused, RestoreError::Behind { known, .. } if known == published));
    // So it is where the checkpoint comes from a witness.
    let log = world.dir().join("log");
    std::fs::rename(&log, world.dir().join("aside")).expect("moved");
    let order = RestoreOrder { known: vec![newest.clone()], ..from(&out) };
    let refused = restore(world, &order).expect_err("behind");
    assert!(matches!(*refused, RestoreError::Behind { .. }), "{refused}");
    std::fs::rename(world.dir().join("aside"), &log).expect("moved back");
    // Under a new name it goes on.
    let order = RestoreOrder { new_origin: true, ..from(&out) };
    let refused = restore(world, &order).expect_err("the same name");
    assert!(matches!(*refused, RestoreError::Origin(_)), "{refused}");
    world.settings.origin = "second.bureau.test/log".to_string();
    let refused = restore(world, &from(&out)).expect_err("another name without saying so");
    assert!(matches!(*refused, RestoreError::Origin(_)), "{refused}");
    // Nobody is forgotten unasked: the same command goes on once it says how many.
    let refused = restore(world, &order).expect_err("one is forgotten");
    let missing = matches!(*refused, RestoreError::Forgetting { missing: 1, persons: 2 });
    assert!(missing, "{refused}");
    let order = RestoreOrder { forget: 1, ..order };
    let report = restore(world, &order).expect("restored");
    assert_eq!((report.lapsed, report.lost), (1, published - report.entries));
    let (record, _) = world.record(report.entries);
    assert_eq!(record["kind"], "origin_continued");
    assert_eq!(record["checkpoint_before"], newest.as_str(), "it commits to the old head");

    forgotten(world, &case, &person);
    world.audited();
});

on_both!(without_any_checkpoint_the_key_store_still_knows_who_was_forgotten, "DE", |world| {
    let case = case(world);
    let person = world.person(&case.subject);
    let out = case.out.path().join("before");
    back_up(world, &out);
    let me = world.by_person(&person, &world.key("a person"));
    world.run(Erase { admission: me, subject: "me".to_string() }).expect("forgotten");
    emptied(world);
    without_log(world);
    // Whether the backup lies behind what was published nobody can tell, so somebody must say so.
    let order = RestoreOrder { forget: 1, ..from(&out) };
    let refused = restore(world, &RestoreOrder { unwitnessed: false, ..order.clone() });
    let refused = refused.expect_err("with nothing to compare");
    assert!(matches!(*refused, RestoreError::Unwitnessed), "{refused}");
    let report = restore(world, &order).expect("restored");
    let (record, _) = world.record(world.size() - 1);
    assert_eq!(
        (&record["kind"], &record["checkpoints_known"]),
        (&json!("origin_restored"), &json!(0))
    );
    assert_eq!(report.lapsed, 1);
    forgotten(world, &case, &person);
    world.audited();
});

// A purge replaces the person's key: an older backup holds nothing of theirs that opens, and they
// are furnished again.
on_both!(whoever_was_purged_after_a_backup_is_counted_and_can_come_back, "DE", |world| {
    let case = case(world);
    let out = case.out.path().join("before");
    back_up(world, &out);
    world.clock.advance_seconds(6 * 365 * 86_400);
    let swept = world.bureau().sweep().expect("swept");
    assert_eq!((swept.files_purged, swept.failed), (2, 0), "{swept:?}");
    emptied(world);
    without_log(world);
    let order = RestoreOrder { forget: 2, ..from(&out) };
    let report = restore(world, &order).expect("restored");
    assert_eq!(report.lapsed, 2, "both files were purged since");
    world.audited();
    let again = world.enrol(&case.bank, &Human::nth(8, "DE"));
    let consent = world.furnishing(&case.bank, &again);
    let fresh = crate::world::month(&again, &consent, "acct-new", "2032-10");
    assert_eq!(world.furnish(&case.bank, &[fresh]).accepted, 1);
    assert_eq!(world.bureau().sweep().expect("swept").failed, 0);
});

// A log that went on under a new name once is lost again, and goes on under a third.
on_both!(a_bureau_is_restored_under_a_new_name_more_than_once, "DE", |world| {
    let case = case(world);
    for name in ["second.bureau.test/log", "third.bureau.test/log"] {
        let out = case.out.path().join(name.replace('/', "-"));
        back_up(world, &out);
        world.inquire(&case.bank, &case.subject, "account_review");
        world.bureau().publish().expect("published");
        emptied(world);
        let keys = world.bureau_keys_of(&world.settings.origin);
        world.settings.origin = name.to_string();
        let order = RestoreOrder { new_origin: true, unwitnessed: false, ..from(&out) };
        let report = restore(world, &order).expect("restored");
        assert!(report.lost > 0, "{report:?}");
        world.audited();
        // As a crash leaves it that comes when the new log is published already.
        world.close();
        let checked = backup::check(&out, &keys, &[], &mut |_, _| {});
        let digest = checked.expect("whole").digest;
        std::fs::write(world.dir().join(RESTORING), &digest).expect("a marker");
        restore(world, &order).expect("goes on");
        world.audited();
    }
    for folder in ["log-before-restore", "log-before-restore-2"] {
        assert!(world.dir().join(folder).join("checkpoint").exists(), "{folder}");
    }
});

// The spooled file lay beside the database that is lost.
on_both!(an_upload_that_was_taken_and_not_finished_is_told_so_after_a_restore, "DE", |world| {
    let case = case(world);
    let lines = crate::world::year(&case.subject, "con_1", "acc-9");
    let upload = taken(world, &case.bank, crate::world::ndjson(&lines).as_bytes());
    let out = case.out.path().join("one");
    back_up(world, &out);
    emptied(world);
    without_log(world);
    std::fs::remove_dir_all(world.dir().join("spool")).expect("removed");
    restore(world, &from(&out)).expect("restored");
    let told = stands(world, &case.bank, &upload);
    assert_eq!(
        (&told["state"], &told["problem"]["code"]),
        (&json!("refused"), &json!("file_unreadable")),
        "{told}"
    );
    world.audited();
});

/// Nobody finds the person by any name, and the key is gone.
fn forgotten(world: &World, case: &Case, person: &str) {
    let asked = world.ask(&case.bank, &case.subject, ("contract", "c-1"), "credit_application");
    assert_eq!(asked.expect("an answer")["code"], "person_unknown");
    let staff = SeeFile { admission: world.staff(), subject: person.to_string() };
    assert_eq!(world.run(staff).expect_err("nobody").code, "subject_not_found");
    let name = format!("person:{person}");
    assert!(world.bureau().keystore().get([name.as_str()]).expect("keys").is_empty());
    let replayed = world.bureau().replay(&case.inquiry).expect("replayed");
    assert!(matches!(replayed, Replayed::Same { .. }), "the other person is as before");
}

on_both!(a_backup_of_another_past_is_refused, "DE", |world| {
    let case = case(world);
    let out = case.out.path().join("one");
    let entries = back_up(world, &out);
    world.bureau().publish().expect("published");
    emptied(world);
    // A checkpoint that the log's own key signed, of a tree that the backup is not.
    let keys = &fivefold::bureau::keys::BureauKeys::load(
        &world.dir().join("keys"),
        &world.settings.origin,
    )
    .expect("keys");
    let checkpoint = fivefold::ledger::checkpoint::Checkpoint {
        origin: world.settings.origin.clone(),
        size: entries - 1,
        root: [7; 32],
    };
    let note = checkpoint.sign(&[&*keys.log()]).expect("signed");
    without_log(world);
    let order = RestoreOrder { known: vec![note], ..from(&out) };
    let refused = restore(world, &order).expect_err("forked");
    assert!(matches!(*refused, RestoreError::Forked(size) if size == entries - 1), "{refused}");
    restore(world, &from(&out)).expect("restored");
});

on_both!(a_restore_that_was_interrupted_goes_on_and_serves_nothing_before, "DE", |world| {
    let case = case(world);
    let person = world.person(&case.subject);
    let out = case.out.path().join("before");
    back_up(world, &out);
    let me = world.by_person(&person, &world.key("a person"));
    world.run(Erase { admission: me, subject: "me".to_string() }).expect("forgotten");
    emptied(world);
    without_log(world);
    let order = RestoreOrder { forget: 1, ..from(&out) };
    restore(world, &order).expect("restored");
    world.close();
    // As a crash after the load leaves it.
    let keys = world.bureau_keys();
    let checked = backup::check(&out, &keys, &[], &mut |_, _| {}).expect("whole");
    std::fs::write(world.dir().join(RESTORING), &checked.digest).expect("a marker");
    let refused = world.open().expect_err("not served").to_string();
    assert!(refused.contains("run the same `fivefold restore`"), "{refused}");
    restore(world, &order).expect("goes on");
    forgotten(world, &case, &person);
});

/// Puts what a backup holds into an empty database at an older schema, as the release of that
/// time would have left it.
fn at_schema(target: &Target, out: &Path, keys: &[Verifier], versions: &[String]) {
    let checked = backup::check(out, keys, &[], &mut |_, _| {}).expect("whole");
    Store::migrate_to(target, versions).expect("the older schema");
    let mut conn = target.connect().expect("a connection");
    let there = copy::tables(&mut conn).expect("tables");
    for table in &checked.manifest.tables {
        if !there.contains(&table.name) {
            assert_eq!(table.rows, 0, "{} is new, and nothing of before is in it", table.name);
            continue;
        }
        let columns = copy::columns(&mut conn, &table.name).expect("columns");
        let places = columns.iter().map(|name| {
            table.columns.iter().position(|own| own == name).expect("a column that is still there")
        });
        let places: Vec<usize> = places.collect();
        let mut lines = Vec::new();
        backup::read_table(out, table, &mut |line| {
            let row: Vec<Value> = serde_json::from_str(line).expect("a row");
            let row: Vec<&Value> = places.iter().map(|place| &row[*place]).collect();
            lines.push(json!(row).to_string());
            Ok(())
        })
        .expect("rows");
        for chunk in lines.chunks(copy::LOAD_ROWS) {
            copy::read_rows(&mut conn, &table.name, &columns, chunk).expect("loaded");
        }
    }
}

on_both!(a_database_of_the_schema_before_is_upgraded_with_its_data, "DE", |world| {
    let case = case(world);
    let out = case.out.path().join("one");
    back_up(world, &out);
    let keys = world.bureau().engine.keys.log_verifiers();
    let mut versions = Store::schema_versions(&world.settings.database).expect("versions");
    versions.pop().expect("there is a schema before this one");
    emptied(world);
    without_log(world);
    at_schema(&world.settings.database, &out, &keys, &versions);
    let why = world.open().expect_err("it is behind").to_string();
    assert!(why.contains("run `fivefold migrate`"), "{why}");
    let applied = Store::migrate(&world.settings.database).expect("migrated");
    assert_eq!(applied.len(), 1, "{applied:?}");
    world.open().expect("it opens");
    world.audited();
    let replayed = world.bureau().replay(&case.inquiry).expect("replayed");
    assert!(matches!(replayed, Replayed::Same { .. }), "{replayed:?}");
    world.inquire(&case.bank, &case.subject, "credit_application");
});

/// A backup of SQLite restored into PostgreSQL, and back.
#[test]
fn a_backup_of_one_database_is_restored_into_the_other() {
    let Some(fresh) = Fresh::database("from one database to the other") else { return };
    let mut world = World::sqlite("from one database to the other", "DE", Environment::Demo);
    let case = case(&world);
    let first = case.out.path().join("first");
    back_up(&world, &first);
    let sqlite = world.settings.database.clone();
    world.close();
    without_log(&world);
    world.settings.database = Target::Postgres { url: fresh.url.clone(), keys: false };
    restore(&mut world, &from(&first)).expect("into PostgreSQL");
    world.audited();
    let there = world.inquire(&case.bank, &case.subject, "credit_application");
    let second = case.out.path().join("second");
    back_up(&world, &second);
    world.settings.database = sqlite;
    emptied(&mut world);
    without_log(&world);
    restore(&mut world, &from(&second)).expect("and back");
    world.audited();
    let replayed = world.bureau().replay(&text(&there["inquiry"])).expect("replayed");
    assert!(matches!(replayed, Replayed::Same { .. }), "{replayed:?}");
}
