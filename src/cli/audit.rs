//! `audit`: the whole log again, and everything derived from it, with the database.

use std::process::ExitCode;

use clap::Args;

use super::output::{self, Done, Failure, note, progress};
use super::{Place, Shape, with_bureau};

/// Arguments of `audit`.
#[derive(Args)]
#[command(after_help = "\
Verifies the published log, opens every body, and derives every table anew: profiles, records,
consents, partners, inquiries. Commands may go on meanwhile. Exit 1 when anything does not fit.

Example:
  fivefold audit --dir bureau")]
pub struct AuditArgs {
    #[command(flatten)]
    shape: Shape,
}

/// `fivefold audit`.
pub fn run(place: &Place, args: &AuditArgs) -> Done {
    let report = with_bureau(place, |bureau, _| {
        let bar = progress("auditing", 0);
        let mut advance = |what: &'static str, done: u64, of: u64| {
            bar.set_message(what);
            bar.set_length(of);
            bar.set_position(done);
        };
        let found = bureau.audit(&mut advance);
        bar.finish_and_clear();
        found.map_err(|e| Failure::new("database_unavailable", e.to_string()))
    })?;
    if args.shape.json {
        output::json(&report)?;
    } else {
        output::pairs(&[
            ("entries", report.entries.to_string()),
            ("published", report.published.to_string()),
            ("checkpoints", report.checkpoints.to_string()),
            ("observations", report.observations.to_string()),
            ("profiles folded anew", report.profiles.to_string()),
            ("inquiries", report.inquiries.to_string()),
            ("findings", (report.findings.len() as u64 + report.findings_omitted).to_string()),
        ])?;
        for finding in &report.findings {
            note(&finding.to_string());
        }
    }
    Ok(if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
