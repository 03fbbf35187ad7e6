//! Personal parts for a named examiner: one sealed table, ids replaced by pseudonyms.
//!
//! An ordinary extract has no personal part (decisions.md 2). This one has them, opened, in a file
//! that only the examiner's key opens ([`crate::kernel::age`]). Whoever is named in it is named by
//! a pseudonym that stays the same for this examiner and is another for the next, so that two
//! examiners cannot put their files together. Because of that the text is no longer the one that
//! was committed to: `personal_hash` says which entry it is of, and cannot be computed from it.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, FixedSizeBinaryBuilder, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use ring::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::extract::{
    ExtractKeys, MANIFEST, MANIFEST_JWS, MANIFEST_NOTE, ManifestError, ManifestFile, Period,
    SignedManifest, sign_jws, sign_note, to_bytes,
};
use crate::kernel::Env;
use crate::kernel::age::{Recipient, Sealer};
use crate::kernel::bytes::{Digest, hex, sha256};

/// Name and version of the manifest's format, and first line of its note.
pub const PERSONAL_FORMAT: &str = "fivefold-personal/v1";

/// The sealed table.
pub const PERSONAL_FILE: &str = "personal.parquet.age";

/// Rows that are gathered before they are written.
const BATCH_ROWS: usize = 4_096;

/// Digits of an id after its prefix.
const ID_DIGITS: usize = 26;

/// What a sealed export is made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PersonalManifest {
    /// [`PERSONAL_FORMAT`].
    pub format: String,
    /// The log's origin.
    pub origin: String,
    /// The time that is covered.
    pub period: Period,
    /// First entry.
    pub start: u64,
    /// One past the last.
    pub end: u64,
    /// Whose key opens it, `age1…`.
    pub recipient: String,
    /// Index of the entry that said, before, that this was to be made, by whom and why.
    pub intent: u64,
    /// Entries whose personal part is gone: forgotten, with a certificate in the log.
    pub gone: u64,
    /// The manifest key, a JWK.
    pub manifest_key: Value,
    /// The files.
    pub files: Vec<ManifestFile>,
}

impl SignedManifest for PersonalManifest {
    const FORMAT: &'static str = PERSONAL_FORMAT;

    fn says(&self) -> (&str, &str, &Value) {
        (&self.format, &self.origin, &self.manifest_key)
    }
}

/// One personal part, opened.
#[derive(Clone, Debug)]
pub struct PersonalRow {
    /// Index of the entry.
    pub index: u64,
    /// Exact kind of the entry.
    pub kind: String,
    /// `SHA-256(salt_p ‖ personal)`, as the extract has it beside the entry.
    pub personal_hash: Digest,
    /// The person that the entry concerns, by the bureau's own id.
    pub person: String,
    /// The personal part.
    pub personal: Value,
}

/// Why the export was not made.
#[derive(Debug, thiserror::Error)]
pub enum PersonalError {
    /// The folder is taken.
    #[error("{0} holds an export already: choose another folder")]
    Occupied(PathBuf),
    /// The table cannot be written.
    #[error("{PERSONAL_FILE} cannot be written: {0}")]
    Table(#[from] ParquetError),
    /// A file cannot be written.
    #[error("{} cannot be written: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The manifest cannot be signed.
    #[error("the manifest cannot be signed: {0}")]
    Manifest(#[from] ManifestError),
}

impl PersonalError {
    /// Stable name of the error.
    pub fn code(&self) -> &'static str {
        match self {
            PersonalError::Occupied(_) => "extract_occupied",
            PersonalError::Table(_) | PersonalError::Io { .. } => "extract_io",
            PersonalError::Manifest(error) => error.code(),
        }
    }
}

/// Whether a text is one of the bureau's ids, and leads to somebody: partners and inquiries stand
/// in the records by their own names.
fn leads_to_somebody(text: &str) -> bool {
    let Some((prefix, digits)) = text.split_once('_') else { return false };
    prefix.len() == 3
        && prefix.bytes().all(|b| b.is_ascii_lowercase())
        && !matches!(prefix, "par" | "inq")
        && digits.len() == ID_DIGITS
        && digits.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_lowercase())
}

/// Replaces every id that leads to somebody, wherever it stands.
pub fn pseudonymise(value: &mut Value, pseudonym: &dyn Fn(&str) -> String) {
    match value {
        Value::String(text) if leads_to_somebody(text) => *text = pseudonym(text),
        Value::Array(list) => list.iter_mut().for_each(|one| pseudonymise(one, pseudonym)),
        Value::Object(members) => {
            members.values_mut().for_each(|one| pseudonymise(one, pseudonym));
        }
        _ => {}
    }
}

/// Passes bytes on and digests them on the way.
struct Digesting {
    file: File,
    context: Context,
}

impl Write for Digesting {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.context.update(bytes.get(..written).unwrap_or_default());
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Writes one sealed export.
pub struct PersonalWriter {
    dir: PathBuf,
    writer: ArrowWriter<Sealer<Digesting>>,
    waiting: Vec<PersonalRow>,
    rows: u64,
}

fn schema() -> Arc<Schema> {
    Arc::new(Schema::new(vec![
        Field::new("index", DataType::Int64, false),
        Field::new("kind", DataType::Utf8, false),
        Field::new("pseudonym", DataType::Utf8, false),
        Field::new("personal_hash", DataType::FixedSizeBinary(32), false),
        Field::new("personal", DataType::Utf8, false),
    ]))
}

impl PersonalWriter {
    /// Begins the sealed table in the folder `dir`, which is made.
    ///
    /// # Errors
    /// [`PersonalError`].
    pub fn begin(
        env: &Env,
        recipient: &Recipient,
        dir: &Path,
    ) -> Result<PersonalWriter, PersonalError> {
        let path = dir.join(PERSONAL_FILE);
        let io = |source| PersonalError::Io { path: path.clone(), source };
        fs::create_dir_all(dir).map_err(io)?;
        if fs::read_dir(dir).map_err(io)?.next().is_some() {
            return Err(PersonalError::Occupied(dir.to_owned()));
        }
        let file = File::create(&path).map_err(io)?;
        let sink = Digesting { file, context: Context::new(&SHA256) };
        let sealer = Sealer::begin(env, recipient, sink).map_err(io)?;
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::try_new(3)?))
            .set_max_row_group_row_count(Some(100_000))
            .build();
        let writer = ArrowWriter::try_new(sealer, schema(), Some(properties))?;
        Ok(PersonalWriter { dir: dir.to_owned(), writer, waiting: Vec::new(), rows: 0 })
    }

    /// Adds a row, its ids replaced.
    ///
    /// # Errors
    /// [`PersonalError`].
    pub fn push(
        &mut self,
        mut row: PersonalRow,
        pseudonym: &dyn Fn(&str) -> String,
    ) -> Result<(), PersonalError> {
        row.person = pseudonym(&row.person);
        pseudonymise(&mut row.personal, pseudonym);
        self.waiting.push(row);
        if self.waiting.len() >= BATCH_ROWS { self.write() } else { Ok(()) }
    }

    fn write(&mut self) -> Result<(), PersonalError> {
        let rows = std::mem::take(&mut self.waiting);
        let mut hashes = FixedSizeBinaryBuilder::new(32);
        for row in &rows {
            hashes.append_value(row.personal_hash).map_err(ParquetError::from)?;
        }
        let index = rows.iter().map(|row| i64::try_from(row.index).unwrap_or(i64::MAX));
        let columns: Vec<ArrayRef> = vec![
            Arc::new(index.collect::<Int64Array>()),
            Arc::new(rows.iter().map(|row| Some(&row.kind)).collect::<StringArray>()),
            Arc::new(rows.iter().map(|row| Some(&row.person)).collect::<StringArray>()),
            Arc::new(hashes.finish()),
            Arc::new(
                rows.iter().map(|row| Some(row.personal.to_string())).collect::<StringArray>(),
            ),
        ];
        let batch = RecordBatch::try_new(schema(), columns).map_err(ParquetError::from)?;
        self.rows += batch.num_rows() as u64;
        self.writer.write(&batch)?;
        Ok(())
    }

    /// Ends the table, and signs a manifest over it. `manifest` says everything but the files.
    /// Gives the manifest's digest and the number of rows.
    ///
    /// # Errors
    /// [`PersonalError`].
    pub fn finish(
        mut self,
        mut manifest: PersonalManifest,
        keys: ExtractKeys<'_>,
    ) -> Result<(Digest, u64), PersonalError> {
        self.write()?;
        let path = self.dir.join(PERSONAL_FILE);
        let io = |source| PersonalError::Io { path: path.clone(), source };
        let sink = self.writer.into_inner()?.finish().map_err(io)?;
        sink.file.sync_all().map_err(io)?;
        manifest.files = vec![ManifestFile {
            name: PERSONAL_FILE.to_owned(),
            schema: "fivefold.personal/v1".to_owned(),
            rows: self.rows,
            unreadable: 0,
            sha256: hex(sink.context.finish().as_ref()),
        }];
        let bytes = to_bytes(&manifest)?;
        let note = sign_note(PERSONAL_FORMAT, &manifest.origin, &bytes, keys.log);
        let note = note.map_err(ManifestError::Note)?;
        let jws = sign_jws(&bytes, keys.manifest)?;
        let files = [(MANIFEST_NOTE, note.as_bytes()), (MANIFEST_JWS, jws.as_bytes())];
        for (name, bytes) in files.into_iter().chain([(MANIFEST, bytes.as_slice())]) {
            let path = self.dir.join(name);
            fs::write(&path, bytes).map_err(|source| PersonalError::Io { path, source })?;
        }
        Ok((sha256(&bytes), self.rows))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn ids_that_lead_to_somebody_are_replaced_wherever_they_stand() {
        let id = |prefix: &str| format!("{prefix}_{}", "0a".repeat(13));
        let mut value = json!({
            "person": id("per"), "partner": id("par"), "inquiry": id("inq"),
            "items": [{"id": id("dsp")}, "per_short", id("sub")], "text": "per_ is a prefix",
        });
        pseudonymise(&mut value, &|text| format!("<{}>", &text[..3]));
        assert_eq!(
            value,
            json!({
                "person": "<per>", "partner": id("par"), "inquiry": id("inq"),
                "items": [{"id": "<dsp>"}, "per_short", "<sub>"], "text": "per_ is a prefix",
            })
        );
    }
}
