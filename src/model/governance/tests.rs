//! Whatever steps are tried in whatever order by whomever.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

const PEOPLE: [&str; 4] = ["li", "wang", "zhao", "Li"];

fn elements(which: u8) -> BTreeSet<String> {
    (0..=which % 2).map(|n| format!("credit_history/c{n}")).collect()
}

fn step(kind: u8, a: u8, b: u8) -> Step {
    let text = |n: u8| if n.is_multiple_of(4) { String::new() } else { format!("t{n}") };
    match kind % 8 {
        0 => Step::Drafted {
            name: format!("m{a}"),
            demonstration: b.is_multiple_of(3),
            elements: elements(a),
        },
        1 => Step::Validated {
            report: "r".to_string(),
            gini_milli: 500,
            blocked: if b.is_multiple_of(3) { vec!["sex".to_string()] } else { Vec::new() },
        },
        2 => Step::Approved {
            second: PEOPLE[usize::from(a) % 4].to_string(),
            search: b.is_multiple_of(2).then(|| "s".to_string()),
        },
        3 => Step::Filed { authority: text(a), number: text(b), date: "2026-01-01".to_string() },
        4 => Step::Promoted,
        5 => Step::Challenging,
        6 => Step::Monitored { watch: Watch::default() },
        _ => Step::Retired,
    }
}

fn run(live: bool, tries: &[(u8, u8, u8, u8, u8)]) -> Vec<Standing> {
    let mut all: Vec<Standing> =
        ["d0", "d1", "d2"].iter().map(|digest| Standing::unknown(digest)).collect();
    for (which, kind, by, a, b) in tries {
        let (which, by) = (usize::from(*which) % 3, PEOPLE[usize::from(*by) % 4]);
        let step = step(*kind, *a, *b);
        let setting = Setting { live, by, all: &all };
        if refuse(&all[which], &step, &setting).is_err() {
            continue;
        }
        if step == Step::Promoted {
            // as the command does: one champion at a time
            all.iter_mut().filter(|s| s.role == Role::Champion).for_each(|s| s.role = Role::None);
        }
        all[which].take(&step, by, 0);
        let champions = all.iter().filter(|s| s.role == Role::Champion);
        assert!(champions.count() <= 1);
    }
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// A score by a scorecard that was not approved cannot happen: no order of steps makes one
    /// the champion of a live bureau.
    #[test]
    fn only_what_two_others_approved_and_an_authority_knows_gives_scores_to_real_persons(
        tries in prop::collection::vec(any::<(u8, u8, u8, u8, u8)>(), 0..120),
    ) {
        let all = run(true, &tries);
        for one in all.iter().filter(|one| one.role == Role::Champion) {
            prop_assert!(matches!(one.state, State::Approved | State::Filed), "{:?}", one);
            let approvals = one.by.iter().rev().find(|(kind, _)| kind == "model_approved");
            let Some((_, names)) = approvals else { panic!("not approved: {one:?}") };
            let [first, second] = &names[..] else { panic!("not two: {names:?}") };
            prop_assert!(!first.eq_ignore_ascii_case(second));
            let drafted = one.by.iter().find(|(kind, _)| kind == "model_drafted").map(|(_, n)| n);
            let drafted = drafted.expect("registered");
            prop_assert!(!drafted.contains(first) && !drafted.contains(second));
            let filed = all.iter().any(|s| s.filing.is_some() && s.elements == one.elements);
            prop_assert!(filed);
        }
    }

    /// In a demonstration nothing is used that nobody measured, unless it is marked as one.
    #[test]
    fn even_a_demonstration_does_not_use_a_draft(
        tries in prop::collection::vec(any::<(u8, u8, u8, u8, u8)>(), 0..60),
    ) {
        for one in run(false, &tries) {
            prop_assert!(one.role == Role::None || one.state != State::Draft, "{:?}", one);
            prop_assert!(one.state != State::Retired || one.role == Role::None);
        }
    }
}

fn standing(demonstration: bool, blocked: &[&str]) -> Standing {
    let mut one = Standing::unknown("d");
    let (name, elements) = ("m 1".to_string(), elements(0));
    one.take(&Step::Drafted { name, demonstration, elements }, "li", 0);
    let blocked = blocked.iter().map(|b| (*b).to_string()).collect();
    one.take(&Step::Validated { report: "r".into(), gini_milli: 500, blocked }, "wang", 0);
    one
}

#[test]
fn every_refusal_has_its_code() {
    let approve = |search: Option<&str>| Step::Approved {
        second: "zhao".to_string(),
        search: search.map(str::to_string),
    };
    let live = |by| Setting { live: true, by, all: &[] };
    let code = |one: &Standing, step: &Step, by| refuse(one, step, &live(by)).err().map(|e| e.0);
    let good = standing(false, &[]);
    assert_eq!(code(&good, &approve(None), "wang"), None);
    assert_eq!(code(&good, &approve(None), "zhao"), Some("second_person_needed"));
    assert_eq!(code(&good, &approve(None), "li"), Some("model_needs_another_person"));
    assert_eq!(code(&good, &Step::Promoted, "wang"), Some("model_not_approved"));
    let unfair = standing(false, &["sex: women"]);
    assert_eq!(code(&unfair, &approve(None), "wang"), Some("fairness_gate"));
    assert_eq!(code(&unfair, &approve(Some("s")), "wang"), None);
    let shown = standing(true, &[]);
    assert_eq!(code(&shown, &approve(None), "wang"), Some("model_is_demonstration"));
    assert_eq!(code(&shown, &Step::Promoted, "wang"), Some("model_is_demonstration"));
    let mut approved = good.clone();
    approved.take(&approve(None), "wang", 0);
    assert_eq!(code(&approved, &Step::Promoted, "wang"), Some("model_not_filed"));
    let filed =
        Step::Filed { authority: "PBC".into(), number: "7".into(), date: "2026-11-24".into() };
    approved.take(&filed, "wang", 0);
    assert_eq!(code(&approved, &Step::Promoted, "wang"), None);
    // another choice of characteristics is not what was filed
    let mut other = approved.clone();
    (other.filing, other.state) = (None, State::Approved);
    let all = [approved.clone()];
    let setting = Setting { live: true, by: "wang", all: &all };
    assert!(refuse(&other, &Step::Promoted, &setting).is_ok());
    other.elements.insert("behavior/c9".to_string());
    let code = refuse(&other, &Step::Promoted, &setting).err().map(|e| e.0);
    assert_eq!(code, Some("model_not_filed"));
    assert_eq!(
        refuse(&Standing::unknown("x"), &Step::Promoted, &setting).err().map(|e| e.0),
        Some("model_unknown")
    );
}
