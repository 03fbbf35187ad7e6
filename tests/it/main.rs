//! All integration tests in one binary: each further binary would link the whole crate again.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::too_many_lines,
    reason = "a test stops at the first thing that is not as it should be"
)]

mod doors;
mod house;
mod asking;
mod damage;
mod furnishing;
mod persons;
mod repeating;
mod tidy;
mod world;
