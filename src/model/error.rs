//! What can go wrong in the laboratory, with the column and the row where it did.

use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::score::ScoreError;

/// Why a table could not be read, fitted or scored.
#[derive(Debug, Error)]
pub enum ModelError {
    /// The file cannot be opened or read.
    #[error("{} cannot be read: {why}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system or the reader said.
        why: String,
    },
    /// A line has another number of fields than the header, or a page is damaged.
    #[error("{}, row {row}: {why}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The row, counted from 1 behind the header.
        row: usize,
        /// What is wrong with it.
        why: String,
    },
    /// The file has no such column.
    #[error("there is no column `{column}`; the columns are {known}")]
    NoColumn {
        /// The name asked for.
        column: String,
        /// The names there are.
        known: String,
    },
    /// A cell holds what its column cannot.
    #[error("column `{column}`, row {row}: {why}")]
    Cell {
        /// The column.
        column: String,
        /// The row, counted from 1 behind the header.
        row: usize,
        /// What is wrong.
        why: String,
    },
    /// The table as a whole cannot be used for this.
    #[error("{0}")]
    Table(String),
    /// What was asked for contradicts itself or the table.
    #[error("{0}")]
    Usage(String),
    /// The scorecard cannot be read.
    #[error(transparent)]
    Scorecard(#[from] ScoreError),
    /// The file cannot be written.
    #[error("{} cannot be written: {why}", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        why: String,
    },
}

impl ModelError {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            ModelError::Unreadable { .. } => "file_unreadable",
            ModelError::Malformed { .. } => "table_malformed",
            ModelError::NoColumn { .. } => "column_unknown",
            ModelError::Cell { .. } => "cell_invalid",
            ModelError::Table(_) => "table_unusable",
            ModelError::Usage(_) => "usage",
            ModelError::Scorecard(error) => error.code(),
            ModelError::Unwritable { .. } => "file_unwritable",
        }
    }

    /// The file at `path` cannot be read, for this reason.
    pub fn unreadable(path: &Path, why: impl std::fmt::Display) -> ModelError {
        ModelError::Unreadable { path: path.to_path_buf(), why: why.to_string() }
    }

    /// The file at `path` cannot be written, for this reason.
    pub fn unwritable(path: &Path, why: impl std::fmt::Display) -> ModelError {
        ModelError::Unwritable { path: path.to_path_buf(), why: why.to_string() }
    }
}
