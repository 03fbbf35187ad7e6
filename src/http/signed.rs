//! The signature layer: a request is verified before a handler sees it, and its answer is signed
//! after (contract.md, "Signatures").

use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::{Body, HttpBody};
use axum::extract::{OriginalUri, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http_body_util::BodyExt;

use super::Shared;
use super::arriving::{Arrived, Limits, Wanted, arrive, drain};
use super::caller::{Caller, request_head};
use super::directory::Known;
use crate::bureau::admission::{Admission, Principal};
use crate::bureau::command::upload::OpenUpload;
use crate::bureau::quota::Limit;
use crate::bureau::upload::UPLOAD_BYTES_MAX;
use crate::error::Problem;
use crate::kernel::Time;
use crate::partner::signature::{
    Presented, RequestHead, RequestSeen, SignatureError, SigningKey, read_head, sign_response,
    target_uri,
};

/// Seconds in which a request must be answered.
const ANSWER_SECONDS_MAX: u64 = 90;
/// The limits that hold.
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
/// How much of them is left.
const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
/// Bytes of an ordinary body at most.
pub const BODY_BYTES_MAX: usize = 64 * 1024;
/// Bytes of an upload that is answered within its request; larger ones are answered with 202.
pub const INLINE_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Bytes of a batch of inquiries at most.
pub const BATCH_BYTES_MAX: usize = 1024 * 1024;

fn limits(method: &Method, path: &str) -> Limits {
    match path {
        "/v1/observations" if method == Method::POST => {
            Limits { bytes: UPLOAD_BYTES_MAX, memory: INLINE_BYTES_MAX }
        }
        "/v1/inquiries/batch" => Limits { bytes: BATCH_BYTES_MAX as u64, memory: BATCH_BYTES_MAX },
        _ => Limits { bytes: BODY_BYTES_MAX as u64, memory: BODY_BYTES_MAX },
    }
}

impl From<&SignatureError> for Problem {
    fn from(error: &SignatureError) -> Problem {
        Problem::new(error.code(), error.to_string())
    }
}

/// Verifies, runs the handler, signs.
pub async fn signed(
    State(app): State<Shared>,
    OriginalUri(uri): OriginalUri,
    request: Request,
    next: Next,
) -> Response {
    let path = uri.path_and_query().map_or(uri.path(), |p| p.as_str());
    let target = target_uri(&app.public_url, path);
    let method = request.method().clone();
    let unauthenticated = RequestSeen::unauthenticated(&method, &target);
    if path.contains("%00") {
        let problem = Problem::new("not_found", "No path or query here holds a NUL character.");
        return sign(&app, &unauthenticated, problem.into_response()).await;
    }
    let (mut parts, body) = request.into_parts();
    let has_body = body.size_hint().exact().is_some_and(|length| length > 0);
    let headers = parts.headers.clone();
    let head = RequestHead { method: &method, target_uri: &target, headers: &headers, has_body };
    // A stranger's body is not waited for: who signed is known before any of it is kept.
    let (presented, known) = match authenticate(&app, head) {
        Ok(found) => found,
        Err(problem) => {
            app.runs.refused(uri.path(), &problem.code);
            drain(body).await;
            return sign(&app, &unauthenticated, problem.into_response()).await;
        }
    };
    let whose = known.principal.clone();
    if let Err(problem) = app.bureau.engine.quotas.knock(&whose, app.bureau.engine.env.now()) {
        drain(body).await;
        let response = limited(&app, &whose, problem.into_response());
        return sign(&app, &unauthenticated, response).await;
    }
    let entry = Entry { presented: &presented, principal: &known.principal };
    let (arrived, nonce) = match enter(&app, entry, body, head, uri.path()).await {
        Ok(entered) => entered,
        Err(problem) => {
            app.runs.refused(uri.path(), &problem.code);
            let response = limited(&app, &whose, problem.into_response());
            return sign(&app, &unauthenticated, response).await;
        }
    };
    let seen = presented.seen_in(head);
    parts.extensions.insert(Caller {
        principal: known.principal,
        created: presented.created,
        keyid: presented.keyid,
        nonce,
        request: arrived.request,
        body: arrived.body,
        digest: arrived.digest,
        spooled: Arc::new(Mutex::new(arrived.spooled)),
        headers,
    });
    // What is in memory counts until it is answered.
    let _place = arrived.place;
    let answering = next.run(Request::from_parts(parts, Body::empty()));
    let response = match in_time(ANSWER_SECONDS_MAX, answering).await {
        Ok(response) => response,
        Err(problem) => problem.into_response(),
    };
    sign(&app, &seen, limited(&app, &whose, response)).await
}

/// Whose request is at the door.
struct Entry<'a> {
    presented: &'a Presented,
    principal: &'a Principal,
}

/// Waits for the body, and gives the nonce that is still to be spent.
///
/// A nonce is remembered for as long as its signature is fresh. Between the head and the last byte
/// of an upload that can pass, so an upload's is spent at once; every other body must have come
/// while the signature is fresh.
async fn enter(
    app: &Shared,
    entry: Entry<'_>,
    body: Body,
    head: RequestHead<'_>,
    path: &str,
) -> Result<(Arrived, Option<(String, Time)>), Problem> {
    let Entry { presented, principal } = entry;
    let mut nonce = Some((presented.nonce.clone(), presented.replayable_until));
    let limits = limits(head.method, path);
    if limits.bytes == UPLOAD_BYTES_MAX {
        let admission = Admission {
            principal: principal.clone(),
            keyid: presented.keyid.clone(),
            nonce: nonce.take(),
            idempotency: None,
        };
        app.bureau.act(OpenUpload { admission, idempotency: None }).await.value()?;
    }
    let wanted = Wanted {
        limits,
        head: request_head(head.method.as_str(), head.target_uri),
        whose: principal.key(),
        covered: presented.require_digest().map_err(|e| Problem::from(&e)),
    };
    let arrived = arrive(app, body, head.headers, wanted).await?;
    let now = app.bureau.engine.env.now();
    if nonce.is_some() && now > presented.replayable_until {
        let created = presented.created;
        return Err(Problem::from(&SignatureError::CreatedTooOld { created, now }));
    }
    Ok((arrived, nonce))
}

/// Waits so long and no longer: what a client or the database does not bring to an end, this does.
async fn in_time<T>(seconds: u64, work: impl Future<Output = T>) -> Result<T, Problem> {
    tokio::time::timeout(Duration::from_secs(seconds), work).await.map_err(|_| {
        let text = "This took too long and was given up. Try again with the same Idempotency-Key: \
                    what was done meanwhile is answered as it was.";
        Problem::new("timeout", text).retry_after(1)
    })
}

fn authenticate(app: &Shared, head: RequestHead<'_>) -> Result<(Presented, Known), Problem> {
    let now = app.bureau.engine.env.now();
    let presented = read_head(head, now).map_err(|e| Problem::from(&e))?;
    let known = app.directory.find(&presented.keyid).map_err(|error| {
        tracing::error!(%error, "a key could not be looked up");
        Problem::internal()
    })?;
    let keyid = presented.keyid.clone();
    let Some(known) = known else {
        return Err(Problem::from(&SignatureError::KeyUnknown { keyid }));
    };
    if known.suspended {
        return Err(Problem::from(&SignatureError::KeySuspended { keyid }));
    }
    presented.verify(&known.key).map_err(|e| Problem::from(&e))?;
    Ok((presented, known))
}

/// On a response: its signature must not hold. Conformance runs have one such answer.
#[derive(Clone, Copy, Debug)]
pub struct Forged;

/// Tells how much may still be asked (draft-ietf-httpapi-ratelimit-headers): a client that reads
/// it never meets a 429.
fn limited(app: &Shared, whose: &Principal, mut response: Response) -> Response {
    let engine = &app.bureau.engine;
    let (mut policies, mut limits) = (Vec::new(), Vec::new());
    for limit in engine.quotas.limits(whose, engine.env.now()) {
        let Limit { name, quota, window_seconds, remaining, reset_seconds } = limit;
        policies.push(format!("\"{name}\";q={quota};w={window_seconds}"));
        limits.push(format!("\"{name}\";r={remaining};t={reset_seconds}"));
    }
    for (name, values) in [(RATE_LIMIT_POLICY, policies), (RATE_LIMIT, limits)] {
        if let Ok(value) = HeaderValue::from_str(&values.join(", ")) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

/// Signs a response over its exact bytes.
pub(super) async fn sign(app: &Shared, seen: &RequestSeen, response: Response) -> Response {
    let (mut parts, body) = response.into_parts();
    let body = match body.collect().await {
        Ok(body) => body.to_bytes(),
        Err(_) => {
            parts.status = StatusCode::INTERNAL_SERVER_ERROR;
            parts.headers = HeaderMap::new();
            Bytes::new()
        }
    };
    let forged = parts.extensions.remove::<Forged>().is_some();
    let key = &*app.bureau.engine.keys.response();
    let now = app.bureau.engine.env.now();
    let fields = sign_response(key, parts.status, Some(seen), &body, now)
        // A target that cannot be signed cannot be bound to; the answer itself still is signed.
        .or_else(|_| sign_response(key, parts.status, None, &body, now));
    if let Ok(fields) = fields {
        parts.headers.extend(fields);
    }
    if forged {
        // Another key's word, for a client to throw away.
        let other = SigningKey::generate(&app.bureau.engine.env).ok();
        let fields = other
            .and_then(|other| sign_response(&other, parts.status, Some(seen), &body, now).ok());
        for (name, value) in fields.into_iter().flatten() {
            if name == "signature" {
                parts.headers.insert(name, value);
            }
        }
    }
    Response::from_parts(parts, Body::from(body))
}
