//! `/v1/applications`: small merchants apply, and look how it stands. They sign with a key that
//! nobody has registered yet: the request itself brings it.

use std::sync::atomic::{AtomicBool, Ordering};

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{OriginalUri, Path, State};
use axum::http::{HeaderMap, Method};
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use super::Shared;
use super::caller::{object, replied, request_head};
use super::openapi::ProblemBody as Refused;
use super::signed::sign;
use super::turnstile::{Neighbour, Rate};
use crate::bureau::admission::{Admission, Principal};
use crate::bureau::command::application::{ApplicationSent, Apply, ReadApplication};
use crate::error::{Problem, Reason};
use crate::kernel::Time;
use crate::kernel::bytes::sha256_of;
use crate::partner::rows as partner_rows;
use crate::partner::signature::{
    PublicKey, RequestHead, RequestSeen, SignatureError, check_content_digest, read_head,
    target_uri,
};

/// Applications of an hour.
pub const APPLYING: Rate = Rate { window_seconds: 3600, each: 10, all: 120 };
/// Looks at them of a minute.
pub const LOOKING: Rate = Rate { window_seconds: 60, each: 60, all: 600 };
/// Bytes of an application at most.
const APPLICATION_BYTES_MAX: usize = 16 * 1024;

/// Asks to be admitted as a small merchant: yes or no questions only, after the bureau's staff has
/// looked. Signed by the key that `key` names. The same key again gets the same application.
#[utoipa::path(post, path = "/v1/applications", tag = "applications",
    request_body = ApplicationSent,
    responses((status = 201, description = "It waits for the bureau's staff"),
        (status = 403, body = Refused, content_type = "application/problem+json"),
        (status = 422, body = Refused, content_type = "application/problem+json"),
        (status = 429, body = Refused, content_type = "application/problem+json")))]
pub async fn apply(
    State(app): State<Shared>,
    OriginalUri(uri): OriginalUri,
    who: Neighbour,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let (body, whole) = match body {
        Ok(body) => (body, true),
        Err(_) => (Bytes::new(), false),
    };
    let asked = Asked::of(&app, &Method::POST, &uri, &headers, body);
    let response = match asked.applied(&app, who, whole).await {
        Ok(response) => response,
        Err(problem) => problem.into_response(),
    };
    asked.signed(&app, response).await
}

/// How an application stands: `pending`, `admitted` with the partner's id, or `refused` with the
/// reason. Signed by the key that applied.
#[utoipa::path(get, path = "/v1/applications/{id}", tag = "applications",
    params(("id" = String, Path, description = "The application")),
    responses((status = 200, description = "How it stands"),
        (status = 404, body = Refused, content_type = "application/problem+json"),
        (status = 429, body = Refused, content_type = "application/problem+json")))]
pub async fn read(
    State(app): State<Shared>,
    Path(application): Path<String>,
    OriginalUri(uri): OriginalUri,
    who: Neighbour,
    headers: HeaderMap,
) -> Response {
    let asked = Asked::of(&app, &Method::GET, &uri, &headers, Bytes::new());
    let response = match asked.looked(&app, who, application).await {
        Ok(response) => response,
        Err(problem) => problem.into_response(),
    };
    asked.signed(&app, response).await
}

/// A request whose signer is nobody's yet.
struct Asked {
    method: Method,
    target: String,
    headers: HeaderMap,
    body: Bytes,
    /// Whether the signature held: only then is an answer bound to it (decisions.md 21).
    verified: AtomicBool,
}

impl Asked {
    fn of(
        app: &Shared,
        method: &Method,
        uri: &axum::http::Uri,
        headers: &HeaderMap,
        body: Bytes,
    ) -> Asked {
        let path = uri.path_and_query().map_or(uri.path(), |p| p.as_str());
        let target = target_uri(&app.public_url, path);
        let verified = AtomicBool::new(false);
        Asked { method: method.clone(), target, headers: headers.clone(), body, verified }
    }

    fn head(&self) -> RequestHead<'_> {
        RequestHead {
            method: &self.method,
            target_uri: &self.target,
            headers: &self.headers,
            has_body: !self.body.is_empty(),
        }
    }

    async fn applied(
        &self,
        app: &Shared,
        who: Neighbour,
        whole: bool,
    ) -> Result<Response, Problem> {
        let now = app.bureau.engine.env.now();
        app.applying.pass(who, now)?;
        if !whole || self.body.len() > APPLICATION_BYTES_MAX {
            let text = format!("An application has at most {APPLICATION_BYTES_MAX} bytes.");
            return Err(Problem::new("body_too_large", text));
        }
        let presented = read_head(self.head(), now).map_err(|e| Problem::from(&e))?;
        presented.require_digest().map_err(|e| Problem::from(&e))?;
        check_content_digest(&self.headers, &self.body).map_err(|e| Problem::from(&e))?;
        // Who it is comes before what they want.
        let brought: Value = serde_json::from_slice(&self.body).unwrap_or_default();
        if brought["key"].is_null() {
            let keyid = presented.keyid.clone();
            return Err(Problem::from(&SignatureError::KeyUnknown { keyid }));
        }
        let key = PublicKey::from_jwk(&brought["key"])
            .map_err(|e| Problem::invalid(vec![Reason::new("/key", e.code(), e.to_string())]))?;
        if key.thumbprint() != presented.keyid {
            let text = "keyid is not the thumbprint of the key that the application names.";
            return Err(Problem::new("key_unknown", text));
        }
        presented.verify(&key).map_err(|e| Problem::from(&e))?;
        self.verified.store(true, Ordering::Relaxed);
        let sent: ApplicationSent = object(&self.body)?;
        let nonce = (presented.nonce.clone(), presented.replayable_until);
        let admission = self.admission(&presented.keyid, nonce)?;
        Ok(replied(app.bureau.act(Apply { admission, sent, key }).await))
    }

    async fn looked(
        &self,
        app: &Shared,
        who: Neighbour,
        application: String,
    ) -> Result<Response, Problem> {
        let now = app.bureau.engine.env.now();
        app.looking.pass(who, now)?;
        let presented = read_head(self.head(), now).map_err(|e| Problem::from(&e))?;
        let keyid = presented.keyid.clone();
        let found = tokio::task::block_in_place(|| {
            app.bureau.store.read(|conn| partner_rows::application_of(conn, &keyid))
        });
        let found = found.map_err(|error| {
            tracing::error!(%error, "an application could not be read");
            Problem::internal()
        })?;
        // A partner's own key opens nothing here, but its signature is as good as any.
        let key = match found {
            Some(row) => PublicKey::from_json(&row.jwk).ok(),
            None => app.directory.find(&keyid).ok().flatten().map(|known| (*known.key).clone()),
        };
        let key =
            key.ok_or_else(|| Problem::from(&SignatureError::KeyUnknown { keyid: keyid.clone() }))?;
        presented.verify(&key).map_err(|e| Problem::from(&e))?;
        self.verified.store(true, Ordering::Relaxed);
        let nonce = (presented.nonce.clone(), presented.replayable_until);
        let admission = self.admission(&keyid, nonce)?;
        Ok(replied(app.bureau.act(ReadApplication { admission, application }).await))
    }

    fn admission(&self, keyid: &str, nonce: (String, Time)) -> Result<Admission, Problem> {
        let key = super::caller::idempotency(&self.headers)?;
        let head = request_head(self.method.as_str(), &self.target);
        Ok(Admission {
            principal: Principal::Applicant(keyid.to_string()),
            keyid: keyid.to_string(),
            nonce: Some(nonce),
            idempotency: key.map(|key| (key, sha256_of(&[&head, &self.body]))),
        })
    }

    /// The answer, signed as every answer under `/v1` is.
    async fn signed(&self, app: &Shared, response: Response) -> Response {
        let now = app.bureau.engine.env.now();
        let seen = match read_head(self.head(), now) {
            Ok(presented) if self.verified.load(Ordering::Relaxed) => {
                presented.seen_in(self.head())
            }
            _ => RequestSeen::unauthenticated(&self.method, &self.target),
        };
        sign(app, &seen, response).await
    }
}
