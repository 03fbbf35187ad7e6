//! What becomes of a fit before it is used: silence made neutral, a production scorecard.

use serde::Serialize;

use super::{Coded, Model, Order, calibration_line, codes_of};
use crate::model::card::production::{Frame, Points, production};
use crate::model::dataset::SOURCE;
use crate::model::error::ModelError;
use crate::model::metrics::discrimination;
use crate::model::predict;
use crate::model::table::{Data, Table};
use crate::model::validate::Figures;
use crate::score::scorecard::{Development, Scorecard};

/// Words in the column of sources that say that a person is made up.
const MADE_UP: [&str; 2] = ["simulated", "synthetic"];
/// How far the sum of points may be moved to meet the observed rate.
const SHIFT_MAX: i32 = 300;

/// What neutral missing cells cost.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Cost {
    /// AUC with points for missing cells as fitted.
    pub auc_free: f64,
    /// AUC with missing cells at the mean.
    pub auc_neutral: f64,
    /// Whether both were measured on rows kept apart.
    pub held_out: bool,
}

impl Cost {
    /// In a sentence.
    pub fn said(&self) -> String {
        let on = if self.held_out { "rows kept apart" } else { "the rows fitted to" };
        format!(
            "missing cells are neutral: AUC {:.4}, {:.4} if they were not, so it costs {:.4} ({on})",
            self.auc_neutral,
            self.auc_free,
            self.auc_free - self.auc_neutral
        )
    }
}

/// Gives missing cells the mean, and the whole the calibration that this takes.
pub fn neutralise(model: &mut Model, columns: &[Coded], bad: &[bool]) {
    model.neutralise();
    let log_odds = model.log_odds(&codes_of(model, columns));
    let (shift, slope) = calibration_line(&log_odds, bad);
    model.stretch(slope.clamp(0.2, 3.0), shift);
}

/// What a fit has seen, and what was kept from it.
pub struct Seen<'a> {
    /// The whole table.
    pub table: &'a Table,
    /// The rows fitted to.
    pub rows: &'a [usize],
    /// The rows kept apart.
    pub held: &'a [usize],
    /// Which rows of the table are bad.
    pub bad: &'a [bool],
}

impl Seen<'_> {
    fn bads(&self, rows: &[usize]) -> Vec<bool> {
        rows.iter().map(|row| self.bad[*row]).collect()
    }

    /// How good a scorecard is on some of the rows.
    pub fn figures(
        &self,
        rows: &[usize],
        scorecard: &Scorecard,
        order: &Order,
    ) -> Result<Option<Figures>, ModelError> {
        let part;
        let table = match rows.len() == self.table.rows {
            true => self.table,
            false => {
                part = self.table.take(rows);
                &part
            }
        };
        let scores = predict::score(scorecard, table, order.threads)?;
        let probabilities: Vec<f64> = scores.bad_ppm.iter().map(|p| f64::from(*p) / 1e6).collect();
        Ok(Figures::of(&scores.totals, &probabilities, &self.bads(rows)))
    }

    /// What the second scorecard has less than the first.
    pub fn cost(
        &self,
        free: &Scorecard,
        neutral: &Scorecard,
        order: &Order,
    ) -> Result<Cost, ModelError> {
        let held_out = !self.held.is_empty();
        let rows = if held_out { self.held } else { self.rows };
        let (table, bad) = (self.table.take(rows), self.bads(rows));
        let auc = |card: &Scorecard| -> Result<f64, ModelError> {
            let scores = predict::score(card, &table, order.threads)?;
            let pairs: Vec<(i64, bool)> =
                scores.totals.iter().copied().zip(bad.iter().copied()).collect();
            Ok(discrimination(&pairs).map_or(0.5, |found| found.auc.value))
        };
        Ok(Cost { auc_free: auc(free)?, auc_neutral: auc(neutral)?, held_out })
    }

    /// The production scorecard with the points of a fit (ties: of a second one), its text, and the
    /// characteristics of the former one that the data do not support.
    pub fn produce(
        &self,
        fitted: [Option<&Scorecard>; 2],
        former: &Scorecard,
        order: &Order,
    ) -> Result<(String, Scorecard, Vec<String>), ModelError> {
        let development = fitted[0].and_then(|card| card.development.clone()).ok_or_else(|| {
            ModelError::Table("the fit does not say what it was fitted to".to_string())
        })?;
        let points = Points::of(fitted, former);
        if points.baselines() == 0 && points.unsupported.len() == former.characteristics.len() {
            return Err(ModelError::Table(
                "no characteristic of the former scorecard says anything here".to_string(),
            ));
        }
        let synthetic = self.is_made_up();
        let mut frame =
            Frame { former, id: &order.id, development: Development { synthetic, ..development } };
        let table = self.table.take(self.rows);
        let bads = self.bads(self.rows).iter().filter(|bad| **bad).count();
        let base = former.scale.odds_at - points.baselines();
        let first = Scorecard::read(production(&points, &frame, base).as_bytes())?;
        let scores = predict::score(&first, &table, order.threads)?;
        let expected = |shift: i32| -> u64 {
            let of = |total: &i64| u64::from(first.probability_of_total(total + i64::from(shift)));
            scores.totals.iter().map(of).sum()
        };
        // expected bads fall as points are added: the last shift at which they are not too few
        let observed = bads as u64 * 1_000_000;
        let shifts: Vec<i32> = (-SHIFT_MAX..=SHIFT_MAX).collect();
        let place = shifts.partition_point(|shift| expected(*shift) >= observed);
        let shift = shifts.get(place.saturating_sub(1)).copied().unwrap_or(0);
        let clamped = |total: &i64| former.scale.clamp(total + i64::from(shift)).0;
        let mut moved: Vec<i32> = scores.totals.iter().map(clamped).collect();
        moved.sort_unstable();
        let deciles: Vec<i32> =
            (1..10).filter_map(|i| moved.get(i * moved.len() / 10).copied()).collect();
        frame.development.tenths = Development::tenths_of(&deciles, &moved);
        frame.development.deciles = deciles;
        let text = production(&points, &frame, base + shift);
        let unsupported = points.unsupported.iter().map(ToString::to_string).collect();
        // held to production's rules, and read again in the laboratory's way to be measured
        Scorecard::load(text.as_bytes())?;
        let scorecard = Scorecard::read(text.as_bytes())?;
        Ok((text, scorecard, unsupported))
    }

    /// Whether any person in the table is made up.
    fn is_made_up(&self) -> bool {
        self.table.columns.iter().any(|column| {
            let Data::Words { words, .. } = &column.data else { return false };
            column.name == SOURCE && words.iter().any(|word| MADE_UP.contains(&word.as_str()))
        })
    }
}
