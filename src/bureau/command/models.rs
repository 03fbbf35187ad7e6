//! The steps of a scorecard's life: registered, validated, approved, filed, promoted, retired.

use std::collections::BTreeMap;

use serde_json::json;

use super::{Answer, Command, Fault, needs_of_admission};
use crate::bureau::admission::Admission;
use crate::bureau::approval::{self, Approval};
use crate::bureau::authority;
use crate::bureau::needs::Needs;
use crate::bureau::work::Work;
use crate::error::Problem;
use crate::kernel::bytes::{hex, sha256};
use crate::ledger::body::Draft;
use crate::ledger::leaf::PublicKind;
use crate::ledger::rows::ArtefactRow;
use crate::model::governance::{Setting, Standing, Step, fold, refuse};
use crate::model::rows::ModelRow;
use crate::policy::{Action, Environment};
use crate::store::StoreError;

/// A step on its way.
pub struct TakeStep {
    /// Which member of staff, and why.
    pub admission: Admission,
    /// The scorecard's digest, hexadecimal.
    pub digest: String,
    /// What is done.
    pub step: Step,
    /// The scorecard itself, where it is registered.
    pub content: Option<String>,
    /// Where it takes two: that the second person agrees.
    pub approval: Option<Approval>,
}

/// How every scorecard stands.
///
/// # Errors
/// The database's, or a row that does not read.
pub fn standings(rows: &[ModelRow]) -> Result<BTreeMap<String, Standing>, StoreError> {
    let read = |row: &ModelRow| {
        let standing = serde_json::from_str(&row.standing)
            .map_err(|e| StoreError::inconsistent(format!("scorecard {}: {e}", row.digest)))?;
        Ok((row.digest.clone(), standing))
    };
    rows.iter().map(read).collect()
}

impl TakeStep {
    /// In a live bureau the second name of an approval is one that signed.
    fn agreed(&self, work: &mut Work<'_>, digest: &str) -> Result<(), Fault> {
        let Step::Approved { second, .. } = &self.step else { return Ok(()) };
        let act = format!("approve scorecard {digest}");
        let own = self.approval.as_ref().filter(|a| format!("staff:{}", a.by.trim()) == *second);
        let agreed = approval::agreed(work, &self.admission, &act, own)?;
        if work.engine.environment == Environment::Live && !agreed {
            let text = format!("A second person signs: `fivefold staff approve --act '{act}'`.");
            return Err(Problem::new("second_approval_missing", text).into());
        }
        Ok(())
    }

    /// The digest, given whole or by its first digits.
    fn whole(&self, all: &BTreeMap<String, Standing>) -> Result<String, Fault> {
        if self.content.is_some() {
            return Ok(self.digest.clone());
        }
        let mut found = all.keys().filter(|digest| digest.starts_with(&self.digest));
        match (found.next(), found.next()) {
            (Some(digest), None) => Ok(digest.clone()),
            (Some(_), Some(_)) => {
                let text = "Several scorecards begin so: give more of the digest.";
                Err(Problem::new("model_ambiguous", text).into())
            }
            (None, _) => {
                let text =
                    "No scorecard of this digest is registered: `fivefold model draft FILE`.";
                Err(Problem::new("model_unknown", text).into())
            }
        }
    }
}

impl Command for TakeStep {
    fn admission(&self) -> &Admission {
        &self.admission
    }

    fn needs(&self, needs: &mut Needs) {
        needs_of_admission(&self.admission, needs);
    }

    fn execute(&self, work: &mut Work<'_>) -> Result<Answer, Fault> {
        let rows = work.models()?;
        let mut all = standings(&rows)?;
        let digest = self.whole(&all)?;
        let home = work.engine.home.clone();
        let facts = authority::facts(work, &self.admission, Action::Administer, &home);
        authority::permit(work, &self.admission, &facts, PublicKind::Governance, None)?.spend();
        let (by, _) = authority::actor(work, &self.admission);
        let known: Vec<Standing> = all.values().cloned().collect();
        let setting =
            Setting { live: work.engine.environment == Environment::Live, by: &by, all: &known };
        let standing = all.get(&digest).cloned().unwrap_or_else(|| Standing::unknown(&digest));
        refuse(&standing, &self.step, &setting).map_err(|(code, text)| Problem::new(code, text))?;
        self.agreed(work, &digest)?;
        let draft = Draft::new(self.step.kind(), PublicKind::Governance)
            .says("by", by.clone())
            .says("digest", digest.clone())
            .says("step", json!(self.step))
            .says("reason", self.admission.reason());
        let recorded = work.append(draft)?;
        let index = recorded.index as i64;
        if let Some(content) = &self.content {
            self.keep(work, content, index)?;
        }
        let before = all.clone();
        fold(&mut all, &digest, &self.step, &by, work.now.micros());
        for (digest, standing) in all.iter().filter(|(d, s)| before.get(*d) != Some(s)) {
            work.put_model(ModelRow {
                digest: digest.clone(),
                role: standing.role.name().to_string(),
                standing: json!(standing).to_string(),
                idx: index,
            });
        }
        let body = json!({
            "digest": digest, "standing": all.get(&digest), "index": recorded.index,
            "log": recorded.receipt(),
        });
        Ok(Answer::created(&body, None))
    }
}

impl TakeStep {
    /// Keeps the text for ever, unless it is kept already.
    fn keep(&self, work: &mut Work<'_>, content: &str, index: i64) -> Result<(), Fault> {
        if hex(&sha256(content.as_bytes())) != self.digest {
            let text = "The text has another digest.";
            return Err(Problem::new("digest_mismatch", text).into());
        }
        let Step::Drafted { name, .. } = &self.step else { return Ok(()) };
        let kept = crate::ledger::rows::artefacts(work.conn)?;
        if kept.iter().any(|row| row.digest == self.digest) {
            return Ok(());
        }
        let row = ArtefactRow {
            digest: self.digest.clone(),
            kind: "scorecard".to_string(),
            name: name.clone(),
            content: content.to_string(),
            since_us: work.now.micros(),
            idx: index,
        };
        work.put_artefact(row);
        Ok(())
    }
}
