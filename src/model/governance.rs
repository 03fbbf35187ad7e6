//! The life of a scorecard in a bureau, step by step, each an entry of the log.
//!
//! ```text
//! drafted ──> validated ──> approved ──> filed ──> champion ──> retired
//!    │        (another      (two more     (authority, number,
//!    │         person)       people)       date)
//!    └─ fitted to made-up persons: demonstration ──> champion of a demonstration or sandbox only
//! ```
//!
//! What stands is the fold of the steps ([`Standing::take`]); what may come next is asked first
//! ([`refuse`]). Both are pure, so that the auditor derives the same standing from the log. Who the
//! people are is a list of names here: whoever knows the staff register judges them.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::score::scorecard::{Scorecard, Status};

/// How far a scorecard has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Registered.
    Draft,
    /// Fitted to made-up persons, or an expert's guess: never approved.
    Demonstration,
    /// Measured, by somebody else than who registered it.
    Validated,
    /// Two people stand for it.
    Approved,
    /// An authority was told.
    Filed,
    /// Out of use, for good.
    Retired,
}

impl State {
    /// The word in tables.
    pub fn name(self) -> &'static str {
        match self {
            State::Draft => "draft",
            State::Demonstration => "demonstration",
            State::Validated => "validated",
            State::Approved => "approved",
            State::Filed => "filed",
            State::Retired => "retired",
        }
    }
}

/// What a scorecard does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Nothing.
    None,
    /// It gives the scores.
    Champion,
    /// It scores in the shadow of the champion; nobody is told.
    Challenger,
}

impl Role {
    /// The word in tables.
    pub fn name(self) -> &'static str {
        match self {
            Role::None => "none",
            Role::Champion => "champion",
            Role::Challenger => "challenger",
        }
    }
}

/// What a monitor found, in thousandths: everything the log holds is whole numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watch {
    /// Scores looked at.
    pub scores: u64,
    /// Population stability index of the score.
    pub psi_milli: Option<i64>,
    /// The characteristic that moved most, and its index.
    pub worst: Option<(String, i64)>,
    /// Gini against outcomes that came later, and how many there were.
    pub gini_milli: Option<i64>,
    /// Outcomes known.
    pub outcomes: u64,
    /// What each challenger's Gini has above the champion's, on the same persons.
    #[serde(default)]
    pub challengers: Vec<(String, i64)>,
    /// `ok`, `look` or `act`; the worst of it and its editions.
    pub verdict: String,
    /// Why, where it is not ok.
    #[serde(default)]
    pub why: Vec<String>,
    /// The same of each edition that gave enough scores (a dimension is off there), by its name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub editions: Vec<(String, Watch)>,
}

impl Watch {
    /// Puts what was found of an edition beside it: the worse verdict holds.
    pub fn add_edition(&mut self, name: String, watch: Watch) {
        let order = ["ok", "look", "act"];
        let level = |verdict: &str| order.iter().position(|one| *one == verdict);
        if level(&watch.verdict) > level(&self.verdict) {
            self.verdict.clone_from(&watch.verdict);
        }
        self.why.extend(watch.why.iter().map(|why| format!("{name}: {why}")));
        self.editions.push((name, watch));
    }
}

/// One step: what the record part of its entry says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum Step {
    /// It is registered.
    Drafted {
        /// Its id and version.
        name: String,
        /// Whether it may never be more than a demonstration.
        demonstration: bool,
        /// Dimensions and characteristics: what an authority is told of.
        elements: BTreeSet<String>,
    },
    /// It was measured.
    Validated {
        /// SHA-256 of the figures.
        report: String,
        /// Gini found, in thousandths.
        gini_milli: i64,
        /// Why the fairness gate blocks it, where it does.
        blocked: Vec<String>,
    },
    /// Two people stand for it.
    Approved {
        /// The second of them.
        second: String,
        /// SHA-256 of the search for a less discriminatory scorecard, where one was needed.
        search: Option<String>,
    },
    /// An authority was told.
    Filed {
        /// Which.
        authority: String,
        /// Under which number.
        number: String,
        /// When.
        date: String,
    },
    /// It gives the scores from now on.
    Promoted,
    /// It scores in shadow from now on.
    Challenging,
    /// It was looked at.
    Monitored {
        /// What was found.
        watch: Watch,
    },
    /// It is taken out of use.
    Retired,
}

impl Step {
    /// The exact kind of its entry.
    pub fn kind(&self) -> &'static str {
        match self {
            Step::Drafted { .. } => "model_drafted",
            Step::Validated { .. } => "model_validated",
            Step::Approved { .. } => "model_approved",
            Step::Filed { .. } => "model_filed",
            Step::Promoted => "model_promoted",
            Step::Challenging => "model_challenging",
            Step::Monitored { .. } => "model_monitored",
            Step::Retired => "model_retired",
        }
    }
}

/// How a scorecard stands: the fold of its steps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// Its digest, hexadecimal.
    pub digest: String,
    /// Its id and version.
    pub name: String,
    /// How far it has come.
    pub state: State,
    /// What it does.
    pub role: Role,
    /// Dimensions and characteristics.
    pub elements: BTreeSet<String>,
    /// Who took each step: the step's kind and the names.
    pub by: Vec<(String, Vec<String>)>,
    /// Why the fairness gate blocks it.
    pub blocked: Vec<String>,
    /// Gini at validation, in thousandths.
    pub gini_milli: Option<i64>,
    /// Authority, number, date.
    pub filing: Option<[String; 3]>,
    /// What the last look found, and when, in microseconds.
    pub watch: Option<(i64, Watch)>,
}

impl Standing {
    /// How a scorecard stands that nobody has registered.
    pub fn unknown(digest: &str) -> Standing {
        Standing {
            digest: digest.to_string(),
            name: String::new(),
            state: State::Draft,
            role: Role::None,
            elements: BTreeSet::new(),
            by: Vec::new(),
            blocked: Vec::new(),
            gini_milli: None,
            filing: None,
            watch: None,
        }
    }

    /// Who took part in steps of a kind.
    fn people(&self, kind: &str) -> impl Iterator<Item = &str> {
        let steps = self.by.iter().filter(move |(of, _)| of == kind);
        steps.flat_map(|(_, names)| names).map(String::as_str)
    }

    /// Takes the next step, done by `by` at `at_us`.
    pub fn take(&mut self, step: &Step, by: &str, at_us: i64) {
        let mut names = vec![by.to_string()];
        match step {
            Step::Drafted { name, demonstration, elements } => {
                self.name.clone_from(name);
                self.state = if *demonstration { State::Demonstration } else { State::Draft };
                self.elements.clone_from(elements);
            }
            Step::Validated { gini_milli, blocked, .. } => {
                if self.state == State::Draft {
                    self.state = State::Validated;
                }
                self.gini_milli = Some(*gini_milli);
                self.blocked.clone_from(blocked);
            }
            Step::Approved { second, .. } => {
                self.state = State::Approved;
                names.push(second.clone());
            }
            Step::Filed { authority, number, date } => {
                self.state = State::Filed;
                self.filing = Some([authority.clone(), number.clone(), date.clone()]);
            }
            Step::Promoted => self.role = Role::Champion,
            Step::Challenging => self.role = Role::Challenger,
            Step::Monitored { watch } => {
                self.watch = Some((at_us, watch.clone()));
                return;
            }
            Step::Retired => (self.state, self.role) = (State::Retired, Role::None),
        }
        self.by.push((step.kind().to_string(), names));
    }
}

/// Takes a step of one scorecard into the standing of all: there is one champion at most.
pub fn fold(all: &mut BTreeMap<String, Standing>, digest: &str, step: &Step, by: &str, at_us: i64) {
    if *step == Step::Promoted {
        let former = all.values_mut().filter(|one| one.role == Role::Champion);
        former.for_each(|one| one.role = Role::None);
    }
    all.entry(digest.to_string())
        .or_insert_with(|| Standing::unknown(digest))
        .take(step, by, at_us);
}

/// What a step is taken in.
pub struct Setting<'a> {
    /// Whether real persons are scored here.
    pub live: bool,
    /// Who takes the step.
    pub by: &'a str,
    /// How every scorecard stands.
    pub all: &'a [Standing],
}

/// Why a step may not be taken: a stable code, and what to do.
pub type Refused = (&'static str, String);

/// Dimensions and characteristics of a scorecard.
pub fn elements(card: &Scorecard) -> BTreeSet<String> {
    let named = card.characteristics.iter();
    named.map(|e| format!("{}/{}", e.dimension.map_or("", |d| d.name()), e.name)).collect()
}

/// The first step of a scorecard: fitted to made-up persons, or to nothing, it is for
/// demonstrations.
pub fn drafted(card: &Scorecard) -> Step {
    let made_up = card.development.as_ref().is_none_or(|development| development.synthetic);
    Step::Drafted {
        name: format!("{} {}", card.id, card.version),
        demonstration: made_up || card.status == Status::Demonstration,
        elements: elements(card),
    }
}

/// A second person: somebody, and somebody else.
///
/// # Errors
/// It is nobody, or the same.
pub fn second_person(first: &str, second: &str) -> Result<(), Refused> {
    let (first, second) = (first.trim(), second.trim());
    if second.is_empty() || first.eq_ignore_ascii_case(second) {
        let text = "this needs a second person: name them by --approved-by";
        return Err(("second_person_needed", text.to_string()));
    }
    Ok(())
}

/// Whether a step may be taken.
///
/// # Errors
/// Why not, and what to do.
pub fn refuse(standing: &Standing, step: &Step, setting: &Setting<'_>) -> Result<(), Refused> {
    let refuse = |code: &'static str, text: &str| Err((code, format!("{}: {text}", standing.name)));
    let started = !standing.by.is_empty();
    if !matches!(step, Step::Drafted { .. }) && !started {
        return refuse("model_unknown", "it is not registered: use `fivefold model draft`");
    }
    if started && standing.state == State::Retired {
        return refuse("model_retired", "it was retired: register another");
    }
    match step {
        Step::Drafted { .. } if started => refuse("model_exists", "it is registered already"),
        Step::Drafted { .. } => Ok(()),
        Step::Validated { .. } => {
            if standing.people("model_drafted").any(|name| name == setting.by) {
                let text = "who registered it may not validate it: another person must";
                return refuse("model_needs_another_person", text);
            }
            Ok(())
        }
        Step::Approved { second, search } => approval(standing, setting, second, search.as_ref()),
        Step::Filed { authority, number, date } => {
            if [authority, number, date].iter().any(|text| text.trim().is_empty()) {
                return refuse("filing_incomplete", "give authority, number and date");
            }
            match standing.state {
                State::Approved | State::Filed => Ok(()),
                _ => refuse("model_not_approved", "only what is approved is filed"),
            }
        }
        Step::Promoted => release(standing, setting),
        Step::Challenging => match standing.state {
            State::Draft => {
                refuse("model_not_validated", "a challenger must be validated: `model attest`")
            }
            _ if standing.role == Role::Champion => {
                refuse("model_is_champion", "it is the champion: promote another first")
            }
            _ => Ok(()),
        },
        Step::Monitored { .. } => Ok(()),
        Step::Retired => Ok(()),
    }
}

fn approval(
    standing: &Standing,
    setting: &Setting<'_>,
    second: &str,
    search: Option<&String>,
) -> Result<(), Refused> {
    let refuse = |code: &'static str, text: &str| Err((code, format!("{}: {text}", standing.name)));
    match standing.state {
        State::Validated | State::Approved => {}
        State::Demonstration => {
            let text = "made-up persons are among those it was fitted to, or it was fitted to \
                        nothing: it serves in demonstrations only and cannot be approved";
            return refuse("model_is_demonstration", text);
        }
        State::Draft => {
            return refuse("model_not_validated", "measure it first: `fivefold model attest`");
        }
        State::Filed | State::Retired => {
            return refuse("model_approved_already", "it was approved before");
        }
    }
    second_person(setting.by, second)?;
    if standing.people("model_drafted").any(|name| name == setting.by || name == second) {
        let text = "who registered it may not approve it";
        return refuse("model_needs_another_person", text);
    }
    if !standing.blocked.is_empty() && search.is_none() {
        let text = format!(
            "the fairness gate blocks it ({}): file the search for a less discriminatory scorecard \
             by --search, and two people must sign",
            standing.blocked.join("; ")
        );
        return refuse("fairness_gate", &text);
    }
    Ok(())
}

/// Whether it may give the scores.
fn release(standing: &Standing, setting: &Setting<'_>) -> Result<(), Refused> {
    let refuse = |code: &'static str, text: &str| Err((code, format!("{}: {text}", standing.name)));
    if !setting.live {
        return match standing.state {
            State::Draft => {
                refuse("model_not_validated", "measure it first: `fivefold model attest`")
            }
            _ => Ok(()),
        };
    }
    match standing.state {
        State::Approved | State::Filed => {}
        State::Demonstration => {
            let text = "it is for demonstrations: real persons are not scored by it";
            return refuse("model_is_demonstration", text);
        }
        _ => return refuse("model_not_approved", "two people must approve it first"),
    }
    let filed = |other: &Standing| other.filing.is_some() && other.elements == standing.elements;
    if setting.all.iter().chain([standing]).any(filed) {
        return Ok(());
    }
    let text = "no filing names these dimensions and characteristics: what was not filed is not \
                released. File it: `fivefold model file`";
    refuse("model_not_filed", text)
}

#[cfg(test)]
mod tests;
