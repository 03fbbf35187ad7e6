//! What is known of a person's identity, sealed under the person's own key, and how it is found
//! again without reading it.

use jiff::civil::Date;
use ring::hmac;
use serde::{Deserialize, Serialize};

use super::document::Document;
use super::name;
use crate::kernel::bytes::{Digest, keyed};

/// A verified channel, as the vault keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Verified {
    /// How: `card`, `authority`, `in_person`, …
    pub channel: String,
    /// By whom.
    pub source: String,
    /// When.
    #[schema(value_type = String, format = Date)]
    pub verified: Date,
    /// Digest of the evidence the enroller holds, hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence_digest: Option<String>,
    /// The partner that vouches for it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub partner: String,
}

/// A person's identity in clear. It exists sealed in the vault and, while needed, in memory.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The name as first enrolled.
    pub name: String,
    /// Canonical documents (`resident_id:…`, `passport:GB:…`).
    pub documents: Vec<String>,
    /// E.164.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// Date of birth.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub birth_date: Option<Date>,
    /// Every check of the identity, by any partner.
    #[serde(default)]
    pub verifications: Vec<Verified>,
    /// Made up for a demonstration or a test.
    #[serde(default)]
    pub synthetic: bool,
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Identity(sealed)")
    }
}

/// How a document is found: the digest of the document, and of document and name together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lookup {
    /// HMAC of the canonical document.
    pub document: Digest,
    /// HMAC of document and normalised name: both must match, else it is a mismatch.
    pub with_name: Digest,
}

impl Lookup {
    /// The look-up digests under the bureau's index key.
    pub fn of(index_key: &hmac::Key, document: &Document, full_name: &str) -> Lookup {
        let canonical = document.canonical();
        let name = name::normalise(full_name);
        Lookup {
            document: keyed(index_key, &[b"document", canonical.as_bytes()]),
            with_name: keyed(index_key, &[b"named", canonical.as_bytes(), name.as_bytes()]),
        }
    }
}

/// The years between `birth` and `today`, as a civil calendar counts them; somebody born on
/// 29 February comes of age on 1 March.
pub fn age_years(birth: Date, today: Date) -> i32 {
    let years = i32::from(today.year()) - i32::from(birth.year());
    let before = (today.month(), today.day()) < (birth.month(), birth.day());
    years - i32::from(before)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn age_turns_on_the_birthday() {
        let date = |t: &str| t.parse::<Date>().unwrap();
        assert_eq!(age_years(date("2008-11-22"), date("2026-11-21")), 17);
        assert_eq!(age_years(date("2008-11-22"), date("2026-11-22")), 18);
        assert_eq!(age_years(date("2008-02-29"), date("2026-02-28")), 17);
        assert_eq!(age_years(date("2008-02-29"), date("2026-03-01")), 18);
    }
}
