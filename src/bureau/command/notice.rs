//! The adverse-action notice: from the bureau to the person, when an asker decided against them on
//! an answer. The asker sees its number only (data-model.md).

use serde_json::{Value, json};

use super::{Answer, Command, Fault, needs_of_admission};
use crate::bureau::admission::Admission;
use crate::bureau::authority;
use crate::bureau::matter::{self, Told};
use crate::bureau::needs::Needs;
use crate::bureau::work::Work;
use crate::error::Problem;
use crate::inquiry::rows::InquiryRow;
use crate::kernel::Time;
use crate::kernel::bytes::hex;
use crate::ledger::body::{Draft, PersonalPart, open_part, person_key_name};
use crate::ledger::leaf::PublicKind;
use crate::ledger::rows as ledger_rows;
use crate::policy::{Action, Pack};
use crate::rights::MatterKind;
use crate::rights::rows::MatterRow;
use crate::score::reasons::Language;
use crate::score::{Assessment, Outcome, Scorecard, Vector, assess_vector};
use crate::store::StoreError;

/// `GET /v1/notices/{id}`.
pub struct ReadNotice {
    /// Who reads.
    pub admission: Admission,
    /// Which.
    pub notice: String,
    /// `me`, or an agent's own id of the person.
    pub subject: String,
}

impl Command for ReadNotice {
    fn admission(&self) -> &Admission {
        &self.admission
    }

    fn needs(&self, needs: &mut Needs) {
        needs_of_admission(&self.admission, needs);
        needs.matters.insert(self.notice.clone());
        needs.subjects.insert(self.subject.clone());
        needs.scored = true;
        needs.whole_persons = true;
    }

    fn execute(&self, work: &mut Work<'_>) -> Result<Answer, Fault> {
        let not_found = || {
            let text = "There is no such notice of yours. Check its number.";
            Problem::new("notice_not_found", text)
        };
        let (whom, _) = authority::whom(work, &self.admission, &self.subject)?;
        let row = work.loaded.matters.get(&self.notice).cloned();
        let row = row
            .filter(|row| row.kind == "notice" && work.loaded.canonical(&row.person) == whom)
            .ok_or_else(not_found)?;
        let subject = &self.subject;
        let person = authority::for_person(work, &self.admission, subject, Action::ReadNotice)?;
        let body = work.matter(&row)?;
        Ok(Answer::ok(&body, Some(&person)))
    }
}

/// The score behind an inquiry, explained again from the vector that is stored with it.
fn explained(work: &mut Work<'_>, row: &InquiryRow) -> Result<Option<(Assessment, String)>, Fault> {
    let Some(person) = row.person.clone() else { return Ok(None) };
    let index = row.idx as u64;
    let body = ledger_rows::bodies(work.conn, index, index + 1)?.into_iter().next();
    let Some(body) = body else { return Ok(None) };
    let key = work.key(&person_key_name(&person))?;
    let part: PersonalPart = open_part(key, "personal", index, &body.personal)
        .map_err(|e| StoreError::inconsistent(e.to_string()))?;
    let personal: Value =
        serde_json::from_str(&part.text).map_err(|e| StoreError::inconsistent(e.to_string()))?;
    let Ok(vector) = serde_json::from_value::<Vector>(personal["vector"].clone()) else {
        return Ok(None);
    };
    let digest = personal["scorecard"].as_str().unwrap_or_default();
    let champion = work.engine.champion();
    let (card, assessment) = if hex(&champion.digest) == digest {
        (champion.id.clone(), assess_vector(champion, &vector))
    } else {
        let kept = ledger_rows::artefacts(work.conn)?.into_iter().find(|row| row.digest == digest);
        let Some(kept) = kept else { return Ok(None) };
        let card = Scorecard::read(kept.content.as_bytes())
            .map_err(|e| StoreError::inconsistent(e.to_string()))?;
        (card.id.clone(), assess_vector(&card, &vector))
    };
    let assessment = assessment.map_err(|e| StoreError::inconsistent(e.to_string()))?;
    Ok(Some((assessment, card)))
}

/// Makes a notice for a decision against the person, where the scenario owes one. Gives its
/// number, which is all that the asker learns.
///
/// # Errors
/// The database's, or a body that does not open.
pub fn make(
    work: &mut Work<'_>,
    row: &InquiryRow,
    person: &str,
    decision: &str,
    decided: Time,
) -> Result<Option<String>, Fault> {
    let residence = super::consent::residence(work, person);
    let Some(pack) = matter::pack_for(work.engine, &residence) else { return Ok(None) };
    let rules = &work.engine.rules;
    let terms = rules.terms(&row.scenario, [pack.id.as_str()]);
    let against = matches!(decision, "declined" | "conditional");
    if !against || !terms.is_some_and(|terms| terms.adverse_action) {
        return Ok(None);
    }
    let Some((assessment, model)) = explained(work, row)? else { return Ok(None) };
    let notice = work.mint("ntc");
    let (reasons, content) = content(work, row, pack, &assessment, &model, &notice);
    let content = with(content, &[("decision", json!(decision)), ("decided_at", json!(decided))]);
    let codes: Vec<Value> = reasons.iter().map(|reason| reason["code"].clone()).collect();
    let draft = Draft::new("notice_made", PublicKind::Right)
        .about(person)
        .says("notice", notice.clone())
        .says("asker", row.asker.clone())
        .says("scenario", row.scenario.clone())
        .says("decision", decision)
        .says("due", Value::Null)
        .says("tells", 1)
        .counts("reasons", codes)
        .holds(json!({ "person": person, "matter": notice, "notice": content }));
    let recorded = work.append(draft)?;
    let kind = MatterKind::Notice;
    let kept = MatterRow::opened(&notice, kind, person, work.now, None, recorded.index);
    work.put_matter(kept, &content, recorded.index)?;
    let about = json!({ "notice": notice, "notice_url": format!("/v1/notices/{notice}") });
    let told = vec![Told::new(person, "adverse_action_notice", about)];
    work.tell(told, Some(person), recorded.index)?;
    Ok(Some(notice))
}

fn with(mut content: Value, members: &[(&str, Value)]) -> Value {
    for (name, value) in members {
        content[*name] = value.clone();
    }
    content
}

/// The reasons, and the whole of a notice but the decision.
fn content(
    work: &Work<'_>,
    row: &InquiryRow,
    pack: &Pack,
    assessment: &Assessment,
    model: &str,
    notice: &str,
) -> (Vec<Value>, Value) {
    let engine = work.engine;
    let card = engine.champion();
    let text = |code: &str, language| engine.texts.text(code, language).unwrap_or_default();
    let reason = |code: &str, lost: Option<i32>| {
        json!({
            "code": code, "points_lost": lost,
            "en": text(code, Language::English), "zh": text(code, Language::Chinese),
        })
    };
    let (score, reasons) = match &assessment.outcome {
        Outcome::Scored { score, band, .. } => {
            let shown = json!({
                "value": score, "band": band, "min": card.scale.min, "max": card.scale.max,
                "as_of": Time::from_micros(row.at_us), "model": model,
            });
            let list = assessment.reasons.iter().map(|r| reason(&r.code, Some(r.lost)));
            (shown, list.collect::<Vec<Value>>())
        }
        Outcome::NotAssessable(why) => (Value::Null, vec![reason(why.reason_code(), None)]),
    };
    let scenario = engine.rules.scenario(&row.scenario);
    let rights = pack.remedies().map(|remedies| remedies.rights.as_slice()).unwrap_or_default();
    // What was not verified is cited to nobody.
    let rights: Vec<Value> = rights
        .iter()
        .map(|right| {
            let law = right.law.mark.is_citable().then_some(&right.law.source);
            json!({ "en": right.text.en, "zh": right.text.zh, "law": law })
        })
        .collect();
    let free = pack.remedies().and_then(|remedies| remedies.reports.free_after_adverse_days);
    let asker = work.registry.partners.get(&row.asker);
    let name = asker.map_or_else(|| row.asker.clone(), |partner| partner.name.clone());
    let content = json!({
        "notice": notice, "made": work.now, "decided_by": name, "inquiry": row.id,
        "scenario": row.scenario,
        "purpose": { "en": scenario.map(|s| s.title.as_str()),
                     "zh": scenario.map(|s| s.title_zh.as_str()) },
        "bureau": "Fivefold gave an answer that was used. It did not decide, and cannot say why \
                   the decision was made beyond the reasons below.",
        "score": score, "reasons": reasons, "rights": rights,
        "free_report_until": free.map(|days| work.now.plus_days(days)), "rule_pack": pack.id,
        "categories_considered": considered(assessment),
    });
    (reasons, content)
}

/// The categories of data that the answer rested on (CCD2 19(6)).
fn considered(assessment: &Assessment) -> Vec<&'static str> {
    let used = assessment.dimensions.iter().filter(|dimension| dimension.of > 0);
    used.map(|dimension| dimension.dimension.name()).collect()
}
