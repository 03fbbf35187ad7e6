//! What a question would be answered now, without asking it: nothing is recorded and nothing is
//! used up, so nothing of it may leave the bureau.

use super::Fault;
use super::inquire::Inquire;
use crate::bureau::standing;
use crate::bureau::work::Work;
use crate::inquiry::answer::{self, Question, Valued};
use crate::policy::{Decision, Permit, decide};
use crate::score::assess;

/// What it would be.
pub enum Peek {
    /// No approved scorecard is in force.
    Unscored,
    /// Refused, with this code.
    Refused(String),
    /// Answered.
    Valued(Box<Valued>),
}

impl Inquire {
    /// The answer as it would be now, for one that was given before and is corrected: `None` when
    /// it would be refused.
    pub(super) fn anew(&self, work: &mut Work<'_>) -> Result<Option<Valued>, Fault> {
        match self.look(work, true)? {
            Peek::Valued(valued) => Ok(Some(*valued)),
            Peek::Unscored | Peek::Refused(_) => Ok(None),
        }
    }

    /// The answer as it would be now, by every rule that holds for a question.
    pub(super) fn peek(&self, work: &mut Work<'_>) -> Result<Peek, Fault> {
        self.look(work, false)
    }

    fn look(&self, work: &mut Work<'_>, again: bool) -> Result<Peek, Fault> {
        if standing::must_score(work).is_err() {
            return Ok(Peek::Unscored);
        }
        let mut found = self.found(work)?;
        if again {
            // The one time of a one-time consent was the answer that is corrected now.
            found.facts.basis.used_up = false;
            found.facts.basis.too_often = false;
        }
        let permit = match decide(&work.engine.rules, &found.facts) {
            Decision::Permit(permit) => permit,
            Decision::Refusal(refusal) => return Ok(Peek::Refused(refusal.code().to_string())),
        };
        let Some(person) = found.person else {
            return Ok(Peek::Refused("person_unknown".to_string()));
        };
        let scope = standing::scope(permit.terms(), found.standing.as_ref());
        let valued = self.valued(work, permit, &person, scope)?;
        Ok(Peek::Valued(Box::new(valued)))
    }

    fn valued(
        &self,
        work: &mut Work<'_>,
        permit: Permit,
        person: &str,
        scope: crate::score::Scope,
    ) -> Result<Valued, Fault> {
        let now = work.now;
        let view = standing::as_of(work, person, now, scope)?;
        let scorecard = work.engine.scorecard_for(&permit.terms().dimensions);
        let assessment = assess(&work.folded(person)?.profile, scorecard, &view.as_of);
        let terms = permit.terms().scenario.clone();
        let question = Question {
            assessment: &assessment,
            scorecard,
            threshold: self.threshold(work, terms.as_ref().and_then(|t| t.threshold)),
            level: view.as_of.identity_level,
            channels: view.channels,
            disputed: standing::disputed(work, person),
            fraud_alert: standing::fraud_alert(work, person),
        };
        Ok(answer::value(permit, &question))
    }
}
