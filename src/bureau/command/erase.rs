//! A person is forgotten: the key that seals what is theirs is destroyed, every look-up and
//! projection goes, and a signed certificate in the log names each entry whose content is gone.
//! The log still verifies (decisions.md 6).

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde_json::{Value, json};

use super::refold::{Circle, Logged, open};
use super::{Answer, Command, Fault, needs_of_admission};
use crate::bureau::admission::Admission;
use crate::bureau::needs::Needs;
use crate::bureau::work::Work;
use crate::bureau::{authority, matter, tomb};
use crate::error::Problem;
use crate::kernel::bytes::base64;
use crate::ledger::body::{
    Draft, PersonalPart, evidence_name, evidence_until, open_part, person_key_name, seal_part,
};
use crate::ledger::leaf::PublicKind;
use crate::ledger::rows::{self as ledger_rows, BodyRow};
use crate::policy::{Action, AtEnd, Erasure, Kept, Pack};
use crate::rights::rows::{self as rights_rows, Forget};
use crate::score::{forget as score_forget, live};
use crate::store::StoreError;

/// What is kept as evidence of who got what on which ground, until its own clock ends.
const EVIDENCE: [&str; 8] = [
    "consent_given",
    "consent_revoked",
    "inquiry",
    "inquiry_outcome",
    "refused",
    "subject_merge",
    "subject_split",
    "no_merge",
];

/// `POST /v1/subjects/{id}/erase`.
pub struct Erase {
    /// Who asks.
    pub admission: Admission,
    /// For whom: `me`, or an agent's own id of the person.
    pub subject: String,
}

/// What becomes of the entries about a person.
#[derive(Default)]
struct Parting {
    gone: Vec<BodyRow>,
    evidence: Vec<BodyRow>,
    /// Adverse records of lenders, of which the law makes the bureau store the last word.
    adverse: Vec<BodyRow>,
    observations: Vec<Logged>,
}

/// Rising numbers as ranges, both ends in.
pub(super) fn ranges(mut indexes: Vec<i64>) -> Vec<[i64; 2]> {
    indexes.sort_unstable();
    let mut out: Vec<[i64; 2]> = Vec::new();
    for index in indexes {
        match out.last_mut() {
            Some([_, last]) if *last + 1 == index => *last = index,
            _ => out.push([index, index]),
        }
    }
    out
}

impl Erase {
    fn permitted(&self, work: &mut Work<'_>) -> Result<String, Fault> {
        let (person, doubt) = authority::whom(work, &self.admission, &self.subject)?;
        let residence = super::consent::residence(work, &person);
        let mut facts = authority::facts(work, &self.admission, Action::Erase, &residence);
        authority::add_person(work, &mut facts, &person)?;
        authority::add_standing(work, &mut facts, &self.admission, &person, "erase");
        authority::add_doubt(&mut facts, doubt);
        facts.item.found = true;
        facts.item.own = true;
        facts.item.held = held(work, &person);
        let about = Some(person.as_str());
        authority::permit(work, &self.admission, &facts, PublicKind::Right, about)?.spend();
        work.engine.kept.guard(&person)?;
        Ok(person)
    }
}

/// Everybody who is this person now.
pub(super) fn circle_of(work: &Work<'_>, person: &str) -> Vec<String> {
    let ids = work.loaded.persons.keys();
    ids.filter(|id| work.loaded.canonical(id) == person).cloned().collect()
}

/// Whether a legal hold stands on anybody who is this person.
pub(super) fn held(work: &Work<'_>, person: &str) -> bool {
    let rows = circle_of(work, person);
    rows.iter().any(|id| work.loaded.persons.get(id).is_some_and(|row| row.held_idx.is_some()))
}

/// Sorts the entries about a person into what goes and what stays as evidence.
fn part(work: &mut Work<'_>, person: &str, ids: &[&str], keep: bool) -> Result<Parting, Fault> {
    let size = work.size();
    let lenders: Vec<String> = work
        .registry
        .partners
        .values()
        .filter(|partner| work.engine.rules.is_lender(&partner.sector))
        .map(|partner| partner.id.clone())
        .collect();
    let parting = work.with_bodies(|conn, loaded, _, _| {
        let circle = Circle::of(conn, person, size)?;
        let mut parting = Parting::default();
        for row in ledger_rows::all_about(conn, ids)? {
            if row.personal.is_empty() {
                continue;
            }
            let stays = EVIDENCE.contains(&row.kind.as_str()) || row.kind.starts_with("answer_");
            if row.kind != "observation" {
                if stays { &mut parting.evidence } else { &mut parting.gone }.push(row);
                continue;
            }
            let owner = row.person.clone().unwrap_or_default();
            let key = loaded
                .get(&person_key_name(&owner))
                .ok_or_else(|| StoreError::inconsistent("the key of a person is not loaded"))?;
            let logged = open(&row, key)?;
            // A split hands over what is another's: see `resolve`.
            if !circle.holds(&logged.observation.subject, &owner) {
                let text = format!("entry {} lies with somebody whose it is not", row.idx);
                return Err(StoreError::inconsistent(text));
            }
            let adverse = logged.observation.fact.is_adverse();
            if keep && adverse && lenders.contains(&logged.furnisher) {
                parting.adverse.push(row);
            } else {
                parting.gone.push(row);
            }
            parting.observations.push(logged);
        }
        Ok(parting)
    });
    Ok(parting?)
}

/// Until when each standing word of a file is kept by its own clock, by index; a word that was
/// corrected, deleted or followed by another does not stand. `None`: no clock runs.
fn standing(work: &Work<'_>, pack: &Pack, logged: &[Logged]) -> BTreeMap<i64, Option<Date>> {
    let standing = live(logged.iter().map(|one| one.in_context(pack.utc_offset_hours)));
    let mut until: BTreeMap<i64, Option<Date>> =
        standing.iter().map(|(context, _)| (context.index as i64, None)).collect();
    let today = work.now.date_at(pack.utc_offset_hours);
    for end in score_forget::ends(&standing, &pack.retention) {
        if end.then == AtEnd::Purge {
            until.insert(end.index as i64, Some(end.from));
        }
    }
    until.retain(|_, end| end.is_none_or(|end| end > today));
    until
}

/// Seals what stays anew, under a key that ends with a day and outlives the person's.
fn reseal(
    work: &mut Work<'_>,
    rows: &[BodyRow],
    person: &str,
    until: Option<Date>,
) -> Result<Vec<BodyRow>, Fault> {
    let evidence = &evidence_name(person, until);
    let name = person_key_name(evidence);
    work.find_or_make_key(&name)?;
    let env = &work.engine.env;
    let new = work.key(&name)?;
    let mut out = Vec::new();
    for row in rows {
        let owner = row.person.clone().unwrap_or_default();
        let index = row.idx.unsigned_abs();
        let part: PersonalPart =
            open_part(work.key(&person_key_name(&owner))?, "personal", index, &row.personal)
                .map_err(|e| StoreError::inconsistent(e.to_string()))?;
        let personal = seal_part(env, new, "personal", index, &part);
        out.push(BodyRow { person: Some(evidence.to_string()), personal, ..row.clone() });
    }
    Ok(out)
}

impl Command for Erase {
    fn admission(&self) -> &Admission {
        &self.admission
    }

    fn needs(&self, needs: &mut Needs) {
        needs_of_admission(&self.admission, needs);
        needs.subjects.insert(self.subject.clone());
        needs.scored = true;
        needs.whole_persons = true;
    }

    fn execute(&self, work: &mut Work<'_>) -> Result<Answer, Fault> {
        let person = self.permitted(work)?;
        let ids = circle_of(work, &person);
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        if work.is_pending_about(&ids) {
            let text = "Something else about this person is being recorded. Try again at once.";
            return Err(Problem::new("not_ready", text).retry_after(1).into());
        }
        let residence = super::consent::residence(work, &person);
        let Some(pack) = matter::pack_for(work.engine, &residence) else {
            return Err(Problem::internal().into());
        };
        let (rule, pack_id) = (pack.erasure.clone(), pack.id.clone());
        let keep = rule.extent == Erasure::Restricted;
        let clock = pack.retention.keep(Kept::Evidence);
        let until = clock.and_then(|c| c.until(Some(work.now.date_at(pack.utc_offset_hours))));
        let mut parting = part(work, &person, &ids, keep)?;
        let clocks = standing(work, pack, &parting.observations);
        let (restricted, refuted): (Vec<_>, Vec<_>) =
            parting.adverse.drain(..).partition(|row| clocks.contains_key(&row.idx));
        parting.gone.extend(refuted);
        let mut survivors = reseal(work, &parting.evidence, &person, until)?;
        let mut stored = Vec::new();
        for row in &restricted {
            let own = clocks.get(&row.idx).copied().flatten();
            let end = own.into_iter().chain(until).min();
            survivors.extend(reseal(work, std::slice::from_ref(row), &person, end)?);
            stored.push(json!({ "entry": row.idx, "until": end }));
        }
        let gone: Vec<i64> = parting.gone.iter().map(|row| row.idx).collect();
        let kept: Vec<i64> = survivors.iter().map(|row| row.idx).collect();
        let tombs = tomb::all(work, &ids, &parting.observations)?;
        let law = rule.mark.is_citable().then_some(rule.source);
        let certificate = json!({
            "certificate": "fivefold-erasure/v1", "at": work.now, "rule_pack": pack_id,
            "law": law, "extent": rule.extent, "gone": ranges(gone.clone()),
            "kept_as_evidence": ranges(kept), "restricted": stored,
            "evidence_until": until, "tombstones": tombs.len(),
            "keys_destroyed": ids.len(),
            "copies": "Backups of the data hold nothing that opens without the destroyed key, and \
                       the key store is in no backup: with the key the last copy is gone.",
        });
        let (actor, _) = authority::actor(work, &self.admission);
        let body = record(work, &actor, &person, &certificate, tombs.len())?;
        let index = body["log"]["index"].as_u64().unwrap_or_default();
        forget(work, &ids, index, gone, survivors, tombs, false);
        // The kept copy of this answer must not hang on the key that is destroyed.
        Ok(Answer::ok(&body, None))
    }
}

/// Signs the certificate and appends it. It names no person, and stays readable to the regulator.
pub(super) fn record(
    work: &mut Work<'_>,
    actor: &str,
    person: &str,
    certificate: &Value,
    tombs: usize,
) -> Result<Value, Fault> {
    let text = certificate.to_string();
    let key = work.engine.keys.manifest();
    let signature = base64(&key.sign(text.as_bytes()));
    let keyid = key.public().thumbprint();
    let draft = Draft::new("erased", PublicKind::Right)
        .says("by", actor)
        .says("certificate", text.clone())
        .says("signature", signature.clone())
        .says("keyid", keyid.clone())
        .says("gone", certificate["gone"].clone())
        .says("bars", tombs)
        .holds(json!({ "erased": person }));
    let recorded = work.append(draft)?;
    Ok(json!({
        "state": "erased", "certificate": certificate, "certificate_text": text,
        "signature": signature, "keyid": keyid, "log": recorded.receipt(),
    }))
}

/// Everything that is to be written, and the keys that are to be destroyed after the commit.
/// `ended`: no evidence stays, so the rows that the entries made go too.
pub(super) fn forget(
    work: &mut Work<'_>,
    ids: &[&str],
    index: u64,
    gone: Vec<i64>,
    survivors: Vec<BodyRow>,
    tombs: Vec<tomb::Mark>,
    ended: bool,
) {
    let idx = index as i64;
    for id in ids {
        let Some(mut row) = work.loaded.persons.get(*id).cloned() else { continue };
        row.vault = Vec::new();
        row.erased_idx = Some(idx);
        row.erased_us = Some(work.now.micros());
        work.put_person_row(row);
    }
    for (id, identity) in tombs {
        work.put_barred(rights_rows::BarredRow {
            id,
            identity,
            reason: "obsolete".to_string(),
            idx,
            lifted_idx: None,
            member: None,
        });
    }
    let own = |id: &String| ids.contains(&id.as_str());
    work.loaded.pairwise.retain(|_, row| !own(&row.person));
    work.loaded.person_keys.retain(|_, row| !own(&row.person));
    work.loaded.mandates.retain(|_, row| !own(&row.person));
    work.loaded.consents.retain(|_, row| !own(&row.person));
    work.loaded.lookups.retain(|_, row| !own(&row.person));
    // Nothing later in this batch may be sealed under a key that is about to go.
    work.loaded.matters.retain(|_, row| !own(&row.person));
    work.loaded.monitors.retain(|_, row| !own(&row.person));
    work.loaded.data_requests.retain(|_, row| !own(&row.person));
    work.loaded.contested.retain(|_, row| !own(&row.person));
    let doomed = ids.iter().map(|id| person_key_name(id)).collect();
    let forget = Forget {
        persons: ids.iter().map(|id| id.to_string()).collect(),
        gone,
        survivors: survivors
            .into_iter()
            .map(|row| (row.idx, row.person.unwrap_or_default(), row.personal))
            .collect(),
        ended,
    };
    work.forget(forget, doomed);
}

/// What was kept of somebody forgotten ends with its day: its key is destroyed, and a certificate
/// names the entries that nobody can read any more.
pub struct EndEvidence {
    /// The sweep.
    pub admission: Admission,
    /// The name under which it is kept.
    pub name: String,
}

impl Command for EndEvidence {
    fn admission(&self) -> &Admission {
        &self.admission
    }

    fn is_bulk(&self) -> bool {
        true
    }

    fn needs(&self, needs: &mut Needs) {
        needs_of_admission(&self.admission, needs);
    }

    fn execute(&self, work: &mut Work<'_>) -> Result<Answer, Fault> {
        // The latest date on earth may be a day early somewhere; the next sweep comes soon.
        let over = evidence_until(&self.name).is_some_and(|day| day <= work.now.date_at(-12));
        if !over {
            return Ok(Answer::ok(&json!({ "ended": 0 }), None));
        }
        let rows = ledger_rows::all_about(work.conn, &[self.name.as_str()])?;
        let rows = rows.into_iter().filter(|row| !row.personal.is_empty());
        let gone: Vec<i64> = rows.map(|row| row.idx).collect();
        let certificate = json!({
            "certificate": "fivefold-evidence/v1", "at": work.now, "gone": ranges(gone.clone()),
        });
        let text = certificate.to_string();
        let key = work.engine.keys.manifest();
        let (actor, _) = authority::actor(work, &self.admission);
        let draft = Draft::new("erasure_ended", PublicKind::Right)
            .says("by", actor)
            .says("certificate", text.clone())
            .says("signature", base64(&key.sign(text.as_bytes())))
            .says("gone", certificate["gone"].clone());
        let recorded = work.append(draft)?;
        let body = json!({ "ended": gone.len(), "log": recorded.receipt() });
        let forget = Forget { gone, ended: true, ..Forget::default() };
        work.forget(forget, vec![person_key_name(&self.name)]);
        Ok(Answer::ok(&body, None))
    }
}

/// Staff places a legal hold on a person, or lifts it: while it stands nothing is forgotten.
pub struct Hold {
    /// Which member of staff, and why.
    pub admission: Admission,
    /// The person, or any partner's id of them.
    pub subject: String,
    /// Place it, else lift it.
    pub place: bool,
}

impl Command for Hold {
    fn admission(&self) -> &Admission {
        &self.admission
    }

    fn needs(&self, needs: &mut Needs) {
        needs_of_admission(&self.admission, needs);
        needs.subjects.insert(self.subject.clone());
        if self.subject.starts_with("per_") {
            needs.persons.insert(self.subject.clone());
        }
        needs.whole_persons = true;
        needs.profiled = true;
    }

    fn execute(&self, work: &mut Work<'_>) -> Result<Answer, Fault> {
        let (person, _) = authority::whom(work, &self.admission, &self.subject)?;
        let residence = super::consent::residence(work, &person);
        let mut facts = authority::facts(work, &self.admission, Action::HandleCase, &residence);
        authority::add_person(work, &mut facts, &person)?;
        let about = Some(person.as_str());
        authority::permit(work, &self.admission, &facts, PublicKind::Right, about)?.spend();
        let (actor, _) = authority::actor(work, &self.admission);
        let kind = if self.place { "hold_placed" } else { "hold_lifted" };
        // A hold that was placed on somebody merged since is lifted where it stands.
        let mut of = vec![person.clone()];
        if !self.place {
            let held =
                |id: &String| work.loaded.persons.get(id).is_some_and(|p| p.held_idx.is_some());
            of.extend(circle_of(work, &person).into_iter().filter(|id| *id != person && held(id)));
        }
        let mut receipt = Value::Null;
        for id in of {
            let draft = Draft::new(kind, PublicKind::Right)
                .about(&id)
                .says("by", actor.clone())
                .holds(json!({ "person": id, "reason": self.admission.reason() }));
            let recorded = work.append(draft)?;
            if let Some(mut row) = work.loaded.persons.get(&id).cloned() {
                row.held_idx = self.place.then_some(recorded.index as i64);
                work.put_person_row(row);
            }
            receipt = recorded.receipt();
        }
        let state = if self.place { "held" } else { "released" };
        let body = json!({ "person": person, "state": state, "log": receipt });
        Ok(Answer::ok(&body, about))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_are_one_range() {
        assert_eq!(ranges(vec![5, 1, 2, 3, 9]), [[1, 3], [5, 5], [9, 9]]);
        assert!(ranges(Vec::new()).is_empty());
    }
}
