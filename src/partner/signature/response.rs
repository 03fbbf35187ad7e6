//! Responses: binding the answer to the question, and checking that it is.

use http::header::{HeaderName, HeaderValue};
use http::{HeaderMap, Method, StatusCode};

use super::base::{self, Message, Question};
use super::component::{Component, components, require};
use super::digest::{CONTENT_DIGEST, check_content_digest, content_digest};
use super::error::SignatureError;
use super::fields;
use super::key::PublicKey;
use super::request::{algorithm, hold};
use super::signing::SigningKey;
use super::target::Target;
use super::{LABEL, RESPONSE_TAG};
use crate::kernel::Time;

const SIGNATURE: &str = "signature";

/// As much of a request as its answer is bound to.
#[derive(Clone, Debug)]
pub struct RequestSeen {
    method: Method,
    target_uri: String,
    /// `Content-Digest` and `Signature`, as they were sent.
    headers: HeaderMap,
    /// The signature's label; `None` while nobody is authenticated.
    label: Option<String>,
}

impl RequestSeen {
    /// A request whose sender is not authenticated, or not yet: its answer is bound to method
    /// and target alone, because anything else may be forged.
    pub fn unauthenticated(method: &Method, target_uri: &str) -> RequestSeen {
        let (method, target_uri) = (method.clone(), target_uri.to_owned());
        RequestSeen { method, target_uri, headers: HeaderMap::new(), label: None }
    }

    /// The request that [`super::sign_request`] returned `sent` for.
    pub fn of_signed(
        method: &Method,
        target_uri: &str,
        sent: &[(HeaderName, HeaderValue)],
    ) -> RequestSeen {
        RequestSeen::of(method, target_uri, &sent.iter().cloned().collect(), LABEL)
    }

    pub(super) fn of(
        method: &Method,
        target_uri: &str,
        headers: &HeaderMap,
        label: &str,
    ) -> RequestSeen {
        let mut seen = RequestSeen::unauthenticated(method, target_uri);
        for name in [CONTENT_DIGEST, SIGNATURE] {
            for value in headers.get_all(name) {
                seen.headers.append(name, value.clone());
            }
        }
        seen.label = Some(label.to_owned());
        seen
    }

    fn question(&self) -> Result<Question<'_>, SignatureError> {
        let target = Target::read(&self.target_uri)?;
        Ok(Question { method: &self.method, target, headers: &self.headers })
    }

    /// Binds to method and target.
    fn loose(&self) -> [Component<'_>; 2] {
        [Component::plain("@method").req(), Component::plain("@target-uri").req()]
    }

    /// Binds to the body and the signature too, and so to the nonce and to who asked.
    fn tight(&self) -> Vec<Component<'_>> {
        let Some(label) = &self.label else { return Vec::new() };
        let digest = self.headers.contains_key(CONTENT_DIGEST);
        let digest = digest.then(|| Component::plain(CONTENT_DIGEST).req());
        let signature = Component::plain(SIGNATURE).req().member(label);
        digest.into_iter().chain([signature]).collect()
    }
}

/// Signs an answer with `body` as it will be sent: the fields `Content-Digest`,
/// `Signature-Input` and `Signature` to send with it. With no `request` the answer is bound to
/// none.
///
/// # Errors
/// [`SignatureError::Malformed`] when the request's URI cannot be signed; the answer can then
/// still be signed without the request.
pub fn sign_response(
    key: &SigningKey,
    status: StatusCode,
    request: Option<&RequestSeen>,
    body: &[u8],
    created: Time,
) -> Result<[(HeaderName, HeaderValue); 3], SignatureError> {
    let digest = (HeaderName::from_static(CONTENT_DIGEST), content_digest(body));
    let headers = HeaderMap::from_iter([digest.clone()]);
    let question = request.map(RequestSeen::question).transpose()?;
    let message = Message::Response { status, headers: &headers, request: question };
    let mut covered = vec![Component::plain("@status"), Component::plain(CONTENT_DIGEST)];
    if let Some(request) = request {
        covered.extend(request.loose());
        covered.extend(request.tight());
    }
    let created = created.seconds();
    let params = format!(";created={created};keyid=\"{}\";tag=\"{RESPONSE_TAG}\"", key.keyid());
    let [input, signature] = base::sign(key, LABEL, &covered, &params, &message)?;
    Ok([digest, input, signature])
}

/// Checks that an answer was signed by the bureau with `key`, for the request that was sent.
///
/// Every answer must be bound to method and target. A success must be bound to the request's
/// body and signature too, so that no older answer can stand in for it. A problem (status 400 and
/// above) need not: it may have been written before the sender was authenticated. Who can
/// intercept the connection could therefore replay such a problem, and nothing else.
///
/// No clock is asked: the request's nonce makes a bound answer fresh.
///
/// # Errors
/// The first fault, in the order: the two fields, components, parameters, digest, signature.
pub fn verify_response(
    key: &PublicKey,
    request: &RequestSeen,
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<(), SignatureError> {
    let signed = fields::tagged(headers, RESPONSE_TAG)?;
    let covered = components(&signed.list)?;
    require(&covered, &[Component::plain("@status"), Component::plain(CONTENT_DIGEST)])?;
    require(&covered, &request.loose())?;
    if !status.is_client_error() && !status.is_server_error() {
        require(&covered, &request.tight())?;
    }
    let message = Message::Response { status, headers, request: Some(request.question()?) };
    let base = base::rebuild(&signed.list, &covered, &message)?;
    let missing = |parameter| SignatureError::ParameterMissing { parameter };
    signed.integer("created")?.ok_or(missing("created"))?;
    let keyid = signed.string("keyid")?.ok_or(missing("keyid"))?;
    if keyid != key.keyid() {
        return Err(SignatureError::KeyUnknown { keyid: keyid.chars().take(64).collect() });
    }
    check_content_digest(headers, body)?;
    hold(key, algorithm(&signed)?, &base, &signed.signature)
}
