//! `staff`: who works for the bureau, in which roles; and the second pair of eyes.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::builder::RangedI64ValueParser;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::config::Config;
use super::output::{self, Done, Failure, invalid};
use super::partner::{read_key, tell};
use super::{Place, Shape, Staff, with_bureau};
use crate::bureau::approval::{APPROVAL_DAYS_MAX, Approval, statement};
use crate::bureau::command::staff::{ChangeStaff, StaffChange};
use crate::kernel::bytes::{base64, from_base64};
use crate::kernel::{Env, Time};
use crate::partner::{StaffRole, rows as partner_rows};
use crate::store::Store;

/// Alerts listed at most.
const ALERTS_MAX: i64 = 1_000;

/// That another member of staff agrees to what is done.
#[derive(Args)]
pub struct Approved {
    /// Another member of staff who agrees
    #[arg(long, value_name = "STAFF")]
    approved_by: Option<String>,
    /// Their signed approval, made by `fivefold staff approve`
    #[arg(long, value_name = "FILE", requires = "approved_by")]
    approval: Option<PathBuf>,
}

impl Approved {
    /// The approval, if one was given.
    ///
    /// # Errors
    /// Its file does not read.
    pub fn read(&self) -> Result<Option<Approval>, Failure> {
        let Some(by) = self.approved_by.clone() else { return Ok(None) };
        let Some(path) = &self.approval else { return Ok(Some(Approval { by, signed: None })) };
        let text = std::fs::read_to_string(path).map_err(|e| Failure::unreadable(path, &e))?;
        let signed = serde_json::from_str::<Value>(&text).ok().and_then(|value| {
            let until: Time = value["until"].as_str()?.parse().ok()?;
            Some((until, from_base64(value["signature"].as_str()?)?))
        });
        let signed = signed.ok_or_else(|| {
            invalid("/approval", "approval_invalid", "not a file of `fivefold staff approve`")
        })?;
        Ok(Some(Approval { by, signed: Some(signed) }))
    }
}

/// Arguments of `staff`.
#[derive(Args)]
#[command(after_help = "\
  viewer         looks persons up
  analyst        takes tables out; everybody's with a second one's signature
  compliance     settles complaints, identities and holds; looks up; exports
  examiner       the regulator's: reads everything, changes nothing
  administrator  partners, staff, scorecards; looks nobody up

Before anybody is registered, whoever holds the data directory may do everything. Whoever has a key
on record shows it with --staff-key. Each act of staff is an entry of the log, with its reason.")]
pub struct StaffArgs {
    #[command(subcommand)]
    act: Act,
}

#[derive(Subcommand)]
enum Act {
    /// Register somebody, or give them other roles or another key
    Add(AddArgs),
    /// Somebody leaves: nothing more is done in their name
    Leave(LeaveArgs),
    /// Who works here, and who did
    List(Shape),
    /// Agree to one act of another member of staff; prints the approval to hand over
    Approve(ApproveArgs),
    /// What staff must look at, newest first
    Alerts(Shape),
}

#[derive(Args)]
#[command(after_help = "\
Examples:
  openssl genpkey -algorithm ed25519 -out li.key && openssl pkey -in li.key -pubout -out li.pem
  fivefold staff add li --role administrator --role compliance --key li.pem --reason 'founder'
  fivefold staff add wang --role analyst --as li --staff-key li.key --reason 'joins the laboratory'")]
struct AddArgs {
    /// The name that entries will carry
    name: String,
    /// viewer, analyst, compliance, examiner or administrator; repeat for several
    #[arg(long = "role", value_name = "ROLE", required = true)]
    roles: Vec<String>,
    /// Their public key, PEM or JWK; everybody of a live bureau has one
    #[arg(long, value_name = "PUBLIC.pem")]
    key: Option<PathBuf>,
    #[command(flatten)]
    approved: Approved,
    #[command(flatten)]
    staff: Staff,
    #[command(flatten)]
    shape: Shape,
}

#[derive(Args)]
struct LeaveArgs {
    /// Who
    name: String,
    #[command(flatten)]
    staff: Staff,
    #[command(flatten)]
    shape: Shape,
}

#[derive(Args)]
#[command(after_help = "\
The act's exact words stand in the refusal that asks for an approval.

Example:
  fivefold staff approve --act 'take scores' --for li --as wang --staff-key wang.key > approval.json
  fivefold score --all --out scores.parquet --as li --staff-key li.key --reason 'yearly review' \\
      --approved-by wang --approval approval.json")]
struct ApproveArgs {
    /// What is agreed to
    #[arg(long)]
    act: String,
    /// Who asks
    #[arg(long = "for", value_name = "STAFF")]
    asked_by: String,
    /// Days for which it holds
    #[arg(long, default_value_t = 1, value_parser = days())]
    days: i64,
    #[command(flatten)]
    staff: Staff,
}

/// Days for which an approval may hold.
fn days() -> RangedI64ValueParser<i64> {
    RangedI64ValueParser::new().range(1..=APPROVAL_DAYS_MAX)
}

/// `fivefold staff …`.
pub fn run(place: &Place, args: &StaffArgs) -> Done {
    match &args.act {
        Act::Add(args) => add(place, args),
        Act::Leave(args) => {
            let command = Changed { name: &args.name, act: "staff leave", approval: None };
            change(place, command, StaffChange::Leaves, &args.staff, &args.shape)
        }
        Act::List(shape) => list(place, shape),
        Act::Approve(args) => approve(place, args),
        Act::Alerts(shape) => alerts(place, shape),
    }
}

fn add(place: &Place, args: &AddArgs) -> Done {
    let role = |text: &String| {
        StaffRole::from_name(text).ok_or_else(|| {
            let known: Vec<&str> = StaffRole::ALL.iter().map(|role| role.name()).collect();
            Failure::Usage(format!("--role must be one of {}", known.join(", ")))
        })
    };
    let roles = args.roles.iter().map(role).collect::<Result<Vec<_>, _>>()?;
    let key = args.key.as_ref().map(read_key).transpose()?;
    let is = StaffChange::Is { roles, key };
    let approval = args.approved.read()?;
    let command = Changed { name: &args.name, act: "staff add", approval };
    change(place, command, is, &args.staff, &args.shape)
}

/// Who changes, by which command, and who agrees.
struct Changed<'a> {
    name: &'a str,
    act: &'static str,
    approval: Option<Approval>,
}

fn change(
    place: &Place,
    of: Changed<'_>,
    change: StaffChange,
    staff: &Staff,
    shape: &Shape,
) -> Done {
    let body = with_bureau(place, |bureau, config| {
        let admission = staff.admission(config.environment(), of.act)?;
        let (name, approval) = (of.name.to_string(), of.approval);
        Ok(bureau.run(ChangeStaff { admission, name, change, approval }).value()?)
    })?;
    tell(&body, shape)
}

fn store(place: &Place) -> Result<Store, Failure> {
    let config = Config::load(place)?;
    config.made()?;
    Ok(Store::open(config.database)?)
}

fn list(place: &Place, shape: &Shape) -> Done {
    let registry = store(place)?.read(partner_rows::load)?;
    let staff = registry.staff.values();
    if shape.json {
        let all: Vec<Value> = staff
            .map(|member| {
                json!({
                    "name": member.name, "roles": member.roles, "since": member.since,
                    "keyid": member.key.as_ref().map(|key| key.thumbprint()), "left": member.left,
                })
            })
            .collect();
        output::json(&json!({ "staff": all }))?;
        return Ok(ExitCode::SUCCESS);
    }
    let rows: Vec<Vec<String>> = staff
        .map(|member| {
            let roles: Vec<&str> = member.roles.iter().map(|role| role.name()).collect();
            let state = match member.left {
                Some(at) => format!("left {}", at.to_second_text()),
                None => "in service".to_string(),
            };
            let key = member.key.as_ref().map_or("none".to_string(), |key| key.thumbprint());
            vec![member.name.clone(), roles.join(", "), key, state]
        })
        .collect();
    output::table(&["name", "roles", "keyid", "state"], &rows)?;
    Ok(ExitCode::SUCCESS)
}

fn approve(place: &Place, args: &ApproveArgs) -> Done {
    let config = Config::load(place)?;
    config.made()?;
    let key = args.staff.key()?.ok_or_else(|| {
        Failure::Usage("an approval is signed: --staff-key names your private key".to_string())
    })?;
    let until = Env::system().now().plus_days(args.days);
    let by = args.staff.name();
    let text = statement(&config.origin, &args.act, &args.asked_by, by, until);
    output::json(&json!({
        "act": args.act, "asked_by": args.asked_by, "by": by, "until": until,
        "signature": base64(&key.sign(text.as_bytes())),
    }))?;
    Ok(ExitCode::SUCCESS)
}

fn alerts(place: &Place, shape: &Shape) -> Done {
    let rows = store(place)?.read(|conn| partner_rows::alerts(conn, ALERTS_MAX))?;
    let at = |us: i64| Time::from_micros(us).to_second_text();
    if shape.json {
        let all: Vec<Value> = rows
            .iter()
            .map(|row| {
                json!({
                    "index": row.idx, "kind": row.kind, "partner": row.partner,
                    "at": at(row.at_us),
                })
            })
            .collect();
        output::json(&json!({ "alerts": all }))?;
        return Ok(ExitCode::SUCCESS);
    }
    let rows: Vec<Vec<String>> = rows
        .iter()
        .map(|row| vec![at(row.at_us), row.kind.clone(), row.partner.clone(), row.idx.to_string()])
        .collect();
    output::table(&["when", "what", "partner", "entry"], &rows)?;
    Ok(ExitCode::SUCCESS)
}
