//! How scores rank: curves, histogram, bands, time.

use std::collections::BTreeMap;

use serde::Serialize;

use super::figures::Figures;
use super::tail::wilson;
use crate::model::table::Column;
use crate::score::column::Cell;
use crate::score::scorecard::Scorecard;

/// Points of a curve that are kept.
const POINTS_MAX: usize = 200;
/// More different times than this are put into ten runs.
const VINTAGES_MAX: usize = 36;

/// One point of the curves: at this score, the share of bads and of goods at or below it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Point {
    /// The score.
    pub score: i32,
    /// Share of the bads at or below.
    pub bads: f64,
    /// Share of the goods at or below.
    pub goods: f64,
}

/// A band, or a bar of the histogram.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Band {
    /// Its name.
    pub name: String,
    /// Lowest score in it.
    pub from: i32,
    /// Rows.
    pub rows: u64,
    /// Those that went bad.
    pub bads: u64,
    /// Share that went bad.
    pub rate: f64,
    /// Its 95 % interval (Wilson).
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl Band {
    fn new(name: &str, from: i32, rows: u64, bads: u64) -> Band {
        let (low, high) = wilson(bads, rows);
        let rate = bads as f64 / (rows as f64).max(1.0);
        Band { name: name.to_string(), from, rows, bads, rate, low, high }
    }
}

/// One stretch of time.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Vintage {
    /// The time, as written.
    pub name: String,
    /// Rows.
    pub rows: u64,
    /// Those that went bad.
    pub bads: u64,
    /// Mean score.
    pub score: f64,
    /// Mean predicted probability.
    pub predicted: f64,
    /// Figures, where there are both outcomes.
    pub figures: Option<Figures>,
}

/// The two cumulative distributions, at up to 200 scores.
pub fn curve(scores: &[i32], bad: &[bool]) -> Vec<Point> {
    let mut counts: BTreeMap<i32, (u64, u64)> = BTreeMap::new();
    for (score, bad) in scores.iter().zip(bad) {
        let count = counts.entry(*score).or_default();
        if *bad { count.0 += 1 } else { count.1 += 1 }
    }
    let bads: u64 = counts.values().map(|c| c.0).sum();
    let goods: u64 = counts.values().map(|c| c.1).sum();
    let of = |part: u64, whole: u64| part as f64 / (whole as f64).max(1.0);
    let (mut b, mut g) = (0, 0);
    let all: Vec<Point> = counts
        .into_iter()
        .map(|(score, count)| {
            (b, g) = (b + count.0, g + count.1);
            Point { score, bads: of(b, bads), goods: of(g, goods) }
        })
        .collect();
    let step = all.len().div_ceil(POINTS_MAX).max(1);
    let last = all.len().saturating_sub(1);
    all.into_iter().enumerate().filter(|(i, _)| i % step == 0 || *i == last).map(|p| p.1).collect()
}

/// Scores by outcome in bars of twenty points.
pub fn histogram(scorecard: &Scorecard, scores: &[i32], bad: &[bool]) -> Vec<Band> {
    const WIDTH: i32 = 20;
    let (min, max) = (scorecard.scale.min, scorecard.scale.max);
    let bars = ((max - min) / WIDTH + 1).max(1) as usize;
    let mut counts = vec![(0_u64, 0_u64); bars];
    for (score, bad) in scores.iter().zip(bad) {
        let bar = ((score - min) / WIDTH).clamp(0, bars as i32 - 1) as usize;
        counts[bar].0 += 1;
        counts[bar].1 += u64::from(*bad);
    }
    let bars = counts.into_iter().enumerate();
    bars.map(|(i, (rows, bads))| Band::new("", min + i as i32 * WIDTH, rows, bads)).collect()
}

/// The scorecard's bands, lowest first.
pub fn bands(scorecard: &Scorecard, scores: &[i32], bad: &[bool]) -> Vec<Band> {
    let bands = &scorecard.bands;
    let mut counts = vec![(0_u64, 0_u64); bands.len()];
    for (score, bad) in scores.iter().zip(bad) {
        let place = bands.partition_point(|band| band.from <= *score).saturating_sub(1);
        if let Some(count) = counts.get_mut(place) {
            count.0 += 1;
            count.1 += u64::from(*bad);
        }
    }
    let named = bands.iter().zip(counts);
    named.map(|(band, (rows, bads))| Band::new(&band.name, band.from, rows, bads)).collect()
}

/// Neighbouring bands whose bad rates stand the wrong way round beyond their intervals.
pub fn inversions(bands: &[Band]) -> Vec<String> {
    let filled: Vec<&Band> = bands.iter().filter(|band| band.rows > 0).collect();
    let wrong = filled.windows(2).filter(|pair| pair[1].low > pair[0].high);
    wrong.map(|pair| format!("{} above {}", pair[1].name, pair[0].name)).collect()
}

/// Rows by time, in its order.
pub fn vintages(
    column: &Column,
    scores: &[i32],
    probabilities: &[f64],
    bad: &[bool],
) -> Vec<Vintage> {
    let mut rows: BTreeMap<Key, Vec<usize>> = BTreeMap::new();
    for row in 0..column.len() {
        rows.entry(key(column.cell(row), usize::MAX)).or_default().push(row);
    }
    for length in [7, 4] {
        // dates and times: months, and then years, where days would be too many
        if rows.len() > VINTAGES_MAX && rows.keys().all(|key| matches!(key, Key::Text(_))) {
            rows.clear();
            for row in 0..column.len() {
                rows.entry(key(column.cell(row), length)).or_default().push(row);
            }
        }
    }
    let mut runs: Vec<(String, Vec<usize>)> =
        rows.into_iter().map(|(key, rows)| (key.name(), rows)).collect();
    if runs.len() > VINTAGES_MAX {
        runs = tenths(runs);
    }
    runs.into_iter().map(|(name, rows)| vintage(name, &rows, scores, probabilities, bad)).collect()
}

/// Times in their order: numbers by size, words by letter.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Missing,
    Number(i64, u32),
    Text(String),
}

impl Key {
    fn name(&self) -> String {
        match self {
            Key::Missing => "missing".to_string(),
            Key::Number(digits, decimals) => {
                crate::score::column::Decimal { digits: *digits, decimals: *decimals }.text()
            }
            Key::Text(text) => text.clone(),
        }
    }
}

fn key(cell: Cell<'_>, length: usize) -> Key {
    match cell {
        Cell::Missing => Key::Missing,
        Cell::Number(number) => Key::Number(number.digits, number.decimals),
        Cell::Text(text) => Key::Text(text.chars().take(length).collect()),
    }
}

/// Neighbouring times joined to ten runs of about equal size.
fn tenths(runs: Vec<(String, Vec<usize>)>) -> Vec<(String, Vec<usize>)> {
    let total: usize = runs.iter().map(|run| run.1.len()).sum();
    let mut out: Vec<(String, Vec<usize>)> = Vec::new();
    let (mut first, mut held): (Option<String>, Vec<usize>) = (None, Vec::new());
    for (name, rows) in runs {
        let from = first.get_or_insert_with(|| name.clone()).clone();
        held.extend(rows);
        if held.len() * 10 >= total {
            out.push((format!("{from} to {name}"), std::mem::take(&mut held)));
            first = None;
        }
    }
    if let (Some(from), false) = (first, held.is_empty()) {
        out.push((format!("from {from}"), held));
    }
    out
}

fn vintage(
    name: String,
    rows: &[usize],
    scores: &[i32],
    probabilities: &[f64],
    bad: &[bool],
) -> Vintage {
    let own: Vec<i64> = rows.iter().map(|row| i64::from(scores[*row])).collect();
    let told: Vec<f64> = rows.iter().map(|row| probabilities[*row]).collect();
    let outcomes: Vec<bool> = rows.iter().map(|row| bad[*row]).collect();
    let n = (rows.len() as f64).max(1.0);
    Vintage {
        name,
        rows: rows.len() as u64,
        bads: outcomes.iter().filter(|bad| **bad).count() as u64,
        score: own.iter().sum::<i64>() as f64 / n,
        predicted: told.iter().sum::<f64>() / n,
        figures: Figures::of(&own, &told, &outcomes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn curves_end_at_one_and_bands_count_everybody() {
        let scores: Vec<i32> = (0..1_000).map(|i| 350 + i % 600).collect();
        let bad: Vec<bool> = (0..1_000).map(|i| i % 7 == 0).collect();
        let points = curve(&scores, &bad);
        assert!(points.len() <= POINTS_MAX + 1);
        let last = points.last().expect("points");
        assert_eq!((last.bads, last.goods), (1.0, 1.0));
    }

    #[test]
    fn a_higher_band_with_a_surely_higher_bad_rate_is_an_inversion() {
        let bands = [Band::new("poor", 350, 1_000, 100), Band::new("fair", 550, 1_000, 300)];
        assert_eq!(inversions(&bands), ["fair above poor"]);
        let close = [Band::new("poor", 350, 20, 2), Band::new("fair", 550, 20, 3)];
        assert!(inversions(&close).is_empty());
    }
}
