//! PEM (RFC 7468) and the little DER that keys need.

use pkcs1::RsaPssParams;
use spki::der::asn1::OctetStringRef;
use spki::der::{Decode, Reader, SliceReader};
use spki::{AlgorithmIdentifierRef, ObjectIdentifier};
use zeroize::Zeroizing;

use super::error::KeyError;
use crate::kernel::bytes::{base64, from_base64};

/// The longest PEM text that is read, in bytes: an RSA key of 8,192 bits has a third of that.
const PEM_BYTES_MAX: usize = 32 * 1024;

pub(super) const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
pub(super) const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
pub(super) const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
pub(super) const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
pub(super) const RSA_PSS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.10");
const SHA_512: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.3");

/// `AlgorithmIdentifier`s in DER, for writing keys.
pub(super) const ED25519_ID: &[u8] = &[0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70];
pub(super) const P256_ID: &[u8] = &[
    0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48,
    0xce, 0x3d, 0x03, 0x01, 0x07,
];
pub(super) const RSA_ID: &[u8] =
    &[0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00];

pub(super) const INTEGER: u8 = 0x02;
pub(super) const BIT_STRING: u8 = 0x03;
pub(super) const OCTET_STRING: u8 = 0x04;
pub(super) const SEQUENCE: u8 = 0x30;

/// The one key in a PEM text: its label and its bytes. Text before the key is passed over, and
/// so is the block of curve parameters that OpenSSL writes before a key.
pub(super) fn read_pem(text: &str) -> Result<(&str, Zeroizing<Vec<u8>>), KeyError> {
    const BEGIN: &str = "-----BEGIN ";
    if text.len() > PEM_BYTES_MAX {
        return Err(KeyError::Malformed("it is too long"));
    }
    let (_, rest) = text.split_once(BEGIN).ok_or(KeyError::Malformed("it is not PEM"))?;
    let (label, rest) =
        rest.split_once("-----").ok_or(KeyError::Malformed("its first line is cut off"))?;
    let end = Zeroizing::new(["-----END ", label, "-----"].concat());
    let (body, rest) =
        rest.split_once(end.as_str()).ok_or(KeyError::Malformed("its last line is missing"))?;
    if label == "EC PARAMETERS" {
        return read_pem(rest);
    }
    if rest.contains(BEGIN) {
        return Err(KeyError::Malformed("it holds more than one key"));
    }
    let mut compact = Zeroizing::new(String::with_capacity(body.len()));
    compact.extend(body.split_ascii_whitespace());
    let bytes = from_base64(&compact).ok_or(KeyError::Malformed("it is not base64"))?;
    Ok((label, Zeroizing::new(bytes)))
}

/// Writes `der` as PEM.
pub(super) fn write_pem(label: &str, der: &[u8]) -> Zeroizing<String> {
    let body = Zeroizing::new(base64(der));
    let mut out = Zeroizing::new(String::with_capacity(body.len() * 66 / 64 + 128));
    out.extend(["-----BEGIN ", label, "-----\n"]);
    let mut rest = body.as_str();
    while let Some((line, after)) = rest.split_at_checked(64) {
        out.extend([line, "\n"]);
        rest = after;
    }
    if !rest.is_empty() {
        out.extend([rest, "\n"]);
    }
    out.extend(["-----END ", label, "-----\n"]);
    out
}

/// One DER element: tag, length, the parts one after the other.
pub(super) fn element(tag: u8, parts: &[&[u8]]) -> Zeroizing<Vec<u8>> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    // Room for everything at once, so that no secret is left behind by a growing buffer.
    let mut out = Zeroizing::new(Vec::with_capacity(length + 6));
    out.push(tag);
    if let Ok(short @ 0..0x80) = u8::try_from(length) {
        out.push(short);
    } else {
        let bytes = length.to_be_bytes();
        let digits = bytes.iter().skip_while(|byte| **byte == 0);
        out.push(0x80 | digits.clone().count() as u8);
        out.extend(digits);
    }
    for part in parts {
        out.extend_from_slice(part);
    }
    out
}

/// A `PrivateKeyInfo` or `OneAsymmetricKey` (RFC 5958): its algorithm and the key inside.
pub(super) fn private_key_info(
    bytes: &[u8],
) -> Result<(AlgorithmIdentifierRef<'_>, &[u8]), KeyError> {
    let read = || -> spki::der::Result<_> {
        let mut reader = SliceReader::new(bytes)?;
        let found = reader.sequence(|inner| {
            let _version: u8 = inner.decode()?;
            let algorithm: AlgorithmIdentifierRef<'_> = inner.decode()?;
            let key: OctetStringRef<'_> = inner.decode()?;
            while !inner.is_finished() {
                inner.tlv_bytes()?;
            }
            Ok((algorithm, key.as_bytes()))
        })?;
        reader.finish(found)
    };
    read().map_err(|_| KeyError::Malformed("it is not a PKCS#8 private key"))
}

/// The octets of an `OCTET STRING`.
pub(super) fn octets(bytes: &[u8]) -> Option<&[u8]> {
    OctetStringRef::from_der(bytes).ok().map(|octets| octets.as_bytes())
}

/// Refuses a key that is bound to PSS parameters other than SHA-512's (RFC 4055 section 3.1).
pub(super) fn check_pss(algorithm: &AlgorithmIdentifierRef<'_>) -> Result<(), KeyError> {
    let Some(parameters) = algorithm.parameters else { return Ok(()) };
    let malformed = KeyError::Malformed("its RSASSA-PSS parameters cannot be read");
    let parameters: RsaPssParams<'_> = parameters.decode_as().map_err(|_| malformed)?;
    let mask = parameters.mask_gen.parameters.map(|hash| hash.oid);
    if parameters.hash.oid == SHA_512 && mask == Some(SHA_512) && parameters.salt_len <= 64 {
        Ok(())
    } else {
        Err(KeyError::Unsupported("an RSASSA-PSS key must allow SHA-512 with a salt of 64 bytes"))
    }
}
