//! The time that an extract covers.

use serde::{Deserialize, Serialize};

use crate::kernel::{Month, Time};

/// Hours that a place's clock may lie ahead of UTC, and behind it.
const OFFSET_HOURS: std::ops::RangeInclusive<i64> = -12..=14;

/// The longest name, in bytes.
const NAME_BYTES_MAX: usize = 64;

/// A reporting period: `[from, until)` by record time, to the second, because that is all that the
/// public leaf shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Period {
    /// What it is called: `2026-10` and `2026` are a civil month and year; other names say what
    /// they like.
    pub name: String,
    /// Its first instant.
    pub from: Time,
    /// The first instant after it.
    pub until: Time,
}

/// The first instant of a month, at a fixed offset from UTC.
fn begins(month: Month, utc_offset_hours: i64) -> Time {
    let midnight: Time = format!("{}T00:00:00Z", month.first_day()).parse().unwrap_or_default();
    midnight.plus_seconds(-3_600 * utc_offset_hours)
}

impl Period {
    /// The civil month, at the fixed offset of a rule pack (decisions.md 16).
    pub fn month(month: Month, utc_offset_hours: i8) -> Period {
        Period::months(month.to_string(), month, 1, i64::from(utc_offset_hours))
    }

    /// The civil year, at the fixed offset of a rule pack.
    pub fn year(year: i16, utc_offset_hours: i8) -> Period {
        let first = Month(i32::from(year) * 12);
        Period::months(format!("{year:04}"), first, 12, i64::from(utc_offset_hours))
    }

    fn months(name: String, first: Month, months: i32, utc_offset_hours: i64) -> Period {
        let from = begins(first, utc_offset_hours);
        Period { name, from, until: begins(first.plus(months), utc_offset_hours) }
    }

    /// The month or year that the name says, when it says one.
    fn named(&self) -> Option<(Month, i32)> {
        if let Ok(month) = self.name.parse::<Month>() {
            return Some((month, 1));
        }
        let january = format!("{}-01", self.name).parse::<Month>().ok()?;
        Some((january, 12))
    }

    /// Whether the name can stand in a file and the instants are the ones that it promises: an
    /// extract that calls itself `2026-10` must not end on the 20th.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn check(&self) -> Result<(), &'static str> {
        let name_fits = !self.name.is_empty() && self.name.len() <= NAME_BYTES_MAX;
        if !name_fits || self.name.chars().any(char::is_control) {
            return Err("its name is empty, too long or has control characters");
        }
        if self.from > self.until {
            return Err("it ends before it begins");
        }
        if [self.from, self.until].iter().any(|at| at.micros().rem_euclid(1_000_000) != 0) {
            return Err("it does not begin and end on a whole second");
        }
        let Some((first, months)) = self.named() else { return Ok(()) };
        let at_offset = |hours| Period::months(self.name.clone(), first, months, hours) == *self;
        if OFFSET_HOURS.into_iter().any(at_offset) {
            Ok(())
        } else {
            Err("it does not begin and end with the month or year of its name")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_is_a_local_month() {
        let october = Period::month("2026-10".parse().expect("a month"), 8);
        assert_eq!(october.from.to_string(), "2026-09-30T16:00:00Z");
        assert_eq!(october.until.to_string(), "2026-10-31T16:00:00Z");
        let year = Period::year(2026, -5);
        assert_eq!(year.from.to_string(), "2026-01-01T05:00:00Z");
        assert_eq!(year.until.to_string(), "2027-01-01T05:00:00Z");
        assert_eq!((october.check(), year.check()), (Ok(()), Ok(())));
    }

    #[test]
    fn a_period_is_what_its_name_says() {
        let october = Period::month("2026-10".parse().expect("a month"), 8);
        let wrong = [
            Period { until: october.until.plus_days(-1), ..october.clone() },
            Period { from: october.from.plus_seconds(1), ..october.clone() },
            Period { name: "2026-11".into(), ..october.clone() },
            Period { name: "2026".into(), ..october.clone() },
            Period { name: String::new(), ..october.clone() },
            Period { name: "a\nb".into(), ..october.clone() },
            Period { name: "all".into(), from: october.until, until: october.from },
            Period { name: "all".into(), from: Time::from_micros(1), until: october.until },
        ];
        for period in wrong {
            assert!(period.check().is_err(), "{period:?}");
        }
        let week = Period { name: "week 40".into(), until: october.from.plus_days(7), ..october };
        assert_eq!(week.check(), Ok(()));
    }
}
