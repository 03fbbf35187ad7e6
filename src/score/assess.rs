//! From profile to assessment: read the vector, look each value up, add, and say why.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::ScoreError;
use super::characteristic::{AsOf, History, Value, View};
use super::profile::Profile;
use super::scorecard::{Entry, Scorecard};
use crate::collect::observation::{Dimension, StatusKind};
use crate::kernel::Month;

/// Most reasons given (12 CFR 1002.9: principal reasons; one more for inquiries).
pub const REASONS_MAX: usize = 4;

/// Everything an assessment depends on beside the scorecard: kept with the answer, so that the
/// answer can be computed again (decisions.md 17).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vector {
    /// What decides whether there is a score at all.
    pub gate: Gate,
    /// Characteristics in the order of the scorecard.
    #[serde(with = "told")]
    pub values: Vec<(Cow<'static, str>, Value)>,
}

/// Values in short, as an entry keeps them: a number where one is known, else the word for why
/// none is.
mod told {
    use std::borrow::Cow;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::score::characteristic::Value;

    type Named = (Cow<'static, str>, Value);

    #[derive(Serialize, Deserialize)]
    #[serde(untagged)]
    enum Told {
        Number(i64),
        Word(Value),
    }

    pub(super) fn serialize<S: Serializer>(values: &[Named], to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(values.iter().map(|(name, value)| {
            let told = match value {
                Value::Known(number) => Told::Number(*number),
                word => Told::Word(*word),
            };
            (name, told)
        }))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Named>, D::Error> {
        let read: Vec<(Cow<'static, str>, Told)> = Vec::deserialize(from)?;
        let value = |told| match told {
            Told::Number(number) => Value::Known(number),
            Told::Word(value) => value,
        };
        Ok(read.into_iter().map(|(name, told)| (name, value(told))).collect())
    }
}

/// What decides whether there is a score at all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gate {
    /// The person died.
    pub deceased: bool,
    /// The person cannot act for themself.
    pub incapacity: bool,
    /// The identity was stolen: what is on file may be a thief's doing.
    pub identity_theft: bool,
    /// Insolvency proceedings are on. They move the score as a public record, and are flagged.
    pub insolvency: bool,
    /// The identity level.
    pub identity_level: u8,
    /// The length and freshness of the file.
    pub history: History,
}

/// Why there is no score. Never a low score instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NotAssessable {
    /// The person died.
    Deceased,
    /// The person cannot act for themself.
    Incapacity,
    /// The identity was stolen.
    IdentityTheft,
    /// The identity is not established well enough.
    IdentityLevelLow,
    /// Too short a history, or none that may be read.
    InsufficientData,
    /// No update for too long.
    Stale,
}

impl NotAssessable {
    /// All, in the order in which they are decided.
    pub const ALL: [NotAssessable; 6] = [
        NotAssessable::Deceased,
        NotAssessable::Incapacity,
        NotAssessable::IdentityTheft,
        NotAssessable::IdentityLevelLow,
        NotAssessable::InsufficientData,
        NotAssessable::Stale,
    ];

    /// The stable code.
    pub fn code(self) -> &'static str {
        match self {
            NotAssessable::Deceased => "deceased",
            NotAssessable::Incapacity => "incapacity",
            NotAssessable::IdentityTheft => "identity_theft",
            NotAssessable::IdentityLevelLow => "identity_level_low",
            NotAssessable::InsufficientData => "insufficient_data",
            NotAssessable::Stale => "stale",
        }
    }

    /// The reason code of the catalogue.
    pub fn reason_code(self) -> &'static str {
        match self {
            NotAssessable::Deceased => "NF02",
            NotAssessable::Incapacity => "NF05",
            NotAssessable::IdentityTheft => "NF06",
            NotAssessable::IdentityLevelLow => "ID01",
            NotAssessable::InsufficientData => "NF01",
            NotAssessable::Stale => "NF07",
        }
    }
}

/// A score, or why there is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A score.
    Scored {
        /// Within the scale.
        score: i32,
        /// The band it lies in.
        band: String,
        /// Whether the sum of points lay outside the scale.
        clamped: bool,
    },
    /// No score.
    NotAssessable(NotAssessable),
}

/// Points of one dimension. All dimensions and the scale's `base_points` sum to the total.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DimensionPoints {
    /// The dimension.
    pub dimension: Dimension,
    /// Points of its characteristics.
    pub points: i32,
    /// The most they could be.
    pub of: i32,
    /// The least they could be.
    pub least: i32,
}

/// One reason: a code, and the points lost under it against the baseline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// The code ([`super::ReasonTexts`] has the words).
    pub code: String,
    /// Points lost, always above zero.
    pub lost: i32,
}

/// What stands beside a score and is not part of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    /// The file is short: calibrated apart.
    pub thin_file: bool,
    /// Insolvency proceedings are on.
    pub insolvency: bool,
    /// The identity was stolen.
    pub identity_theft: bool,
}

/// Everything there is to say about one person at one moment under one scorecard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assessment {
    /// The score, or why there is none.
    pub outcome: Outcome,
    /// What it was computed from.
    pub vector: Vector,
    /// Points of each characteristic, in the order of the scorecard.
    pub points: Vec<i32>,
    /// `base_points` and all points, before clamping.
    pub total: i64,
    /// Points by dimension, in the order of [`Dimension::ALL`].
    pub dimensions: [DimensionPoints; 5],
    /// At most four reasons, most points lost first, and one more for inquiries.
    pub reasons: Vec<Reason>,
    /// How much of what may be read is known, weighted by the points it can move.
    pub completeness_permille: u16,
    /// What else to know.
    pub flags: Flags,
}

impl Assessment {
    /// The score, if there is one.
    pub fn score(&self) -> Option<i32> {
        match self.outcome {
            Outcome::Scored { score, .. } => Some(score),
            Outcome::NotAssessable(_) => None,
        }
    }
}

impl Vector {
    /// Reads what `scorecard` asks for from a profile. A characteristic that is not of the
    /// catalogue has no data.
    pub fn read(profile: &Profile, scorecard: &Scorecard, as_of: &AsOf) -> Vector {
        let month = Month::of(as_of.date).0;
        let holds = |event| profile.status_since(event).is_some_and(|since| since <= month);
        let own = || History::of(profile, as_of.date, as_of.scope);
        let gate = Gate {
            deceased: holds(StatusKind::Death),
            incapacity: holds(StatusKind::Incapacity),
            identity_theft: holds(StatusKind::IdentityTheft),
            insolvency: holds(StatusKind::Insolvency),
            identity_level: as_of.identity_level,
            history: as_of.with_disputed.unwrap_or_else(own),
        };
        let view = View::new(profile, as_of, scorecard.reference_income_minor(profile.base));
        let values = scorecard.entries().map(|(entry, bound)| match bound {
            Some(c) => (Cow::Borrowed(c.name), c.read(&view)),
            None => (Cow::Owned(entry.name.clone()), Value::NoData),
        });
        Vector { gate, values: values.collect() }
    }
}

/// Assesses a person at a moment. Pure: the same three inputs give the same bits.
pub fn assess(profile: &Profile, scorecard: &Scorecard, as_of: &AsOf) -> Assessment {
    judge(scorecard, Vector::read(profile, scorecard, as_of))
}

/// The same assessment from a stored vector.
///
/// # Errors
/// When the vector was read for another scorecard.
pub fn assess_vector(scorecard: &Scorecard, vector: &Vector) -> Result<Assessment, ScoreError> {
    let names = || scorecard.characteristics.iter().map(|entry| entry.name.as_str());
    let stored = || vector.values.iter().map(|(name, _)| name.as_ref());
    if names().eq(stored()) {
        return Ok(judge(scorecard, vector.clone()));
    }
    let differs = names().zip(stored().map(Some).chain(std::iter::repeat(None)));
    let missing = differs.into_iter().find(|(name, stored)| Some(*name) != *stored);
    let expected = missing.map_or("nothing more", |(name, _)| name).to_string();
    Err(ScoreError::VectorMismatch { expected })
}

/// Scores a vector that lines up with the scorecard.
fn judge(scorecard: &Scorecard, vector: Vector) -> Assessment {
    let mut dimensions =
        Dimension::ALL.map(|dimension| DimensionPoints { dimension, points: 0, of: 0, least: 0 });
    let mut points = Vec::with_capacity(vector.values.len());
    let mut reasons: Vec<(&str, i32)> = Vec::with_capacity(16);
    let (mut known, mut readable) = (0_i64, 0_i64);
    for ((entry, (least, most)), (_, value)) in scorecard.extremes().zip(&vector.values) {
        let got = entry.points(*value);
        points.push(got);
        if let Some(of) = entry.dimension.and_then(|d| dimensions.get_mut(d as usize)) {
            of.points += got;
            of.of += most;
            of.least += least;
        }
        lose(&mut reasons, entry, got);
        let weight = i64::from(most - least);
        readable += if *value == Value::NoConsent { 0 } else { weight };
        known += match value {
            Value::Known(_) | Value::NotApplicable => weight,
            Value::NoData | Value::NoConsent => 0,
        };
    }
    let total =
        i64::from(scorecard.scale.base_points) + points.iter().map(|p| i64::from(*p)).sum::<i64>();
    let gate = vector.gate;
    let outcome = match not_assessable(scorecard, &gate) {
        Some(why) => Outcome::NotAssessable(why),
        None => {
            let (score, clamped) = scorecard.scale.clamp(total);
            Outcome::Scored { score, band: scorecard.band(score).to_string(), clamped }
        }
    };
    let reasons = match outcome {
        Outcome::Scored { .. } => principal(reasons, &scorecard.inquiry_reason),
        Outcome::NotAssessable(_) => Vec::new(),
    };
    let flags = Flags {
        thin_file: gate.history.months < scorecard.assessable.thin_below_months,
        insolvency: gate.insolvency,
        identity_theft: gate.identity_theft,
    };
    let completeness_permille = if readable > 0 { (known * 1000 / readable) as u16 } else { 0 };
    Assessment { outcome, vector, points, total, dimensions, reasons, completeness_permille, flags }
}

/// Whether there is a score. The order is a contract: the first that holds is the answer.
fn not_assessable(scorecard: &Scorecard, gate: &Gate) -> Option<NotAssessable> {
    let rule = &scorecard.assessable;
    let holds = |why: &NotAssessable| match why {
        NotAssessable::Deceased => gate.deceased,
        NotAssessable::Incapacity => gate.incapacity,
        NotAssessable::IdentityTheft => gate.identity_theft,
        NotAssessable::IdentityLevelLow => gate.identity_level < rule.identity_level,
        NotAssessable::InsufficientData => gate.history.months < rule.history_months,
        NotAssessable::Stale => gate.history.update_age.is_none_or(|age| age > rule.update_months),
    };
    NotAssessable::ALL.into_iter().find(holds)
}

/// Adds what an entry lost against its baseline to its code: one root cause is one reason.
fn lose<'a>(reasons: &mut Vec<(&'a str, i32)>, entry: &'a Entry, points: i32) {
    let lost = entry.baseline - points;
    if lost <= 0 {
        return;
    }
    match reasons.iter_mut().find(|(code, _)| *code == entry.reason) {
        Some((_, sum)) => *sum += lost,
        None => reasons.push((&entry.reason, lost)),
    }
}

/// The reasons that are given: most points lost first, ties by code.
fn principal(mut reasons: Vec<(&str, i32)>, inquiry_reason: &str) -> Vec<Reason> {
    reasons.sort_unstable_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
    let given = reasons
        .iter()
        .enumerate()
        .filter(|(place, (code, _))| *place < REASONS_MAX || *code == inquiry_reason);
    given.map(|(_, (code, lost))| Reason { code: code.to_string(), lost: *lost }).collect()
}
