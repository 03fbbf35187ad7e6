//! What happened, in which order, provably?
//!
//! The ledger is a transparency log after C2SP `tlog-tiles`: entries are appended in one order, a
//! public [`leaf`] stands for each, and a Merkle [`tree`] over the leaves is published as
//! [`tile`]s under a signed [`checkpoint`]. Who holds a checkpoint can be shown that an entry is
//! in it ([`proof`], [`receipt`]) and that a later one only added to it ([`verify`]).
//!
//! A leaf is public for ever, so it holds a coarse kind, a time cut to the second and a salted
//! [`commitment`] to the stored body, and nothing that leads to a person.

pub mod body;
pub mod builder;
pub mod checkpoint;
pub mod commitment;
pub mod leaf;
#[cfg(test)]
mod memory;
pub mod note;
pub mod proof;
pub mod publish;
pub mod receipt;
pub mod rows;
pub mod source;
mod text;
pub mod tile;
pub mod tree;
pub mod verify;
