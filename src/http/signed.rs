//! The signature layer: a request is verified before a handler sees it, and its answer is signed
//! after (contract.md, "Signatures").

use std::future::Future;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{OriginalUri, Request, State};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http_body_util::{BodyExt, Limited};

use super::Shared;
use super::caller::{Caller, request_digest};
use super::directory::Known;
use crate::error::Problem;
use crate::partner::signature::{
    Presented, RequestParts, RequestSeen, SignatureError, read_request, sign_response, target_uri,
};

/// Seconds in which a body must have arrived.
const BODY_SECONDS_MAX: u64 = 40;
/// Seconds in which a request must be answered.
const ANSWER_SECONDS_MAX: u64 = 90;
/// Bytes of an ordinary body at most.
pub const BODY_BYTES_MAX: usize = 64 * 1024;
/// Bytes of an upload at most: larger files are sent in parts.
pub const UPLOAD_BYTES_MAX: usize = 32 * 1024 * 1024;
/// Bytes of a batch of inquiries at most.
pub const BATCH_BYTES_MAX: usize = 1024 * 1024;

fn limit(method: &Method, path: &str) -> usize {
    match path {
        "/v1/observations" if method == Method::POST => UPLOAD_BYTES_MAX,
        "/v1/inquiries/batch" => BATCH_BYTES_MAX,
        _ => BODY_BYTES_MAX,
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
    if path.contains("%00") {
        return Problem::new("not_found", "No path holds a NUL character.").into_response();
    }
    let unauthenticated = RequestSeen::unauthenticated(&method, &target);
    let (mut parts, body) = request.into_parts();
    let limit = limit(&method, uri.path());
    let _room = match limit > BATCH_BYTES_MAX {
        // The holder of a permit may fill that much memory; the others wait their turn.
        true => app.large_bodies.acquire().await.ok(),
        false => None,
    };
    let body = match in_time(BODY_SECONDS_MAX, read(body, limit)).await.and_then(|read| read) {
        Ok(body) => body,
        Err(problem) => return sign(&app, &unauthenticated, problem.into_response()).await,
    };
    let headers = parts.headers.clone();
    let seen = {
        let read =
            RequestParts { method: &method, target_uri: &target, headers: &headers, body: &body };
        authenticate(&app, read).map(|(presented, known)| {
            let seen = presented.seen(read);
            (presented, known, seen)
        })
    };
    let (presented, known, seen) = match seen {
        Ok(found) => found,
        Err(problem) => return sign(&app, &unauthenticated, problem.into_response()).await,
    };
    parts.extensions.insert(Caller {
        principal: known.principal,
        keyid: presented.keyid,
        nonce: (presented.nonce, presented.replayable_until),
        request: request_digest(method.as_str(), &target, &body),
        body,
        headers,
    });
    let answering = next.run(Request::from_parts(parts, Body::empty()));
    let response = match in_time(ANSWER_SECONDS_MAX, answering).await {
        Ok(response) => response,
        Err(problem) => problem.into_response(),
    };
    sign(&app, &seen, response).await
}

/// Waits so long and no longer: what a client or the database does not bring to an end, this does.
async fn in_time<T>(seconds: u64, work: impl Future<Output = T>) -> Result<T, Problem> {
    tokio::time::timeout(Duration::from_secs(seconds), work).await.map_err(|_| {
        let text = "This took too long and was given up. Try again with the same Idempotency-Key: \
                    what was done meanwhile is answered as it was.";
        Problem::new("timeout", text).retry_after(1)
    })
}

async fn read(body: Body, limit: usize) -> Result<Bytes, Problem> {
    match Limited::new(body, limit).collect().await {
        Ok(whole) => Ok(whole.to_bytes()),
        Err(error) if error.is::<http_body_util::LengthLimitError>() => {
            let text = format!("The body is larger than {limit} bytes. Send it in parts.");
            Err(Problem::new("body_too_large", text).retry_after(1))
        }
        Err(_) => {
            let text = "The body ended before it was complete. Send it again.";
            Err(Problem::new("invalid_json", text))
        }
    }
}

fn authenticate(app: &Shared, parts: RequestParts<'_>) -> Result<(Presented, Known), Problem> {
    let now = app.bureau.engine.env.now();
    let presented = read_request(parts, now).map_err(|e| Problem::from(&e))?;
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

/// Signs a response over its exact bytes.
async fn sign(app: &Shared, seen: &RequestSeen, response: Response) -> Response {
    let (mut parts, body) = response.into_parts();
    let body = match body.collect().await {
        Ok(body) => body.to_bytes(),
        Err(_) => {
            parts.status = StatusCode::INTERNAL_SERVER_ERROR;
            parts.headers = HeaderMap::new();
            Bytes::new()
        }
    };
    let key = &app.bureau.engine.keys.response;
    let now = app.bureau.engine.env.now();
    let fields = sign_response(key, parts.status, Some(seen), &body, now)
        // A target that cannot be signed cannot be bound to; the answer itself still is signed.
        .or_else(|_| sign_response(key, parts.status, None, &body, now));
    if let Ok(fields) = fields {
        parts.headers.extend(fields);
    }
    Response::from_parts(parts, Body::from(body))
}
