//! The style guide as a test: what a reviewer would have to look for in `src/` on every change.
//!
//! Nothing here parses Rust. Comments and literals are blanked out first, so that a rule sees only
//! code; what is left is read word by word, which is enough for rules about names and lengths.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::{fmt, fs, io};

use code::{LITERAL, Source, Word, body_start, closing, ends_with, is_word, starts_with, words};

mod can_fail;
pub(super) mod code;

/// The stages in import order: a file imports from its own stage and from those before it.
const STAGES: [&str; 17] = [
    "kernel", "error", "store", "partner", "subject", "consent", "policy", "collect", "ledger",
    "score", "inquiry", "rights", "model", "report", "bureau", "http", "cli",
];
const FILE_LINES_MAX: usize = 600;
const FUNCTION_LINES_MAX: usize = 70;
const LINE_COLUMNS_MAX: usize = 100;
/// The laboratory, drawing coordinates, and tables and progress bars on a terminal.
const FLOAT_STAGES: [&str; 3] = ["model", "report", "cli"];
/// A Parquet column or a JSON number that a furnisher sends as a double is met, and refused or
/// converted, in the first two; Prometheus counts in floats.
const FLOAT_FILES: [&str; 3] = ["collect/columns.rs", "collect/ndjson.rs", "bureau/meters.rs"];
const DATABASES: [&str; 2] = ["postgres", "sqlite"];

/// One place that breaks one rule.
#[derive(Debug, PartialEq)]
struct Finding {
    path: String,
    line: usize,
    rule: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.rule)
    }
}

// ---- The rules ---------------------------------------------------------------------------------

fn finding(source: &Source, position: usize, rule: impl Into<String>) -> Finding {
    let path = format!("src/{}", source.path);
    Finding { path, line: source.line(position), rule: rule.into() }
}

/// Imports go to the left only; the binary knows nothing but the command line.
fn import_order(source: &Source) -> Vec<Finding> {
    let path = source.module_path();
    let code = &source.code;
    let all = words(code);
    if source.path == "main.rs" {
        let named = all.iter().filter(|w| w.text == "fivefold" && starts_with(code, w.end, "::"));
        return named
            .flat_map(|word| roots(code, word.end + 2))
            .filter(|root| root.text != "cli")
            .map(|root| finding(source, root.start, "main uses cli only"))
            .collect();
    }
    let Some(stage) = source.stage() else { return Vec::new() };
    let Some(own) = STAGES.iter().position(|name| *name == stage) else {
        return vec![finding(source, 0, format!("`{stage}` has no place in the order of stages"))];
    };
    let inline = inline_modules(code, &all);
    let mut findings = Vec::new();
    for word in &all {
        let Some(after) = root_path(code, word, path.len(), &inline) else { continue };
        for root in roots(code, after) {
            let rule = match STAGES.iter().position(|name| *name == root.text) {
                Some(other) if other > own => {
                    format!("`{stage}` imports from `{}`, which is to its right", root.text)
                }
                Some(_) => continue,
                None if code.get(root.end) == Some(&'!') => continue,
                None => format!("`crate::{}` is not a stage: name it through its own", root.text),
            };
            findings.push(finding(source, root.start, rule));
        }
    }
    findings
}

/// Where the path goes on behind `crate::`, or behind as many `super::` as lead to the root.
fn root_path(code: &[char], word: &Word, depth: usize, inline: &[(usize, usize)]) -> Option<usize> {
    if !starts_with(code, word.end, "::") {
        return None;
    }
    match word.text.as_str() {
        "crate" => Some(word.end + 2),
        "super" if !ends_with(code, word.start, "::") => {
            let mut after = word.end + 2;
            let mut levels = 1;
            while starts_with(code, after, "super::") {
                (after, levels) = (after + "super::".len(), levels + 1);
            }
            let around = inline.iter().filter(|(from, to)| (*from..*to).contains(&word.start));
            (levels == depth + around.count()).then_some(after)
        }
        _ => None,
    }
}

/// The first names behind a path: one, or several in braces.
fn roots(code: &[char], after: usize) -> Vec<Word> {
    let shifted = |from: usize, to: usize| {
        words(&code[from..to]).into_iter().next().map(|word| Word {
            start: word.start + from,
            end: word.end + from,
            text: word.text,
        })
    };
    if code.get(after) != Some(&'{') {
        let length = code[after.min(code.len())..].iter().take_while(|&&c| is_word(c)).count();
        return shifted(after, after + length).into_iter().collect();
    }
    let (mut entry, mut at, end) = (after + 1, after + 1, closing(code, after));
    let mut found = Vec::new();
    while at <= end {
        match code[at] {
            '{' => at = closing(code, at),
            ',' | '}' => {
                found.extend(shifted(entry, at));
                entry = at + 1;
            }
            _ => {}
        }
        at += 1;
    }
    found
}

/// From where to where each `mod name { … }` of the file goes.
fn inline_modules(code: &[char], all: &[Word]) -> Vec<(usize, usize)> {
    let bodies = all.iter().filter(|word| word.text == "mod");
    bodies
        .filter_map(|word| match body_start(code, word.end)? {
            (at, '{') => Some((at, closing(code, at))),
            _ => None,
        })
        .collect()
}

fn file_length(source: &Source) -> Vec<Finding> {
    let lines = source.text.lines().count();
    let rule = format!("{lines} lines, more than {FILE_LINES_MAX}: two subjects?");
    let too_long = lines > FILE_LINES_MAX;
    too_long.then(|| finding(source, source.code.len(), rule)).into_iter().collect()
}

/// Lines of code in a body, as clippy counts them: neither empty ones nor comments.
fn function_length(source: &Source) -> Vec<Finding> {
    let code = &source.code;
    let mut findings = Vec::new();
    for pair in words(code).windows(2).filter(|pair| pair[0].text == "fn") {
        // `fn(u8) -> u8` is a type and has no name right behind it.
        let between = &code[pair[0].end..pair[1].start];
        if !between.iter().all(|c| c.is_whitespace()) {
            continue;
        }
        let Some((open, '{')) = body_start(code, pair[1].end) else { continue };
        let body: String = code[open + 1..closing(code, open)].iter().collect();
        let lines = body.lines().filter(|line| !line.trim().is_empty()).count();
        if lines > FUNCTION_LINES_MAX {
            let name = &pair[1].text;
            let rule = format!("`{name}` has {lines} lines, more than {FUNCTION_LINES_MAX}");
            findings.push(finding(source, pair[0].start, rule));
        }
    }
    findings
}

/// A line may be longer only where rustfmt cannot help: one literal, or one address.
fn line_width(source: &Source) -> Vec<Finding> {
    let blanked: String = source.code.iter().collect();
    let mut position = 0;
    let mut findings = Vec::new();
    for (line, code) in source.text.lines().zip(blanked.lines()) {
        let columns = line.chars().count();
        let literal_only = code.contains(LITERAL) && !code.chars().any(is_word);
        let address = line.trim().trim_start_matches(['/', '!', '<']).trim();
        let address_only = code.trim().is_empty() && !address.contains(char::is_whitespace);
        if columns > LINE_COLUMNS_MAX && !literal_only && !address_only {
            let rule = format!("{columns} columns, more than {LINE_COLUMNS_MAX}");
            findings.push(finding(source, position, rule));
        }
        position += columns + 1;
    }
    findings
}

/// Outside tests an error is a value that the caller can read.
fn panics(source: &Source) -> Vec<Finding> {
    const METHODS: [&str; 4] = ["unwrap", "expect", "unwrap_err", "expect_err"];
    const MACROS: [&str; 5] = ["panic", "todo", "unimplemented", "unreachable", "dbg"];
    let code = &source.production;
    let mut findings = Vec::new();
    for word in words(code) {
        let name = word.text.as_str();
        let called = ends_with(code, word.start, ".") || ends_with(code, word.start, "::");
        let expanded = starts_with(code, word.end, "!") && !starts_with(code, word.end, "!=");
        if METHODS.contains(&name) && called {
            findings.push(finding(source, word.start, format!("`{name}` outside tests")));
        } else if MACROS.contains(&name) && expanded {
            findings.push(finding(source, word.start, format!("`{name}!` outside tests")));
        }
    }
    findings
}

fn diesel(source: &Source) -> Vec<Finding> {
    let rows = source.path == "rows.rs" || source.path.ends_with("/rows.rs");
    if rows || source.stage() == Some("store") {
        return Vec::new();
    }
    let named = words(&source.code).into_iter().filter(|w| w.text.starts_with("diesel"));
    named.map(|word| finding(source, word.start, "diesel outside store/ and rows.rs")).collect()
}

/// Scores are replayed bit for bit, so what feeds them is integer; amounts are decimal.
fn floats(source: &Source) -> Vec<Finding> {
    let stage = source.stage().unwrap_or_default();
    if FLOAT_STAGES.contains(&stage) || FLOAT_FILES.contains(&source.path.as_str()) {
        return Vec::new();
    }
    let code = &source.production;
    let found = words(code).into_iter().filter(|word| is_float(code, word));
    found.map(|word| finding(source, word.start, format!("a float: `{}`", word.text))).collect()
}

fn is_float(code: &[char], word: &Word) -> bool {
    let text = word.text.as_str();
    let number = text.starts_with(|c: char| c.is_ascii_digit());
    let named = ["f32", "f64"].iter().any(|float| {
        let stem = text.strip_suffix(float);
        stem.is_some_and(|stem| stem.is_empty() || stem.ends_with('_') || number)
    });
    if !number || text.starts_with("0x") {
        return named;
    }
    // In `pair.0.1` the digits are places, and `0..5` is a range.
    let place = code[..word.start].ends_with(&['.']) && !code[..word.start].ends_with(&['.', '.']);
    let digit = code.get(word.end + 1).is_some_and(char::is_ascii_digit);
    let fraction = code.get(word.end) == Some(&'.') && digit && !place;
    let digits = |part: &str| part.chars().all(|c| c.is_ascii_digit() || c == '_');
    let exponent = text.split_once(['e', 'E']).is_some_and(|(a, b)| digits(a) && digits(b));
    named || fraction || exponent
}

/// What one database has and another lacks, from the lists of migrations of each.
fn missing_migrations(lists: &[(&str, BTreeSet<String>)]) -> Vec<String> {
    let all: BTreeSet<&String> = lists.iter().flat_map(|(_, names)| names).collect();
    let mut missing = Vec::new();
    for (database, names) in lists {
        for name in all.iter().filter(|name| !names.contains(**name)) {
            missing.push(format!("migrations/{database}/{name}/up.sql is missing"));
        }
    }
    missing
}

// ---- The tree ----------------------------------------------------------------------------------

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn sources() -> io::Result<Vec<Source>> {
    let folder = root().join("src");
    let mut found = Vec::new();
    let mut folders = vec![folder.clone()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let relative = path.strip_prefix(&folder).map_err(io::Error::other)?;
                let name = relative.to_string_lossy().replace('\\', "/");
                found.push(Source::new(&name, &fs::read_to_string(&path)?));
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

/// The sources that go into the product: files of test modules left out.
pub(super) fn production_sources() -> io::Result<Vec<Source>> {
    let all = sources()?;
    let is_test = |source: &Source| {
        all.iter().any(|parent| parent.test_modules.iter().any(|name| source.is_in(parent, name)))
    };
    let tests: Vec<bool> = all.iter().map(is_test).collect();
    Ok(all.into_iter().zip(tests).filter(|(_, test)| !test).map(|(source, _)| source).collect())
}

fn migrations(database: &str) -> io::Result<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    for entry in fs::read_dir(root().join("migrations").join(database))? {
        let path = entry?.path();
        if fs::metadata(path.join("up.sql")).is_ok_and(|file| file.len() > 0) {
            names.extend(path.file_name().map(|name| name.to_string_lossy().into_owned()));
        }
    }
    Ok(names)
}

/// Fails with every place that breaks the rule.
fn assert_tidy(sources: &[Source], rule: fn(&Source) -> Vec<Finding>) {
    assert!(sources.iter().any(|source| source.path == "lib.rs"), "src/ was not found");
    let findings: Vec<String> =
        sources.iter().flat_map(rule).map(|finding| finding.to_string()).collect();
    assert!(findings.is_empty(), "{} to mend:\n{}", findings.len(), findings.join("\n"));
}

#[test]
fn no_stage_imports_from_its_right() {
    assert_tidy(&sources().unwrap(), import_order);
}

#[test]
fn files_are_short() {
    assert_tidy(&sources().unwrap(), file_length);
}

#[test]
fn functions_are_short() {
    assert_tidy(&sources().unwrap(), function_length);
}

#[test]
fn lines_fit_the_page() {
    assert_tidy(&sources().unwrap(), line_width);
}

#[test]
fn production_code_does_not_panic_on_purpose() {
    assert_tidy(&production_sources().unwrap(), panics);
}

#[test]
fn diesel_stays_in_store_and_rows() {
    assert_tidy(&sources().unwrap(), diesel);
}

#[test]
fn floats_stay_in_the_laboratory() {
    assert_tidy(&production_sources().unwrap(), floats);
}

#[test]
fn every_migration_exists_for_both_databases() {
    if !Path::new(&root().join("src/store")).exists() {
        return;
    }
    let lists = DATABASES.map(|database| (database, migrations(database).unwrap()));
    assert!(!lists[0].1.is_empty(), "no migration at all");
    let missing = missing_migrations(&lists);
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}
