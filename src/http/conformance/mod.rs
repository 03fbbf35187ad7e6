//! `/v1/conformance`: the sandbox watches a partner's client do what every client must, and
//! certifies what it saw.
//!
//! Runs are held in memory for an hour; the certificate is an entry of the log, and signed.

mod run;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use axum::Router;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Shared;
use super::caller::{Caller, bad_query, replied};
use super::openapi::ProblemBody as Refused;
use super::signed::Forged;
use crate::bureau::Reply;
use crate::bureau::admission::Principal;
use crate::bureau::command::conformance::Certify;
use crate::bureau::command::upload::OpenUpload;
use crate::error::Problem;
use crate::kernel::{Time, id};
use run::{ANSWERS, BODY, BUSY_SECONDS, PAGES, Run, Seen};

/// Seconds for which a run is open.
const RUN_SECONDS: i64 = 3_600;
/// Runs open at the same time at most.
const RUNS_MAX: usize = 1_000;
/// Where it lies.
const ROOT: &str = "/v1/conformance";

/// The runs that are open.
#[derive(Default)]
pub struct Runs {
    inner: Mutex<BTreeMap<String, Run>>,
}

impl Runs {
    fn with<T>(&self, work: impl FnOnce(&mut BTreeMap<String, Run>) -> T) -> T {
        work(&mut self.inner.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn begin(&self, name: &str, partner: &str, now: Time) -> Result<Time, Problem> {
        let expires = now.plus_seconds(RUN_SECONDS);
        self.with(|runs| {
            runs.retain(|_, run| run.expires > now);
            if runs.len() >= RUNS_MAX {
                let text = "Too many runs are open. Try again in a minute.";
                return Err(Problem::new("overloaded", text).retry_after(60));
            }
            runs.insert(name.to_string(), Run::new(partner, expires));
            Ok(expires)
        })
    }

    /// A request to this path was refused by the signature layer.
    pub fn refused(&self, path: &str, code: &str) {
        let Some(rest) = path.strip_prefix(ROOT) else { return };
        let name = rest.trim_start_matches('/').split('/').next().unwrap_or_default();
        self.with(|runs| {
            if let Some(run) = runs.get_mut(name) {
                run.refuse(code);
            }
        });
    }
}

/// The routes, below `/v1`.
pub fn routes() -> Router<Shared> {
    Router::new()
        .route("/conformance", post(begin))
        .route("/conformance/{run}", get(read))
        .route("/conformance/{run}/signed", get(signed))
        .route("/conformance/{run}/body", post(body))
        .route("/conformance/{run}/once", post(once))
        .route("/conformance/{run}/busy", post(busy))
        .route("/conformance/{run}/pages", get(pages))
        .route("/conformance/{run}/answers/{place}", get(answer))
        .route("/conformance/{run}/verdict", post(verdict))
        .route("/conformance/{run}/finish", post(finish))
}

fn none() -> Problem {
    let text = "There is no such run of yours: it ended, or the sandbox was started anew. Begin \
                with POST /v1/conformance.";
    Problem::new("run_not_found", text)
}

fn partner_of(caller: &Caller) -> Result<String, Problem> {
    match &caller.principal {
        Principal::Partner(id) => Ok(id.clone()),
        _ => Err(Problem::new("role_missing", "Conformance runs are for partners.")),
    }
}

/// Spends the request's nonce, then lets the run see it.
async fn seen<T>(
    app: &Shared,
    caller: &Caller,
    name: &str,
    work: impl FnOnce(&mut Run, &Seen<'_>) -> T,
) -> Result<T, Problem> {
    let open = OpenUpload { admission: caller.plain_admission(), idempotency: None };
    if let Reply::Refused(problem) = app.bureau.act(open).await {
        app.runs.refused(&format!("{ROOT}/{name}"), &problem.code);
        return Err(problem);
    }
    let (partner, now) = (partner_of(caller)?, app.bureau.engine.env.now());
    let key = caller.idempotency()?;
    let nonce = caller.nonce.as_ref().map_or("", |(nonce, _)| nonce.as_str());
    let seen =
        Seen { created: caller.created, nonce, key: key.as_deref(), body: caller.digest, at: now };
    app.runs.with(|runs| {
        let run = runs.get_mut(name).filter(|run| run.partner == partner && run.expires > now);
        run.map(|run| work(run, &seen)).ok_or_else(none)
    })
}

fn steps(name: &str) -> Value {
    let at = |step: &str| format!("{ROOT}/{name}/{step}");
    json!([
        { "step": "signed", "method": "GET", "path": at("signed"),
          "what": "A signed request without a body." },
        { "step": "body", "method": "POST", "path": at("body"), "body": BODY,
          "what": "Exactly these bytes (UTF-8), with Content-Digest." },
        { "step": "once", "method": "POST", "path": at("once"), "body": "{}",
          "what": "Twice: the same body and Idempotency-Key, each signed anew." },
        { "step": "busy", "method": "POST", "path": at("busy"), "body": "{}",
          "what": "A 503 at first: wait as Retry-After says, then the same again, signed anew." },
        { "step": "pages", "method": "GET", "path": at("pages"),
          "what": "Follow `next` until it is null." },
        { "step": "answers", "method": "GET", "path": at("answers"), "count": ANSWERS,
          "what": "Each of `path`/0 to `path`/count-1, from 0 on: the signatures of some do not \
                   hold. Keep the `code` of those whose does." },
        { "step": "verdict", "method": "POST", "path": at("verdict"),
          "what": "{\"codes\": […]}: the codes of the genuine answers, and of no other." },
        { "step": "finish", "method": "POST", "path": at("finish"), "body": "{}",
          "what": "Certifies what was seen." },
    ])
}

/// Begins a run: the answer lists its steps.
#[utoipa::path(post, path = "/v1/conformance", tag = "sandbox",
    operation_id = "conformance_begin",
    responses((status = 201, description = "The run and its steps"),
        (status = 404, body = Refused, content_type = "application/problem+json")))]
pub async fn begin(State(app): State<Shared>, caller: Caller) -> Result<Response, Problem> {
    let open = OpenUpload { admission: caller.plain_admission(), idempotency: None };
    if let Reply::Refused(problem) = app.bureau.act(open).await {
        return Err(problem);
    }
    let env = &app.bureau.engine.env;
    let name = id::mint(env, "run");
    let expires = app.runs.begin(&name, &partner_of(&caller)?, env.now())?;
    let said = json!({ "run": name, "expires_at": expires, "steps": steps(&name) });
    Ok((StatusCode::CREATED, axum::Json(said)).into_response())
}

/// How a run stands.
#[utoipa::path(get, path = "/v1/conformance/{run}", tag = "sandbox",
    operation_id = "conformance_read",
    params(("run" = String, Path, description = "The run")),
    responses((status = 200, description = "Every check as it stands"),
        (status = 404, body = Refused, content_type = "application/problem+json")))]
pub async fn read(
    State(app): State<Shared>,
    Path(name): Path<String>,
    caller: Caller,
) -> Result<Response, Problem> {
    let checks = seen(&app, &caller, &name, |run, _| run.checks()).await?;
    Ok(axum::Json(json!({ "run": name, "checks": checks })).into_response())
}

/// A signed request without a body.
#[utoipa::path(get, path = "/v1/conformance/{run}/signed", tag = "sandbox",
    operation_id = "conformance_signed",
    params(("run" = String, Path, description = "The run")),
    responses((status = 200, description = "The signature holds"),
        (status = 404, body = Refused, content_type = "application/problem+json")))]
pub async fn signed(
    State(app): State<Shared>,
    Path(name): Path<String>,
    caller: Caller,
) -> Result<Response, Problem> {
    seen(&app, &caller, &name, |run, seen| run.signed(seen)).await?;
    Ok(axum::Json(json!({ "signed": true })).into_response())
}

/// A body that is to come as it is.
#[utoipa::path(post, path = "/v1/conformance/{run}/body", tag = "sandbox",
    operation_id = "conformance_body",
    params(("run" = String, Path, description = "The run")),
    responses((status = 200, description = "Whether the bytes came as they were given"),
        (status = 404, body = Refused, content_type = "application/problem+json")))]
pub async fn body(
    State(app): State<Shared>,
    Path(name): Path<String>,
    caller: Caller,
) -> Result<Response, Problem> {
    let same = seen(&app, &caller, &name, |run, seen| run.body(seen)).await?;
    Ok(axum::Json(json!({ "same": same })).into_response())
}

/// A request that is to come twice.
#[utoipa::path(post, path = "/v1/conformance/{run}/once", tag = "sandbox",
    operation_id = "conformance_once",
    params(("run" = String, Path, description = "The run")),
    responses((status = 201, description = "The same answer each time"),
        (status = 404, body = Refused, content_type = "application/problem+json")))]
pub async fn once(
    State(app): State<Shared>,
    Path(name): Path<String>,
    caller: Caller,
) -> Result<Response, Problem> {
    caller.required_idempotency()?;
    seen(&app, &caller, &name, |run, seen| run.once(seen)).await?;
    // The same answer each time: nothing was done twice.
    Ok((StatusCode::CREATED, axum::Json(json!({ "once": name }))).into_response())
}

/// A request that is refused at first.
#[utoipa::path(post, path = "/v1/conformance/{run}/busy", tag = "sandbox",
    operation_id = "conformance_busy",
    params(("run" = String, Path, description = "The run")),
    responses((status = 201, description = "Done, the second time"),
        (status = 404, body = Refused, content_type = "application/problem+json")))]
pub async fn busy(
    State(app): State<Shared>,
    Path(name): Path<String>,
    caller: Caller,
) -> Result<Response, Problem> {
    caller.required_idempotency()?;
    match seen(&app, &caller, &name, |run, seen| run.busy(seen)).await? {
        1 => {
            let text = "This answer is part of the run: wait as Retry-After says, then repeat.";
            Err(Problem::new("not_ready", text).retry_after(BUSY_SECONDS))
        }
        _ => Ok((StatusCode::CREATED, axum::Json(json!({ "done": true }))).into_response()),
    }
}

/// Which page.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct After {
    #[serde(default)]
    after: u64,
}

/// A list to be followed to its end.
#[utoipa::path(get, path = "/v1/conformance/{run}/pages", tag = "sandbox",
    operation_id = "conformance_pages",
    params(("run" = String, Path, description = "The run")),
    responses((status = 200, description = "A page"),
        (status = 404, body = Refused, content_type = "application/problem+json")))]
pub async fn pages(
    State(app): State<Shared>,
    Path(name): Path<String>,
    which: Result<Query<After>, QueryRejection>,
    caller: Caller,
) -> Result<Response, Problem> {
    let Query(After { after }) = which.map_err(|_| bad_query())?;
    seen(&app, &caller, &name, |run, seen| run.page(seen, after)).await?;
    let next = (after + 1 < PAGES).then_some(after + 1);
    Ok(axum::Json(json!({ "items": [format!("item {after}")], "next": next })).into_response())
}

/// One of the answers that the client must judge: some of them are signed by another key.
#[utoipa::path(get, path = "/v1/conformance/{run}/answers/{place}", tag = "sandbox",
    operation_id = "conformance_answer",
    params(("run" = String, Path, description = "The run"),
        ("place" = u64, Path, description = "Which, from 0")),
    responses((status = 200, description = "An answer; the signature of some does not hold"),
        (status = 404, body = Refused, content_type = "application/problem+json")))]
pub async fn answer(
    State(app): State<Shared>,
    Path((name, place)): Path<(String, usize)>,
    caller: Caller,
) -> Result<Response, Problem> {
    let random = app.bureau.engine.env.random();
    let told = seen(&app, &caller, &name, |run, seen| run.answer(seen, place, &random)).await?;
    let Some((code, genuine)) = told else {
        let text = "There is no such answer: begin at 0, and ask for each of them.";
        return Err(Problem::new("not_found", text));
    };
    let mut response = axum::Json(json!({ "answer": place, "code": code })).into_response();
    if !genuine {
        response.extensions_mut().insert(Forged);
    }
    Ok(response)
}

/// What the client says of the answers.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Verdict {
    /// The codes of those whose signature holds.
    codes: BTreeSet<String>,
}

/// Which answers were genuine.
#[utoipa::path(post, path = "/v1/conformance/{run}/verdict", tag = "sandbox",
    operation_id = "conformance_verdict",
    params(("run" = String, Path, description = "The run")),
    responses((status = 200, description = "Whether it is right"),
        (status = 404, body = Refused, content_type = "application/problem+json")))]
pub async fn verdict(
    State(app): State<Shared>,
    Path(name): Path<String>,
    caller: Caller,
) -> Result<Response, Problem> {
    let Verdict { codes } = caller.json()?;
    let right = seen(&app, &caller, &name, |run, seen| run.verdict(seen, &codes)).await?;
    Ok(axum::Json(json!({ "right": right })).into_response())
}

/// Certifies what was seen so far, passed or not: an entry of the log, and signed for JOSE tools.
#[utoipa::path(post, path = "/v1/conformance/{run}/finish", tag = "sandbox",
    operation_id = "conformance_finish",
    params(("run" = String, Path, description = "The run")),
    responses((status = 201, description = "The certificate"),
        (status = 404, body = Refused, content_type = "application/problem+json")))]
pub async fn finish(
    State(app): State<Shared>,
    Path(name): Path<String>,
    caller: Caller,
) -> Result<Response, Problem> {
    let (partner, now) = (partner_of(&caller)?, app.bureau.engine.env.now());
    let found = app.runs.with(|runs| {
        let run = runs.get(&name).filter(|run| run.partner == partner && run.expires > now);
        run.map(Run::checks).ok_or_else(none)
    });
    let command = Certify {
        admission: caller.admission()?,
        run: name,
        checks: json!(found.as_ref().map_err(Clone::clone)?),
        passed: found?.iter().all(|check| check.passed),
    };
    Ok(replied(app.bureau.act(command).await))
}
