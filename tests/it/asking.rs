//! Inquiries: who hears what, and what stands in the way.

use fivefold::bureau::admission::Admission;
use fivefold::bureau::command::inquire::Inquire;
use fivefold::bureau::command::outcome::{OutcomeSent, ReportOutcome};
use fivefold::bureau::replay::Replayed;
use fivefold::partner::Role;
use fivefold::policy::Environment;
use serde_json::{Value, json};

use crate::world::{Human, Party, World, month, on_both, question, shape, text};

/// The code with which a question is refused.
fn refused(world: &World, party: &Party, subject: &str, consent: &str, scenario: &str) -> String {
    let basis = ("consent", consent);
    world.ask(party, subject, basis, scenario).expect_err("it is refused").code
}

on_both!(each_asker_hears_what_its_scenario_discloses, |world| {
    let (bank, hotel, landlord) = (world.bank(), world.hotel(), world.landlord());
    let human = Human::nth(1, "CN");
    let at_bank = world.enrol(&bank, &human);
    world.history(&bank, &at_bank);

    let score = world.inquire(&bank, &at_bank, "credit_application");
    assert_eq!(score["form"], "score");
    assert!(score["score"].as_i64().is_some_and(|s| (350..=950).contains(&s)), "{score}");
    for member in ["band", "dimensions", "reasons", "completeness", "disputed"] {
        assert!(score.get(member).is_some(), "a lender sees {member}");
    }

    let at_hotel = world.enrol(&hotel, &human);
    let yes = world.inquire(&hotel, &at_hotel, "hotel_deposit");
    assert_eq!((&yes["form"], &yes["outcome"]), (&json!("threshold"), &json!("yes")));
    let at_landlord = world.enrol(&landlord, &human);
    let band = world.inquire(&landlord, &at_landlord, "tenancy");
    assert_eq!((&band["form"], &band["band"]), (&json!("band"), &score["band"]));

    // What is not disclosed is not in the opening of the record either.
    for (answer, hidden) in [
        (&yes, &["score", "band", "reasons", "dimensions", "completeness"][..]),
        (&band, &["score", "reasons", "dimensions", "completeness"][..]),
    ] {
        let record: Value =
            serde_json::from_str(answer["log"]["opening"]["record"].as_str().expect("a record"))
                .expect("JSON");
        for member in hidden {
            assert!(answer.get(member).is_none() && record.get(member).is_none(), "{member}");
        }
        let detail = world.record(answer["log"]["index"].as_u64().expect("an index")).1;
        assert_eq!(
            detail["score"], score["score"],
            "supervision counts what the asker is not told"
        );
    }
});

on_both!(two_partners_never_share_a_name_for_a_person, |world| {
    let (bank, hotel) = (world.bank(), world.hotel());
    let human = Human::nth(2, "CN");
    let (one, other) = (world.enrol(&bank, &human), world.enrol(&hotel, &human));
    assert_ne!(one, other);
    assert_eq!(world.person(&one), world.person(&other));
    assert_eq!(world.enrol(&bank, &human), one, "a partner keeps its name for a person");
    // Somebody else's name for the person is nobody's.
    let consent = world.consent(&hotel, &other, "hotel_deposit");
    let code = refused(world, &hotel, &one, &consent, "hotel_deposit");
    assert_eq!(code, "consent_subject_mismatch");
});

on_both!(each_fault_of_a_consent_has_a_code_of_its_own, |world| {
    let (bank, hotel) = (world.bank(), world.hotel());
    let human = Human::nth(3, "CN");
    let (at_bank, at_hotel) = (world.enrol(&bank, &human), world.enrol(&hotel, &human));
    world.history(&bank, &at_bank);
    let consent = world.consent(&bank, &at_bank, "credit_application");
    let ask = |consent: &str, scenario: &str| refused(world, &bank, &at_bank, consent, scenario);

    assert_eq!(ask("con_unheard_of", "credit_application"), "consent_not_found");
    assert_eq!(ask(&consent, "account_review"), "consent_scenario_mismatch");
    assert_eq!(ask(&consent, "tenancy"), "scenario_not_contracted");
    assert_eq!(ask(&consent, "employment"), "scenario_refused");
    let furnishing = world.furnishing(&bank, &at_bank);
    assert_eq!(ask(&furnishing, "credit_application"), "consent_purpose_mismatch");

    let once = world.consent(&hotel, &at_hotel, "hotel_deposit");
    let theirs = refused(world, &hotel, &at_hotel, &consent, "hotel_deposit");
    assert_eq!(theirs, "consent_not_found", "another partner's consent is not found");
    world.ask(&hotel, &at_hotel, ("consent", &once), "hotel_deposit").expect("an answer");
    assert_eq!(refused(world, &hotel, &at_hotel, &once, "hotel_deposit"), "consent_used");

    world.revoke(world.by(&bank), &consent).expect("revoked");
    assert_eq!(ask(&consent, "credit_application"), "consent_revoked");
    let late = world.consent(&bank, &at_bank, "credit_application");
    world.clock.advance_seconds(20 * 3600);
    assert_eq!(ask(&late, "credit_application"), "consent_expired");
    let (record, detail) = world.record(world.size() - 1);
    assert_eq!((&record["kind"], &record["act"]), (&json!("refused"), &json!("inquire")));
    assert_eq!(detail["codes"], json!(["consent_expired"]));
});

/// A permissible purpose: the one basis on which the state of the person comes first.
const CREDIT: (&str, &str) = ("permissible_purpose", "604(a)(3)(A)");
const STAY: (&str, &str) = ("permissible_purpose", "604(a)(3)(F)(i)");

on_both!(the_state_of_a_person_is_told_to_a_lender_only, "US", |world| {
    let (bank, hotel) = (world.bank(), world.hotel());
    let agent = world.partner("Agent", "other", &[Role::Agent, Role::Enroller], &[]);
    let mut table: Vec<(&str, String, String)> = Vec::new();
    let enrol = |human: &Human| (world.enrol(&bank, human), world.enrol(&hotel, human));
    let thin = Human::nth(10, "US");
    let (at_bank, at_hotel) = enrol(&thin);
    table.push(("insufficient_data", at_bank, at_hotel));
    let stranger = Human { name: "Somebody Else".to_string(), ..thin };
    let (at_bank, at_hotel) = enrol(&stranger);
    table.push(("identity_mismatch", at_bank, at_hotel));
    // The documents of two persons: nobody is guessed between.
    let (one, other) = (Human::nth(13, "US"), Human::nth(14, "US"));
    for human in [&one, &other] {
        world.enrol(&bank, human);
    }
    let mut both = one.enrolment();
    both["documents"] = json!([one.enrolment()["documents"][0], other.enrolment()["documents"][0]]);
    both["synthetic"] = json!(world.made_up());
    let enrol_both = |party: &Party| {
        let enrolled = world.enrol_as(world.by(party), &both).expect("enrolled");
        text(&enrolled["subject"])
    };
    table.push(("identity_ambiguous", enrol_both(&bank), enrol_both(&hotel)));
    let child = Human { birth: "2012-02-03".to_string(), ..Human::nth(11, "US") };
    let (at_bank, at_hotel) = enrol(&child);
    table.push(("person_minor", at_bank, at_hotel));
    let unknown = "sub_00000000000000000000000000".to_string();
    table.push(("person_unknown", unknown.clone(), unknown));
    let cautious = Human::nth(12, "US");
    let (at_bank, at_hotel) = enrol(&cautious);
    let mut enrolment = cautious.enrolment();
    enrolment["mandate"] = json!({
        "acts": ["freeze"], "expires_at": "2027-01-01T00:00:00Z", "evidence_digest": "ab".repeat(32),
    });
    let at_agent = world.enrol_as(world.by(&agent), &enrolment).expect("enrolled");
    world.freeze(world.by(&agent), &text(&at_agent["subject"])).expect("frozen");
    table.push(("person_frozen", at_bank, at_hotel));

    let mut shapes = Vec::new();
    for (code, at_bank, at_hotel) in table {
        let lender = world.ask(&bank, &at_bank, CREDIT, "credit_application").expect("an answer");
        assert_eq!((&lender["form"], &lender["code"]), (&json!("not_assessable"), &json!(code)));
        let clerk = world.ask(&hotel, &at_hotel, STAY, "hotel_deposit").expect("an answer");
        assert_eq!(clerk["form"], "not_assessable", "{code}");
        assert!(!clerk.to_string().contains(code), "{code} leaks to a hotel");
        let index = clerk["log"]["index"].as_u64().expect("an index");
        assert_eq!(world.record(index).1["code"], code, "the log knows why");
        let record: Value =
            serde_json::from_str(clerk["log"]["opening"]["record"].as_str().expect("a record"))
                .expect("JSON");
        shapes.push((shape(&clerk), shape(&record), clerk["rule_pack"].clone()));
    }
    assert!(shapes.windows(2).all(|two| two[0] == two[1]), "{shapes:#?}");
});

on_both!(a_withdrawn_consent_stops_the_very_next_act, |world| {
    let bank = world.bank();
    let subject = world.enrol(&bank, &Human::nth(4, "CN"));
    let furnishing = world.history(&bank, &subject);
    let asking = world.consent(&bank, &subject, "account_review");
    let before = world.ask(&bank, &subject, ("consent", &asking), "account_review").expect("one");
    assert_eq!(before["form"], "score");

    world.revoke(world.by(&bank), &furnishing).expect("revoked");
    let receipt = world.furnish(&bank, &[month(&subject, &furnishing, "acc-2", "2026-10")]);
    assert_eq!((receipt.accepted, receipt.errors[0].code.as_str()), (0, "consent_revoked"));
    // What was sent under it is no longer used.
    let after = world.ask(&bank, &subject, ("consent", &asking), "account_review").expect("one");
    assert_eq!(after["code"], "insufficient_data");

    world.revoke(world.by(&bank), &asking).expect("revoked");
    let code = refused(world, &bank, &subject, &asking, "account_review");
    assert_eq!(code, "consent_revoked");
    let again = world.revoke(world.by(&bank), &asking).expect("no effect");
    assert!(again.get("log").is_none(), "taking back twice is one act");
});

on_both!(every_past_answer_is_replayed, |world| {
    let (bank, hotel) = (world.bank(), world.hotel());
    let human = Human::nth(5, "CN");
    let (subject, at_hotel) = (world.enrol(&bank, &human), world.enrol(&hotel, &human));
    let mut asked = vec![world.inquire(&bank, &subject, "credit_application")];
    let furnishing = world.history(&bank, &subject);
    asked.push(world.inquire(&bank, &subject, "credit_application"));
    asked.push(world.inquire(&hotel, &at_hotel, "hotel_deposit"));
    let mut corrected = month(&subject, &furnishing, "acc-1", "2026-10");
    corrected["op"] = json!("correct");
    corrected["balance"]["amount"] = json!("19000.00");
    assert_eq!(world.furnish(&bank, &[corrected]).accepted, 1);
    asked.push(world.inquire(&bank, &subject, "credit_application"));
    let mut deleted = month(&subject, &furnishing, "acc-1", "2026-09");
    deleted["op"] = json!("delete");
    assert_eq!(world.furnish(&bank, &[deleted]).accepted, 1);
    world.clock.advance_seconds(40 * 24 * 3600);
    asked.push(world.inquire(&bank, &subject, "credit_application"));
    world.revoke(world.by(&bank), &furnishing).expect("revoked");
    asked.push(world.inquire(&bank, &subject, "credit_application"));

    for answer in &asked {
        let id = text(&answer["inquiry"]);
        match world.bureau().replay(&id).expect("replayed") {
            Replayed::Same { score, index, .. } => {
                assert_eq!(answer["log"]["index"], index);
                if answer["form"] == "score" {
                    assert_eq!(answer["score"], json!(score));
                }
            }
            other => panic!("{other:?}"),
        }
    }
    assert_ne!(asked[1]["score"], asked[3]["score"], "the correction moved the score");
});

on_both!(an_outcome_is_reported_once_by_the_asker, |world| {
    let (bank, hotel) = (world.bank(), world.hotel());
    let subject = world.enrol(&bank, &Human::nth(6, "CN"));
    world.history(&bank, &subject);
    let answer = world.inquire(&bank, &subject, "credit_application");
    let outcome = |admission: Admission| {
        let at = answer["as_of"].clone();
        let sent = json!({ "decision": "accepted", "weight_of_score": "some", "at": at });
        let sent: OutcomeSent = serde_json::from_value(sent).expect("an outcome");
        let inquiry = text(&answer["inquiry"]);
        world.run(ReportOutcome { admission, inquiry, sent })
    };
    assert_eq!(outcome(world.by(&hotel)).expect_err("not theirs").code, "inquiry_not_found");
    outcome(world.by(&bank)).expect("reported");
    assert_eq!(outcome(world.by(&bank)).expect_err("twice").code, "outcome_exists");
});

#[test]
fn both_databases_give_the_same_answers() {
    let run = |world: World| {
        let (bank, hotel) = (world.bank(), world.hotel());
        let mut answers = Vec::new();
        for n in 20..23 {
            let human = Human::nth(n, "CN");
            let (subject, at_hotel) = (world.enrol(&bank, &human), world.enrol(&hotel, &human));
            if n != 21 {
                world.history(&bank, &subject);
            }
            let mut hit = month(&subject, &world.furnishing(&bank, &subject), "acc-2", "2026-08");
            hit["balance"]["amount"] = json!(format!("{}00.00", n * n));
            world.furnish(&bank, &[hit]);
            answers.push(world.inquire(&bank, &subject, "credit_application"));
            answers.push(world.inquire(&hotel, &at_hotel, "hotel_deposit"));
        }
        world.audited();
        answers
    };
    let sqlite = run(World::sqlite("same", "CN", Environment::Demo));
    assert_eq!(sqlite.len(), 6);
    // Ids, salts and times come from the world's seed: the answers are the same to the byte.
    assert_eq!(sqlite, run(World::sqlite("same", "CN", Environment::Demo)));
    if let Some(world) = World::postgres("same", "CN", Environment::Demo) {
        assert_eq!(sqlite, run(world));
    }
}

on_both!(a_suspended_partner_and_a_retired_key_are_refused, |world| {
    use fivefold::bureau::command::governance::{Change, ChangePartner};
    let bank = world.bank();
    let subject = world.enrol(&bank, &Human::nth(7, "CN"));
    let consent = world.consent(&bank, &subject, "credit_application");
    let ask = |party: &Party| {
        let sent = question(&subject, ("consent", &consent), "credit_application");
        world.run(Inquire { admission: world.by(party), sent })
    };
    let change = |change| {
        let partner = bank.id.clone();
        world.run(ChangePartner { admission: world.staff(), partner, change }).expect("changed")
    };
    change(Change::Suspend);
    assert_eq!(ask(&bank).expect_err("suspended").code, "key_suspended");
    change(Change::Resume);
    ask(&bank).expect("back again");
    let second = world.key("Bank, second key").public();
    change(Change::AddKey(second.clone()));
    change(Change::RetireKey(bank.keyid.clone()));
    assert_eq!(ask(&bank).expect_err("retired").code, "key_unknown");
    ask(&Party { keyid: second.thumbprint(), ..bank.clone() }).expect("the new key holds");
    let hotel = world.hotel();
    let stolen = Party { keyid: second.thumbprint(), ..hotel };
    assert_eq!(ask(&stolen).expect_err("another's key").code, "key_unknown");
});
