//! From all entries of a person to the live ones, and from those to a profile.
//!
//! Counters cannot subtract. A correction, a deletion, a dispute, a purge or a withdrawn consent
//! takes an entry out of the live set, and the profile is folded anew from what is left.

use std::collections::BTreeMap;

use super::fold::FoldContext;
use super::profile::Profile;
use crate::collect::observation::{Observation, Operation};
use crate::kernel::Currency;

/// Whether this observation changes what earlier ones said, so that the profile must be folded
/// anew instead of forward.
pub fn needs_refold(observation: &Observation) -> bool {
    observation.op != Operation::Report
}

/// The entries that still hold, in ledger order: `correct` replaces and `delete` removes every
/// earlier entry of the same identity (furnisher and its subject, type, reference, period;
/// decisions.md 14).
/// `entries` must come in the order of the ledger.
pub fn live<'a, I>(entries: I) -> Vec<(FoldContext<'a>, &'a Observation)>
where
    I: IntoIterator<Item = (FoldContext<'a>, &'a Observation)>,
{
    let mut kept: Vec<Option<(FoldContext<'a>, &'a Observation)>> = Vec::new();
    let mut places: BTreeMap<_, Vec<usize>> = BTreeMap::new();
    for (ctx, observation) in entries {
        let (reference, period) = observation.fact.identity();
        // One furnisher may know one person under two names, after a merge.
        let subject = observation.subject.as_str();
        let identity = (ctx.furnisher, subject, observation.fact.type_name(), reference, period);
        let same = places.entry(identity).or_default();
        if observation.op != Operation::Report {
            for place in same.drain(..) {
                if let Some(slot) = kept.get_mut(place) {
                    *slot = None;
                }
            }
        }
        if observation.op != Operation::Delete {
            same.push(kept.len());
            kept.push(Some((ctx, observation)));
        }
    }
    kept.into_iter().flatten().collect()
}

/// Folds a person's entries, given in ledger order, from nothing. Leaving an entry out gives the
/// profile of a person about whom it was never sent.
pub fn fold_all<'a, I>(base: Currency, entries: I) -> Profile
where
    I: IntoIterator<Item = (FoldContext<'a>, &'a Observation)>,
{
    let mut profile = Profile::new(base);
    for (ctx, observation) in live(entries) {
        profile.fold(observation, &ctx);
    }
    profile
}
