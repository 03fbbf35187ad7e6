//! `collect`: a furnisher's file, loaded at the console.

use std::io::BufRead;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, ValueEnum};
use jiff::civil::Date;
use serde_json::Value;

use super::output::{self, Done, Failure, note, progress};
use super::{Place, Shape, Staff, with_bureau};
use crate::bureau::Bureau;
use crate::bureau::admission::Admission;
use crate::bureau::command::load::LoadFile;
use crate::bureau::command::upload::{AcceptUpload, OpenUpload};
use crate::bureau::intake::{Applied, Order};
use crate::bureau::spool::{Spooled, Spooling};
use crate::bureau::upload::{self, UPLOAD_BYTES_MAX, UploadFile};
use crate::collect::metro2::cut::HEAD_BYTES;
use crate::collect::{Blob, BlobReader, OnDisk, Receipt, SharedBlob};
use crate::kernel::bytes::{Digest, Sha256, hex};

/// Days for which a signature on a file holds: an old file must not be loaded over newer ones.
const SIGNED_DAYS_MAX: i64 = 7;
/// Errors shown in a table; all of them are in the JSON receipt.
const ERRORS_SHOWN_MAX: usize = 50;

/// Arguments of `collect`.
#[derive(Args)]
#[command(after_help = "\
Every line is accepted or rejected alone, with all its reasons; a line sent twice changes nothing.
A batch header whose count or totals do not match refuses the whole file before anything is
applied. Exit 1 when any line was rejected.

Without the partner's signature the log and the receipt say that an operator loaded the file: it
is kept and shown, but no score is made of it. The partner signs what --statement prints, with a
key it has registered, and --signature takes the raw signature or its base64 for a week. Who loads
it, and why, is an entry of the log either way; a dry run leaves none.

Examples:
  fivefold collect october.ndjson --partner 'First Bank' --dry-run
  fivefold collect october.ndjson --partner 'First Bank' --statement > october.txt
  openssl pkeyutl -sign -rawin -inkey bank.pem -in october.txt -out october.sig
  fivefold collect october.ndjson --partner 'First Bank' --signature october.sig
  fivefold collect october.parquet --partner par_01… --json > receipt.json
  fivefold collect OCTOBER.metro2 --partner 'First Bank'      docs/metro2.md says what is kept
  fivefold dictionary                        what a line may say")]
pub struct CollectArgs {
    /// NDJSON, Parquet or Metro 2
    file: PathBuf,
    /// Whose file it is: id or name
    #[arg(long, value_name = "PARTNER")]
    partner: String,
    /// How it is written [default: what its first bytes say]
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// The partner's signature on the statement for this file
    #[arg(long, value_name = "FILE")]
    signature: Option<PathBuf>,
    /// Print the text for the partner to sign, and do nothing
    #[arg(long, conflicts_with_all = ["signature", "dry_run"])]
    statement: bool,
    /// Check everything, apply nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    staff: Staff,
    #[command(flatten)]
    shape: Shape,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    /// One JSON object a line
    Ndjson,
    /// Apache Parquet
    Parquet,
    /// Records of the Credit Reporting Resource Guide
    Metro2,
}

/// `fivefold collect FILE`.
pub fn run(place: &Place, args: &CollectArgs) -> Done {
    let file = read(args)?;
    let body = with_bureau(place, |bureau, _| {
        if args.statement {
            let today = bureau.engine.env.now().date_at(0);
            return Ok(Value::String(statement(&bureau.engine.origin, &file.digest, today)));
        }
        let registry = bureau.registry()?;
        let partner = registry.find(&args.partner).map(|partner| partner.id.clone());
        let partner = partner.ok_or_else(|| {
            let text = "There is no such partner. `fivefold partner list` shows them.";
            Failure::new("partner_not_found", text)
        })?;
        let file = match &args.signature {
            Some(_) => copied(bureau, &file).map_err(|e| Failure::unreadable(&args.file, &e))?,
            None => file,
        };
        let admission = admission(bureau, &partner, &file, args.signature.as_deref())?;
        let load = LoadFile {
            admission: args.staff.admission(bureau.engine.environment, "collect")?,
            furnisher: partner,
            file: hex(&file.digest),
            signed: !admission.is_console(),
            dry_run: args.dry_run,
        };
        bureau.run(load).value()?;
        apply(bureau, admission, &file, args.dry_run)
    })?;
    if let Value::String(statement) = &body {
        output::text(statement)?;
        return Ok(ExitCode::SUCCESS);
    }
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

/// The file, and the digest that names it.
fn read(args: &CollectArgs) -> Result<UploadFile, Failure> {
    let unreadable = |e| Failure::unreadable(&args.file, &e);
    let file = OnDisk::open(&args.file).map_err(unreadable)?;
    if file.length() > UPLOAD_BYTES_MAX {
        let text = format!("at most {UPLOAD_BYTES_MAX} bytes in one upload: load it in parts");
        return Err(Failure::new("file_too_large", text));
    }
    let blob: SharedBlob = Arc::new(file);
    let head = blob.read_at(0, HEAD_BYTES).map_err(unreadable)?;
    let format = match args.format {
        Some(Format::Ndjson) => upload::Format::Ndjson,
        Some(Format::Parquet) => upload::Format::Parquet,
        Some(Format::Metro2) => upload::Format::Metro2,
        None => upload::Format::of(&head),
    };
    let mut digest = Sha256::new();
    std::io::copy(&mut BlobReader::new(blob.clone(), 0), &mut digest).map_err(unreadable)?;
    Ok(UploadFile { format, blob, digest: digest.finish() })
}

/// In whose name the file is loaded: the partner's, if it signed the file; else the console's.
fn admission(
    bureau: &Bureau,
    partner: &str,
    file: &UploadFile,
    signature: Option<&Path>,
) -> Result<Admission, Failure> {
    let Some(path) = signature else { return Ok(Admission::console(partner)) };
    let bytes = std::fs::read(path).map_err(|e| Failure::unreadable(path, &e))?;
    let registry = bureau.registry()?;
    let today = bureau.engine.env.now().plus_days(1);
    let signed = (0..=SIGNED_DAYS_MAX + 1).find_map(|days| {
        let date = today.plus_days(-days).date_at(0);
        let text = statement(&bureau.engine.origin, &file.digest, date);
        registry.signer(partner, text.as_bytes(), &bytes)
    });
    let keyid = signed.ok_or_else(|| {
        let text = "No key of this partner signed this file within the last week. `--statement` \
                    prints the exact text to sign today, for this bureau and these bytes.";
        Failure::new("signature_invalid", text)
    })?;
    Ok(Admission { keyid, ..Admission::console(partner) })
}

/// What a partner signs for a file: for which bureau, which bytes, and on which day.
pub(super) fn statement(origin: &str, digest: &Digest, date: Date) -> String {
    format!("fivefold-collect/v1\n{origin}\nsha-256 {}\n{date}\n", hex(digest))
}

/// A sealed copy of the file, with the digest of the copy: what is applied is what was signed,
/// whatever becomes of the file meanwhile.
fn copied(bureau: &Bureau, file: &UploadFile) -> std::io::Result<UploadFile> {
    let env = &bureau.engine.env;
    let mut spooling = Spooling::begin(env, &bureau.dir, &AcceptUpload::mint(env))?;
    let mut digest = Sha256::new();
    let mut reader = BlobReader::new(file.blob.clone(), 0);
    loop {
        let block = reader.fill_buf()?;
        if block.is_empty() {
            break;
        }
        digest.update(block);
        spooling.add(block)?;
        let read = block.len();
        reader.consume(read);
    }
    spooling.finish()?;
    let (key, length) = (spooling.key().clone(), spooling.length());
    // Opened before `spooling` takes its name away: the copy is gone when it is closed.
    let blob = Arc::new(Spooled::open(&bureau.dir, spooling.id(), key, length)?);
    Ok(UploadFile { format: file.format, blob, digest: digest.finish() })
}

fn apply(
    bureau: &Bureau,
    admission: Admission,
    file: &UploadFile,
    dry_run: bool,
) -> Result<Value, Failure> {
    bureau.run(OpenUpload { admission: admission.clone(), idempotency: None }).value()?;
    let now = bureau.engine.env.now();
    let checked = bureau.checked(&admission, now, file, false)?;
    let bar = progress("collecting", checked.count);
    let lines = bureau.lines(&admission, now, file, 0)?;
    let furnisher = admission.principal.key();
    let order = Order { admission, format: file.format, dry_run, upload: None };
    let mut told = |lines| {
        bar.inc(lines as u64);
        true
    };
    let applied = bureau.apply(&order, checked.receipt, lines, &mut told)?;
    bar.finish_and_clear();
    match applied {
        Applied::Whole(mut receipt) => {
            bureau.name_missing(&furnisher, &mut receipt);
            Ok(receipt)
        }
        Applied::Stopped => Err(Failure::new("internal", "the loading was stopped")),
    }
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
    if let Some(lacking) = &receipt.missing {
        let (count, month) = (lacking.count, lacking.month);
        note(&format!(
            "{count} accounts have no {month}: `fivefold coverage` names them, and so does --json"
        ));
    }
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
