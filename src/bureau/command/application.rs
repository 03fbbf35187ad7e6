//! Small merchants: they apply with a key of their own, staff admits or refuses, and what they do
//! afterwards is put on record.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Answer, Command, Fault, needs_of_admission};
use crate::bureau::admission::Admission;
use crate::bureau::authority::{self, pack_of};
use crate::bureau::needs::Needs;
use crate::bureau::sandbox::is_published;
use crate::bureau::work::Work;
use crate::error::{Problem, Reason};
use crate::kernel::{Time, id};
use crate::ledger::body::Draft;
use crate::ledger::leaf::PublicKind;
use crate::partner::rows::{ApplicationRow, ConductRow};
use crate::partner::signature::PublicKey;
use crate::partner::{Contract, Kind, Partner, PartnerKey, Quota, Role};
use crate::policy::facts::Applicant;
use crate::policy::{Action, Environment, Facts, Form};
use crate::store::StoreError;

/// Characters of a name or of a licence number at most.
const TEXT_CHARS_MAX: usize = 100;
/// The state of an application that staff has not looked at.
pub const PENDING: &str = "pending";
/// Seconds after which an applicant may look whether there is room again.
const FULL_SECONDS: u32 = 3600;
/// What suspends a small merchant by itself.
pub const CONDUCT: &str = "conduct";

/// `POST /v1/applications`.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ApplicationSent {
    /// The name it trades under.
    pub name: String,
    /// Its trade, of the catalogue.
    pub sector: String,
    /// The country it sits in, ISO 3166 alpha-2; where the bureau sits when absent.
    #[serde(default)]
    pub country: String,
    /// What it wants to ask: a scenario that is answered by yes, no or can't say.
    pub scenario: String,
    /// The number of the licence or registration under which it trades.
    #[serde(default)]
    pub licence: String,
    /// The public key that signs this request, and every later one: a JWK.
    #[schema(value_type = Object)]
    pub key: Value,
}

/// Somebody asks to become a small merchant.
pub struct Apply {
    /// The key that signed, which nobody has registered.
    pub admission: Admission,
    /// What was sent.
    pub sent: ApplicationSent,
    /// The key itself.
    pub key: PublicKey,
}

/// What an applicant is told.
fn shown(row: &ApplicationRow) -> Value {
    json!({
        "application": row.id, "state": row.state, "name": row.name, "sector": row.sector,
        "country": row.country, "scenario": row.scenario, "licence": row.licence,
        "keyid": row.keyid, "applied_at": Time::from_micros(row.at_us),
        "decided_at": row.decided_us.map(Time::from_micros),
        "reason": (!row.reason.is_empty()).then_some(&row.reason), "partner": row.partner,
    })
}

/// What policies ask about an applicant.
fn applicant(work: &Work<'_>, sector: &str, scenario: &str, licence: &str) -> Applicant {
    let rules = &work.engine.rules;
    let pack = pack_of(&work.engine.home).unwrap_or_default();
    let known = rules.scenario(scenario).filter(|known| known.refused.is_none());
    let row = known.and_then(|known| known.row(pack));
    Applicant {
        sector_allowed: rules.merchants().sectors.iter().any(|name| name == sector),
        scenario_allowed: row.is_some_and(|row| row.allowed && row.form == Form::Threshold)
            && known.is_some_and(|known| !known.lenders_only && !known.mutual),
        licence_given: !licence.trim().is_empty(),
    }
}

impl Apply {
    fn faults(&self, work: &Work<'_>) -> Vec<Reason> {
        let mut faults = Vec::new();
        let plain = |text: &str, least: usize| {
            (least..=TEXT_CHARS_MAX).contains(&text.chars().count())
                && !text.chars().any(char::is_control)
        };
        if !plain(self.sent.name.trim(), 1) {
            faults.push(Reason::new("/name", "name_implausible", "1 to 100 printable characters"));
        }
        if work.registry.find(&self.sent.name).is_some() {
            faults.push(Reason::new("/name", "partner_exists", "a partner has this name"));
        }
        if !work.engine.rules.knows_sector(&self.sent.sector) {
            let known: Vec<&str> = work.engine.rules.sectors().collect();
            let text = format!("one of {}", known.join(", "));
            faults.push(Reason::new("/sector", "unknown_value", text));
        }
        let two = |c: &str| c.len() == 2 && c.bytes().all(|b| b.is_ascii_uppercase());
        if !(self.sent.country.is_empty() || two(&self.sent.country)) {
            let text = "two capital letters, as ISO 3166 has them";
            faults.push(Reason::new("/country", "unknown_value", text));
        }
        if work.engine.rules.scenario(&self.sent.scenario).is_none() {
            let text = "not a scenario of the catalogue";
            faults.push(Reason::new("/scenario", "scenario_unknown", text));
        }
        if !plain(&self.sent.licence, 0) {
            let text = "at most 100 printable characters";
            faults.push(Reason::new("/licence", "text_too_long", text));
        }
        let published = is_published(&self.admission.keyid);
        if work.engine.environment != Environment::Sandbox && published {
            let text = "the sandbox publishes the private half of this key: make one of your own";
            faults.push(Reason::new("/key", "test_key", text));
        }
        if work.registry.keys.contains_key(&self.admission.keyid) {
            let text = "this key is registered already: make another";
            faults.push(Reason::new("/key", "key_taken", text));
        }
        faults
    }
}

impl Command for Apply {
    fn admission(&self) -> &Admission {
        &self.admission
    }

    fn needs(&self, needs: &mut Needs) {
        needs_of_admission(&self.admission, needs);
    }

    fn execute(&self, work: &mut Work<'_>) -> Result<Answer, Fault> {
        // One key, one application at a time: the same again is the same.
        if let Some(row) = work.application_of(&self.admission.keyid)? {
            return Ok(Answer::ok(&shown(&row), None));
        }
        let faults = self.faults(work);
        if !faults.is_empty() {
            return Err(Problem::invalid(faults).into());
        }
        let sent = &self.sent;
        let home = work.engine.home.clone();
        let mut facts: Facts = authority::facts(work, &self.admission, Action::Apply, &home);
        facts.applicant = applicant(work, &sent.sector, &sent.scenario, &sent.licence);
        let (who, public) = (&self.admission, PublicKind::Governance);
        authority::permit(work, who, &facts, public, None)?.spend();
        if work.applications_pending()? >= work.engine.rules.merchants().pending_max {
            let text = "So many applications wait for the bureau's staff already.";
            return Err(Problem::new("overloaded", text).retry_after(FULL_SECONDS).into());
        }
        let mut row = ApplicationRow {
            id: id::mint(&work.engine.env, "app"),
            keyid: self.admission.keyid.clone(),
            jwk: self.key.to_jwk().to_string(),
            name: sent.name.trim().to_string(),
            sector: sent.sector.clone(),
            country: match sent.country.as_str() {
                "" => home,
                country => country.to_string(),
            },
            scenario: sent.scenario.clone(),
            licence: sent.licence.trim().to_string(),
            state: PENDING.to_string(),
            reason: String::new(),
            partner: None,
            at_us: work.now.micros(),
            decided_us: None,
            idx: 0,
        };
        let draft = Draft::new("application_received", public)
            .says("application", row.id.clone())
            .says("name", row.name.clone())
            .says("sector", row.sector.clone())
            .says("country", row.country.clone())
            .says("scenario", row.scenario.clone())
            .says("licence", row.licence.clone())
            .says("keyid", row.keyid.clone())
            .says("jwk", row.jwk.clone());
        row.idx = work.append(draft)?.index as i64;
        let answer = Answer::created(&shown(&row), None);
        work.put_application(row);
        Ok(answer)
    }
}

/// `GET /v1/applications/{id}`: by the key that applied.
pub struct ReadApplication {
    /// The key that signed.
    pub admission: Admission,
    /// Which.
    pub application: String,
}

fn not_found() -> Problem {
    let text = "There is no such application of this key's. Use the id that you were given.";
    Problem::new("application_not_found", text)
}

impl Command for ReadApplication {
    fn admission(&self) -> &Admission {
        &self.admission
    }

    fn needs(&self, needs: &mut Needs) {
        needs_of_admission(&self.admission, needs);
    }

    fn execute(&self, work: &mut Work<'_>) -> Result<Answer, Fault> {
        let row = work.application(&self.application)?;
        let row = row.filter(|row| row.keyid == self.admission.keyid).ok_or_else(not_found)?;
        Ok(Answer::ok(&shown(&row), None))
    }
}

/// Staff decides an application.
pub struct DecideApplication {
    /// Which member of staff, and why.
    pub admission: Admission,
    /// Which.
    pub application: String,
    /// Whether the applicant is taken in.
    pub admit: bool,
}

impl Command for DecideApplication {
    fn admission(&self) -> &Admission {
        &self.admission
    }

    fn needs(&self, needs: &mut Needs) {
        needs_of_admission(&self.admission, needs);
    }

    fn execute(&self, work: &mut Work<'_>) -> Result<Answer, Fault> {
        let row = work.application(&self.application)?;
        let row = row.ok_or_else(|| {
            let text = "There is no such application. `fivefold application list` shows them.";
            Problem::new("application_not_found", text)
        })?;
        if row.state != PENDING {
            let text = format!("It was {} before: an application is decided once.", row.state);
            return Err(Problem::new("application_decided", text).into());
        }
        match self.admit {
            true => self.taken_in(work, row),
            false => self.turned_away(work, row),
        }
    }
}

impl DecideApplication {
    fn taken_in(&self, work: &mut Work<'_>, row: ApplicationRow) -> Result<Answer, Fault> {
        let home = work.engine.home.clone();
        let mut facts = authority::facts(work, &self.admission, Action::Admit, &home);
        facts.applicant = applicant(work, &row.sector, &row.scenario, &row.licence);
        let (who, public) = (&self.admission, PublicKind::Governance);
        let terms = authority::permit(work, who, &facts, public, None)?.spend();
        // The name and the key were free when it applied.
        if work.registry.find(&row.name).is_some() || work.registry.keys.contains_key(&row.keyid) {
            let text = "A partner has this name or this key meanwhile: refuse, with what to do.";
            return Err(Problem::new("application_overtaken", text).into());
        }
        let key = PublicKey::from_json(&row.jwk)
            .map_err(|_| StoreError::inconsistent("an applicant's key does not read"))?;
        let merchants = work.engine.rules.merchants();
        let partner = Partner {
            id: id::mint(&work.engine.env, "par"),
            name: row.name.clone(),
            kind: Kind::SmallMerchant,
            country: row.country.clone(),
            export_basis: None,
            sector: row.sector.clone(),
            roles: [Role::Asker, Role::Enroller].into(),
            scenarios: [(row.scenario.clone(), Contract::default())].into(),
            quota: Quota {
                requests_per_minute: Some(merchants.requests_per_minute),
                inquiries_per_day: Some(merchants.inquiries_per_day),
            },
            suspended: false,
            delivery: None,
            resumed: None,
            created: work.now,
        };
        let (actor, _) = authority::actor(work, &self.admission);
        let draft = Draft::new("application_admitted", public)
            .says("by", actor.clone())
            .says("application", row.id.clone())
            .says("partner", partner.id.clone())
            .says("policies", terms.policies.clone())
            .says("reason", self.admission.reason());
        work.append(draft)?;
        let draft = Draft::new("partner_added", public)
            .says("by", actor)
            .says("partner", json!(partner))
            .says("keyid", row.keyid.clone());
        let index = work.append(draft)?.index;
        let key = PartnerKey { partner: partner.id.clone(), key, retired: None };
        let body = json!({
            "application": row.id, "state": "admitted", "partner": partner.id,
            "name": partner.name, "keyid": row.keyid, "policies": terms.policies, "index": index,
        });
        work.put_application(ApplicationRow {
            state: "admitted".to_string(),
            reason: self.admission.reason(),
            partner: Some(partner.id.clone()),
            decided_us: Some(work.now.micros()),
            ..row.clone()
        });
        work.put_partner(partner);
        work.put_partner_key(&row.keyid, key);
        Ok(Answer::ok(&body, None))
    }

    fn turned_away(&self, work: &mut Work<'_>, row: ApplicationRow) -> Result<Answer, Fault> {
        authority::permit_staff(work, &self.admission, Action::Administer)?;
        let (actor, _) = authority::actor(work, &self.admission);
        let draft = Draft::new("application_refused", PublicKind::Governance)
            .says("by", actor)
            .says("application", row.id.clone())
            .says("reason", self.admission.reason());
        let index = work.append(draft)?.index;
        let body = json!({ "application": row.id, "state": "refused", "index": index });
        work.put_application(ApplicationRow {
            state: "refused".to_string(),
            reason: self.admission.reason(),
            decided_us: Some(work.now.micros()),
            ..row
        });
        Ok(Answer::ok(&body, None))
    }
}

/// Staff puts something on record against a partner.
pub struct AddConduct {
    /// Which member of staff, and why.
    pub admission: Admission,
    /// Id or name.
    pub partner: String,
    /// What, of the catalogue.
    pub what: String,
}

impl Command for AddConduct {
    fn admission(&self) -> &Admission {
        &self.admission
    }

    fn needs(&self, needs: &mut Needs) {
        needs_of_admission(&self.admission, needs);
    }

    fn execute(&self, work: &mut Work<'_>) -> Result<Answer, Fault> {
        authority::permit_staff(work, &self.admission, Action::HandleCase)?;
        let Some(partner) = work.registry.find(&self.partner).cloned() else {
            let text = "There is no such partner. `fivefold partner list` shows them.";
            return Err(Problem::new("partner_not_found", text).into());
        };
        let conduct = work.engine.rules.conduct().clone();
        let Some(points) = conduct.points.get(&self.what).copied() else {
            let known: Vec<&str> = conduct.points.keys().map(String::as_str).collect();
            let text = format!("one of {}", known.join(", "));
            return Err(Problem::invalid(vec![Reason::new("/what", "unknown_value", text)]).into());
        };
        let (actor, _) = authority::actor(work, &self.admission);
        let draft = Draft::new("partner_conduct", PublicKind::Governance)
            .says("by", actor)
            .says("partner", partner.id.clone())
            .says("what", self.what.clone())
            .says("points", points)
            .says("reason", self.admission.reason());
        let index = work.append(draft)?.index;
        work.put_conduct(ConductRow {
            idx: index as i64,
            partner: partner.id.clone(),
            kind: self.what.clone(),
            points: points as i64,
            at_us: work.now.micros(),
        });
        // What was looked at when a suspension was lifted does not count again.
        let window = work.now.plus_days(-conduct.window_days);
        let lifted = partner.resumed.map(|at| Time::from_micros(at.micros() + 1));
        let since = lifted.map_or(window, |lifted| lifted.max(window));
        let sum = work.conduct_since(&partner.id, since)?;
        let merchant = partner.kind == Kind::SmallMerchant;
        let mut suspended = partner.suspended;
        if merchant && !suspended && sum >= conduct.limit {
            let draft = Draft::new("partner_suspended", PublicKind::Governance)
                .says("by", "staff:bureau")
                .says("partner", partner.id.clone())
                .says("why", CONDUCT);
            work.append(draft)?;
            suspended = true;
            work.put_partner(Partner { suspended, ..partner.clone() });
        }
        let body = json!({
            "partner": partner.id, "name": partner.name, "what": self.what, "points": points,
            "sum": sum, "limit": merchant.then_some(conduct.limit), "suspended": suspended,
            "index": index,
        });
        Ok(Answer::created(&body, None))
    }
}
