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
//! shown_at: 2026-11-22T00:00:00Z
//! data_life: 30
//! warnings: income 1 <sha-256>
//! evidence: <sha-256>
//! signed_at: 2026-11-22T00:00:00.123456Z
//! ```
//!
//! Every line ends with a newline; an absent scenario or data life is `-`. A statement is good for
//! one consent: `signed_at`, to the microsecond, tells two of them apart.

use super::artefact::{Artefact, Mode};

/// The bytes that `evidence.signature` signs.
pub fn statement(artefact: &Artefact) -> String {
    let mode = match artefact.mode {
        Mode::View => "VIEW",
        Mode::Store => "STORE",
    };
    let warnings: Vec<String> = artefact
        .warnings
        .iter()
        .map(|w| format!("{} {} {}", w.category, w.version, w.digest))
        .collect();
    format!(
        "fivefold-consent/v1\nrecipient: {}\npurpose: {}\nscenario: {}\nmode: {}\nfetch: {}\n\
         categories: {}\ndimensions: {}\nvalid_from: {}\nexpires_at: {}\nnotice: {} {}\n\
         shown_at: {}\ndata_life: {}\nwarnings: {}\nevidence: {}\nsigned_at: {}\n",
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
        artefact.notice.shown_at,
        artefact.data_life.map_or_else(|| "-".to_string(), |days| days.to_string()),
        warnings.join(","),
        artefact.evidence.digest,
        artefact.evidence.signed_at,
    )
}
