//! `/v1/consents`.

use axum::extract::{Path, State};
use axum::response::Response;

use super::Shared;
use super::caller::{Caller, replied};
use super::openapi::ProblemBody as Refused;
use crate::bureau::command::consent::{GiveConsent, ReadConsent, RevokeConsent};
use crate::consent::Artefact;
use crate::error::Problem;

/// Records a consent artefact. Sent by its one recipient (`partner_attested`, or with the person's
/// signature), or by the person.
#[utoipa::path(post, path = "/v1/consents", tag = "consents", request_body = Artefact,
    responses((status = 201, description = "On record"),
        (status = 403, body = Refused, content_type = "application/problem+json"),
        (status = 422, body = Refused, content_type = "application/problem+json")))]
pub async fn give(State(app): State<Shared>, caller: Caller) -> Result<Response, Problem> {
    let (admission, artefact) = (caller.admission()?, caller.json::<Artefact>()?);
    Ok(replied(app.bureau.act(GiveConsent { admission, artefact }).await))
}

/// Reads a consent and its state.
#[utoipa::path(get, path = "/v1/consents/{id}", tag = "consents",
    params(("id" = String, Path, description = "The consent")),
    responses((status = 200, description = "The artefact and its state"),
        (status = 404, body = Refused, content_type = "application/problem+json")))]
pub async fn read(
    State(app): State<Shared>,
    Path(consent): Path<String>,
    caller: Caller,
) -> Result<Response, Problem> {
    let admission = caller.plain_admission();
    Ok(replied(app.bureau.act(ReadConsent { admission, consent }).await))
}

/// Takes a consent back. The very next use is refused.
#[utoipa::path(post, path = "/v1/consents/{id}/revoke", tag = "consents",
    params(("id" = String, Path, description = "The consent")),
    responses((status = 200, description = "Revoked"),
        (status = 404, body = Refused, content_type = "application/problem+json")))]
pub async fn revoke(
    State(app): State<Shared>,
    Path(consent): Path<String>,
    caller: Caller,
) -> Result<Response, Problem> {
    let admission = caller.admission()?;
    Ok(replied(app.bureau.act(RevokeConsent { admission, consent }).await))
}
