//! A file that can be read from any place, as often as needed: in memory, on disk, or spooled
//! sealed. Whoever reads never holds more of it than a block.

use std::fs::File;
use std::io::{self, BufRead, Read};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use bytes::Bytes;
use parquet::errors::ParquetError;
use parquet::file::reader::{ChunkReader, Length};

/// Bytes that are read ahead of a reader.
const BLOCK_BYTES: usize = 256 * 1024;

/// Bytes at rest.
pub trait Blob: Send + Sync {
    /// How many there are.
    fn length(&self) -> u64;

    /// The bytes from `at`, `length` of them, or fewer where the file ends.
    ///
    /// # Errors
    /// They cannot be read, or are not what was written.
    fn read_at(&self, at: u64, length: usize) -> io::Result<Bytes>;
}

/// A blob in several hands.
pub type SharedBlob = Arc<dyn Blob>;

impl Blob for Bytes {
    fn length(&self) -> u64 {
        self.len() as u64
    }

    fn read_at(&self, at: u64, length: usize) -> io::Result<Bytes> {
        let from = usize::try_from(at).unwrap_or(usize::MAX).min(self.len());
        Ok(self.slice(from..from.saturating_add(length).min(self.len())))
    }
}

/// A file on disk, and its length when it was opened.
pub struct OnDisk {
    file: File,
    length: u64,
}

impl OnDisk {
    /// Opens a file for reading.
    ///
    /// # Errors
    /// It cannot be opened.
    pub fn open(path: &std::path::Path) -> io::Result<OnDisk> {
        let file = File::open(path)?;
        let length = file.metadata()?.len();
        Ok(OnDisk { file, length })
    }
}

impl Blob for OnDisk {
    fn length(&self) -> u64 {
        self.length
    }

    fn read_at(&self, at: u64, length: usize) -> io::Result<Bytes> {
        let left = usize::try_from(self.length.saturating_sub(at)).unwrap_or(usize::MAX);
        let mut out = vec![0; length.min(left)];
        self.file.read_exact_at(&mut out, at)?;
        Ok(out.into())
    }
}

/// Reads a blob from its beginning to its end.
pub struct BlobReader {
    blob: SharedBlob,
    at: u64,
    block: Bytes,
}

impl BlobReader {
    /// A reader that begins at byte `at`.
    pub fn new(blob: SharedBlob, at: u64) -> BlobReader {
        BlobReader { blob, at, block: Bytes::new() }
    }
}

impl BufRead for BlobReader {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.block.is_empty() && self.at < self.blob.length() {
            self.block = self.blob.read_at(self.at, BLOCK_BYTES)?;
            self.at += self.block.len() as u64;
        }
        Ok(&self.block)
    }

    fn consume(&mut self, amount: usize) {
        self.block = self.block.slice(amount.min(self.block.len())..);
    }
}

impl Read for BlobReader {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let mut from = self.fill_buf()?;
        let read = from.read(out)?;
        self.consume(read);
        Ok(read)
    }
}

/// A blob as the Parquet reader wants it.
#[derive(Clone)]
pub struct Chunks(pub SharedBlob);

impl Length for Chunks {
    fn len(&self) -> u64 {
        self.0.length()
    }
}

impl ChunkReader for Chunks {
    type T = BlobReader;

    fn get_read(&self, start: u64) -> Result<BlobReader, ParquetError> {
        Ok(BlobReader::new(self.0.clone(), start))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        let read = self.0.read_at(start, length).map_err(|e| ParquetError::External(e.into()))?;
        match read.len() == length {
            true => Ok(read),
            false => Err(ParquetError::EOF("the file ends before the chunk does".to_string())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_gives_every_byte_from_where_it_begins() {
        let bytes: Vec<u8> = (0..600_000u32).map(|n| n as u8).collect();
        let blob: SharedBlob = Arc::new(Bytes::from(bytes.clone()));
        for at in [0, 1, BLOCK_BYTES as u64, 599_999, 600_000, 700_000] {
            let mut read = Vec::new();
            BlobReader::new(blob.clone(), at).read_to_end(&mut read).expect("memory");
            assert_eq!(read, bytes.get(at as usize..).unwrap_or_default(), "from {at}");
        }
    }

    #[test]
    fn a_chunk_beyond_the_end_is_an_error_and_no_panic() {
        let chunks = Chunks(Arc::new(Bytes::from_static(b"PAR1")));
        assert_eq!(&chunks.get_bytes(1, 3).expect("inside")[..], b"AR1");
        assert!(chunks.get_bytes(2, 3).is_err());
        assert!(chunks.get_bytes(u64::MAX, 3).is_err());
    }
}
