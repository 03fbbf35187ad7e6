//! Training tables from what a bureau records: the characteristics of the catalogue as they could
//! be read at a moment, and what became of the person after it.
//!
//! Nothing that lies after the moment reaches a characteristic: [`as_seen`] takes out what had not
//! happened, and the caller gives only what had been recorded. Nothing that lies before it reaches
//! the outcome. So whatever is recorded later changes no characteristic of a table.
//!
//! Missing is three things (data-model.md). No data is an empty cell; the other two are numbers
//! that no characteristic reaches, so that a column stays a column of numbers. A table holds
//! nobody's id and no name.

mod write;

pub use write::write;

use std::fmt;

use jiff::civil::Date;

use crate::collect::observation::{
    Account, AccountStatus, Fact, Obligation, Observation, PublicRecord,
};
use crate::kernel::Month;
use crate::score::characteristic::{View, catalogue};
use crate::score::column::{NO_CONSENT, NOT_APPLICABLE};
use crate::score::{AsOf, Profile, Scorecard, Value};

/// The column of where a row comes from. A fit may use it to tell sources apart; no scorecard
/// reads it.
pub const SOURCE: &str = "source";
/// The column of the moment, a date.
pub const AS_OF: &str = "as_of";
/// The column of what became of the person.
pub const OUTCOME: &str = "outcome";
/// Days past due that are bad, and from which the outcome is neither good nor bad (data-model.md,
/// Scores).
const DPD_BAD: u16 = 90;
const DPD_INDETERMINATE: u16 = 30;

/// What became of a person in the window after the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// Never 30 days past due.
    Good,
    /// 90 days past due, or given up on, on any credit obligation.
    Bad,
    /// 30 to 89 days past due at worst: left out.
    Indeterminate,
    /// Nothing was reported of the window: left out.
    Unseen,
    /// Fraud, death, a dispute that is open: left out.
    Excluded,
}

impl Outcome {
    /// The word in tables and counts.
    pub fn name(self) -> &'static str {
        match self {
            Outcome::Good => "good",
            Outcome::Bad => "bad",
            Outcome::Indeterminate => "indeterminate",
            Outcome::Unseen => "unseen",
            Outcome::Excluded => "excluded",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One person at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Where it comes from.
    pub source: String,
    /// The moment.
    pub as_of: Date,
    /// What became of them.
    pub outcome: Outcome,
    /// The characteristics, in the order of the catalogue.
    pub values: Vec<Value>,
}

/// All characteristics of the catalogue; amounts are related to the incomes that `scorecard` has
/// for reference.
pub fn values(profile: &Profile, scorecard: &Scorecard, as_of: &AsOf) -> Vec<Value> {
    let view = View::new(profile, as_of, scorecard.reference_income_minor(profile.base));
    catalogue().map(|characteristic| characteristic.read(&view)).collect()
}

/// A value as the number that stands for it; `None` for no data.
pub fn number(value: Value) -> Option<i64> {
    match value {
        Value::Known(value) => Some(value),
        Value::NoData => None,
        Value::NotApplicable => Some(NOT_APPLICABLE),
        Value::NoConsent => Some(NO_CONSENT),
    }
}

/// A fact as it could be seen at the end of `date`: `None` if it had not happened, without what
/// happened to it later. What is about a month is seen once the month is over.
pub fn as_seen(fact: &Fact, date: Date) -> Option<Fact> {
    let is_over =
        |month: Month| month.plus(1).first_day().yesterday().is_ok_and(|last_day| last_day <= date);
    let seen = match fact {
        Fact::Account(f) => {
            let closed = f.closed.filter(|closed| *closed <= date);
            let close_reason = f.close_reason.filter(|_| closed.is_some());
            let account = Account { closed, close_reason, ..f.clone() };
            return (f.opened <= date).then_some(Fact::Account(account));
        }
        Fact::PublicRecord(f) => {
            let ended = f.ended.filter(|ended| *ended <= date);
            let record = PublicRecord { ended, ..f.clone() };
            return (f.filed <= date).then_some(Fact::PublicRecord(record));
        }
        Fact::Obligation(f) => known_obligation(f, date),
        Fact::AccountMonth(f) => f.date_of_information <= date && f.month <= Month::of(date),
        Fact::InquiryHistory(f) => is_over(f.month),
        Fact::Spending(f) => is_over(f.month),
        Fact::PaymentActivity(f) => is_over(f.month),
        Fact::Capacity(f) => is_over(f.month),
        Fact::Ties(f) => is_over(f.month),
        Fact::Verification(f) => f.verified <= date,
        Fact::Tenure(f) => f.since <= date && f.confirmed <= date,
        Fact::StatusEvent(f) => f.since <= date,
    };
    seen.then(|| fact.clone())
}

fn known_obligation(fact: &Obligation, date: Date) -> bool {
    fact.due <= date && fact.fulfilled.is_none_or(|fulfilled| fulfilled <= date)
}

/// What became of a person after `after`, up to and with `until`, by the live observations.
pub fn outcome<'a>(
    observations: impl Iterator<Item = &'a Observation>,
    after: Date,
    until: Date,
) -> Outcome {
    let mut worst = None;
    for observation in observations {
        let Fact::AccountMonth(month) = &observation.fact else { continue };
        if month.date_of_information <= after || month.date_of_information > until {
            continue;
        }
        let given_up = matches!(
            month.status,
            AccountStatus::Collection | AccountStatus::ChargedOff | AccountStatus::SettledLess
        );
        let dpd = if given_up { month.dpd.max(DPD_BAD) } else { month.dpd };
        worst = Some(worst.map_or(dpd, |worst: u16| worst.max(dpd)));
    }
    match worst {
        None => Outcome::Unseen,
        Some(DPD_BAD..) => Outcome::Bad,
        Some(DPD_INDETERMINATE..) => Outcome::Indeterminate,
        Some(_) => Outcome::Good,
    }
}

#[cfg(test)]
mod tests;
