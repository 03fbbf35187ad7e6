//! `dictionary`: every field that can be sent, and every code that can come back.

use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use super::config::Config;
use super::output::{self, Done, Failure, note};
use super::{Place, Shape};
use crate::bureau::register;
use crate::collect::dictionary::{dictionary, example};
use crate::http::docs::{self, Cell, Document};
use crate::policy::Rules;
use crate::store::Store;

/// Arguments of `dictionary`.
#[derive(Args)]
#[command(after_help = "\
Examples:
  fivefold dictionary account_month            the fields of one observation type
  fivefold dictionary account_month --example  a whole record that is accepted in form
  fivefold dictionary --json                   everything, for machines
  fivefold dictionary --errors --markdown      what every error code means, and what to do
  fivefold dictionary --register --dir bureau  why each item is collected, and when it was used")]
pub struct DictionaryArgs {
    /// One observation type; all of them when left out
    observation: Option<String>,
    /// Print an example record of that type
    #[arg(long, requires = "observation")]
    example: bool,
    /// Print the register of data items: purpose, what uses them, when last; unused ones named
    #[arg(long, conflicts_with_all = ["observation", "example"])]
    register: bool,
    /// Print the catalogue of error codes instead
    #[arg(long, conflicts_with_all = ["observation", "example", "register"])]
    errors: bool,
    /// Print Markdown, as it is served under /docs
    #[arg(long, conflicts_with_all = ["example", "register", "json"])]
    markdown: bool,
    #[command(flatten)]
    shape: Shape,
}

/// `fivefold dictionary`.
pub fn run(place: &Place, args: &DictionaryArgs) -> Done {
    if args.register {
        return show_register(place, &args.shape);
    }
    if args.errors {
        let config = Config::load(place)?;
        let rules = match &config.policies {
            Some(folder) => Rules::load(folder),
            None => Rules::embedded(),
        };
        let rules = rules.map_err(|e| Failure::new("rules_invalid", e.to_string()))?;
        return show(&docs::errors(&rules), args);
    }
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
    if args.markdown {
        return show(&docs::dictionary(wanted), args);
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

/// Prints a document: as Markdown, as JSON, or its tables.
fn show(document: &Document, args: &DictionaryArgs) -> Done {
    match (args.markdown, args.shape.json) {
        (true, _) => output::text(&document.to_markdown())?,
        (_, true) => output::json(&document.data)?,
        _ => {
            for section in &document.sections {
                note(&format!("\n{}", section.heading));
                let words = |row: &Vec<Cell>| row.iter().map(Cell::to_words).collect();
                let rows: Vec<Vec<String>> = section.rows.iter().map(words).collect();
                output::table(&section.columns, &rows)?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints the register; with a bureau at hand, when each item was last used.
fn show_register(place: &Place, shape: &Shape) -> Done {
    let config = Config::load(place)?;
    let last = match config.made() {
        Ok(()) => Some(Store::open(config.database)?.read(register::last_uses)?),
        Err(_) => None,
    };
    let rows = register::rows(last.as_ref()).map_err(|e| Failure::new(e.code(), e.to_string()))?;
    if shape.json {
        output::json(&json!({ "items": rows }))?;
        return Ok(ExitCode::SUCCESS);
    }
    let shown: Vec<Vec<String>> = rows
        .iter()
        .map(|row| {
            let used = match (row.used, &row.last_used) {
                (false, _) => "UNUSED: should not be asked for".to_string(),
                (true, Some(at)) => at.to_second_text(),
                (true, None) => "not yet".to_string(),
            };
            vec![
                row.fields.join(", "),
                row.purpose.clone(),
                row.serves.clone(),
                row.characteristics.join(", "),
                used,
            ]
        })
        .collect();
    let header = ["items", "purpose", "serves", "characteristics in force", "last used"];
    output::table(&header, &shown)?;
    Ok(ExitCode::SUCCESS)
}
