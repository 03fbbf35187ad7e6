//! Pages to read, without the network: `/docs/…`, and the same text at the console.
//!
//! Each is a [`Document`], made from the code that it describes, and shown as a page, as Markdown
//! or as JSON. `/docs` itself is the interface, drawn by Swagger UI.

mod dictionary;
mod document;
mod errors;
mod guides;
mod markdown;
mod page;
mod sandbox;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

pub use dictionary::dictionary;
pub use document::{Cell, Document, Section};
pub use errors::errors;
pub use sandbox::sandbox;

use super::Shared;
use crate::error::Problem;
use crate::policy::Environment;

/// Whether this is a sandbox, which has one page more.
fn playground(app: &Shared) -> bool {
    app.bureau.engine.environment == Environment::Sandbox
}

/// `/docs/guides/{file}`: a guide as a page, or the file itself.
async fn guide(State(app): State<Shared>, Path(file): Path<String>) -> Result<Response, Problem> {
    match guides::find(&file) {
        Some((body, true)) => Ok(shown(&file, "guides", &body, playground(&app))),
        Some((text, false)) => Ok(typed(text, "text/plain; charset=utf-8")),
        None => Err(Problem::new("not_found", "/docs/guides lists the guides.")),
    }
}

async fn guides_list(State(app): State<Shared>) -> Response {
    shown("Guides", "guides", &guides::list(), playground(&app))
}

async fn dictionary_page(State(app): State<Shared>) -> Response {
    html(&dictionary(None), "dictionary", playground(&app))
}

async fn errors_page(State(app): State<Shared>) -> Response {
    html(&errors(&app.bureau.engine.rules), "errors", playground(&app))
}

async fn errors_markdown(State(app): State<Shared>) -> Response {
    markdown(&errors(&app.bureau.engine.rules))
}

async fn errors_json(State(app): State<Shared>) -> Response {
    json(&errors(&app.bureau.engine.rules))
}

/// The pages' routes.
pub(super) fn routes() -> Router<Shared> {
    Router::new()
        .route("/docs/dictionary", get(dictionary_page))
        .route("/docs/dictionary.md", get(|| async { markdown(&dictionary(None)) }))
        .route("/docs/dictionary.json", get(|| async { json(&dictionary(None)) }))
        .route("/docs/errors", get(errors_page))
        .route("/docs/errors.md", get(errors_markdown))
        .route("/docs/errors.json", get(errors_json))
        .route("/docs/guides", get(guides_list))
        .route("/docs/guides/{file}", get(guide))
}

fn shown(title: &str, here: &str, body: &str, sandbox: bool) -> Response {
    typed(page::page(title, here, body, sandbox), "text/html; charset=utf-8")
}

fn typed(body: String, media_type: &'static str) -> Response {
    let mut response = body.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    // Nothing on a page comes from elsewhere, and nothing on it runs.
    let policy = "default-src 'none'; style-src 'unsafe-inline'; img-src 'self'";
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    response
}

pub(super) fn html(document: &Document, here: &str, sandbox: bool) -> Response {
    shown(&document.title, here, &document.to_html(), sandbox)
}

pub(super) fn markdown(document: &Document) -> Response {
    typed(document.to_markdown(), "text/markdown; charset=utf-8")
}

pub(super) fn json(document: &Document) -> Response {
    axum::Json(document.data.clone()).into_response()
}
