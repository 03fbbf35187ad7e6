//! The case files, and the page that is made of them.

use std::fs;
use std::path::Path;

use super::super::{embedded, law};
use super::*;

#[test]
fn every_case_holds_and_every_rule_has_one() {
    let report = cases::run(&RULES, law::embedded_cases());
    assert!(report.faults.is_empty(), "{:?}", report.faults);
    for case in &report.cases {
        assert_eq!(case.fault, None, "{}: {}", case.file, case.name);
    }
    assert_eq!(report.uncovered, Vec::<String>::new());
    assert_eq!(report.coverage_permille(), 1000);
}

#[test]
fn the_binary_holds_every_case_of_the_folder() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies/cases");
    let mut names: Vec<String> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| format!("cases/{}", entry.unwrap().file_name().to_string_lossy()))
        .collect();
    names.sort();
    let held: Vec<&str> = embedded::CASES.iter().map(|(path, _)| *path).collect();
    assert_eq!(held, names);
}

#[test]
fn a_case_that_says_otherwise_is_a_fault() {
    let text = r#"
        [[case]]
        name = "an expired consent opens everything"
        rule = "common/consent-expired"
        action = "inquire"
        packs = ["cn"]
        with = { "basis.expired" = true }
        [[clock]]
        name = "six years"
        rule = "cn/keep-adverse"
        event = "2020-01-01"
        until = "2026-01-01"
        [[case]]
        name = "about nothing"
        rule = "cn/no-such-rule"
        action = "inquire"
        packs = ["cn"]
    "#;
    let report = cases::run(&RULES, [("cases/wrong.toml", text)]);
    assert_eq!(report.cases.len(), 3);
    assert!(report.cases.iter().all(|case| case.fault.is_some()), "{:#?}", report.cases);
    assert!(report.uncovered.contains(&"common/consent-expired".to_string()));
    let unread = cases::run(&RULES, [("cases/wrong.toml", "[[case]]\nnom = 1\n")]);
    assert_eq!((unread.faults.len(), unread.faults[0].line), (1, 2));
}

#[test]
fn the_page_of_the_law_is_current() {
    let obligations = law::read(&RULES, law::embedded_obligations()).unwrap();
    let report = cases::run(&RULES, law::embedded_cases());
    let page = law::document(&RULES, &obligations, &report);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/law.md");
    let kept = fs::read_to_string(&path).unwrap();
    assert!(kept == page, "docs/law.md is old: `fivefold policy law > docs/law.md`");
}

#[test]
fn an_obligation_names_rules_that_there_are() {
    let text = r#"
        [[obligation]]
        id = "XX-1"
        pack = "cn"
        duty = "to be"
        source = "Reg 1"
        mark = "V"
        rules = ["cn/nothing"]
    "#;
    let faults = law::read(&RULES, text).unwrap_err();
    assert!(faults.iter().any(|f| f.message.contains("no rule `cn/nothing`")));
    assert!(faults.iter().any(|f| f.message.contains("no obligation names the rule")));
}

#[test]
fn what_was_not_verified_prints_as_such_and_is_never_cited() {
    let ours = RULES.policy("us/permissible-purpose").unwrap();
    assert_eq!(ours.mark.cite(&ours.source), "FCRA 604 (unverified)");
    assert!(!ours.mark.is_citable());
    assert!(RULES.policy("cn/inquire-consent").unwrap().mark.is_citable());
    assert!(!Mark::Design.is_citable());
}
