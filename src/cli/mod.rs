//! The command line. Status codes, tables and progress bars exist only here.
//!
//! Data goes to stdout and talk to stderr, so that output can be piped. Exit 0 is done, 1 refused
//! or a failed check, 2 wrong usage; `replay` adds 3 for what is gone.

pub mod demo;

mod application;
mod audit;
mod backup;
mod book;
mod collect;
mod config;
mod conformance;
mod dictionary;
mod export;
mod keys;
mod matter;
mod model;
mod output;
mod partner;
mod policy;
mod record;
mod regulator;
mod replay;
mod report;
mod score;
mod serve;
mod setup;
mod simulate;
mod staff;
mod statement;
mod subject;
mod supply;
mod usage;
mod verify;
mod webhook;
#[cfg(test)]
mod whole_test;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{Args, Parser, Subcommand};

use config::Config;
use output::{Done, Failure};

use crate::bureau::admission::Admission;
use crate::partner::signature::SigningKey;
use crate::partner::staff::OWN_NAMES;
use crate::policy::Environment;

/// A personal credit bureau that anyone can check.
#[derive(Parser)]
#[command(
    name = "fivefold",
    version,
    after_help = "\
Start here:
  fivefold demo                        a bureau at work on real borrowers
  fivefold init  --dir bureau          make keys, databases and the log's first checkpoint
  fivefold serve --dir bureau          open the doors; the API is described at /docs
  fivefold verify log bureau           check the whole log, without the database

Exit status: 0 done, 1 refused or a failed check, 2 wrong usage."
)]
struct Cli {
    #[command(flatten)]
    place: Place,
    #[command(subcommand)]
    command: Command,
}

/// Where the bureau lies: on every command.
#[derive(Args)]
pub struct Place {
    /// Data directory [default: fivefold-data, or `dir` of the configuration]
    #[arg(long, global = true, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Configuration file [default: DIR/fivefold.toml, if it is there]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// How a command shows its result.
#[derive(Args)]
pub struct Shape {
    /// Print JSON for machines in place of a table
    #[arg(long)]
    json: bool,
}

/// Who of the staff acts, and why: both go on record.
#[derive(Args)]
pub struct Staff {
    /// Who acts, as the register of look-ups names them
    #[arg(long = "as", value_name = "STAFF", default_value = "console")]
    staff: String,
    /// Why; must be stated in a live bureau
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Their private key, PEM, for whoever has a key on record
    #[arg(long, value_name = "FILE", env = "FIVEFOLD_STAFF_KEY")]
    staff_key: Option<PathBuf>,
}

impl Staff {
    /// Who acts.
    fn name(&self) -> &str {
        &self.staff
    }

    /// Their private key, if one was named.
    fn key(&self) -> Result<Option<SigningKey>, Failure> {
        let Some(path) = &self.staff_key else { return Ok(None) };
        let text = std::fs::read_to_string(path).map_err(|e| Failure::unreadable(path, &e))?;
        let key = SigningKey::from_pem(&text);
        key.map(Some).map_err(|e| {
            output::invalid("/staff-key", e.code(), format!("{}: {e}", path.display()))
        })
    }

    /// Their admission. A sandbox or a demonstration asks for no reason: its persons are made up.
    ///
    /// # Errors
    /// The key does not read, or the name is one of the program's own.
    fn admission(&self, environment: Environment, command: &str) -> Result<Admission, Failure> {
        if OWN_NAMES.contains(&self.staff.as_str()) {
            let text = format!("--as {}: under this name only the program itself acts", self.staff);
            return Err(Failure::Usage(text));
        }
        let keyid = self.key()?.map(|key| key.public().thumbprint()).unwrap_or_default();
        let stated = match (&self.reason, environment) {
            (Some(reason), _) => reason.clone(),
            (None, Environment::Live) => String::new(),
            (None, _) => format!("fivefold {command}, at the console"),
        };
        Ok(Admission { keyid, ..Admission::operator(&self.staff, &stated) })
    }
}

/// Arguments of `demo`.
#[derive(Args)]
struct Demo {
    #[command(flatten)]
    args: demo::DemoArgs,
    #[command(flatten)]
    shape: Shape,
}

#[derive(Subcommand)]
enum Command {
    /// Make a bureau: data directory, keys, databases, first checkpoint
    Init(setup::InitArgs),
    /// Open the doors: HTTP API, public log, metrics
    Serve(serve::ServeArgs),
    /// Bring both databases to this program's schema
    Migrate(setup::MigrateArgs),
    /// Register partner platforms and their keys
    Partner(partner::PartnerArgs),
    /// Small merchants who applied: look, admit, refuse
    Application(application::ApplicationArgs),
    /// Who works for the bureau, in which roles; and the second pair of eyes
    Staff(staff::StaffArgs),
    /// Load a file of observations: same checks as the API, same receipt
    Collect(collect::CollectArgs),
    /// Score a person, or everybody, at any moment
    Score(score::ScoreArgs),
    /// Every point of a score: intervals, reasons, recourse
    Explain(score::ExplainArgs),
    /// Recompute a past answer from the ledger, bit for bit
    Replay(replay::ReplayArgs),
    /// The laboratory: fit, score with, measure and compare scorecards on any table
    Model(model::ModelArgs),
    /// What partners asked in a month, and what of it is billable
    Usage(usage::UsageArgs),
    /// What a furnisher sent, and which statements are missing
    Coverage(supply::CoverageArgs),
    /// The quality of what a furnisher sent in a month: fresh, complete, accepted, in time
    Quality(supply::QualityArgs),
    /// Ask a furnisher for what is missing, and see what became of it
    DataRequest(supply::RequestArgs),
    /// Where events are sent, how that goes, and what was given up
    Webhook(webhook::WebhookArgs),
    /// Reports as PDF
    Report(report::ReportArgs),
    /// Put on record what reports need and nothing else knows
    Record(record::RecordArgs),
    /// Write a period as Parquet that proves it is complete
    Extract(export::ExtractArgs),
    /// Derive every table anew from the log and compare, with the database
    Audit(audit::AuditArgs),
    /// The bureau's own keys, and fresh ones in their place
    Keys(keys::KeysArgs),
    /// Copy the whole database, while the bureau serves; never a key
    Backup(backup::BackupArgs),
    /// Load a backup into an empty database, and forget whom it must not bring back
    Restore(backup::RestoreArgs),
    /// Check a log, an export, a proof or an answer; needs no database and no private key
    Verify(verify::VerifyArgs),
    /// Reviews and complaints: list and answer them
    Matter(matter::MatterArgs),
    /// Do what falls due: close disputes whose time has run out, forget what is past its time
    Sweep(matter::SweepArgs),
    /// Make a labelled synthetic population
    Simulate(simulate::SimulateArgs),
    /// Check the rules, or ask them for a decision
    Policy(policy::PolicyArgs),
    /// Every field that can be sent, with unit, values and an example; every error code
    Dictionary(dictionary::DictionaryArgs),
    /// Say who is who: alias, merge, split, no-merge
    Subject(subject::SubjectArgs),
    /// Try a partner's own client against a sandbox; what passes is certified
    Conformance(conformance::ConformanceArgs),
    /// See a bureau at work on real borrowers, then go on serving
    Demo(Demo),
    /// Print the OpenAPI 3.1 document
    Openapi,
}

/// Runs the program: reads the arguments, does what they say, tells how it went.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are answers, not errors. A closed pipe is the reader's choice.
            let _ = error.print();
            let asked = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
            return if asked { ExitCode::SUCCESS } else { ExitCode::from(2) };
        }
    };
    match run(&cli) {
        Ok(code) => code,
        Err(failure) => failure.tell(),
    }
}

fn run(cli: &Cli) -> Done {
    let place = &cli.place;
    if !matches!(cli.command, Command::Serve(_)) {
        output::trace("warn", false)?;
    }
    match &cli.command {
        Command::Init(args) => setup::init(place, args),
        Command::Serve(args) => serve::run(place, args),
        Command::Migrate(args) => setup::migrate(place, args),
        Command::Partner(args) => partner::run(place, args),
        Command::Application(args) => application::run(place, args),
        Command::Staff(args) => staff::run(place, args),
        Command::Collect(args) => collect::run(place, args),
        Command::Score(args) => score::score(place, args),
        Command::Explain(args) => score::explain(place, args),
        Command::Replay(args) => replay::run(place, args),
        Command::Model(args) => model::run(place, args),
        Command::Usage(args) => usage::run(place, args),
        Command::Coverage(args) => supply::coverage(place, args),
        Command::Quality(args) => supply::quality(place, args),
        Command::DataRequest(args) => supply::request(place, args),
        Command::Webhook(args) => webhook::run(place, args),
        Command::Report(args) => report::run(place, args),
        Command::Record(args) => record::run(place, args),
        Command::Extract(args) => export::extract(place, args),
        Command::Audit(args) => audit::run(place, args),
        Command::Keys(args) => keys::run(place, args),
        Command::Backup(args) => backup::backup(place, args),
        Command::Restore(args) => backup::restore(place, args),
        Command::Verify(args) => verify::run(place, args),
        Command::Matter(args) => matter::run(place, args),
        Command::Sweep(args) => matter::sweep(place, args),
        Command::Simulate(args) => simulate::run(args),
        Command::Policy(args) => policy::run(place, args),
        Command::Dictionary(args) => dictionary::run(place, args),
        Command::Subject(args) => subject::run(place, args),
        Command::Conformance(args) => conformance::run(args),
        Command::Demo(demo) => demo::run(&demo.args, demo.shape.json)
            .map_err(|e| Failure::new(e.code(), e.to_string())),
        Command::Openapi => {
            output::text(&crate::http::openapi())?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// Opens the bureau, does `work`, and closes it so that all it wrote is published.
fn with_bureau<T>(
    place: &Place,
    work: impl FnOnce(&crate::bureau::Bureau, &Config) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let config = Config::load(place)?;
    let bureau = config.open()?;
    let done = work(&bureau, &config);
    bureau.close();
    done
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn every_command_and_argument_holds_together_and_is_explained() {
        fn explained(command: &clap::Command) {
            for argument in command.get_arguments() {
                let name = format!("{} {}", command.get_name(), argument.get_id());
                assert!(argument.get_help().is_some(), "{name} has no help");
            }
            for inner in command.get_subcommands() {
                assert!(inner.get_about().is_some(), "{} has no help", inner.get_name());
                explained(inner);
            }
        }
        let command = Cli::command();
        command.clone().debug_assert();
        explained(&command);
    }

    #[test]
    fn a_live_bureau_is_given_no_reason_that_nobody_stated() {
        let li = |reason: Option<&str>| Staff {
            staff: "li".to_string(),
            reason: reason.map(str::to_string),
            staff_key: None,
        };
        let said = |staff: Staff, environment| {
            staff.admission(environment, "score").map(|admission| admission.reason()).ok()
        };
        assert_eq!(said(li(None), Environment::Live).as_deref(), Some(""));
        assert!(said(li(None), Environment::Sandbox).is_some_and(|reason| !reason.is_empty()));
        assert_eq!(said(li(Some("case 7")), Environment::Live).as_deref(), Some("case 7"));
        let own = Staff { staff: "sweep".to_string(), ..li(None) };
        assert!(own.admission(Environment::Sandbox, "score").is_err());
    }
}
