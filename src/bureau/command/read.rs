//! Reading again: an answer given earlier.

use super::inquire::answer_key;
use super::{Answer, Command, Fault, needs_of_admission};
use crate::bureau::admission::Admission;
use crate::bureau::authority;
use crate::bureau::needs::Needs;
use crate::bureau::work::Work;
use crate::error::Problem;
use crate::inquiry::rows::InquiryRow;
use crate::ledger::leaf::PublicKind;
use crate::policy::Action;

/// The inquiry, if it is this asker's.
///
/// # Errors
/// `inquiry_not_found`, in the same words whether or not it is somebody else's.
pub fn mine(work: &Work<'_>, admission: &Admission, id: &str) -> Result<InquiryRow, Problem> {
    let asker = admission.principal.key();
    let row = work.loaded.inquiries.get(id).filter(|row| row.asker == asker).cloned();
    row.ok_or_else(|| {
        Problem::new("inquiry_not_found", "There is no such inquiry of yours. Check its id.")
    })
}

/// An answer that may not be used any more, or is gone.
pub fn expired() -> Problem {
    let text = "The use of this answer has ended. Ask again on a fresh basis.";
    Problem::new("answer_expired", text)
}

/// `GET /v1/inquiries/{id}`: the same signed answer again.
pub struct ReadAnswer {
    /// Who reads.
    pub admission: Admission,
    /// Which.
    pub inquiry: String,
}

impl Command for ReadAnswer {
    fn admission(&self) -> &Admission {
        &self.admission
    }

    fn needs(&self, needs: &mut Needs) {
        needs_of_admission(&self.admission, needs);
        needs.inquiries.insert(self.inquiry.clone());
    }

    fn execute(&self, work: &mut Work<'_>) -> Result<Answer, Fault> {
        let row = mine(work, &self.admission, &self.inquiry)?;
        let key = answer_key(&row);
        let over = work.now.micros() >= row.expires_us || !work.loaded.keys.contains_key(&key);
        if over {
            return Err(expired().into());
        }
        let person = row.person.as_deref().map(|p| work.loaded.canonical(p).to_string());
        let residence = person
            .as_deref()
            .map_or_else(|| work.engine.home.clone(), |p| super::consent::residence(work, p));
        let mut facts = authority::facts(work, &self.admission, Action::ReadAnswer, &residence);
        facts.item.found = true;
        facts.item.own = true;
        facts.scenario = Some(row.scenario.clone());
        facts.person.known = person.is_some();
        let about = person.as_deref();
        let permit = authority::permit(work, &self.admission, &facts, PublicKind::Inquiry, about)?;
        permit.spend();
        let body = super::kept_answer(work, &row)?;
        Ok(Answer { body, created: false, person, inquiry: None })
    }
}
