//! What is printed at the end: what happened, what came of it, what is real.

use std::fmt::Write as _;
use std::path::PathBuf;

use comfy_table::{CellAlignment, ContentArrangement, Table};
use serde_json::{Value, json};

use super::intake::Intake;
use super::steps::{Check, Scores};
use super::story::Story;
use crate::kernel::Time;
use crate::model::metrics::Interval;
use crate::score::scale::Band;

/// Only a line below the header: borders on the left and right, top and bottom come first, then
/// the header's own; a space is nothing.
const STYLE: &str = "     ──            ";

/// Which data file, and which rows of it.
pub struct Data {
    /// The card-client file in place of the loans.
    pub accounts: bool,
    /// Rows of the file.
    pub rows: usize,
    /// What picked those that took part.
    pub seed: u64,
}

/// How long each step took.
pub struct Seconds {
    /// Keys, partners, server.
    pub setup: f64,
    /// Enrolments, consents, records.
    pub intake: f64,
    /// The batch inquiry.
    pub scoring: f64,
    /// The story.
    pub story: f64,
    /// The checks.
    pub checks: f64,
    /// Everything.
    pub total: f64,
}

/// A demonstration that came to its end.
pub struct Run {
    /// Which data.
    pub data: Data,
    /// The folder.
    pub dir: PathBuf,
    /// Where it is served.
    pub url: String,
    /// Partners.
    pub partners: usize,
    /// The scorecard's bands, lowest first.
    pub bands: Vec<Band>,
    /// The scorecard.
    pub model: String,
    /// Signed requests whose response verified.
    pub requests: u64,
    /// Enrolments, consents, records.
    pub intake: Intake,
    /// Everybody's score.
    pub scores: Scores,
    /// The story.
    pub story: Story,
    /// The checks.
    pub checks: Vec<Check>,
    /// Times.
    pub seconds: Seconds,
}

impl Run {
    /// Whether every turn went as the rules have it and every check holds.
    pub fn all_hold(&self) -> bool {
        self.checks.iter().all(|c| c.holds) && self.story.turns.iter().all(|t| t.right)
    }
}

/// Seconds from one moment to another.
pub fn seconds(from: Time, to: Time) -> f64 {
    (to.micros() - from.micros()) as f64 / 1e6
}

/// The whole story for a reader.
pub fn text(run: &Run) -> String {
    let mut out = String::new();
    let people = run.intake.people.len();
    let what = if run.data.accounts { "card accounts (UCI)" } else { "Lending Club loans" };
    let _ =
        writeln!(out, "\nA credit bureau at work on {} real borrowers\n", grouped(people as u64));
    let _ = writeln!(
        out,
        "  real       {} of {} {what}: the credit attributes and who went bad\n  \
         synthetic  names, documents, consents, partners; spending, ties, rent, phone, stays\n  \
         unseen     the outcome: only the measures below read it{}\n",
        grouped(people as u64),
        grouped(run.data.rows as u64),
        match run.data.accounts {
            true => "; the scorecard never saw this file",
            false => ", of the half that the scorecard was not fitted to",
        },
    );
    let _ = writeln!(out, "{}\n", happened(run));
    let _ = writeln!(out, "{}\n", turns(run));
    let _ = writeln!(out, "{}\n", bands(run));
    let _ = writeln!(out, "{}\n", measures(run));
    let _ = writeln!(out, "{}\n", checks(run));
    let dir = run.dir.display();
    let _ = writeln!(
        out,
        "Files in {dir}\n  \
         {:<26}  what a person sees of their own file\n  \
         {:<26}  an answer, and the proof that it is on record\n  \
         {:<26}  the public log; log/vkey is its key\n  \
         {:<26}  the keys of those who took part\n  \
         {:<26}  to ask by script; to serve this bureau again",
        run.story.report, "answers/", "log/", "partners/, persons/", "demo.env, fivefold.toml",
    );
    out
}

fn table(header: &[&str], numbers: &[usize]) -> Table {
    let mut table = Table::new();
    table.load_preset(STYLE);
    table.set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(header);
    for column in numbers {
        if let Some(column) = table.column_mut(*column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

fn happened(run: &Run) -> Table {
    let intake = &run.intake;
    let rejected: u64 = intake.rejected.values().sum();
    let codes: Vec<String> =
        intake.rejected.iter().map(|(code, n)| format!("{} {code}", grouped(*n))).collect();
    let mut table = table(&["What happened", "Count", "", "Seconds"], &[1, 3]);
    let mut row = |what: &str, count: u64, note: String, seconds: Option<f64>| {
        let seconds = seconds.map(|s| format!("{s:.1}")).unwrap_or_default();
        table.add_row([what.to_string(), grouped(count), note, seconds]);
    };
    let time = &run.seconds;
    let partners = "each with its own key, registered by the operator".to_string();
    row("Partners", run.partners as u64, partners, Some(time.setup));
    let each = "each partner has an id of its own for each person".to_string();
    row("Enrolments", intake.enrolments, each, None);
    let kinds = match run.data.accounts {
        true => "to furnish and to ask",
        false => "to furnish and to ask; income under one of its own",
    };
    row("Consents", intake.consents, kinds.to_string(), None);
    let origin = format!("{} real, {} synthetic", grouped(intake.real), grouped(intake.synthetic));
    row("Records sent", intake.real + intake.synthetic, origin, Some(time.intake));
    let by: Vec<String> =
        intake.furnishers.iter().map(|(who, n)| format!("{who} {}", grouped(*n))).collect();
    row("Uploads", intake.uploads, by.join(", "), None);
    row("Records accepted", intake.accepted, "each an entry of the log".to_string(), None);
    let why = match rejected {
        0 => "none".to_string(),
        _ => codes.join(", "),
    };
    row("Records refused", rejected, explained(why, intake), None);
    let persons = run.intake.people.len() as u64;
    let batches = format!("account reviews, 1,000 a request: {}", run.scores.batches);
    row("Inquiries in batches", persons, batches, Some(time.scoring));
    let all = "signed both ways, every response verified".to_string();
    row("Signed requests", run.requests, all, Some(time.total));
    table
}

/// A refusal that is the law at work says which.
fn explained(why: String, intake: &Intake) -> String {
    match intake.rejected.contains_key("dimension_off") {
        true => format!("{why}: US rules keep ties off (us/ties-off)"),
        false => why,
    }
}

fn turns(run: &Run) -> Table {
    let mut table = table(&["Who", "does what", "and learns", ""], &[]);
    for turn in &run.story.turns {
        let mark = mark(turn.right);
        table.add_row([turn.who, turn.does, turn.learns.as_str(), mark]);
    }
    table
}

fn mark(right: bool) -> &'static str {
    if right { "ok" } else { "WRONG" }
}

fn bands(run: &Run) -> Table {
    let mut table =
        table(&["Band", "Score", "Persons", "Share", "Went bad", "Bad rate"], &[2, 3, 4, 5]);
    let all: u64 = run.scores.bands.values().map(|count| count.persons).sum();
    for band in run.bands.iter().rev() {
        let count = run.scores.bands.get(&band.name).copied().unwrap_or_default();
        let to = band.to.map_or("950".to_string(), |to| (to - 1).to_string());
        table.add_row([
            band.name.clone(),
            format!("{}–{to}", band.from),
            grouped(count.persons),
            percent(count.persons, all),
            grouped(count.bad),
            percent(count.bad, count.persons),
        ]);
    }
    table
}

fn measures(run: &Run) -> String {
    let unscored: u64 = run.scores.unscored.values().sum();
    let codes: Vec<String> =
        run.scores.unscored.iter().map(|(code, n)| format!("{} {code}", grouped(*n))).collect();
    let left = match unscored {
        0 => "everybody was scored".to_string(),
        _ => format!("not scored: {}", codes.join(", ")),
    };
    let Some(found) = &run.scores.found else {
        return format!("  {left}; one kind of outcome only, so nothing can be measured");
    };
    let interval = |i: &Interval| format!("{:.3} (95 % {:.3}–{:.3})", i.value, i.low, i.high);
    let whom = match run.data.accounts {
        true => "persons of a file that nothing was fitted to",
        false => "persons of the half that was not fitted to",
    };
    format!(
        "  {} against what really happened: AUC {}, KS {}\n  \
         {} {whom}, {} of them went bad; {left}",
        run.model,
        interval(&found.auc),
        interval(&found.ks),
        grouped(found.n),
        grouped(found.n_bad),
    )
}

fn checks(run: &Run) -> Table {
    let mut table = table(&["Checked, believing a public key only", "Found", ""], &[]);
    for check in &run.checks {
        table.add_row([check.what, check.found.as_str(), mark(check.holds)]);
    }
    table
}

/// The same for a machine.
pub fn json(run: &Run) -> Value {
    let interval = |i: &Interval| json!({ "value": i.value, "low": i.low, "high": i.high });
    let intake = &run.intake;
    let bands: Vec<Value> = run
        .bands
        .iter()
        .map(|band| {
            let count = run.scores.bands.get(&band.name).copied().unwrap_or_default();
            json!({
                "band": band.name, "from": band.from, "to": band.to,
                "persons": count.persons, "bad": count.bad,
            })
        })
        .collect();
    let turns = run.story.turns.iter();
    let turns: Vec<Value> = turns
        .map(|t| json!({ "who": t.who, "does": t.does, "learns": t.learns, "right": t.right }))
        .collect();
    let checks = run.checks.iter();
    let checks: Vec<Value> =
        checks.map(|c| json!({ "what": c.what, "found": c.found, "holds": c.holds })).collect();
    let time = &run.seconds;
    json!({
        "data": {
            "file": if run.data.accounts { "uci-card-clients" } else { "lending-club" },
            "rows": run.data.rows, "seed": run.data.seed, "subjects": intake.people.len(),
            "real_records": intake.real, "synthetic_records": intake.synthetic,
        },
        "dir": run.dir, "url": run.url, "partners": run.partners, "model": run.model,
        "signed_requests": run.requests, "enrolments": intake.enrolments,
        "consents": intake.consents, "uploads": intake.uploads, "accepted": intake.accepted,
        "rejected": intake.rejected, "furnishers": intake.furnishers,
        "bands": bands, "unscored": run.scores.unscored,
        "measures": run.scores.found.map(|f| json!({
            "n": f.n, "n_bad": f.n_bad, "auc": interval(&f.auc), "gini": interval(&f.gini),
            "ks": interval(&f.ks),
        })),
        "story": turns, "checks": checks, "report": run.story.report,
        "inquiry": run.story.lender.inquiry,
        "seconds": {
            "setup": time.setup, "intake": time.intake, "scoring": time.scoring,
            "story": time.story, "checks": time.checks, "total": time.total,
        },
    })
}

fn percent(part: u64, whole: u64) -> String {
    if whole == 0 {
        "–".to_string()
    } else {
        format!("{:.1} %", part as f64 * 100.0 / whole as f64)
    }
}

/// Digits in groups of three.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_in_groups_of_three_and_nothing_has_no_share() {
        assert_eq!(
            [7, 999, 1_000, 98_765, 1_234_567].map(grouped),
            ["7", "999", "1,000", "98,765", "1,234,567"]
        );
        assert_eq!((percent(1, 8), percent(1, 0)), ("12.5 %".to_string(), "–".to_string()));
    }
}
