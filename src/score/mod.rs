//! What do five dimensions of history say? Pure: no clock, no database, no float.
//!
//! A [`Profile`] is folded from the live entries of one person, one entry at a time
//! ([`Profile::fold`]) or anew when something must be forgotten ([`fold_all`]). A
//! [`Scorecard`] is a TOML table of bins and integer points. [`assess()`] reads the characteristics
//! of the catalogue from the profile, looks each up in the table and adds: the printed table is
//! the code path. The characteristic [`Vector`] it read is kept with the answer, and
//! [`assess_vector`] gives the same assessment from it on any machine, any day.

pub mod assess;
pub mod characteristic;
pub mod column;
pub mod edition;
pub mod explain;
pub mod fold;
pub mod forget;
pub mod live;
pub mod profile;
pub mod reasons;
pub mod register;
pub mod ring;
pub mod rows;
pub mod scale;
pub mod scorecard;
pub mod slots;
pub mod versions;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

use thiserror::Error;

pub use assess::{Assessment, NotAssessable, Outcome, Reason, Vector, assess, assess_vector};
pub use characteristic::{AsOf, Characteristic, History, Scope, Value};
pub use fold::FoldContext;
pub use live::{fold_all, live, needs_refold};
pub use profile::{FOLD_VERSION, PROFILE_BYTES_MAX, Profile};
pub use reasons::ReasonTexts;
pub use scorecard::Scorecard;

/// What can be wrong with the inputs of a score.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum ScoreError {
    /// The stored profile is damaged or of another fold version: refold it from the entries.
    #[error("the stored profile cannot be read: {0}")]
    ProfileUnreadable(&'static str),
    /// The text is not TOML of the expected shape.
    #[error("the file cannot be read: {0}")]
    Unreadable(String),
    /// The scorecard breaks rules; all of them are listed.
    #[error("the scorecard is not valid: {}", .0.join("; "))]
    ScorecardInvalid(Vec<String>),
    /// The stored vector does not belong to this scorecard.
    #[error("the vector does not fit the scorecard: expected {expected}")]
    VectorMismatch {
        /// The characteristic that was expected where another (or none) stands.
        expected: String,
    },
}

impl ScoreError {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            ScoreError::ProfileUnreadable(_) => "profile_unreadable",
            ScoreError::Unreadable(_) => "scorecard_unreadable",
            ScoreError::ScorecardInvalid(_) => "scorecard_invalid",
            ScoreError::VectorMismatch { .. } => "vector_mismatch",
        }
    }
}
