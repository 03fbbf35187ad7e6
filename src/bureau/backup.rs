//! A backup: every table of the database as it is at one moment, made while the bureau serves.
//!
//! ```text
//! DIR/manifest.json     tables, digests, and the checkpoint of exactly these entries
//! DIR/manifest.note     the log key's signature over it, DIR/manifest.jws the manifest key's
//! DIR/NAME.ndjson.zst   one table: a row a line, a JSON array
//! ```
//!
//! Why rows and not a copy of the database's files? One form serves both databases, so that a
//! backup of either is restored into either; what is in it can be checked line by line, down to
//! the root of the log; and nothing else can come along: the bureau's private keys and the wrapped
//! keys of persons are in no table of this database (decisions.md 6). For a PostgreSQL that is too
//! large for this, or for the last second before a failure, its own archive serves
//! (`docs/operate/backup.md`).

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use ring::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Bureau;
use super::admission::Admission;
use super::command::keeping::Keeping;
use crate::error::Problem;
use crate::kernel::Time;
use crate::kernel::bytes::{Digest, from_hex, hex, sha256};
use crate::ledger::checkpoint::{Checkpoint, CheckpointError};
use crate::ledger::leaf::PublicKind;
use crate::ledger::note::{NoteSigner, Verifier};
use crate::ledger::rows as ledger_rows;
use crate::ledger::tree::{CompactRange, leaf_hash};
use crate::report::extract::{
    MANIFEST, MANIFEST_JWS, MANIFEST_NOTE, ManifestError, SignedManifest, open_manifest, sign_jws,
    sign_note, to_bytes,
};
use crate::store::copy::{self, TABLES};
use crate::store::{AnyConn, Store, StoreError};

/// Name and version of the form, and first line of its note.
pub const BACKUP_FORMAT: &str = "fivefold-backup/v1";
/// Fast, and the sealed bytes that most of it is do not shrink further.
const ZSTD_LEVEL: i32 = 1;
/// Bytes of the longest manifest that is read.
const MANIFEST_BYTES_MAX: u64 = 4 << 20;

/// What a backup is made of.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackupManifest {
    /// [`BACKUP_FORMAT`].
    pub format: String,
    /// The log's origin.
    pub origin: String,
    /// When it was made.
    pub at: Time,
    /// Versions of the schema that the rows have.
    pub schema: Vec<String>,
    /// A checkpoint of exactly the entries in it.
    pub checkpoint: String,
    /// The manifest key, a JWK.
    pub manifest_key: Value,
    /// The tables, in the order in which they are loaded.
    pub tables: Vec<BackedTable>,
}

/// One table of a backup.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackedTable {
    /// Its name.
    pub name: String,
    /// Its columns, in the order of each row's members.
    pub columns: Vec<String>,
    /// How many rows it has.
    pub rows: u64,
    /// SHA-256 of the file, in hexadecimal.
    pub sha256: String,
}

impl BackedTable {
    /// Where the rows lie.
    pub fn file(&self) -> String {
        format!("{}.ndjson.zst", self.name)
    }
}

impl SignedManifest for BackupManifest {
    const FORMAT: &'static str = BACKUP_FORMAT;

    fn says(&self) -> (&str, &str, &Value) {
        (&self.format, &self.origin, &self.manifest_key)
    }
}

/// Why a backup was not made, or is refused.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The manifest or its signatures.
    #[error("{file}: {0}", file = .0.file())]
    Manifest(#[from] ManifestError),
    /// The checkpoint.
    #[error("the checkpoint in the manifest: {0}")]
    Checkpoint(#[from] CheckpointError),
    /// The file system.
    #[error("{0}: {1}")]
    Io(PathBuf, io::Error),
    /// A file is not the one that the manifest names.
    #[error("{0} {1}: this copy is damaged, take another")]
    File(String, &'static str),
    /// What is in it is not a whole log.
    #[error("{0}")]
    Log(&'static str),
    /// The entry that records it was refused.
    #[error(transparent)]
    Refused(#[from] Problem),
}

impl BackupError {
    /// Stable name of the error.
    pub fn code(&self) -> &'static str {
        match self {
            BackupError::Store(_) => "database_unavailable",
            BackupError::Manifest(error) => match error.file() {
                MANIFEST_NOTE => "backup_note",
                MANIFEST_JWS => "backup_jws",
                _ => "backup_manifest",
            },
            BackupError::Checkpoint(error) => error.code(),
            BackupError::Io(..) => "backup_unreadable",
            BackupError::File(..) => "backup_damaged",
            BackupError::Log(_) => "backup_log",
            BackupError::Refused(_) => "refused",
        }
    }
}

/// A backup that was made.
#[derive(Clone, Debug, Serialize)]
pub struct BackupReport {
    /// Entries in it.
    pub entries: u64,
    /// Rows in it.
    pub rows: u64,
    /// Its tables.
    pub tables: usize,
    /// SHA-256 of its manifest, in hexadecimal.
    pub manifest: String,
}

/// Told which table is at work, and how many rows of it are done.
pub type Told<'a> = &'a mut dyn FnMut(&str, u64);

fn at(path: &Path) -> impl Fn(io::Error) -> BackupError + '_ {
    |error| BackupError::Io(path.to_path_buf(), error)
}

/// A file that is digested as it is written.
struct Digested {
    file: BufWriter<File>,
    digest: Context,
}

impl Write for Digested {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.digest.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

fn create(path: &Path) -> io::Result<File> {
    fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

/// Writes one table as it is in the transaction of `conn`.
fn write_table(
    conn: &mut AnyConn,
    out: &Path,
    (table, key): (&str, &str),
    told: Told<'_>,
) -> Result<BackedTable, BackupError> {
    let columns = copy::columns(conn, table)?;
    let mut written =
        BackedTable { name: table.to_string(), columns, rows: 0, sha256: String::new() };
    let path = out.join(written.file());
    let file = BufWriter::new(create(&path).map_err(at(&path))?);
    let digested = Digested { file, digest: Context::new(&SHA256) };
    let mut rows = zstd::Encoder::new(digested, ZSTD_LEVEL).map_err(at(&path))?;
    let mut broken = None;
    let outcome = copy::write_rows(conn, (table, key), &mut |line| {
        written.rows += 1;
        if written.rows.is_multiple_of(1_000) {
            told(table, written.rows);
        }
        let put = rows.write_all(line.as_bytes()).and_then(|()| rows.write_all(b"\n"));
        put.map_err(|error| {
            broken = Some(error);
            StoreError::Refused("the backup cannot be written".to_string())
        })
    });
    if let Some(error) = broken {
        return Err(BackupError::Io(path, error));
    }
    outcome?;
    let digested = rows.finish().map_err(at(&path))?;
    written.sha256 = hex(digested.digest.finish().as_ref());
    let file = digested.file.into_inner().map_err(|e| BackupError::Io(path.clone(), e.into()))?;
    file.sync_all().map_err(at(&path))?;
    Ok(written)
}

impl Bureau {
    /// Writes a backup into `out`, which is made, and records that it was taken and by whom.
    /// Commands go on meanwhile; what they write is not in it.
    ///
    /// # Errors
    /// [`BackupError`].
    pub fn backup(
        &self,
        by: Admission,
        out: &Path,
        told: Told<'_>,
    ) -> Result<BackupReport, BackupError> {
        let public = PublicKind::Export;
        let (admission, says) = (by.clone(), Vec::new());
        self.run(Keeping { admission, kind: "backup_intended", public, says }).value()?;
        fs::DirBuilder::new().mode(0o700).create(out).map_err(at(out))?;
        let schema = Store::schema_versions(self.store.target())?;
        let keys = &self.engine.keys;
        let mut failed = None;
        let copied = self.store.snapshot(|conn| {
            let head = ledger_rows::read_head(conn)?;
            let head = head.ok_or_else(|| StoreError::inconsistent("the log has no head"))?;
            let mut tables = Vec::new();
            for table in TABLES {
                match write_table(conn, out, table, &mut *told) {
                    Ok(written) => tables.push(written),
                    Err(BackupError::Store(error)) => return Err(error),
                    Err(error) => {
                        failed = Some(error);
                        return Err(StoreError::Refused("the backup was not written".into()));
                    }
                }
            }
            Ok((head, tables))
        });
        if let Some(error) = failed {
            return Err(error);
        }
        let (head, tables) = copied?;
        let checkpoint =
            Checkpoint { origin: head.origin, size: head.size, root: head.frontier.root() };
        let signers = keys.log_signers();
        let log: Vec<&NoteSigner> = signers.iter().map(|signer| &**signer).collect();
        let rows = tables.iter().map(|table| table.rows).sum();
        let manifest = BackupManifest {
            format: BACKUP_FORMAT.to_string(),
            origin: checkpoint.origin.clone(),
            at: self.engine.env.now(),
            schema,
            checkpoint: checkpoint.sign(&log)?,
            manifest_key: keys.manifest().public().to_jwk(),
            tables,
        };
        let bytes = to_bytes(&manifest)?;
        let note = sign_note(BACKUP_FORMAT, &manifest.origin, &bytes, &log)
            .map_err(ManifestError::Note)?;
        let jws = sign_jws(&bytes, &keys.manifest())?;
        // The manifest comes last: a folder without one is no backup.
        let files = [(MANIFEST_NOTE, note.as_bytes()), (MANIFEST_JWS, jws.as_bytes())];
        for (name, bytes) in files.into_iter().chain([(MANIFEST, &bytes[..])]) {
            let path = out.join(name);
            let mut file = create(&path).map_err(at(&path))?;
            file.write_all(bytes).and_then(|()| file.sync_all()).map_err(at(&path))?;
        }
        File::open(out).and_then(|dir| dir.sync_all()).map_err(at(out))?;
        let digest = hex(&sha256(&bytes));
        let says =
            vec![("entries", json!(head.size)), ("rows", json!(rows)), ("manifest", json!(digest))];
        self.run(Keeping { admission: by, kind: "backup_made", public, says }).value()?;
        let tables = manifest.tables.len();
        Ok(BackupReport { entries: head.size, rows, tables, manifest: digest })
    }
}

fn read_small(path: &Path) -> Result<String, BackupError> {
    let mut text = String::new();
    let file = File::open(path).map_err(at(path))?;
    file.take(MANIFEST_BYTES_MAX).read_to_string(&mut text).map_err(at(path))?;
    Ok(text)
}

/// The origin that a backup says it has, before anything of it is believed.
///
/// # Errors
/// There is no manifest, or it does not read.
pub fn origin_of(dir: &Path) -> Result<String, BackupError> {
    let manifest: BackupManifest = serde_json::from_str(&read_small(&dir.join(MANIFEST))?)
        .map_err(|e| ManifestError::Malformed(e.to_string()))?;
    Ok(manifest.origin)
}

/// A backup that is whole: signed, with every file as it was written, and a log down to its root.
#[derive(Debug)]
pub struct Checked {
    /// What it says of itself.
    pub manifest: BackupManifest,
    /// SHA-256 of the manifest, in hexadecimal.
    pub digest: String,
    /// The end of the log in it.
    pub checkpoint: Checkpoint,
    /// Sizes that were asked for, as far as it has them, and its root at each.
    pub roots: Vec<(u64, Digest)>,
}

/// Checks a backup against the log's keys; needs neither database nor secret. `held` are sizes at
/// which the root is wanted.
///
/// # Errors
/// [`BackupError`] names the file that is at fault.
pub fn check(
    dir: &Path,
    log_keys: &[Verifier],
    held: &[u64],
    told: Told<'_>,
) -> Result<Checked, BackupError> {
    let text = read_small(&dir.join(MANIFEST))?;
    let (note, jws) = (read_small(&dir.join(MANIFEST_NOTE))?, read_small(&dir.join(MANIFEST_JWS))?);
    let manifest: BackupManifest = open_manifest(text.as_bytes(), &note, &jws, log_keys, None)?;
    let checkpoint = Checkpoint::open(&manifest.checkpoint, log_keys, &[])?.checkpoint;
    if checkpoint.origin != manifest.origin {
        return Err(BackupError::Log("its checkpoint is of another log"));
    }
    let mut roots = Vec::new();
    let mut tree = CompactRange::new();
    for table in &manifest.tables {
        if !TABLES.iter().any(|(name, _)| *name == table.name) {
            return Err(BackupError::File(table.file(), "is no table of a bureau"));
        }
        check_digest(dir, table)?;
        let is_log = table.name == "entries";
        let mut rows = 0;
        read_table(dir, table, &mut |line| {
            rows += 1;
            if rows % 1_000 == 0 {
                told(&table.name, rows);
            }
            if is_log {
                let leaf = leaf_of(line, tree.size())
                    .ok_or(BackupError::Log("its entries do not follow each other"))?;
                tree.append(leaf_hash(&leaf));
                if held.contains(&tree.size()) {
                    roots.push((tree.size(), tree.root()));
                }
            }
            Ok(())
        })?;
        if rows != table.rows {
            return Err(BackupError::File(table.file(), "has another number of rows"));
        }
    }
    if tree.size() != checkpoint.size || tree.root() != checkpoint.root {
        return Err(BackupError::Log("its entries do not give the root of its checkpoint"));
    }
    let digest = hex(&sha256(text.as_bytes()));
    Ok(Checked { manifest, digest, checkpoint, roots })
}

fn check_digest(dir: &Path, table: &BackedTable) -> Result<(), BackupError> {
    let path = dir.join(table.file());
    let mut file = File::open(&path).map_err(at(&path))?;
    let mut digest = Context::new(&SHA256);
    let mut block = vec![0; 1 << 16];
    loop {
        match file.read(&mut block).map_err(at(&path))? {
            0 => break,
            n => digest.update(&block[..n]),
        }
    }
    match hex(digest.finish().as_ref()) == table.sha256 {
        true => Ok(()),
        false => Err(BackupError::File(table.file(), "has another digest than the manifest says")),
    }
}

/// The leaf in a row of `entries`, if it is the one with this index.
fn leaf_of(line: &str, index: u64) -> Option<Vec<u8>> {
    let (idx, leaf): (u64, String) = serde_json::from_str(line).ok()?;
    (idx == index).then(|| from_hex(&leaf)).flatten()
}

/// Gives every row of a table to `each`.
///
/// # Errors
/// The file does not read, or what `each` answers.
pub fn read_table(
    dir: &Path,
    table: &BackedTable,
    each: &mut dyn FnMut(&str) -> Result<(), BackupError>,
) -> Result<(), BackupError> {
    let path = dir.join(table.file());
    let file = File::open(&path).map_err(at(&path))?;
    let mut rows = BufReader::new(zstd::Decoder::new(file).map_err(at(&path))?);
    let mut line = String::new();
    while rows.read_line(&mut line).map_err(at(&path))? > 0 {
        each(line.trim_end_matches('\n'))?;
        line.clear();
    }
    Ok(())
}
