//! The demonstration: real borrowers through the whole bureau.

pub mod borrowers;
pub mod lending_club;
pub mod taiwan;
