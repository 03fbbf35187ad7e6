//! What a record is called: its identity, the digest of what it says, the account it is of.

use crate::bureau::Engine;
use crate::collect::coverage::cover;
use crate::collect::rows::FactRow;
use crate::collect::{Observation, Operation};
use crate::kernel::Month;
use crate::kernel::bytes::{Digest, keyed};
use crate::store::StoreError;

/// Names a record (decisions.md 14). `holder` is the person that the furnisher's subject was made
/// for, not whom it stands for today: a merge or a split must not give a record another name.
pub fn identity(
    engine: &Engine,
    holder: &str,
    furnisher: &str,
    observation: &Observation,
) -> Digest {
    let (reference, period) = observation.fact.identity();
    let parts: [&[u8]; 6] = [
        b"fact",
        holder.as_bytes(),
        furnisher.as_bytes(),
        observation.fact.type_name().as_bytes(),
        reference.as_bytes(),
        period.as_bytes(),
    ];
    keyed(&engine.keys.index, &parts)
}

/// The digest by which the same bytes sent again are known. What an operator loaded has another
/// than what its furnisher signed: the one does not stand in for the other.
///
/// # Errors
/// The observation cannot be written.
pub fn digest(
    engine: &Engine,
    observation: &Observation,
    scored: bool,
) -> Result<Digest, StoreError> {
    let text =
        serde_json::to_vec(observation).map_err(|e| StoreError::inconsistent(e.to_string()))?;
    let kind: &[u8] = if scored { b"bytes" } else { b"bytes without signature" };
    Ok(keyed(&engine.keys.index, &[kind, &text]))
}

/// Names an account for telling which of its statements are there: sixteen bytes of a keyed digest.
pub fn account_id(engine: &Engine, holder: &str, furnisher: &str, account_key: &str) -> Vec<u8> {
    let parts: [&[u8]; 4] =
        [b"account", holder.as_bytes(), furnisher.as_bytes(), account_key.as_bytes()];
    keyed(&engine.keys.index, &parts).get(..16).unwrap_or_default().to_vec()
}

/// Who said it of whom: the person that the furnisher's subject was made for, whom they stand for
/// today, and the furnisher.
#[derive(Clone, Copy)]
pub struct Said<'a> {
    /// As in [`identity`].
    pub holder: &'a str,
    /// The person today.
    pub person: &'a str,
    /// The furnisher.
    pub furnisher: &'a str,
}

/// The last word on a record, as the entry `index` says it, under its identity and digest.
pub fn fact_row(
    engine: &Engine,
    said: Said<'_>,
    (identity, digest): (&Digest, &Digest),
    observation: &Observation,
    index: u64,
) -> FactRow {
    let cover = cover(&observation.fact);
    let number = |month: Month| i64::from(month.0);
    let key = observation.fact.account_key();
    FactRow {
        identity: identity.to_vec(),
        person: said.person.to_string(),
        digest: digest.to_vec(),
        deleted: observation.op == Operation::Delete,
        idx: index as i64,
        furnisher: said.furnisher.to_string(),
        account: key.map(|key| account_id(engine, said.holder, said.furnisher, key)),
        month: cover.and_then(|cover| cover.month).map(number),
        ends: cover.and_then(|cover| cover.ends).map(number),
    }
}
