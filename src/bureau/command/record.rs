//! What staff records because nothing else knows it: incidents, filings, complaints that came by
//! post, fees, reference figures. Reports count these entries; without them a table says "not
//! recorded", which is not the same as none.

use serde_json::{Map, Value, json};

use super::{Answer, Command, Fault, needs_of_admission};
use crate::bureau::admission::Admission;
use crate::bureau::authority;
use crate::bureau::needs::Needs;
use crate::bureau::work::Work;
use crate::error::{Problem, Reason};
use crate::ledger::body::Draft;
use crate::ledger::leaf::PublicKind;
use crate::policy::Action;

/// The longest text of a record, in characters.
pub const RECORD_CHARS_MAX: usize = 500;

/// What kind of thing is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recordable {
    /// Something went wrong: a breach, an outage, misuse.
    Incident,
    /// Something was filed with an authority.
    Filing,
    /// A complaint that did not come through the bureau's own doors.
    Complaint,
    /// Fees that were charged to persons.
    Fee,
    /// A figure from elsewhere, such as the adult population.
    Reference,
}

impl Recordable {
    /// All kinds.
    pub const ALL: [Recordable; 5] = [
        Recordable::Incident,
        Recordable::Filing,
        Recordable::Complaint,
        Recordable::Fee,
        Recordable::Reference,
    ];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Recordable::Incident => "incident",
            Recordable::Filing => "filing",
            Recordable::Complaint => "complaint",
            Recordable::Fee => "fee",
            Recordable::Reference => "reference",
        }
    }

    /// The exact kind of its entry.
    fn entry(self) -> &'static str {
        match self {
            Recordable::Incident => "recorded_incident",
            Recordable::Filing => "recorded_filing",
            Recordable::Complaint => "recorded_complaint",
            Recordable::Fee => "recorded_fee",
            Recordable::Reference => "recorded_reference",
        }
    }

    /// Members that it may have, and those that it must.
    fn members(self) -> (&'static [&'static str], &'static [&'static str]) {
        match self {
            Recordable::Incident => (
                &["persons", "seconds_down", "seconds_to_contain", "seconds_to_notify", "note"],
                &[],
            ),
            Recordable::Filing => (
                &["reference", "version", "materiality", "outcome", "date", "note"],
                &["reference", "date"],
            ),
            Recordable::Complaint => (&["outcome", "days", "note"], &[]),
            Recordable::Fee => (
                &["count", "amount_minor", "currency", "statutory", "note"],
                &["count", "amount_minor", "currency"],
            ),
            Recordable::Reference => (&["value", "source", "date", "note"], &["value", "source"]),
        }
    }
}

/// Staff records something.
pub struct Record {
    /// Which member of staff, and why.
    pub admission: Admission,
    /// What kind of thing.
    pub what: Recordable,
    /// Which of the kind: `breach`, `outage`; `model`; the item charged; the figure's name.
    pub class: String,
    /// The rule pack under which it is counted; the bureau's home when empty.
    pub jurisdiction: String,
    /// The rest, by name.
    pub members: Map<String, Value>,
}

impl Record {
    fn faults(&self, work: &Work<'_>) -> Vec<Reason> {
        let mut faults = Vec::new();
        let mut wrong = |name: &str, code: &'static str, text: String| {
            faults.push(Reason::new(format!("/{name}"), code, text));
        };
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        if !(1..=60).contains(&self.class.len()) || !self.class.chars().all(plain) {
            let text = "1 to 60 of a-z, 0-9 and _, such as outage or adult_population";
            wrong("class", "invalid_value", text.to_owned());
        }
        if !self.jurisdiction.is_empty() && work.engine.rules.pack(&self.jurisdiction).is_none() {
            let known: Vec<&str> = work.engine.rules.packs().map(|pack| pack.id.as_str()).collect();
            wrong("jurisdiction", "unknown_value", format!("one of {}", known.join(", ")));
        }
        let (may, must) = self.what.members();
        for (name, value) in &self.members {
            if !may.contains(&name.as_str()) {
                let text = format!("a {} has {}", self.what.name(), may.join(", "));
                wrong(name, "unknown_member", text);
            }
            if value.as_i64().is_some_and(|n| n < 0) {
                wrong(name, "out_of_range", "0 or more".to_owned());
            }
            let long = |text: &str| text.chars().count() > RECORD_CHARS_MAX;
            if value.as_str().is_some_and(|text| text.trim().is_empty() || long(text)) {
                wrong(name, "too_long", format!("1 to {RECORD_CHARS_MAX} characters"));
            }
        }
        for name in must.iter().filter(|name| !self.members.contains_key(**name)) {
            wrong(name, "missing_member", format!("a {} needs it", self.what.name()));
        }
        faults
    }
}

impl Command for Record {
    fn admission(&self) -> &Admission {
        &self.admission
    }

    fn needs(&self, needs: &mut Needs) {
        needs_of_admission(&self.admission, needs);
    }

    fn execute(&self, work: &mut Work<'_>) -> Result<Answer, Fault> {
        let home = work.engine.home.clone();
        let facts = authority::facts(work, &self.admission, Action::Administer, &home);
        authority::permit(work, &self.admission, &facts, PublicKind::Governance, None)?.spend();
        let faults = self.faults(work);
        if !faults.is_empty() {
            return Err(Problem::invalid(faults).into());
        }
        let (actor, _) = authority::actor(work, &self.admission);
        let mut draft = Draft::new(self.what.entry(), PublicKind::Governance)
            .says("by", actor)
            .says("class", self.class.clone())
            .says("reason", self.admission.reason());
        if !self.jurisdiction.is_empty() {
            draft = draft.says("jurisdiction", self.jurisdiction.clone());
        }
        for (name, value) in &self.members {
            draft = draft.says(name, value.clone());
        }
        let recorded = work.append(draft)?;
        Ok(Answer::created(&json!({ "log": recorded.receipt() }), None))
    }
}
