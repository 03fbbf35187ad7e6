//! Cases: what each rule does, as files that anyone can read and the program runs
//! (`policies/cases/*.toml`). A rule without a case is a rule that nobody has seen at work.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use serde::Deserialize;
use toml::Value;

use super::decide::{Decision, decide};
use super::facts::{Action, ActorKind, Applicant, Basis, Facts, Grant, Item, Roles, StaffRoles};
use super::named;
use super::retention::Overdue;
use super::rules::Rules;
use super::scenario::{Form, Pull};
use super::source::{Fault, toml_fault};
use crate::kernel::{Amount, Time};

/// Facts under which `action` by `kind` is in order: everything it owes is there, and nothing
/// stands against it. A case says what it changes.
pub fn in_order(action: Action, kind: ActorKind, packs: &[&str]) -> Facts {
    let mut facts = Facts::by(action, kind, packs.iter().copied());
    facts.licensed = true;
    facts.actor.holds_scenario = true;
    facts.actor.sector = "bank".into();
    facts.actor.is_the_person = kind == ActorKind::Person;
    if kind == ActorKind::Operator {
        facts.actor.reason_given = true;
        facts.actor.staff_known = true;
        facts.actor.staff = StaffRoles::ALL;
    }
    facts.actor.roles = match action {
        Action::Furnish | Action::AnswerDispute | Action::AnswerRequest => {
            Roles { furnisher: true, ..Roles::default() }
        }
        Action::Enrol => Roles { enroller: true, ..Roles::default() },
        Action::BindPersonKey => Roles { registrar: true, ..Roles::default() },
        Action::Inquire | Action::ReadAnswer | Action::ReportOutcome | Action::GiveConsent => {
            Roles { asker: true, ..Roles::default() }
        }
        _ => Roles { agent: true, ..Roles::default() },
    };
    facts.actor.mandate_covers_act = facts.actor.roles.agent;
    match action {
        Action::Inquire if kind == ActorKind::Person => facts.scenario = Some("self".into()),
        Action::Inquire => facts.scenario = Some("credit_application".into()),
        Action::GiveConsent => facts.scenario = Some("credit_application".into()),
        _ => {}
    }
    facts.basis = Basis {
        kind: super::facts::BasisKind::Consent,
        found: true,
        recipient_matches: true,
        subject_matches: true,
        purpose_matches: true,
        scenario_matches: true,
        covers_category: true,
        covers_dimension: true,
        covers_record: true,
        ..Basis::default()
    };
    facts.grant = Grant {
        recipient_named: true,
        notice_shown: true,
        evidence_valid: true,
        within_validity: true,
        onetime: true,
        ..Grant::default()
    };
    facts.applicant =
        Applicant { sector_allowed: true, scenario_allowed: true, licence_given: true };
    facts.person.known = true;
    facts.record.observation = "account_month";
    facts.record.dimension = "credit_history";
    facts.item = Item { found: true, own: true, ..Item::default() };
    facts
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseFile {
    #[serde(default)]
    case: Vec<DecisionCase>,
    #[serde(default)]
    clock: Vec<ClockCase>,
    #[serde(default)]
    hidden: Vec<HiddenCase>,
    #[serde(default)]
    deadline: Vec<DeadlineCase>,
}

/// May this be done? From facts in order, with what is changed.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DecisionCase {
    name: String,
    rule: String,
    action: Action,
    #[serde(default)]
    actor: Option<String>,
    packs: Vec<String>,
    scenario: Option<String>,
    #[serde(default)]
    with: BTreeMap<String, Value>,
    /// The first code; permitted when absent.
    code: Option<String>,
    /// What the asker hears in its place.
    told: Option<String>,
    /// How it is answered, when it is permitted.
    form: Option<Form>,
    pull: Option<Pull>,
    adverse_action: Option<bool>,
}

/// How long is it kept?
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClockCase {
    name: String,
    rule: String,
    event: Option<Date>,
    until: Option<Date>,
}

/// Is it hidden, and from when?
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HiddenCase {
    name: String,
    rule: String,
    began: Date,
    most: Amount,
    repaid: Option<Date>,
    hidden: Option<Date>,
}

/// By when?
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DeadlineCase {
    name: String,
    rule: String,
    from: Time,
    due: Time,
}

/// One case, run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ran {
    /// The file.
    pub file: String,
    /// What it shows, as a sentence.
    pub name: String,
    /// The rule it is about.
    pub rule: String,
    /// Whether it shows the rule at work, rather than silent.
    pub at_work: bool,
    /// What went otherwise than it says.
    pub fault: Option<String>,
}

/// All cases, run.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// The cases, by file and place.
    pub cases: Vec<Ran>,
    /// Files that do not read.
    pub faults: Vec<Fault>,
    /// Every rule, sorted.
    pub rules: Vec<String>,
    /// Rules without a case.
    pub uncovered: Vec<String>,
}

impl Report {
    /// Whether every case holds and every rule has one.
    pub fn is_clean(&self) -> bool {
        self.faults.is_empty()
            && self.uncovered.is_empty()
            && self.cases.iter().all(|case| case.fault.is_none())
    }

    /// The cases of a rule.
    pub fn of<'a>(&'a self, rule: &'a str) -> impl Iterator<Item = &'a Ran> {
        self.cases.iter().filter(move |case| case.rule == rule)
    }

    /// Rules with a case, in thousandths of all.
    pub fn coverage_permille(&self) -> u64 {
        let covered = self.rules.len().saturating_sub(self.uncovered.len()) as u64;
        covered * 1000 / (self.rules.len() as u64).max(1)
    }
}

/// Every rule that a case can be about: policies, clocks, suppressions, deadlines.
pub fn rule_ids(rules: &Rules) -> BTreeSet<String> {
    let mut ids: BTreeSet<String> = rules.policies().iter().map(|note| note.id.clone()).collect();
    for pack in rules.packs() {
        ids.extend(pack.retention.keeps.iter().map(|keep| keep.id.clone()));
        ids.extend(pack.retention.suppressions.iter().map(|rule| rule.id.clone()));
        ids.extend(pack.remedies().iter().flat_map(|r| &r.deadlines).map(|d| d.id.clone()));
    }
    ids
}

/// Runs the cases in `files` (path and text) against the rules.
pub fn run<'a>(rules: &Rules, files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Report {
    let ids = rule_ids(rules);
    let mut report = Report { rules: ids.iter().cloned().collect(), ..Report::default() };
    for (path, text) in files {
        let file: CaseFile = match toml::from_str(text) {
            Ok(file) => file,
            Err(error) => {
                report.faults.push(toml_fault(path, text, &error));
                continue;
            }
        };
        let mut add = |name: &str, rule: &str, at_work: bool, fault: Option<String>| {
            let fault = match ids.contains(rule) {
                true => fault,
                false => Some(format!("there is no rule `{rule}`")),
            };
            let (file, name, rule) = (path.to_string(), name.to_string(), rule.to_string());
            report.cases.push(Ran { file, name, rule, at_work, fault });
        };
        for case in &file.case {
            let permits = rules.policy(&case.rule).is_some_and(|note| note.code.is_none());
            let at_work = permits || case.code.is_some();
            add(&case.name, &case.rule, at_work, case.run(rules).err());
        }
        for case in &file.clock {
            add(&case.name, &case.rule, case.until.is_some(), case.run(rules).err());
        }
        for case in &file.hidden {
            add(&case.name, &case.rule, case.hidden.is_some(), case.run(rules).err());
        }
        for case in &file.deadline {
            add(&case.name, &case.rule, true, case.run(rules).err());
        }
    }
    let at_work = report.cases.iter().filter(|case| case.at_work && case.fault.is_none());
    let shown: BTreeSet<&str> = at_work.map(|case| case.rule.as_str()).collect();
    report.uncovered = ids.iter().filter(|id| !shown.contains(id.as_str())).cloned().collect();
    report
}

fn equal<T: PartialEq + std::fmt::Debug>(what: &str, is: T, says: T) -> Result<(), String> {
    match is == says {
        true => Ok(()),
        false => Err(format!("{what} is {is:?}, the case says {says:?}")),
    }
}

impl DecisionCase {
    fn facts(&self) -> Result<Facts, String> {
        let named = self.actor.as_deref().unwrap_or("partner");
        let kind = ActorKind::ALL.iter().find(|kind| kind.name().eq_ignore_ascii_case(named));
        let kind = kind.ok_or_else(|| format!("there is no actor `{named}`"))?;
        let packs: Vec<&str> = self.packs.iter().map(String::as_str).collect();
        let mut facts = in_order(self.action, *kind, &packs);
        if self.scenario.is_some() {
            facts.scenario.clone_from(&self.scenario);
        }
        for (name, value) in &self.with {
            let value = match value {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            named::state(&mut facts, name, &value)?;
        }
        Ok(facts)
    }

    fn run(&self, rules: &Rules) -> Result<(), String> {
        let facts = self.facts()?;
        let refusal = match decide(rules, &facts) {
            Decision::Permit(permit) => {
                let terms = permit.spend();
                equal("the outcome", None, self.code.as_deref())?;
                let named = terms.policies.contains(&self.rule) || self.is_silent(rules);
                if !named {
                    return Err(format!("it was permitted by {}", terms.policies.join(", ")));
                }
                let scenario = terms.scenario.as_ref();
                if self.form.is_some() {
                    equal("the form", scenario.map(|s| s.form), self.form)?;
                }
                if self.pull.is_some() {
                    equal("the pull", scenario.map(|s| s.pull), self.pull)?;
                }
                if self.adverse_action.is_some() {
                    let owed = scenario.map(|s| s.adverse_action);
                    equal("whether a notice is owed", owed, self.adverse_action)?;
                }
                return Ok(());
            }
            Decision::Refusal(refusal) => refusal,
        };
        equal("the code", Some(refusal.code()), self.code.as_deref())?;
        if !refusal.policies().contains(&self.rule.as_str()) {
            return Err(format!("it was refused by {}", refusal.policies().join(", ")));
        }
        if let Some(told) = &self.told {
            equal("what is told", refusal.outward(rules).code.as_str(), told.as_str())?;
        }
        Ok(())
    }

    /// Whether the case shows that a `forbid` stays silent.
    fn is_silent(&self, rules: &Rules) -> bool {
        self.code.is_none() && rules.policy(&self.rule).is_some_and(|note| note.code.is_some())
    }
}

impl ClockCase {
    fn run(&self, rules: &Rules) -> Result<(), String> {
        let keeps = rules.packs().flat_map(|pack| &pack.retention.keeps);
        let keep = keeps.into_iter().find(|keep| keep.id == self.rule);
        let keep = keep.ok_or("it is not a clock")?;
        equal("the last day and one", keep.until(self.event), self.until)
    }
}

impl HiddenCase {
    fn run(&self, rules: &Rules) -> Result<(), String> {
        let all = rules.packs().flat_map(|pack| &pack.retention.suppressions);
        let rule = all.into_iter().find(|rule| rule.id == self.rule);
        let rule = rule.ok_or("it hides nothing")?;
        let same = self.most.currency == rule.amount_max.currency;
        let most_minor = same.then_some(self.most.minor);
        let spell = Overdue { began: self.began, most_minor, repaid: self.repaid };
        equal("the day from which it is hidden", rule.hidden_from(&spell), self.hidden)
    }
}

impl DeadlineCase {
    fn run(&self, rules: &Rules) -> Result<(), String> {
        let of_pack = |pack: &super::pack::Pack| {
            let deadlines = pack.remedies().map(|r| r.deadlines.clone()).unwrap_or_default();
            let found = deadlines.into_iter().find(|deadline| deadline.id == self.rule)?;
            Some(found.due(self.from, pack.utc_offset_hours))
        };
        let due = rules.packs().find_map(of_pack).ok_or("it is not a deadline")?;
        equal("it", due, self.due)
    }
}
