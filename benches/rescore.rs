//! Everybody's score at once (`fivefold score --all`), from SQLite and from memory.
//!
//! The population is made in bulk: one specimen with a year of one account, copied under as many
//! ids, each under a key of its own, as the bureau would have them. Floors of the same run: the
//! same rows read and dropped (the database's share), and the same rows opened as well (the
//! seals' share). `cargo bench --profile quick --no-default-features --bench rescore --
//! [PERSONS]`: 100,000 unless said otherwise. Ratios only: the machine is shared.
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

#[path = "shared/population.rs"]
mod population;
#[path = "shared/stage.rs"]
mod stage;

use std::hint::black_box;
use std::time::Instant;

use fivefold::bureau::Bureau;
use fivefold::bureau::folded::open_profile;
use fivefold::bureau::look::Seen;
use fivefold::kernel::Env;
use fivefold::kernel::seal::SealKey;
use fivefold::score::rows::{self as score_rows, ProfileRow};
use fivefold::score::{AsOf, Profile, Scope, assess};
use fivefold::store::StoreError;

const ROUNDS: usize = 3;
const PAGE: usize = 400;

fn per_second(persons: usize, work: impl FnOnce()) -> f64 {
    let started = Instant::now();
    work();
    persons as f64 / started.elapsed().as_secs_f64()
}

fn median(mut rates: Vec<f64>) -> f64 {
    rates.sort_by(f64::total_cmp);
    rates[rates.len() / 2]
}

/// Every person's rows, a page at a time, and `each` on what was read.
fn read(bureau: &Bureau, each: &mut dyn FnMut(&ProfileRow, Option<&SealKey>)) {
    let mut after = String::new();
    loop {
        let page = bureau.persons_after(&after).unwrap();
        let Some(last) = page.last() else { return };
        after.clone_from(last);
        let ids: Vec<&str> = page.iter().map(String::as_str).collect();
        let rows = bureau.store.read(|conn| score_rows::profiles(conn, &ids)).unwrap();
        let names: Vec<String> = ids.iter().map(|id| format!("person:{id}")).collect();
        let keys = bureau.keystore().get(names.iter().map(String::as_str)).unwrap();
        for row in &rows {
            each(row, keys.get(&format!("person:{}", row.person)));
        }
    }
}

fn main() {
    let persons = std::env::args().skip(1).find_map(|word| word.parse().ok()).unwrap_or(100_000);
    let dir = tempfile::tempdir().unwrap();
    let env = Env::system();
    let stage = stage::Stage::set(&env, dir.path(), None, 1);
    let profile = population::copy(&env, &stage, 0..persons);
    println!("{persons} persons, {PAGE} a page, median of {ROUNDS}, persons a second");
    let bureau = &stage.bureau;
    let as_of = AsOf {
        date: env.now().date_at(8),
        identity_level: 2,
        hard_inquiries_6m: 0,
        hard_inquiries_12m: 0,
        scope: Scope::ALL,
        with_disputed: None,
    };
    let card = bureau.engine.champion();
    let encoded = profile.encode();
    let mut rates: [Vec<f64>; 6] = Default::default();
    for _ in 0..ROUNDS {
        rates[0].push(per_second(persons, || {
            for _ in 0..persons {
                black_box(assess(black_box(&profile), card, &as_of));
            }
        }));
        rates[1].push(per_second(persons, || {
            for _ in 0..persons {
                let profile = Profile::decode(black_box(&encoded)).unwrap();
                black_box(assess(&profile, card, &as_of));
            }
        }));
        rates[2].push(per_second(persons, || {
            read(bureau, &mut |row, _| {
                black_box(row);
            })
        }));
        rates[3].push(per_second(persons, || {
            read(bureau, &mut |row, key| drop(black_box(open_profile(row, key.unwrap()))));
        }));
        for (place, threads) in [(4, 1), (5, 2)] {
            let mut scored = 0;
            rates[place].push(per_second(persons, || {
                let mut take = |seen: Vec<Seen>| {
                    scored += seen.iter().filter(|one| one.assessment.is_some()).count();
                    Ok::<(), StoreError>(())
                };
                bureau.rescore(env.now(), None, threads, &mut take).unwrap();
            }));
            assert_eq!(scored, persons + 1, "everybody, and the specimen");
        }
    }
    let [memory, decoded, raw, opened, one, two] = rates.map(median);
    println!("from memory: profile in hand                  {memory:>9.0}");
    println!("from memory: profile decoded first            {decoded:>9.0}");
    println!("floor: profiles and keys read                 {raw:>9.0}");
    println!("floor: read, and opened                       {opened:>9.0}");
    println!("score --all from SQLite, one thread           {one:>9.0}");
    println!("score --all from SQLite, two threads          {two:>9.0}");
    println!("\nscore --all, one thread / read and opened   = {:.2}", one / opened);
    println!("score --all, two threads / one thread       = {:.2}", two / one);
}
