//! Facts by name, as case files and the command line state them.

use super::facts::{BasisKind, Category, Environment, Facts};
use super::pack::DIMENSIONS;

/// Types of observation, for the fact `record.observation`.
pub const OBSERVATIONS: [&str; 12] = [
    "account",
    "account_month",
    "inquiry_history",
    "public_record",
    "spending",
    "payment_activity",
    "obligation",
    "capacity",
    "verification",
    "tenure",
    "ties",
    "status_event",
];

/// The facts that are texts.
pub const TEXTS: [&str; 7] = [
    "actor.sector",
    "basis.kind",
    "environment",
    "lives_under",
    "record.category",
    "record.dimension",
    "record.observation",
];

/// Sets the fact `name`; a flag takes `true` or `false`.
///
/// # Errors
/// There is no such fact, or it has no such value.
pub fn state(facts: &mut Facts, name: &str, value: &str) -> Result<(), String> {
    let wrong = || format!("{value} is not a value of {name}");
    if let Some(flag) = flag(facts, name) {
        *flag = value.parse().map_err(|_| wrong())?;
        return Ok(());
    }
    let one_of = |known: &[&'static str]| known.iter().copied().find(|one| *one == value);
    match name {
        "actor.sector" => facts.actor.sector = value.to_string(),
        "basis.kind" => facts.basis.kind = BasisKind::from_name(value).ok_or_else(wrong)?,
        "environment" => facts.environment = Environment::from_name(value).ok_or_else(wrong)?,
        "record.category" => {
            facts.record.category = Category::from_name(value).ok_or_else(wrong)?;
        }
        "record.observation" => {
            facts.record.observation = one_of(&OBSERVATIONS).ok_or_else(wrong)?;
        }
        "lives_under" => facts.lives_under = Some(value.to_string()),
        "record.dimension" => facts.record.dimension = one_of(&DIMENSIONS).ok_or_else(wrong)?,
        _ => return Err(format!("there is no fact {name}")),
    }
    Ok(())
}

/// Makes the list of names and the way to each fact from one list of fields.
macro_rules! flags {
    ($($($part:ident).+),+ $(,)?) => {
        /// Every name.
        pub const NAMES: &[&str] = &[$(flags!(@name $($part).+)),+];

        /// The fact of this name.
        pub fn flag<'f>(facts: &'f mut Facts, name: &str) -> Option<&'f mut bool> {
            $(if name == flags!(@name $($part).+) {
                return Some(&mut facts.$($part).+);
            })+
            None
        }
    };
    (@name $first:ident $(. $rest:ident)*) => {
        concat!(stringify!($first) $(, ".", stringify!($rest))*)
    };
}

flags![
    licensed,
    actor.roles.furnisher,
    actor.roles.asker,
    actor.roles.enroller,
    actor.roles.agent,
    actor.roles.registrar,
    actor.suspended,
    actor.foreign_key,
    actor.holds_scenario,
    actor.is_the_person,
    actor.mandate_covers_act,
    actor.foreign,
    actor.export_basis,
    actor.probing,
    actor.staff_known,
    actor.staff.viewer,
    actor.staff.analyst,
    actor.staff.compliance,
    actor.staff.examiner,
    actor.staff.administrator,
    actor.reason_given,
    actor.second_approval,
    actor.merchant,
    basis.found,
    basis.recipient_matches,
    basis.subject_matches,
    basis.purpose_matches,
    basis.scenario_matches,
    basis.not_yet_valid,
    basis.expired,
    basis.revoked,
    basis.used_up,
    basis.too_often,
    basis.covers_category,
    basis.covers_dimension,
    basis.covers_record,
    basis.counterpart_consents,
    grant.recipient_named,
    grant.notice_shown,
    grant.evidence_valid,
    grant.within_validity,
    grant.onetime,
    grant.restricted,
    grant.one_category,
    grant.warning_shown,
    person.known,
    person.mismatch,
    person.ambiguous,
    person.frozen,
    person.deceased,
    person.incapacity,
    person.minor,
    person.identity_theft,
    person.own_key,
    record.adverse,
    record.notice_given,
    record.restricted,
    record.restricted_consent_matches,
    record.warning_shown,
    record.furnisher_is_lender,
    record.written_consent,
    applicant.sector_allowed,
    applicant.scenario_allowed,
    applicant.licence_given,
    record.synthetic,
    record.past_retention,
    item.found,
    item.own,
    item.expired,
    item.held,
    export.personal,
    export.bulk,
    export.examiner_key,
];

#[cfg(test)]
mod tests {
    use super::super::facts::Action;
    use super::*;

    #[test]
    fn every_name_leads_to_a_fact_of_its_own() {
        let mut facts = Facts::new(Action::Inquire);
        for name in NAMES {
            let flag = flag(&mut facts, name).expect("a fact");
            assert!(!*flag, "{name} was set by another name");
            *flag = true;
        }
        assert!(flag(&mut facts, "basis").is_none());
    }
}
