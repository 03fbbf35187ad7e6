//! Applying uploads: slice by slice, each durable, the same way for every door; and the thread
//! that works off what was taken with 202.
//!
//! What a crash means: before an upload is on record its spooled file is nobody's, and is swept at
//! the next start; after that it is gone on with where the last committed slice ended.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::Value;

use super::Bureau;
use super::admission::{Admission, Principal};
use super::command::observe::{Line, ObserveSlice, SLICE_LINES_MAX, SliceOutcome};
use super::command::upload::{
    CloseUpload, Progress, RefuseUpload, UploadOutcome, key_names, opened, spool_key,
};
use super::meters;
use super::spool::{self, Spooled};
use super::upload::{self, Checked, Format, UploadFile};
use crate::collect::Receipt;
use crate::collect::receipt::Lacking;
use crate::collect::rows::{self as fact_rows, UploadRow};
use crate::error::Problem;
use crate::kernel::Time;
use crate::store::StoreError;

/// Seconds until an upload that the database did not take is tried again.
const AGAIN_SECONDS: u64 = 2;

/// Whose upload it is, and what is to be done with it.
pub struct Order {
    /// Who sent it; the nonce is spent, and the idempotency key is the closing command's.
    pub admission: Admission,
    /// How the file is written.
    pub format: Format,
    /// Check everything, apply nothing.
    pub dry_run: bool,
    /// Its id, when it outlives a request.
    pub upload: Option<String>,
}

/// How applying ended.
pub enum Applied {
    /// All of it is on record: the receipt.
    Whole(Value),
    /// It was told to stop; what is applied is on record.
    Stopped,
}

impl Bureau {
    /// Applies lines slice by slice and closes the upload. `going_on` is told how many lines each
    /// slice dealt with, and says whether to go on. Blocks.
    ///
    /// # Errors
    /// The problem that stopped it; the slices before it are on record.
    pub fn apply(
        &self,
        order: &Order,
        receipt: Receipt,
        lines: impl Iterator<Item = Result<Line, Problem>>,
        going_on: &mut dyn FnMut(usize) -> bool,
    ) -> Result<Applied, Problem> {
        let mut receipt = receipt;
        let mut lines = lines;
        let mut waiting: Vec<Line> = Vec::new();
        let inner = Admission { nonce: None, idempotency: None, ..order.admission.clone() };
        loop {
            let room = SLICE_LINES_MAX - waiting.len();
            for line in lines.by_ref().take(room) {
                waiting.push(line?);
            }
            if waiting.is_empty() {
                break;
            }
            let progress =
                order.upload.clone().map(|upload| Progress { upload, receipt: receipt.clone() });
            let slice = ObserveSlice {
                admission: inner.clone(),
                lines: waiting.clone(),
                dry_run: order.dry_run,
                progress,
            };
            let value = self.run(slice).value()?;
            let outcome: SliceOutcome =
                serde_json::from_value(value).map_err(|_| Problem::internal())?;
            upload::add_slice(&mut receipt, &outcome);
            waiting.drain(..outcome.taken.min(waiting.len()));
            if !going_on(outcome.taken) {
                return Ok(Applied::Stopped);
            }
        }
        let told = receipt.accepted + receipt.duplicates + receipt.rejected;
        if told != receipt.control_totals.count {
            tracing::error!(told, counted = receipt.control_totals.count, "an upload lost lines");
            return Err(lost());
        }
        upload::close(&mut receipt, order.format);
        receipt.missing = self.missing_of(order, &receipt);
        let admission = Admission {
            nonce: None,
            idempotency: order.admission.idempotency.clone().filter(|_| !order.dry_run),
            ..order.admission.clone()
        };
        let (dry_run, upload) = (order.dry_run, order.upload.clone());
        if !dry_run {
            let late = receipt.late.map_or(0, |late| late.lines);
            meters::file(receipt.accepted, receipt.duplicates, receipt.rejected, late);
        }
        self.run(CloseUpload { admission, receipt, dry_run, upload }).value().map(Applied::Whole)
    }

    /// What the furnisher's other accounts lack of the month that a file reports. A receipt does
    /// not fail for it.
    fn missing_of(&self, order: &Order, receipt: &Receipt) -> Option<Lacking> {
        let month = receipt.period.filter(|_| !order.dry_run)?;
        let lines = receipt.control_totals.count;
        match self.lacking(&order.admission.principal.key(), month, (lines, 0)) {
            Ok((lacking, _)) => Some(lacking).filter(|lacking| lacking.count > 0),
            Err(error) => {
                tracing::error!(%error, "what a month lacks could not be told");
                None
            }
        }
    }

    fn upload_row(&self, id: &str) -> Result<Option<UploadRow>, StoreError> {
        Ok(self.store.read(|conn| fact_rows::uploads(conn, &[id]))?.into_iter().next())
    }

    /// What is known of an upload, and its spooled file.
    fn recalled(&self, row: &UploadRow) -> Result<(UploadOutcome, UploadFile), StoreError> {
        let names = key_names(row);
        let keys = self.keystore.get(names.iter().map(String::as_str))?;
        let key = |name: &str| {
            keys.get(name)
                .ok_or_else(|| StoreError::inconsistent(format!("the key {name} is not kept")))
        };
        let [of_spool, of_outcome] = &names;
        let spool = spool_key(row, key(of_spool)?)?;
        let blob = Spooled::open(&self.dir, &row.id, spool, row.bytes.unsigned_abs())
            .map_err(|e| StoreError::inconsistent(format!("the spooled file: {e}")))?;
        let format = Format::from_name(&row.format)
            .ok_or_else(|| StoreError::inconsistent("an upload of an unknown format"))?;
        let digest = row.digest.as_slice().try_into();
        let digest = digest.map_err(|_| StoreError::inconsistent("a file digest is cut"))?;
        let file = UploadFile { format, blob: Arc::new(blob), digest };
        Ok((opened(row, key(of_outcome)?)?, file))
    }

    /// Goes on with one upload as far as it goes.
    fn work_off(&self, id: &str, closing: &AtomicBool) -> Result<(), Problem> {
        let unread = |error: StoreError| {
            tracing::error!(%error, upload = id, "an upload cannot be read back");
            match error.is_passing() {
                true => Problem::internal(),
                false => lost(),
            }
        };
        let Some(row) = self.upload_row(id).map_err(unread)?.filter(UploadRow::is_open) else {
            return Ok(());
        };
        if !spool::path(&self.dir, id).exists() {
            // Another node that shares this database has it; it is not this one's to give up.
            tracing::warn!(upload = id, "the file of an open upload does not lie here");
            return Ok(());
        }
        let admission = Admission {
            principal: Principal::Partner(row.partner.clone()),
            keyid: row.keyid.clone(),
            nonce: None,
            idempotency: None,
        };
        let done = self.recalled(&row).map_err(unread).and_then(|(outcome, file)| {
            let (upload, dry_run) = (Some(row.id.clone()), row.dry_run);
            let order = Order { admission, format: file.format, dry_run, upload };
            // Lines are read as on the day the file came, also when it is gone on with later.
            let now = Time::from_micros(row.created_us);
            let by = &order.admission;
            let (receipt, from) = match outcome {
                UploadOutcome::Receipt(receipt) => (receipt, row.next_line.unsigned_abs()),
                _ => {
                    let Checked { receipt, .. } = self.checked(by, now, &file, false)?;
                    (receipt, 0)
                }
            };
            let lines = self.lines(by, now, &file, from)?;
            let mut going_on = |_| !closing.load(Ordering::Relaxed);
            self.apply(&order, receipt, lines, &mut going_on)
        });
        match done {
            Ok(Applied::Stopped) => return Ok(()),
            Ok(Applied::Whole(_)) => {}
            // Something of the moment: the upload stays open and is tried again.
            Err(problem) if problem.retry_after_seconds.is_some() => return Err(problem),
            Err(problem) => {
                // Not in the sender's name: its key may have been retired, itself suspended.
                let admission = Admission::operator("intake", "the file cannot be taken");
                let upload = row.id.clone();
                self.run(RefuseUpload { admission, upload, problem }).value()?;
            }
        }
        if let Err(error) = spool::remove(&self.dir, id) {
            tracing::warn!(%error, upload = id, "a spooled file could not be removed");
        }
        Ok(())
    }

    /// Removes spooled files that no open upload speaks of, and gives the open ones in order.
    fn open_uploads(&self) -> Result<Vec<String>, StoreError> {
        let rows = self.store.read(fact_rows::open_uploads)?;
        let open: Vec<String> = rows.into_iter().map(|row| row.id).collect();
        let Ok(files) = std::fs::read_dir(self.dir.join("spool")) else { return Ok(open) };
        for file in files.flatten() {
            let name = file.file_name();
            let id = name.to_str().and_then(|name| name.strip_suffix(".sealed"));
            if let Some(id) = id.filter(|id| !open.iter().any(|o| o == id))
                && spool::remove(&self.dir, id).is_ok()
            {
                tracing::info!(upload = id, "a spooled file that nobody waits for was removed");
            }
        }
        Ok(open)
    }
}

pub(super) fn lost() -> Problem {
    Problem::new(
        "file_unreadable",
        "The file was taken, but cannot be read back here. What of it is on record stays. Send \
         the file again: lines that are on record count as duplicates.",
    )
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<String>,
}

struct Shared {
    queue: Mutex<Queue>,
    changed: Condvar,
    closing: AtomicBool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next upload; `None` when closing.
    fn next(&self) -> Option<String> {
        let mut queue = self.lock();
        while !self.closing.load(Ordering::Relaxed) {
            if let Some(id) = queue.waiting.pop_front() {
                return Some(id);
            }
            queue = self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
        None
    }

    /// Puts an upload at the end of the queue, and waits a little before the next.
    fn again(&self, id: String) {
        let mut queue = self.lock();
        queue.waiting.push_back(id);
        if !self.closing.load(Ordering::Relaxed) {
            let pause = Duration::from_secs(AGAIN_SECONDS);
            drop(self.changed.wait_timeout(queue, pause));
        }
    }
}

/// The thread that works off large uploads, one after the other.
pub struct Intake {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
    /// Held while this process is the one that works off what lies here.
    _lock: std::fs::File,
}

impl Intake {
    /// Starts with what an earlier run left open.
    ///
    /// # Errors
    /// The database's, or another process serves from this directory.
    pub fn start(bureau: Arc<Bureau>) -> Result<Intake, StoreError> {
        let lock = spool::lock(&bureau.dir)
            .map_err(|e| StoreError::Refused(format!("{}: {e}", bureau.dir.display())))?;
        let waiting = bureau.open_uploads()?.into();
        let shared = Arc::new(Shared {
            queue: Mutex::new(Queue { waiting }),
            changed: Condvar::new(),
            closing: AtomicBool::new(false),
        });
        let inner = shared.clone();
        let thread = std::thread::Builder::new().name("intake".to_string()).spawn(move || {
            while let Some(id) = inner.next() {
                if let Err(problem) = bureau.work_off(&id, &inner.closing) {
                    tracing::warn!(code = problem.code, upload = id, "an upload is tried again");
                    inner.again(id);
                }
            }
        });
        Ok(Intake { shared, thread: Mutex::new(thread.ok()), _lock: lock })
    }

    /// An upload is on record and waits.
    pub fn add(&self, id: String) {
        self.shared.lock().waiting.push_back(id);
        self.shared.changed.notify_all();
    }

    /// Lets the slice at work finish, then stops; the rest is gone on with at the next start.
    pub fn close(&self) {
        self.shared.closing.store(true, Ordering::Relaxed);
        // Whoever is about to wait holds the lock until they do.
        drop(self.shared.lock());
        self.shared.changed.notify_all();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            let _ = thread.join();
        }
    }
}

impl Drop for Intake {
    fn drop(&mut self) {
        self.close();
    }
}

/// A problem of an upload within a request: it is resumed by sending it again.
pub fn interrupted(problem: Problem) -> Problem {
    let detail = format!(
        "{} Some lines of this file may be on record already: send the same file again, and they \
         count as duplicates.",
        problem.detail
    );
    Problem { detail, ..problem }
}
