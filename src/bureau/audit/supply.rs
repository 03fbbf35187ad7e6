//! What furnishers are asked for, against the entries that say so.

use std::collections::BTreeMap;

use super::AuditReport;
use super::expected::Entry;
use crate::bureau::Engine;
use crate::bureau::command::observe::account_id;
use crate::collect::rows::{self as fact_rows, DataRequestRow};
use crate::kernel::Month;
use crate::store::{AnyConn, StoreError};
use crate::subject::rows::PairwiseRow;

/// What the entries say.
#[derive(Default)]
pub(super) struct Supply {
    requests: BTreeMap<String, Asked>,
}

/// One request, with the names from which its account is told.
struct Asked {
    row: DataRequestRow,
    subject: String,
    account_key: String,
}

fn month(entry: &Entry, name: &str) -> i64 {
    entry.holds(name).parse::<Month>().map_or(0, |month| i64::from(month.0))
}

impl Supply {
    /// Takes the next entry in.
    pub fn take(&mut self, entry: &Entry) {
        let idx = entry.index as i64;
        let state = match entry.kind.as_str() {
            "data_requested" => return self.asked(entry),
            "data_request_filled" => "filled",
            "data_request_answered" => "answered",
            _ => return,
        };
        if let Some(asked) = self.requests.get_mut(entry.holds("request")) {
            let reason = entry.record["reason"].as_str().map(str::to_string);
            asked.row.state = state.to_string();
            asked.row.reason = reason.filter(|_| state == "answered");
            asked.row.closed_us = Some(entry.at_us);
            asked.row.idx = idx;
        }
    }

    fn asked(&mut self, entry: &Entry) {
        let idx = entry.index as i64;
        let row = DataRequestRow {
            id: entry.holds("request").to_string(),
            furnisher: entry.says("furnisher").to_string(),
            person: entry.holds("person").to_string(),
            account: Vec::new(),
            from_month: month(entry, "from"),
            until_month: month(entry, "until"),
            state: "open".to_string(),
            reason: None,
            opened_us: entry.at_us,
            closed_us: None,
            opened_idx: idx,
            idx,
        };
        let (subject, account_key) = (entry.holds("subject"), entry.holds("account_key"));
        let (subject, account_key) = (subject.to_string(), account_key.to_string());
        self.requests.insert(row.id.clone(), Asked { row, subject, account_key });
    }

    /// Compares the table with what the entries said; `pairwise` are the partners' own ids.
    pub fn compare(
        &self,
        engine: &Engine,
        pairwise: &BTreeMap<String, PairwiseRow>,
        conn: &mut AnyConn,
        report: &mut AuditReport,
    ) -> Result<(), StoreError> {
        let mut seen = 0;
        let mut after = String::new();
        loop {
            let rows = fact_rows::data_requests_page(conn, &after)?;
            let Some(last) = rows.last() else { break };
            after.clone_from(&last.id);
            for row in &rows {
                let Some(asked) = self.requests.get(&row.id) else {
                    report.add("data_requests", &row.id, "no entry speaks of it");
                    continue;
                };
                seen += 1;
                let holder = pairwise.get(&asked.subject).map(|own| own.person.as_str());
                let furnisher = &asked.row.furnisher;
                let account =
                    holder.map(|holder| account_id(engine, holder, furnisher, &asked.account_key));
                let wanted =
                    DataRequestRow { account: account.unwrap_or_default(), ..asked.row.clone() };
                let why = "it is not what its entries say";
                report.hold(wanted == *row, "data_requests", &row.id, why);
            }
        }
        let why = "one is missing, though an entry speaks of it";
        report.hold(seen == self.requests.len(), "data_requests", self.requests.len(), why);
        Ok(())
    }
}
