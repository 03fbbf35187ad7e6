//! The laboratory: measure scorecards, and make the populations they can be measured on.

pub mod metrics;
pub mod population;
