//! How well a score tells the good from the bad: AUC, Gini, KS, each with a 95 % interval.
//!
//! Every function takes `(score, bad)` pairs; a higher score means a lower risk. All counting is
//! done in integers and only the last step is a float, so the order of the pairs cannot change a
//! single bit of the result.
//!
//! | figure | value | interval |
//! | --- | --- | --- |
//! | AUC | Mann–Whitney, a tie counts one half | DeLong, DeLong, Clarke-Pearson 1988 |
//! | Gini | `2 AUC − 1` | that of the AUC, mapped |
//! | KS | largest gap of the two distribution functions | normal, at the score of the gap |

use serde::Serialize;

/// The 97.5 % point of the standard normal distribution.
const Z_975: f64 = 1.959_963_984_540_054;

/// A figure and its 95 % interval, cut to the range that the figure can take.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Interval {
    /// The estimate.
    pub value: f64,
    /// The interval's lower end.
    pub low: f64,
    /// The interval's upper end.
    pub high: f64,
}

impl Interval {
    /// The mean of some values, with the normal interval of a mean.
    pub fn of_mean(values: &[f64], floor: f64, ceiling: f64) -> Interval {
        let n = (values.len() as f64).max(1.0);
        let mean = values.iter().sum::<f64>() / n;
        let spread = values.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>();
        Interval::normal(mean, spread / (n - 1.0).max(1.0) / n, floor, ceiling)
    }

    /// An estimate with this variance, cut to a range.
    pub fn normal(value: f64, variance: f64, floor: f64, ceiling: f64) -> Interval {
        let half = Z_975 * variance.max(0.0).sqrt();
        Interval { value, low: (value - half).max(floor), high: (value + half).min(ceiling) }
    }
}

/// How a score separates the good from the bad in one sample.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Discrimination {
    /// Scored persons with a known outcome.
    pub n: u64,
    /// Those of them who went bad.
    pub n_bad: u64,
    /// Area under the ROC curve, 0 to 1.
    pub auc: Interval,
    /// `2 AUC − 1`, −1 to 1.
    pub gini: Interval,
    /// Kolmogorov–Smirnov distance, 0 to 1.
    pub ks: Interval,
}

/// AUC, Gini and KS of one sample; `None` unless it has both a good and a bad.
///
/// ```
/// use fivefold::model::metrics::discrimination;
/// let found = discrimination(&[(700, false), (650, true), (640, false), (500, true)]);
/// assert_eq!(found.map(|d| d.auc.value), Some(0.75));
/// ```
pub fn discrimination(scores: &[(i64, bool)]) -> Option<Discrimination> {
    let steps = Steps::new(scores)?;
    let auc = steps.auc();
    Some(Discrimination {
        n: steps.good + steps.bad,
        n_bad: steps.bad,
        auc,
        gini: Interval {
            value: 2.0 * auc.value - 1.0,
            low: 2.0 * auc.low - 1.0,
            high: 2.0 * auc.high - 1.0,
        },
        ks: steps.ks(),
    })
}

/// The chance that a good person scores above a bad one, ties counted one half, with DeLong's
/// interval; `None` unless there are both. With fewer than two of either kind the variance is
/// unknown and the interval is the whole range.
pub fn auc(scores: &[(i64, bool)]) -> Option<Interval> {
    Some(Steps::new(scores)?.auc())
}

/// `2 AUC − 1` with its interval; `None` unless there are both good and bad.
pub fn gini(scores: &[(i64, bool)]) -> Option<Interval> {
    Some(discrimination(scores)?.gini)
}

/// The largest distance between the score distributions of the good and the bad; `None` unless
/// there are both. The interval is the normal one at the score where the gap is largest: the
/// distance is a difference of two proportions there, and to first order the search for the
/// maximum adds no variance.
pub fn ks(scores: &[(i64, bool)]) -> Option<Interval> {
    Some(Steps::new(scores)?.ks())
}

/// The sample as the distinct scores, ascending, with how many good and bad have each.
struct Steps {
    /// `(good, bad)` at each distinct score.
    counts: Vec<(u64, u64)>,
    good: u64,
    bad: u64,
}

impl Steps {
    fn new(scores: &[(i64, bool)]) -> Option<Steps> {
        let mut sorted = scores.to_vec();
        sorted.sort_unstable();
        let mut counts: Vec<(u64, u64)> = Vec::new();
        let mut last = None;
        for (score, bad) in sorted {
            if last != Some(score) {
                counts.push((0, 0));
                last = Some(score);
            }
            if let Some(step) = counts.last_mut() {
                if bad { step.1 += 1 } else { step.0 += 1 }
            }
        }
        let good = counts.iter().map(|c| c.0).sum();
        let bad = counts.iter().map(|c| c.1).sum();
        (good > 0 && bad > 0).then_some(Steps { counts, good, bad })
    }

    /// A person's *placement* is how many of the other kind they are rightly ordered against,
    /// doubled so that a tie is the integer 1. The AUC is their mean and DeLong's variance comes
    /// from their spread among the good and among the bad.
    fn auc(&self) -> Interval {
        let mut good = Placements::default();
        let mut bad = Placements::default();
        let (mut good_below, mut bad_below) = (0_u64, 0_u64);
        for &(g, b) in &self.counts {
            good.add(2 * bad_below + b, g);
            bad.add(2 * (self.good - good_below - g) + g, b);
            good_below += g;
            bad_below += b;
        }
        let pairs = 2.0 * self.good as f64 * self.bad as f64;
        let value = good.sum as f64 / pairs;
        if self.good < 2 || self.bad < 2 {
            return Interval { value, low: 0.0, high: 1.0 };
        }
        let variance =
            good.variance_of_mean(self.good, self.bad) + bad.variance_of_mean(self.bad, self.good);
        Interval::normal(value, variance, 0.0, 1.0)
    }

    fn ks(&self) -> Interval {
        let (n_good, n_bad) = (i128::from(self.good), i128::from(self.bad));
        let (mut good_below, mut bad_below) = (0_i128, 0_i128);
        let mut widest = (0_i128, 0_i128, 0_i128);
        for &(g, b) in &self.counts {
            good_below += i128::from(g);
            bad_below += i128::from(b);
            let gap = (bad_below * n_good - good_below * n_bad).abs();
            if gap > widest.0 {
                widest = (gap, good_below, bad_below);
            }
        }
        let value = widest.0 as f64 / (n_good as f64 * n_bad as f64);
        let spread = |below: i128, n: i128| {
            let share = below as f64 / n as f64;
            share * (1.0 - share) / n as f64
        };
        let variance = spread(widest.1, n_good) + spread(widest.2, n_bad);
        Interval::normal(value, variance, 0.0, 1.0)
    }
}

/// Exact first and second moments of doubled placements.
#[derive(Default)]
struct Placements {
    sum: u128,
    squares: u128,
}

impl Placements {
    fn add(&mut self, doubled: u64, times: u64) {
        let (doubled, times) = (u128::from(doubled), u128::from(times));
        self.sum += doubled * times;
        self.squares += doubled * doubled * times;
    }

    /// The variance of the mean placement of `n` persons against `others`, as a share:
    /// `(Σx² − (Σx)²/n) / (n − 1) / n / (2·others)²`. The numerator stays an exact integer.
    fn variance_of_mean(&self, n: u64, others: u64) -> f64 {
        let spread = (u128::from(n) * self.squares).saturating_sub(self.sum * self.sum);
        let n = n as f64;
        let scale = 2.0 * others as f64;
        spread as f64 / (n * n * (n - 1.0) * scale * scale)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// DeLong from the definition, in O(n²).
    fn brute(scores: &[(i64, bool)]) -> (f64, f64) {
        let good: Vec<i64> = scores.iter().filter(|s| !s.1).map(|s| s.0).collect();
        let bad: Vec<i64> = scores.iter().filter(|s| s.1).map(|s| s.0).collect();
        let psi = |g: i64, b: i64| match g.cmp(&b) {
            std::cmp::Ordering::Greater => 1.0,
            std::cmp::Ordering::Equal => 0.5,
            std::cmp::Ordering::Less => 0.0,
        };
        let mean = |v: &[f64]| v.iter().sum::<f64>() / v.len() as f64;
        let of_good: Vec<f64> = good
            .iter()
            .map(|&g| mean(&bad.iter().map(|&b| psi(g, b)).collect::<Vec<_>>()))
            .collect();
        let of_bad: Vec<f64> = bad
            .iter()
            .map(|&b| mean(&good.iter().map(|&g| psi(g, b)).collect::<Vec<_>>()))
            .collect();
        let variance = |v: &[f64]| {
            let m = mean(v);
            v.iter().map(|x| (x - m) * (x - m)).sum::<f64>() / (v.len() as f64 - 1.0)
        };
        let auc = mean(&of_good);
        (auc, variance(&of_good) / good.len() as f64 + variance(&of_bad) / bad.len() as f64)
    }

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-9
    }

    #[test]
    fn a_hand_computed_sample_has_its_known_figures() {
        // good 4, 3, 3; bad 3, 1: of the six pairs four are right and two tie, AUC = 5/6.
        // Placements of the good: 1, 3/4, 3/4 (variance 1/48); of the bad: 2/3, 1 (1/18).
        let sample = [(4, false), (3, false), (3, false), (3, true), (1, true)];
        let half = Z_975 * (1.0_f64 / 144.0 + 1.0 / 36.0).sqrt();
        let found = discrimination(&sample).expect("both kinds");
        assert_eq!((found.n, found.n_bad), (5, 2));
        assert!(close(found.auc.value, 5.0 / 6.0));
        assert!(close(found.auc.low, 5.0 / 6.0 - half));
        assert_eq!(found.auc.high, 1.0);
        assert!(close(found.gini.value, 2.0 / 3.0));
        // Up to 1 there is half of the bad and none of the good; up to 3 all and two thirds.
        assert!(close(found.ks.value, 0.5));
        assert!(close(found.ks.high, (0.5 + Z_975 * 0.125_f64.sqrt()).min(1.0)));
    }

    #[test]
    fn perfect_reversed_and_constant_scores_are_the_limits() {
        let perfect = [(3, false), (4, false), (1, true), (2, true)];
        assert_eq!(auc(&perfect).map(|i| (i.value, i.low)), Some((1.0, 1.0)));
        assert_eq!(ks(&perfect).map(|i| i.value), Some(1.0));
        let reversed: Vec<_> = perfect.iter().map(|&(s, b)| (-s, b)).collect();
        assert_eq!(gini(&reversed).map(|i| i.value), Some(-1.0));
        let constant = [(5, false), (5, true), (5, true), (5, false)];
        assert_eq!(auc(&constant).map(|i| i.value), Some(0.5));
        assert_eq!(ks(&constant).map(|i| i.value), Some(0.0));
    }

    #[test]
    fn one_kind_alone_has_no_figures() {
        assert!(auc(&[]).is_none());
        assert!(ks(&[(1, false), (2, false)]).is_none());
        assert!(discrimination(&[(1, true)]).is_none());
    }

    #[test]
    fn a_single_bad_leaves_the_interval_open() {
        let found = auc(&[(1, true), (2, false), (3, false)]).expect("both kinds");
        assert_eq!((found.value, found.low, found.high), (1.0, 0.0, 1.0));
    }

    fn samples() -> impl Strategy<Value = Vec<(i64, bool)>> {
        (2_usize..60).prop_flat_map(|n| proptest::collection::vec((0_i64..12, any::<bool>()), n))
    }

    proptest! {
        #[test]
        fn auc_and_interval_equal_the_definition(mut sample in samples()) {
            sample.extend([(3, true), (5, true), (4, false), (6, false)]);
            let found = auc(&sample).expect("both kinds");
            let (value, variance) = brute(&sample);
            prop_assert!(close(found.value, value));
            let half = Z_975 * variance.sqrt();
            prop_assert!(close(found.low, (value - half).max(0.0)));
            prop_assert!(close(found.high, (value + half).min(1.0)));
        }

        #[test]
        fn ks_equals_the_widest_gap_over_all_thresholds(mut sample in samples()) {
            sample.extend([(3, true), (4, false)]);
            let share = |at: i64, kind: bool| {
                let of: Vec<_> = sample.iter().filter(|s| s.1 == kind).collect();
                of.iter().filter(|s| s.0 <= at).count() as f64 / of.len() as f64
            };
            let widest =
                (0..12).map(|at| (share(at, true) - share(at, false)).abs()).fold(0.0, f64::max);
            prop_assert!(close(ks(&sample).expect("both kinds").value, widest));
        }

        #[test]
        fn the_order_of_the_sample_changes_no_bit(mut sample in samples()) {
            let before = discrimination(&sample);
            sample.reverse();
            prop_assert_eq!(discrimination(&sample), before);
        }

        #[test]
        fn any_rising_rescale_changes_no_bit(sample in samples()) {
            let rescaled: Vec<_> = sample.iter().map(|&(s, b)| (s * s * 7 + s - 900, b)).collect();
            prop_assert_eq!(discrimination(&rescaled), discrimination(&sample));
        }
    }
}
