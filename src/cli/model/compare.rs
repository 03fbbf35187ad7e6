//! `model compare`: scorecards side by side on the same rows.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};

use crate::cli::Shape;
use crate::cli::output::{self, Done, Failure};
use crate::model::predict;
use crate::model::target::Target;
use crate::model::validate::Figures;
use crate::score::Scorecard;

/// Arguments of `model compare`.
#[derive(Args)]
#[command(after_help = "\
The first scorecard is the one the others are compared with: its AUC is taken from theirs.

Example:
  fivefold model compare champion.toml challenger.toml --data later.csv --target bad")]
pub struct CompareArgs {
    /// The scorecards
    #[arg(value_name = "FILE", required = true, num_args = 2..)]
    scorecards: Vec<PathBuf>,
    /// The table: CSV or Parquet
    #[arg(long, value_name = "FILE")]
    data: PathBuf,
    /// The column of the outcome
    #[arg(long, value_name = "COL")]
    target: String,
    /// The value that means bad
    #[arg(long, value_name = "V", allow_hyphen_values = true)]
    positive: Option<String>,
    /// Threads [default: all]
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    #[command(flatten)]
    shape: Shape,
}

/// `fivefold model compare`.
pub fn run(args: &CompareArgs) -> Done {
    let mut found: Vec<(String, Figures)> = Vec::new();
    for path in &args.scorecards {
        let card = super::scorecard(path)?;
        found.push((path.display().to_string(), figures(&card, args)?));
    }
    let first = found.first().map_or(0.0, |(_, figures)| figures.auc.value);
    if args.shape.json {
        let rows: Vec<Value> = found
            .iter()
            .map(|(name, figures)| {
                let lead = figures.auc.value - first;
                json!({ "scorecard": name, "figures": figures, "auc_lead": lead })
            })
            .collect();
        output::json(&json!({ "compared": rows }))?;
    } else {
        let rows: Vec<(&str, Figures)> = found.iter().map(|(n, f)| (n.as_str(), *f)).collect();
        super::show::figures(&rows)?;
        for (name, figures) in found.iter().skip(1) {
            let lead = figures.auc.value - first;
            output::note(&format!("{name}: AUC {lead:+.4} against the first"));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn figures(card: &Scorecard, args: &CompareArgs) -> Result<Figures, Failure> {
    let table = predict::read(card, &args.data, std::slice::from_ref(&args.target))?;
    let target = Target::read(table.column(&args.target)?, args.positive.as_deref())?;
    let scores = predict::score(card, &table, super::threads(args.threads))?;
    let probabilities: Vec<f64> = scores.bad_ppm.iter().map(|p| f64::from(*p) / 1e6).collect();
    Figures::of(&scores.totals, &probabilities, &target.bad).ok_or_else(|| {
        Failure::new("table_unusable", "the rows have one outcome only: nothing can be measured")
    })
}
