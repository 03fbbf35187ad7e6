//! What a partner or a person is told: a signed pull, oldest first.

use serde_json::{Value, json};

use super::{Answer, Command, Fault, needs_of_admission};
use crate::bureau::admission::{Admission, Principal};
use crate::bureau::needs::Needs;
use crate::bureau::work::Work;
use crate::bureau::{authority, matter};
use crate::ledger::leaf::PublicKind;
use crate::policy::Action;
use crate::rights::rows as rights_rows;

/// Events of one page at most.
pub const EVENTS_MAX: i64 = 200;

/// `GET /v1/events?after=…&limit=…`.
pub struct ReadEvents {
    /// Who reads.
    pub admission: Admission,
    /// The last event they know.
    pub after: i64,
    /// At most so many.
    pub limit: i64,
}

impl Command for ReadEvents {
    fn admission(&self) -> &Admission {
        &self.admission
    }

    fn needs(&self, needs: &mut Needs) {
        needs_of_admission(&self.admission, needs);
    }

    fn execute(&self, work: &mut Work<'_>) -> Result<Answer, Fault> {
        let home = work.engine.home.clone();
        let mut facts = authority::facts(work, &self.admission, Action::ReadEvents, &home);
        facts.actor.is_the_person = matches!(self.admission.principal, Principal::Person(_));
        let permit = authority::permit(work, &self.admission, &facts, PublicKind::Right, None)?;
        permit.spend();
        // A person who was several before a merge is told what any of them was.
        let recipients: Vec<String> = match &self.admission.principal {
            Principal::Person(id) => {
                let own = work.loaded.canonical(id).to_string();
                let same = |other: &&String| work.loaded.canonical(other) == own;
                work.loaded.persons.keys().filter(same).cloned().collect()
            }
            other => vec![other.key()],
        };
        let recipients: Vec<&str> = recipients.iter().map(String::as_str).collect();
        let limit = self.limit.clamp(1, EVENTS_MAX);
        let rows = rights_rows::events_after(work.conn, &recipients, self.after, limit)?;
        let names: Vec<String> = rows.iter().map(matter::event_key).collect();
        let keys =
            work.with_bodies(|_, _, _, keystore| keystore.get(names.iter().map(String::as_str)))?;
        let mut events: Vec<Value> = Vec::new();
        for (row, name) in rows.iter().zip(&names) {
            let body = keys.get(name).map(|key| matter::open_event(row, key)).transpose()?;
            events.push(matter::shown(row, body));
        }
        let next = (rows.len() as i64 == limit).then(|| rows.last().map(|row| row.id)).flatten();
        let last = rows.last().map_or(self.after, |row| row.id);
        Ok(Answer::ok(&json!({ "events": events, "next": next, "last": last }), None))
    }
}
