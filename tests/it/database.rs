//! PostgreSQL itself fails under load: it stops at once and comes back, its connections are cut, it
//! turns read-only, its disk is full. What was acknowledged is there, once; what was not is refused
//! in a way that says so, and can be repeated; and the bureau goes on by itself.

use std::io::Write;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use http::{Method, StatusCode};
use serde_json::json;

use crate::cluster::Cluster;
use crate::crash::Site;
use crate::house::Door;

/// Answers to be had before the trouble begins, and after it is over.
const CALM: usize = 8;
/// Clients at work.
const CLIENTS: usize = 4;

/// A bureau on a server of its own.
fn on(cluster: &Cluster) -> Site {
    for name in ["bureau", "keys"] {
        cluster.sql(&format!("CREATE DATABASE {name}"));
    }
    let dir = tempfile::tempdir().expect("a directory");
    Site::make(dir, &["bureau", "keys"].map(|name| cluster.url(name)), Vec::new())
}

/// What the clients met.
#[derive(Default)]
struct Met {
    done: AtomicUsize,
    refused: AtomicUsize,
    over: AtomicBool,
    /// The trouble did not go as planned: nobody waits for an answer any more.
    lost: AtomicBool,
}

impl Met {
    fn wait_for(&self, counter: &AtomicUsize, more: usize) {
        let from = counter.load(Ordering::SeqCst);
        while counter.load(Ordering::SeqCst) < from + more && !self.over.load(Ordering::SeqCst) {
            std::thread::yield_now();
        }
    }

    /// So many more answers.
    fn answers(&self, more: usize) {
        self.wait_for(&self.done, more);
    }

    /// So many more refusals.
    fn refusals(&self, more: usize) {
        self.wait_for(&self.refused, more);
    }
}

/// Clients ask on and on, each question until it is answered, while `trouble` happens. Every
/// refusal is a 503 that says when to come back.
fn under_load(site: &Site, door: &Door, trouble: impl FnOnce(&Met)) -> usize {
    let met = Met::default();
    std::thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|client| {
                let met = &met;
                scope.spawn(move || {
                    let mut n = 0;
                    while !met.over.load(Ordering::SeqCst) {
                        let (body, key) = (site.question(n), format!("client-{client}-{n}"));
                        loop {
                            let asked = door.ask(
                                &site.bank,
                                Method::POST,
                                "/v1/inquiries",
                                body.as_bytes(),
                                &key,
                            );
                            let got = asked.expect("the bureau itself goes on");
                            if got.status == StatusCode::CREATED {
                                break;
                            }
                            assert_eq!(
                                got.status,
                                StatusCode::SERVICE_UNAVAILABLE,
                                "{}",
                                got.json()
                            );
                            assert!(got.headers.contains_key("retry-after"), "{}", got.json());
                            met.refused.fetch_add(1, Ordering::SeqCst);
                            if met.lost.load(Ordering::SeqCst) {
                                return n;
                            }
                        }
                        n += 1;
                        met.done.fetch_add(1, Ordering::SeqCst);
                    }
                    n
                })
            })
            .collect();
        let told = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            met.answers(CALM);
            trouble(&met);
            met.answers(CALM);
        }));
        met.lost.store(told.is_err(), Ordering::SeqCst);
        met.over.store(true, Ordering::SeqCst);
        let asked = clients.into_iter().map(|client| client.join().expect("a client")).sum();
        told.expect("the trouble went as planned");
        println!("{asked} questions, {} refusals", met.refused.load(Ordering::SeqCst));
        asked
    })
}

/// Each question stands in the log once.
fn once_each(site: &Site, serving: crate::program::Serving, asked: usize) {
    let log = site.end_now(serving);
    assert_eq!(log["kinds"]["inquiry"], json!(asked), "inquiries in the log");
}

fn ready(door: &Door) -> StatusCode {
    door.send(&Method::GET, "/readyz", &[], b"").expect("an answer").status
}

#[test]
fn postgresql_stops_at_once_and_comes_back() {
    let Some(cluster) = Cluster::start("a PostgreSQL that stops") else { return };
    let mut site = on(&cluster);
    site.people();
    let (serving, door) = site.start();
    let asked = under_load(&site, &door, |met| {
        for _ in 0..3 {
            cluster.stop();
            met.refusals(CLIENTS);
            assert_eq!(ready(&door), StatusCode::SERVICE_UNAVAILABLE);
            cluster.resume();
            met.answers(CALM);
        }
    });
    // By itself, as soon as its readers have found the server again.
    while ready(&door) != StatusCode::OK {
        std::thread::yield_now();
    }
    once_each(&site, serving, asked);
}

#[test]
fn connections_are_cut_again_and_again() {
    let Some(cluster) = Cluster::start("connections that are cut") else { return };
    let mut site = on(&cluster);
    site.people();
    let (serving, door) = site.start();
    let asked = under_load(&site, &door, |met| {
        for _ in 0..20 {
            cluster.sql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                 WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'",
            );
            met.answers(2);
        }
    });
    once_each(&site, serving, asked);
}

#[test]
fn postgresql_turns_read_only_and_back() {
    let Some(cluster) = Cluster::start("a PostgreSQL that is read-only") else { return };
    let mut site = on(&cluster);
    site.people();
    let (serving, door) = site.start();
    let asked = under_load(&site, &door, |met| {
        cluster.sql("ALTER SYSTEM SET default_transaction_read_only = on");
        cluster.sql("SELECT pg_reload_conf()");
        met.refusals(CLIENTS);
        cluster.sql("ALTER SYSTEM RESET default_transaction_read_only");
        cluster.sql("SELECT pg_reload_conf()");
    });
    once_each(&site, serving, asked);
}

#[test]
fn the_disk_of_postgresql_is_full_and_has_room_again() {
    let Some(cluster) = Cluster::with_disk("a full disk", 128) else { return };
    let mut site = on(&cluster);
    site.people();
    let (serving, door) = site.start();
    let asked = under_load(&site, &door, |met| {
        let filler = cluster.disk().join("filler");
        let mut file = std::fs::File::create(&filler).expect("a file");
        // Until nothing more goes in.
        while file.write_all(&[0; 4096]).is_ok() {}
        met.refusals(CLIENTS);
        drop(file);
        std::fs::remove_file(&filler).expect("removed");
        // A server that could not write its log stops itself; an operator starts it again.
        cluster.revive();
    });
    once_each(&site, serving, asked);
}

/// A file system of this size, mounted until the value goes; where that may be done.
struct Disk(tempfile::TempDir);

impl Disk {
    fn mount(megabytes: u32) -> Option<Disk> {
        let disk = Disk(tempfile::tempdir().expect("a directory"));
        let mut mount = std::process::Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={megabytes}m"), "tmpfs"]);
        mount.arg(disk.0.path()).stderr(std::process::Stdio::null());
        let mounted = mount.status().is_ok_and(|status| status.success());
        if !mounted {
            println!("no file system may be mounted here: a full disk was not checked");
        }
        mounted.then_some(disk)
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg(self.0.path()).status();
    }
}

/// The bureau stops writing with room to spare, and goes on when there is more (decisions.md 25).
#[test]
fn the_disk_of_the_bureau_is_nearly_full_and_has_room_again() {
    let Some(disk) = Disk::mount(320) else { return };
    let dir = tempfile::tempdir_in(disk.0.path()).expect("a directory");
    let mut site = Site::make(dir, &[], Vec::new());
    site.people();
    let (serving, door) = site.start();
    let asked = under_load(&site, &door, |met| {
        let filler = disk.0.path().join("filler");
        std::fs::write(&filler, vec![1; 80 << 20]).expect("a file");
        met.refusals(CLIENTS);
        std::fs::remove_file(&filler).expect("removed");
    });
    once_each(&site, serving, asked);
    drop(site);
}
