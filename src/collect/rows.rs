//! What each furnisher said last about each record (decisions.md 14), and large files on their
//! way, in the database.

use diesel::prelude::*;

use crate::store::schema::{facts, uploads};
use crate::store::{AnyConn, StoreError, load_by, on_backend, page_after, replace_all};

/// The last word on one record identity.
#[derive(Clone, Debug, Queryable, Insertable)]
#[diesel(table_name = facts)]
pub struct FactRow {
    /// Keyed digest of (person, furnisher, type, reference, period).
    pub identity: Vec<u8>,
    /// About whom.
    pub person: String,
    /// Keyed digest of the observation's bytes: equal bytes are a duplicate.
    pub digest: Vec<u8>,
    /// Whether the record was taken back.
    pub deleted: bool,
    /// Index of its entry.
    pub idx: i64,
}

/// Facts by identity.
///
/// # Errors
/// The database's, here and below.
pub fn facts(conn: &mut AnyConn, identities: &[&[u8]]) -> Result<Vec<FactRow>, StoreError> {
    Ok(load_by!(conn, facts, identity, identities, FactRow))
}

/// The next facts in order of identity.
pub fn page(conn: &mut AnyConn, after: &[u8]) -> Result<Vec<FactRow>, StoreError> {
    Ok(page_after!(conn, facts, identity, after, FactRow))
}

/// How many facts there are.
pub fn count(conn: &mut AnyConn) -> Result<u64, StoreError> {
    let count: i64 = on_backend!(conn, |c| facts::table.count().get_result(c))?;
    Ok(count.unsigned_abs())
}

/// Writes facts.
pub fn write(conn: &mut AnyConn, rows: &[FactRow]) -> Result<(), StoreError> {
    replace_all!(conn, facts, identity, rows);
    Ok(())
}

/// A large file of observations on its way (`migrations/` says what the columns mean).
#[derive(Clone, Debug, Queryable, Insertable)]
#[diesel(table_name = uploads, treat_none_as_default_value = false)]
#[allow(missing_docs, reason = "the columns are documented in migrations/")]
pub struct UploadRow {
    pub id: String,
    pub partner: String,
    pub keyid: String,
    pub format: String,
    pub bytes: i64,
    pub digest: Vec<u8>,
    pub dry_run: bool,
    pub state: String,
    pub next_line: i64,
    pub outcome: Vec<u8>,
    pub spool_key: Vec<u8>,
    pub created_us: i64,
    pub updated_us: i64,
    pub idx: i64,
}

impl UploadRow {
    /// Whether lines of it may still wait to be applied.
    pub fn is_open(&self) -> bool {
        matches!(self.state.as_str(), "waiting" | "applying")
    }
}

/// Uploads by id.
pub fn uploads(conn: &mut AnyConn, ids: &[&str]) -> Result<Vec<UploadRow>, StoreError> {
    Ok(load_by!(conn, uploads, id, ids, UploadRow))
}

/// Uploads that are not done with, the oldest first.
pub fn open_uploads(conn: &mut AnyConn) -> Result<Vec<UploadRow>, StoreError> {
    let open = uploads::state.eq_any(["waiting", "applying"]);
    Ok(on_backend!(conn, |c| uploads::table
        .filter(open)
        .order((uploads::created_us, uploads::id))
        .load(c))?)
}

/// How many uploads of a partner are not done with.
pub fn count_open_uploads(conn: &mut AnyConn, partner: &str) -> Result<i64, StoreError> {
    Ok(on_backend!(conn, |c| uploads::table
        .filter(uploads::state.eq_any(["waiting", "applying"]))
        .filter(uploads::partner.eq(partner))
        .count()
        .get_result(c))?)
}

/// Writes uploads.
pub fn write_uploads(conn: &mut AnyConn, rows: &[UploadRow]) -> Result<(), StoreError> {
    replace_all!(conn, uploads, id, rows);
    Ok(())
}
