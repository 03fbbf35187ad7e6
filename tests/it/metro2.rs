//! Metro 2 files: in at the door, out as the furnisher's book, and the same in between.

use std::collections::BTreeMap;

use fivefold::bureau::admission::Admission;
use fivefold::bureau::approval::Approval;
use fivefold::bureau::book::BookOrder;
use fivefold::collect::metro2::Form;
use fivefold::collect::metro2::cut::Cutter;
use fivefold::collect::metro2::layout::Segment;
use fivefold::collect::metro2::record;
use fivefold::collect::metro2::write::{Writer, Written};
use fivefold::kernel::Month;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};
use std::sync::Arc;

use fivefold::bureau::command::observe::ObserveSlice;
use fivefold::bureau::command::upload::Progress;
use fivefold::bureau::intake::Intake;
use fivefold::bureau::upload::{Format, UploadFile};
use fivefold::kernel::bytes::sha256;
use http::{Method, StatusCode};

use crate::house::House;
use crate::program::{fivefold, told};
use crate::uploads::{stands, taken as taken_up, wait};
use crate::world::{Party, World, on_both, text};

type Fields = BTreeMap<&'static str, String>;

/// A borrower of a made-up bank: number and name.
struct Borrower {
    ssn: String,
    first: &'static str,
    last: &'static str,
}

fn borrower(n: u32) -> Borrower {
    let firsts = ["ANN", "BEN", "CLEO", "DAN", "EVE"];
    // Numbers from 900 on are given to nobody.
    let ssn = format!("9001{n:05}");
    Borrower { ssn, first: firsts[n as usize % firsts.len()], last: "SAMPLE" }
}

fn enrol(world: &World, bank: &Party, n: u32) -> String {
    let one = borrower(n);
    let enrolment = json!({
        "name": format!("{} {}", one.first, one.last), "residence": "US",
        "birth_date": "1988-04-01",
        "documents": [{ "type": "national_id", "number": one.ssn, "country": "US" }],
        "verifications": [], "synthetic": world.made_up(),
    });
    text(&world.enrol_as(world.by(bank), &enrolment).expect("enrolled")["subject"])
}

fn account(n: u32, key: &str) -> Fields {
    let one = borrower(n);
    BTreeMap::from([
        ("5", "BRANCH01".to_string()),
        ("7", key.to_string()),
        ("8", "R".to_string()),
        ("9", "18".to_string()),
        ("10", "03042021".to_string()),
        ("11", "9000".to_string()),
        ("12", "5200".to_string()),
        ("13", "REV".to_string()),
        ("15", "120".to_string()),
        ("16", "120".to_string()),
        ("17A", "11".to_string()),
        ("18", "000000000000000000BBBBBB".to_string()),
        ("21", "4200".to_string()),
        ("24", "10312026".to_string()),
        ("30", one.last.to_string()),
        ("31", one.first.to_string()),
        ("34", one.ssn),
        ("35", "04011988".to_string()),
        ("37", "1".to_string()),
    ])
}

fn with(mut fields: Fields, changes: &[(&'static str, &str)]) -> Fields {
    fields.extend(changes.iter().map(|(no, text)| (*no, text.to_string())));
    fields
}

fn base(fields: &Fields) -> Written {
    let fields = fields.iter().map(|(no, text)| (*no, text.clone())).collect();
    Written { segment: Segment::Base, fields }
}

fn file(form: Form, records: &[Vec<Written>]) -> Vec<u8> {
    let header = vec![("8", "10312026".to_string()), ("12", "BANK".to_string())];
    let mut writer = Writer::begin(form, header).expect("a header");
    for record in records {
        writer.push(record).expect("a record");
    }
    writer.finish().expect("a file")
}

fn one_of(fields: &Fields) -> Vec<u8> {
    file(Form::ALL[0], &[vec![base(fields)]])
}

/// The fields of every base segment of a file, by account number.
fn book(bytes: Vec<u8>) -> BTreeMap<String, Vec<record::Part>> {
    let mut cutter = Cutter::open(Arc::new(bytes::Bytes::from(bytes)));
    let packed = cutter.form().expect("a form").packed;
    let mut out = BTreeMap::new();
    for cut in &mut cutter {
        let (number, bytes) = cut.expect("whole");
        if record::kind_of(&bytes) == Segment::Base {
            let (parts, errors) = record::parts(number, &bytes, packed);
            assert!(errors.is_empty(), "{errors:?}");
            out.insert(parts[0].get("7").to_string(), parts);
        }
    }
    out
}

fn taken(world: &World, bank: &Party, form: Form) -> BTreeMap<String, Vec<record::Part>> {
    let order = BookOrder {
        by: world.staff(),
        approval: Some(Approval { by: "second".to_string(), signed: None }),
        furnisher: bank.id.clone(),
        month: "2026-10".parse::<Month>().expect("a month"),
        form,
    };
    book(world.bureau().take_book(&order).expect("a book").made.bytes)
}

fn bank_with(world: &World, borrowers: u32) -> Party {
    let bank = world.bank();
    for n in 0..borrowers {
        let subject = enrol(world, &bank, n);
        world.furnishing(&bank, &subject);
    }
    bank
}

on_both!(a_file_in_any_form_is_taken_and_changes_nothing_when_sent_again, "US", |world| {
    let bank = bank_with(world, 4);
    for (n, form) in (0..).zip(Form::ALL) {
        let key = format!("R-{n}");
        let bytes = file(form, &[vec![base(&account(n, &key))]]);
        let first = world.upload(&bank, &bytes);
        assert_eq!((first.accepted, first.rejected), (2, 0), "{:?}", first.errors);
        assert_eq!(
            first.control_totals.balance.values().next().map(String::as_str),
            Some("4200.00")
        );
        let again = world.upload(&bank, &bytes);
        assert_eq!((again.accepted, again.duplicates), (0, 2), "{:?}", again.errors);
    }
});

on_both!(nobody_is_told_who_is_known_and_nobody_is_enrolled, "US", |world| {
    let bank = bank_with(world, 1);
    let other = world.partner(
        "Bank Two",
        "bank",
        &[fivefold::partner::Role::Furnisher, fivefold::partner::Role::Enroller],
        &[],
    );
    // Known to another bank only; known by another name; known to nobody.
    enrol(world, &other, 1);
    let renamed = with(account(0, "R-2"), &[("30", "OTHER")]);
    let records: Vec<Vec<Written>> = [account(1, "R-1"), renamed, account(7, "R-3")]
        .iter()
        .map(|fields| vec![base(fields)])
        .collect();
    let size = world.size();
    let receipt = world.upload(&bank, &file(Form::ALL[3], &records));
    assert_eq!((receipt.accepted, receipt.rejected), (0, 6));
    let shapes: Vec<(String, String)> = receipt
        .errors
        .iter()
        .map(|error| {
            let record = format!("record {}: ", error.line);
            (error.code.clone(), error.message.strip_prefix(&record).expect("named").to_string())
        })
        .collect();
    assert!(shapes.iter().all(|shape| *shape == shapes[0]), "{shapes:?}");
    assert_eq!(shapes[0].0, "subject_not_found");
    assert_eq!(receipt.errors.iter().map(|e| e.line).collect::<Vec<_>>(), [2, 2, 3, 3, 4, 4]);
    // One entry, that of the batch.
    assert_eq!(world.size(), size + 1);
    // Known, and named, but nothing says that the bank may send: the same as any other line.
    let unasked = enrol(world, &bank, 2);
    let receipt = world.upload(&bank, &one_of(&account(2, "R-4")));
    assert_eq!(receipt.errors[0].code, "consent_not_found", "{unasked} {:?}", receipt.errors);
});

on_both!(a_bad_record_is_rejected_alone_and_a_wrong_count_refuses_all, "US", |world| {
    let bank = bank_with(world, 2);
    let bad = with(account(0, "R-1"), &[("17A", "99"), ("24", "12312026")]);
    let records = [vec![base(&bad)], vec![base(&account(1, "R-2"))]];
    let bytes = file(Form::ALL[1], &records);
    let receipt = world.upload(&bank, &bytes);
    assert_eq!((receipt.accepted, receipt.rejected), (2, 1));
    assert_eq!(receipt.errors[0].pointer, "/base/17A");
    assert!(
        receipt.errors[0].message.starts_with(
            "record 2, base segment, field 17A Account Status: must be one of 05, 11,"
        )
    );
    // What only the bureau's own reading finds has its field as well.
    let late = with(account(1, "R-3"), &[("24", "12312026")]);
    let receipt = world.upload(&bank, &one_of(&late));
    assert_eq!(receipt.errors[0].pointer, "/base/24", "{:?}", receipt.errors);
    let mut lying = bytes.clone();
    let at = lying.len() - 426 + 11;
    lying[at..at + 9].copy_from_slice(b"000000003");
    let size = world.size();
    let problem = world.try_upload(world.by(&bank), &lying).expect_err("another count");
    assert_eq!(problem.code, "control_total_mismatch");
    assert_eq!(problem.errors[0].pointer, "/trailer/3");
    assert_eq!(world.size(), size, "nothing was applied");
});

on_both!(an_account_follows_its_furnisher_and_a_month_takes_the_indicator, "US", |world| {
    let bank = bank_with(world, 1);
    let first = account(0, "R-1");
    assert_eq!(world.upload(&bank, &one_of(&first)).accepted, 2);
    let raised = with(first.clone(), &[("11", "12000"), ("24", "11152026"), ("21", "4000")]);
    let receipt = world.upload(&bank, &one_of(&raised));
    assert_eq!((receipt.accepted, receipt.rejected), (2, 0), "{:?}", receipt.errors);
    let other = with(raised.clone(), &[("21", "3900")]);
    let receipt = world.upload(&bank, &one_of(&other));
    assert_eq!((receipt.duplicates, receipt.rejected), (1, 1));
    assert_eq!(receipt.errors[0].code, "conflicting_record");
    let corrected = with(other, &[("4", "1")]);
    let bytes = one_of(&corrected);
    assert_eq!(world.upload(&bank, &bytes).accepted, 1);
    assert_eq!(world.upload(&bank, &bytes).duplicates, 2);
    let gone = with(corrected, &[("17A", "DA")]);
    let bytes = one_of(&gone);
    let receipt = world.upload(&bank, &bytes);
    assert_eq!((receipt.accepted, receipt.rejected), (3, 0), "{:?}", receipt.errors);
    assert!(taken(world, &bank, Form::ALL[0]).is_empty());
    assert_eq!(world.upload(&bank, &bytes).duplicates, 1);
    assert_eq!(world.upload(&bank, &one_of(&first)).accepted, 2, "it may come back");
});

on_both!(an_unsigned_file_changes_nothing_that_stands, "US", |world| {
    let bank = bank_with(world, 1);
    assert_eq!(world.upload(&bank, &one_of(&account(0, "R-1"))).accepted, 2);
    let raised = with(account(0, "R-1"), &[("11", "12000")]);
    let value = world.uploaded(Admission::console(&bank.id), &one_of(&raised));
    assert_eq!(value["errors"][0]["code"], "signature_missing", "{value}");
    assert_eq!((&value["accepted"], &value["duplicates"]), (&json!(0), &json!(1)));
});

#[test]
fn a_book_needs_a_second_person() {
    let world = World::sqlite("a book of one", "US", fivefold::policy::Environment::Demo);
    let bank = bank_with(&world, 1);
    let order = BookOrder {
        by: world.staff(),
        approval: None,
        furnisher: bank.id.clone(),
        month: "2026-10".parse().expect("a month"),
        form: Form::ALL[0],
    };
    let problem = world.bureau().take_book(&order).expect_err("alone");
    assert_eq!(problem.code, "second_approval_missing");
    let order =
        BookOrder { approval: Some(Approval { by: "second".to_string(), signed: None }), ..order };
    let index = world.bureau().take_book(&order).expect("taken").index;
    let (record, _) = world.record(index);
    assert_eq!((&record["recipient"], &record["rows"]), (&json!(bank.id), &json!(0)));
    assert_eq!(record["approved_by"], Value::from("staff:second"));
}

fn digits(max: u32) -> BoxedStrategy<String> {
    (0..=max).prop_map(|n| n.to_string()).boxed()
}

fn pick(codes: &'static [&'static str]) -> BoxedStrategy<String> {
    (0..codes.len()).prop_map(|n| codes[n].to_string()).boxed()
}

/// A base segment by the rules of the standard.
fn any_base() -> impl Strategy<Value = Fields> {
    let kinds = pick(&["C", "I", "L", "M", "O", "R"]);
    let statuses = pick(&[
        "05", "11", "13", "61", "62", "63", "64", "65", "71", "78", "80", "82", "83", "84", "88",
        "89", "93", "94", "95", "96", "97",
    ]);
    let money = proptest::collection::vec(digits(999_999), 8);
    let codes = (
        pick(&["", "M", "AU", "CH", "B"]),
        pick(&["", "XA", "XB", "XC", "XH", "XR"]),
        pick(&["", "F", "V"]),
        pick(&["", "M", "W"]),
        pick(&["", "A", "E", "Q", "1A"]),
        pick(&["0", "1", "3", "6", "G", "L"]),
        pick(&["1", "2", "3", "5", "7", "W", "X"]),
    );
    let shape = ("[0-6DEGHJKL]{0,24}", 1..360u32, any::<[bool; 2]>());
    (kinds, statuses, money, codes, shape).prop_map(|(kind, status, money, codes, shape)| {
        let (comment, condition, interest, frequency, information, rating, ecoa) = codes;
        let (history, term, [closed, paid]) = shape;
        let rated = matches!(&*status, "05" | "13" | "65" | "88" | "89" | "94" | "95");
        let delinquent = !matches!(&*status, "05" | "11" | "13") || (rated && rating != "0");
        let closes = matches!(&*status, "13" | "61" | "62" | "63" | "64" | "65");
        let no_day = closes || status == "11";
        let zero = "0".to_string();
        let duration = match &*kind {
            "C" => "LOC".to_string(),
            "R" => "REV".to_string(),
            "O" => "001".to_string(),
            "M" => format!("{:03}", 1 + term % 40),
            _ => format!("{term:03}"),
        };
        let none = || "00000000".to_string();
        BTreeMap::from([
            ("8", kind),
            ("9", "18".to_string()),
            ("11", money[0].clone()),
            ("12", money[1].clone()),
            ("13", duration),
            ("14", frequency),
            ("15", money[2].clone()),
            ("16", money[3].clone()),
            ("17A", status.clone()),
            ("17B", if rated { rating } else { String::new() }),
            ("18", format!("{history:B<24}")),
            ("19", comment),
            ("20", condition),
            ("21", if closes { zero.clone() } else { money[4].clone() }),
            (
                "22",
                if no_day || (rated && status != "05") { zero.clone() } else { money[5].clone() },
            ),
            ("23", if matches!(&*status, "64" | "97") { format!("1{}", money[6]) } else { zero }),
            ("25", if delinquent { "06152026".to_string() } else { none() }),
            ("26", if closed { "10202026".to_string() } else { none() }),
            ("27", if paid { "10052026".to_string() } else { none() }),
            ("28", interest),
            ("37", ecoa),
            ("38", information),
        ])
    })
}

/// The fields that are kept.
const KEPT: [&str; 28] = [
    "5", "7", "8", "9", "10", "11", "12", "13", "14", "15", "16", "17A", "17B", "18", "19", "20",
    "21", "22", "23", "24", "25", "26", "27", "28", "30", "31", "34", "37",
];

/// Blanks and zeros that fill a field say nothing.
fn plain(text: &str) -> &str {
    let text = text.trim_end();
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    if digits { text.trim_start_matches('0') } else { text }
}

#[test]
fn what_comes_in_goes_out_in_every_form() {
    let world = World::sqlite("metro 2 in and out", "US", fivefold::policy::Environment::Demo);
    let bank = bank_with(&world, 4);
    let number = std::cell::Cell::new(0);
    let mut runner = TestRunner::new(Config::with_cases(16));
    let strategy = (proptest::collection::vec(any_base(), 4), 0..4usize, 0..4usize);
    let run = runner.run(&strategy, |(bases, form_in, form_out)| {
        let mut sent = BTreeMap::new();
        for (n, fields) in (0..).zip(bases) {
            number.set(number.get() + 1);
            let key = format!("P-{}", number.get());
            let mut whole = account(n, &key);
            whole.extend(fields);
            sent.insert(key, whole);
        }
        let records: Vec<Vec<Written>> = sent.values().map(|fields| vec![base(fields)]).collect();
        let receipt = world.upload(&bank, &file(Form::ALL[form_in], &records));
        prop_assert_eq!((receipt.accepted, receipt.rejected), (8, 0), "{:?}", receipt.errors);
        let book = taken(&world, &bank, Form::ALL[form_out]);
        for (key, fields) in &sent {
            let part = &book.get(key).expect("in the book")[0];
            for no in KEPT.into_iter().chain(["38"]) {
                let was = fields.get(no).map_or("", String::as_str);
                prop_assert_eq!(plain(part.get(no)), plain(was), "{} field {}", key, no);
            }
        }
        Ok(())
    });
    run.expect("the same");
    world.audited();
}

#[test]
fn those_who_owe_together_stand_in_one_record() {
    let world = World::sqlite("metro 2 together", "US", fivefold::policy::Environment::Demo);
    let bank = bank_with(&world, 3);
    let other = |n: u32, segment: Segment, ecoa: &str| {
        let one = borrower(n);
        let fields =
            [("3", one.last), ("4", one.first), ("7", &one.ssn), ("8", "04011988"), ("10", ecoa)];
        let fields = fields.into_iter().map(|(no, text)| (no, text.to_string())).collect();
        Written { segment, fields }
    };
    let fields = with(account(0, "J-1"), &[("37", "2")]);
    let record = vec![base(&fields), other(1, Segment::J1, "2"), other(2, Segment::J2, "3")];
    let receipt = world.upload(&bank, &file(Form::ALL[3], &[record]));
    assert_eq!((receipt.accepted, receipt.rejected), (6, 0), "{:?}", receipt.errors);
    let book = taken(&world, &bank, Form::ALL[2]);
    let parts = &book["J-1"];
    let seen: Vec<(Segment, &str)> = parts
        .iter()
        .map(|part| {
            (part.segment, part.get(if part.segment == Segment::Base { "34" } else { "7" }))
        })
        .collect();
    let numbers: Vec<String> = (0..3).map(|n| borrower(n).ssn).collect();
    let expected =
        [(Segment::Base, &*numbers[0]), (Segment::J1, &*numbers[1]), (Segment::J2, &*numbers[2])];
    assert_eq!(seen, expected);
    assert_eq!(parts[2].get("10"), "3");
    world.audited();
}

/// One book in six writings, none of them by our own writer.
#[test]
fn files_of_other_hands_all_say_the_same() {
    let world = World::sqlite("metro 2 of other hands", "US", fivefold::policy::Environment::Demo);
    let bank = bank_with(&world, 5);
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/metro2");
    let mut first = true;
    for name in [
        "character",
        "character-fixed",
        "character-lines",
        "character-blocked",
        "packed",
        "packed-blocked",
    ] {
        let bytes = std::fs::read(folder.join(format!("{name}.metro2"))).expect("a file");
        let receipt = world.upload(&bank, &bytes);
        let seen = (receipt.accepted, receipt.duplicates, receipt.rejected);
        let expected = if first { (10, 0, 0) } else { (0, 10, 0) };
        assert_eq!(seen, expected, "{name}: {:?}", receipt.errors);
        first = false;
    }
    let book = taken(&world, &bank, Form::ALL[1]);
    let late = &book["F-1002"];
    assert_eq!(late.iter().map(|part| part.segment.id()).collect::<Vec<_>>(), ["base", "J1", "J2"]);
    assert_eq!((late[0].get("13"), late[0].get("20")), ("030", "XB"));
    assert_eq!(late[0].get("25"), "08312026");
    let lost = &book["F-1003"];
    assert_eq!(
        (lost[0].get("17A"), lost[0].get("23"), lost[0].get("38")),
        ("97", "000008000", "A")
    );
    assert_eq!(lost[1].get("2"), "FIRST LENDER");
    world.audited();
}

on_both!(an_upload_that_stopped_within_a_record_is_gone_on_with, "US", |world| {
    let bank = bank_with(world, 1);
    let records: Vec<Vec<Written>> =
        (0..300).map(|n| vec![base(&account(0, &format!("L-{n}")))]).collect();
    let bytes = file(Form::ALL[3], &records);
    let id = taken_up(world, &bank, &bytes);
    let by = Admission { nonce: None, ..world.by(&bank) };
    let blob = Arc::new(bytes::Bytes::from(bytes.clone()));
    let whole = UploadFile { format: Format::Metro2, blob, digest: sha256(&bytes) };
    let checked = world.bureau().checked(&by, world.env.now(), &whole, true).expect("whole");
    assert_eq!(checked.count, 600);
    // The account of a record is applied, its month is not, and the process ends.
    let done = world.run(ObserveSlice {
        admission: by,
        lines: checked.lines.into_iter().take(499).collect(),
        dry_run: false,
        progress: Some(Progress { upload: id.clone(), receipt: checked.receipt }),
    });
    assert_eq!(done.expect("a slice")["accepted"], 499);
    assert_eq!(stands(world, &bank, &id)["lines_done"], 251, "the record with the header counted");
    world.open().expect("opens again");
    let intake = Intake::start(world.bureau().clone()).expect("starts");
    let done = wait(|| Some(stands(world, &bank, &id)).filter(|body| body["state"] == "done"));
    intake.close();
    let receipt = &done["receipt"];
    assert_eq!((&receipt["accepted"], &receipt["duplicates"]), (&json!(600), &json!(0)));
    assert_eq!(receipt["rejected"], 0);
});

#[test]
fn the_door_takes_a_file_dry_at_once_and_later() {
    let house = House::open();
    let bank = house.partner("Bank One", "bank", &["credit_application"]);
    let one = borrower(0);
    let enrolment = json!({
        "name": format!("{} {}", one.first, one.last), "residence": "US",
        "birth_date": "1988-04-01", "verifications": [], "synthetic": true,
        "documents": [{ "type": "national_id", "number": one.ssn, "country": "US" }],
    });
    let got = house.post(&bank, "/v1/subjects", &enrolment, "e1");
    let subject = got.json()["subject"].as_str().expect("a subject").to_string();
    let given = crate::house::consent(&house, &bank, &subject, "furnish", None);
    assert_eq!(house.post(&bank, "/v1/consents", &given, "c1").status, StatusCode::CREATED);
    let bytes = one_of(&account(0, "D-1"));
    let post = |path: &str, key: &str| house.ask(&bank, Method::POST, path, &bytes, key);
    let dry = post("/v1/observations?dry_run=true", "d1").json();
    assert_eq!((&dry["accepted"], &dry["dry_run"]), (&json!(2), &json!(true)), "{dry}");
    let bad = with(account(0, "D-1"), &[("17A", "99"), ("8", "X")]);
    let later = ("prefer", "respond-async");
    let both = file(Form::ALL[1], &[vec![base(&bad)], vec![base(&account(0, "D-1"))]]);
    let route = (Method::POST, "/v1/observations");
    let taken = house.ask_with(&bank, route, later, &both, "d2");
    assert_eq!(taken.status, StatusCode::ACCEPTED, "{}", taken.json());
    let url = taken.json()["url"].as_str().expect("a url").to_string();
    let done = wait(|| {
        let got = house.ask(&bank, Method::GET, &url, b"", "").json();
        Some(got).filter(|body| body["state"] == "done")
    });
    let receipt = &done["receipt"];
    assert_eq!((&receipt["accepted"], &receipt["rejected"]), (&json!(2), &json!(1)), "{done}");
    let places: Vec<&str> = receipt["errors"]
        .as_array()
        .expect("errors")
        .iter()
        .map(|error| error["pointer"].as_str().expect("a pointer"))
        .collect();
    assert_eq!(places, ["/base/17A", "/base/8", "/base/13"]);
    assert_eq!(receipt["errors"][0]["line"], 2);
    assert_eq!(post("/v1/observations", "d3").json()["duplicates"], 2);
}

#[test]
fn the_program_loads_a_file_and_writes_a_book() {
    let dir = tempfile::tempdir().expect("a directory");
    let place = dir.path().join("bureau");
    told(fivefold(&place).arg("init"));
    let key = dir.path().join("bank.pem");
    let env = fivefold::kernel::Env::system();
    let bank = fivefold::partner::signature::SigningKey::generate(&env).expect("a key");
    std::fs::write(&key, bank.public().to_pem()).expect("written");
    let mut add = fivefold(&place);
    add.args(["partner", "add", "--name", "Bank", "--sector", "bank", "--key"]).arg(&key);
    told(add.args(["--scenario", "credit_application", "--as", "li", "--reason", "a test"]));
    let bytes = one_of(&account(0, "C-1"));
    let sent = dir.path().join("OCTOBER.metro2");
    std::fs::write(&sent, &bytes).expect("written");
    let mut collect = fivefold(&place);
    collect.arg("collect").arg(&sent).args(["--partner", "Bank", "--as", "li", "--json"]);
    let done = collect.args(["--reason", "a test"]).output().expect("it runs");
    assert_eq!(done.status.code(), Some(1), "nobody of that name is known");
    let receipt: Value = serde_json::from_slice(&done.stdout).expect("JSON");
    assert_eq!(receipt["errors"][0]["code"], "subject_not_found", "{receipt}");
    let out = dir.path().join("book.metro2");
    let report = |second: &[&str]| {
        let mut command = fivefold(&place);
        command.args(["report", "metro2", "--partner", "Bank", "--period", "2026-10", "--out"]);
        command.arg(&out).args(["--form", "packed-blocked", "--as", "li", "--reason", "a test"]);
        command.args(second);
        command
    };
    assert!(!report(&[]).output().expect("it runs").status.success(), "one is not enough");
    let written = told(&mut report(&["--approved-by", "wang"]));
    assert_eq!(written["accounts"], 0);
    let book = std::fs::read(&out).expect("a file");
    assert_eq!(Form::of(&book), Some(Form { packed: true, blocked: true }));
    told(fivefold(&place).arg("audit"));
}
