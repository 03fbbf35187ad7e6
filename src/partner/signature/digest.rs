//! `Content-Digest` (RFC 9530): made over, and checked against, the bytes as sent.

use http::{HeaderMap, HeaderValue};
use ring::digest::{Context, SHA256, SHA512};
use sfv::{BareItem, ListEntry};

use super::error::SignatureError;
use super::fields;
use crate::kernel::bytes::{base64, sha256};

/// The field's name in lower case.
pub(super) const CONTENT_DIGEST: &str = "content-digest";

/// The value of a `Content-Digest` field for `body`: its SHA-256.
pub fn content_digest(body: &[u8]) -> HeaderValue {
    let text = format!("sha-256=:{}:", base64(&sha256(body)));
    // Base64 and punctuation are always a header value; an empty one would simply not verify.
    HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static(""))
}

/// Checks every `sha-256` and `sha-512` in `Content-Digest` against `body`: [`Claimed`] on a body
/// that is here whole.
///
/// # Errors
/// As [`Claimed::read`] and [`Claimed::hold`].
pub fn check_content_digest(headers: &HeaderMap, body: &[u8]) -> Result<(), SignatureError> {
    let mut claimed = Claimed::read(headers)?;
    claimed.update(body);
    claimed.hold()
}

/// The digests that `Content-Digest` claims, while the body they are of arrives.
pub struct Claimed(Vec<(&'static str, Context, Vec<u8>)>);

impl Claimed {
    /// Reads the field. Algorithms other than `sha-256` and `sha-512` (RFC 9530 keeps a registry,
    /// part of it broken) are passed over, but one known digest there must be.
    ///
    /// # Errors
    /// [`SignatureError::DigestMissing`] or [`SignatureError::Malformed`].
    pub fn read(headers: &HeaderMap) -> Result<Claimed, SignatureError> {
        if !headers.contains_key(CONTENT_DIGEST) {
            return Err(SignatureError::DigestMissing);
        }
        let mut claims = Vec::new();
        for (name, member) in &fields::dictionary(headers, CONTENT_DIGEST)? {
            let (name, algorithm) = match name.as_str() {
                "sha-256" => ("sha-256", &SHA256),
                "sha-512" => ("sha-512", &SHA512),
                _ => continue,
            };
            let ListEntry::Item(sfv::Item { bare_item: BareItem::ByteSequence(claimed), .. }) =
                member
            else {
                let reason = "a digest is a byte sequence: sha-256=:BASE64:";
                return Err(SignatureError::Malformed { field: CONTENT_DIGEST, reason });
            };
            claims.push((name, Context::new(algorithm), claimed.clone()));
        }
        if claims.is_empty() { Err(SignatureError::DigestMissing) } else { Ok(Claimed(claims)) }
    }

    /// More of the body came.
    pub fn update(&mut self, bytes: &[u8]) {
        for (_, context, _) in &mut self.0 {
            context.update(bytes);
        }
    }

    /// Compares, now that all of the body came.
    ///
    /// # Errors
    /// [`SignatureError::DigestMismatch`].
    pub fn hold(self) -> Result<(), SignatureError> {
        for (algorithm, context, claimed) in self.0 {
            if context.finish().as_ref() != claimed.as_slice() {
                return Err(SignatureError::DigestMismatch { algorithm });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(lines: &[&'static str], body: &[u8]) -> Result<(), &'static str> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(CONTENT_DIGEST, HeaderValue::from_static(line));
        }
        check_content_digest(&headers, body).map_err(|error| error.code())
    }

    /// RFC 9530, appendix B.1: `{"hello": "world"}` and a newline.
    const BODY: &[u8] = b"{\"hello\": \"world\"}\n";
    const SHA_256: &str = "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:";
    const SHA_512: &str = "sha-512=:YMAam51Jz/jOATT6/zvHrLVgOYTGFy1d6GJiOHTohq4yP+pgk4vf2aCsyRZ\
        Otw8MjkM7iw7yZ/WkppmM44T3qg==:";

    #[test]
    fn digests_of_the_rfc_hold() {
        assert_eq!(content_digest(BODY), SHA_256);
        assert_eq!(check(&[SHA_256], BODY), Ok(()));
        assert_eq!(check(&[SHA_512], BODY), Ok(()));
        assert_eq!(check(&[SHA_512, SHA_256], BODY), Ok(()));
    }

    #[test]
    fn every_known_digest_is_compared() {
        let other = "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:";
        assert_eq!(check(&[other], BODY), Err("digest_mismatch"));
        assert_eq!(check(&[SHA_512, other], BODY), Err("digest_mismatch"));
        assert_eq!(check(&["sha-256=::"], BODY), Err("digest_mismatch"));
        // A second member of the same name would hide the first.
        assert_eq!(check(&[other, SHA_256], BODY), Err("signature_malformed"));
    }

    #[test]
    fn one_known_digest_there_must_be() {
        assert_eq!(check(&[], BODY), Err("digest_missing"));
        assert_eq!(check(&[""], BODY), Err("digest_missing"));
        assert_eq!(check(&["md5=:Sd/dVLAcvNLSq16eXua5uQ==:"], BODY), Err("digest_missing"));
        assert_eq!(check(&["sha-256=RK/0qy18"], BODY), Err("signature_malformed"));
        assert_eq!(check(&["sha-256=:"], BODY), Err("signature_malformed"));
    }
}
