//! The tables of the pack, as `reports/regulator/pack.toml` and the SQL files beside it define
//! them. What is written there is what is run and printed.

use std::sync::OnceLock;

use serde::Deserialize;

use super::manifest::Edition;
use crate::kernel::bytes::{hex, sha256};

/// What the regulator's tables are called, and how they may be shown.
const TABLES: &str = include_str!("../../../reports/regulator/pack.toml");
/// The same of a furnisher's statement.
const STATEMENT: &str = include_str!("../../../reports/furnisher/pack.toml");

macro_rules! queries {
    ($folder:literal: $($name:literal),* $(,)?) => {
        [$((
            $name,
            include_str!(concat!("../../../reports/", $folder, "/", $name, ".sql")),
        )),*]
    };
}

/// The SQL files by name.
const QUERIES: [(&str, &str); 22] = queries!["regulator":
    "adverse_notices",
    "affiliate_concentration",
    "availability",
    "complaints",
    "consent",
    "coverage",
    "cross_border",
    "data_quality",
    "dimension_influence",
    "disputes",
    "finance_fees",
    "inquiries",
    "models_filings",
    "reconciliation",
    "refusals",
    "restatements",
    "retention",
    "rights",
    "score_distribution",
    "security",
    "supply",
    "timeliness",
];

/// The SQL files of a furnisher's statement.
const STATEMENT_QUERIES: [(&str, &str); 6] = queries!["furnisher":
    "statement_corrections",
    "statement_fields",
    "statement_lines",
    "statement_periods",
    "statement_rules",
    "statement_timeliness",
];

/// One table of the pack.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// Its name, which is also that of its SQL file.
    pub name: String,
    /// Its title in English.
    pub title: String,
    /// Its title in Chinese.
    pub title_zh: String,
    /// What it means when it is empty.
    #[serde(default)]
    pub absent: Absent,
    /// Whether the public edition has it.
    #[serde(default = "yes")]
    pub public: bool,
    /// Columns within which cells are of one kind, so that their sums mean something.
    #[serde(default)]
    pub block: Vec<String>,
    /// Values of the first column of which each counts some of what the one before it counts.
    #[serde(default)]
    pub chain: Vec<String>,
    /// The columns, as the SQL gives them.
    pub columns: Vec<ReportColumn>,
    /// The SQL, as the file has it.
    #[serde(skip)]
    pub sql: &'static str,
}

fn yes() -> bool {
    true
}

/// What an empty table, or a missing number, means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Absent {
    /// Nothing of the kind happened.
    #[default]
    None,
    /// Nobody has said whether it did.
    NotRecorded,
}

/// One column of a table.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReportColumn {
    /// Name in the SQL's result.
    pub name: String,
    /// Title in English.
    pub en: String,
    /// Title in Chinese.
    pub zh: String,
    /// What it holds.
    pub role: ReportRole,
    /// The column of people that this one counts a part of.
    #[serde(default)]
    pub of: Option<String>,
    /// Whether a missing number does not apply to its row, rather than not being recorded.
    #[serde(default)]
    pub blank: bool,
    /// Its share of the page's width.
    pub share: u16,
}

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ReportRole {
    /// What the row is about.
    Key,
    /// A count of persons or of acts of persons.
    People,
    /// Computed from the people of its row, and as telling as they are.
    Rank,
    /// Another number.
    Number,
}

/// A definition of this build is wrong; the text says which and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the definition of a report's table is wrong: {0}")]
pub struct CatalogueError(pub String);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    tables: Vec<Report>,
}

impl Report {
    /// The tables of an edition, in the order in which they are printed.
    ///
    /// # Errors
    /// [`CatalogueError`] when a file of this build is wrong.
    pub fn of(edition: Edition) -> Result<&'static [Report], CatalogueError> {
        match edition {
            Edition::Supervisory | Edition::Public => Report::all(),
            Edition::Statement => Report::statement(),
        }
    }

    /// Every table of a furnisher's statement.
    ///
    /// # Errors
    /// [`CatalogueError`] when a file of this build is wrong.
    pub fn statement() -> Result<&'static [Report], CatalogueError> {
        static ALL: OnceLock<Result<Vec<Report>, CatalogueError>> = OnceLock::new();
        let all = ALL.get_or_init(|| read(STATEMENT, &STATEMENT_QUERIES));
        all.as_deref().map_err(CatalogueError::clone)
    }

    /// Every table of the regulator's pack, in the order in which they are printed.
    ///
    /// # Errors
    /// [`CatalogueError`] when a file of this build is wrong.
    pub fn all() -> Result<&'static [Report], CatalogueError> {
        static ALL: OnceLock<Result<Vec<Report>, CatalogueError>> = OnceLock::new();
        ALL.get_or_init(|| read(TABLES, &QUERIES)).as_deref().map_err(CatalogueError::clone)
    }

    /// SHA-256 of the SQL file, in hex.
    pub fn sql_digest(&self) -> String {
        hex(&sha256(self.sql.as_bytes()))
    }

    /// The place of a column.
    pub fn place(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }

    fn check(&self) -> Result<(), String> {
        let named = |name: &String| self.place(name).is_some();
        let of = self.columns.iter().filter_map(|column| column.of.as_ref());
        if !self.block.iter().chain(of).all(named) {
            return Err(format!("{} names a column that it does not have", self.name));
        }
        Ok(())
    }
}

fn read(tables: &str, queries: &[(&str, &'static str)]) -> Result<Vec<Report>, CatalogueError> {
    let file: File = toml::from_str(tables).map_err(|e| CatalogueError(e.to_string()))?;
    let mut tables = file.tables;
    for table in &mut tables {
        let found = queries.iter().find(|(name, _)| *name == table.name);
        let (_, sql) = found
            .ok_or_else(|| CatalogueError(format!("{} has no SQL in this build", table.name)))?;
        table.sql = sql;
        table.check().map_err(CatalogueError)?;
    }
    Ok(tables)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_query_is_a_table_and_keeps_to_what_engines_agree_on() {
        let tables = Report::all().expect("definitions");
        assert_eq!(tables.len(), QUERIES.len());
        let statement = Report::statement().expect("definitions");
        assert_eq!(statement.len(), STATEMENT_QUERIES.len());
        for table in tables.iter().chain(statement) {
            let code: String = table
                .sql
                .lines()
                .filter(|line| !line.trim_start().starts_with("--"))
                .map(|line| line.to_lowercase() + "\n")
                .collect();
            // decisions.md 22
            for word in ["/", "avg(", "float", "double", "now(", "percentile", "median", "random"] {
                assert!(!code.contains(word), "{}: {word}", table.name);
            }
            assert!(code.contains("order by"), "{} has no order", table.name);
            assert!(table.sql.starts_with("-- "), "{} says what it is", table.name);
            assert!(!code.contains(';'), "{} is one query", table.name);
        }
    }
}
