//! Lending Club's loans as a bureau would have seen the borrowers, row by row.
//!
//! Every row becomes observations by this table and nothing else. The lender's price of the risk
//! (`int_rate`, `sub_grade`), the protected proxy `addr_state` and the outcome `bad` are never
//! read by it; the outcome is kept apart for measuring. *M* is the last complete month before
//! `as_of`, M−k the month k before it.
//!
//! | columns | become | furnisher |
//! | --- | --- | --- |
//! | `revol_util`, `all_util` | a revolving account and its last twelve months (1) | bank |
//! | `delinq_2yrs` | so many of its months 35 days past due (2) | bank |
//! | `acc_now_delinq`, `delinq_amnt` | month M past due, and by how much (3) | both lenders |
//! | `num_il_tl`, `open_il_6m` | up to 4 active, 1 paid-off instalment accounts (4) | lender |
//! | `open_il_12m`, `open_il_24m` | when these were opened (5) | lender |
//! | `total_bal_il` | balance in M, shared equally over the active ones | lender |
//! | `total_il_high_credit_limit` | original amount, shared the same way | lender |
//! | `inq_last_6mths`, `inq_last_12m`, `inq_fi` | inquiry counts in M−2, M−8, M−17 (6) | lender |
//! | `emp_length` | employer since so many years; half a year below one | lender |
//! | `annual_inc` | income (restricted: CN-02) of M: a twelfth, unless 0 | lender |
//! | `verification_status` | whether that income is verified, and a check (7) | lender |
//! | `funded_amnt`, `term` | the new loan, opened on the 1st of the running month | lender |
//!
//! 1. Balance = `revol_util` × limit. The limit is the one at which this account and the
//!    instalment accounts together show `all_util`, when one of 500 to 200,000 USD does; else
//!    10,000 USD.
//! 2. At positions among M … M−23 hashed from the row number. A late month before M−11 is written
//!    with the month after it, in which the lateness ended.
//! 3. One account: the revolving one; two: the newest active instalment account too, and the
//!    amount is shared. These count among the late months of (2). An amount where no account is
//!    30 days late is 15 days late. The limit rises in steps of 10,000 USD where the balance would
//!    be less than the amount.
//! 4. The newest are the active ones. A paid-off one closed halfway between opening and now.
//! 5. Spread over M … M−10 and M−12 … M−22; the older ones every six months back from M−29.
//! 6. From the newest on, as many as `inq_fi` says are `personal_finance`, the others `credit`;
//!    finance inquiries beyond those of twelve months stand in M−17.
//! 7. `Verified`: of documents; `Source_Verified`: by the employer.
//!
//! Dates of opening that the file does not have are constants, so they separate nobody: the
//! revolving account is three years old. Notices before adverse months are made up (the file has
//! none) and name the template `demo-late-payment/1`.

use jiff::civil::Date;

use super::borrowers::{Borrower, Borrowers, Column, DataError, NOTICE, Record, Row, Table};
use crate::collect::observation::{
    Account, AccountMonth, AccountStatus, Capacity, CapacityCategory, Channel, CloseReason, Fact,
    InquiryHistory, PartyRole, Portfolio, Tenure, TenureKind, Verification,
};
use crate::kernel::bytes::sha256;
use crate::kernel::{Amount, Currency, Month};
use crate::model::population::draws::Draws;
use crate::model::population::{Sector, day_of, notice_before};

/// Months of the revolving account that are always written.
const MONTHS_ALWAYS: i32 = 12;
/// Months over which `delinq_2yrs` counts.
const MONTHS_DELINQUENT: i32 = 24;
/// Instalment accounts written out: active, and paid off.
const ACTIVE_MAX: usize = 4;
const PAID_OFF_MAX: usize = 1;
/// Days past due of a month of which the file says 30 or more, and of one that is less than that.
const DPD_LATE: u16 = 35;
const DPD_BELOW_30: u16 = 15;
/// The revolving limit, in cents: the usual one, the step by which it rises, and what is believed.
const LIMIT_USUAL: i64 = 1_000_000;
const LIMIT_BELIEVED: std::ops::RangeInclusive<i64> = 50_000..=20_000_000;
/// Highest money figure in the file that is believed, in dollars.
const DOLLARS_MAX: i64 = 100_000_000;

/// The file, read and checked.
#[derive(Clone, Debug)]
pub struct LendingClub {
    rows: Vec<(Loan, bool)>,
}

/// The attributes of a row that may be used. Money in cents, utilisation in hundredths of a
/// per cent.
#[derive(Clone, Debug)]
struct Loan {
    funded: i64,
    term: u32,
    verification: Verified,
    annual_income: i64,
    employed_months: Option<i32>,
    delinquent_2y: i64,
    delinquent_now: i64,
    delinquent_amount: i64,
    inquiries_6m: i64,
    inquiries_12m: i64,
    inquiries_finance: i64,
    revolving_use: i64,
    all_use: i64,
    active: usize,
    opened_12m: usize,
    opened_24m: usize,
    instalment_accounts: usize,
    instalment_balance: i64,
    instalment_original: i64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Verified {
    Not,
    Documents,
    Source,
}

macro_rules! columns {
    ($($field:ident = $name:literal),+ $(,)?) => {
        struct Columns { $($field: Column),+ }
        impl Columns {
            fn of(table: &Table) -> Result<Columns, DataError> {
                Ok(Columns { $($field: table.column($name)?),+ })
            }
        }
    };
}

columns! {
    funded = "funded_amnt", term = "term", verification = "verification_status",
    income = "annual_inc", employed = "emp_length", delinquent_2y = "delinq_2yrs",
    delinquent_now = "acc_now_delinq", delinquent_amount = "delinq_amnt",
    inquiries_6m = "inq_last_6mths", inquiries_12m = "inq_last_12m", inquiries_finance = "inq_fi",
    revolving_use = "revol_util", all_use = "all_util", active = "open_il_6m",
    opened_12m = "open_il_12m", opened_24m = "open_il_24m", accounts = "num_il_tl",
    balance = "total_bal_il", original = "total_il_high_credit_limit", bad = "bad",
}

impl LendingClub {
    /// Reads `loans.csv`.
    ///
    /// # Errors
    /// The first row and column that cannot be.
    pub fn read(bytes: &[u8]) -> Result<LendingClub, DataError> {
        let table = Table::read(bytes)?;
        let columns = Columns::of(&table)?;
        let rows = table
            .rows()
            .map(|row| Ok((loan(&row, &columns)?, row.flag(columns.bad)?)))
            .collect::<Result<_, _>>()?;
        Ok(LendingClub { rows })
    }
}

/// Whether a row belongs to the half that the shipped scorecard was fitted to: by the hash of its
/// number, so that it says nothing about the borrower. Whatever is measured is measured on the
/// other half.
pub fn is_fitted_to(number: u32) -> bool {
    sha256(format!("lending-club {number}").as_bytes())[0] & 1 == 0
}

impl Borrowers for LendingClub {
    fn len(&self) -> usize {
        self.rows.len()
    }

    fn currency(&self) -> Currency {
        Currency::USD
    }

    fn borrower(&self, index: usize, as_of: Date) -> Option<Borrower> {
        let (loan, bad) = self.rows.get(index)?;
        let number = u32::try_from(index + 1).ok()?;
        let records = loan.records(number, as_of);
        Some(super::borrowers::borrower(number, as_of, Currency::USD, records, *bad))
    }
}

fn loan(row: &Row<'_>, c: &Columns) -> Result<Loan, DataError> {
    let count = |column| row.whole(column, 0, 1_000);
    let money = |column| row.hundredths(column, 0, DOLLARS_MAX);
    let accounts = |column| Ok::<_, DataError>(count(column)? as usize);
    Ok(Loan {
        funded: money(c.funded)?,
        term: match row.text(c.term) {
            "term_36" => 36,
            "term_60" => 60,
            _ => return Err(row.wrong(c.term, "term_36 or term_60")),
        },
        verification: match row.text(c.verification) {
            "Not_Verified" => Verified::Not,
            "Verified" => Verified::Documents,
            "Source_Verified" => Verified::Source,
            _ => {
                let wanted = "Not_Verified, Verified or Source_Verified";
                return Err(row.wrong(c.verification, wanted));
            }
        },
        annual_income: money(c.income)?,
        employed_months: employed_months(row, c.employed)?,
        delinquent_2y: count(c.delinquent_2y)?,
        delinquent_now: count(c.delinquent_now)?,
        delinquent_amount: money(c.delinquent_amount)?,
        inquiries_6m: count(c.inquiries_6m)?,
        inquiries_12m: count(c.inquiries_12m)?,
        inquiries_finance: count(c.inquiries_finance)?,
        revolving_use: row.hundredths(c.revolving_use, 0, 1_000)?,
        all_use: row.hundredths(c.all_use, 0, 1_000)?,
        active: accounts(c.active)?,
        opened_12m: accounts(c.opened_12m)?,
        opened_24m: accounts(c.opened_24m)?,
        instalment_accounts: accounts(c.accounts)?,
        instalment_balance: money(c.balance)?,
        instalment_original: money(c.original)?,
    })
}

fn employed_months(row: &Row<'_>, column: Column) -> Result<Option<i32>, DataError> {
    let years = match row.text(column) {
        "emp_unk" => return Ok(None),
        "emp_lt_1" => return Ok(Some(6)),
        "emp_ge_10" => Some(10),
        text => {
            text.strip_prefix("emp_").and_then(|y| y.parse().ok()).filter(|y| (1..=9).contains(y))
        }
    };
    let years: i32 =
        years.ok_or_else(|| row.wrong(column, "emp_lt_1, emp_1 to emp_9, emp_ge_10 or emp_unk"))?;
    Ok(Some(years * 12))
}

fn usd(minor: i64) -> Amount {
    Amount { minor, currency: Currency::USD }
}

fn key(number: u32, name: &str) -> String {
    format!("lc{number:06}-{name}")
}

fn put(out: &mut Vec<Record>, sector: Sector, fact: Fact) {
    out.push(Record { sector, fact, synthetic: false });
}

/// An account of which all optional parts are unknown.
fn account(number: u32, name: &str, portfolio: Portfolio, opened: Date) -> Account {
    Account {
        account_key: key(number, name),
        portfolio,
        opened,
        original_amount: None,
        term_months: None,
        limit: None,
        currency: Currency::USD,
        original_creditor: None,
        role: PartyRole::Sole,
        closed: None,
        close_reason: None,
        metro2: None,
    }
}

/// A month of an account, `dpd` days past due with `past_due` cents known to be so.
fn month_of(
    account_key: String,
    month: Month,
    information: Date,
    balance: i64,
    (dpd, past_due): (u16, i64),
) -> AccountMonth {
    AccountMonth {
        account_key,
        month,
        date_of_information: information,
        balance: usd(balance),
        due: None,
        paid: None,
        past_due: (dpd > 0 && past_due > 0).then(|| usd(past_due)),
        dpd,
        status: if dpd > 0 { AccountStatus::Late } else { AccountStatus::Current },
        special_comment: None,
        written_consent: None,
        adverse_notice: (dpd > 0).then(|| notice_before(information, NOTICE)),
        metro2: None,
    }
}

impl Loan {
    fn records(&self, number: u32, as_of: Date) -> Vec<Record> {
        let mut out = Vec::new();
        self.revolving(number, as_of, &mut out);
        self.instalments(number, as_of, &mut out);
        self.inquiries(as_of, &mut out);
        self.person(as_of, &mut out);
        self.new_loan(number, as_of, &mut out);
        out
    }

    /// What of `delinq_amnt` stands on the revolving account and what on an instalment account.
    fn past_due_now(&self) -> (i64, i64) {
        if self.delinquent_now >= 2 && self.written().0 > 0 {
            let instalment = self.delinquent_amount / 2;
            (self.delinquent_amount - instalment, instalment)
        } else {
            (self.delinquent_amount, 0)
        }
    }

    /// Limit and balance of the revolving account, in cents.
    fn limit_and_balance(&self, past_due: i64) -> (i64, i64) {
        // all_use = (balance + use × limit) / (original + limit), solved for the limit, in whole
        // dollars.
        let (all, own) = (i128::from(self.all_use), i128::from(self.revolving_use));
        // Without an active account nothing carries the original amount.
        let shown = if self.written().0 > 0 { self.instalment_original } else { 0 };
        let (original, balance) = (i128::from(shown), i128::from(self.instalment_balance));
        let solved = (all * original - 10_000 * balance)
            .checked_div(own - all)
            .and_then(|cents| i64::try_from(cents / 100 * 100).ok())
            .filter(|cents| LIMIT_BELIEVED.contains(cents));
        let balance_at = |limit: i64| limit * self.revolving_use / 10_000;
        let mut limit = solved.unwrap_or(LIMIT_USUAL);
        if self.revolving_use > 0 {
            while balance_at(limit) < past_due && limit < LIMIT_USUAL * 1_000 {
                limit += LIMIT_USUAL;
            }
        }
        (limit, balance_at(limit))
    }

    /// Which months of the revolving account are late: months before M, and days past due.
    fn late_months(&self, number: u32) -> Vec<(i32, u16)> {
        let mut late = Vec::new();
        let mut past = self.delinquent_2y;
        if self.delinquent_now > 0 {
            late.push((0, DPD_LATE));
            past -= self.delinquent_now;
        } else if self.delinquent_amount > 0 {
            late.push((0, DPD_BELOW_30));
        }
        let mut free: Vec<i32> = (1..MONTHS_DELINQUENT).collect();
        let mut draws = Draws::new(&[0x1c, u64::from(number)]);
        for _ in 0..past.max(0) {
            if free.is_empty() {
                break;
            }
            let at = draws.below(free.len() as u64) as usize;
            late.push((free.swap_remove(at), DPD_LATE));
        }
        late
    }

    fn revolving(&self, number: u32, as_of: Date, out: &mut Vec<Record>) {
        let last = Month::of(as_of).plus(-1);
        let (past_due, _) = self.past_due_now();
        let (limit, balance) = self.limit_and_balance(past_due);
        let opened = day_of(last.plus(-36), 1);
        let card = account(number, "card", Portfolio::Revolving, opened);
        put(out, Sector::Bank, Fact::Account(Account { limit: Some(usd(limit)), ..card }));
        let late = self.late_months(number);
        let dpd = |back: i32| late.iter().find(|l| l.0 == back).map_or(0, |l| l.1);
        for back in (0..MONTHS_DELINQUENT).rev() {
            // A late month of long ago is followed by the one in which it ended.
            if back >= MONTHS_ALWAYS && dpd(back) == 0 && dpd(back + 1) == 0 {
                continue;
            }
            let month = last.plus(-back);
            let arrears = (dpd(back), if back == 0 { past_due.min(balance) } else { 0 });
            let fact = month_of(key(number, "card"), month, day_of(month, 31), balance, arrears);
            put(out, Sector::Bank, Fact::AccountMonth(fact));
        }
    }

    /// How many active and how many paid-off instalment accounts are written.
    fn written(&self) -> (usize, usize) {
        let owed = usize::from(self.instalment_balance > 0);
        let active = self.active.max(owed).min(self.instalment_accounts);
        (active.min(ACTIVE_MAX), (self.instalment_accounts - active).min(PAID_OFF_MAX))
    }

    /// The month in which the `nth` newest instalment account was opened.
    fn opened(&self, nth: usize, last: Month) -> Month {
        let spread = |at: usize, of: usize| (at * 11 / of.max(1)) as i32;
        let newer = self.opened_24m.max(self.opened_12m);
        let back = if nth < self.opened_12m {
            spread(nth, self.opened_12m)
        } else if nth < newer {
            12 + spread(nth - self.opened_12m, newer - self.opened_12m)
        } else {
            29 + 6 * (nth - newer) as i32
        };
        last.plus(-back)
    }

    fn instalments(&self, number: u32, as_of: Date, out: &mut Vec<Record>) {
        let last = Month::of(as_of).plus(-1);
        let (active, paid_off) = self.written();
        let share = |total: i64, nth: usize| {
            let each = total / active.max(1) as i64;
            if nth == 0 { total - each * (active.max(1) as i64 - 1) } else { each }
        };
        let late_now = self.past_due_now().1;
        for nth in 0..active + paid_off {
            let name = format!("il{}", nth + 1);
            let opened = self.opened(nth, last);
            let mut fact = account(number, &name, Portfolio::Instalment, day_of(opened, 1));
            if nth >= active {
                // Halfway between opening and now: the file only says that it is not active.
                fact.closed = Some(day_of(last.plus(-(last.since(opened) / 2)), 28));
                fact.close_reason = Some(CloseReason::Paid);
                put(out, Sector::ConsumerLender, Fact::Account(fact));
                continue;
            }
            let original = share(self.instalment_original, nth);
            fact.original_amount = (original > 0).then(|| usd(original));
            put(out, Sector::ConsumerLender, Fact::Account(fact));
            let balance = share(self.instalment_balance, nth);
            let late = nth == 0 && self.delinquent_now >= 2;
            let arrears = if late { (DPD_LATE, late_now.min(balance)) } else { (0, 0) };
            let month = month_of(key(number, &name), last, day_of(last, 31), balance, arrears);
            put(out, Sector::ConsumerLender, Fact::AccountMonth(month));
        }
    }

    fn inquiries(&self, as_of: Date, out: &mut Vec<Record>) {
        let last = Month::of(as_of).plus(-1);
        let older = (self.inquiries_12m - self.inquiries_6m).max(0);
        let finance_new = self.inquiries_finance.min(self.inquiries_6m);
        let finance_older = (self.inquiries_finance - finance_new).min(older);
        let finance_before = self.inquiries_finance - finance_new - finance_older;
        for (product, back, count) in [
            ("personal_finance", 2, finance_new),
            ("credit", 2, self.inquiries_6m - finance_new),
            ("personal_finance", 8, finance_older),
            ("credit", 8, older - finance_older),
            ("personal_finance", 17, finance_before),
        ] {
            if count > 0 {
                let fact = InquiryHistory {
                    product: product.to_string(),
                    month: last.plus(-back),
                    count: count as u32,
                };
                put(out, Sector::ConsumerLender, Fact::InquiryHistory(fact));
            }
        }
    }

    /// Employment, income and the check of it.
    fn person(&self, as_of: Date, out: &mut Vec<Record>) {
        let last = Month::of(as_of).plus(-1);
        let lender = Sector::ConsumerLender;
        if let Some(months) = self.employed_months {
            let since = day_of(last.plus(-months), 1);
            let (kind, confirmed) = (TenureKind::Employer, day_of(last, 20));
            put(out, lender, Fact::Tenure(Tenure { kind, since, confirmed }));
        }
        if self.annual_income > 0 {
            let fact = Capacity {
                category: CapacityCategory::Income,
                month: last,
                amount: usd(self.annual_income / 12),
                verified: self.verification != Verified::Not,
            };
            put(out, lender, Fact::Capacity(fact));
        }
        let (channel, source) = match self.verification {
            Verified::Not => return,
            Verified::Documents => (Channel::DocumentPhoto, "income-documents"),
            Verified::Source => (Channel::Employer, "income-source"),
        };
        let (source, verified) = (source.to_string(), day_of(last, 20));
        put(out, lender, Fact::Verification(Verification { channel, source, verified }));
    }

    fn new_loan(&self, number: u32, as_of: Date, out: &mut Vec<Record>) {
        let month = Month::of(as_of);
        let mut fact = account(number, "new", Portfolio::Instalment, month.first_day());
        fact.original_amount = Some(usd(self.funded));
        fact.term_months = Some(self.term);
        put(out, Sector::ConsumerLender, Fact::Account(fact));
        let first = month_of(key(number, "new"), month, as_of, self.funded, (0, 0));
        put(out, Sector::ConsumerLender, Fact::AccountMonth(first));
    }
}

#[cfg(test)]
mod tests;
