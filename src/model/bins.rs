//! Fine bins: how a column is divided before anything is fitted to it.
//!
//! A column becomes a code of one byte for each row. Numbers are cut at quantiles, at a round
//! number between two neighbours; missing and each special value have codes of their own, and so
//! has each category that is not too rare.

use std::collections::HashMap;

use super::error::ModelError;
use super::table::number::{parse, ten};
use super::table::{Column, Data, MISSING, WORD_0, is_mark};
use crate::score::column::{Cell, Decimal};

/// The most codes of one column.
pub const CODES_MAX: usize = 256;

/// How one column is divided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Form {
    /// Codes: the bins from the lowest on, then missing, then the special values.
    Numbers {
        /// Digits behind the point, in `cuts`.
        decimals: u32,
        /// Limits: a bin holds what is at or above its lower and below its upper limit.
        cuts: Vec<i64>,
        /// The special values as written.
        specials: Vec<String>,
    },
    /// Codes: the categories from the most frequent on, then any other, then missing.
    Words {
        /// The categories that have a code.
        categories: Vec<String>,
    },
}

/// One column in codes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Coded {
    /// The column's name.
    pub name: String,
    /// What the codes mean.
    pub form: Form,
    /// One for each row.
    pub codes: Vec<u8>,
}

impl Form {
    /// How many codes there are.
    pub fn count(&self) -> usize {
        match self {
            Form::Numbers { cuts, specials, .. } => cuts.len() + 2 + specials.len(),
            Form::Words { categories } => categories.len() + 2,
        }
    }

    /// How many codes, from 0 on, stand in the order of their values.
    pub fn ordered(&self) -> usize {
        match self {
            Form::Numbers { cuts, .. } => cuts.len() + 1,
            Form::Words { .. } => 0,
        }
    }

    /// The code of missing cells.
    pub fn missing(&self) -> usize {
        match self {
            Form::Numbers { cuts, .. } => cuts.len() + 1,
            Form::Words { categories } => categories.len() + 1,
        }
    }
}

/// How finely columns are divided.
#[derive(Clone, Copy, Debug)]
pub struct Fineness {
    /// The most bins of numbers.
    pub bins: usize,
    /// A category with fewer rows has no code of its own.
    pub category_rows: usize,
}

/// Divides a column.
///
/// # Errors
/// A word among numbers that is not one of the `specials`, with its row.
pub fn divide(
    column: &Column,
    specials: &[String],
    fineness: Fineness,
) -> Result<Coded, ModelError> {
    let (form, codes) = match &column.data {
        Data::Numbers { values, decimals, words, doubtful_row } => {
            if let Some(row) = doubtful_row {
                refuse_doubtful(column, *row, words, specials)?;
            }
            numbers(values, *decimals, words, specials, fineness)
        }
        Data::Words { codes, words } => categories(codes, words, fineness),
    };
    Ok(Coded { name: column.name.clone(), form, codes })
}

/// The codes of another table's column under a form that was found before. What the form does not
/// know is missing.
pub fn encode(column: &Column, form: &Form) -> Vec<u8> {
    let missing = form.missing() as u8;
    match (form, &column.data) {
        (Form::Numbers { decimals, cuts, specials }, Data::Numbers { words, .. }) => {
            let own = column_decimals(column);
            let marks: Vec<Option<i64>> =
                specials.iter().map(|s| value_of(s, own, words)).collect();
            let cuts: Vec<i64> = cuts.iter().map(|cut| rescaled_up(*cut, *decimals, own)).collect();
            let code = |value: &i64| match marks.iter().position(|mark| *mark == Some(*value)) {
                Some(place) => missing + 1 + place as u8,
                None if is_mark(*value) => missing,
                None => cuts.partition_point(|cut| cut <= value) as u8,
            };
            match &column.data {
                Data::Numbers { values, .. } => values.iter().map(code).collect(),
                Data::Words { .. } => Vec::new(),
            }
        }
        (Form::Words { categories }, _) => {
            let code = |row: usize| {
                let text = match column.cell(row) {
                    Cell::Missing => return missing,
                    Cell::Number(number) => number.text(),
                    Cell::Text(text) => text.to_string(),
                };
                let place = categories.iter().position(|c| *c == text);
                place.unwrap_or(categories.len()) as u8
            };
            (0..column.len()).map(code).collect()
        }
        (Form::Numbers { .. }, Data::Words { codes, .. }) => vec![missing; codes.len()],
    }
}

fn column_decimals(column: &Column) -> u32 {
    match &column.data {
        Data::Numbers { decimals, .. } => *decimals,
        Data::Words { .. } => 0,
    }
}

/// The least number of `to` decimals that is not below `value`, which has `from`.
pub fn rescaled_up(value: i64, from: u32, to: u32) -> i64 {
    if to >= from {
        return value.saturating_mul(ten(to - from));
    }
    let factor = ten(from - to);
    value.div_euclid(factor) + i64::from(value.rem_euclid(factor) != 0)
}

fn refuse_doubtful(
    column: &Column,
    row: usize,
    words: &[String],
    specials: &[String],
) -> Result<(), ModelError> {
    let Some(unknown) = words.iter().find(|word| !specials.contains(word)) else { return Ok(()) };
    let shown: String = unknown.chars().take(20).collect();
    Err(ModelError::Cell {
        column: column.name.clone(),
        row,
        why: format!(
            "`{shown}` is not a number, and nearly all of the column is; if it is meant, give \
             --special '{0}={shown}' or --categorical '{0}'",
            column.name
        ),
    })
}

fn numbers(
    values: &[i64],
    decimals: u32,
    words: &[String],
    specials: &[String],
    fineness: Fineness,
) -> (Form, Vec<u8>) {
    let mut names: Vec<String> = specials.to_vec();
    names.extend(words.iter().filter(|w| !specials.contains(w)).cloned());
    names.truncate(CODES_MAX / 4);
    let marks: Vec<Option<i64>> =
        names.iter().map(|name| value_of(name, decimals, words)).collect();
    let special = |value: i64| marks.iter().position(|mark| *mark == Some(value));
    let mut sorted: Vec<i64> = values.iter().copied().filter(|v| !is_mark(*v)).collect();
    if marks.iter().flatten().any(|mark| !is_mark(*mark)) {
        sorted.retain(|value| special(*value).is_none());
    }
    sorted.sort_unstable();
    let most = fineness.bins.min(CODES_MAX - 2 - names.len());
    let cuts = quantile_cuts(&sorted, most);
    let missing = (cuts.len() + 1) as u8;
    let plain = !marks.iter().any(Option::is_some);
    let code = |value: &i64| {
        if *value == MISSING {
            return missing;
        }
        match if plain { None } else { special(*value) } {
            Some(place) => missing + 1 + place as u8,
            None if is_mark(*value) => missing,
            None => cuts.partition_point(|cut| cut <= value) as u8,
        }
    };
    let codes = values.iter().map(code).collect();
    (Form::Numbers { decimals, cuts, specials: names }, codes)
}

/// The value by which a special value is stored in a column; `None` if it cannot occur there.
pub fn value_of(special: &str, decimals: u32, words: &[String]) -> Option<i64> {
    if let Some(place) = words.iter().position(|word| word == special) {
        return Some(WORD_0 + place as i64);
    }
    let (digits, own) = parse(special.as_bytes(), false)?;
    let plain = Decimal { digits, decimals: own };
    let scaled = match own <= decimals {
        true => digits.checked_mul(ten(decimals - own))?,
        false => digits.div_euclid(ten(own - decimals)),
    };
    let same = plain.compare(Decimal { digits: scaled, decimals }).is_eq();
    same.then_some(scaled)
}

/// Limits that part sorted values into at most `most` bins of about equal size. A value that many
/// rows share is a bin of its own.
pub fn quantile_cuts(sorted: &[i64], most: usize) -> Vec<i64> {
    let mut runs: Vec<(i64, usize)> = Vec::new();
    for value in sorted {
        match runs.last_mut() {
            Some((same, count)) if same == value => *count += 1,
            _ => runs.push((*value, 1)),
        }
    }
    let mut cuts = Vec::new();
    let (mut held, mut left, mut bins) = (0_usize, sorted.len(), most.max(1));
    let fine = runs.len() <= most;
    for pair in runs.windows(2) {
        let [(value, count), (next, next_count)] = pair else { continue };
        held += count;
        let share = left.div_ceil(bins.max(1));
        // Close before a large run that would overfill the bin more than it is lacking now.
        let overfull = (held + next_count).saturating_sub(share) > share.saturating_sub(held);
        if fine || (bins > 1 && (held >= share || overfull)) {
            cuts.push(round_between(*value, *next));
            left -= held;
            held = 0;
            bins -= usize::from(bins > 1);
        }
    }
    cuts
}

/// The roundest number above `low` and not above `high`, near the middle where there is room.
pub fn round_between(low: i64, high: i64) -> i64 {
    let gap = i128::from(high) - i128::from(low);
    let (low, high) = (i128::from(low), i128::from(high));
    if gap == 1 {
        return high as i64;
    }
    let (from, to) = (low + 1 + gap / 4, high - gap / 4);
    let middle = low + (gap + 1) / 2;
    let mut power = 10_i128.pow(18);
    while power > 1 {
        let nearest = (middle + power / 2).div_euclid(power) * power;
        if nearest >= from && nearest <= to {
            return nearest as i64;
        }
        power /= 10;
    }
    middle as i64
}

fn categories(codes: &[u32], words: &[String], fineness: Fineness) -> (Form, Vec<u8>) {
    let mut counts = vec![0_usize; words.len() + 1];
    codes.iter().for_each(|code| {
        if let Some(count) = counts.get_mut(*code as usize) {
            *count += 1;
        }
    });
    let mut kept: Vec<(usize, &String, usize)> = words
        .iter()
        .enumerate()
        .map(|(place, word)| (counts.get(place + 1).copied().unwrap_or(0), word, place))
        .filter(|(count, ..)| *count >= fineness.category_rows)
        .collect();
    kept.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(b.1)));
    kept.truncate(CODES_MAX - 2);
    let by_place: HashMap<usize, u8> =
        kept.iter().enumerate().map(|(code, (.., place))| (*place, code as u8)).collect();
    let (other, missing) = (kept.len() as u8, (kept.len() + 1) as u8);
    let table: Vec<u8> = (0..=words.len())
        .map(|code| match code.checked_sub(1) {
            None => missing,
            Some(place) => by_place.get(&place).copied().unwrap_or(other),
        })
        .collect();
    let categories = kept.iter().map(|(_, word, _)| (*word).clone()).collect();
    let coded = codes.iter().map(|c| table.get(*c as usize).copied().unwrap_or(missing)).collect();
    (Form::Words { categories }, coded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_are_round_and_lie_between_their_neighbours() {
        assert_eq!(round_between(1, 2), 2);
        assert_eq!(round_between(-1, 0), 0);
        assert_eq!(round_between(1_234_567, 1_412_345), 1_300_000);
        assert_eq!(round_between(10, 13), 12);
        for (low, high) in [(0, 5), (-7, 3), (99, 101), (1, i64::MAX), (-5, -4)] {
            let cut = round_between(low, high);
            assert!(low < cut && cut <= high, "{low} {cut} {high}");
        }
    }

    #[test]
    fn a_value_that_many_rows_share_is_a_bin_of_its_own() {
        let mut values = vec![0; 900];
        values.extend(1..=100);
        let cuts = quantile_cuts(&values, 10);
        assert_eq!(cuts[0], 1, "{cuts:?}");
        assert!((8..=10).contains(&cuts.len()), "{cuts:?}");
    }

    #[test]
    fn specials_and_missing_have_codes_of_their_own() {
        let column = Column {
            name: "x".into(),
            data: Data::Numbers {
                values: vec![-9, 1, 2, 3, MISSING, -9],
                decimals: 0,
                words: vec![],
                doubtful_row: None,
            },
            missing: 1,
            unread: None,
        };
        let fineness = Fineness { bins: 64, category_rows: 1 };
        let coded = divide(&column, &["-9".to_string()], fineness).expect("divided");
        assert_eq!(coded.codes, [4, 0, 1, 2, 3, 4]);
        assert_eq!((coded.form.count(), coded.form.missing()), (5, 3));
    }
}
