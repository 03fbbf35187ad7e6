//! The scale: range, odds, bands. Integers only, so that a probability is the same bits anywhere.

use serde::Deserialize;

/// The fraction bits of the fixed-point numbers below.
const FRACTION_BITS: u32 = 60;
const ONE: u128 = 1 << FRACTION_BITS;

/// How points become a score, and a score odds (domain.md section 4.2):
/// good : bad = `base_odds` · 2^((score − `odds_at`) / `pdo`).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scale {
    /// Added to the sum of all points; with every characteristic at its baseline, the sum is the
    /// neutral score.
    pub base_points: i32,
    /// Lowest score; lower sums are clamped to it.
    pub min: i32,
    /// Highest score; higher sums are clamped to it.
    pub max: i32,
    /// Points that double the odds.
    pub pdo: u32,
    /// Goods to one bad at the score `odds_at`.
    pub base_odds: u32,
    /// The score at which the odds are `base_odds`.
    pub odds_at: i32,
    /// In how many parts a score point is divided in the table: all points, and `base_points`,
    /// count such parts. They are summed exactly, and rounded once, at the end.
    #[serde(default = "one")]
    pub unit: i32,
}

/// The finest division of a score point.
pub(super) const UNIT_MAX: i32 = 100;

fn one() -> i32 {
    1
}

impl Scale {
    /// What is wrong with it, in words.
    pub(super) fn problems(&self) -> Vec<String> {
        let mut out = Vec::new();
        let mut need = |holds: bool, what: &str| {
            if !holds {
                out.push(format!("scale: {what}"));
            }
        };
        need(self.min >= 350 && self.max <= 950 && self.min < self.max, "range beyond 350 to 950");
        need((10..=100).contains(&self.pdo), "pdo outside 10 to 100");
        need((1..=UNIT_MAX).contains(&self.unit), "unit outside 1 to 100");
        need((1..=1000).contains(&self.base_odds), "base_odds outside 1 to 1000");
        need((self.min..=self.max).contains(&self.odds_at), "odds_at outside the range");
        let base = i64::from(self.base_points);
        let highest = i64::from(self.max) * i64::from(self.unit);
        need((0..=highest).contains(&base), "base_points outside 0 to max");
        out
    }

    /// What production asks beyond that (domain.md 4.2: other doublings are too steep or too flat
    /// for the range; its points are whole).
    pub(super) fn production_problems(&self) -> Vec<String> {
        let mut out = Vec::new();
        if !(40..=50).contains(&self.pdo) {
            out.push("scale: pdo outside 40 to 50".to_string());
        }
        if self.unit != 1 {
            out.push("scale: production points are whole".to_string());
        }
        out
    }

    /// The sum as a score, half a point rounded up, kept within the range; and whether it had to
    /// be.
    pub fn clamp(&self, total: i64) -> (i32, bool) {
        let unit = i64::from(self.unit);
        let rounded = if unit == 1 { total } else { (total + unit / 2).div_euclid(unit) };
        let score = rounded.clamp(i64::from(self.min), i64::from(self.max));
        (score as i32, score != rounded)
    }

    /// Probability of bad in parts per million, for every part of a point from `min` to `max`.
    pub(super) fn table(&self) -> Vec<u32> {
        let unit = i64::from(self.unit);
        let pdo = i64::from(self.pdo) * unit;
        let root = two_root(pdo as u32);
        let steps: Vec<u128> = std::iter::successors(Some(ONE), |x| Some(times(*x, root)))
            .take(pdo as usize)
            .collect();
        let probability = |total: i64| {
            let above = total - i64::from(self.odds_at) * unit;
            let step = steps.get(above.rem_euclid(pdo) as usize).copied().unwrap_or(ONE);
            let doublings = above.div_euclid(pdo).clamp(-40, 40);
            let odds = step * u128::from(self.base_odds);
            let odds =
                if doublings < 0 { odds >> -doublings as u32 } else { odds << doublings as u32 };
            let whole = ONE + odds;
            ((1_000_000 * ONE + whole / 2) / whole) as u32
        };
        (i64::from(self.min) * unit..=i64::from(self.max) * unit).map(probability).collect()
    }
}

/// Product of two fixed-point numbers below 4.
fn times(a: u128, b: u128) -> u128 {
    (a * b) >> FRACTION_BITS
}

/// The largest fixed-point number whose `n`th power is at most 2.
fn two_root(n: u32) -> u128 {
    let power = |x| (0..n).try_fold(ONE, |p, _| Some(times(p, x)).filter(|p| *p <= 2 * ONE));
    let (mut low, mut high) = (ONE, 2 * ONE);
    while high - low > 1 {
        let middle = low.midpoint(high);
        if power(middle).is_some() { low = middle } else { high = middle }
    }
    low
}

/// A band, half-open: `from` is in it, the next band's `from` is not. The last is closed.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Band {
    /// Its name.
    pub name: String,
    /// The lowest score in it.
    pub from: i32,
    /// The lowest score above it; absent for the last band.
    pub to: Option<i32>,
}

/// What is wrong with a list of bands: they must cover the scale without gap or overlap.
pub(super) fn band_problems(bands: &[Band], scale: &Scale) -> Vec<String> {
    let mut out = Vec::new();
    if bands.first().map(|b| b.from) != Some(scale.min) {
        out.push("bands: the first must begin at the lowest score".to_string());
    }
    for (place, band) in bands.iter().enumerate() {
        let next = bands.get(place + 1).map(|b| b.from);
        if band.to != next {
            out.push(format!("band {}: must end where the next begins", band.name));
        }
        if next.unwrap_or(scale.max) <= band.from {
            out.push(format!("band {}: is empty", band.name));
        }
        if bands.iter().take(place).any(|b| b.name == band.name) {
            out.push(format!("band {}: the name is taken", band.name));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scale(pdo: u32) -> Scale {
        Scale { base_points: 600, min: 350, max: 950, pdo, base_odds: 20, odds_at: 600, unit: 1 }
    }

    #[test]
    fn probabilities_agree_with_the_table_of_domain_md() {
        let at = |pdo, score: i32| scale(pdo).table()[(score - 350) as usize];
        let percent = |ppm: u32| (ppm + 50) / 100;
        assert_eq!([550, 600, 650, 700].map(|s| percent(at(50, s))), [909, 476, 244, 123]);
        assert_eq!([550, 600, 650, 700].map(|s| percent(at(40, s))), [1063, 476, 206, 88]);
        assert_eq!(at(50, 950), 390, "2560 to one, as far as millionths tell");
    }

    #[test]
    fn a_better_score_never_has_a_higher_probability_of_bad() {
        for pdo in 40..=50 {
            assert!(scale(pdo).table().windows(2).all(|pair| pair[0] >= pair[1]));
        }
    }

    #[test]
    fn overlapping_bands_are_refused() {
        let band = |name: &str, from, to| Band { name: name.to_string(), from, to };
        let good = [band("a", 350, Some(600)), band("b", 600, None)];
        assert!(band_problems(&good, &scale(45)).is_empty());
        let overlap = [band("a", 350, Some(601)), band("b", 600, None)];
        assert_eq!(band_problems(&overlap, &scale(45)).len(), 1);
        assert!(!band_problems(&[], &scale(45)).is_empty());
    }
}
