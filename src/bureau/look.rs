//! Looking at scores from inside: the sight of the bureau's own staff and tools. Nothing here
//! records anything: whoever shows the result to somebody records that first
//! ([`super::command::look`]).

use std::collections::{BTreeMap, BTreeSet};

use super::Bureau;
use super::command::refold::{Question, day_number, fold, retention, terms};
use super::folded::{Folded, open_profile};
use super::replay::Recalled;
use super::standing::identity_level;
use super::work::open_identity;
use crate::inquiry::hard::{Mark, count};
use crate::kernel::Time;
use crate::kernel::seal::SealKey;
use crate::ledger::body::person_key_name;
use crate::ledger::rows as ledger_rows;
use crate::partner::{Registry, rows as partner_rows};
use crate::score::rows::{self as score_rows, MarkRow};
use crate::score::{AsOf, Assessment, Profile, Scope, Scorecard, assess, assess_vector};
use crate::store::StoreError;
use crate::subject::rows::{self as subject_rows, By, PersonRow};

/// Persons whose rows are read together.
pub const PAGE_PERSONS: usize = 400;

/// A person's score at a moment.
#[derive(Debug)]
pub struct Seen {
    /// The person.
    pub person: String,
    /// Where they live: it chooses the scorecard.
    pub residence: String,
    /// As of when.
    pub as_of: Time,
    /// Observations behind it.
    pub observations: u64,
    /// The score, explained; `None` when the person was erased.
    pub assessment: Option<Assessment>,
}

/// How an inquiry's score came about.
pub enum Past {
    /// What was computed then, from the vector stored with the answer.
    Scored {
        /// Index of the inquiry's entry.
        index: u64,
        /// About whom.
        person: String,
        /// As of when.
        as_of: Time,
        /// From which entries: those before this index.
        known_at: u64,
        /// The score, explained.
        assessment: Box<Assessment>,
        /// The scorecard that was in force then.
        scorecard: Box<Scorecard>,
    },
    /// It was answered without a score.
    Unscored {
        /// Index of the inquiry's entry.
        index: u64,
    },
    /// The personal part is gone, and why.
    Gone {
        /// Index of the inquiry's entry.
        index: u64,
        /// Why.
        why: String,
    },
}

struct Page {
    rows: BTreeMap<String, PersonRow>,
    keys: BTreeMap<String, SealKey>,
    profiles: BTreeMap<String, score_rows::ProfileRow>,
    marks: BTreeMap<String, Vec<MarkRow>>,
}

impl Bureau {
    /// Partners and their keys.
    ///
    /// # Errors
    /// The database's, here and below.
    pub fn registry(&self) -> Result<Registry, StoreError> {
        self.store.read(partner_rows::load)
    }

    /// The person whom a partner's id, or the bureau's own, names, without following merges.
    ///
    /// # Errors
    /// The database's.
    pub fn person_named(&self, subject: &str) -> Result<Option<String>, StoreError> {
        self.store.read(|conn| {
            let rows = subject_rows::pairwise(conn, By::Key, &[subject])?;
            if let Some(row) = rows.into_iter().next() {
                return Ok(Some(row.person));
            }
            let rows = subject_rows::persons(conn, &[subject])?;
            Ok(rows.into_iter().next().map(|row| row.id))
        })
    }

    /// Ids of the persons on file after `after`, a page of them, in order.
    ///
    /// # Errors
    /// The database's.
    pub fn persons_after(&self, after: &str) -> Result<Vec<String>, StoreError> {
        let limit = PAGE_PERSONS as i64;
        self.store.read(|conn| subject_rows::standing_after(conn, after, limit))
    }

    /// How many persons are on file.
    ///
    /// # Errors
    /// The database's.
    pub fn count_persons(&self) -> Result<u64, StoreError> {
        Ok(self.store.read(subject_rows::count_standing)?.unsigned_abs())
    }

    /// How many entries the log had at `at`.
    ///
    /// # Errors
    /// The database's.
    pub fn size_at(&self, at: Time) -> Result<u64, StoreError> {
        self.store.read(|conn| ledger_rows::size_at(conn, at.micros()))
    }

    /// Scores of `persons` under the scorecard in force, everything readable: as of `as_of`, from
    /// all entries or only those before index `known_at`. The identity is what the vault holds
    /// today, with the checks made by the date of `as_of`.
    ///
    /// # Errors
    /// The database's, or something that does not open.
    pub fn look(
        &self,
        persons: &[String],
        as_of: Time,
        known_at: Option<u64>,
    ) -> Result<Vec<Seen>, StoreError> {
        let mut seen = Vec::with_capacity(persons.len());
        for chunk in persons.chunks(PAGE_PERSONS) {
            let page = self.page(chunk)?;
            for person in chunk {
                seen.push(self.look_at(&page, person, as_of, known_at)?);
            }
        }
        Ok(seen)
    }

    fn page(&self, persons: &[String]) -> Result<Page, StoreError> {
        let ids: Vec<&str> = persons.iter().map(String::as_str).collect();
        let names: BTreeSet<String> = ids.iter().map(|id| person_key_name(id)).collect();
        let keys = self.keystore().get(names.iter().map(String::as_str))?;
        self.store.read(|conn| {
            let rows = subject_rows::persons(conn, &ids)?;
            let profiles = score_rows::profiles(conn, &ids)?;
            let mut marks: BTreeMap<String, Vec<MarkRow>> = BTreeMap::new();
            for row in score_rows::marks(conn, &ids, i64::MIN)? {
                marks.entry(row.person.clone()).or_default().push(row);
            }
            Ok(Page {
                rows: rows.into_iter().map(|row| (row.id.clone(), row)).collect(),
                keys,
                profiles: profiles.into_iter().map(|row| (row.person.clone(), row)).collect(),
                marks,
            })
        })
    }

    fn look_at(
        &self,
        page: &Page,
        person: &str,
        as_of: Time,
        known_at: Option<u64>,
    ) -> Result<Seen, StoreError> {
        let row = page.rows.get(person);
        let row = row.ok_or_else(|| StoreError::Refused(format!("there is no person {person}")))?;
        let mut seen = Seen {
            person: person.to_string(),
            residence: row.residence.clone(),
            as_of,
            observations: 0,
            assessment: None,
        };
        let Some(key) = page.keys.get(&person_key_name(person)) else { return Ok(seen) };
        let folded = match known_at {
            Some(before) => self.fold_before(person, &row.residence, before)?,
            None => self.fold_now(page, person, key)?,
        };
        let (_, offset) = terms(&self.engine, &row.residence);
        let date = as_of.date_at(offset);
        let (level, _) = identity_level(&open_identity(row, key)?, &folded.0, date);
        let marks = page.marks.get(person).map(Vec::as_slice).unwrap_or_default();
        let known = |mark: &&MarkRow| known_at.is_none_or(|before| (mark.idx as u64) < before);
        let marks: Vec<Mark<'_>> = marks
            .iter()
            .filter(known)
            .map(|m| Mark { scenario: &m.scenario, at: Time::from_micros(m.at_us) })
            .collect();
        let (six, twelve) = count(&marks, as_of);
        let as_of = AsOf {
            date,
            identity_level: level,
            hard_inquiries_6m: six,
            hard_inquiries_12m: twelve,
            scope: Scope::ALL,
            with_disputed: None,
        };
        seen.observations = folded.1;
        let card = self.engine.scorecard_of(&row.residence);
        seen.assessment = Some(assess(&folded.0, card, &as_of));
        Ok(seen)
    }

    fn fold_now(
        &self,
        page: &Page,
        person: &str,
        key: &SealKey,
    ) -> Result<(Profile, u64), StoreError> {
        let Some(row) = page.profiles.get(person) else {
            let residence = page.rows.get(person).map(|p| p.residence.as_str());
            let (base, _) = terms(&self.engine, residence.unwrap_or_default());
            return Ok((Profile::new(base), 0));
        };
        let Folded { profile, observations, until_day, .. } = open_profile(row, key)?;
        let residence = page.rows.get(person).map_or("", |row| row.residence.as_str());
        let (_, offset) = terms(&self.engine, residence);
        if until_day <= day_number(self.engine.env.now().date_at(offset)) {
            // Something's time is over since it was folded.
            return self.fold_before(person, residence, i64::MAX.unsigned_abs());
        }
        Ok((profile, observations))
    }

    fn fold_before(
        &self,
        person: &str,
        residence: &str,
        before: u64,
    ) -> Result<(Profile, u64), StoreError> {
        let (base, utc_offset_hours) = terms(&self.engine, residence);
        let day = self.engine.env.now().date_at(utc_offset_hours);
        let retention = retention(&self.engine, residence);
        let question = Question { person, base, utc_offset_hours, before, retention, day };
        let keystore = self.keystore();
        self.store.read(|conn| {
            let mut key = |owner: &str| {
                let name = person_key_name(owner);
                let found = keystore.get([name.as_str()])?.remove(&name);
                found.ok_or_else(|| StoreError::inconsistent(format!("the key {name} is gone")))
            };
            let folded = fold(conn, &mut key, &question, &|_| Vec::new(), &Default::default())?;
            Ok((folded.profile, folded.observations))
        })
    }

    /// How the score of a past inquiry came about.
    ///
    /// # Errors
    /// The inquiry is unknown, the database fails, or the scorecard of then does not fit.
    pub fn past(&self, inquiry: &str) -> Result<Past, StoreError> {
        let (index, stored) = match self.recall(inquiry)? {
            Recalled::Nothing { index } => return Ok(Past::Unscored { index }),
            Recalled::Gone { index, why } => return Ok(Past::Gone { index, why }),
            Recalled::Stored { index, stored } => (index, stored),
        };
        let scorecard = self.scorecard_of(&stored.scorecard)?;
        let assessment = assess_vector(&scorecard, &stored.vector)
            .map_err(|e| StoreError::inconsistent(e.to_string()))?;
        Ok(Past::Scored {
            index,
            person: stored.person.clone(),
            as_of: stored.as_of,
            known_at: stored.known_at,
            assessment: Box::new(assessment),
            scorecard: Box::new(scorecard),
        })
    }
}
