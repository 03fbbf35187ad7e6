//! `usage`: what partners asked in a month.

use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use super::output::{self, Done, Failure};
use super::{Place, Shape, with_bureau};
use crate::kernel::Month;
use crate::partner::rows as partner_rows;

/// Arguments of `usage`.
#[derive(Args)]
#[command(after_help = "\
The counts are read from the log, and exact for the entries that are named. What a partner is told
at GET /v1/usage is the same.

Examples:
  fivefold usage --dir bureau                            this month, every partner
  fivefold usage 'Harbour Hotel' --period 2026-10 --json")]
pub struct UsageArgs {
    /// Id or name of a partner; all of them when left out
    partner: Option<String>,
    /// The month, in the time of the home pack [default: this one]
    #[arg(long, value_name = "MONTH")]
    period: Option<Month>,
    #[command(flatten)]
    shape: Shape,
}

/// `fivefold usage`.
pub fn run(place: &Place, args: &UsageArgs) -> Done {
    let (usage, registry) = with_bureau(place, |bureau, _| {
        let registry = bureau.store.read(partner_rows::load)?;
        let partner = match &args.partner {
            None => None,
            Some(name) => Some(registry.find(name).map(|p| p.id.clone()).ok_or_else(|| {
                let text = "There is no such partner. `fivefold partner list` shows them.";
                Failure::new("partner_not_found", text)
            })?),
        };
        let month = args.period.unwrap_or_else(|| bureau.this_month());
        let period =
            bureau.period(&month.to_string()).map_err(|e| Failure::Usage(e.to_string()))?;
        Ok((bureau.usage(&period, partner.as_deref())?, registry))
    })?;
    let (inquiries, billable) = usage.totals();
    if args.shape.json {
        output::json(&json!({
            "period": usage.period.name, "from": usage.period.from, "until": usage.period.until,
            "log": { "from_index": usage.from_index, "until_index": usage.until_index },
            "lines": usage.lines,
            "total": { "inquiries": inquiries, "billable": billable },
        }))?;
        return Ok(ExitCode::SUCCESS);
    }
    let named = |id: &str| registry.partners.get(id).map_or(id.to_string(), |p| p.name.clone());
    let mut rows: Vec<Vec<String>> = usage
        .lines
        .iter()
        .map(|line| {
            vec![
                named(&line.partner),
                line.scenario.clone(),
                line.outcome.clone(),
                line.count.to_string(),
                if line.billable { "yes" } else { "no" }.to_string(),
                format!("{} to {}", line.first_index, line.last_index),
            ]
        })
        .collect();
    let all = format!("{} to {}", usage.from_index, usage.until_index.saturating_sub(1));
    let total = ["all", "", "", &inquiries.to_string(), &format!("{billable} of them"), &all];
    rows.push(total.map(str::to_string).to_vec());
    output::table(&["partner", "scenario", "outcome", "count", "billable", "log entries"], &rows)?;
    Ok(ExitCode::SUCCESS)
}
