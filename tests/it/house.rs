//! A bureau with its HTTP door open, and clients that sign and check signatures.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fivefold::bureau::admission::Admission;
use fivefold::bureau::command::governance::AddPartner;
use fivefold::bureau::{Bureau, Settings};
use fivefold::http::{Doors, serve};
use fivefold::kernel::bytes::hex;
use fivefold::kernel::{Env, Time};
use fivefold::partner::signature::{
    PublicKey, RequestSeen, SigningKey, sign_request, verify_response,
};
use fivefold::partner::{Contract, Role};
use fivefold::policy::Environment;
use fivefold::store::Target;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use serde_json::{Value, json};

/// How long an answer may take before its client gives up.
const ANSWER_SECONDS_MAX: u64 = 60;

pub struct House {
    pub bureau: Arc<Bureau>,
    pub env: Env,
    door: Door,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
    _dir: tempfile::TempDir,
}

/// Where a bureau is asked.
pub struct Door {
    /// Where it listens.
    url: String,
    /// What signatures call it.
    public_url: String,
    env: Env,
    keys: Mutex<Vec<PublicKey>>,
}

pub struct Client {
    pub id: String,
    pub key: SigningKey,
}

pub struct Got {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Got {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }

    pub fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_string()
    }
}

pub fn settings(dir: &std::path::Path) -> Settings {
    Settings {
        dir: dir.to_path_buf(),
        database: Target::parse(&dir.join("bureau.sqlite").display().to_string(), false),
        keys: Target::parse(&dir.join("keys.sqlite").display().to_string(), true),
        origin: "test.example/log".to_string(),
        environment: Environment::Demo,
        licensed: false,
        home: "CN".to_string(),
        policies: None,
        puts_packs_in_force: true,
    }
}

impl House {
    pub fn open() -> House {
        House::open_as(Environment::Demo)
    }

    pub fn open_as(environment: Environment) -> House {
        let dir = tempfile::tempdir().expect("a directory");
        let env = Env::system();
        let settings = Settings { environment, ..settings(dir.path()) };
        let bureau = Arc::new(Bureau::init(&env, &settings).expect("a bureau"));
        bureau.load_sandbox().expect("its test persons");
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let (told, address) = std::sync::mpsc::channel::<SocketAddr>();
        let doors = Doors {
            listen: "127.0.0.1:0".parse().expect("an address"),
            public_url: "http://127.0.0.1:0".to_string(),
            tls: None,
            fonts: None,
            terms: fivefold::http::terms::Terms::default(),
            behind_proxy: false,
        };
        let inner = bureau.clone();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Runtime::new().expect("a runtime");
            let served = serve(inner, doors, move |a| told.send(a).expect("told"), async {
                let _ = stopped.await;
            });
            runtime.block_on(served).expect("served");
        });
        let url = format!("http://{}", address.recv().expect("an address"));
        let door = Door::new(&env, url.clone(), url);
        House { bureau, env, door, stop: Some(stop), thread: Some(thread), _dir: dir }
    }

    pub fn partner(&self, name: &str, sector: &str, scenarios: &[&str]) -> Client {
        let key = SigningKey::generate(&self.env).expect("a key");
        let command = AddPartner {
            admission: Admission::operator("test", "a partner for a test"),
            name: name.to_string(),
            sector: sector.to_string(),
            roles: vec![Role::Furnisher, Role::Asker, Role::Enroller],
            scenarios: scenarios.iter().map(|s| (s.to_string(), Contract::default())).collect(),
            country: String::new(),
            key: key.public(),
        };
        let value = self.bureau.run(command).value().expect("a partner");
        Client { id: value["partner"].as_str().expect("an id").to_string(), key }
    }

    pub fn send(
        &self,
        method: &Method,
        path: &str,
        headers: &[(HeaderName, HeaderValue)],
        body: &[u8],
    ) -> Got {
        self.door.send(method, path, headers, body).expect("a response")
    }

    /// Where it listens.
    pub fn url(&self) -> &str {
        &self.door.url
    }

    /// Signs, sends, and checks the answer's signature.
    pub fn ask(&self, who: &Client, method: Method, path: &str, body: &[u8], key: &str) -> Got {
        self.door.ask(who, method, path, body, key).expect("a response")
    }

    /// The same with one more header, covered too.
    pub fn ask_with(
        &self,
        who: &Client,
        (method, path): (Method, &str),
        header: (&'static str, &'static str),
        body: &[u8],
        key: &str,
    ) -> Got {
        let header = (HeaderName::from_static(header.0), HeaderValue::from_static(header.1));
        self.door.ask_with(who, method, path, Some(header), body, key).expect("a response")
    }

    pub fn post(&self, who: &Client, path: &str, body: &Value, key: &str) -> Got {
        self.ask(who, Method::POST, path, body.to_string().as_bytes(), key)
    }
}

impl Door {
    pub fn new(env: &Env, url: String, public_url: String) -> Door {
        Door { url, public_url, env: env.clone(), keys: Mutex::default() }
    }

    /// Whether one of the keys held so far signed this answer.
    fn signed(&self, seen: &RequestSeen, got: &Got) -> bool {
        let keys = self.keys.lock().expect("keys");
        let by = |key| verify_response(key, seen, got.status, &got.headers, &got.body).is_ok();
        keys.iter().any(by)
    }

    /// Asks for the keys that sign answers: at first, and when an answer is signed by another.
    fn learn(&self) -> Result<(), ureq::Error> {
        let directory = "/.well-known/http-message-signatures-directory";
        let published = self.send(&Method::GET, directory, &[], b"")?.json();
        let keys = published["keys"].as_array().expect("a list").iter();
        *self.keys.lock().expect("keys") =
            keys.map(|jwk| PublicKey::from_jwk(jwk).expect("a key")).collect();
        Ok(())
    }

    /// Sends a request as it is.
    ///
    /// # Errors
    /// No whole answer came.
    pub fn send(
        &self,
        method: &Method,
        path: &str,
        headers: &[(HeaderName, HeaderValue)],
        body: &[u8],
    ) -> Result<Got, ureq::Error> {
        let mut request =
            http::Request::builder().method(method).uri(format!("{}{path}", self.url));
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .proxy(None)
            .timeout_global(Some(Duration::from_secs(ANSWER_SECONDS_MAX)))
            .build()
            .into();
        let request = request.body(body.to_vec()).expect("a request");
        let mut response = agent.run(request)?;
        let bytes = response.body_mut().with_config().limit(1 << 26).read_to_vec()?;
        let got =
            Got { status: response.status(), headers: response.headers().clone(), body: bytes };
        crate::codes::known(&got);
        Ok(got)
    }

    /// Signs, sends, and checks the answer's signature.
    ///
    /// # Errors
    /// No whole answer came.
    pub fn ask(
        &self,
        who: &Client,
        method: Method,
        path: &str,
        body: &[u8],
        key: &str,
    ) -> Result<Got, ureq::Error> {
        self.ask_with(who, method, path, None, body, key)
    }

    fn ask_with(
        &self,
        who: &Client,
        method: Method,
        path: &str,
        header: Option<(HeaderName, HeaderValue)>,
        body: &[u8],
        key: &str,
    ) -> Result<Got, ureq::Error> {
        let media_type = if fivefold::collect::metro2::is_metro2(body) {
            "application/x-metro2"
        } else if path.ends_with("batch") || path.contains("observations") {
            "application/x-ndjson"
        } else {
            "application/json"
        };
        let mut extra: Vec<_> = header.into_iter().collect();
        if !body.is_empty() {
            let value = HeaderValue::from_static(media_type);
            extra.push((HeaderName::from_static("content-type"), value));
        }
        if !key.is_empty() {
            let value = HeaderValue::from_str(key).expect("a key");
            extra.push((HeaderName::from_static("idempotency-key"), value));
        }
        let target = format!("{}{path}", self.public_url);
        let nonce = hex(&self.env.random::<16>());
        let sent = sign_request(&who.key, &method, &target, &extra, body, self.env.now(), &nonce)
            .expect("signed");
        if self.keys.lock().expect("keys").is_empty() {
            self.learn()?;
        }
        let got = self.send(&method, path, &sent, body)?;
        let seen = RequestSeen::of_signed(&method, &target, &sent);
        if !self.signed(&seen, &got) {
            self.learn()?;
            assert!(self.signed(&seen, &got), "the answer is signed by a published key");
        }
        Ok(got)
    }
}

impl Drop for House {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

pub fn person() -> Value {
    json!({
        "name": "王小明",
        "residence": "CN",
        "documents": [{ "type": "resident_id", "number": "11010519491231002X" }],
        "verifications": [
            { "channel": "card", "source": "Bank One", "verified": "2026-01-05" },
            { "channel": "authority", "source": "Registry", "verified": "2026-01-05" },
            { "channel": "telecom", "source": "Operator", "verified": "2026-01-05" },
        ],
        "synthetic": true,
    })
}

pub fn consent(
    house: &House,
    who: &Client,
    subject: &str,
    purpose: &str,
    scenario: Option<&str>,
) -> Value {
    artefact(house.env.now(), &who.id, subject, purpose, scenario)
}

/// What a partner attests a person agreed to, from now on.
pub fn artefact(
    now: Time,
    recipient: &str,
    subject: &str,
    purpose: &str,
    scenario: Option<&str>,
) -> Value {
    let digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    let mut artefact = json!({
        "subject": subject, "recipient": recipient, "purpose": purpose,
        "mode": "VIEW", "fetch": "PERIODIC", "categories": [], "dimensions": [],
        "valid_from": now.plus_seconds(-60), "expires_at": now.plus_days(6),
        "notice": { "version": "1", "digest": digest, "shown_at": now.plus_seconds(-120), "locale": "zh-CN" },
        "evidence": { "method": "partner_attested", "digest": digest, "signed_at": now.plus_seconds(-90) },
        "synthetic": true,
    });
    if let Some(scenario) = scenario {
        artefact["scenario"] = json!(scenario);
    }
    if scenario == Some("hotel_deposit") {
        artefact["fetch"] = json!("ONETIME");
        artefact["expires_at"] = json!(now.plus_seconds(3600));
    }
    artefact
}

/// Twelve months of one account, as NDJSON.
pub fn months(subject: &str, consent: &str, dpd: u16) -> String {
    let mut lines = String::new();
    let basis = json!({ "type": "consent", "ref": consent });
    let account = json!({
        "type": "account", "subject": subject, "basis": basis, "account_key": "A-1",
        "portfolio": "revolving", "opened": "2022-03-01", "currency": "CNY", "role": "sole",
        "limit": { "amount": "20000.00", "currency": "CNY" }, "synthetic": true,
    });
    lines.push_str(&format!("{account}\n"));
    for month in 1..=10 {
        let late = if month == 9 { dpd } else { 0 };
        let mut line = json!({
            "type": "account_month", "subject": subject, "basis": basis, "account_key": "A-1",
            "month": format!("2026-{month:02}"), "date_of_information": format!("2026-{month:02}-28"),
            "balance": { "amount": "3000.00", "currency": "CNY" },
            "due": { "amount": "300.00", "currency": "CNY" },
            "paid": { "amount": "300.00", "currency": "CNY" },
            "dpd": late, "status": if late > 0 { "late" } else { "current" },
            "written_consent": "W-1", "synthetic": true,
        });
        if late > 0 {
            line["past_due"] = json!({ "amount": "300.00", "currency": "CNY" });
            line["adverse_notice"] =
                json!({ "channel": "sms", "sent_at": "2026-09-29T08:00:00Z", "template": "T1" });
        }
        lines.push_str(&format!("{line}\n"));
    }
    lines
}
