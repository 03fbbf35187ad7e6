//! Two-way tables: which two columns say together what neither says alone.

use super::Settings;
use super::bag::logistic;
use super::step::{Cell, Layout, step};
use crate::model::bins::{Coded, Form};
use crate::model::parallel;

/// The most bins of one axis, beside the one for what is missing or special.
const AXIS_BINS: usize = 11;
/// The most rows that the search looks at.
const SEARCH_ROWS: usize = 100_000;
/// How much log-likelihood a table must gain on rows it was not fitted to before it is tried.
const GAIN_MIN: f64 = 3.0;

/// A two-way table.
#[derive(Clone, Debug)]
pub struct PairTerm {
    /// The two columns, by place.
    pub columns: [usize; 2],
    /// For each code of each column its place on the axis.
    pub axes: [Vec<u8>; 2],
    /// Places on each axis.
    pub sizes: [usize; 2],
    /// The values, row after row.
    pub values: Vec<f64>,
}

impl PairTerm {
    /// How many cells there are.
    pub fn count(&self) -> usize {
        self.sizes[0] * self.sizes[1]
    }

    /// The cell of two codes.
    pub fn code(&self, a: u8, b: u8) -> u8 {
        let (a, b) = (self.axes[0][usize::from(a)], self.axes[1][usize::from(b)]);
        (usize::from(a) * self.sizes[1] + usize::from(b)) as u8
    }

    pub(super) fn layout(&self) -> Layout {
        Layout::Grid { rows: self.sizes[0], columns: self.sizes[1] }
    }
}

/// One axis: for each code of a column its place, and how many places there are. Numbers are cut
/// into bins of about equal size; categories stand in the order of their bad rate; the last place
/// is for missing and special.
fn axis(column: &Coded, bad: &[bool]) -> (Vec<u8>, usize) {
    let count = column.form.count();
    let mut rows = vec![0_u64; count];
    let mut bads = vec![0_u64; count];
    for (code, bad) in column.codes.iter().zip(bad) {
        rows[usize::from(*code)] += 1;
        bads[usize::from(*code)] += u64::from(*bad);
    }
    let missing = column.form.missing();
    let mut order: Vec<usize> = match &column.form {
        Form::Numbers { .. } => (0..column.form.ordered()).collect(),
        Form::Words { categories } => (0..categories.len()).collect(),
    };
    if matches!(column.form, Form::Words { .. }) {
        let rate = |code: usize| (bads[code] as f64 + 1.0) / (rows[code] as f64 + 4.0);
        order.sort_by(|a, b| rate(*a).total_cmp(&rate(*b)).then(a.cmp(b)));
    }
    let total: u64 = order.iter().map(|code| rows[*code]).sum();
    let bins = AXIS_BINS.min(order.len()).max(1);
    let mut places = vec![0_u8; count];
    let (mut place, mut held, mut left) = (0_usize, 0_u64, total);
    for (i, code) in order.iter().enumerate() {
        let remaining = (bins - place) as u64;
        let share = left.div_ceil(remaining.max(1));
        let over = (held + rows[*code]).saturating_sub(share) > share.saturating_sub(held);
        if i > 0 && held > 0 && place + 1 < bins && (held >= share || over) {
            place += 1;
            left -= held;
            held = 0;
        }
        held += rows[*code];
        places[*code] = place as u8;
    }
    // any other category, then missing and special
    let mut next = place + 1;
    if matches!(column.form, Form::Words { .. }) {
        places[missing - 1] = next as u8;
        next += 1;
    }
    (missing..count).for_each(|code| places[code] = next as u8);
    (places, next + 1)
}

/// The pairs of columns whose table explains most of what the single shapes leave open.
pub fn detect(
    columns: &[Coded],
    bad: &[bool],
    unseen: &[f64],
    settings: &Settings,
    may_pair: impl Fn(usize, usize) -> bool,
) -> Vec<PairTerm> {
    let stride = bad.len().div_ceil(SEARCH_ROWS).max(1);
    let rows: Vec<usize> = (0..bad.len()).step_by(stride).collect();
    let slopes: Vec<Cell> = rows
        .iter()
        .map(|row| {
            let p = f64::from(logistic(unseen[*row] as f32));
            let y = if bad[*row] { 1.0 } else { 0.0 };
            [p - y, (p * (1.0 - p)).max(1e-6)]
        })
        .collect();
    let axes: Vec<(Vec<u8>, usize)> =
        parallel::map(settings.threads, columns, |_, column| axis(column, bad));
    let placed: Vec<Vec<u8>> = parallel::map(settings.threads, columns, |i, column| {
        rows.iter().map(|row| axes[i].0[usize::from(column.codes[*row])]).collect()
    });
    let mut candidates = Vec::new();
    for a in 0..columns.len() {
        for b in a + 1..columns.len() {
            if may_pair(a, b) && axes[a].1 > 2 && axes[b].1 > 2 {
                candidates.push([a, b]);
            }
        }
    }
    let parts = parts(bad, settings);
    let parts: Vec<u8> = rows.iter().map(|row| parts[*row]).collect();
    let gains = parallel::map(settings.threads, &candidates, |_, [a, b]| {
        let size = (axes[*a].1, axes[*b].1);
        let mut cells = vec![vec![[0.0_f64; 2]; size.0 * size.1]; settings.parts];
        let codes = placed[*a].iter().zip(&placed[*b]).zip(&parts);
        for (((a, b), part), slope) in codes.zip(&slopes) {
            let cell = &mut cells[usize::from(*part)][usize::from(*a) * size.1 + usize::from(*b)];
            cell[0] += slope[0];
            cell[1] += slope[1];
        }
        unseen_gain(&cells, size, rows.len() as f64)
    });
    let mut found: Vec<(f64, [usize; 2])> =
        gains.into_iter().zip(candidates).filter(|(gain, _)| *gain > GAIN_MIN).collect();
    found.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    found.truncate(settings.pairs);
    let term = |(_, [a, b]): (f64, [usize; 2])| PairTerm {
        columns: [a, b],
        axes: [axes[a].0.clone(), axes[b].0.clone()],
        sizes: [axes[a].1, axes[b].1],
        values: Vec::new(),
    };
    found.into_iter().map(term).collect()
}

/// The part of the first division that each row belongs to.
fn parts(bad: &[bool], settings: &Settings) -> Vec<u8> {
    let order = super::order(bad, settings.parts, settings.seed, 0);
    let mut out = vec![0; bad.len()];
    for (place, row) in order.iter().enumerate() {
        out[*row] = (place * settings.parts / order.len()).min(settings.parts - 1) as u8;
    }
    out
}

/// How much log-likelihood a table gains beyond its own rows and columns, on parts of the sample
/// that it was not fitted to.
fn unseen_gain(parts: &[Vec<Cell>], size: (usize, usize), rows: f64) -> f64 {
    let (height, width) = size;
    let layout = Layout::Grid { rows: height, columns: width };
    let mut gained = 0.0;
    for held in 0..parts.len() {
        let mut rest = vec![[0.0_f64; 2]; height * width];
        for (_, part) in parts.iter().enumerate().filter(|(place, _)| *place != held) {
            rest.iter_mut().zip(part).for_each(|(sum, c)| *sum = [sum[0] + c[0], sum[1] + c[1]]);
        }
        // two sweeps of taking out the rows' and the columns' own effects
        for _ in 0..2 {
            for r in 0..height {
                clear(&mut rest, (0..width).map(|c| r * width + c));
            }
            for c in 0..width {
                clear(&mut rest, (0..height).map(|r| r * width + c));
            }
        }
        for restraint in [&super::SMOOTH, &super::CUTS] {
            let change = step(&layout, &rest, restraint, rows).change;
            let own = change.iter().zip(&parts[held]);
            gained += own.map(|(d, c)| -c[0] * d - 0.5 * c[1] * d * d).sum::<f64>() / 2.0;
        }
    }
    gained
}

/// Takes out of some cells the common step that would suit them all.
fn clear(cells: &mut [Cell], places: impl Iterator<Item = usize> + Clone) {
    let slope: f64 = places.clone().map(|p| cells[p][0]).sum();
    let weight: f64 = places.clone().map(|p| cells[p][1]).sum();
    if weight > 0.0 {
        places.for_each(|p| cells[p][0] -= cells[p][1] * slope / weight);
    }
}
