//! Optimal binning: which neighbouring fine bins to join, found exactly by dynamic programming.
//!
//! A division is worth the log-likelihood it gives the outcomes, less a price for each bin. The
//! best division is sought under every constraint at once: how many bins, how many rows each must
//! hold, both outcomes in each, and a trend of the bad rate.

use std::cmp::Ordering;

/// Rows and bad rows of one bin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Rows.
    pub rows: u64,
    /// Those that went bad.
    pub bads: u64,
}

impl Count {
    /// Both together.
    pub fn and(self, other: Count) -> Count {
        Count { rows: self.rows + other.rows, bads: self.bads + other.bads }
    }

    /// Compares bad rates, exactly.
    fn rate_cmp(self, other: Count) -> Ordering {
        let left = u128::from(self.bads) * u128::from(other.rows);
        left.cmp(&(u128::from(other.bads) * u128::from(self.rows)))
    }

    /// The log-likelihood of its outcomes at its own rate.
    fn likelihood(self) -> f64 {
        let (n, b) = (self.rows as f64, self.bads as f64);
        let part = |x: f64| if x > 0.0 { x * libm::log(x / n) } else { 0.0 };
        part(b) + part(n - b)
    }
}

/// How the bad rate runs from the lowest bin to the highest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trend {
    /// It never falls.
    Rising,
    /// It never rises.
    Falling,
    /// It rises, then falls.
    Peak,
    /// It falls, then rises.
    Valley,
    /// Any of these, whichever is worth most.
    Auto,
    /// Anything.
    Free,
}

impl Trend {
    /// In one word.
    pub fn name(self) -> &'static str {
        match self {
            Trend::Rising => "rising",
            Trend::Falling => "falling",
            Trend::Peak => "peak",
            Trend::Valley => "valley",
            Trend::Auto => "auto",
            Trend::Free => "free",
        }
    }
}

/// What a division must keep to.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// The most bins.
    pub bins_max: usize,
    /// The fewest rows of a bin.
    pub rows_min: u64,
    /// The price of a bin, in log-likelihood.
    pub price: f64,
    /// What a turn must be worth above a straight run, in log-likelihood.
    pub turn: f64,
    /// Whether each bin must hold both outcomes.
    pub both: bool,
    /// The trend.
    pub trend: Trend,
}

/// A division: for each bin the fine bins `from..to`, and the trend it follows.
#[derive(Clone, Debug, PartialEq)]
pub struct Division {
    /// The bins.
    pub bins: Vec<(usize, usize)>,
    /// The trend; `Free` for a single bin.
    pub trend: Trend,
    /// Log-likelihood less the price of the bins.
    pub worth: f64,
}

/// The best division of `fine` bins.
pub fn divide(fine: &[Count], rules: &Rules) -> Division {
    let single = Division { bins: vec![(0, fine.len())], trend: Trend::Free, worth: 0.0 };
    if fine.len() < 2 {
        return single;
    }
    let table = Segments::new(fine, rules);
    let best = |trend: Trend| table.best(trend, rules);
    let found = match rules.trend {
        Trend::Auto => {
            let monotone = better(best(Trend::Rising), best(Trend::Falling), 0.0);
            let turning = better(best(Trend::Peak), best(Trend::Valley), 0.0);
            better(monotone, turning, rules.turn)
        }
        trend => best(trend),
    };
    found.unwrap_or(single)
}

fn better(a: Option<Division>, b: Option<Division>, lead: f64) -> Option<Division> {
    match (a, b) {
        (Some(a), Some(b)) => Some(if b.worth > a.worth + lead { b } else { a }),
        (a, b) => a.or(b),
    }
}

/// Every run of neighbouring fine bins.
struct Segments {
    m: usize,
    counts: Vec<Count>,
    worth: Vec<f64>,
}

/// The best way to a last bin `i..j`, by the number of bins: its worth and the start of the bin
/// before, for the rising (first) and the turned (second) part of the run.
#[derive(Clone, Copy)]
struct Way {
    worth: f64,
    before: u16,
    turned_before: bool,
}

const NONE: Way = Way { worth: f64::NEG_INFINITY, before: 0, turned_before: false };

impl Segments {
    fn new(fine: &[Count], rules: &Rules) -> Segments {
        let m = fine.len();
        let mut counts = vec![Count::default(); m * (m + 1)];
        let mut worth = vec![f64::NEG_INFINITY; m * (m + 1)];
        for from in 0..m {
            let mut sum = Count::default();
            for (to, next) in fine.iter().enumerate().skip(from) {
                sum = sum.and(*next);
                let place = from * (m + 1) + to + 1;
                counts[place] = sum;
                let both = sum.bads > 0 && sum.bads < sum.rows;
                if (both || !rules.both) && sum.rows >= rules.rows_min {
                    worth[place] = sum.likelihood() - rules.price;
                }
            }
        }
        Segments { m, counts, worth }
    }

    fn at(&self, from: usize, to: usize) -> usize {
        from * (self.m + 1) + to
    }

    fn best(&self, trend: Trend, rules: &Rules) -> Option<Division> {
        let width = self.counts.len();
        let levels = rules.bins_max.clamp(1, 32);
        // ways[level][turned][segment]
        let mut ways = vec![[vec![NONE; width], vec![NONE; width]]; levels];
        for to in 1..=self.m {
            let place = self.at(0, to);
            ways[0][0][place] = Way { worth: self.worth[place], ..NONE };
        }
        for level in 1..levels {
            let (done, rest) = ways.split_at_mut(level);
            if let (Some(before), Some(now)) = (done.last(), rest.first_mut()) {
                self.extend(trend, before, now);
            }
        }
        let mut best: Option<(f64, usize, usize, usize)> = None;
        for (level, both) in ways.iter().enumerate() {
            for (turned, ways) in both.iter().enumerate() {
                for from in 0..self.m {
                    let way = ways[self.at(from, self.m)];
                    if best.is_none_or(|(worth, ..)| way.worth > worth) {
                        best = Some((way.worth, level, turned, from));
                    }
                }
            }
        }
        let (worth, level, turned, from) = best.filter(|b| b.0.is_finite())?;
        Some(self.trace(&ways, trend, worth, (level, turned, from)))
    }

    /// One more bin behind every division there is.
    fn extend(&self, trend: Trend, before: &[Vec<Way>; 2], now: &mut [Vec<Way>; 2]) {
        let first_up = matches!(trend, Trend::Rising | Trend::Peak);
        let turns = matches!(trend, Trend::Peak | Trend::Valley);
        for middle in 1..self.m {
            for to in middle + 1..=self.m {
                let place = self.at(middle, to);
                if self.worth[place] == f64::NEG_INFINITY {
                    continue;
                }
                let own = self.counts[place];
                for from in 0..middle {
                    let last = self.at(from, middle);
                    let order = self.counts[last].rate_cmp(own);
                    let up = order != Ordering::Greater;
                    let down = order != Ordering::Less;
                    let free = trend == Trend::Free;
                    let keeps = free || if first_up { up } else { down };
                    let turned = turns && if first_up { down } else { up };
                    let mut offer = |to: usize, worth: f64, turned_before: bool| {
                        let worth = worth + self.worth[place];
                        if worth > now[to][place].worth {
                            now[to][place] = Way { worth, before: from as u16, turned_before };
                        }
                    };
                    if keeps {
                        offer(0, before[0][last].worth, false);
                    }
                    if turned {
                        offer(1, before[0][last].worth, false);
                        offer(1, before[1][last].worth, true);
                    }
                }
            }
        }
    }

    fn trace(
        &self,
        ways: &[[Vec<Way>; 2]],
        trend: Trend,
        worth: f64,
        (mut level, mut turned, mut from): (usize, usize, usize),
    ) -> Division {
        let mut to = self.m;
        let mut bins = Vec::new();
        loop {
            bins.push((from, to));
            if level == 0 {
                break;
            }
            let way = ways[level][turned][self.at(from, to)];
            (to, from) = (from, usize::from(way.before));
            turned = usize::from(way.turned_before);
            level -= 1;
        }
        bins.reverse();
        let trend = if bins.len() == 1 { Trend::Free } else { trend };
        Division { bins, trend, worth }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn counts(pairs: &[(u64, u64)]) -> Vec<Count> {
        pairs.iter().map(|(rows, bads)| Count { rows: *rows, bads: *bads }).collect()
    }

    fn follows(bins: &[Count], trend: Trend) -> bool {
        let orders: Vec<Ordering> = bins.windows(2).map(|p| p[0].rate_cmp(p[1])).collect();
        let up = |orders: &[Ordering]| orders.iter().all(|o| *o != Ordering::Greater);
        let down = |orders: &[Ordering]| orders.iter().all(|o| *o != Ordering::Less);
        let turn = |first: &dyn Fn(&[Ordering]) -> bool, then: &dyn Fn(&[Ordering]) -> bool| {
            (0..=orders.len()).any(|at| first(&orders[..at]) && then(&orders[at..]))
        };
        match trend {
            Trend::Rising => up(&orders),
            Trend::Falling => down(&orders),
            Trend::Peak => turn(&up, &down),
            Trend::Valley => turn(&down, &up),
            Trend::Auto | Trend::Free => true,
        }
    }

    /// Every division there is.
    fn brute(fine: &[Count], rules: &Rules) -> f64 {
        let cuts = fine.len() - 1;
        let mut best = f64::NEG_INFINITY;
        for mask in 0..1_u32 << cuts {
            let mut bins = vec![fine[0]];
            for (i, next) in fine.iter().enumerate().skip(1) {
                match (mask >> (i - 1) & 1, bins.last_mut()) {
                    (0, Some(last)) => *last = last.and(*next),
                    _ => bins.push(*next),
                }
            }
            let fit = bins.len() <= rules.bins_max
                && bins.iter().all(|b| b.rows >= rules.rows_min && b.bads > 0 && b.bads < b.rows);
            if fit && follows(&bins, rules.trend) {
                let worth = bins.iter().map(|b| b.likelihood() - rules.price).sum::<f64>();
                best = best.max(worth);
            }
        }
        best
    }

    #[test]
    fn two_levels_of_risk_are_two_bins() {
        let fine = counts(&[(100, 10), (100, 11), (100, 40), (100, 39)]);
        let trend = Trend::Auto;
        let rules = Rules { bins_max: 5, rows_min: 20, price: 2.0, turn: 4.0, both: true, trend };
        let found = divide(&fine, &rules);
        assert_eq!((found.bins, found.trend), (vec![(0, 2), (2, 4)], Trend::Rising));
    }

    proptest! {
        #[test]
        fn the_division_is_the_best_of_all_and_keeps_the_rules(
            fine in proptest::collection::vec((1_u64..40, 0_u64..40), 2..9),
            bins_max in 1_usize..6,
            rows_min in 1_u64..30,
            trend in prop_oneof![
                Just(Trend::Rising), Just(Trend::Falling), Just(Trend::Peak), Just(Trend::Valley),
                Just(Trend::Free),
            ],
        ) {
            let fine: Vec<Count> = fine
                .into_iter()
                .map(|(rows, bads)| Count { rows, bads: bads.min(rows) })
                .collect();
            let rules =
                Rules { bins_max, rows_min, price: 0.3, turn: 0.6, both: true, trend };
            let best = brute(&fine, &rules);
            let found = divide(&fine, &rules);
            if best.is_finite() {
                prop_assert!((found.worth - best).abs() < 1e-9, "{} {best}", found.worth);
                let sums: Vec<Count> = found.bins.iter().map(|(from, to)| {
                    fine[*from..*to].iter().fold(Count::default(), |sum, c| sum.and(*c))
                }).collect();
                prop_assert!(follows(&sums, trend));
                prop_assert!(sums.len() <= bins_max);
            } else {
                prop_assert_eq!(found.bins.len(), 1);
            }
        }
    }
}
