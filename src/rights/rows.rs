//! Matters, contested items, barred records and events, in the database.

use diesel::prelude::*;

use super::dispute::MatterKind;
use crate::kernel::Time;
use crate::store::schema::{
    barred, bodies, consents, contested, data_requests, events, facts, freezes, idempotency,
    inquiries, inquiry_marks, inquiry_outcomes, lookups, mandates, matters, monitors, pairwise,
    person_keys, profiles, resolutions,
};
use crate::store::{AnyConn, StoreError, insert_all, load_by, on_backend, page_after, put_all};

/// One matter; what it says is sealed under the person's key.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Insertable, AsChangeset)]
#[diesel(table_name = matters, treat_none_as_default_value = false, treat_none_as_null = true)]
pub struct MatterRow {
    /// `dsp_…`, `stm_…`, `rev_…`, `cmp_…`, `ntc_…`
    pub id: String,
    /// What was demanded.
    pub kind: String,
    /// By whom.
    pub person: String,
    /// `open`, `answered`, `closed`, `stands`.
    pub state: String,
    /// When.
    pub placed_us: i64,
    /// By when it is to be answered.
    pub due_us: Option<i64>,
    /// When it was.
    pub closed_us: Option<i64>,
    /// Index of the entry that opened it.
    pub opened_idx: i64,
    /// What it says, as JSON, sealed.
    pub sealed: Vec<u8>,
    /// Index of the entry that wrote it last; part of the seal's place.
    pub idx: i64,
    /// Index of the entry that reminded furnishers of it.
    pub reminded_idx: Option<i64>,
}

impl MatterRow {
    /// A matter as the entry `index` opens it. Without a deadline it stands as it is.
    pub fn opened(
        id: &str,
        kind: MatterKind,
        person: &str,
        now: Time,
        due: Option<Time>,
        index: u64,
    ) -> MatterRow {
        MatterRow {
            id: id.to_string(),
            kind: kind.name().to_string(),
            person: person.to_string(),
            state: if due.is_some() { "open" } else { "stands" }.to_string(),
            placed_us: now.micros(),
            due_us: due.map(Time::micros),
            closed_us: None,
            opened_idx: index as i64,
            sealed: Vec::new(),
            idx: index as i64,
            reminded_idx: None,
        }
    }
}

/// One item of a dispute.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Insertable, AsChangeset)]
#[diesel(table_name = contested, treat_none_as_default_value = false, treat_none_as_null = true)]
pub struct ContestedRow {
    /// Dispute, dot, place.
    pub id: String,
    /// Of which dispute.
    pub dispute: String,
    /// Whose file.
    pub person: String,
    /// Index of the observation's entry.
    pub observation: i64,
    /// Who must answer.
    pub furnisher: String,
    /// An [`ItemState`](super::ItemState).
    pub state: String,
    /// Whether it stays out of view and score meanwhile.
    pub withheld: bool,
    /// Index of the entry from which on it is contested.
    pub from_idx: i64,
    /// Index of the entry that settled it.
    pub to_idx: Option<i64>,
}

impl ContestedRow {
    /// Whether it stays out of a score that knows the entries before index `before`.
    pub fn withholds_before(&self, before: u64) -> bool {
        let settled = self.to_idx.is_some_and(|idx| idx.unsigned_abs() < before);
        self.withheld && self.from_idx.unsigned_abs() < before && !settled
    }
}

/// A record that may not be sent again.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Insertable, AsChangeset)]
#[diesel(table_name = barred, treat_none_as_default_value = false, treat_none_as_null = true)]
pub struct BarredRow {
    /// Keyed digest of what is barred: the record's identity, or with it what one member said.
    pub id: Vec<u8>,
    /// The record's identity.
    pub identity: Vec<u8>,
    /// `refuted` (what it said in `member`), `deleted` or `obsolete` (whatever it says).
    pub reason: String,
    /// Index of the entry that barred it.
    pub idx: i64,
    /// Index of the entry that let it in again.
    pub lifted_idx: Option<i64>,
    /// Which member of it was refuted.
    pub member: Option<String>,
}

/// Something that somebody is told.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Insertable)]
#[diesel(table_name = events, treat_none_as_default_value = false)]
pub struct EventRow {
    /// Rises with the log.
    pub id: i64,
    /// A partner's or a person's id.
    pub recipient: String,
    /// What kind.
    pub kind: String,
    /// Whom it concerns, whose key seals it.
    pub person: Option<String>,
    /// The period whose key seals it, where it concerns nobody.
    pub period: String,
    /// What it says, as JSON, sealed.
    pub body: Vec<u8>,
    /// Index of the entry it comes from.
    pub idx: i64,
    /// When.
    pub at_us: i64,
}

/// Events of one entry at most.
pub const EVENTS_PER_ENTRY: i64 = 4_096;

/// What a batch changed.
#[derive(Debug, Default)]
#[allow(missing_docs, reason = "each field is a table")]
pub struct Change {
    pub matters: Vec<MatterRow>,
    pub contested: Vec<ContestedRow>,
    pub barred: Vec<BarredRow>,
    pub events: Vec<EventRow>,
    pub forgotten: Vec<Forget>,
    pub purged: Vec<Purge>,
}

/// Matters by id.
///
/// # Errors
/// The database's, here and below.
pub fn matters(conn: &mut AnyConn, ids: &[&str]) -> Result<Vec<MatterRow>, StoreError> {
    Ok(load_by!(conn, matters, id, ids, MatterRow))
}

/// Matters of persons, oldest first.
pub fn matters_of(conn: &mut AnyConn, persons: &[&str]) -> Result<Vec<MatterRow>, StoreError> {
    let mut rows = load_by!(conn, matters, person, persons, MatterRow);
    rows.sort_by_key(|row| row.opened_idx);
    Ok(rows)
}

/// Ids of open disputes after `after` that are due at `now_us`, in order, at most `limit`. What
/// the bureau's own staff answers (complaints, reviews) is not closed by a clock.
pub fn overdue(
    conn: &mut AnyConn,
    now_us: i64,
    after: &str,
    limit: i64,
) -> Result<Vec<String>, StoreError> {
    Ok(on_backend!(conn, |c| matters::table
        .filter(matters::kind.eq("dispute"))
        .filter(matters::id.gt(after))
        .filter(matters::due_us.le(now_us))
        .filter(matters::closed_us.is_null())
        .select(matters::id)
        .order(matters::id)
        .limit(limit)
        .load(c))?)
}

/// Ids of open disputes after `after` that are due by `until_us` and of which nobody was reminded,
/// in order, at most `limit`.
pub fn unreminded(
    conn: &mut AnyConn,
    until_us: i64,
    after: &str,
    limit: i64,
) -> Result<Vec<String>, StoreError> {
    Ok(on_backend!(conn, |c| matters::table
        .filter(matters::kind.eq("dispute"))
        .filter(matters::id.gt(after))
        .filter(matters::due_us.le(until_us))
        .filter(matters::closed_us.is_null())
        .filter(matters::reminded_idx.is_null())
        .select(matters::id)
        .order(matters::id)
        .limit(limit)
        .load(c))?)
}

/// Open matters that the bureau itself answers, oldest first.
pub fn open_matters(conn: &mut AnyConn, limit: i64) -> Result<Vec<MatterRow>, StoreError> {
    Ok(on_backend!(conn, |c| matters::table
        .filter(matters::closed_us.is_null())
        .filter(matters::due_us.is_not_null())
        .order((matters::placed_us, matters::id))
        .limit(limit)
        .load(c))?)
}

/// The next matters in order of their ids.
pub fn matters_page(conn: &mut AnyConn, after: &str) -> Result<Vec<MatterRow>, StoreError> {
    Ok(page_after!(conn, matters, id, after, MatterRow))
}

/// Contested items of persons.
pub fn contested_of(conn: &mut AnyConn, persons: &[&str]) -> Result<Vec<ContestedRow>, StoreError> {
    Ok(load_by!(conn, contested, person, persons, ContestedRow))
}

/// The next contested items in order of their ids.
pub fn contested_page(conn: &mut AnyConn, after: &str) -> Result<Vec<ContestedRow>, StoreError> {
    Ok(page_after!(conn, contested, id, after, ContestedRow))
}

/// What is barred of these records.
pub fn barred_of(conn: &mut AnyConn, identities: &[&[u8]]) -> Result<Vec<BarredRow>, StoreError> {
    Ok(load_by!(conn, barred, identity, identities, BarredRow))
}

/// The next barred records, in order.
pub fn barred_page(conn: &mut AnyConn, after: &[u8]) -> Result<Vec<BarredRow>, StoreError> {
    Ok(page_after!(conn, barred, id, after, BarredRow))
}

/// Events of a recipient after `after`, at most `limit`, in order.
pub fn events_after(
    conn: &mut AnyConn,
    recipient: &[&str],
    after: i64,
    limit: i64,
) -> Result<Vec<EventRow>, StoreError> {
    Ok(on_backend!(conn, |c| events::table
        .filter(events::recipient.eq_any(recipient))
        .filter(events::id.gt(after))
        .order(events::id)
        .limit(limit)
        .load(c))?)
}

/// How many events the entries `from..to` made, by entry.
pub fn events_between(conn: &mut AnyConn, from: u64, to: u64) -> Result<Vec<EventRow>, StoreError> {
    Ok(on_backend!(conn, |c| events::table
        .filter(events::idx.ge(from as i64))
        .filter(events::idx.lt(to as i64))
        .order(events::id)
        .load(c))?)
}

/// Whether anything of anybody was ever forgotten.
pub fn has_tombstones(conn: &mut AnyConn) -> Result<bool, StoreError> {
    let found: Option<Vec<u8>> = on_backend!(conn, |c| barred::table
        .filter(barred::reason.eq("obsolete"))
        .select(barred::id)
        .first(c)
        .optional())?;
    Ok(found.is_some())
}

/// What is written when a person is forgotten.
#[derive(Debug, Default)]
pub struct Forget {
    /// Who: one person under every id.
    pub persons: Vec<String>,
    /// Entries whose personal part goes.
    pub gone: Vec<i64>,
    /// Entries that stay as evidence: index, the name they are sealed under now, and the seal.
    pub survivors: Vec<(i64, String, Vec<u8>)>,
    /// What was kept as evidence goes too: the rows that these entries made.
    pub ended: bool,
}

/// What is written when items of a person are purged: everything else is sealed anew.
#[derive(Debug, Default)]
pub struct Purge {
    /// Whose.
    pub person: String,
    /// Entries whose personal part goes.
    pub gone: Vec<i64>,
    /// Their names in the table of last words.
    pub facts: Vec<Vec<u8>>,
    /// Entries that stay: index, whose they are, and seal.
    pub bodies: Vec<(i64, String, Vec<u8>)>,
    /// Answers that stay: inquiry and seal.
    pub answers: Vec<(String, Vec<u8>)>,
    /// Events that stay: id and seal.
    pub events: Vec<(i64, Vec<u8>)>,
}

/// Deletes rows of `$table` whose `$column` is one of `$keys`.
macro_rules! delete_by {
    ($conn:expr, $table:ident, $column:ident, $keys:expr) => {
        for chunk in $keys.chunks(crate::store::INSERT_CHUNK_ROWS) {
            on_backend!($conn, |c| diesel::delete(
                $table::table.filter($table::$column.eq_any(chunk))
            )
            .execute(c))?;
        }
    };
}

/// Purges items: their content goes, and what stays carries its new seal.
pub fn purge(conn: &mut AnyConn, purge: &Purge) -> Result<(), StoreError> {
    let empty: Vec<u8> = Vec::new();
    for chunk in purge.gone.chunks(crate::store::INSERT_CHUNK_ROWS) {
        on_backend!(conn, |c| diesel::update(bodies::table.filter(bodies::idx.eq_any(chunk)))
            .set(bodies::personal.eq(&empty))
            .execute(c))?;
    }
    delete_by!(conn, facts, identity, purge.facts);
    for (idx, person, personal) in &purge.bodies {
        on_backend!(conn, |c| diesel::update(bodies::table.filter(bodies::idx.eq(idx)))
            .set((bodies::person.eq(person), bodies::personal.eq(personal)))
            .execute(c))?;
    }
    let handed = purge.bodies.iter().filter(|(_, person, _)| *person != purge.person);
    for (idx, person, _) in handed {
        on_backend!(conn, |c| diesel::update(facts::table.filter(facts::idx.eq(idx)))
            .set(facts::person.eq(person))
            .execute(c))?;
    }
    for (id, answer) in &purge.answers {
        on_backend!(conn, |c| diesel::update(inquiries::table.filter(inquiries::id.eq(id)))
            .set(inquiries::answer.eq(answer))
            .execute(c))?;
    }
    for (id, body) in &purge.events {
        on_backend!(conn, |c| diesel::update(events::table.filter(events::id.eq(id)))
            .set(events::body.eq(body))
            .execute(c))?;
    }
    let person = [purge.person.as_str()];
    delete_by!(conn, idempotency, person, person);
    Ok(())
}

/// Events about a person.
pub fn events_of(conn: &mut AnyConn, persons: &[&str]) -> Result<Vec<EventRow>, StoreError> {
    Ok(load_by!(conn, events, person, persons, EventRow))
}

/// Forgets a person: every projection of what was theirs goes, and of the log the personal parts.
pub fn forget(conn: &mut AnyConn, forget: &Forget) -> Result<(), StoreError> {
    let empty: Vec<u8> = Vec::new();
    for chunk in forget.gone.chunks(crate::store::INSERT_CHUNK_ROWS) {
        on_backend!(conn, |c| diesel::update(bodies::table.filter(bodies::idx.eq_any(chunk)))
            .set(bodies::personal.eq(&empty))
            .execute(c))?;
    }
    for (idx, name, personal) in &forget.survivors {
        on_backend!(conn, |c| diesel::update(bodies::table.filter(bodies::idx.eq(idx)))
            .set((bodies::person.eq(name), bodies::personal.eq(personal)))
            .execute(c))?;
    }
    if forget.ended {
        let gone = &forget.gone;
        delete_by!(conn, inquiry_outcomes, idx, gone);
        delete_by!(conn, inquiries, idx, gone);
        delete_by!(conn, consents, idx, gone);
        delete_by!(conn, resolutions, idx, gone);
    }
    let ids = &forget.persons;
    delete_by!(conn, inquiry_marks, person, ids);
    delete_by!(conn, contested, person, ids);
    delete_by!(conn, matters, person, ids);
    delete_by!(conn, events, person, ids);
    delete_by!(conn, events, recipient, ids);
    delete_by!(conn, barred, idx, forget.gone);
    delete_by!(conn, lookups, person, ids);
    delete_by!(conn, pairwise, person, ids);
    delete_by!(conn, person_keys, person, ids);
    delete_by!(conn, mandates, person, ids);
    delete_by!(conn, freezes, person, ids);
    delete_by!(conn, profiles, person, ids);
    delete_by!(conn, facts, person, ids);
    delete_by!(conn, data_requests, person, ids);
    delete_by!(conn, monitors, person, ids);
    delete_by!(conn, idempotency, person, ids);
    delete_by!(conn, idempotency, principal, ids);
    on_backend!(conn, |c| diesel::update(consents::table.filter(consents::person.eq_any(ids)))
        .set((
            consents::artefact.eq(&empty),
            // With its own id a partner's row would lead to the person's, and so to all others.
            consents::subject.eq(""),
            consents::statement.eq(None::<Vec<u8>>)
        ))
        .execute(c))?;
    on_backend!(conn, |c| diesel::update(inquiries::table.filter(inquiries::person.eq_any(ids)))
        .set((inquiries::answer.eq(&empty), inquiries::subject.eq("")))
        .execute(c))?;
    Ok(())
}

/// Writes what a batch changed.
pub fn write(conn: &mut AnyConn, change: &Change) -> Result<(), StoreError> {
    put_all!(conn, matters, id, &change.matters);
    put_all!(conn, contested, id, &change.contested);
    put_all!(conn, barred, id, &change.barred);
    insert_all!(conn, events, change.events);
    change.purged.iter().try_for_each(|one| purge(conn, one))?;
    change.forgotten.iter().try_for_each(|one| forget(conn, one))
}
