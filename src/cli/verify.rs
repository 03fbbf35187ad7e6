//! `verify`: believes a public key and nothing else.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::config::Config;
use super::output::{self, Done, Failure, note, progress};
use super::{Place, Shape};
use crate::kernel::bytes::base64;
use crate::ledger::checkpoint::{Checkpoint, Cosigned};
use crate::ledger::leaf::Leaf;
use crate::ledger::note::{SignatureType, Verifier};
use crate::ledger::proof::Proof;
use crate::ledger::receipt::verify_receipt;
use crate::ledger::source::{DirSource, HttpSource};
use crate::ledger::tile::{Layer, TILE_WIDTH, TilePath, TileSource, decode_bundle, read_tile};
use crate::ledger::verify::verify_log;

/// The largest proof, answer or checkpoint that is read, in bytes.
const FILE_BYTES_MAX: u64 = 16 << 20;

/// Arguments of `verify`.
#[derive(Args)]
pub struct VerifyArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// A whole log: every entry, every tile, down to the signed root
    Log(LogArgs),
    /// An export: nothing in it altered, nothing left out
    Export(super::export::ExportArgs),
    /// A regulator's report: every signature, page and number in its PDF
    Bundle(super::regulator::BundleArgs),
    /// A backup: every file as it was written, and a log down to its signed root
    Backup(super::backup::CheckArgs),
    /// That an entry stands in the log
    Proof(ProofArgs),
    /// That an answer was recorded as it was given
    Receipt(ReceiptArgs),
}

/// Whose signatures are believed.
#[derive(Args)]
pub(super) struct Trust {
    /// The log's key, name+id+key, or a file that holds it; repeat for old and new keys
    /// [default: DIR/log/vkey]
    #[arg(long = "vkey", value_name = "KEY|FILE")]
    vkeys: Vec<String>,
    /// Demand the cosignature of this witness; repeat for several
    #[arg(long = "witness", value_name = "KEY|FILE")]
    witnesses: Vec<String>,
    #[command(flatten)]
    pub(super) shape: Shape,
}

#[derive(Args)]
#[command(after_help = "\
Needs no database and no private key. With --trusted-checkpoint the log is also shown to extend a
checkpoint that you kept: nothing was removed or rewritten since. Exit 1 names the first wrong file
or entry.

Examples:
  fivefold verify log bureau
  fivefold verify log https://bureau.example/log --vkey 'bureau.example/log+1a2b3c4d+AT…' \\
      --trusted-checkpoint last-month.checkpoint")]
struct LogArgs {
    /// Where the log is: a URL, a directory with `checkpoint` in it, or a data directory
    #[arg(value_name = "URL|DIR")]
    log: String,
    /// A checkpoint that you trust already
    #[arg(long, value_name = "FILE")]
    trusted_checkpoint: Option<PathBuf>,
    #[command(flatten)]
    trust: Trust,
}

#[derive(Args)]
#[command(after_help = "\
A proof says that some entry stands at its index; which entry, is read from --entry, from the
proof's own extra data, or from the log.

Example:
  fivefold verify proof 300.tlog-proof --entry 300.leaf --vkey bureau.vkey")]
struct ProofArgs {
    /// The proof, c2sp.org/tlog-proof@v1
    proof: PathBuf,
    /// The entry's bytes: the leaf of an answer's `log` member
    #[arg(long, value_name = "FILE")]
    entry: Option<PathBuf>,
    /// The log to read the entry from [default: DIR/log]
    #[arg(long, value_name = "URL|DIR")]
    log: Option<String>,
    #[command(flatten)]
    trust: Trust,
}

#[derive(Args)]
#[command(after_help = "\
Shows that the answer's opened record is what its leaf commits to, that the leaf stands in the
signed log, and that answer and record say the same.

Example:
  fivefold verify receipt answer.json --proof 300.tlog-proof --vkey bureau.vkey")]
struct ReceiptArgs {
    /// The answer of an inquiry, as it was received
    answer: PathBuf,
    /// The proof from the answer's proof_url
    #[arg(long, value_name = "FILE")]
    proof: PathBuf,
    #[command(flatten)]
    trust: Trust,
}

/// `fivefold verify …`.
pub fn run(place: &Place, args: &VerifyArgs) -> Done {
    match &args.what {
        What::Log(args) => log(place, args),
        What::Export(args) => super::export::verify(place, args),
        What::Bundle(args) => super::regulator::verify(place, args),
        What::Backup(args) => super::backup::verify(place, args),
        What::Proof(args) => proof(place, args),
        What::Receipt(args) => receipt(place, args),
    }
}

fn read(path: &Path) -> Result<String, Failure> {
    let unreadable = |e| Failure::unreadable(path, &e);
    if std::fs::metadata(path).map_err(unreadable)?.len() > FILE_BYTES_MAX {
        let text = format!("{} is larger than such a file can be", path.display());
        return Err(Failure::new("file_too_large", text));
    }
    std::fs::read_to_string(path).map_err(unreadable)
}

fn key(text: &str) -> Result<Verifier, Failure> {
    let parsed = match Verifier::parse(text) {
        Ok(verifier) => Ok(verifier),
        Err(_) if Path::new(text).is_file() => Verifier::parse(read(Path::new(text))?.trim()),
        Err(error) => Err(error),
    };
    parsed.map_err(|e| Failure::Usage(format!("{text} is not a key: {e}")))
}

/// The keys to believe.
pub(super) struct Keys {
    pub(super) log: Vec<Verifier>,
    witnesses: Vec<Verifier>,
}

/// The keys to believe. `beside` lists files that hold the log's key when none is named: trust in
/// the directory then stands for trust in the key.
pub(super) fn keys(trust: &Trust, beside: &[PathBuf]) -> Result<Keys, Failure> {
    let mut log = trust.vkeys.iter().map(|text| key(text)).collect::<Result<Vec<_>, _>>()?;
    if log.is_empty() {
        let file = beside.iter().find(|path| path.is_file()).ok_or_else(|| {
            let text = "--vkey is needed: the log's public key, from a source you trust (the \
                        bureau prints it when it starts)";
            Failure::Usage(text.to_string())
        })?;
        note(&format!("trusting the key in {}", file.display()));
        log.push(key(&file.to_string_lossy())?);
    }
    if log.iter().any(|key| key.kind() != SignatureType::Ed25519) {
        return Err(Failure::Usage("--vkey names a witness's key: use --witness".to_string()));
    }
    let witnesses = trust.witnesses.iter().map(|text| key(text)).collect::<Result<Vec<_>, _>>()?;
    if witnesses.iter().any(|key| key.kind() != SignatureType::Cosignature) {
        return Err(Failure::Usage("--witness names a key that does not cosign".to_string()));
    }
    Ok(Keys { log, witnesses })
}

/// The log directory of the bureau that `--dir` names.
fn own_log(place: &Place) -> Result<PathBuf, Failure> {
    Ok(Config::load(place)?.dir.join("log"))
}

fn source(at: &str) -> Result<Box<dyn TileSource>, Failure> {
    if at.contains("://") {
        let http = HttpSource::new(at).map_err(|e| Failure::Usage(e.to_string()))?;
        return Ok(Box::new(http));
    }
    let dir = Path::new(at);
    if !dir.is_dir() {
        return Err(Failure::new("log_no_checkpoint", format!("{at} is not a directory")));
    }
    Ok(Box::new(DirSource::find(dir)))
}

/// Where the key may lie that goes with a log.
pub(super) fn beside(place: &Place, at: &str) -> Result<Vec<PathBuf>, Failure> {
    if at.contains("://") {
        return Ok(vec![own_log(place)?.join("vkey")]);
    }
    let dir = Path::new(at);
    Ok(vec![dir.join("vkey"), dir.join("log").join("vkey")])
}

fn cosigned(list: &[Cosigned]) -> Value {
    list.iter().map(|one| json!({ "witness": one.witness, "at": one.time })).collect()
}

fn checkpoint_value(checkpoint: &Checkpoint) -> Value {
    json!({
        "origin": checkpoint.origin, "size": checkpoint.size, "root": base64(&checkpoint.root),
    })
}

fn shown(checkpoint: &Checkpoint) -> String {
    format!("{}, {} entries, root {}", checkpoint.origin, checkpoint.size, base64(&checkpoint.root))
}

fn log(place: &Place, args: &LogArgs) -> Done {
    let keys = keys(&args.trust, &beside(place, &args.log)?)?;
    let trusted = args.trusted_checkpoint.as_deref().map(read).transpose()?;
    let source = source(&args.log)?;
    let bar = progress("verifying", 0);
    let mut advance = |done: u64, of: u64| {
        bar.set_length(of);
        bar.set_position(done);
    };
    let found = verify_log(&*source, &keys.log, trusted.as_deref(), &keys.witnesses, &mut advance);
    bar.finish_and_clear();
    let report = found.map_err(|e| Failure::new(e.code(), e.to_string()))?;
    if args.trust.shape.json {
        let kinds: serde_json::Map<String, Value> =
            report.kinds.iter().map(|(kind, n)| (kind.to_string(), json!(n))).collect();
        output::json(&json!({
            "verified": true, "checkpoint": checkpoint_value(&report.checkpoint),
            "cosigned": cosigned(&report.cosigned),
            "extends": report.trusted.as_ref().map(checkpoint_value),
            "files": report.files, "kinds": kinds, "first": report.first, "last": report.last,
        }))?;
        return Ok(ExitCode::SUCCESS);
    }
    let time = |time: Option<crate::kernel::Time>| {
        time.map_or_else(|| "none".to_string(), |time| time.to_second_text())
    };
    let mut rows = vec![
        ("verified", shown(&report.checkpoint)),
        ("compared", format!("{} tiles and bundles", report.files)),
        ("first entry", time(report.first)),
        ("last entry", time(report.last)),
    ];
    if let Some(trusted) = &report.trusted {
        rows.push(("extends", shown(trusted)));
    }
    for one in &report.cosigned {
        rows.push(("cosigned by", one.witness.clone()));
    }
    output::pairs(&rows)?;
    let kinds: Vec<Vec<String>> =
        report.kinds.iter().map(|(kind, n)| vec![kind.to_string(), n.to_string()]).collect();
    output::table(&["kind", "entries"], &kinds)?;
    Ok(ExitCode::SUCCESS)
}

/// The bytes of the entry that a proof is about.
fn entry(place: &Place, args: &ProofArgs, proof: &Proof) -> Result<Vec<u8>, Failure> {
    if let Some(path) = &args.entry {
        return Ok(read(path)?.into_bytes());
    }
    if let (Some(extra), None) = (&proof.extra, &args.log) {
        return Ok(extra.clone());
    }
    let at = match &args.log {
        Some(at) => at.clone(),
        None => own_log(place)?.to_string_lossy().into_owned(),
    };
    let lacks = || {
        let text = format!("the log at {at} has no entry {}: name it with --entry", proof.index);
        Failure::new("entry_unknown", text)
    };
    let size = Checkpoint::read_unverified(&proof.checkpoint)
        .map_err(|e| Failure::new(e.code(), e.to_string()))?
        .size;
    let bundle = TilePath::at(Layer::Entries, proof.index / TILE_WIDTH, size).ok_or_else(lacks)?;
    let bytes = read_tile(&*source(&at)?, &bundle)
        .map_err(|e| Failure::new("log_unreadable", e.to_string()))?;
    let place = usize::try_from(proof.index % TILE_WIDTH).unwrap_or(usize::MAX);
    let entries = decode_bundle(&bytes).map_err(|e| Failure::new("log_file_malformed", e))?;
    entries.get(place).map(|entry| entry.to_vec()).ok_or_else(lacks)
}

fn proof(place: &Place, args: &ProofArgs) -> Done {
    let text = read(&args.proof)?;
    let proof = Proof::parse(&text).map_err(|e| Failure::new(e.code(), e.to_string()))?;
    let at = match &args.log {
        Some(at) => beside(place, at)?,
        None => vec![own_log(place)?.join("vkey")],
    };
    let keys = keys(&args.trust, &at)?;
    let entry = entry(place, args, &proof)?;
    let opened = proof
        .verify(&entry, &keys.log, &keys.witnesses)
        .map_err(|e| Failure::new(e.code(), e.to_string()))?;
    let leaf = Leaf::parse(&entry).map_err(|e| Failure::new("log_leaf", e.to_string()))?;
    if args.trust.shape.json {
        output::json(&json!({
            "verified": true, "index": proof.index, "kind": leaf.kind.to_string(),
            "time": leaf.time, "checkpoint": checkpoint_value(&opened.checkpoint),
            "cosigned": cosigned(&opened.cosigned),
        }))?;
        return Ok(ExitCode::SUCCESS);
    }
    output::pairs(&[
        ("verified", format!("entry {}", proof.index)),
        ("kind", leaf.kind.to_string()),
        ("time", leaf.time.to_second_text()),
        ("in", shown(&opened.checkpoint)),
    ])?;
    Ok(ExitCode::SUCCESS)
}

fn receipt(place: &Place, args: &ReceiptArgs) -> Done {
    let keys = keys(&args.trust, &[own_log(place)?.join("vkey")])?;
    let answer: Value = serde_json::from_str(&read(&args.answer)?)
        .map_err(|e| Failure::new("receipt_absent", format!("the answer is not JSON: {e}")))?;
    let proof = read(&args.proof)?;
    let receipt = verify_receipt(&answer, &proof, &keys.log, &keys.witnesses)
        .map_err(|e| Failure::new(e.code(), e.to_string()))?;
    if args.trust.shape.json {
        output::json(&json!({
            "verified": true, "index": receipt.index, "time": receipt.leaf.time,
            "confirmed": receipt.confirmed, "checkpoint": checkpoint_value(&receipt.checkpoint),
            "cosigned": cosigned(&receipt.cosigned),
        }))?;
        return Ok(ExitCode::SUCCESS);
    }
    output::pairs(&[
        ("verified", format!("entry {}", receipt.index)),
        ("recorded", receipt.leaf.time.to_second_text()),
        ("confirmed", receipt.confirmed.join(", ")),
        ("in", shown(&receipt.checkpoint)),
    ])?;
    Ok(ExitCode::SUCCESS)
}
