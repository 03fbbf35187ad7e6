//! Fine shapes joined to few bins: neighbours whose values hardly differ get one value.

use super::{Model, Part};
use crate::model::bins::Form;

/// The most bins in one column.
const BINS_MAX: usize = 24;

/// Joins neighbouring codes of every column such that the squared error over all rows stays below
/// `share` of the variance of the whole score: the fewest bins at that price.
pub fn compress(model: &mut Model, variance: f64, share: f64) {
    let lines: Vec<Vec<usize>> = model.parts.iter().map(line).collect();
    let allowed = variance * share;
    // the price of a bin is found by halving: a higher price is fewer bins and more error
    let (mut low, mut high) = (0.0_f64, variance);
    for _ in 0..40 {
        let price = 0.5 * (low + high);
        let error: f64 =
            model.parts.iter().zip(&lines).map(|(part, line)| join(part, line, price).lost).sum();
        if error > allowed { high = price } else { low = price }
    }
    for (part, line) in model.parts.iter_mut().zip(&lines) {
        part.values = join(part, line, low).values;
    }
}

/// The codes of a part in an order in which neighbours may be joined: numbers by value, categories
/// by what they are worth. What stands alone is not in it.
fn line(part: &Part) -> Vec<usize> {
    match &part.form {
        Form::Numbers { .. } => (0..part.form.ordered()).collect(),
        Form::Words { categories } => {
            let mut line: Vec<usize> = (0..categories.len()).collect();
            line.sort_by(|a, b| part.values[*a].total_cmp(&part.values[*b]).then(a.cmp(b)));
            line
        }
    }
}

/// One way to join the codes of a part.
struct Joined {
    values: Vec<f64>,
    /// Mean squared error.
    lost: f64,
    bins: usize,
}

/// The best joining of one part at a price for each bin, or at the lowest price above it that
/// leaves [`BINS_MAX`] bins. The limit is not kept within the search itself: there it would be
/// spent on the lowest values, and one bin would take all the rest.
fn join(part: &Part, line: &[usize], price: f64) -> Joined {
    let mut found = joined(part, line, price);
    if found.bins <= BINS_MAX {
        return found;
    }
    let (mut low, mut high) = (price, price.max(1e-12));
    while found.bins > BINS_MAX {
        low = high;
        high *= 4.0;
        found = joined(part, line, high);
    }
    for _ in 0..20 {
        let middle = 0.5 * (low + high);
        let tried = joined(part, line, middle);
        if tried.bins > BINS_MAX {
            low = middle;
        } else {
            (high, found) = (middle, tried);
        }
    }
    found
}

/// The best joining of one part at a price for each bin.
fn joined(part: &Part, line: &[usize], price: f64) -> Joined {
    let total = part.rows.iter().sum::<u64>().max(1) as f64;
    let mut values = part.values.clone();
    let m = line.len();
    // sums up to each place: weight, weight·value, weight·value²
    let mut sums = vec![[0.0_f64; 3]; m + 1];
    for (i, code) in line.iter().enumerate() {
        let (w, v) = (part.rows[*code] as f64 / total, part.values[*code]);
        let before = sums[i];
        sums[i + 1] = [before[0] + w, before[1] + w * v, before[2] + w * v * v];
    }
    let error = |from: usize, to: usize| {
        let [w, wv, wvv] = std::array::from_fn(|k| sums[to][k] - sums[from][k]);
        if w > 0.0 { (wvv - wv * wv / w).max(0.0) } else { 0.0 }
    };
    let mut best = vec![(0.0_f64, 0_usize); m + 1];
    for to in 1..=m {
        best[to] = (f64::INFINITY, 0);
        for from in 0..to {
            let cost = best[from].0 + error(from, to) + price;
            if cost < best[to].0 {
                best[to] = (cost, from);
            }
        }
    }
    let (mut to, mut lost, mut bins) = (m, 0.0, 0);
    while to > 0 {
        let from = best[to].1;
        let weight = sums[to][0] - sums[from][0];
        let mean = if weight > 0.0 { (sums[to][1] - sums[from][1]) / weight } else { 0.0 };
        line[from..to].iter().for_each(|code| values[*code] = mean);
        lost += error(from, to);
        bins += 1;
        to = from;
    }
    Joined { values, lost, bins }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::bins::Coded;

    #[test]
    fn nearly_equal_neighbours_are_joined_and_steps_are_kept() {
        let form = Form::Numbers { decimals: 0, cuts: (1..8).collect(), specials: vec![] };
        let codes: Vec<u8> = (0..800).map(|i| (i % 8) as u8).collect();
        let column = Coded { name: "x".into(), form, codes };
        let values = vec![0.0, 0.01, 0.0, 0.02, 1.0, 1.01, 1.0, 1.02, 0.0];
        let part = Part::new(&column, values, &[false; 800]);
        let variance = part.variance();
        let mut model = Model { intercept: 0.0, parts: vec![part], pairs: vec![] };
        compress(&mut model, variance, 0.001);
        let values = &model.parts[0].values;
        assert!(values[..4].iter().all(|v| *v == values[0]), "{values:?}");
        assert!(values[4..8].iter().all(|v| *v == values[4]) && values[4] > 0.9, "{values:?}");
    }

    #[test]
    fn a_straight_ramp_is_cut_evenly_where_there_are_too_many_steps() {
        let form = Form::Numbers { decimals: 0, cuts: (1..200).collect(), specials: vec![] };
        let codes: Vec<u8> = (0..4_000).map(|i| (i % 200) as u8).collect();
        let column = Coded { name: "x".into(), form, codes };
        let values: Vec<f64> = (0..201).map(f64::from).collect();
        let part = Part::new(&column, values, &[false; 4_000]);
        let variance = part.variance();
        let mut model = Model { intercept: 0.0, parts: vec![part], pairs: vec![] };
        compress(&mut model, variance, 1e-9);
        let mut widths: Vec<usize> = Vec::new();
        let values = &model.parts[0].values[..200];
        for (i, value) in values.iter().enumerate() {
            match widths.last_mut() {
                Some(width) if values[i - 1] == *value => *width += 1,
                _ => widths.push(1),
            }
        }
        assert!(widths.len() <= BINS_MAX && widths.len() > BINS_MAX / 2, "{widths:?}");
        assert!(widths.iter().all(|width| (4..=20).contains(width)), "{widths:?}");
    }
}
