//! Why a key or a signature is refused, and what to do about it.

use super::algorithm::Algorithm;
use super::{CREATED_AGE_SECONDS_MAX, CREATED_AHEAD_SECONDS_MAX};
use crate::kernel::Time;

/// Why a message's signature is refused. The text is meant for the sender and says what to do
/// next; it holds nothing but what the sender sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// No signature carries the tag of the profile.
    #[error(
        "no signature is tagged \"{tag}\": sign the message as RFC 9421 describes, with the \
         parameter tag=\"{tag}\""
    )]
    Missing {
        /// The tag that was looked for.
        tag: &'static str,
    },
    /// More than one signature carries the tag of the profile.
    #[error("more than one signature is tagged \"{tag}\": keep exactly one of them")]
    Ambiguous {
        /// The tag that was found more than once.
        tag: &'static str,
    },
    /// A component that the profile requires is not covered.
    #[error("the signature does not cover {component}: add it to the list of components")]
    ComponentMissing {
        /// The component, written as in `Signature-Input`.
        component: String,
    },
    /// A component is covered that cannot be, or not in this way.
    #[error("the signature covers \"{component}\", which is refused: {reason}")]
    ComponentRefused {
        /// The component's name, cut to a sensible length.
        component: String,
        /// What is wrong and what to do.
        reason: &'static str,
    },
    /// A parameter that the profile requires is not there.
    #[error("the signature has no parameter \"{parameter}\": add it")]
    ParameterMissing {
        /// The parameter's name.
        parameter: &'static str,
    },
    /// No key is registered under the signature's `keyid`.
    #[error(
        "no key is registered as \"{keyid}\": use the RFC 7638 thumbprint of a registered key, \
         or register this one"
    )]
    KeyUnknown {
        /// The `keyid` of the signature.
        keyid: String,
    },
    /// The key is registered but may not be used now.
    #[error("the key \"{keyid}\" is suspended: sign with another key, or ask for it to be lifted")]
    KeySuspended {
        /// The `keyid` of the signature.
        keyid: String,
    },
    /// `alg` names an algorithm that is not the key's, or is none of the profile's.
    #[error("the signature's alg is \"{named}\", but {expected}: leave alg out, or correct it")]
    AlgorithmMismatch {
        /// What `alg` says.
        named: String,
        /// What was expected instead.
        expected: Expected,
    },
    /// `created` lies too far back.
    #[error(
        "the signature was created at {created}, more than {max} s before {now} here: sign just \
         before sending, and set the clock", max = CREATED_AGE_SECONDS_MAX
    )]
    CreatedTooOld {
        /// The signature's `created`.
        created: Time,
        /// The time here.
        now: Time,
    },
    /// `created` lies ahead.
    #[error(
        "the signature was created at {created}, more than {max} s after {now} here: set the \
         clock that created it", max = CREATED_AHEAD_SECONDS_MAX
    )]
    CreatedInFuture {
        /// The signature's `created`.
        created: Time,
        /// The time here.
        now: Time,
    },
    /// `expires` has passed.
    #[error("the signature expired at {expires} and it is {now} here: sign again")]
    Expired {
        /// The signature's `expires`.
        expires: Time,
        /// The time here.
        now: Time,
    },
    /// The nonce was used before.
    #[error(
        "this nonce was used before with this key: to repeat a request, keep its Idempotency-Key \
         and sign it again with a new nonce"
    )]
    NonceSeen,
    /// There is no digest of the body that could be checked.
    #[error("no Content-Digest with sha-256 or sha-512: send one of the body exactly as sent")]
    DigestMissing,
    /// A digest is not the body's.
    #[error(
        "the {algorithm} in Content-Digest is not that of the body received: compute it over the \
         bytes as sent, after any encoding"
    )]
    DigestMismatch {
        /// The digest algorithm.
        algorithm: &'static str,
    },
    /// The signature is not one of this key over this message.
    #[error(
        "the signature does not fit message and key: build the signature base from the message \
         exactly as sent, with the public address as @target-uri, and sign it with the key that \
         keyid names"
    )]
    Invalid,
    /// A field cannot be read.
    #[error("{field} cannot be read: {reason}")]
    Malformed {
        /// The field or parameter.
        field: &'static str,
        /// What is wrong with it.
        reason: &'static str,
    },
}

/// What `alg` should have been.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// The algorithm of the key that `keyid` names.
    KeyIs(Algorithm),
    /// Any of the profile's.
    OneOfOurs,
}

impl std::fmt::Display for Expected {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Expected::KeyIs(algorithm) => write!(f, "the key is for {algorithm}"),
            Expected::OneOfOurs => {
                f.write_str("only ed25519, ecdsa-p256-sha256 and rsa-pss-sha512 are accepted")
            }
        }
    }
}

impl SignatureError {
    /// The stable code that outsiders rely on.
    pub const fn code(&self) -> &'static str {
        match self {
            SignatureError::Missing { .. } => "signature_missing",
            SignatureError::Ambiguous { .. } => "signature_ambiguous",
            SignatureError::ComponentMissing { .. } => "component_missing",
            SignatureError::ComponentRefused { .. } => "component_refused",
            SignatureError::ParameterMissing { .. } => "parameter_missing",
            SignatureError::KeyUnknown { .. } => "key_unknown",
            SignatureError::KeySuspended { .. } => "key_suspended",
            SignatureError::AlgorithmMismatch { .. } => "algorithm_mismatch",
            SignatureError::CreatedTooOld { .. } => "created_too_old",
            SignatureError::CreatedInFuture { .. } => "created_in_future",
            SignatureError::Expired { .. } => "signature_expired",
            SignatureError::NonceSeen => "nonce_seen",
            SignatureError::DigestMissing => "digest_missing",
            SignatureError::DigestMismatch { .. } => "digest_mismatch",
            SignatureError::Invalid => "signature_invalid",
            SignatureError::Malformed { .. } => "signature_malformed",
        }
    }

    /// Refuses the component `name`, which came from outside and is cut to a sensible length.
    pub(super) fn refused(name: &str, reason: &'static str) -> SignatureError {
        SignatureError::ComponentRefused { component: name.chars().take(64).collect(), reason }
    }
}

/// Why a key is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The bytes are not a key in the form they claim.
    #[error("the key cannot be read: {0}")]
    Malformed(&'static str),
    /// A key, but not of a kind the profile uses.
    #[error("this kind of key is not used here: {0}")]
    Unsupported(&'static str),
    /// A private key where a public one belongs.
    #[error(
        "this is a private key: never hand it out, replace it if it has left your hands, and send \
         the public key"
    )]
    Private,
    /// A key that would prove nothing.
    #[error("the key is too weak: {0}")]
    Weak(&'static str),
}

impl KeyError {
    /// The stable code that outsiders rely on.
    pub const fn code(&self) -> &'static str {
        match self {
            KeyError::Malformed(_) => "key_malformed",
            KeyError::Unsupported(_) => "key_unsupported",
            KeyError::Private => "key_private",
            KeyError::Weak(_) => "key_weak",
        }
    }
}
