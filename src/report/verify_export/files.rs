//! The files of an extract: their digests, their rows, and the row where one is not what the
//! entries say.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    Array, AsArray, FixedSizeBinaryArray, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use arrow::datatypes::{Int64Type, TimestampMicrosecondType};
use parquet::arrow::arrow_reader::{
    ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use ring::digest::{Context, SHA256};

use crate::kernel::Time;
use crate::kernel::bytes::{Digest, hex};
use crate::ledger::leaf::Leaf;

use super::ExportError;
use crate::report::extract::{
    BATCH_ROWS, ENTRIES, EntryFault, EntryView, Manifest, ManifestFile, Projector, TableSchema,
    metadata, same_columns,
};

/// A file that is missing, or cannot be read.
pub(super) fn unreadable(file: &str, error: &io::Error) -> ExportError {
    match error.kind() {
        io::ErrorKind::NotFound => ExportError::new("export_file_missing", file, "it is missing"),
        _ => ExportError::new("export_unreadable", file, format!("it cannot be read: {error}")),
    }
}

fn not_parquet(file: &str, error: &dyn Display) -> ExportError {
    ExportError::new("export_unreadable", file, format!("it cannot be read as Parquet: {error}"))
}

/// Refuses Parquet files that the manifest does not list: a reader of `*.parquet` would take them
/// for a part of the extract.
pub(super) fn no_others(dir: &Path, tables: &[Arc<TableSchema>]) -> Result<(), ExportError> {
    let known: BTreeSet<&str> = tables.iter().map(|table| table.file.as_str()).collect();
    let mut others = BTreeSet::new();
    for entry in fs::read_dir(dir).map_err(|error| unreadable(".", &error))? {
        let name = entry.map_err(|error| unreadable(".", &error))?.file_name();
        let name = name.to_string_lossy().into_owned();
        if name.to_ascii_lowercase().ends_with(".parquet") && !known.contains(name.as_str()) {
            others.insert(name);
        }
    }
    let Some(first) = others.first() else { return Ok(()) };
    Err(ExportError::new("export_file_unexpected", first, "it is not listed in the manifest"))
}

/// Digests every file. Gives the first that is not as the manifest says; a missing one is an error
/// at once.
pub(super) fn digests(dir: &Path, manifest: &Manifest) -> Result<Option<ExportError>, ExportError> {
    let mut altered = None;
    for file in &manifest.files {
        let digest = digest(&dir.join(&file.name));
        let digest = digest.map_err(|error| unreadable(&file.name, &error))?;
        if hex(&digest) != file.sha256 && altered.is_none() {
            let what = "its SHA-256 is not the one in the manifest";
            altered = Some(ExportError::new("export_digest", &file.name, what));
        }
    }
    Ok(altered)
}

fn digest(path: &Path) -> io::Result<Digest> {
    let mut file = File::open(path)?;
    let mut context = Context::new(&SHA256);
    let mut buffer = vec![0; 1 << 16];
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        context.update(buffer.get(..read).unwrap_or_default());
    }
    let mut out = [0; 32];
    out.copy_from_slice(context.finish().as_ref());
    Ok(out)
}

/// Reads one table in order, and compares it with what it should be.
pub(super) struct TableReader {
    table: Arc<TableSchema>,
    /// The columns that are compared.
    columns: Vec<usize>,
    reader: ParquetRecordBatchReader,
    /// What was read and not compared yet, from `offset`.
    batch: Option<RecordBatch>,
    offset: usize,
    /// Rows that were compared.
    row: u64,
    /// Index of the entry of the last of them.
    last: Option<i64>,
}

impl TableReader {
    /// Opens the table's file and holds its columns and metadata against the schema.
    pub(super) fn open(
        dir: &Path,
        table: &Arc<TableSchema>,
        manifest: &Manifest,
    ) -> Result<TableReader, ExportError> {
        let name = &table.file;
        let file = File::open(dir.join(name)).map_err(|error| unreadable(name, &error))?;
        // The types are those of the Parquet schema, whatever a writer says beside it.
        let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
        let builder = ParquetRecordBatchReaderBuilder::try_new_with_options(file, options)
            .map_err(|error| not_parquet(name, &error))?;
        if !same_columns(builder.schema(), &table.arrow()) {
            let what = format!("its columns are not those of {}", table.schema);
            return Err(ExportError::new("export_columns", name, what));
        }
        let pairs = builder.metadata().file_metadata().key_value_metadata();
        for (key, value) in metadata(table, manifest) {
            let mut found = pairs.into_iter().flatten().filter(|pair| pair.key == key);
            if found.next().and_then(|pair| pair.value.as_ref()) != Some(&value)
                || found.next().is_some()
            {
                let what = format!("its metadata {key} is not that of the manifest");
                return Err(ExportError::new("export_metadata", name, what));
            }
        }
        let reader = builder.with_batch_size(BATCH_ROWS).build();
        let reader = reader.map_err(|error| not_parquet(name, &error))?;
        // The entries are read from their own table, and each passes the chain: of that table only
        // the index and what comes from the JSON texts is left to be compared.
        let columns = table.fields.iter().enumerate().filter(|(place, field)| {
            *place == 0 || table.file != ENTRIES || !TableSchema::repeats(field)
        });
        let columns = columns.map(|(place, _)| place).collect();
        let (table, batch) = (table.clone(), None);
        Ok(TableReader { table, columns, reader, batch, offset: 0, row: 0, last: None })
    }

    /// The table with those columns only that are compared.
    pub(super) fn compared(&self) -> Arc<TableSchema> {
        let mut table = TableSchema::clone(&self.table);
        let fields = self.columns.iter().filter_map(|place| self.table.fields.get(*place));
        table.fields = fields.cloned().collect();
        Arc::new(table)
    }

    /// Name of the file.
    pub(super) fn file(&self) -> &str {
        &self.table.file
    }

    /// Rows that were compared so far: the number of the row that comes next.
    pub(super) fn row(&self) -> u64 {
        self.row
    }

    /// The next rows, which stay to be compared.
    pub(super) fn next_batch(&mut self) -> Result<Option<RecordBatch>, ExportError> {
        while self.batch.as_ref().is_none_or(|batch| self.offset >= batch.num_rows()) {
            let next = self.reader.next().transpose();
            let Some(next) = next.map_err(|error| not_parquet(self.file(), &error))? else {
                return Ok(None);
            };
            (self.batch, self.offset) = (Some(next), 0);
        }
        let rest = |batch: &RecordBatch| {
            batch.slice(self.offset, batch.num_rows().saturating_sub(self.offset))
        };
        Ok(self.batch.as_ref().map(rest))
    }

    /// Compares the next rows with those that were derived from the entries.
    pub(super) fn compare(&mut self, expected: &mut Projector) -> Result<(), ExportError> {
        let expected = expected.take().map_err(|error| not_parquet(self.file(), &error))?;
        let mut done = 0;
        while done < expected.num_rows() {
            let Some(found) = self.next_batch()? else {
                return Err(self.missing(index(&expected, done)));
            };
            let rows = found.num_rows().min(expected.num_rows() - done);
            let found = found.slice(0, rows).project(&self.columns);
            let found = found.map_err(|error| not_parquet(self.file(), &error))?;
            let part = expected.slice(done, rows);
            if differs(&found, &part).is_some() {
                return Err(self.locate(&found, &part));
            }
            self.last = rows.checked_sub(1).map(|row| index(&found, row)).or(self.last);
            self.offset += rows;
            self.row += rows as u64;
            done += rows;
        }
        Ok(())
    }

    fn missing(&self, index: i64) -> ExportError {
        let what = format!("the row of entry {index} is missing");
        ExportError::new("export_row_missing", self.file(), what)
            .at(self.row, u64::try_from(index).ok())
    }

    /// Names the first row that is not what the entries say.
    fn locate(&self, found: &RecordBatch, expected: &RecordBatch) -> ExportError {
        let mut last = self.last;
        for row in 0..found.num_rows() {
            let (one, other) = (found.slice(row, 1), expected.slice(row, 1));
            let (is, should) = (index(&one, 0), index(&other, 0));
            let Some(column) = differs(&one, &other) else {
                last = Some(is);
                continue;
            };
            let (code, what) = if is > should {
                let what = format!("the row of entry {should} is missing: entry {is} stands here");
                ("export_row_missing", what)
            } else if is < should && last.is_some_and(|last| is <= last) {
                let what = format!("the row of entry {is} stands twice or out of order");
                ("export_row_added", what)
            } else if is < should {
                ("export_row_added", format!("entry {is} has no row in this table"))
            } else {
                let schema = found.schema_ref();
                let name = schema.fields().get(column).map_or("?", |field| field.name());
                ("export_row_altered", format!("{name} is not what the entry says"))
            };
            let blamed = u64::try_from(is.min(should)).ok();
            return ExportError::new(code, self.file(), what).at(self.row + row as u64, blamed);
        }
        ExportError::new("export_row_altered", self.file(), "its rows are not the entries'")
    }

    /// After all entries: nothing may be left, and the manifest must have counted right.
    pub(super) fn finish(
        &mut self,
        listed: &ManifestFile,
        unreadable: u64,
    ) -> Result<(), ExportError> {
        if let Some(rest) = self.next_batch()? {
            let index = index(&rest, 0);
            let what = format!("the row of entry {index} is one too many");
            return Err(ExportError::new("export_row_added", self.file(), what)
                .at(self.row, u64::try_from(index).ok()));
        }
        if self.row != listed.rows || unreadable != listed.unreadable {
            let what = "the manifest counts other rows, or other values that are null";
            return Err(ExportError::new("export_rows", self.file(), what));
        }
        Ok(())
    }
}

/// Index of the entry that a row is of: the first column of every table.
fn index(batch: &RecordBatch, row: usize) -> i64 {
    let column = batch.columns().first().and_then(|c| c.as_primitive_opt::<Int64Type>());
    column.filter(|column| row < column.len()).map_or(-1, |column| column.value(row))
}

/// The first column in which two batches of as many rows differ.
fn differs(a: &RecordBatch, b: &RecordBatch) -> Option<usize> {
    a.columns().iter().zip(b.columns()).position(|(a, b)| a.as_ref() != b.as_ref())
}

/// Reads entries back from a batch of `entries.parquet`.
pub(super) struct EntryReader<'a> {
    index: &'a Int64Array,
    public_kind: &'a StringArray,
    time: &'a TimestampMicrosecondArray,
    packs: &'a FixedSizeBinaryArray,
    commitment: &'a FixedSizeBinaryArray,
    leaf_hash: &'a FixedSizeBinaryArray,
    record_salt: &'a FixedSizeBinaryArray,
    record: &'a StringArray,
    detail_salt: &'a FixedSizeBinaryArray,
    detail: &'a StringArray,
    personal_hash: &'a FixedSizeBinaryArray,
}

fn hash(column: &FixedSizeBinaryArray, row: usize) -> Option<&Digest> {
    if column.is_null(row) { None } else { column.value(row).try_into().ok() }
}

impl<'a> EntryReader<'a> {
    /// The columns of a batch.
    pub(super) fn new(batch: &'a RecordBatch, file: &str) -> Result<EntryReader<'a>, ExportError> {
        let columns = || {
            let column = |name: &str| batch.column_by_name(name);
            let hashes = |name| column(name)?.as_fixed_size_binary_opt();
            let texts = |name| column(name)?.as_string_opt::<i32>();
            Some(EntryReader {
                index: column("index")?.as_primitive_opt::<Int64Type>()?,
                public_kind: texts("public_kind")?,
                time: column("time")?.as_primitive_opt::<TimestampMicrosecondType>()?,
                packs: hashes("packs_digest")?,
                commitment: hashes("commitment")?,
                leaf_hash: hashes("leaf_hash")?,
                record_salt: hashes("record_salt")?,
                record: texts("record")?,
                detail_salt: hashes("detail_salt")?,
                detail: texts("detail")?,
                personal_hash: hashes("personal_hash")?,
            })
        };
        let what = "its columns are not those of an entry";
        columns().ok_or_else(|| ExportError::new("export_columns", file, what))
    }

    /// Index of the entry in a row.
    pub(super) fn index(&self, row: usize) -> u64 {
        // A negative index is no entry's, nor is this one.
        u64::try_from(self.index.value(row)).unwrap_or(u64::MAX)
    }

    /// The entry in a row.
    pub(super) fn view(&self, row: usize) -> Result<EntryView<'a>, EntryFault> {
        let time = Time::from_micros(self.time.value(row));
        let packs = hash(self.packs, row).ok_or(EntryFault::LeafHash)?;
        let commitment = hash(self.commitment, row).ok_or(EntryFault::LeafHash)?;
        let leaf = Leaf::new(self.public_kind.value(row).parse()?, time, *packs, *commitment);
        if leaf.time != time {
            return Err(EntryFault::Fraction);
        }
        let text = Some(self.detail).filter(|column| column.is_valid(row));
        let detail = match (hash(self.detail_salt, row), text.map(|text| text.value(row))) {
            (None, None) => None,
            (Some(salt), Some(text)) => Some((salt, text)),
            _ => return Err(EntryFault::Detail),
        };
        Ok(EntryView {
            index: self.index(row),
            leaf,
            claimed: Some(hash(self.leaf_hash, row).ok_or(EntryFault::LeafHash)?),
            record_salt: hash(self.record_salt, row).ok_or(EntryFault::Commitment)?,
            record: self.record.value(row),
            detail,
            personal_hash: hash(self.personal_hash, row).ok_or(EntryFault::Commitment)?,
        })
    }
}
