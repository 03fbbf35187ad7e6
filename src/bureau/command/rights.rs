//! What a person can do beside seeing: freeze and unfreeze the file, and warn of fraud.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Answer, Command, Fault, needs_of_admission};
use crate::bureau::admission::Admission;
use crate::bureau::needs::Needs;
use crate::bureau::work::Work;
use crate::bureau::{authority, matter};
use crate::error::Problem;
use crate::kernel::{Time, id};
use crate::ledger::body::Draft;
use crate::ledger::leaf::PublicKind;
use crate::policy::{Action, Deadlined};
use crate::subject::rows::{FRAUD_ALERT, FREEZE, FreezeRow};

/// `POST /v1/freezes`.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FreezeSent {
    /// `me`, or an agent's own id of the person.
    pub subject: String,
    /// `freeze`, or `fraud_alert`: new credit is not barred, but whoever asks in order to open it
    /// is told to make sure who applies.
    #[serde(default)]
    pub kind: FreezeKind,
}

/// What stands on a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FreezeKind {
    /// A lock against new credit, until it is lifted.
    #[default]
    Freeze,
    /// A warning, for as long as the person's law says (FCRA 605A(a): a year).
    FraudAlert,
}

impl FreezeKind {
    fn name(self) -> &'static str {
        match self {
            FreezeKind::Freeze => FREEZE,
            FreezeKind::FraudAlert => FRAUD_ALERT,
        }
    }
}

/// Places a freeze.
pub struct Freeze {
    /// Who asks.
    pub admission: Admission,
    /// For whom.
    pub sent: FreezeSent,
}

/// Lifts one.
pub struct Unfreeze {
    /// Who asks.
    pub admission: Admission,
    /// Which.
    pub freeze: String,
    /// For whom: `me`, or an agent's own id of the person.
    pub subject: String,
}

impl Command for Freeze {
    fn admission(&self) -> &Admission {
        &self.admission
    }

    fn needs(&self, needs: &mut Needs) {
        needs_of_admission(&self.admission, needs);
        needs.subjects.insert(self.sent.subject.clone());
        needs.scored = true;
        needs.whole_persons = true;
    }

    fn execute(&self, work: &mut Work<'_>) -> Result<Answer, Fault> {
        let (subject, action) = (&self.sent.subject, Action::Freeze);
        let person = authority::for_person(work, &self.admission, subject, action)?;
        let kind = self.sent.kind;
        let stands = |f: &&FreezeRow| {
            work.loaded.canonical(&f.person) == person && f.stands(kind.name(), work.now)
        };
        if let Some(row) = work.loaded.freezes.values().find(stands) {
            return Ok(Answer::ok(&shown(row, None), Some(&person)));
        }
        let residence = super::consent::residence(work, &person);
        let until = match kind {
            FreezeKind::Freeze => None,
            FreezeKind::FraudAlert => {
                matter::due(work.engine, &residence, Deadlined::FraudAlert, work.now)
            }
        };
        let freeze = id::mint(&work.engine.env, "frz");
        let (actor, _) = authority::actor(work, &self.admission);
        let told = matter::acted_for(&self.admission, &person, action, &freeze);
        let draft = Draft::new("freeze_placed", PublicKind::Right)
            .about(&person)
            .says("by", actor)
            .says("what", kind.name())
            .says("until", json!(until))
            .says("tells", told.len())
            .holds(json!({ "person": person, "freeze": freeze }));
        let recorded = work.append(draft)?;
        work.tell(told, Some(&person), recorded.index)?;
        let row = FreezeRow {
            id: freeze.clone(),
            person: person.clone(),
            placed_us: work.now.micros(),
            lifted_us: None,
            kind: kind.name().to_string(),
            until_us: until.map(Time::micros),
        };
        let body = shown(&row, Some(recorded.receipt()));
        work.loaded.freezes.insert(freeze, row.clone());
        work.subjects().freezes.push(row);
        Ok(Answer::created(&body, Some(&person)))
    }
}

/// A freeze or warning that stands, as its holder sees it.
fn shown(row: &FreezeRow, log: Option<Value>) -> Value {
    let mut body = json!({ "freeze": row.id, "kind": row.kind, "state": "placed" });
    if let Some(until) = row.until_us {
        body["until"] = json!(Time::from_micros(until));
    }
    if let Some(log) = log {
        body["log"] = log;
    }
    body
}

impl Command for Unfreeze {
    fn admission(&self) -> &Admission {
        &self.admission
    }

    fn needs(&self, needs: &mut Needs) {
        needs_of_admission(&self.admission, needs);
        needs.subjects.insert(self.subject.clone());
        needs.scored = true;
        needs.whole_persons = true;
    }

    fn execute(&self, work: &mut Work<'_>) -> Result<Answer, Fault> {
        let (whom, _) = authority::whom(work, &self.admission, &self.subject)?;
        let row = work.loaded.freezes.get(&self.freeze);
        let row = row.filter(|f| work.loaded.canonical(&f.person) == whom).cloned();
        let found = row.is_some();
        let (subject, action) = (&self.subject, Action::Unfreeze);
        let person = authority::for_item(work, &self.admission, subject, action, found)?;
        let Some(mut row) = row else {
            let text = "There is no such freeze of yours. Check its id.";
            return Err(Problem::new("freeze_not_found", text).into());
        };
        if row.lifted_us.is_some() {
            let body = json!({ "freeze": row.id, "state": "lifted" });
            return Ok(Answer::ok(&body, Some(&person)));
        }
        let (actor, _) = authority::actor(work, &self.admission);
        let told = matter::acted_for(&self.admission, &person, action, &row.id);
        let draft = Draft::new("freeze_lifted", PublicKind::Right)
            .about(&person)
            .says("by", actor)
            .says("what", row.kind.clone())
            .says("tells", told.len())
            .holds(json!({ "person": person, "freeze": row.id }));
        let recorded = work.append(draft)?;
        work.tell(told, Some(&person), recorded.index)?;
        row.lifted_us = Some(work.now.micros());
        work.loaded.freezes.insert(row.id.clone(), row.clone());
        work.subjects().freezes.push(row.clone());
        let body = json!({ "freeze": row.id, "state": "lifted", "log": recorded.receipt() });
        Ok(Answer::ok(&body, Some(&person)))
    }
}
