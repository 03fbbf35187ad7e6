//! The text that a person signs to consent: lines in a fixed order, so that nothing has to be
//! re-serialised in order to be verified.
//!
//! ```text
//! fivefold-consent/v1
//! recipient: par_…
//! purpose: inquire
//! scenario: hotel_deposit
//! mode: VIEW
//! fetch: ONETIME
//! categories: a,b
//! dimensions: credit_history
//! valid_from: 2026-11-22T00:00:00Z
//! expires_at: 2026-11-23T00:00:00Z
//! notice: 1 <sha-256>
//! signed_at: 2026-11-22T00:00:00Z
//! ```
//!
//! Every line ends with a newline; an absent scenario is `-`.

use super::artefact::{Artefact, Mode};

/// The bytes that `evidence.signature` signs.
pub fn statement(artefact: &Artefact) -> String {
    let mode = match artefact.mode {
        Mode::View => "VIEW",
        Mode::Store => "STORE",
    };
    format!(
        "fivefold-consent/v1\nrecipient: {}\npurpose: {}\nscenario: {}\nmode: {}\nfetch: {}\n\
         categories: {}\ndimensions: {}\nvalid_from: {}\nexpires_at: {}\nnotice: {} {}\n\
         signed_at: {}\n",
        artefact.recipient,
        artefact.purpose.name(),
        artefact.scenario.as_deref().unwrap_or("-"),
        mode,
        artefact.fetch.name(),
        artefact.categories.join(","),
        artefact.dimensions.join(","),
        artefact.valid_from,
        artefact.expires_at,
        artefact.notice.version,
        artefact.notice.digest,
        artefact.evidence.signed_at,
    )
}
