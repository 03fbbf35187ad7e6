//! Scenarios: what may be asked, and what an asker learns, read from `policies/scenarios.toml`.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::pack::{DIMENSIONS, Mark, Pack};
use super::source::{Fault, Files, SCENARIOS, toml_fault};
use super::words::words;

/// The scale's ends; a threshold lies between them.
const SCORES: std::ops::RangeInclusive<u16> = 350..=950;
/// The longest a consent may be limited to, in hours (ten years).
const CONSENT_HOURS_MAX: u32 = 87_840;

words! {
    /// In which form a scenario is answered.
    Form {
        /// Yes, no, or can't say.
        Threshold = "threshold",
        /// The band.
        Band = "band",
        /// The score and what goes with it.
        Score = "score",
        /// Identity level and channels; no credit data.
        IdentityLevel = "identity_level",
        /// The whole file.
        File = "file",
    }
}

words! {
    /// Whether an inquiry leaves a mark that others see.
    Pull {
        /// Seen by the person only, never scored.
        Soft = "soft",
        /// Counts for later scores.
        Hard = "hard",
    }
}

words! {
    /// What an answer may contain beside its form.
    Disclosure {
        /// Whether the contracted threshold is met.
        MeetsThreshold = "meets_threshold",
        /// The band.
        Band = "band",
        /// The score.
        Score = "score",
        /// Points per dimension.
        Dimensions = "dimensions",
        /// Reasons.
        Reasons = "reasons",
        /// How complete the file is.
        Completeness = "completeness",
        /// Whether something is disputed.
        Disputed = "disputed",
        /// Whether the person warned of fraud.
        FraudAlert = "fraud_alert",
        /// Identity level.
        Level = "level",
        /// Channels the identity was checked by.
        Channels = "channels",
        /// Everything on file.
        File = "file",
    }
}

impl Form {
    /// What an answer in this form must disclose, and all it may.
    fn bounds(self) -> (Disclosure, &'static [Disclosure]) {
        use Disclosure as D;
        match self {
            Form::Threshold => (D::MeetsThreshold, &[D::MeetsThreshold]),
            Form::Band => (D::Band, &[D::Band]),
            Form::Score => (
                D::Score,
                &[
                    D::Score,
                    D::Band,
                    D::Dimensions,
                    D::Reasons,
                    D::Completeness,
                    D::Disputed,
                    D::FraudAlert,
                ],
            ),
            Form::IdentityLevel => (D::Level, &[D::Level, D::Channels]),
            Form::File => (D::File, D::ALL),
        }
    }

    /// Whether two packs may answer one scenario in these two forms: only forms of the score can
    /// be narrowed into each other.
    fn narrows_with(self, other: Form) -> bool {
        let graded = |form| matches!(form, Form::Threshold | Form::Band | Form::Score);
        self == other || (graded(self) && graded(other))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CatalogueFile {
    sectors: Sectors,
    #[serde(default)]
    probing: Probing,
    #[serde(default)]
    merchants: Merchants,
    #[serde(default)]
    conduct: Conduct,
    scenario: BTreeMap<String, ScenarioFile>,
}

/// What the catalogue says beside its scenarios.
#[derive(Debug)]
pub(super) struct Catalogue {
    pub(super) sectors: Sectors,
    pub(super) probing: Probing,
    pub(super) merchants: Merchants,
    pub(super) conduct: Conduct,
}

/// Small merchants, who apply by themselves. Where the catalogue says nothing nobody may.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Merchants {
    /// The trades that may.
    pub sectors: Vec<String>,
    /// Applications that wait for staff at the same time, from everybody.
    pub pending_max: u64,
    /// Signed requests of one minute.
    pub requests_per_minute: u32,
    /// Inquiries on record of one day (UTC).
    pub inquiries_per_day: u32,
}

/// What is held against a partner, and when it is too much.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Conduct {
    /// Points of each kind of event.
    pub points: BTreeMap<String, u64>,
    /// Days within which they are added up.
    pub window_days: i64,
    /// Points that suspend a small merchant; of every other partner staff decides.
    pub limit: u64,
}

/// When asking at many thresholds is probing: a yes or no at each of them would tell the score.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Probing {
    /// Different thresholds that one asker has answered about one person.
    pub thresholds_max: usize,
    /// Days within which they are counted.
    pub window_days: i64,
    /// Refusals for it within a day that suspend the asker.
    pub refusals_max: u64,
    /// Days for which a contracted threshold stands.
    pub contract_days_min: i64,
}

impl Default for Probing {
    fn default() -> Probing {
        Probing { thresholds_max: 3, window_days: 90, refusals_max: 5, contract_days_min: 30 }
    }
}

impl Probing {
    fn is_senseless(&self) -> bool {
        self.thresholds_max == 0
            || self.refusals_max == 0
            || self.window_days < 1
            || self.contract_days_min < 1
    }
}

/// The sectors a partner can be of.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Sectors {
    lenders: Vec<String>,
    others: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ScenarioFile {
    title: String,
    title_zh: String,
    everyday: Option<String>,
    #[serde(default)]
    purpose: String,
    refused: Option<String>,
    form: Option<Form>,
    pull: Option<Pull>,
    #[serde(default)]
    discloses: Vec<Disclosure>,
    #[serde(default)]
    lender_codes: bool,
    #[serde(default)]
    lenders_only: bool,
    #[serde(default)]
    needs: Vec<String>,
    threshold: Option<u16>,
    #[serde(default)]
    new_credit: bool,
    #[serde(default)]
    mutual: bool,
    #[serde(default)]
    use_days: u16,
    #[serde(default)]
    single_use: bool,
    #[serde(default)]
    outcome_required: bool,
    #[serde(default)]
    adverse_action: bool,
    consent_hours_max: Option<u32>,
    #[serde(default, rename = "in")]
    rows: BTreeMap<String, RowFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RowFile {
    allowed: bool,
    reason: Option<String>,
    form: Option<Form>,
    pull: Option<Pull>,
    discloses: Option<Vec<Disclosure>>,
    adverse_action: Option<bool>,
    new_credit: Option<bool>,
    consent_hours_max: Option<u32>,
    #[serde(default)]
    purposes: Vec<String>,
    source: String,
    mark: Mark,
}

/// One question that may be asked.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// Its name on the wire.
    pub name: String,
    /// What a person reads.
    pub title: String,
    /// The same in Chinese.
    pub title_zh: String,
    /// Which of the thirteen everyday uses it is, if one.
    pub everyday: Option<String>,
    /// What the answer may be used for; empty when it is refused everywhere.
    pub purpose: String,
    /// Why it is refused everywhere, if it is.
    pub refused: Option<String>,
    /// The asker hears its own refusal codes; others hear `not_assessable`.
    pub lender_codes: bool,
    /// Open to lenders only.
    pub lenders_only: bool,
    /// Dimensions without which it cannot be answered.
    pub needs: Vec<String>,
    /// The threshold a contract starts from; present with the form `threshold`.
    pub threshold: Option<u16>,
    /// Two persons learn of each other: both must have consented to the same asker.
    pub mutual: bool,
    /// Days for which an answer may be used.
    pub use_days: u16,
    /// A consent for it is for one time.
    pub single_use: bool,
    /// The asker owes a report of the outcome.
    pub outcome_required: bool,
    rows: BTreeMap<String, Row>,
}

/// A scenario in one pack.
#[derive(Clone, Debug)]
pub struct Row {
    /// Whether it is answered there.
    pub allowed: bool,
    /// Why not, where it is not.
    pub reason: Option<String>,
    /// In which form.
    pub form: Form,
    /// Whether it leaves a mark that others see.
    pub pull: Pull,
    /// What the answer contains.
    pub discloses: Vec<Disclosure>,
    /// Whether a decision against the person owes them a notice.
    pub adverse_action: bool,
    /// Whether it opens new credit: a freeze bars it.
    pub new_credit: bool,
    /// The longest a consent for it may last, in hours.
    pub consent_hours_max: Option<u32>,
    /// Permissible purposes it may rest on.
    pub purposes: Vec<String>,
    /// The provision.
    pub source: String,
    /// How certain.
    pub mark: Mark,
}

/// What a scenario owes and discloses where several packs apply: always the narrower.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScenarioTerms {
    /// Its name on the wire.
    pub name: String,
    /// The narrowest form.
    pub form: Form,
    /// Hard if it is hard anywhere.
    pub pull: Pull,
    /// What every pack discloses.
    pub discloses: Vec<Disclosure>,
    /// A notice is owed if any pack owes one.
    pub adverse_action: bool,
    /// The shortest bound on a consent, in hours.
    pub consent_hours_max: Option<u32>,
    /// Permissible purposes of any pack.
    pub purposes: Vec<String>,
    /// See [`Scenario::lender_codes`].
    pub lender_codes: bool,
    /// See [`Scenario::needs`].
    pub needs: Vec<String>,
    /// The default; the contract's own value comes first.
    pub threshold: Option<u16>,
    /// See [`Scenario::single_use`].
    pub single_use: bool,
    /// See [`Scenario::outcome_required`].
    pub outcome_required: bool,
}

impl ScenarioTerms {
    /// Whether an answer may contain `item`.
    pub fn discloses(&self, item: Disclosure) -> bool {
        self.discloses.contains(&item)
    }
}

impl Scenario {
    /// The scenario in one pack; `None` when it is refused everywhere or the pack is unknown.
    pub fn row(&self, pack: &str) -> Option<&Row> {
        self.rows.get(pack)
    }

    /// Why it is refused under any of `packs`.
    pub fn reason_refused<'a>(
        &'a self,
        packs: impl IntoIterator<Item = &'a str>,
    ) -> Option<&'a str> {
        self.refused.as_deref().or_else(|| {
            packs
                .into_iter()
                .filter_map(|pack| self.row(pack))
                .find_map(|row| row.reason.as_deref())
        })
    }

    /// What it owes and discloses under all of `packs`; `None` when one of them refuses it.
    pub fn terms<'a>(&self, packs: impl IntoIterator<Item = &'a str>) -> Option<ScenarioTerms> {
        let rows: Vec<&Row> = packs
            .into_iter()
            .map(|pack| self.row(pack).filter(|row| row.allowed))
            .collect::<Option<_>>()?;
        let form = rows.iter().map(|row| row.form).min()?;
        let narrowest: Vec<&&Row> = rows.iter().filter(|row| row.form == form).collect();
        let by_all = |item: &Disclosure| narrowest.iter().all(|row| row.discloses.contains(item));
        Some(ScenarioTerms {
            name: self.name.clone(),
            form,
            pull: rows.iter().map(|row| row.pull).max()?,
            discloses: Disclosure::ALL.iter().copied().filter(by_all).collect(),
            adverse_action: rows.iter().any(|row| row.adverse_action),
            consent_hours_max: rows.iter().filter_map(|row| row.consent_hours_max).min(),
            purposes: rows.iter().flat_map(|row| row.purposes.clone()).collect(),
            lender_codes: self.lender_codes,
            needs: self.needs.clone(),
            threshold: self.threshold.filter(|_| form == Form::Threshold),
            single_use: self.single_use,
            outcome_required: self.outcome_required,
        })
    }
}

impl Sectors {
    pub(super) fn is_known(&self, name: &str) -> bool {
        self.is_lender(name) || self.others.iter().any(|sector| sector == name)
    }

    pub(super) fn is_lender(&self, name: &str) -> bool {
        self.lenders.iter().any(|sector| sector == name)
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.lenders.iter().chain(&self.others).map(String::as_str)
    }
}

/// Reads and checks the catalogue against the packs.
pub(super) fn read(
    files: &Files,
    packs: &BTreeMap<String, Pack>,
    faults: &mut Vec<Fault>,
) -> Option<(Catalogue, BTreeMap<String, Scenario>)> {
    let text = files.text(SCENARIOS)?;
    let file: CatalogueFile = match toml::from_str(text) {
        Ok(file) => file,
        Err(error) => {
            faults.push(toml_fault(SCENARIOS, text, &error));
            return None;
        }
    };
    let mut wrong = |needle: &str, message: String| {
        let line = files.line_with(SCENARIOS, needle);
        faults.push(Fault { file: SCENARIOS.to_string(), line, message });
    };
    if let Some(twice) = file.sectors.lenders.iter().find(|name| file.sectors.others.contains(name))
    {
        wrong("[sectors]", format!("`{twice}` is a lender and another"));
    }
    let mut scenarios = BTreeMap::new();
    for (name, scenario) in file.scenario {
        let needle = format!("[scenario.{name}]");
        for message in check(&scenario, packs) {
            wrong(&needle, message);
        }
        scenarios.insert(name.clone(), build(name, scenario));
    }
    for scenario in scenarios.values().filter(|scenario| scenario.refused.is_none()) {
        for message in check_rows(scenario) {
            wrong(&format!("[scenario.{}.in]", scenario.name), message);
        }
    }
    if !scenarios.contains_key("self") {
        wrong("", "the scenario `self` is missing: a person always sees their file".into());
    }
    if file.probing.is_senseless() {
        wrong("[probing]", "every number is at least 1".to_string());
    }
    for sector in file.merchants.sectors.iter().filter(|name| !file.sectors.is_known(name)) {
        wrong("[merchants]", format!("`{sector}` is no sector"));
    }
    let conduct = &file.conduct;
    let counted = conduct.points.values().all(|points| *points > 0);
    if !conduct.points.is_empty() && (!counted || conduct.limit == 0 || conduct.window_days < 1) {
        wrong("[conduct]", "every number is at least 1".to_string());
    }
    let CatalogueFile { sectors, probing, merchants, conduct, .. } = file;
    Some((Catalogue { sectors, probing, merchants, conduct }, scenarios))
}

fn check(scenario: &ScenarioFile, packs: &BTreeMap<String, Pack>) -> Vec<String> {
    let mut wrong = Vec::new();
    if let Some(reason) = &scenario.refused {
        if reason.is_empty() {
            wrong.push("a refused scenario says why".to_string());
        }
        if scenario.form.is_some() || scenario.pull.is_some() || !scenario.rows.is_empty() {
            wrong.push("a refused scenario has neither form nor rows".to_string());
        }
        return wrong;
    }
    if scenario.form.is_none() || scenario.pull.is_none() {
        wrong.push("a scenario has a form and a pull".to_string());
    }
    if scenario.purpose.trim().is_empty() {
        wrong.push("a scenario says what its answer may be used for".to_string());
    }
    if scenario.use_days == 0 {
        wrong.push("a scenario says for how many days its answer may be used".to_string());
    }
    for name in scenario.needs.iter().filter(|name| !DIMENSIONS.contains(&name.as_str())) {
        wrong.push(format!("there is no dimension `{name}`"));
    }
    for id in packs.keys().filter(|id| !scenario.rows.contains_key(*id)) {
        wrong.push(format!("there is no row for the pack `{id}`"));
    }
    for (id, row) in &scenario.rows {
        if !packs.contains_key(id) {
            wrong.push(format!("there is no pack `{id}`"));
        }
        if row.allowed == row.reason.is_some() {
            wrong.push(format!("`{id}`: a refused row says why, an allowed one does not"));
        }
    }
    wrong
}

fn build(name: String, file: ScenarioFile) -> Scenario {
    // Without a form (a fault of its own) the narrowest stands in until the faults are reported.
    let form = file.form.unwrap_or(Form::Threshold);
    let pull = file.pull.unwrap_or(Pull::Soft);
    let row = |row: RowFile| Row {
        allowed: row.allowed,
        reason: row.reason,
        form: row.form.unwrap_or(form),
        pull: row.pull.unwrap_or(pull),
        discloses: row.discloses.unwrap_or_else(|| file.discloses.clone()),
        adverse_action: row.adverse_action.unwrap_or(file.adverse_action),
        new_credit: row.new_credit.unwrap_or(file.new_credit),
        consent_hours_max: row.consent_hours_max.or(file.consent_hours_max),
        purposes: row.purposes,
        source: row.source,
        mark: row.mark,
    };
    Scenario {
        name,
        title: file.title,
        title_zh: file.title_zh,
        everyday: file.everyday,
        purpose: file.purpose,
        refused: file.refused,
        lender_codes: file.lender_codes,
        lenders_only: file.lenders_only,
        needs: file.needs,
        threshold: file.threshold,
        mutual: file.mutual,
        use_days: file.use_days,
        single_use: file.single_use,
        outcome_required: file.outcome_required,
        rows: file.rows.into_iter().map(|(id, file)| (id, row(file))).collect(),
    }
}

fn check_rows(scenario: &Scenario) -> Vec<String> {
    let mut wrong = Vec::new();
    let first = scenario.rows.values().next().map(|row| row.form);
    for (id, row) in &scenario.rows {
        let (least, most) = row.form.bounds();
        let form = row.form.name();
        if !row.discloses.contains(&least) {
            wrong.push(format!("`{id}`: the form `{form}` discloses `{}`", least.name()));
        }
        for item in row.discloses.iter().filter(|item| !most.contains(item)) {
            wrong.push(format!("`{id}`: the form `{form}` never discloses `{}`", item.name()));
        }
        if first.is_some_and(|first| !first.narrows_with(row.form)) {
            wrong.push(format!("`{id}`: `{form}` is another question than the other packs' form"));
        }
        if row.consent_hours_max.is_some_and(|hours| !(1..=CONSENT_HOURS_MAX).contains(&hours)) {
            wrong.push(format!("`{id}`: a consent lasts between 1 and {CONSENT_HOURS_MAX} hours"));
        }
    }
    let asks_threshold = scenario.rows.values().any(|row| row.form == Form::Threshold);
    if asks_threshold != scenario.threshold.is_some() {
        wrong.push("a threshold stands with the form `threshold`, and only there".to_string());
    }
    if scenario.threshold.is_some_and(|score| !SCORES.contains(&score)) {
        wrong.push("a threshold lies on the scale, 350 to 950".to_string());
    }
    wrong
}
