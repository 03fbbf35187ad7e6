//! The circumstances of a score: what may be read, the identity level, the hard inquiries.

use std::collections::BTreeSet;

use super::authority::pack_of;
use super::command::Fault;
use super::command::enrol::VERIFICATION_YEARS;
use super::work::Work;
use crate::collect::observation::{Channel, Dimension};
use crate::consent::Standing;
use crate::error::Problem;
use crate::inquiry::hard::{Mark, count};
use crate::kernel::{Month, Time};
use crate::ledger::body::Draft;
use crate::policy::Terms;
use crate::score::slots::{ShortDigest, short_digest};
use crate::score::{AsOf, Profile, Scope};
use crate::subject::Identity;
use crate::subject::level::level_of;
use crate::subject::rows::FRAUD_ALERT;

/// A moment, and what is known of the person's identity at it.
pub struct View {
    /// For the score.
    pub as_of: AsOf,
    /// The verified channels, by name.
    pub channels: Vec<String>,
}

/// The draft, saying under whose law supervision counts it: the residence of the person it
/// concerns, else the bureau's home. What names its packs itself is left alone: the opening of an
/// inquiry's record goes to the asker, who must not learn from it where somebody lives.
pub fn counted(work: &Work<'_>, mut draft: Draft) -> Draft {
    if draft.record.contains_key("rule_pack") || draft.record.contains_key("jurisdiction") {
        return draft;
    }
    let stated = draft.record.get("residence").and_then(|value| value.as_str());
    let person = draft.person.as_ref().and_then(|id| work.loaded.persons.get(id));
    let residence = stated.or(person.map(|row| row.residence.as_str()));
    let home = work.engine.home.as_str();
    let pack = residence.and_then(pack_of).or_else(|| pack_of(home)).unwrap_or(home);
    draft.record.insert("jurisdiction".to_string(), pack.into());
    draft
}

/// Which dimensions may be read: those of the packs that the consent covers.
pub fn scope(terms: &Terms, standing: Option<&Standing>) -> Scope {
    let mut scope = Scope::ALL;
    for dimension in Dimension::ALL {
        let on = terms.dimensions.iter().any(|name| name == dimension.name());
        let consented = standing.is_none_or(|s| s.covers_dimension(dimension.name()));
        if !(on && consented) {
            scope = scope.without(dimension);
        }
    }
    scope
}

/// The identity level and channels that vault and profile support on the date of `as_of`.
pub fn identity_level(
    identity: &Identity,
    profile: &Profile,
    today: jiff::civil::Date,
) -> (u8, Vec<String>) {
    // The profile keeps digests of sources: both sides are compared in that form.
    let told = identity.verifications.iter();
    let mut checks: Vec<(&str, ShortDigest, jiff::civil::Date)> =
        told.map(|v| (v.channel.as_str(), short_digest(&v.source), v.verified)).collect();
    checks.extend(
        profile
            .verifications
            .iter()
            .map(|slot| (slot.channel.name(), slot.source, Month(slot.verified).first_day())),
    );
    let reached = level_of(checks.iter().copied(), today, VERIFICATION_YEARS);
    let channels: BTreeSet<&str> = checks
        .into_iter()
        .filter(|(c, _, d)| *d <= today && *c != Channel::Questionnaire.name())
        .map(|(c, _, _)| c)
        .collect();
    (reached, channels.into_iter().map(str::to_string).collect())
}

/// Whether the person warned of fraud (FCRA 605A).
pub fn fraud_alert(work: &Work<'_>, person: &str) -> bool {
    let mut rows = work.loaded.freezes.values();
    rows.any(|row| {
        work.loaded.canonical(&row.person) == person && row.stands(FRAUD_ALERT, work.now)
    })
}

/// Whether something on the person's file is disputed and shown as such. What is withheld
/// meanwhile is not shown, and so not said to be disputed.
pub fn disputed(work: &Work<'_>, person: &str) -> bool {
    let loaded = &work.loaded;
    loaded.contested.values().any(|item| {
        item.to_idx.is_none() && !item.withheld && loaded.canonical(&item.person) == person
    })
}

/// The circumstances of a score of `person` at `as_of`.
///
/// # Errors
/// The vault or the profile does not open.
pub fn as_of(work: &mut Work<'_>, person: &str, as_of: Time, scope: Scope) -> Result<View, Fault> {
    must_score(work)?;
    view(work, person, as_of, scope)
}

/// Nobody is scored by a scorecard that was not approved.
///
/// # Errors
/// None is in force.
pub fn must_score(work: &Work<'_>) -> Result<(), Problem> {
    if work.engine.may_score(&work.loaded.models) {
        return Ok(());
    }
    let text = "No approved scorecard is in force here, so nobody is scored. The operator promotes \
                one (`fivefold model promote`) or restarts after it was.";
    Err(Problem::new("scorecard_not_in_force", text))
}

/// The same where no score is given away: a person's own file is shown whether or not it can be
/// scored.
///
/// # Errors
/// The vault or the profile does not open.
pub fn view(work: &mut Work<'_>, person: &str, as_of: Time, scope: Scope) -> Result<View, Fault> {
    let residence = super::command::consent::residence(work, person);
    let (_, offset) = super::command::refold::terms(work.engine, &residence);
    let date = as_of.date_at(offset);
    super::command::refold::freshen(work, person)?;
    let identity = work.identity(person)?;
    let (level, channels) = identity_level(&identity, &work.folded(person)?.profile, date);
    let loaded = &work.loaded;
    let whole = loaded.marks.iter().filter(|(owner, _)| loaded.canonical(owner) == person);
    let mut marks: Vec<Mark<'_>> = whole
        .flat_map(|(_, marks)| marks)
        .map(|m| Mark { scenario: &m.scenario, at: Time::from_micros(m.at_us) })
        .collect();
    marks.sort_by_key(|mark| mark.at);
    let (six, twelve) = count(&marks, as_of);
    let as_of = AsOf {
        date,
        identity_level: level,
        hard_inquiries_6m: six,
        hard_inquiries_12m: twelve,
        scope,
        with_disputed: None,
    };
    Ok(View { as_of, channels })
}
