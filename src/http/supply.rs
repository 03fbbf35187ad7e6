//! What a furnisher knows every morning: what the bureau has of it and lacks, and what the bureau
//! asks it for.

use axum::Router;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::Value;

use super::Shared;
use super::caller::{Caller, bad_query, replied};
use super::openapi::ProblemBody as Refused;
use crate::bureau::admission::Principal;
use crate::bureau::command::data_request::{AnswerRequest, REQUESTS_MAX, RequestAnswerSent};
use crate::bureau::command::upload::OpenUpload;
use crate::bureau::coverage::{PAGE_MAX, Page};
use crate::bureau::{Bureau, Reply};
use crate::error::{Problem, Reason};
use crate::kernel::Month;
use crate::partner::Role;
use crate::store::StoreError;

/// Its routes.
pub fn routes() -> Router<Shared> {
    Router::new()
        .route("/coverage", get(coverage))
        .route("/data-quality", get(quality))
        .route("/data-requests", get(requests))
        .route("/data-requests/{id}/answer", post(answer))
}

/// Which part of the coverage.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WhichPart {
    after: Option<String>,
    persons_after: Option<String>,
    limit: Option<usize>,
}

/// What the bureau has of this furnisher and what it lacks: open accounts whose statements stopped,
/// gaps between statements, persons whose consent stands and of whom nothing came, and how many
/// accounts have a statement of each month. The first page has the totals; `next` and
/// `persons_next` are the cursors of what follows.
#[utoipa::path(get, path = "/v1/coverage", tag = "observations",
    params(("after" = Option<String>, Query, description = "The `next` of the page before"),
        ("persons_after" = Option<String>, Query,
            description = "The `persons_next` of the page before"),
        ("limit" = Option<usize>, Query, description = "At most so many of each, up to 200")),
    responses((status = 200, description = "What is there and what is missing"),
        (status = 403, body = Refused, content_type = "application/problem+json")))]
pub async fn coverage(
    State(app): State<Shared>,
    which: Result<Query<WhichPart>, QueryRejection>,
    caller: Caller,
) -> Result<Response, Problem> {
    let Query(WhichPart { after, persons_after, limit }) = which.map_err(|_| bad_query())?;
    let page = Page { after, persons_after, limit: limit.unwrap_or(PAGE_MAX) };
    let told = own(&app, &caller, move |bureau, me| bureau.coverage(me, &page)).await?;
    Ok(axum::Json(told).into_response())
}

/// Which month.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WhichMonth {
    period: Option<String>,
}

/// The quality of what this furnisher sent in a month: how fresh and how complete its accounts are,
/// what was accepted, rejected by which rule, late, corrected, left empty. The tables are those of
/// the month's statement, with the same numbers.
#[utoipa::path(get, path = "/v1/data-quality", tag = "observations",
    params(("period" = Option<String>, Query,
        description = "The month, 2026-11, in the time of the bureau's own rule pack; this month \
            when absent")),
    responses((status = 200, description = "The numbers"),
        (status = 403, body = Refused, content_type = "application/problem+json"),
        (status = 422, body = Refused, content_type = "application/problem+json")))]
pub async fn quality(
    State(app): State<Shared>,
    which: Result<Query<WhichMonth>, QueryRejection>,
    caller: Caller,
) -> Result<Response, Problem> {
    let Query(WhichMonth { period }) = which.map_err(|_| bad_query())?;
    let month = period
        .map(|name| name.parse::<Month>())
        .transpose()
        .map_err(|said| Problem::invalid(vec![Reason::new("/period", "invalid_field", said)]))?;
    let read = move |bureau: &Bureau, me: &str| {
        let month = month.unwrap_or_else(|| bureau.this_month());
        bureau.quality(&bureau.month(month), me)
    };
    Ok(axum::Json(own(&app, &caller, read).await?).into_response())
}

/// Which data requests.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WhichRequests {
    after: Option<String>,
    limit: Option<i64>,
    #[serde(default)]
    all: bool,
}

/// What the bureau asks this furnisher for: statements that are missing. A request is filled by
/// sending the lines, in any upload; or answered with why they do not come.
#[utoipa::path(get, path = "/v1/data-requests", tag = "observations",
    params(("after" = Option<String>, Query, description = "The `next` of the page before"),
        ("limit" = Option<i64>, Query, description = "At most so many, up to 200"),
        ("all" = Option<bool>, Query, description = "Filled and answered ones too")),
    responses((status = 200, description = "The requests"),
        (status = 403, body = Refused, content_type = "application/problem+json")))]
pub async fn requests(
    State(app): State<Shared>,
    which: Result<Query<WhichRequests>, QueryRejection>,
    caller: Caller,
) -> Result<Response, Problem> {
    let Query(WhichRequests { after, limit, all }) = which.map_err(|_| bad_query())?;
    let limit = limit.unwrap_or(REQUESTS_MAX).clamp(1, REQUESTS_MAX);
    let read = move |bureau: &Bureau, me: &str| {
        bureau.data_requests(me, after.as_deref().unwrap_or_default(), !all, limit)
    };
    Ok(axum::Json(own(&app, &caller, read).await?).into_response())
}

/// Says why something that the bureau asked for does not come. What is sent needs no answer: the
/// batch that brings the last of it closes the request.
#[utoipa::path(post, path = "/v1/data-requests/{id}/answer", tag = "observations",
    params(("id" = String, Path, description = "The request")),
    request_body = RequestAnswerSent,
    responses((status = 200, description = "Answered"),
        (status = 404, body = Refused, content_type = "application/problem+json"),
        (status = 409, body = Refused, content_type = "application/problem+json"),
        (status = 422, body = Refused, content_type = "application/problem+json")))]
pub async fn answer(
    State(app): State<Shared>,
    Path(request): Path<String>,
    caller: Caller,
) -> Result<Response, Problem> {
    let (admission, sent) = (caller.admission()?, caller.json::<RequestAnswerSent>()?);
    Ok(replied(app.bureau.act(AnswerRequest { admission, request, sent }).await))
}

/// Reads what is a furnisher's own, its nonce spent.
async fn own(
    app: &Shared,
    caller: &Caller,
    read: impl FnOnce(&Bureau, &str) -> Result<Value, StoreError> + Send + 'static,
) -> Result<Value, Problem> {
    let Principal::Partner(me) = caller.principal.clone() else {
        let text = "This is a furnisher's; a person reads GET /v1/subjects/me/report.";
        return Err(Problem::new("role_missing", text));
    };
    let open = OpenUpload { admission: caller.plain_admission(), idempotency: None };
    if let Reply::Refused(problem) = app.bureau.act(open).await {
        return Err(problem);
    }
    let bureau = app.bureau.clone();
    let work = tokio::task::spawn_blocking(move || {
        let failed = |error: StoreError| {
            tracing::error!(%error, "what a furnisher sent could not be read");
            Problem::internal()
        };
        let registry = bureau.registry().map_err(failed)?;
        let partner = registry.partners.get(&me);
        if !partner.is_some_and(|partner| partner.roles.contains(&Role::Furnisher)) {
            let text = "Only a partner in the role of a furnisher has anything here.";
            return Err(Problem::new("role_missing", text));
        }
        read(&bureau, &me).map_err(failed)
    });
    work.await.map_err(|_| Problem::internal())?
}
