//! `keys`: which keys the bureau has, and fresh ones in their place.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::config::Config;
use super::output::{self, Done, Failure, note};
use super::{Place, Shape, Staff, with_bureau};
use crate::bureau::keys::{BureauKeys, KeyError, NAMES, RotateError};
use crate::partner::signature::PublicKey;

/// Arguments of `keys`.
#[derive(Args)]
pub struct KeysArgs {
    #[command(subcommand)]
    act: Act,
}

#[derive(Subcommand)]
enum Act {
    /// The keys in use, and those that signed once
    List(Shape),
    /// Put a fresh key in the place of one, while the bureau serves
    Rotate(RotateArgs),
    /// End the time in which the old key is needed too, and destroy it
    Finish(RotateArgs),
}

#[derive(Args)]
#[command(after_help = "\
A serving bureau takes the new key up within a second. What the old one signed stays verifiable:
its public half stays published (/.well-known/jwks.json, /.well-known/fivefold).

  response, manifest   done at once; the old private key is gone
  log                  checkpoints carry both signatures until `keys finish log`: give auditors and
                       witnesses the new vkey meanwhile
  wrapping             new keys are wrapped with it; `keys finish wrapping` wraps all others anew.
                       Where several nodes share a database, copy DIR/keys to each before that
  index                cannot be rotated: marks of forgotten persons are made with it

Examples:
  fivefold keys rotate log --dir bureau --as li --reason 'yearly'
  fivefold keys finish log --dir bureau --as li --reason 'all auditors have the new one'")]
struct RotateArgs {
    /// log, response, manifest or wrapping
    name: String,
    #[command(flatten)]
    staff: Staff,
    #[command(flatten)]
    shape: Shape,
}

/// `fivefold keys …`.
pub fn run(place: &Place, args: &KeysArgs) -> Done {
    match &args.act {
        Act::List(shape) => list(place, shape),
        Act::Rotate(args) => rotate(place, args),
        Act::Finish(args) => finish(place, args),
    }
}

fn failed(error: RotateError) -> Failure {
    let code = match &error {
        RotateError::Refused(problem) => return problem.clone().into(),
        RotateError::Key(_) => "key_unusable",
        RotateError::Store(_) => "database_unavailable",
        RotateError::Fixed(_) => "key_not_rotatable",
        RotateError::Unknown(_) => "key_unknown",
        RotateError::Unfinished(_) => "rotation_unfinished",
        RotateError::HalfWay(_) => "rotation_half_way",
        RotateError::Nothing(_) => "rotation_not_begun",
    };
    Failure::new(code, error.to_string())
}

/// A key by which a reader knows it: its vkey, or its thumbprint.
fn shown(key: &Value) -> String {
    match key.as_str() {
        Some(vkey) => vkey.to_string(),
        None => PublicKey::from_jwk(key).map(|key| key.thumbprint()).unwrap_or_default(),
    }
}

fn list(place: &Place, shape: &Shape) -> Done {
    let config = Config::load(place)?;
    config.made()?;
    let keys = BureauKeys::load(&config.dir.join("keys"), &config.origin);
    let keys = keys.map_err(|error: KeyError| failed(error.into()))?;
    let mut rows = Vec::new();
    for name in NAMES {
        let key = match name {
            "log" => json!(keys.log().vkey()),
            "response" | "manifest" => keys.published(name).swap_remove(0),
            _ => Value::Null,
        };
        let state = if keys.is_rotating(name) { "rotating" } else { "in use" };
        rows.push((name.to_string(), key, state.to_string()));
    }
    for one in keys.retired() {
        rows.push((one.name, one.key, format!("retired {}", one.since.to_second_text())));
    }
    if shape.json {
        let list = rows
            .iter()
            .map(|(name, key, state)| json!({ "name": name, "key": key, "state": state }));
        output::json(&json!({ "keys": list.collect::<Vec<_>>() }))?;
        return Ok(ExitCode::SUCCESS);
    }
    let rows: Vec<Vec<String>> = rows
        .into_iter()
        .map(|(name, key, state)| {
            let key = if key.is_null() { "secret".to_string() } else { shown(&key) };
            vec![name, state, key]
        })
        .collect();
    output::table(&["key", "state", "public"], &rows)?;
    Ok(ExitCode::SUCCESS)
}

fn rotate(place: &Place, args: &RotateArgs) -> Done {
    let (public, unfinished) = with_bureau(place, |bureau, config| {
        let admission = args.staff.admission(config.environment(), "keys rotate")?;
        let public = bureau.rotate_key(admission, &args.name).map_err(failed)?;
        Ok((public, bureau.engine.keys.is_rotating(&args.name)))
    })?;
    if args.shape.json {
        let rotating = unfinished;
        output::json(&json!({ "key": args.name, "public": public, "rotating": rotating }))?;
        return Ok(ExitCode::SUCCESS);
    }
    let public = public.as_ref().map_or_else(|| "secret".to_string(), shown);
    output::pairs(&[("rotated", args.name.clone()), ("public", public)])?;
    if unfinished {
        note(&format!("Both keys are needed for now. Next: fivefold keys finish {}", args.name));
    }
    Ok(ExitCode::SUCCESS)
}

fn finish(place: &Place, args: &RotateArgs) -> Done {
    let wrapped = with_bureau(place, |bureau, config| {
        let admission = args.staff.admission(config.environment(), "keys finish")?;
        bureau.finish_rotation(admission, &args.name).map_err(failed)
    })?;
    if args.shape.json {
        output::json(&json!({ "key": args.name, "wrapped": wrapped }))?;
        return Ok(ExitCode::SUCCESS);
    }
    output::pairs(&[("finished", args.name.clone()), ("wrapped anew", wrapped.to_string())])?;
    Ok(ExitCode::SUCCESS)
}
