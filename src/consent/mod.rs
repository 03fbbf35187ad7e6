//! Who allowed what to whom, for how long, shown by which evidence?
//!
//! An [`Artefact`] is checked when it is given ([`artefact`]) and again each time it is used
//! ([`standing`]): revocation and expiry stop the very next use.

pub mod artefact;
pub mod rows;
pub mod standing;
pub mod statement;

pub use artefact::{Artefact, Fetch, Purpose};
pub use standing::{Standing, Use};
