//! Persons: who they are, who acts for them, and who is who.

use fivefold::bureau::admission::{Admission, Principal};
use fivefold::bureau::command::enrol::{MandateSent, key_proof_text, mandate_text};
use fivefold::bureau::command::file::SeeFile;
use fivefold::bureau::command::inquire::Inquire;
use fivefold::bureau::command::resolve::{Resolution, Resolve};
use fivefold::bureau::replay::Replayed;
use fivefold::consent::Artefact;
use fivefold::consent::statement::statement;
use fivefold::error::Problem;
use fivefold::kernel::bytes::base64;
use fivefold::partner::Role;
use fivefold::partner::signature::SigningKey;
use serde_json::{Value, json};

use crate::world::{Human, Party, World, month, on_both, shape, text};

on_both!(a_wrong_name_changes_nothing_that_the_enroller_sees, |world| {
    let (bank, hotel) = (world.bank(), world.hotel());
    let human = Human::nth(1, "CN");
    let right = world.enrol_as(world.by(&bank), &human.enrolment()).expect("enrolled");
    let other = Human { name: "Another Name".to_string(), ..human };
    let wrong = world.enrol_as(world.by(&hotel), &other.enrolment()).expect("enrolled");
    assert_eq!(shape(&right), shape(&wrong));
    assert_eq!(right["identity_level"], wrong["identity_level"]);
    // A consent is taken down, in the same words; nothing is ever told under such a subject.
    let subject = text(&wrong["subject"]);
    let artefact = world.artefact(&hotel, &subject, "inquire", Some("hotel_deposit"), 20);
    world.give(world.by(&hotel), &artefact).expect("given");
    let answer = world.inquire(&hotel, &subject, "hotel_deposit");
    assert_eq!(answer["form"], "not_assessable");
});

on_both!(the_identity_level_comes_from_independent_sources, |world| {
    let hotel =
        world.partner("Hotel", "hotel", &[Role::Asker, Role::Enroller], &["identity_check"]);
    let ladder: [(&[&str], i64); 5] = [
        (&["questionnaire"], 0),
        (&["card"], 1),
        (&["card", "telecom", "utility_bill"], 2),
        (&["in_person"], 3),
        (&["in_person", "authority", "face"], 4),
    ];
    for (n, (channels, level)) in ladder.into_iter().enumerate() {
        let human = Human { channels: channels.to_vec(), ..Human::nth(n as u32, "CN") };
        let enrolled = world.enrol_as(world.by(&hotel), &human.enrolment()).expect("enrolled");
        assert_eq!(enrolled["identity_level"], level);
        let answer = world.inquire(&hotel, &text(&enrolled["subject"]), "identity_check");
        assert_eq!((&answer["form"], &answer["level"]), (&json!("identity_level"), &json!(level)));
    }
});

/// Enrols a person with a key of their own.
pub fn with_key(world: &World, party: &Party, human: &Human, key: &SigningKey) -> String {
    let proof = key.sign(key_proof_text(&party.id, &key.public().thumbprint()).as_bytes());
    let mut enrolment = human.enrolment();
    enrolment["person_key"] = json!({ "jwk": key.public().to_jwk(), "proof": base64(&proof) });
    text(&world.enrol_as(world.by(party), &enrolment).expect("enrolled")["subject"])
}

/// A consent signed with a key; `altered` is changed after signing.
fn signed(artefact: &Value, key: &SigningKey) -> Value {
    let mut artefact = artefact.clone();
    artefact["evidence"]["method"] = json!("person_signed");
    artefact["evidence"]["public_key"] = json!(key.public().thumbprint());
    artefact["evidence"]["signature"] = json!("");
    let read: Artefact = serde_json::from_value(artefact.clone()).expect("an artefact");
    let signature = key.sign(statement(&read).as_bytes());
    artefact["evidence"]["signature"] = json!(base64(&signature));
    artefact
}

on_both!(a_person_signs_a_consent_and_nobody_else_can, |world| {
    let (bank, hotel) = (world.bank(), world.hotel());
    let key = world.key("person 1");
    let subject = with_key(world, &bank, &Human::nth(1, "CN"), &key);
    let artefact = world.artefact(&bank, &subject, "inquire", Some("credit_application"), 20);
    let good = signed(&artefact, &key);
    let given = world.give(world.by(&bank), &good).expect("a consent");
    let consent = text(&given["consent"]);
    world.ask(&bank, &subject, ("consent", &consent), "credit_application").expect("an answer");

    let forged = signed(&artefact, &world.key("somebody else"));
    let mut borrowed = forged.clone();
    borrowed["evidence"]["public_key"] = json!(key.public().thumbprint());
    let mut stretched = good.clone();
    stretched["expires_at"] = json!(world.env.now().plus_seconds(30 * 3600));
    let mut redirected = good.clone();
    redirected["recipient"] = json!(hotel.id);
    for bad in [forged, borrowed, stretched, redirected] {
        let refused = world.give(world.by(&bank), &bad).expect_err("refused");
        assert_eq!(refused.code, "consent_evidence_invalid");
    }
    // The person themself gives and takes.
    let person = world.person(&subject);
    let mut own = artefact.clone();
    own["subject"] = json!("me");
    own["evidence"]["signed_at"] = json!(world.env.now().plus_seconds(1));
    let given = world.give(world.by_person(&person, &key), &signed(&own, &key));
    let consent = text(&given.expect("a consent")["consent"]);
    world.revoke(world.by_person(&person, &key), &consent).expect("revoked");
});

fn see(world: &World, admission: Admission, subject: &str) -> Result<Value, Problem> {
    world.run(SeeFile { admission, subject: subject.to_string() })
}

on_both!(nobody_else_acts_as_the_person, |world| {
    let bank = world.bank();
    let (key, other) = (world.key("person 1"), world.key("person 2"));
    let subject = with_key(world, &bank, &Human::nth(1, "CN"), &key);
    let stranger = with_key(world, &bank, &Human::nth(2, "CN"), &other);
    let person = world.person(&subject);
    world.history(&bank, &subject);

    let file = see(world, world.by_person(&person, &key), "me").expect("the own file");
    assert_eq!(file["observations"].as_array().map(Vec::len), Some(13));
    // With another's key, or by another's name.
    let code = |r: Result<Value, Problem>| r.expect_err("refused").code;
    assert_eq!(code(see(world, world.by_person(&person, &other), "me")), "key_unknown");
    let theirs = world.by_person(&world.person(&stranger), &other);
    assert_eq!(code(see(world, theirs, &subject)), "subject_not_found");
    assert_eq!(code(see(world, world.by(&bank), &subject)), "role_missing");
    assert_eq!(code(world.freeze(world.by(&bank), &subject)), "role_missing");
    let partner_key = Admission { principal: Principal::Person(person.clone()), ..world.by(&bank) };
    assert_eq!(code(see(world, partner_key, "me")), "key_unknown");

    let frozen = world.freeze(world.by_person(&person, &key), "me").expect("frozen");
    let freeze = text(&frozen["freeze"]);
    let again = world.freeze(world.by_person(&person, &key), "me").expect("frozen");
    assert_eq!((again.get("log"), text(&again["freeze"])), (None, freeze.clone()));
    let answer = world.inquire(&bank, &subject, "credit_application");
    assert_eq!(answer["code"], "person_frozen");
    let theirs = world.by_person(&world.person(&stranger), &other);
    assert!(world.unfreeze(theirs, "me", &freeze).is_err());
    world.unfreeze(world.by_person(&person, &key), "me", &freeze).expect("lifted");
    let answer = world.inquire(&bank, &subject, "credit_application");
    assert_eq!(answer["form"], "score");
});

on_both!(a_person_asks_about_themself_and_about_nobody_else, |world| {
    let bank = world.bank();
    let key = SigningKey::generate(&world.env).expect("a key");
    let subject = with_key(world, &bank, &Human::nth(1, "CN"), &key);
    world.history(&bank, &subject);
    let ask = |admission, subject: &str| {
        let sent = serde_json::from_value(json!({
            "subject": subject, "scenario": "self",
            "basis": { "type": "legal_obligation", "ref": "own file" },
        }));
        world.run(Inquire { admission, sent: sent.expect("an inquiry") })
    };
    let person = world.person(&subject);
    let mine = ask(world.by_person(&person, &key), "me").expect("an answer");
    assert_eq!((&mine["form"], mine["score"].is_i64()), (&json!("file"), true), "{mine}");
    let theirs = ask(world.by_person(&person, &key), &subject);
    assert!(theirs.map_or(true, |answer| answer["form"] != "file"), "a partner's id is not mine");
    let bank = ask(world.by(&bank), &subject);
    assert!(bank.map_or(true, |answer| answer["form"] != "file"), "a lender is not the person");
});

on_both!(a_hotel_binds_no_key_and_a_mandate_is_signed_by_who_has_one, |world| {
    let (bank, hotel) = (world.bank(), world.hotel());
    let agent = world.partner("Agent", "other", &[Role::Agent, Role::Enroller], &[]);
    let human = Human::nth(1, "CN");
    let key = SigningKey::generate(&world.env).expect("a key");
    let proof = key.sign(key_proof_text(&hotel.id, &key.public().thumbprint()).as_bytes());
    let mut enrolment = human.enrolment();
    enrolment["person_key"] = json!({ "jwk": key.public().to_jwk(), "proof": base64(&proof) });
    let refused = world.enrol_as(world.by(&hotel), &enrolment).expect_err("no registrar");
    assert_eq!(refused.code, "role_missing");
    let subject = with_key(world, &bank, &human, &key);
    world.history(&bank, &subject);

    let mut sent = MandateSent {
        acts: vec!["see_file".to_string()],
        expires_at: world.env.now().plus_days(9),
        evidence_digest: "ab".repeat(32),
        signature: None,
    };
    let give = |sent: &MandateSent| {
        let mut enrolment = human.enrolment();
        enrolment["mandate"] = json!({
            "acts": sent.acts, "expires_at": sent.expires_at,
            "evidence_digest": sent.evidence_digest, "signature": sent.signature,
        });
        text(&world.enrol_as(world.by(&agent), &enrolment).expect("enrolled")["subject"])
    };
    let at_agent = give(&sent);
    let refused = see(world, world.by(&agent), &at_agent).expect_err("an unsigned mandate");
    assert_eq!(refused.code, "mandate_missing");
    sent.signature = Some(base64(&key.sign(mandate_text(&agent.id, &sent).as_bytes())));
    give(&sent);
    see(world, world.by(&agent), &at_agent).expect("the file");
});

on_both!(a_persons_signature_is_good_for_one_consent, |world| {
    let bank = world.bank();
    let key = SigningKey::generate(&world.env).expect("a key");
    let subject = with_key(world, &bank, &Human::nth(1, "CN"), &key);
    let artefact = world.artefact(&bank, &subject, "inquire", Some("credit_application"), 24);
    let artefact = signed(&artefact, &key);
    let given = world.give(world.by(&bank), &artefact).expect("given");
    world.revoke(world.by(&bank), &text(&given["consent"])).expect("revoked");
    assert_eq!(world.give(world.by(&bank), &artefact).expect_err("again").code, "consent_exists");
});

on_both!(an_agent_does_what_its_mandate_names_and_nothing_else, |world| {
    let bank = world.bank();
    let agent = world.partner("Agent", "other", &[Role::Agent, Role::Enroller], &[]);
    let human = Human::nth(1, "CN");
    let subject = world.enrol(&bank, &human);
    let consent = world.history(&bank, &subject);
    let bare = world.enrol(&agent, &human);
    let code = |r: Result<Value, Problem>| r.expect_err("refused").code;
    assert_eq!(code(see(world, world.by(&agent), &bare)), "mandate_missing");

    let mut enrolment = human.enrolment();
    enrolment["mandate"] = json!({
        "acts": ["see_file"], "expires_at": "2026-12-01T00:00:00Z", "evidence_digest": "ab".repeat(32),
    });
    let enrolled = world.enrol_as(world.by(&agent), &enrolment).expect("enrolled");
    assert_eq!(text(&enrolled["subject"]), bare);
    see(world, world.by(&agent), &bare).expect("the file");
    assert_eq!(code(world.freeze(world.by(&agent), &bare)), "mandate_missing");
    // To see the file is not to take a consent back.
    assert_eq!(code(world.revoke(world.by(&agent), &consent)), "consent_not_found");
    world.clock.advance_seconds(20 * 24 * 3600);
    assert_eq!(code(see(world, world.by(&agent), &bare)), "mandate_missing");
});

fn resolve(world: &World, person: &str, resolution: Resolution) -> Result<Value, Problem> {
    let (person, evidence) = (person.to_string(), "case 7".to_string());
    world.run(Resolve { admission: world.staff(), person, resolution, evidence })
}

on_both!(a_merge_joins_two_files_and_a_split_parts_them, |world| {
    let bank = world.bank();
    let roles = [Role::Furnisher, Role::Asker, Role::Enroller];
    let lender = world.partner("Lender", "lender", &roles, &["account_review"]);
    let (one, two) = (Human::nth(1, "CN"), Human::nth(2, "CN"));
    let at_bank = world.enrol(&bank, &one);
    world.history(&bank, &at_bank);
    let alone = world.inquire(&bank, &at_bank, "account_review");
    let at_lender = world.enrol(&lender, &two);
    let consent = world.furnishing(&lender, &at_lender);
    let mut bad = month(&at_lender, &consent, "loan", "2026-10");
    bad["dpd"] = json!(120);
    bad["status"] = json!("late");
    bad["past_due"] = json!({ "amount": "350.00", "currency": "CNY" });
    bad["adverse_notice"] =
        json!({ "channel": "sms", "sent_at": "2026-11-01T00:00:00Z", "template": "t" });
    assert_eq!(world.furnish(&lender, &[bad.clone()]).accepted, 1);
    let (first, second) = (world.person(&at_bank), world.person(&at_lender));
    assert_ne!(first, second);

    resolve(world, &first, Resolution::Merge(second.clone())).expect("merged");
    let again = resolve(world, &first, Resolution::Merge(second.clone()));
    assert_eq!(again.expect_err("one already").code, "already_merged");
    let whole = world.inquire(&bank, &at_bank, "account_review");
    let seen = world.inquire(&lender, &at_lender, "account_review");
    assert_eq!(whole["score"], seen["score"], "both names lead to the whole file");
    assert_ne!(whole["dimensions"], alone["dimensions"]);
    // A record keeps its name: sent again it is a duplicate, changed it is a conflict.
    assert_eq!(world.furnish(&lender, &[bad.clone()]).duplicates, 1);
    bad["op"] = json!("correct");
    bad["balance"]["amount"] = json!("95000.00");
    assert_eq!(world.furnish(&lender, &[bad.clone()]).accepted, 1);

    resolve(world, &first, Resolution::Split(second.clone())).expect("split");
    let apart = world.inquire(&bank, &at_bank, "account_review");
    assert_eq!(apart["score"], alone["score"]);
    assert_eq!(world.furnish(&lender, &[bad]).duplicates, 1, "it went back with its person");
    resolve(world, &first, Resolution::NoMerge(second.clone())).expect("on record");
    let never = resolve(world, &second, Resolution::Merge(first.clone()));
    assert_eq!(never.expect_err("never").code, "no_merge");
    for answer in [&alone, &whole, &seen, &apart] {
        let replayed = world.bureau().replay(&text(&answer["inquiry"])).expect("replayed");
        assert!(matches!(replayed, Replayed::Same { .. }), "{replayed:?}");
    }
});

on_both!(a_chain_of_merges_is_one_file_and_comes_apart_again, |world| {
    let bank = world.bank();
    let subjects: Vec<String> = (1..4).map(|n| world.enrol(&bank, &Human::nth(n, "CN"))).collect();
    world.history(&bank, &subjects[2]);
    let ids: Vec<String> = subjects.iter().map(|s| world.person(s)).collect();
    let merge = |into: usize, other: usize| {
        resolve(world, &ids[into], Resolution::Merge(ids[other].clone()))
    };
    let alone = world.inquire(&bank, &subjects[2], "account_review");
    // The second into the first, then the third into the second: all into the first.
    merge(0, 1).expect("merged");
    merge(1, 2).expect("merged");
    world.audited();
    assert_eq!(merge(0, 2).expect_err("one already").code, "already_merged");
    let first = world.inquire(&bank, &subjects[0], "account_review");
    assert_eq!(first["score"], alone["score"]);
    // A freeze of any of them is a freeze of all.
    let agent = world.partner("Agent", "other", &[Role::Agent, Role::Enroller], &[]);
    let mut enrolment = Human::nth(3, "CN").enrolment();
    enrolment["mandate"] = json!({
        "acts": ["freeze", "unfreeze"], "expires_at": "2027-01-01T00:00:00Z",
        "evidence_digest": "ab".repeat(32),
    });
    let at_agent = text(&world.enrol_as(world.by(&agent), &enrolment).expect("one")["subject"]);
    let frozen = world.freeze(world.by(&agent), &at_agent).expect("frozen");
    let answer = world.inquire(&bank, &subjects[1], "credit_application");
    assert_eq!(answer["code"], "person_frozen");
    world.unfreeze(world.by(&agent), &at_agent, &text(&frozen["freeze"])).expect("lifted");

    resolve(world, &ids[0], Resolution::Split(ids[1].clone())).expect("split");
    world.audited();
    let second = world.inquire(&bank, &subjects[1], "account_review");
    assert_eq!(second["score"], alone["score"]);
    let first = world.inquire(&bank, &subjects[0], "account_review");
    assert_eq!(first["code"], "insufficient_data");
    assert_eq!(merge(0, 2).expect_err("the third belongs to another").code, "already_merged");
});

on_both!(a_freeze_placed_before_a_merge_holds_after_it, |world| {
    let bank = world.bank();
    let key = world.key("person 2");
    let one = world.enrol(&bank, &Human::nth(1, "CN"));
    let two = with_key(world, &bank, &Human::nth(2, "CN"), &key);
    world.history(&bank, &one);
    let (first, second) = (world.person(&one), world.person(&two));
    world.freeze(world.by_person(&second, &key), "me").expect("frozen");
    resolve(world, &first, Resolution::Merge(second)).expect("merged");
    let answer = world.inquire(&bank, &one, "credit_application");
    assert_eq!(answer["code"], "person_frozen");
});
