//! The extract: the entries of a period and the tables derived from them, as Parquet files with a
//! signed manifest. Who holds the folder and the log's vkey can show, offline and with tools that
//! nobody here wrote, that nothing in it was altered and nothing left out.
//!
//! | file | what |
//! | --- | --- |
//! | `entries.parquet` | every entry: leaf, opened record, all that rebuilds the tree |
//! | the other tables | views of the entries, one file a table (`reports/schemas/*.toml`) |
//! | `manifest.json` | digests of the files, checkpoints at both ends, compact range at the start |
//! | `manifest.note` | the log key's signature over the manifest's digest |
//! | `manifest.jws` | the manifest key's signature, for JOSE tools |
//!
//! The same entries and checkpoints give the same bytes. Entries are streamed: memory holds one
//! row group of each table, not the period.

mod bounds;
mod entry;
mod json;
mod manifest;
mod period;
mod schema;
mod tables;
#[cfg(test)]
pub(super) mod testlog;
#[cfg(test)]
mod tests;
mod writer;

use std::collections::BTreeMap;
use std::error::Error;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parquet::errors::ParquetError;

use crate::kernel::bytes::{Digest, sha256};
use crate::ledger::leaf::PublicKind;
use crate::ledger::note::{NoteSigner, Verifier};
use crate::partner::signature::{Algorithm, SigningKey};

pub use bounds::{Boundary, Bounds, BoundsError, End};
pub use entry::{EntryFault, ExtractEntry};
pub use manifest::{
    MANIFEST, MANIFEST_FORMAT, MANIFEST_JWS, MANIFEST_NOTE, Manifest, ManifestError, ManifestFile,
};
pub use period::Period;
pub use schema::{ENTRIES, FieldSchema, FieldType, SchemaError, TableSchema};

pub use writer::write_table;

pub(super) use bounds::Checked;
pub(super) use entry::{Chain, EntryView};
pub(crate) use manifest::{SignedManifest, open as open_manifest, sign_jws, sign_note, to_bytes};
pub(super) use tables::{BATCH_ROWS, Projector, same_columns};
pub(super) use writer::metadata;

use entry::Opened;
use writer::TableWriter;

/// Entries between two calls of the progress callback.
const PROGRESS_ENTRIES: u64 = 4_096;

/// What is extracted.
#[derive(Clone, Debug)]
pub struct ExtractInput {
    /// The log's origin.
    pub origin: String,
    /// The time that is covered.
    pub period: Period,
    /// What ties the entries to the log ([`Bounds::gather`]).
    pub bounds: Bounds,
    /// The log's public keys, present and retired: one of them signed each checkpoint.
    pub log_keys: Vec<Verifier>,
}

/// The keys that sign a manifest.
#[derive(Clone, Copy, Debug)]
pub struct ExtractKeys<'a> {
    /// The manifest key, Ed25519.
    pub manifest: &'a SigningKey,
    /// The log's keys: old and new while they overlap.
    pub log: &'a [&'a NoteSigner],
}

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExtractReport {
    /// The tables.
    pub files: Vec<ManifestFile>,
    /// How many entries there are of each kind.
    pub kinds: BTreeMap<PublicKind, u64>,
    /// Whether the log is shown to go on after the period; if not, more entries of it may come.
    pub closed: bool,
    /// SHA-256 of `manifest.json`.
    pub manifest: Digest,
}

/// Why an extract was not made.
#[derive(Debug, thiserror::Error)]
pub enum ExtractError {
    /// The folder holds an extract already.
    #[error("{0} holds an extract already: choose another folder")]
    Occupied(PathBuf),
    /// The bounds do not fit the log.
    #[error("this part of the log cannot be extracted: {0}")]
    Bounds(#[from] BoundsError),
    /// The entries cannot be read.
    #[error("the entries cannot be read: {0}")]
    Source(Box<dyn Error + Send + Sync>),
    /// An entry is not what the log says.
    #[error("entry {index} cannot be extracted: {fault}")]
    Entry {
        /// The entry.
        index: u64,
        /// What is wrong with it.
        fault: EntryFault,
    },
    /// There are fewer entries than announced.
    #[error("the entries end before entry {0}")]
    Short(u64),
    /// A table cannot be written.
    #[error("{file} cannot be written: {source}")]
    Table {
        /// The file.
        file: String,
        /// Why.
        source: ParquetError,
    },
    /// A file cannot be written.
    #[error("{} cannot be written: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The manifest cannot be signed.
    #[error("{file} cannot be signed: {0}", file = .0.file())]
    Manifest(#[from] ManifestError),
    /// A schema file of this build is wrong.
    #[error(transparent)]
    Schema(#[from] SchemaError),
}

impl ExtractError {
    /// Stable name of the error.
    pub fn code(&self) -> &'static str {
        match self {
            ExtractError::Occupied(_) => "extract_occupied",
            ExtractError::Bounds(error) => error.code(),
            ExtractError::Source(_) => "extract_source",
            ExtractError::Entry { .. } => "extract_entry",
            ExtractError::Short(_) => "extract_short",
            ExtractError::Table { .. } | ExtractError::Io { .. } => "extract_io",
            ExtractError::Manifest(error) => error.code(),
            ExtractError::Schema(_) => "extract_schema",
        }
    }
}

/// Writes an extract of `entries`, in index order, into the folder `out`, which is made if it is
/// not there. The manifest is written last: a folder without one is not an extract. `progress` is
/// told now and then how many entries of how many are done.
///
/// Every entry goes through the checks that `verify_export` makes, and so do the bounds: what
/// would not verify is not signed.
///
/// # Errors
/// [`ExtractError`] says what is wrong. The folder may hold tables then, but no manifest.
pub fn extract<E: Into<Box<dyn Error + Send + Sync>>>(
    input: &ExtractInput,
    entries: impl IntoIterator<Item = Result<ExtractEntry, E>>,
    keys: ExtractKeys<'_>,
    out: &Path,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<ExtractReport, ExtractError> {
    if keys.manifest.algorithm() != Algorithm::Ed25519 {
        return Err(ManifestError::Key("is not an Ed25519 key").into());
    }
    let bounds = &input.bounds;
    let checked = bounds.check(&input.origin, &input.period, &input.log_keys)?;
    let mut manifest = Manifest {
        format: MANIFEST_FORMAT.to_owned(),
        origin: input.origin.clone(),
        period: input.period.clone(),
        bounds: bounds.clone(),
        log_keys: input.log_keys.iter().map(Verifier::to_string).collect(),
        manifest_key: keys.manifest.public().to_jwk(),
        files: Vec::new(),
    };
    let mut tables = begin(out, &manifest)?;
    let mut chain = Chain::new(bounds, &input.period);
    let total = bounds.end - bounds.start;
    for entry in entries {
        let entry = entry.map_err(|error| ExtractError::Source(error.into()))?;
        let opened = EntryView::of(&entry).and_then(|view| chain.open(view));
        let opened = opened.map_err(|fault| ExtractError::Entry { index: entry.index, fault })?;
        push(&mut tables, &opened)?;
        let done = chain.size() - bounds.start;
        if done.is_multiple_of(PROGRESS_ENTRIES) {
            progress(done, total);
        }
    }
    if chain.size() != bounds.end {
        return Err(ExtractError::Short(bounds.end));
    }
    checked.closes(bounds, &chain.root())?;
    for table in tables {
        let file = table.file().to_owned();
        let written = table.finish();
        manifest.files.push(written.map_err(|source| ExtractError::Table { file, source })?);
    }
    let digest = sign(&manifest, keys, out)?;
    progress(total, total);
    let (kinds, closed) = (chain.kinds, bounds.is_closed());
    Ok(ExtractReport { files: manifest.files, kinds, closed, manifest: digest })
}

/// Makes the folder and begins all tables in it.
fn begin(out: &Path, manifest: &Manifest) -> Result<Vec<TableWriter>, ExtractError> {
    let io = |source| ExtractError::Io { path: out.to_owned(), source };
    fs::create_dir_all(out).map_err(io)?;
    if out.join(MANIFEST).try_exists().map_err(io)? {
        return Err(ExtractError::Occupied(out.to_owned()));
    }
    let begin = |table: &Arc<TableSchema>| {
        TableWriter::create(out, table.clone(), manifest)
            .map_err(|source| ExtractError::Table { file: table.file.clone(), source })
    };
    TableSchema::all()?.iter().map(begin).collect()
}

fn push(tables: &mut [TableWriter], entry: &Opened<'_>) -> Result<(), ExtractError> {
    tables.iter_mut().try_for_each(|table| {
        table
            .push(entry)
            .map_err(|source| ExtractError::Table { file: table.file().to_owned(), source })
    })
}

/// Signs and writes the manifest, itself last. Gives its digest.
fn sign(manifest: &Manifest, keys: ExtractKeys<'_>, out: &Path) -> Result<Digest, ExtractError> {
    let bytes = manifest::to_bytes(manifest)?;
    let note = manifest::sign_note(MANIFEST_FORMAT, &manifest.origin, &bytes, keys.log);
    let note = note.map_err(ManifestError::Note)?;
    let jws = manifest::sign_jws(&bytes, keys.manifest)?;
    let files = [(MANIFEST_NOTE, note.as_bytes()), (MANIFEST_JWS, jws.as_bytes())];
    for (name, bytes) in files.into_iter().chain([(MANIFEST, bytes.as_slice())]) {
        let path = out.join(name);
        let write = || {
            let mut file = File::create(&path)?;
            file.write_all(bytes)?;
            file.sync_all()
        };
        write().map_err(|source| ExtractError::Io { path: path.clone(), source })?;
    }
    Ok(sha256(&bytes))
}
