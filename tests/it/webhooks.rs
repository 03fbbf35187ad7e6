//! Events sent to a real receiver that fails in every way, and gets all of them in order.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;

use fivefold::bureau::command::webhook::SetWebhook;
use fivefold::error::Problem;
use fivefold::partner::signature::check_content_digest;
use fivefold::policy::Environment;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};

use crate::world::{Human, Party, World, on_both};

/// How a receiver behaves towards one delivery.
#[derive(Clone, Copy, Debug)]
enum Manner {
    /// Says 204.
    Well,
    /// Says 500.
    Error,
    /// Sends it elsewhere.
    Redirect,
    /// Closes without a word.
    Rude,
    /// Says nothing for longer than is waited.
    Hangs,
    /// Begins an answer and never ends it.
    Endless,
}

/// A receiver for as many deliveries as it has manners. What it got comes out of the channel.
fn receiver(manners: &'static [Manner]) -> (String, mpsc::Receiver<Delivery>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/events", listener.local_addr().expect("an address"));
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        let mut open = Vec::new();
        for manner in manners {
            let (mut stream, _) = listener.accept().expect("a connection");
            let delivery = read(&mut stream);
            let answer: &[u8] = match manner {
                Manner::Well => b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n",
                Manner::Error => b"HTTP/1.1 500 Oh\r\ncontent-length: 2\r\n\r\nno",
                Manner::Redirect => {
                    b"HTTP/1.1 302 There\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n"
                }
                Manner::Endless => b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nand so",
                Manner::Rude | Manner::Hangs => b"",
            };
            let _ = stream.write_all(answer);
            if matches!(manner, Manner::Hangs | Manner::Endless) {
                open.push(stream);
            }
            let _ = tell.send(delivery);
        }
        // Whoever comes later is refused; who waits is kept waiting until the test is over.
        drop(listener);
        std::thread::park();
    });
    (url, told)
}

struct Delivery {
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Delivery {
    fn events(&self) -> Vec<i64> {
        let body: Value = serde_json::from_slice(&self.body).expect("JSON");
        let events = body["events"].as_array().expect("events");
        events.iter().map(|event| event["id"].as_i64().expect("an id")).collect()
    }
}

fn read(stream: &mut TcpStream) -> Delivery {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let n = stream.read(&mut buffer).expect("bytes");
        bytes.extend_from_slice(&buffer[..n]);
        let Some(end) = bytes.windows(4).position(|w| w == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let mut headers = HeaderMap::new();
        for line in head.lines().skip(1) {
            let (name, value) = line.split_once(": ").expect("a header");
            let name: HeaderName = name.parse().expect("a name");
            headers.insert(name, HeaderValue::from_str(value).expect("a value"));
        }
        let length: usize = headers["content-length"].to_str().unwrap().parse().unwrap();
        if bytes.len() >= end + 4 + length {
            return Delivery { headers, body: bytes[end + 4..].to_vec() };
        }
    }
}

/// The delivery's signature, rebuilt from RFC 9421 by hand.
fn verified(world: &World, url: &str, delivery: &Delivery) {
    check_content_digest(&delivery.headers, &delivery.body).expect("the digest");
    let text = |name: &str| delivery.headers[name].to_str().expect("text").to_string();
    let input = text("signature-input").strip_prefix("fivefold=").expect("a label").to_string();
    assert!(input.contains(";tag=\"fivefold-event\""), "{input}");
    let list = input[1..input.find(')').expect("a list")].to_string();
    let mut base = String::new();
    for part in list.split(' ') {
        let value = match part {
            "\"@method\"" => "POST".to_string(),
            "\"@target-uri\"" => url.to_string(),
            other => text(other.trim_matches('"')),
        };
        base.push_str(&format!("{part}: {value}\n"));
    }
    for needed in ["\"@method\"", "\"@target-uri\"", "\"content-digest\""] {
        assert!(list.contains(needed), "{needed} is not covered");
    }
    base.push_str(&format!("\"@signature-params\": {input}"));
    let signature = text("signature");
    let signature = signature.strip_prefix("fivefold=:").and_then(|s| s.strip_suffix(':'));
    let signature = fivefold::kernel::bytes::from_base64(signature.expect("a value"));
    let key = world.bureau().engine.keys.response().public();
    assert!(key.verify(base.as_bytes(), &signature.expect("base64")), "{base}");
}

fn set(world: &World, party: &Party, url: Option<&str>) -> Result<Value, Problem> {
    let url = url.map(str::to_string);
    world.run(SetWebhook { admission: world.by(party), url, after: None })
}

/// One more event for the bank: the person revokes a consent.
fn revoked(world: &World, bank: &Party, n: u32) {
    let agent = format!("Agent {n}");
    let roles = [fivefold::partner::Role::Agent, fivefold::partner::Role::Enroller];
    let agent = world.partner(&agent, "other", &roles, &[]);
    let human = Human::nth(n, "CN");
    let subject = world.enrol(bank, &human);
    let consent = world.consent(bank, &subject, "credit_application");
    let mut enrolment = human.enrolment();
    enrolment["mandate"] = json!({
        "acts": ["revoke_consent"], "expires_at": world.env.now().plus_days(30),
        "evidence_digest": "ab".repeat(32),
    });
    world.enrol_as(world.by(&agent), &enrolment).expect("a mandate");
    world.revoke(world.by(&agent), &consent).expect("revoked");
}

fn standing(world: &World, party: &Party) -> Value {
    world.bureau().webhook(&party.id).expect("read").expect("set")
}

on_both!(a_receiver_that_fails_in_every_way_gets_all_events_in_order, |world| {
    use Manner::{Endless, Error, Hangs, Redirect, Rude, Well};
    static MANNERS: [Manner; 7] = [Error, Redirect, Rude, Hangs, Endless, Well, Well];
    let bank = world.bank();
    let (url, got) = receiver(&MANNERS);
    set(world, &bank, Some(&url)).expect("set");
    assert_eq!(world.bureau().deliver().expect("nothing to send"), 0);
    for n in 1..=3 {
        revoked(world, &bank, n);
    }
    let mut first = Vec::new();
    for (attempt, manner) in MANNERS[..6].iter().enumerate() {
        assert_eq!(world.bureau().deliver().expect("one"), 1, "{manner:?}");
        let delivery = got.recv().expect("it arrived");
        verified(world, &url, &delivery);
        if attempt == 0 {
            first = delivery.events();
            assert_eq!(first.len(), 3);
        }
        // The same events again and again, until they are taken.
        assert_eq!(delivery.events(), first, "{manner:?}");
        let now = standing(world, &bank);
        if matches!(manner, Well) {
            assert_eq!((&now["delivered"], &now["attempts"]), (&json!(first[2]), &json!(0)));
            break;
        }
        assert_eq!(now["attempts"], attempt + 1, "{manner:?}: {now}");
        assert!(now["error"].is_string() && now["delivered"] == -1, "{now}");
        // Not before the pause is over, and a restart in between changes nothing.
        assert_eq!(world.bureau().deliver().expect("waits"), 0, "{manner:?}");
        world.open().expect("it starts again");
        world.clock.set(now["next_attempt"].as_str().unwrap().parse().unwrap());
    }
    revoked(world, &bank, 4);
    assert_eq!(world.bureau().deliver().expect("one"), 1);
    let delivery = got.recv().expect("it arrived");
    assert_eq!(delivery.events().len(), 1);
    assert!(delivery.events()[0] > first[2]);
    assert_eq!(world.bureau().deliver().expect("nothing left"), 0);
});

on_both!(what_is_given_up_is_seen_and_can_be_sent_again, |world| {
    let bank = world.bank();
    // Nobody listens there any more.
    let (closed, _) = receiver(&[]);
    set(world, &bank, Some(&closed)).expect("set");
    revoked(world, &bank, 1);
    for attempt in 1.. {
        assert_eq!(world.bureau().deliver().expect("one"), 1);
        let now = standing(world, &bank);
        if now["attempts"] == 0 {
            assert_eq!(attempt, fivefold::bureau::webhook::ATTEMPTS_MAX);
            break;
        }
        world.clock.set(now["next_attempt"].as_str().unwrap().parse().unwrap());
    }
    let now = standing(world, &bank);
    assert_eq!(now["dead_letters"].as_array().unwrap().len(), 1, "{now}");
    assert_eq!(world.bureau().deliver().expect("nothing more"), 0);
    let again = world.bureau().retry_webhook(&bank.id).expect("set back");
    assert_eq!(again["dead_letters"], json!([]));
    let (url, got) = receiver(&[Manner::Well]);
    set(world, &bank, Some(&url)).expect("another address");
    assert_eq!(world.bureau().deliver().expect("one"), 1);
    assert_eq!(got.recv().expect("it arrived").events().len(), 1);
    // The pull has them whatever became of the sending.
    let read = fivefold::bureau::command::events::ReadEvents {
        admission: world.by(&bank),
        after: -1,
        limit: 10,
    };
    let pulled = world.run(read).expect("events");
    assert_eq!(pulled["events"][0]["kind"], "consent_revoked", "{pulled}");
    set(world, &bank, None).expect("taken away");
    assert!(world.bureau().webhook(&bank.id).expect("read").is_none());
    assert_eq!(world.bureau().retry_webhook(&bank.id).expect_err("none").code, "webhook_not_found");
});

on_both!(a_live_bureau_sends_nothing_into_its_own_network, Live, |world| {
    assert_eq!(world.settings.environment, Environment::Live);
    let bank = world.bank();
    for url in [
        "http://bank.example/events",
        "https://127.0.0.1/events",
        "https://10.0.0.1/events",
        "https://169.254.169.254/latest/meta-data",
        "https://[::1]/events",
        "https://localhost/events",
    ] {
        let refused = set(world, &bank, Some(url)).expect_err("refused");
        assert_eq!(refused.errors[0].code, "address_refused", "{url}");
    }
    // A name is looked up each time: one that leads inside is not connected to.
    let agent = ureq::Agent::with_parts(
        ureq::Agent::config_builder().proxy(None).build(),
        ureq::unversioned::transport::DefaultConnector::default(),
        fivefold::bureau::webhook::address::Guarded::new(false),
    );
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let failed = agent.get(format!("http://localhost:{port}/")).call().expect_err("refused");
    assert!(matches!(failed, ureq::Error::HostNotFound), "{failed}");
});

on_both!(of_several_bureaus_on_one_database_one_delivers, |world| {
    static MANNERS: [Manner; 3] = [Manner::Hangs, Manner::Well, Manner::Well];
    let bank = world.bank();
    let (url, got) = receiver(&MANNERS);
    set(world, &bank, Some(&url)).expect("set");
    revoked(world, &bank, 1);
    let (bureau, second) = (world.bureau().clone(), world.second("second"));
    // Both look at the same moment, over and over, while the receiver hangs on one of them.
    std::thread::scope(|scope| {
        let first = scope.spawn(|| bureau.deliver().expect("looked"));
        let delivery = got.recv().expect("it arrived");
        verified(world, &url, &delivery);
        for _ in 0..20 {
            assert_eq!(second.deliver().expect("looked"), 0, "somebody else has it");
        }
        assert_eq!(first.join().expect("it ended"), 1);
    });
    // One attempt was made, and is counted as one.
    assert_eq!(standing(world, &bank)["attempts"], 1);
    second.close();
});

on_both!(what_is_set_back_during_a_hanging_delivery_stays_set_back, |world| {
    static MANNERS: [Manner; 2] = [Manner::Hangs, Manner::Well];
    let bank = world.bank();
    let (url, got) = receiver(&MANNERS);
    set(world, &bank, Some(&url)).expect("set");
    revoked(world, &bank, 1);
    let bureau = world.bureau().clone();
    std::thread::scope(|scope| {
        let hanging = scope.spawn(|| bureau.deliver().expect("looked"));
        got.recv().expect("it arrived");
        let back = world.bureau().retry_webhook(&bank.id).expect("set back");
        assert_eq!((&back["attempts"], &back["error"]), (&json!(0), &Value::Null));
        assert_eq!(hanging.join().expect("it ended"), 1);
    });
    // The delivery failed, and its outcome is nobody's any more.
    let now = standing(world, &bank);
    assert_eq!((&now["attempts"], &now["error"]), (&json!(0), &Value::Null), "{now}");
    assert_eq!(world.bureau().deliver().expect("at once"), 1);
    assert_eq!(got.recv().expect("it arrived").events().len(), 1);
});
