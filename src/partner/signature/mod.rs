//! Keys and HTTP message signatures: who really said this, and was it said to us, just now?
//!
//! The profile is the one of the contract: RFC 9421 signatures over a fixed minimum of
//! components, RFC 9530 digests of the body, keys named by their RFC 7638 thumbprint. It follows
//! FAPI 2.0 HTTP Signatures in binding an answer to the whole question, not to its signature
//! alone.
//!
//! | to do this | use |
//! | --- | --- |
//! | take in a key | [`PublicKey::from_pem`]; its `keyid` is [`PublicKey::thumbprint`] |
//! | hold a key of one's own | [`SigningKey::generate`], [`SigningKey::from_pem`] |
//! | check a request | [`read_request`], find the key, [`Presented::verify`], then the nonce |
//! | the same before its body | [`read_head`], then [`Claimed`] while the body arrives |
//! | sign an answer | [`sign_response`] for a [`RequestSeen`] |
//! | ask | [`sign_request`], and [`verify_response`] on the answer |
//!
//! Nothing here does I/O or reads a clock. The order in which a request is refused is fixed:
//! the signature found, its components, its parameters, its times, the digest of the body
//! ([`read_request`]); then, by the caller, the key; then the algorithm and the signature
//! ([`Presented::verify`]); last, by the caller, the nonce, because only a verified nonce may be
//! remembered.
//!
//! # Why is the signature base not taken from the header as it was sent?
//!
//! RFC 9421 section 2.3 serialises the parameters strictly, so that a proxy which re-spaces a
//! header does no harm. Parsing and writing again gives exactly those bytes, with every parameter
//! kept, known or not, in the order it came.

mod algorithm;
mod base;
mod component;
mod der;
mod digest;
mod error;
mod fields;
mod key;
mod request;
mod response;
mod signing;
mod target;

#[cfg(test)]
mod key_tests;
#[cfg(test)]
mod request_tests;
#[cfg(test)]
mod response_tests;
#[cfg(test)]
mod rfc_tests;
#[cfg(test)]
mod vectors;

pub use algorithm::Algorithm;
pub use digest::{Claimed, check_content_digest, content_digest};
pub use error::{Expected, KeyError, SignatureError};
pub use key::PublicKey;
pub use request::{
    Presented, RequestHead, RequestParts, read_head, read_request, sign_event, sign_request,
};
pub use response::{RequestSeen, sign_response, verify_response};
pub use signing::SigningKey;
pub use target::target_uri;

/// The `tag` that marks a request's signature as meant for this bureau.
pub const REQUEST_TAG: &str = "fivefold-request";

/// The `tag` of the signature on an answer.
pub const RESPONSE_TAG: &str = "fivefold-response";

/// The `tag` of the signature on events that are sent to a partner.
pub const EVENT_TAG: &str = "fivefold-event";

/// The label under which signatures made here stand in `Signature-Input` and `Signature`.
pub const LABEL: &str = "fivefold";

/// The age in seconds up to which a request's `created` is accepted.
pub const CREATED_AGE_SECONDS_MAX: i64 = 60;

/// How many seconds a request's `created` may lie ahead of this clock.
pub const CREATED_AHEAD_SECONDS_MAX: i64 = 5;

/// The longest `nonce`, in characters.
pub const NONCE_CHARS_MAX: usize = 256;

/// The longest `keyid`, in characters; a thumbprint has 43.
pub const KEYID_CHARS_MAX: usize = 256;

/// The most components that one signature may cover.
pub const COMPONENTS_MAX: usize = 64;

/// The most bytes that all lines of `Signature-Input`, or all of `Signature`, may have together.
pub const SIGNATURE_FIELD_BYTES_MAX: usize = 16 * 1024;
