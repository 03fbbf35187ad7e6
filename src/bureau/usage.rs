//! What partners asked in a month: read from the log, so that it cannot differ from it.
//!
//! There is no table of counts to drift or to be audited: the records of the period are opened and
//! counted, once; what was counted is remembered with the place in the log up to which it goes, and
//! the next question reads on from there. A restart reads again.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use serde::Serialize;
use serde_json::Value;

use super::Bureau;
use super::command::refold;
use crate::kernel::Month;
use crate::kernel::seal::SealKey;
use crate::ledger::body::{SealedRecord, open_part};
use crate::ledger::rows::{self as ledger_rows, BodyRow};
use crate::report::extract::Period;
use crate::store::StoreError;

/// Entries looked at in one read.
const CHUNK: u64 = 4_096;
/// Periods remembered at most.
const PERIODS_MAX: usize = 24;
/// The entries that are usage.
const KINDS: [&str; 2] = ["inquiry", "refused"];
/// The outcome of a question that was refused.
const REFUSED: &str = "refused";
/// A person's own file, through whomever they ask for it, is free (PIPL 45, FCRA 612, GDPR 12(5)).
const SELF: &str = "self";

/// Usage of one scenario with one outcome.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UsageLine {
    /// Who asked.
    pub partner: String,
    /// What was asked.
    pub scenario: String,
    /// The form of the answer, `not_assessable` and `refused` among them.
    pub outcome: String,
    /// Whether it costs: an answer does, `not_assessable`, a refusal and a person's own file do
    /// not.
    pub billable: bool,
    /// How many.
    pub count: u64,
    /// Index of the first entry counted.
    pub first_index: u64,
    /// Index of the last entry counted.
    pub last_index: u64,
}

/// Usage of a period.
#[derive(Clone, Debug, Serialize)]
pub struct Usage {
    /// The month.
    pub period: Period,
    /// Index of the period's first entry, whoever's.
    pub from_index: u64,
    /// One past the last entry looked at: the count is exact for the entries between.
    pub until_index: u64,
    /// The counts.
    pub lines: Vec<UsageLine>,
}

impl Usage {
    /// How many were counted, and how many of them cost.
    pub fn totals(&self) -> (u64, u64) {
        let all = self.lines.iter().map(|line| line.count).sum();
        (all, self.lines.iter().filter(|line| line.billable).map(|line| line.count).sum())
    }
}

/// Partner, scenario, outcome.
type Key = (String, String, String);

#[derive(Default)]
struct Tally {
    from: u64,
    upto: u64,
    counts: BTreeMap<Key, (u64, u64, u64)>,
}

impl Tally {
    fn add(&mut self, key: Key, index: u64) {
        let (count, _, last) = self.counts.entry(key).or_insert((0, index, index));
        *count += 1;
        *last = index;
    }
}

/// What was counted so far, by the period's name.
#[derive(Default)]
pub struct Counted {
    periods: Mutex<BTreeMap<String, Tally>>,
}

impl Bureau {
    /// The month it is, in the home pack's time.
    pub fn this_month(&self) -> Month {
        let (_, offset) = refold::terms(&self.engine, &self.engine.home);
        Month::of(self.engine.env.now().date_at(offset))
    }

    /// Usage of a period: of one partner, or of all.
    ///
    /// # Errors
    /// The database's, or a record does not open.
    pub fn usage(&self, period: &Period, partner: Option<&str>) -> Result<Usage, StoreError> {
        let mut periods = self.counted.periods.lock().unwrap_or_else(PoisonError::into_inner);
        if periods.len() >= PERIODS_MAX && !periods.contains_key(&period.name) {
            periods.clear();
        }
        let (first, end) = self.store.read(|conn| {
            let first = ledger_rows::first_at(conn, period.from)?;
            Ok((first, ledger_rows::first_at(conn, period.until)?))
        })?;
        if first == end {
            // Not begun, or over before the log was: what it begins with is not known yet.
            return Ok(Usage {
                period: period.clone(),
                from_index: first,
                until_index: end,
                lines: Vec::new(),
            });
        }
        let tally = periods.entry(period.name.clone()).or_insert_with(|| Tally {
            from: first,
            upto: first,
            ..Tally::default()
        });
        let mut keys = BTreeMap::new();
        while tally.upto < end {
            let to = end.min(tally.upto + CHUNK);
            let from = tally.upto;
            for body in self.store.read(|conn| ledger_rows::bodies_of(conn, &KINDS, from, to))? {
                if let Some(key) = self.counted_as(&body, &mut keys)? {
                    tally.add(key, body.idx as u64);
                }
            }
            tally.upto = to;
        }
        let wanted = |asker: &str| partner.is_none_or(|partner| partner == asker);
        let lines = tally.counts.iter().filter(|((asker, ..), _)| wanted(asker));
        let lines = lines.map(|((asker, scenario, outcome), (count, first, last))| UsageLine {
            partner: asker.clone(),
            scenario: scenario.clone(),
            outcome: outcome.clone(),
            billable: is_billable(scenario, outcome),
            count: *count,
            first_index: *first,
            last_index: *last,
        });
        Ok(Usage {
            period: period.clone(),
            from_index: tally.from,
            until_index: tally.upto,
            lines: lines.collect(),
        })
    }

    /// Under what an entry counts; an act that is no partner's question under nothing.
    fn counted_as(
        &self,
        body: &BodyRow,
        keys: &mut BTreeMap<String, SealKey>,
    ) -> Result<Option<Key>, StoreError> {
        if !keys.contains_key(&body.period) {
            keys.extend(self.keystore.get([body.period.as_str()])?);
        }
        let Some(key) = keys.get(&body.period) else {
            return Err(StoreError::inconsistent(format!("the key {} is gone", body.period)));
        };
        let sealed: SealedRecord = open_part(key, "record", body.idx as u64, &body.record)
            .map_err(|e| StoreError::inconsistent(e.to_string()))?;
        let read = |text: &str| match text {
            "" => Ok(Value::Null),
            text => serde_json::from_str::<Value>(text)
                .map_err(|e| StoreError::inconsistent(e.to_string())),
        };
        let (record, detail) = (read(&sealed.part.text)?, read(&sealed.part.detail)?);
        Ok(usage_of(&body.kind, &record, &detail))
    }
}

fn usage_of(kind: &str, record: &Value, detail: &Value) -> Option<Key> {
    let text = |value: &Value| value.as_str().map(str::to_string);
    let (asker, scenario, outcome) = match kind {
        "inquiry" => (&record["asker"], &record["scenario"], text(&record["form"])?),
        _ if record["act"] == "inquire" => {
            (&record["actor"], &detail["scenario"], REFUSED.to_string())
        }
        _ => return None,
    };
    let asker = text(asker).filter(|id| id.starts_with("par_"))?;
    Some((asker, text(scenario).unwrap_or_default(), outcome))
}

/// Whether an answer costs.
pub fn is_billable(scenario: &str, outcome: &str) -> bool {
    scenario != SELF && outcome != REFUSED && outcome != "not_assessable"
}
