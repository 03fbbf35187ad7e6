//! `extract`: a period as Parquet. `verify export`: that nothing in one was altered or left out.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use super::output::{self, Done, Failure, note, progress};
use super::verify::{Trust, beside, keys};
use super::{Place, Shape, Staff, with_bureau};
use crate::bureau::extract::ExtractFailure;
use crate::kernel::bytes::hex;
use crate::report::verify_export::verify_export;

/// Arguments of `extract`.
#[derive(Args)]
#[command(after_help = "\
Writes every entry of the period, its opened record, the tables derived from them, and a manifest
signed by the manifest key and by the log's own key. No personal part leaves. The export itself is
an entry of the log.

Example:
  fivefold extract --period 2026-10 --out october --as li --reason 'monthly filing'")]
pub struct ExtractArgs {
    /// A month, 2026-10, or a year, 2026, in the time of the home pack
    #[arg(long, value_name = "PERIOD")]
    period: String,
    /// A folder to make
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    #[command(flatten)]
    staff: Staff,
    #[command(flatten)]
    shape: Shape,
}

/// Arguments of `verify export`.
#[derive(Args)]
#[command(after_help = "\
Recomputes every leaf from the opened records, rebuilds the tree between the signed checkpoints,
derives every table again and compares it row by row. Exit 1 names the first file and row that is
wrong.

Example:
  fivefold verify export october --vkey bureau.vkey")]
pub struct ExportArgs {
    /// The folder with manifest.json in it
    export: PathBuf,
    #[command(flatten)]
    trust: Trust,
}

pub(super) fn failed(failure: &ExtractFailure) -> Failure {
    let code = match failure {
        ExtractFailure::Period(_) => "period_unknown",
        ExtractFailure::Store(_) => "database_unavailable",
        ExtractFailure::Extract(error) => error.code(),
        ExtractFailure::Log(_) => "log_unreadable",
        ExtractFailure::Refused(problem) => return Failure::Problem(problem.clone()),
    };
    Failure::new(code, failure.to_string())
}

/// `fivefold extract`.
pub fn extract(place: &Place, args: &ExtractArgs) -> Done {
    with_bureau(place, |bureau, config| {
        let period = bureau.period(&args.period).map_err(|e| failed(&e))?;
        let admission = args.staff.admission(config.environment(), "extract")?;
        let bar = progress("extracting", 0);
        let mut advance = |done: u64, of: u64| {
            bar.set_length(of);
            bar.set_position(done);
        };
        let made = bureau.extract(&period, admission, &args.out, &mut advance);
        bar.finish_and_clear();
        let report = made.map_err(|e| failed(&e))?;
        if !report.closed {
            note("the period is not over in the log: more entries of it may come");
        }
        if args.shape.json {
            let files: Vec<_> = report
                .files
                .iter()
                .map(|f| json!({ "name": f.name, "rows": f.rows, "sha256": f.sha256 }))
                .collect();
            output::json(&json!({
                "period": period.name, "files": files, "closed": report.closed,
                "manifest": hex(&report.manifest),
            }))?;
            return Ok(ExitCode::SUCCESS);
        }
        let rows: Vec<Vec<String>> =
            report.files.iter().map(|f| vec![f.name.clone(), f.rows.to_string()]).collect();
        output::table(&["file", "rows"], &rows)?;
        Ok(ExitCode::SUCCESS)
    })
}

/// `fivefold verify export`.
pub fn verify(place: &Place, args: &ExportArgs) -> Done {
    // An extract lies apart from the bureau; its key may lie with the bureau that --dir names.
    let mut near = beside(place, &args.export.to_string_lossy())?;
    near.extend(beside(place, "://")?);
    let keys = keys(&args.trust, &near)?;
    let bar = progress("verifying", 0);
    let mut advance = |done: u64, of: u64| {
        bar.set_length(of);
        bar.set_position(done);
    };
    let found = verify_export(&args.export, &keys.log, None, &mut advance);
    bar.finish_and_clear();
    let report = found.map_err(|e| Failure::new(e.code(), e.to_string()))?;
    if args.trust.shape.json {
        output::json(&json!({
            "verified": true, "origin": report.origin, "period": report.period.name,
            "start": report.start, "end": report.end, "closed": report.closed,
            "manifest": hex(&report.manifest),
        }))?;
        return Ok(ExitCode::SUCCESS);
    }
    let closed = match report.closed {
        true => "yes: the log goes on after it",
        false => "not yet: more entries of the period may come",
    };
    output::pairs(&[
        ("verified", format!("{}, period {}", report.origin, report.period.name)),
        ("entries", format!("{} to {} (exclusive)", report.start, report.end)),
        ("complete", closed.to_string()),
        ("manifest", hex(&report.manifest)),
    ])?;
    let rows: Vec<Vec<String>> =
        report.files.iter().map(|(name, n)| vec![name.clone(), n.to_string()]).collect();
    output::table(&["file", "rows"], &rows)?;
    Ok(ExitCode::SUCCESS)
}
