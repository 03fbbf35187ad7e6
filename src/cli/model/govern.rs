//! The life of a scorecard in a bureau: draft, attest, approve, file, promote, challenge, monitor,
//! retire; each an entry of the log.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};

use crate::bureau::approval::Approval;
use crate::bureau::command::models::TakeStep;
use crate::cli::output::{self, Done, Failure};
use crate::cli::staff::Approved;
use crate::cli::{Place, Shape, Staff, with_bureau};
use crate::kernel::bytes::{hex, sha256};
use crate::model::governance::{Standing, Step, drafted};
use crate::score::Scorecard;

/// Who acts, in which form the result is shown.
#[derive(Args)]
pub struct Act {
    #[command(flatten)]
    staff: Staff,
    #[command(flatten)]
    shape: Shape,
}

/// Arguments of `model draft`.
#[derive(Args)]
#[command(after_help = "\
The scorecard is kept for ever under its digest, and held to production's rules. One fitted to
made-up persons, or to nothing, is a demonstration from the start and is never approved.

Example:
  fivefold model draft card.toml --as li --reason \"refit of November\"")]
pub struct DraftArgs {
    /// The scorecard, as `model train --like` writes it
    #[arg(value_name = "FILE")]
    scorecard: PathBuf,
    #[command(flatten)]
    act: Act,
}

/// Arguments of `model attest`.
#[derive(Args)]
#[command(after_help = "\
Whoever registered the scorecard may not attest it. A fairness gate that is not passed, or was not
measured, is recorded with it and blocks approval.

Example:
  fivefold model validate --scorecard card.toml --data later.parquet --target outcome \\
      --protected sex,age_band --json found.json
  fivefold model attest 3f2a… --validation found.json --as wang --reason \"out of time\"")]
pub struct AttestArgs {
    /// The scorecard's digest, or how it begins
    #[arg(value_name = "DIGEST")]
    digest: String,
    /// What `model validate --json` found
    #[arg(long, value_name = "FILE")]
    validation: PathBuf,
    #[command(flatten)]
    act: Act,
}

/// Arguments of `model approve`.
#[derive(Args)]
#[command(after_help = "\
Two people, neither of whom registered it. Where the fairness gate blocks, the search for a less
discriminatory scorecard is filed with it: its digest goes on record.

Example:
  fivefold model approve 3f2a… --as zhao --approved-by chen --reason \"better and as fair\"")]
pub struct ApproveArgs {
    /// The scorecard's digest, or how it begins
    #[arg(value_name = "DIGEST")]
    digest: String,
    #[command(flatten)]
    approved: Approved,
    /// The report of the search for a less discriminatory scorecard
    #[arg(long, value_name = "FILE")]
    search: Option<PathBuf>,
    #[command(flatten)]
    act: Act,
}

/// Arguments of `model file`.
#[derive(Args)]
#[command(after_help = "\
A filing names dimensions and characteristics: another scorecard with the same ones needs none of
its own, one with others is not released without.

Example:
  fivefold model file 3f2a… --authority PBC --number 2026-118 --date 2026-11-20 --as zhao")]
pub struct FileArgs {
    /// The scorecard's digest, or how it begins
    #[arg(value_name = "DIGEST")]
    digest: String,
    /// The authority that was told
    #[arg(long)]
    authority: String,
    /// The filing's number
    #[arg(long)]
    number: String,
    /// The filing's date, YYYY-MM-DD
    #[arg(long, value_name = "DATE")]
    date: jiff::civil::Date,
    #[command(flatten)]
    act: Act,
}

/// Arguments of `model promote`, `challenge` and `retire`.
#[derive(Args)]
pub struct StepArgs {
    /// The scorecard's digest, or how it begins
    #[arg(value_name = "DIGEST")]
    digest: String,
    #[command(flatten)]
    act: Act,
}

/// Arguments of `model monitor`.
#[derive(Args)]
#[command(after_help = "\
PSI of the score and of each characteristic against development, Gini against what became of those
scored a year ago or more, and challengers on the same persons. The sweep does the same every 28
days and records it. Exit 1 when somebody must act.")]
pub struct MonitorArgs {
    #[command(flatten)]
    act: Act,
}

/// What comes with some steps.
#[derive(Default)]
struct Extra {
    content: Option<String>,
    approval: Option<Approval>,
}

fn step(place: &Place, act: &Act, digest: &str, step: Step, extra: Extra) -> Done {
    let kind = step.kind();
    let told: Value = with_bureau(place, |bureau, config| {
        let command = kind.replace('_', " ");
        let admission = act.staff.admission(config.environment(), &command)?;
        let digest = digest.to_string();
        let Extra { content, approval } = extra;
        Ok(bureau.run(TakeStep { admission, digest, step, content, approval }).value()?)
    })?;
    if act.shape.json {
        output::json(&told)?;
        return Ok(ExitCode::SUCCESS);
    }
    let text = |value: &Value| value.as_str().unwrap_or_default().to_string();
    output::pairs(&[
        ("scorecard", text(&told["standing"]["name"])),
        ("digest", text(&told["digest"])),
        ("state", text(&told["standing"]["state"])),
        ("role", text(&told["standing"]["role"])),
        ("entry", told["index"].to_string()),
    ])?;
    if matches!(kind, "model_promoted" | "model_challenging" | "model_retired") {
        output::note("a bureau that is serving scores by it, or stops to, once it is restarted");
    }
    Ok(ExitCode::SUCCESS)
}

/// `fivefold model draft`.
pub fn draft(place: &Place, args: &DraftArgs) -> Done {
    let bytes = super::read_file(&args.scorecard)?;
    let card = Scorecard::load(&bytes)
        .map_err(|e| Failure::new(e.code(), format!("{}: {e}", args.scorecard.display())))?;
    let content = String::from_utf8(bytes)
        .map_err(|_| Failure::new("scorecard_unreadable", "the scorecard is not UTF-8"))?;
    step(
        place,
        &args.act,
        &hex(&card.digest),
        drafted(&card),
        Extra { content: Some(content), ..Extra::default() },
    )
}

/// `fivefold model attest`.
pub fn attest(place: &Place, args: &AttestArgs) -> Done {
    let bytes = super::read_file(&args.validation)?;
    let wrong = |what: &str| {
        let text = format!("{}: {what}", args.validation.display());
        Failure::new("validation_unreadable", text)
    };
    let found: Value = serde_json::from_slice(&bytes).map_err(|e| wrong(&e.to_string()))?;
    let digest = found["digest"].as_str().ok_or_else(|| wrong("it has no digest"))?;
    if !digest.starts_with(&args.digest) {
        return Err(wrong(&format!("it measured another scorecard, {digest}")));
    }
    let gini = found["validation"]["gini"]["value"].as_f64();
    let gini = gini.ok_or_else(|| wrong("it has no Gini"))?;
    let validated = Step::Validated {
        report: hex(&sha256(&bytes)),
        gini_milli: (gini * 1_000.0).round() as i64,
        blocked: blocked(&found),
    };
    step(place, &args.act, digest, validated, Extra::default())
}

/// Why the fairness gate blocks, by the figures.
fn blocked(found: &Value) -> Vec<String> {
    let columns = found["fairness"].as_array().map(Vec::as_slice).unwrap_or_default();
    if columns.is_empty() {
        return vec!["no protected column was measured".to_string()];
    }
    let failing = columns.iter().filter(|column| column["passes"].as_bool() != Some(true));
    failing
        .map(|column| {
            let groups = column["groups"].as_array().into_iter().flatten();
            let least = groups.filter_map(|group| group["air"].as_f64()).fold(1.0, f64::min);
            let name = column["column"].as_str().unwrap_or_default();
            format!("{name}: adverse impact ratio {least:.2}, or a group could not be judged")
        })
        .collect()
}

/// `fivefold model approve`.
pub fn approve(place: &Place, args: &ApproveArgs) -> Done {
    let search = args.search.as_deref().map(digest_of).transpose()?;
    let approval = args.approved.read()?;
    let named = approval.as_ref().map(|a| a.by.trim()).filter(|name| !name.is_empty());
    let second = named.map(|name| format!("staff:{name}")).unwrap_or_default();
    let approved = Step::Approved { second, search };
    step(place, &args.act, &args.digest, approved, Extra { approval, ..Extra::default() })
}

fn digest_of(path: &Path) -> Result<String, Failure> {
    Ok(hex(&sha256(&super::read_file(path)?)))
}

/// `fivefold model file`.
pub fn file(place: &Place, args: &FileArgs) -> Done {
    let filed = Step::Filed {
        authority: args.authority.clone(),
        number: args.number.clone(),
        date: args.date.to_string(),
    };
    step(place, &args.act, &args.digest, filed, Extra::default())
}

/// `fivefold model promote`, `challenge`, `retire`.
pub fn plain(place: &Place, args: &StepArgs, what: Step) -> Done {
    step(place, &args.act, &args.digest, what, Extra::default())
}

/// `fivefold model monitor`.
pub fn monitor(place: &Place, args: &MonitorArgs) -> Done {
    let watch = with_bureau(place, |bureau, _| Ok(bureau.watch_champion()?))?;
    let Some(watch) = watch else {
        return Err(Failure::new("too_little_scored", "fewer than 100 scores were given lately"));
    };
    if args.act.shape.json {
        output::json(&json!(watch))?;
    } else {
        let milli = |x: Option<i64>| match x {
            Some(x) => format!("{:.3}", x as f64 / 1_000.0),
            None => "not known".to_string(),
        };
        let worst = watch
            .worst
            .as_ref()
            .map_or("none".to_string(), |(name, index)| format!("{name} {}", milli(Some(*index))));
        output::pairs(&[
            ("scores", watch.scores.to_string()),
            ("index of the score", milli(watch.psi_milli)),
            ("moved most", worst),
            ("outcomes known", watch.outcomes.to_string()),
            ("Gini", milli(watch.gini_milli)),
            ("verdict", watch.verdict.clone()),
        ])?;
        for (digest, lead) in &watch.challengers {
            let short: String = digest.chars().take(12).collect();
            output::note(&format!("challenger {short}: Gini {} above", milli(Some(*lead))));
        }
        watch.why.iter().for_each(|why| output::note(why));
    }
    Ok(if watch.verdict == "act" { ExitCode::from(1) } else { ExitCode::SUCCESS })
}

/// `fivefold model list --registered`.
pub fn registered(place: &Place, shape: &Shape) -> Done {
    let models = with_bureau(place, |bureau, _| Ok(bureau.models()?))?;
    if shape.json {
        output::json(&json!({ "registered": models }))?;
        return Ok(ExitCode::SUCCESS);
    }
    let row = |one: &Standing| {
        let verdict = one.watch.as_ref().map_or(String::new(), |(_, watch)| watch.verdict.clone());
        let filing = one.filing.as_ref().map_or(String::new(), |filing| filing.join(" "));
        vec![
            one.name.clone(),
            one.state.name().to_string(),
            one.role.name().to_string(),
            one.gini_milli.map_or(String::new(), |g| format!("{:.3}", g as f64 / 1_000.0)),
            if one.blocked.is_empty() { String::new() } else { "blocks".to_string() },
            filing,
            verdict,
            one.digest.chars().take(12).collect(),
        ]
    };
    let rows: Vec<Vec<String>> = models.iter().map(row).collect();
    let header = ["Scorecard", "State", "Role", "Gini", "Fairness", "Filed", "Watch", "Digest"];
    output::table(&header, &rows)?;
    Ok(ExitCode::SUCCESS)
}
