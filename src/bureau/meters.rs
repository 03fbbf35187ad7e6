//! What the writing side reports of itself. Prometheus counts in floats; nothing else here does.

/// A batch was executed.
pub fn batch(commands: usize, micros: i64) {
    metrics::histogram!("fivefold_batch_seconds").record(micros as f64 / 1e6);
    metrics::histogram!("fivefold_batch_commands").record(commands as f64);
}

/// A file of observations was closed: lines taken, known before, refused, and late by contract. No
/// partner is named: who sent what is told to it, and to staff.
pub fn file(accepted: u64, duplicates: u64, rejected: u64, late: u64) {
    for (outcome, count) in
        [("accepted", accepted), ("duplicate", duplicates), ("rejected", rejected), ("late", late)]
    {
        metrics::counter!("fivefold_lines", "outcome" => outcome).increment(count);
    }
}

/// How many accounts of all furnishers lack a statement that is due, and how many were asked for.
pub fn missing(incomplete: u64, requests_open: u64) {
    metrics::gauge!("fivefold_accounts_incomplete").set(incomplete as f64);
    metrics::gauge!("fivefold_data_requests_open").set(requests_open as f64);
}

/// A request was answered.
pub fn request(route: &str, status: u16, micros: i64) {
    let labels = [("route", route.to_string()), ("status", status.to_string())];
    metrics::counter!("fivefold_requests", &labels).increment(1);
    metrics::histogram!("fivefold_request_seconds", "route" => route.to_string())
        .record(micros as f64 / 1e6);
}

/// A checkpoint covers so many entries.
pub fn published(size: u64) {
    metrics::gauge!("fivefold_log_size").set(size as f64);
}
