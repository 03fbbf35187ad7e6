//! The format as a whole: what is written in any form is read back, and every error has its place.

use std::sync::Arc;

use bytes::Bytes;
use proptest::prelude::*;

use super::layout::{Kind, Segment};
use super::write::{Writer, Written};
use super::*;

fn base(account: &str) -> Vec<(&'static str, String)> {
    let fields = [
        ("2", "1"),
        ("5", "BRANCH01"),
        ("7", account),
        ("8", "I"),
        ("9", "01"),
        ("10", "03042021"),
        ("12", "12000"),
        ("13", "048"),
        ("14", "M"),
        ("15", "350"),
        ("16", "350"),
        ("17A", "11"),
        ("18", "000000000000000000BBBBBB"),
        ("21", "4200"),
        ("24", "10312026"),
        ("27", "10052026"),
        ("30", "PUBLIC"),
        ("31", "JANE"),
        ("32", "QUINN"),
        ("34", "078051120"),
        ("35", "05171990"),
        ("37", "1"),
    ];
    fields.into_iter().map(|(no, text)| (no, text.to_string())).collect()
}

fn with(fields: &[(&'static str, &str)]) -> Written {
    let mut own = base("A-1");
    for (no, text) in fields {
        own.retain(|(name, _)| name != no);
        own.push((no, text.to_string()));
    }
    Written { segment: Segment::Base, fields: own }
}

fn file(form: Form, records: &[Vec<Written>]) -> Vec<u8> {
    let header = vec![("8", "10312026".to_string()), ("12", "FIRST BANK".to_string())];
    let mut writer = Writer::begin(form, header).expect("a header");
    for record in records {
        writer.push(record).expect("a record");
    }
    writer.finish().expect("a file")
}

fn read(bytes: &[u8]) -> Vec<Line> {
    Consumers::open(Arc::new(Bytes::copy_from_slice(bytes))).collect()
}

fn errors(record: Written) -> Vec<(String, String)> {
    let lines = read(&file(Form::ALL[0], &[vec![record]]));
    let wrong = lines.into_iter().filter_map(|(_, told)| told.err()).flatten();
    wrong.map(|error| (error.pointer, error.message)).collect()
}

#[test]
fn a_record_says_one_account_and_one_month() {
    for form in Form::ALL {
        let bytes = file(form, &[vec![with(&[])]]);
        assert_eq!(Form::of(&bytes), Some(form), "{}", form.name());
        let mut lines = read(&bytes);
        assert_eq!(lines.len(), 1, "{}: {lines:?}", form.name());
        let (number, told) = lines.remove(0);
        let told = told.expect("right");
        assert_eq!((record_of(number), told.wish), (2, Wish::Report));
        assert_eq!(told.whom.ssn, "078051120");
        assert_eq!(told.whom.names[0], "JANE QUINN PUBLIC");
        assert_eq!(told.account["opened"], "2021-03-04");
        assert_eq!(told.account["original_amount"]["amount"], "12000");
        assert_eq!(told.account["term_months"], 48);
        assert_eq!(told.account_month["month"], "2026-10");
        assert_eq!(told.account_month["balance"]["amount"], "4200");
        assert_eq!(told.account_month["metro2"]["last_payment"], "2026-10-05");
    }
}

#[test]
fn each_error_is_told_by_record_segment_and_field() {
    for (fields, pointer, text) in [
        (&[("17A", "99")][..], "/base/17A", "record 2, base segment, field 17A Account Status:"),
        (&[("17A", "13")], "/base/17B", "field 17B Payment Rating: with this account status"),
        (&[("17B", "1")], "/base/17B", "must be blank with this account status"),
        (&[("8", "X")], "/base/8", "field 8 Portfolio Type: must be one of C, I, L, M, O, R"),
        (&[("8", "R")], "/base/13", "must be REV with this portfolio type"),
        (&[("10", "02302021")], "/base/10", "must be a calendar date, MMDDYYYY"),
        (&[("18", "0B0000000000000000000000")], "/base/18", "B must not be embedded"),
        (&[("18", "0000")], "/base/18", "must be 24 characters out of"),
        (&[("17A", "71")], "/base/25", "a date is required here"),
        (&[("25", "09202026")], "/base/25", "must be zero where the account is current"),
        (&[("17A", "97"), ("25", "09202026")], "/base/23", "required with account status 64"),
        (&[("34", "")], "/base/34", "without it nobody can be found here"),
        (&[("34", "999999999")], "/base/34", "without it nobody can be found here"),
        (&[("37", "4")], "/base/37", "must be one of 1, 2, 3, 5, 7, T, W, X, Z"),
        (&[("37", "T")], "/base/37", "T ends one consumer's part"),
        (&[("38", "ZZ")], "/base/38", "field 38 Consumer Information Indicator"),
        (&[("20", "XZ")], "/base/20", "field 20 Compliance Condition Code: must be one of XA"),
        (&[("7", "A078051120")], "/base/7", "must not contain the Social Security Number"),
        (&[("5", "00000")], "/base/5", "must not be filled with zeros or nines"),
        (&[("30", "")], "/base/30", "field 30 Surname: this field is required"),
    ] {
        let seen = errors(with(fields));
        let hit = |(at, message): &(String, String)| at == pointer && message.contains(text);
        assert!(seen.iter().any(hit), "{pointer} {text}: {seen:?}");
    }
}

#[test]
fn all_errors_of_a_record_are_told_and_the_next_record_is_read() {
    let bad = with(&[("17A", "99"), ("8", "X"), ("14", "Z"), ("24", "13312026")]);
    let lines = read(&file(Form::ALL[3], &[vec![bad], vec![with(&[])]]));
    let (first, second) = (lines[0].1.as_ref().expect_err("wrong"), &lines[1].1);
    assert_eq!(first.len(), 5, "{first:?}");
    assert!(second.is_ok());
}

#[test]
fn associated_consumers_hold_the_same_account() {
    let j1 = |ssn: &str| Written {
        segment: Segment::J1,
        fields: vec![
            ("3", "PUBLIC".to_string()),
            ("4", "JOHN".to_string()),
            ("7", ssn.to_string()),
            ("8", "04011988".to_string()),
            ("10", "2".to_string()),
            ("11", "A".to_string()),
        ],
    };
    let record = vec![with(&[("37", "2")]), j1("219099999"), j1("")];
    let lines = read(&file(Form::ALL[2], &[record]));
    assert_eq!(lines.len(), 3);
    let second = lines[1].1.as_ref().expect("right");
    assert_eq!(second.account["account_key"], "A-1");
    assert_eq!(second.account["role"], "joint");
    assert_eq!(second.account["metro2"]["segment"], "J1");
    assert_eq!(second.account_month["metro2"]["consumer_information"], "A");
    let third = lines[2].1.as_ref().expect_err("no number");
    assert!(third[0].message.starts_with("record 2, J1 segment 2, field 7 Social Security"));
}

#[test]
fn an_account_number_that_changes_is_refused_with_what_to_do() {
    let change = vec![("2", "1".to_string()), ("3", "A-2".to_string())];
    let l1 = Written { segment: Segment::L1, fields: change };
    let lines = read(&file(Form::ALL[0], &[vec![with(&[]), l1]]));
    let wrong = lines[0].1.as_ref().expect_err("not taken");
    assert_eq!((wrong[0].code, wrong[0].pointer.as_str()), ("segment_not_taken", "/L1"));
}

/// A file of whose trailer one field says something else.
fn declaring(form: Form, records: &[Vec<Written>], no: &str, text: &str) -> Vec<u8> {
    let mut bytes = file(form, records);
    let length = Segment::Trailer.length(form.packed);
    let start = bytes.len() - length;
    let before = Segment::Trailer.fields().iter().take_while(|field| field.no != no);
    let at: usize = before.map(|f| if form.packed { f.packed } else { f.width }).sum();
    let (field, _) = Segment::Trailer.field(no).expect("a field");
    let content = match form.packed {
        true => super::packed::pack(text, field.packed),
        false => format!("{text:0>9}").into_bytes(),
    };
    bytes[start + at..start + at + content.len()].copy_from_slice(&content);
    bytes
}

#[test]
fn a_declared_count_that_differs_refuses_the_batch() {
    for form in Form::ALL {
        let records = [vec![with(&[])], vec![with(&[("7", "A-2")])]];
        for (no, text, ends) in [
            ("3", "2", false),
            ("3", "3", true),
            ("3", "0", true),
            ("11", "1", true),
            ("11", "0", false),
            ("38", "9", true),
            ("8", "9", true),
        ] {
            let lines = read(&declaring(form, &records, no, text));
            let last = lines.last().expect("a line").1.as_ref();
            let code = last.err().and_then(|errors| errors.first()).map(|error| error.code);
            let expected = ends.then_some("control_total_mismatch");
            assert_eq!(code, expected, "{} {no}={text}", form.name());
        }
    }
}

#[test]
fn a_file_that_cannot_be_followed_ends_with_the_record_after_which() {
    for form in Form::ALL {
        let whole = file(form, &[vec![with(&[])], vec![with(&[])]]);
        for length in [0, 3, 20, 500, whole.len() - 1] {
            let lines = read(&whole[..length]);
            let last = lines.last().expect("a line").1.as_ref().expect_err("not whole");
            assert_eq!(last[0].code, "metro2_unreadable", "{} of {length}", form.name());
        }
        let twice = [whole.clone(), whole].concat();
        let last = read(&twice).pop().expect("a line").1.expect_err("two files");
        assert!(last[0].message.contains("nothing comes after the trailer"), "{last:?}");
    }
}

#[test]
fn line_ends_between_records_and_blank_appendages_are_put_up_with() {
    let whole = file(Form::ALL[0], &[vec![with(&[])]]);
    let mut lines = Vec::new();
    for record in whole.chunks(426) {
        lines.extend_from_slice(record);
        lines.extend_from_slice(b"\r\n");
    }
    assert!(read(&lines).iter().all(|(_, told)| told.is_ok()));
    let blank = Written { segment: Segment::J1, fields: vec![] };
    let told = read(&file(Form::ALL[0], &[vec![with(&[]), blank]]));
    assert_eq!(told.len(), 1);
}

#[test]
fn segments_out_of_order_or_unknown_reject_their_record() {
    let k1 = || Written { segment: Segment::K1, fields: vec![("2", "OLD BANK".to_string())] };
    let j1 = Written { segment: Segment::J1, fields: vec![("3", "PUBLIC".to_string())] };
    let lines =
        read(&file(Form::ALL[1], &[vec![with(&[]), k1(), j1], vec![with(&[]), k1(), k1()]]));
    let message = |n: usize| lines[n].1.as_ref().expect_err("wrong")[0].message.clone();
    assert!(message(0).contains("segments come in the order"), "{}", message(0));
    assert!(message(1).contains("only J1 and J2 may be repeated"), "{}", message(1));
}

fn regex(pattern: &str) -> BoxedStrategy<String> {
    proptest::string::string_regex(pattern).expect("a pattern").boxed()
}

fn content(kind: Kind, width: usize) -> BoxedStrategy<String> {
    match kind {
        Kind::Descriptor => Just(String::new()).boxed(),
        Kind::Text => regex(&format!("[A-Z0-9]{{0,{width}}}")),
        _ => regex(&format!("[0-9]{{{width}}}")),
    }
}

fn any_segment(segment: Segment) -> impl Strategy<Value = Written> {
    let own =
        segment.fields().iter().filter(|f| !matches!(f.no, "1" | "2") || segment == Segment::Base);
    let fields: Vec<_> = own
        .filter(|f| f.name != "Reserved" && f.kind != Kind::Descriptor)
        .map(|f| content(f.kind, f.width).prop_map(move |text| (f.no, text)))
        .collect();
    fields.prop_map(move |fields| Written { segment, fields })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn every_field_comes_back_in_every_form(
        base in any_segment(Segment::Base),
        j1 in any_segment(Segment::J1),
        j2 in any_segment(Segment::J2),
        n1 in any_segment(Segment::N1),
        form in 0..4usize,
    ) {
        let form = Form::ALL[form];
        let written = [base, j1, j2, n1];
        let bytes = file(form, &[written.to_vec()]);
        let mut cutter = cut::Cutter::open(Arc::new(Bytes::from(bytes)));
        let (number, record) = cutter.nth(1).expect("a record").expect("whole");
        let (parts, errors) = record::parts(number, &record, form.packed);
        prop_assert!(errors.is_empty(), "{errors:?}");
        for written in &written {
            let part = parts.iter().find(|part| part.segment == written.segment);
            let Some(part) = part else {
                prop_assert!(written.segment != Segment::Base);
                continue;
            };
            for (no, text) in &written.fields {
                prop_assert_eq!(part.get(no), text.trim_end(), "{} {}", written.segment.id(), no);
            }
        }
    }
}
