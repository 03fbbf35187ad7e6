//! `model`: the laboratory on any table.

mod args;
mod compare;
mod dataset;
mod govern;
mod list;
mod show;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::json;

use self::args::{PredictArgs, TrainArgs, ValidateArgs};
use super::Place;
use super::output::{self, Done, Failure};
use crate::kernel::Env;
use crate::model::card::ScaleWish;
use crate::model::dataset::OUTCOME;
use crate::model::error::ModelError;
use crate::model::fit::{self, Order, Run};
use crate::model::governance::Step;
use crate::model::table::Column;
use crate::model::target::Target;
use crate::model::validate;
use crate::model::{parallel, predict};
use crate::report::document::Fonts;
use crate::report::model as model_report;
use crate::score::Scorecard;

/// The scorecard that a bureau starts with.
const SHIPPED: &str = include_str!("../../../policies/scorecards/fivefold-general-2.toml");

/// Arguments of `model`.
#[derive(Args)]
pub struct ModelArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Fit a scorecard to a table
    Train(Box<TrainArgs>),
    /// Score the rows of a table with a scorecard and nothing else
    Predict(PredictArgs),
    /// Measure a scorecard on a table whose outcome is known
    Validate(ValidateArgs),
    /// Measure scorecards side by side on the same rows
    Compare(compare::CompareArgs),
    /// Make a training table: from the ledger, leak-free, or of persons made without one
    Dataset(Box<dataset::DatasetArgs>),
    /// List scorecards: the one that comes with the program, files, those registered in a bureau
    List(list::ListArgs),
    /// Register a scorecard in a bureau
    Draft(govern::DraftArgs),
    /// Put its validation on record, as another person than who registered it
    Attest(govern::AttestArgs),
    /// Approve it, two people
    Approve(govern::ApproveArgs),
    /// Record that an authority was told
    File(govern::FileArgs),
    /// Let it give the scores from now on
    Promote(govern::StepArgs),
    /// Let it score in the champion's shadow
    Challenge(govern::StepArgs),
    /// Look at the champion: shift, Gini, challengers
    Monitor(govern::MonitorArgs),
    /// Take it out of use, for good
    Retire(govern::StepArgs),
}

impl From<ModelError> for Failure {
    fn from(error: ModelError) -> Failure {
        match error {
            ModelError::Usage(_) | ModelError::NoColumn { .. } => Failure::Usage(error.to_string()),
            _ => Failure::new(error.code(), error.to_string()),
        }
    }
}

/// `fivefold model …`.
pub fn run(place: &Place, args: &ModelArgs) -> Done {
    match &args.what {
        What::Train(args) => train(args),
        What::Predict(args) => predict(args),
        What::Validate(args) => validate(args),
        What::Compare(args) => compare::run(args),
        What::Dataset(args) => dataset::run(place, args),
        What::List(args) => list::run(place, args),
        What::Draft(args) => govern::draft(place, args),
        What::Attest(args) => govern::attest(place, args),
        What::Approve(args) => govern::approve(place, args),
        What::File(args) => govern::file(place, args),
        What::Promote(args) => govern::plain(place, args, Step::Promoted),
        What::Challenge(args) => govern::plain(place, args, Step::Challenging),
        What::Monitor(args) => govern::monitor(place, args),
        What::Retire(args) => govern::plain(place, args, Step::Retired),
    }
}

fn write_file(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    std::fs::write(path, bytes).map_err(|e| Failure::unwritable(path, &e))
}

fn write_json(path: &Path, value: &serde_json::Value) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value)
        .map_err(|e| Failure::new("internal", format!("the result is not JSON: {e}")))?;
    write_file(path, (text + "\n").as_bytes())
}

fn read_file(path: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(path).map_err(|e| Failure::unreadable(path, &e))
}

fn threads(asked: Option<usize>) -> usize {
    asked.unwrap_or_else(parallel::available).max(1)
}

/// A scorecard from a file.
pub fn scorecard(path: &Path) -> Result<Scorecard, Failure> {
    let bytes = read_file(path)?;
    Scorecard::read(&bytes).map_err(|e| Failure::new(e.code(), format!("{}: {e}", path.display())))
}

fn train(args: &TrainArgs) -> Done {
    let order = order(args)?;
    let trained = fit::train(&args.data, &order)?;
    write_file(&args.out, trained.text.as_bytes())?;
    if let Some(path) = &args.json {
        write_json(path, &trained.metrics())?;
    }
    if let Some(path) = &args.report {
        let (table, on) = fit::measured(&args.data, &order)?;
        let target = Target::read(table.column(&order.target)?, order.positive.as_deref())?;
        let asked = validate::Order { threads: order.threads, ..validate::Order::default() };
        let validation = validate::validate(&trained.scorecard, &table, &target, &asked)?;
        report(&trained.scorecard, Some((&validation, on.to_string())), path)?;
    }
    show::trained(&trained)?;
    output::note(&format!("written: {}", args.out.display()));
    Ok(ExitCode::SUCCESS)
}

/// What the arguments ask for.
fn order(args: &TrainArgs) -> Result<Order, Failure> {
    let usage = |why: String| Failure::Usage(why);
    let mut monotone = BTreeMap::new();
    let mut monotone_all = false;
    for text in &args.monotone {
        match text.rsplit_once('=') {
            None if text == "auto" => monotone_all = true,
            // the order speaks of points: where the risk rises, they fall
            Some((column, "+")) => drop(monotone.insert(column.to_string(), Run::Down)),
            Some((column, "-")) => drop(monotone.insert(column.to_string(), Run::Up)),
            Some((column, "auto")) => drop(monotone.insert(column.to_string(), Run::Auto)),
            _ => return Err(usage(format!("--monotone {text}: write COL=+, COL=- or COL=auto"))),
        }
    }
    let mut special: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for text in &args.special {
        let Some((column, values)) = text.split_once('=') else {
            return Err(usage(format!("--special {text}: write COL=VALUE,VALUE")));
        };
        let values = values.split(',').map(|value| value.trim().to_string());
        special.entry(column.to_string()).or_default().extend(values);
    }
    let dimensions = match &args.dimensions {
        None => BTreeMap::new(),
        Some(path) => fit::dimensions(&String::from_utf8_lossy(&read_file(path)?))?,
    };
    let stem = args.out.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    let mut order = Order {
        id: args.id.clone().or(stem).unwrap_or_else(|| "scorecard".to_string()),
        target: args.target.clone(),
        positive: args.positive.clone(),
        exclude: args.exclude.clone(),
        categorical: args.categorical.clone(),
        special,
        monotone,
        monotone_all,
        dimensions,
        method: args.method.into(),
        pairs: args.pairs,
        like: None,
        neutral: args.neutral,
        holdout_permille: args.holdout.map_or(0, |share| (share * 1_000.0).round() as u32),
        scale: args.wish(),
        seed: args.seed,
        threads: threads(args.threads),
    };
    if let Some(path) = &args.like {
        let former = Scorecard::load(&read_file(path)?)
            .map_err(|e| Failure::new(e.code(), format!("{}: {e}", path.display())))?;
        order.keep_to(former);
    }
    Ok(order)
}

/// The scorecard that comes with the program.
fn shipped() -> Result<Scorecard, Failure> {
    Scorecard::load(SHIPPED.as_bytes()).map_err(|e| Failure::new(e.code(), e.to_string()))
}

/// What it would cost, on a table of `model dataset`, if missing cells were neutral.
fn neutral_cost(data: &Path) -> Result<fit::Cost, Failure> {
    let mut order = Order {
        id: "neutral".to_string(),
        target: OUTCOME.to_string(),
        positive: Some("bad".to_string()),
        exclude: Vec::new(),
        categorical: Vec::new(),
        special: BTreeMap::new(),
        monotone: BTreeMap::new(),
        monotone_all: false,
        dimensions: BTreeMap::new(),
        method: fit::Method::Boost,
        pairs: Some(0),
        like: None,
        neutral: true,
        holdout_permille: 250,
        scale: ScaleWish::default(),
        seed: 1,
        threads: threads(None),
    };
    order.keep_to(shipped()?);
    let cost = fit::train(data, &order)?.neutral;
    cost.ok_or_else(|| Failure::new("internal", "the cost was not measured"))
}

fn predict(args: &PredictArgs) -> Done {
    let scorecard = scorecard(&args.scorecard)?;
    let table = predict::read(&scorecard, &args.data, &[])?;
    let scores = predict::score(&scorecard, &table, threads(args.threads))?;
    predict::write(&scores, &args.out)?;
    output::note(&format!("{} rows scored: {}", table.rows, args.out.display()));
    Ok(ExitCode::SUCCESS)
}

fn validate(args: &ValidateArgs) -> Done {
    let scorecard = scorecard(&args.scorecard)?;
    let more = args.protected.iter().chain(&args.time).chain([&args.target]);
    let more: Vec<String> = more.cloned().collect();
    let table = predict::read(&scorecard, &args.data, &more)?;
    let target = target(&scorecard, table.column(&args.target)?, args.positive.as_deref())?;
    let order = validate::Order {
        protected: args.protected.clone(),
        time: args.time.clone(),
        threads: threads(args.threads),
    };
    let validation = validate::validate(&scorecard, &table, &target, &order)?;
    if let Some(path) = &args.json {
        write_json(path, &json!(validation))?;
    }
    if let Some(path) = &args.report {
        report(&scorecard, Some((&validation, file_name(&args.data))), path)?;
    }
    show::figures(&[("validation", validation.validation)])?;
    for blocked in validation.blocked_by() {
        output::note(&format!("adverse impact ratio below 0.80: {blocked}"));
    }
    Ok(ExitCode::SUCCESS)
}

/// The outcome; what the scorecard was fitted to means bad here too, where it occurs.
fn target(
    scorecard: &Scorecard,
    column: &Column,
    positive: Option<&str>,
) -> Result<Target, ModelError> {
    let fitted = scorecard.development.as_ref().map(|d| d.outcome[1].as_str());
    match (positive, fitted) {
        (None, Some(bad)) => {
            Target::read(column, Some(bad)).or_else(|_| Target::read(column, None))
        }
        (positive, _) => Target::read(column, positive),
    }
}

fn file_name(path: &Path) -> String {
    path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned())
}

/// Writes the validation report; without a validation, what the scorecard itself says.
pub fn report(
    scorecard: &Scorecard,
    measured: Option<(&validate::Validation, String)>,
    out: &Path,
) -> Result<(), Failure> {
    let fonts = Fonts::load(None).map_err(|e| Failure::new(e.code(), e.to_string()))?;
    let (validation, measured_on) = match measured {
        Some((validation, on)) => (Some(validation), on),
        None => (None, String::new()),
    };
    let made_at = Env::system().clock.now();
    let view = model_report::View { scorecard, validation, measured_on, made_at };
    let pdf =
        model_report::render(&view, &fonts).map_err(|e| Failure::new(e.code(), e.to_string()))?;
    write_file(out, &pdf)
}
