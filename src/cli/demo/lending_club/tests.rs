//! The mapping of Lending Club's rows, by hand and over the whole file.

use std::collections::{HashMap, HashSet};

use jiff::civil::date;
use proptest::prelude::*;

use super::super::borrowers::LINES_MAX;
use super::*;

const AS_OF: Date = date(2026, 11, 22);

const HEADER: &str = "funded_amnt,term,int_rate,sub_grade,addr_state,verification_status,\
    annual_inc,emp_length,delinq_2yrs,inq_last_6mths,revol_util,acc_now_delinq,open_il_6m,\
    open_il_12m,open_il_24m,total_bal_il,all_util,inq_fi,inq_last_12m,delinq_amnt,num_il_tl,\
    total_il_high_credit_limit,bad";

const PLAIN: &str = "16100,term_36,13.99,C4,CT,Not_Verified,35000.0,emp_5,0,0,67.4,0,1,0,0,1099,48,\
    0,3,0,3,13193,0";

const TROUBLED: &str = "10000,term_60,20.5,D1,TX,Source_Verified,60000,emp_lt_1,4,2,50,2,3,1,2,\
    9000,50,3,2,5001,3,12000,1";

fn read(rows: &[&str]) -> Result<LendingClub, DataError> {
    LendingClub::read(format!("{HEADER}\n{}\n", rows.join("\n")).as_bytes())
}

fn real(rows: &[&str]) -> Vec<Fact> {
    let file = read(rows).expect("a file");
    let borrower = file.borrower(rows.len() - 1, AS_OF).expect("a row");
    borrower.records.into_iter().filter(|r| !r.synthetic).map(|r| r.fact).collect()
}

fn months<'a>(facts: &'a [Fact], account: &str) -> Vec<&'a AccountMonth> {
    let of = |fact: &'a Fact| match fact {
        Fact::AccountMonth(f) if f.account_key.ends_with(account) => Some(f),
        _ => None,
    };
    facts.iter().filter_map(of).collect()
}

fn accounts<'a>(facts: &'a [Fact]) -> HashMap<&'a str, &'a Account> {
    let of = |fact: &'a Fact| match fact {
        Fact::Account(f) => f.account_key.split_once('-').map(|k| (k.1, f)),
        _ => None,
    };
    facts.iter().filter_map(of).collect()
}

#[test]
fn a_plain_row_becomes_what_the_table_says() {
    let facts = real(&[PLAIN]);
    let accounts = accounts(&facts);
    let mut names: Vec<_> = accounts.keys().copied().collect();
    names.sort_unstable();
    assert_eq!(names, ["card", "il1", "il2", "new"]);

    // The limit that makes (1,099 + 67.4 % × limit) / (13,193 + limit) equal 48 %.
    assert_eq!(accounts["card"].limit, Some(usd(2_697_700)));
    let card = months(&facts, "card");
    assert_eq!(card.len(), 12);
    assert_eq!(
        (card[0].month.to_string(), card[11].month.to_string()),
        ("2025-11".into(), "2026-10".into())
    );
    assert!(card.iter().all(|m| m.balance == usd(1_818_249) && m.dpd == 0));

    assert_eq!(accounts["il1"].original_amount, Some(usd(1_319_300)));
    assert_eq!(accounts["il1"].opened.to_string(), "2024-05-01");
    assert_eq!(months(&facts, "il1")[0].balance, usd(109_900));
    assert_eq!(accounts["il2"].opened.to_string(), "2023-11-01");
    assert_eq!(accounts["il2"].close_reason, Some(CloseReason::Paid));
    assert!(months(&facts, "il2").is_empty());

    assert_eq!(accounts["new"].original_amount, Some(usd(1_610_000)));
    assert_eq!(
        (accounts["new"].term_months, accounts["new"].opened),
        (Some(36), date(2026, 11, 1))
    );
    assert_eq!(months(&facts, "new")[0].date_of_information, AS_OF);

    let rest: Vec<String> = facts
        .iter()
        .filter(|f| !matches!(f, Fact::Account(_) | Fact::AccountMonth(_)))
        .map(|f| serde_json::to_string(f).expect("text"))
        .collect();
    assert_eq!(
        rest,
        [
            r#"{"type":"inquiry_history","product":"credit","month":"2026-02","count":3}"#,
            r#"{"type":"tenure","kind":"employer","since":"2021-10-01","confirmed":"2026-10-20"}"#,
            concat!(
                r#"{"type":"capacity","category":"income","month":"2026-10","#,
                r#""amount":{"amount":"2916.66","currency":"USD"},"verified":false}"#
            ),
        ]
    );
}

#[test]
fn a_troubled_row_shows_each_late_month_and_the_amount_past_due() {
    let facts = real(&[TROUBLED]);
    let card = months(&facts, "card");
    let late: Vec<_> = card.iter().filter(|m| m.dpd >= 30).collect();
    // Four events: one now on the card, one now on the newest instalment account, two before.
    assert_eq!(late.len(), 3);
    let now = card.last().expect("months");
    assert_eq!((now.dpd, now.past_due), (35, Some(usd(250_100 - 50))));
    let instalment = months(&facts, "il1");
    assert_eq!((instalment[0].dpd, instalment[0].past_due), (35, Some(usd(250_050))));
    assert_eq!(instalment[0].balance, usd(300_000));
    for month in card.iter().filter(|m| m.dpd > 0) {
        let notice = month.adverse_notice.as_ref().expect("a notice");
        assert!(notice.sent_at.date_at(0) < month.date_of_information);
    }
    // All 50 %: no limit tells revolving from the rest, the usual one stands.
    assert_eq!(accounts(&facts)["card"].limit, Some(usd(LIMIT_USUAL)));
    let inquiries: Vec<_> = facts
        .iter()
        .filter_map(|f| match f {
            Fact::InquiryHistory(f) => Some((f.product.as_str(), f.month.to_string(), f.count)),
            _ => None,
        })
        .collect();
    let expected =
        [("personal_finance", "2026-08".into(), 2), ("personal_finance", "2025-05".into(), 1)];
    assert_eq!(inquiries, expected);
    assert!(facts.iter().any(|f| matches!(f, Fact::Capacity(c) if c.verified)));
    assert!(
        facts.iter().any(|f| matches!(f, Fact::Verification(v) if v.channel == Channel::Employer))
    );
}

#[test]
fn an_amount_without_a_late_account_is_less_than_thirty_days() {
    let row = PLAIN.replace(",0,3,13193,0", ",250,3,13193,0");
    let facts = real(&[&row]);
    let now = months(&facts, "card")[11];
    assert_eq!((now.dpd, now.past_due, now.status), (15, Some(usd(25_000)), AccountStatus::Late));
}

#[test]
fn wrong_files_say_row_and_column() {
    let error = |rows: &[&str]| read(rows).err().map(|e| (e.code(), e.to_string()));
    let wrong = |from: &str, to: &str| error(&[PLAIN, &PLAIN.replacen(from, to, 1)]);
    let value = |text: &str| Some(("data_value_wrong", text.to_string()));
    assert_eq!(
        wrong("term_36", "term_48"),
        value("row 2, column term: term_36 or term_60 expected")
    );
    assert_eq!(
        wrong("67.4", "67.456"),
        value("row 2, column revol_util: a number from 0 to 1000 expected")
    );
    assert_eq!(
        wrong("emp_5", "emp_10"),
        value("row 2, column emp_length: emp_lt_1, emp_1 to emp_9, emp_ge_10 or emp_unk expected")
    );
    assert_eq!(
        wrong("48,", "-1,"),
        value("row 2, column all_util: a number from 0 to 1000 expected")
    );
    assert_eq!(error(&["1,2"]).map(|e| e.0), Some("data_row_unreadable"));
    let no_bad = HEADER.replace(",bad", ",good");
    let found = LendingClub::read(format!("{no_bad}\n{PLAIN}\n").as_bytes()).err();
    assert_eq!(found, Some(DataError::Column("bad")));
    assert_eq!(
        LendingClub::read(HEADER.as_bytes()).err().map(|e| e.code()),
        Some("data_file_unreadable")
    );
    assert_eq!(
        LendingClub::read(b"\xff\xfe\n\xff\n").err().map(|e| e.code()),
        Some("data_file_unreadable")
    );
}

fn whole_file() -> LendingClub {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/lending-club/loans.csv");
    LendingClub::read(&std::fs::read(path).expect("the data file")).expect("readable")
}

#[test]
fn every_real_row_maps_within_its_bounds_and_shows_what_it_said() {
    let file = whole_file();
    assert_eq!(file.len(), 9_857);
    let (mut lines, mut bad) = (0, 0);
    for (index, (loan, outcome)) in file.rows.iter().enumerate() {
        let borrower = file.borrower(index, AS_OF).expect("a row");
        let at = borrower.number;
        assert!(borrower.records.len() <= LINES_MAX, "row {at}: {}", borrower.records.len());
        assert!(loan.delinquent_2y > 0 || borrower.records.len() <= 40, "row {at}");
        lines += borrower.records.len();
        bad += usize::from(borrower.outcome_bad == Some(true));
        assert_eq!(borrower.outcome_bad, Some(*outcome));
        let mut seen = HashSet::new();
        let (mut late, mut inquiries_12m, mut opened_24m) = (0, 0, 0);
        for record in &borrower.records {
            let fact = &record.fact;
            assert!(seen.insert((record.sector, fact.type_name(), fact.identity())), "row {at}");
            assert_eq!(fact.is_adverse(), fact.adverse_notice().is_some(), "row {at}");
            match fact {
                Fact::AccountMonth(f) => {
                    assert!(f.date_of_information <= AS_OF, "row {at}");
                    late += i64::from(f.dpd >= 30);
                    let month = f.balance.minor;
                    assert!(f.past_due.is_none_or(|p| p.minor <= month), "row {at}: {f:?}");
                }
                Fact::InquiryHistory(f) if f.month >= Month::of(AS_OF).plus(-12) => {
                    inquiries_12m += i64::from(f.count);
                }
                Fact::Account(f) if f.account_key.contains("-il") => {
                    assert!(f.closed.is_none_or(|c| c >= f.opened && c <= AS_OF), "row {at}");
                    opened_24m += usize::from(f.opened > date(2024, 11, 22));
                }
                _ => {}
            }
        }
        let hidden = loan.delinquent_now >= 2 && loan.written().0 == 0;
        assert!(hidden || late == loan.delinquent_2y.min(24), "row {at}: {late}");
        assert_eq!(inquiries_12m, loan.inquiries_12m.max(loan.inquiries_6m), "row {at}");
        let (active, paid_off) = loan.written();
        assert_eq!(opened_24m, loan.opened_24m.min(active + paid_off), "row {at}");
    }
    assert_eq!(bad, 517);
    assert!(lines <= 36 * file.len(), "{lines}");
}

#[test]
fn the_same_row_gives_the_same_borrower_and_identities_differ() {
    let file = whole_file();
    let mut documents = HashSet::new();
    for index in 0..500 {
        let borrower = file.borrower(index, AS_OF).expect("a row");
        assert_eq!(Some(&borrower), file.borrower(index, AS_OF).as_ref());
        assert!(borrower.name.contains(" Specimen "));
        assert!(borrower.birth_date <= date(2006, 11, 22));
        assert!(documents.insert(format!("{:?}", borrower.document)));
    }
    assert_eq!(file.borrower(file.len(), AS_OF), None);
}

proptest! {
    #[test]
    fn rate_grade_state_and_outcome_change_no_record(
        rate in "[0-9]{1,2}\\.[0-9]{2}", grade in "[A-G][1-5]", state in "[A-Z]{2}",
        bad in any::<bool>(), troubled in any::<bool>(),
    ) {
        let row = if troubled { TROUBLED } else { PLAIN };
        let mut cells: Vec<String> = row.split(',').map(str::to_string).collect();
        (cells[2], cells[3], cells[4]) = (rate, grade, state);
        cells[22] = u8::from(bad).to_string();
        let before = read(&[row]).expect("a file").borrower(0, AS_OF).expect("a row");
        let after = read(&[&cells.join(",")]).expect("a file").borrower(0, AS_OF).expect("a row");
        prop_assert_eq!(after.outcome_bad, Some(bad));
        prop_assert_eq!(Borrower { outcome_bad: before.outcome_bad, ..after }, before);
    }
}
