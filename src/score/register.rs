//! The register of data items: what is collected, for which purpose, and what uses it (CN-04).
//!
//! An item that serves nothing, and feeds no characteristic of the scorecard in force, is
//! collected for nothing: the register says so.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::ScoreError;
use super::characteristic;
use super::scorecard::Scorecard;
use crate::collect::dictionary::dictionary;

/// A few fields with one purpose.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Item {
    /// `type.field` of the dictionary; `*` stands for every type.
    pub fields: Vec<String>,
    /// Why they are collected.
    pub purpose: String,
    /// What they are for beside scores; empty when nothing.
    #[serde(default)]
    pub serves: String,
    /// What is computed from them.
    #[serde(default)]
    pub characteristics: Vec<String>,
}

impl Item {
    /// Its characteristics that `scorecard` reads.
    pub fn used_by<'a>(&'a self, scorecard: &'a Scorecard) -> impl Iterator<Item = &'a str> {
        let read = |name: &&str| scorecard.characteristics.iter().any(|entry| entry.name == *name);
        self.characteristics.iter().map(String::as_str).filter(read)
    }

    /// Whether it is collected for something.
    pub fn is_used(&self, scorecard: &Scorecard) -> bool {
        !self.serves.is_empty() || self.used_by(scorecard).next().is_some()
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RegisterFile {
    item: Vec<Item>,
}

/// Reads the register (`policies/register.toml`) and holds it to the dictionary and the catalogue
/// of characteristics: every field stands in it once, every characteristic is made of something.
///
/// # Errors
/// It is not TOML of this shape, or does not cover exactly what is collected and computed.
pub fn read(text: &str) -> Result<Vec<Item>, ScoreError> {
    let file: RegisterFile =
        toml::from_str(text).map_err(|e| ScoreError::Unreadable(e.to_string()))?;
    let mut problems = Vec::new();
    let known: BTreeSet<String> =
        dictionary().iter().map(|entry| format!("{}.{}", entry.observation, entry.field)).collect();
    let mut seen = BTreeSet::new();
    let mut computed = BTreeSet::new();
    for item in &file.item {
        for field in &item.fields {
            if !known.contains(field) {
                problems.push(format!("{field}: not a field of the dictionary"));
            }
            if !seen.insert(field.clone()) {
                problems.push(format!("{field}: stands twice"));
            }
        }
        for name in &item.characteristics {
            if characteristic::find(name).is_none() {
                problems.push(format!("{name}: not a characteristic"));
            }
            computed.insert(name.as_str());
        }
    }
    for field in known.iter().filter(|field| !seen.contains(*field)) {
        problems.push(format!("{field}: is collected, and not registered"));
    }
    for one in characteristic::catalogue().filter(|one| !computed.contains(one.name)) {
        problems.push(format!("{}: is computed from nothing that is registered", one.name));
    }
    if problems.is_empty() { Ok(file.item) } else { Err(ScoreError::ScorecardInvalid(problems)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REGISTER: &str = include_str!("../../policies/register.toml");
    const CARD: &[u8] = include_bytes!("../../policies/scorecards/fivefold-general-2.toml");

    #[test]
    fn everything_collected_is_registered_and_what_serves_nothing_is_named() {
        let items = read(REGISTER).expect("a register");
        let card = Scorecard::load(CARD).expect("a scorecard");
        let unused: Vec<&str> = items
            .iter()
            .filter(|item| !item.is_used(&card))
            .flat_map(|item| item.fields.iter().map(String::as_str))
            .collect();
        assert_eq!(
            unused,
            [
                "account.term_months",
                "account.original_creditor",
                "account_month.special_comment",
                "payment_activity.amount",
            ]
        );
    }

    #[test]
    fn a_register_with_a_hole_is_refused() {
        let holed = REGISTER.replacen("\"account.opened\"", "\"account.opend\"", 1);
        let error = read(&holed).expect_err("a hole").to_string();
        assert!(error.contains("account.opend: not a field"), "{error}");
        assert!(error.contains("account.opened: is collected"), "{error}");
    }
}
