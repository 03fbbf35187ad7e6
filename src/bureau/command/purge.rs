//! Items whose time is over are purged: a fresh key takes the place of the person's, what stays is
//! sealed anew under it, the old key is destroyed, and a signed certificate names what is gone
//! (decisions.md 6).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use super::erase::{circle_of, held, ranges};
use super::observe::identity;
use super::refold::{Circle, Logged, gather, key_of, refold, retention, terms};
use super::rekey::{Leaving, rekey};
use super::{Answer, Command, Fault, needs_of_admission};
use crate::bureau::admission::Admission;
use crate::bureau::needs::Needs;
use crate::bureau::work::Work;
use crate::bureau::{authority, matter};
use crate::error::Problem;
use crate::kernel::bytes::base64;
use crate::ledger::body::Draft;
use crate::ledger::leaf::PublicKind;
use crate::rights::rows::BarredRow;
use crate::score::versions::{self, Name, name};
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
    /// Those of records of which nothing stays.
    whole: BTreeSet<u64>,
    rules: BTreeSet<String>,
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
    let entries: Vec<_> = logged.iter().map(|one| one.in_context(offset)).collect();
    let mut found = Over::default();
    let mut gone = BTreeSet::new();
    for end in versions::purges(&entries, clocks) {
        if end.from <= today {
            found.rules.insert(end.rule.to_string());
            gone.insert(end.index);
        }
    }
    // A record of which every version goes may not be sent again.
    let left = entries.iter().filter(|(at, _)| !gone.contains(&at.index));
    let left: BTreeSet<Name<'_>> = left.map(|(at, one)| name(at.furnisher, one)).collect();
    let whole = entries
        .iter()
        .filter(|(at, one)| gone.contains(&at.index) && !left.contains(&name(at.furnisher, one)));
    found.whole = whole.map(|(at, _)| at.index).collect();
    found.entries = logged.into_iter().filter(|one| gone.contains(&one.index)).collect();
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
        let bars = bars(work, &over)?;
        for id in &ids {
            rekey(
                work,
                id,
                &Leaving {
                    gone: &gone,
                    facts: bars.keys().cloned().collect(),
                    ..Leaving::default()
                },
            )?;
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
fn bars(work: &mut Work<'_>, over: &Over) -> Result<BTreeMap<Vec<u8>, Vec<u8>>, Fault> {
    let mut out = BTreeMap::new();
    for one in over.entries.iter().filter(|one| over.whole.contains(&one.index)) {
        let subject = one.observation.subject.as_str();
        let rows = subject_rows::pairwise(work.conn, By::Key, &[subject])?;
        let Some(row) = rows.first() else { continue };
        let name = identity(work.engine, &row.person, &one.furnisher, &one.observation);
        out.insert(name.to_vec(), matter::bar_id(work.engine, &name).to_vec());
    }
    Ok(out)
}
