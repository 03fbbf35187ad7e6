//! Governance: the log's first entry, the packs and scorecards in force, partners and their keys.

use serde_json::{Value, json};

use super::{Answer, Command, Fault, needs_of_admission};
use crate::bureau::admission::Admission;
use crate::bureau::authority;
use crate::bureau::needs::Needs;
use crate::bureau::sandbox::is_published;
use crate::bureau::work::Work;
use crate::error::{Problem, Reason};
use crate::kernel::id;
use crate::ledger::body::Draft;
use crate::ledger::leaf::PublicKind;
use crate::ledger::rows::ArtefactRow;
use crate::partner::signature::PublicKey;
use crate::partner::{
    Cadence, Contract, Delivery, EXPORT_KINDS, ExportBasis, Kind, Partner, PartnerKey, Quota, Role,
};
use crate::policy::{Action, Environment};
use crate::score::rows as score_rows;

/// What [`InForce`] says of rule packs.
pub const PACKS: &str = "packs";

/// A pack set or scorecard comes into force, again perhaps; also the first entry of a log.
pub struct InForce {
    /// Who says so.
    pub admission: Admission,
    /// [`PACKS`] or `scorecard`.
    pub kind: &'static str,
    /// Name and version.
    pub name: String,
    /// SHA-256, hexadecimal.
    pub digest: String,
    /// The text itself; `None` when it was in force before and is kept.
    pub content: Option<String>,
}

impl Command for InForce {
    fn admission(&self) -> &Admission {
        &self.admission
    }

    fn needs(&self, needs: &mut Needs) {
        needs_of_admission(&self.admission, needs);
    }

    fn puts_packs_in_force(&self) -> bool {
        self.kind == PACKS
    }

    fn execute(&self, work: &mut Work<'_>) -> Result<Answer, Fault> {
        let (actor, _) = authority::actor(work, &self.admission);
        if self.puts_packs_in_force() {
            // what another process wrote under its own clocks since `packs::age_profiles`
            score_rows::age_rest(work.conn)?;
        }
        let draft = Draft::new("in_force", PublicKind::Governance)
            .says("by", actor)
            .says("what", self.kind)
            .says("name", self.name.clone())
            .says("digest", self.digest.clone())
            .says("environment", work.engine.environment.name());
        let recorded = work.append(draft)?;
        if let Some(content) = self.content.clone() {
            work.put_artefact(ArtefactRow {
                digest: self.digest.clone(),
                kind: self.kind.to_string(),
                name: self.name.clone(),
                content,
                since_us: work.now.micros(),
                idx: recorded.index as i64,
            });
        }
        Ok(Answer::created(&json!({ "log": recorded.receipt() }), None))
    }
}

/// An extract is about to be made: on record, and permitted, before a file is.
pub struct IntendExtract {
    /// Which member of staff, and why.
    pub admission: Admission,
    /// The period's name.
    pub period: String,
}

impl Command for IntendExtract {
    fn admission(&self) -> &Admission {
        &self.admission
    }

    fn needs(&self, needs: &mut Needs) {
        needs_of_admission(&self.admission, needs);
    }

    fn execute(&self, work: &mut Work<'_>) -> Result<Answer, Fault> {
        authority::permit_staff(work, &self.admission, Action::Export)?;
        let (actor, _) = authority::actor(work, &self.admission);
        let draft = Draft::new("export_intended", PublicKind::Export)
            .says("by", actor)
            .says("what", "records")
            .says("period", self.period.clone())
            .says("reason", self.admission.reason());
        let recorded = work.append(draft)?;
        Ok(Answer::created(&json!({ "log": recorded.receipt() }), None))
    }
}

/// An extract was made: who took what, and why.
pub struct Exported {
    /// Which member of staff, and why.
    pub admission: Admission,
    /// The period's name.
    pub period: String,
    /// First entry.
    pub from: u64,
    /// One past the last entry.
    pub until: u64,
    /// SHA-256 of the manifest, hexadecimal.
    pub manifest: String,
    /// Index of the entry that announced it.
    pub intent: u64,
}

impl Command for Exported {
    fn admission(&self) -> &Admission {
        &self.admission
    }

    fn needs(&self, needs: &mut Needs) {
        needs_of_admission(&self.admission, needs);
    }

    fn execute(&self, work: &mut Work<'_>) -> Result<Answer, Fault> {
        let (actor, _) = authority::actor(work, &self.admission);
        let draft = Draft::new("exported", PublicKind::Export)
            .says("by", actor)
            .says("period", self.period.clone())
            .says("from", self.from)
            .says("until", self.until)
            .says("manifest", self.manifest.clone())
            .says("intent", self.intent)
            .says("reason", self.admission.reason());
        let recorded = work.append(draft)?;
        Ok(Answer::created(&json!({ "log": recorded.receipt() }), None))
    }
}

/// Registers a partner.
pub struct AddPartner {
    /// Which member of staff, and why.
    pub admission: Admission,
    /// The name.
    pub name: String,
    /// The sector, of the catalogue.
    pub sector: String,
    /// The country it sits in; where the bureau does when empty.
    pub country: String,
    /// What it may do.
    pub roles: Vec<Role>,
    /// The scenarios it has contracted, with their terms.
    pub scenarios: Vec<(String, Contract)>,
    /// Its first public key.
    pub key: PublicKey,
}

impl AddPartner {
    fn faults(&self, work: &Work<'_>) -> Vec<Reason> {
        let mut faults = Vec::new();
        let length = self.name.chars().count();
        if !(1..=100).contains(&length) || self.name.chars().any(char::is_control) {
            faults.push(Reason::new("/name", "name_implausible", "1 to 100 printable characters"));
        }
        if work.registry.find(&self.name).is_some() {
            faults.push(Reason::new("/name", "partner_exists", "another partner has this name"));
        }
        if !work.engine.rules.knows_sector(&self.sector) {
            let known: Vec<&str> = work.engine.rules.sectors().collect();
            let text = format!("one of {}", known.join(", "));
            faults.push(Reason::new("/sector", "unknown_value", text));
        }
        let two = |c: &str| c.len() == 2 && c.bytes().all(|b| b.is_ascii_uppercase());
        if !(self.country.is_empty() || two(&self.country)) {
            let text = "two capital letters, as ISO 3166 has them";
            faults.push(Reason::new("/country", "unknown_value", text));
        }
        for (name, contract) in &self.scenarios {
            faults.extend(contract_faults(work, name, contract));
        }
        faults.extend(key_fault(work, &self.key));
        faults
    }
}

fn contract_faults(work: &Work<'_>, name: &str, contract: &Contract) -> Vec<Reason> {
    let mut faults = Vec::new();
    if work.engine.rules.scenario(name).is_none_or(|s| s.refused.is_some()) {
        let text = format!("`{name}` is not a scenario that can be contracted");
        faults.push(Reason::new("/scenario", "scenario_unknown", text));
    }
    if contract.threshold.is_some_and(|t| !(350..=950).contains(&t)) {
        faults.push(Reason::new("/threshold", "out_of_range", "between 350 and 950"));
    }
    faults
}

/// The terms as they stand from now on.
fn stands_from_now(
    work: &Work<'_>,
    partner: &Partner,
    name: &str,
    contract: &Contract,
) -> Result<Contract, Problem> {
    let mut faults = contract_faults(work, name, contract);
    faults.extend(too_fresh(work, partner, name, contract));
    match faults.is_empty() {
        true => Ok(Contract { since: Some(work.now), ..contract.clone() }),
        false => Err(Problem::invalid(faults)),
    }
}

/// A threshold that changes often would be a request's own: it stands for a while.
fn too_fresh(work: &Work<'_>, partner: &Partner, name: &str, new: &Contract) -> Option<Reason> {
    let old = partner.scenarios.get(name)?;
    let days = work.engine.rules.probing().contract_days_min;
    let until = old.since.unwrap_or(partner.created).plus_days(days);
    let changes = old.threshold != new.threshold && work.now < until;
    let text = format!("a contracted threshold stands for {days} days, this one until {until}");
    changes.then(|| Reason::new("/threshold", "contract_too_fresh", text))
}

fn key_fault(work: &Work<'_>, key: &PublicKey) -> Option<Reason> {
    if work.engine.environment != Environment::Sandbox && is_published(&key.thumbprint()) {
        let text = "the sandbox publishes the private half of this key: make one of your own";
        return Some(Reason::new("/key", "test_key", text));
    }
    // A thumbprint belongs to one partner (decisions.md 21).
    let taken = work.registry.keys.contains_key(&key.thumbprint());
    taken.then(|| Reason::new("/key", "key_taken", "this key is registered already: make another"))
}

impl Command for AddPartner {
    fn admission(&self) -> &Admission {
        &self.admission
    }

    fn needs(&self, needs: &mut Needs) {
        needs_of_admission(&self.admission, needs);
    }

    fn execute(&self, work: &mut Work<'_>) -> Result<Answer, Fault> {
        authority::permit_staff(work, &self.admission, Action::Administer)?;
        let faults = self.faults(work);
        if !faults.is_empty() {
            return Err(Problem::invalid(faults).into());
        }
        let partner = Partner {
            id: id::mint(&work.engine.env, "par"),
            name: self.name.clone(),
            kind: Kind::Institution,
            country: match self.country.as_str() {
                "" => work.engine.home.clone(),
                country => country.to_string(),
            },
            export_basis: None,
            sector: self.sector.clone(),
            roles: self.roles.iter().copied().collect(),
            scenarios: self.scenarios.iter().cloned().collect(),
            quota: Quota::default(),
            delivery: None,
            suspended: false,
            resumed: None,
            created: work.now,
        };
        let keyid = self.key.thumbprint();
        let (actor, _) = authority::actor(work, &self.admission);
        let draft = Draft::new("partner_added", PublicKind::Governance)
            .says("by", actor)
            .says("partner", json!(partner))
            .says("keyid", keyid.clone());
        let recorded = work.append(draft)?;
        let body = json!({
            "partner": partner.id, "name": partner.name, "sector": partner.sector,
            "country": partner.country,
            "roles": partner.roles, "scenarios": partner.scenarios, "keyid": keyid,
            "index": recorded.index,
        });
        let key = PartnerKey { partner: partner.id.clone(), key: self.key.clone(), retired: None };
        work.put_partner(partner);
        work.put_partner_key(&keyid, key);
        Ok(Answer::created(&body, None))
    }
}

/// What changes about a partner.
pub enum Change {
    /// Refuse it everything.
    Suspend,
    /// Take it back.
    Resume,
    /// A further key; several hold at once, for rotation.
    AddKey(PublicKey),
    /// A key must no longer be used.
    RetireKey(String),
    /// A scenario is contracted, or its terms change.
    Contract(String, Contract),
    /// How much it may ask from now on.
    Quota(Quota),
    /// By when its lines are due from now on: day of the next month, and minutes after its
    /// midnight; `None` for no agreed window.
    Delivery(Option<(u8, Option<u16>)>),
    /// Answers about persons elsewhere may leave for it, on this basis (PIPL 38).
    ExportBasis(ExportBasis),
}

fn export_faults(work: &Work<'_>, basis: &ExportBasis) -> Vec<Reason> {
    let mut faults = Vec::new();
    if !EXPORT_KINDS.contains(&basis.kind.as_str()) {
        let text = format!("one of {}", EXPORT_KINDS.join(", "));
        faults.push(Reason::new("/kind", "unknown_value", text));
    }
    if !(1..=100).contains(&basis.reference.trim().chars().count()) {
        faults.push(Reason::new("/ref", "required", "1 to 100 characters"));
    }
    if basis.expires <= work.now {
        faults.push(Reason::new("/until", "dates_out_of_order", "it lies in the future"));
    }
    faults
}

fn delivery(
    work: &Work<'_>,
    window: Option<(u8, Option<u16>)>,
) -> Result<Option<Delivery>, Problem> {
    let Some((due_day, cutoff_minutes)) = window else { return Ok(None) };
    let cadence = Cadence::Monthly;
    let delivery = Delivery { cadence, due_day, cutoff_minutes, since: work.now };
    match delivery.is_possible() {
        true => Ok(Some(delivery)),
        false => {
            let text = "a day from 1 to 28, and a minute of it";
            Err(Problem::invalid(vec![Reason::new("/due_day", "out_of_range", text)]))
        }
    }
}

/// Changes a partner.
pub struct ChangePartner {
    /// Which member of staff, and why.
    pub admission: Admission,
    /// Id or name.
    pub partner: String,
    /// What changes.
    pub change: Change,
}

fn add_key(
    work: &mut Work<'_>,
    partner: &Partner,
    key: &PublicKey,
    draft: impl Fn(&'static str) -> Draft,
    body: &mut Value,
) -> Result<(), Fault> {
    if let Some(fault) = key_fault(work, key) {
        return Err(Problem::invalid(vec![fault]).into());
    }
    let keyid = key.thumbprint();
    let entry = draft("partner_key_added").says("keyid", keyid.clone());
    body["index"] = json!(work.append(entry)?.index);
    body["keyid"] = json!(keyid);
    let key = PartnerKey { partner: partner.id.clone(), key: key.clone(), retired: None };
    work.put_partner_key(&keyid, key);
    Ok(())
}

fn retire_key(
    work: &mut Work<'_>,
    partner: &Partner,
    keyid: &str,
    draft: impl Fn(&'static str) -> Draft,
    body: &mut Value,
) -> Result<(), Fault> {
    let mut key = own_key(work, partner, keyid)?;
    let entry = draft("partner_key_retired").says("keyid", keyid);
    body["index"] = json!(work.append(entry)?.index);
    key.retired = Some(work.now);
    work.put_partner_key(keyid, key);
    Ok(())
}

fn own_key(work: &Work<'_>, partner: &Partner, keyid: &str) -> Result<PartnerKey, Problem> {
    let known = work.registry.keys.get(keyid).filter(|key| key.partner == partner.id);
    let none = || Problem::new("key_unknown", "This partner has no such key.");
    known.cloned().ok_or_else(none)
}

impl Command for ChangePartner {
    fn admission(&self) -> &Admission {
        &self.admission
    }

    fn needs(&self, needs: &mut Needs) {
        needs_of_admission(&self.admission, needs);
    }

    fn execute(&self, work: &mut Work<'_>) -> Result<Answer, Fault> {
        authority::permit_staff(work, &self.admission, Action::Administer)?;
        let Some(mut partner) = work.registry.find(&self.partner).cloned() else {
            let text = "There is no such partner. `fivefold partner list` shows them.";
            return Err(Problem::new("partner_not_found", text).into());
        };
        let (actor, _) = authority::actor(work, &self.admission);
        let id = partner.id.clone();
        let draft = |kind| {
            Draft::new(kind, PublicKind::Governance)
                .says("by", actor.clone())
                .says("partner", id.clone())
        };
        let mut body = json!({ "partner": partner.id, "name": partner.name });
        match &self.change {
            Change::Suspend | Change::Resume => {
                let suspend = matches!(self.change, Change::Suspend);
                let kind = if suspend { "partner_suspended" } else { "partner_resumed" };
                let entry = draft(kind).says("reason", self.admission.reason());
                body["index"] = json!(work.append(entry)?.index);
                body["suspended"] = json!(suspend);
                let resumed = if suspend { partner.resumed } else { Some(work.now) };
                work.put_partner(Partner { suspended: suspend, resumed, ..partner });
            }
            Change::Contract(scenario, contract) => {
                let contract = stands_from_now(work, &partner, scenario, contract)?;
                let entry = draft("partner_contract")
                    .says("scenario", scenario.clone())
                    .says("contract", json!(contract));
                body["index"] = json!(work.append(entry)?.index);
                partner.scenarios.insert(scenario.clone(), contract);
                body["scenarios"] = json!(partner.scenarios);
                work.put_partner(partner);
            }
            Change::Quota(quota) => {
                let entry = draft("partner_quota").says("quota", json!(quota));
                body["index"] = json!(work.append(entry)?.index);
                body["quota"] = json!(quota);
                partner.quota = *quota;
                work.put_partner(partner);
            }
            Change::Delivery(window) => {
                let delivery = delivery(work, *window)?;
                let entry = draft("partner_delivery").says("delivery", json!(delivery));
                body["index"] = json!(work.append(entry)?.index);
                body["delivery"] = json!(delivery);
                partner.delivery = delivery;
                work.put_partner(partner);
            }
            Change::ExportBasis(basis) => {
                let faults = export_faults(work, basis);
                if !faults.is_empty() {
                    return Err(Problem::invalid(faults).into());
                }
                let entry = draft("partner_export_basis").says("export_basis", json!(basis));
                body["index"] = json!(work.append(entry)?.index);
                body["export_basis"] = json!(basis);
                partner.export_basis = Some(basis.clone());
                work.put_partner(partner);
            }
            Change::AddKey(key) => add_key(work, &partner, key, draft, &mut body)?,
            Change::RetireKey(keyid) => retire_key(work, &partner, keyid, draft, &mut body)?,
        }
        Ok(Answer::ok(&body, None))
    }
}
