//! Who was told something that was corrected later: where their basis still stands they are told
//! the corrected answer, else not to rely on the one they have (data-model.md).

use serde_json::{Map, Value, json};

use super::Fault;
use super::inquire::{Counterpart, Inquire, InquirySent};
use super::refold::{Circle, key_of};
use crate::bureau::admission::Admission;
use crate::bureau::matter;
use crate::bureau::matter::Told;
use crate::bureau::work::{Work, answer_place};
use crate::consent::rows as consent_rows;
use crate::inquiry::rows::{self as inquiry_rows, InquiryRow};
use crate::kernel::Time;
use crate::ledger::body::{Draft, PersonalPart, open_part};
use crate::ledger::leaf::PublicKind;
use crate::ledger::rows as ledger_rows;
use crate::store::StoreError;

/// The members of an answer that are its value.
const VALUES: [&str; 8] =
    ["score", "band", "outcome", "reasons", "dimensions", "completeness", "code", "form"];

/// A past inquiry: its row, what was answered, and the question.
struct Past {
    row: InquiryRow,
    answer: Value,
    sent: InquirySent,
}

fn read<T>(error: T) -> StoreError
where
    T: std::fmt::Display,
{
    StoreError::inconsistent(error.to_string())
}

fn past(work: &mut Work<'_>, person: &str, since: Time) -> Result<Vec<Past>, Fault> {
    let size = work.size();
    let residence = super::consent::residence(work, person);
    let rule = matter::remedies_for(work.engine, &residence).map(|r| r.dispute.askers_told_days);
    let since = since.max(work.now.plus_days(-rule.unwrap_or_default())).micros();
    let found = work.with_bodies(|conn, loaded, _, keystore| {
        let circle = Circle::of(conn, person, size)?;
        let mut out = Vec::new();
        for row in inquiry_rows::by_person(conn, &circle.ids())? {
            let owner = row.person.clone().unwrap_or_default();
            if row.at_us < since || !circle.holds(&row.subject, &owner) {
                continue;
            }
            let index = row.idx as u64;
            let body = ledger_rows::bodies(conn, index, index + 1)?.into_iter().next();
            let Some(body) = body else { continue };
            let key = key_of(loaded, keystore, &owner)?;
            let text = key.open(answer_place(&row.id, index), &row.answer).map_err(read)?;
            let answer: Value = serde_json::from_slice(&text).map_err(read)?;
            let part: PersonalPart =
                open_part(&key, "personal", index, &body.personal).map_err(read)?;
            let personal: Value = serde_json::from_str(&part.text).map_err(read)?;
            let basis = serde_json::from_value(personal["basis"].clone());
            let Ok(basis) = basis else { continue };
            let counterpart: Option<Counterpart> =
                serde_json::from_value(personal["counterpart"].clone()).ok().flatten();
            let sent = InquirySent {
                subject: row.subject.clone(),
                basis,
                scenario: row.scenario.clone(),
                as_of: None,
                counterpart,
            };
            out.push(Past { row, answer, sent });
        }
        let consents = consent_rows::by_person(conn, &circle.ids())?;
        Ok((out, consents))
    })?;
    for consent in found.1 {
        work.loaded.consents.entry(consent.id.clone()).or_insert(consent);
    }
    Ok(found.0)
}

fn value_of(answer: &Value) -> Map<String, Value> {
    let members = VALUES.iter().filter_map(|name| {
        let value = answer.get(*name)?;
        Some((name.to_string(), value.clone()))
    });
    members.collect()
}

/// Tells every asker who got an answer since `since` that would be another now.
///
/// # Errors
/// The database's, or a body that does not open.
pub fn tell_askers(work: &mut Work<'_>, person: &str, since: Time) -> Result<(), Fault> {
    let asked = past(work, person, since)?;
    for one in asked {
        if one.answer["form"] == "not_assessable" || one.answer["form"] == "identity_level" {
            continue;
        }
        let asker = one.row.asker.clone();
        if !work.registry.partners.contains_key(&asker) {
            continue;
        }
        let question = Inquire { admission: Admission::console(&asker), sent: one.sent.clone() };
        let now = question.anew(work)?;
        let used = one.row.expires_us <= work.now.micros();
        let Some(valued) = now.filter(|_| !used) else {
            let body = json!({ "inquiry": one.row.id, "scenario": one.row.scenario });
            not_to_rely(work, person, &one, body)?;
            continue;
        };
        let mut value = valued.value.clone();
        value.insert("form".into(), json!(valued.form));
        let value = value_of(&Value::Object(value));
        if value == value_of(&one.answer) {
            continue;
        }
        let draft = Draft::new("answer_corrected", PublicKind::Inquiry)
            .about(person)
            .says("inquiry", one.row.id.clone())
            .says("asker", asker.clone())
            .says("scenario", one.row.scenario.clone())
            .says("value", Value::Object(value.clone()))
            .says("tells", 1)
            .holds(json!({ "person": person, "inquiry": one.row.id }));
        let recorded = work.append(draft)?;
        let body = json!({
            "inquiry": one.row.id, "scenario": one.row.scenario, "value": value,
            "as_of": work.now, "log": recorded.receipt(),
        });
        let told = vec![Told::new(&asker, "answer_corrected", body)];
        work.tell(told, Some(person), recorded.index)?;
    }
    Ok(())
}

fn not_to_rely(work: &mut Work<'_>, person: &str, one: &Past, body: Value) -> Result<(), Fault> {
    let draft = Draft::new("answer_withdrawn", PublicKind::Inquiry)
        .about(person)
        .says("inquiry", one.row.id.clone())
        .says("asker", one.row.asker.clone())
        .says("scenario", one.row.scenario.clone())
        .says("tells", 1)
        .holds(json!({ "person": person, "inquiry": one.row.id }));
    let recorded = work.append(draft)?;
    let told = vec![Told::new(&one.row.asker, "do_not_rely", body)];
    work.tell(told, Some(person), recorded.index)?;
    Ok(())
}
