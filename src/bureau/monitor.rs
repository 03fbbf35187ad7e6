//! Watching the scorecards at work: what was scored lately, and how it went.

use std::collections::BTreeMap;

use super::Bureau;
use super::admission::Admission;
use super::command::Reply;
use super::command::models::{TakeStep, standings};
use super::command::refold::{Question, counted, terms};
use super::sweep::SweepError;
use crate::kernel::Time;
use crate::kernel::bytes::hex;
use crate::ledger::body::{PersonalPart, evidence_of, open_part, person_key_name};
use crate::ledger::rows as ledger_rows;
use crate::model::dataset::{Outcome, outcome};
use crate::model::governance::{Role, Standing, Step, Watch};
use crate::model::monitor::{Given, SCORES_MIN, watch};
use crate::model::rows as model_rows;
use crate::score::{Vector, live};
use crate::store::StoreError;
use crate::subject::rows as subject_rows;

/// Entries of the log that a look goes back.
const ENTRIES_MAX: u64 = 200_000;
/// Entries read together.
const PAGE: u64 = 2_000;
/// Days between two looks.
const EVERY_DAYS: i64 = 28;
/// Days after which it is known how a score has gone.
const MATURE_DAYS: i64 = 365;

impl Bureau {
    /// How every registered scorecard stands.
    ///
    /// # Errors
    /// The database's.
    pub fn models(&self) -> Result<Vec<Standing>, StoreError> {
        let rows = self.store.read(model_rows::all)?;
        Ok(standings(&rows)?.into_values().collect())
    }

    /// Whether the champion may give scores.
    ///
    /// # Errors
    /// The database's.
    pub fn may_score(&self) -> Result<bool, StoreError> {
        let at_work = self.store.read(model_rows::at_work)?;
        Ok(self.engine.may_score(&at_work))
    }

    /// What a look at the champion and its editions finds; `None` where too little was scored.
    ///
    /// # Errors
    /// The database's, or something that does not open.
    pub fn watch_champion(&self) -> Result<Option<Watch>, StoreError> {
        let card = self.engine.champion();
        let digest = hex(&card.digest);
        let mut given = self.given()?;
        let own = given.remove(&digest).unwrap_or_default();
        let standing = self.models()?.into_iter().find(|one| one.digest == digest);
        let gini = standing.and_then(|one| one.gini_milli);
        let enough = |given: &[Given]| given.len() >= SCORES_MIN;
        let mut found = enough(&own).then(|| watch(card, &own, gini));
        for edition in self.engine.editions() {
            let card = &edition.scorecard;
            let given = given.remove(&hex(&card.digest)).unwrap_or_default();
            if enough(&given) {
                let of_edition = watch(card, &given, None);
                let whole = found
                    .get_or_insert_with(|| Watch { verdict: "ok".to_string(), ..Watch::default() });
                whole.add_edition(format!("{} {}", card.id, card.version), of_edition);
            }
        }
        Ok(found)
    }

    /// Looks at the champion if that is due, and records what was found. A champion that nobody
    /// registered is not watched: it is the program's own, in a demonstration.
    ///
    /// # Errors
    /// [`SweepError`].
    pub fn watch_if_due(&self) -> Result<bool, SweepError> {
        let models = self.models()?;
        let champion = models.iter().find(|one| one.role == Role::Champion);
        let Some(standing) = champion else { return Ok(false) };
        let now = self.engine.env.now();
        let last = standing.watch.as_ref().map(|(at, _)| Time::from_micros(*at));
        if last.is_some_and(|last| last.plus_days(EVERY_DAYS) > now) {
            return Ok(false);
        }
        let Some(watch) = self.watch_champion()? else { return Ok(false) };
        if watch.verdict != "ok" {
            tracing::warn!(scorecard = standing.name, why = ?watch.why, "the champion has moved");
        }
        let step = TakeStep {
            admission: Admission::operator("sweep", "the champion is watched"),
            digest: standing.digest.clone(),
            step: Step::Monitored { watch },
            content: None,
            approval: None,
        };
        match self.run(step) {
            Reply::Done(_) => Ok(true),
            Reply::Refused(problem) => Err(problem.into()),
        }
    }

    /// Scores that were given lately, by the digest of the scorecard that gave them, with what
    /// became of whom they were about.
    fn given(&self) -> Result<BTreeMap<String, Vec<Given>>, StoreError> {
        let head = self.store.read(ledger_rows::read_head)?.map_or(0, |head| head.size);
        let mut at = head.saturating_sub(ENTRIES_MAX);
        let mut out: BTreeMap<String, Vec<Given>> = BTreeMap::new();
        while at < head {
            let end = (at + PAGE).min(head);
            let bodies = self.store.read(|conn| ledger_rows::bodies(conn, at, end))?;
            for body in bodies.iter().filter(|body| body.kind == "inquiry") {
                let Some(owner) = body.person.as_deref() else { continue };
                if evidence_of(owner).is_some() {
                    continue;
                }
                let name = person_key_name(owner);
                // who was forgotten is not looked at
                let Some(key) = self.keystore.get([name.as_str()])?.remove(&name) else { continue };
                let opened = open_part(&key, "personal", body.idx as u64, &body.personal);
                let Ok(part) = opened else { continue };
                let part: PersonalPart = part;
                let at = Time::from_micros(body.at_us);
                if let Some((digest, given)) = self.given_in(owner, at, &part.text)? {
                    out.entry(digest).or_default().push(given);
                }
            }
            at = end;
        }
        Ok(out)
    }

    fn given_in(
        &self,
        person: &str,
        at: Time,
        text: &str,
    ) -> Result<Option<(String, Given)>, StoreError> {
        let Ok(personal) = serde_json::from_str::<serde_json::Value>(text) else { return Ok(None) };
        let vector = serde_json::from_value::<Vector>(personal["vector"].clone()).ok();
        let (Some(vector), Some(total)) = (vector, personal["total"].as_i64()) else {
            return Ok(None);
        };
        let Some(digest) = personal["scorecard"].as_str() else { return Ok(None) };
        let shadows = personal["shadow"].as_array().into_iter().flatten();
        let shadows = shadows.filter_map(|shadow| {
            let score = i32::try_from(shadow["score"].as_i64()?).ok()?;
            Some((shadow["scorecard"].as_str()?.to_string(), score))
        });
        let shadows = shadows.collect();
        let bad = match at.plus_days(MATURE_DAYS) <= self.engine.env.now() {
            true => self.ended_badly(person, at)?,
            false => None,
        };
        let score = self.engine.champion().scale.clamp(total).0;
        Ok(Some((digest.to_string(), Given { score, vector, bad, shadows })))
    }

    /// Whether a person went bad in the twelve months after a moment, where the log says.
    fn ended_badly(&self, person: &str, at: Time) -> Result<Option<bool>, StoreError> {
        let row = self.store.read(|conn| subject_rows::persons(conn, &[person]))?.pop();
        let residence = row.map(|row| row.residence).unwrap_or_default();
        let (base, utc_offset_hours) = terms(&self.engine, &residence);
        let day = at.date_at(utc_offset_hours);
        let until = at.plus_days(MATURE_DAYS).date_at(utc_offset_hours);
        let before = i64::MAX.unsigned_abs();
        let question = Question { person, base, utc_offset_hours, before, retention: None, day };
        let keystore = self.keystore();
        let whole = self.store.read(|conn| {
            let mut key = |owner: &str| {
                let name = person_key_name(owner);
                let found = keystore.get([name.as_str()])?.remove(&name);
                found.ok_or_else(|| StoreError::inconsistent(format!("the key {name} is gone")))
            };
            counted(conn, &mut key, &question, &|_| Vec::new(), &Default::default())
        })?;
        let standing =
            live(whole.logged.iter().map(|one| one.in_context(question.utc_offset_hours)));
        Ok(match outcome(standing.iter().map(|(_, o)| *o), day, until) {
            Outcome::Bad => Some(true),
            Outcome::Good => Some(false),
            Outcome::Indeterminate | Outcome::Unseen | Outcome::Excluded => None,
        })
    }
}
