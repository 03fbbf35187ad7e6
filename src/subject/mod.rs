//! Whom is this about? Real names, documents, the vault of sealed identity, and who may act.
//!
//! A *person* is the bureau's own record of somebody; a *subject* is one partner's opaque name for
//! that person (pairwise: two partners never share one). Documents are found again through keyed
//! digests only.

pub mod country;
pub mod document;
pub mod level;
pub mod name;
pub mod rows;
pub mod vault;

pub use document::{Document, parse_document};
pub use vault::{Identity, Lookup};
