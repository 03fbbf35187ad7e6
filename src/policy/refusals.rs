//! The catalogue of refusals: every code, in the order in which it is looked for, read from
//! `policies/refusals.toml`.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::source::{Fault, Files, REFUSALS, toml_fault};
use super::words::words;

words! {
    /// Who hears the code.
    Told {
        /// Whoever asked.
        Asker = "asker",
        /// A lender who asked on a standing basis; others hear `not_assessable`.
        Lender = "lender",
    }
}

words! {
    /// What raises the code.
    RaisedBy {
        /// A `forbid` in a policy file.
        Policy = "policy",
        /// The decision itself.
        Engine = "engine",
        /// The stages after it.
        Score = "score",
    }
}

words! {
    /// Who can change what the code says.
    FixedBy {
        /// Whoever asked.
        Asker = "asker",
        /// The furnisher of the record.
        Furnisher = "furnisher",
        /// The person.
        Person = "person",
        /// The bureau.
        Bureau = "bureau",
        /// Nobody.
        Nobody = "nobody",
    }
}

/// One code of the catalogue.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RefusalText {
    /// The stable code.
    pub code: String,
    /// Who hears it.
    pub told: Told,
    /// What raises it.
    pub by: RaisedBy,
    /// Who can change it.
    pub fixed_by: FixedBy,
    /// One sentence for people.
    pub text: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CatalogueFile {
    refusal: Vec<RefusalText>,
}

/// The catalogue of refusals, in its fixed order.
#[derive(Clone, Debug)]
pub struct Refusals {
    list: Vec<RefusalText>,
    at: BTreeMap<String, usize>,
}

impl Refusals {
    /// The codes in order.
    pub fn iter(&self) -> impl Iterator<Item = &RefusalText> {
        self.list.iter()
    }

    /// What the catalogue says of a code.
    pub fn get(&self, code: &str) -> Option<&RefusalText> {
        self.at.get(code).and_then(|at| self.list.get(*at))
    }

    /// The place of a code in the fixed order.
    pub(super) fn place(&self, code: &str) -> Option<usize> {
        self.at.get(code).copied()
    }

    /// Who hears a code; one that is not catalogued is told to nobody but lenders.
    pub fn told(&self, code: &str) -> Told {
        self.get(code).map_or(Told::Lender, |refusal| refusal.told)
    }
}

/// Reads and checks the catalogue.
pub(super) fn read(files: &Files, faults: &mut Vec<Fault>) -> Option<Refusals> {
    let text = files.text(REFUSALS)?;
    let list = match toml::from_str::<CatalogueFile>(text) {
        Ok(file) => file.refusal,
        Err(error) => {
            faults.push(toml_fault(REFUSALS, text, &error));
            return None;
        }
    };
    let mut at = BTreeMap::new();
    for (place, refusal) in list.iter().enumerate() {
        let code = &refusal.code;
        let snake = code.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        let twice = at.insert(code.clone(), place).is_some();
        if !snake || twice {
            let message = match snake {
                true => format!("`{code}` stands twice"),
                false => format!("`{code}` is not in snake case"),
            };
            let line = files.line_with(REFUSALS, &format!("code = \"{code}\""));
            faults.push(Fault { file: REFUSALS.to_string(), line, message });
        }
    }
    Some(Refusals { list, at })
}
