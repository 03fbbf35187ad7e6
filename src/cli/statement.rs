//! `report furnisher`: what each furnisher sent in a period, and what became of it.

use std::path::PathBuf;

use clap::Args;

use super::output::{Done, Failure};
use super::{Place, Shape, Staff};

/// Arguments of `report furnisher`.
#[derive(Args)]
#[command(after_help = "\
Makes DIR/extract and a folder for each furnisher: lines received, accepted and rejected by rule,
lateness and corrections as Parquet, their SQL, a signed manifest, and the statement as PDF with
all of these inside. `fivefold verify bundle` checks one as it checks the regulator's.

Example:
  fivefold report furnisher --period 2026-10 --out statements --as li --reason 'monthly'")]
pub struct FurnisherArgs {
    /// A month, 2026-10, or a year, 2026, in the time of the home pack
    #[arg(long, value_name = "PERIOD")]
    period: String,
    /// Only for this partner, by name or id
    #[arg(long, value_name = "PARTNER")]
    partner: Option<String>,
    /// A folder to make
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Compute from this extract of the period, in place of a new one
    #[arg(long, value_name = "DIR")]
    extract: Option<PathBuf>,
    #[command(flatten)]
    staff: Staff,
    #[command(flatten)]
    shape: Shape,
}

#[cfg(not(feature = "engine"))]
pub fn report(_: &Place, args: &FurnisherArgs) -> Done {
    let _ = (&args.period, &args.partner, &args.out, &args.extract, &args.staff, &args.shape);
    let text = "this program was built without its query engine: build it with the feature \
                `engine`";
    Err(Failure::new("engine_absent", text))
}

/// `fivefold report furnisher`.
#[cfg(feature = "engine")]
pub fn report(place: &Place, args: &FurnisherArgs) -> Done {
    use std::process::ExitCode;

    use serde_json::json;

    use super::output;
    use crate::partner::Role;
    use crate::report::document::Fonts;

    let made = super::with_bureau(place, |bureau, config| {
        let fonts = Fonts::load(config.han_font.as_deref())
            .map_err(|e| Failure::new(e.code(), e.to_string()))?;
        let period = bureau.period(&args.period).map_err(|e| super::export::failed(&e))?;
        let admission = args.staff.admission(config.environment(), "report furnisher")?;
        let by = || admission.clone();
        let registry = bureau.registry()?;
        let chosen: Vec<_> = match &args.partner {
            Some(name) => match registry.find(name) {
                Some(partner) => vec![partner],
                None => {
                    let text = format!("there is no partner {name}: `fivefold partner list`");
                    return Err(Failure::new("partner_unknown", text));
                }
            },
            None => {
                registry.partners.values().filter(|p| p.roles.contains(&Role::Furnisher)).collect()
            }
        };
        let named = args.extract.as_deref();
        let folder = super::regulator::extracted(bureau, named, &args.out, &period, by())?;
        let mut made = Vec::new();
        for partner in chosen {
            let out = args.out.join(&partner.id);
            let entry = statement(bureau, &period, &folder, &fonts, &partner.id, &out, &by)?;
            made.push((partner.id.clone(), partner.name.clone(), out, entry));
        }
        Ok(made)
    })?;
    if args.shape.json {
        let list: Vec<_> = made
            .iter()
            .map(|(id, name, out, entry)| {
                json!({ "partner": id, "name": name, "folder": out, "entry": entry })
            })
            .collect();
        output::json(&json!({ "period": args.period, "statements": list }))?;
        return Ok(ExitCode::SUCCESS);
    }
    let rows: Vec<Vec<String>> = made
        .into_iter()
        .map(|(_, name, out, entry)| vec![name, out.display().to_string(), entry.to_string()])
        .collect();
    output::table(&["furnisher", "folder", "entry"], &rows)?;
    Ok(ExitCode::SUCCESS)
}

/// Makes one furnisher's statement in `out`, and records it. Gives the entry's index.
#[cfg(feature = "engine")]
fn statement(
    bureau: &crate::bureau::Bureau,
    period: &crate::report::extract::Period,
    folder: &std::path::Path,
    fonts: &crate::report::document::Fonts,
    partner: &str,
    out: &std::path::Path,
    by: &dyn Fn() -> crate::bureau::admission::Admission,
) -> Result<u64, Failure> {
    use crate::bureau::command::reporting::ReportMade;
    use crate::kernel::bytes::{hex, sha256};
    use crate::report::pack::catalogue::Report;
    use crate::report::pack::engine::{Beside, run};
    use crate::report::pack::grid::{Grid, Kind};
    use crate::report::pack::make::{PackError, make, write};
    use crate::report::pack::manifest::{Edition, PackManifest};

    let told = |e: PackError| Failure::new(e.code(), e.to_string());
    let base = super::regulator::base(bureau, folder, period, Edition::Statement)?;
    let now = bureau.engine.env.now();
    let base = PackManifest {
        partner: Some(partner.to_owned()),
        generated_at: base.generated_at.min(now),
        ..base
    };
    let counted = Grid::new(&[("measure", Kind::Text), ("value", Kind::Int), ("entry", Kind::Int)]);
    let reports = Report::statement().map_err(|e| told(e.into()))?;
    let beside = Beside { scope: &base.scope(), counted: &counted };
    let truth =
        run(folder, &beside, reports).map_err(|e| Failure::new("engine_failed", e.to_string()))?;
    let pack =
        bureau.with_report_keys(|keys| make(base, None, &truth, fonts, keys)).map_err(told)?;
    write(&pack, out).map_err(told)?;
    let pdfs = pack.files.iter().filter(|(name, _)| name.ends_with(".pdf"));
    let made = ReportMade {
        admission: by(),
        what: "statement to a furnisher",
        period: period.name.clone(),
        jurisdiction: pack.manifest.jurisdiction.clone(),
        edition: Edition::Statement.name().to_owned(),
        manifest: hex(&pack.digest),
        documents: pdfs.map(|(name, bytes)| (name.clone(), hex(&sha256(bytes)).into())).collect(),
        approval: None,
    };
    bureau.record_report(made).map_err(|e| super::export::failed(&e))
}
