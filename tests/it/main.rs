//! All integration tests in one binary: each further binary would link the whole crate again.

mod doors;
mod tidy;
