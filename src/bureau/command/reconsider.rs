//! What the person does with an objection that is being looked into: takes it back, or adds to it.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::{Value, json};

use super::dispute::{TEXT_CHARS_MAX, not_found};
use super::refold::refold;
use super::{Answer, Command, Fault, needs_of_admission};
use crate::bureau::admission::{Admission, Principal};
use crate::bureau::authority;
use crate::bureau::matter::{self, Told};
use crate::bureau::needs::Needs;
use crate::bureau::work::Work;
use crate::error::{Problem, Reason};
use crate::kernel::Time;
use crate::kernel::bytes::digest_from_hex;
use crate::ledger::body::Draft;
use crate::ledger::leaf::PublicKind;
use crate::policy::{Action, Deadlined};
use crate::rights::ItemState;
use crate::rights::rows::{ContestedRow, MatterRow};

/// Times that a person may add to one objection.
const ADDED_MAX: usize = 20;

/// `POST /v1/disputes/{id}/withdraw`.
pub struct WithdrawDispute {
    /// Who asks.
    pub admission: Admission,
    /// Which.
    pub dispute: String,
}

/// `POST /v1/disputes/{id}/information`.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InformationSent {
    /// In the person's own words.
    pub text: String,
    /// SHA-256 of what shows it, hex.
    #[serde(default)]
    pub evidence_digest: Option<String>,
}

/// Adds information to an objection.
pub struct InformDispute {
    /// Who asks.
    pub admission: Admission,
    /// Which.
    pub dispute: String,
    /// What.
    pub sent: InformationSent,
}

/// An objection that is still looked into, whose it is, and what of it is open.
struct Pending {
    row: MatterRow,
    person: String,
    open: Vec<ContestedRow>,
}

fn needs_of(admission: &Admission, dispute: &str, needs: &mut Needs) {
    needs_of_admission(admission, needs);
    needs.matters.insert(dispute.to_string());
    needs.whole_persons = true;
    needs.scored = true;
}

/// The objection, if it is this person's, or that of somebody whom this agent acts for.
fn pending(work: &mut Work<'_>, admission: &Admission, dispute: &str) -> Result<Pending, Fault> {
    let row = work.loaded.matters.get(dispute).cloned();
    let row = row.filter(|row| row.kind == "dispute").ok_or_else(not_found)?;
    let person = work.loaded.canonical(&row.person).to_string();
    let residence = super::consent::residence(work, &person);
    let mut facts = authority::facts(work, admission, Action::Dispute, &residence);
    authority::add_person(work, &mut facts, &person)?;
    authority::add_standing(work, &mut facts, admission, &person, Action::Dispute.name());
    let staff = matches!(admission.principal, Principal::Operator { .. });
    // That there is an objection is nobody else's business.
    if !(facts.actor.is_the_person || facts.actor.mandate_covers_act || staff) {
        return Err(not_found().into());
    }
    facts.item.found = true;
    facts.item.own = true;
    authority::permit(work, admission, &facts, PublicKind::Right, Some(&person))?.spend();
    let open = |item: &&ContestedRow| item.dispute == row.id && item.to_idx.is_none();
    let mut open: Vec<ContestedRow> =
        work.loaded.contested.values().filter(open).cloned().collect();
    open.sort_by_key(|item| item.observation);
    if row.closed_us.is_some() || open.is_empty() {
        let text = "It has been answered already. Object again if the answer is wrong: with \
                    another ground, or the digest of something new.";
        return Err(Problem::new("dispute_closed", text).into());
    }
    Ok(Pending { row, person, open })
}

impl Pending {
    /// The same word to everybody whose items are still open, and to a person for whom an agent
    /// acted.
    fn told(&self, admission: &Admission, kind: &'static str, body: &Value) -> Vec<Told> {
        let mut by_furnisher: BTreeMap<&str, BTreeSet<i64>> = BTreeMap::new();
        for item in &self.open {
            by_furnisher.entry(&item.furnisher).or_default().insert(item.observation);
        }
        let mut told: Vec<Told> = by_furnisher
            .into_iter()
            .map(|(furnisher, items)| {
                let mut body = body.clone();
                body["dispute"] = json!(self.row.id);
                body["items"] = items.iter().map(|index| json!({ "observation": index })).collect();
                Told::new(furnisher, kind, body)
            })
            .collect();
        let (person, of) = (&self.person, &self.row.id);
        told.extend(matter::acted_for(admission, person, Action::Dispute, of));
        told
    }
}

impl Command for WithdrawDispute {
    fn admission(&self) -> &Admission {
        &self.admission
    }

    fn needs(&self, needs: &mut Needs) {
        needs_of(&self.admission, &self.dispute, needs);
    }

    fn execute(&self, work: &mut Work<'_>) -> Result<Answer, Fault> {
        let pending = pending(work, &self.admission, &self.dispute)?;
        let state = ItemState::Withdrawn;
        let told = pending.told(&self.admission, "dispute_withdrawn", &json!({}));
        let (actor, _) = authority::actor(work, &self.admission);
        let items: Vec<Value> =
            pending.open.iter().map(|item| json!({ "id": item.id, "state": state })).collect();
        let draft = Draft::new("dispute_withdrawn", PublicKind::Right)
            .about(&pending.person)
            .says("by", actor)
            .says("outcomes", json!({ state.name(): items.len() }))
            .says("state", "withdrawn")
            .says("tells", told.len())
            .holds(json!({
                "person": pending.person, "matter": pending.row.id, "items": items,
            }));
        let recorded = work.append(draft)?;
        let withheld = pending.open.iter().any(|item| item.withheld);
        for mut item in pending.open {
            item.state = state.name().to_string();
            item.to_idx = Some(recorded.index as i64);
            work.put_contested(item);
        }
        let mut row = pending.row;
        let content = work.matter(&row)?;
        row.state = "withdrawn".to_string();
        row.closed_us = Some(work.now.micros());
        let id = row.id.clone();
        work.put_matter(row, &content, recorded.index)?;
        work.tell(told, Some(&pending.person), recorded.index)?;
        if withheld {
            refold(work, &pending.person)?;
        }
        let body = json!({ "dispute": id, "state": "withdrawn", "log": recorded.receipt() });
        Ok(Answer::ok(&body, Some(&pending.person)))
    }
}

impl InformDispute {
    fn faults(&self, content: &Value) -> Vec<Reason> {
        let mut faults = Vec::new();
        let length = self.sent.text.chars().count();
        if !(1..=TEXT_CHARS_MAX).contains(&length) {
            let text = format!("1 to {TEXT_CHARS_MAX} characters");
            faults.push(Reason::new("/text", "out_of_range", text));
        }
        let shown = self.sent.evidence_digest.as_deref();
        if shown.is_some_and(|digest| digest_from_hex(digest).is_none()) {
            faults.push(Reason::new("/evidence_digest", "malformed", "64 hexadecimal digits"));
        }
        if content["added"].as_array().is_some_and(|added| added.len() >= ADDED_MAX) {
            let text = format!("at most {ADDED_MAX} times to one objection");
            faults.push(Reason::new("", "too_many", text));
        }
        faults
    }
}

/// Until when it is answered now: where the law gives longer for what the person adds, it does so
/// once (FCRA 611(a)(1)(B)).
fn extended(work: &Work<'_>, row: &MatterRow, residence: &str, before: bool) -> Option<Time> {
    let due = row.due_us.map(Time::from_micros)?;
    let rule = matter::remedies_for(work.engine, residence).map(|r| r.dispute.information_extends);
    // What is overdue is not made timely by a late word.
    if before || rule != Some(true) || work.now >= due {
        return Some(due);
    }
    Some(matter::due(work.engine, residence, Deadlined::DisputeExtension, due).unwrap_or(due))
}

impl Command for InformDispute {
    fn admission(&self) -> &Admission {
        &self.admission
    }

    fn needs(&self, needs: &mut Needs) {
        needs_of(&self.admission, &self.dispute, needs);
    }

    fn execute(&self, work: &mut Work<'_>) -> Result<Answer, Fault> {
        let pending = pending(work, &self.admission, &self.dispute)?;
        let mut content = work.matter(&pending.row)?;
        let faults = self.faults(&content);
        if !faults.is_empty() {
            return Err(Problem::invalid(faults).into());
        }
        let residence = super::consent::residence(work, &pending.person);
        let before = content["added"].as_array().is_some_and(|added| !added.is_empty());
        let due = extended(work, &pending.row, &residence, before);
        let longer = due.map(Time::micros) != pending.row.due_us;
        let said = json!({
            "text": self.sent.text, "evidence": self.sent.evidence_digest, "at": work.now,
        });
        let word = json!({
            "text": self.sent.text, "evidence": self.sent.evidence_digest, "due": due,
            "answer_url": format!("/v1/disputes/{}/answer", pending.row.id),
        });
        let told = pending.told(&self.admission, "dispute_informed", &word);
        let (actor, _) = authority::actor(work, &self.admission);
        let draft = Draft::new("dispute_informed", PublicKind::Right)
            .about(&pending.person)
            .says("by", actor)
            .says("due", json!(due))
            .says("extended", longer)
            .says("tells", told.len())
            .holds(json!({
                "person": pending.person, "matter": pending.row.id, "said": said,
            }));
        let recorded = work.append(draft)?;
        match content["added"].as_array_mut() {
            Some(added) => added.push(said),
            None => content["added"] = json!([said]),
        }
        let mut row = pending.row;
        row.due_us = due.map(Time::micros);
        let id = row.id.clone();
        work.put_matter(row, &content, recorded.index)?;
        work.tell(told, Some(&pending.person), recorded.index)?;
        let body = json!({
            "dispute": id, "state": "open", "due": due, "extended": longer,
            "log": recorded.receipt(),
        });
        Ok(Answer::ok(&body, Some(&pending.person)))
    }
}
