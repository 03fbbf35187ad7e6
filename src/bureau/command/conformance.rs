//! A certificate of what a partner's client was seen to do.

use serde_json::{Value, json};

use super::{Answer, Command, Fault, needs_of_admission};
use crate::bureau::admission::Admission;
use crate::bureau::needs::Needs;
use crate::bureau::work::Work;
use crate::kernel::bytes::base64url;
use crate::ledger::body::Draft;
use crate::ledger::leaf::PublicKind;
use crate::partner::signature::SigningKey;

/// The form of the certificate.
const FORMAT: &str = "fivefold-conformance/v1";

/// The compact JWS (RFC 7515, RFC 8037) of these bytes: the manifest key, `/.well-known/jwks.json`.
fn jws(payload: &[u8], key: &SigningKey) -> String {
    let header = json!({ "alg": "EdDSA", "kid": key.public().thumbprint(), "typ": FORMAT });
    let input = format!("{}.{}", base64url(header.to_string().as_bytes()), base64url(payload));
    let signature = base64url(&key.sign(input.as_bytes()));
    format!("{input}.{signature}")
}

/// Certifies a run.
pub struct Certify {
    /// Whose run it is.
    pub admission: Admission,
    /// Its name.
    pub run: String,
    /// What was seen.
    pub checks: Value,
    /// Whether all of it is as it must be.
    pub passed: bool,
}

impl Command for Certify {
    fn admission(&self) -> &Admission {
        &self.admission
    }

    fn needs(&self, needs: &mut Needs) {
        needs_of_admission(&self.admission, needs);
    }

    fn execute(&self, work: &mut Work<'_>) -> Result<Answer, Fault> {
        let partner = self.admission.principal.key();
        let name = work.registry.partners.get(&partner).map(|partner| partner.name.clone());
        let certificate = json!({
            "format": FORMAT, "origin": work.engine.origin, "at": work.now,
            "environment": work.engine.environment.name(), "run": self.run, "partner": partner,
            // Runs are of sandboxes, where anybody takes any name: the key is what was seen.
            "claimed_name": name, "name_checked": false, "keyid": self.admission.keyid,
            "passed": self.passed, "checks": self.checks,
        });
        let text = certificate.to_string();
        let jws = jws(text.as_bytes(), &work.engine.keys.manifest());
        let draft = Draft::new("conformance", PublicKind::Governance)
            .says("partner", partner)
            .says("run", self.run.clone())
            .says("passed", self.passed)
            .says("checks", self.checks.clone());
        let recorded = work.append(draft)?;
        let mut body = certificate;
        body["jws"] = json!(jws);
        body["log"] = recorded.receipt();
        Ok(Answer::created(&body, None))
    }
}
