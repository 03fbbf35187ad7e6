//! What reading promises, for every type: examples are accepted and survive JSON, each rule has a
//! line of its own, and no input makes it panic or answer without a reason.

use std::collections::BTreeSet;

use jiff::civil::date;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::dictionary::example;
use super::read::TYPES;
use super::{FieldError, Lines, Observation, ReadContext, read_observation};
use crate::subject::level;

fn read(map: &Map<String, Value>) -> Result<Observation, Vec<FieldError>> {
    let allowed = BTreeSet::from(["groceries".to_string()]);
    read_observation(
        map,
        &ReadContext {
            today: date(2026, 10, 15),
            oldest: date(2021, 10, 15),
            allowed_categories: &allowed,
        },
    )
}

/// The example of `kind` with members replaced; `null` takes one away.
fn changed(kind: &str, changes: &Value) -> Map<String, Value> {
    let mut map = example(kind).expect("a known type");
    for (name, value) in changes.as_object().expect("an object of changes") {
        if value.is_null() {
            map.remove(name);
        } else {
            map.insert(name.clone(), value.clone());
        }
    }
    map
}

fn yuan(amount: &str) -> Value {
    json!({"amount": amount, "currency": "CNY"})
}

fn assert_refused(kind: &str, changes: &Value, expected: &[(&str, &str)]) {
    let errors = read(&changed(kind, changes)).expect_err(&format!("{kind} {changes}"));
    let seen: Vec<_> = errors.iter().map(|e| (e.pointer.as_str(), e.code)).collect();
    assert_eq!(seen, expected, "{kind} {changes}");
}

#[test]
fn every_accepted_example_survives_json() {
    for kind in TYPES {
        let observation = read(&example(kind).expect("a known type")).expect("accepted");
        let text = serde_json::to_string(&observation).expect("JSON");
        assert_eq!(serde_json::from_str::<Observation>(&text).expect("read back"), observation);
        // What the ledger keeps is itself something that could have been sent.
        let again: Map<_, _> = serde_json::from_str(&text).expect("an object");
        assert_eq!(read(&again).expect("accepted again"), observation);
    }
}

#[test]
fn a_record_without_its_optional_fields_is_accepted() {
    for (kind, changes) in [
        ("account", json!({"closed": null, "close_reason": null, "limit": null, "op": null})),
        (
            "account_month",
            json!({"dpd": 0, "status": "current", "past_due": yuan("0"),
            "adverse_notice": null, "balance": yuan("-3.5")}),
        ),
        ("account_month", json!({"status": "collection", "dpd": 0})),
        ("obligation", json!({"outcome": "open", "due": "2027-01-01", "fulfilled": null})),
        ("obligation", json!({"outcome": "broken", "due": "2020-01-01", "fulfilled": null})),
        ("obligation", json!({"outcome": "kept", "fulfilled": "2026-09-07"})),
        ("public_record", json!({"filed": "2010-01-01", "ended": null, "amount": null})),
        ("payment_activity", json!({"returned": null, "synthetic": null})),
    ] {
        assert!(read(&changed(kind, &changes)).is_ok(), "{kind} {changes}");
    }
}

#[test]
fn explicit_null_is_absent() {
    let mut map = example("public_record").expect("a known type");
    map.insert("ended".to_string(), Value::Null);
    assert!(read(&map).is_ok());
    map.insert("filed".to_string(), Value::Null);
    let errors = read(&map).expect_err("filed is required");
    assert_eq!((errors[0].pointer.as_str(), errors[0].code), ("/filed", "missing_field"));
}

#[test]
fn each_rule_of_the_envelope_has_its_own_code() {
    for (changes, expected) in [
        (json!({"type": null}), [("/type", "missing_field")]),
        (json!({"type": "loan"}), [("/type", "unknown_value")]),
        (json!({"type": "batch"}), [("/type", "unknown_value")]),
        (json!({"subject": "Li Ming"}), [("/subject", "invalid_subject")]),
        (json!({"subject": 7}), [("/subject", "invalid_subject")]),
        (json!({"basis": null}), [("/basis", "missing_field")]),
        (json!({"basis": "consent"}), [("/basis", "invalid_object")]),
        (json!({"basis": {"type": "consent"}}), [("/basis/ref", "missing_field")]),
        (json!({"basis": {"type": "wish", "ref": "c"}}), [("/basis/type", "unknown_value")]),
        (
            json!({"basis": {"type": "consent", "ref": "c", "x": 1}}),
            [("/basis/x", "unknown_field")],
        ),
        (json!({"op": "rekey"}), [("/op", "unknown_value")]),
        (json!({"synthetic": "yes"}), [("/synthetic", "invalid_boolean")]),
        (json!({"balance": yuan("1")}), [("/balance", "unknown_field")]),
        (json!({"blood_type": "A"}), [("/blood_type", "never_collected")]),
        (json!({"product": ""}), [("/product", "text_empty")]),
        (json!({"product": " \u{3000}"}), [("/product", "text_empty")]),
        (json!({"product": " card"}), [("/product", "surrounding_space")]),
        (json!({"product": "c\u{0}d"}), [("/product", "control_character")]),
        (json!({"product": "c\u{202E}d"}), [("/product", "control_character")]),
        (json!({"product": "é".repeat(65)}), [("/product", "text_too_long")]),
        (json!({"product": 1}), [("/product", "invalid_text")]),
        (json!({"product": "k-11010519491231002X"}), [("/product", "identifies_person")]),
        (json!({"count": "2"}), [("/count", "invalid_integer")]),
        (json!({"count": 2.0}), [("/count", "invalid_integer")]),
        (json!({"count": -1}), [("/count", "out_of_range")]),
        (json!({"count": 10_001}), [("/count", "out_of_range")]),
        (json!({"month": "2026-9"}), [("/month", "invalid_month")]),
        (json!({"month": "2026-11"}), [("/month", "month_in_future")]),
        (json!({"month": "2021-09"}), [("/month", "too_old")]),
        (json!({"month": "1899-12"}), [("/month", "date_absurd")]),
    ] {
        assert_refused("inquiry_history", &changes, &expected);
    }
}

#[test]
fn each_rule_of_an_account_has_its_own_code() {
    for (changes, expected) in [
        (
            json!({"opened": "2026-10-16", "closed": null, "close_reason": null}),
            vec![("/opened", "date_in_future")],
        ),
        (json!({"opened": "1899-12-31"}), vec![("/opened", "date_absurd")]),
        (json!({"opened": "20210401"}), vec![("/opened", "invalid_date")]),
        (json!({"opened": "2021-02-29"}), vec![("/opened", "invalid_date")]),
        (
            json!({"closed": "2021-03-31", "opened": "2022-04-01"}),
            vec![("/closed", "closed_before_opened"), ("/closed", "too_old")],
        ),
        (json!({"closed": null}), vec![("/closed", "reason_without_closed")]),
        (json!({"close_reason": null}), vec![("/close_reason", "closed_without_reason")]),
        (json!({"close_reason": "bored"}), vec![("/close_reason", "unknown_value")]),
        (json!({"limit": yuan("-1")}), vec![("/limit", "negative_amount")]),
        (json!({"limit": yuan("1.234")}), vec![("/limit/amount", "amount_precision")]),
        (
            json!({"limit": yuan("9999999999999999")}),
            vec![("/limit/amount", "amount_out_of_range")],
        ),
        (json!({"limit": yuan("1e3")}), vec![("/limit/amount", "invalid_amount")]),
        (json!({"limit": yuan("1_000")}), vec![("/limit/amount", "invalid_amount")]),
        (
            json!({"limit": {"amount": 5, "currency": "CNY"}}),
            vec![("/limit/amount", "invalid_amount")],
        ),
        (json!({"limit": {"amount": "5"}}), vec![("/limit/currency", "missing_field")]),
        (
            json!({"limit": {"amount": "5", "currency": "yuan"}}),
            vec![("/limit/currency", "invalid_currency")],
        ),
        (
            json!({"limit": {"amount": "5", "currency": "CNY", "x": 1}}),
            vec![("/limit/x", "unknown_field")],
        ),
        (json!({"limit": "5"}), vec![("/limit", "invalid_object")]),
        (
            json!({"limit": {"amount": "5", "currency": "USD"}}),
            vec![("/limit", "currency_differs")],
        ),
        (
            json!({"currency": "USD"}),
            vec![("/original_amount", "currency_differs"), ("/limit", "currency_differs")],
        ),
        (json!({"term_months": 0}), vec![("/term_months", "out_of_range")]),
        (json!({"term_months": 1201}), vec![("/term_months", "out_of_range")]),
        (json!({"role": "friend"}), vec![("/role", "unknown_value")]),
        (json!({"role": null}), vec![("/role", "missing_field")]),
        (json!({"portfolio": "I"}), vec![("/portfolio", "unknown_value")]),
    ] {
        assert_refused("account", &changes, &expected);
    }
}

#[test]
fn each_rule_of_an_account_month_has_its_own_code() {
    let notice = |sent: &str| json!({"channel": "sms", "sent_at": sent, "template": "t"});
    for (changes, expected) in [
        (json!({"status": "current", "past_due": null}), vec![("/dpd", "status_contradicts_dpd")]),
        (
            json!({"status": "closed", "past_due": null, "balance": yuan("0")}),
            vec![("/dpd", "status_contradicts_dpd")],
        ),
        (json!({"dpd": 0, "past_due": null}), vec![("/dpd", "status_contradicts_dpd")]),
        (json!({"dpd": 0, "status": "current"}), vec![("/past_due", "past_due_without_dpd")]),
        (
            json!({"dpd": 0, "status": "closed", "past_due": null}),
            vec![("/balance", "status_contradicts_balance")],
        ),
        (json!({"dpd": 10_001}), vec![("/dpd", "out_of_range")]),
        (json!({"dpd": 70_000}), vec![("/dpd", "out_of_range")]),
        (
            json!({"date_of_information": "2026-10-16"}),
            vec![("/date_of_information", "date_in_future")],
        ),
        (
            json!({"date_of_information": "2026-07-31"}),
            vec![("/date_of_information", "date_outside_month")],
        ),
        (json!({"due": {"amount": "800", "currency": "USD"}}), vec![("/due", "currency_differs")]),
        (json!({"paid": yuan("-1")}), vec![("/paid", "negative_amount")]),
        (
            json!({"adverse_notice": notice("2026-10-17T00:00:00Z")}),
            vec![("/adverse_notice/sent_at", "date_in_future")],
        ),
        (
            json!({"adverse_notice": notice("1000-01-01T00:00:00Z")}),
            vec![("/adverse_notice/sent_at", "date_absurd")],
        ),
        (
            json!({"adverse_notice": notice("2026-09-20")}),
            vec![("/adverse_notice/sent_at", "invalid_time")],
        ),
        (
            json!({"adverse_notice": {"channel": "sms", "sent_at": "2026-09-20T08:00:00Z"}}),
            vec![("/adverse_notice/template", "missing_field")],
        ),
        (json!({"special_comment": "x".repeat(201)}), vec![("/special_comment", "text_too_long")]),
    ] {
        assert_refused("account_month", &changes, &expected);
    }
}

#[test]
fn each_rule_of_the_other_types_has_its_own_code() {
    for (kind, changes, expected) in [
        ("public_record", json!({"ended": "2025-02-09"}), ("/ended", "ended_before_filed")),
        (
            "public_record",
            json!({"filed": "2011-01-01", "ended": "2021-10-14"}),
            ("/ended", "too_old"),
        ),
        ("spending", json!({"category": "pharmacy"}), ("/category", "category_not_allowed")),
        ("spending", json!({"amount": yuan("-1")}), ("/amount", "negative_amount")),
        ("spending", json!({"count": 0}), ("/count", "amount_without_count")),
        ("spending", json!({"religious_gifts": 3}), ("/religious_gifts", "never_collected")),
        ("payment_activity", json!({"returned": 5}), ("/returned", "returned_exceeds_count")),
        ("payment_activity", json!({"message": "hi"}), ("/message", "never_collected")),
        ("obligation", json!({"fulfilled": null}), ("/fulfilled", "outcome_without_date")),
        ("obligation", json!({"outcome": "broken"}), ("/fulfilled", "date_contradicts_outcome")),
        ("obligation", json!({"outcome": "open"}), ("/fulfilled", "date_contradicts_outcome")),
        ("obligation", json!({"fulfilled": "2026-09-05"}), ("/fulfilled", "late_before_due")),
        (
            "obligation",
            json!({"outcome": "broken", "due": "2026-10-16", "fulfilled": null}),
            ("/outcome", "outcome_before_due"),
        ),
        (
            "obligation",
            json!({"outcome": "open", "due": "2036-10-16", "fulfilled": null}),
            ("/due", "date_absurd"),
        ),
        (
            "obligation",
            json!({"due": "2021-01-01", "fulfilled": "2021-02-01"}),
            ("/fulfilled", "too_old"),
        ),
        ("capacity", json!({"category": "health"}), ("/category", "unknown_value")),
        ("capacity", json!({"verified": 1}), ("/verified", "invalid_boolean")),
        ("verification", json!({"channel": "rumour"}), ("/channel", "unknown_value")),
        ("verification", json!({"verified": "2020-01-01"}), ("/verified", "too_old")),
        (
            "tenure",
            json!({"confirmed": "2019-05-31", "since": "2022-01-01"}),
            ("/confirmed", "confirmed_before_since"),
        ),
        ("ties", json!({"reciprocal": 13}), ("/reciprocal", "reciprocal_exceeds_verified")),
        ("ties", json!({"contacts": ["x"]}), ("/contacts", "never_collected")),
        (
            "status_event",
            json!({"second_source": "Police Report 881"}),
            ("/second_source", "same_source_twice"),
        ),
        ("status_event", json!({"event": "divorce"}), ("/event", "unknown_value")),
    ] {
        let errors = read(&changed(kind, &changes)).expect_err(&format!("{kind} {changes}"));
        assert_eq!((errors[0].pointer.as_str(), errors[0].code), expected, "{kind} {changes}");
    }
}

#[test]
fn all_errors_are_told_at_once() {
    let changes = json!({"subject": "x", "balance": yuan("1.234"), "dpd": -1, "status": "fine",
        "paid": {"amount": "1", "currency": "USD"}, "religion": "x", "colour": 1});
    assert_refused(
        "account_month",
        &changes,
        &[
            ("/subject", "invalid_subject"),
            ("/balance/amount", "amount_precision"),
            ("/dpd", "out_of_range"),
            ("/status", "unknown_value"),
            ("/religion", "never_collected"),
            ("/colour", "unknown_field"),
        ],
    );
}

#[test]
fn a_message_never_repeats_a_value() {
    let secret = "s3cret-value";
    for kind in TYPES {
        for name in example(kind).expect("a known type").keys().cloned().collect::<Vec<_>>() {
            let map = changed(kind, &json!({ name: secret }));
            for error in read(&map).err().unwrap_or_default() {
                assert!(!error.to_string().contains(secret), "{error}");
            }
        }
    }
}

#[test]
fn every_channel_is_known_to_the_ladder_of_identity_levels() {
    for channel in super::observation::Channel::ALL {
        assert_eq!(level::counts(channel.name()), channel.name() != "questionnaire");
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
        "[0-9]{4}-[0-9]{2}(-[0-9]{2}(T00:00:00Z)?)?".prop_map(Value::from),
        "-?[0-9]{0,30}(\\.[0-9]{0,5})?".prop_map(Value::from),
        Just(yuan("1.00")),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::vec(("amount|currency|type|ref|[a-z~/]{0,6}", inner), 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn any_change_is_accepted_or_refused_with_a_place(
        kind in 0..TYPES.len(),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any_json()), 0..4),
        extra in proptest::option::of(("\\PC{0,10}", any_json())),
    ) {
        let mut map = example(TYPES[kind]).expect("a known type");
        let names: Vec<String> = map.keys().cloned().collect();
        for (at, value) in changes {
            map.insert(names[at.index(names.len())].clone(), value);
        }
        map.extend(extra);
        match read(&map) {
            Ok(observation) => {
                let text = serde_json::to_string(&observation).expect("JSON");
                let again: Observation = serde_json::from_str(&text).expect("read back");
                prop_assert_eq!(again, observation);
            }
            Err(errors) => {
                prop_assert!(!errors.is_empty());
                for e in errors {
                    prop_assert!(e.pointer.starts_with('/') && !e.message.is_empty(), "{}", e);
                }
            }
        }
    }

    #[test]
    fn any_bytes_become_lines_or_errors(
        bytes in proptest::collection::vec(
            prop_oneof![any::<u8>(), Just(b'\n'), Just(b'{')],
            0..200,
        ),
    ) {
        let mut lines = Lines::open(std::sync::Arc::new(bytes::Bytes::from(bytes)));
        let _ = lines.header();
        let mut last = 0;
        for (n, line) in lines {
            prop_assert!(n > last);
            last = n;
            if let Err(e) = line {
                prop_assert!(e.pointer.is_empty() || e.pointer.starts_with('/'));
            }
        }
    }
}

#[test]
fn the_rules_know_every_type_of_observation() {
    assert_eq!(crate::policy::named::OBSERVATIONS, super::read::TYPES);
}
