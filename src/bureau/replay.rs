//! Replay: a past answer computed again from the ledger (decisions.md 17).

use serde::Serialize;
use serde_json::{Value, json};

use super::Bureau;
use super::authority::pack_of;
use super::command::refold::{Circle, Question, fold, retention, terms};
use super::needs::MARK_DAYS;
use crate::inquiry::hard::{Mark, count};
use crate::inquiry::{answer, rows as inquiry_rows};
use crate::kernel::bytes::hex;
use crate::kernel::{Currency, Time};
use crate::ledger::body::{PersonalPart, evidence_of, open_part, person_key_name};
use crate::ledger::leaf::Leaf;
use crate::ledger::rows as ledger_rows;
use crate::policy::Retention;
use crate::policy::Rules;
use crate::score::rows as score_rows;
use crate::score::{AsOf, Assessment, Outcome, Scope, Scorecard, Vector, assess, assess_vector};
use crate::store::{AnyConn, StoreError};
use crate::subject::rows as subject_rows;

/// How a replay ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "replay", rename_all = "snake_case")]
pub enum Replayed {
    /// Both ways give what was answered, bit for bit.
    Same {
        /// Index of the inquiry's entry.
        index: u64,
        /// The score, where there was one.
        score: Option<i32>,
        /// From which entries the profile was folded: those before this index.
        known_at: u64,
        /// Observations folded.
        observations: u64,
    },
    /// It was answered without a score; there is nothing to compute.
    NothingToCompute {
        /// Index of the inquiry's entry.
        index: u64,
    },
    /// Something differs.
    Differs {
        /// Index of the inquiry's entry.
        index: u64,
        /// What, one line each.
        differences: Vec<String>,
    },
    /// The personal part is gone.
    Gone {
        /// Index of the inquiry's entry.
        index: u64,
        /// Why.
        why: String,
    },
}

/// What an inquiry's entry keeps of how its score came about.
pub(super) struct Stored {
    pub(super) person: String,
    pub(super) as_of: Time,
    pub(super) known_at: u64,
    scope: Scope,
    hard: (u32, u32),
    level: u8,
    pub(super) vector: Vector,
    points: Vec<i32>,
    total: i64,
    pub(super) scorecard: String,
    /// When it was answered.
    at: Time,
    /// The members that carried the answer's value.
    value: Value,
    /// The threshold it was held against.
    threshold: Option<i64>,
}

/// What of a rule pack a fold depends on.
struct Clocks {
    currency: Currency,
    utc_offset_hours: i8,
    retention: Option<Retention>,
}

/// What there is to recompute of an inquiry.
pub(super) enum Recalled {
    /// It was answered without a score.
    Nothing { index: u64 },
    /// The personal part is gone.
    Gone { index: u64, why: String },
    /// All that a score needs.
    Stored { index: u64, stored: Box<Stored> },
}

fn stored(personal: &Value, at: Time) -> Option<Stored> {
    let number = |value: &Value| value.as_u64();
    let dimensions = personal["scope"]["dimensions"].as_array()?;
    let mut scope = Scope { dimensions: [false; 5], ..Scope::NONE };
    for (slot, value) in scope.dimensions.iter_mut().zip(dimensions) {
        *slot = value.as_bool()?;
    }
    scope.restricted = personal["scope"]["restricted"].as_bool()?;
    Some(Stored {
        person: personal["person"].as_str()?.to_string(),
        as_of: personal["as_of"].as_str()?.parse().ok()?,
        known_at: number(&personal["known_at"])?,
        scope,
        hard: (
            number(&personal["hard_inquiries"][0])? as u32,
            number(&personal["hard_inquiries"][1])? as u32,
        ),
        level: number(&personal["identity_level"])? as u8,
        vector: serde_json::from_value(personal["vector"].clone()).ok()?,
        points: serde_json::from_value(personal["points"].clone()).ok()?,
        total: personal["total"].as_i64()?,
        scorecard: personal["scorecard"].as_str()?.to_string(),
        at,
        value: personal["value"].clone(),
        threshold: personal["threshold"].as_i64(),
    })
}

impl Bureau {
    /// Recomputes the answer of an inquiry twice: from the ledger as it was known then, and from
    /// the vector that was stored with it.
    ///
    /// # Errors
    /// The inquiry is unknown, or the database fails.
    pub fn replay(&self, inquiry: &str) -> Result<Replayed, StoreError> {
        match self.recall(inquiry)? {
            Recalled::Nothing { index } => Ok(Replayed::NothingToCompute { index }),
            Recalled::Gone { index, why } => Ok(Replayed::Gone { index, why }),
            Recalled::Stored { index, stored } => self.recompute(index, &stored),
        }
    }

    /// The person whose score a past answer shows; `None` when there was none, or it is gone.
    ///
    /// # Errors
    /// The inquiry is unknown, or the database fails.
    pub fn shown_in(&self, inquiry: &str) -> Result<Option<String>, StoreError> {
        Ok(match self.recall(inquiry)? {
            Recalled::Stored { stored, .. } => Some(stored.person),
            Recalled::Nothing { .. } | Recalled::Gone { .. } => None,
        })
    }

    /// What was stored with an inquiry.
    ///
    /// # Errors
    /// The inquiry is unknown, or the database fails.
    pub(super) fn recall(&self, inquiry: &str) -> Result<Recalled, StoreError> {
        let row = self.store.read(|conn| inquiry_rows::by_id(conn, &[inquiry]))?;
        let row = row
            .into_iter()
            .next()
            .ok_or_else(|| StoreError::Refused(format!("there is no inquiry {inquiry}")))?;
        let index = row.idx as u64;
        let body = self.store.read(|conn| ledger_rows::bodies(conn, index, index + 1))?;
        let body = body.into_iter().next();
        let Some((body, person)) = body.zip(row.person.clone()) else {
            return Ok(Recalled::Nothing { index });
        };
        let owner = body.person.clone().unwrap_or(person);
        if let Some(person) = evidence_of(&owner) {
            let rows = self.store.read(|conn| subject_rows::persons(conn, &[person]))?;
            let by = rows.first().and_then(|row| row.erased_idx).unwrap_or_default();
            let why = format!("the person was erased: the certificate is entry {by} of the log");
            return Ok(Recalled::Gone { index, why });
        }
        let name = person_key_name(&owner);
        let Some(key) = self.keystore.get([name.as_str()])?.remove(&name) else {
            let why = "the person was erased: the key that sealed this answer is destroyed";
            return Ok(Recalled::Gone { index, why: why.to_string() });
        };
        let part: PersonalPart = open_part(&key, "personal", index, &body.personal)
            .map_err(|e| StoreError::inconsistent(e.to_string()))?;
        let personal: Value = serde_json::from_str(&part.text)
            .map_err(|e| StoreError::inconsistent(e.to_string()))?;
        Ok(match stored(&personal, Time::from_micros(row.at_us)) {
            Some(stored) => Recalled::Stored { index, stored: Box::new(stored) },
            None => Recalled::Nothing { index },
        })
    }

    /// The scorecard of this digest, kept for ever.
    ///
    /// # Errors
    /// It is not kept, or does not read.
    pub(super) fn scorecard_of(&self, digest: &str) -> Result<Scorecard, StoreError> {
        let artefacts = self.store.read(ledger_rows::artefacts)?;
        let row = artefacts.into_iter().find(|row| row.digest == digest);
        let text = row.map(|row| row.content).ok_or_else(|| {
            StoreError::inconsistent(format!("the scorecard {digest} is not kept"))
        })?;
        Scorecard::read(text.as_bytes()).map_err(|e| StoreError::inconsistent(e.to_string()))
    }

    /// The clocks of the rule pack that was in force when entry `index` was made: its leaf names
    /// the set, which is kept for ever.
    fn clocks_of(&self, index: u64, residence: &str) -> Result<Clocks, StoreError> {
        let leaf = self.store.read(|conn| ledger_rows::leaves(conn, index, index + 1))?;
        let leaf = leaf.into_iter().next().and_then(|row| Leaf::parse(&row.leaf).ok());
        let leaf =
            leaf.ok_or_else(|| StoreError::inconsistent(format!("entry {index} is gone")))?;
        let then = pack_of(residence).filter(|_| leaf.packs != self.engine.rules.digest());
        let Some(id) = then else {
            let (currency, utc_offset_hours) = terms(&self.engine, residence);
            let retention = retention(&self.engine, residence).cloned();
            return Ok(Clocks { currency, utc_offset_hours, retention });
        };
        let digest = hex(&leaf.packs);
        let artefacts = self.store.read(ledger_rows::artefacts)?;
        let archive = artefacts.iter().find(|row| row.digest == digest).ok_or_else(|| {
            StoreError::inconsistent(format!("the rule packs {digest} are not kept"))
        })?;
        let pack = Rules::archived_pack(&archive.content, id).map_err(|e| {
            StoreError::inconsistent(format!("the rule packs {digest} do not read: {e}"))
        })?;
        Ok(Clocks {
            currency: pack.currency,
            utc_offset_hours: pack.utc_offset_hours,
            retention: Some(pack.retention),
        })
    }

    /// Whether something that the answer rested on was purged since.
    fn purged_since(&self, stored: &Stored) -> Result<Option<String>, StoreError> {
        self.store.read(|conn| {
            let circle = Circle::of(conn, &stored.person, stored.known_at)?;
            let (ids, before) = (circle.ids(), stored.known_at);
            let rows = ledger_rows::bodies_about(conn, &ids, "observation", before)?;
            let gone = rows.iter().find(|row| row.personal.is_empty());
            Ok(gone.map(|row| {
                format!(
                    "entry {}, on which it rested, was purged since: a certificate in the log \
                     names it",
                    row.idx
                )
            }))
        })
    }

    fn recompute(&self, index: u64, stored: &Stored) -> Result<Replayed, StoreError> {
        let scorecard = self.scorecard_of(&stored.scorecard)?;
        let residence = self.store.read(|conn| {
            let rows = subject_rows::persons(conn, &[stored.person.as_str()])?;
            Ok(rows.into_iter().next().map(|row| row.residence).unwrap_or_default())
        })?;
        let clocks = self.clocks_of(index, &residence)?;
        let (base, utc_offset_hours) = (clocks.currency, clocks.utc_offset_hours);
        let question = Question {
            person: &stored.person,
            base,
            utc_offset_hours,
            before: stored.known_at,
            retention: clocks.retention.as_ref(),
            day: stored.at.date_at(utc_offset_hours),
        };
        if let Some(why) = self.purged_since(stored)? {
            return Ok(Replayed::Gone { index, why });
        }
        let keystore = &self.keystore;
        let (profile, observations, hard) = self.store.read(|conn| {
            let mut key = |owner: &str| {
                let name = person_key_name(owner);
                let found = keystore.get([name.as_str()])?.remove(&name);
                found.ok_or_else(|| StoreError::inconsistent(format!("the key {name} is gone")))
            };
            let folded = fold(conn, &mut key, &question, &|_| Vec::new(), &Default::default())?;
            Ok((folded.profile, folded.observations, hard_inquiries(conn, stored)?))
        })?;
        let as_of = AsOf {
            date: stored.as_of.date_at(utc_offset_hours),
            identity_level: stored.level,
            hard_inquiries_6m: hard.0,
            hard_inquiries_12m: hard.1,
            scope: stored.scope,
            with_disputed: None,
        };
        let ledger = assess(&profile, &scorecard, &as_of);
        let vector = assess_vector(&scorecard, &stored.vector)
            .map_err(|e| StoreError::inconsistent(e.to_string()))?;
        let mut differences = Vec::new();
        compare("ledger", &ledger, stored, &mut differences);
        compare("vector", &vector, stored, &mut differences);
        if hard != stored.hard {
            differences
                .push(format!("ledger: hard inquiries were {:?}, are {hard:?}", stored.hard));
        }
        answered(&ledger, stored, &mut differences);
        if hex(&scorecard.digest) != stored.scorecard {
            differences.push("scorecard: the kept text has another digest".to_string());
        }
        if !differences.is_empty() {
            return Ok(Replayed::Differs { index, differences });
        }
        let (score, known_at) = (ledger.score(), stored.known_at);
        Ok(Replayed::Same { index, score, known_at, observations })
    }
}

/// The hard inquiries that counted then, from the marks of the entries before this one.
fn hard_inquiries(conn: &mut AnyConn, stored: &Stored) -> Result<(u32, u32), StoreError> {
    let circle = Circle::of(conn, &stored.person, stored.known_at)?;
    let since = stored.at.plus_days(-MARK_DAYS).micros();
    let mut rows = score_rows::marks(conn, &circle.members(), since)?;
    rows.retain(|row| (row.idx as u64) < stored.known_at);
    let mut marks: Vec<Mark<'_>> = rows
        .iter()
        .map(|row| Mark { scenario: &row.scenario, at: Time::from_micros(row.at_us) })
        .collect();
    marks.sort_by_key(|mark| mark.at);
    Ok(count(&marks, stored.as_of))
}

/// Holds what was answered against what the score of the ledger gives in the same form.
fn answered(again: &Assessment, stored: &Stored, differences: &mut Vec<String>) {
    let (score, band) = match &again.outcome {
        Outcome::Scored { score, band, .. } => (json!(score), json!(band)),
        Outcome::NotAssessable(_) => (Value::Null, Value::Null),
    };
    let outcome = again.score().zip(stored.threshold).map_or(Value::Null, |(score, threshold)| {
        json!(if i64::from(score) >= threshold { "yes" } else { "no" })
    });
    let forms = [
        ("score", score),
        ("band", band),
        ("outcome", outcome),
        ("dimensions", answer::dimensions(again)),
        ("reasons", answer::reasons(again)),
    ];
    for (name, now) in forms {
        let then = &stored.value[name];
        if !then.is_null() && *then != now {
            differences.push(format!("answer: {name} was {then}, is {now}"));
        }
    }
}

fn compare(way: &str, again: &Assessment, stored: &Stored, differences: &mut Vec<String>) {
    if again.vector != stored.vector {
        for (now, then) in again.vector.values.iter().zip(&stored.vector.values) {
            if now != then {
                differences.push(format!("{way}: {} was {:?}, is {:?}", then.0, then.1, now.1));
            }
        }
        if again.vector.gate != stored.vector.gate {
            differences.push(format!("{way}: what decides whether there is a score differs"));
        }
    }
    if again.points != stored.points {
        differences.push(format!("{way}: the points differ"));
    }
    if again.total != stored.total {
        differences.push(format!("{way}: the total was {}, is {}", stored.total, again.total));
    }
}
