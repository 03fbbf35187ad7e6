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

    fn timestamp(self) -> Timestamp {
        Timestamp::from_microsecond(self.0).unwrap_or_default()
    }
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
