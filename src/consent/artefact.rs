//! The consent artefact (contract.md; after the ReBIT account-aggregator artefact).

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::error::Reason;
use crate::kernel::Time;

/// The longest a consent may run, in days: PIPL asks for a definite, necessary term.
pub const TERM_DAYS_MAX: i64 = 5 * 366;
/// Accounts that a consent names at most.
const ACCOUNTS_MAX: usize = 200;
/// Characters of an account's key at most.
const KEY_CHARS_MAX: usize = 64;

/// What is consented to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// That the recipient sends observations to the bureau.
    Furnish,
    /// That the recipient asks the bureau.
    Inquire,
    /// That one restricted category is collected (CN-02).
    Restricted,
}

impl Purpose {
    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Purpose::Furnish => "furnish",
            Purpose::Inquire => "inquire",
            Purpose::Restricted => "restricted",
        }
    }

    /// Reads [`Purpose::name`].
    pub fn from_name(text: &str) -> Option<Purpose> {
        match text {
            "furnish" => Some(Purpose::Furnish),
            "inquire" => Some(Purpose::Inquire),
            "restricted" => Some(Purpose::Restricted),
            _ => None,
        }
    }
}

/// Whether the recipient may keep what it sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Mode {
    /// Look only.
    View,
    /// Keep for `data_life`.
    Store,
}

/// How often it may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Fetch {
    /// For one answer. A `not_assessable` or a refusal does not use it up.
    Onetime,
    /// Again and again until it ends.
    Periodic,
}

impl Fetch {
    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Fetch::Onetime => "ONETIME",
            Fetch::Periodic => "PERIODIC",
        }
    }
}

/// The text that the person was shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Notice {
    /// Version of the text.
    pub version: String,
    /// SHA-256 of the text as shown, hexadecimal.
    pub digest: String,
    /// When it was shown.
    pub shown_at: Time,
    /// In which language.
    pub locale: String,
}

/// The warning that must be shown before a restricted category is collected (Reg 14 paragraph 2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Warning {
    /// The restricted category.
    pub category: String,
    /// Version of the warning.
    pub version: String,
    /// SHA-256 of the warning as shown, hexadecimal.
    pub digest: String,
    /// When it was shown.
    pub shown_at: Time,
}

/// How it is shown that the person consented.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// By the person's own key, bound at enrolment.
    PersonSigned,
    /// By the partner's word: it must be able to produce the artefact.
    PartnerAttested,
}

/// What shows the consent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    /// How.
    pub method: Method,
    /// SHA-256 of the signed document or recording, hexadecimal.
    pub digest: String,
    /// When the person signed.
    pub signed_at: Time,
    /// Thumbprint of the person's key, for `person_signed`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_key: Option<String>,
    /// Signature over the consent statement ([`super::statement`]), base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
}

/// Which data by date.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DataRange {
    /// First day.
    #[schema(value_type = String, format = Date)]
    pub from: Date,
    /// Last day.
    #[schema(value_type = String, format = Date)]
    pub to: Date,
}

/// A consent as given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Artefact {
    /// The recipient's own opaque id of the person; the bureau's, when the person gives it.
    pub subject: String,
    /// The one named partner that may act on it.
    pub recipient: String,
    /// What is consented to.
    pub purpose: Purpose,
    /// The scenario, for `inquire`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scenario: Option<String>,
    /// Look or keep.
    pub mode: Mode,
    /// Once or again.
    pub fetch: Fetch,
    /// Observation types, or the one restricted category; empty means all ordinary ones.
    #[serde(default)]
    pub categories: Vec<String>,
    /// Dimensions; empty means all.
    #[serde(default)]
    pub dimensions: Vec<String>,
    /// To furnish: of accounts and their months only those with these keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accounts: Option<Vec<String>>,
    /// To furnish: only records that speak of days within these; an account's own terms have no
    /// day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_range: Option<DataRange>,
    /// From when.
    pub valid_from: Time,
    /// Until when (exclusive).
    pub expires_at: Time,
    /// How long the recipient may keep what it got, in days.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_life: Option<u32>,
    /// To ask: at most so many answers a calendar month (UTC). `not_assessable` and refusals do
    /// not count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frequency: Option<u32>,
    /// The notice shown.
    pub notice: Notice,
    /// The warnings shown, for `restricted`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Warning>,
    /// What shows it.
    pub evidence: Evidence,
    /// Made up for a demonstration or a test.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub synthetic: bool,
}

/// The restricted categories (CN-02).
const RESTRICTED: [&str; 6] =
    ["income", "deposits", "securities", "insurance", "real_estate", "tax"];

fn is_digest(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

impl Artefact {
    /// Everything wrong with it at `now`; empty when it can be recorded. `scenarios` are the
    /// catalogued ones, `dimensions` and `types` the known names.
    pub fn faults(
        &self,
        now: Time,
        scenarios: &[&str],
        dimensions: &[&str],
        types: &[&str],
    ) -> Vec<Reason> {
        let mut faults = Vec::new();
        let mut fault = |pointer: &str, code: &str, message: &str| {
            faults.push(Reason::new(pointer, code, message));
        };
        match (self.purpose, self.scenario.as_deref()) {
            (Purpose::Inquire, None) => {
                fault("/scenario", "missing_field", "a consent to ask names its scenario");
            }
            (Purpose::Inquire, Some(name)) if !scenarios.contains(&name) => {
                fault("/scenario", "scenario_unknown", "use a scenario of the catalogue");
            }
            (Purpose::Furnish | Purpose::Restricted, Some(_)) => {
                fault("/scenario", "unexpected_field", "only a consent to ask has a scenario");
            }
            _ => {}
        }
        if self.valid_from >= self.expires_at {
            fault("/expires_at", "dates_out_of_order", "it must end after it begins");
        }
        if self.expires_at <= now {
            fault("/expires_at", "date_in_past", "it has ended already");
        }
        if self.expires_at > self.valid_from.plus_days(TERM_DAYS_MAX) {
            fault("/expires_at", "term_too_long", "a consent runs five years at most");
        }
        if self.notice.shown_at > self.evidence.signed_at {
            fault(
                "/notice/shown_at",
                "dates_out_of_order",
                "the notice comes before the signature",
            );
        }
        if self.evidence.signed_at > now.plus_seconds(300) {
            fault("/evidence/signed_at", "date_in_future", "it is signed in the future");
        }
        for (pointer, digest) in
            [("/notice/digest", &self.notice.digest), ("/evidence/digest", &self.evidence.digest)]
        {
            if !is_digest(digest) {
                fault(pointer, "not_a_digest", "give SHA-256 as 64 lower-case hexadecimal digits");
            }
        }
        for (i, name) in self.dimensions.iter().enumerate() {
            if !dimensions.contains(&name.as_str()) {
                fault(&format!("/dimensions/{i}"), "unknown_value", "not one of the dimensions");
            }
        }
        self.limit_faults(&mut faults);
        self.category_faults(types, &mut faults);
        self.evidence_faults(&mut faults);
        faults
    }

    /// Accounts and days narrow what is sent, a frequency how often is asked. An answer made of
    /// chosen accounts or days would say more good, or more bad, than the file does.
    fn limit_faults(&self, faults: &mut Vec<Reason>) {
        let mut fault = |pointer: &str, code: &str, message: &str| {
            faults.push(Reason::new(pointer, code, message));
        };
        if self.purpose == Purpose::Inquire {
            let given = [
                ("/accounts", self.accounts.is_some()),
                ("/data_range", self.data_range.is_some()),
            ];
            for (pointer, _) in given.iter().filter(|(_, given)| *given) {
                let text = "it narrows what is furnished; narrow a consent to ask by dimensions";
                fault(pointer, "unexpected_field", text);
            }
        }
        match self.frequency {
            Some(_) if self.purpose != Purpose::Inquire || self.fetch == Fetch::Onetime => {
                let text = "only a PERIODIC consent to ask says how often";
                fault("/frequency", "unexpected_field", text);
            }
            Some(0) => fault("/frequency", "out_of_range", "allow at least one answer a month"),
            _ => {}
        }
        if let Some(accounts) = &self.accounts {
            if accounts.is_empty() || accounts.len() > ACCOUNTS_MAX {
                fault("/accounts", "out_of_range", "name one account to two hundred");
            }
            for (i, key) in accounts.iter().enumerate() {
                let length = key.chars().count();
                if !(1..=KEY_CHARS_MAX).contains(&length) || key.chars().any(char::is_control) {
                    let text = "a key has 1 to 64 characters, none of them a control character";
                    fault(&format!("/accounts/{i}"), "out_of_range", text);
                }
            }
        }
        if self.data_range.as_ref().is_some_and(|range| range.from > range.to) {
            fault("/data_range/to", "dates_out_of_order", "the last day is not before the first");
        }
    }

    /// Whether it names accounts or days.
    pub fn is_narrowed(&self) -> bool {
        self.accounts.is_some() || self.data_range.is_some()
    }

    /// Whether a record about `account` (when it is about one), which speaks of `days` (when it
    /// speaks of any), may be sent under it.
    pub fn covers_record(&self, account: Option<&str>, days: Option<(Date, Date)>) -> bool {
        let named = |key: &str| self.accounts.as_ref().is_none_or(|a| a.iter().any(|k| k == key));
        let within = |(first, last): (Date, Date)| {
            self.data_range.as_ref().is_none_or(|range| range.from <= first && last <= range.to)
        };
        account.is_none_or(named) && days.is_none_or(within)
    }

    fn category_faults(&self, types: &[&str], faults: &mut Vec<Reason>) {
        if self.purpose == Purpose::Restricted {
            let one = match self.categories.as_slice() {
                [one] if RESTRICTED.contains(&one.as_str()) => one,
                _ => {
                    let text = "a restricted consent names exactly one restricted category";
                    faults.push(Reason::new("/categories", "one_category", text));
                    return;
                }
            };
            let warned = self.warnings.iter().any(|w| {
                w.category == *one && is_digest(&w.digest) && w.shown_at <= self.evidence.signed_at
            });
            if !warned {
                let text = "the warning for this category must have been shown before signing";
                faults.push(Reason::new("/warnings", "warning_missing", text));
            }
            return;
        }
        for (i, name) in self.categories.iter().enumerate() {
            if !types.contains(&name.as_str()) {
                let text = "not one of the observation types";
                faults.push(Reason::new(format!("/categories/{i}"), "unknown_value", text));
            }
        }
    }

    fn evidence_faults(&self, faults: &mut Vec<Reason>) {
        let signed = self.evidence.public_key.is_some() && self.evidence.signature.is_some();
        let bare = self.evidence.public_key.is_none() && self.evidence.signature.is_none();
        match self.evidence.method {
            Method::PersonSigned if !signed => faults.push(Reason::new(
                "/evidence",
                "missing_field",
                "person_signed needs public_key and signature",
            )),
            Method::PartnerAttested if !bare => faults.push(Reason::new(
                "/evidence",
                "unexpected_field",
                "partner_attested has neither public_key nor signature",
            )),
            _ => {}
        }
    }
}
