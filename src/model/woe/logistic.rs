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
/// Steps shorter than this leave the curvature as it is.
const SHORT: f64 = 0.05;
/// How far the choice of a penalty follows each of them.
const CHORD_MAX: usize = 4;
const CHORD_NEAR: f64 = 1e-3;

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
        self.fit_from(penalty, start).0
    }

    /// The same, with the curvature where it ended. Curvature costs as many sums as there are
    /// pairs of columns, and hardly changes once steps are short: from then on only the gradient is
    /// summed anew, and the steps still end where the gradient does.
    fn fit_from(&self, penalty: f64, start: &Fit) -> (Fit, Sums) {
        let mut fit = start.clone();
        let mut sums = self.parts(&fit, 1).swap_remove(0);
        let mut kept = false;
        for _ in 0..NEWTON_MAX {
            let Some(step) = sums.step(&fit, penalty) else { break };
            let far = step.iter().fold(0.0_f64, |far, s| far.max(s.abs()));
            // far steps are halved: the quadratic is a guess there
            let share = if far > 4.0 { 4.0 / far } else { 1.0 };
            fit.intercept += share * step[0];
            fit.weights.iter_mut().zip(&step[1..]).for_each(|(w, s)| *w += share * s);
            if far < NEAR {
                break;
            }
            match kept || far < SHORT {
                true => sums.gradient = self.gradient(&fit),
                false => sums = self.parts(&fit, 1).swap_remove(0),
            }
            kept = far < SHORT;
        }
        (fit, sums)
    }

    /// The gradient over all rows.
    fn gradient(&self, fit: &Fit) -> Vec<f64> {
        let n = self.bad.len();
        let starts: Vec<usize> = (0..n).step_by(BLOCK_ROWS).collect();
        let of = |_: usize, from: &usize| {
            let rows = *from..(from + BLOCK_ROWS).min(n);
            let errors = self.errors(fit, rows.clone());
            let mut out = vec![errors.iter().sum::<f64>()];
            out.extend(self.columns.iter().map(|x| dot(&x[rows.clone()], &errors)));
            out
        };
        let mut sum = vec![0.0; self.columns.len() + 1];
        for block in parallel::map(self.threads, &starts, of) {
            sum.iter_mut().zip(block).for_each(|(sum, x)| *sum += x);
        }
        sum
    }

    /// By how much the probability of each row is too high.
    fn errors(&self, fit: &Fit, rows: std::ops::Range<usize>) -> Vec<f64> {
        let scores = self.scores(fit, rows.clone());
        let rows = scores.iter().zip(&self.bad[rows]);
        rows.map(|(score, bad)| 1.0 / (1.0 + libm::exp(-score)) - if *bad { 1.0 } else { 0.0 })
            .collect()
    }

    /// The loss on rows held out, for each penalty: for each of `parts` parts one Newton step
    /// from the fit on everything, with that part taken away. The curvature is that of the fit
    /// under the middle penalty; the gradients are each penalty's own.
    pub fn cross_validate(&self, penalties: &[f64], parts: usize) -> Vec<f64> {
        let Some(middle) = penalties.get(penalties.len() / 2) else { return Vec::new() };
        let (start, _) = self.fit_from(*middle, &self.start());
        let mut of_parts = self.parts(&start, parts);
        let n = self.bad.len();
        let ends: Vec<usize> = (0..=parts).map(|part| part * n / parts).collect();
        let mut losses = Vec::with_capacity(penalties.len());
        for penalty in penalties {
            let mut fit = start.clone();
            for _ in 0..CHORD_MAX {
                let mut all = Sums::zero(self.columns.len() + 1);
                of_parts.iter().for_each(|sums| all.add(sums, 1.0));
                let Some(step) = all.step(&fit, *penalty) else { break };
                fit.intercept += step[0];
                fit.weights.iter_mut().zip(&step[1..]).for_each(|(w, s)| *w += s);
                for (part, sums) in of_parts.iter_mut().enumerate() {
                    let rows = ends[part]..ends[part + 1];
                    let errors = self.errors(&fit, rows.clone());
                    sums.gradient[0] = errors.iter().sum();
                    let columns = self.columns.iter().zip(&mut sums.gradient[1..]);
                    columns.for_each(|(x, out)| *out = dot(&x[rows.clone()], &errors));
                }
                if step.iter().all(|s| s.abs() < CHORD_NEAR) {
                    break;
                }
            }
            losses.push(self.loss_held_out(&fit, &of_parts, &ends, *penalty));
        }
        losses
    }

    /// The loss on each part after a Newton step from `fit` without it.
    fn loss_held_out(&self, fit: &Fit, of_parts: &[Sums], ends: &[usize], penalty: f64) -> f64 {
        let mut all = Sums::zero(self.columns.len() + 1);
        of_parts.iter().for_each(|sums| all.add(sums, 1.0));
        let loss = of_parts.iter().enumerate().map(|(part, own)| {
            let mut rest = all.clone();
            rest.add(own, -1.0);
            let mut fit = fit.clone();
            if let Some(step) = rest.step(&fit, penalty) {
                fit.intercept += step[0];
                fit.weights.iter_mut().zip(&step[1..]).for_each(|(w, s)| *w += s);
            }
            let rows = ends[part]..ends[part + 1];
            let scores = self.scores(&fit, rows.clone());
            let rows = scores.iter().zip(&self.bad[rows]);
            rows.map(|(score, bad)| log_loss(*score, *bad)).sum::<f64>()
        });
        loss.sum()
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
