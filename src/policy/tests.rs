//! The refusals as a table, the decision as properties, the files as what cannot be loaded.

use std::sync::LazyLock;

use super::*;

mod cases_run;
mod files;
mod properties;
mod table;

/// The rules in the binary, read once for all tests.
static RULES: LazyLock<Rules> = LazyLock::new(|| Rules::embedded().unwrap());

/// Facts under which `action` by `kind` is permitted.
fn right(action: Action, kind: ActorKind, packs: &[&str]) -> Facts {
    cases::in_order(action, kind, packs)
}

/// Every act with the kinds of actor that may do it.
fn allowed_acts() -> Vec<(Action, ActorKind)> {
    use ActorKind::{Anyone, Operator, Partner, Person};
    let mut acts = Vec::new();
    for action in Action::ALL {
        let kinds: &[ActorKind] = match action {
            Action::Enrol
            | Action::ReadAnswer
            | Action::ReportOutcome
            | Action::AnswerRequest
            | Action::Usage => &[Partner],
            Action::Furnish | Action::AnswerDispute => &[Partner, Operator],
            Action::LookUp
            | Action::HandleCase
            | Action::Export
            | Action::Administer
            | Action::Admit => &[Operator],
            Action::Apply => &[Anyone],
            Action::ReadProof => &[Partner, Person, Operator, Anyone],
            _ => &[Partner, Person],
        };
        acts.extend(kinds.iter().map(|kind| (*action, *kind)));
    }
    acts
}

fn refusal(rules: &Rules, facts: &Facts) -> Option<Refusal> {
    match decide(rules, facts) {
        Decision::Refusal(refusal) => Some(refusal),
        Decision::Permit(_) => None,
    }
}

fn permitted(facts: &Facts) -> Terms {
    match decide(&RULES, facts) {
        Decision::Permit(permit) => Terms::clone(&permit.spend()),
        Decision::Refusal(refusal) => panic!("{:?} {facts:?}", refusal.policies()),
    }
}
