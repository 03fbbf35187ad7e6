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
//! account: acc-1
//! data_range: 2026-01-01 2026-06-30
//! frequency: 2
//! warnings: income 1 <sha-256>
//! evidence: <sha-256>
//! signed_at: 2026-11-22T00:00:00.123456Z
//! ```
//!
//! Every line ends with a newline; an absent scenario or data life is `-`. Each account has a line
//! of its own; a limit that is absent has none. A statement is good for one consent: `signed_at`,
//! to the microsecond, tells two of them apart.

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
    let limits = limits(artefact);
    format!(
        "fivefold-consent/v1\nrecipient: {}\npurpose: {}\nscenario: {}\nmode: {}\nfetch: {}\n\
         categories: {}\ndimensions: {}\nvalid_from: {}\nexpires_at: {}\nnotice: {} {}\n\
         shown_at: {}\ndata_life: {}\n{limits}warnings: {}\nevidence: {}\nsigned_at: {}\n",
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

/// The lines of what narrows it further. A key of an account holds no control character, so that
/// no line can be made up inside one.
fn limits(artefact: &Artefact) -> String {
    let mut lines = String::new();
    for key in artefact.accounts.iter().flatten() {
        lines.push_str(&format!("account: {key}\n"));
    }
    if let Some(range) = &artefact.data_range {
        lines.push_str(&format!("data_range: {} {}\n", range.from, range.to));
    }
    if let Some(most) = artefact.frequency {
        lines.push_str(&format!("frequency: {most}\n"));
    }
    lines
}
