//! Live, sandbox or demonstration: settled when a bureau is made, and for ever.
//!
//! It stands in the record of the log's first entry, which nobody can change, and in a file of the
//! data directory, for whoever looks there first. What the configuration or a variable says later
//! is compared with both: a live bureau never becomes a sandbox, nor the reverse.

use std::path::Path;

use serde_json::Value;

use super::start::OpenError;
use crate::ledger::body::{SealedRecord, open_part};
use crate::ledger::rows as ledger_rows;
use crate::policy::Environment;
use crate::store::{KeyStore, Store, StoreError};

/// The file that says so.
const FILE: &str = "environment";

/// What the first entry says; `None` while the log is empty. One that says nothing was made before
/// entries said it: that is no sandbox.
fn in_log(
    store: &Store,
    keystore: &KeyStore,
    asked: Environment,
) -> Result<Option<Environment>, StoreError> {
    let bodies = store.read(|conn| ledger_rows::bodies(conn, 0, 1))?;
    let Some(body) = bodies.first() else { return Ok(None) };
    let keys = keystore.get([body.period.as_str()])?;
    let Some(key) = keys.get(&body.period) else {
        let text = "the key of the log's first entry is gone: this key store is not its own";
        return Err(StoreError::inconsistent(text));
    };
    let sealed: SealedRecord = open_part(key, "record", 0, &body.record)
        .map_err(|e| StoreError::inconsistent(e.to_string()))?;
    let record: Value = serde_json::from_str(&sealed.part.text)
        .map_err(|e| StoreError::inconsistent(e.to_string()))?;
    let unsaid = if asked == Environment::Sandbox { Environment::Live } else { asked };
    let said = record["environment"].as_str().and_then(Environment::from_name);
    Ok(Some(said.unwrap_or(unsaid)))
}

/// Compares what a bureau was made as with what it is opened as.
///
/// # Errors
/// They differ, or cannot be read.
pub(super) fn check(
    dir: &Path,
    store: &Store,
    keystore: &KeyStore,
    asked: Environment,
) -> Result<(), OpenError> {
    let path = dir.join(FILE);
    let said = match std::fs::read_to_string(&path) {
        Ok(text) => Some(text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => return Err(OpenError::Io(path, error)),
    };
    let in_file = said.as_deref().map(str::trim).map(|name| {
        let unread = || OpenError::Log(format!("{} does not read", path.display()));
        Environment::from_name(name).ok_or_else(unread)
    });
    let found = [in_log(store, keystore, asked)?, in_file.transpose()?];
    for made in found.into_iter().flatten() {
        if made != asked {
            return Err(OpenError::Environment { made, asked });
        }
    }
    if said.is_none() {
        let line = format!("{}\n", asked.name());
        std::fs::write(&path, line).map_err(|e| OpenError::Io(path, e))?;
    }
    Ok(())
}
