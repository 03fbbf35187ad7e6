//! The sequencer: one writer, in batches (design.md).
//!
//! Commands wait in two lanes, interactive first. The writer takes what is waiting, locks the
//! head, reads what the batch needs, executes the commands in memory, writes everything in one
//! transaction, and only then answers all of them. What a crash means at each step:
//!
//! * before the commit: nothing happened, nobody was answered;
//! * after the commit, before the answers: the acts are on record, and a repetition with the same
//!   idempotency key gets the same answer;
//! * commit sent, answer lost: the batch id in the head row tells (decisions.md 10).

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use tokio::sync::oneshot;

use super::Engine;
use super::command::{Command, Reply, run};
use super::keys::KeysAfter;
use super::keys::clock_is_plausible;
use super::meters;
use super::needs::{Loaded, Needs};
use super::packs;
use super::room::{self, Room};
use super::rows as admission_rows;
use super::work::Work;
use crate::error::Problem;
use crate::kernel::{Time, id};
use crate::ledger::rows::{self as ledger_rows, Head};
use crate::partner::{Registry, rows as partner_rows};
use crate::store::{AnyConn, KeyStore, StoreError, Writer, faults};

/// Commands executed in one batch at most.
pub const BATCH_COMMANDS_MAX: usize = 256;
/// Slices of uploads executed in one batch at most, beside the interactive commands.
pub const BATCH_SLICES_MAX: usize = 1;
/// Seconds between two sweeps of nonces and kept answers.
const SWEEP_SECONDS: i64 = 60;
/// Commands waiting before new ones are refused.
pub const QUEUE_MAX: usize = 4_096;

type Boxed = Box<dyn Command>;

struct Waiting {
    command: Boxed,
    answer: oneshot::Sender<Reply>,
}

#[derive(Default)]
struct Lanes {
    interactive: VecDeque<Waiting>,
    bulk: VecDeque<Waiting>,
    closing: bool,
}

struct Shared {
    lanes: Mutex<Lanes>,
    arrived: Condvar,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Lanes> {
        // The lanes hold only values that are whole at each step, so a poisoned lock is usable.
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The way in: anybody may submit, one thread executes.
pub struct Sequencer {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

fn overloaded() -> Problem {
    Problem::new("overloaded", "Too much is waiting. Try again in a second.").retry_after(1)
}

fn unavailable(error: &StoreError) -> Problem {
    tracing::error!(%error, "a batch failed");
    if matches!(error, StoreError::Full(_)) {
        return room::too_little();
    }
    if matches!(error, StoreError::Unsure(_)) {
        return Problem::new(
            "database_unavailable",
            "The database went away while this was being recorded, and whether it is on record is \
             not known yet. Try again with the same Idempotency-Key: it happens once.",
        )
        .retry_after(2);
    }
    Problem::new(
        "database_unavailable",
        "The bureau cannot write at the moment, and nothing was changed. Try again with the same \
         Idempotency-Key.",
    )
    .retry_after(2)
}

impl Sequencer {
    /// Starts the writing thread. `committed` is called after each batch, with the log's size.
    pub fn start(
        engine: Arc<Engine>,
        writer: Writer,
        keystore: KeyStore,
        room: Room,
        committed: impl Fn(u64) + Send + 'static,
    ) -> Sequencer {
        let shared = Arc::new(Shared { lanes: Mutex::default(), arrived: Condvar::new() });
        let inner = shared.clone();
        let mut state = State {
            engine,
            writer,
            keystore,
            registry: Registry::default(),
            seen: None,
            swept: None,
            room,
        };
        let thread = std::thread::Builder::new().name("sequencer".to_string()).spawn(move || {
            while let Some(batch) = take(&inner) {
                state.sweep();
                state.answer(batch);
                if let Some(head) = &state.seen {
                    committed(head.size);
                }
            }
        });
        Sequencer { shared, thread: Mutex::new(thread.ok()) }
    }

    /// Queues a command and gives the place where its reply will be. Never blocks.
    pub fn submit(&self, command: Boxed) -> oneshot::Receiver<Reply> {
        let (answer, reply) = oneshot::channel();
        let mut lanes = self.shared.lock();
        let waiting = lanes.interactive.len() + lanes.bulk.len();
        if waiting >= QUEUE_MAX || lanes.closing {
            let _ = answer.send(Reply::Refused(overloaded()));
            return reply;
        }
        let bulk = command.is_bulk();
        let lane = if bulk { &mut lanes.bulk } else { &mut lanes.interactive };
        lane.push_back(Waiting { command, answer });
        drop(lanes);
        self.shared.arrived.notify_one();
        reply
    }

    /// Lets what is waiting finish, then stops.
    pub fn close(&self) {
        self.shared.lock().closing = true;
        self.shared.arrived.notify_all();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            let _ = thread.join();
        }
    }
}

impl Drop for Sequencer {
    fn drop(&mut self) {
        self.close();
    }
}

fn take(shared: &Shared) -> Option<Vec<Waiting>> {
    let mut lanes = shared.lock();
    loop {
        let interactive = lanes.interactive.len().min(BATCH_COMMANDS_MAX);
        let bulk = lanes.bulk.len().min(BATCH_SLICES_MAX);
        if interactive + bulk > 0 {
            let mut batch: Vec<Waiting> = lanes.interactive.drain(..interactive).collect();
            batch.extend(lanes.bulk.drain(..bulk));
            return Some(batch);
        }
        if lanes.closing {
            return None;
        }
        lanes = shared.arrived.wait(lanes).unwrap_or_else(PoisonError::into_inner);
    }
}

struct State {
    engine: Arc<Engine>,
    writer: Writer,
    keystore: KeyStore,
    registry: Registry,
    /// The head after this process's last batch: while it is still the head, the registry is.
    seen: Option<Head>,
    /// When nonces and kept answers were last swept.
    swept: Option<Time>,
    room: Room,
}

impl State {
    fn answer(&mut self, batch: Vec<Waiting>) {
        let (commands, answers): (Vec<Boxed>, Vec<oneshot::Sender<Reply>>) =
            batch.into_iter().map(|w| (w.command, w.answer)).unzip();
        let started = self.engine.env.now();
        let replies = self.replies(&commands);
        faults::reach("batch.unanswered");
        let took = self.engine.env.now().micros() - started.micros();
        meters::batch(commands.len(), took);
        for (answer, reply) in answers.into_iter().zip(replies) {
            // A client that has gone away does not undo what is on record.
            let _ = answer.send(reply);
        }
    }

    /// Forgets, once a minute, what can no longer be replayed or repeated.
    fn sweep(&mut self) {
        let now = self.engine.env.now();
        if self.swept.is_some_and(|at| now < at.plus_seconds(SWEEP_SECONDS)) {
            return;
        }
        self.swept = Some(now);
        let swept =
            self.writer.write("sweep", |conn| admission_rows::sweep(conn, now), |_, ()| Ok(true));
        if let Err(error) = swept {
            tracing::warn!(%error, "old nonces and answers were not swept");
        }
    }

    fn replies(&mut self, commands: &[Boxed]) -> Vec<Reply> {
        if !self.room.enough(self.engine.env.now()) {
            return commands.iter().map(|_| Reply::Refused(room::too_little())).collect();
        }
        match self.batch(commands) {
            Ok(replies) => replies,
            Err(error) if error.is_passing() => {
                let problem = unavailable(&error);
                commands.iter().map(|_| Reply::Refused(problem.clone())).collect()
            }
            // One command that the database refuses must not take the others with it.
            Err(error) if commands.len() > 1 => {
                tracing::warn!(%error, commands = commands.len(), "batch refused, one by one");
                commands
                    .chunks(1)
                    .flat_map(|one| {
                        let reply = self.batch(one).unwrap_or_else(|e| vec![failed(&e)]);
                        reply.into_iter()
                    })
                    .collect()
            }
            Err(error) => vec![failed(&error)],
        }
    }

    fn batch(&mut self, commands: &[Boxed]) -> Result<Vec<Reply>, StoreError> {
        let State { engine, writer, keystore, registry, seen, .. } = self;
        let batch = id::mint(&engine.env, "bat");
        // A repeated attempt must not trust what the failed one left in the registry.
        let mut last = seen.take();
        let outcome = writer.write(
            "batch",
            |conn| {
                let known = last.take();
                let work = AssertUnwindSafe(|| {
                    execute(engine, conn, keystore, registry, known.as_ref(), commands, &batch)
                });
                catch_unwind(work).unwrap_or_else(|_| {
                    Err(StoreError::inconsistent("a command stopped in the middle"))
                })
            },
            |conn, _: &Done| admission_rows::batch_committed(conn, &batch),
        );
        // After a failure the registry may hold what was rolled back: it is read again.
        let (replies, head, after) = outcome?;
        faults::reach("batch.keys_pending");
        if let Some(head) = &head {
            engine.quotas.settle(head.size);
        }
        *seen = head;
        for name in after.replaced {
            if let Err(error) = keystore.promote(&engine.env, &name) {
                tracing::error!(%error, "a purged key is not replaced yet: the next start does it");
            }
        }
        for name in after.doomed {
            // The next start, and the next sweep, destroy what a failure here left.
            if let Err(error) = keystore.destroy(&name) {
                tracing::error!(%error, "a key of somebody forgotten is not destroyed yet");
            }
        }
        Ok(replies)
    }
}

/// Replies, the head after the batch unless none may be written, and what is to be done with keys.
type Done = (Vec<Reply>, Option<Head>, KeysAfter);

fn failed(error: &StoreError) -> Reply {
    tracing::error!(%error, "a command failed");
    Reply::Refused(Problem::internal())
}

fn execute(
    engine: &Engine,
    conn: &mut AnyConn,
    keystore: &KeyStore,
    registry: &mut Registry,
    seen: Option<&Head>,
    commands: &[Boxed],
    batch: &str,
) -> Result<Done, StoreError> {
    let head = ledger_rows::lock_head(conn)?
        .ok_or_else(|| StoreError::Schema("the log has no head: run `fivefold init`".into()))?;
    if seen.is_none_or(|s| s.size != head.size || s.batch != head.batch) {
        // This process did not write the last entry: the packs may be others since.
        if let Some(problem) = packs::refusal(engine, conn, &head, commands)? {
            let refused = commands.iter().map(|_| Reply::Refused(problem.clone())).collect();
            return Ok((refused, None, KeysAfter::default()));
        }
        *registry = partner_rows::load(conn)?;
        engine.quotas.agree_all(registry);
    }
    let clock = engine.env.now();
    if !clock_is_plausible(clock, head.at) {
        return Err(StoreError::Unsafe(format!(
            "the clock says {clock}, the log ends at {}: set the clock",
            head.at
        )));
    }
    let now = clock.max(head.at);
    engine.quotas.resume(conn, head.size, now)?;
    let mut needs = Needs::default();
    for command in commands {
        command.needs(&mut needs);
    }
    let mut loaded = Loaded::default();
    loaded.read_direct(conn, &needs)?;
    let ids = loaded.person_ids(&needs);
    let ids = loaded.read_persons(conn, &ids)?;
    for command in commands {
        command.needs_of_persons(engine, &loaded, &mut needs);
    }
    loaded.read_belongings(conn, keystore, &ids, &needs, now)?;
    let mut work = Work::new(engine, conn, keystore, registry, head, loaded, now);
    // A failure of the data in the middle of a command ends the batch: nothing is half done.
    let replies: Result<Vec<Reply>, StoreError> =
        commands.iter().map(|c| run(c.as_ref(), &mut work)).collect();
    let replies = replies?;
    let (head, after) = work.flush(batch)?;
    Ok((replies, Some(head), after))
}
