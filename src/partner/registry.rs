//! The registry: which platforms take part, in which roles, with which keys.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::delivery::Delivery;
use super::signature::PublicKey;
use super::staff::StaffMember;
use crate::kernel::Time;
use crate::kernel::bytes::from_base64;

/// What a partner may do at all; policies say when.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Sends observations.
    Furnisher,
    /// Asks inquiries.
    Asker,
    /// Enrols persons.
    Enroller,
    /// Acts for persons, under a mandate.
    Agent,
    /// Binds persons' own keys: whoever holds such a key is the person, so this is granted to few.
    Registrar,
}

impl Role {
    /// Reads a role's name.
    pub fn from_name(text: &str) -> Option<Role> {
        match text {
            "furnisher" => Some(Role::Furnisher),
            "asker" => Some(Role::Asker),
            "enroller" => Some(Role::Enroller),
            "agent" => Some(Role::Agent),
            "registrar" => Some(Role::Registrar),
            _ => None,
        }
    }

    /// The role's name.
    pub fn name(self) -> &'static str {
        match self {
            Role::Furnisher => "furnisher",
            Role::Asker => "asker",
            Role::Enroller => "enroller",
            Role::Agent => "agent",
            Role::Registrar => "registrar",
        }
    }
}

/// What kind of partner it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A platform under a contract.
    #[default]
    Institution,
    /// Admitted on its own application: a yes or a no, and no more.
    SmallMerchant,
}

impl Kind {
    /// The kind of this name.
    pub fn from_name(text: &str) -> Option<Kind> {
        [Kind::Institution, Kind::SmallMerchant].into_iter().find(|kind| kind.name() == text)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Institution => "institution",
            Kind::SmallMerchant => "small_merchant",
        }
    }

    fn is_institution(&self) -> bool {
        *self == Kind::Institution
    }
}

/// What was agreed with a partner for one scenario.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contract {
    /// The stable threshold of a yes/no scenario; the scenario's own when absent. It comes from
    /// the contract, never from a request (decisions.md 20).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<i64>,
    /// Since when it stands; since the partner takes part when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Time>,
}

/// The ways in which personal information may lawfully leave (PIPL 38).
pub const EXPORT_KINDS: [&str; 3] = ["assessment", "certification", "standard_contract"];

/// On what basis personal information may leave for a partner abroad (PIPL 38).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExportBasis {
    /// One of [`EXPORT_KINDS`].
    pub kind: String,
    /// The number of the approval, certificate or filed contract.
    pub reference: String,
    /// Until when it holds.
    pub expires: Time,
}

/// How much was agreed with a partner; the bureau's own limits hold where nothing was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quota {
    /// Signed requests of one minute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests_per_minute: Option<u32>,
    /// Inquiries on record of one day (UTC).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inquiries_per_day: Option<u32>,
}

impl Quota {
    /// Whether nothing was agreed.
    pub fn is_open(&self) -> bool {
        *self == Quota::default()
    }
}

/// A partner platform.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Partner {
    /// `par_…`
    pub id: String,
    /// The name it is known by.
    pub name: String,
    /// What kind it is.
    #[serde(default, skip_serializing_if = "Kind::is_institution")]
    pub kind: Kind,
    /// The country it sits in (ISO 3166 alpha-2); empty for a partner registered before that was
    /// asked, which sits where the bureau does.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub country: String,
    /// On what basis answers about persons elsewhere may leave for it; none when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub export_basis: Option<ExportBasis>,
    /// Its trade: bank, consumer_finance, rental, hotel, car_hire, telecom, utility, …
    pub sector: String,
    /// What it may do.
    pub roles: BTreeSet<Role>,
    /// The scenarios it has contracted.
    pub scenarios: BTreeMap<String, Contract>,
    /// How much it may ask.
    #[serde(default, skip_serializing_if = "Quota::is_open")]
    pub quota: Quota,
    /// By when its lines are due; without one the custom of the trade is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivery: Option<Delivery>,
    /// Suspended partners are refused everything.
    pub suspended: bool,
    /// When a suspension was lifted last: what was held against it before does not count again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resumed: Option<Time>,
    /// Since when it takes part.
    pub created: Time,
}

/// One of a partner's public keys.
#[derive(Clone, Debug)]
pub struct PartnerKey {
    /// Whose key it is.
    pub partner: String,
    /// The key.
    pub key: PublicKey,
    /// Set when it must no longer be used.
    pub retired: Option<Time>,
}

/// All partners and their keys, as the database has them.
#[derive(Clone, Debug, Default)]
pub struct Registry {
    /// By id.
    pub partners: BTreeMap<String, Partner>,
    /// By RFC 7638 thumbprint.
    pub keys: BTreeMap<String, PartnerKey>,
    /// Staff, by name.
    pub staff: BTreeMap<String, StaffMember>,
}

impl Registry {
    /// The partner that `text` names: an id, or the exact name.
    pub fn find(&self, text: &str) -> Option<&Partner> {
        self.partners.get(text).or_else(|| self.partners.values().find(|p| p.name == text))
    }

    /// The thumbprint of the partner's key in use that signed `message`. The signature may be raw,
    /// or base64 of that with white space around it.
    pub fn signer(&self, partner: &str, message: &[u8], signature: &[u8]) -> Option<String> {
        let text = std::str::from_utf8(signature).ok().map(str::trim);
        let decoded = text.and_then(from_base64);
        let candidates = [Some(signature), decoded.as_deref()];
        let mut held =
            self.keys.iter().filter(|(_, key)| key.partner == partner && key.retired.is_none());
        let signed = |key: &PublicKey| candidates.iter().flatten().any(|s| key.verify(message, s));
        held.find(|(_, key)| signed(&key.key)).map(|(thumbprint, _)| thumbprint.clone())
    }
}
