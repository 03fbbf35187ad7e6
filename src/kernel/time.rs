//! Instants, in microseconds UTC, written RFC 3339 with a `Z`.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::Offset;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An instant: microseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(i64);

impl Time {
    /// The instant `micros` microseconds after the epoch.
    pub const fn from_micros(micros: i64) -> Time {
        Time(micros)
    }

    /// Microseconds after the epoch.
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Whole seconds after the epoch, cut down.
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// `seconds` later.
    pub const fn plus_seconds(self, seconds: i64) -> Time {
        Time(self.0.saturating_add(seconds.saturating_mul(1_000_000)))
    }

    /// `days` of 24 hours later.
    pub const fn plus_days(self, days: i64) -> Time {
        self.plus_seconds(days * 86_400)
    }

    /// The civil date at a fixed offset from UTC (decisions.md 16: one offset per rule pack).
    pub fn date_at(self, offset_hours: i8) -> Date {
        self.timestamp().to_zoned(Offset::constant(offset_hours).to_time_zone()).date()
    }

    /// RFC 3339 cut to the second, as the public leaf shows it.
    pub fn to_second_text(self) -> String {
        let ts = Timestamp::from_second(self.seconds()).unwrap_or_default();
        ts.to_string()
    }

    /// Appends [`Time::to_second_text`].
    pub fn write_second_text(self, out: &mut Vec<u8>) {
        match u64::try_from(self.seconds()).ok().and_then(plain_text) {
            Some(text) => out.extend_from_slice(&text),
            None => out.extend_from_slice(self.to_second_text().as_bytes()),
        }
    }

    fn timestamp(self) -> Timestamp {
        Timestamp::from_microsecond(self.0).unwrap_or_default()
    }
}

/// The first second that [`plain_text`] leaves to the calendar library.
const PLAIN_SECONDS: u64 = 253_000_000_000;

/// `YYYY-MM-DDTHH:MM:SSZ` of a second since 1970, by arithmetic alone: it is written and read
/// for every entry of a log. `None` after the year 9986.
fn plain_text(seconds: u64) -> Option<[u8; 20]> {
    if seconds >= PLAIN_SECONDS {
        return None;
    }
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    // Years from March on, in eras of 400, counted from 0000-03-01.
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = era * 400 + year + u64::from(month <= 2);
    let two = |n: u64| [b'0' + (n / 10 % 10) as u8, b'0' + (n % 10) as u8];
    let [[y0, y1], [y2, y3]] = [two(year / 100), two(year)];
    let [[m0, m1], [d0, d1]] = [two(month), two(day)];
    let [h0, h1] = two(second / 3_600);
    let [[i0, i1], [s0, s1]] = [two(second / 60 % 60), two(second % 60)];
    Some([
        y0, y1, y2, y3, b'-', m0, m1, b'-', d0, d1, b'T', h0, h1, b':', i0, i1, b':', s0, s1, b'Z',
    ])
}

/// Reads what [`plain_text`] writes; `None` for every other spelling.
fn plain_second(text: &str) -> Option<u64> {
    let whole: &[u8; 20] = text.as_bytes().try_into().ok()?;
    let [y0, y1, y2, y3, _, m0, m1, _, d0, d1, _, h0, h1, _, i0, i1, _, s0, s1, _] = *whole;
    let two = |a: u8, b: u8| u64::from(a.wrapping_sub(b'0')) * 10 + u64::from(b.wrapping_sub(b'0'));
    let (year, month, day) = (two(y0, y1) * 100 + two(y2, y3), two(m0, m1), two(d0, d1));
    if !(1970..9999).contains(&year) || !(1..=12).contains(&month) || day == 0 {
        return None;
    }
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = year * 365 + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1;
    let clock = two(h0, h1) * 3_600 + two(i0, i1) * 60 + two(s0, s1);
    let seconds = days.checked_sub(719_468)? * 86_400 + clock;
    plain_text(seconds).filter(|again| again == whole).map(|_| seconds)
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.timestamp().fmt(f)
    }
}

impl FromStr for Time {
    type Err = &'static str;

    /// Reads RFC 3339 with `Z` or a numeric offset.
    fn from_str(text: &str) -> Result<Time, Self::Err> {
        if let Some(seconds) = plain_second(text) {
            return Ok(Time::default().plus_seconds(seconds.cast_signed()));
        }
        let ts: Timestamp = text.parse().map_err(|_| "not an RFC 3339 time")?;
        Ok(Time(ts.as_microsecond()))
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Time, D::Error> {
        let text = String::deserialize(d)?;
        text.parse().map_err(D::Error::custom)
    }
}

impl utoipa::PartialSchema for Time {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::String)
            .format(Some(utoipa::openapi::SchemaFormat::KnownFormat(
                utoipa::openapi::KnownFormat::DateTime,
            )))
            .into()
    }
}

impl utoipa::ToSchema for Time {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_times_are_those_of_the_calendar() {
        // A stride that is no multiple of a day meets every month, leap days and the last second.
        for n in 0..79_200 {
            let time = Time::from_micros(n * 3_196_799 * 1_000_000);
            let text = time.to_second_text();
            let mut written = Vec::new();
            time.write_second_text(&mut written);
            assert_eq!(written, text.as_bytes());
            assert_eq!(text.parse(), Ok(time));
        }
        for text in ["2026-02-29T00:00:00Z", "2026-13-01T00:00:00Z", "2026-01-01T24:00:00Z"] {
            assert_eq!(plain_second(text), None, "{text}");
            assert!(text.parse::<Time>().is_err(), "{text}");
        }
        for text in ["2026-01-01 00:00:00Z", "2026-01-01T00:00:60Z", "1969-12-31T23:59:59Z"] {
            assert_eq!(plain_second(text), None, "{text}");
        }
    }

    #[test]
    fn times_read_and_write_rfc_3339() -> Result<(), &'static str> {
        let time: Time = "2026-11-22T05:23:58.25Z".parse()?;
        assert_eq!(time.to_string(), "2026-11-22T05:23:58.25Z");
        assert_eq!(time.to_second_text(), "2026-11-22T05:23:58Z");
        assert_eq!("2026-11-22T13:23:58.25+08:00".parse::<Time>()?, time);
        assert_eq!(time.date_at(8).to_string(), "2026-11-22");
        assert_eq!(time.plus_seconds(11 * 3600).date_at(8).to_string(), "2026-11-23");
        Ok(())
    }
}
