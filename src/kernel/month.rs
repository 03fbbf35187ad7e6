//! A civil month, counted so that the distance between two months is a subtraction.

use std::fmt;
use std::str::FromStr;

use jiff::civil::Date;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A civil month; the number is `year * 12 + (month - 1)`. Written `2026-10`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month(pub i32);

impl Month {
    /// The month that `date` lies in.
    pub fn of(date: Date) -> Month {
        Month(i32::from(date.year()) * 12 + i32::from(date.month()) - 1)
    }

    /// Year and month (1 to 12).
    pub fn year_month(self) -> (i16, i8) {
        (self.0.div_euclid(12) as i16, (self.0.rem_euclid(12) + 1) as i8)
    }

    /// The month's first day.
    pub fn first_day(self) -> Date {
        let (year, month) = self.year_month();
        Date::new(year, month, 1).unwrap_or(Date::ZERO)
    }

    /// `months` later (or earlier, when negative).
    pub fn plus(self, months: i32) -> Month {
        Month(self.0 + months)
    }

    /// How many months `self` lies after `earlier`; negative when before.
    pub fn since(self, earlier: Month) -> i32 {
        self.0 - earlier.0
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month) = self.year_month();
        write!(f, "{year:04}-{month:02}")
    }
}

impl FromStr for Month {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Month, Self::Err> {
        const WRONG: &str = "not a month such as 2026-10";
        let (year, month) = text.split_once('-').ok_or(WRONG)?;
        let digits = |t: &str, n| t.len() == n && t.bytes().all(|b| b.is_ascii_digit());
        if !digits(year, 4) || !digits(month, 2) {
            return Err(WRONG);
        }
        let year: i32 = year.parse().map_err(|_| WRONG)?;
        let month: i32 = month.parse().map_err(|_| WRONG)?;
        if (1..=12).contains(&month) { Ok(Month(year * 12 + month - 1)) } else { Err(WRONG) }
    }
}

impl Serialize for Month {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Month {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Month, D::Error> {
        let text = String::deserialize(d)?;
        text.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_count_across_years() {
        let december: Month = "2025-12".parse().expect("a month");
        assert_eq!(december.plus(1).to_string(), "2026-01");
        assert_eq!(december.plus(1).since(december), 1);
        assert_eq!(december.first_day().to_string(), "2025-12-01");
        assert!("2025-13".parse::<Month>().is_err());
        assert!("2025-1".parse::<Month>().is_err());
    }
}
