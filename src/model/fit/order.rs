//! What is asked of a fit.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::collect::observation::Dimension;
use crate::model::card::ScaleWish;
use crate::model::dataset::SOURCE;
use crate::model::error::ModelError;
use crate::model::table::Table;
use crate::score::Scorecard;
use crate::score::column::{NO_CONSENT, NOT_APPLICABLE};
use crate::score::scorecard::Monotone;

/// How a model is fitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// Optimal bins and a logistic regression on their weight of evidence.
    Woe,
    /// A boosted additive model, joined to bins.
    Boost,
}

impl Method {
    /// The name used on the command line and in scorecards.
    pub fn name(self) -> &'static str {
        match self {
            Method::Woe => "woe",
            Method::Boost => "boost",
        }
    }
}

/// Which way points must run as values rise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Run {
    /// A higher value never gets fewer points.
    Up,
    /// A higher value never gets more points.
    Down,
    /// The one of both that the data say.
    Auto,
}

/// Everything that is asked of a fit.
#[derive(Clone)]
pub struct Order {
    /// The scorecard's id.
    pub id: String,
    /// The outcome's column.
    pub target: String,
    /// The value that means bad.
    pub positive: Option<String>,
    /// Columns that are left out.
    pub exclude: Vec<String>,
    /// Columns that are categories whatever they hold.
    pub categorical: Vec<String>,
    /// Values that do not mean what their size says, by column.
    pub special: BTreeMap<String, Vec<String>>,
    /// Which way the points of a column must run.
    pub monotone: BTreeMap<String, Run>,
    /// All columns of numbers must run one way.
    pub monotone_all: bool,
    /// The dimension of each column.
    pub dimensions: BTreeMap<String, Dimension>,
    /// How.
    pub method: Method,
    /// The most two-way tables.
    pub pairs: Option<usize>,
    /// A production scorecard whose characteristics, reasons and rules are kept, under new points.
    pub like: Option<Scorecard>,
    /// Missing cells neither gain nor lose.
    pub neutral: bool,
    /// Share of the rows that is kept apart and only measured, in thousandths.
    pub holdout_permille: u32,
    /// The scale.
    pub scale: ScaleWish,
    /// Seeds every division of the rows.
    pub seed: u64,
    /// Threads; their number changes no bit.
    pub threads: usize,
}

impl Order {
    /// Takes from a production scorecard what a fit to a training table must keep to: which
    /// columns, how they write that a characteristic does not apply, which way the points of each
    /// run, the scale, no two-way tables.
    pub fn keep_to(&mut self, former: Scorecard) {
        for entry in &former.characteristics {
            let marks = [NOT_APPLICABLE, NO_CONSENT].map(|mark| mark.to_string());
            self.special.insert(entry.name.clone(), marks.to_vec());
            // what ties may add is bounded by rule, so the others are fitted as if there were none
            if entry.dimension == Some(Dimension::Relationships) {
                self.exclude.push(entry.name.clone());
            }
            let run = match entry.monotone {
                Some(Monotone::Increasing) => Run::Up,
                Some(Monotone::Decreasing) => Run::Down,
                None => continue,
            };
            self.monotone.insert(entry.name.clone(), run);
        }
        self.pairs = Some(0);
        let scale = &former.scale;
        self.scale = ScaleWish {
            pdo: Some(scale.pdo),
            base_odds: Some(scale.base_odds),
            odds_at: Some(scale.odds_at),
        };
        self.like = Some(former);
    }

    /// The same order with ties and without a former scorecard: what ties say beside the others.
    pub fn with_ties(&self, table: &Table) -> Option<Order> {
        let former = self.like.as_ref()?;
        let of = |name: &str| former.characteristics.iter().find(|entry| entry.name == name);
        let is_ties = |name: &str| {
            of(name).is_some_and(|entry| entry.dimension == Some(Dimension::Relationships))
        };
        let there = table.columns.iter().map(|column| &column.name);
        let others = there.clone().filter(|name| of(name).is_none() && *name != SOURCE);
        let mut exclude: Vec<String> =
            self.exclude.iter().filter(|name| !is_ties(name)).cloned().collect();
        exclude.extend(others.filter(|name| **name != self.target).cloned());
        let any = there.clone().any(|name| is_ties(name));
        any.then(|| Order { exclude, like: None, holdout_permille: 0, ..self.clone() })
    }
}

/// Reads a file of dimensions: TOML in which each dimension lists its columns.
///
/// # Errors
/// It is not TOML, names no dimension, or has a column twice.
pub fn dimensions(text: &str) -> Result<BTreeMap<String, Dimension>, ModelError> {
    let usage = |why: String| ModelError::Usage(format!("--dimensions: {why}"));
    let file: BTreeMap<String, Vec<String>> =
        toml::from_str(text).map_err(|e| usage(e.to_string()))?;
    let mut out = BTreeMap::new();
    for (name, columns) in file {
        let dimension = Dimension::ALL.into_iter().find(|d| d.name() == name);
        let names = Dimension::ALL.map(Dimension::name).join(", ");
        let dimension =
            dimension.ok_or_else(|| usage(format!("`{name}` is not one of {names}")))?;
        for column in columns {
            if out.insert(column.clone(), dimension).is_some() {
                return Err(usage(format!("`{column}` is in two dimensions")));
            }
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_dimension_lists_its_columns() {
        let text = "credit_history = [\"PAY_0\", \"PAY_2\"]\nbehavior = [\"BILL\"]";
        let found = dimensions(text).expect("dimensions");
        assert_eq!(found.get("PAY_2"), Some(&Dimension::CreditHistory));
        assert!(dimensions("luck = [\"a\"]").is_err());
        assert!(dimensions("behavior = [\"a\"]\nidentity = [\"a\"]").is_err());
    }
}
