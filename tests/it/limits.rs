//! What a consent limits: the accounts and the days that are furnished, the answers a month.

use serde_json::json;

use crate::world::{Human, month, on_both, text, year};

on_both!(a_consent_may_name_the_accounts_and_the_days_that_are_furnished, |world| {
    let bank = world.bank();
    let subject = world.enrol(&bank, &Human::nth(3, "CN"));
    let mut artefact = world.artefact(&bank, &subject, "furnish", None, 24 * 365);
    artefact["accounts"] = json!(["acc-1", "acc-2"]);
    artefact["data_range"] = json!({ "from": "2026-02-01", "to": "2026-09-29" });
    let given = world.give(world.by(&bank), &artefact).expect("a consent");
    let consent = text(&given["consent"]);

    // Eight months lie wholly before September ended; the account's terms have no day.
    let receipt = world.furnish(&bank, &year(&subject, &consent, "acc-1"));
    assert_eq!((receipt.accepted, receipt.rejected), (8, 5), "{:?}", receipt.errors);
    assert!(receipt.errors.iter().all(|e| e.code == "consent_record_not_covered"));
    let lines: Vec<u64> = receipt.errors.iter().map(|e| e.line).collect();
    assert_eq!(lines, [2, 3, 4, 12, 13]);
    let other = [month(&subject, &consent, "acc-3", "2026-05")];
    let receipt = world.furnish(&bank, &other);
    assert_eq!(receipt.errors[0].code, "consent_record_not_covered");
    let receipt = world.furnish(&bank, &[month(&subject, &consent, "acc-2", "2026-05")]);
    assert_eq!(receipt.accepted, 1);
});

on_both!(a_consent_may_say_how_many_answers_it_gives_a_month, |world| {
    let bank = world.bank();
    let subject = world.enrol(&bank, &Human::nth(3, "CN"));
    let mut artefact = world.artefact(&bank, &subject, "inquire", Some("account_review"), 24 * 100);
    artefact["frequency"] = json!(2);
    let given = world.give(world.by(&bank), &artefact).expect("a consent");
    let consent = text(&given["consent"]);
    let ask = || world.ask(&bank, &subject, ("consent", &consent), "account_review");

    // Nothing to assess yet: that is no answer, and does not count.
    let unassessed = ask().expect("an answer");
    assert_eq!(unassessed["form"], "not_assessable");
    world.history(&bank, &subject);
    for _ in 0..2 {
        assert_eq!(ask().expect("an answer")["form"], "score");
    }
    assert_eq!(ask().expect_err("too often").code, "consent_too_often");
    world.audited();
    world.clock.advance_seconds(31 * 24 * 3600);
    assert_eq!(ask().expect("a new month")["form"], "score");
    assert_eq!(ask().expect("twice a month")["form"], "score");
    assert_eq!(ask().expect_err("too often").code, "consent_too_often");
});

on_both!(a_limit_that_would_choose_the_answer_is_refused, |world| {
    let bank = world.bank();
    let subject = world.enrol(&bank, &Human::nth(3, "CN"));
    let faults = |purpose: &str, scenario: Option<&str>, member: &str, value| {
        let mut artefact = world.artefact(&bank, &subject, purpose, scenario, 20);
        artefact[member] = value;
        let problem = world.give(world.by(&bank), &artefact).expect_err("a fault");
        problem.errors.iter().map(|e| (e.pointer.clone(), e.code.clone())).collect::<Vec<_>>()
    };
    let range = json!({ "from": "2026-02-01", "to": "2026-01-01" });
    let cases = [
        ("inquire", "accounts", json!(["acc-1"]), "unexpected_field"),
        ("inquire", "data_range", range.clone(), "unexpected_field"),
        ("inquire", "frequency", json!(0), "out_of_range"),
        ("furnish", "frequency", json!(2), "unexpected_field"),
        ("furnish", "accounts", json!([]), "out_of_range"),
        ("furnish", "data_range", range, "dates_out_of_order"),
    ];
    for (purpose, member, value, code) in cases {
        let scenario = Some("account_review").filter(|_| purpose == "inquire");
        let found = faults(purpose, scenario, member, value);
        assert!(found[0].0.starts_with(&format!("/{member}")), "{found:?}");
        assert!(found.iter().any(|(_, c)| c == code), "{member}: {found:?}");
    }
});
