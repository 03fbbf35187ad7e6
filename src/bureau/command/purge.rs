//! Items whose time is over are purged: a fresh key takes the place of the person's, what stays is
//! sealed anew under it, the old key is destroyed, and a signed certificate names what is gone
//! (decisions.md 6).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::erase::{circle_of, held, ranges};
use super::observe::identity;
use super::refold::{Circle, Logged, gather, key_of, refold, retention, terms};
use super::{Answer, Command, Fault, needs_of_admission};
use crate::bureau::admission::Admission;
use crate::bureau::needs::Needs;
use crate::bureau::work::{Work, answer_place, artefact_place};
use crate::bureau::{authority, matter};
use crate::collect::Observation;
use crate::consent::rows as consent_rows;
use crate::error::Problem;
use crate::inquiry::rows as inquiry_rows;
use crate::kernel::bytes::base64;
use crate::kernel::seal::{SealBroken, SealKey};
use crate::ledger::body::{Draft, PersonalPart, open_part, person_key_name, seal_part};
use crate::ledger::leaf::PublicKind;
use crate::ledger::rows as ledger_rows;
use crate::policy::AtEnd;
use crate::rights::rows::{self as rights_rows, BarredRow, Purge};
use crate::score::{forget, live};
use crate::store::StoreError;
use crate::subject::rows::{self as subject_rows, By};

/// Purges what is past its time on one person's file.
pub struct PurgeItems {
    /// The sweep.
    pub admission: Admission,
    /// Whom.
    pub person: String,
}

/// Items that go, and the rules that say so.
#[derive(Default)]
struct Over {
    entries: Vec<Logged>,
    rules: BTreeSet<String>,
}

fn broken(error: SealBroken) -> StoreError {
    StoreError::inconsistent(error.to_string())
}

/// One record under all its versions.
fn name_of(one: &Logged) -> (String, String, &'static str, String, String) {
    let observation: &Observation = &one.observation;
    let (reference, period) = observation.fact.identity();
    let kind = observation.fact.type_name();
    (one.furnisher.clone(), observation.subject.clone(), kind, reference, period)
}

/// What is over on `person`'s file today, every version of it.
fn over(work: &mut Work<'_>, person: &str) -> Result<Over, Fault> {
    let residence = super::consent::residence(work, person);
    let (_, offset) = terms(work.engine, &residence);
    let today = work.now.date_at(offset);
    let engine = work.engine;
    let Some(clocks) = retention(engine, &residence) else { return Ok(Over::default()) };
    let size = work.size();
    let logged = work.with_bodies(|conn, loaded, fresh, keystore| {
        let mut key = |owner: &str| key_of(loaded, keystore, owner);
        let circle = Circle::of(conn, person, size)?;
        gather(conn, &mut key, &circle, size, fresh)
    })?;
    let standing = live(logged.iter().map(|one| one.in_context(offset)));
    let mut found = Over::default();
    let mut names = BTreeSet::new();
    for end in forget::ends(&standing, clocks) {
        if end.then == AtEnd::Purge && end.from <= today {
            found.rules.insert(end.rule.to_string());
            names.extend(logged.iter().find(|one| one.index == end.index).map(name_of));
        }
    }
    found.entries = logged.into_iter().filter(|one| names.contains(&name_of(one))).collect();
    Ok(found)
}

impl Command for PurgeItems {
    fn admission(&self) -> &Admission {
        &self.admission
    }

    fn is_bulk(&self) -> bool {
        true
    }

    fn needs(&self, needs: &mut Needs) {
        needs_of_admission(&self.admission, needs);
        needs.persons.insert(self.person.clone());
        needs.whole_persons = true;
        needs.scored = true;
    }

    fn execute(&self, work: &mut Work<'_>) -> Result<Answer, Fault> {
        let person = work.loaded.canonical(&self.person).to_string();
        let ids = circle_of(work, &person);
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        if work.is_pending_about(&ids) {
            let text = "Something about this person is being recorded. Try again at once.";
            return Err(Problem::new("not_ready", text).retry_after(1).into());
        }
        let over = over(work, &person)?;
        if over.entries.is_empty() || held(work, &person) {
            refold(work, &person)?;
            return Ok(Answer::ok(&json!({ "purged": 0 }), None));
        }
        let gone: Vec<i64> = over.entries.iter().map(|one| one.index as i64).collect();
        let bars = bars(work, &over.entries)?;
        for id in &ids {
            reseal(work, id, &gone, &bars)?;
        }
        let certificate = json!({
            "certificate": "fivefold-purge/v1", "at": work.now, "gone": ranges(gone.clone()),
            "rules": over.rules, "keys_destroyed": ids.len(),
        });
        let text = certificate.to_string();
        let key = work.engine.keys.manifest();
        let (actor, _) = authority::actor(work, &self.admission);
        let draft = Draft::new("purged", PublicKind::Right)
            .about(&person)
            .says("by", actor)
            .says("certificate", text.clone())
            .says("signature", base64(&key.sign(text.as_bytes())))
            .says("gone", certificate["gone"].clone())
            .says("rules", certificate["rules"].clone())
            .says("bars", bars.len())
            .holds(json!({ "person": person }));
        let recorded = work.append(draft)?;
        for (identity, id) in bars {
            let (reason, idx) = ("obsolete".to_string(), recorded.index as i64);
            work.put_barred(BarredRow {
                id,
                identity,
                reason,
                idx,
                lifted_idx: None,
                member: None,
            });
        }
        refold(work, &person)?;
        let body = json!({ "purged": gone.len(), "log": recorded.receipt() });
        Ok(Answer::ok(&body, None))
    }
}

/// Names and bars of the records that go: their furnisher may not send them again.
fn bars(work: &mut Work<'_>, entries: &[Logged]) -> Result<BTreeMap<Vec<u8>, Vec<u8>>, Fault> {
    let mut out = BTreeMap::new();
    for one in entries {
        let subject = one.observation.subject.as_str();
        let rows = subject_rows::pairwise(work.conn, By::Key, &[subject])?;
        let Some(row) = rows.first() else { continue };
        let name = identity(work.engine, &row.person, &one.furnisher, &one.observation);
        out.insert(name.to_vec(), matter::bar_id(work.engine, &name).to_vec());
    }
    Ok(out)
}

/// Seals what stays of one person's under a fresh key.
fn reseal(
    work: &mut Work<'_>,
    id: &str,
    gone: &[i64],
    bars: &BTreeMap<Vec<u8>, Vec<u8>>,
) -> Result<(), Fault> {
    let name = person_key_name(id);
    work.replace_key(&name)?;
    let key: SealKey = work.key(&name)?.clone();
    let engine = work.engine;
    let env = &engine.env;
    let mut purge = Purge { person: id.to_string(), ..Purge::default() };
    for row in ledger_rows::all_about(work.conn, &[id])? {
        if row.personal.is_empty() {
            continue;
        }
        if gone.contains(&row.idx) {
            purge.gone.push(row.idx);
            continue;
        }
        let index = row.idx.unsigned_abs();
        let part: PersonalPart =
            open_part(&key, "personal", index, &row.personal).map_err(broken)?;
        purge.bodies.push((row.idx, seal_part(env, &key, "personal", index, &part)));
    }
    purge.facts = bars.keys().cloned().collect();
    let vault = work.identity(id)?;
    if let Some(row) = work.loaded.persons.get(id).cloned() {
        let index = row.idx.unsigned_abs();
        work.put_person(row, &vault, index)?;
    }
    for mut row in consent_rows::by_person(work.conn, &[id])? {
        let place = artefact_place(&row.id, row.idx.unsigned_abs());
        let plain = key.open(place, &row.artefact).map_err(broken)?;
        row.artefact = key.seal(env, place, &plain);
        work.put_consent(row);
    }
    for row in inquiry_rows::by_person(work.conn, &[id])? {
        let place = answer_place(&row.id, row.idx.unsigned_abs());
        let plain = key.open(place, &row.answer).map_err(broken)?;
        let sealed = key.seal(env, place, &plain);
        purge.answers.push((row.id, sealed));
    }
    for row in rights_rows::matters_of(work.conn, &[id])? {
        let content: Value = matter::open(&row, &key)?;
        let index = row.idx.unsigned_abs();
        work.put_matter(row, &content, index)?;
    }
    for row in rights_rows::events_of(work.conn, &[id])? {
        let body = matter::open_event(&row, &key)?;
        let sealed = matter::seal_event(engine, &key, row.id, row.idx.unsigned_abs(), &body);
        purge.events.push((row.id, sealed));
    }
    // Whatever the profile holds is sealed by the refold that follows.
    work.folded(id)?;
    work.rights().purged.push(purge);
    Ok(())
}
