//! What the writing side reports of itself. Prometheus counts in floats; nothing else here does.

/// A batch was executed.
pub fn batch(commands: usize, micros: i64) {
    metrics::histogram!("fivefold_batch_seconds").record(micros as f64 / 1e6);
    metrics::histogram!("fivefold_batch_commands").record(commands as f64);
}

/// A checkpoint covers so many entries.
pub fn published(size: u64) {
    metrics::gauge!("fivefold_log_size").set(size as f64);
}
