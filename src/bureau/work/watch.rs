//! Monitors, in a batch.

use std::collections::BTreeMap;

use super::Work;
use crate::inquiry::rows::{self as inquiry_rows, MonitorRow};
use crate::store::StoreError;

impl Work<'_> {
    /// Writes a monitor.
    pub fn put_monitor(&mut self, row: MonitorRow) {
        self.loaded.monitors.insert(row.id.clone(), row.clone());
        self.pending.monitors.insert(row.id.clone(), row);
    }

    /// The monitors that rest on a consent, this batch's included.
    ///
    /// # Errors
    /// The database's.
    pub fn monitors_on(&mut self, consent: &str) -> Result<Vec<MonitorRow>, StoreError> {
        let mut rows: BTreeMap<String, MonitorRow> = BTreeMap::new();
        let known = inquiry_rows::monitors_on(self.conn, consent)?;
        let fresh = self.pending.monitors.values().filter(|row| row.consent == consent);
        for row in known.iter().chain(fresh) {
            rows.insert(row.id.clone(), row.clone());
        }
        Ok(rows.into_values().collect())
    }
}
