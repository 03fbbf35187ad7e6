//! What every signed request brings along: who signed it, the nonce that must not come again, and
//! the idempotency key under which its answer is kept for a day.

use crate::kernel::Time;
use crate::kernel::bytes::Digest;

/// Who acts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Principal {
    /// A partner, by id.
    Partner(String),
    /// A person, by id, with a key bound at enrolment.
    Person(String),
    /// Somebody of the bureau's own staff.
    Operator {
        /// Who.
        name: String,
        /// Why.
        reason: String,
    },
    /// Somebody with a key that nobody has registered, by its thumbprint.
    Applicant(String),
}

impl Principal {
    /// The name under which its idempotency keys are kept apart from others'.
    pub fn key(&self) -> String {
        match self {
            Principal::Partner(id) | Principal::Person(id) | Principal::Applicant(id) => id.clone(),
            Principal::Operator { name, .. } => format!("staff:{name}"),
        }
    }
}

/// A verified request, as the sequencer sees it.
#[derive(Clone, Debug)]
pub struct Admission {
    /// Who signed.
    pub principal: Principal,
    /// Thumbprint of the key, empty for operators at the console.
    pub keyid: String,
    /// The signature's nonce, and until when it could be sent again.
    pub nonce: Option<(String, Time)>,
    /// Idempotency key and digest of the request it belongs to.
    pub idempotency: Option<(String, Digest)>,
}

impl Admission {
    /// An act of staff at the console.
    pub fn operator(name: &str, reason: &str) -> Admission {
        let principal = Principal::Operator { name: name.to_string(), reason: reason.to_string() };
        Admission { principal, keyid: String::new(), nonce: None, idempotency: None }
    }

    /// An act that staff does at the console in a partner's name, such as loading a file that the
    /// partner handed over. It carries no signature, and what it records says so.
    pub fn console(partner: &str) -> Admission {
        let principal = Principal::Partner(partner.to_string());
        Admission { principal, keyid: String::new(), nonce: None, idempotency: None }
    }

    /// Why staff acts; empty for everybody else.
    pub fn reason(&self) -> String {
        match &self.principal {
            Principal::Operator { reason, .. } => reason.clone(),
            Principal::Partner(_) | Principal::Person(_) | Principal::Applicant(_) => String::new(),
        }
    }

    /// Whether nobody signed: the act was done at the console. A request that came over the wire
    /// always names the key that signed it.
    pub fn is_console(&self) -> bool {
        self.keyid.is_empty()
    }
}
