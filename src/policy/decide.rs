//! The decision: a [`Permit`] that only this file can make, or a [`Refusal`] that says why.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use cedar_policy::Decision as Effect;

use super::context;
use super::facts::{Action, Facts};
use super::pack::Pack;
use super::rules::Rules;
use super::scenario::ScenarioTerms;
use crate::kernel::bytes::Digest;

/// How many decisions are kept before all are dropped.
const MEMO_MAX: usize = 4_096;

/// No rule pack applies, or one that is not loaded.
const JURISDICTION_UNKNOWN: &str = "jurisdiction_unknown";
/// A rule could not be evaluated.
const POLICY_ERROR: &str = "policy_error";
/// Denied without a rule that says so.
const POLICY_GAP: &str = "policy_gap";

/// The outcome of [`decide`].
#[derive(Debug)]
#[must_use = "a decision that nobody looks at protects nobody"]
pub enum Decision {
    /// It may be done, once.
    Permit(Permit),
    /// It may not.
    Refusal(Refusal),
}

/// The right to do one act once. Only [`decide`] makes one; it cannot be copied, and
/// [`Permit::spend`] consumes it (decisions.md 13).
///
/// ```compile_fail
/// # fn twice(permit: fivefold::policy::Permit) {
/// permit.spend();
/// permit.spend();
/// # }
/// ```
#[derive(Debug)]
#[must_use = "a permit is spent on what it permits"]
pub struct Permit(Arc<Terms>);

impl Permit {
    /// What was permitted, and on which conditions.
    pub fn terms(&self) -> &Terms {
        &self.0
    }

    /// Gives the permit up for its terms, which permit nothing.
    pub fn spend(self) -> Arc<Terms> {
        self.0
    }
}

/// What was permitted, under which rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// The act.
    pub action: Action,
    /// Form, disclosures and duties of the scenario, for acts that have one.
    pub scenario: Option<ScenarioTerms>,
    /// The packs that permitted it, by id.
    pub packs: Vec<PackRef>,
    /// The digest of the set of rules in force.
    pub rules: Digest,
    /// The dimensions that are on in all of these packs.
    pub dimensions: Vec<String>,
    /// The policies that permitted it.
    pub policies: Vec<String>,
}

/// A pack as an answer names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackRef {
    /// Its id.
    pub id: String,
    /// Its version.
    pub version: String,
    /// Its digest.
    pub digest: Digest,
}

/// Why something is not done: every rule that forbids it, in the fixed order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal(Arc<Refused>);

#[derive(Debug, PartialEq, Eq)]
struct Refused {
    action: Action,
    scenario: Option<String>,
    packs: Vec<String>,
    causes: Vec<Cause>,
}

/// One rule that was not met.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cause {
    /// The place of its code in the fixed order.
    pub order: u16,
    /// The policy's id.
    pub policy: String,
    /// Its code.
    pub code: String,
}

impl Refusal {
    /// The code: that of the first cause. It is the true one; [`Refusal::outward`] says what the
    /// asker may hear.
    pub fn code(&self) -> &str {
        self.0.causes.first().map_or(POLICY_GAP, |cause| cause.code.as_str())
    }

    /// Every cause, in the fixed order.
    pub fn causes(&self) -> &[Cause] {
        &self.0.causes
    }

    /// Every code once, in the fixed order.
    pub fn codes(&self) -> Vec<&str> {
        let mut codes: Vec<&str> = self.0.causes.iter().map(|cause| cause.code.as_str()).collect();
        codes.dedup();
        codes
    }

    /// Every policy, in the fixed order. For the log and the person; not for the asker.
    pub fn policies(&self) -> Vec<&str> {
        self.0.causes.iter().map(|cause| cause.policy.as_str()).collect()
    }

    /// What was refused.
    pub fn action(&self) -> Action {
        self.0.action
    }

    /// The scenario that was named.
    pub fn scenario(&self) -> Option<&str> {
        self.0.scenario.as_deref()
    }

    /// The packs that were asked.
    pub fn packs(&self) -> impl Iterator<Item = &str> {
        self.0.packs.iter().map(String::as_str)
    }
}

/// May `facts` be acted on? Every applicable pack must permit. The same facts under the same
/// rules always give the same decision; the last few thousand are kept.
pub fn decide(rules: &Rules, facts: &Facts) -> Decision {
    if let Some(verdict) = rules.memo().get(facts) {
        return verdict.into();
    }
    let verdict = judge(rules, facts);
    // Names that we do not know come from outside: they would fill the memo with noise.
    if facts.scenario.as_deref().is_none_or(|name| rules.scenario(name).is_some()) {
        rules.memo().put(facts.clone(), verdict.clone());
    }
    verdict.into()
}

#[derive(Clone, Debug)]
enum Verdict {
    Permit(Arc<Terms>),
    Refusal(Refusal),
}

impl From<Verdict> for Decision {
    fn from(verdict: Verdict) -> Decision {
        match verdict {
            Verdict::Permit(terms) => Decision::Permit(Permit(terms)),
            Verdict::Refusal(refusal) => Decision::Refusal(refusal),
        }
    }
}

/// Decisions by facts. Dropping all of them when full costs a few milliseconds once in a while and
/// needs no order of use to be kept on the fast path.
#[derive(Debug)]
pub(super) struct Memo {
    verdicts: HashMap<Facts, Verdict>,
    max: usize,
}

impl Default for Memo {
    fn default() -> Memo {
        Memo::bounded(MEMO_MAX)
    }
}

impl Memo {
    fn bounded(max: usize) -> Memo {
        Memo { verdicts: HashMap::new(), max }
    }

    fn get(&self, facts: &Facts) -> Option<Verdict> {
        self.verdicts.get(facts).cloned()
    }

    fn put(&mut self, facts: Facts, verdict: Verdict) {
        if self.verdicts.len() >= self.max {
            self.verdicts.clear();
        }
        self.verdicts.insert(facts, verdict);
    }
}

fn judge(rules: &Rules, facts: &Facts) -> Verdict {
    let mut causes = BTreeSet::new();
    let mut policies = BTreeSet::new();
    if facts.packs.is_empty() {
        causes.insert(engine(JURISDICTION_UNKNOWN, ""));
    }
    for id in &facts.packs {
        match judge_under(rules, id, facts) {
            Ok(permits) => policies.extend(permits),
            Err(forbids) => causes.extend(forbids),
        }
    }
    if !causes.is_empty() {
        return Verdict::Refusal(Refusal(Arc::new(Refused {
            action: facts.action,
            scenario: facts.scenario.clone(),
            packs: facts.packs.iter().cloned().collect(),
            causes: causes.into_iter().collect(),
        })));
    }
    let packs: Vec<&Pack> = facts.packs.iter().filter_map(|id| rules.pack(id)).collect();
    Verdict::Permit(Arc::new(terms(rules, facts, &packs, policies)))
}

fn terms(rules: &Rules, facts: &Facts, packs: &[&Pack], policies: BTreeSet<String>) -> Terms {
    let ids = packs.iter().map(|pack| pack.id.as_str());
    let has_scenario =
        matches!(facts.action, Action::Inquire | Action::SeeFile | Action::GiveConsent);
    let named = facts.scenario.as_deref().filter(|_| has_scenario);
    Terms {
        action: facts.action,
        scenario: named.and_then(|name| rules.terms(name, ids)),
        packs: packs
            .iter()
            .map(|pack| PackRef {
                id: pack.id.clone(),
                version: pack.version.clone(),
                digest: pack.digest(),
            })
            .collect(),
        rules: rules.digest(),
        dimensions: super::pack::DIMENSIONS
            .iter()
            .filter(|name| packs.iter().all(|pack| pack.has_dimension(name)))
            .map(|name| name.to_string())
            .collect(),
        policies: policies.into_iter().collect(),
    }
}

/// The policies that permit under one pack, or the causes that forbid.
fn judge_under(rules: &Rules, id: &str, facts: &Facts) -> Result<Vec<String>, Vec<Cause>> {
    let Some((pack, set)) = rules.set(id) else {
        return Err(vec![engine(JURISDICTION_UNKNOWN, id)]);
    };
    let Ok(request) = context::request(rules, pack, facts) else {
        return Err(vec![engine(POLICY_ERROR, id)]);
    };
    let response = rules.authorizer.is_authorized(&request, set, &rules.entities);
    let determining: Vec<String> =
        response.diagnostics().reason().map(|policy| policy.to_string()).collect();
    let errors: Vec<Cause> = response
        .diagnostics()
        .errors()
        .map(|error| match error {
            cedar_policy::AuthorizationError::PolicyEvaluationError(error) => {
                engine(POLICY_ERROR, error.policy_id())
            }
        })
        .collect();
    match response.decision() {
        // Cedar skips what errors, so a forbid that errors would permit (decisions.md 19).
        Effect::Allow if errors.is_empty() => Ok(determining),
        Effect::Allow => Err(errors),
        Effect::Deny if determining.is_empty() && errors.is_empty() => {
            Err(vec![engine(POLICY_GAP, id)])
        }
        Effect::Deny => {
            let forbids = determining.iter().map(|policy| match rules.policy(policy) {
                Some(note) => Cause {
                    order: note.order,
                    policy: note.id.clone(),
                    code: note.code.clone().unwrap_or_else(|| POLICY_ERROR.to_string()),
                },
                None => engine(POLICY_ERROR, policy),
            });
            Err(forbids.chain(errors).collect())
        }
    }
}

/// A cause of the decision itself. It comes first: what else was found cannot be relied on.
fn engine(code: &str, about: impl std::fmt::Display) -> Cause {
    Cause { order: 0, policy: format!("engine/{about}"), code: code.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_memo_drops_everything_and_goes_on() {
        let mut memo = Memo::bounded(3);
        let verdict = Verdict::Refusal(Refusal(Arc::new(Refused {
            action: Action::Usage,
            scenario: None,
            packs: Vec::new(),
            causes: Vec::new(),
        })));
        for action in &Action::ALL[..4] {
            memo.put(Facts::new(*action), verdict.clone());
            assert!(memo.verdicts.len() <= 3);
        }
        assert!(memo.get(&Facts::new(Action::ALL[3])).is_some());
        assert!(memo.get(&Facts::new(Action::ALL[0])).is_none());
    }
}
