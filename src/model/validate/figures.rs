//! The figures of one sample: how well scores rank and how well probabilities tell.

use serde::Serialize;

use crate::model::boost::log_loss;
use crate::model::metrics::{Interval, discrimination};

/// Figures of one sample, each with its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Figures {
    /// Rows.
    pub n: u64,
    /// Those that went bad.
    pub n_bad: u64,
    /// Area under the ROC curve, with DeLong's interval.
    pub auc: Interval,
    /// `2 AUC − 1`.
    pub gini: Interval,
    /// Kolmogorov–Smirnov distance.
    pub ks: Interval,
    /// Mean squared error of the probability (Brier 1950).
    pub brier: Interval,
    /// Mean logarithmic loss of the probability.
    pub log_loss: Interval,
}

/// The smallest probability that the logarithmic loss counts with.
const LEAST: f64 = 1e-6;

impl Figures {
    /// The figures of scores (higher is better) and probabilities of bad; `None` unless there are
    /// both good and bad.
    pub fn of(scores: &[i64], probabilities: &[f64], bad: &[bool]) -> Option<Figures> {
        let pairs: Vec<(i64, bool)> = scores.iter().copied().zip(bad.iter().copied()).collect();
        let found = discrimination(&pairs)?;
        let rows = || probabilities.iter().map(|p| p.clamp(LEAST, 1.0 - LEAST)).zip(bad);
        let squares: Vec<f64> = rows().map(|(p, bad)| square(p - outcome(*bad))).collect();
        let losses: Vec<f64> =
            rows().map(|(p, bad)| log_loss(libm::log(p / (1.0 - p)), *bad)).collect();
        Some(Figures {
            n: found.n,
            n_bad: found.n_bad,
            auc: found.auc,
            gini: found.gini,
            ks: found.ks,
            brier: Interval::of_mean(&squares, 0.0, 1.0),
            log_loss: Interval::of_mean(&losses, 0.0, f64::INFINITY),
        })
    }

    /// The figures of log-odds of bad.
    pub fn of_log_odds(log_odds: &[f64], bad: &[bool]) -> Option<Figures> {
        let scores: Vec<i64> = log_odds.iter().map(|x| (-x * 1e9) as i64).collect();
        let probabilities: Vec<f64> =
            log_odds.iter().map(|x| 1.0 / (1.0 + libm::exp(-x))).collect();
        Figures::of(&scores, &probabilities, bad)
    }
}

fn square(x: f64) -> f64 {
    x * x
}

fn outcome(bad: bool) -> f64 {
    if bad { 1.0 } else { 0.0 }
}

/// Intercept and slope of the outcomes on log-odds: 0 and 1 where probabilities are right.
pub fn calibration_line(log_odds: &[f64], bad: &[bool]) -> (f64, f64) {
    let (mut shift, mut slope) = (0.0_f64, 1.0_f64);
    for _ in 0..30 {
        let (mut g, mut h) = ([0.0_f64; 2], [0.0_f64; 3]);
        for (x, bad) in log_odds.iter().zip(bad) {
            let p = 1.0 / (1.0 + libm::exp(-(shift + slope * x)));
            let (d, w) = (p - outcome(*bad), (p * (1.0 - p)).max(1e-9));
            g = [g[0] + d, g[1] + d * x];
            h = [h[0] + w, h[1] + w * x, h[2] + w * x * x];
        }
        let determinant = h[0] * h[2] - h[1] * h[1];
        if determinant <= 1e-9 {
            return (shift, slope);
        }
        let step =
            [(h[2] * g[0] - h[1] * g[1]) / determinant, (h[0] * g[1] - h[1] * g[0]) / determinant];
        shift -= step[0].clamp(-2.0, 2.0);
        slope -= step[1].clamp(-0.5, 0.5);
        if step[0].abs() + step[1].abs() < 1e-9 {
            break;
        }
    }
    (shift, slope)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hand_computed_figures() {
        let found = Figures::of(&[3, 2, 1], &[0.1, 0.5, 0.8], &[false, true, true]);
        let found = found.expect("both kinds");
        assert_eq!(found.auc.value, 1.0);
        assert!((found.brier.value - (0.01 + 0.25 + 0.04) / 3.0).abs() < 1e-12);
        let loss = -(libm::log(0.9) + libm::log(0.5) + libm::log(0.8)) / 3.0;
        assert!((found.log_loss.value - loss).abs() < 1e-12);
    }

    #[test]
    fn log_odds_twice_too_far_have_slope_one_half() {
        let mut log_odds = Vec::new();
        let mut bad = Vec::new();
        for (x, bads) in [(-4.0, 119), (0.0, 500), (4.0, 881)] {
            for i in 0..1_000 {
                log_odds.push(x);
                bad.push(i < bads);
            }
        }
        let (shift, slope) = calibration_line(&log_odds, &bad);
        assert!(shift.abs() < 0.01 && (slope - 0.5).abs() < 0.01, "{shift} {slope}");
    }
}
