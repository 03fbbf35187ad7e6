//! `matter` and `sweep`: what persons demanded, answered by staff; and what falls due.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::output::{self, Done, Failure};
use super::{Place, Shape, Staff, with_bureau};
use crate::bureau::command::matters::AnswerMatter;
use crate::kernel::Time;
use crate::rights::rows as rights_rows;

/// Matters listed at most.
const LISTED_MAX: i64 = 1_000;

/// Arguments of `matter`.
#[derive(Args)]
pub struct MatterArgs {
    #[command(subcommand)]
    act: Act,
}

#[derive(Subcommand)]
enum Act {
    /// Disputes, reviews and complaints that wait for an answer, by deadline
    List(Shape),
    /// Answer a review or a complaint; the person is told
    Answer(AnswerArgs),
}

#[derive(Args)]
#[command(after_help = "\
A dispute is answered by whoever sent the item, over HTTP, or closed by `fivefold sweep` when its
time has run out.

Examples:
  fivefold matter answer rev_01 --outcome confirmed --text 'We checked every item by hand.' \\
      --as li --reason 'review of 24 November'
  fivefold matter answer cmp_01 --outcome upheld --text 'You were right; it is mended.' --as li \\
      --reason 'complaint 7'")]
struct AnswerArgs {
    /// The review or complaint
    matter: String,
    /// A review: confirmed or changed; a complaint: upheld or rejected
    #[arg(long)]
    outcome: String,
    /// The answer, for the person
    #[arg(long)]
    text: String,
    #[command(flatten)]
    staff: Staff,
    #[command(flatten)]
    shape: Shape,
}

/// `fivefold matter …`.
pub fn run(place: &Place, args: &MatterArgs) -> Done {
    match &args.act {
        Act::List(shape) => list(place, shape),
        Act::Answer(args) => answer(place, args),
    }
}

fn list(place: &Place, shape: &Shape) -> Done {
    let config = super::config::Config::load(place)?;
    config.made()?;
    let store = crate::store::Store::open(config.database)?;
    let rows = store.read(|conn| rights_rows::open_matters(conn, LISTED_MAX))?;
    let shown = |us: Option<i64>| us.map(|us| Time::from_micros(us).to_second_text());
    if shape.json {
        let list: Vec<Value> = rows
            .iter()
            .map(|row| {
                json!({
                    "matter": row.id, "kind": row.kind, "state": row.state,
                    "placed": shown(Some(row.placed_us)), "due": shown(row.due_us),
                })
            })
            .collect();
        output::json(&json!({ "matters": list }))?;
        return Ok(ExitCode::SUCCESS);
    }
    let rows: Vec<Vec<String>> = rows
        .iter()
        .map(|row| {
            let placed = shown(Some(row.placed_us)).unwrap_or_default();
            vec![row.id.clone(), row.kind.clone(), placed, shown(row.due_us).unwrap_or_default()]
        })
        .collect();
    output::table(&["matter", "kind", "placed", "due"], &rows)?;
    Ok(ExitCode::SUCCESS)
}

fn answer(place: &Place, args: &AnswerArgs) -> Done {
    let body = with_bureau(place, |bureau, config| {
        let admission = args.staff.admission(config.environment(), "matter answer")?;
        let (matter, outcome) = (args.matter.clone(), args.outcome.clone());
        let command = AnswerMatter { admission, matter, outcome, text: args.text.clone() };
        Ok(bureau.run(command).value()?)
    })?;
    if args.shape.json {
        output::json(&body)?;
    } else {
        let index = body["log"]["index"].to_string();
        output::pairs(&[("answered", args.matter.clone()), ("entry", index)])?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Arguments of `sweep`.
#[derive(Args)]
#[command(after_help = "\
A serving bureau sweeps by itself, every hour. What is done is on record, each act an entry.

Example:
  fivefold sweep --dir bureau")]
pub struct SweepArgs {
    #[command(flatten)]
    shape: Shape,
}

/// `fivefold sweep`.
pub fn sweep(place: &Place, args: &SweepArgs) -> Done {
    let swept = with_bureau(place, |bureau, _| {
        bureau.sweep().map_err(|e| Failure::new("sweep_stopped", e.to_string()))
    })?;
    let value = json!(swept);
    if args.shape.json {
        output::json(&value)?;
        return Ok(ExitCode::SUCCESS);
    }
    let counts = value.as_object().into_iter().flatten();
    let rows: Vec<(String, String)> =
        counts.map(|(name, n)| (name.replace('_', " "), n.to_string())).collect();
    let rows: Vec<(&str, String)> =
        rows.iter().map(|(name, n)| (name.as_str(), n.clone())).collect();
    output::pairs(&rows)?;
    Ok(ExitCode::SUCCESS)
}
