//! Files that only one person can open: the age format, version 1
//! (<https://age-encryption.org/v1>), for a recipient's X25519 key.
//!
//! A format of our own would need a program of our own to open it. `age -d -i KEY FILE` opens
//! these, and so do other implementations of the same format; only writing is needed here.

use std::fmt;
use std::io::{self, Write};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use ring::agreement::{EphemeralPrivateKey, UnparsedPublicKey, X25519, agree_ephemeral};
use ring::hkdf::{HKDF_SHA256, KeyType, Salt};
use ring::hmac;
use ring::rand::SystemRandom;

use super::Env;
use super::bytes::{Digest, sha256};

/// Plain bytes of one chunk.
const CHUNK: usize = 64 << 10;

/// What stands before an X25519 key in a SubjectPublicKeyInfo (RFC 8410).
const SPKI: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x6e, 0x03, 0x21, 0x00];

/// The alphabet of Bech32 (BIP 173).
const BECH32: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";

/// What a recipient's text begins with.
const PREFIX: &str = "age";

/// Whoever can open a file: a public X25519 key.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Recipient([u8; 32]);

/// A text is no recipient.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a recipient: it must be age1…, or an X25519 public key in PEM")]
pub struct RecipientError;

impl Recipient {
    /// Reads `age1…`, as `age-keygen -y` prints it (lines that begin with `#` are remarks), or an
    /// X25519 public key in PEM, as `openssl pkey -pubout` writes it.
    ///
    /// # Errors
    /// [`RecipientError`].
    pub fn parse(text: &str) -> Result<Recipient, RecipientError> {
        let mut lines = text.lines().map(str::trim);
        if lines.clone().any(|line| line == "-----BEGIN PUBLIC KEY-----") {
            let inside = lines
                .skip_while(|line| !line.starts_with("-----BEGIN"))
                .skip(1)
                .take_while(|line| !line.starts_with("-----END"));
            let der = STANDARD.decode(inside.collect::<String>()).map_err(|_| RecipientError)?;
            let key = der.strip_prefix(&SPKI).ok_or(RecipientError)?;
            return Ok(Recipient(key.try_into().map_err(|_| RecipientError)?));
        }
        let line = lines.find(|line| !line.is_empty() && !line.starts_with('#'));
        let key = bech32(line.ok_or(RecipientError)?).ok_or(RecipientError)?;
        Ok(Recipient(key.try_into().map_err(|_| RecipientError)?))
    }

    /// SHA-256 of the key: names it without giving it.
    pub fn digest(&self) -> Digest {
        sha256(&self.0)
    }
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut fives = Vec::new();
        let (mut held, mut bits) = (0_u32, 0);
        for byte in self.0 {
            held = (held << 8 | u32::from(byte)) & 0xfff;
            bits += 8;
            while bits >= 5 {
                bits -= 5;
                fives.push((held >> bits & 31) as u8);
            }
        }
        if bits > 0 {
            fives.push((held << (5 - bits) & 31) as u8);
        }
        let check = polymod(PREFIX, fives.iter().copied().chain([0; 6])) ^ 1;
        fives.extend((0..6).map(|place| (check >> (5 * (5 - place)) & 31) as u8));
        write!(f, "{PREFIX}1")?;
        let letters = fives.iter().filter_map(|five| BECH32.get(usize::from(*five)));
        letters.copied().try_for_each(|letter| write!(f, "{}", char::from(letter)))
    }
}

impl fmt::Debug for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Recipient({self})")
    }
}

/// The check of Bech32 over the prefix and the values.
fn polymod(prefix: &str, values: impl Iterator<Item = u8>) -> u32 {
    const TAPS: [u32; 5] = [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3];
    let high = prefix.bytes().map(|byte| byte >> 5);
    let low = prefix.bytes().map(|byte| byte & 31);
    high.chain([0]).chain(low).chain(values).fold(1, |sum: u32, value| {
        let top = sum >> 25;
        let sum = (sum & 0x1ff_ffff) << 5 ^ u32::from(value);
        let taps = TAPS.iter().enumerate().filter(|(place, _)| top >> place & 1 == 1);
        taps.fold(sum, |sum, (_, tap)| sum ^ tap)
    })
}

/// The bytes of a Bech32 text with our prefix.
fn bech32(text: &str) -> Option<Vec<u8>> {
    let text = text.to_ascii_lowercase();
    let letters = text.strip_prefix(PREFIX)?.strip_prefix('1')?;
    let place = |letter: u8| BECH32.iter().position(|known| *known == letter);
    let fives: Vec<u8> = letters
        .bytes()
        .map(|b| place(b).and_then(|n| u8::try_from(n).ok()))
        .collect::<Option<_>>()?;
    if polymod(PREFIX, fives.iter().copied()) != 1 {
        return None;
    }
    let data = fives.get(..fives.len().checked_sub(6)?)?;
    let mut out = Vec::new();
    let (mut held, mut bits) = (0_u32, 0);
    for five in data {
        held = (held << 5 | u32::from(*five)) & 0xfff;
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            out.push((held >> bits & 0xff) as u8);
        }
    }
    (held & ((1 << bits) - 1) == 0).then_some(out)
}

struct Length(usize);

impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

fn failed(_: ring::error::Unspecified) -> io::Error {
    io::Error::other("the cipher refused")
}

fn derive(secret: &[u8], salt: &[u8], info: &[u8]) -> Result<[u8; 32], ring::error::Unspecified> {
    let mut key = [0; 32];
    let pseudorandom = Salt::new(HKDF_SHA256, salt).extract(secret);
    pseudorandom.expand(&[info], Length(32))?.fill(&mut key)?;
    Ok(key)
}

fn cipher(key: &[u8; 32]) -> Result<LessSafeKey, ring::error::Unspecified> {
    Ok(LessSafeKey::new(UnboundKey::new(&CHACHA20_POLY1305, key)?))
}

/// The header: the file's key, wrapped for the recipient.
fn header(recipient: &Recipient, file_key: &[u8; 16]) -> Result<String, ring::error::Unspecified> {
    // ring takes randomness for this from itself only; nothing that is replayed depends on it.
    let ephemeral = EphemeralPrivateKey::generate(&X25519, &SystemRandom::new())?;
    let share = ephemeral.compute_public_key()?;
    let salt = [share.as_ref(), recipient.0.as_slice()].concat();
    let peer = UnparsedPublicKey::new(&X25519, recipient.0);
    let info = b"age-encryption.org/v1/X25519";
    let wrapping = agree_ephemeral(ephemeral, &peer, |secret| derive(secret, &salt, info))??;
    let mut wrapped = file_key.to_vec();
    let once = Nonce::assume_unique_for_key([0; 12]);
    cipher(&wrapping)?.seal_in_place_append_tag(once, Aad::empty(), &mut wrapped)?;
    let text = format!(
        "age-encryption.org/v1\n-> X25519 {}\n{}\n---",
        STANDARD_NO_PAD.encode(share.as_ref()),
        STANDARD_NO_PAD.encode(&wrapped),
    );
    let key = hmac::Key::new(hmac::HMAC_SHA256, &derive(file_key, &[], b"header")?);
    let tag = hmac::sign(&key, text.as_bytes());
    Ok(format!("{text} {}\n", STANDARD_NO_PAD.encode(tag.as_ref())))
}

/// Writes one sealed file. What is written is held until a chunk is full; [`Sealer::finish`]
/// writes the last.
pub struct Sealer<W: Write> {
    out: W,
    key: LessSafeKey,
    chunk: Vec<u8>,
    count: u64,
}

impl<W: Write> Sealer<W> {
    /// Begins a file for the recipient.
    ///
    /// # Errors
    /// The file's, or a key that is none.
    pub fn begin(env: &Env, recipient: &Recipient, mut out: W) -> io::Result<Sealer<W>> {
        let (file_key, nonce) = (env.random::<16>(), env.random::<16>());
        out.write_all(header(recipient, &file_key).map_err(failed)?.as_bytes())?;
        out.write_all(&nonce)?;
        let key = derive(&file_key, &nonce, b"payload").map_err(failed)?;
        let key = cipher(&key).map_err(failed)?;
        Ok(Sealer { out, key, chunk: Vec::with_capacity(CHUNK + 16), count: 0 })
    }

    fn seal(&mut self, is_last: bool) -> io::Result<()> {
        // Eleven bytes count the chunks, and one says which is the last.
        let mut nonce = [0; 12];
        nonce[3..11].copy_from_slice(&self.count.to_be_bytes());
        nonce[11] = u8::from(is_last);
        let once = Nonce::assume_unique_for_key(nonce);
        self.key.seal_in_place_append_tag(once, Aad::empty(), &mut self.chunk).map_err(failed)?;
        self.out.write_all(&self.chunk)?;
        self.chunk.clear();
        self.count += 1;
        Ok(())
    }

    /// Ends the file. Without it the file cannot be opened.
    ///
    /// # Errors
    /// The file's.
    pub fn finish(mut self) -> io::Result<W> {
        self.seal(true)?;
        self.out.flush()?;
        Ok(self.out)
    }
}

impl<W: Write> Write for Sealer<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // A full chunk waits for the next byte: it may be the last.
        if self.chunk.len() == CHUNK && !bytes.is_empty() {
            self.seal(false)?;
        }
        let taken = bytes.len().min(CHUNK - self.chunk.len());
        self.chunk.extend_from_slice(bytes.get(..taken).unwrap_or_default());
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Time;

    /// What the format's own documents use.
    const KNOWN: &str = "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj";

    #[test]
    fn a_recipient_has_one_text_and_a_wrong_one_is_refused() {
        let recipient = Recipient::parse(&format!("# created: today\n{KNOWN}\n")).expect("one");
        assert_eq!(recipient.to_string(), KNOWN);
        let pem = [SPKI.as_slice(), &recipient.0].concat();
        let pem = format!(
            "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
            STANDARD.encode(pem)
        );
        assert_eq!(Recipient::parse(&pem), Ok(recipient));
        for wrong in ["", "age1", &KNOWN.replace("zvk", "zvq"), &KNOWN[..40], "ssh-ed25519 AAAA"] {
            assert_eq!(Recipient::parse(wrong), Err(RecipientError), "{wrong}");
        }
    }

    /// Opens a file as the format says, with the recipient's own key.
    fn open(sealed: &[u8], key: EphemeralPrivateKey) -> Vec<u8> {
        let own = key.compute_public_key().expect("a key");
        let end = sealed.windows(5).position(|w| w == b"\n--- ").expect("a header") + 1;
        let line = sealed[end..].iter().position(|b| *b == b'\n').expect("a line") + end;
        let text = std::str::from_utf8(&sealed[..end]).expect("text");
        let lines: Vec<&str> = text.lines().collect();
        let share = lines[1].strip_prefix("-> X25519 ").expect("a stanza");
        let share = STANDARD_NO_PAD.decode(share).expect("base64");
        let salt = [share.as_slice(), own.as_ref()].concat();
        let peer = UnparsedPublicKey::new(&X25519, &share);
        let wrapping = agree_ephemeral(key, &peer, |secret| {
            derive(secret, &salt, b"age-encryption.org/v1/X25519").expect("a key")
        });
        let mut wrapped = STANDARD_NO_PAD.decode(lines[2]).expect("base64");
        let once = Nonce::assume_unique_for_key([0; 12]);
        let wrapping = cipher(&wrapping.expect("agreed")).expect("a key");
        let file_key = wrapping.open_in_place(once, Aad::empty(), &mut wrapped).expect("opened");
        let mac = hmac::Key::new(hmac::HMAC_SHA256, &derive(file_key, &[], b"header").expect("it"));
        let tag = STANDARD_NO_PAD.decode(&sealed[end + 4..line]).expect("base64");
        hmac::verify(&mac, &sealed[..end + 3], &tag).expect("the header is whole");
        let (nonce, payload) = sealed[line + 1..].split_at(16);
        let key = cipher(&derive(file_key, nonce, b"payload").expect("a key")).expect("a key");
        let chunks: Vec<&[u8]> = payload.chunks(CHUNK + 16).collect();
        let mut plain = Vec::new();
        for (place, chunk) in chunks.iter().enumerate() {
            let mut nonce = [0; 12];
            nonce[3..11].copy_from_slice(&(place as u64).to_be_bytes());
            nonce[11] = u8::from(place + 1 == chunks.len());
            let mut chunk = chunk.to_vec();
            let once = Nonce::assume_unique_for_key(nonce);
            plain.extend(key.open_in_place(once, Aad::empty(), &mut chunk).expect("opened").iter());
        }
        plain
    }

    #[test]
    fn a_sealed_file_opens_with_the_recipients_key_whatever_its_length() {
        let (env, _) = Env::fixed(Time::default(), 3);
        for length in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 3 * CHUNK + 7] {
            let plain: Vec<u8> = (0..length).map(|n| (n % 251) as u8).collect();
            let key = EphemeralPrivateKey::generate(&X25519, &SystemRandom::new()).expect("a key");
            let public = key.compute_public_key().expect("a key");
            let recipient = Recipient(public.as_ref().try_into().expect("32 bytes"));
            let mut sealer = Sealer::begin(&env, &recipient, Vec::new()).expect("begun");
            sealer.write_all(&plain).expect("written");
            let sealed = sealer.finish().expect("finished");
            assert_eq!(open(&sealed, key), plain, "{length}");
        }
    }
}
