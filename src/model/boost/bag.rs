//! One member of the ensemble: boosted on all parts of the sample but one, judged on that one.

use std::ops::Range;

use super::step::{Cell, Layout, Restraint, Slope, Step, step, straighten};

/// The sample in an order in which each part is one range of rows.
pub struct Sample {
    /// The rows of the table, in this order.
    pub order: Vec<usize>,
    /// The codes of each term, in this order.
    pub codes: Vec<Vec<u8>>,
    /// 1 where bad.
    pub bad: Vec<f32>,
}

/// The state of one member.
pub struct Bag {
    /// The rows it is judged on.
    pub held: Range<usize>,
    /// Log-odds of the mean.
    pub intercept: f64,
    /// The value of each code of each term.
    pub shapes: Vec<Vec<f64>>,
    /// The loss on the rows held out, summed.
    pub loss: f64,
    scores: Vec<f32>,
    gradient: Vec<f32>,
    curvature: Vec<f32>,
    change: Vec<f32>,
}

/// Longest step along the common direction, in Newton steps of the single shapes.
const STRETCH_MAX: f64 = 1.0;

impl Bag {
    /// A member that gives everybody the log-odds of its own rows.
    pub fn new(held: Range<usize>, data: &Sample, layouts: &[Layout]) -> Bag {
        let n = data.bad.len();
        let bads: f64 =
            training(&held, n).flat_map(|range| &data.bad[range]).map(|bad| f64::from(*bad)).sum();
        let rows = (n - held.len()) as f64;
        let rate = ((bads + 0.5) / (rows + 1.0)).clamp(1e-6, 1.0 - 1e-6);
        let intercept = libm::log(rate / (1.0 - rate));
        let mut bag = Bag {
            held,
            intercept,
            shapes: layouts.iter().map(|layout| vec![0.0; layout.count()]).collect(),
            loss: 0.0,
            scores: vec![intercept as f32; n],
            gradient: vec![0.0; n],
            curvature: vec![0.0; n],
            change: vec![0.0; n],
        };
        bag.loss = bag.held_loss(data);
        bag
    }

    /// More terms, at zero.
    pub fn extend(&mut self, layouts: &[Layout]) {
        self.shapes.extend(layouts.iter().map(|layout| vec![0.0; layout.count()]));
    }

    /// Puts back shapes that were kept, and the scores they give.
    pub fn restore(&mut self, shapes: Vec<Vec<f64>>, intercept: f64, data: &Sample) {
        self.shapes = shapes;
        self.intercept = intercept;
        self.scores.fill(intercept as f32);
        for (codes, shape) in data.codes.iter().zip(&self.shapes) {
            let table = widened(shape);
            for (score, code) in self.scores.iter_mut().zip(codes) {
                *score += table[usize::from(*code)];
            }
        }
        self.loss = self.held_loss(data);
    }

    /// The log-odds of the rows held out.
    pub fn held_scores(&self) -> &[f32] {
        &self.scores[self.held.clone()]
    }

    /// One round: every term takes a step from the same gradients, then all move together as far
    /// as the common direction is good for.
    pub fn round(&mut self, data: &Sample, layouts: &[Layout], restraint: &Restraint, rate: f64) {
        let n = data.bad.len();
        self.gradients(data);
        let rows = (n - self.held.len()) as f64;
        self.change.fill(0.0);
        let mut steps: Vec<Step> = Vec::with_capacity(layouts.len());
        for (layout, codes) in layouts.iter().zip(&data.codes) {
            let cells = self.histogram(codes, layout.count());
            let mut found = step(layout, &cells, restraint, rows);
            if let Layout::Line { ordered, slope: Some(slope), .. } = layout {
                keep_slope(&mut found.change, &self.shapes[steps.len()], &cells, *ordered, *slope);
            }
            if found.excess > 0.0 {
                let table = widened(&found.change);
                for (change, code) in self.change.iter_mut().zip(codes) {
                    *change += table[usize::from(*code)];
                }
            }
            steps.push(found);
        }
        let (mut along, mut curved) = (0.0_f64, 0.0_f64);
        let (mut slope, mut weight) = (0.0_f64, 0.0_f64);
        for range in training(&self.held, n) {
            for i in range {
                let (g, h, d) = (self.gradient[i], self.curvature[i], self.change[i]);
                along -= f64::from(g * d);
                curved += f64::from(h * d * d);
                slope += f64::from(g);
                weight += f64::from(h);
            }
        }
        let stretch = if curved > 0.0 { (along / curved).clamp(0.0, STRETCH_MAX) } else { 0.0 };
        let taken = rate * stretch;
        let level = if weight > 0.0 { -slope / weight } else { 0.0 };
        self.intercept += level;
        for (shape, found) in self.shapes.iter_mut().zip(&steps) {
            if found.excess > 0.0 {
                shape.iter_mut().zip(&found.change).for_each(|(s, d)| *s += taken * d);
            }
        }
        let (taken, level) = (taken as f32, level as f32);
        for (score, change) in self.scores.iter_mut().zip(&self.change) {
            *score += taken * change + level;
        }
    }

    /// Gradient and curvature of the log loss on the training rows.
    fn gradients(&mut self, data: &Sample) {
        for range in training(&self.held, data.bad.len()) {
            let scores = &self.scores[range.clone()];
            let bad = &data.bad[range.clone()];
            let gradient = &mut self.gradient[range.clone()];
            let curvature = &mut self.curvature[range];
            let rows = scores.iter().zip(bad).zip(gradient.iter_mut().zip(curvature));
            for ((score, bad), (g, h)) in rows {
                let p = logistic(*score);
                *g = p - bad;
                *h = (p * (1.0 - p)).max(1e-6);
            }
        }
    }

    fn histogram(&self, codes: &[u8], count: usize) -> Vec<Cell> {
        let mut even = [[0.0_f64; 2]; 256];
        let mut odd = [[0.0_f64; 2]; 256];
        for range in training(&self.held, codes.len()) {
            let codes = &codes[range.clone()];
            let gradient = &self.gradient[range.clone()];
            let curvature = &self.curvature[range];
            let mut pairs = codes.chunks_exact(2).zip(gradient.chunks_exact(2));
            let mut curved = curvature.chunks_exact(2);
            for ((c, g), h) in pairs.by_ref().zip(curved.by_ref()) {
                let a = &mut even[usize::from(c[0])];
                a[0] += f64::from(g[0]);
                a[1] += f64::from(h[0]);
                let b = &mut odd[usize::from(c[1])];
                b[0] += f64::from(g[1]);
                b[1] += f64::from(h[1]);
            }
            if codes.len() % 2 == 1 {
                let last = codes.len() - 1;
                let a = &mut even[usize::from(codes[last])];
                a[0] += f64::from(gradient[last]);
                a[1] += f64::from(curvature[last]);
            }
        }
        let both = even.iter().zip(&odd).take(count);
        both.map(|(a, b)| [a[0] + b[0], a[1] + b[1]]).collect()
    }

    /// The log loss on the rows held out, summed.
    pub fn held_loss(&self, data: &Sample) -> f64 {
        let rows = self.held_scores().iter().zip(&data.bad[self.held.clone()]);
        rows.map(|(score, bad)| log_loss(f64::from(*score), *bad > 0.5)).sum()
    }

    /// Judges again.
    pub fn judge(&mut self, data: &Sample) {
        self.loss = self.held_loss(data);
    }
}

/// Bends a change such that the shape after it runs one way; as the shape before it does too, so
/// does every shape between the two.
fn keep_slope(change: &mut [f64], shape: &[f64], cells: &[Cell], ordered: usize, slope: Slope) {
    let mut after: Vec<f64> = shape.iter().zip(change.iter()).map(|(s, d)| s + d).collect();
    straighten(&mut after, cells, ordered, slope);
    change.iter_mut().zip(after.iter().zip(shape)).for_each(|(d, (after, s))| *d = after - s);
}

/// The ranges of rows that are not held out.
fn training(held: &Range<usize>, n: usize) -> impl Iterator<Item = Range<usize>> + use<> {
    [0..held.start, held.end..n].into_iter()
}

fn widened(shape: &[f64]) -> [f32; 256] {
    let mut table = [0.0; 256];
    table.iter_mut().zip(shape).for_each(|(t, s)| *t = *s as f32);
    table
}

/// Minus the log-likelihood of one outcome at some log-odds of bad.
pub fn log_loss(score: f64, bad: bool) -> f64 {
    let against = if bad { -score } else { score };
    if against > 30.0 { against } else { libm::log1p(libm::exp(against)) }
}

/// `1 / (1 + e^−x)` to about seven digits, from plain multiplications and additions only, so that
/// it is the same bits on any machine and the compiler can do several at once.
pub fn logistic(x: f32) -> f32 {
    // e^−|x| = 2^−y, the nearest whole part by the exponent bits, the rest by a polynomial
    let y = (x.abs() * std::f32::consts::LOG2_E).min(120.0);
    let whole = (y + 0.5) as i32;
    let f = -(y - whole as f32);
    let p = 1.0
        + f * (std::f32::consts::LN_2
            + f * (0.240_226_5
                + f * (0.055_504_1 + f * (0.009_618_0 + f * (0.001_333_3 + f * 0.000_154_0)))));
    let e = p * f32::from_bits(((127 - whole) as u32) << 23);
    let small = e / (1.0 + e);
    if x < 0.0 { small } else { 1.0 - small }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fast_logistic_is_within_a_millionth_of_the_function() {
        for i in -4_000..=4_000_i16 {
            let x = f32::from(i) / 100.0;
            let exact = 1.0 / (1.0 + libm::exp(-f64::from(x)));
            assert!((f64::from(logistic(x)) - exact).abs() < 1e-6, "at {x}");
        }
    }
}
