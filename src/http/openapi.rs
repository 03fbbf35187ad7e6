//! The OpenAPI document, generated from the handlers, and a page to read it without the network.

use axum::Router;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use utoipa::{OpenApi, ToSchema};
use utoipa_swagger_ui::SwaggerUi;

use super::Shared;

/// What every answer has; the members that carry the value depend on the form.
#[derive(ToSchema)]
#[allow(dead_code, reason = "it describes the JSON, which is written by inquiry::answer")]
pub struct AnswerBody {
    /// The inquiry's id.
    inquiry: String,
    /// The scenario that was asked.
    scenario: String,
    /// `score`, `band`, `threshold`, `identity_level`, `file`, `not_assessable` or `refused`.
    form: String,
    /// Form `score`: 350 to 950.
    score: Option<i32>,
    /// Forms `score` and `band`.
    band: Option<String>,
    /// Form `threshold`: `yes` or `no`.
    outcome: Option<String>,
    /// Form `identity_level`.
    level: Option<u8>,
    /// Form `score`: name → points, of.
    dimensions: Option<Value>,
    /// Form `score`: at most four, and one more for inquiries.
    reasons: Option<Value>,
    /// Form `score`: how much of what may be read is known.
    completeness: Option<Value>,
    /// Form `score`: whether something is disputed.
    disputed: Option<bool>,
    /// Form `score`, where new credit is opened: whether the person warned of fraud. If so, make
    /// sure who applies before you open an account (FCRA 605A(h)).
    fraud_alert: Option<bool>,
    /// Scorecard: id, version, digest.
    model: Value,
    /// Rule pack: id, version, digest.
    rule_pack: Value,
    /// The moment it is about.
    as_of: String,
    /// Purpose, audience, expiry; never onward.
    r#use: Value,
    /// Index, leaf, opening, proof_url: the receipt.
    log: Value,
}

/// RFC 9457: why something was not done, and what to do next.
#[derive(ToSchema)]
#[allow(dead_code, reason = "it describes the JSON, which is written by http::problem")]
pub struct ProblemBody {
    /// `urn:fivefold:problem:CODE`.
    r#type: String,
    /// The code in words.
    title: String,
    /// The HTTP status.
    status: u16,
    /// The stable code that programs match on.
    code: String,
    /// What happened and what to do next.
    detail: String,
    /// Every single reason, by JSON pointer.
    errors: Option<Vec<crate::error::Reason>>,
    /// The policies that refused.
    policies: Option<Vec<String>>,
    /// Where the refusal stands in the log.
    log: Option<Value>,
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Fivefold",
        description = "A personal credit bureau that anyone can check. Every request under /v1 \
            but proofs is signed (RFC 9421, tag `fivefold-request`), and every answer to one is \
            signed (tag `fivefold-response`).",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    paths(
        super::applications::apply,
        super::applications::read,
        super::persons::enrol,
        super::persons::report,
        super::persons::freeze,
        super::persons::unfreeze,
        super::consents::give,
        super::consents::read,
        super::consents::revoke,
        super::observations::send,
        super::observations::read,
        super::supply::coverage,
        super::supply::quality,
        super::supply::requests,
        super::supply::answer,
        super::inquiries::ask,
        super::inquiries::ask_batch,
        super::inquiries::again,
        super::inquiries::outcome,
        super::monitors::set,
        super::monitors::list,
        super::monitors::read,
        super::monitors::end,
        super::rights::erase,
        super::rights::dispute,
        super::rights::read_dispute,
        super::rights::answer_dispute,
        super::rights::withdraw_dispute,
        super::rights::inform_dispute,
        super::rights::statement,
        super::rights::review,
        super::rights::complaint,
        super::rights::read_notice,
        super::rights::events,
        super::usage::read,
        super::webhook::read,
        super::webhook::set,
        super::webhook::remove,
        super::webhook::retry,
        super::log::proof,
    )
)]
struct Document;

/// The OpenAPI 3.1 document.
pub fn openapi() -> String {
    Document::openapi().to_pretty_json().unwrap_or_default()
}

/// `GET /openapi.json`
pub async fn document() -> Response {
    let mut response = openapi().into_response();
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// `/docs`: the page is compiled in.
pub fn pages() -> Router<Shared> {
    let config = utoipa_swagger_ui::Config::from("/openapi.json");
    SwaggerUi::new("/docs").config(config).into()
}
