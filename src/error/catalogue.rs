//! What every stable code means, and what to do about it: read from `catalogue.toml`.
//!
//! Codes of policies stand in `policies/refusals.toml`; `http::docs` puts both on one page.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

const TEXT: &str = include_str!("catalogue.toml");

/// Where a code is met.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// The `code` of a problem.
    Problem,
    /// The `code` of one place in `errors[]`, or of one line of a receipt.
    Field,
    /// The `code` of an answer `not_assessable`.
    Answer,
}

/// Who can change what a code says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fix {
    /// Whoever sent the request.
    Sender,
    /// The furnisher of a record.
    Furnisher,
    /// The person.
    Person,
    /// The bureau.
    Bureau,
    /// Nobody.
    Nobody,
}

/// Whether to try again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Again {
    /// As a new request, once what is wrong was changed.
    Changed,
    /// The same request, later: same idempotency key, new signature.
    Later,
    /// It will not become possible.
    Never,
}

/// What is known of a code.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Meaning {
    /// Who can change it.
    pub fix: Fix,
    /// Whether to try again.
    pub again: Again,
    /// What happened.
    pub title: String,
    /// What to do.
    pub next: String,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    problem: BTreeMap<String, Meaning>,
    field: BTreeMap<String, Meaning>,
    answer: BTreeMap<String, Meaning>,
}

fn file() -> &'static File {
    static FILE: OnceLock<File> = OnceLock::new();
    // It is compiled in, and a test reads it: an empty one is never met.
    FILE.get_or_init(|| toml::from_str(TEXT).unwrap_or_default())
}

/// Every code with where it is met, in the order of the alphabet within each place.
pub fn all() -> impl Iterator<Item = (Place, &'static str, &'static Meaning)> {
    let File { problem, field, answer } = file();
    let each = [(Place::Problem, problem), (Place::Field, field), (Place::Answer, answer)];
    each.into_iter()
        .flat_map(|(place, map)| map.iter().map(move |(code, m)| (place, code.as_str(), m)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalogue_reads_and_every_entry_says_something() {
        toml::from_str::<File>(TEXT).expect("it reads");
        assert!(all().count() > 150);
        for (_, code, meaning) in all() {
            let may = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
            let snake = code.bytes().all(may);
            assert!(snake, "{code}");
            assert!(!meaning.title.is_empty() && meaning.next.ends_with('.'), "{code}");
            assert!(!meaning.title.ends_with('.'), "{code}");
        }
    }
}
