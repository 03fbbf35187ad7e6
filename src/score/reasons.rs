//! The texts of reason codes, in the languages a person is answered in.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::ScoreError;

/// A language of the texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// English.
    English,
    /// Simplified Chinese.
    Chinese,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    en: String,
    zh: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    reason: BTreeMap<String, Text>,
}

/// Every reason code with its texts (`policies/reasons.toml`).
#[derive(Clone, Debug)]
pub struct ReasonTexts(BTreeMap<String, Text>);

impl ReasonTexts {
    /// Reads the file.
    ///
    /// # Errors
    /// When it is not TOML of this shape, or a text is empty.
    pub fn load(bytes: &[u8]) -> Result<ReasonTexts, ScoreError> {
        let unreadable = |e: &dyn std::fmt::Display| ScoreError::Unreadable(e.to_string());
        let text = std::str::from_utf8(bytes).map_err(|e| unreadable(&e))?;
        let file: File = toml::from_str(text).map_err(|e| unreadable(&e))?;
        let empty = |t: &Text| t.en.trim().is_empty() || t.zh.trim().is_empty();
        match file.reason.iter().find(|(_, text)| empty(text)) {
            Some((code, _)) => Err(ScoreError::Unreadable(format!("{code}: a text is empty"))),
            None => Ok(ReasonTexts(file.reason)),
        }
    }

    /// The text of a code; `None` for an unknown one.
    pub fn text(&self, code: &str, language: Language) -> Option<&str> {
        self.0.get(code).map(|text| match language {
            Language::English => text.en.as_str(),
            Language::Chinese => text.zh.as_str(),
        })
    }

    /// All codes, sorted.
    pub fn codes(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}
