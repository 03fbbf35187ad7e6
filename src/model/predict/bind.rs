//! A characteristic and the column it is read from, made ready for many rows.

use std::collections::HashMap;

use crate::model::bins::{rescaled_up, value_of};
use crate::model::error::ModelError;
use crate::model::table::number::parse;
use crate::model::table::{Column, Data, MISSING, WORD_0, is_mark};
use crate::score::column::{Axis, Cell, Column as Kind, Decimal, Pair};
use crate::score::scorecard::Entry;

/// Where the points of a row come from.
enum Source<'a> {
    /// Numbers against limits.
    Limits { values: &'a [i64], limits: Limits },
    /// Numbers that are looked up whole: categories written as numbers.
    Listed { values: &'a [i64], points: HashMap<i64, i32> },
    /// Words, by their code.
    Words { codes: &'a [u32], points: Vec<i32> },
}

/// Limits between bins, and what each bin gives; what is found before them are marks.
struct Limits {
    /// Upper limits, in the column's decimals, filled up to a power of two with what no value
    /// reaches, so that the search takes the same steps for every row.
    cuts: Vec<i64>,
    gives: Vec<i32>,
    /// Special values and what they give.
    marks: Vec<(i64, i32)>,
    missing: i32,
}

impl Limits {
    fn new(
        mut cuts: Vec<i64>,
        mut gives: Vec<i32>,
        marks: Vec<(i64, i32)>,
        missing: i32,
    ) -> Limits {
        let last = gives.last().copied().unwrap_or(missing);
        let size = (cuts.len() + 1).next_power_of_two() - 1;
        cuts.resize(size, i64::MAX);
        gives.resize(size + 1, last);
        Limits { cuts, gives, marks, missing }
    }

    fn of(&self, value: i64) -> i32 {
        if is_mark(value) {
            return self.marked(value).unwrap_or(self.missing);
        }
        if !self.marks.is_empty()
            && let Some(points) = self.marked(value)
        {
            return points;
        }
        let mut place = 0;
        let mut step = self.gives.len() / 2;
        while step > 0 {
            let reached = self.cuts[place + step - 1] <= value;
            place += if reached { step } else { 0 };
            step /= 2;
        }
        self.gives[place]
    }

    fn marked(&self, value: i64) -> Option<i32> {
        self.marks.iter().find(|(mark, _)| *mark == value).map(|(_, points)| *points)
    }
}

/// A characteristic bound to its column.
pub struct Bound<'a> {
    /// Population-mean points.
    pub baseline: i32,
    source: Source<'a>,
}

impl<'a> Bound<'a> {
    /// Binds `entry` to `column`.
    ///
    /// # Errors
    /// The first cell that the entry has no points for, with its row.
    pub fn new(entry: &'a Entry, column: &'a Column) -> Result<Bound<'a>, ModelError> {
        if let Some(kind) = &column.unread {
            return Err(ModelError::Table(format!(
                "column `{}`: its type cannot be read: {kind}",
                column.name
            )));
        }
        let gives = |cell: Cell<'_>| entry.cell_points(cell);
        let source = match (&column.data, &entry.column) {
            (Data::Numbers { values, decimals, .. }, Some(Kind::Category { .. })) => {
                listed(column, values, *decimals, gives)?
            }
            (Data::Numbers { values, decimals, words, .. }, _) => {
                let own = entry.decimals();
                let cut = |to: i64| rescaled_up(to, own, *decimals);
                let cuts = entry.bins.iter().filter_map(|bin| bin.to).map(cut).collect();
                let points = entry.bins.iter().map(|bin| bin.points).collect();
                let marks = entry.specials().iter().filter_map(|special| {
                    Some((value_of(&special.value, *decimals, words)?, special.points))
                });
                let marks: Vec<(i64, i32)> = marks.collect();
                refuse_words(column, values, |mark| marks.iter().any(|(known, _)| *known == mark))?;
                Source::Limits { values, limits: Limits::new(cuts, points, marks, entry.no_data) }
            }
            (Data::Words { codes, words }, _) => {
                Source::Words { codes, points: by_word(column, codes, words, gives)? }
            }
        };
        Ok(Bound { baseline: entry.baseline, source })
    }

    /// The points of the rows from `at` on.
    pub fn points(&self, at: usize, out: &mut [i32]) {
        match &self.source {
            Source::Limits { values, limits } => {
                out.iter_mut().zip(&values[at..]).for_each(|(out, v)| *out = limits.of(*v));
            }
            Source::Listed { values, points } => {
                let rows = out.iter_mut().zip(&values[at..]);
                rows.for_each(|(out, v)| *out = points.get(v).copied().unwrap_or(0));
            }
            Source::Words { codes, points } => {
                let rows = out.iter_mut().zip(&codes[at..]);
                rows.for_each(|(out, code)| {
                    *out = points.get(*code as usize).copied().unwrap_or(0);
                });
            }
        }
    }
}

/// A word as the cell it is: a number where it is written like one.
fn cell_of(word: &str) -> Cell<'_> {
    match parse(word.as_bytes(), false) {
        Some((digits, decimals)) => Cell::Number(Decimal { digits, decimals }),
        None => Cell::Text(word),
    }
}

/// What each code of a column of words gives.
fn by_word<T>(
    column: &Column,
    codes: &[u32],
    words: &[String],
    gives: impl Fn(Cell<'_>) -> Option<T>,
) -> Result<Vec<T>, ModelError> {
    let mut out = Vec::with_capacity(words.len() + 1);
    out.extend(gives(Cell::Missing));
    for (place, word) in words.iter().enumerate() {
        let given = gives(cell_of(word)).ok_or_else(|| {
            let row = codes.iter().position(|code| *code as usize == place + 1);
            not_a_number(column, row.unwrap_or(0), word)
        })?;
        out.push(given);
    }
    Ok(out)
}

/// What each number of a column gives that is looked up whole.
fn listed<'a>(
    column: &Column,
    values: &'a [i64],
    decimals: u32,
    gives: impl Fn(Cell<'_>) -> Option<i32>,
) -> Result<Source<'a>, ModelError> {
    let mut points = HashMap::new();
    for (row, value) in values.iter().enumerate() {
        if !points.contains_key(value) {
            let cell = match *value {
                MISSING => Cell::Missing,
                value if is_mark(value) => column.cell(row),
                digits => Cell::Number(Decimal { digits, decimals }),
            };
            points.insert(*value, gives(cell).unwrap_or(0));
        }
    }
    Ok(Source::Listed { values, points })
}

fn refuse_words(
    column: &Column,
    values: &[i64],
    known: impl Fn(i64) -> bool,
) -> Result<(), ModelError> {
    let Data::Numbers { words, .. } = &column.data else { return Ok(()) };
    for (place, word) in words.iter().enumerate() {
        let mark = WORD_0 + place as i64;
        if !known(mark) {
            let row = values.iter().position(|value| *value == mark).unwrap_or(0);
            return Err(not_a_number(column, row, word));
        }
    }
    Ok(())
}

fn not_a_number(column: &Column, row: usize, word: &str) -> ModelError {
    let shown: String = word.chars().take(20).collect();
    ModelError::Cell {
        column: column.name.clone(),
        row: row + 1,
        why: format!("`{shown}` is not a number, and the scorecard reads numbers here"),
    }
}

/// A two-way table bound to its columns.
pub struct BoundPair<'a> {
    /// Population-mean points.
    pub baseline: i32,
    places: [Bound<'a>; 2],
    points: Vec<i32>,
    width: usize,
}

impl<'a> BoundPair<'a> {
    /// Binds a two-way table.
    ///
    /// # Errors
    /// The first cell that has no place on an axis, with its row.
    pub fn new(
        pair: &'a Pair,
        first: (&'a Entry, &'a Column),
        second: (&'a Entry, &'a Column),
    ) -> Result<BoundPair<'a>, ModelError> {
        let [a, b] = &pair.axes;
        Ok(BoundPair {
            baseline: pair.baseline,
            places: [axis(a, first)?, axis(b, second)?],
            points: pair.points.iter().flatten().copied().collect(),
            width: b.places(),
        })
    }

    /// The points of the rows from `at` on.
    pub fn points(&self, at: usize, out: &mut [i32]) {
        let mut other = [0_i32; super::RUN_ROWS];
        let other = &mut other[..out.len()];
        self.places[0].points(at, out);
        self.places[1].points(at, other);
        for (out, other) in out.iter_mut().zip(other) {
            let place = *out as usize * self.width + *other as usize;
            *out = self.points.get(place).copied().unwrap_or(0);
        }
    }
}

/// An axis as if it were a characteristic whose points are places.
fn axis<'a>(
    axis: &'a Axis,
    (entry, column): (&'a Entry, &'a Column),
) -> Result<Bound<'a>, ModelError> {
    let place = |cell: Cell<'_>| axis.place(entry, cell).map(|place| place as i32);
    let source = match &column.data {
        Data::Numbers { values, decimals, .. } if !axis.groups.is_empty() => {
            listed(column, values, *decimals, place)?
        }
        Data::Numbers { values, decimals, words, .. } => {
            let own = entry.decimals();
            let cuts = axis.cuts.iter().map(|cut| rescaled_up(*cut, own, *decimals)).collect();
            let missing = axis.missing() as i32;
            let marks = entry.specials().iter();
            let marks =
                marks.filter_map(|s| Some((value_of(&s.value, *decimals, words)?, missing)));
            let gives = (0..=axis.cuts.len() as i32).collect();
            Source::Limits { values, limits: Limits::new(cuts, gives, marks.collect(), missing) }
        }
        Data::Words { codes, words } => {
            Source::Words { codes, points: by_word(column, codes, words, place)? }
        }
    };
    Ok(Bound { baseline: 0, source })
}
