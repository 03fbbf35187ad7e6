//! By when a furnisher's lines are due, as its contract says.

use serde::{Deserialize, Serialize};

use crate::kernel::{Month, Time};

/// The last day of a month on which every month has that day.
const DUE_DAY_MAX: u8 = 28;
/// Minutes of a day.
const DAY_MINUTES: u16 = 24 * 60;

/// How often lines are sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cadence {
    /// Once a month, about the month before.
    #[default]
    Monthly,
}

/// The window in which the lines of a month are sent. Times are civil ones at the offset of the
/// pack under which the furnisher sits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Delivery {
    /// How often.
    pub cadence: Cadence,
    /// The day of the next month on which they are due at the latest, 1 to 28.
    pub due_day: u8,
    /// Minutes after midnight of that day at which the window closes; the end of the day when
    /// absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cutoff_minutes: Option<u16>,
    /// Since when it stands: what was due before is not late by it.
    pub since: Time,
}

impl Delivery {
    /// Whether it can be kept: a day that every month has, and a minute that a day has.
    pub fn is_possible(&self) -> bool {
        (1..=DUE_DAY_MAX).contains(&self.due_day)
            && self.cutoff_minutes.is_none_or(|at| (1..=DAY_MINUTES).contains(&at))
    }

    /// When the window for the lines of `month` closes.
    pub fn due(&self, month: Month, utc_offset_hours: i8) -> Time {
        let first = format!("{}T00:00:00Z", month.plus(1).first_day());
        let midnight: Time = first.parse().unwrap_or_default();
        let minutes = i64::from(self.cutoff_minutes.unwrap_or(DAY_MINUTES));
        midnight
            .plus_seconds(-3_600 * i64::from(utc_offset_hours))
            .plus_days(i64::from(self.due_day) - 1)
            .plus_seconds(60 * minutes)
    }

    /// The newest month whose window has closed at `now`.
    pub fn newest_due(&self, now: Time, utc_offset_hours: i8) -> Month {
        let month = Month::of(now.date_at(utc_offset_hours)).plus(-1);
        if self.due(month, utc_offset_hours) <= now { month } else { month.plus(-1) }
    }

    /// Whole days, begun ones counted, by which lines of `month` recorded at `at` come after the
    /// window closed; zero or less when they are in time. `None` when the window closed before the
    /// contract stood.
    pub fn days_after(&self, month: Month, at: Time, utc_offset_hours: i8) -> Option<i64> {
        let due = self.due(month, utc_offset_hours);
        let micros = at.micros() - due.micros();
        (self.since < due).then(|| micros.div_euclid(86_400_000_000) + i64::from(micros > 0))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn window(due_day: u8, cutoff_minutes: Option<u16>) -> Delivery {
        let since = "2026-01-15T00:00:00Z".parse().expect("a time");
        Delivery { cadence: Cadence::Monthly, due_day, cutoff_minutes, since }
    }

    fn month(text: &str) -> Month {
        text.parse().expect("a month")
    }

    fn time(text: &str) -> Time {
        text.parse().expect("a time")
    }

    #[test]
    fn a_window_closes_in_the_time_zone_of_the_pack() {
        let end_of_day = window(10, None);
        assert_eq!(end_of_day.due(month("2026-08"), 8), time("2026-09-10T16:00:00Z"));
        let six = window(10, Some(18 * 60));
        assert_eq!(six.due(month("2026-12"), 8), time("2027-01-10T10:00:00Z"));
        assert_eq!(six.due(month("2026-12"), -5), time("2027-01-10T23:00:00Z"));
        assert!(window(28, None).is_possible() && !window(29, None).is_possible());
        assert!(!window(0, None).is_possible() && !window(5, Some(1441)).is_possible());
    }

    #[test]
    fn days_are_counted_from_the_close_and_begun_ones_count() {
        let days = |at: &str| window(10, None).days_after(month("2026-08"), time(at), 8);
        assert_eq!(days("2026-09-10T16:00:00Z"), Some(0));
        assert_eq!(days("2026-09-10T16:00:01Z"), Some(1));
        assert_eq!(days("2026-09-11T16:00:01Z"), Some(2));
        assert_eq!(days("2026-09-10T15:59:59Z"), Some(-1));
        let before = window(10, None).days_after(month("2025-12"), time("2026-03-01T00:00:00Z"), 8);
        assert_eq!(before, None, "due before the contract stood");
    }

    proptest! {
        #[test]
        fn the_newest_due_month_is_due_and_the_next_is_not(
            day in 1..=28_u8, cutoff in proptest::option::of(1..=1440_u16),
            hours in 0..200_000_i64, offset in -12..=14_i8,
        ) {
            let window = window(day, cutoff);
            let now = time("2020-01-01T00:30:00Z").plus_seconds(3_600 * hours);
            let newest = window.newest_due(now, offset);
            prop_assert!(window.due(newest, offset) <= now);
            prop_assert!(now < window.due(newest.plus(1), offset));
        }
    }
}
