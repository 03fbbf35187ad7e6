//! The entry about a furnisher's book: who took it, why, and who agreed.

use serde_json::json;

use super::{Answer, Command, Fault, needs_of_admission};
use crate::bureau::admission::Admission;
use crate::bureau::approval::{self, Approval};
use crate::bureau::authority;
use crate::bureau::needs::Needs;
use crate::bureau::work::Work;
use crate::kernel::Month;
use crate::ledger::body::Draft;
use crate::ledger::leaf::PublicKind;
use crate::policy::Action;

/// A furnisher's accounts, with the names of whom they are about, are about to leave.
pub struct TakeBook {
    /// Which member of staff, and why.
    pub admission: Admission,
    /// That another member of staff agrees.
    pub approval: Option<Approval>,
    /// Whose accounts, by id.
    pub furnisher: String,
    /// Of which month.
    pub month: Month,
    /// SHA-256 of the file, hexadecimal.
    pub file: String,
    /// How many accounts are in it.
    pub accounts: u64,
}

impl Command for TakeBook {
    fn admission(&self) -> &Admission {
        &self.admission
    }

    fn needs(&self, needs: &mut Needs) {
        needs_of_admission(&self.admission, needs);
    }

    fn execute(&self, work: &mut Work<'_>) -> Result<Answer, Fault> {
        let home = work.engine.home.clone();
        let mut facts = authority::facts(work, &self.admission, Action::Export, &home);
        facts.export.bulk = true;
        let act = format!("take the book of {} for {}", self.furnisher, self.month);
        let approval = self.approval.as_ref();
        facts.actor.second_approval = approval::agreed(work, &self.admission, &act, approval)?;
        authority::permit(work, &self.admission, &facts, PublicKind::Export, None)?.spend();
        let (actor, _) = authority::actor(work, &self.admission);
        let draft = Draft::new("exported", PublicKind::Export)
            .says("by", actor)
            .says("what", "book of a furnisher")
            .says("period", self.month.to_string())
            .says("recipient", self.furnisher.clone())
            .says("manifest", self.file.clone())
            .says("rows", self.accounts)
            .says("approved_by", json!(approval.map(Approval::actor)))
            .says("approval", json!(approval.and_then(Approval::shown)))
            .says("reason", self.admission.reason());
        let recorded = work.append(draft)?;
        Ok(Answer::created(&json!({ "log": recorded.receipt() }), None))
    }
}
