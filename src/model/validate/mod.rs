//! How good a scorecard is, on rows it has not been fitted to: everything that a validation report
//! says, as data.

pub mod calibration;
pub mod explain;
pub mod fairness;
pub mod figures;
mod places;
pub mod ranking;
pub mod stability;
mod tail;

pub use figures::Figures;

use serde::Serialize;

use super::error::ModelError;
use super::predict::{self, Scores};
use super::table::Table;
use super::target::Target;
use crate::kernel::bytes::hex;
use crate::score::scorecard::Scorecard;

/// What is asked of a validation.
#[derive(Clone, Debug, Default)]
pub struct Order {
    /// Protected columns.
    pub protected: Vec<String>,
    /// The column of time.
    pub time: Option<String>,
    /// Threads; their number changes no bit.
    pub threads: usize,
}

/// A validated scorecard.
#[derive(Clone, Debug, Serialize)]
pub struct Validation {
    /// The scorecard's id.
    pub scorecard: String,
    /// SHA-256 of its file.
    pub digest: String,
    /// The outcome: column, value that means bad.
    pub outcome: [String; 2],
    /// The figures.
    pub validation: Figures,
    /// The two cumulative distributions.
    pub curve: Vec<ranking::Point>,
    /// Scores by outcome.
    pub histogram: Vec<ranking::Band>,
    /// The bands.
    pub bands: Vec<ranking::Band>,
    /// Bands whose bad rates stand the wrong way round beyond their intervals.
    pub inversions: Vec<String>,
    /// Calibration.
    pub calibration: calibration::Calibration,
    /// Rows at the lowest and at the highest score.
    pub at_the_ends: [u64; 2],
    /// Shift of the score against development.
    pub psi: Option<stability::Shift>,
    /// Shift of each characteristic, the largest first.
    pub csi: Vec<stability::Shift>,
    /// What each dimension or characteristic does.
    pub weights: Vec<explain::Weight>,
    /// The same scores by the printed table.
    pub again: explain::Again,
    /// By time.
    pub vintages: Vec<ranking::Vintage>,
    /// By protected column.
    pub fairness: Vec<fairness::Fairness>,
}

impl Validation {
    /// The adverse impact ratios below the gate: what blocks approval.
    pub fn blocked_by(&self) -> Vec<String> {
        let failing = self.fairness.iter().filter(|f| !f.passes);
        failing
            .flat_map(|f| {
                let below = f.groups.iter().filter(|g| g.air < fairness::GATE_AIR);
                below.map(|g| format!("{} = {}: {:.2}", f.column, g.name, g.air))
            })
            .collect()
    }
}

/// Measures a scorecard on a table whose outcome is known.
///
/// # Errors
/// A column is missing, a cell is wrong, or there is only one outcome.
pub fn validate(
    scorecard: &Scorecard,
    table: &Table,
    target: &Target,
    order: &Order,
) -> Result<Validation, ModelError> {
    let scored: Scores = predict::score(scorecard, table, order.threads)?;
    let bad = &target.bad;
    let probabilities: Vec<f64> = scored.bad_ppm.iter().map(|p| f64::from(*p) / 1e6).collect();
    let figures = Figures::of(&scored.totals, &probabilities, bad).ok_or_else(|| {
        ModelError::Table("the rows have one outcome only: nothing can be measured".to_string())
    })?;
    let scores = &scored.scores;
    let bands = ranking::bands(scorecard, scores, bad);
    let vintages = match &order.time {
        Some(time) => ranking::vintages(table.column(time)?, scores, &probabilities, bad),
        None => Vec::new(),
    };
    let rows = fairness::Rows { scores, probabilities: &probabilities, bad };
    let mut groups = Vec::new();
    for name in &order.protected {
        let column = table.column(name)?;
        groups.push(fairness::fairness(scorecard, table, column, &rows, order.threads)?);
    }
    let at = |end: i32| scores.iter().filter(|score| **score == end).count() as u64;
    Ok(Validation {
        scorecard: scorecard.id.clone(),
        digest: hex(&scorecard.digest),
        outcome: [target.name.clone(), target.positive.clone()],
        validation: figures,
        curve: ranking::curve(scores, bad),
        histogram: ranking::histogram(scorecard, scores, bad),
        inversions: ranking::inversions(&bands),
        bands,
        calibration: calibration::calibration(&probabilities, bad),
        at_the_ends: [at(scorecard.scale.min), at(scorecard.scale.max)],
        psi: stability::of_score(scorecard, scores),
        csi: stability::of_characteristics(scorecard, table)?,
        weights: explain::weights(scorecard, table, &scored, bad)?,
        again: explain::again(scorecard, table, &scored)?,
        vintages,
        fairness: groups,
    })
}
