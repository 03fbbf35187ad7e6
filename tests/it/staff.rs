//! Who of the staff may do what in a live bureau, and when a second one must agree; and what
//! happens to an asker that probes a person with many thresholds.

use fivefold::bureau::admission::Admission;
use fivefold::bureau::approval::{Approval, statement};
use fivefold::bureau::command::file::SeeFile;
use fivefold::bureau::command::governance::{Change, ChangePartner};
use fivefold::bureau::command::look::{LookUp, TakeTable};
use fivefold::bureau::command::staff::{ChangeStaff, StaffChange};
use fivefold::error::Problem;
use fivefold::partner::signature::SigningKey;
use fivefold::partner::{Contract, Role, StaffRole};
use fivefold::policy::Environment;
use serde_json::{Value, json};

use crate::world::{Human, Party, World, on_both};

/// A member of staff with a key, by name.
fn by(world: &World, name: &str) -> Admission {
    Admission {
        keyid: world.key(name).public().thumbprint(),
        ..Admission::operator(name, "a test of the register")
    }
}

fn register(
    world: &World,
    admission: Admission,
    name: &str,
    roles: &[StaffRole],
) -> Result<Value, Problem> {
    let key = Some(world.key(name).public().clone());
    let change = StaffChange::Is { roles: roles.to_vec(), key };
    // The examiner agrees to whoever comes later, as soon as there is one.
    let act = format!("staff add {name}");
    let asker = admission.principal.key().trim_start_matches("staff:").to_string();
    let approval = agreed_for(world, (&act, &asker), "examiner", &world.key("examiner"), 1);
    let approval = approval.filter(|_| name != "examiner" && asker != "clerk");
    world.run(ChangeStaff { admission, name: name.to_string(), change, approval })
}

/// A live bureau with one of the staff for each role, called as the role.
fn live(world: &World) {
    assert_eq!(world.settings.environment, Environment::Live);
    let administrator = StaffRole::Administrator;
    register(world, world.staff(), administrator.name(), &[administrator]).expect("the first");
    let examiner = StaffRole::Examiner;
    register(world, by(world, administrator.name()), examiner.name(), &[examiner]).expect("he");
    for role in StaffRole::ALL {
        if role != administrator && role != examiner {
            register(world, by(world, administrator.name()), role.name(), &[role]).expect("next");
        }
    }
}

fn code<T: std::fmt::Debug>(refused: Result<T, Problem>) -> String {
    refused.expect_err("refused").code
}

on_both!(every_role_does_its_own_and_no_more, Live, |world| {
    let bank = world.bank();
    let subject = world.enrol(&bank, &Human::nth(80, "CN"));
    world.history(&bank, &subject);
    live(world);
    let look = |who: &str| {
        let subject = subject.clone();
        world.run(LookUp { admission: by(world, who), subject, what: "score" })
    };
    let file =
        |who: &str| world.run(SeeFile { admission: by(world, who), subject: subject.clone() });
    for (who, sees) in [
        ("viewer", true),
        ("compliance", true),
        ("examiner", true),
        ("analyst", false),
        ("administrator", false),
    ] {
        for seen in [look(who), file(who)] {
            match sees {
                // No scorecard was approved here: whoever may look is told so.
                true => assert!(
                    seen.as_ref().err().is_none_or(|e| e.code == "scorecard_not_in_force"),
                    "{who}: {seen:?}"
                ),
                false => assert_eq!(code(seen), "staff_role_missing", "{who}"),
            }
        }
    }
    let suspend = |admission: Admission| {
        let (partner, change) = (bank.id.clone(), Change::Suspend);
        world.run(ChangePartner { admission, partner, change })
    };
    // The regulator's examiner reads everything and changes nothing.
    for who in ["viewer", "analyst", "compliance", "examiner"] {
        assert_eq!(code(suspend(by(world, who))), "staff_role_missing", "{who}");
        let more = register(world, by(world, who), "crony", &[StaffRole::Administrator]);
        assert_eq!(code(more), "staff_role_missing", "{who}");
    }
    assert_eq!(code(suspend(world.staff())), "staff_unknown");
    assert_eq!(code(suspend(Admission::operator("administrator", "a name"))), "staff_key_missing");
    let other = Admission { keyid: by(world, "viewer").keyid, ..by(world, "administrator") };
    assert_eq!(code(suspend(other)), "staff_key_missing");
    let silent =
        Admission { keyid: by(world, "viewer").keyid, ..Admission::operator("viewer", " ") };
    let unsaid = world.run(LookUp { admission: silent, subject: subject.clone(), what: "score" });
    assert_eq!(code(unsaid), "reason_missing");
    suspend(by(world, "administrator")).expect("an administrator may");
});

on_both!(somebody_who_administers_is_always_left, Live, |world| {
    live(world);
    let leaves = |who: &str, name: &str| {
        let (name, change) = (name.to_string(), StaffChange::Leaves);
        world.run(ChangeStaff { admission: by(world, who), name, change, approval: None })
    };
    assert_eq!(code(leaves("administrator", "administrator")), "last_administrator");
    assert_eq!(code(leaves("administrator", "nobody")), "staff_not_found");
    leaves("administrator", "viewer").expect("a viewer leaves");
    let subject = "per_nobody".to_string();
    let looked = world.run(LookUp { admission: by(world, "viewer"), subject, what: "score" });
    assert!(looked.is_err());
    let again = by(world, "administrator");
    register(world, again, "second", &[StaffRole::Administrator]).expect("a second");
    leaves("second", "administrator").expect("the first leaves");
    assert_eq!(code(leaves("administrator", "second")), "staff_unknown");
});

fn agreed(world: &World, act: &str, by: &str, key: &SigningKey, days: i64) -> Option<Approval> {
    agreed_for(world, (act, "analyst"), by, key, days)
}

/// An approval of `by` for an act that somebody asks for.
fn agreed_for(
    world: &World,
    (act, asker): (&str, &str),
    by: &str,
    key: &SigningKey,
    days: i64,
) -> Option<Approval> {
    let until = world.env.now().plus_days(days);
    let text = statement(&world.settings.origin, act, asker, by, until);
    Some(Approval { by: by.to_string(), signed: Some((until, key.sign(text.as_bytes()))) })
}

on_both!(a_table_of_everybody_needs_a_second_pair_of_eyes, Live, |world| {
    live(world);
    let take = |approval: Option<Approval>| {
        world.run(TakeTable { admission: by(world, "analyst"), what: "training table", approval })
    };
    let (own, officer) = (world.key("analyst"), world.key("compliance"));
    assert_eq!(code(take(None)), "second_approval_missing");
    let himself = agreed(world, "take training table", "analyst", &own, 1);
    assert_eq!(code(take(himself)), "second_approval_missing");
    let named = Some(Approval { by: "compliance".to_string(), signed: None });
    let forged = agreed(world, "take training table", "compliance", &own, 1);
    let other = agreed(world, "take the rest", "compliance", &officer, 1);
    let old = agreed(world, "take training table", "compliance", &officer, -1);
    let eternal = agreed(world, "take training table", "compliance", &officer, 30);
    let weak = agreed(world, "take training table", "viewer", &world.key("viewer"), 1);
    let stranger = Some(Approval { by: "stranger".to_string(), signed: None });
    for wrong in [named, forged, other, old, eternal, weak, stranger] {
        assert_eq!(code(take(wrong)), "approval_invalid");
    }
    let agreement = || agreed(world, "take training table", "compliance", &officer, 1);
    let told = take(agreement()).expect("agreed");
    assert_eq!(code(take(agreement())), "approval_invalid", "it is good for one act");
    let record = world.record(told["log"]["index"].as_u64().expect("an index")).0;
    assert_eq!(record["approved_by"], "staff:compliance");
});

fn contract(world: &World, party: &Party, scenario: &str, score: i64) -> Result<Value, Problem> {
    let terms = Contract { threshold: Some(score), since: None };
    let change = Change::Contract(scenario.to_string(), terms);
    world.run(ChangePartner { admission: world.staff(), partner: party.id.clone(), change })
}

on_both!(a_contracted_threshold_stands_for_a_while, |world| {
    let hotel = world.hotel();
    let fresh = contract(world, &hotel, "hotel_deposit", 640).expect_err("it stands for a month");
    assert_eq!(fresh.errors[0].code, "contract_too_fresh");
    world.clock.advance_seconds(30 * 86_400);
    contract(world, &hotel, "hotel_deposit", 640).expect("changed");
    contract(world, &hotel, "hotel_deposit", 640).expect("the same again");
    let again = contract(world, &hotel, "hotel_deposit", 650).expect_err("it stands for a month");
    assert_eq!(again.errors[0].code, "contract_too_fresh");
    contract(world, &hotel, "car_hire", 600).expect("a further scenario");
});

/// Four questions to which the answer is yes or no, each at a threshold of its own.
const LADDER: [(&str, i64); 4] = [
    ("hotel_deposit", 600),
    ("car_hire", 620),
    ("device_rental", 640),
    ("classified_listing", 660),
];

on_both!(many_thresholds_about_one_person_are_probing, |world| {
    let bank = world.bank();
    let prober = world.partner("Prober", "hotel", &[Role::Asker, Role::Enroller], &[]);
    for (scenario, score) in LADDER {
        contract(world, &prober, scenario, score).expect("contracted");
    }
    let (human, other) = (Human::nth(81, "CN"), Human::nth(82, "CN"));
    for human in [&human, &other] {
        world.history(&bank, &world.enrol(&bank, human));
    }
    let guest = world.enrol(&prober, &human);
    let ask = |subject: &str, scenario: &str| {
        let mut artefact = world.artefact(&prober, subject, "inquire", Some(scenario), 20);
        artefact["fetch"] = json!("ONETIME");
        let given = world.give(world.by(&prober), &artefact).expect("given");
        let consent = given["consent"].as_str().expect("an id");
        world.ask(&prober, subject, ("consent", consent), scenario)
    };
    for (scenario, _) in &LADDER[..3] {
        assert_eq!(ask(&guest, scenario).expect("an answer")["form"], "threshold");
    }
    let refused = ask(&guest, "classified_listing").expect_err("one too many");
    assert_eq!(refused.code, "threshold_probing");
    assert_eq!(refused.policies, ["common/threshold-probing"]);
    // What was told before tells nothing new; and about others nothing was told yet.
    assert_eq!(ask(&guest, "car_hire").expect("an answer")["form"], "threshold");
    let stranger = world.enrol(&prober, &other);
    assert_eq!(ask(&stranger, "classified_listing").expect("an answer")["form"], "threshold");
    // Who goes on is suspended, until staff has looked.
    for _ in 0..4 {
        assert_eq!(code(ask(&guest, "classified_listing")), "threshold_probing");
    }
    assert!(ask_without_consent(world, &prober, &guest).contains("suspended"));
    let resumed = ChangePartner {
        admission: world.staff(),
        partner: prober.id.clone(),
        change: Change::Resume,
    };
    world.run(resumed).expect("taken back");
    world.clock.advance_seconds(91 * 86_400);
    assert_eq!(ask(&guest, "classified_listing").expect("long ago")["form"], "threshold");
});

fn ask_without_consent(world: &World, party: &Party, subject: &str) -> String {
    code(world.ask(party, subject, ("consent", "con_none"), "car_hire"))
}
