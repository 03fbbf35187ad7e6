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

/// `/docs/guides/{file}`: a guide as a page, or the file itself.
async fn guide(Path(file): Path<String>) -> Result<Response, Problem> {
    match guides::find(&file) {
        Some((body, true)) => {
            let page = page::page(&file, "guides", &body);
            Ok(typed(page, "text/html; charset=utf-8"))
        }
        Some((text, false)) => Ok(typed(text, "text/plain; charset=utf-8")),
        None => Err(Problem::new("not_found", "/docs/guides lists the guides.")),
    }
}

/// The pages' routes.
pub(super) fn routes() -> Router<Shared> {
    Router::new()
        .route("/docs/dictionary", get(|| async { html(&dictionary(None), "dictionary") }))
        .route("/docs/dictionary.md", get(|| async { markdown(&dictionary(None)) }))
        .route("/docs/dictionary.json", get(|| async { json(&dictionary(None)) }))
        .route("/docs/guides", get(|| async {
            typed(page::page("Guides", "guides", &guides::list()), "text/html; charset=utf-8")
        }))
        .route("/docs/guides/{file}", get(guide))
        .route("/docs/errors", get(|State(app): State<Shared>| async move {
            html(&errors(&app.bureau.engine.rules), "errors")
        }))
        .route("/docs/errors.md", get(|State(app): State<Shared>| async move {
            markdown(&errors(&app.bureau.engine.rules))
        }))
        .route("/docs/errors.json", get(|State(app): State<Shared>| async move {
            json(&errors(&app.bureau.engine.rules))
        }))
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

pub(super) fn html(document: &Document, here: &str) -> Response {
    typed(page::page(&document.title, here, &document.to_html()), "text/html; charset=utf-8")
}

pub(super) fn markdown(document: &Document) -> Response {
    typed(document.to_markdown(), "text/markdown; charset=utf-8")
}

pub(super) fn json(document: &Document) -> Response {
    axum::Json(document.data.clone()).into_response()
}
