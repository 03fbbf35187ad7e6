//! What persons demand: objections, statements, reviews, notices; and who is told.

use fivefold::bureau::command::answering::{AnswerDispute, AnswerSent, CloseOverdue};
use fivefold::bureau::command::dispute::{DisputeSent, OpenDispute, ReadDispute};
use fivefold::bureau::command::events::ReadEvents;
use fivefold::bureau::command::file::SeeFile;
use fivefold::bureau::command::matters::{AnswerMatter, MatterSent, OpenMatter};
use fivefold::bureau::command::notice::ReadNotice;
use fivefold::bureau::command::outcome::{OutcomeSent, ReportOutcome};
use fivefold::error::Problem;
use fivefold::partner::signature::SigningKey;
use fivefold::rights::MatterKind;
use serde_json::{Value, json};

use crate::persons::with_key;
use crate::world::{Human, Party, World, month, on_both, text, year};

/// A person with a key of their own, known to a bank that sent a year with one bad month.
pub struct Case {
    pub bank: Party,
    pub key: SigningKey,
    pub person: String,
    pub subject: String,
    consent: String,
}

fn late(case_subject: &str, consent: &str, of: &str) -> Value {
    let mut bad = month(case_subject, consent, "acc-1", of);
    bad["dpd"] = json!(65);
    bad["status"] = json!("late");
    bad["past_due"] = json!({ "amount": "700.00", "currency": "CNY" });
    bad["adverse_notice"] =
        json!({ "channel": "sms", "sent_at": "2026-10-20T00:00:00Z", "template": "t-1" });
    bad
}

pub fn case(world: &World, n: u32, residence: &str) -> Case {
    let bank = world.bank();
    let key = world.key(&format!("person {n}"));
    let subject = with_key(world, &bank, &Human::nth(n, residence), &key);
    let consent = world.furnishing(&bank, &subject);
    let mut lines = year(&subject, &consent, "acc-1");
    let place = lines.iter().position(|line| line["month"] == "2026-08").expect("August");
    lines[place] = late(&subject, &consent, "2026-08");
    let receipt = world.furnish(&bank, &lines);
    assert_eq!(receipt.rejected, 0, "{:?}", receipt.errors);
    let person = world.person(&subject);
    Case { bank, key, person, subject, consent }
}

impl Case {
    fn report(&self, world: &World) -> Value {
        let admission = world.by_person(&self.person, &self.key);
        world.run(SeeFile { admission, subject: "me".to_string() }).expect("a report")
    }

    /// The index of the bad month's entry.
    pub fn bad(&self, world: &World) -> u64 {
        let report = self.report(world);
        let list = report["observations"].as_array().expect("observations").clone();
        let bad = list.iter().find(|one| one["observation"]["dpd"] == 65).expect("the bad month");
        bad["index"].as_u64().expect("an index")
    }

    pub fn dispute(&self, world: &World, ground: &str, items: &[u64]) -> Result<Value, Problem> {
        let items: Vec<Value> = items.iter().map(|i| json!({ "observation": i })).collect();
        let sent = json!({
            "subject": "me", "items": items, "ground": ground, "text": "I paid in time.",
            "evidence_digest": "ab".repeat(32),
        });
        let sent: DisputeSent = serde_json::from_value(sent).expect("a dispute");
        let admission = world.by_person(&self.person, &self.key);
        world.run(OpenDispute { admission, sent })
    }

    pub fn answer(&self, world: &World, dispute: &str, items: Value) -> Result<Value, Problem> {
        let sent = json!({ "items": items, "note": "We looked into it." });
        let sent: AnswerSent = serde_json::from_value(sent).expect("an answer");
        let (admission, dispute) = (world.by(&self.bank), dispute.to_string());
        world.run(AnswerDispute { admission, dispute, sent })
    }

    fn events(&self, world: &World) -> Vec<Value> {
        let admission = world.by_person(&self.person, &self.key);
        pulled(world, admission)
    }

    pub fn score(&self, world: &World) -> Value {
        world.inquire(&self.bank, &self.subject, "account_review")
    }
}

pub fn pulled(world: &World, admission: fivefold::bureau::admission::Admission) -> Vec<Value> {
    let page = world.run(ReadEvents { admission, after: -1, limit: 100 }).expect("events");
    page["events"].as_array().expect("a list").clone()
}

fn kinds(events: &[Value]) -> Vec<&str> {
    events.iter().filter_map(|event| event["kind"].as_str()).collect()
}

on_both!(an_item_is_marked_at_once_corrected_and_told_to_whoever_relied_on_it, |world| {
    let case = case(world, 70, "CN");
    let hotel = world.hotel();
    let at_hotel = world.enrol(&hotel, &Human::nth(70, "CN"));
    let told_hotel = world.inquire(&hotel, &at_hotel, "hotel_deposit");
    let before = case.score(world);
    assert_eq!(before["disputed"], false);
    let bad = case.bad(world);

    let opened = case.dispute(world, "inaccurate", &[bad]).expect("opened");
    let dispute = text(&opened["dispute"]);
    // Twenty days (Reg 25), on the bureau's clock.
    assert_eq!(opened["due"], "2026-12-10T04:00:00Z");
    assert_eq!(case.score(world)["disputed"], true);
    assert_eq!(case.score(world)["score"], before["score"], "marked, not taken out");
    let again = case.dispute(world, "inaccurate", &[bad]).expect_err("open already");
    assert_eq!(again.errors[0].code, "dispute_open");
    let events = pulled(world, world.by(&case.bank));
    assert_eq!(kinds(&events), ["dispute_to_answer"]);
    let item = &events[0]["about"]["items"][0];
    assert_eq!((&item["reference"], &item["period"]), (&json!("acc-1"), &json!("2026-08")));

    // Somebody else's correction, another record, or none at all is refused.
    let wrong = |answer: Value| {
        let items = json!([answer]);
        case.answer(world, &dispute, items).expect_err("refused").errors[0].code.clone()
    };
    assert_eq!(wrong(json!({ "observation": bad, "outcome": "corrected" })), "required");
    assert_eq!(wrong(json!({ "observation": bad + 1, "outcome": "upheld" })), "item_not_found");
    let mut other = month(&case.subject, &case.consent, "acc-1", "2026-07");
    other["op"] = json!("correct");
    let other = json!({ "observation": bad, "outcome": "corrected", "correction": other });
    assert_eq!(wrong(other), "record_differs");

    let mut right = month(&case.subject, &case.consent, "acc-1", "2026-08");
    right["op"] = json!("correct");
    let items = json!([{ "observation": bad, "outcome": "corrected", "correction": right }]);
    let closed = case.answer(world, &dispute, items).expect("settled");
    assert_eq!(closed["state"], "closed");
    let after = case.score(world);
    assert_eq!(after["disputed"], false);
    assert!(after["score"].as_i64() > before["score"].as_i64(), "{before} {after}");

    // The furnisher's next batch does not bring the wrong value back, as a report or as a correction.
    let stale = late(&case.subject, &case.consent, "2026-08");
    let mut insisted = stale.clone();
    insisted["op"] = json!("correct");
    // Nor does the same error with another date, another notice and another balance.
    let mut varied = insisted.clone();
    varied["date_of_information"] = json!("2026-08-30");
    varied["adverse_notice"]["sent_at"] = json!("2026-10-25T00:00:00Z");
    varied["balance"] = json!({ "amount": "4999.99", "currency": "CNY" });
    let receipt = world.furnish(&case.bank, &[stale, insisted, varied]);
    let codes: Vec<&str> = receipt.errors.iter().map(|e| e.code.as_str()).collect();
    assert_eq!(codes, ["record_refuted"; 3]);

    // Who got another answer than would be given now learns it, in the form it may have.
    let to_bank = pulled(world, world.by(&case.bank));
    assert!(kinds(&to_bank).contains(&"answer_corrected"), "{to_bank:?}");
    let to_hotel = pulled(world, world.by(&hotel));
    for event in &to_hotel {
        assert_eq!(event["about"]["inquiry"], told_hotel["inquiry"]);
        assert!(event["about"].get("score").is_none());
    }
    let corrected = to_bank.iter().find(|event| event["kind"] == "answer_corrected").expect("one");
    assert_eq!(corrected["about"]["value"]["score"], after["score"]);
    assert!(kinds(&case.events(world)).contains(&"dispute_result"));
});

on_both!(a_refuted_item_can_be_upheld_and_the_mark_goes, |world| {
    let case = case(world, 71, "CN");
    let bad = case.bad(world);
    let dispute = text(&case.dispute(world, "inaccurate", &[bad]).expect("opened")["dispute"]);
    let before = case.score(world);
    let items = json!([{ "observation": bad, "outcome": "upheld" }]);
    case.answer(world, &dispute, items).expect("settled");
    let after = case.score(world);
    assert_eq!((&after["score"], &after["disputed"]), (&before["score"], &json!(false)));
    let again = case.answer(world, &dispute, json!([{ "observation": bad, "outcome": "upheld" }]));
    assert_eq!(again.expect_err("settled before").errors[0].code, "item_settled");
    let seen = |admission| world.run(ReadDispute { admission, dispute: dispute.clone() });
    assert_eq!(seen(world.by(&case.bank)).expect("its own")["state"], "closed");
    let hotel = world.hotel();
    assert_eq!(seen(world.by(&hotel)).expect_err("not theirs").code, "dispute_not_found");
    let mine = seen(world.by_person(&case.person, &case.key)).expect("mine");
    assert_eq!(mine["items"][0]["state"], "upheld");
    // The same objection again says nothing new; another ground does.
    let same = case.dispute(world, "inaccurate", &[bad]).expect_err("nothing new");
    assert_eq!(same.errors[0].code, "nothing_new");
    case.dispute(world, "not_mine", &[bad]).expect("another ground");
});

on_both!(in_europe_a_contested_item_is_neither_shown_nor_scored, "DE", |world| {
    let case = case(world, 72, "DE");
    let before = case.score(world);
    let bad = case.bad(world);
    let opened = case.dispute(world, "inaccurate", &[bad]).expect("opened");
    assert_eq!(opened["withheld"], true);
    let meanwhile = case.score(world);
    assert!(meanwhile["score"].as_i64() > before["score"].as_i64(), "{meanwhile}");
    assert_eq!(meanwhile["disputed"], false, "nothing hints at it");
    world.audited();
    let dispute = text(&opened["dispute"]);
    let items = json!([{ "observation": bad, "outcome": "upheld" }]);
    case.answer(world, &dispute, items).expect("settled");
    assert_eq!(case.score(world)["score"], before["score"], "it counts again");
    // Both answers are replayed: what was withheld then is withheld in the replay.
    for answer in [&before, &meanwhile] {
        let replayed = world.bureau().replay(&text(&answer["inquiry"])).expect("replayed");
        assert!(
            matches!(replayed, fivefold::bureau::replay::Replayed::Same { .. }),
            "{replayed:?}"
        );
    }
});

on_both!(what_cannot_be_verified_is_deleted_and_comes_back_only_certified, "US", |world| {
    let case = case(world, 73, "US");
    let before = case.score(world);
    let bad = case.bad(world);
    let opened = case.dispute(world, "inaccurate", &[bad]).expect("opened");
    let dispute = text(&opened["dispute"]);
    assert_eq!(opened["due"], "2026-12-20T04:00:00Z", "thirty days");
    let close = || {
        let dispute = dispute.clone();
        world.run(CloseOverdue { admission: world.staff(), dispute }).expect("looked at")
    };
    assert_eq!(close()["state"], "open", "not before its time");
    world.clock.advance_seconds(31 * 24 * 3600);
    assert_eq!(close()["state"], "closed");
    let after = case.score(world);
    assert!(after["score"].as_i64() > before["score"].as_i64());
    world.audited();

    let stale = late(&case.subject, &case.consent, "2026-08");
    let receipt = world.furnish(&case.bank, std::slice::from_ref(&stale));
    assert_eq!(receipt.errors[0].code, "reinsertion_uncertified");
    let bare = json!([{ "observation": bad, "outcome": "reinserted" }]);
    let refused = case.answer(world, &dispute, bare).expect_err("not certified");
    assert_eq!(refused.errors[0].code, "reinsertion_uncertified");
    let sure = json!([{ "observation": bad, "outcome": "reinserted", "certified": true }]);
    case.answer(world, &dispute, sure).expect("back");
    let events = case.events(world);
    let last = events.last().expect("an event");
    assert_eq!(last["kind"], "dispute_result");
    assert_eq!(last["about"]["items"][0]["reinserted"], true);
    assert!(last["about"]["reinsertion_notice_due"].is_string(), "five business days");
    let report = case.report(world);
    let live = report["observations"].as_array().expect("a list").iter();
    assert!(live.filter(|one| one["observation"]["dpd"] == 65).any(|one| one["live"] == true));
});

on_both!(in_china_what_cannot_be_settled_stays_with_its_objection_beside_it, |world| {
    let case = case(world, 74, "CN");
    let before = case.score(world);
    let bad = case.bad(world);
    let dispute = text(&case.dispute(world, "inaccurate", &[bad]).expect("opened")["dispute"]);
    world.clock.advance_seconds(20 * 24 * 3600);
    world.run(CloseOverdue { admission: world.staff(), dispute: dispute.clone() }).expect("closed");
    assert_eq!(case.score(world)["score"], before["score"]);
    let report = case.report(world);
    assert_eq!(report["disputes"][0]["state"], "unresolved");
    assert!(report["tradelines"][0]["dispute"].as_str().is_some_and(|t| t.contains("unresolved")));
});

on_both!(not_mine_covers_all_that_came_with_it, |world| {
    let case = case(world, 75, "CN");
    let bad = case.bad(world);
    let opened = case.dispute(world, "not_mine", &[bad]).expect("opened");
    assert_eq!(opened["items"].as_array().map(Vec::len), Some(13), "the account and its year");
    let none = case.dispute(world, "not_mine", &[]).expect_err("nothing is left");
    assert_eq!(none.code, "nothing_to_dispute");
    let one = case.dispute(world, "inaccurate", &[]).expect_err("name them");
    assert_eq!(one.errors[0].code, "required");
});

on_both!(what_a_thief_did_is_out_at_once, |world| {
    let case = case(world, 76, "CN");
    let before = case.score(world);
    let bad = case.bad(world);
    let opened = case.dispute(world, "identity_theft", &[bad]).expect("opened");
    assert_eq!(opened["withheld"], true);
    assert!(case.score(world)["score"].as_i64() > before["score"].as_i64());
    // Shown to be the person's own, it is not blocked a second time on the mere word of it.
    let (dispute, upheld) = (text(&opened["dispute"]), json!({ "observation": bad }));
    let mut upheld = upheld;
    upheld["outcome"] = json!("upheld");
    case.answer(world, &dispute, json!([upheld])).expect("settled");
    assert_eq!(case.score(world)["score"], before["score"]);
    let sent = json!({
        "subject": "me", "items": [{ "observation": bad }], "ground": "identity_theft",
        "evidence_digest": "cd".repeat(32),
    });
    let sent: DisputeSent = serde_json::from_value(sent).expect("a dispute");
    let admission = world.by_person(&case.person, &case.key);
    let again = world.run(OpenDispute { admission, sent }).expect("with new evidence");
    assert_eq!(again["withheld"], false);
});

on_both!(a_statement_stands_with_its_item_and_staff_answers_the_rest, |world| {
    let case = case(world, 77, "CN");
    let bad = case.bad(world);
    let open = |kind, sent: Value| {
        let sent: MatterSent = serde_json::from_value(sent).expect("a matter");
        let admission = world.by_person(&case.person, &case.key);
        world.run(OpenMatter { admission, kind, sent })
    };
    let words = "银行系统故障,款项已于当日付出。";
    let statement = json!({ "subject": "me", "observation": bad, "text": words });
    open(MatterKind::Statement, statement).expect("on file");
    let long = json!({ "subject": "me", "text": "word ".repeat(201) });
    let refused = open(MatterKind::Statement, long).expect_err("too long");
    assert_eq!(refused.errors[0].code, "too_long");
    let report = case.report(world);
    assert!(report["tradelines"][0]["statement"].as_str().is_some_and(|t| t.contains(words)));

    let asked = case.score(world);
    let review = json!({ "subject": "me", "inquiry": asked["inquiry"], "text": "Please look." });
    let review = open(MatterKind::Review, review).expect("asked");
    assert_eq!(review["due"], "2026-12-10T04:00:00Z");
    let complaint = json!({ "subject": "me", "text": "Nobody answers the phone." });
    let complaint = open(MatterKind::Complaint, complaint).expect("received");
    let answer = |id: &Value, outcome: &str| {
        let (matter, outcome) = (text(id), outcome.to_string());
        let told = "We looked at it again.".to_string();
        world.run(AnswerMatter { admission: world.staff(), matter, outcome, text: told })
    };
    let wrong = answer(&review["review"], "rejected").expect_err("another kind's");
    assert_eq!(wrong.errors[0].code, "unknown_value");
    answer(&review["review"], "confirmed").expect("answered");
    answer(&complaint["complaint"], "upheld").expect("answered");
    let twice = answer(&review["review"], "changed").expect_err("once");
    assert_eq!(twice.code, "matter_closed");
    assert_eq!(kinds(&case.events(world)), ["matter_answered", "matter_answered"]);
});

on_both!(the_notice_goes_to_the_person_and_its_number_to_the_asker, |world| {
    let case = case(world, 78, "CN");
    let landlord = world.landlord();
    let at_landlord = world.enrol(&landlord, &Human::nth(78, "CN"));
    let band = world.inquire(&landlord, &at_landlord, "tenancy");
    let outcome = |decision: &str, answer: &Value| {
        let sent = json!({
            "decision": decision, "weight_of_score": "decisive", "at": answer["as_of"],
        });
        let sent: OutcomeSent = serde_json::from_value(sent).expect("an outcome");
        let inquiry = text(&answer["inquiry"]);
        world
            .run(ReportOutcome { admission: world.by(&landlord), inquiry, sent })
            .expect("reported")
    };
    let told = outcome("declined", &band);
    let number = text(&told["notice"]);
    assert!(!told.to_string().contains("points_lost"), "the asker sees the number only");
    let kind = world.inquire(&landlord, &at_landlord, "tenancy");
    assert!(outcome("accepted", &kind).get("notice").is_none());

    let read = |admission, notice: &str| {
        let (notice, subject) = (notice.to_string(), "me".to_string());
        world.run(ReadNotice { admission, notice, subject })
    };
    let mine = read(world.by_person(&case.person, &case.key), &number).expect("the notice");
    assert_eq!((&mine["decided_by"], &mine["decision"]), (&json!("Landlord"), &json!("declined")));
    let reasons = mine["reasons"].as_array().expect("reasons");
    assert!((1..=5).contains(&reasons.len()));
    assert!(reasons.iter().all(|r| r["en"].as_str().is_some_and(|t| !t.is_empty())));
    assert!(mine["score"]["value"].is_i64());
    for right in mine["rights"].as_array().expect("rights") {
        let law = right["law"].as_str().unwrap_or_default();
        assert!(!law.contains("unverified") && law != "design", "{right}");
    }
    let absent = read(world.by_person(&case.person, &case.key), "ntc_0").expect_err("none");
    assert_eq!(absent.code, "notice_not_found");
    let fonts = fivefold::report::document::Fonts::built_in().expect("fonts");
    let pdf = fivefold::report::notice::render(&mine, &fonts).expect("a PDF");
    assert!(pdf.starts_with(b"%PDF-"));
    assert_eq!(kinds(&case.events(world)), ["adverse_action_notice"]);
});

on_both!(every_point_is_explained_and_the_way_to_the_next_band_is_a_way, |world| {
    let case = case(world, 79, "CN");
    let report = case.report(world);
    let explained = &report["explanation"];
    let rows = explained["characteristics"].as_array().expect("rows");
    let points: i64 = rows.iter().filter_map(|row| row["points"].as_i64()).sum();
    let base = explained["base_points"].as_i64().expect("points");
    assert_eq!(json!(base + points), case.score(world)["score"], "the table is the score");
    assert!(rows.iter().all(|row| row["interval"].as_str().is_some_and(|text| !text.is_empty())));
    let way = &explained["next_band"];
    if way.is_null() {
        return world.audited();
    }
    let changes = way["changes"].as_array().expect("changes");
    let gained: i64 = changes.iter().filter_map(|change| change["gained"].as_i64()).sum();
    assert!((1..=3).contains(&changes.len()));
    assert!(base + points + gained >= way["score"].as_i64().expect("a score"));
    let remarks = report["score"].to_string();
    assert!(remarks.contains("The shortest way to"), "{remarks}");
});
