//! The scorecard: a TOML table of characteristics, bins and integer points, read strictly. The
//! printed table is the code path: there is nothing else to a score.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::ScoreError;
use super::characteristic::{self, Characteristic, Value};
use super::column::{Column, Pair};
use super::scale::{Band, Scale, UNIT_MAX, band_problems};
use crate::collect::observation::Dimension;
use crate::kernel::Currency;
use crate::kernel::bytes::{Digest, sha256};

/// The most score points a bin may give or take.
pub(super) const POINTS_MAX: i32 = 600;
/// The most that all ties together may add (data-model.md, Scores).
const TIES_POINTS_MAX: i32 = 10;

/// How far a scorecard may be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Expert judgement, not fitted, not validated.
    Demonstration,
    /// Fitted, waiting for validation or approval.
    Candidate,
    /// Validated and approved for what `validated_for` lists.
    Approved,
    /// Kept so that old answers can be replayed.
    Retired,
}

impl Status {
    /// The name used in scorecards.
    pub fn name(self) -> &'static str {
        match self {
            Status::Demonstration => "demonstration",
            Status::Candidate => "candidate",
            Status::Approved => "approved",
            Status::Retired => "retired",
        }
    }
}

/// When a person can be assessed at all.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Assessable {
    /// Least identity level.
    pub identity_level: u8,
    /// Least months of credit history or performance.
    pub history_months: u32,
    /// The last update may be at most this many months old.
    pub update_months: u32,
    /// Files shorter than this are flagged thin.
    pub thin_below_months: u32,
}

impl Assessable {
    /// Nobody: what a scorecard without such rules has.
    const NEVER: Assessable = Assessable {
        identity_level: u8::MAX,
        history_months: u32::MAX,
        update_months: 0,
        thin_below_months: 0,
    };
}

/// Which way points must go as values rise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Monotone {
    /// A higher value never gets fewer points.
    Increasing,
    /// A higher value never gets more points.
    Decreasing,
}

/// One bin: the values from `from` (all, when absent) to below `to` (all, when absent).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bin {
    /// Lowest value in it.
    pub from: Option<i64>,
    /// Lowest value above it.
    pub to: Option<i64>,
    /// Its points.
    pub points: i32,
    /// Rows that it was fitted to; 0 where nothing was fitted.
    #[serde(default)]
    pub rows: u64,
    /// Those of them that went bad.
    #[serde(default)]
    pub bads: u64,
}

impl Bin {
    /// The interval as printed: `[30, 60)`.
    pub fn interval(&self) -> String {
        match (self.from, self.to) {
            (Some(from), Some(to)) if to == from.saturating_add(1) => format!("{from}"),
            (Some(from), Some(to)) => format!("[{from}, {to})"),
            (Some(from), None) => format!("{from} and more"),
            (None, Some(to)) => format!("below {to}"),
            (None, None) => "any".to_string(),
        }
    }
}

/// One characteristic of a scorecard: its bins and why they are so.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The characteristic's name (for production: one of the catalogue).
    pub name: String,
    /// Its dimension. A production scorecard has one for every characteristic; a column of any
    /// other table need not belong to any.
    pub dimension: Option<Dimension>,
    /// The reason code of points lost here.
    pub reason: String,
    /// Why it says something about credit, and why the points run as they do (CN-20).
    pub rationale: String,
    /// Population-mean points: what no consent gives, and what losses are counted from.
    pub baseline: i32,
    /// Points where nothing is known.
    pub no_data: i32,
    /// Points where it does not apply.
    pub not_applicable: i32,
    /// Which way the bins must run.
    pub monotone: Option<Monotone>,
    /// The bins, half-open, in rising order, without gap; none for categories.
    #[serde(default)]
    pub bins: Vec<Bin>,
    /// How it is read from a table, where it is not of the catalogue.
    pub column: Option<Column>,
    /// Rows with no data that it was fitted to.
    #[serde(default)]
    pub no_data_rows: u64,
    /// Those of them that went bad.
    #[serde(default)]
    pub no_data_bads: u64,
}

impl Entry {
    /// The place of the bin that holds `value`.
    pub fn bin(&self, value: i64) -> usize {
        self.bins.partition_point(|bin| bin.to.is_some_and(|to| to <= value))
    }

    /// The points of a value. No consent is the baseline, always.
    pub fn points(&self, value: Value) -> i32 {
        match value {
            Value::Known(value) => {
                self.bins.get(self.bin(value)).map_or(self.baseline, |bin| bin.points)
            }
            Value::NoData => self.no_data,
            Value::NotApplicable => self.not_applicable,
            Value::NoConsent => self.baseline,
        }
    }

    fn all_points(&self) -> impl Iterator<Item = i32> + '_ {
        let others = [self.baseline, self.no_data, self.not_applicable];
        let of_column = self.column.iter().flat_map(Column::points);
        self.bins.iter().map(|bin| bin.points).chain(others).chain(of_column)
    }

    /// The most points it can give.
    pub fn most(&self) -> i32 {
        self.all_points().max().unwrap_or(0)
    }

    /// The fewest points it can give.
    pub fn least(&self) -> i32 {
        self.all_points().min().unwrap_or(0)
    }

    fn problems(&self, unit: i32) -> Vec<String> {
        let mut out = Vec::new();
        if let Some(column) = &self.column {
            out.extend(column.problems().into_iter().map(|what| format!("{}: {what}", self.name)));
        }
        let mut need = |holds: bool, what: &str| {
            if !holds {
                out.push(format!("{}: {what}", self.name));
            }
        };
        need(!self.name.trim().is_empty(), "has no name");
        need(!self.reason.trim().is_empty(), "has no reason code");
        need(!self.rationale.trim().is_empty(), "has no rationale");
        let most = POINTS_MAX * unit;
        need(self.all_points().all(|p| (-most..=most).contains(&p)), "points out of range");
        let ends = (self.bins.first().map(|b| b.from), self.bins.last().map(|b| b.to));
        match &self.column {
            Some(Column::Category { .. }) => need(self.bins.is_empty(), "categories have no bins"),
            _ => need(ends == (Some(None), Some(None)), "the bins do not cover every value"),
        }
        let joined = self.bins.windows(2).all(|pair| match pair {
            [a, b] => a.to.is_some() && a.to == b.from,
            _ => true,
        });
        need(joined, "a bin does not begin where the one before ends");
        let empty = self.bins.iter().any(|b| b.from.zip(b.to).is_some_and(|(f, t)| f >= t));
        need(!empty, "a bin is empty");
        let runs = |ordered: fn(i32, i32) -> bool| {
            self.bins.windows(2).all(|pair| match pair {
                [a, b] => ordered(a.points, b.points),
                _ => true,
            })
        };
        match self.monotone {
            Some(Monotone::Increasing) => need(runs(|a, b| a <= b), "points fall in between"),
            Some(Monotone::Decreasing) => need(runs(|a, b| a >= b), "points rise in between"),
            None => {}
        }
        out
    }

    /// What production asks beyond the form: the catalogue, and that silence costs nothing.
    fn production_problems(&self) -> Vec<String> {
        let mut out = Vec::new();
        match characteristic::find(&self.name) {
            None => out.push(format!("{}: not in the catalogue", self.name)),
            Some(c) if Some(c.dimension) != self.dimension => {
                out.push(format!("{}: belongs to {}", self.name, c.dimension.name()));
            }
            Some(_) => {}
        }
        if self.column.is_some() {
            out.push(format!("{}: is a column of a table", self.name));
        }
        if self.no_data.min(self.not_applicable) < self.baseline {
            out.push(format!("{}: having no data would cost points", self.name));
        }
        let ties = self.dimension == Some(Dimension::Relationships);
        if ties && (self.least() < 0 || self.baseline != 0) {
            out.push(format!("{}: ties may only add", self.name));
        }
        out
    }
}

/// What a scorecard was fitted to.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Development {
    /// How: `woe` or `boost`.
    pub method: String,
    /// The version of the program that fitted it.
    pub program: String,
    /// The seed.
    pub seed: u64,
    /// SHA-256 of the table.
    pub data: String,
    /// The outcome's column, and the value that means bad.
    pub outcome: [String; 2],
    /// Rows.
    pub rows: u64,
    /// Those that went bad.
    pub bads: u64,
    /// Whether any of the rows was made up: such a scorecard is for demonstrations only.
    #[serde(default)]
    pub synthetic: bool,
    /// The nine scores between the tenths of the rows.
    pub deciles: Vec<i32>,
    /// How many rows scored below, between and above the deciles, equal deciles taken once: with
    /// ties a tenth is not a tenth.
    pub tenths: Vec<u64>,
}

impl Development {
    /// How many of `scores` are in each cell between the deciles.
    pub fn tenths_of(deciles: &[i32], scores: &[i32]) -> Vec<u64> {
        let mut cuts = deciles.to_vec();
        cuts.dedup();
        let mut counts = vec![0; cuts.len() + 1];
        for score in scores {
            let cell = cuts.partition_point(|cut| cut <= score);
            counts[cell] += 1;
        }
        counts
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    id: String,
    version: String,
    status: Status,
    validated_for: Vec<String>,
    target: String,
    #[serde(default)]
    inquiry_reason: String,
    #[serde(default)]
    month_turn_points_max: i32,
    scale: Scale,
    assessable: Option<Assessable>,
    #[serde(default)]
    reference_income: BTreeMap<Currency, i64>,
    band: Vec<Band>,
    characteristic: Vec<Entry>,
    #[serde(default)]
    pair: Vec<Pair>,
    development: Option<Development>,
}

/// A scorecard that has been read and checked.
#[derive(Clone)]
pub struct Scorecard {
    /// Its id.
    pub id: String,
    /// Its version.
    pub version: String,
    /// How far it may be trusted.
    pub status: Status,
    /// The scenarios it was validated for; no probability is given for any other.
    pub validated_for: Vec<String>,
    /// What is being predicted, in words.
    pub target: String,
    /// The reason code of inquiries, shown as a fifth reason when it is not among the four.
    pub inquiry_reason: String,
    /// By how many points, at most, the turn of a month moves a score when no entry comes. Within
    /// a month nothing moves.
    pub month_turn_points_max: i32,
    /// The scale.
    pub scale: Scale,
    /// When a person can be assessed.
    pub assessable: Assessable,
    /// Reference monthly income by currency, whole major units: what amounts are related to, so
    /// that the same bins serve every currency.
    pub reference_income: BTreeMap<Currency, i64>,
    /// The bands, lowest first.
    pub bands: Vec<Band>,
    /// The characteristics, in the order of the file.
    pub characteristics: Vec<Entry>,
    /// Two-way tables over the characteristics; none in production.
    pub pairs: Vec<Pair>,
    /// What it was fitted to, where it was fitted.
    pub development: Option<Development>,
    /// SHA-256 of the file.
    pub digest: Digest,
    bound: Vec<Option<&'static Characteristic>>,
    extremes: Vec<(i32, i32)>,
    probability: Vec<u32>,
}

impl Scorecard {
    /// Reads a production scorecard: the form, the catalogue, and that silence costs nothing.
    ///
    /// # Errors
    /// When it is not TOML of this shape, or breaks any rule; every broken rule is listed.
    pub fn load(bytes: &[u8]) -> Result<Scorecard, ScoreError> {
        let (scorecard, mut problems) = Self::parse(bytes)?;
        problems.extend(scorecard.production_problems());
        problems.extend(scorecard.characteristics.iter().flat_map(Entry::production_problems));
        let ties = scorecard.characteristics.iter();
        let ties = ties.filter(|e| e.dimension == Some(Dimension::Relationships));
        if ties.map(Entry::most).sum::<i32>() > TIES_POINTS_MAX {
            problems.push(format!("ties may add at most {TIES_POINTS_MAX} points"));
        }
        if problems.is_empty() {
            Ok(scorecard)
        } else {
            Err(ScoreError::ScorecardInvalid(problems))
        }
    }

    /// Reads a scorecard whose characteristics may be columns of any table (the laboratory's):
    /// the form alone is checked. Characteristics of the catalogue are read from the columns that
    /// a training table has of them.
    ///
    /// # Errors
    /// When it is not TOML of this shape, or breaks a rule of form.
    pub fn read(bytes: &[u8]) -> Result<Scorecard, ScoreError> {
        let (mut scorecard, problems) = Self::parse(bytes)?;
        scorecard.characteristics.iter_mut().for_each(Entry::read_from_a_table);
        if problems.is_empty() {
            Ok(scorecard)
        } else {
            Err(ScoreError::ScorecardInvalid(problems))
        }
    }

    fn parse(bytes: &[u8]) -> Result<(Scorecard, Vec<String>), ScoreError> {
        let unreadable = |e: &dyn std::fmt::Display| ScoreError::Unreadable(e.to_string());
        let text = std::str::from_utf8(bytes).map_err(|e| unreadable(&e))?;
        let file: File = toml::from_str(text).map_err(|e| unreadable(&e))?;
        let mut problems = file.scale.problems();
        problems.extend(band_problems(&file.band, &file.scale));
        problems.extend(file_problems(&file));
        // A table is built from a scale that holds only.
        let probability = if problems.is_empty() { file.scale.table() } else { Vec::new() };
        let bound = file.characteristic.iter().map(|e| characteristic::find(&e.name)).collect();
        let extremes = file.characteristic.iter().map(|e| (e.least(), e.most())).collect();
        let scorecard = Scorecard {
            id: file.id,
            version: file.version,
            status: file.status,
            validated_for: file.validated_for,
            target: file.target,
            inquiry_reason: file.inquiry_reason,
            month_turn_points_max: file.month_turn_points_max,
            scale: file.scale,
            assessable: file.assessable.unwrap_or(Assessable::NEVER),
            reference_income: file.reference_income,
            bands: file.band,
            characteristics: file.characteristic,
            pairs: file.pair,
            development: file.development,
            digest: sha256(bytes),
            bound,
            extremes,
            probability,
        };
        Ok((scorecard, problems))
    }

    /// What production asks of the whole: rules for who can be assessed, and nothing that only a
    /// table of the laboratory can feed.
    fn production_problems(&self) -> Vec<String> {
        let mut out = self.scale.production_problems();
        let mut need = |holds: bool, what: &str| {
            if !holds {
                out.push(what.to_string());
            }
        };
        need(self.assessable != Assessable::NEVER, "there are no rules for who is assessable");
        need(!self.inquiry_reason.trim().is_empty(), "there is no code for inquiries");
        need(self.pairs.is_empty(), "two-way tables are not scored in production");
        out
    }

    /// Each entry with the characteristic of the catalogue that it names, if any.
    pub fn entries(&self) -> impl Iterator<Item = (&Entry, Option<&'static Characteristic>)> {
        self.characteristics.iter().zip(self.bound.iter().copied())
    }

    /// Each entry with the fewest and the most points it can give.
    pub(super) fn extremes(&self) -> impl Iterator<Item = (&Entry, (i32, i32))> {
        self.characteristics.iter().zip(self.extremes.iter().copied())
    }

    /// The score of a person at the population mean in everything.
    pub fn neutral(&self) -> i64 {
        let baselines = self.characteristics.iter().map(|e| i64::from(e.baseline)).sum::<i64>();
        i64::from(self.scale.base_points)
            + baselines
            + self.pairs.iter().map(Pair::mean).sum::<i64>()
    }

    /// The band a score lies in.
    pub fn band(&self, score: i32) -> &str {
        let band = self.bands.iter().rev().find(|band| band.from <= score);
        band.or(self.bands.first()).map_or("", |band| band.name.as_str())
    }

    /// The band above a score; `None` in the highest.
    pub fn next_band(&self, score: i32) -> Option<&Band> {
        self.bands.iter().find(|band| band.from > score)
    }

    /// What the scale says of a score: probability of bad in parts per million. Whether it may be
    /// told is another question: see [`Scorecard::probability_for`].
    pub fn probability_bad(&self, score: i32) -> u32 {
        self.probability_of_total(i64::from(score) * i64::from(self.scale.unit))
    }

    /// The same for a sum of points, which is finer than a score where the scale has a unit.
    pub fn probability_of_total(&self, total: i64) -> u32 {
        let unit = i64::from(self.scale.unit);
        let last = i64::from(self.scale.max - self.scale.min) * unit;
        let place = (total - i64::from(self.scale.min) * unit).clamp(0, last);
        self.probability.get(place as usize).copied().unwrap_or(0)
    }

    /// The probability of bad, where the scorecard was validated for the scenario.
    pub fn probability_for(&self, scenario: &str, score: i32) -> Option<u32> {
        let validated = self.validated_for.iter().any(|s| s == scenario);
        validated.then(|| self.probability_bad(score))
    }

    /// Reference monthly income in a currency's minor units.
    pub fn reference_income_minor(&self, currency: Currency) -> Option<i64> {
        let major = self.reference_income.get(&currency)?;
        Some(major.saturating_mul(10_i64.pow(currency.decimals())))
    }
}

fn file_problems(file: &File) -> Vec<String> {
    let unit = file.scale.unit.clamp(1, UNIT_MAX);
    let entries = file.characteristic.iter();
    let mut out: Vec<String> = entries.flat_map(|entry| entry.problems(unit)).collect();
    out.extend(file.pair.iter().flat_map(|pair| pair.problems(&file.characteristic, unit)));
    let mut need = |holds: bool, what: &str| {
        if !holds {
            out.push(what.to_string());
        }
    };
    let texts = [&file.id, &file.version, &file.target];
    need(texts.iter().all(|text| !text.trim().is_empty()), "id, version or target is empty");
    need(!file.characteristic.is_empty(), "there are no characteristics");
    let names: BTreeSet<_> = file.characteristic.iter().map(|e| &e.name).collect();
    need(names.len() == file.characteristic.len(), "a characteristic stands twice");
    need(file.month_turn_points_max >= 0, "month_turn_points_max is negative");
    let reference = file.reference_income.values().all(|v| (1..=1_000_000_000).contains(v));
    need(reference, "a reference income is out of range");
    let baselines = file.characteristic.iter().map(|e| i64::from(e.baseline)).sum::<i64>();
    let pairs = file.pair.iter().map(Pair::mean).sum::<i64>();
    let neutral = baselines + pairs + i64::from(file.scale.base_points);
    need(!file.scale.clamp(neutral).1, "a neutral person's score lies outside the range");
    out
}
