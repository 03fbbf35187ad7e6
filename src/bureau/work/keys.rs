//! Keys whose names are not fresh.

use super::Work;
use crate::store::StoreError;

impl Work<'_> {
    /// The key of this name is loaded, or made. One may be there that nothing is sealed with: a
    /// batch keeps its keys before it commits, and that batch did not.
    ///
    /// # Errors
    /// The key store's.
    pub fn find_or_make_key(&mut self, name: &str) -> Result<(), StoreError> {
        if self.loaded.keys.contains_key(name) {
            return Ok(());
        }
        match self.keystore.get([name])?.remove(name) {
            Some(key) => {
                self.loaded.keys.insert(name.to_string(), key);
            }
            None => self.make_key(name.to_string()),
        }
        Ok(())
    }
}
