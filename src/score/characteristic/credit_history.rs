//! Were debts repaid? Lateness, use of limits, payments, age, new credit, public records.

use super::{Characteristic, Value, View, known_or, permille};
use crate::collect::observation::{Dimension, Portfolio, StatusKind};
use crate::score::fold::convert;
use crate::score::ring::{age, from_small_amount};
use crate::score::slots::{AccountSlot, Bucket, MonthNo, MovingPart};

const D: Dimension = Dimension::CreditHistory;

const fn new(
    name: &'static str,
    unit: &'static str,
    what: &'static str,
    compute: fn(&View<'_>) -> Value,
) -> Characteristic {
    Characteristic::new(D, name, unit, what, compute)
}

pub(super) static CATALOGUE: &[Characteristic] = &[
    new(
        "months_since_30dpd",
        "months",
        "Months since any account was last 30 days past due; not applicable when none ever was",
        months_since_30dpd,
    )
    .immutable(),
    new("worst_dpd_12m", "days", "Worst days past due in 12 months", worst_dpd_12m).immutable(),
    new(
        "months_late_30_24m",
        "count",
        "Account-months at 30 days past due or worse in 24 months",
        months_late_30_24m,
    )
    .immutable(),
    new(
        "months_late_6m",
        "count",
        "Account-months with any payment late in 6 months",
        months_late_6m,
    )
    .immutable(),
    new("current_dpd", "days", "Worst days past due as last reported", current_dpd),
    new("past_due_ratio", "permille", "Overdue part of all that is owed", past_due_ratio),
    new(
        "serious_delinquencies",
        "count",
        "Accounts ever 90 days past due, settled for less, collected or written off",
        serious_delinquencies,
    )
    .immutable(),
    new(
        "delinquency_spells_24m",
        "count",
        "Delinquency spells that began or lasted in 24 months",
        delinquency_spells_24m,
    )
    .immutable(),
    new(
        "utilisation_revolving",
        "permille",
        "Balance to limit over revolving accounts",
        utilisation_revolving,
    ),
    new(
        "utilisation_all",
        "permille",
        "Balance to limit or original amount over all accounts",
        utilisation_all,
    ),
    new(
        "utilisation_trend",
        "permille",
        "Average revolving utilisation of the last 4 months less that of the 4 before",
        utilisation_trend,
    ),
    new("payment_ratio_3m", "permille", "Paid of what was due in 3 months", payment_ratio_3m),
    new(
        "months_paid_in_full_6m",
        "count",
        "Account-months in which all that was due was paid, in 6 months; the best account",
        months_paid_in_full_6m,
    ),
    new("oldest_account_age", "months", "Age of the oldest account", oldest_account_age)
        .immutable(),
    new("accounts_opened_12m", "count", "Accounts opened in 12 months", accounts_opened_12m),
    new("accounts_opened_24m", "count", "Accounts opened in 24 months", accounts_opened_24m),
    new("accounts_with_balance", "count", "Accounts on which something is owed", with_balance),
    new("hard_inquiries_6m", "count", "Applications for credit in 6 months", hard_inquiries_6m),
    new("hard_inquiries_12m", "count", "Applications for credit in 12 months", hard_inquiries_12m),
    new(
        "public_records_open",
        "count",
        "Judgments, enforcements, insolvencies and the like that have not ended",
        public_records_open,
    ),
    new(
        "public_record_age",
        "months",
        "Months since the newest public record was filed; not applicable when there is none",
        public_record_age,
    )
    .immutable(),
    new(
        "limit_level",
        "permille",
        "Largest revolving limit to the reference monthly income of the currency",
        limit_level,
    )
    .immutable(),
];

fn own<'a>(view: &View<'a>) -> impl Iterator<Item = &'a AccountSlot> + use<'a> {
    view.profile.accounts.iter().filter(|slot| slot.is_own())
}

fn reported<'a>(view: &View<'a>) -> impl Iterator<Item = &'a MovingPart> + use<'a> {
    own(view).filter_map(|slot| slot.moving.as_ref())
}

pub(super) fn owed<'a>(view: &View<'a>) -> impl Iterator<Item = &'a MovingPart> + use<'a> {
    let month = view.month;
    own(view).filter(move |slot| slot.is_owed(month)).filter_map(|slot| slot.moving.as_ref())
}

pub(super) fn has_accounts(view: &View<'_>) -> bool {
    let over = &view.profile.account_overflow;
    own(view).next().is_some() || over.accounts > 0 || over.months > 0
}

/// An amount of an account in the pack's currency.
fn in_base(moving: &MovingPart, minor: i64) -> Option<i64> {
    moving.rate_micros.map(|rate| convert(minor, rate))
}

/// The overflow's buckets of a month.
fn over_bucket(view: &View<'_>, month: MonthNo) -> Bucket {
    let over = &view.profile.account_overflow;
    Bucket::from_cell(over.buckets.get(age(over.newest, month)))
}

fn months_since_30dpd(view: &View<'_>) -> Value {
    let over = &view.profile.account_overflow;
    let mut any = over.months > 0;
    let mut newest = over.last_30_plus;
    for moving in reported(view) {
        any = true;
        newest = newest.max(moving.last_30_plus);
    }
    match newest {
        Some(month) => Value::Known(age(view.month, month).max(0)),
        None if any => Value::NotApplicable,
        None => Value::NoData,
    }
}

/// The worst bucket of a window and how many account-months `counts` holds for; `None` when the
/// window holds no report.
fn lateness(view: &View<'_>, months: i32, counts: fn(Bucket) -> bool) -> Option<(Bucket, i64)> {
    let (mut worst, mut count) = (Bucket::NONE, 0);
    for month in view.window(months) {
        for moving in reported(view) {
            let bucket = moving.bucket(month);
            worst = worst.max(bucket);
            count += i64::from(counts(bucket));
        }
        let bucket = over_bucket(view, month);
        worst = worst.max(bucket);
        if counts(bucket) {
            // The overflow counts its account-months at 30 days; of lesser lateness, one a month.
            let over = &view.profile.account_overflow;
            count += i64::from(over.late_counts.get(age(over.newest, month)).max(1));
        }
    }
    worst.is_reported().then_some((worst, count))
}

fn worst_dpd_12m(view: &View<'_>) -> Value {
    known_or(lateness(view, 12, Bucket::is_late).map(|(worst, _)| worst.days()), Value::NoData)
}

fn months_late_30_24m(view: &View<'_>) -> Value {
    known_or(lateness(view, 24, Bucket::is_30_plus).map(|(_, count)| count), Value::NoData)
}

fn months_late_6m(view: &View<'_>) -> Value {
    known_or(lateness(view, 6, Bucket::is_late).map(|(_, count)| count), Value::NoData)
}

fn current_dpd(view: &View<'_>) -> Value {
    let over = &view.profile.account_overflow;
    let overflow = Some(Bucket::from_cell(over.buckets.get(0)));
    let latest = reported(view).map(MovingPart::latest).chain(overflow);
    let worst = latest.max().unwrap_or_default();
    if worst.is_reported() { Value::Known(worst.days()) } else { Value::NoData }
}

fn past_due_ratio(view: &View<'_>) -> Value {
    let over = &view.profile.account_overflow;
    let (mut past_due, mut balance) = (i128::from(over.past_due), i128::from(over.balance));
    let mut foreign = None;
    for moving in owed(view) {
        let late = moving.past_due.unwrap_or(0).max(0);
        let whole = moving.balance.max(late);
        match in_base(moving, late).zip(in_base(moving, whole)) {
            Some((late, whole)) => {
                past_due += i128::from(late);
                balance += i128::from(whole);
            }
            None => foreign = foreign.max(permille(i128::from(late), i128::from(whole))),
        }
    }
    match permille(past_due, balance).max(foreign) {
        Some(ratio) => Value::Known(ratio),
        None if has_accounts(view) => Value::NotApplicable,
        None => Value::NoData,
    }
}

fn serious_delinquencies(view: &View<'_>) -> Value {
    let over = &view.profile.account_overflow;
    let mut count = i64::from(over.worst.is_serious());
    let mut any = over.months > 0;
    for moving in reported(view) {
        any = true;
        count += i64::from(moving.worst.is_serious());
    }
    if any { Value::Known(count) } else { Value::NoData }
}

fn delinquency_spells_24m(view: &View<'_>) -> Value {
    let from = view.month.saturating_sub(24);
    let mut reports = reported(view).peekable();
    if reports.peek().is_none() {
        return Value::NoData;
    }
    let recent = |moving: &MovingPart| {
        let lasts = |end: Option<(MonthNo, _)>| end.is_none_or(|(month, _)| month >= from);
        moving.spells().filter(|s| lasts(s.ended) && s.first <= view.month).count() as i64
    };
    Value::Known(reports.map(recent).sum())
}

/// What an account may be drawn to, in its own currency: limit, or original amount.
fn ceiling(slot: &AccountSlot, revolving_only: bool) -> Option<i64> {
    let (fixed, moving) = (slot.fixed.as_ref()?, slot.moving.as_ref()?);
    let revolving = matches!(fixed.portfolio, Portfolio::Revolving | Portfolio::Open);
    if fixed.currency != moving.currency || (revolving_only && !revolving) {
        return None;
    }
    let ceiling = if revolving { fixed.limit } else { fixed.original.or(fixed.limit) };
    ceiling.filter(|minor| *minor > 0)
}

fn utilisation(view: &View<'_>, revolving_only: bool) -> Value {
    let (mut drawn, mut total, mut foreign) = (0_i128, 0_i128, None);
    for slot in own(view).filter(|slot| slot.is_owed(view.month)) {
        let Some((moving, ceiling)) = slot.moving.as_ref().zip(ceiling(slot, revolving_only))
        else {
            continue;
        };
        let balance = moving.balance.max(0);
        match in_base(moving, balance).zip(in_base(moving, ceiling)) {
            Some((balance, ceiling)) => {
                drawn += i128::from(balance);
                total += i128::from(ceiling);
            }
            None => foreign = foreign.max(permille(i128::from(balance), i128::from(ceiling))),
        }
    }
    match permille(drawn, total).max(foreign) {
        Some(ratio) => Value::Known(ratio),
        None if has_accounts(view) => Value::NotApplicable,
        None => Value::NoData,
    }
}

fn utilisation_revolving(view: &View<'_>) -> Value {
    utilisation(view, true)
}

fn utilisation_all(view: &View<'_>) -> Value {
    utilisation(view, false)
}

fn utilisation_trend(view: &View<'_>) -> Value {
    let (mut sum, mut accounts) = (0, 0);
    for slot in own(view).filter(|slot| slot.is_owed(view.month)) {
        let Some((moving, ceiling)) = slot.moving.as_ref().zip(ceiling(slot, true)) else {
            continue;
        };
        let mean = |range: std::ops::Range<i64>| {
            let balances = range.filter_map(|back| from_small_amount(moving.balances.get(back)));
            let (total, n) = balances.fold((0_i128, 0), |(t, n), b| (t + i128::from(b), n + 1));
            permille(total, n * i128::from(ceiling))
        };
        if let Some((late, early)) = mean(0..4).zip(mean(4..8)) {
            sum += late - early;
            accounts += 1;
        }
    }
    match accounts {
        0 if has_accounts(view) => Value::NotApplicable,
        0 => Value::NoData,
        n => Value::Known(sum / n),
    }
}

fn payment_ratio_3m(view: &View<'_>) -> Value {
    let (mut sum, mut n) = (0, 0);
    for month in view.window(3) {
        for moving in reported(view) {
            if let Some(percent) = moving.paid_percent.get(age(moving.newest, month)).checked_sub(1)
            {
                sum += i64::from(percent.min(100)) * 10;
                n += 1;
            }
        }
    }
    if n == 0 { Value::NoData } else { Value::Known(sum / n) }
}

fn months_paid_in_full_6m(view: &View<'_>) -> Value {
    let mut best = None;
    for moving in reported(view) {
        let cells = view.window(6).map(|month| moving.paid_percent.get(age(moving.newest, month)));
        let (known, full) = cells.fold((0, 0), |(known, full), cell| {
            (known + i64::from(cell > 0), full + i64::from(cell > 100))
        });
        best = best.max((known > 0).then_some(full));
    }
    known_or(best, Value::NoData)
}

fn oldest_account_age(view: &View<'_>) -> Value {
    let over = view.profile.account_overflow.oldest_opened;
    let oldest = own(view).filter_map(AccountSlot::since).chain(over).min();
    known_or(oldest.map(|month| age(view.month, month).max(0)), Value::NoData)
}

fn accounts_opened(view: &View<'_>, months: i32) -> Value {
    if !has_accounts(view) {
        return Value::NoData;
    }
    let over = &view.profile.account_overflow;
    let from = view.month.saturating_sub(months);
    let opened = own(view).filter_map(|slot| slot.fixed.as_ref()).map(|fixed| fixed.opened);
    let slots = opened.filter(|month| (from..=view.month).contains(month)).count() as i64;
    Value::Known(slots + view.count(&over.opened, over.opened_newest, months))
}

fn accounts_opened_12m(view: &View<'_>) -> Value {
    accounts_opened(view, 12)
}

fn accounts_opened_24m(view: &View<'_>) -> Value {
    accounts_opened(view, 24)
}

fn with_balance(view: &View<'_>) -> Value {
    if !has_accounts(view) {
        return Value::NoData;
    }
    let over = i64::from(view.profile.account_overflow.balance > 0);
    Value::Known(owed(view).filter(|moving| moving.balance > 0).count() as i64 + over)
}

fn hard_inquiries(view: &View<'_>, here: u32, months: i32) -> Value {
    let elsewhere = &view.profile.inquiries;
    let elsewhere = view.count(&elsewhere.counts, elsewhere.newest, months);
    Value::Known(i64::from(here) + elsewhere)
}

fn hard_inquiries_6m(view: &View<'_>) -> Value {
    hard_inquiries(view, view.as_of.hard_inquiries_6m, 6)
}

fn hard_inquiries_12m(view: &View<'_>) -> Value {
    hard_inquiries(view, view.as_of.hard_inquiries_12m, 12)
}

fn public_records_open(view: &View<'_>) -> Value {
    let profile = view.profile;
    let open = |ended: Option<MonthNo>| ended.is_none_or(|month| month > view.month);
    let slots = profile.public_records.iter().filter(|slot| open(slot.ended)).count() as i64;
    let insolvent = profile.status_since(StatusKind::Insolvency).is_some_and(|m| m <= view.month);
    let count = slots + i64::from(profile.public_overflow_open) + i64::from(insolvent);
    if count > 0 || has_accounts(view) || !profile.public_records.is_empty() {
        Value::Known(count)
    } else {
        Value::NoData
    }
}

fn public_record_age(view: &View<'_>) -> Value {
    let profile = view.profile;
    let filed = profile.public_records.iter().map(|slot| slot.filed);
    let insolvent = profile.status_since(StatusKind::Insolvency).filter(|m| *m <= view.month);
    let newest = filed.chain(profile.public_overflow_filed).chain(insolvent).max();
    let none = if has_accounts(view) { Value::NotApplicable } else { Value::NoData };
    known_or(newest.map(|month| age(view.month, month).max(0)), none)
}

fn limit_level(view: &View<'_>) -> Value {
    let Some(reference) = view.reference_income else { return Value::NoData };
    let limits = own(view).filter_map(|slot| {
        let revolving = slot.fixed.as_ref().is_some_and(|f| f.portfolio == Portfolio::Revolving);
        let limit = ceiling(slot, true).filter(|_| revolving && slot.is_owed(view.month))?;
        in_base(slot.moving.as_ref()?, limit)
    });
    match limits.max() {
        Some(limit) => known_or(permille(i128::from(limit), i128::from(reference)), Value::NoData),
        None if has_accounts(view) => Value::NotApplicable,
        None => Value::NoData,
    }
}

/// What is owed, due in a month and overdue, in the pack's currency, minor units.
pub(super) fn owed_sums(view: &View<'_>) -> (i128, i128) {
    let over = &view.profile.account_overflow;
    owed(view).fold((i128::from(over.balance), i128::from(over.due)), |(balance, due), moving| {
        let base = |minor: i64| i128::from(in_base(moving, minor.max(0)).unwrap_or(0));
        (balance + base(moving.balance), due + base(moving.due.unwrap_or(0)))
    })
}
