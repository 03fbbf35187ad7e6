//! For the operator: alive, ready, and the numbers.

use std::sync::OnceLock;

use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

use super::Shared;
use crate::error::Problem;

/// The process's recorder: metrics are global, so there is one however many doors are open.
pub fn recorder() -> Option<PrometheusHandle> {
    static RECORDER: OnceLock<Option<PrometheusHandle>> = OnceLock::new();
    RECORDER.get_or_init(|| PrometheusBuilder::new().install_recorder().ok()).clone()
}

/// The process runs.
pub async fn healthz() -> &'static str {
    "ok\n"
}

/// It can do its work: the database answers, the rule packs in force are the ones it knows, and the
/// log is being published.
pub async fn readyz(State(app): State<Shared>) -> Result<&'static str, Problem> {
    let bureau = app.bureau.clone();
    let read = tokio::task::spawn_blocking(move || (bureau.other_packs(), bureau.trouble()));
    let (others, trouble) = read.await.map_err(|_| Problem::internal())?;
    let text = match (others, trouble) {
        (Ok(None), None) => return Ok("ready\n"),
        (Err(_), _) => "The database does not answer.".to_string(),
        (Ok(Some(_)), _) => {
            "Other rule packs are in force than this process knows: restart it.".to_string()
        }
        (Ok(None), Some(trouble)) => format!("The log is not published: {trouble}"),
    };
    Err(Problem::new("not_ready", text).retry_after(5))
}

/// Prometheus.
pub async fn metrics(State(app): State<Shared>) -> Response {
    let text = app.metrics.as_ref().map(PrometheusHandle::render).unwrap_or_default();
    let mut response = text.into_response();
    let media_type = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, media_type);
    response
}
