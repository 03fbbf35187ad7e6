//! A reminder of a dispute: each furnisher of an item that is still open hears, once, some days
//! before its answer is due (`reminder_days` in the pack's `remedies.toml`).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::dispute::{logged, named, not_found};
use super::{Answer, Command, Fault, needs_of_admission};
use crate::bureau::admission::Admission;
use crate::bureau::authority;
use crate::bureau::matter::{self, Told};
use crate::bureau::needs::Needs;
use crate::bureau::work::Work;
use crate::kernel::Time;
use crate::ledger::body::Draft;
use crate::ledger::leaf::PublicKind;
use crate::policy::Deadlined;
use crate::rights::rows::MatterRow;

/// Reminds the furnishers of a dispute, if that is due and was not done.
pub struct RemindDispute {
    /// The sweep.
    pub admission: Admission,
    /// Which dispute.
    pub dispute: String,
}

impl Command for RemindDispute {
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
    }

    fn execute(&self, work: &mut Work<'_>) -> Result<Answer, Fault> {
        let row = work.loaded.matters.get(&self.dispute).cloned();
        let row = row.filter(|row| row.kind == "dispute").ok_or_else(not_found)?;
        let person = work.loaded.canonical(&row.person).to_string();
        let residence = super::consent::residence(work, &person);
        let placed = Time::from_micros(row.placed_us);
        let due = matter::due(work.engine, &residence, Deadlined::FurnisherAnswer, placed);
        let rule = matter::remedies_for(work.engine, &residence);
        let days = rule.map_or(0, |remedies| remedies.dispute.reminder_days);
        let from = due.map(|due| due.plus_days(-days)).filter(|from| *from <= work.now);
        let open = row.closed_us.is_none() && row.reminded_idx.is_none();
        let (Some(due), true) = (due.filter(|_| from.is_some()), open) else {
            return Ok(Answer::ok(&json!({ "reminded": false }), None));
        };
        let told = told_of(work, &row, &person, due)?;
        let (actor, _) = authority::actor(work, &self.admission);
        let draft = Draft::new("dispute_reminded", PublicKind::Right)
            .about(&person)
            .says("by", actor)
            .says("due", json!(due))
            .says("tells", told.len())
            .holds(json!({ "person": person, "matter": row.id }));
        let index = work.append(draft)?.index;
        work.tell(told, Some(&person), index)?;
        let content = work.matter(&row)?;
        let row = MatterRow { reminded_idx: Some(index as i64), ..row };
        work.put_matter(row, &content, index)?;
        Ok(Answer::ok(&json!({ "reminded": true }), None))
    }
}

/// Every furnisher hears of its own items that are open still.
fn told_of(
    work: &mut Work<'_>,
    row: &MatterRow,
    person: &str,
    due: Time,
) -> Result<Vec<Told>, Fault> {
    let open: BTreeSet<(String, u64)> = work
        .loaded
        .contested
        .values()
        .filter(|item| item.dispute == row.id && item.to_idx.is_none())
        .map(|item| (item.furnisher.clone(), item.observation.unsigned_abs()))
        .collect();
    let all = logged(work, person)?;
    let mut items: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
    for (furnisher, index) in &open {
        let item = all.iter().find(|one| one.index == *index).map(named);
        items.entry(furnisher).or_default().extend(item);
    }
    let told = items.into_iter().map(|(furnisher, items)| {
        let body = json!({ "dispute": row.id, "items": items, "due": due });
        Told::new(furnisher, "dispute_reminder", body)
    });
    Ok(told.collect())
}
