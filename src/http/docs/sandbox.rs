//! What there is in a sandbox: persons, partners, cases with their answers.

use serde_json::{Value, json};

use super::document::{Cell, Document, Section};
use crate::bureau::sandbox::{
    CASES, Case, Consent, KINDS, Kind, OWNER, PERSONS, TestPerson, UNSHOWN, published_key,
};

/// How the consent of a case differs, in words and for machines.
fn consent_of(consent: Consent) -> (String, Value) {
    let said = |text: &str, value: Value| (text.to_string(), value);
    match consent {
        Consent::Given => said("", json!({})),
        Consent::Basis(kind, reference) => {
            let text =
                format!("none: the basis is `{{\"type\":\"{kind}\",\"ref\":\"{reference}\"}}`");
            (text, json!({ "basis": { "type": kind, "ref": reference } }))
        }
        Consent::ToFurnish => said("with purpose `furnish`", json!({ "purpose": "furnish" })),
        Consent::To(scenario) => {
            (format!("to the scenario `{scenario}`"), json!({ "scenario": scenario }))
        }
        Consent::Of(person) => (format!("of the person `{person}`"), json!({ "person": person })),
        Consent::Only(dimension) => {
            let text = format!("with `dimensions` `[\"{dimension}\"]`");
            (text, json!({ "dimensions": [dimension] }))
        }
        Consent::Tomorrow => said("beginning tomorrow", json!({ "begins_in_seconds": 86_400 })),
        Consent::Brief => {
            let text = "of two seconds, used after three";
            said(text, json!({ "lasts_seconds": 2, "wait_seconds": 3 }))
        }
        Consent::Revoked => said("revoked before it is used", json!({ "revoke": true })),
        Consent::Used => said("used once before", json!({ "ask_before": 1 })),
        Consent::Mutual(person) => {
            let text = format!("the person `{person}` consents too, as `counterpart`");
            (text, json!({ "counterpart": person }))
        }
        Consent::Misnamed => {
            let text = "enrolled under the name `Somebody Else`";
            said(text, json!({ "enrol_as": "Somebody Else" }))
        }
    }
}

fn expected(case: &Case) -> (String, Value) {
    let (name, text) = case.expected.says;
    let value: Value = serde_json::from_str(text).unwrap_or(Value::Null);
    let shown = match (&value, case.expected.form) {
        (Value::Null, form) => format!("`{form}` and nothing else"),
        (value, "") => format!("`{}`", value.as_str().unwrap_or_default()),
        (value, form) => format!("`{form}`, `{name}` {value}"),
    };
    let form = (!case.expected.form.is_empty()).then_some(case.expected.form);
    (shown, json!({ "status": case.expected.status, "form": form, name: value }))
}

fn case_value(case: &Case) -> Value {
    json!({
        "case": case.name, "about": case.about, "asker": case.asker, "person": case.person,
        "scenario": case.scenario, "consent": consent_of(case.consent).1,
        "expected": expected(case).1,
    })
}

fn case_row(case: &Case) -> Vec<Cell> {
    let person = match case.person {
        "" => Cell::text("one of your own"),
        person => Cell::code(person),
    };
    let colour = if case.expected.status < 300 { "green" } else { "amber" };
    vec![
        Cell::Name(case.name.to_string()),
        Cell::text(case.asker),
        person,
        Cell::code(case.scenario),
        Cell::text(consent_of(case.consent).0),
        Cell::Mark(colour, case.expected.status.to_string()),
        Cell::text(expected(case).0),
        Cell::text(case.about),
    ]
}

fn kind_value(kind: &Kind) -> Value {
    let keyid = published_key(kind.name).map(|key| key.public().thumbprint());
    json!({
        "kind": kind.name, "name": kind.partner, "sector": kind.sector, "roles": kind.roles,
        "scenarios": kind.scenarios, "keyid": keyid,
        "private_key": format!("/docs/sandbox/{}.pem", kind.name),
    })
}

fn kind_row(kind: &Kind) -> Vec<Cell> {
    let keyid = published_key(kind.name).map(|key| key.public().thumbprint());
    vec![
        Cell::Name(kind.name.to_string()),
        Cell::text(kind.about),
        Cell::code(kind.scenarios.join(" ")),
        Cell::code(format!("/docs/sandbox/{}.pem", kind.name)),
        Cell::code(keyid.unwrap_or_default()),
    ]
}

fn person_row(person: &TestPerson) -> Vec<Cell> {
    vec![
        Cell::Name(person.key.to_string()),
        Cell::text(person.name),
        Cell::code(person.passport),
        Cell::text(person.birth_date),
        Cell::text(person.about),
    ]
}

fn section(
    heading: &str,
    text: &str,
    columns: &[&'static str],
    rows: Vec<Vec<Cell>>,
    example: String,
) -> Section {
    let (heading, text) = (heading.to_string(), text.to_string());
    Section { heading, text, columns: columns.to_vec(), rows, example }
}

/// The page.
pub fn sandbox() -> Document {
    let pretty = |value: &Value| serde_json::to_string_pretty(value).unwrap_or_default();
    let steady = TestPerson::find("steady").map(TestPerson::enrolment).unwrap_or_default();
    let own = json!({
        "name": "Your Bank", "kind": "lender", "key": "-----BEGIN PUBLIC KEY-----\n…",
    });
    let unshown = UNSHOWN.iter().map(|(code, why)| vec![Cell::code(*code), Cell::text(*why)]);
    let owner = published_key(OWNER).map(|key| key.public().thumbprint());
    let persons: Vec<Value> = PERSONS
        .iter()
        .map(|p| json!({ "person": p.key, "about": p.about, "enrolment": p.enrolment() }))
        .collect();
    let data = json!({
        "persons": persons,
        "partners": KINDS.iter().map(kind_value).collect::<Vec<_>>(),
        "owner": { "keyid": owner, "private_key": format!("/docs/sandbox/{OWNER}.pem") },
        "cases": CASES.iter().map(case_value).collect::<Vec<_>>(),
        "not_shown": UNSHOWN.iter().map(|(code, why)| json!({ "code": code, "why": why }))
            .collect::<Vec<_>>(),
    });
    Document {
        title: "The sandbox".to_string(),
        lead: LEAD.iter().map(|text| text.to_string()).collect(),
        sections: vec![
            section("Your own key", OWN_KEY, &[], Vec::new(), pretty(&own)),
            section(
                "Published partners",
                PARTNERS,
                &["kind", "what it does", "scenarios", "private key", "keyid"],
                KINDS.iter().map(kind_row).collect(),
                String::new(),
            ),
            section(
                "Test persons",
                TEST_PERSONS,
                &["person", "name", "passport", "born", "what is on file"],
                PERSONS.iter().map(person_row).collect(),
                pretty(&steady),
            ),
            section(
                "Cases",
                CASES_TEXT,
                &["case", "asker", "person", "scenario", "consent", "status", "answer", "shows"],
                CASES.iter().map(case_row).collect(),
                String::new(),
            ),
            section("Certificate", CERTIFICATE, &[], Vec::new(), String::new()),
            section(
                "Not shown here",
                NOT_SHOWN,
                &["code", "why"],
                unshown.collect(),
                String::new(),
            ),
        ],
        data,
    }
}

const LEAD: [&str; 2] = [
    "A bureau of its own, with its own origin, keys and database. Everybody in it is made up, and \
     nothing that is not marked `synthetic` is taken. The signatures, the policies, the scores and \
     the public log are those of a live bureau.",
    "The same for machines: `/docs/sandbox.json`. The guides under `/docs/guides` lead through a \
     first inquiry.",
];
const OWN_KEY: &str = "Make a key pair, keep the private half, and `POST /sandbox/partners` the \
    public half (PEM or JWK), unsigned. The answer has your `partner` id and the `keyid` to sign \
    with. The same key again is the same partner again.";
const PARTNERS: &str = "Or sign with a key that everybody has. A live bureau refuses these keys.";
const TEST_PERSONS: &str = "All live in China and have a passport. Enrol one with \
    `POST /v1/subjects` and the body below; records about them are the house's alone, so that \
    their answers stay. To send records, make up a person of your own: any name, any passport \
    number of `E` and eight digits. `/docs/sandbox/owner.pem` is the key of the person `owner`.";
const CASES_TEXT: &str = "Each case: enrol the person, give a consent to the scenario (but as the \
    column says), ask. The answer is worked out like any other, and stays as it stands here.";
const CERTIFICATE: &str = "`fivefold conformance` lets your own client do what every client must: \
    sign, hash, keep time, never use a nonce twice, repeat under the same Idempotency-Key, wait as \
    Retry-After says, follow pages, tell forged answers from genuine ones. The sandbox watches, and \
    certifies what it saw: signed with its manifest key, and an entry of its log. Without the \
    program: `POST /v1/conformance` lists the steps.";
const NOT_SHOWN: &str = "Codes that an inquiry in the sandbox does not meet.";
