//! A result table: whole numbers and texts, row by row, and the same as Parquet.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Int64Type, Schema};
use bytes::Bytes;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;

/// Who wrote the file; raised when the layout of the bytes changes.
const CREATED_BY: &str = "fivefold report version 1";

/// Most rows of a result table: more is not a table that somebody reads.
pub const GRID_ROWS_MAX: usize = 100_000;

/// One cell.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Value {
    /// Nothing is known.
    None,
    /// A whole number.
    Int(i64),
    /// A text.
    Text(String),
}

impl Value {
    /// The number, where it is one.
    pub fn int(&self) -> Option<i64> {
        match self {
            Value::Int(value) => Some(*value),
            _ => None,
        }
    }

    /// The text; empty where it is none.
    pub fn text(&self) -> &str {
        match self {
            Value::Text(text) => text,
            _ => "",
        }
    }
}

impl std::fmt::Display for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Value::None => f.write_str("nothing"),
            Value::Int(value) => write!(f, "{value}"),
            Value::Text(text) => write!(f, "{text:?}"),
        }
    }
}

/// The type of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Whole numbers.
    Int,
    /// Texts.
    Text,
}

/// A result table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grid {
    /// The columns' names and types.
    pub columns: Vec<(String, Kind)>,
    /// The rows.
    pub rows: Vec<Vec<Value>>,
}

/// Why something is not a result table.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct GridError(pub String);

fn wrong(error: impl std::fmt::Display) -> GridError {
    GridError(error.to_string())
}

impl Grid {
    /// A table with no rows.
    pub fn new(columns: &[(&str, Kind)]) -> Grid {
        let columns = columns.iter().map(|(name, kind)| ((*name).to_owned(), *kind)).collect();
        Grid { columns, rows: Vec::new() }
    }

    /// What an engine gave. Numbers are read as 64 bits, whatever width the engine counts in.
    ///
    /// # Errors
    /// [`GridError`]: a column is neither of numbers nor of texts, or there are too many rows.
    pub fn from_batches(schema: &Schema, batches: &[RecordBatch]) -> Result<Grid, GridError> {
        let mut columns = Vec::new();
        for field in schema.fields() {
            let kind = match field.data_type() {
                kind if kind.is_integer() => Kind::Int,
                DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Null => {
                    Kind::Text
                }
                other => return Err(GridError(format!("{} is of type {other}", field.name()))),
            };
            columns.push((field.name().clone(), kind));
        }
        let mut grid = Grid { columns, rows: Vec::new() };
        for batch in batches {
            grid.push(batch)?;
        }
        Ok(grid)
    }

    fn push(&mut self, batch: &RecordBatch) -> Result<(), GridError> {
        if self.rows.len() + batch.num_rows() > GRID_ROWS_MAX {
            return Err(GridError(format!("it has more than {GRID_ROWS_MAX} rows")));
        }
        let first = self.rows.len();
        self.rows.resize(first + batch.num_rows(), Vec::with_capacity(self.columns.len()));
        for ((_, kind), column) in self.columns.iter().zip(batch.columns()) {
            let target = if *kind == Kind::Int { DataType::Int64 } else { DataType::Utf8 };
            let column = cast(column, &target).map_err(wrong)?;
            let rows = self.rows.iter_mut().skip(first);
            match kind {
                Kind::Int => {
                    let column = column.as_primitive_opt::<Int64Type>();
                    let column = column.ok_or_else(|| wrong("a column of numbers is none"))?;
                    for (row, value) in rows.zip(column.iter()) {
                        row.push(value.map_or(Value::None, Value::Int));
                    }
                }
                Kind::Text => {
                    let column = column.as_string_opt::<i32>();
                    let column = column.ok_or_else(|| wrong("a column of texts is none"))?;
                    for (row, value) in rows.zip(column.iter()) {
                        row.push(value.map_or(Value::None, |text| Value::Text(text.to_owned())));
                    }
                }
            }
        }
        Ok(())
    }

    /// The same as one Arrow batch.
    ///
    /// # Errors
    /// [`GridError`] when a row is not as long as there are columns.
    pub fn to_batch(&self) -> Result<RecordBatch, GridError> {
        let mut fields = Vec::new();
        let mut arrays: Vec<ArrayRef> = Vec::new();
        for (place, (name, kind)) in self.columns.iter().enumerate() {
            let cells = self.rows.iter().map(|row| row.get(place).unwrap_or(&Value::None));
            match kind {
                Kind::Int => {
                    fields.push(Field::new(name, DataType::Int64, true));
                    arrays.push(Arc::new(cells.map(Value::int).collect::<Int64Array>()));
                }
                Kind::Text => {
                    fields.push(Field::new(name, DataType::Utf8, true));
                    let texts = cells.map(|cell| match cell {
                        Value::Text(text) => Some(text.as_str()),
                        _ => None,
                    });
                    arrays.push(Arc::new(texts.collect::<StringArray>()));
                }
            }
        }
        RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).map_err(wrong)
    }

    /// The same as a Parquet file: the same rows and metadata give the same bytes.
    ///
    /// # Errors
    /// [`GridError`].
    pub fn to_parquet(&self, metadata: &[(&str, &str)]) -> Result<Vec<u8>, GridError> {
        let pairs = metadata
            .iter()
            .map(|(key, value)| KeyValue::new((*key).to_owned(), (*value).to_owned()));
        let properties = WriterProperties::builder()
            .set_created_by(CREATED_BY.to_owned())
            .set_compression(Compression::ZSTD(ZstdLevel::try_new(3).map_err(wrong)?))
            .set_key_value_metadata(Some(pairs.collect()))
            .build();
        let options =
            ArrowWriterOptions::new().with_properties(properties).with_skip_arrow_metadata(true);
        let batch = self.to_batch()?;
        let mut bytes = Vec::new();
        let writer = ArrowWriter::try_new_with_options(&mut bytes, batch.schema(), options);
        let mut writer = writer.map_err(wrong)?;
        writer.write(&batch).map_err(wrong)?;
        writer.close().map_err(wrong)?;
        Ok(bytes)
    }

    /// Reads such a file, whoever wrote it.
    ///
    /// # Errors
    /// [`GridError`].
    pub fn from_parquet(bytes: &[u8]) -> Result<Grid, GridError> {
        let bytes = Bytes::copy_from_slice(bytes);
        let builder = ParquetRecordBatchReaderBuilder::try_new(bytes).map_err(wrong)?;
        let schema = builder.schema().clone();
        let mut batches = Vec::new();
        let mut rows = 0;
        for batch in builder.build().map_err(wrong)? {
            let batch = batch.map_err(wrong)?;
            rows += batch.num_rows();
            if rows > GRID_ROWS_MAX {
                return Err(GridError(format!("it has more than {GRID_ROWS_MAX} rows")));
            }
            batches.push(batch);
        }
        Grid::from_batches(&schema, &batches)
    }

    /// Where `self`, which is right, and `found` first differ: the row, from 0, where it can be
    /// told, and what is wrong there.
    pub fn difference(&self, found: &Grid) -> Option<(Option<usize>, String)> {
        if self.columns != found.columns {
            return Some((None, "its columns are others".to_owned()));
        }
        for (row, pair) in self.rows.iter().zip(&found.rows).enumerate() {
            if let Some(what) = differing(&self.columns, pair.0, pair.1) {
                return Some((Some(row), what));
            }
        }
        let (right, other) = (self.rows.len(), found.rows.len());
        match right.cmp(&other) {
            std::cmp::Ordering::Equal => None,
            std::cmp::Ordering::Greater => {
                Some((Some(other), format!("it has {other} rows and should have {right}")))
            }
            std::cmp::Ordering::Less => {
                Some((Some(right), format!("it has {other} rows and should have {right}")))
            }
        }
    }
}

fn differing(columns: &[(String, Kind)], right: &[Value], found: &[Value]) -> Option<String> {
    let place = right.iter().zip(found).position(|(a, b)| a != b)?;
    let name = columns.get(place).map_or("a column", |column| column.0.as_str());
    let shown = |row: &[Value]| row.get(place).map_or_else(String::new, Value::to_string);
    Some(format!("{name} is {} and should be {}", shown(found), shown(right)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid() -> Grid {
        let mut grid = Grid::new(&[("who", Kind::Text), ("n", Kind::Int)]);
        grid.rows =
            vec![vec![Value::Text("甲".into()), Value::Int(-7)], vec![Value::None, Value::None]];
        grid
    }

    #[test]
    fn a_table_comes_back_from_parquet_as_it_was_and_with_the_same_bytes() {
        let bytes = grid().to_parquet(&[("k", "v")]).expect("Parquet");
        assert_eq!(bytes, grid().to_parquet(&[("k", "v")]).expect("Parquet"));
        assert_eq!(Grid::from_parquet(&bytes).expect("a table"), grid());
        let empty = Grid { rows: Vec::new(), ..grid() };
        let bytes = empty.to_parquet(&[]).expect("Parquet");
        assert_eq!(Grid::from_parquet(&bytes).expect("a table"), empty);
    }

    #[test]
    fn a_difference_is_located() {
        let right = grid();
        assert_eq!(right.difference(&right), None);
        let mut other = grid();
        other.rows[1][1] = Value::Int(0);
        let (row, what) = right.difference(&other).expect("a difference");
        assert_eq!((row, what.as_str()), (Some(1), "n is 0 and should be nothing"));
        other.rows.truncate(1);
        assert_eq!(right.difference(&other).expect("a difference").0, Some(1));
        other.columns.pop();
        assert_eq!(right.difference(&other).expect("a difference").0, None);
    }
}
