//! The test persons come in, and stay up to date: as often as is liked, since what is on file
//! already is a duplicate and changes nothing.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Value, json};

use super::persons::{PERSONS, Story, TestPerson};
use super::{HOUSE, KINDS, OWNER, STAFF, published_key};
use crate::bureau::Bureau;
use crate::bureau::admission::{Admission, Principal};
use crate::bureau::command::consent::GiveConsent;
use crate::bureau::command::enrol::{Enrol, Enrolment, key_proof_text};
use crate::bureau::command::governance::AddPartner;
use crate::bureau::command::rights::{Freeze, FreezeKind, FreezeSent};
use crate::bureau::intake::{Applied, Order};
use crate::bureau::upload::{self, Format, UploadFile};
use crate::consent::Artefact;
use crate::consent::rows as consent_rows;
use crate::error::Problem;
use crate::kernel::Month;
use crate::kernel::bytes::{base64, hex, sha256};
use crate::partner::rows as partner_rows;
use crate::partner::signature::SigningKey;
use crate::partner::{Contract, Role};
use crate::policy::Environment;
use crate::store::StoreError;
use crate::subject::rows::{self as subject_rows, By};

/// Months of history.
const MONTHS: i32 = 24;
/// Days for which the house may send records.
const CONSENT_DAYS: i64 = 5 * 365;
/// The last month of the one whose records have ended.
const STALE_END: &str = "2025-03";

/// Why the test persons could not be brought in.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An act was refused.
    #[error("the test persons: {0}")]
    Refused(#[from] Problem),
    /// Something of the house's own does not read.
    #[error("the test persons: {0}")]
    Own(String),
}

fn own(error: impl std::fmt::Display) -> LoadError {
    LoadError::Own(error.to_string())
}

/// The house at work.
struct House<'b> {
    bureau: &'b Bureau,
    id: String,
    keyid: String,
}

/// Whether nothing was rejected but what the law keeps no longer: a history that is published
/// grows old with the sandbox.
fn only_over(receipt: &Value) -> bool {
    let over = ["past_retention", "obsolete_reimport"];
    let errors = receipt["errors"].as_array().into_iter().flatten();
    let is_over = |code: Option<&str>| code.is_some_and(|code| over.contains(&code));
    receipt["errors_omitted"] == 0 && errors.into_iter().all(|e| is_over(e["code"].as_str()))
}

impl Bureau {
    /// Brings the published partners and test persons in, and up to date. Nothing in a bureau that
    /// is no sandbox.
    ///
    /// # Errors
    /// [`LoadError`].
    pub fn load_sandbox(&self) -> Result<(), LoadError> {
        if self.engine.environment != Environment::Sandbox {
            return Ok(());
        }
        for kind in &KINDS {
            let key = published_key(kind.name).ok_or_else(|| own("no key"))?;
            self.partner(kind.partner, kind.sector, kind.roles, kind.scenarios, &key)?;
        }
        let roles = [Role::Furnisher, Role::Enroller, Role::Registrar];
        // Its private half is dropped here: nobody but the program sends in its name.
        let key = SigningKey::generate(&self.engine.env).map_err(own)?;
        let (id, keyid) = self.partner(HOUSE, "bank", &roles, &[], &key)?;
        let house = House { bureau: self, id, keyid };
        let (mut kept, mut failed) = (BTreeSet::new(), None);
        for test in &PERSONS {
            // One who cannot be brought up to date does not keep the others from it, and those who
            // are here already stay guarded.
            match house.bring(test) {
                Ok(person) => drop(kept.insert(person)),
                Err(error) => {
                    tracing::error!(%error, person = test.key, "a test person is not as published");
                    failed = Some(error);
                }
            }
        }
        self.engine.kept.set(&house.id, kept);
        failed.map_or(Ok(()), Err)
    }

    /// The partner of this name and its key, made when it is not there.
    fn partner(
        &self,
        name: &str,
        sector: &str,
        roles: &[Role],
        scenarios: &[&str],
        key: &SigningKey,
    ) -> Result<(String, String), LoadError> {
        let registry = self.store.read(partner_rows::load)?;
        if let Some(known) = registry.find(name) {
            let mut keys = registry.keys.iter().filter(|(_, key)| key.partner == known.id);
            let keyid = keys.next().map(|(keyid, _)| keyid.clone());
            return Ok((known.id.clone(), keyid.ok_or_else(|| own("a partner without a key"))?));
        }
        let command = AddPartner {
            admission: Admission::operator(STAFF, "published for everybody to try with"),
            name: name.to_string(),
            sector: sector.to_string(),
            country: String::new(),
            roles: roles.to_vec(),
            scenarios: scenarios.iter().map(|s| (s.to_string(), Contract::default())).collect(),
            key: key.public(),
        };
        let added = self.run(command).value()?;
        let id = added["partner"].as_str().unwrap_or_default().to_string();
        Ok((id, key.public().thumbprint()))
    }
}

impl House<'_> {
    fn admission(&self) -> Admission {
        Admission { keyid: self.keyid.clone(), ..Admission::console(&self.id) }
    }

    /// Enrols a test person and sends what is known of them. Gives the bureau's id of them.
    fn bring(&self, test: &TestPerson) -> Result<String, LoadError> {
        let subject = self.enrolled(test)?;
        let names = self.bureau.store.read(|c| subject_rows::pairwise(c, By::Key, &[&subject]))?;
        let person = names.first().map(|row| row.person.clone());
        let person = person.ok_or_else(|| own("an enrolled person is not there"))?;
        let lines = self.lines(test, &subject, &person)?;
        if !lines.is_empty() {
            self.send(lines.as_bytes())?;
        }
        if test.story == Story::Frozen {
            self.freeze(&person)?;
        }
        Ok(person)
    }

    /// Each has a key of their own, so that nobody else can act for them: dropped, but for the one
    /// that is published.
    fn enrolled(&self, test: &TestPerson) -> Result<String, LoadError> {
        let env = &self.bureau.engine.env;
        let key = match test.key {
            OWNER => published_key(OWNER).ok_or_else(|| own("no key"))?,
            _ => SigningKey::generate(env).map_err(own)?,
        };
        let proof = key.sign(key_proof_text(&self.id, &key.public().thumbprint()).as_bytes());
        let today = env.now().date_at(0);
        // The same past date for a whole year, so that a repeated enrolment adds no evidence.
        let checked = format!("{:04}-07-01", today.year() - 1);
        let check = |channel: &str| {
            let source = format!("Sandbox {channel}");
            json!({ "channel": channel, "source": source, "verified": checked })
        };
        let mut enrolment = test.enrolment();
        enrolment["verifications"] = json!([check("card"), check("authority"), check("telecom")]);
        enrolment["person_key"] = json!({ "jwk": key.public().to_jwk(), "proof": base64(&proof) });
        let sent: Enrolment = serde_json::from_value(enrolment).map_err(own)?;
        let index = &self.bureau.engine.keys.index;
        let command = Enrol::read(self.admission(), sent, index, today)?;
        let enrolled = self.bureau.run(command).value()?;
        Ok(enrolled["subject"].as_str().unwrap_or_default().to_string())
    }

    /// The house's standing consent to send records, given when there is none.
    fn consent(&self, subject: &str, person: &str) -> Result<String, LoadError> {
        let now = self.bureau.engine.env.now();
        let rows = self.bureau.store.read(|c| consent_rows::by_person(c, &[person]))?;
        let stands = rows.into_iter().find(|row| {
            row.recipient == self.id && row.revoked_us.is_none() && row.expires_us > now.micros()
        });
        if let Some(row) = stands {
            return Ok(row.id);
        }
        let digest = hex(&sha256(b"a made-up notice for a made-up person"));
        let artefact = json!({
            "subject": subject, "recipient": self.id, "purpose": "furnish", "mode": "VIEW",
            "fetch": "PERIODIC", "categories": [], "dimensions": [],
            "valid_from": now, "expires_at": now.plus_days(CONSENT_DAYS),
            "notice": { "version": "1", "digest": digest, "shown_at": now, "locale": "en" },
            "evidence": { "method": "partner_attested", "digest": digest, "signed_at": now },
            "synthetic": true,
        });
        let artefact: Artefact = serde_json::from_value(artefact).map_err(own)?;
        let given = self.bureau.run(GiveConsent { admission: self.admission(), artefact });
        Ok(given.value()?["consent"].as_str().unwrap_or_default().to_string())
    }

    /// What is known of somebody, as NDJSON.
    fn lines(&self, test: &TestPerson, subject: &str, person: &str) -> Result<String, LoadError> {
        if matches!(test.story, Story::Thin | Story::Minor) {
            return Ok(String::new());
        }
        let consent = self.consent(subject, person)?;
        let common = json!({
            "subject": subject, "basis": { "type": "consent", "ref": consent }, "synthetic": true,
        });
        let now = self.bureau.engine.env.now();
        let last = match test.story {
            Story::Stale => STALE_END.parse().map_err(own)?,
            _ => Month::of(now.date_at(8)).plus(-1),
        };
        let first = last.plus(1 - MONTHS);
        let mut lines = Vec::new();
        for (account, portfolio, limit) in
            [("sandbox-1", "revolving", "20000.00"), ("sandbox-2", "instalment", "60000.00")]
        {
            lines.push(account_line(&common, account, portfolio, limit));
            for place in 0..MONTHS {
                let month = first.plus(place);
                lines.push(month_line(&common, account, month, test.story == Story::Late));
            }
        }
        // So far above the highest band's edge that no number of visitors' inquiries moves them out
        // of it: hard inquiries count for them as for everybody.
        if !matches!(test.story, Story::Late | Story::Stale) {
            for place in 0..MONTHS {
                lines.extend(habits(&common, first.plus(place)));
            }
        }
        if let Story::Event(event) = test.story {
            lines.push(with(
                &common,
                json!({
                    "type": "status_event", "event": event, "since": "2025-01-10",
                    "evidence": "a made-up report", "second_source": "another made-up report",
                }),
            ));
        }
        Ok(lines.iter().map(|line| format!("{line}\n")).collect())
    }

    fn send(&self, bytes: &[u8]) -> Result<(), LoadError> {
        let (engine, now) = (&self.bureau.engine, self.bureau.engine.env.now());
        let blob = Arc::new(bytes::Bytes::copy_from_slice(bytes));
        let file = UploadFile { format: Format::Ndjson, blob, digest: sha256(bytes) };
        let checked = upload::check(engine, now, &file, true)?;
        let (admission, format) = (self.admission(), file.format);
        let order = Order { admission, format, dry_run: false, upload: None };
        let lines = checked.lines.into_iter().map(Ok);
        match self.bureau.apply(&order, checked.receipt, lines, &mut |_| true)? {
            Applied::Whole(receipt) if only_over(&receipt) => Ok(()),
            Applied::Whole(receipt) => Err(own(&receipt["errors"])),
            Applied::Stopped => Err(own("the loading was stopped")),
        }
    }

    fn freeze(&self, person: &str) -> Result<(), LoadError> {
        let (freezes, keys) = self.bureau.store.read(|conn| {
            let freezes = subject_rows::freezes(conn, &[person])?;
            Ok((freezes, subject_rows::person_keys(conn, By::Person, &[person])?))
        })?;
        if freezes.iter().any(|freeze| freeze.lifted_us.is_none()) {
            return Ok(());
        }
        let key = keys.into_iter().find(|key| key.retired_us.is_none());
        let keyid = key.ok_or_else(|| own("a person without a key"))?.thumbprint;
        let principal = Principal::Person(person.to_string());
        let admission = Admission { principal, keyid, nonce: None, idempotency: None };
        let sent = FreezeSent { subject: "me".to_string(), kind: FreezeKind::Freeze };
        self.bureau.run(Freeze { admission, sent }).value()?;
        Ok(())
    }
}

/// The common members and these.
fn with(common: &Value, own: Value) -> Value {
    let mut line = common.clone();
    if let (Some(line), Value::Object(own)) = (line.as_object_mut(), own) {
        line.extend(own);
    }
    line
}

fn yuan(amount: &str) -> Value {
    json!({ "amount": amount, "currency": "CNY" })
}

fn account_line(common: &Value, account: &str, portfolio: &str, limit: &str) -> Value {
    let mut line = json!({
        "type": "account", "account_key": account, "portfolio": portfolio,
        "opened": "2019-06-03", "currency": "CNY", "role": "sole",
    });
    match portfolio {
        "revolving" => line["limit"] = yuan(limit),
        _ => {
            line["original_amount"] = yuan(limit);
            line["term_months"] = json!(360);
        }
    }
    with(common, line)
}

/// A month of somebody with steady habits: rent, bills, the same shopping.
fn habits(common: &Value, month: Month) -> Vec<Value> {
    let spent = |category: &str| {
        json!({
            "type": "spending", "month": month, "category": category, "amount": yuan("1500.00"),
            "count": 20,
        })
    };
    let lines = [
        spent("groceries"),
        spent("public_transport"),
        json!({
            "type": "payment_activity", "month": month, "kind": "bill", "amount": yuan("600.00"),
            "count": 4, "returned": 0,
        }),
        json!({
            "type": "obligation", "obligation_key": format!("rent-{month}"), "kind": "rent",
            "due": format!("{month}-05"), "fulfilled": format!("{month}-04"),
            "amount": yuan("3500.00"), "outcome": "kept",
        }),
    ];
    lines.into_iter().map(|line| with(common, line)).collect()
}

/// One month, the same whenever it is sent.
fn month_line(common: &Value, account: &str, month: Month, late: bool) -> Value {
    let mut line = json!({
        "type": "account_month", "account_key": account, "month": month,
        "date_of_information": format!("{month}-28"), "balance": yuan("3000.00"),
        "due": yuan("300.00"), "paid": yuan(if late { "0.00" } else { "300.00" }),
        "dpd": if late { 95 } else { 0 }, "status": if late { "late" } else { "current" },
        "written_consent": "sandbox-1",
    });
    if late {
        line["past_due"] = yuan("1200.00");
        let sent_at = format!("{month}-02T08:00:00Z");
        line["adverse_notice"] =
            json!({ "channel": "sms", "sent_at": sent_at, "template": "sandbox-1" });
    }
    with(common, line)
}
