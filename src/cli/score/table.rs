//! The table of scores as Parquet: sorted by person, the same scores give the same bytes.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Int32Array, RecordBatch, StringArray, TimestampMicrosecondArray,
    UInt16Array, UInt64Array,
};
use arrow::error::ArrowError;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;

use crate::bureau::look::Seen;
use crate::cli::output::Failure;
use crate::collect::Dimension;
use crate::kernel::bytes::hex;
use crate::score::{Assessment, Outcome, Scorecard};

/// The name and version of the table's schema, in the file's metadata.
const SCHEMA: &str = "scores/v1";

/// The table as a Parquet file.
pub fn parquet(seen: &[Seen], known_at: Option<u64>, card: &Scorecard) -> Result<Vec<u8>, Failure> {
    let broken = |e: &dyn std::fmt::Display| {
        Failure::new("table_not_written", format!("the table of scores: {e}"))
    };
    let batch = batch(seen, known_at).map_err(|e| broken(&e))?;
    let pair = |key: &str, value: String| KeyValue::new(key.to_string(), value);
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_created_by("fivefold".to_string())
        .set_key_value_metadata(Some(vec![
            pair("fivefold.schema", SCHEMA.to_string()),
            pair("fivefold.model", format!("{} {}", card.id, card.version)),
            pair("fivefold.model_digest", hex(&card.digest)),
        ]))
        .build();
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties))
        .map_err(|e| broken(&e))?;
    writer.write(&batch).map_err(|e| broken(&e))?;
    writer.into_inner().map_err(|e| broken(&e))
}

fn batch(seen: &[Seen], known_at: Option<u64>) -> Result<RecordBatch, ArrowError> {
    let all = || seen.iter().map(|one| one.assessment.as_ref());
    let scored = |a: &Assessment| match &a.outcome {
        Outcome::Scored { band, .. } => Some(band.clone()),
        Outcome::NotAssessable(_) => None,
    };
    let why = |a: Option<&Assessment>| match a.map(|a| &a.outcome) {
        None => Some("erased"),
        Some(Outcome::NotAssessable(why)) => Some(why.code()),
        Some(Outcome::Scored { .. }) => None,
    };
    let reason = |a: &Assessment, place: usize| a.reasons.get(place).map(|r| r.code.clone());
    let as_of: TimestampMicrosecondArray =
        seen.iter().map(|one| Some(one.as_of.micros())).collect();
    let persons = StringArray::from_iter_values(seen.iter().map(|one| &one.person));
    let observations = UInt64Array::from_iter_values(seen.iter().map(|one| one.observations));
    let mut columns: Vec<(String, ArrayRef, bool)> = vec![
        ("person".into(), Arc::new(persons), false),
        ("as_of".into(), Arc::new(as_of.with_timezone("UTC")), false),
        ("known_at".into(), Arc::new(UInt64Array::from(vec![known_at; seen.len()])), true),
        ("observations".into(), Arc::new(observations), false),
        ("score".into(), Arc::new(Int32Array::from_iter(all().map(|a| a?.score()))), true),
        ("band".into(), Arc::new(StringArray::from_iter(all().map(|a| scored(a?)))), true),
        ("not_assessable".into(), Arc::new(StringArray::from_iter(all().map(why))), true),
    ];
    for (place, dimension) in Dimension::ALL.into_iter().enumerate() {
        let points = all().map(|a| a?.dimensions.get(place).map(|d| d.points));
        let name = format!("points_{}", dimension.name());
        columns.push((name, Arc::new(Int32Array::from_iter(points)), true));
    }
    for place in 0..4 {
        let codes = StringArray::from_iter(all().map(|a| reason(a?, place)));
        columns.push((format!("reason_{}", place + 1), Arc::new(codes), true));
    }
    let complete = UInt16Array::from_iter(all().map(|a| Some(a?.completeness_permille)));
    columns.push(("completeness_permille".into(), Arc::new(complete), true));
    let thin = BooleanArray::from_iter(all().map(|a| Some(a?.flags.thin_file)));
    columns.push(("thin_file".into(), Arc::new(thin), true));
    RecordBatch::try_from_iter_with_nullable(columns)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

    use super::*;
    use crate::kernel::Time;

    #[test]
    fn erased_persons_stay_rows_without_a_score() {
        let card = include_bytes!("../../../policies/scorecards/fivefold-general-2.toml");
        let card = Scorecard::load(card).expect("a scorecard");
        let seen = [Seen {
            residence: "CN".to_string(),
            person: "per_1".to_string(),
            as_of: Time::from_micros(7),
            observations: 0,
            assessment: None,
        }];
        let file = parquet(&seen, Some(9), &card).expect("a table");
        assert_eq!(file, parquet(&seen, Some(9), &card).expect("the same bytes"));
        let reader = ParquetRecordBatchReaderBuilder::try_new(Bytes::from(file)).expect("a file");
        let mut batches = reader.build().expect("a reader");
        let batch = batches.next().expect("a batch").expect("rows");
        assert_eq!((batch.num_rows(), batch.num_columns()), (1, 18));
        let column = |name: &str| batch.column_by_name(name).expect("a column").clone();
        assert_eq!(column("score").null_count(), 1);
        assert_eq!(column("not_assessable").null_count(), 0);
    }
}
