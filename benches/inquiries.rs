//! Signed inquiries over loopback HTTP, against three floors measured in the same run:
//!
//! * bare: an axum server that answers the same number of bytes and does nothing else;
//! * A: one that verifies the request and signs the answer;
//! * B: one that does that and makes one durable row a request, committed in groups.
//!
//! Beside them, what the policies cost of one such request. Clients and server share this machine, so only the ratios mean something. `cargo bench --bench
//! inquiries` prints requests per second and the 50th and 99th percentile of latency at 16
//! connections; `FIVEFOLD_BENCH_SECONDS`-style switches are left out on purpose: one number, one way.
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

use std::hint::black_box;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{OriginalUri, State};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use diesel::connection::SimpleConnection;
use diesel::{Connection, RunQueryDsl, SqliteConnection};
use fivefold::http::{Doors, serve};
use fivefold::kernel::Env;
use fivefold::partner::signature::{
    PublicKey, RequestParts, SigningKey, read_request, sign_response,
};
use fivefold::policy::{Action, ActorKind, Decision, Rules, cases, decide, named};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;

const CONNECTIONS: usize = 16;
const REQUESTS: usize = 6_000;
const PERSONS: usize = 300;
/// Bytes of a typical answer: what the floors answer with.
const ANSWER_BYTES: usize = 2_200;
const ROUNDS: usize = 3;

type Row = (Vec<u8>, oneshot::Sender<()>);

struct Floor {
    env: Env,
    url: String,
    key: PublicKey,
    own: SigningKey,
    rows: Option<std::sync::mpsc::Sender<Row>>,
}

async fn floor(
    State(floor): State<Arc<Floor>>,
    OriginalUri(uri): OriginalUri,
    method: Method,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let target = format!("{}{}", floor.url, uri.path());
    let parts =
        RequestParts { method: &method, target_uri: &target, headers: &headers, body: &body };
    let presented = read_request(parts, floor.env.now()).unwrap();
    presented.verify(&floor.key).unwrap();
    if let Some(rows) = &floor.rows {
        let (done, wait) = oneshot::channel();
        rows.send((body.to_vec(), done)).unwrap();
        wait.await.unwrap();
    }
    let answer = vec![b'x'; ANSWER_BYTES];
    let seen = presented.seen(parts);
    let signed =
        sign_response(&floor.own, StatusCode::CREATED, Some(&seen), &answer, floor.env.now());
    let mut response = (StatusCode::CREATED, answer).into_response();
    response.headers_mut().extend(signed.unwrap());
    response
}

async fn bare(_: Bytes) -> Response {
    (StatusCode::CREATED, vec![b'x'; ANSWER_BYTES]).into_response()
}

/// One durable row a request, committed in groups, as SQLite does it best.
fn committer(path: &std::path::Path) -> std::sync::mpsc::Sender<Row> {
    let (send, receive) = std::sync::mpsc::channel::<Row>();
    let mut conn = SqliteConnection::establish(&path.display().to_string()).unwrap();
    conn.batch_execute(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
         CREATE TABLE rows (id INTEGER PRIMARY KEY, body BLOB) STRICT;",
    )
    .unwrap();
    std::thread::spawn(move || {
        while let Ok(first) = receive.recv() {
            let mut group = vec![first];
            while let Ok(next) = receive.try_recv() {
                group.push(next);
            }
            conn.immediate_transaction(|conn| {
                for (body, _) in &group {
                    diesel::sql_query("INSERT INTO rows (body) VALUES (?)")
                        .bind::<diesel::sql_types::Binary, _>(body)
                        .execute(conn)?;
                }
                diesel::QueryResult::Ok(())
            })
            .unwrap();
            for (_, done) in group {
                let _ = done.send(());
            }
        }
    });
    send
}

async fn listen(router: Router) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
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

/// Sends everything over [`CONNECTIONS`] connections. Gives requests per second and latencies in
/// microseconds, sorted.
async fn load(address: SocketAddr, requests: Vec<Vec<u8>>) -> (f64, Vec<u64>) {
    let total = requests.len();
    let share = total.div_ceil(CONNECTIONS);
    let mut parts: Vec<Vec<Vec<u8>>> = Vec::new();
    let mut requests = requests.into_iter();
    while parts.len() < CONNECTIONS {
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

fn shown(name: &str, rate: f64, took: &[u64]) {
    let at = |permille: usize| took[(took.len() - 1) * permille / 1000];
    println!("{name:<34} {rate:>8.0}/s   p50 {:>6} µs   p99 {:>7} µs", at(500), at(990));
}

fn median(mut rates: Vec<f64>) -> f64 {
    rates.sort_by(f64::total_cmp);
    rates[rates.len() / 2]
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
    let dir = tempfile::tempdir().unwrap();
    let env = Env::system();
    let stage = stage::Stage::set(&env, dir.path(), PERSONS);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (ready, address) = std::sync::mpsc::channel();
    let doors = Doors {
        listen: "127.0.0.1:0".parse().unwrap(),
        public_url: "http://127.0.0.1:0".to_string(),
        tls: None,
        fonts: None,
        terms: fivefold::http::terms::Terms::default(),
    };
    let bureau = stage.bureau.clone();
    runtime.spawn(serve(bureau, doors, move |a| ready.send(a).unwrap(), std::future::pending()));
    let ours = address.recv().unwrap();
    let mut rates: [Vec<f64>; 4] = Default::default();
    println!(
        "{REQUESTS} requests, {CONNECTIONS} connections, {PERSONS} persons, median of {ROUNDS}"
    );
    for round in 0..ROUNDS {
        let rows = committer(&dir.path().join(format!("floor-{round}.sqlite")));
        let floors = runtime.block_on(async {
            let mut addresses =
                vec![listen(Router::new().route("/v1/inquiries", post(bare))).await];
            for rows in [None, Some(rows)] {
                let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
                let address = listener.local_addr().unwrap();
                let floor_state = Arc::new(Floor {
                    env: env.clone(),
                    url: format!("http://{address}"),
                    key: stage.lender.public(),
                    own: SigningKey::generate(&env).unwrap(),
                    rows,
                });
                let router =
                    Router::new().route("/v1/inquiries", post(floor)).with_state(floor_state);
                tokio::spawn(async move { axum::serve(listener, router).await });
                addresses.push(address);
            }
            addresses
        });
        let names = ["bare axum", "A: verify + sign", "B: A + one durable row", "fivefold"];
        for (i, address) in floors.into_iter().chain([ours]).enumerate() {
            let requests = stage.requests(&env, &format!("http://{address}"), REQUESTS);
            let (rate, took) = runtime.block_on(load(address, requests));
            shown(names[i], rate, &took);
            rates[i].push(rate);
        }
    }
    let [bare, a, b, ours] = rates.map(median);
    println!("\nfivefold / bare = {:.2}", ours / bare);
    println!("fivefold / A    = {:.2}", ours / a);
    println!("fivefold / B    = {:.2}", ours / b);
    policies(&stage.bureau.engine.rules, 1e6 / ours);
}
