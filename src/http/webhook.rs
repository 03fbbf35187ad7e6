//! `/v1/webhook`: where this partner's events are sent.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::Shared;
use super::caller::{Caller, replied};
use super::openapi::ProblemBody as Refused;
use crate::bureau::Reply;
use crate::bureau::admission::Principal;
use crate::bureau::command::upload::OpenUpload;
use crate::bureau::command::webhook::SetWebhook;
use crate::bureau::webhook::not_found;
use crate::error::Problem;

/// `PUT /v1/webhook`.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WebhookSent {
    /// An https URL at a public address; in a sandbox also http at the loopback one.
    pub url: String,
    /// The last event that is known: what follows is sent. All of them when absent.
    #[serde(default)]
    pub after: Option<i64>,
}

/// Sends this partner's events to an address: what `GET /v1/events` answers, as `POST`, signed by
/// the bureau with the tag `fivefold-event`, in order, each at least once. Anything but a 2xx
/// within five seconds is tried again, with growing pauses, for about a day.
#[utoipa::path(put, path = "/v1/webhook", tag = "events", request_body = WebhookSent,
    responses((status = 200, description = "Set"),
        (status = 422, body = Refused, content_type = "application/problem+json")))]
pub async fn set(State(app): State<Shared>, caller: Caller) -> Result<Response, Problem> {
    let (admission, sent) = (caller.admission()?, caller.json::<WebhookSent>()?);
    let command = SetWebhook { admission, url: Some(sent.url), after: sent.after };
    Ok(replied(app.bureau.act(command).await))
}

/// Sends events nowhere any more; they can still be pulled.
#[utoipa::path(delete, path = "/v1/webhook", tag = "events",
    responses((status = 200, description = "Taken away")))]
pub async fn remove(State(app): State<Shared>, caller: Caller) -> Result<Response, Problem> {
    let command = SetWebhook { admission: caller.admission()?, url: None, after: None };
    Ok(replied(app.bureau.act(command).await))
}

/// How the sending goes: the last event delivered, why the last attempt failed, and what was given
/// up.
#[utoipa::path(get, path = "/v1/webhook", tag = "events",
    responses((status = 200, description = "How it stands"),
        (status = 404, body = Refused, content_type = "application/problem+json")))]
pub async fn read(State(app): State<Shared>, caller: Caller) -> Result<Response, Problem> {
    let partner = admitted(&app, &caller).await?;
    let bureau = app.bureau.clone();
    let work = tokio::task::spawn_blocking(move || bureau.webhook(&partner));
    let known = work.await.map_err(|_| Problem::internal())?;
    let known = known.map_err(|error| {
        tracing::error!(%error, "a webhook could not be read");
        Problem::internal()
    })?;
    Ok(axum::Json(known.ok_or_else(not_found)?).into_response())
}

/// Sends again what was given up, and tries at once.
#[utoipa::path(post, path = "/v1/webhook/retry", tag = "events",
    responses((status = 200, description = "It is tried again"),
        (status = 404, body = Refused, content_type = "application/problem+json")))]
pub async fn retry(State(app): State<Shared>, caller: Caller) -> Result<Response, Problem> {
    let partner = admitted(&app, &caller).await?;
    let bureau = app.bureau.clone();
    let work = tokio::task::spawn_blocking(move || bureau.retry_webhook(&partner));
    let known = work.await.map_err(|_| Problem::internal())??;
    Ok(axum::Json(known).into_response())
}

/// The partner, its nonce spent.
async fn admitted(app: &Shared, caller: &Caller) -> Result<String, Problem> {
    let Principal::Partner(partner) = caller.principal.clone() else {
        let text = "Events of partners are sent; a person pulls theirs.";
        return Err(Problem::new("role_missing", text));
    };
    let open = OpenUpload { admission: caller.plain_admission(), idempotency: None };
    match app.bureau.act(open).await {
        Reply::Done(_) => Ok(partner),
        Reply::Refused(problem) => Err(problem),
    }
}
