//! The auditor of an extract: believes the log's public key and nothing else, and recomputes all.
//!
//! From the signed manifest it learns which files there are; from `entries.parquet` it recomputes
//! every commitment and every leaf, grows the tree from the compact range at the start, and holds
//! its root against the checkpoint at the end; from the entries it derives every other table again
//! and compares it row by row. It works offline, and needs no database and no secret.

mod files;
#[cfg(test)]
mod tests;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs;
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;
use std::sync::{Arc, Once};

use crate::kernel::bytes::{Digest, sha256};
use crate::ledger::checkpoint::Checkpoint;
use crate::ledger::leaf::PublicKind;
use crate::ledger::note::Verifier;
use crate::partner::signature::PublicKey;

use super::extract::{
    Chain, Checked, MANIFEST, MANIFEST_JWS, MANIFEST_NOTE, Manifest, Period, Projector,
    TableSchema, open_manifest,
};
use files::{EntryReader, TableReader};

/// The longest manifest that is read, in bytes.
const MANIFEST_BYTES_MAX: u64 = 16 << 20;

/// What was found in an extract that verifies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportReport {
    /// The log's origin.
    pub origin: String,
    /// The time that is covered.
    pub period: Period,
    /// Index of the first entry.
    pub start: u64,
    /// One past the last entry.
    pub end: u64,
    /// Whether the log is shown to go on after the period. If not, the extract is complete up to
    /// its last checkpoint, and more entries of the period may come.
    pub closed: bool,
    /// The newest checkpoint before the entries.
    pub checkpoint_start: Option<Checkpoint>,
    /// The checkpoint that covers them.
    pub checkpoint_end: Checkpoint,
    /// Rows of each file.
    pub files: Vec<(String, u64)>,
    /// How many entries there are of each kind.
    pub kinds: BTreeMap<PublicKind, u64>,
    /// SHA-256 of `manifest.json`.
    pub manifest: Digest,
}

/// What is wrong with an extract: which file, which row where it can be told, and what.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}{}: {what}", place(.row, .index))]
pub struct ExportError {
    code: &'static str,
    file: String,
    row: Option<u64>,
    index: Option<u64>,
    what: String,
}

fn place(row: &Option<u64>, index: &Option<u64>) -> String {
    let row = row.map(|row| format!(", row {row}")).unwrap_or_default();
    index.map_or(row.clone(), |index| format!("{row}, entry {index}"))
}

impl ExportError {
    fn new(code: &'static str, file: &str, what: impl ToString) -> ExportError {
        // One line, whatever a file is called or its reader says.
        let line = |text: String| text.replace(char::is_control, " ");
        let (file, what) = (line(file.to_owned()), line(what.to_string()));
        ExportError { code, file, row: None, index: None, what }
    }

    fn at(mut self, row: u64, index: Option<u64>) -> ExportError {
        (self.row, self.index) = (Some(row), index);
        self
    }

    /// Stable name of the error.
    pub fn code(&self) -> &'static str {
        self.code
    }

    /// The file that is wrong.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// The row that is wrong, from 0, where it can be told.
    pub fn row(&self) -> Option<u64> {
        self.row
    }

    /// Index in the log of the entry that the row is of, where it can be told.
    pub fn index(&self) -> Option<u64> {
        self.index
    }
}

/// Verifies the extract in the folder `dir`.
///
/// One of `log_keys` must have signed the manifest's note and both checkpoints; that alone makes
/// the manifest trusted, and with it the manifest key that it names. A `trusted_manifest_key` is
/// demanded beyond that where it is given. `progress` is told now and then how many entries of how
/// many are done.
///
/// A file whose digest is not the manifest's is read all the same, so that the row that was
/// altered can be named.
///
/// # Errors
/// [`ExportError`] names the file, the row where it can be told, and what is wrong.
pub fn verify_export(
    dir: &Path,
    log_keys: &[Verifier],
    trusted_manifest_key: Option<&PublicKey>,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<ExportReport, ExportError> {
    let bytes = small_file(dir, MANIFEST)?;
    let (note, jws) = (text_file(dir, MANIFEST_NOTE)?, text_file(dir, MANIFEST_JWS)?);
    let manifest: Manifest = open_manifest(&bytes, &note, &jws, log_keys, trusted_manifest_key)
        .map_err(|error| ExportError::new(error.code(), error.file(), &error))?;
    let checked = manifest.bounds.check(&manifest.origin, &manifest.period, log_keys);
    let checked = checked.map_err(|error| ExportError::new(error.code(), MANIFEST, &error))?;
    let tables = tables(&manifest)?;
    files::no_others(dir, tables)?;
    let altered = files::digests(dir, &manifest)?;
    let audit = Audit { dir, manifest: &manifest, checked: &checked, tables };
    let audited = unbroken(|| audit.run(progress));
    let kinds = match (audited, altered) {
        (Some(Err(error)), _) | (_, Some(error)) => return Err(error),
        (Some(Ok(kinds)), None) => kinds,
        (None, None) => {
            let what = "the files that it lists cannot be read as Parquet";
            return Err(ExportError::new("export_unreadable", MANIFEST, what));
        }
    };
    let bounds = &manifest.bounds;
    Ok(ExportReport {
        start: bounds.start,
        end: bounds.end,
        closed: bounds.is_closed(),
        checkpoint_start: checked.start,
        checkpoint_end: checked.end,
        files: manifest.files.iter().map(|file| (file.name.clone(), file.rows)).collect(),
        kinds,
        manifest: sha256(&bytes),
        origin: manifest.origin,
        period: manifest.period,
    })
}

thread_local! {
    /// Whether this thread is reading bytes that a reader may break on.
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// What `read` gives; `None` when it panics, which it does without a word on stderr. The Parquet
/// reader panics on some bytes that no writer wrote. They can only be here when a digest differs,
/// or when the log's own key signed them, and the answer must still be one line.
pub(super) fn unbroken<T>(read: impl FnOnce() -> T) -> Option<T> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let usual = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !GUARDED.get() {
                usual(info);
            }
        }));
    });
    GUARDED.set(true);
    let result = panic::catch_unwind(AssertUnwindSafe(read));
    GUARDED.set(false);
    result.ok()
}

fn small_file(dir: &Path, name: &str) -> Result<Vec<u8>, ExportError> {
    let path = dir.join(name);
    let size = fs::metadata(&path).map_err(|error| files::unreadable(name, &error))?.len();
    if size > MANIFEST_BYTES_MAX {
        return Err(ExportError::new("export_manifest_malformed", name, "it is too large"));
    }
    fs::read(&path).map_err(|error| files::unreadable(name, &error))
}

fn text_file(dir: &Path, name: &str) -> Result<String, ExportError> {
    String::from_utf8(small_file(dir, name)?)
        .map_err(|_| ExportError::new("export_manifest_malformed", name, "it is not UTF-8"))
}

/// The tables of this version, if the manifest lists exactly these, in their order.
fn tables(manifest: &Manifest) -> Result<&'static [Arc<TableSchema>], ExportError> {
    let malformed = |what: String| ExportError::new("export_tables", MANIFEST, what);
    let known = TableSchema::all().map_err(|error| malformed(error.to_string()))?;
    let names = |of: &mut dyn Iterator<Item = String>| of.collect::<Vec<_>>().join(", ");
    let expected = names(&mut known.iter().map(|t| format!("{} ({})", t.file, t.schema)));
    let found = names(&mut manifest.files.iter().map(|f| format!("{} ({})", f.name, f.schema)));
    if expected != found {
        return Err(malformed(format!("it lists {found}; this version knows {expected}")));
    }
    Ok(known)
}

/// All that one run needs to know.
struct Audit<'a> {
    dir: &'a Path,
    manifest: &'a Manifest,
    checked: &'a Checked,
    /// `entries` first, as in the manifest.
    tables: &'a [Arc<TableSchema>],
}

/// One derived table: what it should be, and what it is.
struct Derived {
    expected: Projector,
    found: TableReader,
}

impl Audit<'_> {
    fn run(
        &self,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<BTreeMap<PublicKind, u64>, ExportError> {
        let bounds = &self.manifest.bounds;
        let mut readers = Vec::new();
        for table in self.tables {
            let found = TableReader::open(self.dir, table, self.manifest)?;
            readers.push(Derived { expected: Projector::new(found.compared()), found });
        }
        let Some((entries, derived)) = readers.split_first_mut() else {
            return Err(ExportError::new("export_tables", MANIFEST, "it lists no tables"));
        };
        let mut chain = Chain::new(bounds, &self.manifest.period);
        while let Some(batch) = entries.found.next_batch()? {
            let reader = EntryReader::new(&batch, entries.found.file())?;
            for row in 0..batch.num_rows() {
                let blame = |index, code, what: &dyn std::fmt::Display| {
                    let at = entries.found.row() + row as u64;
                    ExportError::new(code, entries.found.file(), what).at(at, Some(index))
                };
                let view = reader.view(row);
                let opened = view.and_then(|view| chain.open(view));
                let opened =
                    opened.map_err(|fault| blame(reader.index(row), "export_entry", &fault))?;
                entries.expected.push(&opened);
                for table in derived.iter_mut() {
                    table.expected.push(&opened);
                }
            }
            entries.found.compare(&mut entries.expected)?;
            for table in derived.iter_mut() {
                table.found.compare(&mut table.expected)?;
            }
            progress(chain.size() - bounds.start, bounds.end - bounds.start);
        }
        let file = entries.found.file();
        if chain.size() != bounds.end {
            let what = format!("entry {} is missing: the table ends before it", chain.size());
            return Err(ExportError::new("export_entry", file, what)
                .at(entries.found.row(), Some(chain.size())));
        }
        let closes = self.checked.closes(bounds, &chain.root());
        closes.map_err(|error| ExportError::new(error.code(), file, error))?;
        for (table, listed) in readers.iter_mut().zip(&self.manifest.files) {
            table.found.finish(listed, table.expected.unreadable)?;
        }
        Ok(chain.kinds)
    }
}
