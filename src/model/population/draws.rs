//! Reproducible draws: SplitMix64 and integer distributions, the same on every machine.
//!
//! No platform `exp`, `ln` or float enters: probabilities are parts per million from a fixed table
//! and normal deviates are sums of uniforms, so a seed names one population for ever.

/// One million: the whole of a probability in parts per million.
const PPM: u64 = 1_000_000;

/// `1 / (1 + exp(−x))` in parts per million at x = 0, 0.5, … 8.
const LOGISTIC: [i64; 17] = [
    500_000, 622_459, 731_059, 817_574, 880_797, 924_142, 952_574, 970_688, 982_014, 989_013,
    993_307, 995_930, 997_527, 998_499, 999_089, 999_447, 999_665,
];

/// A stream of draws (SplitMix64: Steele, Lea, Flood, OOPSLA 2014). Not for secrets.
#[derive(Clone, Debug)]
pub struct Draws(u64);

impl Draws {
    /// The stream that `parts` name: a seed, a person, a purpose. Streams of different parts are
    /// unrelated, so one person does not depend on how many draws another took.
    pub fn new(parts: &[u64]) -> Draws {
        let mut draws = Draws(0x5f1f_e401_d000_0001);
        for &part in parts {
            draws.0 ^= part;
            draws.0 = draws.next();
        }
        draws
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Uniform in `0..n` (0 when `n` is 0); the bias of the multiplication is below n / 2⁶⁴.
    pub fn below(&mut self, n: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(n)) >> 64) as u64
    }

    /// Uniform in `low..=high`.
    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        low + self.below((high - low + 1).max(1) as u64) as i64
    }

    /// True with a probability in parts per million.
    pub fn chance(&mut self, ppm: i64) -> bool {
        (self.below(PPM) as i64) < ppm
    }

    /// True with a probability in per cent.
    pub fn percent(&mut self, percent: i64) -> bool {
        self.chance(percent * 10_000)
    }

    /// A standard normal deviate in thousandths: twelve uniforms less their mean (Irwin–Hall).
    pub fn normal(&mut self) -> i64 {
        (0..12).map(|_| self.below(1001) as i64).sum::<i64>() - 6_000
    }

    /// One of `items`; `fallback` when there is none.
    pub fn pick<'a>(&mut self, items: &[&'a str], fallback: &'a str) -> &'a str {
        let at = self.below(items.len() as u64) as usize;
        items.get(at).copied().unwrap_or(fallback)
    }
}

/// The logistic function of `x` thousandths, in parts per million, straight between table points.
pub fn logistic_ppm(x: i64) -> i64 {
    let at = x.unsigned_abs().min(8_000);
    let cell = (at / 500) as usize;
    let rest = (at % 500) as i64;
    let low = LOGISTIC.get(cell).copied().unwrap_or(PPM as i64);
    let high = LOGISTIC.get(cell + 1).copied().unwrap_or(low);
    let upper = low + (high - low) * rest / 500;
    if x < 0 { PPM as i64 - upper } else { upper }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splitmix64_gives_its_published_first_values_for_seed_zero() {
        let mut draws = Draws(0);
        assert_eq!(draws.next(), 0xe220_a839_7b1d_cdaf);
        assert_eq!(draws.next(), 0x6e78_9e6a_a1b9_65f4);
    }

    #[test]
    fn the_logistic_table_is_within_three_thousandths_of_the_function() {
        for x in -9_000..=9_000_i64 {
            let exact = 1.0 / (1.0 + (-(x as f64) / 1_000.0).exp());
            assert!((logistic_ppm(x) as f64 / 1e6 - exact).abs() < 0.003, "at {x}");
        }
    }

    #[test]
    fn normal_deviates_have_mean_zero_and_deviation_one() {
        let mut draws = Draws::new(&[7]);
        let sample: Vec<i64> = (0..20_000).map(|_| draws.normal()).collect();
        let mean = sample.iter().sum::<i64>() / 20_000;
        let variance = sample.iter().map(|x| x * x).sum::<i64>() / 20_000;
        assert!(mean.abs() < 30, "{mean}");
        assert!((950_000..1_050_000).contains(&variance), "{variance}");
    }

    #[test]
    fn streams_of_different_parts_differ() {
        assert_ne!(Draws::new(&[1, 2]).next(), Draws::new(&[2, 1]).next());
        assert_ne!(Draws::new(&[1]).next(), Draws::new(&[1, 0]).next());
    }
}
