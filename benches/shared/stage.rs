//! A bureau with persons who can be asked about, for the benchmarks.

use std::path::Path;
use std::sync::Arc;

use fivefold::bureau::admission::{Admission, Principal};
use fivefold::bureau::command::consent::GiveConsent;
use fivefold::bureau::command::enrol::{Enrol, Enrolment};
use fivefold::bureau::command::governance::AddPartner;
use fivefold::bureau::command::inquire::Inquire;
use fivefold::bureau::command::observe::{Line, ObserveSlice, SLICE_LINES_MAX};
use fivefold::bureau::{Bureau, Settings};
use fivefold::collect::{Lines, ReadContext, read_observation};
use fivefold::kernel::Env;
use fivefold::kernel::bytes::hex;
use fivefold::partner::signature::{SigningKey, sign_request};
use fivefold::partner::{Contract, Role};
use fivefold::policy::Environment;
use fivefold::store::Target;
use http::{HeaderName, HeaderValue, Method};
use serde_json::{Value, json};

const DIGEST: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

pub struct Stage {
    #[allow(dead_code, reason = "each benchmark uses its part of the stage")]
    pub settings: Settings,
    pub bureau: Arc<Bureau>,
    pub lender: SigningKey,
    pub partner: String,
    /// Subject, consent to furnish, consent to ask.
    pub persons: Vec<(String, String, String)>,
}

fn admission(partner: &str, keyid: &str) -> Admission {
    Admission {
        principal: Principal::Partner(partner.to_string()),
        keyid: keyid.to_string(),
        nonce: None,
        idempotency: None,
    }
}

impl Stage {
    /// On an empty PostgreSQL database, or on SQLite.
    pub fn set(env: &Env, dir: &Path, postgres: Option<&str>, persons: usize) -> Stage {
        let target = |name: &str, keys| Target::parse(&dir.join(name).display().to_string(), keys);
        let database = match postgres {
            Some(url) => Target::Postgres { url: url.to_string(), keys: false },
            None => target("bureau.sqlite", false),
        };
        let settings = Settings {
            dir: dir.to_path_buf(),
            database,
            keys: target("keys.sqlite", true),
            origin: "bench.example/log".to_string(),
            environment: Environment::Demo,
            licensed: false,
            home: "CN".to_string(),
            policies: None,
            puts_packs_in_force: true,
        };
        let bureau = Arc::new(Bureau::init(env, &settings).unwrap());
        let lender = SigningKey::generate(env).unwrap();
        let added = bureau.run(AddPartner {
            admission: Admission::operator("bench", "measuring"),
            name: "Bench Bank".to_string(),
            sector: "bank".to_string(),
            roles: vec![Role::Furnisher, Role::Asker, Role::Enroller],
            scenarios: vec![("credit_application".to_string(), Contract::default())],
            country: String::new(),
            key: lender.public(),
        });
        let partner = added.value().unwrap()["partner"].as_str().unwrap().to_string();
        let mut stage = Stage { settings, bureau, lender, partner, persons: Vec::new() };
        for n in 0..persons {
            let person = stage.enrol(env, n);
            stage.persons.push(person);
        }
        let lines: Vec<String> = (0..persons).flat_map(|n| stage.lines(n, 12)).collect();
        for slice in stage.observations(env, &lines).chunks(SLICE_LINES_MAX) {
            stage.furnish(slice.to_vec());
        }
        stage
    }

    fn admission(&self) -> Admission {
        admission(&self.partner, self.lender.keyid())
    }

    fn enrol(&self, env: &Env, n: usize) -> (String, String, String) {
        let today = env.now().date_at(0).to_string();
        let check =
            |source: &str| json!({ "channel": "card", "source": source, "verified": today });
        let sent: Enrolment = serde_json::from_value(json!({
            "name": format!("Specimen {n}"), "residence": "CN", "synthetic": true,
            "documents": [{ "type": "passport", "country": "CN", "number": format!("E{n:08}") }],
            "verifications": [check("one"), check("two"), check("three")],
        }))
        .unwrap();
        let engine = &self.bureau.engine;
        let command =
            Enrol::read(self.admission(), sent, &engine.keys.index, env.now().date_at(14)).unwrap();
        let value = self.bureau.run(command).value().unwrap();
        let subject = value["subject"].as_str().unwrap().to_string();
        let furnish = self.consent(env, &subject, "furnish", None);
        let ask = self.consent(env, &subject, "inquire", Some("credit_application"));
        (subject, furnish, ask)
    }

    fn consent(&self, env: &Env, subject: &str, purpose: &str, scenario: Option<&str>) -> String {
        let now = env.now();
        let mut artefact = json!({
            "subject": subject, "recipient": self.partner, "purpose": purpose, "mode": "VIEW",
            "fetch": "PERIODIC", "valid_from": now.plus_seconds(-60), "expires_at": now.plus_days(9),
            "notice": { "version": "1", "digest": DIGEST, "shown_at": now.plus_seconds(-120),
                "locale": "zh-CN" },
            "evidence": { "method": "partner_attested", "digest": DIGEST,
                "signed_at": now.plus_seconds(-90) },
            "synthetic": true,
        });
        if let Some(scenario) = scenario {
            artefact["scenario"] = json!(scenario);
        }
        let artefact = serde_json::from_value(artefact).unwrap();
        let command = GiveConsent { admission: self.admission(), artefact };
        let value = self.bureau.run(command).value().unwrap();
        value["consent"].as_str().unwrap().to_string()
    }

    /// The nth inquiry, as a command.
    #[allow(dead_code, reason = "each benchmark uses its part of the stage")]
    pub fn inquiry(&self, n: usize) -> Inquire {
        let (subject, _, ask) = &self.persons[n % self.persons.len()];
        let sent = serde_json::from_value(json!({
            "subject": subject, "scenario": "credit_application",
            "basis": { "type": "consent", "ref": ask },
        }));
        Inquire { admission: self.admission(), sent: sent.unwrap() }
    }

    /// An account and its months, as a furnisher writes them.
    pub fn lines(&self, person: usize, months: u32) -> Vec<String> {
        let (subject, furnish, _) = &self.persons[person];
        let basis = json!({ "type": "consent", "ref": furnish });
        let mut lines: Vec<Value> = vec![json!({
            "type": "account", "subject": subject, "basis": basis, "account_key": "A-1",
            "portfolio": "revolving", "opened": "2020-03-01", "currency": "CNY", "role": "sole",
            "limit": { "amount": "20000.00", "currency": "CNY" }, "synthetic": true,
        })];
        for step in 0..months {
            let month = fivefold::kernel::Month(2026 * 12 + 9).plus(-(step as i32));
            lines.push(json!({
                "type": "account_month", "subject": subject, "basis": basis, "account_key": "A-1",
                "month": month, "date_of_information": format!("{month}-20"),
                "balance": { "amount": "3000.00", "currency": "CNY" },
                "due": { "amount": "300.00", "currency": "CNY" },
                "paid": { "amount": "300.00", "currency": "CNY" },
                "dpd": 0, "status": "current", "written_consent": "W-1", "synthetic": true,
            }));
        }
        lines.into_iter().map(|line| line.to_string()).collect()
    }

    /// Reads lines as the door does.
    pub fn observations(&self, env: &Env, lines: &[String]) -> Vec<Line> {
        let allowed_categories = Default::default();
        let ctx = ReadContext {
            today: env.now().date_at(14),
            oldest: env.now().plus_days(-4000).date_at(0),
            allowed_categories: &allowed_categories,
        };
        let text = lines.join("\n");
        Lines::open(Arc::new(bytes::Bytes::from(text)))
            .map(|(line, map)| (line, read_observation(&map.unwrap(), &ctx).unwrap()))
            .collect()
    }

    /// Furnishes one slice and sees that all of it was taken.
    pub fn furnish(&self, lines: Vec<Line>) {
        let count = lines.len();
        let admission = self.admission();
        let command = ObserveSlice { admission, lines, dry_run: false, progress: None };
        let value = self.bureau.run(command).value().unwrap();
        assert_eq!(value["accepted"], count, "{value}");
    }

    /// Signed inquiries as bytes on the wire, signed beforehand: the client's own cost is not
    /// what is measured.
    #[allow(dead_code, reason = "each benchmark uses its part of the stage")]
    pub fn requests(&self, env: &Env, url: &str, count: usize) -> Vec<Vec<u8>> {
        let path = "/v1/inquiries";
        let host = url.trim_start_matches("http://").to_string();
        let one = |n: usize| {
            let (subject, _, ask) = &self.persons[n % self.persons.len()];
            let body = json!({ "subject": subject, "scenario": "credit_application",
                "basis": { "type": "consent", "ref": ask } })
            .to_string();
            let unique = hex(&env.random::<16>());
            let extra = [
                (
                    HeaderName::from_static("content-type"),
                    HeaderValue::from_static("application/json"),
                ),
                (
                    HeaderName::from_static("idempotency-key"),
                    HeaderValue::from_str(&unique).unwrap(),
                ),
            ];
            let target = format!("{url}{path}");
            let signed = sign_request(
                &self.lender,
                &Method::POST,
                &target,
                &extra,
                body.as_bytes(),
                env.now(),
                &unique,
            )
            .unwrap();
            let mut text = format!("POST {path} HTTP/1.1\r\nhost: {host}\r\n");
            for (name, value) in signed {
                text.push_str(&format!("{name}: {}\r\n", value.to_str().unwrap()));
            }
            text.push_str(&format!("content-length: {}\r\n\r\n{body}", body.len()));
            text.into_bytes()
        };
        (0..count).map(one).collect()
    }
}
