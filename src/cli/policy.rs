//! `policy`: the rules, checked and asked.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::config::Config;
use super::output::{self, Done, Failure};
use super::{Place, Shape};
use crate::kernel::bytes::hex;
use crate::policy::{
    Action, ActorKind, Decision, Facts, Mark, Refusal, Rules, Terms, cases, decide, law, named,
};

/// Arguments of `policy`.
#[derive(Args)]
pub struct PolicyArgs {
    #[command(subcommand)]
    act: Act,
}

#[derive(Subcommand)]
enum Act {
    /// Read and cross-check a folder of rules, or those in force, and run every case
    Check(CheckArgs),
    /// Ask the rules for a decision on stated facts: may X do Y, and which rule says so
    Explain(ExplainArgs),
    /// Print the law as a page: obligation, rule, case, and what is not covered
    Law(LawArgs),
}

#[derive(Args)]
#[command(after_help = "\
Reads every pack, policy and catalogue, validates the policies against the schema and the catalogues
against each other, runs every case of `cases/*.toml`, and asks that every rule has one. Lists every
fault with file and line, and exits 1 when there is one.

Examples:
  fivefold policy check
  fivefold policy check policies")]
struct CheckArgs {
    /// A folder of rules [default: the one configured, else those compiled in]
    rules: Option<PathBuf>,
    /// List every rule with its cases
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    shape: Shape,
}

#[derive(Args)]
struct LawArgs {
    /// A folder of rules [default: the one configured, else those compiled in]
    rules: Option<PathBuf>,
}

#[derive(Args)]
#[command(after_help = "\
A fact that is not stated is false, so that nothing is permitted by silence; with --in-order,
everything that the act owes is there, and what is stated is changed. Exit 0 permitted, 1 refused,
with every rule that refused and where it comes from.

Examples:
  fivefold policy explain --in-order --action inquire --scenario hotel_deposit --pack cn
  fivefold policy explain --in-order --action inquire --scenario tenancy --pack eu
  fivefold policy explain --in-order --action furnish --pack cn --fact record.adverse=true
  fivefold policy explain --in-order --action erase --actor person --pack us

The names of all facts: `fivefold policy explain --facts`.")]
struct ExplainArgs {
    /// What is to be done: inquire, furnish, enrol, give_consent, see_file, look_up, …
    #[arg(long, required_unless_present = "facts")]
    action: Option<String>,
    /// partner, person, operator or anyone
    #[arg(long, default_value = "partner")]
    actor: String,
    /// The scenario that is named
    #[arg(long)]
    scenario: Option<String>,
    /// Rule pack that applies; repeat for several
    #[arg(long = "pack", value_name = "ID", default_value = "cn")]
    packs: Vec<String>,
    /// Begin with everything that the act owes
    #[arg(long)]
    in_order: bool,
    /// A fact; repeat for several
    #[arg(long = "fact", value_name = "NAME=VALUE")]
    stated: Vec<String>,
    /// List the names of all facts and end
    #[arg(long)]
    facts: bool,
    /// A folder of rules [default: the one configured, else those compiled in]
    #[arg(long, value_name = "DIR")]
    rules: Option<PathBuf>,
    #[command(flatten)]
    shape: Shape,
}

/// `fivefold policy …`.
pub fn run(place: &Place, args: &PolicyArgs) -> Done {
    match &args.act {
        Act::Check(args) => check(place, args),
        Act::Explain(args) => explain(place, args),
        Act::Law(args) => print_law(place, args),
    }
}

fn folder(place: &Place, stated: Option<&PathBuf>) -> Result<Option<PathBuf>, Failure> {
    match stated {
        Some(folder) => Ok(Some(folder.clone())),
        None => Ok(Config::load(place)?.policies),
    }
}

fn load(folder: Option<&Path>) -> Result<Rules, Failure> {
    let rules = match folder {
        Some(folder) => Rules::load(folder),
        None => Rules::embedded(),
    };
    rules.map_err(|e| Failure::new("rules_invalid", format!("the rules are not valid:\n{e}")))
}

/// What lies beside the rules: the obligations, and the cases by path.
struct Beside {
    obligations: String,
    cases: Vec<(String, String)>,
}

fn beside(folder: Option<&Path>) -> Result<Beside, Failure> {
    let Some(folder) = folder else {
        let own = |(path, text): (&str, &str)| (path.to_string(), text.to_string());
        let cases = law::embedded_cases().map(own).collect();
        return Ok(Beside { obligations: law::embedded_obligations().to_string(), cases });
    };
    let read =
        |path: &Path| std::fs::read_to_string(path).map_err(|e| Failure::unreadable(path, &e));
    let obligations = read(&folder.join(law::OBLIGATIONS))?;
    let dir = folder.join("cases");
    let mut cases = Vec::new();
    for entry in std::fs::read_dir(&dir).map_err(|e| Failure::unreadable(&dir, &e))? {
        let path = entry.map_err(|e| Failure::unreadable(&dir, &e))?.path();
        if path.extension().is_some_and(|ending| ending == "toml") {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            cases.push((format!("cases/{name}"), read(&path)?));
        }
    }
    cases.sort();
    Ok(Beside { obligations, cases })
}

fn run_cases(rules: &Rules, beside: &Beside) -> cases::Report {
    cases::run(rules, beside.cases.iter().map(|(path, text)| (path.as_str(), text.as_str())))
}

/// Every fault of cases and obligations, a line each.
fn faults(rules: &Rules, beside: &Beside, report: &cases::Report) -> Vec<String> {
    let mut faults: Vec<String> = report.faults.iter().map(ToString::to_string).collect();
    let failed = report.cases.iter().filter_map(|case| Some((case, case.fault.as_ref()?)));
    faults.extend(failed.map(|(case, why)| format!("{}: {}: {why}", case.file, case.name)));
    faults.extend(report.uncovered.iter().map(|rule| format!("{rule}: no case shows it at work")));
    if let Err(wrong) = law::read(rules, &beside.obligations) {
        faults.extend(wrong.iter().map(ToString::to_string));
    }
    faults
}

fn print_law(place: &Place, args: &LawArgs) -> Done {
    let folder = folder(place, args.rules.as_ref())?;
    let rules = load(folder.as_deref())?;
    let beside = beside(folder.as_deref())?;
    let report = run_cases(&rules, &beside);
    let obligations = law::read(&rules, &beside.obligations).map_err(|wrong| {
        let lines: Vec<String> = wrong.iter().map(ToString::to_string).collect();
        Failure::new("rules_invalid", lines.join("\n"))
    })?;
    output::text(&law::document(&rules, &obligations, &report))?;
    Ok(ExitCode::SUCCESS)
}

fn check(place: &Place, args: &CheckArgs) -> Done {
    let folder = folder(place, args.rules.as_ref())?;
    let rules = load(folder.as_deref())?;
    let beside = beside(folder.as_deref())?;
    let report = run_cases(&rules, &beside);
    let faults = faults(&rules, &beside, &report);
    let policies = rules.policies();
    let forbids = policies.iter().filter(|note| note.code.is_some()).count();
    let unsure = policies.iter().filter(|note| note.mark == Mark::Unverified).count();
    let digest = hex(&rules.digest());
    let counts = [
        ("packs", rules.packs().count()),
        ("scenarios", rules.scenarios().count()),
        ("policies", policies.len()),
        ("of them forbid", forbids),
        ("clocks and deadlines", report.rules.len() - policies.len()),
        ("rules in all", report.rules.len()),
        ("cases", report.cases.len()),
        ("policies to be confirmed in the source", unsure),
        ("spending categories", rules.categories().iter().count()),
        ("refusal codes", rules.refusals().iter().count()),
        ("reason codes", rules.texts().counts().0),
        ("sectors", rules.sectors().count()),
    ];
    let permille = report.coverage_permille();
    let coverage = format!("{}.{} %", permille / 10, permille % 10);
    let code = if faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    if args.shape.json {
        let mut value: serde_json::Map<String, Value> =
            counts.iter().map(|(name, n)| (name.replace(' ', "_"), json!(n))).collect();
        value.insert("valid".into(), json!(faults.is_empty()));
        value.insert("digest".into(), json!(digest));
        value.insert("coverage_permille".into(), json!(permille));
        value.insert("uncovered".into(), json!(report.uncovered));
        value.insert("faults".into(), json!(faults));
        output::json(&value)?;
        return Ok(code);
    }
    let valid = if faults.is_empty() { "valid" } else { "NOT valid" };
    let mut rows = vec![("rules", format!("{valid}, digest {digest}"))];
    rows.extend(counts.iter().map(|(name, n)| (*name, n.to_string())));
    rows.push(("rules with a case", coverage));
    output::pairs(&rows)?;
    output::table(&["pack", "jurisdiction", "version", "currency", "dimensions"], &packs(&rules))?;
    if args.all {
        output::table(&["rule", "source", "cases"], &covered(&rules, &report))?;
    }
    if !faults.is_empty() {
        output::text(&(faults.join("\n") + "\n"))?;
    }
    Ok(code)
}

fn packs(rules: &Rules) -> Vec<Vec<String>> {
    let row = |pack: &crate::policy::Pack| {
        vec![
            pack.id.clone(),
            pack.name.clone(),
            pack.version.clone(),
            pack.currency.to_string(),
            pack.dimensions.join(", "),
        ]
    };
    rules.packs().map(row).collect()
}

fn covered(rules: &Rules, report: &cases::Report) -> Vec<Vec<String>> {
    let row = |rule: &String| {
        let cited = rules.cite(rule).unwrap_or_default();
        vec![rule.clone(), cited, report.of(rule).count().to_string()]
    };
    report.rules.iter().map(row).collect()
}

fn explain(place: &Place, args: &ExplainArgs) -> Done {
    if args.facts {
        return list_facts();
    }
    let rules = load(folder(place, args.rules.as_ref())?.as_deref())?;
    let facts = facts(args)?;
    match decide(&rules, &facts) {
        Decision::Permit(permit) => permitted(&rules, &permit.spend(), &args.shape),
        Decision::Refusal(refusal) => refused(&rules, &refusal, &args.shape),
    }
}

fn list_facts() -> Done {
    let mut names: Vec<&str> = named::NAMES.iter().chain(&named::TEXTS).copied().collect();
    names.sort_unstable();
    output::text(&(names.join("\n") + "\n"))?;
    Ok(ExitCode::SUCCESS)
}

fn one_of<T>(name: &str, value: &str, read: impl Fn(&str) -> Option<T>) -> Result<T, Failure> {
    read(value).ok_or_else(|| Failure::Usage(format!("{value} is not a value of {name}")))
}

fn actor(text: &str) -> Option<ActorKind> {
    ActorKind::ALL.iter().copied().find(|kind| kind.name().eq_ignore_ascii_case(text))
}

fn facts(args: &ExplainArgs) -> Result<Facts, Failure> {
    let action = args.action.as_deref().unwrap_or_default();
    let action = one_of("--action", action, Action::from_name)?;
    let kind = one_of("--actor", &args.actor, actor)?;
    let packs: Vec<&str> = args.packs.iter().map(String::as_str).collect();
    let mut facts = match args.in_order {
        true => cases::in_order(action, kind, &packs),
        false => Facts::by(action, kind, packs),
    };
    if args.scenario.is_some() {
        facts.scenario.clone_from(&args.scenario);
    }
    for stated in &args.stated {
        let (name, value) = stated.split_once('=').ok_or_else(|| {
            Failure::Usage(format!("--fact {stated}: a fact is stated as NAME=VALUE"))
        })?;
        named::state(&mut facts, name, value).map_err(|why| {
            Failure::Usage(format!("{why}: `fivefold policy explain --facts` lists all"))
        })?;
    }
    Ok(facts)
}

fn permitted(rules: &Rules, terms: &Terms, shape: &Shape) -> Done {
    let packs: Vec<String> =
        terms.packs.iter().map(|pack| format!("{} {}", pack.id, pack.version)).collect();
    let row = |pack: &crate::policy::PackRef| {
        let scenario = rules.scenario(&terms.scenario.as_ref()?.name)?;
        let row = scenario.row(&pack.id)?;
        Some(format!("{}: {}", pack.id, row.mark.cite(&row.source)))
    };
    let sources: Vec<String> = terms.packs.iter().filter_map(row).collect();
    if shape.json {
        output::json(&json!({
            "permitted": true, "packs": packs, "policies": terms.policies,
            "sources": sources, "dimensions": terms.dimensions, "rules": hex(&terms.rules),
        }))?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut rows = vec![
        ("decision", "permitted".to_string()),
        ("packs", packs.join(", ")),
        ("policies", terms.policies.join(", ")),
        ("dimensions", terms.dimensions.join(", ")),
    ];
    if let Some(scenario) = &terms.scenario {
        let notice = if scenario.adverse_action { ", adverse-action notice owed" } else { "" };
        let form = format!("{}, {}{notice}", scenario.form.name(), scenario.pull.name());
        rows.push(("answered as", form));
        rows.push(("law of the scenario", sources.join("; ")));
    }
    output::pairs(&rows)?;
    Ok(ExitCode::SUCCESS)
}

fn refused(rules: &Rules, refusal: &Refusal, shape: &Shape) -> Done {
    let outward = refusal.outward(rules);
    let source = |policy: &str| rules.cite(policy).unwrap_or_else(|| "engine".to_string());
    if shape.json {
        let causes: Vec<Value> = refusal
            .causes()
            .iter()
            .map(|c| json!({ "code": c.code, "policy": c.policy, "source": source(&c.policy) }))
            .collect();
        output::json(&json!({
            "permitted": false, "code": refusal.code(), "told": outward.code, "causes": causes,
        }))?;
        return Ok(ExitCode::FAILURE);
    }
    let mut pairs = vec![
        ("decision", format!("refused: {}", refusal.code())),
        ("the asker hears", outward.code),
        ("in words", rules.explain(refusal)),
    ];
    let scenario = refusal.scenario().and_then(|name| rules.scenario(name));
    let law = |pack: &str| {
        let row = scenario?.row(pack).filter(|row| !row.allowed)?;
        Some(format!("{pack}: {}", row.mark.cite(&row.source)))
    };
    let laws: Vec<String> = refusal.packs().filter_map(law).collect();
    if !laws.is_empty() {
        pairs.push(("law of the scenario", laws.join("; ")));
    }
    output::pairs(&pairs)?;
    let rows: Vec<Vec<String>> = refusal
        .causes()
        .iter()
        .map(|c| vec![c.code.clone(), c.policy.clone(), source(&c.policy)])
        .collect();
    output::table(&["code", "policy", "source"], &rows)?;
    Ok(ExitCode::FAILURE)
}
