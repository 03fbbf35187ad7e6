//! The whole file, for the person, an agent of theirs, or staff with a reason.

use serde_json::json;

use super::refold::{self, Logged};
use super::{Answer, Command, Fault, needs_of_admission};
use crate::bureau::admission::{Admission, Principal};
use crate::bureau::authority;
use crate::bureau::dossier::{Dossier, Opened};
use crate::bureau::needs::Needs;
use crate::bureau::standing;
use crate::bureau::work::{Work, answer_place};
use crate::consent::rows as consent_rows;
use crate::inquiry::rows as inquiry_rows;
use crate::kernel::id;
use crate::kernel::seal::SealKey;
use crate::ledger::body::{Draft, person_key_name};
use crate::ledger::leaf::PublicKind;
use crate::ledger::rows as ledger_rows;
use crate::policy::Action;
use crate::score::{Scope, assess};
use crate::store::StoreError;

/// `GET /v1/subjects/{id}/report`.
pub struct SeeFile {
    /// Who looks.
    pub admission: Admission,
    /// At whose file.
    pub subject: String,
}

impl Command for SeeFile {
    fn admission(&self) -> &Admission {
        &self.admission
    }

    fn needs(&self, needs: &mut Needs) {
        needs_of_admission(&self.admission, needs);
        needs.subjects.insert(self.subject.clone());
        if self.subject.starts_with("per_") {
            needs.persons.insert(self.subject.clone());
        }
        needs.scored = true;
        needs.whole_persons = true;
    }

    fn execute(&self, work: &mut Work<'_>) -> Result<Answer, Fault> {
        let (person, mismatch) = authority::whom(work, &self.admission, &self.subject)?;
        let residence = super::consent::residence(work, &person);
        let staff = matches!(self.admission.principal, Principal::Operator { .. });
        let action = if staff { Action::LookUp } else { Action::SeeFile };
        let mut facts = authority::facts(work, &self.admission, action, &residence);
        authority::add_person(work, &mut facts, &person)?;
        authority::add_standing(work, &mut facts, &self.admission, &person, "see_file");
        facts.person.mismatch = mismatch;
        let about = Some(person.as_str());
        let permit = authority::permit(work, &self.admission, &facts, PublicKind::Right, about)?;
        let terms = permit.spend();
        let number = id::mint(&work.engine.env, "rpt");
        let (actor, _) = authority::actor(work, &self.admission);
        let reason = match &self.admission.principal {
            Principal::Operator { reason, .. } => reason.clone(),
            _ => String::new(),
        };
        let draft = Draft::new("file_seen", PublicKind::Right)
            .about(&person)
            .says("by", actor)
            .says("rule_pack", json!(terms.packs.first().map(|p| &p.id)))
            .holds(json!({ "person": person, "report": number, "reason": reason }));
        let recorded = work.append(draft)?;
        let dossier = self.dossier(work, &person, number, recorded.index)?;
        let view = dossier.view(work.engine);
        let mut body =
            serde_json::to_value(&view).map_err(|e| StoreError::inconsistent(e.to_string()))?;
        body["observations"] = dossier.observations();
        body["log_receipt"] = recorded.receipt();
        Ok(Answer::ok(&body, Some(&person)))
    }
}

impl SeeFile {
    fn dossier(
        &self,
        work: &mut Work<'_>,
        person: &str,
        number: String,
        index: u64,
    ) -> Result<Dossier, Fault> {
        let residence = super::consent::residence(work, person);
        let view = standing::as_of(work, person, work.now, Scope::ALL)?;
        let engine = work.engine;
        let assessment = assess(&work.folded(person)?.profile, engine.champion(), &view.as_of);
        let identity = work.identity(person)?;
        let logged = logged(work, person)?;
        let consents = consent_rows::by_person(work.conn, &[person])?;
        let rows = inquiry_rows::by_person(work.conn, &[person])?;
        let entries = ledger_rows::all_about(work.conn, &[person])?;
        let hard: Vec<i64> = work
            .loaded
            .marks
            .get(person)
            .map(|marks| marks.iter().map(|m| m.idx).collect())
            .unwrap_or_default();
        let key = work.key(&person_key_name(person))?;
        let mut inquiries = Vec::new();
        for row in rows {
            let opened = key
                .open(answer_place(&row.id, row.idx as u64), &row.answer)
                .map_err(|e| StoreError::inconsistent(e.to_string()))?;
            let answer = serde_json::from_slice(&opened)
                .map_err(|e| StoreError::inconsistent(e.to_string()))?;
            inquiries.push(Opened { hard: hard.contains(&row.idx), row, answer });
        }
        let head = ledger_rows::newest_checkpoint(work.conn)?;
        Ok(Dossier {
            person: person.to_string(),
            number,
            index,
            now: work.now,
            residence,
            identity,
            level: view.as_of.identity_level,
            assessment,
            logged,
            consents,
            inquiries,
            first_index: entries.first().map(|row| row.idx as u64),
            entries: entries.len(),
            checkpoint: head.map(|(_, note)| note),
            partners: work.registry.clone(),
        })
    }
}

/// Every live observation about a person, in order of the log.
fn logged(work: &mut Work<'_>, person: &str) -> Result<Vec<Logged>, Fault> {
    let size = work.size();
    let logged = work.with_bodies(|conn, keys, fresh, keystore| {
        let mut rows = ledger_rows::bodies_about(conn, &[person], "observation", size)?;
        rows.extend(fresh(&[person]));
        let name = person_key_name(person);
        let key: SealKey = match keys.get(&name) {
            Some(key) => key.clone(),
            None => keystore
                .get([name.as_str()])?
                .remove(&name)
                .ok_or_else(|| StoreError::inconsistent("the person's key is gone"))?,
        };
        rows.iter().map(|row| refold::open(row, &key)).collect::<Result<Vec<_>, _>>()
    })?;
    Ok(logged)
}
