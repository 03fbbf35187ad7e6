//! Answers to disputes: by the furnisher of an item, or by the bureau when the clock has run out.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::correct::tell_askers;
use super::dispute::{logged, named, not_found};
use super::observe::{ObserveSlice, Said, digest, fact_row, identity};
use super::refold::{Logged, refold};
use super::{Answer, Command, Fault, needs_of_admission};
use crate::bureau::admission::{Admission, Principal};
use crate::bureau::authority;
use crate::bureau::matter::{self, Told};
use crate::bureau::needs::Needs;
use crate::bureau::work::Work;
use crate::collect::{Observation, Operation, ReadContext, read_observation};
use crate::error::{Problem, Reason};
use crate::kernel::Time;
use crate::ledger::body::Draft;
use crate::ledger::leaf::PublicKind;
use crate::policy::{Action, Deadlined, Decision, Unverifiable, decide};
use crate::rights::ItemState;
use crate::rights::rows::{self as rights_rows, BarredRow, ContestedRow, MatterRow};
use crate::subject::rows::{self as subject_rows, By};

/// Stands where a key's thumbprint does, in records that a settled dispute makes.
const SETTLED: &str = "dispute";

/// How a furnisher answers for one item.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ItemAnswer {
    /// The item, as the event named it.
    pub observation: u64,
    /// `corrected` (with `correction`), `deleted`, `upheld`, `unverifiable`; or, for an item that
    /// was deleted, `reinserted` (with `certified`).
    pub outcome: String,
    /// With `corrected`: the record as it should be, every field of the dictionary, `op` correct.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub correction: Option<Map<String, Value>>,
    /// With `reinserted`: the furnisher certifies that it is complete and accurate.
    #[serde(default)]
    pub certified: bool,
}

/// `POST /v1/disputes/{id}/answer`.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AnswerSent {
    /// One answer for each item.
    pub items: Vec<ItemAnswer>,
    /// What was found, in words for the person.
    #[serde(default)]
    pub note: String,
}

/// Answers for items of a dispute.
pub struct AnswerDispute {
    /// Who answers.
    pub admission: Admission,
    /// Which dispute.
    pub dispute: String,
    /// What.
    pub sent: AnswerSent,
}

/// One item as it will be settled.
struct Settled {
    row: ContestedRow,
    state: ItemState,
    /// The record that takes its place; `None` with [`ItemState::Deleted`] takes it out.
    correction: Option<Observation>,
    reinserted: bool,
}

impl AnswerDispute {
    /// Reads one answer against the item it is about.
    fn read(
        &self,
        work: &Work<'_>,
        place: usize,
        rows: &BTreeMap<u64, ContestedRow>,
        original: Option<&Logged>,
        unverifiable: Unverifiable,
    ) -> Result<Settled, Reason> {
        let answer = self.sent.items.get(place).ok_or_else(|| reason(place, "", "required", ""))?;
        let row = rows.get(&answer.observation).cloned().ok_or_else(|| {
            let text = "this dispute has no such item of yours";
            reason(place, "/observation", "item_not_found", text)
        })?;
        let open = ItemState::from_name(&row.state).is_some_and(ItemState::is_open);
        let reinserted = answer.outcome == "reinserted";
        if reinserted {
            if row.state != ItemState::Deleted.name() || !answer.certified {
                let text = "a deleted item comes back only when it is certified as accurate";
                return Err(reason(place, "/certified", "reinsertion_uncertified", text));
            }
        } else if !open {
            let text = "this item was settled before";
            return Err(reason(place, "/observation", "item_settled", text));
        }
        let state = match answer.outcome.as_str() {
            "corrected" => ItemState::Corrected,
            "deleted" => ItemState::Deleted,
            "upheld" | "reinserted" => ItemState::Upheld,
            "unverifiable" => unsettled(unverifiable),
            _ => {
                let text = "one of corrected, deleted, upheld, unverifiable, reinserted";
                return Err(reason(place, "/outcome", "unknown_value", text));
            }
        };
        let correction = match (state, &answer.correction) {
            (ItemState::Corrected, Some(object)) => {
                Some(self.correction(work, place, object, original)?)
            }
            (ItemState::Corrected, None) => {
                let text = "the record as it should be";
                return Err(reason(place, "/correction", "required", text));
            }
            (_, None) => None,
            (_, Some(_)) => {
                let text = "it goes with the outcome `corrected` only";
                return Err(reason(place, "/correction", "not_allowed", text));
            }
        };
        Ok(Settled { row, state, correction, reinserted })
    }

    fn correction(
        &self,
        work: &Work<'_>,
        place: usize,
        object: &Map<String, Value>,
        original: Option<&Logged>,
    ) -> Result<Observation, Reason> {
        let categories = work.engine.rules.categories();
        let allowed = categories.iter().map(|(name, _)| name.to_string()).collect();
        let today = work.now.date_at(14);
        let oldest = jiff::civil::Date::constant(1950, 1, 1);
        let context = ReadContext { today, oldest, allowed_categories: &allowed };
        let read = read_observation(object, &context).map_err(|errors| {
            let first = errors.first();
            let pointer = first.map_or("", |e| e.pointer.as_str());
            let code = first.map_or("invalid_field", |e| e.code);
            let text = first.map_or("", |e| e.message.as_str());
            reason(place, &format!("/correction{pointer}"), code, text)
        })?;
        let same = original.is_some_and(|one| {
            one.observation.fact.identity() == read.fact.identity()
                && one.observation.fact.type_name() == read.fact.type_name()
                && one.observation.subject == read.subject
        });
        if !same || read.op != Operation::Correct {
            let text = "it names the same record (subject, type, key, period), with op `correct`";
            return Err(reason(place, "/correction", "record_differs", text));
        }
        Ok(read)
    }
}

/// Whether the law lets the correction be collected, as it would if it came in an upload: notice
/// before what is adverse, a standing consent, nothing that may never be collected.
fn allowed(
    work: &mut Work<'_>,
    place: usize,
    one: &Settled,
    person: &str,
) -> Result<Option<Reason>, Fault> {
    let Some(correction) = &one.correction else { return Ok(None) };
    let facts = in_name_of(&one.row.furnisher).facts(work, correction, person, None);
    let facts = match facts {
        Ok(facts) => facts,
        Err(Fault::Problem(problem, _)) => {
            return Ok(Some(reason(place, "/correction", &problem.code, &problem.detail)));
        }
        Err(fault) => return Err(fault),
    };
    match decide(&work.engine.rules, &facts) {
        Decision::Permit(permit) => {
            permit.spend();
            Ok(None)
        }
        Decision::Refusal(refusal) => {
            let rules = &work.engine.rules;
            let code = refusal.outward(rules).code;
            Ok(Some(reason(place, "/correction", &code, &rules.explain(&refusal))))
        }
    }
}

/// A slice in the name of a furnisher who answered under its signature, or whose signed record the
/// bureau settles.
fn in_name_of(furnisher: &str) -> ObserveSlice {
    let admission = Admission { keyid: SETTLED.to_string(), ..Admission::console(furnisher) };
    ObserveSlice { admission, lines: Vec::new(), dry_run: false, progress: None }
}

fn reason(place: usize, pointer: &str, code: &str, text: &str) -> Reason {
    Reason::new(format!("/items/{place}{pointer}"), code, text)
}

fn unsettled(rule: Unverifiable) -> ItemState {
    match rule {
        Unverifiable::Delete => ItemState::Deleted,
        Unverifiable::Record => ItemState::Unresolved,
    }
}

/// The items of a dispute by their observations.
fn items_of(
    work: &Work<'_>,
    dispute: &str,
    furnisher: Option<&str>,
) -> BTreeMap<u64, ContestedRow> {
    let own = |row: &&ContestedRow| {
        row.dispute == dispute && furnisher.is_none_or(|furnisher| row.furnisher == furnisher)
    };
    let rows = work.loaded.contested.values().filter(own);
    rows.map(|row| (row.observation.unsigned_abs(), row.clone())).collect()
}

impl Command for AnswerDispute {
    fn admission(&self) -> &Admission {
        &self.admission
    }

    fn needs(&self, needs: &mut Needs) {
        needs_of_admission(&self.admission, needs);
        needs.matters.insert(self.dispute.clone());
        let corrections = self.sent.items.iter().filter_map(|item| item.correction.as_ref());
        let bases = corrections.filter_map(|c| c.get("basis")?.get("ref")?.as_str());
        needs.consents.extend(bases.map(str::to_string));
        needs.whole_persons = true;
        needs.scored = true;
    }

    fn execute(&self, work: &mut Work<'_>) -> Result<Answer, Fault> {
        let row = work.loaded.matters.get(&self.dispute).cloned();
        let row = row.filter(|row| row.kind == "dispute").ok_or_else(not_found)?;
        let person = work.loaded.canonical(&row.person).to_string();
        let residence = super::consent::residence(work, &person);
        let me = self.admission.principal.key();
        let staff = matches!(self.admission.principal, Principal::Operator { .. });
        let rows = items_of(work, &self.dispute, (!staff).then_some(me.as_str()));
        if rows.is_empty() {
            return Err(not_found().into());
        }
        let mut facts = authority::facts(work, &self.admission, Action::AnswerDispute, &residence);
        facts.item.found = true;
        facts.item.own = true;
        let about = Some(person.as_str());
        authority::permit(work, &self.admission, &facts, PublicKind::Right, about)?.spend();
        let all = logged(work, &person)?;
        let rule = matter::remedies_for(work.engine, &residence);
        let rule = rule.map_or(Unverifiable::Record, |remedies| remedies.dispute.unverifiable);
        let original = |index: u64| all.iter().find(|one| one.index == index);
        let mut settled = Vec::new();
        let mut faults = Vec::new();
        let mut seen = BTreeSet::new();
        for (place, answer) in self.sent.items.iter().enumerate() {
            if !seen.insert(answer.observation) {
                let text = "one answer for each item";
                faults.push(reason(place, "/observation", "duplicate_key", text));
                continue;
            }
            match self.read(work, place, &rows, original(answer.observation), rule) {
                Ok(one) => match allowed(work, place, &one, &person)? {
                    None => settled.push(one),
                    Some(fault) => faults.push(fault),
                },
                Err(fault) => faults.push(fault),
            }
        }
        if settled.is_empty() && faults.is_empty() {
            faults.push(Reason::new("/items", "required", "an answer for one item at least"));
        }
        if !faults.is_empty() {
            return Err(Problem::invalid(faults).into());
        }
        settle(work, &self.admission, row, &all, settled, &self.sent.note)
    }
}

/// The bureau closes a dispute whose clock has run out: what was not answered is unverifiable.
pub struct CloseOverdue {
    /// The bureau.
    pub admission: Admission,
    /// Which dispute.
    pub dispute: String,
}

impl Command for CloseOverdue {
    fn admission(&self) -> &Admission {
        &self.admission
    }

    fn is_bulk(&self) -> bool {
        true
    }

    fn needs(&self, needs: &mut Needs) {
        needs_of_admission(&self.admission, needs);
        needs.matters.insert(self.dispute.clone());
        needs.whole_persons = true;
        needs.scored = true;
    }

    fn execute(&self, work: &mut Work<'_>) -> Result<Answer, Fault> {
        let row = work.loaded.matters.get(&self.dispute).cloned();
        let row = row.filter(|row| row.kind == "dispute").ok_or_else(not_found)?;
        let over = row.due_us.is_some_and(|due| due <= work.now.micros());
        if row.closed_us.is_some() || !over {
            return Ok(Answer::ok(&json!({ "dispute": row.id, "state": row.state }), None));
        }
        let person = work.loaded.canonical(&row.person).to_string();
        let residence = super::consent::residence(work, &person);
        let rule = matter::remedies_for(work.engine, &residence);
        let rule = rule.map_or(Unverifiable::Record, |remedies| remedies.dispute.unverifiable);
        let all = logged(work, &person)?;
        let open = items_of(work, &self.dispute, None).into_values();
        let open = open.filter(|item| item.to_idx.is_none());
        let settled = open.map(|row| Settled {
            row,
            state: unsettled(rule),
            correction: None,
            reinserted: false,
        });
        let settled: Vec<Settled> = settled.collect();
        let note = "The time to answer has run out, and whoever sent this has not shown it.";
        settle(work, &self.admission, row, &all, settled, note)
    }
}

/// Loads what the bureau holds of one record, as an upload would have.
fn load(work: &mut Work<'_>, observation: &Observation) -> Result<(), Fault> {
    if !work.loaded.pairwise.contains_key(&observation.subject) {
        for row in subject_rows::pairwise(work.conn, By::Key, &[observation.subject.as_str()])? {
            work.loaded.pairwise.insert(row.id.clone(), row);
        }
    }
    Ok(())
}

/// The record's identity, its holder being whom the furnisher's subject was made for.
fn identity_of(
    work: &Work<'_>,
    furnisher: &str,
    observation: &Observation,
    person: &str,
) -> Vec<u8> {
    let row = work.loaded.pairwise.get(&observation.subject);
    let holder = row.map_or(person, |row| row.person.as_str());
    identity(work.engine, holder, furnisher, observation).to_vec()
}

/// Appends a record in the furnisher's name, and makes it the last word on itself.
fn record(
    work: &mut Work<'_>,
    furnisher: &str,
    observation: &Observation,
    person: &str,
) -> Result<(u64, Vec<u8>), Fault> {
    load(work, observation)?;
    let index = in_name_of(furnisher).append(work, observation, person)?;
    let row = work.loaded.pairwise.get(&observation.subject);
    let holder = row.map_or(person, |row| row.person.as_str()).to_string();
    let identity = identity(work.engine, &holder, furnisher, observation);
    let digest = digest(work.engine, observation, true)?;
    let said = Said { holder: &holder, person, furnisher };
    work.put_fact(fact_row(work.engine, said, (&identity, &digest), observation, index));
    Ok((index, identity.to_vec()))
}

/// Settles items: the log first, then the marks, the bars, the profile, and whoever must hear.
fn settle(
    work: &mut Work<'_>,
    admission: &Admission,
    row: MatterRow,
    all: &[Logged],
    settled: Vec<Settled>,
    note: &str,
) -> Result<Answer, Fault> {
    let person = work.loaded.canonical(&row.person).to_string();
    let left = items_of(work, &row.id, None)
        .into_values()
        .filter(|item| item.to_idx.is_none())
        .filter(|item| !settled.iter().any(|one| one.row.id == item.id))
        .count();
    let (bars, touched) = put_right(work, &person, all, &settled)?;
    let listed: Vec<Value> = settled
        .iter()
        .map(|one| json!({ "id": one.row.id, "state": one.state, "reinserted": one.reinserted }))
        .collect();
    let told = told_of(work, &row, all, &settled, left == 0, note);
    let (actor, _) = authority::actor(work, admission);
    let mut outcomes: BTreeMap<&str, u64> = BTreeMap::new();
    for one in &settled {
        *outcomes.entry(one.state.name()).or_default() += 1;
    }
    let state = if left == 0 { "closed" } else { "open" };
    let reinserted = settled.iter().any(|one| one.reinserted);
    let kind = if reinserted { "dispute_reinserted" } else { "dispute_answered" };
    let draft = Draft::new(kind, PublicKind::Right)
        .about(&person)
        .says("by", actor)
        .says("outcomes", json!(outcomes))
        .says("state", state)
        .says("days", (work.now.micros() - row.placed_us) / 86_400_000_000)
        .says("in_time", row.due_us.is_none_or(|due| work.now.micros() <= due))
        .says("tells", told.len())
        .says("bars", bars.len())
        .holds(json!({
            "person": person, "matter": row.id, "items": listed, "note": note,
        }));
    let recorded = work.append(draft)?;
    let dispute = row.id.clone();
    keep(work, row, &settled, bars, state, recorded.index)?;
    work.tell(told, Some(&person), recorded.index)?;
    if touched.is_some() || settled.iter().any(|one| one.row.withheld) {
        refold(work, &person)?;
    }
    if let Some(since) = touched {
        tell_askers(work, &person, since)?;
    }
    let body = json!({
        "dispute": dispute, "state": state, "items": listed, "open_items": left,
        "log": recorded.receipt(),
    });
    Ok(Answer::ok(&body, Some(&person)))
}

/// Records what takes the place of wrong items. Gives what may not be sent again, and since when
/// somebody may have been told what was wrong.
fn put_right(
    work: &mut Work<'_>,
    person: &str,
    all: &[Logged],
    settled: &[Settled],
) -> Result<(Vec<BarredRow>, Option<Time>), Fault> {
    let mut bars: Vec<BarredRow> = Vec::new();
    let mut touched: Option<Time> = None;
    for one in settled {
        let index = one.row.observation.unsigned_abs();
        let Some(original) = all.iter().find(|logged| logged.index == index) else { continue };
        let wrong = &original.observation;
        load(work, wrong)?;
        let furnisher = &one.row.furnisher;
        let identity = identity_of(work, furnisher, wrong, person);
        match (one.state, &one.correction) {
            (ItemState::Corrected, Some(correction)) => {
                record(work, furnisher, correction, person)?;
                bars.extend(matter::refuted(work.engine, &identity, wrong, correction));
            }
            (ItemState::Deleted, _) => {
                let out = Observation { op: Operation::Delete, ..wrong.clone() };
                record(work, furnisher, &out, person)?;
                bars.push(barred(work, &identity));
            }
            _ if one.reinserted => {
                let again = Observation { op: Operation::Report, ..wrong.clone() };
                record(work, furnisher, &again, person)?;
                let standing = barred(work, &identity);
                let rows = rights_rows::barred_of(work.conn, &[identity.as_slice()])?;
                let standing = rows.into_iter().find(|row| row.id == standing.id);
                bars.extend(standing.map(|row| BarredRow { lifted_idx: Some(0), ..row }));
            }
            _ => continue,
        }
        let since = original.recorded;
        touched = Some(touched.map_or(since, |at| at.min(since)));
    }
    Ok((bars, touched))
}

/// Writes marks, bars and the dispute itself as the entry `index` leaves them.
fn keep(
    work: &mut Work<'_>,
    mut row: MatterRow,
    settled: &[Settled],
    bars: Vec<BarredRow>,
    state: &str,
    index: u64,
) -> Result<(), Fault> {
    let idx = index as i64;
    for mut one in bars {
        match one.lifted_idx {
            Some(_) => one.lifted_idx = Some(idx),
            None => one.idx = idx,
        }
        work.put_barred(one);
    }
    for one in settled {
        let mut item = one.row.clone();
        item.state = one.state.name().to_string();
        item.to_idx = Some(idx);
        work.put_contested(item);
    }
    let content = work.matter(&row)?;
    if state == "closed" && row.closed_us.is_none() {
        row.closed_us = Some(work.now.micros());
    }
    row.state = state.to_string();
    work.put_matter(row, &content, index)?;
    Ok(())
}

/// A bar against the record, whatever it says.
fn barred(work: &Work<'_>, identity: &[u8]) -> BarredRow {
    matter::bar(matter::bar_id(work.engine, identity), identity, "deleted", None)
}

/// The person hears the results; furnishers hear what became of their items.
fn told_of(
    work: &Work<'_>,
    row: &MatterRow,
    all: &[Logged],
    settled: &[Settled],
    closes: bool,
    note: &str,
) -> Vec<Told> {
    let residence = super::consent::residence(work, &row.person);
    let due = matter::due(work.engine, &residence, Deadlined::ResultsNotice, work.now);
    let again = matter::due(work.engine, &residence, Deadlined::ReinsertionNotice, work.now);
    let name = |one: &Settled| {
        let index = one.row.observation.unsigned_abs();
        let mut item = all.iter().find(|logged| logged.index == index).map_or(json!({}), named);
        item["outcome"] = json!(one.state);
        item["reinserted"] = json!(one.reinserted);
        item
    };
    let items: Vec<Value> = settled.iter().map(&name).collect();
    let body = json!({
        "dispute": row.id, "items": items, "note": note, "closed": closes,
        "notice_due": due, "reinsertion_notice_due": again,
        "rights": ["statement", "complaint"],
    });
    let mut told = vec![Told::new(&row.person, "dispute_result", body)];
    let mut by_furnisher: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
    for one in settled.iter().filter(|one| one.state != ItemState::Upheld) {
        by_furnisher.entry(&one.row.furnisher).or_default().push(name(one));
    }
    told.extend(by_furnisher.into_iter().map(|(furnisher, items)| {
        let body = json!({ "dispute": row.id, "items": items });
        Told::new(furnisher, "item_settled", body)
    }));
    told
}
