//! SQLite's write-ahead log, copied into the database beside the writer and not by it: the two
//! waits for the disk that this costs are no command's.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;

use super::turns::Turns;
use super::{AnyConn, Store, StoreError, Target};

/// Entries of the log of the bureau after which it is copied: some megabytes. The writer itself
/// copies only what this thread did not keep up with (`CHECKPOINT_PAGES` of a connection).
const COPY_ENTRIES: u64 = 512;
/// Pages of the write-ahead log (4 KiB each) after which it is begun anew: for that the writer must
/// stand still while the last few pages are copied.
const RESTART_PAGES: i64 = 16 * 1024;

#[derive(Default)]
struct Wanted {
    /// How many entries are committed, and how many were when it was copied last.
    committed: u64,
    copied: u64,
    closing: bool,
}

impl Wanted {
    fn is_due(&self) -> bool {
        self.committed.saturating_sub(self.copied) >= COPY_ENTRIES
    }
}

struct Shared {
    wanted: Mutex<Wanted>,
    changed: Condvar,
}

/// The thread that copies. PostgreSQL has processes of its own for it: there it does nothing.
pub struct Checkpointing {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// Tells the thread that something was committed.
#[derive(Clone)]
pub struct Committed(Arc<Shared>);

impl Committed {
    /// The writer has committed; the bureau's log now has `size` entries.
    pub fn tell(&self, size: u64) {
        let mut wanted = self.0.wanted.lock().unwrap_or_else(PoisonError::into_inner);
        wanted.committed = size;
        if wanted.is_due() {
            self.0.changed.notify_one();
        }
    }
}

impl Checkpointing {
    /// Starts the thread for a database.
    pub fn start(store: &Store) -> (Checkpointing, Committed) {
        let target = store.target();
        let shared = Arc::new(Shared { wanted: Mutex::default(), changed: Condvar::new() });
        let told = Committed(shared.clone());
        if matches!(target, Target::Postgres { .. }) {
            return (Checkpointing { shared, thread: None }, told);
        }
        let (inner, target, turns) = (shared.clone(), target.clone(), store.turns.clone());
        let work = move || {
            let mut conn: Option<AnyConn> = None;
            while wait(&inner) {
                let mut own = match conn.take().map_or_else(|| target.connect(), Ok) {
                    Ok(own) => own,
                    Err(error) => {
                        tracing::warn!(%error, "the write-ahead log is left to the writer");
                        continue;
                    }
                };
                match copy(&mut own, &turns) {
                    Ok(()) => conn = Some(own),
                    Err(error) => tracing::warn!(%error, "the write-ahead log was not copied"),
                }
            }
        };
        let thread = std::thread::Builder::new().name("checkpoint".to_string()).spawn(work).ok();
        (Checkpointing { shared, thread }, told)
    }

    /// Ends the thread.
    pub fn close(&mut self) {
        self.shared.wanted.lock().unwrap_or_else(PoisonError::into_inner).closing = true;
        self.shared.changed.notify_one();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Checkpointing {
    fn drop(&mut self) {
        self.close();
    }
}

/// Copies beside the writer. Once the log is long the writer waits for the rest of it, which is
/// short by then, so that the log begins anew and stays as long as it is.
fn copy(conn: &mut AnyConn, turns: &Turns) -> Result<(), StoreError> {
    if conn.copy_log(false)? >= RESTART_PAGES {
        let _turn = turns.take();
        conn.copy_log(true)?;
    }
    Ok(())
}

/// Waits until a copy is wanted; false when closing.
fn wait(shared: &Shared) -> bool {
    let mut wanted = shared.wanted.lock().unwrap_or_else(PoisonError::into_inner);
    loop {
        if wanted.closing {
            return false;
        }
        if wanted.is_due() {
            wanted.copied = wanted.committed;
            return true;
        }
        wanted = shared.changed.wait(wanted).unwrap_or_else(PoisonError::into_inner);
    }
}
