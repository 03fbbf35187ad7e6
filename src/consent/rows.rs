//! Consents in the database.

use diesel::prelude::*;

use super::artefact::{Fetch, Purpose};
use super::standing::Standing;
use crate::kernel::Time;
use crate::store::schema::consents;
use crate::store::{AnyConn, StoreError, load_by, on_backend, page_after, put_all};

/// A consent's row: what is checked at use in clear, the artefact itself sealed.
#[derive(Clone, Debug, Queryable, Insertable, AsChangeset)]
#[diesel(table_name = consents, treat_none_as_null = true, treat_none_as_default_value = false)]
pub struct ConsentRow {
    /// `con_…`
    pub id: String,
    /// Whose.
    pub person: String,
    /// The recipient's name for the person.
    pub subject: String,
    /// The one partner that may act on it.
    pub recipient: String,
    /// `furnish`, `inquire` or `restricted`.
    pub purpose: String,
    /// The scenario, for `inquire`.
    pub scenario: Option<String>,
    /// `ONETIME` or `PERIODIC`.
    pub fetch: String,
    /// Comma-separated.
    pub categories: String,
    /// Comma-separated.
    pub dimensions: String,
    /// From when.
    pub valid_from_us: i64,
    /// Until when.
    pub expires_us: i64,
    /// When taken back.
    pub revoked_us: Option<i64>,
    /// Index of the entry that took it back.
    pub revoked_idx: Option<i64>,
    /// When it was last used, where uses are limited.
    pub used_us: Option<i64>,
    /// Days for which an answer under it may be kept.
    pub data_life_days: Option<i64>,
    /// Answers a month at most.
    pub frequency: Option<i64>,
    /// Answers in the month of `used_us`.
    pub uses: i64,
    /// Whether the artefact names accounts or days.
    pub narrowed: bool,
    /// SHA-256 of the statement that the person signed: good for one consent.
    pub statement: Option<Vec<u8>>,
    /// The artefact, sealed under the person's key.
    pub artefact: Vec<u8>,
    /// Index of the entry that recorded it.
    pub idx: i64,
}

fn list(text: &str) -> Vec<String> {
    text.split(',').filter(|t| !t.is_empty()).map(str::to_string).collect()
}

impl ConsentRow {
    /// The consent as it is checked at use.
    ///
    /// # Errors
    /// A row that holds a word nobody writes.
    pub fn standing(&self) -> Result<Standing, StoreError> {
        let broken = || StoreError::inconsistent(format!("consent {} does not read", self.id));
        let narrow = |n: i64| u32::try_from(n).map_err(|_| broken());
        Ok(Standing {
            id: self.id.clone(),
            person: self.person.clone(),
            recipient: self.recipient.clone(),
            purpose: Purpose::from_name(&self.purpose).ok_or_else(broken)?,
            scenario: self.scenario.clone(),
            fetch: match self.fetch.as_str() {
                "ONETIME" => Fetch::Onetime,
                "PERIODIC" => Fetch::Periodic,
                _ => return Err(broken()),
            },
            categories: list(&self.categories),
            dimensions: list(&self.dimensions),
            valid_from: Time::from_micros(self.valid_from_us),
            expires: Time::from_micros(self.expires_us),
            revoked: self.revoked_us.map(Time::from_micros),
            used: self.used_us.map(Time::from_micros),
            frequency: self.frequency.map(narrow).transpose()?,
            uses: narrow(self.uses)?,
            narrowed: self.narrowed,
            data_life_days: self.data_life_days,
        })
    }
}

/// Consents by id.
///
/// # Errors
/// The database's, here and below.
pub fn by_id(conn: &mut AnyConn, ids: &[&str]) -> Result<Vec<ConsentRow>, StoreError> {
    Ok(load_by!(conn, consents, id, ids, ConsentRow))
}

/// Consents of persons.
pub fn by_person(conn: &mut AnyConn, persons: &[&str]) -> Result<Vec<ConsentRow>, StoreError> {
    Ok(load_by!(conn, consents, person, persons, ConsentRow))
}

/// Consents recorded before the log had `size` entries, in order of their entries.
pub fn before(conn: &mut AnyConn, size: i64) -> Result<Vec<ConsentRow>, StoreError> {
    Ok(on_backend!(conn, |c| consents::table
        .filter(consents::idx.lt(size))
        .order(consents::idx)
        .load(c))?)
}

/// The next consents in order of their ids.
pub fn page(conn: &mut AnyConn, after: &str) -> Result<Vec<ConsentRow>, StoreError> {
    Ok(page_after!(conn, consents, id, after, ConsentRow))
}

/// Writes consents.
pub fn write(conn: &mut AnyConn, rows: &[ConsentRow]) -> Result<(), StoreError> {
    put_all!(conn, consents, id, rows);
    Ok(())
}
