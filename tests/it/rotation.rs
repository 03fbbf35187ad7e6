//! Fresh keys take the place of old ones while the bureau serves: what was signed stays
//! verifiable, what was wrapped opens, and nobody has to wait.

use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use fivefold::bureau::command::erase::Erase;
use fivefold::bureau::keys::RotateError;
use fivefold::bureau::replay::Replayed;
use fivefold::kernel::bytes::from_base64;
use fivefold::kernel::seal::{Place, SealKey};
use fivefold::ledger::checkpoint::Checkpoint;
use fivefold::ledger::note::Verifier;
use fivefold::partner::signature::PublicKey;
use fivefold::policy::Environment;
use serde_json::{Value, json};

use crate::crash::{Site, on_each_database};
use crate::persons::with_key;
use crate::program::{fivefold, told};
use crate::world::{Human, World, on_both, text};

fn rotate(world: &World, name: &str) -> Option<Value> {
    world.bureau().rotate_key(world.staff(), name).expect("rotated")
}

fn finish(world: &World, name: &str) -> u64 {
    world.bureau().finish_rotation(world.staff(), name).expect("finished")
}

fn newest(world: &World) -> String {
    world.bureau().publish().expect("published");
    std::fs::read_to_string(world.dir().join("log/checkpoint")).expect("a checkpoint")
}

fn believed(note: &str, key: &Verifier) -> bool {
    Checkpoint::open(note, std::slice::from_ref(key), &[]).is_ok()
}

on_both!(checkpoints_carry_both_signatures_until_the_rotation_is_finished, |world| {
    let old = world.bureau().engine.keys.log().verifier().clone();
    let before = newest(world);
    let vkey = text(&rotate(world, "log").expect("a public key"));
    let new = Verifier::parse(&vkey).expect("a vkey");
    assert_ne!(old, new);
    let both = newest(world);
    assert!(believed(&both, &old) && believed(&both, &new));
    assert!(world.bureau().rotate_key(world.staff(), "log").is_err(), "one at a time");
    finish(world, "log");
    let after = newest(world);
    assert!(!believed(&after, &old) && believed(&after, &new));
    assert!(believed(&before, &old) && !believed(&before, &new));
    let file = std::fs::read_to_string(world.dir().join("log/vkey")).expect("a key");
    assert_eq!(file.trim(), vkey);
    // The auditor opens checkpoints of before and of now, also after a start.
    world.audited();
    world.open().expect("it opens");
    assert!(world.bureau().engine.keys.log_verifiers_ever().contains(&old));
});

on_both!(what_the_wrapping_key_before_wrapped_is_wrapped_anew, |world| {
    let bank = world.bank();
    let subject = world.enrol(&bank, &Human::nth(1, "CN"));
    world.history(&bank, &subject);
    let answer = world.inquire(&bank, &subject, "credit_application");
    let old = wrapping(world);
    rotate(world, "wrapping");
    let new = wrapping(world);
    // Both kinds of wrapped keys are there now.
    let other = world.enrol(&bank, &Human::nth(2, "CN"));
    assert!(wrapped_by(world, &old) > 0 && wrapped_by(world, &new) > 0);
    world.inquire(&bank, &subject, "credit_application");
    world.open().expect("it opens with both");
    let wrapped = finish(world, "wrapping");
    assert!(wrapped > 0);
    assert_eq!(wrapped_by(world, &old), 0, "nothing opens with the old key any more");
    assert!(!world.dir().join("keys/wrapping.before.key").exists());
    world.open().expect("it opens with the new one alone");
    let replayed = world.bureau().replay(&text(&answer["inquiry"])).expect("replayed");
    assert!(matches!(replayed, Replayed::Same { .. }), "{replayed:?}");
    // Pairwise ids are random and stored: they are what they were.
    assert_eq!(world.enrol(&bank, &Human::nth(1, "CN")), subject);
    assert_eq!(world.enrol(&bank, &Human::nth(2, "CN")), other);
});

fn wrapping(world: &World) -> SealKey {
    let text = std::fs::read_to_string(world.dir().join("keys/wrapping.key")).expect("a key");
    let seed = from_base64(text.trim().rsplit(' ').next().expect("a seed")).expect("base64");
    SealKey::from_slice(&seed).expect("a key")
}

/// How many wrapped keys open with this wrapping key alone.
fn wrapped_by(world: &World, wrapping: &SealKey) -> usize {
    use fivefold::store::copy::write_rows;
    let mut conn = world.settings.keys.connect().expect("the key store");
    let mut opened = 0;
    write_rows(&mut conn, ("keys", "name"), &mut |line| {
        let (name, wrapped): (String, String) = serde_json::from_str(line).expect("a row");
        let bytes = fivefold::kernel::bytes::from_hex(&wrapped).expect("bytes");
        let place = Place { table: "keys", column: "wrapped", row: &name, index: 0 };
        opened += usize::from(wrapping.open(place, &bytes).is_ok());
        Ok(())
    })
    .expect("rows");
    opened
}

on_both!(a_certificate_stays_verifiable_by_a_key_that_is_retired, "DE", |world| {
    let bank = world.bank();
    let subject = with_key(world, &bank, &Human::nth(7, "DE"), &world.key("a person"));
    world.history(&bank, &subject);
    let me = world.by_person(&world.person(&subject), &world.key("a person"));
    let erased = world.run(Erase { admission: me, subject: "me".to_string() }).expect("forgotten");
    rotate(world, "manifest");
    rotate(world, "manifest");
    rotate(world, "response");
    let keys = &world.bureau().engine.keys;
    assert_eq!((keys.published("manifest").len(), keys.published("response").len()), (3, 2));
    let jwk = keys.manifest_of(&text(&erased["keyid"])).expect("it is published");
    let key = PublicKey::from_jwk(&jwk).expect("a key");
    let signature = from_base64(&text(&erased["signature"])).expect("base64");
    assert!(key.verify(text(&erased["certificate_text"]).as_bytes(), &signature));
    assert_ne!(keys.manifest().public().keyid(), key.keyid());
});

on_both!(a_key_that_cannot_be_rotated_or_is_not_there_is_refused, |world| {
    let refused = |name: &str| {
        world.bureau().rotate_key(world.staff(), name).expect_err("it must not be rotated")
    };
    assert!(matches!(refused("index"), RotateError::Fixed(_)));
    assert!(matches!(refused("../log"), RotateError::Unknown(_)));
    let nothing = world.bureau().finish_rotation(world.staff(), "log").expect_err("not begun");
    assert!(matches!(nothing, RotateError::Nothing(_)));
    // A key that others can read is refused, whichever it is.
    rotate(world, "log");
    for name in ["log", "log.before", "response", "manifest", "wrapping", "index"] {
        let path = world.dir().join(format!("keys/{name}.key"));
        let mode = std::fs::metadata(&path).expect("a key").permissions();
        assert_eq!(mode.mode() & 0o777, 0o600, "{name}");
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o640)).expect("opened");
        let why = world.open().expect_err("it must not open").to_string();
        assert!(why.contains("can be read by others"), "{why}");
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).expect("closed");
    }
    // As a crash in the middle leaves it: the old key is in use under two names, the new one waits.
    world.open().expect("it opens");
    finish(world, "log");
    world.close();
    let keys = world.dir().join("keys");
    std::fs::hard_link(keys.join("log.key"), keys.join("log.before.key")).expect("half done");
    std::fs::copy(keys.join("response.key"), keys.join("log.next.key")).expect("half done");
    world.open().expect("it opens");
    let half = world.bureau().finish_rotation(world.staff(), "log").expect_err("not in place");
    assert!(matches!(half, RotateError::HalfWay(_)), "{half}");
    let old = world.bureau().engine.keys.log().vkey();
    let new = text(&rotate(world, "log").expect("a public key"));
    assert!(new != old && newest(world).matches("bureau.test/log ").count() == 2);
    finish(world, "log");
});

/// The real program answers without a break while every key is rotated, and each answer verifies
/// by a key that is published.
fn asked_all_the_while(mut site: Site) {
    site.people();
    let (serving, door) = site.start();
    let (done, asked) = (AtomicBool::new(false), AtomicUsize::new(0));
    let bureau = site.bureau();
    std::thread::scope(|scope| {
        let asking = scope.spawn(|| {
            let mut n = 0;
            while !done.load(Ordering::SeqCst) {
                let answer = site.ask_once(&door, n);
                assert_eq!(answer["form"], "not_assessable", "{answer}");
                n += 1;
                asked.store(n, Ordering::SeqCst);
            }
        });
        // Whatever fails here must not leave the client asking for ever.
        let turned = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            for (act, name) in [
                ("rotate", "response"),
                ("rotate", "log"),
                ("rotate", "wrapping"),
                ("rotate", "manifest"),
                ("finish", "log"),
                ("finish", "wrapping"),
                ("rotate", "response"),
            ] {
                told(fivefold(&bureau).args(["keys", act, name]));
                let from = asked.load(Ordering::SeqCst);
                while asked.load(Ordering::SeqCst) < from + 3 && !asking.is_finished() {
                    std::thread::yield_now();
                }
            }
        }));
        done.store(true, Ordering::SeqCst);
        asking.join().expect("every answer came, and verified");
        turned.expect("rotated");
    });
    // The serving process signs with the newest key now, and says so.
    let listed = told(fivefold(&bureau).args(["keys", "list"]));
    let rows = listed["keys"].as_array().expect("a list");
    let of = |name: &str, state: &str| {
        let own = |row: &&Value| {
            row["name"] == name && row["state"].as_str().is_some_and(|s| s.starts_with(state))
        };
        rows.iter().filter(own).count()
    };
    assert_eq!((of("response", "in use"), of("response", "retired")), (1, 2), "{listed}");
    assert_eq!((of("log", "in use"), of("log", "retired")), (1, 1), "{listed}");
    let vkey = rows.iter().find(|row| row["name"] == "log").expect("a key")["key"].clone();
    site.follow(&text(&vkey));
    site.end_now(serving);
}

on_each_database!(nobody_waits_while_keys_are_rotated, super::asked_all_the_while);

#[test]
fn a_public_half_is_all_that_is_kept_of_a_retired_key() {
    let world = World::sqlite("a retired key", "CN", Environment::Demo);
    let before = std::fs::read_to_string(world.dir().join("keys/response.key")).expect("a key");
    let seed = before.trim().rsplit(' ').next().expect("a seed").to_string();
    rotate(&world, "response");
    for file in std::fs::read_dir(world.dir().join("keys")).expect("keys") {
        let path = file.expect("a file").path();
        let text = std::fs::read_to_string(&path).expect("text");
        assert!(!text.contains(&seed), "{}", path.display());
        assert_eq!(std::fs::metadata(&path).expect("a file").permissions().mode() & 0o077, 0);
    }
    let retired = world.bureau().engine.keys.retired();
    assert_eq!((retired.len(), &retired[0].name), (1, &"response".to_string()));
    assert_eq!(retired[0].key["kty"], json!("OKP"));
    assert!(retired[0].key.get("d").is_none());
}
