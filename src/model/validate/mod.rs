//! How good a scorecard is, on rows it has not been fitted to.

pub mod figures;

pub use figures::Figures;
