//! A member of staff loads a file at the console: who, why, and which.

use serde_json::json;

use super::{Answer, Command, Fault, needs_of_admission};
use crate::bureau::admission::Admission;
use crate::bureau::authority;
use crate::bureau::needs::Needs;
use crate::bureau::work::Work;
use crate::ledger::body::Draft;
use crate::ledger::leaf::PublicKind;
use crate::policy::Action;

/// A furnisher's file is about to be loaded at the console: permitted, and on record, before a line
/// of it is. What became of its lines says the entry of the batch, which names the same file.
pub struct LoadFile {
    /// Which member of staff, and why.
    pub admission: Admission,
    /// Whose file, by id.
    pub furnisher: String,
    /// SHA-256 of the file, hexadecimal.
    pub file: String,
    /// Whether the furnisher signed it.
    pub signed: bool,
    /// Only whether it may be: nothing is going to be applied, and nothing is recorded.
    pub dry_run: bool,
}

impl Command for LoadFile {
    fn admission(&self) -> &Admission {
        &self.admission
    }

    fn needs(&self, needs: &mut Needs) {
        needs_of_admission(&self.admission, needs);
    }

    fn execute(&self, work: &mut Work<'_>) -> Result<Answer, Fault> {
        authority::permit_staff(work, &self.admission, Action::HandleCase)?;
        if self.dry_run {
            return Ok(Answer::ok(&json!({}), None));
        }
        let (actor, _) = authority::actor(work, &self.admission);
        let draft = Draft::new("staff_loaded", PublicKind::Governance)
            .says("by", actor)
            .says("furnisher", self.furnisher.clone())
            .says("file", self.file.clone())
            .says("signed", self.signed)
            .says("reason", self.admission.reason());
        let recorded = work.append(draft)?;
        Ok(Answer::created(&json!({ "log": recorded.receipt() }), None))
    }
}
