//! `model list`: scorecards by id, status and digest.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};

use crate::cli::output::{self, Done};
use crate::cli::{Place, Shape};
use crate::kernel::bytes::hex;
use crate::score::Scorecard;

/// Arguments of `model list`.
#[derive(Args)]
pub struct ListArgs {
    /// Scorecard files to list beside the one that comes with the program
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Those registered in the bureau of --dir, and how they stand
    #[arg(long, conflicts_with = "files")]
    registered: bool,
    #[command(flatten)]
    shape: Shape,
}

/// `fivefold model list`.
pub fn run(place: &Place, args: &ListArgs) -> Done {
    if args.registered {
        return super::govern::registered(place, &args.shape);
    }
    let mut found = vec![("shipped".to_string(), super::shipped()?)];
    for path in &args.files {
        found.push((path.display().to_string(), super::scorecard(path)?));
    }
    if args.shape.json {
        let rows: Vec<Value> = found.iter().map(|(from, card)| row_json(from, card)).collect();
        output::json(&json!({ "scorecards": rows }))?;
    } else {
        let rows: Vec<Vec<String>> = found.iter().map(|(from, card)| row(from, card)).collect();
        let header = ["Id", "Version", "Status", "Method", "Rows", "Parts", "Digest", "From"];
        output::table(&header, &rows)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn row(from: &str, card: &Scorecard) -> Vec<String> {
    let method = card.development.as_ref().map_or("expert", |d| d.method.as_str());
    let rows = card.development.as_ref().map_or(0, |d| d.rows);
    vec![
        card.id.clone(),
        card.version.clone(),
        card.status.name().to_string(),
        method.to_string(),
        rows.to_string(),
        (card.characteristics.len() + card.pairs.len()).to_string(),
        hex(&card.digest).chars().take(12).collect(),
        from.to_string(),
    ]
}

fn row_json(from: &str, card: &Scorecard) -> Value {
    json!({
        "id": card.id, "version": card.version, "status": card.status,
        "target": card.target, "validated_for": card.validated_for,
        "method": card.development.as_ref().map(|d| &d.method),
        "rows": card.development.as_ref().map(|d| d.rows),
        "characteristics": card.characteristics.len(), "pairs": card.pairs.len(),
        "digest": hex(&card.digest), "from": from,
    })
}
