//! Rule packs: the numbers and lists of one jurisdiction, read from `policies/ID/pack.toml`.

use serde::{Deserialize, Serialize};

use super::facts::{Action, BasisKind};
use super::remedies::{self, Remedies};
use super::retention::{self, Retention};
use super::source::{Fault, Files, PACK, toml_fault};
use super::words::words;
use crate::kernel::Currency;
use crate::kernel::bytes::{Digest, hex};

/// The five dimensions, in the order they are shown.
pub const DIMENSIONS: [&str; 5] =
    ["credit_history", "behavior", "performance", "identity", "relationships"];

words! {
    /// How certain it is that the source says so.
    Mark {
        /// Verified in the source.
        Verified = "V",
        /// Verified in a secondary source.
        Secondary = "V2",
        /// To be confirmed before relying on it.
        Unverified = "U",
        /// Our design, not law.
        Design = "D",
    }
}

impl Mark {
    /// Whether a provision so marked may be cited to a person, an asker or a regulator: what was
    /// not verified, and what is our own design, is no law that anybody may be told of.
    pub fn is_citable(self) -> bool {
        matches!(self, Mark::Verified | Mark::Secondary)
    }

    /// A source as the console prints it: what was not verified says so.
    pub fn cite(self, source: &str) -> String {
        match self {
            Mark::Verified => source.to_string(),
            Mark::Secondary => format!("{source} (secondary source)"),
            Mark::Unverified => format!("{source} (unverified)"),
            Mark::Design if source == "design" => "own design".to_string(),
            Mark::Design => format!("own design, after {source}"),
        }
    }
}

words! {
    /// What the law lets be erased at the person's wish, least first.
    Erasure {
        /// Nothing that is accurate.
        None = "none",
        /// Statutory records are restricted (stored, not used); the rest goes.
        Restricted = "restricted",
        /// Everything.
        Full = "full",
    }
}

/// The rule pack of one jurisdiction.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pack {
    /// Its id, which is its folder's name.
    pub id: String,
    /// The jurisdiction's name.
    pub name: String,
    /// The version of these rules.
    pub version: String,
    /// IANA name of the time zone, for documents; computation uses the fixed offset.
    pub time_zone: String,
    /// Fixed offset from UTC in hours: civil dates and months of this pack (decisions.md 16).
    pub utc_offset_hours: i8,
    /// The one currency of this pack's sums.
    pub currency: Currency,
    /// Age in years from which a person may be on file.
    pub adult_age: u8,
    /// Dimensions that may be collected and scored.
    pub dimensions: Vec<String>,
    /// What can be erased.
    pub erasure: ErasureRule,
    /// What it takes to trade.
    pub licence: Licence,
    bases: Bases,
    /// Its clocks, from `retention.toml`.
    #[serde(skip)]
    pub retention: Retention,
    #[serde(skip)]
    remedies: Option<Remedies>,
    #[serde(skip)]
    digest: Digest,
}

/// What can be erased at the person's wish.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ErasureRule {
    /// How much.
    pub extent: Erasure,
    /// The provision.
    pub source: String,
    /// How certain.
    pub mark: Mark,
}

/// What it takes to trade as a bureau. The number of a licence is configuration, not law.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Licence {
    /// Whether the live environment needs one.
    pub required: bool,
    /// Who grants it.
    pub authority: String,
    /// The provision.
    pub source: String,
    /// How certain.
    pub mark: Mark,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Bases {
    furnish: AllowedBases,
    inquire: AllowedBases,
}

/// The kinds of basis that an act may have.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct AllowedBases {
    /// The kinds.
    pub allowed: Vec<BasisKind>,
    /// The provision.
    pub source: String,
    /// How certain.
    pub mark: Mark,
}

impl Pack {
    /// The kinds of basis that `action` may have; `None` for acts that need no basis.
    pub fn bases(&self, action: Action) -> Option<&AllowedBases> {
        match action {
            Action::Furnish => Some(&self.bases.furnish),
            Action::Inquire => Some(&self.bases.inquire),
            _ => None,
        }
    }

    /// Whether `action` may rest on this kind of basis.
    pub fn allows_basis(&self, action: Action, kind: BasisKind) -> bool {
        self.bases(action).is_some_and(|bases| bases.allowed.contains(&kind))
    }

    /// Whether a dimension may be collected and scored here.
    pub fn has_dimension(&self, name: &str) -> bool {
        self.dimensions.iter().any(|dimension| dimension == name)
    }

    /// Its deadlines and rights, from `remedies.toml`; a pack without them is not loaded.
    pub fn remedies(&self) -> Option<&Remedies> {
        self.remedies.as_ref()
    }

    /// SHA-256 over every file that governs this pack, shared ones included.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// [`Pack::digest`] as an answer shows it.
    pub fn digest_hex(&self) -> String {
        hex(&self.digest)
    }
}

/// Reads and checks one pack.
pub(super) fn read(files: &Files, id: &str, faults: &mut Vec<Fault>) -> Option<Pack> {
    let path = format!("{id}/{PACK}");
    let text = files.text(&path)?;
    let mut pack: Pack = match toml::from_str(text) {
        Ok(pack) => pack,
        Err(error) => {
            faults.push(toml_fault(&path, text, &error));
            return None;
        }
    };
    pack.digest = files.pack_digest(id);
    pack.retention = retention::read(files, id, faults).unwrap_or_default();
    pack.remedies = remedies::read(files, id, faults);
    let mut wrong = |needle: &str, message: String| {
        let line = files.line_with(&path, needle);
        faults.push(Fault { file: path.clone(), line, message });
    };
    if pack.id != id {
        wrong("id =", format!("id `{}` is not the folder's name", pack.id));
    }
    if !(-12..=14).contains(&pack.utc_offset_hours) {
        wrong("utc_offset_hours", "an offset is between -12 and 14 hours".into());
    }
    if !(14..=25).contains(&pack.adult_age) {
        wrong("adult_age", "an age of majority is between 14 and 25".into());
    }
    if pack.dimensions.is_empty() {
        wrong("dimensions", "no dimension is on".into());
    }
    for (at, name) in pack.dimensions.iter().enumerate() {
        if !DIMENSIONS.contains(&name.as_str()) {
            wrong("dimensions", format!("there is no dimension `{name}`"));
        }
        if pack.dimensions.iter().take(at).any(|before| before == name) {
            wrong("dimensions", format!("`{name}` stands twice"));
        }
    }
    for (needle, bases) in
        [("[bases.furnish]", &pack.bases.furnish), ("[bases.inquire]", &pack.bases.inquire)]
    {
        if bases.allowed.is_empty() {
            wrong(needle, "no basis is allowed".into());
        }
        if bases.allowed.contains(&BasisKind::None) {
            wrong(needle, "`none` is not a basis".into());
        }
    }
    Some(pack)
}
