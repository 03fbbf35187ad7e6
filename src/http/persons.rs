//! `/v1/subjects` and `/v1/freezes`: enrolment, the whole file, lock and unlock.

use std::time::Duration;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use tokio::time::MissedTickBehavior;

use super::Shared;
use super::caller::{Caller, bad_query, replied};
use super::openapi::ProblemBody as Refused;
use crate::bureau::Reply;
use crate::bureau::command::enrol::{Enrol, Enrolment};
use crate::bureau::command::file::SeeFile;
use crate::bureau::command::rights::{Freeze, FreezeSent, Unfreeze};
use crate::error::Problem;
use crate::report::consumer;
use crate::report::consumer::view::ConsumerView;

const PDF: &str = "application/pdf";
/// An enrolment is answered so many milliseconds after it came, or a multiple of that: whether the
/// person was known must not be read from a clock.
const ENROLMENT_BEAT: Duration = Duration::from_millis(10);

/// Enrols a real-name identity. The answer is the partner's own opaque id of the person and the
/// identity level that this partner's own evidence supports; it is the same whether or not the
/// person was known.
#[utoipa::path(post, path = "/v1/subjects", tag = "subjects", request_body = Enrolment,
    responses((status = 201, description = "The partner's own id of the person"),
        (status = 403, body = Refused, content_type = "application/problem+json"),
        (status = 422, body = Refused, content_type = "application/problem+json")))]
pub async fn enrol(State(app): State<Shared>, caller: Caller) -> Result<Response, Problem> {
    let admission = caller.admission()?;
    let sent = caller.json::<Enrolment>()?;
    let engine = &app.bureau.engine;
    // The latest date on earth: nobody's today is refused as a tomorrow.
    let today = engine.env.now().date_at(14);
    let command = Enrol::read(admission, sent, &engine.keys.index, today)?;
    let mut beat = tokio::time::interval(ENROLMENT_BEAT);
    beat.set_missed_tick_behavior(MissedTickBehavior::Skip);
    // The first beat is at once.
    beat.tick().await;
    let reply = app.bureau.act(command).await;
    beat.tick().await;
    Ok(replied(reply))
}

/// The whole file: identity, tradelines, score explained, consents, who asked. JSON, or PDF when
/// `Accept` asks for `application/pdf`. `me` for a person with a key of their own.
#[utoipa::path(get, path = "/v1/subjects/{id}/report", tag = "subjects",
    params(("id" = String, Path, description = "`me`, or an agent's own id of the person")),
    responses((status = 200, description = "The file", content_type = "application/json"),
        (status = 403, body = Refused, content_type = "application/problem+json")))]
pub async fn report(
    State(app): State<Shared>,
    Path(subject): Path<String>,
    caller: Caller,
) -> Result<Response, Problem> {
    let admission = caller.plain_admission();
    let reply = app.bureau.act(SeeFile { admission, subject }).await;
    let answer = match reply {
        Reply::Done(answer) if caller.accepts(PDF) => answer,
        reply => return Ok(replied(reply)),
    };
    let shared = app.clone();
    let drawn = tokio::task::spawn_blocking(move || {
        let view: ConsumerView = serde_json::from_slice(&answer.body).map_err(|e| e.to_string())?;
        consumer::render(&view, &shared.fonts).map_err(|e| e.to_string())
    });
    let pdf = match drawn.await {
        Ok(Ok(pdf)) => pdf,
        failed => {
            tracing::error!(failed = failed.is_err(), "a report could not be drawn");
            return Err(Problem::internal());
        }
    };
    let mut response = pdf.into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(PDF));
    Ok(response)
}

/// Locks the file against new credit.
#[utoipa::path(post, path = "/v1/freezes", tag = "rights", request_body = FreezeSent,
    responses((status = 201, description = "Locked"),
        (status = 403, body = Refused, content_type = "application/problem+json")))]
pub async fn freeze(State(app): State<Shared>, caller: Caller) -> Result<Response, Problem> {
    let (admission, sent) = (caller.admission()?, caller.json::<FreezeSent>()?);
    Ok(replied(app.bureau.act(Freeze { admission, sent }).await))
}

/// Whose freeze is lifted.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OfSubject {
    /// `me` when absent.
    pub subject: Option<String>,
}

/// Unlocks it.
#[utoipa::path(delete, path = "/v1/freezes/{id}", tag = "rights",
    params(("id" = String, Path, description = "The freeze"),
        ("subject" = Option<String>, Query, description = "An agent's own id of the person")),
    responses((status = 200, description = "Unlocked"),
        (status = 404, body = Refused, content_type = "application/problem+json")))]
pub async fn unfreeze(
    State(app): State<Shared>,
    Path(freeze): Path<String>,
    of: Result<Query<OfSubject>, QueryRejection>,
    caller: Caller,
) -> Result<Response, Problem> {
    let Query(of) = of.map_err(|_| bad_query())?;
    let admission = caller.plain_admission();
    let subject = of.subject.unwrap_or_else(|| "me".to_string());
    Ok(replied(app.bureau.act(Unfreeze { admission, freeze, subject }).await))
}
