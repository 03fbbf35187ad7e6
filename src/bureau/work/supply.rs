//! What furnishers are asked for, in a batch.

use std::collections::{BTreeMap, BTreeSet};

use super::Work;
use crate::collect::rows::{self as fact_rows, DataRequestRow};
use crate::store::StoreError;

impl Work<'_> {
    /// Writes a data request.
    pub fn put_data_request(&mut self, row: DataRequestRow) {
        self.loaded.data_requests.insert(row.id.clone(), row.clone());
        self.pending.data_requests.insert(row.id.clone(), row);
    }

    /// Data requests about an account, this batch's included.
    ///
    /// # Errors
    /// The database's.
    pub fn requests_about(&mut self, account: &[u8]) -> Result<Vec<DataRequestRow>, StoreError> {
        let mut rows: BTreeMap<String, DataRequestRow> = BTreeMap::new();
        let known = fact_rows::requests_about(self.conn, &[account])?;
        let fresh = self.pending.data_requests.values().filter(|row| row.account == account);
        for row in known.iter().chain(fresh) {
            rows.insert(row.id.clone(), row.clone());
        }
        Ok(rows.into_values().collect())
    }

    /// Open data requests about accounts.
    ///
    /// # Errors
    /// The database's.
    pub fn open_requests(
        &mut self,
        accounts: &BTreeSet<Vec<u8>>,
    ) -> Result<Vec<DataRequestRow>, StoreError> {
        if accounts.is_empty() {
            return Ok(Vec::new());
        }
        let keys: Vec<&[u8]> = accounts.iter().map(Vec::as_slice).collect();
        let mut rows: BTreeMap<String, DataRequestRow> = BTreeMap::new();
        let known = fact_rows::requests_about(self.conn, &keys)?;
        let fresh = self.pending.data_requests.values();
        let fresh = fresh.filter(|row| accounts.contains(&row.account));
        for row in known.iter().chain(fresh) {
            rows.insert(row.id.clone(), row.clone());
        }
        Ok(rows.into_values().filter(|row| row.state == "open").collect())
    }

    /// The months of an account's statements that stand, this batch's included.
    ///
    /// # Errors
    /// The database's.
    pub fn statements(
        &mut self,
        furnisher: &str,
        account: &[u8],
    ) -> Result<BTreeSet<i64>, StoreError> {
        let known = fact_rows::of_accounts(self.conn, furnisher, &[account])?;
        let mut rows: BTreeMap<Vec<u8>, fact_rows::FactRow> =
            known.into_iter().map(|row| (row.identity.clone(), row)).collect();
        let own = |row: &&fact_rows::FactRow| row.account.as_deref() == Some(account);
        for row in self.pending.facts.values().filter(own) {
            rows.insert(row.identity.clone(), row.clone());
        }
        let standing = rows.into_values().filter(|row| !row.deleted);
        Ok(standing.filter_map(|row| row.month).collect())
    }
}
