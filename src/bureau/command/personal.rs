//! The two entries about an export of personal parts: that it is to be made, before a file is
//! written, and what was made.

use serde_json::json;

use super::{Answer, Command, Fault, needs_of_admission};
use crate::bureau::admission::Admission;
use crate::bureau::approval::{self, Approval};
use crate::bureau::authority;
use crate::bureau::needs::Needs;
use crate::bureau::work::Work;
use crate::ledger::body::Draft;
use crate::ledger::leaf::PublicKind;
use crate::policy::Action;

/// Says what leaves.
const WHAT: &str = "personal parts";

/// An export of personal parts is about to be made.
pub struct IntendPersonal {
    /// Which member of staff, and why.
    pub admission: Admission,
    /// The period's name.
    pub period: String,
    /// First entry.
    pub from: u64,
    /// One past the last entry.
    pub until: u64,
    /// Digest of the examiner's key, hexadecimal.
    pub recipient: String,
    /// That another member of staff agrees.
    pub approval: Approval,
}

impl Command for IntendPersonal {
    fn admission(&self) -> &Admission {
        &self.admission
    }

    fn needs(&self, needs: &mut Needs) {
        needs_of_admission(&self.admission, needs);
    }

    fn execute(&self, work: &mut Work<'_>) -> Result<Answer, Fault> {
        let home = work.engine.home.clone();
        let mut facts = authority::facts(work, &self.admission, Action::Export, &home);
        facts.export.personal = true;
        facts.export.bulk = true;
        facts.export.examiner_key = !self.recipient.is_empty();
        let (actor, _) = authority::actor(work, &self.admission);
        let act = format!("take {WHAT} of {} for {}", self.period, self.recipient);
        facts.actor.second_approval =
            approval::agreed(work, &self.admission, &act, Some(&self.approval))?;
        authority::permit(work, &self.admission, &facts, PublicKind::Export, None)?.spend();
        let draft = Draft::new("export_intended", PublicKind::Export)
            .says("by", actor)
            .says("what", WHAT)
            .says("period", self.period.clone())
            .says("from", self.from)
            .says("until", self.until)
            .says("recipient", self.recipient.clone())
            .says("approved_by", self.approval.actor())
            .says("approval", json!(self.approval.shown()))
            .says("reason", self.admission.reason());
        let recorded = work.append(draft)?;
        Ok(Answer::created(&json!({ "log": recorded.receipt() }), None))
    }
}

/// An export of personal parts was made.
pub struct PersonalMade {
    /// Which member of staff, and why.
    pub admission: Admission,
    /// Index of the entry that announced it.
    pub intent: u64,
    /// The period's name.
    pub period: String,
    /// Digest of the examiner's key, hexadecimal.
    pub recipient: String,
    /// SHA-256 of the manifest, hexadecimal.
    pub manifest: String,
    /// How many personal parts left.
    pub rows: u64,
}

impl Command for PersonalMade {
    fn admission(&self) -> &Admission {
        &self.admission
    }

    fn needs(&self, needs: &mut Needs) {
        needs_of_admission(&self.admission, needs);
    }

    fn execute(&self, work: &mut Work<'_>) -> Result<Answer, Fault> {
        let (actor, _) = authority::actor(work, &self.admission);
        let draft = Draft::new("exported", PublicKind::Export)
            .says("by", actor)
            .says("what", WHAT)
            .says("intent", self.intent)
            .says("period", self.period.clone())
            .says("recipient", self.recipient.clone())
            .says("manifest", self.manifest.clone())
            .says("rows", self.rows)
            .says("reason", self.admission.reason());
        let recorded = work.append(draft)?;
        Ok(Answer::created(&json!({ "log": recorded.receipt() }), None))
    }
}
