//! What a batch must read before it can be executed, gathered from its commands and read in a few
//! set-based queries (decisions.md 10).

use std::collections::{BTreeMap, BTreeSet};

use crate::collect::rows::{self as fact_rows, DataRequestRow, FactRow, UploadRow};
use crate::consent::rows::{self as consent_rows, ConsentRow};
use crate::inquiry::rows::{self as inquiry_rows, InquiryRow, MonitorRow, OutcomeRow};
use crate::kernel::Time;
use crate::kernel::seal::SealKey;
use crate::ledger::body::{period_key_name, person_key_name};
use crate::model::rows as model_rows;
use crate::rights::rows::{self as rights_rows, BarredRow, ContestedRow, MatterRow};
use crate::score::rows::{self as score_rows, MarkRow, ProfileRow};
use crate::store::{AnyConn, KeyStore, StoreError};
use crate::subject::rows::{
    self as subject_rows, By, FreezeRow, LookupRow, MandateRow, PairwiseRow, PersonKeyRow,
    PersonRow,
};

use super::rows::{self as admission_rows, IdempotencyRow};
use super::tomb::Tombs;

/// Hard inquiries older than this are not looked at (they count for twelve months at most).
pub const MARK_DAYS: i64 = 400;

/// The keys of everything that a batch may touch.
#[derive(Debug, Default)]
#[allow(missing_docs, reason = "each field is a set of keys of the table it names")]
pub struct Needs {
    pub nonces: BTreeSet<(String, String)>,
    pub idempotency: BTreeSet<(String, String)>,
    pub subjects: BTreeSet<String>,
    pub lookups: BTreeSet<Vec<u8>>,
    pub consents: BTreeSet<String>,
    pub inquiries: BTreeSet<String>,
    pub persons: BTreeSet<String>,
    pub person_keys: BTreeSet<String>,
    pub facts: BTreeSet<Vec<u8>>,
    pub uploads: BTreeSet<String>,
    pub matters: BTreeSet<String>,
    pub data_requests: BTreeSet<String>,
    pub monitors: BTreeSet<String>,
    /// Profiles, marks and freezes of the persons are wanted.
    pub scored: bool,
    /// Profiles of the persons are wanted.
    pub profiled: bool,
    /// Whoever was told a yes or no about the persons since then is wanted, in microseconds.
    pub probed_since: Option<i64>,
    /// All names, keys and mandates of the persons are wanted.
    pub whole_persons: bool,
}

/// What was read, and what the batch has changed since.
#[derive(Default)]
#[allow(missing_docs, reason = "each field holds rows of the table it names, by their key")]
pub struct Loaded {
    pub nonces: BTreeSet<(String, String)>,
    pub idempotency: BTreeMap<(String, String), IdempotencyRow>,
    pub pairwise: BTreeMap<String, PairwiseRow>,
    pub lookups: BTreeMap<Vec<u8>, LookupRow>,
    pub consents: BTreeMap<String, ConsentRow>,
    pub inquiries: BTreeMap<String, InquiryRow>,
    pub outcomes: BTreeMap<String, OutcomeRow>,
    pub persons: BTreeMap<String, PersonRow>,
    pub person_keys: BTreeMap<String, PersonKeyRow>,
    pub mandates: BTreeMap<String, MandateRow>,
    pub freezes: BTreeMap<String, FreezeRow>,
    pub profiles: BTreeMap<String, ProfileRow>,
    pub marks: BTreeMap<String, Vec<MarkRow>>,
    /// Person → whoever was told a yes or no lately, and at which threshold.
    pub probes: BTreeMap<String, Vec<(String, i64)>>,
    pub facts: BTreeMap<Vec<u8>, FactRow>,
    pub uploads: BTreeMap<String, UploadRow>,
    pub data_requests: BTreeMap<String, DataRequestRow>,
    pub monitors: BTreeMap<String, MonitorRow>,
    pub barred: BTreeMap<Vec<u8>, BarredRow>,
    pub tombs: Tombs,
    pub matters: BTreeMap<String, MatterRow>,
    pub contested: BTreeMap<String, ContestedRow>,
    pub keys: BTreeMap<String, SealKey>,
    /// Digest and role of every scorecard that gives scores, openly or in shadow.
    pub models: Vec<(String, String)>,
}

fn texts(set: &BTreeSet<String>) -> Vec<&str> {
    set.iter().map(String::as_str).collect()
}

fn blobs(set: &BTreeSet<Vec<u8>>) -> Vec<&[u8]> {
    set.iter().map(Vec::as_slice).collect()
}

impl Loaded {
    /// Reads what the commands name themselves.
    ///
    /// # Errors
    /// The database's.
    pub fn read_direct(&mut self, conn: &mut AnyConn, needs: &Needs) -> Result<(), StoreError> {
        self.models = model_rows::at_work(conn)?;
        self.nonces = admission_rows::seen(conn, &needs.nonces)?;
        for row in admission_rows::earlier(conn, &needs.idempotency)? {
            self.idempotency.insert((row.principal.clone(), row.key.clone()), row);
        }
        for row in subject_rows::pairwise(conn, By::Key, &texts(&needs.subjects))? {
            self.pairwise.insert(row.id.clone(), row);
        }
        for row in subject_rows::lookups(conn, &blobs(&needs.lookups))? {
            self.lookups.insert(row.hmac.clone(), row);
        }
        for row in consent_rows::by_id(conn, &texts(&needs.consents))? {
            self.consents.insert(row.id.clone(), row);
        }
        let mut wanted = needs.inquiries.clone();
        let repeated = self.idempotency.values().filter_map(IdempotencyRow::inquiry);
        wanted.extend(repeated.map(str::to_string));
        let wanted = texts(&wanted);
        for row in inquiry_rows::by_id(conn, &wanted)? {
            self.inquiries.insert(row.id.clone(), row);
        }
        for row in inquiry_rows::outcomes(conn, &wanted)? {
            self.outcomes.insert(row.inquiry.clone(), row);
        }
        for row in subject_rows::person_keys(conn, By::Key, &texts(&needs.person_keys))? {
            self.person_keys.insert(row.thumbprint.clone(), row);
        }
        for row in fact_rows::uploads(conn, &texts(&needs.uploads))? {
            self.uploads.insert(row.id.clone(), row);
        }
        for row in rights_rows::matters(conn, &texts(&needs.matters))? {
            self.matters.insert(row.id.clone(), row);
        }
        for row in fact_rows::data_requests(conn, &texts(&needs.data_requests))? {
            self.data_requests.insert(row.id.clone(), row);
        }
        for row in inquiry_rows::monitors(conn, &texts(&needs.monitors))? {
            self.monitors.insert(row.id.clone(), row);
        }
        Ok(())
    }

    /// The persons that the rows read so far lead to.
    pub fn person_ids(&self, needs: &Needs) -> BTreeSet<String> {
        let mut ids = needs.persons.clone();
        ids.extend(self.pairwise.values().map(|r| r.person.clone()));
        ids.extend(self.lookups.values().map(|r| r.person.clone()));
        ids.extend(self.consents.values().map(|r| r.person.clone()));
        ids.extend(self.inquiries.values().filter_map(|r| r.person.clone()));
        ids.extend(self.person_keys.values().map(|r| r.person.clone()));
        ids.extend(self.matters.values().map(|r| r.person.clone()));
        ids.extend(self.data_requests.values().map(|r| r.person.clone()));
        ids.extend(self.monitors.values().map(|r| r.person.clone()));
        ids
    }

    /// Reads persons, the persons they were merged into, and those merged into these: a freeze
    /// or an inquiry of one of them is of all.
    ///
    /// # Errors
    /// The database's.
    pub fn read_persons(
        &mut self,
        conn: &mut AnyConn,
        ids: &BTreeSet<String>,
    ) -> Result<BTreeSet<String>, StoreError> {
        let mut all = ids.clone();
        let mut wanted = ids.clone();
        while !wanted.is_empty() {
            let rows = subject_rows::persons(conn, &texts(&wanted))?;
            wanted = rows.iter().filter_map(|r| r.merged_into.clone()).collect();
            wanted.retain(|id| !all.contains(id));
            all.extend(wanted.iter().cloned());
            for row in rows {
                self.persons.insert(row.id.clone(), row);
            }
        }
        let mut wanted = all.clone();
        while !wanted.is_empty() {
            let mut rows = subject_rows::merged_into(conn, &texts(&wanted))?;
            rows.retain(|row| all.insert(row.id.clone()));
            wanted = rows.iter().map(|row| row.id.clone()).collect();
            for row in rows {
                self.persons.insert(row.id.clone(), row);
            }
        }
        Ok(all)
    }

    /// Reads what belongs to the persons, and the keys.
    ///
    /// # Errors
    /// The database's or the key store's.
    pub fn read_belongings(
        &mut self,
        conn: &mut AnyConn,
        keystore: &KeyStore,
        ids: &BTreeSet<String>,
        needs: &Needs,
        now: Time,
    ) -> Result<(), StoreError> {
        let persons = texts(ids);
        if needs.scored || needs.profiled {
            for row in score_rows::profiles(conn, &persons)? {
                self.profiles.insert(row.person.clone(), row);
            }
        }
        if needs.scored {
            let since = now.plus_days(-MARK_DAYS).micros();
            for row in score_rows::marks(conn, &persons, since)? {
                self.marks.entry(row.person.clone()).or_default().push(row);
            }
            for row in subject_rows::freezes(conn, &persons)? {
                self.freezes.insert(row.id.clone(), row);
            }
        }
        if let Some(since) = needs.probed_since {
            for (person, asker, threshold) in inquiry_rows::probed(conn, &persons, since)? {
                self.probes.entry(person).or_default().push((asker, threshold));
            }
        }
        if needs.whole_persons {
            for row in subject_rows::pairwise(conn, By::Person, &persons)? {
                self.pairwise.insert(row.id.clone(), row);
            }
            for row in subject_rows::person_keys(conn, By::Person, &persons)? {
                self.person_keys.insert(row.thumbprint.clone(), row);
            }
            for row in subject_rows::mandates(conn, &persons)? {
                self.mandates.insert(row.id.clone(), row);
            }
            for row in subject_rows::freezes(conn, &persons)? {
                self.freezes.insert(row.id.clone(), row);
            }
        }
        for row in rights_rows::contested_of(conn, &persons)? {
            self.contested.insert(row.id.clone(), row);
        }
        for row in fact_rows::facts(conn, &blobs(&needs.facts))? {
            self.facts.insert(row.identity.clone(), row);
        }
        for row in rights_rows::barred_of(conn, &blobs(&needs.facts))? {
            self.barred.insert(row.id.clone(), row);
        }
        let mut names: BTreeSet<String> = ids.iter().map(|id| person_key_name(id)).collect();
        names.insert(period_key_name(now));
        for row in self.idempotency.values() {
            names.insert(row.key_name());
        }
        names.extend(self.inquiries.values().map(super::command::inquire::answer_key));
        names.extend(self.uploads.values().flat_map(super::command::upload::key_names));
        self.keys.extend(keystore.get(names.iter().map(String::as_str))?);
        Ok(())
    }

    /// The person that `id` stands for today: the end of its chain of merges.
    pub fn canonical<'a>(&'a self, id: &'a str) -> &'a str {
        let mut id = id;
        // A chain longer than the number of persons read would be a ring.
        for _ in 0..=self.persons.len() {
            match self.persons.get(id).and_then(|p| p.merged_into.as_deref()) {
                Some(next) => id = next,
                None => break,
            }
        }
        id
    }
}
