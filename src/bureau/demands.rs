//! What a person demanded, as their report shows it: objections and statements beside the items.

use serde_json::Value;

use super::Engine;
use super::dossier::Dossier;
use crate::kernel::Time;
use crate::report::consumer::view::DisputeRow;
use crate::rights::rows::{ContestedRow, MatterRow};

/// Objections, statements and the rest of one person, opened.
#[derive(Default)]
pub struct Demands {
    /// Every matter with what it says, oldest first.
    pub matters: Vec<(MatterRow, Value)>,
    /// Every contested item.
    pub contested: Vec<ContestedRow>,
}

impl Demands {
    fn of(&self, kind: &str) -> impl Iterator<Item = &(MatterRow, Value)> {
        self.matters.iter().filter(move |(row, _)| row.kind == kind)
    }

    /// How the newest objection to any of these entries stands. One that was found to be right, or
    /// was corrected, leaves no mark (Reg 25).
    pub fn dispute_of(&self, indexes: &[u64]) -> Option<String> {
        let mut items: Vec<&ContestedRow> = self
            .contested
            .iter()
            .filter(|item| indexes.contains(&item.observation.unsigned_abs()))
            .filter(|item| matches!(item.state.as_str(), "forwarded" | "unresolved"))
            .collect();
        items.sort_by_key(|item| item.from_idx);
        let last = items.last()?;
        Some(match (last.state.as_str(), last.withheld) {
            ("forwarded", true) => format!("Disputed, withheld meanwhile ({})", last.dispute),
            ("forwarded", false) => format!("Disputed, being looked into ({})", last.dispute),
            _ => format!("Disputed, unresolved ({})", last.dispute),
        })
    }

    /// What the person says to any of these entries.
    pub fn statement_of(&self, indexes: &[u64]) -> Option<String> {
        let about = |content: &Value| {
            content["observation"].as_u64().is_some_and(|index| indexes.contains(&index))
        };
        let texts: Vec<&str> = self
            .of("statement")
            .filter(|(_, content)| about(content))
            .filter_map(|(_, content)| content["text"].as_str())
            .collect();
        (!texts.is_empty()).then(|| texts.join(" · "))
    }

    /// The objections as rows.
    pub fn dispute_rows(&self, engine: &Engine, dossier: &Dossier) -> Vec<DisputeRow> {
        let date = |us| dossier.date(engine, Time::from_micros(us));
        let row = |(row, content): &(MatterRow, Value)| {
            let items: Vec<&ContestedRow> =
                self.contested.iter().filter(|item| item.dispute == row.id).collect();
            let mut states: Vec<&str> = items.iter().map(|item| item.state.as_str()).collect();
            states.sort_unstable();
            states.dedup();
            let ground = content["ground"].as_str().unwrap_or_default().replace('_', " ");
            let answer = match (row.closed_us, row.due_us) {
                (Some(at), _) => date(at),
                (None, Some(at)) => format!("due {}", date(at)),
                (None, None) => "-".to_string(),
            };
            DisputeRow {
                id: row.id.clone(),
                item: format!("{} item(s): {ground}", items.len()),
                received: date(row.placed_us),
                answer,
                state: states.join(", "),
            }
        };
        self.of("dispute").map(row).collect()
    }

    /// The statements that go with the file as a whole, or with what has no line of its own.
    pub fn statement_rows(&self, dossier: &Dossier) -> Vec<String> {
        let lined = dossier.lined();
        let whole = self.of("statement").filter(|(_, content)| {
            content["observation"].as_u64().is_none_or(|index| !lined.contains(&index))
        });
        whole.filter_map(|(_, content)| content["text"].as_str().map(str::to_string)).collect()
    }
}
