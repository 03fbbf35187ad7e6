//! Death without warning: the real program is killed in the middle of uploads and inquiries, again
//! and again. What was acknowledged stays as it was, byte for byte; what was not can be repeated
//! and happens once; the log only grows.

use std::collections::BTreeSet;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;

use fivefold::kernel::Env;
use fivefold::ledger::checkpoint::Checkpoint;
use fivefold::ledger::note::Verifier;
use fivefold::ledger::receipt::verify_receipt;
use fivefold::partner::signature::SigningKey;
use fivefold::store::faults::{POINTS, TRANSACTIONS, When};
use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::house::{Client, Door, artefact};
use crate::postgres::Fresh;
use crate::program::{Serving, fivefold, told};
use crate::world::{Human, ndjson, text, year};

/// What signatures call the bureau: each start listens on another port.
const PUBLIC_URL: &str = "http://bureau.test";
/// How often it is killed at a moment left to chance, unless `FIVEFOLD_CRASH_ROUNDS` says another
/// number: `FIVEFOLD_CRASH_ROUNDS=100 tests/run --rust --test it -- crash::`.
const ROUNDS: usize = 3;
/// The same at named points.
const POINT_ROUNDS: usize = 5;
/// Answers after which a round at a named point that was not come to ends by a kill.
const ANSWERS_MAX: usize = 60;
/// Persons about whom is furnished and asked.
const PERSONS: usize = 6;
/// Clients at work at the same time, each of its own kind.
const CLIENTS: usize = 6;
/// Accounts of one large upload: with a year each they are more lines than one slice.
const ACCOUNTS: usize = 42;
/// Questions of one batch.
const BATCH: usize = 4;

const INQUIRIES: &str = "/v1/inquiries";
const BATCHES: &str = "/v1/inquiries/batch";
const OBSERVATIONS: &str = "/v1/observations";
const SUBJECTS: &str = "/v1/subjects";

/// How a round ends.
enum End {
    /// By a kill, after so many answers.
    Kill(usize),
    /// By itself, when it comes to a named point for the so manyth time.
    Point(String, u64),
}

/// A bureau in a directory, what is needed to use it, and everything that it ever acknowledged.
pub struct Site {
    dir: tempfile::TempDir,
    pub env: Env,
    vkey: String,
    pub bank: Client,
    persons: Vec<Person>,
    /// The newest checkpoint that was seen from outside.
    kept: Option<Vec<u8>>,
    acknowledged: Vec<Acknowledged>,
    /// Uploads that were acknowledged, those sent again included.
    uploads: usize,
    _databases: Vec<Fresh>,
}

struct Person {
    subject: String,
    furnishing: String,
    asking: String,
}

/// A request under one idempotency key.
struct Sent {
    path: &'static str,
    body: String,
    key: String,
}

/// A request, and what was answered to it.
struct Acknowledged {
    sent: Sent,
    status: StatusCode,
    body: Vec<u8>,
}

impl Sent {
    /// The `n`th request of a client.
    fn next(persons: &[Person], round: usize, client: usize, n: usize) -> Sent {
        let key = format!("round-{round}-client-{client}-{n}");
        let person = &persons[n % persons.len()];
        let (path, body) = match client {
            0 => (OBSERVATIONS, years(persons, &key, ACCOUNTS)),
            1 => (OBSERVATIONS, years(&persons[n % persons.len()..], &key, 1)),
            2 => (BATCHES, ndjson(&vec![person.question(); BATCH])),
            5 => {
                let human = Human::nth((1_000 * (round + 1) + n) as u32, "CN");
                (SUBJECTS, human.enrolment().to_string())
            }
            _ => (INQUIRIES, person.question().to_string()),
        };
        Sent { path, body, key }
    }

    fn lines(&self) -> usize {
        self.body.lines().count()
    }

    /// Sends it; `None` when no answer came.
    fn to(&self, door: &Door, bank: &Client, key: &str) -> Option<(StatusCode, Vec<u8>)> {
        let got = door.ask(bank, Method::POST, self.path, self.body.as_bytes(), key).ok()?;
        let fine = match self.path {
            INQUIRIES | SUBJECTS => StatusCode::CREATED,
            _ => StatusCode::OK,
        };
        assert_eq!(got.status, fine, "{}", String::from_utf8_lossy(&got.body));
        Some((got.status, got.body))
    }
}

fn years(persons: &[Person], key: &str, accounts: usize) -> String {
    let lines = (0..accounts).flat_map(|n| {
        let person = &persons[n % persons.len()];
        year(&person.subject, &person.furnishing, &format!("{key}-{n}"))
    });
    ndjson(&lines.collect::<Vec<Value>>())
}

impl Person {
    fn question(&self) -> Value {
        json!({ "subject": self.subject, "scenario": "account_review",
            "basis": { "type": "consent", "ref": self.asking } })
    }
}

impl Acknowledged {
    /// Each answer to a question in it.
    fn answers(&self) -> Vec<Value> {
        match self.sent.path {
            INQUIRIES => vec![serde_json::from_slice(&self.body).expect("JSON")],
            BATCHES => {
                let lines = std::str::from_utf8(&self.body).expect("text").lines();
                let lines = lines.map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
                lines.map(|mut line| line["answer"].take()).collect()
            }
            _ => Vec::new(),
        }
    }

    /// The receipt of an upload of which nothing was rejected: accepted, duplicates.
    fn receipt(&self) -> (usize, usize) {
        counts(&self.body, self.sent.lines())
    }
}

/// Accepted and duplicate lines of a receipt; there is no third kind.
fn counts(receipt: &[u8], lines: usize) -> (usize, usize) {
    let receipt: Value = serde_json::from_slice(receipt).expect("JSON");
    let count = |name: &str| receipt[name].as_u64().expect("a count") as usize;
    let (accepted, duplicates) = (count("accepted"), count("duplicates"));
    assert_eq!((accepted + duplicates, count("rejected")), (lines, 0), "{receipt}");
    (accepted, duplicates)
}

impl Site {
    /// Makes a bureau with a bank. `addresses` are those of the database and the key store.
    pub fn make(dir: tempfile::TempDir, addresses: &[String], databases: Vec<Fresh>) -> Site {
        let bureau = dir.path().join("bureau");
        let mut init = fivefold(&bureau);
        init.args(["init", "--origin", "bureau.test/log", "--public-url", PUBLIC_URL]);
        // A sandbox would bring persons of its own, and every entry is counted here.
        init.args(["--environment", "demo"]);
        for (option, address) in ["--database", "--keys-database"].iter().zip(addresses) {
            init.args([*option, address]);
        }
        let vkey = text(&told(&mut init)["vkey"]);
        let env = Env::system();
        let key = SigningKey::generate(&env).expect("a key");
        let file = dir.path().join("bank.pem");
        std::fs::write(&file, key.public().to_pem()).expect("a file");
        let mut add = fivefold(&bureau);
        add.args(["partner", "add", "--name", "Bank", "--sector", "bank"]);
        add.args(["--scenario", "account_review", "--key"]).arg(file);
        let bank = Client { id: text(&told(&mut add)["partner"]), key };
        let (persons, acknowledged) = (Vec::new(), Vec::new());
        let (kept, uploads) = (None, 0);
        Site { dir, env, vkey, bank, persons, kept, acknowledged, uploads, _databases: databases }
    }

    pub fn bureau(&self) -> PathBuf {
        self.dir.path().join("bureau")
    }

    /// A door at this address.
    pub fn door(&self, url: &str) -> Door {
        Door::new(&self.env, url.to_string(), PUBLIC_URL.to_string())
    }

    /// Starts the program, which becomes ready.
    pub fn start(&self) -> (Serving, Door) {
        let serving = Serving::start(&self.bureau());
        let door = Door::new(&self.env, serving.url.clone(), PUBLIC_URL.to_string());
        let ready = door.send(&Method::GET, "/readyz", &[], b"").expect("an answer");
        assert_eq!(ready.status, StatusCode::OK, "{}", String::from_utf8_lossy(&ready.body));
        (serving, door)
    }

    /// Enrols everybody, with consents to furnish and to ask.
    pub fn people(&mut self) {
        let (serving, door) = self.start();
        let post = |path: &str, body: &Value| {
            let body = body.to_string();
            let got = door.ask(&self.bank, Method::POST, path, body.as_bytes(), "");
            let got = got.expect("an answer");
            assert_eq!(got.status, StatusCode::CREATED, "{}", got.json());
            got.json()
        };
        let consent = |subject: &str, purpose: &str, scenario: Option<&str>| {
            let artefact = artefact(self.env.now(), &self.bank.id, subject, purpose, scenario);
            text(&post("/v1/consents", &artefact)["consent"])
        };
        let persons = (0..PERSONS).map(|n| {
            let enrolment = Human::nth(n as u32, "CN").enrolment();
            let subject = text(&post("/v1/subjects", &enrolment)["subject"]);
            let furnishing = consent(&subject, "furnish", None);
            let asking = consent(&subject, "inquire", Some("account_review"));
            Person { subject, furnishing, asking }
        });
        self.persons = persons.collect();
        serving.kill();
    }

    /// Starts the program, which dies at a point.
    fn start_mortal(&self, end: &End) -> Option<(Serving, Door)> {
        let End::Point(point, times) = end else { return Some(self.start()) };
        let at = format!("{point}:{times}");
        let serving = Serving::try_start(&self.bureau(), &["--die-at", &at])?;
        let door = Door::new(&self.env, serving.url.clone(), PUBLIC_URL.to_string());
        Some((serving, door))
    }

    /// Lets everybody work until the end of the round. The requests that nobody answered, and
    /// whether the program died by itself.
    fn killed_at_work(&mut self, round: usize, end: &End) -> (Vec<Sent>, bool) {
        // It may come to its point before its door is open.
        let Some((serving, door)) = self.start_mortal(end) else { return (Vec::new(), true) };
        let mortal = matches!(end, End::Point(..));
        let (killed, (tell, heard)) = (AtomicBool::new(mortal), mpsc::channel());
        let (killed, door, bank, persons) = (&killed, &door, &self.bank, &self.persons[..]);
        let (kept, lost, died) = std::thread::scope(|scope| {
            // Moved in here: should anything fail below, the program ends, and the clients then.
            let serving = serving;
            let clients: Vec<_> = (0..CLIENTS)
                .map(|client| {
                    let tell = tell.clone();
                    scope.spawn(move || {
                        let mut n = 0;
                        loop {
                            let sent = Sent::next(persons, round, client, n);
                            match sent.to(door, bank, &sent.key) {
                                Some((status, body)) => {
                                    let _ = tell.send(Acknowledged { sent, status, body });
                                }
                                None => {
                                    let killed = killed.load(Ordering::SeqCst);
                                    assert!(killed, "{} failed before the kill", sent.key);
                                    break sent;
                                }
                            }
                            n += 1;
                        }
                    })
                })
                .collect();
            drop(tell);
            let mut answered: Vec<Acknowledged> = Vec::new();
            let mut kept = None;
            let wanted = match end {
                End::Kill(wanted) => *wanted,
                End::Point(..) => ANSWERS_MAX,
            };
            while answered.len() < wanted {
                // The channel closes when every client has met the end.
                let Ok(answer) = heard.recv() else { break };
                answered.push(answer);
                if answered.len().is_multiple_of(3) {
                    kept = seen(door).or(kept);
                }
            }
            // Answers come when a batch is committed: look around for a while, so that the end
            // comes at other moments too.
            for _ in 0..chance(&self.env) % 12 {
                kept = seen(door).or(kept);
            }
            killed.store(true, Ordering::SeqCst);
            let died = serving.end_of_it();
            let lost = clients.into_iter().map(|c| c.join().expect("a client")).collect();
            answered.extend(heard.iter());
            self.acknowledged.extend(answered);
            (kept, lost, died)
        });
        assert!(mortal || !died, "it died by itself");
        self.kept = kept.or(self.kept.take());
        (lost, died)
    }

    /// The log over HTTP is whole, and extends what was seen of it before.
    fn verify(&mut self, door: &Door, url: &str) -> u64 {
        let file = self.dir.path().join("kept.checkpoint");
        let mut verify = fivefold(&self.bureau());
        verify.args(["verify", "log", &format!("{url}/log"), "--vkey", &self.vkey]);
        if let Some(kept) = &self.kept {
            std::fs::write(&file, kept).expect("a file");
            verify.arg("--trusted-checkpoint").arg(file);
        }
        let report = told(&mut verify);
        assert_eq!(report["extends"].is_object(), self.kept.is_some(), "{report}");
        self.kept = Some(checkpoint(door));
        report["checkpoint"]["size"].as_u64().expect("a size")
    }

    /// Sends again what was not answered: it succeeds, once.
    fn repeat(&mut self, door: &Door, lost: Vec<Sent>, size: u64) {
        let (all, mut known) = (lost.len(), 0);
        for sent in lost {
            let (status, body) = sent.to(door, &self.bank, &sent.key).expect("an answer");
            let done = Acknowledged { sent, status, body };
            let before = |a: &Value| a["log"]["index"].as_u64().expect("an index") < size;
            let begun = match done.sent.path {
                OBSERVATIONS => done.receipt().1 > 0,
                _ => done.answers().iter().any(before),
            };
            known += usize::from(begun);
            self.acknowledged.push(done);
        }
        println!("{known} of {all} unanswered requests were on record, at least in part");
    }

    /// Everything that was acknowledged since `from` is there, byte for byte.
    fn check(&mut self, door: &Door, round: usize, from: usize) {
        let vkey = [Verifier::parse(&self.vkey).expect("a key")];
        for done in &self.acknowledged[from..] {
            let again = done.sent.to(door, &self.bank, &done.sent.key).expect("an answer");
            assert_eq!(again, (done.status, done.body.clone()), "{}", done.sent.key);
            for answer in done.answers() {
                let path = format!("{INQUIRIES}/{}", text(&answer["inquiry"]));
                let read = door.ask(&self.bank, Method::GET, &path, b"", "").expect("an answer");
                assert_eq!(read.status, StatusCode::OK, "{}", read.json());
                match done.sent.path {
                    INQUIRIES => assert_eq!(read.body, done.body),
                    _ => assert_eq!(read.json(), answer),
                }
                let proof = format!("/v1/log/proofs/{}", answer["log"]["index"]);
                let proof = proof_of(door, &proof);
                verify_receipt(&answer, &proof, &vkey, &[]).expect("a receipt that holds");
            }
            if done.sent.path == OBSERVATIONS {
                let key = format!("{}-after-{round}", done.sent.key);
                let (_, receipt) = done.sent.to(door, &self.bank, &key).expect("an answer");
                assert_eq!(counts(&receipt, done.sent.lines()).0, 0, "a line was lost");
                self.uploads += 2;
            }
        }
    }

    /// The `n`th question.
    pub fn question(&self, n: usize) -> String {
        self.persons[n % self.persons.len()].question().to_string()
    }

    /// One question and its answer, whichever published key signed it.
    pub fn ask_once(&self, door: &Door, n: usize) -> Value {
        let (body, key) = (self.question(n), format!("asked-{n}"));
        let got = door.ask(&self.bank, Method::POST, INQUIRIES, body.as_bytes(), &key);
        let got = got.expect("an answer");
        assert_eq!(got.status, StatusCode::CREATED, "{}", got.json());
        got.json()
    }

    /// The log's key is another from here on.
    pub fn follow(&mut self, vkey: &str) {
        self.vkey = vkey.to_string();
    }

    /// Stopped in order; the audit finds nothing, and the log verifies.
    pub fn end_now(&self, serving: Serving) -> Value {
        serving.stop();
        let dir = self.bureau();
        let audit = told(fivefold(&dir).arg("audit"));
        assert_eq!(audit["findings"], json!([]), "{audit}");
        told(fivefold(&dir).args(["verify", "log"]).arg(&dir).args(["--vkey", &self.vkey]))
    }

    /// Stopped in order; the log holds everything exactly once, and the audit finds nothing.
    fn end(self, serving: Serving) {
        serving.stop();
        let dir = self.bureau();
        let audit = told(fivefold(&dir).arg("audit"));
        assert_eq!(audit["findings"], json!([]), "{audit}");
        let log = told(fivefold(&dir).args(["verify", "log"]).arg(&dir));
        let answers: Vec<Value> =
            self.acknowledged.iter().flat_map(Acknowledged::answers).collect();
        let ids: BTreeSet<String> = answers.iter().map(|a| text(&a["inquiry"])).collect();
        assert_eq!(ids.len(), answers.len(), "two questions, one answer");
        assert_eq!(log["kinds"]["inquiry"], json!(ids.len()), "inquiries in the log");
        let uploads = self.acknowledged.iter().filter(|a| a.sent.path == OBSERVATIONS);
        let lines: usize = uploads.map(|a| a.sent.lines()).sum();
        assert_eq!(log["kinds"]["observation"], json!(lines + self.uploads), "lines and uploads");
        println!("{} inquiries, {lines} lines, log of {}", ids.len(), log["checkpoint"]["size"]);
    }
}

fn chance(env: &Env) -> usize {
    usize::from(env.random::<1>()[0])
}

/// The checkpoint, if anybody answers.
fn seen(door: &Door) -> Option<Vec<u8>> {
    let got = door.send(&Method::GET, "/log/checkpoint", &[], b"").ok()?;
    (got.status == StatusCode::OK).then_some(got.body)
}

fn checkpoint(door: &Door) -> Vec<u8> {
    let got = door.send(&Method::GET, "/log/checkpoint", &[], b"").expect("a checkpoint");
    let note = std::str::from_utf8(&got.body).expect("text");
    Checkpoint::read_unverified(note).expect("a checkpoint");
    got.body
}

#[allow(clippy::disallowed_methods, reason = "how often is no configuration of the bureau")]
fn rounds(otherwise: usize) -> usize {
    let set = std::env::var("FIVEFOLD_CRASH_ROUNDS").ok();
    set.and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// Round after round: an end in the middle of work, a start that needs no help, and everything
/// that was acknowledged is there, once.
fn again_and_again(mut site: Site, ends: impl Iterator<Item = End>) {
    site.people();
    let (mut died, mut all, mut last) = (0, 0, None);
    for (round, end) in ends.enumerate() {
        drop(last.take());
        let from = site.acknowledged.len();
        let (lost, by_itself) = site.killed_at_work(round, &end);
        let answered = site.acknowledged.len() - from;
        match &end {
            End::Kill(wanted) => println!("{round}: killed after {answered} answers (at {wanted})"),
            End::Point(point, times) => {
                println!("{round}: {point} x{times}, {answered} answers, came to it: {by_itself}");
            }
        }
        assert!(lost.len() == CLIENTS || (lost.is_empty() && by_itself));
        (died, all) = (died + usize::from(by_itself), all + 1);
        let (serving, door) = site.start();
        let size = site.verify(&door, &serving.url);
        site.repeat(&door, lost, size);
        site.check(&door, round, from);
        last = Some((serving, door));
    }
    println!("{all} rounds, {died} of them ended at their point");
    let (serving, door) = last.expect("a round at least");
    site.verify(&door, &serving.url);
    site.end(serving);
}

fn killed_again_and_again(site: Site) {
    let env = site.env.clone();
    // Where in the work the end comes is left to chance.
    let ends = (0..rounds(ROUNDS)).map(move |_| End::Kill(3 + chance(&env) % 30));
    again_and_again(site, ends);
}

/// The named points: around every transaction that a bureau at work makes, and in between.
fn points() -> Vec<String> {
    let of = |name: &&str| When::ALL.map(|when| format!("{name}.{}", when.name()));
    let own = POINTS.iter().map(ToString::to_string);
    TRANSACTIONS.iter().flat_map(of).chain(own).collect()
}

/// At named points one after the other, from one that is left to chance on; all of them where
/// `FIVEFOLD_CRASH_ROUNDS` is large enough.
fn dead_at_named_points(site: Site) {
    let env = site.env.clone();
    let points = points();
    let from = chance(&env);
    let ends = (0..rounds(POINT_ROUNDS)).map(move |round| {
        let times = 1 + chance(&env) % if round < points.len() { 3 } else { 12 };
        End::Point(points[(from + round) % points.len()].clone(), times as u64)
    });
    again_and_again(site, ends);
}

/// The URL with its password, if it has one, in a file of its own, as the configuration wants it.
fn with_passfile(dir: &std::path::Path, url: &str) -> String {
    let (scheme, rest) = url.split_once("://").expect("a URL");
    let Some((user, place)) = rest.split_once('@') else { return url.to_string() };
    let Some((user, password)) = user.split_once(':') else { return url.to_string() };
    let path = dir.join("passfile");
    let mut options = std::fs::OpenOptions::new();
    let file = options.write(true).create(true).truncate(true).mode(0o600).open(&path);
    file.expect("a file").write_all(format!("*:*:*:*:{password}\n").as_bytes()).expect("written");
    format!("{scheme}://{user}@{place}?passfile={}", path.display())
}

impl Site {
    /// A bureau on SQLite.
    pub fn sqlite() -> Site {
        let dir = tempfile::tempdir().expect("a directory");
        Site::make(dir, &[], Vec::new())
    }

    /// The same on PostgreSQL, where there is one.
    pub fn postgres(what: &str) -> Option<Site> {
        let data = Fresh::database(what)?;
        let keys = Fresh::database(what).expect("a second database");
        let dir = tempfile::tempdir().expect("a directory");
        let addresses = [&data, &keys].map(|database| with_passfile(dir.path(), &database.url));
        Some(Site::make(dir, &addresses, vec![data, keys]))
    }
}

/// One fact about the program, on both databases.
macro_rules! on_each_database {
    ($name:ident, $check:path) => {
        mod $name {
            #[test]
            fn sqlite() {
                $check($crate::crash::Site::sqlite());
            }

            #[test]
            fn postgres() {
                if let Some(site) = $crate::crash::Site::postgres(stringify!($name)) {
                    $check(site);
                }
            }
        }
    };
}
pub(crate) use on_each_database;

on_each_database!(what_was_acknowledged_survives_a_kill, super::killed_again_and_again);
on_each_database!(
    what_was_acknowledged_survives_death_at_named_points,
    super::dead_at_named_points
);

/// A proof, as soon as a checkpoint covers the entry.
fn proof_of(door: &Door, path: &str) -> String {
    loop {
        let got = door.send(&Method::GET, path, &[], b"").expect("an answer");
        match got.status {
            StatusCode::SERVICE_UNAVAILABLE => std::thread::yield_now(),
            status => {
                assert_eq!(status, StatusCode::OK, "{path}");
                return String::from_utf8(got.body).expect("text");
            }
        }
    }
}
