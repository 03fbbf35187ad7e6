//! The quality of what furnishers send in a month, live: lines, rules, timeliness, corrections,
//! filled fields, lateness by period. Counted from the records of the log, once, and read on from
//! where the last question ended, as usage is; the furnisher's statement counts the same entries
//! with SQL, and gives the same numbers.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};

use super::Bureau;
use super::command::refold;
use super::coverage::{IN_TIME_DAYS, Page};
use crate::kernel::seal::SealKey;
use crate::kernel::{Month, Time};
use crate::ledger::body::{SealedRecord, open_part};
use crate::ledger::rows::{self as ledger_rows, BodyRow};
use crate::report::extract::Period;
use crate::store::StoreError;

/// Entries looked at in one read.
const CHUNK: u64 = 4_096;
/// Periods remembered at most.
const PERIODS_MAX: usize = 24;
/// The entries that are counted.
const KINDS: [&str; 2] = ["observation", "observation_batch"];
/// What has no name where one is expected.
const UNSTATED: &str = "unstated";

/// Observations of one type.
#[derive(Default)]
struct OfType {
    accepted: u64,
    corrections: u64,
    deletions: u64,
    adverse: u64,
    /// Days of delay, and how many came so late.
    lags: BTreeMap<i64, u64>,
    contracted: u64,
    after_due: u64,
    days_after_max: Option<i64>,
}

/// Files about one month.
#[derive(Default)]
struct OfPeriod {
    files: u64,
    received: u64,
    late_lines: u64,
    late_days: Option<i64>,
    /// Accounts that lacked the month after the newest file.
    missing: Option<i64>,
}

/// What one furnisher sent.
#[derive(Default)]
struct Sent {
    files: u64,
    accepted: u64,
    duplicates: u64,
    rejected: u64,
    rules: BTreeMap<String, u64>,
    filled: BTreeMap<String, u64>,
    types: BTreeMap<String, OfType>,
    periods: BTreeMap<String, OfPeriod>,
    newest: Option<Time>,
}

#[derive(Default)]
struct Tally {
    upto: u64,
    furnishers: BTreeMap<String, Sent>,
}

/// What was counted so far, by the period's name.
#[derive(Default)]
pub struct Supplied {
    periods: Mutex<BTreeMap<String, Tally>>,
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or(UNSTATED).to_string()
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_default()
}

/// Adds up the counts of an object.
fn add(to: &mut BTreeMap<String, u64>, counts: &Value) {
    for (name, count) in counts.as_object().into_iter().flatten() {
        *to.entry(name.clone()).or_default() += number(count);
    }
}

impl OfType {
    fn take(&mut self, record: &Value) {
        self.accepted += 1;
        self.corrections += u64::from(record["op"] == "correct");
        self.deletions += u64::from(record["op"] == "delete");
        self.adverse += u64::from(record["adverse"] == true);
        let Some(lag) = record["lag_days"].as_i64() else { return };
        *self.lags.entry(lag).or_default() += 1;
        if let Some(days) = record["days_after_due"].as_i64() {
            self.contracted += 1;
            self.after_due += u64::from(days > 0);
            self.days_after_max = self.days_after_max.max(Some(days));
        }
    }

    fn timed(&self) -> u64 {
        self.lags.values().sum()
    }

    /// The least delay at or under which `part` of `whole` lines came.
    fn within(&self, (part, whole): (u64, u64)) -> Option<i64> {
        let (n, mut seen) = (self.timed(), 0);
        self.lags.iter().find_map(|(days, count)| {
            seen += count;
            (seen * whole >= part * n).then_some(*days)
        })
    }

    fn timeliness(&self, kind: &str) -> Value {
        let early = self.lags.range(..=IN_TIME_DAYS).map(|(_, count)| count).sum::<u64>();
        json!({
            "type": kind, "timed": self.timed(), "in_time": early,
            "late": self.timed() - early,
            "days_p50": self.within((1, 2)), "days_p95": self.within((19, 20)),
            "days_max": self.lags.keys().next_back(),
            "contracted": self.contracted, "after_due": self.after_due,
            "days_after_max": self.days_after_max,
        })
    }
}

impl Sent {
    fn file(&mut self, record: &Value) {
        let [accepted, duplicates, rejected] =
            ["accepted", "duplicates", "rejected"].map(|name| number(&record[name]));
        self.files += 1;
        self.accepted += accepted;
        self.duplicates += duplicates;
        self.rejected += rejected;
        add(&mut self.rules, &record["errors"]);
        add(&mut self.filled, &record["filled"]);
        let about = self.periods.entry(text(&record["period"])).or_default();
        about.files += 1;
        about.received += accepted + duplicates + rejected;
        about.late_lines += number(&record["late"]["lines"]);
        about.late_days = about.late_days.max(record["late"]["days_max"].as_i64());
        about.missing = record["missing"]["count"].as_i64();
    }

    fn lines(&self) -> Value {
        if self.files == 0 {
            return json!([]);
        }
        json!([{
            "measure": "all files", "files": self.files,
            "received": self.accepted + self.duplicates + self.rejected,
            "accepted": self.accepted, "duplicates": self.duplicates,
            "rejected": self.rejected,
        }])
    }

    /// The tables of the statement, by their names without `statement_`, row by row in its order.
    fn tables(&self) -> Value {
        let mut rules: Vec<(&String, &u64)> = self.rules.iter().collect();
        rules.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
        let rules = rules.iter().map(|(rule, n)| json!({ "rule": rule, "errors": n }));
        let timed = self.types.iter().filter(|(_, of)| of.timed() > 0);
        let timeliness = timed.map(|(kind, of)| of.timeliness(kind));
        let corrections = self.types.iter().map(|(kind, of)| {
            json!({
                "type": kind, "accepted": of.accepted, "corrections": of.corrections,
                "deletions": of.deletions, "adverse": of.adverse,
            })
        });
        let fields = self.filled.iter().filter_map(|(name, filled)| {
            let (kind, _) = name.split_once('.')?;
            let lines = self.filled.get(kind).copied().unwrap_or_default();
            Some(json!({ "field": name, "lines": lines, "filled": filled }))
        });
        let periods = self.periods.iter().map(|(period, of)| {
            json!({
                "period": period, "files": of.files, "received": of.received,
                "late_lines": of.late_lines, "days_after_max": of.late_days,
                "missing_accounts": of.missing,
            })
        });
        json!({
            "lines": self.lines(),
            "rules": rules.collect::<Vec<_>>(),
            "timeliness": timeliness.collect::<Vec<_>>(),
            "corrections": corrections.collect::<Vec<_>>(),
            "fields": fields.collect::<Vec<_>>(),
            "periods": periods.collect::<Vec<_>>(),
        })
    }
}

impl Tally {
    fn take(&mut self, body: &BodyRow, record: &Value) {
        let Some(furnisher) = record["furnisher"].as_str() else { return };
        let sent = self.furnishers.entry(furnisher.to_string()).or_default();
        if body.kind == "observation_batch" {
            return sent.file(record);
        }
        sent.newest = Some(Time::from_micros(body.at_us));
        sent.types.entry(text(&record["type"])).or_default().take(record);
    }
}

impl Bureau {
    /// The quality of what a furnisher sent in a period: tables as its statement has them, and how
    /// fresh and how complete its accounts are now.
    ///
    /// # Errors
    /// The database's, or a record does not open.
    pub fn quality(&self, period: &Period, furnisher: &str) -> Result<Value, StoreError> {
        let now = self.engine.env.now();
        let (first, end) = self.bounds_of(period)?;
        let (tables, newest) = self.counted_to(period, (first, end), furnisher)?;
        let coverage = self.coverage(furnisher, &Page { limit: 1, ..Page::default() })?;
        let line = &tables["lines"][0];
        let taken = number(&line["accepted"]) + number(&line["duplicates"]);
        let totals = &coverage["totals"];
        Ok(json!({
            "furnisher": furnisher, "as_of": now,
            "period": period.name, "from": period.from, "until": period.until,
            "log": { "from_index": first, "until_index": end },
            "freshness": {
                "newest": newest,
                "days": newest.map(|at| (now.micros() - at.micros()).div_euclid(86_400_000_000)),
            },
            "completeness": {
                "due": coverage["due"], "complete": totals["complete"],
                "of": totals["accounts"],
            },
            "acceptance": { "taken": taken, "of": number(&line["received"]) },
            "tables": tables,
        }))
    }

    /// Optional fields of what a furnisher sent in a month: field, lines of its type, lines that
    /// fill it.
    ///
    /// # Errors
    /// The database's, or a record does not open.
    pub fn filled(
        &self,
        month: Month,
        furnisher: &str,
    ) -> Result<Vec<(String, u64, u64)>, StoreError> {
        let period = self.month(month);
        let bounds = self.bounds_of(&period)?;
        let (tables, _) = self.counted_to(&period, bounds, furnisher)?;
        let rows = tables["fields"].as_array().into_iter().flatten();
        let row =
            |row: &Value| (text(&row["field"]), number(&row["lines"]), number(&row["filled"]));
        Ok(rows.map(row).collect())
    }

    /// What a furnisher sent in a month about which months: the rows of `periods`.
    ///
    /// # Errors
    /// The database's, or a record does not open.
    pub fn reported_about(&self, month: Month, furnisher: &str) -> Result<Vec<Value>, StoreError> {
        let period = self.month(month);
        let bounds = self.bounds_of(&period)?;
        let (mut tables, _) = self.counted_to(&period, bounds, furnisher)?;
        Ok(tables["periods"].as_array_mut().map(std::mem::take).unwrap_or_default())
    }

    /// A month in the home pack's time.
    pub fn month(&self, month: Month) -> Period {
        let (_, offset) = refold::terms(&self.engine, &self.engine.home);
        Period::month(month, offset)
    }

    /// The first entry of a period, and one past its last.
    fn bounds_of(&self, period: &Period) -> Result<(u64, u64), StoreError> {
        self.store.read(|conn| {
            let first = ledger_rows::first_at(conn, period.from)?;
            Ok((first, ledger_rows::first_at(conn, period.until)?))
        })
    }

    /// Counts on to the end of the period, and gives a furnisher's tables and its newest line.
    fn counted_to(
        &self,
        period: &Period,
        (first, end): (u64, u64),
        furnisher: &str,
    ) -> Result<(Value, Option<Time>), StoreError> {
        let none = Sent::default();
        if first == end {
            return Ok((none.tables(), None));
        }
        let mut periods = self.supplied.periods.lock().unwrap_or_else(PoisonError::into_inner);
        if periods.len() >= PERIODS_MAX && !periods.contains_key(&period.name) {
            periods.clear();
        }
        let tally = periods
            .entry(period.name.clone())
            .or_insert_with(|| Tally { upto: first, ..Tally::default() });
        let mut keys = BTreeMap::new();
        while tally.upto < end {
            let (from, to) = (tally.upto, end.min(tally.upto + CHUNK));
            for body in self.store.read(|conn| ledger_rows::bodies_of(conn, &KINDS, from, to))? {
                let record = self.record_of(&body, &mut keys)?;
                tally.take(&body, &record);
            }
            tally.upto = to;
        }
        let sent = tally.furnishers.get(furnisher).unwrap_or(&none);
        Ok((sent.tables(), sent.newest))
    }

    /// The record of a body.
    fn record_of(
        &self,
        body: &BodyRow,
        keys: &mut BTreeMap<String, SealKey>,
    ) -> Result<Value, StoreError> {
        if !keys.contains_key(&body.period) {
            keys.extend(self.keystore.get([body.period.as_str()])?);
        }
        let Some(key) = keys.get(&body.period) else {
            return Err(StoreError::inconsistent(format!("the key {} is gone", body.period)));
        };
        let sealed: SealedRecord = open_part(key, "record", body.idx.unsigned_abs(), &body.record)
            .map_err(|e| StoreError::inconsistent(e.to_string()))?;
        serde_json::from_str(&sealed.part.text).map_err(|e| StoreError::inconsistent(e.to_string()))
    }
}
