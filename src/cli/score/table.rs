//! The table of scores as Parquet: sorted by person, the same scores give the same bytes.

use std::io::Write;
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

/// The table as a Parquet file, written a page of persons at a time.
pub struct Table<W: Write + Send> {
    writer: ArrowWriter<W>,
    known_at: Option<u64>,
}

fn broken(error: impl std::fmt::Display) -> Failure {
    Failure::new("table_not_written", format!("the table of scores: {error}"))
}

impl<W: Write + Send> Table<W> {
    /// A table of the scores that `card` gives.
    ///
    /// # Errors
    /// It cannot be written, here and below.
    pub fn begin(to: W, known_at: Option<u64>, card: &Scorecard) -> Result<Table<W>, Failure> {
        let schema = batch(&[], known_at).map_err(broken)?.schema();
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
        let writer = ArrowWriter::try_new(to, schema, Some(properties)).map_err(broken)?;
        Ok(Table { writer, known_at })
    }

    /// The next persons.
    pub fn add(&mut self, seen: &[Seen]) -> Result<(), Failure> {
        let batch = batch(seen, self.known_at).map_err(broken)?;
        self.writer.write(&batch).map_err(broken)
    }

    /// Nobody more.
    pub fn finish(self) -> Result<W, Failure> {
        self.writer.into_inner().map_err(broken)
    }
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
        let written = || {
            let mut table = Table::begin(Vec::new(), Some(9), &card)?;
            table.add(&seen)?;
            table.finish()
        };
        let file = written().expect("a table");
        assert_eq!(file, written().expect("the same bytes"));
        let reader = ParquetRecordBatchReaderBuilder::try_new(Bytes::from(file)).expect("a file");
        let mut batches = reader.build().expect("a reader");
        let batch = batches.next().expect("a batch").expect("rows");
        assert_eq!((batch.num_rows(), batch.num_columns()), (1, 18));
        let column = |name: &str| batch.column_by_name(name).expect("a column").clone();
        assert_eq!(column("score").null_count(), 1);
        assert_eq!(column("not_assessable").null_count(), 0);
    }
}
