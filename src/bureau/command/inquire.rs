//! An inquiry: one question about one person, on record before it is answered.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{Answer, Command, Fault, needs_of_admission};
use crate::bureau::admission::{Admission, Principal};
use crate::bureau::needs::{Loaded, Needs};
use crate::bureau::work::{Recorded, Work, answer_place};
use crate::bureau::{Engine, authority, probing, standing};
use crate::collect::{Basis, BasisKind};
use crate::consent::{Purpose, Standing};
use crate::inquiry::answer::{self, Question, Valued, model};
use crate::inquiry::rows::InquiryRow;
use crate::kernel::bytes::hex;
use crate::kernel::{Time, id};
use crate::ledger::body::{Draft, person_key_name};
use crate::ledger::leaf::PublicKind;
use crate::policy::{
    Action, DIMENSIONS, Decision, Facts, OutwardForm, Pack, PackRef, Permit, Pull, Refusal, decide,
};
use crate::score::rows::MarkRow;
use crate::score::{AsOf, Vector, assess};
use crate::subject::rows::PairwiseRow;

/// `POST /v1/inquiries`.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InquirySent {
    /// The asker's own id of the person.
    pub subject: String,
    /// Why the asker may ask.
    pub basis: Basis,
    /// What is asked.
    pub scenario: String,
    /// The score as of this moment; now when absent. Never in the future.
    #[serde(default)]
    pub as_of: Option<Time>,
    /// In a scenario where two persons learn of each other: the other one.
    #[serde(default)]
    pub counterpart: Option<Counterpart>,
}

/// The other person of a mutual scenario, who consented to the same asker.
#[derive(Clone, Debug, Deserialize, serde::Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Counterpart {
    /// The asker's own id of the other person.
    pub subject: String,
    /// The other person's consent to the same scenario.
    pub consent: String,
}

/// An inquiry on its way.
pub struct Inquire {
    /// Who asks.
    pub admission: Admission,
    /// What.
    pub sent: InquirySent,
}

/// The scenario of a person's own file.
const SELF: &str = "self";
/// The form of an answer that is a yes or no.
const THRESHOLD: &str = "threshold";

/// What was found of whom is asked about, and on which ground.
pub(super) struct Found {
    pub(super) person: Option<String>,
    pub(super) standing: Option<Standing>,
    pub(super) facts: Facts,
}

/// An answer as it is about to be given.
struct Given<'a> {
    valued: &'a Valued,
    person: Option<&'a str>,
    as_of: Time,
    hard: bool,
}

/// All that an answer rests on: the personal part of its entry, from which it can be computed again
/// (decisions.md 17).
#[derive(Serialize)]
struct Grounds<'a> {
    person: &'a str,
    subject: &'a str,
    basis: &'a Basis,
    counterpart: Option<&'a Counterpart>,
    as_of: Time,
    known_at: u64,
    scope: Value,
    hard_inquiries: [u32; 2],
    identity_level: u8,
    vector: &'a Vector,
    points: &'a [i32],
    total: i64,
    scorecard: String,
    fold_version: u16,
    form: &'a str,
    threshold: i64,
    value: &'a Map<String, Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    shadow: Vec<Value>,
}

impl Command for Inquire {
    fn admission(&self) -> &Admission {
        &self.admission
    }

    fn needs(&self, needs: &mut Needs) {
        needs_of_admission(&self.admission, needs);
        needs.subjects.insert(self.sent.subject.clone());
        if self.sent.basis.kind == BasisKind::Consent {
            needs.consents.insert(self.sent.basis.reference.clone());
        }
        if let Some(other) = &self.sent.counterpart {
            needs.subjects.insert(other.subject.clone());
            needs.consents.insert(other.consent.clone());
        }
        needs.scored = true;
        // Whoever asks about themself, or for somebody, must be known as that.
        needs.whole_persons = self.sent.scenario == SELF;
    }

    fn needs_of_persons(&self, engine: &Engine, _loaded: &Loaded, needs: &mut Needs) {
        let scenario = engine.rules.scenario(&self.sent.scenario);
        if scenario.is_some_and(|scenario| scenario.threshold.is_some()) {
            let window = engine.rules.probing().window_days;
            needs.probed_since = Some(engine.env.now().plus_days(-window).micros());
        }
    }

    fn execute(&self, work: &mut Work<'_>) -> Result<Answer, Fault> {
        work.engine.quotas.check(&self.asker(), work.now)?;
        let found = self.found(work)?;
        match decide(&work.engine.rules, &found.facts) {
            Decision::Permit(permit) => match &found.person {
                Some(person) => {
                    let person = person.clone();
                    self.answered(work, permit, &person, found.standing)
                }
                // The policies refuse an unknown person; this is the same answer, should they not.
                None => self.unknown(work),
            },
            Decision::Refusal(refusal) => self.refused(work, &refusal, &found),
        }
    }
}

impl Inquire {
    fn asker(&self) -> String {
        self.admission.principal.key()
    }

    pub(super) fn found(&self, work: &mut Work<'_>) -> Result<Found, Fault> {
        let asker = self.asker();
        let row = work.loaded.pairwise.get(&self.sent.subject);
        let row = row.filter(|row| row.partner == asker).cloned();
        let own = match &self.admission.principal {
            Principal::Person(id) if self.sent.subject == "me" => Some(id.as_str()),
            _ => row.as_ref().map(|row| row.person.as_str()),
        };
        let person = own.map(|id| work.loaded.canonical(id).to_string());
        let residence = match &person {
            Some(person) => super::consent::residence(work, person),
            // Nobody's residence is known: the home pack decides, in the same words.
            None => work.engine.home.clone(),
        };
        let mut facts = authority::facts(work, &self.admission, Action::Inquire, &residence);
        facts.scenario = Some(self.sent.scenario.clone());
        let partner = work.registry.partners.get(&asker);
        facts.actor.holds_scenario =
            partner.is_some_and(|p| p.scenarios.contains_key(&self.sent.scenario));
        if let Some(person) = &person {
            authority::add_person(work, &mut facts, person)?;
            authority::add_doubt(&mut facts, row.as_ref().and_then(PairwiseRow::doubt));
            let default = work.engine.rules.scenario(&self.sent.scenario).and_then(|s| s.threshold);
            let threshold = self.threshold(work, default);
            facts.actor.probing = probing::is_too_much(work, &asker, person, threshold);
        }
        if let (SELF, Some(person)) = (self.sent.scenario.as_str(), &person) {
            // A person needs no basis to see their own file.
            let act = Action::SeeFile.name();
            authority::add_standing(work, &mut facts, &self.admission, person, act);
            return Ok(Found { person: Some(person.clone()), standing: None, facts });
        }
        let standing = self.add_basis(work, &mut facts, person.as_deref())?;
        Ok(Found { person, standing, facts })
    }

    fn add_basis(
        &self,
        work: &Work<'_>,
        facts: &mut Facts,
        person: Option<&str>,
    ) -> Result<Option<Standing>, Fault> {
        let scenario = work.engine.rules.scenario(&self.sent.scenario);
        let needed = scenario.map(|s| s.needs.clone()).unwrap_or_default();
        facts.basis.counterpart_consents = self.counterpart_consents(work, person)?;
        if self.sent.basis.kind != BasisKind::Consent {
            let packs: Vec<&str> = facts.packs.iter().map(String::as_str).collect();
            let terms = work.engine.rules.terms(&self.sent.scenario, packs);
            facts.basis.kind = super::observe::basis_kind(self.sent.basis.kind);
            facts.basis.found = true;
            facts.basis.recipient_matches = true;
            facts.basis.subject_matches = true;
            facts.basis.scenario_matches = true;
            facts.basis.covers_category = true;
            facts.basis.covers_dimension = true;
            facts.basis.covers_record = true;
            facts.basis.purpose_matches = match self.sent.basis.kind {
                BasisKind::PermissiblePurpose => {
                    terms.is_some_and(|t| t.purposes.contains(&self.sent.basis.reference))
                }
                _ => true,
            };
            return Ok(None);
        }
        let row = work.loaded.consents.get(&self.sent.basis.reference);
        let standing = row
            .map(|row| row.standing())
            .transpose()?
            .map(|s| Standing { person: work.loaded.canonical(&s.person).to_string(), ..s });
        authority::add_consent(
            facts,
            standing.as_ref(),
            &self.asker(),
            person.unwrap_or_default(),
            Purpose::Inquire,
            Some(&self.sent.scenario),
            work.now,
        );
        facts.basis.covers_category = true;
        facts.basis.covers_record = true;
        facts.basis.covers_dimension = standing
            .as_ref()
            .is_some_and(|s| needed.iter().all(|dimension| s.covers_dimension(dimension)));
        Ok(standing)
    }

    /// Whether somebody else consented to the same asker and scenario, and the consent stands.
    fn counterpart_consents(&self, work: &Work<'_>, person: Option<&str>) -> Result<bool, Fault> {
        let Some(other) = &self.sent.counterpart else { return Ok(false) };
        let asker = self.asker();
        let known = work.loaded.pairwise.get(&other.subject).filter(|row| row.partner == asker);
        let row = work.loaded.consents.get(&other.consent);
        let (Some(known), Some(row)) = (known, row) else { return Ok(false) };
        let whom = work.loaded.canonical(&known.person);
        let standing = row.standing()?;
        let standing =
            Standing { person: work.loaded.canonical(&standing.person).to_string(), ..standing };
        let scenario = Some(self.sent.scenario.as_str());
        let used = standing.for_use(&asker, whom, Purpose::Inquire, scenario, work.now);
        // The same consent serves both questions: its own holder's answer is what uses it up.
        let stands = !(used.not_yet_valid || used.expired || used.revoked);
        Ok(stands
            && person.is_none_or(|person| person != whom)
            && used.recipient_matches
            && used.subject_matches
            && used.purpose_matches
            && used.scenario_matches)
    }

    fn answered(
        &self,
        work: &mut Work<'_>,
        permit: Permit,
        person: &str,
        standing: Option<Standing>,
    ) -> Result<Answer, Fault> {
        let as_of = self.sent.as_of.map_or(work.now, |at| at.min(work.now));
        let scope = standing::scope(permit.terms(), standing.as_ref());
        let view = standing::as_of(work, person, as_of, scope)?;
        let engine = work.engine;
        let scorecard = engine.scorecard_for(&permit.terms().dimensions);
        let assessment = assess(&work.folded(person)?.profile, scorecard, &view.as_of);
        let terms = permit.terms().scenario.clone();
        let threshold = self.threshold(work, terms.as_ref().and_then(|t| t.threshold));
        let question = Question {
            assessment: &assessment,
            scorecard,
            threshold,
            level: view.as_of.identity_level,
            channels: view.channels,
            disputed: standing::disputed(work, person),
            fraud_alert: standing::fraud_alert(work, person),
        };
        let valued = answer::value(permit, &question);
        let hard = valued.answered && terms.as_ref().is_some_and(|t| t.pull == Pull::Hard);
        if let Some(consent) = standing.as_ref().filter(|_| valued.answered) {
            use_consent(work, consent);
        }
        let grounds = Grounds {
            person,
            subject: &self.sent.subject,
            basis: &self.sent.basis,
            counterpart: self.sent.counterpart.as_ref(),
            as_of,
            known_at: work.size(),
            scope: json!({ "dimensions": scope.dimensions, "restricted": scope.restricted }),
            hard_inquiries: [view.as_of.hard_inquiries_6m, view.as_of.hard_inquiries_12m],
            identity_level: view.as_of.identity_level,
            vector: &assessment.vector,
            points: &assessment.points,
            total: assessment.total,
            scorecard: hex(&scorecard.digest),
            fold_version: crate::score::FOLD_VERSION,
            form: &valued.form,
            threshold,
            value: &valued.value,
            shadow: shadow(work, person, &view.as_of)?,
        };
        let given = Given { valued: &valued, person: Some(person), as_of, hard };
        self.give(work, &given, Some(threshold), &grounds)
    }

    /// The threshold of a yes or no: the contract's, else the scenario's.
    pub(super) fn threshold(&self, work: &Work<'_>, default: Option<u16>) -> i64 {
        let contract = work.registry.partners.get(&self.asker());
        let contracted = contract
            .and_then(|p| p.scenarios.get(&self.sent.scenario))
            .and_then(|contract| contract.threshold);
        contracted.or(default.map(i64::from)).unwrap_or(i64::MAX)
    }

    /// Records and forms an answer.
    fn give(
        &self,
        work: &mut Work<'_>,
        given: &Given<'_>,
        threshold: Option<i64>,
        personal: impl Serialize,
    ) -> Result<Answer, Fault> {
        let Given { valued, person, as_of, hard } = *given;
        let inquiry = id::mint(&work.engine.env, "inq");
        let threshold = threshold.filter(|_| valued.form == THRESHOLD);
        let (asker, sector) = authority::actor(work, &self.admission);
        let packs = packs_of(valued);
        let pack = packs.first().cloned().unwrap_or(Value::Null);
        let mut draft = Draft::new("inquiry", PublicKind::Inquiry)
            .says("inquiry", inquiry.clone())
            .says("asker", asker.clone())
            .says("sector", sector)
            .says("scenario", self.sent.scenario.clone())
            .says("form", valued.form.clone())
            .says("as_of", as_of.to_string())
            .says("basis", json!(self.sent.basis.kind))
            .says("rule_pack", pack.clone())
            .says("rule_packs", packs.iter().map(|p| p["id"].clone()).collect::<Vec<_>>())
            .says("pull", if hard { "hard" } else { "soft" })
            .holds(personal);
        for (name, value) in &valued.value {
            draft = draft.says(name, value.clone());
        }
        for (name, value) in &valued.detail {
            draft = draft.counts(name, value.clone());
        }
        if let Some(person) = person {
            draft = draft.about(person);
        }
        let recorded = work.append(draft)?;
        if let (true, Some(person)) = (hard, person) {
            work.put_mark(MarkRow {
                idx: recorded.index as i64,
                person: person.to_string(),
                scenario: self.sent.scenario.clone(),
                at_us: work.now.micros(),
            });
        }
        let kept = work.loaded.consents.get(&self.sent.basis.reference);
        let kept = kept.and_then(|row| row.data_life_days).unwrap_or(i64::MAX);
        let expires = work.now.plus_days(self.use_days(work).min(kept));
        let mut body = Map::new();
        body.insert("inquiry".into(), json!(inquiry));
        body.insert("scenario".into(), json!(self.sent.scenario));
        body.insert("form".into(), json!(valued.form));
        body.extend(valued.value.clone());
        body.insert("model".into(), model(work.engine.scorecard_for(&valued.terms.dimensions)));
        body.insert("rule_pack".into(), pack);
        body.insert("as_of".into(), json!(as_of));
        body.insert(
            "use".into(),
            json!({
                "purpose": self.sent.scenario, "audience": asker, "expires_at": expires,
                "onward": false,
            }),
        );
        let row = InquiryRow {
            id: inquiry,
            idx: recorded.index as i64,
            asker: self.asker(),
            person: person.map(str::to_string),
            subject: self.sent.subject.clone(),
            scenario: self.sent.scenario.clone(),
            at_us: work.now.micros(),
            expires_us: expires.micros(),
            answer: Vec::new(),
            threshold,
        };
        work.engine.quotas.count(&row.asker);
        self.keep(work, body, &recorded, row)
    }

    /// Days for which an answer may be used, by the catalogue of scenarios.
    fn use_days(&self, work: &Work<'_>) -> i64 {
        let scenario = work.engine.rules.scenario(&self.sent.scenario);
        scenario.map_or(1, |s| i64::from(s.use_days))
    }

    fn keep(
        &self,
        work: &mut Work<'_>,
        mut body: Map<String, Value>,
        recorded: &Recorded,
        mut row: InquiryRow,
    ) -> Result<Answer, Fault> {
        body.insert("log".into(), recorded.receipt());
        let answer = Answer {
            inquiry: Some(row.id.clone()),
            ..Answer::created(&Value::Object(body), row.person.as_deref())
        };
        let key = work.key_for(row.person.as_deref())?;
        let place = answer_place(&row.id, recorded.index);
        row.answer = key.seal(&work.engine.env, place, &answer.body);
        work.put_inquiry(row);
        Ok(answer)
    }

    fn refused(
        &self,
        work: &mut Work<'_>,
        refusal: &Refusal,
        found: &Found,
    ) -> Result<Answer, Fault> {
        let outward = refusal.outward(&work.engine.rules);
        if outward.form == OutwardForm::Refused {
            let person = found.person.as_deref();
            let fault =
                authority::permit(work, &self.admission, &found.facts, PublicKind::Inquiry, person);
            return match fault {
                Err(Fault::Problem(problem, person)) => {
                    if let (probing::PROBING, Some(index)) = (problem.code.as_str(), problem.index)
                    {
                        probing::alert(work, &self.asker(), index)?;
                    }
                    Err(Fault::Problem(problem, person))
                }
                Err(fault) => Err(fault),
                Ok(_) => Err(crate::error::Problem::internal().into()),
            };
        }
        self.no_answer(work, refusal, &outward.code, found)
    }

    /// `not_assessable`, in one shape for everybody whose state must not be told.
    fn no_answer(
        &self,
        work: &mut Work<'_>,
        refusal: &Refusal,
        code: &str,
        found: &Found,
    ) -> Result<Answer, Fault> {
        let lender = code != "not_assessable";
        let mut value = Map::new();
        if lender {
            value.insert("code".into(), json!(code));
        }
        let mut detail = Map::new();
        detail.insert("code".into(), json!(refusal.code()));
        let packs: BTreeSet<&str> = refusal.packs().collect();
        let packs: Vec<&Pack> = packs.iter().filter_map(|id| work.engine.rules.pack(id)).collect();
        let on = |name: &&str| packs.iter().all(|pack| pack.has_dimension(name));
        let dimensions: Vec<String> =
            DIMENSIONS.iter().filter(|name| on(name)).map(|name| name.to_string()).collect();
        detail.insert("model".into(), model(work.engine.scorecard_for(&dimensions)));
        let terms = crate::policy::Terms {
            action: Action::Inquire,
            scenario: None,
            packs: packs
                .iter()
                .map(|p| PackRef {
                    id: p.id.clone(),
                    version: p.version.clone(),
                    digest: p.digest(),
                })
                .collect(),
            rules: work.engine.rules.digest(),
            dimensions,
            policies: Vec::new(),
        };
        let valued = Valued {
            form: "not_assessable".to_string(),
            value,
            detail,
            terms: std::sync::Arc::new(terms),
            answered: false,
        };
        let person = found.person.as_deref();
        let as_of = self.sent.as_of.map_or(work.now, |at| at.min(work.now));
        let personal = json!({
            "person": person, "subject": self.sent.subject, "basis": self.sent.basis,
            "code": refusal.code(), "codes": refusal.codes(), "policies": refusal.policies(),
            "form": valued.form, "value": valued.value,
        });
        let given = Given { valued: &valued, person, as_of, hard: false };
        self.give(work, &given, None, personal)
    }

    fn unknown(&self, work: &mut Work<'_>) -> Result<Answer, Fault> {
        let _ = work;
        Err(crate::error::Problem::new(
            "policy_gap",
            "No rule covers this question. It was not answered; report it to the bureau.",
        )
        .into())
    }
}

/// Counts an answer against a consent that limits them.
fn use_consent(work: &mut Work<'_>, consent: &Standing) {
    if !consent.is_counted() {
        return;
    }
    if let Some(mut row) = work.loaded.consents.get(&consent.id).cloned() {
        row.uses = i64::from(consent.uses_by(work.now)) + 1;
        row.used_us = Some(work.now.micros());
        work.put_consent(row);
    }
}

/// The packs that were asked, as an answer names them.
fn packs_of(valued: &Valued) -> Vec<Value> {
    let named = |p: &PackRef| json!({ "id": p.id, "version": p.version, "digest": hex(&p.digest) });
    valued.terms.packs.iter().map(named).collect()
}

/// What the challengers would have said. It stands in the personal part only: nobody is told, and
/// of somebody forgotten it is evidence like the rest of the inquiry, until that ends.
fn shadow(work: &mut Work<'_>, person: &str, as_of: &AsOf) -> Result<Vec<Value>, Fault> {
    let engine = work.engine;
    let models = work.loaded.models.clone();
    let mut out = Vec::new();
    for (digest, card) in engine.challengers(&models) {
        let assessment = assess(&work.folded(person)?.profile, card, as_of);
        out.push(json!({ "scorecard": digest, "score": assessment.score() }));
    }
    Ok(out)
}

/// The name of the key that an answer is sealed with.
pub fn answer_key(row: &InquiryRow) -> String {
    match &row.person {
        Some(person) => person_key_name(person),
        None => crate::ledger::body::period_key_name(Time::from_micros(row.at_us)),
    }
}
