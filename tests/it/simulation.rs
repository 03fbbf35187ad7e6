//! A simulation: a list of operations that a seed gives, on a real bureau under a clock that is
//! turned by hand, with faults in its databases: a transaction fails, or it is committed and its
//! answer is lost, once or for as long as the bureau tries. Small worlds, one after the other; in
//! each the auditor derives everything anew after every step while that is quick, and every few
//! steps later on.
//!
//! What must hold, whatever happens: an answer that was given is on record, once; what was refused
//! for a fault can be repeated under the same idempotency key, and then is done; nothing answers
//! `internal`; the auditor finds nothing.
//!
//! `FIVEFOLD_SIMULATION_STEPS=1000000 FIVEFOLD_SIMULATION_SEED=7 tests/run --rust --test it --
//! simulation:: --nocapture`. A seed that ever failed is kept in [`KEPT`], by the name of what it
//! found.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use fivefold::bureau::admission::{Admission, Principal};
use fivefold::bureau::command::Command;
use fivefold::bureau::command::answering::{AnswerDispute, AnswerSent};
use fivefold::bureau::command::consent::{GiveConsent, RevokeConsent};
use fivefold::bureau::command::dispute::{DisputeSent, OpenDispute};
use fivefold::bureau::command::enrol::key_proof_text;
use fivefold::bureau::command::enrol::{Enrol, Enrolment};
use fivefold::bureau::command::erase::Erase;
use fivefold::bureau::command::file::SeeFile;
use fivefold::bureau::command::governance::{Change, ChangePartner};
use fivefold::bureau::command::inquire::Inquire;
use fivefold::bureau::command::rights::{Freeze, FreezeSent, Unfreeze};
use fivefold::bureau::command::watch::{MonitorSent, SetMonitor};
use fivefold::bureau::replay::Replayed;
use fivefold::collect::Receipt;
use fivefold::consent::Artefact;
use fivefold::error::Problem;
use fivefold::kernel::bytes::{base64, sha256};
use fivefold::ledger::rows as ledger_rows;
use fivefold::partner::signature::SigningKey;
use fivefold::policy::Environment;
use fivefold::store::faults::{self, When};
use serde_json::{Value, json};

use crate::world::{Human, Party, World, month, ndjson, question, text, without};

/// Steps on SQLite, unless `FIVEFOLD_SIMULATION_STEPS` says otherwise.
const STEPS: u32 = 10_000;
/// Steps on PostgreSQL in that case.
const STEPS_POSTGRES: u32 = 1_000;
/// Steps of one world.
const WORLD_STEPS: u32 = 500;
/// Entries up to which the auditor comes after every step; beyond, every so many steps.
const ENTRIES_SMALL: u64 = 12;
const STEPS_BETWEEN: u32 = 40;
/// How often a request is repeated after faults before the bureau has failed.
const REPEATS_MAX: u32 = 5;

/// Seeds that failed once, by what they found.
const KEPT: [(&str, u64); 2] = [
    ("keys that were put, and whose commit was not answered, were put again and refused", 5),
    ("an erasure that failed once after its evidence key was kept was refused that whole day", 17),
];

/// Numbers that look random and are the same for the same seed (Knuth's MMIX generator).
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }

    fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }
}

struct Life {
    key: SigningKey,
    person: String,
    subject: String,
    furnishing: Option<String>,
    asking: Option<String>,
    freeze: Option<String>,
    dispute: Option<(String, u64)>,
    erased: bool,
    months: u32,
}

struct Simulation {
    world: World,
    dice: Dice,
    seed: u64,
    step: u32,
    bank: Party,
    lives: Vec<Life>,
    /// Inquiries that were answered.
    answered: Vec<String>,
    /// What happened, by name and code.
    happened: BTreeMap<String, u64>,
    /// How many failures of the fault at hand are left.
    faults_left: Arc<AtomicU32>,
}

impl Drop for Simulation {
    fn drop(&mut self) {
        self.calm();
        if std::thread::panicking() {
            println!("simulation: seed {} failed at step {}", self.seed, self.step);
        }
    }
}

impl Simulation {
    fn begin(world: World, seed: u64) -> Simulation {
        let bank = world.bank();
        // By when lines are due: the sweep asks for what did not come.
        let window = ChangePartner {
            admission: world.staff(),
            partner: bank.id.clone(),
            change: Change::Delivery(Some((10, None))),
        };
        world.run(window).expect("agreed");
        Simulation {
            world,
            dice: Dice(seed),
            seed,
            step: 0,
            bank,
            lives: Vec::new(),
            answered: Vec::new(),
            happened: BTreeMap::new(),
            faults_left: Arc::default(),
        }
    }

    fn count(&mut self, what: impl Into<String>) {
        *self.happened.entry(what.into()).or_default() += 1;
    }

    // ---- Faults -------------------------------------------------------------------------------

    /// Now and then the next transactions fail: of one kind, at one moment, a few times or for as
    /// long as the bureau tries.
    fn trouble(&mut self) {
        if !self.dice.percent(15) {
            return;
        }
        let names = ["batch", "batch", "keys.put", "keys.exchange", "keys.destroy", "sweep"];
        let name = names[self.dice.below(names.len() as u64) as usize];
        let when = When::ALL[self.dice.below(3) as usize];
        let times = [1, 1, 2, 8][self.dice.below(4) as usize];
        let left = self.faults_left.clone();
        left.store(times, Ordering::SeqCst);
        let fault: faults::Fault = Arc::new(move |of, at| {
            let hit = of == name && at == when;
            hit && left
                .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1))
                .is_ok()
        });
        for target in [&self.world.settings.database, &self.world.settings.keys] {
            faults::arm(&target.shown(), fault.clone());
        }
        self.count(format!("trouble: {name}.{}", when.name()));
    }

    fn calm(&self) {
        for target in [&self.world.settings.database, &self.world.settings.keys] {
            faults::disarm(&target.shown());
        }
        self.faults_left.store(0, Ordering::SeqCst);
    }

    /// Does something under one idempotency key, as often as it takes.
    fn act(
        &mut self,
        principal: &Principal,
        keyid: &str,
        what: &str,
        mut attempt: impl FnMut(&World, Admission) -> Result<Value, Problem>,
    ) -> Result<Value, Problem> {
        let key = format!("step-{}", self.step);
        self.trouble();
        let mut repeats = 0;
        let outcome = loop {
            let nonce = format!("nonce-{}-{}-{repeats}", self.seed, self.step);
            let admission = Admission {
                principal: principal.clone(),
                keyid: keyid.to_string(),
                nonce: Some((nonce, self.world.env.now().plus_seconds(60))),
                idempotency: Some((key.clone(), sha256(key.as_bytes()))),
            };
            match attempt(&self.world, admission) {
                Err(problem) if problem.code == "database_unavailable" => {
                    assert!(problem.retry_after_seconds.is_some());
                    self.calm();
                    repeats += 1;
                    assert!(repeats < REPEATS_MAX, "{what}: it does not go on after a fault");
                }
                outcome => break outcome,
            }
        };
        self.calm();
        match &outcome {
            Ok(_) => self.count(what),
            Err(problem) => {
                assert_ne!(problem.code, "internal", "{what}");
                self.count(format!("{what}: {}", problem.code));
            }
        }
        if repeats > 0 {
            self.count("repeated after a fault");
        }
        outcome
    }

    fn by_bank<C: Command + 'static>(
        &mut self,
        what: &str,
        make: impl Fn(Admission) -> C,
    ) -> Result<Value, Problem> {
        let (principal, keyid) =
            (Principal::Partner(self.bank.id.clone()), self.bank.keyid.clone());
        self.act(&principal, &keyid, what, |world, admission| world.run(make(admission)))
    }

    fn by_person<C: Command + 'static>(
        &mut self,
        who: usize,
        what: &str,
        make: impl Fn(Admission) -> C,
    ) -> Result<Value, Problem> {
        let principal = Principal::Person(self.lives[who].person.clone());
        let keyid = self.lives[who].key.public().thumbprint();
        self.act(&principal, &keyid, what, |world, admission| world.run(make(admission)))
    }

    // ---- Operations ---------------------------------------------------------------------------

    fn enrols(&mut self) {
        let n = self.lives.len() as u32;
        let law = ["CN", "DE", "GB"][self.dice.below(3) as usize];
        let key = self.world.key(&format!("life {} {n}", self.seed));
        let proof = key.sign(key_proof_text(&self.bank.id, &key.public().thumbprint()).as_bytes());
        let mut enrolment = Human::nth(n, law).enrolment();
        enrolment["person_key"] = json!({ "jwk": key.public().to_jwk(), "proof": base64(&proof) });
        let (principal, keyid) =
            (Principal::Partner(self.bank.id.clone()), self.bank.keyid.clone());
        let done = self.act(&principal, &keyid, "enrolled", |world, admission| {
            let sent: Enrolment = serde_json::from_value(enrolment.clone()).expect("an enrolment");
            let today = world.env.now().date_at(0);
            world.run(Enrol::read(admission, sent, &world.bureau().engine.keys.index, today)?)
        });
        let subject = text(&done.expect("an enrolment is not refused")["subject"]);
        self.lives.push(Life {
            key,
            person: self.world.person(&subject),
            subject,
            furnishing: None,
            asking: None,
            freeze: None,
            dispute: None,
            erased: false,
            months: 0,
        });
    }

    fn consents(&mut self, who: usize) {
        let furnish = self.dice.percent(50);
        let scenario = (!furnish).then_some("account_review");
        let purpose = if furnish { "furnish" } else { "inquire" };
        let hours = if furnish { 24 * 300 } else { 24 * 60 };
        let artefact =
            self.world.artefact(&self.bank, &self.lives[who].subject, purpose, scenario, hours);
        let given = self.by_bank("consented", |admission| GiveConsent {
            admission,
            artefact: serde_json::from_value::<Artefact>(artefact.clone()).expect("an artefact"),
        });
        let Ok(given) = given else { return };
        let id = Some(text(&given["consent"]));
        let life = &mut self.lives[who];
        if furnish { life.furnishing = id } else { life.asking = id }
    }

    fn furnishes(&mut self, who: usize) {
        let life = &mut self.lives[who];
        let Some(consent) = life.furnishing.clone() else { return };
        let subject = life.subject.clone();
        let mut lines = Vec::new();
        if life.months == 0 {
            lines.push(json!({
                "type": "account", "subject": subject,
                "basis": { "type": "consent", "ref": consent }, "synthetic": true,
                "account_key": "a-1", "portfolio": "revolving", "opened": "2021-03-04",
                "limit": { "amount": "20000.00", "currency": "CNY" }, "currency": "CNY",
                "role": "sole",
            }));
        }
        // A year at first, with something of long ago; then a month at a time, in a ring.
        let of = |month: u32| format!("{}-{:02}", 2025 + month / 12, 1 + month % 12);
        let from = life.months;
        let to = if from == 0 { 22 } else { from + 1 };
        life.months = if to >= 24 { 12 } else { to };
        if from == 0 {
            lines.push(month(&subject, &consent, "a-1", "2022-01"));
            lines.push(month(&subject, &consent, "a-1", "2022-02"));
        }
        lines.extend((from.max(10)..to).map(|n| month(&subject, &consent, "a-1", &of(n))));
        let late = lines.iter_mut().filter(|line| line["month"] == "2022-01");
        let fresh = self.dice.percent(30).then_some(());
        let mut marked: Vec<&mut Value> = late.collect();
        if marked.is_empty() {
            marked = lines.last_mut().filter(|_| fresh.is_some()).into_iter().collect();
        }
        for line in marked {
            line["dpd"] = json!(65);
            line["status"] = json!("late");
            line["past_due"] = json!({ "amount": "700.00", "currency": "CNY" });
            line["adverse_notice"] =
                json!({ "channel": "sms", "sent_at": "2026-10-20T00:00:00Z", "template": "t-1" });
        }
        let file = ndjson(&lines);
        let (principal, keyid) =
            (Principal::Partner(self.bank.id.clone()), self.bank.keyid.clone());
        let receipt = self.act(&principal, &keyid, "furnished", |world, admission| {
            world.try_upload(admission, file.as_bytes())
        });
        let receipt = receipt.expect("a file is not refused");
        let receipt: Receipt =
            serde_json::from_value(without(&receipt, "batch")).expect("a receipt");
        for error in receipt.errors {
            self.count(format!("line: {}", error.code));
        }
    }

    fn asks(&mut self, who: usize) {
        let Some(consent) = self.lives[who].asking.clone() else { return };
        let subject = self.lives[who].subject.clone();
        let answer = self.by_bank("asked", |admission| Inquire {
            admission,
            sent: question(&subject, ("consent", &consent), "account_review"),
        });
        if answer.as_ref().is_err_and(|problem| problem.code == "consent_expired") {
            self.lives[who].asking = None;
        }
        if let Ok(answer) = answer {
            self.count(format!("form: {}", text(&answer["form"])));
            self.answered.push(text(&answer["inquiry"]));
        }
    }

    /// Watches under the consent to ask; and whoever is watched already is looked at.
    fn watches(&mut self, who: usize) {
        let Some(consent) = self.lives[who].asking.clone() else { return };
        let sent = json!({
            "subject": self.lives[who].subject, "consent": consent, "scenario": "account_review",
        });
        let set = |admission| SetMonitor {
            admission,
            sent: serde_json::from_value::<MonitorSent>(sent.clone()).expect("a monitor"),
        };
        let set = self.by_bank("watched", set);
        self.answered.extend(set.ok().map(|set| text(&set["inquiry"])));
        self.trouble();
        let looked = self.world.bureau().watch();
        self.calm();
        if looked.is_err() {
            self.count("looking stopped");
        }
        let told = looked.unwrap_or_default() + self.world.bureau().watch().expect("looked");
        *self.happened.entry("alerts".into()).or_default() += told;
    }

    fn revokes(&mut self, who: usize) {
        let life = &mut self.lives[who];
        let of = if self.dice.percent(50) { &mut life.furnishing } else { &mut life.asking };
        let Some(consent) = of.take() else { return };
        let revoke = |admission| RevokeConsent { admission, consent: consent.clone() };
        let _ = self.by_person(who, "revoked", revoke);
    }

    fn freezes(&mut self, who: usize) {
        let subject = "me".to_string();
        match self.lives[who].freeze.take() {
            Some(freeze) => {
                let thaw = |admission| Unfreeze {
                    admission,
                    subject: subject.clone(),
                    freeze: freeze.clone(),
                };
                let _ = self.by_person(who, "unfroze", thaw);
            }
            None => {
                let freeze = |admission| Freeze {
                    admission,
                    sent: FreezeSent { subject: subject.clone(), kind: Default::default() },
                };
                let done = self.by_person(who, "froze", freeze);
                self.lives[who].freeze = done.ok().map(|done| text(&done["freeze"]));
            }
        }
    }

    fn sees(&mut self, who: usize) -> Option<u64> {
        let see = |admission| SeeFile { admission, subject: "me".to_string() };
        let report = self.by_person(who, "saw", see).ok()?;
        let list = report["observations"].as_array()?.clone();
        list.iter().find(|one| one["observation"]["dpd"] == 65)?["index"].as_u64()
    }

    fn disputes(&mut self, who: usize) {
        if let Some((dispute, item)) = self.lives[who].dispute.take() {
            let outcome = if self.dice.percent(50) { "upheld" } else { "deleted" };
            let sent =
                json!({ "items": [{ "observation": item, "outcome": outcome }], "note": "Seen." });
            let _ = self.by_bank("answered a dispute", |admission| AnswerDispute {
                admission,
                dispute: dispute.clone(),
                sent: serde_json::from_value::<AnswerSent>(sent.clone()).expect("an answer"),
            });
            return;
        }
        let Some(item) = self.sees(who) else { return };
        self.step += 1;
        let sent = json!({
            "subject": "me", "items": [{ "observation": item }], "ground": "inaccurate",
            "text": "I paid in time.", "evidence_digest": format!("{:064x}", self.step),
        });
        let opened = self.by_person(who, "disputed", |admission| OpenDispute {
            admission,
            sent: serde_json::from_value::<DisputeSent>(sent.clone()).expect("a dispute"),
        });
        self.lives[who].dispute = opened.ok().map(|opened| (text(&opened["dispute"]), item));
    }

    fn erases(&mut self, who: usize) {
        let erase = |admission| Erase { admission, subject: "me".to_string() };
        match self.by_person(who, "erased", erase) {
            Ok(_) => self.lives[who].erased = true,
            // Done, and its answer was lost: with the key of the person the way back is gone too.
            Err(problem) if problem.code == "key_unknown" => self.lives[who].erased = true,
            Err(_) => {}
        }
    }

    fn passes_time(&mut self) {
        let hours = 1 + self.dice.below(24 * 40) as i64;
        self.world.clock.advance_seconds(hours * 3600);
        self.count("time passed");
    }

    fn sweeps(&mut self) {
        self.trouble();
        let swept = self.world.bureau().sweep();
        self.calm();
        match swept {
            Ok(swept) => {
                self.count("swept");
                *self.happened.entry("purged".into()).or_default() += swept.files_purged;
                *self.happened.entry("data requested".into()).or_default() += swept.requests_opened;
                *self.happened.entry("reminded".into()).or_default() += swept.disputes_reminded;
            }
            Err(error) => self.count(format!("sweep stopped: {}", error.to_string().len().min(1))),
        }
        // What was not done for a fault is done now.
        let again = self.world.bureau().sweep().expect("swept");
        assert_eq!(again.failed, 0, "{again:?}");
    }

    fn restarts(&mut self) {
        self.world.open().expect("it opens");
        self.count("restarted");
    }

    fn step(&mut self) {
        self.step += 1;
        let alive: Vec<usize> = (0..self.lives.len()).filter(|n| !self.lives[*n].erased).collect();
        let roll = self.dice.below(100);
        if alive.len() < 2 || (roll < 6 && self.lives.len() < 16) {
            return self.enrols();
        }
        let who = alive[self.dice.below(alive.len() as u64) as usize];
        match roll {
            0..24 => self.consents(who),
            24..48 => self.furnishes(who),
            48..64 => self.asks(who),
            64..70 => self.watches(who),
            70..75 => self.revokes(who),
            75..81 => self.freezes(who),
            81..89 => self.disputes(who),
            89..91 => self.erases(who),
            91..94 => self.passes_time(),
            94..98 => self.sweeps(),
            98 if self.dice.percent(30) => self.restarts(),
            _ => {
                let _ = self.sees(who);
            }
        }
    }

    /// The auditor, and that every answer given is in the log once.
    fn is_judged(&mut self) {
        // What a fault left of keys is finished by the next start, and by each sweep.
        self.world.bureau().settle_keys().expect("settled");
        self.world.bureau().destroy_lingering().expect("destroyed");
        self.world.audited();
        let once: BTreeSet<&String> = self.answered.iter().collect();
        assert_eq!(once.len(), self.answered.len(), "two questions, one answer");
        if let Some(inquiry) = self.answered.last() {
            match self.world.bureau().replay(inquiry).expect("looked at") {
                Replayed::Same { .. } | Replayed::Gone { .. } => {}
                other => panic!("{inquiry}: {other:?}"),
            }
        }
        self.count("audits");
    }

    /// As many inquiries as were answered or told of, no more and no fewer.
    fn is_counted(&mut self) {
        let recorded = self.world.bureau().audit(&mut |_, _, _| {}).expect("an audit").inquiries;
        // An alert is an inquiry that nobody had to ask.
        let size = self.world.size();
        let alerts = self
            .world
            .bureau()
            .store
            .read(|conn| ledger_rows::bodies_of(conn, &["monitor_alert"], 0, size));
        let known = self.answered.len() + alerts.expect("entries").len();
        assert_eq!(recorded, known as u64, "inquiries on record, and answered or told");
        self.count("worlds");
    }

    fn runs(&mut self, steps: u32) {
        for step in 0..steps {
            self.step();
            if self.world.size() <= ENTRIES_SMALL || step % STEPS_BETWEEN == 0 {
                self.is_judged();
            }
        }
        self.is_judged();
        self.is_counted();
    }
}

#[allow(clippy::disallowed_methods, reason = "how large a test is made is no configuration")]
fn setting(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// Worlds until there were so many steps. What happened in all of them.
fn simulate(steps: u32, make: impl Fn(&str) -> World) {
    let first = setting("FIVEFOLD_SIMULATION_SEED", 1);
    let steps = setting("FIVEFOLD_SIMULATION_STEPS", u64::from(steps));
    let kept = KEPT.iter().map(|(_, seed)| *seed);
    let fresh = first..first + steps.div_ceil(u64::from(WORLD_STEPS));
    let mut happened = BTreeMap::<String, u64>::new();
    for seed in kept.chain(fresh) {
        let mut one = Simulation::begin(make(&format!("simulation {seed}")), seed);
        one.runs(WORLD_STEPS);
        for (what, n) in std::mem::take(&mut one.happened) {
            *happened.entry(what).or_default() += n;
        }
    }
    println!("{steps} steps from seed {first}: {happened:#?}");
    for what in [
        "enrolled",
        "furnished",
        "form: score",
        "erased",
        "repeated after a fault",
        "purged",
        "watched",
        "data requested",
        "reminded",
        "alerts",
    ] {
        // Few steps may bring no watched person into another band.
        if what == "alerts" && steps < u64::from(STEPS) {
            continue;
        }
        assert!(happened.get(what).is_some_and(|n| *n > 0), "nothing {what}: {happened:?}");
    }
}

#[test]
fn sqlite() {
    // In memory, where there is such a place: thousands of commits need not wait for a disk.
    let memory = std::path::Path::new("/dev/shm");
    simulate(STEPS, |name| {
        let dir = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
        World::sqlite_in(dir.expect("a directory"), name, "CN", Environment::Demo)
    });
}

#[test]
fn postgres() {
    if World::postgres("a simulation", "CN", Environment::Demo).is_some() {
        let world = |name: &str| World::postgres(name, "CN", Environment::Demo);
        simulate(STEPS_POSTGRES, |name| world(name).expect("a database"));
    }
}
