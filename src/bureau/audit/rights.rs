//! Matters, contested items, barred records and events against the entries that made them.

use std::collections::BTreeMap;

use super::AuditReport;
use super::expected::Entry;
use crate::bureau::Bureau;
use crate::bureau::matter::{event_key, open, open_event};
use crate::kernel::bytes::hex;
use crate::kernel::seal::SealKey;
use crate::ledger::body::person_key_name;
use crate::rights::rows::{self as rights_rows, ContestedRow, MatterRow};
use crate::store::{AnyConn, StoreError};

const DIFFERS: &str = "it is not what its entries say";
const UNKNOWN: &str = "no entry speaks of it";
const MISSING: &str = "it is missing, though an entry speaks of it";

/// What the entries say of matters.
#[derive(Default)]
pub(super) struct Rights {
    matters: BTreeMap<String, MatterRow>,
    contested: BTreeMap<String, ContestedRow>,
    /// Entry → how many records it barred or let in again.
    bars: BTreeMap<i64, u64>,
    /// Entry → how many events it made.
    tells: BTreeMap<i64, u64>,
}

impl Rights {
    /// Takes the next entry in.
    pub fn take(&mut self, entry: &Entry) {
        let index = entry.index as i64;
        for (name, counts) in [("tells", &mut self.tells), ("bars", &mut self.bars)] {
            match entry.record[name].as_u64() {
                Some(0) | None => {}
                // What was told about somebody forgotten went with them.
                Some(_) if name == "tells" && entry.is_evidence() => {}
                Some(n) => {
                    counts.insert(index, n);
                }
            }
        }
        match entry.kind.as_str() {
            "dispute_opened" => self.opened(entry, "dispute"),
            "dispute_answered" | "dispute_reinserted" | "dispute_withdrawn" => {
                self.answered(entry);
            }
            "dispute_informed" => self.informed(entry),
            "dispute_reminded" => self.reminded(entry),
            "statement_added" => self.opened(entry, "statement"),
            "review_asked" => self.opened(entry, "review"),
            "complaint_made" => self.opened(entry, "complaint"),
            "notice_made" => self.opened(entry, "notice"),
            "review_answered" | "complaint_answered" => self.closed(entry, "closed"),
            "statement_withdrawn" => self.closed(entry, "withdrawn"),
            _ => {}
        }
    }

    fn opened(&mut self, entry: &Entry, kind: &str) {
        let (id, person) = (entry.holds("matter"), entry.holds("person"));
        let row = MatterRow {
            id: id.to_string(),
            kind: kind.to_string(),
            person: person.to_string(),
            state: if entry.record["due"].is_null() { "stands" } else { "open" }.to_string(),
            placed_us: entry.at_us,
            due_us: entry.time("due"),
            closed_us: None,
            opened_idx: entry.index as i64,
            sealed: Vec::new(),
            idx: entry.index as i64,
            reminded_idx: None,
        };
        self.matters.insert(id.to_string(), row);
        for item in entry.personal["items"].as_array().into_iter().flatten() {
            let text = |name: &str| item[name].as_str().unwrap_or_default().to_string();
            let row = ContestedRow {
                id: text("id"),
                dispute: id.to_string(),
                person: person.to_string(),
                observation: item["observation"].as_i64().unwrap_or_default(),
                furnisher: text("furnisher"),
                state: "forwarded".to_string(),
                withheld: entry.record["withheld"].as_bool().unwrap_or_default(),
                from_idx: entry.index as i64,
                to_idx: None,
            };
            self.contested.insert(row.id.clone(), row);
        }
    }

    fn answered(&mut self, entry: &Entry) {
        for item in entry.personal["items"].as_array().into_iter().flatten() {
            let id = item["id"].as_str().unwrap_or_default();
            if let Some(row) = self.contested.get_mut(id) {
                row.state = item["state"].as_str().unwrap_or_default().to_string();
                row.to_idx = Some(entry.index as i64);
            }
        }
        if let Some(row) = self.matters.get_mut(entry.holds("matter")) {
            row.state = entry.says("state").to_string();
            row.idx = entry.index as i64;
            if row.state != "open" && row.closed_us.is_none() {
                row.closed_us = Some(entry.at_us);
            }
        }
    }

    fn informed(&mut self, entry: &Entry) {
        if let Some(row) = self.matters.get_mut(entry.holds("matter")) {
            row.due_us = entry.time("due");
            row.idx = entry.index as i64;
        }
    }

    fn reminded(&mut self, entry: &Entry) {
        if let Some(row) = self.matters.get_mut(entry.holds("matter")) {
            row.reminded_idx = Some(entry.index as i64);
            row.idx = entry.index as i64;
        }
    }

    fn closed(&mut self, entry: &Entry, state: &str) {
        if let Some(row) = self.matters.get_mut(entry.holds("matter")) {
            row.state = state.to_string();
            row.closed_us = Some(entry.at_us);
            row.idx = entry.index as i64;
        }
    }

    /// Compares the tables with what the entries said.
    pub fn compare(
        &self,
        bureau: &Bureau,
        conn: &mut AnyConn,
        report: &mut AuditReport,
    ) -> Result<(), StoreError> {
        self.compare_matters(bureau, conn, report)?;
        let mut seen = 0;
        let mut after = String::new();
        loop {
            let rows = rights_rows::contested_page(conn, &after)?;
            let Some(last) = rows.last() else { break };
            after.clone_from(&last.id);
            for row in &rows {
                seen += 1;
                let why = if self.contested.contains_key(&row.id) { DIFFERS } else { UNKNOWN };
                report.hold(self.contested.get(&row.id) == Some(row), "contested", &row.id, why);
            }
        }
        report.hold(seen >= self.contested.len(), "contested", self.contested.len(), MISSING);
        self.compare_barred(conn, report)?;
        self.compare_events(bureau, conn, report)
    }

    fn compare_matters(
        &self,
        bureau: &Bureau,
        conn: &mut AnyConn,
        report: &mut AuditReport,
    ) -> Result<(), StoreError> {
        let mut seen = 0;
        let mut after = String::new();
        loop {
            let rows = rights_rows::matters_page(conn, &after)?;
            let Some(last) = rows.last() else { break };
            after.clone_from(&last.id);
            let keys = keys(bureau, rows.iter().map(|row| person_key_name(&row.person)))?;
            for row in &rows {
                let Some(wanted) = self.matters.get(&row.id) else {
                    report.add("matters", &row.id, UNKNOWN);
                    continue;
                };
                seen += 1;
                let same = MatterRow { sealed: Vec::new(), ..row.clone() } == *wanted;
                report.hold(same, "matters", &row.id, DIFFERS);
                let key = keys.get(&person_key_name(&row.person));
                let opens = key.is_some_and(|key| open(row, key).is_ok());
                report.hold(opens, "matters", &row.id, "what it says does not open");
            }
        }
        report.hold(seen == self.matters.len(), "matters", self.matters.len(), MISSING);
        Ok(())
    }

    fn compare_barred(
        &self,
        conn: &mut AnyConn,
        report: &mut AuditReport,
    ) -> Result<(), StoreError> {
        let mut counted: BTreeMap<i64, u64> = BTreeMap::new();
        let mut after = Vec::new();
        loop {
            let rows = rights_rows::barred_page(conn, &after)?;
            let Some(last) = rows.last() else { break };
            after.clone_from(&last.id);
            for row in &rows {
                let by = row.lifted_idx.unwrap_or(row.idx);
                *counted.entry(by).or_default() += 1;
                let known = self.bars.contains_key(&row.idx) && self.bars.contains_key(&by);
                report.hold(known, "barred", hex(&row.id), UNKNOWN);
            }
        }
        for (index, n) in &counted {
            let holds = self.bars.get(index).is_none_or(|said| n <= said);
            report.hold(holds, "barred", index, "there are more than its entry says");
        }
        Ok(())
    }

    fn compare_events(
        &self,
        bureau: &Bureau,
        conn: &mut AnyConn,
        report: &mut AuditReport,
    ) -> Result<(), StoreError> {
        let last = i64::MAX.unsigned_abs();
        let rows = rights_rows::events_between(conn, 0, last)?;
        let keys = keys(bureau, rows.iter().map(event_key))?;
        let mut counted: BTreeMap<i64, u64> = BTreeMap::new();
        for row in &rows {
            *counted.entry(row.idx).or_default() += 1;
            // Whom it concerned may have been forgotten since: then nothing opens it.
            let opens = keys.get(&event_key(row)).is_none_or(|key| open_event(row, key).is_ok());
            report.hold(opens, "events", row.id, "it does not open");
        }
        let why = "there are not as many as its entry says";
        for index in counted.keys().chain(self.tells.keys()) {
            let (is, says) = (counted.get(index), self.tells.get(index));
            report.hold(is == says, "events", index, why);
        }
        Ok(())
    }
}

fn keys(
    bureau: &Bureau,
    names: impl Iterator<Item = String>,
) -> Result<BTreeMap<String, SealKey>, StoreError> {
    let mut names: Vec<String> = names.collect();
    names.sort_unstable();
    names.dedup();
    bureau.keystore.get(names.iter().map(String::as_str))
}
