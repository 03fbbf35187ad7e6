//! The log itself, read in chunks: leaves, bodies, checkpoints, and the rows that belong to one
//! entry each.

use std::collections::BTreeMap;

use serde_json::Value;

use super::expected::{Entry, Expected};
use super::{AuditReport, Progress, rules};
use crate::bureau::Bureau;
use crate::bureau::command::inquire::answer_key;
use crate::bureau::command::observe;
use crate::bureau::work::{answer_place, artefact_place};
use crate::collect::Observation;
use crate::collect::rows::{self as fact_rows, FactRow};
use crate::consent::Artefact;
use crate::consent::rows::{self as consent_rows, ConsentRow};
use crate::inquiry::rows::{self as inquiry_rows, InquiryRow, OutcomeRow};
use crate::kernel::Time;
use crate::kernel::bytes::{base64, hex};
use crate::kernel::seal::SealKey;
use crate::ledger::body::{
    Body, PersonalPart, RecordPart, SealedRecord, detail_digest, evidence_of, open_part,
    person_key_name,
};
use crate::ledger::checkpoint::Checkpoint;
use crate::ledger::commitment::Opening;
use crate::ledger::leaf::Leaf;
use crate::ledger::rows::{self as ledger_rows, BodyRow, EntryRow, Head};
use crate::ledger::tree::{CompactRange, leaf_hash};
use crate::score::rows as score_rows;
use crate::store::{AnyConn, StoreError};
use crate::subject::rows::{self as subject_rows, By};

/// Entries read at a time.
const CHUNK: u64 = 512;

/// One pass over the log.
pub(super) struct Pass<'a> {
    bureau: &'a Bureau,
    head: &'a Head,
    published: Option<Checkpoint>,
    report: &'a mut AuditReport,
    expected: &'a mut Expected,
    tree: CompactRange,
    last: Option<Time>,
    last_us: i64,
}

impl<'a> Pass<'a> {
    pub fn new(
        bureau: &'a Bureau,
        head: &'a Head,
        published: Option<Checkpoint>,
        report: &'a mut AuditReport,
        expected: &'a mut Expected,
    ) -> Pass<'a> {
        let tree = CompactRange::new();
        Pass { bureau, head, published, report, expected, tree, last: None, last_us: i64::MIN }
    }

    pub fn run(&mut self, conn: &mut AnyConn, progress: Progress<'_>) -> Result<(), StoreError> {
        let size = self.head.size;
        let mut from = 0;
        while from < size {
            let to = size.min(from + CHUNK);
            self.chunk(conn, from, to)?;
            from = to;
            progress("entries", from, size);
        }
        self.report.entries = self.tree.size();
        self.end(conn, size)
    }

    /// What must hold once everything is read, and what must not lie beyond it.
    fn end(&mut self, conn: &mut AnyConn, size: u64) -> Result<(), StoreError> {
        let holds = self.tree.size() == size && self.tree.root() == self.head.frontier.root();
        let why = "the leaves do not give the root that the head holds";
        self.report.hold(holds, "log_head", size, why);
        let why = "the head's time is not that of the last entry";
        self.report.hold(size == 0 || self.head.at.micros() == self.last_us, "log_head", size, why);
        let beyond = i64::MAX.unsigned_abs();
        let why = "it lies beyond the head";
        for row in ledger_rows::leaves(conn, size, beyond)? {
            self.report.add("entries", row.idx, why);
        }
        for row in ledger_rows::bodies(conn, size, beyond)? {
            self.report.add("bodies", row.idx, why);
        }
        for (covered, _) in ledger_rows::checkpoints_between(conn, size + 1, beyond)? {
            self.report.add("checkpoints", covered, why);
        }
        for row in inquiry_rows::between(conn, size, beyond)? {
            self.report.add("inquiries", row.id, why);
        }
        for row in score_rows::marks_between(conn, size, beyond)? {
            self.report.add("inquiry_marks", row.idx, why);
        }
        let published = self.published.as_ref().map_or(0, |checkpoint| checkpoint.size);
        let why = "the published log has entries that the database has not";
        self.report.hold(published <= size, "published log", published, why);
        Ok(())
    }

    fn chunk(&mut self, conn: &mut AnyConn, from: u64, to: u64) -> Result<(), StoreError> {
        let leaves = ledger_rows::leaves(conn, from, to)?;
        let mut bodies: BTreeMap<i64, BodyRow> =
            ledger_rows::bodies(conn, from, to)?.into_iter().map(|row| (row.idx, row)).collect();
        let checkpoints: BTreeMap<u64, String> =
            ledger_rows::checkpoints_between(conn, from + 1, to + 1)?.into_iter().collect();
        let inquiries = inquiry_rows::between(conn, from, to)?;
        let keys = self.keys(bodies.values(), &inquiries)?;
        let mut leaves = leaves.into_iter().map(|row| (row.idx, row)).collect::<BTreeMap<_, _>>();
        let mut entries = Vec::new();
        for index in from..to {
            let Some(row) = leaves.remove(&(index as i64)) else {
                self.report.add("entries", index, "there is no such entry");
                continue;
            };
            let body = bodies.remove(&row.idx);
            if let Some(entry) = self.entry(index, &row, body, &keys) {
                self.expected.take(&entry);
                entries.push(entry);
            }
            if let Some(note) = checkpoints.get(&self.tree.size()) {
                self.checkpoint(note);
            }
            let shown = self.published.as_ref().filter(|c| c.size == self.tree.size());
            let holds = shown.is_none_or(|shown| shown.root == self.tree.root());
            let why = "the published tree is not the tree of the database";
            self.report.hold(holds, "published log", index + 1, why);
        }
        self.facts(conn, &entries)?;
        self.consents(conn, &entries, &keys)?;
        self.inquiries(&entries, inquiries, &keys);
        self.marks(conn, &entries, from, to)?;
        self.outcomes(conn, &entries)
    }

    fn keys<'r>(
        &self,
        bodies: impl Iterator<Item = &'r BodyRow>,
        inquiries: &[InquiryRow],
    ) -> Result<BTreeMap<String, SealKey>, StoreError> {
        let mut names: Vec<String> = inquiries.iter().map(answer_key).collect();
        for row in bodies {
            names.push(row.period.clone());
            if row.personal.is_empty() {
                continue;
            }
            names.extend(row.person.as_deref().map(person_key_name));
        }
        names.sort_unstable();
        names.dedup();
        self.bureau.keystore.get(names.iter().map(String::as_str))
    }

    /// One entry: its leaf, its body, and whether the two belong together.
    fn entry(
        &mut self,
        index: u64,
        row: &EntryRow,
        body: Option<BodyRow>,
        keys: &BTreeMap<String, SealKey>,
    ) -> Option<Entry> {
        self.tree.append(leaf_hash(&row.leaf));
        let leaf = match Leaf::parse(&row.leaf) {
            Ok(leaf) => leaf,
            Err(error) => {
                self.report.add("entries", index, error.to_string());
                return None;
            }
        };
        let forward = self.last.is_none_or(|last| last <= leaf.time);
        self.report.hold(forward, "entries", index, "it is earlier than the entry before it");
        self.last = Some(leaf.time);
        let Some(body) = body else {
            self.report.add("bodies", index, "there is no body for this entry");
            return None;
        };
        if body.personal.is_empty() {
            self.forgotten(index, &body, &leaf, keys);
            return None;
        }
        let at = Time::from_micros(body.at_us);
        let same = at.seconds() == leaf.time.seconds() && body.at_us >= self.last_us;
        self.report.hold(same, "bodies", index, "its time is not that of its leaf, or goes back");
        self.last_us = body.at_us;
        let why = "its exact kind does not show the kind of its leaf";
        self.report.hold(rules::fits(&body.kind, leaf.kind), "bodies", index, why);
        let opened = self.open(index, &body, keys)?;
        let why = "its commitment is not the one in its leaf";
        self.report.hold(opened.commitment() == leaf.commitment, "bodies", index, why);
        self.read(index, row, body, &opened)
    }

    /// An entry whose personal part was forgotten: its record still proves it, and a certificate
    /// must name it.
    fn forgotten(
        &mut self,
        index: u64,
        body: &BodyRow,
        leaf: &Leaf,
        keys: &BTreeMap<String, SealKey>,
    ) {
        self.expected.gone.insert(index as i64);
        self.last_us = body.at_us;
        let sealed = keys
            .get(&body.period)
            .and_then(|key| open_part::<SealedRecord>(key, "record", index, &body.record).ok());
        let holds = sealed.is_some_and(|sealed| {
            let SealedRecord { part, personal_hash } = sealed;
            // A certificate about somebody who was forgotten later still names what is gone.
            if let Ok(record) = serde_json::from_str::<Value>(&part.text) {
                self.expected.certify(&record);
                if body.kind == "refused" {
                    self.expected.alert(index, &record, body.at_us);
                }
            }
            let opening = Opening { salt: part.salt, record: part.text, personal_hash };
            opening.commitment() == leaf.commitment
        });
        let why = "its record and the digest of what was forgotten do not give its commitment";
        self.report.hold(holds, "bodies", index, why);
    }

    fn open(
        &mut self,
        index: u64,
        body: &BodyRow,
        keys: &BTreeMap<String, SealKey>,
    ) -> Option<Body> {
        let person = body.person.as_deref().map(person_key_name);
        let personal = person.as_deref().unwrap_or(&body.period);
        for name in [body.period.as_str(), personal] {
            if !keys.contains_key(name) {
                self.report.add("keys", name, format!("it is missing; entry {index} needs it"));
            }
        }
        let record =
            open_part::<RecordPart>(keys.get(&body.period)?, "record", index, &body.record);
        let part =
            open_part::<PersonalPart>(keys.get(personal)?, "personal", index, &body.personal);
        match (record, part) {
            (Ok(record), Ok(personal)) => Some(Body::of(record, personal)),
            (record, personal) => {
                let error = record.err().or(personal.err()).map(|e| e.to_string());
                self.report.add("bodies", index, error.unwrap_or_default());
                None
            }
        }
    }

    fn read(&mut self, index: u64, row: &EntryRow, body: BodyRow, opened: &Body) -> Option<Entry> {
        let parse = |text: &str| match text {
            "" => Some(Value::Null),
            text => serde_json::from_str::<Value>(text).ok(),
        };
        let parts = (
            parse(&opened.record.text),
            parse(&opened.record.detail),
            parse(&opened.personal.text),
        );
        let (Some(record), Some(detail), Some(personal)) = parts else {
            self.report.add("bodies", index, "a part of it is not JSON");
            return None;
        };
        let digest = detail_digest(&opened.record.detail_salt, &opened.record.detail);
        let fits = match record["detail"].as_str() {
            Some(held) => held == base64(&digest) && !opened.record.detail.is_empty(),
            None => opened.record.detail.is_empty(),
        };
        self.report.hold(fits, "bodies", index, "its detail is not the one its record holds");
        let same = record["kind"] == body.kind.as_str();
        self.report.hold(same, "bodies", index, "its row names another kind than its record");
        let named = personal["person"].as_str();
        let owner = body.person.as_deref();
        let owner = owner.map(|name| evidence_of(name).unwrap_or(name));
        let same = personal.is_null() || named.is_none() || named == owner;
        let same = same || self.moved(index, &body, &personal, owner);
        self.report.hold(same, "bodies", index, "its row names another person than its body");
        let leads = body.person.as_deref().is_some_and(|id| opened.record.text.contains(id));
        self.report.hold(!leads, "bodies", index, "its record leads to the person");
        Some(Entry {
            index,
            at_us: body.at_us,
            kind: body.kind,
            person: body.person,
            leaf: String::from_utf8_lossy(&row.leaf).into_owned(),
            text: opened.record.text.clone(),
            record,
            detail,
            personal,
        })
    }

    /// Whether an observation lies with whom it was sent about, and not with whom it was recorded
    /// for: the two were held to be one, and a split must say that it was handed over.
    fn moved(&mut self, index: u64, body: &BodyRow, personal: &Value, owner: Option<&str>) -> bool {
        let subject = personal["observation"]["subject"].as_str().unwrap_or_default();
        let holder = self.expected.pairwise.get(subject).map(|row| row.person.as_str());
        let moved = body.kind == "observation" && (holder.is_none() || holder == owner);
        if moved {
            self.expected.moved.insert(index as i64);
        }
        moved
    }

    fn checkpoint(&mut self, note: &str) {
        self.report.checkpoints += 1;
        let size = self.tree.size();
        let keys = self.bureau.engine.keys.log_verifiers_ever();
        match Checkpoint::open(note, &keys, &[]) {
            Ok(opened) => {
                let says = opened.checkpoint;
                let holds = says.size == size
                    && says.root == self.tree.root()
                    && says.origin == self.head.origin;
                let why = "it does not say what the entries give";
                self.report.hold(holds, "checkpoints", size, why);
            }
            Err(error) => self.report.add("checkpoints", size, error.to_string()),
        }
    }

    /// Each observation against the last word on its record.
    fn facts(&mut self, conn: &mut AnyConn, entries: &[Entry]) -> Result<(), StoreError> {
        let engine = &self.bureau.engine;
        let mut read = Vec::new();
        for entry in entries.iter().filter(|e| e.kind == "observation" && !e.is_evidence()) {
            self.report.observations += 1;
            match serde_json::from_value::<Observation>(entry.personal["observation"].clone()) {
                Ok(observation) => read.push((entry, observation)),
                Err(error) => self.report.add("bodies", entry.index, error.to_string()),
            }
        }
        let mut subjects: Vec<&str> = read.iter().map(|(_, o)| o.subject.as_str()).collect();
        subjects.sort_unstable();
        subjects.dedup();
        let holders: BTreeMap<String, String> = subject_rows::pairwise(conn, By::Key, &subjects)?
            .into_iter()
            .map(|row| (row.id, row.person))
            .collect();
        let mut named = Vec::new();
        for (entry, observation) in &read {
            let Some(holder) = holders.get(&observation.subject) else {
                self.report.add("pairwise", &observation.subject, "there is no such subject");
                continue;
            };
            let furnisher = entry.holds("furnisher");
            let identity = observe::identity(engine, holder, furnisher, observation);
            named.push((*entry, observation, holder.as_str(), identity));
        }
        let identities: Vec<&[u8]> = named.iter().map(|(_, _, _, id)| id.as_slice()).collect();
        let rows: BTreeMap<Vec<u8>, FactRow> = fact_rows::facts(conn, &identities)?
            .into_iter()
            .map(|row| (row.identity.clone(), row))
            .collect();
        for (entry, observation, holder, identity) in named {
            let scored = entry.personal["scored"] != false;
            let digest = observe::digest(engine, observation, scored)?;
            let said = observe::Said {
                holder,
                person: entry.person.as_deref().unwrap_or_default(),
                furnisher: entry.holds("furnisher"),
            };
            let digests = (&identity, &digest);
            let wanted = observe::fact_row(engine, said, digests, observation, entry.index);
            self.fact(entry, &wanted, rows.get(identity.as_slice()));
        }
        Ok(())
    }

    fn fact(&mut self, entry: &Entry, wanted: &FactRow, row: Option<&FactRow>) {
        let name = hex(&wanted.identity);
        let Some(row) = row.filter(|row| row.idx >= entry.index as i64) else {
            let why = format!("it does not know of entry {}", entry.index);
            self.report.add("facts", name, why);
            return;
        };
        if row.idx > entry.index as i64 {
            return;
        }
        self.expected.facts += 1;
        let why = format!("it is not what entry {} says", entry.index);
        self.report.hold(row == wanted, "facts", name, &why);
    }

    /// What a consent was given for; how it stands is compared at the end.
    fn consents(
        &mut self,
        conn: &mut AnyConn,
        entries: &[Entry],
        keys: &BTreeMap<String, SealKey>,
    ) -> Result<(), StoreError> {
        let given: Vec<&Entry> = entries.iter().filter(|e| e.kind == "consent_given").collect();
        let ids: Vec<&str> = given.iter().map(|e| e.holds("consent")).collect();
        let rows: BTreeMap<String, ConsentRow> =
            consent_rows::by_id(conn, &ids)?.into_iter().map(|row| (row.id.clone(), row)).collect();
        for entry in given {
            let id = entry.holds("consent");
            let Some(row) = rows.get(id) else {
                self.report.add("consents", id, "the row is missing");
                continue;
            };
            let why = format!("it is not what entry {} says", entry.index);
            self.report.hold(consent_fits(entry, row, keys), "consents", id, &why);
        }
        Ok(())
    }

    fn inquiries(
        &mut self,
        entries: &[Entry],
        rows: Vec<InquiryRow>,
        keys: &BTreeMap<String, SealKey>,
    ) {
        let mut rows: BTreeMap<i64, InquiryRow> =
            rows.into_iter().map(|row| (row.idx, row)).collect();
        for entry in entries.iter().filter(|e| e.kind == "inquiry") {
            self.report.inquiries += 1;
            match rows.remove(&(entry.index as i64)) {
                None => self.report.add("inquiries", entry.says("inquiry"), "the row is missing"),
                Some(row) => {
                    if let Err(why) = inquiry_fits(entry, &row, keys) {
                        self.report.add("inquiries", row.id, why);
                    }
                }
            }
        }
        for row in rows.into_values() {
            let why = format!("entry {} is not an inquiry that opens", row.idx);
            self.report.add("inquiries", row.id, why);
        }
    }

    fn marks(
        &mut self,
        conn: &mut AnyConn,
        entries: &[Entry],
        from: u64,
        to: u64,
    ) -> Result<(), StoreError> {
        let mut rows: BTreeMap<i64, _> = score_rows::marks_between(conn, from, to)?
            .into_iter()
            .map(|row| (row.idx, row))
            .collect();
        let hard = |e: &&Entry| e.kind == "inquiry" && e.says("pull") == "hard";
        for entry in entries.iter().filter(hard) {
            let row = rows.remove(&(entry.index as i64));
            let forgotten = entry.is_evidence() && row.is_none();
            let holds = forgotten
                || row.is_some_and(|row| {
                    Some(row.person.as_str()) == entry.owner()
                        && row.scenario == entry.says("scenario")
                        && row.at_us == entry.at_us
                });
            let why = "it is missing, or not what the entry says";
            self.report.hold(holds, "inquiry_marks", entry.index, why);
        }
        for idx in rows.into_keys() {
            self.report.add("inquiry_marks", idx, "the entry is not a hard inquiry");
        }
        Ok(())
    }

    fn outcomes(&mut self, conn: &mut AnyConn, entries: &[Entry]) -> Result<(), StoreError> {
        let told: Vec<&Entry> = entries.iter().filter(|e| e.kind == "inquiry_outcome").collect();
        let ids: Vec<&str> = told.iter().map(|e| e.says("inquiry")).collect();
        let rows: BTreeMap<String, OutcomeRow> = inquiry_rows::outcomes(conn, &ids)?
            .into_iter()
            .map(|row| (row.inquiry.clone(), row))
            .collect();
        for entry in told {
            self.expected.outcomes += 1;
            let holds = rows.get(entry.says("inquiry")).is_some_and(|row| {
                row.idx == entry.index as i64
                    && row.decision == entry.says("decision")
                    && Some(row.at_us) == entry.time("at")
            });
            let why = "it is missing, or not what the entry says";
            self.report.hold(holds, "inquiry_outcomes", entry.says("inquiry"), why);
        }
        Ok(())
    }
}

fn consent_fits(entry: &Entry, row: &ConsentRow, keys: &BTreeMap<String, SealKey>) -> bool {
    let Ok(given) = serde_json::from_value::<Artefact>(entry.personal["artefact"].clone()) else {
        return false;
    };
    let sealed = keys.get(&person_key_name(&row.person)).and_then(|key| {
        let text = key.open(artefact_place(&row.id, row.idx as u64), &row.artefact).ok()?;
        serde_json::from_slice::<Artefact>(&text).ok()
    });
    row.idx == entry.index as i64
        && Some(row.person.as_str()) == entry.owner()
        && (row.subject == given.subject || (entry.is_evidence() && row.subject.is_empty()))
        && row.recipient == given.recipient
        && row.purpose == given.purpose.name()
        && row.scenario == given.scenario
        && row.fetch == given.fetch.name()
        && row.categories == given.categories.join(",")
        && row.dimensions == given.dimensions.join(",")
        && row.frequency == given.frequency.map(i64::from)
        && row.narrowed == given.is_narrowed()
        && row.valid_from_us == given.valid_from.micros()
        && row.expires_us == given.expires_at.micros()
        && (sealed.as_ref() == Some(&given) || (entry.is_evidence() && row.artefact.is_empty()))
}

/// A record names a person by kind only; the row keeps whose answer it is.
fn asked_about_themself(row: &InquiryRow, asker: &str) -> bool {
    asker == "person" && row.person.as_deref() == Some(row.asker.as_str())
}

/// The threshold of an answer that is a yes or no.
fn told_at(entry: &Entry) -> Option<i64> {
    entry.personal["threshold"].as_i64().filter(|_| entry.says("form") == "threshold")
}

fn inquiry_fits(
    entry: &Entry,
    row: &InquiryRow,
    keys: &BTreeMap<String, SealKey>,
) -> Result<(), String> {
    let holds = row.id == entry.says("inquiry")
        && (row.asker == entry.says("asker") || asked_about_themself(row, entry.says("asker")))
        && row.scenario == entry.says("scenario")
        && row.person.as_deref() == entry.owner()
        && (row.threshold == told_at(entry) || entry.is_evidence())
        && row.at_us == entry.at_us;
    if !holds {
        return Err(format!("it is not what entry {} says", entry.index));
    }
    if entry.is_evidence() && row.answer.is_empty() {
        return Ok(());
    }
    let key = keys.get(&answer_key(row)).ok_or("the key of its answer is missing")?;
    let body = key
        .open(answer_place(&row.id, entry.index), &row.answer)
        .map_err(|error| error.to_string())?;
    let answer: Value = serde_json::from_slice(&body).map_err(|error| error.to_string())?;
    let log = &answer["log"];
    let expires = answer["use"]["expires_at"].as_str().and_then(|at| at.parse::<Time>().ok());
    let holds = answer["inquiry"] == row.id.as_str()
        && answer["form"] == entry.record["form"]
        && log["index"] == entry.index
        && log["leaf"] == entry.leaf.as_str()
        && log["opening"]["record"] == entry.text.as_str()
        && expires.map(Time::micros) == Some(row.expires_us);
    if holds { Ok(()) } else { Err(format!("its answer is not that of entry {}", entry.index)) }
}
