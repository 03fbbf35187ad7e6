//! Are promises kept, and can they be? Bills, rent, bookings and returns; and, with the consent
//! that restricted categories need (CN-02), income and deposits against what is owed.

use super::credit_history::{has_accounts, owed_sums};
use super::{Characteristic, Value, View, known_or, permille};
use crate::collect::observation::{CapacityCategory, Dimension, ObligationKind, Promise};
use crate::score::ring::Nibbles;

const fn new(
    name: &'static str,
    unit: &'static str,
    what: &'static str,
    compute: fn(&View<'_>) -> Value,
) -> Characteristic {
    Characteristic::new(Dimension::Performance, name, unit, what, compute)
}

const CREDIT: Option<Dimension> = Some(Dimension::CreditHistory);

pub(super) static CATALOGUE: &[Characteristic] = &[
    new(
        "obligations_kept_12m",
        "permille",
        "Promises kept in time, of all that fell due in 12 months",
        obligations_kept_12m,
    ),
    new("obligations_late_12m", "count", "Promises kept late in 12 months", obligations_late_12m)
        .immutable(),
    new("obligations_broken_24m", "count", "Promises broken in 24 months", broken_24m).immutable(),
    new(
        "service_broken_24m",
        "count",
        "Deposits, bookings and returns broken in 24 months; not applicable without any",
        service_broken_24m,
    )
    .immutable(),
    new(
        "rent_kept_months_24m",
        "count",
        "Months with rent paid in time in 24; not applicable without rent",
        rent_kept_months_24m,
    ),
    new(
        "performance_months_24m",
        "count",
        "Months in which any promise fell due in 24",
        performance_months_24m,
    ),
    new("due_to_income", "permille", "Due on credit in a month, to monthly income", due_to_income)
        .restricted(CREDIT),
    new("debt_to_income", "permille", "All that is owed, to yearly income", debt_to_income)
        .restricted(CREDIT),
    new(
        "income_level",
        "permille",
        "Monthly income to the reference income of the currency",
        income_level,
    )
    .restricted(None),
    new(
        "deposit_cushion",
        "permille",
        "Deposits to what is due on credit in a month; not applicable when nothing is due",
        deposit_cushion,
    )
    .restricted(CREDIT),
];

const SERVICE: [ObligationKind; 3] =
    [ObligationKind::Deposit, ObligationKind::Booking, ObligationKind::Return];

/// How many promises of these kinds had this outcome in a window.
fn count(view: &View<'_>, kinds: &[ObligationKind], outcome: Promise, months: i32) -> i64 {
    let obligations = &view.profile.obligations;
    let cells = kinds.iter().filter_map(|kind| {
        obligations.kinds.get(*kind as usize).and_then(|kind| kind.get(outcome as usize))
    });
    cells.map(|cells| view.count(cells, obligations.newest, months)).sum()
}

/// Kept, late and broken in a window.
fn outcomes(view: &View<'_>, kinds: &[ObligationKind], months: i32) -> (i64, i64, i64) {
    let of = |outcome| count(view, kinds, outcome, months);
    (of(Promise::Kept), of(Promise::Late), of(Promise::Broken))
}

/// `value` when any promise of these kinds fell due in the window, else `none`.
fn if_any(
    view: &View<'_>,
    kinds: &[ObligationKind],
    months: i32,
    none: Value,
    value: impl Fn(i64, i64, i64) -> Option<i64>,
) -> Value {
    match outcomes(view, kinds, months) {
        (0, 0, 0) => none,
        (kept, late, broken) => known_or(value(kept, late, broken), none),
    }
}

fn obligations_kept_12m(view: &View<'_>) -> Value {
    if_any(view, ObligationKind::ALL, 12, Value::NoData, |kept, late, broken| {
        permille(i128::from(kept), i128::from(kept + late + broken))
    })
}

fn obligations_late_12m(view: &View<'_>) -> Value {
    if_any(view, ObligationKind::ALL, 12, Value::NoData, |_, late, _| Some(late))
}

fn broken_24m(view: &View<'_>) -> Value {
    if_any(view, ObligationKind::ALL, 24, Value::NoData, |_, _, broken| Some(broken))
}

/// What a missing kind means: nothing at all without any promises, else "does not apply".
fn without(view: &View<'_>) -> Value {
    let any = view.profile.span(Dimension::Performance).is_some();
    if any { Value::NotApplicable } else { Value::NoData }
}

fn service_broken_24m(view: &View<'_>) -> Value {
    if_any(view, &SERVICE, 24, without(view), |_, _, broken| Some(broken))
}

fn rent_kept_months_24m(view: &View<'_>) -> Value {
    let obligations = &view.profile.obligations;
    let kept = obligations
        .kinds
        .get(ObligationKind::Rent as usize)
        .and_then(|kind| kind.get(Promise::Kept as usize))
        .copied()
        .unwrap_or_default();
    let months = view.of_window(kept, obligations.newest, 24).filled();
    if_any(view, &[ObligationKind::Rent], 24, without(view), |_, _, _| Some(i64::from(months)))
}

fn performance_months_24m(view: &View<'_>) -> Value {
    let obligations = &view.profile.obligations;
    let closed = obligations.kinds.iter().flat_map(|kind| kind.iter().skip(1));
    let due = closed.fold(Nibbles::default(), |due, cells| due.or(*cells));
    match view.of_window(due, obligations.newest, 24).filled() {
        0 => Value::NoData,
        months => Value::Known(i64::from(months)),
    }
}

/// Monthly income in the pack's currency; `None` when unknown or not positive.
fn income(view: &View<'_>) -> Option<i128> {
    let slot = view.profile.capacity(CapacityCategory::Income)?;
    (slot.amount > 0).then_some(i128::from(slot.amount))
}

fn due_to_income(view: &View<'_>) -> Value {
    let Some(income) = income(view).filter(|_| has_accounts(view)) else { return Value::NoData };
    known_or(permille(owed_sums(view).1, income), Value::NoData)
}

fn debt_to_income(view: &View<'_>) -> Value {
    let Some(income) = income(view).filter(|_| has_accounts(view)) else { return Value::NoData };
    known_or(permille(owed_sums(view).0, income * 12), Value::NoData)
}

fn income_level(view: &View<'_>) -> Value {
    let level = income(view)
        .zip(view.reference_income)
        .and_then(|(income, reference)| permille(income, i128::from(reference)));
    known_or(level, Value::NoData)
}

fn deposit_cushion(view: &View<'_>) -> Value {
    let Some(deposits) = view.profile.capacity(CapacityCategory::Deposits) else {
        return Value::NoData;
    };
    known_or(permille(i128::from(deposits.amount.max(0)), owed_sums(view).1), Value::NotApplicable)
}
