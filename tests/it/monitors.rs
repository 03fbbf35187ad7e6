//! Watching: told at a crossing, once; silent as soon as the ground is gone. And the reminder of a
//! dispute that a furnisher must answer.

use fivefold::bureau::command::erase::Erase;
use fivefold::bureau::command::file::SeeFile;
use fivefold::bureau::command::governance::{Change, ChangePartner};
use fivefold::bureau::command::resolve::{Resolution, Resolve};
use fivefold::bureau::command::watch::{EndMonitor, MonitorSent, ReadMonitor, SetMonitor};
use fivefold::error::Problem;
use serde_json::{Value, json};

use crate::persons::with_key;
use crate::rights::{case, pulled};
use crate::world::{Human, Party, World, month, on_both, text};

/// A standing consent to be asked and watched.
fn standing(world: &World, bank: &Party, subject: &str, hours: i64) -> String {
    let artefact = world.artefact(bank, subject, "inquire", Some("account_review"), hours);
    text(&world.give(world.by(bank), &artefact).expect("a consent")["consent"])
}

fn set(world: &World, by: &Party, sent: Value) -> Result<Value, Problem> {
    let sent: MonitorSent = serde_json::from_value(sent).expect("a monitor");
    world.run(SetMonitor { admission: world.by(by), sent })
}

fn on(subject: &str, consent: &str) -> Value {
    json!({ "subject": subject, "consent": consent, "scenario": "account_review" })
}

/// Watches; whatever changed before is not looked at any more.
fn watching(world: &World, by: &Party, subject: &str, consent: &str) -> String {
    let monitor = set(world, by, on(subject, consent)).expect("watched");
    assert_eq!(looked(world), 0);
    text(&monitor["monitor"])
}

fn looked(world: &World) -> u64 {
    world.bureau().watch().expect("looked")
}

fn stands(world: &World, by: &Party, monitor: &str) -> Value {
    let (admission, monitor) = (world.by(by), monitor.to_string());
    world.run(ReadMonitor { admission, monitor }).expect("one's own")
}

/// A month so late that the score falls into another band.
fn late(subject: &str, consent: &str, account: &str, of: &str) -> Value {
    let mut bad = month(subject, consent, account, of);
    bad["dpd"] = json!(120);
    bad["status"] = json!("late");
    bad["past_due"] = json!({ "amount": "350.00", "currency": "CNY" });
    bad["paid"] = json!({ "amount": "0.00", "currency": "CNY" });
    bad["adverse_notice"] =
        json!({ "channel": "sms", "sent_at": "2026-11-01T00:00:00Z", "template": "t" });
    bad
}

fn alerts(world: &World, by: &Party) -> Vec<Value> {
    let mut events = pulled(world, world.by(by));
    events.retain(|event| event["kind"] == "alert");
    events
}

on_both!(a_crossing_is_told_once_and_stands_on_record_as_a_soft_inquiry, |world| {
    let bank = world.bank();
    let subject = world.enrol(&bank, &Human::nth(1, "CN"));
    let furnished = world.history(&bank, &subject);
    let consent = standing(world, &bank, &subject, 24 * 60);
    let monitor = set(world, &bank, on(&subject, &consent)).expect("watched");
    let before = monitor["band"].clone();
    assert!(before.is_string(), "{monitor}");
    looked(world);
    // Nothing changed; a good month changes nothing that is told.
    world.furnish(&bank, &[month(&subject, &furnished, "acc-2", "2026-10")]);
    assert_eq!(looked(world), 0);
    let size = world.size();
    assert_eq!(looked(world), 0);
    assert_eq!(world.size(), size, "a look that finds nothing leaves no trace");
    let receipt = world.furnish(&bank, &[late(&subject, &furnished, "acc-3", "2026-10")]);
    assert_eq!(receipt.accepted, 1, "{:?}", receipt.errors);
    let size = world.size();
    assert_eq!(looked(world), 1);
    assert_eq!(looked(world), 0, "once");
    let told = alerts(world, &bank);
    assert_eq!(told.len(), 1);
    let about = &told[0]["about"];
    assert_eq!((&about["monitor"], &about["subject"]), (&monitor["monitor"], &json!(subject)));
    assert_eq!(about["band"]["before"], before);
    assert_ne!(about["band"]["after"], before);
    assert_eq!(about["adverse"], "adverse item appeared");
    // The inquiry stands before the alert, and neither tells a score.
    let (asked, _) = world.record(size);
    assert_eq!((&asked["kind"], &asked["pull"]), (&json!("inquiry"), &json!("soft")));
    assert_eq!(asked["inquiry"], about["inquiry"]);
    let (alert, _) = world.record(size + 1);
    assert_eq!((&alert["kind"], &alert["tells"]), (&json!("monitor_alert"), &json!(1)));
    assert!(about.get("score").is_none() && about.get("reasons").is_none());
    // The baseline and the alert are usage like any other.
    let period = world.bureau().period("2026-11").expect("a month");
    let usage = world.bureau().usage(&period, Some(&bank.id)).expect("counted");
    assert_eq!(usage.totals().0, 2);
    // The same month corrected, adverse still, is no new item.
    let mut again = late(&subject, &furnished, "acc-3", "2026-10");
    again["op"] = json!("correct");
    again["dpd"] = json!(121);
    assert_eq!(world.furnish(&bank, &[again]).accepted, 1);
    assert_eq!(looked(world), 0);
});

on_both!(what_is_watched_goes_with_the_person_when_two_are_taken_apart, |world| {
    let bank = world.bank();
    let (first, second) =
        (world.enrol(&bank, &Human::nth(1, "CN")), world.enrol(&bank, &Human::nth(2, "CN")));
    let of_first = world.history(&bank, &first);
    let of_second = world.history(&bank, &second);
    let consent = standing(world, &bank, &second, 24 * 60);
    let persons = [world.person(&first), world.person(&second)];
    let resolve = |resolution| {
        let (person, evidence) = (persons[0].clone(), "case 9".to_string());
        world.run(Resolve { admission: world.staff(), person, resolution, evidence }).expect("done")
    };
    resolve(Resolution::Merge(persons[1].clone()));
    let monitor = watching(world, &bank, &second, &consent);
    resolve(Resolution::Split(persons[1].clone()));
    looked(world);
    let before = alerts(world, &bank).len();
    // What comes about the first is nothing to whoever may watch the second.
    let about_first = late(&first, &of_first, "acc-8", "2026-10");
    assert_eq!(world.furnish(&bank, &[about_first]).accepted, 1);
    assert_eq!(looked(world), 0);
    let about_second = late(&second, &of_second, "acc-9", "2026-10");
    assert_eq!(world.furnish(&bank, &[about_second]).accepted, 1);
    assert_eq!(looked(world), 1);
    let told = alerts(world, &bank);
    assert_eq!(told.len(), before + 1, "{told:?}");
    assert_eq!(told[before]["about"]["monitor"], json!(monitor));
    world.audited();
});

on_both!(a_monitor_needs_a_standing_consent_to_a_soft_question, |world| {
    let (bank, hotel) = (world.bank(), world.hotel());
    let subject = world.enrol(&bank, &Human::nth(2, "CN"));
    world.history(&bank, &subject);
    let mut once = world.artefact(&bank, &subject, "inquire", Some("account_review"), 20);
    once["fetch"] = json!("ONETIME");
    let once = text(&world.give(world.by(&bank), &once).expect("a consent")["consent"]);
    let pointer = |sent: Value| -> String {
        let problem = set(world, &bank, sent).expect_err("refused");
        problem.errors.first().map_or(problem.code.clone(), |one| one.pointer.clone())
    };
    assert_eq!(pointer(on(&subject, &once)), "/consent");
    let hard = world.consent(&bank, &subject, "credit_application");
    let credit = json!({
        "subject": subject, "consent": hard, "scenario": "credit_application",
    });
    assert_eq!(pointer(credit), "/scenario");
    let consent = standing(world, &bank, &subject, 24);
    let mut odd = on(&subject, &consent);
    odd["watch"] = json!(["everything"]);
    odd["bands"] = json!(["splendid"]);
    let problem = set(world, &bank, odd).expect_err("refused");
    let found: Vec<&str> = problem.errors.iter().map(|one| one.pointer.as_str()).collect();
    assert_eq!(found, ["/watch", "/bands"]);
    let monitor = watching(world, &bank, &subject, &consent);
    let twice = set(world, &bank, on(&subject, &consent)).expect_err("twice");
    assert_eq!(twice.code, "monitor_exists");
    // Another's is as if it were not there.
    let end = |by: &Party, monitor: &str| {
        let (admission, monitor) = (world.by(by), monitor.to_string());
        world.run(EndMonitor { admission, monitor })
    };
    let theirs = end(&hotel, &monitor).expect_err("another's");
    let nobodys = end(&hotel, "mon_0").expect_err("nobody's");
    assert_eq!((theirs.code, theirs.detail), (nobodys.code, nobodys.detail));
    assert_eq!(end(&bank, &monitor).expect("ended")["reason"], "asker");
    assert_eq!(end(&bank, &monitor).expect("still")["state"], "ended");
    let listed = world.bureau().monitors(&bank.id, "", 10).expect("a list");
    assert_eq!(listed["monitors"].as_array().map(Vec::len), Some(1));
});

on_both!(with_the_consent_the_watching_ends, |world| {
    let bank = world.bank();
    let subject = world.enrol(&bank, &Human::nth(3, "CN"));
    let furnished = world.history(&bank, &subject);
    let consent = standing(world, &bank, &subject, 24 * 60);
    let monitor = watching(world, &bank, &subject, &consent);
    world.revoke(world.by(&bank), &consent).expect("revoked");
    // The very next change is not told, though it is looked at together with the withdrawal.
    world.furnish(&bank, &[late(&subject, &furnished, "acc-3", "2026-10")]);
    assert_eq!(looked(world), 0);
    let ended = stands(world, &bank, &monitor);
    assert_eq!((&ended["state"], &ended["reason"]), (&json!("ended"), &json!("consent_revoked")));
    assert_eq!(alerts(world, &bank), Vec::<Value>::new());
    // One that ends by itself is found by the day's turn.
    let second = standing(world, &bank, &subject, 20);
    let monitor = watching(world, &bank, &subject, &second);
    world.clock.advance_seconds(21 * 3600);
    world.bureau().sweep().expect("swept");
    assert_eq!(stands(world, &bank, &monitor)["reason"], "consent_expired");
});

on_both!(while_the_asker_is_suspended_nothing_is_told_and_then_it_is, |world| {
    let bank = world.bank();
    let other = world.partner(
        "Lender",
        "bank",
        &[fivefold::partner::Role::Asker, fivefold::partner::Role::Enroller],
        &["account_review"],
    );
    let human = Human::nth(4, "CN");
    let subject = world.enrol(&bank, &human);
    let furnished = world.history(&bank, &subject);
    let theirs = world.enrol(&other, &human);
    let consent = standing(world, &other, &theirs, 24 * 60);
    let monitor = watching(world, &other, &theirs, &consent);
    let change = |change| {
        let (admission, partner) = (world.staff(), other.id.clone());
        world.run(ChangePartner { admission, partner, change }).expect("changed")
    };
    change(Change::Suspend);
    world.furnish(&bank, &[late(&subject, &furnished, "acc-3", "2026-10")]);
    assert_eq!(looked(world), 0);
    assert_eq!(world.bureau().sweep().expect("swept").alerts_told, 0);
    change(Change::Resume);
    world.clock.advance_seconds(86_400);
    assert_eq!(world.bureau().sweep().expect("swept").alerts_told, 1, "the day's turn tells");
    assert_eq!(world.bureau().sweep().expect("swept").alerts_told, 0);
    assert_eq!(stands(world, &other, &monitor)["state"], "active");
    assert_eq!(alerts(world, &other).len(), 1);
    assert_eq!(alerts(world, &bank).len(), 0, "whoever does not watch is told nothing");
});

on_both!(somebody_forgotten_is_watched_no_more, |world| {
    let bank = world.bank();
    let key = world.key("somebody");
    let subject = with_key(world, &bank, &Human::nth(5, "CN"), &key);
    let furnished = world.history(&bank, &subject);
    let consent = standing(world, &bank, &subject, 24 * 60);
    let monitor = watching(world, &bank, &subject, &consent);
    world.furnish(&bank, &[late(&subject, &furnished, "acc-3", "2026-10")]);
    let person = world.person(&subject);
    // The person sees who watches, like who asked.
    let admission = world.by_person(&person, &key);
    let file = world.run(SeeFile { admission, subject: "me".to_string() }).expect("a file");
    let watching = file["watched_by"].as_array().expect("a list");
    assert_eq!((watching.len(), &watching[0]["by"]), (1, &json!("Bank")));
    assert_eq!(watching[0]["consent"], json!(consent));
    let admission = world.by_person(&person, &key);
    world.run(Erase { admission, subject: "me".to_string() }).expect("forgotten");
    assert_eq!(looked(world), 0);
    world.clock.advance_seconds(86_400);
    assert_eq!(world.bureau().sweep().expect("swept").alerts_told, 0);
    let admission = world.by(&bank);
    let gone = world.run(ReadMonitor { admission, monitor }).expect_err("gone");
    assert_eq!(gone.code, "item_not_found");
    assert_eq!(alerts(world, &bank).len(), 0);
});

on_both!(what_is_withheld_while_disputed_is_told_only_when_it_is_upheld, "DE", |world| {
    let case = case(world, 6, "DE");
    let consent = standing(world, &case.bank, &case.subject, 24 * 60);
    let mut sent = on(&case.subject, &consent);
    sent["watch"] = json!(["adverse"]);
    set(world, &case.bank, sent).expect("watched");
    assert_eq!(looked(world), 0, "what was there before is no news");
    let furnished = world.furnishing(&case.bank, &case.subject);
    let bad = late(&case.subject, &furnished, "acc-3", "2026-10");
    let receipt = world.furnish(&case.bank, &[bad]);
    let item = receipt.log.expect("an entry").first_index;
    // Objected to before anybody looked: neither shown nor scored meanwhile, and not told.
    let dispute = text(&case.dispute(world, "inaccurate", &[item]).expect("opened")["dispute"]);
    assert_eq!(looked(world), 0);
    let upheld = json!([{ "observation": item, "outcome": "upheld" }]);
    case.answer(world, &dispute, upheld).expect("answered");
    assert_eq!(looked(world), 1);
    assert_eq!(looked(world), 0);
    let told = alerts(world, &case.bank);
    assert_eq!(told[0]["about"]["adverse"], "adverse item appeared");
    assert!(told[0]["about"].get("band").is_none(), "only what is watched is told");
});

on_both!(furnishers_are_reminded_once_of_what_they_must_answer, |world| {
    let case = case(world, 7, "CN");
    let bad = case.bad(world);
    case.dispute(world, "inaccurate", &[bad]).expect("opened");
    let reminded = || world.bureau().sweep().expect("swept").disputes_reminded;
    // The furnisher has 15 days, and is reminded five days before they are over.
    world.clock.advance_seconds(9 * 86_400);
    assert_eq!(reminded(), 0);
    world.clock.advance_seconds(86_400 + 60);
    assert_eq!((reminded(), reminded()), (1, 0));
    let mut events = pulled(world, world.by(&case.bank));
    events.retain(|event| event["kind"] == "dispute_reminder");
    assert_eq!(events.len(), 1);
    let about = &events[0]["about"];
    assert_eq!(about["items"][0]["observation"], bad);
    assert_eq!(about["due"], "2026-12-05T04:00:00Z");
});
