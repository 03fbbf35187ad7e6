//! From a data record to what it says about each consumer in it (`docs/metro2.md`).

use jiff::civil::Date;
use serde_json::{Map, Value, json};

use super::codes::{
    CONDITIONS, ECOA, FREQUENCIES, HISTORY, INFORMATION, INTEREST, PORTFOLIOS, RATINGS, STATUSES,
    Status, close_reason, is_bankruptcy,
};
use super::layout::Segment;
use super::record::{Part, Where};
use crate::collect::fields::FieldError;
use crate::collect::terms::{AccountStatus, PartyRole};
use crate::kernel::Month;

/// Consumers of one record at most.
pub const CONSUMERS_MAX: usize = 100;

/// By what a consumer is found.
#[derive(Clone, PartialEq, Eq)]
pub struct Whom {
    /// Nine digits.
    pub ssn: String,
    /// The name in the orders and lengths in which people give it.
    pub names: Vec<String>,
}

impl std::fmt::Debug for Whom {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Whom")
    }
}

/// What is to become of what the bureau has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// A report; the account's fixed part follows what changed.
    Report,
    /// The month's record replaces the one that stands (field 4).
    Correct,
    /// The account and all of its months go (DA, DF, ECOA code Z).
    Delete,
}

/// What a record says about one consumer.
#[derive(Clone, Debug)]
pub struct Told {
    /// The segment that names the consumer.
    pub at: Where,
    /// Which person.
    pub whom: Whom,
    /// What to do.
    pub wish: Wish,
    /// The month of the date of account information.
    pub month: Month,
    /// The fields of an `account`, without subject and basis.
    pub account: Map<String, Value>,
    /// The fields of an `account_month`, without subject and basis.
    pub account_month: Map<String, Value>,
}

/// Reads one field after the other and gathers what is wrong.
struct Reader<'a> {
    part: &'a Part,
    at: Where,
    errors: Vec<FieldError>,
}

impl<'a> Reader<'a> {
    fn new(record: u64, part: &'a Part) -> Reader<'a> {
        Reader { part, at: Where::of(record, part), errors: Vec::new() }
    }

    fn fault(&mut self, no: &str, code: &'static str, message: &str) {
        self.errors.push(self.at.field(no, code, message));
    }

    /// A text that must be there.
    fn text(&mut self, no: &str) -> &'a str {
        let text = self.part.get(no);
        if text.is_empty() {
            self.fault(no, "missing_field", "this field is required");
        }
        text
    }

    fn optional(&self, no: &str) -> Option<&'a str> {
        Some(self.part.get(no)).filter(|text| !text.is_empty())
    }

    /// One of the standard's codes.
    fn one_of(&mut self, no: &str, codes: &[&str], required: bool) -> &'a str {
        let code = self.part.get(no);
        if code.is_empty() && !required {
            return code;
        }
        if !codes.contains(&code) {
            let text = format!("must be one of {}", codes.join(", "));
            self.fault(no, "unknown_value", &text);
        }
        code
    }

    /// Whole dollars; blanks are zero.
    fn dollars(&mut self, no: &str) -> Option<Value> {
        let digits = self.part.get(no);
        if !digits.bytes().all(|b| b.is_ascii_digit()) {
            self.fault(no, "invalid_integer", "must be digits, filled with zeros");
            return None;
        }
        let whole: u64 = digits.parse().unwrap_or(0);
        Some(json!({ "amount": whole.to_string(), "currency": "USD" }))
    }

    /// A date; zeros and blanks are none.
    fn date(&mut self, no: &str, required: bool) -> Option<Date> {
        let text = self.part.get(no);
        if text.bytes().all(|b| b == b'0') {
            if required {
                self.fault(no, "missing_field", "a date is required here (MMDDYYYY)");
            }
            return None;
        }
        let date = date_of(text);
        if date.is_none() {
            self.fault(no, "invalid_date", "must be a calendar date, MMDDYYYY");
        }
        date
    }
}

/// `MMDDYYYY`.
pub fn date_of(text: &str) -> Option<Date> {
    if text.len() != 8 || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let part = |from: usize, to: usize| text.get(from..to)?.parse::<i16>().ok();
    let narrow = |n: i16| i8::try_from(n).ok();
    Date::new(part(4, 8)?, narrow(part(0, 2)?)?, narrow(part(2, 4)?)?).ok()
}

/// What a data record says about everybody in it. Errors of the base segment are everybody's.
pub fn told(record: u64, parts: &[Part]) -> Vec<Result<Told, Vec<FieldError>>> {
    let Some(base) = parts.iter().find(|part| part.segment == Segment::Base) else {
        return Vec::new();
    };
    let mut reader = Reader::new(record, base);
    let common = read_base(&mut reader, parts);
    let mut wrong = std::mem::take(&mut reader.errors);
    if let Some(change) = parts.iter().find(|part| part.segment == Segment::L1) {
        let text = "an account keeps its number here: report the old one transferred (05) and the \
                    new one as an account of its own";
        wrong.push(Where::of(record, change).whole("segment_not_taken", text));
    }
    let who = |part: &&Part| matches!(part.segment, Segment::Base | Segment::J1 | Segment::J2);
    let consumers: Vec<&Part> = parts.iter().filter(who).collect();
    if consumers.len() > CONSUMERS_MAX {
        let text = format!("at most {CONSUMERS_MAX} consumers in one record");
        wrong.push(reader.at.whole("too_many", &text));
    }
    let Some(common) = common.filter(|_| wrong.is_empty()) else { return vec![Err(wrong)] };
    consumers.into_iter().map(|part| consumer(record, part, &common)).collect()
}

/// What the base segment says for everybody.
struct Common {
    status: &'static Status,
    corrects: bool,
    month: Month,
    account: Map<String, Value>,
    account_month: Map<String, Value>,
}

fn read_base(f: &mut Reader<'_>, parts: &[Part]) -> Option<Common> {
    let corrects = f.one_of("4", &["0", "1"], false) == "1";
    let status_code = f.part.get("17A");
    let status = STATUSES.iter().find(|s| s.code == status_code);
    if status.is_none() {
        let codes: Vec<&str> = STATUSES.iter().map(|s| s.code).collect();
        f.fault("17A", "unknown_value", &format!("must be one of {}", codes.join(", ")));
    }
    let as_of = f.date("24", true);
    let rating = rating(f, status);
    let account = fixed(f, parts);
    let account_month = moving(f, status, rating);
    let (status, month) = (status?, Month::of(as_of?));
    Some(Common { status, corrects, month, account, account_month })
}

/// The payment rating, required with some statuses and blank with all others.
fn rating(f: &mut Reader<'_>, status: Option<&Status>) -> Option<(&'static str, u16)> {
    let code = f.part.get("17B");
    let known = RATINGS.into_iter().find(|(rating, _)| *rating == code);
    match (status.map(|s| s.rated), code, known) {
        (Some(true), _, None) => {
            let codes: Vec<&str> = RATINGS.iter().map(|(rating, _)| *rating).collect();
            let text = format!("with this account status it must be one of {}", codes.join(", "));
            f.fault("17B", "unknown_value", &text);
            None
        }
        (Some(true), ..) => known,
        (Some(false), "", _) | (None, ..) => None,
        (Some(false), ..) => {
            f.fault("17B", "unknown_value", "must be blank with this account status");
            None
        }
    }
}

/// The fields of an `account`.
fn fixed(f: &mut Reader<'_>, parts: &[Part]) -> Map<String, Value> {
    let identification = f.text("5");
    if !identification.is_empty() && identification.bytes().all(|b| matches!(b, b'0' | b'9')) {
        f.fault("5", "unknown_value", "must not be filled with zeros or nines");
    }
    let key = f.text("7");
    let ssn = f.part.get("34");
    if f.part.has_ssn("34") && key.contains(ssn) {
        f.fault("7", "identifies_person", "must not contain the Social Security Number");
    }
    let kinds: Vec<&str> = PORTFOLIOS.iter().map(|(code, _)| *code).collect();
    let kind = f.one_of("8", &kinds, true);
    let portfolio = PORTFOLIOS.into_iter().find(|(code, _)| *code == kind);
    let account_type = f.text("9");
    let opened = f.date("10", true);
    let closed = f.date("26", false);
    let mut account = Map::new();
    let mut metro2 = json!({
        "identification_number": identification, "portfolio_type": kind,
        "account_type": account_type, "terms_duration": f.text("13"),
    });
    let frequency = f.one_of("14", &FREQUENCIES, false);
    let interest = f.one_of("28", &INTEREST, false);
    for (name, code) in [("terms_frequency", frequency), ("interest_type", interest)] {
        if !code.is_empty() {
            metro2[name] = json!(code);
        }
    }
    put(&mut account, "type", json!("account"));
    put(&mut account, "account_key", json!(key));
    put(&mut account, "currency", json!("USD"));
    if let Some((_, portfolio)) = portfolio {
        put(&mut account, "portfolio", json!(portfolio.name()));
    }
    if let Some(opened) = opened {
        put(&mut account, "opened", json!(opened));
    }
    if let Some(months) = term_months(f, kind) {
        put(&mut account, "term_months", json!(months));
    }
    let zero = json!("0");
    let limit = f.dollars("11").filter(|a| a["amount"] != zero);
    if let Some(limit) = limit {
        put(&mut account, "limit", limit);
    }
    let original = f.dollars("12").filter(|a| a["amount"] != zero);
    if let Some(original) = original.filter(|_| matches!(kind, "I" | "M" | "L")) {
        put(&mut account, "original_amount", original);
    }
    if let Some(creditor) = parts.iter().find(|part| part.segment == Segment::K1) {
        let name = creditor.get("2");
        if name.is_empty() {
            let at = Where { segment: Segment::K1, ..f.at };
            f.errors.push(at.field("2", "missing_field", "this field is required"));
        }
        put(&mut account, "original_creditor", json!(name));
    }
    if let Some(closed) = closed {
        metro2["date_closed"] = json!(closed);
        let reason = close_reason(f.part.get("17A"), f.part.get("19"), f.part.get("20"));
        if let Some(reason) = reason {
            put(&mut account, "closed", json!(closed));
            put(&mut account, "close_reason", json!(reason.name()));
        }
    }
    put(&mut account, "metro2", metro2);
    account
}

/// The duration in months, where it is a number: of years for a mortgage.
fn term_months(f: &mut Reader<'_>, kind: &str) -> Option<u32> {
    let duration = f.part.get("13");
    let constant = match kind {
        "C" => Some("LOC"),
        "R" => Some("REV"),
        "O" => Some("001"),
        _ => None,
    };
    if let Some(constant) = constant {
        if duration != constant {
            let text = format!("must be {constant} with this portfolio type");
            f.fault("13", "unknown_value", &text);
        }
        return None;
    }
    let Ok(number) = duration.parse::<u32>() else {
        f.fault("13", "invalid_integer", "must be a number of months, or of years for a mortgage");
        return None;
    };
    let months = if kind == "M" { number * 12 } else { number };
    Some(months).filter(|months| *months > 0)
}

/// The fields of an `account_month`.
fn moving(
    f: &mut Reader<'_>,
    status: Option<&Status>,
    rating: Option<(&'static str, u16)>,
) -> Map<String, Value> {
    let mut month = Map::new();
    put(&mut month, "type", json!("account_month"));
    put(&mut month, "account_key", json!(f.part.get("7")));
    let mut metro2 = json!({ "account_status": f.part.get("17A"), "payment_history": history(f) });
    for (name, no) in [("balance", "21"), ("due", "15"), ("paid", "16"), ("past_due", "22")] {
        if let Some(amount) = f.dollars(no) {
            put(&mut month, name, amount);
        }
    }
    if let Some(status) = status {
        let own = status.status.unwrap_or(AccountStatus::Closed);
        // A closed account has no day past due any more, whatever it had before.
        let days = match own {
            AccountStatus::Closed => 0,
            _ => status.dpd.max(rating.map_or(0, |(_, dpd)| dpd)),
        };
        put(&mut month, "status", json!(own.name()));
        put(&mut month, "dpd", json!(days));
    }
    if let Some((code, _)) = rating {
        metro2["payment_rating"] = json!(code);
    }
    if let Some(date) = f.date("24", false) {
        put(&mut month, "month", json!(Month::of(date)));
        put(&mut month, "date_of_information", json!(date));
    }
    if let Some(comment) = f.optional("19") {
        put(&mut month, "special_comment", json!(comment));
    }
    let condition = f.one_of("20", &CONDITIONS, false);
    if !condition.is_empty() {
        metro2["compliance_condition"] = json!(condition);
    }
    let first = first_delinquency(f, status, rating);
    let last = f.date("27", false);
    for (name, date) in [("first_delinquency", first), ("last_payment", last)] {
        if let Some(date) = date {
            metro2[name] = json!(date);
        }
    }
    let lost = f.dollars("23").filter(|a| a["amount"] != json!("0"));
    if let Some(lost) = lost {
        metro2["charge_off_amount"] = lost;
    } else if status.is_some_and(|s| matches!(s.code, "64" | "97")) {
        f.fault("23", "missing_field", "required with account status 64 and 97");
    }
    let used = f.dollars("12").filter(|a| a["amount"] != json!("0"));
    if let Some(used) = used.filter(|_| matches!(f.part.get("8"), "C" | "O" | "R")) {
        metro2["highest_credit"] = used;
    }
    put(&mut month, "metro2", metro2);
    month
}

fn history(f: &mut Reader<'_>) -> String {
    let text = f.part.get("18");
    let right = text.len() == 24 && text.chars().all(|c| HISTORY.contains(c));
    // B says that nothing was before: it cannot stand before a month that something is said of.
    let tail = text.trim_end_matches('B');
    if !right {
        let text = format!("must be 24 characters out of {HISTORY}");
        f.fault("18", "unknown_value", &text);
    } else if tail.contains('B') {
        f.fault("18", "unknown_value", "B must not be embedded within other values");
    }
    text.to_string()
}

/// Field 25 by the standard's hierarchy: required with a delinquency, else zero, but for an
/// account that is current beside a bankruptcy.
fn first_delinquency(
    f: &mut Reader<'_>,
    status: Option<&Status>,
    rating: Option<(&'static str, u16)>,
) -> Option<Date> {
    let delinquent = status.is_some_and(|s| {
        s.delinquent || matches!(s.code, "05" | "13") && rating.is_some_and(|(code, _)| code != "0")
    });
    let first = f.date("25", delinquent);
    let deleted = status.is_none_or(|s| s.status.is_none());
    let bankrupt = is_bankruptcy(f.part.get("38"));
    if first.is_some() && !delinquent && !deleted && !bankrupt {
        let text = "must be zero where the account is current and no bankruptcy is reported";
        f.fault("25", "unknown_value", text);
    }
    first
}

fn put(map: &mut Map<String, Value>, name: &str, value: Value) {
    map.insert(name.to_string(), value);
}

/// The fields of a segment that names a consumer: surname, first and middle name, number, date of
/// birth, ECOA code, indicator.
fn named(segment: Segment) -> [&'static str; 7] {
    match segment {
        Segment::Base => ["30", "31", "32", "34", "35", "37", "38"],
        _ => ["3", "4", "5", "7", "8", "10", "11"],
    }
}

fn consumer(record: u64, part: &Part, common: &Common) -> Result<Told, Vec<FieldError>> {
    let mut f = Reader::new(record, part);
    let [surname, first, middle, ssn, birth, ecoa, indicator] = named(part.segment);
    let names = names(f.text(surname), f.text(first), part.get(middle));
    if !part.has_ssn(ssn) || part.get(ssn).len() != 9 {
        f.fault(ssn, "missing_field", "without it nobody can be found here");
    }
    f.date(birth, false);
    let code = part.get(ecoa);
    let role = ECOA.into_iter().find(|(known, _)| *known == code);
    match (role, code) {
        (None, "Z") | (Some(_), _) => {}
        (None, "T") => {
            let text = "T ends one consumer's part in an account, which is not kept here: report Z \
                        to take the consumer's record back";
            f.fault(ecoa, "segment_not_taken", text);
        }
        (None, _) => {
            f.fault(ecoa, "unknown_value", "must be one of 1, 2, 3, 5, 7, T, W, X, Z");
        }
    }
    let information = f.one_of(indicator, &INFORMATION, false);
    if !f.errors.is_empty() {
        return Err(f.errors);
    }
    let deletes = code == "Z" || common.status.status.is_none();
    let role = role.map_or(PartyRole::Sole, |(_, role)| role);
    let (mut account, mut month) = (common.account.clone(), common.account_month.clone());
    if deletes {
        // A deletion names a record; what it says besides is nobody's statement.
        for name in ["balance", "due", "paid", "past_due"] {
            put(&mut month, name, json!({ "amount": "0", "currency": "USD" }));
        }
        put(&mut month, "status", json!(AccountStatus::Closed.name()));
        put(&mut month, "dpd", json!(0));
    }
    let wish = match (deletes, common.corrects) {
        (true, _) => Wish::Delete,
        (false, true) => Wish::Correct,
        (false, false) => Wish::Report,
    };
    put(&mut account, "role", json!(role.name()));
    if let Some(metro2) = account.get_mut("metro2") {
        metro2["segment"] = json!(part.segment.id());
        metro2["ecoa_code"] = json!(code);
    }
    if let Some(metro2) = month.get_mut("metro2").filter(|_| !information.is_empty()) {
        metro2["consumer_information"] = json!(information);
    }
    let whom = Whom { ssn: part.get(ssn).to_string(), names };
    let at = Where::of(record, part);
    Ok(Told { at, whom, wish, month: common.month, account, account_month: month })
}

/// The orders and lengths in which one name is given: with the middle name, with its initial,
/// without it; and surname first.
fn names(surname: &str, first: &str, middle: &str) -> Vec<String> {
    let mut names = Vec::new();
    if let Some(initial) = middle.chars().next() {
        names.push(format!("{first} {middle} {surname}"));
        names.push(format!("{first} {initial} {surname}"));
    }
    names.push(format!("{first} {surname}"));
    names.push(format!("{surname} {first}"));
    names
}

/// The number of the standard's field from which a field of an observation came.
pub fn origin(at: Where, pointer: &str) -> (Where, &'static str) {
    let base = Where { segment: Segment::Base, nth: 1, ..at };
    let name = pointer.trim_start_matches('/');
    let name = name.strip_prefix("metro2/").unwrap_or(name);
    let no = match name.split('/').next().unwrap_or_default() {
        "identification_number" => "5",
        "account_key" => "7",
        "portfolio" | "portfolio_type" => "8",
        "account_type" => "9",
        "opened" => "10",
        "limit" => "11",
        "original_amount" | "highest_credit" => "12",
        "term_months" | "terms_duration" => "13",
        "terms_frequency" => "14",
        "due" => "15",
        "paid" => "16",
        "status" | "dpd" | "account_status" => "17A",
        "payment_rating" => "17B",
        "payment_history" => "18",
        "special_comment" => "19",
        "compliance_condition" => "20",
        "balance" => "21",
        "past_due" => "22",
        "charge_off_amount" => "23",
        "month" | "date_of_information" => "24",
        "first_delinquency" => "25",
        "closed" | "close_reason" | "date_closed" => "26",
        "last_payment" => "27",
        "interest_type" => "28",
        "original_creditor" => return (Where { segment: Segment::K1, ..base }, "2"),
        _ => "",
    };
    (base, no)
}
