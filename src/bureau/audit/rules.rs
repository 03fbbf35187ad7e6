//! Which exact kind of entry shows which coarse kind to the public.

use crate::ledger::leaf::PublicKind;

/// The coarse kind of each exact kind, by name or by how the name begins (ended by `*`).
const KINDS: [(&str, PublicKind); 35] = [
    ("subject_*", PublicKind::Subject),
    ("no_merge", PublicKind::Subject),
    ("consent_*", PublicKind::Consent),
    ("observation*", PublicKind::Observation),
    ("data_request*", PublicKind::Observation),
    ("inquiry*", PublicKind::Inquiry),
    ("answer_*", PublicKind::Inquiry),
    ("monitor_*", PublicKind::Inquiry),
    ("freeze_*", PublicKind::Right),
    ("mandate_*", PublicKind::Right),
    ("hold_*", PublicKind::Right),
    ("file_seen", PublicKind::Right),
    ("looked_up", PublicKind::Right),
    ("dispute*", PublicKind::Right),
    ("statement*", PublicKind::Right),
    ("review*", PublicKind::Right),
    ("complaint*", PublicKind::Right),
    ("notice*", PublicKind::Right),
    ("erasure*", PublicKind::Right),
    ("erased*", PublicKind::Right),
    ("purge*", PublicKind::Right),
    ("in_force", PublicKind::Governance),
    ("partner_*", PublicKind::Governance),
    ("application_*", PublicKind::Governance),
    ("conformance", PublicKind::Governance),
    ("model_*", PublicKind::Governance),
    ("policy_*", PublicKind::Governance),
    ("staff_*", PublicKind::Governance),
    ("origin_*", PublicKind::Governance),
    ("recorded_*", PublicKind::Governance),
    ("person_key_*", PublicKind::Key),
    ("key_*", PublicKind::Key),
    ("backup_*", PublicKind::Export),
    ("export*", PublicKind::Export),
    ("report_*", PublicKind::Export),
];

/// Whether an entry of this exact kind may show that coarse one. A refusal shows the kind of what
/// was asked for, so that it cannot be told from an answer.
pub(super) fn fits(kind: &str, public: PublicKind) -> bool {
    if kind == "refused" {
        return true;
    }
    KINDS.iter().any(|(name, coarse)| {
        *coarse == public
            && match name.strip_suffix('*') {
                Some(begin) => kind.starts_with(begin),
                None => kind == *name,
            }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_shows_one_coarse_kind_and_a_refusal_any() {
        assert!(fits("inquiry_outcome", PublicKind::Inquiry));
        assert!(!fits("inquiry_outcome", PublicKind::Right));
        assert!(!fits("in_forces", PublicKind::Governance));
        assert!(!fits("unheard_of", PublicKind::Governance));
        assert!(PublicKind::ALL.into_iter().all(|public| fits("refused", public)));
    }
}
