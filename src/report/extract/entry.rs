//! One entry of an extract, opened, and the chain of checks that each must pass. The extract is
//! written and verified through the same chain: what cannot be verified is not written.

use std::collections::BTreeMap;

use crate::kernel::Time;
use crate::kernel::bytes::{Digest, digest_base64};
use crate::ledger::body::{RecordPart, detail_digest};
use crate::ledger::commitment::{join, part_hash};
use crate::ledger::leaf::{Leaf, LeafError, PublicKind};
use crate::ledger::tree::{CompactRange, leaf_hash};

use super::bounds::Bounds;
use super::json::Json;
use super::period::Period;

/// One entry as the database holds it, its record opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExtractEntry {
    /// Index in the log.
    pub index: u64,
    /// The public leaf.
    pub leaf: Vec<u8>,
    /// The record part, in clear.
    pub record: RecordPart,
    /// `SHA-256(salt_p ‖ personal)`.
    pub personal_hash: Digest,
}

/// Why an entry is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EntryFault {
    /// An entry is missing before it.
    #[error("entry {expected} is missing: entry {found} stands in its place")]
    Gap {
        /// The entry that should be here.
        expected: u64,
        /// The one that is.
        found: u64,
    },
    /// It was there before, or is out of order.
    #[error("entry {found} stands twice or out of order, where entry {expected} should be")]
    Again {
        /// The entry that should be here.
        expected: u64,
        /// The one that is.
        found: u64,
    },
    /// It lies after the last entry of the extract.
    #[error("entry {0} is not one of this extract")]
    Beyond(u64),
    /// Its leaf is none.
    #[error("it is {0}")]
    Leaf(#[from] LeafError),
    /// Its time has a fraction of a second.
    #[error("its time is not cut to the second")]
    Fraction,
    /// The hash beside it is not that of its leaf.
    #[error("its kind, time, packs and commitment do not give its leaf hash")]
    LeafHash,
    /// Its record is not what the leaf commits to.
    #[error("its record, salt and personal hash do not give its commitment")]
    Commitment,
    /// Its record is not a JSON object with a kind.
    #[error("its record is not a JSON object with a kind")]
    Record,
    /// Its detail is not the one whose digest is in the record.
    #[error("its detail is not the one that its record names")]
    Detail,
    /// Its time is not in the period.
    #[error("its time {0} is not in the period")]
    Outside(Time),
    /// Its time is before that of the entry before it.
    #[error("its time {0} is before that of the entry before it")]
    Backwards(Time),
}

/// An entry before it is checked.
#[derive(Clone, Debug)]
pub(crate) struct EntryView<'a> {
    pub(crate) index: u64,
    pub(crate) leaf: Leaf,
    /// The leaf hash that stands beside it, where one does.
    pub(crate) claimed: Option<&'a Digest>,
    pub(crate) record_salt: &'a Digest,
    pub(crate) record: &'a str,
    /// Salt and text.
    pub(crate) detail: Option<(&'a Digest, &'a str)>,
    pub(crate) personal_hash: &'a Digest,
}

impl<'a> EntryView<'a> {
    /// Views an entry of the database.
    pub(crate) fn of(entry: &'a ExtractEntry) -> Result<EntryView<'a>, EntryFault> {
        let part = &entry.record;
        let detail = Some((&part.detail_salt, part.detail.as_str()));
        Ok(EntryView {
            index: entry.index,
            leaf: Leaf::parse(&entry.leaf)?,
            claimed: None,
            record_salt: &part.salt,
            record: &part.text,
            detail: detail.filter(|(_, text)| !text.is_empty()),
            personal_hash: &entry.personal_hash,
        })
    }
}

/// An entry that passed.
#[derive(Debug)]
pub(crate) struct Opened<'a> {
    pub(crate) view: EntryView<'a>,
    pub(crate) leaf_hash: Digest,
    pub(crate) record: Json<'a>,
    /// `Null` where there is none.
    pub(crate) detail: Json<'a>,
}

impl Opened<'_> {
    /// The record's kind.
    pub(crate) fn kind(&self) -> Option<&str> {
        self.record.get("kind").and_then(Json::as_str)
    }
}

impl<'a> EntryView<'a> {
    fn parse(&self) -> Result<(Json<'a>, Json<'a>), EntryFault> {
        let record = Json::object(self.record).ok_or(EntryFault::Record)?;
        if record.get("kind").and_then(Json::as_str).is_none() {
            return Err(EntryFault::Record);
        }
        let detail = match (self.detail, record.get("detail")) {
            (None, None) => Json::Null,
            (Some((salt, text)), Some(Json::Text(said)))
                if said.as_bytes() == digest_base64(&detail_digest(salt, text)) =>
            {
                Json::object(text).ok_or(EntryFault::Detail)?
            }
            _ => return Err(EntryFault::Detail),
        };
        Ok((record, detail))
    }

    fn opens_its_commitment(&self) -> bool {
        let record = part_hash(self.record_salt, self.record.as_bytes());
        join(&record, self.personal_hash) == self.leaf.commitment
    }
}

/// The entries of a period, one after the other, grown onto the tree before them.
#[derive(Debug)]
pub(crate) struct Chain<'a> {
    period: &'a Period,
    end: u64,
    last: Option<Time>,
    range: CompactRange,
    /// The bytes of the leaf at hand.
    leaf: Vec<u8>,
    /// How many entries there are of each kind.
    pub(crate) kinds: BTreeMap<PublicKind, u64>,
}

impl<'a> Chain<'a> {
    pub(crate) fn new(bounds: &Bounds, period: &'a Period) -> Chain<'a> {
        let range = bounds.start_range.clone();
        Chain {
            period,
            end: bounds.end,
            last: None,
            range,
            leaf: Vec::new(),
            kinds: BTreeMap::new(),
        }
    }

    /// The next entry, checked by itself and against those before it. The order of the checks is
    /// chosen so that a single altered value is blamed on its own row.
    pub(crate) fn open<'e>(&mut self, view: EntryView<'e>) -> Result<Opened<'e>, EntryFault> {
        let (expected, found) = (self.range.size(), view.index);
        if found < expected {
            return Err(EntryFault::Again { expected, found });
        }
        if found > expected && expected < self.end {
            return Err(EntryFault::Gap { expected, found });
        }
        if found >= self.end {
            return Err(EntryFault::Beyond(found));
        }
        self.leaf.clear();
        view.leaf.write_to(&mut self.leaf);
        let leaf_hash = leaf_hash(&self.leaf);
        if view.claimed.is_some_and(|claimed| *claimed != leaf_hash) {
            return Err(EntryFault::LeafHash);
        }
        if !view.opens_its_commitment() {
            return Err(EntryFault::Commitment);
        }
        let (record, detail) = view.parse()?;
        let time = view.leaf.time;
        if time < self.period.from || time >= self.period.until {
            return Err(EntryFault::Outside(time));
        }
        if self.last.is_some_and(|last| time < last) {
            return Err(EntryFault::Backwards(time));
        }
        self.last = Some(time);
        self.range.append(leaf_hash);
        *self.kinds.entry(view.leaf.kind).or_default() += 1;
        Ok(Opened { view, leaf_hash, record, detail })
    }

    /// How many entries the tree has by now.
    pub(crate) fn size(&self) -> u64 {
        self.range.size()
    }

    /// Root of the tree as it is now.
    pub(crate) fn root(&self) -> Digest {
        self.range.root()
    }
}
