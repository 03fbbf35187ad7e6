//! Tables of any origin as columns of whole numbers and words.
//!
//! A number is an `i64` of digits under the column's number of decimals, so that nothing that is
//! fitted or scored depends on how a float is rounded (decisions.md 18). Missing cells and words
//! among numbers are marks at the low end of the range.

mod builder;
mod csv;
pub mod number;
mod parquet;

use std::path::Path;

use super::error::ModelError;
use crate::score::column::{Cell, Decimal};

/// A missing cell among numbers.
pub const MISSING: i64 = i64::MIN;
/// The first word of the column among numbers; the next words follow.
pub const WORD_0: i64 = i64::MIN + 1;
/// Marks lie below this, numbers above.
const MARKS_END: i64 = i64::MIN + 100_000;

/// Whether a value stands for a missing cell or a word.
pub fn is_mark(value: i64) -> bool {
    value < MARKS_END
}

/// What a column holds.
#[derive(Clone, Debug, PartialEq)]
pub enum Data {
    /// Numbers, with some marks among them.
    Numbers {
        /// Digits, [`MISSING`], or [`WORD_0`] and the place of a word.
        values: Vec<i64>,
        /// Digits behind the point.
        decimals: u32,
        /// The words among the numbers.
        words: Vec<String>,
        /// The first row with a word, where words are so rare that they may be mistakes.
        doubtful_row: Option<usize>,
    },
    /// Words: 0 where missing, else the place of the word and 1.
    Words {
        /// One for each row.
        codes: Vec<u32>,
        /// The different words, in the order in which they came.
        words: Vec<String>,
    },
}

/// A column.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its cells.
    pub data: Data,
    /// How many are missing.
    pub missing: usize,
    /// The type of its cells, where it is one that cannot be read: then all are missing.
    pub unread: Option<String>,
}

impl Column {
    /// Rows.
    pub fn len(&self) -> usize {
        match &self.data {
            Data::Numbers { values, .. } => values.len(),
            Data::Words { codes, .. } => codes.len(),
        }
    }

    /// Whether it has no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// One cell, by row from 0; missing beyond the end.
    pub fn cell(&self, row: usize) -> Cell<'_> {
        match &self.data {
            Data::Numbers { values, decimals, words, .. } => match values.get(row).copied() {
                None | Some(MISSING) => Cell::Missing,
                Some(value) if is_mark(value) => {
                    words.get((value - WORD_0) as usize).map_or(Cell::Missing, |w| Cell::Text(w))
                }
                Some(digits) => Cell::Number(Decimal { digits, decimals: *decimals }),
            },
            Data::Words { codes, words } => {
                let code = codes.get(row).copied().unwrap_or(0) as usize;
                match code.checked_sub(1).and_then(|place| words.get(place)) {
                    Some(word) => Cell::Text(word),
                    None => Cell::Missing,
                }
            }
        }
    }

    /// The rows `rows`, in that order.
    pub fn take(&self, rows: &[usize]) -> Column {
        let data = match &self.data {
            Data::Numbers { values, decimals, words, doubtful_row } => Data::Numbers {
                values: rows.iter().filter_map(|row| values.get(*row).copied()).collect(),
                decimals: *decimals,
                words: words.clone(),
                doubtful_row: *doubtful_row,
            },
            Data::Words { codes, words } => Data::Words {
                codes: rows.iter().filter_map(|row| codes.get(*row).copied()).collect(),
                words: words.clone(),
            },
        };
        let missing = 0..rows.len();
        let unread = self.unread.clone();
        let mut column = Column { name: self.name.clone(), data, missing: 0, unread };
        column.missing = missing.filter(|row| column.cell(*row) == Cell::Missing).count();
        column
    }
}

/// A table.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// Its columns, in the order of the file.
    pub columns: Vec<Column>,
    /// Its rows.
    pub rows: usize,
}

impl Table {
    /// A column by name.
    ///
    /// # Errors
    /// [`ModelError::NoColumn`].
    pub fn column(&self, name: &str) -> Result<&Column, ModelError> {
        self.columns.iter().find(|c| c.name == name).ok_or_else(|| {
            let known: Vec<&str> = self.columns.iter().map(|c| c.name.as_str()).collect();
            no_column(name, &known)
        })
    }

    /// The rows `rows` of every column.
    pub fn take(&self, rows: &[usize]) -> Table {
        let columns = self.columns.iter().map(|column| column.take(rows)).collect();
        Table { columns, rows: rows.len() }
    }
}

fn no_column(name: &str, known: &[&str]) -> ModelError {
    let known = match known.len() {
        0..=40 => known.join(", "),
        n => format!("{} and {} more", known[..40].join(", "), n - 40),
    };
    ModelError::NoColumn { column: name.to_string(), known }
}

/// What of a file is wanted.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wanted<'a> {
    /// Only these columns; all, when absent.
    pub only: Option<&'a [String]>,
    /// These are categories, whatever they hold.
    pub categorical: &'a [String],
    /// Columns that keep so many decimals at least, whatever they hold.
    pub decimals: &'a [(String, u32)],
}

impl Wanted<'_> {
    fn takes(&self, name: &str) -> bool {
        self.only.is_none_or(|only| only.iter().any(|n| n == name))
    }

    fn decimals(&self, name: &str) -> u32 {
        self.decimals.iter().find(|(column, _)| column == name).map_or(0, |(_, n)| *n)
    }

    fn is_categorical(&self, name: &str) -> bool {
        self.categorical.iter().any(|n| n == name)
    }

    /// # Errors
    /// A column that is wanted and is not there.
    fn check(&self, names: &[String]) -> Result<(), ModelError> {
        let known: Vec<&str> = names.iter().map(String::as_str).collect();
        for name in self.only.unwrap_or_default() {
            if !names.contains(name) {
                return Err(no_column(name, &known));
            }
        }
        Ok(())
    }
}

/// Reads a CSV file (comma, semicolon, tab or bar; quoted or not; plain or gzip) or a Parquet file,
/// told apart by its first bytes.
///
/// # Errors
/// The first thing that is wrong, with its row.
pub fn read(path: &Path, wanted: &Wanted<'_>) -> Result<Table, ModelError> {
    use std::io::Read;
    let mut head = [0_u8; 4];
    let mut file = std::fs::File::open(path).map_err(|e| ModelError::unreadable(path, e))?;
    let read = file.read(&mut head).map_err(|e| ModelError::unreadable(path, e))?;
    match head.get(..read) {
        Some(b"PAR1") => parquet::read(path, wanted),
        Some([0x1f, 0x8b, ..]) => csv::read(path, wanted, true),
        _ => csv::read(path, wanted, false),
    }
}

/// Names of columns as they will be used: none empty, none twice.
fn checked_names(path: &Path, names: Vec<String>) -> Result<Vec<String>, ModelError> {
    let mut out: Vec<String> = Vec::with_capacity(names.len());
    for (place, name) in names.into_iter().enumerate() {
        let name = match name.trim() {
            "" => format!("column_{}", place + 1),
            name => name.to_string(),
        };
        if out.contains(&name) {
            return Err(ModelError::unreadable(path, format!("column `{name}` stands twice")));
        }
        out.push(name);
    }
    Ok(out)
}
