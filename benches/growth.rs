//! What a bureau's size costs: the same inquiries and the same files at ten thousand, a hundred
//! thousand and a million persons, the time of a start, and bytes a person.
//!
//! The population is made in bulk (`shared/population.rs`): person, key and profile of each. The
//! 300 who are asked about have entries, consents and records of their own. `cargo bench
//! --profile quick --no-default-features --bench growth -- [--persons N] [--postgres URL]`;
//! a million unless said otherwise, in steps of ten. Latencies are of one asker, one after the
//! other, in process: what grows is the database, not the door. Ratios to the smallest size.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    missing_docs,
    reason = "a benchmark stops at the first surprise, and reads the clock"
)]

/// As in the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[path = "shared/population.rs"]
mod population;
#[path = "shared/stage.rs"]
mod stage;

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use fivefold::bureau::Bureau;
use fivefold::bureau::command::observe::SLICE_LINES_MAX;
use fivefold::kernel::Env;
use fivefold::store::Target;

const ASKED: usize = 300;
const INQUIRIES: usize = 1_500;
const SMALLEST: usize = 10_000;

struct Measured {
    persons: usize,
    p50_us: u64,
    p99_us: u64,
    lines: f64,
    start_ms: u128,
    bytes: u64,
}

fn bytes_of(dir: &Path, target: &Target) -> u64 {
    let files: u64 = ["bureau.sqlite", "keys.sqlite"]
        .iter()
        .filter_map(|name| std::fs::metadata(dir.join(name)).ok())
        .map(|file| file.len())
        .sum();
    match target {
        Target::Sqlite { .. } => files,
        Target::Postgres { .. } => {
            use diesel::RunQueryDsl;
            #[derive(diesel::QueryableByName)]
            struct Size {
                #[diesel(sql_type = diesel::sql_types::BigInt)]
                size: i64,
            }
            let fivefold::store::AnyConn::Pg(mut conn) = target.connect().unwrap() else {
                unreachable!("it is PostgreSQL")
            };
            let sql = "SELECT pg_database_size(current_database()) AS size";
            let row: Size = diesel::sql_query(sql).get_result(&mut conn).unwrap();
            files + row.size as u64
        }
    }
}

fn measure(env: &Env, stage: &mut stage::Stage, dir: &Path, persons: usize) -> Measured {
    stage.bureau.close();
    let target = stage.settings.database.clone();
    // All connections, and what they hold of the database in memory, go with it.
    let settings = stage.settings.clone();
    let started = Instant::now();
    stage.bureau = Arc::new(Bureau::open(env, &settings).unwrap());
    let start_ms = started.elapsed().as_millis();
    let mut took: Vec<u64> = Vec::with_capacity(INQUIRIES);
    for n in 0..INQUIRIES {
        let command = stage.inquiry(n);
        let started = Instant::now();
        stage.bureau.run(command).value().unwrap();
        took.push(started.elapsed().as_micros() as u64);
    }
    took.sort_unstable();
    let name = format!("G-{persons}");
    let lines: Vec<String> = (0..ASKED).flat_map(|n| stage.lines(n, 6)).collect();
    let lines: Vec<String> = lines.iter().map(|line| line.replace("A-1", &name)).collect();
    let observations = stage.observations(env, &lines);
    let started = Instant::now();
    for slice in observations.chunks(SLICE_LINES_MAX) {
        stage.furnish(slice.to_vec());
    }
    let lines = observations.len() as f64 / started.elapsed().as_secs_f64();
    let at = |permille: usize| took[(took.len() - 1) * permille / 1000];
    let bytes = bytes_of(dir, &target);
    Measured { persons, p50_us: at(500), p99_us: at(990), lines, start_ms, bytes }
}

fn main() {
    let (mut most, mut postgres) = (1_000_000, None);
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--persons" => most = words.next().unwrap().parse().unwrap(),
            "--postgres" => postgres = words.next(),
            // cargo's own
            "--bench" => {}
            other => panic!("{other} is no switch of this bench"),
        }
    }
    let dir = tempfile::tempdir().unwrap();
    let env = Env::system();
    let mut stage = stage::Stage::set(&env, dir.path(), postgres.as_deref(), ASKED);
    let mut all: Vec<Measured> = Vec::new();
    let (mut there, mut size) = (0, SMALLEST);
    println!("   persons  inquiry p50    p99   lines a second   start   bytes a person");
    while size <= most {
        population::copy(&env, &stage, there..size);
        there = size;
        let one = measure(&env, &mut stage, dir.path(), size);
        println!(
            "{:>10} {:>9} µs {:>6} {:>16.0} {:>5} ms {:>16}",
            one.persons,
            one.p50_us,
            one.p99_us,
            one.lines,
            one.start_ms,
            one.bytes / one.persons as u64
        );
        all.push(one);
        size *= 10;
    }
    let (first, last) = (&all[0], &all[all.len() - 1]);
    println!(
        "\n{} persons against {}: inquiry p50 × {:.2}, ingest × {:.2} slower",
        last.persons,
        first.persons,
        last.p50_us as f64 / first.p50_us as f64,
        first.lines / last.lines
    );
}
