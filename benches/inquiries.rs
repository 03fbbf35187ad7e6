//! Signed inquiries over loopback HTTP, against three floors measured in the same run:
//!
//! * bare: an axum server that answers the same number of bytes and does nothing else;
//! * A: one that verifies the request and signs the answer;
//! * B: one that does that and makes one durable row a request, committed in groups.
//!
//! Beside them, what the policies cost of one such request. Clients and server share this machine,
//! so only the ratios mean something. Prints requests per second and the 50th and 99th percentile
//! of latency.
//!
//! `cargo bench --profile quick --no-default-features --bench inquiries -- [--connections N]
//! [--postgres URL] [--uploading]`: 16 connections and SQLite, unless said otherwise. `--postgres`
//! names an empty database, in which floor B has its rows too. `--uploading`: a furnisher's file
//! is taken in all the while, and its lines a second are printed. `--rival URL --rival-key FILE`:
//! another server is asked too, and believes the key that is written to the file (`rival/run.sh`).
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

#[path = "shared/floors.rs"]
mod floors;
#[path = "shared/stage.rs"]
mod stage;

use std::hint::black_box;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use fivefold::bureau::command::observe::SLICE_LINES_MAX;
use fivefold::http::{Doors, serve};
use fivefold::kernel::Env;
use fivefold::policy::{Action, ActorKind, Decision, Rules, cases, decide, named};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const REQUESTS: usize = 6_000;
const PERSONS: usize = 300;
const ROUNDS: usize = 3;

/// How it is measured.
struct Given {
    connections: usize,
    postgres: Option<String>,
    uploading: bool,
    /// Where another server is, and the file that it reads the asker's public key from.
    rival: Option<String>,
    rival_key: Option<String>,
}

impl Given {
    fn read() -> Given {
        let mut given = Given {
            connections: 16,
            postgres: None,
            uploading: false,
            rival: None,
            rival_key: None,
        };
        let mut words = std::env::args().skip(1);
        while let Some(word) = words.next() {
            match word.as_str() {
                "--connections" => given.connections = words.next().unwrap().parse().unwrap(),
                "--postgres" => given.postgres = words.next(),
                "--uploading" => given.uploading = true,
                "--rival" => given.rival = words.next(),
                "--rival-key" => given.rival_key = words.next(),
                // cargo's own
                "--bench" => {}
                other => panic!("{other} is no switch of this bench"),
            }
        }
        given
    }
}

/// A furnisher's file that does not end while the inquiries are measured. Gives lines a second.
fn upload(stage: &stage::Stage, env: &Env, stop: &AtomicBool, round: usize) -> f64 {
    let (started, mut sent) = (Instant::now(), 0);
    for account in 0.. {
        let name = format!("U-{round}-{account}");
        let lines: Vec<String> = (0..PERSONS).flat_map(|n| stage.lines(n, 6)).collect();
        let lines: Vec<String> = lines.iter().map(|line| line.replace("A-1", &name)).collect();
        for slice in stage.observations(env, &lines).chunks(SLICE_LINES_MAX) {
            if stop.load(Ordering::Relaxed) {
                return f64::from(sent) / started.elapsed().as_secs_f64();
            }
            stage.furnish(slice.to_vec());
            sent += slice.len() as u32;
        }
    }
    0.0
}

/// Reads one response and gives its status.
async fn response(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> u16 {
    buffer.clear();
    loop {
        let head = buffer.windows(4).position(|w| w == b"\r\n\r\n");
        if let Some(end) = head {
            let text = std::str::from_utf8(&buffer[..end]).unwrap().to_ascii_lowercase();
            let length = text.split("content-length: ").nth(1).unwrap();
            let length: usize = length.split("\r\n").next().unwrap().trim().parse().unwrap();
            if buffer.len() >= end + 4 + length {
                return text[9..12].parse().unwrap();
            }
        }
        assert!(stream.read_buf(buffer).await.unwrap() > 0, "the server hung up");
    }
}

/// Sends everything over as many connections. Gives requests per second and latencies in
/// microseconds, sorted.
async fn load(address: SocketAddr, requests: Vec<Vec<u8>>, connections: usize) -> (f64, Vec<u64>) {
    let total = requests.len();
    let share = total.div_ceil(connections);
    let mut parts: Vec<Vec<Vec<u8>>> = Vec::new();
    let mut requests = requests.into_iter();
    while parts.len() < connections {
        parts.push(requests.by_ref().take(share).collect());
    }
    let started = Instant::now();
    let mut workers = Vec::new();
    for part in parts {
        workers.push(tokio::spawn(async move {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.set_nodelay(true).unwrap();
            let (mut buffer, mut took) = (Vec::with_capacity(8192), Vec::new());
            for request in part {
                let sent = Instant::now();
                stream.write_all(&request).await.unwrap();
                let status = response(&mut stream, &mut buffer).await;
                assert_eq!(status, 201, "{}", String::from_utf8_lossy(&buffer));
                took.push(sent.elapsed().as_micros() as u64);
            }
            took
        }));
    }
    let mut all = Vec::with_capacity(total);
    for worker in workers {
        all.extend(worker.await.unwrap());
    }
    let rate = total as f64 / started.elapsed().as_secs_f64();
    all.sort_unstable();
    (rate, all)
}

/// Runs `work`, with a file taken in all the while if there is a round to name it after.
fn beside<T>(
    stage: &stage::Stage,
    env: &Env,
    uploads: Option<usize>,
    work: impl FnOnce() -> T,
) -> T {
    let stop = &AtomicBool::new(false);
    std::thread::scope(|scope| {
        let thread = uploads.map(|round| scope.spawn(move || upload(stage, env, stop, round)));
        let done = work();
        stop.store(true, Ordering::Relaxed);
        if let Some(lines) = thread.map(|thread| thread.join().unwrap()) {
            println!("beside them, lines taken in       {lines:>8.0}/s");
        }
        done
    })
}

fn shown(name: &str, rate: f64, took: &[u64]) {
    let at = |permille: usize| took[(took.len() - 1) * permille / 1000];
    println!("{name:<34} {rate:>8.0}/s   p50 {:>6} µs   p99 {:>7} µs", at(500), at(990));
}

fn median(mut rates: Vec<f64>) -> Option<f64> {
    rates.sort_by(f64::total_cmp);
    rates.get(rates.len() / 2).copied()
}

/// What the policies cost of a request that took `request` microseconds of the machine: once with
/// the decision kept, as nearly all of them are, and once evaluated anew for facts never seen.
fn policies(rules: &Rules, request: f64) {
    const KEPT: u32 = 100_000;
    let facts = cases::in_order(Action::Inquire, ActorKind::Partner, &["cn"]);
    let started = Instant::now();
    for _ in 0..KEPT {
        assert!(matches!(decide(rules, black_box(&facts)), Decision::Permit(_)));
    }
    let kept = started.elapsed().as_secs_f64() * 1e6 / f64::from(KEPT);
    let mut anew = Vec::new();
    for (i, first) in named::NAMES.iter().enumerate() {
        for second in &named::NAMES[i + 1..] {
            let mut facts = facts.clone();
            for name in [first, second] {
                let flag = named::flag(&mut facts, name).unwrap();
                *flag = !*flag;
            }
            anew.push(facts);
        }
    }
    let started = Instant::now();
    for facts in &anew {
        let _ = black_box(decide(rules, facts));
    }
    let fresh = started.elapsed().as_secs_f64() * 1e6 / anew.len() as f64;
    println!("\nof a request's {request:.0} µs:");
    println!("policies, decision kept   {kept:>6.2} µs = {:.2} %", 100.0 * kept / request);
    println!("policies, evaluated anew  {fresh:>6.0} µs = {:.0} %", 100.0 * fresh / request);
}

fn main() {
    let given = Given::read();
    let postgres = given.postgres.as_deref();
    let dir = tempfile::tempdir().unwrap();
    let env = Env::system();
    let stage = stage::Stage::set(&env, dir.path(), postgres, PERSONS);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (ready, address) = std::sync::mpsc::channel();
    let doors = Doors {
        listen: "127.0.0.1:0".parse().unwrap(),
        public_url: "http://127.0.0.1:0".to_string(),
        tls: None,
        fonts: None,
        terms: fivefold::http::terms::Terms::default(),
        behind_proxy: false,
    };
    let bureau = stage.bureau.clone();
    runtime.spawn(serve(bureau, doors, move |a| ready.send(a).unwrap(), std::future::pending()));
    let ours = address.recv().unwrap();
    let rival = given.rival.as_deref().map(|url| {
        std::fs::write(given.rival_key.as_ref().unwrap(), stage.lender.public().to_pem()).unwrap();
        url.trim_start_matches("http://").parse::<SocketAddr>().unwrap()
    });
    let mut rates: [Vec<f64>; 5] = Default::default();
    println!(
        "{REQUESTS} requests, {} connections, {PERSONS} persons, {}{}, median of {ROUNDS}",
        given.connections,
        if postgres.is_some() { "PostgreSQL" } else { "SQLite" },
        if given.uploading { ", while a file is taken in" } else { "" },
    );
    let names = ["bare axum", "A: verify + sign", "B: A + one durable row", "fivefold", "rival"];
    for round in 0..ROUNDS {
        let floor = dir.path().join(format!("floor-{round}.sqlite"));
        let floors = runtime.block_on(floors::open(&env, stage.lender.public(), &floor, postgres));
        for (i, address) in floors.into_iter().chain([ours]).chain(rival).enumerate() {
            let requests = stage.requests(&env, &format!("http://{address}"), REQUESTS);
            let uploads = (address == ours && given.uploading).then_some(round);
            let load = load(address, requests, given.connections);
            let (rate, took) = beside(&stage, &env, uploads, || runtime.block_on(load));
            shown(names[i], rate, &took);
            rates[i].push(rate);
        }
    }
    let [bare, a, b, ours, rival] = rates.map(median);
    let [bare, a, b, ours] = [bare, a, b, ours].map(Option::unwrap);
    println!("\nfivefold / bare = {:.2}", ours / bare);
    println!("fivefold / A    = {:.2}", ours / a);
    println!("fivefold / B    = {:.2}", ours / b);
    if let Some(rival) = rival {
        println!("fivefold / rival = {:.1}", ours / rival);
    }
    policies(&stage.bureau.engine.rules, 1e6 / ours);
}
