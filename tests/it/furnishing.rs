//! Furnishing: what is taken, what is not, and that a profile is always the fold of its entries.

use fivefold::bureau::admission::Admission;
use fivefold::bureau::command::observe::ObserveSlice;
use fivefold::policy::Environment;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

use crate::world::{Human, World, month, ndjson, on_both, year};

on_both!(a_file_sent_twice_changes_nothing, |world| {
    let bank = world.bank();
    let subject = world.enrol(&bank, &Human::nth(1, "CN"));
    let consent = world.furnishing(&bank, &subject);
    let lines = year(&subject, &consent, "acc-1");
    let first = world.furnish(&bank, &lines);
    assert_eq!((first.accepted, first.duplicates, first.rejected), (13, 0, 0));
    let range = first.log.expect("a range");
    assert_eq!(range.last_index - range.first_index, 12);
    let before = world.inquire(&bank, &subject, "account_review");
    let second = world.furnish(&bank, &lines);
    assert_eq!((second.accepted, second.duplicates, second.rejected), (0, 13, 0));
    assert!(second.log.is_none());
    assert_eq!(second.file_digest, first.file_digest);
    let after = world.inquire(&bank, &subject, "account_review");
    assert_eq!(before["score"], after["score"]);
});

on_both!(another_record_in_its_place_must_be_a_correction, |world| {
    let bank = world.bank();
    let subject = world.enrol(&bank, &Human::nth(2, "CN"));
    let consent = world.history(&bank, &subject);
    let mut line = month(&subject, &consent, "acc-1", "2026-10");
    line["balance"]["amount"] = json!("9000.00");
    let code = |line: &Value| {
        let receipt = world.furnish(&bank, std::slice::from_ref(line));
        receipt.errors.first().map_or("accepted".to_string(), |error| error.code.clone())
    };
    assert_eq!(code(&line), "conflicting_record");
    line["op"] = json!("correct");
    assert_eq!(code(&line), "accepted");
    line["op"] = json!("delete");
    assert_eq!(code(&line), "accepted");
    line["op"] = json!("correct");
    line["balance"]["amount"] = json!("9100.00");
    assert_eq!(code(&line), "record_not_found", "what was taken back cannot be corrected");
    line["op"] = json!("report");
    assert_eq!(code(&line), "accepted", "and can be reported anew");
});

on_both!(what_a_withdrawn_consent_corrected_does_not_come_back, |world| {
    let bank = world.bank();
    let subject = world.enrol(&bank, &Human::nth(3, "CN"));
    world.history(&bank, &subject);
    let clean = world.inquire(&bank, &subject, "account_review");
    let first = world.furnishing(&bank, &subject);
    let mut wrong = month(&subject, &first, "acc-9", "2026-10");
    wrong["dpd"] = json!(120);
    wrong["status"] = json!("late");
    wrong["past_due"] = json!({ "amount": "350.00", "currency": "CNY" });
    wrong["paid"] = json!({ "amount": "0.00", "currency": "CNY" });
    wrong["adverse_notice"] =
        json!({ "channel": "sms", "sent_at": "2026-11-01T00:00:00Z", "template": "t" });
    let receipt = world.furnish(&bank, &[wrong.clone()]);
    assert_eq!(receipt.accepted, 1, "{:?}", receipt.errors);
    let hit = world.inquire(&bank, &subject, "account_review");
    assert!(hit["score"].as_i64() < clean["score"].as_i64());
    // Deleted under another consent, which is then withdrawn: it stays deleted.
    let second = world.furnishing(&bank, &subject);
    wrong["op"] = json!("delete");
    wrong["basis"]["ref"] = json!(second);
    assert_eq!(world.furnish(&bank, &[wrong]).accepted, 1);
    world.revoke(world.by(&bank), &second).expect("revoked");
    let after = world.inquire(&bank, &subject, "account_review");
    assert_eq!(after["score"], clean["score"]);
});

on_both!(a_file_that_is_all_wrong_is_refused_line_by_line, |world| {
    let bank = world.bank();
    let subject = world.enrol(&bank, &Human::nth(4, "CN"));
    let consent = world.furnishing(&bank, &subject);
    let size = world.size();
    // Half cannot be read, half may not be sent.
    let good = month("sub_00000000000000000000000000", &consent, "acc-1", "2026-10");
    let mut bad = month(&subject, &consent, "acc-1", "2026-10");
    bad["balance"]["amount"] = json!("much");
    let lines: Vec<Value> =
        (0..10_000).map(|n| if n % 2 == 0 { good.clone() } else { bad.clone() }).collect();
    let receipt = world.upload(&bank, ndjson(&lines).as_bytes());
    assert_eq!((receipt.accepted, receipt.rejected), (0, 10_000));
    assert!(receipt.log.is_none());
    let codes = |line: u64| -> Vec<&str> {
        let of_line = receipt.errors.iter().filter(|e| e.line == line);
        of_line.map(|e| e.code.as_str()).collect()
    };
    assert_eq!(codes(1), ["subject_not_found"]);
    assert_eq!(codes(9_999), ["subject_not_found"]);
    assert_eq!(codes(10_000), codes(2));
    assert!(!codes(2).is_empty());
    assert_eq!(world.size(), size + 1, "only the upload itself is on record");
    let (record, _) = world.record(size);
    assert_eq!(record["kind"], "observation_batch");
    assert_eq!(record["rejected"], 10_000);
    assert_eq!(record["errors"]["subject_not_found"], 5_000);
});

on_both!(a_dry_run_applies_nothing, |world| {
    let bank = world.bank();
    let subject = world.enrol(&bank, &Human::nth(5, "CN"));
    let consent = world.furnishing(&bank, &subject);
    let mut line = month(&subject, &consent, "acc-1", "2026-10");
    line["op"] = json!("report");
    let lines = vec![(1, serde_json::from_value(line).expect("an observation"))];
    let admission = Admission { nonce: None, ..world.by(&bank) };
    let size = world.size();
    let done = world
        .run(ObserveSlice { admission, lines, dry_run: true, progress: None })
        .expect("checked");
    assert_eq!((&done["accepted"], world.size()), (&json!(1), size));
});

on_both!(only_the_recipient_of_a_consent_furnishes_under_it, |world| {
    use fivefold::partner::Role;
    let bank = world.bank();
    let roles = [Role::Furnisher, Role::Enroller];
    let telecom = world.partner("Telecom", "telecom", &roles, &[]);
    let human = Human::nth(6, "CN");
    let (subject, at_telecom) = (world.enrol(&bank, &human), world.enrol(&telecom, &human));
    let consent = world.furnishing(&bank, &subject);
    let bill = |subject: &str, consent: &str, outcome: &str| {
        json!({
            "type": "obligation", "subject": subject, "synthetic": true,
            "basis": { "type": "consent", "ref": consent }, "obligation_key": "bill-7",
            "kind": "telecom", "due": "2026-10-05", "outcome": outcome,
            "amount": { "amount": "59.00", "currency": "CNY" },
        })
    };
    let code = |line: Value| {
        let receipt = world.furnish(&telecom, &[line]);
        receipt.errors.first().map_or("accepted".to_string(), |error| error.code.clone())
    };
    assert_eq!(code(bill(&at_telecom, &consent, "broken")), "consent_not_found");
    assert_eq!(code(bill(&subject, &consent, "broken")), "subject_not_found");
    let own = world.furnishing(&telecom, &at_telecom);
    assert_eq!(code(bill(&at_telecom, &own, "broken")), "adverse_notice_missing");
    let mut told = bill(&at_telecom, &own, "broken");
    told["adverse_notice"] =
        json!({ "channel": "sms", "sent_at": "2026-11-01T00:00:00Z", "template": "t" });
    assert_eq!(code(told), "accepted");
    let mut narrow = world.artefact(&telecom, &at_telecom, "furnish", None, 24);
    narrow["categories"] = json!(["tenure"]);
    let narrow = world.give(world.by(&telecom), &narrow).expect("a consent");
    let code = code(bill(&at_telecom, narrow["consent"].as_str().expect("an id"), "kept"));
    assert_ne!(code, "accepted", "a consent covers what it names");
});

/// A step of a made-up history: which record, what is done to it, and the balance it says.
type Step = (u8, u8, u16);

fn line(subject: &str, consent: &str, (record, op, balance): Step) -> Value {
    let months = ["2026-07", "2026-08", "2026-09", "2026-10"];
    let account = format!("acc-{}", record / 4);
    let mut line = month(subject, consent, &account, months[usize::from(record % 4)]);
    line["balance"]["amount"] = json!(format!("{balance}.00"));
    line["op"] = json!(["report", "report", "correct", "delete"][usize::from(op % 4)]);
    line
}

/// Sends the same steps as one file and as single lines: the profile is the fold of the entries
/// either way (the audit compares them), and the scores agree.
fn in_any_slices(steps: &[Step], cut: usize) -> Result<(), TestCaseError> {
    let world = World::sqlite("slices", "CN", Environment::Demo);
    let bank = world.bank();
    let mut scores = Vec::new();
    for (n, at_once) in [(1, true), (2, false)] {
        let subject = world.enrol(&bank, &Human::nth(n, "CN"));
        let consent = world.history(&bank, &subject);
        let lines: Vec<Value> = steps.iter().map(|s| line(&subject, &consent, *s)).collect();
        if at_once {
            let (front, back) = lines.split_at(cut.min(lines.len()));
            world.furnish(&bank, front);
            world.furnish(&bank, back);
        } else {
            lines.iter().for_each(|line| {
                world.furnish(&bank, std::slice::from_ref(line));
            });
        }
        let answer = world.inquire(&bank, &subject, "account_review");
        scores.push((answer["score"].clone(), answer["dimensions"].clone()));
    }
    prop_assert_eq!(&scores[0], &scores[1]);
    world.audited();
    Ok(())
}

#[test]
fn a_profile_is_the_fold_of_its_entries_however_they_came() {
    let steps = proptest::collection::vec((0..8_u8, 0..4_u8, 0..20_000_u16), 1..24);
    let config = Config { cases: 6, failure_persistence: None, ..Config::default() };
    TestRunner::new(config)
        .run(&(steps, 0..24_usize), |(steps, cut)| in_any_slices(&steps, cut))
        .expect("it holds");
}
