//! The whole file, for the person, an agent of theirs, or staff with a reason.

use serde_json::{Value, json};

use super::refold::{Circle, gather, key_of};
use super::{Answer, Command, Fault, needs_of_admission};
use crate::bureau::admission::{Admission, Principal};
use crate::bureau::authority;
use crate::bureau::demands::Demands;
use crate::bureau::dossier::{Dossier, Opened};
use crate::bureau::matter;
use crate::bureau::needs::Needs;
use crate::bureau::standing;
use crate::bureau::work::{Work, answer_place};
use crate::consent::rows as consent_rows;
use crate::inquiry::rows::{self as inquiry_rows, InquiryRow};
use crate::kernel::seal::SealKey;
use crate::kernel::{Time, id};
use crate::ledger::body::{Draft, PersonalPart, open_part};
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
        let (person, doubt) = authority::whom(work, &self.admission, &self.subject)?;
        let residence = super::consent::residence(work, &person);
        let staff = matches!(self.admission.principal, Principal::Operator { .. });
        let action = if staff { Action::LookUp } else { Action::SeeFile };
        let mut facts = authority::facts(work, &self.admission, action, &residence);
        authority::add_person(work, &mut facts, &person)?;
        authority::add_standing(work, &mut facts, &self.admission, &person, "see_file");
        authority::add_doubt(&mut facts, doubt);
        let about = Some(person.as_str());
        let permit = authority::permit(work, &self.admission, &facts, PublicKind::Right, about)?;
        let terms = permit.spend();
        let number = id::mint(&work.engine.env, "rpt");
        let (actor, _) = authority::actor(work, &self.admission);
        let reason = match &self.admission.principal {
            Principal::Operator { reason, .. } => reason.clone(),
            _ => String::new(),
        };
        let (place, quota) = match staff {
            true => (None, None),
            false => self.counted(work, &person, &residence)?,
        };
        let told = match staff {
            true => Vec::new(),
            false => matter::acted_for(&self.admission, &person, Action::SeeFile, &number),
        };
        let draft = Draft::new("file_seen", PublicKind::Right)
            .about(&person)
            .says("by", actor)
            .says("tells", told.len())
            .says("report_of_year", json!(place))
            .says("rule_pack", json!(terms.packs.first().map(|p| &p.id)))
            .holds(json!({ "person": person, "report": number, "reason": reason }));
        let recorded = work.append(draft)?;
        work.tell(told, Some(&person), recorded.index)?;
        let mut dossier = self.dossier(work, &person, number, recorded.index)?;
        dossier.quota = quota;
        let view = dossier.view(work.engine);
        let mut body =
            serde_json::to_value(&view).map_err(|e| StoreError::inconsistent(e.to_string()))?;
        body["observations"] = dossier.observations();
        body["explanation"] = dossier.explanation(work.engine);
        body["log_receipt"] = recorded.receipt();
        body["watched_by"] = watched_by(work, &person)?;
        Ok(Answer::ok(&body, Some(&person)))
    }
}

impl SeeFile {
    /// Which report of the calendar year this is, and what the law says of that (CN-14).
    fn counted(
        &self,
        work: &mut Work<'_>,
        person: &str,
        residence: &str,
    ) -> Result<(Option<u64>, Option<String>), Fault> {
        let Some(pack) = matter::pack_for(work.engine, residence) else { return Ok((None, None)) };
        let year = work.now.date_at(pack.utc_offset_hours).year();
        let size = work.size();
        let ids = work.loaded.persons.keys().filter(|id| work.loaded.canonical(id) == person);
        let ids: Vec<String> = ids.cloned().collect();
        let seen = work.with_bodies(|conn, loaded, _, keystore| {
            let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
            let mut seen = 0;
            for body in ledger_rows::bodies_about(conn, &ids, "file_seen", size)? {
                let at = Time::from_micros(body.at_us).date_at(pack.utc_offset_hours);
                let owner = body.person.clone().unwrap_or_default();
                let key = key_of(loaded, keystore, &owner)?;
                let part: PersonalPart =
                    open_part(&key, "personal", body.idx as u64, &body.personal)
                        .map_err(|e| StoreError::inconsistent(e.to_string()))?;
                // A look by staff states its reason, and is none of the person's reports.
                let own = part.text.contains("\"reason\":\"\"");
                seen += u64::from(own && at.year() == year);
            }
            Ok(seen)
        })?;
        let place = seen + 1;
        let text = match pack.remedies().and_then(|remedies| remedies.reports.free_a_year) {
            Some(free) if place <= u64::from(free) => {
                format!("Report {place} of {year}; {free} a year are free")
            }
            Some(free) => {
                format!("Report {place} of {year}; {free} were free, this bureau asks for no fee")
            }
            None => format!("Report {place} of {year}; free"),
        };
        Ok((Some(place), Some(text)))
    }

    fn dossier(
        &self,
        work: &mut Work<'_>,
        person: &str,
        number: String,
        index: u64,
    ) -> Result<Dossier, Fault> {
        let residence = super::consent::residence(work, person);
        let view = standing::view(work, person, work.now, Scope::ALL)?;
        let engine = work.engine;
        let card = engine.scorecard_of(&residence);
        let assessment = assess(&work.folded(person)?.profile, card, &view.as_of);
        let identity = work.identity(person)?;
        let size = work.size();
        let found = work.with_bodies(|conn, loaded, fresh, keystore| {
            let mut key = |owner: &str| key_of(loaded, keystore, owner);
            let circle = Circle::of(conn, person, size)?;
            let logged = gather(conn, &mut key, &circle, size, fresh)?;
            let mut consents = consent_rows::by_person(conn, &circle.ids())?;
            consents.retain(|row| circle.holds(&row.subject, &row.person));
            let mut inquiries = Vec::new();
            for row in inquiry_rows::by_person(conn, &circle.ids())? {
                let owner = row.person.clone().unwrap_or_default();
                if circle.holds(&row.subject, &owner) {
                    inquiries.push(opened(row, &key(&owner)?)?);
                }
            }
            let entries = ledger_rows::all_about(conn, &circle.ids())?;
            Ok((logged, consents, inquiries, entries))
        })?;
        let (logged, consents, mut inquiries, entries) = found;
        let hard: Vec<i64> = work.loaded.marks.values().flatten().map(|mark| mark.idx).collect();
        for one in &mut inquiries {
            one.hard = hard.contains(&one.row.idx);
        }
        let head = ledger_rows::newest_checkpoint(work.conn)?;
        let ids = work.loaded.persons.keys().filter(|id| work.loaded.canonical(id) == person);
        let ids: Vec<String> = ids.cloned().collect();
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        let demands = Demands {
            matters: super::matters::of_person(work, &ids)?,
            contested: work.loaded.contested.values().cloned().collect(),
        };
        Ok(Dossier {
            person: person.to_string(),
            number,
            index,
            now: work.now,
            residence,
            identity,
            level: view.as_of.identity_level,
            assessment,
            scored: standing::must_score(work).is_ok(),
            logged,
            consents,
            inquiries,
            demands,
            quota: None,
            first_index: entries.first().map(|row| row.idx as u64),
            entries: entries.len(),
            checkpoint: head.map(|(_, note)| note),
            partners: work.registry.clone(),
        })
    }
}

/// Who watches the person, under which consent and since when.
fn watched_by(work: &mut Work<'_>, person: &str) -> Result<Value, Fault> {
    let ids = work.loaded.persons.keys().filter(|id| work.loaded.canonical(id) == person);
    let ids: Vec<String> = ids.cloned().collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let rows = inquiry_rows::monitors_of(work.conn, &ids)?;
    let partners = &work.registry.partners;
    let watching = rows.iter().map(|row| {
        json!({
            "by": partners.get(&row.partner).map(|partner| &partner.name),
            "scenario": row.scenario, "consent": row.consent,
            "since": Time::from_micros(row.opened_us),
        })
    });
    Ok(watching.collect())
}

/// An answer as it was given.
fn opened(row: InquiryRow, key: &SealKey) -> Result<Opened, StoreError> {
    let bytes = key
        .open(answer_place(&row.id, row.idx as u64), &row.answer)
        .map_err(|e| StoreError::inconsistent(e.to_string()))?;
    let answer =
        serde_json::from_slice(&bytes).map_err(|e| StoreError::inconsistent(e.to_string()))?;
    Ok(Opened { row, hard: false, answer })
}
