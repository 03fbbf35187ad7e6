//! What the asker decided and how it went, reported back.

use serde::Deserialize;
use serde_json::json;

use super::read::mine;
use super::{Answer, Command, Fault, needs_of_admission};
use crate::bureau::admission::Admission;
use crate::bureau::authority;
use crate::bureau::needs::Needs;
use crate::bureau::work::Work;
use crate::error::{Problem, Reason};
use crate::inquiry::rows::OutcomeRow;
use crate::kernel::Time;
use crate::ledger::body::Draft;
use crate::ledger::leaf::PublicKind;
use crate::policy::Action;

/// The decisions that can be reported.
const DECISIONS: [&str; 4] = ["accepted", "declined", "withdrawn", "conditional"];
/// How it can have gone, once that is known.
const RESULTS: [&str; 5] = ["fulfilled", "late", "no_show", "damage", "default"];

/// `POST /v1/inquiries/{id}/outcome`.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OutcomeSent {
    /// What was decided.
    pub decision: String,
    /// How much the answer weighed: none, some, decisive.
    pub weight_of_score: String,
    /// How it went.
    #[serde(default)]
    pub result: Option<String>,
    /// When it was decided.
    pub at: Time,
}

/// An outcome on its way.
pub struct ReportOutcome {
    /// Who reports.
    pub admission: Admission,
    /// Of which inquiry.
    pub inquiry: String,
    /// What.
    pub sent: OutcomeSent,
}

impl Command for ReportOutcome {
    fn admission(&self) -> &Admission {
        &self.admission
    }

    fn needs(&self, needs: &mut Needs) {
        needs_of_admission(&self.admission, needs);
        needs.inquiries.insert(self.inquiry.clone());
    }

    fn execute(&self, work: &mut Work<'_>) -> Result<Answer, Fault> {
        let row = mine(work, &self.admission, &self.inquiry)?;
        let mut errors = Vec::new();
        let mut check = |pointer: &str, value: &str, allowed: &[&str]| {
            if !allowed.contains(&value) {
                let text = format!("one of {}", allowed.join(", "));
                errors.push(Reason::new(pointer, "unknown_value", text));
            }
        };
        check("/decision", &self.sent.decision, &DECISIONS);
        check("/weight_of_score", &self.sent.weight_of_score, &["none", "some", "decisive"]);
        if let Some(result) = &self.sent.result {
            check("/result", result, &RESULTS);
        }
        if self.sent.at.micros() < row.at_us || self.sent.at > work.now.plus_seconds(300) {
            let text = "a decision lies between its inquiry and now";
            errors.push(Reason::new("/at", "dates_out_of_order", text));
        }
        if !errors.is_empty() {
            return Err(Problem::invalid(errors).into());
        }
        if work.loaded.outcomes.contains_key(&self.inquiry) {
            let text = "The outcome of this inquiry was reported before.";
            return Err(Problem::new("outcome_exists", text).into());
        }
        let person = row.person.as_deref().map(|p| work.loaded.canonical(p).to_string());
        let person = person.filter(|p| !super::consent::is_forgotten(work, p));
        let residence = person
            .as_deref()
            .map_or_else(|| work.engine.home.clone(), |p| super::consent::residence(work, p));
        let mut facts = authority::facts(work, &self.admission, Action::ReportOutcome, &residence);
        facts.item.found = true;
        facts.item.own = true;
        facts.scenario = Some(row.scenario.clone());
        facts.person.known = person.is_some();
        let about = person.as_deref();
        let permit = authority::permit(work, &self.admission, &facts, PublicKind::Inquiry, about)?;
        permit.spend();
        let (asker, sector) = authority::actor(work, &self.admission);
        let mut draft = Draft::new("inquiry_outcome", PublicKind::Inquiry)
            .says("inquiry", self.inquiry.clone())
            .says("asker", asker)
            .says("sector", sector)
            .says("scenario", row.scenario.clone())
            .says("decision", self.sent.decision.clone())
            .says("weight_of_score", self.sent.weight_of_score.clone())
            .says("result", json!(self.sent.result))
            .says("at", self.sent.at.to_string());
        if let Some(person) = about {
            draft = draft.about(person).holds(json!({ "person": person }));
        }
        let recorded = work.append(draft)?;
        work.put_outcome(OutcomeRow {
            inquiry: self.inquiry.clone(),
            idx: recorded.index as i64,
            decision: self.sent.decision.clone(),
            at_us: self.sent.at.micros(),
        });
        let decision = self.sent.decision.as_str();
        let notice = match about {
            Some(person) => super::notice::make(work, &row, person, decision, self.sent.at)?,
            None => None,
        };
        let mut body = json!({ "inquiry": self.inquiry, "log": recorded.receipt() });
        if let Some(notice) = notice {
            body["notice"] = json!(notice);
        }
        Ok(Answer::created(&body, about))
    }
}
