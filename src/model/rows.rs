//! How scorecards stand, in the database.

use diesel::prelude::*;

use crate::store::schema::models;
use crate::store::{AnyConn, StoreError, on_backend};

/// A scorecard's standing: a projection of the entries about it.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Insertable)]
#[diesel(table_name = models)]
pub struct ModelRow {
    /// SHA-256 of its file, hexadecimal.
    pub digest: String,
    /// A [`Role`](super::governance::Role): what every batch asks for.
    pub role: String,
    /// A [`Standing`](super::governance::Standing), JSON.
    pub standing: String,
    /// Index of the entry that changed it last.
    pub idx: i64,
}

/// Every scorecard that was registered, by digest.
///
/// # Errors
/// The database's, here and below.
pub fn all(conn: &mut AnyConn) -> Result<Vec<ModelRow>, StoreError> {
    Ok(on_backend!(conn, |c| models::table.order(models::digest).load(c))?)
}

/// Digests and roles of the scorecards that give scores, openly or in shadow.
pub fn at_work(conn: &mut AnyConn) -> Result<Vec<(String, String)>, StoreError> {
    Ok(on_backend!(conn, |c| models::table
        .select((models::digest, models::role))
        .filter(models::role.ne("none"))
        .order(models::digest)
        .load(c))?)
}

/// Writes standings.
pub fn put(conn: &mut AnyConn, rows: &[ModelRow]) -> Result<(), StoreError> {
    // the former champion first: there is never a second one
    let last = |row: &&ModelRow| row.role == "champion";
    let ordered = rows.iter().filter(|row| !last(row)).chain(rows.iter().filter(last));
    for row in ordered {
        on_backend!(conn, |c| diesel::delete(
            models::table.filter(models::digest.eq(&row.digest))
        )
        .execute(c))?;
        on_backend!(conn, |c| diesel::insert_into(models::table).values(row).execute(c))?;
    }
    Ok(())
}
