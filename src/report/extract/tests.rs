//! What an extract is, and what is refused before it is signed.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::Path;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::Int64Type;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::reader::{FileReader, SerializedFileReader};
use serde_json::json;
use tempfile::tempdir;

use super::testlog::{TestLog, log_key, manifest_key};
use super::*;
use crate::kernel::{Env, Time};
use crate::ledger::body::{Body, Draft};

fn files(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let read = |entry: std::io::Result<fs::DirEntry>| {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        (name, fs::read(path).expect("bytes"))
    };
    fs::read_dir(dir).expect("a folder").map(read).collect()
}

fn table(dir: &Path, name: &str) -> RecordBatch {
    let file = File::open(dir.join(name)).expect("a file");
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).expect("Parquet");
    let mut reader = builder.with_batch_size(1 << 20).build().expect("a reader");
    let batch = reader.next().expect("rows").expect("a batch");
    assert!(reader.next().is_none());
    batch
}

fn texts(batch: &RecordBatch, column: &str) -> Vec<Option<String>> {
    let column = batch.column_by_name(column).expect("a column").as_string::<i32>();
    column.iter().map(|text| text.map(str::to_owned)).collect()
}

fn ints(batch: &RecordBatch, column: &str) -> Vec<Option<i64>> {
    batch.column_by_name(column).expect("a column").as_primitive::<Int64Type>().iter().collect()
}

#[test]
fn the_same_entries_give_the_same_bytes() {
    let log = TestLog::new(400);
    let input = log.october(Some(100), 400);
    let (a, b) = (tempdir().expect("a folder"), tempdir().expect("a folder"));
    let report = log.extract(&input, a.path()).expect("an extract");
    assert_eq!(log.extract(&input, b.path()).expect("an extract"), report);
    let written = files(a.path());
    assert_eq!(written, files(b.path()));
    assert_eq!(written.len(), 15 + 3);
    assert_eq!(report.kinds.values().sum::<u64>(), input.bounds.end - input.bounds.start);
    for file in &report.files {
        assert_eq!(file.sha256, crate::kernel::bytes::hex(&sha256(&written[&file.name])));
        assert!(file.rows > 0 && file.unreadable == 0, "{file:?}");
    }
}

#[test]
fn typed_tables_say_what_the_records_say() {
    let log = TestLog::new(400);
    let dir = tempdir().expect("a folder");
    log.extract(&log.october(None, 400), dir.path()).expect("an extract");
    let batch = table(dir.path(), "inquiries.parquet");
    let (kinds, askers) = (texts(&batch, "kind"), texts(&batch, "asker"));
    let refused = kinds.iter().position(|k| k.as_deref() == Some("refused")).expect("a refusal");
    assert!(askers.iter().all(Option::is_some), "a refusal's actor is its asker");
    assert_eq!(texts(&batch, "inquiry")[refused], None);
    assert_eq!(texts(&batch, "code")[refused].as_deref(), Some("refused"));
    let codes = batch.column_by_name("codes").expect("codes").as_list::<i32>().value(refused);
    assert_eq!(codes.as_string::<i32>().value(0), "consent_revoked");
    let threshold = texts(&batch, "form").iter().position(|f| f.as_deref() == Some("threshold"));
    let threshold = threshold.expect("a threshold");
    assert!(ints(&batch, "score")[threshold].is_some(), "what the hotel was not told is counted");
    let as_of = batch.column_by_name("as_of").expect("as_of");
    let as_of = as_of.as_primitive::<arrow::datatypes::TimestampMicrosecondType>();
    assert_eq!(
        Time::from_micros(as_of.value(threshold)).to_string(),
        "2026-10-02T03:04:05.678901Z"
    );
    // Furnishing that was refused is no inquiry.
    let indices = ints(&batch, "index");
    assert!(indices.iter().flatten().all(|n| n % 14 != 12 || n % 28 == 12));
    let scores = table(dir.path(), "scores.parquet");
    assert!(ints(&scores, "index").iter().flatten().all(|n| matches!(n % 14, 8..=10)));
    let lost = scores.column_by_name("points_lost").expect("points").as_list::<i32>();
    let first = (0..scores.num_rows()).find(|row| lost.is_valid(*row)).expect("a row");
    assert_eq!(lost.value(first).as_primitive::<Int64Type>().values(), &[30, 12]);
    let partners = table(dir.path(), "partners.parquet");
    assert!(texts(&partners, "partner").iter().all(Option::is_some), "as an object and as an id");
    let consents = table(dir.path(), "consents.parquet");
    let categories = consents.column_by_name("categories").expect("categories");
    let given = texts(&consents, "kind").iter().position(|k| k.as_deref() == Some("consent_given"));
    assert!(categories.is_valid(given.expect("one given")), "an empty list is not null");
}

#[test]
fn files_carry_what_readers_need_to_be_quick() {
    let log = TestLog::new(400);
    let dir = tempdir().expect("a folder");
    let input = log.october(None, 400);
    log.extract(&input, dir.path()).expect("an extract");
    let file = File::open(dir.path().join("inquiries.parquet")).expect("a file");
    let reader = SerializedFileReader::new(file).expect("Parquet");
    let metadata = reader.metadata();
    let pairs = metadata.file_metadata().key_value_metadata().expect("metadata");
    let pairs: Vec<_> = pairs.iter().map(|p| (p.key.as_str(), p.value.as_deref())).collect();
    assert_eq!(
        pairs,
        [
            ("fivefold.schema", Some("fivefold.inquiries/v1")),
            ("fivefold.period", Some("2026-10")),
            ("fivefold.checkpoint", Some(input.bounds.checkpoint_end.as_str())),
        ]
    );
    let group = metadata.row_group(0);
    assert_eq!(group.sorting_columns().map(Vec::len), Some(1));
    for (column, field) in
        group.columns().iter().zip(&TableSchema::all().expect("schemas")[1].fields)
    {
        assert_eq!(column.bloom_filter_offset().is_some(), field.bloom, "{}", field.name);
        assert!(column.offset_index_offset().is_some(), "{}", field.name);
        assert!(column.column_index_offset().is_some(), "{}", field.name);
        assert!(column.compression().to_string().starts_with("ZSTD"), "{}", field.name);
    }
}

#[test]
fn a_value_of_another_type_is_null_and_counted() {
    let mut log = TestLog::new(399);
    let (env, _) = Env::fixed(Time::default(), 6);
    let mut draft = Draft::new("inquiry", PublicKind::Inquiry).says("score", "seven hundred");
    draft = draft.says("as_of", "yesterday").says("reasons", json!([{"code": 7}]));
    log.add(399, draft.public, &Body::write(&env, &mut draft));
    let dir = tempdir().expect("a folder");
    let report = log.extract(&log.october(None, 400), dir.path()).expect("an extract");
    let unreadable =
        |name: &str| report.files.iter().find(|f| f.name == name).map(|f| f.unreadable);
    assert_eq!(unreadable("inquiries.parquet"), Some(3));
    assert_eq!(unreadable("scores.parquet"), Some(3));
    assert_eq!(unreadable("entries.parquet"), Some(0));
    assert_eq!(ints(&table(dir.path(), "inquiries.parquet"), "score").last(), Some(&None));
}

#[test]
fn what_would_not_verify_is_not_signed() {
    let log = TestLog::new(400);
    let input = log.october(Some(100), 400);
    let range = input.bounds.start as usize..input.bounds.end as usize;
    let entries = log.entries[range].to_vec();
    let refusal = |change: &dyn Fn(&mut Vec<ExtractEntry>, &mut ExtractInput)| {
        let (mut entries, mut input) = (entries.clone(), input.clone());
        change(&mut entries, &mut input);
        let dir = tempdir().expect("a folder");
        let error = log.write(&input, entries, dir.path()).expect_err("a refusal");
        assert!(!dir.path().join(MANIFEST).exists(), "{error}");
        assert!(!error.to_string().contains('\n'));
        error.code()
    };
    assert_eq!(refusal(&|e, _| drop(e.remove(5))), "extract_entry");
    assert_eq!(refusal(&|e, _| drop(e.pop())), "extract_short");
    assert_eq!(refusal(&|e, _| e.swap(3, 4)), "extract_entry");
    assert_eq!(refusal(&|e, _| e[7].record.text.push(' ')), "extract_entry");
    assert_eq!(refusal(&|e, _| e[7].personal_hash[0] ^= 1), "extract_entry");
    assert_eq!(refusal(&|e, _| e[7].leaf[20] ^= 1), "extract_entry");
    let other = log.entries[7].clone();
    assert_eq!(
        refusal(&|e, _| e[7] = ExtractEntry { index: e[7].index, ..other.clone() }),
        "extract_entry"
    );
    assert_eq!(refusal(&|_, i| i.bounds.end_consistency.push([1; 32])), "export_wrong_root");
    assert_eq!(refusal(&|_, i| i.bounds.start_consistency[0][0] ^= 1), "export_start_range");
    assert_eq!(refusal(&|_, i| i.bounds.before = None), "export_boundary");
    assert_eq!(refusal(&|_, i| i.period.name = "2026-11".into()), "export_period");
    assert_eq!(refusal(&|_, i| i.origin = "other.example/log".into()), "export_other_origin");
    assert_eq!(refusal(&|_, i| i.log_keys.clear()), "note_unsigned");
}

#[test]
fn a_period_that_was_cut_short_is_refused() {
    let log = TestLog::new(6_000);
    let closed = log.october(None, 6_000);
    assert!(closed.bounds.is_closed());
    let gather = |indices| {
        let mut leaf = |n: u64| Ok(log.entries[n as usize].leaf.clone());
        let end = log.checkpoint(6_000);
        Bounds::gather(&log, &mut leaf, indices, None, end).expect("bounds")
    };
    let (start, end) = (closed.bounds.start, closed.bounds.end);
    for (indices, code) in [
        (start..end, None),
        (start + 1..end, Some("export_cut_short")),
        (start..end - 1, Some("export_cut_short")),
    ] {
        let bounds = gather(indices);
        let checked = bounds.check(&closed.origin, &closed.period, &closed.log_keys);
        assert_eq!(checked.err().map(|error| error.code()), code);
    }
}

#[test]
fn an_extract_is_never_overwritten() {
    let log = TestLog::new(200);
    let input = log.october(None, 200);
    let dir = tempdir().expect("a folder");
    log.extract(&input, dir.path()).expect("an extract");
    let before = files(dir.path());
    let error = log.extract(&input, dir.path()).expect_err("a refusal");
    assert_eq!(error.code(), "extract_occupied");
    assert_eq!(files(dir.path()), before);
}

#[test]
fn an_entry_that_cannot_be_read_ends_the_extract() {
    let log = TestLog::new(200);
    let input = log.october(None, 200);
    let dir = tempdir().expect("a folder");
    let (log_key, manifest) = (log_key(), manifest_key());
    let keys = ExtractKeys { manifest: &manifest, log: &[&log_key] };
    let error = extract(&input, [Err("sealed")], keys, dir.path(), &mut |_, _| {});
    let error = error.expect_err("a refusal");
    assert_eq!(error.to_string(), "the entries cannot be read: sealed");
}
