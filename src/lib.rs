//! Fivefold: a personal credit bureau that anyone can check.
//!
//! Partner platforms send consented data about a person along five dimensions. The bureau keeps it
//! in an append-only, provable ledger, computes a score from it at the moment it is asked, and
//! answers signed questions with signed answers.
//!
//! A stage knows only the stages before it:
//!
//! ```text
//! kernel, error → store → partner, subject → consent → policy → collect → ledger → score
//!   → inquiry → rights → model, report → bureau → http, cli
//! ```

pub mod bureau;
pub mod cli;
pub mod collect;
pub mod consent;
pub mod error;
pub mod http;
pub mod inquiry;
pub mod kernel;
pub mod ledger;
pub mod model;
pub mod partner;
pub mod policy;
pub mod report;
pub mod rights;
pub mod score;
pub mod store;
pub mod subject;
