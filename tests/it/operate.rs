//! What an operator relies on: numbers under the names that the dashboard asks for, and refusals
//! in place of an endless wait.

use std::collections::BTreeSet;

use fivefold::bureau::Reply;
use fivefold::bureau::command::consent::ReadConsent;
use fivefold::bureau::sequencer::{BATCH_COMMANDS_MAX, QUEUE_MAX};
use http::Method;
use serde_json::Value;

use crate::house::{House, person};
use crate::world::{World, on_both};

/// The names of our metrics in a text.
fn names(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    words.filter(|word| word.starts_with("fivefold_")).map(str::to_string).collect()
}

#[test]
fn the_dashboard_asks_for_metrics_that_there_are() {
    let house = House::open();
    let bank = house.partner("Bank One", "bank", &["credit_application"]);
    house.post(&bank, "/v1/subjects", &person(), "e1");
    // A file, of which nothing is taken, and the hourly sweep: they count too.
    let file = (Method::POST, "/v1/observations");
    let sent = house.ask_with(&bank, file, ("accept", "application/json"), b"{}\n", "o1");
    assert_eq!(sent.json()["rejected"], 1, "{}", sent.json());
    house.bureau.sweep().expect("swept");
    house.bureau.publish().expect("published");
    let metrics = house.send(&Method::GET, "/metrics", &[], b"");
    let there = names(&String::from_utf8_lossy(&metrics.body));
    let dashboard: Value =
        serde_json::from_str(include_str!("../../docs/operate/grafana.json")).expect("JSON");
    let mut asked = BTreeSet::new();
    for panel in dashboard["panels"].as_array().expect("panels") {
        for target in panel["targets"].as_array().expect("targets") {
            asked.extend(names(target["expr"].as_str().expect("an expression")));
        }
    }
    assert!(asked.len() >= 5, "{asked:?}");
    let missing: Vec<&String> = asked.difference(&there).collect();
    assert!(missing.is_empty(), "{missing:?} are asked for, and there are {there:?}");
    // Nothing is measured that nobody looks at.
    let plain =
        |name: &String| name.trim_end_matches("_sum").trim_end_matches("_count").to_string();
    let (asked, there): (BTreeSet<String>, BTreeSet<String>) =
        (asked.iter().map(plain).collect(), there.iter().map(plain).collect());
    assert_eq!(there.difference(&asked).collect::<Vec<_>>(), Vec::<&String>::new());
}

on_both!(more_than_can_wait_is_refused_at_once_and_the_rest_is_answered, |world| {
    let world: &World = world;
    let bank = world.bank();
    // Somebody holds the database, so that nothing is written for a while.
    let mut held = world.settings.database.connect().expect("a connection");
    let hold = match world.is_postgres() {
        true => "BEGIN; LOCK TABLE log_head IN ACCESS EXCLUSIVE MODE",
        false => "BEGIN IMMEDIATE",
    };
    held.batch(hold).expect("held");
    let mut waiting = Vec::new();
    let refused = loop {
        let admission = world.by(&bank);
        let consent = "con_0".to_string();
        let mut reply = world.bureau().submit(ReadConsent { admission, consent });
        match reply.try_recv() {
            Ok(Reply::Refused(problem)) => break problem,
            Ok(Reply::Done(_)) => panic!("nothing can be done yet"),
            Err(_) => waiting.push(reply),
        }
        assert!(waiting.len() <= QUEUE_MAX + 2 * BATCH_COMMANDS_MAX, "it takes ever more");
    };
    assert_eq!(refused.code, "overloaded");
    assert!(refused.retry_after_seconds.is_some());
    assert!(waiting.len() >= QUEUE_MAX, "{} were taken", waiting.len());
    held.batch("ROLLBACK").expect("released");
    for reply in waiting {
        match reply.blocking_recv().expect("a reply") {
            Reply::Refused(problem) => assert_eq!(problem.code, "consent_not_found"),
            Reply::Done(_) => panic!("there is no such consent"),
        }
    }
});
