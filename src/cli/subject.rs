//! `subject`: staff says who is who. Every step is an entry, and can be taken back.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde::Deserialize;
use serde_json::Value;

use super::output::{self, Done, Failure, invalid};
use super::{Place, Shape, Staff, with_bureau};
use crate::bureau::Bureau;
use crate::bureau::command::erase::Hold;
use crate::bureau::command::resolve::{Resolution, Resolve};
use crate::subject::parse_document;

/// Longest description of a document that is read, in bytes.
const DOCUMENT_BYTES_MAX: u64 = 4_096;

/// Arguments of `subject`.
#[derive(Args)]
#[command(after_help = "\
PERSON and OTHER are the bureau's own ids (per_…) or any partner's (sub_…).

Examples:
  fivefold subject alias per_01… --document passport.json --as li.wei \\
      --reason 'renewed passport' --evidence 'case 17: both passports seen'
  fivefold subject merge per_01… per_02… --as li.wei --reason 'enrolled twice' --evidence 'case 18'

passport.json: {\"kind\": \"passport\", \"number\": \"E12345678\", \"country\": \"CN\", \"name\": \"…\"}")]
pub struct SubjectArgs {
    #[command(subcommand)]
    act: Act,
}

#[derive(Subcommand)]
enum Act {
    /// A further document leads to the person
    Alias(AliasArgs),
    /// OTHER is the same person
    Merge(PairArgs),
    /// OTHER, merged before, is a person of their own again
    Split(PairArgs),
    /// The two must never be held to be one
    NoMerge(PairArgs),
    /// Place a legal hold: while it stands, nothing about the person is forgotten
    Hold(HoldArgs),
    /// Lift a legal hold
    Release(HoldArgs),
}

#[derive(Args)]
struct HoldArgs {
    /// The person
    person: String,
    #[command(flatten)]
    staff: Staff,
    #[command(flatten)]
    shape: Shape,
}

#[derive(Args)]
struct AliasArgs {
    /// The person
    person: String,
    /// JSON file with kind, number, country and name, or `-` for stdin: never an argument, where
    /// every user of the machine could read it
    #[arg(long, value_name = "FILE")]
    document: PathBuf,
    #[command(flatten)]
    case: Case,
}

#[derive(Args)]
struct PairArgs {
    /// The person that stays
    person: String,
    /// The other one
    other: String,
    #[command(flatten)]
    case: Case,
}

/// Who resolves, why, and on what evidence: all of it goes on record.
#[derive(Args)]
struct Case {
    #[command(flatten)]
    staff: Staff,
    /// What it rests on; no personal values, they would outlive an erasure
    #[arg(long, value_name = "TEXT")]
    evidence: String,
    #[command(flatten)]
    shape: Shape,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Described {
    kind: String,
    number: String,
    #[serde(default)]
    country: Option<String>,
    name: String,
}

/// `fivefold subject …`.
pub fn run(place: &Place, args: &SubjectArgs) -> Done {
    let (person, other, case) = match &args.act {
        Act::Hold(args) => return hold(place, args, true),
        Act::Release(args) => return hold(place, args, false),
        Act::Alias(args) => (&args.person, None, &args.case),
        Act::Merge(args) | Act::Split(args) | Act::NoMerge(args) => {
            (&args.person, Some(&args.other), &args.case)
        }
    };
    let described = match &args.act {
        Act::Alias(args) => Some(describe(&args.document)?),
        _ => None,
    };
    let body: Value = with_bureau(place, |bureau, config| {
        let person = named(bureau, person)?;
        let other = other.map(|other| named(bureau, other)).transpose()?.unwrap_or_default();
        let resolution = match (&args.act, described) {
            (Act::Alias(_), Some(described)) => alias(bureau, described)?,
            (Act::Split(_), _) => Resolution::Split(other),
            (Act::NoMerge(_), _) => Resolution::NoMerge(other),
            _ => Resolution::Merge(other),
        };
        let admission = case.staff.admission(config.environment(), "subject")?;
        let evidence = case.evidence.clone();
        Ok(bureau.run(Resolve { admission, person, resolution, evidence }).value()?)
    })?;
    if case.shape.json {
        output::json(&body)?;
    } else {
        output::pairs(&[
            ("recorded", body["kind"].as_str().unwrap_or_default().to_string()),
            ("entry", body["log"]["index"].to_string()),
        ])?;
    }
    Ok(ExitCode::SUCCESS)
}

fn hold(place: &Place, args: &HoldArgs, set: bool) -> Done {
    let body: Value = with_bureau(place, |bureau, config| {
        let admission = args.staff.admission(config.environment(), "subject hold")?;
        let subject = named(bureau, &args.person)?;
        Ok(bureau.run(Hold { admission, subject, place: set }).value()?)
    })?;
    if args.shape.json {
        output::json(&body)?;
    } else {
        output::pairs(&[
            ("state", body["state"].as_str().unwrap_or_default().to_string()),
            ("entry", body["log"]["index"].to_string()),
        ])?;
    }
    Ok(ExitCode::SUCCESS)
}

fn named(bureau: &Bureau, id: &str) -> Result<String, Failure> {
    bureau.person_named(id)?.ok_or_else(|| {
        Failure::new("person_unknown", format!("There is no person {id}. Check the id."))
    })
}

fn describe(path: &Path) -> Result<Described, Failure> {
    let mut text = String::new();
    let read = if path == Path::new("-") {
        std::io::stdin().lock().take(DOCUMENT_BYTES_MAX).read_to_string(&mut text)
    } else {
        let open = std::fs::File::open(path);
        open.and_then(|file| file.take(DOCUMENT_BYTES_MAX).read_to_string(&mut text))
    };
    read.map_err(|e| Failure::unreadable(path, &e))?;
    // The parser's own words could quote the document: only its place is passed on.
    serde_json::from_str(&text).map_err(|e| {
        let text = format!(
            "line {} column {}: an object with kind, number, country and name is expected",
            e.line(),
            e.column()
        );
        invalid("/document", "invalid_object", text)
    })
}

fn alias(bureau: &Bureau, described: Described) -> Result<Resolution, Failure> {
    let Described { kind, number, country, name } = described;
    let home = bureau.engine.home.clone();
    let (_, offset) = crate::bureau::command::refold::terms(&bureau.engine, &home);
    let today = bureau.engine.env.now().date_at(offset);
    let document = parse_document(&kind, &number, country.as_deref(), None, today)
        .map_err(|e| invalid(&format!("/document/{}", e.field()), e.code(), e.to_string()))?;
    if name.trim().is_empty() {
        return Err(invalid("/document/name", "name_implausible", "the name on the document"));
    }
    Ok(Resolution::Alias { document, name })
}
