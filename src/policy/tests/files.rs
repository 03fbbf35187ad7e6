//! What can be loaded, and what cannot.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::super::embedded::FILES;
use super::super::source::Files;
use super::*;

fn in_repository() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/policies"))
}

/// The embedded files in a folder, one of them changed.
fn folder_with(path: &str, from: &str, to: &str) -> TempDir {
    let dir = TempDir::new().unwrap();
    for (name, text) in FILES {
        let full = dir.path().join(name);
        fs::create_dir_all(full.parent().unwrap()).unwrap();
        let text = match *name == path {
            true => {
                assert!(text.contains(from), "{path} has no {from}");
                text.replacen(from, to, 1)
            }
            false => text.to_string(),
        };
        fs::write(full, text).unwrap();
    }
    dir
}

#[test]
fn the_binary_holds_every_rule_of_the_folder() {
    let folder = Files::read(in_repository()).unwrap();
    assert_eq!(Files::embedded().digest(), folder.digest());
    assert_eq!(RULES.digest(), folder.digest());
}

/// File, what stands there, what is put in its place; then file, line and words of the fault.
type Broken<'a> = (&'a str, &'a str, &'a str, &'a str, usize, &'a str);

const BROKEN: &[Broken] = &[
    (
        "common/record.cedar",
        "context.record.synthetic &&",
        "context.record.sinthetic &&",
        "common/record.cedar",
        9,
        "sinthetic",
    ),
    (
        "common/record.cedar",
        "context.environment == \"live\"",
        "context.environment == true",
        "common/record.cedar",
        9,
        "not compatible",
    ),
    (
        "common/record.cedar",
        "Action::\"furnish\"",
        "Action::\"furnich\"",
        "common/record.cedar",
        8,
        "furnich",
    ),
    (
        "common/record.cedar",
        "forbid (principal",
        "forbd (principal",
        "common/record.cedar",
        8,
        "forbd",
    ),
    ("common/record.cedar", "@mark(\"D\")", "", "common/record.cedar", 3, "@mark is missing"),
    (
        "common/record.cedar",
        "@mark(\"D\")",
        "@mark(\"X\")",
        "common/record.cedar",
        3,
        "V, V2, U or D",
    ),
    ("common/record.cedar", "@source", "@sauce", "common/record.cedar", 3, "@sauce"),
    ("common/record.cedar", "\"common/synth", "\"cn/synth", "common/record.cedar", 3, "common/"),
    ("common/record.cedar", "\"500\"", "\"many\"", "common/record.cedar", 3, "@order is a number"),
    ("common/record.cedar", "synthetic_in_live", "made_up", "common/record.cedar", 3, "`made_up`"),
    ("common/record.cedar", "\"520\"", "\"521\"", "common/record.cedar", 28, "has the order 520"),
    ("common/record.cedar", "\"500\"", "\"999\"", "refusals.toml", 0, "in that order"),
    (
        "common/record.cedar",
        "@id(\"common/dimension\")",
        "@id(\"common/synthetic\")",
        "common/record.cedar",
        3,
        "stands in",
    ),
    (
        "common/permits.cedar",
        "action == Action::\"read_proof\", resource",
        "action == Action::\"read_proof\", resource is Partner",
        "common/permits.cedar",
        0,
        "policy is impossible",
    ),
    (
        "schema.cedarschema",
        "resource: [Bureau]",
        "resource: [Bureaux]",
        "schema.cedarschema",
        0,
        "Bureaux",
    ),
    ("schema.cedarschema", "\"enrol\" in", "\"enroll\" in", "schema.cedarschema", 0, "`enrol`"),
    ("cn/pack.toml", "id = \"cn\"", "id = \"zh\"", "cn/pack.toml", 2, "`zh`"),
    ("cn/pack.toml", "adult_age", "adult_aeg", "cn/pack.toml", 8, "adult_aeg"),
    ("cn/pack.toml", "= 8", "= 80", "cn/pack.toml", 6, "-12 and 14"),
    ("cn/pack.toml", "\"behavior\"", "\"karma\"", "cn/pack.toml", 10, "karma"),
    ("cn/pack.toml", "[\"consent\"]", "[\"goodwill\"]", "cn/pack.toml", 0, "goodwill"),
    (
        "scenarios.toml",
        "discloses = [\"meets_threshold\"]",
        "discloses = [\"meets_threshold\", \"score\"]",
        "scenarios.toml",
        0,
        "never discloses `score`",
    ),
    ("scenarios.toml", "threshold = 650", "threshold = 1000", "scenarios.toml", 0, "350 to 950"),
    ("scenarios.toml", "threshold = 650\n", "", "scenarios.toml", 0, "a threshold stands"),
    ("scenarios.toml", "uk = {", "zz = {", "scenarios.toml", 0, "no pack `zz`"),
    ("scenarios.toml", "uk = {", "zz = {", "scenarios.toml", 0, "no row for the pack `uk`"),
    (
        "scenarios.toml",
        "uk = { allowed = true",
        "uk = { allowed = false",
        "scenarios.toml",
        0,
        "says why",
    ),
    (
        "scenarios.toml",
        "uk = { allowed = true",
        "uk = { allowed = true, form = \"file\"",
        "scenarios.toml",
        0,
        "another question",
    ),
    ("scenarios.toml", "[scenario.self]", "[scenario.selves]", "scenarios.toml", 0, "title"),
    (
        "categories.toml",
        "\"sports\"",
        "\"pharmacies\"",
        "categories.toml",
        0,
        "denied as `pharmac*`",
    ),
    ("categories.toml", "\"sports\"", "\"rail\"", "categories.toml", 0, "stands in"),
    (
        "refusals.toml",
        "\"person_frozen\"",
        "\"person_cold\"",
        "refusals.toml",
        0,
        "no policy raises",
    ),
    ("refusals.toml", "told = \"lender\"", "told = \"all\"", "refusals.toml", 0, "unknown variant"),
];

#[test]
fn what_does_not_fit_is_refused_with_file_and_line() {
    for (path, from, to, file, line, words) in BROKEN {
        let dir = folder_with(path, from, to);
        let error = Rules::load(dir.path()).unwrap_err();
        assert_eq!(error.code(), "rules_invalid");
        let told = error.faults.iter().any(|fault| {
            fault.file == *file
                && fault.line >= 1
                && (*line == 0 || fault.line == *line)
                && fault.message.contains(words)
        });
        assert!(told, "{path}: {from} -> {to}\n{error}");
    }
}

#[test]
fn a_rule_that_errors_denies() {
    let overflow = "context.record.synthetic || 9223372036854775807 + 1 > 0";
    let dir = folder_with(
        "common/record.cedar",
        "context.record.synthetic && context.environment == \"live\"",
        overflow,
    );
    let rules = Rules::load(dir.path()).unwrap();
    let facts = right(Action::Furnish, ActorKind::Partner, &["cn"]);
    permitted(&facts);
    let refusal = refusal(&rules, &facts).unwrap();
    assert_eq!(refusal.codes(), ["policy_error"]);
    assert_eq!(refusal.policies(), ["engine/common/synthetic"]);
}

#[test]
fn a_denial_that_no_rule_names_is_a_gap() {
    let dir = folder_with(
        "common/permits.cedar",
        "permit (principal, action == Action::\"read_proof\", resource);",
        "permit (principal is Operator, action == Action::\"read_proof\", resource);",
    );
    let rules = Rules::load(dir.path()).unwrap();
    let facts = right(Action::ReadProof, ActorKind::Anyone, &["cn"]);
    assert_eq!(refusal(&rules, &facts).unwrap().codes(), ["policy_gap"]);
}

#[test]
fn a_stray_file_among_the_rules_is_refused() {
    let dir = folder_with("cn/pack.toml", "id", "id");
    fs::write(dir.path().join("cn/collect.cedar.bak"), "").unwrap();
    fs::create_dir(dir.path().join("zz")).unwrap();
    fs::write(dir.path().join("zz/permit.cedar"), "permit (principal, action, resource);").unwrap();
    fs::create_dir(dir.path().join("scorecards")).unwrap();
    fs::write(dir.path().join("scorecards/base.toml"), "").unwrap();
    let error = Rules::load(dir.path()).unwrap_err();
    let files: Vec<&str> = error.faults.iter().map(|fault| fault.file.as_str()).collect();
    assert_eq!(files, ["cn/collect.cedar.bak", "zz/permit.cedar"]);
    let none = Rules::load(&dir.path().join("nowhere")).unwrap_err();
    assert!(none.faults.iter().any(|fault| fault.file == "schema.cedarschema"));
}

#[test]
fn a_digest_covers_what_governs_its_pack_and_nothing_else() {
    let one = folder_with("us/pack.toml", "2026.1", "2026.2");
    let us = Rules::load(one.path()).unwrap();
    assert_ne!(us.digest(), RULES.digest());
    assert_ne!(us.pack("us").unwrap().digest(), RULES.pack("us").unwrap().digest());
    assert_eq!(us.pack("cn").unwrap().digest(), RULES.pack("cn").unwrap().digest());
    let all = folder_with("scenarios.toml", "650", "640");
    let all = Rules::load(all.path()).unwrap();
    for pack in all.packs() {
        assert_ne!(pack.digest(), RULES.pack(&pack.id).unwrap().digest());
    }
}

#[test]
fn a_body_is_not_read_out_of_a_basket() {
    let judge = |name: &str| RULES.categories().judge(name);
    for (name, _) in RULES.categories().iter() {
        assert_eq!(judge(name), Category::Allowed, "{name}");
    }
    for name in [
        "pharmacy",
        "Pharmacies",
        "online-pharmacy",
        "ＣＬＩＮＩＣ",
        "churches",
        "temple gifts",
        "寺庙捐款",
        "大药房",
        "dna_test",
        "union dues",
        "psychotherapy therapist",
        "hearing-aid",
    ] {
        assert_eq!(judge(name), Category::Prohibited, "{name}");
    }
    for name in ["template", "general", "", "moon_rock", "hospitality", "Groceries"] {
        assert_eq!(judge(name), Category::Unlisted, "{name}");
    }
    let denied = RULES.categories().denied_in("blood bank").unwrap();
    assert_eq!((denied.reveals.as_str(), denied.source.as_str()), ("blood type", "Reg 14"));
}

#[test]
fn rules_are_shared_between_threads() {
    fn shared<T: Send + Sync>(_: &T) {}
    shared(&*RULES);
}
