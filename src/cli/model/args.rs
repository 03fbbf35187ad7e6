//! The arguments of the laboratory's commands.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::model::card::ScaleWish;
use crate::model::fit;

/// How a model is fitted.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Method {
    /// Optimal bins, weight of evidence, logistic regression
    Woe,
    /// Boosted additive model, joined to bins
    Boost,
}

impl From<Method> for fit::Method {
    fn from(method: Method) -> fit::Method {
        match method {
            Method::Woe => fit::Method::Woe,
            Method::Boost => fit::Method::Boost,
        }
    }
}

/// Arguments of `model train`.
#[derive(Args)]
#[command(after_help = "\
Columns are numbers or categories by what they hold; missing cells may be empty, NA, NaN, null, ?
and the like, and get points of their own. A word among numbers is a special value if it is given
by --special; a file of dimensions is TOML: credit_history = [\"COL\", …].

Example:
  fivefold model train --data loans.csv --target bad --method boost --out card.toml --json m.json")]
pub struct TrainArgs {
    /// The table: CSV (comma, semicolon, tab or bar; plain or gzip) or Parquet
    #[arg(long, value_name = "FILE")]
    pub data: PathBuf,
    /// The column of the outcome: any two values
    #[arg(long, value_name = "COL")]
    pub target: String,
    /// The value that means bad [default: what says so in words, else 1, else the rarer]
    #[arg(long, value_name = "V", allow_hyphen_values = true)]
    pub positive: Option<String>,
    /// Columns to leave out
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    pub exclude: Vec<String>,
    /// Columns that are categories though they hold numbers
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    pub categorical: Vec<String>,
    /// Values that do not mean what their size says, each with points of its own
    #[arg(long, value_name = "COL=V,V", num_args = 1..)]
    pub special: Vec<String>,
    /// Which way the risk must run, as in other tools: + the risk of bad never falls as the column
    /// rises (points never rise), - it never rises (points never fall), auto whichever the data
    /// say; `auto` alone is for every column of numbers
    #[arg(long, value_name = "COL=+|-|auto", num_args = 1.., allow_hyphen_values = false)]
    pub monotone: Vec<String>,
    /// How to fit
    #[arg(long, value_enum, default_value = "boost")]
    pub method: Method,
    /// The dimension of each column: only these columns are used, and two-way tables stay within
    /// one dimension
    #[arg(long, value_name = "FILE")]
    pub dimensions: Option<PathBuf>,
    /// The most two-way tables of `boost`; 0 for none
    #[arg(long, value_name = "N")]
    pub pairs: Option<usize>,
    /// Keep the characteristics, reasons, directions and rules of this production scorecard, and
    /// fit its points anew to a table of `model dataset`: the result is a production scorecard
    #[arg(long, value_name = "FILE", conflicts_with = "dimensions")]
    pub like: Option<PathBuf>,
    /// Missing cells neither gain nor lose; says what that costs in AUC
    #[arg(long)]
    pub neutral: bool,
    /// Share of the rows to keep apart and only measure
    #[arg(long, value_name = "SHARE", value_parser = share)]
    pub holdout: Option<f64>,
    /// Points that double the odds [default: 50, fewer where the range would not do]
    #[arg(long, value_name = "POINTS", value_parser = clap::value_parser!(u32).range(10..=100))]
    pub pdo: Option<u32>,
    /// Goods to one bad at --odds-at [default: 20, moved where the range would not do]
    #[arg(long, value_name = "ODDS", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub base_odds: Option<u32>,
    /// The score with these odds [default: 600]
    #[arg(long, value_name = "SCORE", value_parser = clap::value_parser!(i32).range(350..=950))]
    pub odds_at: Option<i32>,
    /// The scorecard's id [default: the name of the file it is written to]
    #[arg(long, value_name = "ID")]
    pub id: Option<String>,
    /// Seeds every division of the rows: the same seed gives the same bytes
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub seed: u64,
    /// Threads; their number changes no byte [default: all]
    #[arg(long, value_name = "N")]
    pub threads: Option<usize>,
    /// The scorecard to write
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// Write the validation report as PDF: of the rows kept apart by --holdout, else of all
    #[arg(long, value_name = "F.pdf")]
    pub report: Option<PathBuf>,
    /// Write the figures as JSON
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
}

impl TrainArgs {
    /// What is asked of the scale.
    pub fn wish(&self) -> ScaleWish {
        ScaleWish { pdo: self.pdo, base_odds: self.base_odds, odds_at: self.odds_at }
    }
}

fn share(text: &str) -> Result<f64, String> {
    let share: f64 = text.parse().map_err(|_| "is not a number".to_string())?;
    let inside = (0.01..=0.9).contains(&share);
    inside.then_some(share).ok_or_else(|| "must lie between 0.01 and 0.9".to_string())
}

/// Arguments of `model predict`.
#[derive(Args)]
#[command(after_help = "\
Writes one row for each row read, in order: score, probability_bad, reason_1 … reason_4.

Example:
  fivefold model predict --scorecard card.toml --data new.parquet --out scores.csv")]
pub struct PredictArgs {
    /// The scorecard
    #[arg(long, value_name = "FILE")]
    pub scorecard: PathBuf,
    /// The table: CSV or Parquet
    #[arg(long, value_name = "FILE")]
    pub data: PathBuf,
    /// The scores to write: CSV, or Parquet where the name ends so
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// Threads [default: all]
    #[arg(long, value_name = "N")]
    pub threads: Option<usize>,
}

/// Arguments of `model validate`.
#[derive(Args)]
#[command(after_help = "\
Example:
  fivefold model validate --scorecard card.toml --data later.csv --target bad --json found.json")]
pub struct ValidateArgs {
    /// The scorecard
    #[arg(long, value_name = "FILE")]
    pub scorecard: PathBuf,
    /// The table: CSV or Parquet
    #[arg(long, value_name = "FILE")]
    pub data: PathBuf,
    /// The column of the outcome
    #[arg(long, value_name = "COL")]
    pub target: String,
    /// The value that means bad
    #[arg(long, value_name = "V", allow_hyphen_values = true)]
    pub positive: Option<String>,
    /// Columns of groups that must not fare worse: measured only
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    pub protected: Vec<String>,
    /// The column of time: figures by vintage
    #[arg(long, value_name = "COL")]
    pub time: Option<String>,
    /// Write the validation report as PDF
    #[arg(long, value_name = "F.pdf")]
    pub report: Option<PathBuf>,
    /// Write the figures as JSON
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Threads [default: all]
    #[arg(long, value_name = "N")]
    pub threads: Option<usize>,
}
