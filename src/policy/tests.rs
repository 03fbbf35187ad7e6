//! The refusals as a table, the decision as properties, the files as what cannot be loaded.

use std::sync::LazyLock;

use super::*;

mod files;
mod properties;
mod table;

/// The rules in the binary, read once for all tests.
static RULES: LazyLock<Rules> = LazyLock::new(|| Rules::embedded().unwrap());

/// Facts under which `action` by `kind` is permitted: everything it owes is there, nothing stands
/// against it.
fn right(action: Action, kind: ActorKind, packs: &[&str]) -> Facts {
    let mut facts = Facts::by(action, kind, packs.iter().copied());
    facts.licensed = true;
    facts.actor.holds_scenario = true;
    facts.actor.sector = "bank".into();
    facts.actor.is_the_person = kind == ActorKind::Person;
    facts.actor.reason_given = kind == ActorKind::Operator;
    facts.actor.roles = match action {
        Action::Furnish | Action::AnswerDispute => Roles { furnisher: true, ..Roles::default() },
        Action::Enrol => Roles { enroller: true, ..Roles::default() },
        Action::BindPersonKey => Roles { registrar: true, ..Roles::default() },
        Action::Inquire | Action::ReadAnswer | Action::ReportOutcome | Action::GiveConsent => {
            Roles { asker: true, ..Roles::default() }
        }
        _ => Roles { agent: true, ..Roles::default() },
    };
    facts.actor.mandate_covers_act = facts.actor.roles.agent;
    match action {
        Action::Inquire if kind == ActorKind::Person => facts.scenario = Some("self".into()),
        Action::Inquire => facts.scenario = Some("credit_application".into()),
        Action::GiveConsent => facts.scenario = Some("credit_application".into()),
        _ => {}
    }
    facts.basis = Basis {
        kind: BasisKind::Consent,
        found: true,
        recipient_matches: true,
        subject_matches: true,
        purpose_matches: true,
        scenario_matches: true,
        covers_category: true,
        covers_dimension: true,
        ..Basis::default()
    };
    facts.grant = Grant {
        recipient_named: true,
        notice_shown: true,
        evidence_valid: true,
        within_validity: true,
        onetime: true,
        ..Grant::default()
    };
    facts.person.known = true;
    facts.record.observation = "account_month";
    facts.record.dimension = "credit_history";
    facts.item = Item { found: true, own: true, ..Item::default() };
    facts
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
            | Action::AnswerDispute
            | Action::Usage => &[Partner],
            Action::Furnish => &[Partner, Operator],
            Action::LookUp | Action::Export | Action::Administer => &[Operator],
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
