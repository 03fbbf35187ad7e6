//! A partner's HTTP client: signs every request, believes no response that is not signed.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::header::{ACCEPT, CONTENT_TYPE, HeaderName, HeaderValue};
use http::{Method, Request, StatusCode};
use serde_json::Value;
use ureq::Agent;

use super::DemoError;
use super::parallel::IN_FLIGHT;
use crate::kernel::Env;
use crate::kernel::bytes::base64url;
use crate::partner::signature::{
    PublicKey, RequestSeen, SignatureError, SigningKey, sign_request, verify_response,
};

/// Where the bureau publishes the keys it signs responses with.
const DIRECTORY: &str = "/.well-known/http-message-signatures-directory";
/// The longest that one answer may take: an upload or a batch of inquiries is many commits.
const TIMEOUT: Duration = Duration::from_secs(300);
/// The largest answer that is read, in bytes.
const ANSWER_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// JSON, one object.
pub const JSON: &str = "application/json";
/// JSON, one object a line.
pub const NDJSON: &str = "application/x-ndjson";

/// A client of one bureau. Who signs is said with each call.
pub struct Client {
    env: Env,
    agent: Agent,
    base: String,
    keys: Vec<PublicKey>,
    calls: AtomicU64,
}

/// What is sent.
pub struct Call<'a> {
    /// The method.
    pub method: Method,
    /// The path, with its query.
    pub path: &'a str,
    /// The body, if there is one, and its type.
    pub body: Option<(&'static str, Vec<u8>)>,
    /// What the answer should be.
    pub accept: Option<&'static str>,
    /// The idempotency key.
    pub idempotency: Option<String>,
}

impl<'a> Call<'a> {
    /// A request without a body.
    pub fn get(path: &'a str) -> Call<'a> {
        Call { method: Method::GET, path, body: None, accept: None, idempotency: None }
    }

    /// A request with a JSON body.
    pub fn post(path: &'a str, body: &Value) -> Call<'a> {
        let body = Some((JSON, body.to_string().into_bytes()));
        Call { method: Method::POST, body, ..Call::get(path) }
    }

    /// A request with lines of JSON.
    pub fn lines(path: &'a str, lines: &[impl AsRef<str>]) -> Call<'a> {
        let mut body = Vec::new();
        for line in lines {
            body.extend_from_slice(line.as_ref().as_bytes());
            body.push(b'\n');
        }
        Call { method: Method::POST, body: Some((NDJSON, body)), ..Call::get(path) }
    }

    fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}

/// A response whose signature holds.
pub struct Answered {
    /// Which request.
    pub act: String,
    /// The HTTP status.
    pub status: StatusCode,
    /// The body.
    pub body: Vec<u8>,
}

impl Answered {
    /// The same, unless it is a refusal.
    ///
    /// # Errors
    /// [`DemoError::Refused`].
    pub fn done(self) -> Result<Answered, DemoError> {
        if self.status.is_success() {
            return Ok(self);
        }
        let problem = String::from_utf8_lossy(&self.body).into_owned();
        Err(DemoError::Refused { act: self.act, status: self.status.as_u16(), problem })
    }

    /// The body as JSON, whether an answer or a problem.
    ///
    /// # Errors
    /// It is none.
    pub fn json(&self) -> Result<Value, DemoError> {
        serde_json::from_slice(&self.body).map_err(|_| self.lacks("JSON body"))
    }

    /// A text member of the JSON body.
    ///
    /// # Errors
    /// It has none by that name.
    pub fn text(&self, member: &str) -> Result<String, DemoError> {
        let value = self.json()?;
        value[member].as_str().map(str::to_string).ok_or_else(|| self.lacks(member))
    }

    /// The error that something promised is not there.
    pub fn lacks(&self, what: &str) -> DemoError {
        DemoError::Answer { act: self.act.clone(), what: what.to_string() }
    }
}

impl Client {
    /// A client that knows the keys which the bureau at `base` publishes.
    ///
    /// # Errors
    /// The bureau does not answer, or publishes no key.
    pub fn open(env: &Env, base: &str) -> Result<Client, DemoError> {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_idle_connections(IN_FLIGHT)
            .max_idle_connections_per_host(IN_FLIGHT)
            .timeout_global(Some(TIMEOUT))
            .user_agent(concat!("fivefold-demo/", env!("CARGO_PKG_VERSION")))
            .build();
        let mut client = Client {
            env: env.clone(),
            agent: config.new_agent(),
            base: base.to_string(),
            keys: Vec::new(),
            calls: AtomicU64::new(0),
        };
        let directory = client.public(DIRECTORY)?.done()?;
        let found = directory.json()?;
        let listed = found["keys"].as_array().cloned().unwrap_or_default();
        client.keys = listed.iter().filter_map(|jwk| PublicKey::from_jwk(jwk).ok()).collect();
        if client.keys.is_empty() {
            return Err(directory.lacks("keys"));
        }
        Ok(client)
    }

    /// How many signed requests were answered with a signature that holds.
    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    /// A signed request, and the response when its signature holds.
    ///
    /// # Errors
    /// No response, or one that the bureau did not sign for this request. A refusal is a response.
    pub fn call(&self, key: &SigningKey, call: Call<'_>) -> Result<Answered, DemoError> {
        let act = call.name();
        let target = format!("{}{}", self.base, call.path);
        let body = call.body.as_ref().map_or(&[][..], |(_, body)| body.as_slice());
        let mut extra = Vec::new();
        if let Some(value) = call.idempotency.as_deref() {
            let value = HeaderValue::from_str(value).map_err(|e| unsigned(&act, &e))?;
            extra.push((HeaderName::from_static("idempotency-key"), value));
        }
        let nonce = base64url(&self.env.random::<16>());
        let now = self.env.now();
        let sent = sign_request(key, &call.method, &target, &extra, body, now, &nonce)
            .map_err(|e| unsigned(&act, &e))?;
        let seen = RequestSeen::of_signed(&call.method, &target, &sent);
        let (status, headers, body) = self.send(&act, &target, &sent, call)?;
        self.hold(&seen, status, &headers, &body).map_err(|e| unsigned(&act, &e))?;
        self.calls.fetch_add(1, Ordering::Relaxed);
        Ok(Answered { act, status, body })
    }

    /// The same for a request that must be answered: a refusal is an error.
    ///
    /// # Errors
    /// As [`Client::call`], and [`DemoError::Refused`].
    pub fn must(&self, key: &SigningKey, call: Call<'_>) -> Result<Answered, DemoError> {
        self.call(key, call)?.done()
    }

    /// Something public, which nobody signs for.
    ///
    /// # Errors
    /// No response.
    pub fn public(&self, path: &str) -> Result<Answered, DemoError> {
        let call = Call::get(path);
        let act = call.name();
        let target = format!("{}{path}", self.base);
        let (status, _, body) = self.send(&act, &target, &[], call)?;
        Ok(Answered { act, status, body })
    }

    /// One of the bureau's published keys must have signed.
    fn hold(
        &self,
        seen: &RequestSeen,
        status: StatusCode,
        headers: &http::HeaderMap,
        body: &[u8],
    ) -> Result<(), SignatureError> {
        let mut verdict = Err(SignatureError::KeyUnknown { keyid: String::new() });
        for key in &self.keys {
            verdict = verify_response(key, seen, status, headers, body);
            if !matches!(verdict, Err(SignatureError::KeyUnknown { .. })) {
                break;
            }
        }
        verdict
    }

    fn send(
        &self,
        act: &str,
        target: &str,
        signed: &[(HeaderName, HeaderValue)],
        call: Call<'_>,
    ) -> Result<(StatusCode, http::HeaderMap, Vec<u8>), DemoError> {
        let silent = |why: String| DemoError::NoAnswer { act: act.to_string(), why };
        let mut request = Request::builder().method(call.method).uri(target);
        for (name, value) in signed {
            request = request.header(name, value);
        }
        if let Some(accept) = call.accept {
            request = request.header(ACCEPT, accept);
        }
        let response = match call.body {
            Some((kind, body)) => {
                let request = request.header(CONTENT_TYPE, kind).body(body);
                self.agent.run(request.map_err(|e| silent(e.to_string()))?)
            }
            None => self.agent.run(request.body(()).map_err(|e| silent(e.to_string()))?),
        };
        let (head, mut body) = response.map_err(|e| silent(e.to_string()))?.into_parts();
        let body = body.with_config().limit(ANSWER_BYTES_MAX).read_to_vec();
        let body = body.map_err(|e| silent(e.to_string()))?;
        Ok((head.status, head.headers, body))
    }
}

fn unsigned(act: &str, why: &dyn std::fmt::Display) -> DemoError {
    DemoError::Unsigned { act: act.to_string(), why: why.to_string() }
}
