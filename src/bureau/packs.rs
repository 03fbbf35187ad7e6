//! Which rule packs the log stands under, and the change from some to others.
//!
//! Every entry names the packs of its day, and profiles are folded by their clocks. So at any
//! moment one set of packs is in force, and only a process that knows that very set may write:
//! when a new version has put its own in force, processes of the old one are refused until they
//! are restarted, and their profiles, folded by the old clocks, never stand beside the new.

use super::command::Command;
use super::{Bureau, Engine};
use crate::error::Problem;
use crate::kernel::bytes::hex;
use crate::ledger::leaf::Leaf;
use crate::ledger::rows::{self as ledger_rows, Head};
use crate::score::rows as score_rows;
use crate::store::{AnyConn, Store, StoreError};

/// Profiles aged in one transaction before other packs come into force.
const AGED_AT_ONCE: i64 = 5_000;

/// Digest of the packs that the last entry of the log names; `None` of an empty log.
pub fn in_force(conn: &mut AnyConn, size: u64) -> Result<Option<[u8; 32]>, StoreError> {
    let last = ledger_rows::leaves(conn, size.saturating_sub(1), size)?;
    let Some(row) = last.first() else { return Ok(None) };
    let leaf = Leaf::parse(&row.leaf).map_err(|e| StoreError::inconsistent(e.to_string()))?;
    Ok(Some(leaf.packs))
}

/// Why this process may not write: the log stands under other packs, and these commands do not
/// put its own in force.
///
/// # Errors
/// The log cannot be read.
pub fn refusal(
    engine: &Engine,
    conn: &mut AnyConn,
    head: &Head,
    commands: &[Box<dyn Command>],
) -> Result<Option<Problem>, StoreError> {
    if commands.iter().all(|command| command.puts_packs_in_force()) {
        return Ok(None);
    }
    let own = engine.rules.digest();
    let others = in_force(conn, head.size)?.filter(|packs| *packs != own);
    Ok(others.map(|packs| replaced(&packs)))
}

fn replaced(packs: &[u8; 32]) -> Problem {
    tracing::error!(packs = hex(packs), "other rule packs are in force: restart this process");
    Problem::new(
        "packs_replaced",
        "This process knows other rule packs than those that are in force, and must be restarted. \
         Nothing was changed. Try again with the same Idempotency-Key: another process may serve.",
    )
    .retry_after(5)
}

/// Other packs have other clocks: every profile is folded anew before it is used next. Most of it
/// is done here, in small transactions; what an old process writes meanwhile is aged in the very
/// transaction that puts the new packs in force, after which that process cannot write.
///
/// # Errors
/// The database.
pub fn age_profiles(store: &Store) -> Result<(), StoreError> {
    let mut writer = store.writer();
    let mut after = String::new();
    loop {
        let aged = |conn: &mut AnyConn| score_rows::age(conn, &after, AGED_AT_ONCE);
        match writer.write("profiles.age", aged, |_, _| Ok(false))? {
            Some(last) => after = last,
            None => return Ok(()),
        }
    }
}

impl Bureau {
    /// Digest of the packs that are in force where they are not those that this process knows.
    ///
    /// # Errors
    /// The database.
    pub fn other_packs(&self) -> Result<Option<[u8; 32]>, StoreError> {
        let head = self.store.read(ledger_rows::read_head)?;
        let size = head.map_or(0, |head| head.size);
        let packs = self.store.read(|conn| in_force(conn, size))?;
        Ok(packs.filter(|packs| *packs != self.engine.rules.digest()))
    }
}
