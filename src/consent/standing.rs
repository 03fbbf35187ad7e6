//! A consent at the moment of use.

use super::artefact::{Fetch, Purpose};
use crate::kernel::Time;

/// A consent as the bureau keeps it for checking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// `con_…`
    pub id: String,
    /// Whose.
    pub person: String,
    /// The one partner that may act on it.
    pub recipient: String,
    /// What is consented to.
    pub purpose: Purpose,
    /// The scenario, for `inquire`.
    pub scenario: Option<String>,
    /// Once or again.
    pub fetch: Fetch,
    /// Observation types or the one restricted category; empty means all ordinary ones.
    pub categories: Vec<String>,
    /// Dimensions; empty means all.
    pub dimensions: Vec<String>,
    /// From when.
    pub valid_from: Time,
    /// Until when (exclusive).
    pub expires: Time,
    /// Set when taken back.
    pub revoked: Option<Time>,
    /// When it was last used, where uses are limited: once, or so often a month.
    pub used: Option<Time>,
    /// Answers a month at most.
    pub frequency: Option<u32>,
    /// Answers in the month of `used`.
    pub uses: u32,
    /// Whether its artefact names accounts or days, and must be read for what it covers.
    pub narrowed: bool,
    /// Days for which an answer under it may be kept.
    pub data_life_days: Option<i64>,
}

/// What a consent says about one intended use: facts for the policies.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "each field is the question its name asks")]
pub struct Use {
    pub recipient_matches: bool,
    pub subject_matches: bool,
    pub purpose_matches: bool,
    pub scenario_matches: bool,
    pub not_yet_valid: bool,
    pub expired: bool,
    pub revoked: bool,
    pub used_up: bool,
    pub too_often: bool,
}

impl Standing {
    /// The facts for a use by `partner` about `person` at `now`.
    pub fn for_use(
        &self,
        partner: &str,
        person: &str,
        purpose: Purpose,
        scenario: Option<&str>,
        now: Time,
    ) -> Use {
        Use {
            recipient_matches: self.recipient == partner,
            subject_matches: self.person == person,
            purpose_matches: self.purpose == purpose,
            scenario_matches: self.scenario.as_deref() == scenario,
            not_yet_valid: now < self.valid_from,
            expired: now >= self.expires,
            revoked: self.revoked.is_some(),
            used_up: self.fetch == Fetch::Onetime && self.used.is_some(),
            too_often: self.frequency.is_some_and(|most| self.uses_by(now) >= most),
        }
    }

    /// Answers given on it in the month of `now`. Months are those of UTC, as every time of the
    /// interface is.
    pub fn uses_by(&self, now: Time) -> u32 {
        let month = |at: Time| at.date_at(0).first_of_month();
        self.used.filter(|used| month(*used) == month(now)).map_or(0, |_| self.uses)
    }

    /// Whether an answer under it must be counted.
    pub fn is_counted(&self) -> bool {
        self.fetch == Fetch::Onetime || self.frequency.is_some()
    }

    /// Whether `dimension` may be used under it.
    pub fn covers_dimension(&self, dimension: &str) -> bool {
        self.dimensions.is_empty() || self.dimensions.iter().any(|d| d == dimension)
    }

    /// Whether `category` (an observation type) may be sent under it.
    pub fn covers_category(&self, category: &str) -> bool {
        self.categories.is_empty() || self.categories.iter().any(|c| c == category)
    }

    /// Its state in a word: `active`, `pending`, `expired`, `revoked`, `used`.
    pub fn state(&self, now: Time) -> &'static str {
        if self.revoked.is_some() {
            "revoked"
        } else if now >= self.expires {
            "expired"
        } else if self.fetch == Fetch::Onetime && self.used.is_some() {
            "used"
        } else if now < self.valid_from {
            "pending"
        } else {
            "active"
        }
    }
}
