//! The log in the database: its head, its leaves, its sealed bodies, its checkpoints.

use diesel::prelude::*;

use super::tree::CompactRange;
use crate::kernel::Time;
use crate::store::schema::{artefacts, bodies, checkpoints, entries, log_head};
use crate::store::{AnyConn, StoreError, insert_all, load_by, on_backend};

/// The end of the log. Whoever has it locked is the writer.
#[derive(Clone, Debug)]
pub struct Head {
    /// Entries in the log.
    pub size: u64,
    /// The compact range of the whole tree.
    pub frontier: CompactRange,
    /// Time of the last batch; time never runs backwards in the log.
    pub at: Time,
    /// The last batch, by which a writer recognises its own commit.
    pub batch: String,
    /// The log's origin.
    pub origin: String,
}

#[derive(Queryable, Insertable, AsChangeset)]
#[diesel(table_name = log_head)]
struct HeadRow {
    id: i64,
    size: i64,
    frontier: Vec<u8>,
    at_us: i64,
    batch: String,
    origin: String,
}

/// One leaf.
#[derive(Clone, Debug, Queryable, Insertable)]
#[diesel(table_name = entries)]
pub struct EntryRow {
    /// Its index.
    pub idx: i64,
    /// Its bytes.
    pub leaf: Vec<u8>,
}

/// What one leaf commits to, sealed.
#[derive(Clone, Debug, Queryable, Insertable)]
#[diesel(table_name = bodies, treat_none_as_default_value = false)]
pub struct BodyRow {
    /// Its index.
    pub idx: i64,
    /// The exact kind.
    pub kind: String,
    /// When.
    pub at_us: i64,
    /// Name of the key of the record part.
    pub period: String,
    /// The person it concerns.
    pub person: Option<String>,
    /// The sealed record part.
    pub record: Vec<u8>,
    /// The sealed personal part.
    pub personal: Vec<u8>,
}

/// A pack set or scorecard that was ever in force.
#[derive(Clone, Debug, Queryable, Insertable)]
#[diesel(table_name = artefacts)]
pub struct ArtefactRow {
    /// SHA-256, hexadecimal.
    pub digest: String,
    /// `packs` or `scorecard`.
    pub kind: String,
    /// Name and version.
    pub name: String,
    /// The text itself.
    pub content: String,
    /// Since when in force.
    pub since_us: i64,
    /// Index of the entry that says so.
    pub idx: i64,
}

fn head_of(row: HeadRow) -> Result<Head, StoreError> {
    let broken = || StoreError::inconsistent("the head of the log does not read");
    let frontier = CompactRange::from_bytes(&row.frontier).ok_or_else(broken)?;
    let size = u64::try_from(row.size).map_err(|_| broken())?;
    if frontier.size() != size {
        return Err(broken());
    }
    let at = Time::from_micros(row.at_us);
    Ok(Head { size, frontier, at, batch: row.batch, origin: row.origin })
}

/// Takes the lock on the head and reads it. On SQLite the transaction itself is the lock.
///
/// # Errors
/// The database's, here and below.
pub fn lock_head(conn: &mut AnyConn) -> Result<Option<Head>, StoreError> {
    let row: Option<HeadRow> = match conn {
        AnyConn::Pg(c) => log_head::table.for_update().first(c).optional()?,
        AnyConn::Sqlite(c) => log_head::table.first(c).optional()?,
    };
    row.map(head_of).transpose()
}

/// Reads the head without a lock.
pub fn read_head(conn: &mut AnyConn) -> Result<Option<Head>, StoreError> {
    let row: Option<HeadRow> = on_backend!(conn, |c| log_head::table.first(c).optional())?;
    row.map(head_of).transpose()
}

/// Writes the head.
pub fn put_head(conn: &mut AnyConn, head: &Head) -> Result<(), StoreError> {
    let row = HeadRow {
        id: 1,
        size: head.size as i64,
        frontier: head.frontier.to_bytes(),
        at_us: head.at.micros(),
        batch: head.batch.clone(),
        origin: head.origin.clone(),
    };
    on_backend!(conn, |c| diesel::insert_into(log_head::table)
        .values(&row)
        .on_conflict(log_head::id)
        .do_update()
        .set(&row)
        .execute(c))?;
    Ok(())
}

/// Appends leaves and their bodies.
pub fn append(
    conn: &mut AnyConn,
    leaves: &[EntryRow],
    sealed: &[BodyRow],
) -> Result<(), StoreError> {
    insert_all!(conn, entries, leaves);
    insert_all!(conn, bodies, sealed);
    Ok(())
}

/// Leaves `from..to`, in order.
pub fn leaves(conn: &mut AnyConn, from: u64, to: u64) -> Result<Vec<EntryRow>, StoreError> {
    Ok(on_backend!(conn, |c| entries::table
        .filter(entries::idx.ge(from as i64))
        .filter(entries::idx.lt(to as i64))
        .order(entries::idx)
        .load(c))?)
}

/// Bodies `from..to`, in order.
pub fn bodies(conn: &mut AnyConn, from: u64, to: u64) -> Result<Vec<BodyRow>, StoreError> {
    Ok(on_backend!(conn, |c| bodies::table
        .filter(bodies::idx.ge(from as i64))
        .filter(bodies::idx.lt(to as i64))
        .order(bodies::idx)
        .load(c))?)
}

/// Bodies `from..to` of these exact kinds, in order.
pub fn bodies_of(
    conn: &mut AnyConn,
    kinds: &[&str],
    from: u64,
    to: u64,
) -> Result<Vec<BodyRow>, StoreError> {
    Ok(on_backend!(conn, |c| bodies::table
        .filter(bodies::idx.ge(from as i64))
        .filter(bodies::idx.lt(to as i64))
        .filter(bodies::kind.eq_any(kinds))
        .order(bodies::idx)
        .load(c))?)
}

/// Whom the entries `from..to` of these exact kinds concern, each person once.
pub fn persons_between(
    conn: &mut AnyConn,
    kinds: &[&str],
    from: u64,
    to: u64,
) -> Result<Vec<String>, StoreError> {
    let persons: Vec<Option<String>> = on_backend!(conn, |c| bodies::table
        .filter(bodies::idx.ge(from as i64))
        .filter(bodies::idx.lt(to as i64))
        .filter(bodies::kind.eq_any(kinds))
        .filter(bodies::person.is_not_null())
        .select(bodies::person)
        .distinct()
        .load(c))?;
    Ok(persons.into_iter().flatten().collect())
}

/// How many entries the log had at `at_us`. Where bodies at its end were purged it says fewer:
/// they hold nothing that could be read any more.
pub fn size_at(conn: &mut AnyConn, at_us: i64) -> Result<u64, StoreError> {
    let last: Option<i64> = on_backend!(conn, |c| bodies::table
        .filter(bodies::at_us.le(at_us))
        .select(bodies::idx)
        .order(bodies::idx.desc())
        .first(c)
        .optional())?;
    Ok(last.map_or(0, |idx| idx.unsigned_abs() + 1))
}

/// Bodies of one kind about persons, before index `before`, in order of the log.
pub fn bodies_about(
    conn: &mut AnyConn,
    persons: &[&str],
    kind: &str,
    before: u64,
) -> Result<Vec<BodyRow>, StoreError> {
    Ok(on_backend!(conn, |c| bodies::table
        .filter(bodies::person.eq_any(persons))
        .filter(bodies::kind.eq(kind))
        .filter(bodies::idx.lt(before as i64))
        .order(bodies::idx)
        .load(c))?)
}

/// Every body about persons, in order of the log.
pub fn all_about(conn: &mut AnyConn, persons: &[&str]) -> Result<Vec<BodyRow>, StoreError> {
    let mut rows = load_by!(conn, bodies, person, persons, BodyRow);
    rows.sort_by_key(|row| row.idx);
    Ok(rows)
}

/// The names under which something is kept as evidence of persons who were forgotten.
pub fn evidence_names(conn: &mut AnyConn) -> Result<Vec<String>, StoreError> {
    let names: Vec<Option<String>> = on_backend!(conn, |c| bodies::table
        .filter(bodies::person.like("%#evidence-%"))
        .filter(bodies::personal.ne(Vec::<u8>::new()))
        .select(bodies::person)
        .distinct()
        .order(bodies::person)
        .load(c))?;
    Ok(names.into_iter().flatten().collect())
}

/// Gives the log another name: checkpoints under the old one are another log's.
pub fn rename_log(conn: &mut AnyConn, origin: &str) -> Result<(), StoreError> {
    on_backend!(conn, |c| {
        let renamed = log_head::table.filter(log_head::origin.ne(origin));
        if diesel::update(renamed).set(log_head::origin.eq(origin)).execute(c)? > 0 {
            diesel::delete(checkpoints::table).execute(c)?;
        }
    });
    Ok(())
}

/// The newest checkpoint: its size and its note.
pub fn newest_checkpoint(conn: &mut AnyConn) -> Result<Option<(u64, String)>, StoreError> {
    let row: Option<(i64, String)> = on_backend!(conn, |c| checkpoints::table
        .select((checkpoints::size, checkpoints::note))
        .order(checkpoints::size.desc())
        .first(c)
        .optional())?;
    Ok(row.map(|(size, note)| (size.unsigned_abs(), note)))
}

/// The newest checkpoint of at most `size` entries.
pub fn checkpoint_at_or_before(
    conn: &mut AnyConn,
    size: u64,
) -> Result<Option<(u64, String)>, StoreError> {
    let row: Option<(i64, String)> = on_backend!(conn, |c| checkpoints::table
        .select((checkpoints::size, checkpoints::note))
        .filter(checkpoints::size.le(size as i64))
        .order(checkpoints::size.desc())
        .first(c)
        .optional())?;
    Ok(row.map(|(size, note)| (size.unsigned_abs(), note)))
}

/// Index of the first entry at or after `at`; the size of the log when there is none.
pub fn first_at(conn: &mut AnyConn, at: Time) -> Result<u64, StoreError> {
    let first: Option<i64> = on_backend!(conn, |c| bodies::table
        .select(bodies::idx)
        .filter(bodies::at_us.ge(at.micros()))
        .order((bodies::at_us, bodies::idx))
        .first(c)
        .optional())?;
    match first {
        Some(index) => Ok(index.unsigned_abs()),
        None => Ok(read_head(conn)?.map_or(0, |head| head.size)),
    }
}

/// Checkpoints of sizes `from..to`, smallest first: size and note.
pub fn checkpoints_between(
    conn: &mut AnyConn,
    from: u64,
    to: u64,
) -> Result<Vec<(u64, String)>, StoreError> {
    let rows: Vec<(i64, String)> = on_backend!(conn, |c| checkpoints::table
        .select((checkpoints::size, checkpoints::note))
        .filter(checkpoints::size.ge(from as i64))
        .filter(checkpoints::size.lt(to as i64))
        .order(checkpoints::size)
        .load(c))?;
    Ok(rows.into_iter().map(|(size, note)| (size.unsigned_abs(), note)).collect())
}

/// Keeps a checkpoint; one of the same size is kept once.
pub fn put_checkpoint(
    conn: &mut AnyConn,
    size: u64,
    note: &str,
    at: Time,
) -> Result<(), StoreError> {
    let values = (
        checkpoints::size.eq(size as i64),
        checkpoints::note.eq(note),
        checkpoints::at_us.eq(at.micros()),
    );
    on_backend!(conn, |c| diesel::insert_into(checkpoints::table)
        .values(values)
        .on_conflict_do_nothing()
        .execute(c))?;
    Ok(())
}

/// When the last entry of an exact kind was recorded.
pub fn last_of(conn: &mut AnyConn, kind: &str) -> Result<Option<Time>, StoreError> {
    let at: Option<i64> = on_backend!(conn, |c| bodies::table
        .select(diesel::dsl::max(bodies::at_us))
        .filter(bodies::kind.eq(kind))
        .first(c))?;
    Ok(at.map(Time::from_micros))
}

/// Every pack set and scorecard that was ever in force.
pub fn artefacts(conn: &mut AnyConn) -> Result<Vec<ArtefactRow>, StoreError> {
    Ok(on_backend!(conn, |c| artefacts::table.order(artefacts::idx).load(c))?)
}

/// Keeps pack sets and scorecards.
pub fn put_artefacts(conn: &mut AnyConn, rows: &[ArtefactRow]) -> Result<(), StoreError> {
    insert_all!(conn, artefacts, rows);
    Ok(())
}
