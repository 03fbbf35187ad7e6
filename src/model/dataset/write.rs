//! A training table as Parquet: the same rows give the same bytes.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, StringArray};
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;

use super::{AS_OF, OUTCOME, Outcome, Row, SOURCE, number};
use crate::model::error::ModelError;
use crate::score::characteristic::catalogue;

/// The name and version of the table's schema, in the file's metadata.
const SCHEMA: &str = "training/v1";

/// Writes the rows that went good or bad. `about` is said in the file's metadata.
///
/// # Errors
/// The file cannot be written.
pub fn write(rows: &[Row], about: &[(&str, String)], path: &Path) -> Result<(), ModelError> {
    let failed = |e: &dyn std::fmt::Display| ModelError::unwritable(path, e);
    let kept: Vec<&Row> =
        rows.iter().filter(|row| matches!(row.outcome, Outcome::Good | Outcome::Bad)).collect();
    let batch = batch(&kept).map_err(|e| failed(&e))?;
    let pair = |key: &str, value: &str| KeyValue::new(format!("fivefold.{key}"), value.to_string());
    let mut said = vec![pair("schema", SCHEMA)];
    said.extend(about.iter().map(|(key, value)| pair(key, value)));
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_created_by("fivefold".to_string())
        .set_key_value_metadata(Some(said))
        .build();
    let file = File::create(path).map_err(|e| failed(&e))?;
    let mut writer =
        ArrowWriter::try_new(file, batch.schema(), Some(properties)).map_err(|e| failed(&e))?;
    writer.write(&batch).map_err(|e| failed(&e))?;
    writer.close().map_err(|e| failed(&e))?;
    Ok(())
}

fn batch(rows: &[&Row]) -> Result<RecordBatch, ArrowError> {
    let words = |word: &dyn Fn(&Row) -> String| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(rows.iter().map(|row| word(row))))
    };
    let mut columns: Vec<(String, ArrayRef, bool)> = vec![
        (SOURCE.to_string(), words(&|row| row.source.clone()), false),
        (AS_OF.to_string(), words(&|row| row.as_of.to_string()), false),
        (OUTCOME.to_string(), words(&|row| row.outcome.to_string()), false),
    ];
    for (place, characteristic) in catalogue().enumerate() {
        let cells = rows.iter().map(|row| row.values.get(place).copied().and_then(number));
        let cells: Int64Array = cells.collect();
        columns.push((characteristic.name.to_string(), Arc::new(cells), true));
    }
    RecordBatch::try_from_iter_with_nullable(columns)
}
