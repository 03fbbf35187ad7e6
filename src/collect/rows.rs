//! What each furnisher said last about each record (decisions.md 14), what it is asked for, and
//! large files on their way, in the database.

use diesel::dsl::{count as how_many, exists, max, min, not};
use diesel::prelude::*;

use crate::kernel::Time;
use crate::store::schema::{consents, data_requests, facts, uploads};
use crate::store::{
    AnyConn, StoreError, load_by, on_backend, one_of, page_after, put_all, replace_all,
};

/// The last word on one record identity.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Insertable)]
#[diesel(table_name = facts, treat_none_as_default_value = false)]
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
    /// Who said it; empty for a record from before this was kept.
    pub furnisher: String,
    /// Keyed digest of (person, furnisher, account key), of an account and its statements.
    pub account: Option<Vec<u8>>,
    /// The month of a statement.
    pub month: Option<i64>,
    /// The month after which no further statement is expected.
    pub ends: Option<i64>,
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

/// How far the statements of one account reach; what was taken back is left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// The account.
    pub account: Vec<u8>,
    /// Its first month; `None` where only the account itself was reported.
    pub first: Option<i64>,
    /// Its last.
    pub last: Option<i64>,
    /// How many months there are.
    pub months: i64,
}

/// The next accounts of a furnisher, in order of their digests.
pub fn spans(
    conn: &mut AnyConn,
    furnisher: &str,
    after: &[u8],
    limit: i64,
) -> Result<Vec<Span>, StoreError> {
    type Row = (Option<Vec<u8>>, Option<i64>, Option<i64>, i64);
    let rows: Vec<Row> = on_backend!(conn, |c| facts::table
        .filter(facts::furnisher.eq(furnisher))
        .filter(facts::account.is_not_null())
        .filter(facts::account.gt(after))
        .filter(facts::deleted.eq(false))
        .group_by(facts::account)
        .select((facts::account, min(facts::month), max(facts::month), how_many(facts::month)))
        .order(facts::account)
        .limit(limit)
        .load(c))?;
    let span =
        |(account, first, last, months): Row| Some(Span { account: account?, first, last, months });
    Ok(rows.into_iter().filter_map(span).collect())
}

/// How many accounts of a furnisher have a statement of each month since `from`.
pub fn reported(
    conn: &mut AnyConn,
    furnisher: &str,
    from: i64,
) -> Result<Vec<(i64, i64)>, StoreError> {
    let rows: Vec<(Option<i64>, i64)> = on_backend!(conn, |c| facts::table
        .filter(facts::furnisher.eq(furnisher))
        .filter(facts::account.is_not_null())
        .filter(facts::month.ge(from))
        .filter(facts::deleted.eq(false))
        .group_by(facts::month)
        .select((facts::month, how_many(facts::identity)))
        .order(facts::month)
        .load(c))?;
    Ok(rows.into_iter().filter_map(|(month, n)| Some((month?, n))).collect())
}

/// Everything that a furnisher said about some accounts, taken back or not.
pub fn of_accounts(
    conn: &mut AnyConn,
    furnisher: &str,
    accounts: &[&[u8]],
) -> Result<Vec<FactRow>, StoreError> {
    let mut rows = Vec::new();
    for chunk in accounts.chunks(crate::store::INSERT_CHUNK_ROWS * 4) {
        let own = facts::table.filter(facts::furnisher.eq(furnisher));
        rows.extend(match conn {
            AnyConn::Pg(c) => own.filter(facts::account.eq_any(chunk)).load::<FactRow>(c)?,
            AnyConn::Sqlite(c) => own.filter(one_of(facts::account, chunk)).load::<FactRow>(c)?,
        });
    }
    Ok(rows)
}

/// Whether a furnisher said anything that stands about one of these persons.
pub fn speaks_of(
    conn: &mut AnyConn,
    furnisher: &str,
    persons: &[&str],
) -> Result<bool, StoreError> {
    let found: i64 = on_backend!(conn, |c| facts::table
        .filter(facts::person.eq_any(persons))
        .filter(facts::furnisher.eq(furnisher))
        .filter(facts::deleted.eq(false))
        .count()
        .get_result(c))?;
    Ok(found > 0)
}

/// The next subjects whose consent lets a furnisher speak, and of whom it said nothing: subject
/// and person, in order of the subjects.
pub fn unspoken(
    conn: &mut AnyConn,
    furnisher: &str,
    after: &str,
    now: Time,
    limit: i64,
) -> Result<Vec<(String, String)>, StoreError> {
    let at = now.micros();
    Ok(on_backend!(conn, |c| consents::table
        .filter(consents::recipient.eq(furnisher))
        .filter(consents::purpose.eq("furnish"))
        // Of somebody forgotten the subject is empty.
        .filter(consents::subject.gt(after))
        .filter(consents::revoked_us.is_null())
        .filter(consents::valid_from_us.le(at))
        .filter(consents::expires_us.gt(at))
        .filter(not(exists(
            facts::table
                .filter(facts::person.eq(consents::person))
                .filter(facts::furnisher.eq(furnisher))
                .filter(facts::deleted.eq(false))
        )))
        .select((consents::subject, consents::person))
        .distinct()
        .order(consents::subject)
        .limit(limit)
        .load(c))?)
}

/// The next facts of which it is not kept who said them.
pub fn unnamed(conn: &mut AnyConn, limit: i64) -> Result<Vec<FactRow>, StoreError> {
    Ok(on_backend!(conn, |c| facts::table
        .filter(facts::furnisher.eq(""))
        .order(facts::identity)
        .limit(limit)
        .load(c))?)
}

/// A month of an account that its furnisher is asked for (`migrations/` says what columns mean).
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Insertable, AsChangeset)]
#[diesel(table_name = data_requests, treat_none_as_null = true)]
#[diesel(treat_none_as_default_value = false)]
#[allow(missing_docs, reason = "the columns are documented in migrations/")]
pub struct DataRequestRow {
    pub id: String,
    pub furnisher: String,
    pub person: String,
    pub account: Vec<u8>,
    pub from_month: i64,
    pub until_month: i64,
    pub state: String,
    pub reason: Option<String>,
    pub opened_us: i64,
    pub closed_us: Option<i64>,
    pub opened_idx: i64,
    pub idx: i64,
}

/// Data requests by id.
pub fn data_requests(conn: &mut AnyConn, ids: &[&str]) -> Result<Vec<DataRequestRow>, StoreError> {
    Ok(load_by!(conn, data_requests, id, ids, DataRequestRow))
}

/// Data requests about these accounts.
pub fn requests_about(
    conn: &mut AnyConn,
    accounts: &[&[u8]],
) -> Result<Vec<DataRequestRow>, StoreError> {
    Ok(load_by!(conn, data_requests, account, accounts, DataRequestRow))
}

/// The next data requests in order of their ids.
pub fn data_requests_page(
    conn: &mut AnyConn,
    after: &str,
) -> Result<Vec<DataRequestRow>, StoreError> {
    Ok(page_after!(conn, data_requests, id, after, DataRequestRow))
}

/// The next data requests to one furnisher in order of their ids, the open ones or all.
pub fn requests_to(
    conn: &mut AnyConn,
    furnisher: &str,
    after: &str,
    only_open: bool,
    limit: i64,
) -> Result<Vec<DataRequestRow>, StoreError> {
    let states: &[&str] = if only_open { &["open"] } else { &["open", "filled", "answered"] };
    Ok(on_backend!(conn, |c| data_requests::table
        .filter(data_requests::furnisher.eq(furnisher))
        .filter(data_requests::id.gt(after))
        .filter(data_requests::state.eq_any(states))
        .order(data_requests::id)
        .limit(limit)
        .load(c))?)
}

/// Writes data requests.
pub fn write_requests(conn: &mut AnyConn, rows: &[DataRequestRow]) -> Result<(), StoreError> {
    put_all!(conn, data_requests, id, rows);
    Ok(())
}
