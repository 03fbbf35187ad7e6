//! Weight of evidence: optimal bins, and a logistic regression on what they say.
//!
//! The classic way to a scorecard. Each column is divided into few bins ([`optimal`]); a bin's
//! weight of evidence is `ln(%bad / %good)`, drawn towards nothing where the bin is small; a
//! logistic regression on these, penalised and with one sign, weighs the columns against each
//! other.

mod logistic;
pub mod optimal;

use super::bins::{Coded, Form};
use super::boost::order;
use super::parallel;
use logistic::{Design, inflation};
use optimal::{Count, Rules, Trend, divide};

/// How the bins are made and weighed.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Seeds the parts of the cross-validation.
    pub seed: u64,
    /// Threads; their number changes no bit.
    pub threads: usize,
    /// The most bins of a column.
    pub bins_max: usize,
    /// The fewest rows of a bin, in thousandths of all.
    pub permille_min: u64,
    /// A column whose information value is below this is left out.
    pub iv_min: f64,
    /// The penalty for each row; chosen by cross-validation when absent.
    pub penalty: Option<f64>,
}

impl Settings {
    /// The usual: at most ten bins of 5 % or more.
    pub fn new(seed: u64, threads: usize) -> Settings {
        let (bins_max, permille_min, iv_min) = (10, 50, 0.005);
        Settings { seed, threads, bins_max, permille_min, iv_min, penalty: None }
    }
}

/// What was found of one column.
#[derive(Clone, Debug)]
pub struct Finding {
    /// For each code its bin.
    pub bins: Vec<usize>,
    /// Rows and bads of each bin.
    pub counts: Vec<Count>,
    /// Weight of evidence of each bin, towards bad.
    pub woe: Vec<f64>,
    /// Information value.
    pub iv: f64,
    /// The trend of the ordered bins.
    pub trend: Trend,
    /// Coefficient; 0 if the column was left out.
    pub weight: f64,
    /// Variance inflation among the columns that were tried.
    pub inflation: f64,
    /// Why it was left out, if it was.
    pub left_out: Option<&'static str>,
}

/// A fitted model.
pub struct Woe {
    /// Log-odds where every weight of evidence is zero.
    pub intercept: f64,
    /// For each column the value of each code, in log-odds of bad.
    pub shapes: Vec<Vec<f64>>,
    /// What was found of each column.
    pub findings: Vec<Finding>,
    /// The penalty that cross-validation chose.
    pub penalty: f64,
}

/// Rows of evidence for "like everybody" that each bin starts with; more for bins that were not
/// chosen by their size: missing, special, other.
const PRIOR_ROWS: f64 = 10.0;
const PRIOR_ROWS_ALONE: f64 = 20.0;
/// What one more bin must explain, and what a turn of the trend must be worth above a straight
/// run, in log-likelihood: bins are cheap, for the regression weighs them again, and a peak or a
/// valley must be argued for. Chosen by cross-validation on ten public and made-up tables.
const PRICE: f64 = 0.7;
const TURN: f64 = 10.0;
/// The most rows that the penalty is chosen on.
const CV_ROWS_MAX: usize = 60_000;
const PENALTIES: [f64; 6] = [3e-2, 1e-2, 3e-3, 1e-3, 3e-4, 3e-5];

/// Fits the model. `trends` are asked for by place; `Auto` where nothing was.
pub fn fit(columns: &[Coded], bad: &[bool], trends: &[Trend], settings: &Settings) -> Woe {
    let mut findings: Vec<Finding> = parallel::map(settings.threads, columns, |i, column| {
        let trend = trends.get(i).copied().unwrap_or(Trend::Auto);
        find(column, bad, trend, settings)
    });
    let tried: Vec<usize> =
        (0..columns.len()).filter(|i| findings[*i].left_out.is_none()).collect();
    let matrix: Vec<Vec<f64>> = parallel::map(settings.threads, &tried, |_, i| {
        let finding = &findings[*i];
        let table: Vec<f64> = finding.bins.iter().map(|bin| finding.woe[*bin]).collect();
        columns[*i].codes.iter().map(|code| table[usize::from(*code)]).collect()
    });
    for (place, value) in tried.iter().zip(inflation(&matrix)) {
        findings[*place].inflation = value;
    }
    let (penalty, fit, kept) = weigh(&matrix, bad, settings);
    for ((place, weight), kept) in tried.iter().zip(&fit.weights).zip(kept) {
        findings[*place].weight = *weight;
        if !kept {
            findings[*place].left_out = Some("others say it already, and its sign turned");
        }
    }
    let shapes = findings.iter().map(|f| f.bins.iter().map(|bin| f.weight * f.woe[*bin]).collect());
    Woe { intercept: fit.intercept, shapes: shapes.collect(), findings, penalty }
}

/// Divides one column and says what its bins say.
fn find(column: &Coded, bad: &[bool], trend: Trend, settings: &Settings) -> Finding {
    let count = column.form.count();
    let mut fine = vec![Count::default(); count];
    for (code, bad) in column.codes.iter().zip(bad) {
        let cell = &mut fine[usize::from(*code)];
        cell.rows += 1;
        cell.bads += u64::from(*bad);
    }
    let all = fine.iter().fold(Count::default(), |sum, c| sum.and(*c));
    let line = line(&column.form, &fine, all);
    let on_line: Vec<Count> = line.iter().map(|code| fine[*code]).collect();
    let rows = on_line.iter().map(|c| c.rows).sum::<u64>();
    let rules = Rules {
        bins_max: settings.bins_max,
        rows_min: (rows * settings.permille_min / 1_000).max(10),
        price: PRICE,
        turn: TURN,
        both: true,
        trend: if column.form.ordered() == 0 { Trend::Rising } else { trend },
    };
    let mut division = divide(&on_line, &rules);
    if division.bins.len() == 1 {
        // A column that tells the outcome apart without a doubt has no bin with both: it is shown
        // as what it is, rather than left out as if it said nothing.
        division = divide(&on_line, &Rules { both: false, ..rules });
    }
    let mut bins = vec![usize::MAX; count];
    for (bin, (from, to)) in division.bins.iter().enumerate() {
        line[*from..*to].iter().for_each(|code| bins[*code] = bin);
    }
    let chosen = division.bins.len();
    let mut next = chosen;
    for bin in bins.iter_mut().filter(|bin| **bin == usize::MAX) {
        *bin = next;
        next += 1;
    }
    let mut counts = vec![Count::default(); next];
    bins.iter().zip(&fine).for_each(|(bin, c)| counts[*bin] = counts[*bin].and(*c));
    let woe: Vec<f64> = counts
        .iter()
        .enumerate()
        .map(|(bin, c)| evidence(*c, all, if bin < chosen { PRIOR_ROWS } else { PRIOR_ROWS_ALONE }))
        .collect();
    let (goods, bads) = ((all.rows - all.bads) as f64, all.bads as f64);
    let iv: f64 = counts
        .iter()
        .zip(&woe)
        .map(|(c, woe)| (c.bads as f64 / bads - (c.rows - c.bads) as f64 / goods) * woe)
        .sum();
    let left_out = if iv < settings.iv_min { Some("says too little") } else { None };
    Finding { bins, counts, woe, iv, trend: division.trend, weight: 0.0, inflation: 1.0, left_out }
}

/// The codes that may be joined, in the order in which they may: bins by value, categories by
/// their bad rate. A category with less than a hundredth of the rows is judged nearly as everybody.
fn line(form: &Form, fine: &[Count], all: Count) -> Vec<usize> {
    match form {
        Form::Numbers { .. } => (0..form.ordered()).collect(),
        Form::Words { categories } => {
            let prior = (all.rows as f64 / 200.0).max(2.0);
            let mean = all.bads as f64 / all.rows.max(1) as f64;
            let rate = |code: usize| {
                (fine[code].bads as f64 + prior * mean) / (fine[code].rows as f64 + prior)
            };
            // what no category of its own is judged with the others, if there is any of it
            let other = categories.len();
            let mut line: Vec<usize> = (0..other).collect();
            line.extend((fine[other].rows > 0).then_some(other));
            line.sort_by(|a, b| rate(*a).total_cmp(&rate(*b)).then(a.cmp(b)));
            line
        }
    }
}

/// `ln(%bad / %good)` after `prior` more rows that are like everybody; 0 for an empty bin.
fn evidence(count: Count, all: Count, prior: f64) -> f64 {
    if count.rows == 0 {
        return 0.0;
    }
    let (goods, bads) = ((all.rows - all.bads) as f64, all.bads as f64);
    let rate = bads / all.rows as f64;
    let bad = count.bads as f64 + prior * rate;
    let good = (count.rows - count.bads) as f64 + prior * (1.0 - rate);
    libm::log((bad / bads) / (good / goods))
}

/// Penalty, coefficients, and which columns keep the sign that they must have.
fn weigh(
    matrix: &[Vec<f64>],
    bad: &[bool],
    settings: &Settings,
) -> (f64, logistic::Fit, Vec<bool>) {
    let penalty = match settings.penalty {
        Some(for_each_row) => for_each_row * bad.len() as f64,
        None => penalty(matrix, bad, settings),
    };
    let mut kept = vec![true; matrix.len()];
    loop {
        let columns: Vec<Vec<f64>> =
            matrix.iter().zip(&kept).filter(|(_, kept)| **kept).map(|(x, _)| x.clone()).collect();
        let design = Design { columns: &columns, bad, threads: settings.threads };
        let found = design.fit(penalty, &design.start());
        if found.weights.iter().all(|w| *w >= 0.0) {
            let mut weights = found.weights.into_iter();
            let all =
                kept.iter().map(|kept| if *kept { weights.next().unwrap_or(0.0) } else { 0.0 });
            let fit = logistic::Fit { intercept: found.intercept, weights: all.collect() };
            return (penalty, fit, kept);
        }
        let mut weights = found.weights.iter();
        kept.iter_mut()
            .filter(|kept| **kept)
            .for_each(|kept| *kept = weights.next().is_some_and(|w| *w >= 0.0));
    }
}

/// The penalty under which rows held out are told best.
fn penalty(matrix: &[Vec<f64>], bad: &[bool], settings: &Settings) -> f64 {
    let order = order(bad, 5, settings.seed, 0);
    let step = order.len().div_ceil(CV_ROWS_MAX).max(1);
    let rows: Vec<usize> = order.into_iter().step_by(step).collect();
    let columns: Vec<Vec<f64>> =
        parallel::map(settings.threads, matrix, |_, x| rows.iter().map(|row| x[*row]).collect());
    let outcomes: Vec<bool> = rows.iter().map(|row| bad[*row]).collect();
    let design = Design { columns: &columns, bad: &outcomes, threads: settings.threads };
    let n = rows.len() as f64;
    let losses = design.cross_validate(&PENALTIES.map(|p| p * n), 5);
    let best = losses.iter().zip(PENALTIES).min_by(|a, b| a.0.total_cmp(b.0));
    best.map_or(PENALTIES[2], |(_, p)| p) * bad.len() as f64
}
