//! The signature algorithms of the profile.

use std::fmt;

/// A signature algorithm, by its name in the HTTP Signature Algorithms registry (RFC 9421
/// section 6.2). Shared secrets (`hmac-sha256`) are not among them: an answer has to convince a
/// third party.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// EdDSA over edwards25519 (RFC 9421 section 3.3.6): the default.
    Ed25519,
    /// ECDSA over P-256 with SHA-256, the signature being `r ‖ s`, 64 bytes (section 3.3.4).
    EcdsaP256Sha256,
    /// RSASSA-PSS with SHA-512, MGF1-SHA-512 and a salt of 64 bytes (section 3.3.1).
    RsaPssSha512,
}

impl Algorithm {
    /// The registered name, as `alg` carries it.
    pub const fn name(self) -> &'static str {
        match self {
            Algorithm::Ed25519 => "ed25519",
            Algorithm::EcdsaP256Sha256 => "ecdsa-p256-sha256",
            Algorithm::RsaPssSha512 => "rsa-pss-sha512",
        }
    }

    /// The algorithm with this registered name; `None` for any other.
    pub fn from_name(name: &str) -> Option<Algorithm> {
        [Algorithm::Ed25519, Algorithm::EcdsaP256Sha256, Algorithm::RsaPssSha512]
            .into_iter()
            .find(|algorithm| algorithm.name() == name)
    }

    /// The name JOSE uses for it (RFC 7518, RFC 8037), as a JWK's `alg` carries it.
    pub const fn jose_name(self) -> &'static str {
        match self {
            Algorithm::Ed25519 => "EdDSA",
            Algorithm::EcdsaP256Sha256 => "ES256",
            Algorithm::RsaPssSha512 => "PS512",
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
