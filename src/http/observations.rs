//! `/v1/observations`: a file of observations in, a receipt for every line out.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::Response;
use serde::Deserialize;

use super::Shared;
use super::caller::{Caller, answered, bad_query, replied};
use super::openapi::ProblemBody as Refused;
use crate::bureau::Reply;
use crate::bureau::admission::Admission;
use crate::bureau::command::observe::{
    CloseUpload, ObserveSlice, OpenUpload, SLICE_LINES_MAX, SliceOutcome,
};
use crate::bureau::upload::{self, Checked, Format};
use crate::error::Problem;

/// Query of an upload.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct How {
    /// Check everything, apply nothing.
    #[serde(default)]
    dry_run: bool,
}

/// Sends observations, as NDJSON or Parquet. Each line is accepted or rejected with every reason;
/// a bad line never sinks the batch, and a batch sent twice changes nothing.
#[utoipa::path(post, path = "/v1/observations", tag = "observations",
    request_body(content = String, content_type = "application/x-ndjson",
        description = "One observation a line; or application/vnd.apache.parquet"),
    params(("dry_run" = Option<bool>, Query, description = "Check everything, apply nothing")),
    responses((status = 200, description = "The receipt"),
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
        Reply::Done(answer) if answer.created => {
            return Ok(answered(crate::bureau::Answer { created: false, ..answer }));
        }
        Reply::Done(_) => {}
        Reply::Refused(problem) => return Err(problem),
    }
    let format = match caller.media_type().as_str() {
        "application/x-ndjson" => Format::Ndjson,
        "application/vnd.apache.parquet" => Format::Parquet,
        _ => {
            let text = "Send application/x-ndjson or application/vnd.apache.parquet.";
            return Err(Problem::new("media_type_unsupported", text));
        }
    };
    let shared = app.clone();
    let body = caller.body.clone();
    let read = tokio::task::spawn_blocking(move || {
        let engine = &shared.bureau.engine;
        upload::check(engine, engine.env.now(), format, &body)
    });
    let Checked { lines, mut receipt } = read.await.map_err(|_| Problem::internal())??;
    // The slices belong to the admitted upload: its nonce is spent, its key is the closing
    // command's.
    let inner = Admission { nonce: None, ..caller.plain_admission() };
    for slice in lines.chunks(SLICE_LINES_MAX) {
        let command =
            ObserveSlice { admission: inner.clone(), lines: slice.to_vec(), dry_run: how.dry_run };
        let value = app.bureau.act(command).await.value().map_err(interrupted)?;
        let outcome: SliceOutcome =
            serde_json::from_value(value).map_err(|_| Problem::internal())?;
        upload::add_slice(&mut receipt, outcome);
    }
    upload::close(&mut receipt);
    let admission = Admission { nonce: None, ..caller.admission()? };
    let admission = match how.dry_run {
        true => Admission { idempotency: None, ..admission },
        false => admission,
    };
    let close = CloseUpload { admission, receipt, dry_run: how.dry_run };
    Ok(replied(app.bureau.act(close).await))
}

/// An upload that stops in the middle is resumed by sending it again.
fn interrupted(problem: Problem) -> Problem {
    let detail = format!(
        "{} Some lines of this file may be on record already: send the same file again, and they \
         count as duplicates.",
        problem.detail
    );
    Problem { detail, ..problem }
}
