//! Collection: a slice of a furnisher's upload.

use jiff::civil::Date;
use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::refold::{NEVER, OBSERVATIONS_MAX, day_number, freshen, refold};
use super::upload::Progress;
use super::{Answer, Command, Fault, data_request, needs_of_admission};
use crate::bureau::admission::Admission;
use crate::bureau::needs::{Loaded, Needs};
use crate::bureau::tomb::Tombs;
use crate::bureau::work::Work;
use crate::bureau::{Engine, authority, matter};
use crate::collect::coverage::optional_fields;
use crate::collect::observation::{AccountMonth, Capacity};
use crate::collect::spoken;
use crate::collect::{BasisKind, Fact, Observation, Operation};
use crate::consent::{Purpose, Standing};
use crate::kernel::bytes::Digest;
use crate::ledger::body::Draft;
use crate::ledger::leaf::PublicKind;
use crate::policy::{self, Action, Category, Decision, Facts, Told, decide};
use crate::score::{FoldContext, forget, needs_refold, versions};
use crate::store::StoreError;
use crate::subject::rows::Doubt;

pub use super::naming::{Said, account_id, digest, fact_row, identity};

/// Lines of one slice at most (decisions.md 12).
pub const SLICE_LINES_MAX: usize = 500;
/// What one slice may cost at most, so that nobody who asks waits for long: a line costs one, and
/// folding a file anew one for each observation in it. The first line is always taken.
const SLICE_COST_MAX: u64 = 1_500;

/// One line of a slice: its number in the file and what it says.
pub type Line = (u64, Observation);

/// A few hundred lines of an upload, applied together.
pub struct ObserveSlice {
    /// Who sends; the nonce and the idempotency key belong to the upload's last command.
    pub admission: Admission,
    /// The lines.
    pub lines: Vec<Line>,
    /// Check everything, apply nothing.
    pub dry_run: bool,
    /// The upload it belongs to, when that outlives a request: how far it has come is written
    /// with the slice.
    pub progress: Option<Progress>,
}

/// What became of a slice.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct SliceOutcome {
    /// Lines that were dealt with, from the first on; the others are to be sent again.
    pub taken: usize,
    /// Lines that became entries.
    pub accepted: u64,
    /// Lines already known.
    pub duplicates: u64,
    /// Line, code and sentence for each rejected line.
    pub rejected: Vec<(u64, String, String)>,
    /// First and last entry.
    pub range: Option<(u64, u64)>,
    /// Accepted lines by type, and how many of them fill each optional field.
    #[serde(default)]
    pub filled: BTreeMap<String, u64>,
    /// Accepted lines that came after the contracted window closed.
    #[serde(default)]
    pub late: u64,
    /// Days by which the latest of them did.
    #[serde(default)]
    pub late_days: i64,
}

impl SliceOutcome {
    fn accept(&mut self, observation: &Observation, days_after_due: i64) {
        self.accepted += 1;
        self.late += u64::from(days_after_due > 0);
        self.late_days = self.late_days.max(days_after_due.max(0));
        let kind = observation.fact.type_name();
        let mut count = |name: String, by: u64| *self.filled.entry(name).or_default() += by;
        for (field, filled) in optional_fields(&observation.fact) {
            count(format!("{kind}.{field}"), u64::from(filled));
        }
        count(kind.to_string(), 1);
    }
}

/// An observation's two digests: with its furnisher's signature, and without.
struct Digests {
    own: Digest,
    other: Digest,
}

enum Fate {
    Accept { person: String, holder: String, identity: Digest, digest: Digest },
    Duplicate,
    Reject(String, String),
}

fn reject(code: &str, message: &str) -> Fate {
    Fate::Reject(code.to_string(), message.to_string())
}

impl ObserveSlice {
    fn furnisher(&self) -> String {
        self.admission.principal.key()
    }

    /// Whether its furnisher signed it. What an operator loaded from a file without a signature
    /// is kept and shown, and no score is made of it (data-model.md, "Operators").
    fn scored(&self) -> bool {
        !self.admission.is_console()
    }

    fn fate(&self, work: &mut Work<'_>, observation: &Observation) -> Result<Fate, StoreError> {
        let furnisher = self.furnisher();
        let known = work.loaded.pairwise.get(&observation.subject);
        let Some(row) = known.filter(|row| row.partner == furnisher) else {
            let text = "no such subject of yours: use the id that POST /v1/subjects gave you";
            return Ok(reject("subject_not_found", text));
        };
        let (holder, doubt) = (row.person.clone(), row.doubt());
        let person = work.loaded.canonical(&holder).to_string();
        let facts = match self.facts(work, observation, &person, doubt) {
            Ok(facts) => facts,
            Err(Fault::Store(error)) => return Err(error),
            Err(Fault::Problem(problem, _)) => {
                return Ok(Fate::Reject(problem.code, problem.detail));
            }
        };
        match decide(&work.engine.rules, &facts) {
            Decision::Permit(permit) => drop(permit.spend()),
            Decision::Refusal(refusal) => {
                let rules = &work.engine.rules;
                // What was taken in when its time was not over changes nothing when sent again.
                if refusal.code() == "past_retention"
                    && self.is_known(work, observation, &holder)?
                {
                    return Ok(Fate::Duplicate);
                }
                // The state of the person is not the furnisher's to learn.
                if rules.refusals().told(refusal.code()) == Told::Lender {
                    return Ok(reject("not_collected", "nothing is collected about this subject"));
                }
                return Ok(Fate::Reject(refusal.outward(rules).code, rules.explain(&refusal)));
            }
        }
        if work.engine.kept.keeps(&person, &furnisher) {
            let text = "a published test person keeps the answers that are published: send records \
                        about somebody of your own, with a passport number that you make up";
            return Ok(reject("not_collected", text));
        }
        if work.loaded.tombs.holds(work.engine, &holder, &furnisher, observation) {
            let text = "it was forgotten with the person: do not send it again";
            return Ok(reject("obsolete_reimport", text));
        }
        let identity = identity(work.engine, &holder, &furnisher, observation);
        let digests = Digests {
            own: digest(work.engine, observation, self.scored())?,
            other: digest(work.engine, observation, !self.scored())?,
        };
        let bar = matter::bar_against(work, &identity, observation);
        if let Some((code, text)) = bar.filter(|_| observation.op != Operation::Delete) {
            return Ok(reject(code, text));
        }
        if let Some(fate) = self.against_last(work, observation, &identity, &digests) {
            return Ok(fate);
        }
        if work.folded(&person)?.observations >= OBSERVATIONS_MAX {
            return Ok(reject("observations_limit", "this file is full: speak with the bureau"));
        }
        Ok(Fate::Accept { person, holder, identity, digest: digests.own })
    }

    /// Whether the last word on the record is this very one.
    fn is_known(
        &self,
        work: &Work<'_>,
        observation: &Observation,
        holder: &str,
    ) -> Result<bool, StoreError> {
        let identity = identity(work.engine, holder, &self.furnisher(), observation);
        let own = digest(work.engine, observation, self.scored())?;
        let last = work.loaded.facts.get(identity.as_slice());
        Ok(last.is_some_and(|fact| fact.digest == own))
    }

    /// What the last word on the same record says to this one; `None` when it may follow.
    fn against_last(
        &self,
        work: &Work<'_>,
        observation: &Observation,
        identity: &Digest,
        digests: &Digests,
    ) -> Option<Fate> {
        let last = work.loaded.facts.get(identity.as_slice());
        let same = last.filter(|fact| fact.digest == digests.own || fact.digest == digests.other);
        match (same, self.scored()) {
            // The furnisher stands by what an operator loaded before: from now on it is scored.
            (Some(fact), true) if fact.digest == digests.other => return None,
            (Some(_), _) => return Some(Fate::Duplicate),
            (None, _) => {}
        }
        if !self.scored() && observation.op != Operation::Report {
            let text = "only its furnisher changes a record: load the file with the furnisher's \
                        signature, or let them send it";
            return Some(reject("signature_missing", text));
        }
        let stands = last.is_some_and(|fact| !fact.deleted);
        if stands && observation.op == Operation::Report {
            let text = "another record stands under this key and period: send op `correct`";
            return Some(reject("conflicting_record", text));
        }
        if !stands && observation.op != Operation::Report {
            let text = "nothing stands under this key and period: send op `report`";
            return Some(reject("record_not_found", text));
        }
        None
    }

    pub(super) fn facts(
        &self,
        work: &mut Work<'_>,
        observation: &Observation,
        person: &str,
        doubt: Option<Doubt>,
    ) -> Result<Facts, Fault> {
        let residence = super::consent::residence(work, person);
        let mut facts = authority::facts(work, &self.admission, Action::Furnish, &residence);
        authority::add_person(work, &mut facts, person)?;
        authority::add_doubt(&mut facts, doubt);
        let standing = match observation.basis.kind {
            BasisKind::Consent => work
                .loaded
                .consents
                .get(&observation.basis.reference)
                .map(|row| row.standing())
                .transpose()?,
            _ => None,
        };
        self.add_basis(work, &mut facts, observation, person, standing.as_ref());
        facts.basis.covers_record = match &standing {
            Some(standing) if standing.narrowed => {
                let artefact = super::consent::artefact(work, &standing.id)?;
                artefact.covers_record(observation.fact.account_key(), observation.fact.days())
            }
            _ => true,
        };
        self.add_record(work, &mut facts, observation, standing.as_ref());
        facts.record.past_retention = is_past(work, observation, &residence);
        Ok(facts)
    }

    fn add_basis(
        &self,
        work: &Work<'_>,
        facts: &mut Facts,
        observation: &Observation,
        person: &str,
        standing: Option<&Standing>,
    ) {
        let restricted = matches!(observation.fact, Fact::Capacity(_));
        let purpose = if restricted { Purpose::Restricted } else { Purpose::Furnish };
        let furnisher = self.furnisher();
        if observation.basis.kind == BasisKind::Consent {
            let whole = standing.map(|s| Standing {
                person: work.loaded.canonical(&s.person).to_string(),
                ..s.clone()
            });
            let now = work.now;
            authority::add_consent(facts, whole.as_ref(), &furnisher, person, purpose, None, now);
        } else {
            facts.basis.kind = basis_kind(observation.basis.kind);
            facts.basis.found = true;
            facts.basis.recipient_matches = true;
            facts.basis.subject_matches = true;
            facts.basis.purpose_matches = true;
            facts.basis.scenario_matches = true;
        }
        let kind = observation.fact.type_name();
        let dimension = observation.fact.dimension().name();
        facts.basis.covers_category =
            standing.is_none_or(|s| restricted || s.covers_category(kind));
        facts.basis.covers_dimension = standing.is_none_or(|s| s.covers_dimension(dimension));
    }

    fn add_record(
        &self,
        work: &Work<'_>,
        facts: &mut Facts,
        observation: &Observation,
        standing: Option<&Standing>,
    ) {
        let fact = &observation.fact;
        let record = &mut facts.record;
        record.observation = fact.type_name();
        record.dimension = fact.dimension().name();
        record.adverse = fact.is_adverse();
        record.synthetic = observation.synthetic;
        // Public information needs no notice (Reg 15).
        let told = fact.adverse_notice().is_some_and(|notice| notice.sent_at < work.now);
        record.notice_given = told || matches!(fact, Fact::PublicRecord(_));
        record.furnisher_is_lender = work.engine.rules.is_lender(&facts.actor.sector);
        record.written_consent = match fact {
            Fact::AccountMonth(AccountMonth { written_consent, .. }) => written_consent.is_some(),
            _ => observation.basis.kind == BasisKind::Consent,
        };
        if let Fact::Spending(spending) = fact {
            record.category = work.engine.rules.categories().judge(&spending.category);
        }
        let categories = work.engine.rules.categories();
        let denied = spoken::made_up(fact).iter().any(|text| categories.denied_in(text).is_some());
        if denied || spoken::names_somebody(fact) {
            record.category = Category::Prohibited;
        }
        if let Fact::Capacity(Capacity { category, .. }) = fact {
            record.restricted = true;
            let matches = standing.is_some_and(|s| {
                s.purpose == Purpose::Restricted && s.covers_category(category.name())
            });
            record.restricted_consent_matches = matches;
            record.warning_shown = matches;
        }
    }

    pub(super) fn append(
        &self,
        work: &mut Work<'_>,
        observation: &Observation,
        person: &str,
    ) -> Result<u64, StoreError> {
        let (furnisher, sector) = authority::actor(work, &self.admission);
        let fact = &observation.fact;
        let mut personal = json!({
            "person": person, "furnisher": furnisher, "observation": observation,
        });
        if !self.scored() {
            personal["scored"] = json!(false);
        }
        let mut draft = Draft::new("observation", PublicKind::Observation)
            .about(person)
            .says("furnisher", furnisher.clone())
            .says("sector", sector)
            .says("type", fact.type_name())
            .says("dimension", fact.dimension().name())
            .says("op", json!(observation.op))
            .says("basis", json!(observation.basis.kind))
            .says("adverse", fact.is_adverse())
            .says("synthetic", observation.synthetic)
            .holds(personal);
        if !self.scored() {
            draft = draft.says("loaded_by", "operator");
        }
        if let Some(until) = fact.speaks_until() {
            let residence = super::consent::residence(work, person);
            let (_, offset) = super::refold::terms(work.engine, &residence);
            draft = draft.says("lag_days", days_between(until, work.now.date_at(offset)));
        }
        if let Some(days) = days_after_due(work, &furnisher, observation) {
            draft = draft.says("days_after_due", days);
        }
        if let Fact::AccountMonth(month) = fact {
            draft =
                draft.says("status", json!(month.status)).says("days_past_due", bucket(month.dpd));
        }
        Ok(work.append(draft)?.index)
    }
}

/// Whether a report is about what the law of the residence keeps no longer. The records around it
/// may say more, and the sweep looks at them; a correction or deletion is always taken.
fn is_past(work: &Work<'_>, observation: &Observation, residence: &str) -> bool {
    if observation.op != Operation::Report {
        return false;
    }
    let Some(clocks) = super::refold::retention(work.engine, residence) else { return false };
    let (_, offset) = super::refold::terms(work.engine, residence);
    let over = versions::surely_over(&observation.fact, clocks);
    over.is_some_and(|day| day <= work.now.date_at(offset))
}

/// Days by which a line comes after the furnisher's contracted window closed; zero or less when it
/// is in time. `None` where no window was agreed, and for what is not a first report.
fn days_after_due(work: &Work<'_>, furnisher: &str, observation: &Observation) -> Option<i64> {
    let partner = work.registry.partners.get(furnisher)?;
    let (delivery, month) = (partner.delivery?, observation.fact.month()?);
    let offset = super::refold::offset_of(work.engine, partner);
    let first = observation.op == Operation::Report;
    delivery.days_after(month, work.now, offset).filter(|_| first)
}

/// Whole days from one date to another; negative when it lies before.
fn days_between(from: Date, to: Date) -> i64 {
    i64::from(from.until(to).map_or(0, |span| span.get_days()))
}

/// The days-past-due bucket that supervision counts.
pub fn bucket(dpd: u16) -> &'static str {
    match dpd {
        0 => "0",
        1..=29 => "1-29",
        30..=59 => "30-59",
        60..=89 => "60-89",
        90..=179 => "90-179",
        _ => "180+",
    }
}

/// The policy's word for a kind of basis.
pub fn basis_kind(kind: BasisKind) -> policy::BasisKind {
    match kind {
        BasisKind::Consent => policy::BasisKind::Consent,
        BasisKind::PermissiblePurpose => policy::BasisKind::PermissiblePurpose,
        BasisKind::Contract => policy::BasisKind::Contract,
        BasisKind::LegalObligation => policy::BasisKind::LegalObligation,
        BasisKind::LegitimateInterest => policy::BasisKind::LegitimateInterest,
        BasisKind::PublicByLaw => policy::BasisKind::PublicByLaw,
    }
}

impl Command for ObserveSlice {
    fn admission(&self) -> &Admission {
        &self.admission
    }

    fn is_bulk(&self) -> bool {
        true
    }

    fn needs(&self, needs: &mut Needs) {
        needs_of_admission(&self.admission, needs);
        needs.profiled = true;
        needs.uploads.extend(self.progress.iter().map(|progress| progress.upload.clone()));
        for (_, observation) in &self.lines {
            needs.subjects.insert(observation.subject.clone());
            if observation.basis.kind == BasisKind::Consent {
                needs.consents.insert(observation.basis.reference.clone());
            }
        }
    }

    fn needs_of_persons(&self, engine: &Engine, loaded: &Loaded, needs: &mut Needs) {
        for (_, observation) in &self.lines {
            if let Some(row) = loaded.pairwise.get(&observation.subject) {
                let name = identity(engine, &row.person, &self.furnisher(), observation);
                needs.facts.insert(name.to_vec());
            }
        }
    }

    fn execute(&self, work: &mut Work<'_>) -> Result<Answer, Fault> {
        let mut outcome = SliceOutcome::default();
        let mut stale = BTreeSet::new();
        let mut touched = BTreeSet::new();
        let mut accounts = BTreeSet::new();
        let furnisher = self.furnisher();
        let known = |(_, one): &Line| work.loaded.pairwise.get(&one.subject);
        let persons = self.lines.iter().filter_map(known).map(|row| row.person.clone()).collect();
        work.loaded.tombs = Tombs::of(work, &persons)?;
        let mut cost = 0;
        for (line, observation) in &self.lines {
            if cost >= SLICE_COST_MAX {
                break;
            }
            cost += 1;
            outcome.taken += 1;
            let (person, holder, digests) = match self.fate(work, observation)? {
                Fate::Accept { person, holder, identity, digest } => {
                    (person, holder, (identity, digest))
                }
                Fate::Duplicate => {
                    outcome.duplicates += 1;
                    continue;
                }
                Fate::Reject(code, message) => {
                    outcome.rejected.push((*line, code, message));
                    continue;
                }
            };
            let days = days_after_due(work, &furnisher, observation);
            outcome.accept(observation, days.unwrap_or_default());
            if self.dry_run {
                continue;
            }
            let index = self.apply(work, observation, &person)?;
            touched.insert(person.clone());
            let first = outcome.range.map_or(index, |(first, _)| first);
            outcome.range = Some((first, index));
            if self.scored() && needs_refold(observation) && stale.insert(person.clone()) {
                cost += work.folded(&person)?.observations;
            }
            let said = Said { holder: &holder, person: &person, furnisher: &furnisher };
            let (identity, digest) = (&digests.0, &digests.1);
            let row = fact_row(work.engine, said, (identity, digest), observation, index);
            accounts.extend(row.account.clone());
            work.put_fact(row);
        }
        data_request::fill(work, &furnisher, &accounts)?;
        for person in &stale {
            refold(work, person)?;
        }
        // What came may be over already, or have ended something.
        let touched: BTreeSet<String> = touched.difference(&stale).cloned().collect();
        for person in &touched {
            freshen(work, person)?;
        }
        if let Some(progress) = &self.progress {
            let next = outcome.taken.checked_sub(1).and_then(|last| self.lines.get(last));
            progress.advance(work, next.map_or(0, |(line, _)| line + 1), &outcome)?;
        }
        let body =
            serde_json::to_value(&outcome).map_err(|e| StoreError::inconsistent(e.to_string()))?;
        Ok(Answer::ok(&body, None))
    }
}

impl ObserveSlice {
    /// Appends the entry and folds it into the person's profile.
    fn apply(
        &self,
        work: &mut Work<'_>,
        observation: &Observation,
        person: &str,
    ) -> Result<u64, Fault> {
        let index = self.append(work, observation, person)?;
        let (base, utc_offset_hours) =
            super::refold::terms(work.engine, &super::consent::residence(work, person));
        let recorded = work.now;
        let furnisher = self.furnisher();
        let residence = super::consent::residence(work, person);
        let retention = super::refold::retention(work.engine, &residence);
        let folded = work.folded_in(person, base)?;
        if self.scored() {
            let context = FoldContext {
                index,
                recorded,
                furnisher: &furnisher,
                utc_offset_hours,
                rates: &[],
            };
            folded.profile.fold(observation, &context);
        }
        let late = folded.profile.has_lateness();
        let first = retention.and_then(|r| forget::earliest(&observation.fact, r, late));
        let first = match retention {
            Some(_) => first.map_or(0, day_number),
            None => NEVER,
        };
        folded.until_day = folded.until_day.min(first);
        folded.purge_day = folded.purge_day.min(first);
        folded.touched(index);
        Ok(index)
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::days_between;

    #[test]
    fn lateness_is_counted_in_days_over_months_and_years() {
        assert_eq!(days_between(date(2026, 11, 30), date(2026, 12, 5)), 5);
        assert_eq!(days_between(date(2026, 12, 31), date(2027, 1, 5)), 5);
        assert_eq!(days_between(date(2024, 2, 1), date(2024, 3, 1)), 29);
        assert_eq!(days_between(date(2027, 1, 5), date(2026, 12, 31)), -5);
    }
}
