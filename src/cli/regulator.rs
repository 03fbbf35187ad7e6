//! `report regulator`: the pack of a period. `verify bundle`: that its PDF is right to the number.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use super::output::{self, Done, Failure, note, progress};
use super::staff::Approved;
use super::verify::{Trust, beside, keys};
use super::{Place, Shape, Staff};
use crate::kernel::bytes::hex;
use crate::report::document::Fonts;
use crate::report::pack::manifest::Edition;
use crate::report::verify_bundle::verify_bundle;

/// The largest PDF that is read, in bytes.
const BUNDLE_BYTES_MAX: u64 = 64 << 20;

/// Arguments of `report regulator`.
#[derive(Args)]
#[command(after_help = "\
Makes DIR/extract and, for each rule pack with persons on file, DIR/PACK/supervisory and
DIR/PACK/public: result tables as Parquet, their SQL, a signed manifest, and the report as PDF in
English and Chinese with all of these inside. What the bureau counts itself and the making of each
report are entries of the log.

Example:
  fivefold report regulator --period 2026-10 --out october --as li --reason 'monthly filing'")]
pub struct RegulatorArgs {
    /// A month, 2026-10, or a year, 2026, in the time of the home pack
    #[arg(long, value_name = "PERIOD")]
    period: String,
    /// Only under this rule pack, such as cn
    #[arg(long, value_name = "PACK")]
    jurisdiction: Option<String>,
    /// A folder to make
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Compute from this extract of the period, in place of a new one
    #[arg(long, value_name = "DIR")]
    extract: Option<PathBuf>,
    #[command(flatten)]
    approved: Approved,
    #[command(flatten)]
    staff: Staff,
    #[command(flatten)]
    shape: Shape,
}

/// Arguments of `verify bundle`.
#[derive(Args)]
#[command(after_help = "\
Takes the attachments out, checks both signatures, every digest and every page, and draws the pages
again. With --extract every number is computed again from the entries. Exit 1 names the file and
row that is wrong.

Example:
  fivefold verify bundle october/cn/supervisory/regulator-en.pdf --extract october/extract \\
      --vkey bureau.vkey")]
pub struct BundleArgs {
    /// The PDF of a pack
    bundle: PathBuf,
    /// The extract that it was computed from
    #[arg(long, value_name = "DIR")]
    extract: Option<PathBuf>,
    /// A font with Chinese characters, as the bureau's `han_font` [default: Debian's]
    #[arg(long, value_name = "FILE")]
    han_font: Option<PathBuf>,
    #[command(flatten)]
    trust: Trust,
}

/// One report that was made.
struct Made {
    jurisdiction: String,
    edition: Edition,
    folder: PathBuf,
    manifest: String,
    entry: u64,
}

/// `fivefold report regulator`.
pub fn report(place: &Place, args: &RegulatorArgs) -> Done {
    let made = packs(place, args)?;
    if args.shape.json {
        let list: Vec<_> = made
            .iter()
            .map(|one| {
                json!({
                    "jurisdiction": one.jurisdiction, "edition": one.edition,
                    "folder": one.folder, "manifest": one.manifest, "entry": one.entry,
                })
            })
            .collect();
        output::json(&json!({ "period": args.period, "reports": list }))?;
        return Ok(ExitCode::SUCCESS);
    }
    let row = |one: &Made| {
        let edition = one.edition.name().to_owned();
        let folder = one.folder.display().to_string();
        vec![one.jurisdiction.clone(), edition, folder, one.entry.to_string()]
    };
    let rows: Vec<Vec<String>> = made.iter().map(row).collect();
    output::table(&["rule pack", "edition", "folder", "entry"], &rows)?;
    Ok(ExitCode::SUCCESS)
}

#[cfg(not(feature = "engine"))]
fn packs(_: &Place, args: &RegulatorArgs) -> Result<Vec<Made>, Failure> {
    let _ = (&args.jurisdiction, &args.out, &args.extract, &args.approved, &args.staff);
    let text = "this program was built without its query engine: build it with the feature \
                `engine`";
    Err(Failure::new("engine_absent", text))
}

#[cfg(feature = "engine")]
fn packs(place: &Place, args: &RegulatorArgs) -> Result<Vec<Made>, Failure> {
    use super::export::failed;

    super::with_bureau(place, |bureau, config| {
        // A font that cannot be used is told before anything is on record.
        let fonts = Fonts::load(config.han_font.as_deref())
            .map_err(|e| Failure::new(e.code(), e.to_string()))?;
        let period = bureau.period(&args.period).map_err(|e| failed(&e))?;
        let admission = args.staff.admission(config.environment(), "report regulator")?;
        let by = || admission.clone();
        let folder = extracted(bureau, args.extract.as_deref(), &args.out, &period, by())?;
        let counts = bureau.count_for_report(&period)?;
        let wanted = |pack: &str| args.jurisdiction.as_deref().is_none_or(|only| only == pack);
        let none = Default::default();
        let chosen: Vec<_> = match &args.jurisdiction {
            Some(only) if bureau.engine.rules.pack(only).is_none() => {
                return Err(Failure::Usage(format!("{only} is not a rule pack of this bureau")));
            }
            Some(only) => vec![(only, counts.get(only).unwrap_or(&none))],
            None => counts.iter().filter(|(pack, _)| wanted(pack)).collect(),
        };
        let mut made = Vec::new();
        for (jurisdiction, counts) in chosen {
            let counted = bureau.record_counts(&period, jurisdiction, counts, by());
            let counted = counted.map_err(|e| failed(&e))?;
            let of = Of { bureau, args, folder: &folder, fonts: &fonts, jurisdiction };
            made.extend(of.editions(&period, &counted, &by)?);
        }
        Ok(made)
    })
}

/// What both editions of a pack are made from.
#[cfg(feature = "engine")]
struct Of<'a> {
    bureau: &'a crate::bureau::Bureau,
    args: &'a RegulatorArgs,
    folder: &'a Path,
    fonts: &'a Fonts,
    jurisdiction: &'a str,
}

#[cfg(feature = "engine")]
impl Of<'_> {
    fn editions(
        &self,
        period: &crate::report::extract::Period,
        counted: &crate::report::pack::manifest::Counted,
        by: &dyn Fn() -> crate::bureau::admission::Admission,
    ) -> Result<Vec<Made>, Failure> {
        use crate::bureau::command::reporting::ReportMade;
        use crate::kernel::bytes::sha256;
        use crate::ledger::leaf::Leaf;
        use crate::report::pack::catalogue::Report;
        use crate::report::pack::engine::{Beside, run};
        use crate::report::pack::make::{PackError, make, write};
        use crate::report::pack::manifest::PackManifest;

        let told = |e: PackError| Failure::new(e.code(), e.to_string());
        let wrong = || told(PackError::Counted);
        let leaf = Leaf::parse(counted.leaf.as_bytes()).map_err(|_| wrong())?;
        let base = PackManifest {
            jurisdiction: self.jurisdiction.to_owned(),
            generated_at: leaf.time,
            ..base(self.bureau, self.folder, period, Edition::Supervisory)?
        };
        let grid = counted.grid().ok_or_else(wrong)?;
        let reports = Report::all().map_err(|e| told(e.into()))?;
        let beside = Beside { scope: &base.scope(), counted: &grid };
        let truth = run(self.folder, &beside, reports)
            .map_err(|e| Failure::new("engine_failed", e.to_string()))?;
        let mut all = Vec::new();
        for edition in Edition::ALL {
            let base = PackManifest { edition, ..base.clone() };
            let pack = self
                .bureau
                .with_report_keys(|keys| make(base, Some(counted), &truth, self.fonts, keys))
                .map_err(told)?;
            let folder = self.args.out.join(self.jurisdiction).join(edition.name());
            write(&pack, &folder).map_err(told)?;
            let pdfs = pack.files.iter().filter(|(name, _)| name.ends_with(".pdf"));
            let documents = pdfs.map(|(name, bytes)| (name.clone(), hex(&sha256(bytes)).into()));
            let manifest = hex(&pack.digest);
            let entry = self.bureau.record_report(ReportMade {
                admission: by(),
                what: "report to the regulator",
                period: period.name.clone(),
                jurisdiction: self.jurisdiction.to_owned(),
                edition: edition.name().to_owned(),
                manifest: manifest.clone(),
                documents: documents.collect(),
                approval: self.args.approved.read()?,
            });
            let entry = entry.map_err(|e| super::export::failed(&e))?;
            let jurisdiction = self.jurisdiction.to_owned();
            all.push(Made { jurisdiction, edition, folder, manifest, entry });
        }
        Ok(all)
    }
}

/// What a pack over the extract in `folder` says of itself, before there are files.
#[cfg(feature = "engine")]
pub(super) fn base(
    bureau: &crate::bureau::Bureau,
    folder: &Path,
    period: &crate::report::extract::Period,
    edition: Edition,
) -> Result<crate::report::pack::manifest::PackManifest, Failure> {
    use crate::kernel::bytes::sha256;
    use crate::report::extract::{MANIFEST, Manifest};
    use crate::report::pack::manifest::{ExtractOf, PACK_FORMAT, PackManifest};

    let path = folder.join(MANIFEST);
    let bytes = std::fs::read(&path).map_err(|e| Failure::unreadable(&path, &e))?;
    let none = |what: String| Failure::new("extract_unreadable", what);
    let extract: Manifest = serde_json::from_slice(&bytes)
        .map_err(|e| none(format!("{} is not a manifest: {e}", path.display())))?;
    if extract.period != *period || extract.origin != bureau.engine.origin {
        let what = "the extract is of another period or another bureau";
        return Err(none(what.to_owned()));
    }
    Ok(PackManifest {
        format: PACK_FORMAT.to_owned(),
        origin: extract.origin,
        jurisdiction: bureau.home_pack().to_owned(),
        home: bureau.home_pack().to_owned(),
        edition,
        partner: None,
        generated_at: extract.period.until,
        period: extract.period,
        extract: ExtractOf {
            manifest: hex(&sha256(&bytes)),
            start: extract.bounds.start,
            end: extract.bounds.end,
            closed: extract.bounds.is_closed(),
            checkpoint: extract.bounds.checkpoint_end,
        },
        log_keys: extract.log_keys,
        manifest_key: extract.manifest_key,
        files: Vec::new(),
        documents: Vec::new(),
    })
}

/// The extract to compute from: the one that is named, or a new one in `out`.
#[cfg(feature = "engine")]
pub(super) fn extracted(
    bureau: &crate::bureau::Bureau,
    named: Option<&Path>,
    out: &Path,
    period: &crate::report::extract::Period,
    by: crate::bureau::admission::Admission,
) -> Result<PathBuf, Failure> {
    if let Some(named) = named {
        return Ok(named.to_owned());
    }
    let folder = out.join("extract");
    let bar = progress("extracting", 0);
    let mut advance = |done: u64, of: u64| {
        bar.set_length(of);
        bar.set_position(done);
    };
    let extracted = bureau.extract(period, by, &folder, &mut advance);
    bar.finish_and_clear();
    extracted.map_err(|e| super::export::failed(&e))?;
    Ok(folder)
}

fn bundle_bytes(path: &Path) -> Result<Vec<u8>, Failure> {
    let unreadable = |e| Failure::unreadable(path, &e);
    if std::fs::metadata(path).map_err(unreadable)?.len() > BUNDLE_BYTES_MAX {
        let text = format!("{} is larger than such a file can be", path.display());
        return Err(Failure::new("file_too_large", text));
    }
    std::fs::read(path).map_err(unreadable)
}

/// `fivefold verify bundle`.
pub fn verify(place: &Place, args: &BundleArgs) -> Done {
    let keys = keys(&args.trust, &beside(place, "://")?)?;
    let pdf = bundle_bytes(&args.bundle)?;
    let fonts =
        Fonts::load(args.han_font.as_deref()).map_err(|e| Failure::new(e.code(), e.to_string()))?;
    let bar = progress("verifying", 0);
    let mut advance = |done: u64, of: u64| {
        bar.set_length(of);
        bar.set_position(done);
    };
    let found = verify_bundle(&pdf, &keys.log, &fonts, args.extract.as_deref(), &mut advance);
    bar.finish_and_clear();
    let report = found.map_err(|e| Failure::new(e.code(), e.to_string()))?;
    if !report.redrawn {
        note(
            "the pages were not drawn again: they were set in other fonts than are installed here",
        );
    }
    let manifest = &report.manifest;
    if args.trust.shape.json {
        output::json(&json!({
            "verified": true, "origin": manifest.origin, "period": manifest.period.name,
            "jurisdiction": manifest.jurisdiction, "edition": manifest.edition,
            "document": report.document.name, "pages": report.document.pages.len(),
            "tables": report.tables, "redrawn": report.redrawn,
            "recomputed": report.recomputed, "manifest": hex(&report.digest),
        }))?;
        return Ok(ExitCode::SUCCESS);
    }
    let (of, edition) = (&manifest.jurisdiction, manifest.edition.name());
    let numbers = match &report.recomputed {
        None => "not computed again: name the extract with --extract".to_owned(),
        Some(names) => format!("{} tables computed again from the entries", names.len()),
    };
    output::pairs(&[
        ("verified", format!("{}, {}, {of}, {edition}", manifest.origin, manifest.period.name)),
        ("pages", format!("{} of {}", report.document.pages.len(), report.document.name)),
        ("tables", format!("{} attached", report.tables)),
        ("numbers", numbers),
        ("manifest", hex(&report.digest)),
    ])?;
    Ok(ExitCode::SUCCESS)
}
