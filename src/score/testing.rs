//! Observations made for tests: plausible ones from a few small numbers, and hostile ones.

use jiff::civil::{Date, date};
use proptest::prelude::*;

use super::{AsOf, FoldContext, Profile, Scope, Scorecard, fold_all};
use crate::collect::observation::*;
use crate::kernel::{Amount, Currency, Month, Time};

pub(super) const SHIPPED: &[u8] =
    include_bytes!("../../policies/scorecards/fivefold-general-2.toml");
/// The expert's, which the shipped one took its characteristics from.
pub(super) const EXPERT: &[u8] =
    include_bytes!("../../policies/scorecards/fivefold-general-1.toml");

/// The newest month that plausible observations are about: 2026-10.
pub(super) const NEWEST: Month = Month(2026 * 12 + 9);

pub(super) fn shipped() -> Scorecard {
    Scorecard::load(SHIPPED).expect("the shipped scorecard loads")
}

pub(super) fn expert() -> Scorecard {
    Scorecard::load(EXPERT).expect("the expert's scorecard loads")
}

pub(super) fn as_of(date: Date) -> AsOf {
    AsOf {
        date,
        identity_level: 3,
        hard_inquiries_6m: 0,
        hard_inquiries_12m: 0,
        scope: Scope::ALL,
        with_disputed: None,
    }
}

pub(super) fn cny(minor: i64) -> Amount {
    Amount { minor, currency: Currency::CNY }
}

pub(super) fn report(fact: Fact) -> Observation {
    let basis = Basis { kind: BasisKind::Consent, reference: "con_1".to_string() };
    Observation {
        op: Operation::Report,
        subject: "sub_1".to_string(),
        basis,
        synthetic: true,
        fact,
    }
}

/// The context of the entry with this index, recorded on 2026-10-20.
pub(super) fn ctx(index: u64, furnisher: &str) -> FoldContext<'_> {
    let recorded = "2026-10-20T04:00:00Z".parse::<Time>().expect("a time");
    const RATES: &[(Currency, u64)] = &[(Currency::USD, 7_100_000)];
    FoldContext { index, recorded, furnisher, utc_offset_hours: 8, rates: RATES }
}

/// Entries in ledger order, each of the furnisher beside it.
pub(super) type Entries = Vec<(u8, Observation)>;

const FURNISHERS: [&str; 3] = ["prt_a", "prt_b", "prt_c"];

pub(super) fn contexts(
    entries: &[(u8, Observation)],
) -> impl Iterator<Item = (FoldContext<'_>, &Observation)> {
    entries.iter().enumerate().map(|(index, (furnisher, observation))| {
        (ctx(index as u64, FURNISHERS[usize::from(*furnisher) % 3]), observation)
    })
}

pub(super) fn folded(entries: &[(u8, Observation)]) -> Profile {
    fold_all(Currency::CNY, contexts(entries))
}

pub(super) fn account(key: &str, portfolio: Portfolio, opened: Date, limit: i64) -> Fact {
    Fact::Account(Account {
        account_key: key.to_string(),
        portfolio,
        opened,
        original_amount: None,
        term_months: None,
        limit: Some(cny(limit)),
        currency: Currency::CNY,
        original_creditor: None,
        role: PartyRole::Sole,
        closed: None,
        close_reason: None,
        metro2: None,
    })
}

pub(super) fn account_month(key: &str, month: Month, balance: i64, due: i64, dpd: u16) -> Fact {
    Fact::AccountMonth(AccountMonth {
        account_key: key.to_string(),
        month,
        date_of_information: month.first_day(),
        balance: cny(balance),
        due: Some(cny(due)),
        paid: Some(cny(if dpd == 0 { due } else { 0 })),
        past_due: Some(cny(if dpd == 0 { 0 } else { due.min(balance) })),
        dpd,
        status: if dpd == 0 { AccountStatus::Current } else { AccountStatus::Late },
        special_comment: None,
        written_consent: None,
        adverse_notice: None,
        metro2: None,
    })
}

fn pick<T: Copy>(all: &[T], n: u32) -> T {
    all[n as usize % all.len()]
}

/// A plausible fact from four small numbers.
fn plausible_fact(kind: u8, month: Month, a: u32, b: u32) -> Fact {
    let day = month.first_day();
    let key = format!("k{}", a % 4);
    let amount = Amount {
        minor: i64::from(b % 1000) * 997,
        currency: pick(&[Currency::CNY, Currency::CNY, Currency::USD, Currency::EUR], a / 7),
    };
    match kind % 12 {
        0 => account(&key, pick(Portfolio::ALL, b), day, i64::from(b % 90) * 10_000),
        1..=3 => {
            let dpd = pick(&[0, 0, 0, 0, 15, 35, 65, 100, 200], b);
            account_month(&key, month, i64::from(b % 700) * 900, i64::from(a % 50) * 1000, dpd)
        }
        4 => Fact::InquiryHistory(InquiryHistory { product: key, month, count: b % 4 }),
        5 => Fact::PublicRecord(PublicRecord {
            record_key: key,
            // One kind to a key, so that the slots do not run out.
            kind: pick(PublicRecordKind::ALL, a % 4),
            filed: day,
            ended: b.is_multiple_of(3).then(|| month.plus(3).first_day()),
            amount: None,
        }),
        6 => Fact::Spending(Spending {
            month,
            category: pick(&["groceries", "travel", "retail", "unheard_of"], a).to_string(),
            amount,
            count: b % 9,
        }),
        7 => Fact::PaymentActivity(PaymentActivity {
            month,
            kind: pick(PaymentKind::ALL, a),
            amount,
            count: 1 + b % 5,
            returned: b % 2,
        }),
        8 => Fact::Obligation(Obligation {
            obligation_key: key,
            kind: pick(ObligationKind::ALL, b),
            due: day,
            fulfilled: None,
            amount,
            outcome: pick(Promise::ALL, b / 7),
            adverse_notice: None,
        }),
        9 => Fact::Capacity(Capacity {
            category: pick(CapacityCategory::ALL, a),
            month,
            amount,
            verified: b.is_multiple_of(2),
        }),
        10 => Fact::Verification(Verification {
            channel: pick(Channel::ALL, a),
            source: format!("source{}", a % 2),
            verified: day,
        }),
        _ => match b % 3 {
            0 => Fact::Ties(Ties { month, verified: a % 12, reciprocal: a % 7 }),
            _ => Fact::Tenure(Tenure {
                kind: pick(TenureKind::ALL, a),
                since: month.plus(-(b as i32 % 90)).first_day(),
                confirmed: day,
            }),
        },
    }
}

/// Plausible reports of the 40 months up to [`NEWEST`], no identity twice, few enough for slots.
pub(super) fn plausible(max: usize) -> impl Strategy<Value = Entries> {
    let one = (any::<u8>(), 0..3_u8, 0..40_i32, 0..1000_u32, 0..100_000_u32);
    prop::collection::vec(one, 0..max).prop_map(|list| {
        let mut seen = std::collections::BTreeSet::new();
        let facts = list.into_iter().map(|(kind, furnisher, back, a, b)| {
            (furnisher, report(plausible_fact(kind, NEWEST.plus(-back), a, b)))
        });
        let mut first = |(furnisher, o): &(u8, Observation)| {
            seen.insert((*furnisher, o.fact.type_name(), o.fact.identity()))
        };
        facts.filter(|entry| first(entry)).collect()
    })
}

fn any_date() -> impl Strategy<Value = Date> {
    let wild = (-9999..=9999_i16, 1..=12_i8, 1..=28_i8);
    prop_oneof![
        wild.prop_map(|(y, m, d)| date(y, m, d)),
        (2015..=2027_i16, 1..=12_i8).prop_map(|(y, m)| date(y, m, 1)),
    ]
}

fn any_month() -> impl Strategy<Value = Month> {
    prop_oneof![any::<i32>().prop_map(Month), (24_200..24_330).prop_map(Month)]
}

fn any_amount() -> impl Strategy<Value = Amount> {
    let currency = prop::sample::select(vec![Currency::CNY, Currency::USD, Currency::EUR]);
    let minor = prop_oneof![any::<i64>(), Just(i64::MIN), Just(i64::MAX), Just(0)];
    (minor, currency).prop_map(|(minor, currency)| Amount { minor, currency })
}

/// Anything the types allow, far beyond what collection lets in.
pub(super) fn hostile() -> impl Strategy<Value = Observation> {
    let dates = (any_date(), any_date(), any_month());
    let amounts = (any_amount(), any_amount(), any_amount(), any_amount());
    (any::<u8>(), dates, amounts, any::<u32>(), any::<u32>()).prop_map(
        |(kind, (one, two, month), (w, x, y, z), a, b)| {
            let mut fact = plausible_fact(kind, Month(24_300), a, b);
            match &mut fact {
                Fact::Account(f) => {
                    f.account_key = format!("k{}", a % 60);
                    (f.opened, f.closed) = (one, (b % 3 == 0).then_some(two));
                    (f.limit, f.original_amount, f.currency) = (Some(w), Some(x), y.currency);
                    (f.role, f.close_reason) = (pick(PartyRole::ALL, b), f.close_reason);
                }
                Fact::AccountMonth(f) => {
                    f.account_key = format!("k{}", a % 60);
                    (f.month, f.dpd) = (month, b as u16);
                    (f.balance, f.due) = (w, Some(x));
                    (f.paid, f.past_due) = (Some(y), Some(z));
                    f.status = pick(AccountStatus::ALL, b);
                }
                Fact::InquiryHistory(f) => (f.month, f.count) = (month, b),
                Fact::PublicRecord(f) => {
                    f.record_key = format!("r{}", a % 30);
                    (f.filed, f.ended) = (one, (b % 2 == 0).then_some(two));
                }
                Fact::Spending(f) => (f.month, f.amount, f.count) = (month, w, b),
                Fact::PaymentActivity(f) => (f.month, f.count, f.returned) = (month, a, b),
                Fact::Obligation(f) => f.due = one,
                Fact::Capacity(f) => (f.month, f.amount) = (month, w),
                Fact::Verification(f) => {
                    (f.verified, f.source) = (one, format!("source{}", b % 40));
                }
                Fact::Tenure(f) => (f.since, f.confirmed) = (one, two),
                Fact::Ties(f) => (f.month, f.verified, f.reciprocal) = (month, a, b),
                Fact::StatusEvent(f) => f.since = one,
            }
            let mut observation = report(fact);
            if b % 11 == 0 {
                observation.fact = Fact::StatusEvent(StatusEvent {
                    event: pick(StatusKind::ALL, a),
                    since: one,
                    evidence: String::new(),
                    second_source: String::new(),
                });
            }
            observation.op = pick(&[Operation::Report, Operation::Correct, Operation::Delete], a);
            observation
        },
    )
}

fn huge(less: i64) -> Amount {
    Amount { minor: i64::MAX - less, currency: Currency::USD }
}

/// Everything a profile can hold, each number as long as it can be.
pub(super) fn fullest() -> Entries {
    let since = date(-9999, 1, 1);
    let mut facts = Vec::new();
    for n in 0..60_u32 {
        let key = format!("key{n}");
        let mut fixed = account(&key, Portfolio::PayLater, date(2026, 1, 1), i64::MAX);
        if let Fact::Account(f) = &mut fixed {
            f.original_amount = Some(cny(i64::MAX));
            (f.closed, f.close_reason) = (Some(date(2026, 9, 9)), Some(CloseReason::ChargedOff));
        }
        facts.push(fixed);
        (0..32).for_each(|back| fullest_month(&mut facts, n, NEWEST.plus(-back)));
        facts.push(Fact::PublicRecord(PublicRecord {
            record_key: key.clone(),
            kind: PublicRecordKind::TaxLien,
            filed: date(2026, 1, 1),
            ended: Some(date(9999, 1, 1)),
            amount: None,
        }));
        facts.push(Fact::Verification(Verification {
            channel: Channel::Employer,
            source: key,
            verified: date(2026, 1, 1),
        }));
        facts.push(Fact::Capacity(Capacity {
            category: pick(CapacityCategory::ALL, n),
            month: NEWEST,
            amount: huge(7),
            verified: true,
        }));
        let (kind, confirmed) = (pick(TenureKind::ALL, n), date(2026, 10, 31));
        facts.push(Fact::Tenure(Tenure { kind, since, confirmed }));
        facts.push(Fact::Ties(Ties { month: NEWEST, verified: u32::MAX, reciprocal: u32::MAX }));
        facts.push(Fact::StatusEvent(StatusEvent {
            event: pick(StatusKind::ALL, n),
            since,
            evidence: String::new(),
            second_source: String::new(),
        }));
    }
    facts.into_iter().map(|fact| (0, report(fact))).collect()
}

/// One month of [`fullest`].
fn fullest_month(facts: &mut Vec<Fact>, n: u32, month: Month) {
    let key = format!("key{n}");
    let mut moving = account_month(&key, month, 0, 0, 170);
    if let Fact::AccountMonth(f) = &mut moving {
        f.status = AccountStatus::ChargedOff;
        f.balance = huge(0);
        (f.due, f.paid, f.past_due) = (Some(huge(1)), Some(huge(2)), Some(huge(3)));
    }
    facts.push(moving);
    let category = pick(&["food", "home", "travel", "retail", "sport", "any"], n).to_string();
    facts.push(Fact::Spending(Spending { month, category, amount: huge(4), count: 9999 }));
    facts.push(Fact::PaymentActivity(PaymentActivity {
        month,
        kind: pick(PaymentKind::ALL, n),
        amount: huge(5),
        count: 99,
        returned: 99,
    }));
    for outcome in Promise::ALL.iter().cycle().take(8) {
        facts.push(Fact::Obligation(Obligation {
            obligation_key: key.clone(),
            kind: pick(ObligationKind::ALL, n),
            due: month.first_day(),
            fulfilled: None,
            amount: huge(6),
            outcome: *outcome,
            adverse_notice: None,
        }));
    }
    facts.push(Fact::InquiryHistory(InquiryHistory { product: key, month, count: 99 }));
}
