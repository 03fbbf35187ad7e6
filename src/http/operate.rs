//! For the operator: alive, ready, and the numbers.

use std::sync::OnceLock;

use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

use super::Shared;
use crate::error::Problem;
use crate::ledger::rows as ledger_rows;

/// The process's recorder: metrics are global, so there is one however many doors are open.
pub fn recorder() -> Option<PrometheusHandle> {
    static RECORDER: OnceLock<Option<PrometheusHandle>> = OnceLock::new();
    RECORDER.get_or_init(|| PrometheusBuilder::new().install_recorder().ok()).clone()
}

/// The process runs.
pub async fn healthz() -> &'static str {
    "ok\n"
}

/// It can do its work: the database answers and the log is being published.
pub async fn readyz(State(app): State<Shared>) -> Result<&'static str, Problem> {
    let bureau = app.bureau.clone();
    let read = tokio::task::spawn_blocking(move || {
        let head = bureau.store.read(ledger_rows::read_head);
        (head.is_ok_and(|h| h.is_some()), bureau.trouble())
    });
    let (answers, trouble) = read.await.map_err(|_| Problem::internal())?;
    match (answers, trouble) {
        (true, None) => Ok("ready\n"),
        (false, _) => {
            Err(Problem::new("not_ready", "The database does not answer.").retry_after(5))
        }
        (true, Some(trouble)) => {
            Err(Problem::new("not_ready", format!("The log is not published: {trouble}"))
                .retry_after(5))
        }
    }
}

/// Prometheus.
pub async fn metrics(State(app): State<Shared>) -> Response {
    let text = app.metrics.as_ref().map(PrometheusHandle::render).unwrap_or_default();
    let mut response = text.into_response();
    let media_type = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, media_type);
    response
}
