//! The catalogue of errors against the sources: no code without an entry, no entry without a code.
//!
//! A code is found where one is made: the last argument but one of the functions that make problems
//! and reasons, what a `fn code` answers, a member `code:`, and pairs of a code and a sentence.

use std::collections::{BTreeMap, BTreeSet};

use fivefold::http::docs::errors;
use fivefold::policy::Rules;
use serde_json::Value;

use crate::house::Got;
use crate::tidy::code::{Source, closing, ends_with, is_word, starts_with, words};
use crate::tidy::production_sources;

/// Stages whose codes leave through a door. What `ledger`, `model` and `report` say is said at the
/// console by programs that read files; `policy` has a catalogue of its own.
const STAGES: [&str; 9] =
    ["error", "partner", "subject", "consent", "collect", "score", "rights", "bureau", "http"];
/// Functions whose last argument but one is a code.
const MAKERS: [&str; 7] = ["new", "fault", "whole", "reject", "refuse", "reason", "wrong"];
/// Of these types only, where they are called by the type's name.
const TYPES: [&str; 3] = ["Problem", "Reason", "FieldError"];
/// What these say is said at the console.
const CONSOLE: [&str; 2] = ["bureau/backup.rs", "bureau/restore.rs"];
/// Errors that stay inside: an operator reads them in a trace.
const INSIDE: [&str; 4] = ["profile_unreadable", "scorecard_", "vector_mismatch", "rules_invalid"];

fn catalogue() -> Vec<Value> {
    let document = errors(&Rules::embedded().expect("rules"));
    document.data["errors"].as_array().expect("a list").clone()
}

/// Fails when a problem that a test met is not in the catalogue, or has another status there.
pub fn known(got: &Got) {
    let problem = got.headers.get("content-type");
    if problem.is_none_or(|value| value != "application/problem+json") {
        return;
    }
    static CATALOGUE: std::sync::OnceLock<Vec<Value>> = std::sync::OnceLock::new();
    let all = CATALOGUE.get_or_init(catalogue);
    let has = |code: &Value, place: &str| {
        all.iter().any(|entry| {
            entry["code"] == *code
                && entry["place"] == place
                && (place == "field" || entry["status"] == got.status.as_u16())
        })
    };
    let said = got.json();
    assert!(has(&said["code"], "problem"), "{} is not in the catalogue", said["code"]);
    for reason in said["errors"].as_array().into_iter().flatten() {
        let code = &reason["code"];
        let anywhere = all.iter().any(|entry| entry["code"] == *code);
        assert!(has(code, "field") || anywhere, "{code} is not in the catalogue");
    }
}

/// The code that a literal at this place is, if it is one.
fn literal(text: &[char], from: usize, to: usize) -> Option<String> {
    let inner: String = text[from..to].iter().collect();
    let inner = inner.trim().strip_prefix('"')?.strip_suffix('"')?;
    let snake = !inner.is_empty()
        && inner.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    snake.then(|| inner.to_string())
}

/// Where each argument between brackets begins and ends.
fn arguments(code: &[char], open: usize) -> Vec<(usize, usize)> {
    let (end, mut from, mut at) = (closing(code, open), open + 1, open + 1);
    let mut found = Vec::new();
    while at < end {
        match code[at] {
            '(' | '[' | '{' => at = closing(code, at),
            ',' => {
                found.push((from, at));
                from = at + 1;
            }
            _ => {}
        }
        at += 1;
    }
    if code[from..end].iter().any(|c| !c.is_whitespace()) {
        found.push((from, end));
    }
    found
}

fn made_in(source: &Source) -> BTreeSet<String> {
    let (code, text): (&[char], Vec<char>) = (&source.production, source.text.chars().collect());
    let mut found = BTreeSet::new();
    for word in words(code) {
        let name = word.text.as_str();
        let typed = TYPES.iter().any(|t| ends_with(code, word.start, &format!("{t}::")));
        let maker = MAKERS.contains(&name) && (name != "new" && name != "whole" || typed);
        if maker {
            let turbofish = starts_with(code, word.end, "::<");
            let open = match turbofish {
                true => (word.end..code.len()).find(|at| code[*at] == '(' && code[*at - 1] == '>'),
                false => (code.get(word.end) == Some(&'(')).then_some(word.end),
            };
            let Some(open) = open else { continue };
            let arguments = arguments(code, open);
            if let Some((from, to)) = arguments.iter().rev().nth(1) {
                found.extend(literal(&text, *from, *to));
            }
        }
        if name == "code" && ends_with(code, word.start, "fn") {
            let Some(open) = (word.end..code.len()).find(|at| code[*at] == '{') else { continue };
            found.extend(literals(&text, open, closing(code, open)));
        }
        if name == "code" && code.get(word.end) == Some(&':') {
            let to = (word.end..code.len()).find(|at| ",}\n".contains(code[*at]));
            found.extend(to.and_then(|to| literal(&text, word.end + 1, to)));
        }
    }
    found.extend(pairs(source, &text));
    found
}

/// Every literal between two places that reads like a code.
fn literals(text: &[char], from: usize, to: usize) -> BTreeSet<String> {
    let inner: String = text[from..to].iter().collect();
    let parts = inner.split('"').skip(1).step_by(2);
    let snake = |part: &&str| !part.is_empty() && part.chars().all(is_word);
    parts.filter(snake).map(str::to_string).collect()
}

/// `("some_code", "a sentence")`.
fn pairs(source: &Source, text: &[char]) -> BTreeSet<String> {
    let code = &source.production;
    let mut found = BTreeSet::new();
    for (open, _) in code.iter().enumerate().filter(|(_, c)| **c == '(') {
        let arguments = arguments(code, open);
        let [(from, to), (next, end)] = arguments[..] else { continue };
        let sentence: String = text[next..end].iter().collect();
        let sentence = sentence.trim();
        let callee = open.checked_sub(1).and_then(|at| code.get(at)).copied().unwrap_or(' ');
        if !is_word(callee) && sentence.starts_with('"') && sentence.contains(' ') {
            let one = literal(text, from, to);
            found.extend(one.filter(|one| one.contains('_')));
        }
    }
    found
}

fn made() -> BTreeMap<String, BTreeSet<String>> {
    let mut all: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for source in production_sources().expect("sources") {
        let stage = source.stage().unwrap_or_default().to_string();
        // Score says `not_assessable` codes in one file; the rest of it is inside.
        let inside = stage == "score" && source.path != "score/assess.rs";
        let inside = inside || CONSOLE.contains(&source.path.as_str());
        if !STAGES.contains(&stage.as_str()) || inside || source.path.starts_with("http/docs/") {
            continue;
        }
        for code in made_in(&source) {
            all.entry(code).or_default().insert(source.path.clone());
        }
    }
    all
}

/// Pairs of a word and a sentence that are no codes: the dictionary's fields, and parts of tables.
const NOT_CODES: [&str; 2] = ["bureau/meters.rs", "collect/dictionary.rs"];

#[test]
fn every_code_that_a_door_can_answer_is_in_the_catalogue() {
    let known: BTreeSet<String> =
        catalogue().iter().map(|e| e["code"].as_str().expect("a code").to_string()).collect();
    let made = made();
    assert!(made.len() > 150, "the sources were not read: {}", made.len());
    let strange: Vec<String> = made
        .iter()
        .filter(|(code, _)| !known.contains(*code))
        .filter(|(code, _)| !INSIDE.iter().any(|inside| code.starts_with(inside)))
        .filter(|(_, files)| !files.iter().all(|file| NOT_CODES.contains(&file.as_str())))
        .map(|(code, files)| format!("{code} ({files:?})"))
        .collect();
    assert!(strange.is_empty(), "not in src/error/catalogue.toml:\n{}", strange.join("\n"));
}

#[test]
fn every_entry_of_the_catalogue_is_used() {
    let made = made();
    let rules = Rules::embedded().expect("rules");
    let unused: Vec<String> = catalogue()
        .iter()
        .map(|entry| entry["code"].as_str().expect("a code").to_string())
        .filter(|code| !made.contains_key(code) && rules.refusals().get(code).is_none())
        .collect();
    assert!(unused.is_empty(), "no code makes these:\n{}", unused.join("\n"));
}

#[test]
fn the_search_finds_codes_where_they_are_made() {
    let text = r#"
        fn a() { Problem::new("one_code", "Do this."); at.fault::<()>("two_code", format!("x {y}")); }
        fn b(f: &F) { f.fault("field", "three_code", "must not"); FieldError::whole("four_code", m) }
        fn code(self) -> &'static str { match self { A => "five_code", B => { "six_code" } } }
        fn c() { E { pointer, code: "seven_code", m }; let p = ("eight_code", "in words"); }
        fn d() { Draft::new("not_a_code", x); held.insert("nor_this", 1); }
    "#;
    let found = made_in(&Source::new("bureau/x.rs", text));
    let wanted = ["eight", "five", "four", "one", "seven", "six", "three", "two"];
    assert_eq!(found, wanted.map(|name| format!("{name}_code")).into());
}
