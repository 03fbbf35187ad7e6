//! `policy`: the rules, checked and asked.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::config::Config;
use super::output::{self, Done, Failure};
use super::{Place, Shape};
use crate::kernel::bytes::hex;
use crate::policy::{
    Action, ActorKind, BasisKind, Category, Decision, Environment, Facts, Refusal, Rules, Terms,
    decide,
};

mod flags;

/// Arguments of `policy`.
#[derive(Args)]
pub struct PolicyArgs {
    #[command(subcommand)]
    act: Act,
}

#[derive(Subcommand)]
enum Act {
    /// Read and cross-check a folder of rules, or those in force
    Check(CheckArgs),
    /// Ask the rules for a decision on stated facts
    Explain(ExplainArgs),
}

#[derive(Args)]
#[command(after_help = "\
Reads every pack, policy and catalogue, validates the policies against the schema and the catalogues
against each other; lists every fault with file and line, and exits 1 when there is one.

Examples:
  fivefold policy check
  fivefold policy check policies")]
struct CheckArgs {
    /// A folder of rules [default: the one configured, else those compiled in]
    rules: Option<PathBuf>,
    #[command(flatten)]
    shape: Shape,
}

#[derive(Args)]
#[command(after_help = "\
A fact that is not stated is false, so that nothing is permitted by silence. Exit 0 permitted,
1 refused, with every policy that refused.

Example:
  fivefold policy explain --action inquire --actor partner --scenario hotel_deposit --pack cn \\
      --fact environment=sandbox --fact actor.sector=hotel --fact actor.roles.asker=true \\
      --fact actor.holds_scenario=true --fact person.known=true --fact basis.kind=consent \\
      --fact basis.found=true --fact basis.recipient_matches=true \\
      --fact basis.subject_matches=true --fact basis.purpose_matches=true \\
      --fact basis.scenario_matches=true --fact basis.covers_dimension=true

Facts that are true or false: see `fivefold policy explain --facts`.")]
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
    }
}

fn load(place: &Place, folder: Option<&PathBuf>) -> Result<Rules, Failure> {
    let folder = match folder {
        Some(folder) => Some(folder.clone()),
        None => Config::load(place)?.policies,
    };
    let rules = match &folder {
        Some(folder) => Rules::load(folder),
        None => Rules::embedded(),
    };
    rules.map_err(|e| Failure::new("rules_invalid", format!("the rules are not valid:\n{e}")))
}

fn check(place: &Place, args: &CheckArgs) -> Done {
    let rules = load(place, args.rules.as_ref())?;
    let policies = rules.policies();
    let forbids = policies.iter().filter(|note| note.code.is_some()).count();
    let unsure = policies.iter().filter(|note| note.mark == crate::policy::Mark::Unverified);
    let unsure = unsure.count();
    let digest = hex(&rules.digest());
    let counts = [
        ("packs", rules.packs().count()),
        ("scenarios", rules.scenarios().count()),
        ("policies", policies.len()),
        ("of them forbid", forbids),
        ("to be confirmed in the source", unsure),
        ("spending categories", rules.categories().iter().count()),
        ("refusal codes", rules.refusals().iter().count()),
        ("sectors", rules.sectors().count()),
    ];
    if args.shape.json {
        let mut value: serde_json::Map<String, Value> =
            counts.iter().map(|(name, n)| (name.replace(' ', "_"), json!(n))).collect();
        value.insert("valid".into(), json!(true));
        value.insert("digest".into(), json!(digest));
        output::json(&value)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut rows = vec![("rules", format!("valid, digest {digest}"))];
    rows.extend(counts.iter().map(|(name, n)| (*name, n.to_string())));
    output::pairs(&rows)?;
    let packs: Vec<Vec<String>> = rules
        .packs()
        .map(|pack| {
            vec![
                pack.id.clone(),
                pack.name.clone(),
                pack.version.clone(),
                pack.currency.to_string(),
                pack.dimensions.join(", "),
            ]
        })
        .collect();
    output::table(&["pack", "jurisdiction", "version", "currency", "dimensions"], &packs)?;
    Ok(ExitCode::SUCCESS)
}

fn explain(place: &Place, args: &ExplainArgs) -> Done {
    if args.facts {
        return list_facts();
    }
    let rules = load(place, args.rules.as_ref())?;
    let facts = facts(args)?;
    match decide(&rules, &facts) {
        Decision::Permit(permit) => permitted(&permit.spend(), &args.shape),
        Decision::Refusal(refusal) => refused(&rules, &refusal, &args.shape),
    }
}

fn list_facts() -> Done {
    let texts = ["actor.sector", "basis.kind", "record.observation", "record.dimension"];
    let more = ["record.category", "environment"];
    let mut names: Vec<&str> = flags::NAMES.to_vec();
    names.extend(texts);
    names.extend(more);
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
    let mut facts = Facts::by(action, kind, args.packs.iter().map(String::as_str));
    if args.scenario.is_some() {
        facts.scenario.clone_from(&args.scenario);
    }
    for stated in &args.stated {
        let (name, value) = stated.split_once('=').ok_or_else(|| {
            Failure::Usage(format!("--fact {stated}: a fact is stated as NAME=VALUE"))
        })?;
        state(&mut facts, name, value)?;
    }
    Ok(facts)
}

fn state(facts: &mut Facts, name: &str, value: &str) -> Result<(), Failure> {
    if let Some(flag) = flags::flag(facts, name) {
        *flag = one_of(name, value, |text| text.parse().ok())?;
        return Ok(());
    }
    match name {
        "actor.sector" => facts.actor.sector = value.to_string(),
        "basis.kind" => facts.basis.kind = one_of(name, value, BasisKind::from_name)?,
        "environment" => facts.environment = one_of(name, value, Environment::from_name)?,
        "record.category" => facts.record.category = one_of(name, value, Category::from_name)?,
        "record.observation" => {
            let known = crate::collect::read::TYPES;
            let found = |text: &str| known.into_iter().find(|one| *one == text);
            facts.record.observation = one_of(name, value, found)?;
        }
        "record.dimension" => {
            let known = crate::policy::DIMENSIONS;
            let found = |text: &str| known.into_iter().find(|one| *one == text);
            facts.record.dimension = one_of(name, value, found)?;
        }
        _ => {
            let text = format!("there is no fact {name}: `fivefold policy explain --facts`");
            return Err(Failure::Usage(text));
        }
    }
    Ok(())
}

fn permitted(terms: &Terms, shape: &Shape) -> Done {
    let packs: Vec<String> =
        terms.packs.iter().map(|pack| format!("{} {}", pack.id, pack.version)).collect();
    if shape.json {
        output::json(&json!({
            "permitted": true, "packs": packs, "policies": terms.policies,
            "dimensions": terms.dimensions, "rules": hex(&terms.rules),
        }))?;
        return Ok(ExitCode::SUCCESS);
    }
    output::pairs(&[
        ("decision", "permitted".to_string()),
        ("packs", packs.join(", ")),
        ("policies", terms.policies.join(", ")),
        ("dimensions", terms.dimensions.join(", ")),
    ])?;
    Ok(ExitCode::SUCCESS)
}

fn refused(rules: &Rules, refusal: &Refusal, shape: &Shape) -> Done {
    let outward = refusal.outward(rules);
    let source = |policy: &str| rules.policy(policy).map_or("engine", |note| &note.source);
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
    output::pairs(&[
        ("decision", format!("refused: {}", refusal.code())),
        ("the asker hears", outward.code),
        ("in words", rules.explain(refusal)),
    ])?;
    let rows: Vec<Vec<String>> = refusal
        .causes()
        .iter()
        .map(|c| vec![c.code.clone(), c.policy.clone(), source(&c.policy).to_string()])
        .collect();
    output::table(&["code", "policy", "source"], &rows)?;
    Ok(ExitCode::FAILURE)
}
