//! From what was read to the facts that policies decide on, and from a refusal to its record.

use serde_json::json;

use super::admission::{Admission, Principal};
use super::command::Fault;
use super::sandbox::is_published;
use super::work::Work;
use crate::consent::{Purpose, Standing};
use crate::error::Problem;
use crate::kernel::Time;
use crate::ledger::body::Draft;
use crate::ledger::leaf::PublicKind;
use crate::partner::staff::OWN_NAMES;
use crate::partner::{Kind, Partner, Role, StaffRole};
use crate::policy::{
    Action, ActorKind, BasisKind, Decision, Environment, Facts, Permit, Refusal, StaffRoles, decide,
};
use crate::subject::rows::{Doubt, FREEZE};
use crate::subject::vault::age_years;

/// The countries of the European Union, whose residents fall under the pack `eu`.
const EU: [&str; 27] = [
    "AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE", "IT",
    "LT", "LU", "LV", "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK",
];

/// The rule pack of a residence (ISO 3166 alpha-2). No pack, no act: policies refuse.
pub fn pack_of(residence: &str) -> Option<&'static str> {
    match residence {
        "CN" => Some("cn"),
        "US" => Some("us"),
        "GB" => Some("uk"),
        other if EU.contains(&other) => Some("eu"),
        _ => None,
    }
}

/// The facts about whoever acts, for an act under the packs of `residence`.
pub fn facts(work: &Work<'_>, admission: &Admission, action: Action, residence: &str) -> Facts {
    let kind = match &admission.principal {
        Principal::Partner(_) => ActorKind::Partner,
        Principal::Person(_) => ActorKind::Person,
        Principal::Operator { .. } => ActorKind::Operator,
        Principal::Applicant(_) => ActorKind::Anyone,
    };
    let mut facts = Facts::by(action, kind, pack_of(residence));
    facts.lives_under = pack_of(residence).map(str::to_string);
    facts.environment = work.engine.environment;
    facts.licensed = work.engine.licensed;
    // Its private half is known to everybody: where persons are real it opens nothing.
    facts.actor.foreign_key =
        work.engine.environment != Environment::Sandbox && is_published(&admission.keyid);
    match &admission.principal {
        Principal::Partner(id) => {
            if let Some(partner) = work.registry.partners.get(id) {
                let has = |role| partner.roles.contains(&role);
                facts.actor.roles.furnisher = has(Role::Furnisher);
                facts.actor.roles.asker = has(Role::Asker);
                facts.actor.roles.enroller = has(Role::Enroller);
                facts.actor.roles.agent = has(Role::Agent);
                facts.actor.roles.registrar = has(Role::Registrar);
                facts.actor.sector = partner.sector.clone();
                facts.actor.suspended = partner.suspended;
                facts.actor.merchant = partner.kind == Kind::SmallMerchant;
                if action == Action::Inquire {
                    add_seat(work, &mut facts, partner, residence);
                }
            }
        }
        Principal::Person(_) | Principal::Applicant(_) => {}
        Principal::Operator { name, reason } => {
            facts.actor.reason_given = !reason.trim().is_empty();
            let roles = staff_roles(work, name);
            facts.actor.staff_known = roles.is_some();
            facts.actor.staff = roles.unwrap_or_default();
        }
    }
    facts
}

/// The roles of a member of staff; `None` for somebody unknown. The program itself has all of
/// them, and so has whoever holds the data directory before anybody is registered; where persons
/// are made up, whoever is not registered has them too.
fn staff_roles(work: &Work<'_>, name: &str) -> Option<StaffRoles> {
    let staff = &work.registry.staff;
    if OWN_NAMES.contains(&name) {
        return Some(StaffRoles::ALL);
    }
    let Some(member) = staff.get(name) else {
        let open = staff.is_empty() || work.engine.environment != Environment::Live;
        return open.then_some(StaffRoles::ALL);
    };
    member.left.is_none().then(|| StaffRoles {
        viewer: member.holds(StaffRole::Viewer),
        analyst: member.holds(StaffRole::Analyst),
        compliance: member.holds(StaffRole::Compliance),
        examiner: member.holds(StaffRole::Examiner),
        administrator: member.holds(StaffRole::Administrator),
    })
}

/// An act of staff on the bureau as a whole, under the home pack.
///
/// # Errors
/// The refusal, recorded.
pub fn permit_staff(
    work: &mut Work<'_>,
    admission: &Admission,
    action: Action,
) -> Result<(), Fault> {
    let home = work.engine.home.clone();
    let facts = facts(work, admission, action, &home);
    permit(work, admission, &facts, PublicKind::Governance, None)?.spend();
    Ok(())
}

/// Adds the law of the place where an asker sits. An answer to one under another pack than the
/// person's is an export; a place without a pack permits nothing.
fn add_seat(work: &Work<'_>, facts: &mut Facts, partner: &Partner, residence: &str) {
    let seat = match partner.country.as_str() {
        "" => work.engine.home.as_str(),
        country => country,
    };
    let pack = pack_of(seat).map_or_else(|| seat.to_lowercase(), str::to_string);
    facts.actor.foreign = !facts.packs.is_empty() && !facts.packs.contains(&pack);
    facts.actor.export_basis =
        partner.export_basis.as_ref().is_some_and(|basis| work.now < basis.expires);
    if pack_of(residence).is_some() {
        facts.packs.insert(pack);
    }
}

/// Adds what is known of the person: who they are to the law, and what stands against a release.
///
/// # Errors
/// The vault does not open.
pub fn add_person(work: &mut Work<'_>, facts: &mut Facts, person: &str) -> Result<(), Fault> {
    use crate::collect::observation::StatusKind;
    let identity = work.identity(person)?;
    facts.person.known = true;
    let residence = work.loaded.persons.get(person).map(|p| p.residence.clone());
    let pack = residence.as_deref().and_then(pack_of).and_then(|id| work.engine.rules.pack(id));
    if let (Some(birth), Some(pack)) = (identity.birth_date, pack) {
        let today = work.now.date_at(pack.utc_offset_hours);
        facts.person.minor = age_years(birth, today) < i32::from(pack.adult_age);
    }
    facts.person.own_key = work
        .loaded
        .person_keys
        .values()
        .any(|key| work.loaded.canonical(&key.person) == person && key.retired_us.is_none());
    facts.person.frozen = work
        .loaded
        .freezes
        .values()
        .any(|f| work.loaded.canonical(&f.person) == person && f.stands(FREEZE, work.now));
    let profile = &work.folded(person)?.profile;
    facts.person.deceased = profile.status_since(StatusKind::Death).is_some();
    facts.person.incapacity = profile.status_since(StatusKind::Incapacity).is_some();
    facts.person.identity_theft = profile.status_since(StatusKind::IdentityTheft).is_some();
    Ok(())
}

/// Adds what a consent says about this use; `None` when it is not this partner's to know of.
pub fn add_consent(
    facts: &mut Facts,
    standing: Option<&Standing>,
    partner: &str,
    person: &str,
    purpose: Purpose,
    scenario: Option<&str>,
    now: Time,
) {
    facts.basis.kind = BasisKind::Consent;
    let Some(standing) = standing else { return };
    let used = standing.for_use(partner, person, purpose, scenario, now);
    let basis = &mut facts.basis;
    // Another partner's consent is not found, rather than somebody else's (decisions.md 20).
    basis.found = used.recipient_matches;
    basis.recipient_matches = used.recipient_matches;
    basis.subject_matches = used.subject_matches;
    basis.purpose_matches = used.purpose_matches;
    basis.scenario_matches = used.scenario_matches || scenario.is_none();
    basis.not_yet_valid = used.not_yet_valid;
    basis.expired = used.expired;
    basis.revoked = used.revoked;
    basis.used_up = used.used_up;
    basis.too_often = used.too_often;
}

/// Who is named in a record: partners by id and sector, persons and staff by kind only.
pub fn actor(work: &Work<'_>, admission: &Admission) -> (String, String) {
    match &admission.principal {
        Principal::Partner(id) => {
            let sector = work.registry.partners.get(id).map(|p| p.sector.clone());
            (id.clone(), sector.unwrap_or_default())
        }
        Principal::Person(_) => ("person".to_string(), String::new()),
        Principal::Operator { name, .. } => (format!("staff:{name}"), String::new()),
        Principal::Applicant(_) => ("applicant".to_string(), String::new()),
    }
}

/// Decides. A refusal is recorded like an answer, and comes back as a problem.
///
/// # Errors
/// The refusal, recorded; or the database's.
pub fn permit(
    work: &mut Work<'_>,
    admission: &Admission,
    facts: &Facts,
    public: PublicKind,
    person: Option<&str>,
) -> Result<Permit, Fault> {
    match decide(&work.engine.rules, facts) {
        Decision::Permit(permit) => Ok(permit),
        Decision::Refusal(refusal) => {
            Err(refused(work, admission, &refusal, facts, public, person)?)
        }
    }
}

fn refused(
    work: &mut Work<'_>,
    admission: &Admission,
    refusal: &Refusal,
    facts: &Facts,
    public: PublicKind,
    person: Option<&str>,
) -> Result<Fault, Fault> {
    let outward = refusal.outward(&work.engine.rules);
    let (name, sector) = actor(work, admission);
    let mut draft = Draft::new("refused", public)
        .says("act", facts.action.name())
        .says("actor", name)
        .says("sector", sector)
        .says("code", outward.code.clone())
        .says("policies", outward.policies.clone())
        .counts("codes", refusal.codes())
        .counts("policies", refusal.policies());
    // What usage is counted by.
    if let Some(scenario) = &facts.scenario {
        draft = draft.counts("scenario", scenario.clone());
    }
    if let Some(person) = person {
        draft = draft.about(person).holds(json!({ "person": person }));
    }
    let recorded = work.append(draft)?;
    let text = work.engine.rules.explain(refusal);
    let mut problem = Problem::new(&outward.code, text).with_policies(outward.policies);
    problem.index = Some(recorded.index);
    Ok(Fault::Problem(Box::new(problem), person.map(str::to_string)))
}

/// The person for whom an act is done: by the person, or by an agent under a mandate that names
/// it.
///
/// # Errors
/// No such subject of this actor's, or the refusal, recorded.
pub fn for_person(
    work: &mut Work<'_>,
    admission: &Admission,
    subject: &str,
    action: Action,
) -> Result<String, Fault> {
    for_item(work, admission, subject, action, true)
}

/// The same for an act on something of the person's that was found, or was not.
///
/// # Errors
/// As [`for_person`].
pub fn for_item(
    work: &mut Work<'_>,
    admission: &Admission,
    subject: &str,
    action: Action,
    found: bool,
) -> Result<String, Fault> {
    let (person, doubt) = whom(work, admission, subject)?;
    let residence = super::command::consent::residence(work, &person);
    let mut facts = facts(work, admission, action, &residence);
    add_person(work, &mut facts, &person)?;
    add_standing(work, &mut facts, admission, &person, action.name());
    add_doubt(&mut facts, doubt);
    facts.item.found = found;
    facts.item.own = found;
    permit(work, admission, &facts, PublicKind::Right, Some(&person))?.spend();
    if matches!(action, Action::Freeze | Action::Unfreeze | Action::Dispute) {
        work.engine.kept.guard(&person)?;
    }
    Ok(person)
}

/// The subject id that the request names, as this actor may use it: a partner its own pairwise id,
/// a person `me`. Gives the person and why it is not certain, if it is not.
///
/// # Errors
/// `subject_not_found`, in the same words whether or not somebody else knows it.
pub fn whom(
    work: &Work<'_>,
    admission: &Admission,
    subject: &str,
) -> Result<(String, Option<Doubt>), Problem> {
    match &admission.principal {
        Principal::Person(person) if subject == "me" => {
            Ok((work.loaded.canonical(person).to_string(), None))
        }
        Principal::Partner(partner) => {
            let row = work.loaded.pairwise.get(subject).filter(|row| row.partner == *partner);
            row.map(|row| (work.loaded.canonical(&row.person).to_string(), row.doubt()))
                .ok_or_else(subject_not_found)
        }
        Principal::Operator { .. } => {
            let row = work.loaded.pairwise.get(subject).map(|row| row.person.as_str());
            let id = row.or_else(|| work.loaded.persons.get(subject).map(|p| p.id.as_str()));
            id.map(|id| work.loaded.canonical(id).to_string())
                .filter(|id| !super::command::consent::is_forgotten(work, id))
                .map(|id| (id, None))
                .ok_or_else(subject_not_found)
        }
        Principal::Person(_) | Principal::Applicant(_) => Err(subject_not_found()),
    }
}

/// Adds why it is not certain who is meant.
pub fn add_doubt(facts: &mut Facts, doubt: Option<Doubt>) {
    facts.person.mismatch = doubt == Some(Doubt::Mismatch);
    facts.person.ambiguous = doubt == Some(Doubt::Ambiguous);
}

fn subject_not_found() -> Problem {
    Problem::new(
        "subject_not_found",
        "There is no such subject of yours. Use the id that POST /v1/subjects gave you; a person \
         with a key of their own uses `me`.",
    )
}

/// Adds whether this actor may act for the person: it is them, or a mandate of theirs names the
/// act.
pub fn add_standing(
    work: &Work<'_>,
    facts: &mut Facts,
    admission: &Admission,
    person: &str,
    act: &str,
) {
    match &admission.principal {
        Principal::Person(id) => facts.actor.is_the_person = work.loaded.canonical(id) == person,
        Principal::Partner(partner) => {
            let now = work.now.micros();
            facts.actor.mandate_covers_act = work.loaded.mandates.values().any(|mandate| {
                work.loaded.canonical(&mandate.person) == person
                    && mandate.agent == *partner
                    && mandate.revoked_us.is_none()
                    && now < mandate.expires_us
                    && serde_json::from_str::<Vec<String>>(&mandate.acts)
                        .is_ok_and(|acts| acts.iter().any(|a| a == act))
            });
        }
        Principal::Operator { .. } | Principal::Applicant(_) => {}
    }
}
