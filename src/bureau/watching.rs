//! Who is looked at for whom: persons whose file changed, right after the change; and everybody who
//! is watched, once a day, since scores move with time.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use jiff::civil::Date;
use serde_json::{Value, json};

use super::Bureau;
use super::admission::Admission;
use super::command::watch::{LOOKS_MAX, Look, shown};
use super::coverage::Merged;
use super::sweep::SweepError;
use crate::error::Problem;
use crate::inquiry::rows::{self as inquiry_rows, MonitorRow};
use crate::ledger::rows as ledger_rows;
use crate::store::StoreError;

/// Entries looked through at a time.
const CHUNK: u64 = 4_096;
/// Entries after which something may have to be told, or a watch may be over.
const CHANGES: [&str; 12] = [
    "observation",
    "dispute_opened",
    "dispute_answered",
    "dispute_reinserted",
    "dispute_withdrawn",
    "consent_revoked",
    "freeze_lifted",
    "hold_lifted",
    "purged",
    "subject_merge",
    "subject_split",
    "subject_alias",
];

/// How far the watching has come; after a restart the day's turn looks at everybody.
#[derive(Default)]
pub struct Watched {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Entries that were looked through.
    upto: Option<u64>,
    /// The day of the last turn.
    turned: Option<Date>,
}

impl Bureau {
    /// Looks at whoever is watched and whose file changed since the last call. Gives how many
    /// alerts were told.
    ///
    /// # Errors
    /// The database's, or nothing can be recorded for the moment: the next call goes on.
    pub fn watch(&self) -> Result<u64, SweepError> {
        let mut state = self.watched.state.lock().unwrap_or_else(PoisonError::into_inner);
        let head = self.store.read(ledger_rows::read_head)?.map_or(0, |head| head.size);
        // What was before the start is the day's turn's, which comes with the first sweep.
        let mut upto = state.upto.unwrap_or(head);
        let mut told = 0;
        while upto < head {
            let to = head.min(upto + CHUNK);
            let rows = self.store.read(|conn| {
                let changed = ledger_rows::persons_between(conn, &CHANGES, upto, to)?;
                if changed.is_empty() {
                    return Ok(Vec::new());
                }
                let merged = Merged::read(conn)?;
                let ids: BTreeSet<String> =
                    changed.iter().flat_map(|person| merged.members(person)).collect();
                let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
                inquiry_rows::monitors_of(conn, &ids)
            })?;
            // What could not be looked at for the moment is looked at again with the next call.
            told += self.look_for(rows)?;
            upto = to;
            state.upto = Some(upto);
        }
        state.upto = Some(upto);
        Ok(told)
    }

    /// Looks at everybody who is watched, once a day (UTC). Gives how many alerts were told.
    ///
    /// # Errors
    /// The database's, or nothing can be recorded for the moment: the next call goes on.
    pub fn watch_everybody(&self) -> Result<u64, SweepError> {
        let today = self.engine.env.now().date_at(0);
        let mut state = self.watched.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.turned == Some(today) {
            return Ok(0);
        }
        let mut told = 0;
        let mut after = String::new();
        loop {
            let mut rows = self.store.read(|conn| inquiry_rows::monitors_page(conn, &after))?;
            let Some(last) = rows.last() else { break };
            after.clone_from(&last.id);
            rows.retain(|row| row.state == "active");
            told += self.look_for(rows)?;
        }
        state.turned = Some(today);
        Ok(told)
    }

    /// Looks, a few together; gives how many alerts were told.
    fn look_for(&self, monitors: Vec<MonitorRow>) -> Result<u64, Problem> {
        let mut told = 0;
        for some in monitors.chunks(LOOKS_MAX) {
            let admission = Admission::operator("sweep", "a monitor's look");
            match self.run(Look { admission, monitors: some.to_vec() }).value() {
                Ok(done) => told += done["told"].as_u64().unwrap_or_default(),
                Err(problem) if problem.retry_after_seconds.is_some() => return Err(problem),
                // One that fails must not keep the others waiting; the next turn tries again.
                Err(_) if some.len() > 1 => {
                    for one in some {
                        told += self.look_for(vec![one.clone()])?;
                    }
                }
                Err(problem) => {
                    tracing::error!(code = problem.code, "a monitor could not look");
                }
            }
        }
        Ok(told)
    }

    /// A partner's monitors, in order of their ids.
    ///
    /// # Errors
    /// The database's.
    pub fn monitors(&self, partner: &str, after: &str, limit: i64) -> Result<Value, StoreError> {
        let rows =
            self.store.read(|conn| inquiry_rows::monitors_by(conn, partner, after, limit))?;
        let next = rows.last().filter(|_| rows.len() as i64 == limit).map(|row| row.id.clone());
        let shown: Vec<Value> = rows.iter().map(shown).collect();
        Ok(json!({ "monitors": shown, "next": next }))
    }
}
