//! Tombstones: keyed marks by which a record of somebody forgotten is known when its furnisher
//! sends it again (data-model.md). They hang on the person's documents, which only the person's
//! next enrolment would bring back, and tell nothing to whoever has not the index key.

use std::collections::{BTreeMap, BTreeSet};

use super::Engine;
use super::command::Fault;
use super::command::refold::Logged;
use super::work::Work;
use crate::collect::Observation;
use crate::kernel::bytes::keyed;
use crate::rights::rows as rights_rows;
use crate::subject::rows as subject_rows;

/// One mark: its id, and its group.
pub type Mark = (Vec<u8>, Vec<u8>);

/// The group of marks of one document.
fn group(engine: &Engine, document: &[u8]) -> Vec<u8> {
    keyed(&engine.keys.index, &[b"tombstones", document]).to_vec()
}

/// The mark of one record of the holder of one document.
fn mark(engine: &Engine, document: &[u8], furnisher: &str, observation: &Observation) -> Vec<u8> {
    let (reference, period) = observation.fact.identity();
    let parts: [&[u8]; 6] = [
        b"tombstone",
        document,
        furnisher.as_bytes(),
        observation.fact.type_name().as_bytes(),
        reference.as_bytes(),
        period.as_bytes(),
    ];
    keyed(&engine.keys.index, &parts).to_vec()
}

/// The marks of all records about persons: id and group.
///
/// # Errors
/// The database's.
pub fn all(work: &mut Work<'_>, persons: &[&str], logged: &[Logged]) -> Result<Vec<Mark>, Fault> {
    let documents = subject_rows::lookups_of(work.conn, persons)?;
    let engine = work.engine;
    let mut marks = BTreeMap::new();
    for row in &documents {
        for one in logged {
            let id = mark(engine, &row.hmac, &one.furnisher, &one.observation);
            marks.insert(id, group(engine, &row.hmac));
        }
    }
    Ok(marks.into_iter().collect())
}

/// The marks that stand against the persons of an upload, by person: usually none at all.
#[derive(Default)]
pub struct Tombs {
    documents: BTreeMap<String, Vec<Vec<u8>>>,
    marks: BTreeSet<Vec<u8>>,
}

impl Tombs {
    /// Reads what stands against `persons`.
    ///
    /// # Errors
    /// The database's.
    pub fn of(work: &mut Work<'_>, persons: &BTreeSet<String>) -> Result<Tombs, Fault> {
        let mut tombs = Tombs::default();
        if !rights_rows::has_tombstones(work.conn)? {
            return Ok(tombs);
        }
        let ids: Vec<&str> = persons.iter().map(String::as_str).collect();
        let engine = work.engine;
        let rows = subject_rows::lookups_of(work.conn, &ids)?;
        let groups: Vec<Vec<u8>> = rows.iter().map(|row| group(engine, &row.hmac)).collect();
        let groups: Vec<&[u8]> = groups.iter().map(Vec::as_slice).collect();
        let standing = rights_rows::barred_of(work.conn, &groups)?;
        tombs.marks = standing.into_iter().map(|row| row.id).collect();
        if !tombs.marks.is_empty() {
            for row in rows {
                tombs.documents.entry(row.person).or_default().push(row.hmac);
            }
        }
        Ok(tombs)
    }

    /// Whether this record was forgotten with the person.
    pub fn holds(
        &self,
        engine: &Engine,
        person: &str,
        furnisher: &str,
        observation: &Observation,
    ) -> bool {
        let documents = self.documents.get(person).map(Vec::as_slice).unwrap_or_default();
        documents
            .iter()
            .any(|document| self.marks.contains(&mark(engine, document, furnisher, observation)))
    }
}
