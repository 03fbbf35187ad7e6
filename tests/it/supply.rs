//! What a furnisher knows every morning: what is missing, and what it is asked for.

use fivefold::bureau::command::data_request::{AnswerRequest, RequestAnswerSent, RequestData};
use fivefold::bureau::command::erase::Erase;
use fivefold::bureau::command::events::ReadEvents;
use fivefold::bureau::coverage::Page;
use fivefold::collect::coverage::Months;
use fivefold::error::Problem;
use serde_json::{Value, json};

use crate::persons::with_key;
use crate::world::{Human, Party, World, month, ndjson, on_both, text, year};

/// Sends some months of an account.
fn send(world: &World, bank: &Party, subject: &str, consent: &str, account: &str, of: &[&str]) {
    let lines: Vec<Value> = of.iter().map(|m| month(subject, consent, account, m)).collect();
    let receipt = world.furnish(bank, &lines);
    assert_eq!(receipt.accepted, of.len() as u64, "{:?}", receipt.errors);
}

fn coverage(world: &World, party: &Party) -> Value {
    let page = Page { limit: 200, ..Page::default() };
    world.bureau().coverage(&party.id, &page).expect("a coverage")
}

/// What is missing of each account.
fn missing(world: &World, party: &Party) -> Vec<(String, String)> {
    let known = coverage(world, party);
    let accounts = known["accounts"].as_array().expect("accounts").iter();
    let mut all: Vec<(String, String)> = accounts
        .map(|one| {
            let ranges = one["missing"].as_array().expect("ranges").iter();
            let shown = ranges.map(|r| format!("{}..{}", text(&r["from"]), text(&r["until"])));
            (text(&one["account_key"]), shown.collect::<Vec<_>>().join(" "))
        })
        .collect();
    all.sort();
    all
}

fn closed(subject: &str, consent: &str, account: &str) -> Value {
    let mut line = year(subject, consent, account).remove(0);
    line["closed"] = json!("2026-06-30");
    line["close_reason"] = json!("paid");
    line
}

fn events(world: &World, party: &Party) -> Vec<Value> {
    let page = ReadEvents { admission: world.by(party), after: -1, limit: 100 };
    let told = world.run(page).expect("events");
    told["events"].as_array().expect("a list").clone()
}

fn ask(
    world: &World,
    party: &Party,
    subject: &str,
    account: &str,
    (from, until): (&str, &str),
) -> Result<Value, Problem> {
    let month = |text: &str| text.parse().expect("a month");
    world.run(RequestData {
        admission: world.staff(),
        furnisher: party.id.clone(),
        subject: subject.to_string(),
        account_key: account.to_string(),
        months: Months { from: month(from), until: month(until) },
    })
}

fn requests(world: &World, party: &Party, all: bool) -> Vec<Value> {
    let page = world.bureau().data_requests(&party.id, "", !all, 100).expect("requests");
    page["requests"].as_array().expect("a list").clone()
}

fn answer(world: &World, by: &Party, request: &str, reason: &str) -> Result<Value, Problem> {
    let (admission, request) = (world.by(by), request.to_string());
    let sent = RequestAnswerSent { reason: reason.to_string() };
    world.run(AnswerRequest { admission, request, sent })
}

on_both!(an_account_that_stops_is_named_and_a_closed_one_is_not, |world| {
    let bank = world.bank();
    let subject = world.enrol(&bank, &Human::nth(1, "CN"));
    let consent = world.furnishing(&bank, &subject);
    // The 20th of November: September is due, October not yet.
    let upto =
        |last: usize| -> Vec<String> { (1..=last).map(|m| format!("2026-{m:02}")).collect() };
    let upto = |last: usize, account: &str| {
        let months = upto(last);
        let months: Vec<&str> = months.iter().map(String::as_str).collect();
        send(world, &bank, &subject, &consent, account, &months);
    };
    upto(9, "whole");
    upto(10, "early");
    upto(7, "stopped");
    upto(6, "closed");
    assert_eq!(world.furnish(&bank, &[closed(&subject, &consent, "closed")]).accepted, 1);
    send(world, &bank, &subject, &consent, "gap", &["2026-05", "2026-06", "2026-09"]);
    let mut ended = month(&subject, &consent, "ended", "2026-05");
    ended["status"] = json!("closed");
    ended["balance"]["amount"] = json!("0.00");
    assert_eq!(world.furnish(&bank, &[ended]).accepted, 1);
    let expected = [("gap", "2026-07..2026-08"), ("stopped", "2026-08..2026-09")];
    let expected = expected.map(|(a, m)| (a.to_string(), m.to_string()));
    assert_eq!(missing(world, &bank), expected);
    let known = coverage(world, &bank);
    assert_eq!(known["due"], "2026-09");
    assert_eq!(known["totals"]["accounts"], 6);
    assert_eq!(known["totals"]["complete"], 4);
    assert_eq!(known["totals"]["stopped"], 1);
    assert_eq!(known["totals"]["with_gaps"], 1);
    let months = known["months"].as_array().expect("months");
    let august = months.iter().find(|one| one["month"] == "2026-08").expect("August");
    assert_eq!(*august, json!({ "month": "2026-08", "reported": 2, "missing": 2 }));
    // A statement that its furnisher took back was spoken of.
    let mut taken = month(&subject, &consent, "whole", "2026-09");
    taken["op"] = json!("delete");
    assert_eq!(world.furnish(&bank, &[taken]).accepted, 1);
    assert_eq!(missing(world, &bank), expected);
    // Nobody sees another's.
    let other = world.partner("Other", "bank", &[fivefold::partner::Role::Furnisher], &[]);
    assert_eq!(coverage(world, &other)["totals"]["accounts"], 0);
    // Without a standing consent nothing is expected.
    world.revoke(world.by(&bank), &consent).expect("revoked");
    assert_eq!(missing(world, &bank), []);
});

on_both!(a_receipt_says_which_accounts_lack_its_month, |world| {
    let bank = world.bank();
    let subject = world.enrol(&bank, &Human::nth(2, "CN"));
    let consent = world.furnishing(&bank, &subject);
    for account in ["one", "two", "three"] {
        send(world, &bank, &subject, &consent, account, &["2026-06", "2026-07"]);
    }
    let header = json!({ "type": "batch", "period": "2026-08" });
    let lines = [header, month(&subject, &consent, "one", "2026-08")];
    let mut receipt = world.uploaded(world.by(&bank), ndjson(&lines).as_bytes());
    assert_eq!(receipt["period"], "2026-08");
    let lacking = json!({ "month": "2026-08", "count": 2, "all_looked_at": true });
    assert_eq!(receipt["missing"], lacking, "what is kept names nobody");
    world.bureau().name_missing(&bank.id, &mut receipt);
    let accounts = receipt["missing"]["accounts"].as_array().expect("accounts");
    let mut keys: Vec<String> = accounts.iter().map(|a| text(&a["account_key"])).collect();
    keys.sort();
    assert_eq!(keys, ["three", "two"]);
    assert_eq!(receipt["missing"]["more"], 0);
    // How far optional fields are filled.
    assert_eq!(receipt["filled"]["account_month"], 1);
    assert_eq!(receipt["filled"]["account_month/paid"], 1);
    assert_eq!(receipt["filled"]["account_month/past_due"], 0);
    // The file that completes the month lacks nothing; without a header its newest month counts.
    let rest = ["two", "three"].map(|account| month(&subject, &consent, account, "2026-08"));
    let receipt = world.furnish(&bank, &rest);
    assert_eq!((receipt.missing, receipt.period), (None, "2026-08".parse().ok()));
});

on_both!(who_consented_and_of_whom_nothing_came_is_named, |world| {
    let bank = world.bank();
    let spoken = world.enrol(&bank, &Human::nth(3, "CN"));
    world.history(&bank, &spoken);
    let silent = world.enrol(&bank, &Human::nth(4, "CN"));
    let consent = world.furnishing(&bank, &silent);
    let taken_back = world.enrol(&bank, &Human::nth(5, "CN"));
    let given = world.furnishing(&bank, &taken_back);
    world.revoke(world.by(&bank), &given).expect("revoked");
    // A consent to ask is none to furnish.
    let asked = world.enrol(&bank, &Human::nth(6, "CN"));
    world.consent(&bank, &asked, "account_review");
    assert_eq!(coverage(world, &bank)["persons_without_data"], json!([silent]));
    send(world, &bank, &silent, &consent, "acc", &["2026-09"]);
    assert_eq!(coverage(world, &bank)["persons_without_data"], json!([]));
});

on_both!(what_is_asked_for_is_told_and_closed_by_the_batch_that_fills_it, |world| {
    let bank = world.bank();
    let subject = world.enrol(&bank, &Human::nth(7, "CN"));
    let consent = world.furnishing(&bank, &subject);
    send(world, &bank, &subject, &consent, "acc", &["2026-05", "2026-08", "2026-09"]);
    let asked = ask(world, &bank, &subject, "acc", ("2026-05", "2026-09")).expect("asked");
    assert_eq!((&asked["from"], &asked["until"]), (&json!("2026-06"), &json!("2026-07")));
    let told = events(world, &bank);
    let told = told.last().expect("an event");
    assert_eq!(told["kind"], "data_requested");
    assert_eq!(told["about"]["account_key"], "acc");
    let open = requests(world, &bank, false);
    assert_eq!((open.len(), &open[0]["state"]), (1, &json!("open")));
    let again = ask(world, &bank, &subject, "acc", ("2026-07", "2026-07"));
    assert_eq!(again.expect_err("twice").code, "request_exists");
    let there = ask(world, &bank, &subject, "acc", ("2026-08", "2026-09"));
    assert_eq!(there.expect_err("it is there").code, "nothing_missing");
    let unheard = ask(world, &bank, &subject, "other", ("2026-08", "2026-09"));
    assert_eq!(unheard.expect_err("no such account").code, "item_not_found");
    // Half of it is not all of it.
    send(world, &bank, &subject, &consent, "acc", &["2026-06"]);
    assert_eq!(requests(world, &bank, false).len(), 1);
    world.audited();
    send(world, &bank, &subject, &consent, "acc", &["2026-07"]);
    assert_eq!(requests(world, &bank, false).len(), 0);
    let all = requests(world, &bank, true);
    assert_eq!(all[0]["state"], "filled");
    let late = answer(world, &bank, &text(&asked["request"]), "no_activity");
    assert_eq!(late.expect_err("it is filled").code, "request_closed");
});

on_both!(a_request_is_answered_by_whom_it_was_made_to, |world| {
    let bank = world.bank();
    let rival = world.partner("Rival", "bank", &[fivefold::partner::Role::Furnisher], &[]);
    let subject = world.enrol(&bank, &Human::nth(8, "CN"));
    let consent = world.furnishing(&bank, &subject);
    send(world, &bank, &subject, &consent, "acc", &["2026-05", "2026-08", "2026-09"]);
    let asked = ask(world, &bank, &subject, "acc", ("2026-06", "2026-07")).expect("asked");
    let request = text(&asked["request"]);
    let theirs = answer(world, &rival, &request, "not_ours").expect_err("another's");
    let nobodys = answer(world, &rival, "drq_0", "not_ours").expect_err("nobody's");
    assert_eq!((&theirs.code, &theirs.detail), (&nobodys.code, &nobodys.detail));
    assert_eq!(theirs.code, "item_not_found");
    let odd = answer(world, &bank, &request, "lost").expect_err("no such reason");
    assert_eq!(odd.errors[0].code, "unknown_value");
    assert_eq!(missing(world, &bank).len(), 1);
    let done = answer(world, &bank, &request, "no_activity").expect("answered");
    assert_eq!(done["state"], "answered");
    // What a furnisher has nothing for is not missing any more.
    assert_eq!(missing(world, &bank), []);
    let (record, _) = world.record(done["log"]["index"].as_u64().expect("an index"));
    assert_eq!(
        (&record["kind"], &record["reason"]),
        (&json!("data_request_answered"), &json!("no_activity"))
    );
});

on_both!(a_request_ends_with_the_consent_and_goes_with_the_person, |world| {
    let bank = world.bank();
    let subject = world.enrol(&bank, &Human::nth(9, "CN"));
    let consent = world.furnishing(&bank, &subject);
    send(world, &bank, &subject, &consent, "acc", &["2026-05", "2026-08"]);
    ask(world, &bank, &subject, "acc", ("2026-06", "2026-07")).expect("asked");
    world.revoke(world.by(&bank), &consent).expect("revoked");
    assert_eq!(world.bureau().sweep().expect("swept").requests_ended, 1);
    assert_eq!(requests(world, &bank, true)[0]["reason"], "consent_ended");
    let refused = ask(world, &bank, &subject, "acc", ("2026-06", "2026-07"));
    assert_eq!(refused.expect_err("no consent").code, "consent_not_found");
    let key = world.key("somebody");
    let own = with_key(world, &bank, &Human::nth(10, "CN"), &key);
    let consent = world.furnishing(&bank, &own);
    send(world, &bank, &own, &consent, "acc-2", &["2026-05", "2026-08"]);
    ask(world, &bank, &own, "acc-2", ("2026-06", "2026-07")).expect("asked");
    let person = world.person(&own);
    let admission = world.by_person(&person, &key);
    world.run(Erase { admission, subject: "me".to_string() }).expect("forgotten");
    assert_eq!(requests(world, &bank, true).len(), 1, "only the other person's is left");
    assert_eq!(missing(world, &bank), []);
});

on_both!(records_from_before_are_named_at_the_next_start, |world| {
    let bank = world.bank();
    let subject = world.enrol(&bank, &Human::nth(11, "CN"));
    world.history(&bank, &subject);
    world
        .sql("UPDATE facts SET furnisher = '', account = NULL, month = NULL, ends = NULL")
        .expect("as it was before");
    assert_eq!(coverage(world, &bank)["totals"]["accounts"], 0);
    world.open().expect("it opens");
    assert_eq!(coverage(world, &bank)["totals"]["accounts"], 1);
});
