//! The catalogue of errors: every stable code that a door can answer.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::json;

use super::document::{Cell, Document, Section};
use crate::error::catalogue::{self, Again, Fix, Place};
use crate::http::problem::status;
use crate::policy::{FixedBy, RefusalText, Rules, Told};

/// A code, as the catalogue shows it.
#[derive(Clone, Debug, Serialize)]
struct Entry {
    code: String,
    /// Where it is met.
    place: Place,
    /// The HTTP status of a problem.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    title: String,
    again: Again,
    /// Whether trying again unchanged can do harm: it cannot, every act has its key.
    safe_to_retry: bool,
    /// Nothing that is not answered costs, and none of it counts in a file.
    billable: bool,
    counts_as_inquiry: bool,
    /// Whether the refusal stands in the log.
    on_record: bool,
    fixed_by: Fix,
    next: String,
}

fn own(place: Place, code: &str, meaning: &catalogue::Meaning) -> Entry {
    Entry {
        code: code.to_string(),
        place,
        status: (place == Place::Problem).then(|| status(code).as_u16()),
        title: meaning.title.clone(),
        again: meaning.again,
        safe_to_retry: meaning.again == Again::Later,
        billable: false,
        counts_as_inquiry: false,
        on_record: place == Place::Answer,
        fixed_by: meaning.fix,
        next: meaning.next.clone(),
    }
}

fn of_policy(refusal: &RefusalText) -> Entry {
    let (again, fixed_by, next) = match refusal.fixed_by {
        FixedBy::Asker => {
            (Again::Changed, Fix::Sender, "Change the request, or what it rests on; then ask anew.")
        }
        FixedBy::Furnisher => {
            (Again::Later, Fix::Furnisher, "The furnisher of the record must correct it.")
        }
        FixedBy::Person => {
            (Again::Later, Fix::Person, "Only the person can change this: ask them.")
        }
        FixedBy::Bureau => (Again::Later, Fix::Bureau, "Speak with the bureau."),
        FixedBy::Nobody => (Again::Never, Fix::Nobody, "Decide by other means."),
    };
    let place = match refusal.told {
        Told::Asker => Place::Problem,
        Told::Lender => Place::Answer,
    };
    Entry {
        code: refusal.code.clone(),
        place,
        status: (place == Place::Problem).then(|| status(&refusal.code).as_u16()),
        title: refusal.text.trim_end_matches('.').to_string(),
        again,
        safe_to_retry: false,
        billable: false,
        counts_as_inquiry: false,
        on_record: true,
        fixed_by,
        next: next.to_string(),
    }
}

fn shown(entry: &Entry) -> Vec<Cell> {
    let (colour, again) = match entry.again {
        Again::Later => ("green", "later"),
        Again::Changed => ("amber", "once changed"),
        Again::Never => ("red", "never"),
    };
    let fix = match entry.fixed_by {
        Fix::Sender => "whoever sent it",
        Fix::Furnisher => "the furnisher",
        Fix::Person => "the person",
        Fix::Bureau => "the bureau",
        Fix::Nobody => "nobody",
    };
    let mut row = vec![Cell::Name(entry.code.clone())];
    if entry.place == Place::Problem {
        row.push(Cell::text(entry.status.map(|s| s.to_string()).unwrap_or_default()));
    }
    row.extend([
        Cell::text(entry.title.clone()),
        Cell::Mark(colour, again.to_string()),
        Cell::text(fix),
        Cell::text(entry.next.clone()),
    ]);
    row
}

fn section(heading: &str, text: &str, entries: &[&Entry]) -> Section {
    let problems = entries.iter().any(|entry| entry.place == Place::Problem);
    let mut columns = vec!["code", "what happened", "try again", "who can change it", "what to do"];
    if problems {
        columns.insert(1, "status");
    }
    Section {
        heading: heading.to_string(),
        text: text.to_string(),
        columns,
        rows: entries.iter().map(|entry| shown(entry)).collect(),
        example: String::new(),
    }
}

/// The catalogue under these rules.
pub fn errors(rules: &Rules) -> Document {
    let refusals: Vec<Entry> = rules.refusals().iter().map(of_policy).collect();
    let known: BTreeSet<(Place, &str)> =
        refusals.iter().map(|entry| (entry.place, entry.code.as_str())).collect();
    let rest = catalogue::all().filter(|(place, code, _)| !known.contains(&(*place, *code)));
    let rest: Vec<Entry> = rest.map(|(place, code, meaning)| own(place, code, meaning)).collect();
    let of = |entries: &[Entry], place| -> Vec<Entry> {
        entries.iter().filter(|entry| entry.place == place).cloned().collect()
    };
    let mut problems = of(&rest, Place::Problem);
    problems.sort_by(|a, b| (a.status, &a.code).cmp(&(b.status, &b.code)));
    let refused = of(&refusals, Place::Problem);
    let answers = [of(&refusals, Place::Answer), of(&rest, Place::Answer)].concat();
    let fields = of(&rest, Place::Field);
    let parts = [
        ("Problems", PROBLEMS, problems),
        ("Refused by a policy", REFUSED, refused),
        ("Not assessable", ANSWERS, answers),
        ("Places and lines", FIELDS, fields),
    ];
    let sections = parts
        .iter()
        .map(|(heading, text, entries)| section(heading, text, &entries.iter().collect::<Vec<_>>()))
        .collect();
    let all: Vec<Entry> = parts.into_iter().flat_map(|(_, _, entries)| entries).collect();
    Document {
        title: "Catalogue of errors".to_string(),
        lead: LEAD.iter().map(|text| text.to_string()).collect(),
        sections,
        data: json!({ "errors": all }),
    }
}

const LEAD: [&str; 3] = [
    "A problem is RFC 9457, `application/problem+json`, and signed like every answer. Match on \
     `code`, which never changes; `detail` says it for people, `errors[]` names every place.",
    "Nothing on this page is billable, and none of it counts as an inquiry in a person's file. \
     Repeating a request under the same Idempotency-Key is always safe: what was done is answered \
     as it was, and never done twice.",
    "The same for machines: `/docs/errors.json`, or `fivefold dictionary --errors --json`.",
];
const PROBLEMS: &str = "The `code` of a problem that no policy raised. Try again later with the \
    same Idempotency-Key and a new signature, not before `Retry-After`.";
const REFUSED: &str = "In the order in which they are looked for: when several hold, the first is \
    the code. `policies[]` names the rules, `log.index` the entry that records the refusal.";
const ANSWERS: &str = "A lender that asked on a standing basis finds these as `code` in an answer \
    of the form `not_assessable`. Everybody else reads `not_assessable` alone, in one shape for \
    all of them.";
const FIELDS: &str = "The `code` of one place in `errors[]`, with its JSON pointer; or of one line \
    in the receipt of a file. The other lines of the file are not affected.";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_stands_once_in_its_place() {
        let document = errors(&Rules::embedded().expect("rules"));
        let all = document.data["errors"].as_array().expect("a list").clone();
        let mut seen = BTreeSet::new();
        for entry in &all {
            let name = format!("{} {}", entry["place"], entry["code"]);
            assert!(seen.insert(name.clone()), "{name} stands twice");
            let problem = entry["place"] == "problem";
            assert_eq!(entry["status"].is_u64(), problem, "{name}");
        }
        let rows: usize = document.sections.iter().map(|section| section.rows.len()).sum();
        assert_eq!(rows, all.len());
        for section in &document.sections {
            assert!(section.rows.iter().all(|row| row.len() == section.columns.len()));
        }
        // A code that is a refusal of policy by default must be known to be one.
        let forbidden = all.iter().filter(|entry| entry["status"] == 403);
        let refusals = Rules::embedded().expect("rules");
        for entry in forbidden {
            let code = entry["code"].as_str().unwrap_or_default();
            let by_policy = refusals.refusals().get(code).is_some();
            assert!(by_policy || OWN_403.contains(&code), "{code} has no status of its own");
        }
    }

    /// Refused, and no policy says so: the console's, and what stands in the way of an act.
    const OWN_403: [&str; 5] = [
        "approval_invalid",
        "identity_level_low",
        "published_person",
        "scorecard_not_in_force",
        "staff_key_missing",
    ];
}
