//! A Metro 2 file before it is applied: whom each record is about, under which consent, and what
//! it does to what stands.
//!
//! The format names people by number and name, and no basis at all. A consumer is found only as
//! somebody whom this furnisher has enrolled, and the basis is the newest consent to furnish that
//! the person gave to this furnisher. Whoever is not found gets an id that nobody has, and a basis
//! that is not there: such a line is refused where every other line is, in the same words, so that
//! the file does not tell who has a file here. Nobody is enrolled by it, and no consent is made.
//!
//! Reading happens outside of the sequencer. What was read may have changed when the line is
//! applied; the command looks at all of it again.

use std::collections::{BTreeMap, VecDeque};

use serde_json::{Map, Value, json};

use super::Bureau;
use super::command::observe::{digest, identity};
use super::needs::Loaded;
use super::upload::Context;
use crate::collect::metro2::map::origin;
use crate::collect::metro2::{Consumers, Told, Wish, record_of};
use crate::collect::rows::{self as fact_rows, FactRow};
use crate::collect::{
    FieldError, Observation, Operation, SharedBlob, Totals, ends_batch, read_observation,
};
use crate::consent::Purpose;
use crate::consent::rows::{self as consent_rows, ConsentRow};
use crate::error::Problem;
use crate::kernel::Time;
use crate::policy::Environment;
use crate::store::{AnyConn, StoreError};
use crate::subject::document::parse_document;
use crate::subject::rows::{self as subject_rows, By, PairwiseRow};
use crate::subject::{Document, Lookup};

/// A record, and what it says of whom, or what is wrong with it.
type Candidate = (u64, Result<(Told, Option<Found>), Vec<FieldError>>);

/// Consumers that are looked up together.
const CHUNK: usize = 128;
/// Months of an account that a deletion takes back, counted from the month that it names.
const MONTHS_BACK: i32 = 133;
/// The id that nobody has, for whoever is not found.
const NOBODY: &str = "sub_00000000000000000000000000";
/// The consent that nobody gave.
const NO_CONSENT: &str = "con_00000000000000000000000000";

/// A line's number, and its observation or what is wrong with it.
pub type Line = (u64, Result<Observation, Vec<FieldError>>);

/// The lines of one file.
pub struct Accounts<'a> {
    bureau: &'a Bureau,
    context: Context,
    furnisher: String,
    /// Whether the furnisher signed the file.
    scored: bool,
    consumers: Consumers,
    waiting: VecDeque<Line>,
    /// What was sent, good and bad.
    pub totals: Totals,
}

/// Whom a consumer turned out to be.
struct Found {
    subject: String,
    /// The person that the subject was made for.
    holder: String,
    consent: String,
}

impl<'a> Accounts<'a> {
    /// The lines of a file that `furnisher` sent, as they are to be read at `now`.
    pub fn open(
        bureau: &'a Bureau,
        now: Time,
        blob: SharedBlob,
        furnisher: &str,
        scored: bool,
    ) -> Accounts<'a> {
        Accounts {
            bureau,
            context: Context::new(&bureau.engine, now),
            furnisher: furnisher.to_string(),
            scored,
            consumers: Consumers::open(blob),
            waiting: VecDeque::new(),
            totals: Totals::default(),
        }
    }

    /// Reads and looks up the next consumers.
    fn advance(&mut self) -> Result<bool, StoreError> {
        let mut read = Vec::new();
        for line in self.consumers.by_ref().take(CHUNK) {
            read.push(line);
        }
        if read.is_empty() {
            return Ok(false);
        }
        let told: Vec<&Told> = read.iter().filter_map(|(_, told)| told.as_ref().ok()).collect();
        let found = self.bureau.store.read(|conn| self.found(conn, &told))?;
        let mut found = found.into_iter();
        let mut candidates = Vec::new();
        for (number, told) in read {
            match told {
                Ok(told) => {
                    let found = found.next().flatten();
                    candidates.push((number, Ok((told, found))));
                }
                Err(errors) => candidates.push((number, Err(errors))),
            }
        }
        let standing = self.standing(&candidates)?;
        for (number, one) in candidates {
            match one {
                Ok((told, found)) => self.expand(number, &told, found.as_ref(), &standing)?,
                Err(errors) => self.reject(number, errors),
            }
        }
        Ok(true)
    }

    fn reject(&mut self, number: u64, errors: Vec<FieldError>) {
        if !errors.first().is_some_and(|error| ends_batch(error.code)) {
            self.totals.add::<()>(&Err(()));
        }
        self.waiting.push_back((number, Err(errors)));
    }

    /// The furnisher's own subject of each consumer, with the consent to furnish.
    fn found(&self, conn: &mut AnyConn, told: &[&Told]) -> Result<Vec<Option<Found>>, StoreError> {
        let key = &self.bureau.engine.keys.index;
        let today = self.context.read().today;
        let documents: Vec<Option<Document>> = told
            .iter()
            .map(|one| parse_document("national_id", &one.whom.ssn, Some("US"), None, today).ok())
            .collect();
        let digest = |d: &Document| Lookup::of(key, d, "").document;
        let digests: Vec<_> = documents.iter().flatten().map(digest).collect();
        let digests: Vec<&[u8]> = digests.iter().map(<[u8; 32]>::as_slice).collect();
        let rows = subject_rows::lookups(conn, &digests)?;
        let rows: BTreeMap<Vec<u8>, _> = rows.into_iter().map(|r| (r.hmac.clone(), r)).collect();
        let mut loaded = Loaded::default();
        let ids = rows.values().map(|row| row.person.clone()).collect();
        let all = loaded.read_persons(conn, &ids)?;
        let all: Vec<&str> = all.iter().map(String::as_str).collect();
        let subjects = subject_rows::pairwise(conn, By::Person, &all)?;
        let consents = consent_rows::by_person(conn, &all)?;
        let found = told.iter().zip(&documents).map(|(one, document)| {
            let document = document.as_ref()?;
            let row = rows.get(Lookup::of(key, document, "").document.as_slice())?;
            let named = |name: &String| Lookup::of(key, document, name).with_name;
            let same = |name| row.name_hmac == named(name);
            // Document and name must both match: nobody is guessed.
            if !one.whom.names.iter().any(same) {
                return None;
            }
            let person = loaded.canonical(&row.person);
            let own = |s: &&PairwiseRow| {
                s.partner == self.furnisher && !s.mismatch && loaded.canonical(&s.person) == person
            };
            let subject = subjects.iter().filter(own).min_by(|a, b| a.id.cmp(&b.id))?;
            let consent = self.newest(&consents, &subject.id);
            Some(Found {
                subject: subject.id.clone(),
                holder: subject.person.clone(),
                consent: consent.unwrap_or_else(|| NO_CONSENT.to_string()),
            })
        });
        Ok(found.collect())
    }

    /// The newest consent to furnish under this subject that can still be used; else the newest.
    fn newest(&self, consents: &[ConsentRow], subject: &str) -> Option<String> {
        let now = self.context.now.micros();
        let own = consents.iter().filter(|row| {
            row.subject == subject
                && row.recipient == self.furnisher
                && row.purpose == Purpose::Furnish.name()
        });
        let usable = |row: &ConsentRow| {
            row.revoked_us.is_none() && row.valid_from_us <= now && now < row.expires_us
        };
        own.max_by_key(|row| (usable(row), row.idx)).map(|row| row.id.clone())
    }

    /// What stands under the names of the records that the consumers may touch.
    fn standing(&self, candidates: &[Candidate]) -> Result<BTreeMap<Vec<u8>, FactRow>, StoreError> {
        let mut names = Vec::new();
        for (_, one) in candidates {
            let Ok((told, Some(found))) = one else { continue };
            for (_, map) in self.records(told) {
                if let Ok(observation) = self.observation(&map, Some(found), Operation::Report) {
                    names.push(self.name(found, &observation));
                }
            }
        }
        let names: Vec<&[u8]> = names.iter().map(<[u8; 32]>::as_slice).collect();
        let rows = self.bureau.store.read(|conn| fact_rows::facts(conn, &names))?;
        Ok(rows.into_iter().map(|row| (row.identity.clone(), row)).collect())
    }

    fn name(&self, found: &Found, observation: &Observation) -> [u8; 32] {
        identity(&self.bureau.engine, &found.holder, &self.furnisher, observation)
    }

    /// The records of one consumer, by their place among the consumer's lines: the account, its
    /// month, and for a deletion every month that may stand.
    fn records(&self, told: &Told) -> Vec<(u64, Map<String, Value>)> {
        let mut records = vec![(0, told.account.clone())];
        if told.wish != Wish::Delete {
            records.push((1, told.account_month.clone()));
            return records;
        }
        for (place, back) in (1u64..).zip(-1..MONTHS_BACK) {
            let month = told.month.plus(-back);
            let mut map = told.account_month.clone();
            map.insert("month".to_string(), json!(month));
            map.insert("date_of_information".to_string(), json!(month.first_day()));
            records.push((place, map));
        }
        records
    }

    /// One record as an observation of the furnisher's own subject.
    fn observation(
        &self,
        map: &Map<String, Value>,
        found: Option<&Found>,
        op: Operation,
    ) -> Result<Observation, Vec<FieldError>> {
        let mut map = map.clone();
        let (subject, consent) = match found {
            Some(found) => (found.subject.as_str(), found.consent.as_str()),
            None => (NOBODY, NO_CONSENT),
        };
        map.insert("subject".to_string(), json!(subject));
        map.insert("basis".to_string(), json!({ "type": "consent", "ref": consent }));
        map.insert("op".to_string(), json!(op));
        if self.bureau.engine.environment == Environment::Sandbox {
            map.insert("synthetic".to_string(), json!(true));
        }
        read_observation(&map, &self.context.read())
    }

    fn expand(
        &mut self,
        number: u64,
        told: &Told,
        found: Option<&Found>,
        standing: &BTreeMap<Vec<u8>, FactRow>,
    ) -> Result<(), StoreError> {
        let translated = |errors: Vec<FieldError>| -> Vec<FieldError> {
            let place = |error: FieldError| match origin(told.at, &error.pointer) {
                (_, "") => told.at.whole(error.code, &error.message),
                (at, no) => at.field(no, error.code, &error.message),
            };
            errors.into_iter().map(place).collect()
        };
        let mut lines = Vec::new();
        let mut wrong = Vec::new();
        for (place, map) in self.records(told) {
            let observation = match self.observation(&map, found, Operation::Report) {
                Ok(observation) => observation,
                // A month before the calendar or before what may be kept takes nothing back.
                Err(_) if told.wish == Wish::Delete && place > 0 => continue,
                Err(errors) => {
                    wrong.extend(translated(errors));
                    continue;
                }
            };
            let row = found.and_then(|f| standing.get(self.name(f, &observation).as_slice()));
            if told.wish == Wish::Delete && place > 0 && row.is_none_or(|row| row.deleted) {
                continue;
            }
            let op = self.operation(told.wish, place, &observation, row)?;
            lines.push((number + place, Observation { op, ..observation }, map));
        }
        if !wrong.is_empty() {
            wrong.dedup();
            self.reject(number, wrong);
            return Ok(());
        }
        for (number, observation, map) in lines {
            self.totals.add::<()>(&Ok(map));
            self.waiting.push_back((number, Ok(observation)));
        }
        Ok(())
    }

    /// What a record does to the one of the same name. The same bytes again stay what they were,
    /// so that a file sent twice changes nothing.
    fn operation(
        &self,
        wish: Wish,
        place: u64,
        observation: &Observation,
        row: Option<&FactRow>,
    ) -> Result<Operation, StoreError> {
        if wish == Wish::Delete {
            return Ok(Operation::Delete);
        }
        for op in [Operation::Report, Operation::Correct] {
            let same = Observation { op, ..observation.clone() };
            let scored = digest(&self.bureau.engine, &same, self.scored)?;
            if row.is_some_and(|row| row.digest == scored) {
                return Ok(op);
            }
        }
        let stands = row.is_some_and(|row| !row.deleted);
        // The fixed part of an account is reported anew each month, as it is by then.
        let replaces = place == 0 || wish == Wish::Correct;
        Ok(if stands && replaces { Operation::Correct } else { Operation::Report })
    }
}

impl Iterator for Accounts<'_> {
    type Item = Result<Line, Problem>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(line) = self.waiting.pop_front() {
                return Some(Ok(line));
            }
            match self.advance() {
                Ok(true) => {}
                Ok(false) => return None,
                Err(error) => {
                    tracing::error!(%error, "consumers cannot be looked up");
                    return Some(Err(Problem::internal()));
                }
            }
        }
    }
}

/// Brings the lines of a receipt to records, and says of each error which record it is about.
pub fn by_record(receipt: &mut crate::collect::Receipt) {
    for error in &mut receipt.errors {
        error.line = record_of(error.line);
        if !error.message.starts_with("record ") {
            error.message = format!("record {}: {}", error.line, error.message);
        }
    }
}

/// The record up to which a file is dealt with.
pub fn records_done(next_line: u64) -> u64 {
    record_of(next_line.saturating_sub(1))
}
