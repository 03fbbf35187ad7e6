//! The tables of an extract, as `reports/schemas/*.toml` defines them.
//!
//! The schema file is the code path: columns, their types, which entries make rows and where each
//! value comes from are read from it, so what is documented there is what is written.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use serde::Deserialize;

/// The file that all other tables are derived from.
pub const ENTRIES: &str = "entries.parquet";

/// The schema files of all tables, `entries` first.
const FILES: [&str; 15] = [
    include_str!("../../../reports/schemas/entries.toml"),
    include_str!("../../../reports/schemas/inquiries.toml"),
    include_str!("../../../reports/schemas/monitors.toml"),
    include_str!("../../../reports/schemas/scores.toml"),
    include_str!("../../../reports/schemas/consents.toml"),
    include_str!("../../../reports/schemas/observations.toml"),
    include_str!("../../../reports/schemas/batches.toml"),
    include_str!("../../../reports/schemas/data_requests.toml"),
    include_str!("../../../reports/schemas/partners.toml"),
    include_str!("../../../reports/schemas/subjects.toml"),
    include_str!("../../../reports/schemas/rights.toml"),
    include_str!("../../../reports/schemas/followups.toml"),
    include_str!("../../../reports/schemas/governance.toml"),
    include_str!("../../../reports/schemas/exports.toml"),
    include_str!("../../../reports/schemas/records.toml"),
];

/// A schema file of this build is not one; its text says which and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a table's schema file is wrong: {0}")]
pub struct SchemaError(pub String);

/// One table: its columns, and which entries make its rows.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableSchema {
    /// Name and version, such as `fivefold.inquiries/v1`: another meaning is another version.
    pub schema: String,
    /// Name of the file in an extract.
    pub file: String,
    /// What the table holds.
    pub doc: String,
    /// Which entries make a row; with no rule, every entry.
    #[serde(default)]
    pub rows: Vec<RowRule>,
    /// The columns, in order. The first is the entry's index, and rows are sorted by it.
    pub fields: Vec<FieldSchema>,
}

/// A kind of entry that makes rows. All conditions must hold.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RowRule {
    /// The record's kind.
    pub kind: String,
    /// Members that the record must have, with these texts.
    #[serde(default, rename = "where")]
    pub equals: BTreeMap<String, String>,
    /// Places of which one must hold a value; with none, no condition.
    #[serde(default)]
    pub present: Vec<Source>,
}

/// One column.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FieldSchema {
    /// Its name.
    pub name: String,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: FieldType,
    /// Where its value comes from: the first place that has one.
    pub from: Vec<Source>,
    /// Never null.
    #[serde(default)]
    pub required: bool,
    /// How its values are spread, which decides how they are encoded.
    #[serde(default)]
    pub layout: Layout,
    /// An id that people look for: gets a bloom filter.
    #[serde(default)]
    pub bloom: bool,
    /// What it means.
    pub doc: String,
}

/// The type of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum FieldType {
    /// A signed integer of 64 bits.
    #[serde(rename = "int64")]
    Int,
    /// Text.
    #[serde(rename = "utf8")]
    Text,
    /// True or false.
    #[serde(rename = "bool")]
    Flag,
    /// Microseconds since 1970, UTC; from RFC 3339 text.
    #[serde(rename = "timestamp")]
    Time,
    /// 32 bytes.
    #[serde(rename = "hash32")]
    Hash,
    /// A list of texts; of an object, the names of its members.
    #[serde(rename = "list<utf8>")]
    Texts,
    /// A list of integers; of an object, the values of its members.
    #[serde(rename = "list<int64>")]
    Ints,
}

impl FieldType {
    /// The Arrow type.
    pub fn arrow(self) -> DataType {
        // `element` is the name that the Parquet format gives to what a list holds.
        let list = |of| DataType::List(Arc::new(Field::new("element", of, true)));
        match self {
            FieldType::Int => DataType::Int64,
            FieldType::Text => DataType::Utf8,
            FieldType::Flag => DataType::Boolean,
            FieldType::Time => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            FieldType::Hash => DataType::FixedSizeBinary(32),
            FieldType::Texts => list(DataType::Utf8),
            FieldType::Ints => list(DataType::Int64),
        }
    }
}

/// How a column's values are spread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Layout {
    /// Few different values: a dictionary.
    #[default]
    Category,
    /// Rising numbers: differences.
    Sequence,
    /// Many different values that are looked for: plain.
    Unique,
    /// Many different values that nobody looks for: plain, and no minimum or maximum.
    Opaque,
}

/// What an entry itself has, beside the two JSON texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryMember {
    /// Index in the log.
    Index,
    /// Coarse kind in the leaf.
    PublicKind,
    /// Time in the leaf.
    Time,
    /// Digest of the rule packs in the leaf.
    Packs,
    /// Commitment in the leaf.
    Commitment,
    /// Hash of the leaf.
    LeafHash,
    /// Salt of the record.
    RecordSalt,
    /// Text of the record.
    Record,
    /// Salt of the detail.
    DetailSalt,
    /// Text of the detail.
    Detail,
    /// Salted hash of the personal part.
    PersonalHash,
}

impl EntryMember {
    const NAMES: [(&'static str, EntryMember, FieldType); 11] = [
        ("index", EntryMember::Index, FieldType::Int),
        ("public_kind", EntryMember::PublicKind, FieldType::Text),
        ("time", EntryMember::Time, FieldType::Time),
        ("packs_digest", EntryMember::Packs, FieldType::Hash),
        ("commitment", EntryMember::Commitment, FieldType::Hash),
        ("leaf_hash", EntryMember::LeafHash, FieldType::Hash),
        ("record_salt", EntryMember::RecordSalt, FieldType::Hash),
        ("record", EntryMember::Record, FieldType::Text),
        ("detail_salt", EntryMember::DetailSalt, FieldType::Hash),
        ("detail", EntryMember::Detail, FieldType::Text),
        ("personal_hash", EntryMember::PersonalHash, FieldType::Hash),
    ];

    fn kind(self) -> Option<FieldType> {
        EntryMember::NAMES.iter().find(|known| known.1 == self).map(|known| known.2)
    }

    fn is_always_there(self) -> bool {
        !matches!(self, EntryMember::Detail | EntryMember::DetailSalt)
    }
}

/// One of the two JSON texts of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The record.
    Record,
    /// The detail.
    Detail,
}

/// A place that a value comes from.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum Source {
    /// `entry/…`
    Entry(EntryMember),
    /// `record/…` or `detail/…`
    Json {
        /// In which of the texts.
        part: Part,
        /// Names of members from the outside in.
        path: Vec<String>,
        /// After a `*`: names of members inside each element of the list at `path`.
        inner: Vec<String>,
    },
}

impl TryFrom<String> for Source {
    type Error = String;

    fn try_from(text: String) -> Result<Source, String> {
        let wrong = || format!("{text} is not a place in an entry");
        let (root, rest) = text.split_once('/').ok_or_else(wrong)?;
        if root == "entry" {
            let member = EntryMember::NAMES.iter().find(|known| known.0 == rest);
            return member.map(|known| Source::Entry(known.1)).ok_or_else(wrong);
        }
        let part = match root {
            "record" => Part::Record,
            "detail" => Part::Detail,
            _ => return Err(wrong()),
        };
        let mut names = rest.split('/').map(str::to_owned);
        let path: Vec<String> = names.by_ref().take_while(|name| name != "*").collect();
        let inner: Vec<String> = names.collect();
        if path.iter().chain(&inner).any(|name| name.is_empty() || name == "*") || path.is_empty() {
            return Err(wrong());
        }
        Ok(Source::Json { part, path, inner })
    }
}

impl TableSchema {
    /// Every table of an extract, [`ENTRIES`] first.
    ///
    /// # Errors
    /// [`SchemaError`] when a schema file of this build is wrong.
    pub fn all() -> Result<&'static [Arc<TableSchema>], SchemaError> {
        static TABLES: OnceLock<Result<Vec<Arc<TableSchema>>, SchemaError>> = OnceLock::new();
        let read = || FILES.iter().map(|text| TableSchema::read(text).map(Arc::new)).collect();
        TABLES.get_or_init(read).as_deref().map_err(SchemaError::clone)
    }

    fn read(text: &str) -> Result<TableSchema, SchemaError> {
        let table: TableSchema = toml::from_str(text).map_err(|e| SchemaError(e.to_string()))?;
        for field in &table.fields {
            table.check(field).map_err(|what| {
                SchemaError(format!("{}, field {}: {what}", table.file, field.name))
            })?;
        }
        Ok(table)
    }

    fn check(&self, field: &FieldSchema) -> Result<(), &'static str> {
        let kind =
            Source::Json { part: Part::Record, path: vec!["kind".to_owned()], inner: Vec::new() };
        let mut always = false;
        for source in &field.from {
            match source {
                Source::Entry(member) if member.kind() != Some(field.kind) => {
                    return Err("the entry's member is of another type");
                }
                Source::Entry(member) => always |= member.is_always_there(),
                source => always |= *source == kind,
            }
        }
        if field.required && !always { Err("it is required and may be missing") } else { Ok(()) }
    }

    /// Whether a column only repeats what an entry itself has: whoever reads entries from it and
    /// checks them has checked it.
    pub(crate) fn repeats(field: &FieldSchema) -> bool {
        field.from.iter().all(|source| matches!(source, Source::Entry(_)))
    }

    /// The columns as Arrow has them.
    pub fn arrow(&self) -> SchemaRef {
        let field = |f: &FieldSchema| Field::new(&f.name, f.kind.arrow(), !f.required);
        Arc::new(Schema::new(self.fields.iter().map(field).collect::<Vec<_>>()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_is_defined_and_documented() {
        let tables = TableSchema::all().expect("schema files");
        assert_eq!(tables[0].file, ENTRIES);
        for table in tables {
            let name = table.file.strip_suffix(".parquet").expect("a Parquet file");
            assert_eq!(table.schema, format!("fivefold.{name}/v1"));
            assert_eq!(table.fields[0].name, "index", "{name} is sorted by index");
            assert!(table.fields[0].required && !table.doc.is_empty());
            assert_eq!(table.rows.is_empty(), table.file == ENTRIES, "{name}");
            for field in &table.fields {
                assert!(field.doc.ends_with(['.', '…']), "{name}.{}", field.name);
                assert!(!field.from.is_empty(), "{name}.{}", field.name);
            }
        }
    }

    #[test]
    fn a_place_has_one_spelling() {
        let read = |text: &str| Source::try_from(text.to_owned());
        assert_eq!(read("entry/index"), Ok(Source::Entry(EntryMember::Index)));
        let Ok(Source::Json { part, path, inner }) = read("record/reasons/*/code") else {
            panic!("not read")
        };
        assert_eq!(
            (part, path, inner),
            (Part::Record, vec!["reasons".into()], vec!["code".into()])
        );
        for wrong in ["", "record", "record/", "entry/nothing", "personal/x", "record/*/a/*"] {
            assert!(read(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_wrong_schema_is_named() {
        let text = FILES[1].replacen("from = [\"entry/index\"]", "from = [\"record/x\"]", 1);
        let error = TableSchema::read(&text).expect_err("index may be missing");
        assert!(error.to_string().contains("inquiries.parquet, field index"), "{error}");
        let text = FILES[1].replacen("from = [\"entry/index\"]", "from = [\"entry/time\"]", 1);
        assert!(TableSchema::read(&text).is_err());
    }
}
