//! Persons and their names at partners, in the database.

use std::collections::BTreeSet;

use diesel::prelude::*;

use crate::kernel::Time;
use crate::store::schema::{
    freezes, lookups, mandates, pairwise, person_keys, persons, resolutions,
};
use crate::store::{AnyConn, StoreError, insert_all, load_by, on_backend, page_after, put_all};

/// A person. Everything that identifies them is inside the sealed `vault`.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Insertable, AsChangeset)]
#[diesel(table_name = persons, treat_none_as_null = true, treat_none_as_default_value = false)]
pub struct PersonRow {
    /// `per_…`
    pub id: String,
    /// ISO 3166 alpha-2: chooses the rule pack.
    pub residence: String,
    /// Reserved for age rules that need no unsealing; microseconds, midnight UTC.
    pub birth_us: Option<i64>,
    /// The sealed identity.
    pub vault: Vec<u8>,
    /// The person this one was found to be the same as.
    pub merged_into: Option<String>,
    /// When first enrolled.
    pub created_us: i64,
    /// Index of the entry that wrote the vault last.
    pub idx: i64,
    /// Index of the entry that certifies that the person was forgotten.
    pub erased_idx: Option<i64>,
    /// When.
    pub erased_us: Option<i64>,
    /// Index of the entry that placed a legal hold which still stands.
    pub held_idx: Option<i64>,
}

/// One partner's opaque name for a person.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Insertable, AsChangeset)]
#[diesel(table_name = pairwise, treat_none_as_default_value = false)]
pub struct PairwiseRow {
    /// `sub_…`
    pub id: String,
    /// The partner whose name it is.
    pub partner: String,
    /// The person.
    pub person: String,
    /// It is not certain who is meant: nothing is ever told under this subject.
    pub mismatch: bool,
    /// The identity level that this partner's own evidence supports.
    pub level: i64,
    /// When made.
    pub created_us: i64,
    /// So because the documents lead to several persons; else the name is another.
    pub ambiguous: bool,
}

impl PairwiseRow {
    /// What makes it uncertain who is meant.
    pub fn doubt(&self) -> Option<Doubt> {
        match (self.ambiguous, self.mismatch) {
            (true, _) => Some(Doubt::Ambiguous),
            (false, true) => Some(Doubt::Mismatch),
            (false, false) => None,
        }
    }
}

/// Why it is not certain who is meant by a subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doubt {
    /// A document is known under another name.
    Mismatch,
    /// The documents lead to several persons.
    Ambiguous,
}

/// How a document leads to a person.
#[derive(Clone, Debug, Queryable, Insertable)]
#[diesel(table_name = lookups, treat_none_as_default_value = false)]
pub struct LookupRow {
    /// HMAC of the document.
    pub hmac: Vec<u8>,
    /// The person.
    pub person: String,
    /// HMAC of document and name.
    pub name_hmac: Vec<u8>,
}

/// A person's own public key.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Insertable, AsChangeset)]
#[diesel(primary_key(thumbprint))]
#[diesel(table_name = person_keys, treat_none_as_null = true, treat_none_as_default_value = false)]
pub struct PersonKeyRow {
    /// RFC 7638 thumbprint.
    pub thumbprint: String,
    /// Whose.
    pub person: String,
    /// The key as JWK.
    pub jwk: String,
    /// When bound.
    pub added_us: i64,
    /// Set when it must no longer be used.
    pub retired_us: Option<i64>,
}

/// What an agent may do for a person.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Insertable, AsChangeset)]
#[diesel(table_name = mandates, treat_none_as_null = true, treat_none_as_default_value = false)]
pub struct MandateRow {
    /// `man_…`
    pub id: String,
    /// Who gave it.
    pub person: String,
    /// The partner that may act.
    pub agent: String,
    /// JSON list of acts.
    pub acts: String,
    /// Until when.
    pub expires_us: i64,
    /// Set when taken back.
    pub revoked_us: Option<i64>,
}

/// A freeze of a person's file, or a warning of fraud on it.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Insertable, AsChangeset)]
#[diesel(table_name = freezes, treat_none_as_null = true, treat_none_as_default_value = false)]
pub struct FreezeRow {
    /// `frz_…`
    pub id: String,
    /// Whose file.
    pub person: String,
    /// Since when.
    pub placed_us: i64,
    /// When it was lifted.
    pub lifted_us: Option<i64>,
    /// [`FREEZE`] or [`FRAUD_ALERT`].
    pub kind: String,
    /// Until when it stands at most.
    pub until_us: Option<i64>,
}

/// Bars release for new credit.
pub const FREEZE: &str = "freeze";
/// Warns whoever opens new credit.
pub const FRAUD_ALERT: &str = "fraud_alert";

impl FreezeRow {
    /// Whether it stands at `now` as a lock, or warning, of this kind.
    pub fn stands(&self, kind: &str, now: Time) -> bool {
        self.kind == kind
            && self.lifted_us.is_none()
            && self.until_us.is_none_or(|until| now.micros() < until)
    }
}

/// An alias, merge, split or no-merge, in the order they happened.
#[derive(Clone, Debug, Queryable, Insertable)]
#[diesel(table_name = resolutions, treat_none_as_default_value = false)]
pub struct ResolutionRow {
    /// Index of its entry.
    pub idx: i64,
    /// `subject_alias`, `subject_merge`, `subject_split` or `no_merge`.
    pub kind: String,
    /// The person that stays.
    pub person: String,
    /// The other one.
    pub other: String,
}

/// Which column of a table to look in.
#[derive(Clone, Copy, Debug)]
pub enum By {
    /// The row's own key.
    Key,
    /// The person it belongs to.
    Person,
}

/// Persons by id.
///
/// # Errors
/// The database's, here and below.
pub fn persons(conn: &mut AnyConn, ids: &[&str]) -> Result<Vec<PersonRow>, StoreError> {
    Ok(load_by!(conn, persons, id, ids, PersonRow))
}

/// Ids of up to `limit` persons after `after`, in order, those that were merged into another left
/// out.
pub fn standing_after(
    conn: &mut AnyConn,
    after: &str,
    limit: i64,
) -> Result<Vec<String>, StoreError> {
    Ok(on_backend!(conn, |c| persons::table
        .filter(persons::id.gt(after))
        .filter(persons::merged_into.is_null())
        .filter(persons::erased_us.is_null())
        .select(persons::id)
        .order(persons::id)
        .limit(limit)
        .load(c))?)
}

/// How many persons there are, those that were merged into another left out.
pub fn count_standing(conn: &mut AnyConn) -> Result<i64, StoreError> {
    Ok(on_backend!(conn, |c| persons::table
        .filter(persons::merged_into.is_null())
        .filter(persons::erased_us.is_null())
        .count()
        .get_result(c))?)
}

/// Persons that were merged into any of these.
pub fn merged_into(conn: &mut AnyConn, ids: &[&str]) -> Result<Vec<PersonRow>, StoreError> {
    Ok(load_by!(conn, persons, merged_into, ids, PersonRow))
}

/// Partners' names for persons, by name or by person.
pub fn pairwise(conn: &mut AnyConn, by: By, keys: &[&str]) -> Result<Vec<PairwiseRow>, StoreError> {
    Ok(match by {
        By::Key => load_by!(conn, pairwise, id, keys, PairwiseRow),
        By::Person => load_by!(conn, pairwise, person, keys, PairwiseRow),
    })
}

/// The partners that have enrolled somebody.
pub fn enrollers(conn: &mut AnyConn) -> Result<BTreeSet<String>, StoreError> {
    let ids: Vec<String> =
        on_backend!(conn, |c| pairwise::table.select(pairwise::partner).distinct().load(c))?;
    Ok(ids.into_iter().collect())
}

/// Document look-ups by digest.
pub fn lookups(conn: &mut AnyConn, digests: &[&[u8]]) -> Result<Vec<LookupRow>, StoreError> {
    Ok(load_by!(conn, lookups, hmac, digests, LookupRow))
}

/// Document look-ups of persons.
pub fn lookups_of(conn: &mut AnyConn, persons: &[&str]) -> Result<Vec<LookupRow>, StoreError> {
    Ok(load_by!(conn, lookups, person, persons, LookupRow))
}

/// Forgotten persons, in order of their ids after `after`.
pub fn erased_after(conn: &mut AnyConn, after: &str) -> Result<Vec<PersonRow>, StoreError> {
    Ok(on_backend!(conn, |c| persons::table
        .filter(persons::erased_us.is_not_null())
        .filter(persons::id.gt(after))
        .order(persons::id)
        .limit(crate::store::PAGE_ROWS)
        .load(c))?)
}

/// Public keys of persons, by thumbprint or by person.
pub fn person_keys(
    conn: &mut AnyConn,
    by: By,
    keys: &[&str],
) -> Result<Vec<PersonKeyRow>, StoreError> {
    Ok(match by {
        By::Key => load_by!(conn, person_keys, thumbprint, keys, PersonKeyRow),
        By::Person => load_by!(conn, person_keys, person, keys, PersonKeyRow),
    })
}

/// Mandates of persons.
pub fn mandates(conn: &mut AnyConn, persons: &[&str]) -> Result<Vec<MandateRow>, StoreError> {
    Ok(load_by!(conn, mandates, person, persons, MandateRow))
}

/// Freezes of persons, lifted ones included.
pub fn freezes(conn: &mut AnyConn, persons: &[&str]) -> Result<Vec<FreezeRow>, StoreError> {
    Ok(load_by!(conn, freezes, person, persons, FreezeRow))
}

/// Every alias, merge, split and no-merge.
pub fn resolutions(conn: &mut AnyConn) -> Result<Vec<ResolutionRow>, StoreError> {
    Ok(on_backend!(conn, |c| resolutions::table.order(resolutions::idx).load(c))?)
}

/// The next persons in order of their ids.
pub fn persons_page(conn: &mut AnyConn, after: &str) -> Result<Vec<PersonRow>, StoreError> {
    Ok(page_after!(conn, persons, id, after, PersonRow))
}

/// The next of the partners' names for persons, in order.
pub fn pairwise_page(conn: &mut AnyConn, after: &str) -> Result<Vec<PairwiseRow>, StoreError> {
    Ok(page_after!(conn, pairwise, id, after, PairwiseRow))
}

/// The next keys of persons, in order of their thumbprints.
pub fn person_keys_page(conn: &mut AnyConn, after: &str) -> Result<Vec<PersonKeyRow>, StoreError> {
    Ok(page_after!(conn, person_keys, thumbprint, after, PersonKeyRow))
}

/// The next mandates in order of their ids.
pub fn mandates_page(conn: &mut AnyConn, after: &str) -> Result<Vec<MandateRow>, StoreError> {
    Ok(page_after!(conn, mandates, id, after, MandateRow))
}

/// The next freezes in order of their ids.
pub fn freezes_page(conn: &mut AnyConn, after: &str) -> Result<Vec<FreezeRow>, StoreError> {
    Ok(page_after!(conn, freezes, id, after, FreezeRow))
}

/// Keeps an alias, merge, split or no-merge.
pub fn insert_resolution(conn: &mut AnyConn, row: &ResolutionRow) -> Result<(), StoreError> {
    on_backend!(conn, |c| diesel::insert_into(resolutions::table).values(row).execute(c))?;
    Ok(())
}

/// Writes what a batch changed about persons.
pub fn write(conn: &mut AnyConn, change: &Change) -> Result<(), StoreError> {
    put_all!(conn, persons, id, &change.persons);
    insert_all!(conn, lookups, change.lookups);
    put_all!(conn, pairwise, id, &change.pairwise);
    put_all!(conn, person_keys, thumbprint, &change.keys);
    put_all!(conn, mandates, id, &change.mandates);
    put_all!(conn, freezes, id, &change.freezes);
    Ok(())
}

/// What a batch changed about persons.
#[derive(Debug, Default)]
#[allow(missing_docs, reason = "each field is a table")]
pub struct Change {
    pub persons: Vec<PersonRow>,
    pub lookups: Vec<LookupRow>,
    pub pairwise: Vec<PairwiseRow>,
    pub keys: Vec<PersonKeyRow>,
    pub mandates: Vec<MandateRow>,
    pub freezes: Vec<FreezeRow>,
}
