//! The one way to write: a named transaction that is repeated when the database asks for it.

use std::sync::Arc;
use std::time::Duration;

use diesel::connection::{AnsiTransactionManager as Ansi, TransactionManager};

use super::faults::{self, When};
use super::turns::Turns;
use super::{AnyConn, StoreError, Target};

/// How often a transaction is repeated before its failure is told.
const ATTEMPTS: u32 = 5;
/// How long it is waited, the first time, before a database that went away is looked for again.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// A connection that writes. It reconnects by itself after the database was away.
pub struct Writer {
    target: Target,
    conn: Option<AnyConn>,
    turns: Arc<Turns>,
}

/// How a transaction ended, when it did not end well.
#[derive(Debug)]
pub enum WriteFailure {
    /// Nothing was written.
    Nothing(StoreError),
    /// The commit was sent and its answer lost: look before repeating (decisions.md 10).
    Unknown(StoreError),
}

impl Writer {
    /// A writer to a database that may not have the schema of this program yet; everybody else
    /// asks a [`super::Store`] for one.
    pub fn to(target: Target) -> Writer {
        Writer { target, conn: None, turns: Arc::default() }
    }

    /// A writer that waits in line with the others of its process.
    pub(super) fn in_line(target: Target, turns: Arc<Turns>) -> Writer {
        Writer { target, conn: None, turns }
    }

    /// The connection, opened when there is none.
    ///
    /// # Errors
    /// [`StoreError::Unreachable`].
    pub fn conn(&mut self) -> Result<&mut AnyConn, StoreError> {
        let conn = match self.conn.take() {
            Some(conn) => conn,
            None => {
                let mut conn = self.target.connect()?;
                if conn.is_postgres() {
                    // Everything that a batch looks up has an index. Before the server has counted
                    // a young table it would guess otherwise, and read it whole for each batch.
                    conn.batch("SET enable_seqscan = off")?;
                }
                conn
            }
        };
        Ok(self.conn.insert(conn))
    }

    /// Runs `work` in one transaction and commits it. `committed` is asked, on a new connection,
    /// whether a commit whose answer was lost did happen.
    ///
    /// # Errors
    /// What `work` answered, or what the database said after five attempts. In each case but
    /// [`StoreError::Unsure`] nothing was written.
    pub fn write<T>(
        &mut self,
        name: &'static str,
        mut work: impl FnMut(&mut AnyConn) -> Result<T, StoreError>,
        mut committed: impl FnMut(&mut AnyConn, &T) -> Result<bool, StoreError>,
    ) -> Result<T, StoreError> {
        let mut attempt = 1;
        loop {
            let (failure, value) = match self.once(name, &mut work) {
                Ok(value) => return Ok(value),
                Err((failure, value)) => (failure, value),
            };
            let error = match (failure, value) {
                (WriteFailure::Unknown(error), Some(value)) => {
                    match self.look(&value, &mut committed) {
                        Ok(true) => return Ok(value),
                        Ok(false) => error,
                        Err(error) => return Err(StoreError::Unsure(error.to_string())),
                    }
                }
                (WriteFailure::Nothing(error) | WriteFailure::Unknown(error), _) => error,
            };
            if matches!(error, StoreError::Unreachable(_) | StoreError::Full(_)) {
                self.conn = None;
            }
            if !error.is_transient() || attempt == ATTEMPTS {
                return Err(error);
            }
            tracing::warn!(transaction = name, attempt, %error, "transaction repeated");
            attempt += 1;
        }
    }

    /// Whether a commit whose answer was lost did happen, asked on a new connection.
    fn look<T>(
        &mut self,
        value: &T,
        committed: &mut impl FnMut(&mut AnyConn, &T) -> Result<bool, StoreError>,
    ) -> Result<bool, StoreError> {
        let mut attempt = 1;
        loop {
            self.conn = None;
            match self.conn().and_then(|conn| committed(conn, value)) {
                Err(error) if error.is_transient() && attempt < ATTEMPTS => {
                    // A server that restarts answers within a second or two.
                    std::thread::sleep(LOOK_AGAIN * attempt);
                    attempt += 1;
                }
                outcome => return outcome,
            }
        }
    }

    fn once<T>(
        &mut self,
        name: &'static str,
        work: &mut impl FnMut(&mut AnyConn) -> Result<T, StoreError>,
    ) -> Result<T, (WriteFailure, Option<T>)> {
        let nothing = |e| (WriteFailure::Nothing(e), None);
        let shown = self.target.shown();
        let turns = self.turns.clone();
        let conn = self.conn().map_err(nothing)?;
        // PostgreSQL lets writers work side by side; what must not is locked by rows.
        let _turn = (!conn.is_postgres()).then(|| turns.take());
        begin(conn).map_err(nothing)?;
        let cut = |when| faults::in_transaction(&shown, name, when);
        let worked = cut(When::Begun).and_then(|()| work(conn));
        let worked = worked.and_then(|value| cut(When::BeforeCommit).map(|()| value));
        let value = match worked {
            Ok(value) => value,
            Err(error) => {
                if roll_back(conn).is_err() {
                    self.conn = None;
                }
                return Err(nothing(error));
            }
        };
        match commit(conn).and_then(|()| cut(When::AfterCommit)) {
            Ok(()) => Ok(value),
            Err(error @ StoreError::Unreachable(_)) => {
                Err((WriteFailure::Unknown(error), Some(value)))
            }
            Err(error) => {
                if roll_back(conn).is_err() {
                    self.conn = None;
                }
                Err(nothing(error))
            }
        }
    }
}

// SQLite must take its write lock at once: a read that turns into a write later can be refused
// without waiting. PostgreSQL locks the head row instead (ledger::rows).
fn begin(conn: &mut AnyConn) -> Result<(), StoreError> {
    match conn {
        AnyConn::Pg(c) => Ansi::begin_transaction(c)?,
        AnyConn::Sqlite(c) => {
            Ansi::begin_transaction_sql(c, "BEGIN IMMEDIATE")?;
        }
    }
    Ok(())
}

fn commit(conn: &mut AnyConn) -> Result<(), StoreError> {
    match conn {
        AnyConn::Pg(c) => Ansi::commit_transaction(c)?,
        AnyConn::Sqlite(c) => Ansi::commit_transaction(c)?,
    }
    Ok(())
}

fn roll_back(conn: &mut AnyConn) -> Result<(), StoreError> {
    match conn {
        AnyConn::Pg(c) => Ansi::rollback_transaction(c)?,
        AnyConn::Sqlite(c) => Ansi::rollback_transaction(c)?,
    }
    Ok(())
}
