//! Sealed bytes: AES-256-GCM under a key of its own, bound to the place where they are kept.
//!
//! The associated data names table, row, column and the index of the last writer
//! (decisions.md 4), so that a ciphertext moved or put back does not open.

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use zeroize::Zeroizing;

use super::env::Env;

/// A sealed field did not open: wrong key, wrong place, or altered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a sealed field does not open at {table}.{column}: its key or its place is wrong, or it was altered"
)]
pub struct SealBroken {
    /// The table the field is kept in.
    pub table: &'static str,
    /// The column the field is kept in.
    pub column: &'static str,
}

/// Where a sealed field is kept.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// Table name.
    pub table: &'static str,
    /// Column name.
    pub column: &'static str,
    /// The row's own key.
    pub row: &'a str,
    /// Index of the ledger entry that wrote the field last; 0 where no entry did.
    pub index: u64,
}

impl Place<'_> {
    fn aad(&self) -> Vec<u8> {
        format!("fivefold-seal/v1\n{}\n{}\n{}\n{}", self.table, self.row, self.column, self.index)
            .into_bytes()
    }
}

/// A 256-bit key for sealing. Its bytes are wiped when it is dropped.
///
/// While what it sealed is being sealed anew, it also opens with the key that takes its place.
#[derive(Clone)]
pub struct SealKey {
    bytes: Zeroizing<[u8; 32]>,
    also: Option<Box<SealKey>>,
}

impl SealKey {
    /// A fresh key.
    pub fn generate(env: &Env) -> SealKey {
        SealKey { bytes: Zeroizing::new(env.random()), also: None }
    }

    /// The key with these bytes; `None` unless there are 32.
    pub fn from_slice(bytes: &[u8]) -> Option<SealKey> {
        let bytes = bytes.try_into().ok().map(Zeroizing::new)?;
        Some(SealKey { bytes, also: None })
    }

    /// The same key, that also opens what `other` sealed.
    pub fn or(mut self, other: SealKey) -> SealKey {
        self.also = Some(Box::new(other));
        self
    }

    /// The same key, that opens only what it sealed itself.
    pub fn alone(&self) -> SealKey {
        SealKey { bytes: self.bytes.clone(), also: None }
    }

    /// The key's bytes, for wrapping.
    pub fn expose(&self) -> &[u8; 32] {
        &self.bytes
    }

    fn cipher(&self) -> Option<LessSafeKey> {
        UnboundKey::new(&AES_256_GCM, &self.bytes[..]).ok().map(LessSafeKey::new)
    }

    /// Seals `plain` for `place`: a fresh 96-bit nonce, then ciphertext and tag.
    pub fn seal(&self, env: &Env, place: Place<'_>, plain: &[u8]) -> Vec<u8> {
        let nonce: [u8; NONCE_LEN] = env.random();
        let mut out = Vec::with_capacity(NONCE_LEN + plain.len() + 16);
        out.extend_from_slice(&nonce);
        let mut body = plain.to_vec();
        let sealed = self.cipher().is_some_and(|cipher| {
            cipher
                .seal_in_place_append_tag(
                    Nonce::assume_unique_for_key(nonce),
                    Aad::from(place.aad()),
                    &mut body,
                )
                .is_ok()
        });
        // Sealing fails only beyond 64 GiB; nothing in clear may leave in that case.
        if !sealed {
            body.clear();
        }
        out.extend_from_slice(&body);
        out
    }

    /// Opens what [`SealKey::seal`] sealed for the same place.
    ///
    /// # Errors
    /// [`SealBroken`] when key, place or bytes are not the ones it was sealed with.
    pub fn open(&self, place: Place<'_>, sealed: &[u8]) -> Result<Vec<u8>, SealBroken> {
        match (self.open_alone(place, sealed), &self.also) {
            (Err(_), Some(other)) => other.open(place, sealed),
            (opened, _) => opened,
        }
    }

    fn open_alone(&self, place: Place<'_>, sealed: &[u8]) -> Result<Vec<u8>, SealBroken> {
        let broken = SealBroken { table: place.table, column: place.column };
        let (nonce, body) = sealed.split_at_checked(NONCE_LEN).ok_or(broken)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| broken)?;
        let mut body = body.to_vec();
        let cipher = self.cipher().ok_or(broken)?;
        let plain =
            cipher.open_in_place(nonce, Aad::from(place.aad()), &mut body).map_err(|_| broken)?;
        let length = plain.len();
        body.truncate(length);
        Ok(body)
    }
}

impl std::fmt::Debug for SealKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SealKey")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Time;

    #[test]
    fn a_sealed_field_opens_only_in_its_place() {
        let (env, _) = Env::fixed(Time::default(), 1);
        let key = SealKey::generate(&env);
        let place = Place { table: "bodies", column: "personal", row: "7", index: 7 };
        let sealed = key.seal(&env, place, b"secret");
        assert_eq!(key.open(place, &sealed).as_deref(), Ok(&b"secret"[..]));
        assert!(key.open(Place { row: "8", ..place }, &sealed).is_err());
        assert!(key.open(Place { index: 8, ..place }, &sealed).is_err());
        assert!(SealKey::generate(&env).open(place, &sealed).is_err());
        let mut altered = sealed.clone();
        altered[NONCE_LEN] ^= 1;
        assert!(key.open(place, &altered).is_err());
        assert!(key.open(place, &sealed[..5]).is_err());
    }
}
