//! Small merchants: they apply by themselves, staff decides, and they learn a yes or a no.

use fivefold::bureau::admission::{Admission, Principal};
use fivefold::bureau::command::application::{
    AddConduct, ApplicationSent, Apply, DecideApplication, ReadApplication,
};
use fivefold::bureau::command::governance::{Change, ChangePartner};
use fivefold::error::Problem;
use fivefold::partner::signature::SigningKey;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::house::{Client, Door, House};
use crate::program::{Serving, fivefold, told};
use crate::world::{Human, Party, World, on_both, text};

fn sent(key: &SigningKey, name: &str) -> Value {
    json!({
        "name": name, "sector": "hotel", "scenario": "hotel_deposit", "licence": "91310000MA1K",
        "key": key.public().to_jwk(),
    })
}

fn apply(world: &World, name: &str, changes: &[(&str, &str)]) -> Result<Value, Problem> {
    let key = world.key(name);
    let mut body = sent(&key, name);
    for (member, value) in changes {
        body[*member] = json!(value);
    }
    let sent: ApplicationSent = serde_json::from_value(body).expect("an application");
    let keyid = key.public().thumbprint();
    let admission = applicant(&keyid);
    world.run(Apply { admission, sent, key: key.public() })
}

fn applicant(keyid: &str) -> Admission {
    let principal = Principal::Applicant(keyid.to_string());
    Admission { principal, keyid: keyid.to_string(), nonce: None, idempotency: None }
}

fn decide(world: &World, application: &Value, admit: bool) -> Result<Value, Problem> {
    let application = text(&application["application"]);
    world.run(DecideApplication { admission: world.staff(), application, admit })
}

fn admitted(world: &World, name: &str) -> Party {
    let application = apply(world, name, &[]).expect("received");
    let known = decide(world, &application, true).expect("admitted");
    Party { id: text(&known["partner"]), keyid: world.key(name).public().thumbprint() }
}

on_both!(whoever_applies_is_admitted_by_staff_under_a_named_policy, |world| {
    let first = apply(world, "Corner Inn", &[]).expect("received");
    assert_eq!(first["state"], "pending");
    // The same key again is the same application.
    assert_eq!(apply(world, "Corner Inn", &[]).expect("the same"), first);
    let known = decide(world, &first, true).expect("admitted");
    assert!(known["policies"].as_array().is_some_and(|list| !list.is_empty()), "{known}");
    let (record, _) = world.record(known["index"].as_u64().expect("an index"));
    assert_eq!(record["partner"]["kind"], "small_merchant");
    assert_eq!(record["partner"]["quota"]["inquiries_per_day"], 50);
    assert_eq!(decide(world, &first, false).expect_err("decided").code, "application_decided");
    let keyid = world.key("Corner Inn").public().thumbprint();
    let id = text(&first["application"]);
    let told = world.run(ReadApplication { admission: applicant(&keyid), application: id.clone() });
    assert_eq!(told.expect("told")["partner"], known["partner"]);
    let strange = ReadApplication { admission: applicant("nobody"), application: id };
    assert_eq!(world.run(strange).expect_err("not theirs").code, "application_not_found");
    let second = apply(world, "Other Inn", &[]).expect("received");
    decide(world, &second, false).expect("refused");
});

on_both!(what_is_not_for_small_merchants_is_refused_at_once_with_the_rule, |world| {
    for (changes, code, rule) in [
        (&[("sector", "bank")][..], "sector_not_for_merchants", "common/merchant-sector"),
        (
            &[("scenario", "credit_application")],
            "scenario_not_for_merchants",
            "common/merchant-scenario",
        ),
        (&[("licence", " ")], "licence_number_missing", "common/merchant-licence"),
    ] {
        let size = world.size();
        let problem = apply(world, "Hopeful", changes).expect_err("refused");
        assert_eq!(problem.code, code);
        assert!(problem.policies.iter().any(|policy| policy == rule), "{:?}", problem.policies);
        let (record, _) = world.record(size);
        assert_eq!((&record["act"], &record["code"]), (&json!("apply"), &json!(code)));
    }
});

on_both!(a_small_merchant_learns_a_yes_or_a_no_and_sends_nothing, |world| {
    let bank = world.bank();
    let human = Human::nth(1, "CN");
    let subject = world.enrol(&bank, &human);
    world.history(&bank, &subject);
    let inn = admitted(world, "Corner Inn");
    let theirs = world.enrol(&inn, &human);
    let answer = world.inquire(&inn, &theirs, "hotel_deposit");
    assert_eq!(answer["form"], "threshold");
    let consent = world.consent(&inn, &theirs, "credit_application");
    let refused = world.ask(&inn, &theirs, ("consent", &consent), "credit_application");
    assert_eq!(refused.expect_err("a score").code, "merchant_threshold_only");
    let furnish = world.furnishing(&inn, &theirs);
    let receipt = world.furnish(&inn, &crate::world::year(&theirs, &furnish, "a-1"));
    assert_eq!((receipt.accepted, receipt.rejected), (0, 13));
});

on_both!(too_much_on_record_suspends_and_staff_lifts_it, |world| {
    let inn = admitted(world, "Corner Inn");
    let bank = world.bank();
    let put = |partner: &Party, what: &str| {
        let (admission, partner) = (world.staff(), partner.id.clone());
        world.run(AddConduct { admission, partner, what: what.to_string() })
    };
    assert_eq!(put(&inn, "rudeness").expect_err("no such kind").errors[0].code, "unknown_value");
    let first = put(&inn, "complaint").expect("on record");
    assert_eq!((&first["sum"], &first["suspended"]), (&json!(1), &json!(false)));
    assert_eq!(put(&inn, "grey_goods").expect("on record")["suspended"], true);
    let human = Human::nth(1, "CN").enrolment();
    let refused = world.enrol_as(world.by(&inn), &human).expect_err("suspended");
    assert_eq!(refused.code, "key_suspended");
    let change =
        ChangePartner { admission: world.staff(), partner: inn.id.clone(), change: Change::Resume };
    let resumed = world.run(change).expect("lifted");
    let (record, _) = world.record(resumed["index"].as_u64().expect("an index"));
    assert!(record["reason"].as_str().is_some_and(|reason| !reason.is_empty()));
    // What was looked at is before.
    world.clock.advance_seconds(1);
    assert_eq!(put(&inn, "complaint").expect("on record")["sum"], 1);
    assert!(world.enrol_as(world.by(&inn), &human).is_ok());
    // Of a bank staff decides.
    let bank = put(&bank, "purpose_breach").expect("on record");
    assert_eq!((&bank["sum"], &bank["suspended"]), (&json!(3), &json!(false)));
});

#[test]
fn so_many_applications_wait_and_no_more() {
    let world = World::sqlite("many applicants", "CN", fivefold::policy::Environment::Demo);
    for n in 0..200 {
        apply(&world, &format!("Inn {n}"), &[]).expect("received");
    }
    let problem = apply(&world, "One too many", &[]).expect_err("full");
    assert_eq!((problem.code.as_str(), problem.retry_after_seconds), ("overloaded", Some(3600)));
    let first = apply(&world, "Inn 0", &[]).expect("the same as before");
    decide(&world, &first, false).expect("refused");
    apply(&world, "One too many", &[]).expect("there is room");
    world.audited();
}

#[test]
fn an_applicant_signs_with_the_key_that_applies() {
    let house = House::open();
    let stranger = |name: &str| {
        let key = SigningKey::generate(&house.env).expect("a key");
        Client { id: name.to_string(), key }
    };
    let (inn, other) = (stranger("Corner Inn"), stranger("Other"));
    let path = "/v1/applications";
    let body = sent(&inn.key, "Corner Inn");
    let anothers = house.post(&other, path, &body, "a0");
    assert_eq!(
        (anothers.status, anothers.code()),
        (StatusCode::UNAUTHORIZED, "key_unknown".into())
    );
    let got = house.post(&inn, path, &body, "a1");
    assert_eq!(got.status, StatusCode::CREATED, "{}", got.json());
    assert!(got.headers.contains_key("signature"));
    let own = format!("{path}/{}", got.json()["application"].as_str().expect("an id"));
    assert_eq!(house.ask(&inn, Method::GET, &own, b"", "").json()["state"], "pending");
    let unknown = house.ask(&other, Method::GET, &own, b"", "");
    assert_eq!(unknown.status, StatusCode::UNAUTHORIZED, "{}", unknown.json());
    let theirs = house.post(&other, path, &sent(&other.key, "Other"), "a2");
    assert_eq!(theirs.status, StatusCode::CREATED, "{}", theirs.json());
    let strange = house.ask(&other, Method::GET, &own, b"", "");
    assert_eq!(strange.code(), "application_not_found");
    // Until it is admitted the key opens nothing else.
    let refused = house.ask(&inn, Method::GET, "/v1/usage?period=2026-11", b"", "");
    assert_eq!(refused.code(), "key_unknown");
    let mut limited = None;
    for n in 0..10 {
        let got = house.post(&stranger("Loop"), path, &body, &format!("l{n}"));
        limited = Some(got).filter(|got| got.status == StatusCode::TOO_MANY_REQUESTS);
        if limited.is_some() {
            break;
        }
    }
    let limited = limited.expect("one address has so many in an hour");
    assert!(limited.headers.contains_key("retry-after"));
    assert!(limited.headers.contains_key("signature"));
}

#[test]
fn staff_decides_at_the_console() {
    let dir = tempfile::tempdir().expect("a directory");
    let place = dir.path().join("bureau");
    told(fivefold(&place).arg("init"));
    let serving = Serving::start(&place);
    let env = fivefold::kernel::Env::system();
    let door = Door::new(&env, serving.url.clone(), serving.url.clone());
    let apply = |name: &str| {
        let key = SigningKey::generate(&env).expect("a key");
        let body = sent(&key, name).to_string();
        let who = Client { id: name.to_string(), key };
        let path = "/v1/applications";
        let got = door.ask(&who, Method::POST, path, body.as_bytes(), name).expect("an answer");
        assert_eq!(got.status, StatusCode::CREATED, "{}", got.json());
        text(&got.json()["application"])
    };
    let (inn, other) = (apply("Corner-Inn"), apply("Other-Inn"));
    let staff = |args: &[&str]| {
        let mut command = fivefold(&place);
        command.args(args).args(["--as", "li", "--reason", "looked up in the register"]);
        told(&mut command)
    };
    let waiting = told(fivefold(&place).args(["application", "list"]));
    assert_eq!(waiting["applications"].as_array().map(Vec::len), Some(2), "{waiting}");
    assert_eq!(staff(&["application", "admit", &inn])["state"], "admitted");
    assert_eq!(staff(&["application", "refuse", &other])["state"], "refused");
    let decided = told(fivefold(&place).args(["application", "list", "--all"]));
    assert_eq!(decided["applications"].as_array().map(Vec::len), Some(2), "{decided}");
    let none = told(fivefold(&place).args(["application", "list"]));
    assert_eq!(none["applications"], json!([]));
    let suspended = staff(&["partner", "conduct", "Corner-Inn", "misuse"]);
    assert_eq!(suspended["suspended"], true, "{suspended}");
    assert_eq!(staff(&["partner", "resume", "Corner-Inn"])["suspended"], false);
    serving.stop();
    told(fivefold(&place).arg("audit"));
}
