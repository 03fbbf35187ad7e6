//! What ties the entries of a period to the log: the tree before them, the checkpoints at both
//! ends, and the entries just outside (decisions.md 8).
//!
//! The frontier of the tree before the first entry, grown by the entries, must give a tree that
//! the checkpoint at the end is shown to extend. That leaves no room for one more entry, one fewer
//! or another one. The entry just before and the one just after show by their times that the
//! period was not cut short.

use std::io;

use serde::{Deserialize, Serialize};

use crate::kernel::bytes::Digest;
use crate::ledger::checkpoint::{Checkpoint, CheckpointError};
use crate::ledger::leaf::{Leaf, LeafError};
use crate::ledger::note::Verifier;
use crate::ledger::tree::{
    CompactRange, HashSource, consistency_proof, inclusion_proof, leaf_hash, verify_consistency,
    verify_inclusion,
};

use super::period::Period;

/// An entry just outside the period, and the proof that it stands there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Boundary {
    /// Index of the entry.
    pub index: u64,
    /// Its leaf.
    pub leaf: String,
    /// Inclusion proof under the checkpoint at the end, leaf to root.
    #[serde(with = "hashes")]
    pub proof: Vec<Digest>,
}

/// What ties entries `[start, end)` to the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bounds {
    /// Index of the first entry.
    pub start: u64,
    /// One past the last entry.
    pub end: u64,
    /// The newest checkpoint whose size is at most `start`; none before the first.
    pub checkpoint_start: Option<String>,
    /// Consistency proof from that checkpoint to the tree of `start` entries.
    #[serde(with = "hashes")]
    pub start_consistency: Vec<Digest>,
    /// Frontier of the tree of `start` entries.
    #[serde(with = "frontier")]
    pub start_range: CompactRange,
    /// The entry before the first; none at the log's beginning.
    pub before: Option<Boundary>,
    /// A checkpoint whose size is at least `end`.
    pub checkpoint_end: String,
    /// Consistency proof from the tree of `end` entries to that checkpoint.
    #[serde(with = "hashes")]
    pub end_consistency: Vec<Digest>,
    /// The entry after the last; none when the checkpoint ends with it.
    pub after: Option<Boundary>,
}

/// Which end of the period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The first entry's.
    Start,
    /// The last entry's.
    Last,
}

impl std::fmt::Display for End {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if *self == End::Start { "start" } else { "end" })
    }
}

/// Why the bounds are refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BoundsError {
    /// The period is not one.
    #[error("the period is not one: {0}")]
    Period(&'static str),
    /// The indices are out of order, or lie outside the checkpoints.
    #[error("the entries {start}..{end} do not lie between the checkpoints")]
    Range {
        /// The first entry.
        start: u64,
        /// One past the last.
        end: u64,
    },
    /// A checkpoint is refused.
    #[error("the checkpoint at the {0} is refused: {1}")]
    Checkpoint(End, CheckpointError),
    /// A checkpoint is of another log.
    #[error("the checkpoint at the {end} is of {found}, not of {expected}")]
    OtherOrigin {
        /// Which checkpoint.
        end: End,
        /// Its origin.
        found: String,
        /// The extract's.
        expected: String,
    },
    /// The tree before the first entry is not that of the checkpoint at the start.
    #[error("the compact range before the first entry does not extend the checkpoint at the start")]
    StartRange,
    /// The entries do not give the checkpoint's tree.
    #[error("the entries do not give the tree of the checkpoint at the end")]
    WrongRoot,
    /// An entry just outside is missing, or there is one too many.
    #[error("the entry just outside the {0} is missing or stands at a wrong index")]
    BoundaryPlace(End),
    /// An entry just outside is not a leaf.
    #[error("the entry just outside the {0} is {1}")]
    BoundaryLeaf(End, LeafError),
    /// An entry just outside is not in the log.
    #[error("the entry just outside the {0} is not proved to be in the log")]
    BoundaryProof(End),
    /// An entry just outside has a time inside the period, so the period was cut short.
    #[error("the entry just outside the {0} has a time inside the period: entries were left out")]
    BoundaryTime(End),
}

impl BoundsError {
    /// Stable name of the error.
    pub fn code(&self) -> &'static str {
        match self {
            BoundsError::Period(_) => "export_period",
            BoundsError::Range { .. } => "export_range",
            BoundsError::Checkpoint(_, error) => error.code(),
            BoundsError::OtherOrigin { .. } => "export_other_origin",
            BoundsError::StartRange => "export_start_range",
            BoundsError::WrongRoot => "export_wrong_root",
            BoundsError::BoundaryPlace(_)
            | BoundsError::BoundaryLeaf(..)
            | BoundsError::BoundaryProof(_) => "export_boundary",
            BoundsError::BoundaryTime(_) => "export_cut_short",
        }
    }
}

/// Bounds whose proofs and signatures hold; whether the entries fit them is told by
/// [`Checked::closes`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Checked {
    /// The checkpoint at the start.
    pub(crate) start: Option<Checkpoint>,
    /// The checkpoint at the end.
    pub(crate) end: Checkpoint,
}

impl Bounds {
    /// Gathers the bounds of entries `[start, end)` from the hashes of the tree that
    /// `checkpoint_end` signs, and the leaves at both ends from `leaf`.
    ///
    /// # Errors
    /// `InvalidData` when a checkpoint or a leaf is none, `InvalidInput` when the checkpoints do
    /// not fit the indices, else what `source` and `leaf` say.
    pub fn gather(
        source: &dyn HashSource,
        leaf: &mut dyn FnMut(u64) -> io::Result<Vec<u8>>,
        indices: std::ops::Range<u64>,
        checkpoint_start: Option<String>,
        checkpoint_end: String,
    ) -> io::Result<Bounds> {
        let (start, end) = (indices.start, indices.end);
        let read = |note: &str| {
            Checkpoint::read_unverified(note)
                .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
        };
        let size = read(&checkpoint_end)?.size;
        let mut boundary = |index: u64| -> io::Result<Boundary> {
            let text = String::from_utf8(leaf(index)?)
                .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
            Ok(Boundary { index, leaf: text, proof: inclusion_proof(source, index, size)? })
        };
        let start_consistency = match &checkpoint_start {
            Some(note) => consistency_proof(source, read(note)?.size, start)?,
            None => Vec::new(),
        };
        Ok(Bounds {
            start,
            end,
            checkpoint_start,
            start_consistency,
            start_range: CompactRange::load(source, start)?,
            before: start.checked_sub(1).map(&mut boundary).transpose()?,
            end_consistency: consistency_proof(source, end, size)?,
            after: (end < size).then(|| boundary(end)).transpose()?,
            checkpoint_end,
        })
    }

    /// Whether the log is shown to go on after the period. If it is not, the period may still be
    /// open, and more entries of it may come.
    pub fn is_closed(&self) -> bool {
        self.after.is_some()
    }

    /// Checks everything but the entries themselves. One of `log_keys` must have signed both
    /// checkpoints.
    pub(crate) fn check(
        &self,
        origin: &str,
        period: &Period,
        log_keys: &[Verifier],
    ) -> Result<Checked, BoundsError> {
        period.check().map_err(BoundsError::Period)?;
        let (first, last) = (self.start, self.end);
        let open = |which: End, note: &str| {
            let opened = Checkpoint::open(note, log_keys, &[]);
            let opened = opened.map_err(|error| BoundsError::Checkpoint(which, error))?.checkpoint;
            if opened.origin == origin {
                return Ok(opened);
            }
            let (found, expected) = (opened.origin, origin.to_owned());
            Err(BoundsError::OtherOrigin { end: which, found, expected })
        };
        let start = self.checkpoint_start.as_deref().map(|note| open(End::Start, note));
        let start = start.transpose()?;
        let end = open(End::Last, &self.checkpoint_end)?;
        let before_start = start.as_ref().is_none_or(|checkpoint| checkpoint.size <= first);
        // Parquet has no unsigned integer that every reader knows.
        let countable = i64::try_from(last).is_ok();
        if !before_start || first > last || last > end.size || !countable {
            return Err(BoundsError::Range { start: first, end: last });
        }
        let root = self.start_range.root();
        let extends = start.as_ref().map_or(self.start_consistency.is_empty(), |checkpoint| {
            let proof = &self.start_consistency;
            verify_consistency(checkpoint.size, first, proof, &checkpoint.root, &root)
        });
        if self.start_range.size() != first || !extends {
            return Err(BoundsError::StartRange);
        }
        let checked = Checked { start, end };
        let before = first.checked_sub(1);
        let after = (last < checked.end.size).then_some(last);
        checked
            .boundary(End::Start, self.before.as_ref(), before, |leaf| leaf.time < period.from)?;
        checked
            .boundary(End::Last, self.after.as_ref(), after, |leaf| leaf.time >= period.until)?;
        Ok(checked)
    }
}

impl Checked {
    fn boundary(
        &self,
        which: End,
        found: Option<&Boundary>,
        index: Option<u64>,
        is_outside: impl Fn(&Leaf) -> bool,
    ) -> Result<(), BoundsError> {
        let boundary = match (found, index) {
            (None, None) => return Ok(()),
            (Some(boundary), Some(index)) if boundary.index == index => boundary,
            _ => return Err(BoundsError::BoundaryPlace(which)),
        };
        let bytes = boundary.leaf.as_bytes();
        let leaf = Leaf::parse(bytes).map_err(|e| BoundsError::BoundaryLeaf(which, e))?;
        let (hash, end) = (leaf_hash(bytes), &self.end);
        if !verify_inclusion(&hash, boundary.index, end.size, &boundary.proof, &end.root) {
            return Err(BoundsError::BoundaryProof(which));
        }
        if is_outside(&leaf) { Ok(()) } else { Err(BoundsError::BoundaryTime(which)) }
    }

    /// Whether the tree of the first `bounds.end` entries, with this root, is the one that the
    /// checkpoint at the end extends.
    pub(crate) fn closes(&self, bounds: &Bounds, root: &Digest) -> Result<(), BoundsError> {
        let end = &self.end;
        let proof = &bounds.end_consistency;
        if verify_consistency(bounds.end, end.size, proof, root, &end.root) {
            Ok(())
        } else {
            Err(BoundsError::WrongRoot)
        }
    }
}

/// Hashes as JSON: a list of padded base64.
mod hashes {
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serializer};

    use crate::kernel::bytes::{Digest, base64, from_base64};

    pub(super) fn serialize<S: Serializer>(hashes: &[Digest], s: S) -> Result<S::Ok, S::Error> {
        s.collect_seq(hashes.iter().map(|hash| base64(hash)))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<Digest>, D::Error> {
        let read = |text: &String| from_base64(text).and_then(|bytes| bytes.try_into().ok());
        let texts = Vec::<String>::deserialize(d)?;
        let hashes = texts.iter().map(read).collect::<Option<Vec<Digest>>>();
        hashes.ok_or_else(|| D::Error::custom("a hash is not 32 bytes in base64"))
    }
}

/// A compact range as JSON: `{"size": n, "nodes": […]}`.
mod frontier {
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::kernel::bytes::Digest;
    use crate::ledger::tree::CompactRange;

    #[derive(Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Wire {
        size: u64,
        #[serde(with = "super::hashes")]
        nodes: Vec<Digest>,
    }

    pub(super) fn serialize<S: Serializer>(range: &CompactRange, s: S) -> Result<S::Ok, S::Error> {
        Wire { size: range.size(), nodes: range.nodes().to_vec() }.serialize(s)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<CompactRange, D::Error> {
        let wire = Wire::deserialize(d)?;
        CompactRange::from_nodes(wire.size, wire.nodes)
            .ok_or_else(|| D::Error::custom("the compact range has not as many nodes as its size"))
    }
}
