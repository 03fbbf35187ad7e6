//! Takes typed fields out of a JSON object one by one and gathers everything that is wrong with it.
//!
//! A furnisher who gets one error at a time needs as many uploads as there are errors. So a reader
//! never stops at the first: each field that cannot be read leaves its error and `None`, and
//! [`Fields::finish`] adds what nobody asked for. No message repeats a value, since a rejected line
//! must leave no personal data behind (decisions.md 1).

use jiff::civil::Date;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::kernel::{Amount, Currency, Month, Time};
use crate::subject::document::is_resident_id;

/// Nothing a bureau reads happened before this year.
pub const YEAR_MIN: i16 = 1900;

/// Longest name of an unknown field that is repeated in a pointer, in characters.
const POINTER_TOKEN_CHARS_MAX: usize = 64;

/// One thing that is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{pointer}: {message} ({code})")]
pub struct FieldError {
    /// A JSON pointer (RFC 6901) into the record, `/balance/amount`; empty for the whole of it.
    pub pointer: String,
    /// The stable code.
    pub code: &'static str,
    /// What is wrong and what would be right, in words; never the value.
    pub message: String,
}

impl FieldError {
    /// An error about the whole record or file.
    pub fn whole(code: &'static str, message: impl Into<String>) -> FieldError {
        FieldError { pointer: String::new(), code, message: message.into() }
    }
}

/// The place that a value reader reports to.
pub struct Place<'e> {
    pointer: String,
    errors: &'e mut Vec<FieldError>,
}

impl<'e> Place<'e> {
    /// The place at `pointer`, reporting into `errors`.
    pub fn at(pointer: &str, errors: &'e mut Vec<FieldError>) -> Place<'e> {
        Place { pointer: pointer.to_string(), errors }
    }

    /// The place of the member `name` of what is here.
    pub fn below(&mut self, name: &str) -> Place<'_> {
        Place { pointer: child(&self.pointer, name), errors: self.errors }
    }

    /// Leaves an error and answers `None`, so that a reader can end with it.
    pub fn fault<T>(&mut self, code: &'static str, message: impl Into<String>) -> Option<T> {
        let pointer = self.pointer.clone();
        self.errors.push(FieldError { pointer, code, message: message.into() });
        None
    }
}

/// A reader over one JSON object.
pub struct Fields<'m> {
    map: &'m Map<String, Value>,
    base: String,
    taken: Vec<&'static str>,
    errors: Vec<FieldError>,
}

impl<'m> Fields<'m> {
    /// A reader over `map`, which lies at the JSON pointer `base` (empty for a record itself).
    pub fn new(map: &'m Map<String, Value>, base: &str) -> Fields<'m> {
        Fields { map, base: base.to_string(), taken: Vec::new(), errors: Vec::new() }
    }

    /// Takes a field that must be there. `null` is absent.
    pub fn required<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&Value, &mut Place<'_>) -> Option<T>,
    ) -> Option<T> {
        let present = self.value(name).is_some();
        let taken = self.optional(name, read);
        if !present {
            self.fault(name, "missing_field", "this field is required");
        }
        taken
    }

    /// Takes a field that may be absent or `null`.
    pub fn optional<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&Value, &mut Place<'_>) -> Option<T>,
    ) -> Option<T> {
        self.taken.push(name);
        let value = self.value(name)?;
        read(value, &mut Place { pointer: child(&self.base, name), errors: &mut self.errors })
    }

    /// Takes a field that has a default. `None` only if it is there and wrong.
    pub fn or_default<T>(
        &mut self,
        name: &'static str,
        default: T,
        read: impl FnOnce(&Value, &mut Place<'_>) -> Option<T>,
    ) -> Option<T> {
        let present = self.value(name).is_some();
        let taken = self.optional(name, read);
        if present { taken } else { Some(default) }
    }

    /// Reports a rule between fields, at the field that should change.
    pub fn fault(&mut self, name: &str, code: &'static str, message: impl Into<String>) {
        let pointer = child(&self.base, name);
        self.errors.push(FieldError { pointer, code, message: message.into() });
    }

    /// Whether the field is there at all, right or wrong: a wrong one has its own error already.
    pub fn is_present(&self, name: &str) -> bool {
        self.value(name).is_some()
    }

    /// The names asked for so far.
    pub fn taken(&self) -> &[&'static str] {
        &self.taken
    }

    /// All errors, and one more for each field that nobody asked for.
    pub fn finish(self) -> Vec<FieldError> {
        let Fields { map, base, taken, mut errors } = self;
        for name in map.keys().filter(|name| !taken.contains(&name.as_str())) {
            let (code, message) = if is_never_collected(name) {
                ("never_collected", "this bureau never collects data of this kind (Reg 14)")
            } else {
                ("unknown_field", "this type has no such field")
            };
            let pointer = child(&base, name);
            errors.push(FieldError { pointer, code, message: message.to_string() });
        }
        errors
    }

    /// The errors so far, without looking at what is left: for a record of unknown type.
    pub fn abandon(self) -> Vec<FieldError> {
        self.errors
    }

    fn value(&self, name: &str) -> Option<&'m Value> {
        self.map.get(name).filter(|value| !value.is_null())
    }
}

/// The pointer of `name` below `base`, escaped (RFC 6901 section 3). A name that came from outside
/// is cut, so that an error stays short, and shows no control characters.
pub fn child(base: &str, name: &str) -> String {
    let mut pointer = format!("{base}/");
    for c in name.chars().take(POINTER_TOKEN_CHARS_MAX) {
        match c {
            '~' => pointer.push_str("~0"),
            '/' => pointer.push_str("~1"),
            _ if is_hidden(c) => pointer.push('\u{FFFD}'),
            _ => pointer.push(c),
        }
    }
    pointer
}

/// Reads a text of 1 to `chars_max` characters without control or invisible characters, outer
/// spaces, or a resident number in it (records hold no identity values).
pub fn text(chars_max: usize) -> impl Fn(&Value, &mut Place<'_>) -> Option<String> {
    move |value, at| {
        let Some(text) = value.as_str() else {
            return at.fault("invalid_text", "must be a text");
        };
        if text.chars().nth(chars_max).is_some() {
            return at.fault("text_too_long", format!("at most {chars_max} characters"));
        }
        if text.chars().any(is_hidden) {
            return at.fault("control_character", "no control or invisible characters");
        }
        if text.trim().is_empty() {
            return at.fault("text_empty", "must not be empty");
        }
        if text.trim().len() != text.len() {
            return at.fault("surrounding_space", "no spaces before or after the text");
        }
        if holds_resident_id(text) {
            return at.fault("identifies_person", "must not contain a resident number");
        }
        Some(text.to_string())
    }
}

/// Reads a civil date, `2026-10-31`, not before [`YEAR_MIN`].
pub fn date(value: &Value, at: &mut Place<'_>) -> Option<Date> {
    let Some(date) = value.as_str().and_then(parse_date) else {
        return at.fault("invalid_date", "must be a calendar date such as 2026-10-31");
    };
    if date.year() < YEAR_MIN {
        return at.fault("date_absurd", format!("before {YEAR_MIN}"));
    }
    Some(date)
}

/// Reads a date that is not after `today`.
pub fn past_date(today: Date) -> impl Fn(&Value, &mut Place<'_>) -> Option<Date> {
    move |value, at| match date(value, at)? {
        date if date > today => at.fault("date_in_future", "must not lie in the future"),
        date => Some(date),
    }
}

/// Reads a civil month, `2026-10`, not before [`YEAR_MIN`].
pub fn month(value: &Value, at: &mut Place<'_>) -> Option<Month> {
    let Some(month) = value.as_str().and_then(|text| text.parse::<Month>().ok()) else {
        return at.fault("invalid_month", "must be a month such as 2026-10");
    };
    if month.year_month().0 < YEAR_MIN {
        return at.fault("date_absurd", format!("before {YEAR_MIN}"));
    }
    Some(month)
}

/// Reads an instant, RFC 3339 with `Z` or a numeric offset.
pub fn time(value: &Value, at: &mut Place<'_>) -> Option<Time> {
    let time = value.as_str().filter(|text| text.len() <= 40).and_then(|text| text.parse().ok());
    let Some(time) = time else {
        return at.fault("invalid_time", "must be an RFC 3339 time such as 2026-10-31T08:00:00Z");
    };
    Some(time)
}

/// Reads a truth value.
pub fn boolean(value: &Value, at: &mut Place<'_>) -> Option<bool> {
    value.as_bool().or_else(|| at.fault("invalid_boolean", "must be true or false"))
}

/// Reads a whole number from `min` to `max`.
pub fn integer(min: u32, max: u32) -> impl Fn(&Value, &mut Place<'_>) -> Option<u32> {
    move |value, at| {
        if !(value.is_i64() || value.is_u64()) {
            return at.fault("invalid_integer", "must be a whole number");
        }
        let number = value.as_u64().and_then(|n| u32::try_from(n).ok());
        match number.filter(|n| (min..=max).contains(n)) {
            Some(number) => Some(number),
            None => at.fault("out_of_range", format!("must be from {min} to {max}")),
        }
    }
}

/// Reads one of the values of `all` by its `name`.
pub fn choice<T: Copy + 'static>(
    all: &'static [T],
    name: fn(T) -> &'static str,
) -> impl Fn(&Value, &mut Place<'_>) -> Option<T> {
    move |value, at| {
        let found = value.as_str().and_then(|t| all.iter().copied().find(|v| name(*v) == t));
        found.or_else(|| {
            let names: Vec<_> = all.iter().map(|v| name(*v)).collect();
            at.fault("unknown_value", format!("must be one of {}", names.join(", ")))
        })
    }
}

/// Reads a nested object with `read`, which gets a reader of its own.
pub fn object<T>(
    read: impl FnOnce(&mut Fields<'_>) -> Option<T>,
) -> impl FnOnce(&Value, &mut Place<'_>) -> Option<T> {
    move |value, at| {
        let Some(map) = value.as_object() else {
            return at.fault("invalid_object", "must be an object");
        };
        let mut fields = Fields::new(map, &at.pointer);
        let taken = read(&mut fields);
        at.errors.extend(fields.finish());
        taken
    }
}

/// Reads an ISO 4217 code of three capitals.
pub fn currency(value: &Value, at: &mut Place<'_>) -> Option<Currency> {
    let currency = value.as_str().and_then(|text| text.parse().ok());
    currency.or_else(|| at.fault("invalid_currency", "must be an ISO 4217 code such as CNY"))
}

/// Reads `{"amount":"12.34","currency":"CNY"}`.
pub fn amount(value: &Value, at: &mut Place<'_>) -> Option<Amount> {
    object(|f| {
        let text = f.required("amount", decimal_text);
        let currency = f.required("currency", currency);
        let (text, currency) = (text?, currency?);
        let places = text.split_once('.').map_or("", |(_, places)| places.trim_end_matches('0'));
        if places.len() > currency.decimals() as usize {
            f.fault("amount", "amount_precision", "more decimal places than the currency has");
            return None;
        }
        let amount = Amount::parse(&text, currency).ok();
        if amount.is_none() {
            f.fault("amount", "amount_out_of_range", "larger than any amount that is believed");
        }
        amount
    })(value, at)
}

/// Reads an [`amount`] that is not negative.
pub fn positive_amount(value: &Value, at: &mut Place<'_>) -> Option<Amount> {
    match amount(value, at)? {
        amount if amount.minor < 0 => at.fault("negative_amount", "must not be negative"),
        amount => Some(amount),
    }
}

/// A plain decimal: sign, digits, point, digits. Stricter than what a decimal parser takes, so
/// that `1_000`, `+5`, `.5` and `1e3` mean nothing rather than something.
pub fn decimal_text(value: &Value, at: &mut Place<'_>) -> Option<String> {
    let plain = |text: &&str| {
        let unsigned = text.strip_prefix('-').unwrap_or(text);
        let digits = |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit());
        let (whole, places) = unsigned.split_once('.').unwrap_or((unsigned, "0"));
        text.len() <= 40 && digits(whole) && digits(places)
    };
    match value.as_str().filter(plain) {
        Some(text) => Some(text.to_string()),
        None => at.fault("invalid_amount", "must be a decimal text such as \"12.34\""),
    }
}

/// A date of exactly ten characters: jiff alone also takes `20261031` and dates with a time.
pub(super) fn parse_date(text: &str) -> Option<Date> {
    let shape = |(i, b): (usize, u8)| if i == 4 || i == 7 { b == b'-' } else { b.is_ascii_digit() };
    let right = text.len() == 10 && text.bytes().enumerate().all(shape);
    if right { text.parse().ok() } else { None }
}

/// Control characters, and those that change the order of text or cannot be seen.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}'
            | '\u{2060}'..='\u{2069}' | '\u{FEFF}')
}

/// Whether a run of letters and digits in `text` is a resident number (Metro 2 field 7: an account
/// number never contains the national id).
fn holds_resident_id(text: &str) -> bool {
    text.split(|c: char| !c.is_ascii_alphanumeric()).any(|run| {
        run.len() == 18 && is_resident_id(run)
            || run.len() > 18
                && run.as_bytes().windows(18).any(|window| {
                    std::str::from_utf8(window)
                        .is_ok_and(|part| is_resident_id(part) && is_whole_number(run, part))
                })
    })
}

/// Whether `part` stands in `run` with no digit on either side: in a longer number it is chance.
fn is_whole_number(run: &str, part: &str) -> bool {
    run.match_indices(part).any(|(start, _)| {
        let before = run.get(..start).and_then(|t| t.bytes().last());
        let after = run.get(start + part.len()..).and_then(|t| t.bytes().next());
        ![before, after].into_iter().flatten().any(|b| b.is_ascii_digit())
    })
}

/// Words in a field's name that say it holds what Reg 14 forbids to collect (religion, genes,
/// fingerprints, blood type, disease and medical history), or messages and other people's
/// identities, which this bureau does not take either.
const NEVER_COLLECTED: [&str; 47] = [
    "religion",
    "religious",
    "faith",
    "belief",
    "gene",
    "genes",
    "genetic",
    "genetics",
    "genome",
    "dna",
    "fingerprint",
    "fingerprints",
    "biometric",
    "biometrics",
    "iris",
    "blood",
    "disease",
    "diseases",
    "diagnosis",
    "diagnoses",
    "illness",
    "medical",
    "medication",
    "medicine",
    "health",
    "hospital",
    "prescription",
    "prescriptions",
    "disability",
    "pregnancy",
    "pregnant",
    "hiv",
    "message",
    "messages",
    "chat",
    "chats",
    "contact",
    "contacts",
    "phonebook",
    "friend",
    "friends",
    "relatives",
    "recipients",
    "sms",
    "ethnicity",
    "ethnic",
    "sexual",
];

/// The same in Chinese, found anywhere in a name.
const NEVER_COLLECTED_CHINESE: [&str; 11] =
    ["宗教", "信仰", "基因", "指纹", "血型", "疾病", "病史", "医疗", "通讯录", "联系人", "聊天"];

/// Whether a field of this name holds what is never collected.
fn is_never_collected(name: &str) -> bool {
    let mut words = String::new();
    let mut after_lower = false;
    for c in name.chars().take(POINTER_TOKEN_CHARS_MAX) {
        // camelCase and snake_case names are cut into the same words
        if c.is_uppercase() && after_lower {
            words.push(' ');
        }
        after_lower = c.is_lowercase();
        words.extend(if c.is_alphanumeric() { c } else { ' ' }.to_lowercase());
    }
    let joined = words.replace(' ', "");
    words.split(' ').any(|word| NEVER_COLLECTED.contains(&word))
        || NEVER_COLLECTED.contains(&joined.as_str())
        || ["bloodtype", "addressbook", "calllog"].contains(&joined.as_str())
        || NEVER_COLLECTED_CHINESE.iter().any(|term| joined.contains(term))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forbidden_kinds_of_data_are_known_by_their_names() {
        for name in [
            "religion",
            "blood_type",
            "bloodType",
            "BloodType",
            "Fingerprint",
            "medical-history",
            "diagnosis_code",
            "contacts",
            "contact.name",
            "messages",
            "宗教信仰",
            "address_book",
        ] {
            assert!(is_never_collected(name), "{name}");
        }
        for name in ["balance", "generation", "contract", "healthy_ratio", "message_id2x", "备注"]
        {
            assert_eq!(is_never_collected(name), name == "message_id2x", "{name}");
        }
    }

    #[test]
    fn a_resident_number_is_found_inside_a_key_but_not_inside_a_longer_number() {
        assert!(holds_resident_id("acct-11010519491231002X"));
        assert!(holds_resident_id("ACCT11010519491231002x"));
        assert!(!holds_resident_id("9911010519491231002X"));
        assert!(!holds_resident_id("110105194912310021"));
    }

    #[test]
    fn pointers_are_escaped_and_short() {
        assert_eq!(child("", "a/b~c"), "/a~1b~0c");
        assert_eq!(child("/x", "a\nb"), "/x/a\u{FFFD}b");
        assert_eq!(child("", &"k".repeat(500)).len(), POINTER_TOKEN_CHARS_MAX + 1);
    }
}
