//! Parquet tables, batch by batch.

use std::fs::File;
use std::path::Path;

use arrow::array::{Array, AsArray, RecordBatchReader};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Int64Type, TimeUnit};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::builder::Builder;
use super::number::of_double;
use super::{Table, Wanted, checked_names};
use crate::model::error::ModelError;

const BATCH_ROWS: usize = 65_536;

pub fn read(path: &Path, wanted: &Wanted<'_>) -> Result<Table, ModelError> {
    let unreadable = |e: &dyn std::fmt::Display| ModelError::unreadable(path, e);
    let file = File::open(path).map_err(|e| unreadable(&e))?;
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|e| unreadable(&e))?;
    let names = builder.schema().fields().iter().map(|f| f.name().clone()).collect();
    let names = checked_names(path, names)?;
    wanted.check(&names)?;
    let roots = names.iter().enumerate().filter(|(_, n)| wanted.takes(n)).map(|(i, _)| i);
    let mask = ProjectionMask::roots(builder.parquet_schema(), roots);
    let reader = builder.with_projection(mask).with_batch_size(BATCH_ROWS).build();
    let reader = reader.map_err(|e| unreadable(&e))?;
    let fields: Vec<String> = reader.schema().fields().iter().map(|f| f.name().clone()).collect();
    let builder = |name: &String| Builder::new(name.trim(), false, wanted.decimals(name.trim()));
    let mut builders: Vec<Builder> = fields.iter().map(builder).collect();
    let mut rows = 0;
    for batch in reader {
        let damaged =
            |why: String| ModelError::Malformed { path: path.to_path_buf(), row: rows + 1, why };
        let batch = batch.map_err(|e| damaged(e.to_string()))?;
        for (builder, array) in builders.iter_mut().zip(batch.columns()) {
            append(builder, array.as_ref()).map_err(damaged)?;
        }
        rows += batch.num_rows();
    }
    let named = fields.iter().zip(builders);
    let columns = named.map(|(name, b)| b.finish(wanted.is_categorical(name.trim())));
    Ok(Table { columns: columns.collect(), rows })
}

/// Adds the cells of an array: whole numbers, decimals, doubles, booleans, words, dates.
fn append(builder: &mut Builder, array: &dyn Array) -> Result<(), String> {
    match array.data_type() {
        DataType::Null => (0..array.len()).for_each(|_| builder.missing()),
        DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64 => {
            whole(builder, array)?;
        }
        DataType::UInt8 | DataType::UInt16 | DataType::UInt32 => whole(builder, array)?,
        DataType::Date32 => whole(builder, cast_to(array, &DataType::Int32)?.as_ref())?,
        DataType::Date64 | DataType::Timestamp(..) => {
            let seconds = DataType::Timestamp(TimeUnit::Second, None);
            let at = cast_to(cast_to(array, &seconds)?.as_ref(), &DataType::Int64)?;
            whole(builder, at.as_ref())?;
        }
        DataType::Float64 => {
            for value in array.as_primitive::<Float64Type>() {
                match value.and_then(|x| of_double(x, builder.decimals())) {
                    Some((digits, decimals)) => builder.number(digits, decimals),
                    None => builder.missing(),
                }
            }
        }
        DataType::Boolean => {
            for value in array.as_boolean() {
                match value {
                    Some(true) => builder.word("true"),
                    Some(false) => builder.word("false"),
                    None => builder.missing(),
                }
            }
        }
        nested if nested.is_nested() => {
            builder.refuse(&format!("{nested:?}"));
            (0..array.len()).for_each(|_| builder.missing());
        }
        DataType::Binary | DataType::LargeBinary | DataType::FixedSizeBinary(_) => {
            builder.refuse("bytes");
            (0..array.len()).for_each(|_| builder.missing());
        }
        // the rest has a text of its own: 32-bit floats their shortest, decimals their exact one
        _ => {
            let texts = cast_to(array, &DataType::Utf8)?;
            for value in texts.as_string::<i32>() {
                builder.cell(value.unwrap_or_default().as_bytes());
            }
        }
    }
    Ok(())
}

fn whole(builder: &mut Builder, array: &dyn Array) -> Result<(), String> {
    for value in cast_to(array, &DataType::Int64)?.as_primitive::<Int64Type>() {
        match value {
            Some(digits) => builder.number(digits, 0),
            None => builder.missing(),
        }
    }
    Ok(())
}

fn cast_to(array: &dyn Array, to: &DataType) -> Result<arrow::array::ArrayRef, String> {
    cast(array, to).map_err(|e| e.to_string())
}
