//! Identity documents: read strictly, kept in one canonical form, shown by their last four.
//!
//! The canonical text goes into a keyed look-up and a sealed vault and nowhere else: a resident
//! number tells birth date, sex and place, and a plain hash of it can be enumerated. `Debug`
//! therefore shows nothing of it.

use std::fmt;

use jiff::civil::Date;
use unicode_normalization::UnicodeNormalization;

use super::country;

/// Longest number that is read, in characters, before anything is parsed.
pub const NUMBER_CHARS_MAX: usize = 40;

/// The earliest birth year that is believed.
const BIRTH_YEAR_MIN: i16 = 1880;

/// First two digits of GB/T 2260 area codes: the provinces (each also covers its retired county
/// codes), Taiwan, Hong Kong and Macao, 83 of residence permits for Taiwan residents, and 91 of
/// retired overseas registrations.
const PROVINCES: [u8; 36] = [
    11, 12, 13, 14, 15, 21, 22, 23, 31, 32, 33, 34, 35, 36, 37, 41, 42, 43, 44, 45, 46, 50, 51, 52,
    53, 54, 61, 62, 63, 64, 65, 71, 81, 82, 83, 91,
];

/// GB 11643 weights, 2^(18 - i) mod 11, and check characters by the weighted sum mod 11
/// (ISO 7064 MOD 11-2).
const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
const CHECKS: &[u8; 11] = b"10X98765432";

/// An identity document, well formed and canonical.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Document {
    /// A mainland resident number or a residence permit's: 18 characters, the last may be `X`.
    ResidentId(String),
    /// A passport of a country (alpha-3).
    Passport {
        /// The issuing country, ISO 3166-1 alpha-3 or an ICAO code.
        country: String,
        /// Six to nine letters and digits, upper case.
        number: String,
    },
    /// Another country's personal number, such as a social security number.
    NationalId {
        /// The issuing country, ISO 3166-1 alpha-3.
        country: String,
        /// Two to twenty letters and digits, upper case.
        number: String,
    },
    /// A phone number in E.164. A contact and never a key of a person: numbers are recycled.
    Phone(String),
}

/// Why a document was not read. Never repeats the number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError {
    /// No such kind.
    #[error("the kind must be one of resident_id, passport, national_id, phone")]
    UnknownKind,
    /// Not the number of characters, or not the characters, that this kind has.
    #[error("the number does not have the shape of this kind of document")]
    Shape,
    /// The area code's first two digits name no province.
    #[error("the number's area code is unknown")]
    Area,
    /// The number holds no calendar date where the birth date is, or one that cannot be.
    #[error("the number holds no plausible birth date")]
    BirthDate,
    /// The birth date in the number is not the one stated.
    #[error("the number's birth date differs from the stated one")]
    BirthDateMismatch,
    /// The check digit is wrong: a typing error.
    #[error("the number's check digit is wrong")]
    CheckDigit,
    /// No country was given where one is needed.
    #[error("this kind of document needs a country")]
    CountryMissing,
    /// No such country, or not the one that issues this kind.
    #[error("the country must be an ISO 3166-1 code that issues this kind of document")]
    Country,
    /// A machine's number, not a person's.
    #[error("13-digit numbers belong to machines, not to persons")]
    PhoneOfMachine,
}

impl DocumentError {
    /// The stable code.
    pub fn code(self) -> &'static str {
        match self {
            DocumentError::UnknownKind => "document_kind_unknown",
            DocumentError::Shape => "document_shape",
            DocumentError::Area => "document_area_unknown",
            DocumentError::BirthDate => "document_birth_date_implausible",
            DocumentError::BirthDateMismatch => "birth_date_mismatch",
            DocumentError::CheckDigit => "document_check_digit",
            DocumentError::CountryMissing => "country_missing",
            DocumentError::Country => "country_unknown",
            DocumentError::PhoneOfMachine => "phone_of_machine",
        }
    }

    /// The field it is about: `kind`, `number`, `country` or `birth_date`.
    pub fn field(self) -> &'static str {
        match self {
            DocumentError::UnknownKind => "kind",
            DocumentError::CountryMissing | DocumentError::Country => "country",
            DocumentError::BirthDateMismatch => "birth_date",
            _ => "number",
        }
    }
}

impl Document {
    /// The name of the document's kind.
    pub fn kind(&self) -> &'static str {
        match self {
            Document::ResidentId(_) => "resident_id",
            Document::Passport { .. } => "passport",
            Document::NationalId { .. } => "national_id",
            Document::Phone(_) => "phone",
        }
    }

    /// The one text of this document, the input of keyed look-ups: `resident_id:…`,
    /// `passport:CHN:…`, `national_id:USA:…`, `phone:+86…`.
    pub fn canonical(&self) -> String {
        match self {
            Document::ResidentId(number) | Document::Phone(number) => {
                format!("{}:{number}", self.kind())
            }
            Document::Passport { country, number } | Document::NationalId { country, number } => {
                format!("{}:{country}:{number}", self.kind())
            }
        }
    }

    /// The last four characters, for people to recognise a document by; fewer than half of a
    /// short number are shown.
    pub fn last4(&self) -> &str {
        let number = match self {
            Document::ResidentId(number) | Document::Phone(number) => number,
            Document::Passport { number, .. } | Document::NationalId { number, .. } => number,
        };
        number.get(number.len() - (number.len() / 2).min(4)..).unwrap_or("")
    }

    /// The birth date that a resident number holds; other documents tell none.
    pub fn birth_date(&self) -> Option<Date> {
        match self {
            Document::ResidentId(number) => date_of_digits(number.get(6..14)?),
            _ => None,
        }
    }
}

impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Document({})", self.kind())
    }
}

/// Reads a document of `kind` (`resident_id`, `passport`, `national_id`, `phone`).
///
/// `country` (alpha-2 or alpha-3) is required for passports and national ids and may be given for
/// the others; `birth_date`, when stated, must be the one inside a resident number; `today` bounds
/// the birth dates that are believed. Full-width characters are taken as their plain forms, and
/// spaces and hyphens between characters are dropped.
///
/// # Errors
/// The first of kind, country, shape, area, birth date, check digit and stated birth date that is
/// wrong.
///
/// ```
/// use fivefold::subject::parse_document;
/// use jiff::civil::date;
/// let today = date(2026, 10, 1);
/// let id = parse_document("resident_id", "11010519491231002x", None, None, today).unwrap();
/// assert_eq!(id.canonical(), "resident_id:11010519491231002X");
/// assert_eq!(id.birth_date(), Some(date(1949, 12, 31)));
/// assert_eq!(id.last4(), "002X");
/// ```
pub fn parse_document(
    kind: &str,
    number: &str,
    country: Option<&str>,
    birth_date: Option<Date>,
    today: Date,
) -> Result<Document, DocumentError> {
    let country = match country {
        Some(code) => Some(country::alpha3(code).ok_or(DocumentError::Country)?),
        None => None,
    };
    if number.chars().count() > NUMBER_CHARS_MAX {
        return Err(DocumentError::Shape);
    }
    let number: String = number
        .nfkc()
        .filter(|c| !c.is_whitespace() && !matches!(c, '-' | '\u{2010}'..='\u{2015}'))
        .map(|c| c.to_ascii_uppercase())
        .collect();
    match kind {
        "resident_id" => {
            if country.is_some_and(|code| !matches!(code, "CHN" | "HKG" | "MAC" | "TWN")) {
                return Err(DocumentError::Country);
            }
            resident_id(&number, birth_date, today).map(Document::ResidentId)
        }
        "passport" => {
            let country = country.ok_or(DocumentError::CountryMissing)?.to_string();
            alphanumeric(number, 6, 9).map(|number| Document::Passport { country, number })
        }
        "national_id" => match country.ok_or(DocumentError::CountryMissing)? {
            // One person must not have two keys: the resident number is a kind of its own.
            "CHN" => Err(DocumentError::Country),
            code => alphanumeric(number, 2, 20)
                .map(|number| Document::NationalId { country: code.to_string(), number }),
        },
        "phone" => phone(&number, country).map(Document::Phone),
        _ => Err(DocumentError::UnknownKind),
    }
}

/// Whether `text` is a resident number: 18 characters, province, birth date and check digit.
pub fn is_resident_id(text: &str) -> bool {
    text.len() == 18 && resident_id(&text.to_ascii_uppercase(), None, Date::MAX).is_ok()
}

/// GB 11643: area (6), birth date (8), sequence (3), check. A 15-digit number of before 1999 gets
/// its century (19) and its check digit, so that both forms of one number are equal.
fn resident_id(
    number: &str,
    birth_date: Option<Date>,
    today: Date,
) -> Result<String, DocumentError> {
    let (body, check) = match number.len() {
        18 => number.split_at_checked(17).ok_or(DocumentError::Shape)?,
        15 => (number, ""),
        _ => return Err(DocumentError::Shape),
    };
    if !body.bytes().all(|b| b.is_ascii_digit()) || !check.bytes().all(is_check) {
        return Err(DocumentError::Shape);
    }
    let body = match body.split_at_checked(6) {
        Some((area, rest)) if check.is_empty() => format!("{area}19{rest}"),
        _ => body.to_string(),
    };
    if !is_area(body.as_bytes()) {
        return Err(DocumentError::Area);
    }
    let born = body.get(6..14).and_then(date_of_digits).ok_or(DocumentError::BirthDate)?;
    if born.year() < BIRTH_YEAR_MIN || born > today {
        return Err(DocumentError::BirthDate);
    }
    let right = check_character(&body);
    if !check.is_empty() && check.as_bytes() != [right] {
        return Err(DocumentError::CheckDigit);
    }
    if birth_date.is_some_and(|stated| stated != born) {
        return Err(DocumentError::BirthDateMismatch);
    }
    Ok(format!("{body}{}", char::from(right)))
}

fn is_check(b: u8) -> bool {
    b.is_ascii_digit() || b == b'X'
}

/// A province first; or, on permanent-resident cards of foreigners since 2017, a `9`, then the
/// province of acceptance, then the country's number.
fn is_area(digits: &[u8]) -> bool {
    let province = |tens: Option<&u8>, ones: Option<&u8>| match (tens, ones) {
        (Some(t), Some(o)) => PROVINCES.contains(&((t - b'0') * 10 + (o - b'0'))),
        _ => false,
    };
    province(digits.first(), digits.get(1))
        || (digits.first() == Some(&b'9') && province(digits.get(1), digits.get(2)))
}

/// The check character of the first 17 digits.
fn check_character(body: &str) -> u8 {
    let sum: u32 = body.bytes().zip(WEIGHTS).map(|(b, w)| u32::from(b - b'0') * w).sum();
    CHECKS.get((sum % 11) as usize).copied().unwrap_or(b'?')
}

/// The calendar date that eight digits spell.
fn date_of_digits(digits: &str) -> Option<Date> {
    let year = digits.get(..4)?.parse().ok()?;
    let month = digits.get(4..6)?.parse().ok()?;
    let day = digits.get(6..8)?.parse().ok()?;
    Date::new(year, month, day).ok()
}

fn alphanumeric(number: String, min: usize, max: usize) -> Result<String, DocumentError> {
    let right = (min..=max).contains(&number.len())
        && number.bytes().all(|b| b.is_ascii_alphanumeric())
        // Letters alone are a word: no country numbers its people without a digit.
        && number.bytes().any(|b| b.is_ascii_digit());
    if right { Ok(number) } else { Err(DocumentError::Shape) }
}

/// E.164. A number without a country prefix is read as a mainland mobile number and nothing else.
fn phone(number: &str, country: Option<&'static str>) -> Result<String, DocumentError> {
    let number: String = number.chars().filter(|c| !matches!(c, '(' | ')')).collect();
    let mainland = country.is_none_or(|code| code == "CHN");
    let local = match number.strip_prefix("+86").or_else(|| number.strip_prefix("0086")) {
        Some(local) => Some(local),
        None if mainland && !number.starts_with('+') => Some(number.as_str()),
        None => None,
    };
    if let Some(local) = local {
        return match local.as_bytes() {
            _ if !mainland => Err(DocumentError::Country),
            digits if !digits.iter().all(u8::is_ascii_digit) => Err(DocumentError::Shape),
            [b'1', b'3'..=b'9', rest @ ..] if rest.len() == 9 => Ok(format!("+86{local}")),
            digits if digits.len() == 13 => Err(DocumentError::PhoneOfMachine),
            _ => Err(DocumentError::Shape),
        };
    }
    match number.as_bytes() {
        _ if country == Some("CHN") => Err(DocumentError::Country),
        [b'+', b'1'..=b'9', rest @ ..]
            if (7..=14).contains(&rest.len()) && rest.iter().all(u8::is_ascii_digit) =>
        {
            Ok(number)
        }
        _ => Err(DocumentError::Shape),
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use proptest::prelude::*;

    use super::*;

    const TODAY: Date = date(2026, 10, 1);

    fn parse(kind: &str, number: &str, country: &str) -> Result<String, &'static str> {
        let country = (!country.is_empty()).then_some(country);
        parse_document(kind, number, country, None, TODAY)
            .map(|d| d.canonical())
            .map_err(DocumentError::code)
    }

    #[test]
    fn documents_have_one_canonical_text() {
        for (kind, number, country, expected) in [
            ("resident_id", "11010519491231002X", "", "resident_id:11010519491231002X"),
            ("resident_id", "11010519491231002x", "cn", "resident_id:11010519491231002X"),
            ("resident_id", "440524188001010014", "", "resident_id:440524188001010014"),
            ("resident_id", "110105 4912 31002", "", "resident_id:11010519491231002X"),
            ("resident_id", "１１０１０５19491231002X", "", "resident_id:11010519491231002X"),
            ("passport", "e1234567 8", "CN", "passport:CHN:E12345678"),
            ("passport", "C01X00T47", "D", "passport:DEU:C01X00T47"),
            ("national_id", "078-05-1120", "USA", "national_id:USA:078051120"),
            ("phone", "138 0013 8000", "", "phone:+8613800138000"),
            ("phone", "+86-138-0013-8000", "CHN", "phone:+8613800138000"),
            ("phone", "+1 (415) 555-2671", "US", "phone:+14155552671"),
        ] {
            assert_eq!(parse(kind, number, country).as_deref(), Ok(expected), "{number}");
        }
    }

    #[test]
    fn each_refusal_has_its_own_code() {
        for (kind, number, country, code) in [
            ("driving_licence", "1", "", "document_kind_unknown"),
            ("resident_id", "1101051949123100", "", "document_shape"),
            ("resident_id", "1101051949123100XX", "", "document_shape"),
            ("resident_id", "110105491231O02", "", "document_shape"),
            ("resident_id", "11010519491231002X", "US", "country_unknown"),
            ("resident_id", "990005194912310021", "", "document_area_unknown"),
            ("resident_id", "110105194902310021", "", "document_birth_date_implausible"),
            ("resident_id", "110105202712310021", "", "document_birth_date_implausible"),
            ("resident_id", "110105194912310021", "", "document_check_digit"),
            ("passport", "E12345678", "", "country_missing"),
            ("passport", "E12345678", "ZZ", "country_unknown"),
            ("passport", "E1234567890", "CN", "document_shape"),
            ("passport", "ABCDEFG", "CN", "document_shape"),
            ("national_id", "11010519491231002X", "CN", "country_unknown"),
            ("national_id", "1", "US", "document_shape"),
            ("phone", "1064812345678", "", "phone_of_machine"),
            ("phone", "12345678901", "", "document_shape"),
            ("phone", "4155552671", "US", "document_shape"),
            ("phone", "+8613800138000", "US", "country_unknown"),
            ("phone", "+14155552671", "CN", "country_unknown"),
            ("phone", "+1234567", "", "document_shape"),
            ("phone", "+1234567890123456", "", "document_shape"),
        ] {
            assert_eq!(parse(kind, number, country), Err(code), "{kind} {number} {country}");
        }
    }

    #[test]
    fn the_stated_birth_date_must_be_the_one_in_the_number() {
        let with = |birth| {
            parse_document("resident_id", "11010519491231002X", None, Some(birth), TODAY)
                .map(|_| ())
        };
        assert_eq!(with(date(1949, 12, 31)), Ok(()));
        assert_eq!(with(date(1949, 12, 30)), Err(DocumentError::BirthDateMismatch));
    }

    #[test]
    fn nothing_of_a_number_is_shown_but_its_last_four() {
        let id = parse_document("resident_id", "11010519491231002X", None, None, TODAY).unwrap();
        assert_eq!(format!("{id:?}"), "Document(resident_id)");
        assert_eq!(id.last4(), "002X");
        let short = parse_document("national_id", "A12", Some("USA"), None, TODAY).unwrap();
        assert_eq!(short.last4(), "2");
    }

    fn valid() -> impl Strategy<Value = String> {
        let area = (0..PROVINCES.len(), 0..10_000u32);
        (area, 1900..2026i32, 1..=12u32, 1..=28u32, 0..1000u32).prop_map(|(area, y, m, d, seq)| {
            let body = format!("{}{:04}{y}{m:02}{d:02}{seq:03}", PROVINCES[area.0], area.1);
            format!("{body}{}", char::from(check_character(&body)))
        })
    }

    proptest! {
        #[test]
        fn one_changed_digit_is_refused(id in valid(), place in 0..18usize, to in 0..11usize) {
            let mut changed = id.clone().into_bytes();
            changed[place] = CHECKS[to];
            let changed = String::from_utf8(changed).unwrap();
            prop_assert_eq!(is_resident_id(&changed), changed == id);
        }

        #[test]
        fn two_swapped_neighbours_are_refused(id in valid(), place in 0..17usize) {
            let mut swapped = id.clone().into_bytes();
            swapped.swap(place, place + 1);
            let swapped = String::from_utf8(swapped).unwrap();
            prop_assert_eq!(is_resident_id(&swapped), swapped == id);
        }

        #[test]
        fn both_lengths_of_one_number_are_one_document(id in valid()) {
            prop_assume!(&id[6..8] == "19");
            let short = format!("{}{}", &id[..6], &id[8..17]);
            prop_assert_eq!(parse("resident_id", &short, ""), parse("resident_id", &id, ""));
        }

        #[test]
        fn any_text_is_read_or_refused(
            kind in "resident_id|passport|national_id|phone",
            number in "\\PC{0,24}",
            country in "\\PC{0,4}",
        ) {
            let _ = parse(&kind, &number, &country);
        }
    }
}
