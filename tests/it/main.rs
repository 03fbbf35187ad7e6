//! All integration tests in one binary: each further binary would link the whole crate again.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::too_many_lines,
    reason = "a test that cannot go on has failed; clippy knows only functions marked #[test]"
)]

mod asking;
mod attack;
mod backups;
mod cluster;
mod codes;
mod conformance;
mod crash;
mod damage;
mod database;
mod doors;
mod forgetting;
mod furnishing;
mod fuzz;
mod grants;
mod house;
mod law;
mod limits;
mod merchants;
mod metro2;
mod models;
mod monitors;
mod nodes;
mod operate;
mod persons;
mod postgres;
mod program;
mod quiet;
mod reconsidering;
mod repeating;
mod reporting;
mod rights;
mod rotation;
mod sandbox;
mod simulation;
mod staff;
mod supply;
mod tidy;
mod uploads;
mod usage;
mod webhooks;
mod world;
mod year;
