//! What holds for all facts.

use proptest::prelude::*;
use proptest::sample::{Index, subsequence};

use super::super::decide::Memo;
use super::*;

/// Every yes-or-no fact, for turning over.
fn bits(facts: &mut Facts) -> Vec<&mut bool> {
    let Facts { actor, basis, grant, person, record, item, export, applicant, licensed, .. } =
        facts;
    let mut bits = bits_of_record(record);
    bits.extend([&mut item.found, &mut item.own, &mut item.expired, &mut item.held]);
    bits.extend([&mut export.personal, &mut export.bulk, &mut export.examiner_key]);
    bits.extend([
        &mut applicant.sector_allowed,
        &mut applicant.scenario_allowed,
        &mut applicant.licence_given,
    ]);
    let roles = &mut actor.roles;
    bits.extend([
        licensed,
        &mut roles.furnisher,
        &mut roles.asker,
        &mut roles.enroller,
        &mut roles.agent,
        &mut roles.registrar,
        &mut actor.suspended,
        &mut actor.foreign_key,
        &mut actor.holds_scenario,
        &mut actor.is_the_person,
        &mut actor.mandate_covers_act,
        &mut actor.foreign,
        &mut actor.export_basis,
        &mut actor.probing,
        &mut actor.staff_known,
        &mut actor.staff.viewer,
        &mut actor.staff.analyst,
        &mut actor.staff.compliance,
        &mut actor.staff.examiner,
        &mut actor.staff.administrator,
        &mut actor.reason_given,
        &mut actor.second_approval,
        &mut actor.merchant,
        &mut basis.found,
        &mut basis.recipient_matches,
        &mut basis.subject_matches,
        &mut basis.purpose_matches,
        &mut basis.scenario_matches,
        &mut basis.not_yet_valid,
        &mut basis.expired,
        &mut basis.revoked,
        &mut basis.used_up,
        &mut basis.too_often,
        &mut basis.covers_category,
        &mut basis.covers_dimension,
        &mut basis.covers_record,
        &mut basis.counterpart_consents,
        &mut grant.recipient_named,
        &mut grant.notice_shown,
        &mut grant.evidence_valid,
        &mut grant.within_validity,
        &mut grant.onetime,
        &mut grant.restricted,
        &mut grant.one_category,
        &mut grant.warning_shown,
        &mut person.known,
        &mut person.mismatch,
        &mut person.ambiguous,
        &mut person.frozen,
        &mut person.deceased,
        &mut person.incapacity,
        &mut person.minor,
        &mut person.identity_theft,
        &mut person.own_key,
    ]);
    bits
}

fn bits_of_record(record: &mut Record) -> Vec<&mut bool> {
    vec![
        &mut record.adverse,
        &mut record.notice_given,
        &mut record.restricted,
        &mut record.restricted_consent_matches,
        &mut record.warning_shown,
        &mut record.furnisher_is_lender,
        &mut record.written_consent,
        &mut record.synthetic,
        &mut record.past_retention,
    ]
}

const SCENARIOS: [Option<&str>; 10] = [
    None,
    Some("horoscope"),
    Some("self"),
    Some("credit_application"),
    Some("account_review"),
    Some("tenancy"),
    Some("hotel_deposit"),
    Some("car_hire"),
    Some("identity_check"),
    Some("employment"),
];

const OBSERVATIONS: [(&str, &str); 5] = [
    ("", ""),
    ("account_month", "credit_history"),
    ("public_record", "credit_history"),
    ("spending", "behavior"),
    ("ties", "relationships"),
];

/// Facts near the permitted ones: a few things turned over, so that both outcomes are common.
fn facts() -> impl Strategy<Value = Facts> {
    let packs = subsequence(vec!["cn", "us", "eu", "uk"], 1..=3);
    let places = (any::<Index>(), any::<Index>(), any::<Index>(), any::<Index>(), any::<Index>());
    let lists = (any::<Index>(), any::<Index>(), proptest::option::of(any::<Index>()));
    let flips = proptest::collection::vec(any::<Index>(), 0..4);
    (packs, places, lists, flips).prop_map(|(packs, places, lists, flips)| {
        let (action, kind, scenario, observation, basis) = places;
        let (category, environment, wild) = lists;
        let action = *action.get(Action::ALL);
        let mut facts = right(action, *kind.get(ActorKind::ALL), &packs);
        if let Some(wild) = wild {
            facts.scenario = scenario.get(&SCENARIOS).map(str::to_string);
            (facts.record.observation, facts.record.dimension) = *observation.get(&OBSERVATIONS);
            facts.basis.kind = *basis.get(BasisKind::ALL);
            facts.record.category = *category.get(Category::ALL);
            facts.environment = *environment.get(Environment::ALL);
            facts.actor.sector = ["bank", "hotel", ""][wild.index(3)].to_string();
        }
        for flip in flips {
            let mut bits = bits(&mut facts);
            let at = flip.index(bits.len());
            *bits[at] = !*bits[at];
        }
        facts
    })
}

/// What an inquiry about somebody else owes, said a second time and in another language.
fn inquiry_is_in_order(facts: &Facts) -> bool {
    let (actor, basis, person) = (&facts.actor, &facts.basis, &facts.person);
    let consent = basis.found
        && basis.recipient_matches
        && basis.subject_matches
        && basis.purpose_matches
        && basis.scenario_matches
        && basis.covers_dimension
        && !(basis.not_yet_valid || basis.expired || basis.revoked)
        && !(basis.used_up || basis.too_often);
    actor.kind == ActorKind::Partner
        && actor.roles.asker
        && actor.holds_scenario
        && !actor.suspended
        && !actor.foreign_key
        && basis.kind != BasisKind::None
        && (basis.kind != BasisKind::Consent || consent)
        && (!facts.packs.contains("cn") || basis.kind == BasisKind::Consent)
        && person.known
        && !(person.mismatch || person.ambiguous || person.minor || person.deceased)
        && !(person.incapacity || person.identity_theft)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn no_gap_and_no_error_anywhere(facts in facts()) {
        if let Some(refusal) = refusal(&RULES, &facts) {
            for code in refusal.codes() {
                prop_assert!(!["policy_gap", "policy_error"].contains(&code), "{:?}", facts);
            }
        }
    }

    #[test]
    fn all_packs_must_permit(facts in facts()) {
        let alone = facts.packs.iter().map(|pack| {
            let mut alone = facts.clone();
            alone.packs = [pack.clone()].into();
            refusal(&RULES, &alone)
        });
        let mut apart: Vec<Cause> =
            alone.flatten().flat_map(|refusal| refusal.causes().to_vec()).collect();
        apart.sort();
        apart.dedup();
        let together = refusal(&RULES, &facts).map(|refusal| refusal.causes().to_vec());
        prop_assert_eq!(together.unwrap_or_default(), apart);
    }

    #[test]
    fn a_kept_decision_is_the_same_decision(facts in facts()) {
        let first = refusal(&RULES, &facts);
        let kept = refusal(&RULES, &facts);
        *RULES.memo() = Memo::default();
        prop_assert_eq!(&refusal(&RULES, &facts), &first);
        prop_assert_eq!(kept, first);
    }

    #[test]
    fn a_permitted_inquiry_owes_nothing(facts in facts()) {
        if facts.action != Action::Inquire {
            return Ok(());
        }
        if let Decision::Permit(permit) = decide(&RULES, &facts) {
            let scenario = permit.terms().scenario.clone();
            let form = scenario.map(|scenario| scenario.form);
            prop_assert!(form.is_some());
            prop_assert!(form == Some(Form::File) || inquiry_is_in_order(&facts), "{:?}", facts);
        }
    }

    #[test]
    fn a_fault_of_the_asker_hides_the_person(mut facts in facts(), a in 0..8usize, b in 0..8usize) {
        facts.action = Action::Inquire;
        let person = |state: usize| {
            let mut facts = facts.clone();
            facts.person = Person { known: true, ..Person::default() };
            let person = &mut facts.person;
            let states = [
                &mut person.known, &mut person.mismatch, &mut person.ambiguous, &mut person.frozen,
                &mut person.deceased, &mut person.incapacity, &mut person.minor,
                &mut person.identity_theft,
            ];
            for (at, bit) in states.into_iter().enumerate() {
                *bit ^= at == state;
            }
            facts
        };
        let (a, b) = (refusal(&RULES, &person(a)), refusal(&RULES, &person(b)));
        let lender = |refusal: &Refusal| {
            let scenario = refusal.scenario().and_then(|name| RULES.scenario(name));
            scenario.is_some_and(|scenario| scenario.lender_codes)
        };
        if let (Some(a), Some(b)) = (a, b) {
            let (first, second) = (a.outward(&RULES), b.outward(&RULES));
            if first.form == OutwardForm::Refused || !lender(&a) {
                prop_assert_eq!(first, second);
            }
        }
    }
}
