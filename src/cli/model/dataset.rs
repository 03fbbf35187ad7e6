//! `model dataset`: a training table from the ledger, or of persons made without one.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use jiff::civil::Date;
use serde_json::json;

use crate::bureau::command::enrol::VERIFICATION_YEARS;
use crate::bureau::command::look::TakeTable;
use crate::bureau::dataset::Window;
use crate::cli::demo::borrowers::Borrowers;
use crate::cli::demo::lending_club::{LendingClub, is_fitted_to};
use crate::cli::demo::taiwan::Taiwan;
use crate::cli::output::{self, Done, Failure, progress};
use crate::cli::score::moment;
use crate::cli::staff::Approved;
use crate::cli::{Place, Shape, Staff, with_bureau};
use crate::collect::observation::{
    Basis, BasisKind, Dimension, Fact, Observation, Operation, Verification,
};
use crate::kernel::bytes::{hex, sha256};
use crate::kernel::{Currency, Month, Time};
use crate::model::dataset::{self, Outcome, Row, as_seen};
use crate::model::population::Population;
use crate::model::population::draws::Draws;
use crate::model::table::{Wanted, read};
use crate::score::characteristic::catalogue;
use crate::score::{AsOf, FoldContext, Scope, Scorecard, Value, fold_all};
use crate::subject::level::level;

/// The loans that come with the program.
const LOANS: &[u8] = include_bytes!("../../../tests/data/lending-club/loans.csv");
/// The day on which borrowers of a data file are looked at; the months before it are the file's.
const BORROWERS_AS_OF: Date = Date::constant(2026, 11, 22);
/// Observation lines of one furnisher are recorded at this time, which no characteristic reads.
const RECORDED: Time = Time::from_micros(1_795_000_000_000_000);

/// Arguments of `model dataset`.
#[derive(Args)]
#[command(after_help = "\
One row a person: the characteristics of the catalogue as they could be read at --as-of from the
entries before --known-at, and what became of the person until --outcome. No data is an empty cell,
9999997 is not applicable, 9999998 no consent. The table holds no ids; it is personal data all the
same, so taking it is on record, and in a live bureau needs a second member of staff.

Bad is 90 or more days past due in the window, or given up on. 30 to 89 days, nothing reported,
fraud, death and open disputes are left out and counted.

Instead of the ledger, and added up: --simulated persons, the --loans that come with the program
(real records only, none of the made-up ones), --accounts of the card-client file.

Examples:
  fivefold model dataset --as-of 2026-06-30 --known-at 2026-07-15 --outcome 2027-06-30 --out t.parquet
  fivefold model dataset --simulated 8000 --months 24 --seed 7 --loans fit --out t.parquet")]
pub struct DatasetArgs {
    /// The moment of the characteristics: a date (its end, UTC) or RFC 3339
    #[arg(long, value_name = "T", required_unless_present_any = ["simulated", "loans", "accounts"])]
    as_of: Option<String>,
    /// Only entries before this index, or recorded by this moment [default: --as-of]
    #[arg(long, value_name = "N|T", requires = "as_of")]
    known_at: Option<String>,
    /// The last day of the outcome, or a CSV of `subject` and `bad` [default: 12 months on]
    #[arg(long, value_name = "DATE|FILE", requires = "as_of")]
    outcome: Option<String>,
    /// Persons of `fivefold simulate`, in place of the ledger's
    #[arg(long, value_name = "N", conflicts_with = "as_of")]
    simulated: Option<u32>,
    /// Their months of history
    #[arg(long, value_name = "M", default_value_t = 24)]
    months: u32,
    /// Their seed
    #[arg(long, value_name = "S", default_value_t = 7)]
    seed: u64,
    /// Percent of them that refuse a dimension, for each but credit history: so that a fit serves
    /// those who do, too
    #[arg(long, value_name = "PERCENT", default_value_t = 0)]
    #[arg(value_parser = clap::value_parser!(u8).range(0..=100))]
    refusing: u8,
    /// A half of the loans that come with the program, by hash: the one that is fitted to, or the
    /// one that is only judged on
    #[arg(long, value_name = "HALF", value_parser = ["fit", "judge"], conflicts_with = "as_of")]
    loans: Option<String>,
    /// The UCI card-client file (CSV, plain or gzip)
    #[arg(long, value_name = "FILE", conflicts_with = "as_of")]
    accounts: Option<PathBuf>,
    /// Say what it would cost in AUC if missing were neutral
    #[arg(long)]
    neutral: bool,
    /// The table to write
    #[arg(long, value_name = "F.parquet")]
    out: PathBuf,
    #[command(flatten)]
    approved: Approved,
    #[command(flatten)]
    staff: Staff,
    #[command(flatten)]
    shape: Shape,
}

/// `fivefold model dataset`.
pub fn run(place: &Place, args: &DatasetArgs) -> Done {
    let (rows, about) = match &args.as_of {
        Some(as_of) => from_ledger(place, args, as_of)?,
        None => made(args)?,
    };
    dataset::write(&rows, &about, &args.out)?;
    let mut counts: BTreeMap<Outcome, u64> = BTreeMap::new();
    rows.iter().for_each(|row| *counts.entry(row.outcome).or_default() += 1);
    let bytes = std::fs::read(&args.out).map_err(|e| Failure::unreadable(&args.out, &e))?;
    let digest = hex(&sha256(&bytes));
    let cost = if args.neutral { Some(super::neutral_cost(&args.out)?) } else { None };
    if args.shape.json {
        let counts: BTreeMap<&str, u64> = counts.iter().map(|(o, n)| (o.name(), *n)).collect();
        output::json(&json!({
            "out": args.out, "sha256": digest, "persons": rows.len(), "outcomes": counts,
            "neutral": cost,
        }))?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut lines = vec![
        ("written", args.out.display().to_string()),
        ("SHA-256", digest),
        ("persons", rows.len().to_string()),
    ];
    lines.extend(counts.iter().map(|(outcome, n)| (outcome.name(), n.to_string())));
    output::pairs(&lines)?;
    if let Some(cost) = cost {
        output::note(&cost.said());
    }
    Ok(ExitCode::SUCCESS)
}

type Made = (Vec<Row>, Vec<(&'static str, String)>);

fn from_ledger(place: &Place, args: &DatasetArgs, as_of: &str) -> Result<Made, Failure> {
    with_bureau(place, |bureau, config| {
        let as_of = moment(as_of)?;
        if as_of > bureau.engine.env.now() {
            return Err(Failure::Usage("--as-of lies in the future".to_string()));
        }
        let known_at = match args.known_at.as_deref() {
            None => bureau.size_at(as_of)?,
            Some(text) => match text.parse() {
                Ok(index) => index,
                Err(_) => bureau.size_at(moment(text)?)?,
            },
        };
        let date = as_of.date_at(0);
        let (until, labels) = match args.outcome.as_deref() {
            None => (year_after(date), None),
            Some(text) => match text.parse::<Date>() {
                Ok(until) if until > date => (until, None),
                Ok(_) => {
                    return Err(Failure::Usage("--outcome must lie after --as-of".to_string()));
                }
                Err(_) => (year_after(date), Some(labels(Path::new(text))?)),
            },
        };
        let admission = args.staff.admission(config.environment(), "model dataset")?;
        let approval = args.approved.read()?;
        bureau.run(TakeTable { admission, what: "training table", approval }).value()?;
        let window = Window { as_of, known_at, until, labels };
        let bar = progress("reading", bureau.count_persons()?);
        let (mut rows, mut after) = (Vec::new(), String::new());
        loop {
            let page = bureau.persons_after(&after)?;
            let Some(last) = page.last() else { break };
            after.clone_from(last);
            rows.extend(bureau.training_rows(&page, &window)?);
            bar.set_position(rows.len() as u64);
        }
        bar.finish_and_clear();
        let about = vec![
            ("as_of", as_of.to_string()),
            ("known_at", known_at.to_string()),
            ("outcome_until", until.to_string()),
        ];
        Ok((rows, about))
    })
}

fn year_after(date: Date) -> Date {
    Month::of(date).plus(13).first_day().yesterday().unwrap_or(date)
}

/// Outcomes from a CSV of `subject` and `bad` (0 or 1).
fn labels(path: &Path) -> Result<BTreeMap<String, bool>, Failure> {
    let only = ["subject".to_string(), "bad".to_string()];
    let wanted = Wanted { only: Some(&only), categorical: &only, ..Wanted::default() };
    let table = read(path, &wanted)?;
    let (subject, bad) = (table.column("subject")?, table.column("bad")?);
    let text = |cell| match cell {
        crate::score::column::Cell::Text(text) => text.to_string(),
        crate::score::column::Cell::Number(number) => number.text(),
        crate::score::column::Cell::Missing => String::new(),
    };
    (0..table.rows)
        .map(|row| {
            let said = text(bad.cell(row));
            let bad = match said.as_str() {
                "1" | "true" => true,
                "0" | "false" => false,
                _ => {
                    let why = format!("row {}: `bad` is `{said}`, not 0 or 1", row + 1);
                    return Err(Failure::new("cell_invalid", why));
                }
            };
            Ok((text(subject.cell(row)), bad))
        })
        .collect()
}

/// Persons of sources that need no bureau.
fn made(args: &DatasetArgs) -> Result<Made, Failure> {
    let card = super::shipped()?;
    let (mut rows, mut about) = (Vec::new(), Vec::new());
    if let Some(subjects) = args.simulated {
        rows.extend(simulated(args, subjects, &card)?);
        let said = format!("{subjects} persons, {} months, seed {}", args.months, args.seed);
        about.push(("simulated", said));
    }
    if let Some(half) = &args.loans {
        let file = LendingClub::read(LOANS).map_err(|e| Failure::new(e.code(), e.to_string()))?;
        let fitted = half == "fit";
        let chosen = |number: u32| is_fitted_to(number) == fitted;
        rows.extend(borrowers("lending-club", &file, &card, chosen));
        about.push(("loans", half.clone()));
    }
    if let Some(path) = &args.accounts {
        let file = Taiwan::read(&super::read_file(path)?);
        let file = file.map_err(|e| Failure::new(e.code(), e.to_string()))?;
        rows.extend(borrowers("taiwan-2005", &file, &card, |_| true));
        about.push(("accounts", super::file_name(path)));
    }
    Ok((rows, about))
}

fn simulated(args: &DatasetArgs, subjects: u32, card: &Scorecard) -> Result<Vec<Row>, Failure> {
    let last = Month::of(Date::constant(2026, 10, 1));
    let population = Population::new(args.seed, subjects, args.months, last, Currency::CNY)
        .map_err(|e| Failure::Usage(e.to_string()))?;
    let date = last.plus(1).first_day().yesterday().unwrap_or(last.first_day());
    let bar = progress("simulating", u64::from(subjects));
    let rows = population.map(|person| {
        bar.inc(1);
        let facts = person.records.into_iter().map(|record| (record.sector.name(), record.fact));
        let bad = person.outcome_bad;
        let when = (date, Currency::CNY);
        let mut row = row("simulated", facts.collect(), &person.verifications, when, bad, card);
        let mut draws = Draws::new(&[0xdf, args.seed, u64::from(person.number)]);
        let refused = Dimension::ALL.map(|dimension| {
            let refuses = draws.percent(i64::from(args.refusing));
            refuses && dimension != Dimension::CreditHistory
        });
        for (value, characteristic) in row.values.iter_mut().zip(catalogue()) {
            let dimensions = [Some(characteristic.dimension), characteristic.also];
            if dimensions.into_iter().flatten().any(|dimension| refused[dimension as usize]) {
                *value = Value::NoConsent;
            }
        }
        row
    });
    let rows = rows.collect();
    bar.finish_and_clear();
    Ok(rows)
}

/// Real borrowers by what their file says; nothing of what the demonstration makes up for them.
fn borrowers(
    source: &'static str,
    file: &dyn Borrowers,
    card: &Scorecard,
    chosen: impl Fn(u32) -> bool,
) -> Vec<Row> {
    let all = (0..file.len()).filter_map(|index| file.borrower(index, BORROWERS_AS_OF));
    let rows = all.filter(|borrower| chosen(borrower.number)).map(|borrower| {
        let real = borrower.records.into_iter().filter(|record| !record.synthetic);
        let facts = real.map(|record| (record.sector.name(), record.fact)).collect();
        let when = (BORROWERS_AS_OF, file.currency());
        let bad = borrower.outcome_bad.unwrap_or_default();
        let mut row = row(source, facts, &[], when, bad, card);
        // who checked them is made up, so their level is not known
        for (value, characteristic) in row.values.iter_mut().zip(catalogue()) {
            if characteristic.name == "identity_level" {
                *value = Value::NoData;
            }
        }
        row
    });
    rows.collect()
}

/// One person's row, folded as the bureau would.
fn row(
    source: &str,
    facts: Vec<(&str, Fact)>,
    checks: &[Verification],
    (date, currency): (Date, Currency),
    bad: bool,
    card: &Scorecard,
) -> Row {
    let observation = |fact| Observation {
        op: Operation::Report,
        subject: "sub_1".to_string(),
        basis: Basis { kind: BasisKind::Consent, reference: "con_1".to_string() },
        synthetic: true,
        fact,
    };
    let seen: Vec<(&str, Observation)> = facts
        .iter()
        .filter_map(|(by, fact)| Some((*by, observation(as_seen(fact, date)?))))
        .collect();
    let contexts = seen.iter().enumerate().map(|(index, (furnisher, observation))| {
        let context = FoldContext {
            index: index as u64,
            recorded: RECORDED,
            furnisher,
            utc_offset_hours: 8,
            rates: &[],
        };
        (context, observation)
    });
    let own = seen.iter().filter_map(|(_, o)| match &o.fact {
        Fact::Verification(check) => Some(check),
        _ => None,
    });
    let checks = checks.iter().chain(own);
    let checks = checks.map(|c| (c.channel.name(), c.source.as_str(), c.verified));
    let as_of = AsOf {
        date,
        identity_level: level(checks, date, VERIFICATION_YEARS),
        hard_inquiries_6m: 0,
        hard_inquiries_12m: 0,
        scope: Scope::ALL,
        with_disputed: None,
    };
    let profile = fold_all(currency, contexts);
    Row {
        source: source.to_string(),
        as_of: date,
        outcome: if bad { Outcome::Bad } else { Outcome::Good },
        values: dataset::values(&profile, card, &as_of),
    }
}
