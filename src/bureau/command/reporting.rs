//! Entries about reports: what the bureau counted for one, and that one was made.

use serde_json::{Map, Value, json};

use super::{Answer, Command, Fault, needs_of_admission};
use crate::bureau::admission::Admission;
use crate::bureau::approval::{self, Approval};
use crate::bureau::authority;
use crate::bureau::needs::Needs;
use crate::bureau::work::Work;
use crate::ledger::body::Draft;
use crate::ledger::leaf::PublicKind;
use crate::policy::Action;

/// What the bureau counted for a report, because no record tells it.
pub struct CountForReport {
    /// Which member of staff, and why.
    pub admission: Admission,
    /// The period's name.
    pub period: String,
    /// The rule pack under which the persons stand.
    pub jurisdiction: String,
    /// How many entries the log had when it was counted.
    pub size: u64,
    /// The counts by name.
    pub measures: Map<String, Value>,
}

impl Command for CountForReport {
    fn admission(&self) -> &Admission {
        &self.admission
    }

    fn needs(&self, needs: &mut Needs) {
        needs_of_admission(&self.admission, needs);
    }

    fn execute(&self, work: &mut Work<'_>) -> Result<Answer, Fault> {
        permitted(work, &self.admission)?;
        let (actor, _) = authority::actor(work, &self.admission);
        let draft = Draft::new("report_counted", PublicKind::Export)
            .says("by", actor)
            .says("period", self.period.clone())
            .says("jurisdiction", self.jurisdiction.clone())
            .says("size", self.size)
            .says("measures", Value::Object(self.measures.clone()));
        let recorded = work.append(draft)?;
        Ok(Answer::created(&json!({ "log": recorded.receipt() }), None))
    }
}

/// A report was made: who took what, why, and who approved.
pub struct ReportMade {
    /// Which member of staff, and why.
    pub admission: Admission,
    /// What it is.
    pub what: &'static str,
    /// The period's name.
    pub period: String,
    /// The rule pack under which what is counted stands.
    pub jurisdiction: String,
    /// `supervisory`, `public`, or what else it is.
    pub edition: String,
    /// SHA-256 of its manifest, hexadecimal.
    pub manifest: String,
    /// SHA-256 of its documents by name, hexadecimal.
    pub documents: Map<String, Value>,
    /// That another member of staff agrees, where that is wanted.
    pub approval: Option<Approval>,
}

impl Command for ReportMade {
    fn admission(&self) -> &Admission {
        &self.admission
    }

    fn needs(&self, needs: &mut Needs) {
        needs_of_admission(&self.admission, needs);
    }

    fn execute(&self, work: &mut Work<'_>) -> Result<Answer, Fault> {
        permitted(work, &self.admission)?;
        let (actor, _) = authority::actor(work, &self.admission);
        let act = format!("report {} {} {}", self.what, self.period, self.jurisdiction);
        let approval = self.approval.as_ref();
        let agreed = approval::agreed(work, &self.admission, &act, approval)?;
        let approval = approval.filter(|_| agreed);
        let draft = Draft::new("report_made", PublicKind::Export)
            .says("by", actor)
            .says("what", self.what)
            .says("period", self.period.clone())
            .says("jurisdiction", self.jurisdiction.clone())
            .says("edition", self.edition.clone())
            .says("manifest", self.manifest.clone())
            .says("documents", Value::Object(self.documents.clone()))
            .says("approved_by", json!(approval.map(Approval::actor)))
            .says("approval", json!(approval.and_then(Approval::shown)))
            .says("reason", self.admission.reason());
        let recorded = work.append(draft)?;
        Ok(Answer::created(&json!({ "log": recorded.receipt() }), None))
    }
}

/// A report holds counts, and opens nobody's file: staff may make one for a stated reason.
fn permitted(work: &mut Work<'_>, admission: &Admission) -> Result<(), Fault> {
    let home = work.engine.home.clone();
    let facts = authority::facts(work, admission, Action::Export, &home);
    authority::permit(work, admission, &facts, PublicKind::Export, None)?.spend();
    Ok(())
}
