//! The outcome: a column of any two values, one of which means bad.

use std::collections::BTreeMap;

use super::error::ModelError;
use super::table::Column;
use crate::score::column::Cell;

/// Words for "it went bad", lower case.
const BAD_WORDS: [&str; 14] = [
    "bad",
    "true",
    "yes",
    "y",
    "default",
    "defaulted",
    "charged off",
    "delinquent",
    "b",
    "t",
    "fail",
    "failed",
    "loss",
    "bankrupt",
];

/// Who went bad.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The column.
    pub name: String,
    /// The value that means bad.
    pub positive: String,
    /// The other value.
    pub negative: String,
    /// Whether the meaning was guessed, not given.
    pub guessed: bool,
    /// One for each row.
    pub bad: Vec<bool>,
}

impl Target {
    /// Reads the outcome. Without `positive`, bad is the value that says so in words, else 1 of 0
    /// and 1, 2 of 1 and 2, else the rarer.
    ///
    /// # Errors
    /// A missing cell, a third value, one value only: with its row.
    pub fn read(column: &Column, positive: Option<&str>) -> Result<Target, ModelError> {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for row in 0..column.len() {
            let cell =
                |why: String| ModelError::Cell { column: column.name.clone(), row: row + 1, why };
            let Some(value) = text(column.cell(row)) else {
                let why = "the outcome is missing; leave such rows out before fitting";
                return Err(cell(why.to_string()));
            };
            if let Some(count) = counts.get_mut(&value) {
                *count += 1;
            } else if counts.len() < 2 {
                counts.insert(value, 1);
            } else {
                let known: Vec<&String> = counts.keys().collect();
                let why = format!(
                    "the outcome has a third value `{value}` beside `{}` and `{}`",
                    known[0], known[1]
                );
                return Err(cell(why));
            }
        }
        let values: Vec<(&String, &usize)> = counts.iter().collect();
        let [(first, a), (second, b)] = values[..] else {
            return Err(ModelError::Table(format!(
                "column `{}`: the outcome must have two values; it has {}",
                column.name,
                counts.len()
            )));
        };
        let is_bad = match positive {
            Some(wanted) => chosen(wanted, first, second, column)?,
            None => guessed((first, *a), (second, *b)),
        };
        let (positive_value, negative) =
            if is_bad == 0 { (first, second) } else { (second, first) };
        let bad = (0..column.len())
            .map(|row| text(column.cell(row)).is_some_and(|value| value == *positive_value));
        Ok(Target {
            name: column.name.clone(),
            positive: positive_value.clone(),
            negative: negative.clone(),
            guessed: positive.is_none(),
            bad: bad.collect(),
        })
    }

    /// How many went bad.
    pub fn bads(&self) -> usize {
        self.bad.iter().filter(|bad| **bad).count()
    }
}

fn text(cell: Cell<'_>) -> Option<String> {
    match cell {
        Cell::Missing => None,
        Cell::Number(number) => Some(number.text()),
        Cell::Text(text) => Some(text.to_string()),
    }
}

fn chosen(wanted: &str, first: &str, second: &str, column: &Column) -> Result<usize, ModelError> {
    let plain = |text: &str| {
        super::table::number::parse(text.trim().as_bytes(), false)
            .map(|(digits, decimals)| crate::score::column::Decimal { digits, decimals }.text())
            .unwrap_or_else(|| text.trim().to_ascii_lowercase())
    };
    let found = [first, second].iter().position(|value| plain(value) == plain(wanted));
    found.ok_or_else(|| {
        ModelError::Usage(format!(
            "--positive {wanted}: column `{}` has the values `{first}` and `{second}`",
            column.name
        ))
    })
}

fn guessed(first: (&String, usize), second: (&String, usize)) -> usize {
    let says_bad = |value: &str| {
        let value = value.to_ascii_lowercase();
        BAD_WORDS.contains(&value.as_str()) || value.starts_with("bad")
    };
    match (says_bad(first.0), says_bad(second.0)) {
        (true, false) => 0,
        (false, true) => 1,
        _ => match (first.0.as_str(), second.0.as_str()) {
            ("0", "1") | ("1", "2") | ("-1", "1") => 1,
            _ => usize::from(second.1 <= first.1),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::table::Data;

    fn words(cells: &[&str]) -> Column {
        let mut words: Vec<String> = cells.iter().map(|c| c.to_string()).collect();
        words.sort();
        words.dedup();
        let place = |cell: &&str| words.iter().position(|w| w == cell).map_or(0, |p| p as u32 + 1);
        let codes = cells.iter().map(place).collect();
        Column {
            name: "outcome".into(),
            data: Data::Words { codes, words },
            missing: 0,
            unread: None,
        }
    }

    #[test]
    fn any_two_values_are_an_outcome() {
        let read = |cells: &[&str]| Target::read(&words(cells), None).expect("two values");
        assert_eq!(read(&["good", "bad", "good"]).bad, [false, true, false]);
        assert_eq!(read(&["yes", "no"]).positive, "yes");
        assert_eq!(read(&["1", "2", "2"]).positive, "2");
        assert_eq!(read(&["p", "q", "p"]).positive, "q", "the rarer");
        let given = Target::read(&words(&["p", "q", "p"]), Some("P")).expect("two values");
        assert_eq!((given.positive.as_str(), given.guessed), ("p", false));
    }

    #[test]
    fn a_third_value_is_named_with_its_row() {
        let error = Target::read(&words(&["a", "b", "a", "c"]), None).expect_err("three values");
        assert!(error.to_string().contains("row 4"), "{error}");
        assert!(Target::read(&words(&["a", "a"]), None).is_err());
    }
}
