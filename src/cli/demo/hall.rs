//! What every partner does again and again: enrol somebody, record a consent, ask.

use serde_json::{Value, json};

use super::DemoError;
use super::cast::{Cast, Member};
use super::client::{Answered, Call, Client};
use super::papers::Paper;
use super::stage::Stage;
use crate::consent::Artefact;
use crate::kernel::Env;
use crate::kernel::bytes::base64url;

/// Everything a scene needs.
pub struct Hall<'a> {
    /// Clock and entropy.
    pub env: &'a Env,
    /// The way to the bureau.
    pub client: &'a Client,
    /// The partners.
    pub cast: &'a Cast,
    /// The bureau itself, for what only an operator does.
    pub stage: &'a Stage,
}

impl Hall<'_> {
    /// A fresh idempotency key.
    pub fn fresh(&self) -> Option<String> {
        Some(base64url(&self.env.random::<12>()))
    }

    /// Enrols a person; gives the partner's own id of them.
    ///
    /// # Errors
    /// The request fails or is refused.
    pub fn enrol(&self, member: &Member, enrolment: &Value) -> Result<String, DemoError> {
        let call = Call::post("/v1/subjects", enrolment);
        self.client.must(&member.key, call)?.text("subject")
    }

    /// A consent form for this partner and subject.
    pub fn paper<'p>(&self, member: &'p Member, subject: &'p str) -> Paper<'p> {
        Paper { subject, recipient: &member.id, now: self.env.now() }
    }

    /// Records a consent; gives its id.
    ///
    /// # Errors
    /// The request fails or is refused.
    pub fn consent(&self, member: &Member, artefact: &Artefact) -> Result<String, DemoError> {
        let call = Call::post("/v1/consents", &json!(artefact));
        self.client.must(&member.key, call)?.text("consent")
    }

    /// Asks. What comes back may be an answer or a refusal.
    ///
    /// # Errors
    /// The request fails.
    pub fn ask(
        &self,
        member: &Member,
        subject: &str,
        consent: &str,
        scenario: &str,
    ) -> Result<Answered, DemoError> {
        let call = Call::post("/v1/inquiries", &inquiry(subject, consent, scenario));
        self.client.call(&member.key, Call { idempotency: self.fresh(), ..call })
    }
}

/// The body of an inquiry on the basis of a consent.
pub fn inquiry(subject: &str, consent: &str, scenario: &str) -> Value {
    json!({
        "subject": subject, "basis": { "type": "consent", "ref": consent }, "scenario": scenario,
    })
}
