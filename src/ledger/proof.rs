//! `c2sp.org/tlog-proof@v1`: that an entry is in the log, in one text that verifies offline.

use std::fmt::Write as _;
use std::io;

use crate::kernel::bytes::{Digest, base64, from_base64};

use super::checkpoint::{Checkpoint, CheckpointError, OpenedCheckpoint};
use super::note::Verifier;
use super::text;
use super::tree::{HashSource, inclusion_proof, leaf_hash, verify_inclusion};

/// First line of every proof.
pub const PROOF_FORMAT: &str = "c2sp.org/tlog-proof@v1";

/// Hashes in the longest proof: one for each level of a tree of 2^64 entries.
const HASHES_MAX: usize = 64;

/// Why a proof is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// The text is not a proof.
    #[error("not a tlog-proof: {0}")]
    Malformed(&'static str),
    /// Its checkpoint is refused.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The hashes do not lead from the entry to the checkpoint's root.
    #[error("the proof does not show entry {index} in the tree of {size} entries")]
    NotIncluded {
        /// The entry's index.
        index: u64,
        /// The checkpoint's size.
        size: u64,
    },
}

impl ProofError {
    /// Stable name of the error.
    pub fn code(&self) -> &'static str {
        match self {
            ProofError::Malformed(_) => "proof_malformed",
            ProofError::Checkpoint(error) => error.code(),
            ProofError::NotIncluded { .. } => "proof_not_included",
        }
    }
}

/// An inclusion proof with the checkpoint that it leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// Data of the application, which nothing vouches for.
    pub extra: Option<Vec<u8>>,
    /// The entry's index.
    pub index: u64,
    /// Inclusion hashes, leaf to root.
    pub hashes: Vec<Digest>,
    /// The signed checkpoint, verbatim.
    pub checkpoint: String,
}

impl Proof {
    /// Makes the proof of entry `index` under a signed checkpoint, from the hashes of its tree.
    ///
    /// # Errors
    /// `InvalidData` when `checkpoint` is not one, `InvalidInput` when it does not cover the entry
    /// (yet), else what `source` says.
    pub fn make(source: &dyn HashSource, index: u64, checkpoint: &str) -> io::Result<Proof> {
        let said = Checkpoint::read_unverified(checkpoint)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        let hashes = inclusion_proof(source, index, said.size)?;
        Ok(Proof { extra: None, index, hashes, checkpoint: checkpoint.to_owned() })
    }

    /// The proof's text.
    pub fn to_text(&self) -> String {
        let mut out = format!("{PROOF_FORMAT}\n");
        // Writing to a string does not fail.
        if let Some(extra) = &self.extra {
            let _ = writeln!(out, "extra {}", base64(extra));
        }
        let _ = writeln!(out, "index {}", self.index);
        for hash in &self.hashes {
            let _ = writeln!(out, "{}", base64(hash));
        }
        let _ = write!(out, "\n{}", self.checkpoint);
        out
    }

    /// Reads a proof's text. Nothing is verified yet.
    ///
    /// # Errors
    /// [`ProofError::Malformed`].
    pub fn parse(text: &str) -> Result<Proof, ProofError> {
        let malformed = ProofError::Malformed;
        let (head, checkpoint) =
            text.split_once("\n\n").ok_or(malformed("it has no blank line"))?;
        let mut lines = head.split('\n').peekable();
        if lines.next() != Some(PROOF_FORMAT) {
            return Err(malformed("its first line is not c2sp.org/tlog-proof@v1"));
        }
        let extra = match lines.next_if(|line| line.starts_with("extra ")) {
            Some(line) => {
                let bytes = line.strip_prefix("extra ").and_then(from_base64);
                Some(bytes.ok_or(malformed("its extra data is not base64"))?)
            }
            None => None,
        };
        let index = lines.next().and_then(|line| line.strip_prefix("index "));
        let index = index.and_then(text::decimal).ok_or(malformed("it has no index line"))?;
        let hashes: Option<Vec<Digest>> = lines.map(text::hash).collect();
        let hashes = hashes.ok_or(malformed("one of its hashes is not 32 bytes in base64"))?;
        if hashes.len() > HASHES_MAX {
            return Err(malformed("it has more than 64 hashes"));
        }
        Ok(Proof { extra, index, hashes, checkpoint: checkpoint.to_owned() })
    }

    /// Verifies that the entry with these bytes is in the log at the proof's index: the checkpoint
    /// is signed by one of `log_keys` and cosigned by all `witnesses`, and the hashes lead to it.
    ///
    /// # Errors
    /// [`ProofError::Checkpoint`], [`ProofError::NotIncluded`].
    pub fn verify(
        &self,
        entry: &[u8],
        log_keys: &[Verifier],
        witnesses: &[Verifier],
    ) -> Result<OpenedCheckpoint, ProofError> {
        let opened = Checkpoint::open(&self.checkpoint, log_keys, witnesses)?;
        let Checkpoint { size, root, .. } = &opened.checkpoint;
        if verify_inclusion(&leaf_hash(entry), self.index, *size, &self.hashes, root) {
            Ok(opened)
        } else {
            Err(ProofError::NotIncluded { index: self.index, size: *size })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::memory::{TestLog, key};
    use crate::ledger::tile::TiledHashes;

    #[test]
    fn a_proof_holds_for_its_entry_only() {
        let log = TestLog::published(&[600]);
        let note = log.checkpoint();
        let keys = [key().verifier().clone()];
        for index in [0, 255, 256, 511, 598, 599] {
            let hashes = TiledHashes::new(&log.store, 600);
            let proof = Proof::make(&hashes, index, &note).expect("a proof");
            let text = proof.to_text();
            let read = Proof::parse(&text).expect("a proof");
            assert_eq!(read, proof);
            let entry = &log.leaves[index as usize];
            assert_eq!(read.verify(entry, &keys, &[]).expect("it holds").checkpoint.size, 600);
            let other = &log.leaves[(index as usize + 1) % 600];
            let refused = ProofError::NotIncluded { index, size: 600 };
            assert_eq!(read.verify(other, &keys, &[]), Err(refused));
        }
        assert!(Proof::make(&TiledHashes::new(&log.store, 600), 600, &note).is_err());
    }

    #[test]
    fn the_text_of_a_proof_is_strict() {
        let log = TestLog::published(&[5]);
        let note = log.checkpoint();
        let proof = Proof::make(&TiledHashes::new(&log.store, 5), 2, &note).expect("a proof");
        let text = proof.to_text();
        assert!(text.starts_with("c2sp.org/tlog-proof@v1\nindex 2\n"));
        let with_extra = Proof { extra: Some(b"more".to_vec()), ..proof.clone() };
        assert_eq!(Proof::parse(&with_extra.to_text()), Ok(with_extra));
        for (from, to) in [
            ("@v1", "@v2"),
            ("index 2", "index 02"),
            ("index 2", "index"),
            ("index 2\n", "index 2\nAAAA\n"),
            ("index 2\n", "index 2\nextra bW9yZQ==\n"),
            ("@v1\n", "@v1\nextra ?\n"),
        ] {
            assert!(Proof::parse(&text.replace(from, to)).is_err(), "{to:?}");
        }
    }
}
