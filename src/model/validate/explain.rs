//! Does the scorecard say what it does? Points by the printed table, reasons by points lost, and
//! what becomes of scores when something is not known.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::model::error::ModelError;
use crate::model::metrics::auc;
use crate::model::predict::Scores;
use crate::model::table::Table;
use crate::score::scorecard::Scorecard;

/// Rows that are computed again by the printed table.
const ROWS_AGAIN: usize = 2_000;

/// The same scores by another way: each cell looked up in the printed table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Again {
    /// Rows computed again.
    pub rows: u64,
    /// Rows whose total differs: must be none.
    pub totals_differ: u64,
    /// Rows whose reasons are not the largest losses: must be none.
    pub reasons_differ: u64,
}

/// What one dimension, or one characteristic where there are no dimensions, does.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Weight {
    /// Its name.
    pub name: String,
    /// Its share of the score's variance: its covariance with the score. The shares sum to one.
    pub share: f64,
    /// The mean change of the score, up or down, when nothing of it is known.
    pub moved: f64,
    /// The largest change.
    pub moved_max: i32,
    /// AUC without it.
    pub auc_without: Option<f64>,
}

/// Computes rows again by the printed table.
///
/// # Errors
/// A column is missing.
pub fn again(scorecard: &Scorecard, table: &Table, scores: &Scores) -> Result<Again, ModelError> {
    let step = table.rows.div_ceil(ROWS_AGAIN).max(1);
    let mut out = Again::default();
    for row in (0..table.rows).step_by(step) {
        let points = points(scorecard, table, row)?;
        let base = i64::from(scorecard.scale.base_points);
        let total = base + points.iter().map(|(points, ..)| i64::from(*points)).sum::<i64>();
        let mut lost: BTreeMap<&str, i64> = BTreeMap::new();
        for (points, baseline, reason) in points {
            *lost.entry(reason).or_default() += i64::from((baseline - points).max(0));
        }
        let mut lost: Vec<(&str, i64)> = lost.into_iter().filter(|(_, lost)| *lost > 0).collect();
        lost.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
        let reasons = lost.iter().map(|(reason, _)| *reason).take(4);
        out.rows += 1;
        out.totals_differ += u64::from(scores.totals.get(row) != Some(&total));
        out.reasons_differ += u64::from(!scores.reasons_of(row).eq(reasons));
    }
    Ok(out)
}

/// Points, baseline and reason of every part of a row.
fn points<'s>(
    scorecard: &'s Scorecard,
    table: &Table,
    row: usize,
) -> Result<Vec<(i32, i32, &'s str)>, ModelError> {
    let mut out = Vec::new();
    for entry in &scorecard.characteristics {
        let cell = table.column(&entry.name)?.cell(row);
        let points = entry.cell_points(cell).unwrap_or(entry.baseline);
        out.push((points, entry.baseline, entry.reason.as_str()));
    }
    for pair in &scorecard.pairs {
        let find = |name: &String| scorecard.characteristics.iter().find(|e| e.name == *name);
        let (Some(a), Some(b)) = (find(&pair.of[0]), find(&pair.of[1])) else { continue };
        let cells = [table.column(&a.name)?.cell(row), table.column(&b.name)?.cell(row)];
        let points = pair.cell_points([a, b], cells).unwrap_or(pair.baseline);
        out.push((points, pair.baseline, pair.reason.as_str()));
    }
    Ok(out)
}

/// What each dimension does, the weightiest first.
///
/// # Errors
/// A column is missing.
pub fn weights(
    scorecard: &Scorecard,
    table: &Table,
    scores: &Scores,
    bad: &[bool],
) -> Result<Vec<Weight>, ModelError> {
    let step = table.rows.div_ceil(20_000).max(1);
    let rows: Vec<usize> = (0..table.rows).step_by(step).collect();
    let mut sums: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    for (at, row) in rows.iter().enumerate() {
        let names = scorecard.characteristics.iter().map(|e| (e.dimension, &e.name));
        let pairs = scorecard.pairs.iter().map(|p| (p.dimension, &p.reason));
        for ((points, baseline, _), (dimension, name)) in
            points(scorecard, table, *row)?.into_iter().zip(names.chain(pairs))
        {
            let name = dimension.map_or_else(|| name.clone(), |d| d.name().to_string());
            let of = sums.entry(name).or_insert_with(|| vec![0; rows.len()]);
            of[at] += i64::from(points - baseline);
        }
    }
    let totals: Vec<i64> = rows.iter().map(|row| scores.totals[*row]).collect();
    let outcomes: Vec<bool> = rows.iter().map(|row| bad[*row]).collect();
    let variance = covariance(&totals, &totals).max(1e-9);
    let unit = f64::from(scorecard.scale.unit);
    let mut out: Vec<Weight> = sums
        .into_iter()
        .map(|(name, of)| {
            let n = (of.len() as f64).max(1.0);
            let without: Vec<(i64, bool)> =
                totals.iter().zip(&of).map(|(t, d)| t - d).zip(outcomes.iter().copied()).collect();
            let largest = of.iter().map(|d| d.abs()).max().unwrap_or(0);
            Weight {
                share: covariance(&of, &totals) / variance,
                moved: of.iter().map(|d| d.abs() as f64).sum::<f64>() / n / unit,
                moved_max: (largest as f64 / unit).round() as i32,
                auc_without: auc(&without).map(|auc| auc.value),
                name,
            }
        })
        .collect();
    out.sort_by(|a, b| b.share.total_cmp(&a.share).then(a.name.cmp(&b.name)));
    Ok(out)
}

fn covariance(a: &[i64], b: &[i64]) -> f64 {
    let n = (a.len() as f64).max(1.0);
    let mean = |x: &[i64]| x.iter().sum::<i64>() as f64 / n;
    let (ma, mb) = (mean(a), mean(b));
    a.iter().zip(b).map(|(x, y)| (*x as f64 - ma) * (*y as f64 - mb)).sum::<f64>() / n
}
