//! What is done to keep the bureau itself safe: backups, a log that goes on under a new name, keys
//! that take each other's place. Each is an entry.

use serde_json::{Value, json};

use super::{Answer, Command, Fault, needs_of_admission};
use crate::bureau::admission::Admission;
use crate::bureau::authority;
use crate::bureau::needs::Needs;
use crate::bureau::work::Work;
use crate::ledger::body::Draft;
use crate::ledger::leaf::PublicKind;
use crate::policy::Action;

/// An act of an administrator on the bureau as a whole.
pub struct Keeping {
    /// Which member of staff, and why.
    pub admission: Admission,
    /// The kind of the entry.
    pub kind: &'static str,
    /// What the public sees of it.
    pub public: PublicKind,
    /// What it says besides who did it and why.
    pub says: Vec<(&'static str, Value)>,
}

impl Command for Keeping {
    fn admission(&self) -> &Admission {
        &self.admission
    }

    fn needs(&self, needs: &mut Needs) {
        needs_of_admission(&self.admission, needs);
    }

    fn execute(&self, work: &mut Work<'_>) -> Result<Answer, Fault> {
        authority::permit_staff(work, &self.admission, Action::Administer)?;
        let (actor, _) = authority::actor(work, &self.admission);
        let mut draft = Draft::new(self.kind, self.public)
            .says("by", actor)
            .says("reason", self.admission.reason());
        for (name, value) in &self.says {
            draft = draft.says(name, value.clone());
        }
        let recorded = work.append(draft)?;
        let index = recorded.index;
        Ok(Answer::created(&json!({ "index": index, "log": recorded.receipt() }), None))
    }
}
