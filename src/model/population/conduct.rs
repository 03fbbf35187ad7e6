//! Behaviour, performance, identity and ties: what the furnishers beside the lenders saw.

use super::draws::{Draws, logistic_ppm};
use super::{Sector, Setting, SyntheticRecord, day_of, notice_before};
use crate::collect::observation::{
    Capacity, CapacityCategory, Channel, Fact, Obligation, ObligationKind, PaymentActivity,
    PaymentKind, Promise, Spending, Tenure, TenureKind, Ties, Verification,
};
use crate::kernel::{Amount, Month};

/// Spending categories and their usual share of income in per cent. None of them reveals what may
/// not be collected (CN-01: no health, no religion).
pub const SPENDING: [(&str, i64); 4] =
    [("groceries", 16), ("dining", 7), ("public_transport", 5), ("household", 4)];

/// Everything but credit, in a fixed order.
pub(super) fn records(setting: &Setting) -> Vec<SyntheticRecord> {
    let mut out = Vec::new();
    let mut draws = setting.draws(3);
    if draws.percent(95) {
        spending(&mut draws, setting, &mut out);
        payments(&mut draws, setting, &mut out);
        ties(&mut draws, setting, &mut out);
    }
    let mut draws = setting.draws(4);
    if draws.percent(45) {
        tenancy(&mut draws, setting, &mut out);
    }
    if draws.percent(95) {
        bills(&mut draws, setting, &mut out);
    }
    if draws.percent(50) {
        journeys(&mut draws, setting, &mut out);
    }
    let mut draws = setting.draws(5);
    if draws.percent(70) {
        capacity(setting, &mut out);
    }
    identity(&mut draws, setting, &mut out);
    out
}

fn put(out: &mut Vec<SyntheticRecord>, sector: Sector, fact: Fact) {
    out.push(SyntheticRecord { sector, fact });
}

/// Monthly totals whose spread around the usual amount grows with risk.
fn spending(draws: &mut Draws, setting: &Setting, out: &mut Vec<SyntheticRecord>) {
    let spread = 160 + setting.risk.behavior.clamp(-2_000, 3_000) * 70 / 1_000;
    for (category, percent) in SPENDING {
        for month in setting.months() {
            let swing = (1_000 + draws.normal() * spread / 1_000).max(50);
            let yuan = setting.income * percent / 100 * swing / 1_000;
            let count = (yuan / draws.between(40, 120)).max(1) as u32;
            let amount = setting.yuan(yuan);
            let fact = Spending { month, category: category.to_string(), amount, count };
            put(out, Sector::Payment, Fact::Spending(fact));
        }
    }
}

/// Bills, purchases and top-ups; at higher risk more of them come back for want of funds and
/// money is put in little by little.
fn payments(draws: &mut Draws, setting: &Setting, out: &mut Vec<SyntheticRecord>) {
    let risk = setting.risk.behavior;
    let returns = logistic_ppm(risk * 1_200 / 1_000 - 4_800);
    for month in setting.months() {
        let top_ups = 2 + risk.clamp(-1_000, 3_000) / 700 + draws.between(0, 2);
        for (kind, count, share) in [
            (PaymentKind::Bill, draws.between(2, 5), 20),
            (PaymentKind::Purchase, draws.between(8, 40), 32),
            (PaymentKind::TopUp, top_ups.max(1), 60),
        ] {
            let returned = match kind {
                PaymentKind::TopUp => 0,
                _ => (0..count).filter(|_| draws.chance(returns)).count() as u32,
            };
            let yuan = setting.income * share / 100 * draws.between(850, 1_150) / 1_000;
            let fact = PaymentActivity {
                month,
                kind,
                amount: setting.yuan(yuan),
                count: count as u32,
                returned,
            };
            put(out, Sector::Payment, Fact::PaymentActivity(fact));
        }
    }
}

/// Counts of verified ties, each third month; only counts, only about the subject.
fn ties(draws: &mut Draws, setting: &Setting, out: &mut Vec<SyntheticRecord>) {
    let usual = 9 - setting.risk.ties * 2 / 1_000;
    for month in setting.months().filter(|month| month.0.rem_euclid(3) == 2) {
        let verified = (usual + draws.between(-1, 1)).clamp(0, 40) as u32;
        let reciprocal = verified * draws.between(50, 90) as u32 / 100;
        put(out, Sector::Payment, Fact::Ties(Ties { month, verified, reciprocal }));
    }
}

/// Rent on the fifth of each month, a deposit when it begins, and how long the address is known.
fn tenancy(draws: &mut Draws, setting: &Setting, out: &mut Vec<SyntheticRecord>) {
    let rent = setting.yuan(setting.income * draws.between(18, 32) / 100);
    let deposit = Amount { minor: rent.minor * 2, ..rent };
    let kept = Kind { kind: ObligationKind::Deposit, ease: 60_000 };
    put(
        out,
        Sector::Landlord,
        kept.promise(draws, setting, "deposit", (setting.first, 1), deposit),
    );
    let rents = Kind { kind: ObligationKind::Rent, ease: 0 };
    for month in setting.months() {
        put(out, Sector::Landlord, rents.promise(draws, setting, "rent", (month, 5), rent));
    }
}

/// A phone bill each month, a utility bill each second month, and the operator's own checks.
fn bills(draws: &mut Draws, setting: &Setting, out: &mut Vec<SyntheticRecord>) {
    let phone = Kind { kind: ObligationKind::Telecom, ease: 0 };
    let utility = Kind { kind: ObligationKind::Utility, ease: 200 };
    for month in setting.months() {
        let amount = setting.yuan(draws.between(38, 168));
        put(out, Sector::Telecom, phone.promise(draws, setting, "phone", (month, 15), amount));
        if month.0.rem_euclid(2) == 0 {
            let amount = setting.yuan(draws.between(60, 420));
            put(
                out,
                Sector::Telecom,
                utility.promise(draws, setting, "power", (month, 10), amount),
            );
        }
    }
    for (channel, source, percent) in
        [(Channel::Telecom, "operator-real-name", 95), (Channel::UtilityBill, "grid-customer", 45)]
    {
        if draws.percent(percent - setting.risk.identity.clamp(-2_000, 2_000) / 100) {
            let verified = day_of(setting.first, 9);
            let fact = Verification { channel, source: source.to_string(), verified };
            put(out, Sector::Telecom, Fact::Verification(fact));
        }
    }
}

/// Bookings, and things hired and brought back, about twice a year each.
fn journeys(draws: &mut Draws, setting: &Setting, out: &mut Vec<SyntheticRecord>) {
    let booking = Kind { kind: ObligationKind::Booking, ease: 0 };
    let hire = Kind { kind: ObligationKind::Return, ease: 300 };
    for month in setting.months() {
        if draws.percent(18) {
            let amount = setting.yuan(draws.between(180, 1_600));
            put(out, Sector::Travel, booking.promise(draws, setting, "stay", (month, 12), amount));
        }
        if draws.percent(14) {
            let amount = setting.yuan(draws.between(60, 900));
            put(out, Sector::Travel, hire.promise(draws, setting, "hire", (month, 14), amount));
        }
    }
    let fact = Verification {
        channel: Channel::Ticket,
        source: "rail-real-name".to_string(),
        verified: day_of(setting.first, 11),
    };
    put(out, Sector::Travel, Fact::Verification(fact));
}

/// A kind of promise.
struct Kind {
    kind: ObligationKind,
    /// How much likelier it is kept than a bill, on the logistic scale in thousandths.
    ease: i64,
}

impl Kind {
    /// A promise due on a day of a month, and what became of it by that month's end. At average
    /// risk 3 % are late and 0.6 % broken.
    fn promise(
        &self,
        draws: &mut Draws,
        setting: &Setting,
        name: &str,
        (month, day): (Month, i8),
        amount: Amount,
    ) -> Fact {
        let risk = setting.risk.performance;
        let due = day_of(month, day);
        let outcome = if draws.chance(logistic_ppm(risk * 1_200 / 1_000 - 5_000 - self.ease)) {
            Promise::Broken
        } else if draws.chance(logistic_ppm(risk - 3_500 - self.ease)) {
            Promise::Late
        } else {
            Promise::Kept
        };
        let fulfilled = match outcome {
            Promise::Kept => Some(day_of(month, day - draws.between(0, 4).min(day.into()) as i8)),
            Promise::Late => Some(day_of(month, day + draws.between(1, 13) as i8)),
            Promise::Broken | Promise::Open => None,
        };
        let adverse = matches!(outcome, Promise::Late | Promise::Broken);
        let notice = day_of(month, day + 2);
        Fact::Obligation(Obligation {
            obligation_key: setting.key(name),
            kind: self.kind,
            due,
            fulfilled,
            amount,
            outcome,
            adverse_notice: adverse.then(|| notice_before(notice, "synthetic-unpaid/1")),
        })
    }
}

/// Income each sixth month and at the end (restricted: CN-02), as the bank saw it paid in.
fn capacity(setting: &Setting, out: &mut Vec<SyntheticRecord>) {
    for month in setting.months().filter(|month| setting.last.since(*month) % 6 == 0) {
        let fact = Capacity {
            category: CapacityCategory::Income,
            month,
            amount: setting.yuan(setting.income),
            verified: true,
        };
        put(out, Sector::Bank, Fact::Capacity(fact));
    }
}

/// Since when address, phone and employer are the person's: shorter where identity is weak.
fn identity(draws: &mut Draws, setting: &Setting, out: &mut Vec<SyntheticRecord>) {
    for (kind, sector, percent, most) in [
        (TenureKind::Address, Sector::Landlord, 60, 120),
        (TenureKind::Phone, Sector::Telecom, 90, 96),
        (TenureKind::Employer, Sector::Bank, 65, 120),
    ] {
        if draws.percent(percent) {
            let steady = 1_000_000 - logistic_ppm(setting.risk.identity * 900 / 1_000);
            let months = 1 + most * steady / 1_000_000 * draws.between(300, 1_700) / 1_000;
            let since = day_of(setting.last.plus(-(months as i32)).max(setting.adult), 1);
            let confirmed = day_of(setting.last, 20);
            put(out, sector, Fact::Tenure(Tenure { kind, since, confirmed }));
        }
    }
}
