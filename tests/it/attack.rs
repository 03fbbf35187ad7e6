//! Attacks at the door: without a signature, with a stranger's, with another partner's; slow, huge
//! and never-ending requests, floods of them; and a clock held against refusals.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use fivefold::bureau::admission::Admission;
use fivefold::bureau::command::data_request::RequestData;
use fivefold::bureau::command::enrol::key_proof_text;
use fivefold::bureau::command::governance::AddPartner;
use fivefold::collect::coverage::Months;
use fivefold::kernel::bytes::{base64, sha256};
use fivefold::kernel::{Env, Time};
use fivefold::partner::signature::SigningKey;
use fivefold::partner::{Contract, Role};
use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::house::{Client, Got, House, consent, months};
use crate::world::Human;

/// Every operation of the document: method, and path with a plausible id in it.
fn operations() -> Vec<(Method, String)> {
    let document: Value = serde_json::from_str(&fivefold::http::openapi()).expect("JSON");
    let mut all = Vec::new();
    for (path, methods) in document["paths"].as_object().expect("paths") {
        let path = path.replace("{id}", "con_0").replace("{index}", "0");
        for name in methods.as_object().expect("methods").keys() {
            let method = name.to_uppercase().parse().expect("a method");
            all.push((method, path.clone()));
        }
    }
    all
}

/// Routes that anybody may use: this list may only shrink.
const OPEN: [&str; 1] = ["/v1/log/proofs/0"];

#[test]
fn every_route_of_the_document_refuses_strangers() {
    let house = House::open();
    let stranger =
        Client { id: "par_0".to_string(), key: SigningKey::generate(&house.env).expect("a key") };
    let all = operations();
    assert!(all.len() > 20, "{all:?}");
    for (method, path) in all {
        let unsigned = house.send(&method, &path, &[], b"");
        if OPEN.contains(&path.as_str()) {
            assert_ne!(unsigned.status, StatusCode::UNAUTHORIZED, "{path}");
            continue;
        }
        assert_eq!(unsigned.status, StatusCode::UNAUTHORIZED, "{method} {path}");
        assert_eq!(unsigned.code(), "signature_missing", "{method} {path}");
        let body: &[u8] = if method == Method::POST { b"{}" } else { b"" };
        let signed = house.ask(&stranger, method.clone(), &path, body, "k");
        assert_eq!(signed.status, StatusCode::UNAUTHORIZED, "{method} {path}");
        assert_eq!(signed.code(), "key_unknown", "{method} {path}");
    }
}

/// A partner that may do everything a partner can.
fn partner(house: &House, name: &str) -> Client {
    let key = SigningKey::generate(&house.env).expect("a key");
    let scenarios = ["credit_application", "account_review"];
    let command = AddPartner {
        admission: Admission::operator("test", "a partner for a test"),
        name: name.to_string(),
        sector: "bank".to_string(),
        roles: vec![Role::Furnisher, Role::Asker, Role::Enroller, Role::Registrar],
        scenarios: scenarios.map(|s| (s.to_string(), Contract::default())).to_vec(),
        country: String::new(),
        key: key.public(),
    };
    let added = house.bureau.run(command).value().expect("a partner");
    Client { id: text(&added["partner"]), key }
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_string()
}

/// Enrols somebody with a key of their own.
fn bound(house: &House, bank: &Client, n: u32, key: &SigningKey) -> String {
    let proof = key.sign(key_proof_text(&bank.id, &key.public().thumbprint()).as_bytes());
    let mut enrolment = Human::nth(n, "CN").enrolment();
    enrolment["person_key"] = json!({ "jwk": key.public().to_jwk(), "proof": base64(&proof) });
    let got = house.post(bank, "/v1/subjects", &enrolment, &format!("enrol-{n}"));
    assert_eq!(got.status, StatusCode::CREATED, "{}", got.json());
    text(&got.json()["subject"])
}

/// One of everything that has an id, and whose it is: path, method, body.
fn belongings(house: &House, bank: &Client) -> Vec<(Method, String, String)> {
    let key = SigningKey::generate(&house.env).expect("a key");
    let me = Client { id: "me".to_string(), key };
    let subject = bound(house, bank, 1, &me.key);
    let created = |who: &Client, path: &str, body: &Value, key: &str| {
        let got = house.post(who, path, body, key);
        assert!(got.status.is_success(), "{path}: {}", got.json());
        got.json()
    };
    let give = |purpose, scenario, key: &str| {
        let artefact = consent(house, bank, &subject, purpose, scenario);
        text(&created(bank, "/v1/consents", &artefact, key)["consent"])
    };
    let (furnish, ask) =
        (give("furnish", None, "c1"), give("inquire", Some("credit_application"), "c2"));
    let lines = months(&subject, &furnish, 45);
    let later = ("prefer", "respond-async");
    let sent =
        house.ask_with(bank, (Method::POST, "/v1/observations"), later, lines.as_bytes(), "o");
    let upload = text(&sent.json()["url"]);
    loop {
        let got = house.ask(bank, Method::GET, &upload, b"", "");
        if got.json()["state"] == "done" {
            break;
        }
        std::thread::yield_now();
    }
    let question = json!({ "subject": subject, "scenario": "credit_application",
        "basis": { "type": "consent", "ref": ask } });
    let inquiry = text(&created(bank, "/v1/inquiries", &question, "i1")["inquiry"]);
    let decided = json!({ "decision": "declined", "weight_of_score": "decisive",
        "at": house.env.now() });
    let told = created(bank, &format!("/v1/inquiries/{inquiry}/outcome"), &decided, "d1");
    let second = text(&created(bank, "/v1/inquiries", &question, "i2")["inquiry"]);
    let report = house.ask(&me, Method::GET, "/v1/subjects/me/report", b"", "");
    let report = report.json();
    let items = report["observations"].as_array().expect("a list").iter();
    let mut late =
        items.filter(|one| one["observation"]["dpd"] == 45).map(|one| one["index"].clone());
    let item = late.next_back().expect("a late month");
    let dispute = json!({ "subject": "me", "items": [{ "observation": item }],
        "ground": "inaccurate", "text": "I paid.", "evidence_digest": "ab".repeat(32) });
    let dispute = text(&created(&me, "/v1/disputes", &dispute, "x1")["dispute"]);
    let freeze = text(&created(&me, "/v1/freezes", &json!({ "subject": "me" }), "f1")["freeze"]);
    let answer =
        json!({ "items": [{ "observation": item, "outcome": "upheld" }], "note": "Seen." });
    let watch = give("inquire", Some("account_review"), "c3");
    let watch = json!({ "subject": subject, "consent": watch, "scenario": "account_review" });
    let monitor = text(&created(bank, "/v1/monitors", &watch, "m1")["monitor"]);
    let month = |text: &str| text.parse().expect("a month");
    let asked = RequestData {
        admission: Admission::operator("test", "something for a test"),
        furnisher: bank.id.clone(),
        subject: subject.clone(),
        account_key: "A-1".to_string(),
        months: Months { from: month("2020-01"), until: month("2020-02") },
    };
    let asked = house.bureau.run(asked).value().expect("asked");
    let asked = asked["request"].as_str().expect("an id");
    let mut all = vec![
        (
            Method::POST,
            format!("/v1/data-requests/{asked}/answer"),
            r#"{"reason":"not_ours"}"#.to_string(),
        ),
        (Method::GET, format!("/v1/consents/{ask}"), String::new()),
        (Method::GET, format!("/v1/monitors/{monitor}"), String::new()),
        (Method::DELETE, format!("/v1/monitors/{monitor}"), String::new()),
        (Method::POST, format!("/v1/consents/{ask}/revoke"), String::new()),
        (Method::GET, upload, String::new()),
        (Method::GET, format!("/v1/inquiries/{inquiry}"), String::new()),
        (Method::POST, format!("/v1/inquiries/{second}/outcome"), decided.to_string()),
        (Method::GET, format!("/v1/disputes/{dispute}"), String::new()),
        (Method::POST, format!("/v1/disputes/{dispute}/answer"), answer.to_string()),
        (
            Method::POST,
            format!("/v1/disputes/{dispute}/information"),
            r#"{"text":"x"}"#.to_string(),
        ),
        (Method::POST, format!("/v1/disputes/{dispute}/withdraw"), String::new()),
        (Method::DELETE, format!("/v1/freezes/{freeze}"), String::new()),
        (Method::GET, format!("/v1/subjects/{subject}/report"), String::new()),
        (Method::POST, format!("/v1/subjects/{subject}/erase"), String::new()),
    ];
    let key = SigningKey::generate(&house.env).expect("a key");
    let applied = json!({ "name": "Corner Inn", "sector": "hotel", "scenario": "hotel_deposit",
        "licence": "91310000MA1K", "key": key.public().to_jwk() });
    let inn = Client { id: "inn".to_string(), key };
    let application = text(&created(&inn, "/v1/applications", &applied, "p1")["application"]);
    all.push((Method::GET, format!("/v1/applications/{application}"), String::new()));
    let notice = told["notice"].as_str().expect("a decision against somebody owes a notice");
    all.push((Method::GET, format!("/v1/notices/{notice}"), String::new()));
    all
}

/// The same path with an id of the same form that nobody has.
fn absent(path: &str) -> String {
    let other = |part: &str| match part.split_once('_') {
        Some((kind, rest)) if rest.len() == 26 => format!("{kind}_{}", "0".repeat(26)),
        _ => part.to_string(),
    };
    path.split('/').map(other).collect::<Vec<_>>().join("/")
}

#[test]
fn another_partners_things_are_as_if_they_were_not_there() {
    let house = House::open();
    let (bank, rival) = (partner(&house, "Bank One"), partner(&house, "Bank Two"));
    let all = belongings(&house, &bank);
    // Every route of the document that names something by its id is among them.
    let shape = |path: &str| {
        let parts =
            path.split('/').map(|p| if p.contains('_') || p.contains('{') { "*" } else { p });
        parts.collect::<Vec<_>>().join("/")
    };
    let document: Value = serde_json::from_str(&fivefold::http::openapi()).expect("JSON");
    let paths = document["paths"].as_object().expect("paths").keys();
    for path in paths.filter(|path| path.contains("{id}")) {
        let tried = all.iter().any(|(_, known, _)| shape(known) == shape(path));
        assert!(tried, "{path} is documented and not tried here");
    }
    for (n, (method, path, body)) in all.iter().enumerate() {
        let key = |of: &str| match *method {
            Method::GET => String::new(),
            _ => format!("{of}-{n}"),
        };
        let nobody = absent(path);
        assert_ne!(nobody, *path);
        let told =
            |path: &str, key: &str| house.ask(&rival, method.clone(), path, body.as_bytes(), key);
        let theirs: Got = told(path, &key("theirs"));
        let nobodys: Got = told(&nobody, &key("nobodys"));
        assert!(!theirs.status.is_success(), "{method} {path}: {}", theirs.json());
        let said = |got: &Got| {
            let mut body = got.json();
            // Where a refusal is an entry it has an index of its own.
            body.as_object_mut().expect("a problem").remove("log");
            (got.status, body)
        };
        assert_eq!(said(&theirs), said(&nobodys), "{method} {path}");
    }
    // And they are all still there, for whom they belong to.
    let (_, ask, _) = all.iter().find(|(_, path, _)| path.contains("/consents/")).expect("one");
    assert_eq!(house.ask(&bank, Method::GET, ask, b"", "").json()["state"], "active");
}

// ---- Too slow, too much, too many ---------------------------------------------------------------

fn connect(house: &House) -> TcpStream {
    let address = house.url().trim_start_matches("http://").to_string();
    let stream = TcpStream::connect(address).expect("a connection");
    stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a limit");
    stream
}

/// What comes until the other side closes.
fn rest(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let mut block = [0; 4096];
    loop {
        match stream.read(&mut block) {
            Ok(0) | Err(_) => return String::from_utf8_lossy(&bytes).into_owned(),
            Ok(n) => bytes.extend_from_slice(&block[..n]),
        }
    }
}

fn others_are_served(house: &House, bank: &Client) {
    let got = house.ask(bank, Method::GET, "/v1/consents/con_0", b"", "");
    assert_eq!(got.code(), "consent_not_found");
    assert_eq!(house.send(&Method::GET, "/readyz", &[], b"").status, StatusCode::OK);
}

#[test]
fn a_flood_of_idle_and_slow_connections_keeps_nobody_out_and_ends() {
    let house = House::open();
    let bank = partner(&house, "Bank One");
    let mut idle: Vec<TcpStream> = (0..400).map(|_| connect(&house)).collect();
    // Slow-loris: the head never ends.
    for stream in &mut idle {
        stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\nx-a: ").expect("sent");
    }
    others_are_served(&house, &bank);
    // The bureau itself ends each of them, once the time for a head is over.
    for mut stream in idle {
        let said = rest(&mut stream);
        assert!(said.is_empty() || said.starts_with("HTTP/1.1 408"), "{said}");
    }
    others_are_served(&house, &bank);
}

/// Resident memory of this process, in bytes.
fn memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("a line");
    let kib: u64 = line.split_whitespace().nth(1).expect("a number").parse().expect("a number");
    kib * 1024
}

#[test]
fn endless_heads_and_bodies_are_cut_off_and_take_no_memory() {
    let house = House::open();
    let bank = partner(&house, "Bank One");
    others_are_served(&house, &bank);
    let before = memory();
    // A head that goes on for ever.
    let mut stream = connect(&house);
    stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n").expect("sent");
    let line = format!("x-{}: {}\r\n", "a".repeat(60), "b".repeat(4_000));
    let mut sent = 0;
    while sent < 64 << 20 && stream.write_all(line.as_bytes()).is_ok() {
        sent += line.len();
    }
    assert!(sent < 16 << 20, "{sent} bytes of a head were taken");
    // Bodies that go on for ever, from somebody unknown, to a small route and to the large one.
    for path in ["/v1/subjects", "/v1/observations"] {
        let mut stream = connect(&house);
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\
             content-type: application/x-ndjson\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).expect("sent");
        let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
        let mut sent = 0;
        while sent < 256 << 20 && stream.write_all(chunk.as_bytes()).is_ok() {
            sent += chunk.len();
        }
        assert!(sent < 64 << 20, "{sent} bytes of a body were taken from a stranger");
    }
    others_are_served(&house, &bank);
    let grown = memory().saturating_sub(before);
    // Other tests run in this process too, so that this says little less than: not all of it.
    println!("memory grew by {grown} bytes");
    assert!(grown < 512 << 20, "{grown} bytes more");
}

#[test]
fn a_compressed_body_is_read_as_it_was_signed_and_never_unpacked() {
    let house = House::open();
    let bank = partner(&house, "Bank One");
    let mut bomb = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    bomb.write_all(&vec![b' '; 32 << 20]).expect("packed");
    let bomb = bomb.finish().expect("packed");
    assert!(bomb.len() < 64 * 1024, "small enough for the smallest limit");
    let header = ("content-encoding", "gzip");
    for path in ["/v1/subjects", "/v1/observations", "/v1/inquiries/batch"] {
        let got = house.ask_with(&bank, (Method::POST, path), header, &bomb, path);
        // Its lines are none: not one is accepted, or answered with anything but a problem.
        let said = String::from_utf8_lossy(&got.body).into_owned();
        let refused = got.status.is_client_error()
            || said.contains("\"accepted\":0")
            || said.lines().all(|line| line.contains("\"problem\""));
        assert!(refused, "{path}: {said}");
    }
    others_are_served(&house, &bank);
}

// ---- What a refusal tells -----------------------------------------------------------------------

/// How many of either kind are timed.
const TIMED: usize = 150;

/// The chance that one of `a` is greater than one of `b` (Mann and Whitney): one half when nothing
/// tells them apart.
fn separation(a: &[Duration], b: &[Duration]) -> f64 {
    let greater: f64 = a
        .iter()
        .map(|x| {
            b.iter()
                .map(|y| {
                    if x > y {
                        1.0
                    } else if x == y {
                        0.5
                    } else {
                        0.0
                    }
                })
                .sum::<f64>()
        })
        .sum();
    greater / (a.len() * b.len()) as f64
}

/// Six standard deviations of that chance when nothing tells them apart: one in five hundred
/// million runs goes beyond by chance.
fn separation_max(n: usize) -> f64 {
    6.0 * ((2 * n + 1) as f64 / (12.0 * (n * n) as f64)).sqrt()
}

fn elapsed(env: &Env, since: Time) -> Duration {
    Duration::from_micros((env.now().micros() - since.micros()).unsigned_abs())
}

/// Asks for each of two things in turn, in an order that is left to chance.
fn told_apart(
    mut one: impl FnMut(usize) -> Duration,
    mut other: impl FnMut(usize) -> Duration,
) -> f64 {
    let (mut a, mut b) = (Vec::new(), Vec::new());
    for n in 0..TIMED {
        if sha256(&n.to_be_bytes())[0].is_multiple_of(2) {
            a.push(one(n));
            b.push(other(n));
        } else {
            b.push(other(n));
            a.push(one(n));
        }
    }
    separation(&a, &b)
}

fn shape(value: &Value) -> Value {
    crate::world::shape(value)
}

#[test]
fn neither_shape_nor_time_tells_whether_a_person_is_known() {
    let house = House::open();
    let (bank, hotel) =
        (partner(&house, "Bank One"), house.partner("Hotel", "hotel", &["hotel_deposit"]));
    // Whom the bank has enrolled; the hotel enrols them, and as many whom nobody has.
    for n in 0..TIMED as u32 {
        let enrolment = Human::nth(n, "CN").enrolment();
        house.post(&bank, "/v1/subjects", &enrolment, &format!("b-{n}"));
    }
    let shapes = std::cell::RefCell::new(Vec::new());
    let subjects = std::cell::RefCell::new((Vec::new(), Vec::new()));
    let enrol = |n: u32, known: bool| {
        let body = Human::nth(n, "CN").enrolment();
        let since = house.env.now();
        let got = house.post(&hotel, "/v1/subjects", &body, &format!("h-{n}"));
        let took = elapsed(&house.env, since);
        let told = got.json();
        shapes.borrow_mut().push((got.status, shape(&told)));
        let mut subjects = subjects.borrow_mut();
        let of = if known { &mut subjects.0 } else { &mut subjects.1 };
        of.push(text(&told["subject"]));
        took
    };
    let enrolled = told_apart(|n| enrol(n as u32, true), |n| enrol(10_000 + n as u32, false));
    shapes.borrow_mut().dedup();
    assert_eq!(shapes.borrow().len(), 1, "{shapes:?}");

    // The hotel's question about somebody who has no file, and about somebody with one who is not
    // assessable, read the same and take as long.
    let (with_file, without) = subjects.into_inner();
    let consents = |subjects: &[String]| {
        let give = |(n, subject): (usize, &String)| {
            let artefact = consent(&house, &hotel, subject, "inquire", Some("hotel_deposit"));
            let key = format!("c-{n}-{}", &subject[subject.len() - 6..]);
            let got = house.post(&hotel, "/v1/consents", &artefact, &key);
            (subject.clone(), text(&got.json()["consent"]))
        };
        subjects.iter().enumerate().map(give).collect::<Vec<_>>()
    };
    let (with_file, without) = (consents(&with_file), consents(&without));
    let forms = std::cell::RefCell::new(Vec::new());
    let ask = |(subject, consent): &(String, String)| {
        let question = json!({ "subject": subject, "scenario": "hotel_deposit",
            "basis": { "type": "consent", "ref": consent } });
        let since = house.env.now();
        let got = house.post(&hotel, "/v1/inquiries", &question, &format!("i-{consent}"));
        let took = elapsed(&house.env, since);
        forms.borrow_mut().push((got.status, shape(&got.json())));
        took
    };
    let asked = told_apart(|n| ask(&with_file[n]), |n| ask(&without[n]));
    forms.borrow_mut().dedup();
    assert_eq!(forms.borrow().len(), 1, "{forms:?}");

    // Another's consent, and one that was never given.
    let theirs: Vec<String> = with_file.iter().map(|(_, consent)| consent.clone()).collect();
    let read = |consent: &str| {
        let since = house.env.now();
        let got = house.ask(&bank, Method::GET, &format!("/v1/consents/{consent}"), b"", "");
        let took = elapsed(&house.env, since);
        assert_eq!(got.code(), "consent_not_found");
        took
    };
    let nobody = format!("con_{}", "0".repeat(26));
    let consent = told_apart(|n| read(&theirs[n]), |_| read(&nobody));
    println!("enrolment {enrolled:.3}, inquiry {asked:.3}, consent {consent:.3}");
    // A consent's id cannot be guessed, and tells nothing of a person: its time is printed only.
    for (what, chance) in [("enrolment", enrolled), ("inquiry", asked)] {
        let off = (chance - 0.5).abs();
        assert!(off < separation_max(TIMED), "{what}: told apart with {chance:.3}");
    }
    // The measure itself can tell two things apart.
    let slow = |n: usize| Duration::from_micros(1_000 + n as u64 % 50);
    let quick = |n: usize| Duration::from_micros(960 + n as u64 % 50);
    assert!((told_apart(slow, quick) - 0.5).abs() > separation_max(TIMED));
}
