//! The files the rules are read from, their digests, and faults that name file and line.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::ops::Range;
use std::path::Path;

use cedar_policy::ffi::DetailedError;

use super::embedded;
use crate::kernel::bytes::{Digest, sha256_of};

/// How many files a folder of rules may have.
const FILES_MAX: usize = 512;
/// How long one of them may be, in bytes.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// The folder of cases, which are about rules and none of them.
const CASES: &str = "cases";
/// The folder every pack shares.
pub(super) const COMMON: &str = "common";
/// A pack's numbers and catalogues.
pub(super) const PACK: &str = "pack.toml";
/// A pack's clocks.
pub(super) const RETENTION: &str = "retention.toml";
/// A pack's deadlines and rights.
pub(super) const REMEDIES: &str = "remedies.toml";
/// What may lie in a pack's folder beside policies.
const PACK_FILES: [&str; 3] = [PACK, RETENTION, REMEDIES];
/// What a policy may speak about.
pub(super) const SCHEMA: &str = "schema.cedarschema";
/// The catalogue of scenarios.
pub(super) const SCENARIOS: &str = "scenarios.toml";
/// The catalogue of spending categories.
pub(super) const CATEGORIES: &str = "categories.toml";
/// The catalogue of refusals.
pub(super) const REFUSALS: &str = "refusals.toml";
/// The texts of reason codes.
pub(super) const REASONS: &str = "reasons.toml";
/// The names of bands.
pub(super) const BANDS: &str = "bands.toml";

/// One thing that is wrong with the rules.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    /// The file, relative to the folder of rules.
    pub file: String,
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.message)
    }
}

/// The rules cannot be used: every fault that was found, so that one look is enough.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct RulesError {
    /// The faults, by file and line.
    pub faults: Vec<Fault>,
}

impl RulesError {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        "rules_invalid"
    }
}

impl fmt::Display for RulesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, fault) in self.faults.iter().enumerate() {
            if at > 0 {
                f.write_str("\n")?;
            }
            fault.fmt(f)?;
        }
        Ok(())
    }
}

/// The files of a set of rules, by path relative to the folder, in sorted order.
pub(super) struct Files(BTreeMap<String, String>);

impl Files {
    /// The files in the binary.
    pub(super) fn embedded() -> Files {
        let own = |(path, text): &(&str, &str)| (path.to_string(), text.to_string());
        Files(embedded::FILES.iter().map(own).collect())
    }

    /// The files of a folder. Files that are not rules (other catalogues, scorecards) are left
    /// alone; what lies in a pack's folder and is not known there is a fault, so that a misspelt
    /// name never silences a rule.
    pub(super) fn read(dir: &Path) -> Result<Files, RulesError> {
        let mut reader = Reader { files: BTreeMap::new(), faults: Vec::new() };
        for name in [SCHEMA, SCENARIOS, CATEGORIES, REFUSALS, REASONS, BANDS] {
            reader.take(dir, name);
        }
        for folder in reader.names(dir, "") {
            if dir.join(&folder).is_dir() {
                reader.folder(dir, &folder);
            }
        }
        match reader.faults.is_empty() {
            true => Ok(Files(reader.files)),
            false => Err(RulesError { faults: reader.faults }),
        }
    }

    /// All files, as a JSON object from path to text.
    pub(super) fn archive(&self) -> String {
        serde_json::to_string(&self.0).unwrap_or_default()
    }

    /// Reads [`Files::archive`].
    pub(super) fn from_archive(archive: &str) -> Option<Files> {
        serde_json::from_str(archive).ok().map(Files)
    }

    /// The text of a file.
    pub(super) fn text(&self, path: &str) -> Option<&str> {
        self.0.get(path).map(String::as_str)
    }

    /// The Cedar files with the folder they lie in.
    pub(super) fn policies(&self) -> impl Iterator<Item = (&str, &str, &str)> {
        self.0.iter().filter_map(|(path, text)| {
            let (folder, name) = path.split_once('/')?;
            name.ends_with(".cedar").then_some((folder, path.as_str(), text.as_str()))
        })
    }

    /// The ids of the packs: the folders with a pack file.
    pub(super) fn packs(&self) -> impl Iterator<Item = &str> {
        self.0.keys().filter_map(|path| path.strip_suffix(PACK)?.strip_suffix('/'))
    }

    /// The digest of all files: names and lengths are in it, so that nothing can move between
    /// them.
    pub(super) fn digest(&self) -> Digest {
        digest(self.0.iter())
    }

    /// The digest of what governs one pack: its folder and everything shared.
    pub(super) fn pack_digest(&self, id: &str) -> Digest {
        digest(self.0.iter().filter(|(path, _)| match path.split_once('/') {
            Some((folder, _)) => folder == id || folder == COMMON,
            None => true,
        }))
    }

    /// Where the first line with `needle` is in a file; 1 when there is none.
    pub(super) fn line_with(&self, path: &str, needle: &str) -> usize {
        let text = self.text(path).unwrap_or_default();
        text.find(needle).map_or(1, |at| line_at(text, at))
    }
}

fn digest<'a>(files: impl Iterator<Item = (&'a String, &'a String)>) -> Digest {
    let mut all = b"fivefold-rules/v1\n".to_vec();
    for (path, text) in files {
        for part in [path, text] {
            all.extend_from_slice(&(part.len() as u64).to_be_bytes());
            all.extend_from_slice(part.as_bytes());
        }
    }
    sha256_of(&[&all])
}

struct Reader {
    files: BTreeMap<String, String>,
    faults: Vec<Fault>,
}

impl Reader {
    fn fault(&mut self, file: &str, message: impl fmt::Display) {
        self.faults.push(Fault { file: file.to_string(), line: 1, message: message.to_string() });
    }

    fn names(&mut self, dir: &Path, folder: &str) -> Vec<String> {
        let mut names = Vec::new();
        match fs::read_dir(dir.join(folder)) {
            Ok(entries) => {
                for entry in entries.take(FILES_MAX + 1) {
                    match entry {
                        Ok(entry) => names.push(entry.file_name().to_string_lossy().into_owned()),
                        Err(error) => self.fault(folder, error),
                    }
                }
            }
            Err(error) => self.fault(if folder.is_empty() { "." } else { folder }, error),
        }
        if names.len() > FILES_MAX {
            self.fault(folder, format!("more than {FILES_MAX} files"));
        }
        names.sort();
        names
    }

    fn folder(&mut self, dir: &Path, folder: &str) {
        let names = self.names(dir, folder);
        if folder == CASES {
            return;
        }
        let governs = folder == COMMON || names.iter().any(|name| name == PACK);
        for name in names {
            let path = format!("{folder}/{name}");
            let of_pack = PACK_FILES.contains(&name.as_str()) && folder != COMMON;
            let is_rule = name.ends_with(".cedar") || of_pack;
            match (governs, is_rule) {
                (true, true) => self.take(dir, &path),
                (true, false) => self.fault(&path, "unexpected file in a folder of rules"),
                (false, true) => self.fault(&path, format!("a policy in a folder without {PACK}")),
                (false, false) => {}
            }
        }
    }

    fn take(&mut self, dir: &Path, path: &str) {
        let full = dir.join(path);
        let read = fs::metadata(&full).and_then(|meta| match meta.len() <= FILE_BYTES_MAX {
            true => fs::read_to_string(&full),
            false => Err(std::io::Error::other(format!("longer than {FILE_BYTES_MAX} bytes"))),
        });
        match read {
            Ok(text) => {
                self.files.insert(path.to_string(), text);
            }
            Err(error) => self.fault(path, error),
        }
    }
}

/// The line, counted from 1, of a byte offset.
pub(super) fn line_at(text: &str, offset: usize) -> usize {
    1 + text.bytes().take(offset).filter(|byte| *byte == b'\n').count()
}

/// A fault from a TOML reader.
pub(super) fn toml_fault(file: &str, text: &str, error: &toml::de::Error) -> Fault {
    let at = error.span().unwrap_or(Range { start: 0, end: 0 }).start;
    Fault { file: file.to_string(), line: line_at(text, at), message: error.message().to_string() }
}

/// A fault from Cedar, whose errors know where they are.
pub(super) fn cedar_fault(file: &str, text: &str, error: DetailedError) -> Fault {
    let place = first_place(&error);
    Fault {
        file: file.to_string(),
        line: place.map_or(1, |at| line_at(text, at)),
        message: error.message,
    }
}

fn first_place(error: &DetailedError) -> Option<usize> {
    let own = error.source_locations.first().map(|label| label.loc.start);
    own.or_else(|| error.related.iter().find_map(first_place))
}
