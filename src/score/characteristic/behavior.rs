//! How is money used, steadily or not? Spending and payments as monthly counts and totals; what
//! was bought never enters, beyond the coarse group.

use super::{Characteristic, Value, View, known_or, permille};
use crate::collect::observation::{Dimension, PaymentKind};
use crate::score::profile::SPENDING_GROUPS;
use crate::score::ring::{Nibbles, age, at};

const fn new(
    name: &'static str,
    unit: &'static str,
    what: &'static str,
    compute: fn(&View<'_>) -> Value,
) -> Characteristic {
    Characteristic::new(Dimension::Behavior, name, unit, what, compute)
}

pub(super) static CATALOGUE: &[Characteristic] = &[
    new("spending_months_12m", "count", "Months with any spending in 12", spending_months_12m),
    new(
        "spending_volatility_12m",
        "permille",
        "Mean distance of the complete months' totals from their mean, to the mean, in 12 months",
        spending_volatility_12m,
    ),
    new(
        "spending_change_3m",
        "permille",
        "Spending of the last 3 complete months less that of the 3 before, to the latter",
        spending_change_3m,
    ),
    new(
        "category_concentration_12m",
        "permille",
        "Share of the largest coarse category group in 12 months",
        category_concentration_12m,
    ),
    new(
        "returned_payments_12m",
        "count",
        "Payments returned for want of funds in 12 months",
        returned_payments_12m,
    ),
    new("payment_months_12m", "count", "Months with any payment in 12", payment_months_12m),
    new("bill_payment_months_12m", "count", "Months with a bill paid in 12", bill_months_12m),
];

/// Total of a month; `None` without purchases.
fn total(view: &View<'_>, month: i32) -> Option<i64> {
    let spending = &view.profile.spending;
    let back = age(spending.newest, month);
    (at(&spending.counts, back) > 0).then(|| at(&spending.totals, back))
}

fn spending_months_12m(view: &View<'_>) -> Value {
    let months = view.window(12).filter(|month| total(view, *month).is_some()).count() as i64;
    if months == 0 { Value::NoData } else { Value::Known(months) }
}

fn spending_volatility_12m(view: &View<'_>) -> Value {
    // From the first month with spending on: before it, the person was not observed.
    let complete = view.window(12).filter(|month| *month < view.month);
    let observed = || complete.clone().skip_while(|month| total(view, *month).is_none());
    let n = observed().count() as i128;
    let amount = |month| i128::from(total(view, month).unwrap_or(0));
    let sum: i128 = observed().map(amount).sum();
    if n < 3 {
        return Value::NoData;
    }
    let distance: i128 = observed().map(|month| (n * amount(month) - sum).abs()).sum();
    known_or(permille(distance, n * sum), Value::NoData)
}

fn spending_change_3m(view: &View<'_>) -> Value {
    let sum = |from: i32| {
        let months = (from..from + 3).map(|back| view.month.saturating_sub(back));
        months.filter_map(|month| total(view, month)).map(i128::from).sum::<i128>()
    };
    let (late, early) = (sum(1), sum(4));
    known_or(permille(late - early, early), Value::NoData)
}

fn category_concentration_12m(view: &View<'_>) -> Value {
    let spending = &view.profile.spending;
    let mut sums = [0_i128; SPENDING_GROUPS];
    for (sum, group) in sums.iter_mut().zip(&spending.groups) {
        let months = view.window(12).map(|month| at(group, age(spending.newest, month)));
        *sum = months.map(i128::from).sum();
    }
    let top = sums.iter().copied().max().unwrap_or(0);
    known_or(permille(top, sums.iter().sum()), Value::NoData)
}

/// In how many months any payment was made, of one kind or of all.
fn paid(view: &View<'_>, kind: Option<PaymentKind>) -> u32 {
    let payments = &view.profile.payments;
    let of_kind = |place: usize| kind.is_none_or(|kind| kind as usize == place);
    let cells = payments.counts.iter().enumerate().filter(|(place, _)| of_kind(*place));
    let any = cells.fold(Nibbles::default(), |any, (_, cells)| any.or(*cells));
    view.of_window(any, payments.newest, 12).filled()
}

fn months_paid(view: &View<'_>, kind: Option<PaymentKind>) -> Value {
    match paid(view, None) {
        0 => Value::NoData,
        _ => Value::Known(i64::from(paid(view, kind))),
    }
}

fn returned_payments_12m(view: &View<'_>) -> Value {
    let payments = &view.profile.payments;
    let returned = view.count(&payments.returned, payments.newest, 12);
    if returned > 0 || paid(view, None) > 0 { Value::Known(returned) } else { Value::NoData }
}

fn payment_months_12m(view: &View<'_>) -> Value {
    months_paid(view, None)
}

fn bill_months_12m(view: &View<'_>) -> Value {
    months_paid(view, Some(PaymentKind::Bill))
}
