//! What a person can do beside seeing: freeze and unfreeze the file.

use serde::Deserialize;
use serde_json::json;

use super::{Answer, Command, Fault, needs_of_admission};
use crate::bureau::admission::Admission;
use crate::bureau::needs::Needs;
use crate::bureau::work::Work;
use crate::bureau::{authority, matter};
use crate::error::Problem;
use crate::kernel::id;
use crate::ledger::body::Draft;
use crate::ledger::leaf::PublicKind;
use crate::policy::Action;
use crate::subject::rows::FreezeRow;

/// `POST /v1/freezes`.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FreezeSent {
    /// `me`, or an agent's own id of the person.
    pub subject: String,
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
        let standing = work
            .loaded
            .freezes
            .values()
            .find(|f| work.loaded.canonical(&f.person) == person && f.lifted_us.is_none())
            .map(|f| f.id.clone());
        if let Some(freeze) = standing {
            let body = json!({ "freeze": freeze, "state": "placed" });
            return Ok(Answer::ok(&body, Some(&person)));
        }
        let freeze = id::mint(&work.engine.env, "frz");
        let (actor, _) = authority::actor(work, &self.admission);
        let told = matter::acted_for(&self.admission, &person, action, &freeze);
        let draft = Draft::new("freeze_placed", PublicKind::Right)
            .about(&person)
            .says("by", actor)
            .says("tells", told.len())
            .holds(json!({ "person": person, "freeze": freeze }));
        let recorded = work.append(draft)?;
        work.tell(told, Some(&person), recorded.index)?;
        let row = FreezeRow {
            id: freeze.clone(),
            person: person.clone(),
            placed_us: work.now.micros(),
            lifted_us: None,
        };
        work.loaded.freezes.insert(freeze.clone(), row.clone());
        work.subjects().freezes.push(row);
        let body = json!({ "freeze": freeze, "state": "placed", "log": recorded.receipt() });
        Ok(Answer::created(&body, Some(&person)))
    }
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
