//! What staff records, and what the bureau counts, for the regulator's report.

use std::fs;

use fivefold::bureau::admission::Admission;
use fivefold::bureau::approval::Approval;
use fivefold::bureau::command::erase::Erase;
use fivefold::bureau::command::record::{Record, Recordable};
use fivefold::bureau::extract::ExtractFailure;
use fivefold::bureau::personal::PersonalOrder;
use fivefold::error::Problem;
use fivefold::kernel::Time;
use fivefold::kernel::age::Recipient;
use fivefold::ledger::commitment::Opening;
use fivefold::ledger::leaf::{Leaf, PublicKind};
use fivefold::ledger::proof::Proof;
use serde_json::{Map, Value, json};

use crate::persons::with_key;
use crate::world::{Human, World, on_both, text};

fn record(
    world: &World,
    what: Recordable,
    class: &str,
    members: Value,
) -> Result<(u64, Value), Problem> {
    let members: Map<String, Value> = members.as_object().cloned().unwrap_or_default();
    let body = world.run(Record {
        admission: world.staff(),
        what,
        class: class.to_string(),
        jurisdiction: String::new(),
        members,
    })?;
    let index = body["log"]["index"].as_u64().expect("an index");
    Ok((index, world.record(index).0))
}

on_both!(what_staff_records_is_an_entry_with_what_it_needs, "CN", |world| {
    let outage = json!({ "seconds_down": 840, "note": "停电" });
    let (_, said) = record(world, Recordable::Incident, "outage", outage).expect("recorded");
    assert_eq!(
        (text(&said["kind"]), text(&said["class"]), &said["seconds_down"], text(&said["by"])),
        ("recorded_incident".into(), "outage".into(), &json!(840), "staff:clerk".into())
    );
    assert_eq!(said["jurisdiction"], "cn", "counted at home");
    let figure = json!({ "value": 1_100_000_000_i64, "source": "census 2020" });
    record(world, Recordable::Reference, "adult_population", figure).expect("recorded");
    // One fault for each thing that is wrong, and nothing recorded.
    let size = world.size();
    for (what, class, members, codes) in [
        (Recordable::Filing, "model", json!({}), vec!["missing_member", "missing_member"]),
        (Recordable::Fee, "report", json!({ "value": 1 }), vec!["unknown_member"; 1]),
        (Recordable::Incident, "Out age", json!({ "persons": -1 }), vec!["invalid_value"]),
        (Recordable::Complaint, "post", json!({ "note": " " }), vec!["too_long"]),
    ] {
        let problem = record(world, what, class, members).expect_err("refused");
        let found: Vec<&str> = problem.errors.iter().map(|e| e.code.as_str()).collect();
        assert!(codes.iter().all(|code| found.contains(code)), "{class}: {found:?}");
    }
    assert_eq!(world.size(), size);
});

on_both!(what_the_bureau_counts_is_proved_to_be_on_record, "CN", |world| {
    let bank = world.bank();
    let subject = world.enrol(&bank, &Human::nth(1, "CN"));
    world.enrol(&bank, &Human::nth(2, "CN"));
    world.enrol(&bank, &Human::nth(3, "US"));
    world.history(&bank, &subject);
    let period = world.bureau().period("2026-11").expect("a period");
    let counts = world.bureau().count_for_report(&period).expect("counts");
    assert_eq!(counts["cn"]["persons_enrolled"], 2);
    assert_eq!(counts["cn"]["persons_with_file"], 1);
    assert_eq!(counts["us"]["persons_enrolled"], 1);
    assert_eq!(counts["us"]["disputes_overdue"], 0, "a count of none stands there");
    let by = Admission::operator("clerk", "the monthly report");
    let counted = world.bureau().record_counts(&period, "cn", &counts["cn"], by).expect("recorded");
    let leaf = Leaf::parse(counted.leaf.as_bytes()).expect("a leaf");
    let opening: Opening = serde_json::from_value(counted.opening.clone()).expect("an opening");
    assert_eq!((leaf.kind, opening.commitment()), (PublicKind::Export, leaf.commitment));
    let keys = [world.bureau().engine.keys.log().verifier().clone()];
    let proof = Proof::parse(&counted.proof).expect("a proof");
    proof.verify(counted.leaf.as_bytes(), &keys, &[]).expect("it is in the log");
    let grid = counted.grid().expect("a table");
    assert_eq!(grid.rows.len(), counts["cn"].len());
    assert!(leaf.time <= world.env.now() && leaf.time > Time::default());
});

/// The example of the age format's own documents.
const EXAMINER: &str = "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj";

on_both!(personal_parts_leave_for_two_names_and_one_examiner_only, "CN", |world| {
    let bank = world.bank();
    let subject = world.enrol(&bank, &Human::nth(1, "CN"));
    world.history(&bank, &subject);
    let person = world.person(&subject);
    let period = world.bureau().period("2026-11").expect("a period");
    let out = tempfile::tempdir().expect("a directory");
    let order = |by: Admission, approved_by: &str| PersonalOrder {
        by,
        approval: Approval { by: approved_by.to_string(), signed: None },
        recipient: Recipient::parse(EXAMINER).expect("a recipient"),
    };
    let by = || Admission::operator("li", "inspection 7");
    let dir = out.path().join("sealed");
    // One pair of eyes, or the same twice, is not enough; nor is it without a reason.
    for (order, code) in [
        (order(by(), "li"), "second_approval_missing"),
        (order(by(), " "), "second_approval_missing"),
        (order(Admission::operator("li", ""), "wang"), "reason_missing"),
    ] {
        let made = world.bureau().extract_personal(&period, &order, &dir, &mut |_, _| {});
        match made {
            Err(ExtractFailure::Refused(problem)) => assert_eq!(problem.code, code),
            other => panic!("not refused: {other:?}"),
        }
        assert!(!dir.exists(), "nothing is written before it is on record");
    }
    let order = order(by(), "wang");
    let made = world.bureau().extract_personal(&period, &order, &dir, &mut |_, _| {});
    let made = made.expect("made");
    assert!(made.rows > 10 && made.gone == 0, "{made:?}");
    let intent = world.record(made.intent).0;
    assert_eq!(
        (text(&intent["kind"]), text(&intent["by"]), text(&intent["approved_by"])),
        ("export_intended".into(), "staff:li".into(), "staff:wang".into())
    );
    let said = world.record(world.size() - 1).0;
    assert_eq!((text(&said["kind"]), &said["intent"]), ("exported".into(), &json!(made.intent)));
    let sealed = fs::read(dir.join("personal.parquet.age")).expect("a file");
    assert!(sealed.starts_with(b"age-encryption.org/v1\n-> X25519 "));
    for clear in [person.as_bytes(), b"PAR1", Human::nth(1, "CN").name.as_bytes()] {
        assert!(!sealed.windows(clear.len()).any(|window| window == clear));
    }
});

on_both!(a_certificate_is_signed_in_the_log_and_names_nobody, "DE", |world| {
    let (bank, key) = (world.bank(), world.key("a person"));
    let human = Human::nth(4, "DE");
    let subject = with_key(world, &bank, &human, &key);
    world.history(&bank, &subject);
    let person = world.person(&subject);
    assert!(world.bureau().certificate(0).expect("read").is_none(), "the first entry is none");
    let erase = Erase { admission: world.by_person(&person, &key), subject: "me".to_string() };
    let answer = world.run(erase).expect("forgotten");
    let index = answer["log"]["index"].as_u64().expect("an index");
    let view = world.bureau().certificate(index).expect("read").expect("a certificate");
    assert_eq!(view.certificate_text, text(&answer["certificate_text"]));
    assert_eq!(view.signature, text(&answer["signature"]));
    let keys = [world.bureau().engine.keys.log().verifier().clone()];
    let proof = Proof::parse(&view.proof).expect("a proof");
    proof.verify(view.leaf.as_bytes(), &keys, &[]).expect("it is in the log");
    let opening: Opening = serde_json::from_value(view.opening.clone()).expect("an opening");
    let leaf = Leaf::parse(view.leaf.as_bytes()).expect("a leaf");
    assert_eq!(opening.commitment(), leaf.commitment);
    let all = serde_json::to_string(&view).expect("JSON");
    assert!(!all.contains(&person) && !all.contains(&human.name));
});
