//! What the entries read so far say must stand in the tables.
//!
//! Kept small: what belongs to a single entry is compared while the log is read, and only what
//! several entries make together is remembered here.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::rights::Rights;
use super::supply::Supply;
use super::watch::Watch;
use crate::bureau::probing::PROBING;
use crate::kernel::Time;
use crate::ledger::body::evidence_of;
use crate::model::governance::{Standing, Step, fold};
use crate::partner::Partner;
use crate::partner::rows::{ApplicationRow, ConductRow};
use crate::subject::rows::{FreezeRow, MandateRow, PairwiseRow, PersonKeyRow, ResolutionRow};

/// An entry, opened.
pub(super) struct Entry {
    pub index: u64,
    pub at_us: i64,
    pub kind: String,
    pub person: Option<String>,
    /// The leaf's text, as an answer repeats it.
    pub leaf: String,
    /// The record's text, as an opening repeats it.
    pub text: String,
    pub record: Value,
    pub detail: Value,
    /// Null when it concerns nobody.
    pub personal: Value,
}

impl Entry {
    /// A member of the record, as text.
    pub fn says(&self, name: &str) -> &str {
        self.record[name].as_str().unwrap_or_default()
    }

    /// A member of the personal part, as text.
    pub fn holds(&self, name: &str) -> &str {
        self.personal[name].as_str().unwrap_or_default()
    }

    /// Whether it is kept as evidence about somebody forgotten.
    pub fn is_evidence(&self) -> bool {
        self.person.as_deref().is_some_and(|name| evidence_of(name).is_some())
    }

    /// The person it concerns, forgotten or not.
    pub fn owner(&self) -> Option<&str> {
        self.person.as_deref().map(|name| evidence_of(name).unwrap_or(name))
    }

    /// A member of the record, as microseconds.
    pub fn time(&self, name: &str) -> Option<i64> {
        self.says(name).parse().ok().map(Time::micros)
    }
}

/// How a consent must stand.
pub(super) struct Consent {
    pub idx: u64,
    /// Whether its uses are counted.
    pub counted: bool,
    /// When and by which entry it was revoked.
    pub revoked: Option<(i64, u64)>,
    pub used: Option<i64>,
    /// Answers in the month of `used`.
    pub uses: i64,
}

/// How a person must stand.
pub(super) struct Person {
    pub residence: String,
    pub created_us: i64,
    /// The entry that wrote the vault last.
    pub vault: u64,
}

/// How a pack set or scorecard must be kept.
pub(super) struct Artefact {
    pub idx: u64,
    pub kind: String,
    pub name: String,
    pub since_us: i64,
}

#[derive(Default)]
pub(super) struct Expected {
    pub persons: BTreeMap<String, Person>,
    pub pairwise: BTreeMap<String, PairwiseRow>,
    pub person_keys: BTreeMap<String, PersonKeyRow>,
    pub mandates: BTreeMap<String, MandateRow>,
    pub freezes: BTreeMap<String, FreezeRow>,
    pub resolutions: Vec<ResolutionRow>,
    pub consents: BTreeMap<String, Consent>,
    pub partners: BTreeMap<String, Partner>,
    /// Thumbprint → partner, and when it was retired.
    pub partner_keys: BTreeMap<String, (String, Option<i64>)>,
    /// Partner → where its events are sent, by which entry.
    pub webhooks: BTreeMap<String, (String, i64)>,
    /// Who applied to become a small merchant.
    pub applications: BTreeMap<String, ApplicationRow>,
    /// Entry → what is on record against a partner.
    pub conduct: BTreeMap<String, ConductRow>,
    /// Name → roles, key, and when they left.
    pub staff: BTreeMap<String, (Value, Value, Option<i64>)>,
    /// Entry → what staff must look at: kind, partner, when.
    pub alerts: BTreeMap<i64, (String, String, i64)>,
    pub artefacts: BTreeMap<String, Artefact>,
    /// How scorecards stand.
    pub models: BTreeMap<String, Standing>,
    /// Who has observations, and so a profile.
    pub observed: BTreeSet<String>,
    /// Rows of `facts` that an entry vouches for.
    pub facts: u64,
    /// Entries whose personal part is gone.
    pub gone: BTreeSet<i64>,
    /// Entries that a certificate names as gone.
    pub certified: BTreeSet<i64>,
    /// Entries that a split handed over to whom they were sent about.
    pub handed: BTreeSet<i64>,
    /// Entries whose row names another person than their body.
    pub moved: BTreeSet<i64>,
    /// Forgotten persons: who, by which entry.
    pub erased: BTreeMap<String, i64>,
    /// Persons under a legal hold: by which entry.
    pub held: BTreeMap<String, i64>,
    /// Outcomes that an entry vouches for.
    pub outcomes: u64,
    /// Matters, barred records and events.
    pub rights: Rights,
    /// What furnishers are asked for.
    pub supply: Supply,
    /// Monitors.
    pub watch: Watch,
}

impl Expected {
    /// A step in the life of a scorecard. Its text is kept with the first one, if the program did
    /// not bring it.
    fn model(&mut self, entry: &Entry) {
        let Ok(step) = serde_json::from_value::<Step>(entry.record["step"].clone()) else { return };
        let (digest, by) = (entry.says("digest"), entry.says("by"));
        fold(&mut self.models, digest, &step, by, entry.at_us);
        let Step::Drafted { name, .. } = &step else { return };
        self.artefacts.entry(digest.to_string()).or_insert_with(|| Artefact {
            idx: entry.index,
            kind: "scorecard".to_string(),
            name: name.clone(),
            since_us: entry.at_us,
        });
    }

    /// Takes the next entry in.
    pub fn take(&mut self, entry: &Entry) {
        self.rights.take(entry);
        self.supply.take(entry);
        self.watch.take(entry);
        match entry.kind.as_str() {
            "subject_enrolled" => self.enrolled(entry),
            "subject_alias" => {
                if let Some(person) = self.persons.get_mut(entry.holds("person")) {
                    person.vault = entry.index;
                }
            }
            "subject_merge" | "subject_split" | "no_merge" => {
                self.certify(&entry.record);
                self.resolutions.push(ResolutionRow {
                    idx: entry.index as i64,
                    kind: entry.kind.clone(),
                    person: entry.holds("person").to_string(),
                    other: entry.holds("other").to_string(),
                });
            }
            "person_key_bound" | "mandate_given" | "freeze_placed" | "freeze_lifted" => {
                self.of_person(entry);
            }
            "consent_given" | "consent_revoked" | "inquiry" => self.consent(entry),
            "observation" if !entry.is_evidence() => {
                self.observed.extend(entry.person.clone());
            }
            "erased" | "purged" | "erasure_ended" => self.certified(entry),
            "hold_placed" => {
                self.held.insert(entry.holds("person").to_string(), entry.index as i64);
            }
            "hold_lifted" => {
                self.held.remove(entry.holds("person"));
            }
            "in_force" => {
                let artefact = Artefact {
                    idx: entry.index,
                    kind: entry.says("what").to_string(),
                    name: entry.says("name").to_string(),
                    since_us: entry.at_us,
                };
                // Kept from the first time on.
                self.artefacts.entry(entry.says("digest").to_string()).or_insert(artefact);
            }
            kind if kind.starts_with("model_") => self.model(entry),
            "partner_conduct" => self.conduct(entry),
            kind if kind.starts_with("partner_") => self.partner(entry),
            kind if kind.starts_with("application_") => self.application(entry),
            "staff_registered" | "staff_left" => self.staff(entry),
            "refused" => self.alert(entry.index, &entry.record, entry.at_us),
            _ => {}
        }
    }

    fn enrolled(&mut self, entry: &Entry) {
        let person = entry.holds("person").to_string();
        let level = entry.record["identity_level"].as_i64().unwrap_or_default();
        let in_doubt = |what: &str| entry.detail[what].as_bool().unwrap_or_default();
        let (mismatch, ambiguous) = (in_doubt("mismatch"), in_doubt("ambiguous"));
        let subject = entry.holds("subject").to_string();
        let row = self.pairwise.entry(subject.clone()).or_insert_with(|| PairwiseRow {
            id: subject,
            partner: entry.says("partner").to_string(),
            person: person.clone(),
            mismatch,
            ambiguous,
            level,
            created_us: entry.at_us,
        });
        row.level = row.level.max(level);
        if mismatch {
            return;
        }
        let stands = self.persons.entry(person).or_insert_with(|| Person {
            residence: entry.says("residence").to_string(),
            created_us: entry.at_us,
            vault: entry.index,
        });
        stands.vault = entry.index;
    }

    /// Takes in which entries a certificate's record says are gone, or a split's are handed over.
    pub fn certify(&mut self, record: &Value) {
        let ranges = |of: &str| {
            let ranges = record[of].as_array().into_iter().flatten();
            let ends = ranges.filter_map(|r| Some((r[0].as_i64()?, r[1].as_i64()?)));
            ends.flat_map(|(from, to)| from..=to).collect::<Vec<i64>>()
        };
        self.certified.extend(ranges("gone"));
        self.handed.extend(ranges("handed"));
    }

    fn certified(&mut self, entry: &Entry) {
        self.certify(&entry.record);
        if entry.kind == "erased" {
            self.erased.insert(entry.holds("erased").to_string(), entry.index as i64);
        }
    }

    fn of_person(&mut self, entry: &Entry) {
        let person = entry.holds("person").to_string();
        match entry.kind.as_str() {
            "person_key_bound" => {
                let thumbprint = entry.holds("thumbprint").to_string();
                let row = PersonKeyRow {
                    thumbprint: thumbprint.clone(),
                    person,
                    jwk: String::new(),
                    added_us: entry.at_us,
                    retired_us: None,
                };
                self.person_keys.insert(thumbprint, row);
            }
            "mandate_given" => {
                let id = entry.holds("mandate").to_string();
                let row = MandateRow {
                    id: id.clone(),
                    person,
                    agent: entry.says("agent").to_string(),
                    acts: entry.record["acts"].to_string(),
                    expires_us: entry.time("expires_at").unwrap_or_default(),
                    revoked_us: None,
                };
                self.mandates.insert(id, row);
            }
            "freeze_placed" => {
                let id = entry.holds("freeze").to_string();
                let row = FreezeRow {
                    id: id.clone(),
                    person,
                    placed_us: entry.at_us,
                    lifted_us: None,
                    kind: entry.says("what").to_string(),
                    until_us: entry.time("until"),
                };
                self.freezes.insert(id, row);
            }
            _ => {
                if let Some(row) = self.freezes.get_mut(entry.holds("freeze")) {
                    row.lifted_us = Some(entry.at_us);
                }
            }
        }
    }

    fn consent(&mut self, entry: &Entry) {
        if entry.kind == "consent_given" {
            let onetime = entry.says("fetch") == "ONETIME";
            let counted = onetime || entry.record["frequency"].is_u64();
            let consent = Consent { idx: entry.index, counted, revoked: None, used: None, uses: 0 };
            self.consents.insert(entry.holds("consent").to_string(), consent);
            return;
        }
        if entry.kind == "consent_revoked" {
            if let Some(consent) = self.consents.get_mut(entry.holds("consent")) {
                consent.revoked = Some((entry.at_us, entry.index));
            }
            return;
        }
        let basis = &entry.personal["basis"];
        if entry.says("form") == "not_assessable" || basis["type"] != "consent" {
            return;
        }
        let reference = basis["ref"].as_str().unwrap_or_default();
        if let Some(consent) = self.consents.get_mut(reference).filter(|c| c.counted) {
            let month = |us| Time::from_micros(us).date_at(0).first_of_month();
            let same = consent.used.is_some_and(|used| month(used) == month(entry.at_us));
            consent.uses = if same { consent.uses + 1 } else { 1 };
            consent.used = Some(entry.at_us);
        }
    }

    /// Takes in that a refusal alerted staff.
    pub fn alert(&mut self, index: u64, record: &Value, at_us: i64) {
        if record["code"] == PROBING {
            let actor = record["actor"].as_str().unwrap_or_default().to_string();
            self.alerts.insert(index as i64, (PROBING.to_string(), actor, at_us));
        }
    }

    fn staff(&mut self, entry: &Entry) {
        let left = (entry.kind == "staff_left").then_some(entry.at_us);
        let (roles, key) = (entry.record["roles"].clone(), entry.record["key"].clone());
        self.staff.insert(entry.says("name").to_string(), (roles, key, left));
    }

    fn application(&mut self, entry: &Entry) {
        let text = |name: &str| entry.says(name).to_string();
        let id = text("application");
        if entry.kind == "application_received" {
            let row = ApplicationRow {
                id: id.clone(),
                keyid: text("keyid"),
                jwk: text("jwk"),
                name: text("name"),
                sector: text("sector"),
                country: text("country"),
                scenario: text("scenario"),
                licence: text("licence"),
                state: "pending".to_string(),
                reason: String::new(),
                partner: None,
                at_us: entry.at_us,
                decided_us: None,
                idx: entry.index as i64,
            };
            self.applications.insert(id, row);
        } else if let Some(row) = self.applications.get_mut(&id) {
            let admitted = entry.kind == "application_admitted";
            row.state = if admitted { "admitted" } else { "refused" }.to_string();
            row.reason = text("reason");
            row.partner = admitted.then(|| text("partner"));
            row.decided_us = Some(entry.at_us);
        }
    }

    fn conduct(&mut self, entry: &Entry) {
        let row = ConductRow {
            idx: entry.index as i64,
            partner: entry.says("partner").to_string(),
            kind: entry.says("what").to_string(),
            points: entry.record["points"].as_i64().unwrap_or_default(),
            at_us: entry.at_us,
        };
        self.conduct.insert(entry.index.to_string(), row);
    }

    fn partner(&mut self, entry: &Entry) {
        let retired = |key: &mut (String, Option<i64>)| key.1 = Some(entry.at_us);
        let id = entry.says("partner").to_string();
        let keyid = entry.says("keyid").to_string();
        let member = |name: &str| serde_json::from_value(entry.record[name].clone());
        match entry.kind.as_str() {
            "partner_added" => {
                // The record holds the whole partner.
                let partner = serde_json::from_value::<Partner>(entry.record["partner"].clone());
                if let Ok(partner) = partner {
                    self.partner_keys.insert(keyid, (partner.id.clone(), None));
                    self.partners.insert(partner.id.clone(), partner);
                }
            }
            "partner_suspended" | "partner_resumed" => {
                if let Some(partner) = self.partners.get_mut(&id) {
                    partner.suspended = entry.kind == "partner_suspended";
                    // Entries of before said no reason, and kept no time.
                    let kept = !partner.suspended && entry.record["reason"].is_string();
                    if kept {
                        partner.resumed = Some(Time::from_micros(entry.at_us));
                    }
                }
            }
            "partner_contract" => {
                let contract = serde_json::from_value(entry.record["contract"].clone());
                if let (Some(partner), Ok(contract)) = (self.partners.get_mut(&id), contract) {
                    partner.scenarios.insert(entry.says("scenario").to_string(), contract);
                }
            }
            "partner_webhook" => {
                self.webhooks.remove(&id);
                if let Some(url) = entry.record["url"].as_str() {
                    self.webhooks.insert(id, (url.to_string(), entry.index as i64));
                }
            }
            "partner_quota" => {
                let quota = serde_json::from_value(entry.record["quota"].clone());
                if let (Some(partner), Ok(quota)) = (self.partners.get_mut(&id), quota) {
                    partner.quota = quota;
                }
            }
            "partner_delivery" => {
                if let Some(partner) = self.partners.get_mut(&id) {
                    partner.delivery = member("delivery").ok();
                }
            }
            "partner_export_basis" => {
                let basis = serde_json::from_value(entry.record["export_basis"].clone()).ok();
                if let Some(partner) = self.partners.get_mut(&id) {
                    partner.export_basis = basis;
                }
            }
            "partner_key_added" => {
                self.partner_keys.insert(keyid, (id, None));
            }
            "partner_key_retired" => {
                self.partner_keys.get_mut(&keyid).into_iter().for_each(retired);
            }
            _ => {}
        }
    }
}
