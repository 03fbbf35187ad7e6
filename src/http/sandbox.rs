//! A sandbox's own routes: what to try, with which keys, and how to get a key of one's own in.

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};

use super::Shared;
use super::caller::object;
use super::docs;
use super::openapi::ProblemBody as Refused;
use super::turnstile::{Neighbour, Rate};
use crate::bureau::sandbox::{Registration, published_key};
use crate::error::Problem;

/// The routes.
pub fn routes() -> Router<Shared> {
    Router::new()
        .route("/sandbox/partners", post(register))
        .route("/docs/sandbox", get(|| async { docs::html(&docs::sandbox(), "sandbox", true) }))
        .route("/docs/sandbox.md", get(|| async { docs::markdown(&docs::sandbox()) }))
        .route("/docs/sandbox.json", get(|| async { docs::json(&docs::sandbox()) }))
        .route("/docs/sandbox/{file}", get(key))
}

/// Visitors of a minute: whoever tries a client needs one, and a loop must not fill the registry.
pub const VISITING: Rate = Rate { window_seconds: 60, each: 20, all: 60 };

/// Registers a visitor's key: `{"name", "kind", "key"}`, unsigned. Where a sandbox is full, the
/// oldest visitor who enrolled nobody makes room.
#[utoipa::path(post, path = "/sandbox/partners", tag = "sandbox", operation_id = "visit",
    request_body(content = String, content_type = "application/json",
        description = "`name`; `kind`: lender, landlord, hotel or platform; `key`: PEM or a JWK"),
    responses((status = 201, description = "The visitor is a partner"),
        (status = 422, body = Refused, content_type = "application/problem+json")))]
pub async fn register(
    State(app): State<Shared>,
    who: Neighbour,
    body: Bytes,
) -> Result<Response, Problem> {
    app.visiting.pass(who, app.bureau.engine.env.now())?;
    let sent: Registration = object(&body)?;
    let bureau = app.bureau.clone();
    let work = tokio::task::spawn_blocking(move || bureau.register_visitor(&sent));
    let known = work.await.map_err(|_| Problem::internal())??;
    Ok((StatusCode::CREATED, axum::Json(known)).into_response())
}

/// A published private key, as PEM.
async fn key(Path(file): Path<String>) -> Result<Response, Problem> {
    let key = file.strip_suffix(".pem").and_then(published_key);
    let key = key.ok_or_else(|| {
        Problem::new("not_found", "/docs/sandbox lists the keys that are published.")
    })?;
    let mut response = key.to_pem().to_string().into_response();
    let media_type = HeaderValue::from_static("application/x-pem-file");
    response.headers_mut().insert(header::CONTENT_TYPE, media_type);
    Ok(response)
}
