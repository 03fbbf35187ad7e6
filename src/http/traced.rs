//! One trace and one measurement a request: the route's template, never its path, because ids in
//! a path lead to persons; who asked stays out as well, the ledger knows it.

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;

use super::Shared;
use crate::bureau::meters;

/// Runs the request and tells how it went.
pub async fn traced(
    State(app): State<Shared>,
    route: Option<MatchedPath>,
    request: Request,
    next: Next,
) -> Response {
    let method = request.method().clone();
    let started = app.bureau.engine.env.now();
    let response = next.run(request).await;
    let micros = app.bureau.engine.env.now().micros() - started.micros();
    let route = route.as_ref().map_or("none", MatchedPath::as_str);
    let status = response.status().as_u16();
    tracing::info!(%method, route, status, micros, "request");
    meters::request(route, status, micros);
    response
}
