//! `webhook`: where events are sent, and what was given up.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::config::Config;
use super::output::{self, Done, Failure};
use super::{Place, Shape, with_bureau};
use crate::bureau::webhook::shown;
use crate::kernel::Time;
use crate::partner::rows as partner_rows;
use crate::store::Store;

/// Arguments of `webhook`.
#[derive(Args)]
pub struct WebhookArgs {
    #[command(subcommand)]
    act: Act,
}

#[derive(Subcommand)]
enum Act {
    /// Every address, how far its events have come, and dead letters
    List(Shape),
    /// Send again what was given up for a partner
    Retry(RetryArgs),
}

#[derive(Args)]
struct RetryArgs {
    /// Id or name of the partner
    partner: String,
    #[command(flatten)]
    shape: Shape,
}

/// `fivefold webhook …`.
pub fn run(place: &Place, args: &WebhookArgs) -> Done {
    match &args.act {
        Act::List(shape) => list(place, shape),
        Act::Retry(args) => retry(place, args),
    }
}

fn list(place: &Place, shape: &Shape) -> Done {
    let config = Config::load(place)?;
    config.made()?;
    let (hooks, dead, registry) = Store::open(config.database)?.read(|conn| {
        let hooks = partner_rows::webhooks(conn)?;
        Ok((hooks, partner_rows::dead_letters(conn, None)?, partner_rows::load(conn)?))
    })?;
    let named = |id: &str| registry.partners.get(id).map_or(id.to_string(), |p| p.name.clone());
    if shape.json {
        let all: Vec<Value> = hooks
            .iter()
            .map(|row| {
                let own: Vec<_> =
                    dead.iter().filter(|letter| letter.partner == row.partner).cloned().collect();
                let mut value = shown(row, &own);
                value["partner"] = json!(row.partner);
                value
            })
            .collect();
        output::json(&json!({ "webhooks": all }))?;
        return Ok(ExitCode::SUCCESS);
    }
    let rows: Vec<Vec<String>> = hooks
        .iter()
        .map(|row| {
            let own = dead.iter().filter(|letter| letter.partner == row.partner);
            let next = match row.attempts {
                0 => String::new(),
                _ => Time::from_micros(row.next_us).to_second_text(),
            };
            vec![
                named(&row.partner),
                row.url.clone(),
                row.sent.to_string(),
                row.attempts.to_string(),
                next,
                row.error.clone().unwrap_or_default(),
                own.count().to_string(),
            ]
        })
        .collect();
    let header = ["partner", "url", "delivered", "attempts", "next", "last error", "dead letters"];
    output::table(&header, &rows)?;
    if !dead.is_empty() {
        let rows: Vec<Vec<String>> = dead
            .iter()
            .map(|letter| {
                vec![
                    named(&letter.partner),
                    format!("{} to {}", letter.first_event, letter.last_event),
                    Time::from_micros(letter.at_us).to_second_text(),
                    letter.error.clone(),
                ]
            })
            .collect();
        output::table(&["given up for", "events", "when", "why"], &rows)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn retry(place: &Place, args: &RetryArgs) -> Done {
    let known = with_bureau(place, |bureau, _| {
        let registry = bureau.store.read(partner_rows::load)?;
        let partner = registry.find(&args.partner).map(|partner| partner.id.clone());
        let partner = partner.ok_or_else(|| {
            let text = "There is no such partner. `fivefold partner list` shows them.";
            Failure::new("partner_not_found", text)
        })?;
        Ok(bureau.retry_webhook(&partner)?)
    })?;
    super::partner::tell(&known, &args.shape)
}
