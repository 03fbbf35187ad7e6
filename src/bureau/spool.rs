//! Uploads too large for memory, on disk and sealed: what a furnisher sent is never in clear there.
//!
//! A file is cut into blocks, each sealed under a key that only this file has and bound to its
//! place in it. The key lies sealed in the upload's row and goes with it, so that the file is
//! unreadable the moment it is done with, whatever the file system keeps of it.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;

use crate::collect::Blob;
use crate::kernel::Env;
use crate::kernel::seal::{Place, SealKey};

/// Bytes of a block in clear.
pub const BLOCK_BYTES: usize = 1024 * 1024;
/// What sealing adds to a block: nonce and tag.
const SEAL_BYTES: usize = 12 + 16;

fn place(id: &str, block: u64) -> Place<'_> {
    Place { table: "uploads", column: "spool", row: id, index: block }
}

/// Where the spooled file of an upload lies.
pub fn path(dir: &Path, id: &str) -> PathBuf {
    dir.join("spool").join(format!("{id}.sealed"))
}

/// Takes the spool for this process; the lock goes with the file that is given.
///
/// # Errors
/// The file system's, or another process has it.
pub fn lock(dir: &Path) -> io::Result<File> {
    folder(dir)?;
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(dir.join("spool").join("lock"))?;
    file.try_lock().map_err(|_| {
        io::Error::other("another process takes uploads in this directory: stop it first")
    })?;
    Ok(file)
}

/// Makes the folder of spooled files, durably.
fn folder(dir: &Path) -> io::Result<()> {
    if !dir.join("spool").is_dir() {
        std::fs::create_dir_all(dir.join("spool"))?;
        File::open(dir)?.sync_all()?;
    }
    Ok(())
}

/// Removes the spooled file of an upload, if it is there.
///
/// # Errors
/// It is there and cannot be removed.
pub fn remove(dir: &Path, id: &str) -> io::Result<()> {
    match std::fs::remove_file(path(dir, id)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// A spooled file while it arrives.
pub struct Spooling {
    env: Env,
    id: String,
    key: SealKey,
    dir: PathBuf,
    file: File,
    block: Vec<u8>,
    blocks: u64,
    length: u64,
    /// Whether the file stays when this is dropped.
    kept: bool,
}

impl Spooling {
    /// Begins the spooled file of upload `id` under a fresh key.
    ///
    /// # Errors
    /// The file system's.
    pub fn begin(env: &Env, dir: &Path, id: &str) -> io::Result<Spooling> {
        let path = path(dir, id);
        folder(dir)?;
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        Ok(Spooling {
            env: env.clone(),
            id: id.to_string(),
            key: SealKey::generate(env),
            dir: dir.to_path_buf(),
            file,
            block: Vec::with_capacity(BLOCK_BYTES),
            blocks: 0,
            length: 0,
            kept: false,
        })
    }

    /// The upload's id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The file's key.
    pub fn key(&self) -> &SealKey {
        &self.key
    }

    /// How many bytes came, in clear.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Adds bytes. Blocks on the disk now and then.
    ///
    /// # Errors
    /// The file system's.
    pub fn add(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let room = BLOCK_BYTES - self.block.len();
            let (now, later) = rest.split_at(room.min(rest.len()));
            self.block.extend_from_slice(now);
            self.length += now.len() as u64;
            rest = later;
            if self.block.len() == BLOCK_BYTES {
                self.seal_block()?;
            }
        }
        Ok(())
    }

    fn seal_block(&mut self) -> io::Result<()> {
        let sealed = self.key.seal(&self.env, place(&self.id, self.blocks), &self.block);
        self.file.write_all(&sealed)?;
        self.blocks += 1;
        self.block.clear();
        Ok(())
    }

    /// Makes what came durable: from here on a crash loses nothing of it.
    ///
    /// # Errors
    /// The file system's.
    pub fn finish(&mut self) -> io::Result<()> {
        if !self.block.is_empty() {
            self.seal_block()?;
        }
        self.file.sync_all()?;
        File::open(self.dir.join("spool"))?.sync_all()
    }

    /// The file is spoken for: it outlives this value.
    pub fn keep(&mut self) {
        self.kept = true;
    }

    /// Nobody speaks for the file after all: it goes with this value.
    pub fn let_go(&mut self) {
        self.kept = false;
    }
}

impl Drop for Spooling {
    fn drop(&mut self) {
        // A file that no upload speaks of is nobody's; the next start sweeps it otherwise.
        if !self.kept && remove(&self.dir, &self.id).is_err() {
            tracing::warn!(upload = self.id, "a spooled file could not be removed");
        }
    }
}

/// A spooled file, for reading.
pub struct Spooled {
    id: String,
    key: SealKey,
    file: File,
    length: u64,
    /// The block that was opened last.
    last: Mutex<(u64, Bytes)>,
}

impl Spooled {
    /// Opens the spooled file of upload `id`, of `length` bytes in clear.
    ///
    /// # Errors
    /// It is not there, or not as long as it was.
    pub fn open(dir: &Path, id: &str, key: SealKey, length: u64) -> io::Result<Spooled> {
        let file = File::open(path(dir, id))?;
        let sealed = length + length.div_ceil(BLOCK_BYTES as u64) * SEAL_BYTES as u64;
        if file.metadata()?.len() != sealed {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the spooled file was cut"));
        }
        let last = Mutex::new((u64::MAX, Bytes::new()));
        Ok(Spooled { id: id.to_string(), key, file, length, last })
    }

    fn block(&self, number: u64) -> io::Result<Bytes> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.0 != number {
            let clear = self.length.saturating_sub(number * BLOCK_BYTES as u64);
            let clear = usize::try_from(clear).unwrap_or(usize::MAX).min(BLOCK_BYTES);
            let mut sealed = vec![0; clear + SEAL_BYTES];
            self.file.read_exact_at(&mut sealed, number * (BLOCK_BYTES + SEAL_BYTES) as u64)?;
            let opened = self.key.open(place(&self.id, number), &sealed);
            let opened =
                opened.map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e.to_string()))?;
            *last = (number, Bytes::from(opened));
        }
        Ok(last.1.clone())
    }
}

impl Blob for Spooled {
    fn length(&self) -> u64 {
        self.length
    }

    fn read_at(&self, at: u64, length: usize) -> io::Result<Bytes> {
        let end = at.saturating_add(length as u64).min(self.length);
        let mut out = Vec::new();
        let mut at = at;
        while at < end {
            let block = self.block(at / BLOCK_BYTES as u64)?;
            let from = (at % BLOCK_BYTES as u64) as usize;
            let left = usize::try_from(end - at).unwrap_or(usize::MAX);
            let part = block.slice(from..from.saturating_add(left).min(block.len()));
            if out.is_empty() && part.len() == left {
                return Ok(part);
            }
            out.extend_from_slice(&part);
            at += part.len() as u64;
        }
        Ok(out.into())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::sync::Arc;

    use super::*;
    use crate::collect::BlobReader;
    use crate::kernel::Time;

    fn spooled(dir: &Path, bytes: &[u8]) -> (SealKey, u64) {
        let (env, _) = Env::fixed(Time::default(), 1);
        let mut spooling = Spooling::begin(&env, dir, "upl_1").expect("a file");
        for part in bytes.chunks(70_001) {
            spooling.add(part).expect("added");
        }
        spooling.finish().expect("durable");
        spooling.keep();
        (spooling.key().clone(), spooling.length())
    }

    #[test]
    fn what_was_spooled_is_read_back_and_lies_nowhere_in_clear() {
        let dir = tempfile::tempdir().expect("a directory");
        for length in [1, BLOCK_BYTES - 1, BLOCK_BYTES, BLOCK_BYTES + 1, 3 * BLOCK_BYTES + 5] {
            let bytes: Vec<u8> =
                b"plain text of a person ".iter().copied().cycle().take(length).collect();
            let (key, clear) = spooled(dir.path(), &bytes);
            assert_eq!(clear, length as u64);
            let file = Spooled::open(dir.path(), "upl_1", key, clear).expect("there");
            let across = file.read_at(clear / 2, BLOCK_BYTES).expect("readable");
            assert_eq!(across, bytes[length / 2..(length / 2 + BLOCK_BYTES).min(length)]);
            let mut read = Vec::new();
            BlobReader::new(Arc::new(file), 0).read_to_end(&mut read).expect("readable");
            assert!(read == bytes, "{length} bytes come back");
            let raw = std::fs::read(path(dir.path(), "upl_1")).expect("there");
            assert!(!raw.windows(10).any(|w| w == b"plain text"));
            remove(dir.path(), "upl_1").expect("removed");
        }
    }

    #[test]
    fn a_spooled_file_that_was_cut_or_altered_does_not_read() {
        let dir = tempfile::tempdir().expect("a directory");
        let (key, length) = spooled(dir.path(), &vec![7; BLOCK_BYTES + 9]);
        let at = path(dir.path(), "upl_1");
        let mut raw = std::fs::read(&at).expect("there");
        std::fs::write(&at, &raw[..raw.len() - 1]).expect("written");
        assert!(Spooled::open(dir.path(), "upl_1", key.clone(), length).is_err());
        raw[BLOCK_BYTES + 40] ^= 1;
        std::fs::write(&at, &raw).expect("written");
        let file = Spooled::open(dir.path(), "upl_1", key, length).expect("as long as it was");
        assert!(file.read_at(0, 5).is_ok() && file.read_at(BLOCK_BYTES as u64, 5).is_err());
    }

    #[test]
    fn an_upload_that_is_given_up_leaves_no_file() {
        let dir = tempfile::tempdir().expect("a directory");
        let (env, _) = Env::fixed(Time::default(), 1);
        let mut spooling = Spooling::begin(&env, dir.path(), "upl_2").expect("a file");
        spooling.add(b"something").expect("added");
        drop(spooling);
        assert!(!path(dir.path(), "upl_2").exists());
    }
}
