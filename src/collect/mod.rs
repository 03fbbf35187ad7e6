//! From a partner's bytes to observations we can stand behind, or every reason why not.
//!
//! Nothing here knows a database, a clock or a jurisdiction: bytes and a [`ReadContext`] go in.
//!
//! ```text
//!  NDJSON ──> Lines ──┐                                     ┌──> Observation
//!                     ├──> (line, object) ──> read_observation
//!  Parquet ──> Rows ──┘          │                          └──> every FieldError
//!  Metro 2 ──> Consumers ─────────┤
//!                                └──> Totals ──> BatchHeader::check ──> Receipt
//! ```
//!
//! - [`ndjson`], [`columns`] and [`metro2`] cut a file into objects, with limits on everything.
//! - [`fields`] takes typed fields out of an object and gathers all errors, not the first.
//! - [`read`] knows the types' fields and the rules between them.
//! - [`observation`] is what comes out; its JSON is what the ledger keeps.
//! - [`header`] holds a batch's declared count and totals against what arrived.
//! - [`receipt`] tells the furnisher what became of each line.
//! - [`coverage`] says which monthly statements are missing.
//! - [`dictionary`] describes every field, with an example that is tested to be accepted.
//!
//! A bad line is rejected alone. A file that cannot be cut into lines, or whose declared totals do
//! not match, is refused as a whole before anything of it is applied: see [`ends_batch`].

pub mod blob;
pub mod columns;
pub mod coverage;
pub mod dictionary;
pub mod fields;
mod guard;
pub mod header;
pub mod metro2;
pub mod ndjson;
pub mod observation;
pub mod read;
pub mod receipt;
pub mod rows;
pub mod spoken;
pub mod terms;

#[cfg(test)]
mod tests;

pub use blob::{Blob, BlobReader, OnDisk, SharedBlob};
pub use columns::Rows;
pub use fields::FieldError;
pub use header::{BatchHeader, ControlTotals, Totals};
pub use ndjson::Lines;
pub use observation::{Basis, BasisKind, Dimension, Fact, Observation, Operation};
pub use read::{ReadContext, read_observation};
pub use receipt::{LineError, LogRange, Receipt};

/// Whether an error with this code refuses a whole batch rather than one line of it.
pub fn ends_batch(code: &str) -> bool {
    matches!(
        code,
        "parquet_unreadable"
            | "file_too_large"
            | "file_unreadable"
            | "too_many_rows"
            | "too_many_lines"
            | "too_many_columns"
            | "metro2_unreadable"
            | "column_type"
            | "column_conflict"
            | "control_total_mismatch"
    )
}
