//! The HTTP door, driven as a partner drives it: signed requests in, signed answers out.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::house::{House, consent, months, person};

#[test]
fn a_partner_enrols_furnishes_and_asks_over_signed_http() {
    let house = House::open();
    let bank = house.partner("Bank One", "bank", &["credit_application"]);
    let hotel = house.partner("Hotel Two", "hotel", &["hotel_deposit"]);

    let got = house.post(&bank, "/v1/subjects", &person(), "e1");
    assert_eq!(got.status, StatusCode::CREATED, "{}", got.json());
    assert_eq!(got.json()["identity_level"], 2);
    let subject = got.json()["subject"].as_str().expect("a subject").to_string();

    let artefact = consent(&house, &bank, &subject, "furnish", None);
    let got = house.post(&bank, "/v1/consents", &artefact, "c1");
    assert_eq!(got.status, StatusCode::CREATED, "{}", got.json());
    let furnish = got.json()["consent"].as_str().expect("a consent").to_string();
    let lines = months(&subject, &furnish, 0);
    let got = house.ask(&bank, Method::POST, "/v1/observations", lines.as_bytes(), "o1");
    assert_eq!(got.status, StatusCode::OK, "{}", got.json());
    assert_eq!(got.json()["accepted"], 11, "{}", got.json());
    let again = house.ask(&bank, Method::POST, "/v1/observations", lines.as_bytes(), "o2");
    assert_eq!((&again.json()["accepted"], &again.json()["duplicates"]), (&json!(0), &json!(11)));

    let artefact = consent(&house, &bank, &subject, "inquire", Some("credit_application"));
    let got = house.post(&bank, "/v1/consents", &artefact, "c2");
    assert_eq!(got.status, StatusCode::CREATED, "{}", got.json());
    let ask = got.json()["consent"].as_str().expect("a consent").to_string();
    let inquiry = json!({ "subject": subject, "scenario": "credit_application",
        "basis": { "type": "consent", "ref": ask } });
    let got = house.post(&bank, "/v1/inquiries", &inquiry, "i1");
    assert_eq!(got.status, StatusCode::CREATED, "{}", got.json());
    let answer = got.json();
    assert_eq!(answer["form"], "score", "{answer}");
    let score = answer["score"].as_i64().expect("a score");
    assert!((350..=950).contains(&score));
    let repeated = house.post(&bank, "/v1/inquiries", &inquiry, "i1");
    assert_eq!(repeated.body, got.body);
    let other = json!({ "subject": subject, "scenario": "account_review",
        "basis": { "type": "consent", "ref": ask } });
    assert_eq!(house.post(&bank, "/v1/inquiries", &other, "i1").code(), "idempotency_conflict");

    let got = house.post(&hotel, "/v1/subjects", &person(), "e2");
    let guest = got.json()["subject"].as_str().expect("a subject").to_string();
    assert_ne!(guest, subject);
    let artefact = consent(&house, &hotel, &guest, "inquire", Some("hotel_deposit"));
    let got = house.post(&hotel, "/v1/consents", &artefact, "c3");
    assert_eq!(got.status, StatusCode::CREATED, "{}", got.json());
    let stay = got.json()["consent"].as_str().expect("a consent").to_string();
    let inquiry = json!({ "subject": guest, "scenario": "hotel_deposit",
        "basis": { "type": "consent", "ref": stay } });
    let got = house.post(&hotel, "/v1/inquiries", &inquiry, "i2");
    let told = got.json();
    assert_eq!(told["form"], "threshold", "{told}");
    assert!(["yes", "no"].contains(&told["outcome"].as_str().expect("an outcome")));
    for hidden in ["score", "band", "reasons", "dimensions", "completeness", "disputed"] {
        assert!(told.get(hidden).is_none(), "{hidden}");
        let record = told["log"]["opening"]["record"].as_str().expect("a record");
        let record: Value = serde_json::from_str(record).expect("JSON");
        assert!(record.get(hidden).is_none(), "{hidden} in the opened record");
    }
    let got = house.post(&hotel, "/v1/inquiries", &inquiry, "i3");
    assert_eq!(got.code(), "consent_used", "{}", got.json());

    let id = answer["inquiry"].as_str().expect("an id");
    let same = house.ask(&bank, Method::GET, &format!("/v1/inquiries/{id}"), b"", "");
    assert_eq!(same.json(), answer);
    let replayed = house.bureau.replay(id).expect("replayed");
    assert!(matches!(replayed, fivefold::bureau::replay::Replayed::Same { .. }), "{replayed:?}");

    house.bureau.publish().expect("published");
    let index = answer["log"]["index"].as_u64().expect("an index");
    let proof = house.send(&Method::GET, &format!("/v1/log/proofs/{index}"), &[], b"");
    let proof = String::from_utf8(proof.body).expect("text");
    let key = house.bureau.engine.keys.log().verifier().clone();
    fivefold::ledger::receipt::verify_receipt(&answer, &proof, &[key], &[]).expect("a receipt");

    let path = format!("/v1/consents/{ask}/revoke");
    let got = house.ask(&bank, Method::POST, &path, b"", "r1");
    assert_eq!(got.json()["state"], "revoked", "{}", got.json());
    let inquiry = json!({ "subject": subject, "scenario": "credit_application",
        "basis": { "type": "consent", "ref": ask } });
    let got = house.post(&bank, "/v1/inquiries", &inquiry, "i4");
    assert_eq!((got.status, got.code()), (StatusCode::FORBIDDEN, "consent_revoked".to_string()));
}

/// Every route, and whether it may be used without a signature. The list of open ones may only
/// shrink.
const ROUTES: [(&str, &str, bool); 54] = [
    ("POST", "/v1/applications", false),
    ("GET", "/v1/applications/app_1", false),
    ("POST", "/v1/subjects", false),
    ("GET", "/v1/subjects/me/report", false),
    ("POST", "/v1/consents", false),
    ("GET", "/v1/consents/con_1", false),
    ("POST", "/v1/consents/con_1/revoke", false),
    ("POST", "/v1/observations", false),
    ("GET", "/v1/observations/upl_1", false),
    ("POST", "/v1/inquiries", false),
    ("POST", "/v1/inquiries/batch", false),
    ("GET", "/v1/inquiries/inq_1", false),
    ("POST", "/v1/inquiries/inq_1/outcome", false),
    ("POST", "/v1/subjects/me/erase", false),
    ("POST", "/v1/disputes", false),
    ("GET", "/v1/disputes/dsp_1", false),
    ("POST", "/v1/disputes/dsp_1/answer", false),
    ("POST", "/v1/statements", false),
    ("POST", "/v1/reviews", false),
    ("POST", "/v1/complaints", false),
    ("GET", "/v1/notices/ntc_1", false),
    ("GET", "/v1/events", false),
    ("GET", "/v1/usage", false),
    ("GET", "/v1/coverage", false),
    ("GET", "/v1/data-quality", false),
    ("GET", "/v1/data-requests", false),
    ("POST", "/v1/data-requests/drq_1/answer", false),
    ("POST", "/v1/monitors", false),
    ("GET", "/v1/monitors", false),
    ("GET", "/v1/monitors/mon_1", false),
    ("DELETE", "/v1/monitors/mon_1", false),
    ("GET", "/v1/webhook", false),
    ("PUT", "/v1/webhook", false),
    ("DELETE", "/v1/webhook", false),
    ("POST", "/v1/webhook/retry", false),
    ("POST", "/v1/freezes", false),
    ("DELETE", "/v1/freezes/frz_1", false),
    ("GET", "/v1/log/proofs/0", true),
    ("GET", "/log/checkpoint", true),
    ("GET", "/log/tile/entries/000.p/3", true),
    ("GET", "/.well-known/http-message-signatures-directory", true),
    ("GET", "/.well-known/jwks.json", true),
    ("GET", "/.well-known/fivefold", true),
    ("GET", "/openapi.json", true),
    ("GET", "/docs/dictionary", true),
    ("GET", "/docs/dictionary.json", true),
    ("GET", "/docs/errors", true),
    ("GET", "/docs/guides", true),
    ("GET", "/docs/guides/lender", true),
    ("GET", "/docs/guides/client.py", true),
    ("GET", "/docs/errors.md", true),
    ("GET", "/healthz", true),
    ("GET", "/readyz", true),
    ("GET", "/metrics", true),
];

#[test]
fn nobody_gets_in_without_a_signature() {
    let house = House::open();
    for (method, path, open) in ROUTES {
        let method: Method = method.parse().unwrap();
        let got = house.send(&method, path, &[], b"");
        if open {
            assert_eq!(got.status, StatusCode::OK, "{path}");
        } else {
            assert_eq!(got.status, StatusCode::UNAUTHORIZED, "{path}");
            assert_eq!(got.code(), "signature_missing", "{path}");
            assert!(got.headers.contains_key("signature"), "{path}: the problem is signed too");
        }
    }
    let documented: Value = serde_json::from_str(&fivefold::http::openapi()).unwrap();
    for path in documented["paths"].as_object().unwrap().keys() {
        let shape = |p: &str| p.split('/').count();
        let known = ROUTES.iter().any(|(_, route, _)| shape(route) == shape(path));
        assert!(known, "{path} is documented and not in this list");
    }
}

#[test]
fn a_stranger_a_suspended_partner_and_another_partner_learn_nothing() {
    use fivefold::bureau::admission::Admission;
    use fivefold::bureau::command::governance::{Change, ChangePartner};
    let house = House::open();
    let bank = house.partner("Bank One", "bank", &["credit_application"]);
    let rival = house.partner("Bank Two", "bank", &["credit_application"]);
    let got = house.post(&bank, "/v1/subjects", &person(), "e1");
    let subject = got.json()["subject"].as_str().unwrap().to_string();
    let artefact = consent(&house, &bank, &subject, "inquire", Some("credit_application"));
    let given = house.post(&bank, "/v1/consents", &artefact, "c1").json();
    let id = given["consent"].as_str().unwrap().to_string();

    let theirs = house.ask(&rival, Method::GET, &format!("/v1/consents/{id}"), b"", "");
    let absent = house.ask(&rival, Method::GET, "/v1/consents/con_0", b"", "");
    assert_eq!((theirs.status, theirs.body), (absent.status, absent.body));
    let inquiry = json!({ "subject": subject, "scenario": "credit_application",
        "basis": { "type": "consent", "ref": id } });
    let got = house.post(&rival, "/v1/inquiries", &inquiry, "i1");
    assert_eq!(got.code(), "consent_not_found", "{}", got.json());

    let admission = Admission::operator("test", "misuse");
    let change = ChangePartner { admission, partner: bank.id.clone(), change: Change::Suspend };
    house.bureau.run(change).value().unwrap();
    let got = house.post(&bank, "/v1/inquiries", &inquiry, "i2");
    assert_eq!((got.status, got.code()), (StatusCode::UNAUTHORIZED, "key_suspended".into()));
}

#[test]
fn bad_bodies_get_a_clear_problem_and_the_house_stands() {
    let house = House::open();
    let bank = house.partner("Bank One", "bank", &["credit_application"]);
    let long = format!("{{\"name\":\"{}\"}}", "x".repeat(70_000));
    let cases: [(&str, &[u8], u16, &str); 8] = [
        ("/v1/subjects", b"", 400, "not_json"),
        ("/v1/subjects", b"[1]", 400, "not_an_object"),
        ("/v1/subjects", b"{\"name\":\"a\",\"name\":\"b\"}", 400, "duplicate_key"),
        ("/v1/subjects", b"{\"nome\":\"a\"}", 422, "invalid_request"),
        ("/v1/subjects", b"\xff\xfe", 400, "not_utf8"),
        ("/v1/subjects", long.as_bytes(), 413, "body_too_large"),
        ("/v1/inquiries", b"{\"subject\":7}", 422, "invalid_request"),
        ("/v1/consents", b"{}", 422, "invalid_request"),
    ];
    for (i, (path, body, status, code)) in cases.iter().enumerate() {
        let got = house.ask(&bank, Method::POST, path, body, &format!("k{i}"));
        assert_eq!((got.status.as_u16(), got.code().as_str()), (*status, *code), "case {i}");
    }
    let got = house.ask(&bank, Method::POST, "/v1/observations?dry=1", b"{}", "q1");
    assert_eq!((got.status.as_u16(), got.code().as_str()), (422, "invalid_request"));
    let got = house.ask(&bank, Method::POST, "/v1/inquiries", b"{}", "");
    assert_eq!(got.code(), "idempotency_key_missing");
    let wrong = "{\"type\":\"nonsense\"}\n".repeat(10_000);
    let got = house.ask(&bank, Method::POST, "/v1/observations", wrong.as_bytes(), "o1");
    let receipt = got.json();
    assert_eq!((&receipt["accepted"], &receipt["rejected"]), (&json!(0), &json!(10_000)));
    assert_eq!(house.send(&Method::GET, "/readyz", &[], b"").status, StatusCode::OK);
}

#[test]
fn the_openapi_document_is_the_one_on_record() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/openapi.json");
    let now = fivefold::http::openapi();
    let kept = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        now.trim() == kept.trim(),
        "the interface changed: if that is meant, run `fivefold openapi > docs/openapi.json`"
    );
}

#[test]
fn what_the_bureau_is_and_what_is_in_force_is_published() {
    let house = House::open();
    let known = house.send(&Method::GET, "/.well-known/fivefold", &[], b"");
    assert_eq!(known.status, StatusCode::OK);
    assert!(known.headers["content-type"].to_str().unwrap().starts_with("application/json"));
    let (known, engine) = (known.json(), &house.bureau.engine);
    assert_eq!((&known["environment"], &known["licence"]), (&json!("demo"), &Value::Null));
    assert_eq!(known["public_url"], house.url());
    let log = &known["log"];
    assert_eq!(
        (&log["origin"], &log["vkey"]),
        (&json!(engine.origin), &json!(engine.keys.log().vkey()))
    );
    // With this key alone the published checkpoint can be checked.
    house.bureau.publish().expect("published");
    let note = house.send(&Method::GET, "/log/checkpoint", &[], b"").body;
    let vkey = log["vkey"].as_str().unwrap();
    let verifier = fivefold::ledger::note::Verifier::parse(vkey).expect("a vkey");
    let note = String::from_utf8(note).expect("a note");
    fivefold::ledger::checkpoint::Checkpoint::open(&note, &[verifier], &[]).expect("it holds");
    let packs = known["rule_packs"].as_array().expect("packs");
    let expected: Vec<Value> = engine
        .rules
        .packs()
        .map(|p| json!({ "id": p.id, "version": p.version, "digest": p.digest_hex() }))
        .collect();
    assert_eq!((packs, packs.len()), (&expected, 4));
    let champion = &known["scorecards"][0];
    assert_eq!(champion["id"], engine.champion().id);
    assert_eq!(champion["digest"].as_str().map(str::len), Some(64));
    for member in ["service_level", "support", "maintenance", "deprecations", "status"] {
        assert!(known.get(member).is_some(), "{member}");
    }
}
