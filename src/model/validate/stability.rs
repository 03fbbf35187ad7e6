//! Has the population moved? PSI of the score and CSI of each characteristic, with a statistic
//! that knows how many rows there are.

use serde::Serialize;

use super::tail::chi_square;
use crate::model::error::ModelError;
use crate::model::table::Table;
use crate::score::column::Column;
use crate::score::scorecard::{Development, Entry, Scorecard};

/// How two distributions over the same cells differ.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Shift {
    /// What: `score`, or a characteristic.
    pub of: String,
    /// Population stability index, `Σ (a − e) ln (a / e)`.
    pub psi: f64,
    /// The index times `n·m/(n+m)`: about chi-square if nothing has moved.
    pub statistic: f64,
    /// Its tail probability.
    pub p_value: f64,
    /// Share of the development rows in each cell.
    pub expected: Vec<f64>,
    /// Share of these rows in each cell.
    pub actual: Vec<f64>,
}

impl Shift {
    /// In a word, after the customary limits 0.10 and 0.25, unless chance explains it.
    pub fn verdict(&self) -> &'static str {
        match self.psi {
            _ if self.p_value > 0.01 => "no more than chance",
            psi if psi < 0.10 => "little",
            psi if psi < 0.25 => "moderate",
            _ => "act",
        }
    }
}

/// The shift between two tallies.
pub fn shift(of: &str, expected: &[u64], actual: &[u64]) -> Option<Shift> {
    let cells: Vec<(u64, u64)> =
        expected.iter().copied().zip(actual.iter().copied()).filter(|c| c.0 + c.1 > 0).collect();
    let n: u64 = cells.iter().map(|c| c.0).sum();
    let m: u64 = cells.iter().map(|c| c.1).sum();
    if n == 0 || m == 0 || cells.len() < 2 {
        return None;
    }
    // empty cells are floored at half a row
    let share = |count: u64, whole: u64| (count as f64).max(0.5) / whole as f64;
    let expected: Vec<f64> = cells.iter().map(|c| share(c.0, n)).collect();
    let actual: Vec<f64> = cells.iter().map(|c| share(c.1, m)).collect();
    let pairs = expected.iter().zip(&actual);
    let psi: f64 = pairs.map(|(e, a)| (a - e) * libm::log(a / e)).sum();
    let (n, m) = (n as f64, m as f64);
    let statistic = psi * n * m / (n + m);
    let p_value = chi_square(statistic, cells.len() as f64 - 1.0);
    Some(Shift { of: of.to_string(), psi, statistic, p_value, expected, actual })
}

/// The shift of the score against the development deciles.
pub fn of_score(scorecard: &Scorecard, scores: &[i32]) -> Option<Shift> {
    let development = scorecard.development.as_ref()?;
    let actual = Development::tenths_of(&development.deciles, scores);
    if actual.len() != development.tenths.len() {
        return None;
    }
    shift("score", &development.tenths, &actual)
}

/// Which bin of the printed table a cell of a column is in, and the development rows of each bin.
fn bins(entry: &Entry) -> Vec<u64> {
    let mut out: Vec<u64> = entry.bins.iter().map(|bin| bin.rows).collect();
    match &entry.column {
        Some(Column::Category { group, other_rows, .. }) => {
            out.extend(group.iter().map(|g| g.rows).chain([*other_rows]));
        }
        Some(Column::Numeric { special, .. }) => out.extend(special.iter().map(|s| s.rows)),
        None => {}
    }
    out.push(entry.no_data_rows);
    out
}

/// The shift of every characteristic over the bins of the printed table.
///
/// # Errors
/// A column is missing.
pub fn of_characteristics(scorecard: &Scorecard, table: &Table) -> Result<Vec<Shift>, ModelError> {
    let mut out = Vec::new();
    for entry in &scorecard.characteristics {
        let column = table.column(&entry.name)?;
        let expected = bins(entry);
        let mut actual = vec![0_u64; expected.len()];
        let places = super::places::places(entry, column);
        for place in places {
            if let Some(count) = actual.get_mut(usize::from(place)) {
                *count += 1;
            }
        }
        out.extend(shift(&entry.name, &expected, &actual));
    }
    out.sort_by(|a, b| b.psi.total_cmp(&a.psi).then(a.of.cmp(&b.of)));
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_with_ties_do_not_shift_against_themselves() {
        let mut scores: Vec<i32> = [(350, 400), (500, 350), (700, 250)]
            .into_iter()
            .flat_map(|(s, n)| vec![s; n])
            .collect();
        scores.sort_unstable();
        let deciles: Vec<i32> = (1..10).map(|i| scores[i * scores.len() / 10]).collect();
        let tenths = Development::tenths_of(&deciles, &scores);
        assert_eq!(tenths.iter().sum::<u64>(), 1_000);
        let same = shift("score", &tenths, &tenths).expect("cells");
        assert!(same.psi < 1e-12);
    }

    #[test]
    fn equal_shares_have_no_shift_and_small_samples_no_significance() {
        let same = shift("x", &[100, 200, 300], &[10, 20, 30]).expect("two cells");
        assert!(same.psi < 1e-12 && same.p_value > 0.99);
        let few = shift("x", &[500, 500], &[7, 3]).expect("two cells");
        let many = shift("x", &[500, 500], &[700, 300]).expect("two cells");
        assert!((few.psi - many.psi).abs() < 1e-12);
        assert_eq!((few.verdict(), many.verdict()), ("no more than chance", "moderate"));
    }
}
