//! What is forgotten is gone from everywhere, and the log still verifies.

use std::path::Path;

use fivefold::bureau::command::consent::ReadConsent;
use fivefold::bureau::command::erase::{Erase, Hold};
use fivefold::bureau::command::events::ReadEvents;
use fivefold::bureau::command::file::SeeFile;
use fivefold::bureau::command::read::ReadAnswer;
use fivefold::bureau::command::resolve::{Resolution, Resolve};
use fivefold::bureau::replay::Replayed;
use fivefold::error::Problem;
use fivefold::kernel::bytes::from_base64;
use fivefold::partner::Role;
use fivefold::partner::signature::SigningKey;
use fivefold::store::Target;
use serde_json::{Value, json};

use crate::persons::with_key;
use crate::world::{Human, Party, World, month, on_both, text, year};

/// What is planted, to be looked for afterwards.
const NAME: &str = "Xiwangzhe Planted Q77";
const PASSPORT: &str = "P77PLANT1";
const KEY: &str = "acct-planted-q77";
const CREDITOR: &str = "Plantagenet Funding Q77";

struct Case {
    bank: Party,
    hotel: Party,
    subject: String,
    at_hotel: String,
    consent: String,
    lines: Vec<Value>,
}

fn human(residence: &str) -> Human {
    Human { name: NAME.to_string(), passport: PASSPORT.to_string(), ..Human::nth(7, residence) }
}

fn case(world: &World, residence: &str) -> Case {
    let (bank, hotel) = (world.bank(), world.hotel());
    let key = world.key("the planted person");
    let subject = with_key(world, &bank, &human(residence), &key);
    let at_hotel = world.enrol(&hotel, &human(residence));
    let consent = world.furnishing(&bank, &subject);
    let mut lines = year(&subject, &consent, KEY);
    lines[0]["original_creditor"] = json!(CREDITOR);
    let receipt = world.furnish(&bank, &lines);
    assert_eq!(receipt.rejected, 0, "{:?}", receipt.errors);
    Case { bank, hotel, subject, at_hotel, consent, lines }
}

fn erase(world: &World, subject: &str) -> Result<Value, Problem> {
    let key = world.key("the planted person");
    let admission = world.by_person(&world.person(subject), &key);
    world.run(Erase { admission, subject: "me".to_string() })
}

/// Every file under a directory that holds any of the words.
fn holding(dir: &Path, words: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(holding(&path, words));
            continue;
        }
        let bytes = std::fs::read(&path).expect("a file");
        for word in words {
            let word = word.as_bytes();
            if bytes.windows(word.len()).any(|window| window == word) {
                found.push(format!("{}: {}", path.display(), String::from_utf8_lossy(word)));
            }
        }
    }
    found
}

on_both!(a_person_is_forgotten_everywhere_and_the_log_still_verifies, "DE", |world| {
    let case = case(world, "DE");
    let person = world.person(&case.subject);
    let score = world.inquire(&case.bank, &case.subject, "credit_application");
    assert_eq!(score["form"], "score");
    let before = world.size();
    // A backup from before the erasure: the data, and never the key store.
    let backup = tempfile::tempdir().expect("a directory");
    if let Target::Sqlite { path, .. } = &world.settings.database {
        std::fs::copy(path, backup.path().join("bureau.sqlite")).expect("copied");
        let wal = format!("{}-wal", path.display());
        std::fs::copy(wal, backup.path().join("bureau.sqlite-wal")).expect("copied");
    }

    let erased = erase(world, &case.subject).expect("forgotten");
    let certificate = &erased["certificate"];
    let gone: Vec<Vec<u64>> = serde_json::from_value(certificate["gone"].clone()).expect("ranges");
    assert!(gone.iter().all(|range| range[0] <= range[1] && range[1] < before));
    assert!(!erased.to_string().contains(&person), "it names nobody");
    // Anyone with the bureau's published key can check the certificate.
    let signature = from_base64(erased["signature"].as_str().expect("a text")).expect("base64");
    let signed = text(&erased["certificate_text"]);
    let key = world.bureau().engine.keys.manifest().public();
    assert!(key.verify(signed.as_bytes(), &signature));
    world.audited();

    // Nobody finds the person any more, by any name.
    let code = |answer: Result<Value, Problem>| answer.expect_err("gone").code;
    let asked = world.ask(&case.bank, &case.subject, ("contract", "c-1"), "credit_application");
    assert_eq!(asked.expect("an answer")["code"], "person_unknown");
    let me = world.by_person(&person, &world.key("the planted person"));
    assert_eq!(code(world.run(SeeFile { admission: me, subject: "me".into() })), "key_unknown");
    let staff = SeeFile { admission: world.staff(), subject: person.clone() };
    assert_eq!(code(world.run(staff)), "subject_not_found");
    let (admission, inquiry) = (world.by(&case.bank), text(&score["inquiry"]));
    assert_eq!(code(world.run(ReadAnswer { admission, inquiry })), "answer_expired");
    let (admission, consent) = (world.by(&case.bank), case.consent.clone());
    assert_eq!(code(world.run(ReadConsent { admission, consent })), "consent_not_found");
    let replayed = world.bureau().replay(&text(&score["inquiry"])).expect("looked at");
    assert!(matches!(replayed, Replayed::Gone { .. }), "{replayed:?}");

    // Nothing in clear is in any file, of the bureau or of the backup; nor does the key open it.
    let words = [NAME, "Planted Q77", PASSPORT, KEY, CREDITOR, "Plantagenet"];
    assert_eq!(holding(world.dir(), &words), Vec::<String>::new());
    assert_eq!(holding(backup.path(), &words), Vec::<String>::new());
    let name = format!("person:{person}");
    assert!(world.bureau().keystore().get([name.as_str()]).expect("keys").is_empty());
    let out = tempfile::tempdir().expect("a directory");
    let period = world.bureau().period("2026-11").expect("a period");
    let by = fivefold::bureau::admission::Admission::operator("clerk", "a test");
    world.bureau().extract(&period, by, &out.path().join("x"), &mut |_, _| {}).expect("an extract");
    assert_eq!(holding(out.path(), &words), Vec::<String>::new());
    world.open().expect("it starts again");
});

on_both!(what_was_forgotten_does_not_come_back_with_the_next_batch, "DE", |world| {
    let case = case(world, "DE");
    erase(world, &case.subject).expect("forgotten");
    let old = world.furnish(&case.bank, &case.lines);
    assert!(old.errors.iter().all(|e| e.code == "subject_not_found"), "{:?}", old.errors);
    // The person comes back as a customer, and the old records are sent under the new name.
    let again = world.enrol(&case.bank, &human("DE"));
    assert_ne!(again, case.subject);
    let consent = world.furnishing(&case.bank, &again);
    let receipt = world.furnish(&case.bank, &year(&again, &consent, KEY));
    assert_eq!(receipt.accepted, 0);
    assert!(receipt.errors.iter().all(|e| e.code == "obsolete_reimport"), "{:?}", receipt.errors);
    let fresh = month(&again, &consent, "acct-new", "2026-10");
    assert_eq!(world.furnish(&case.bank, &[fresh]).accepted, 1, "what is new is new");
    // Another person of the same bank has records of the same names.
    let other = world.enrol(&case.bank, &Human::nth(8, "DE"));
    let consent = world.furnishing(&case.bank, &other);
    assert_eq!(world.furnish(&case.bank, &year(&other, &consent, KEY)).rejected, 0);
});

on_both!(in_china_what_a_lender_reported_against_the_person_is_stored_and_not_used, |world| {
    let case = case(world, "CN");
    let mut bad = month(&case.subject, &case.consent, KEY, "2026-10");
    bad["op"] = json!("correct");
    bad["dpd"] = json!(40);
    bad["status"] = json!("late");
    bad["adverse_notice"] =
        json!({ "channel": "sms", "sent_at": "2026-10-20T00:00:00Z", "template": "t-1" });
    assert_eq!(world.furnish(&case.bank, &[bad]).accepted, 1);
    let erased = erase(world, &case.subject).expect("forgotten");
    let certificate = &erased["certificate"];
    assert_eq!(
        (&certificate["extent"], &certificate["law"]),
        (&json!("restricted"), &json!("PIPL 47"))
    );
    // Of what was said twice, the last word is stored; never longer than its own clock runs, five
    // years from the end of the spell (Reg 16), which has none while the debt is open.
    assert_eq!(certificate["restricted"].as_array().map(Vec::len), Some(1));
    assert_eq!(certificate["restricted"][0]["until"], "2031-11-20");
    assert_eq!(certificate["evidence_until"], "2031-11-20");
    let asked = world.enrol(&case.bank, &human("CN"));
    let answer = world.inquire(&case.bank, &asked, "account_review");
    assert_eq!(answer["code"], "insufficient_data");
    let at_hotel = world.ask(&case.hotel, &case.at_hotel, ("consent", "con_0"), "hotel_deposit");
    assert_eq!(at_hotel.expect_err("its name for the person is gone").code, "consent_not_found");
});

on_both!(what_is_kept_of_somebody_forgotten_ends_with_its_own_day, |world| {
    let case = case(world, "CN");
    // A spell that ended long ago, a mistake that was corrected, and an inquiry.
    let late = |of: &str, op: &str, dpd: u16| {
        let mut bad = month(&case.subject, &case.consent, "acct-old", of);
        bad["op"] = json!(op);
        if dpd > 0 {
            bad["dpd"] = json!(dpd);
            bad["status"] = json!("late");
            bad["adverse_notice"] =
                json!({ "channel": "sms", "sent_at": "2022-01-20T00:00:00Z", "template": "t-1" });
        }
        bad
    };
    let lines = [
        late("2022-02", "report", 40),
        late("2022-03", "report", 0),
        late("2026-08", "report", 45),
        late("2026-08", "correct", 0),
    ];
    for line in lines {
        let receipt = world.furnish(&case.bank, &[line]);
        assert_eq!(receipt.rejected, 0, "{:?}", receipt.errors);
    }
    let asked = world.inquire(&case.bank, &case.subject, "account_review");
    let erased = erase(world, &case.subject).expect("forgotten");
    let restricted = erased["certificate"]["restricted"].as_array().expect("a list").clone();
    assert_eq!(restricted.len(), 1, "{restricted:?}");
    let until = text(&restricted[0]["until"]);
    assert!(until.starts_with("2027-0"), "five years after the spell: {until}");
    world.audited();
    let kept = || world.bureau().keystore().kept_as_evidence().expect("names").len();
    assert_eq!(kept(), 2);
    assert_eq!(world.bureau().sweep().expect("swept").evidence_ended, 0);
    world.clock.advance_seconds(400 * 86_400);
    assert_eq!(world.bureau().sweep().expect("swept").evidence_ended, 1);
    assert_eq!(kept(), 1);
    world.audited();
    world.clock.advance_seconds(5 * 366 * 86_400);
    assert_eq!(world.bureau().sweep().expect("swept").evidence_ended, 1);
    assert_eq!((kept(), world.bureau().sweep().expect("swept").evidence_ended), (0, 0));
    let replayed = world.bureau().replay(&text(&asked["inquiry"]));
    assert!(replayed.is_err(), "nothing is left of the inquiry: {replayed:?}");
});

on_both!(an_agent_has_nobody_forgotten_who_could_sign_it_themself, "DE", |world| {
    let agent = world.partner("Agent", "other", &[Role::Agent, Role::Enroller], &[]);
    let bank = world.bank();
    let mandated = |human: &Human| {
        let mut enrolment = human.enrolment();
        enrolment["mandate"] = json!({
            "acts": ["erase", "complain", "see_file"], "expires_at": "2027-01-01T00:00:00Z",
            "evidence_digest": "ab".repeat(32),
        });
        text(&world.enrol_as(world.by(&agent), &enrolment).expect("enrolled")["subject"])
    };
    let (with, without) = (Human::nth(17, "DE"), Human::nth(18, "DE"));
    let key = world.key("signs alone");
    let (of_with, of_without) = (mandated(&with), mandated(&without));
    // The mandate was given before the person had a key.
    let subject = with_key(world, &bank, &with, &key);
    world.enrol(&bank, &without);
    let erased = |subject: &str| {
        world.run(Erase { admission: world.by(&agent), subject: subject.to_string() })
    };
    assert_eq!(erased(&of_with).expect_err("not by an agent").code, "own_key_needed");
    erased(&of_without).expect("nobody else could");
    // What an agent does for somebody, that somebody is told.
    world.run(SeeFile { admission: world.by(&agent), subject: of_with }).expect("a report");
    let me = world.by_person(&world.person(&subject), &key);
    let told = world.run(ReadEvents { admission: me, after: -1, limit: 100 }).expect("events");
    assert_eq!(told["events"][0]["kind"], "acted_for_you");
    assert_eq!(told["events"][0]["about"]["act"], "see_file");
});

/// Two who were held to be one while a record of the second came, and are two again.
struct Parted {
    first: (String, SigningKey),
    second: (String, SigningKey),
    /// Index of the entry that came meanwhile.
    entry: u64,
}

fn parted(world: &World) -> Parted {
    let bank = world.bank();
    let keys = [world.key("the first"), world.key("the second")];
    let first = with_key(world, &bank, &Human::nth(21, "DE"), &keys[0]);
    let second = with_key(world, &bank, &Human::nth(22, "DE"), &keys[1]);
    let persons = [world.person(&first), world.person(&second)];
    let resolve = |resolution| {
        let (person, evidence) = (persons[0].clone(), "case 9".to_string());
        world.run(Resolve { admission: world.staff(), person, resolution, evidence }).expect("done")
    };
    world.history(&bank, &first);
    let consent = world.furnishing(&bank, &second);
    resolve(Resolution::Merge(persons[1].clone()));
    // What comes while the two are held to be one lies under the first one's key.
    let entry = world.size();
    let receipt = world.furnish(&bank, &[month(&second, &consent, KEY, "2026-10")]);
    assert_eq!(receipt.accepted, 1, "{:?}", receipt.errors);
    world.audited();
    resolve(Resolution::Split(persons[1].clone()));
    world.audited();
    let [first, second] = persons;
    let [a, b] = keys;
    Parted { first: (first, a), second: (second, b), entry }
}

fn file_of(world: &World, (person, key): &(String, SigningKey)) -> String {
    let admission = world.by_person(person, key);
    world.run(SeeFile { admission, subject: "me".into() }).expect("a report").to_string()
}

fn forgotten(world: &World, (person, key): &(String, SigningKey)) -> Value {
    let admission = world.by_person(person, key);
    world.run(Erase { admission, subject: "me".into() }).expect("forgotten")
}

on_both!(a_split_hands_over_what_came_while_two_were_held_to_be_one, "DE", |world| {
    let two = parted(world);
    let sealed = |of: &World| {
        let rows =
            of.bureau().store.read(|c| fivefold::ledger::rows::bodies(c, two.entry, two.entry + 1));
        rows.expect("a body").remove(0)
    };
    assert_eq!(sealed(world).person.as_ref(), Some(&two.second.0), "under their own key");
    assert!(file_of(world, &two.second).contains(KEY));
    assert!(!file_of(world, &two.first).contains(KEY));

    let erased = forgotten(world, &two.second);
    let gone: Vec<[u64; 2]> =
        serde_json::from_value(erased["certificate"]["gone"].clone()).expect("ranges");
    assert!(gone.iter().any(|[from, to]| (*from..=*to).contains(&two.entry)), "{gone:?}");
    assert!(sealed(world).personal.is_empty());
    world.audited();
    assert!(file_of(world, &two.first).contains("acc-1"), "the other's file is whole");
});

on_both!(
    whoever_was_held_to_be_another_keeps_their_file_when_that_one_is_forgotten,
    "DE",
    |world| {
        let two = parted(world);
        let erased = forgotten(world, &two.first);
        let gone: Vec<[u64; 2]> =
            serde_json::from_value(erased["certificate"]["gone"].clone()).expect("ranges");
        assert!(gone.iter().all(|[from, to]| !(*from..=*to).contains(&two.entry)), "{gone:?}");
        world.audited();
        assert!(file_of(world, &two.second).contains(KEY));
        world.open().expect("it starts again");
        assert!(world.bureau().keystore().waiting().expect("names").is_empty());
    }
);

on_both!(a_legal_hold_and_a_law_without_erasure_say_no, |world| {
    let case = case(world, "CN");
    let hold = |place| {
        let (admission, subject) = (world.staff(), case.subject.clone());
        world.run(Hold { admission, subject, place }).expect("done")
    };
    hold(true);
    world.audited();
    assert_eq!(erase(world, &case.subject).expect_err("held").code, "legal_hold");
    hold(false);
    erase(world, &case.subject).expect("forgotten");
    let bank = world.partner(
        "States Bank",
        "bank",
        &[Role::Furnisher, Role::Asker, Role::Enroller, Role::Registrar],
        &["credit_application"],
    );
    let key = world.key("an american");
    let subject = with_key(world, &bank, &Human::nth(9, "US"), &key);
    let admission = world.by_person(&world.person(&subject), &key);
    let refused = world.run(Erase { admission, subject: "me".to_string() });
    assert_eq!(refused.expect_err("no such right").code, "erasure_not_provided");
});

on_both!(an_erasure_interrupted_after_the_commit_is_finished_at_the_next_start, "DE", |world| {
    let case = case(world, "DE");
    let person = world.person(&case.subject);
    let name = format!("person:{person}");
    let key = world.bureau().keystore().get([name.as_str()]).expect("keys").remove(&name);
    erase(world, &case.subject).expect("forgotten");
    // As if the process had died before the key was destroyed.
    let left = [(name.clone(), key.expect("it had a key"))];
    world.bureau().keystore().put(&world.env, &left).expect("put back");
    assert!(!world.findings().is_empty(), "the audit sees it");
    world.open().expect("it starts again");
    assert!(world.bureau().keystore().get([name.as_str()]).expect("keys").is_empty());
});

/// One account: two late months, and the month in which it was put in order.
fn spell(case: &Case, key: &str, months: [&str; 3], past_due: &str) -> Vec<Value> {
    let mut lines: Vec<Value> =
        months.iter().map(|m| month(&case.subject, &case.consent, key, m)).collect();
    for line in &mut lines[..2] {
        line["dpd"] = json!(95);
        line["status"] = json!("late");
        line["past_due"] = json!({ "amount": past_due, "currency": "CNY" });
        line["adverse_notice"] =
            json!({ "channel": "sms", "sent_at": "2026-10-20T00:00:00Z", "template": "t-1" });
    }
    lines
}

const DAY: i64 = 24 * 3600;

on_both!(what_is_past_its_time_is_in_no_score_whether_swept_or_not, |world| {
    let case = case(world, "CN");
    let clean = world.inquire(&case.bank, &case.subject, "account_review");
    // Late until November 2021, in order at the end of December: five years from there.
    let lines = spell(&case, "acc-old", ["2021-10", "2021-11", "2021-12"], "90000.00");
    assert_eq!(world.furnish(&case.bank, &lines).rejected, 0);
    let marred = world.inquire(&case.bank, &case.subject, "account_review");
    assert!(marred["score"].as_i64() < clean["score"].as_i64(), "{clean} {marred}");
    world.clock.advance_seconds(37 * DAY);
    let day_before = world.inquire(&case.bank, &case.subject, "account_review");
    assert!(day_before["score"].as_i64() < clean["score"].as_i64(), "27 December: it counts");
    world.audited();
    world.clock.advance_seconds(2 * DAY);
    world.audited();
    let after = world.inquire(&case.bank, &case.subject, "account_review");
    assert_eq!(after["as_of"].as_str().map(|at| &at[..10]), Some("2026-12-29"));
    assert!(after["score"].as_i64() > day_before["score"].as_i64(), "{day_before} {after}");
    assert!(!after["reasons"].to_string().contains("CH02"), "nor in a reason");
    world.audited();
    // The answers of then are what they were then.
    for answer in [&marred, &day_before, &after] {
        let replayed = world.bureau().replay(&text(&answer["inquiry"])).expect("replayed");
        assert!(matches!(replayed, Replayed::Same { .. }), "{replayed:?}");
    }
});

on_both!(a_small_debt_repaid_in_time_is_hidden_by_policy_and_a_large_one_is_not, |world| {
    let case = case(world, "CN");
    let clean = world.inquire(&case.bank, &case.subject, "account_review");
    let small = spell(&case, "acc-small", ["2025-08", "2025-09", "2025-10"], "9000.00");
    assert_eq!(world.furnish(&case.bank, &small).rejected, 0);
    let hidden = world.inquire(&case.bank, &case.subject, "account_review");
    // one more account is seen, and may cost a little; that it was late is not
    let score = |answer: &Value| answer["score"].as_i64().expect("a score");
    let late = |answer: &Value| {
        let codes = answer["reasons"].as_array().expect("reasons").iter();
        codes.filter(|r| r["code"] == "CH01" || r["code"] == "CH02").count()
    };
    assert!(score(&clean) - score(&hidden) <= 3, "{clean} {hidden}");
    assert_eq!(late(&hidden), 0, "{hidden}");
    world.audited();
    let large = spell(&case, "acc-large", ["2025-08", "2025-09", "2025-10"], "10001.00");
    assert_eq!(world.furnish(&case.bank, &large).rejected, 0);
    let marred = world.inquire(&case.bank, &case.subject, "account_review");
    assert!(score(&clean) - score(&marred) > 3 && late(&marred) > 0, "{marred}");
});

on_both!(the_sweep_purges_what_is_over_and_seals_the_rest_anew, |world| {
    let case = case(world, "CN");
    let person = world.person(&case.subject);
    let lines = spell(&case, "acc-old", ["2021-10", "2021-11", "2021-12"], "90000.00");
    assert_eq!(world.furnish(&case.bank, &lines).rejected, 0);
    let before = world.inquire(&case.bank, &case.subject, "account_review");
    assert_eq!(world.bureau().sweep().expect("swept").files_purged, 0, "nothing is over");
    world.clock.advance_seconds(60 * DAY);
    let name = format!("person:{person}");
    let old = world.bureau().keystore().get([name.as_str()]).expect("keys").remove(&name);
    let old = old.expect("a key");
    let sealed = |index: u64| {
        use fivefold::ledger::rows::bodies;
        let rows = world.bureau().store.read(|conn| bodies(conn, index, index + 1));
        rows.expect("a body").remove(0).personal
    };
    let entry = before["log"]["index"].as_u64().expect("an index");
    let then = sealed(entry);

    assert_eq!(world.bureau().sweep().expect("swept").files_purged, 1);
    world.audited();
    let (record, _) = world.record(world.size() - 1);
    assert_eq!(record["kind"], "purged");
    assert_eq!(record["rules"], json!(["cn/keep-adverse", "cn/keep-positive"]));
    assert!(record["certificate"].as_str().is_some_and(|text| !text.contains(&person)));
    assert_eq!(world.bureau().sweep().expect("swept").files_purged, 0, "once is enough");

    // The old key is gone, and opens nothing of what stays; what stays reads as before.
    let new = world.bureau().keystore().get([name.as_str()]).expect("keys").remove(&name);
    assert_ne!(new.expect("a key").expose(), old.expose());
    let place = |index: u64| {
        let part = fivefold::ledger::body::open_part::<fivefold::ledger::body::PersonalPart>;
        part(&old, "personal", index, &sealed(index))
    };
    assert!(place(entry).is_err(), "sealed anew");
    assert_ne!(sealed(entry), then);
    let after = world.inquire(&case.bank, &case.subject, "account_review");
    assert_eq!(after["form"], "score");
    let replayed = world.bureau().replay(&text(&before["inquiry"])).expect("looked at");
    assert!(matches!(replayed, Replayed::Gone { .. }), "{replayed:?}");

    // The furnisher's old file does not bring it back; its other records stand.
    let receipt = world.furnish(&case.bank, &lines);
    let codes: Vec<&str> = receipt.errors.iter().map(|e| e.code.as_str()).collect();
    assert_eq!(codes, ["obsolete_reimport", "obsolete_reimport", "past_retention"]);
    assert_eq!((receipt.accepted, receipt.rejected), (0, 3));
    let again = world.furnish(&case.bank, &case.lines);
    assert_eq!((again.rejected, again.duplicates), (0, case.lines.len() as u64));
    world.open().expect("it starts again");
    assert!(world.bureau().keystore().waiting().expect("names").is_empty());
});

on_both!(
    a_purge_interrupted_before_the_keys_change_places_is_finished_at_the_next_start,
    |world| {
        let case = case(world, "CN");
        let name = format!("person:{}", world.person(&case.subject));
        // As if the process had died after the commit: the rows are under the key that waits.
        let keys = world.bureau().keystore();
        let current = keys.get([name.as_str()]).expect("keys").remove(&name).expect("a key");
        keys.prepare(&world.env, &name, &current).expect("waits");
        world.audited();
        world.open().expect("it starts again");
        assert!(world.bureau().keystore().waiting().expect("names").is_empty());
        // As if it had died before the commit: nothing is under that key, and it is dropped.
        let unused = fivefold::kernel::seal::SealKey::generate(&world.env);
        world.bureau().keystore().prepare(&world.env, &name, &unused).expect("waits");
        world.audited();
        world.open().expect("it starts again");
        assert!(world.bureau().keystore().waiting().expect("names").is_empty());
        assert_eq!(world.inquire(&case.bank, &case.subject, "account_review")["form"], "score");
    }
);

on_both!(a_version_that_was_corrected_goes_by_its_own_clock, |world| {
    let case = case(world, "CN");
    // Said to be late in October 2021, and put right at once: what was wrongly said is kept no
    // longer than if it had been true and had ended then; what is right has its own five years.
    let mut wrong = month(&case.subject, &case.consent, "acc-slip", "2025-10");
    wrong["dpd"] = json!(40);
    wrong["status"] = json!("late");
    wrong["adverse_notice"] =
        json!({ "channel": "sms", "sent_at": "2026-10-20T00:00:00Z", "template": "t-1" });
    let mut right = month(&case.subject, &case.consent, "acc-slip", "2025-10");
    right["op"] = json!("correct");
    let mut gone = month(&case.subject, &case.consent, "acc-gone", "2025-10");
    let first = world.size();
    for line in [wrong, right.clone(), gone.clone()] {
        assert_eq!(world.furnish(&case.bank, &[line]).rejected, 0);
    }
    gone["op"] = json!("delete");
    assert_eq!(world.furnish(&case.bank, &[gone]).rejected, 0);
    let held = |about: &str| {
        let person = world.person(&case.subject);
        let rows = world.bureau().store.read(|c| {
            fivefold::ledger::rows::bodies_about(
                c,
                &[person.as_str()],
                "observation",
                u64::MAX >> 1,
            )
        });
        let rows = rows.expect("bodies").into_iter().filter(|row| row.idx as u64 >= first);
        let kept: Vec<bool> = rows.map(|row| !row.personal.is_empty()).collect();
        assert_eq!(kept.len(), 4, "{about}");
        kept
    };
    assert_eq!(held("now"), [true, true, true, true]);
    // The month itself is over five years after October 2025, and with it all of its versions,
    // deleted or not; the correction was made in November 2026.
    world.clock.advance_seconds(4 * 366 * DAY - 20 * DAY);
    world.bureau().sweep().expect("swept");
    assert_eq!(held("four years on"), [false, false, false, false]);
    world.audited();
});

on_both!(what_the_law_keeps_no_longer_is_not_taken_in, |world| {
    let case = case(world, "CN");
    let old = month(&case.subject, &case.consent, "acc-ancient", "2019-03");
    let receipt = world.furnish(&case.bank, &[old]);
    assert_eq!(receipt.errors[0].code, "past_retention", "{:?}", receipt.errors);
    assert_eq!(receipt.accepted, 0);
    let recent = month(&case.subject, &case.consent, "acc-ancient", "2025-03");
    assert_eq!(world.furnish(&case.bank, &[recent]).accepted, 1);
});
