//! `/v1/monitors`: being told when a watched person's score enters another band, or when something
//! adverse appears.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::Shared;
use super::caller::{Caller, bad_query, replied};
use super::openapi::ProblemBody as Refused;
use crate::bureau::Reply;
use crate::bureau::admission::Principal;
use crate::bureau::command::upload::OpenUpload;
use crate::bureau::command::watch::{
    EndMonitor, MONITORS_MAX, MonitorSent, ReadMonitor, SetMonitor,
};
use crate::error::Problem;

/// Begins to watch a person under a standing PERIODIC consent. Where things stand now is a soft
/// inquiry of its own; from then on an event `alert` tells when the score enters another band or
/// something adverse appears, each with a soft inquiry on record, until the consent ends.
#[utoipa::path(post, path = "/v1/monitors", tag = "inquiries", request_body = MonitorSent,
    responses((status = 201, description = "Watched"),
        (status = 403, body = Refused, content_type = "application/problem+json"),
        (status = 409, body = Refused, content_type = "application/problem+json"),
        (status = 422, body = Refused, content_type = "application/problem+json")))]
pub async fn set(State(app): State<Shared>, caller: Caller) -> Result<Response, Problem> {
    let (admission, sent) = (caller.admission()?, caller.json::<MonitorSent>()?);
    Ok(replied(app.bureau.act(SetMonitor { admission, sent }).await))
}

/// Which monitors.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Which {
    after: Option<String>,
    limit: Option<i64>,
}

/// This partner's monitors, ended ones too.
#[utoipa::path(get, path = "/v1/monitors", tag = "inquiries",
    params(("after" = Option<String>, Query, description = "The `next` of the page before"),
        ("limit" = Option<i64>, Query, description = "At most so many, up to 200")),
    responses((status = 200, description = "The monitors")))]
pub async fn list(
    State(app): State<Shared>,
    which: Result<Query<Which>, QueryRejection>,
    caller: Caller,
) -> Result<Response, Problem> {
    let Query(which) = which.map_err(|_| bad_query())?;
    let Principal::Partner(partner) = caller.principal.clone() else {
        let text = "Monitors are partners'; a person sees who asked in their report.";
        return Err(Problem::new("role_missing", text));
    };
    let open = OpenUpload { admission: caller.plain_admission(), idempotency: None };
    if let Reply::Refused(problem) = app.bureau.act(open).await {
        return Err(problem);
    }
    let limit = which.limit.unwrap_or(MONITORS_MAX).clamp(1, MONITORS_MAX);
    let after = which.after.unwrap_or_default();
    let bureau = app.bureau.clone();
    let work = tokio::task::spawn_blocking(move || bureau.monitors(&partner, &after, limit));
    let found = work.await.map_err(|_| Problem::internal())?;
    let found = found.map_err(|error| {
        tracing::error!(%error, "monitors could not be read");
        Problem::internal()
    })?;
    Ok(axum::Json(found).into_response())
}

/// One monitor: whether it is active, since when, and the inquiry it stands against.
#[utoipa::path(get, path = "/v1/monitors/{id}", tag = "inquiries",
    params(("id" = String, Path, description = "The monitor")),
    responses((status = 200, description = "The monitor"),
        (status = 404, body = Refused, content_type = "application/problem+json")))]
pub async fn read(
    State(app): State<Shared>,
    Path(monitor): Path<String>,
    caller: Caller,
) -> Result<Response, Problem> {
    let admission = caller.plain_admission();
    Ok(replied(app.bureau.act(ReadMonitor { admission, monitor }).await))
}

/// Watches no longer.
#[utoipa::path(delete, path = "/v1/monitors/{id}", tag = "inquiries",
    params(("id" = String, Path, description = "The monitor")),
    responses((status = 200, description = "Ended"),
        (status = 404, body = Refused, content_type = "application/problem+json")))]
pub async fn end(
    State(app): State<Shared>,
    Path(monitor): Path<String>,
    caller: Caller,
) -> Result<Response, Problem> {
    let admission = caller.plain_admission();
    Ok(replied(app.bureau.act(EndMonitor { admission, monitor }).await))
}
