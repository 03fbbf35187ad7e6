//! `coverage` and `data-request`: what furnishers send, what is missing, and asking for it.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::output::{self, Done, Failure, note};
use super::{Place, Shape, Staff, with_bureau};
use crate::bureau::Bureau;
use crate::bureau::command::data_request::{REQUESTS_MAX, RequestData};
use crate::bureau::coverage::{PAGE_MAX, Page};
use crate::collect::coverage::Months;
use crate::kernel::Month;
use crate::partner::Partner;

/// Arguments of `coverage`.
#[derive(Args)]
#[command(after_help = "\
What the furnisher itself reads at GET /v1/coverage. An account is missing a month when it has
earlier ones, is not closed, the person's consent stands, and the month is due: by the furnisher's
contract, or 40 days after it ended.

Example:
  fivefold coverage --partner 'First Bank'")]
pub struct CoverageArgs {
    /// Id or name of the furnisher
    #[arg(long, value_name = "PARTNER")]
    partner: String,
    /// Accounts to list
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: usize,
    #[command(flatten)]
    shape: Shape,
}

/// Arguments of `quality`.
#[derive(Args)]
#[command(after_help = "\
What the furnisher itself reads at GET /v1/data-quality; the tables are those of the month's statement
(`fivefold report furnisher`), with the same numbers.

Example:
  fivefold quality --partner 'First Bank' --period 2026-10")]
pub struct QualityArgs {
    /// Id or name of the furnisher
    #[arg(long, value_name = "PARTNER")]
    partner: String,
    /// The month, in the time of the home pack [default: this one]
    #[arg(long, value_name = "MONTH")]
    period: Option<Month>,
    #[command(flatten)]
    shape: Shape,
}

/// Arguments of `data-request`.
#[derive(Args)]
pub struct RequestArgs {
    #[command(subcommand)]
    act: Act,
}

#[derive(Subcommand)]
enum Act {
    /// Ask a furnisher for statements of an account; it is told, and the request stays open until
    /// they come or it says why not
    Add(AddArgs),
    /// What a furnisher is asked for
    List(ListArgs),
}

#[derive(Args)]
#[command(after_help = "\
Example:
  fivefold data-request add --partner 'First Bank' --subject sub_01… --account acc-7 \\
      --from 2026-08 --until 2026-09 --as li --reason 'complaint 12'")]
struct AddArgs {
    /// Id or name of the furnisher
    #[arg(long, value_name = "PARTNER")]
    partner: String,
    /// The furnisher's own id of the person
    #[arg(long, value_name = "SUBJECT")]
    subject: String,
    /// The furnisher's key of the account
    #[arg(long, value_name = "KEY")]
    account: String,
    /// The first month
    #[arg(long, value_name = "MONTH")]
    from: Month,
    /// The last month [default: the first]
    #[arg(long, value_name = "MONTH")]
    until: Option<Month>,
    #[command(flatten)]
    staff: Staff,
    #[command(flatten)]
    shape: Shape,
}

#[derive(Args)]
struct ListArgs {
    /// Id or name of the furnisher
    #[arg(long, value_name = "PARTNER")]
    partner: String,
    /// Filled and answered ones too
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    shape: Shape,
}

/// The partner of this id or name.
///
/// # Errors
/// There is none.
pub(super) fn named(bureau: &Bureau, name: &str) -> Result<Partner, Failure> {
    bureau.registry()?.find(name).cloned().ok_or_else(|| {
        let text = "There is no such partner. `fivefold partner list` shows them.";
        Failure::new("partner_not_found", text)
    })
}

/// A member of an answer as a cell of a table.
pub(super) fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// `fivefold coverage`.
pub fn coverage(place: &Place, args: &CoverageArgs) -> Done {
    let known = with_bureau(place, |bureau, _| {
        let partner = named(bureau, &args.partner)?;
        let page = Page { limit: args.limit.clamp(1, PAGE_MAX), ..Page::default() };
        Ok(bureau.coverage(&partner.id, &page)?)
    })?;
    if args.shape.json {
        output::json(&known)?;
        return Ok(ExitCode::SUCCESS);
    }
    let totals = known["totals"].as_object().into_iter().flatten();
    let mut pairs = vec![("due up to", cell(&known["due"]))];
    pairs.extend(totals.map(|(name, value)| (name.as_str(), cell(value))));
    output::pairs(&pairs)?;
    let rows = |list: &Value, columns: &[&str]| -> Vec<Vec<String>> {
        let list = list.as_array().into_iter().flatten();
        list.map(|one| columns.iter().map(|name| cell(&one[*name])).collect()).collect()
    };
    output::table(
        &["month", "accounts with it", "without it"],
        &rows(&known["months"], &["month", "reported", "missing"]),
    )?;
    let accounts = known["accounts"].as_array().into_iter().flatten();
    let listed: Vec<Vec<String>> = accounts
        .map(|one| {
            let mut row: Vec<String> =
                ["subject", "account_key", "last"].map(|name| cell(&one[name])).to_vec();
            row.push(ranges(&one["missing"]));
            row.push(cell(&one["request"]));
            row
        })
        .collect();
    output::table(&["subject", "account", "last month", "missing", "asked for"], &listed)?;
    if !known["next"].is_null() {
        note("more accounts lack something: --limit lists more of them, GET /v1/coverage all");
    }
    let persons = known["persons_without_data"].as_array().into_iter().flatten();
    let persons: Vec<Vec<String>> = persons.map(|one| vec![cell(one)]).collect();
    output::table(&["consent stands and nothing came"], &persons)?;
    Ok(ExitCode::SUCCESS)
}

/// `fivefold quality`.
pub fn quality(place: &Place, args: &QualityArgs) -> Done {
    let known = with_bureau(place, |bureau, _| {
        let partner = named(bureau, &args.partner)?;
        let month = args.period.unwrap_or_else(|| bureau.this_month());
        Ok(bureau.quality(&bureau.month(month), &partner.id)?)
    })?;
    if args.shape.json {
        output::json(&known)?;
        return Ok(ExitCode::SUCCESS);
    }
    let share = |of: &Value, part: &str| format!("{} of {}", cell(&of[part]), cell(&of["of"]));
    output::pairs(&[
        ("period", cell(&known["period"])),
        ("newest line", cell(&known["freshness"]["newest"])),
        ("days ago", cell(&known["freshness"]["days"])),
        ("complete accounts", share(&known["completeness"], "complete")),
        ("lines taken", share(&known["acceptance"], "taken")),
    ])?;
    for (name, rows) in known["tables"].as_object().into_iter().flatten() {
        let rows: Vec<&Value> = rows.as_array().into_iter().flatten().collect();
        let Some(first) = rows.first().and_then(|row| row.as_object()) else { continue };
        let columns: Vec<&str> = first.keys().map(String::as_str).collect();
        let cells = |row: &&Value| columns.iter().map(|column| cell(&row[*column])).collect();
        note(name);
        output::table(&columns, &rows.iter().map(cells).collect::<Vec<_>>())?;
    }
    Ok(ExitCode::SUCCESS)
}

fn ranges(missing: &Value) -> String {
    let ranges = missing.as_array().into_iter().flatten();
    let shown = ranges.map(|range| {
        let (from, until) = (cell(&range["from"]), cell(&range["until"]));
        if from == until { from } else { format!("{from} to {until}") }
    });
    shown.collect::<Vec<_>>().join(", ")
}

/// `fivefold data-request …`.
pub fn request(place: &Place, args: &RequestArgs) -> Done {
    match &args.act {
        Act::Add(args) => add(place, args),
        Act::List(args) => list(place, args),
    }
}

fn add(place: &Place, args: &AddArgs) -> Done {
    let body = with_bureau(place, |bureau, config| {
        let command = RequestData {
            admission: args.staff.admission(config.environment(), "data-request add")?,
            furnisher: args.partner.clone(),
            subject: args.subject.clone(),
            account_key: args.account.clone(),
            months: Months { from: args.from, until: args.until.unwrap_or(args.from) },
        };
        Ok(bureau.run(command).value()?)
    })?;
    super::partner::tell(&body, &args.shape)
}

fn list(place: &Place, args: &ListArgs) -> Done {
    let all = with_bureau(place, |bureau, _| {
        let partner = named(bureau, &args.partner)?;
        let mut all = Vec::new();
        let mut after = String::new();
        loop {
            let page = bureau.data_requests(&partner.id, &after, !args.all, REQUESTS_MAX)?;
            all.extend(page["requests"].as_array().into_iter().flatten().cloned());
            match page["next"].as_str() {
                Some(next) => after = next.to_string(),
                None => return Ok(all),
            }
        }
    })?;
    if args.shape.json {
        output::json(&json!({ "requests": all }))?;
        return Ok(ExitCode::SUCCESS);
    }
    let columns = ["request", "subject", "account_key", "from", "until", "state", "reason"];
    let rows: Vec<Vec<String>> =
        all.iter().map(|one| columns.iter().map(|name| cell(&one[*name])).collect()).collect();
    output::table(&columns, &rows)?;
    Ok(ExitCode::SUCCESS)
}
