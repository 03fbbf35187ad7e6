//! From a problem to RFC 9457: the one place that knows which status a code has.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::error::Problem;

/// The media type of problems.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// Codes of requests that nobody was shown to have signed.
const UNAUTHENTICATED: [&str; 16] = [
    "signature_missing",
    "signature_ambiguous",
    "component_missing",
    "component_refused",
    "parameter_missing",
    "key_unknown",
    "key_suspended",
    "algorithm_mismatch",
    "created_too_old",
    "created_in_future",
    "signature_expired",
    "nonce_seen",
    "digest_missing",
    "digest_mismatch",
    "signature_invalid",
    "signature_malformed",
];

/// The status of a code.
pub fn status(code: &str) -> StatusCode {
    match code {
        code if UNAUTHENTICATED.contains(&code) => StatusCode::UNAUTHORIZED,
        "subject_not_found" | "inquiry_not_found" | "upload_not_found" | "freeze_not_found"
        | "partner_not_found" | "dispute_not_found" | "notice_not_found" | "matter_not_found"
        | "consent_not_found" | "item_not_found" | "entry_not_found" | "run_not_found"
        | "webhook_not_found" | "staff_not_found" | "model_unknown" | "not_found" => {
            StatusCode::NOT_FOUND
        }
        "application_not_found" => StatusCode::NOT_FOUND,
        "application_decided" | "application_overtaken" => StatusCode::CONFLICT,
        "method_not_allowed" => StatusCode::METHOD_NOT_ALLOWED,
        "answer_expired" => StatusCode::GONE,
        code if contradicts_what_is(code) => StatusCode::CONFLICT,
        "body_too_large" | "file_too_large" | "too_many_rows" | "too_many_lines" => {
            StatusCode::PAYLOAD_TOO_LARGE
        }
        "media_type_unsupported" => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "not_acceptable" => StatusCode::NOT_ACCEPTABLE,
        "idempotency_key_missing"
        | "idempotency_key_malformed"
        | "not_json"
        | "not_an_object"
        | "not_utf8"
        | "duplicate_key"
        | "invalid_json"
        | "line_too_long" => StatusCode::BAD_REQUEST,
        "invalid_request"
        | "too_many_items"
        | "parquet_unreadable"
        | "metro2_unreadable"
        | "file_unreadable"
        | "column_type"
        | "column_conflict"
        | "too_many_columns"
        | "control_total_mismatch" => StatusCode::UNPROCESSABLE_ENTITY,
        "overloaded" | "rate_exceeded" | "quota_exceeded" => StatusCode::TOO_MANY_REQUESTS,
        "timeout" => StatusCode::REQUEST_TIMEOUT,
        "database_unavailable"
        | "packs_replaced"
        | "disk_full"
        | "not_covered_yet"
        | "not_ready" => StatusCode::SERVICE_UNAVAILABLE,
        "internal" => StatusCode::INTERNAL_SERVER_ERROR,
        // What a policy refuses is understood, and forbidden.
        _ => StatusCode::FORBIDDEN,
    }
}

/// Whether what is asked for contradicts how things stand.
fn contradicts_what_is(code: &str) -> bool {
    matches!(
        code,
        "idempotency_conflict"
            | "outcome_exists"
            | "consent_exists"
            | "matter_closed"
            | "nothing_to_dispute"
            | "statements_limit"
            | "same_person"
            | "already_merged"
            | "not_merged"
            | "no_merge"
            | "document_taken"
            | "model_ambiguous"
            | "last_administrator"
            | "monitor_exists"
            | "nothing_missing"
            | "request_exists"
            | "request_closed"
            | "dispute_closed"
    )
}

/// The problem document.
pub fn document(problem: &Problem) -> Value {
    let status = status(&problem.code);
    let mut body = json!({
        "type": format!("urn:fivefold:problem:{}", problem.code),
        "title": problem.code.replace('_', " "),
        "status": status.as_u16(),
        "code": problem.code,
        "detail": problem.detail,
    });
    if !problem.errors.is_empty() {
        body["errors"] = json!(problem.errors);
    }
    if !problem.policies.is_empty() {
        body["policies"] = json!(problem.policies);
    }
    if let Some(index) = problem.index {
        body["log"] = json!({ "index": index, "proof_url": format!("/v1/log/proofs/{index}") });
    }
    body
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = document(&self).to_string();
        let mut response = (status(&self.code), body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        if let Some(seconds) = self.retry_after_seconds {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
