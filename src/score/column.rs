//! Characteristics that are columns of any table, and two-way tables over two of them: what the
//! laboratory's scorecards have beyond production's.
//!
//! What stands here is the definition: a cell, looked up in the printed table, gives points
//! ([`Entry::cell_points`], [`Pair::cell_points`]). The laboratory scores whole columns at a time
//! by other means and is tested against it.

use std::cmp::Ordering;

use serde::Deserialize;

use super::scorecard::{Entry, POINTS_MAX};
use crate::collect::observation::Dimension;

/// How a table writes that a characteristic of the catalogue has no meaning for a person, and that
/// it may not be used: numbers that none reaches. No data is an empty cell.
pub const NOT_APPLICABLE: i64 = 9_999_997;
/// See [`NOT_APPLICABLE`].
pub const NO_CONSENT: i64 = 9_999_998;

/// The most digits behind the point that a column has.
pub const DECIMALS_MAX: u32 = 15;

/// A number as written: `digits` divided by ten to the power of `decimals`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Decimal {
    /// All digits as one whole number.
    pub digits: i64,
    /// How many of them stand behind the point.
    pub decimals: u32,
}

impl Decimal {
    /// Exact comparison with another decimal, whatever the digits behind the point.
    pub fn compare(self, other: Decimal) -> Ordering {
        let finer = self.decimals.max(other.decimals);
        let widened = |d: Decimal| i128::from(d.digits) * 10_i128.pow(finer - d.decimals);
        widened(self).cmp(&widened(other))
    }

    /// As printed: no zeros at the end, no exponent.
    pub fn text(self) -> String {
        if self.decimals == 0 {
            return self.digits.to_string();
        }
        let sign = if self.digits < 0 { "-" } else { "" };
        let width = self.decimals as usize + 1;
        let all = format!("{:0width$}", self.digits.unsigned_abs());
        let (whole, fraction) = all.split_at(all.len() - self.decimals as usize);
        match fraction.trim_end_matches('0') {
            "" => format!("{sign}{whole}"),
            fraction => format!("{sign}{whole}.{fraction}"),
        }
    }
}

/// One cell of a table, as read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cell<'a> {
    /// Empty, or a spelling of "missing".
    Missing,
    /// A number.
    Number(Decimal),
    /// Anything else.
    Text(&'a str),
}

/// A value that does not mean what its size says: −9 for "no bureau record".
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Special {
    /// The value as written; a number is compared as a number.
    pub value: String,
    /// Its points.
    pub points: i32,
    /// Rows that it was fitted to.
    #[serde(default)]
    pub rows: u64,
    /// Those of them that went bad.
    #[serde(default)]
    pub bads: u64,
}

/// Categories that share a bin.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// The categories as written.
    pub values: Vec<String>,
    /// Their points.
    pub points: i32,
    /// Rows that they were fitted to.
    #[serde(default)]
    pub rows: u64,
    /// Those of them that went bad.
    #[serde(default)]
    pub bads: u64,
}

/// How a characteristic is read from a table. Missing cells get the entry's `no_data`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Column {
    /// Numbers: `from` and `to` of the bins count units of the last decimal.
    Numeric {
        /// Digits behind the point in the limits of the bins.
        decimals: u32,
        /// Values that have points of their own.
        #[serde(default)]
        special: Vec<Special>,
    },
    /// Categories.
    Category {
        /// The groups of categories.
        group: Vec<Group>,
        /// Points of a category that is in none of them.
        other: i32,
        /// Rows with such a category.
        #[serde(default)]
        other_rows: u64,
        /// Those of them that went bad.
        #[serde(default)]
        other_bads: u64,
    },
}

impl Column {
    pub(super) fn points(&self) -> Box<dyn Iterator<Item = i32> + '_> {
        match self {
            Column::Numeric { special, .. } => Box::new(special.iter().map(|s| s.points)),
            Column::Category { group, other, .. } => {
                Box::new(group.iter().map(|g| g.points).chain([*other]))
            }
        }
    }

    pub(super) fn problems(&self) -> Vec<&'static str> {
        let mut out = Vec::new();
        let mut need = |holds: bool, what: &'static str| {
            if !holds {
                out.push(what);
            }
        };
        let (decimals, named): (u32, Vec<&String>) = match self {
            Column::Numeric { decimals, special } => {
                (*decimals, special.iter().map(|s| &s.value).collect())
            }
            Column::Category { group, .. } => (0, group.iter().flat_map(|g| &g.values).collect()),
        };
        need(decimals <= DECIMALS_MAX, "has more than 15 decimals");
        let distinct: std::collections::BTreeSet<_> = named.iter().collect();
        need(distinct.len() == named.len(), "a value stands in two bins");
        out
    }
}

impl Entry {
    /// The same entry read from a table: a characteristic of the catalogue is a column of whole
    /// numbers, two of which say why there is none.
    pub(super) fn read_from_a_table(&mut self) {
        if self.column.is_none() {
            let special = |value: i64, points: i32| Special {
                value: value.to_string(),
                points,
                rows: 0,
                bads: 0,
            };
            let special = vec![
                special(NOT_APPLICABLE, self.not_applicable),
                special(NO_CONSENT, self.baseline),
            ];
            self.column = Some(Column::Numeric { decimals: 0, special });
        }
    }

    /// The digits behind the point in the limits of its bins.
    pub fn decimals(&self) -> u32 {
        match self.column {
            Some(Column::Numeric { decimals, .. }) => decimals,
            _ => 0,
        }
    }

    /// The points of a cell of a table; `None` for text where a number belongs.
    pub fn cell_points(&self, cell: Cell<'_>) -> Option<i32> {
        match (&self.column, cell) {
            (_, Cell::Missing) => Some(self.no_data),
            (Some(Column::Category { group, other, .. }), cell) => {
                let written = match cell {
                    Cell::Number(number) => number.text(),
                    Cell::Text(text) => text.to_string(),
                    Cell::Missing => String::new(),
                };
                let found = group.iter().find(|g| g.values.contains(&written));
                Some(found.map_or(*other, |g| g.points))
            }
            (_, Cell::Number(number)) => {
                let special = self.specials().iter().find(|s| {
                    parsed(&s.value).is_some_and(|s| s.compare(number) == Ordering::Equal)
                });
                let decimals = self.decimals();
                let reaches =
                    |to: i64| number.compare(Decimal { digits: to, decimals }) != Ordering::Less;
                let bin = || self.bins.iter().find(|bin| !bin.to.is_some_and(reaches));
                special.map(|s| s.points).or_else(|| bin().map(|bin| bin.points))
            }
            (_, Cell::Text(text)) => {
                self.specials().iter().find(|s| s.value == text).map(|s| s.points)
            }
        }
    }

    /// The special values; none for categories.
    pub fn specials(&self) -> &[Special] {
        match &self.column {
            Some(Column::Numeric { special, .. }) => special,
            _ => &[],
        }
    }
}

/// The plain decimal number that a text is, sign and point allowed, no exponent.
pub fn parsed(text: &str) -> Option<Decimal> {
    let digits: String = text.chars().filter(|c| *c != '.').collect();
    let decimals = text.split_once('.').map_or(0, |(_, fraction)| fraction.len());
    let points = text.matches('.').count();
    let decimals = u32::try_from(decimals).ok().filter(|d| *d <= DECIMALS_MAX && points <= 1)?;
    Some(Decimal { digits: digits.parse().ok()?, decimals })
}

/// How a two-way table divides one of its characteristics.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Axis {
    /// Limits between bins of numbers, rising, in units of the characteristic's last decimal.
    #[serde(default)]
    pub cuts: Vec<i64>,
    /// Groups of categories.
    #[serde(default)]
    pub groups: Vec<Vec<String>>,
}

impl Axis {
    /// How many places it has: the bins, one for any other category where there are groups, and
    /// the last for what is missing or special.
    pub fn places(&self) -> usize {
        self.missing() + 1
    }

    /// The place of what is missing or special: the last.
    pub fn missing(&self) -> usize {
        if self.groups.is_empty() { self.cuts.len() + 1 } else { self.groups.len() + 1 }
    }

    /// The place of a cell of the characteristic `entry`; `None` for text where a number belongs.
    pub fn place(&self, entry: &Entry, cell: Cell<'_>) -> Option<usize> {
        if !self.groups.is_empty() {
            let written = match cell {
                Cell::Missing => return Some(self.missing()),
                Cell::Number(number) => number.text(),
                Cell::Text(text) => text.to_string(),
            };
            let found = self.groups.iter().position(|group| group.contains(&written));
            return Some(found.unwrap_or(self.groups.len()));
        }
        let is_special = |cell: Cell<'_>| {
            entry.specials().iter().any(|s| match cell {
                Cell::Number(n) => {
                    parsed(&s.value).is_some_and(|s| s.compare(n) == Ordering::Equal)
                }
                Cell::Text(text) => s.value == text,
                Cell::Missing => true,
            })
        };
        let decimals = entry.decimals();
        match cell {
            Cell::Missing => Some(self.missing()),
            cell if is_special(cell) => Some(self.missing()),
            Cell::Text(_) => None,
            Cell::Number(n) => {
                let below =
                    |cut: &&i64| n.compare(Decimal { digits: **cut, decimals }) != Ordering::Less;
                Some(self.cuts.iter().take_while(below).count())
            }
        }
    }
}

/// Points that two characteristics give together, beyond what each gives alone.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pair {
    /// The two characteristics.
    pub of: [String; 2],
    /// The dimension of both, where they have one.
    pub dimension: Option<Dimension>,
    /// The reason code of points lost here.
    pub reason: String,
    /// Why the two together say more than each alone.
    pub rationale: String,
    /// Population-mean points.
    pub baseline: i32,
    /// How each is divided.
    pub axes: [Axis; 2],
    /// Points: one row for each place of the first axis, in it one for each of the second.
    pub points: Vec<Vec<i32>>,
}

impl Pair {
    /// The points of two cells; `None` for text where a number belongs.
    pub fn cell_points(&self, entries: [&Entry; 2], cells: [Cell<'_>; 2]) -> Option<i32> {
        let [first, second] = &self.axes;
        let row = first.place(entries[0], cells[0])?;
        let column = second.place(entries[1], cells[1])?;
        self.points.get(row)?.get(column).copied()
    }

    /// Its baseline, for sums.
    pub(super) fn mean(&self) -> i64 {
        i64::from(self.baseline)
    }

    pub(super) fn problems(&self, entries: &[Entry], unit: i32) -> Vec<String> {
        let mut out = Vec::new();
        let mut need = |holds: bool, what: &str| {
            if !holds {
                out.push(format!("{} and {}: {what}", self.of[0], self.of[1]));
            }
        };
        let find = |name: &String| entries.iter().find(|entry| entry.name == *name);
        let known = self.of.iter().filter_map(find).collect::<Vec<_>>();
        need(known.len() == 2 && self.of[0] != self.of[1], "must be two characteristics");
        need(
            known.iter().all(|entry| entry.dimension == self.dimension),
            "a two-way table stays within one dimension",
        );
        for (axis, entry) in self.axes.iter().zip(&known) {
            let categories = matches!(entry.column, Some(Column::Category { .. }));
            need(categories != axis.groups.is_empty(), "divides by the wrong kind of bins");
            need(axis.cuts.is_empty() || axis.groups.is_empty(), "has both cuts and groups");
            need(axis.cuts.is_sorted_by(|a, b| a < b), "the cuts do not rise");
        }
        let [first, second] = &self.axes;
        let whole = self.points.len() == first.places()
            && self.points.iter().all(|row| row.len() == second.places());
        need(whole, "the points do not fill the table");
        let most = POINTS_MAX * unit;
        let mut all = self.points.iter().flatten().chain([&self.baseline]);
        need(all.all(|p| (-most..=most).contains(p)), "points out of range");
        need(!self.reason.trim().is_empty(), "has no reason code");
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_print_without_idle_zeros_and_compare_exactly() {
        let number = |digits, decimals| Decimal { digits, decimals };
        let texts = [number(1250, 2), number(-5, 2), number(-100, 2), number(7, 0)];
        assert_eq!(texts.map(Decimal::text), ["12.5", "-0.05", "-1", "7"]);
        assert_eq!(number(125, 1).compare(number(1250, 2)), Ordering::Equal);
        assert_eq!(number(-9, 0).compare(number(-93, 1)), Ordering::Greater);
        assert_eq!(parsed("-0.05"), Some(number(-5, 2)));
        assert_eq!([parsed("a"), parsed("1.2.3"), parsed("")], [None; 3]);
    }
}
