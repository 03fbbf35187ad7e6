//! `simulate`: a labelled population of nobody.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use super::Shape;
use super::output::{self, Done, Failure, progress};
use crate::kernel::{Currency, Month};
use crate::model::population::Population;

/// Arguments of `simulate`.
#[derive(Args)]
#[command(after_help = "\
Writes persons.ndjson, observations-SECTOR.ndjson, outcomes.csv and README.txt into DIR. One
latent risk per person drives all five dimensions and the label; every record says that it is
synthetic. The same arguments give the same bytes on any machine.

Example:
  fivefold simulate --subjects 2000 --months 24 --seed 7 --out population")]
pub struct SimulateArgs {
    /// How many persons
    #[arg(long, value_name = "N")]
    subjects: u32,
    /// How many months of history
    #[arg(long, value_name = "M")]
    months: u32,
    /// The seed
    #[arg(long, value_name = "S")]
    seed: u64,
    /// The last month of the history
    #[arg(long, value_name = "YYYY-MM", default_value = "2026-10")]
    last_month: String,
    /// The currency of all amounts
    #[arg(long, value_name = "CODE", default_value = "CNY")]
    currency: String,
    /// The folder to write into
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    #[command(flatten)]
    shape: Shape,
}

/// `fivefold simulate`.
pub fn run(args: &SimulateArgs) -> Done {
    let last_month: Month = args
        .last_month
        .parse()
        .map_err(|_| Failure::Usage("--last-month must be a month such as 2026-10".to_string()))?;
    let currency: Currency = args
        .currency
        .parse()
        .map_err(|_| Failure::Usage("--currency must be an ISO 4217 code".to_string()))?;
    let population = Population::new(args.seed, args.subjects, args.months, last_month, currency)
        .map_err(|e| Failure::Usage(e.to_string()))?;
    let bar = progress("simulating", u64::from(args.subjects));
    let written = population
        .write(&args.out, &mut |number| bar.set_position(u64::from(number)))
        .map_err(|e| Failure::new(e.code(), e.to_string()))?;
    bar.finish_and_clear();
    if args.shape.json {
        output::json(&json!({
            "persons": written.persons, "bad": written.bad,
            "observations": written.observations, "files": written.files, "synthetic": true,
        }))?;
        return Ok(ExitCode::SUCCESS);
    }
    output::pairs(&[
        ("persons", written.persons.to_string()),
        ("bad", written.bad.to_string()),
        ("observations", written.observations.to_string()),
        ("files", format!("{} in {}", written.files.len(), args.out.display())),
    ])?;
    Ok(ExitCode::SUCCESS)
}
