//! After a restore: what a backup holds of persons that were forgotten or purged since it was made
//! opens with no key any more. It goes from everywhere, as if they had been forgotten with this
//! entry, and a signed certificate names each entry whose content is gone (decisions.md 6).

use serde_json::json;

use super::erase::{circle_of, forget, ranges, record};
use super::{Answer, Command, Fault, needs_of_admission};
use crate::bureau::admission::Admission;
use crate::bureau::authority;
use crate::bureau::needs::Needs;
use crate::bureau::work::Work;
use crate::ledger::rows as ledger_rows;

/// A person of a backup whose key is destroyed, or another since.
pub struct Lapse {
    /// The bureau itself.
    pub admission: Admission,
    /// Whom.
    pub person: String,
}

impl Command for Lapse {
    fn admission(&self) -> &Admission {
        &self.admission
    }

    fn needs(&self, needs: &mut Needs) {
        needs_of_admission(&self.admission, needs);
        needs.persons.insert(self.person.clone());
        needs.whole_persons = true;
    }

    fn execute(&self, work: &mut Work<'_>) -> Result<Answer, Fault> {
        let person = work.loaded.canonical(&self.person).to_string();
        let ids = circle_of(work, &person);
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        let rows = ledger_rows::all_about(work.conn, &ids)?;
        let rows = rows.into_iter().filter(|row| !row.personal.is_empty());
        let gone: Vec<i64> = rows.map(|row| row.idx).collect();
        let certificate = json!({
            "certificate": "fivefold-lapse/v1", "at": work.now, "gone": ranges(gone.clone()),
            "because": "The key was destroyed after the backup was made from which the bureau was \
                        restored: an erasure or a purge stays done.",
        });
        let (actor, _) = authority::actor(work, &self.admission);
        let body = record(work, &actor, &person, &certificate, 0)?;
        let index = body["log"]["index"].as_u64().unwrap_or_default();
        forget(work, &ids, index, gone, Vec::new(), Vec::new(), true);
        Ok(Answer::ok(&body, None))
    }
}
