//! What a person thinks better of: an objection taken back or added to, a warning of fraud; and
//! that answers of another day are judged by the law of that day.

use fivefold::bureau::Settings;
use fivefold::bureau::admission::Admission;
use fivefold::bureau::command::answering::CloseOverdue;
use fivefold::bureau::command::reconsider::{InformDispute, WithdrawDispute};
use fivefold::bureau::command::rights::{Freeze, FreezeSent};
use fivefold::bureau::replay::Replayed;
use fivefold::error::Problem;
use serde_json::{Value, json};

use crate::rights::{Case, case, pulled};
use crate::world::{World, on_both, text};

const DAY: i64 = 24 * 3600;

fn withdraw(world: &World, admission: Admission, dispute: &str) -> Result<Value, Problem> {
    world.run(WithdrawDispute { admission, dispute: dispute.to_string() })
}

fn inform(world: &World, case: &Case, dispute: &str, text: &str) -> Result<Value, Problem> {
    let sent = serde_json::from_value(json!({ "text": text })).expect("information");
    let admission = world.by_person(&case.person, &case.key);
    world.run(InformDispute { admission, dispute: dispute.to_string(), sent })
}

on_both!(an_objection_taken_back_is_no_longer_looked_into, "DE", |world| {
    let case = case(world, 80, "DE");
    let me = || world.by_person(&case.person, &case.key);
    let bad = case.bad(world);
    let whole = case.score(world);
    let opened = case.dispute(world, "inaccurate", &[bad]).expect("opened");
    let dispute = text(&opened["dispute"]);
    assert_ne!(case.score(world)["score"], whole["score"], "withheld meanwhile");
    world.audited();

    let stranger = withdraw(world, world.by(&world.hotel()), &dispute).expect_err("not theirs");
    assert_eq!(stranger.code, "dispute_not_found");
    let furnisher = withdraw(world, world.by(&case.bank), &dispute).expect_err("not theirs");
    assert_eq!(furnisher.code, "dispute_not_found");
    assert_eq!(withdraw(world, me(), &dispute).expect("taken back")["state"], "withdrawn");
    assert_eq!(case.score(world)["score"], whole["score"], "it counts again");
    assert_eq!(withdraw(world, me(), &dispute).expect_err("once").code, "dispute_closed");
    let answer = json!([{ "observation": bad, "outcome": "deleted" }]);
    let late = case.answer(world, &dispute, answer).expect_err("nothing to answer");
    assert_eq!(late.errors[0].code, "item_settled");
    let events = pulled(world, world.by(&case.bank));
    let last = events.last().expect("an event");
    assert_eq!(
        (&last["kind"], &last["about"]["dispute"]),
        (&json!("dispute_withdrawn"), &json!(dispute))
    );
    // Whoever changes their mind may object again.
    case.dispute(world, "inaccurate", &[bad]).expect("opened again");
});

on_both!(what_a_person_adds_gives_the_bureau_longer_once_where_the_law_says_so, "US", |world| {
    let case = case(world, 81, "US");
    let bad = case.bad(world);
    let opened = case.dispute(world, "inaccurate", &[bad]).expect("opened");
    let dispute = text(&opened["dispute"]);
    assert_eq!(opened["due"], "2026-12-20T04:00:00Z", "thirty days");
    assert_eq!(inform(world, &case, &dispute, "").expect_err("empty").errors[0].pointer, "/text");
    let first = inform(world, &case, &dispute, "Here is the receipt.").expect("added");
    let until = "2027-01-04T04:00:00Z";
    assert_eq!((&first["due"], &first["extended"]), (&json!(until), &json!(true)), "fifteen more");
    world.audited();
    let second = inform(world, &case, &dispute, "And another.").expect("added");
    assert_eq!((&second["due"], &second["extended"]), (&json!(until), &json!(false)), "once");
    let events = pulled(world, world.by(&case.bank));
    assert_eq!(events.last().expect("an event")["about"]["text"], "And another.");

    let close = || {
        let dispute = dispute.clone();
        world.run(CloseOverdue { admission: world.staff(), dispute }).expect("looked at")
    };
    world.clock.advance_seconds(31 * DAY);
    assert_eq!(close()["state"], "open", "it has longer now");
    world.clock.advance_seconds(15 * DAY);
    assert_eq!(close()["state"], "closed");
    let late = inform(world, &case, &dispute, "Too late.").expect_err("answered");
    assert_eq!(late.code, "dispute_closed");
});

on_both!(in_china_what_a_person_adds_moves_no_deadline, |world| {
    let case = case(world, 82, "CN");
    let opened = case.dispute(world, "inaccurate", &[case.bad(world)]).expect("opened");
    let added = inform(world, &case, &text(&opened["dispute"]), "More.").expect("added");
    assert_eq!((&added["due"], &added["extended"]), (&opened["due"], &json!(false)));
});

on_both!(a_warning_of_fraud_is_told_to_whoever_opens_new_credit, "US", |world| {
    let case = case(world, 83, "US");
    let ask = |scenario: &str| world.inquire(&case.bank, &case.subject, scenario);
    assert_eq!(ask("credit_application")["fraud_alert"], false);
    let warn = || {
        let sent: FreezeSent =
            serde_json::from_value(json!({ "subject": "me", "kind": "fraud_alert" })).expect("one");
        world.run(Freeze { admission: world.by_person(&case.person, &case.key), sent })
    };
    let placed = warn().expect("placed");
    assert_eq!(placed["until"], "2027-11-20T04:00:00Z", "a year");
    assert_eq!(warn().expect("stands")["freeze"], placed["freeze"], "twice is once");
    let told = ask("credit_application");
    assert_eq!((&told["form"], &told["fraud_alert"]), (&json!("score"), &json!(true)));
    assert!(ask("account_review").get("fraud_alert").is_none(), "no new credit there");
    world.audited();

    let freeze = text(&placed["freeze"]);
    let admission = world.by_person(&case.person, &case.key);
    world.unfreeze(admission, "me", &freeze).expect("lifted");
    assert_eq!(ask("credit_application")["fraud_alert"], false);
    let again = warn().expect("placed again");
    assert_ne!(again["freeze"], placed["freeze"]);
    world.clock.advance_seconds(366 * DAY);
    let later = ask("credit_application");
    assert!(later["fraud_alert"] != json!(true), "it ended by itself: {later}");
});

/// The rules, with a clock for what was late that is over within a month.
fn short_memory() -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a directory");
    let from = concat!(env!("CARGO_MANIFEST_DIR"), "/policies");
    let options = ["-r", from, &dir.path().join("policies").to_string_lossy()].map(String::from);
    let copied = std::process::Command::new("cp").args(options).status().expect("cp");
    assert!(copied.success());
    let path = dir.path().join("policies/cn/retention.toml");
    let text = std::fs::read_to_string(&path).expect("the clocks");
    let at = text.find("id = \"cn/keep-adverse\"").expect("the clock of what was late");
    let months = text[..at].rfind("months = ").expect("its period");
    let end = months + text[months..].find('\n').expect("an end of line");
    let cut = format!("{}months = 1{}", &text[..months], &text[end..]);
    assert_ne!(cut, text);
    std::fs::write(&path, cut).expect("written");
    dir
}

on_both!(a_past_answer_is_replayed_by_the_clocks_of_its_day, |world| {
    let case = case(world, 84, "CN");
    let before = case.score(world);
    assert_eq!(before["form"], "score");

    let rules = short_memory();
    world.close();
    world.settings.policies = Some(rules.path().join("policies"));
    world.open().expect("opens under other rules");
    let after = case.score(world);
    assert!(after["score"].as_i64() > before["score"].as_i64(), "the new clock forgets");
    for answer in [&before, &after] {
        let replayed = world.bureau().replay(&text(&answer["inquiry"])).expect("replayed");
        assert!(matches!(replayed, Replayed::Same { .. }), "{replayed:?}");
    }
});

// A new version is started while the old one serves: one set of packs is in force at a time.
on_both!(a_process_of_other_packs_writes_nothing_until_it_is_restarted, |world| {
    let case = case(world, 85, "CN");
    let bad = case.bad(world);
    let before = case.score(world);
    let rules = short_memory();
    let policies = Some(rules.path().join("policies"));
    let beside = |name: &str, puts_packs_in_force| {
        let policies = policies.clone();
        let settings = Settings { policies, puts_packs_in_force, ..world.settings.clone() };
        world.beside(name, &settings)
    };
    // A command of the new version beside the service of the old one puts nothing in force.
    let command = beside("command", false).err().expect("not by a command");
    assert!(command.to_string().contains("fivefold serve"), "{command}");
    assert_eq!(case.score(world)["score"], before["score"]);

    let new = beside("service", true).expect("the new version serves");
    new.close();
    let refused = case.dispute(world, "inaccurate", &[bad]);
    assert_eq!(refused.expect_err("by the old process").code, "packs_replaced");
    assert!(world.bureau().other_packs().expect("read").is_some(), "and it is not ready");

    // Restarted under the packs in force it answers by their clocks.
    world.close();
    world.settings.policies = policies;
    world.settings.puts_packs_in_force = false;
    world.open().expect("opens");
    assert!(case.score(world)["score"].as_i64() > before["score"].as_i64());
    world.audited();
});
