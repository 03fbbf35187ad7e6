//! How much partners ask: counted from the log, limited by contract, and told beforehand.

use std::collections::BTreeMap;

use fivefold::bureau::admission::Admission;
use fivefold::bureau::command::governance::{Change, ChangePartner};
use fivefold::error::Problem;
use fivefold::ledger::rows as ledger_rows;
use fivefold::partner::Quota;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::house::{House, consent, person};
use crate::world::{Human, Party, World, on_both};

fn agree(world: &World, party: &Party, quota: Quota) {
    let (admission, partner) = (world.staff(), party.id.clone());
    let change = ChangePartner { admission, partner, change: Change::Quota(quota) };
    world.run(change).expect("agreed");
}

/// Counts a partner's questions by opening every record of the log, as an auditor would.
fn counted(world: &World, party: &Party) -> BTreeMap<(String, String), u64> {
    let mut counts = BTreeMap::new();
    for index in 0..world.size() {
        let bodies = world.bureau().store.read(|c| ledger_rows::bodies(c, index, index + 1));
        let kind = bodies.expect("a body").remove(0).kind;
        let (record, detail) = world.record(index);
        let text = |value: &Value| value.as_str().unwrap_or_default().to_string();
        let key = match kind.as_str() {
            "inquiry" if record["asker"] == *party.id => {
                (text(&record["scenario"]), text(&record["form"]))
            }
            "refused" if record["actor"] == *party.id && record["act"] == "inquire" => {
                (text(&detail["scenario"]), "refused".to_string())
            }
            _ => continue,
        };
        *counts.entry(key).or_default() += 1;
    }
    counts
}

fn told(world: &World, party: &Party) -> BTreeMap<(String, String), u64> {
    let period = world.bureau().period("2026-11").expect("a period");
    let usage = world.bureau().usage(&period, Some(&party.id)).expect("usage");
    assert_eq!(usage.until_index, world.size());
    for line in &usage.lines {
        let answered = !["refused", "not_assessable"].contains(&line.outcome.as_str());
        assert_eq!(line.billable, answered, "{line:?}");
        assert!(line.first_index >= usage.from_index && line.last_index < usage.until_index);
    }
    let lines = usage.lines.into_iter();
    lines.map(|line| ((line.scenario, line.outcome), line.count)).collect()
}

on_both!(usage_is_what_the_log_counts, |world| {
    let (bank, hotel) = (world.bank(), world.hotel());
    let subject = world.enrol(&bank, &Human::nth(1, "CN"));
    world.history(&bank, &subject);
    let thin = world.enrol(&bank, &Human::nth(2, "CN"));
    let guest = world.enrol(&hotel, &Human::nth(1, "CN"));
    assert!(told(world, &bank).is_empty());
    for _ in 0..3 {
        world.inquire(&bank, &subject, "credit_application");
    }
    world.inquire(&bank, &subject, "account_review");
    world.inquire(&bank, &thin, "credit_application");
    world.inquire(&hotel, &guest, "hotel_deposit");
    world.ask(&bank, &subject, ("consent", "con_0"), "account_review").expect_err("refused");
    let first = told(world, &bank);
    assert_eq!(first, counted(world, &bank));
    assert_eq!(first.len(), 4, "{first:?}");
    assert_eq!(told(world, &hotel), counted(world, &hotel));
    // What was counted once is read on from, and a restart reads it all again.
    world.inquire(&bank, &subject, "credit_application");
    assert_eq!(told(world, &bank), counted(world, &bank));
    world.open().expect("it starts again");
    assert_eq!(told(world, &bank), counted(world, &bank));
});

on_both!(a_contracted_day_survives_a_restart_and_another_node, |world| {
    let bank = world.bank();
    let subject = world.enrol(&bank, &Human::nth(1, "CN"));
    world.history(&bank, &subject);
    let consent = world.consent(&bank, &subject, "credit_application");
    agree(world, &bank, Quota { requests_per_minute: None, inquiries_per_day: Some(3) });
    let ask = |world: &World| -> Result<Value, Problem> {
        world.ask(&bank, &subject, ("consent", &consent), "credit_application")
    };
    ask(world).expect("the first");
    world.open().expect("it starts again");
    ask(world).expect("the second");
    if world.is_postgres() {
        let other = world.second("other");
        let sent = crate::world::question(&subject, ("consent", &consent), "credit_application");
        let admission = world.by(&bank);
        let command = fivefold::bureau::command::inquire::Inquire { admission, sent };
        other.run(command).value().expect("the third, by another node");
        other.close();
    } else {
        ask(world).expect("the third");
    }
    let refused = ask(world).expect_err("used up");
    assert_eq!(refused.code, "quota_exceeded");
    // 04:00 in UTC, and whole days end at midnight.
    assert_eq!(refused.retry_after_seconds, Some(20 * 3600));
    // A refusal for want of quota is no entry: nothing was decided about anybody.
    let size = world.size();
    ask(world).expect_err("still used up");
    assert_eq!(world.size(), size);
    agree(world, &bank, Quota { requests_per_minute: None, inquiries_per_day: Some(4) });
    ask(world).expect("a further one is agreed");
    ask(world).expect_err("and used up");
    world.clock.set(world.env.now().plus_seconds(20 * 3600));
    let tomorrow = world.consent(&bank, &subject, "credit_application");
    world.ask(&bank, &subject, ("consent", &tomorrow), "credit_application").expect("a new day");
});

#[test]
fn limits_are_told_with_every_answer_and_met_with_429() {
    let house = House::open();
    let bank = house.partner("Bank One", "bank", &["credit_application"]);
    let agree = |quota: Quota| {
        let admission = Admission::operator("test", "a contract");
        let change = Change::Quota(quota);
        let command = ChangePartner { admission, partner: bank.id.clone(), change };
        house.bureau.run(command).value().expect("agreed");
    };
    let got = house.post(&bank, "/v1/subjects", &person(), "e1");
    let subject = got.json()["subject"].as_str().expect("a subject").to_string();
    assert_eq!(got.headers["ratelimit-policy"], "\"minute\";q=600000;w=60");
    let artefact = consent(&house, &bank, &subject, "inquire", Some("credit_application"));
    let given = house.post(&bank, "/v1/consents", &artefact, "c1").json();
    let inquiry = json!({ "subject": subject, "scenario": "credit_application",
        "basis": { "type": "consent", "ref": given["consent"] } });
    agree(Quota { requests_per_minute: Some(1_000), inquiries_per_day: Some(2) });
    for key in ["i1", "i2"] {
        let got = house.post(&bank, "/v1/inquiries", &inquiry, key);
        assert_eq!(got.status, StatusCode::CREATED, "{}", got.json());
    }
    let got = house.post(&bank, "/v1/inquiries", &inquiry, "i3");
    assert_eq!((got.status.as_u16(), got.code().as_str()), (429, "quota_exceeded"));
    let seconds: i64 = got.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=86_400).contains(&seconds));
    let policy = got.headers["ratelimit-policy"].to_str().unwrap();
    assert_eq!(policy, "\"minute\";q=1000;w=60, \"day\";q=2;w=86400");
    let limit = got.headers["ratelimit"].to_str().unwrap();
    assert!(limit.starts_with("\"minute\";r=99") && limit.contains("\"day\";r=0;t="), "{limit}");
    // The same request again is the same answer, and costs nothing.
    let again = house.post(&bank, "/v1/inquiries", &inquiry, "i1");
    assert_eq!(again.status, StatusCode::CREATED);
    // A batch says of each line what became of it.
    let got = house.ask(&bank, Method::POST, "/v1/inquiries/batch", &ndjson(&inquiry), "b1");
    let line: Value = serde_json::from_slice(&got.body).expect("one line");
    assert_eq!(line["problem"]["code"], "quota_exceeded");

    let usage = house.ask(&bank, Method::GET, "/v1/usage", b"", "");
    assert_eq!(usage.json()["total"]["inquiries"], 2, "{}", usage.json());
    let got = house.ask(&bank, Method::GET, "/v1/usage?period=2026-13", b"", "");
    assert_eq!((got.status.as_u16(), got.code().as_str()), (422, "invalid_request"));

    agree(Quota { requests_per_minute: Some(1), inquiries_per_day: None });
    // The second of two requests is one too many, unless a minute ends between them.
    let refused = (0..3).map(|_| house.ask(&bank, Method::GET, "/v1/usage", b"", ""));
    let refused: Vec<_> = refused.filter(|got| got.status == 429).collect();
    assert!(!refused.is_empty());
    assert_eq!(refused[0].code(), "rate_exceeded");
    assert!(refused[0].headers.contains_key("retry-after"));
}

fn ndjson(value: &Value) -> Vec<u8> {
    format!("{value}\n").into_bytes()
}
