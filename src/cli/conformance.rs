//! `conformance`: a partner's own client set-up against the sandbox.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use clap::Args;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use http::{HeaderMap, Method, StatusCode};
use serde_json::{Value, json};
use ureq::Agent;

use super::Shape;
use super::output::{self, Done, Failure, note};
use crate::kernel::Env;
use crate::kernel::bytes::base64url;
use crate::partner::signature::{
    PublicKey, RequestSeen, SigningKey, sign_request, verify_response,
};

/// Seconds that one answer may take.
const ANSWER_SECONDS_MAX: u64 = 30;
/// Bytes of one answer at most.
const ANSWER_BYTES_MAX: u64 = 1024 * 1024;
/// Pages followed at most.
const PAGES_MAX: usize = 16;
/// Answers judged at most.
const ANSWERS_MAX: u64 = 64;

/// Arguments of `conformance`.
#[derive(Args)]
#[command(after_help = "\
The sandbox gives the steps, watches them, and certifies what it saw: the certificate is signed with
the bureau's manifest key and stands in its log, so that it cannot be written by the one it is about.

Without --client this program signs with the key and sends: that checks the key, the clock, and
whatever stands between here and the sandbox. With --client every step is done by your own program:
it is started once for each request, gets one JSON object on its standard input

  {\"method\": \"POST\", \"url\": \"https://…\", \"headers\": {\"idempotency-key\": \"…\"}, \"body\": \"…\"}

(body is null when there is none), signs and sends it, verifies the answer, and prints

  {\"status\": 201, \"headers\": {\"retry-after\": \"1\"}, \"body\": \"…\"}

or ends with another status than 0 when the answer's signature does not hold.

Examples:
  fivefold conformance https://sandbox.example --key bank.pem --register 'First Bank' --as lender
  fivefold conformance https://sandbox.example --key bank.pem --client 'python3 client.py' \\
      --out certificate.json")]
pub struct ConformanceArgs {
    /// The sandbox, as its public_url is
    url: String,
    /// Your private key, PEM
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// A command that signs and sends one request
    #[arg(long, value_name = "CMD")]
    client: Option<String>,
    /// Register the key in the sandbox first, under this name
    #[arg(long, value_name = "NAME")]
    register: Option<String>,
    /// As what: lender, landlord, hotel or platform
    #[arg(long = "as", value_name = "KIND", default_value = "lender", requires = "register")]
    kind: String,
    /// Write the certificate to this file
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    shape: Shape,
}

/// What came back.
struct Got {
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Got {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    fn retry_after(&self) -> Option<u64> {
        self.headers.get("retry-after")?.to_str().ok()?.parse().ok()
    }
}

/// Something to be sent.
struct Step<'a> {
    method: Method,
    path: &'a str,
    body: Option<&'a str>,
    key: Option<&'a str>,
}

/// The one who signs and sends.
struct Client<'a> {
    env: Env,
    agent: Agent,
    url: &'a str,
    key: &'a SigningKey,
    bureau: PublicKey,
    command: Option<&'a str>,
}

fn silent(why: impl std::fmt::Display) -> Failure {
    Failure::new("no_answer", format!("the sandbox does not answer: {why}"))
}

fn agent() -> Agent {
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .timeout_global(Some(Duration::from_secs(ANSWER_SECONDS_MAX)))
        .user_agent(concat!("fivefold-conformance/", env!("CARGO_PKG_VERSION")))
        .build();
    config.new_agent()
}

fn send(
    agent: &Agent,
    method: &Method,
    url: &str,
    headers: &[(HeaderName, HeaderValue)],
    body: &[u8],
) -> Result<Got, Failure> {
    let mut request = http::Request::builder().method(method).uri(url);
    for (name, value) in headers {
        request = request.header(name, value);
    }
    let request = request.body(body.to_vec()).map_err(silent)?;
    let (head, mut body) = agent.run(request).map_err(silent)?.into_parts();
    let body = body.with_config().limit(ANSWER_BYTES_MAX).read_to_vec().map_err(silent)?;
    Ok(Got { status: head.status, headers: head.headers, body })
}

impl<'a> Client<'a> {
    fn open(args: &'a ConformanceArgs, key: &'a SigningKey) -> Result<Client<'a>, Failure> {
        let agent = agent();
        let url = args.url.trim_end_matches('/');
        let path = format!("{url}/.well-known/jwks.json");
        let keys = send(&agent, &Method::GET, &path, &[], b"")?.json();
        let bureau = PublicKey::from_jwk(&keys["keys"][0]).map_err(silent)?;
        let command = args.client.as_deref();
        Ok(Client { env: Env::system(), agent, url, key, bureau, command })
    }

    /// Signs and sends with this program. An answer that does not verify is none.
    fn own(&self, step: &Step<'_>) -> Result<Option<Got>, Failure> {
        let target = format!("{}{}", self.url, step.path);
        let body = step.body.unwrap_or_default().as_bytes();
        let mut extra = Vec::new();
        if step.body.is_some() {
            extra.push((CONTENT_TYPE, HeaderValue::from_static("application/json")));
        }
        if let Some(key) = step.key {
            let value = HeaderValue::from_str(key).map_err(silent)?;
            extra.push((HeaderName::from_static("idempotency-key"), value));
        }
        let nonce = base64url(&self.env.random::<16>());
        let (method, now) = (&step.method, self.env.now());
        let sent = sign_request(self.key, method, &target, &extra, body, now, &nonce);
        let sent = sent.map_err(|e| Failure::new(e.code(), e.to_string()))?;
        let got = send(&self.agent, method, &target, &sent, body)?;
        let seen = RequestSeen::of_signed(method, &target, &sent);
        let holds = verify_response(&self.bureau, &seen, got.status, &got.headers, &got.body);
        Ok(holds.is_ok().then_some(got))
    }

    /// Lets the partner's own program do it.
    fn theirs(&self, command: &str, step: &Step<'_>) -> Result<Option<Got>, Failure> {
        let mut headers = serde_json::Map::new();
        if step.body.is_some() {
            headers.insert("content-type".into(), json!("application/json"));
        }
        if let Some(key) = step.key {
            headers.insert("idempotency-key".into(), json!(key));
        }
        let asked = json!({
            "method": step.method.as_str(), "url": format!("{}{}", self.url, step.path),
            "headers": headers, "body": step.body,
        });
        let failed = |why: String| Failure::new("client_failed", format!("{command}: {why}"));
        let mut child = Command::new("sh")
            .args(["-c", command])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .map_err(|e| failed(e.to_string()))?;
        if let Some(mut stdin) = child.stdin.take() {
            // One that does not read is judged by what it prints.
            let _ = stdin.write_all(asked.to_string().as_bytes());
        }
        let done = child.wait_with_output().map_err(|e| failed(e.to_string()))?;
        if !done.status.success() {
            return Ok(None);
        }
        let said: Value = serde_json::from_slice(&done.stdout)
            .map_err(|e| failed(format!("it must print one JSON object: {e}")))?;
        let status = said["status"].as_u64().and_then(|n| u16::try_from(n).ok());
        let status = status.and_then(|n| StatusCode::from_u16(n).ok());
        let status = status.ok_or_else(|| failed("`status` is no HTTP status".to_string()))?;
        let mut headers = HeaderMap::new();
        for (name, value) in said["headers"].as_object().into_iter().flatten() {
            let name = HeaderName::try_from(name.as_str());
            let value = HeaderValue::try_from(value.as_str().unwrap_or_default());
            if let (Ok(name), Ok(value)) = (name, value) {
                headers.insert(name, value);
            }
        }
        let body = said["body"].as_str().unwrap_or_default().as_bytes().to_vec();
        Ok(Some(Got { status, headers, body }))
    }

    fn act(&self, step: &Step<'_>) -> Result<Option<Got>, Failure> {
        match self.command {
            Some(command) => self.theirs(command, step),
            None => self.own(step),
        }
    }

    fn get(&self, path: &str) -> Result<Option<Got>, Failure> {
        self.act(&Step { method: Method::GET, path, body: None, key: None })
    }

    /// A request of the runner's own, which must be answered.
    fn must(&self, path: &str, key: &str) -> Result<Value, Failure> {
        let step = Step { method: Method::POST, path, body: Some("{}"), key: Some(key) };
        let Some(got) = self.own(&step)? else {
            let text = "the sandbox's answer does not verify: is the URL its own public_url?";
            return Err(Failure::new("answer_not_signed", text));
        };
        if got.status.is_success() {
            return Ok(got.json());
        }
        let said = got.json();
        let (code, detail) = (said["code"].as_str(), said["detail"].as_str());
        let code = code.unwrap_or("no_sandbox");
        let text = detail.unwrap_or("this is no sandbox of a bureau");
        Err(Failure::new(code, text))
    }

    /// Does every step, as a client that means well does them.
    fn steps(&self, begun: &Value) -> Result<(), Failure> {
        let run = begun["run"].as_str().unwrap_or_default();
        let path = |step: &str| format!("/v1/conformance/{run}/{step}");
        let given = begun["steps"].as_array().cloned().unwrap_or_default();
        let body = given.iter().find(|step| step["step"] == "body");
        let body = body.and_then(|step| step["body"].as_str()).unwrap_or_default();
        self.get(&path("signed"))?;
        let post = |step: &str, body: &str, key: &str| {
            let path = path(step);
            let (body, key) = (Some(body), Some(key));
            self.act(&Step { method: Method::POST, path: &path, body, key })
        };
        post("body", body, &format!("{run}-body"))?;
        for _ in 0..2 {
            post("once", "{}", &format!("{run}-once"))?;
        }
        let key = format!("{run}-busy");
        if let Some(got) = post("busy", "{}", &key)?
            && got.status == StatusCode::SERVICE_UNAVAILABLE
        {
            std::thread::sleep(Duration::from_secs(got.retry_after().unwrap_or(0)));
            post("busy", "{}", &key)?;
        }
        let mut next = path("pages");
        for _ in 0..PAGES_MAX {
            let Some(got) = self.get(&next)? else { break };
            let Some(after) = got.json()["next"].as_u64() else { break };
            next = format!("{}?after={after}", path("pages"));
        }
        let answers = given.iter().find(|step| step["step"] == "answers");
        let count = answers.and_then(|step| step["count"].as_u64()).unwrap_or_default();
        let mut codes = Vec::new();
        for place in 0..count.min(ANSWERS_MAX) {
            // An answer that does not verify is none.
            if let Some(got) = self.get(&format!("{}/{place}", path("answers")))? {
                codes.extend(got.json()["code"].as_str().map(str::to_string));
            }
        }
        let verdict = json!({ "codes": codes }).to_string();
        post("verdict", &verdict, &format!("{run}-verdict"))?;
        Ok(())
    }
}

fn register(args: &ConformanceArgs, key: &SigningKey) -> Result<(), Failure> {
    let Some(name) = &args.register else { return Ok(()) };
    let url = format!("{}/sandbox/partners", args.url.trim_end_matches('/'));
    let sent = json!({ "name": name, "kind": args.kind, "key": key.public().to_pem() });
    let headers = [(CONTENT_TYPE, HeaderValue::from_static("application/json"))];
    let got = send(&agent(), &Method::POST, &url, &headers, sent.to_string().as_bytes())?;
    let said = got.json();
    if got.status.is_success() {
        let (id, keyid) = (&said["partner"], &said["keyid"]);
        note(&format!("registered: partner {id}, keyid {keyid}"));
        return Ok(());
    }
    let text = format!("not registered: {} {}", said["detail"], said["errors"]);
    Err(Failure::new("not_registered", text))
}

/// `fivefold conformance`.
pub fn run(args: &ConformanceArgs) -> Done {
    let text =
        std::fs::read_to_string(&args.key).map_err(|e| Failure::unreadable(&args.key, &e))?;
    let key = SigningKey::from_pem(&text)
        .map_err(|e| output::invalid("/key", e.code(), format!("{}: {e}", args.key.display())))?;
    register(args, &key)?;
    let client = Client::open(args, &key)?;
    let begun = client.must("/v1/conformance", &base64url(&client.env.random::<16>()))?;
    let run = begun["run"].as_str().unwrap_or_default().to_string();
    client.steps(&begun)?;
    let report = client.must(&format!("/v1/conformance/{run}/finish"), &format!("{run}-finish"))?;
    if let Some(path) = &args.out {
        let text = serde_json::to_string_pretty(&report).unwrap_or_default();
        std::fs::write(path, text + "\n").map_err(|e| Failure::unwritable(path, &e))?;
    }
    let passed = report["passed"] == true;
    if args.shape.json {
        output::json(&report)?;
    } else {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_string();
        let rows: Vec<Vec<String>> = report["checks"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|check| {
                let verdict = if check["passed"] == true { "passed" } else { "FAILED" };
                let (name, seen) = (text(&check["check"]), text(&check["seen"]));
                vec![name, verdict.to_string(), seen, text(&check["next"])]
            })
            .collect();
        output::table(&["check", "", "what the sandbox saw", "what to do"], &rows)?;
        let index = &report["log"]["index"];
        note(&match passed {
            true => format!("all passed: certified as entry {index} of {}", report["origin"]),
            false => format!("not passed; on record as entry {index} of {}", report["origin"]),
        });
    }
    Ok(if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
