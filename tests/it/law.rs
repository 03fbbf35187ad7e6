//! The law at work: whose packs apply, what leaves the country, who must agree.

use fivefold::bureau::command::governance::{Change, ChangePartner};
use fivefold::bureau::command::inquire::{Counterpart, Inquire};
use fivefold::bureau::replay::Replayed;
use fivefold::partner::{ExportBasis, Role};
use serde_json::json;

use crate::world::{Human, Party, World, month, on_both, question, time};

const ASKS: [Role; 2] = [Role::Asker, Role::Enroller];

fn export_basis(world: &World, party: &Party, until: &str) {
    let basis = ExportBasis {
        kind: "standard_contract".to_string(),
        reference: "SC-2026-118".to_string(),
        expires: time(until),
    };
    let (partner, change) = (party.id.clone(), Change::ExportBasis(basis));
    world.run(ChangePartner { admission: world.staff(), partner, change }).expect("on record");
}

on_both!(nothing_leaves_the_country_without_a_basis_on_record, |world| {
    let bank = world.bank();
    let abroad = world.partner_in("US", "Overseas Bank", "bank", &ASKS, &["credit_application"]);
    let human = Human::nth(60, "CN");
    let (at_bank, there) = (world.enrol(&bank, &human), world.enrol(&abroad, &human));
    world.history(&bank, &at_bank);
    let consent = world.consent(&abroad, &there, "credit_application");
    let ask = || world.ask(&abroad, &there, ("consent", &consent), "credit_application");

    let refused = ask().expect_err("no basis");
    assert_eq!(refused.code, "export_basis_missing");
    assert_eq!(refused.policies, ["cn/export-basis"]);
    export_basis(world, &abroad, "2026-11-21T00:00:00Z");
    let answer = ask().expect("an answer");
    assert_eq!(answer["form"], "score");
    // Both laws were asked, and the record says so.
    let record = world.record(answer["log"]["index"].as_u64().expect("an index")).0;
    assert_eq!(record["rule_packs"], json!(["cn", "us"]));
    world.clock.advance_seconds(21 * 3600);
    let consent = world.consent(&abroad, &there, "credit_application");
    let lapsed = world.ask(&abroad, &there, ("consent", &consent), "credit_application");
    assert_eq!(lapsed.expect_err("it lapsed").code, "export_basis_missing");
});

on_both!(a_partner_where_no_pack_applies_is_answered_nothing, |world| {
    let bank = world.bank();
    let nowhere = world.partner_in("SG", "Island Bank", "bank", &ASKS, &["credit_application"]);
    let human = Human::nth(61, "CN");
    let there = world.enrol(&nowhere, &human);
    world.history(&bank, &world.enrol(&bank, &human));
    export_basis(world, &nowhere, "2027-11-21T00:00:00Z");
    let consent = world.consent(&nowhere, &there, "credit_application");
    let refused = world.ask(&nowhere, &there, ("consent", &consent), "credit_application");
    assert_eq!(refused.expect_err("no law").code, "jurisdiction_unknown");
});

on_both!(buyer_and_seller_see_each_other_or_nothing, |world| {
    let bank = world.bank();
    let market = world.partner("Market", "ecommerce", &ASKS, &["online_trade"]);
    let (buyer, seller) = (Human::nth(62, "CN"), Human::nth(63, "CN"));
    for human in [&buyer, &seller] {
        let subject = world.enrol(&bank, human);
        world.history(&bank, &subject);
    }
    let (buyer, seller) = (world.enrol(&market, &buyer), world.enrol(&market, &seller));
    let give = |subject: &str| {
        let mut artefact = world.artefact(&market, subject, "inquire", Some("online_trade"), 20);
        artefact["fetch"] = json!("ONETIME");
        world.give(world.by(&market), &artefact).expect("given")["consent"]
            .as_str()
            .expect("an id")
            .to_string()
    };
    let ask = |subject: &str, consent: &str, other: Option<(&str, &str)>| {
        let mut sent = question(subject, ("consent", consent), "online_trade");
        sent.counterpart = other.map(|(subject, consent)| Counterpart {
            subject: subject.to_string(),
            consent: consent.to_string(),
        });
        world.run(Inquire { admission: world.by(&market), sent })
    };
    let of_seller = give(&seller);
    let code = |answer: Result<_, fivefold::error::Problem>| answer.expect_err("refused").code;
    assert_eq!(code(ask(&seller, &of_seller, None)), "counterpart_consent_missing");
    let herself = Some((seller.as_str(), of_seller.as_str()));
    assert_eq!(code(ask(&seller, &of_seller, herself)), "counterpart_consent_missing");

    let of_buyer = give(&buyer);
    let answer = ask(&seller, &of_seller, Some((&buyer, &of_buyer))).expect("an answer");
    assert_eq!(answer["form"], "threshold");
    // The buyer is seen too, though the seller's consent was used by the first answer.
    let answer = ask(&buyer, &of_buyer, Some((&seller, &of_seller))).expect("an answer");
    assert_eq!(answer["form"], "threshold");
    assert_eq!(code(ask(&buyer, &of_buyer, Some((&seller, &of_seller)))), "consent_used");
});

on_both!(a_freeze_bars_new_credit_and_nothing_else, |world| {
    let bank = world.bank();
    let landlord = world.landlord();
    let agent = world.partner("Agent", "other", &[Role::Agent, Role::Enroller], &[]);
    let human = Human::nth(64, "CN");
    let (at_bank, at_landlord) = (world.enrol(&bank, &human), world.enrol(&landlord, &human));
    world.history(&bank, &at_bank);
    let mut enrolment = human.enrolment();
    enrolment["mandate"] = json!({
        "acts": ["freeze", "unfreeze"], "expires_at": "2027-01-01T00:00:00Z",
        "evidence_digest": "ab".repeat(32),
    });
    let at_agent = world.enrol_as(world.by(&agent), &enrolment).expect("enrolled");
    let at_agent = at_agent["subject"].as_str().expect("an id");
    let frozen = world.freeze(world.by(&agent), at_agent).expect("frozen");
    let credit = world.inquire(&bank, &at_bank, "credit_application");
    assert_eq!(credit["code"], "person_frozen");
    assert_eq!(world.inquire(&bank, &at_bank, "account_review")["form"], "score");
    assert_eq!(world.inquire(&landlord, &at_landlord, "tenancy")["form"], "band");
    let freeze = frozen["freeze"].as_str().expect("an id");
    world.unfreeze(world.by(&agent), at_agent, freeze).expect("lifted");
    assert_eq!(world.inquire(&bank, &at_bank, "credit_application")["form"], "score");
});

on_both!(what_may_never_be_collected_finds_no_back_door, |world| {
    let bank = world.bank();
    let subject = world.enrol(&bank, &Human::nth(65, "CN"));
    let consent = world.furnishing(&bank, &subject);
    let base = || {
        json!({
            "subject": subject, "basis": { "type": "consent", "ref": consent }, "synthetic": true,
        })
    };
    let record = |more: serde_json::Value| {
        let mut record = base();
        for (name, value) in more.as_object().expect("an object") {
            record[name] = value.clone();
        }
        record
    };
    let yuan = json!({ "amount": "10.00", "currency": "CNY" });
    let mut remark = month(&subject, &consent, "acc-1", "2026-09");
    remark["special_comment"] = json!("paid late after surgery");
    let mut contact = month(&subject, &consent, "acc-1", "2026-08");
    contact["special_comment"] = json!("ask her brother, 138 0013-8000");
    let mut message = month(&subject, &consent, "acc-1", "2026-07");
    message["special_comment"] = json!("wrote from li@example.cn");
    let doors = [
        record(json!({ "type": "inquiry_history", "product": "fertility loan",
                       "month": "2026-09", "count": 1 })),
        record(json!({ "type": "obligation", "obligation_key": "temple-tithe-7", "kind": "bill",
                       "due": "2026-09-01", "amount": yuan, "outcome": "kept",
                       "fulfilled": "2026-09-01" })),
        record(json!({ "type": "public_record", "record_key": "药-117", "kind": "judgment",
                       "filed": "2026-03-01" })),
        record(json!({ "type": "account", "account_key": "acc-2", "portfolio": "instalment",
                       "opened": "2024-01-02", "currency": "CNY", "role": "sole",
                       "original_creditor": "City Clinic" })),
        remark,
        contact,
        message,
    ];
    let receipt = world.furnish(&bank, &doors);
    let codes: Vec<&str> = receipt.errors.iter().map(|e| e.code.as_str()).collect();
    assert_eq!((receipt.accepted, codes), (0, vec!["category_prohibited"; doors.len()]));
    assert!(receipt.errors.iter().all(|e| !e.message.contains("surgery")));
    let mut plain = month(&subject, &consent, "acc-1", "2026-09");
    plain["special_comment"] = json!("deferred by agreement until 2026-12");
    assert_eq!(world.furnish(&bank, &[plain]).accepted, 1);
});

on_both!(where_ties_are_off_a_scorecard_of_its_own_scores, |world| {
    let bank = world.bank();
    let asked = |n: u32, residence: &str| {
        let human = Human::nth(n, residence);
        let subject = world.enrol(&bank, &human);
        world.history(&bank, &subject);
        world.inquire(&bank, &subject, "account_review")
    };
    let (here, there) = (asked(66, "CN"), asked(67, "US"));
    assert_eq!((&here["form"], &there["form"]), (&json!("score"), &json!("score")));
    let id =
        |answer: &serde_json::Value| answer["model"]["id"].as_str().expect("an id").to_string();
    assert_eq!(id(&there), format!("{}-without-relationships", id(&here)));
    assert_ne!(here["model"]["digest"], there["model"]["digest"]);
    // Kept for ever: the answer is computed again with the very table.
    let replayed = world.bureau().replay(there["inquiry"].as_str().expect("an id"));
    let replayed = replayed.expect("looked at");
    assert!(matches!(replayed, Replayed::Same { .. }), "{replayed:?}");
});
