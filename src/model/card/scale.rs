//! Which scale a model gets: 600 points at twenty to one, doubling every fifty (domain.md 4.2),
//! unless too many scores would lie beyond the ends.

use crate::score::scale::Scale;

/// What was asked for of a scale.
#[derive(Clone, Copy, Debug, Default)]
pub struct ScaleWish {
    /// Points that double the odds.
    pub pdo: Option<u32>,
    /// Goods to one bad at `odds_at`.
    pub base_odds: Option<u32>,
    /// The score with these odds.
    pub odds_at: Option<i32>,
}

const MIN: i32 = 350;
const MAX: i32 = 950;
/// Points are hundredths, so that rounding ties nobody.
const UNIT: i32 = 100;
/// So many rows may lie beyond each end, in thousandths.
const BEYOND_PERMILLE: usize = 2;

/// The scale for a sample with these log-odds of bad. `base_points` is left at 0.
pub fn choose(log_odds: &[f64], wish: &ScaleWish) -> Scale {
    let mut sorted: Vec<f64> = log_odds.iter().map(|x| -x).collect();
    sorted.sort_unstable_by(f64::total_cmp);
    let beyond = sorted.len() * BEYOND_PERMILLE / 1_000;
    let low = sorted.get(beyond).copied().unwrap_or(0.0);
    let high = sorted.get(sorted.len().saturating_sub(beyond + 1)).copied().unwrap_or(0.0);
    let mut scale = Scale {
        base_points: 0,
        min: MIN,
        max: MAX,
        pdo: wish.pdo.unwrap_or(50),
        base_odds: wish.base_odds.unwrap_or(20),
        odds_at: wish.odds_at.unwrap_or(600),
        unit: UNIT,
    };
    let fits = |scale: &Scale| {
        let at = |x: f64| score_at(scale, x);
        at(low) >= f64::from(MIN) && at(high) <= f64::from(MAX)
    };
    if fits(&scale) || wish.base_odds.is_some() || wish.odds_at.is_some() {
        return scale;
    }
    let doublings = (high - low) / std::f64::consts::LN_2;
    let room = f64::from(MAX - MIN) - 4.0;
    if wish.pdo.is_none() && doublings * 50.0 > room {
        scale.pdo = ((room / doublings) as u32).clamp(10, 50);
    }
    // the middle of the sample comes to the middle of the range
    let middle = (low + high) / 2.0;
    let per_log = f64::from(scale.pdo) / std::f64::consts::LN_2;
    let candidates = [20, 10, 50, 5, 100, 2, 200, 1, 500, 1_000].map(|odds: u32| {
        let at = f64::from(MIN + MAX) / 2.0 + per_log * (libm::log(f64::from(odds)) - middle);
        (odds, (at / 10.0).round() as i32 * 10)
    });
    let inside = candidates.iter().find(|(_, at)| (MIN + 50..=MAX - 50).contains(at));
    let (odds, at) = inside.copied().unwrap_or((20, 600));
    scale.base_odds = odds;
    scale.odds_at = at;
    scale
}

/// The score at log-odds of good `x`, without a limit.
pub fn score_at(scale: &Scale, x: f64) -> f64 {
    let per_log = f64::from(scale.pdo) / std::f64::consts::LN_2;
    f64::from(scale.odds_at) + per_log * (x - libm::log(f64::from(scale.base_odds)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_scale_is_kept_where_it_fits() {
        let sample: Vec<f64> = (0..100).map(|i| -5.0 + f64::from(i) * 0.05).collect();
        let scale = choose(&sample, &ScaleWish::default());
        assert_eq!((scale.pdo, scale.base_odds, scale.odds_at), (50, 20, 600));
    }

    #[test]
    fn a_sample_of_even_odds_is_moved_into_the_range() {
        let sample: Vec<f64> = (0..100).map(|i| -2.5 + f64::from(i) * 0.05).collect();
        let scale = choose(&sample, &ScaleWish::default());
        assert!(score_at(&scale, -2.5) > 350.0 && score_at(&scale, 2.5) < 950.0, "{scale:?}");
        assert_eq!(scale.pdo, 50);
        let wide: Vec<f64> = sample.iter().map(|x| x * 4.0).collect();
        let scale = choose(&wide, &ScaleWish::default());
        assert!(scale.pdo < 50 && score_at(&scale, -10.0) >= 350.0, "{scale:?}");
    }
}
