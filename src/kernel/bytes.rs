//! Digests, keyed digests and the two text encodings of bytes.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::{digest, hmac};

/// A SHA-256 digest.
pub type Digest = [u8; 32];

/// SHA-256 of `data`.
pub fn sha256(data: &[u8]) -> Digest {
    sha256_of(&[data])
}

/// SHA-256 of the concatenation of `parts`.
pub fn sha256_of(parts: &[&[u8]]) -> Digest {
    let mut context = Sha256::new();
    for part in parts {
        context.update(part);
    }
    context.finish()
}

/// SHA-256 of bytes that come bit by bit; they may be written into it.
pub struct Sha256(digest::Context);

impl Sha256 {
    /// Of nothing yet.
    pub fn new() -> Sha256 {
        Sha256(digest::Context::new(&digest::SHA256))
    }

    /// More came.
    pub fn update(&mut self, data: &[u8]) {
        self.0.update(data);
    }

    /// The digest of all that came.
    pub fn finish(self) -> Digest {
        let mut out = [0; 32];
        out.copy_from_slice(self.0.finish().as_ref());
        out
    }
}

impl Default for Sha256 {
    fn default() -> Sha256 {
        Sha256::new()
    }
}

impl std::io::Write for Sha256 {
    fn write(&mut self, data: &[u8]) -> std::io::Result<usize> {
        self.update(data);
        Ok(data.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// HMAC-SHA-256 over length-prefixed `parts`, so that ("ab","c") and ("a","bc") differ.
pub fn keyed(key: &hmac::Key, parts: &[&[u8]]) -> Digest {
    let mut context = hmac::Context::with_key(key);
    for part in parts {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part);
    }
    let mut out = [0; 32];
    out.copy_from_slice(context.sign().as_ref());
    out
}

/// Base64, standard alphabet, padded (RFC 4648 section 4).
pub fn base64(data: &[u8]) -> String {
    STANDARD.encode(data)
}

/// [`base64()`] of a digest, as bytes of ASCII and without allocating.
pub fn digest_base64(digest: &Digest) -> [u8; 44] {
    let mut out = [b'='; 44];
    // It fits: 44 is the length of 32 bytes in base64.
    let _ = STANDARD.encode_slice(digest, &mut out);
    out
}

/// Reads [`base64()`]; `None` when the text is anything else.
pub fn from_base64(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

/// Base64url without padding (RFC 4648 section 5), as JOSE uses it.
pub fn base64url(data: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(data)
}

/// Reads [`base64url`].
pub fn from_base64url(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// Lower-case hexadecimal.
pub fn hex(data: &[u8]) -> String {
    hex::encode(data)
}

/// Reads [`hex()`].
pub fn from_hex(text: &str) -> Option<Vec<u8>> {
    hex::decode(text).ok()
}

/// [`hex()`] of a digest, as bytes of ASCII and without allocating.
pub fn digest_hex(digest: &Digest) -> [u8; 64] {
    let mut out = [b'0'; 64];
    // It fits: each byte is two digits.
    let _ = hex::encode_to_slice(digest, &mut out);
    out
}

/// A 32-byte digest from hexadecimal text.
pub fn digest_from_hex(text: &str) -> Option<Digest> {
    let mut out = [0; 32];
    hex::decode_to_slice(text, &mut out).ok().map(|()| out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_written_without_allocating_as_with() {
        let digest = sha256(b"abc");
        assert_eq!(digest_base64(&digest), base64(&digest).as_bytes());
        assert_eq!(digest_hex(&digest), hex(&digest).as_bytes());
    }

    #[test]
    fn keyed_digest_separates_its_parts() {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &[7; 32]);
        assert_ne!(keyed(&key, &[b"ab", b"c"]), keyed(&key, &[b"a", b"bc"]));
    }

    #[test]
    fn digest_round_trips_through_hex() {
        let digest = sha256(b"abc");
        assert_eq!(
            hex(&digest),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        assert_eq!(digest_from_hex(&hex(&digest)), Some(digest));
        assert_eq!(digest_from_hex("ba78"), None);
    }
}
