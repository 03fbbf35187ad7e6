//! How scorecards stand, in a batch.

use std::collections::BTreeMap;

use super::Work;
use crate::model::governance::Role;
use crate::model::rows::{self as model_rows, ModelRow};
use crate::store::StoreError;

impl Work<'_> {
    /// Keeps how a scorecard stands.
    pub fn put_model(&mut self, row: ModelRow) {
        self.loaded.models.retain(|(digest, _)| *digest != row.digest);
        if row.role != Role::None.name() {
            self.loaded.models.push((row.digest.clone(), row.role.clone()));
        }
        self.pending.models.insert(row.digest.clone(), row);
    }

    /// How every scorecard stands, with what this batch has changed.
    ///
    /// # Errors
    /// The database's.
    pub fn models(&mut self) -> Result<Vec<ModelRow>, StoreError> {
        let mut rows: BTreeMap<String, ModelRow> = BTreeMap::new();
        for row in model_rows::all(self.conn)?.iter().chain(self.pending.models.values()) {
            rows.insert(row.digest.clone(), row.clone());
        }
        Ok(rows.into_values().collect())
    }
}
