//! Money: an exact count of minor units and its ISO 4217 currency. Never a float.

use std::fmt;
use std::str::FromStr;

use rust_decimal::Decimal;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The largest amount that is believed, in minor units (a thousand billion major units of two
/// decimals): anything larger is a mistake of the sender.
pub const AMOUNT_MINOR_MAX: i64 = 100_000_000_000_000;

/// An ISO 4217 currency code.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency([u8; 3]);

impl Currency {
    /// Chinese yuan.
    pub const CNY: Currency = Currency(*b"CNY");
    /// United States dollar.
    pub const USD: Currency = Currency(*b"USD");
    /// New Taiwan dollar.
    pub const TWD: Currency = Currency(*b"TWD");
    /// Euro.
    pub const EUR: Currency = Currency(*b"EUR");
    /// Pound sterling.
    pub const GBP: Currency = Currency(*b"GBP");

    /// The code's three letters.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("XXX")
    }

    /// How many decimal places the minor unit has (ISO 4217): 0 for JPY and KRW, else 2.
    pub fn decimals(&self) -> u32 {
        match &self.0 {
            b"JPY" | b"KRW" | b"VND" | b"CLP" => 0,
            _ => 2,
        }
    }
}

impl FromStr for Currency {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Currency, Self::Err> {
        let bytes: [u8; 3] = text.as_bytes().try_into().map_err(|_| "not a currency code")?;
        if bytes.iter().all(u8::is_ascii_uppercase) {
            Ok(Currency(bytes))
        } else {
            Err("not a currency code")
        }
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Currency, D::Error> {
        let text = String::deserialize(d)?;
        text.parse().map_err(D::Error::custom)
    }
}

/// An amount of money, written `{"amount":"12.34","currency":"CNY"}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Amount {
    /// Minor units (cents, fen); negative for a credit balance.
    pub minor: i64,
    /// The currency of `minor`.
    pub currency: Currency,
}

impl Amount {
    /// Reads a decimal text such as `12.34`. No exponent, no more places than the currency has.
    ///
    /// # Errors
    /// Says in words what is wrong with the text.
    pub fn parse(text: &str, currency: Currency) -> Result<Amount, &'static str> {
        let decimal = Decimal::from_str_exact(text).map_err(|_| "not a decimal number")?;
        let scaled = decimal
            .checked_mul(Decimal::from(10_i64.pow(currency.decimals())))
            .ok_or("amount out of range")?;
        if !scaled.fract().is_zero() {
            return Err("more decimal places than the currency has");
        }
        let minor = i64::try_from(scaled.trunc().mantissa() / 10_i128.pow(scaled.trunc().scale()))
            .map_err(|_| "amount out of range")?;
        if minor.abs() > AMOUNT_MINOR_MAX {
            return Err("amount out of range");
        }
        Ok(Amount { minor, currency })
    }

    /// The amount as an exact decimal of major units.
    pub fn decimal(&self) -> Decimal {
        Decimal::new(self.minor, self.currency.decimals())
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.decimal(), self.currency)
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    amount: String,
    currency: Currency,
}

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        Wire { amount: self.decimal().to_string(), currency: self.currency }.serialize(s)
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Amount, D::Error> {
        let wire = Wire::deserialize(d)?;
        Amount::parse(&wire.amount, wire.currency).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_exact_and_bounded() {
        let cny = |text| Amount::parse(text, Currency::CNY).map(|a| a.minor);
        assert_eq!(cny("12.34"), Ok(1234));
        assert_eq!(cny("-0.5"), Ok(-50));
        assert_eq!(cny("7"), Ok(700));
        assert!(cny("1.234").is_err());
        assert!(cny("1e3").is_err());
        assert!(cny("9999999999999999").is_err());
        assert!(cny("").is_err());
    }

    #[test]
    fn amounts_round_trip_as_json() -> Result<(), serde_json::Error> {
        let text = r#"{"amount":"12.30","currency":"CNY"}"#;
        let amount: Amount = serde_json::from_str(text)?;
        assert_eq!(serde_json::to_string(&amount)?, text);
        Ok(())
    }
}
