//! `application`: small merchants who applied, and what becomes of them.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::config::Config;
use super::output::{self, Done};
use super::partner::tell;
use super::{Place, Shape, Staff, with_bureau};
use crate::bureau::command::application::{DecideApplication, PENDING};
use crate::kernel::Time;
use crate::partner::rows::{self as partner_rows, ApplicationRow};
use crate::store::Store;

/// Arguments of `application`.
#[derive(Args)]
pub struct ApplicationArgs {
    #[command(subcommand)]
    act: Act,
}

#[derive(Subcommand)]
enum Act {
    /// Who applied, those that wait first
    List(ListArgs),
    /// Take an applicant in as a small merchant: yes or no questions only, and not many
    Admit(DecideArgs),
    /// Turn an applicant away; the reason is told
    Refuse(DecideArgs),
}

#[derive(Args)]
struct ListArgs {
    /// Those that were decided as well
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    shape: Shape,
}

#[derive(Args)]
#[command(after_help = "\
The decision is an entry of the log with the policies that permit it; where the catalogue does not
allow the trade or the scenario, admission is refused with the rule that says so. Look the licence
number up before you admit anybody.

Examples:
  fivefold application list
  fivefold application admit app_01… --as li --reason 'licence looked up in the register'
  fivefold application refuse app_01… --as li --reason 'no such licence'")]
struct DecideArgs {
    /// The application's id
    application: String,
    #[command(flatten)]
    staff: Staff,
    #[command(flatten)]
    shape: Shape,
}

/// `fivefold application …`.
pub fn run(place: &Place, args: &ApplicationArgs) -> Done {
    match &args.act {
        Act::List(args) => list(place, args),
        Act::Admit(args) => decide(place, args, true),
        Act::Refuse(args) => decide(place, args, false),
    }
}

fn decide(place: &Place, args: &DecideArgs, admit: bool) -> Done {
    let act = if admit { "application admit" } else { "application refuse" };
    let body = with_bureau(place, |bureau, config| {
        let admission = args.staff.admission(config.environment(), act)?;
        let application = args.application.clone();
        Ok(bureau.run(DecideApplication { admission, application, admit }).value()?)
    })?;
    tell(&body, &args.shape)
}

fn list(place: &Place, args: &ListArgs) -> Done {
    let config = Config::load(place)?;
    config.made()?;
    let mut rows = Store::open(config.database)?.read(partner_rows::applications)?;
    rows.retain(|row| args.all || row.state == PENDING);
    rows.sort_by_key(|row| (row.state != PENDING, row.idx));
    let at = |us: i64| Time::from_micros(us).to_second_text();
    if args.shape.json {
        let shown = |row: &ApplicationRow| -> Value {
            json!({
                "application": row.id, "state": row.state, "name": row.name,
                "sector": row.sector, "country": row.country, "scenario": row.scenario,
                "licence": row.licence, "keyid": row.keyid, "applied_at": at(row.at_us),
                "decided_at": row.decided_us.map(at), "reason": row.reason,
                "partner": row.partner,
            })
        };
        output::json(&json!({ "applications": rows.iter().map(shown).collect::<Vec<_>>() }))?;
        return Ok(ExitCode::SUCCESS);
    }
    let table: Vec<Vec<String>> = rows
        .into_iter()
        .map(|row| {
            let when = at(row.at_us);
            vec![row.id, row.state, row.name, row.sector, row.scenario, row.licence, when]
        })
        .collect();
    let head = ["application", "state", "name", "sector", "scenario", "licence", "applied"];
    output::table(&head, &table)?;
    Ok(ExitCode::SUCCESS)
}
