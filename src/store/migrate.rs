//! Migrations, embedded in the program and checked at every start.

use diesel::migration::{Migration, MigrationSource};
use diesel::pg::Pg;
use diesel::sqlite::Sqlite;
use diesel::{QueryableByName, RunQueryDsl, sql_query, sql_types};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::conn::on_backend;
use super::{AnyConn, StoreError, Target};

const SQLITE: EmbeddedMigrations = embed_migrations!("migrations/sqlite");
const POSTGRES: EmbeddedMigrations = embed_migrations!("migrations/postgres");
const SQLITE_KEYS: EmbeddedMigrations = embed_migrations!("migrations/sqlite-keys");
const POSTGRES_KEYS: EmbeddedMigrations = embed_migrations!("migrations/postgres-keys");

/// How a database's schema stands to this program's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SchemaState {
    /// The same.
    Current,
    /// So many migrations behind.
    Behind(usize),
    /// It has a version this program does not know.
    Unknown(String),
}

fn source(conn: &AnyConn, target: &Target) -> EmbeddedMigrations {
    match (conn.is_postgres(), target.is_keys()) {
        (true, false) => POSTGRES,
        (true, true) => POSTGRES_KEYS,
        (false, false) => SQLITE,
        (false, true) => SQLITE_KEYS,
    }
}

fn known(conn: &AnyConn, target: &Target) -> Result<Vec<String>, StoreError> {
    let text = |e: Box<dyn std::error::Error + Send + Sync>| StoreError::Schema(e.to_string());
    let source = source(conn, target);
    let versions = if conn.is_postgres() {
        let list: Vec<Box<dyn Migration<Pg>>> = source.migrations().map_err(text)?;
        list.iter().map(|m| m.name().version().to_string()).collect()
    } else {
        let list: Vec<Box<dyn Migration<Sqlite>>> = source.migrations().map_err(text)?;
        list.iter().map(|m| m.name().version().to_string()).collect()
    };
    Ok(versions)
}

#[derive(QueryableByName)]
struct Version {
    #[diesel(sql_type = sql_types::Text)]
    version: String,
}

/// The versions that the database says it has, in order. It is only read: a service may lack the
/// right to make the table in which they stand.
pub(super) fn applied(conn: &mut AnyConn) -> Result<Vec<String>, StoreError> {
    let there = if conn.is_postgres() {
        "SELECT table_name::text AS version FROM information_schema.tables \
         WHERE table_schema = current_schema() AND table_name = '__diesel_schema_migrations'"
    } else {
        "SELECT name AS version FROM sqlite_master \
         WHERE type = 'table' AND name = '__diesel_schema_migrations'"
    };
    let there: Vec<Version> = on_backend!(conn, |c| sql_query(there).load(c))?;
    if there.is_empty() {
        return Ok(Vec::new());
    }
    let all = "SELECT version FROM __diesel_schema_migrations ORDER BY version";
    let rows: Vec<Version> = on_backend!(conn, |c| sql_query(all).load(c))?;
    Ok(rows.into_iter().map(|row| row.version).collect())
}

/// Applies exactly these versions to an empty database.
pub(super) fn run_to(
    conn: &mut AnyConn,
    target: &Target,
    versions: &[String],
) -> Result<(), StoreError> {
    let known = known(conn, target)?;
    if let Some(version) = versions.iter().find(|version| !known.contains(version)) {
        return Err(StoreError::Schema(format!(
            "schema version {version} is not known to this program: use the release that made it, \
             or a newer one"
        )));
    }
    let done = applied(conn)?;
    if let Some(version) = done.iter().find(|version| !versions.contains(version)) {
        return Err(StoreError::Schema(format!(
            "the database has schema version {version} already: it must be empty"
        )));
    }
    let failed = |e: Box<dyn std::error::Error + Send + Sync>| {
        StoreError::Schema(format!("a migration failed: {e}"))
    };
    let source = source(conn, target);
    on_backend!(conn, |c| {
        // Makes the table in which the versions stand.
        c.applied_migrations().map_err(failed)?;
        let mut list = source.migrations().map_err(failed)?;
        list.sort_by_key(|migration| migration.name().version().as_owned());
        for migration in &list {
            let version = migration.name().version().to_string();
            if versions.contains(&version) && !done.contains(&version) {
                c.run_migration(&**migration).map_err(failed)?;
            }
        }
    });
    Ok(())
}

/// Compares the versions that the database says it has with the ones in the program.
pub(super) fn state(conn: &mut AnyConn, target: &Target) -> Result<SchemaState, StoreError> {
    let known = known(conn, target)?;
    let applied = applied(conn)?;
    if let Some(version) = applied.iter().find(|v| !known.contains(v)) {
        return Ok(SchemaState::Unknown(version.clone()));
    }
    match known.len() - applied.len() {
        0 => Ok(SchemaState::Current),
        n => Ok(SchemaState::Behind(n)),
    }
}

/// Applies what is missing and names it.
pub(super) fn run(conn: &mut AnyConn, target: &Target) -> Result<Vec<String>, StoreError> {
    if let SchemaState::Unknown(version) = state(conn, target)? {
        return Err(StoreError::Schema(format!(
            "the database has schema version {version}, which this program does not know: run \
             the release that made it"
        )));
    }
    let source = source(conn, target);
    let done = on_backend!(conn, |c| c
        .run_pending_migrations(source)
        .map(|list| list.iter().map(ToString::to_string).collect::<Vec<String>>()))
    .map_err(|e| StoreError::Schema(format!("a migration failed: {e}")))?;
    Ok(done)
}
