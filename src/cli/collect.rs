//! `collect`: a furnisher's file, loaded at the console.

use std::path::PathBuf;
use std::process::ExitCode;

use bytes::Bytes;
use clap::{Args, ValueEnum};
use serde_json::Value;

use super::output::{self, Done, Failure, note, progress};
use super::{Place, Shape, with_bureau};
use crate::bureau::Bureau;
use crate::bureau::admission::Admission;
use crate::bureau::command::observe::{
    CloseUpload, ObserveSlice, OpenUpload, SLICE_LINES_MAX, SliceOutcome,
};
use crate::bureau::upload::{self, Checked, UPLOAD_BYTES_MAX};
use crate::collect::Receipt;

/// Errors shown in a table; all of them are in the JSON receipt.
const ERRORS_SHOWN_MAX: usize = 50;

/// Arguments of `collect`.
#[derive(Args)]
#[command(after_help = "\
Every line is accepted or rejected alone, with all its reasons; a line sent twice changes nothing.
A batch header whose count or totals do not match refuses the whole file before anything is
applied. The file carries no signature of the partner, so its entry in the log and the receipt say
that an operator loaded it. Exit 1 when any line was rejected.

Examples:
  fivefold collect october.ndjson --partner 'First Bank' --dry-run
  fivefold collect october.parquet --partner par_01… --json > receipt.json
  fivefold dictionary                        what a line may say")]
pub struct CollectArgs {
    /// NDJSON or Parquet
    file: PathBuf,
    /// Whose file it is: id or name
    #[arg(long, value_name = "PARTNER")]
    partner: String,
    /// How it is written [default: what its first bytes say]
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// Check everything, apply nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    shape: Shape,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    /// One JSON object a line
    Ndjson,
    /// Apache Parquet
    Parquet,
}

/// `fivefold collect FILE`.
pub fn run(place: &Place, args: &CollectArgs) -> Done {
    let bytes = read(args)?;
    let format = match args.format {
        Some(Format::Ndjson) => upload::Format::Ndjson,
        Some(Format::Parquet) => upload::Format::Parquet,
        None => upload::Format::of(&bytes),
    };
    let body = with_bureau(place, |bureau, _| {
        let registry = bureau.registry()?;
        let partner = registry.find(&args.partner).map(|partner| partner.id.clone());
        let partner = partner.ok_or_else(|| {
            let text = "There is no such partner. `fivefold partner list` shows them.";
            Failure::new("partner_not_found", text)
        })?;
        let checked = upload::check(&bureau.engine, bureau.engine.env.now(), format, &bytes)?;
        apply(bureau, &Admission::console(&partner), checked, args.dry_run)
    })?;
    if args.shape.json {
        output::json(&body)?;
    } else {
        tell(&body)?;
    }
    match body["rejected"].as_u64() {
        Some(0) => Ok(ExitCode::SUCCESS),
        _ => Ok(ExitCode::FAILURE),
    }
}

fn read(args: &CollectArgs) -> Result<Bytes, Failure> {
    let unreadable = |e| Failure::unreadable(&args.file, &e);
    let length = std::fs::metadata(&args.file).map_err(unreadable)?.len();
    if length > UPLOAD_BYTES_MAX {
        let text = format!("at most {UPLOAD_BYTES_MAX} bytes in one upload: load it in parts");
        return Err(Failure::new("file_too_large", text));
    }
    Ok(Bytes::from(std::fs::read(&args.file).map_err(unreadable)?))
}

fn apply(
    bureau: &Bureau,
    admission: &Admission,
    checked: Checked,
    dry_run: bool,
) -> Result<Value, Failure> {
    bureau.run(OpenUpload { admission: admission.clone(), idempotency: None }).value()?;
    let Checked { lines, mut receipt } = checked;
    let bar = progress("collecting", lines.len() as u64);
    let mut lines = lines.into_iter().peekable();
    while lines.peek().is_some() {
        let slice: Vec<_> = lines.by_ref().take(SLICE_LINES_MAX).collect();
        bar.inc(slice.len() as u64);
        let command = ObserveSlice { admission: admission.clone(), lines: slice, dry_run };
        let told = bureau.run(command).value()?;
        let outcome: SliceOutcome = serde_json::from_value(told)
            .map_err(|e| Failure::new("internal", format!("a slice's outcome: {e}")))?;
        upload::add_slice(&mut receipt, outcome);
    }
    bar.finish_and_clear();
    upload::close(&mut receipt);
    Ok(bureau.run(CloseUpload { admission: admission.clone(), receipt, dry_run }).value()?)
}

fn tell(body: &Value) -> Result<(), Failure> {
    let receipt: Receipt = serde_json::from_value(without_extras(body))
        .map_err(|e| Failure::new("internal", format!("the receipt: {e}")))?;
    let balances: Vec<String> =
        receipt.control_totals.balance.iter().map(|(c, sum)| format!("{sum} {c}")).collect();
    let range = receipt.log.map_or_else(
        || "none".to_string(),
        |range| format!("{} to {}", range.first_index, range.last_index),
    );
    let dry = body["dry_run"] == true;
    output::pairs(&[
        ("accepted", receipt.accepted.to_string()),
        ("duplicates", receipt.duplicates.to_string()),
        ("rejected", receipt.rejected.to_string()),
        ("lines", receipt.control_totals.count.to_string()),
        ("balances", if balances.is_empty() { "none".into() } else { balances.join(", ") }),
        ("entries", if dry { "none: nothing was applied".into() } else { range }),
        ("file", receipt.file_digest.clone()),
        ("loaded by", body["loaded_by"].as_str().unwrap_or("nobody").to_string()),
    ])?;
    if receipt.errors.is_empty() {
        return Ok(());
    }
    let rows: Vec<Vec<String>> = receipt
        .errors
        .iter()
        .take(ERRORS_SHOWN_MAX)
        .map(|e| vec![e.line.to_string(), e.pointer.clone(), e.code.clone(), e.message.clone()])
        .collect();
    output::table(&["line", "field", "code", "what to do"], &rows)?;
    let more =
        receipt.errors.len().saturating_sub(ERRORS_SHOWN_MAX) as u64 + receipt.errors_omitted;
    if more > 0 {
        note(&format!("{more} more errors: --json lists them"));
    }
    Ok(())
}

/// The receipt alone: the bureau's answer says more beside it.
fn without_extras(body: &Value) -> Value {
    let mut receipt = body.clone();
    if let Some(map) = receipt.as_object_mut() {
        for extra in ["batch", "dry_run", "loaded_by"] {
            map.remove(extra);
        }
    }
    receipt
}
