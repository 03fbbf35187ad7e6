//! `/.well-known`: the bureau's keys and what is in force.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::Shared;
use crate::kernel::bytes::hex;

/// The bureau's response key, as RFC 9421 verifiers look for it, and those before it.
pub async fn directory(State(app): State<Shared>) -> Response {
    let keys = json!({ "keys": app.bureau.engine.keys.published("response") });
    let mut response = Json(keys).into_response();
    let media_type = HeaderValue::from_static("application/http-message-signatures-directory+json");
    response.headers_mut().insert(header::CONTENT_TYPE, media_type);
    response
}

/// Response and manifest keys, of now and of before, as JOSE tools look for them.
pub async fn jwks(State(app): State<Shared>) -> Json<Value> {
    let keys = &app.bureau.engine.keys;
    let all = [keys.published("response"), keys.published("manifest")].concat();
    Json(json!({ "keys": all }))
}

/// What this bureau is, and what is in force.
pub async fn fivefold(State(app): State<Shared>) -> Json<Value> {
    let engine = &app.bureau.engine;
    let now = engine.env.now();
    let ids: Vec<&str> = engine.rules.packs().map(|pack| pack.id.as_str()).collect();
    let packs: Vec<Value> = engine
        .rules
        .packs()
        .map(|p| json!({ "id": p.id, "version": p.version, "digest": p.digest_hex() }))
        .collect();
    let editions = engine.editions().iter().map(|edition| &edition.scorecard);
    let cards: Vec<Value> = std::iter::once(engine.champion())
        .chain(editions)
        .map(|card| {
            json!({
                "id": card.id, "version": card.version, "digest": hex(&card.digest),
                "status": card.status, "validated_for": card.validated_for,
            })
        })
        .collect();
    let vkeys: Vec<String> =
        engine.keys.log_verifiers_ever().iter().map(ToString::to_string).collect();
    let known = json!({
        "environment": engine.environment.name(),
        "licence": app.terms.licence(&ids),
        "public_url": app.public_url,
        "service_level": app.terms.objectives,
        "support": app.terms.support,
        "maintenance": app.terms.planned(now),
        "deprecations": app.terms.deprecations,
        "log": { "origin": engine.origin, "vkey": engine.keys.log().vkey(), "prefix": "/log",
                 "vkeys": vkeys },
        "rule_packs": packs,
        "rules_digest": hex(&engine.rules.digest()),
        "scorecards": cards,
        "status": app.terms.status(now, app.bureau.trouble().is_some()),
    });
    Json(known)
}
