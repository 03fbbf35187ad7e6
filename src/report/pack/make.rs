//! From computed tables to a signed pack: files, two PDFs with the files inside, a manifest.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::catalogue::{CatalogueError, Report};
use super::grid::{Grid, GridError};
use super::manifest::{Counted, Edition, PackDocument, PackFile, PackManifest};
use super::print::words::Language;
use super::print::{PackView, Printed, render};
use super::suppress::publish;
use crate::kernel::bytes::{Digest, hex, sha256};
use crate::report::document::read::{PdfFile, ReadError};
use crate::report::document::{Attachment, DocumentError, Fonts};
use crate::report::extract::{
    ExtractKeys, MANIFEST, MANIFEST_JWS, MANIFEST_NOTE, ManifestError, SignedManifest, sign_jws,
    sign_note, to_bytes,
};

/// The most that is attached to a PDF, in bytes.
pub const ATTACHED_BYTES_MAX: usize = 32 << 20;

/// The file that says which period and law the SQL is about.
pub const SCOPE: &str = "scope.parquet";
/// The file of what the bureau counted, as a table.
pub const COUNTED: &str = "counted.parquet";
/// The entry that says what the bureau counted, opened.
pub const COUNTED_ENTRY: &str = "counted.json";

/// Why a pack was not made.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    /// A definition of this build is wrong.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    /// A table cannot be written.
    #[error("a result table cannot be written: {0}")]
    Grid(#[from] GridError),
    /// A PDF cannot be made.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// A PDF that was just made cannot be read.
    #[error("the PDF that was made does not read: {0}")]
    Read(#[from] ReadError),
    /// The manifest cannot be signed.
    #[error("the manifest cannot be signed: {0}")]
    Manifest(#[from] ManifestError),
    /// The files are too large to be attached.
    #[error("the files of the pack have {0} bytes, more than a PDF carries: take a shorter period")]
    TooLarge(usize),
    /// The entry of what was counted is not one.
    #[error("the entry of what the bureau counted does not say so")]
    Counted,
    /// The folder is taken.
    #[error("{0} holds something already: choose another folder")]
    Occupied(PathBuf),
    /// A file cannot be written.
    #[error("{} cannot be written: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl PackError {
    /// Stable name of the error.
    pub fn code(&self) -> &'static str {
        match self {
            PackError::Catalogue(_) => "report_definition",
            PackError::Grid(_) => "report_table",
            PackError::Document(error) => error.code(),
            PackError::Read(_) => "report_document",
            PackError::Manifest(error) => error.code(),
            PackError::TooLarge(_) => "report_too_large",
            PackError::Counted => "report_counted",
            PackError::Occupied(_) => "report_occupied",
            PackError::Io { .. } => "report_io",
        }
    }
}

/// A pack in memory: everything of its folder.
pub struct Pack {
    /// What it says of itself.
    pub manifest: PackManifest,
    /// SHA-256 of `manifest.json`.
    pub digest: Digest,
    /// Every file by name, PDFs and manifest too.
    pub files: BTreeMap<String, Vec<u8>>,
}

/// The tables of an edition, from the true ones: `None` where it has none.
pub fn edit(reports: &[Report], truth: &[Grid], edition: Edition) -> Vec<Option<Grid>> {
    let pairs = reports.iter().zip(truth);
    pairs
        .map(|(report, grid)| match edition {
            Edition::Supervisory | Edition::Statement => Some(grid.clone()),
            Edition::Public => report.public.then(|| publish(report, grid)),
        })
        .collect()
}

/// A table's file.
///
/// # Errors
/// [`GridError`].
pub fn table_file(
    name: &str,
    sql: &str,
    grid: &Grid,
    manifest: &PackManifest,
) -> Result<Vec<u8>, GridError> {
    let schema = format!("fivefold.report.{name}/v1");
    grid.to_parquet(&[
        ("fivefold.schema", schema.as_str()),
        ("fivefold.sql", sql),
        ("fivefold.period", &manifest.period.name),
        ("fivefold.jurisdiction", &manifest.jurisdiction),
        ("fivefold.edition", manifest.edition.name()),
        ("fivefold.extract", &manifest.extract.manifest),
    ])
}

/// The name of a PDF.
fn document_name(edition: Edition, language: Language) -> String {
    let what = if edition == Edition::Statement { "statement" } else { "regulator" };
    format!("{what}-{}.pdf", language.short())
}

/// The media type of a file of a pack.
fn mime(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, ending)| ending) {
        Some("parquet") => "application/vnd.apache.parquet",
        Some("sql") => "application/sql",
        Some("json") => "application/json",
        _ => "text/plain",
    }
}

/// The files as they are attached.
pub fn attachments(files: &BTreeMap<String, Vec<u8>>, manifest: &PackManifest) -> Vec<Attachment> {
    let attach = |(name, bytes): (&String, &Vec<u8>)| Attachment {
        name: name.clone(),
        mime: mime(name).to_owned(),
        description: format!("{} of this report", name),
        bytes: bytes.clone(),
        modified: manifest.generated_at,
    };
    files.iter().filter(|(name, _)| !name.ends_with(".pdf")).map(attach).collect()
}

/// The tables as they are printed.
pub fn printed<'a>(reports: &'a [Report], grids: &'a [Option<Grid>]) -> Vec<Printed<'a>> {
    let pairs = reports.iter().zip(grids);
    pairs.map(|(report, grid)| Printed { report, grid: grid.as_ref() }).collect()
}

/// Makes a pack in memory. `base` says everything but files and documents; `truth` are the tables
/// with true counts, in the order of [`Report::of`]. The supervisory edition needs what was
/// counted.
///
/// # Errors
/// [`PackError`].
pub fn make(
    mut base: PackManifest,
    counted: Option<&Counted>,
    truth: &[Grid],
    fonts: &Fonts,
    keys: ExtractKeys<'_>,
) -> Result<Pack, PackError> {
    let reports = Report::of(base.edition)?;
    let grids = edit(reports, truth, base.edition);
    base.files.clear();
    base.documents.clear();
    let mut files = BTreeMap::new();
    let mut add = |base: &mut PackManifest, name: String, rows, sql, bytes: Vec<u8>| {
        base.files.push(PackFile { name: name.clone(), rows, sql, sha256: hex(&sha256(&bytes)) });
        files.insert(name, bytes);
    };
    let scope = base.scope();
    let bytes = table_file("scope", "", &scope, &base)?;
    add(&mut base, SCOPE.to_owned(), Some(1), None, bytes);
    if base.edition == Edition::Supervisory {
        let counted = counted.ok_or(PackError::Counted)?;
        let grid = counted.grid().ok_or(PackError::Counted)?;
        let bytes = table_file("counted", "", &grid, &base)?;
        add(&mut base, COUNTED.to_owned(), Some(grid.rows.len() as u64), None, bytes);
        let text = serde_json::to_string_pretty(counted).map_err(|_| PackError::Counted)? + "\n";
        add(&mut base, COUNTED_ENTRY.to_owned(), None, None, text.into_bytes());
    }
    for (report, grid) in reports.iter().zip(&grids) {
        let Some(grid) = grid else { continue };
        let sql = report.sql_digest();
        let bytes = table_file(&report.name, &sql, grid, &base)?;
        let (name, rows) = (format!("{}.parquet", report.name), grid.rows.len() as u64);
        add(&mut base, name, Some(rows), Some(sql), bytes);
        let name = format!("{}.sql", report.name);
        add(&mut base, name, None, None, report.sql.as_bytes().to_vec());
    }
    let tables = printed(reports, &grids);
    let mut documents = Vec::new();
    for language in Language::ALL {
        let view = PackView { manifest: &base, tables: &tables, language };
        let bare = render(&view, fonts, Vec::new())?;
        let (pages, embedded) = PdfFile::read(&bare)?.page_digests()?;
        documents.push(PackDocument {
            name: document_name(base.edition, language),
            language: language.tag().to_owned(),
            fonts: fonts.digests(),
            embedded: hex(&embedded),
            pages: pages.iter().map(|digest| hex(digest)).collect(),
        });
    }
    base.documents = documents;
    let digest = sign(&base, keys, &mut files)?;
    let size: usize = files.values().map(Vec::len).sum();
    if size > ATTACHED_BYTES_MAX {
        return Err(PackError::TooLarge(size));
    }
    for language in Language::ALL {
        let attached = attachments(&files, &base);
        let view = PackView { manifest: &base, tables: &tables, language };
        let pdf = render(&view, fonts, attached)?;
        files.insert(document_name(base.edition, language), pdf);
    }
    Ok(Pack { manifest: base, digest, files })
}

fn sign(
    manifest: &PackManifest,
    keys: ExtractKeys<'_>,
    files: &mut BTreeMap<String, Vec<u8>>,
) -> Result<Digest, PackError> {
    let bytes = to_bytes(manifest)?;
    let note = sign_note(PackManifest::FORMAT, &manifest.origin, &bytes, keys.log);
    let note = note.map_err(ManifestError::Note)?;
    files.insert(MANIFEST_NOTE.to_owned(), note.into_bytes());
    files.insert(MANIFEST_JWS.to_owned(), sign_jws(&bytes, keys.manifest)?.into_bytes());
    let digest = sha256(&bytes);
    files.insert(MANIFEST.to_owned(), bytes);
    Ok(digest)
}

/// Writes a pack into a folder of its own, which is made.
///
/// # Errors
/// [`PackError::Occupied`], [`PackError::Io`].
pub fn write(pack: &Pack, dir: &Path) -> Result<(), PackError> {
    let io = |path: &Path, source| PackError::Io { path: path.to_owned(), source };
    fs::create_dir_all(dir).map_err(|e| io(dir, e))?;
    if fs::read_dir(dir).map_err(|e| io(dir, e))?.next().is_some() {
        return Err(PackError::Occupied(dir.to_owned()));
    }
    for (name, bytes) in &pack.files {
        let path = dir.join(name);
        let put = || {
            let mut file = File::create(&path)?;
            file.write_all(bytes)?;
            file.sync_all()
        };
        put().map_err(|e| io(&path, e))?;
    }
    Ok(())
}
