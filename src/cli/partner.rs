//! `partner`: the registry of platforms and their keys.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::config::Config;
use super::output::{self, Done, Failure, invalid};
use super::{Place, Shape, Staff, with_bureau};
use crate::bureau::command::application::AddConduct;
use crate::bureau::command::governance::{AddPartner, Change, ChangePartner};
use crate::kernel::Env;
use crate::partner::signature::PublicKey;
use crate::partner::{Contract, ExportBasis, Partner, Quota, Registry, Role, rows as partner_rows};
use crate::store::Store;

/// Arguments of `partner`.
#[derive(Args)]
pub struct PartnerArgs {
    #[command(subcommand)]
    act: Act,
}

#[derive(Subcommand)]
enum Act {
    /// Register a platform with its first public key; prints its id and keyid
    Add(AddArgs),
    /// Every partner
    List(Shape),
    /// One partner with its keys
    Show(NamedArgs),
    /// Refuse it everything from now on
    Suspend(ChangeArgs),
    /// Take a suspended partner back
    Resume(ChangeArgs),
    /// Add a further key, and retire an old one
    RotateKey(RotateArgs),
    /// Contract a further scenario, change the threshold of one, or say how much may be asked
    Contract(ContractArgs),
    /// Record on what basis answers may leave the country for it
    ExportBasis(ExportArgs),
    /// Put on record what it did; too much of it suspends a small merchant
    Conduct(ConductArgs),
}

#[derive(Args)]
#[command(after_help = "\
What counts, and how much, stands in policies/scenarios.toml under [conduct]. At the limit a small
merchant is suspended at once; `partner resume` with a reason takes it back, and what was held against
it before does not count again.

Example:
  fivefold partner conduct 'Corner Shop' purpose_breach --as li \\
      --reason 'asked about an applicant for work'")]
struct ConductArgs {
    /// Id or name of the partner
    partner: String,
    /// complaint, grey_goods, misuse, onward_disclosure, outcomes_missing, purpose_breach
    what: String,
    #[command(flatten)]
    staff: Staff,
    #[command(flatten)]
    shape: Shape,
}

#[derive(Args)]
#[command(after_help = "\
An answer about a person that goes to a partner under another rule pack leaves the country. Where the
person's law asks for a basis (in China: assessment, certification or standard contract), there is no
answer until one is on record.

Example:
  fivefold partner export-basis 'Overseas Bank' --kind standard_contract --ref SC-2026-118 \\
      --until 2028-06-30")]
struct ExportArgs {
    /// Id or name of the partner
    partner: String,
    /// assessment, certification or standard_contract
    #[arg(long)]
    kind: String,
    /// The number of the approval, the certificate or the filed contract
    #[arg(long = "ref", value_name = "NUMBER")]
    reference: String,
    /// The last day on which it holds
    #[arg(long, value_name = "DATE")]
    until: jiff::civil::Date,
    #[command(flatten)]
    staff: Staff,
    #[command(flatten)]
    shape: Shape,
}

#[derive(Args)]
#[command(after_help = "\
The key is a public key: PEM or JWK; Ed25519, P-256 or RSA. The partner signs with its private key
and names the printed keyid.

Example:
  openssl genpkey -algorithm ed25519 -out bank.key && openssl pkey -in bank.key -pubout -out bank.pem
  fivefold partner add --name 'First Bank' --sector bank --scenario credit_application \\
      --scenario account_review --key bank.pem
  fivefold partner add --name 'Harbour Hotel' --sector hotel --role asker --role enroller \\
      --scenario hotel_deposit=620 --key hotel.pem")]
struct AddArgs {
    /// The name it is known by
    #[arg(long)]
    name: String,
    /// Its trade: bank, consumer_finance, rental, hotel, car_hire, telecom, payment, …
    #[arg(long)]
    sector: String,
    /// The country it sits in, as ISO 3166 has it [default: where the bureau sits]
    #[arg(long, value_name = "CC", default_value = "", hide_default_value = true)]
    country: String,
    /// What it may ask, with its own threshold where the scenario has one; repeat for several
    #[arg(long = "scenario", value_name = "NAME[=THRESHOLD]")]
    scenarios: Vec<String>,
    /// furnisher, asker, enroller, agent (acts for persons) or registrar (binds persons' own
    /// keys); repeat for several
    #[arg(
        long = "role",
        value_name = "ROLE",
        default_values = ["furnisher", "asker", "enroller"]
    )]
    roles: Vec<String>,
    /// Its public key
    #[arg(long, value_name = "PUBLIC.pem")]
    key: PathBuf,
    #[command(flatten)]
    staff: Staff,
    #[command(flatten)]
    shape: Shape,
}

#[derive(Args)]
struct NamedArgs {
    /// Id or name of the partner
    partner: String,
    #[command(flatten)]
    shape: Shape,
}

#[derive(Args)]
struct ChangeArgs {
    /// Id or name of the partner
    partner: String,
    #[command(flatten)]
    staff: Staff,
    #[command(flatten)]
    shape: Shape,
}

#[derive(Args)]
#[command(after_help = "\
Example:
  fivefold partner contract 'Harbour Hotel' --scenario hotel_deposit=640
  fivefold partner contract 'Harbour Hotel' --inquiries-per-day 2000 --requests-per-minute 300
  fivefold partner contract 'First Bank' --due-day 10 --cutoff 18:00")]
struct ContractArgs {
    /// Id or name of the partner
    partner: String,
    /// The scenario, with its own threshold where it has one; a threshold then stands for a while
    #[arg(
        long,
        value_name = "NAME[=THRESHOLD]",
        required_unless_present_any = ["daily", "minutely", "due_day", "no_window"]
    )]
    scenario: Option<String>,
    /// Inquiries on record that a day (UTC) may have
    #[arg(id = "daily", long = "inquiries-per-day", value_name = "N")]
    daily: Option<u32>,
    /// Signed requests that a minute may have
    #[arg(id = "minutely", long = "requests-per-minute", value_name = "N")]
    minutely: Option<u32>,
    /// The day of the next month, 1 to 28, on which a month's lines are due at the latest
    #[arg(long, value_name = "DAY", value_parser = clap::value_parser!(u8).range(1..=28))]
    due_day: Option<u8>,
    /// The time of that day, in the time of the partner's pack [default: its end]
    #[arg(long, value_name = "HH:MM", requires = "due_day", value_parser = minutes)]
    cutoff: Option<u16>,
    /// No window is agreed any more
    #[arg(long, conflicts_with = "due_day")]
    no_window: bool,
    #[command(flatten)]
    staff: Staff,
    #[command(flatten)]
    shape: Shape,
}

#[derive(Args)]
#[command(after_help = "\
Several keys hold at once: add the new key, let the partner switch, then retire the old one.

Examples:
  fivefold partner rotate-key 'First Bank' --key new.pem
  fivefold partner rotate-key 'First Bank' --retire poqkLGiymh_W0uP6PZFw-dvez3QJT5SolqXBCW38r0U")]
struct RotateArgs {
    /// Id or name of the partner
    partner: String,
    /// A further public key
    #[arg(long, value_name = "PUBLIC.pem", required_unless_present = "retire")]
    key: Option<PathBuf>,
    /// The keyid that must no longer be used
    #[arg(long, value_name = "KEYID")]
    retire: Option<String>,
    #[command(flatten)]
    staff: Staff,
    #[command(flatten)]
    shape: Shape,
}

/// `fivefold partner …`.
pub fn run(place: &Place, args: &PartnerArgs) -> Done {
    match &args.act {
        Act::Add(args) => add(place, args),
        Act::List(shape) => list(place, shape),
        Act::Show(args) => show(place, args),
        Act::Suspend(args) => change(place, args, "partner suspend", || Change::Suspend),
        Act::Resume(args) => change(place, args, "partner resume", || Change::Resume),
        Act::RotateKey(args) => rotate(place, args),
        Act::Contract(args) => contract(place, args),
        Act::ExportBasis(args) => export_basis(place, args),
        Act::Conduct(args) => conduct(place, args),
    }
}

/// Reads a public key from its file, PEM or JWK.
///
/// # Errors
/// It is none.
pub(super) fn read_key(path: &PathBuf) -> Result<PublicKey, Failure> {
    let text = std::fs::read_to_string(path).map_err(|e| Failure::unreadable(path, &e))?;
    let key = if text.trim_start().starts_with('{') {
        let value: Value = serde_json::from_str(&text)
            .map_err(|_| invalid("/key", "key_malformed", "the file is not JSON"))?;
        PublicKey::from_jwk(&value)
    } else {
        PublicKey::from_pem(&text)
    };
    key.map_err(|e| invalid("/key", e.code(), format!("{}: {e}", path.display())))
}

fn scenario(text: &str) -> Result<(String, Contract), Failure> {
    let Some((name, threshold)) = text.split_once('=') else {
        return Ok((text.to_string(), Contract::default()));
    };
    let threshold = threshold
        .parse()
        .map_err(|_| Failure::Usage(format!("--scenario {text}: a threshold is a number")))?;
    Ok((name.to_string(), Contract { threshold: Some(threshold), since: None }))
}

/// Minutes after midnight of a time such as 18:00; 24:00 is the end of the day.
fn minutes(text: &str) -> Result<u16, String> {
    let wrong = || "a time such as 18:00".to_string();
    let (hours, minutes) = text.split_once(':').ok_or_else(wrong)?;
    let number = |text: &str| match text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit()) {
        true => text.parse::<u16>().map_err(|_| wrong()),
        false => Err(wrong()),
    };
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    let at = hours * 60 + minutes;
    if minutes < 60 && (1..=24 * 60).contains(&at) { Ok(at) } else { Err(wrong()) }
}

fn window_of(partner: &Partner) -> String {
    let Some(delivery) = partner.delivery else { return "the custom of the trade".to_string() };
    let at = delivery.cutoff_minutes.unwrap_or(24 * 60);
    format!("day {} of the next month, {:02}:{:02}", delivery.due_day, at / 60, at % 60)
}

fn role(text: &str) -> Result<Role, Failure> {
    Role::from_name(text).ok_or_else(|| {
        Failure::Usage("--role must be furnisher, asker, enroller, agent or registrar".to_string())
    })
}

fn conduct(place: &Place, args: &ConductArgs) -> Done {
    let body = with_bureau(place, |bureau, config| {
        let admission = args.staff.admission(config.environment(), "partner conduct")?;
        let (partner, what) = (args.partner.clone(), args.what.clone());
        Ok(bureau.run(AddConduct { admission, partner, what }).value()?)
    })?;
    tell(&body, &args.shape)
}

fn add(place: &Place, args: &AddArgs) -> Done {
    let key = read_key(&args.key)?;
    let scenarios =
        args.scenarios.iter().map(|text| scenario(text)).collect::<Result<Vec<_>, _>>()?;
    let roles = args.roles.iter().map(|text| role(text)).collect::<Result<Vec<_>, _>>()?;
    let body = with_bureau(place, |bureau, config| {
        let admission = args.staff.admission(config.environment(), "partner add")?;
        let command = AddPartner {
            admission,
            name: args.name.clone(),
            sector: args.sector.clone(),
            country: args.country.clone(),
            roles,
            scenarios,
            key,
        };
        Ok(bureau.run(command).value()?)
    })?;
    tell(&body, &args.shape)
}

/// Prints what was answered.
///
/// # Errors
/// Nobody reads.
pub(super) fn tell(body: &Value, shape: &Shape) -> Done {
    if shape.json {
        output::json(body)?;
        return Ok(ExitCode::SUCCESS);
    }
    let members = body.as_object().into_iter().flatten();
    let shown = |value: &Value| match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => {
            items.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", ")
        }
        Value::Object(map) => map.keys().cloned().collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    };
    let rows: Vec<(&str, String)> =
        members.map(|(name, value)| (name.as_str(), shown(value))).collect();
    output::pairs(&rows)?;
    Ok(ExitCode::SUCCESS)
}

/// The registry, read without opening the bureau.
fn registry(place: &Place) -> Result<Registry, Failure> {
    let config = Config::load(place)?;
    config.made()?;
    Ok(Store::open(config.database)?.read(partner_rows::load)?)
}

fn scenarios_of(partner: &Partner) -> String {
    let shown = partner.scenarios.iter().map(|(name, contract)| match contract.threshold {
        Some(threshold) => format!("{name}={threshold}"),
        None => name.clone(),
    });
    shown.collect::<Vec<_>>().join(", ")
}

fn quota_of(partner: &Partner) -> String {
    let said = |count: Option<u32>, what: &str| match count {
        Some(count) => format!("{count} {what}"),
        None => format!("the bureau's {what}"),
    };
    let Quota { requests_per_minute, inquiries_per_day } = partner.quota;
    let day = inquiries_per_day.map(|count| format!(", {count} inquiries a day"));
    said(requests_per_minute, "requests a minute") + &day.unwrap_or_default()
}

fn roles_of(partner: &Partner) -> String {
    partner.roles.iter().map(|role| role.name()).collect::<Vec<_>>().join(", ")
}

fn keys_of<'a>(
    registry: &'a Registry,
    partner: &'a Partner,
) -> impl Iterator<Item = (&'a String, &'a crate::partner::PartnerKey)> {
    registry.keys.iter().filter(|(_, key)| key.partner == partner.id)
}

fn value_of(registry: &Registry, partner: &Partner) -> Value {
    let keys: Vec<Value> = keys_of(registry, partner)
        .map(|(keyid, key)| {
            json!({ "keyid": keyid, "retired_at": key.retired, "jwk": key.key.to_jwk() })
        })
        .collect();
    let mut value = json!(partner);
    value["keys"] = json!(keys);
    value
}

fn list(place: &Place, shape: &Shape) -> Done {
    let registry = registry(place)?;
    if shape.json {
        let all: Vec<Value> = registry.partners.values().map(|p| value_of(&registry, p)).collect();
        output::json(&json!({ "partners": all }))?;
        return Ok(ExitCode::SUCCESS);
    }
    let rows: Vec<Vec<String>> = registry
        .partners
        .values()
        .map(|partner| {
            let active = keys_of(&registry, partner).filter(|(_, key)| key.retired.is_none());
            let status = if partner.suspended { "suspended" } else { "active" };
            vec![
                partner.id.clone(),
                partner.name.clone(),
                partner.sector.clone(),
                roles_of(partner),
                scenarios_of(partner),
                active.count().to_string(),
                status.to_string(),
            ]
        })
        .collect();
    let header = ["id", "name", "sector", "roles", "scenarios", "keys", "status"];
    output::table(&header, &rows)?;
    Ok(ExitCode::SUCCESS)
}

fn show(place: &Place, args: &NamedArgs) -> Done {
    let registry = registry(place)?;
    let Some(partner) = registry.find(&args.partner) else {
        let text = "There is no such partner. `fivefold partner list` shows them.";
        return Err(Failure::new("partner_not_found", text));
    };
    if args.shape.json {
        output::json(&value_of(&registry, partner))?;
        return Ok(ExitCode::SUCCESS);
    }
    let now = Env::system().now();
    let status = if partner.suspended { "suspended" } else { "active" };
    output::pairs(&[
        ("id", partner.id.clone()),
        ("name", partner.name.clone()),
        ("sector", partner.sector.clone()),
        ("country", partner.country.clone()),
        ("roles", roles_of(partner)),
        ("scenarios", scenarios_of(partner)),
        ("quota", quota_of(partner)),
        ("lines due", window_of(partner)),
        ("status", status.to_string()),
        ("since", partner.created.to_second_text()),
    ])?;
    let rows: Vec<Vec<String>> = keys_of(&registry, partner)
        .map(|(keyid, key)| {
            let state = match key.retired {
                Some(at) if at <= now => format!("retired {}", at.to_second_text()),
                _ => "in use".to_string(),
            };
            vec![keyid.clone(), key.key.algorithm().name().to_string(), state]
        })
        .collect();
    output::table(&["keyid", "algorithm", "state"], &rows)?;
    Ok(ExitCode::SUCCESS)
}

fn change(place: &Place, args: &ChangeArgs, name: &str, what: impl Fn() -> Change) -> Done {
    let body = with_bureau(place, |bureau, config| {
        let admission = args.staff.admission(config.environment(), name)?;
        let command = ChangePartner { admission, partner: args.partner.clone(), change: what() };
        Ok(bureau.run(command).value()?)
    })?;
    tell(&body, &args.shape)
}

fn rotate(place: &Place, args: &RotateArgs) -> Done {
    let key = args.key.as_ref().map(read_key).transpose()?;
    let body = with_bureau(place, |bureau, config| {
        let mut body = Value::Null;
        // The new key first: a partner is never left without one.
        let steps = [key.map(Change::AddKey), args.retire.clone().map(Change::RetireKey)];
        for change in steps.into_iter().flatten() {
            let retired = matches!(change, Change::RetireKey(_));
            let admission = args.staff.admission(config.environment(), "partner rotate-key")?;
            let command = ChangePartner { admission, partner: args.partner.clone(), change };
            let told = bureau.run(command).value()?;
            if body.is_null() {
                body = told;
            }
            if retired {
                body["retired"] = json!(args.retire);
            }
        }
        Ok(body)
    })?;
    tell(&body, &args.shape)
}

fn contract(place: &Place, args: &ContractArgs) -> Done {
    let contracted = args.scenario.as_deref().map(scenario).transpose()?;
    let body = with_bureau(place, |bureau, config| {
        let known = bureau.store.read(partner_rows::load)?;
        let before = known.find(&args.partner).map(|partner| partner.quota).unwrap_or_default();
        let quota = Quota {
            requests_per_minute: args.minutely.or(before.requests_per_minute),
            inquiries_per_day: args.daily.or(before.inquiries_per_day),
        };
        let steps = [
            contracted.map(|(name, terms)| Change::Contract(name, terms)),
            (quota != before).then_some(Change::Quota(quota)),
            args.due_day.map(|day| Change::Delivery(Some((day, args.cutoff)))),
            args.no_window.then_some(Change::Delivery(None)),
        ];
        let mut body = Value::Null;
        for change in steps.into_iter().flatten() {
            let admission = args.staff.admission(config.environment(), "partner contract")?;
            let command = ChangePartner { admission, partner: args.partner.clone(), change };
            body = bureau.run(command).value()?;
        }
        if body.is_null() {
            body = json!({ "partner": args.partner, "quota": before });
        }
        Ok(body)
    })?;
    tell(&body, &args.shape)
}

fn export_basis(place: &Place, args: &ExportArgs) -> Done {
    let end = format!("{}T23:59:59Z", args.until);
    let expires = end.parse().map_err(|_| Failure::Usage("--until is a date".to_string()))?;
    let (kind, reference) = (args.kind.clone(), args.reference.clone());
    let basis = ExportBasis { kind, reference, expires };
    let body = with_bureau(place, |bureau, config| {
        let admission = args.staff.admission(config.environment(), "partner export-basis")?;
        let change = Change::ExportBasis(basis);
        let command = ChangePartner { admission, partner: args.partner.clone(), change };
        Ok(bureau.run(command).value()?)
    })?;
    tell(&body, &args.shape)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cutoff_is_a_time_of_a_day() {
        let read = |text| minutes(text).ok();
        assert_eq!(
            (read("18:00"), read("24:00"), read("00:01")),
            (Some(1080), Some(1440), Some(1))
        );
        for wrong in ["00:00", "24:01", "6:00", "12:60", "noon", "-1:00"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_scenario_may_bring_its_threshold() {
        let (name, contract) = scenario("hotel_deposit=620").expect("a scenario");
        assert_eq!((name.as_str(), contract.threshold), ("hotel_deposit", Some(620)));
        assert_eq!(scenario("tenancy").expect("a scenario").1, Contract::default());
        assert!(matches!(scenario("tenancy=high"), Err(Failure::Usage(_))));
    }
}
