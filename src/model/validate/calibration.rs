//! Do probabilities come true? By tenths of the predicted, and as a whole.

use serde::Serialize;

use super::figures::calibration_line;
use super::tail::{chi_square, wilson};

/// One tenth of the rows, by predicted probability.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Tenth {
    /// Rows.
    pub rows: u64,
    /// Those that went bad.
    pub bads: u64,
    /// Mean predicted probability.
    pub predicted: f64,
    /// Share that went bad.
    pub observed: f64,
    /// Lower end of its 95 % interval (Wilson).
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// Calibration of one sample.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Calibration {
    /// By tenths, the lowest risk first.
    pub tenths: Vec<Tenth>,
    /// Mean predicted probability of all.
    pub predicted: f64,
    /// Share of all that went bad.
    pub observed: f64,
    /// Intercept of the outcomes on the log-odds: 0 where right.
    pub intercept: f64,
    /// Slope of the outcomes on the log-odds: 1 where right.
    pub slope: f64,
    /// Hosmer–Lemeshow over the tenths; as many degrees of freedom as tenths, for rows that were
    /// not fitted to.
    pub hosmer_lemeshow: f64,
    /// Its tail probability. With many rows it calls small gaps significant: see `gap`.
    pub p_value: f64,
    /// The largest gap between predicted and observed in a tenth.
    pub gap: f64,
    /// Brier score, reliability part: how far off probabilities are.
    pub reliability: f64,
    /// Brier score, resolution part: how far apart outcomes are told.
    pub resolution: f64,
    /// Brier score, uncertainty part: what the outcomes themselves have.
    pub uncertainty: f64,
}

/// Calibration of probabilities of bad.
pub fn calibration(probabilities: &[f64], bad: &[bool]) -> Calibration {
    let mut order: Vec<usize> = (0..bad.len()).collect();
    order.sort_by(|a, b| probabilities[*a].total_cmp(&probabilities[*b]).then(a.cmp(b)));
    let n = order.len();
    let parts = 10.min(n.max(1));
    let mut tenths = Vec::with_capacity(parts);
    for part in 0..parts {
        let rows = &order[part * n / parts..(part + 1) * n / parts];
        let bads = rows.iter().filter(|row| bad[**row]).count() as u64;
        let sum: f64 = rows.iter().map(|row| probabilities[*row]).sum();
        let count = rows.len() as u64;
        let (low, high) = wilson(bads, count);
        let of = |x: f64| x / (count as f64).max(1.0);
        let (predicted, observed) = (of(sum), of(bads as f64));
        tenths.push(Tenth { rows: count, bads, predicted, observed, low, high });
    }
    let total = (n as f64).max(1.0);
    let predicted = probabilities.iter().sum::<f64>() / total;
    let observed = bad.iter().filter(|bad| **bad).count() as f64 / total;
    let log_odds: Vec<f64> = probabilities
        .iter()
        .map(|p| p.clamp(1e-6, 1.0 - 1e-6))
        .map(|p| libm::log(p / (1.0 - p)))
        .collect();
    let (intercept, slope) = calibration_line(&log_odds, bad);
    let statistic = tenths.iter().map(|t| {
        let (rows, p) = (t.rows as f64, t.predicted.clamp(1e-9, 1.0 - 1e-9));
        let off = t.bads as f64 - rows * p;
        off * off / (rows * p * (1.0 - p)).max(1e-12)
    });
    let hosmer_lemeshow: f64 = statistic.sum();
    let weighted = |of: &dyn Fn(&Tenth) -> f64| {
        tenths.iter().map(|t| t.rows as f64 / total * of(t)).sum::<f64>()
    };
    Calibration {
        predicted,
        observed,
        intercept,
        slope,
        hosmer_lemeshow,
        p_value: chi_square(hosmer_lemeshow, tenths.len() as f64),
        gap: tenths.iter().map(|t| (t.predicted - t.observed).abs()).fold(0.0, f64::max),
        reliability: weighted(&|t| (t.predicted - t.observed) * (t.predicted - t.observed)),
        resolution: weighted(&|t| (t.observed - observed) * (t.observed - observed)),
        uncertainty: observed * (1.0 - observed),
        tenths,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn true_probabilities_are_found_calibrated_and_doubled_ones_not() {
        let mut probabilities = Vec::new();
        let mut bad = Vec::new();
        for percent in 1..=40_u32 {
            for i in 0..500 {
                probabilities.push(f64::from(percent) / 100.0);
                bad.push(i * 100 < percent * 500);
            }
        }
        let right = calibration(&probabilities, &bad);
        assert!((right.slope - 1.0).abs() < 0.02 && right.p_value > 0.9, "{right:?}");
        let doubled: Vec<f64> = probabilities.iter().map(|p| p * 2.0).collect();
        let wrong = calibration(&doubled, &bad);
        assert!(wrong.p_value < 1e-6 && wrong.gap > 0.15);
        let parts = wrong.reliability - wrong.resolution + wrong.uncertainty;
        assert!(parts > right.reliability - right.resolution + right.uncertainty);
    }
}
