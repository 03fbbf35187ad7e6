//! Answers: bound to their question, or refused.

use http::{HeaderMap, HeaderValue, Method, StatusCode};

use super::base::{self, Message, Question};
use super::component::Component;
use super::target::Target;
use super::vectors::{ED25519_PRIVATE, P256_PRIVATE, RSA_PSS_PRIVATE};
use super::{
    LABEL, RESPONSE_TAG, RequestParts, RequestSeen, SigningKey, content_digest, read_request,
    sign_request, sign_response, verify_response,
};
use crate::kernel::Time;

const TARGET: &str = "https://bureau.example/v1/inquiries";
const QUESTION: &[u8] = b"{\"scenario\":\"rent\"}";
const ANSWER: &[u8] = b"{\"form\":\"band\",\"band\":\"B\"}";

fn now() -> Time {
    Time::from_micros(1_800_000_000_500_000)
}

fn bureau() -> SigningKey {
    SigningKey::from_seed(&[3; 32]).expect("a key")
}

/// A question as the asker remembers it, and as the bureau saw it.
fn asked(nonce: &str, body: &[u8]) -> (RequestSeen, RequestSeen) {
    let key = SigningKey::from_pem(ED25519_PRIVATE).expect("a key");
    let method = Method::POST;
    let sent = sign_request(&key, &method, TARGET, &[], body, now(), nonce).expect("signed");
    let kept = RequestSeen::of_signed(&method, TARGET, &sent);
    let headers: HeaderMap = sent.into_iter().collect();
    let parts = RequestParts { method: &method, target_uri: TARGET, headers: &headers, body };
    let presented = read_request(parts, now()).expect("it is sound");
    presented.verify(&key.public()).expect("it is valid");
    (kept, presented.seen(parts))
}

fn answered(key: &SigningKey, status: StatusCode, seen: Option<&RequestSeen>) -> HeaderMap {
    sign_response(key, status, seen, ANSWER, now()).expect("signed").into_iter().collect()
}

fn check(
    kept: &RequestSeen,
    status: u16,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<(), &'static str> {
    let status = StatusCode::from_u16(status).expect("a status");
    verify_response(&bureau().public(), kept, status, headers, body).map_err(|error| error.code())
}

#[test]
fn answer_covers_the_whole_question() {
    let (kept, seen) = asked("n-1", QUESTION);
    let headers = answered(&bureau(), StatusCode::OK, Some(&seen));
    let keyid = bureau().public().thumbprint();
    assert_eq!(
        headers["signature-input"],
        format!(
            "fivefold=(\"@status\" \"content-digest\" \"@method\";req \"@target-uri\";req \
             \"content-digest\";req \"signature\";req;key=\"fivefold\");created=1800000000;\
             keyid=\"{keyid}\";tag=\"fivefold-response\""
        )
    );
    assert_eq!(check(&kept, 200, &headers, ANSWER), Ok(()));

    let (kept, seen) = asked("n-1", b"");
    let headers = answered(&bureau(), StatusCode::OK, Some(&seen));
    assert!(!headers["signature-input"].to_str().expect("text").contains("content-digest\";req"));
    assert_eq!(check(&kept, 200, &headers, ANSWER), Ok(()));
}

#[test]
fn every_algorithm_signs_answers() {
    let (kept, seen) = asked("n-1", QUESTION);
    for pem in [ED25519_PRIVATE, P256_PRIVATE, RSA_PSS_PRIVATE] {
        let key = SigningKey::from_pem(pem).expect("a key");
        let headers = answered(&key, StatusCode::OK, Some(&seen));
        let checked = verify_response(&key.public(), &kept, StatusCode::OK, &headers, ANSWER);
        assert_eq!(checked, Ok(()));
    }
}

#[test]
fn tampered_answers_are_refused() {
    let (kept, seen) = asked("n-1", QUESTION);
    let headers = answered(&bureau(), StatusCode::OK, Some(&seen));
    assert_eq!(check(&kept, 201, &headers, ANSWER), Err("signature_invalid"));
    assert_eq!(check(&kept, 200, &headers, b"{}"), Err("digest_mismatch"));
    assert_eq!(check(&kept, 200, &headers, b""), Err("digest_mismatch"));
    let mut altered = headers.clone();
    altered.insert("content-digest", content_digest(b"{}"));
    assert_eq!(check(&kept, 200, &altered, b"{}"), Err("signature_invalid"));
    altered.remove("signature-input");
    assert_eq!(check(&kept, 200, &altered, b"{}"), Err("signature_missing"));
    let stranger = SigningKey::from_seed(&[4; 32]).expect("a key");
    let headers = answered(&stranger, StatusCode::OK, Some(&seen));
    assert_eq!(check(&kept, 200, &headers, ANSWER), Err("key_unknown"));
}

#[test]
fn answer_to_another_question_is_refused() {
    let (kept, _) = asked("n-1", QUESTION);
    let (_, again) = asked("n-2", QUESTION);
    let (_, other) = asked("n-1", b"{\"scenario\":\"hotel\"}");
    let (_, bodiless) = asked("n-1", b"");
    for (seen, code) in [
        (&again, "signature_invalid"),
        (&other, "signature_invalid"),
        (&bodiless, "component_missing"),
    ] {
        let headers = answered(&bureau(), StatusCode::OK, Some(seen));
        assert_eq!(check(&kept, 200, &headers, ANSWER), Err(code));
    }
    let unbound = answered(&bureau(), StatusCode::OK, None);
    assert_eq!(check(&kept, 200, &unbound, ANSWER), Err("component_missing"));
}

#[test]
fn problem_before_authentication_is_bound_to_the_target_alone() {
    let (kept, _) = asked("n-1", QUESTION);
    let seen = RequestSeen::unauthenticated(&Method::POST, TARGET);
    let headers = answered(&bureau(), StatusCode::UNAUTHORIZED, Some(&seen));
    let input = headers["signature-input"].to_str().expect("text");
    let list = "(\"@status\" \"content-digest\" \"@method\";req \"@target-uri\";req);";
    assert!(input.starts_with(&format!("fivefold={list}")));
    assert_eq!(check(&kept, 401, &headers, ANSWER), Ok(()));
    // The same as a success would let an old problem's binding carry a new answer.
    let headers = answered(&bureau(), StatusCode::OK, Some(&seen));
    assert_eq!(check(&kept, 200, &headers, ANSWER), Err("component_missing"));
    let elsewhere =
        RequestSeen::unauthenticated(&Method::POST, "https://bureau.example/v1/freezes");
    let headers = answered(&bureau(), StatusCode::UNAUTHORIZED, Some(&elsewhere));
    assert_eq!(check(&kept, 401, &headers, ANSWER), Err("signature_invalid"));
}

/// FAPI 2.0 HTTP Signatures: a signature over a signature says nothing about the rest.
#[test]
fn answer_that_covers_only_the_request_signature_is_refused() {
    let key = SigningKey::from_pem(ED25519_PRIVATE).expect("a key");
    let sent =
        sign_request(&key, &Method::POST, TARGET, &[], QUESTION, now(), "n").expect("signed");
    let kept = RequestSeen::of_signed(&Method::POST, TARGET, &sent);
    let asked: HeaderMap = sent.into_iter().collect();
    let mut headers = HeaderMap::new();
    headers.insert("content-digest", content_digest(ANSWER));
    let target = Target::read(TARGET).expect("a target");
    let request = Some(Question { method: &Method::POST, target, headers: &asked });
    let covered = [
        Component::plain("@status"),
        Component::plain("content-digest"),
        Component::plain("signature").req().member(LABEL),
    ];
    let keyid = bureau().public().thumbprint();
    let params = format!(";created=1800000000;keyid=\"{keyid}\";tag=\"{RESPONSE_TAG}\"");
    let message = Message::Response { status: StatusCode::OK, headers: &headers, request };
    let signed = base::sign(&bureau(), LABEL, &covered, &params, &message).expect("signed");
    headers.extend(signed.map(|(name, value)| (Some(name), value)));
    assert_eq!(check(&kept, 200, &headers, ANSWER), Err("component_missing"));
}

#[test]
fn answer_follows_the_label_the_asker_chose() {
    let key = SigningKey::from_pem(ED25519_PRIVATE).expect("a key");
    let sent = sign_request(&key, &Method::GET, TARGET, &[], b"", now(), "n").expect("signed");
    let mut headers: HeaderMap = sent.into_iter().collect();
    for name in ["signature", "signature-input"] {
        let text = headers[name].to_str().expect("text").replacen("fivefold=", "*my.sig-1_=", 1);
        headers.insert(name, HeaderValue::from_str(&text).expect("a value"));
    }
    let method = Method::GET;
    let parts = RequestParts { method: &method, target_uri: TARGET, headers: &headers, body: b"" };
    let presented = read_request(parts, now()).expect("it is sound");
    assert_eq!(presented.verify(&key.public()), Ok(()));
    let answer = answered(&bureau(), StatusCode::OK, Some(&presented.seen(parts)));
    let input = answer["signature-input"].to_str().expect("text");
    assert!(input.contains("\"signature\";req;key=\"*my.sig-1_\""), "{input}");
}
