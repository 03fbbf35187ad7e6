//! The UCI card-client file as a bureau would have seen the account holders.
//!
//! Thirty thousand accounts of one bank with six monthly statements each (I-Cheng Yeh, doi
//! 10.24432/C55S3H). Each row becomes one revolving account by this table and nothing else. SEX,
//! EDUCATION and MARRIAGE are never read, AGE only makes the made-up birth date an adult's, and
//! the outcome is kept apart for measuring. *M* is the last complete month before `as_of`; the
//! file's last statement (September 2005) is put there, and the others before it.
//!
//! | columns | become |
//! | --- | --- |
//! | `LIMIT_BAL` | the account's limit |
//! | `BILL_AMT1` … `6` | balance of M … M−5; negative is a credit balance |
//! | `PAY_AMT1` … `6` | paid in M … M−5 |
//! | `PAY_0`, `PAY_2` … `6` | n ≥ 1 is n × 30 days past due, anything less is current |
//! | `BILL_AMT2` … `6` | due in M … M−4: a twentieth or 1,000 NT$, at most the whole |
//!
//! A late month has what was due past due, at most its balance. The file does not say when an
//! account was opened: three years before M, a constant, which separates nobody.
//!
//! Amounts are New Taiwan dollars; a characteristic is a ratio or counts within one currency, so
//! none is converted. The borrowers stand under the pack `us` like the other file's: no pack is
//! made for Taiwan, and the demonstration needs one in which its scenarios are allowed.

use std::io::Read;

use flate2::read::MultiGzDecoder;
use jiff::civil::Date;

use super::borrowers::{Borrower, Borrowers, Column, DataError, NOTICE, Record, Row, Table};
use crate::collect::observation::{
    Account, AccountMonth, AccountStatus, Fact, PartyRole, Portfolio,
};
use crate::kernel::{Amount, Currency, Month};
use crate::model::population::{Sector, day_of, identity, notice_before};

/// Statements a row has.
const STATEMENTS: usize = 6;
/// The largest file, unpacked, that is read.
const BYTES_MAX: u64 = 256 << 20;
/// Highest figure in the file that is believed, in NT$.
const DOLLARS_MAX: i64 = 1_000_000_000;
/// The least minimum payment, in NT$ cents.
const MINIMUM: i64 = 100_000;

const PAY: [&str; STATEMENTS] = ["PAY_0", "PAY_2", "PAY_3", "PAY_4", "PAY_5", "PAY_6"];
const BILL: [&str; STATEMENTS] =
    ["BILL_AMT1", "BILL_AMT2", "BILL_AMT3", "BILL_AMT4", "BILL_AMT5", "BILL_AMT6"];
const PAID: [&str; STATEMENTS] =
    ["PAY_AMT1", "PAY_AMT2", "PAY_AMT3", "PAY_AMT4", "PAY_AMT5", "PAY_AMT6"];
/// The outcome's name in copies of the file.
const BAD: [&str; 3] = ["bad", "default payment next month", "default.payment.next.month"];

/// The file, read and checked.
#[derive(Clone, Debug)]
pub struct Taiwan {
    rows: Vec<CardHolder>,
}

/// A row. Money in cents; statements newest first.
#[derive(Clone, Debug)]
struct CardHolder {
    limit: i64,
    age: i64,
    statements: [Statement; STATEMENTS],
    bad: bool,
}

#[derive(Clone, Copy, Debug, Default)]
struct Statement {
    months_late: u16,
    balance: i64,
    paid: i64,
}

struct Columns {
    limit: Column,
    age: Column,
    bad: Column,
    /// Of each statement: repayment status, balance, paid.
    statements: Vec<(Column, Column, Column)>,
}

impl Taiwan {
    /// Reads `accounts.csv`, plain or gzipped.
    ///
    /// # Errors
    /// The first row and column that cannot be; a file that does not unpack or is too large.
    pub fn read(bytes: &[u8]) -> Result<Taiwan, DataError> {
        if bytes.starts_with(&[0x1f, 0x8b]) {
            let mut text = Vec::new();
            MultiGzDecoder::new(bytes)
                .take(BYTES_MAX + 1)
                .read_to_end(&mut text)
                .map_err(|e| DataError::File(e.to_string()))?;
            Taiwan::read_plain(&text)
        } else {
            Taiwan::read_plain(bytes)
        }
    }

    fn read_plain(text: &[u8]) -> Result<Taiwan, DataError> {
        if text.len() as u64 > BYTES_MAX {
            return Err(DataError::File(format!("it is larger than {BYTES_MAX} bytes")));
        }
        let table = Table::read(text)?;
        let statement = |((pay, bill), paid)| {
            Ok::<_, DataError>((table.column(pay)?, table.column(bill)?, table.column(paid)?))
        };
        let columns = Columns {
            limit: table.column("LIMIT_BAL")?,
            age: table.column("AGE")?,
            bad: table.column_of(&BAD)?,
            statements: PAY
                .into_iter()
                .zip(BILL)
                .zip(PAID)
                .map(statement)
                .collect::<Result<_, _>>()?,
        };
        let rows = table.rows().map(|row| card_holder(&row, &columns)).collect::<Result<_, _>>()?;
        Ok(Taiwan { rows })
    }
}

fn card_holder(row: &Row<'_>, columns: &Columns) -> Result<CardHolder, DataError> {
    let mut statements = [Statement::default(); STATEMENTS];
    for (statement, (pay, bill, paid)) in statements.iter_mut().zip(&columns.statements) {
        *statement = Statement {
            months_late: row.whole(*pay, -2, 9)?.max(0) as u16,
            balance: row.hundredths(*bill, -DOLLARS_MAX, DOLLARS_MAX)?,
            paid: row.hundredths(*paid, 0, DOLLARS_MAX)?,
        };
    }
    Ok(CardHolder {
        limit: row.hundredths(columns.limit, 1, DOLLARS_MAX)?,
        age: row.whole(columns.age, 18, 110)?,
        statements,
        bad: row.flag(columns.bad)?,
    })
}

impl Borrowers for Taiwan {
    fn len(&self) -> usize {
        self.rows.len()
    }

    fn currency(&self) -> Currency {
        Currency::TWD
    }

    fn borrower(&self, index: usize, as_of: Date) -> Option<Borrower> {
        let holder = self.rows.get(index)?;
        let number = u32::try_from(index + 1).ok()?;
        let records = holder.records(number, as_of);
        let borrower =
            super::borrowers::borrower(number, as_of, Currency::TWD, records, holder.bad);
        let birth_date = identity::birth_date_of_age(number, holder.age, as_of);
        Some(Borrower { birth_date, ..borrower })
    }
}

fn twd(minor: i64) -> Amount {
    Amount { minor, currency: Currency::TWD }
}

/// The minimum payment that a statement asks for, in cents.
fn minimum_payment(balance: i64) -> i64 {
    (balance / 20).max(MINIMUM).min(balance.max(0))
}

impl CardHolder {
    fn records(&self, number: u32, as_of: Date) -> Vec<Record> {
        let last = Month::of(as_of).plus(-1);
        let account_key = format!("tw{number:06}-card");
        let account = Account {
            account_key: account_key.clone(),
            portfolio: Portfolio::Revolving,
            opened: day_of(last.plus(-36), 1),
            original_amount: None,
            term_months: None,
            limit: Some(twd(self.limit)),
            currency: Currency::TWD,
            original_creditor: None,
            role: PartyRole::Sole,
            closed: None,
            close_reason: None,
            metro2: None,
        };
        let mut facts = vec![Fact::Account(account)];
        for (back, statement) in self.statements.iter().enumerate().rev() {
            let month = last.plus(-(back as i32));
            let due = self.statements.get(back + 1).map(|s| minimum_payment(s.balance));
            facts.push(Fact::AccountMonth(statement.month(&account_key, month, due)));
        }
        let record = |fact| Record { sector: Sector::Bank, fact, synthetic: false };
        facts.into_iter().map(record).collect()
    }
}

impl Statement {
    fn month(&self, account_key: &str, month: Month, due: Option<i64>) -> AccountMonth {
        let information = day_of(month, 31);
        let late = self.months_late > 0;
        let past_due = due.unwrap_or(0).min(self.balance);
        AccountMonth {
            account_key: account_key.to_string(),
            month,
            date_of_information: information,
            balance: twd(self.balance),
            due: due.map(twd),
            paid: Some(twd(self.paid)),
            past_due: (late && past_due > 0).then(|| twd(past_due)),
            dpd: self.months_late * 30,
            status: if late { AccountStatus::Late } else { AccountStatus::Current },
            special_comment: None,
            written_consent: None,
            adverse_notice: late.then(|| notice_before(information, NOTICE)),
            metro2: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::borrowers::LINES_MAX;
    use super::*;
    use jiff::civil::date;
    use std::io::Write;

    const AS_OF: Date = date(2026, 11, 22);

    /// Made up in the form of the file.
    const CSV: &str = "LIMIT_BAL,SEX,EDUCATION,MARRIAGE,AGE,PAY_0,PAY_2,PAY_3,PAY_4,PAY_5,PAY_6,\
        BILL_AMT1,BILL_AMT2,BILL_AMT3,BILL_AMT4,BILL_AMT5,BILL_AMT6,\
        PAY_AMT1,PAY_AMT2,PAY_AMT3,PAY_AMT4,PAY_AMT5,PAY_AMT6,bad\n\
        50000,2,2,1,31,2,0,-1,-2,0,0,30000,40000,-500,0,800,900,0,1500,0,800,900,0,1\n";

    fn months(csv: &str) -> Vec<AccountMonth> {
        let file = Taiwan::read(csv.as_bytes()).expect("a file");
        let records = file.borrower(0, AS_OF).expect("a row").records;
        let month = |r: Record| match r.fact {
            Fact::AccountMonth(f) => Some(f),
            _ => None,
        };
        records.into_iter().filter_map(month).collect()
    }

    #[test]
    fn a_row_becomes_six_statements_that_end_with_the_last_month() {
        let months = months(CSV);
        let row = |m: &AccountMonth| {
            let minor = |a: Option<Amount>| a.map(|a| a.minor / 100);
            let balance = m.balance.minor / 100;
            (m.month.to_string(), balance, minor(m.due), minor(m.paid), minor(m.past_due), m.dpd)
        };
        let expected = [
            ("2026-05".to_string(), 900, None, Some(0), None, 0),
            ("2026-06".to_string(), 800, Some(900), Some(900), None, 0),
            ("2026-07".to_string(), 0, Some(800), Some(800), None, 0),
            ("2026-08".to_string(), -500, Some(0), Some(0), None, 0),
            ("2026-09".to_string(), 40_000, Some(0), Some(1_500), None, 0),
            ("2026-10".to_string(), 30_000, Some(2_000), Some(0), Some(2_000), 60),
        ];
        assert_eq!(months.iter().map(row).collect::<Vec<_>>(), expected);
        assert!(months[5].adverse_notice.is_some() && months[4].adverse_notice.is_none());
    }

    #[test]
    fn a_gzipped_file_reads_the_same_and_a_broken_one_is_refused() {
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gz.write_all(CSV.as_bytes()).expect("packed");
        let packed = gz.finish().expect("packed");
        let borrower = |bytes: &[u8]| Taiwan::read(bytes).ok().and_then(|f| f.borrower(0, AS_OF));
        assert_eq!(borrower(&packed), borrower(CSV.as_bytes()));
        let broken = Taiwan::read(&packed[..packed.len() / 2]).err().map(|e| e.code());
        assert_eq!(broken, Some("data_file_unreadable"));
    }

    #[test]
    fn protected_attributes_and_outcome_change_no_record() {
        let borrower = |csv: &str| {
            let file = Taiwan::read(csv.as_bytes()).expect("a file");
            file.borrower(0, AS_OF).expect("a row")
        };
        let before = borrower(CSV);
        let other = borrower(
            &CSV.replace("50000,2,2,1,31,", "50000,1,3,2,60,").replace(",0,1\n", ",0,0\n"),
        );
        assert_eq!(other.records, before.records);
        assert_eq!((before.outcome_bad, other.outcome_bad), (Some(true), Some(false)));
        assert!(before.birth_date <= date(1995, 11, 22) && before.birth_date > date(1994, 11, 21));
    }

    #[test]
    fn wrong_values_say_row_and_column() {
        let error = |from, to| Taiwan::read(CSV.replacen(from, to, 1).as_bytes()).err();
        let wrong = |column, reason: &str| {
            Some(DataError::Value { row: 1, column, reason: reason.to_string() })
        };
        assert_eq!(error(",31,2,", ",31,12,"), wrong("PAY_0", "a number from -2 to 9 expected"));
        assert_eq!(error(",31,", ",7,"), wrong("AGE", "a number from 18 to 110 expected"));
        assert_eq!(error("PAY_AMT3", "PAY_AMT9"), Some(DataError::Column("PAY_AMT3")));
        assert_eq!(error(",bad", ",good"), Some(DataError::Column("bad")));
        assert_eq!(error(",bad", ",default payment next month"), None);
    }

    /// The real file is not part of the project; where a copy lies beside it, all of it must map.
    #[test]
    fn the_real_file_maps_where_it_is_there() {
        let path =
            concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/data/taiwan-2005/accounts.csv.gz");
        let Ok(bytes) = std::fs::read(path) else { return };
        let file = Taiwan::read(&bytes).expect("readable");
        assert_eq!(file.len(), 30_000);
        let bad = file.rows.iter().filter(|r| r.bad).count();
        assert_eq!(bad, 6_636);
        for index in 0..file.len() {
            let borrower = file.borrower(index, AS_OF).expect("a row");
            assert!(borrower.records.len() <= LINES_MAX);
            let adult = AS_OF.saturating_sub(jiff::Span::new().years(18));
            assert!(borrower.birth_date <= adult);
        }
    }
}
