//! What each furnisher said last about each record (decisions.md 14), in the database.

use diesel::prelude::*;

use crate::store::schema::facts;
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
