//! The auditor of a pack's PDF: takes the attachments out and believes the log's key alone.
//!
//! It checks both signatures over the manifest, the digest of every attached file and of every
//! page, that the entry of what the bureau counted is in the log, and, where the fonts are the
//! same, that drawing the attached tables again gives this very file. Over the extract it runs the
//! SQL again and compares every row.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::kernel::bytes::{Digest, hex, sha256};
use crate::ledger::leaf::{Leaf, PublicKind};
use crate::ledger::note::Verifier;
use crate::ledger::proof::Proof;

use crate::report::document::Fonts;
use crate::report::document::read::PdfFile;
use crate::report::extract::{MANIFEST, MANIFEST_JWS, MANIFEST_NOTE, open_manifest};
use crate::report::pack::catalogue::Report;
use crate::report::pack::grid::Grid;
use crate::report::pack::make::{COUNTED, COUNTED_ENTRY, SCOPE, attachments, printed};
use crate::report::pack::manifest::{Counted, Edition, PackDocument, PackManifest};
use crate::report::pack::print::words::Language;
use crate::report::pack::print::{PackView, render};
use crate::report::verify_export::unbroken;

/// How the PDF itself is called in an error.
const PDF: &str = "the PDF";

/// What is wrong with a bundle: which file, which row where it can be told, and what.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}{}: {what}", row.map(|row| format!(", row {row}")).unwrap_or_default())]
pub struct BundleError {
    code: &'static str,
    file: String,
    row: Option<usize>,
    what: String,
}

impl BundleError {
    fn new(code: &'static str, file: &str, what: impl ToString) -> BundleError {
        // One line, whatever a file is called or its reader says.
        let line = |text: String| text.replace(char::is_control, " ");
        let (file, what) = (line(file.to_owned()), line(what.to_string()));
        BundleError { code, file, row: None, what }
    }

    fn at(mut self, row: Option<usize>) -> BundleError {
        self.row = row;
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
    pub fn row(&self) -> Option<usize> {
        self.row
    }
}

/// What was found in a bundle that verifies.
#[derive(Debug)]
pub struct BundleReport {
    /// What the pack says of itself.
    pub manifest: PackManifest,
    /// SHA-256 of its manifest.
    pub digest: Digest,
    /// Which of its documents this is.
    pub document: PackDocument,
    /// How many tables are attached.
    pub tables: usize,
    /// Whether the pages were drawn again and are the same: not possible without the same fonts.
    pub redrawn: bool,
    /// Names of tables that were computed again over the extract; `None` without one.
    pub recomputed: Option<Vec<String>>,
}

/// A bundle that was taken apart and holds together, before anything is computed again.
struct Opened {
    manifest: PackManifest,
    digest: Digest,
    files: BTreeMap<String, Vec<u8>>,
    pages: Vec<String>,
    embedded: String,
    language: Option<String>,
    grids: Vec<Option<Grid>>,
    /// What the bureau counted, for the SQL that needs it.
    #[cfg_attr(not(feature = "engine"), expect(dead_code, reason = "only the engine reads it"))]
    counted: Option<Grid>,
}

/// Verifies the PDF of a pack. One of `log_keys` must have signed its manifest. With `extract`, the
/// folder that it was computed from, every number is computed again.
///
/// # Errors
/// [`BundleError`] names the file, the row where it can be told, and what is wrong.
pub fn verify_bundle(
    pdf: &[u8],
    log_keys: &[Verifier],
    fonts: &Fonts,
    extract: Option<&Path>,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<BundleReport, BundleError> {
    let opened = unbroken(|| open(pdf, log_keys));
    let broken = || BundleError::new("bundle_unreadable", PDF, "it cannot be read");
    let opened = opened.ok_or_else(broken)??;
    let document = document(&opened)?.clone();
    let redrawn = redraw(pdf, &opened, &document, fonts)?;
    let recomputed = match extract {
        Some(dir) => Some(recompute(dir, &opened, log_keys, progress)?),
        None => None,
    };
    let tables = opened.grids.iter().flatten().count();
    let (manifest, digest) = (opened.manifest, opened.digest);
    Ok(BundleReport { manifest, digest, document, tables, redrawn, recomputed })
}

fn open(pdf: &[u8], log_keys: &[Verifier]) -> Result<Opened, BundleError> {
    let unreadable = |error| BundleError::new("bundle_unreadable", PDF, error);
    let read = PdfFile::read(pdf).map_err(|e| unreadable(e.to_string()))?;
    let mut files = read.attachments().map_err(|e| unreadable(e.to_string()))?;
    let (pages, embedded) = read.page_digests().map_err(|e| unreadable(e.to_string()))?;
    let (embedded, language) = (hex(&embedded), read.language());
    let pages = pages.iter().map(|digest| hex(digest)).collect();
    let signed = |name: &str| {
        let missing = || BundleError::new("bundle_file_missing", name, "it is not attached");
        files.get(name).cloned().ok_or_else(missing)
    };
    let text = |name: &str| {
        String::from_utf8(signed(name)?)
            .map_err(|_| BundleError::new("export_manifest_malformed", name, "it is not UTF-8"))
    };
    let bytes = signed(MANIFEST)?;
    let (note, jws) = (text(MANIFEST_NOTE)?, text(MANIFEST_JWS)?);
    let manifest: PackManifest = open_manifest(&bytes, &note, &jws, log_keys, None)
        .map_err(|error| BundleError::new(error.code(), error.file(), &error))?;
    attached(&manifest, &files)?;
    let grids = grids(&manifest, &files)?;
    scope(&manifest, &files)?;
    let counted = match files.get(COUNTED_ENTRY) {
        Some(bytes) => Some(counted(&manifest, bytes, &files, log_keys)?),
        None if manifest.edition == Edition::Supervisory => {
            let what = "it is not attached to the supervisory edition";
            return Err(BundleError::new("bundle_file_missing", COUNTED_ENTRY, what));
        }
        None => None,
    };
    let digest = sha256(&bytes);
    files.retain(|name, _| !name.ends_with(".pdf"));
    Ok(Opened { manifest, digest, files, pages, embedded, language, grids, counted })
}

/// Exactly the listed files are attached, each as it was listed.
fn attached(manifest: &PackManifest, files: &BTreeMap<String, Vec<u8>>) -> Result<(), BundleError> {
    let mut known: BTreeSet<&str> = [MANIFEST, MANIFEST_NOTE, MANIFEST_JWS].into();
    for file in &manifest.files {
        let Some(bytes) = files.get(&file.name) else {
            return Err(BundleError::new("bundle_file_missing", &file.name, "it is not attached"));
        };
        if hex(&sha256(bytes)) != file.sha256 {
            let what = "its SHA-256 is not the one in the manifest";
            // Read all the same, where it is a table: the row that differs cannot be told without
            // the extract, but that it does not read can.
            let what = match Grid::from_parquet(bytes) {
                Err(error) if file.rows.is_some() => format!("{what}, nor is it a table: {error}"),
                _ => what.to_owned(),
            };
            return Err(BundleError::new("bundle_digest", &file.name, what));
        }
        known.insert(&file.name);
    }
    match files.keys().find(|name| !known.contains(name.as_str())) {
        Some(other) => {
            let what = "it is attached and not listed in the manifest";
            Err(BundleError::new("bundle_file_unexpected", other, what))
        }
        None => Ok(()),
    }
}

/// The tables, each from the SQL of this version.
fn grids(
    manifest: &PackManifest,
    files: &BTreeMap<String, Vec<u8>>,
) -> Result<Vec<Option<Grid>>, BundleError> {
    let reports = Report::of(manifest.edition)
        .map_err(|e| BundleError::new("report_definition", MANIFEST, e))?;
    let mut grids = Vec::with_capacity(reports.len());
    for report in reports {
        if manifest.edition == Edition::Public && !report.public {
            grids.push(None);
            continue;
        }
        let name = format!("{}.parquet", report.name);
        let listed = manifest.files.iter().find(|file| file.name == name);
        let (Some(listed), Some(bytes)) = (listed, files.get(&name)) else {
            let what = "the manifest does not list it";
            return Err(BundleError::new("bundle_file_missing", &name, what));
        };
        let sql_name = format!("{}.sql", report.name);
        let same = files.get(&sql_name).is_some_and(|sql| sql == report.sql.as_bytes());
        if listed.sql.as_deref() != Some(report.sql_digest().as_str()) || !same {
            let what = "it is not the SQL of this version of the program: use the version that \
                        made the report";
            return Err(BundleError::new("bundle_sql", &sql_name, what));
        }
        let grid = Grid::from_parquet(bytes);
        let grid = grid.map_err(|error| BundleError::new("bundle_table", &name, error))?;
        if listed.rows != Some(grid.rows.len() as u64) {
            let what = "it has not as many rows as the manifest says";
            return Err(BundleError::new("bundle_table", &name, what));
        }
        grids.push(Some(grid));
    }
    Ok(grids)
}

fn scope(manifest: &PackManifest, files: &BTreeMap<String, Vec<u8>>) -> Result<(), BundleError> {
    let found = files.get(SCOPE).map(|bytes| Grid::from_parquet(bytes));
    let wrong = |what: String| BundleError::new("bundle_scope", SCOPE, what);
    let Some(found) = found else { return Err(wrong("it is not attached".to_owned())) };
    let found = found.map_err(|error| wrong(error.to_string()))?;
    match manifest.scope().difference(&found) {
        Some((row, what)) => Err(wrong(what).at(row)),
        None => Ok(()),
    }
}

/// What the bureau counted is what an entry of the log says that it counted.
fn counted(
    manifest: &PackManifest,
    bytes: &[u8],
    files: &BTreeMap<String, Vec<u8>>,
    log_keys: &[Verifier],
) -> Result<Grid, BundleError> {
    let wrong = |what: String| BundleError::new("bundle_counted", COUNTED_ENTRY, what);
    let counted: Counted =
        serde_json::from_slice(bytes).map_err(|error| wrong(error.to_string()))?;
    let leaf = Leaf::parse(counted.leaf.as_bytes()).map_err(|e| wrong(e.to_string()))?;
    let opening: crate::ledger::commitment::Opening =
        serde_json::from_value(counted.opening.clone()).map_err(|e| wrong(e.to_string()))?;
    if opening.commitment() != leaf.commitment || leaf.kind != PublicKind::Export {
        return Err(wrong("its opening is not what its leaf commits to".to_owned()));
    }
    let proof = Proof::parse(&counted.proof).map_err(|e| wrong(e.to_string()))?;
    if proof.index != counted.index {
        return Err(wrong("its proof is of another entry".to_owned()));
    }
    let proved = proof.verify(counted.leaf.as_bytes(), log_keys, &[]);
    proved.map_err(|error| wrong(error.to_string()))?;
    let record: serde_json::Value =
        serde_json::from_str(&opening.record).map_err(|e| wrong(e.to_string()))?;
    let of_this = record["period"] == manifest.period.name.as_str()
        && record["jurisdiction"] == manifest.jurisdiction.as_str()
        && leaf.time == manifest.generated_at;
    let grid = counted.grid().filter(|_| of_this);
    let grid = grid.ok_or_else(|| wrong("it was not counted for this report".to_owned()))?;
    let listed = files.get(COUNTED).map(|bytes| Grid::from_parquet(bytes));
    let same = matches!(&listed, Some(Ok(found)) if *found == grid);
    match same {
        true => Ok(grid),
        false => {
            let what = "it is not what the entry says that was counted";
            Err(BundleError::new("bundle_counted", COUNTED, what))
        }
    }
}

/// Which of the pack's documents this is: its pages and fonts are the ones that were signed.
fn document(opened: &Opened) -> Result<&PackDocument, BundleError> {
    let named = |document: &&PackDocument| Some(&document.language) == opened.language.as_ref();
    let Some(nearest) = opened.manifest.documents.iter().find(named) else {
        let what = "it is in a language that the manifest lists no document in";
        return Err(BundleError::new("bundle_pages", PDF, what));
    };
    if nearest.pages == opened.pages && nearest.embedded == opened.embedded {
        return Ok(nearest);
    }
    let mut pairs = nearest.pages.iter().zip(&opened.pages);
    let what = match pairs.position(|(a, b)| a != b) {
        Some(page) => {
            format!("page {} of {} is not the one that was signed", page + 1, nearest.name)
        }
        None if nearest.pages == opened.pages => {
            format!("the fonts inside are not those of {}", nearest.name)
        }
        None => format!(
            "it has {} pages, and {} of the pack has {}",
            opened.pages.len(),
            nearest.name,
            nearest.pages.len()
        ),
    };
    Err(BundleError::new("bundle_pages", PDF, what))
}

/// Draws the attached tables again. Gives whether that could be done: other fonts, other pages.
fn redraw(
    pdf: &[u8],
    opened: &Opened,
    document: &PackDocument,
    fonts: &Fonts,
) -> Result<bool, BundleError> {
    let (manifest, language) = (&opened.manifest, Language::of(&document.language));
    let (Some(language), true) = (language, fonts.digests() == document.fonts) else {
        return Ok(false);
    };
    let reports = Report::of(manifest.edition)
        .map_err(|e| BundleError::new("report_definition", MANIFEST, e))?;
    let tables = printed(reports, &opened.grids);
    let mut manifest = opened.manifest.clone();
    let attached = attachments(&opened.files, &manifest);
    manifest.documents.clear();
    let view = PackView { manifest: &manifest, tables: &tables, language };
    let failed = |error: String| BundleError::new("bundle_pages", PDF, error);
    let drawn = render(&view, fonts, attached).map_err(|e| failed(e.to_string()))?;
    if drawn == pdf {
        return Ok(true);
    }
    let pages = PdfFile::read(&drawn).and_then(|file| file.page_digests());
    let (pages, _) = pages.map_err(|e| failed(e.to_string()))?;
    let mut pairs = pages.iter().map(|digest| hex(digest)).zip(&opened.pages);
    let what = match pairs.position(|(a, b)| a != *b) {
        Some(page) => format!("page {} does not print what the attached tables say", page + 1),
        None => "it is not the file that its tables give: something outside of its pages and \
                 attachments was changed"
            .to_owned(),
    };
    Err(BundleError::new("bundle_pages", PDF, what))
}

#[cfg(not(feature = "engine"))]
fn recompute(
    _: &Path,
    _: &Opened,
    _: &[Verifier],
    _: &mut dyn FnMut(u64, u64),
) -> Result<Vec<String>, BundleError> {
    let what =
        "this program was built without its query engine: build it with the feature `engine`";
    Err(BundleError::new("engine_absent", PDF, what))
}

/// Runs the SQL over the extract and compares every row. The public edition does not hold what the
/// bureau counted: the tables that need it are left out, and not named in the result.
#[cfg(feature = "engine")]
fn recompute(
    dir: &Path,
    opened: &Opened,
    log_keys: &[Verifier],
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Vec<String>, BundleError> {
    use crate::report::pack::engine::{Beside, run};
    use crate::report::pack::grid::Kind;
    use crate::report::pack::make::edit;

    let manifest = &opened.manifest;
    let found = crate::report::verify_export::verify_export(dir, log_keys, None, progress)
        .map_err(|error| BundleError::new(error.code(), "the extract", &error))?;
    let of = &manifest.extract;
    if hex(&found.manifest) != of.manifest || (found.start, found.end) != (of.start, of.end) {
        let what = "the report was computed from another extract than this one";
        return Err(BundleError::new("bundle_other_extract", MANIFEST, what));
    }
    let reports = Report::of(manifest.edition)
        .map_err(|e| BundleError::new("report_definition", MANIFEST, e))?;
    let none = Grid::new(&[("measure", Kind::Text), ("value", Kind::Int), ("entry", Kind::Int)]);
    let counted = opened.counted.as_ref().unwrap_or(&none);
    let beside = Beside { scope: &manifest.scope(), counted };
    let truth = run(dir, &beside, reports)
        .map_err(|error| BundleError::new("engine_failed", MANIFEST, error))?;
    let mut compared = Vec::new();
    let pairs = reports.iter().zip(edit(reports, &truth, manifest.edition)).zip(&opened.grids);
    for ((report, right), found) in pairs {
        let (Some(right), Some(found)) = (right, found) else { continue };
        if opened.counted.is_none() && report.sql.contains("FROM counted") {
            continue;
        }
        if let Some((row, what)) = right.difference(found) {
            let file = format!("{}.parquet", report.name);
            let what = format!("{what}, by the extract");
            return Err(BundleError::new("bundle_number", &file, what).at(row));
        }
        compared.push(report.name.clone());
    }
    Ok(compared)
}
