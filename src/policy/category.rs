//! Spending categories: the allow-list, and the words that must never come in (CN-01), read from
//! `policies/categories.toml`.

use std::collections::BTreeMap;

use serde::Deserialize;
use unicode_normalization::UnicodeNormalization;

use super::facts::Category;
use super::pack::Mark;
use super::source::{CATEGORIES, Fault, Files, toml_fault};

/// How many characters of a name are looked at.
const NAME_CHARS_MAX: usize = 256;

/// The catalogue of spending categories.
#[derive(Clone, Debug)]
pub struct Categories {
    group_of: BTreeMap<String, String>,
    denied: Vec<DeniedWord>,
}

/// A word that gives away what may never be collected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeniedWord {
    /// The word as the catalogue writes it; with `*` it matches as a beginning.
    pub word: String,
    /// What it would reveal.
    pub reveals: String,
    /// The provision.
    pub source: String,
    /// How certain.
    pub mark: Mark,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CatalogueFile {
    groups: BTreeMap<String, Vec<String>>,
    denied: Vec<DeniedFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DeniedFile {
    reveals: String,
    source: String,
    mark: Mark,
    words: Vec<String>,
}

impl Categories {
    /// The group of a listed category.
    pub fn group_of(&self, category: &str) -> Option<&str> {
        self.group_of.get(category).map(String::as_str)
    }

    /// Every listed category with its group, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.group_of.iter().map(|(name, group)| (name.as_str(), group.as_str()))
    }

    /// The fact that a policy asks for. A prohibited word weighs more than a place in the list.
    ///
    /// ```
    /// use fivefold::policy::{Category, Rules};
    ///
    /// let rules = Rules::embedded()?;
    /// assert_eq!(rules.categories().judge("groceries"), Category::Allowed);
    /// assert_eq!(rules.categories().judge("Online-Pharmacy"), Category::Prohibited);
    /// assert_eq!(rules.categories().judge("moon_rock"), Category::Unlisted);
    /// # Ok::<(), fivefold::policy::RulesError>(())
    /// ```
    pub fn judge(&self, category: &str) -> Category {
        if self.denied_in(category).is_some() {
            Category::Prohibited
        } else if self.group_of.contains_key(category) {
            Category::Allowed
        } else {
            Category::Unlisted
        }
    }

    /// The first prohibited word in a text that a furnisher made up. Only the first
    /// 256 characters are looked at: names are shorter, and longer ones are not listed anyway.
    pub fn denied_in(&self, text: &str) -> Option<&DeniedWord> {
        let folded = fold(text);
        self.denied.iter().find(|denied| matches(&folded, &denied.word))
    }
}

/// Lower case, one underscore for whatever separates words, one at both ends.
fn fold(text: &str) -> String {
    let mut folded = String::from("_");
    for letter in text.chars().take(NAME_CHARS_MAX).nfkc().flat_map(char::to_lowercase) {
        if letter.is_alphanumeric() {
            folded.push(letter);
        } else if !folded.ends_with('_') {
            folded.push('_');
        }
    }
    if !folded.ends_with('_') {
        folded.push('_');
    }
    folded
}

fn matches(folded: &str, word: &str) -> bool {
    if !word.is_ascii() {
        // Chinese separates no words.
        return folded.contains(word);
    }
    match word.strip_suffix('*') {
        Some(stem) => folded.contains(&format!("_{stem}")),
        None => ["", "s", "es"].iter().any(|plural| folded.contains(&format!("_{word}{plural}_"))),
    }
}

/// Reads and checks the catalogue.
pub(super) fn read(files: &Files, faults: &mut Vec<Fault>) -> Option<Categories> {
    let text = files.text(CATEGORIES)?;
    let file: CatalogueFile = match toml::from_str(text) {
        Ok(file) => file,
        Err(error) => {
            faults.push(toml_fault(CATEGORIES, text, &error));
            return None;
        }
    };
    let mut wrong = |needle: &str, message: String| {
        let line = files.line_with(CATEGORIES, needle);
        faults.push(Fault { file: CATEGORIES.to_string(), line, message });
    };
    let mut categories = Categories { group_of: BTreeMap::new(), denied: Vec::new() };
    for list in file.denied {
        for word in list.words {
            let bare = word.strip_suffix('*').unwrap_or(&word);
            if fold(bare) != format!("_{bare}_") {
                let message = format!("`{word}` is not in lower case, words joined by `_`");
                wrong(&format!("\"{word}\""), message);
            }
            categories.denied.push(DeniedWord {
                word,
                reveals: list.reveals.clone(),
                source: list.source.clone(),
                mark: list.mark,
            });
        }
    }
    for (group, names) in file.groups {
        for name in names {
            let needle = format!("\"{name}\"");
            if let Some(denied) = categories.denied_in(&name) {
                wrong(&needle, format!("`{name}` is listed, and denied as `{}`", denied.word));
            }
            if let Some(before) = categories.group_of.insert(name.clone(), group.clone()) {
                wrong(&needle, format!("`{name}` stands in `{before}` and in `{group}`"));
            }
        }
    }
    Some(categories)
}
