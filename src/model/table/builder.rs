//! A column in the making: its type is found while its cells come in.
//!
//! A column is numbers until too much of it is not. Numbers are whole digits under one number of
//! decimals for the whole column, which grows as cells with more decimals come, and shrinks (the
//! rest cut towards minus infinity) where fifteen digits would not do.

use std::collections::{HashMap, HashSet};

use super::number::{LARGEST, parse, ten};
use super::{Column, Data, MISSING, WORD_0, is_mark};

/// Digits of one number that are kept exactly: as many as a double holds.
const EXACT: i64 = 1_000_000_000_000_000;
/// Different words that a column of numbers may hold.
const WORDS_MAX: usize = 1_000;
/// A column with fewer different numbers than this and words among them is categories.
const NUMBERS_FEW: usize = 20;
/// Up to so many different words among numbers are taken as special values.
const SPECIALS_MAX: usize = 8;

/// A column in the making.
pub struct Builder {
    name: String,
    comma: bool,
    decimals: u32,
    /// The decimals that no cell takes away.
    floor: u32,
    /// Whether the number of decimals was ever cut: then it never grows again.
    capped: bool,
    largest: i64,
    values: Vec<i64>,
    words: Vec<String>,
    index: HashMap<String, u32>,
    /// Cells that are words, and the first row that held one.
    odd: usize,
    first_odd: usize,
    missing: usize,
    text: Option<Vec<u32>>,
    unread: Option<String>,
}

impl Builder {
    /// An empty column. With `comma`, a comma is the decimal point. It has `floor` decimals at
    /// least: those of the limits it is held against, so that one huge cell cannot move the others
    /// into another bin.
    pub fn new(name: &str, comma: bool, floor: u32) -> Builder {
        Builder {
            name: name.to_string(),
            comma,
            decimals: floor,
            floor,
            capped: false,
            largest: 0,
            values: Vec::new(),
            words: Vec::new(),
            index: HashMap::new(),
            odd: 0,
            first_odd: 0,
            missing: 0,
            text: None,
            unread: None,
        }
    }

    /// The decimals of the numbers so far.
    pub fn decimals(&self) -> u32 {
        self.decimals
    }

    /// The column is of a type that has no cells to read, such as lists.
    pub fn refuse(&mut self, kind: &str) {
        self.unread.get_or_insert_with(|| kind.chars().take(60).collect());
    }

    /// A cell as written.
    pub fn cell(&mut self, cell: &[u8]) {
        let cell = cell.trim_ascii();
        if is_missing(cell) {
            self.missing();
        } else if let Some((digits, decimals)) = parse(cell, self.comma) {
            self.number(digits, decimals);
        } else {
            let word = String::from_utf8_lossy(cell);
            let lower = word.to_ascii_lowercase();
            let boolean = lower == "true" || lower == "false";
            self.word(if boolean { &lower } else { &word });
        }
    }

    /// A missing cell.
    pub fn missing(&mut self) {
        self.missing += 1;
        match &mut self.text {
            Some(codes) => codes.push(0),
            None => self.values.push(MISSING),
        }
    }

    /// A number.
    pub fn number(&mut self, digits: i64, decimals: u32) {
        if self.text.is_some() {
            let written = crate::score::column::Decimal { digits, decimals }.text();
            self.code(&written);
            return;
        }
        if decimals <= self.decimals
            && let Some(scaled) = digits.checked_mul(ten(self.decimals - decimals))
            && scaled.abs() < EXACT
        {
            self.largest = self.largest.max(scaled.abs());
            self.values.push(scaled);
            return;
        }
        let (mut digits, mut decimals) = (digits, decimals);
        while decimals > 0 && digits % 10 == 0 {
            (digits, decimals) = (digits / 10, decimals - 1);
        }
        if decimals > self.decimals && !self.capped {
            self.widen(decimals);
        }
        if decimals > self.decimals {
            digits = digits.div_euclid(ten(decimals - self.decimals));
            decimals = self.decimals;
        }
        let grown = |of: u32| i128::from(digits) * i128::from(ten(of - decimals));
        let least = decimals.max(self.floor);
        while self.decimals > least && grown(self.decimals).abs() >= i128::from(EXACT) {
            self.narrow();
        }
        // beyond every limit of eighteen digits, and no mark
        let most = i128::from(LARGEST);
        let mut digits = grown(self.decimals.max(decimals)).clamp(-most, most) as i64;
        while self.decimals > self.floor && digits.abs() >= EXACT {
            self.narrow();
            digits = digits.div_euclid(10);
        }
        self.largest = self.largest.max(digits.abs());
        self.values.push(digits);
    }

    /// Makes room for `wanted` decimals, or for as many as fit.
    fn widen(&mut self, wanted: u32) {
        let fits = |d: u32| {
            i128::from(self.largest) * i128::from(ten(d - self.decimals)) < i128::from(EXACT)
        };
        let Some(reached) = (self.decimals..=wanted).rev().find(|d| fits(*d)) else {
            self.capped = true;
            return;
        };
        self.capped = reached < wanted;
        let factor = ten(reached - self.decimals);
        self.values.iter_mut().filter(|v| !is_mark(**v)).for_each(|v| *v *= factor);
        self.largest *= factor;
        self.decimals = reached;
    }

    fn narrow(&mut self) {
        self.capped = true;
        self.decimals -= 1;
        self.values.iter_mut().filter(|v| !is_mark(**v)).for_each(|v| *v = v.div_euclid(10));
        self.largest /= 10;
    }

    /// A word: a category, a special value among numbers, or a mistake.
    pub fn word(&mut self, word: &str) {
        if self.text.is_some() {
            self.code(word);
            return;
        }
        if self.odd == 0 {
            self.first_odd = self.values.len() + 1;
        }
        self.odd += 1;
        let place = self.place(word);
        self.values.push(WORD_0 + i64::from(place));
        let present = self.values.len() - self.missing;
        if (self.odd > 64 && self.odd * 10 > present) || self.words.len() > WORDS_MAX {
            self.become_words();
        }
    }

    fn place(&mut self, word: &str) -> u32 {
        if let Some(place) = self.index.get(word) {
            return *place;
        }
        let place = self.words.len() as u32;
        self.words.push(word.to_string());
        self.index.insert(word.to_string(), place);
        place
    }

    fn code(&mut self, word: &str) {
        let place = self.place(word);
        if let Some(codes) = &mut self.text {
            codes.push(place + 1);
        }
    }

    fn become_words(&mut self) {
        let values = std::mem::take(&mut self.values);
        let decimals = self.decimals;
        self.text = Some(Vec::with_capacity(values.len()));
        let mut last: Option<(i64, u32)> = None;
        for value in values {
            let code = match (value, last) {
                (MISSING, _) => 0,
                (value, _) if is_mark(value) => (value - WORD_0) as u32 + 1,
                (value, Some((same, code))) if same == value => code,
                (value, _) => {
                    let number = crate::score::column::Decimal { digits: value, decimals };
                    self.place(&number.text()) + 1
                }
            };
            last = Some((value, code));
            if let Some(codes) = &mut self.text {
                codes.push(code);
            }
        }
    }

    /// The column. `categories` makes categories of whatever it holds.
    pub fn finish(mut self, categories: bool) -> Column {
        let present = self.values.len() - self.missing.min(self.values.len());
        let mut words_doubtful = false;
        if self.text.is_none() && self.odd > 0 {
            let numbers: HashSet<i64> =
                self.values.iter().copied().filter(|v| !is_mark(*v)).take(100_000).collect();
            words_doubtful = self.odd * 100 < present;
            let few = numbers.len() <= NUMBERS_FEW && !(words_doubtful && numbers.len() > 2);
            let many_words = self.words.len() > SPECIALS_MAX && !words_doubtful;
            if few || many_words {
                self.become_words();
            }
        }
        if categories && self.text.is_none() {
            self.become_words();
        }
        let missing = self.missing;
        let data = match self.text {
            Some(codes) => Data::Words { codes, words: self.words },
            None => Data::Numbers {
                values: self.values,
                decimals: self.decimals,
                words: self.words,
                doubtful_row: (words_doubtful && self.odd > 0).then_some(self.first_odd),
            },
        };
        Column { name: self.name, data, missing, unread: self.unread }
    }
}

/// Whether a cell is one of the spellings of "missing".
pub fn is_missing(cell: &[u8]) -> bool {
    const SPELLINGS: [&str; 22] = [
        "", "na", "n/a", "nan", "null", "?", ".", "-", "--", "#n/a", "#n/a n/a", "<na>", "\\n",
        "missing", "-nan", "#div/0!", "#value!", "#ref!", "#name?", "#num!", "#null!", "nil",
    ];
    if cell.len() > 8 || cell.first().is_some_and(u8::is_ascii_digit) {
        return false;
    }
    // `None` is how Python writes it; `none` is a category of its own in some tables
    cell == b"None" || SPELLINGS.iter().any(|s| cell.eq_ignore_ascii_case(s.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(cells: &[&str]) -> Column {
        let mut builder = Builder::new("x", false, 0);
        cells.iter().for_each(|cell| builder.cell(cell.as_bytes()));
        builder.finish(false)
    }

    #[test]
    fn the_decimals_of_a_column_are_those_of_its_longest_number() {
        let Data::Numbers { values, decimals, .. } = column(&["1", "2.5", "NA", "0.125"]).data
        else {
            panic!("numbers")
        };
        assert_eq!((values, decimals), (vec![1000, 2500, MISSING, 125], 3));
    }

    #[test]
    fn large_numbers_cost_the_small_ones_their_last_decimals() {
        let cells = ["0.123456789012345", "-0.123456789012345", "50708.5"];
        let Data::Numbers { values, decimals, .. } = column(&cells).data else { panic!("numbers") };
        assert_eq!(decimals, 10);
        assert_eq!(values, [1_234_567_890, -1_234_567_891, 507_085_000_000_000]);
    }

    #[test]
    fn one_huge_cell_takes_no_decimals_below_those_that_are_needed() {
        let mut builder = Builder::new("x", false, 2);
        for cell in ["0.57", "99999999999999999", "-1e30", "0.5", "3"] {
            builder.cell(cell.as_bytes());
        }
        let Data::Numbers { values, decimals, .. } = builder.finish(false).data else {
            panic!("numbers")
        };
        assert_eq!(decimals, 2);
        assert_eq!(values, [57, LARGEST, -LARGEST, 50, 300]);
        assert!(!values.iter().any(|value| is_mark(*value)));
    }

    #[test]
    fn words_make_categories_and_numbers_among_them_are_written_plainly() {
        let Data::Words { words, codes } = column(&["1.0", "2", "3+", "?"]).data else {
            panic!("words")
        };
        assert_eq!(codes, [2, 3, 1, 0]);
        assert_eq!(words, ["3+", "1", "2"]);
    }

    #[test]
    fn one_word_among_many_numbers_is_doubtful() {
        let mut cells: Vec<String> = (0..300).map(|i| i.to_string()).collect();
        cells[36] = "abc".to_string();
        let cells: Vec<&str> = cells.iter().map(String::as_str).collect();
        let Data::Numbers { doubtful_row, words, .. } = column(&cells).data else {
            panic!("numbers")
        };
        assert_eq!((doubtful_row, words), (Some(37), vec!["abc".to_string()]));
    }
}
