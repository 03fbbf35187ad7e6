//! `extract`: a period as Parquet. `verify export`: that nothing in one was altered or left out.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use super::output::{self, Done, Failure, note, progress};
use super::staff::Approved;
use super::verify::{Trust, beside, keys};
use super::{Place, Shape, Staff, with_bureau};
use crate::bureau::approval::Approval;
use crate::bureau::extract::ExtractFailure;
use crate::bureau::personal::PersonalOrder;
use crate::kernel::age::Recipient;
use crate::kernel::bytes::hex;
use crate::report::verify_export::verify_export;

/// Arguments of `extract`.
#[derive(Args)]
#[command(after_help = "\
Writes every entry of the period, its opened record, the tables derived from them, and a manifest
signed by the manifest key and by the log's own key. No personal part leaves. The export itself is
an entry of the log.

With --personal the personal parts leave instead, in one file that only the examiner's key opens,
under pseudonyms that stay the same for this examiner. Two members of staff are named, and an entry
says so before the file is made.

Examples:
  fivefold extract --period 2026-10 --out october --as li --reason 'monthly filing'
  fivefold extract --period 2026-10 --out sealed --personal --to examiner.pub --as li \\
      --approved-by wang --reason 'inspection 7'
  age -d -i examiner.key sealed/personal.parquet.age >personal.parquet")]
pub struct ExtractArgs {
    /// A month, 2026-10, or a year, 2026, in the time of the home pack
    #[arg(long, value_name = "PERIOD")]
    period: String,
    /// A folder to make
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// The personal parts in place of the records: under pseudonyms, sealed to an examiner's key
    #[arg(long, requires = "to", requires = "approved_by")]
    personal: bool,
    /// The examiner's public key, `age1…` or X25519 in PEM: `age -d` opens what is made
    #[arg(long, value_name = "FILE", requires = "personal")]
    to: Option<PathBuf>,
    #[command(flatten)]
    approved: Approved,
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
        ExtractFailure::Personal(error) => error.code(),
        ExtractFailure::Log(_) => "log_unreadable",
        ExtractFailure::Refused(problem) => return Failure::Problem(problem.clone()),
    };
    Failure::new(code, failure.to_string())
}

/// `fivefold extract`.
pub fn extract(place: &Place, args: &ExtractArgs) -> Done {
    if let (Some(to), Some(approval)) = (&args.to, args.approved.read()?) {
        return personal(place, args, to, approval);
    }
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

/// `fivefold extract --personal`.
fn personal(place: &Place, args: &ExtractArgs, to: &Path, approval: Approval) -> Done {
    let text = std::fs::read_to_string(to).map_err(|e| Failure::unreadable(to, &e))?;
    let recipient =
        Recipient::parse(&text).map_err(|e| Failure::Usage(format!("{} is {e}", to.display())))?;
    with_bureau(place, |bureau, config| {
        let period = bureau.period(&args.period).map_err(|e| failed(&e))?;
        let by = args.staff.admission(config.environment(), "extract --personal")?;
        let order = PersonalOrder { by, approval, recipient };
        let bar = progress("sealing", 0);
        let mut advance = |done: u64, of: u64| {
            bar.set_length(of);
            bar.set_position(done);
        };
        let made = bureau.extract_personal(&period, &order, &args.out, &mut advance);
        bar.finish_and_clear();
        let made = made.map_err(|e| failed(&e))?;
        if args.shape.json {
            output::json(&json!({
                "period": period.name, "recipient": recipient.to_string(), "rows": made.rows,
                "gone": made.gone, "intent": made.intent, "manifest": made.manifest,
            }))?;
            return Ok(ExitCode::SUCCESS);
        }
        output::pairs(&[
            ("sealed to", recipient.to_string()),
            ("personal parts", made.rows.to_string()),
            ("gone", made.gone.to_string()),
            ("announced by entry", made.intent.to_string()),
            ("manifest", made.manifest),
        ])?;
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
