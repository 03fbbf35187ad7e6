//! Every route on one page.

use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::middleware::from_fn_with_state;
use axum::routing::{delete, get, post};
use tower_http::compression::CompressionLayer;
use tower_http::timeout::TimeoutLayer;

use super::{
    Shared, applications, conformance, consents, docs, inquiries, known, log, monitors,
    observations, openapi, operate, persons,
};
use super::{rights, sandbox, signed, supply, traced, usage, webhook};
use crate::error::Problem;
use crate::policy::Environment;

/// Seconds after which a request that is not done is given up, whatever it is: time for the
/// largest upload at its slowest. Those under /v1 have shorter limits and a signed answer of their
/// own.
const REQUEST_SECONDS_MAX: u64 = 5 * 3600;

/// The whole table.
pub fn router(app: Shared) -> Router {
    // A live bureau has none of these paths.
    let (playground, runs) = match app.bureau.engine.environment {
        Environment::Sandbox => (sandbox::routes(), conformance::routes()),
        Environment::Live | Environment::Demo => (Router::new(), Router::new()),
    };
    let v1 = Router::new()
        .merge(runs)
        .route("/subjects", post(persons::enrol))
        .route("/subjects/{id}/report", get(persons::report))
        .route("/subjects/{id}/erase", post(rights::erase))
        .route("/consents", post(consents::give))
        .route("/consents/{id}", get(consents::read))
        .route("/consents/{id}/revoke", post(consents::revoke))
        .route("/observations", post(observations::send))
        .route("/observations/{id}", get(observations::read))
        .route("/inquiries", post(inquiries::ask))
        .route("/inquiries/batch", post(inquiries::ask_batch))
        .route("/inquiries/{id}", get(inquiries::again))
        .route("/inquiries/{id}/outcome", post(inquiries::outcome))
        .route("/monitors", get(monitors::list).post(monitors::set))
        .route("/monitors/{id}", get(monitors::read).delete(monitors::end))
        .route("/disputes", post(rights::dispute))
        .route("/disputes/{id}", get(rights::read_dispute))
        .route("/disputes/{id}/answer", post(rights::answer_dispute))
        .route("/disputes/{id}/withdraw", post(rights::withdraw_dispute))
        .route("/disputes/{id}/information", post(rights::inform_dispute))
        .route("/statements", post(rights::statement))
        .route("/reviews", post(rights::review))
        .route("/complaints", post(rights::complaint))
        .route("/notices/{id}", get(rights::read_notice))
        .route("/events", get(rights::events))
        .route("/usage", get(usage::read))
        .merge(supply::routes())
        .route("/webhook", get(webhook::read).put(webhook::set).delete(webhook::remove))
        .route("/webhook/retry", post(webhook::retry))
        .route("/freezes", post(persons::freeze))
        .route("/freezes/{id}", delete(persons::unfreeze))
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(from_fn_with_state(app.clone(), signed::signed))
        .layer(DefaultBodyLimit::disable());
    let public = Router::new()
        .route("/log/checkpoint", get(log::checkpoint))
        .route("/log/tile/{*path}", get(log::tile))
        .layer(CompressionLayer::new());
    Router::new()
        .merge(playground)
        .route("/v1/log/proofs/{index}", get(log::proof))
        // Signed as well, by keys that nobody has registered yet.
        .route("/v1/applications", post(applications::apply))
        .route("/v1/applications/{id}", get(applications::read))
        .nest("/v1", v1)
        .merge(public)
        .route("/.well-known/http-message-signatures-directory", get(known::directory))
        .route("/.well-known/jwks.json", get(known::jwks))
        .route("/.well-known/fivefold", get(known::fivefold))
        .route("/openapi.json", get(openapi::document))
        .merge(openapi::pages())
        .merge(docs::routes())
        .route("/healthz", get(operate::healthz))
        .route("/readyz", get(operate::readyz))
        .route("/metrics", get(operate::metrics))
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(from_fn_with_state(app.clone(), traced::traced))
        .layer(TimeoutLayer::with_status_code(
            StatusCode::REQUEST_TIMEOUT,
            Duration::from_secs(REQUEST_SECONDS_MAX),
        ))
        .with_state(app)
}

async fn not_found() -> Problem {
    let text = "There is nothing at this path. /openapi.json lists what there is.";
    Problem::new("not_found", text)
}

async fn method_not_allowed() -> Problem {
    let text = "This path does not know this method. /openapi.json lists what there is.";
    Problem::new("method_not_allowed", text)
}
