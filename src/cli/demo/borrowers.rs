//! Borrowers of the demonstration: what every data file is turned into.
//!
//! A data file says some things about a borrower and is silent on others. What it says becomes
//! observations through the mapping that [`super::lending_club`] or [`super::taiwan`] documents.
//! What it cannot say is made up here, from the row's number alone, and marked synthetic:
//!
//! | made up | record | furnisher |
//! | --- | --- | --- |
//! | name, document, phone, what the enroller checked | the enrolment | the enroller |
//! | spending on groceries, last three months | `spending` | payment platform |
//! | purchases of the last month | `payment_activity` | payment platform |
//! | verified ties of the last month | `ties` | payment platform |
//! | last month's rent, and the address since | `obligation`, `tenure` | landlord platform |
//! | last month's phone bill, and the number since | `obligation`, `tenure` | telecom |
//! | one stay | `obligation` | travel platform |
//!
//! The outcome stands apart in [`Borrower::outcome_bad`]: no mapping reads it, and nothing that is
//! made up can know it. Whatever a score gains on real outcomes comes from the real attributes.

use jiff::civil::Date;

use crate::collect::observation::{
    Channel, Fact, Obligation, ObligationKind, PaymentActivity, PaymentKind, Promise, Spending,
    Tenure, TenureKind, Ties, Verification,
};
use crate::kernel::{Currency, Month};
use crate::model::population::draws::Draws;
use crate::model::population::identity::{self, Document};
use crate::model::population::{Sector, day_of, notice_before, scaled};

/// Most observation lines for one borrower.
pub const LINES_MAX: usize = 52;

/// The template that the made-up notices before adverse records name: the files have none.
pub(super) const NOTICE: &str = "demo-late-payment/1";

/// One borrower: a made-up identity, the file's attributes as observations, and the real outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Borrower {
    /// The data row, from 1 (the header is not counted).
    pub number: u32,
    /// Made up; the middle name `Specimen` says so.
    pub name: String,
    /// Made up: a specimen passport.
    pub document: Document,
    /// An adult's; made up, or from the file's age where it has one.
    pub birth_date: Date,
    /// Made up: a number set aside for fiction, E.164.
    pub phone: String,
    /// The rule pack that applies.
    pub residence: &'static str,
    /// Made up: what the enroller checked.
    pub verifications: Vec<Verification>,
    /// The file, in a fixed order.
    pub records: Vec<Record>,
    /// What really happened, where the file says; for measuring only.
    pub outcome_bad: Option<bool>,
}

/// One fact, the furnisher who would know it, and whether it was made up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Who sends it.
    pub sector: Sector,
    /// What is said.
    pub fact: Fact,
    /// Not from the file.
    pub synthetic: bool,
}

/// A data file of real borrowers, read and checked.
pub trait Borrowers {
    /// How many rows it has.
    fn len(&self) -> usize;

    /// Whether it has none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The currency of all its amounts.
    fn currency(&self) -> Currency;

    /// The borrower of data row `index` (from 0) as of a civil date in the time zone of the rule
    /// pack; nothing it says lies after that date.
    fn borrower(&self, index: usize, as_of: Date) -> Option<Borrower>;
}

/// What is wrong with a data file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DataError {
    /// Not what it should be as a whole: no UTF-8 CSV, not decompressible, too large, no rows.
    #[error("not the expected data file: {0}")]
    File(String),
    /// A column that the mapping needs is not there.
    #[error("column {0} is missing")]
    Column(&'static str),
    /// A row cannot be read at all.
    #[error("row {row}: {reason}")]
    Row {
        /// The data row, from 1.
        row: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// A value that cannot be.
    #[error("row {row}, column {column}: {reason}")]
    Value {
        /// The data row, from 1.
        row: usize,
        /// The column's name.
        column: &'static str,
        /// What it should have been.
        reason: String,
    },
}

impl DataError {
    /// The stable name of the error.
    pub fn code(&self) -> &'static str {
        match self {
            DataError::File(_) => "data_file_unreadable",
            DataError::Column(_) => "data_column_missing",
            DataError::Row { .. } => "data_row_unreadable",
            DataError::Value { .. } => "data_value_wrong",
        }
    }
}

/// A CSV file with a header, read by column name.
pub(super) struct Table {
    header: csv::StringRecord,
    rows: Vec<csv::StringRecord>,
}

impl Table {
    /// Reads it whole.
    pub(super) fn read(bytes: &[u8]) -> Result<Table, DataError> {
        let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(bytes);
        let header = reader.headers().map_err(|e| DataError::File(e.to_string()))?.clone();
        let rows = reader
            .records()
            .enumerate()
            .map(|(at, r)| r.map_err(|e| DataError::Row { row: at + 1, reason: e.to_string() }))
            .collect::<Result<Vec<_>, _>>()?;
        if rows.is_empty() {
            return Err(DataError::File("it has no data rows".to_string()));
        }
        if u32::try_from(rows.len()).is_err() {
            return Err(DataError::File("it has too many rows".to_string()));
        }
        Ok(Table { header, rows })
    }

    /// Where the first of several columns that is there stands.
    pub(super) fn column_of(&self, names: &[&'static str]) -> Result<Column, DataError> {
        let first = names.first().copied().unwrap_or_default();
        names.iter().find_map(|name| self.column(name).ok()).ok_or(DataError::Column(first))
    }

    /// Where a column stands.
    pub(super) fn column(&self, name: &'static str) -> Result<Column, DataError> {
        let at = self.header.iter().position(|h| h == name).ok_or(DataError::Column(name))?;
        Ok(Column { name, at })
    }

    /// All rows with their numbers from 1.
    pub(super) fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        self.rows.iter().enumerate().map(|(at, values)| Row { number: at + 1, values })
    }
}

/// A column of a [`Table`].
#[derive(Clone, Copy)]
pub(super) struct Column {
    name: &'static str,
    at: usize,
}

/// A row of a [`Table`].
pub(super) struct Row<'a> {
    number: usize,
    values: &'a csv::StringRecord,
}

impl Row<'_> {
    /// The text of a column.
    pub(super) fn text(&self, column: Column) -> &str {
        self.values.get(column.at).unwrap_or("")
    }

    /// An error about a column's value.
    pub(super) fn wrong(&self, column: Column, wanted: &str) -> DataError {
        let reason = format!("{wanted} expected");
        DataError::Value { row: self.number, column: column.name, reason }
    }

    /// A decimal of at most two places in `low..=high` whole units, in hundredths, exactly.
    pub(super) fn hundredths(&self, column: Column, low: i64, high: i64) -> Result<i64, DataError> {
        // Any currency of two decimals reads a decimal as we need it.
        let found = crate::kernel::Amount::parse(self.text(column), Currency::USD).ok();
        found
            .map(|amount| amount.minor)
            .filter(|minor| (low * 100..=high * 100).contains(minor))
            .ok_or_else(|| self.wrong(column, &format!("a number from {low} to {high}")))
    }

    /// A whole number in `low..=high`; `12.0` counts as whole.
    pub(super) fn whole(&self, column: Column, low: i64, high: i64) -> Result<i64, DataError> {
        let hundredths = self.hundredths(column, low, high)?;
        if hundredths % 100 == 0 {
            Ok(hundredths / 100)
        } else {
            Err(self.wrong(column, &format!("a whole number from {low} to {high}")))
        }
    }

    /// 0 or 1.
    pub(super) fn flag(&self, column: Column) -> Result<bool, DataError> {
        Ok(self.whole(column, 0, 1)? == 1)
    }
}

/// The borrower of a row: identity and complement from the row's number, records and outcome from
/// the mapping.
pub(super) fn borrower(
    number: u32,
    as_of: Date,
    currency: Currency,
    mut records: Vec<Record>,
    outcome_bad: bool,
) -> Borrower {
    complement(number, as_of, currency, &mut records);
    let mut draws = Draws::new(&[0xb0, u64::from(number)]);
    let checked = day_of(Month::of(as_of).plus(-2), 12);
    let channels = [
        (Channel::DocumentPhoto, "enroller-onboarding"),
        (Channel::Card, "card-network"),
        (Channel::Telecom, "operator-real-name"),
    ];
    Borrower {
        number,
        name: identity::latin_name(&mut draws),
        document: identity::passport(number, "US"),
        birth_date: identity::birth_date(number, as_of),
        phone: identity::phone(number),
        residence: "US",
        verifications: channels
            .into_iter()
            .map(|(channel, source)| Verification {
                channel,
                source: source.to_string(),
                verified: checked,
            })
            .collect(),
        records,
        outcome_bad: Some(outcome_bad),
    }
}

/// What no file says, from the row's number alone.
fn complement(number: u32, as_of: Date, currency: Currency, records: &mut Vec<Record>) {
    let mut draws = Draws::new(&[0xc0, u64::from(number)]);
    let last = Month::of(as_of).plus(-1);
    let mut put = |sector, fact| records.push(Record { sector, fact, synthetic: true });
    for back in (0..3).rev() {
        let fact = Spending {
            month: last.plus(-back),
            category: "groceries".to_string(),
            amount: scaled(draws.between(1_500, 3_000), currency),
            count: draws.between(6, 16) as u32,
        };
        put(Sector::Payment, Fact::Spending(fact));
    }
    let purchases = PaymentActivity {
        month: last,
        kind: PaymentKind::Purchase,
        amount: scaled(draws.between(2_500, 6_000), currency),
        count: draws.between(8, 40) as u32,
        returned: 0,
    };
    put(Sector::Payment, Fact::PaymentActivity(purchases));
    let verified = draws.between(4, 12) as u32;
    let reciprocal = verified / 2;
    put(Sector::Payment, Fact::Ties(Ties { month: last, verified, reciprocal }));
    for (sector, kind, name, tenure, day, yuan) in [
        (Sector::Landlord, ObligationKind::Rent, "rent", Some(TenureKind::Address), 5, 5_000),
        (Sector::Telecom, ObligationKind::Telecom, "phone", Some(TenureKind::Phone), 15, 300),
        (Sector::Travel, ObligationKind::Booking, "stay", None, 12, 900),
    ] {
        let late = draws.percent(4);
        let due = day_of(last, day);
        let paid = day_of(last, if late { day + 9 } else { day - 1 });
        let fact = Obligation {
            obligation_key: format!("d{number:06}-{name}"),
            kind,
            due,
            fulfilled: Some(paid),
            amount: scaled(yuan + draws.between(0, yuan / 2), currency),
            outcome: if late { Promise::Late } else { Promise::Kept },
            adverse_notice: late.then(|| notice_before(day_of(last, day + 3), NOTICE)),
        };
        put(sector, Fact::Obligation(fact));
        if let Some(kind) = tenure {
            let since = day_of(last.plus(-(draws.between(6, 90) as i32)), 1);
            put(sector, Fact::Tenure(Tenure { kind, since, confirmed: day_of(last, 20) }));
        }
    }
}
