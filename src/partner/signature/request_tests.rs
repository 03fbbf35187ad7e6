//! The profile of requests: what is taken, what is refused, and with which code.

use http::header::{HeaderName, HeaderValue};
use http::{HeaderMap, Method};
use proptest::prelude::*;
use sfv::{Dictionary, ListEntry, Parser};

use super::base::{self, Message, Question};
use super::component::components;
use super::target::Target;
use super::vectors::{ED25519_PRIVATE, P256_PRIVATE, RSA_PSS_PRIVATE};
use super::{
    Presented, RequestParts, SigningKey, content_digest, read_request, sign_request, target_uri,
};
use crate::kernel::Time;
use crate::kernel::bytes::base64;

const TARGET: &str = "https://bureau.example/v1/inquiries?dry=1";
const CREATED: i64 = 1_800_000_000;
const BODY: &[u8] = br#"{"scenario":"hotel_deposit"}"#;

fn at(seconds: i64) -> Time {
    Time::from_micros(0).plus_seconds(seconds)
}

fn key() -> SigningKey {
    SigningKey::from_pem(ED25519_PRIVATE).expect("a key")
}

/// A request in transit, open to tampering.
#[derive(Clone, Debug)]
struct Sent {
    method: Method,
    target: String,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Sent {
    fn parts(&self) -> RequestParts<'_> {
        let Sent { method, target, headers, body } = self;
        RequestParts { method, target_uri: target, headers, body }
    }

    fn read(&self, now: Time) -> Result<Presented, &'static str> {
        read_request(self.parts(), now).map_err(|error| error.code())
    }

    /// Reads and verifies as a server would.
    fn outcome(&self, key: &SigningKey) -> Result<(), &'static str> {
        let presented = self.read(at(CREATED))?;
        presented.verify(&key.public()).map_err(|error| error.code())
    }

    fn set(&mut self, name: &'static str, value: &str) {
        self.headers.insert(name, HeaderValue::from_str(value).expect("a value"));
    }

    fn text(&self, name: &str) -> &str {
        self.headers[name].to_str().expect("text")
    }

    /// Changes the text of a field.
    fn edit(&mut self, name: &'static str, from: &str, to: &str) {
        let text = self.text(name).replace(from, to);
        assert_ne!(text, self.text(name), "nothing was changed");
        self.set(name, &text);
    }

    /// Signs with the inner list `input`, as another implementation might write it. A list that
    /// has no base gets bytes that are no signature.
    fn sign(&mut self, key: &SigningKey, input: &str) {
        let text = format!("foreign={input}");
        let mut fields: Dictionary = Parser::new(&text).parse().expect("a dictionary");
        let Some(ListEntry::InnerList(list)) = fields.swap_remove("foreign") else {
            panic!("not an inner list")
        };
        let target = Target::read(&self.target).expect("a target");
        let question = Question { method: &self.method, target, headers: &self.headers };
        let base = components(&list)
            .and_then(|covered| base::rebuild(&list, &covered, &Message::Request(question)));
        let signature = base.map_or_else(|_| vec![0; 64], |base| key.sign(base.as_bytes()));
        self.set("signature", &format!("foreign=:{}:", base64(&signature)));
        self.set("signature-input", &text);
    }
}

fn sent_with(key: &SigningKey, method: &Method, target: &str, body: &[u8], nonce: &str) -> Sent {
    let extra = [
        (HeaderName::from_static("idempotency-key"), HeaderValue::from_static("\"a-1\"")),
        (HeaderName::from_static("content-type"), HeaderValue::from_static("application/json")),
    ];
    let headers = sign_request(key, method, target, &extra, body, at(CREATED), nonce)
        .expect("a signature")
        .into_iter()
        .collect();
    Sent { method: method.clone(), target: target.to_owned(), headers, body: body.to_vec() }
}

fn sent() -> Sent {
    sent_with(&key(), &Method::POST, TARGET, BODY, "n-1")
}

fn unsigned(body: &[u8]) -> Sent {
    let mut headers = HeaderMap::new();
    headers.insert("content-digest", content_digest(body));
    Sent { method: Method::POST, target: TARGET.to_owned(), headers, body: body.to_vec() }
}

#[test]
fn signed_request_is_read_and_verified() {
    let sent = sent();
    let presented = sent.read(at(CREATED)).expect("it is sound");
    assert_eq!(presented.keyid, key().public().thumbprint());
    assert_eq!((presented.nonce.as_str(), presented.label.as_str()), ("n-1", "fivefold"));
    assert_eq!((presented.created, presented.alg), (at(CREATED), None));
    assert_eq!(sent.outcome(&key()), Ok(()));
    assert_eq!(
        sent.text("signature-input"),
        "fivefold=(\"@method\" \"@target-uri\" \"idempotency-key\" \"content-type\" \
         \"content-digest\");created=1800000000;nonce=\"n-1\";\
         keyid=\"poqkLGiymh_W0uP6PZFw-dvez3QJT5SolqXBCW38r0U\";tag=\"fivefold-request\""
    );
}

#[test]
fn every_tampering_is_refused_with_its_own_code() {
    type Tamper = fn(&mut Sent);
    let cases: [(&str, Tamper); 27] = [
        ("signature_missing", |s| drop(s.headers.remove("signature-input"))),
        ("signature_missing", |s| drop(s.headers.remove("signature"))),
        ("signature_missing", |s| s.edit("signature", "fivefold=", "other=")),
        ("signature_missing", |s| s.edit("signature-input", "fivefold-request", "else")),
        ("signature_ambiguous", |s| {
            let twin = s.text("signature-input").replacen("fivefold=", "twin=", 1);
            s.headers.append("signature-input", HeaderValue::from_str(&twin).expect("text"));
        }),
        ("signature_malformed", |s| {
            let twin = s.headers["signature-input"].clone();
            s.headers.append("signature-input", twin);
        }),
        ("signature_malformed", |s| s.set("signature-input", "fivefold=(")),
        ("signature_malformed", |s| s.set("signature", "fivefold=abc")),
        ("component_missing", |s| s.edit("signature-input", "\"@method\" ", "")),
        ("component_missing", |s| s.edit("signature-input", "\"@target-uri\" ", "")),
        ("component_missing", |s| s.edit("signature-input", " \"content-digest\"", "")),
        ("component_missing", |s| s.edit("signature-input", "\"idempotency-key\" ", "")),
        ("component_refused", |s| s.edit("signature-input", "\"@method\"", "\"@method\" \"x-a\"")),
        ("component_refused", |s| s.edit("signature-input", "(\"@", "(\"@method\" \"@")),
        ("component_refused", |s| {
            s.edit("signature-input", "\"@method\"", "\"@method\" \"@path\";req")
        }),
        ("parameter_missing", |s| s.edit("signature-input", "nonce=\"n-1\";", "")),
        ("parameter_missing", |s| s.edit("signature-input", "created=1800000000;", "")),
        ("parameter_missing", |s| s.edit("signature-input", "keyid=", "key=")),
        ("signature_malformed", |s| s.edit("signature-input", "\"n-1\"", "\"\"")),
        ("signature_malformed", |s| s.edit("signature-input", "=1800000000", "=1800000000.0")),
        ("algorithm_mismatch", |s| {
            s.edit("signature-input", ";tag", ";alg=\"rsa-v1_5-sha256\";tag")
        }),
        ("signature_expired", |s| s.edit("signature-input", ";tag", ";expires=1799999999;tag")),
        ("digest_missing", |s| s.set("content-digest", "md5=:Sd/dVLAcvNLSq16eXua5uQ==:")),
        ("digest_mismatch", |s| s.body.push(b' ')),
        ("signature_invalid", |s| s.method = Method::PUT),
        ("signature_invalid", |s| s.target.push('0')),
        ("signature_invalid", |s| s.set("idempotency-key", "\"a-2\"")),
    ];
    for (at, (code, tamper)) in cases.into_iter().enumerate() {
        let mut sent = sent();
        tamper(&mut sent);
        assert_eq!(sent.outcome(&key()), Err(code), "case {at}");
    }
}

/// The order of refusals is part of the contract: each step mends the fault named last.
#[test]
fn refusals_come_in_a_fixed_order() {
    let mut sent = unsigned(b"other");
    sent.body = BODY.to_vec();
    let key = key();
    let outcome = |sent: &Sent| {
        let presented = sent.read(at(CREATED))?;
        presented.verify(&key.public()).map_err(|error| error.code())
    };
    assert_eq!(outcome(&sent), Err("signature_missing"));
    let (list, full) =
        ("\"@method\" \"content-digest\"", "\"@method\" \"@target-uri\" \"content-digest\"");
    let tag = ";tag=\"fivefold-request\"";
    let old = "created=1799999000;expires=1799999001";
    let steps = [
        (format!("({list} \"x-a\";tr);alg=\"hmac-sha256\";{old}{tag}"), "component_refused"),
        (format!("({list});alg=\"hmac-sha256\";{old}{tag}"), "component_missing"),
        (format!("({full} \"x-a\");alg=\"hmac-sha256\";{old}{tag}"), "component_refused"),
        (format!("({full});alg=\"hmac-sha256\";{old}{tag}"), "parameter_missing"),
        (
            format!("({full});alg=\"hmac-sha256\";{old};nonce=\"n\";keyid=\"k\"{tag}"),
            "algorithm_mismatch",
        ),
        (format!("({full});{old};nonce=\"n\";keyid=\"k\"{tag}"), "created_too_old"),
        (format!("({full});created=1800000006;nonce=\"n\";keyid=\"k\"{tag}"), "created_in_future"),
        (
            format!("({full});created=1800000000;expires=1799999001;nonce=\"n\";keyid=\"k\"{tag}"),
            "signature_expired",
        ),
        (format!("({full});created=1800000000;nonce=\"n\";keyid=\"k\"{tag}"), "digest_mismatch"),
    ];
    for (input, code) in steps {
        sent.sign(&key, &input);
        assert_eq!(outcome(&sent), Err(code), "{input}");
    }
    sent.headers.insert("content-digest", content_digest(BODY));
    let input =
        format!("({full});created=1800000000;nonce=\"n\";keyid=\"k\";alg=\"rsa-pss-sha512\"{tag}");
    sent.sign(&key, &input);
    assert_eq!(outcome(&sent), Err("algorithm_mismatch"));
    let input = format!("({full});created=1800000000;nonce=\"n\";keyid=\"k\"{tag}");
    let stranger = SigningKey::from_seed(&[7; 32]).expect("a key");
    sent.sign(&stranger, &input);
    assert_eq!(outcome(&sent), Err("signature_invalid"));
    sent.sign(&key, &input);
    assert_eq!(outcome(&sent), Ok(()));
}

#[test]
fn body_that_differs_from_its_signed_digest_is_refused() {
    let mut sent = sent();
    sent.body = br#"{"scenario":"full_file"}"#.to_vec();
    assert_eq!(sent.outcome(&key()), Err("digest_mismatch"));
    sent.headers.insert("content-digest", content_digest(&sent.body));
    assert_eq!(sent.outcome(&key()), Err("signature_invalid"));
}

#[test]
fn empty_component_list_is_refused() {
    let mut sent = unsigned(b"");
    sent.sign(&key(), "();created=1800000000;nonce=\"n\";keyid=\"k\";tag=\"fivefold-request\"");
    assert_eq!(sent.outcome(&key()), Err("component_missing"));
}

#[test]
fn created_outside_its_window_is_refused() {
    let sent = sent();
    let read = |now: Time| sent.read(now).map(|_| ());
    let instant = |seconds, micros| Time::from_micros(at(CREATED + seconds).micros() + micros);
    assert_eq!(read(instant(60, 0)), Ok(()));
    assert_eq!(read(instant(60, 1)), Err("created_too_old"));
    assert_eq!(read(instant(-5, 0)), Ok(()));
    assert_eq!(read(instant(-5, -1)), Err("created_in_future"));
    assert_eq!(read(Time::from_micros(i64::MAX)), Err("created_too_old"));
    assert_eq!(read(Time::from_micros(i64::MIN)), Err("created_in_future"));
}

#[test]
fn shared_secret_algorithms_are_refused() {
    let mut sent = sent();
    sent.edit("signature-input", ";tag", ";alg=\"hmac-sha256\";tag");
    assert_eq!(sent.outcome(&key()), Err("algorithm_mismatch"));
}

#[test]
fn json_is_verified_as_it_was_sent() {
    let spaced = b"{ \"scenario\" :\t\"hotel_deposit\" }\n";
    let mut sent = sent_with(&key(), &Method::POST, TARGET, spaced, "n");
    assert_eq!(sent.outcome(&key()), Ok(()));
    sent.body = BODY.to_vec();
    assert_eq!(sent.outcome(&key()), Err("digest_mismatch"));
}

#[test]
fn target_behind_a_proxy_is_the_public_one() {
    let mut sent = sent();
    sent.target = target_uri("https://bureau.example", "/v1/inquiries?dry=1");
    assert_eq!(sent.outcome(&key()), Ok(()));
    sent.target = "http://127.0.0.1:8080/v1/inquiries?dry=1".to_owned();
    assert_eq!(sent.outcome(&key()), Err("signature_invalid"));
}

#[test]
fn nonce_cannot_inject_a_parameter() {
    let nonce = "n\";tag=\"fivefold-request\";x=\"\\";
    let sent = sent_with(&key(), &Method::POST, TARGET, BODY, nonce);
    assert_eq!(sent.read(at(CREATED)).map(|p| p.nonce).as_deref(), Ok(nonce));
    assert_eq!(sent.outcome(&key()), Ok(()));
    let mut sent = unsigned(b"");
    let list = "(\"@method\" \"@target-uri\")";
    sent.sign(&key(), &format!("{list};created=1;nonce=\"\\\";tag=\\\"fivefold-request\\\"\""));
    assert_eq!(sent.outcome(&key()), Err("signature_missing"));
    for nonce in ["new\nline", "ü", ""] {
        let signed = sign_request(&key(), &Method::GET, TARGET, &[], b"", at(CREATED), nonce);
        let read = signed.map(|fields| {
            let headers = fields.into_iter().collect();
            Sent { headers, ..unsigned(b"") }.read(at(CREATED)).map(|_| ())
        });
        assert!(matches!(read, Err(_) | Ok(Err("signature_malformed"))), "{nonce:?}");
    }
}

#[test]
fn signatures_of_other_implementations_verify() {
    let key = key();
    let mut sent = sent();
    sent.set("x-trace", "  abc ");
    sent.sign(
        &key,
        "( \"content-digest\"   \"x-trace\";bs \"@authority\" \"idempotency-key\" \"@query\" \
         \"@query-param\";name=\"dry\" \"content-digest\";key=\"sha-256\" \"content-digest\";sf \
         \"@request-target\" \"@target-uri\" \"@method\" );tag=\"fivefold-request\"; \
         made-by=other;flag;keyid=\"k\";nonce=\"n\";x=1.50;alg=\"ed25519\";created=1800000000",
    );
    assert_eq!(sent.outcome(&key), Ok(()));
    let presented = sent.read(at(CREATED)).expect("it is sound");
    assert!(presented.base().ends_with(
        "\"@method\");tag=\"fivefold-request\";made-by=other;flag;keyid=\"k\";nonce=\"n\";x=1.5;\
         alg=\"ed25519\";created=1800000000"
    ));
    // A signature of somebody else's, for somebody else, is no concern of ours.
    let line = HeaderValue::from_static("cdn=(\"@authority\");keyid=\"cdn\"");
    sent.headers.append("signature-input", line);
    sent.headers.append("signature", HeaderValue::from_static("cdn=:AAAA:"));
    assert_eq!(sent.outcome(&key), Ok(()));
}

#[test]
fn request_without_a_body_needs_no_digest() {
    let key = key();
    let headers = sign_request(&key, &Method::GET, TARGET, &[], b"", at(CREATED), "n")
        .expect("a signature")
        .into_iter()
        .collect();
    let mut sent = Sent { method: Method::GET, headers, ..unsigned(b"") };
    assert_eq!(sent.outcome(&key), Ok(()));
    // One that is there is checked all the same.
    sent.headers.insert("content-digest", content_digest(b"something"));
    assert_eq!(sent.outcome(&key), Err("digest_mismatch"));
}

#[test]
fn oversized_signatures_are_refused() {
    let mut sent = sent();
    sent.edit("signature-input", ";tag", &format!(";x=\"{}\";tag", "a".repeat(16 * 1024)));
    assert_eq!(sent.outcome(&key()), Err("signature_malformed"));
    let mut sent = unsigned(b"");
    let many: String = (0..65).map(|n| format!("\"x-{n}\" ")).collect();
    sent.sign(&key(), &format!("({many});tag=\"fivefold-request\""));
    assert_eq!(sent.outcome(&key()), Err("signature_malformed"));
    let long = "n".repeat(257);
    let sent = sent_with(&key(), &Method::POST, TARGET, BODY, &long);
    assert_eq!(sent.outcome(&key()), Err("signature_malformed"));
}

#[test]
fn target_that_could_break_a_line_is_refused() {
    for target in
        ["/v1", "https://", "https://u@h/", "https://h/a b", "https://h/\n", "https://h/ü"]
    {
        let sent = Sent { target: target.to_owned(), ..sent() };
        assert_eq!(sent.outcome(&key()), Err("signature_malformed"), "{target:?}");
    }
}

fn any_key() -> impl Strategy<Value = SigningKey> {
    prop_oneof![Just(ED25519_PRIVATE), Just(P256_PRIVATE), Just(RSA_PSS_PRIVATE)]
        .prop_map(|pem| SigningKey::from_pem(pem).expect("a key"))
}

fn any_sent(key: &SigningKey) -> impl Strategy<Value = Sent> + use<> {
    let key = SigningKey::from_pem(&key.to_pem()).expect("a key");
    let method = prop_oneof![Just(Method::GET), Just(Method::POST), Just(Method::DELETE)];
    let body = prop::collection::vec(any::<u8>(), 0..200);
    (method, "[a-z0-9/%._~-]{0,20}(\\?[a-z0-9=&+%]{0,20})?", body, "[ -~]{1,40}").prop_map(
        move |(method, path, body, nonce)| {
            sent_with(&key, &method, &target_uri("https://bureau.example", &path), &body, &nonce)
        },
    )
}

/// Something like a component identifier, not always one.
fn any_item() -> impl Strategy<Value = String> {
    let name = "\"(@?[a-z-]{1,12}|@query-param|priority|content-digest|@method)\"";
    let other = "[a-z]{1,3}|[0-9]{1,16}|:[A-Za-z0-9]{0,4}:";
    let flag = "(;(sf|bs|req|tr|key=\"[a-z]{0,3}\"|name=\"[a-z%=+ ]{0,4}\")){0,2}";
    (prop_oneof![4 => name, 1 => other], flag).prop_map(|(name, flag)| name + &flag)
}

/// Something like a signature parameter, not always of the right type.
fn any_parameter() -> impl Strategy<Value = String> {
    let name = "(created|expires|nonce|keyid|alg|tag|x)";
    let number = "=(-?[0-9]{1,15}|[0-9]{1,12}\\.[0-9]{1,3}|@[0-9]{1,15})";
    (name, prop_oneof![number, "=\"[a-z]{0,5}\"", "=\\?[01]", ""])
        .prop_map(|(name, value)| name + &value)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn what_is_signed_verifies_and_what_is_altered_does_not(
        (key, sent) in any_key().prop_flat_map(|key| {
            let sent = any_sent(&key);
            (Just(std::sync::Arc::new(key)), sent)
        }),
        place in 0..6_usize,
        index in any::<prop::sample::Index>(),
        bit in 0..8_u32,
    ) {
        prop_assert_eq!(sent.outcome(&key), Ok(()));
        let mut altered = sent.clone();
        let flip = |bytes: &[u8]| {
            let mut bytes = bytes.to_vec();
            if let Some(byte) = (!bytes.is_empty()).then(|| index.get_mut(&mut bytes)) {
                *byte ^= 1 << bit;
            }
            bytes
        };
        let field = ["content-digest", "signature-input", "idempotency-key"].get(place);
        match place {
            0..=2 => {
                let name = *field.expect("a name");
                let Some(value) = sent.headers.get(name) else { return Ok(()) };
                match HeaderValue::from_bytes(&flip(value.as_bytes())) {
                    Ok(value) => drop(altered.headers.insert(name, value)),
                    Err(_) => return Ok(()),
                }
            }
            3 => altered.body = flip(&sent.body),
            4 => match String::from_utf8(flip(sent.target.as_bytes())) {
                Ok(target) => altered.target = target,
                Err(_) => return Ok(()),
            },
            _ => {
                // The signature's bytes: base64 has more than one spelling for some.
                let text = sent.text("signature");
                let bytes = text.split(':').nth(1).and_then(crate::kernel::bytes::from_base64);
                let bytes = flip(&bytes.expect("base64"));
                altered.set("signature", &format!("fivefold=:{}:", base64(&bytes)));
            }
        }
        let what = |sent: &Sent| (sent.headers.clone(), sent.body.clone(), sent.target.clone());
        let same = what(&altered) == what(&sent);
        prop_assert!(same || altered.outcome(&key).is_err());
    }

    #[test]
    fn nonce_is_kept_as_long_as_its_request_can_be_replayed(
        expires in prop::option::of(-10..100_i64),
        micros in -10_000_000..100_000_000_i64,
    ) {
        let key = key();
        let mut sent = unsigned(b"");
        let expires = expires.map(|after| format!(";expires={}", CREATED + after));
        sent.sign(&key, &format!(
            "(\"@method\" \"@target-uri\");created={CREATED}{};nonce=\"n\";keyid=\"k\"\
             ;tag=\"fivefold-request\"", expires.unwrap_or_default()
        ));
        let now = Time::from_micros(at(CREATED).micros() + micros);
        if let Ok(presented) = sent.read(now) {
            prop_assert!(now <= presented.replayable_until);
            let after = Time::from_micros(presented.replayable_until.micros() + 1);
            prop_assert!(sent.read(after).is_err());
        }
    }

    #[test]
    fn arbitrary_fields_never_panic(
        input in "[ -~\u{80}-\u{ff}\t]{0,80}",
        signature in prop_oneof!["[ -~]{0,40}".boxed(), Just("a=:AAAA:".to_owned()).boxed()],
        digest in "[ -~]{0,40}",
    ) {
        let mut sent = unsigned(b"x");
        let names = ["signature-input", "signature", "content-digest"];
        for (name, value) in names.into_iter().zip([input, signature, digest]) {
            if let Ok(value) = HeaderValue::from_bytes(value.as_bytes()) {
                sent.headers.insert(name, value);
            }
        }
        prop_assert!(sent.outcome(&key()).is_err());
    }

    #[test]
    fn arbitrary_signature_inputs_never_panic(
        items in prop::collection::vec(any_item(), 0..6),
        params in prop::collection::vec(any_parameter(), 0..6),
    ) {
        let mut sent = unsigned(b"x");
        sent.set("priority", "a=1, b=(x y);z");
        sent.set("signature", "a=:AAAA:");
        let params: String = params.iter().map(|param| format!(";{param}")).collect();
        let items = items.join(" ");
        sent.set("signature-input", &format!("a=({items}){params};tag=\"fivefold-request\""));
        prop_assert!(sent.outcome(&key()).is_err());
    }
}
