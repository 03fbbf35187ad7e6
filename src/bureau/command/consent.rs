//! Consents: given, read, revoked.

use serde_json::json;

use super::{Answer, Command, Fault, needs_of_admission};
use crate::bureau::admission::{Admission, Principal};
use crate::bureau::authority;
use crate::bureau::matter::Told;
use crate::bureau::needs::Needs;
use crate::bureau::work::{Work, artefact_place};
use crate::collect::observation::Dimension;
use crate::collect::read::TYPES;
use crate::consent::artefact::Method;
use crate::consent::rows::{self as consent_rows, ConsentRow};
use crate::consent::statement::statement;
use crate::consent::{Artefact, Fetch, Purpose};
use crate::error::{Problem, Reason};
use crate::kernel::bytes::{Digest, from_base64, sha256};
use crate::kernel::id;
use crate::ledger::body::{Draft, person_key_name};
use crate::ledger::leaf::PublicKind;
use crate::partner::signature::PublicKey;
use crate::policy::{Action, Facts, Person};
use crate::store::StoreError;

/// `POST /v1/consents`.
pub struct GiveConsent {
    /// Who sends it.
    pub admission: Admission,
    /// What was given.
    pub artefact: Artefact,
}

impl GiveConsent {
    /// What makes a person's signature good for one consent only.
    fn statement_digest(&self) -> Option<Digest> {
        let signed = self.artefact.evidence.method == Method::PersonSigned;
        signed.then(|| sha256(statement(&self.artefact).as_bytes()))
    }

    /// Whether the person's signature was used before, for a consent revoked or spent since.
    fn seen_before(&self, work: &mut Work<'_>, person: &str) -> Result<bool, Fault> {
        let Some(digest) = self.statement_digest() else { return Ok(false) };
        let known = |row: &ConsentRow| row.statement.as_deref() == Some(digest.as_slice());
        if work.loaded.consents.values().any(known) {
            return Ok(true);
        }
        Ok(consent_rows::by_person(work.conn, &[person])?.iter().any(known))
    }

    fn faults(&self, work: &Work<'_>) -> Vec<Reason> {
        let dimensions: Vec<&str> = Dimension::ALL.iter().map(|d| d.name()).collect();
        let rules = &work.engine.rules;
        let scenarios: Vec<&str> = rules.scenarios().map(|s| s.name.as_str()).collect();
        self.artefact.faults(work.now, &scenarios, &dimensions, &TYPES)
    }

    fn grant(&self, facts: &mut Facts, work: &Work<'_>, evidence_valid: bool) {
        let artefact = &self.artefact;
        let terms = artefact
            .scenario
            .as_deref()
            .and_then(|name| work.engine.rules.terms(name, facts.packs.iter().map(String::as_str)));
        let hours_max = terms.and_then(|t| t.consent_hours_max).map(i64::from);
        let hours = (artefact.expires_at.seconds() - artefact.valid_from.seconds()) / 3600;
        facts.scenario.clone_from(&artefact.scenario);
        let grant = &mut facts.grant;
        grant.recipient_named = work.registry.partners.contains_key(&artefact.recipient);
        grant.notice_shown = !artefact.notice.version.is_empty();
        grant.evidence_valid = evidence_valid;
        grant.within_validity = hours_max.is_none_or(|max| hours <= max);
        grant.onetime = artefact.fetch == Fetch::Onetime;
        grant.restricted = artefact.purpose == Purpose::Restricted;
        grant.one_category = artefact.categories.len() == 1;
        grant.warning_shown = !artefact.warnings.is_empty();
    }

    fn evidence_valid(&self, work: &Work<'_>, person: &str) -> bool {
        let evidence = &self.artefact.evidence;
        match evidence.method {
            Method::PartnerAttested => matches!(
                &self.admission.principal,
                Principal::Partner(partner) if *partner == self.artefact.recipient
            ),
            Method::PersonSigned => {
                let key = evidence
                    .public_key
                    .as_ref()
                    .and_then(|thumbprint| work.loaded.person_keys.get(thumbprint))
                    .filter(|row| row.retired_us.is_none())
                    .filter(|row| work.loaded.canonical(&row.person) == person)
                    .and_then(|row| PublicKey::from_json(&row.jwk).ok());
                let signature = evidence.signature.as_deref().and_then(from_base64);
                let text = statement(&self.artefact);
                key.zip(signature).is_some_and(|(key, sig)| key.verify(text.as_bytes(), &sig))
            }
        }
    }

    fn row(
        &self,
        work: &mut Work<'_>,
        consent: &str,
        person: &str,
        index: u64,
    ) -> Result<ConsentRow, Fault> {
        let text = serde_json::to_vec(&self.artefact)
            .map_err(|e| StoreError::inconsistent(e.to_string()))?;
        let key = work.key(&person_key_name(person))?;
        let sealed = key.seal(&work.engine.env, artefact_place(consent, index), &text);
        Ok(ConsentRow {
            id: consent.to_string(),
            person: person.to_string(),
            subject: self.artefact.subject.clone(),
            recipient: self.artefact.recipient.clone(),
            purpose: self.artefact.purpose.name().to_string(),
            scenario: self.artefact.scenario.clone(),
            fetch: self.artefact.fetch.name().to_string(),
            categories: self.artefact.categories.join(","),
            dimensions: self.artefact.dimensions.join(","),
            valid_from_us: self.artefact.valid_from.micros(),
            expires_us: self.artefact.expires_at.micros(),
            revoked_us: None,
            revoked_idx: None,
            used_us: None,
            data_life_days: self.artefact.data_life.map(i64::from),
            frequency: self.artefact.frequency.map(i64::from),
            uses: 0,
            narrowed: self.artefact.is_narrowed(),
            statement: self.statement_digest().map(|digest| digest.to_vec()),
            artefact: sealed,
            idx: index as i64,
        })
    }
}

impl Command for GiveConsent {
    fn admission(&self) -> &Admission {
        &self.admission
    }

    fn needs(&self, needs: &mut Needs) {
        needs_of_admission(&self.admission, needs);
        needs.subjects.insert(self.artefact.subject.clone());
        needs.person_keys.extend(self.artefact.evidence.public_key.clone());
        needs.whole_persons = true;
        needs.profiled = true;
    }

    fn execute(&self, work: &mut Work<'_>) -> Result<Answer, Fault> {
        let faults = self.faults(work);
        if !faults.is_empty() {
            return Err(Problem::invalid(faults).into());
        }
        let (person, doubt) = authority::whom(work, &self.admission, &self.artefact.subject)?;
        let residence = residence(work, &person);
        let mut facts = authority::facts(work, &self.admission, Action::GiveConsent, &residence);
        authority::add_person(work, &mut facts, &person)?;
        authority::add_standing(work, &mut facts, &self.admission, &person, "give_consent");
        // Whether the person matches, or is of age, is decided when the consent is used: at giving
        // it a partner would learn who is on file.
        match &self.admission.principal {
            Principal::Partner(_) => facts.person = Person { known: true, ..Person::default() },
            _ => authority::add_doubt(&mut facts, doubt),
        }
        let valid = self.evidence_valid(work, &person);
        self.grant(&mut facts, work, valid);
        let about = Some(person.as_str());
        let permit = authority::permit(work, &self.admission, &facts, PublicKind::Consent, about)?;
        permit.spend();
        if self.seen_before(work, &person)? {
            let text = "This signature stands for a consent already on record. Ask the person for \
                        a new one.";
            return Err(Problem::new("consent_exists", text).into());
        }
        let consent = id::mint(&work.engine.env, "con");
        let artefact = &self.artefact;
        let (holder, sector) = authority::actor(work, &self.admission);
        let method = match artefact.evidence.method {
            Method::PersonSigned => "person_signed",
            Method::PartnerAttested => "partner_attested",
        };
        let draft = Draft::new("consent_given", PublicKind::Consent)
            .about(&person)
            .says("holder", holder)
            .says("sector", sector)
            .says("recipient", artefact.recipient.clone())
            .says("purpose", artefact.purpose.name())
            .says("scenario", json!(artefact.scenario))
            .says("fetch", artefact.fetch.name())
            .says("frequency", json!(artefact.frequency))
            .says("categories", artefact.categories.clone())
            .says("dimensions", artefact.dimensions.clone())
            .says("method", method)
            .says("valid_from", artefact.valid_from.to_string())
            .says("expires_at", artefact.expires_at.to_string())
            .says("notice_version", artefact.notice.version.clone())
            .says("synthetic", artefact.synthetic)
            .holds(json!({ "person": person, "consent": consent, "artefact": artefact }));
        let recorded = work.append(draft)?;
        let row = self.row(work, &consent, &person, recorded.index)?;
        let state = row.standing()?.state(work.now);
        work.put_consent(row);
        let body = json!({ "consent": consent, "state": state, "log": recorded.receipt() });
        Ok(Answer::created(&body, Some(&person)))
    }
}

/// The residence of a loaded person; empty when there is none, and then no pack applies.
pub fn residence(work: &Work<'_>, person: &str) -> String {
    work.loaded.persons.get(person).map(|p| p.residence.clone()).unwrap_or_default()
}

/// A loaded consent as it was given.
///
/// # Errors
/// It is not loaded, or does not open.
pub(super) fn artefact(work: &mut Work<'_>, consent: &str) -> Result<Artefact, StoreError> {
    let row = work.loaded.consents.get(consent).cloned();
    let row = row.ok_or_else(|| StoreError::inconsistent("a consent that is not loaded"))?;
    let key = work.key(&person_key_name(&row.person))?;
    let text = key
        .open(artefact_place(&row.id, row.idx as u64), &row.artefact)
        .map_err(|e| StoreError::inconsistent(e.to_string()))?;
    serde_json::from_slice(&text).map_err(|e| StoreError::inconsistent(e.to_string()))
}

/// Whether nothing is left of a person but evidence.
pub fn is_forgotten(work: &Work<'_>, person: &str) -> bool {
    work.loaded.persons.get(person).is_some_and(|row| row.erased_us.is_some())
}

/// `GET /v1/consents/{id}`.
pub struct ReadConsent {
    /// Who reads it.
    pub admission: Admission,
    /// Which.
    pub consent: String,
}

/// `POST /v1/consents/{id}/revoke`.
pub struct RevokeConsent {
    /// Who takes it back.
    pub admission: Admission,
    /// Which.
    pub consent: String,
}

fn not_found() -> Problem {
    let text = "There is no such consent that you may see. Check its id.";
    Problem::new("consent_not_found", text)
}

/// The consent, if this actor may know of it: its recipient, its person, or an agent of theirs.
fn known(work: &Work<'_>, admission: &Admission, consent: &str) -> Result<ConsentRow, Problem> {
    let row = work.loaded.consents.get(consent).ok_or_else(not_found)?;
    if is_forgotten(work, &row.person) {
        return Err(not_found());
    }
    let person = work.loaded.canonical(&row.person);
    let mine = match &admission.principal {
        Principal::Partner(id) => {
            let agent = |m: &crate::subject::rows::MandateRow| {
                m.agent == *id
                    && m.revoked_us.is_none()
                    && work.loaded.canonical(&m.person) == person
            };
            row.recipient == *id || work.loaded.mandates.values().any(agent)
        }
        Principal::Person(id) => work.loaded.canonical(id) == person,
        Principal::Operator { .. } => true,
        Principal::Applicant(_) => false,
    };
    if mine { Ok(row.clone()) } else { Err(not_found()) }
}

fn item_facts(
    work: &mut Work<'_>,
    admission: &Admission,
    action: Action,
    row: &ConsentRow,
) -> Result<(Facts, String), Fault> {
    let person = work.loaded.canonical(&row.person).to_string();
    let residence = residence(work, &person);
    let mut facts = authority::facts(work, admission, action, &residence);
    authority::add_person(work, &mut facts, &person)?;
    authority::add_standing(work, &mut facts, admission, &person, action.name());
    facts.item.found = true;
    // An agent's standing is its mandate, and the policies ask whether that names the act.
    facts.item.own = match &admission.principal {
        Principal::Partner(id) => row.recipient == *id,
        Principal::Person(_) | Principal::Operator { .. } => true,
        Principal::Applicant(_) => false,
    };
    Ok((facts, person))
}

impl Command for ReadConsent {
    fn admission(&self) -> &Admission {
        &self.admission
    }

    fn needs(&self, needs: &mut Needs) {
        needs_of_admission(&self.admission, needs);
        needs.consents.insert(self.consent.clone());
        needs.whole_persons = true;
        needs.profiled = true;
    }

    fn execute(&self, work: &mut Work<'_>) -> Result<Answer, Fault> {
        let row = known(work, &self.admission, &self.consent)?;
        let (facts, person) = item_facts(work, &self.admission, Action::ReadConsent, &row)?;
        let about = Some(person.as_str());
        let permit = authority::permit(work, &self.admission, &facts, PublicKind::Consent, about)?;
        permit.spend();
        let artefact = artefact(work, &row.id)?;
        let standing = row.standing()?;
        let body = json!({
            "consent": row.id, "state": standing.state(work.now), "artefact": artefact,
            "revoked_at": standing.revoked, "used_at": standing.used, "index": row.idx,
        });
        Ok(Answer::ok(&body, Some(&person)))
    }
}

impl Command for RevokeConsent {
    fn admission(&self) -> &Admission {
        &self.admission
    }

    fn needs(&self, needs: &mut Needs) {
        needs_of_admission(&self.admission, needs);
        needs.consents.insert(self.consent.clone());
        needs.whole_persons = true;
        needs.profiled = true;
    }

    fn execute(&self, work: &mut Work<'_>) -> Result<Answer, Fault> {
        let mut row = known(work, &self.admission, &self.consent)?;
        let (facts, person) = item_facts(work, &self.admission, Action::RevokeConsent, &row)?;
        let about = Some(person.as_str());
        let permit = authority::permit(work, &self.admission, &facts, PublicKind::Consent, about)?;
        permit.spend();
        work.engine.kept.guard_consent(&person, &row.recipient)?;
        if row.revoked_us.is_some() {
            let body = json!({ "consent": row.id, "state": "revoked" });
            return Ok(Answer::ok(&body, Some(&person)));
        }
        // Whoever acts on it hears that it ended, unless they ended it themselves.
        let about = json!({
            "consent": row.id, "subject": row.subject, "purpose": row.purpose,
            "scenario": row.scenario,
        });
        let told = match self.admission.principal.key() == row.recipient {
            true => Vec::new(),
            false => vec![Told::new(&row.recipient, "consent_revoked", about)],
        };
        let (actor, _) = authority::actor(work, &self.admission);
        let draft = Draft::new("consent_revoked", PublicKind::Consent)
            .about(&person)
            .says("by", actor)
            .says("recipient", row.recipient.clone())
            .says("purpose", row.purpose.clone())
            .says("tells", told.len())
            .holds(json!({ "person": person, "consent": row.id }));
        let recorded = work.append(draft)?;
        work.tell(told, Some(&person), recorded.index)?;
        row.revoked_us = Some(work.now.micros());
        row.revoked_idx = Some(recorded.index as i64);
        let furnished = row.purpose != "inquire";
        work.put_consent(row.clone());
        if furnished {
            // What was sent under it is stored and no longer used (PIPL 47): fold without it.
            super::refold::refold(work, &person)?;
        }
        let body = json!({ "consent": row.id, "state": "revoked", "log": recorded.receipt() });
        Ok(Answer::ok(&body, Some(&person)))
    }
}
