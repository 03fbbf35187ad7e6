//! Matters, barred records and events in the unit of work: sealed, kept in step, told.

use serde_json::{Map, Value, json};

use super::Engine;
use super::admission::{Admission, Principal};
use super::authority::pack_of;
use super::work::Work;
use crate::collect::Observation;
use crate::kernel::bytes::{Digest, keyed};
use crate::kernel::seal::{Place, SealKey};
use crate::kernel::{Time, id};
use crate::ledger::body::{period_key_name, person_key_name};
use crate::policy::{Action, Deadlined, Pack, Remedies};
use crate::rights::rows::{BarredRow, ContestedRow, EVENTS_PER_ENTRY, EventRow, MatterRow};
use crate::store::StoreError;

/// Something that somebody is to be told.
pub struct Told {
    /// A partner's or a person's id.
    pub recipient: String,
    /// What kind.
    pub kind: &'static str,
    /// What it says.
    pub body: Value,
}

impl Told {
    /// Something for `recipient`.
    pub fn new(recipient: &str, kind: &'static str, body: Value) -> Told {
        Told { recipient: recipient.to_string(), kind, body }
    }
}

fn matter_place(id: &str, index: u64) -> Place<'_> {
    Place { table: "matters", column: "sealed", row: id, index }
}

fn event_place(id: &str, index: u64) -> Place<'_> {
    Place { table: "events", column: "body", row: id, index }
}

/// The pack of a person's residence.
pub fn pack_for<'e>(engine: &'e Engine, residence: &str) -> Option<&'e Pack> {
    pack_of(residence).and_then(|id| engine.rules.pack(id))
}

/// What that pack lets a person demand.
pub fn remedies_for<'e>(engine: &'e Engine, residence: &str) -> Option<&'e Remedies> {
    pack_for(engine, residence).and_then(Pack::remedies)
}

/// When something that begins at `from` is due under the pack of a residence.
pub fn due(engine: &Engine, residence: &str, what: Deadlined, from: Time) -> Option<Time> {
    let pack = pack_for(engine, residence)?;
    let deadline = pack.remedies()?.deadline(what)?;
    Some(deadline.due(from, pack.utc_offset_hours))
}

/// Opens what a matter says.
///
/// # Errors
/// It does not open with this key.
pub fn open(row: &MatterRow, key: &SealKey) -> Result<Value, StoreError> {
    let text = key
        .open(matter_place(&row.id, row.idx as u64), &row.sealed)
        .map_err(|e| StoreError::inconsistent(e.to_string()))?;
    serde_json::from_slice(&text).map_err(|e| StoreError::inconsistent(e.to_string()))
}

/// Opens what an event says.
///
/// # Errors
/// It does not open with this key.
pub fn open_event(row: &EventRow, key: &SealKey) -> Result<Value, StoreError> {
    let text = key
        .open(event_place(&row.id.to_string(), row.idx as u64), &row.body)
        .map_err(|e| StoreError::inconsistent(e.to_string()))?;
    serde_json::from_slice(&text).map_err(|e| StoreError::inconsistent(e.to_string()))
}

/// The name of the key that seals an event.
pub fn event_key(row: &EventRow) -> String {
    row.person.as_deref().map_or_else(|| row.period.clone(), person_key_name)
}

/// Seals a matter's content for its place.
pub fn seal(engine: &Engine, key: &SealKey, id: &str, index: u64, content: &Value) -> Vec<u8> {
    key.seal(&engine.env, matter_place(id, index), content.to_string().as_bytes())
}

/// Seals an event's body for its place.
pub fn seal_event(engine: &Engine, key: &SealKey, id: i64, index: u64, body: &Value) -> Vec<u8> {
    key.seal(&engine.env, event_place(&id.to_string(), index), body.to_string().as_bytes())
}

/// The digest under which a record is barred, whatever it says.
pub fn bar_id(engine: &Engine, identity: &[u8]) -> Digest {
    keyed(&engine.keys.index, &[b"barred", identity, b""])
}

/// What a record says, member by member, without what changes from one sending to the next.
fn said(observation: &Observation) -> Map<String, Value> {
    const PASSING: [&str; 8] = [
        "op",
        "subject",
        "basis",
        "synthetic",
        "date_of_information",
        "special_comment",
        "written_consent",
        "adverse_notice",
    ];
    let value = serde_json::to_value(observation).unwrap_or_default();
    let Value::Object(mut members) = value else { return Map::new() };
    members.retain(|name, _| !PASSING.contains(&name.as_str()));
    members
}

fn member_id(engine: &Engine, identity: &[u8], name: &str, value: &Value) -> Digest {
    let text = value.to_string();
    keyed(&engine.keys.index, &[b"refuted", identity, name.as_bytes(), text.as_bytes()])
}

/// A bar against the record, or against what one member of it says.
pub fn bar(id: Digest, identity: &[u8], reason: &str, member: Option<String>) -> BarredRow {
    BarredRow {
        id: id.to_vec(),
        identity: identity.to_vec(),
        reason: reason.to_string(),
        idx: 0,
        lifted_idx: None,
        member,
    }
}

/// Bars against every member of `wrong` that `right` says otherwise. The same error in a later
/// file, with another date or notice, is the same error.
pub fn refuted(
    engine: &Engine,
    identity: &[u8],
    wrong: &Observation,
    right: &Observation,
) -> Vec<BarredRow> {
    let right = said(right);
    said(wrong)
        .into_iter()
        .filter(|(name, value)| right.get(name) != Some(value))
        .map(|(name, value)| {
            let id = member_id(engine, identity, &name, &value);
            bar(id, identity, "refuted", Some(name))
        })
        .collect()
}

/// Why this record may not be sent again, if it may not.
pub fn bar_against(
    work: &Work<'_>,
    identity: &[u8],
    observation: &Observation,
) -> Option<(&'static str, &'static str)> {
    let said = said(observation);
    let stands = |row: &&BarredRow| {
        let is = |id: Digest| row.id == id;
        row.lifted_idx.is_none()
            && row.identity == identity
            && match &row.member {
                Some(name) => said
                    .get(name)
                    .is_some_and(|value| is(member_id(work.engine, identity, name, value))),
                None => is(bar_id(work.engine, identity)),
            }
    };
    let bar = work.loaded.barred.values().find(stands)?;
    Some(match bar.reason.as_str() {
        "refuted" => {
            ("record_refuted", "the person objected to this and it was found wrong: send it right")
        }
        "deleted" => (
            "reinsertion_uncertified",
            "it was taken out after an objection: certify it in an answer to that dispute",
        ),
        _ => ("obsolete_reimport", "it was forgotten when its time was over: do not send it again"),
    })
}

/// What the person is told of an act that an agent did for them; nothing of their own.
pub fn acted_for(admission: &Admission, person: &str, act: Action, of: &str) -> Vec<Told> {
    let Principal::Partner(by) = &admission.principal else { return Vec::new() };
    let body = json!({ "act": act.name(), "of": of, "by": by });
    vec![Told::new(person, "acted_for_you", body)]
}

impl Work<'_> {
    /// A fresh id with this prefix.
    pub fn mint(&self, prefix: &str) -> String {
        id::mint(&self.engine.env, prefix)
    }

    /// Writes a matter, its content sealed under the person's key by the entry `index`.
    ///
    /// # Errors
    /// The person has no key.
    pub fn put_matter(
        &mut self,
        mut row: MatterRow,
        content: &Value,
        index: u64,
    ) -> Result<(), StoreError> {
        let key = self.key(&person_key_name(&row.person))?.clone();
        row.sealed = seal(self.engine, &key, &row.id, index, content);
        row.idx = index as i64;
        self.loaded.matters.insert(row.id.clone(), row.clone());
        self.rights().matters.push(row);
        Ok(())
    }

    /// What a matter says.
    ///
    /// # Errors
    /// It does not open.
    pub fn matter(&self, row: &MatterRow) -> Result<Value, StoreError> {
        open(row, self.key(&person_key_name(&row.person))?)
    }

    /// Writes an item of a dispute.
    pub fn put_contested(&mut self, row: ContestedRow) {
        self.loaded.contested.insert(row.id.clone(), row.clone());
        self.rights().contested.push(row);
    }

    /// Bars a record, or lets it in again.
    pub fn put_barred(&mut self, row: BarredRow) {
        self.loaded.barred.insert(row.id.clone(), row.clone());
        self.rights().barred.push(row);
    }

    /// Tells what the entry `index` made known; `person` is whom it concerns.
    ///
    /// # Errors
    /// The person has no key.
    pub fn tell(
        &mut self,
        told: Vec<Told>,
        person: Option<&str>,
        index: u64,
    ) -> Result<(), StoreError> {
        let key = self.key_for(person)?;
        let period = period_key_name(self.now);
        let at_us = self.now.micros();
        for one in told {
            let idx = index as i64;
            let before = self.rights().events.iter().filter(|event| event.idx == idx).count();
            let id = idx * EVENTS_PER_ENTRY + before as i64;
            let body = seal_event(self.engine, &key, id, index, &one.body);
            let (recipient, kind) = (one.recipient, one.kind.to_string());
            let (person, period) = (person.map(str::to_string), period.clone());
            self.rights().events.push(EventRow {
                id,
                recipient,
                kind,
                person,
                period,
                body,
                idx,
                at_us,
            });
        }
        Ok(())
    }
}

/// An event as its recipient reads it.
pub fn shown(row: &EventRow, body: Option<Value>) -> Value {
    let mut event = json!({
        "id": row.id, "kind": row.kind, "at": Time::from_micros(row.at_us), "index": row.idx,
    });
    match body {
        Some(body) => event["about"] = body,
        // The person was forgotten since.
        None => event["gone"] = Value::Bool(true),
    }
    event
}
