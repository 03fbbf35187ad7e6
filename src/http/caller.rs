//! A verified request in a handler's hands.

use std::sync::{Arc, Mutex};

use axum::extract::FromRequestParts;
use axum::http::header::{self, HeaderName};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::bureau::admission::{Admission, Principal};
use crate::bureau::spool::Spooling;
use crate::bureau::{Answer, Reply};
use crate::collect::ndjson::parse_line;
use crate::error::{Problem, Reason};
use crate::kernel::Time;
use crate::kernel::bytes::{Digest, sha256_of};

/// The name of the header under which an answer is kept for a day.
pub const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// Characters of an idempotency key at most.
const KEY_CHARS_MAX: usize = 128;

/// Who asks, and what they sent.
#[derive(Clone)]
pub struct Caller {
    /// Who signed.
    pub principal: Principal,
    /// With which key.
    pub keyid: String,
    /// When it was signed.
    pub created: Time,
    /// The signature's nonce, and until when it could be sent again; none once it is spent.
    pub nonce: Option<(String, Time)>,
    /// The body, as it was sent; empty when it was spooled.
    pub body: Bytes,
    /// SHA-256 of the body.
    pub digest: Digest,
    /// The body, when it was too large for memory: for whoever takes it first.
    pub spooled: Arc<Mutex<Option<Spooling>>>,
    /// The headers.
    pub headers: HeaderMap,
    /// Digest of method, target and body: what an idempotency key stands for.
    pub request: Digest,
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Caller, Problem> {
        // Only the signature layer puts one there.
        parts.extensions.remove::<Caller>().ok_or_else(Problem::internal)
    }
}

impl Caller {
    /// The idempotency key, when there is one.
    ///
    /// # Errors
    /// It is too long, or not visible ASCII.
    pub fn idempotency(&self) -> Result<Option<String>, Problem> {
        idempotency(&self.headers)
    }

    /// The idempotency key, where one is required.
    ///
    /// # Errors
    /// There is none, or it is malformed.
    pub fn required_idempotency(&self) -> Result<String, Problem> {
        self.idempotency()?.ok_or_else(|| {
            let text = "Send an Idempotency-Key, and cover it with the signature: a repetition \
                        after a lost answer must not count twice.";
            Problem::new("idempotency_key_missing", text)
        })
    }

    /// What the sequencer must know of this request.
    ///
    /// # Errors
    /// The idempotency key is malformed.
    pub fn admission(&self) -> Result<Admission, Problem> {
        Ok(Admission {
            idempotency: self.idempotency()?.map(|key| (key, self.request)),
            ..self.plain_admission()
        })
    }

    /// The same without the idempotency key.
    pub fn plain_admission(&self) -> Admission {
        Admission {
            principal: self.principal.clone(),
            keyid: self.keyid.clone(),
            nonce: self.nonce.clone(),
            idempotency: None,
        }
    }

    /// The body as a JSON object of type `T`: duplicate and unknown members are refused.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        object(&self.body)
    }

    /// The media type of the body, without parameters.
    pub fn media_type(&self) -> String {
        let value = self.headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok());
        let value = value.unwrap_or_default().split(';').next().unwrap_or_default();
        value.trim().to_ascii_lowercase()
    }

    /// Whether the client states this preference (RFC 7240).
    pub fn prefers(&self, preference: &str) -> bool {
        let values = self.headers.get_all("prefer").iter().filter_map(|v| v.to_str().ok());
        let mut each = values.flat_map(|v| v.split([',', ';'])).map(str::trim);
        each.any(|p| p.eq_ignore_ascii_case(preference))
    }

    /// Whether the client asks for this media type.
    pub fn accepts(&self, media_type: &str) -> bool {
        let value = self.headers.get(header::ACCEPT).and_then(|v| v.to_str().ok());
        value.is_some_and(|v| v.split(',').any(|t| t.trim().starts_with(media_type)))
    }
}

/// The idempotency key among headers, when there is one.
///
/// # Errors
/// It is too long, or not visible ASCII.
pub fn idempotency(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(value) = headers.get(IDEMPOTENCY_KEY) else { return Ok(None) };
    let text = value.to_str().unwrap_or_default();
    let fine = (1..=KEY_CHARS_MAX).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_graphic())
        && !text.contains('#');
    if fine {
        return Ok(Some(text.to_string()));
    }
    let text = "Idempotency-Key is 1 to 128 visible ASCII characters without `#`.";
    Err(Problem::new("idempotency_key_malformed", text))
}

/// Reads a JSON object of type `T` from bytes.
///
/// # Errors
/// What is wrong with it, without repeating what was sent.
pub fn object<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let map = parse_line(bytes).map_err(|e| {
        let reason = Reason::new(e.pointer, e.code, e.message.clone());
        Problem { errors: vec![reason], ..Problem::new(e.code, e.message) }
    })?;
    let value = Value::Object(map);
    if holds_nul(&value) {
        let text = "no text may hold a NUL character";
        return Err(Problem::invalid(vec![Reason::new("", "invalid_field", text)]));
    }
    serde_json::from_value(value).map_err(|e| {
        let message = without_values(&e.to_string());
        Problem::invalid(vec![Reason::new("", "invalid_field", message)])
    })
}

/// PostgreSQL stores no NUL in a text, and no honest text has one.
fn holds_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(list) => list.iter().any(holds_nul),
        Value::Object(map) => map.iter().any(|(k, v)| k.contains('\0') || holds_nul(v)),
        _ => false,
    }
}

/// Takes what stands in double quotes out of a parser's message: it may be a person's value.
fn without_values(message: &str) -> String {
    let mut out = String::with_capacity(message.len());
    for (i, part) in message.split('"').enumerate() {
        match i % 2 {
            0 => out.push_str(part),
            _ => out.push_str("(value)"),
        }
    }
    out
}

/// A query string that is not what the route knows.
pub fn bad_query() -> Problem {
    let text = "a parameter of the query is unknown or of the wrong type: see /openapi.json";
    Problem::invalid(vec![Reason::new("", "invalid_query", text)])
}

/// What the digest of a request begins with; its body follows.
pub fn request_head(method: &str, target: &str) -> Vec<u8> {
    format!("{method}\n{target}\n").into_bytes()
}

/// What an idempotency key stands for.
pub fn request_digest(method: &str, target: &str, body: &[u8]) -> Digest {
    sha256_of(&[&request_head(method, target), body])
}

/// An answer as it leaves.
pub fn answered(answer: Answer) -> Response {
    let status = if answer.created { StatusCode::CREATED } else { StatusCode::OK };
    let mut response = (status, answer.body).into_response();
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// A reply as it leaves.
pub fn replied(reply: Reply) -> Response {
    match reply {
        Reply::Done(answer) => answered(answer),
        Reply::Refused(problem) => problem.into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parser_messages_lose_the_values() {
        let message = r#"invalid type: string "4111 1111", expected u8"#;
        assert_eq!(without_values(message), "invalid type: string (value), expected u8");
    }
}
