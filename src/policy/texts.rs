//! Texts that people read, in English and Chinese: what reason codes say, what bands are called.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::remedies::TwoTexts;
use super::source::{BANDS, Fault, Files, REASONS, toml_fault};

/// Reason codes and bands with their texts.
#[derive(Clone, Debug, Default)]
pub struct Texts {
    reasons: BTreeMap<String, TwoTexts>,
    bands: BTreeMap<String, TwoTexts>,
}

impl Texts {
    /// What a reason code says.
    pub fn reason(&self, code: &str) -> Option<&TwoTexts> {
        self.reasons.get(code)
    }

    /// What a band is called.
    pub fn band(&self, name: &str) -> Option<&TwoTexts> {
        self.bands.get(name)
    }

    /// How many of each there are.
    pub fn counts(&self) -> (usize, usize) {
        (self.reasons.len(), self.bands.len())
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TextFile {
    #[serde(default)]
    reason: BTreeMap<String, TwoTexts>,
    #[serde(default)]
    band: BTreeMap<String, TwoTexts>,
}

/// Reads and checks both files.
pub(super) fn read(files: &Files, faults: &mut Vec<Fault>) -> Texts {
    let mut texts = Texts::default();
    for path in [REASONS, BANDS] {
        let text = files.text(path).unwrap_or_default();
        let file: TextFile = match toml::from_str(text) {
            Ok(file) => file,
            Err(error) => {
                faults.push(toml_fault(path, text, &error));
                continue;
            }
        };
        let all = file.reason.iter().chain(&file.band);
        let mut empty = all.filter(|(_, t)| t.en.trim().is_empty() || t.zh.trim().is_empty());
        if let Some((name, _)) = empty.next() {
            let line = files.line_with(path, name);
            let message = format!("`{name}` lacks a text");
            faults.push(Fault { file: path.to_string(), line, message });
        }
        texts.reasons.extend(file.reason);
        texts.bands.extend(file.band);
    }
    texts
}
