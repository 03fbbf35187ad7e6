//! Requests: reading their signature as the profile demands, and signing them.

use http::header::{HeaderName, HeaderValue};
use http::{HeaderMap, Method};

use super::algorithm::Algorithm;
use super::base::{self, Message, Question};
use super::component::{Component, components, require};
use super::digest::{CONTENT_DIGEST, check_content_digest, content_digest};
use super::error::{Expected, SignatureError};
use super::fields::{self, Signed};
use super::key::PublicKey;
use super::response::RequestSeen;
use super::signing::SigningKey;
use super::target::Target;
use super::{CREATED_AGE_SECONDS_MAX, CREATED_AHEAD_SECONDS_MAX};
use super::{EVENT_TAG, KEYID_CHARS_MAX, LABEL, NONCE_CHARS_MAX, REQUEST_TAG};
use crate::kernel::Time;

const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// A request as it arrived, its body whole.
#[derive(Clone, Copy, Debug)]
pub struct RequestParts<'a> {
    /// The method.
    pub method: &'a Method,
    /// The absolute URI under which the world reaches this resource ([`super::target_uri`]).
    pub target_uri: &'a str,
    /// The fields, as they came.
    pub headers: &'a HeaderMap,
    /// The content, as it was sent: no content coding undone.
    pub body: &'a [u8],
}

/// A signature that keeps to the profile but is not verified yet: who claims to have signed.
#[derive(Clone, Debug)]
pub struct Presented {
    /// The signature's label in `Signature-Input`.
    pub label: String,
    /// The key it names.
    pub keyid: String,
    /// When it was made, to the second.
    pub created: Time,
    /// When it ceases to hold by its own word.
    pub expires: Option<Time>,
    /// Its nonce: to be remembered with `keyid`, once the signature is verified, up to and
    /// including `replayable_until`.
    pub nonce: String,
    /// The algorithm it names.
    pub alg: Option<Algorithm>,
    /// The last instant at which these same bytes would still be read.
    pub replayable_until: Time,
    covers_digest: bool,
    base: String,
    signature: Vec<u8>,
}

/// A request as far as its head tells, before its body has arrived.
#[derive(Clone, Copy, Debug)]
pub struct RequestHead<'a> {
    /// The method.
    pub method: &'a Method,
    /// As in [`RequestParts`].
    pub target_uri: &'a str,
    /// The fields, as they came.
    pub headers: &'a HeaderMap,
    /// Whether a body is known to follow; where that is not known yet, the caller asks for
    /// [`Presented::require_digest`] once something of it comes.
    pub has_body: bool,
}

/// Finds the request's one signature with our tag and holds it against the profile: everything
/// but the key. `now` is the time here.
///
/// # Errors
/// The first fault, in the order: the two fields, components, parameters, times, digest.
pub fn read_request(parts: RequestParts<'_>, now: Time) -> Result<Presented, SignatureError> {
    let RequestParts { method, target_uri, headers, body } = parts;
    let head = RequestHead { method, target_uri, headers, has_body: !body.is_empty() };
    let presented = read_head(head, now)?;
    if !body.is_empty() || headers.contains_key(CONTENT_DIGEST) {
        check_content_digest(headers, body)?;
    }
    Ok(presented)
}

/// The same before the body has arrived, so that a stranger's body need not be waited for. Its
/// digest is covered; the caller compares it ([`super::Claimed`]).
///
/// # Errors
/// As [`read_request`], without the digest.
pub fn read_head(head: RequestHead<'_>, now: Time) -> Result<Presented, SignatureError> {
    let signed = fields::tagged(head.headers, REQUEST_TAG)?;
    let target = Target::read(head.target_uri)?;
    let question = Question { method: head.method, target, headers: head.headers };

    let covered = components(&signed.list)?;
    require(&covered, &[Component::plain("@method"), Component::plain("@target-uri")])?;
    if head.has_body {
        require(&covered, &[Component::plain(CONTENT_DIGEST)])?;
    }
    if head.headers.contains_key(IDEMPOTENCY_KEY) {
        require(&covered, &[Component::plain(IDEMPOTENCY_KEY)])?;
    }
    let base = base::rebuild(&signed.list, &covered, &Message::Request(question))?;

    let Parameters { created, expires, nonce, keyid, alg } = Parameters::read(&signed)?;
    let last = in_time(created, expires, now)?;
    let Signed { label, signature, .. } = signed;
    Ok(Presented {
        label,
        keyid,
        created,
        expires,
        nonce,
        alg,
        replayable_until: last,
        covers_digest: covered.contains(&Component::plain(CONTENT_DIGEST)),
        base,
        signature,
    })
}

struct Parameters {
    created: Time,
    expires: Option<Time>,
    nonce: String,
    keyid: String,
    alg: Option<Algorithm>,
}

impl Parameters {
    fn read(signed: &Signed) -> Result<Parameters, SignatureError> {
        let seconds = |seconds| Time::from_micros(0).plus_seconds(seconds);
        let missing = |parameter| SignatureError::ParameterMissing { parameter };
        let created = signed.integer("created")?.ok_or(missing("created"))?;
        let expires = signed.integer("expires")?;
        let nonce = signed.string("nonce")?.ok_or(missing("nonce"))?;
        let keyid = signed.string("keyid")?.ok_or(missing("keyid"))?;
        if nonce.is_empty() || nonce.len() > NONCE_CHARS_MAX {
            let reason = "it has 1 to 256 characters";
            return Err(SignatureError::Malformed { field: "nonce", reason });
        }
        if keyid.is_empty() || keyid.len() > KEYID_CHARS_MAX {
            let reason = "it has 1 to 256 characters";
            return Err(SignatureError::Malformed { field: "keyid", reason });
        }
        Ok(Parameters {
            created: seconds(created),
            expires: expires.map(seconds),
            nonce: nonce.to_owned(),
            keyid: keyid.to_owned(),
            alg: algorithm(signed)?,
        })
    }
}

/// The algorithm that `alg` names, if it is there.
pub(super) fn algorithm(signed: &Signed) -> Result<Option<Algorithm>, SignatureError> {
    let Some(name) = signed.string("alg")? else { return Ok(None) };
    let named = || name.chars().take(64).collect();
    Algorithm::from_name(name).map(Some).ok_or_else(|| SignatureError::AlgorithmMismatch {
        named: named(),
        expected: Expected::OneOfOurs,
    })
}

/// Checks that `now` lies in the window, and gives its last instant.
fn in_time(created: Time, expires: Option<Time>, now: Time) -> Result<Time, SignatureError> {
    let last = created.plus_seconds(CREATED_AGE_SECONDS_MAX);
    if now > last {
        return Err(SignatureError::CreatedTooOld { created, now });
    }
    if now.plus_seconds(CREATED_AHEAD_SECONDS_MAX) < created {
        return Err(SignatureError::CreatedInFuture { created, now });
    }
    match expires {
        Some(expires) if now > expires => Err(SignatureError::Expired { expires, now }),
        Some(expires) => Ok(last.min(expires)),
        None => Ok(last),
    }
}

impl Presented {
    /// Verifies the signature with the key that `keyid` names.
    ///
    /// # Errors
    /// [`SignatureError::AlgorithmMismatch`] or [`SignatureError::Invalid`].
    pub fn verify(&self, key: &PublicKey) -> Result<(), SignatureError> {
        hold(key, self.alg, &self.base, &self.signature)
    }

    /// A body came: its digest must be covered.
    ///
    /// # Errors
    /// [`SignatureError::ComponentMissing`].
    pub fn require_digest(&self) -> Result<(), SignatureError> {
        match self.covers_digest {
            true => Ok(()),
            false => require(&[], &[Component::plain(CONTENT_DIGEST)]),
        }
    }

    /// The text that was signed, for showing to whoever cannot find the difference.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// What the answer has to be bound to, once the request is authenticated. `parts` are those
    /// the signature was read from.
    pub fn seen(&self, parts: RequestParts<'_>) -> RequestSeen {
        RequestSeen::of(parts.method, parts.target_uri, parts.headers, &self.label)
    }

    /// The same for a signature read from a head.
    pub fn seen_in(&self, head: RequestHead<'_>) -> RequestSeen {
        RequestSeen::of(head.method, head.target_uri, head.headers, &self.label)
    }
}

/// Verifies a signature over `base`, and that `alg` does not contradict the key.
pub(super) fn hold(
    key: &PublicKey,
    alg: Option<Algorithm>,
    base: &str,
    signature: &[u8],
) -> Result<(), SignatureError> {
    if let Some(alg) = alg.filter(|alg| *alg != key.algorithm()) {
        let named = alg.name().to_owned();
        let expected = Expected::KeyIs(key.algorithm());
        return Err(SignatureError::AlgorithmMismatch { named, expected });
    }
    if key.verify(base.as_bytes(), signature) { Ok(()) } else { Err(SignatureError::Invalid) }
}

/// Signs a request: all fields to send with it, `extra` first, then `Content-Digest` when there
/// is a body, then the signature. Each of `extra` is covered too (an idempotency key must be).
/// `nonce` must never be used again with this key.
///
/// # Errors
/// [`SignatureError::Malformed`] or [`SignatureError::ComponentRefused`] when URI, nonce or an
/// extra field cannot be signed.
pub fn sign_request(
    key: &SigningKey,
    method: &Method,
    target_uri: &str,
    extra: &[(HeaderName, HeaderValue)],
    body: &[u8],
    created: Time,
    nonce: &str,
) -> Result<Vec<(HeaderName, HeaderValue)>, SignatureError> {
    let request = Unsigned { method, target_uri, extra, body };
    sign_tagged(key, REQUEST_TAG, request, created, nonce)
}

/// Signs what the bureau sends of its own accord, with a tag that no request to it has: nobody can
/// hand one on as the other.
///
/// # Errors
/// As [`sign_request`].
pub fn sign_event(
    key: &SigningKey,
    target_uri: &str,
    extra: &[(HeaderName, HeaderValue)],
    body: &[u8],
    created: Time,
    nonce: &str,
) -> Result<Vec<(HeaderName, HeaderValue)>, SignatureError> {
    let request = Unsigned { method: &Method::POST, target_uri, extra, body };
    sign_tagged(key, EVENT_TAG, request, created, nonce)
}

struct Unsigned<'a> {
    method: &'a Method,
    target_uri: &'a str,
    extra: &'a [(HeaderName, HeaderValue)],
    body: &'a [u8],
}

fn sign_tagged(
    key: &SigningKey,
    tag: &str,
    request: Unsigned<'_>,
    created: Time,
    nonce: &str,
) -> Result<Vec<(HeaderName, HeaderValue)>, SignatureError> {
    let Unsigned { method, target_uri, extra, body } = request;
    let mut sent = extra.to_vec();
    if !body.is_empty() {
        sent.push((HeaderName::from_static(CONTENT_DIGEST), content_digest(body)));
    }
    let headers: HeaderMap = sent.iter().cloned().collect();
    let target = Target::read(target_uri)?;
    let message = Message::Request(Question { method, target, headers: &headers });
    let mut covered = vec![Component::plain("@method"), Component::plain("@target-uri")];
    covered.extend(headers.keys().map(|name| Component::plain(name.as_str())));
    let params = format!(
        ";created={};nonce={};keyid=\"{}\";tag=\"{tag}\"",
        created.seconds(),
        base::quoted("nonce", nonce)?,
        key.keyid()
    );
    sent.extend(base::sign(key, LABEL, &covered, &params, &message)?);
    Ok(sent)
}
