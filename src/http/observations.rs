//! `/v1/observations`: a file of observations in, a receipt for every line out.

use axum::extract::{Query, State};
use axum::response::Response;
use bytes::Bytes;
use serde::Deserialize;

use super::Shared;
use super::caller::{Caller, answered, replied};
use super::openapi::ProblemBody as Refused;
use crate::bureau::Reply;
use crate::bureau::admission::Admission;
use crate::bureau::command::observe::{
    CloseUpload, Line, ObserveSlice, OpenUpload, SLICE_LINES_MAX, SliceOutcome,
};
use crate::collect::{
    BatchHeader, FieldError, Lines, ReadContext, Receipt, Rows, Totals, ends_batch,
    read_observation,
};
use crate::error::{Problem, Reason};
use crate::kernel::bytes::sha256;

/// Years of history taken at most: the longest retention of any pack.
const HISTORY_YEARS: i64 = 11;

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
    Query(how): Query<How>,
    caller: Caller,
) -> Result<Response, Problem> {
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
    let parquet = match caller.media_type().as_str() {
        "application/x-ndjson" => false,
        "application/vnd.apache.parquet" => true,
        _ => {
            let text = "Send application/x-ndjson or application/vnd.apache.parquet.";
            return Err(Problem::new("media_type_unsupported", text));
        }
    };
    let shared = app.clone();
    let body = caller.body.clone();
    let read = tokio::task::spawn_blocking(move || read_file(&shared, &body, parquet));
    let (mut receipt, lines) = read.await.map_err(|_| Problem::internal())??;
    // The slices belong to the admitted upload: its nonce is spent, its key is the closing
    // command's.
    let inner = Admission { nonce: None, ..caller.plain_admission() };
    for slice in lines.chunks(SLICE_LINES_MAX) {
        let command =
            ObserveSlice { admission: inner.clone(), lines: slice.to_vec(), dry_run: how.dry_run };
        let value = app.bureau.act(command).await.value().map_err(interrupted)?;
        let outcome: SliceOutcome =
            serde_json::from_value(value).map_err(|_| Problem::internal())?;
        add(&mut receipt, outcome);
    }
    receipt.errors.sort_by_key(|error| error.line);
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

/// Adds what became of a slice to the receipt.
pub fn add(receipt: &mut Receipt, outcome: SliceOutcome) {
    receipt.accepted += outcome.accepted;
    receipt.duplicates += outcome.duplicates;
    for (line, code, message) in outcome.rejected {
        receipt.rejected += 1;
        let error = crate::collect::LineError { line, pointer: String::new(), code, message };
        if receipt.errors.len() < crate::collect::receipt::ERRORS_LISTED_MAX {
            receipt.errors.push(error);
        } else {
            receipt.errors_omitted += 1;
        }
    }
    if let Some((first, last)) = outcome.range {
        receipt.logged(first);
        receipt.logged(last);
    }
}

fn refused(errors: Vec<FieldError>) -> Problem {
    let code = errors.first().map_or("invalid_request", |e| e.code);
    let reasons = errors.iter().map(|e| Reason::new(e.pointer.clone(), e.code, e.message.clone()));
    let text = "The file as a whole cannot be taken, and nothing of it was applied.";
    Problem { errors: reasons.collect(), ..Problem::new(code, text) }
}

/// Reads a whole file before any of it is applied.
fn read_file(app: &Shared, body: &Bytes, parquet: bool) -> Result<(Receipt, Vec<Line>), Problem> {
    let now = app.bureau.engine.env.now();
    // The latest date on earth: nobody's today is refused as a tomorrow.
    let today = now.date_at(14);
    let oldest = now.plus_days(-366 * HISTORY_YEARS).date_at(0);
    let ctx = ReadContext { today, oldest, allowed_categories: &app.categories };
    let mut reading = Reading {
        receipt: Receipt::new(&sha256(body)),
        totals: Totals::default(),
        lines: Vec::new(),
    };
    let header = if parquet {
        let rows = Rows::open(body).map_err(refused)?;
        let header = rows.header();
        reading.take(rows, &ctx)?;
        header
    } else {
        let mut rows = Lines::open(body).map_err(|e| refused(vec![e]))?;
        let header = rows.header();
        reading.take(rows, &ctx)?;
        header
    };
    if let Some(header) = header {
        let header: BatchHeader = header.map_err(refused)?;
        header.check(&reading.totals).map_err(refused)?;
    }
    reading.receipt.control_totals = reading.totals.summary();
    Ok((reading.receipt, reading.lines))
}

struct Reading {
    receipt: Receipt,
    totals: Totals,
    lines: Vec<Line>,
}

impl Reading {
    fn take(
        &mut self,
        rows: impl Iterator<
            Item = (u64, Result<serde_json::Map<String, serde_json::Value>, FieldError>),
        >,
        ctx: &ReadContext<'_>,
    ) -> Result<(), Problem> {
        for (line, row) in rows {
            self.totals.add(&row);
            let read = match row {
                Err(error) if ends_batch(error.code) => return Err(refused(vec![error])),
                Err(error) => Err(vec![error]),
                Ok(map) => read_observation(&map, ctx),
            };
            match read {
                Ok(observation) => self.lines.push((line, observation)),
                Err(errors) => self.receipt.reject(line, errors),
            }
        }
        Ok(())
    }
}
