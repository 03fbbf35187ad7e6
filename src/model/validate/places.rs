//! Which bin of the printed table each row of a column is in.

use std::collections::HashMap;

use crate::model::table::Column;
use crate::score::column::{Cell, Column as Kind, Decimal, parsed};
use crate::score::scorecard::Entry;

/// The place of each row: the bins or groups first (and the place of any other category), then
/// the special values, then missing.
pub fn places(entry: &Entry, column: &Column) -> Vec<u16> {
    let mut known: HashMap<Cell<'_>, u16> = HashMap::new();
    let place = |row: usize| {
        let cell = column.cell(row);
        *known.entry(cell).or_insert_with(|| place(entry, cell))
    };
    (0..column.len()).map(place).collect()
}

/// The place of one cell.
fn place(entry: &Entry, cell: Cell<'_>) -> u16 {
    let (found, missing) = match &entry.column {
        Some(Kind::Category { group, .. }) => {
            let written = match cell {
                Cell::Number(number) => number.text(),
                Cell::Text(text) => text.to_string(),
                Cell::Missing => return group.len() as u16 + 1,
            };
            let found = group.iter().position(|g| g.values.contains(&written));
            (Some(found.unwrap_or(group.len())), group.len() + 1)
        }
        _ => {
            let specials = entry.specials();
            let bins = entry.bins.len();
            let is = |value: &str| match cell {
                Cell::Number(n) => parsed(value).is_some_and(|s| s.compare(n).is_eq()),
                Cell::Text(text) => value == text,
                Cell::Missing => false,
            };
            let special = specials.iter().position(|s| is(&s.value)).map(|at| bins + at);
            let bin = || match cell {
                Cell::Number(n) => {
                    let decimals = entry.decimals();
                    let below = |to: i64| n.compare(Decimal { digits: to, decimals }).is_lt();
                    entry.bins.iter().position(|bin| bin.to.is_none_or(below))
                }
                _ => None,
            };
            (special.or_else(bin), bins + specials.len())
        }
    };
    found.unwrap_or(missing) as u16
}
