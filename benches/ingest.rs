//! Durable ingest, against inserting the same rows raw into the same kind of database.
//!
//! Fivefold's side reads nothing from the network: slices of 500 observations go through policy,
//! duplicate check, sealing, the log and the profile, one durable commit a slice. The floor takes
//! the very rows that this wrote (entries, bodies, facts, profiles) and inserts them into an empty
//! database in transactions of the same size. Ratios only: the machine is shared.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    missing_docs,
    reason = "a benchmark stops at the first surprise, and reads the clock"
)]

/// As in the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[path = "shared/stage.rs"]
mod stage;

use std::path::Path;
use std::time::Instant;

use diesel::connection::SimpleConnection;
use diesel::{Connection, RunQueryDsl, SqliteConnection};
use fivefold::bureau::command::observe::SLICE_LINES_MAX;
use fivefold::kernel::Env;

const PERSONS: usize = 400;
const ROUNDS: usize = 3;

/// Copies the rows of one table from the bureau's database, `rows` at a time, each in a
/// transaction of its own.
fn copy(conn: &mut SqliteConnection, table: &str, columns: &str, rows: usize) -> usize {
    let mut copied = 0;
    loop {
        let sql = format!(
            "INSERT INTO {table} ({columns}) SELECT {columns} FROM source.{table} \
             ORDER BY rowid LIMIT {rows} OFFSET {copied}"
        );
        let inserted =
            conn.immediate_transaction(|conn| diesel::sql_query(sql).execute(conn)).unwrap();
        copied += inserted;
        if inserted < rows {
            return copied;
        }
    }
}

fn raw(dir: &Path, round: usize) -> f64 {
    let schema = std::fs::read_to_string(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/migrations/sqlite/2026-11-22-000001_bureau/up.sql"
    ))
    .unwrap();
    let path = dir.join(format!("raw-{round}.sqlite"));
    let mut conn = SqliteConnection::establish(&path.display().to_string()).unwrap();
    let source = dir.join("bureau.sqlite");
    conn.batch_execute(&format!(
        "PRAGMA busy_timeout = 10000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
         PRAGMA secure_delete = ON;
         ATTACH '{}' AS source; {schema}",
        source.display()
    ))
    .unwrap();
    let started = Instant::now();
    let n = copy(&mut conn, "entries", "idx, leaf", SLICE_LINES_MAX);
    let bodies = "idx, kind, at_us, period, person, record, personal";
    copy(&mut conn, "bodies", bodies, SLICE_LINES_MAX);
    conn.batch_execute("PRAGMA foreign_keys = OFF").unwrap();
    copy(&mut conn, "facts", "identity, person, digest, deleted, idx", SLICE_LINES_MAX);
    copy(&mut conn, "profiles", "person, sealed, observations, idx", SLICE_LINES_MAX);
    n as f64 / started.elapsed().as_secs_f64()
}

fn main() {
    println!("{PERSONS} persons, slices of {SLICE_LINES_MAX}, median of {ROUNDS}");
    for months in [1, 6, 24] {
        let mut ratios = Vec::new();
        for round in 0..ROUNDS {
            let dir = tempfile::tempdir().unwrap();
            let env = Env::system();
            let stage = stage::Stage::set(&env, dir.path(), None, PERSONS);
            // A second account for everybody: the first came with the stage.
            let lines: Vec<String> = (0..PERSONS)
                .flat_map(|n| stage.lines(n, months))
                .map(|line| line.replace("A-1", "A-2"))
                .collect();
            let observations = stage.observations(&env, &lines);
            let started = Instant::now();
            for slice in observations.chunks(SLICE_LINES_MAX) {
                stage.furnish(slice.to_vec());
            }
            let ours = observations.len() as f64 / started.elapsed().as_secs_f64();
            // Nothing else may write while the floor is measured: the publisher would.
            stage.bureau.close();
            let floor = raw(dir.path(), round);
            println!(
                "{:>2} lines a person: fivefold {ours:>7.0}/s   raw rows {floor:>7.0}/s   \
                 ratio {:.2}",
                months + 1,
                ours / floor
            );
            ratios.push(ours / floor);
        }
        ratios.sort_by(f64::total_cmp);
        println!("   median ratio {:.2}\n", ratios[ROUNDS / 2]);
    }
}
