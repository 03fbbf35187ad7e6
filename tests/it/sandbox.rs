//! The sandbox: what it publishes is what it answers, and it never meets a live bureau.

use std::collections::BTreeSet;

use fivefold::bureau::admission::Admission;
use fivefold::bureau::command::governance::AddPartner;
use fivefold::bureau::sandbox::{CASES, Case, Consent, TestPerson, UNSHOWN, published_key};
use fivefold::bureau::{Bureau, OpenError, Settings};
use fivefold::partner::Role;
use fivefold::policy::{Environment, Rules};
use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::house::{Client, Got, House, artefact};
use crate::program::{fivefold, told};
use crate::world::{World, on_both};

/// A visitor's way through one case, exactly as the page tells it.
struct Visit<'h> {
    house: &'h House,
    who: Client,
    case: &'static Case,
    /// A serial, so that no idempotency key comes twice.
    serial: u64,
}

impl Visit<'_> {
    fn post(&mut self, path: &str, body: &Value) -> Got {
        self.serial += 1;
        let key = format!("{}-{}", self.case.name, self.serial);
        self.house.post(&self.who, path, body, &key)
    }

    fn enrolled(&mut self, person: &str) -> String {
        let mut enrolment = match TestPerson::find(person) {
            Some(test) => test.enrolment(),
            None => {
                let mut own = TestPerson::find("steady").expect("somebody").enrolment();
                own["name"] = json!("Made Up");
                own["documents"][0]["number"] = json!("E12345678");
                own
            }
        };
        if self.case.consent == Consent::Misnamed {
            enrolment["name"] = json!("Somebody Else");
        }
        let got = self.post("/v1/subjects", &enrolment);
        assert_eq!(got.status, StatusCode::CREATED, "{}: {}", self.case.name, got.json());
        got.json()["subject"].as_str().expect("a subject").to_string()
    }

    fn consented(&mut self, subject: &str) -> String {
        let (now, case) = (self.house.env.now(), self.case);
        let (purpose, scenario) = match case.consent {
            Consent::ToFurnish => ("furnish", None),
            Consent::To(scenario) => ("inquire", Some(scenario)),
            _ => ("inquire", Some(case.scenario)),
        };
        let mut given = artefact(now, &self.who.id, subject, purpose, scenario);
        given["fetch"] =
            json!(if scenario == Some("hotel_deposit") { "ONETIME" } else { "PERIODIC" });
        if scenario == Some("online_trade") {
            given["fetch"] = json!("ONETIME");
        }
        let begins = if case.consent == Consent::Tomorrow { 86_400 } else { -60 };
        given["valid_from"] = json!(now.plus_seconds(begins));
        given["expires_at"] = json!(now.plus_seconds(begins + 3_600));
        match case.consent {
            Consent::Only(dimension) => given["dimensions"] = json!([dimension]),
            Consent::Brief => given["expires_at"] = json!(now.plus_seconds(2)),
            _ => {}
        }
        let got = self.post("/v1/consents", &given);
        assert_eq!(got.status, StatusCode::CREATED, "{}: {}", case.name, got.json());
        got.json()["consent"].as_str().expect("a consent").to_string()
    }

    fn asked(&mut self) -> Got {
        let case = self.case;
        let subject = self.enrolled(case.person);
        let mut question = json!({ "subject": subject, "scenario": case.scenario });
        question["basis"] = match case.consent {
            Consent::Basis(kind, reference) => json!({ "type": kind, "ref": reference }),
            Consent::Of(person) => {
                let other = self.enrolled(person);
                json!({ "type": "consent", "ref": self.consented(&other) })
            }
            _ => json!({ "type": "consent", "ref": self.consented(&subject) }),
        };
        match case.consent {
            Consent::Revoked => {
                let consent = question["basis"]["ref"].as_str().expect("a consent").to_string();
                let got = self.post(&format!("/v1/consents/{consent}/revoke"), &json!({}));
                assert_eq!(got.json()["state"], "revoked", "{}", got.json());
            }
            Consent::Used => {
                let got = self.post("/v1/inquiries", &question);
                assert_eq!(got.status, StatusCode::CREATED, "{}", got.json());
            }
            Consent::Mutual(person) => {
                let other = self.enrolled(person);
                let consent = self.consented(&other);
                question["counterpart"] = json!({ "subject": other, "consent": consent });
            }
            // Until it has ended, it is answered.
            Consent::Brief => loop {
                let got = self.post("/v1/inquiries", &question);
                if got.status != StatusCode::CREATED {
                    return got;
                }
            },
            _ => {}
        }
        self.post("/v1/inquiries", &question)
    }
}

fn visitor(house: &House, kind: &str) -> Client {
    let key = published_key(kind).expect("a published key");
    let listed = house.send(&Method::GET, "/docs/sandbox.json", &[], b"").json();
    let own = listed["partners"].as_array().expect("a list").iter().find(|p| p["kind"] == kind);
    let name = own.expect("it is listed")["name"].as_str().expect("a name").to_string();
    let registry = house.bureau.registry().expect("the registry");
    let id = registry.find(&name).expect("it is registered").id.clone();
    assert_eq!(own.expect("listed")["keyid"], key.public().thumbprint());
    Client { id, key }
}

#[test]
fn every_published_case_is_answered_as_published() {
    let house = House::open_as(Environment::Sandbox);
    let mut wrong = Vec::new();
    for case in CASES {
        let who = visitor(&house, case.asker);
        let mut visit = Visit { house: &house, who, case, serial: 0 };
        let got = visit.asked();
        let (said, expected) = (got.json(), &case.expected);
        let (name, value) = expected.says;
        let value: Value = serde_json::from_str(value).expect("JSON");
        let form = if expected.form.is_empty() { Value::Null } else { json!(expected.form) };
        let fits = got.status.as_u16() == expected.status
            && (expected.form.is_empty() || said["form"] == form)
            && said[name] == value;
        if !fits {
            let (status, shown) =
                (got.status, format!("{} {} {}", said["form"], said[name], said["code"]));
            wrong.push(format!("{}: {status} {shown} {}", case.name, said["detail"]));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_refusal_is_a_case_or_says_why_not() {
    let rules = Rules::embedded().expect("rules");
    let shown: BTreeSet<&str> = CASES
        .iter()
        .filter(|case| case.expected.says.0 == "code")
        .map(|case| case.expected.says.1.trim_matches('"'))
        .collect();
    let unshown: BTreeSet<&str> = UNSHOWN.iter().map(|(code, _)| *code).collect();
    for refusal in rules.refusals().iter() {
        let code = refusal.code.as_str();
        assert!(shown.contains(code) != unshown.contains(code), "{code}");
    }
    let forms: BTreeSet<&str> = CASES.iter().map(|case| case.expected.form).collect();
    // `file` is the person's own: the owner's key shows it.
    for form in ["score", "band", "threshold", "identity_level", "not_assessable", ""] {
        assert!(forms.contains(form), "{form}");
    }
}

#[test]
fn the_owner_sees_the_file_with_the_published_key() {
    let house = House::open_as(Environment::Sandbox);
    let pem = house.send(&Method::GET, "/docs/sandbox/owner.pem", &[], b"").body;
    let pem = String::from_utf8(pem).expect("PEM");
    let key = fivefold::partner::signature::SigningKey::from_pem(&pem).expect("a key");
    let owner = Client { id: String::new(), key };
    let question = json!({ "subject": "me", "scenario": "self",
        "basis": { "type": "consent", "ref": "" } });
    let got = house.post(&owner, "/v1/inquiries", &question, "s1");
    assert_eq!((got.status, &got.json()["form"]), (StatusCode::CREATED, &json!("file")));
}

#[test]
fn a_visitor_registers_a_key_and_everybody_is_marked_as_made_up() {
    let house = House::open_as(Environment::Sandbox);
    let key = fivefold::partner::signature::SigningKey::generate(&house.env).expect("a key");
    let sent = json!({ "name": "Newcomer", "kind": "lender", "key": key.public().to_pem() });
    let register = |body: &Value| {
        let body = body.to_string();
        house.send(&Method::POST, "/sandbox/partners", &[], body.as_bytes())
    };
    let got = register(&sent);
    assert_eq!(got.status, StatusCode::CREATED, "{}", got.json());
    assert_eq!(got.json()["keyid"], key.public().thumbprint());
    assert_eq!(register(&sent).json()["partner"], got.json()["partner"], "the same again");
    let id = got.json()["partner"].as_str().expect("an id").to_string();
    let who = Client { id, key };
    for (body, code) in [
        (
            json!({ "name": "Newcomer", "kind": "lender", "key": published_key("hotel").unwrap().public().to_jwk() }),
            "",
        ),
        (json!({ "name": "X", "kind": "bank", "key": "" }), "unknown_value"),
        (json!({ "name": "X", "kind": "lender", "key": "nonsense" }), "key_malformed"),
    ] {
        let got = register(&body);
        let said = got.json();
        let first = said["errors"][0]["code"].as_str().unwrap_or_default().to_string();
        assert_eq!(first, code, "{said}");
    }
    let mut real = TestPerson::find("steady").unwrap().enrolment();
    real["synthetic"] = json!(false);
    real["documents"][0]["number"] = json!("E55555555");
    let got = house.post(&who, "/v1/subjects", &real, "r1");
    assert_eq!((got.status.as_u16(), got.code().as_str()), (403, "synthetic_only"));

    // Records about a published person would change what others are promised.
    let enrolment = TestPerson::find("steady").unwrap().enrolment();
    let got = house.post(&who, "/v1/subjects", &enrolment, "r2");
    let subject = got.json()["subject"].as_str().unwrap().to_string();
    let given = artefact(house.env.now(), &who.id, &subject, "furnish", None);
    let given = house.post(&who, "/v1/consents", &given, "r3").json();
    let consent = given["consent"].as_str().expect("a consent").to_string();
    let lines = crate::house::months(&subject, &consent, 60);
    let got = house.ask(&who, Method::POST, "/v1/observations", lines.as_bytes(), "r4");
    assert_eq!(got.json()["accepted"], 0, "{}", got.json());
    assert_eq!(got.json()["errors"][0]["code"], "not_collected");
}

#[test]
fn outside_a_sandbox_its_keys_and_paths_are_nothing() {
    let house = House::open();
    for path in ["/docs/sandbox", "/docs/sandbox.json", "/docs/sandbox/lender.pem"] {
        let got = house.send(&Method::GET, path, &[], b"");
        assert_eq!(got.status, StatusCode::NOT_FOUND, "{path}");
    }
    let got = house.send(&Method::POST, "/sandbox/partners", &[], b"{}");
    assert_eq!(got.status, StatusCode::NOT_FOUND);
    let command = AddPartner {
        admission: Admission::operator("test", "a published key"),
        name: "Careless".to_string(),
        sector: "bank".to_string(),
        country: String::new(),
        roles: vec![Role::Asker],
        scenarios: Vec::new(),
        key: published_key("lender").expect("a key").public(),
    };
    let refused = house.bureau.run(command).value().expect_err("refused");
    assert_eq!(refused.errors[0].code, "test_key");
}

on_both!(what_a_bureau_was_made_as_never_changes, |world| {
    let reopened = |world: &mut World, environment: Environment| {
        let kept = world.settings.clone();
        world.settings = Settings { environment, licensed: true, ..kept.clone() };
        world.close();
        let opened = Bureau::open(&world.env, &world.settings);
        world.settings = kept;
        let refused = matches!(&opened, Err(OpenError::Environment { .. }));
        if let Ok(bureau) = opened {
            bureau.close();
        }
        refused
    };
    let own = world.settings.environment;
    for other in [Environment::Live, Environment::Sandbox, Environment::Demo] {
        assert_eq!(reopened(world, other), other != own, "{}", other.name());
    }
    // Whoever edits the file, or throws it away, still meets the log.
    let file = world.dir().join("environment");
    for text in [Some("live\n"), None] {
        match text {
            Some(text) => std::fs::write(&file, text).expect("written"),
            None => std::fs::remove_file(&file).expect("removed"),
        }
        assert!(reopened(world, Environment::Live), "{text:?}");
    }
    assert!(!file.exists(), "a refused start writes nothing");
    world.open().expect("as it was made");
    assert_eq!(std::fs::read_to_string(&file).expect("a file"), "demo\n");
});

on_both!(test_persons_stay_as_published_while_months_go_by, Sandbox, |world| {
    world.bureau().load_sandbox().expect("brought in");
    let enrolled = |world: &World, person: &str| {
        let registry = world.bureau().registry().expect("the registry");
        let lender = registry.find("Sandbox Lender").expect("a lender").id.clone();
        let keyid = published_key("lender").expect("a key").public().thumbprint();
        let lender = crate::world::Party { id: lender, keyid };
        let enrolment = TestPerson::find(person).expect("somebody").enrolment();
        let got = world.enrol_as(world.by(&lender), &enrolment).expect("enrolled");
        (lender, crate::world::text(&got["subject"]))
    };
    for months in [0, 1, 7, 14] {
        let at = world.env.now().plus_days(31 * months);
        world.clock.set(at);
        world.bureau().load_sandbox().expect("brought up to date");
        for (person, form, band) in [
            ("steady", "score", json!("outstanding")),
            ("late", "score", json!("poor")),
            ("stale", "not_assessable", Value::Null),
            ("frozen", "not_assessable", Value::Null),
        ] {
            let (lender, subject) = enrolled(world, person);
            let answer = world.inquire(&lender, &subject, "credit_application");
            let got = (answer["form"].as_str().expect("a form"), &answer["band"]);
            assert_eq!(got, (form, &band), "{person} after {months} months: {answer}");
        }
    }
    // However many visitors have asked: within 28 days they count once.
    for n in 0..14 {
        world.clock.set(world.env.now().plus_days(28));
        let lender = world.partner(
            &format!("Visitor {n}"),
            "bank",
            &[Role::Asker, Role::Enroller],
            &["credit_application"],
        );
        let enrolment = TestPerson::find("steady").expect("somebody").enrolment();
        let got = world.enrol_as(world.by(&lender), &enrolment).expect("enrolled");
        world.bureau().load_sandbox().expect("brought up to date");
        let subject = crate::world::text(&got["subject"]);
        let answer = world.inquire(&lender, &subject, "credit_application");
        assert_eq!(answer["band"], "outstanding", "visitor {n}: {answer}");
    }
    let size = world.size();
    world.bureau().load_sandbox().expect("once more");
    // Enrolments and empty batches, and no record twice.
    assert!(world.size() - size < 30, "{}", world.size() - size);
});

#[test]
fn serve_sandbox_makes_one_where_there_is_nothing_and_refuses_a_live_one() {
    let dir = tempfile::tempdir().expect("a directory");
    let sandbox = dir.path().join("sandbox");
    let serving = crate::program::Serving::start_with(&sandbox, &["--sandbox"]);
    let got = ureq::get(format!("{}/docs/sandbox.json", serving.url)).call().expect("served");
    assert_eq!(got.status(), 200);
    serving.stop();
    let shown = told(fivefold(&sandbox).args(["init"]));
    assert_eq!((&shown["environment"], &shown["made"]), (&json!("sandbox"), &json!(false)));
    assert_eq!(shown["origin"], "sandbox.localhost/log");
    let refused = fivefold(&sandbox)
        .args(["partner", "list"])
        .env("FIVEFOLD_ENVIRONMENT", "live")
        .output()
        .expect("it runs");
    assert!(refused.status.success(), "reading opens no bureau");
    let refused = fivefold(&sandbox)
        .args(["serve", "--port", "0"])
        .env("FIVEFOLD_ENVIRONMENT", "live")
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success() && said.contains("made as sandbox"), "{said}");

    let live = dir.path().join("live");
    let mut init = fivefold(&live);
    init.env("FIVEFOLD_LICENCE_AUTHORITY", "PBoC").env("FIVEFOLD_LICENCE_NUMBER", "1");
    assert_eq!(told(init.arg("init"))["environment"], "live");
    let refused =
        fivefold(&live).args(["serve", "--sandbox", "--port", "0"]).output().expect("it runs");
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success() && said.contains("made as live"), "{said}");
}

#[test]
fn a_published_person_cannot_be_taken_from_everybody() {
    use fivefold::consent::rows as consent_rows;
    use fivefold::subject::rows::{self as subject_rows, By};
    let house = House::open_as(Environment::Sandbox);
    let key = published_key("owner").expect("published");
    let keyid = key.public().thumbprint();
    let consents = house.bureau.store.read(|conn| {
        let keys = subject_rows::person_keys(conn, By::Key, &[keyid.as_str()])?;
        consent_rows::by_person(conn, &[keys[0].person.as_str()])
    });
    let consent = consents.expect("consents").remove(0).id;
    let owner = Client { id: String::new(), key };
    let report = house.ask(&owner, Method::GET, "/v1/subjects/me/report", b"", "").json();
    let item = report["observations"][0]["index"].clone();
    let dispute = json!({ "subject": "me", "items": [{ "observation": item }],
        "ground": "inaccurate", "text": "Not mine.", "evidence_digest": "ab".repeat(32) });
    let empty = json!({});
    let acts: [(&str, &Value); 4] = [
        (&format!("/v1/consents/{consent}/revoke"), &empty),
        ("/v1/subjects/me/erase", &empty),
        ("/v1/freezes", &json!({ "subject": "me" })),
        ("/v1/disputes", &dispute),
    ];
    for (n, (path, body)) in acts.into_iter().enumerate() {
        let got = house.post(&owner, path, body, &format!("t{n}"));
        assert_eq!(got.code(), "published_person", "{path}: {}", got.json());
    }
    house.bureau.load_sandbox().expect("as published, again and again");
    // What is the person's own is not barred.
    let own = house.ask(&owner, Method::GET, "/v1/subjects/me/report", b"", "");
    assert_eq!(own.status, StatusCode::OK);
}

#[test]
fn a_full_sandbox_lets_the_next_visitor_in() {
    use fivefold::bureau::sandbox::Registration;
    let house = House::open_as(Environment::Sandbox);
    let visit = |name: &str| {
        let key = fivefold::partner::signature::SigningKey::generate(&house.env).expect("a key");
        let sent = json!({ "name": name, "kind": "hotel", "key": key.public().to_jwk() });
        let sent: Registration = serde_json::from_value(sent).expect("a registration");
        let known = house.bureau.register_visitor_among(&sent, 3).expect("there is room");
        Client { id: known["partner"].as_str().expect("an id").to_string(), key }
    };
    let busy = visit("Busy");
    let enrolment = TestPerson::find("steady").expect("somebody").enrolment();
    let enrol = |who: &Client, key: &str| house.post(who, "/v1/subjects", &enrolment, key);
    assert_eq!(enrol(&busy, "e1").status, StatusCode::CREATED);
    let idle: Vec<Client> = ["One", "Two", "Three", "Four"].map(visit).into();
    // Whoever did something stays; of the others the oldest make room.
    assert_eq!(enrol(&busy, "e2").status, StatusCode::CREATED);
    assert_eq!(enrol(&idle[0], "e3").code(), "key_suspended");
    assert_eq!(enrol(&idle[1], "e4").code(), "key_suspended");
    assert_eq!(enrol(&idle[3], "e5").status, StatusCode::CREATED);
    // The published partners are nobody's room.
    let published = Client { id: String::new(), key: published_key("hotel").expect("published") };
    assert_eq!(enrol(&published, "e6").status, StatusCode::CREATED);
}

#[test]
fn so_many_visitors_of_a_minute_and_no_more() {
    let house = House::open_as(Environment::Sandbox);
    let mut limited = None;
    // A minute may end in between; within two of them the limit is met.
    for _ in 0..50 {
        let got = house.send(&Method::POST, "/sandbox/partners", &[], b"{}");
        if got.status == StatusCode::TOO_MANY_REQUESTS {
            limited = Some(got);
            break;
        }
    }
    let limited = limited.expect("one address has twenty in a minute");
    assert_eq!(limited.code(), "rate_exceeded");
    assert!(limited.headers.contains_key("retry-after"));
}

#[test]
fn its_document_has_its_own_paths_and_every_limit() {
    let document = |environment| -> Value {
        House::open_as(environment).send(&Method::GET, "/openapi.json", &[], b"").json()
    };
    let (demo, own) = (document(Environment::Demo), document(Environment::Sandbox));
    for path in ["/sandbox/partners", "/v1/conformance/{run}/verdict"] {
        assert!(demo["paths"].get(path).is_none(), "{path}");
        assert!(own["paths"].get(path).is_some(), "{path}");
    }
    for (path, operations) in own["paths"].as_object().expect("paths") {
        if path.starts_with("/v1/log/") {
            continue;
        }
        for (method, operation) in operations.as_object().expect("operations") {
            assert!(operation["responses"].get("429").is_some(), "{method} {path}");
        }
    }
}
