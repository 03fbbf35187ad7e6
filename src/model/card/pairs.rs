//! Two-way tables made as small as they can be: their means taken out, neighbouring rows and
//! columns that say the same joined.

use super::Model;
use crate::model::bins::Form;
use crate::model::boost::PairTerm;

/// Takes the mean of every two-way table over the rows into the intercept, then joins neighbouring
/// places of the axes, the cheapest first, as long as the squared error over all rows stays below
/// `allowed`. A table of which nothing is left is dropped. `codes` are the columns of the parts.
pub fn settle_pairs(model: &mut Model, codes: &[&[u8]], allowed: f64) {
    let mut tables: Vec<Counted> = Vec::new();
    for pair in std::mem::take(&mut model.pairs) {
        let [a, b] = pair.columns;
        let mut table = Counted::new(pair, codes[a], codes[b]);
        model.intercept += table.centre();
        // what stands for any other category and for missing is no neighbour of anything
        table.ordered = [a, b].map(|part| match &model.parts[part].form {
            form @ Form::Numbers { .. } => table_places(&table, part == a, form.ordered()),
            Form::Words { categories } => table_places(&table, part == a, categories.len()),
        });
        tables.push(table);
    }
    let mut left = allowed;
    loop {
        let cheapest = tables
            .iter()
            .enumerate()
            .flat_map(|(i, table)| {
                table.joins().map(move |(axis, place, cost)| (cost, i, axis, place))
            })
            .min_by(|x, y| x.0.total_cmp(&y.0));
        match cheapest {
            Some((cost, table, axis, place)) if cost <= left => {
                left -= cost;
                tables[table].join(axis, place);
            }
            _ => break,
        }
    }
    tables.retain(|table| table.ordered != [1, 1] || table.variance() > allowed);
    model.pairs = tables.into_iter().map(|table| table.pair).collect();
}

/// How many places of an axis its first `codes` codes fill.
fn table_places(table: &Counted, first: bool, codes: usize) -> usize {
    let axis = &table.pair.axes[usize::from(!first)];
    axis[..codes].iter().max().map_or(0, |place| usize::from(*place) + 1)
}

/// A table with the share of the rows in each cell.
struct Counted {
    pair: PairTerm,
    weights: Vec<f64>,
    /// Places of each axis that may be joined with their neighbours.
    ordered: [usize; 2],
}

impl Counted {
    fn new(pair: PairTerm, a: &[u8], b: &[u8]) -> Counted {
        let mut rows = vec![0_u64; pair.count()];
        for (a, b) in a.iter().zip(b) {
            rows[usize::from(pair.code(*a, *b))] += 1;
        }
        let total = a.len().max(1) as f64;
        let weights = rows.into_iter().map(|rows| rows as f64 / total).collect();
        Counted { pair, weights, ordered: [0, 0] }
    }

    /// Takes out the mean over the rows, and returns it.
    fn centre(&mut self) -> f64 {
        let mean: f64 = self.pair.values.iter().zip(&self.weights).map(|(v, w)| v * w).sum();
        self.pair.values.iter_mut().for_each(|value| *value -= mean);
        mean
    }

    fn variance(&self) -> f64 {
        self.pair.values.iter().zip(&self.weights).map(|(v, w)| v * v * w).sum()
    }

    /// The cells of one place of an axis.
    fn cells(&self, axis: usize, place: usize) -> impl Iterator<Item = usize> + use<> {
        let [height, width] = self.pair.sizes;
        let (from, step, count) = match axis {
            0 => (place * width, 1, width),
            _ => (place, width, height),
        };
        (0..count).map(move |i| from + i * step)
    }

    /// Every neighbour that may be joined, with what it costs in squared error.
    fn joins(&self) -> impl Iterator<Item = (usize, usize, f64)> {
        (0..2).flat_map(move |axis| {
            (1..self.ordered[axis]).map(move |next| (axis, next - 1, self.cost(axis, next - 1)))
        })
    }

    fn cost(&self, axis: usize, place: usize) -> f64 {
        let both = self.cells(axis, place).zip(self.cells(axis, place + 1));
        both.map(|(a, b)| {
            let (v, w) = (&self.pair.values, &self.weights);
            let sum = w[a] + w[b];
            let apart = v[a] - v[b];
            if sum > 0.0 { w[a] * w[b] / sum * apart * apart } else { 0.0 }
        })
        .sum()
    }

    /// Joins a place with the next one.
    fn join(&mut self, axis: usize, place: usize) {
        let both: Vec<(usize, usize)> =
            self.cells(axis, place).zip(self.cells(axis, place + 1)).collect();
        for (a, b) in &both {
            let (values, weights) = (&mut self.pair.values, &mut self.weights);
            let sum = weights[*a] + weights[*b];
            values[*a] = match sum > 0.0 {
                true => (values[*a] * weights[*a] + values[*b] * weights[*b]) / sum,
                false => 0.5 * (values[*a] + values[*b]),
            };
            weights[*a] = sum;
        }
        let gone: Vec<usize> = both.iter().map(|(_, b)| *b).collect();
        let stay = |cell: usize| !gone.contains(&cell);
        let kept = |list: &[f64]| -> Vec<f64> {
            list.iter().enumerate().filter(|(cell, _)| stay(*cell)).map(|(_, x)| *x).collect()
        };
        self.pair.values = kept(&self.pair.values);
        self.weights = kept(&self.weights);
        self.pair.sizes[axis] -= 1;
        self.ordered[axis] -= 1;
        let above = self.pair.axes[axis].iter_mut().filter(|own| usize::from(**own) > place);
        above.for_each(|own| *own -= 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::bins::Coded;
    use crate::model::card::Part;

    /// Two columns of six bins each, every pair of codes once, and a table over them.
    fn model(value: impl Fn(u8, u8) -> f64) -> (Model, [Vec<u8>; 2]) {
        let form = Form::Numbers { decimals: 0, cuts: (1..6).collect(), specials: vec![] };
        let a: Vec<u8> = (0..36).map(|row| row / 6).collect();
        let b: Vec<u8> = (0..36).map(|row| row % 6).collect();
        let part = |codes: &[u8]| {
            let column = Coded { name: "x".into(), form: form.clone(), codes: codes.to_vec() };
            Part::new(&column, vec![0.0; form.count()], &[false; 36])
        };
        let axis: Vec<u8> = (0..7).collect();
        let values = (0..49).map(|cell| {
            if cell / 7 == 6 || cell % 7 == 6 { 9.0 } else { value(cell / 7, cell % 7) }
        });
        let pair = PairTerm {
            columns: [0, 1],
            axes: [axis.clone(), axis],
            sizes: [7, 7],
            values: values.collect(),
        };
        (Model { intercept: 0.0, parts: vec![part(&a), part(&b)], pairs: vec![pair] }, [a, b])
    }

    #[test]
    fn places_that_say_the_same_are_joined_and_rows_keep_their_values() {
        let step = |a: u8, b: u8| if (a < 3) == (b < 2) { 1.0 } else { 0.25 };
        let (mut model, codes) = model(step);
        let codes = [codes[0].as_slice(), codes[1].as_slice()];
        let before = model.log_odds(&codes);
        settle_pairs(&mut model, &codes, 1e-9);
        assert_eq!(model.pairs[0].sizes, [3, 3], "two places and one for missing");
        for (before, after) in before.iter().zip(model.log_odds(&codes)) {
            assert!((before - after).abs() < 1e-9);
        }
        let mean: f64 = codes[0]
            .iter()
            .zip(codes[1])
            .map(|(a, b)| model.pairs[0].values[usize::from(model.pairs[0].code(*a, *b))])
            .sum();
        assert!(mean.abs() < 1e-9, "{mean}");
    }

    #[test]
    fn a_table_that_says_nothing_is_dropped() {
        let (mut model, codes) = model(|_, _| 0.5);
        settle_pairs(&mut model, &[&codes[0], &codes[1]], 1e-6);
        assert!(model.pairs.is_empty());
        assert!((model.intercept - 0.5).abs() < 1e-12);
    }
}
