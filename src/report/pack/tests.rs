//! The SQL over a small log: every table can be computed, an empty period too, and both signatures
//! and every number hold.

#![cfg(feature = "engine")]

use std::path::Path;

use tempfile::tempdir;

use super::catalogue::Report;
use super::engine::{Beside, run};
use super::grid::{Grid, Kind, Value};
use super::manifest::{Edition, ExtractOf, PACK_FORMAT, PackManifest};
use crate::kernel::bytes::{hex, sha256};
use crate::report::extract::testlog::{ORIGIN, TestLog};
use crate::report::extract::{ExtractInput, MANIFEST};

fn manifest(input: &ExtractInput, dir: &Path) -> PackManifest {
    let bytes = std::fs::read(dir.join(MANIFEST)).expect("a manifest");
    PackManifest {
        format: PACK_FORMAT.to_owned(),
        origin: ORIGIN.to_owned(),
        jurisdiction: "cn".to_owned(),
        home: "cn".to_owned(),
        edition: Edition::Supervisory,
        partner: None,
        period: input.period.clone(),
        generated_at: input.period.until,
        extract: ExtractOf {
            manifest: hex(&sha256(&bytes)),
            start: input.bounds.start,
            end: input.bounds.end,
            closed: input.bounds.is_closed(),
            checkpoint: input.bounds.checkpoint_end.clone(),
        },
        log_keys: Vec::new(),
        manifest_key: serde_json::Value::Null,
        files: Vec::new(),
        documents: Vec::new(),
    }
}

fn counted() -> Grid {
    let mut grid =
        Grid::new(&[("measure", Kind::Text), ("value", Kind::Int), ("entry", Kind::Int)]);
    let row = |name: &str, n| vec![Value::Text(name.to_owned()), Value::Int(n), Value::Int(9)];
    grid.rows = vec![row("persons_enrolled", 120), row("disputes_overdue", 3)];
    grid
}

/// All tables over October of a log of `size` entries, by name.
fn tables(size: u64) -> (Vec<Grid>, u64) {
    let log = TestLog::new(size);
    let dir = tempdir().expect("a folder");
    let input = log.october(None, size);
    log.extract(&input, dir.path()).expect("an extract");
    let manifest = manifest(&input, dir.path());
    let beside = Beside { scope: &manifest.scope(), counted: &counted() };
    let grids = run(dir.path(), &beside, Report::all().expect("definitions"));
    (grids.expect("all tables"), input.bounds.end - input.bounds.start)
}

fn place(name: &str) -> usize {
    Report::all().expect("definitions").iter().position(|r| r.name == name).expect("a table")
}

/// The sum of a column where another has this text.
fn sum(grids: &[Grid], table: &str, column: &str, key: (&str, &str)) -> i64 {
    let report = &Report::all().expect("definitions")[place(table)];
    let (value, key_at) = (report.place(column).expect("it"), report.place(key.0).expect("it"));
    let rows = grids[place(table)].rows.iter();
    rows.filter(|row| row[key_at].text() == key.1).filter_map(|row| row[value].int()).sum()
}

#[test]
fn tables_say_what_the_entries_say() {
    let (grids, entries) = tables(600);
    let all = |key| sum(&grids, "reconciliation", "found", ("measure", key));
    assert_eq!(all("entries: all") as u64, entries);
    assert_eq!(all("log: end - start") as u64, entries);
    let inquiries = &grids[place("inquiries")];
    let total = |column: usize| inquiries.rows.iter().filter_map(|r| r[column].int()).sum::<i64>();
    assert_eq!(total(4), total(5) + total(6) + total(7), "hit, no hit and refused are all");
    assert!(total(6) > 0 && total(7) > 0);
    let scored = &grids[place("score_distribution")];
    let answers: i64 = scored.rows.iter().filter_map(|row| row[4].int()).sum();
    assert_eq!(answers, total(5) + total(6), "every answer is scored or excluded");
    assert_eq!(sum(&grids, "coverage", "value", ("measure", "persons_enrolled")), 120);
    assert!(sum(&grids, "coverage", "value", ("measure", "adult_population")) > 1_000_000_000);
    assert!(sum(&grids, "data_quality", "rejected", ("rule", "invalid_date")) > 0);
    assert!(sum(&grids, "disputes", "items", ("about", "upheld")) > 0);
    // Nobody recorded a fee or an outage: that is not none.
    assert!(grids[place("finance_fees")].rows.is_empty());
    let incident = &grids[place("security")].rows[0];
    assert_eq!((incident[0].text(), &incident[2]), ("incident", &Value::None));
}

#[test]
fn an_empty_period_has_all_tables() {
    let (grids, entries) = tables(0);
    assert_eq!(entries, 0);
    assert_eq!(grids.len(), Report::all().expect("definitions").len());
    assert!(grids[place("inquiries")].rows.is_empty());
    assert_eq!(sum(&grids, "reconciliation", "found", ("measure", "log: end - start")), 0);
}
