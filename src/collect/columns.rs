//! Rows of `application/vnd.apache.parquet`, one observation each, as the same JSON objects that
//! lines of NDJSON are: one reader checks both, and both give equal observations.
//!
//! # How columns become fields
//! - A column has the field's name. Nested fields are structs or dotted names (`basis.type`).
//! - Texts (also dictionary-encoded), whole numbers and truth values are what they are; DATE is a
//!   date; TIMESTAMP is RFC 3339 if adjusted to UTC, and a date if it is not and falls on midnight.
//! - An amount is a DECIMAL column with the row's `currency` column, or `balance.amount` and
//!   `balance.currency`. A `currency` column is a field of its own only for `account`.
//! - Null is absent. Floats, lists, maps and bytes are refused: money and counts are exact.
//!
//! # How much a file can cost
//! `guard` refuses a file by what its pages unpack to before any is unpacked; rows are
//! decoded 1,000 at a time, and texts stay views into their page, so that a dictionary of few long
//! texts cannot be blown up into many.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use arrow::array::cast::AsArray;
use arrow::array::{Array, ArrayRef, RecordBatch};
use arrow::datatypes::{DataType, Field, Fields, Schema, TimeUnit};
use arrow::datatypes::{
    Date32Type, Decimal128Type, Int8Type, Int16Type, Int32Type, Int64Type,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
    TimestampSecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader,
    ParquetRecordBatchReaderBuilder,
};
use parquet::basic::Compression;
use parquet::file::metadata::ParquetMetaData;
use serde_json::{Map, Value};

use super::blob::{Chunks, SharedBlob};
use super::fields::{FieldError, child};
use super::guard::{
    CHUNK_BYTES_MAX, PAGES_BYTES_MAX, UNCOMPRESSED_BYTES_MAX, check_footer, unpacked,
};
use super::header::BatchHeader;
use super::ndjson::{LINE_BYTES_MAX, parse_line};
use crate::kernel::Time;

/// Most rows of one upload.
pub const ROWS_MAX: u64 = 5_000_000;
/// Most columns at the top level.
pub const COLUMNS_MAX: usize = 256;
/// How many rows are decoded at a time.
pub const BATCH_ROWS: usize = 1_000;
/// The key of the file's metadata that holds the batch header, as JSON.
pub const HEADER_KEY: &str = "fivefold.batch";

/// The common currency column.
const CURRENCY: &str = "currency";
/// What stands for a day or an instant that no calendar has: no reader takes it.
const OFF_CALENDAR: &str = "off the calendar";

/// The rows of one file. Iterating yields (row number from 1, object or what is wrong with it).
/// `parquet_unreadable` among them ends the file; the batch must then be refused as a whole.
pub struct Rows {
    reader: Option<ParquetRecordBatchReader>,
    columns: Vec<Vec<String>>,
    batch: Option<RecordBatch>,
    next_in_batch: usize,
    row: u64,
    header: Option<Vec<u8>>,
}

impl Rows {
    /// Opens a Parquet file and checks its size, its compression and its columns.
    ///
    /// # Errors
    /// `parquet_unreadable` for a file that is truncated, corrupt or of a kind that is not read;
    /// `file_too_large`, `too_many_rows`, `too_many_columns`; `column_type` and `column_conflict`
    /// for each column that cannot be a field.
    pub fn open(file: SharedBlob) -> Result<Rows, Vec<FieldError>> {
        check_footer(file.as_ref()).ok_or_else(|| vec![unreadable()])?;
        let options = || ArrowReaderOptions::new().with_skip_arrow_metadata(true);
        let file = Chunks(file);
        let loaded = fenced(|| ArrowReaderMetadata::load(&file, options()).ok())?;
        let metadata = loaded.metadata().clone();
        fenced(|| Some(check_size(&file.0, &metadata)))??;
        let schema = Arc::new(Schema::new(views(loaded.schema().fields())));
        let columns = check_columns(&schema)?;
        let header = metadata.file_metadata().key_value_metadata().and_then(|pairs| {
            pairs.iter().find(|pair| pair.key == HEADER_KEY)?.value.clone().map(String::into_bytes)
        });
        let reader = fenced(|| {
            let loaded = ArrowReaderMetadata::try_new(metadata, options().with_schema(schema));
            ParquetRecordBatchReaderBuilder::new_with_metadata(file, loaded.ok()?)
                .with_batch_size(BATCH_ROWS)
                .build()
                .ok()
        })?;
        Ok(Rows { reader: Some(reader), columns, batch: None, next_in_batch: 0, row: 0, header })
    }

    /// The batch header, from the file's key-value metadata under [`HEADER_KEY`].
    ///
    /// # Errors
    /// Everything that is wrong with the header: the whole batch is refused.
    pub fn header(&self) -> Option<Result<BatchHeader, Vec<FieldError>>> {
        let text = self.header.as_ref()?;
        Some(parse_line(text).map_err(|e| vec![e]).and_then(|map| BatchHeader::read(&map)))
    }

    /// Decodes the next rows. `Ok(false)` at the end of the file.
    fn refill(&mut self) -> Result<bool, FieldError> {
        let Some(reader) = self.reader.as_mut() else { return Ok(false) };
        let read = catch_unwind(AssertUnwindSafe(|| reader.next().transpose()));
        self.next_in_batch = 0;
        match read {
            Ok(Ok(batch)) => {
                self.batch = batch;
                Ok(self.batch.is_some())
            }
            _ => {
                // After an error the decoder's state means nothing.
                (self.reader, self.batch) = (None, None);
                Err(unreadable())
            }
        }
    }
}

impl Iterator for Rows {
    type Item = (u64, Result<Map<String, Value>, FieldError>);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(batch) = &self.batch
                && self.next_in_batch < batch.num_rows()
            {
                let object = row_object(batch, &self.columns, self.next_in_batch);
                self.next_in_batch += 1;
                self.row += 1;
                return Some((self.row, object));
            }
            match self.refill() {
                Ok(true) => {}
                Ok(false) => return None,
                Err(error) => return Some((self.row + 1, Err(error))),
            }
        }
    }
}

impl std::fmt::Debug for Rows {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rows").field("row", &self.row).finish_non_exhaustive()
    }
}

fn unreadable() -> FieldError {
    let message = "not a Parquet file that is read here: truncated, corrupt, too deep, encrypted, \
                   or with an encoding other than plain, dictionary and delta binary packed";
    FieldError::whole("parquet_unreadable", message)
}

/// Runs a part of the decoder. It is written for honest files and has panicked on others, so a
/// panic in it is one more way of saying that the file cannot be read.
fn fenced<T>(work: impl FnOnce() -> Option<T>) -> Result<T, Vec<FieldError>> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Some(done)) => Ok(done),
        _ => Err(vec![unreadable()]),
    }
}

fn check_size(file: &SharedBlob, metadata: &ParquetMetaData) -> Result<(), Vec<FieldError>> {
    let refuse = |code, message: String| Err(vec![FieldError::whole(code, message)]);
    let groups = metadata.row_groups();
    let declared = u64::try_from(metadata.file_metadata().num_rows()).unwrap_or(u64::MAX);
    let in_groups = groups
        .iter()
        .try_fold(0u64, |sum, group| sum.checked_add(u64::try_from(group.num_rows()).ok()?));
    if declared > ROWS_MAX || in_groups.is_none_or(|rows| rows > ROWS_MAX) {
        return refuse("too_many_rows", format!("at most {ROWS_MAX} rows in one upload"));
    }
    let lengths = groups.iter().flat_map(|g| g.columns()).map(|column| column.byte_range().1);
    if lengths.fold(0u64, u64::saturating_add) > file.length() {
        // Column chunks lie one after the other; only a forged footer names the same bytes twice.
        return Err(vec![unreadable()]);
    }
    let mut total = 0u64;
    for group in groups {
        let mut pages = 0u64;
        for column in group.columns() {
            if !matches!(
                column.compression(),
                Compression::UNCOMPRESSED | Compression::SNAPPY | Compression::ZSTD(_)
            ) {
                let message = "columns must be uncompressed or compressed with zstd".to_string();
                return refuse("parquet_unreadable", message);
            }
            let (start, length) = column.byte_range();
            if length > CHUNK_BYTES_MAX {
                let message = format!(
                    "a column of a row group has more than {CHUNK_BYTES_MAX} bytes: write smaller \
                     row groups"
                );
                return refuse("file_too_large", message);
            }
            let length = usize::try_from(length).unwrap_or(usize::MAX);
            let chunk = file.read_at(start, length).ok().filter(|chunk| chunk.len() == length);
            let Some(size) = chunk.and_then(|chunk| unpacked(&chunk, ROWS_MAX)) else {
                return Err(vec![unreadable()]);
            };
            let stated = u64::try_from(column.uncompressed_size()).unwrap_or(u64::MAX);
            total = total.saturating_add(size.total.max(stated));
            // The dictionary and one page of every column are held at the same time.
            pages = pages.saturating_add(size.largest.saturating_mul(2));
        }
        if pages > PAGES_BYTES_MAX {
            let message = format!(
                "the pages of a row group unpack to more than {PAGES_BYTES_MAX} bytes at a time: \
                 write smaller pages"
            );
            return refuse("file_too_large", message);
        }
    }
    if total > UNCOMPRESSED_BYTES_MAX {
        let message = format!("unpacks to more than {UNCOMPRESSED_BYTES_MAX} bytes");
        return refuse("file_too_large", message);
    }
    Ok(())
}

/// The schema with every text column read as views.
fn views(fields: &Fields) -> Fields {
    let view = |field: &Arc<Field>| {
        let as_view = match field.data_type() {
            DataType::Utf8 | DataType::LargeUtf8 => DataType::Utf8View,
            DataType::Struct(inner) => DataType::Struct(views(inner)),
            other => other.clone(),
        };
        Arc::new(field.as_ref().clone().with_data_type(as_view))
    };
    fields.iter().map(view).collect()
}

/// Checks names and types; gives each column's path.
fn check_columns(schema: &Schema) -> Result<Vec<Vec<String>>, Vec<FieldError>> {
    let fields = schema.fields();
    if fields.len() > COLUMNS_MAX {
        let message = format!("at most {COLUMNS_MAX} columns");
        return Err(vec![FieldError::whole("too_many_columns", message)]);
    }
    let mut errors = Vec::new();
    let mut paths = Vec::new();
    let mut seen: BTreeSet<Vec<String>> = BTreeSet::new();
    for field in fields {
        let path: Vec<String> = field.name().split('.').map(str::to_string).collect();
        let pointer = path.iter().fold(String::new(), |base, name| child(&base, name));
        check_type(field, &pointer, &mut errors);
        let clash = |other: &Vec<String>| other.starts_with(&path) || path.starts_with(other);
        if seen.iter().any(clash) {
            let message = "another column already holds this field".to_string();
            errors.push(FieldError { pointer, code: "column_conflict", message });
        }
        seen.insert(path.clone());
        paths.push(path);
    }
    if errors.is_empty() { Ok(paths) } else { Err(errors) }
}

fn check_type(field: &Field, pointer: &str, errors: &mut Vec<FieldError>) {
    use DataType::*;
    match field.data_type() {
        Null | Boolean | Int8 | Int16 | Int32 | Int64 | UInt8 | UInt16 | UInt32 | UInt64
        | Utf8View | Date32 | Timestamp(..) | Decimal128(..) => {}
        Struct(inner) => {
            for field in inner {
                check_type(field, &child(pointer, field.name()), errors);
            }
        }
        _ => {
            let message = "must be text, whole number, truth value, date, timestamp, decimal of up \
                           to 38 digits, or a struct of these";
            let pointer = pointer.to_string();
            errors.push(FieldError { pointer, code: "column_type", message: message.to_string() });
        }
    }
}

/// One row as the object that the same observation is in NDJSON.
fn row_object(
    batch: &RecordBatch,
    columns: &[Vec<String>],
    row: usize,
) -> Result<Map<String, Value>, FieldError> {
    let mut room = LINE_BYTES_MAX;
    let mut object = Map::new();
    for (path, column) in columns.iter().zip(batch.columns()) {
        let Some(value) = cell(column, row, &mut room)? else { continue };
        let whole_amount =
            path.len() == 1 && matches!(column.data_type(), DataType::Decimal128(..));
        let value = if whole_amount {
            Value::Object(Map::from_iter([("amount".to_string(), value)]))
        } else {
            value
        };
        insert(&mut object, path, value);
    }
    let currency = object.get(CURRENCY).filter(|value| value.is_string()).cloned();
    if let Some(currency) = currency {
        for amount in object.values_mut().filter_map(Value::as_object_mut) {
            if amount.contains_key("amount") && !amount.contains_key(CURRENCY) {
                amount.insert(CURRENCY.to_string(), currency.clone());
            }
        }
        if object.get("type").and_then(Value::as_str) != Some("account") {
            object.remove(CURRENCY);
        }
    }
    Ok(object)
}

/// Puts `value` at `path`; [`check_columns`] saw to it that nothing else stands in the way.
fn insert(object: &mut Map<String, Value>, path: &[String], value: Value) {
    match path {
        [] => {}
        [name] => drop(object.insert(name.clone(), value)),
        [name, rest @ ..] => {
            let inner = object.entry(name.clone()).or_insert_with(|| Value::Object(Map::new()));
            if let Some(inner) = inner.as_object_mut() {
                insert(inner, rest, value);
            }
        }
    }
}

/// One cell as JSON; `None` for null. `room` is what is left of the row's longest size in bytes.
fn cell(column: &ArrayRef, row: usize, room: &mut usize) -> Result<Option<Value>, FieldError> {
    if column.is_null(row) || column.data_type() == &DataType::Null {
        return Ok(None);
    }
    macro_rules! number {
        ($kind:ty) => {
            Value::from(column.as_primitive::<$kind>().value(row))
        };
    }
    Ok(Some(match column.data_type() {
        DataType::Boolean => Value::from(column.as_boolean().value(row)),
        DataType::Int8 => number!(Int8Type),
        DataType::Int16 => number!(Int16Type),
        DataType::Int32 => number!(Int32Type),
        DataType::Int64 => number!(Int64Type),
        DataType::UInt8 => number!(UInt8Type),
        DataType::UInt16 => number!(UInt16Type),
        DataType::UInt32 => number!(UInt32Type),
        DataType::UInt64 => number!(UInt64Type),
        DataType::Utf8View => {
            let text = column.as_string_view().value(row);
            *room = room.checked_sub(text.len()).ok_or_else(|| {
                let message = format!("at most {LINE_BYTES_MAX} bytes of text in one row");
                FieldError::whole("line_too_long", message)
            })?;
            Value::from(text)
        }
        DataType::Date32 => Value::from(day_text(column.as_primitive::<Date32Type>().value(row))),
        DataType::Timestamp(unit, zone) => {
            Value::from(instant_text(micros(column, *unit, row), zone.is_some()))
        }
        DataType::Decimal128(_, scale) => {
            let value = column.as_primitive::<Decimal128Type>().value(row);
            Value::from(decimal_text(value, *scale))
        }
        DataType::Struct(fields) => {
            let mut object = Map::new();
            for (field, inner) in fields.iter().zip(column.as_struct().columns()) {
                if let Some(value) = cell(inner, row, room)? {
                    object.insert(field.name().clone(), value);
                }
            }
            return Ok((!object.is_empty()).then_some(Value::Object(object)));
        }
        _ => return Err(FieldError::whole("column_type", "a column's type is not read")),
    }))
}

fn day_text(days: i32) -> String {
    let span = Span::new().try_days(days).ok();
    let day = span.and_then(|span| Date::constant(1970, 1, 1).checked_add(span).ok());
    day.map_or_else(|| OFF_CALENDAR.to_string(), |day| day.to_string())
}

fn micros(column: &ArrayRef, unit: TimeUnit, row: usize) -> Option<i64> {
    match unit {
        TimeUnit::Second => {
            column.as_primitive::<TimestampSecondType>().value(row).checked_mul(1_000_000)
        }
        TimeUnit::Millisecond => {
            column.as_primitive::<TimestampMillisecondType>().value(row).checked_mul(1_000)
        }
        TimeUnit::Microsecond => Some(column.as_primitive::<TimestampMicrosecondType>().value(row)),
        TimeUnit::Nanosecond => {
            Some(column.as_primitive::<TimestampNanosecondType>().value(row).div_euclid(1_000))
        }
    }
}

/// An instant as RFC 3339 in UTC. A civil time has no zone that could be written: at midnight it
/// is the date that data frames keep as a time, otherwise no reader takes it.
fn instant_text(micros: Option<i64>, utc: bool) -> String {
    let Some(instant) = micros.and_then(|micros| Timestamp::from_microsecond(micros).ok()) else {
        return OFF_CALENDAR.to_string();
    };
    if utc {
        return Time::from_micros(instant.as_microsecond()).to_string();
    }
    let civil = instant.to_zoned(TimeZone::UTC).datetime();
    if civil.time() == jiff::civil::Time::midnight() {
        civil.date().to_string()
    } else {
        civil.to_string()
    }
}

/// `value` · 10^-`scale` in plain digits, without zeros at the end.
fn decimal_text(value: i128, scale: i8) -> String {
    let sign = if value < 0 { "-" } else { "" };
    let digits = value.unsigned_abs().to_string();
    let Ok(places) = usize::try_from(scale) else {
        let zeros = "0".repeat(usize::from(scale.unsigned_abs()));
        return format!("{sign}{digits}{zeros}");
    };
    let padded = format!("{digits:0>width$}", width = places + 1);
    let (whole, fraction) =
        padded.split_at_checked(padded.len() - places).unwrap_or((padded.as_str(), ""));
    match fraction.trim_end_matches('0') {
        "" => format!("{sign}{whole}"),
        fraction => format!("{sign}{whole}.{fraction}"),
    }
}

#[cfg(test)]
mod tests;
