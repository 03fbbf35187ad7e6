//! What a table may know, and when.

use jiff::civil::{Date, date};
use proptest::prelude::*;

use super::*;
use crate::collect::observation::{Basis, BasisKind, Operation};
use crate::kernel::{Currency, Time};
use crate::model::population::Population;
use crate::model::table::{Wanted, read};
use crate::score::{FoldContext, Scope, fold_all};

const CARD: &[u8] = include_bytes!("../../../policies/scorecards/fivefold-general-1.toml");

fn observation(fact: Fact) -> Observation {
    let basis = Basis { kind: BasisKind::Consent, reference: "con_1".to_string() };
    let subject = "sub_1".to_string();
    Observation { op: Operation::Report, subject, basis, synthetic: true, fact }
}

/// The records of some made-up people, 30 months up to 2026-10.
fn records(number: u32) -> Vec<Observation> {
    let last = "2026-10".parse().expect("a month");
    let population = Population::new(5, 50, 30, last, Currency::CNY).expect("a population");
    let person = population.person(number);
    person.records.into_iter().map(|record| observation(record.fact)).collect()
}

/// Whether a record is about a time after a moment at the end of a month.
fn is_about_later(fact: &Fact, moment: Date) -> bool {
    let month = match fact {
        Fact::AccountMonth(f) => f.month,
        Fact::InquiryHistory(f) => f.month,
        Fact::Spending(f) => f.month,
        Fact::PaymentActivity(f) => f.month,
        Fact::Capacity(f) => f.month,
        Fact::Ties(f) => f.month,
        Fact::Account(f) => return f.opened > moment,
        Fact::Obligation(f) => return f.due > moment,
        Fact::Verification(f) => return f.verified > moment,
        Fact::Tenure(f) => return f.since > moment,
        Fact::PublicRecord(f) => return f.filed > moment,
        Fact::StatusEvent(f) => return f.since > moment,
    };
    month > Month::of(moment)
}

fn read_at(observations: &[Observation], date: Date) -> Vec<Value> {
    let card = Scorecard::load(CARD).expect("a scorecard");
    let seen: Vec<Observation> = observations
        .iter()
        .filter_map(|o| Some(Observation { fact: as_seen(&o.fact, date)?, ..o.clone() }))
        .collect();
    let context = |index: usize| FoldContext {
        index: index as u64,
        recorded: Time::from_micros(1_790_000_000_000_000),
        furnisher: "prt_a",
        utc_offset_hours: 8,
        rates: &[],
    };
    let contexts = seen.iter().enumerate().map(|(index, o)| (context(index), o));
    let as_of = AsOf {
        date,
        identity_level: 2,
        hard_inquiries_6m: 0,
        hard_inquiries_12m: 0,
        scope: Scope::ALL,
        with_disputed: None,
    };
    values(&fold_all(Currency::CNY, contexts), &card, &as_of)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Leak-free: what is about later times changes no characteristic, and what is about earlier
    /// times no outcome.
    #[test]
    fn later_records_change_no_characteristic_and_earlier_ones_no_outcome(
        number in 1_u32..50, other in 1_u32..50, back in 1_i32..20,
    ) {
        let month = Month::of(date(2026, 10, 1)).plus(-back);
        let moment = month.first_day().yesterday().expect("a day");
        let mine = records(number);
        // somebody else's later records as if they were this person's: anything may still come
        let later = records(other).into_iter().filter(|o| is_about_later(&o.fact, moment));
        let mut more = mine.clone();
        more.extend(later);
        prop_assert_eq!(read_at(&mine, moment), read_at(&more, moment));

        let until = date(2026, 10, 31);
        let after = |o: &&Observation| is_about_later(&o.fact, moment);
        let whole = outcome(mine.iter(), moment, until);
        prop_assert_eq!(whole, outcome(mine.iter().filter(after), moment, until));
    }
}

#[test]
fn what_happened_to_a_record_later_is_not_seen() {
    let closed = records(1).into_iter().find_map(|o| match o.fact {
        Fact::Account(account) => Some(account),
        _ => None,
    });
    let mut account = closed.expect("an account");
    account.closed = Some(date(2026, 9, 1));
    let seen = |date| match as_seen(&Fact::Account(account.clone()), date) {
        Some(Fact::Account(seen)) => seen.closed,
        _ => None,
    };
    assert_eq!(seen(date(2026, 8, 31)), None);
    assert_eq!(seen(date(2026, 9, 1)), Some(date(2026, 9, 1)));
}

#[test]
fn the_three_kinds_of_missing_come_back_from_the_file() {
    let many = catalogue().count();
    let row = |outcome, value| Row {
        source: "test".to_string(),
        as_of: date(2026, 10, 31),
        outcome,
        values: vec![value; many],
    };
    let rows = [
        row(Outcome::Good, Value::Known(7)),
        row(Outcome::Bad, Value::NoData),
        row(Outcome::Indeterminate, Value::Known(1)),
        row(Outcome::Good, Value::NotApplicable),
        row(Outcome::Bad, Value::NoConsent),
    ];
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("t.parquet");
    write(&rows, &[("about", "a test".to_string())], &path).expect("written");
    let first = std::fs::read(&path).expect("bytes");
    write(&rows, &[("about", "a test".to_string())], &path).expect("written");
    assert_eq!(first, std::fs::read(&path).expect("bytes"));
    let table = read(&path, &Wanted::default()).expect("a table");
    assert_eq!(table.rows, 4, "who is neither good nor bad is left out");
    let card = Scorecard::read(CARD).expect("a scorecard");
    for entry in &card.characteristics {
        let column = table.column(&entry.name).expect("a column");
        let points: Vec<Option<i32>> =
            (0..4).map(|row| entry.cell_points(column.cell(row))).collect();
        let of = |value| Some(entry.points(value));
        let expected = [
            of(Value::Known(7)),
            of(Value::NoData),
            of(Value::NotApplicable),
            of(Value::NoConsent),
        ];
        assert_eq!(points, expected, "{}", entry.name);
    }
}
