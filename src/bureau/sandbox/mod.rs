//! The sandbox: a bureau of its own for made-up persons, where anybody can try everything.
//!
//! Its persons come in by the ordinary way: a furnisher of the house enrols them and sends their
//! records, marked synthetic, and every answer about them is worked out as any other. What is kept
//! from visitors is only that: that they change what others rely on.

mod cases;
mod load;
mod persons;
mod register;

use std::collections::BTreeSet;
use std::sync::{OnceLock, PoisonError, RwLock};

pub use cases::{CASES, Case, Consent, Expected, UNSHOWN};
pub use load::LoadError;
pub use persons::{PERSONS, Story, TestPerson};
pub use register::{Registration, VISITORS_MAX};

use crate::error::Problem;
use crate::kernel::bytes::sha256;
use crate::partner::Role;
use crate::partner::signature::SigningKey;

/// Under this name the program acts in the sandbox.
pub const STAFF: &str = "sandbox";
/// The furnisher of the house, whose key nobody has.
pub const HOUSE: &str = "Sandbox Furnisher";
/// The person whose own key is published.
pub const OWNER: &str = "owner";

/// A kind of partner that a visitor can be.
pub struct Kind {
    /// Its name.
    pub name: &'static str,
    /// The published partner of this kind.
    pub partner: &'static str,
    /// Its sector.
    pub sector: &'static str,
    /// What it may do.
    pub roles: &'static [Role],
    /// What it may ask.
    pub scenarios: &'static [&'static str],
    /// What it is for.
    pub about: &'static str,
}

/// The kinds. The landlord has a scenario for lenders in its contract, so that it can see how that
/// is refused.
pub const KINDS: [Kind; 4] = [
    Kind {
        name: "lender",
        partner: "Sandbox Lender",
        sector: "bank",
        roles: &[Role::Furnisher, Role::Asker, Role::Enroller],
        scenarios: &["credit_application", "account_review", "identity_check"],
        about: "asks for scores, sends records",
    },
    Kind {
        name: "landlord",
        partner: "Sandbox Landlord",
        sector: "landlord",
        roles: &[Role::Asker, Role::Enroller],
        scenarios: &["tenancy", "identity_check", "credit_card"],
        about: "asks for a band",
    },
    Kind {
        name: "hotel",
        partner: "Sandbox Hotel",
        sector: "hotel",
        roles: &[Role::Asker, Role::Enroller],
        scenarios: &["hotel_deposit", "identity_check"],
        about: "asks for a yes or no at 650",
    },
    Kind {
        name: "platform",
        partner: "Sandbox Platform",
        sector: "platform",
        roles: &[Role::Asker, Role::Enroller],
        scenarios: &["online_trade", "identity_check"],
        about: "asks for two strangers who trade with each other",
    },
];

/// The kind of this name.
pub fn kind(name: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| kind.name == name)
}

/// A key that everybody can have: of the published partner of a kind, or of the person `owner`.
pub fn published_key(name: &str) -> Option<SigningKey> {
    let known = name == OWNER || kind(name).is_some();
    let seed = sha256(format!("fivefold-sandbox/v1 {name}").as_bytes());
    known.then(|| SigningKey::from_seed(&seed).ok()).flatten()
}

/// Whether this is the thumbprint of a published key: outside the sandbox it opens nothing.
pub fn is_published(keyid: &str) -> bool {
    static KNOWN: OnceLock<BTreeSet<String>> = OnceLock::new();
    let names = || KINDS.iter().map(|kind| kind.name).chain([OWNER]);
    let all = || names().filter_map(published_key).map(|key| key.public().thumbprint()).collect();
    KNOWN.get_or_init(all).contains(keyid)
}

/// Whose records nobody but the house may add to: so their answers stay what is published.
#[derive(Default)]
pub struct Kept {
    inner: RwLock<(String, BTreeSet<String>)>,
}

impl Kept {
    /// Whether records about this person, from this furnisher, would spoil a published answer.
    pub fn keeps(&self, person: &str, furnisher: &str) -> bool {
        let inner = self.inner.read().unwrap_or_else(PoisonError::into_inner);
        inner.1.contains(person) && inner.0 != furnisher
    }

    /// Refuses what would take a published person, or a published answer about them, from
    /// everybody: their key is known to all.
    ///
    /// # Errors
    /// `published_person`, for every person who is published.
    pub fn guard(&self, person: &str) -> Result<(), Problem> {
        let inner = self.inner.read().unwrap_or_else(PoisonError::into_inner);
        match inner.1.contains(person) {
            false => Ok(()),
            true => Err(Problem::new(
                "published_person",
                "This test person is published, and everybody has the key: they keep the answers \
                 that are published. Enrol somebody of your own, with a key that you make, and do \
                 it there.",
            )),
        }
    }

    /// The same for a consent: the house's, without which nothing is known of them.
    ///
    /// # Errors
    /// `published_person`.
    pub fn guard_consent(&self, person: &str, recipient: &str) -> Result<(), Problem> {
        let of_house = {
            let inner = self.inner.read().unwrap_or_else(PoisonError::into_inner);
            inner.0 == recipient
        };
        if of_house { self.guard(person) } else { Ok(()) }
    }

    fn set(&self, house: &str, persons: BTreeSet<String>) {
        let mut inner = self.inner.write().unwrap_or_else(PoisonError::into_inner);
        *inner = (house.to_string(), persons);
    }
}
