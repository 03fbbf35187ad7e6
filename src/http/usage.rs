//! `/v1/usage`: what a partner asked in a month, reconciled with the log.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;

use super::Shared;
use super::caller::{Caller, bad_query};
use super::openapi::ProblemBody as Refused;
use crate::bureau::Reply;
use crate::bureau::admission::Principal;
use crate::bureau::command::upload::OpenUpload;
use crate::error::{Problem, Reason};
use crate::kernel::Month;

/// Which month.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Which {
    period: Option<String>,
}

/// What this partner asked in a month, by scenario and outcome, and what of it is billable. The
/// count is exact for the entries of the log between `log.from_index` and `log.until_index`; each
/// line names its first and last entry, and every answer carries its own index.
#[utoipa::path(get, path = "/v1/usage", tag = "usage",
    params(("period" = Option<String>, Query,
        description = "The month, 2026-11, in the time of the bureau's own rule pack; this month \
            when absent")),
    responses((status = 200, description = "The counts"),
        (status = 422, body = Refused, content_type = "application/problem+json")))]
pub async fn read(
    State(app): State<Shared>,
    which: Result<Query<Which>, QueryRejection>,
    caller: Caller,
) -> Result<Response, Problem> {
    let Query(which) = which.map_err(|_| bad_query())?;
    let Principal::Partner(partner) = caller.principal.clone() else {
        let text = "Usage is counted for partners; a person's own requests are free.";
        return Err(Problem::new("role_missing", text));
    };
    // The nonce is spent and the key's standing asked, as for everything else.
    let open = OpenUpload { admission: caller.plain_admission(), idempotency: None };
    if let Reply::Refused(problem) = app.bureau.act(open).await {
        return Err(problem);
    }
    let bureau = app.bureau.clone();
    let read = tokio::task::spawn_blocking(move || {
        let name = which.period.unwrap_or_else(|| bureau.this_month().to_string());
        let month = name.parse::<Month>().map_err(|said| {
            Problem::invalid(vec![Reason::new("/period", "invalid_field", said)])
        })?;
        let period = bureau.period(&month.to_string()).map_err(|error| {
            Problem::invalid(vec![Reason::new("/period", "invalid_field", error.to_string())])
        })?;
        bureau.usage(&period, Some(&partner)).map_err(|error| {
            tracing::error!(%error, "usage could not be counted");
            Problem::internal()
        })
    });
    let usage = read.await.map_err(|_| Problem::internal())??;
    let (inquiries, billable) = usage.totals();
    let body = json!({
        "period": usage.period.name, "from": usage.period.from, "until": usage.period.until,
        "log": { "from_index": usage.from_index, "until_index": usage.until_index },
        "lines": usage.lines,
        "total": { "inquiries": inquiries, "billable": billable },
    });
    Ok(axum::Json(body).into_response())
}
