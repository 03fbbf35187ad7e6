//! `backup` and `restore`: the whole database out and in again. `verify backup`: that one is whole.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use super::config::Config;
use super::output::{self, Done, Failure, note, progress};
use super::verify::{Trust, beside, keys};
use super::{Place, Shape, Staff, with_bureau};
use crate::bureau::Bureau;
use crate::bureau::backup::{self, BackupError};
use crate::bureau::restore::{RestoreError, RestoreOrder};
use crate::kernel::Env;

/// Arguments of `backup`.
#[derive(Args)]
#[command(after_help = "\
Copies every table as it is at one moment, with a manifest signed by the log's key; commands go on
meanwhile. The bureau's keys and the key store are not in it and need a safe place of their own:
without them a backup opens nothing. What was purged or erased after a backup is not readable in
it any more, so that backups should be fresh; `docs/operate/backup.md` says how fresh, and how
PostgreSQL's own archive goes to the last second. The backup is an entry of the log.

Examples:
  fivefold backup --dir bureau --out /backups/2026-11-24 --as li --reason nightly
  fivefold verify backup /backups/2026-11-24 --vkey bureau.vkey")]
pub struct BackupArgs {
    /// A folder to make
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    #[command(flatten)]
    staff: Staff,
    #[command(flatten)]
    shape: Shape,
}

/// Arguments of `restore`.
#[derive(Args)]
#[command(after_help = "\
--dir is a data directory with fivefold.toml, keys/ and the key store in their places, and an
empty database: the backup of either database is restored into either. The backup is checked down
to the root of its log and refused if a later checkpoint is known, from DIR/log or by
--trusted-checkpoint. Whoever was forgotten or purged since the backup was made is forgotten here
before anything is served, once --forget says how many that may be, and the auditor has the last
word. Exit 1 when it finds anything.

Examples:
  fivefold restore /backups/2026-11-24 --dir bureau
  fivefold restore /backups/2026-11-24 --dir bureau --trusted-checkpoint witness.checkpoint
  fivefold restore /backups/2026-11-23 --dir bureau --new-origin     after a loss; see the refusal")]
pub struct RestoreArgs {
    /// The folder with the backup's manifest.json in it
    backup: PathBuf,
    /// A checkpoint that was published; repeat for several
    #[arg(long = "trusted-checkpoint", value_name = "FILE")]
    known: Vec<PathBuf>,
    /// Go on without entries that were published, under the new `origin` of fivefold.toml
    #[arg(long)]
    new_origin: bool,
    /// No checkpoint of the log is known to anybody: restore without comparing, and record that
    #[arg(long, conflicts_with = "known")]
    unwitnessed: bool,
    /// Persons whose key is gone or another since, and who are forgotten; the refusal says how many
    #[arg(long, value_name = "N", default_value_t = 0)]
    forget: u64,
    #[command(flatten)]
    shape: Shape,
}

/// Arguments of `verify backup`.
#[derive(Args)]
#[command(after_help = "\
Checks both signatures over the manifest, the digest of every file, the number of its rows, and
that the entries give the root of the signed checkpoint. Needs no database and no private key.

Example:
  fivefold verify backup /backups/2026-11-24 --vkey bureau.vkey")]
pub struct CheckArgs {
    /// The folder with manifest.json in it
    backup: PathBuf,
    #[command(flatten)]
    trust: Trust,
}

fn failed(error: BackupError) -> Failure {
    match error {
        BackupError::Refused(problem) => problem.into(),
        error => Failure::new(error.code(), error.to_string()),
    }
}

/// `fivefold backup`.
pub fn backup(place: &Place, args: &BackupArgs) -> Done {
    let report = with_bureau(place, |bureau, config| {
        let admission = args.staff.admission(config.environment(), "backup")?;
        let bar = progress("copying", 0);
        let mut told = |table: &str, rows: u64| {
            bar.set_message(table.to_string());
            bar.set_position(rows);
        };
        let made = bureau.backup(admission, &args.out, &mut told);
        bar.finish_and_clear();
        made.map_err(failed)
    })?;
    if args.shape.json {
        output::json(&report)?;
        return Ok(ExitCode::SUCCESS);
    }
    output::pairs(&[
        ("backup", args.out.display().to_string()),
        ("entries", report.entries.to_string()),
        ("rows", format!("{} in {} tables", report.rows, report.tables)),
        ("manifest", report.manifest),
    ])?;
    note(
        "The bureau's keys and the key store are not in it: keep them in a safe place of their own.",
    );
    Ok(ExitCode::SUCCESS)
}

/// `fivefold restore`.
pub fn restore(place: &Place, args: &RestoreArgs) -> Done {
    let config = Config::load(place)?;
    let known = args.known.iter().map(|path| {
        std::fs::read_to_string(path).map_err(|error| Failure::unreadable(path, &error))
    });
    let order = RestoreOrder {
        from: args.backup.clone(),
        known: known.collect::<Result<_, _>>()?,
        new_origin: args.new_origin,
        unwitnessed: args.unwitnessed,
        forget: args.forget,
    };
    let bar = progress("restoring", 0);
    let mut told = |table: &str, rows: u64| {
        bar.set_message(table.to_string());
        bar.set_position(rows);
    };
    let restored = Bureau::restore(&Env::system(), &config.settings(), &order, &mut told);
    bar.finish_and_clear();
    let (bureau, report) = restored.map_err(|error| match error {
        RestoreError::Backup(error) => failed(error),
        RestoreError::Refused(problem) => problem.into(),
        error => Failure::new(error.code(), error.to_string()),
    })?;
    let audited = bureau.audit(&mut |_, _, _| {});
    let vkey = bureau.engine.keys.log().vkey();
    bureau.close();
    let audit = audited?;
    if args.shape.json {
        output::json(&json!({ "restored": report, "audit": audit, "vkey": vkey }))?;
    } else {
        let name = report.continued_as.clone().unwrap_or_else(|| "the same".to_string());
        output::pairs(&[
            ("entries", report.entries.to_string()),
            ("rows", report.rows.to_string()),
            ("forgotten since", report.lapsed.to_string()),
            ("evidence ended", report.evidence_ended.to_string()),
            ("published and lost", report.lost.to_string()),
            ("origin", name),
            ("vkey", vkey),
            ("findings", audit.findings.len().to_string()),
        ])?;
        audit.findings.iter().for_each(|finding| note(&finding.to_string()));
    }
    Ok(if audit.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// `fivefold verify backup`.
pub fn verify(place: &Place, args: &CheckArgs) -> Done {
    let keys = keys(&args.trust, &beside(place, "://")?)?;
    let bar = progress("verifying", 0);
    let mut told = |table: &str, rows: u64| {
        bar.set_message(table.to_string());
        bar.set_position(rows);
    };
    let checked = backup::check(&args.backup, &keys.log, &[], &mut told);
    bar.finish_and_clear();
    let checked = checked.map_err(failed)?;
    let rows: u64 = checked.manifest.tables.iter().map(|table| table.rows).sum();
    if args.trust.shape.json {
        output::json(&json!({
            "verified": true, "origin": checked.manifest.origin, "at": checked.manifest.at,
            "entries": checked.checkpoint.size, "rows": rows, "manifest": checked.digest,
        }))?;
        return Ok(ExitCode::SUCCESS);
    }
    output::pairs(&[
        ("verified", checked.manifest.origin),
        ("made", checked.manifest.at.to_second_text()),
        ("entries", checked.checkpoint.size.to_string()),
        ("rows", rows.to_string()),
        ("manifest", checked.digest),
    ])?;
    Ok(ExitCode::SUCCESS)
}
