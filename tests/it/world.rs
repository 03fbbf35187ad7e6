//! A small world to test in: a bureau over a fresh database, a clock that stands still, partners,
//! persons, and every command without HTTP in between.
//!
//! Each fact is checked on SQLite and, where `FIVEFOLD_TEST_POSTGRES` names a server on which
//! databases may be made, on PostgreSQL. Every world is audited at its end.

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fivefold::bureau::admission::{Admission, Principal};
use fivefold::bureau::command::Command;
use fivefold::bureau::command::consent::{GiveConsent, RevokeConsent};
use fivefold::bureau::command::enrol::{Enrol, Enrolment};
use fivefold::bureau::command::governance::AddPartner;
use fivefold::bureau::command::inquire::{Inquire, InquirySent};
use fivefold::bureau::command::rights::{Freeze, FreezeSent, Unfreeze};
use fivefold::bureau::intake::{Applied, Order};
use fivefold::bureau::keys::BureauKeys;
use fivefold::bureau::upload::{Format, UploadFile};
use fivefold::bureau::{Bureau, OpenError, Settings};
use fivefold::collect::Receipt;
use fivefold::consent::Artefact;
use fivefold::error::Problem;
use fivefold::kernel::bytes::sha256;
use fivefold::kernel::env::FixedClock;
use fivefold::kernel::{Env, Time};
use fivefold::ledger::body::{RecordPart, open_part};
use fivefold::ledger::note::Verifier;
use fivefold::ledger::rows as ledger_rows;
use fivefold::partner::signature::SigningKey;
use fivefold::partner::{Contract, Role};
use fivefold::policy::Environment;
use fivefold::store::Target;
use serde_json::{Value, json};

use crate::postgres::Fresh;

/// When every world begins.
pub const BEGIN: &str = "2026-11-20T04:00:00Z";

/// A partner of the world.
#[derive(Clone)]
pub struct Party {
    pub id: String,
    pub keyid: String,
}

/// Somebody to be enrolled.
#[derive(Clone)]
pub struct Human {
    pub name: String,
    pub passport: String,
    pub birth: String,
    pub residence: String,
    pub channels: Vec<&'static str>,
}

impl Human {
    /// The `n`th adult, checked through three independent sources.
    pub fn nth(n: u32, residence: &str) -> Human {
        Human {
            name: format!("Person {}", char::from(b'A' + (n % 26) as u8)),
            passport: format!("E{:08}", 10_000_000 + n),
            birth: "1990-05-17".to_string(),
            residence: residence.to_string(),
            channels: vec!["card", "telecom", "utility_bill"],
        }
    }

    pub fn enrolment(&self) -> Value {
        let checks: Vec<Value> = self
            .channels
            .iter()
            .map(
                |c| json!({ "channel": c, "source": format!("{c} Ltd"), "verified": "2026-10-01" }),
            )
            .collect();
        json!({
            "name": self.name, "residence": self.residence, "birth_date": self.birth,
            "documents": [{ "type": "passport", "number": self.passport,
                            "country": self.residence }],
            "verifications": checks, "synthetic": true,
        })
    }
}

/// A bureau at work, and what it works on.
pub struct World {
    bureau: Option<Arc<Bureau>>,
    pub clock: Arc<FixedClock>,
    pub env: Env,
    pub settings: Settings,
    serial: Cell<u64>,
    seed: u64,
    databases: Vec<Fresh>,
    _dir: tempfile::TempDir,
}

impl Drop for World {
    fn drop(&mut self) {
        // Before the database goes.
        self.bureau = None;
    }
}

fn seed_of(name: &str) -> u64 {
    let digest = sha256(name.as_bytes());
    digest.iter().take(7).fold(0, |seed, byte| (seed << 8) | u64::from(*byte))
}

impl World {
    /// A world on SQLite; `name` seeds it, `home` is the residence of the home pack.
    pub fn sqlite(name: &str, home: &str, environment: Environment) -> World {
        let dir = tempfile::tempdir().expect("a directory");
        World::sqlite_in(dir, name, home, environment)
    }

    /// The same in a directory of the caller's choice.
    pub fn sqlite_in(
        dir: tempfile::TempDir,
        name: &str,
        home: &str,
        environment: Environment,
    ) -> World {
        let path = dir.path().join("bureau.sqlite");
        let database = Target::Sqlite { path, keys: false };
        World::begin(name, (home, environment), dir, database, None)
    }

    /// The same on PostgreSQL, where there is one.
    pub fn postgres(name: &str, home: &str, environment: Environment) -> Option<World> {
        let database = Fresh::database(name)?;
        let dir = tempfile::tempdir().expect("a directory");
        let target = Target::Postgres { url: database.url.clone(), keys: false };
        Some(World::begin(name, (home, environment), dir, target, Some(database)))
    }

    fn begin(
        name: &str,
        (home, environment): (&str, Environment),
        dir: tempfile::TempDir,
        database: Target,
        fresh: Option<Fresh>,
    ) -> World {
        let seed = seed_of(name);
        let (env, clock) = Env::fixed(BEGIN.parse().expect("a time"), seed);
        let settings = Settings {
            dir: dir.path().to_path_buf(),
            database,
            keys: Target::Sqlite { path: dir.path().join("keys.sqlite"), keys: true },
            origin: "bureau.test/log".to_string(),
            environment,
            licensed: environment == Environment::Live,
            home: home.to_string(),
            policies: None,
            puts_packs_in_force: true,
        };
        let bureau = Some(Arc::new(Bureau::init(&env, &settings).expect("a bureau")));
        let serial = Cell::new(0);
        World {
            bureau,
            clock,
            env,
            settings,
            serial,
            seed,
            databases: fresh.into_iter().collect(),
            _dir: dir,
        }
    }

    pub fn bureau(&self) -> &Arc<Bureau> {
        self.bureau.as_ref().expect("the bureau is open")
    }

    pub fn dir(&self) -> &Path {
        &self.settings.dir
    }

    /// Stops the bureau.
    pub fn close(&mut self) {
        if let Some(bureau) = self.bureau.take() {
            bureau.close();
        }
    }

    /// Starts it again. Its entropy must not repeat, so its seed is another.
    pub fn open(&mut self) -> Result<(), OpenError> {
        self.close();
        self.seed += 1;
        (self.env, self.clock) = Env::fixed(self.env.now(), self.seed);
        self.bureau = Some(Arc::new(Bureau::open(&self.env, &self.settings)?));
        Ok(())
    }

    /// Another bureau takes the place of the one that was.
    pub fn put(&mut self, bureau: Bureau, env: Env, clock: Arc<FixedClock>) {
        self.close();
        (self.bureau, self.env, self.clock) = (Some(Arc::new(bureau)), env, clock);
    }

    /// A further database that lives as long as the world.
    pub fn hold(&mut self, database: Fresh) {
        self.databases.push(database);
    }

    /// The public keys that checkpoints of the log are believed by.
    pub fn bureau_keys(&self) -> Vec<Verifier> {
        let keys = BureauKeys::load(&self.dir().join("keys"), &self.settings.origin);
        keys.expect("keys").log_verifiers()
    }

    /// The same, of the log under another name.
    pub fn bureau_keys_of(&self, origin: &str) -> Vec<Verifier> {
        let keys = BureauKeys::load(&self.dir().join("keys"), origin);
        keys.expect("keys").log_verifiers_ever()
    }

    /// Another bureau process on the same databases, with its own directory `name` for the log.
    pub fn second(&self, name: &str) -> Bureau {
        self.beside(name, &self.settings).expect("a second bureau")
    }

    /// The same, set up as `settings` say, which may refuse to open.
    pub fn beside(&self, name: &str, settings: &Settings) -> Result<Bureau, OpenError> {
        let dir = self.dir().join(name);
        copy_keys(&self.dir().join("keys"), &dir.join("keys"));
        let (env, _) = Env::fixed(self.env.now(), self.seed + 7_777);
        Bureau::open(&env, &Settings { dir, ..settings.clone() })
    }

    /// Statements straight to the database, as an intruder would send them.
    pub fn sql(&self, sql: &str) -> Result<(), fivefold::store::StoreError> {
        self.settings.database.connect()?.batch(sql)
    }

    pub fn is_postgres(&self) -> bool {
        matches!(self.settings.database, Target::Postgres { .. })
    }

    /// The log may be changed from here on.
    pub fn disarm(&self) {
        let sql = if self.is_postgres() {
            "DROP TRIGGER entries_keep ON entries"
        } else {
            "DROP TRIGGER entries_keep; DROP TRIGGER entries_stay"
        };
        self.sql(sql).expect("the triggers are there");
    }

    /// The audit must find nothing.
    pub fn audited(&self) {
        self.bureau().publish().expect("the log is published");
        let report = self.bureau().audit(&mut |_, _, _| {}).expect("an audit");
        let lines: Vec<String> = report.findings.iter().map(ToString::to_string).collect();
        assert!(report.is_clean(), "{}", lines.join("\n"));
        assert_eq!(report.entries, report.published);
    }

    /// What an audit finds, a line each.
    pub fn findings(&self) -> Vec<String> {
        let report = self.bureau().audit(&mut |_, _, _| {}).expect("an audit");
        report.findings.iter().map(ToString::to_string).collect()
    }

    // ---- Who acts -----------------------------------------------------------------------------

    pub fn next(&self) -> u64 {
        self.serial.set(self.serial.get() + 1);
        self.serial.get()
    }

    /// A fresh request of a partner.
    pub fn by(&self, party: &Party) -> Admission {
        let until = self.env.now().plus_seconds(60);
        Admission {
            principal: Principal::Partner(party.id.clone()),
            keyid: party.keyid.clone(),
            nonce: Some((format!("nonce-{}", self.next()), until)),
            idempotency: None,
        }
    }

    /// A fresh request of a person, signed with this key.
    pub fn by_person(&self, person: &str, key: &SigningKey) -> Admission {
        let until = self.env.now().plus_seconds(60);
        Admission {
            principal: Principal::Person(person.to_string()),
            keyid: key.public().thumbprint(),
            nonce: Some((format!("nonce-{}", self.next()), until)),
            idempotency: None,
        }
    }

    pub fn staff(&self) -> Admission {
        Admission::operator("clerk", "a test")
    }

    pub fn run(&self, command: impl Command + 'static) -> Result<Value, Problem> {
        self.bureau().run(command).value()
    }

    pub fn key(&self, name: &str) -> SigningKey {
        SigningKey::from_seed(&sha256(name.as_bytes())).expect("a key")
    }

    // ---- What they do -------------------------------------------------------------------------

    pub fn partner(&self, name: &str, sector: &str, roles: &[Role], scenarios: &[&str]) -> Party {
        self.partner_in("", name, sector, roles, scenarios)
    }

    /// A partner that sits in `country`; where the bureau does when empty.
    pub fn partner_in(
        &self,
        country: &str,
        name: &str,
        sector: &str,
        roles: &[Role],
        scenarios: &[&str],
    ) -> Party {
        let key = self.key(name).public();
        let scenarios = scenarios.iter().map(|s| (s.to_string(), Contract::default())).collect();
        let (name, sector) = (name.to_string(), sector.to_string());
        let (admission, roles, keyid) = (self.staff(), roles.to_vec(), key.thumbprint());
        let added = self
            .run(AddPartner {
                admission,
                name,
                sector,
                country: country.to_string(),
                roles,
                scenarios,
                key,
            })
            .expect("a partner");
        Party { id: text(&added["partner"]), keyid }
    }

    /// A bank that does everything a bank does.
    pub fn bank(&self) -> Party {
        let roles = [Role::Furnisher, Role::Asker, Role::Enroller, Role::Registrar];
        self.partner("Bank", "bank", &roles, &["credit_application", "account_review"])
    }

    pub fn hotel(&self) -> Party {
        self.partner("Hotel", "hotel", &[Role::Asker, Role::Enroller], &["hotel_deposit"])
    }

    pub fn landlord(&self) -> Party {
        self.partner("Landlord", "landlord", &[Role::Asker, Role::Enroller], &["tenancy"])
    }

    pub fn enrol_as(&self, admission: Admission, enrolment: &Value) -> Result<Value, Problem> {
        let sent: Enrolment = serde_json::from_value(enrolment.clone()).expect("an enrolment");
        let today = self.env.now().date_at(0);
        let key = &self.bureau().engine.keys.index;
        self.run(Enrol::read(admission, sent, key, today)?)
    }

    pub fn enrol(&self, party: &Party, human: &Human) -> String {
        let mut enrolment = human.enrolment();
        enrolment["synthetic"] = json!(self.made_up());
        let enrolled = self.enrol_as(self.by(party), &enrolment).expect("enrolled");
        text(&enrolled["subject"])
    }

    /// An artefact that a partner attests, valid from now on for `hours`.
    pub fn artefact(
        &self,
        recipient: &Party,
        subject: &str,
        purpose: &str,
        scenario: Option<&str>,
        hours: i64,
    ) -> Value {
        let now = self.env.now();
        let digest = "ab".repeat(32);
        let single = matches!(scenario, Some("hotel_deposit" | "car_hire"));
        let mut artefact = json!({
            "subject": subject, "recipient": recipient.id, "purpose": purpose, "mode": "VIEW",
            "fetch": if single { "ONETIME" } else { "PERIODIC" },
            "categories": [], "dimensions": [],
            "valid_from": now, "expires_at": now.plus_seconds(hours * 3600),
            "notice": { "version": "1", "digest": digest, "shown_at": now, "locale": "zh-CN" },
            "evidence": { "method": "partner_attested", "digest": digest, "signed_at": now },
            "synthetic": true,
        });
        if let Some(scenario) = scenario {
            artefact["scenario"] = json!(scenario);
        }
        artefact
    }

    pub fn give(&self, admission: Admission, artefact: &Value) -> Result<Value, Problem> {
        let artefact: Artefact = serde_json::from_value(artefact.clone()).expect("an artefact");
        self.run(GiveConsent { admission, artefact })
    }

    /// A consent to ask.
    pub fn consent(&self, party: &Party, subject: &str, scenario: &str) -> String {
        let artefact = self.artefact(party, subject, "inquire", Some(scenario), 20);
        text(&self.give(self.by(party), &artefact).expect("a consent")["consent"])
    }

    /// A consent to furnish.
    pub fn furnishing(&self, party: &Party, subject: &str) -> String {
        let artefact = self.artefact(party, subject, "furnish", None, 24 * 365);
        text(&self.give(self.by(party), &artefact).expect("a consent")["consent"])
    }

    pub fn revoke(&self, admission: Admission, consent: &str) -> Result<Value, Problem> {
        self.run(RevokeConsent { admission, consent: consent.to_string() })
    }

    pub fn ask(
        &self,
        party: &Party,
        subject: &str,
        basis: (&str, &str),
        scenario: &str,
    ) -> Result<Value, Problem> {
        self.run(Inquire { admission: self.by(party), sent: question(subject, basis, scenario) })
    }

    /// Asks under a fresh consent.
    pub fn inquire(&self, party: &Party, subject: &str, scenario: &str) -> Value {
        let consent = self.consent(party, subject, scenario);
        self.ask(party, subject, ("consent", &consent), scenario).expect("an answer")
    }

    pub fn freeze(&self, admission: Admission, subject: &str) -> Result<Value, Problem> {
        let sent = FreezeSent { subject: subject.to_string(), kind: Default::default() };
        self.run(Freeze { admission, sent })
    }

    pub fn unfreeze(
        &self,
        admission: Admission,
        subject: &str,
        freeze: &str,
    ) -> Result<Value, Problem> {
        let (subject, freeze) = (subject.to_string(), freeze.to_string());
        self.run(Unfreeze { admission, subject, freeze })
    }

    /// Whether this is a world of made-up persons.
    pub fn made_up(&self) -> bool {
        self.settings.environment != Environment::Live
    }

    /// Sends a file as the door does.
    pub fn upload(&self, party: &Party, file: &[u8]) -> Receipt {
        let value = self.uploaded(self.by(party), file);
        serde_json::from_value(without(&value, "batch")).expect("a receipt")
    }

    /// What is answered to a file.
    pub fn uploaded(&self, admission: Admission, bytes: &[u8]) -> Value {
        self.try_upload(admission, bytes).unwrap_or_else(|problem| panic!("{problem}"))
    }

    /// What is answered to a file, or why it is not taken.
    pub fn try_upload(&self, admission: Admission, bytes: &[u8]) -> Result<Value, Problem> {
        let now = self.env.now();
        let blob = Arc::new(bytes::Bytes::copy_from_slice(bytes));
        let file = UploadFile { format: Format::of(bytes), blob, digest: sha256(bytes) };
        let checked = self.bureau().checked(&admission, now, &file, true)?;
        let order = Order { admission, format: file.format, dry_run: false, upload: None };
        let lines = checked.lines.into_iter().map(Ok);
        match self.bureau().apply(&order, checked.receipt, lines, &mut |_| true) {
            Ok(Applied::Whole(receipt)) => Ok(receipt),
            Ok(Applied::Stopped) => panic!("nobody told it to stop"),
            Err(problem) => Err(problem),
        }
    }

    pub fn furnish(&self, party: &Party, lines: &[Value]) -> Receipt {
        self.upload(party, ndjson(lines).as_bytes())
    }

    /// What a person with a year of one account in order looks like. Gives the furnishing consent.
    pub fn history(&self, party: &Party, subject: &str) -> String {
        let consent = self.furnishing(party, subject);
        let mut lines = year(subject, &consent, "acc-1");
        lines.iter_mut().for_each(|line| line["synthetic"] = json!(self.made_up()));
        let receipt = self.furnish(party, &lines);
        assert_eq!(receipt.accepted, lines.len() as u64, "{:?}", receipt.errors);
        consent
    }

    /// The record and the detail of an entry.
    pub fn record(&self, index: u64) -> (Value, Value) {
        let bodies = self.bureau().store.read(|conn| ledger_rows::bodies(conn, index, index + 1));
        let body = bodies.expect("bodies").remove(0);
        let keys = self.bureau().keystore().get([body.period.as_str()]).expect("keys");
        let part: RecordPart =
            open_part(&keys[&body.period], "record", index, &body.record).expect("it opens");
        let detail = match part.detail.as_str() {
            "" => Value::Null,
            text => serde_json::from_str(text).expect("JSON"),
        };
        (serde_json::from_str(&part.text).expect("JSON"), detail)
    }

    /// The entries of the log.
    pub fn size(&self) -> u64 {
        let head = self.bureau().store.read(ledger_rows::read_head).expect("a head");
        head.expect("a head").size
    }

    /// The internal id of the person behind a subject.
    pub fn person(&self, subject: &str) -> String {
        use fivefold::subject::rows::{By, pairwise};
        let rows = self.bureau().store.read(|conn| pairwise(conn, By::Key, &[subject]));
        rows.expect("rows").remove(0).person
    }
}

fn copy_keys(from: &PathBuf, to: &PathBuf) {
    std::fs::create_dir_all(to).expect("a directory");
    for file in std::fs::read_dir(from).expect("keys") {
        let file = file.expect("a file");
        std::fs::copy(file.path(), to.join(file.file_name())).expect("copied");
    }
}

pub fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_string()
}

pub fn without(value: &Value, member: &str) -> Value {
    let mut value = value.clone();
    value.as_object_mut().expect("an object").remove(member);
    value
}

/// The names of all members, nested ones too.
pub fn shape(value: &Value) -> Value {
    match value {
        Value::Object(map) => map.iter().map(|(k, v)| (k.clone(), shape(v))).collect(),
        Value::Array(list) => list.iter().map(shape).collect(),
        Value::String(_) => json!("text"),
        Value::Number(_) => json!("number"),
        other => other.clone(),
    }
}

pub fn ndjson(lines: &[Value]) -> String {
    lines.iter().map(|line| format!("{line}\n")).collect()
}

pub fn question(subject: &str, basis: (&str, &str), scenario: &str) -> InquirySent {
    let sent = json!({
        "subject": subject, "basis": { "type": basis.0, "ref": basis.1 }, "scenario": scenario,
    });
    serde_json::from_value(sent).expect("a question")
}

/// One month of one account, in order.
pub fn month(subject: &str, consent: &str, account: &str, month: &str) -> Value {
    json!({
        "type": "account_month", "subject": subject,
        "basis": { "type": "consent", "ref": consent }, "synthetic": true,
        "account_key": account, "month": month, "date_of_information": format!("{month}-28"),
        "balance": { "amount": "4200.00", "currency": "CNY" },
        "due": { "amount": "350.00", "currency": "CNY" },
        "paid": { "amount": "350.00", "currency": "CNY" },
        "dpd": 0, "status": "current", "written_consent": "wc-1",
    })
}

/// The account and its last twelve months.
pub fn year(subject: &str, consent: &str, account: &str) -> Vec<Value> {
    let mut lines = vec![json!({
        "type": "account", "subject": subject, "basis": { "type": "consent", "ref": consent },
        "synthetic": true, "account_key": account, "portfolio": "revolving",
        "opened": "2021-03-04", "limit": { "amount": "20000.00", "currency": "CNY" },
        "currency": "CNY", "role": "sole",
    })];
    let months = [
        "2025-11", "2025-12", "2026-01", "2026-02", "2026-03", "2026-04", "2026-05", "2026-06",
        "2026-07", "2026-08", "2026-09", "2026-10",
    ];
    lines.extend(months.map(|m| month(subject, consent, account, m)));
    lines
}

/// A time as answers show it.
pub fn time(text: &str) -> Time {
    text.parse().expect("a time")
}

/// One fact, checked on both databases; the world is audited at the end.
macro_rules! on_both {
    ($name:ident, |$world:ident| $body:block) => {
        on_both!($name, "CN", |$world| $body);
    };
    ($name:ident, $home:literal, |$world:ident| $body:block) => {
        on_both!($name, $home, fivefold::policy::Environment::Demo, |$world| $body);
    };
    ($name:ident, $environment:ident, |$world:ident| $body:block) => {
        on_both!($name, "CN", fivefold::policy::Environment::$environment, |$world| $body);
    };
    ($name:ident, $home:literal, $environment:expr, |$world:ident| $body:block) => {
        mod $name {
            #[allow(unused_imports, reason = "not every fact uses everything")]
            use super::*;

            fn check($world: &mut $crate::world::World) {
                $body
                $world.audited();
            }

            #[test]
            fn sqlite() {
                let name = stringify!($name);
                check(&mut $crate::world::World::sqlite(name, $home, $environment));
            }

            #[test]
            fn postgres() {
                let name = stringify!($name);
                let world = $crate::world::World::postgres(name, $home, $environment);
                if let Some(mut world) = world {
                    check(&mut world);
                }
            }
        }
    };
}
pub(crate) use on_both;
