//! Several nodes on one PostgreSQL: clients spread over three processes, one of which is killed in
//! the middle of work. Nothing is lost or doubled, and the others go on.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use http::{Method, StatusCode};
use serde_json::json;

use crate::crash::Site;
use crate::house::Door;
use crate::program::{Serving, fivefold, told};

const NODES: usize = 3;
const CLIENTS: usize = 6;
/// Questions of each client.
const QUESTIONS: usize = 25;
/// Answers after which a node is killed.
const KILL_AT: usize = 40;

/// A node of its own: the keys and the configuration of the first, and a published log of its own.
fn node(first: &Path, name: &str) -> PathBuf {
    let dir = first.with_file_name(name);
    std::fs::create_dir_all(dir.join("keys")).expect("a directory");
    for file in std::fs::read_dir(first.join("keys")).expect("keys") {
        let file = file.expect("a file");
        std::fs::copy(file.path(), dir.join("keys").join(file.file_name())).expect("copied");
    }
    std::fs::copy(first.join("fivefold.toml"), dir.join("fivefold.toml")).expect("copied");
    dir
}

/// Asks every question until it is answered, at one node after the other.
fn ask_all(site: &Site, doors: &[Door], of: &str, answered: &AtomicUsize) -> Vec<u64> {
    std::thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|client| {
                scope.spawn(move || {
                    let mut indexes = Vec::new();
                    let mut at = client;
                    for n in 0..QUESTIONS {
                        let (body, key) = (site.question(n), format!("{of}-{client}-{n}"));
                        let answer = loop {
                            let door = &doors[at % doors.len()];
                            at += 1;
                            let body = body.as_bytes();
                            match door.ask(&site.bank, Method::POST, "/v1/inquiries", body, &key) {
                                Ok(got) if got.status == StatusCode::CREATED => break got.json(),
                                Ok(got) => {
                                    assert_eq!(got.status, StatusCode::SERVICE_UNAVAILABLE);
                                }
                                // The node is gone: the next one has whatever it recorded.
                                Err(_) => {}
                            }
                        };
                        indexes.push(answer["log"]["index"].as_u64().expect("an index"));
                        answered.fetch_add(1, Ordering::SeqCst);
                    }
                    indexes
                })
            })
            .collect();
        clients.into_iter().flat_map(|client| client.join().expect("a client")).collect()
    })
}

#[test]
fn one_of_three_nodes_is_killed_under_load_and_the_others_go_on() {
    let Some(mut site) = Site::postgres("several nodes") else { return };
    site.people();
    let first = site.bureau();
    let dirs: Vec<PathBuf> = std::iter::once(first.clone())
        .chain((1..NODES).map(|n| node(&first, &format!("node-{n}"))))
        .collect();
    let mut nodes: Vec<Serving> = dirs.iter().map(|dir| Serving::start(dir)).collect();
    let doors: Vec<Door> = nodes.iter().map(|node| site.door(&node.url)).collect();
    let answered = AtomicUsize::new(0);
    let killed = nodes.pop().expect("a node");
    let mut indexes = std::thread::scope(|scope| {
        let kill = scope.spawn(|| {
            while answered.load(Ordering::SeqCst) < KILL_AT {
                std::thread::yield_now();
            }
            killed.kill();
        });
        let indexes = ask_all(&site, &doors, "three", &answered);
        kill.join().expect("killed");
        indexes
    });
    assert_eq!(indexes.len(), CLIENTS * QUESTIONS);
    indexes.sort_unstable();
    indexes.dedup();
    assert_eq!(indexes.len(), CLIENTS * QUESTIONS, "no index was given twice");
    for node in nodes.drain(1..) {
        node.stop();
    }
    let log = site.end_now(nodes.pop().expect("the first"));
    assert_eq!(log["kinds"]["inquiry"], json!(indexes.len()), "each is on record once");
    // The node that was stopped in order published the same log in a directory of its own.
    let vkey = std::fs::read_to_string(first.join("log/vkey")).expect("a key");
    let other = told(
        fivefold(&dirs[1]).args(["verify", "log"]).arg(&dirs[1]).args(["--vkey", vkey.trim()]),
    );
    assert_eq!(other["verified"], true);
    // The one that was killed starts again, and publishes what it missed.
    let again = Serving::start(&dirs[NODES - 1]);
    again.stop();
    let last = told(
        fivefold(&dirs[NODES - 1])
            .args(["verify", "log"])
            .arg(&dirs[NODES - 1])
            .args(["--vkey", vkey.trim()]),
    );
    assert_eq!(last["checkpoint"]["size"], log["checkpoint"]["size"]);
}

/// How fast one, two and three nodes answer together; printed, and not a promise.
#[test]
#[ignore = "a measurement: tests/run --rust --test it -- nodes:: --ignored --nocapture"]
fn throughput_of_one_two_and_three_nodes() {
    let Some(mut site) = Site::postgres("several nodes") else { return };
    site.people();
    let first = site.bureau();
    for count in 1..=NODES {
        let dirs: Vec<PathBuf> = std::iter::once(first.clone())
            .chain((1..count).map(|n| node(&first, &format!("node-{n}"))))
            .collect();
        let nodes: Vec<Serving> = dirs.iter().map(|dir| Serving::start(dir)).collect();
        let doors: Vec<Door> = nodes.iter().map(|node| site.door(&node.url)).collect();
        let since = site.env.now();
        let answered = AtomicUsize::new(0);
        ask_all(&site, &doors, &format!("of-{count}"), &answered);
        let micros = site.env.now().micros() - since.micros();
        let rate = answered.load(Ordering::SeqCst) as f64 * 1e6 / micros as f64;
        println!("{count} nodes: {rate:.0} questions a second");
        nodes.into_iter().for_each(Serving::stop);
    }
}
