//! What a pack is made of, signed as an extract's manifest is: a note by the log's key, a JWS by
//! the manifest key.

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::grid::{Grid, Kind, Value};
use crate::kernel::Time;
use crate::report::extract::{Period, SignedManifest};

/// Name and version of the manifest's format, and first line of its note.
pub const PACK_FORMAT: &str = "fivefold-pack/v1";

/// For whom a pack is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Edition {
    /// For the authority: true counts.
    Supervisory,
    /// For everybody: without small counts of persons.
    Public,
    /// For one furnisher: what it sent, and what became of it.
    Statement,
}

impl Edition {
    /// Both of the regulator's pack.
    pub const ALL: [Edition; 2] = [Edition::Supervisory, Edition::Public];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Edition::Supervisory => "supervisory",
            Edition::Public => "public",
            Edition::Statement => "statement",
        }
    }
}

/// What a pack is made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PackManifest {
    /// [`PACK_FORMAT`].
    pub format: String,
    /// The log's origin.
    pub origin: String,
    /// The rule pack under which what is counted stands.
    pub jurisdiction: String,
    /// The bureau's own, under which stands what concerns no person.
    pub home: String,
    /// For whom.
    pub edition: Edition,
    /// The furnisher that a statement is for.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub partner: Option<String>,
    /// The time that is covered.
    pub period: Period,
    /// When it was made: the time of the entry that says what the bureau counted for it.
    pub generated_at: Time,
    /// What it was computed from.
    pub extract: ExtractOf,
    /// The log's keys, as vkeys. They are named, not vouched for: a verifier brings its own.
    pub log_keys: Vec<String>,
    /// The manifest key, a JWK.
    pub manifest_key: Json,
    /// The files, as they lie in the folder and are attached to each PDF.
    pub files: Vec<PackFile>,
    /// The PDFs.
    pub documents: Vec<PackDocument>,
}

/// The extract that a pack was computed from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExtractOf {
    /// SHA-256 of its manifest, in hex.
    pub manifest: String,
    /// Its first entry.
    pub start: u64,
    /// One past its last.
    pub end: u64,
    /// Whether the log is shown to go on after the period.
    pub closed: bool,
    /// The checkpoint that covers it, a signed note.
    pub checkpoint: String,
}

/// One file of a pack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PackFile {
    /// Its name.
    pub name: String,
    /// Rows, where it is a table.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub rows: Option<u64>,
    /// SHA-256 of the SQL that gave it, in hex, where it is a result table.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sql: Option<String>,
    /// SHA-256 of the file, in hex.
    pub sha256: String,
}

/// One PDF of a pack, before anything is attached to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PackDocument {
    /// Its name.
    pub name: String,
    /// Its language, BCP 47.
    pub language: String,
    /// SHA-256 of the fonts it was set in, in hex: the same fonts give the same pages.
    pub fonts: Vec<String>,
    /// A digest of the fonts as they are embedded, in hex.
    pub embedded: String,
    /// A digest of each page, in hex.
    pub pages: Vec<String>,
}

impl SignedManifest for PackManifest {
    const FORMAT: &'static str = PACK_FORMAT;

    fn says(&self) -> (&str, &str, &Json) {
        (&self.format, &self.origin, &self.manifest_key)
    }
}

impl PackManifest {
    /// The table `scope`, which tells the SQL what it is about.
    pub fn scope(&self) -> Grid {
        let mut grid = Grid::new(&[
            ("period", Kind::Text),
            ("jurisdiction", Kind::Text),
            ("home", Kind::Text),
            ("partner", Kind::Text),
            ("from_seconds", Kind::Int),
            ("until_seconds", Kind::Int),
            ("first_index", Kind::Int),
            ("end_index", Kind::Int),
        ]);
        let index = |n: u64| Value::Int(i64::try_from(n).unwrap_or(i64::MAX));
        let seconds = |at: Time| Value::Int(at.micros().div_euclid(1_000_000));
        grid.rows.push(vec![
            Value::Text(self.period.name.clone()),
            Value::Text(self.jurisdiction.clone()),
            Value::Text(self.home.clone()),
            self.partner.clone().map_or(Value::None, Value::Text),
            seconds(self.period.from),
            seconds(self.period.until),
            index(self.extract.start),
            index(self.extract.end),
        ]);
        grid
    }
}

/// What the bureau counted for a pack, because no record tells it: the entry that says so, opened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counted {
    /// Index of the entry.
    pub index: u64,
    /// Its leaf.
    pub leaf: String,
    /// The opening of its record.
    pub opening: Json,
    /// The proof that it is in the log, `c2sp.org/tlog-proof@v1`.
    pub proof: String,
}

impl Counted {
    /// The table `counted`, from the record of the entry; `None` when that is none of this kind.
    pub fn grid(&self) -> Option<Grid> {
        let record: Json = serde_json::from_str(self.opening["record"].as_str()?).ok()?;
        if record["kind"] != "report_counted" {
            return None;
        }
        let mut grid =
            Grid::new(&[("measure", Kind::Text), ("value", Kind::Int), ("entry", Kind::Int)]);
        for (measure, value) in record["measures"].as_object()? {
            grid.rows.push(vec![
                Value::Text(measure.clone()),
                Value::Int(value.as_i64()?),
                Value::Int(i64::try_from(self.index).ok()?),
            ]);
        }
        Some(grid)
    }
}
