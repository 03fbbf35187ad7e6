//! The catalogue of characteristics: what a scorecard may read from a profile, one file per
//! dimension.
//!
//! A window of N months is the N complete civil months before the month of `as_of`, plus the
//! running one (decisions.md 16). The newest balance, limit or days past due of an account stay
//! what they are until the furnisher sends newer ones: a late furnisher is stale, not missing.

mod behavior;
mod credit_history;
mod identity;
mod performance;
mod relationships;

use std::ops::RangeInclusive;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::profile::Profile;
use super::ring::{Nibbles, age};
use super::slots::MonthNo;
use crate::collect::observation::Dimension;
use crate::kernel::Month;

/// Ratios are kept within this many permille, so that no input can overflow a sum.
pub const PERMILLE_MAX: i64 = 1_000_000;

/// What a characteristic says of one person. Missing is three things (data-model.md).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Value {
    /// The value, in the characteristic's unit.
    Known(i64),
    /// Nothing was reported that would tell.
    NoData,
    /// It has no meaning for this person: no rent to pay, never late.
    NotApplicable,
    /// The person did not allow it to be used, or the law does not.
    NoConsent,
}

/// Which dimensions may be read, and whether restricted categories (CN-02) may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scope {
    /// In the order of [`Dimension::ALL`].
    pub dimensions: [bool; 5],
    /// Income, deposits and the like.
    pub restricted: bool,
}

impl Scope {
    /// Everything allowed.
    pub const ALL: Scope = Scope { dimensions: [true; 5], restricted: true };
    /// Nothing allowed.
    pub const NONE: Scope = Scope { dimensions: [false; 5], restricted: false };

    /// Whether a dimension may be read.
    pub fn allows(&self, dimension: Dimension) -> bool {
        self.dimensions.get(dimension as usize).copied().unwrap_or(false)
    }

    /// The same scope without one dimension.
    pub fn without(mut self, dimension: Dimension) -> Scope {
        if let Some(allowed) = self.dimensions.get_mut(dimension as usize) {
            *allowed = false;
        }
        self
    }
}

/// How long a file is, and how fresh.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct History {
    /// Civil months since the first one, both ends counted; zero for none.
    pub months: u32,
    /// Civil months since the last update; `None` for none.
    pub update_age: Option<u32>,
}

impl History {
    /// Of credit history and performance, as far as `scope` allows them to be read: the longer
    /// and the fresher of the two.
    pub fn of(profile: &Profile, date: Date, scope: Scope) -> History {
        let month = Month::of(date).0;
        let mut history = History::default();
        for dimension in [Dimension::CreditHistory, Dimension::Performance] {
            let Some((first, last)) = profile.span(dimension) else { continue };
            if !scope.allows(dimension) || first > month {
                continue;
            }
            let update = u32::try_from(age(month, last)).unwrap_or(0);
            let months = u32::try_from(age(month, first) + 1).unwrap_or(0);
            history.months = history.months.max(months);
            history.update_age = Some(history.update_age.map_or(update, |u| u.min(update)));
        }
        history
    }
}

/// The moment and the circumstances of a score.
#[derive(Clone, Copy, Debug)]
pub struct AsOf {
    /// The civil date in the pack's time zone.
    pub date: Date,
    /// The identity level that the evidence held supports (0 to 4).
    pub identity_level: u8,
    /// Hard inquiries here in the last 6 months, deduplicated, before this one.
    pub hard_inquiries_6m: u32,
    /// The same in the last 12 months.
    pub hard_inquiries_12m: u32,
    /// What may be read.
    pub scope: Scope,
    /// The history with disputed items counted in, where the profile leaves them out: they count
    /// as existing when it is asked whether the person can be assessed at all.
    pub with_disputed: Option<History>,
}

/// What a characteristic is computed from.
#[derive(Clone, Copy)]
pub struct View<'a> {
    /// The person's profile.
    pub profile: &'a Profile,
    /// The circumstances.
    pub as_of: &'a AsOf,
    /// The civil month of `as_of`.
    pub month: MonthNo,
    /// The scorecard's reference monthly income in the profile's currency, minor units.
    pub reference_income: Option<i64>,
}

impl<'a> View<'a> {
    /// The view of a profile at a moment.
    pub fn new(profile: &'a Profile, as_of: &'a AsOf, reference_income: Option<i64>) -> View<'a> {
        View { profile, as_of, month: Month::of(as_of.date).0, reference_income }
    }

    /// The months of a window of `months`, oldest first, with the running one.
    pub fn window(&self, months: i32) -> RangeInclusive<MonthNo> {
        self.month.saturating_sub(months)..=self.month
    }

    /// The cells of a window, of a ring that hangs on `newest`.
    pub fn of_window(&self, cells: Nibbles, newest: MonthNo, months: i32) -> Nibbles {
        let window = self.window(months);
        cells.aged(age(newest, *window.end()), age(newest, *window.start()))
    }

    /// The sum of monthly counts over a window.
    pub fn count(&self, cells: &Nibbles, newest: MonthNo, months: i32) -> i64 {
        i64::from(self.of_window(*cells, newest, months).sum())
    }
}

/// One thing that can be read from a profile.
pub struct Characteristic {
    /// The name used in scorecards and vectors.
    pub name: &'static str,
    /// The dimension whose consent it needs and whose points it moves.
    pub dimension: Dimension,
    /// A second dimension it reads, whose consent it needs too.
    pub also: Option<Dimension>,
    /// Whether it reads a restricted category (CN-02).
    pub restricted: bool,
    /// months, days, count, permille, level.
    pub unit: &'static str,
    /// What it is, in a sentence.
    pub what: &'static str,
    /// Whether the person cannot move it by what they do next: the past, and ages.
    pub immutable: bool,
    pub(super) compute: fn(&View<'_>) -> Value,
}

impl Characteristic {
    /// A mutable, unrestricted characteristic; the files of the catalogue refine it.
    const fn new(
        dimension: Dimension,
        name: &'static str,
        unit: &'static str,
        what: &'static str,
        compute: fn(&View<'_>) -> Value,
    ) -> Characteristic {
        let (also, restricted, immutable) = (None, false, false);
        Characteristic { name, dimension, also, restricted, unit, what, immutable, compute }
    }

    const fn immutable(mut self) -> Characteristic {
        self.immutable = true;
        self
    }

    const fn restricted(mut self, also: Option<Dimension>) -> Characteristic {
        self.restricted = true;
        self.also = also;
        self
    }

    /// Its value; [`Value::NoConsent`] whatever the profile holds when it may not be read.
    pub fn read(&self, view: &View<'_>) -> Value {
        let scope = &view.as_of.scope;
        let allowed = scope.allows(self.dimension)
            && self.also.is_none_or(|also| scope.allows(also))
            && (scope.restricted || !self.restricted);
        if allowed { (self.compute)(view) } else { Value::NoConsent }
    }
}

/// Every characteristic there is, by dimension.
pub fn catalogue() -> impl Iterator<Item = &'static Characteristic> {
    [
        credit_history::CATALOGUE,
        behavior::CATALOGUE,
        performance::CATALOGUE,
        identity::CATALOGUE,
        relationships::CATALOGUE,
    ]
    .into_iter()
    .flatten()
}

/// The characteristic with this name.
pub fn find(name: &str) -> Option<&'static Characteristic> {
    catalogue().find(|c| c.name == name)
}

/// `num` per thousand of `den`, rounded towards zero; `None` unless `den` is positive.
fn permille(num: i128, den: i128) -> Option<i64> {
    let max = i128::from(PERMILLE_MAX);
    (den > 0).then(|| (num.saturating_mul(1000) / den).clamp(-max, max) as i64)
}

fn known_or(value: Option<i64>, otherwise: Value) -> Value {
    value.map_or(otherwise, Value::Known)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_unique_and_every_dimension_is_covered() {
        let names: BTreeSet<_> = catalogue().map(|c| c.name).collect();
        assert_eq!(names.len(), catalogue().count());
        let of = |d| catalogue().filter(|c| c.dimension == d).count();
        let counts = Dimension::ALL.map(of);
        assert!(counts.iter().zip([10, 5, 6, 4, 2]).all(|(have, need)| *have >= need));
    }
}
