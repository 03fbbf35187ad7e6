//! What a furnisher's monthly statements cover, and which are missing.
//!
//! Pure: months are the numbers of [`Month`]. A statement that was taken back was spoken of, and
//! counts as there: the furnisher is not asked for it again.

use std::collections::BTreeMap;

use super::observation::{AccountStatus, Fact};
use crate::kernel::Month;

/// Months that are looked back for gaps between statements: less than any law lets a record live,
/// so that what was purged is not asked for again.
pub const WINDOW_MONTHS: i32 = 24;

/// What a record says about the coverage of its account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cover {
    /// The month of a statement; `None` for the account itself.
    pub month: Option<Month>,
    /// The month after which no further statement is expected.
    pub ends: Option<Month>,
}

/// What a record says about the coverage of its account; `None` when it is about none.
pub fn cover(fact: &Fact) -> Option<Cover> {
    match fact {
        Fact::Account(account) => Some(Cover { month: None, ends: account.closed.map(Month::of) }),
        Fact::AccountMonth(said) => {
            // A charged-off account and one with a collector go on being reported (Metro 2).
            let ends = matches!(
                said.status,
                AccountStatus::Closed | AccountStatus::Transferred | AccountStatus::SettledLess
            );
            Some(Cover { month: Some(said.month), ends: ends.then_some(said.month) })
        }
        _ => None,
    }
}

/// The optional fields that a record could fill, and whether it does. Fields whose absence says
/// something (not closed, not ended, not adverse) are not among them.
pub fn optional_fields(fact: &Fact) -> Vec<(&'static str, bool)> {
    match fact {
        Fact::Account(f) => vec![
            ("limit", f.limit.is_some()),
            ("original_amount", f.original_amount.is_some()),
            ("original_creditor", f.original_creditor.is_some()),
            ("term_months", f.term_months.is_some()),
        ],
        Fact::AccountMonth(f) => vec![
            ("due", f.due.is_some()),
            ("paid", f.paid.is_some()),
            ("past_due", f.past_due.is_some()),
            ("special_comment", f.special_comment.is_some()),
            ("written_consent", f.written_consent.is_some()),
        ],
        Fact::PublicRecord(f) => vec![("amount", f.amount.is_some())],
        _ => Vec::new(),
    }
}

/// Months from the first to the last, both in.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema,
)]
#[serde(deny_unknown_fields)]
pub struct Months {
    /// The first.
    #[schema(value_type = String)]
    pub from: Month,
    /// The last.
    #[schema(value_type = String)]
    pub until: Month,
}

impl Months {
    /// Whether the month is one of them.
    pub fn holds(&self, month: i32) -> bool {
        (self.from.0..=self.until.0).contains(&month)
    }
}

/// One account as its furnisher has reported it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Statements {
    /// Each month spoken of, and the month after which it says that no other comes.
    pub months: BTreeMap<i32, Option<i32>>,
    /// Whether the account itself is closed, or was taken back.
    pub closed: bool,
    /// Months that the furnisher said it has nothing for.
    pub excused: Vec<Months>,
}

impl Statements {
    /// The last month spoken of.
    pub fn last(&self) -> Option<i32> {
        self.months.keys().next_back().copied()
    }

    /// Whether a further statement is expected.
    pub fn is_open(&self) -> bool {
        let ended = self
            .months
            .iter()
            .next_back()
            .is_some_and(|(month, ends)| ends.is_some_and(|ends| ends <= *month));
        !self.closed && !ended && !self.months.is_empty()
    }

    /// The months that should be there and are not, when those up to `due` are due.
    pub fn missing(&self, due: Month) -> Vec<Months> {
        let (Some(first), Some(last)) = (self.months.keys().next().copied(), self.last()) else {
            return Vec::new();
        };
        let until = if self.is_open() { last.max(due.0) } else { last };
        let from = first.max((last + 1).min(due.0 - WINDOW_MONTHS + 1));
        let excused = |month: i32| self.excused.iter().any(|range| range.holds(month));
        let gaps = (from..=until).filter(|m| !self.months.contains_key(m) && !excused(*m));
        ranges(gaps)
    }
}

/// Rising months as ranges.
pub fn ranges(months: impl Iterator<Item = i32>) -> Vec<Months> {
    let mut out: Vec<Months> = Vec::new();
    for month in months {
        match out.last_mut() {
            Some(range) if range.until.0 + 1 == month => range.until = Month(month),
            _ => out.push(Months { from: Month(month), until: Month(month) }),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn statements(months: &[i32]) -> Statements {
        let months = months.iter().map(|m| (24_300 + m, None)).collect();
        Statements { months, ..Statements::default() }
    }

    fn missing(of: &Statements, due: i32) -> Vec<(i32, i32)> {
        let found = of.missing(Month(24_300 + due));
        found.iter().map(|r| (r.from.0 - 24_300, r.until.0 - 24_300)).collect()
    }

    #[test]
    fn an_open_account_that_stops_is_named_and_a_closed_one_is_not() {
        let mut account = statements(&[1, 2, 3]);
        assert_eq!(missing(&account, 5), [(4, 5)]);
        assert_eq!(missing(&account, 3), []);
        account.closed = true;
        assert_eq!(missing(&account, 5), []);
        let mut ended = statements(&[1, 2]);
        ended.months.insert(24_303, Some(24_303));
        assert_eq!(missing(&ended, 9), [], "its last month says that it is over");
        ended.months.insert(24_304, None);
        assert_eq!(missing(&ended, 5), [(5, 5)], "and a later one says that it is not");
    }

    #[test]
    fn a_gap_between_statements_is_named_in_a_closed_account_too() {
        let mut account = statements(&[1, 2, 5, 8]);
        assert_eq!(missing(&account, 8), [(3, 4), (6, 7)]);
        account.closed = true;
        assert_eq!(missing(&account, 12), [(3, 4), (6, 7)]);
        account.excused.push(Months { from: Month(24_303), until: Month(24_306) });
        assert_eq!(missing(&account, 12), [(7, 7)]);
    }

    #[test]
    fn an_account_that_stopped_long_ago_is_named_still_and_old_gaps_are_not() {
        assert_eq!(missing(&statements(&[1, 3]), 60), [(4, 60)]);
        assert_eq!(missing(&statements(&[1, 40]), 40), [(17, 39)]);
    }

    proptest! {
        #[test]
        fn what_is_missing_is_neither_held_nor_before_the_first_nor_after_what_is_due(
            months in prop::collection::btree_set(0..60_i32, 0..20), due in 0..70_i32,
            closed: bool,
        ) {
            let months: Vec<i32> = months.into_iter().collect();
            let account = Statements { closed, ..statements(&months) };
            let first = months.first().copied().unwrap_or(0);
            let last = months.last().copied().unwrap_or(0);
            let all: Vec<i32> = missing(&account, due).iter().flat_map(|(a, b)| *a..=*b).collect();
            for month in &all {
                prop_assert!(!months.contains(month));
                prop_assert!(*month > first);
                let until = if closed { last } else { last.max(due) };
                prop_assert!(*month <= until);
            }
            if !months.is_empty() && !closed && last < due {
                prop_assert!(all.contains(&due), "whatever stopped lacks what is due");
            }
        }
    }
}
