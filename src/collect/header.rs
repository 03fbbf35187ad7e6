//! The batch header: what a furnisher says it sent, held against what arrived.
//!
//! A declared count or total that does not match refuses the whole batch, since something was lost
//! or doubled on the way and nobody can say what. A bad *line* never does: it still counts as a
//! line, and its amounts, where they can be read, still count in the totals.

use std::collections::{BTreeMap, BTreeSet};

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::fields::{
    FieldError, Fields, Place, child, currency, decimal_text, integer, month, parse_date,
};
use super::ndjson::LINES_MAX;
use crate::kernel::{Currency, Month, Time};

/// The fields whose amounts a header can total.
pub const TOTALLED: [&str; 7] =
    ["amount", "balance", "due", "limit", "original_amount", "paid", "past_due"];

/// What a batch header says. Every part may be left out; what is said is checked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BatchHeader {
    /// The month that the batch reports.
    pub period: Option<Month>,
    /// The furnisher's own cut-off: a civil date, or an RFC 3339 time, as sent.
    pub as_of: Option<String>,
    /// How many lines follow, blank ones left out.
    pub count: Option<u64>,
    /// Sums of amounts by field and currency.
    pub control_totals: BTreeMap<&'static str, BTreeMap<Currency, Decimal>>,
}

/// Whether `map` calls itself a batch header.
pub fn is_header(map: &Map<String, Value>) -> bool {
    map.get("type").and_then(Value::as_str) == Some("batch")
}

impl BatchHeader {
    /// Reads a header line.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn read(map: &Map<String, Value>) -> Result<BatchHeader, Vec<FieldError>> {
        let mut f = Fields::new(map, "");
        let batch = |value: &Value, at: &mut Place<'_>| match value.as_str() {
            Some("batch") => Some(()),
            _ => at.fault("unknown_value", "must be batch"),
        };
        f.required("type", batch);
        let lines_max = u32::try_from(LINES_MAX).unwrap_or(u32::MAX);
        let header = BatchHeader {
            period: f.optional("period", month),
            as_of: f.optional("as_of", as_of),
            count: f.optional("count", integer(0, lines_max)).map(u64::from),
            control_totals: f.optional("control_totals", totals).unwrap_or_default(),
        };
        let errors = f.finish();
        if errors.is_empty() { Ok(header) } else { Err(errors) }
    }

    /// Holds the header against what arrived. Totals are compared only if every line was readable:
    /// a line that is not JSON has no amounts, and a bad line must not refuse the batch.
    ///
    /// # Errors
    /// `control_total_mismatch` for each number that differs, with what was counted here.
    pub fn check(&self, arrived: &Totals) -> Result<(), Vec<FieldError>> {
        let mut errors = Vec::new();
        let mut differs = |pointer: String, counted: String| {
            let message = format!("counted here: {counted}");
            errors.push(FieldError { pointer, code: "control_total_mismatch", message });
        };
        if self.count.is_some_and(|count| count != arrived.lines) {
            differs("/count".to_string(), arrived.lines.to_string());
        }
        for (field, declared) in &self.control_totals {
            if arrived.unreadable > 0 || arrived.unsummed.contains(field) {
                continue;
            }
            let none = BTreeMap::new();
            let counted = arrived.sums.get(field).unwrap_or(&none);
            let currencies: BTreeSet<_> = declared.keys().chain(counted.keys()).collect();
            for currency in currencies {
                let sum = |sums: &BTreeMap<Currency, Decimal>| {
                    sums.get(currency).copied().unwrap_or_default()
                };
                if sum(declared) != sum(counted) {
                    let at = child(&child("/control_totals", field), currency.as_str());
                    differs(at, decimal_string(sum(counted), *currency));
                }
            }
        }
        if errors.is_empty() { Ok(()) } else { Err(errors) }
    }
}

/// Running totals over the lines of a batch, good and bad.
#[derive(Clone, Debug, Default)]
pub struct Totals {
    lines: u64,
    unreadable: u64,
    unsummed: BTreeSet<&'static str>,
    sums: BTreeMap<&'static str, BTreeMap<Currency, Decimal>>,
}

impl Totals {
    /// Counts one line, whatever becomes of it later.
    pub fn add<E>(&mut self, line: &Result<Map<String, Value>, E>) {
        self.lines += 1;
        let Ok(map) = line else {
            self.unreadable += 1;
            return;
        };
        for field in TOTALLED {
            let Some(amount) = map.get(field).and_then(Value::as_object) else { continue };
            if self.add_amount(field, amount).is_none() {
                self.unsummed.insert(field);
            }
        }
    }

    /// How many lines were counted.
    pub fn lines(&self) -> u64 {
        self.lines
    }

    /// What a receipt says about them.
    pub fn summary(&self) -> ControlTotals {
        let balances = self.sums.get("balance").into_iter().flatten();
        ControlTotals {
            count: self.lines,
            balance: balances.map(|(c, sum)| (*c, decimal_string(*sum, *c))).collect(),
        }
    }

    fn add_amount(&mut self, field: &'static str, amount: &Map<String, Value>) -> Option<()> {
        let currency: Currency = amount.get("currency")?.as_str()?.parse().ok()?;
        let mut ignored = Vec::new();
        let text = decimal_text(amount.get("amount")?, &mut Place::at("", &mut ignored))?;
        let value = Decimal::from_str_exact(&text).ok()?;
        let sum = self.sums.entry(field).or_default().entry(currency).or_default();
        *sum = sum.checked_add(value)?;
        Some(())
    }
}

/// What arrived, as a receipt states it: all lines, accepted or not.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ControlTotals {
    /// Lines, without header and blank ones.
    pub count: u64,
    /// Sum of balances by currency, as decimal strings; never a sum over currencies.
    #[serde(default)]
    pub balance: BTreeMap<Currency, String>,
}

/// A sum with the currency's decimal places, and more only where someone sent more.
fn decimal_string(sum: Decimal, currency: Currency) -> String {
    let mut sum = sum.normalize();
    sum.rescale(sum.scale().max(currency.decimals()));
    sum.to_string()
}

fn as_of(value: &Value, at: &mut Place<'_>) -> Option<String> {
    let right = |text: &&str| {
        parse_date(text).is_some() || (text.len() <= 40 && text.parse::<Time>().is_ok())
    };
    match value.as_str().filter(right) {
        Some(text) => Some(text.to_string()),
        None => at.fault("invalid_time", "must be a date or an RFC 3339 time"),
    }
}

fn totals(
    value: &Value,
    at: &mut Place<'_>,
) -> Option<BTreeMap<&'static str, BTreeMap<Currency, Decimal>>> {
    let Some(map) = value.as_object() else {
        return at.fault("invalid_object", "must be an object of fields");
    };
    let mut out = BTreeMap::new();
    for (name, by_currency) in map {
        let mut at = at.below(name);
        let Some(field) = TOTALLED.into_iter().find(|field| field == name) else {
            at.fault::<()>("unknown_field", format!("must be one of {}", TOTALLED.join(", ")));
            continue;
        };
        let Some(by_currency) = by_currency.as_object() else {
            at.fault::<()>("invalid_object", "must be an object of currencies");
            continue;
        };
        let sums: &mut BTreeMap<Currency, Decimal> = out.entry(field).or_default();
        for (code, sum) in by_currency {
            let mut at = at.below(code);
            let key = currency(&Value::String(code.clone()), &mut at);
            let text = decimal_text(sum, &mut at);
            let (Some(key), Some(text)) = (key, text) else { continue };
            match Decimal::from_str_exact(&text) {
                Ok(sum) => drop(sums.insert(key, sum)),
                Err(_) => drop(at.fault::<()>("amount_out_of_range", "too many digits")),
            }
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn header(value: Value) -> Result<BatchHeader, Vec<(String, &'static str)>> {
        let map = value.as_object().expect("an object").clone();
        let place = |e: FieldError| (e.pointer, e.code);
        BatchHeader::read(&map).map_err(|errors| errors.into_iter().map(place).collect())
    }

    fn arrived(lines: &[Value]) -> Totals {
        let mut totals = Totals::default();
        for line in lines {
            totals.add(&line.as_object().cloned().ok_or_else(|| FieldError::whole("x", "x")));
        }
        totals
    }

    fn balance(amount: &str, currency: &str) -> Value {
        json!({"balance": {"amount": amount, "currency": currency}, "other": 1})
    }

    #[test]
    fn a_header_is_read_with_all_its_errors() {
        let read = header(json!({"type": "batch", "period": "2026-10", "as_of": "2026-11-01",
            "count": 2, "control_totals": {"balance": {"CNY": "123.00"}}}));
        let read = read.expect("a header");
        assert_eq!((read.count, read.period), (Some(2), "2026-10".parse().ok()));
        let wrong = header(json!({"type": "batch", "period": "10/2026", "as_of": "today",
            "count": -1, "sum": 1,
            "control_totals": {"balance": {"yuan": "1"}, "dpd": {}, "due": 5,
                "paid": {"CNY": 1.5}}}));
        let wrong = wrong.expect_err("much is wrong");
        for (pointer, code) in [
            ("/period", "invalid_month"),
            ("/as_of", "invalid_time"),
            ("/count", "out_of_range"),
            ("/control_totals/balance/yuan", "invalid_currency"),
            ("/control_totals/dpd", "unknown_field"),
            ("/control_totals/due", "invalid_object"),
            ("/control_totals/paid/CNY", "invalid_amount"),
            ("/sum", "unknown_field"),
        ] {
            assert!(wrong.contains(&(pointer.to_string(), code)), "{pointer} in {wrong:?}");
        }
        assert_eq!(wrong.len(), 8);
    }

    #[test]
    fn a_count_or_total_that_differs_refuses_the_batch_and_a_bad_line_does_not() {
        let two = [balance("100.10", "CNY"), balance("22.90", "CNY")];
        let declared = |count: u64, sum: &str| {
            header(json!({"type": "batch", "count": count,
                "control_totals": {"balance": {"CNY": sum}}}))
            .expect("a header")
        };
        assert_eq!(declared(2, "123").check(&arrived(&two)), Ok(()));
        let errors = declared(3, "123.01").check(&arrived(&two)).expect_err("both differ");
        let seen: Vec<_> =
            errors.iter().map(|e| (e.pointer.as_str(), e.message.as_str())).collect();
        assert_eq!(
            seen,
            [
                ("/count", "counted here: 2"),
                ("/control_totals/balance/CNY", "counted here: 123.00")
            ]
        );
        let foreign = [balance("123", "CNY"), balance("1", "USD")];
        assert!(declared(2, "123").check(&arrived(&foreign)).is_err());
        let unreadable = [balance("100", "CNY"), json!(7)];
        assert_eq!(declared(2, "123").check(&arrived(&unreadable)), Ok(()));
        let no_amount = [balance("100", "CNY"), balance("1e3", "CNY")];
        assert_eq!(declared(2, "123").check(&arrived(&no_amount)), Ok(()));
        assert!(declared(3, "123").check(&arrived(&unreadable)).is_err());
    }

    #[test]
    fn totals_keep_currencies_apart_and_are_exact() {
        let lines = [balance("0.10", "CNY"), balance("0.2", "CNY"), balance("5", "JPY"), json!({})];
        let summary = arrived(&lines).summary();
        let text = serde_json::to_string(&summary).expect("JSON");
        assert_eq!(text, r#"{"count":4,"balance":{"CNY":"0.30","JPY":"5"}}"#);
        assert_eq!(serde_json::from_str::<ControlTotals>(&text).expect("the same"), summary);
    }
}
