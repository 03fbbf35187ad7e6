//! A simulated year: persons of four laws live through months of being furnished, asked about,
//! frozen, disputed, corrected, withdrawn, purged and forgotten, under a clock that is turned by
//! hand. After every month the auditor derives the whole bureau anew from its log, and answers of
//! the past are replayed.
//!
//! `FIVEFOLD_YEAR_PERSONS` and `FIVEFOLD_YEAR_SEED` make it larger or another one:
//! `FIVEFOLD_YEAR_PERSONS=3000 tests/run --rust --test it -- year::`.

use std::collections::BTreeMap;

use fivefold::bureau::command::answering::{AnswerDispute, AnswerSent};
use fivefold::bureau::command::dispute::{DisputeSent, OpenDispute};
use fivefold::bureau::command::erase::Erase;
use fivefold::bureau::command::file::SeeFile;
use fivefold::bureau::command::matters::{AnswerMatter, MatterSent, OpenMatter};
use fivefold::bureau::replay::Replayed;
use fivefold::kernel::Month;
use fivefold::partner::signature::SigningKey;
use fivefold::rights::MatterKind;
use serde_json::{Value, json};

use crate::persons::with_key;
use crate::world::{Human, Party, World, month, on_both, text};

/// Persons, unless `FIVEFOLD_YEAR_PERSONS` says otherwise.
const PERSONS: u32 = 40;
const MONTHS: u32 = 12;
const LAWS: [&str; 4] = ["CN", "US", "DE", "GB"];

/// Numbers that look random and are the same for the same seed (Knuth's MMIX generator).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, percent: u64) -> bool {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % 100 < percent
    }
}

/// One life, and what the bureau must know of it.
struct Life {
    law: &'static str,
    key: SigningKey,
    person: String,
    subject: String,
    consent: String,
    revoked: bool,
    frozen: Option<String>,
    erased: bool,
    /// An open objection: its number and item.
    dispute: Option<(String, u64)>,
    complaint: Option<String>,
    /// An objection that nobody answered is not closed yet.
    waits: bool,
}

impl Life {
    /// A late month and the month in which it was put in order, so long ago that each law's clock
    /// ends within the year: five years from the end of the spell in China, six in the United
    /// Kingdom, seven from the month itself in the United States.
    fn long_ago(&self) -> impl Iterator<Item = (&'static str, bool)> {
        let (bad, good) = match self.law {
            "CN" => ("2022-01", "2022-02"),
            "US" => ("2020-03", "2020-04"),
            "GB" => ("2021-02", "2021-03"),
            _ => ("2024-01", "2024-02"),
        };
        [(bad, true), (good, false)].into_iter()
    }
}

/// What happened, by name: a year in which something never happened shows nothing about it.
type Happened = BTreeMap<&'static str, u64>;

/// What a person does, or is done to them.
type Act<'w> = fn(&mut Year<'w>, usize);

struct Year<'w> {
    world: &'w World,
    bank: Party,
    dice: Dice,
    lives: Vec<Life>,
    asked: Vec<String>,
    happened: Happened,
}

fn line(life: &Life, of: &str, late: bool) -> Value {
    let mut line = month(&life.subject, &life.consent, "acc-1", of);
    if late {
        line["dpd"] = json!(65);
        line["status"] = json!("late");
        line["past_due"] = json!({ "amount": "700.00", "currency": "CNY" });
        line["adverse_notice"] =
            json!({ "channel": "sms", "sent_at": "2026-10-20T00:00:00Z", "template": "t-1" });
    }
    line
}

impl<'w> Year<'w> {
    fn count(&mut self, what: &'static str) {
        *self.happened.entry(what).or_default() += 1;
    }

    fn is_born(&mut self, n: u32) {
        let law = LAWS[n as usize % LAWS.len()];
        let key = self.world.key(&format!("life {n}"));
        let subject = with_key(self.world, &self.bank, &Human::nth(1_000 + n, law), &key);
        let consent = self.world.furnishing(&self.bank, &subject);
        let person = self.world.person(&subject);
        self.lives.push(Life {
            law,
            key,
            person,
            subject,
            consent,
            revoked: false,
            frozen: None,
            erased: false,
            dispute: None,
            complaint: None,
            waits: false,
        });
    }

    /// The years before, and one late month of long ago, whose time ends within this year.
    fn remembers(&mut self) {
        let recent = ["2026-04", "2026-05", "2026-06", "2026-07", "2026-08", "2026-09", "2026-10"];
        let mut lines = Vec::new();
        for life in &self.lives {
            lines.push(json!({
                "type": "account", "subject": life.subject,
                "basis": { "type": "consent", "ref": life.consent }, "synthetic": true,
                "account_key": "acc-1", "portfolio": "revolving", "opened": "2018-03-04",
                "limit": { "amount": "20000.00", "currency": "CNY" }, "currency": "CNY",
                "role": "sole",
            }));
            lines.extend(life.long_ago().map(|(of, late)| line(life, of, late)));
            lines.extend(recent.iter().map(|of| line(life, of, false)));
        }
        let receipt = self.world.furnish(&self.bank, &lines);
        assert_eq!(receipt.rejected, 0, "{:?}", receipt.errors.first());
    }

    /// The bank's file of a month, in which nobody who withdrew or was forgotten may be.
    fn furnished(&mut self, of: &str) {
        let mut lines = Vec::new();
        let mut refused = 0;
        for place in 0..self.lives.len() {
            if !self.dice.roll(85) {
                continue;
            }
            let late = self.dice.roll(15);
            let life = &self.lives[place];
            lines.push(line(life, of, late));
            refused += u64::from(life.revoked || life.erased);
        }
        let receipt = self.world.furnish(&self.bank, &lines);
        assert_eq!(receipt.rejected, refused, "{of}: {:?}", receipt.errors.first());
        let known = ["consent_revoked", "subject_not_found"];
        assert!(
            receipt.errors.iter().all(|e| known.contains(&e.code.as_str())),
            "{:?}",
            receipt.errors
        );
        *self.happened.entry("furnished").or_default() += receipt.accepted;
        *self.happened.entry("not furnished any more").or_default() += refused;
    }

    fn is_asked_about(&mut self, place: usize) {
        let scenario = if self.dice.roll(50) { "credit_application" } else { "account_review" };
        let life = &self.lives[place];
        let answer = self.world.inquire(&self.bank, &life.subject, scenario);
        let barred = life.frozen.is_some() && scenario == "credit_application";
        assert_eq!(answer["code"] == "person_frozen", barred, "{answer}");
        if answer["form"] == "score" {
            self.asked.push(text(&answer["inquiry"]));
            self.count("scored");
        } else if barred {
            self.count("frozen and not answered");
        }
    }

    fn freezes(&mut self, place: usize) {
        let (life, world) = (&mut self.lives[place], self.world);
        let me = world.by_person(&life.person, &life.key);
        let what = match life.frozen.take() {
            Some(freeze) => {
                world.unfreeze(me, "me", &freeze).expect("lifted");
                "lifted a freeze"
            }
            None => {
                life.frozen = Some(text(&world.freeze(me, "me").expect("frozen")["freeze"]));
                "froze"
            }
        };
        self.count(what);
    }

    fn objects(&mut self, place: usize) {
        let (life, world) = (&self.lives[place], self.world);
        if life.waits {
            return;
        }
        let me = world.by_person(&life.person, &life.key);
        let report = world.run(SeeFile { admission: me, subject: "me".into() }).expect("a report");
        let list = report["observations"].as_array().expect("a list");
        let bad = list.iter().find(|one| one["observation"]["dpd"] == 65);
        let Some(item) = bad.and_then(|one| one["index"].as_u64()) else { return };
        let sent = json!({
            "subject": "me", "items": [{ "observation": item }], "ground": "inaccurate",
            "text": "I paid in time.", "evidence_digest": format!("{:064x}", world.next()),
        });
        let sent: DisputeSent = serde_json::from_value(sent).expect("a dispute");
        let me = world.by_person(&life.person, &life.key);
        let opened = world.run(OpenDispute { admission: me, sent }).expect("opened");
        self.lives[place].dispute = Some((text(&opened["dispute"]), item));
        self.count("objected");
    }

    /// The bank answers most objections in time; the sweep closes the others.
    fn is_answered(&mut self, place: usize) {
        let Some((dispute, item)) = self.lives[place].dispute.take() else { return };
        if self.dice.roll(35) {
            // The sweep at the end of the month closes it.
            self.lives[place].waits = true;
            self.count("objection without an answer");
            return;
        }
        let outcome = if self.dice.roll(40) { "upheld" } else { "deleted" };
        let sent =
            json!({ "items": [{ "observation": item, "outcome": outcome }], "note": "Seen." });
        let sent: AnswerSent = serde_json::from_value(sent).expect("an answer");
        let admission = self.world.by(&self.bank);
        self.world.run(AnswerDispute { admission, dispute, sent }).expect("settled");
        self.count(outcome);
    }

    fn speaks(&mut self, place: usize) {
        let (life, world) = (&self.lives[place], self.world);
        let sent = json!({ "subject": "me", "text": "Look at this again, please." });
        let sent: MatterSent = serde_json::from_value(sent).expect("a text");
        let me = world.by_person(&life.person, &life.key);
        let kind = MatterKind::Complaint;
        let made = world.run(OpenMatter { admission: me, kind, sent }).expect("made");
        self.lives[place].complaint = Some(text(&made["complaint"]));
        self.count("complained");
    }

    fn is_heard(&mut self, place: usize) {
        let Some(matter) = self.lives[place].complaint.take() else { return };
        let (outcome, answer) = ("upheld".to_string(), "You were right.".to_string());
        let admission = self.world.staff();
        let command = AnswerMatter { admission, matter, outcome, text: answer };
        self.world.run(command).expect("answered");
        self.count("heard");
    }

    fn withdraws(&mut self, place: usize) {
        let (life, world) = (&mut self.lives[place], self.world);
        if !life.revoked {
            let me = world.by_person(&life.person, &life.key);
            world.revoke(me, &life.consent).expect("revoked");
            life.revoked = true;
            self.count("withdrew");
        }
    }

    fn is_forgotten(&mut self, place: usize) {
        let (life, world) = (&self.lives[place], self.world);
        let admission = world.by_person(&life.person, &life.key);
        let me = world.by_person(&life.person, &life.key);
        let erased = world.run(Erase { admission, subject: "me".to_string() });
        match life.law {
            "US" => {
                assert_eq!(erased.expect_err("no such right").code, "erasure_not_provided");
                self.count("not forgotten");
            }
            _ => {
                erased.expect("forgotten");
                let seen = world.run(SeeFile { admission: me, subject: "me".to_string() });
                assert_eq!(seen.expect_err("nobody").code, "key_unknown");
                self.lives[place].erased = true;
                self.count("forgotten");
            }
        }
    }

    fn passes(&mut self, of: &str) {
        self.furnished(of);
        for place in 0..self.lives.len() {
            if self.lives[place].erased {
                continue;
            }
            self.is_answered(place);
            self.is_heard(place);
            let acts: [(u64, Act<'w>); 6] = [
                (25, Self::is_asked_about),
                (8, Self::freezes),
                (8, Self::objects),
                (5, Self::speaks),
                (3, Self::withdraws),
                (3, Self::is_forgotten),
            ];
            for (percent, act) in acts {
                if !self.lives[place].erased && self.dice.roll(percent) {
                    act(self, place);
                }
            }
        }
    }

    /// The sweep, the auditor, and answers of the past, bit for bit.
    fn is_judged(&mut self) {
        let swept = self.world.bureau().sweep().expect("swept");
        assert_eq!(swept.failed, 0);
        self.lives.iter_mut().for_each(|life| life.waits = false);
        *self.happened.entry("purged").or_default() += swept.files_purged;
        *self.happened.entry("closed by the clock").or_default() += swept.disputes_closed;
        self.world.audited();
        let every = (self.asked.len() / 8).max(1);
        for inquiry in self.asked.clone().iter().step_by(every) {
            match self.world.bureau().replay(inquiry).expect("looked at") {
                Replayed::Same { .. } => self.count("replayed"),
                Replayed::Gone { .. } => self.count("gone"),
                other => panic!("{inquiry}: {other:?}"),
            }
        }
    }
}

#[allow(clippy::disallowed_methods, reason = "how large a test is made is no configuration")]
fn setting(name: &str, otherwise: u32) -> u32 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

on_both!(the_auditor_finds_nothing_wrong_in_any_month, |world| {
    let world: &World = world;
    let seed = u64::from(setting("FIVEFOLD_YEAR_SEED", 7));
    let bank = world.bank();
    let (lives, asked, happened) = (Vec::new(), Vec::new(), Happened::new());
    let mut year = Year { world, bank, dice: Dice(seed), lives, asked, happened };
    for n in 0..setting("FIVEFOLD_YEAR_PERSONS", PERSONS) {
        year.is_born(n);
    }
    year.remembers();
    let mut of: Month = "2026-11".parse().expect("a month");
    for _ in 0..MONTHS {
        world.clock.advance_seconds(30 * 86_400);
        year.passes(&of.to_string());
        year.is_judged();
        of = of.plus(1);
    }
    println!("seed {seed}: {:?}", year.happened);
    let all = [
        "furnished",
        "not furnished any more",
        "scored",
        "frozen and not answered",
        "froze",
        "lifted a freeze",
        "objected",
        "upheld",
        "deleted",
        "objection without an answer",
        "closed by the clock",
        "complained",
        "heard",
        "withdrew",
        "forgotten",
        "not forgotten",
        "purged",
        "replayed",
        "gone",
    ];
    let never: Vec<&str> =
        all.into_iter().filter(|what| year.happened.get(what).is_none_or(|n| *n == 0)).collect();
    assert!(never.is_empty(), "a year without {never:?} shows too little: {:?}", year.happened);
});
