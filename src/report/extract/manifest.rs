//! The manifest of an extract, and the two signatures over it.
//!
//! Why two? `manifest.note` is a C2SP signed note by the *log's* key over the manifest's digest:
//! who holds the log's vkey, as every auditor of the log does, needs nothing else. `manifest.jws`
//! is the same manifest signed by the bureau's manifest key as a compact JWS (RFC 7515) with EdDSA
//! (RFC 8037), for tools that speak JOSE; that key stands in the manifest, so the note vouches for
//! it too.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::kernel::bytes::{base64url, from_base64url, hex, sha256};
use crate::ledger::note::{self, NoteError, NoteSigner, Verifier};
use crate::partner::signature::{Algorithm, PublicKey, SigningKey};

use super::bounds::Bounds;
use super::period::Period;

/// Name of the manifest's file.
pub const MANIFEST: &str = "manifest.json";
/// Name of the file with the log key's signature.
pub const MANIFEST_NOTE: &str = "manifest.note";
/// Name of the file with the manifest key's signature.
pub const MANIFEST_JWS: &str = "manifest.jws";

/// Name and version of the manifest's format, and first line of the note.
pub const MANIFEST_FORMAT: &str = "fivefold-manifest/v1";

/// What an extract is made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// [`MANIFEST_FORMAT`].
    pub format: String,
    /// The log's origin.
    pub origin: String,
    /// The time that is covered.
    pub period: Period,
    /// What ties the entries to the log.
    pub bounds: Bounds,
    /// The log's keys, as vkeys. They are named, not vouched for: a verifier brings its own.
    pub log_keys: Vec<String>,
    /// The manifest key, a JWK.
    pub manifest_key: Value,
    /// The tables, `entries` first.
    pub files: Vec<ManifestFile>,
}

/// One table of an extract.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ManifestFile {
    /// Name of the file.
    pub name: String,
    /// Name and version of its schema, a file under `reports/schemas`.
    pub schema: String,
    /// How many rows it has.
    pub rows: u64,
    /// Values that were of another type than their column and are null here; the entry has them.
    pub unreadable: u64,
    /// SHA-256 of the file, in hex.
    pub sha256: String,
}

/// Why a manifest is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// The note is not signed by the log.
    #[error("it is not signed by the log's key: {0}")]
    Note(NoteError),
    /// The note is signed, and says something else than that this is a manifest.
    #[error("it is signed, but is not the note of a manifest")]
    NotAManifestNote,
    /// The manifest is not the one that the log's key signed.
    #[error("it is not the manifest that the log's key signed")]
    NotTheSigned,
    /// The manifest cannot be read.
    #[error("it is not a manifest: {0}")]
    Malformed(String),
    /// Its key is not an Ed25519 key, or not the trusted one.
    #[error("its manifest key {0}")]
    Key(&'static str),
    /// The JWS is wrong.
    #[error("it is not the manifest signed by the manifest key: {0}")]
    Jws(&'static str),
}

impl ManifestError {
    /// Stable name of the error.
    pub fn code(&self) -> &'static str {
        match self {
            ManifestError::Note(_) | ManifestError::NotAManifestNote => "export_note",
            ManifestError::NotTheSigned => "export_manifest_altered",
            ManifestError::Malformed(_) => "export_manifest_malformed",
            ManifestError::Key(_) => "export_manifest_key",
            ManifestError::Jws(_) => "export_jws",
        }
    }

    /// The file that is at fault.
    pub fn file(&self) -> &'static str {
        match self {
            ManifestError::Note(_) | ManifestError::NotAManifestNote => MANIFEST_NOTE,
            ManifestError::Jws(_) => MANIFEST_JWS,
            _ => MANIFEST,
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct JwsHeader {
    alg: String,
    cty: String,
    kid: String,
}

impl JwsHeader {
    fn of(key: &PublicKey) -> JwsHeader {
        JwsHeader { alg: "EdDSA".into(), cty: "json".into(), kid: key.thumbprint() }
    }
}

/// A manifest that is signed in both ways.
pub(crate) trait SignedManifest: Serialize + DeserializeOwned {
    /// Name and version of its format, and first line of its note.
    const FORMAT: &'static str;

    /// What it says of itself: format, origin, manifest key.
    fn says(&self) -> (&str, &str, &Value);
}

impl SignedManifest for Manifest {
    const FORMAT: &'static str = MANIFEST_FORMAT;

    fn says(&self) -> (&str, &str, &Value) {
        (&self.format, &self.origin, &self.manifest_key)
    }
}

/// The note's text.
fn note_text(format: &str, origin: &str, manifest: &[u8]) -> String {
    format!("{format}\n{origin}\n{}\n", hex(&sha256(manifest)))
}

/// The signed note of a manifest's bytes.
///
/// # Errors
/// [`NoteError`] without signers.
pub(crate) fn sign_note(
    format: &str,
    origin: &str,
    manifest: &[u8],
    signers: &[&NoteSigner],
) -> Result<String, NoteError> {
    note::sign(&note_text(format, origin, manifest), signers)
}

/// The compact JWS of a manifest's bytes by an Ed25519 key.
pub(crate) fn sign_jws(manifest: &[u8], key: &SigningKey) -> Result<String, ManifestError> {
    let header = serde_json::to_vec(&JwsHeader::of(&key.public()))
        .map_err(|e| ManifestError::Malformed(e.to_string()))?;
    let input = format!("{}.{}", base64url(&header), base64url(manifest));
    let signature = base64url(&key.sign(input.as_bytes()));
    Ok(format!("{input}.{signature}"))
}

/// Checks a compact JWS over exactly these bytes.
fn check_jws(jws: &str, manifest: &[u8], key: &PublicKey) -> Result<(), &'static str> {
    let (input, signature) = jws.rsplit_once('.').ok_or("it is not a compact JWS")?;
    let (header, payload) = input.split_once('.').ok_or("it is not a compact JWS")?;
    let header = from_base64url(header).ok_or("its header is not base64url")?;
    let header: JwsHeader =
        serde_json::from_slice(&header).map_err(|_| "its header is not one of a manifest")?;
    let expected = JwsHeader::of(key);
    if header.alg != expected.alg || header.cty != expected.cty || header.kid != expected.kid {
        return Err("its header names another algorithm or key");
    }
    if payload != base64url(manifest) {
        return Err("its payload is another manifest");
    }
    let signature = from_base64url(signature).ok_or("its signature is not base64url")?;
    if key.verify(input.as_bytes(), &signature) { Ok(()) } else { Err("its signature is wrong") }
}

/// The bytes of a manifest that are written and signed.
pub(crate) fn to_bytes(manifest: &impl SignedManifest) -> Result<Vec<u8>, ManifestError> {
    let text = serde_json::to_string_pretty(manifest);
    let text = text.map_err(|e| ManifestError::Malformed(e.to_string()))?;
    Ok((text + "\n").into_bytes())
}

/// Opens a manifest: one of `log_keys` must have signed the note over these bytes, and the key
/// that it names, which must be the `trusted` one if there is one, the JWS.
pub(crate) fn open<M: SignedManifest>(
    bytes: &[u8],
    note: &str,
    jws: &str,
    log_keys: &[Verifier],
    trusted: Option<&PublicKey>,
) -> Result<M, ManifestError> {
    let opened = note::open(note, log_keys).map_err(ManifestError::Note)?;
    let mut lines = opened.text.split('\n');
    let (format, origin) = (lines.next(), lines.next().unwrap_or_default());
    let by_log = opened.signed.iter().any(|signed| signed.key.name() == origin);
    if format != Some(M::FORMAT) || !by_log {
        return Err(ManifestError::NotAManifestNote);
    }
    if opened.text != note_text(M::FORMAT, origin, bytes) {
        return Err(ManifestError::NotTheSigned);
    }
    let manifest: M =
        serde_json::from_slice(bytes).map_err(|e| ManifestError::Malformed(e.to_string()))?;
    let said = manifest.says();
    if said.0 != M::FORMAT || said.1 != origin {
        return Err(ManifestError::Malformed("its format or origin is another".into()));
    }
    let key = PublicKey::from_jwk(said.2).map_err(|_| ManifestError::Key("cannot be read"))?;
    if key.algorithm() != Algorithm::Ed25519 {
        return Err(ManifestError::Key("is not an Ed25519 key"));
    }
    if trusted.is_some_and(|trusted| *trusted != key) {
        return Err(ManifestError::Key("is not the trusted one"));
    }
    check_jws(jws, bytes, &key).map_err(ManifestError::Jws)?;
    Ok(manifest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jws_is_the_one_of_rfc_7515() {
        let key = SigningKey::from_seed(&[3; 32]).expect("a key");
        let jws = sign_jws(b"{}\n", &key).expect("a JWS");
        let parts: Vec<&str> = jws.split('.').collect();
        let [header, payload, signature] = parts[..] else { panic!("not three parts") };
        let header = from_base64url(header).expect("base64url");
        let header: Value = serde_json::from_slice(&header).expect("JSON");
        assert_eq!(header["alg"], "EdDSA");
        assert_eq!(header["kid"], key.keyid());
        assert_eq!(from_base64url(payload).expect("base64url"), b"{}\n");
        let signature = from_base64url(signature).expect("base64url");
        let input = jws.rsplit_once('.').expect("parts").0;
        assert!(key.public().verify(input.as_bytes(), &signature));
    }

    #[test]
    fn a_jws_of_other_bytes_or_another_key_is_refused() {
        let key = SigningKey::from_seed(&[3; 32]).expect("a key");
        let other = SigningKey::from_seed(&[4; 32]).expect("a key");
        let jws = sign_jws(b"{}\n", &key).expect("a JWS");
        assert_eq!(check_jws(&jws, b"{}\n", &key.public()), Ok(()));
        assert!(check_jws(&jws, b"{}", &key.public()).is_err());
        assert!(check_jws(&jws, b"{}\n", &other.public()).is_err());
        let none = format!("{}.{}.", base64url(br#"{"alg":"none"}"#), base64url(b"{}\n"));
        assert!(check_jws(&none, b"{}\n", &key.public()).is_err());
        assert!(check_jws(&format!("{jws}\n"), b"{}\n", &key.public()).is_err());
    }
}
