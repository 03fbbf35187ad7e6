//! The facts that are true or false, by the names that the command line gives them.

use crate::policy::Facts;

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
    actor.suspended,
    actor.foreign_key,
    actor.holds_scenario,
    actor.is_the_person,
    actor.mandate_covers_act,
    actor.reason_given,
    actor.second_approval,
    basis.found,
    basis.recipient_matches,
    basis.subject_matches,
    basis.purpose_matches,
    basis.scenario_matches,
    basis.not_yet_valid,
    basis.expired,
    basis.revoked,
    basis.used_up,
    basis.covers_category,
    basis.covers_dimension,
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
    record.adverse,
    record.notice_given,
    record.restricted,
    record.restricted_consent_matches,
    record.warning_shown,
    record.furnisher_is_lender,
    record.written_consent,
    record.synthetic,
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
    use super::*;
    use crate::policy::Action;

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
