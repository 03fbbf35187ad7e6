//! What an asker may hear of a refusal (data-model.md, "Answers, least first").
//!
//! What is of the asker's own making is told. The state of the person is told to a lender that
//! asked on a standing basis, because it must treat a frozen file differently from a bad one; to
//! everybody else frozen, deceased, under age, disputed and unknown read the same. The order of
//! refusals puts the person last, so a code about the person only ever comes first when
//! everything the asker owes is there.

use serde::Serialize;

use super::decide::{Cause, Refusal};
use super::facts::Action;
use super::refusals::Told;
use super::rules::Rules;
use super::scenario::Scenario;
use super::words::words;

/// What others hear in place of a code about the person.
const NOT_ASSESSABLE: &str = "not_assessable";

words! {
    /// The form of an answer that is none.
    OutwardForm {
        /// The asker may not have it.
        Refused = "refused",
        /// It cannot be said.
        NotAssessable = "not_assessable",
    }
}

/// A refusal as the asker sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Outward {
    /// The form of the answer.
    pub form: OutwardForm,
    /// The code.
    pub code: String,
    /// The policies that may be named.
    pub policies: Vec<String>,
}

impl Rules {
    /// What the asker of an inquiry hears of `code`, without policies. For codes that the stages
    /// after a permit raise, too (`insufficient_data`, `disputed`).
    pub fn outward(&self, code: &str, scenario: &Scenario) -> Outward {
        self.outward_code(code, scenario.lender_codes)
    }

    fn outward_code(&self, code: &str, lender_codes: bool) -> Outward {
        let (form, code) = match self.refusals().told(code) {
            Told::Asker => (OutwardForm::Refused, code),
            Told::Lender if lender_codes => (OutwardForm::NotAssessable, code),
            Told::Lender => (OutwardForm::NotAssessable, NOT_ASSESSABLE),
        };
        Outward { form, code: code.to_string(), policies: Vec::new() }
    }

    /// One or two sentences for people: what the outward code means, and for a scenario that is
    /// not answered here, why.
    pub fn explain(&self, refusal: &Refusal) -> String {
        let outward = refusal.outward(self);
        let mut text = match self.refusals().get(&outward.code) {
            Some(entry) => entry.text.clone(),
            None => "Nothing can be said about this person.".to_string(),
        };
        let scenario = refusal.scenario().and_then(|name| self.scenario(name));
        let reason = scenario.and_then(|scenario| scenario.reason_refused(refusal.packs()));
        if let (Some(reason), "scenario_refused") = (reason, outward.code.as_str()) {
            text.push(' ');
            text.push_str(reason);
        }
        text
    }
}

impl Refusal {
    /// What the asker hears. Only an inquiry hides anything: other acts are by those who brought
    /// the person, or by the person.
    pub fn outward(&self, rules: &Rules) -> Outward {
        if self.action() != Action::Inquire {
            let policies = self.policies().into_iter().map(str::to_string).collect();
            let code = self.code().to_string();
            return Outward { form: OutwardForm::Refused, code, policies };
        }
        let scenario = self.scenario().and_then(|name| rules.scenario(name));
        let lender_codes = scenario.is_some_and(|scenario| scenario.lender_codes);
        let mut outward = rules.outward_code(self.code(), lender_codes);
        let tellable = |cause: &&Cause| match outward.form {
            // Beside a fault of its own an asker learns nothing of the person, lender or not.
            OutwardForm::Refused => rules.refusals().told(&cause.code) == Told::Asker,
            OutwardForm::NotAssessable => lender_codes,
        };
        let policies =
            self.causes().iter().filter(tellable).map(|cause| cause.policy.clone()).collect();
        outward.policies = policies;
        outward
    }
}
