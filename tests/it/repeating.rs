//! Repeating: the same request again, the same nonce again, the same bureau again.

use fivefold::bureau::admission::Admission;
use fivefold::bureau::command::Reply;
use fivefold::bureau::command::inquire::Inquire;
use fivefold::kernel::bytes::sha256;
use fivefold::ledger::rows as ledger_rows;
use fivefold::ledger::source::DirSource;
use fivefold::ledger::verify::verify_log;

use crate::world::{Human, Party, World, on_both, question};

fn keyed(world: &World, party: &Party, key: &str, request: &[u8]) -> Admission {
    let idempotency = Some((key.to_string(), sha256(request)));
    Admission { idempotency, ..world.by(party) }
}

fn bytes(reply: Reply) -> Vec<u8> {
    match reply {
        Reply::Done(answer) => answer.body,
        Reply::Refused(problem) => panic!("{problem}"),
    }
}

on_both!(a_repeated_request_gets_the_same_bytes, |world| {
    let bank = world.bank();
    let subject = world.enrol(&bank, &Human::nth(1, "CN"));
    world.history(&bank, &subject);
    let consent = world.consent(&bank, &subject, "credit_application");
    let ask = |admission: Admission| {
        let sent = question(&subject, ("consent", &consent), "credit_application");
        world.bureau().run(Inquire { admission, sent })
    };
    let first = bytes(ask(keyed(world, &bank, "key-1", b"one")));
    let size = world.size();
    assert_eq!(bytes(ask(keyed(world, &bank, "key-1", b"one"))), first);
    assert_eq!(world.size(), size, "a repetition is no second act");
    let Reply::Refused(problem) = ask(keyed(world, &bank, "key-1", b"two")) else {
        panic!("another request under the same key was answered");
    };
    assert_eq!(problem.code, "idempotency_conflict");
    // The answer survives a restart, and is forgotten after a day.
    world.open().expect("it opens");
    let ask = |admission: Admission| {
        let sent = question(&subject, ("consent", &consent), "credit_application");
        world.bureau().run(Inquire { admission, sent })
    };
    assert_eq!(bytes(ask(keyed(world, &bank, "key-1", b"one"))), first);
    assert_ne!(bytes(ask(keyed(world, &bank, "key-2", b"one"))), first);
});

on_both!(a_refusal_is_repeated_too, |world| {
    let bank = world.bank();
    let subject = world.enrol(&bank, &Human::nth(1, "CN"));
    let ask = |admission: Admission| {
        let sent = question(&subject, ("consent", "con_none"), "credit_application");
        match world.bureau().run(Inquire { admission, sent }) {
            Reply::Refused(problem) => problem,
            Reply::Done(_) => panic!("it was answered"),
        }
    };
    let first = ask(keyed(world, &bank, "key-1", b"one"));
    assert_eq!(first.code, "consent_not_found");
    let size = world.size();
    assert_eq!(ask(keyed(world, &bank, "key-1", b"one")), first);
    assert_eq!(world.size(), size);
});

on_both!(a_nonce_holds_once_and_over_a_restart, |world| {
    let bank = world.bank();
    let subject = world.enrol(&bank, &Human::nth(1, "CN"));
    let consent = world.consent(&bank, &subject, "credit_application");
    let admission = world.by(&bank);
    let ask = |world: &World| {
        let sent = question(&subject, ("consent", &consent), "credit_application");
        world.run(Inquire { admission: admission.clone(), sent })
    };
    ask(world).expect("an answer");
    assert_eq!(ask(world).expect_err("seen").code, "nonce_seen");
    world.open().expect("it opens");
    assert_eq!(ask(world).expect_err("seen").code, "nonce_seen");
    // It may still be on its way from the door when its signature has grown too old.
    world.clock.advance_seconds(120);
    assert_eq!(ask(world).expect_err("seen").code, "nonce_seen");
    // Once it can no longer be replayed it is swept, before a batch: the door refuses its age.
    world.clock.advance_seconds(180);
    ask(world).expect("an answer");
});

on_both!(a_reopened_bureau_goes_on_where_it_was, |world| {
    let bank = world.bank();
    let subject = world.enrol(&bank, &Human::nth(1, "CN"));
    world.history(&bank, &subject);
    let size = world.size();
    world.audited();
    world.open().expect("it opens");
    assert_eq!(world.size(), size, "opening writes nothing new");
    world.inquire(&bank, &subject, "credit_application");
    assert_eq!(world.bureau().publish().expect("published"), size + 2);
    let keys = [world.bureau().engine.keys.log().verifier().clone()];
    let source = DirSource::new(world.bureau().log_dir());
    let report = verify_log(&source, &keys, None, &[], &mut |_, _| {}).expect("it verifies");
    assert_eq!(report.checkpoint.size, size + 2);
});

on_both!(whoever_waits_for_a_checkpoint_is_covered_by_it, |world| {
    let bank = world.bank();
    let subject = world.enrol(&bank, &Human::nth(1, "CN"));
    for _ in 0..20 {
        world.consent(&bank, &subject, "credit_application");
        let size = world.size();
        assert!(world.bureau().publish().expect("published") >= size);
    }
});

on_both!(a_hundred_questions_at_once_are_answered_in_one_order, |world| {
    let bank = world.bank();
    let subject = world.enrol(&bank, &Human::nth(1, "CN"));
    world.history(&bank, &subject);
    let consent = world.consent(&bank, &subject, "account_review");
    let submit = |_| {
        let sent = question(&subject, ("consent", &consent), "account_review");
        world.bureau().submit(Inquire { admission: world.by(&bank), sent })
    };
    let size = world.size();
    let waiting: Vec<_> = (0..100).map(submit).collect();
    let mut indices: Vec<u64> = waiting
        .into_iter()
        .map(|reply| reply.blocking_recv().expect("a reply").value().expect("an answer"))
        .map(|answer| answer["log"]["index"].as_u64().expect("an index"))
        .collect();
    indices.sort_unstable();
    assert_eq!(indices, (size..size + 100).collect::<Vec<u64>>());
});

/// Two processes on one PostgreSQL: each locks the head, so no index is lost or given out twice.
#[test]
fn two_bureaus_on_one_postgresql_write_one_log() {
    let Some(mut world) = World::postgres("two bureaus", "CN", fivefold::policy::Environment::Demo)
    else {
        return;
    };
    let bank = world.bank();
    let subject = world.enrol(&bank, &Human::nth(1, "CN"));
    world.history(&bank, &subject);
    let consent = world.consent(&bank, &subject, "account_review");
    let second = world.second("second");
    let size = world.size();
    let mut waiting = Vec::new();
    for n in 0..80 {
        let sent = question(&subject, ("consent", &consent), "account_review");
        let command = Inquire { admission: world.by(&bank), sent };
        let bureau = if n % 2 == 0 { world.bureau() } else { &second };
        waiting.push(bureau.submit(command));
    }
    let mut indices: Vec<u64> = waiting
        .into_iter()
        .map(|reply| reply.blocking_recv().expect("a reply").value().expect("an answer"))
        .map(|answer| answer["log"]["index"].as_u64().expect("an index"))
        .collect();
    indices.sort_unstable();
    assert_eq!(indices, (size..size + 80).collect::<Vec<u64>>());
    assert_eq!(second.publish().expect("published"), size + 80);
    // A partner registered at one is known to the other at once.
    let hotel = world.hotel();
    let keyid = hotel.keyid.clone();
    let sent = question(&subject, ("consent", &consent), "hotel_deposit");
    let admission = world.by(&hotel);
    let refused = second.run(Inquire { admission, sent }).value().expect_err("refused");
    assert_ne!(refused.code, "key_unknown", "{keyid}");
    second.close();
    world.audited();
    let head = world.bureau().store.read(ledger_rows::read_head).expect("a head");
    assert_eq!(head.expect("a head").size, world.size());
    world.close();
}
