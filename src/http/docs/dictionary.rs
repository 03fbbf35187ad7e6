//! The dictionary of what can be sent.

use serde_json::json;

use super::document::{Cell, Document, Section};
use crate::collect::dictionary::{self as fields, DictionaryEntry, example};

/// The dictionary: of one observation type, or of all.
pub fn dictionary(wanted: Option<&str>) -> Document {
    let mut entries = fields::dictionary();
    if let Some(name) = wanted {
        entries.retain(|entry| entry.observation == name || entry.observation == "*");
    }
    let mut types: Vec<&str> = entries.iter().map(|entry| entry.observation).collect();
    types.dedup();
    let sections = types.into_iter().map(|name| section(name, &entries)).collect();
    let lead = vec![
        "Every field that `POST /v1/observations` reads, one observation a line of NDJSON, or the \
         same fields as columns of Parquet. Anything else is refused, by line and field."
            .to_string(),
        "The same for machines: `/docs/dictionary.json`, or `fivefold dictionary --json`."
            .to_string(),
    ];
    let title = "Dictionary of observations".to_string();
    Document { title, lead, sections, data: json!({ "fields": entries }) }
}

fn section(name: &str, entries: &[DictionaryEntry]) -> Section {
    let own: Vec<&DictionaryEntry> = entries.iter().filter(|e| e.observation == name).collect();
    let feeds = own.first().and_then(|entry| entry.dimension).map(|dimension| dimension.name());
    let text = match (name, feeds) {
        ("*", _) => "Fields that every observation has.".to_string(),
        (_, Some(dimension)) => format!("Feeds the dimension `{dimension}`."),
        (_, None) => "Feeds no dimension: it says what became of the person.".to_string(),
    };
    let rows = own.iter().map(|entry| {
        let kind = match entry.unit {
            "" => entry.kind.to_string(),
            unit => format!("{}, {unit}", entry.kind),
        };
        let required = match entry.required {
            true => Cell::Mark("amber", "required".to_string()),
            false => Cell::text(""),
        };
        let values = match entry.values.is_empty() {
            true => Cell::code(entry.example.to_string()),
            false => Cell::code(entry.values.join(" | ")),
        };
        let field = Cell::Name(entry.field.to_string());
        let (about, law) = (Cell::text(entry.about), Cell::text(entry.law));
        vec![field, Cell::text(kind), required, values, about, law]
    });
    let shown = example(name).and_then(|record| serde_json::to_string_pretty(&record).ok());
    Section {
        heading: if name == "*" { "Every type".to_string() } else { name.to_string() },
        text,
        columns: vec!["field", "is", "", "values or example", "says", "law"],
        rows: rows.collect(),
        example: shown.filter(|_| name != "*").unwrap_or_default(),
    }
}
