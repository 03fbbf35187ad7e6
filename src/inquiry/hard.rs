//! Hard inquiries: those of one scenario within 28 days are one (FICO and SCHUFA custom; domain.md
//! 4.1), and none counts after twelve months.

use crate::kernel::Time;

/// Days within which hard inquiries for one product are one.
pub const DEDUPE_DAYS: i64 = 28;
/// Days in six and in twelve months, as counted here.
pub const DAYS_6M: i64 = 182;
/// See [`DAYS_6M`].
pub const DAYS_12M: i64 = 365;

/// One hard inquiry: for which scenario, when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark<'a> {
    /// The scenario.
    pub scenario: &'a str,
    /// When.
    pub at: Time,
}

/// How many hard inquiries count in the 6 and in the 12 months before `as_of`. `marks` come in
/// order of time.
pub fn count(marks: &[Mark<'_>], as_of: Time) -> (u32, u32) {
    let mut counted: Vec<&Mark<'_>> = Vec::new();
    for mark in marks.iter().filter(|m| m.at < as_of) {
        let same = |c: &&&Mark<'_>| c.scenario == mark.scenario;
        let last = counted.iter().rev().find(same);
        if last.is_none_or(|last| last.at.plus_days(DEDUPE_DAYS) <= mark.at) {
            counted.push(mark);
        }
    }
    let within = |days: i64| {
        counted.iter().filter(|m| m.at >= as_of.plus_days(-days)).count().min(1000) as u32
    };
    (within(DAYS_6M), within(DAYS_12M))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rate_shopping_counts_once_and_old_inquiries_not_at_all() {
        let now = Time::from_micros(0).plus_days(1000);
        let mark = |scenario, days: i64| Mark { scenario, at: now.plus_days(-days) };
        let marks = [
            mark("credit", 400),
            mark("credit", 200),
            mark("credit", 190),
            mark("tenancy", 30),
            mark("credit", 20),
            mark("credit", 10),
        ];
        assert_eq!(count(&marks, now), (2, 3));
        assert_eq!(count(&marks, now.plus_days(-30)), (1, 1));
        assert_eq!(count(&[], now), (0, 0));
    }
}
