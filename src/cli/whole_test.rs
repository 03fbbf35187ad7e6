//! The commands on one bureau, from an empty directory to a replayed answer.

use std::path::{Path, PathBuf};

use clap::Parser;
use serde_json::{Value, json};

use super::*;
use crate::bureau::Bureau;
use crate::bureau::command::consent::GiveConsent;
use crate::bureau::command::enrol::Enrol;
use crate::bureau::command::inquire::Inquire;
use crate::kernel::bytes::{base64, sha256};
use crate::kernel::{Currency, Month, Time};
use crate::model::population::{Population, Sector, SyntheticPerson};
use crate::partner::signature::SigningKey;

const DIGEST: &str = "0000000000000000000000000000000000000000000000000000000000000000";

struct Desk {
    _home: tempfile::TempDir,
    dir: PathBuf,
}

impl Desk {
    fn new() -> Desk {
        let home = tempfile::tempdir().expect("a directory");
        let dir = home.path().join("bureau");
        Desk { _home: home, dir }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.dir.with_file_name(name)
    }

    fn run(&self, words: &[&str]) -> Done {
        let dir = self.dir.to_string_lossy().into_owned();
        let line = ["fivefold", "--dir", dir.as_str()].into_iter().chain(words.iter().copied());
        run(&Cli::try_parse_from(line).expect("right usage"))
    }

    fn refusal(&self, words: &[&str]) -> String {
        match self.run(words) {
            Err(Failure::Problem(problem)) => problem.code,
            other => panic!("{words:?}: {other:?}"),
        }
    }

    fn with<T>(&self, work: impl FnOnce(&Bureau) -> T) -> T {
        let place = Place { dir: Some(self.dir.clone()), config: None };
        with_bureau(&place, |bureau, _| Ok(work(bureau))).expect("a bureau")
    }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path")
}

/// Enrols the person with the partner and gives both consents: subject, furnish, inquire.
fn enrol(bureau: &Bureau, partner: &str, person: &SyntheticPerson) -> (String, String, String) {
    let admission = || Admission::console(partner);
    let now = bureau.engine.env.now();
    let sent = serde_json::from_value(json!({
        "name": person.name, "residence": "CN", "birth_date": person.birth_date,
        "documents": [{ "type": "passport", "country": "CN", "number": "Z12345678" }],
        "verifications": person.verifications.iter().map(|v| json!({
            "channel": v.channel.name(), "source": v.source, "verified": v.verified,
        })).collect::<Vec<_>>(),
        "synthetic": true,
    }))
    .expect("an enrolment");
    let today = now.date_at(8);
    let enrol = Enrol::read(admission(), sent, &bureau.engine.keys.index, today).expect("checked");
    let told = bureau.run(enrol).value().expect("enrolled");
    let subject = told["subject"].as_str().expect("an id").to_string();
    let consent = |purpose: &str, scenario: Option<&str>| {
        let artefact = json!({
            "subject": subject, "recipient": partner, "purpose": purpose, "scenario": scenario,
            "mode": "VIEW", "fetch": "PERIODIC", "valid_from": now,
            "expires_at": now.plus_days(20),
            "notice": { "version": "1", "digest": DIGEST, "shown_at": now, "locale": "en" },
            "evidence": { "method": "partner_attested", "digest": DIGEST, "signed_at": now },
        });
        let artefact = serde_json::from_value(artefact).expect("an artefact");
        let told = bureau.run(GiveConsent { admission: admission(), artefact }).value();
        told.expect("a consent")["consent"].as_str().expect("an id").to_string()
    };
    (subject.clone(), consent("furnish", None), consent("inquire", Some("credit_application")))
}

fn observations(person: &SyntheticPerson, subject: &str, consent: &str) -> Vec<String> {
    let banks = person.records.iter().filter(|r| r.sector == Sector::Bank);
    let open = banks.filter(|r| r.fact.type_name() != "capacity");
    open.map(|record| {
        let mut line = json!(record.fact);
        line["subject"] = json!(subject);
        line["basis"] = json!({ "type": "consent", "ref": consent });
        line["synthetic"] = json!(true);
        format!("{line}\n")
    })
    .collect()
}

fn inquire(bureau: &Bureau, partner: &str, subject: &str, consent: &str) -> Value {
    let sent = serde_json::from_value(json!({
        "subject": subject, "basis": { "type": "consent", "ref": consent },
        "scenario": "credit_application",
    }));
    let sent = sent.expect("an inquiry");
    bureau.run(Inquire { admission: Admission::console(partner), sent }).value().expect("answered")
}

#[test]
fn the_commands_tell_the_same_score_and_every_look_is_on_record() {
    let desk = Desk::new();
    assert_eq!(desk.refusal(&["score", "sub_1"]), "no_bureau");
    desk.run(&["init"]).expect("a bureau");
    let key = desk.file("bank.pem");
    let signing = SigningKey::from_seed(&[7; 32]).expect("a key");
    std::fs::write(&key, signing.public().to_pem()).expect("a file");
    let add = ["partner", "add", "--name", "Bank", "--sector", "bank", "--key", text(&key)];
    desk.run(&[&add[..], &["--scenario", "credit_application"]].concat()).expect("a partner");
    assert_eq!(desk.refusal(&add), "invalid_request");
    let month: Month = "2026-09".parse().expect("a month");
    let population = Population::new(3, 1, 24, month, Currency::CNY).expect("a population");
    let person = population.person(1);
    let (partner, (subject, furnish, ask)) = desk.with(|bureau| {
        let registry = bureau.registry().expect("partners");
        let partner = registry.find("Bank").expect("the bank").id.clone();
        let enrolled = enrol(bureau, &partner, &person);
        (partner, enrolled)
    });
    let lines = observations(&person, &subject, &furnish);
    let file = desk.file("bank.ndjson");
    std::fs::write(&file, lines.concat()).expect("a file");
    let collect = ["collect", text(&file), "--partner", "Bank"];
    let signature = desk.file("bank.sig");
    let signed = [&collect[..], &["--signature", text(&signature)]].concat();
    let digest = sha256(lines.concat().as_bytes());
    let (origin, now) = desk.with(|bureau| (bureau.engine.origin.clone(), bureau.engine.env.now()));
    let sign = |origin: &str, days: i64| {
        let date = now.plus_days(-days).date_at(0);
        let made = signing.sign(collect::statement(origin, &digest, date).as_bytes());
        std::fs::write(&signature, base64(&made) + "\n").expect("a file");
    };
    for (origin, days) in [("another.example/log", 0), (origin.as_str(), 9)] {
        sign(origin, days);
        assert_eq!(desk.refusal(&signed), "signature_invalid");
    }
    sign(&origin, 3);
    desk.run(&signed).expect("a receipt");
    desk.with(|bureau| compare(bureau, &partner, &subject, &ask, lines.len() as u64));
    let looks = |desk: &Desk| desk.with(|b| b.size_at(Time::from_micros(i64::MAX)).expect("n"));
    let before = looks(&desk);
    let pdf = desk.file("report.pdf");
    desk.run(&["score", &subject]).expect("a score");
    desk.run(&["explain", &subject, "--json"]).expect("an explanation");
    desk.run(&["report", "consumer", &subject, "--out", text(&pdf)]).expect("a report");
    let scores = desk.file("scores.parquet");
    desk.run(&["score", "--all", "--out", text(&scores)]).expect("a table");
    assert_eq!(looks(&desk), before + 4);
    assert!(std::fs::read(&pdf).expect("a file").starts_with(b"%PDF"));
    assert!(std::fs::read(&scores).expect("a file").starts_with(b"PAR1"));
    desk.run(&["verify", "log", text(&desk.dir)]).expect("a log that holds");
    // A batch whose count is wrong is refused whole; the same file again changes nothing.
    let header = format!("{}\n", json!({ "type": "batch", "count": 1 + lines.len() }));
    std::fs::write(&file, header + &lines.concat()).expect("a file");
    assert_eq!(desk.refusal(&collect), "control_total_mismatch");
}

fn compare(bureau: &Bureau, partner: &str, subject: &str, consent: &str, sent: u64) {
    let person = bureau.person_named(subject).expect("a read").expect("a person");
    let now = || bureau.engine.env.now();
    let look = |known_at| {
        let mut seen = bureau.look(std::slice::from_ref(&person), now(), known_at).expect("seen");
        seen.pop().expect("one")
    };
    let size = bureau.size_at(Time::from_micros(i64::MAX)).expect("a size");
    let (folded, replayed, empty) = (look(None), look(Some(size)), look(Some(0)));
    assert_eq!(folded.assessment, replayed.assessment, "incremental == replay");
    assert_eq!((folded.observations, replayed.observations), (sent, sent));
    assert_eq!((empty.observations, bureau.count_persons().expect("a count")), (0, 1));
    let answer = inquire(bureau, partner, subject, consent);
    let score = folded.assessment.as_ref().and_then(|a| a.score()).expect("a score");
    assert_eq!(answer["score"], json!(score));
    let inquiry = answer["inquiry"].as_str().expect("an id");
    match bureau.past(inquiry).expect("the past") {
        crate::bureau::look::Past::Scored { assessment, known_at, .. } => {
            assert_eq!(assessment.score(), Some(score));
            assert_eq!(known_at, size);
        }
        _ => panic!("the inquiry was answered with a score"),
    }
    match bureau.replay(inquiry).expect("a replay") {
        crate::bureau::replay::Replayed::Same { score: again, .. } => {
            assert_eq!(again, Some(score));
        }
        other => panic!("{other:?}"),
    }
    assert!(bureau.past("inq_none").is_err());
}
