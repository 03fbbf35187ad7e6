//! The regulator's pack: tables computed by SQL over an extract, signed, printed, and attached to
//! the PDF that prints them.
//!
//! | file | what |
//! | --- | --- |
//! | [`catalogue`] | which tables there are: `reports/regulator/pack.toml` and the SQL beside it |
//! | [`engine`] | runs the SQL (cargo feature `engine`) |
//! | [`grid`] | a result table |
//! | [`make`] | files, manifest and PDFs of a pack |
//! | [`manifest`] | what a pack says of itself |
//! | [`print`](mod@print) | the PDF |
//! | [`suppress`] | from true counts to what may be published |

pub mod catalogue;
#[cfg(feature = "engine")]
pub mod engine;
pub mod grid;
pub mod make;
pub mod manifest;
pub mod print;
pub mod suppress;
#[cfg(test)]
mod tests;
