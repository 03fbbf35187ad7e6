//! The life of a scorecard: nobody is scored by one that was not approved; and training tables
//! that cannot know what came later.

use fivefold::bureau::admission::Admission;
use fivefold::bureau::approval::{Approval, statement};
use fivefold::bureau::command::models::TakeStep;
use fivefold::bureau::command::staff::{ChangeStaff, StaffChange};
use fivefold::bureau::dataset::Window;
use fivefold::bureau::replay::Replayed;
use fivefold::error::Problem;
use fivefold::kernel::bytes::{hex, sha256};
use fivefold::ledger::body::{PersonalPart, open_part, person_key_name};
use fivefold::ledger::rows as ledger_rows;
use fivefold::model::dataset::Outcome;
use fivefold::model::governance::{Role, State, Step, drafted};
use fivefold::model::monitor::SCORES_MIN;
use fivefold::partner::StaffRole;
use fivefold::score::Scorecard;
use serde_json::{Value, json};

use crate::world::{Human, World, month, on_both};

const SHIPPED: &str = include_str!("../../policies/scorecards/fivefold-general-1.toml");

/// A scorecard with `id` that says it was fitted to real persons.
fn fitted(id: &str) -> String {
    let text = SHIPPED
        .replacen("id = \"fivefold-general-1\"", &format!("id = \"{id}\""), 1)
        .replacen("status = \"demonstration\"", "status = \"candidate\"", 1);
    let development = "\n[development]\nmethod = \"boost\"\nprogram = \"0\"\nseed = 1\n\
        data = \"none\"\noutcome = [\"outcome\", \"bad\"]\nrows = 1000\nbads = 100\n\
        deciles = [600]\ntenths = [500, 500]\n\n[[band]]\n";
    text.replacen("\n[[band]]\n", development, 1)
}

/// A member of staff, with the key that is theirs once they are registered.
fn by(world: &World, who: &str) -> Admission {
    let keyid = world.key(who).public().thumbprint();
    Admission { keyid, ..Admission::operator(who, "a test") }
}

/// That `second` agrees, signed.
fn signed(world: &World, act: &str, who: &str, second: &str) -> Option<Approval> {
    let until = world.env.now().plus_days(1);
    let text = statement(&world.settings.origin, act, who, second, until);
    let signature = world.key(second).sign(text.as_bytes());
    Some(Approval { by: second.to_string(), signed: Some((until, signature)) })
}

fn act(world: &World, who: &str, digest: &str, step: Step) -> Result<Value, Problem> {
    let approval = match &step {
        Step::Approved { second, .. } => {
            let second = second.trim_start_matches("staff:");
            signed(world, &format!("approve scorecard {digest}"), who, second)
        }
        _ => None,
    };
    let digest = digest.to_string();
    world.run(TakeStep { admission: by(world, who), digest, step, content: None, approval })
}

/// Four who administer; from the third on a second one agrees.
fn staff(world: &World) {
    for (place, name) in ["li", "wang", "zhao", "chen"].into_iter().enumerate() {
        let key = Some(world.key(name).public());
        let change = StaffChange::Is { roles: vec![StaffRole::Administrator], key };
        let admission = if place == 0 { world.staff() } else { by(world, "li") };
        let approval = signed(world, &format!("staff add {name}"), "li", "wang");
        let approval = approval.filter(|_| place > 1);
        let name = name.to_string();
        world.run(ChangeStaff { admission, name, change, approval }).expect("registered");
    }
}

fn draft(world: &World, who: &str, text: &str) -> Result<Value, Problem> {
    let card = Scorecard::load(text.as_bytes()).expect("a production scorecard");
    let (admission, step) = (by(world, who), drafted(&card));
    let content = Some(text.to_string());
    world.run(TakeStep { admission, digest: hex(&card.digest), step, content, approval: None })
}

fn validated(blocked: &[&str]) -> Step {
    let blocked = blocked.iter().map(|b| (*b).to_string()).collect();
    Step::Validated { report: "ab".repeat(32), gini_milli: 480, blocked }
}

fn approved(second: &str, search: Option<&str>) -> Step {
    Step::Approved { second: format!("staff:{second}"), search: search.map(str::to_string) }
}

fn filed() -> Step {
    let (authority, number) = ("PBC".to_string(), "2026-1".to_string());
    Step::Filed { authority, number, date: "2026-11-20".to_string() }
}

/// The personal part of an entry.
fn personal(world: &World, subject: &str, index: u64) -> Value {
    let bodies = world.bureau().store.read(|conn| ledger_rows::bodies(conn, index, index + 1));
    let body = bodies.expect("bodies").remove(0);
    let name = person_key_name(&world.person(subject));
    let key = world.bureau().keystore().get([name.as_str()]).expect("keys").remove(&name);
    let part: PersonalPart =
        open_part(&key.expect("a key"), "personal", index, &body.personal).expect("it opens");
    serde_json::from_str(&part.text).expect("JSON")
}

fn code(result: Result<Value, Problem>) -> String {
    result.expect_err("it is refused").code
}

on_both!(a_scorecard_serves_from_its_promotion_to_its_retirement_and_no_longer, |world| {
    let bank = world.bank();
    let subject = world.enrol(&bank, &Human::nth(1, "CN"));
    world.history(&bank, &subject);
    let before = world.inquire(&bank, &subject, "credit_application");

    let text = fitted("challenger");
    let digest = hex(&sha256(text.as_bytes()));
    assert_eq!(code(act(world, "li", &digest, Step::Promoted)), "model_unknown");
    draft(world, "li", &text).expect("registered");
    assert_eq!(code(draft(world, "li", &text)), "model_exists");
    assert_eq!(code(act(world, "wang", &digest, Step::Promoted)), "model_not_validated");
    assert_eq!(code(act(world, "li", &digest, validated(&[]))), "model_needs_another_person");
    act(world, "wang", &digest[..12], validated(&[])).expect("by its first digits");
    act(world, "wang", &digest, Step::Challenging).expect("a challenger");

    // in shadow: nobody is told, and the answer is the champion's
    world.open().expect("open again");
    let asked = world.inquire(&bank, &subject, "credit_application");
    assert_eq!(asked["model"], before["model"]);
    assert!(!asked.to_string().contains(&digest), "{asked}");
    let index = asked["log"]["index"].as_u64().expect("an index");
    let shadow = personal(world, &subject, index)["shadow"].clone();
    assert_eq!(shadow[0]["scorecard"], json!(digest));

    act(world, "zhao", &digest, approved("chen", None)).expect("approved");
    act(world, "zhao", &digest, Step::Promoted).expect("promoted");
    // what runs still has the old one in memory: it does not score by it any more
    let consent = world.consent(&bank, &subject, "credit_application");
    let ask =
        |consent: &str| world.ask(&bank, &subject, ("consent", consent), "credit_application");
    assert_eq!(code(ask(&consent)), "scorecard_not_in_force");
    world.open().expect("open again");
    let after = world.inquire(&bank, &subject, "credit_application");
    assert_eq!(after["model"]["digest"], json!(digest));
    assert_eq!(shadow[0]["score"], after["score"], "in shadow it said what it says now");

    act(world, "zhao", &digest, Step::Retired).expect("retired");
    let consent = world.consent(&bank, &subject, "credit_application");
    let refused = world.ask(&bank, &subject, ("consent", &consent), "credit_application");
    assert_eq!(code(refused), "scorecard_not_in_force");
    assert_eq!(code(act(world, "zhao", &digest, Step::Promoted)), "model_retired");
    world.open().expect("open again");
    let last = world.inquire(&bank, &subject, "credit_application");
    assert_eq!(last["model"], before["model"], "the one that comes with the program");

    // what was answered under each is computed again under each
    for answer in [&before, &after] {
        let inquiry = answer["inquiry"].as_str().expect("an id");
        let replayed = world.bureau().replay(inquiry).expect("replayed");
        assert!(matches!(replayed, Replayed::Same { .. }), "{replayed:?}");
    }
});

on_both!(the_sweep_watches_the_champion_and_each_of_its_editions, |world| {
    staff(world);
    let bank = world.bank();
    let text = fitted("watched");
    let digest = hex(&sha256(text.as_bytes()));
    draft(world, "li", &text).expect("registered");
    act(world, "wang", &digest, validated(&[])).expect("validated");
    act(world, "zhao", &digest, approved("chen", None)).expect("approved");
    act(world, "zhao", &digest, Step::Promoted).expect("promoted");
    world.open().expect("open again");
    assert_eq!(world.bureau().sweep().expect("swept").models_watched, 0, "nothing was scored");
    // One under the whole card, one under the edition for where ties are off.
    for (nth, residence) in [(1, "CN"), (2, "DE")] {
        let subject = world.enrol(&bank, &Human::nth(nth, residence));
        world.history(&bank, &subject);
        for _ in 0..SCORES_MIN {
            let answer = world.inquire(&bank, &subject, "account_review");
            assert_eq!(answer["form"], "score", "{answer}");
        }
    }
    assert_eq!(world.bureau().sweep().expect("swept").models_watched, 1);
    let standings = world.bureau().models().expect("standings");
    let champion = standings.iter().find(|one| one.digest == digest).expect("it");
    let (_, watch) = champion.watch.as_ref().expect("it was watched");
    assert_eq!(watch.scores, SCORES_MIN as u64);
    let [(name, edition)] = &watch.editions[..] else { panic!("{watch:?}") };
    assert_eq!(name, "watched-without-relationships 1.0.0");
    assert_eq!((edition.scores, edition.psi_milli), (SCORES_MIN as u64, None));
    // Everybody is the same person: the score has moved, and that is said.
    assert_eq!(watch.verdict, "act", "{watch:?}");
    assert_eq!(world.bureau().sweep().expect("swept").models_watched, 0, "it is not due again");
    world.audited();
});

on_both!(a_live_bureau_scores_by_nothing_that_was_not_approved_and_filed, Live, |world| {
    staff(world);
    assert!(!world.bureau().may_score().expect("read"), "a demonstration's scorecard");
    let shown = SHIPPED.replacen("id = \"fivefold-general-1\"", "id = \"shown\"", 1);
    draft(world, "li", &shown).expect("registered");
    let demonstration = hex(&sha256(shown.as_bytes()));
    act(world, "wang", &demonstration, validated(&[])).expect("measured");
    let refusals = [
        (approved("chen", None), "model_is_demonstration"),
        (Step::Promoted, "model_is_demonstration"),
    ];
    for (step, expected) in refusals {
        assert_eq!(code(act(world, "zhao", &demonstration, step)), expected);
    }

    let text = fitted("real");
    let digest = hex(&sha256(text.as_bytes()));
    draft(world, "li", &text).expect("registered");
    act(world, "wang", &digest, validated(&["sex: 0.71"])).expect("measured");
    for (who, step, expected) in [
        ("zhao", approved("zhao", None), "second_person_needed"),
        ("zhao", approved("li", None), "model_needs_another_person"),
        ("zhao", approved("chen", None), "fairness_gate"),
        ("zhao", Step::Promoted, "model_not_approved"),
        ("zhao", filed(), "model_not_approved"),
    ] {
        assert_eq!(code(act(world, who, &digest, step)), expected);
    }
    act(world, "zhao", &digest, approved("chen", Some("ab"))).expect("with the search filed");
    assert_eq!(code(act(world, "zhao", &digest, Step::Promoted)), "model_not_filed");
    act(world, "zhao", &digest, filed()).expect("filed");
    act(world, "zhao", &digest, Step::Promoted).expect("promoted");
    assert!(!world.bureau().may_score().expect("read"), "not before it is read");
    world.open().expect("open again");
    assert!(world.bureau().may_score().expect("read"));

    // fewer characteristics are other elements: what was not filed is not released
    let at = text.rfind("[[characteristic]]").expect("a characteristic");
    let other = text[..at].replacen("id = \"real\"", "id = \"other\"", 1);
    let another = hex(&sha256(other.as_bytes()));
    draft(world, "li", &other).expect("registered");
    act(world, "wang", &another, validated(&[])).expect("measured");
    act(world, "zhao", &another, approved("chen", None)).expect("approved");
    assert_eq!(code(act(world, "zhao", &another, Step::Promoted)), "model_not_filed");

    let models = world.bureau().models().expect("read");
    let champions: Vec<_> = models.iter().filter(|m| m.role == Role::Champion).collect();
    let [champion] = &champions[..] else { panic!("{models:?}") };
    assert_eq!((champion.digest.as_str(), champion.state), (digest.as_str(), State::Filed));
});

on_both!(entries_that_come_later_change_no_characteristic_of_a_training_table, |world| {
    let bank = world.bank();
    let subject = world.enrol(&bank, &Human::nth(1, "CN"));
    let consent = world.history(&bank, &subject);
    let person = world.person(&subject);
    let known_at = world.size();
    let as_of = "2026-08-31T15:59:59Z".parse().expect("a time");
    let window = |known_at| Window {
        as_of,
        known_at,
        until: "2027-08-31".parse().expect("a date"),
        labels: None,
    };
    let row = |world: &World, known_at| {
        let rows = world.bureau().training_rows(std::slice::from_ref(&person), &window(known_at));
        rows.expect("rows").pop().expect("a row")
    };
    let then = row(world, known_at);
    assert_eq!(then.outcome, Outcome::Good, "September and October were paid");
    let known = then.values.iter().filter(|v| matches!(v, fivefold::score::Value::Known(_)));
    assert!(known.count() > 10, "{then:?}");

    // a month before the moment that is told anew, and one after it
    let mut early = month(&subject, &consent, "acc-1", "2026-07");
    early["op"] = json!("correct");
    let mut late = month(&subject, &consent, "acc-1", "2026-11");
    late["date_of_information"] = json!("2026-11-15");
    for line in [&mut early, &mut late] {
        line["dpd"] = json!(100);
        line["status"] = json!("late");
        line["past_due"] = json!({ "amount": "350.00", "currency": "CNY" });
        let template = "late/1";
        let sent_at = "2026-06-01T00:00:00Z";
        line["adverse_notice"] =
            json!({ "channel": "sms", "sent_at": sent_at, "template": template });
    }
    let receipt = world.furnish(&bank, &[early, late]);
    assert_eq!(receipt.accepted, 2, "{:?}", receipt.errors);
    let now = row(world, known_at);
    assert_eq!(now.values, then.values);
    assert_eq!(now.outcome, Outcome::Bad, "what came after is the outcome");
    let all = row(world, world.size());
    assert_ne!(all.values, then.values, "who asks what is known today hears of the correction");
});
