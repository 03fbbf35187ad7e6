//! What the writing side reports of itself. Prometheus counts in floats; nothing else here does.

/// A batch was executed.
pub fn batch(commands: usize, micros: i64) {
    metrics::histogram!("fivefold_batch_seconds").record(micros as f64 / 1e6);
    metrics::histogram!("fivefold_batch_commands").record(commands as f64);
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
