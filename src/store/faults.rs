//! Faults on order, for tests: the process dies at a named point, or a transaction fails, before
//! its commit or after it (the commit happened, and its answer was lost).
//!
//! None of it is in a release: without `debug_assertions` a point is nothing at all, there is no
//! way to arm one, and the program's `--die-at` does not exist.

use super::StoreError;

/// When a transaction can fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// It is begun, and nothing is done yet.
    Begun,
    /// Everything is written, and the commit is not sent.
    BeforeCommit,
    /// It is committed, and nobody knows yet.
    AfterCommit,
}

impl When {
    /// All of them.
    pub const ALL: [When; 3] = [When::Begun, When::BeforeCommit, When::AfterCommit];

    /// Its name in that of a point: `batch.after_commit`.
    pub fn name(self) -> &'static str {
        match self {
            When::Begun => "begun",
            When::BeforeCommit => "before_commit",
            When::AfterCommit => "after_commit",
        }
    }
}

/// The points of the publisher and of the sequencer, beside those of every transaction.
pub const POINTS: [&str; 7] = [
    "publish.tiles",
    "publish.checkpoint_kept",
    "publish.checkpoint_shown",
    "tile.written",
    "tile.renamed",
    "batch.keys_pending",
    "batch.unanswered",
];

/// The transactions that every bureau at work makes.
pub const TRANSACTIONS: [&str; 3] = ["batch", "keys.put", "log.checkpoint"];

/// A point that is no part of a transaction: the process may die here.
#[cfg(not(debug_assertions))]
pub fn reach(_point: &'static str) {}

/// A point of a transaction on the database that is `shown` so.
#[cfg(not(debug_assertions))]
pub(super) fn in_transaction(_: &str, _: &'static str, _: When) -> Result<(), StoreError> {
    Ok(())
}

#[cfg(debug_assertions)]
pub use armed::{Fault, arm, arm_death, disarm, reach, reached};

#[cfg(debug_assertions)]
pub(super) use armed::in_transaction;

#[cfg(debug_assertions)]
mod armed {
    use std::collections::BTreeMap;
    use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
    use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

    use super::{StoreError, When};

    /// Decides, for each point that a transaction comes to, whether it fails there.
    pub type Fault = Arc<dyn Fn(&'static str, When) -> bool + Send + Sync>;

    /// Which databases have faults, by how they are shown.
    static FAULTS: Mutex<BTreeMap<String, Fault>> = Mutex::new(BTreeMap::new());
    static ARMED: AtomicBool = AtomicBool::new(false);
    /// Where the process dies, and after how many times it came there.
    static DEATH: Mutex<Option<(String, u64)>> = Mutex::new(None);
    static MORTAL: AtomicBool = AtomicBool::new(false);
    static REACHED: AtomicU64 = AtomicU64::new(0);

    fn faults() -> MutexGuard<'static, BTreeMap<String, Fault>> {
        FAULTS.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on `fault` decides over transactions on this database.
    pub fn arm(shown: &str, fault: Fault) {
        faults().insert(shown.to_string(), fault);
        ARMED.store(true, Ordering::SeqCst);
    }

    /// No more faults on this database.
    pub fn disarm(shown: &str) {
        faults().remove(shown);
    }

    /// The process dies, without a goodbye, when it comes to `point` for the `times`th time.
    pub fn arm_death(point: &str, times: u64) {
        *DEATH.lock().unwrap_or_else(PoisonError::into_inner) = Some((point.to_string(), times));
        MORTAL.store(true, Ordering::SeqCst);
    }

    /// How often the point of death was come to.
    pub fn reached() -> u64 {
        REACHED.load(Ordering::SeqCst)
    }

    /// A point that is no part of a transaction: the process may die here.
    pub fn reach(point: &str) {
        if !MORTAL.load(Ordering::Relaxed) {
            return;
        }
        let death = DEATH.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, times)) = &*death
            && at == point
            && REACHED.fetch_add(1, Ordering::SeqCst) + 1 == *times
        {
            // No destructor, no flush, no handler: as a SIGKILL would end it.
            std::process::abort();
        }
    }

    /// A point of a transaction on the database that is `shown` so.
    pub fn in_transaction(shown: &str, name: &'static str, when: When) -> Result<(), StoreError> {
        if MORTAL.load(Ordering::Relaxed) {
            reach(&format!("{name}.{}", when.name()));
        }
        if !ARMED.load(Ordering::Relaxed) {
            return Ok(());
        }
        let fault = faults().get(shown).cloned();
        match fault {
            Some(fault) if fault(name, when) => {
                Err(StoreError::Unreachable(format!("a fault on order, {name} {}", when.name())))
            }
            _ => Ok(()),
        }
    }
}
