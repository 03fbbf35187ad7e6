//! Everybody comes in: enrolled by each partner that knows them, consents recorded, records sent.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::Deserialize;
use serde_json::{Value, json};

use super::borrowers::{Borrower, Borrowers};
use super::cast::{self, BANK, IDENTITY, Member};
use super::client::Call;
use super::hall::Hall;
use super::parallel::{self, IN_FLIGHT};
use super::{DemoError, progress};
use crate::bureau::command::enrol::key_proof_text;
use crate::collect::observation::{Basis, BasisKind, Observation, Operation};
use crate::collect::{Fact, LineError};
use crate::consent::Fetch;
use crate::kernel::bytes::base64;
use crate::model::population::Sector;
use crate::partner::signature::SigningKey;

/// How many of the first persons get a key of their own: those who act in the story.
const KEYED: usize = 3;
/// Persons whose records are held in memory at a time.
const BLOCK: usize = 500;
/// Lines of one upload.
const UPLOAD_LINES: usize = 2_000;
/// Hours for which the bank may review an account.
const REVIEW_HOURS: i64 = 365 * 24;

/// A person as the story knows them.
pub struct Person {
    /// The row of the data file, from 1.
    pub number: u32,
    /// The enrolment, without checks and key: what any further partner sends.
    pub enrolment: Value,
    /// The bank's own id of them.
    pub subject: String,
    /// Their consent that the bank reviews their account.
    pub consent: String,
    /// What really happened.
    pub outcome_bad: Option<bool>,
    /// Their own key, if they act in the story.
    pub key: Option<SigningKey>,
}

/// What came of it all.
#[derive(Default)]
pub struct Intake {
    /// Everybody, in order of the rows.
    pub people: Vec<Person>,
    /// Enrolments: one for each partner that knows the person.
    pub enrolments: u64,
    /// Consents recorded.
    pub consents: u64,
    /// Lines that say what the data file says.
    pub real: u64,
    /// Lines that are made up.
    pub synthetic: u64,
    /// Lines that became entries of the log.
    pub accepted: u64,
    /// Lines that were not taken, by code.
    pub rejected: BTreeMap<String, u64>,
    /// Uploads.
    pub uploads: u64,
    /// Lines by furnisher.
    pub furnishers: BTreeMap<&'static str, u64>,
}

/// A person enrolled, and what everybody will say of them.
struct Filed {
    person: Person,
    enrolments: u64,
    consents: u64,
    lines: Vec<(&'static str, bool, String)>,
}

/// Enrols everybody and sends all they are known by.
///
/// # Errors
/// A request fails, or is refused where it must not be.
pub fn everyone(
    hall: &Hall<'_>,
    file: &(dyn Borrowers + Sync),
    rows: &[usize],
    as_of: Date,
) -> Result<Intake, DemoError> {
    let bar = progress(rows.len(), "people");
    let mut intake = Intake::default();
    let places: Vec<(usize, usize)> = rows.iter().copied().enumerate().collect();
    for block in places.chunks(BLOCK) {
        bar.set_message("enrolling, consents");
        let filed = parallel::each(block, IN_FLIGHT, |&(place, row)| {
            let borrower = file.borrower(row, as_of).ok_or_else(|| DemoError::Answer {
                act: "data file".to_string(),
                what: format!("row {}", row + 1),
            })?;
            let filed = file_one(hall, &borrower, place < KEYED);
            bar.inc(1);
            filed
        })?;
        bar.set_message("sending records");
        let mut stacks: BTreeMap<&'static str, Vec<String>> = BTreeMap::new();
        for one in filed {
            intake.enrolments += one.enrolments;
            intake.consents += one.consents;
            intake.people.push(one.person);
            for (furnisher, synthetic, line) in one.lines {
                *(if synthetic { &mut intake.synthetic } else { &mut intake.real }) += 1;
                *intake.furnishers.entry(furnisher).or_default() += 1;
                stacks.entry(furnisher).or_default().push(line);
            }
        }
        send(hall, &stacks, &mut intake)?;
    }
    bar.finish_and_clear();
    Ok(intake)
}

/// What any partner sends to enrol this person.
fn enrolment(borrower: &Borrower) -> Value {
    json!({
        "name": borrower.name,
        "residence": borrower.residence,
        "documents": [borrower.document],
        "birth_date": borrower.birth_date,
        "phone": borrower.phone,
        "synthetic": true,
    })
}

/// The identity verifier's enrolment: it says what was checked, and may bind the person's key.
fn verified(hall: &Hall<'_>, borrower: &Borrower, keyed: bool) -> Result<Known, DemoError> {
    let verifier = hall.cast.member(IDENTITY)?;
    let mut enrolment = enrolment(borrower);
    let checks = borrower.verifications.iter().map(|check| {
        json!({
            "channel": check.channel.name(), "source": check.source, "verified": check.verified,
        })
    });
    enrolment["verifications"] = checks.collect();
    if !keyed {
        hall.enrol(verifier, &enrolment)?;
        return Ok(None);
    }
    let name = format!("person-{}", borrower.number);
    let key = cast::new_key(hall.env, &hall.stage.dir.join("persons"), &name)?;
    let proof = key.sign(key_proof_text(&verifier.id, key.keyid()).as_bytes());
    enrolment["person_key"] = json!({ "jwk": key.public().to_jwk(), "proof": base64(&proof) });
    hall.enrol(verifier, &enrolment)?;
    Ok(Some(key))
}

/// The person's key, where one was bound.
type Known = Option<SigningKey>;

fn file_one(hall: &Hall<'_>, borrower: &Borrower, keyed: bool) -> Result<Filed, DemoError> {
    let key = verified(hall, borrower, keyed)?;
    let enrolment = enrolment(borrower);
    let (mut enrolments, mut consents, mut lines) = (1, 0, Vec::new());
    let mut bank_subject = String::new();
    for sector in Sector::ALL {
        let records = borrower.records.iter().filter(|record| record.sector == sector);
        let name = cast::furnisher(sector);
        if records.clone().next().is_none() && name != BANK {
            continue;
        }
        let member = hall.cast.member(name)?;
        let subject = hall.enrol(member, &enrolment)?;
        let ordinary = hall.consent(member, &hall.paper(member, &subject).furnish())?;
        enrolments += 1;
        consents += 1;
        let mut restricted = None;
        for record in records {
            let basis = match record.fact {
                Fact::Capacity(_) => income_consent(hall, member, &subject, &mut restricted)?,
                _ => ordinary.clone(),
            };
            let line = line(&subject, basis, record.synthetic, &record.fact)?;
            lines.push((name, record.synthetic, line));
        }
        consents += u64::from(restricted.is_some());
        if name == BANK {
            bank_subject = subject;
        }
    }
    let bank = hall.cast.member(BANK)?;
    let review = hall.paper(bank, &bank_subject);
    let consent =
        hall.consent(bank, &review.ask("account_review", Fetch::Periodic, REVIEW_HOURS))?;
    consents += 1;
    let person = Person {
        number: borrower.number,
        enrolment,
        subject: bank_subject,
        consent,
        outcome_bad: borrower.outcome_bad,
        key,
    };
    Ok(Filed { person, enrolments, consents, lines })
}

/// The restricted consent of this furnisher, recorded when first needed.
fn income_consent(
    hall: &Hall<'_>,
    member: &Member,
    subject: &str,
    restricted: &mut Option<String>,
) -> Result<String, DemoError> {
    match restricted {
        Some(consent) => Ok(consent.clone()),
        None => {
            let consent = hall.consent(member, &hall.paper(member, subject).income())?;
            Ok(restricted.insert(consent).clone())
        }
    }
}

fn line(subject: &str, consent: String, synthetic: bool, fact: &Fact) -> Result<String, DemoError> {
    let observation = Observation {
        op: Operation::Report,
        subject: subject.to_string(),
        basis: Basis { kind: BasisKind::Consent, reference: consent },
        synthetic,
        fact: fact.clone(),
    };
    serde_json::to_string(&observation).map_err(|e| DemoError::Answer {
        act: "writing an observation".to_string(),
        what: e.to_string(),
    })
}

/// What is counted of a receipt: it says more, and may say more yet.
#[derive(Deserialize)]
struct Counted {
    accepted: u64,
    rejected: u64,
    errors: Vec<LineError>,
}

/// Sends what has piled up, several uploads at once, and counts the receipts.
fn send(
    hall: &Hall<'_>,
    stacks: &BTreeMap<&'static str, Vec<String>>,
    intake: &mut Intake,
) -> Result<(), DemoError> {
    let uploads: Vec<(&'static str, &[String])> = stacks
        .iter()
        .flat_map(|(name, lines)| lines.chunks(UPLOAD_LINES).map(|part| (*name, part)))
        .collect();
    let receipts = parallel::each(&uploads, IN_FLIGHT, |(name, lines)| {
        let call = Call::lines("/v1/observations", lines);
        let call = Call { idempotency: hall.fresh(), ..call };
        let answer = hall.client.must(&hall.cast.member(name)?.key, call)?;
        serde_json::from_value::<Counted>(answer.json()?).map_err(|_| answer.lacks("receipt"))
    })?;
    for receipt in receipts {
        intake.uploads += 1;
        intake.accepted += receipt.accepted;
        let listed = receipt.errors.len() as u64;
        for error in receipt.errors {
            *intake.rejected.entry(error.code).or_default() += 1;
        }
        if receipt.rejected > listed {
            *intake.rejected.entry("not_listed".to_string()).or_default() +=
                receipt.rejected - listed;
        }
    }
    Ok(())
}
