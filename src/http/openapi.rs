//! The OpenAPI document, generated from the handlers, and a page to read it without the network.

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use utoipa::openapi::{ContentBuilder, Ref, ResponseBuilder};
use utoipa::{OpenApi, ToSchema};
use utoipa_swagger_ui::SwaggerUi;

use super::Shared;
use crate::policy::Environment;

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

/// What a sandbox has besides.
#[derive(OpenApi)]
#[openapi(paths(
    super::sandbox::register,
    super::conformance::begin,
    super::conformance::read,
    super::conformance::signed,
    super::conformance::body,
    super::conformance::once,
    super::conformance::busy,
    super::conformance::pages,
    super::conformance::answer,
    super::conformance::verdict,
    super::conformance::finish,
))]
struct SandboxDocument;

/// The OpenAPI 3.1 document.
pub fn openapi() -> String {
    written(Document::openapi())
}

/// The same of a sandbox, which has paths of its own.
fn openapi_of_sandbox() -> String {
    let mut document = Document::openapi();
    document.merge(SandboxDocument::openapi());
    written(document)
}

/// Whatever is signed is limited, and so is what strangers may do: every such path says so.
fn written(mut document: utoipa::openapi::OpenApi) -> String {
    let problem = ContentBuilder::new().schema(Some(Ref::from_schema_name("ProblemBody"))).build();
    let limited = ResponseBuilder::new()
        .description("Too many requests: come again as Retry-After says")
        .content("application/problem+json", problem)
        .build();
    for (path, item) in &mut document.paths.paths {
        let signed = path.starts_with("/v1/") && !path.starts_with("/v1/log/");
        if !signed && path != "/sandbox/partners" {
            continue;
        }
        let operations = [&mut item.get, &mut item.put, &mut item.post, &mut item.delete];
        for operation in operations.into_iter().flatten() {
            let responses = &mut operation.responses.responses;
            responses.insert("429".to_string(), limited.clone().into());
        }
    }
    document.to_pretty_json().unwrap_or_default()
}

/// `GET /openapi.json`
pub async fn document(State(app): State<Shared>) -> Response {
    let text = match app.bureau.engine.environment {
        Environment::Sandbox => openapi_of_sandbox(),
        Environment::Live | Environment::Demo => openapi(),
    };
    let mut response = text.into_response();
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
