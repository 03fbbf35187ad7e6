//! The unit of work of one batch: what was read, what the commands changed, what will be written.
//!
//! Commands run one after the other on this, in memory. Nothing reaches the database before
//! [`Work::flush`], and nothing leaves the bureau before the transaction around it is committed.

mod keys;
mod models;
mod partners;
mod supply;
mod watch;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::Engine;
use super::command::refold::{Folding, NEVER};
use super::folded::{Folded, open_profile, profile_place};
use super::keys::KeysAfter;
use super::needs::Loaded;
use super::rows::{self as admission_rows, IdempotencyRow};
use crate::collect::rows::{self as fact_rows, DataRequestRow, FactRow, UploadRow};
use crate::consent::rows::{self as consent_rows, ConsentRow};
use crate::inquiry::rows::{self as inquiry_rows, InquiryRow, MonitorRow, OutcomeRow};
use crate::kernel::seal::{Place, SealKey};
use crate::kernel::{Currency, Time};
use crate::ledger::body::{Body, Draft, period_key_name, person_key_name, seal_part};
use crate::ledger::leaf::Leaf;
use crate::ledger::rows::{self as ledger_rows, ArtefactRow, BodyRow, EntryRow, Head};
use crate::ledger::tree::leaf_hash;
use crate::model::rows::{self as model_rows, ModelRow};
use crate::partner::rows::{
    self as partner_rows, AlertRow, ApplicationRow, ConductRow, WebhookRow,
};
use crate::partner::{Partner, PartnerKey, Registry, StaffMember};
use crate::rights::rows as rights_rows;
use crate::score::Profile;
use crate::score::rows::{self as score_rows, MarkRow, ProfileRow};
use crate::store::{AnyConn, KeyStore, StoreError};
use crate::subject::Identity;
use crate::subject::rows::{self as subject_rows, Change, PersonRow};

/// What a recorded act shows of itself: its place in the log, and how to check it.
#[derive(Debug)]
pub struct Recorded {
    /// Index of the entry.
    pub index: u64,
    leaf: String,
    opening: Value,
}

impl Recorded {
    /// The `log` member of an answer: index, leaf, opening of the record, and where the proof is.
    pub fn receipt(&self) -> Value {
        json!({
            "index": self.index,
            "leaf": self.leaf,
            "opening": self.opening,
            "proof_url": format!("/v1/log/proofs/{}", self.index),
        })
    }
}

#[derive(Default)]
struct Pending {
    leaves: Vec<EntryRow>,
    bodies: Vec<BodyRow>,
    keys: Vec<(String, SealKey)>,
    nonces: Vec<(String, String, Time)>,
    answers: Vec<IdempotencyRow>,
    partners: Vec<Partner>,
    partner_keys: Vec<(String, PartnerKey)>,
    staff: Vec<StaffMember>,
    alerts: Vec<AlertRow>,
    subjects: Change,
    consents: BTreeMap<String, ConsentRow>,
    facts: BTreeMap<Vec<u8>, FactRow>,
    data_requests: BTreeMap<String, DataRequestRow>,
    uploads: BTreeMap<String, UploadRow>,
    marks: Vec<MarkRow>,
    inquiries: Vec<InquiryRow>,
    outcomes: Vec<OutcomeRow>,
    monitors: BTreeMap<String, MonitorRow>,
    artefacts: Vec<ArtefactRow>,
    models: BTreeMap<String, ModelRow>,
    rights: rights_rows::Change,
    webhooks: Vec<(String, Option<WebhookRow>)>,
    applications: BTreeMap<String, ApplicationRow>,
    conduct: Vec<ConductRow>,
}

/// One batch at work.
pub struct Work<'a> {
    /// What does not change while a batch runs.
    pub engine: &'a Engine,
    /// For the rare command that must read more than it could say beforehand.
    pub conn: &'a mut AnyConn,
    keystore: &'a KeyStore,
    /// The batch's time: never before the last entry's.
    pub now: Time,
    /// Partners and keys.
    pub registry: &'a mut Registry,
    /// What was read, kept up to date with what the batch does.
    pub loaded: Loaded,
    head: Head,
    folded: BTreeMap<String, Folded>,
    pending: Pending,
    /// Keys that must be destroyed once the batch is committed.
    doomed: Vec<String>,
    /// Keys that another takes the place of then.
    replaced: Vec<(String, SealKey)>,
}

fn no_key(name: &str) -> StoreError {
    StoreError::inconsistent(format!("the key {name} is not in the key store"))
}

fn vault_place(person: &str, index: u64) -> Place<'_> {
    Place { table: "persons", column: "vault", row: person, index }
}

/// Where an answer is kept sealed.
pub fn answer_place(inquiry: &str, index: u64) -> Place<'_> {
    Place { table: "inquiries", column: "answer", row: inquiry, index }
}

/// Where a consent artefact is kept sealed.
pub fn artefact_place(consent: &str, index: u64) -> Place<'_> {
    Place { table: "consents", column: "artefact", row: consent, index }
}

impl<'a> Work<'a> {
    /// A unit of work at the end of the log.
    pub fn new(
        engine: &'a Engine,
        conn: &'a mut AnyConn,
        keystore: &'a KeyStore,
        registry: &'a mut Registry,
        head: Head,
        loaded: Loaded,
        now: Time,
    ) -> Work<'a> {
        let (folded, pending) = (BTreeMap::new(), Pending::default());
        let (doomed, replaced) = (Vec::new(), Vec::new());
        Work {
            engine,
            conn,
            keystore,
            now,
            registry,
            loaded,
            head,
            folded,
            pending,
            doomed,
            replaced,
        }
    }

    /// Entries in the log, this batch's included.
    pub fn size(&self) -> u64 {
        self.head.size
    }

    /// The key of this name.
    ///
    /// # Errors
    /// There is none: the person was forgotten, or the key store is not the one of this database.
    pub fn key(&self, name: &str) -> Result<&SealKey, StoreError> {
        self.loaded.keys.get(name).ok_or_else(|| no_key(name))
    }

    /// A fresh key under this name, kept before anything sealed with it is.
    pub fn make_key(&mut self, name: String) {
        let key = SealKey::generate(&self.engine.env);
        self.pending.keys.push((name.clone(), key.clone()));
        self.loaded.keys.insert(name, key);
    }

    fn period_key(&mut self) -> String {
        let name = period_key_name(self.now);
        if !self.loaded.keys.contains_key(&name) {
            self.make_key(name.clone());
        }
        name
    }

    /// The key that seals what concerns `person`, or nobody: this month's.
    ///
    /// # Errors
    /// The person has none.
    pub fn key_for(&mut self, person: Option<&str>) -> Result<SealKey, StoreError> {
        let name = match person {
            Some(person) => person_key_name(person),
            None => self.period_key(),
        };
        self.key(&name).cloned()
    }

    /// Appends an entry. From here on the act is on record, if the batch is.
    ///
    /// # Errors
    /// The person it concerns has no key.
    pub fn append(&mut self, draft: Draft) -> Result<Recorded, StoreError> {
        let mut draft = super::standing::counted(self, draft);
        let env = self.engine.env.clone();
        let index = self.head.size;
        let body = Body::write(&env, &mut draft);
        let leaf = Leaf::new(draft.public, self.now, self.engine.rules.digest(), body.commitment());
        let bytes = leaf.to_bytes();
        let period = self.period_key();
        let personal_key = self.key_for(draft.person.as_deref())?;
        let record = seal_part(&env, self.key(&period)?, "record", index, &body.sealed_record());
        let personal = seal_part(&env, &personal_key, "personal", index, &body.personal);
        self.head.frontier.append(leaf_hash(&bytes));
        self.head.size += 1;
        self.head.at = self.now;
        let idx = index as i64;
        self.pending.bodies.push(BodyRow {
            idx,
            kind: draft.kind.to_string(),
            at_us: self.now.micros(),
            period,
            person: draft.person,
            record,
            personal,
        });
        let text = String::from_utf8_lossy(&bytes).into_owned();
        self.pending.leaves.push(EntryRow { idx, leaf: bytes });
        let opening = serde_json::to_value(body.opening())
            .map_err(|e| StoreError::inconsistent(e.to_string()))?;
        Ok(Recorded { index, leaf: text, opening })
    }

    /// A person's identity, in clear.
    ///
    /// # Errors
    /// The person is unknown or forgotten.
    pub fn identity(&self, person: &str) -> Result<Identity, StoreError> {
        let row = self.loaded.persons.get(person);
        let row = row.ok_or_else(|| StoreError::inconsistent("a person is not loaded"))?;
        let key = self.key(&person_key_name(person))?;
        open_identity(row, key)
    }

    /// Writes a person, its identity sealed under its key.
    ///
    /// # Errors
    /// The person has no key.
    pub fn put_person(
        &mut self,
        mut row: PersonRow,
        identity: &Identity,
        index: u64,
    ) -> Result<(), StoreError> {
        let text =
            serde_json::to_vec(identity).map_err(|e| StoreError::inconsistent(e.to_string()))?;
        let key = self.key(&person_key_name(&row.id))?;
        row.vault = key.seal(&self.engine.env, vault_place(&row.id, index), &text);
        row.idx = index as i64;
        self.put_person_row(row);
        Ok(())
    }

    /// Writes a person whose vault did not change.
    pub fn put_person_row(&mut self, row: PersonRow) {
        self.loaded.persons.insert(row.id.clone(), row.clone());
        self.pending.subjects.persons.push(row);
    }

    /// Everything about persons that this batch will write; the caller keeps `loaded` in step.
    pub fn subjects(&mut self) -> &mut Change {
        &mut self.pending.subjects
    }

    /// Writes a consent.
    pub fn put_consent(&mut self, row: ConsentRow) {
        self.loaded.consents.insert(row.id.clone(), row.clone());
        self.pending.consents.insert(row.id.clone(), row);
    }

    /// Writes the last word on a record.
    pub fn put_fact(&mut self, row: FactRow) {
        self.loaded.facts.insert(row.identity.clone(), row.clone());
        self.pending.facts.insert(row.identity.clone(), row);
    }

    /// Writes how an upload stands.
    pub fn put_upload(&mut self, row: UploadRow) {
        self.loaded.uploads.insert(row.id.clone(), row.clone());
        self.pending.uploads.insert(row.id.clone(), row);
    }

    /// Counts a hard inquiry.
    pub fn put_mark(&mut self, row: MarkRow) {
        self.loaded.marks.entry(row.person.clone()).or_default().push(row.clone());
        self.pending.marks.push(row);
    }

    /// Keeps an answer.
    pub fn put_inquiry(&mut self, row: InquiryRow) {
        if let (Some(person), Some(threshold)) = (&row.person, row.threshold) {
            let told = self.loaded.probes.entry(person.clone()).or_default();
            told.push((row.asker.clone(), threshold));
        }
        self.loaded.inquiries.insert(row.id.clone(), row.clone());
        self.pending.inquiries.push(row);
    }

    /// Keeps what an asker decided.
    pub fn put_outcome(&mut self, row: OutcomeRow) {
        self.loaded.outcomes.insert(row.inquiry.clone(), row.clone());
        self.pending.outcomes.push(row);
    }

    /// Everything about matters, barred records and events that this batch will write.
    pub fn rights(&mut self) -> &mut rights_rows::Change {
        &mut self.pending.rights
    }

    /// Whether this batch has recorded something about any of these persons.
    pub fn is_pending_about(&self, persons: &[&str]) -> bool {
        let about = |id: &Option<String>| id.as_deref().is_some_and(|id| persons.contains(&id));
        self.pending.bodies.iter().any(|row| about(&row.person))
            || self.pending.answers.iter().any(|row| about(&row.person))
            || self.pending.consents.values().any(|row| persons.contains(&row.person.as_str()))
            || self.folded.iter().any(|(id, one)| one.dirty && persons.contains(&id.as_str()))
    }

    /// Forgets somebody with this batch, and destroys keys once it is committed.
    pub fn forget(&mut self, forget: rights_rows::Forget, keys: Vec<String>) {
        for person in &forget.persons {
            self.folded.remove(person);
            self.loaded.profiles.remove(person);
        }
        self.pending.rights.forgotten.push(forget);
        self.doomed.extend(keys);
    }

    /// A fresh key takes the place of this one with the batch; from now on it seals, and both open.
    ///
    /// # Errors
    /// There is no such key.
    pub fn replace_key(&mut self, name: &str) -> Result<(), StoreError> {
        let old = self.key(name)?.clone();
        let new = SealKey::generate(&self.engine.env);
        self.replaced.push((name.to_string(), new.clone()));
        self.loaded.keys.insert(name.to_string(), new.or(old));
        Ok(())
    }

    /// Entries that this batch purges.
    pub fn purged(&self) -> std::collections::BTreeSet<u64> {
        let purged = self.pending.rights.purged.iter();
        purged.flat_map(|purge| purge.gone.iter().map(|idx| idx.unsigned_abs())).collect()
    }

    /// Keeps a pack set or scorecard for ever.
    pub fn put_artefact(&mut self, row: ArtefactRow) {
        self.pending.artefacts.push(row);
    }

    /// Remembers a nonce.
    pub fn put_nonce(&mut self, keyid: &str, nonce: &str, until: Time) {
        self.loaded.nonces.insert((keyid.to_string(), nonce.to_string()));
        self.pending.nonces.push((keyid.to_string(), nonce.to_string(), until));
    }

    /// Keeps under an idempotency key that it stands for an inquiry, whose answer is kept already.
    pub fn put_answered(
        &mut self,
        principal: &str,
        key: &str,
        request: &[u8],
        inquiry: &str,
        person: Option<&str>,
    ) {
        let row = IdempotencyRow {
            principal: principal.to_string(),
            key: key.to_string(),
            request: request.to_vec(),
            verdict: "inquiry".to_string(),
            body: inquiry.as_bytes().to_vec(),
            person: person.map(str::to_string),
            idx: self.head.size as i64,
            at_us: self.now.micros(),
        };
        let pair = (principal.to_string(), key.to_string());
        self.loaded.idempotency.insert(pair, row.clone());
        self.pending.answers.push(row);
    }

    /// Keeps an answer under its idempotency key.
    ///
    /// # Errors
    /// The person it concerns has no key.
    pub fn put_answer(
        &mut self,
        principal: &str,
        key: &str,
        request: &[u8],
        verdict: &str,
        body: &[u8],
        person: Option<&str>,
    ) -> Result<(), StoreError> {
        let index = self.head.size;
        let seal = self.key_for(person)?;
        let name = IdempotencyRow::row_name(principal, key);
        let place = admission_rows::body_place(&name, index);
        let row = IdempotencyRow {
            principal: principal.to_string(),
            key: key.to_string(),
            request: request.to_vec(),
            verdict: verdict.to_string(),
            body: seal.seal(&self.engine.env, place, body),
            person: person.map(str::to_string),
            idx: index as i64,
            at_us: self.now.micros(),
        };
        let pair = (principal.to_string(), key.to_string());
        self.loaded.idempotency.insert(pair, row.clone());
        self.pending.answers.push(row);
        Ok(())
    }

    /// The person's profile; an empty one when nothing was furnished yet.
    ///
    /// # Errors
    /// The profile does not open.
    pub fn folded(&mut self, person: &str) -> Result<&mut Folded, StoreError> {
        if !self.folded.contains_key(person) {
            let folded = match self.loaded.profiles.get(person) {
                None => Folded {
                    profile: Profile::new(Currency::CNY),
                    observations: 0,
                    index: 0,
                    until_day: NEVER,
                    purge_day: NEVER,
                    dirty: false,
                },
                Some(row) => open_profile(row, self.key(&person_key_name(person))?)?,
            };
            self.folded.insert(person.to_string(), folded);
        }
        self.folded
            .get_mut(person)
            .ok_or_else(|| StoreError::inconsistent("a profile vanished from memory"))
    }

    /// The profile for folding into: a fresh one sums in `base`.
    ///
    /// # Errors
    /// The profile does not open.
    pub fn folded_in(&mut self, person: &str, base: Currency) -> Result<&mut Folded, StoreError> {
        let folded = self.folded(person)?;
        if folded.observations == 0 {
            folded.profile.base = base;
        }
        Ok(folded)
    }

    /// Replaces a profile: it was refolded.
    pub fn put_folded(&mut self, person: &str, folding: Folding) {
        let index = self.head.size.saturating_sub(1);
        let Folding { profile, observations, until_day, purge_day } = folding;
        let folded = Folded { profile, observations, index, until_day, purge_day, dirty: true };
        self.folded.insert(person.to_string(), folded);
    }

    /// Reads bodies beyond what was loaded: `work` gets the connection, the keys read so far, the
    /// observations of this batch that are not in the database yet, and the key store.
    ///
    /// # Errors
    /// What `work` answers.
    pub fn with_bodies<T>(
        &mut self,
        work: impl FnOnce(
            &mut AnyConn,
            &BTreeMap<String, SealKey>,
            &dyn Fn(&[&str]) -> Vec<BodyRow>,
            &KeyStore,
        ) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let bodies = &self.pending.bodies;
        let fresh = |persons: &[&str]| {
            let about = |row: &&BodyRow| {
                row.kind == "observation"
                    && row.person.as_deref().is_some_and(|p| persons.contains(&p))
            };
            bodies.iter().filter(about).cloned().collect()
        };
        work(self.conn, &self.loaded.keys, &fresh, self.keystore)
    }

    /// Writes everything, keys first. Returns the head as it now is, and the keys that must be
    /// destroyed once the transaction is committed.
    ///
    /// # Errors
    /// The database's.
    pub fn flush(mut self, batch: &str) -> Result<(Head, KeysAfter), StoreError> {
        self.keystore.put(&self.engine.env, &self.pending.keys)?;
        for (name, key) in &self.replaced {
            self.keystore.prepare(&self.engine.env, name, key)?;
        }
        let profiles = self.seal_profiles()?;
        let conn = self.conn;
        let pending = self.pending;
        for partner in &pending.partners {
            partner_rows::put(conn, partner)?;
        }
        for (thumbprint, key) in &pending.partner_keys {
            partner_rows::put_key(conn, thumbprint, key, self.now)?;
        }
        for member in &pending.staff {
            partner_rows::put_staff(conn, member)?;
        }
        for (partner, row) in &pending.webhooks {
            partner_rows::put_webhook(conn, partner, row.as_ref())?;
        }
        partner_rows::put_alerts(conn, &pending.alerts)?;
        let applications: Vec<ApplicationRow> = pending.applications.into_values().collect();
        partner_rows::put_applications(conn, &applications)?;
        partner_rows::put_conduct(conn, &pending.conduct)?;
        subject_rows::write(conn, &pending.subjects)?;
        let consents: Vec<ConsentRow> = pending.consents.into_values().collect();
        consent_rows::write(conn, &consents)?;
        let facts: Vec<FactRow> = pending.facts.into_values().collect();
        fact_rows::write(conn, &facts)?;
        let asked: Vec<DataRequestRow> = pending.data_requests.into_values().collect();
        fact_rows::write_requests(conn, &asked)?;
        let uploads: Vec<UploadRow> = pending.uploads.into_values().collect();
        fact_rows::write_uploads(conn, &uploads)?;
        score_rows::write(conn, &profiles, &pending.marks)?;
        inquiry_rows::write(conn, &pending.inquiries, &pending.outcomes)?;
        let watched: Vec<MonitorRow> = pending.monitors.into_values().collect();
        inquiry_rows::write_monitors(conn, &watched)?;
        admission_rows::keep(conn, &pending.nonces, &pending.answers)?;
        ledger_rows::put_artefacts(conn, &pending.artefacts)?;
        model_rows::put(conn, &pending.models.into_values().collect::<Vec<_>>())?;
        rights_rows::write(conn, &pending.rights)?;
        admission_rows::mark_batch(conn, batch, self.now)?;
        if !pending.leaves.is_empty() {
            ledger_rows::append(conn, &pending.leaves, &pending.bodies)?;
            self.head.batch = batch.to_string();
            ledger_rows::put_head(conn, &self.head)?;
        }
        let replaced = self.replaced.into_iter().map(|(name, _)| name).collect();
        Ok((self.head, KeysAfter { doomed: self.doomed, replaced }))
    }

    fn seal_profiles(&self) -> Result<Vec<ProfileRow>, StoreError> {
        let mut rows = Vec::new();
        for (person, folded) in self.folded.iter().filter(|(_, f)| f.dirty) {
            let key = self.key(&person_key_name(person))?;
            let place = profile_place(person, folded.index);
            rows.push(ProfileRow {
                person: person.clone(),
                sealed: key.seal(&self.engine.env, place, &folded.profile.encode()),
                observations: folded.observations as i64,
                idx: folded.index as i64,
                until_day: folded.until_day,
                purge_day: folded.purge_day,
            });
        }
        Ok(rows)
    }
}

/// Opens a person's vault.
///
/// # Errors
/// It does not open.
pub fn open_identity(row: &PersonRow, key: &SealKey) -> Result<Identity, StoreError> {
    let bytes = key
        .open(vault_place(&row.id, row.idx as u64), &row.vault)
        .map_err(|e| StoreError::inconsistent(e.to_string()))?;
    serde_json::from_slice(&bytes).map_err(|e| StoreError::inconsistent(e.to_string()))
}
