//! A furnisher's accounts as this bureau has them, as a Metro 2 file: for comparison with the
//! furnisher's own book (`docs/metro2.md`).
//!
//! What came in Metro 2 leaves in the codes it came in. What came otherwise gets the codes that its
//! terms lead to; what no term leads to (account type, terms) stays blank. The bureau keeps no
//! addresses, so that none are written.

use std::collections::BTreeMap;

use jiff::civil::Date;

use crate::collect::metro2::Form;
use crate::collect::metro2::layout::Segment;
use crate::collect::metro2::write::{WriteError, Writer, Written};
use crate::collect::observation::{
    Account, AccountMonth, AccountStatus, CloseReason, PartyRole, Portfolio,
};
use crate::kernel::{Amount, Month};
use crate::subject::Identity;

/// The currency of the format.
const DOLLAR: &str = "USD";
/// Months of the payment history.
const HISTORY_MONTHS: usize = 24;

/// One consumer's part in one account.
pub struct Holding {
    /// Who.
    pub identity: Identity,
    /// The account as it stands.
    pub account: Account,
    /// All of its months that stand.
    pub months: BTreeMap<Month, AccountMonth>,
}

/// What a file is about.
pub struct Book<'a> {
    /// The furnisher's name.
    pub furnisher: &'a str,
    /// The month.
    pub month: Month,
    /// When it is made.
    pub today: Date,
    /// How it is written.
    pub form: Form,
}

/// A file and what is in it.
#[derive(Debug)]
pub struct Made {
    /// The file.
    pub bytes: Vec<u8>,
    /// Base segments.
    pub accounts: u64,
    /// Accounts in another currency, which the format cannot say.
    pub left_out: u64,
}

/// Writes the accounts that have a record of the month. Consumers of one account stand in one
/// record: whoever was reported in a base segment, or owes it alone, comes first.
///
/// # Errors
/// [`WriteError`].
pub fn write(book: &Book<'_>, holdings: &[Holding]) -> Result<Made, WriteError> {
    let mut accounts: BTreeMap<(String, String), Vec<(&Holding, &AccountMonth)>> = BTreeMap::new();
    let mut left_out = 0;
    for holding in holdings {
        let Some(month) = holding.months.get(&book.month) else { continue };
        if holding.account.currency.as_str() != DOLLAR || month.balance.currency.as_str() != DOLLAR
        {
            left_out += 1;
            continue;
        }
        let codes = holding.account.metro2.as_ref();
        let branch = codes.map_or(String::new(), |codes| codes.identification_number.clone());
        accounts
            .entry((branch, holding.account.account_key.clone()))
            .or_default()
            .push((holding, month));
    }
    let mut writer = Writer::begin(book.form, header(book))?;
    let made = accounts.len() as u64;
    for mut consumers in accounts.into_values() {
        consumers.sort_by_key(|(holding, _)| place(&holding.account));
        let Some(((first, month), others)) = consumers.split_first() else { continue };
        let mut segments = vec![base(book, first, month)];
        segments.extend(others.iter().map(|(holding, month)| associated(holding, month)));
        segments.sort_by_key(|written| written.segment);
        if let Some(name) = &first.account.original_creditor {
            let fields = vec![("2", latin(name, 30))];
            segments.push(Written { segment: Segment::K1, fields });
        }
        writer.push(&segments)?;
    }
    Ok(Made { bytes: writer.finish()?, accounts: made, left_out })
}

/// Where a consumer stands in a record.
fn place(account: &Account) -> (u8, PartyRole) {
    let segment = account.metro2.as_ref().map(|codes| codes.segment.as_str());
    let place = match segment {
        Some("base") => 0,
        None => 1,
        Some("J1") => 2,
        Some(_) => 3,
    };
    (place, account.role)
}

fn header(book: &Book<'_>) -> Vec<(&'static str, String)> {
    let last = book.month.plus(1).first_day().yesterday().unwrap_or(book.today);
    vec![
        ("8", digits(Some(last.min(book.today)))),
        ("9", digits(Some(book.today))),
        ("12", latin(book.furnisher, 40)),
        ("15", "FIVEFOLD".to_string()),
    ]
}

fn base(book: &Book<'_>, holding: &Holding, month: &AccountMonth) -> Written {
    let (account, kept) = (&holding.account, holding.account.metro2.as_ref());
    let of_month = month.metro2.as_ref();
    let code = |code: Option<&String>| code.cloned().unwrap_or_default();
    let status = status(account, month);
    let kind =
        kept.map_or_else(|| portfolio(account.portfolio).into(), |k| k.portfolio_type.clone());
    let revolving = matches!(kind.as_str(), "C" | "O" | "R");
    let highest = match revolving {
        true => of_month.and_then(|codes| codes.highest_credit),
        false => account.original_amount,
    };
    let history = match of_month {
        Some(codes) => codes.payment_history.clone(),
        None => history(holding, book.month),
    };
    let closed = kept.and_then(|codes| codes.date_closed).or(account.closed);
    let mut fields = vec![
        ("2", "1".to_string()),
        ("5", kept.map_or_else(|| latin(book.furnisher, 20), |k| k.identification_number.clone())),
        ("7", account.account_key.chars().take(30).collect()),
        ("8", kind),
        ("9", code(kept.map(|k| &k.account_type))),
        ("10", digits(Some(account.opened))),
        ("11", dollars(account.limit.as_ref())),
        ("12", dollars(highest.as_ref())),
        ("13", duration(account)),
        ("14", code(kept.and_then(|k| k.terms_frequency.as_ref()))),
        ("15", dollars(month.due.as_ref())),
        ("16", dollars(month.paid.as_ref())),
        ("17A", status.0),
        ("17B", status.1),
        ("18", history),
        ("19", comment(month)),
        ("20", code(of_month.and_then(|codes| codes.compliance_condition.as_ref()))),
        ("21", dollars(Some(&month.balance))),
        ("22", dollars(month.past_due.as_ref())),
        ("23", dollars(of_month.and_then(|codes| codes.charge_off_amount.as_ref()))),
        ("24", digits(Some(month.date_of_information))),
        ("25", digits(of_month.and_then(|codes| codes.first_delinquency))),
        ("26", digits(closed)),
        ("27", digits(of_month.and_then(|codes| codes.last_payment))),
        ("28", code(kept.and_then(|k| k.interest_type.as_ref()))),
    ];
    fields.extend(consumer(holding, month, ["30", "31", "32", "34", "35", "37", "38"]));
    Written { segment: Segment::Base, fields }
}

fn associated(holding: &Holding, month: &AccountMonth) -> Written {
    let segment = match holding.account.metro2.as_ref().map(|codes| codes.segment.as_str()) {
        Some("J2") => Segment::J2,
        _ => Segment::J1,
    };
    let fields = consumer(holding, month, ["3", "4", "5", "7", "8", "10", "11"]).to_vec();
    Written { segment, fields }
}

/// Who it is: surname, first and middle name, number, date of birth, ECOA code, indicator.
fn consumer(
    holding: &Holding,
    month: &AccountMonth,
    fields: [&'static str; 7],
) -> [(&'static str, String); 7] {
    let (account, identity) = (&holding.account, &holding.identity);
    let name = latin(&identity.name, 128);
    let (given, surname) = name.rsplit_once(' ').unwrap_or(("", &name));
    let (first, middle) = given.split_once(' ').unwrap_or((given, ""));
    let cut = |text: &str, chars: usize| text.chars().take(chars).collect::<String>();
    let ssn = identity.documents.iter().find_map(|d| d.strip_prefix("national_id:USA:"));
    let ecoa = account.metro2.as_ref().map_or_else(
        || match account.role {
            PartyRole::Sole => "1".to_string(),
            PartyRole::Joint => "2".to_string(),
            PartyRole::AuthorisedUser => "3".to_string(),
            PartyRole::Guarantor => "5".to_string(),
        },
        |codes| codes.ecoa_code.clone(),
    );
    let information = month.metro2.as_ref().and_then(|codes| codes.consumer_information.clone());
    let contents = [
        cut(surname, 25),
        cut(first, 20),
        cut(middle, 20),
        ssn.unwrap_or_default().to_string(),
        digits(identity.birth_date),
        ecoa,
        information.unwrap_or_default(),
    ];
    let mut pairs = fields.into_iter().zip(contents);
    std::array::from_fn(|_| pairs.next().unwrap_or_default())
}

fn portfolio(portfolio: Portfolio) -> &'static str {
    match portfolio {
        Portfolio::Instalment | Portfolio::PayLater => "I",
        Portfolio::Revolving => "R",
        Portfolio::Mortgage => "M",
        Portfolio::Open => "O",
        Portfolio::Lease => "L",
    }
}

fn duration(account: &Account) -> String {
    if let Some(codes) = &account.metro2 {
        return codes.terms_duration.clone();
    }
    match (account.portfolio, account.term_months) {
        (Portfolio::Revolving, _) => "REV".to_string(),
        (Portfolio::Open, _) => "001".to_string(),
        (Portfolio::Mortgage, Some(months)) => format!("{:03}", months / 12),
        (_, Some(months)) => format!("{:03}", months.min(999)),
        (_, None) => String::new(),
    }
}

/// Account status and payment rating.
fn status(account: &Account, month: &AccountMonth) -> (String, String) {
    if let Some(codes) = &month.metro2 {
        return (codes.account_status.clone(), codes.payment_rating.clone().unwrap_or_default());
    }
    let rating = |dpd: u16| if dpd < 30 { 0 } else { (dpd / 30).min(6) };
    let (status, rated) = match month.status {
        AccountStatus::Current => ("11", None),
        AccountStatus::Late => (late(month.dpd), None),
        AccountStatus::Collection => ("93", None),
        AccountStatus::ChargedOff => ("97", None),
        AccountStatus::SettledLess | AccountStatus::Closed => ("13", Some(0)),
        AccountStatus::Transferred => ("05", Some(rating(month.dpd))),
    };
    let sold = account.close_reason == Some(CloseReason::Transferred);
    let status = if sold && month.status == AccountStatus::Closed { "05" } else { status };
    (status.to_string(), rated.map(|r| r.to_string()).unwrap_or_default())
}

fn late(dpd: u16) -> &'static str {
    match dpd {
        // Under 30 days the format calls an account current.
        0..=29 => "11",
        30..=59 => "71",
        60..=89 => "78",
        90..=119 => "80",
        120..=149 => "82",
        150..=179 => "83",
        _ => "84",
    }
}

/// The months before, newest first, as far as they are on record.
fn history(holding: &Holding, month: Month) -> String {
    let marks = (1..=HISTORY_MONTHS as i32).map(|back| {
        holding.months.get(&month.plus(-back)).map(|one| match (one.status, one.dpd) {
            (AccountStatus::Collection, _) => 'G',
            (AccountStatus::ChargedOff, _) => 'L',
            (_, 0..=29) => '0',
            (_, dpd) => char::from(b'0' + (dpd / 30).min(6) as u8),
        })
    });
    let marks: Vec<Option<char>> = marks.collect();
    let known = marks.iter().rposition(Option::is_some).map_or(0, |last| last + 1);
    let mark = |(place, mark): (usize, &Option<char>)| match mark {
        Some(mark) => *mark,
        None if place < known => 'D',
        None => 'B',
    };
    marks.iter().enumerate().map(mark).collect()
}

/// The special comment, where it is one of the format's.
fn comment(month: &AccountMonth) -> String {
    let short = |text: &&String| text.len() <= 2 && text.bytes().all(|b| b.is_ascii_uppercase());
    let settled = month.metro2.is_none() && month.status == AccountStatus::SettledLess;
    match month.special_comment.as_ref().filter(short) {
        Some(code) => code.clone(),
        None if settled => "AU".to_string(),
        None => String::new(),
    }
}

/// Whole dollars, cents cut off; a credit balance is zero.
fn dollars(amount: Option<&Amount>) -> String {
    let minor = amount.map_or(0, |amount| amount.minor.max(0));
    (minor / 100).min(999_999_999).to_string()
}

fn digits(date: Option<Date>) -> String {
    date.map_or_else(String::new, |date| {
        format!("{:02}{:02}{:04}", date.month(), date.day(), date.year())
    })
}

/// Capitals of the Latin alphabet, without accents; other letters have no place in the format.
fn latin(text: &str, chars: usize) -> String {
    use unicode_normalization::UnicodeNormalization;
    let plain: String = text.nfkd().filter(|c| (' '..='~').contains(c)).collect();
    plain.trim().chars().take(chars).map(|c| c.to_ascii_uppercase()).collect()
}
