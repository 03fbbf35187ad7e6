//! Files of observations: large ones taken with 202 and gone on with after a stop, and those that
//! nobody signed.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use fivefold::bureau::admission::Admission;
use fivefold::bureau::command::governance::{Change, ChangePartner};
use fivefold::bureau::command::observe::ObserveSlice;
use fivefold::bureau::command::upload::{AcceptUpload, Progress, ReadUpload};
use fivefold::bureau::intake::Intake;
use fivefold::bureau::spool::Spooling;
use fivefold::bureau::upload::{self, Format, UploadFile};
use fivefold::collect::rows as upload_rows;
use fivefold::kernel::bytes::sha256;
use fivefold::partner::Role;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::house::{House, consent, months, person};
use crate::world::{Human, Party, World, month, ndjson, on_both, year};

pub fn wait<T>(mut done: impl FnMut() -> Option<T>) -> T {
    for _ in 0..10_000 {
        if let Some(value) = done() {
            return value;
        }
        std::thread::yield_now();
    }
    panic!("it never came about");
}

#[test]
fn a_client_that_prefers_not_to_wait_gets_its_receipt_later() {
    let house = House::open();
    let bank = house.partner("Bank One", "bank", &["credit_application"]);
    let other = house.partner("Bank Two", "bank", &["credit_application"]);
    let got = house.post(&bank, "/v1/subjects", &person(), "e1");
    let subject = got.json()["subject"].as_str().expect("a subject").to_string();
    let artefact = consent(&house, &bank, &subject, "furnish", None);
    let got = house.post(&bank, "/v1/consents", &artefact, "c1");
    let furnish = got.json()["consent"].as_str().expect("a consent").to_string();
    let lines = months(&subject, &furnish, 0);
    let later = ("prefer", "respond-async");
    let send = |key: &str| {
        let route = (Method::POST, "/v1/observations");
        house.ask_with(&bank, route, later, lines.as_bytes(), key)
    };
    let taken = send("o1");
    assert_eq!(taken.status, StatusCode::ACCEPTED, "{}", taken.json());
    let url = taken.headers["location"].to_str().expect("a url").to_string();
    assert_eq!(taken.json()["url"], url.as_str());
    let done = wait(|| {
        let got = house.ask(&bank, Method::GET, &url, b"", "");
        assert_eq!(got.status, StatusCode::OK, "{}", got.json());
        Some(got.json()).filter(|body| body["state"] == "done")
    });
    assert_eq!(done["receipt"]["accepted"], 11, "{done}");
    assert!(done["receipt"]["batch"]["index"].is_u64());
    let again = send("o1");
    assert_eq!((again.status, &again.body), (StatusCode::ACCEPTED, &taken.body));
    let strange = house.ask(&other, Method::GET, &url, b"", "");
    assert_eq!(strange.code(), "upload_not_found");
    let spool = house.bureau.dir.join("spool");
    wait(|| {
        let left = std::fs::read_dir(&spool).expect("a folder").count();
        (left == 1).then_some(Value::Null)
    });
}

#[test]
fn a_strangers_upload_is_refused_before_its_body_comes() {
    let house = House::open();
    let key = fivefold::partner::signature::SigningKey::generate(&house.env).expect("a key");
    let url = house.url();
    let body = b"{}";
    let (method, target) = (Method::POST, format!("{url}/v1/observations"));
    let sent = fivefold::partner::signature::sign_request(
        &key,
        &method,
        &target,
        &[],
        body,
        house.env.now(),
        "n-1",
    )
    .expect("signed");
    let mut head = "POST /v1/observations HTTP/1.1\r\nhost: x\r\n".to_string();
    for (name, value) in &sent {
        head.push_str(&format!("{name}: {}\r\n", value.to_str().expect("text")));
    }
    head.push_str("content-length: 900000000\r\n\r\n");
    let mut stream = TcpStream::connect(url.trim_start_matches("http://")).expect("a connection");
    stream.write_all(head.as_bytes()).expect("sent");
    // Not one byte of the body is ever sent.
    let mut answer = vec![0; 12];
    stream.read_exact(&mut answer).expect("an answer");
    assert_eq!(&answer[9..], b"401");
}

/// Many months of many accounts, so that an upload has several slices.
fn long(world: &World, bank: &Party, accounts: u32) -> Vec<Value> {
    let subject = world.enrol(bank, &Human::nth(1, "CN"));
    let consent = world.furnishing(bank, &subject);
    (0..accounts).flat_map(|n| year(&subject, &consent, &format!("acc-{n}"))).collect()
}

/// Spools a file and puts it on record, as the door does.
pub fn taken(world: &World, party: &Party, bytes: &[u8]) -> String {
    let id = AcceptUpload::mint(&world.env);
    let mut spooling = Spooling::begin(&world.env, world.dir(), &id).expect("a file");
    spooling.add(bytes).expect("spooled");
    spooling.finish().expect("durable");
    spooling.keep();
    let accepted = world.run(AcceptUpload {
        admission: Admission { nonce: None, ..world.by(party) },
        id: id.clone(),
        format: Format::of(bytes).name().to_string(),
        bytes: spooling.length(),
        digest: sha256(bytes),
        dry_run: false,
        key: spooling.key().clone(),
    });
    assert_eq!(accepted.expect("taken")["state"], "waiting");
    id
}

pub fn stands(world: &World, party: &Party, id: &str) -> Value {
    let admission = Admission { nonce: None, ..world.by(party) };
    world.run(ReadUpload { admission, upload: id.to_string() }).expect("how it stands")
}

on_both!(what_cannot_be_taken_does_not_hold_up_what_can, |world| {
    let (bank, other) = (world.bank(), world.partner("Bank Two", "bank", &[Role::Furnisher], &[]));
    let first = taken(world, &other, b"{}\n");
    let second = taken(world, &bank, b"{}\n");
    let third = taken(world, &bank, b"{\"type\":\"batch\",\"count\":9}\n{}\n");
    let (partner, admission) = (other.id.clone(), world.staff());
    let change = Change::Suspend;
    world.run(ChangePartner { admission, partner, change }).expect("suspended");
    let intake = Intake::start(world.bureau().clone()).expect("starts");
    assert!(Intake::start(world.bureau().clone()).is_err(), "one process works uploads off");
    let done = wait(|| Some(stands(world, &bank, &second)).filter(|b| b["state"] == "done"));
    assert_eq!(done["receipt"]["rejected"], 1);
    let refused = wait(|| Some(stands(world, &bank, &third)).filter(|b| b["state"] == "refused"));
    assert_eq!(refused["problem"]["code"], "control_total_mismatch");
    // The suspended one may not ask how its file stands: the row says when it was looked at.
    wait(|| {
        let rows = world.bureau().store.read(|conn| upload_rows::uploads(conn, &[first.as_str()]));
        rows.expect("rows").into_iter().find(|row| row.state == "refused")
    });
    let (partner, admission) = (other.id.clone(), world.staff());
    let change = Change::Resume;
    world.run(ChangePartner { admission, partner, change }).expect("taken back");
    let refused = stands(world, &other, &first);
    assert_eq!(
        (&refused["state"], &refused["problem"]["code"]),
        (&json!("refused"), &json!("key_suspended"))
    );
    intake.close();
});

on_both!(an_upload_is_gone_on_with_where_it_stopped, |world| {
    let bank = world.bank();
    let lines = long(world, &bank, 100);
    let bytes = ndjson(&lines).into_bytes();
    let id = taken(world, &bank, &bytes);
    // The first slice is applied as the intake does it, and then the process ends.
    let (engine, now) = (&world.bureau().engine, world.env.now());
    let blob = Arc::new(bytes::Bytes::from(bytes.clone()));
    let file = UploadFile { format: Format::Ndjson, blob, digest: sha256(&bytes) };
    let checked = upload::check(engine, now, &file, true).expect("a whole batch");
    let slice = checked.lines.into_iter().take(500).collect();
    let done = world.run(ObserveSlice {
        admission: Admission { nonce: None, ..world.by(&bank) },
        lines: slice,
        dry_run: false,
        progress: Some(Progress { upload: id.clone(), receipt: checked.receipt }),
    });
    assert_eq!(done.expect("a slice")["accepted"], 500);
    world.open().expect("opens again");
    std::fs::write(world.dir().join("spool/upl_nobody.sealed"), b"x").expect("written");
    let intake = Intake::start(world.bureau().clone()).expect("starts");
    let done = wait(|| Some(stands(world, &bank, &id)).filter(|body| body["state"] == "done"));
    intake.close();
    let receipt = &done["receipt"];
    assert_eq!((&receipt["accepted"], &receipt["duplicates"]), (&json!(1_300), &json!(0)));
    let range = &receipt["log"];
    let first = range["first_index"].as_u64().expect("an index");
    assert_eq!(range["last_index"].as_u64(), Some(first + 1_299));
    let left = std::fs::read_dir(world.dir().join("spool")).expect("a folder").count();
    assert_eq!(left, 1, "only the lock");
});

on_both!(a_slice_of_many_corrections_is_taken_in_turns, |world| {
    let bank = world.bank();
    let mut lines = Vec::new();
    for n in 0..30 {
        let subject = world.enrol(&bank, &Human::nth(n, "CN"));
        let consent = world.furnishing(&bank, &subject);
        for account in 0..5 {
            lines.extend(year(&subject, &consent, &format!("acc-{account}")));
        }
    }
    assert_eq!(world.furnish(&bank, &lines).accepted, 30 * 65);
    let mut wrong: Vec<Value> =
        lines.iter().filter(|line| line["month"] == "2026-09").cloned().collect();
    for line in &mut wrong {
        line["op"] = json!("correct");
        line["balance"]["amount"] = json!("77.00");
    }
    let numbered = |(n, line): (usize, Value)| {
        (n as u64 + 1, serde_json::from_value(line).expect("an observation"))
    };
    let done = world.run(ObserveSlice {
        admission: Admission { nonce: None, ..world.by(&bank) },
        lines: wrong.iter().cloned().enumerate().map(numbered).collect(),
        dry_run: true,
        progress: None,
    });
    assert_eq!(done.expect("checked")["taken"], wrong.len(), "checking alone costs little");
    let receipt = world.furnish(&bank, &wrong);
    assert_eq!((receipt.accepted, receipt.rejected), (wrong.len() as u64, 0));
    let slice = ObserveSlice {
        admission: Admission { nonce: None, ..world.by(&bank) },
        lines: wrong
            .into_iter()
            .map(|mut line| {
                line["balance"]["amount"] = json!("78.00");
                line
            })
            .enumerate()
            .map(numbered)
            .collect(),
        dry_run: false,
        progress: None,
    };
    let taken = world.run(slice).expect("a slice")["taken"].as_u64().expect("a number");
    assert!((1..150).contains(&taken), "{taken} of 150 in one turn");
});

on_both!(what_nobody_signed_is_kept_and_not_scored, |world| {
    let bank = world.bank();
    let subject = world.enrol(&bank, &Human::nth(1, "CN"));
    let consent = world.history(&bank, &subject);
    let score = |world: &World| world.inquire(&bank, &subject, "account_review")["score"].clone();
    let clean = score(world);
    let mut late = month(&subject, &consent, "acc-9", "2026-10");
    late["dpd"] = json!(120);
    late["status"] = json!("late");
    late["past_due"] = json!({ "amount": "350.00", "currency": "CNY" });
    late["paid"] = json!({ "amount": "0.00", "currency": "CNY" });
    late["adverse_notice"] =
        json!({ "channel": "sms", "sent_at": "2026-11-01T00:00:00Z", "template": "t" });
    let file = ndjson(std::slice::from_ref(&late)).into_bytes();
    let console = || Admission::console(&bank.id);
    let loaded = world.uploaded(console(), &file);
    assert_eq!((&loaded["accepted"], &loaded["loaded_by"]), (&json!(1), &json!("operator")));
    assert_eq!(score(world), clean);
    assert_eq!(world.uploaded(console(), &file)["duplicates"], 1);
    let mut change = late.clone();
    change["op"] = json!("correct");
    let refused = world.uploaded(console(), &ndjson(&[change]).into_bytes());
    assert_eq!(refused["errors"][0]["code"], "signature_missing");
    // An operator says nothing new about what the furnisher signed.
    let signed = ndjson(&year(&subject, &consent, "acc-1")).into_bytes();
    assert_eq!(world.uploaded(console(), &signed)["duplicates"], 13);
    world.audited();
    // The furnisher stands by it: now it counts.
    let receipt = world.furnish(&bank, &[late]);
    assert_eq!((receipt.accepted, receipt.duplicates), (1, 0));
    assert!(score(world).as_i64() < clean.as_i64());
});
