//! `column IN (…)` for SQLite with all keys in one bound value.
//!
//! Diesel writes a placeholder a key there, so that each number of keys is another statement, which
//! SQLite prepares anew every time: for the sequencer's small batches that costs more than the
//! look-up. As a JSON array the keys are one value, and the statement is prepared once.

use diesel::expression::{AppearsOnTable, Expression, SelectableExpression, ValidGrouping};
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::result::QueryResult;
use diesel::sql_types::{Bool, Text};
use diesel::sqlite::Sqlite;

/// What can stand in a set of keys.
pub trait Key {
    /// Whether it is bytes rather than text.
    const IS_BLOB: bool;
    /// The key as text: itself, or its bytes in hexadecimal.
    fn text(&self) -> String;
}

impl Key for &str {
    const IS_BLOB: bool = false;
    fn text(&self) -> String {
        (*self).to_string()
    }
}

impl Key for String {
    const IS_BLOB: bool = false;
    fn text(&self) -> String {
        self.clone()
    }
}

impl Key for &[u8] {
    const IS_BLOB: bool = true;
    fn text(&self) -> String {
        crate::kernel::bytes::hex(self)
    }
}

impl Key for Vec<u8> {
    const IS_BLOB: bool = true;
    fn text(&self) -> String {
        crate::kernel::bytes::hex(self)
    }
}

/// The condition that a column is one of some keys.
#[derive(Debug)]
pub struct OneOf<C> {
    column: C,
    keys: String,
    is_blob: bool,
}

/// The condition that `column` is one of `keys`.
pub fn one_of<C, K: Key>(column: C, keys: &[K]) -> OneOf<C> {
    let texts: Vec<String> = keys.iter().map(Key::text).collect();
    let keys = serde_json::Value::from(texts).to_string();
    OneOf { column, keys, is_blob: K::IS_BLOB }
}

impl<C: Expression> Expression for OneOf<C> {
    type SqlType = Bool;
}

impl<C: QueryId> QueryId for OneOf<C> {
    type QueryId = ();
    // Known by its text: text and blob keys differ in it.
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<C, G> ValidGrouping<G> for OneOf<C> {
    type IsAggregate = diesel::expression::is_aggregate::No;
}

impl<C, Q> AppearsOnTable<Q> for OneOf<C> where C: AppearsOnTable<Q> {}
impl<C, Q> SelectableExpression<Q> for OneOf<C> where C: SelectableExpression<Q> {}

impl<C: QueryFragment<Sqlite>> QueryFragment<Sqlite> for OneOf<C> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        self.column.walk_ast(out.reborrow())?;
        let keys = if self.is_blob { "unhex(value)" } else { "value" };
        out.push_sql(" IN (SELECT ");
        out.push_sql(keys);
        out.push_sql(" FROM json_each(");
        out.push_bind_param::<Text, _>(&self.keys)?;
        out.push_sql("))");
        Ok(())
    }
}
