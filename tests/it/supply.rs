//! What a furnisher knows every morning: what is missing, and what it is asked for.

use fivefold::bureau::command::data_request::{AnswerRequest, RequestAnswerSent, RequestData};
use fivefold::bureau::command::erase::Erase;
use fivefold::bureau::command::events::ReadEvents;
use fivefold::bureau::command::governance::{Change, ChangePartner};
use fivefold::bureau::coverage::Page;
use fivefold::collect::Receipt;
use fivefold::collect::coverage::Months;
use fivefold::error::Problem;
use serde_json::{Value, json};

use crate::persons::with_key;
use crate::world::{Human, Party, World, month, ndjson, on_both, text, without, year};

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
    let read: Receipt = serde_json::from_value(without(&receipt, "batch")).expect("a receipt");
    assert_eq!(read.missing.and_then(|lacking| lacking.accounts).map(|named| named.len()), Some(2));
    // How far optional fields are filled.
    assert_eq!(receipt["filled"]["account_month"], 1);
    assert_eq!(receipt["filled"]["account_month.paid"], 1);
    assert_eq!(receipt["filled"]["account_month.past_due"], 0);
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

fn agree(
    world: &World,
    party: &Party,
    window: Option<(u8, Option<u16>)>,
) -> Result<Value, Problem> {
    let (admission, partner) = (world.staff(), party.id.clone());
    world.run(ChangePartner { admission, partner, change: Change::Delivery(window) })
}

/// Days that pass.
fn pass(world: &World, days: i64) {
    world.clock.advance_seconds(days * 86_400);
}

on_both!(what_comes_after_the_contracted_window_is_late, |world| {
    let bank = world.bank();
    let subject = world.enrol(&bank, &Human::nth(12, "CN"));
    let consent = world.furnishing(&bank, &subject);
    let wrong = agree(world, &bank, Some((29, None))).expect_err("not every month has a 29th");
    assert_eq!(wrong.errors[0].code, "out_of_range");
    agree(world, &bank, Some((10, None))).expect("agreed on the 20th of November");
    assert_eq!(coverage(world, &bank)["due"], "2026-10", "by the contract, not by custom");
    // October was due before the contract stood.
    let october = month(&subject, &consent, "acc", "2026-10");
    assert_eq!(world.furnish(&bank, &[october]).late, None);
    // Noon of the 12th of December in China: the window of November closed 36 hours ago.
    pass(world, 22);
    let november = month(&subject, &consent, "acc", "2026-11");
    let before = world.size();
    let late = world.furnish(&bank, std::slice::from_ref(&november)).late.expect("late");
    assert_eq!((late.lines, late.days_max), (1, 2));
    let (line, _) = world.record(before);
    assert_eq!(line["days_after_due"], 2);
    let shown = json!([{
        "recorded_in": "2026-12", "month": "2026-11", "lines": 1, "days_max": 2,
    }]);
    assert_eq!(coverage(world, &bank)["late"], shown);
    let (batch, _) = world.record(before + 1);
    assert_eq!(batch["late"], json!({ "lines": 1, "days_max": 2 }));
    // A correction is no late delivery; and December is early.
    let mut right = november;
    right["op"] = json!("correct");
    right["balance"]["amount"] = json!("4100.00");
    assert_eq!(world.furnish(&bank, &[right]).late, None);
    pass(world, 19);
    let before = world.size();
    send(world, &bank, &subject, &consent, "acc", &["2026-12"]);
    let (line, _) = world.record(before);
    assert!(line["days_after_due"].as_i64().is_some_and(|days| days < 0), "{line}");
    agree(world, &bank, None).expect("no window any more");
    assert_eq!(coverage(world, &bank)["window"], Value::Null);
});

on_both!(the_sweep_asks_for_what_a_contracted_window_did_not_bring, |world| {
    let bank = world.bank();
    let subject = world.enrol(&bank, &Human::nth(13, "CN"));
    let consent = world.furnishing(&bank, &subject);
    send(world, &bank, &subject, &consent, "acc", &["2026-07", "2026-09", "2026-10"]);
    send(world, &bank, &subject, &consent, "fine", &["2026-10"]);
    let opened = || world.bureau().sweep().expect("swept").requests_opened;
    assert_eq!(opened(), 0, "nothing was agreed");
    agree(world, &bank, Some((10, Some(18 * 60)))).expect("agreed");
    assert_eq!(opened(), 0, "August was due before the contract stood");
    pass(world, 22);
    send(world, &bank, &subject, &consent, "fine", &["2026-11"]);
    let suspend = |change| {
        let (admission, partner) = (world.staff(), bank.id.clone());
        world.run(ChangePartner { admission, partner, change }).expect("changed")
    };
    suspend(Change::Suspend);
    assert_eq!(opened(), 0, "who may not send is not asked");
    suspend(Change::Resume);
    assert_eq!(opened(), 1);
    assert_eq!(opened(), 0, "once");
    let open = requests(world, &bank, false);
    assert_eq!(open[0]["account_key"], "acc");
    assert_eq!((&open[0]["from"], &open[0]["until"]), (&json!("2026-11"), &json!("2026-11")));
    assert_eq!(events(world, &bank).last().expect("an event")["kind"], "data_requested");
    send(world, &bank, &subject, &consent, "acc", &["2026-11"]);
    assert_eq!(requests(world, &bank, true)[0]["state"], "filled");
});

on_both!(a_late_furnisher_is_stale_and_not_missing, |world| {
    let bank = world.bank();
    let subject = world.enrol(&bank, &Human::nth(14, "CN"));
    world.history(&bank, &subject);
    agree(world, &bank, Some((10, None))).expect("agreed");
    let fresh = world.inquire(&bank, &subject, "account_review");
    // Two windows pass without a line: the newest values stand, nothing turns into a gap.
    pass(world, 60);
    let late = world.inquire(&bank, &subject, "account_review");
    assert_eq!(late["form"], "score");
    assert_eq!(late["completeness"], fresh["completeness"]);
    // After half a year nobody is scored on it any more, and the code says why.
    pass(world, 150);
    let stale = world.inquire(&bank, &subject, "account_review");
    assert_eq!((&stale["form"], &stale["code"]), (&json!("not_assessable"), &json!("stale")));
});

/// The rows of a statement's table, as the live numbers show them.
#[cfg(feature = "engine")]
fn rows(grid: &fivefold::report::pack::grid::Grid) -> Value {
    use fivefold::report::pack::grid::Value as Cell;
    let cell = |cell: &Cell| match cell {
        Cell::None => Value::Null,
        Cell::Int(n) => json!(n),
        Cell::Text(text) => json!(text),
    };
    let names = grid.columns.iter().map(|(name, _)| name.clone());
    let row = |row: &Vec<Cell>| -> Value {
        names.clone().zip(row.iter().map(cell)).collect::<serde_json::Map<_, _>>().into()
    };
    grid.rows.iter().map(row).collect()
}

#[cfg(feature = "engine")]
on_both!(the_live_numbers_are_those_of_the_statement, |world| {
    use fivefold::report::pack::catalogue::Report;
    use fivefold::report::pack::engine::{Beside, run};
    use fivefold::report::pack::grid::{Grid, Kind, Value as Cell};

    let bank = world.bank();
    let other = world.partner("Other", "telecom", &[fivefold::partner::Role::Furnisher], &[]);
    let subject = world.enrol(&bank, &Human::nth(15, "CN"));
    let consent = world.furnishing(&bank, &subject);
    agree(world, &bank, Some((10, None))).expect("agreed");
    pass(world, 22);
    for account in ["one", "two"] {
        send(world, &bank, &subject, &consent, account, &["2026-06", "2026-09", "2026-10"]);
    }
    let mut odd = month(&subject, &consent, "one", "2026-11");
    odd["balance"]["amount"] = json!("much");
    let late = month(&subject, &consent, "two", "2026-11");
    let nobody = month("sub_00000000000000000000000000", &consent, "two", "2026-11");
    let receipt = world.furnish(&bank, &[odd, late.clone(), nobody, late.clone()]);
    assert_eq!((receipt.accepted, receipt.duplicates, receipt.rejected), (1, 1, 2));
    let (mut right, mut gone) = (late, month(&subject, &consent, "one", "2026-06"));
    right["op"] = json!("correct");
    right["balance"]["amount"] = json!("1.00");
    gone["op"] = json!("delete");
    assert_eq!(world.furnish(&bank, &[right, gone]).accepted, 2);
    world.furnish(&other, &[month(&subject, &consent, "three", "2026-11")]);
    // Asked twice: what was counted before is not counted again.
    let bureau = world.bureau();
    let period = bureau.month("2026-12".parse().expect("a month"));
    bureau.quality(&period, &bank.id).expect("counted");
    send(world, &bank, &subject, &consent, "one", &["2026-11"]);
    let live = bureau.quality(&period, &bank.id).expect("counted");
    assert_eq!(live["acceptance"], json!({ "taken": 11, "of": 13 }));

    let dir = tempfile::tempdir().expect("a directory");
    let out = dir.path().join("extract");
    bureau.extract(&period, world.staff(), &out, &mut |_, _| {}).expect("an extract");
    let columns = ["jurisdiction", "home", "partner"].map(|name| (name, Kind::Text));
    let mut scope = Grid::new(&columns);
    scope.rows.push(["cn", "cn", &bank.id].map(|text| Cell::Text(text.to_string())).to_vec());
    let counted = Grid::new(&[("measure", Kind::Text), ("value", Kind::Int), ("entry", Kind::Int)]);
    let reports = Report::statement().expect("tables");
    let beside = Beside { scope: &scope, counted: &counted };
    let grids = run(&out, &beside, reports).expect("computed");
    for (report, grid) in reports.iter().zip(&grids) {
        let name = report.name.strip_prefix("statement_").expect("a statement's table");
        assert!(!grid.rows.is_empty(), "{name} has rows");
        assert_eq!(live["tables"][name], rows(grid), "{name}");
    }
});

#[test]
fn a_furnisher_reads_what_is_its_own_over_signed_http() {
    use fivefold::bureau::admission::Admission;
    use fivefold::bureau::command::governance::AddPartner;
    use fivefold::partner::Role;
    use fivefold::partner::signature::SigningKey;
    use http::{Method, StatusCode};

    use crate::house::{Client, House, consent, months, person};

    let house = House::open();
    let bank = house.partner("Bank One", "bank", &["credit_application"]);
    let key = SigningKey::generate(&house.env).expect("a key");
    let added = house.bureau.run(AddPartner {
        admission: Admission::operator("test", "a partner for a test"),
        name: "Asker".to_string(),
        sector: "bank".to_string(),
        country: String::new(),
        roles: vec![Role::Asker],
        scenarios: Vec::new(),
        key: key.public(),
    });
    let asker = Client { id: text(&added.value().expect("a partner")["partner"]), key };
    let subject = text(&house.post(&bank, "/v1/subjects", &person(), "e1").json()["subject"]);
    let artefact = consent(&house, &bank, &subject, "furnish", None);
    let furnish = text(&house.post(&bank, "/v1/consents", &artefact, "c1").json()["consent"]);
    let lines = months(&subject, &furnish, 0);
    let send = |file: &str, key: &str| {
        let got = house.ask(&bank, Method::POST, "/v1/observations", file.as_bytes(), key);
        assert_eq!(got.status, StatusCode::OK, "{}", got.json());
        got.json()
    };
    send(&lines, "o1");
    let newest = lines.lines().filter_map(|line| {
        let line: Value = serde_json::from_str(line).expect("JSON");
        line["month"].as_str().map(str::to_string)
    });
    let newest = newest.max().expect("a month");
    // A second account whose newest month does not come.
    let mut second = format!("{{\"type\":\"batch\",\"period\":\"{newest}\"}}\n");
    let others = lines.lines().filter(|line| !line.contains(&format!("\"{newest}\"")));
    others.for_each(|line| second += &(line.replace("\"A-1\"", "\"A-2\"") + "\n"));
    let receipt = send(&second, "o2");
    let missing = json!([{ "subject": subject, "account_key": "A-2" }]);
    assert_eq!(receipt["missing"]["accounts"], missing, "{receipt}");
    assert_eq!(receipt["missing"]["count"], 1);
    assert_eq!(send(&second, "o2"), receipt, "the same request, the same answer");

    let get = |who: &Client, path: &str| house.ask(who, Method::GET, path, b"", "");
    let known = get(&bank, "/v1/coverage").json();
    assert_eq!(known["totals"]["accounts"], 2, "{known}");
    let quality = get(&bank, "/v1/data-quality").json();
    assert_eq!(quality["tables"]["lines"][0]["files"], 2, "{quality}");
    assert_eq!(get(&bank, "/v1/data-quality?period=2026-13").code(), "invalid_request");
    assert_eq!(get(&bank, "/v1/data-requests").json()["requests"], json!([]));
    for path in ["/v1/coverage", "/v1/data-quality", "/v1/data-requests"] {
        assert_eq!(get(&asker, path).code(), "role_missing", "{path}");
    }
}
