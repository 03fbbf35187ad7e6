//! What is asked of a fit.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::collect::observation::Dimension;
use crate::model::card::ScaleWish;
use crate::model::error::ModelError;

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
#[derive(Clone, Debug)]
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
    /// Share of the rows that is kept apart and only measured, in thousandths.
    pub holdout_permille: u32,
    /// The scale.
    pub scale: ScaleWish,
    /// Seeds every division of the rows.
    pub seed: u64,
    /// Threads; their number changes no bit.
    pub threads: usize,
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
