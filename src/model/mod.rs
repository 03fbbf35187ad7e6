//! The laboratory: fit scorecards to any table, measure them, and make the populations they can be
//! measured on. Floats live here and nowhere else.
//!
//! | step | module |
//! | --- | --- |
//! | a file becomes columns of whole numbers and words | [`table`] |
//! | a column becomes fine bins, a byte a row | [`bins`] |
//! | fine bins get values, in log-odds of bad | [`woe`], [`boost`] |
//! | values become few bins with integer points, as TOML | [`card`] |
//! | the TOML alone scores other tables | [`predict`] |
//! | and is measured on them | [`validate`], [`metrics`] |
//! | what a bureau recorded becomes such a file | [`dataset`] |
//!
//! [`fit`] goes the way from file to scorecard. The same rows, seed and version give the same
//! bytes on any machine and any number of threads: values are decimal integers, sums run in a
//! fixed order, `exp` and `ln` are not the platform's ([`parallel`] says how work is shared out).

pub mod bins;
pub mod boost;
pub mod card;
pub mod dataset;
pub mod error;
pub mod fit;
pub mod governance;
pub mod metrics;
pub mod monitor;
pub mod parallel;
pub mod population;
pub mod predict;
pub mod rows;
pub mod table;
pub mod target;
pub mod validate;
pub mod woe;
