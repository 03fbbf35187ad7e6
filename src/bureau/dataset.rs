//! A training table from the ledger: what could be known of everybody at a moment, and what became
//! of them after it (data-model.md, Scores).
//!
//! The characteristics are folded from the entries before an index, without what had not happened
//! by the moment; the outcome is read from what was reported of the window after it. Entries that
//! come later change no characteristic. Nothing is recorded here: whoever takes the table out
//! records that first ([`super::command::look::TakeTable`]).

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;

use super::Bureau;
use super::command::enrol::VERIFICATION_YEARS;
use super::command::refold::{Circle, Counted, Question, counted, fold_counted, retention, terms};
use crate::collect::observation::{Fact, Observation, StatusKind};
use crate::inquiry::hard::{Mark, count};
use crate::kernel::Time;
use crate::kernel::seal::SealKey;
use crate::ledger::body::{SealedRecord, open_part, person_key_name};
use crate::ledger::rows::{self as ledger_rows, BodyRow};
use crate::model::dataset::{Outcome, Row, as_seen, outcome, values};
use crate::rights::rows as rights_rows;
use crate::score::rows as score_rows;
use crate::score::{AsOf, Profile, Scope, live};
use crate::store::{AnyConn, KeyStore, StoreError};
use crate::subject::level::level;
use crate::subject::rows::{self as subject_rows, By};

/// When a table looks.
#[derive(Clone, Debug)]
pub struct Window {
    /// The moment of the characteristics.
    pub as_of: Time,
    /// They are made of the entries before this index.
    pub known_at: u64,
    /// The last day of the outcome.
    pub until: Date,
    /// Outcomes known from elsewhere, by a partner's id of the person or the bureau's own.
    pub labels: Option<BTreeMap<String, bool>>,
}

impl Bureau {
    /// The rows of some persons; those who were erased have none.
    ///
    /// # Errors
    /// The database's, or something that does not open.
    pub fn training_rows(
        &self,
        persons: &[String],
        window: &Window,
    ) -> Result<Vec<Row>, StoreError> {
        let keystore = self.keystore();
        let ids: Vec<&str> = persons.iter().map(String::as_str).collect();
        let rows = self.store.read(|conn| subject_rows::persons(conn, &ids))?;
        let mut out = Vec::with_capacity(rows.len());
        for row in rows.iter().filter(|row| row.erased_idx.is_none()) {
            out.push(self.training_row(&keystore, &row.id, &row.residence, window)?);
        }
        Ok(out)
    }

    fn training_row(
        &self,
        keystore: &KeyStore,
        person: &str,
        residence: &str,
        window: &Window,
    ) -> Result<Row, StoreError> {
        let (base, utc_offset_hours) = terms(&self.engine, residence);
        let date = window.as_of.date_at(utc_offset_hours);
        let question = Question {
            person,
            base,
            utc_offset_hours,
            before: window.known_at,
            retention: retention(&self.engine, residence),
            day: date,
        };
        self.store.read(|conn| {
            let mut key = |owner: &str| key(keystore, &person_key_name(owner));
            let mut seen = counted(conn, &mut key, &question, &no_fresh, &Default::default())?;
            seen.logged.retain_mut(|one| match as_seen(&one.observation.fact, date) {
                Some(fact) => {
                    one.observation.fact = fact;
                    true
                }
                None => false,
            });
            let (profile, _) = fold_counted(&seen, &question);
            let as_of = circumstances(conn, keystore, &profile, &question, window)?;
            let later = Question { before: i64::MAX.unsigned_abs(), ..question };
            let whole = counted(conn, &mut key, &later, &no_fresh, &Default::default())?;
            let outcome = what_became(conn, &whole, &later, date, window)?;
            let values = values(&profile, self.engine.champion(), &as_of);
            let made_up = whole.logged.iter().any(|one| one.observation.synthetic);
            let source = if made_up { "synthetic" } else { "ledger" }.to_string();
            Ok(Row { source, as_of: date, outcome, values })
        })
    }
}

fn no_fresh(_: &[&str]) -> Vec<BodyRow> {
    Vec::new()
}

fn key(keystore: &KeyStore, name: &str) -> Result<SealKey, StoreError> {
    let found = keystore.get([name])?.remove(name);
    found.ok_or_else(|| StoreError::inconsistent(format!("the key {name} is gone")))
}

/// Identity level and inquiries as the log knew them: the vault of today knows what came later.
fn circumstances(
    conn: &mut AnyConn,
    keystore: &KeyStore,
    profile: &Profile,
    question: &Question<'_>,
    window: &Window,
) -> Result<AsOf, StoreError> {
    let circle = Circle::of(conn, question.person, question.before)?;
    let members = circle.members();
    let checks = profile.verifications.iter().map(|slot| {
        let date = crate::kernel::Month(slot.verified).first_day();
        (slot.channel.name(), format!("{:x?}", slot.source), date)
    });
    let checks: Vec<(&str, String, Date)> = checks.collect();
    let by_records = level(
        checks.iter().map(|(channel, source, date)| (*channel, source.as_str(), *date)),
        window.as_of.date_at(question.utc_offset_hours),
        VERIFICATION_YEARS,
    );
    let mut identity_level = by_records;
    for body in ledger_rows::bodies_about(conn, &members, "subject_enrolled", question.before)? {
        identity_level = identity_level.max(enrolled_level(keystore, &body)?);
    }
    let marks = score_rows::marks(conn, &members, i64::MIN)?;
    let marks: Vec<Mark<'_>> = marks
        .iter()
        .filter(|mark| mark.idx.unsigned_abs() < question.before)
        .map(|mark| Mark { scenario: &mark.scenario, at: Time::from_micros(mark.at_us) })
        .collect();
    let (hard_inquiries_6m, hard_inquiries_12m) = count(&marks, window.as_of);
    Ok(AsOf {
        date: window.as_of.date_at(question.utc_offset_hours),
        identity_level,
        hard_inquiries_6m,
        hard_inquiries_12m,
        scope: Scope::ALL,
        with_disputed: None,
    })
}

/// The level that an enrolment's own evidence supported.
fn enrolled_level(keystore: &KeyStore, body: &BodyRow) -> Result<u8, StoreError> {
    let index = body.idx.unsigned_abs();
    let sealed: SealedRecord =
        open_part(&key(keystore, &body.period)?, "record", index, &body.record)
            .map_err(|e| StoreError::inconsistent(e.to_string()))?;
    let record: serde_json::Value = serde_json::from_str(&sealed.part.text)
        .map_err(|e| StoreError::inconsistent(format!("enrolment {index}: {e}")))?;
    Ok(record["identity_level"].as_u64().unwrap_or(0).min(4) as u8)
}

/// What became of a person, by everything that is known today.
fn what_became(
    conn: &mut AnyConn,
    whole: &Counted,
    question: &Question<'_>,
    date: Date,
    window: &Window,
) -> Result<Outcome, StoreError> {
    let circle = Circle::of(conn, question.person, question.before)?;
    let members = circle.members();
    let contested = rights_rows::contested_of(conn, &members)?;
    let open: BTreeSet<u64> = contested
        .iter()
        .filter(|item| item.to_idx.is_none())
        .map(|item| item.observation.unsigned_abs())
        .collect();
    let standing = live(whole.logged.iter().map(|one| one.in_context(question.utc_offset_hours)));
    let ends = |observation: &Observation| {
        let Fact::StatusEvent(event) = &observation.fact else { return false };
        matches!(event.event, StatusKind::Death | StatusKind::IdentityTheft)
    };
    let excluded = standing.iter().any(|(ctx, o)| open.contains(&ctx.index) || ends(o));
    if excluded || !open.is_empty() {
        return Ok(Outcome::Excluded);
    }
    let Some(labels) = &window.labels else {
        return Ok(outcome(standing.iter().map(|(_, o)| *o), date, window.until));
    };
    let mut names: Vec<String> = members.iter().map(|id| (*id).to_string()).collect();
    let pairwise = subject_rows::pairwise(conn, By::Person, &members)?;
    names.extend(pairwise.into_iter().map(|row| row.id));
    Ok(match names.iter().find_map(|name| labels.get(name)) {
        Some(true) => Outcome::Bad,
        Some(false) => Outcome::Good,
        None => Outcome::Unseen,
    })
}
