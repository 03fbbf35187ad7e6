//! `dictionary`: every field that can be sent.

use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use super::Shape;
use super::output::{self, Done, Failure};
use crate::collect::dictionary::{dictionary, example};

/// Arguments of `dictionary`.
#[derive(Args)]
#[command(after_help = "\
Examples:
  fivefold dictionary account_month            the fields of one observation type
  fivefold dictionary account_month --example  a whole record that is accepted in form
  fivefold dictionary --json                   everything, for machines")]
pub struct DictionaryArgs {
    /// One observation type; all of them when left out
    observation: Option<String>,
    /// Print an example record of that type
    #[arg(long, requires = "observation")]
    example: bool,
    #[command(flatten)]
    shape: Shape,
}

/// `fivefold dictionary`.
pub fn run(args: &DictionaryArgs) -> Done {
    let wanted = args.observation.as_deref();
    let mut entries = dictionary();
    if let Some(name) = wanted {
        if !entries.iter().any(|entry| entry.observation == name) {
            let mut known: Vec<&str> = entries.iter().map(|entry| entry.observation).collect();
            known.dedup();
            return Err(Failure::Usage(format!(
                "there is no observation type {name}: one of {}",
                known.join(", ")
            )));
        }
        if let (true, Some(record)) = (args.example, example(name)) {
            output::json(&record)?;
            return Ok(ExitCode::SUCCESS);
        }
        entries.retain(|entry| entry.observation == name || entry.observation == "*");
    }
    if args.shape.json {
        output::json(&json!({ "fields": entries }))?;
        return Ok(ExitCode::SUCCESS);
    }
    let rows: Vec<Vec<String>> = entries
        .iter()
        .map(|entry| {
            let values = if entry.values.is_empty() {
                entry.example.to_string()
            } else {
                entry.values.join(" | ")
            };
            let kind = match entry.unit {
                "" => entry.kind.to_string(),
                unit => format!("{}, {unit}", entry.kind),
            };
            vec![
                entry.observation.to_string(),
                entry.field.to_string(),
                kind,
                if entry.required { "yes" } else { "" }.to_string(),
                values,
                entry.about.to_string(),
                entry.law.to_string(),
            ]
        })
        .collect();
    let header = ["type", "field", "is", "required", "values or example", "says", "law"];
    output::table(&header, &rows)?;
    Ok(ExitCode::SUCCESS)
}
