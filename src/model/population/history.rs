//! Credit history: accounts and their months, and inquiries made elsewhere.
//!
//! Arrears are counted in unpaid instalments. Each month an account that is current may miss one;
//! one in arrears cures, pays one and stays, or rolls on. Days past due follow from the oldest
//! unpaid due date, never from the count times thirty. Seven unpaid instalments, six months past
//! due, end in a charge-off and the account says no more.

use super::draws::{Draws, logistic_ppm};
use super::{Sector, Setting, SyntheticRecord, day_of, days_between, notice_before};
use crate::collect::observation::{
    Account, AccountMonth, AccountStatus, CloseReason, Fact, InquiryHistory, PartyRole, Portfolio,
};
use crate::kernel::Month;

/// Unpaid instalments at which an account goes to collection, and at which it is written off.
const COLLECTION_AT: i64 = 4;
const CHARGE_OFF_AT: i64 = 7;

/// The part of an account that its months do not change.
struct Plan {
    sector: Sector,
    key: String,
    portfolio: Portfolio,
    /// Month of opening; may lie before the window.
    opened: Month,
    /// Original amount or limit, in yuan.
    size: i64,
    /// Months to pay it back; none for a card.
    term: Option<u32>,
    /// Day of the month on which it is due.
    due_day: i8,
}

/// All of the person's accounts, their months, and the inquiries.
pub(super) fn records(setting: &Setting) -> Vec<SyntheticRecord> {
    let mut draws = setting.draws(2);
    let mut plans = Vec::new();
    if draws.percent(85) {
        plans.push(card(&mut draws, setting, "card1"));
        if draws.percent(30) {
            plans.push(card(&mut draws, setting, "card2"));
        }
    }
    if draws.percent(20) {
        plans.push(mortgage(&mut draws, setting));
    }
    let wants_credit = 40 + setting.risk.history.clamp(-2_000, 2_000) / 100;
    for name in ["loan1", "loan2"] {
        if draws.percent(wants_credit) {
            plans.push(loan(&mut draws, setting, name));
        }
    }
    if draws.percent(wants_credit / 2) {
        plans.push(pay_later(&mut draws, setting));
    }
    let mut records = Vec::new();
    for plan in &plans {
        write_account(&mut draws, setting, plan, &mut records);
    }
    inquiries(&mut draws, setting, &mut records);
    records
}

/// A month of opening up to `back` months before the person's first, and before neither adulthood
/// nor arrival.
fn opened(draws: &mut Draws, setting: &Setting, back: i64) -> Month {
    setting.first.plus(-(draws.between(0, back) as i32))
}

fn due_day(draws: &mut Draws) -> i8 {
    draws.between(3, 18) as i8
}

fn card(draws: &mut Draws, setting: &Setting, name: &str) -> Plan {
    Plan {
        sector: Sector::Bank,
        key: setting.key(name),
        portfolio: Portfolio::Revolving,
        opened: opened(draws, setting, 20),
        size: (setting.income * draws.between(10, 50) / 10 / 1_000).max(2) * 1_000,
        term: None,
        due_day: due_day(draws),
    }
}

fn mortgage(draws: &mut Draws, setting: &Setting) -> Plan {
    Plan {
        sector: Sector::Bank,
        key: setting.key("mortgage"),
        portfolio: Portfolio::Mortgage,
        opened: opened(draws, setting, 20),
        size: setting.income * draws.between(50, 90),
        term: Some(360),
        due_day: due_day(draws),
    }
}

fn loan(draws: &mut Draws, setting: &Setting, name: &str) -> Plan {
    let start = draws.between(-12, (i64::from(setting.last.since(setting.first)) - 1).max(0));
    Plan {
        sector: Sector::ConsumerLender,
        key: setting.key(name),
        portfolio: Portfolio::Instalment,
        opened: setting.first.plus(start as i32),
        size: (setting.income * draws.between(8, 40) / 10 / 500).max(2) * 500,
        term: Some(*[12, 24, 36].get(draws.below(3) as usize).unwrap_or(&24)),
        due_day: due_day(draws),
    }
}

fn pay_later(draws: &mut Draws, setting: &Setting) -> Plan {
    let start = draws.between(0, i64::from(setting.last.since(setting.first)).max(0));
    Plan {
        sector: Sector::ConsumerLender,
        key: setting.key("paylater"),
        portfolio: Portfolio::PayLater,
        opened: setting.first.plus(start as i32),
        size: draws.between(4, 40) * 100,
        term: Some(4),
        due_day: due_day(draws),
    }
}

/// The months of one account, then the account as it stands at the end of the window.
fn write_account(
    draws: &mut Draws,
    setting: &Setting,
    plan: &Plan,
    records: &mut Vec<SyntheticRecord>,
) {
    let begin = plan.opened.max(setting.first);
    let mut state = State::at(plan, begin, setting, draws);
    let mut months = Vec::new();
    for month in (begin.0..=setting.last.0).map(Month) {
        months.push(SyntheticRecord {
            sector: plan.sector,
            fact: Fact::AccountMonth(state.step(draws, setting, plan, month)),
        });
        if state.ended.is_some() {
            break;
        }
    }
    let revolving = plan.term.is_none();
    let size = setting.yuan(plan.size);
    records.push(SyntheticRecord {
        sector: plan.sector,
        fact: Fact::Account(Account {
            account_key: plan.key.clone(),
            portfolio: plan.portfolio,
            opened: day_of(plan.opened, 2),
            original_amount: (!revolving).then_some(size),
            term_months: plan.term,
            limit: revolving.then_some(size),
            currency: setting.currency,
            original_creditor: None,
            role: PartyRole::Sole,
            closed: state.ended.map(|(month, _)| day_of(month, 31)),
            close_reason: state.ended.map(|(_, reason)| reason),
            metro2: None,
        }),
    });
    records.append(&mut months);
}

/// An account as it moves from month to month; money in yuan.
struct State {
    unpaid: i64,
    /// Principal not yet due or not yet paid.
    balance: i64,
    /// A card's balance to limit, in thousandths, that it returns to.
    usual_use: i64,
    ended: Option<(Month, CloseReason)>,
}

impl State {
    fn at(plan: &Plan, begin: Month, setting: &Setting, draws: &mut Draws) -> State {
        let usual_use =
            (330 + setting.risk.history * 220 / 1_000 + draws.normal() / 10).clamp(10, 1_000);
        let repaid = i64::from(begin.since(plan.opened)) * plan.instalment();
        State {
            unpaid: 0,
            balance: match plan.term {
                Some(_) => (plan.size - repaid).max(plan.instalment()),
                None => plan.size * usual_use / 1_000,
            },
            usual_use,
            ended: None,
        }
    }

    /// One month: what was due, what was paid, where that leaves the account.
    fn step(
        &mut self,
        draws: &mut Draws,
        setting: &Setting,
        plan: &Plan,
        month: Month,
    ) -> AccountMonth {
        let due = match plan.term {
            Some(_) => plan.instalment().min(self.balance),
            None => (self.balance / 20).max(100).min(self.balance),
        };
        let before = self.unpaid;
        self.unpaid = if due == 0 { 0 } else { arrears(draws, setting.risk.history, before) };
        // Every instalment that is no longer unpaid was paid this month.
        let mut paid = due * (before + 1 - self.unpaid);
        if plan.term.is_some() {
            paid = paid.min(self.balance);
            self.balance -= paid;
        } else {
            if self.unpaid == 0 && draws.percent(40) {
                paid = paid.max(self.balance * draws.between(300, 1_000) / 1_000);
            }
            let drift = draws.normal() * 60 / 1_000;
            self.balance = plan.size * (self.usual_use + drift).max(0) / 1_000;
            self.balance = self.balance.max(due * self.unpaid);
        }
        let past_due = (due * self.unpaid).min(self.balance);
        let status = self.status();
        if self.unpaid >= CHARGE_OFF_AT {
            self.ended = Some((month, CloseReason::ChargedOff));
        } else if plan.term.is_some() && self.balance == 0 {
            self.ended = Some((month, CloseReason::Paid));
        }
        let information = day_of(month, 31);
        let oldest_due = day_of(month.plus(1 - self.unpaid as i32), plan.due_day);
        let late = self.unpaid > 0;
        AccountMonth {
            account_key: plan.key.clone(),
            month,
            date_of_information: information,
            balance: setting.yuan(self.balance),
            due: Some(setting.yuan(due)),
            paid: Some(setting.yuan(paid)),
            past_due: late.then(|| setting.yuan(past_due)),
            dpd: if late { days_between(oldest_due, information) as u16 } else { 0 },
            status,
            special_comment: None,
            written_consent: Some(format!("{}-wc", plan.key)),
            adverse_notice: late.then(|| notice_before(information, "synthetic-late-payment/1")),
            metro2: None,
        }
    }

    fn status(&self) -> AccountStatus {
        match self.unpaid {
            0 => AccountStatus::Current,
            n if n < COLLECTION_AT => AccountStatus::Late,
            n if n < CHARGE_OFF_AT => AccountStatus::Collection,
            _ => AccountStatus::ChargedOff,
        }
    }
}

impl Plan {
    /// A month's share of what was lent, rounded up, in yuan.
    fn instalment(&self) -> i64 {
        self.term.map_or(0, |term| (self.size + i64::from(term) - 1) / i64::from(term.max(1)))
    }
}

/// Unpaid instalments a month later. At average risk 1.2 % of current accounts miss one, at two
/// deviations 14 %; of accounts in arrears six in ten cure at average risk.
fn arrears(draws: &mut Draws, risk: i64, unpaid: i64) -> i64 {
    if unpaid == 0 {
        return i64::from(draws.chance(logistic_ppm(risk * 1_300 / 1_000 - 4_400)));
    }
    if draws.chance(logistic_ppm(400 - risk * 500 / 1_000 - unpaid * 150)) {
        0
    } else if draws.chance(logistic_ppm(300 + risk * 500 / 1_000)) {
        unpaid + 1
    } else {
        unpaid
    }
}

/// Months with hard inquiries elsewhere, from the lender's own transfer file.
fn inquiries(draws: &mut Draws, setting: &Setting, records: &mut Vec<SyntheticRecord>) {
    for month in setting.months() {
        if draws.chance(logistic_ppm(setting.risk.history * 700 / 1_000 - 2_600)) {
            records.push(SyntheticRecord {
                sector: Sector::ConsumerLender,
                fact: Fact::InquiryHistory(InquiryHistory {
                    product: "consumer_loan".to_string(),
                    month,
                    count: 1 + draws.below(2) as u32,
                }),
            });
        }
    }
}
