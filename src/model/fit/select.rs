//! Which columns are tried at all, and why the others are not.

use serde::Serialize;

use super::Order;
use crate::model::dataset::SOURCE;
use crate::model::error::ModelError;
use crate::model::table::{Column, Data, Table, is_mark};

/// A column that is not tried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// The column.
    pub name: String,
    /// Why.
    pub why: String,
}

/// The columns to try, by place, and those that are not.
///
/// # Errors
/// A name in the order that is no column, or nothing to try.
pub fn select(table: &Table, order: &Order) -> Result<(Vec<usize>, Vec<LeftOut>), ModelError> {
    check_names(table, order)?;
    let mut tried = Vec::new();
    let mut out = Vec::new();
    for (place, column) in table.columns.iter().enumerate() {
        if column.name == order.target {
            continue;
        }
        let kept = order.like.as_ref().is_none_or(|former| {
            let of = |name: &str| former.characteristics.iter().any(|entry| entry.name == name);
            of(&column.name) || column.name == SOURCE
        });
        let why = if order.exclude.contains(&column.name) {
            Some("excluded")
        } else if !kept {
            Some("not in the former scorecard")
        } else if !order.dimensions.is_empty() && !order.dimensions.contains_key(&column.name) {
            Some("in no dimension")
        } else {
            unusable(column)
        };
        let unread = column.unread.as_ref().filter(|_| why == Some("empty"));
        let unread = unread.map(|kind| format!("its type cannot be read: {kind}"));
        match unread.or(why.map(String::from)) {
            Some(why) => out.push(LeftOut { name: column.name.clone(), why }),
            None => tried.push(place),
        }
    }
    if tried.is_empty() {
        return Err(ModelError::Table("no column is left to fit".to_string()));
    }
    Ok((tried, out))
}

fn check_names(table: &Table, order: &Order) -> Result<(), ModelError> {
    let named = order
        .exclude
        .iter()
        .chain(&order.categorical)
        .chain(order.special.keys())
        .chain(order.monotone.keys())
        .chain(order.dimensions.keys());
    for name in named {
        table.column(name)?;
    }
    for (name, _) in order.monotone.iter() {
        if matches!(table.column(name)?.data, Data::Words { .. }) {
            return Err(ModelError::Usage(format!("--monotone {name}: it holds categories")));
        }
    }
    Ok(())
}

fn unusable(column: &Column) -> Option<&'static str> {
    let rows = column.len();
    if column.missing == rows {
        return Some("empty");
    }
    match &column.data {
        Data::Numbers { values, words, .. } => {
            let mut numbers = values.iter().copied().filter(|v| !is_mark(*v));
            let first = numbers.next();
            let constant = numbers.all(|value| Some(value) == first);
            if constant && column.missing == 0 && words.is_empty() {
                return Some("the same in every row");
            }
            let running = values
                .windows(2)
                .all(|pair| !is_mark(pair[0]) && pair[1] == pair[0].saturating_add(1));
            (running && rows > 2).then_some("a running number")
        }
        Data::Words { words, .. } => {
            let present = rows - column.missing;
            if words.len() == 1 && column.missing == 0 {
                return Some("the same in every row");
            }
            (words.len() > 20 && words.len() * 2 > present).then_some("a name: no value repeats")
        }
    }
}
