//! `report`: documents for people.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::json;
use tempfile::NamedTempFile;

use super::output::{self, Done, Failure};
use super::{Place, Shape, Staff, with_bureau};
use crate::bureau::command::file::SeeFile;
use crate::report::consumer::{ConsumerView, render};
use crate::report::document::{DocumentError, Fonts};

/// Arguments of `report`.
#[derive(Args)]
pub struct ReportArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// A person's whole file as PDF: score, accounts, consents, who asked, rights
    Consumer(ConsumerArgs),
    /// The regulator's tables of a period: Parquet, PDF, signed
    Regulator(super::regulator::RegulatorArgs),
    /// What each furnisher sent in a period, and what became of it: Parquet, PDF, signed
    Furnisher(super::statement::FurnisherArgs),
    /// A furnisher's accounts of a month as the bureau has them, as a Metro 2 file
    Metro2(super::book::BookArgs),
    /// The certificate of an erasure or a purge as PDF: what is gone, signed, and in the log
    Erasure(ErasureArgs),
    /// What a scorecard's file says of itself, as PDF; `model validate --report` measures it too
    Model(ModelArgs),
}

#[derive(Args)]
#[command(after_help = "\
It names nobody. The entry's index is in the answer to the erasure, and in the person's own copy.

Example:
  fivefold report erasure 4711 --out certificate.pdf")]
struct ErasureArgs {
    /// Index of the entry
    index: u64,
    /// The PDF to write
    #[arg(long, value_name = "F.pdf")]
    out: PathBuf,
}

#[derive(Args)]
struct ModelArgs {
    /// The scorecard's file
    scorecard: PathBuf,
    /// The PDF to write
    #[arg(long, value_name = "F.pdf")]
    out: PathBuf,
}

#[derive(Args)]
#[command(after_help = "\
The look is on record before the file is written: who, when, what, why. Everything printed is
attached to the PDF as report.json.

Example:
  fivefold report consumer sub_01… --out report.pdf --as li.wei --reason 'asked for by the person'")]
struct ConsumerArgs {
    /// A partner's id of the person (sub_…), or the bureau's own (per_…)
    subject: String,
    /// The PDF to write
    #[arg(long, value_name = "F.pdf")]
    out: PathBuf,
    #[command(flatten)]
    staff: Staff,
    #[command(flatten)]
    shape: Shape,
}

/// `fivefold report …`.
pub fn run(place: &Place, args: &ReportArgs) -> Done {
    match &args.what {
        What::Consumer(args) => consumer(place, args),
        What::Regulator(args) => super::regulator::report(place, args),
        What::Furnisher(args) => super::statement::report(place, args),
        What::Metro2(args) => super::book::report(place, args),
        What::Erasure(args) => erasure(place, args),
        What::Model(args) => model(args),
    }
}

fn document(error: DocumentError) -> Failure {
    Failure::new(error.code(), error.to_string())
}

fn model(args: &ModelArgs) -> Done {
    super::model::report(&super::model::scorecard(&args.scorecard)?, None, &args.out)?;
    output::note(&format!("written: {}", args.out.display()));
    Ok(ExitCode::SUCCESS)
}

fn erasure(place: &Place, args: &ErasureArgs) -> Done {
    let (view, fonts) = with_bureau(place, |bureau, config| {
        let fonts = Fonts::load(config.han_font.as_deref()).map_err(document)?;
        let view = bureau.certificate(args.index).map_err(|e| super::export::failed(&e))?;
        let none = || {
            let text = format!("entry {} is neither an erasure nor a purge", args.index);
            Failure::new("certificate_not_found", text)
        };
        Ok((view.ok_or_else(none)?, fonts))
    })?;
    let pdf = crate::report::certificate::render(&view, &fonts).map_err(document)?;
    write_private(&args.out, &pdf)?;
    output::note(&format!("written: {}", args.out.display()));
    Ok(ExitCode::SUCCESS)
}

fn consumer(place: &Place, args: &ConsumerArgs) -> Done {
    let (view, index, fonts) = with_bureau(place, |bureau, config| {
        // A font that cannot be used is told before the look is on record.
        let fonts = Fonts::load(config.han_font.as_deref()).map_err(document)?;
        let admission = args.staff.admission(config.environment(), "report consumer")?;
        let body = bureau.run(SeeFile { admission, subject: args.subject.clone() }).value()?;
        let index = body["log_receipt"]["index"].as_u64();
        let view: ConsumerView = serde_json::from_value(body)
            .map_err(|e| Failure::new("internal", format!("the report's view: {e}")))?;
        Ok((view, index, fonts))
    })?;
    let pdf = render(&view, &fonts).map_err(document)?;
    write_private(&args.out, &pdf)?;
    if args.shape.json {
        output::json(&json!({
            "out": args.out, "bytes": pdf.len(), "report": view.report_number, "index": index,
        }))?;
    } else {
        output::pairs(&[
            ("written", args.out.display().to_string()),
            ("report", view.report_number.clone()),
            ("entry", index.map_or_else(String::new, |index| index.to_string())),
        ])?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Writes a file whole or not at all, readable by its owner only.
pub fn write_private(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let mut file = private_file(path)?;
    file.write_all(bytes).map_err(|e| Failure::unwritable(path, &e))?;
    keep_private(file, path)
}

/// A file that becomes `path` when it is whole, in the same folder.
pub fn private_file(path: &Path) -> Result<NamedTempFile, Failure> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    // tempfile makes it with mode 0600.
    NamedTempFile::new_in(folder).map_err(|e| Failure::unwritable(path, &e))
}

/// Puts a whole file in its place, durably.
pub fn keep_private(file: NamedTempFile, path: &Path) -> Result<(), Failure> {
    let unwritable = |e: std::io::Error| Failure::unwritable(path, &e);
    file.as_file().sync_all().map_err(unwritable)?;
    file.persist(path).map_err(|e| unwritable(e.error))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_personal_file_is_its_owners_alone() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("r.pdf");
        write_private(&path, b"one").expect("a file");
        write_private(&path, b"two").expect("the file again");
        assert_eq!(std::fs::read(&path).expect("a file"), b"two");
        let mode = std::fs::metadata(&path).expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(write_private(&dir.path().join("none/r.pdf"), b"").is_err());
    }
}
