//! From a fitted model to a scorecard: integer points in the one TOML form that production reads.

mod compress;
mod pairs;
pub mod production;
mod scale;
mod write;

pub use compress::compress;
pub use pairs::settle_pairs;
pub use scale::{ScaleWish, choose, score_at};

use super::bins::{Coded, Form};
use super::boost::PairTerm;
use crate::collect::observation::Dimension;
use crate::score::scale::Scale;
use crate::score::scorecard::{Development, Monotone};

/// An additive model in log-odds of bad, over columns in codes.
pub struct Model {
    /// Log-odds of the mean, once every shape is centred.
    pub intercept: f64,
    /// The columns that the model reads.
    pub parts: Vec<Part>,
    /// Two-way tables, whose columns are places in `parts`.
    pub pairs: Vec<PairTerm>,
}

/// One column of a model.
#[derive(Clone)]
pub struct Part {
    /// Its name.
    pub name: String,
    /// What its codes mean.
    pub form: Form,
    /// For each code its value, in log-odds of bad.
    pub values: Vec<f64>,
    /// Rows of each code.
    pub rows: Vec<u64>,
    /// Bads of each code.
    pub bads: Vec<u64>,
    /// The direction that was asked for, in points.
    pub monotone: Option<Monotone>,
    /// Its dimension.
    pub dimension: Option<Dimension>,
    /// What was found about it, in a sentence.
    pub finding: String,
}

/// What else the file says.
pub struct About {
    /// Its id.
    pub id: String,
    /// The outcome in words.
    pub target: String,
    /// What it was fitted to.
    pub development: Development,
}

impl Part {
    /// A column with its values; counts the rows.
    pub fn new(column: &Coded, values: Vec<f64>, bad: &[bool]) -> Part {
        let mut rows = vec![0; column.form.count()];
        let mut bads = vec![0; column.form.count()];
        for (code, bad) in column.codes.iter().zip(bad) {
            rows[usize::from(*code)] += 1;
            bads[usize::from(*code)] += u64::from(*bad);
        }
        Part {
            name: column.name.clone(),
            form: column.form.clone(),
            values,
            rows,
            bads,
            monotone: None,
            dimension: None,
            finding: String::new(),
        }
    }

    fn total(&self) -> f64 {
        self.rows.iter().sum::<u64>() as f64
    }

    /// The mean value over the rows.
    pub fn mean(&self) -> f64 {
        let sum: f64 = self.values.iter().zip(&self.rows).map(|(v, n)| v * *n as f64).sum();
        sum / self.total().max(1.0)
    }

    /// The variance of the value over the rows.
    pub fn variance(&self) -> f64 {
        let mean = self.mean();
        let squares = self.values.iter().zip(&self.rows);
        let sum: f64 = squares.map(|(v, n)| (v - mean) * (v - mean) * *n as f64).sum();
        sum / self.total().max(1.0)
    }
}

impl Model {
    /// Takes every shape's mean into the intercept; codes without rows get the mean.
    pub fn centre(&mut self) {
        for part in &mut self.parts {
            let mean = part.mean();
            self.intercept += mean;
            for (value, rows) in part.values.iter_mut().zip(&part.rows) {
                *value = if *rows == 0 { 0.0 } else { *value - mean };
            }
        }
    }

    /// Gives missing cells what everybody else has on average: whoever is silent neither gains nor
    /// loses.
    pub fn neutralise(&mut self) {
        for part in &mut self.parts {
            let missing = part.form.missing();
            let own = std::mem::take(&mut part.rows[missing]);
            let mean = part.mean();
            part.rows[missing] = own;
            part.values[missing] = mean;
        }
    }

    /// Multiplies all but the intercept, and moves it: what calibration asks for.
    pub fn stretch(&mut self, slope: f64, shift: f64) {
        self.intercept = self.intercept * slope + shift;
        let shapes = self.parts.iter_mut().map(|part| &mut part.values);
        let tables = self.pairs.iter_mut().map(|pair| &mut pair.values);
        shapes.chain(tables).flatten().for_each(|value| *value *= slope);
    }

    /// The log-odds of every row. `codes` are the columns of the parts, in their order.
    pub fn log_odds(&self, codes: &[&[u8]]) -> Vec<f64> {
        let n = codes.first().map_or(0, |codes| codes.len());
        let mut out = vec![self.intercept; n];
        for (part, codes) in self.parts.iter().zip(codes) {
            let rows = out.iter_mut().zip(*codes);
            rows.for_each(|(x, code)| *x += part.values[usize::from(*code)]);
        }
        for pair in &self.pairs {
            let [a, b] = pair.columns.map(|place| codes[place]);
            for ((x, a), b) in out.iter_mut().zip(a).zip(b) {
                *x += pair.values[usize::from(pair.code(*a, *b))];
            }
        }
        out
    }

    /// The scorecard as TOML. Points are in units of the scale; a row's points are what it gains
    /// or loses against everybody's mean.
    pub fn write(&self, scale: &Scale, about: &About) -> String {
        write::scorecard(self, scale, about)
    }
}
