//! One Newton step of one shape: from a histogram of gradients to a smooth change of the shape.

/// Sums of gradient and curvature over the rows of one code.
pub type Cell = [f64; 2];

/// Which way the log-odds of bad run as values rise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slope {
    /// They never fall.
    Rising,
    /// They never rise.
    Falling,
}

/// How a column's codes hang together.
#[derive(Clone, Debug)]
pub enum Layout {
    /// The first `ordered` codes stand in the order of their values; the others stand alone.
    Line {
        /// How many stand in order.
        ordered: usize,
        /// How many codes there are.
        count: usize,
        /// Which way the values of the ordered codes must run.
        slope: Option<Slope>,
    },
    /// A grid of `rows` times `columns`, row after row; neighbours hang together.
    Grid {
        /// Rows.
        rows: usize,
        /// Columns.
        columns: usize,
    },
}

impl Layout {
    /// How many codes there are.
    pub fn count(&self) -> usize {
        match self {
            Layout::Line { count, .. } => *count,
            Layout::Grid { rows, columns } => rows * columns,
        }
    }
}

/// How a change of ordered codes is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Learner {
    /// Smooth: neighbours are tied to each other.
    Smooth,
    /// Steps: the best cuts, up to so many.
    Cuts(usize),
}

/// How strongly a step is held back.
#[derive(Clone, Copy, Debug)]
pub struct Restraint {
    /// How ordered codes change.
    pub learner: Learner,
    /// The share of the population over which a shape is smoothed.
    pub bandwidth: f64,
    /// The same on a grid.
    pub grid_bandwidth: f64,
    /// Curvature added to each code, in rows of the average curvature.
    pub ridge_rows: f64,
    /// How many times its expected gain under no effect a step must gain before it counts.
    pub noise: f64,
    /// The same on a grid.
    pub grid_noise: f64,
}

/// A step: what to add to each code's value, before any learning rate.
pub struct Step {
    /// One for each code.
    pub change: Vec<f64>,
    /// How much of the loss the step is expected to take away, doubled, less what noise alone
    /// would; not below zero.
    pub excess: f64,
}

/// The step for one histogram. The level is taken out: the intercept has it.
pub fn step(layout: &Layout, cells: &[Cell], restraint: &Restraint, rows: f64) -> Step {
    let total: f64 = cells.iter().map(|c| c[1]).sum();
    let slope: f64 = cells.iter().map(|c| c[0]).sum();
    if total <= 0.0 {
        return Step { change: vec![0.0; cells.len()], excess: 0.0 };
    }
    let level = slope / total;
    let right: Vec<f64> = cells.iter().map(|c| -(c[0] - c[1] * level)).collect();
    let ridge = restraint.ridge_rows * total / rows.max(1.0);
    let (mut change, freedom) = match layout {
        Layout::Line { ordered, .. } => match restraint.learner {
            Learner::Smooth => line(cells, &right, *ordered, ridge, restraint.bandwidth, total),
            Learner::Cuts(most) => cuts(cells, &right, *ordered, ridge, most),
        },
        Layout::Grid { rows, columns } if restraint.learner != Learner::Smooth => {
            quadrants(cells, &right, (*rows, *columns), ridge)
        }
        Layout::Grid { rows, columns } => {
            grid(cells, &right, (*rows, *columns), ridge, restraint.grid_bandwidth, total)
        }
    };
    let mean = change.iter().zip(cells).map(|(d, c)| d * c[1]).sum::<f64>() / total;
    change.iter_mut().for_each(|d| *d -= mean);
    let gain: f64 = change.iter().zip(&right).map(|(d, r)| d * r).sum();
    let factor = match layout {
        Layout::Line { .. } => restraint.noise,
        Layout::Grid { .. } => restraint.grid_noise,
    };
    let noise = factor * (freedom - 1.0).max(0.1);
    let kept = if gain > noise { 1.0 - noise / gain } else { 0.0 };
    change.iter_mut().for_each(|d| *d *= kept);
    Step { change, excess: (gain - noise).max(0.0) }
}

/// The nearest values to `shape` that run one way over the first `ordered` codes (pool adjacent
/// violators, weighted by curvature).
pub fn straighten(shape: &mut [f64], cells: &[Cell], ordered: usize, slope: Slope) {
    let sign = if slope == Slope::Rising { 1.0 } else { -1.0 };
    let mut pools: Vec<(f64, f64, usize)> = Vec::new();
    for (value, cell) in shape.iter().zip(cells).take(ordered) {
        pools.push((sign * value, cell[1].max(1e-9), 1));
        while let [.., a, b] = pools[..] {
            if a.0 <= b.0 {
                break;
            }
            let weight = a.1 + b.1;
            pools.truncate(pools.len() - 2);
            pools.push(((a.0 * a.1 + b.0 * b.1) / weight, weight, a.2 + b.2));
        }
    }
    let flat = pools.iter().flat_map(|(value, _, size)| std::iter::repeat_n(sign * value, *size));
    shape.iter_mut().zip(flat).for_each(|(out, value)| *out = value);
}

/// Ordered codes are smoothed by a first-order random walk (a tridiagonal system), the others
/// shrunk each by itself. Also gives the effective degrees of freedom.
fn line(
    cells: &[Cell],
    right: &[f64],
    ordered: usize,
    ridge: f64,
    bandwidth: f64,
    total: f64,
) -> (Vec<f64>, f64) {
    let mut change = vec![0.0; cells.len()];
    let mut freedom = 0.0;
    let alone = cells.iter().zip(right).zip(&mut change).skip(ordered);
    for ((cell, right), change) in alone {
        *change = right / (cell[1] + ridge);
        freedom += cell[1] / (cell[1] + ridge);
    }
    if ordered == 0 {
        return (change, freedom);
    }
    let tie = bandwidth * bandwidth * ordered as f64 * total;
    let diagonal = |i: usize| {
        let neighbours = if ordered == 1 {
            0.0
        } else if i == 0 || i == ordered - 1 {
            1.0
        } else {
            2.0
        };
        cells[i][1] + ridge * 0.01 + tie * neighbours
    };
    // elimination from both ends: the pivots together give the diagonal of the inverse
    let mut forward = vec![0.0; ordered];
    let mut rhs = vec![0.0; ordered];
    for i in 0..ordered {
        let (mut pivot, mut value) = (diagonal(i), right[i]);
        if i > 0 {
            let factor = tie / forward[i - 1];
            pivot -= tie * factor;
            value += factor * rhs[i - 1];
        }
        forward[i] = pivot;
        rhs[i] = value;
    }
    let mut backward = 0.0;
    for i in (0..ordered).rev() {
        let mut pivot = diagonal(i);
        if i + 1 < ordered {
            change[i] = (rhs[i] + tie * change[i + 1]) / forward[i];
            pivot -= tie * tie / backward;
        } else {
            change[i] = rhs[i] / forward[i];
        }
        backward = pivot;
        freedom += cells[i][1] / (forward[i] + backward - diagonal(i));
    }
    (change, freedom)
}

/// Ordered codes are cut where that gains most, then the gaining part again; the others are shrunk
/// each by itself. The degrees of freedom count that each cut was the best of many.
fn cuts(cells: &[Cell], right: &[f64], ordered: usize, ridge: f64, most: usize) -> (Vec<f64>, f64) {
    let mut change = vec![0.0; cells.len()];
    let mut freedom = 0.0;
    let alone = cells.iter().zip(right).zip(&mut change).skip(ordered);
    for ((cell, right), change) in alone {
        *change = right / (cell[1] + ridge);
        freedom += cell[1] / (cell[1] + ridge);
    }
    let gain = |r: f64, h: f64| r * r / (h + ridge);
    let best_cut = |from: usize, to: usize| -> Option<(f64, usize)> {
        let (r, h) = (from..to).fold((0.0, 0.0), |s, i| (s.0 + right[i], s.1 + cells[i][1]));
        let whole = gain(r, h);
        let mut best: Option<(f64, usize)> = None;
        let (mut left_r, mut left_h) = (0.0, 0.0);
        for i in from..to.saturating_sub(1) {
            left_r += right[i];
            left_h += cells[i][1];
            let split = gain(left_r, left_h) + gain(r - left_r, h - left_h) - whole;
            if left_h > ridge && h - left_h > ridge && best.is_none_or(|b| split > b.0) {
                best = Some((split, i + 1));
            }
        }
        best
    };
    let mut parts = vec![(0, ordered)];
    for _ in 0..most {
        let found = parts.iter().enumerate();
        let found = found.filter_map(|(place, (from, to))| Some((best_cut(*from, *to)?, place)));
        let Some(((_, at), place)) = found.max_by(|a, b| a.0.0.total_cmp(&b.0.0)) else { break };
        let (from, to) = parts[place];
        parts[place] = (from, at);
        parts.insert(place + 1, (at, to));
        freedom += 1.0 + libm::log(ordered as f64).min(4.0) * 0.5;
    }
    for (from, to) in parts {
        let (r, h) = (from..to).fold((0.0, 0.0), |s, i| (s.0 + right[i], s.1 + cells[i][1]));
        let value = r / (h + ridge);
        change[from..to].fill(if ordered > 1 { value } else { 0.0 });
    }
    (change, freedom)
}

const SWEEPS: usize = 12;

/// Cells of a grid are smoothed against their neighbours (Gauss–Seidel, back and forth); what
/// rows and columns would have alone is taken out first, so that only the interaction is left.
fn grid(
    cells: &[Cell],
    right: &[f64],
    (rows, columns): (usize, usize),
    ridge: f64,
    bandwidth: f64,
    total: f64,
) -> (Vec<f64>, f64) {
    let tie = bandwidth * bandwidth * total;
    let mut change = vec![0.0; cells.len()];
    let at = |r: usize, c: usize| r * columns + c;
    let neighbours = |r: usize, c: usize| {
        usize::from(r > 0)
            + usize::from(r + 1 < rows)
            + usize::from(c > 0)
            + usize::from(c + 1 < columns)
    };
    for sweep in 0..SWEEPS {
        for place in 0..cells.len() {
            let place = if sweep % 2 == 0 { place } else { cells.len() - 1 - place };
            let (r, c) = (place / columns, place % columns);
            let mut sum = 0.0;
            if r > 0 {
                sum += change[at(r - 1, c)];
            }
            if r + 1 < rows {
                sum += change[at(r + 1, c)];
            }
            if c > 0 {
                sum += change[at(r, c - 1)];
            }
            if c + 1 < columns {
                sum += change[at(r, c + 1)];
            }
            let weight = cells[place][1] + ridge + tie * neighbours(r, c) as f64;
            change[place] = (right[place] + tie * sum) / weight;
        }
    }
    // The diagonal of the inverse is near the inverse of the diagonal with neighbours let go half.
    let freedom = (0..cells.len()).map(|place| {
        let (r, c) = (place / columns, place % columns);
        let held = tie * neighbours(r, c) as f64 * 0.5;
        cells[place][1] / (cells[place][1] + ridge + held)
    });
    (change, freedom.sum())
}

/// One cut along each axis, where the four quarters gain most.
fn quadrants(
    cells: &[Cell],
    right: &[f64],
    (rows, columns): (usize, usize),
    ridge: f64,
) -> (Vec<f64>, f64) {
    // sums over everything above and to the left of each crossing
    let width = columns + 1;
    let mut sums = vec![[0.0_f64; 2]; (rows + 1) * width];
    for r in 0..rows {
        for c in 0..columns {
            let place = r * columns + c;
            let own = [right[place], cells[place][1]];
            for k in 0..2 {
                sums[(r + 1) * width + c + 1][k] =
                    own[k] + sums[r * width + c + 1][k] + sums[(r + 1) * width + c][k]
                        - sums[r * width + c][k];
            }
        }
    }
    let whole = sums[rows * width + columns];
    let quarters = |r: usize, c: usize| {
        let [a, top, left] =
            [sums[r * width + c], sums[r * width + columns], sums[rows * width + c]];
        let of =
            |k: usize| [a[k], top[k] - a[k], left[k] - a[k], whole[k] - top[k] - left[k] + a[k]];
        let (r, h) = (of(0), of(1));
        [[r[0], h[0]], [r[1], h[1]], [r[2], h[2]], [r[3], h[3]]]
    };
    let mut best: Option<(f64, usize, usize)> = None;
    for r in 1..rows {
        for c in 1..columns {
            let found = quarters(r, c);
            if found.iter().any(|q| q[1] < ridge) {
                continue;
            }
            let gain: f64 = found.iter().map(|q| q[0] * q[0] / (q[1] + ridge)).sum();
            if best.is_none_or(|b| gain > b.0) {
                best = Some((gain, r, c));
            }
        }
    }
    let mut change = vec![0.0; cells.len()];
    let Some((_, at_row, at_column)) = best else { return (change, 1.0) };
    let values = quarters(at_row, at_column).map(|q| q[0] / (q[1] + ridge));
    for (place, change) in change.iter_mut().enumerate() {
        let (lower, righter) = (place / columns >= at_row, place % columns >= at_column);
        *change = values[usize::from(lower) * 2 + usize::from(righter)];
    }
    (change, 4.0 + libm::log(cells.len() as f64))
}
