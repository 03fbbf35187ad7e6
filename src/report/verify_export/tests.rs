//! Every way to alter an extract is found, and named.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, FixedSizeBinaryArray, Int64Array, ListArray,
    RecordBatch, StringArray, TimestampMicrosecondArray,
};
use arrow::compute::{concat, concat_batches};
use arrow::datatypes::{DataType, Int64Type, TimestampMicrosecondType};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use serde_json::Value;
use tempfile::{TempDir, tempdir};

use super::*;
use crate::kernel::bytes::hex;
use crate::ledger::note::NoteSigner;
use crate::partner::signature::SigningKey;
use crate::report::extract::testlog::{ORIGIN, TestLog, log_key, log_keys, manifest_key, resign};
use crate::report::extract::{ENTRIES, ExtractInput};

/// An extract to be altered.
struct Export {
    dir: TempDir,
    input: ExtractInput,
}

fn export() -> Export {
    let log = TestLog::new(600);
    let (dir, input) = (tempdir().expect("a folder"), log.october(Some(100), 590));
    log.extract(&input, dir.path()).expect("an extract");
    Export { dir, input }
}

fn verify(dir: &Path) -> Result<ExportReport, ExportError> {
    verify_export(dir, &log_keys(), Some(&manifest_key().public()), &mut |_, _| {})
}

fn tables_of() -> Vec<String> {
    TableSchema::all().expect("schemas").iter().map(|table| table.file.clone()).collect()
}

impl Export {
    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// What verification says while `change` holds; the file is put back after.
    fn altered(&self, name: &str, change: impl FnOnce(&Path)) -> ExportError {
        let path = self.path(name);
        let kept = fs::read(&path).expect("bytes");
        change(&path);
        let result = verify(self.dir.path());
        fs::write(&path, kept).expect("put back");
        let error = result.expect_err("an alteration was not found");
        assert!(!error.to_string().contains('\n'), "{error}");
        error
    }

    /// The same, with a manifest that lists the altered file, signed by these keys.
    fn listed(
        &self,
        name: &str,
        keys: (&NoteSigner, &SigningKey),
        change: impl FnOnce(&Path),
    ) -> ExportError {
        let signed = [MANIFEST, MANIFEST_NOTE, MANIFEST_JWS];
        let kept = signed.map(|name| fs::read(self.path(name)).expect("bytes"));
        let error = self.altered(name, |path| {
            change(path);
            let mut manifest: Value = serde_json::from_slice(&kept[0]).expect("a manifest");
            let files = manifest["files"].as_array_mut().expect("files");
            let file = files.iter_mut().find(|file| file["name"] == name).expect("the file");
            file["sha256"] = hex(&sha256(&fs::read(path).expect("bytes"))).into();
            file["rows"] = read(path).num_rows().into();
            let (bytes, note, jws) = resign(&manifest, keys.0, keys.1);
            for (name, bytes) in signed.iter().zip([bytes, note.into(), jws.into()]) {
                fs::write(self.path(name), bytes).expect("written");
            }
        });
        for (name, bytes) in signed.iter().zip(kept) {
            fs::write(self.path(name), bytes).expect("put back");
        }
        error
    }
}

fn read(path: &Path) -> RecordBatch {
    let builder = ParquetRecordBatchReaderBuilder::try_new(File::open(path).expect("a file"));
    let builder = builder.expect("Parquet");
    let schema = builder.schema().clone();
    let batches: Vec<_> =
        builder.build().expect("a reader").map(|batch| batch.expect("rows")).collect();
    concat_batches(&schema, &batches).expect("one batch")
}

/// Writes a table anew with another writer, its metadata kept.
fn write(path: &Path, batch: &RecordBatch) {
    let builder = ParquetRecordBatchReaderBuilder::try_new(File::open(path).expect("a file"));
    let builder = builder.expect("Parquet");
    let pairs = builder.metadata().file_metadata().key_value_metadata().expect("metadata");
    let ours = pairs.iter().filter(|pair| pair.key.starts_with("fivefold."));
    let ours: Vec<KeyValue> = ours.cloned().collect();
    let properties = WriterProperties::builder().set_key_value_metadata(Some(ours)).build();
    let file = File::create(path).expect("a file");
    let mut writer =
        ArrowWriter::try_new(file, batch.schema(), Some(properties)).expect("a writer");
    writer.write(batch).expect("rows");
    writer.close().expect("a footer");
}

/// The table with its rows in this order.
fn rows(path: &Path, order: impl FnOnce(Vec<usize>) -> Vec<usize>) {
    let batch = read(path);
    let order = order((0..batch.num_rows()).collect());
    let slices: Vec<_> = order.iter().map(|row| batch.slice(*row, 1)).collect();
    write(path, &concat_batches(&batch.schema(), &slices).expect("one batch"));
}

/// Another value than the one in this row, of the same type.
fn another(column: &ArrayRef, row: usize) -> ArrayRef {
    let null = column.is_null(row);
    match column.data_type() {
        DataType::Int64 => {
            let old = column.as_primitive::<Int64Type>().value(row);
            Arc::new(Int64Array::from(vec![if null { 1 } else { old + 1 }]))
        }
        DataType::Utf8 => {
            let old = column.as_string::<i32>().value(row);
            Arc::new(StringArray::from(vec![format!("{old}x")]))
        }
        DataType::Boolean => {
            let old = !null && column.as_boolean().value(row);
            Arc::new(BooleanArray::from(vec![!old]))
        }
        DataType::Timestamp(..) => {
            let old = column.as_primitive::<TimestampMicrosecondType>().value(row);
            Arc::new(TimestampMicrosecondArray::from(vec![old + 1_000_000]).with_timezone("UTC"))
        }
        DataType::FixedSizeBinary(_) => {
            let mut bytes = [0; 32];
            if !null {
                bytes.copy_from_slice(column.as_fixed_size_binary().value(row));
            }
            bytes[31] ^= 1;
            Arc::new(FixedSizeBinaryArray::try_from_iter([bytes].iter()).expect("32 bytes"))
        }
        DataType::List(of) => {
            let old = column.as_list::<i32>().value(row);
            // A null becomes a list, and a list loses or gains an element.
            let offsets = match (null, old.len()) {
                (true, _) => vec![0, 0],
                (false, 0) => return Arc::new(ListArray::new_null(of.clone(), 1)),
                (false, n) => vec![0, n as i32 - 1],
            };
            let offsets = arrow::buffer::OffsetBuffer::new(offsets.into());
            Arc::new(ListArray::new(of.clone(), offsets, old, None))
        }
        other => panic!("no column has the type {other}"),
    }
}

fn alter_cell(path: &Path, column: usize, row: usize) {
    let batch = read(path);
    let mut columns = batch.columns().to_vec();
    let old = columns[column].clone();
    let cell = another(&old, row);
    let (before, after) = (old.slice(0, row), old.slice(row + 1, old.len() - row - 1));
    columns[column] = concat(&[&before, &cell, &after]).expect("a column");
    write(path, &RecordBatch::try_new(batch.schema(), columns).expect("a batch"));
}

#[test]
fn an_extract_verifies_with_the_vkey_alone() {
    let export = export();
    let mut seen = (0, 0);
    let report = verify_export(export.dir.path(), &log_keys(), None, &mut |done, of| {
        seen = (done, of);
    });
    let report = report.expect("it verifies");
    let bounds = &export.input.bounds;
    assert_eq!((report.start, report.end), (bounds.start, bounds.end));
    assert_eq!(seen, (bounds.end - bounds.start, bounds.end - bounds.start));
    assert_eq!(report.checkpoint_end.size, 590);
    assert_eq!(report.checkpoint_start.expect("a checkpoint").size, 100);
    assert_eq!(report.kinds.values().sum::<u64>(), bounds.end - bounds.start);
    assert_eq!(report.files.len(), 15);
    assert!(!report.closed, "October is not over yet in this log");
    let manifest = fs::read(export.path(MANIFEST)).expect("a manifest");
    assert_eq!(report.manifest, sha256(&manifest));
}

#[test]
fn a_period_that_is_over_is_closed() {
    let log = TestLog::new(5_000);
    let dir = tempdir().expect("a folder");
    log.extract(&log.october(Some(0), 5_000), dir.path()).expect("an extract");
    assert!(verify(dir.path()).expect("it verifies").closed);
}

#[test]
fn an_empty_period_is_a_valid_extract() {
    let log = TestLog::new(300);
    let day = |text: &str| text.parse().expect("a time");
    for (from, until) in [
        ("2020-01-01T00:00:00Z", "2020-01-02T00:00:00Z"),
        ("2026-10-01T00:00:00Z", "2026-10-01T00:00:00Z"),
        ("2030-01-01T00:00:00Z", "2030-01-02T00:00:00Z"),
    ] {
        let period = Period { name: "a day".into(), from: day(from), until: day(until) };
        let dir = tempdir().expect("a folder");
        log.extract(&log.period(period, Some(0), 300), dir.path()).expect("an extract");
        let report = verify(dir.path()).expect("it verifies");
        assert!(report.start == report.end && report.files.iter().all(|file| file.1 == 0));
        assert_eq!(read(&dir.path().join(ENTRIES)).num_rows(), 0);
    }
    let dir = tempdir().expect("a folder");
    let empty = TestLog::new(0);
    empty.extract(&empty.october(None, 0), dir.path()).expect("an extract");
    assert_eq!(verify(dir.path()).expect("it verifies").checkpoint_end.size, 0);
}

#[test]
fn an_altered_byte_in_any_file_is_found() {
    let export = export();
    let signed = [MANIFEST, MANIFEST_NOTE, MANIFEST_JWS].map(str::to_owned);
    for name in tables_of().into_iter().chain(signed) {
        let bytes = fs::read(export.path(&name)).expect("bytes");
        for part in 0..16 {
            let at = (bytes.len() - 1) * part / 15;
            let error = export.altered(&name, |path| {
                let mut bytes = bytes.clone();
                bytes[at] ^= 0x10;
                fs::write(path, bytes).expect("written");
            });
            assert_eq!(error.file(), name, "byte {at}: {error}");
        }
    }
}

#[test]
fn a_truncated_emptied_lengthened_or_missing_file_is_found() {
    let export = export();
    let signed = [MANIFEST, MANIFEST_NOTE, MANIFEST_JWS].map(str::to_owned);
    for name in tables_of().into_iter().chain(signed) {
        let bytes = fs::read(export.path(&name)).expect("bytes");
        let half = bytes[..bytes.len() / 2].to_vec();
        let longer = [bytes.clone(), b"\n".to_vec()].concat();
        for altered in [half, Vec::new(), bytes[..bytes.len() - 1].to_vec(), longer] {
            let error = export.altered(&name, |path| fs::write(path, altered).expect("written"));
            assert_eq!(error.file(), name, "{error}");
        }
        let error = export.altered(&name, |path| fs::remove_file(path).expect("removed"));
        assert_eq!((error.file(), error.code()), (name.as_str(), "export_file_missing"));
    }
}

#[test]
fn every_altered_cell_is_found_in_its_row() {
    let export = export();
    let (log, manifest) = (log_key(), manifest_key());
    for table in TableSchema::all().expect("schemas") {
        let count = read(&export.path(&table.file)).num_rows();
        for (column, field) in table.fields.iter().enumerate() {
            let row = (column * 7 + 1) % (count - 1);
            let found = |error: ExportError| {
                assert_eq!(error.file(), table.file, "{}: {error}", field.name);
                assert_eq!(error.row(), Some(row as u64), "{}: {error}", field.name);
            };
            found(export.altered(&table.file, |path| alter_cell(path, column, row)));
            // Not even the bureau can list and sign a table that is not what the log says.
            let keys = (&log, &manifest);
            found(export.listed(&table.file, keys, |path| alter_cell(path, column, row)));
        }
    }
}

#[test]
fn every_removed_added_or_moved_row_is_found() {
    let export = export();
    let (log, manifest) = (log_key(), manifest_key());
    type Edit = fn(Vec<usize>) -> Vec<usize>;
    let edits: [(&str, Edit, u64); 7] = [
        ("first removed", |rows| rows[1..].to_vec(), 0),
        ("third removed", |rows| [&rows[..2], &rows[3..]].concat(), 2),
        ("last removed", |rows| rows[..rows.len() - 1].to_vec(), u64::MAX),
        ("third twice", |rows| [&rows[..3], &rows[2..]].concat(), 3),
        ("last twice", |rows| [&rows[..], &rows[rows.len() - 1..]].concat(), u64::MAX),
        (
            "two swapped",
            |mut rows| {
                rows.swap(1, 4);
                rows
            },
            1,
        ),
        (
            "reversed",
            |mut rows| {
                rows.reverse();
                rows
            },
            0,
        ),
    ];
    for name in tables_of() {
        let count = read(&export.path(&name)).num_rows() as u64;
        for (what, edit, row) in &edits {
            let row = match (*row, *what) {
                (u64::MAX, "last removed") => count - 1,
                (u64::MAX, _) => count,
                (row, _) => row,
            };
            let keys = (&log, &manifest);
            for error in [
                export.altered(&name, |path| rows(path, edit)),
                export.listed(&name, keys, |path| rows(path, edit)),
            ] {
                assert_eq!(
                    (error.file(), error.row()),
                    (name.as_str(), Some(row)),
                    "{what}: {error}"
                );
            }
        }
    }
}

#[test]
fn a_row_of_another_log_is_found() {
    let export = export();
    let (log, manifest) = (log_key(), manifest_key());
    for name in tables_of() {
        // A row that is none: the last one, with the next index.
        let error = export.listed(&name, (&log, &manifest), |path| {
            rows(path, |rows| [&rows[..], &rows[rows.len() - 1..]].concat());
            let last = read(path).num_rows() - 1;
            alter_cell(path, 0, last);
        });
        assert_eq!(error.file(), name, "{error}");
    }
}

#[test]
fn a_file_written_anew_with_the_same_rows_is_not_the_listed_one() {
    let export = export();
    for name in tables_of() {
        let error = export.altered(&name, |path| write(path, &read(path)));
        assert_eq!((error.file(), error.code()), (name.as_str(), "export_digest"));
    }
}

#[test]
fn swapped_files_and_files_of_another_extract_are_found() {
    let export = export();
    let names = tables_of();
    for (name, other) in names.iter().zip(names.iter().skip(1)) {
        let other = fs::read(export.path(other)).expect("bytes");
        let error = export.altered(name, |path| fs::write(path, &other).expect("written"));
        assert_eq!((error.file(), error.code()), (name.as_str(), "export_columns"));
    }
    let (log, dir) = (TestLog::new(400), tempdir().expect("a folder"));
    log.extract(&log.october(Some(100), 380), dir.path()).expect("an extract");
    for name in names.into_iter().chain([MANIFEST.into(), MANIFEST_NOTE.into()]) {
        let other = fs::read(dir.path().join(&name)).expect("bytes");
        let error = export.altered(&name, |path| fs::write(path, &other).expect("written"));
        assert!(error.file() == name || error.file() == MANIFEST, "{name}: {error}");
    }
}

#[test]
fn a_manifest_of_other_keys_is_refused() {
    let export = export();
    let (log, manifest) = (log_key(), manifest_key());
    let other_log = NoteSigner::from_seed(ORIGIN, &[8; 32]).expect("a key");
    let other_name = NoteSigner::from_seed("other.example/log", &[7; 32]).expect("a key");
    let other_manifest = SigningKey::from_seed(&[10; 32]).expect("a key");
    let drop_third = |path: &Path| rows(path, |rows| [&rows[..2], &rows[3..]].concat());
    for (keys, file, code) in [
        ((&other_log, &manifest), MANIFEST_NOTE, "export_note"),
        ((&other_name, &manifest), MANIFEST_NOTE, "export_note"),
        ((&log, &other_manifest), MANIFEST_JWS, "export_jws"),
    ] {
        let error = export.listed("consents.parquet", keys, drop_third);
        assert_eq!((error.file(), error.code()), (file, code), "{error}");
    }
    let trusted = other_manifest.public();
    let refused = verify_export(export.dir.path(), &log_keys(), Some(&trusted), &mut |_, _| {});
    assert_eq!(refused.expect_err("another key").code(), "export_manifest_key");
    let refused = verify_export(export.dir.path(), &[], None, &mut |_, _| {});
    assert_eq!(refused.expect_err("no key").code(), "export_note");
}

#[test]
fn a_manifest_that_lies_is_refused_whoever_signed_it() {
    let export = export();
    let bytes = fs::read(export.path(MANIFEST)).expect("a manifest");
    let manifest: Value = serde_json::from_slice(&bytes).expect("JSON");
    let lie = |pointer: &str, value: Value| {
        let mut manifest = manifest.clone();
        *manifest.pointer_mut(pointer).expect(pointer) = value;
        let (log, key) = (log_key(), manifest_key());
        let (bytes, note, jws) = resign(&manifest, &log, &key);
        for (name, bytes) in
            [(MANIFEST, bytes), (MANIFEST_NOTE, note.into()), (MANIFEST_JWS, jws.into())]
        {
            fs::write(export.path(name), bytes).expect("written");
        }
        verify(export.dir.path()).expect_err(pointer).code()
    };
    let number = |pointer: &str, by: i64| -> Value {
        (manifest.pointer(pointer).and_then(Value::as_i64).expect(pointer) + by).into()
    };
    assert_eq!(lie("/format", "fivefold-manifest/v2".into()), "export_manifest_malformed");
    assert_eq!(lie("/period/name", "2026-11".into()), "export_period");
    assert_eq!(lie("/period/until", "2026-10-20T16:00:00Z".into()), "export_period");
    assert_eq!(lie("/period/name", "autumn".into()), "export_metadata");
    assert_eq!(lie("/bounds/start", number("/bounds/start", 1)), "export_start_range");
    assert_eq!(lie("/bounds/end", number("/bounds/end", -1)), "export_boundary");
    assert_eq!(lie("/bounds/start_range/nodes", Value::Array(vec![])), "export_manifest_malformed");
    assert_eq!(lie("/bounds/checkpoint_start", Value::Null), "export_start_range");
    assert_eq!(lie("/bounds/before", Value::Null), "export_boundary");
    assert_eq!(lie("/bounds/before/proof/0", lie_hash()), "export_boundary");
    assert_eq!(lie("/bounds/start_consistency/0", lie_hash()), "export_start_range");
    assert_eq!(lie("/bounds/end_consistency", Value::Array(vec![lie_hash()])), "export_wrong_root");
    assert_eq!(lie("/files/1/rows", number("/files/1/rows", 1)), "export_rows");
    assert_eq!(lie("/files/1/unreadable", 1.into()), "export_rows");
    assert_eq!(lie("/files/1/name", "../inquiries.parquet".into()), "export_tables");
    assert_eq!(lie("/files/1/schema", "fivefold.inquiries/v2".into()), "export_tables");
    let files = manifest["files"].as_array().expect("files");
    assert_eq!(lie("/files", files[1..].to_vec().into()), "export_tables");
}

fn lie_hash() -> Value {
    crate::kernel::bytes::base64(&[1; 32]).into()
}

#[test]
fn a_parquet_file_that_nobody_listed_is_refused() {
    let export = export();
    fs::copy(export.path("scores.parquet"), export.path("more.parquet")).expect("copied");
    let error = verify(export.dir.path()).expect_err("one file too many");
    assert_eq!((error.file(), error.code()), ("more.parquet", "export_file_unexpected"));
    fs::rename(export.path("more.parquet"), export.path("notes.txt")).expect("renamed");
    verify(export.dir.path()).expect("a reader's own notes do no harm");
}

#[test]
fn a_reader_that_breaks_is_a_refusal() {
    assert_eq!(unbroken(|| 1), Some(1));
    assert_eq!(unbroken(|| [0; 3][std::hint::black_box(7)]), None);
    assert!(!GUARDED.get(), "later panics are shown");
}
