//! What a leaf commits to: the two parts of an entry's body, serialised once (decisions.md 1–4).
//!
//! The `record` part says what happened; the `personal` part whom it concerns. A record may hold
//! the salted digest of a third text, the `detail`: what supervision counts but this asker must
//! not learn (the score behind a hotel's yes or no). It is sealed beside the record, and opening
//! the record to the asker does not open it.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::commitment::{Opening, join, part_hash};
use super::leaf::PublicKind;
use crate::kernel::bytes::{Digest, base64, sha256_of};
use crate::kernel::seal::{Place, SealBroken, SealKey};
use crate::kernel::{Env, Time};

/// An entry before it has a place in the log.
#[derive(Debug)]
pub struct Draft {
    /// The exact kind, part of the record.
    pub kind: &'static str,
    /// The coarse kind that the public leaf shows.
    pub public: PublicKind,
    /// The person it concerns, at most one.
    pub person: Option<String>,
    /// What happened. No subject id, nor anything that leads to one.
    pub record: Map<String, Value>,
    /// What supervision counts and the asker is not shown.
    pub detail: Map<String, Value>,
    /// Whom it concerns, JSON; sealed under the person's key. Empty when nobody is concerned.
    pub personal: String,
}

impl Draft {
    /// An entry of this kind with nothing in it yet.
    pub fn new(kind: &'static str, public: PublicKind) -> Draft {
        Draft {
            kind,
            public,
            person: None,
            record: Map::new(),
            detail: Map::new(),
            personal: String::new(),
        }
    }

    /// The entry concerns this person.
    pub fn about(mut self, person: &str) -> Draft {
        self.person = Some(person.to_string());
        self
    }

    /// Adds to the record.
    pub fn says(mut self, name: &str, value: impl Into<Value>) -> Draft {
        self.record.insert(name.to_string(), value.into());
        self
    }

    /// Adds to the detail.
    pub fn counts(mut self, name: &str, value: impl Into<Value>) -> Draft {
        self.detail.insert(name.to_string(), value.into());
        self
    }

    /// Sets the personal part. It is serialised here, once.
    pub fn holds(mut self, personal: impl Serialize) -> Draft {
        let text = serde_json::to_string(&personal).unwrap_or_default();
        self.personal = if text == "null" { String::new() } else { text };
        self
    }
}

/// The record part as it is sealed: the salts and the exact texts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordPart {
    /// Salt of the record.
    pub salt: [u8; 32],
    /// The record, JSON, byte for byte as committed to.
    pub text: String,
    /// Salt of the detail.
    pub detail_salt: [u8; 32],
    /// The detail, JSON; empty when there is none.
    pub detail: String,
}

/// What the `record` column seals: the record part, and the digest of the personal part beside it,
/// so that an entry can still be proved after the person was forgotten.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealedRecord {
    /// The record part.
    pub part: RecordPart,
    /// `SHA-256(salt_p ‖ personal)`.
    pub personal_hash: Digest,
}

/// The personal part as it is sealed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonalPart {
    /// Salt of the personal text.
    pub salt: [u8; 32],
    /// The personal text, JSON, byte for byte as committed to; empty when nobody is concerned.
    pub text: String,
}

/// Both parts of a body, in clear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Body {
    /// What happened.
    pub record: RecordPart,
    /// Whom it concerns.
    pub personal: PersonalPart,
    /// `SHA-256(salt_p ‖ personal)`.
    personal_hash: Digest,
}

/// [`SealedRecord`], to be written.
#[derive(Serialize)]
struct SealedRecordRef<'a> {
    part: &'a RecordPart,
    personal_hash: Digest,
}

/// The salted digest of a detail, as the record holds it.
pub fn detail_digest(salt: &[u8; 32], detail: &str) -> Digest {
    sha256_of(&[b"fivefold-detail/v1\n", salt, detail.as_bytes()])
}

fn text_of(members: &Map<String, Value>) -> String {
    serde_json::to_string(members).unwrap_or_default()
}

impl Body {
    /// Serialises what a draft says and counts, once, and takes it out of the draft.
    pub fn write(env: &Env, draft: &mut Draft) -> Body {
        let mut record = std::mem::take(&mut draft.record);
        record.insert("kind".to_string(), Value::from(draft.kind));
        let (mut detail_salt, mut detail) = ([0; 32], String::new());
        if !draft.detail.is_empty() {
            detail_salt = env.random();
            detail = text_of(&std::mem::take(&mut draft.detail));
            let digest = base64(&detail_digest(&detail_salt, &detail));
            record.insert("detail".to_string(), Value::from(digest));
        }
        let personal =
            PersonalPart { salt: env.random(), text: std::mem::take(&mut draft.personal) };
        let record = RecordPart { salt: env.random(), text: text_of(&record), detail_salt, detail };
        Body::of(record, personal)
    }

    /// A body from its two parts.
    pub fn of(record: RecordPart, personal: PersonalPart) -> Body {
        let personal_hash = part_hash(&personal.salt, personal.text.as_bytes());
        Body { record, personal, personal_hash }
    }

    /// What the `record` column seals: a [`SealedRecord`].
    pub fn sealed_record(&self) -> impl Serialize + '_ {
        SealedRecordRef { part: &self.record, personal_hash: self.personal_hash }
    }

    /// The commitment that the leaf holds.
    pub fn commitment(&self) -> Digest {
        join(&part_hash(&self.record.salt, self.record.text.as_bytes()), &self.personal_hash)
    }

    /// What an asker gets to recompute the leaf: its record, and the digest of the personal part.
    pub fn opening(&self) -> Opening {
        Opening {
            salt: self.record.salt,
            record: self.record.text.clone(),
            personal_hash: self.personal_hash,
        }
    }
}

/// The place of a body's column; an entry is written once, so row and writer are the same index.
fn place<'a>(column: &'static str, row: &'a str, index: u64) -> Place<'a> {
    Place { table: "bodies", column, row, index }
}

/// Seals one part for its place.
pub fn seal_part<T: Serialize>(
    env: &Env,
    key: &SealKey,
    column: &'static str,
    index: u64,
    part: &T,
) -> Vec<u8> {
    let bytes = postcard::to_stdvec(part).unwrap_or_default();
    key.seal(env, place(column, &index.to_string(), index), &bytes)
}

/// Opens one part.
///
/// # Errors
/// [`SealBroken`] when key, place or bytes are not the ones it was sealed with.
pub fn open_part<T: for<'de> Deserialize<'de>>(
    key: &SealKey,
    column: &'static str,
    index: u64,
    sealed: &[u8],
) -> Result<T, SealBroken> {
    let bytes = key.open(place(column, &index.to_string(), index), sealed)?;
    postcard::from_bytes(&bytes).map_err(|_| SealBroken { table: "bodies", column })
}

/// The name of the key that seals what happened in the month of `at`.
pub fn period_key_name(at: Time) -> String {
    let text = at.to_second_text();
    format!("period:{}", text.get(..7).unwrap_or("0000-00"))
}

/// Ends the name under which evidence about somebody forgotten is sealed.
const EVIDENCE: &str = "#evidence";

/// The name that stands for a forgotten person in what is kept until a day: its key outlives the
/// person's own, and ends with that day (data-model.md, "Keys and forgetting"). What has no end is
/// kept without one.
pub fn evidence_name(person: &str, until: Option<Date>) -> String {
    match until {
        Some(day) => format!("{person}{EVIDENCE}-{day}"),
        None => format!("{person}{EVIDENCE}"),
    }
}

/// The person that an evidence name stands for; `None` when it is none.
pub fn evidence_of(name: &str) -> Option<&str> {
    name.find(EVIDENCE).map(|end| &name[..end])
}

/// The first day on which what is kept under this name is kept no longer.
pub fn evidence_until(name: &str) -> Option<Date> {
    let (_, day) = name.split_once(EVIDENCE)?;
    day.strip_prefix('-')?.parse().ok()
}

/// The name of the key that seals what concerns `person`.
pub fn person_key_name(person: &str) -> String {
    format!("person:{person}")
}
