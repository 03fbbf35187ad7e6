//! Problems: what a door says when it does not do what was asked (RFC 9457).
//!
//! Every stage has errors of its own; here is the one form in which they reach somebody outside.
//! A problem has a stable `code`, a sentence that says what to do next, and all reasons at once.
//! The HTTP status of a code is known to `http` only.

pub mod catalogue;

use serde::{Deserialize, Serialize};

/// One thing wrong with what was sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Reason {
    /// JSON pointer (RFC 6901) to the place; empty for the whole.
    pub pointer: String,
    /// A stable code.
    pub code: String,
    /// What to do about it. Never repeats the value.
    pub message: String,
}

impl Reason {
    /// A reason at `pointer`.
    pub fn new(pointer: impl Into<String>, code: &str, message: impl Into<String>) -> Reason {
        Reason { pointer: pointer.into(), code: code.to_string(), message: message.into() }
    }
}

/// Why something was not done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// A stable code ([`catalogue`] has them all): what programs match on.
    pub code: String,
    /// What happened and what to do next, in a sentence.
    pub detail: String,
    /// Every single reason, where there are several.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<Reason>,
    /// The policies that refused.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub policies: Vec<String>,
    /// Seconds after which trying again makes sense.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_seconds: Option<u32>,
    /// The log index of the refusal, where it was recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index: Option<u64>,
}

impl Problem {
    /// A problem with this code and sentence.
    pub fn new(code: &str, detail: impl Into<String>) -> Problem {
        Problem {
            code: code.to_string(),
            detail: detail.into(),
            errors: Vec::new(),
            policies: Vec::new(),
            retry_after_seconds: None,
            index: None,
        }
    }

    /// The body or file was understood in part only: all reasons.
    pub fn invalid(errors: Vec<Reason>) -> Problem {
        Problem {
            errors,
            ..Problem::new("invalid_request", "Correct the fields listed in errors.")
        }
    }

    /// With the number of seconds to wait.
    pub fn retry_after(mut self, seconds: u32) -> Problem {
        self.retry_after_seconds = Some(seconds);
        self
    }

    /// With the policies that refused.
    pub fn with_policies(mut self, policies: Vec<String>) -> Problem {
        self.policies = policies;
        self
    }

    /// Something inside failed; the reader can only try again and, if it goes on, call us.
    pub fn internal() -> Problem {
        Problem::new(
            "internal",
            "The bureau could not finish this. Nothing was changed. Try again with the same \
             Idempotency-Key; if it goes on, report the time of this answer to the operator.",
        )
        .retry_after(5)
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.code, self.detail)?;
        for reason in &self.errors {
            write!(f, "\n  {} {}: {}", reason.pointer, reason.code, reason.message)?;
        }
        Ok(())
    }
}

impl std::error::Error for Problem {}
