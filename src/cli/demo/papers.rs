//! Consents as the partners keep them: what the person was shown, and what they agreed to.

use crate::consent::artefact::Mode;
use crate::consent::artefact::{Evidence, Method, Notice, Warning};
use crate::consent::{Artefact, Fetch, Purpose};
use crate::kernel::Time;
use crate::kernel::bytes::{hex, sha256};

/// The notice that every made-up person was shown. Its digest stands in each consent.
const NOTICE: &str = "Demonstration notice 1: nobody was asked. The persons of this demonstration \
                      are made up, and so is their consent.";
/// The warning before income is collected (Reg 14 paragraph 2).
const WARNING: &str = "Demonstration warning 1: telling your income may lead to worse terms.";

/// A consent to be given to one partner about its own subject.
pub struct Paper<'a> {
    /// The partner's own id of the person.
    pub subject: &'a str,
    /// The partner.
    pub recipient: &'a str,
    /// From now on.
    pub now: Time,
}

impl Paper<'_> {
    /// To send what the partner knows, except what is restricted.
    pub fn furnish(&self) -> Artefact {
        self.artefact(Purpose::Furnish, Fetch::Periodic, 365 * 24)
    }

    /// To send income: a restricted category, with its warning (CN-02).
    pub fn income(&self) -> Artefact {
        let mut artefact = self.artefact(Purpose::Restricted, Fetch::Periodic, 365 * 24);
        artefact.categories = vec!["income".to_string()];
        artefact.warnings = vec![Warning {
            category: "income".to_string(),
            version: "1".to_string(),
            digest: hex(&sha256(WARNING.as_bytes())),
            shown_at: self.now,
        }];
        artefact
    }

    /// To ask in one scenario for some hours, once or again.
    pub fn ask(&self, scenario: &str, fetch: Fetch, hours: i64) -> Artefact {
        let mut artefact = self.artefact(Purpose::Inquire, fetch, hours);
        artefact.scenario = Some(scenario.to_string());
        artefact
    }

    fn artefact(&self, purpose: Purpose, fetch: Fetch, hours: i64) -> Artefact {
        let record = format!("{} {} {}", self.recipient, self.subject, purpose.name());
        Artefact {
            subject: self.subject.to_string(),
            recipient: self.recipient.to_string(),
            purpose,
            scenario: None,
            mode: Mode::View,
            fetch,
            categories: Vec::new(),
            dimensions: Vec::new(),
            accounts: None,
            data_range: None,
            valid_from: self.now,
            expires_at: self.now.plus_seconds(hours * 3600),
            data_life: None,
            frequency: None,
            notice: Notice {
                version: "demo-1".to_string(),
                digest: hex(&sha256(NOTICE.as_bytes())),
                shown_at: self.now,
                locale: "en-US".to_string(),
            },
            warnings: Vec::new(),
            evidence: Evidence {
                method: Method::PartnerAttested,
                digest: hex(&sha256(record.as_bytes())),
                signed_at: self.now,
                public_key: None,
                signature: None,
            },
            synthetic: true,
        }
    }
}
