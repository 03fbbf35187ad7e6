//! Scores as a file: CSV, or Parquet where the name ends so.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int32Array, StringArray};
use arrow::record_batch::RecordBatch;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;

use super::Scores;
use crate::model::error::ModelError;
use crate::score::assess::REASONS_MAX;

const BATCH_ROWS: usize = 65_536;

/// Writes one row for each row scored, in order: `score`, `probability_bad`, `reason_1` to
/// `reason_4`.
///
/// # Errors
/// The file cannot be written.
pub fn write(scores: &Scores, path: &Path) -> Result<(), ModelError> {
    let parquet = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("parquet"));
    if parquet { write_parquet(scores, path) } else { write_csv(scores, path) }
}

fn write_csv(scores: &Scores, path: &Path) -> Result<(), ModelError> {
    let failed = |e: std::io::Error| ModelError::unwritable(path, e);
    let file = File::create(path).map_err(failed)?;
    let mut out = BufWriter::with_capacity(1 << 18, file);
    let codes: Vec<Vec<u8>> = scores.codes.iter().map(|code| field(code)).collect();
    out.write_all(b"score,probability_bad,reason_1,reason_2,reason_3,reason_4\n")
        .map_err(failed)?;
    let mut line = Vec::with_capacity(256);
    let rows = scores.scores.iter().zip(&scores.bad_ppm).zip(&scores.reasons);
    for ((score, ppm), reasons) in rows {
        line.clear();
        let _ = write!(line, "{score},{}.{:06}", ppm / 1_000_000, ppm % 1_000_000);
        for reason in reasons {
            line.push(b',');
            line.extend_from_slice(codes.get(usize::from(*reason)).map_or(&[], Vec::as_slice));
        }
        line.push(b'\n');
        out.write_all(&line).map_err(failed)?;
    }
    out.flush().map_err(failed)
}

/// A field as CSV writes it (RFC 4180).
fn field(text: &str) -> Vec<u8> {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\"")).into_bytes()
    } else {
        text.as_bytes().to_vec()
    }
}

fn write_parquet(scores: &Scores, path: &Path) -> Result<(), ModelError> {
    let failed = |e: &dyn std::fmt::Display| ModelError::unwritable(path, e);
    let file = File::create(path).map_err(|e| failed(&e))?;
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_created_by(concat!("fivefold ", env!("CARGO_PKG_VERSION")).to_string())
        .build();
    let empty = batch(scores, 0, 0).map_err(|e| failed(&e))?;
    let mut writer =
        ArrowWriter::try_new(file, empty.schema(), Some(properties)).map_err(|e| failed(&e))?;
    let mut at = 0;
    while at < scores.scores.len() {
        let end = (at + BATCH_ROWS).min(scores.scores.len());
        let rows = batch(scores, at, end).map_err(|e| failed(&e))?;
        writer.write(&rows).map_err(|e| failed(&e))?;
        at = end;
    }
    writer.close().map_err(|e| failed(&e))?;
    Ok(())
}

fn batch(scores: &Scores, from: usize, to: usize) -> Result<RecordBatch, arrow::error::ArrowError> {
    let probability = scores.bad_ppm[from..to].iter().map(|ppm| f64::from(*ppm) / 1e6);
    let mut columns: Vec<(String, ArrayRef)> = vec![
        ("score".into(), Arc::new(Int32Array::from(scores.scores[from..to].to_vec()))),
        ("probability_bad".into(), Arc::new(Float64Array::from_iter_values(probability))),
    ];
    for place in 0..REASONS_MAX {
        let code = |reasons: &[u16; REASONS_MAX]| scores.codes.get(usize::from(reasons[place]));
        let codes: StringArray =
            scores.reasons[from..to].iter().map(|r| code(r).map(String::as_str)).collect();
        columns.push((format!("reason_{}", place + 1), Arc::new(codes)));
    }
    let fields = columns.into_iter().map(|(name, array)| (name, array, true));
    RecordBatch::try_from_iter_with_nullable(fields)
}
