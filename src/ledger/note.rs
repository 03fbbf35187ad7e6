//! Signed notes (C2SP `signed-note`) and the cosignatures of witnesses (C2SP `tlog-cosignature`).
//!
//! A note is text, a blank line, and signature lines `— name base64(key id ‖ signature)`. Two
//! signature types are known here: Ed25519 (`0x01`, the log's own) and the timestamped Ed25519
//! cosignature (`0x04`, a witness's). Every other line is another reader's business.

use std::fmt;

use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};

use crate::kernel::bytes::{base64, from_base64, hex, sha256_of};

/// The longest note that is read, in bytes.
pub const NOTE_BYTES_MAX: usize = 1 << 20;

/// The most signature lines that are read; the standard asks for at least 16.
pub const SIGNATURES_MAX: usize = 100;

/// How a key signs, as its type byte in key ids and vkeys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignatureType {
    /// `0x01`: Ed25519 over the note's text.
    Ed25519,
    /// `0x04`: a witness's Ed25519 over a time and the note's text.
    Cosignature,
}

impl SignatureType {
    /// The type byte.
    pub const fn byte(self) -> u8 {
        match self {
            SignatureType::Ed25519 => 1,
            SignatureType::Cosignature => 4,
        }
    }
}

/// Why a note is refused or cannot be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// A key name is empty or holds a space, a plus sign or a control character.
    #[error("a key name must not be empty nor hold spaces, control characters or +")]
    KeyName,
    /// A vkey is not `name+id+key`, or its id is not the key's.
    #[error("not a vkey of an Ed25519 key: {0}")]
    Vkey(&'static str),
    /// The seed of a signing key cannot be used.
    #[error("not the seed of an Ed25519 key")]
    Seed,
    /// The note is not built as a signed note.
    #[error("not a signed note: {0}")]
    Malformed(&'static str),
    /// A key that we know signed, and its signature is wrong.
    #[error("the signature of a known key does not match the note")]
    BadSignature,
    /// No key that we know signed.
    #[error("the note is not signed by a known key")]
    Unsigned,
}

impl NoteError {
    /// Stable name of the error.
    pub fn code(&self) -> &'static str {
        match self {
            NoteError::KeyName => "note_key_name",
            NoteError::Vkey(_) => "note_vkey",
            NoteError::Seed => "note_seed",
            NoteError::Malformed(_) => "note_malformed",
            NoteError::BadSignature => "note_bad_signature",
            NoteError::Unsigned => "note_unsigned",
        }
    }
}

/// Whether a text can be a key name (and, in a checkpoint, an origin).
pub fn is_key_name(name: &str) -> bool {
    !name.is_empty() && !name.chars().any(|c| c.is_whitespace() || c.is_control() || c == '+')
}

/// First four bytes of `SHA-256(name ‖ 0x0A ‖ type ‖ public key)`.
fn key_id(name: &str, kind: SignatureType, public: &[u8; 32]) -> [u8; 4] {
    let [a, b, c, d, ..] = sha256_of(&[name.as_bytes(), b"\n", &[kind.byte()], public]);
    [a, b, c, d]
}

/// The message that a cosignature signs.
fn cosigned(text: &str, time: u64) -> String {
    format!("cosignature/v1\ntime {time}\n{text}")
}

/// A public key that notes are checked with. Its [`fmt::Display`] is the vkey text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verifier {
    name: String,
    kind: SignatureType,
    public: [u8; 32],
    id: [u8; 4],
}

impl Verifier {
    /// The verifier of an Ed25519 public key.
    ///
    /// # Errors
    /// [`NoteError::KeyName`].
    pub fn new(name: &str, kind: SignatureType, public: [u8; 32]) -> Result<Verifier, NoteError> {
        if !is_key_name(name) {
            return Err(NoteError::KeyName);
        }
        Ok(Verifier { name: name.to_owned(), kind, public, id: key_id(name, kind, &public) })
    }

    /// Reads a vkey: `name+hex8(key id)+base64(type ‖ public key)`.
    ///
    /// # Errors
    /// [`NoteError::Vkey`] says what is wrong, [`NoteError::KeyName`].
    pub fn parse(vkey: &str) -> Result<Verifier, NoteError> {
        let shape = NoteError::Vkey("it is not name+id+key");
        let mut parts = vkey.splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(shape);
        };
        let key = from_base64(key).ok_or(NoteError::Vkey("its key is not base64"))?;
        let (kind, public) = key.split_first().ok_or(shape)?;
        let kind = match kind {
            1 => SignatureType::Ed25519,
            4 => SignatureType::Cosignature,
            _ => return Err(NoteError::Vkey("its signature type is neither 0x01 nor 0x04")),
        };
        let public = public.try_into().map_err(|_| NoteError::Vkey("its key has not 32 bytes"))?;
        let verifier = Verifier::new(name, kind, public)?;
        if hex(&verifier.id) != id {
            return Err(NoteError::Vkey("its id is not that of its name and key"));
        }
        Ok(verifier)
    }

    /// The key's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How the key signs.
    pub fn kind(&self) -> SignatureType {
        self.kind
    }

    /// The key's id in signature lines.
    pub fn key_id(&self) -> [u8; 4] {
        self.id
    }

    /// Checks one signature, the bytes after the key id. `None` when it does not match; else the
    /// cosignature's time in Unix seconds, where there is one.
    fn check(&self, text: &str, signature: &[u8]) -> Option<Option<u64>> {
        let key = UnparsedPublicKey::new(&ED25519, &self.public);
        match self.kind {
            SignatureType::Ed25519 => key.verify(text.as_bytes(), signature).ok().map(|()| None),
            SignatureType::Cosignature => {
                let (time, signature) = signature.split_first_chunk::<8>()?;
                let time = u64::from_be_bytes(*time);
                i64::try_from(time).ok()?;
                key.verify(cosigned(text, time).as_bytes(), signature).ok().map(|()| Some(time))
            }
        }
    }
}

impl fmt::Display for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut key = vec![self.kind.byte()];
        key.extend(self.public);
        write!(f, "{}+{}+{}", self.name, hex(&self.id), base64(&key))
    }
}

/// A key that signs notes.
pub struct NoteSigner {
    pair: Ed25519KeyPair,
    verifier: Verifier,
}

impl fmt::Debug for NoteSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NoteSigner({})", self.verifier)
    }
}

impl NoteSigner {
    /// The Ed25519 note key (`0x01`) of a 32-byte seed (RFC 8032).
    ///
    /// # Errors
    /// [`NoteError::KeyName`], [`NoteError::Seed`].
    pub fn from_seed(name: &str, seed: &[u8; 32]) -> Result<NoteSigner, NoteError> {
        NoteSigner::with_type(name, SignatureType::Ed25519, seed)
    }

    /// The cosignature key (`0x04`) of a witness, from a 32-byte seed.
    ///
    /// # Errors
    /// [`NoteError::KeyName`], [`NoteError::Seed`].
    pub fn witness_from_seed(name: &str, seed: &[u8; 32]) -> Result<NoteSigner, NoteError> {
        NoteSigner::with_type(name, SignatureType::Cosignature, seed)
    }

    fn with_type(name: &str, kind: SignatureType, seed: &[u8; 32]) -> Result<Self, NoteError> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| NoteError::Seed)?;
        let public = pair.public_key().as_ref().try_into().map_err(|_| NoteError::Seed)?;
        Ok(NoteSigner { pair, verifier: Verifier::new(name, kind, public)? })
    }

    /// The public half.
    pub fn verifier(&self) -> &Verifier {
        &self.verifier
    }

    /// The public half as vkey text.
    pub fn vkey(&self) -> String {
        self.verifier.to_string()
    }

    /// The signature line over `text`, with its newline. `time` (Unix seconds) is signed by a
    /// witness's key and unused by a note key.
    pub fn line(&self, text: &str, time: u64) -> String {
        let mut blob = self.verifier.id.to_vec();
        match self.verifier.kind {
            SignatureType::Ed25519 => blob.extend(self.pair.sign(text.as_bytes()).as_ref()),
            SignatureType::Cosignature => {
                blob.extend(time.to_be_bytes());
                blob.extend(self.pair.sign(cosigned(text, time).as_bytes()).as_ref());
            }
        }
        format!("— {} {}\n", self.verifier.name, base64(&blob))
    }
}

fn has_control(text: &str) -> bool {
    text.bytes().any(|b| b < 0x20 && b != b'\n')
}

/// Signs `text` with every signer, in their order: old and new key while they overlap.
///
/// # Errors
/// [`NoteError::Malformed`] when `text` cannot be a note's text, [`NoteError::Unsigned`] without
/// signers.
pub fn sign(text: &str, signers: &[&NoteSigner]) -> Result<String, NoteError> {
    if !text.ends_with('\n') || has_control(text) {
        return Err(NoteError::Malformed("its text does not end with a newline or has controls"));
    }
    if signers.is_empty() {
        return Err(NoteError::Unsigned);
    }
    let mut note = format!("{text}\n");
    for signer in signers {
        note.push_str(&signer.line(text, 0));
    }
    Ok(note)
}

/// One signature line.
struct Line<'a> {
    name: &'a str,
    id: [u8; 4],
    signature: Vec<u8>,
}

fn parse_line(line: &str) -> Option<Line<'_>> {
    let (name, blob) = line.strip_prefix("— ")?.split_once(' ')?;
    let blob = from_base64(blob)?;
    let (id, signature) = blob.split_first_chunk::<4>()?;
    let complete = is_key_name(name) && !signature.is_empty();
    complete.then(|| Line { name, id: *id, signature: signature.to_vec() })
}

/// Splits a note into its text and its signature lines, without looking at the signatures: for
/// those who wrote the note themselves.
///
/// # Errors
/// [`NoteError::Malformed`].
pub fn split(note: &str) -> Result<(&str, &str), NoteError> {
    if note.len() > NOTE_BYTES_MAX {
        return Err(NoteError::Malformed("it is longer than 1 MiB"));
    }
    if has_control(note) {
        return Err(NoteError::Malformed("it has control characters"));
    }
    let blank = note.rfind("\n\n").ok_or(NoteError::Malformed("it has no blank line"))?;
    let (text, rest) = note.split_at(blank + 1);
    let lines = rest.strip_prefix('\n').and_then(|lines| lines.strip_suffix('\n'));
    Ok((text, lines.ok_or(NoteError::Malformed("it does not end with a newline"))?))
}

/// A signature that was checked and holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// The key that signed.
    pub key: Verifier,
    /// When a witness signed, in Unix seconds; `None` for a note key.
    pub time: Option<u64>,
}

/// A note whose signatures were checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// The signed text, with its last newline.
    pub text: String,
    /// Known keys that signed it, at least one.
    pub signed: Vec<Signed>,
}

/// Opens a signed note: at least one of `verifiers` must have signed it. Signatures of unknown
/// keys are ignored, also when they share a name or an id (but not both) with a known key.
///
/// # Errors
/// [`NoteError::Malformed`], [`NoteError::BadSignature`] when a known key's signature fails,
/// [`NoteError::Unsigned`].
pub fn open(note: &str, verifiers: &[Verifier]) -> Result<Opened, NoteError> {
    let (text, lines) = split(note)?;
    if lines.split('\n').count() > SIGNATURES_MAX {
        return Err(NoteError::Malformed("it has too many signatures"));
    }
    let mut signed: Vec<Signed> = Vec::new();
    for line in lines.split('\n') {
        let malformed = NoteError::Malformed("a signature line is not — name base64");
        let line = parse_line(line).ok_or(malformed)?;
        let mut known = verifiers.iter().filter(|v| v.name == line.name && v.id == line.id);
        let Some(key) = known.next() else { continue };
        let time = key.check(text, &line.signature).ok_or(NoteError::BadSignature)?;
        if !signed.iter().any(|s| s.key == *key) {
            signed.push(Signed { key: key.clone(), time });
        }
    }
    if signed.is_empty() {
        return Err(NoteError::Unsigned);
    }
    Ok(Opened { text: text.to_owned(), signed })
}

#[cfg(test)]
mod tests {
    use super::*;

    // Key and note of the documentation of Go's golang.org/x/mod/sumdb/note.
    const GO_SEED: &str = "AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
    const GO_VKEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    const GO_NOTE: &str = "If you think cryptography is the answer to your problem,\n\
        then you don't know what your problem is.\n\n\
        — PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdng\
        otpRZb6KE6RyyBwJnAM=\n";

    fn signer(name: &str, seed: u8) -> NoteSigner {
        NoteSigner::from_seed(name, &[seed; 32]).expect("a key")
    }

    #[test]
    fn a_note_signed_in_go_opens_and_is_reproduced() {
        let verifier = Verifier::parse(GO_VKEY).expect("a vkey");
        let opened = open(GO_NOTE, std::slice::from_ref(&verifier)).expect("a note");
        let seed = from_base64(GO_SEED).expect("base64");
        let seed: [u8; 32] = seed[1..].try_into().expect("32 bytes");
        let signer = NoteSigner::from_seed("PeterNeumann", &seed).expect("a key");
        assert_eq!(signer.verifier(), &verifier);
        assert_eq!(sign(&opened.text, &[&signer]).as_deref(), Ok(GO_NOTE));
    }

    #[test]
    fn vkeys_have_one_spelling_and_their_own_id() {
        let text = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
        let verifier = Verifier::parse(text).expect("the example of the standard");
        assert_eq!(verifier.to_string(), text);
        assert_eq!(verifier.name(), "example.com/foo");
        for (from, to) in [
            ("530d", "530e"),
            ("530d", "530D"),
            ("foo", "fop"),
            ("+Ae", "+Be"),
            ("3U2k", "3U2"),
            ("foo+", "foo"),
        ] {
            assert!(Verifier::parse(&text.replace(from, to)).is_err(), "{to}");
        }
    }

    #[test]
    fn unknown_signatures_are_ignored_and_known_ones_must_hold() {
        let text = "some\n\ntext\n";
        let known = signer("log.example", 1);
        let strangers: Vec<NoteSigner> =
            (2..18).map(|n| signer(&format!("w{n}.example"), n)).collect();
        let mut signers: Vec<&NoteSigner> = strangers.iter().collect();
        signers.push(&known);
        let note = sign(text, &signers).expect("a note");
        let trusted = [known.verifier().clone()];
        let opened = open(&note, &trusted).expect("it opens");
        assert_eq!((opened.text.as_str(), opened.signed.len()), (text, 1));

        // Same name, another key: unknown, so ignored; alone, it does not open the note.
        let namesake = signer("log.example", 9);
        let both = sign(text, &[&namesake, &known]).expect("a note");
        assert!(open(&both, &trusted).is_ok());
        let alone = sign(text, &[&namesake]).expect("a note");
        assert_eq!(open(&alone, &trusted), Err(NoteError::Unsigned));

        // The known key's line under another text.
        let other = note.replace("some", "same");
        assert_eq!(open(&other, &trusted), Err(NoteError::BadSignature));
        assert_eq!(open(&other, &[]), Err(NoteError::Unsigned));
    }

    #[test]
    fn the_shape_of_a_note_is_strict() {
        let known = signer("log.example", 1);
        let note = sign("text\n", &[&known]).expect("a note");
        let trusted = [known.verifier().clone()];
        for (from, to) in [
            ("text", "te\txt"),
            ("text", "te\rxt"),
            ("\n\n", "\n"),
            ("— log", "- log"),
            ("— log", "—  log"),
            ("example ", "example  "),
            ("\n— log", "\n— x\n— log"),
            ("\n— log", "\n— x AAAAAA==\n— log"),
            ("\n— log", "\n— a+b AAAAAAA=\n— log"),
        ] {
            let wrong = note.replacen(from, to, 1);
            assert_ne!(wrong, note);
            assert!(open(&wrong, &trusted).is_err(), "{to:?}");
        }
        assert!(open(note.trim_end(), &trusted).is_err());
        assert!(open(&format!("{note}\n"), &trusted).is_err());
        assert!(sign("text", &[&known]).is_err());
        assert!(NoteSigner::from_seed("a b", &[1; 32]).is_err());
        let crowd = format!("{note}{}", "— x AAAAAAA=\n".repeat(SIGNATURES_MAX));
        assert!(open(&crowd, &trusted).is_err());
    }

    #[test]
    fn a_cosignature_binds_time_and_text() {
        let log = signer("log.example", 1);
        let witness = NoteSigner::witness_from_seed("w.example", &[2; 32]).expect("a key");
        assert_eq!(Verifier::parse(&witness.vkey()).as_ref(), Ok(witness.verifier()));
        let note = sign("text\n", &[&log]).expect("a note");
        let line = witness.line("text\n", 1_679_315_147);
        let keys = [log.verifier().clone(), witness.verifier().clone()];
        let opened = open(&format!("{note}{line}"), &keys).expect("it opens");
        assert_eq!(opened.signed[1].time, Some(1_679_315_147));
        // The same signature under another time.
        let (head, blob) = line.trim_end().rsplit_once(' ').expect("a line");
        let mut blob = from_base64(blob).expect("base64");
        blob[11] ^= 1;
        let moved = format!("{note}{head} {}\n", base64(&blob));
        assert_eq!(open(&moved, &keys), Err(NoteError::BadSignature));
        // A time beyond 2^63 - 1 is refused whatever was signed.
        let late = format!("{note}{}", witness.line("text\n", 1 << 63));
        assert_eq!(open(&late, &keys), Err(NoteError::BadSignature));
    }
}
