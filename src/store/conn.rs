//! A connection to either database, and the macro that writes a query once for both.

use std::path::PathBuf;

use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use diesel::sqlite::SqliteConnection;
use diesel::{Connection, RunQueryDsl};

use super::StoreError;

/// Rows per multi-row INSERT: SQLite binds at most 32,766 values, and a hundred rows already
/// cost no more than the statement itself.
pub const INSERT_CHUNK_ROWS: usize = 200;

/// KiB of pages that an SQLite connection keeps in memory at most.
const CACHE_KIB: u32 = 32 * 1024;
/// Pages of the write-ahead log (4 KiB each) after which the connection that commits copies them
/// into the database itself: often enough that a start has little to go through, and so much that
/// the thread which copies beside it ([`super::checkpoint`]) was there before.
const CHECKPOINT_PAGES: u32 = 64 * 1024;

/// Milliseconds a writer waits for another before it is told to try again.
const BUSY_MS: u32 = 10_000;

/// Which database, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// An SQLite file.
    Sqlite {
        /// Its path.
        path: PathBuf,
        /// Whether it is the key store rather than the bureau's data.
        keys: bool,
    },
    /// A PostgreSQL database.
    Postgres {
        /// `postgres://user@host/database`.
        url: String,
        /// Whether it is the key store rather than the bureau's data.
        keys: bool,
    },
}

impl Target {
    /// Reads a configured address: `postgres://…` or a path to an SQLite file.
    pub fn parse(text: &str, keys: bool) -> Target {
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            Target::Postgres { url: text.to_string(), keys }
        } else {
            let path = text.strip_prefix("sqlite://").unwrap_or(text);
            Target::Sqlite { path: PathBuf::from(path), keys }
        }
    }

    /// Whether this is the key store.
    pub fn is_keys(&self) -> bool {
        match self {
            Target::Sqlite { keys, .. } | Target::Postgres { keys, .. } => *keys,
        }
    }

    /// The address without what must not be shown.
    pub fn shown(&self) -> String {
        match self {
            Target::Sqlite { path, .. } => path.display().to_string(),
            Target::Postgres { url, .. } => {
                let (head, tail) = url.split_once("://").unwrap_or(("postgres", url));
                let tail = tail.rsplit_once('@').map_or(tail, |(_, host)| host);
                format!("{head}://{tail}")
            }
        }
    }

    /// Opens a connection with the settings every connection of ours has.
    ///
    /// # Errors
    /// [`StoreError::Unreachable`].
    pub fn connect(&self) -> Result<AnyConn, StoreError> {
        let unreachable = |e: diesel::ConnectionError| {
            StoreError::Unreachable(format!("{} ({})", self.shown(), reason(&e)))
        };
        match self {
            Target::Sqlite { path, .. } => {
                let name = path.display().to_string();
                let mut conn = SqliteConnection::establish(&name).map_err(unreachable)?;
                conn.batch_execute(&format!(
                    "PRAGMA busy_timeout = {BUSY_MS}; PRAGMA journal_mode = WAL; \
                     PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; \
                     PRAGMA secure_delete = ON; PRAGMA trusted_schema = OFF; \
                     PRAGMA cache_size = -{CACHE_KIB}; \
                     PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES};"
                ))?;
                Ok(AnyConn::Sqlite(conn))
            }
            Target::Postgres { url, .. } => {
                let url = with_time_limits(url);
                let mut conn = PgConnection::establish(&url).map_err(unreachable)?;
                conn.batch_execute(
                    "SET client_min_messages = warning; SET lock_timeout = '10s'; \
                     SET idle_in_transaction_session_timeout = '30s'; \
                     SET statement_timeout = '60s';",
                )?;
                Ok(AnyConn::Pg(conn))
            }
        }
    }
}

/// The address with the client's own time limits, where it states none: a network that drops
/// packets must not hold the writer for as long as the kernel would.
fn with_time_limits(url: &str) -> String {
    const LIMITS: [(&str, &str); 5] = [
        ("connect_timeout", "10"),
        ("tcp_user_timeout", "30000"),
        ("keepalives_idle", "10"),
        ("keepalives_interval", "5"),
        ("keepalives_count", "3"),
    ];
    let mut url = url.to_string();
    for (name, value) in LIMITS {
        if !url.contains(&format!("{name}=")) {
            let separator = if url.contains('?') { '&' } else { '?' };
            url.push_str(&format!("{separator}{name}={value}"));
        }
    }
    url
}

fn reason(error: &diesel::ConnectionError) -> String {
    // The driver's text may repeat the address with its password: only its first line is kept,
    // and nothing of it that looks like a URL.
    let text = error.to_string();
    let line = text.lines().next().unwrap_or_default();
    if line.contains("://") { "connection failed".to_string() } else { line.to_string() }
}

/// A connection to one of the two databases.
// No derive: every statement goes through `on_backend!`, which the compiler checks for both.
pub enum AnyConn {
    /// PostgreSQL.
    Pg(PgConnection),
    /// SQLite.
    Sqlite(SqliteConnection),
}

/// Expands `body` once for each database, with the concrete connection in `$c`.
macro_rules! on_backend {
    ($conn:expr, |$c:ident| $body:expr) => {
        match $conn {
            $crate::store::AnyConn::Pg($c) => $body,
            $crate::store::AnyConn::Sqlite($c) => $body,
        }
    };
}
pub(crate) use on_backend;

impl AnyConn {
    /// Asks the database for nothing, to see that it answers.
    ///
    /// # Errors
    /// It does not answer.
    pub fn ping(&mut self) -> Result<(), StoreError> {
        on_backend!(self, |c| diesel::sql_query("SELECT 1").execute(c))?;
        Ok(())
    }

    /// Runs statements that neither take nor give values.
    ///
    /// # Errors
    /// Any statement failed.
    pub fn batch(&mut self, sql: &str) -> Result<(), StoreError> {
        on_backend!(self, |c| c.batch_execute(sql))?;
        Ok(())
    }

    /// Empties what still holds deleted rows: SQLite's journal, PostgreSQL's pages. Answers whether
    /// nothing is left; a reader in the way keeps SQLite's journal.
    pub(super) fn wipe(&mut self) -> Result<bool, StoreError> {
        match self {
            AnyConn::Pg(conn) => {
                conn.batch_execute("VACUUM keys")?;
                Ok(true)
            }
            AnyConn::Sqlite(conn) => {
                let row: Checkpointed =
                    diesel::sql_query("PRAGMA wal_checkpoint(TRUNCATE)").get_result(conn)?;
                Ok(row.busy == 0)
            }
        }
    }

    /// Copies what is committed of SQLite's write-ahead log into the database, without holding up
    /// anybody; `whole`: nobody may write meanwhile, and the log begins anew, unless a reader is in
    /// the way for longer than a moment. Gives the pages that were in the log.
    pub(super) fn copy_log(&mut self, whole: bool) -> Result<i64, StoreError> {
        let AnyConn::Sqlite(conn) = self else { return Ok(0) };
        let how = if whole { "RESTART" } else { "PASSIVE" };
        conn.batch_execute("PRAGMA busy_timeout = 20")?;
        let sql = format!("PRAGMA wal_checkpoint({how})");
        let row: Checkpointed = diesel::sql_query(sql).get_result(conn)?;
        Ok(row.log)
    }

    /// Whether this is PostgreSQL.
    pub fn is_postgres(&self) -> bool {
        matches!(self, AnyConn::Pg(_))
    }

    /// Refuses a PostgreSQL server that may lose what it acknowledged (decisions.md 9).
    pub(super) fn check_durable(&mut self) -> Result<(), StoreError> {
        let AnyConn::Pg(conn) = self else { return Ok(()) };
        for setting in ["fsync", "synchronous_commit"] {
            let row: Setting =
                diesel::sql_query(format!("SELECT current_setting('{setting}') AS value"))
                    .get_result(conn)?;
            if row.value == "off" {
                return Err(StoreError::Unsafe(format!(
                    "PostgreSQL runs with {setting} = off and would lose acknowledged entries in \
                     a crash: turn it on"
                )));
            }
        }
        Ok(())
    }
}

#[derive(diesel::QueryableByName)]
struct Checkpointed {
    #[diesel(sql_type = diesel::sql_types::Integer)]
    busy: i32,
    /// Pages in the write-ahead log.
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    log: i64,
}

#[derive(diesel::QueryableByName)]
struct Setting {
    #[diesel(sql_type = diesel::sql_types::Text)]
    value: String,
}

// SQLite and libpq report these through the message only; diesel has no kind for them.
pub(super) fn says_busy(message: &str) -> bool {
    message.contains("database is locked")
        || message.contains("lock timeout")
        || message.contains("deadlock detected")
}

pub(super) fn says_full(message: &str) -> bool {
    message.contains("database or disk is full")
        || message.contains("disk I/O error")
        || message.contains("No space left on device")
        || message.contains("could not extend file")
}

pub(super) fn says_broken(message: &str) -> bool {
    message.contains("server closed the connection")
        || message.contains("terminating connection")
        || message.contains("connection to server")
        || message.contains("could not receive data")
        || message.contains("no connection to the server")
        || message.contains("the database system is")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_without_its_password() {
        let target = Target::parse("postgres://me:secret@db.example/bureau", false);
        assert_eq!(target.shown(), "postgres://db.example/bureau");
        assert_eq!(
            Target::parse("data/bureau.sqlite", false),
            Target::Sqlite { path: PathBuf::from("data/bureau.sqlite"), keys: false }
        );
    }
}
