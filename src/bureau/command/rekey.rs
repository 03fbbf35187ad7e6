//! A person's file under a fresh key: whoever still has the old key, in a copy of the databases,
//! reads with it neither what was purged nor what was handed over to somebody else.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Fault;
use crate::bureau::matter;
use crate::bureau::work::{Work, answer_place, artefact_place};
use crate::consent::rows as consent_rows;
use crate::inquiry::rows as inquiry_rows;
use crate::kernel::seal::{SealBroken, SealKey};
use crate::ledger::body::{PersonalPart, open_part, person_key_name, seal_part};
use crate::ledger::rows as ledger_rows;
use crate::rights::rows::{self as rights_rows, Purge};
use crate::store::StoreError;

/// What does not stay under a person's key when another takes its place.
#[derive(Default)]
pub struct Leaving<'a> {
    /// Entries whose content goes.
    pub gone: &'a [i64],
    /// Their names in the table of last words.
    pub facts: Vec<Vec<u8>>,
    /// Entries that are somebody else's from now on, and whose.
    pub handed: BTreeMap<i64, String>,
}

fn broken(error: SealBroken) -> StoreError {
    StoreError::inconsistent(error.to_string())
}

/// Seals what stays of one person's under a fresh key.
///
/// # Errors
/// The database's, or something does not open under the old one.
pub fn rekey(work: &mut Work<'_>, id: &str, leaving: &Leaving<'_>) -> Result<(), Fault> {
    let name = person_key_name(id);
    work.replace_key(&name)?;
    let key: SealKey = work.key(&name)?.clone();
    let engine = work.engine;
    let env = &engine.env;
    let mut purge = Purge { person: id.to_string(), ..Purge::default() };
    for row in ledger_rows::all_about(work.conn, &[id])? {
        if row.personal.is_empty() {
            continue;
        }
        if leaving.gone.contains(&row.idx) {
            purge.gone.push(row.idx);
            continue;
        }
        let index = row.idx.unsigned_abs();
        let part: PersonalPart =
            open_part(&key, "personal", index, &row.personal).map_err(broken)?;
        let owner = leaving.handed.get(&row.idx).map_or(id, String::as_str);
        let sealer = if owner == id { &key } else { work.key(&person_key_name(owner))? };
        let sealed = seal_part(env, sealer, "personal", index, &part);
        purge.bodies.push((row.idx, owner.to_string(), sealed));
    }
    purge.facts = leaving.facts.clone();
    let vault = work.identity(id)?;
    if let Some(row) = work.loaded.persons.get(id).cloned() {
        let index = row.idx.unsigned_abs();
        work.put_person(row, &vault, index)?;
    }
    for mut row in consent_rows::by_person(work.conn, &[id])? {
        let place = artefact_place(&row.id, row.idx.unsigned_abs());
        let plain = key.open(place, &row.artefact).map_err(broken)?;
        row.artefact = key.seal(env, place, &plain);
        work.put_consent(row);
    }
    for row in inquiry_rows::by_person(work.conn, &[id])? {
        let place = answer_place(&row.id, row.idx.unsigned_abs());
        let plain = key.open(place, &row.answer).map_err(broken)?;
        let sealed = key.seal(env, place, &plain);
        purge.answers.push((row.id, sealed));
    }
    for row in rights_rows::matters_of(work.conn, &[id])? {
        let content: Value = matter::open(&row, &key)?;
        let index = row.idx.unsigned_abs();
        work.put_matter(row, &content, index)?;
    }
    for row in rights_rows::events_of(work.conn, &[id])? {
        let body = matter::open_event(&row, &key)?;
        let sealed = matter::seal_event(engine, &key, row.id, row.idx.unsigned_abs(), &body);
        purge.events.push((row.id, sealed));
    }
    // Whoever stands for the person is folded anew after this; another is sealed as they are.
    if work.loaded.profiles.contains_key(id) {
        work.folded(id)?.dirty = true;
    }
    work.rights().purged.push(purge);
    Ok(())
}
