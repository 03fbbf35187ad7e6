//! Answers given, and what became of them, in the database.

use diesel::prelude::*;

use crate::kernel::Time;
use crate::store::schema::{inquiries, inquiry_outcomes, monitors};
use crate::store::{
    AnyConn, StoreError, insert_all, load_between, load_by, on_backend, page_after, put_all,
};

/// An inquiry and its answer, sealed.
#[derive(Clone, Debug, Queryable, Insertable)]
#[diesel(table_name = inquiries, treat_none_as_default_value = false)]
pub struct InquiryRow {
    /// `inq_…`
    pub id: String,
    /// Index of its entry.
    pub idx: i64,
    /// Who asked.
    pub asker: String,
    /// About whom.
    pub person: Option<String>,
    /// The asker's id of the person.
    pub subject: String,
    /// The scenario.
    pub scenario: String,
    /// When.
    pub at_us: i64,
    /// Until when the answer may be used.
    pub expires_us: i64,
    /// The answer's exact body, sealed under the person's key.
    pub answer: Vec<u8>,
    /// The threshold of a yes or no.
    pub threshold: Option<i64>,
}

/// What an asker decided.
#[derive(Clone, Debug, Queryable, Insertable)]
#[diesel(table_name = inquiry_outcomes)]
pub struct OutcomeRow {
    /// The inquiry.
    pub inquiry: String,
    /// Index of its entry.
    pub idx: i64,
    /// The decision.
    pub decision: String,
    /// When decided.
    pub at_us: i64,
}

/// Inquiries by id.
///
/// # Errors
/// The database's, here and below.
pub fn by_id(conn: &mut AnyConn, ids: &[&str]) -> Result<Vec<InquiryRow>, StoreError> {
    Ok(load_by!(conn, inquiries, id, ids, InquiryRow))
}

/// Inquiries about persons, in order of the log.
pub fn by_person(conn: &mut AnyConn, persons: &[&str]) -> Result<Vec<InquiryRow>, StoreError> {
    Ok(on_backend!(conn, |c| inquiries::table
        .filter(inquiries::person.eq_any(persons))
        .order(inquiries::idx)
        .load(c))?)
}

/// Whoever was told a yes or no about persons since a moment: person, asker, threshold.
pub fn probed(
    conn: &mut AnyConn,
    persons: &[&str],
    since_us: i64,
) -> Result<Vec<(String, String, i64)>, StoreError> {
    Ok(on_backend!(conn, |c| inquiries::table
        .filter(inquiries::person.eq_any(persons))
        .filter(inquiries::at_us.ge(since_us))
        .filter(inquiries::threshold.is_not_null())
        .select((
            inquiries::person.assume_not_null(),
            inquiries::asker,
            inquiries::threshold.assume_not_null()
        ))
        .distinct()
        .load(c))?)
}

/// Outcomes reported for inquiries.
pub fn outcomes(conn: &mut AnyConn, ids: &[&str]) -> Result<Vec<OutcomeRow>, StoreError> {
    Ok(load_by!(conn, inquiry_outcomes, inquiry, ids, OutcomeRow))
}

/// Inquiries of the entries `from..to`, in order of the log.
pub fn between(conn: &mut AnyConn, from: u64, to: u64) -> Result<Vec<InquiryRow>, StoreError> {
    Ok(load_between!(conn, inquiries, from, to, InquiryRow))
}

/// How many inquiries each asker has among the entries `from..to`.
pub fn asked_between(
    conn: &mut AnyConn,
    from: u64,
    to: u64,
) -> Result<Vec<(String, i64)>, StoreError> {
    Ok(on_backend!(conn, |c| inquiries::table
        .filter(inquiries::idx.ge(from as i64))
        .filter(inquiries::idx.lt(to as i64))
        .group_by(inquiries::asker)
        .select((inquiries::asker, diesel::dsl::count_star()))
        .load(c))?)
}

/// How many outcomes were reported.
pub fn outcome_count(conn: &mut AnyConn) -> Result<u64, StoreError> {
    let count: i64 = on_backend!(conn, |c| inquiry_outcomes::table.count().get_result(c))?;
    Ok(count.unsigned_abs())
}

/// When the last inquiry of `from_us..to_us` was.
pub fn last_between(
    conn: &mut AnyConn,
    from_us: i64,
    to_us: i64,
) -> Result<Option<Time>, StoreError> {
    let at: Option<i64> = on_backend!(conn, |c| inquiries::table
        .select(diesel::dsl::max(inquiries::at_us))
        .filter(inquiries::at_us.ge(from_us))
        .filter(inquiries::at_us.lt(to_us))
        .first(c))?;
    Ok(at.map(Time::from_micros))
}

/// Writes inquiries and outcomes.
pub fn write(
    conn: &mut AnyConn,
    asked: &[InquiryRow],
    reported: &[OutcomeRow],
) -> Result<(), StoreError> {
    insert_all!(conn, inquiries, asked);
    insert_all!(conn, inquiry_outcomes, reported);
    Ok(())
}

/// Who is watched for whom (`migrations/` says what the columns mean).
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Insertable, AsChangeset)]
#[diesel(table_name = monitors, treat_none_as_null = true)]
#[diesel(treat_none_as_default_value = false)]
#[allow(missing_docs, reason = "the columns are documented in migrations/")]
pub struct MonitorRow {
    pub id: String,
    pub partner: String,
    pub person: String,
    pub subject: String,
    pub consent: String,
    pub scenario: String,
    pub watch: String,
    pub bands: String,
    pub state: String,
    pub reason: Option<String>,
    pub inquiry: String,
    pub opened_us: i64,
    pub ended_us: Option<i64>,
    pub opened_idx: i64,
    pub idx: i64,
}

/// Monitors by id.
pub fn monitors(conn: &mut AnyConn, ids: &[&str]) -> Result<Vec<MonitorRow>, StoreError> {
    Ok(load_by!(conn, monitors, id, ids, MonitorRow))
}

/// Active monitors of these persons.
pub fn monitors_of(conn: &mut AnyConn, persons: &[&str]) -> Result<Vec<MonitorRow>, StoreError> {
    let mut rows = load_by!(conn, monitors, person, persons, MonitorRow);
    rows.retain(|row| row.state == "active");
    Ok(rows)
}

/// Monitors that rest on a consent.
pub fn monitors_on(conn: &mut AnyConn, consent: &str) -> Result<Vec<MonitorRow>, StoreError> {
    Ok(on_backend!(conn, |c| monitors::table
        .filter(monitors::consent.eq(consent))
        .order(monitors::id)
        .load(c))?)
}

/// The next monitors of a partner, in order of their ids.
pub fn monitors_by(
    conn: &mut AnyConn,
    partner: &str,
    after: &str,
    limit: i64,
) -> Result<Vec<MonitorRow>, StoreError> {
    Ok(on_backend!(conn, |c| monitors::table
        .filter(monitors::partner.eq(partner))
        .filter(monitors::id.gt(after))
        .order(monitors::id)
        .limit(limit)
        .load(c))?)
}

/// The next monitors, in order of their ids.
pub fn monitors_page(conn: &mut AnyConn, after: &str) -> Result<Vec<MonitorRow>, StoreError> {
    Ok(page_after!(conn, monitors, id, after, MonitorRow))
}

/// Writes monitors.
pub fn write_monitors(conn: &mut AnyConn, rows: &[MonitorRow]) -> Result<(), StoreError> {
    put_all!(conn, monitors, id, rows);
    Ok(())
}
