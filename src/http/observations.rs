//! `/v1/observations`: a file of observations in, a receipt for every line out.

use std::sync::{Arc, PoisonError};

use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::Value;

use super::Shared;
use super::caller::{Caller, answered, bad_query, replied};
use super::openapi::ProblemBody as Refused;
use crate::bureau::admission::Admission;
use crate::bureau::command::upload::{AcceptUpload, OpenUpload, ReadUpload};
use crate::bureau::intake::{Applied, Order, interrupted};
use crate::bureau::spool::Spooling;
use crate::bureau::upload::{Format, UploadFile};
use crate::bureau::{Answer, Reply};
use crate::error::Problem;

/// Query of an upload.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct How {
    /// Check everything, apply nothing.
    #[serde(default)]
    dry_run: bool,
}

/// An answer that was kept: a receipt, or that an upload was taken.
async fn earlier(app: &Shared, caller: &Caller, answer: Answer) -> Result<Response, Problem> {
    let taken = answer.body.starts_with(b"{") && is_taken(&answer.body);
    if taken {
        let mut response = answered(Answer { created: false, ..answer });
        *response.status_mut() = StatusCode::ACCEPTED;
        return Ok(response);
    }
    let receipt = serde_json::from_slice(&answer.body).map_err(|_| Problem::internal())?;
    Ok(axum::Json(named(app, caller, receipt, "").await?).into_response())
}

/// The receipt at `pointer` of a body, with the accounts that it counts as missing named.
async fn named(
    app: &Shared,
    caller: &Caller,
    mut body: Value,
    pointer: &'static str,
) -> Result<Value, Problem> {
    let (bureau, me) = (app.bureau.clone(), caller.principal.key());
    let work = tokio::task::spawn_blocking(move || {
        if let Some(receipt) = body.pointer_mut(pointer) {
            bureau.name_missing(&me, receipt);
        }
        body
    });
    work.await.map_err(|_| Problem::internal())
}

fn is_taken(body: &[u8]) -> bool {
    serde_json::from_slice::<Value>(body).is_ok_and(|v| v["upload"].is_string())
}

/// Sends observations, as NDJSON, Parquet or Metro 2. Each line is accepted or rejected with every
/// reason; a bad line never sinks the batch, and a batch sent twice changes nothing. A file over
/// 8 MiB, or any with `Prefer: respond-async`, is taken with 202 and worked off; `GET` its `url`.
#[utoipa::path(post, path = "/v1/observations", tag = "observations",
    request_body(content = String, content_type = "application/x-ndjson",
        description = "One observation a line; or application/vnd.apache.parquet; or \
            application/x-metro2"),
    params(("dry_run" = Option<bool>, Query, description = "Check everything, apply nothing")),
    responses((status = 200, description = "The receipt"),
        (status = 202, description = "Taken; where its receipt will be"),
        (status = 413, body = Refused, content_type = "application/problem+json"),
        (status = 422, body = Refused, content_type = "application/problem+json")))]
pub async fn send(
    State(app): State<Shared>,
    how: Result<Query<How>, QueryRejection>,
    caller: Caller,
) -> Result<Response, Problem> {
    let Query(how) = how.map_err(|_| bad_query())?;
    let open = OpenUpload {
        admission: caller.plain_admission(),
        idempotency: caller.idempotency()?.map(|key| (key, caller.request)),
    };
    match app.bureau.act(open).await {
        // The same request was answered before.
        Reply::Done(answer) if answer.created => return earlier(&app, &caller, answer).await,
        Reply::Done(_) => {}
        Reply::Refused(problem) => return Err(problem),
    }
    let format = match caller.media_type().as_str() {
        "application/x-ndjson" => Format::Ndjson,
        "application/vnd.apache.parquet" => Format::Parquet,
        "application/x-metro2" => Format::Metro2,
        _ => {
            let text = "Send application/x-ndjson, application/vnd.apache.parquet or \
                        application/x-metro2.";
            return Err(Problem::new("media_type_unsupported", text));
        }
    };
    if let Some(spooling) = set_aside(&app, &caller).await? {
        return accept(&app, &caller, spooling, format, how.dry_run).await;
    }
    let order = Order {
        admission: Admission { nonce: None, ..caller.admission()? },
        format,
        dry_run: how.dry_run,
        upload: None,
    };
    let file = UploadFile { format, blob: Arc::new(caller.body.clone()), digest: caller.digest };
    let shared = app.clone();
    let work = tokio::task::spawn_blocking(move || {
        let bureau = &shared.bureau;
        let now = bureau.engine.env.now();
        let checked = bureau.checked(&order.admission, now, &file, true)?;
        let lines = checked.lines.into_iter().map(Ok);
        bureau.apply(&order, checked.receipt, lines, &mut |_| true).map_err(interrupted)
    });
    match work.await.map_err(|_| Problem::internal())?? {
        Applied::Whole(receipt) => {
            Ok(axum::Json(named(&app, &caller, receipt, "").await?).into_response())
        }
        Applied::Stopped => Err(Problem::internal()),
    }
}

/// The spooled file of an upload that is not answered within its request: too large for that, or
/// the client prefers not to wait (RFC 7240).
async fn set_aside(app: &Shared, caller: &Caller) -> Result<Option<Spooling>, Problem> {
    let spooled = caller.spooled.lock().unwrap_or_else(PoisonError::into_inner).take();
    if spooled.is_some() || !caller.prefers("respond-async") || caller.body.is_empty() {
        return Ok(spooled);
    }
    let (env, dir) = (app.bureau.engine.env.clone(), app.bureau.dir.clone());
    let body = caller.body.clone();
    let work = tokio::task::spawn_blocking(move || {
        let mut spooling = Spooling::begin(&env, &dir, &AcceptUpload::mint(&env))?;
        spooling.add(&body)?;
        spooling.finish()?;
        std::io::Result::Ok(spooling)
    });
    let done = work.await.map_err(|_| Problem::internal())?;
    done.map(Some).map_err(|error| {
        tracing::error!(%error, "an upload could not be spooled");
        Problem::internal()
    })
}

/// Puts a spooled upload on record and answers 202.
async fn accept(
    app: &Shared,
    caller: &Caller,
    mut spooling: Spooling,
    format: Format,
    dry_run: bool,
) -> Result<Response, Problem> {
    let id = spooling.id().to_string();
    let command = AcceptUpload {
        admission: Admission { nonce: None, ..caller.admission()? },
        id: id.clone(),
        format: format.name().to_string(),
        bytes: spooling.length(),
        digest: caller.digest,
        dry_run,
        key: spooling.key().clone(),
    };
    // A task of its own: a client that hangs up must not take the file of a recorded upload along.
    let shared = app.clone();
    let taking = tokio::spawn(async move {
        // Whatever happens to this process or to the answer from the database: a file that turns
        // out to be nobody's is swept at the next start.
        spooling.keep();
        let value = match shared.bureau.act(command).await.value() {
            Ok(value) => value,
            Err(problem) => {
                if problem.retry_after_seconds.is_none() {
                    spooling.let_go();
                }
                return Err(problem);
            }
        };
        // The same request sent twice at once has one upload; the other file goes.
        match value["upload"] == id {
            true => shared.intake.add(id),
            false => spooling.let_go(),
        }
        Ok::<_, Problem>(value)
    });
    let value = taking.await.map_err(|_| Problem::internal())??;
    let url = format!("/v1/observations/{}", value["upload"].as_str().unwrap_or_default());
    let mut response = (StatusCode::ACCEPTED, axum::Json(value)).into_response();
    if let Ok(url) = HeaderValue::from_str(&url) {
        response.headers_mut().insert(header::LOCATION, url);
    }
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    Ok(response)
}

/// How an upload stands that was answered with 202, and its receipt once it is done.
#[utoipa::path(get, path = "/v1/observations/{id}", tag = "observations",
    params(("id" = String, Path, description = "The upload")),
    responses((status = 200, description = "State, lines done, and the receipt or the problem"),
        (status = 404, body = Refused, content_type = "application/problem+json")))]
pub async fn read(
    State(app): State<Shared>,
    Path(upload): Path<String>,
    caller: Caller,
) -> Result<Response, Problem> {
    let admission = caller.plain_admission();
    match app.bureau.act(ReadUpload { admission, upload }).await {
        Reply::Done(answer) => {
            let body = serde_json::from_slice(&answer.body).map_err(|_| Problem::internal())?;
            Ok(axum::Json(named(&app, &caller, body, "/receipt").await?).into_response())
        }
        refused => Ok(replied(refused)),
    }
}
