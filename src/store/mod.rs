//! How do bytes reach SQLite or PostgreSQL?
//!
//! A [`Store`] is one database: SQLite (embedded, the default) or PostgreSQL 15+. Reading goes
//! through [`Store::read`], writing through [`Writer::write`]: one named, retried transaction at a
//! time. Which rows there are is said by each stage's `rows.rs`; here is only how they travel.

pub mod checkpoint;
mod conn;
pub mod copy;
pub mod faults;
mod keystore;
mod migrate;
mod one_of;
pub mod schema;
mod sets;
mod turns;
mod writer;

pub use conn::{AnyConn, INSERT_CHUNK_ROWS, Target};
pub use keystore::KeyStore;
pub use migrate::SchemaState;
pub use writer::Writer;

use std::sync::Arc;
use std::time::Duration;

use diesel::r2d2::{ManageConnection, Pool, PooledConnection};

pub(crate) use conn::on_backend;
pub(crate) use one_of::one_of;
pub(crate) use sets::{insert_all, load_between, load_by, page_after, put_all, replace_all};

/// Rows of a page, where a whole table is gone through.
pub const PAGE_ROWS: i64 = 500;

/// Why the database did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It cannot be reached, or the connection broke.
    #[error("the database cannot be reached: {0}")]
    Unreachable(String),
    /// A statement failed for a reason that repeating will not cure.
    #[error("the database refused a statement: {0}")]
    Refused(String),
    /// The connection broke when the commit was sent, and nobody could be asked whether it
    /// happened: a repetition with the same idempotency key finds out.
    #[error("the database cannot be reached, and whether it committed is not known: {0}")]
    Unsure(String),
    /// There is no room for what was to be written.
    #[error("the database has no room: {0}")]
    Full(String),
    /// Another writer was in the way; repeating may help.
    #[error("the database asked to try again: {0}")]
    Busy(String),
    /// The schema is not the one this program was built for.
    #[error("{0}")]
    Schema(String),
    /// The database is set up in a way that can lose what was acknowledged.
    #[error("{0}")]
    Unsafe(String),
    /// What was read contradicts what was written.
    #[error("the stored data is inconsistent: {0}")]
    Inconsistent(String),
}

impl StoreError {
    /// Whether the same transaction may succeed when repeated.
    pub fn is_transient(&self) -> bool {
        matches!(self, StoreError::Busy(_) | StoreError::Unreachable(_))
    }

    /// Whether it will pass by itself, or once an operator has made room.
    pub fn is_passing(&self) -> bool {
        self.is_transient() || matches!(self, StoreError::Unsure(_) | StoreError::Full(_))
    }

    /// An inconsistency, in words.
    pub fn inconsistent(what: impl Into<String>) -> StoreError {
        StoreError::Inconsistent(what.into())
    }
}

impl From<diesel::result::Error> for StoreError {
    fn from(error: diesel::result::Error) -> StoreError {
        use diesel::result::DatabaseErrorKind as Kind;
        use diesel::result::Error;
        match &error {
            Error::DatabaseError(Kind::SerializationFailure, info) => {
                StoreError::Busy(info.message().to_string())
            }
            // A standby that was not promoted yet, or an operator's switch: another connection may
            // find another server.
            Error::DatabaseError(Kind::ReadOnlyTransaction, info) => {
                StoreError::Unreachable(info.message().to_string())
            }
            Error::DatabaseError(Kind::ClosedConnection | Kind::UnableToSendCommand, info) => {
                StoreError::Unreachable(info.message().to_string())
            }
            Error::DatabaseError(Kind::Unknown, info) if conn::says_busy(info.message()) => {
                StoreError::Busy(info.message().to_string())
            }
            Error::DatabaseError(Kind::Unknown, info) if conn::says_full(info.message()) => {
                StoreError::Full(info.message().to_string())
            }
            Error::DatabaseError(Kind::Unknown, info) if conn::says_broken(info.message()) => {
                StoreError::Unreachable(info.message().to_string())
            }
            Error::BrokenTransactionManager => StoreError::Unreachable(error.to_string()),
            _ => StoreError::Refused(error.to_string()),
        }
    }
}

/// Seconds to wait for a connection before saying that the database cannot be reached.
const CONNECT_SECONDS: u64 = 10;

/// Connections kept for reading.
const READERS: u32 = 4;

struct Manager(Target);

impl ManageConnection for Manager {
    type Connection = AnyConn;
    type Error = StoreError;

    fn connect(&self) -> Result<AnyConn, StoreError> {
        self.0.connect()
    }

    fn is_valid(&self, conn: &mut AnyConn) -> Result<(), StoreError> {
        conn.ping()
    }

    fn has_broken(&self, conn: &mut AnyConn) -> bool {
        conn.ping().is_err()
    }
}

/// One database: where it is, and a few connections to read from it.
#[derive(Clone)]
pub struct Store {
    target: Target,
    readers: Pool<Manager>,
    turns: Arc<turns::Turns>,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Store({})", self.target.shown())
    }
}

impl Store {
    /// Opens the database and checks that its schema and its durability settings are the ones
    /// this program needs.
    ///
    /// # Errors
    /// Unreachable, an unknown or old schema, or settings that can lose acknowledged writes.
    pub fn open(target: Target) -> Result<Store, StoreError> {
        let mut conn = target.connect()?;
        match migrate::state(&mut conn, &target)? {
            SchemaState::Current => {}
            SchemaState::Behind(n) => {
                return Err(StoreError::Schema(format!(
                    "the database lacks {n} migration(s): run `fivefold migrate`"
                )));
            }
            SchemaState::Unknown(version) => {
                return Err(StoreError::Schema(format!(
                    "the database has schema version {version}, which this program does not \
                     know: run the release that made it"
                )));
            }
        }
        conn.check_durable()?;
        drop(conn);
        let readers = Pool::builder()
            .max_size(READERS)
            .min_idle(Some(0))
            .test_on_check_out(true)
            .connection_timeout(Duration::from_secs(CONNECT_SECONDS))
            .build_unchecked(Manager(target.clone()));
        Ok(Store { target, readers, turns: Arc::default() })
    }

    /// Brings the schema up to date; creates the SQLite file when there is none.
    ///
    /// # Errors
    /// Unreachable, refused, or a schema newer than this program.
    pub fn migrate(target: &Target) -> Result<Vec<String>, StoreError> {
        let mut conn = target.connect()?;
        migrate::run(&mut conn, target)
    }

    /// Brings an empty database to exactly these versions of the schema: those of an older release,
    /// whose rows are to be loaded before the rest is migrated.
    ///
    /// # Errors
    /// Unreachable, refused, or a version that this program does not know.
    pub fn migrate_to(target: &Target, versions: &[String]) -> Result<(), StoreError> {
        let mut conn = target.connect()?;
        migrate::run_to(&mut conn, target, versions)
    }

    /// The versions of the schema that this database has, in order.
    ///
    /// # Errors
    /// Unreachable.
    pub fn schema_versions(target: &Target) -> Result<Vec<String>, StoreError> {
        let mut conn = target.connect()?;
        migrate::applied(&mut conn)
    }

    /// How the schema stands, without changing it.
    ///
    /// # Errors
    /// Unreachable.
    pub fn schema_state(target: &Target) -> Result<SchemaState, StoreError> {
        let mut conn = target.connect()?;
        migrate::state(&mut conn, target)
    }

    /// Reads: `work` sees one connection; nothing it does is a promise to anyone.
    ///
    /// # Errors
    /// What `work` answers, or that no connection was to be had.
    pub fn read<T>(
        &self,
        work: impl FnOnce(&mut AnyConn) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut conn: PooledConnection<Manager> =
            self.readers.get().map_err(|e| StoreError::Unreachable(e.to_string()))?;
        work(&mut conn)
    }

    /// Reads at one moment: `work` sees the database as it is now, whatever is written meanwhile.
    ///
    /// # Errors
    /// What `work` answers, or that no connection was to be had.
    pub fn snapshot<T>(
        &self,
        work: impl FnOnce(&mut AnyConn) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.read(|conn| {
            let begin = if conn.is_postgres() {
                "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
            } else {
                "BEGIN"
            };
            conn.batch(begin)?;
            // An audit of a large log is no idle client, and its reads are no mistake.
            copy::without_haste(conn)?;
            let outcome = work(conn);
            conn.batch("ROLLBACK")?;
            outcome
        })
    }

    /// A writer of its own connection.
    pub fn writer(&self) -> Writer {
        Writer::in_line(self.target.clone(), self.turns.clone())
    }

    /// Where the database is.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// Where the database is, without its password.
    pub fn shown(&self) -> String {
        self.target.shown()
    }
}

/// A store that several threads share.
pub type SharedStore = Arc<Store>;
