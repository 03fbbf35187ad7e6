//! Scoring whole tables with nothing but the scorecard: score, probability of bad, reasons.
//!
//! Each characteristic is bound to its column once: limits are brought to the column's decimals,
//! words to a table of points. Rows are then scored in short runs, one column after the other. What
//! a single cell gives by the printed table ([`Entry::cell_points`]) is the definition that this is
//! tested against.

mod bind;
#[cfg(test)]
mod tests;
mod write;

pub use write::write;

use std::collections::BTreeSet;

use super::error::ModelError;
use super::parallel;
use super::table::{Table, Wanted};
use crate::score::assess::REASONS_MAX;
use crate::score::scorecard::{Entry, Scorecard};
use bind::{Bound, BoundPair};

/// Rows scored at a time: few enough to stay near the processor.
const RUN_ROWS: usize = 1_024;
/// No reason.
const NONE: u16 = u16::MAX;

/// What a table was scored with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scores {
    /// Sum of points of each row, before the scale's limits.
    pub totals: Vec<i64>,
    /// The score of each row.
    pub scores: Vec<i32>,
    /// Probability of bad of each row, in parts per million.
    pub bad_ppm: Vec<u32>,
    /// Up to four reasons of each row, by place in `codes`; `u16::MAX` for none.
    pub reasons: Vec<[u16; REASONS_MAX]>,
    /// The reason codes.
    pub codes: Vec<String>,
}

impl Scores {
    /// The reasons of a row, most points lost first.
    pub fn reasons_of(&self, row: usize) -> impl Iterator<Item = &str> {
        let reasons = self.reasons.get(row).into_iter().flatten();
        reasons.filter_map(|place| self.codes.get(usize::from(*place))).map(String::as_str)
    }
}

/// The columns a scorecard reads.
pub fn columns(scorecard: &Scorecard) -> Vec<String> {
    scorecard.characteristics.iter().map(|entry| entry.name.clone()).collect()
}

/// Reads of a file what a scorecard needs, and `more`.
///
/// # Errors
/// The file cannot be read, or lacks a column.
pub fn read(
    scorecard: &Scorecard,
    path: &std::path::Path,
    more: &[String],
) -> Result<Table, ModelError> {
    let mut only = columns(scorecard);
    only.extend(more.iter().filter(|name| !columns(scorecard).contains(name)).cloned());
    let entries = &scorecard.characteristics;
    let decimals: Vec<(String, u32)> =
        entries.iter().map(|entry| (entry.name.clone(), entry.decimals())).collect();
    let wanted = Wanted { only: Some(&only), decimals: &decimals, ..Wanted::default() };
    super::table::read(path, &wanted)
}

/// Scores every row.
///
/// # Errors
/// A column is missing, or a cell holds text where a number belongs: with its row.
pub fn score(scorecard: &Scorecard, table: &Table, threads: usize) -> Result<Scores, ModelError> {
    let entries = &scorecard.characteristics;
    let bound = entries.iter().map(|entry| Bound::new(entry, table.column(&entry.name)?));
    let bound: Vec<Bound<'_>> = bound.collect::<Result<_, _>>()?;
    let mut pairs = Vec::with_capacity(scorecard.pairs.len());
    for pair in &scorecard.pairs {
        let of = |name: &String| -> Result<(&Entry, _), ModelError> {
            let entry = entries.iter().find(|entry| entry.name == *name);
            let entry = entry.ok_or_else(|| ModelError::Table(format!("no `{name}`")))?;
            Ok((entry, table.column(name)?))
        };
        pairs.push(BoundPair::new(pair, of(&pair.of[0])?, of(&pair.of[1])?)?);
    }
    let codes: BTreeSet<&String> = entries
        .iter()
        .map(|entry| &entry.reason)
        .chain(scorecard.pairs.iter().map(|pair| &pair.reason))
        .collect();
    let codes: Vec<String> = codes.into_iter().cloned().collect();
    let place = |reason: &String| codes.binary_search(reason).unwrap_or(0) as u16;
    let plan = Plan {
        scorecard,
        mains: bound.into_iter().zip(entries.iter().map(|e| place(&e.reason))).collect(),
        pairs: pairs.into_iter().zip(scorecard.pairs.iter().map(|p| place(&p.reason))).collect(),
        codes: codes.len(),
    };
    let blocks = blocks(table.rows, threads);
    let parts = parallel::map(threads, &blocks, |_, (from, to)| plan.score(*from, *to));
    let mut scores = Scores { codes, ..Scores::default() };
    for part in parts {
        scores.totals.extend(part.totals);
        scores.scores.extend(part.scores);
        scores.bad_ppm.extend(part.bad_ppm);
        scores.reasons.extend(part.reasons);
    }
    Ok(scores)
}

fn blocks(rows: usize, threads: usize) -> Vec<(usize, usize)> {
    let size = if threads <= 1 { rows.max(1) } else { 64 * RUN_ROWS };
    (0..rows.div_ceil(size)).map(|i| (i * size, ((i + 1) * size).min(rows))).collect()
}

/// A scorecard bound to a table. Each part has the place of its reason.
struct Plan<'a> {
    scorecard: &'a Scorecard,
    mains: Vec<(Bound<'a>, u16)>,
    pairs: Vec<(BoundPair<'a>, u16)>,
    codes: usize,
}

impl Plan<'_> {
    fn score(&self, from: usize, to: usize) -> Scores {
        let mut out = Scores {
            totals: Vec::with_capacity(to - from),
            scores: Vec::with_capacity(to - from),
            bad_ppm: Vec::with_capacity(to - from),
            reasons: Vec::with_capacity(to - from),
            codes: Vec::new(),
        };
        // a reason that only one part has needs no sum over parts
        let parts = self.mains.len() + self.pairs.len();
        let merged = parts > self.codes;
        let mut lost = vec![[0_i32; RUN_ROWS]; if merged { self.codes } else { 1 }];
        let mut points = [0_i32; RUN_ROWS];
        let mut at = from;
        while at < to {
            let end = (at + RUN_ROWS).min(to);
            let run = end - at;
            let mut totals = [i64::from(self.scorecard.scale.base_points); RUN_ROWS];
            let mut worst = [[0_i32; REASONS_MAX]; RUN_ROWS];
            let mut reasons = [[NONE; REASONS_MAX]; RUN_ROWS];
            lost.iter_mut().for_each(|lost| lost[..run].fill(0));
            for part in 0..parts {
                let (baseline, reason) = self.points(part, at, &mut points[..run]);
                for (total, points) in totals.iter_mut().zip(&points[..run]) {
                    *total += i64::from(*points);
                }
                let place = if merged { usize::from(reason) } else { 0 };
                for (lost, points) in lost[place].iter_mut().zip(&points[..run]) {
                    let own = baseline - points;
                    *lost = if merged { *lost + own.max(0) } else { own };
                }
                if !merged {
                    rank(&lost[0][..run], reason, &mut worst, &mut reasons);
                }
            }
            if merged {
                for (reason, lost) in lost.iter().enumerate() {
                    rank(&lost[..run], reason as u16, &mut worst, &mut reasons);
                }
            }
            for (total, reasons) in totals.iter().zip(&reasons).take(run) {
                out.totals.push(*total);
                out.scores.push(self.scorecard.scale.clamp(*total).0);
                out.bad_ppm.push(self.scorecard.probability_of_total(*total));
                out.reasons.push(*reasons);
            }
            at = end;
        }
        out
    }

    /// The points of one part for the rows from `at` on; its baseline and the place of its reason.
    fn points(&self, part: usize, at: usize, out: &mut [i32]) -> (i32, u16) {
        match part.checked_sub(self.mains.len()) {
            None => {
                let (bound, reason) = &self.mains[part];
                bound.points(at, out);
                (bound.baseline, *reason)
            }
            Some(pair) => {
                let (bound, reason) = &self.pairs[pair];
                bound.points(at, out);
                (bound.baseline, *reason)
            }
        }
    }
}

/// Puts a reason among the worst of each row, where it belongs: most points lost first, and of
/// equal losses the earlier code.
fn rank(
    lost: &[i32],
    reason: u16,
    worst: &mut [[i32; REASONS_MAX]],
    reasons: &mut [[u16; REASONS_MAX]],
) {
    for ((lost, worst), reasons) in lost.iter().zip(worst).zip(reasons) {
        let last = REASONS_MAX - 1;
        if *lost <= 0 || (*lost, u16::MAX - reason) <= (worst[last], u16::MAX - reasons[last]) {
            continue;
        }
        let mut place = last;
        while place > 0
            && (*lost, u16::MAX - reason) > (worst[place - 1], u16::MAX - reasons[place - 1])
        {
            worst[place] = worst[place - 1];
            reasons[place] = reasons[place - 1];
            place -= 1;
        }
        worst[place] = *lost;
        reasons[place] = reason;
    }
}
