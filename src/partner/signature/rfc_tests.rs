//! RFC 9421's own examples: bases built, signatures verified, and the one deterministic
//! signature reproduced byte for byte.

use http::header::{HeaderName, HeaderValue};
use http::{HeaderMap, Method, StatusCode};
use sfv::{Dictionary, ListEntry, Parser};

use super::base::{self, Message, Question};
use super::component::{Component, components};
use super::error::SignatureError;
use super::target::Target;
use super::vectors::{self, Fields, Published};
use super::{PublicKey, SigningKey};
use crate::kernel::bytes::from_base64;

const TARGET: &str = "https://example.com/foo?param=Value&Pet=dog";

fn headers(fields: Fields) -> HeaderMap {
    fields
        .iter()
        .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
        .collect()
}

fn ask<'a>(method: &'a Method, target: &'a str, headers: &'a HeaderMap) -> Question<'a> {
    Question { method, target: Target::read(target).expect("a target"), headers }
}

/// The base that `input` asks for over `message`.
fn base_of(input: &str, message: Message<'_>) -> Result<String, SignatureError> {
    let text = format!("sig={input}");
    let mut fields: Dictionary = Parser::new(&text).parse().expect("a dictionary");
    let Some(ListEntry::InnerList(list)) = fields.swap_remove("sig") else {
        panic!("not an inner list: {input}")
    };
    base::rebuild(&list, &components(&list)?, &message)
}

fn holds(published: &Published, message: Message<'_>, pem: &str) -> bool {
    let key = PublicKey::from_pem(pem).expect("a key");
    let base = base_of(published.input, message).expect("a base");
    key.verify(base.as_bytes(), &from_base64(published.signature).expect("base64"))
}

#[test]
fn requests_of_appendix_b_2_verify() {
    let headers = headers(vectors::REQUEST);
    let message = Message::Request(ask(&Method::POST, TARGET, &headers));
    assert!(holds(&vectors::B21, message, vectors::RSA_PSS_PUBLIC));
    assert!(holds(&vectors::B22, message, vectors::RSA_PSS_PUBLIC));
    assert!(holds(&vectors::B23, message, vectors::RSA_PSS_PUBLIC));
    assert!(holds(&vectors::B26, message, vectors::ED25519_PUBLIC));
    assert!(!holds(&vectors::B22, message, vectors::RSA_PUBLIC));
}

#[test]
fn bodies_of_appendix_b_2_have_their_digests() {
    use super::check_content_digest;
    assert_eq!(check_content_digest(&headers(vectors::REQUEST), vectors::REQUEST_BODY), Ok(()));
    assert_eq!(check_content_digest(&headers(vectors::RESPONSE), vectors::RESPONSE_BODY), Ok(()));
}

#[test]
fn base_of_b_2_2_is_the_one_printed() {
    let headers = headers(vectors::REQUEST);
    let message = Message::Request(ask(&Method::POST, TARGET, &headers));
    let printed = "\"@authority\": example.com\n\
        \"content-digest\": sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu\
        7BNNyealdVLvRwEmTHWXvJwew==:\n\
        \"@query-param\";name=\"Pet\": dog\n\
        \"@signature-params\": (\"@authority\" \"content-digest\" \"@query-param\";name=\"Pet\")\
        ;created=1618884473;keyid=\"test-key-rsa-pss\";tag=\"header-example\"";
    assert_eq!(base_of(vectors::B22.input, message).as_deref(), Ok(printed));
}

/// B.2.5 is an HMAC, which the profile has no use for; its tag still proves the base right.
#[test]
fn base_of_b_2_5_has_the_printed_hmac() {
    let headers = headers(vectors::REQUEST);
    let message = Message::Request(ask(&Method::POST, TARGET, &headers));
    let base = base_of(vectors::B25.input, message).expect("a base");
    let secret =
        "uzvJfB4u3N0Jy4T7NZ75MDVcr8zSTInedJtkgcu46YW4XByzNJjxBdtjUkdJPBtbmHhIDi6pcl8jsasjlTMtDQ==";
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &from_base64(secret).expect("base64"));
    let tag = from_base64(vectors::B25.signature).expect("base64");
    assert!(ring::hmac::verify(&key, base.as_bytes(), &tag).is_ok());
}

#[test]
fn responses_of_b_2_4_and_section_2_4_verify() {
    let answered = headers(vectors::RESPONSE);
    let message = Message::Response { status: StatusCode::OK, headers: &answered, request: None };
    assert!(holds(&vectors::B24, message, vectors::P256_PUBLIC));

    let asked = headers(vectors::REQUEST);
    let request = Some(ask(&Method::POST, TARGET, &asked));
    let mut answered = headers(&[("content-type", "application/json")]);
    answered.insert("content-digest", HeaderValue::from_static(vectors::UNAVAILABLE_DIGEST));
    let status = StatusCode::SERVICE_UNAVAILABLE;
    let message = Message::Response { status, headers: &answered, request };
    assert!(holds(&vectors::REQRES, message, vectors::P256_PUBLIC));
}

#[test]
fn ed25519_signature_of_b_2_6_is_reproduced_byte_for_byte() {
    let headers = headers(vectors::REQUEST);
    let message = Message::Request(ask(&Method::POST, TARGET, &headers));
    let key = SigningKey::from_pem(vectors::ED25519_PRIVATE).expect("a key");
    let names = ["date", "@method", "@path", "@authority", "content-type", "content-length"];
    let covered = names.map(Component::plain);
    let params = ";created=1618884473;keyid=\"test-key-ed25519\"";
    let [input, signature] =
        base::sign(&key, "sig-b26", &covered, params, &message).expect("a signature");
    assert_eq!(input.1, format!("sig-b26={}", vectors::B26.input));
    assert_eq!(signature.1, format!("sig-b26=:{}:", vectors::B26.signature));
}

#[test]
fn request_through_the_proxy_of_b_3_verifies() {
    let mut headers = headers(&[("host", "service.internal.example")]);
    headers.insert("client-cert", HeaderValue::from_static(vectors::CLIENT_CERT));
    let target = "https://service.internal.example/foo?param=Value&Pet=dog";
    let message = Message::Request(ask(&Method::POST, target, &headers));
    assert!(holds(&vectors::B3, message, vectors::P256_PUBLIC));
}

#[test]
fn transformations_of_b_4_verify_or_not_as_printed() {
    let cases: [(&Method, &str, Fields, bool); 5] = [
        (
            &Method::GET,
            "https://example.org/demo?name1=Value1&Name2=value2",
            &[("accept", "application/json"), ("accept", "*/*")],
            true,
        ),
        (
            &Method::GET,
            "https://example.org/demo?name1=Value1&Name2=value2&param=added",
            &[("accept", "application/json"), ("accept", "*/*"), ("accept-language", "en-US")],
            true,
        ),
        (
            &Method::GET,
            "https://EXAMPLE.org:443/demo",
            &[
                ("referer", "https://developer.example.org/demo"),
                ("accept", "application/json, */*"),
            ],
            true,
        ),
        (
            &Method::POST,
            "https://example.com/demo?name1=Value1&Name2=value2",
            &[("accept", "application/json"), ("accept", "*/*")],
            false,
        ),
        (
            &Method::GET,
            "https://example.org/demo?name1=Value1&Name2=value2",
            &[("accept", "*/*"), ("accept", "application/json")],
            false,
        ),
    ];
    for (method, target, fields, expected) in cases {
        let headers = headers(fields);
        let message = Message::Request(ask(method, target, &headers));
        assert_eq!(holds(&vectors::B4, message, vectors::ED25519_PUBLIC), expected, "{fields:?}");
    }
}

/// The value of one component, or the code it is refused with.
fn value(component: &str, target: &str, fields: Fields) -> Result<String, &'static str> {
    let headers = headers(fields);
    let message = Message::Request(ask(&Method::POST, target, &headers));
    let base = base_of(&format!("({component})"), message).map_err(|error| error.code())?;
    let (line, _) = base.split_once('\n').expect("two lines");
    Ok(line.strip_prefix(component).and_then(|v| v.strip_prefix(": ")).expect("it").to_owned())
}

#[test]
fn derived_components_have_the_values_of_section_2_2() {
    let of = |component, target| value(component, target, &[]);
    let ok = |text: &str| Ok(text.to_owned());
    let plain = "https://www.example.com/path?param=value";
    assert_eq!(of("\"@method\"", plain), ok("POST"));
    assert_eq!(of("\"@target-uri\"", plain), ok(plain));
    assert_eq!(of("\"@authority\"", plain), ok("www.example.com"));
    assert_eq!(of("\"@authority\"", "HTTP://Example.COM:80/"), ok("example.com"));
    assert_eq!(of("\"@authority\"", "https://example.com:80/"), ok("example.com:80"));
    assert_eq!(of("\"@authority\"", "https://[::1]:8443/"), ok("[::1]:8443"));
    assert_eq!(of("\"@scheme\"", "HTTP://example.com"), ok("http"));
    assert_eq!(of("\"@request-target\"", plain), ok("/path?param=value"));
    assert_eq!(of("\"@request-target\"", "https://example.com"), ok("/"));
    assert_eq!(of("\"@path\"", "https://example.com"), ok("/"));
    assert_eq!(of("\"@path\"", "https://example.com?a=/b"), ok("/"));
    let query = "https://example.com/path?param=value&foo=bar&baz=bat%2Dman";
    assert_eq!(of("\"@query\"", query), ok("?param=value&foo=bar&baz=bat%2Dman"));
    assert_eq!(of("\"@query\"", "https://example.com/path?queryString"), ok("?queryString"));
    assert_eq!(of("\"@query\"", "https://example.com/path"), ok("?"));
    assert_eq!(of("\"@status\"", plain), Err("component_refused"));
    assert_eq!(of("\"@made-up\"", plain), Err("component_refused"));
    assert_eq!(of("\"@signature-params\"", plain), Err("component_refused"));
}

#[test]
fn query_parameters_have_the_values_of_section_2_2_8() {
    let of = |component, target| value(component, target, &[]);
    let ok = |text: &str| Ok(text.to_owned());
    let plain = "https://www.example.com/path?param=value&foo=bar&baz=batman&qux=";
    assert_eq!(of("\"@query-param\";name=\"baz\"", plain), ok("batman"));
    assert_eq!(of("\"@query-param\";name=\"qux\"", plain), ok(""));
    let coded = "https://www.example.com/parameters?var=this%20is%20a%20big%0Amultiline%20value\
        &bar=with+plus+whitespace&fa%C3%A7ade%22%3A%20=something&twice=1&twice=2&odd=%zz%4";
    assert_eq!(
        of("\"@query-param\";name=\"var\"", coded),
        ok("this%20is%20a%20big%0Amultiline%20value")
    );
    assert_eq!(of("\"@query-param\";name=\"bar\"", coded), ok("with%20plus%20whitespace"));
    assert_eq!(of("\"@query-param\";name=\"fa%C3%A7ade%22%3A%20\"", coded), ok("something"));
    assert_eq!(of("\"@query-param\";name=\"odd\"", coded), ok("%25zz%254"));
    assert_eq!(of("\"@query-param\";name=\"twice\"", coded), Err("component_refused"));
    assert_eq!(of("\"@query-param\";name=\"none\"", coded), Err("component_refused"));
    assert_eq!(of("\"@query-param\"", coded), Err("component_refused"));
}

#[test]
fn fields_have_the_values_of_section_2_1() {
    const FIELDS: Fields = &[
        ("x-empty-header", ""),
        ("x-ows-header", "   Leading and trailing whitespace.   "),
        ("cache-control", "max-age=60"),
        ("cache-control", "   must-revalidate"),
        ("example-header", "value, with, lots"),
        ("example-header", "of, commas"),
        ("priority", "  a=1,    b=2;x=1;y=2,   c=(a   b   c), d"),
    ];
    let of = |component| value(component, "https://example.com/", FIELDS);
    let ok = |text: &str| Ok(text.to_owned());
    assert_eq!(of("\"x-empty-header\""), ok(""));
    assert_eq!(of("\"x-ows-header\""), ok("Leading and trailing whitespace."));
    assert_eq!(of("\"cache-control\""), ok("max-age=60, must-revalidate"));
    assert_eq!(of("\"priority\";sf"), ok("a=1, b=2;x=1;y=2, c=(a b c), d"));
    assert_eq!(of("\"priority\";key=\"a\""), ok("1"));
    assert_eq!(of("\"priority\";key=\"b\""), ok("2;x=1;y=2"));
    assert_eq!(of("\"priority\";key=\"c\""), ok("(a b c)"));
    assert_eq!(of("\"priority\";key=\"d\""), ok("?1"));
    assert_eq!(of("\"example-header\";bs"), ok(":dmFsdWUsIHdpdGgsIGxvdHM=:, :b2YsIGNvbW1hcw==:"));
    for refused in [
        "\"x-absent\"",
        "\"priority\";key=\"e\"",
        "\"example-header\";sf",
        "\"priority\";sf;bs",
        "\"priority\";tr",
        "\"priority\";req",
        "\"priority\";sf=?0",
        "\"priority\";unknown",
        "\"Priority\"",
        "\"priority\";name=\"a\"",
        "\"@method\";bs",
        "priority",
        "\"priority\";sf \"priority\";sf",
        "\"priority\";key=\"a\" \"cache-control\" \"priority\";key=\"a\"",
    ] {
        assert_eq!(of(refused), Err("component_refused"), "{refused}");
    }
}
