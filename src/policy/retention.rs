//! How long what is on file may be kept and used: the clocks of one pack, read from
//! `policies/ID/retention.toml`.
//!
//! A clock starts when the law says (the end of a spell, the first delinquency), never when a
//! record arrives. Without that event there is no clock, and the item is kept.

use jiff::ToSpan;
use jiff::civil::Date;
use serde::Deserialize;

use super::pack::Mark;
use super::source::{Fault, Files, RETENTION, toml_fault};
use super::words::words;
use crate::kernel::Amount;

/// The longest period that is believed, in months (fifty years).
const MONTHS_MAX: u32 = 600;

words! {
    /// What a clock is kept for.
    Kept {
        /// A late payment, a broken promise.
        Adverse = "adverse",
        /// A debt with a collector, or written off.
        Collection = "collection",
        /// Bankruptcy or insolvency.
        Bankruptcy = "bankruptcy",
        /// A civil judgment.
        Judgment = "judgment",
        /// Enforcement of one.
        Enforcement = "enforcement",
        /// An administrative penalty.
        AdministrativePenalty = "administrative_penalty",
        /// A tax lien.
        TaxLien = "tax_lien",
        /// Whatever speaks for the person, or neither way.
        Positive = "positive",
        /// Who asked.
        Inquiry = "inquiry",
        /// What shows that it was lawful: consents, answers, notices.
        Evidence = "evidence",
    }
}

words! {
    /// The event from which a clock runs.
    ClockStart {
        /// The end of the spell of lateness.
        SpellEnd = "spell_end",
        /// The day on which the spell began.
        FirstDelinquency = "first_delinquency",
        /// The end of the month that the record is about.
        Month = "month",
        /// When a public record was filed.
        Filed = "filed",
        /// When it ended: paid, discharged, enforced.
        Ended = "ended",
        /// When the bureau recorded it.
        Recorded = "recorded",
    }
}

words! {
    /// What becomes of an item at the end of its clock.
    AtEnd {
        /// The key that seals it is destroyed.
        Purge = "purge",
        /// It is stored, and stands in no view, score or reason.
        Suppress = "suppress",
    }
}

/// One clock.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Keep {
    /// The rule's id.
    pub id: String,
    /// For what.
    pub item: Kept,
    /// From when it runs.
    pub from: ClockStart,
    /// Months.
    pub months: u32,
    /// Days that pass before it starts.
    #[serde(default)]
    pub after_days: u16,
    /// What becomes of the item.
    pub then: AtEnd,
    /// The rule in words.
    pub text: String,
    /// The provision.
    pub source: String,
    /// How certain.
    pub mark: Mark,
}

impl Keep {
    /// The first day on which the item is no longer kept; `None` while its event has not come.
    ///
    /// A month that is shorter than the day asks for ends the clock on its last day: from
    /// 29 February, five years are 28 February.
    pub fn until(&self, event: Option<Date>) -> Option<Date> {
        let start = event?.checked_add(i64::from(self.after_days).days()).ok()?;
        start.checked_add(i64::from(self.months).months()).ok()
    }

    /// Whether the item is past its time on `day`.
    pub fn is_over(&self, event: Option<Date>, day: Date) -> bool {
        self.until(event).is_some_and(|until| day >= until)
    }
}

/// Hidden by policy, without being deleted.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Suppress {
    /// The rule's id.
    pub id: String,
    /// The lateness began on this day or later …
    pub arising_from: Date,
    /// … and on this day at the latest.
    pub arising_until: Date,
    /// No more was ever overdue.
    pub amount_max: Amount,
    /// It was repaid by the end of this day.
    pub repaid_until: Date,
    /// Nothing is hidden before.
    pub hidden_earliest: Date,
    /// The rule in words.
    pub text: String,
    /// The provision.
    pub source: String,
    /// How certain.
    pub mark: Mark,
}

/// A spell of lateness, as a suppression looks at it.
#[derive(Clone, Copy, Debug)]
pub struct Overdue {
    /// When it began.
    pub began: Date,
    /// The most that was overdue, in minor units of the rule's currency; `None` in another one.
    pub most_minor: Option<i64>,
    /// When everything was repaid.
    pub repaid: Option<Date>,
}

impl Suppress {
    /// The first day on which the spell is hidden: by the end of the month that follows repayment,
    /// that is on its last day, and not before `hidden_earliest`.
    pub fn hidden_from(&self, spell: &Overdue) -> Option<Date> {
        let repaid = spell.repaid.filter(|day| *day <= self.repaid_until)?;
        let small = spell.most_minor.is_some_and(|most| most <= self.amount_max.minor);
        let arose = (self.arising_from..=self.arising_until).contains(&spell.began);
        if !(small && arose) {
            return None;
        }
        let next = repaid.first_of_month().checked_add(1.month()).ok()?;
        Some(next.last_of_month().max(self.hidden_earliest))
    }
}

/// The clocks and suppressions of one pack.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retention {
    /// The clocks, one for each [`Kept`].
    #[serde(rename = "keep")]
    pub keeps: Vec<Keep>,
    /// What is hidden by policy.
    #[serde(default, rename = "suppress")]
    pub suppressions: Vec<Suppress>,
}

impl Retention {
    /// The clock for `item`. Every pack has one for each.
    pub fn keep(&self, item: Kept) -> Option<&Keep> {
        self.keeps.iter().find(|keep| keep.item == item)
    }
}

/// Reads and checks the clocks of one pack.
pub(super) fn read(files: &Files, pack: &str, faults: &mut Vec<Fault>) -> Option<Retention> {
    let path = format!("{pack}/{RETENTION}");
    let Some(text) = files.text(&path) else {
        faults.push(Fault { file: path, line: 1, message: "the file is missing".to_string() });
        return None;
    };
    let retention: Retention = match toml::from_str(text) {
        Ok(retention) => retention,
        Err(error) => {
            faults.push(toml_fault(&path, text, &error));
            return None;
        }
    };
    let mut wrong = |id: &str, message: String| {
        let line = files.line_with(&path, &format!("id = \"{id}\""));
        faults.push(Fault { file: path.clone(), line, message });
    };
    for item in Kept::ALL {
        let rows: Vec<&Keep> = retention.keeps.iter().filter(|k| k.item == *item).collect();
        match rows.as_slice() {
            [_] => {}
            [] => wrong("", format!("there is no clock for `{}`", item.name())),
            [_, second, ..] => {
                wrong(&second.id, format!("`{}` has two clocks", item.name()));
            }
        }
    }
    for keep in &retention.keeps {
        if !(1..=MONTHS_MAX).contains(&keep.months) {
            wrong(&keep.id, format!("a period is between 1 and {MONTHS_MAX} months"));
        }
    }
    let ids = retention.keeps.iter().map(|k| &k.id);
    for id in ids.chain(retention.suppressions.iter().map(|s| &s.id)) {
        if !id.starts_with(&format!("{pack}/")) {
            wrong(id, format!("the id `{id}` does not begin with `{pack}/`"));
        }
    }
    for rule in &retention.suppressions {
        if rule.arising_from > rule.arising_until || rule.repaid_until < rule.arising_from {
            wrong(&rule.id, "its dates are out of order".to_string());
        }
    }
    Some(retention)
}
