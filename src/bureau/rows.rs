//! Nonces and kept answers in the database.

use std::collections::BTreeSet;

use diesel::prelude::*;

use crate::kernel::{Time, seal::Place};
use crate::ledger::body::{period_key_name, person_key_name};
use crate::store::schema::{batches, idempotency, nonces};
use crate::store::{AnyConn, StoreError, insert_all, load_by, on_backend};

/// Seconds for which a committed batch is remembered: longer than any writer asks for its own.
const BATCH_SECONDS: i64 = 3600;
/// Seconds for which a nonce is remembered beyond the last moment at which its signature is taken:
/// a request may wait that long between the door and the sequencer.
const NONCE_SECONDS: i64 = 180;
/// Seconds for which an answer is kept under its idempotency key.
pub const IDEMPOTENCY_SECONDS: i64 = 24 * 3600;

/// An answer kept under its idempotency key.
#[derive(Clone, Debug, Queryable, Insertable)]
#[diesel(table_name = idempotency, treat_none_as_default_value = false)]
pub struct IdempotencyRow {
    /// Who asked.
    pub principal: String,
    /// The key they chose.
    pub key: String,
    /// Digest of the request.
    pub request: Vec<u8>,
    /// `ok`, `created`, `problem`, or `inquiry`: the answer is kept with the inquiry.
    pub verdict: String,
    /// The answer's body, sealed; or the inquiry's id.
    pub body: Vec<u8>,
    /// The person it concerns, whose key seals it.
    pub person: Option<String>,
    /// The log's size when it was written; part of the seal's place.
    pub idx: i64,
    /// When.
    pub at_us: i64,
}

impl IdempotencyRow {
    /// The name of the key that seals the body.
    pub fn key_name(&self) -> String {
        match &self.person {
            Some(person) => person_key_name(person),
            None => period_key_name(Time::from_micros(self.at_us)),
        }
    }

    /// The inquiry that this answers, where its body is kept.
    pub fn inquiry(&self) -> Option<&str> {
        let id = std::str::from_utf8(&self.body).ok();
        id.filter(|_| self.verdict == "inquiry")
    }

    /// The row's own key in the seal's place: both parts, unambiguous.
    pub fn row_name(principal: &str, key: &str) -> String {
        format!("{}:{principal}:{key}", principal.len())
    }
}

/// Where a kept answer's body is sealed.
pub fn body_place(row: &str, index: u64) -> Place<'_> {
    Place { table: "idempotency", column: "body", row, index }
}

#[derive(Queryable, Insertable)]
#[diesel(table_name = nonces)]
struct NonceRow {
    keyid: String,
    nonce: String,
    until_us: i64,
}

/// Which of these nonces were seen before.
///
/// # Errors
/// The database's, here and below.
pub fn seen(
    conn: &mut AnyConn,
    asked: &BTreeSet<(String, String)>,
) -> Result<BTreeSet<(String, String)>, StoreError> {
    let texts: Vec<&str> = asked.iter().map(|(_, nonce)| nonce.as_str()).collect();
    let rows = load_by!(conn, nonces, nonce, texts, NonceRow);
    let found = rows.into_iter().map(|row| (row.keyid, row.nonce));
    Ok(found.filter(|pair| asked.contains(pair)).collect())
}

/// Answers given earlier under these keys.
pub fn earlier(
    conn: &mut AnyConn,
    asked: &BTreeSet<(String, String)>,
) -> Result<Vec<IdempotencyRow>, StoreError> {
    let keys: Vec<&str> = asked.iter().map(|(_, key)| key.as_str()).collect();
    let mut rows = load_by!(conn, idempotency, key, keys, IdempotencyRow);
    rows.retain(|row| asked.contains(&(row.principal.clone(), row.key.clone())));
    Ok(rows)
}

/// Keeps nonces and answers.
pub fn keep(
    conn: &mut AnyConn,
    fresh: &[(String, String, Time)],
    answers: &[IdempotencyRow],
) -> Result<(), StoreError> {
    let rows: Vec<NonceRow> = fresh
        .iter()
        .map(|(keyid, nonce, until)| NonceRow {
            keyid: keyid.clone(),
            nonce: nonce.clone(),
            until_us: until.micros(),
        })
        .collect();
    insert_all!(conn, nonces, rows);
    insert_all!(conn, idempotency, answers);
    Ok(())
}

/// Marks a batch within its own transaction, so that it can be recognised after the answer to its
/// commit was lost.
pub fn mark_batch(conn: &mut AnyConn, batch: &str, now: Time) -> Result<(), StoreError> {
    let values = (batches::id.eq(batch), batches::at_us.eq(now.micros()));
    on_backend!(conn, |c| diesel::insert_into(batches::table).values(values).execute(c))?;
    Ok(())
}

/// Whether a batch was committed, whatever was written after it.
pub fn batch_committed(conn: &mut AnyConn, batch: &str) -> Result<bool, StoreError> {
    let found: i64 =
        on_backend!(conn, |c| batches::table.filter(batches::id.eq(batch)).count().get_result(c))?;
    Ok(found == 1)
}

/// Forgets nonces that can no longer be replayed, answers older than a day, and old batches.
pub fn sweep(conn: &mut AnyConn, now: Time) -> Result<(), StoreError> {
    let batches_before = now.plus_seconds(-BATCH_SECONDS).micros();
    on_backend!(conn, |c| diesel::delete(
        batches::table.filter(batches::at_us.lt(batches_before))
    )
    .execute(c))?;
    let answers_before = now.plus_seconds(-IDEMPOTENCY_SECONDS).micros();
    let nonces_before = now.plus_seconds(-NONCE_SECONDS).micros();
    on_backend!(conn, |c| diesel::delete(
        nonces::table.filter(nonces::until_us.lt(nonces_before))
    )
    .execute(c))?;
    on_backend!(conn, |c| diesel::delete(
        idempotency::table.filter(idempotency::at_us.lt(answers_before))
    )
    .execute(c))?;
    Ok(())
}
