//! Profiles and the marks of hard inquiries, in the database.

use diesel::prelude::*;

use crate::store::schema::{inquiry_marks, profiles};
use crate::store::{
    AnyConn, StoreError, insert_all, load_between, load_by, on_backend, page_after, replace_all,
};

/// The day of change, or of purge, of a profile that is to be folded anew: it lies behind every
/// other.
pub const UNKNOWN_DAY: i64 = 0;

/// A person's profile, sealed under the person's key.
#[derive(Clone, Debug, Queryable, Insertable)]
#[diesel(table_name = profiles)]
pub struct ProfileRow {
    /// Whose.
    pub person: String,
    /// The sealed profile.
    pub sealed: Vec<u8>,
    /// Observations folded into it, a named limit.
    pub observations: i64,
    /// Index of the entry that was folded last; part of the seal's place.
    pub idx: i64,
    /// The first day, YYYYMMDD, on which it changes without a new entry.
    pub until_day: i64,
    /// The first day, YYYYMMDD, on which something of it must be purged, until that is done.
    pub purge_day: i64,
}

/// A hard inquiry that counts.
#[derive(Clone, Debug, Queryable, Insertable)]
#[diesel(table_name = inquiry_marks)]
pub struct MarkRow {
    /// Index of the inquiry's entry.
    pub idx: i64,
    /// About whom.
    pub person: String,
    /// For which scenario: hard inquiries of one product are one within 28 days.
    pub scenario: String,
    /// When.
    pub at_us: i64,
}

/// Profiles of persons.
///
/// # Errors
/// The database's, here and below.
pub fn profiles(conn: &mut AnyConn, persons: &[&str]) -> Result<Vec<ProfileRow>, StoreError> {
    Ok(load_by!(conn, profiles, person, persons, ProfileRow))
}

/// Hard inquiries about persons since `since_us`, in order of the log.
pub fn marks(
    conn: &mut AnyConn,
    persons: &[&str],
    since_us: i64,
) -> Result<Vec<MarkRow>, StoreError> {
    let mut rows = load_by!(conn, inquiry_marks, person, persons, MarkRow);
    rows.retain(|row| row.at_us >= since_us);
    rows.sort_by_key(|row| row.idx);
    Ok(rows)
}

/// The next profiles in order of their persons.
pub fn page(conn: &mut AnyConn, after: &str) -> Result<Vec<ProfileRow>, StoreError> {
    Ok(page_after!(conn, profiles, person, after, ProfileRow))
}

/// Persons after `after` of whose file something must go by `day`, in order, at most `limit`.
pub fn due_by(
    conn: &mut AnyConn,
    day: i64,
    after: &str,
    limit: i64,
) -> Result<Vec<String>, StoreError> {
    Ok(on_backend!(conn, |c| profiles::table
        .filter(profiles::purge_day.le(day))
        .filter(profiles::person.gt(after))
        .select(profiles::person)
        .order(profiles::person)
        .limit(limit)
        .load(c))?)
}

/// Makes the next `limit` profiles after `after` such as are folded anew before they are used.
/// Gives the last of them; `None` when there was none.
pub fn age(conn: &mut AnyConn, after: &str, limit: i64) -> Result<Option<String>, StoreError> {
    let persons: Vec<String> = on_backend!(conn, |c| profiles::table
        .filter(profiles::person.gt(after))
        .select(profiles::person)
        .order(profiles::person)
        .limit(limit)
        .load(c))?;
    let Some(last) = persons.last() else { return Ok(None) };
    on_backend!(conn, |c| diesel::update(
        profiles::table.filter(profiles::person.gt(after)).filter(profiles::person.le(last))
    )
    .set((profiles::until_day.eq(UNKNOWN_DAY), profiles::purge_day.eq(UNKNOWN_DAY)))
    .execute(c))?;
    Ok(Some(last.clone()))
}

/// Marks all profiles that are not marked yet so that they are folded anew before they are used.
pub fn age_rest(conn: &mut AnyConn) -> Result<(), StoreError> {
    on_backend!(conn, |c| diesel::update(
        profiles::table.filter(profiles::until_day.ne(UNKNOWN_DAY))
    )
    .set((profiles::until_day.eq(UNKNOWN_DAY), profiles::purge_day.eq(UNKNOWN_DAY)))
    .execute(c))?;
    Ok(())
}

/// Persons of whose file something should have gone by `day`, as far as that is known.
pub fn overdue_by(conn: &mut AnyConn, day: i64) -> Result<Vec<String>, StoreError> {
    Ok(on_backend!(conn, |c| profiles::table
        .filter(profiles::purge_day.le(day))
        .filter(profiles::purge_day.gt(0))
        .select(profiles::person)
        .order(profiles::person)
        .load(c))?)
}

/// Marks of the entries `from..to`, in order of the log.
pub fn marks_between(conn: &mut AnyConn, from: u64, to: u64) -> Result<Vec<MarkRow>, StoreError> {
    Ok(load_between!(conn, inquiry_marks, from, to, MarkRow))
}

/// Writes profiles and marks.
pub fn write(
    conn: &mut AnyConn,
    changed: &[ProfileRow],
    fresh: &[MarkRow],
) -> Result<(), StoreError> {
    replace_all!(conn, profiles, person, changed);
    insert_all!(conn, inquiry_marks, fresh);
    Ok(())
}
