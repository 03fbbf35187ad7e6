//! Private keys, and signing with them.

use std::fmt;

use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PSS_SHA512,
    RsaKeyPair,
};
use zeroize::Zeroizing;

use super::algorithm::Algorithm;
use super::der;
use super::error::KeyError;
use super::key::PublicKey;
use crate::kernel::Env;

/// A private key with its public half. The exported form is wiped when the key is dropped; what
/// `ring` holds inside it does not wipe.
///
/// Ed25519 signs the same bytes in the same way every time. P-256 and RSA-PSS need randomness
/// for each signature, and `ring` takes it from nowhere but the system: runs that must be
/// reproducible sign with Ed25519.
pub struct SigningKey {
    pair: Pair,
    pkcs8: Zeroizing<Vec<u8>>,
    public: PublicKey,
}

enum Pair {
    Ed25519(Box<Ed25519KeyPair>),
    P256(Box<EcdsaKeyPair>),
    Rsa(Box<RsaKeyPair>),
}

impl SigningKey {
    /// A fresh Ed25519 key.
    ///
    /// # Errors
    /// Only if the entropy is so broken that it yields a key of small order.
    pub fn generate(env: &Env) -> Result<SigningKey, KeyError> {
        SigningKey::from_seed(&Zeroizing::new(env.random()))
    }

    /// The Ed25519 key with this seed (RFC 8032 section 5.1.5).
    ///
    /// # Errors
    /// [`KeyError`], which no seed is known to cause.
    pub fn from_seed(seed: &[u8; 32]) -> Result<SigningKey, KeyError> {
        let inner = der::element(der::OCTET_STRING, &[seed]);
        let pair = Ed25519KeyPair::from_seed_unchecked(seed)
            .map_err(|_| KeyError::Malformed("the seed is not one of Ed25519"))?;
        let public = PublicKey::from_jwk(&serde_json::json!({
            "kty": "OKP", "crv": "Ed25519",
            "x": crate::kernel::bytes::base64url(pair.public_key().as_ref()),
        }))?;
        let pkcs8 = wrap(der::ED25519_ID, &inner);
        Ok(SigningKey { pair: Pair::Ed25519(Box::new(pair)), pkcs8, public })
    }

    /// Reads one key from PEM: `PRIVATE KEY` (PKCS#8, versions 1 and 2), `EC PRIVATE KEY`
    /// (RFC 5915) or `RSA PRIVATE KEY` (RFC 8017).
    ///
    /// # Errors
    /// [`KeyError`] says what is wrong. Elliptic-curve keys must hold their public half.
    pub fn from_pem(text: &str) -> Result<SigningKey, KeyError> {
        let (label, bytes) = der::read_pem(text)?;
        match label {
            "PRIVATE KEY" => SigningKey::from_pkcs8(&bytes),
            "EC PRIVATE KEY" => SigningKey::p256(&bytes),
            "RSA PRIVATE KEY" => SigningKey::rsa(&bytes),
            "ENCRYPTED PRIVATE KEY" => Err(KeyError::Unsupported(
                "it is encrypted: decrypt it with openssl pkey, and keep the file to yourself",
            )),
            _ => Err(KeyError::Unsupported("the PEM label is not PRIVATE KEY")),
        }
    }

    fn from_pkcs8(bytes: &[u8]) -> Result<SigningKey, KeyError> {
        let (algorithm, inner) = der::private_key_info(bytes)?;
        match algorithm.oid {
            der::ED25519 => {
                // Reads both versions, and compares the public half where there is one.
                Ed25519KeyPair::from_pkcs8_maybe_unchecked(bytes)
                    .map_err(|_| KeyError::Malformed("it is not an Ed25519 key"))?;
                let seed = der::octets(inner).and_then(|seed| <&[u8; 32]>::try_from(seed).ok());
                SigningKey::from_seed(seed.ok_or(KeyError::Malformed("the seed has 32 bytes"))?)
            }
            der::EC if algorithm.parameters_oid() == Ok(der::P256) => SigningKey::p256(inner),
            der::RSA => SigningKey::rsa(inner),
            der::RSA_PSS => {
                der::check_pss(&algorithm)?;
                SigningKey::rsa(inner)
            }
            _ => Err(KeyError::Unsupported("it is not Ed25519, P-256 or RSA")),
        }
    }

    fn p256(sec1: &[u8]) -> Result<SigningKey, KeyError> {
        let pkcs8 = wrap(der::P256_ID, sec1);
        let rng = SystemRandom::new();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &pkcs8, &rng)
            .map_err(|_| KeyError::Malformed("it is not a P-256 key with its public half"))?;
        let point = pair.public_key().as_ref();
        let bits = der::element(der::BIT_STRING, &[&[0], point]);
        let info = der::element(der::SEQUENCE, &[der::P256_ID, &bits]);
        let public = PublicKey::from_spki(&info)?;
        Ok(SigningKey { pair: Pair::P256(Box::new(pair)), pkcs8, public })
    }

    fn rsa(pkcs1: &[u8]) -> Result<SigningKey, KeyError> {
        let pair = RsaKeyPair::from_der(pkcs1).map_err(|_| {
            KeyError::Malformed("it is not a sound RSA private key of 2048 to 4096 bits")
        })?;
        let public = PublicKey::from_rsa_der(pair.public_key().as_ref())?;
        let pkcs8 = wrap(der::RSA_ID, pkcs1);
        Ok(SigningKey { pair: Pair::Rsa(Box::new(pair)), pkcs8, public })
    }

    /// The key as PEM, `PRIVATE KEY` (PKCS#8, version 1). The text is wiped when dropped.
    pub fn to_pem(&self) -> Zeroizing<String> {
        der::write_pem("PRIVATE KEY", &self.pkcs8)
    }

    /// The public half.
    pub fn public(&self) -> PublicKey {
        self.public.clone()
    }

    /// The public half's thumbprint.
    pub fn keyid(&self) -> &str {
        self.public.keyid()
    }

    /// The algorithm it signs with.
    pub const fn algorithm(&self) -> Algorithm {
        self.public.algorithm()
    }

    /// Signs `message`. For P-256 the signature is `r ‖ s`.
    ///
    /// With P-256 and RSA signing fails when the system has no randomness to give, and with RSA
    /// when a fault in the computation was caught. The result is then empty, a signature that
    /// nobody accepts: nothing leaves that could betray the key.
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        let rng = SystemRandom::new();
        match &self.pair {
            Pair::Ed25519(pair) => pair.sign(message).as_ref().to_vec(),
            Pair::P256(pair) => pair
                .sign(&rng, message)
                .map_or_else(|_| Vec::new(), |signature| signature.as_ref().to_vec()),
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                match pair.sign(&RSA_PSS_SHA512, &rng, message, &mut signature) {
                    Ok(()) => signature,
                    Err(_) => Vec::new(),
                }
            }
        }
    }
}

/// A PKCS#8 `PrivateKeyInfo` of version 1.
fn wrap(algorithm: &[u8], inner: &[u8]) -> Zeroizing<Vec<u8>> {
    let key = der::element(der::OCTET_STRING, &[inner]);
    der::element(der::SEQUENCE, &[&[der::INTEGER, 1, 0], algorithm, &key])
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({} {})", self.algorithm(), self.keyid())
    }
}
