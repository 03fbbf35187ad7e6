//! The public leaf of an entry: all that the world sees of it (contract.md, "The log").
//!
//! Five lines of text, each ended by a newline: the format's name, one of eight coarse kinds, the
//! time cut to the second, the digest of the rule packs in force, the commitment to the body.

use std::fmt;
use std::str::FromStr;

use crate::kernel::Time;
use crate::kernel::bytes::{Digest, digest_base64, digest_from_hex, digest_hex};

use super::text;

/// First line of every leaf: the name and version of its format.
pub const ENTRY_FORMAT: &str = "fivefold-entry/v1";

/// What an entry is about, as coarsely as the public may know it. A refusal has the kind of what
/// was asked for, so that it cannot be told from an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PublicKind {
    /// Enrolment, aliases, merges and splits of a person's file.
    Subject,
    /// A consent given, changed or revoked.
    Consent,
    /// Data furnished, corrected or deleted.
    Observation,
    /// A question, whether it was answered or refused.
    Inquiry,
    /// A right exercised: dispute, freeze, erasure, review.
    Right,
    /// Models, policies, partners, staff acts.
    Governance,
    /// A key made, rotated or destroyed.
    Key,
    /// An export or a report handed out.
    Export,
}

impl PublicKind {
    /// All kinds, in their fixed order.
    pub const ALL: [PublicKind; 8] = [
        PublicKind::Subject,
        PublicKind::Consent,
        PublicKind::Observation,
        PublicKind::Inquiry,
        PublicKind::Right,
        PublicKind::Governance,
        PublicKind::Key,
        PublicKind::Export,
    ];

    /// The kind's name in a leaf.
    pub const fn as_str(self) -> &'static str {
        match self {
            PublicKind::Subject => "subject",
            PublicKind::Consent => "consent",
            PublicKind::Observation => "observation",
            PublicKind::Inquiry => "inquiry",
            PublicKind::Right => "right",
            PublicKind::Governance => "governance",
            PublicKind::Key => "key",
            PublicKind::Export => "export",
        }
    }
}

impl fmt::Display for PublicKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for PublicKind {
    type Err = LeafError;

    fn from_str(text: &str) -> Result<PublicKind, LeafError> {
        PublicKind::ALL
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or(LeafError("its kind is not one of the eight"))
    }
}

/// Why some bytes are not a leaf.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a leaf: {0}")]
pub struct LeafError(pub &'static str);

/// The public leaf of one entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaf {
    /// What the entry is about.
    pub kind: PublicKind,
    /// When it was recorded, cut to the second ([`Leaf::new`] cuts).
    pub time: Time,
    /// Digest of the set of rule packs in force.
    pub packs: Digest,
    /// Commitment to the stored body ([`super::commitment`]).
    pub commitment: Digest,
}

impl Leaf {
    /// A leaf recorded at `time`, which is cut to the second here.
    pub fn new(kind: PublicKind, time: Time, packs: Digest, commitment: Digest) -> Leaf {
        let time = Time::default().plus_seconds(time.seconds());
        Leaf { kind, time, packs, commitment }
    }

    /// The bytes that stand in an entry bundle and are hashed into the tree.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(192);
        self.write_to(&mut out);
        out
    }

    /// Appends [`Leaf::to_bytes`].
    pub fn write_to(&self, out: &mut Vec<u8>) {
        for line in [ENTRY_FORMAT, self.kind.as_str()] {
            out.extend_from_slice(line.as_bytes());
            out.push(b'\n');
        }
        self.time.write_second_text(out);
        out.push(b'\n');
        out.extend_from_slice(&digest_hex(&self.packs));
        out.push(b'\n');
        out.extend_from_slice(&digest_base64(&self.commitment));
        out.push(b'\n');
    }

    /// Reads the bytes of a leaf. There is one spelling of each leaf, and only that one is read.
    ///
    /// # Errors
    /// [`LeafError`] says which line is wrong.
    pub fn parse(bytes: &[u8]) -> Result<Leaf, LeafError> {
        let text = std::str::from_utf8(bytes).map_err(|_| LeafError("it is not UTF-8"))?;
        let body = text.strip_suffix('\n').ok_or(LeafError("it does not end with a newline"))?;
        let lines: Vec<&str> = body.split('\n').collect();
        let &[format, kind, time, packs, commitment] = lines.as_slice() else {
            return Err(LeafError("it has not five lines"));
        };
        if format != ENTRY_FORMAT {
            return Err(LeafError("its format is not fivefold-entry/v1"));
        }
        let leaf = Leaf::new(
            kind.parse()?,
            time.parse().map_err(|_| LeafError("its time is not RFC 3339"))?,
            digest_from_hex(packs).ok_or(LeafError("its packs digest is not SHA-256 in hex"))?,
            text::hash(commitment).ok_or(LeafError("its commitment is not 32 bytes in base64"))?,
        );
        if leaf.to_bytes() != bytes {
            return Err(LeafError("it is not in the canonical spelling"));
        }
        Ok(leaf)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TEXT: &str = "fivefold-entry/v1\ninquiry\n2026-11-22T05:23:58Z\n\
        ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\n\
        47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n";

    #[test]
    fn a_leaf_is_five_lines() {
        let leaf = Leaf::parse(TEXT.as_bytes()).expect("a leaf");
        assert_eq!(leaf.kind, PublicKind::Inquiry);
        assert_eq!(leaf.time.to_string(), "2026-11-22T05:23:58Z");
        assert_eq!(leaf.to_bytes(), TEXT.as_bytes());
    }

    #[test]
    fn a_leaf_has_one_spelling() {
        let cases = [
            ("inquiry", "Inquiry"),
            ("inquiry", "refusal"),
            ("58Z", "58.5Z"),
            ("58Z", "58.000Z"),
            ("05:23:58Z", "13:23:58+08:00"),
            ("ba78", "BA78"),
            ("ba78", "ba7"),
            ("uFU=", "uFV="),
            ("uFU=", "uFU"),
            ("uFU=\n", "uFU="),
            ("uFU=\n", "uFU=\n\n"),
            ("/v1", "/v2"),
            ("inquiry\n", "inquiry\r\n"),
        ];
        for (from, to) in cases {
            let text = TEXT.replacen(from, to, 1);
            assert_ne!(text, TEXT);
            assert!(Leaf::parse(text.as_bytes()).is_err(), "{to:?} was read");
        }
    }

    proptest! {
        #[test]
        fn every_leaf_round_trips(
            kind in 0..8_usize,
            micros in -62_000_000_000_000_000_i64..250_000_000_000_000_000,
            packs: [u8; 32],
            commitment: [u8; 32],
        ) {
            let time = Time::from_micros(micros);
            let leaf = Leaf::new(PublicKind::ALL[kind], time, packs, commitment);
            prop_assert_eq!(Leaf::parse(&leaf.to_bytes()), Ok(leaf));
        }

        #[test]
        fn what_is_read_is_written_back(at in 0..TEXT.len(), byte: u8) {
            let mut bytes = TEXT.as_bytes().to_vec();
            bytes[at] = byte;
            if let Ok(leaf) = Leaf::parse(&bytes) {
                prop_assert_eq!(leaf.to_bytes(), bytes);
            }
        }
    }
}
