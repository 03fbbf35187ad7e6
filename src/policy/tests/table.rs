//! One line per rule: what is wrong, and the code that says so.

use std::collections::BTreeSet;

use super::*;

type Change = fn(&mut Facts);

/// A change to right facts, and the one code it must lead to.
const INQUIRE: &[(&str, Change)] = &[
    ("environment_mismatch", |f| f.actor.foreign_key = true),
    ("partner_suspended", |f| f.actor.suspended = true),
    ("role_missing", |f| f.actor.roles.asker = false),
    ("scenario_unknown", |f| f.scenario = Some("horoscope".into())),
    ("scenario_unknown", |f| f.scenario = None),
    ("scenario_refused", |f| f.scenario = Some("employment".into())),
    ("scenario_refused", |f| f.scenario = Some("education".into())),
    ("scenario_refused", |f| f.scenario = Some("dating".into())),
    ("scenario_refused", |f| f.scenario = Some("marketing_prescreen".into())),
    ("scenario_not_contracted", |f| f.actor.holds_scenario = false),
    ("merchant_threshold_only", |f| f.actor.merchant = true),
    ("sector_not_allowed", |f| f.actor.sector = "hotel".into()),
    ("sector_not_allowed", |f| f.actor.sector = "".into()),
    ("basis_not_allowed", |f| f.basis.kind = BasisKind::None),
    ("basis_not_allowed", |f| f.basis.kind = BasisKind::PublicByLaw),
    ("consent_not_found", |f| f.basis.found = false),
    ("consent_recipient_mismatch", |f| f.basis.recipient_matches = false),
    ("consent_subject_mismatch", |f| f.basis.subject_matches = false),
    ("consent_purpose_mismatch", |f| f.basis.purpose_matches = false),
    ("consent_scenario_mismatch", |f| f.basis.scenario_matches = false),
    ("consent_not_yet_valid", |f| f.basis.not_yet_valid = true),
    ("consent_expired", |f| f.basis.expired = true),
    ("consent_revoked", |f| f.basis.revoked = true),
    ("consent_used", |f| f.basis.used_up = true),
    ("consent_too_often", |f| f.basis.too_often = true),
    ("scope_insufficient", |f| f.basis.covers_dimension = false),
    ("identity_mismatch", |f| f.person.mismatch = true),
    ("identity_ambiguous", |f| f.person.ambiguous = true),
    ("person_unknown", |f| f.person.known = false),
    ("person_minor", |f| f.person.minor = true),
    ("person_deceased", |f| f.person.deceased = true),
    ("person_incapacity", |f| f.person.incapacity = true),
    ("identity_theft_block", |f| f.person.identity_theft = true),
    ("person_frozen", |f| f.person.frozen = true),
];

const FURNISH: &[(&str, Change)] = &[
    ("environment_mismatch", |f| f.actor.foreign_key = true),
    ("partner_suspended", |f| f.actor.suspended = true),
    ("role_missing", |f| f.actor.roles.furnisher = false),
    ("merchant_threshold_only", |f| f.actor.merchant = true),
    ("basis_not_allowed", |f| f.basis.kind = BasisKind::None),
    ("consent_not_found", |f| f.basis.found = false),
    ("consent_recipient_mismatch", |f| f.basis.recipient_matches = false),
    ("consent_subject_mismatch", |f| f.basis.subject_matches = false),
    ("consent_purpose_mismatch", |f| f.basis.purpose_matches = false),
    ("consent_not_yet_valid", |f| f.basis.not_yet_valid = true),
    ("consent_expired", |f| f.basis.expired = true),
    ("consent_revoked", |f| f.basis.revoked = true),
    ("consent_used", |f| f.basis.used_up = true),
    ("consent_category_not_covered", |f| f.basis.covers_category = false),
    ("consent_dimension_not_covered", |f| f.basis.covers_dimension = false),
    ("consent_record_not_covered", |f| f.basis.covers_record = false),
    ("public_record_only", |f| f.basis.kind = BasisKind::PublicByLaw),
    ("synthetic_in_live", |f| f.record.synthetic = true),
    ("synthetic_only", |f| f.environment = Environment::Sandbox),
    ("dimension_off", |f| f.record.dimension = ""),
    ("dimension_off", |f| f.record.dimension = "horoscope"),
    ("category_prohibited", |f| f.record.category = Category::Prohibited),
    ("category_unlisted", |f| f.record.category = Category::Unlisted),
    ("category_unlisted", |f| f.record.observation = "spending"),
    ("past_retention", |f| f.record.past_retention = true),
    ("identity_mismatch", |f| f.person.mismatch = true),
    ("identity_ambiguous", |f| f.person.ambiguous = true),
    ("person_unknown", |f| f.person.known = false),
    ("person_minor", |f| f.person.minor = true),
];

const GIVE_CONSENT: &[(&str, Change)] = &[
    ("role_missing", |f| f.actor.roles.asker = false),
    ("scenario_unknown", |f| f.scenario = Some("horoscope".into())),
    ("scenario_refused", |f| f.scenario = Some("dating".into())),
    ("consent_recipient_unnamed", |f| f.grant.recipient_named = false),
    ("consent_notice_missing", |f| f.grant.notice_shown = false),
    ("consent_evidence_invalid", |f| f.grant.evidence_valid = false),
    ("consent_too_long", |f| f.grant.within_validity = false),
    ("person_minor", |f| f.person.minor = true),
    ("person_unknown", |f| f.person.known = false),
];

/// Under one pack only.
const OF_ONE_PACK: &[(&str, Action, &str, Change)] = &[
    ("cn", Action::Inquire, "licence_missing", |f| f.licensed = false),
    ("cn", Action::Furnish, "licence_missing", |f| f.licensed = false),
    ("uk", Action::Inquire, "licence_missing", |f| f.licensed = false),
    ("cn", Action::Inquire, "basis_not_allowed", |f| f.basis.kind = BasisKind::LegitimateInterest),
    ("us", Action::Inquire, "basis_not_allowed", |f| f.basis.kind = BasisKind::LegitimateInterest),
    ("eu", Action::Furnish, "basis_not_allowed", |f| f.basis.kind = BasisKind::PermissiblePurpose),
    ("uk", Action::Furnish, "basis_not_allowed", |f| f.basis.kind = BasisKind::PermissiblePurpose),
    ("cn", Action::Furnish, "adverse_notice_missing", |f| f.record.adverse = true),
    ("cn", Action::Furnish, "written_consent_missing", |f| f.record.furnisher_is_lender = true),
    ("cn", Action::Furnish, "restricted_consent_missing", |f| {
        f.record.restricted = true;
        f.record.warning_shown = true;
    }),
    ("cn", Action::Furnish, "restricted_warning_missing", |f| {
        f.record.restricted = true;
        f.record.restricted_consent_matches = true;
    }),
    ("cn", Action::GiveConsent, "consent_restricted_bundled", |f| {
        f.grant.restricted = true;
        f.grant.warning_shown = true;
    }),
    ("cn", Action::GiveConsent, "restricted_warning_missing", |f| {
        f.grant.restricted = true;
        f.grant.one_category = true;
    }),
    ("cn", Action::GiveConsent, "consent_not_onetime", |f| {
        f.scenario = Some("hotel_deposit".into());
        f.grant.onetime = false;
    }),
    ("us", Action::Inquire, "purpose_not_permissible", |f| {
        f.basis.kind = BasisKind::PermissiblePurpose;
        f.basis.purpose_matches = false;
    }),
    ("us", Action::Furnish, "dimension_off", |f| f.record.dimension = "relationships"),
    ("eu", Action::Furnish, "dimension_off", |f| f.record.dimension = "relationships"),
    ("uk", Action::Furnish, "dimension_off", |f| f.record.dimension = "relationships"),
    ("eu", Action::Inquire, "scenario_refused", |f| f.scenario = Some("hotel_deposit".into())),
    ("cn", Action::Inquire, "export_basis_missing", |f| f.actor.foreign = true),
    ("cn", Action::Inquire, "threshold_probing", |f| {
        f.scenario = Some("hotel_deposit".into());
        f.actor.probing = true;
    }),
    ("cn", Action::Inquire, "counterpart_consent_missing", |f| {
        f.scenario = Some("online_trade".into());
    }),
    ("us", Action::GiveConsent, "mandate_missing", |f| {
        f.actor.roles = Roles { agent: true, ..Roles::default() };
    }),
];

/// By other actors and on other things.
const OTHERS: &[(ActorKind, Action, &str, Change)] = &[
    (ActorKind::Person, Action::SeeFile, "not_the_person", |f| f.actor.is_the_person = false),
    (ActorKind::Person, Action::Inquire, "not_the_person", |f| f.actor.is_the_person = false),
    (ActorKind::Person, Action::GiveConsent, "not_the_person", |f| f.actor.is_the_person = false),
    (ActorKind::Partner, Action::Erase, "mandate_missing", |f| f.actor.mandate_covers_act = false),
    (ActorKind::Partner, Action::Erase, "own_key_needed", |f| f.person.own_key = true),
    (ActorKind::Partner, Action::Freeze, "role_missing", |f| f.actor.roles.agent = false),
    (ActorKind::Partner, Action::Inquire, "mandate_missing", |f| {
        f.scenario = Some("self".into());
        f.actor.roles.agent = true;
    }),
    (ActorKind::Partner, Action::Inquire, "role_missing", |f| {
        f.scenario = Some("self".into());
        f.actor.mandate_covers_act = true;
    }),
    (ActorKind::Person, Action::Inquire, "role_missing", |f| f.scenario = Some("tenancy".into())),
    (ActorKind::Operator, Action::LookUp, "reason_missing", |f| f.actor.reason_given = false),
    (ActorKind::Operator, Action::Furnish, "reason_missing", |f| f.actor.reason_given = false),
    (ActorKind::Operator, Action::LookUp, "staff_unknown", |f| f.actor.staff_known = false),
    (ActorKind::Operator, Action::LookUp, "staff_role_missing", |f| {
        f.actor.staff = StaffRoles { administrator: true, analyst: true, ..StaffRoles::default() };
    }),
    (ActorKind::Operator, Action::Export, "staff_role_missing", |f| {
        f.actor.staff = StaffRoles { administrator: true, viewer: true, ..StaffRoles::default() };
    }),
    (ActorKind::Operator, Action::HandleCase, "staff_role_missing", |f| {
        f.actor.staff.compliance = false;
    }),
    (ActorKind::Operator, Action::Furnish, "staff_role_missing", |f| {
        f.actor.staff.compliance = false;
    }),
    (ActorKind::Operator, Action::Administer, "staff_role_missing", |f| {
        f.actor.staff.administrator = false;
    }),
    (ActorKind::Operator, Action::Admit, "staff_role_missing", |f| {
        f.actor.staff.administrator = false;
    }),
    (ActorKind::Operator, Action::Admit, "licence_number_missing", |f| {
        f.applicant.licence_given = false;
    }),
    (ActorKind::Anyone, Action::Apply, "sector_not_for_merchants", |f| {
        f.applicant.sector_allowed = false;
    }),
    (ActorKind::Anyone, Action::Apply, "scenario_not_for_merchants", |f| {
        f.applicant.scenario_allowed = false;
    }),
    (ActorKind::Operator, Action::LookUp, "second_approval_missing", |f| f.export.bulk = true),
    (ActorKind::Operator, Action::Export, "second_approval_missing", |f| {
        f.export.personal = true;
        f.export.examiner_key = true;
    }),
    (ActorKind::Operator, Action::Export, "examiner_key_missing", |f| {
        f.export.personal = true;
        f.actor.second_approval = true;
    }),
    (ActorKind::Partner, Action::ReadConsent, "consent_not_found", |f| {
        f.item.own = false;
        f.actor.roles = Roles { asker: true, ..Roles::default() };
    }),
    (ActorKind::Person, Action::RevokeConsent, "consent_not_found", |f| f.item.found = false),
    (ActorKind::Partner, Action::ReadAnswer, "item_not_found", |f| f.item.own = false),
    (ActorKind::Partner, Action::ReportOutcome, "item_not_found", |f| f.item.found = false),
    (ActorKind::Partner, Action::AnswerDispute, "item_not_found", |f| f.item.own = false),
    (ActorKind::Partner, Action::AnswerRequest, "item_not_found", |f| f.item.own = false),
    (ActorKind::Person, Action::ReadNotice, "item_not_found", |f| f.item.own = false),
    (ActorKind::Partner, Action::ReadAnswer, "answer_expired", |f| f.item.expired = true),
    (ActorKind::Person, Action::Erase, "legal_hold", |f| f.item.held = true),
    (ActorKind::Partner, Action::Enrol, "person_minor", |f| f.person.minor = true),
];

/// Right facts pass, the changed ones are refused with this code and no other. Returns the
/// policies that took part.
fn check(facts: Facts, code: &str, change: Change) -> Vec<String> {
    let mut seen = permitted(&facts).policies;
    let mut changed = facts;
    change(&mut changed);
    let refusal = refusal(&RULES, &changed).unwrap_or_else(|| panic!("{code}: {changed:?}"));
    assert_eq!(refusal.codes(), [code], "{:?} {changed:?}", refusal.policies());
    seen.extend(refusal.policies().into_iter().map(str::to_string));
    seen
}

#[test]
fn every_rule_refuses_alone_with_its_own_code() {
    let mut seen = BTreeSet::new();
    let tables = [
        (Action::Inquire, INQUIRE),
        (Action::Furnish, FURNISH),
        (Action::GiveConsent, GIVE_CONSENT),
    ];
    for (action, table) in tables {
        for (code, change) in table {
            for pack in ["cn", "us", "eu", "uk"] {
                let purely_consented = *code == "public_record_only" || pack != "cn";
                let facts = match purely_consented {
                    true => right(action, ActorKind::Partner, &[pack]),
                    false => written(right(action, ActorKind::Partner, &[pack])),
                };
                seen.extend(check(facts, code, *change));
            }
        }
    }
    for (pack, action, code, change) in OF_ONE_PACK {
        seen.extend(check(right(*action, ActorKind::Partner, &[pack]), code, *change));
    }
    for (kind, action, code, change) in OTHERS {
        seen.extend(check(right(*action, *kind, &["cn"]), code, *change));
    }
    // The two acts without a case of their own above: no erasure in us, and who may do what.
    let erase = refusal(&RULES, &right(Action::Erase, ActorKind::Person, &["us"])).unwrap();
    assert_eq!(erase.codes(), ["erasure_not_provided"]);
    seen.extend(erase.policies().into_iter().map(str::to_string));
    let mut abroad = right(Action::Inquire, ActorKind::Partner, &["cn"]);
    abroad.actor.foreign = true;
    abroad.basis.found = false;
    let abroad = refusal(&RULES, &abroad).unwrap();
    assert_eq!(abroad.codes(), ["consent_not_found", "export_basis_missing"]);
    seen.extend(abroad.policies().into_iter().map(str::to_string));
    seen.extend(wrong_kinds());
    seen.extend(permitted(&right(Action::ReadProof, ActorKind::Anyone, &["cn"])).policies);
    let all: BTreeSet<String> = RULES.policies().iter().map(|note| note.id.clone()).collect();
    let untested: Vec<_> = all.difference(&seen).collect();
    assert!(untested.is_empty(), "no case for {untested:?}");
}

/// With what a Chinese lender owes, to show that it is not owed where nothing asks for it.
fn written(mut facts: Facts) -> Facts {
    facts.record.furnisher_is_lender = true;
    facts.record.written_consent = true;
    facts
}

/// Whoever is not of the right kind is refused with `role_missing` first, whatever else is wrong.
fn wrong_kinds() -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    let allowed = allowed_acts();
    for action in Action::ALL {
        for kind in ActorKind::ALL {
            let facts = right(*action, *kind, &["us"]);
            match refusal(&RULES, &facts) {
                None => assert!(allowed.contains(&(*action, *kind)), "{action:?} by {kind:?}"),
                Some(refusal) if refusal.code() == "erasure_not_provided" => {}
                Some(refusal) => {
                    assert!(!allowed.contains(&(*action, *kind)), "{action:?} by {kind:?}");
                    assert_eq!(refusal.code(), "role_missing", "{action:?} by {kind:?}");
                    seen.extend(refusal.policies().into_iter().map(str::to_string));
                }
            }
        }
    }
    seen
}

#[test]
fn each_act_is_permitted_to_its_actors_under_each_pack() {
    for (action, kind) in allowed_acts() {
        for pack in ["cn", "us", "eu", "uk"] {
            if action == Action::Erase && pack == "us" {
                continue;
            }
            let terms = permitted(&right(action, kind, &[pack]));
            assert_eq!(terms.packs.len(), 1);
            assert_eq!(terms.packs[0].digest, RULES.pack(pack).unwrap().digest());
        }
    }
}

#[test]
fn when_all_is_wrong_codes_stand_in_the_catalogues_order() {
    for (table, action) in [(INQUIRE, Action::Inquire), (FURNISH, Action::Furnish)] {
        let mut facts = right(action, ActorKind::Partner, &["cn", "us"]);
        let skip =
            ["scenario_unknown", "scenario_refused", "consent_not_found", "basis_not_allowed"];
        for (_, change) in table.iter().filter(|(code, _)| !skip.contains(code)) {
            change(&mut facts);
        }
        facts.basis.kind = BasisKind::Consent;
        let refusal = refusal(&RULES, &facts).unwrap();
        let places: Vec<_> =
            refusal.codes().iter().map(|code| RULES.refusals().place(code).unwrap()).collect();
        assert!(places.len() > 15, "{:?}", refusal.codes());
        assert!(places.is_sorted_by(|a, b| a < b), "{:?}", refusal.codes());
        assert_eq!(refusal.code(), "environment_mismatch");
    }
}

#[test]
fn without_a_known_pack_nothing_is_permitted() {
    let none = right(Action::ReadProof, ActorKind::Anyone, &[]);
    assert_eq!(refusal(&RULES, &none).unwrap().codes(), ["jurisdiction_unknown"]);
    let unknown = right(Action::ReadProof, ActorKind::Anyone, &["cn", "atlantis"]);
    assert_eq!(refusal(&RULES, &unknown).unwrap().codes(), ["jurisdiction_unknown"]);
}

#[test]
fn facts_nobody_set_permit_only_what_is_public() {
    for action in Action::ALL {
        for kind in ActorKind::ALL {
            let refused = refusal(&RULES, &Facts::by(*action, *kind, ["us"])).is_some();
            // What is a partner's own needs no more than being a partner.
            let own =
                *kind == ActorKind::Partner && matches!(action, Action::Usage | Action::ReadEvents);
            assert_eq!(refused, *action != Action::ReadProof && !own, "{action:?} by {kind:?}");
        }
    }
}

#[test]
fn the_law_says_what_it_says() {
    // Public information needs no notice before it is sent (Reg 15).
    let mut record = right(Action::Furnish, ActorKind::Partner, &["cn"]);
    record.record = Record {
        observation: "public_record",
        dimension: "credit_history",
        adverse: true,
        ..Record::default()
    };
    record.basis = Basis { kind: BasisKind::PublicByLaw, ..Basis::default() };
    permitted(&record);
    // A freeze bars new credit; the review of an open account and the own look pass (605A(i)).
    let mut review = right(Action::Inquire, ActorKind::Partner, &["us"]);
    review.person.frozen = true;
    review.scenario = Some("account_review".into());
    permitted(&review);
    review.scenario = Some("credit_card".into());
    assert_eq!(refusal(&RULES, &review).unwrap().code(), "person_frozen");
    // A person sees their own file in whatever state it is, on no basis but being the person.
    let mut own = right(Action::Inquire, ActorKind::Person, &["cn", "eu"]);
    own.basis = Basis::default();
    own.person = Person {
        known: true,
        frozen: true,
        deceased: true,
        incapacity: true,
        minor: true,
        identity_theft: true,
        ..Person::default()
    };
    assert_eq!(permitted(&own).scenario.unwrap().form, Form::File);
    // Ties are collected in cn only.
    let mut ties = right(Action::Furnish, ActorKind::Partner, &["cn"]);
    ties.record = Record { observation: "ties", dimension: "relationships", ..Record::default() };
    assert!(permitted(&ties).dimensions.contains(&"relationships".to_string()));
    ties.packs.insert("us".into());
    assert_eq!(refusal(&RULES, &ties).unwrap().code(), "dimension_off");
    // A refusal names the provision.
    let mut asked = right(Action::Inquire, ActorKind::Partner, &["cn"]);
    asked.basis.kind = BasisKind::Contract;
    let refusal = refusal(&RULES, &asked).unwrap();
    assert_eq!(refusal.policies(), ["cn/inquire-consent", "common/basis-allowed"]);
    assert_eq!(RULES.policy("cn/inquire-consent").unwrap().source, "Reg 18");
}

#[test]
fn a_permit_carries_what_the_scenario_discloses() {
    let mut facts = right(Action::Inquire, ActorKind::Partner, &["cn"]);
    facts.scenario = Some("hotel_deposit".into());
    facts.actor.sector = "hotel".into();
    let terms = permitted(&facts);
    assert_eq!(terms.rules, RULES.digest());
    let hotel = terms.scenario.unwrap();
    assert_eq!((hotel.form, hotel.pull, hotel.threshold), (Form::Threshold, Pull::Soft, Some(650)));
    assert_eq!(hotel.discloses, [Disclosure::MeetsThreshold]);
    assert!(hotel.single_use && hotel.outcome_required && !hotel.adverse_action);
    facts.packs.insert("us".into());
    assert!(permitted(&facts).scenario.unwrap().adverse_action);
    facts.scenario = Some("tenancy".into());
    let tenancy = permitted(&facts).scenario.unwrap();
    assert_eq!((tenancy.form, tenancy.pull), (Form::Band, Pull::Hard));
    assert_eq!(tenancy.discloses, [Disclosure::Band]);
    facts.scenario = Some("identity_check".into());
    let identity = permitted(&facts).scenario.unwrap();
    assert!(!identity.discloses(Disclosure::Score) && !identity.discloses(Disclosure::Band));
}

#[test]
fn only_lenders_hear_how_the_person_is() {
    let states: [Change; 7] = [
        |f| f.person.frozen = true,
        |f| f.person.deceased = true,
        |f| f.person.minor = true,
        |f| f.person.known = false,
        |f| f.person.mismatch = true,
        |f| f.person.ambiguous = true,
        |f| f.basis.covers_dimension = false,
    ];
    let hidden = Outward {
        form: OutwardForm::NotAssessable,
        code: "not_assessable".into(),
        policies: Vec::new(),
    };
    for state in states {
        let mut facts = right(Action::Inquire, ActorKind::Partner, &["cn"]);
        state(&mut facts);
        let to_lender = refusal(&RULES, &facts).unwrap();
        assert_eq!(to_lender.outward(&RULES).code, to_lender.code());
        assert_eq!(to_lender.outward(&RULES).form, OutwardForm::NotAssessable);
        facts.scenario = Some("hotel_deposit".into());
        let to_hotel = refusal(&RULES, &facts).unwrap();
        assert_eq!(to_hotel.outward(&RULES), hidden);
        // A lender without a standing basis learns of its basis, and of nothing else.
        facts.scenario = Some("credit_application".into());
        facts.basis.expired = true;
        let outward = refusal(&RULES, &facts).unwrap().outward(&RULES);
        assert_eq!(
            (outward.form, outward.code.as_str()),
            (OutwardForm::Refused, "consent_expired")
        );
        assert_eq!(outward.policies, ["common/consent-expired"]);
    }
    let hotel = RULES.scenario("hotel_deposit").unwrap();
    assert_eq!(RULES.outward("disputed", hotel), hidden);
    assert_eq!(RULES.outward("never_heard_of", hotel), hidden);
    assert_eq!(RULES.outward("consent_used", hotel).code, "consent_used");
    let credit = RULES.scenario("credit_application").unwrap();
    assert_eq!(RULES.outward("insufficient_data", credit).code, "insufficient_data");
}

#[test]
fn a_refused_scenario_says_why() {
    let mut facts = right(Action::Inquire, ActorKind::Partner, &["eu"]);
    facts.scenario = Some("tenancy".into());
    let text = RULES.explain(&refusal(&RULES, &facts).unwrap());
    assert!(text.contains("Only supervised creditors"), "{text}");
    facts.scenario = Some("dating".into());
    let text = RULES.explain(&refusal(&RULES, &facts).unwrap());
    assert!(text.contains("as a companion"), "{text}");
}
