//! `/v1/disputes`, `/v1/statements`, `/v1/reviews`, `/v1/complaints`, `/v1/notices`, `/v1/events`:
//! what persons demand, and who is told.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::Shared;
use super::caller::{Caller, bad_query, replied};
use super::openapi::ProblemBody as Refused;
use super::persons::OfSubject;
use crate::bureau::Reply;
use crate::bureau::command::answering::{AnswerDispute, AnswerSent};
use crate::bureau::command::dispute::{DisputeSent, OpenDispute, ReadDispute};
use crate::bureau::command::erase::Erase;
use crate::bureau::command::events::{EVENTS_MAX, ReadEvents};
use crate::bureau::command::matters::{MatterSent, OpenMatter};
use crate::bureau::command::notice::ReadNotice;
use crate::bureau::command::reconsider::{InformDispute, InformationSent, WithdrawDispute};
use crate::error::Problem;
use crate::report::notice;
use crate::rights::MatterKind;

const PDF: &str = "application/pdf";

/// Objects to items of the file: marked at once, forwarded to whoever sent them, answered within
/// the time of the person's law.
#[utoipa::path(post, path = "/v1/disputes", tag = "rights", request_body = DisputeSent,
    responses((status = 201, description = "Marked and forwarded"),
        (status = 403, body = Refused, content_type = "application/problem+json"),
        (status = 422, body = Refused, content_type = "application/problem+json")))]
pub async fn dispute(State(app): State<Shared>, caller: Caller) -> Result<Response, Problem> {
    let (admission, sent) = (caller.admission()?, caller.json::<DisputeSent>()?);
    Ok(replied(app.bureau.act(OpenDispute { admission, sent }).await))
}

/// How an objection stands: to the person every item, to a furnisher its own.
#[utoipa::path(get, path = "/v1/disputes/{id}", tag = "rights",
    params(("id" = String, Path, description = "The dispute")),
    responses((status = 200, description = "The dispute"),
        (status = 404, body = Refused, content_type = "application/problem+json")))]
pub async fn read_dispute(
    State(app): State<Shared>,
    Path(dispute): Path<String>,
    caller: Caller,
) -> Result<Response, Problem> {
    let admission = caller.plain_admission();
    Ok(replied(app.bureau.act(ReadDispute { admission, dispute }).await))
}

/// A furnisher answers for its items: corrected, deleted, upheld, unverifiable; or certifies an
/// item that was deleted, so that it comes back.
#[utoipa::path(post, path = "/v1/disputes/{id}/answer", tag = "rights", request_body = AnswerSent,
    params(("id" = String, Path, description = "The dispute")),
    responses((status = 200, description = "Settled"),
        (status = 404, body = Refused, content_type = "application/problem+json"),
        (status = 422, body = Refused, content_type = "application/problem+json")))]
pub async fn answer_dispute(
    State(app): State<Shared>,
    Path(dispute): Path<String>,
    caller: Caller,
) -> Result<Response, Problem> {
    let (admission, sent) = (caller.admission()?, caller.json::<AnswerSent>()?);
    Ok(replied(app.bureau.act(AnswerDispute { admission, dispute, sent }).await))
}

/// The person takes an objection back: what of it is not settled yet is no longer looked into.
#[utoipa::path(post, path = "/v1/disputes/{id}/withdraw", tag = "rights",
    params(("id" = String, Path, description = "The dispute")),
    responses((status = 200, description = "Taken back"),
        (status = 404, body = Refused, content_type = "application/problem+json"),
        (status = 409, body = Refused, content_type = "application/problem+json")))]
pub async fn withdraw_dispute(
    State(app): State<Shared>,
    Path(dispute): Path<String>,
    caller: Caller,
) -> Result<Response, Problem> {
    let admission = caller.admission()?;
    Ok(replied(app.bureau.act(WithdrawDispute { admission, dispute }).await))
}

/// The person adds to an objection: forwarded to whoever still has to answer. Where the law gives
/// longer for it, the answer is due later, once.
#[utoipa::path(post, path = "/v1/disputes/{id}/information", tag = "rights",
    request_body = InformationSent,
    params(("id" = String, Path, description = "The dispute")),
    responses((status = 200, description = "Added and forwarded"),
        (status = 404, body = Refused, content_type = "application/problem+json"),
        (status = 409, body = Refused, content_type = "application/problem+json"),
        (status = 422, body = Refused, content_type = "application/problem+json")))]
pub async fn inform_dispute(
    State(app): State<Shared>,
    Path(dispute): Path<String>,
    caller: Caller,
) -> Result<Response, Problem> {
    let (admission, sent) = (caller.admission()?, caller.json::<InformationSent>()?);
    Ok(replied(app.bureau.act(InformDispute { admission, dispute, sent }).await))
}

/// Forgets the person where the law allows it: the key that seals what is theirs is destroyed, and
/// a signed certificate in the log names every entry whose content is gone. There is no way back.
#[utoipa::path(post, path = "/v1/subjects/{id}/erase", tag = "rights",
    params(("id" = String, Path, description = "`me`, or an agent's own id of the person")),
    responses((status = 200, description = "The certificate"),
        (status = 403, body = Refused, content_type = "application/problem+json")))]
pub async fn erase(
    State(app): State<Shared>,
    Path(subject): Path<String>,
    caller: Caller,
) -> Result<Response, Problem> {
    let admission = caller.admission()?;
    Ok(replied(app.bureau.act(Erase { admission, subject }).await))
}

async fn open(app: Shared, caller: Caller, kind: MatterKind) -> Result<Response, Problem> {
    let (admission, sent) = (caller.admission()?, caller.json::<MatterSent>()?);
    Ok(replied(app.bureau.act(OpenMatter { admission, kind, sent }).await))
}

/// Attaches the person's own words to an item, or to the file; shown wherever it is.
#[utoipa::path(post, path = "/v1/statements", tag = "rights", request_body = MatterSent,
    responses((status = 201, description = "On file"),
        (status = 422, body = Refused, content_type = "application/problem+json")))]
pub async fn statement(State(app): State<Shared>, caller: Caller) -> Result<Response, Problem> {
    open(app, caller, MatterKind::Statement).await
}

/// Asks that a person looks again at what was decided by a machine.
#[utoipa::path(post, path = "/v1/reviews", tag = "rights", request_body = MatterSent,
    responses((status = 201, description = "Waiting for a person of the bureau"),
        (status = 422, body = Refused, content_type = "application/problem+json")))]
pub async fn review(State(app): State<Shared>, caller: Caller) -> Result<Response, Problem> {
    open(app, caller, MatterKind::Review).await
}

/// Complains about the bureau.
#[utoipa::path(post, path = "/v1/complaints", tag = "rights", request_body = MatterSent,
    responses((status = 201, description = "Received"),
        (status = 422, body = Refused, content_type = "application/problem+json")))]
pub async fn complaint(State(app): State<Shared>, caller: Caller) -> Result<Response, Problem> {
    open(app, caller, MatterKind::Complaint).await
}

/// The adverse-action notice, as JSON, or as PDF when `Accept` asks for `application/pdf`.
#[utoipa::path(get, path = "/v1/notices/{id}", tag = "rights",
    params(("id" = String, Path, description = "The notice's number"),
        ("subject" = Option<String>, Query, description = "An agent's own id of the person")),
    responses((status = 200, description = "The notice", content_type = "application/json"),
        (status = 404, body = Refused, content_type = "application/problem+json")))]
pub async fn read_notice(
    State(app): State<Shared>,
    Path(notice): Path<String>,
    of: Result<Query<OfSubject>, QueryRejection>,
    caller: Caller,
) -> Result<Response, Problem> {
    let Query(of) = of.map_err(|_| bad_query())?;
    let subject = of.subject.unwrap_or_else(|| "me".to_string());
    let admission = caller.plain_admission();
    let reply = app.bureau.act(ReadNotice { admission, notice, subject }).await;
    let answer = match reply {
        Reply::Done(answer) if caller.accepts(PDF) => answer,
        reply => return Ok(replied(reply)),
    };
    let shared = app.clone();
    let drawn = tokio::task::spawn_blocking(move || {
        let view = serde_json::from_slice(&answer.body).map_err(|e| e.to_string())?;
        notice::render(&view, &shared.fonts).map_err(|e| e.to_string())
    });
    let Ok(Ok(pdf)) = drawn.await else {
        tracing::error!("a notice could not be drawn");
        return Err(Problem::internal());
    };
    let mut response = pdf.into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(PDF));
    Ok(response)
}

/// Which events.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Which {
    after: Option<i64>,
    limit: Option<i64>,
}

/// What this partner or person is told: corrections, disputes to answer, results, notices. Oldest
/// first; `next` is the cursor of the next page, `last` the newest event seen.
#[utoipa::path(get, path = "/v1/events", tag = "rights",
    params(("after" = Option<i64>, Query, description = "The last event that is known"),
        ("limit" = Option<i64>, Query, description = "At most so many, up to 200")),
    responses((status = 200, description = "The events")))]
pub async fn events(
    State(app): State<Shared>,
    which: Result<Query<Which>, QueryRejection>,
    caller: Caller,
) -> Result<Response, Problem> {
    let Query(which) = which.map_err(|_| bad_query())?;
    let admission = caller.plain_admission();
    let (after, limit) = (which.after.unwrap_or(-1), which.limit.unwrap_or(EVENTS_MAX));
    Ok(replied(app.bureau.act(ReadEvents { admission, after, limit }).await))
}
