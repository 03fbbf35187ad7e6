//! Entries a second that the log takes in durably while it is published: each sealed, committed
//! to, appended to the tree, written to the database in a group, and covered by a signed
//! checkpoint within a second. Beside it, the floor of the same run: rows of the same bytes in the
//! same groups, nothing else.
//!
//! Tessera, the open implementation of such logs, states 10,000 a second for its MySQL and POSIX
//! stores, without a body of one's own beside each leaf: a number from elsewhere, for orientation.
//! `cargo bench --profile quick --no-default-features --bench ledger`.
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

use std::collections::VecDeque;
use std::time::Instant;

use diesel::connection::SimpleConnection;
use diesel::{Connection, RunQueryDsl, SqliteConnection};
use fivefold::bureau::admission::Admission;
use fivefold::bureau::command::keeping::Keeping;
use fivefold::bureau::sequencer::BATCH_COMMANDS_MAX;
use fivefold::kernel::Env;
use fivefold::ledger::checkpoint::Checkpoint;
use fivefold::ledger::leaf::PublicKind;
use serde_json::json;

const ENTRIES: usize = 60_000;
const ROUNDS: usize = 3;
/// Commands on their way at once.
const ON_THE_WAY: usize = 2_048;

fn entry(n: usize) -> Keeping {
    Keeping {
        admission: Admission::operator("bench", "measuring"),
        kind: "origin_restored",
        public: PublicKind::Governance,
        says: vec![("manifest", json!(format!("{n:064x}"))), ("entries", json!(n))],
    }
}

/// The same bytes as rows, as many to a commit as a batch has.
fn floor(path: &std::path::Path) -> f64 {
    let mut conn = SqliteConnection::establish(&path.display().to_string()).unwrap();
    conn.batch_execute(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
         CREATE TABLE rows (id INTEGER PRIMARY KEY, leaf BLOB, body BLOB) STRICT;",
    )
    .unwrap();
    let (leaf, body) = (vec![7_u8; 160], vec![8_u8; 620]);
    let started = Instant::now();
    for _ in 0..ENTRIES.div_ceil(BATCH_COMMANDS_MAX) {
        conn.immediate_transaction(|conn| {
            for _ in 0..BATCH_COMMANDS_MAX {
                diesel::sql_query("INSERT INTO rows (leaf, body) VALUES (?, ?)")
                    .bind::<diesel::sql_types::Binary, _>(&leaf)
                    .bind::<diesel::sql_types::Binary, _>(&body)
                    .execute(conn)?;
            }
            diesel::QueryResult::Ok(())
        })
        .unwrap();
    }
    ENTRIES as f64 / started.elapsed().as_secs_f64()
}

fn main() {
    let mut ratios = Vec::new();
    println!("{ENTRIES} entries, {ON_THE_WAY} on the way at once, {ROUNDS} rounds");
    for round in 0..ROUNDS {
        let dir = tempfile::tempdir().unwrap();
        let env = Env::system();
        let stage = stage::Stage::set(&env, dir.path(), None, 1);
        let started = Instant::now();
        let mut waiting = VecDeque::new();
        for n in 0..ENTRIES {
            if waiting.len() == ON_THE_WAY {
                let reply: tokio::sync::oneshot::Receiver<_> = waiting.pop_front().unwrap();
                let reply: fivefold::bureau::Reply = reply.blocking_recv().unwrap();
                reply.value().unwrap();
            }
            waiting.push_back(stage.bureau.submit(entry(n)));
        }
        waiting.into_iter().for_each(|reply| drop(reply.blocking_recv().unwrap().value().unwrap()));
        let rate = ENTRIES as f64 / started.elapsed().as_secs_f64();
        // How far the published log is behind at the end of that.
        let note = std::fs::read_to_string(dir.path().join("log/checkpoint")).unwrap();
        let keys = stage.bureau.engine.keys.log_verifiers();
        let covered = Checkpoint::open(&note, &keys, &[]).unwrap().checkpoint.size;
        let size =
            stage.bureau.store.read(fivefold::ledger::rows::read_head).unwrap().unwrap().size;
        let floor = floor(&dir.path().join(format!("floor-{round}.sqlite")));
        println!(
            "fivefold {rate:>7.0}/s   rows alone {floor:>7.0}/s   ratio {:.2}   checkpoint {} behind",
            rate / floor,
            size - covered
        );
        ratios.push(rate / floor);
    }
    ratios.sort_by(f64::total_cmp);
    println!("\nmedian ratio {:.2}", ratios[ROUNDS / 2]);
}
