//! The printed table of one person, and the shortest way to the next band.

use super::assess::{Assessment, Outcome};
use super::characteristic::Value;
use super::scorecard::Scorecard;
use crate::collect::observation::Dimension;

/// Most characteristics that a recourse changes.
pub const RECOURSE_CHANGES_MAX: usize = 3;

/// One line of the table: what was read, where it fell, what it gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The characteristic.
    pub name: String,
    /// Its dimension; a column of the laboratory may have none.
    pub dimension: Option<Dimension>,
    /// Its unit; empty for a column of the laboratory.
    pub unit: &'static str,
    /// What was read.
    pub value: Value,
    /// The bin as printed, or why there is none.
    pub interval: String,
    /// Points given.
    pub points: i32,
    /// Points of the population mean.
    pub baseline: i32,
    /// Points lost against it; zero when none were.
    pub lost: i32,
    /// The reason code that a loss counts to.
    pub reason: String,
}

/// The table of one assessment, in the order of the scorecard.
pub fn rows(scorecard: &Scorecard, assessment: &Assessment) -> Vec<Row> {
    let values = assessment.vector.values.iter().map(|(_, value)| *value);
    let read = values.zip(assessment.points.iter().copied());
    let rows = scorecard.entries().zip(read).map(|((entry, bound), (value, points))| Row {
        name: entry.name.clone(),
        dimension: entry.dimension,
        unit: bound.map_or("", |c| c.unit),
        value,
        interval: match value {
            Value::Known(v) => {
                entry.bins.get(entry.bin(v)).map(|bin| bin.interval()).unwrap_or_default()
            }
            Value::NoData => "no data".to_string(),
            Value::NotApplicable => "not applicable".to_string(),
            Value::NoConsent => "no consent".to_string(),
        },
        points,
        baseline: entry.baseline,
        lost: (entry.baseline - points).max(0),
        reason: entry.reason.clone(),
    });
    rows.collect()
}

/// One change: a characteristic moves to another bin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Move {
    /// The characteristic.
    pub name: String,
    /// The value as it is.
    pub value: i64,
    /// The interval it lies in.
    pub from: String,
    /// The interval to reach.
    pub to: String,
    /// The value nearest to the present one that lies in it.
    pub reach: i64,
    /// Points gained.
    pub gained: i32,
}

/// A way to the next band.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recourse {
    /// The band reached.
    pub band: String,
    /// Its lowest score.
    pub score: i32,
    /// The changes, most points first.
    pub moves: Vec<Move>,
}

/// A bin that a characteristic could move to: its place, the bins passed, the points gained.
#[derive(Clone, Copy)]
struct Step {
    entry: usize,
    bin: usize,
    passed: usize,
    gained: i64,
}

/// The fewest characteristics (at most three) whose move to other bins reaches the next band;
/// among those, the one that passes the fewest bins, then gains the most. Only what the person
/// can change is moved. `None` without a score, in the highest band, or when three do not do.
pub fn recourse(scorecard: &Scorecard, assessment: &Assessment) -> Option<Recourse> {
    let Outcome::Scored { score, .. } = &assessment.outcome else { return None };
    let band = scorecard.next_band(*score)?;
    let need = i64::from(band.from) - assessment.total;
    let steps = steps(scorecard, assessment);
    let found = (1..=RECOURSE_CHANGES_MAX).find_map(|n| {
        let mut search = Search { steps: &steps, need, best: None, chosen: Vec::new() };
        search.extend(0, n, 0, 0);
        search.best
    });
    let mut moves: Vec<Move> =
        found?.chosen.into_iter().filter_map(|s| to_move(scorecard, assessment, s)).collect();
    moves.sort_by(|a, b| b.gained.cmp(&a.gained).then(a.name.cmp(&b.name)));
    Some(Recourse { band: band.name.clone(), score: band.from, moves })
}

/// Every better bin of every characteristic that is known and can be changed.
fn steps(scorecard: &Scorecard, assessment: &Assessment) -> Vec<Step> {
    let mut out = Vec::new();
    let values = assessment.vector.values.iter().map(|(_, value)| *value);
    for (place, ((entry, bound), value)) in scorecard.entries().zip(values).enumerate() {
        let Value::Known(value) = value else { continue };
        if bound.is_some_and(|c| c.immutable) {
            continue;
        }
        let (here, now) = (entry.bin(value), i64::from(entry.points(Value::Known(value))));
        for (bin, target) in entry.bins.iter().enumerate() {
            let gained = i64::from(target.points) - now;
            if gained > 0 {
                out.push(Step { entry: place, bin, passed: here.abs_diff(bin), gained });
            }
        }
    }
    out
}

struct Found {
    passed: usize,
    gained: i64,
    chosen: Vec<Step>,
}

/// Tries every set of exactly so many characteristics: exact, and small (some dozens of bins).
struct Search<'a> {
    steps: &'a [Step],
    need: i64,
    best: Option<Found>,
    chosen: Vec<Step>,
}

impl Search<'_> {
    fn extend(&mut self, from: usize, left: usize, passed: usize, gained: i64) {
        if left == 0 {
            let better = self
                .best
                .as_ref()
                .is_none_or(|best| (passed, -gained) < (best.passed, -best.gained));
            if gained >= self.need && better {
                self.best = Some(Found { passed, gained, chosen: self.chosen.clone() });
            }
            return;
        }
        let steps = self.steps;
        for (place, step) in steps.iter().enumerate().skip(from) {
            if self.chosen.last().is_some_and(|last| last.entry == step.entry) {
                continue;
            }
            self.chosen.push(*step);
            self.extend(place + 1, left - 1, passed + step.passed, gained + step.gained);
            self.chosen.pop();
        }
    }
}

fn to_move(scorecard: &Scorecard, assessment: &Assessment, step: Step) -> Option<Move> {
    let entry = scorecard.characteristics.get(step.entry)?;
    let (_, Value::Known(value)) = assessment.vector.values.get(step.entry)? else { return None };
    let target = entry.bins.get(step.bin)?;
    let reach = if step.bin < entry.bin(*value) {
        target.to.map_or(*value, |to| to.saturating_sub(1))
    } else {
        target.from.unwrap_or(*value)
    };
    Some(Move {
        name: entry.name.clone(),
        value: *value,
        from: entry.bins.get(entry.bin(*value)).map(|bin| bin.interval()).unwrap_or_default(),
        to: target.interval(),
        reach,
        gained: i32::try_from(step.gained).unwrap_or(i32::MAX),
    })
}
