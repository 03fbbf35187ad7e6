//! Monitors, against the entries that set, moved and ended them.

use std::collections::BTreeMap;

use super::AuditReport;
use super::expected::Entry;
use crate::inquiry::rows::{self as inquiry_rows, MonitorRow};
use crate::store::{AnyConn, StoreError};

/// What the entries say.
#[derive(Default)]
pub(super) struct Watch {
    monitors: BTreeMap<String, MonitorRow>,
}

impl Watch {
    /// Takes the next entry in.
    pub fn take(&mut self, entry: &Entry) {
        let idx = entry.index as i64;
        if entry.kind == "monitor_set" {
            let says = |name: &str| entry.says(name).to_string();
            let holds = |name: &str| entry.holds(name).to_string();
            let row = MonitorRow {
                id: holds("monitor"),
                partner: says("asker"),
                person: holds("person"),
                subject: holds("subject"),
                consent: holds("consent"),
                scenario: says("scenario"),
                watch: says("watch"),
                bands: says("bands"),
                state: "active".to_string(),
                reason: None,
                inquiry: holds("inquiry"),
                opened_us: entry.at_us,
                ended_us: None,
                opened_idx: idx,
                idx,
            };
            self.monitors.insert(row.id.clone(), row);
            return;
        }
        let Some(row) = self.monitors.get_mut(entry.holds("monitor")) else { return };
        match entry.kind.as_str() {
            "monitor_alert" => {
                row.inquiry = entry.holds("inquiry").to_string();
                row.idx = idx;
            }
            "monitor_ended" => {
                row.state = "ended".to_string();
                row.reason = Some(entry.says("reason").to_string());
                row.ended_us = Some(entry.at_us);
                row.idx = idx;
            }
            _ => {}
        }
    }

    /// Compares the table with what the entries said.
    pub fn compare(&self, conn: &mut AnyConn, report: &mut AuditReport) -> Result<(), StoreError> {
        let mut seen = 0;
        let mut after = String::new();
        loop {
            let rows = inquiry_rows::monitors_page(conn, &after)?;
            let Some(last) = rows.last() else { break };
            after.clone_from(&last.id);
            for row in &rows {
                match self.monitors.get(&row.id) {
                    None => report.add("monitors", &row.id, "no entry speaks of it"),
                    Some(wanted) => {
                        seen += 1;
                        let why = "it is not what its entries say";
                        report.hold(wanted == row, "monitors", &row.id, why);
                    }
                }
            }
        }
        let why = "one is missing, though an entry speaks of it";
        report.hold(seen == self.monitors.len(), "monitors", self.monitors.len(), why);
        Ok(())
    }
}
