//! The salted commitment to a body's two parts, and the opening of one of them
//! (decisions.md 2 and 7).
//!
//! The parts are committed to one by one, so that `record` can be opened, exported and counted
//! while `personal` stays sealed, or is gone for ever.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::kernel::bytes::{Digest, base64, sha256_of};

use super::text;

/// What keeps a commitment apart from any other hash: the first bytes that are hashed.
const DOMAIN: &[u8] = b"fivefold-commit/v1\n";

/// 32 fresh random bytes that keep a committed part from being guessed.
pub type Salt = [u8; 32];

/// `SHA-256(salt ‖ part)`: the commitment to one part.
pub fn part_hash(salt: &Salt, part: &[u8]) -> Digest {
    sha256_of(&[salt, part])
}

/// The commitment of a body that stands in its leaf:
/// `SHA-256("fivefold-commit/v1\n" ‖ SHA-256(salt_r ‖ record) ‖ SHA-256(salt_p ‖ personal))`.
pub fn commitment(salt_r: &Salt, record: &[u8], salt_p: &Salt, personal: &[u8]) -> Digest {
    join(&part_hash(salt_r, record), &part_hash(salt_p, personal))
}

/// The commitment of a body from the commitments to its two parts.
pub fn join(record: &Digest, personal: &Digest) -> Digest {
    sha256_of(&[DOMAIN, record, personal])
}

/// Opens the record part of a body without the personal part. As JSON
/// `{"salt": base64, "record": text, "personal": base64}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opening {
    /// The record part's salt.
    pub salt: Salt,
    /// The record part, the very text that was committed to.
    pub record: String,
    /// `SHA-256(salt_p ‖ personal)`: all that is told of the personal part.
    pub personal_hash: Digest,
}

impl Opening {
    /// The commitment that this opening leads to; it opens a leaf if the leaf holds the same.
    pub fn commitment(&self) -> Digest {
        join(&part_hash(&self.salt, self.record.as_bytes()), &self.personal_hash)
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    salt: String,
    record: String,
    personal: String,
}

impl Serialize for Opening {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        let wire = Wire {
            salt: base64(&self.salt),
            record: self.record.clone(),
            personal: base64(&self.personal_hash),
        };
        wire.serialize(s)
    }
}

impl<'de> Deserialize<'de> for Opening {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Opening, D::Error> {
        let wire = Wire::deserialize(d)?;
        let bytes = |name, value: &str| {
            text::hash(value)
                .ok_or_else(|| D::Error::custom(format!("{name} is not 32 bytes in base64")))
        };
        Ok(Opening {
            salt: bytes("salt", &wire.salt)?,
            personal_hash: bytes("personal", &wire.personal)?,
            record: wire.record,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::bytes::{hex, sha256};

    #[test]
    fn the_commitment_is_the_written_formula() {
        let parts = [vec![1; 32], b"record".to_vec(), vec![2; 32], b"personal".to_vec()];
        let mut outer = b"fivefold-commit/v1\n".to_vec();
        outer.extend(sha256(&[parts[0].clone(), parts[1].clone()].concat()));
        outer.extend(sha256(&[parts[2].clone(), parts[3].clone()].concat()));
        let made = commitment(&[1; 32], b"record", &[2; 32], b"personal");
        assert_eq!(hex(&made), hex(&sha256(&outer)));
    }

    #[test]
    fn an_opening_leads_to_the_commitment_without_the_personal_part() {
        let record = r#"{"kind":"inquiry"}"#;
        let opening = Opening {
            salt: [1; 32],
            record: record.to_owned(),
            personal_hash: part_hash(&[2; 32], b"who"),
        };
        assert_eq!(opening.commitment(), commitment(&[1; 32], record.as_bytes(), &[2; 32], b"who"));
        let json = serde_json::to_string(&opening).expect("JSON");
        assert_eq!(serde_json::from_str::<Opening>(&json).expect("an opening"), opening);
        assert!(serde_json::from_str::<Opening>(&json.replace("\"salt\"", "\"salz\"")).is_err());
        assert!(serde_json::from_str::<Opening>(&json.replace("AQE=", "AQ==")).is_err());
    }
}
