//! Publishing: what is committed becomes tiles and a signed checkpoint, at least every second
//! while entries come. Integrating and publishing are separate on purpose (formats.md): a crash
//! between them leaves entries that the next start publishes.

use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::Engine;
use super::meters;
use super::start::OpenError;
use crate::ledger::checkpoint::Checkpoint;
use crate::ledger::publish::{DirStore, PublishError, Publisher};
use crate::ledger::rows::{self as ledger_rows, Head};
use crate::ledger::tree::{CompactRange, leaf_hash};
use crate::store::{AnyConn, Store, StoreError, faults};

/// Between two checkpoints while entries come.
const INTERVAL: Duration = Duration::from_millis(400);
/// Leaves read from the database at a time.
const CHUNK: u64 = 4_096;

#[derive(Default)]
struct State {
    /// Entries known to be committed.
    committed: u64,
    /// Entries covered by the newest published checkpoint.
    published: u64,
    /// Somebody waits for a checkpoint now.
    asked: bool,
    /// Why the last attempt failed.
    trouble: Option<String>,
    /// How many attempts were begun.
    begun: u64,
    /// How many attempts have ended.
    ended: u64,
    closing: bool,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The publishing thread.
pub struct Publishing {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// Tells the publishing thread that something was committed.
pub struct Waker(Arc<Shared>);

impl Waker {
    /// The log now has `size` committed entries.
    pub fn committed(&self, size: u64) {
        self.0.lock().committed = size;
        self.0.changed.notify_all();
    }
}

/// Verifies the right edge of the log: the last leaves give the nodes that the head holds.
///
/// # Errors
/// The edge does not fit: the database was altered or is damaged.
pub fn check_right_edge(conn: &mut AnyConn, head: &Head) -> Result<(), StoreError> {
    let tail = head.size % 256;
    let rows = ledger_rows::leaves(conn, head.size - tail, head.size + 1)?;
    if rows.len() as u64 != tail {
        return Err(StoreError::inconsistent(format!(
            "the head says {} entries, but the last {tail} are not the last in the table: restore \
             the database from a backup, and let `fivefold audit` say what is missing",
            head.size
        )));
    }
    let mut edge = CompactRange::new();
    for row in &rows {
        edge.append(leaf_hash(&row.leaf));
    }
    let nodes = head.frontier.nodes();
    let right = nodes.len().checked_sub(edge.nodes().len()).and_then(|at| nodes.get(at..));
    if right != Some(edge.nodes()) {
        return Err(StoreError::inconsistent(
            "the last entries do not give the root in the head: restore the database from a \
             backup, and let `fivefold audit` say what differs",
        ));
    }
    Ok(())
}

struct Worker {
    engine: Arc<Engine>,
    store: Store,
    publisher: Publisher<DirStore>,
}

impl Publishing {
    /// Compares the published log with the database, then starts the thread.
    ///
    /// # Errors
    /// The database lies behind what was published: it was restored from an old backup, and going
    /// on would give indices out twice.
    pub fn start(
        engine: Arc<Engine>,
        store: Store,
        publisher: Publisher<DirStore>,
    ) -> Result<Publishing, OpenError> {
        // The head last: another node may write and publish meanwhile.
        let shown = publisher.checkpoint()?.map_or(0, |checkpoint| checkpoint.size);
        let kept = store.read(ledger_rows::newest_checkpoint)?.map_or(0, |(size, _)| size);
        let head = store.read(ledger_rows::read_head)?;
        let size = head.map_or(0, |head| head.size);
        let known = shown.max(kept);
        if size < known {
            return Err(OpenError::Log(format!(
                "the database has {size} entries, but a checkpoint of {known} was published: \
                 restore a newer copy of the database; going on would reuse indices"
            )));
        }
        let state = State { committed: size, published: shown, ..State::default() };
        let shared = Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new() });
        let inner = shared.clone();
        let mut worker = Worker { engine, store, publisher };
        let thread = std::thread::Builder::new().name("publisher".to_string()).spawn(move || {
            while let Some(size) = due(&inner) {
                let outcome = worker.publish(size);
                let mut state = inner.lock();
                state.ended += 1;
                match outcome {
                    Ok(size) => {
                        state.published = size;
                        state.trouble = None;
                    }
                    Err(error) => {
                        tracing::error!(error = %error, "the log is not published");
                        state.trouble = Some(error);
                    }
                }
                inner.changed.notify_all();
            }
        });
        Ok(Publishing { shared, thread: Mutex::new(thread.ok()) })
    }

    /// A handle by which commits are told.
    pub fn waker(&self) -> Waker {
        Waker(self.shared.clone())
    }

    /// Publishes now and waits for it.
    ///
    /// # Errors
    /// Why it failed.
    pub fn now(&self) -> Result<u64, String> {
        let mut state = self.shared.lock();
        if state.closing {
            return Ok(state.published);
        }
        state.asked = true;
        // An attempt under way may have begun before what is wanted was committed: wait for the
        // one after it.
        let wanted = state.begun + 1;
        self.shared.changed.notify_all();
        while state.ended < wanted {
            state = self.shared.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        match &state.trouble {
            Some(trouble) => Err(trouble.clone()),
            None => Ok(state.published),
        }
    }

    /// Entries that the newest checkpoint covers.
    pub fn size(&self) -> u64 {
        self.shared.lock().published
    }

    /// Why the last attempt failed, if it did.
    pub fn trouble(&self) -> Option<String> {
        self.shared.lock().trouble.clone()
    }

    /// Stops the thread.
    pub fn close(&self) {
        self.shared.lock().closing = true;
        self.shared.changed.notify_all();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            let _ = thread.join();
        }
    }
}

impl Drop for Publishing {
    fn drop(&mut self) {
        self.close();
    }
}

/// Waits until something is to be published; `None` at the end.
fn due(shared: &Shared) -> Option<u64> {
    let mut state = shared.lock();
    let begin = |mut state: MutexGuard<'_, State>| {
        state.begun += 1;
        state.asked = false;
        Some(state.committed)
    };
    loop {
        if state.asked {
            return begin(state);
        }
        if state.closing {
            return None;
        }
        if state.committed > state.published {
            // Let more entries come in for a moment: one checkpoint covers them all.
            let (next, _) = shared
                .changed
                .wait_timeout_while(state, INTERVAL, |s| !s.closing && !s.asked)
                .unwrap_or_else(PoisonError::into_inner);
            if next.closing && !next.asked {
                return None;
            }
            return begin(next);
        }
        state = shared.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
    }
}

impl Worker {
    /// Publishes everything that is committed; another node may have written more than we know.
    fn publish(&mut self, _at_least: u64) -> Result<u64, String> {
        let text = |e: StoreError| e.to_string();
        let head = self.store.read(ledger_rows::read_head).map_err(text)?;
        let head = head.ok_or("the database has no log")?;
        let shown = self.publisher.checkpoint().map_err(|e| e.to_string())?;
        let from = shown.as_ref().map_or(0, |c| c.size);
        if shown.is_some() && from == head.size {
            return Ok(from);
        }
        let range = match self.extend(from, head.size) {
            Ok(range) => range,
            Err(PublishError::Tile(_)) => self.rebuild(head.size).map_err(|e| e.to_string())?,
            Err(error) => return Err(error.to_string()),
        };
        if range.root() != head.frontier.root() {
            return Err(
                "the published tree is not the tree of the database: do not serve it; run \
                        `fivefold audit`"
                    .to_string(),
            );
        }
        let checkpoint = Checkpoint {
            origin: self.engine.origin.clone(),
            size: head.size,
            root: head.frontier.root(),
        };
        faults::reach("publish.tiles");
        let signers = self.engine.keys.log_signers();
        let note = checkpoint
            .sign(&signers.iter().map(|signer| &**signer).collect::<Vec<_>>())
            .map_err(|e| e.to_string())?;
        let now = self.engine.env.now();
        // Kept before it is shown: what anybody has seen must be known here after a restore.
        self.store
            .writer()
            .write(
                "log.checkpoint",
                |conn| ledger_rows::put_checkpoint(conn, head.size, &note, now),
                |_, ()| Ok(false),
            )
            .map_err(text)?;
        faults::reach("publish.checkpoint_kept");
        match self.publisher.write_checkpoint(&note) {
            Ok(()) => {}
            // Another process published a later checkpoint of the same tree meanwhile.
            Err(PublishError::Behind { published, .. }) => return Ok(published),
            Err(error) => return Err(error.to_string()),
        }
        faults::reach("publish.checkpoint_shown");
        meters::published(head.size);
        Ok(head.size)
    }

    fn read(&self, from: u64, to: u64) -> Result<Vec<Vec<u8>>, StoreError> {
        let rows = self.store.read(|conn| ledger_rows::leaves(conn, from, to))?;
        Ok(rows.into_iter().map(|row| row.leaf).collect())
    }

    fn extend(&mut self, from: u64, to: u64) -> Result<CompactRange, PublishError> {
        let mut at = from;
        loop {
            let next = to.min(at + CHUNK);
            let leaves = self.read(at, next).map_err(io::Error::other)?;
            let range = self.publisher.publish(at, &leaves)?;
            at = next;
            if at >= to {
                return Ok(range);
            }
        }
    }

    fn rebuild(&mut self, size: u64) -> Result<CompactRange, PublishError> {
        let store = self.store.clone();
        self.publisher.rebuild(size, &mut |range| {
            let rows = store
                .read(|conn| ledger_rows::leaves(conn, range.start, range.end))
                .map_err(io::Error::other)?;
            Ok(rows.into_iter().map(|row| row.leaf).collect())
        })
    }
}
