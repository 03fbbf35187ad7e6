//! The story: what is asked, answered, refused, frozen and revoked, one turn after the other.

use http::Method;
use serde_json::{Value, json};

use super::DemoError;
use super::cast::{AGENT, BANK, CAR_HIRE, CREDIT_UNION, HOTEL, LANDLORD};
use super::client::{Answered, Call};
use super::hall::Hall;
use super::intake::Person;
use crate::bureau::command::enrol::{MandateSent, mandate_text};
use crate::consent::Fetch;
use crate::kernel::bytes::{base64, hex, sha256};
use crate::partner::signature::SigningKey;

/// What the bank asks in the story.
const APPLICATION: &str = "credit_application";
/// Hours for which a consent to ask runs, by scenario: the longest that the catalogue allows.
const APPLICATION_HOURS: i64 = 720;
const TENANCY_HOURS: i64 = 168;
const HOTEL_HOURS: i64 = 24;
/// Days for which the agent's mandate runs.
const MANDATE_DAYS: i64 = 90;

/// One turn of the story.
pub struct Turn {
    /// Who acts.
    pub who: &'static str,
    /// What they do, in a few words.
    pub does: &'static str,
    /// What they learn.
    pub learns: String,
    /// Whether it went as the rules have it.
    pub right: bool,
}

/// The lender's inquiry, for scripts and for the checks that follow.
pub struct Lender {
    /// The bank's own id of the person.
    pub subject: String,
    /// The consent to ask in [`Lender::scenario`], again and again.
    pub consent: String,
    /// The scenario.
    pub scenario: &'static str,
    /// `inq_…`
    pub inquiry: String,
    /// The answer as it was given.
    pub answer: Value,
}

/// What happened.
pub struct Story {
    /// Turn by turn.
    pub turns: Vec<Turn>,
    /// The lender's inquiry.
    pub lender: Lender,
    /// Where the consumer report lies.
    pub report: String,
}

/// Tells it. The first person applies for credit, rents and travels; the second takes a consent
/// back; the third freezes the file.
///
/// # Errors
/// A request fails, or is refused where it must not be.
pub fn tell(hall: &Hall<'_>, people: &[Person]) -> Result<Story, DemoError> {
    let [first, second, third, ..] = people else {
        let what = "three persons for the story".to_string();
        return Err(DemoError::Answer { act: "data file".to_string(), what });
    };
    let mut turns = Vec::new();
    let lender = credit(hall, first, &mut turns)?;
    home(hall, first, &mut turns)?;
    hotel(hall, first, &mut turns)?;
    car(hall, first, &mut turns)?;
    revoked(hall, second, &mut turns)?;
    frozen(hall, third, &mut turns)?;
    agent(hall, first, &mut turns)?;
    let report = own_report(hall, first, &mut turns)?;
    Ok(Story { turns, lender, report })
}

/// What an answer or a refusal tells its reader, and which code it carries.
fn learnt(answer: &Answered) -> Result<(String, String), DemoError> {
    let value = answer.json()?;
    let text = |name: &str| value[name].as_str().unwrap_or_default().to_string();
    if !answer.status.is_success() {
        return Ok((format!("refused: {}", text("code")), text("code")));
    }
    let form = text("form");
    let told = match form.as_str() {
        "score" => format!("score {}, band {}", value["score"], text("band")),
        "band" => format!("band {}, no score", text("band")),
        "threshold" => format!("{}, and nothing else", text("outcome")),
        "identity_level" => format!("identity level {} of 4", value["level"]),
        _ if text("code").is_empty() => "not assessable".to_string(),
        _ => format!("not assessable: {}", text("code")),
    };
    let code = if text("code").is_empty() { form } else { text("code") };
    Ok((told, code))
}

/// Asks, and records the turn: it is right when the form or code is the one expected.
fn asks(
    turns: &mut Vec<Turn>,
    who: &'static str,
    does: &'static str,
    expected: &str,
    answer: &Answered,
) -> Result<(), DemoError> {
    let (learns, code) = learnt(answer)?;
    turns.push(Turn { who, does, learns, right: code == expected });
    Ok(())
}

/// The key that the person acts with.
fn own_key(person: &Person) -> Result<&SigningKey, DemoError> {
    person.key.as_ref().ok_or_else(|| DemoError::Answer {
        act: "the story".to_string(),
        what: format!("key of person {}", person.number),
    })
}

fn credit(hall: &Hall<'_>, person: &Person, turns: &mut Vec<Turn>) -> Result<Lender, DemoError> {
    let bank = hall.cast.member(BANK)?;
    let subject = person.subject.clone();
    let paper = hall.paper(bank, &subject).ask(APPLICATION, Fetch::Periodic, APPLICATION_HOURS);
    let consent = hall.consent(bank, &paper)?;
    let answer = hall.ask(bank, &subject, &consent, APPLICATION)?;
    asks(turns, bank.name, "asks about a credit application", "score", &answer)?;
    let answer = answer.done()?;
    let inquiry = answer.text("inquiry")?;
    let outcome = json!({
        "decision": "accepted", "weight_of_score": "some", "at": hall.env.now(),
    });
    let path = format!("/v1/inquiries/{inquiry}/outcome");
    let reported = hall.client.call(&bank.key, Call::post(&path, &outcome))?;
    turns.push(Turn {
        who: bank.name,
        does: "reports what it decided",
        learns: "on record".to_string(),
        right: reported.status.is_success(),
    });
    let value = answer.json()?;
    Ok(Lender { subject, consent, scenario: APPLICATION, inquiry, answer: value })
}

fn home(hall: &Hall<'_>, person: &Person, turns: &mut Vec<Turn>) -> Result<(), DemoError> {
    let landlord = hall.cast.member(LANDLORD)?;
    let subject = hall.enrol(landlord, &person.enrolment)?;
    let paper = hall.paper(landlord, &subject).ask("tenancy", Fetch::Onetime, TENANCY_HOURS);
    let consent = hall.consent(landlord, &paper)?;
    let answer = hall.ask(landlord, &subject, &consent, "tenancy")?;
    asks(turns, landlord.name, "asks about a tenancy", "band", &answer)
}

fn hotel(hall: &Hall<'_>, person: &Person, turns: &mut Vec<Turn>) -> Result<(), DemoError> {
    let (hotel, scenario) = (hall.cast.member(HOTEL)?, "hotel_deposit");
    let subject = hall.enrol(hotel, &person.enrolment)?;
    let paper = hall.paper(hotel, &subject).ask(scenario, Fetch::Onetime, HOTEL_HOURS);
    let consent = hall.consent(hotel, &paper)?;
    let answer = hall.ask(hotel, &subject, &consent, scenario)?;
    asks(turns, hotel.name, "asks: stay without a deposit?", "threshold", &answer)?;
    let again = hall.ask(hotel, &subject, &consent, scenario)?;
    asks(turns, hotel.name, "asks again on the same consent", "consent_used", &again)
}

fn car(hall: &Hall<'_>, person: &Person, turns: &mut Vec<Turn>) -> Result<(), DemoError> {
    let (hire, scenario) = (hall.cast.member(CAR_HIRE)?, "identity_check");
    let subject = hall.enrol(hire, &person.enrolment)?;
    let paper = hall.paper(hire, &subject).ask(scenario, Fetch::Onetime, HOTEL_HOURS);
    let consent = hall.consent(hire, &paper)?;
    let answer = hall.ask(hire, &subject, &consent, scenario)?;
    asks(turns, hire.name, "asks: who is this?", "identity_level", &answer)
}

fn revoked(hall: &Hall<'_>, person: &Person, turns: &mut Vec<Turn>) -> Result<(), DemoError> {
    let union = hall.cast.member(CREDIT_UNION)?;
    let subject = hall.enrol(union, &person.enrolment)?;
    let paper = hall.paper(union, &subject).ask(APPLICATION, Fetch::Periodic, APPLICATION_HOURS);
    let consent = hall.consent(union, &paper)?;
    let before = hall.ask(union, &subject, &consent, APPLICATION)?;
    asks(turns, union.name, "asks about another person", "score", &before)?;
    let path = format!("/v1/consents/{consent}/revoke");
    let taken_back = Call { method: Method::POST, ..Call::get(&path) };
    hall.client.must(own_key(person)?, taken_back)?;
    let after = hall.ask(union, &subject, &consent, APPLICATION)?;
    asks(turns, union.name, "asks after that person's revocation", "consent_revoked", &after)
}

fn frozen(hall: &Hall<'_>, person: &Person, turns: &mut Vec<Turn>) -> Result<(), DemoError> {
    let bank = hall.cast.member(BANK)?;
    let key = own_key(person)?;
    let subject = person.subject.as_str();
    let paper = hall.paper(bank, subject).ask(APPLICATION, Fetch::Periodic, APPLICATION_HOURS);
    let consent = hall.consent(bank, &paper)?;
    let placed = Call::post("/v1/freezes", &json!({ "subject": "me" }));
    let freeze = hall.client.must(key, placed)?.text("freeze")?;
    let during = hall.ask(bank, subject, &consent, APPLICATION)?;
    asks(turns, bank.name, "asks about a third, who froze the file", "person_frozen", &during)?;
    let path = format!("/v1/freezes/{freeze}");
    hall.client.must(key, Call { method: Method::DELETE, ..Call::get(&path) })?;
    let after = hall.ask(bank, subject, &consent, APPLICATION)?;
    asks(turns, bank.name, "asks when the freeze is lifted", "score", &after)
}

fn agent(hall: &Hall<'_>, person: &Person, turns: &mut Vec<Turn>) -> Result<(), DemoError> {
    let agent = hall.cast.member(AGENT)?;
    let stranger = hall.enrol(agent, &person.enrolment)?;
    let path = format!("/v1/subjects/{stranger}/report");
    let before = hall.client.call(&agent.key, Call::get(&path))?;
    asks(turns, agent.name, "reads a file without a mandate", "mandate_missing", &before)?;
    let mut enrolment = person.enrolment.clone();
    let mut mandate = MandateSent {
        acts: vec!["see_file".to_string()],
        expires_at: hall.env.now().plus_days(MANDATE_DAYS),
        evidence_digest: hex(&sha256(b"a made-up mandate")),
        signature: None,
    };
    // A person who has a key of their own gives a mandate with it.
    let signature = own_key(person)?.sign(mandate_text(&agent.id, &mandate).as_bytes());
    mandate.signature = Some(base64(&signature));
    enrolment["mandate"] = json!({
        "acts": mandate.acts, "expires_at": mandate.expires_at,
        "evidence_digest": mandate.evidence_digest, "signature": mandate.signature,
    });
    let subject = hall.enrol(agent, &enrolment)?;
    let path = format!("/v1/subjects/{subject}/report");
    let file = hall.client.must(&agent.key, Call::get(&path))?;
    let records = file.json()?["observations"].as_array().map_or(0, Vec::len);
    turns.push(Turn {
        who: agent.name,
        does: "reads it with one",
        learns: format!("the whole file: {records} records"),
        right: records > 0,
    });
    Ok(())
}

/// The person reads their own file: a PDF, because it is for a reader.
fn own_report(
    hall: &Hall<'_>,
    person: &Person,
    turns: &mut Vec<Turn>,
) -> Result<String, DemoError> {
    let key = own_key(person)?;
    let call = Call::get("/v1/subjects/me/report");
    let pdf = hall.client.must(key, Call { accept: Some("application/pdf"), ..call })?;
    let name = format!("reports/consumer-{}.pdf", person.number);
    hall.stage.write(&name, &pdf.body)?;
    turns.push(Turn {
        who: "The person",
        does: "reads their own file, with their own key",
        learns: format!("a PDF of {} kB", pdf.body.len().div_ceil(1000)),
        right: pdf.body.starts_with(b"%PDF-"),
    });
    Ok(name)
}
