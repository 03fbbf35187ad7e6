//! Writes one table as Parquet: streamed, the same bytes for the same rows.
//!
//! What makes two runs differ elsewhere is fixed here: the writer's name, the order of the
//! metadata, the size of batches, and no serialised Arrow schema (its map has no order).

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use arrow::array::RecordBatch;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::{KeyValue, SortingColumn};
use parquet::file::properties::{BloomFilterPosition, EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;
use ring::digest::{Context, SHA256};

use crate::kernel::bytes::{Digest, hex};

use super::entry::Opened;
use super::manifest::{Manifest, ManifestFile};
use super::schema::{FieldSchema, FieldType, Layout, TableSchema};
use super::tables::Projector;

/// Who wrote the file, for readers that care; raised when the layout of the bytes changes.
const CREATED_BY: &str = "fivefold extract version 1";

/// Most rows in a row group.
const GROUP_ROWS_MAX: usize = 1_000_000;

/// Encoded bytes after which a row group is closed: it is held in memory until then.
const GROUP_BYTES_MAX: usize = 48 << 20;

/// Key of the metadata that names table and version.
pub(crate) const META_SCHEMA: &str = "fivefold.schema";
/// Key of the metadata that names the period.
pub(crate) const META_PERIOD: &str = "fivefold.period";
/// Key of the metadata that holds the checkpoint at the end, signed.
pub(crate) const META_CHECKPOINT: &str = "fivefold.checkpoint";

/// Passes bytes on to a file and digests them on the way.
struct Digesting {
    file: File,
    context: Context,
}

impl Write for Digesting {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.context.update(bytes.get(..written).unwrap_or_default());
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// The metadata that every file of an extract carries, in its fixed order.
pub(crate) fn metadata(table: &TableSchema, manifest: &Manifest) -> [(&'static str, String); 3] {
    [
        (META_SCHEMA, table.schema.clone()),
        (META_PERIOD, manifest.period.name.clone()),
        (META_CHECKPOINT, manifest.bounds.checkpoint_end.clone()),
    ]
}

fn properties(table: &TableSchema, manifest: &Manifest) -> Result<WriterProperties, ParquetError> {
    let pairs = metadata(table, manifest);
    let metadata = pairs.map(|(key, value)| KeyValue::new(key.to_owned(), value)).to_vec();
    let by_index = SortingColumn { column_idx: 0, descending: false, nulls_first: false };
    let mut properties = WriterProperties::builder()
        .set_created_by(CREATED_BY.to_owned())
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(1)?))
        .set_max_row_group_row_count(Some(GROUP_ROWS_MAX))
        .set_max_row_group_bytes(Some(GROUP_BYTES_MAX))
        .set_statistics_enabled(EnabledStatistics::Page)
        .set_bloom_filter_position(BloomFilterPosition::End)
        .set_key_value_metadata(Some(metadata))
        .set_sorting_columns(Some(vec![by_index]));
    for field in &table.fields {
        let path = column_path(field);
        if field.layout != Layout::Category {
            properties = properties.set_column_dictionary_enabled(path.clone(), false);
        }
        properties = match field.layout {
            Layout::Category | Layout::Unique => properties,
            Layout::Sequence => {
                properties.set_column_encoding(path.clone(), Encoding::DELTA_BINARY_PACKED)
            }
            Layout::Opaque => {
                properties.set_column_statistics_enabled(path.clone(), EnabledStatistics::None)
            }
        };
        if field.bloom {
            properties = properties.set_column_bloom_filter_enabled(path, true);
        }
    }
    Ok(properties.build())
}

/// A column's path in the Parquet schema.
fn column_path(field: &FieldSchema) -> ColumnPath {
    let inner: &[&str] = match field.kind {
        FieldType::Texts | FieldType::Ints => &["list", "element"],
        _ => &[],
    };
    let names = std::iter::once(field.name.as_str()).chain(inner.iter().copied());
    ColumnPath::new(names.map(str::to_owned).collect())
}

/// Writes a table whose rows are columns already, as the extract writes it: its last stage alone,
/// for whoever measures it.
///
/// # Errors
/// The file's, or rows of another table.
pub fn write_table(
    dir: &Path,
    table: Arc<TableSchema>,
    manifest: &Manifest,
    rows: &[RecordBatch],
) -> Result<ManifestFile, ParquetError> {
    let mut writer = TableWriter::create(dir, table, manifest)?;
    for batch in rows {
        writer.rows += batch.num_rows() as u64;
        writer.writer.write(batch)?;
    }
    writer.finish()
}

/// Writes one table.
pub(crate) struct TableWriter {
    table: Arc<TableSchema>,
    projector: Projector,
    writer: ArrowWriter<Digesting>,
    rows: u64,
}

impl TableWriter {
    /// Begins the table's file in `dir`.
    pub(crate) fn create(
        dir: &Path,
        table: Arc<TableSchema>,
        manifest: &Manifest,
    ) -> Result<TableWriter, ParquetError> {
        let file = File::create(dir.join(&table.file))?;
        let sink = Digesting { file, context: Context::new(&SHA256) };
        let options = ArrowWriterOptions::new()
            .with_properties(properties(&table, manifest)?)
            .with_skip_arrow_metadata(true);
        let writer = ArrowWriter::try_new_with_options(sink, table.arrow(), options)?;
        Ok(TableWriter { projector: Projector::new(table.clone()), table, writer, rows: 0 })
    }

    /// Name of the file.
    pub(crate) fn file(&self) -> &str {
        &self.table.file
    }

    /// Adds the entry's row if it makes one.
    pub(crate) fn push(&mut self, entry: &Opened<'_>) -> Result<(), ParquetError> {
        if self.projector.push(entry) { self.write() } else { Ok(()) }
    }

    fn write(&mut self) -> Result<(), ParquetError> {
        let batch = self.projector.take()?;
        self.rows += batch.num_rows() as u64;
        self.writer.write(&batch)
    }

    /// Ends the file; it is on disk then.
    pub(crate) fn finish(mut self) -> Result<ManifestFile, ParquetError> {
        self.write()?;
        let mut sink = self.writer.into_inner()?;
        sink.flush()?;
        sink.file.sync_all()?;
        let mut sha256: Digest = [0; 32];
        sha256.copy_from_slice(sink.context.finish().as_ref());
        Ok(ManifestFile {
            name: self.table.file.clone(),
            schema: self.table.schema.clone(),
            rows: self.rows,
            unreadable: self.projector.unreadable,
            sha256: hex(&sha256),
        })
    }
}
