//! `/v1/inquiries`: one question, many questions, the same answer again, what came of it.

use axum::extract::{Path, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::Shared;
use super::caller::{Caller, object, replied, request_digest};
use super::openapi::{AnswerBody, ProblemBody as Refused};
use super::problem::document;
use crate::bureau::Reply;
use crate::bureau::admission::Admission;
use crate::bureau::command::inquire::{Inquire, InquirySent};
use crate::bureau::command::outcome::{OutcomeSent, ReportOutcome};
use crate::bureau::command::read::ReadAnswer;
use crate::bureau::command::upload::OpenUpload;
use crate::error::Problem;

/// Inquiries of one batch at most (decisions.md 12).
const BATCH_LINES_MAX: usize = 1_000;
const NDJSON: &str = "application/x-ndjson";

/// Asks. The answer has the form that the scenario allows, and is on record before it leaves.
#[utoipa::path(post, path = "/v1/inquiries", tag = "inquiries", request_body = InquirySent,
    params(("Idempotency-Key" = String, Header, description = "Required, and signed")),
    responses((status = 201, description = "The answer", body = AnswerBody),
        (status = 401, body = Refused, content_type = "application/problem+json"),
        (status = 403, body = Refused, content_type = "application/problem+json"),
        (status = 409, body = Refused, content_type = "application/problem+json"),
        (status = 422, body = Refused, content_type = "application/problem+json")))]
pub async fn ask(State(app): State<Shared>, caller: Caller) -> Result<Response, Problem> {
    caller.required_idempotency()?;
    let (admission, sent) = (caller.admission()?, caller.json::<InquirySent>()?);
    Ok(replied(app.bureau.act(Inquire { admission, sent }).await))
}

/// Asks many questions at once: NDJSON of the same bodies, at most 1,000, answered line by line
/// as `{"line": n, "answer": …}` or `{"line": n, "problem": …}` under one signature.
#[utoipa::path(post, path = "/v1/inquiries/batch", tag = "inquiries",
    request_body(content = String, content_type = "application/x-ndjson"),
    params(("Idempotency-Key" = String, Header, description = "Required, and signed")),
    responses((status = 200, description = "A line each", content_type = "application/x-ndjson"),
        (status = 413, body = Refused, content_type = "application/problem+json")))]
pub async fn ask_batch(State(app): State<Shared>, caller: Caller) -> Result<Response, Problem> {
    let key = caller.required_idempotency()?;
    if caller.media_type() != NDJSON {
        let text = "Send application/x-ndjson: one inquiry a line.";
        return Err(Problem::new("media_type_unsupported", text));
    }
    let body = caller.body.clone();
    let lines: Vec<&[u8]> =
        body.split(|b| *b == b'\n').filter(|line| !line.trim_ascii().is_empty()).collect();
    if lines.len() > BATCH_LINES_MAX {
        let text = format!("At most {BATCH_LINES_MAX} inquiries in one batch. Send more batches.");
        return Err(Problem::new("too_many_lines", text));
    }
    let open = OpenUpload { admission: caller.plain_admission(), idempotency: None };
    if let Reply::Refused(problem) = app.bureau.act(open).await {
        return Err(problem);
    }
    // Each line is kept under a key of its own: a repeated batch gets the same answers.
    let mut waiting = Vec::with_capacity(lines.len());
    for (i, line) in lines.iter().enumerate() {
        waiting.push(object::<InquirySent>(line).map(|sent| {
            let digest = request_digest("LINE", &key, line);
            let admission = Admission {
                nonce: None,
                idempotency: Some((format!("{key}#{}", i + 1), digest)),
                ..caller.plain_admission()
            };
            app.bureau.submit(Inquire { admission, sent })
        }));
    }
    let mut out = Vec::new();
    for (i, reply) in waiting.into_iter().enumerate() {
        let reply = match reply {
            Ok(receiver) => receiver.await.unwrap_or_else(|_| Reply::Refused(Problem::internal())),
            Err(problem) => Reply::Refused(problem),
        };
        line_out(&mut out, i + 1, reply);
    }
    let mut response = out.into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(NDJSON));
    Ok(response)
}

fn line_out(out: &mut Vec<u8>, line: usize, reply: Reply) {
    match reply {
        // The answer's bytes go in as they are: they are the ones that were kept.
        Reply::Done(answer) => {
            out.extend_from_slice(format!("{{\"line\":{line},\"answer\":").as_bytes());
            out.extend_from_slice(&answer.body);
            out.extend_from_slice(b"}\n");
        }
        Reply::Refused(problem) => {
            let value: Value = json!({ "line": line, "problem": document(&problem) });
            out.extend_from_slice(value.to_string().as_bytes());
            out.push(b'\n');
        }
    }
}

/// The same answer again, byte for byte under a fresh signature; 410 when its use has ended.
#[utoipa::path(get, path = "/v1/inquiries/{id}", tag = "inquiries",
    params(("id" = String, Path, description = "The inquiry")),
    responses((status = 200, description = "The answer", body = AnswerBody),
        (status = 404, body = Refused, content_type = "application/problem+json"),
        (status = 410, body = Refused, content_type = "application/problem+json")))]
pub async fn again(
    State(app): State<Shared>,
    Path(inquiry): Path<String>,
    caller: Caller,
) -> Result<Response, Problem> {
    let admission = caller.plain_admission();
    Ok(replied(app.bureau.act(ReadAnswer { admission, inquiry }).await))
}

/// What was decided on an answer, and how it went.
#[utoipa::path(post, path = "/v1/inquiries/{id}/outcome", tag = "inquiries",
    params(("id" = String, Path, description = "The inquiry")), request_body = OutcomeSent,
    responses((status = 201, description = "On record"),
        (status = 404, body = Refused, content_type = "application/problem+json"),
        (status = 409, body = Refused, content_type = "application/problem+json"),
        (status = 422, body = Refused, content_type = "application/problem+json")))]
pub async fn outcome(
    State(app): State<Shared>,
    Path(inquiry): Path<String>,
    caller: Caller,
) -> Result<Response, Problem> {
    let (admission, sent) = (caller.admission()?, caller.json::<OutcomeSent>()?);
    Ok(replied(app.bureau.act(ReportOutcome { admission, inquiry, sent }).await))
}
