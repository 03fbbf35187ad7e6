use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Decimal128Array, DictionaryArray, Float64Array,
    Int32Array, Int64Array, LargeStringArray, NullArray, RecordBatch, StringArray, StructArray,
    TimestampMicrosecondArray, TimestampNanosecondArray,
};
use arrow::datatypes::{DataType, Field, Int32Type, Schema};
use bytes::Bytes;
use jiff::civil::date;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{WriterProperties, WriterPropertiesBuilder};
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::collect::{Lines, Observation, ReadContext, read_observation};

const SUB: &str = "sub_00000000000000000000000001";

fn parquet(columns: Vec<(&str, ArrayRef)>) -> Bytes {
    parquet_with(columns, WriterProperties::builder())
}

fn parquet_with(columns: Vec<(&str, ArrayRef)>, properties: WriterPropertiesBuilder) -> Bytes {
    // Written field by field: two columns of one name must be possible here.
    let fields: Vec<_> =
        columns.iter().map(|(name, c)| Field::new(*name, c.data_type().clone(), true)).collect();
    let arrays = columns.into_iter().map(|(_, column)| column).collect();
    let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).expect("a batch");
    let mut out = Vec::new();
    let mut writer =
        ArrowWriter::try_new(&mut out, batch.schema(), Some(properties.build())).expect("a writer");
    writer.write(&batch).expect("rows");
    writer.close().expect("a file");
    Bytes::from(out)
}

fn read_all(
    rows: impl Iterator<Item = (u64, Result<Map<String, Value>, FieldError>)>,
) -> Vec<(u64, Result<Observation, Vec<FieldError>>)> {
    let none = BTreeSet::new();
    let ctx = ReadContext {
        today: date(2026, 10, 15),
        oldest: date(2021, 10, 15),
        allowed_categories: &none,
    };
    let read = |row: Result<Map<_, _>, FieldError>| {
        row.map_err(|e| vec![e]).and_then(|map| read_observation(&map, &ctx))
    };
    rows.map(|(n, row)| (n, read(row))).collect()
}

fn codes(file: &Bytes) -> Vec<(String, &'static str)> {
    let place = |e: FieldError| (e.pointer, e.code);
    match Rows::open(Arc::new(file.clone())) {
        Ok(rows) => rows.filter_map(|(_, row)| row.err().map(place)).collect(),
        Err(errors) => errors.into_iter().map(place).collect(),
    }
}

fn strings(values: &[&str]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

/// Every kind of column at once: two account months and one account.
fn months(properties: WriterPropertiesBuilder) -> Bytes {
    let types: DictionaryArray<Int32Type> =
        ["account_month", "account_month", "account"].into_iter().collect();
    let decimals = Decimal128Array::from(vec![Some(5_200_000), Some(-3_500), None]);
    let money = |d: Decimal128Array| {
        Arc::new(d.with_precision_and_scale(18, 4).expect("a decimal")) as ArrayRef
    };
    let basis = StructArray::from(vec![
        (Arc::new(Field::new("type", DataType::Utf8, false)), strings(&["contract"; 3])),
        (Arc::new(Field::new("ref", DataType::Utf8, false)), strings(&["c-1", "c-2", "c-3"])),
    ]);
    let noon = 1_790_000_000_000_000i64;
    let sent = TimestampMicrosecondArray::from(vec![Some(noon), None, None]).with_timezone("UTC");
    let midnight = 18_718i64 * 86_400 * 1_000_000_000;
    let days = Date32Array::from(vec![Some(20_726), Some(20_726), None]);
    let optional =
        |v: [Option<&'static str>; 3]| Arc::new(StringArray::from(v.to_vec())) as ArrayRef;
    parquet_with(
        vec![
            ("type", Arc::new(types)),
            ("subject", Arc::new(LargeStringArray::from(vec![SUB; 3]))),
            ("basis", Arc::new(basis)),
            ("synthetic", Arc::new(BooleanArray::from(vec![Some(true), None, None]))),
            ("account_key", strings(&["a-1", "a-2", "a-1"])),
            ("month", optional([Some("2026-09"), Some("2026-09"), None])),
            ("date_of_information", Arc::new(days)),
            ("balance", money(decimals)),
            ("due.amount", optional([Some("800.00"), None, None])),
            ("due.currency", optional([Some("CNY"), None, None])),
            ("paid.amount", money(Decimal128Array::from(vec![Some(3_000_000), None, None]))),
            ("limit", money(Decimal128Array::from(vec![None, None, Some(100_000_000)]))),
            ("currency", strings(&["CNY"; 3])),
            ("dpd", Arc::new(Int64Array::from(vec![Some(35), Some(0), None]))),
            ("status", optional([Some("late"), Some("current"), None])),
            ("adverse_notice.channel", optional([Some("sms"), None, None])),
            ("adverse_notice.sent_at", Arc::new(sent)),
            ("adverse_notice.template", optional([Some("t"), None, None])),
            ("special_comment", Arc::new(NullArray::new(3))),
            ("portfolio", optional([None, None, Some("lease")])),
            ("opened", Arc::new(TimestampNanosecondArray::from(vec![None, None, Some(midnight)]))),
            ("term_months", Arc::new(Int32Array::from(vec![None, None, Some(24)]))),
            ("role", optional([None, None, Some("sole")])),
        ],
        properties,
    )
}

/// The rows of [`months`] as NDJSON.
fn same_months() -> String {
    let yuan = |amount: &str| json!({"amount": amount, "currency": "CNY"});
    let late = json!({
        "type": "account_month", "subject": SUB, "basis": {"type": "contract", "ref": "c-1"},
        "synthetic": true, "account_key": "a-1", "month": "2026-09",
        "date_of_information": "2026-09-30", "balance": yuan("520"), "due": yuan("800.00"),
        "paid": yuan("300"), "dpd": 35, "status": "late", "adverse_notice":
        {"channel": "sms", "sent_at": "2026-09-21T14:13:20Z", "template": "t"},
    });
    let current = json!({
        "type": "account_month", "subject": SUB, "basis": {"type": "contract", "ref": "c-2"},
        "account_key": "a-2", "month": "2026-09", "date_of_information": "2026-09-30",
        "balance": yuan("-0.35"), "dpd": 0, "status": "current",
    });
    let account = json!({
        "type": "account", "subject": SUB, "basis": {"type": "contract", "ref": "c-3"},
        "account_key": "a-1", "portfolio": "lease", "opened": "2021-04-01",
        "limit": yuan("10000"), "currency": "CNY", "term_months": 24, "role": "sole",
    });
    [late, current, account].map(|line| format!("{line}\n")).concat()
}

#[test]
fn ndjson_and_parquet_of_the_same_rows_give_equal_observations() {
    let text = same_months();
    let lines = read_all(Lines::open(Arc::new(Bytes::from(text.clone()))));
    let lines: Vec<_> = lines.into_iter().map(|(_, read)| read.expect("accepted")).collect();
    for compression in [Compression::UNCOMPRESSED, Compression::ZSTD(Default::default())] {
        for dictionary in [true, false] {
            let properties = WriterProperties::builder()
                .set_compression(compression)
                .set_dictionary_enabled(dictionary)
                .set_max_row_group_row_count(Some(2));
            let rows = read_all(Rows::open(Arc::new(months(properties))).expect("readable"));
            assert_eq!(rows.iter().map(|(n, _)| *n).collect::<Vec<_>>(), [1, 2, 3]);
            let rows: Vec<_> = rows.into_iter().map(|(_, read)| read.expect("accepted")).collect();
            assert_eq!(rows, lines);
        }
    }
}

#[test]
fn a_batch_header_travels_in_the_metadata() {
    let header = |text: &str| {
        let pair = KeyValue::new(HEADER_KEY.to_string(), text.to_string());
        let properties = WriterProperties::builder().set_key_value_metadata(Some(vec![pair]));
        Rows::open(Arc::new(months(properties))).expect("readable").header()
    };
    let read = header(r#"{"type":"batch","count":3}"#).expect("a header").expect("right");
    assert_eq!(read.count, Some(3));
    assert!(header(r#"{"type":"batch","cuont":3}"#).expect("a header").is_err());
    assert!(
        Rows::open(Arc::new(months(WriterProperties::builder())))
            .expect("readable")
            .header()
            .is_none()
    );
}

#[test]
fn columns_that_cannot_be_fields_are_all_named() {
    let file = parquet(vec![
        ("dpd", Arc::new(Float64Array::from(vec![1.0]))),
        ("basis", strings(&["x"])),
        ("basis.ref", strings(&["x"])),
        ("type", strings(&["x"])),
    ]);
    let expected = [("/dpd", "column_type"), ("/basis/ref", "column_conflict")];
    assert_eq!(codes(&file), expected.map(|(p, c)| (p.to_string(), c)));
}

#[test]
fn a_wrong_cell_is_told_at_its_field_and_row() {
    let file = parquet(vec![
        ("type", strings(&["verification"; 3])),
        ("subject", strings(&[SUB; 3])),
        ("basis.type", strings(&["contract"; 3])),
        ("basis.ref", strings(&["c"; 3])),
        ("channel", strings(&["card", "rumour", "card"])),
        ("source", strings(&["a", "b", "c"])),
        ("verified", Arc::new(Date32Array::from(vec![20_000, 20_001, i32::MAX]))),
    ]);
    let rows = read_all(Rows::open(Arc::new(file.clone())).expect("readable"));
    let mut seen = Vec::new();
    for (n, read) in rows {
        seen.extend(read.err().into_iter().flatten().map(|e| (n, e.pointer, e.code)));
    }
    let expected = [(2, "/channel", "unknown_value"), (3, "/verified", "invalid_date")];
    assert_eq!(seen, expected.map(|(n, p, c)| (n, p.to_string(), c)));
}

#[test]
fn too_much_text_in_a_row_is_refused_without_being_copied() {
    let long = "x".repeat(LINE_BYTES_MAX + 1);
    let file = parquet(vec![("source", strings(&["a", &long, &long, "b"]))]);
    assert_eq!(codes(&file), [(String::new(), "line_too_long"), (String::new(), "line_too_long")]);
}

#[test]
fn a_file_that_unpacks_to_too_much_is_refused_before_it_is_unpacked() {
    let zeros = "0".repeat(40 << 20);
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(Default::default()))
        .set_dictionary_enabled(false)
        .set_data_page_row_count_limit(1);
    let columns = ["source", "channel", "address", "employer"];
    let columns = columns.map(|name| (name, strings(&[zeros.as_str()])));
    let file = parquet_with(columns.to_vec(), properties);
    assert!(file.len() < 1 << 20);
    assert_eq!(codes(&file), [(String::new(), "file_too_large")]);
}

#[test]
fn too_many_rows_are_refused() {
    let rows = usize::try_from(ROWS_MAX).expect("fits") + 1;
    let file = parquet(vec![("dpd", Arc::new(Int64Array::from(vec![0; rows])))]);
    assert_eq!(codes(&file), [(String::new(), "too_many_rows")]);
}

#[test]
fn an_encoding_that_can_blow_up_texts_is_refused() {
    let properties = WriterProperties::builder()
        .set_dictionary_enabled(false)
        .set_encoding(Encoding::DELTA_BYTE_ARRAY);
    let file = parquet_with(vec![("source", strings(&["a", "ab"]))], properties);
    assert_eq!(codes(&file), [(String::new(), "parquet_unreadable")]);
}

#[test]
fn every_truncation_is_unreadable() {
    let file = months(WriterProperties::builder());
    for length in 0..file.len() {
        assert_eq!(codes(&file.slice(..length)), [(String::new(), "parquet_unreadable")]);
    }
}

#[test]
fn decimals_are_written_in_plain_digits() {
    for (value, scale, text) in [
        (12_340, 3, "12.34"),
        (-5, 2, "-0.05"),
        (0, 4, "0"),
        (700, 2, "7"),
        (7, -2, "700"),
        (i128::MIN, 0, "-170141183460469231731687303715884105728"),
    ] {
        assert_eq!(decimal_text(value, scale), text);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_corrupt_file_never_panics(
        dictionary in any::<bool>(),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let properties = WriterProperties::builder().set_dictionary_enabled(dictionary);
        let mut bytes = months(properties).to_vec();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Ok(rows) = Rows::open(Arc::new(Bytes::from(bytes))) {
            for (_, read) in read_all(rows) {
                for e in read.err().unwrap_or_default() {
                    prop_assert!(e.pointer.is_empty() || e.pointer.starts_with('/'));
                }
            }
        }
    }
}
