//! A boosted additive model: one shape per characteristic, a few two-way tables, nothing else.
//!
//! Many members are boosted, each on all parts of the sample but one. All advance in step, are
//! judged together on the rows each has not seen, and stop where that stops getting better. The
//! mean of additive models is additive, so their mean is still one table for each characteristic.

mod bag;
mod pairs;
mod step;

pub use bag::{log_loss, logistic};
pub use pairs::PairTerm;
pub use step::{Learner, Restraint, Slope};

use bag::{Bag, Sample};
use step::Layout;

use super::bins::Coded;
use super::parallel;
use super::population::draws::Draws;

/// How the model is boosted.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Seeds the division into parts.
    pub seed: u64,
    /// Threads; their number changes no bit.
    pub threads: usize,
    /// Parts of a division.
    pub parts: usize,
    /// Divisions; each part of each is held out once.
    pub divisions: usize,
    /// Share of a step that is taken.
    pub rate: f64,
    /// How steps are held back, by division in turn: members of different kinds err differently.
    pub restraints: Vec<Restraint>,
    /// The most rounds of one stage.
    pub rounds_max: usize,
    /// The most two-way tables.
    pub pairs: usize,
}

/// Smooth shapes.
pub const SMOOTH: Restraint = Restraint {
    learner: Learner::Smooth,
    bandwidth: 0.2,
    grid_bandwidth: 0.3,
    ridge_rows: 5.0,
    noise: 0.25,
    grid_noise: 0.25,
};

/// Shapes with steps.
pub const CUTS: Restraint = Restraint { learner: Learner::Cuts(1), ..SMOOTH };

impl Settings {
    /// What suits a sample of so many rows.
    pub fn suited(rows: usize, seed: u64, threads: usize) -> Settings {
        let divisions = match rows {
            0..=3_000 => 12,
            3_001..=15_000 => 8,
            _ => 4,
        };
        Settings {
            seed,
            threads,
            parts: 5,
            divisions,
            rate: 0.4,
            restraints: vec![SMOOTH, CUTS],
            rounds_max: 600,
            pairs: 16,
        }
    }
}

/// A fitted additive model, in log-odds of bad.
pub struct Additive {
    /// Log-odds of the mean.
    pub intercept: f64,
    /// For each column the value of each code.
    pub shapes: Vec<Vec<f64>>,
    /// The two-way tables.
    pub pairs: Vec<PairTerm>,
    /// For each row the log-odds that members gave it that had not seen it.
    pub unseen: Vec<f64>,
    /// Rounds of both stages.
    pub rounds: [usize; 2],
}

/// Rounds between two judgements.
const STRIDE: usize = 5;
/// Judgements without progress after which boosting stops.
const PATIENCE: usize = 4;
/// By how many standard errors two-way tables must tell unseen rows better to be kept.
const SURE: f64 = 2.0;
/// What counts as progress: so much less loss for each row.
const PROGRESS: f64 = 1e-5;

/// The members of one division, and what they are at their best.
struct Ensemble<'a> {
    settings: &'a Settings,
    restraint: Restraint,
    sample: Sample,
    bags: Vec<Bag>,
    layouts: Vec<Layout>,
}

/// Fits the model. `slopes` are asked for by place; `may_pair(a, b)` says which columns may stand
/// in one two-way table.
pub fn fit(
    columns: &[Coded],
    bad: &[bool],
    slopes: &[Option<Slope>],
    settings: &Settings,
    may_pair: impl Fn(usize, usize) -> bool,
) -> Additive {
    let divisions: Vec<u64> = (0..settings.divisions as u64).collect();
    let mut ensembles = parallel::map(settings.threads, &divisions, |_, division| {
        Ensemble::new(columns, bad, slopes, settings, *division)
    });
    let mut rounds = [0, 0];
    rounds[0] = ensembles.iter_mut().map(Ensemble::boost).sum();
    let mut terms = Vec::new();
    if settings.pairs > 0 && columns.len() > 1 {
        let found = unseen(&ensembles);
        terms = pairs::detect(columns, bad, &found, settings, may_pair);
        if !terms.is_empty() {
            let before: Vec<_> = ensembles.iter().map(Ensemble::state).collect();
            for ensemble in &mut ensembles {
                ensemble.add(&terms, columns);
                rounds[1] += ensemble.boost();
            }
            if !surely_better(&found, &unseen(&ensembles), bad) {
                for (ensemble, state) in ensembles.iter_mut().zip(before) {
                    ensemble.drop_terms(columns.len(), state);
                }
                terms.clear();
            }
        }
    }
    let bags = || ensembles.iter().flat_map(|ensemble| &ensemble.bags);
    let count = bags().count() as f64;
    let mean = |term: usize, size: usize| -> Vec<f64> {
        let sum = |code: usize| bags().map(|bag| bag.shapes[term][code]).sum::<f64>();
        (0..size).map(|code| sum(code) / count).collect()
    };
    let shapes = columns.iter().enumerate().map(|(i, c)| mean(i, c.form.count())).collect();
    for (i, term) in terms.iter_mut().enumerate() {
        term.values = mean(columns.len() + i, term.count());
    }
    let intercept = bags().map(|bag| bag.intercept).sum::<f64>() / count;
    Additive { intercept, shapes, pairs: terms, unseen: unseen(&ensembles), rounds }
}

/// Whether unseen rows are told better after than before, beyond doubt.
fn surely_better(before: &[f64], after: &[f64], bad: &[bool]) -> bool {
    let rows = before.iter().zip(after).zip(bad);
    let gains: Vec<f64> =
        rows.map(|((b, a), bad)| log_loss(*b, *bad) - log_loss(*a, *bad)).collect();
    let n = gains.len() as f64;
    let mean = gains.iter().sum::<f64>() / n;
    let spread = gains.iter().map(|g| (g - mean) * (g - mean)).sum::<f64>() / (n - 1.0).max(1.0);
    mean > SURE * (spread / n).sqrt()
}

/// For each row the mean log-odds of the members that had not seen it.
fn unseen(ensembles: &[Ensemble<'_>]) -> Vec<f64> {
    let n = ensembles.first().map_or(0, |e| e.sample.order.len());
    let mut sums = vec![0.0; n];
    for ensemble in ensembles {
        for bag in &ensemble.bags {
            let order = &ensemble.sample.order[bag.held.clone()];
            for (row, score) in order.iter().zip(bag.held_scores()) {
                sums[*row] += f64::from(*score);
            }
        }
    }
    let count = ensembles.len() as f64;
    sums.iter_mut().for_each(|sum| *sum /= count);
    sums
}

impl<'a> Ensemble<'a> {
    fn new(
        columns: &[Coded],
        bad: &[bool],
        slopes: &[Option<Slope>],
        settings: &'a Settings,
        division: u64,
    ) -> Ensemble<'a> {
        let layouts: Vec<Layout> = columns
            .iter()
            .enumerate()
            .map(|(i, c)| Layout::Line {
                ordered: c.form.ordered(),
                count: c.form.count(),
                slope: slopes.get(i).copied().flatten(),
            })
            .collect();
        let order = order(bad, settings.parts, settings.seed, division);
        let codes = columns.iter().map(|c| order.iter().map(|row| c.codes[*row]).collect());
        let codes = codes.collect();
        let outcomes = order.iter().map(|row| if bad[*row] { 1.0 } else { 0.0 }).collect();
        let sample = Sample { order, codes, bad: outcomes };
        let n = bad.len();
        let bag = |part: usize| {
            let held = part * n / settings.parts..(part + 1) * n / settings.parts;
            Bag::new(held, &sample, &layouts)
        };
        let bags = (0..settings.parts).map(bag).collect();
        let kinds = settings.restraints.len().max(1);
        let restraint = settings.restraints.get(division as usize % kinds).copied();
        let restraint = restraint.unwrap_or(SMOOTH);
        Ensemble { settings, restraint, sample, bags, layouts }
    }

    /// Boosts until the rows held out gain nothing more, and goes back to where they gained most.
    fn boost(&mut self) -> usize {
        let loss = |bags: &[Bag]| bags.iter().map(|bag| bag.loss).sum::<f64>();
        let mut best = (loss(&self.bags), 0, self.state());
        let (settings, restraint) = (self.settings, self.restraint);
        let mut round = 0;
        while round < settings.rounds_max && round < best.1 + STRIDE * PATIENCE {
            let (sample, layouts) = (&self.sample, &self.layouts);
            parallel::each(settings.threads, &mut self.bags, |_, bag| {
                for _ in 0..STRIDE {
                    bag.round(sample, layouts, &restraint, settings.rate);
                }
                bag.judge(sample);
            });
            round += STRIDE;
            let now = loss(&self.bags);
            if now < best.0 - PROGRESS * self.sample.order.len() as f64 {
                best = (now, round, self.state());
            }
        }
        let (_, round, kept) = best;
        for (bag, (shapes, intercept)) in self.bags.iter_mut().zip(kept) {
            bag.restore(shapes, intercept, &self.sample);
        }
        round
    }

    /// The shapes and intercept of each member.
    fn state(&self) -> Vec<(Vec<Vec<f64>>, f64)> {
        self.bags.iter().map(|bag| (bag.shapes.clone(), bag.intercept)).collect()
    }

    /// Goes back to a state that had the first `count` terms only.
    fn drop_terms(&mut self, count: usize, state: Vec<(Vec<Vec<f64>>, f64)>) {
        self.layouts.truncate(count);
        self.sample.codes.truncate(count);
        for (bag, (shapes, intercept)) in self.bags.iter_mut().zip(state) {
            bag.restore(shapes, intercept, &self.sample);
        }
    }

    fn add(&mut self, terms: &[PairTerm], columns: &[Coded]) {
        for term in terms {
            let [a, b] = term.columns.map(|place| &columns[place].codes);
            let codes = self.sample.order.iter().map(|row| term.code(a[*row], b[*row]));
            self.sample.codes.push(codes.collect());
        }
        let layouts: Vec<Layout> = terms.iter().map(PairTerm::layout).collect();
        self.bags.iter_mut().for_each(|bag| bag.extend(&layouts));
        self.layouts.extend(layouts);
    }
}

/// The rows in random order, such that each of the equal parts has its share of the bad.
pub fn order(bad: &[bool], parts: usize, seed: u64, division: u64) -> Vec<usize> {
    let mut draws = Draws::new(&[seed, division, 0x0b00_57ed]);
    let mut shuffled = |wanted: bool| -> Vec<usize> {
        let mut rows: Vec<usize> = (0..bad.len()).filter(|row| bad[*row] == wanted).collect();
        for i in (1..rows.len()).rev() {
            rows.swap(i, draws.below(i as u64 + 1) as usize);
        }
        rows
    };
    let (bads, goods) = (shuffled(true), shuffled(false));
    let n = bad.len();
    let mut out = Vec::with_capacity(n);
    for part in 0..parts {
        let share = |rows: &[usize]| part * rows.len() / parts..(part + 1) * rows.len() / parts;
        let size = (part + 1) * n / parts - part * n / parts;
        let chosen = &bads[share(&bads)];
        out.extend_from_slice(chosen);
        // the parts are cut by size: the goods fill up what the bads leave
        let from = out.len() - bads[..share(&bads).end].len();
        out.extend_from_slice(&goods[from..(from + size - chosen.len()).min(goods.len())]);
    }
    out
}
