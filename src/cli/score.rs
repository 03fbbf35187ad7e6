//! `score` and `explain`: what the profile says, at any moment.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use jiff::civil::Date;
use serde_json::{Value, json};
use tempfile::NamedTempFile;

use super::output::{self, Done, Failure, progress};
use super::replay::unknown;
use super::report::{keep_private, private_file};
use super::staff::Approved;
use super::{Place, Shape, Staff, with_bureau};
use crate::bureau::Bureau;
use crate::bureau::command::look::{LookUp, TakeTable};
use crate::bureau::look::{Past, Seen};
use crate::collect::observation::Dimension;
use crate::kernel::Time;
use crate::kernel::bytes::hex;
use crate::model::parallel::available;
use crate::score::explain::{Recourse, Row, recourse, rows};
use crate::score::reasons::Language;
use crate::score::{Assessment, Outcome, Scorecard, Value as Read};

mod table;

/// Arguments of `score`.
#[derive(Args)]
#[command(after_help = "\
A score is computed from the profile at the moment of asking. --as-of moves that moment into the
past; --known-at leaves out what was recorded later, so that a past score comes out again. The look
is on record first; in a live bureau --all needs a second member of staff.

Examples:
  fivefold score sub_01… --as-of 2026-06-30
  fivefold score per_01… --known-at 1200 --json
  fivefold score --all --out scores.parquet")]
pub struct ScoreArgs {
    /// A partner's id of the person (sub_…), or the bureau's own (per_…)
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    subject: Option<String>,
    /// Everybody on file
    #[arg(long)]
    all: bool,
    /// The moment of the score: a date (its end, UTC) or RFC 3339 [default: now]
    #[arg(long, value_name = "T")]
    as_of: Option<String>,
    /// Only entries before this index, or recorded by this moment [default: all]
    #[arg(long, value_name = "N|T")]
    known_at: Option<String>,
    /// Write a Parquet table in place of printing
    #[arg(long, value_name = "F.parquet")]
    out: Option<PathBuf>,
    #[command(flatten)]
    approved: Approved,
    #[command(flatten)]
    staff: Staff,
    #[command(flatten)]
    shape: Shape,
}

/// Arguments of `explain`.
#[derive(Args)]
#[command(after_help = "\
Of a person: the score of now, characteristic by characteristic. Of an inquiry (inq_…): the score
as it was answered then, from the vector stored with the answer. Points lost are counted against
the population mean; recourse is the shortest way to the next band by what the person can change.

Examples:
  fivefold explain sub_01…
  fivefold explain inq_01… --json")]
pub struct ExplainArgs {
    /// A person (sub_…, per_…) or an inquiry (inq_…)
    #[arg(value_name = "SUBJECT|INQUIRY")]
    of: String,
    /// Language of the reasons: en or zh
    #[arg(long, default_value = "en")]
    language: String,
    #[command(flatten)]
    staff: Staff,
    #[command(flatten)]
    shape: Shape,
}

/// Reads a moment: RFC 3339, or a date, of which the end is meant.
pub fn moment(text: &str) -> Result<Time, Failure> {
    if let Ok(time) = text.parse() {
        return Ok(time);
    }
    // A date alone: the parser would also take the date out of a time without an offset.
    let date: Option<Date> = text.parse().ok().filter(|_| text.len() == 10);
    let end = date.and_then(|date| format!("{date}T23:59:59Z").parse().ok());
    end.ok_or_else(|| {
        Failure::Usage(format!("{text} is neither a date nor an RFC 3339 time with an offset"))
    })
}

struct When {
    as_of: Time,
    known_at: Option<u64>,
}

fn when(bureau: &Bureau, args: &ScoreArgs) -> Result<When, Failure> {
    let now = bureau.engine.env.now();
    let as_of = args.as_of.as_deref().map(moment).transpose()?.unwrap_or(now);
    if as_of > now {
        return Err(Failure::Usage("--as-of lies in the future".to_string()));
    }
    let known_at = match args.known_at.as_deref() {
        None => None,
        Some(text) => Some(match text.parse() {
            Ok(index) => index,
            Err(_) => bureau.size_at(moment(text)?)?,
        }),
    };
    Ok(When { as_of, known_at })
}

/// `fivefold score`.
pub fn score(place: &Place, args: &ScoreArgs) -> Done {
    with_bureau(place, |bureau, config| {
        let when = when(bureau, args)?;
        let admission = args.staff.admission(config.environment(), "score")?;
        let Some(subject) = args.subject.clone() else {
            let approval = args.approved.read()?;
            bureau.run(TakeTable { admission, what: "scores", approval }).value()?;
            return everybody(bureau, args, &when);
        };
        let told = bureau.run(LookUp { admission, subject, what: "score" }).value()?;
        let person = told["person"].as_str().unwrap_or_default().to_string();
        let seen = bureau.look(&[person], when.as_of, when.known_at)?;
        match &args.out {
            Some(path) => {
                let mut table = Written::begin(bureau, path, &when)?;
                table.add(&seen)?;
                table.finish(args.shape.json)
            }
            None => show(bureau, args, &when, &seen),
        }
    })
}

fn everybody(bureau: &Bureau, args: &ScoreArgs, when: &When) -> Done {
    let bar = progress("scoring", bureau.count_persons()?);
    let mut table =
        args.out.as_deref().map(|path| Written::begin(bureau, path, when)).transpose()?;
    let mut kept: Vec<Seen> = Vec::new();
    let threads = available();
    bureau.rescore(when.as_of, when.known_at, threads, &mut |seen: Vec<Seen>| {
        bar.inc(seen.len() as u64);
        match &mut table {
            Some(table) => table.add(&seen),
            // To be printed: columns are as wide as the widest of all.
            None => {
                kept.extend(seen);
                Ok::<(), Failure>(())
            }
        }
    })?;
    bar.finish_and_clear();
    match table {
        Some(table) => table.finish(args.shape.json),
        None => show(bureau, args, when, &kept),
    }
}

/// The table in the place that `--out` names.
struct Written<'a> {
    path: &'a Path,
    table: table::Table<NamedTempFile>,
    rows: usize,
    scored: usize,
}

impl<'a> Written<'a> {
    fn begin(bureau: &Bureau, path: &'a Path, when: &When) -> Result<Written<'a>, Failure> {
        let file = private_file(path)?;
        let table = table::Table::begin(file, when.known_at, bureau.engine.champion())?;
        Ok(Written { path, table, rows: 0, scored: 0 })
    }

    fn add(&mut self, seen: &[Seen]) -> Result<(), Failure> {
        self.rows += seen.len();
        self.scored += seen.iter().filter(|one| score_of(one).is_some()).count();
        self.table.add(seen)
    }

    fn finish(self, as_json: bool) -> Done {
        let (path, rows, scored) = (self.path, self.rows, self.scored);
        keep_private(self.table.finish()?, path)?;
        if as_json {
            output::json(&json!({ "out": path, "rows": rows, "scored": scored }))?;
        } else {
            output::pairs(&[
                ("written", path.display().to_string()),
                ("rows", rows.to_string()),
                ("scored", scored.to_string()),
            ])?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn show(bureau: &Bureau, args: &ScoreArgs, when: &When, seen: &[Seen]) -> Done {
    let card = bureau.engine.champion();
    if args.shape.json {
        for one in seen {
            output::json(&value_of(one, when.known_at, card))?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    let mut header = vec!["person", "score", "band"];
    header.extend(crate::collect::Dimension::ALL.iter().map(|d| d.name()));
    header.extend(["known ‰", "observations"]);
    let rows: Vec<Vec<String>> = seen.iter().map(line).collect();
    output::table(&header, &rows)?;
    Ok(ExitCode::SUCCESS)
}

fn score_of(seen: &Seen) -> Option<i32> {
    seen.assessment.as_ref().and_then(Assessment::score)
}

/// The score and what it is called: the band, or why there is none.
fn outcome(assessment: Option<&Assessment>) -> (Option<i32>, &str) {
    match assessment.map(|a| &a.outcome) {
        None => (None, "erased"),
        Some(Outcome::Scored { score, band, .. }) => (Some(*score), band),
        Some(Outcome::NotAssessable(why)) => (None, why.code()),
    }
}

fn line(seen: &Seen) -> Vec<String> {
    let (score, called) = outcome(seen.assessment.as_ref());
    let score = score.map_or("-".to_string(), |score| score.to_string());
    let mut row = vec![seen.person.clone(), score, called.to_string()];
    match &seen.assessment {
        Some(a) => {
            row.extend(a.dimensions.iter().map(|d| format!("{}/{}", d.points, d.of)));
            row.push(a.completeness_permille.to_string());
        }
        None => row.extend(std::iter::repeat_n("-".to_string(), 6)),
    }
    row.push(seen.observations.to_string());
    row
}

fn value_of(seen: &Seen, known_at: Option<u64>, card: &Scorecard) -> Value {
    let mut value = json!({
        "person": seen.person, "as_of": seen.as_of, "known_at": known_at,
        "observations": seen.observations, "model": model(card),
    });
    match &seen.assessment {
        Some(assessment) => add(&mut value, assessment),
        None => value["erased"] = json!(true),
    }
    value
}

fn model(card: &Scorecard) -> Value {
    json!({ "id": card.id, "version": card.version, "digest": hex(&card.digest) })
}

fn add(value: &mut Value, assessment: &Assessment) {
    match &assessment.outcome {
        Outcome::Scored { score, band, clamped } => {
            value["score"] = json!(score);
            value["band"] = json!(band);
            value["clamped"] = json!(clamped);
        }
        Outcome::NotAssessable(why) => value["not_assessable"] = json!(why.code()),
    }
    for d in &assessment.dimensions {
        value["dimensions"][d.dimension.name()] = json!({ "points": d.points, "of": d.of });
    }
    let reasons = assessment.reasons.iter();
    value["reasons"] = reasons.map(|r| json!({ "code": r.code, "points_lost": r.lost })).collect();
    value["completeness_permille"] = json!(assessment.completeness_permille);
    value["thin_file"] = json!(assessment.flags.thin_file);
}

/// `fivefold explain`.
pub fn explain(place: &Place, args: &ExplainArgs) -> Done {
    let language = match args.language.as_str() {
        "en" => Language::English,
        "zh" => Language::Chinese,
        _ => return Err(Failure::Usage("--language must be en or zh".to_string())),
    };
    with_bureau(place, |bureau, config| {
        let admission = args.staff.admission(config.environment(), "explain")?;
        let look = |subject: String| {
            bureau.run(LookUp { admission, subject, what: "explanation" }).value()
        };
        if !args.of.starts_with("inq_") {
            let told = look(args.of.clone())?;
            let person = told["person"].as_str().unwrap_or_default().to_string();
            let now = bureau.engine.env.now();
            let seen = bureau.look(&[person], now, None)?.into_iter().next();
            let Some((seen, assessment)) = seen.and_then(|mut one| {
                let assessment = one.assessment.take()?;
                Some((one, assessment))
            }) else {
                return Err(Failure::new("erased", "The person was erased."));
            };
            let head = json!({
                "person": seen.person, "as_of": seen.as_of, "observations": seen.observations,
            });
            let card = bureau.engine.scorecard_of(&seen.residence);
            return told_of(bureau, args, language, head, &assessment, card);
        }
        match bureau.past(&args.of).map_err(unknown)? {
            Past::Scored { index, person, as_of, known_at, assessment, scorecard } => {
                look(person.clone())?;
                let head = json!({
                    "inquiry": args.of, "index": index, "person": person, "as_of": as_of,
                    "known_at": known_at,
                });
                told_of(bureau, args, language, head, &assessment, &scorecard)
            }
            Past::Unscored { index } => Err(Failure::new(
                "nothing_to_explain",
                format!("Entry {index} was answered without a score."),
            )),
            Past::Gone { index, why } => {
                Err(Failure::new("answer_gone", format!("Entry {index} is gone: {why}.")))
            }
        }
    })
}

fn told_of(
    bureau: &Bureau,
    args: &ExplainArgs,
    language: Language,
    mut head: Value,
    assessment: &Assessment,
    card: &Scorecard,
) -> Done {
    let text = |code: &str| {
        bureau.engine.texts.text(code, language).unwrap_or("no text for this code").to_string()
    };
    let (lines, way) = (rows(card, assessment), recourse(card, assessment));
    if args.shape.json {
        head["model"] = model(card);
        add(&mut head, assessment);
        let reasons = assessment.reasons.iter();
        head["reasons"] = reasons
            .map(|r| json!({ "code": r.code, "points_lost": r.lost, "text": text(&r.code) }))
            .collect();
        head["base_points"] = json!(card.scale.base_points);
        head["total"] = json!(assessment.total);
        head["characteristics"] = lines.iter().map(row_value).collect();
        head["recourse"] = way.as_ref().map_or(Value::Null, recourse_value);
        output::json(&head)?;
        return Ok(ExitCode::SUCCESS);
    }
    let (score, called) = outcome(Some(assessment));
    let score = score.map_or("none".to_string(), |score| score.to_string());
    output::pairs(&[
        ("person", head["person"].as_str().unwrap_or_default().to_string()),
        ("as of", head["as_of"].as_str().unwrap_or_default().to_string()),
        ("model", format!("{} {}", card.id, card.version)),
        ("score", format!("{score} ({called})")),
        ("sum", format!("{} = {} + the points below", assessment.total, card.scale.base_points)),
    ])?;
    output::text("\n")?;
    let table: Vec<Vec<String>> = lines.iter().map(row_line).collect();
    let header = ["dimension", "characteristic", "value", "bin", "points", "mean", "lost", "code"];
    output::table(&header, &table)?;
    let reasons: Vec<Vec<String>> = assessment
        .reasons
        .iter()
        .map(|r| vec![r.code.clone(), r.lost.to_string(), text(&r.code)])
        .collect();
    output::text("\n")?;
    output::table(&["reason", "lost", "in words"], &reasons)?;
    if let Some(way) = &way {
        output::text(&format!("\nTo reach {} ({}):\n", way.band, way.score))?;
        let moves: Vec<Vec<String>> = way
            .moves
            .iter()
            .map(|m| {
                let (from, to) = (m.from.clone(), m.to.clone());
                vec![m.name.clone(), m.value.to_string(), from, to, format!("+{}", m.gained)]
            })
            .collect();
        output::table(&["characteristic", "value", "from bin", "to bin", "points"], &moves)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn known(value: &Read) -> Option<i64> {
    match value {
        Read::Known(value) => Some(*value),
        Read::NoData | Read::NotApplicable | Read::NoConsent => None,
    }
}

fn row_value(row: &Row) -> Value {
    json!({
        "name": row.name, "dimension": row.dimension.map(Dimension::name), "unit": row.unit,
        "value": known(&row.value), "interval": row.interval, "points": row.points,
        "baseline": row.baseline, "lost": row.lost, "reason": row.reason,
    })
}

fn row_line(row: &Row) -> Vec<String> {
    let value = match known(&row.value) {
        Some(value) => format!("{value} {}", row.unit).trim_end().to_string(),
        None => "-".to_string(),
    };
    vec![
        row.dimension.map(Dimension::name).unwrap_or_default().to_string(),
        row.name.clone(),
        value,
        row.interval.clone(),
        row.points.to_string(),
        row.baseline.to_string(),
        if row.lost > 0 { row.lost.to_string() } else { String::new() },
        row.reason.clone(),
    ]
}

fn recourse_value(way: &Recourse) -> Value {
    let moves: Vec<Value> = way
        .moves
        .iter()
        .map(|m| {
            json!({
                "name": m.name, "value": m.value, "from": m.from, "to": m.to, "reach": m.reach,
                "points_gained": m.gained,
            })
        })
        .collect();
    json!({ "band": way.band, "score": way.score, "moves": moves })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_a_time_or_the_end_of_a_date() {
        let read = |text: &str| moment(text).expect("a moment").to_string();
        assert_eq!(read("2026-06-30"), "2026-06-30T23:59:59Z");
        assert_eq!(read("2026-06-30T08:00:00+08:00"), "2026-06-30T00:00:00Z");
        for text in ["yesterday", "2026-13-01", "2026-06-30T08:00:00"] {
            assert!(matches!(moment(text), Err(Failure::Usage(_))), "{text}");
        }
    }
}
