//! Text tables: delimiter, quotes, byte order mark, gzip.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use super::builder::Builder;
use super::{Table, Wanted, checked_names};
use crate::model::error::ModelError;

const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];
/// How much is looked at to find the delimiter.
const HEAD_BYTES: usize = 1 << 16;

pub fn read(path: &Path, wanted: &Wanted<'_>, gzip: bool) -> Result<Table, ModelError> {
    let unreadable = |e: &dyn std::fmt::Display| ModelError::unreadable(path, e);
    let file = File::open(path).map_err(|e| unreadable(&e))?;
    let plain: Box<dyn Read> = match gzip {
        true => Box::new(flate2::read::MultiGzDecoder::new(file)),
        false => Box::new(file),
    };
    let mut source = BufReader::with_capacity(HEAD_BYTES, plain);
    let head = source.fill_buf().map_err(|e| unreadable(&e))?;
    if head.trim_ascii().is_empty() {
        return Err(ModelError::Table(format!("{} is empty: it has no header", path.display())));
    }
    let delimiter = delimiter(head);
    let bom = head.starts_with(b"\xef\xbb\xbf");
    if bom {
        source.consume(3);
    }
    let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).from_reader(source);
    let headers = reader.byte_headers().map_err(|e| malformed(path, 0, &e))?;
    let names = headers.iter().map(|n| String::from_utf8_lossy(n).into_owned()).collect();
    let names = checked_names(path, names)?;
    wanted.check(&names)?;
    let comma = delimiter == b';';
    let builder = |name: &String| {
        wanted.takes(name).then(|| Builder::new(name, comma, wanted.decimals(name)))
    };
    let mut builders: Vec<Option<Builder>> = names.iter().map(builder).collect();
    let mut record = csv::ByteRecord::new();
    let mut rows = 0;
    while reader.read_byte_record(&mut record).map_err(|e| malformed(path, rows + 1, &e))? {
        rows += 1;
        for (cell, builder) in record.iter().zip(&mut builders) {
            if let Some(builder) = builder {
                builder.cell(cell);
            }
        }
    }
    let named = names.iter().zip(builders);
    let columns = named.filter_map(|(name, b)| Some(b?.finish(wanted.is_categorical(name))));
    Ok(Table { columns: columns.collect(), rows })
}

/// The delimiter that divides the first line most.
fn delimiter(head: &[u8]) -> u8 {
    let line = head.split(|b| *b == b'\n').next().unwrap_or_default();
    let count = |delimiter: u8| {
        let mut quoted = false;
        let outside = line.iter().filter(|b| {
            quoted ^= **b == b'"';
            **b == delimiter && !quoted
        });
        outside.count()
    };
    let most = DELIMITERS.into_iter().rev().max_by_key(|d| count(*d));
    most.unwrap_or(b',')
}

fn malformed(path: &Path, row: usize, error: &csv::Error) -> ModelError {
    let why = match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, pos } => {
            let line = pos.as_ref().map(|p| format!(" (line {})", p.line())).unwrap_or_default();
            format!("{len} fields{line} where the header has {expected_len}")
        }
        _ => error.to_string(),
    };
    ModelError::Malformed { path: path.to_path_buf(), row, why }
}
