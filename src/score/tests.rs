//! Properties of folding and scoring, and the shipped scorecard.

use std::collections::BTreeSet;

use jiff::civil::{Date, date};
use proptest::prelude::*;

use super::assess::{Gate, Outcome};
use super::explain::{recourse, rows};
use super::profile::{ACCOUNT_SLOTS_MAX, PROFILE_BYTES_MAX};
use super::reasons::Language;
use super::testing::*;
use super::*;
use crate::collect::observation::*;
use crate::kernel::{Currency, Month};

fn value(assessment: &Assessment, name: &str) -> Value {
    let found = assessment.vector.values.iter().find(|(n, _)| n == name);
    found.unwrap_or_else(|| panic!("{name} is not in the scorecard")).1
}

/// 2026-10-31, when every plausible observation has been recorded.
const TODAY: Date = date(2026, 10, 31);

fn incremental(entries: &Entries) -> Profile {
    let mut profile = Profile::new(Currency::CNY);
    contexts(entries).for_each(|(ctx, observation)| profile.fold(observation, &ctx));
    profile
}

/// The same observation with another operation.
fn again(entry: &(u8, Observation), op: Operation) -> (u8, Observation) {
    (entry.0, Observation { op, ..entry.1.clone() })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn incremental_equals_refold(entries in plausible(120)) {
        prop_assert_eq!(incremental(&entries), folded(&entries));
    }

    #[test]
    fn the_order_of_reports_does_not_matter(entries in plausible(120), seed in any::<u64>()) {
        let mut moved = entries.clone();
        moved.sort_by_cached_key(|(f, o)| {
            crate::kernel::bytes::sha256(format!("{seed}{f}{:?}", o.fact).as_bytes())
        });
        prop_assert_eq!(folded(&entries), folded(&moved));
    }

    #[test]
    fn a_deleted_record_leaves_no_trace(
        entries in plausible(80), place in any::<prop::sample::Index>(),
    ) {
        prop_assume!(!entries.is_empty());
        let gone = place.index(entries.len());
        let mut with_deletion = entries.clone();
        with_deletion.push(again(&entries[gone], Operation::Delete));
        let never = contexts(&entries).enumerate().filter(|(i, _)| *i != gone).map(|(_, e)| e);
        prop_assert_eq!(folded(&with_deletion), fold_all(Currency::CNY, never));
    }

    #[test]
    fn after_a_correction_folding_goes_on_from_the_refolded_profile(
        entries in plausible(80), later in plausible(40), place in any::<prop::sample::Index>(),
    ) {
        prop_assume!(!entries.is_empty());
        let old = &entries[place.index(entries.len())];
        let known: BTreeSet<_> =
            entries.iter().map(|(f, o)| (*f, o.fact.type_name(), o.fact.identity())).collect();
        let mut all = entries.clone();
        all.push(again(old, Operation::Correct));
        prop_assert!(needs_refold(&all[all.len() - 1].1));
        let mut profile = folded(&all);
        let (refolded, at) = (profile.clone(), all.len());
        all.extend(later.into_iter().filter(|(f, o)| {
            !known.contains(&(*f, o.fact.type_name(), o.fact.identity()))
        }));
        contexts(&all).skip(at).for_each(|(ctx, o)| profile.fold(o, &ctx));
        prop_assert_eq!(profile, folded(&all));
        // Equal content corrected changes nothing but how far the profile has read.
        prop_assert_eq!(Profile { through: at as u64 - 1, ..refolded }, folded(&entries));
    }

    #[test]
    fn a_profile_reads_back_as_written(entries in plausible(150)) {
        let profile = folded(&entries);
        prop_assert_eq!(Profile::decode(&profile.encode()), Ok(profile));
    }

    #[test]
    fn whatever_is_sent_neither_panics_nor_outgrows_its_bound(
        list in prop::collection::vec((0..3_u8, hostile()), 0..400),
        day in (1..=9999_i16, 1..=12_i8), level in any::<u8>(), inquiries in any::<u32>(),
    ) {
        let (card, profile) = (shipped(), folded(&list));
        let bytes = profile.encode();
        prop_assert!(bytes.len() <= PROFILE_BYTES_MAX, "{} bytes", bytes.len());
        prop_assert_eq!(Profile::decode(&bytes), Ok(profile.clone()));
        let circumstances = AsOf {
            identity_level: level,
            hard_inquiries_6m: inquiries,
            hard_inquiries_12m: inquiries,
            ..as_of(date(day.0, day.1, 28))
        };
        let assessment = assess(&profile, &card, &circumstances);
        if let Outcome::Scored { score, .. } = assessment.outcome {
            prop_assert!((350..=950).contains(&score));
        }
        recourse(&card, &assessment);
    }

    #[test]
    fn a_stored_vector_gives_the_same_assessment(entries in plausible(120)) {
        let card = shipped();
        let assessment = assess(&folded(&entries), &card, &as_of(TODAY));
        let stored = serde_json::to_string(&assessment.vector).unwrap();
        let vector: Vector = serde_json::from_str(&stored).unwrap();
        prop_assert_eq!(assess_vector(&card, &vector), Ok(assessment));
    }

    #[test]
    fn points_sum_to_the_score_and_reasons_to_points_lost(entries in plausible(150)) {
        let card = shipped();
        let a = assess(&folded(&entries), &card, &as_of(TODAY));
        let sum: i32 = a.points.iter().sum();
        prop_assert_eq!(i64::from(card.scale.base_points + sum), a.total);
        prop_assert_eq!(a.dimensions.iter().map(|d| d.points).sum::<i32>(), sum);
        prop_assert!(a.dimensions.iter().all(|d| (d.least..=d.of).contains(&d.points)));
        if let Outcome::Scored { score, clamped: false, .. } = a.outcome {
            prop_assert_eq!(i64::from(score), a.total);
        }
        prop_assert!(a.reasons.iter().all(|r| r.lost > 0));
        prop_assert!(a.reasons.windows(2).all(|p| p[0].lost >= p[1].lost));
        let table = rows(&card, &a);
        for reason in &a.reasons {
            let lost: i32 =
                table.iter().filter(|r| r.reason == reason.code).map(|r| r.lost).sum();
            prop_assert_eq!(lost, reason.lost);
        }
        let fifth = a.reasons.get(4).is_none_or(|r| r.code == card.inquiry_reason);
        prop_assert!(a.reasons.len() <= 5 && fifth);
    }

    #[test]
    fn refusing_everything_is_neutral(entries in plausible(120)) {
        let card = shipped();
        let refused = AsOf { scope: Scope::NONE, ..as_of(TODAY) };
        let a = assess(&folded(&entries), &card, &refused);
        prop_assert_eq!(a.total, card.neutral());
        prop_assert_eq!(a.completeness_permille, 0);
        prop_assert_eq!(a.outcome, Outcome::NotAssessable(NotAssessable::InsufficientData));
    }

    #[test]
    fn refusing_a_dimension_leaves_the_others_as_they_are(
        entries in plausible(120), place in 0..5_usize,
    ) {
        let (card, profile) = (shipped(), folded(&entries));
        let refused = Dimension::ALL[place];
        let all = assess(&profile, &card, &as_of(TODAY));
        let scope = Scope::ALL.without(refused);
        let some = assess(&profile, &card, &AsOf { scope, ..as_of(TODAY) });
        let baselines = card.characteristics.iter().filter(|e| e.dimension == Some(refused));
        let neutral: i32 = baselines.map(|e| e.baseline).sum();
        prop_assert_eq!(some.dimensions[place].points, neutral);
        for (entry, bound) in card.entries() {
            let also = bound.and_then(|c| c.also) == Some(refused);
            if entry.dimension != Some(refused) && !also {
                prop_assert_eq!(value(&all, &entry.name), value(&some, &entry.name));
            }
        }
    }

    #[test]
    fn a_score_moves_with_the_month_only_and_then_within_its_bound(entries in plausible(150)) {
        let (card, profile) = (shipped(), folded(&entries));
        let at = |date| assess(&profile, &card, &as_of(date));
        for back in 0..12 {
            let month = NEWEST.plus(back);
            let (first, next) = (month.first_day(), month.plus(1).first_day());
            let (early, late) = (at(first), at(next.yesterday().unwrap()));
            prop_assert_eq!(&early, &late);
            if let Some((before, after)) = late.score().zip(at(next).score()) {
                prop_assert!((before - after).abs() <= card.month_turn_points_max,
                    "{} to {}", before, after);
            }
        }
    }

    #[test]
    fn paying_never_lowers_a_score(
        entries in plausible(100), back in 0..30_i32, dpd in 0..200_u16, balance in 0..900_000_i64,
    ) {
        let card = shipped();
        let month = NEWEST.plus(-back);
        let with = |fact| {
            let mut all = entries.clone();
            let opened = date(2020, 1, 1);
            all.push((0, report(account("paid", Portfolio::Revolving, opened, 1_000_000))));
            all.push((0, report(fact)));
            assess(&folded(&all), &card, &as_of(TODAY)).total
        };
        let owed = account_month("paid", month, balance, 50_000, dpd);
        let paid = account_month("paid", month, balance / 2, 50_000, 0);
        prop_assert!(with(paid) >= with(owed));
    }

    #[test]
    fn a_recourse_reaches_the_next_band_and_nothing_shorter_does(entries in plausible(120)) {
        let card = shipped();
        let a = assess(&folded(&entries), &card, &as_of(TODAY));
        if let Some(way) = recourse(&card, &a) {
            let with = |moves: &[explain::Move]| {
                let mut vector = a.vector.clone();
                for change in moves {
                    let slot = vector.values.iter_mut().find(|(n, _)| *n == change.name);
                    slot.unwrap().1 = Value::Known(change.reach);
                }
                assess_vector(&card, &vector).unwrap().total
            };
            prop_assert!(with(&way.moves) >= i64::from(way.score));
            for skip in 0..way.moves.len() {
                let mut fewer = way.moves.clone();
                fewer.remove(skip);
                prop_assert!(with(&fewer) < i64::from(way.score));
            }
            let immutable = |n: &str| characteristic::find(n).is_some_and(|c| c.immutable);
            prop_assert!(way.moves.iter().all(|m| !immutable(&m.name) && m.gained > 0));
        }
    }
}

#[test]
fn a_dimension_without_entries_has_no_data_on_any_day() {
    let (card, empty) = (shipped(), folded(&[]));
    for date in [date(1990, 1, 1), TODAY, date(2090, 12, 31)] {
        let a = assess(&empty, &card, &as_of(date));
        for (entry, _) in card.entries() {
            // Level and inquiries are given with the question and known of anybody.
            let given = ["identity_level", "hard_inquiries_6m", "hard_inquiries_12m"];
            let expected = if given.contains(&entry.name.as_str()) { "Known" } else { "NoData" };
            let got = format!("{:?}", value(&a, &entry.name));
            assert!(got.starts_with(expected), "{}: {got}", entry.name);
        }
        assert!(a.total >= card.neutral());
        assert_eq!(a.outcome, Outcome::NotAssessable(NotAssessable::InsufficientData));
    }
}

#[test]
fn the_first_reason_for_no_score_in_a_fixed_order_is_the_answer() {
    let card = shipped();
    let fresh = History { months: 30, update_age: Some(1) };
    let fine = Gate { identity_level: 3, history: fresh, ..Gate::default() };
    let level = Gate { identity_level: 1, ..fine };
    let short = Gate { history: History { months: 5, update_age: Some(1) }, ..fine };
    let stale = Gate { history: History { months: 30, update_age: Some(7) }, ..fine };
    let both = Gate { history: History { months: 5, update_age: None }, ..level };
    let cases = [
        (fine, None),
        (Gate { insolvency: true, ..fine }, None),
        (stale, Some("stale")),
        (short, Some("insufficient_data")),
        (Gate { history: History::default(), ..fine }, Some("insufficient_data")),
        (both, Some("identity_level_low")),
        (Gate { identity_theft: true, ..both }, Some("identity_theft")),
        (Gate { incapacity: true, identity_theft: true, ..both }, Some("incapacity")),
        (Gate { deceased: true, incapacity: true, ..both }, Some("deceased")),
    ];
    let values = Vector::read(&folded(&[]), &card, &as_of(TODAY)).values;
    for (gate, expected) in cases {
        let a = assess_vector(&card, &Vector { gate, values: values.clone() }).unwrap();
        let got = match a.outcome {
            Outcome::Scored { .. } => None,
            Outcome::NotAssessable(why) => Some(why.code()),
        };
        assert_eq!(got, expected, "{gate:?}");
    }
}

/// Six statements of one card, the last one a month late.
fn card_holder(last_dpd: u16) -> Entries {
    let opened = date(2019, 3, 1);
    let mut entries = vec![(0, report(account("c", Portfolio::Revolving, opened, 1_000_000)))];
    for back in 0..6 {
        let dpd = if back == 0 { last_dpd } else { 0 };
        let balance = 600_000 - i64::from(back) * 100_000;
        let month = NEWEST.plus(-back);
        entries.push((0, report(account_month("c", month, balance, 50_000, dpd))));
    }
    entries
}

#[test]
fn characteristics_of_a_card_holder_are_what_the_statements_say() {
    let a = assess(&folded(&card_holder(35)), &expert(), &as_of(TODAY));
    let known = [
        ("months_since_30dpd", 0),
        ("worst_dpd_12m", 30),
        ("months_late_6m", 1),
        ("current_dpd", 30),
        ("past_due_ratio", 83),
        ("utilisation_revolving", 600),
        ("utilisation_trend", 450 - 150),
        ("payment_ratio_3m", 750),
        ("months_paid_in_full_6m", 5),
        ("oldest_account_age", 91),
        ("accounts_with_balance", 1),
        ("delinquency_spells_24m", 1),
        ("limit_level", 3333),
    ];
    for (name, expected) in known {
        let Value::Known(got) = value(&a, name) else { panic!("{name} is not known") };
        let rounding = i64::from(name == "utilisation_trend");
        assert!((got - expected).abs() <= rounding, "{name}: {got}, not {expected}");
    }
    assert!(a.score().is_some());
    assert_eq!(a.reasons[0].code, "CH01");
    assert_eq!(a.reasons[0].lost, (4 + 34) + (3 + 6) + (1 + 4) + (3 + 6));
    let better = assess(&folded(&card_holder(0)), &expert(), &as_of(TODAY));
    assert!(better.score() > a.score());
}

#[test]
fn an_authorised_user_does_not_answer_for_the_account() {
    let mut entries = card_holder(100);
    if let Fact::Account(fact) = &mut entries[0].1.fact {
        fact.role = PartyRole::AuthorisedUser;
    }
    let a = assess(&folded(&entries), &expert(), &as_of(TODAY));
    assert_eq!(value(&a, "current_dpd"), Value::NoData);
    assert_eq!(a.dimensions[0].points, assess_empty().dimensions[0].points);
}

fn assess_empty() -> Assessment {
    assess(&folded(&[]), &expert(), &as_of(TODAY))
}

#[test]
fn lateness_beyond_the_slots_is_not_lost() {
    let mut entries: Entries = Vec::new();
    for n in 0..ACCOUNT_SLOTS_MAX + 3 {
        let key = format!("acc{n}");
        let dpd = if n == ACCOUNT_SLOTS_MAX + 2 { 95 } else { 0 };
        entries.push((0, report(account(&key, Portfolio::Instalment, date(2026, 9, 1), 100))));
        entries.push((0, report(account_month(&key, NEWEST, 50, 10, dpd))));
    }
    let a = assess(&folded(&entries), &expert(), &as_of(TODAY));
    assert_eq!(value(&a, "current_dpd"), Value::Known(90));
    assert_eq!(value(&a, "serious_delinquencies"), Value::Known(1));
    assert_eq!(value(&a, "months_late_30_24m"), Value::Known(1));
    let opened = i64::try_from(ACCOUNT_SLOTS_MAX + 3).unwrap();
    assert_eq!(value(&a, "accounts_opened_12m"), Value::Known(opened));
}

#[test]
fn the_fullest_profile_keeps_to_its_bound_and_uses_it() {
    let mut profile = incremental(&fullest());
    profile.through = u64::MAX;
    for moving in profile.accounts.iter_mut().filter_map(|slot| slot.moving.as_mut()) {
        moving.rate_micros = Some(1_000_000_000_000);
    }
    let bytes = profile.encode().len();
    assert!(bytes <= PROFILE_BYTES_MAX, "{bytes} bytes");
    assert!(bytes > PROFILE_BYTES_MAX * 9 / 10, "{bytes} bytes: room for more slots");
    assert_eq!(profile.accounts.len(), ACCOUNT_SLOTS_MAX);
}

#[test]
fn no_channel_is_lost_to_many_sources_of_another() {
    let check = |channel, n: usize| {
        let source = format!("source{n}");
        (0, report(Fact::Verification(Verification { channel, source, verified: TODAY })))
    };
    let mut entries: Entries = (0..40).map(|n| check(Channel::Card, n)).collect();
    entries.push(check(Channel::Authority, 0));
    entries.push(check(Channel::Questionnaire, 0));
    let a = assess(&folded(&entries), &expert(), &as_of(TODAY));
    assert_eq!(value(&a, "verification_channels"), Value::Known(2));
}

#[test]
fn amounts_without_a_rate_form_ratios_and_no_sums() {
    let mut entries = card_holder(0);
    for (_, observation) in &mut entries {
        match &mut observation.fact {
            Fact::Account(f) => {
                f.currency = Currency::EUR;
                f.limit.iter_mut().for_each(|a| a.currency = Currency::EUR);
            }
            Fact::AccountMonth(f) => f.balance.currency = Currency::EUR,
            _ => {}
        }
    }
    let income = Capacity {
        category: CapacityCategory::Income,
        month: NEWEST,
        amount: cny(1_000_000),
        verified: true,
    };
    entries.push((0, report(Fact::Capacity(income))));
    let a = assess(&folded(&entries), &expert(), &as_of(TODAY));
    assert_eq!(value(&a, "utilisation_revolving"), Value::Known(600));
    assert_eq!(value(&a, "debt_to_income"), Value::Known(0));
    assert_eq!(value(&a, "limit_level"), Value::NotApplicable);
}

#[test]
fn restricted_values_need_their_own_consent() {
    let card = shipped();
    let mut scope = Scope::ALL;
    scope.restricted = false;
    let a = assess(&folded(&card_holder(0)), &card, &AsOf { scope, ..as_of(TODAY) });
    for (entry, bound) in card.entries() {
        let restricted = bound.is_some_and(|c| c.restricted);
        assert_eq!(value(&a, &entry.name) == Value::NoConsent, restricted, "{}", entry.name);
    }
}

#[test]
fn disputed_items_count_as_existing() {
    let (card, empty) = (shipped(), folded(&[]));
    let whole = History::of(&folded(&card_holder(35)), TODAY, Scope::ALL);
    let a = assess(&empty, &card, &AsOf { with_disputed: Some(whole), ..as_of(TODAY) });
    assert!(a.score().is_some());
}

#[test]
fn a_month_yet_to_come_is_left_out() {
    let mut entries = card_holder(0);
    let before = folded(&entries);
    entries.push((0, report(account_month("c", Month(9999 * 12), 5, 5, 90))));
    assert_eq!(Profile { through: before.through, ..folded(&entries) }, before);
}

#[test]
fn another_fold_version_or_damaged_bytes_are_refused() {
    let mut bytes = folded(&card_holder(0)).encode();
    let code = |bytes: &[u8]| Profile::decode(bytes).map_err(|e| e.code());
    assert_eq!(code(&bytes[..bytes.len() - 1]), Err("profile_unreadable"));
    bytes.push(0);
    assert_eq!(code(&bytes), Err("profile_unreadable"));
    bytes[0] = FOLD_VERSION as u8 + 1;
    assert_eq!(code(&bytes), Err("profile_unreadable"));
}

#[test]
fn the_shipped_scorecard_covers_the_dimensions_and_every_code_has_its_texts() {
    let card = shipped();
    assert!(card.characteristics.len() >= 28);
    let of = |d| card.characteristics.iter().filter(|e| e.dimension == Some(d)).count();
    assert!(Dimension::ALL.map(of).iter().zip([10, 5, 6, 4, 1]).all(|(have, need)| *have >= need));
    assert!((580..=660).contains(&card.neutral()), "{}", card.neutral());
    assert_eq!(card.status.name(), "demonstration", "made-up persons are among those fitted to");
    assert_eq!(expert().neutral(), 620);
    assert_eq!(card.probability_for("credit_application", 620), None);
    let texts = ReasonTexts::load(include_bytes!("../../policies/reasons.toml")).unwrap();
    let codes = card.characteristics.iter().map(|e| e.reason.as_str());
    for code in codes.chain(NotAssessable::ALL.map(NotAssessable::reason_code)) {
        assert!(texts.text(code, Language::English).is_some(), "{code}");
        assert!(texts.text(code, Language::Chinese).is_some(), "{code}");
    }
}

#[test]
fn a_score_lies_in_one_band_only() {
    let card = shipped();
    let names = [349, 350, 549, 550, 600, 649, 700, 950].map(|s| card.band(s).to_string());
    assert_eq!(
        names.each_ref().map(String::as_str),
        ["poor", "poor", "poor", "fair", "good", "good", "outstanding", "outstanding"]
    );
}

#[test]
fn a_scorecard_that_breaks_a_rule_is_refused() {
    let text = std::str::from_utf8(EXPERT).unwrap();
    let cases = [
        ("version = ", "versoin = ", "unknown field"),
        ("name = \"current_dpd\"", "name = \"shoe_size\"", "not in the catalogue"),
        ("{ to = 1, points = 10 }", "{ to = 1, points = 10 }", ""),
        (
            "{ from = 30, to = 60, points = -18 }",
            "{ from = 31, to = 60, points = -18 }",
            "does not begin",
        ),
        (
            "{ from = 30, to = 60, points = -18 }",
            "{ from = 30, to = 60, points = -1 }",
            "points rise",
        ),
        ("baseline = 4\nno_data = 4", "baseline = 4\nno_data = 3", "would cost points"),
        ("{ from = 8, points = 5 }", "{ from = 8, points = 6 }", "ties may add at most"),
        ("{ from = 8, points = 5 }", "{ from = 8, to = 99, points = 5 }", "cover every value"),
        ("pdo = 45", "pdo = 20", "pdo outside"),
        ("to = 550", "to = 560", "must end where the next begins"),
        ("base_points = 554", "base_points = 900", "lies outside the range"),
    ];
    for (old, new, complaint) in cases {
        let changed = text.replacen(old, new, 1);
        match Scorecard::load(changed.as_bytes()) {
            Ok(_) => assert_eq!(complaint, "", "{new} was accepted"),
            Err(e) => {
                assert!(!complaint.is_empty() && e.to_string().contains(complaint), "{new}: {e}")
            }
        }
    }
}

#[test]
fn a_vector_of_another_scorecard_is_refused() {
    let card = shipped();
    let mut vector = Vector::read(&folded(&[]), &card, &as_of(TODAY));
    vector.values.pop();
    let last = card.characteristics.last().map(|entry| entry.name.clone());
    let expected = ScoreError::VectorMismatch { expected: last.unwrap_or_default() };
    assert_eq!(assess_vector(&card, &vector), Err(expected));
}
