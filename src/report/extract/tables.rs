//! From an opened entry to a row of a table, and from rows to Arrow batches.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanBuilder, FixedSizeBinaryBuilder, Int64Builder, ListBuilder, RecordBatch,
    StringBuilder, TimestampMicrosecondBuilder,
};
use arrow::datatypes::{Field, SchemaRef};
use arrow::error::ArrowError;

use crate::kernel::Time;
use crate::kernel::bytes::Digest;

use super::entry::Opened;
use super::json::Json;
use super::schema::{EntryMember, FieldSchema, FieldType, Part, Source, TableSchema};

/// Rows that are gathered before they are written or compared.
pub(crate) const BATCH_ROWS: usize = 8_192;

/// Bytes of JSON after which a batch is closed early, so that memory has a bound.
const BATCH_TEXT_BYTES: usize = 16 << 20;

/// A column that is being filled.
enum Column {
    Int(Int64Builder),
    Text(StringBuilder),
    Flag(BooleanBuilder),
    Time(TimestampMicrosecondBuilder),
    Hash(FixedSizeBinaryBuilder),
    Texts(ListBuilder<StringBuilder>),
    Ints(ListBuilder<Int64Builder>),
}

/// A value that an entry itself has.
enum Member<'a> {
    Int(i64),
    Text(&'a str),
    Time(Time),
    Hash(&'a Digest),
    None,
}

/// Follows names of members inwards; a null is no value.
fn walk<'v, 'a>(value: &'v Json<'a>, path: &[String]) -> Option<&'v Json<'a>> {
    let found = path.iter().try_fold(value, |value, name| value.get(name.as_str()))?;
    Some(found).filter(|value| !matches!(value, Json::Null))
}

/// The value at a JSON source, before a `*` where it has one.
fn find<'v, 'a>(source: &Source, entry: &'v Opened<'a>) -> Option<&'v Json<'a>> {
    match source {
        Source::Entry(_) => None,
        Source::Json { part: Part::Record, path, .. } => walk(&entry.record, path),
        Source::Json { part: Part::Detail, path, .. } => walk(&entry.detail, path),
    }
}

fn member<'a>(member: EntryMember, entry: &'a Opened<'_>) -> Member<'a> {
    let view = &entry.view;
    match member {
        EntryMember::Index => Member::Int(i64::try_from(view.index).unwrap_or(i64::MAX)),
        EntryMember::PublicKind => Member::Text(view.leaf.kind.as_str()),
        EntryMember::Time => Member::Time(view.leaf.time),
        EntryMember::Packs => Member::Hash(&view.leaf.packs),
        EntryMember::Commitment => Member::Hash(&view.leaf.commitment),
        EntryMember::LeafHash => Member::Hash(&entry.leaf_hash),
        EntryMember::RecordSalt => Member::Hash(view.record_salt),
        EntryMember::Record => Member::Text(view.record),
        EntryMember::DetailSalt => view.detail.map_or(Member::None, |d| Member::Hash(d.0)),
        EntryMember::Detail => view.detail.map_or(Member::None, |d| Member::Text(d.1)),
        EntryMember::PersonalHash => Member::Hash(view.personal_hash),
    }
}

/// All elements of a list, each read by `read`; `None` when one cannot be.
fn each<'v, 'a, T>(
    value: &'v Json<'a>,
    inner: &[String],
    read: impl Fn(&'v Json<'a>) -> Option<T>,
) -> Option<Vec<T>> {
    let Json::List(elements) = value else { return None };
    elements.iter().map(|element| read(walk(element, inner)?)).collect()
}

/// The names of an object's members, as the text has them.
fn names<'v>(value: &'v Json<'_>) -> Option<Vec<&'v str>> {
    let Json::Object(members) = value else { return None };
    Some(members.iter().map(|member| &*member.0).collect())
}

/// The values of an object's members, in the same order.
fn counts(value: &Json<'_>) -> Option<Vec<i64>> {
    let Json::Object(members) = value else { return None };
    members.iter().map(|member| member.1.as_i64()).collect()
}

impl Column {
    fn new(kind: FieldType) -> Column {
        let element = |of: FieldType| Arc::new(Field::new("element", of.arrow(), true));
        match kind {
            FieldType::Int => Column::Int(Int64Builder::new()),
            FieldType::Text => Column::Text(StringBuilder::new()),
            FieldType::Flag => Column::Flag(BooleanBuilder::new()),
            FieldType::Time => {
                Column::Time(TimestampMicrosecondBuilder::new().with_timezone("UTC"))
            }
            FieldType::Hash => Column::Hash(FixedSizeBinaryBuilder::new(32)),
            FieldType::Texts => Column::Texts(
                ListBuilder::new(StringBuilder::new()).with_field(element(FieldType::Text)),
            ),
            FieldType::Ints => Column::Ints(
                ListBuilder::new(Int64Builder::new()).with_field(element(FieldType::Int)),
            ),
        }
    }

    /// Appends a value of the entry itself; `false` when it is of another type.
    fn append_member(&mut self, value: Member<'_>) -> bool {
        match (self, value) {
            (Column::Int(column), Member::Int(value)) => column.append_value(value),
            (Column::Text(column), Member::Text(value)) => column.append_value(value),
            (Column::Time(column), Member::Time(value)) => column.append_value(value.micros()),
            (Column::Hash(column), Member::Hash(value)) => {
                return column.append_value(value).is_ok();
            }
            _ => return false,
        }
        true
    }

    /// Appends a JSON value; `false` when it is of another type.
    fn append_json(&mut self, value: &Json<'_>, inner: &[String]) -> bool {
        let read = match self {
            Column::Int(column) => value.as_i64().map(|value| column.append_value(value)),
            Column::Text(column) => value.as_str().map(|value| column.append_value(value)),
            Column::Flag(column) => match value {
                Json::Flag(value) => {
                    column.append_value(*value);
                    Some(())
                }
                _ => None,
            },
            Column::Time(column) => value
                .as_str()
                .and_then(|text| text.parse::<Time>().ok())
                .map(|time| column.append_value(time.micros())),
            Column::Hash(_) => None,
            Column::Texts(column) => names(value)
                .or_else(|| each(value, inner, Json::as_str))
                .map(|texts| column.append_value(texts.into_iter().map(Some))),
            Column::Ints(column) => counts(value)
                .or_else(|| each(value, inner, Json::as_i64))
                .map(|ints| column.append_value(ints.into_iter().map(Some))),
        };
        read.is_some()
    }

    fn append_null(&mut self) {
        match self {
            Column::Int(column) => column.append_null(),
            Column::Text(column) => column.append_null(),
            Column::Flag(column) => column.append_null(),
            Column::Time(column) => column.append_null(),
            Column::Hash(column) => column.append_null(),
            Column::Texts(column) => column.append_null(),
            Column::Ints(column) => column.append_null(),
        }
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            Column::Int(column) => Arc::new(column.finish()),
            Column::Text(column) => Arc::new(column.finish()),
            Column::Flag(column) => Arc::new(column.finish()),
            Column::Time(column) => Arc::new(column.finish()),
            Column::Hash(column) => Arc::new(column.finish()),
            Column::Texts(column) => Arc::new(column.finish()),
            Column::Ints(column) => Arc::new(column.finish()),
        }
    }
}

/// Appends the field's value, or null; `true` when something stood there that is of another type.
fn append(column: &mut Column, field: &FieldSchema, entry: &Opened<'_>) -> bool {
    let mut misfit = false;
    for source in &field.from {
        let done = match source {
            Source::Entry(name) => column.append_member(member(*name, entry)),
            Source::Json { inner, .. } => find(source, entry).is_some_and(|value| {
                let read = column.append_json(value, inner);
                misfit |= !read;
                read
            }),
        };
        if done {
            return false;
        }
    }
    column.append_null();
    misfit
}

/// Makes the rows of one table.
pub(crate) struct Projector {
    table: Arc<TableSchema>,
    schema: SchemaRef,
    columns: Vec<Column>,
    rows: usize,
    text_bytes: usize,
    /// Values so far that were of another type than their column, and became null.
    pub(crate) unreadable: u64,
}

impl Projector {
    pub(crate) fn new(table: Arc<TableSchema>) -> Projector {
        let columns = table.fields.iter().map(|field| Column::new(field.kind)).collect();
        let schema = table.arrow();
        Projector { table, schema, columns, rows: 0, text_bytes: 0, unreadable: 0 }
    }

    fn takes(&self, entry: &Opened<'_>) -> bool {
        let text = |name: &str| entry.record.get(name).and_then(Json::as_str);
        let kind = entry.kind();
        let holds = |rule: &super::schema::RowRule| {
            kind == Some(rule.kind.as_str())
                && rule.equals.iter().all(|(name, value)| text(name) == Some(value))
                && (rule.present.is_empty()
                    || rule.present.iter().any(|source| find(source, entry).is_some()))
        };
        self.table.rows.is_empty() || self.table.rows.iter().any(holds)
    }

    /// Adds the entry's row if it makes one. `true` when the batch should be taken now.
    pub(crate) fn push(&mut self, entry: &Opened<'_>) -> bool {
        if self.takes(entry) {
            for (column, field) in self.columns.iter_mut().zip(&self.table.fields) {
                self.unreadable += u64::from(append(column, field, entry));
            }
            self.rows += 1;
            let detail = entry.view.detail.map_or(0, |detail| detail.1.len());
            self.text_bytes += entry.view.record.len() + detail;
        }
        self.rows >= BATCH_ROWS || self.text_bytes >= BATCH_TEXT_BYTES
    }

    /// The rows so far; begins anew.
    pub(crate) fn take(&mut self) -> Result<RecordBatch, ArrowError> {
        (self.rows, self.text_bytes) = (0, 0);
        let columns = self.columns.iter_mut().map(Column::finish).collect();
        RecordBatch::try_new(self.schema.clone(), columns)
    }
}

/// Whether two schemas have the same columns, of the same types, in the same order.
pub(crate) fn same_columns(a: &SchemaRef, b: &SchemaRef) -> bool {
    let same = |a: &Field, b: &Field| {
        a.name() == b.name() && a.data_type() == b.data_type() && a.is_nullable() == b.is_nullable()
    };
    a.fields().len() == b.fields().len()
        && a.fields().iter().zip(b.fields()).all(|(a, b)| same(a, b))
}
