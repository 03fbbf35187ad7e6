//! Everybody's score, measured against what really happened; then the proofs.

use std::collections::BTreeMap;

use serde_json::Value;

use super::cast::BANK;
use super::client::Call;
use super::hall::{Hall, inquiry};
use super::intake::Person;
use super::story::Story;
use super::table::grouped;
use super::{DemoError, parallel, progress};
use crate::bureau::admission::Admission;
use crate::bureau::command::refold::terms;
use crate::bureau::replay::Replayed;
use crate::kernel::Month;
use crate::ledger::note::Verifier;
use crate::ledger::receipt::verify_receipt;
use crate::ledger::source::{DirSource, HttpSource};
use crate::ledger::tile::TileSource;
use crate::ledger::verify::verify_log;
use crate::model::metrics::{Discrimination, discrimination};
use crate::report::verify_export::verify_export;

/// Inquiries of one batch: the door takes no more.
const BATCH: usize = 1_000;
/// Batches in flight: one is answered, the next one waits.
const BATCHES: usize = 2;

/// How many of a band there are, and how many of them went bad.
#[derive(Clone, Copy, Default)]
pub struct Count {
    /// Persons.
    pub persons: u64,
    /// Those who went bad.
    pub bad: u64,
}

/// Everybody's score.
#[derive(Default)]
pub struct Scores {
    /// By band.
    pub bands: BTreeMap<String, Count>,
    /// Who could not be scored, by code.
    pub unscored: BTreeMap<String, u64>,
    /// Batches sent.
    pub batches: usize,
    /// How the score separates good from bad, where there are both.
    pub found: Option<Discrimination>,
}

/// The bank reviews everybody's account, a thousand inquiries a request. Outcomes are held against
/// the scores of those only who were not fitted to: `judged` says which rows they are.
///
/// # Errors
/// A batch fails as a whole.
pub fn score_everyone(
    hall: &Hall<'_>,
    people: &[Person],
    judged: impl Fn(u32) -> bool,
) -> Result<Scores, DemoError> {
    let bank = hall.cast.member(BANK)?;
    let batches: Vec<&[Person]> = people.chunks(BATCH).collect();
    let bar = progress(people.len(), "people");
    bar.set_message("scoring everybody");
    let answers = parallel::each(&batches, BATCHES, |batch| {
        let lines: Vec<String> = batch
            .iter()
            .map(|person| inquiry(&person.subject, &person.consent, "account_review").to_string())
            .collect();
        let call = Call::lines("/v1/inquiries/batch", &lines);
        let answer = hall.client.must(&bank.key, Call { idempotency: hall.fresh(), ..call })?;
        let lines = serde_json::Deserializer::from_slice(&answer.body).into_iter::<Value>();
        let values: Vec<Value> =
            lines.collect::<Result<_, _>>().map_err(|_| answer.lacks("lines"))?;
        match values.len() == batch.len() {
            true => {
                bar.inc(batch.len() as u64);
                Ok(values)
            }
            false => Err(answer.lacks("line for each inquiry")),
        }
    })?;
    bar.finish_and_clear();
    let lines = answers.iter().flatten();
    Ok(Scores { batches: batches.len(), ..counted(people.iter().zip(lines), judged) })
}

/// Sorts the answers into bands, and holds the scores against the outcomes.
fn counted<'a>(
    answers: impl Iterator<Item = (&'a Person, &'a Value)>,
    judged: impl Fn(u32) -> bool,
) -> Scores {
    let mut scores = Scores::default();
    let mut outcomes = Vec::new();
    for (person, line) in answers {
        let answer = &line["answer"];
        let Some(score) = answer["score"].as_i64() else {
            let code = [&answer["code"], &line["problem"]["code"], &answer["form"]];
            let code = code.iter().find_map(|v| v.as_str()).unwrap_or("unknown");
            *scores.unscored.entry(code.to_string()).or_default() += 1;
            continue;
        };
        let bad = person.outcome_bad.unwrap_or_default();
        let band = answer["band"].as_str().unwrap_or_default();
        let count = scores.bands.entry(band.to_string()).or_default();
        count.persons += 1;
        count.bad += u64::from(bad);
        if person.outcome_bad.is_some() && judged(person.number) {
            outcomes.push((score, bad));
        }
    }
    scores.found = discrimination(&outcomes);
    scores
}

/// One check and how it ended.
pub struct Check {
    /// What was checked.
    pub what: &'static str,
    /// What was found.
    pub found: String,
    /// Whether it holds.
    pub holds: bool,
}

impl Check {
    fn of<E: std::fmt::Display>(what: &'static str, result: Result<String, E>) -> Check {
        match result {
            Ok(found) => Check { what, found, holds: true },
            Err(error) => Check { what, found: error.to_string(), holds: false },
        }
    }
}

/// The checks that need nobody's word: receipt, log, replay, export.
///
/// # Errors
/// A check could not be made at all; one that fails is a [`Check`].
pub fn check(hall: &Hall<'_>, story: &Story) -> Result<Vec<Check>, DemoError> {
    let stage = hall.stage;
    stage.bureau.publish().map_err(DemoError::Serve)?;
    let vkey = stage.bureau.log_dir().join("vkey");
    let text = std::fs::read_to_string(&vkey).map_err(|e| DemoError::Io(vkey.clone(), e))?;
    let verifier = Verifier::parse(text.trim())
        .map_err(|e| DemoError::Io(vkey, std::io::Error::other(e.to_string())))?;
    let mut checks = vec![receipt(hall, story, &verifier)?, replay(hall, story)?];
    let folder = DirSource::new(stage.bureau.log_dir());
    checks.push(log("the log, from its files", &folder, &verifier));
    let prefix = format!("{}/log", stage.url());
    let served = HttpSource::new(&prefix).map_err(|e| DemoError::Io(prefix.into(), e))?;
    checks.push(log("the log, over HTTP", &served, &verifier));
    checks.push(export(hall, &verifier));
    Ok(checks)
}

/// The month as Parquet, verified again from the files alone.
fn export(hall: &Hall<'_>, verifier: &Verifier) -> Check {
    let bureau = &hall.stage.bureau;
    let made = || -> Result<String, Box<dyn std::error::Error>> {
        let (_, offset) = terms(&bureau.engine, &bureau.engine.home);
        let month = Month::of(bureau.engine.env.now().date_at(offset));
        let period = bureau.period(&month.to_string())?;
        let admission = Admission::operator("demo", "the month's export, for the demonstration");
        let out = hall.stage.dir.join("extract");
        bureau.extract(&period, admission, &out, &mut |_, _| {})?;
        let report = verify_export(&out, std::slice::from_ref(verifier), None, &mut |_, _| {})?;
        let rows: u64 = report.files.iter().map(|(_, rows)| rows).sum();
        let tables = report.files.len();
        Ok(format!("{tables} tables, {rows} rows, entries {} to {}", report.start, report.end - 1))
    };
    Check::of("the Parquet extract", made())
}

/// The lender's answer and its proof, kept as files and verified without the bureau.
fn receipt(hall: &Hall<'_>, story: &Story, verifier: &Verifier) -> Result<Check, DemoError> {
    let answer = &story.lender.answer;
    let index = answer["log"]["index"].as_u64().ok_or_else(|| DemoError::Answer {
        act: "POST /v1/inquiries".to_string(),
        what: "log.index".to_string(),
    })?;
    let proof = hall.client.public(&format!("/v1/log/proofs/{index}"))?.done()?;
    let text = String::from_utf8(proof.body.clone()).map_err(|_| proof.lacks("text"))?;
    hall.stage.write("answers/lender.json", answer.to_string().as_bytes())?;
    hall.stage.write("answers/lender.tlog-proof", text.as_bytes())?;
    let verified = verify_receipt(answer, &text, std::slice::from_ref(verifier), &[]);
    let found = verified.map(|receipt| {
        let size = receipt.checkpoint.size;
        let (index, members) = (grouped(receipt.index), receipt.confirmed.len());
        format!("entry {index} of {}; {members} members confirmed", grouped(size))
    });
    Ok(Check::of("the lender's answer, a receipt", found))
}

fn replay(hall: &Hall<'_>, story: &Story) -> Result<Check, DemoError> {
    let what = "the same answer, computed again";
    let found = match hall.stage.bureau.replay(&story.lender.inquiry)? {
        Replayed::Same { score, observations, .. } => {
            let score = score.map_or("no score".to_string(), |s| s.to_string());
            Ok(format!("{score} again, from {observations} records"))
        }
        Replayed::NothingToCompute { .. } => Err("there was nothing to compute".to_string()),
        Replayed::Differs { differences, .. } => Err(differences.join("; ")),
        Replayed::Gone { why, .. } => Err(why),
    };
    Ok(Check::of(what, found))
}

fn log(what: &'static str, source: &dyn TileSource, verifier: &Verifier) -> Check {
    let keys = std::slice::from_ref(verifier);
    let report = verify_log(source, keys, None, &[], &mut |_, _| {});
    Check::of(
        what,
        report.map(|r| format!("{} entries, all recomputed", grouped(r.checkpoint.size))),
    )
}
