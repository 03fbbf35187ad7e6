//! Commands: everything that changes or reveals anything (design.md).
//!
//! A command says what it needs to have read, then executes in memory. All its refusals come
//! before its first change, so that nothing refused is half done.

pub mod answering;
pub mod application;
pub mod book;
pub mod conformance;
pub mod consent;
pub mod correct;
pub mod data_request;
pub mod dispute;
pub mod enrol;
pub mod erase;
pub mod events;
pub mod file;
pub mod governance;
pub mod inquire;
pub mod keeping;
pub mod lapse;
pub mod load;
pub mod look;
pub mod matters;
pub mod models;
pub mod naming;
pub mod notice;
pub mod observe;
pub mod outcome;
pub mod peek;
pub mod personal;
pub mod purge;
pub mod read;
pub mod reconsider;
pub mod record;
pub mod refold;
pub mod rekey;
pub mod remind;
pub mod reporting;
pub mod resolve;
pub mod rights;
pub mod staff;
pub mod upload;
pub mod watch;
pub mod webhook;

use serde_json::Value;

use super::Engine;
use super::admission::{Admission, Principal};
use super::needs::{Loaded, Needs};
use super::rows::{IdempotencyRow, body_place};
use super::work::{Work, answer_place};
use crate::error::Problem;
use crate::inquiry::rows::InquiryRow;
use crate::policy::Environment;
use crate::store::StoreError;

/// Something to be done, in one batch with others.
pub trait Command: Send {
    /// Who asks for it.
    fn admission(&self) -> &Admission;

    /// What must be read, as far as the request itself says.
    fn needs(&self, needs: &mut Needs);

    /// What must be read, now that the persons are known.
    fn needs_of_persons(&self, _engine: &Engine, _loaded: &Loaded, _needs: &mut Needs) {}

    /// Waits behind the interactive ones.
    fn is_bulk(&self) -> bool {
        false
    }

    /// Whether it puts this process's rule packs in force: the one thing that a process may write
    /// while others are.
    fn puts_packs_in_force(&self) -> bool {
        false
    }

    /// Does it.
    ///
    /// # Errors
    /// [`Fault`]: refused, or the database failed.
    fn execute(&self, work: &mut Work<'_>) -> Result<Answer, Fault>;
}

/// Why a command was not done.
#[derive(Debug)]
pub enum Fault {
    /// Refused; the reader learns why. The problem may concern a person.
    Problem(Box<Problem>, Option<String>),
    /// The stored data or the database failed; the reader learns only that.
    Store(StoreError),
}

impl From<Problem> for Fault {
    fn from(problem: Problem) -> Fault {
        Fault::Problem(Box::new(problem), None)
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Fault {
        Fault::Store(error)
    }
}

/// What a command answers: a body that is on record, or that reveals nothing that must be.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The JSON body, exactly as it leaves.
    pub body: Vec<u8>,
    /// Whether something came into being.
    pub created: bool,
    /// The person it concerns, whose key seals the kept copy.
    pub person: Option<String>,
    /// The inquiry that it answers: its body is kept with it, once.
    pub inquiry: Option<String>,
}

impl Answer {
    /// Something came into being.
    pub fn created(body: &Value, person: Option<&str>) -> Answer {
        Answer { created: true, ..Answer::ok(body, person) }
    }

    /// It is as it says.
    pub fn ok(body: &Value, person: Option<&str>) -> Answer {
        let person = person.map(str::to_string);
        Answer { body: bytes(body), created: false, person, inquiry: None }
    }
}

fn bytes(body: &Value) -> Vec<u8> {
    body.to_string().into_bytes()
}

/// What a door gets to serialise. It comes out of the sequencer only, after the commit.
#[derive(Debug, Clone)]
pub enum Reply {
    /// Done, and on record where it must be.
    Done(Answer),
    /// Not done.
    Refused(Problem),
}

impl Reply {
    /// The answer's body as JSON.
    ///
    /// # Errors
    /// The problem, when it was refused.
    pub fn value(self) -> Result<Value, Problem> {
        match self {
            Reply::Done(answer) => {
                serde_json::from_slice(&answer.body).map_err(|_| Problem::internal())
            }
            Reply::Refused(problem) => Err(problem),
        }
    }
}

/// Runs one command: nonce, standing of the signer, idempotency, then the act itself.
///
/// # Errors
/// The data or the database failed in the middle: the whole batch must be rolled back.
pub fn run(command: &dyn Command, work: &mut Work<'_>) -> Result<Reply, StoreError> {
    match admitted(command, work) {
        Ok(reply) => Ok(reply),
        Err(Fault::Problem(problem, _)) => Ok(Reply::Refused(*problem)),
        Err(Fault::Store(error)) => Err(error),
    }
}

fn admitted(command: &dyn Command, work: &mut Work<'_>) -> Result<Reply, Fault> {
    let admission = command.admission();
    if let Some((nonce, until)) = &admission.nonce {
        let pair = (admission.keyid.clone(), nonce.clone());
        if work.loaded.nonces.contains(&pair) {
            let text =
                "This signature was used before. Sign each request anew, with a fresh nonce.";
            return Ok(Reply::Refused(Problem::new("nonce_seen", text)));
        }
        work.put_nonce(&admission.keyid, nonce, *until);
    }
    standing(admission, work)?;
    let principal = admission.principal.key();
    let Some((key, digest)) = &admission.idempotency else {
        return reply(command.execute(work));
    };
    let earlier = work.loaded.idempotency.get(&(principal.clone(), key.clone())).cloned();
    if let Some(row) = earlier {
        return repeated(work, &row, digest);
    }
    let (reply, person) = match command.execute(work) {
        Ok(answer) => {
            let person = answer.person.clone();
            (Reply::Done(answer), person)
        }
        Err(Fault::Problem(problem, person)) => (Reply::Refused(*problem), person),
        Err(fault) => return Err(fault),
    };
    keep(work, &principal, key, digest, &reply, person.as_deref())?;
    Ok(reply)
}

fn reply(done: Result<Answer, Fault>) -> Result<Reply, Fault> {
    match done {
        Ok(answer) => Ok(Reply::Done(answer)),
        Err(Fault::Problem(problem, _)) => Ok(Reply::Refused(*problem)),
        Err(fault) => Err(fault),
    }
}

/// The key was good when the signature was checked; it must still be when the command runs.
fn standing(admission: &Admission, work: &Work<'_>) -> Result<(), Problem> {
    let unknown = || {
        let text = "The key is not registered or was retired. Register a key with the bureau.";
        Err(Problem::new("key_unknown", text))
    };
    let partner = match &admission.principal {
        Principal::Partner(partner) => partner,
        Principal::Person(person) => {
            let key = work.loaded.person_keys.get(&admission.keyid);
            let bound = key.is_some_and(|k| k.person == *person && k.retired_us.is_none());
            return if bound { Ok(()) } else { unknown() };
        }
        Principal::Operator { name, .. } => return staff_standing(name, &admission.keyid, work),
        // Whoever applies shows the key itself.
        Principal::Applicant(_) => return Ok(()),
    };
    let key = work.registry.keys.get(&admission.keyid);
    let held = key.is_some_and(|k| k.partner == *partner && k.retired.is_none());
    if !admission.is_console() && !held {
        return unknown();
    }
    if work.registry.partners.get(partner).is_none_or(|p| p.suspended) {
        let text = "This partner is suspended. Speak with the bureau.";
        return Err(Problem::new("key_suspended", text));
    }
    Ok(())
}

/// Whoever has a key on record shows it: a name alone is anybody's.
fn staff_standing(name: &str, keyid: &str, work: &Work<'_>) -> Result<(), Problem> {
    let Some(member) = work.registry.staff.get(name) else { return Ok(()) };
    let live = work.engine.environment == Environment::Live;
    let shown = member.key.as_ref().is_none_or(|key| key.thumbprint() == keyid);
    if !shown || (live && member.key.is_none()) {
        let text = "This member of staff has a key on record: give it with --staff-key, or in \
                    FIVEFOLD_STAFF_KEY.";
        return Err(Problem::new("staff_key_missing", text));
    }
    Ok(())
}

fn repeated(work: &Work<'_>, row: &IdempotencyRow, digest: &[u8; 32]) -> Result<Reply, Fault> {
    if row.request != digest {
        let text = "This Idempotency-Key belongs to a different request. Use a fresh key for a \
                    new request, and the same body to repeat the old one.";
        return Ok(Reply::Refused(Problem::new("idempotency_conflict", text)));
    }
    if let Some(inquiry) = row.inquiry() {
        let kept = work.loaded.inquiries.get(inquiry);
        let kept = kept.ok_or_else(|| StoreError::inconsistent("a kept answer is missing"))?;
        if !work.loaded.keys.contains_key(&inquire::answer_key(kept)) {
            return Err(read::expired().into());
        }
        let (body, person) = (kept_answer(work, kept)?, kept.person.clone());
        let inquiry = Some(inquiry.to_string());
        return Ok(Reply::Done(Answer { body, created: true, person, inquiry }));
    }
    let name = IdempotencyRow::row_name(&row.principal, &row.key);
    let body = work
        .key(&row.key_name())?
        .open(body_place(&name, row.idx as u64), &row.body)
        .map_err(|e| StoreError::inconsistent(e.to_string()))?;
    if row.verdict == "problem" {
        let problem =
            serde_json::from_slice(&body).map_err(|e| StoreError::inconsistent(e.to_string()))?;
        return Ok(Reply::Refused(problem));
    }
    let created = row.verdict == "created";
    Ok(Reply::Done(Answer { body, created, person: row.person.clone(), inquiry: None }))
}

/// The exact body that was answered to an inquiry.
///
/// # Errors
/// It does not open, or its key is gone.
pub fn kept_answer(work: &Work<'_>, row: &InquiryRow) -> Result<Vec<u8>, StoreError> {
    let place = answer_place(&row.id, row.idx as u64);
    work.key(&inquire::answer_key(row))?
        .open(place, &row.answer)
        .map_err(|e| StoreError::inconsistent(e.to_string()))
}

fn keep(
    work: &mut Work<'_>,
    principal: &str,
    key: &str,
    digest: &[u8; 32],
    reply: &Reply,
    person: Option<&str>,
) -> Result<(), StoreError> {
    let (verdict, body) = match reply {
        Reply::Done(Answer { inquiry: Some(inquiry), .. }) => {
            work.put_answered(principal, key, digest, inquiry, person);
            return Ok(());
        }
        Reply::Done(answer) if answer.created => ("created", answer.body.clone()),
        Reply::Done(answer) => ("ok", answer.body.clone()),
        // What will be different a moment later must not be remembered for a day.
        Reply::Refused(problem) if problem.retry_after_seconds.is_some() => return Ok(()),
        Reply::Refused(problem) => {
            let text =
                serde_json::to_vec(problem).map_err(|e| StoreError::inconsistent(e.to_string()))?;
            ("problem", text)
        }
    };
    work.put_answer(principal, key, digest, verdict, &body, person)
}

/// What every command with an admission needs.
pub fn needs_of_admission(admission: &Admission, needs: &mut Needs) {
    if let Some((nonce, _)) = &admission.nonce {
        needs.nonces.insert((admission.keyid.clone(), nonce.clone()));
    }
    if let Some((key, _)) = &admission.idempotency {
        needs.idempotency.insert((admission.principal.key(), key.clone()));
    }
    if let Principal::Person(person) = &admission.principal {
        needs.persons.insert(person.clone());
        needs.person_keys.insert(admission.keyid.clone());
    }
}
