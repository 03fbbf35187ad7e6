//! Made-up identities that pass every format check and can belong to nobody.
//!
//! | item | how it is made |
//! | --- | --- |
//! | resident id | a real province, `9999`, birth date, sequence, ISO 7064 check character |
//! | passport | `Z` and eight digits: a series of our own, its holder marked a specimen |
//! | phone | `+1 NPA 555 01XX` |
//! | name | common parts, drawn; Latin names carry the middle name `Specimen` |
//!
//! GB/T 2260 lists no city-level code 99, so no area `PP9999` was ever assigned. The numbers
//! 555-0100 to 555-0199 are set aside for fiction throughout the North American plan; the Chinese
//! plan sets none aside, so everyone has one of those.
//!
//! Nothing here depends on the latent risk, so an identity can predict nothing.

use jiff::civil::Date;
use serde::Serialize;

use super::draws::Draws;

/// First two digits of resident ids: the provinces of GB/T 2260 on the mainland.
const PROVINCES: [u8; 31] = [
    11, 12, 13, 14, 15, 21, 22, 23, 31, 32, 33, 34, 35, 36, 37, 41, 42, 43, 44, 45, 46, 50, 51, 52,
    53, 54, 61, 62, 63, 64, 65,
];

/// Distinct (province, sequence) pairs; persons who share one get different birth dates.
const ID_SERIES: u64 = 31 * 1000;

/// Youngest and oldest age in years at the start of the window.
const AGE_YEARS: (i64, i64) = (20, 66);

const SURNAMES: [&str; 40] = [
    "王", "李", "张", "刘", "陈", "杨", "赵", "黄", "周", "吴", "徐", "孙", "胡", "朱", "高", "林",
    "何", "郭", "马", "罗", "梁", "宋", "郑", "谢", "韩", "唐", "冯", "于", "董", "萧", "程", "曹",
    "袁", "邓", "许", "傅", "沈", "曾", "欧阳", "司马",
];

const GIVEN: [&str; 48] = [
    "伟", "芳", "娜", "敏", "静", "丽", "强", "磊", "军", "洋", "勇", "艳", "杰", "娟", "涛", "明",
    "超", "霞", "平", "刚", "文", "华", "玉", "建", "国", "春", "梅", "红", "燕", "玲", "桂", "英",
    "子", "涵", "梓", "轩", "宇", "浩", "欣", "怡", "思", "雨", "晨", "佳", "瑶", "琳", "博", "睿",
];

const FIRST: [&str; 40] = [
    "Ada", "Amir", "Anna", "Ben", "Carla", "Chen", "Clara", "Daniel", "Diego", "Elena", "Emil",
    "Fatima", "Felix", "Grace", "Hana", "Hugo", "Ines", "Ivan", "Jonas", "Julia", "Kofi", "Lara",
    "Leon", "Lucia", "Maya", "Mei", "Milan", "Nadia", "Nina", "Noah", "Olga", "Omar", "Paula",
    "Quinn", "Rosa", "Samir", "Sofia", "Tariq", "Vera", "Yuki",
];

const FAMILY: [&str; 40] = [
    "Adler", "Baker", "Barros", "Castle", "Dale", "Diaz", "Eriksen", "Fields", "Fischer", "Garcia",
    "Grove", "Hale", "Hassan", "Hill", "Ivanova", "Jensen", "Keller", "Khan", "Lane", "Lopez",
    "Marsh", "Meyer", "Moreau", "Nakamura", "Novak", "Okafor", "Olsen", "Park", "Pereira",
    "Petrov", "Quist", "Rivers", "Rossi", "Santos", "Silva", "Stone", "Tanaka", "Vale", "Weber",
    "Young",
];

/// The document that an enrolment rests on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Document {
    /// A mainland resident identity number (GB 11643).
    ResidentId {
        /// Eighteen characters.
        number: String,
    },
    /// A passport.
    Passport {
        /// Issuing country, ISO 3166 alpha-2.
        country: String,
        /// `Z` and eight digits.
        number: String,
    },
}

/// The check character of a resident id's first seventeen digits (ISO 7064 MOD 11-2), or `None`
/// when they are not seventeen digits.
pub fn resident_id_check(first_17: &str) -> Option<char> {
    if first_17.len() != 17 || !first_17.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let sum = first_17.bytes().fold(0_u32, |p, b| (p + u32::from(b - b'0')) * 2 % 11);
    match (12 - sum) % 11 {
        10 => Some('X'),
        digit => char::from_digit(digit, 10),
    }
}

/// The resident id of person `number` (from 1) born on `birth`.
pub fn resident_id(number: u32, birth: Date) -> Document {
    let series = u64::from(number) % ID_SERIES;
    let province = PROVINCES.get((series / 1000) as usize).copied().unwrap_or(11);
    let first_17 = format!(
        "{province}9999{:04}{:02}{:02}{:03}",
        birth.year(),
        birth.month(),
        birth.day(),
        series % 1000
    );
    let check = resident_id_check(&first_17).unwrap_or('0');
    Document::ResidentId { number: format!("{first_17}{check}") }
}

/// The specimen passport of person `number`, issued by `country` (ISO 3166 alpha-2).
pub fn passport(number: u32, country: &str) -> Document {
    Document::Passport { country: country.to_string(), number: format!("Z{number:08}") }
}

/// A birth date between the ages of 20 and 66 at `start`, such that persons who share province
/// and sequence of the resident id never share it (up to half a thousand million persons).
pub fn birth_date(number: u32, start: Date) -> Date {
    let (youngest, oldest) = AGE_YEARS;
    let days = ((oldest - youngest) * 365) as u64;
    let mut draws = Draws::new(&[0xb1, u64::from(number) % ID_SERIES]);
    // 7919 is a prime that does not divide the number of days: round after round of the series
    // lands on another day.
    let offset = (draws.below(days) + u64::from(number) / ID_SERIES * 7919) % days;
    let latest = start.saturating_sub(jiff::Span::new().years(youngest));
    latest.saturating_sub(jiff::Span::new().days(offset as i64))
}

/// A birth date that makes person `number` `age` years old on `at`: only that is taken from the
/// age, month and day are drawn.
pub fn birth_date_of_age(number: u32, age: i64, at: Date) -> Date {
    let back = Draws::new(&[0xb2, u64::from(number)]).below(365) as i64;
    let latest = at.saturating_sub(jiff::Span::new().years(age.clamp(18, 110)));
    latest.saturating_sub(jiff::Span::new().days(back))
}

/// A phone number set aside for fiction, E.164. They repeat after some 50,000 persons: a number
/// is a contact, not a key.
pub fn phone(number: u32) -> String {
    let area = u64::from(number) / 100 % (8 * 8 * 9);
    // Area codes [2-9][0-8]X without N11, the reserved 37X, 52X and 96X, and those whose last two
    // digits are equal: free-phone and other codes that have no 555-01XX set aside.
    let first = 2 + area / 72;
    let second = [0, 2, 3, 4, 5, 6, 7, 8].get((area / 9 % 8) as usize).copied().unwrap_or(0);
    let second = if matches!((first, second), (3, 7) | (5, 2) | (9, 6)) { 0 } else { second };
    let third = area % 9 + u64::from(area % 9 >= second);
    format!("+1{first}{second}{third}55501{:02}", number % 100)
}

/// A Chinese name of two to four characters.
pub fn chinese_name(draws: &mut Draws) -> String {
    let mut name = draws.pick(&SURNAMES, "王").to_string();
    name.push_str(draws.pick(&GIVEN, "文"));
    if draws.percent(75) {
        name.push_str(draws.pick(&GIVEN, "文"));
    }
    name
}

/// A Latin name whose middle name says that nobody bears it.
pub fn latin_name(draws: &mut Draws) -> String {
    let first = draws.pick(&FIRST, "Ada");
    format!("{first} Specimen {}", draws.pick(&FAMILY, "Lane"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;
    use std::collections::HashSet;

    #[test]
    fn known_resident_ids_have_their_check_character() {
        assert_eq!(resident_id_check("11010519491231002"), Some('X'));
        assert_eq!(resident_id_check("44052418800101001"), Some('4'));
        assert_eq!(resident_id_check("1101051949123100"), None);
        assert_eq!(resident_id_check("1101051949123100é"), None);
    }

    #[test]
    fn resident_ids_are_distinct_where_the_series_repeats() {
        let start = date(2024, 11, 1);
        let mut seen = HashSet::new();
        for round in 0..400_u32 {
            for place in [1, 77, 30_999] {
                let number = place + round * ID_SERIES as u32;
                assert!(
                    seen.insert(format!("{:?}", resident_id(number, birth_date(number, start))))
                );
            }
        }
    }

    #[test]
    fn phones_are_fiction_numbers_of_valid_area_codes() {
        for number in 0..70_000 {
            let phone = phone(number);
            let digits = phone.strip_prefix("+1").expect("North America");
            assert_eq!((digits.len(), &digits[3..8]), (10, "55501"), "{phone}");
            let area = &digits[..3];
            assert!(area.as_bytes()[0] >= b'2' && area.as_bytes()[1] != b'9', "{phone}");
            assert_ne!(area.as_bytes()[1], area.as_bytes()[2], "{phone}");
            assert!(!["37", "52", "96"].contains(&&area[..2]), "{phone}");
        }
    }

    #[test]
    fn an_age_makes_a_birth_date_of_that_age() {
        for number in 1..500 {
            let birth = birth_date_of_age(number, 24, date(2026, 11, 22));
            assert!(birth <= date(2002, 11, 22) && birth > date(2001, 11, 22), "{birth}");
        }
    }
}
