//! Resolution by staff: an alias, a merge, a split, a no-merge (data-model.md). Each is an entry,
//! and reversible: what was furnished stays where it was sent, and profiles are folded anew.

use std::collections::BTreeMap;

use serde_json::json;

use super::erase::{circle_of, ranges};
use super::refold::{merged_at, open, refold, stands_for};
use super::rekey::{Leaving, rekey};
use super::{Answer, Command, Fault, needs_of_admission};
use crate::bureau::admission::Admission;
use crate::bureau::authority;
use crate::bureau::needs::Needs;
use crate::bureau::work::Work;
use crate::error::Problem;
use crate::ledger::body::{Draft, person_key_name};
use crate::ledger::leaf::PublicKind;
use crate::ledger::rows as ledger_rows;
use crate::policy::Action;
use crate::subject::Lookup;
use crate::subject::document::Document;
use crate::subject::rows::{self as subject_rows, By, LookupRow, ResolutionRow};

/// What is done about who is who.
pub enum Resolution {
    /// A further document leads to the person.
    Alias {
        /// The document.
        document: Document,
        /// The name on it.
        name: String,
    },
    /// The other is the same person.
    Merge(String),
    /// The other is a person of their own again.
    Split(String),
    /// The two must never be held to be one.
    NoMerge(String),
}

/// A resolution by staff.
pub struct Resolve {
    /// Which member of staff, and why.
    pub admission: Admission,
    /// The person that stays.
    pub person: String,
    /// What is done.
    pub resolution: Resolution,
    /// What shows it: the number of the case, the digest of a document.
    pub evidence: String,
}

impl Resolve {
    fn other(&self) -> Option<&str> {
        match &self.resolution {
            Resolution::Alias { .. } => None,
            Resolution::Merge(other) | Resolution::Split(other) | Resolution::NoMerge(other) => {
                Some(other)
            }
        }
    }

    fn kind(&self) -> &'static str {
        match self.resolution {
            Resolution::Alias { .. } => "subject_alias",
            Resolution::Merge(_) => "subject_merge",
            Resolution::Split(_) => "subject_split",
            Resolution::NoMerge(_) => "no_merge",
        }
    }

    /// Why it cannot be done as things stand.
    fn against(&self, work: &mut Work<'_>) -> Result<Option<Problem>, Fault> {
        let refuse = |code: &str, text: &str| Ok(Some(Problem::new(code, text)));
        let known = |id: &str, work: &Work<'_>| work.loaded.persons.contains_key(id);
        if !known(&self.person, work) || self.other().is_some_and(|o| !known(o, work)) {
            return refuse("person_unknown", "There is no such person. Check both ids.");
        }
        if let Resolution::Alias { document, name } = &self.resolution {
            let lookup = Lookup::of(&work.engine.keys.index, document, name);
            if !subject_rows::lookups(work.conn, &[lookup.document.as_slice()])?.is_empty() {
                let text = "This document leads to a person already. Merge the two, if they are \
                            one.";
                return refuse("document_taken", text);
            }
        }
        let Some(other) = self.other() else { return Ok(None) };
        if other == self.person {
            return refuse("same_person", "A person cannot be resolved against themself.");
        }
        let history = subject_rows::resolutions(work.conn)?;
        let size = work.size();
        let into = merged_at(&history, size);
        let one = stands_for(&into, other) == stands_for(&into, &self.person);
        let apart = history.iter().any(|r| {
            r.kind == "no_merge"
                && [(&r.person, &r.other), (&r.other, &r.person)]
                    .iter()
                    .any(|(a, b)| **a == self.person && *b == other)
        });
        match self.resolution {
            Resolution::Merge(_) if apart => {
                refuse("no_merge", "These two must not be merged: it is on record.")
            }
            Resolution::Merge(_) if one => refuse("already_merged", "They are one already."),
            Resolution::Merge(_) if into.contains_key(other) => {
                let text = "The other was merged into a third person. Split them first.";
                refuse("already_merged", text)
            }
            Resolution::Split(_) if into.get(other) != Some(&self.person) => {
                refuse("not_merged", "The other was not merged into this person.")
            }
            Resolution::NoMerge(_) if one => {
                refuse("already_merged", "Split them first: they are one now.")
            }
            _ => Ok(None),
        }
    }
}

impl Command for Resolve {
    fn admission(&self) -> &Admission {
        &self.admission
    }

    fn needs(&self, needs: &mut Needs) {
        needs_of_admission(&self.admission, needs);
        needs.persons.insert(self.person.clone());
        needs.persons.extend(self.other().map(str::to_string));
        needs.scored = true;
        needs.whole_persons = true;
    }

    fn execute(&self, work: &mut Work<'_>) -> Result<Answer, Fault> {
        if let Some(problem) = self.against(work)? {
            return Err(problem.into());
        }
        let residence = super::consent::residence(work, &self.person);
        let mut facts = authority::facts(work, &self.admission, Action::HandleCase, &residence);
        facts.person.known = true;
        let about = Some(self.person.as_str());
        authority::permit(work, &self.admission, &facts, PublicKind::Subject, about)?.spend();
        let handed = match &self.resolution {
            Resolution::Split(other) => hand_over(work, &self.person, other)?,
            _ => Vec::new(),
        };
        let (actor, _) = authority::actor(work, &self.admission);
        let draft = Draft::new(self.kind(), PublicKind::Subject)
            .about(&self.person)
            .says("by", actor)
            .says("evidence", self.evidence.clone())
            .says("handed", json!(ranges(handed)))
            .holds(json!({ "person": self.person, "other": self.other() }));
        let recorded = work.append(draft)?;
        self.apply(work, recorded.index)?;
        let body = json!({ "kind": self.kind(), "log": recorded.receipt() });
        Ok(Answer::created(&body, about))
    }
}

/// Before `other` is a person of their own again: the records that came while the two were held to
/// be one lie under one key, and go each to whom they were sent about. So either can be forgotten,
/// or an item of theirs purged, without the other's file. Gives the entries.
fn hand_over(work: &mut Work<'_>, person: &str, other: &str) -> Result<Vec<i64>, Fault> {
    let whole = work.loaded.canonical(person).to_string();
    let group = circle_of(work, &whole);
    if work.is_pending_about(&group.iter().map(String::as_str).collect::<Vec<_>>()) {
        let text = "Something about this person is being recorded. Try again at once.";
        return Err(Problem::new("not_ready", text).retry_after(1).into());
    }
    let into = merged_at(&subject_rows::resolutions(work.conn)?, work.size());
    let leaves = |id: &str| {
        let mut at = id;
        while at != other {
            let Some(next) = into.get(at) else { return false };
            at = next;
        }
        true
    };
    let ids: Vec<&str> = group.iter().map(String::as_str).collect();
    let pairwise = subject_rows::pairwise(work.conn, By::Person, &ids)?;
    let origin: BTreeMap<String, String> =
        pairwise.into_iter().map(|row| (row.id, row.person)).collect();
    let mut all = Vec::new();
    for id in &group {
        let key = work.key(&person_key_name(id))?.clone();
        let mut handed = BTreeMap::new();
        for row in ledger_rows::bodies_about(work.conn, &[id], "observation", work.size())? {
            if row.personal.is_empty() {
                continue;
            }
            let owner = origin.get(&open(&row, &key)?.observation.subject);
            if let Some(owner) = owner.filter(|owner| leaves(owner) != leaves(id)) {
                handed.insert(row.idx, owner.clone());
            }
        }
        all.extend(handed.keys().copied());
        if !handed.is_empty() {
            rekey(work, id, &Leaving { handed, ..Leaving::default() })?;
        }
    }
    Ok(all)
}

impl Resolve {
    fn apply(&self, work: &mut Work<'_>, index: u64) -> Result<(), Fault> {
        if let Resolution::Alias { document, name } = &self.resolution {
            let lookup = Lookup::of(&work.engine.keys.index, document, name);
            let mut identity = work.identity(&self.person)?;
            identity.documents.push(document.canonical());
            let row = work.loaded.persons.get(&self.person).cloned();
            if let Some(row) = row {
                work.put_person(row, &identity, index)?;
            }
            work.subjects().lookups.push(LookupRow {
                hmac: lookup.document.to_vec(),
                person: self.person.clone(),
                name_hmac: lookup.with_name.to_vec(),
            });
            return Ok(());
        }
        let Some(other) = self.other() else { return Ok(()) };
        let row = ResolutionRow {
            idx: index as i64,
            kind: self.kind().to_string(),
            person: self.person.clone(),
            other: other.to_string(),
        };
        // Folding reads the resolutions from the database: they must be there first.
        subject_rows::insert_resolution(work.conn, &row)?;
        let merged = match self.resolution {
            Resolution::Merge(_) => Some(self.person.clone()),
            _ => None,
        };
        if matches!(self.resolution, Resolution::NoMerge(_)) {
            return Ok(());
        }
        if let Some(mut person) = work.loaded.persons.get(other).cloned() {
            person.merged_into = merged.clone();
            work.put_person_row(person);
        }
        // The person named may itself have been merged into another, whose profile this changes.
        let whole = work.loaded.canonical(&self.person).to_string();
        refold(work, &whole)?;
        if whole != self.person {
            refold(work, &self.person)?;
        }
        if merged.is_none() || whole != other {
            refold(work, other)?;
        }
        Ok(())
    }
}
