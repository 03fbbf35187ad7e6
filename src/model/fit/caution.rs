//! What whoever fits a scorecard should be told: nothing is silently forced, kept or left.

use super::{Characteristic, LeftOut, Order, Run, direction};
use crate::model::bins::Coded;
use crate::model::error::ModelError;
use crate::score::scorecard::Monotone;

/// An information value at which a column says nearly everything: two bins with hardly a row of the
/// other outcome in either. What is known before the outcome is does not do that.
const IV_LEAK: f64 = 3.0;
/// The most columns that an error lists.
const LISTED_MAX: usize = 12;

/// No column says anything: why not, column by column.
pub fn nothing_left(left_out: &[LeftOut]) -> ModelError {
    let listed: Vec<String> =
        left_out.iter().take(LISTED_MAX).map(|out| format!("{} ({})", out.name, out.why)).collect();
    let more = match left_out.len().saturating_sub(LISTED_MAX) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    ModelError::Table(format!(
        "no column says anything about the outcome, so there is no scorecard: {}{more}. Look at \
         --target and --positive, or give columns that bear on it",
        listed.join(", ")
    ))
}

/// What to look at in a fit.
pub fn of(columns: &[Coded], bad: &[bool], found: &[Characteristic], order: &Order) -> Vec<String> {
    let mut out = Vec::new();
    for column in columns {
        let (points, risk, other) = match order.monotone.get(&column.name) {
            Some(Run::Up) => (Monotone::Increasing, "-", "rises"),
            Some(Run::Down) => (Monotone::Decreasing, "+", "falls"),
            Some(Run::Auto) | None => continue,
        };
        if direction(column, bad) == points {
            continue;
        }
        let kept = found.iter().any(|c| c.name == column.name);
        let cost = if kept { "what is left of it is little" } else { "nothing of it is left" };
        out.push(format!(
            "--monotone {0}={risk}: in these rows the risk {other} as {0} rises, so {cost}",
            column.name
        ));
    }
    for one in found.iter().filter(|one| one.iv > IV_LEAK) {
        out.push(format!(
            "{}: tells the outcome nearly by itself (information value {:.1}); if it is known only \
             after the outcome, leave it out: --exclude {0}",
            one.name, one.iv
        ));
    }
    out
}
