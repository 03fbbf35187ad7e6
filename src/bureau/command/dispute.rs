//! An objection to items of a file: marked at once, forwarded to whoever sent them, under the
//! clock of the person's pack (domain register, section 1.3).

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::{Value, json};

use super::refold::{Circle, Logged, gather, key_of, refold};
use super::{Answer, Command, Fault, needs_of_admission};
use crate::bureau::admission::Admission;
use crate::bureau::authority;
use crate::bureau::matter::{self, Told};
use crate::bureau::needs::Needs;
use crate::bureau::work::Work;
use crate::collect::Operation;
use crate::error::{Problem, Reason};
use crate::kernel::Time;
use crate::ledger::body::Draft;
use crate::ledger::leaf::PublicKind;
use crate::policy::{Action, Contested, Deadlined};
use crate::rights::rows::{self as rights_rows, ContestedRow, MatterRow};
use crate::rights::{Ground, ItemState, MatterKind};

/// Items of one dispute at most.
pub const ITEMS_MAX: usize = 2_000;
/// Characters of what the person says at most.
pub(super) const TEXT_CHARS_MAX: usize = 4_000;

/// One item that is objected to.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ItemSent {
    /// The item: the `index` of an observation in the person's report.
    pub observation: u64,
}

/// `POST /v1/disputes`.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DisputeSent {
    /// `me`, or an agent's own id of the person.
    pub subject: String,
    /// The items. With the ground `not_mine`, each stands for all that came with it; none at all
    /// for the whole file.
    pub items: Vec<ItemSent>,
    /// Why.
    pub ground: Ground,
    /// In the person's own words.
    #[serde(default)]
    pub text: String,
    /// SHA-256 of what shows it, hex; with the ground `identity_theft` it is required.
    #[serde(default)]
    pub evidence_digest: Option<String>,
}

/// Objects to items.
pub struct OpenDispute {
    /// Who asks.
    pub admission: Admission,
    /// What.
    pub sent: DisputeSent,
}

/// All that was ever recorded about the person, in order of the log.
///
/// # Errors
/// The database's, or a body that does not open.
pub fn logged(work: &mut Work<'_>, person: &str) -> Result<Vec<Logged>, Fault> {
    let size = work.size();
    let found = work.with_bodies(|conn, loaded, fresh, keystore| {
        let mut key = |owner: &str| key_of(loaded, keystore, owner);
        let circle = Circle::of(conn, person, size)?;
        gather(conn, &mut key, &circle, size, fresh)
    })?;
    Ok(found)
}

/// The name of an item of a dispute.
pub fn item_id(dispute: &str, place: usize) -> String {
    format!("{dispute}.{place}")
}

/// How an item is named to its furnisher, in the furnisher's own words.
pub fn named(one: &Logged) -> Value {
    let (reference, period) = one.observation.fact.identity();
    json!({
        "observation": one.index, "subject": one.observation.subject,
        "type": one.observation.fact.type_name(), "reference": reference, "period": period,
    })
}

/// An objection to an item that was found unfounded.
struct Earlier {
    observation: u64,
    ground: Value,
    evidence: Value,
}

impl Earlier {
    fn theft(&self) -> bool {
        self.ground == json!(Ground::IdentityTheft)
    }
}

/// Earlier objections of this person whose items were upheld.
fn upheld(work: &mut Work<'_>) -> Result<Vec<Earlier>, Fault> {
    let state = ItemState::Upheld.name();
    let settled: Vec<(String, u64)> = work
        .loaded
        .contested
        .values()
        .filter(|row| row.state == state && row.to_idx.is_some())
        .map(|row| (row.dispute.clone(), row.observation.unsigned_abs()))
        .collect();
    let ids: BTreeSet<&str> = settled.iter().map(|(dispute, _)| dispute.as_str()).collect();
    let ids: Vec<&str> = ids.into_iter().collect();
    let mut found = Vec::new();
    for row in rights_rows::matters(work.conn, &ids)? {
        let content = work.matter(&row)?;
        let of = settled.iter().filter(|(dispute, _)| *dispute == row.id);
        found.extend(of.map(|(_, observation)| Earlier {
            observation: *observation,
            ground: content["ground"].clone(),
            evidence: content["evidence"].clone(),
        }));
    }
    Ok(found)
}

impl OpenDispute {
    /// Whether the item was upheld against this very ground, and nothing new is shown: the same
    /// objection again would keep any item in doubt for ever (domain.md 1.3, reopened).
    fn says_nothing_new(&self, observation: u64, earlier: &[Earlier]) -> bool {
        let mut same = earlier
            .iter()
            .filter(|one| one.observation == observation && one.ground == json!(self.sent.ground));
        let shown = json!(self.sent.evidence_digest);
        match self.sent.evidence_digest {
            None => same.next().is_some(),
            Some(_) => same.any(|one| one.evidence == shown),
        }
    }

    fn faults(&self) -> Vec<Reason> {
        let mut faults = Vec::new();
        let sent = &self.sent;
        if sent.text.chars().count() > TEXT_CHARS_MAX {
            let text = format!("at most {TEXT_CHARS_MAX} characters");
            faults.push(Reason::new("/text", "too_long", text));
        }
        if sent.items.len() > ITEMS_MAX {
            faults.push(Reason::new("/items", "too_many", format!("at most {ITEMS_MAX} items")));
        }
        if sent.items.is_empty() && sent.ground != Ground::NotMine {
            let text = "name the items: each has an `index` in the report";
            faults.push(Reason::new("/items", "required", text));
        }
        let shown = sent.evidence_digest.as_deref();
        let digest = shown.is_some_and(|d| crate::kernel::bytes::digest_from_hex(d).is_some());
        if shown.is_some() && !digest {
            faults.push(Reason::new("/evidence_digest", "malformed", "64 hexadecimal digits"));
        }
        if sent.ground == Ground::IdentityTheft && shown.is_none() {
            let text = "the digest of a police report, or of another proof of the theft";
            faults.push(Reason::new("/evidence_digest", "required", text));
        }
        faults
    }

    /// The items, with all that came with them where the whole of it is somebody else's.
    fn items<'l>(
        &self,
        logged: &'l [Logged],
        earlier: &[Earlier],
        work: &Work<'_>,
    ) -> Result<Vec<&'l Logged>, Problem> {
        let known: BTreeMap<u64, &Logged> = logged
            .iter()
            .filter(|one| one.observation.op != Operation::Delete)
            .map(|one| (one.index, one))
            .collect();
        let contested = |index: u64| {
            let open = |row: &&ContestedRow| {
                row.observation.unsigned_abs() == index && row.to_idx.is_none()
            };
            work.loaded.contested.values().any(|row| open(&row))
        };
        let mut chosen: BTreeSet<u64> = BTreeSet::new();
        let mut faults = Vec::new();
        for (place, item) in self.sent.items.iter().enumerate() {
            let pointer = format!("/items/{place}/observation");
            let Some(one) = known.get(&item.observation) else {
                let text = "there is no such item in the file: use an `index` of the report";
                faults.push(Reason::new(pointer, "item_not_found", text));
                continue;
            };
            if contested(item.observation) {
                let text = "it is being looked into already";
                faults.push(Reason::new(pointer.clone(), "dispute_open", text));
            }
            if self.says_nothing_new(item.observation, earlier) {
                let text = "the one who sent it has shown it to be right: object again with \
                            another ground, or the `evidence_digest` of something new";
                faults.push(Reason::new(pointer, "nothing_new", text));
            }
            chosen.insert(one.index);
            if self.sent.ground == Ground::NotMine {
                let (reference, _) = one.observation.fact.identity();
                let together = known.values().filter(|other| {
                    other.furnisher == one.furnisher
                        && other.observation.fact.identity().0 == reference
                });
                chosen.extend(together.map(|other| other.index));
            }
        }
        if !faults.is_empty() {
            return Err(Problem::invalid(faults));
        }
        if self.sent.items.is_empty() {
            chosen.extend(known.keys());
        }
        // Of what stands for others, what was shown to be right stays as it is.
        chosen.retain(|index| !contested(*index) && !self.says_nothing_new(*index, earlier));
        if chosen.is_empty() {
            let text = "there is nothing on file to object to, or all of it is looked into already";
            return Err(Problem::new("nothing_to_dispute", text));
        }
        if chosen.len() > ITEMS_MAX {
            let text = format!("at most {ITEMS_MAX} items: object to them furnisher by furnisher");
            return Err(Problem::new("too_many_items", text));
        }
        Ok(chosen.iter().filter_map(|index| known.get(index).copied()).collect())
    }
}

impl Command for OpenDispute {
    fn admission(&self) -> &Admission {
        &self.admission
    }

    fn needs(&self, needs: &mut Needs) {
        needs_of_admission(&self.admission, needs);
        needs.subjects.insert(self.sent.subject.clone());
        needs.scored = true;
        needs.whole_persons = true;
    }

    fn execute(&self, work: &mut Work<'_>) -> Result<Answer, Fault> {
        let faults = self.faults();
        if !faults.is_empty() {
            return Err(Problem::invalid(faults).into());
        }
        let subject = &self.sent.subject;
        let person = authority::for_person(work, &self.admission, subject, Action::Dispute)?;
        let logged = logged(work, &person)?;
        let earlier = upheld(work)?;
        let items = self.items(&logged, &earlier, work)?;
        let residence = super::consent::residence(work, &person);
        let rule = matter::remedies_for(work.engine, &residence).map(|r| r.dispute.contested);
        let withheld = self.is_withheld(rule, &items, &earlier);
        let due = |what| matter::due(work.engine, &residence, what, work.now);
        let (due, asked) = (due(Deadlined::DisputeAnswer), due(Deadlined::FurnisherAnswer));
        let dispute = work.mint("dsp");
        let told = self.told(&dispute, &person, &items, asked);
        let (actor, _) = authority::actor(work, &self.admission);
        let listed = |(place, one): (usize, &&Logged)| {
            let id = item_id(&dispute, place);
            json!({ "id": id, "observation": one.index, "furnisher": one.furnisher })
        };
        let list: Vec<Value> = items.iter().enumerate().map(listed).collect();
        let furnishers: BTreeSet<&str> = items.iter().map(|one| one.furnisher.as_str()).collect();
        let draft = Draft::new("dispute_opened", PublicKind::Right)
            .about(&person)
            .says("by", actor)
            .says("ground", self.sent.ground.name())
            .says("items", items.len())
            .says("furnishers", json!(furnishers))
            .says("withheld", withheld)
            .says("due", json!(due))
            .says("states", json!(["received", "annotated", "forwarded"]))
            .says("tells", told.len())
            .holds(json!({
                "person": person, "matter": dispute, "items": list, "text": self.sent.text,
                "evidence": self.sent.evidence_digest,
            }));
        let recorded = work.append(draft)?;
        let kind = MatterKind::Dispute;
        let row = MatterRow::opened(&dispute, kind, &person, work.now, due, recorded.index);
        let content = json!({
            "ground": self.sent.ground, "text": self.sent.text,
            "evidence": self.sent.evidence_digest,
        });
        work.put_matter(row, &content, recorded.index)?;
        for (place, one) in items.iter().enumerate() {
            work.put_contested(ContestedRow {
                id: item_id(&dispute, place),
                dispute: dispute.clone(),
                person: person.clone(),
                observation: one.index as i64,
                furnisher: one.furnisher.clone(),
                state: ItemState::Forwarded.name().to_string(),
                withheld,
                from_idx: recorded.index as i64,
                to_idx: None,
            });
        }
        work.tell(told, Some(&person), recorded.index)?;
        if withheld {
            refold(work, &person)?;
        }
        let body = json!({
            "dispute": dispute, "state": "open", "due": due, "withheld": withheld,
            "items": list, "log": recorded.receipt(),
        });
        Ok(Answer::created(&body, Some(&person)))
    }
}

impl OpenDispute {
    /// Whether the items are neither shown nor scored while they are looked into. What a thief did
    /// is blocked at once, whatever the pack does with other items; but not a second time, when it
    /// was shown to be the person's own.
    fn is_withheld(&self, rule: Option<Contested>, items: &[&Logged], earlier: &[Earlier]) -> bool {
        let theft = self.sent.ground == Ground::IdentityTheft;
        let own = |one: &&Logged| earlier.iter().any(|e| e.observation == one.index && e.theft());
        rule == Some(Contested::Withhold) || (theft && !items.iter().any(own))
    }

    /// Every furnisher hears of its own items; the person hears that somebody acted for them.
    fn told(&self, dispute: &str, person: &str, items: &[&Logged], due: Option<Time>) -> Vec<Told> {
        let mut by_furnisher: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
        for one in items {
            by_furnisher.entry(&one.furnisher).or_default().push(named(one));
        }
        let mut told: Vec<Told> = by_furnisher
            .into_iter()
            .map(|(furnisher, items)| {
                let body = json!({
                    "dispute": dispute, "ground": self.sent.ground, "text": self.sent.text,
                    "items": items, "due": due,
                    "answer_url": format!("/v1/disputes/{dispute}/answer"),
                });
                Told::new(furnisher, "dispute_to_answer", body)
            })
            .collect();
        told.extend(matter::acted_for(&self.admission, person, Action::Dispute, dispute));
        told
    }
}

/// `GET /v1/disputes/{id}`.
pub struct ReadDispute {
    /// Who reads.
    pub admission: Admission,
    /// Which.
    pub dispute: String,
}

pub(super) fn not_found() -> Problem {
    Problem::new("dispute_not_found", "There is no such dispute that you may see. Check its id.")
}

impl Command for ReadDispute {
    fn admission(&self) -> &Admission {
        &self.admission
    }

    fn needs(&self, needs: &mut Needs) {
        needs_of_admission(&self.admission, needs);
        needs.matters.insert(self.dispute.clone());
        needs.whole_persons = true;
        needs.profiled = true;
    }

    fn execute(&self, work: &mut Work<'_>) -> Result<Answer, Fault> {
        let row = work.loaded.matters.get(&self.dispute).cloned();
        let row = row.filter(|row| row.kind == "dispute").ok_or_else(not_found)?;
        let person = work.loaded.canonical(&row.person).to_string();
        let residence = super::consent::residence(work, &person);
        let mut facts = authority::facts(work, &self.admission, Action::ReadDispute, &residence);
        authority::add_person(work, &mut facts, &person)?;
        authority::add_standing(work, &mut facts, &self.admission, &person, "dispute");
        let me = self.admission.principal.key();
        let mut items: Vec<ContestedRow> =
            work.loaded.contested.values().filter(|item| item.dispute == row.id).cloned().collect();
        items.sort_by_key(|item| item.observation);
        let for_person = facts.actor.is_the_person || facts.actor.mandate_covers_act;
        if !for_person {
            items.retain(|item| item.furnisher == me);
        }
        if !for_person && items.is_empty() {
            return Err(not_found().into());
        }
        facts.item.found = true;
        facts.item.own = true;
        let about = Some(person.as_str());
        authority::permit(work, &self.admission, &facts, PublicKind::Right, about)?.spend();
        let content = work.matter(&row)?;
        let shown: Vec<Value> = items
            .iter()
            .map(|item| {
                json!({
                    "observation": item.observation, "furnisher": item.furnisher,
                    "state": item.state, "withheld": item.withheld && item.to_idx.is_none(),
                })
            })
            .collect();
        let body = json!({
            "dispute": row.id, "state": row.state, "received": Time::from_micros(row.placed_us),
            "due": row.due_us.map(Time::from_micros),
            "answered": row.closed_us.map(Time::from_micros),
            "ground": content["ground"], "text": content["text"], "added": content["added"],
            "items": shown,
            "index": row.opened_idx,
        });
        Ok(Answer::ok(&body, Some(&person)))
    }
}
