//! `report metro2`: a furnisher's accounts as the bureau has them.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use super::output::{self, Done, Failure, note};
use super::report::write_private;
use super::staff::Approved;
use super::{Place, Shape, Staff, with_bureau};
use crate::bureau::book::BookOrder;
use crate::collect::metro2::Form;
use crate::kernel::Month;

/// Arguments of `report metro2`.
#[derive(Args)]
#[command(after_help = "\
Writes the accounts that a furnisher has a record of in the month, in the furnisher's own format,
for comparison with its book. Names and numbers of the persons are in it, in clear: it is readable
by its owner only, two members of staff are named, and an entry of the log says so first.
docs/metro2.md says what each field is made of.

Example:
  fivefold report metro2 --partner 'First Bank' --period 2026-10 --out book.metro2 \\
      --as li --approved-by wang --reason 'reconciliation asked for by the bank'")]
pub struct BookArgs {
    /// Whose accounts: id or name
    #[arg(long, value_name = "PARTNER")]
    partner: String,
    /// The month, 2026-10
    #[arg(long, value_name = "MONTH")]
    period: String,
    /// The file to write
    #[arg(short, long, value_name = "FILE")]
    out: PathBuf,
    /// character, character-blocked, packed or packed-blocked
    #[arg(long, value_name = "FORM", default_value = "character")]
    form: String,
    #[command(flatten)]
    approved: Approved,
    #[command(flatten)]
    staff: Staff,
    #[command(flatten)]
    shape: Shape,
}

/// `fivefold report metro2`.
pub fn report(place: &Place, args: &BookArgs) -> Done {
    let month: Month = args
        .period
        .parse()
        .map_err(|_| Failure::Usage("--period is a month, such as 2026-10".to_string()))?;
    let form = Form::ALL.into_iter().find(|form| form.name() == args.form).ok_or_else(|| {
        let names: Vec<&str> = Form::ALL.iter().map(|form| form.name()).collect();
        Failure::Usage(format!("--form is one of {}", names.join(", ")))
    })?;
    let taken = with_bureau(place, |bureau, config| {
        let registry = bureau.registry()?;
        let furnisher = registry.find(&args.partner).map(|partner| partner.id.clone());
        let furnisher = furnisher.ok_or_else(|| {
            let text = "There is no such partner. `fivefold partner list` shows them.";
            Failure::new("partner_not_found", text)
        })?;
        let by = args.staff.admission(config.environment(), "report metro2")?;
        let order = BookOrder { by, approval: args.approved.read()?, furnisher, month, form };
        Ok(bureau.take_book(&order)?)
    })?;
    write_private(&args.out, &taken.made.bytes)?;
    if taken.made.left_out > 0 {
        note(&format!("{} accounts in another currency are left out", taken.made.left_out));
    }
    if args.shape.json {
        output::json(&json!({
            "out": args.out, "accounts": taken.made.accounts,
            "left_out": taken.made.left_out, "index": taken.index,
        }))?;
    } else {
        output::pairs(&[
            ("written", args.out.display().to_string()),
            ("accounts", taken.made.accounts.to_string()),
            ("entry", taken.index.to_string()),
        ])?;
    }
    Ok(ExitCode::SUCCESS)
}
