//! Staff looks: at one person's score, or at everybody's. What is revealed is on record first.

use serde_json::json;

use super::{Answer, Command, Fault, needs_of_admission};
use crate::bureau::admission::Admission;
use crate::bureau::approval::{self, Approval};
use crate::bureau::needs::Needs;
use crate::bureau::work::Work;
use crate::bureau::{authority, standing};
use crate::ledger::body::Draft;
use crate::ledger::leaf::PublicKind;
use crate::policy::{Action, Environment};

/// Staff looks at one person's score or its explanation.
pub struct LookUp {
    /// Which member of staff, and why.
    pub admission: Admission,
    /// The person, or any partner's id of them.
    pub subject: String,
    /// What is looked at: `score`, `explanation`.
    pub what: &'static str,
}

impl Command for LookUp {
    fn admission(&self) -> &Admission {
        &self.admission
    }

    fn needs(&self, needs: &mut Needs) {
        needs_of_admission(&self.admission, needs);
        needs.subjects.insert(self.subject.clone());
        if self.subject.starts_with("per_") {
            needs.persons.insert(self.subject.clone());
        }
        needs.scored = true;
    }

    fn execute(&self, work: &mut Work<'_>) -> Result<Answer, Fault> {
        let (person, _) = authority::whom(work, &self.admission, &self.subject)?;
        let residence = super::consent::residence(work, &person);
        let mut facts = authority::facts(work, &self.admission, Action::LookUp, &residence);
        authority::add_person(work, &mut facts, &person)?;
        let about = Some(person.as_str());
        authority::permit(work, &self.admission, &facts, PublicKind::Right, about)?.spend();
        standing::must_score(work)?;
        let (actor, _) = authority::actor(work, &self.admission);
        let draft = Draft::new("looked_up", PublicKind::Right)
            .about(&person)
            .says("by", actor)
            .says("what", self.what)
            .holds(json!({ "person": person, "reason": self.admission.reason() }));
        let recorded = work.append(draft)?;
        let body = json!({ "person": person, "log": recorded.receipt() });
        Ok(Answer::ok(&body, about))
    }
}

/// Staff takes a table about everybody out of the bureau.
pub struct TakeTable {
    /// Which member of staff, and why.
    pub admission: Admission,
    /// Which table.
    pub what: &'static str,
    /// That another member of staff agrees.
    pub approval: Option<Approval>,
}

impl Command for TakeTable {
    fn admission(&self) -> &Admission {
        &self.admission
    }

    fn needs(&self, needs: &mut Needs) {
        needs_of_admission(&self.admission, needs);
    }

    fn execute(&self, work: &mut Work<'_>) -> Result<Answer, Fault> {
        let home = work.engine.home.clone();
        let mut facts = authority::facts(work, &self.admission, Action::Export, &home);
        // Made-up persons need no second pair of eyes.
        facts.export.bulk = work.engine.environment == Environment::Live;
        let (actor, _) = authority::actor(work, &self.admission);
        let act = format!("take {}", self.what);
        let approval = self.approval.as_ref();
        facts.actor.second_approval = approval::agreed(work, &self.admission, &act, approval)?;
        let agreed = approval.filter(|_| facts.actor.second_approval);
        authority::permit(work, &self.admission, &facts, PublicKind::Export, None)?.spend();
        if self.what == "scores" {
            standing::must_score(work)?;
        }
        let draft = Draft::new("exported", PublicKind::Export)
            .says("by", actor)
            .says("what", self.what)
            .says("approved_by", json!(agreed.map(Approval::actor)))
            .says("approval", json!(agreed.and_then(Approval::shown)))
            .says("reason", self.admission.reason());
        let recorded = work.append(draft)?;
        Ok(Answer::ok(&json!({ "log": recorded.receipt() }), None))
    }
}
