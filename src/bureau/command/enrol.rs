//! Enrolment: a real-name identity in, this partner's own opaque id of the person out.

use jiff::civil::Date;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Answer, Command, Fault, needs_of_admission};
use crate::bureau::admission::{Admission, Principal};
use crate::bureau::authority::{self, pack_of};
use crate::bureau::needs::Needs;
use crate::bureau::work::Work;
use crate::error::{Problem, Reason};
use crate::kernel::Time;
use crate::kernel::bytes::{digest_from_hex, from_base64};
use crate::kernel::id;
use crate::ledger::body::{Draft, person_key_name};
use crate::ledger::leaf::PublicKind;
use crate::partner::Role;
use crate::partner::signature::PublicKey;
use crate::policy::Action;
use crate::subject::document::{Document, parse_document};
use crate::subject::level;
use crate::subject::name;
use crate::subject::rows::{Doubt, LookupRow, MandateRow, PairwiseRow, PersonKeyRow, PersonRow};
use crate::subject::vault::Verified;
use crate::subject::{Identity, Lookup};

/// Years after which a verification no longer counts.
pub const VERIFICATION_YEARS: u8 = 5;
/// The identity level that a registrar's own evidence must reach.
const KEY_LEVEL_MIN: u8 = 2;
/// Documents of one enrolment at most.
const DOCUMENTS_MAX: usize = 8;
/// Verifications of one enrolment at most.
const VERIFICATIONS_MAX: usize = 32;

/// One document as sent.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DocumentSent {
    /// `resident_id`, `passport` or `national_id`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The number.
    pub number: String,
    /// The issuing country, where the type needs one.
    pub country: Option<String>,
}

/// A key to be bound to the person.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct KeySent {
    /// The public key.
    pub jwk: Value,
    /// Signature with that key over `fivefold-person-key/v1\n<partner id>\n<thumbprint>\n`, base64:
    /// the person holds it, and means this partner.
    pub proof: String,
}

/// A mandate for the enrolling agent.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MandateSent {
    /// The acts: `see_file`, `freeze`, `unfreeze`, `dispute`, `erase`, …
    pub acts: Vec<String>,
    /// Until when.
    pub expires_at: Time,
    /// SHA-256 of the signed mandate, hexadecimal: the agent must be able to produce it.
    pub evidence_digest: String,
    /// Signature by the person's own key over [`mandate_text`], base64: required where the person
    /// has one.
    #[serde(default)]
    pub signature: Option<String>,
}

/// `POST /v1/subjects`.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Enrolment {
    /// The real name.
    pub name: String,
    /// Where the person lives, ISO 3166 alpha-2.
    pub residence: String,
    /// At least one document.
    pub documents: Vec<DocumentSent>,
    /// Date of birth; must agree with the document that holds one.
    #[schema(value_type = Option<String>, format = Date)]
    pub birth_date: Option<Date>,
    /// Phone number; a contact, not a key.
    pub phone: Option<String>,
    /// What was checked, how, by whom, when.
    #[serde(default)]
    pub verifications: Vec<Verified>,
    /// The person's own key.
    pub person_key: Option<KeySent>,
    /// A mandate for this partner, when it is an agent.
    pub mandate: Option<MandateSent>,
    /// Made up for a demonstration or a test.
    #[serde(default)]
    pub synthetic: bool,
}

/// An enrolment whose fields were all found right.
pub struct Enrol {
    admission: Admission,
    sent: Enrolment,
    lookups: Vec<(Document, Lookup)>,
    phone: Option<String>,
    birth_date: Option<Date>,
    key: Option<PublicKey>,
}

/// The text that a person signs to bind a key.
pub fn key_proof_text(partner: &str, thumbprint: &str) -> String {
    format!("fivefold-person-key/v1\n{partner}\n{thumbprint}\n")
}

/// The acts that a mandate can name.
const MANDATE_ACTS: [&str; 13] = [
    "see_file",
    "give_consent",
    "read_consent",
    "revoke_consent",
    "freeze",
    "unfreeze",
    "dispute",
    "read_dispute",
    "add_statement",
    "ask_review",
    "complain",
    "read_notice",
    "erase",
];
/// Days for which a mandate runs at most.
const MANDATE_DAYS_MAX: i64 = 2 * 366;

/// The text that a person signs to give a mandate.
pub fn mandate_text(agent: &str, mandate: &MandateSent) -> String {
    let acts = mandate.acts.join(",");
    format!("fivefold-mandate/v1\n{agent}\n{acts}\n{}\n", mandate.expires_at)
}

fn mandate_faults(mandate: &MandateSent, today: Date, errors: &mut Vec<Reason>) {
    for (i, act) in mandate.acts.iter().enumerate() {
        if !MANDATE_ACTS.contains(&act.as_str()) {
            let text = format!("one of {}", MANDATE_ACTS.join(", "));
            errors.push(Reason::new(format!("/mandate/acts/{i}"), "unknown_value", text));
        }
    }
    if mandate.acts.is_empty() {
        errors.push(Reason::new("/mandate/acts", "missing_field", "a mandate names its acts"));
    }
    if digest_from_hex(&mandate.evidence_digest).is_none() {
        let text = "give SHA-256 of the signed mandate as 64 hexadecimal digits";
        errors.push(Reason::new("/mandate/evidence_digest", "not_a_digest", text));
    }
    let days = mandate.expires_at.seconds().div_euclid(86_400);
    let now = Time::from_micros(0).date_at(0);
    let today = today.since(now).map_or(0, |span| i64::from(span.get_days()));
    if !(today..=today + MANDATE_DAYS_MAX).contains(&days) {
        let text = "a mandate ends in the future, within two years";
        errors.push(Reason::new("/mandate/expires_at", "term_too_long", text));
    }
}

impl Enrol {
    /// Checks everything that can be checked without the database.
    ///
    /// # Errors
    /// Every reason at once.
    pub fn read(
        admission: Admission,
        sent: Enrolment,
        index_key: &ring::hmac::Key,
        today: Date,
    ) -> Result<Enrol, Problem> {
        let mut errors = Vec::new();
        if !name::is_plausible(&sent.name) {
            errors.push(Reason::new(
                "/name",
                "name_implausible",
                "give the name as on the document",
            ));
        }
        if sent.residence.len() != 2 || pack_of(&sent.residence).is_none() {
            let text = "give a country (ISO 3166 alpha-2) that a rule pack covers";
            errors.push(Reason::new("/residence", "residence_unknown", text));
        }
        let lookups = read_documents(&sent, index_key, today, &mut errors);
        let phone = sent.phone.as_deref().and_then(|number| {
            match parse_document("phone", number, Some(&sent.residence), None, today) {
                Ok(document) => Some(document.canonical()),
                Err(e) => {
                    errors.push(Reason::new("/phone", e.code(), e.to_string()));
                    None
                }
            }
        });
        for (i, check) in sent.verifications.iter().enumerate() {
            let at = |field: &str| format!("/verifications/{i}/{field}");
            if !level::counts(&check.channel) && check.channel != "questionnaire" {
                errors.push(Reason::new(at("channel"), "unknown_value", "not a known channel"));
            }
            if check.verified > today {
                errors.push(Reason::new(at("verified"), "date_in_future", "checked in the future"));
            }
        }
        if let Some(mandate) = &sent.mandate {
            mandate_faults(mandate, today, &mut errors);
        }
        let key = read_key(&admission, &sent, &mut errors);
        if sent.verifications.len() > VERIFICATIONS_MAX {
            errors.push(Reason::new("/verifications", "too_many", "32 at most"));
        }
        let birth_date =
            sent.birth_date.or_else(|| lookups.iter().find_map(|(d, _)| d.birth_date()));
        if birth_date.is_some_and(|b| b > today) {
            errors.push(Reason::new("/birth_date", "date_in_future", "born in the future"));
        }
        if errors.is_empty() {
            Ok(Enrol { admission, sent, lookups, phone, birth_date, key })
        } else {
            Err(Problem::invalid(errors))
        }
    }

    /// The person that the documents lead to, and whether that is certain.
    fn resolve(&self, work: &Work<'_>) -> Resolution {
        let mut found: Vec<(String, bool)> = Vec::new();
        for (_, lookup) in &self.lookups {
            if let Some(row) = work.loaded.lookups.get(lookup.document.as_slice()) {
                let person = work.loaded.canonical(&row.person).to_string();
                found.push((person, row.name_hmac == lookup.with_name));
            }
        }
        let Some((first, _)) = found.first().cloned() else { return Resolution::New };
        // Several candidates are never guessed between (data-model.md).
        let one = found.iter().all(|(person, _)| *person == first);
        let named = found.iter().all(|(_, matches)| *matches);
        match (one, named) {
            (true, true) => Resolution::Known(first),
            (true, false) => Resolution::Doubtful(first, Doubt::Mismatch),
            (false, _) => Resolution::Doubtful(first, Doubt::Ambiguous),
        }
    }

    fn partner(&self) -> String {
        self.admission.principal.key()
    }

    fn own_level(&self, today: Date) -> u8 {
        let checks = self.sent.verifications.iter();
        let checks = checks.map(|v| (v.channel.as_str(), v.source.as_str(), v.verified));
        level::level(checks, today, VERIFICATION_YEARS)
    }
}

enum Resolution {
    New,
    Known(String),
    Doubtful(String, Doubt),
}

fn read_documents(
    sent: &Enrolment,
    index_key: &ring::hmac::Key,
    today: Date,
    errors: &mut Vec<Reason>,
) -> Vec<(Document, Lookup)> {
    if sent.documents.is_empty() || sent.documents.len() > DOCUMENTS_MAX {
        let text = "give between one and eight documents";
        errors.push(Reason::new("/documents", "document_count", text));
    }
    let mut lookups = Vec::new();
    for (i, doc) in sent.documents.iter().take(DOCUMENTS_MAX).enumerate() {
        let parsed =
            parse_document(&doc.kind, &doc.number, doc.country.as_deref(), sent.birth_date, today);
        match parsed {
            Ok(document) if document.kind() != "phone" => {
                let lookup = Lookup::of(index_key, &document, &sent.name);
                lookups.push((document, lookup));
            }
            Ok(_) => {
                let text = "a phone number is a contact, not a document";
                errors.push(Reason::new(
                    format!("/documents/{i}/type"),
                    "document_kind_unknown",
                    text,
                ));
            }
            Err(e) => {
                let pointer = match e.field() {
                    "birth_date" => "/birth_date".to_string(),
                    "kind" => format!("/documents/{i}/type"),
                    field => format!("/documents/{i}/{field}"),
                };
                errors.push(Reason::new(pointer, e.code(), e.to_string()));
            }
        }
    }
    lookups
}

fn read_key(
    admission: &Admission,
    sent: &Enrolment,
    errors: &mut Vec<Reason>,
) -> Option<PublicKey> {
    let sent = sent.person_key.as_ref()?;
    let key = match PublicKey::from_jwk(&sent.jwk) {
        Ok(key) => key,
        Err(e) => {
            errors.push(Reason::new("/person_key/jwk", "key_malformed", e.to_string()));
            return None;
        }
    };
    let text = key_proof_text(&admission.principal.key(), &key.thumbprint());
    let proven = from_base64(&sent.proof).is_some_and(|sig| key.verify(text.as_bytes(), &sig));
    if !proven {
        let text = "sign fivefold-person-key/v1, the partner id and the thumbprint with this key";
        errors.push(Reason::new("/person_key/proof", "signature_invalid", text));
    }
    Some(key)
}

impl Command for Enrol {
    fn admission(&self) -> &Admission {
        &self.admission
    }

    fn needs(&self, needs: &mut Needs) {
        needs_of_admission(&self.admission, needs);
        needs.whole_persons = true;
        for (_, lookup) in &self.lookups {
            needs.lookups.insert(lookup.document.to_vec());
        }
    }

    fn execute(&self, work: &mut Work<'_>) -> Result<Answer, Fault> {
        let mut facts =
            authority::facts(work, &self.admission, Action::Enrol, &self.sent.residence);
        facts.record.synthetic = self.sent.synthetic;
        let permit = authority::permit(work, &self.admission, &facts, PublicKind::Subject, None)?;
        permit.spend();
        let level = self.own_level(work.now.date_at(0));
        self.may_bind(work, level)?;
        // Known or new, a key is written: the time of an answer must not tell which.
        let spare = id::mint(&work.engine.env, "spare");
        let (person, doubt) = match self.resolve(work) {
            Resolution::New => {
                let person = id::mint(&work.engine.env, "per");
                work.make_key(person_key_name(&person));
                (person, None)
            }
            Resolution::Known(person) => {
                work.make_key(spare);
                (person, None)
            }
            Resolution::Doubtful(person, doubt) => {
                work.make_key(spare);
                (person, Some(doubt))
            }
        };
        let subject = self.subject(work, &person, doubt, level);
        let (partner, sector) = authority::actor(work, &self.admission);
        let channels: Vec<&str> =
            self.sent.verifications.iter().map(|v| v.channel.as_str()).collect();
        let draft = Draft::new("subject_enrolled", PublicKind::Subject)
            .about(&person)
            .says("partner", partner)
            .says("sector", sector)
            .says("residence", self.sent.residence.clone())
            .says("identity_level", level)
            .says("channels", channels)
            .says("synthetic", self.sent.synthetic)
            .counts("mismatch", doubt.is_some())
            .counts("ambiguous", doubt == Some(Doubt::Ambiguous))
            .holds(json!({
                "person": person, "subject": subject.id,
                "verifications": self.sent.verifications.len(),
            }));
        let index = work.append(draft)?.index;
        if doubt.is_none() {
            self.write_person(work, &person, index)?;
        }
        if doubt.is_none() {
            self.bind(work, &person)?;
        }
        let body = json!({ "subject": subject.id, "identity_level": level });
        Ok(Answer::created(&body, Some(&person)))
    }
}

impl Enrol {
    /// Whoever holds a person's key is the person, so binding one takes a registrar with evidence
    /// of its own; a mandate takes a partner that the bureau made an agent.
    fn may_bind(&self, work: &mut Work<'_>, level: u8) -> Result<(), Fault> {
        if self.key.is_some() {
            let residence = &self.sent.residence;
            let action = Action::BindPersonKey;
            let mut facts = authority::facts(work, &self.admission, action, residence);
            facts.person.known = true;
            authority::permit(work, &self.admission, &facts, PublicKind::Key, None)?.spend();
            if level < KEY_LEVEL_MIN {
                let text = "Binding a person's key takes verifications that reach level 2: three \
                            independent sources, or face to face.";
                return Err(Problem::new("identity_level_low", text).into());
            }
        }
        let agent = work.registry.partners.get(&self.partner());
        let agent = agent.is_some_and(|p| p.roles.contains(&Role::Agent));
        if self.sent.mandate.is_some() && !agent {
            let text = "Only a partner that the bureau registered as an agent takes mandates.";
            return Err(Problem::new("role_missing", text).into());
        }
        Ok(())
    }

    /// A person who has a key gives a mandate with it; for others the agent vouches, and must be
    /// able to produce what they signed.
    fn mandate_holds(&self, work: &Work<'_>, person: &str, mandate: &MandateSent) -> bool {
        let mut keys = work
            .loaded
            .person_keys
            .values()
            .filter(|row| row.retired_us.is_none())
            .filter(|row| work.loaded.canonical(&row.person) == person)
            .peekable();
        if keys.peek().is_none() {
            return true;
        }
        let text = mandate_text(&self.partner(), mandate);
        let signature = mandate.signature.as_deref().and_then(from_base64);
        signature.is_some_and(|signature| {
            keys.filter_map(|row| PublicKey::from_json(&row.jwk).ok())
                .any(|key| key.verify(text.as_bytes(), &signature))
        })
    }

    fn subject(
        &self,
        work: &mut Work<'_>,
        person: &str,
        doubt: Option<Doubt>,
        level: u8,
    ) -> PairwiseRow {
        let partner = self.partner();
        let known = work
            .loaded
            .pairwise
            .values()
            .find(|row| row.partner == partner && row.person == person && row.doubt() == doubt);
        let row = match known {
            Some(row) => PairwiseRow { level: row.level.max(i64::from(level)), ..row.clone() },
            None => PairwiseRow {
                id: id::mint(&work.engine.env, "sub"),
                partner,
                person: person.to_string(),
                mismatch: doubt.is_some(),
                ambiguous: doubt == Some(Doubt::Ambiguous),
                level: i64::from(level),
                created_us: work.now.micros(),
            },
        };
        work.loaded.pairwise.insert(row.id.clone(), row.clone());
        work.subjects().pairwise.push(row.clone());
        row
    }

    fn write_person(&self, work: &mut Work<'_>, person: &str, index: u64) -> Result<(), Fault> {
        let known = work.loaded.persons.get(person).cloned();
        let mut identity = match &known {
            Some(_) => work.identity(person)?,
            None => Identity { name: self.sent.name.clone(), ..Identity::default() },
        };
        for (document, lookup) in &self.lookups {
            let canonical = document.canonical();
            // A further document of a known person is an alias, and takes staff: else an enroller
            // could tie a stranger's document to them.
            if known.is_some() {
                continue;
            }
            identity.documents.push(canonical);
            let row = LookupRow {
                hmac: lookup.document.to_vec(),
                person: person.to_string(),
                name_hmac: lookup.with_name.to_vec(),
            };
            if !work.loaded.lookups.contains_key(&row.hmac) {
                work.loaded.lookups.insert(row.hmac.clone(), row.clone());
                work.subjects().lookups.push(row);
            }
        }
        identity.phone = self.phone.clone().or(identity.phone);
        identity.birth_date = identity.birth_date.or(self.birth_date);
        identity.synthetic |= self.sent.synthetic;
        let partner = self.partner();
        for check in &self.sent.verifications {
            let check = Verified { partner: partner.clone(), ..check.clone() };
            if !identity.verifications.contains(&check) {
                identity.verifications.push(check);
            }
        }
        let row = known.unwrap_or_else(|| PersonRow {
            id: person.to_string(),
            residence: self.sent.residence.clone(),
            birth_us: None,
            vault: Vec::new(),
            merged_into: None,
            created_us: work.now.micros(),
            idx: 0,
            erased_idx: None,
            erased_us: None,
            held_idx: None,
        });
        work.put_person(row, &identity, index)?;
        Ok(())
    }

    fn bind(&self, work: &mut Work<'_>, person: &str) -> Result<(), Fault> {
        if let Some(key) = &self.key {
            self.bind_key(work, person, key)?;
        }
        if let (Some(mandate), Principal::Partner(agent)) =
            (&self.sent.mandate, &self.admission.principal)
        {
            // Not recorded, and not told: whether the person has a key is not the agent's to know.
            if !self.mandate_holds(work, person, mandate) {
                return Ok(());
            }
            let row = MandateRow {
                id: id::mint(&work.engine.env, "man"),
                person: person.to_string(),
                agent: agent.clone(),
                acts: json!(mandate.acts).to_string(),
                expires_us: mandate.expires_at.micros(),
                revoked_us: None,
            };
            let draft = Draft::new("mandate_given", PublicKind::Right)
                .about(person)
                .says("agent", agent.clone())
                .says("acts", mandate.acts.clone())
                .says("expires_at", mandate.expires_at.to_string())
                .holds(json!({
                    "person": person, "mandate": row.id, "evidence": mandate.evidence_digest,
                }));
            work.append(draft)?;
            work.loaded.mandates.insert(row.id.clone(), row.clone());
            work.subjects().mandates.push(row);
        }
        Ok(())
    }

    /// The first key is bound at enrolment. A further one would have to be signed by the first, so
    /// a key for a person who has one is not bound; the answer is the same either way, because it
    /// must not tell whether somebody else enrolled the person before.
    fn bind_key(&self, work: &mut Work<'_>, person: &str, key: &PublicKey) -> Result<(), Fault> {
        let has_one = work
            .loaded
            .person_keys
            .values()
            .any(|row| row.person == person && row.retired_us.is_none());
        let thumbprint = key.thumbprint();
        let taken = work.loaded.person_keys.contains_key(&thumbprint)
            || work.registry.keys.contains_key(&thumbprint);
        if has_one || taken {
            return Ok(());
        }
        let row = PersonKeyRow {
            thumbprint: thumbprint.clone(),
            person: person.to_string(),
            jwk: key.to_json(),
            added_us: work.now.micros(),
            retired_us: None,
        };
        let draft = Draft::new("person_key_bound", PublicKind::Key)
            .about(person)
            .says("partner", self.partner())
            .holds(json!({ "person": person, "thumbprint": thumbprint }));
        work.append(draft)?;
        work.loaded.person_keys.insert(thumbprint, row.clone());
        work.subjects().keys.push(row);
        Ok(())
    }
}
