//! Statements, human reviews and complaints: in from the person, answered by the bureau's staff.

use serde::Deserialize;
use serde_json::{Value, json};

use super::dispute::logged;
use super::{Answer, Command, Fault, needs_of_admission};
use crate::bureau::admission::Admission;
use crate::bureau::authority;
use crate::bureau::matter::{self, Told};
use crate::bureau::needs::Needs;
use crate::bureau::work::Work;
use crate::error::{Problem, Reason};
use crate::inquiry::rows as inquiry_rows;
use crate::ledger::body::Draft;
use crate::ledger::leaf::PublicKind;
use crate::policy::{Action, Deadlined};
use crate::rights::MatterKind;
use crate::rights::rows::MatterRow;

/// Characters of a review's or a complaint's text at most.
const TEXT_CHARS_MAX: usize = 4_000;
/// Statements of one person that stand at the same time, at most.
const STATEMENTS_MAX: usize = 50;

/// `POST /v1/statements`, `/v1/reviews` and `/v1/complaints`.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MatterSent {
    /// `me`, or an agent's own id of the person.
    pub subject: String,
    /// A statement: the item it goes with, the `index` of an observation in the report; the whole
    /// file when absent.
    #[serde(default)]
    pub observation: Option<u64>,
    /// A review: the inquiry whose answer a person is to look at again.
    #[serde(default)]
    pub inquiry: Option<String>,
    /// In the person's own words.
    pub text: String,
}

/// A person demands something beside a dispute.
pub struct OpenMatter {
    /// Who asks.
    pub admission: Admission,
    /// What kind: statement, review or complaint.
    pub kind: MatterKind,
    /// What.
    pub sent: MatterSent,
}

/// How many words a text has; each Chinese character counts as one.
pub fn words(text: &str) -> usize {
    let han = |c: char| ('\u{3400}'..='\u{9fff}').contains(&c);
    let others: String = text.chars().map(|c| if han(c) { ' ' } else { c }).collect();
    text.chars().filter(|c| han(*c)).count() + others.split_whitespace().count()
}

impl OpenMatter {
    fn action(&self) -> Action {
        match self.kind {
            MatterKind::Statement => Action::AddStatement,
            MatterKind::Review => Action::AskReview,
            _ => Action::Complain,
        }
    }

    fn faults(&self, work: &mut Work<'_>, person: &str) -> Result<Vec<Reason>, Fault> {
        let mut faults = Vec::new();
        let mut wrong = |pointer: &str, code: &str, text: String| {
            faults.push(Reason::new(pointer, code, text));
        };
        let sent = &self.sent;
        let length = sent.text.trim().chars().count();
        if !(1..=TEXT_CHARS_MAX).contains(&length) {
            wrong("/text", "too_long", format!("1 to {TEXT_CHARS_MAX} characters"));
        }
        let statement = self.kind == MatterKind::Statement;
        if sent.observation.is_some() && !statement {
            wrong("/observation", "not_allowed", "it goes with a statement".to_string());
        }
        if sent.inquiry.is_some() && self.kind != MatterKind::Review {
            wrong("/inquiry", "not_allowed", "it goes with a review".to_string());
        }
        if statement {
            let residence = super::consent::residence(work, person);
            let remedies = matter::remedies_for(work.engine, &residence);
            let most = remedies.map_or(100, |remedies| remedies.dispute.statement_words_max);
            if words(&sent.text) > most {
                wrong("/text", "too_long", format!("a statement has at most {most} words"));
            }
        }
        if let Some(observation) = sent.observation {
            let known = logged(work, person)?.iter().any(|one| one.index == observation);
            if !known {
                let text = "there is no such item in the file: use an `index` of the report";
                wrong("/observation", "item_not_found", text.to_string());
            }
        }
        if let Some(inquiry) = &sent.inquiry {
            let rows = inquiry_rows::by_id(work.conn, &[inquiry.as_str()])?;
            let own = rows.iter().any(|row| {
                row.person.as_deref().is_some_and(|id| work.loaded.canonical(id) == person)
            });
            if !own {
                let text = "there is no such inquiry about this person: the report lists them";
                wrong("/inquiry", "inquiry_not_found", text.to_string());
            }
        }
        Ok(faults)
    }
}

impl Command for OpenMatter {
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
        let (subject, action) = (&self.sent.subject, self.action());
        let person = authority::for_person(work, &self.admission, subject, action)?;
        let faults = self.faults(work, &person)?;
        if !faults.is_empty() {
            return Err(Problem::invalid(faults).into());
        }
        let (prefix, entry, what) = match self.kind {
            MatterKind::Statement => ("stm", "statement_added", None),
            MatterKind::Review => ("rev", "review_asked", Some(Deadlined::ReviewAnswer)),
            _ => ("cmp", "complaint_made", Some(Deadlined::ComplaintAnswer)),
        };
        if self.kind == MatterKind::Statement {
            let rows = crate::rights::rows::matters_of(work.conn, &[person.as_str()])?;
            let standing = rows.iter().filter(|row| row.kind == "statement");
            if standing.count() >= STATEMENTS_MAX {
                let text = "There are as many statements on this file as it holds.";
                return Err(Problem::new("statements_limit", text).into());
            }
        }
        let residence = super::consent::residence(work, &person);
        let due = what.and_then(|what| matter::due(work.engine, &residence, what, work.now));
        let id = work.mint(prefix);
        let (actor, _) = authority::actor(work, &self.admission);
        let told = matter::acted_for(&self.admission, &person, action, &id);
        let draft = Draft::new(entry, PublicKind::Right)
            .about(&person)
            .says("by", actor)
            .says("tells", told.len())
            .says("due", json!(due))
            .says("of_item", self.sent.observation.is_some())
            .holds(json!({
                "person": person, "matter": id, "text": self.sent.text,
                "observation": self.sent.observation, "inquiry": self.sent.inquiry,
            }));
        let recorded = work.append(draft)?;
        let state = if due.is_some() { "open" } else { "stands" };
        let row = MatterRow::opened(&id, self.kind, &person, work.now, due, recorded.index);
        let content = json!({
            "text": self.sent.text, "observation": self.sent.observation,
            "inquiry": self.sent.inquiry,
        });
        work.put_matter(row, &content, recorded.index)?;
        work.tell(told, Some(&person), recorded.index)?;
        let mut body = json!({ "state": state, "due": due, "log": recorded.receipt() });
        if self.kind == MatterKind::Complaint {
            // This answer is the acknowledgement that some packs ask for within days.
            body["acknowledged"] = json!(work.now);
        }
        body[self.kind.name()] = json!(id);
        Ok(Answer::created(&body, Some(&person)))
    }
}

/// Staff answers a review or a complaint.
pub struct AnswerMatter {
    /// Which member of staff, and why.
    pub admission: Admission,
    /// Which matter.
    pub matter: String,
    /// A review: `confirmed` or `changed`; a complaint: `upheld` or `rejected`.
    pub outcome: String,
    /// The answer, for the person.
    pub text: String,
}

impl Command for AnswerMatter {
    fn admission(&self) -> &Admission {
        &self.admission
    }

    fn needs(&self, needs: &mut Needs) {
        needs_of_admission(&self.admission, needs);
        needs.matters.insert(self.matter.clone());
        needs.whole_persons = true;
        needs.profiled = true;
    }

    fn execute(&self, work: &mut Work<'_>) -> Result<Answer, Fault> {
        let not_found = || {
            let text = "There is no such review or complaint. `fivefold matter list` shows them.";
            Problem::new("matter_not_found", text)
        };
        let row = work.loaded.matters.get(&self.matter).cloned().ok_or_else(not_found)?;
        let (entry, outcomes) = match row.kind.as_str() {
            "review" => ("review_answered", ["confirmed", "changed"]),
            "complaint" => ("complaint_answered", ["upheld", "rejected"]),
            _ => return Err(not_found().into()),
        };
        let mut faults = Vec::new();
        if !outcomes.contains(&self.outcome.as_str()) {
            let text = format!("one of {}", outcomes.join(", "));
            faults.push(Reason::new("/outcome", "unknown_value", text));
        }
        if !(1..=TEXT_CHARS_MAX).contains(&self.text.trim().chars().count()) {
            let text = format!("1 to {TEXT_CHARS_MAX} characters");
            faults.push(Reason::new("/text", "too_long", text));
        }
        if !faults.is_empty() {
            return Err(Problem::invalid(faults).into());
        }
        if row.closed_us.is_some() {
            let text = "This was answered before.";
            return Err(Problem::new("matter_closed", text).into());
        }
        let person = work.loaded.canonical(&row.person).to_string();
        let residence = super::consent::residence(work, &person);
        let mut facts = authority::facts(work, &self.admission, Action::HandleCase, &residence);
        authority::add_person(work, &mut facts, &person)?;
        let about = Some(person.as_str());
        authority::permit(work, &self.admission, &facts, PublicKind::Right, about)?.spend();
        let (actor, _) = authority::actor(work, &self.admission);
        let draft = Draft::new(entry, PublicKind::Right)
            .about(&person)
            .says("by", actor)
            .says("outcome", self.outcome.clone())
            .says("days", (work.now.micros() - row.placed_us) / 86_400_000_000)
            .says("in_time", row.due_us.is_none_or(|due| work.now.micros() <= due))
            .says("tells", 1)
            .holds(json!({
                "person": person, "matter": row.id, "text": self.text,
                "reason": self.admission.reason(),
            }));
        let recorded = work.append(draft)?;
        let mut content = work.matter(&row)?;
        content["answer"] = json!(self.text);
        content["outcome"] = json!(self.outcome);
        let mut closed = row.clone();
        closed.state = "closed".to_string();
        closed.closed_us = Some(work.now.micros());
        work.put_matter(closed, &content, recorded.index)?;
        let mut about = json!({ "outcome": self.outcome, "text": self.text });
        about[row.kind.as_str()] = json!(row.id);
        let told = vec![Told::new(&row.person, "matter_answered", about)];
        work.tell(told, Some(&person), recorded.index)?;
        let body = json!({ "matter": row.id, "state": "closed", "log": recorded.receipt() });
        Ok(Answer::ok(&body, Some(&person)))
    }
}

/// Everything a person has demanded, opened, for the report.
///
/// # Errors
/// The database's, or a matter that does not open.
pub fn of_person(work: &mut Work<'_>, persons: &[&str]) -> Result<Vec<(MatterRow, Value)>, Fault> {
    let rows = crate::rights::rows::matters_of(work.conn, persons)?;
    let mut out = Vec::new();
    for row in rows {
        let content = work.matter(&row)?;
        out.push((row, content));
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_counted_in_both_scripts() {
        assert_eq!(words("I paid on time."), 4);
        assert_eq!(words("我已按时还款"), 6);
        assert_eq!(words("已于 2026-03 还清"), 5);
        assert_eq!(words("  "), 0);
    }
}
