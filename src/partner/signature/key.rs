//! Public keys, as partners register them and as the bureau publishes its own.

use std::fmt;

use pkcs1::RsaPublicKey;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, RSA_PSS_2048_8192_SHA512, RsaPublicKeyComponents,
    UnparsedPublicKey,
};
use serde_json::{Value, json};
use spki::SubjectPublicKeyInfoRef;
use spki::der::Decode;

use super::algorithm::Algorithm;
use super::der;
use super::error::KeyError;
use crate::kernel::bytes::{base64url, from_base64url, sha256};

const RSA_BITS_MIN: usize = 2048;
const RSA_BITS_MAX: usize = 8192;

/// A public key of one of the profile's algorithms.
///
/// Two keys are equal when their thumbprints are. A key may still lie off its curve: it then
/// verifies nothing, which harms nobody but its owner.
///
/// ```
/// use fivefold::partner::signature::PublicKey;
///
/// let key = PublicKey::from_pem(
///     "-----BEGIN PUBLIC KEY-----\n\
///      MCowBQYDK2VwAyEAJrQLj5P/89iXES9+vFgrIy29clF9CC/oPPsw3c5D0bs=\n\
///      -----END PUBLIC KEY-----\n",
/// )?;
/// assert_eq!(key.thumbprint(), "poqkLGiymh_W0uP6PZFw-dvez3QJT5SolqXBCW38r0U");
/// # Ok::<(), fivefold::partner::signature::KeyError>(())
/// ```
#[derive(Clone)]
pub struct PublicKey {
    material: Material,
    thumbprint: String,
}

#[derive(Clone)]
enum Material {
    Ed25519([u8; 32]),
    /// The uncompressed point, `4 ‖ x ‖ y`.
    P256([u8; 65]),
    /// Modulus and exponent, big-endian, without leading zeros.
    Rsa {
        n: Vec<u8>,
        e: Vec<u8>,
    },
}

impl PublicKey {
    /// Reads one key from PEM: a `PUBLIC KEY` (RFC 5280) or an `RSA PUBLIC KEY` (RFC 8017).
    ///
    /// # Errors
    /// [`KeyError`] says what is wrong; a private key is refused by name.
    pub fn from_pem(text: &str) -> Result<PublicKey, KeyError> {
        let (label, bytes) = der::read_pem(text)?;
        match label {
            "PUBLIC KEY" => PublicKey::from_spki(&bytes),
            "RSA PUBLIC KEY" => PublicKey::from_rsa_der(&bytes),
            "CERTIFICATE" => Err(KeyError::Unsupported(
                "it is a certificate: take its key with openssl x509 -pubkey -noout",
            )),
            label if label.ends_with("PRIVATE KEY") => Err(KeyError::Private),
            _ => Err(KeyError::Unsupported("the PEM label is not PUBLIC KEY")),
        }
    }

    /// Reads a `SubjectPublicKeyInfo` in DER (RFC 5280 section 4.1.2.7).
    ///
    /// # Errors
    /// [`KeyError`] says what is wrong.
    pub fn from_spki(bytes: &[u8]) -> Result<PublicKey, KeyError> {
        let malformed = KeyError::Malformed("it is not a SubjectPublicKeyInfo");
        let info = SubjectPublicKeyInfoRef::from_der(bytes).map_err(|_| malformed)?;
        let key = info.subject_public_key.as_bytes().ok_or(malformed)?;
        match info.algorithm.oid {
            der::ED25519 => PublicKey::ed25519(key),
            der::EC => {
                if info.algorithm.parameters_oid() != Ok(der::P256) {
                    return Err(KeyError::Unsupported("of the NIST curves only P-256 is used"));
                }
                PublicKey::p256(key)
            }
            der::RSA => PublicKey::from_rsa_der(key),
            der::RSA_PSS => {
                der::check_pss(&info.algorithm)?;
                PublicKey::from_rsa_der(key)
            }
            _ => Err(KeyError::Unsupported("it is not Ed25519, P-256 or RSA")),
        }
    }

    /// Reads an `RSAPublicKey` in DER (RFC 8017 appendix A.1.1).
    pub(super) fn from_rsa_der(bytes: &[u8]) -> Result<PublicKey, KeyError> {
        let key = RsaPublicKey::from_der(bytes)
            .map_err(|_| KeyError::Malformed("it is not an RSA public key"))?;
        PublicKey::rsa(key.modulus.as_bytes(), key.public_exponent.as_bytes())
    }

    /// Reads a JWK (RFC 7517). Members beyond those of the key are passed over, unless they say
    /// that the key is meant for something else.
    ///
    /// # Errors
    /// [`KeyError`] says what is wrong; a private key is refused by name.
    pub fn from_jwk(jwk: &Value) -> Result<PublicKey, KeyError> {
        if jwk.get("d").is_some() || jwk.get("k").is_some() {
            return Err(KeyError::Private);
        }
        let text = |name| jwk.get(name).and_then(Value::as_str);
        let bytes = |name| {
            text(name)
                .and_then(from_base64url)
                .ok_or(KeyError::Malformed("a member of the JWK is missing or not base64url"))
        };
        let key = match (text("kty"), text("crv")) {
            (Some("OKP"), Some("Ed25519")) => PublicKey::ed25519(&bytes("x")?)?,
            (Some("EC"), Some("P-256")) => {
                let (x, y) = (bytes("x")?, bytes("y")?);
                if x.len() != 32 || y.len() != 32 {
                    return Err(KeyError::Malformed("a coordinate does not have 32 bytes"));
                }
                PublicKey::p256(&[&[4], &x[..], &y[..]].concat())?
            }
            (Some("RSA"), _) => PublicKey::rsa(&bytes("n")?, &bytes("e")?)?,
            (None, _) => return Err(KeyError::Malformed("the JWK has no kty")),
            _ => return Err(KeyError::Unsupported("it is not Ed25519, P-256 or RSA")),
        };
        let algorithm = key.algorithm();
        let fits = |alg: &str| {
            let newer = algorithm == Algorithm::Ed25519 && alg == "Ed25519"; // RFC 9864
            newer || alg == algorithm.jose_name() || alg == algorithm.name()
        };
        if text("use").is_some_and(|purpose| purpose != "sig") || !text("alg").is_none_or(fits) {
            return Err(KeyError::Unsupported("its use or alg is another than the profile's"));
        }
        Ok(key)
    }

    /// Reads what [`PublicKey::to_json`] wrote, or any other JWK as text.
    ///
    /// # Errors
    /// [`KeyError`] says what is wrong.
    pub fn from_json(text: &str) -> Result<PublicKey, KeyError> {
        let jwk = serde_json::from_str(text).map_err(|_| KeyError::Malformed("it is not JSON"))?;
        PublicKey::from_jwk(&jwk)
    }

    fn ed25519(key: &[u8]) -> Result<PublicKey, KeyError> {
        let key: [u8; 32] =
            key.try_into().map_err(|_| KeyError::Malformed("Ed25519 keys have 32 bytes"))?;
        if has_small_order(&key) {
            // Under such a key one signature fits many messages, so it binds its owner to none.
            return Err(KeyError::Weak("it is a point of small order"));
        }
        Ok(PublicKey::of(Material::Ed25519(key)))
    }

    fn p256(point: &[u8]) -> Result<PublicKey, KeyError> {
        match <[u8; 65]>::try_from(point) {
            Ok(point @ [4, ..]) => Ok(PublicKey::of(Material::P256(point))),
            _ => Err(KeyError::Malformed("a P-256 key is an uncompressed point of 65 bytes")),
        }
    }

    fn rsa(n: &[u8], e: &[u8]) -> Result<PublicKey, KeyError> {
        let strip = |bytes: &[u8]| -> Vec<u8> {
            bytes.iter().copied().skip_while(|byte| *byte == 0).collect()
        };
        let (n, e) = (strip(n), strip(e));
        let bits = n.first().map_or(0, |first| n.len() * 8 - first.leading_zeros() as usize);
        if bits < RSA_BITS_MIN {
            return Err(KeyError::Weak("RSA keys have at least 2048 bits"));
        }
        if bits > RSA_BITS_MAX {
            return Err(KeyError::Unsupported("RSA keys have at most 8192 bits"));
        }
        let odd = |bytes: &[u8]| bytes.last().is_some_and(|last| last & 1 == 1);
        if !odd(&n) || !odd(&e) || e == [1] || e.len() > 4 {
            return Err(KeyError::Weak("its modulus or exponent is not one of a sound RSA key"));
        }
        Ok(PublicKey::of(Material::Rsa { n, e }))
    }

    fn of(material: Material) -> PublicKey {
        let thumbprint = base64url(&sha256(material.canonical().as_bytes()));
        PublicKey { material, thumbprint }
    }

    /// The one algorithm that this key is used with.
    pub const fn algorithm(&self) -> Algorithm {
        match self.material {
            Material::Ed25519(_) => Algorithm::Ed25519,
            Material::P256(_) => Algorithm::EcdsaP256Sha256,
            Material::Rsa { .. } => Algorithm::RsaPssSha512,
        }
    }

    /// The RFC 7638 thumbprint with SHA-256, in base64url: the key's `keyid`.
    pub fn thumbprint(&self) -> String {
        self.thumbprint.clone()
    }

    /// The thumbprint, borrowed.
    pub fn keyid(&self) -> &str {
        &self.thumbprint
    }

    /// The key as a JWK for publication, with `kid`, `use` and `alg`.
    pub fn to_jwk(&self) -> Value {
        let mut jwk = match &self.material {
            Material::Ed25519(key) => {
                json!({"kty": "OKP", "crv": "Ed25519", "x": base64url(key)})
            }
            Material::P256(_) => {
                let (x, y) = self.material.coordinates();
                json!({"kty": "EC", "crv": "P-256", "x": base64url(x), "y": base64url(y)})
            }
            Material::Rsa { n, e } => {
                json!({"kty": "RSA", "n": base64url(n), "e": base64url(e)})
            }
        };
        jwk["kid"] = self.thumbprint.as_str().into();
        jwk["use"] = "sig".into();
        jwk["alg"] = self.algorithm().jose_name().into();
        jwk
    }

    /// The key as a JWK in its one canonical spelling (RFC 7638 section 3.3), for storing.
    pub fn to_json(&self) -> String {
        self.material.canonical()
    }

    /// The key as PEM, `PUBLIC KEY`.
    pub fn to_pem(&self) -> String {
        let rsa;
        let (algorithm, key) = match &self.material {
            Material::Ed25519(key) => (der::ED25519_ID, &key[..]),
            Material::P256(point) => (der::P256_ID, &point[..]),
            Material::Rsa { n, e } => {
                let (n, e) = (unsigned(n), unsigned(e));
                rsa = der::element(der::SEQUENCE, &[&n, &e]);
                (der::RSA_ID, rsa.as_slice())
            }
        };
        let bits = der::element(der::BIT_STRING, &[&[0], key]);
        let info = der::element(der::SEQUENCE, &[algorithm, &bits]);
        der::write_pem("PUBLIC KEY", &info).to_string()
    }

    /// Whether `signature` is one that this key's owner made over `message`.
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        match &self.material {
            Material::Ed25519(key) => {
                UnparsedPublicKey::new(&ED25519, key).verify(message, signature)
            }
            Material::P256(point) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, signature)
            }
            Material::Rsa { n, e } => {
                let key = RsaPublicKeyComponents { n, e };
                key.verify(&RSA_PSS_2048_8192_SHA512, message, signature)
            }
        }
        .is_ok()
    }
}

impl Material {
    fn coordinates(&self) -> (&[u8], &[u8]) {
        match self {
            Material::P256([_, rest @ ..]) => rest.split_at(32),
            _ => (&[], &[]),
        }
    }

    /// Required members only, in lexicographic order, no space (RFC 7638 section 3).
    fn canonical(&self) -> String {
        match self {
            Material::Ed25519(key) => {
                format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, base64url(key))
            }
            Material::P256(_) => {
                let (x, y) = self.coordinates();
                let (x, y) = (base64url(x), base64url(y));
                format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#)
            }
            Material::Rsa { n, e } => {
                let (n, e) = (base64url(n), base64url(e));
                format!(r#"{{"e":"{e}","kty":"RSA","n":"{n}"}}"#)
            }
        }
    }
}

/// A DER `INTEGER` that is not negative.
fn unsigned(bytes: &[u8]) -> zeroize::Zeroizing<Vec<u8>> {
    let sign: &[u8] = if bytes.first().is_some_and(|first| *first >= 0x80) { &[0] } else { &[] };
    der::element(der::INTEGER, &[sign, bytes])
}

/// Whether an Ed25519 key is one of the eight points of small order, in any encoding that a
/// verifier may accept. The sign bit is left out of the comparison.
fn has_small_order(key: &[u8; 32]) -> bool {
    const ORDER_8_A: [u8; 32] = [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98,
        0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53,
        0xfc, 0x05,
    ];
    const ORDER_8_B: [u8; 32] = [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67,
        0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac,
        0x03, 0x7a,
    ];
    let mut key = *key;
    key[31] &= 0x7f;
    let [low, middle @ .., high] = key;
    // y = 0 and y = 1, then y = p - 1 and the longer spellings p and p + 1 of 0 and 1.
    let small = high == 0 && middle == [0; 30] && low <= 1;
    let large = high == 0x7f && middle == [0xff; 30] && (0xec..=0xee).contains(&low);
    small || large || key == ORDER_8_A || key == ORDER_8_B
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &PublicKey) -> bool {
        self.thumbprint == other.thumbprint
    }
}

impl Eq for PublicKey {}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({} {})", self.algorithm(), self.thumbprint)
    }
}
