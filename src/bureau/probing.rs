//! Threshold probing: a yes or no at many thresholds is the score itself.
//!
//! A threshold comes from the contract, never from a request, and stands for weeks; an asker that
//! nevertheless gathers several of them about one person is refused, staff is alerted, and who
//! goes on is suspended (`[probing]` in `policies/scenarios.toml`).

use std::collections::BTreeSet;

use super::command::Fault;
use super::work::Work;
use crate::ledger::body::Draft;
use crate::ledger::leaf::PublicKind;
use crate::partner::rows::AlertRow;

/// The code of such a refusal, and the kind of its alert.
pub const PROBING: &str = "threshold_probing";

/// Whether an answer at this threshold would be one too many for this asker about this person.
pub fn is_too_much(work: &Work<'_>, asker: &str, person: &str, threshold: i64) -> bool {
    let probes = work.loaded.probes.iter();
    // A person merged from several was probed under each of their ids.
    let about = probes.filter(|(id, _)| work.loaded.canonical(id) == person);
    let told = about.flat_map(|(_, told)| told).filter(|(who, _)| who == asker);
    let thresholds: BTreeSet<i64> = told.map(|(_, threshold)| *threshold).collect();
    !thresholds.contains(&threshold)
        && thresholds.len() >= work.engine.rules.probing().thresholds_max
}

/// Alerts staff of a refusal for probing, the entry `index`; suspends an asker that goes on.
///
/// # Errors
/// The database's.
pub fn alert(work: &mut Work<'_>, asker: &str, index: u64) -> Result<(), Fault> {
    work.put_alert(AlertRow {
        idx: index as i64,
        kind: PROBING.to_string(),
        partner: asker.to_string(),
        at_us: work.now.micros(),
    });
    let count = work.alerts_since(asker, PROBING, work.now.plus_days(-1))?;
    let Some(mut partner) = work.registry.partners.get(asker).cloned() else { return Ok(()) };
    if partner.suspended || count < work.engine.rules.probing().refusals_max {
        return Ok(());
    }
    let draft = Draft::new("partner_suspended", PublicKind::Governance)
        .says("by", "staff:bureau")
        .says("partner", partner.id.clone())
        .says("why", PROBING);
    work.append(draft)?;
    partner.suspended = true;
    work.put_partner(partner);
    Ok(())
}
