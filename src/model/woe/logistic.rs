//! Logistic regression by Newton's method, with a penalty on squares and a sign that every
//! coefficient must have.

use crate::model::boost::log_loss;
use crate::model::parallel;

/// The matrix, column by column, and the outcomes.
pub struct Design<'a> {
    /// One value for each row, for each column.
    pub columns: &'a [Vec<f64>],
    /// Outcomes.
    pub bad: &'a [bool],
    /// Threads; their number changes no bit.
    pub threads: usize,
}

/// Intercept and coefficients.
#[derive(Clone, Debug)]
pub struct Fit {
    /// Log-odds where every column is zero.
    pub intercept: f64,
    /// One for each column.
    pub weights: Vec<f64>,
}

/// Rows that one sum runs over before it is added to the others: fixed, so that the threads
/// change no bit.
const BLOCK_ROWS: usize = 8_192;
const NEWTON_MAX: usize = 25;
const NEAR: f64 = 1e-7;

/// Gradient and curvature of the loss; of the penalty nothing.
#[derive(Clone)]
pub struct Sums {
    gradient: Vec<f64>,
    /// The lower half, row after row.
    curvature: Vec<f64>,
}

impl Sums {
    fn zero(size: usize) -> Sums {
        Sums { gradient: vec![0.0; size], curvature: vec![0.0; size * (size + 1) / 2] }
    }

    fn add(&mut self, other: &Sums, sign: f64) {
        let gradients = self.gradient.iter_mut().zip(&other.gradient);
        gradients.for_each(|(a, b)| *a += sign * b);
        let curvatures = self.curvature.iter_mut().zip(&other.curvature);
        curvatures.for_each(|(a, b)| *a += sign * b);
    }

    /// The Newton step under a penalty.
    fn step(&self, fit: &Fit, penalty: f64) -> Option<Vec<f64>> {
        let size = self.gradient.len();
        let mut matrix = vec![0.0; size * size];
        for i in 0..size {
            for j in 0..=i {
                let value = self.curvature[i * (i + 1) / 2 + j];
                matrix[i * size + j] = value;
                matrix[j * size + i] = value;
            }
            matrix[i * size + i] += if i == 0 { 1e-9 } else { penalty + 1e-9 };
        }
        let right = (0..size).map(|i| {
            let held = if i == 0 { 0.0 } else { penalty * fit.weights[i - 1] };
            -(self.gradient[i] + held)
        });
        solve(matrix, right.collect())
    }
}

/// Solves a symmetric positive system (Cholesky); `None` if it is not positive.
pub fn solve(mut matrix: Vec<f64>, mut right: Vec<f64>) -> Option<Vec<f64>> {
    let size = right.len();
    for i in 0..size {
        for j in 0..=i {
            let mut sum = matrix[i * size + j];
            for k in 0..j {
                sum -= matrix[i * size + k] * matrix[j * size + k];
            }
            if i == j {
                if sum <= 0.0 {
                    return None;
                }
                matrix[i * size + i] = sum.sqrt();
            } else {
                matrix[i * size + j] = sum / matrix[j * size + j];
            }
        }
    }
    for i in 0..size {
        for k in 0..i {
            right[i] -= matrix[i * size + k] * right[k];
        }
        right[i] /= matrix[i * size + i];
    }
    for i in (0..size).rev() {
        for k in i + 1..size {
            right[i] -= matrix[k * size + i] * right[k];
        }
        right[i] /= matrix[i * size + i];
    }
    Some(right)
}

impl Design<'_> {
    /// Log-odds of the rows.
    fn scores(&self, fit: &Fit, rows: std::ops::Range<usize>) -> Vec<f64> {
        let mut scores = vec![fit.intercept; rows.len()];
        for (column, weight) in self.columns.iter().zip(&fit.weights) {
            if *weight != 0.0 {
                let values = &column[rows.clone()];
                scores.iter_mut().zip(values).for_each(|(s, x)| *s += weight * x);
            }
        }
        scores
    }

    /// The sums over one block of rows.
    fn block(&self, fit: &Fit, rows: std::ops::Range<usize>) -> Sums {
        let size = self.columns.len() + 1;
        let mut sums = Sums::zero(size);
        let scores = self.scores(fit, rows.clone());
        let mut gradient = Vec::with_capacity(rows.len());
        let mut weight = Vec::with_capacity(rows.len());
        for (score, bad) in scores.iter().zip(&self.bad[rows.clone()]) {
            let p = 1.0 / (1.0 + libm::exp(-score));
            gradient.push(p - if *bad { 1.0 } else { 0.0 });
            weight.push(p * (1.0 - p));
        }
        let mut weighted = vec![0.0; rows.len()];
        for i in 0..size {
            match i.checked_sub(1) {
                None => weighted.copy_from_slice(&weight),
                Some(c) => {
                    let values = self.columns[c][rows.clone()].iter().zip(&weight);
                    weighted.iter_mut().zip(values).for_each(|(out, (x, w))| *out = x * w);
                }
            }
            let value = |c: Option<usize>, with: &[f64]| match c {
                None => with.iter().sum::<f64>(),
                Some(c) => dot(&self.columns[c][rows.clone()], with),
            };
            sums.gradient[i] = value(i.checked_sub(1), &gradient);
            for j in 0..=i {
                sums.curvature[i * (i + 1) / 2 + j] = value(j.checked_sub(1), &weighted);
            }
        }
        sums
    }

    /// The sums over `parts` equal parts of the rows.
    fn parts(&self, fit: &Fit, parts: usize) -> Vec<Sums> {
        let n = self.bad.len();
        let mut blocks = Vec::new();
        for part in 0..parts {
            let (from, to) = (part * n / parts, (part + 1) * n / parts);
            let mut at = from;
            while at < to {
                let end = (at + BLOCK_ROWS).min(to);
                blocks.push((part, at..end));
                at = end;
            }
        }
        let sums =
            parallel::map(self.threads, &blocks, |_, (_, rows)| self.block(fit, rows.clone()));
        let mut out = vec![Sums::zero(self.columns.len() + 1); parts];
        for ((part, _), sums) in blocks.iter().zip(&sums) {
            out[*part].add(sums, 1.0);
        }
        out
    }

    /// The coefficients under a penalty, from a start.
    pub fn fit(&self, penalty: f64, start: &Fit) -> Fit {
        let mut fit = start.clone();
        for _ in 0..NEWTON_MAX {
            let sums = self.parts(&fit, 1).swap_remove(0);
            let Some(step) = sums.step(&fit, penalty) else { return fit };
            let far = step.iter().fold(0.0_f64, |far, s| far.max(s.abs()));
            // far steps are halved: the quadratic is a guess there
            let share = if far > 4.0 { 4.0 / far } else { 1.0 };
            fit.intercept += share * step[0];
            fit.weights.iter_mut().zip(&step[1..]).for_each(|(w, s)| *w += share * s);
            if far < NEAR {
                break;
            }
        }
        fit
    }

    /// The loss on rows held out, for each penalty: for each of `parts` parts one Newton step
    /// from the fit on everything, with that part taken away.
    pub fn cross_validate(&self, penalties: &[f64], parts: usize) -> Vec<f64> {
        let mut start = self.start();
        let mut losses = Vec::with_capacity(penalties.len());
        for penalty in penalties {
            start = self.fit(*penalty, &start);
            let of_parts = self.parts(&start, parts);
            let mut all = Sums::zero(self.columns.len() + 1);
            of_parts.iter().for_each(|sums| all.add(sums, 1.0));
            let n = self.bad.len();
            let loss = of_parts.iter().enumerate().map(|(part, own)| {
                let mut rest = all.clone();
                rest.add(own, -1.0);
                let mut fit = start.clone();
                if let Some(step) = rest.step(&fit, *penalty) {
                    fit.intercept += step[0];
                    fit.weights.iter_mut().zip(&step[1..]).for_each(|(w, s)| *w += s);
                }
                let rows = part * n / parts..(part + 1) * n / parts;
                let scores = self.scores(&fit, rows.clone());
                let rows = scores.iter().zip(&self.bad[rows]);
                rows.map(|(score, bad)| log_loss(*score, *bad)).sum::<f64>()
            });
            losses.push(loss.sum());
        }
        losses
    }

    /// The log-odds of the mean, and nothing else.
    pub fn start(&self) -> Fit {
        let bads = self.bad.iter().filter(|bad| **bad).count() as f64;
        let n = self.bad.len() as f64;
        let rate = ((bads + 0.5) / (n + 1.0)).clamp(1e-6, 1.0 - 1e-6);
        let intercept = libm::log(rate / (1.0 - rate));
        Fit { intercept, weights: vec![0.0; self.columns.len()] }
    }
}

/// A dot product in four strands, always in the same order.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut strands = [0.0_f64; 4];
    let (whole, rest) = (a.chunks_exact(4), a.len() - a.len() % 4);
    for (x, y) in whole.zip(b.chunks_exact(4)) {
        for i in 0..4 {
            strands[i] += x[i] * y[i];
        }
    }
    let tail: f64 = a[rest..].iter().zip(&b[rest..]).map(|(x, y)| x * y).sum();
    (strands[0] + strands[1]) + (strands[2] + strands[3]) + tail
}

/// The variance inflation of each column: how much of it the others already say. One for a column
/// that nothing else predicts.
pub fn inflation(columns: &[Vec<f64>]) -> Vec<f64> {
    let size = columns.len();
    let n = columns.first().map_or(0, Vec::len) as f64;
    let centred: Vec<(f64, f64)> = columns
        .iter()
        .map(|x| {
            let mean = x.iter().sum::<f64>() / n.max(1.0);
            (mean, (dot(x, x) / n.max(1.0) - mean * mean).max(1e-12))
        })
        .collect();
    let mut matrix = vec![0.0; size * size];
    for i in 0..size {
        for j in 0..=i {
            let covariance =
                dot(&columns[i], &columns[j]) / n.max(1.0) - centred[i].0 * centred[j].0;
            let correlation = covariance / (centred[i].1 * centred[j].1).sqrt();
            matrix[i * size + j] = correlation;
            matrix[j * size + i] = correlation;
        }
        matrix[i * size + i] = 1.0 + 1e-6;
    }
    let unit = |i: usize| (0..size).map(|j| if i == j { 1.0 } else { 0.0 }).collect::<Vec<f64>>();
    let diagonal = |i: usize| solve(matrix.clone(), unit(i)).map_or(f64::INFINITY, |x| x[i]);
    (0..size).map(diagonal).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn newton_finds_the_coefficients_that_made_the_data() {
        // 4 cells with known rates: log-odds are −1 + 2x exactly in expectation.
        let mut x = Vec::new();
        let mut bad = Vec::new();
        for (value, bads) in [(0.0, 269), (1.0, 731)] {
            for i in 0..1_000 {
                x.push(value);
                bad.push(i < bads);
            }
        }
        let columns = [x];
        let design = Design { columns: &columns, bad: &bad, threads: 2 };
        let fit = design.fit(0.0, &design.start());
        assert!((fit.intercept + 1.0).abs() < 0.01, "{}", fit.intercept);
        assert!((fit.weights[0] - 2.0).abs() < 0.01, "{}", fit.weights[0]);
    }

    #[test]
    fn a_column_that_another_repeats_has_a_large_inflation() {
        let a: Vec<f64> = (0..100).map(|i| f64::from(i % 7)).collect();
        let b: Vec<f64> = a.iter().map(|x| 2.0 * x + 1.0).collect();
        let c: Vec<f64> = (0..100).map(|i| f64::from(i % 3)).collect();
        let found = inflation(&[a, b, c]);
        assert!(found[0] > 1_000.0 && found[2] < 1.1, "{found:?}");
    }
}
