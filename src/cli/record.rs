//! `record`: what reports need and nothing else knows.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::{Map, Value};

use super::output::{self, Done};
use super::{Place, Shape, Staff, with_bureau};
use crate::bureau::command::record::{Record, Recordable};

/// Arguments of `record`.
#[derive(Args)]
#[command(after_help = "\
Each is an entry of the log, and counted in the regulator's report of its month. A table that
nothing was recorded for says \"not recorded\", which is not the same as none.

Examples:
  fivefold record incident outage --seconds-down 840 --as li --reason 'power, 3 October'
  fivefold record filing model --reference PBC-2026-17 --version 2.1 --date 2026-10-03 --as li \\
      --reason 'yearly filing'
  fivefold record reference adult_population --value 1100000000 --source 'census 2020' --as li \\
      --reason 'coverage'")]
pub struct RecordArgs {
    #[command(subcommand)]
    what: What,
}

/// What every record has.
#[derive(Args)]
struct Common {
    /// Which: breach, outage, misuse; model, annual, foreign_request; the item; the figure's name
    class: String,
    /// The rule pack under which it is counted [default: the bureau's home]
    #[arg(long, value_name = "PACK")]
    jurisdiction: Option<String>,
    /// In words
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
    #[command(flatten)]
    staff: Staff,
    #[command(flatten)]
    shape: Shape,
}

#[derive(Subcommand)]
enum What {
    /// Something went wrong: a breach, an outage, misuse
    Incident {
        #[command(flatten)]
        common: Common,
        /// Persons affected
        #[arg(long)]
        persons: Option<u32>,
        /// How long the service was down
        #[arg(long, value_name = "SECONDS")]
        seconds_down: Option<u32>,
        /// From detection to containment
        #[arg(long, value_name = "SECONDS")]
        seconds_to_contain: Option<u32>,
        /// From detection to telling the authority
        #[arg(long, value_name = "SECONDS")]
        seconds_to_notify: Option<u32>,
    },
    /// Something was filed with an authority
    Filing {
        #[command(flatten)]
        common: Common,
        /// Its number
        #[arg(long, value_name = "NUMBER")]
        reference: String,
        /// The day it was filed, 2026-10-03
        #[arg(long)]
        date: String,
        /// The version that it is about
        #[arg(long)]
        version: Option<String>,
        /// How much the change matters
        #[arg(long)]
        materiality: Option<String>,
        /// What became of it
        #[arg(long)]
        outcome: Option<String>,
    },
    /// A complaint that did not come through the bureau's own doors
    Complaint {
        #[command(flatten)]
        common: Common,
        /// upheld, rejected; open when left out
        #[arg(long)]
        outcome: Option<String>,
        /// Whole days until it was answered
        #[arg(long)]
        days: Option<u32>,
    },
    /// Fees charged to persons
    Fee {
        #[command(flatten)]
        common: Common,
        /// How many charges
        #[arg(long)]
        count: u32,
        /// Their sum, in minor units of the currency
        #[arg(long, value_name = "MINOR")]
        amount_minor: u64,
        /// ISO 4217
        #[arg(long, value_name = "CODE")]
        currency: String,
        /// The law says that it must be free
        #[arg(long)]
        statutory: bool,
    },
    /// A figure from elsewhere
    Reference {
        #[command(flatten)]
        common: Common,
        /// The figure, a whole number
        #[arg(long)]
        value: u64,
        /// Where it comes from
        #[arg(long, value_name = "TEXT")]
        source: String,
        /// As of which day
        #[arg(long)]
        date: Option<String>,
    },
}

/// Members in the making: what was not said is not there.
#[derive(Default)]
struct Members(Map<String, Value>);

impl Members {
    fn with(mut self, name: &str, value: Option<impl Into<Value>>) -> Members {
        if let Some(value) = value {
            self.0.insert(name.to_owned(), value.into());
        }
        self
    }
}

impl What {
    fn parts(&self) -> (Recordable, &Common, Members) {
        let text = |value: &String| Some(value.clone());
        let members = Members::default();
        match self {
            What::Incident {
                common,
                persons,
                seconds_down,
                seconds_to_contain,
                seconds_to_notify,
            } => {
                let members = members
                    .with("persons", *persons)
                    .with("seconds_down", *seconds_down)
                    .with("seconds_to_contain", *seconds_to_contain)
                    .with("seconds_to_notify", *seconds_to_notify);
                (Recordable::Incident, common, members)
            }
            What::Filing { common, reference, date, version, materiality, outcome } => {
                let members = members
                    .with("reference", text(reference))
                    .with("date", text(date))
                    .with("version", version.clone())
                    .with("materiality", materiality.clone())
                    .with("outcome", outcome.clone());
                (Recordable::Filing, common, members)
            }
            What::Complaint { common, outcome, days } => {
                let members = members.with("outcome", outcome.clone()).with("days", *days);
                (Recordable::Complaint, common, members)
            }
            What::Fee { common, count, amount_minor, currency, statutory } => {
                let members = members
                    .with("count", Some(*count))
                    .with("amount_minor", Some(*amount_minor))
                    .with("currency", text(currency))
                    .with("statutory", Some(*statutory));
                (Recordable::Fee, common, members)
            }
            What::Reference { common, value, source, date } => {
                let members = members
                    .with("value", Some(*value))
                    .with("source", text(source))
                    .with("date", date.clone());
                (Recordable::Reference, common, members)
            }
        }
    }
}

/// `fivefold record …`.
pub fn run(place: &Place, args: &RecordArgs) -> Done {
    let (what, common, members) = args.what.parts();
    let members = members.with("note", common.note.clone());
    let body = with_bureau(place, |bureau, config| {
        let name = format!("record {}", what.name());
        let admission = common.staff.admission(config.environment(), &name)?;
        let command = Record {
            admission,
            what,
            class: common.class.clone(),
            jurisdiction: common.jurisdiction.clone().unwrap_or_default(),
            members: members.0,
        };
        Ok(bureau.run(command).value()?)
    })?;
    if common.shape.json {
        output::json(&body)?;
    } else {
        let index = body["log"]["index"].to_string();
        output::pairs(&[("recorded", what.name().to_owned()), ("entry", index)])?;
    }
    Ok(ExitCode::SUCCESS)
}
