//! Watching: an asker with a standing, periodic consent is told when a person's score enters
//! another band, or when something adverse appears.
//!
//! Watching is asking (Reg 18; FCRA 604): each look decides like an inquiry, and what is told is an
//! inquiry on record, soft and counted, before it is told. A look that finds nothing leaves no
//! trace, since nothing left the bureau.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::{Value, json};

use super::inquire::{Inquire, InquirySent};
use super::peek::Peek;
use super::refold::{Logged, counted_of, over_today};
use super::{Answer, Command, Fault, kept_answer, needs_of_admission};
use crate::bureau::admission::Admission;
use crate::bureau::authority;
use crate::bureau::matter::Told;
use crate::bureau::needs::Needs;
use crate::bureau::work::Work;
use crate::collect::{Basis, BasisKind, Operation};
use crate::error::{Problem, Reason};
use crate::inquiry::rows::{InquiryRow, MonitorRow};
use crate::kernel::Time;
use crate::ledger::body::Draft;
use crate::ledger::leaf::PublicKind;
use crate::policy::{Action, Disclosure, Pull, ScenarioTerms};

/// What can be watched.
pub const WATCHES: [&str; 2] = [BAND, ADVERSE];
const BAND: &str = "band";
const ADVERSE: &str = "adverse";
/// Monitors of one page at most.
pub const MONITORS_MAX: i64 = 200;
/// Refusals after which nothing can be told any more. Others pass (a freeze, a suspension, a death
/// that may have been reported wrongly): the asker is told nothing while they hold.
fn ends_it(code: &str) -> bool {
    let passing = ["consent_not_yet_valid", "consent_too_often"].contains(&code);
    let ground = code.starts_with("consent_") || code.starts_with("scenario_");
    let other = matches!(
        code,
        "role_missing"
            | "sector_not_allowed"
            | "basis_not_allowed"
            | "scope_insufficient"
            | "person_unknown"
    );
    (ground && !passing) || other
}

/// `POST /v1/monitors`.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MonitorSent {
    /// The asker's own id of the person.
    pub subject: String,
    /// A standing consent of the person to this scenario, with `fetch` PERIODIC.
    pub consent: String,
    /// A contracted scenario whose questions are soft, such as `account_review`.
    pub scenario: String,
    /// What is watched: `band`, `adverse`; both when absent.
    #[serde(default)]
    pub watch: Vec<String>,
    /// The bands whose entering or leaving is told; every band when absent.
    #[serde(default)]
    pub bands: Vec<String>,
}

/// Begins to watch.
pub struct SetMonitor {
    /// Who watches.
    pub admission: Admission,
    /// Whom, on which ground.
    pub sent: MonitorSent,
}

fn inquire(admission: Admission, subject: &str, consent: &str, scenario: &str) -> Inquire {
    let basis = Basis { kind: BasisKind::Consent, reference: consent.to_string() };
    let sent = InquirySent {
        subject: subject.to_string(),
        basis,
        scenario: scenario.to_string(),
        as_of: None,
        counterpart: None,
    };
    Inquire { admission, sent }
}

/// Whether the questions of a scenario can be repeated without a mark that others see.
fn watchable(terms: &ScenarioTerms) -> bool {
    terms.pull == Pull::Soft && terms.discloses.contains(&Disclosure::Band)
}

/// The band of an answer; `None` where it has none.
fn band_of(answer: &Value) -> Option<String> {
    answer["band"].as_str().map(str::to_string)
}

impl SetMonitor {
    fn faults(&self, work: &Work<'_>) -> Vec<Reason> {
        let sent = &self.sent;
        let mut faults = Vec::new();
        if sent.watch.iter().any(|one| !WATCHES.contains(&one.as_str())) {
            let text = format!("of {}", WATCHES.join(", "));
            faults.push(Reason::new("/watch", "unknown_value", text));
        }
        let bands = work.engine.champion().bands.iter();
        let known: Vec<&str> = bands.map(|band| band.name.as_str()).collect();
        if sent.bands.iter().any(|band| !known.contains(&band.as_str())) {
            let text = format!("of {}", known.join(", "));
            faults.push(Reason::new("/bands", "unknown_value", text));
        }
        let me = self.admission.principal.key();
        // Whatever the state of the person: it must not be told by this.
        let subject = work.loaded.pairwise.get(&sent.subject).filter(|row| row.partner == me);
        let residence = match subject {
            Some(row) => super::consent::residence(work, work.loaded.canonical(&row.person)),
            None => work.engine.home.clone(),
        };
        let pack = authority::pack_of(&residence);
        let terms = work.engine.rules.terms(&sent.scenario, pack);
        if terms.is_some_and(|terms| !watchable(&terms)) {
            let text = "watching needs a scenario that is asked softly and tells a band";
            faults.push(Reason::new("/scenario", "not_allowed", text));
        }
        let consent = work.loaded.consents.get(&sent.consent).filter(|row| row.recipient == me);
        if consent.is_some_and(|row| row.fetch != "PERIODIC") {
            let text = "a consent to be asked once is none to be watched: `fetch` is PERIODIC";
            faults.push(Reason::new("/consent", "not_allowed", text));
        }
        faults
    }
}

impl Command for SetMonitor {
    fn admission(&self) -> &Admission {
        &self.admission
    }

    fn needs(&self, needs: &mut Needs) {
        needs_of_admission(&self.admission, needs);
        needs.subjects.insert(self.sent.subject.clone());
        needs.consents.insert(self.sent.consent.clone());
        needs.scored = true;
    }

    fn execute(&self, work: &mut Work<'_>) -> Result<Answer, Fault> {
        let faults = self.faults(work);
        if !faults.is_empty() {
            return Err(Problem::invalid(faults).into());
        }
        let (sent, me) = (&self.sent, self.admission.principal.key());
        let same = |row: &MonitorRow| row.state == "active" && row.partner == me;
        if work.monitors_on(&sent.consent)?.iter().any(same) {
            let text = "You watch on this consent already. GET /v1/monitors lists your monitors.";
            return Err(Problem::new("monitor_exists", text).into());
        }
        // Where things stand now is an inquiry like any other: what changes is told against it.
        let first = inquire(self.admission.clone(), &sent.subject, &sent.consent, &sent.scenario);
        let told = first.execute(work)?;
        let answer: Value = serde_json::from_slice(&told.body).map_err(|_| Problem::internal())?;
        let (Some(person), Some(inquiry)) = (told.person, told.inquiry) else {
            return Err(Problem::internal().into());
        };
        // Whom the asker's own id is about: should the person be held to be another for a while,
        // what is watched goes with them when the two are taken apart.
        let holder = work.loaded.pairwise.get(&sent.subject).map(|row| row.person.clone());
        let person = holder.unwrap_or(person);
        let watch = if sent.watch.is_empty() { WATCHES.join(",") } else { sent.watch.join(",") };
        let id = work.mint("mon");
        let (actor, sector) = authority::actor(work, &self.admission);
        let draft = Draft::new("monitor_set", PublicKind::Inquiry)
            .about(&person)
            .says("asker", actor)
            .says("sector", sector)
            .says("scenario", sent.scenario.clone())
            .says("watch", watch.clone())
            .says("bands", sent.bands.join(","))
            .holds(json!({
                "person": person, "monitor": id, "subject": sent.subject,
                "consent": sent.consent, "inquiry": inquiry,
            }));
        let recorded = work.append(draft)?;
        let row = MonitorRow {
            id,
            partner: me,
            person: person.clone(),
            subject: sent.subject.clone(),
            consent: sent.consent.clone(),
            scenario: sent.scenario.clone(),
            watch,
            bands: sent.bands.join(","),
            state: "active".to_string(),
            reason: None,
            inquiry,
            opened_us: work.now.micros(),
            ended_us: None,
            opened_idx: recorded.index as i64,
            idx: recorded.index as i64,
        };
        let mut body = shown(&row);
        body["band"] = json!(band_of(&answer));
        body["log"] = recorded.receipt();
        work.put_monitor(row);
        Ok(Answer::created(&body, Some(&person)))
    }
}

/// A monitor as its asker reads it.
pub fn shown(row: &MonitorRow) -> Value {
    let list = |text: &str| -> Vec<String> {
        text.split(',').filter(|one| !one.is_empty()).map(str::to_string).collect()
    };
    let mut body = json!({
        "monitor": row.id, "state": row.state, "subject": row.subject, "consent": row.consent,
        "scenario": row.scenario, "watch": list(&row.watch), "bands": list(&row.bands),
        "inquiry": row.inquiry, "since": Time::from_micros(row.opened_us),
    });
    if let Some(ended) = row.ended_us {
        body["ended_at"] = json!(Time::from_micros(ended));
        body["reason"] = json!(row.reason);
    }
    body
}

/// The asker's own monitor, under the policy that lets it read its own answers again.
fn own(work: &mut Work<'_>, admission: &Admission, id: &str) -> Result<MonitorRow, Fault> {
    let me = admission.principal.key();
    let row = work.loaded.monitors.get(id).filter(|row| row.partner == me).cloned();
    let home = work.engine.home.clone();
    let mut facts = authority::facts(work, admission, Action::ReadAnswer, &home);
    facts.item.found = row.is_some();
    facts.item.own = row.is_some();
    authority::permit(work, admission, &facts, PublicKind::Inquiry, None)?.spend();
    row.ok_or_else(|| Problem::internal().into())
}

/// `GET /v1/monitors/{id}`.
pub struct ReadMonitor {
    /// Who reads.
    pub admission: Admission,
    /// Which.
    pub monitor: String,
}

impl Command for ReadMonitor {
    fn admission(&self) -> &Admission {
        &self.admission
    }

    fn needs(&self, needs: &mut Needs) {
        needs_of_admission(&self.admission, needs);
        needs.monitors.insert(self.monitor.clone());
    }

    fn execute(&self, work: &mut Work<'_>) -> Result<Answer, Fault> {
        let row = own(work, &self.admission, &self.monitor)?;
        Ok(Answer::ok(&shown(&row), None))
    }
}

/// `DELETE /v1/monitors/{id}`: the asker watches no longer.
pub struct EndMonitor {
    /// Who ends it.
    pub admission: Admission,
    /// Which.
    pub monitor: String,
}

impl Command for EndMonitor {
    fn admission(&self) -> &Admission {
        &self.admission
    }

    fn needs(&self, needs: &mut Needs) {
        needs_of_admission(&self.admission, needs);
        needs.monitors.insert(self.monitor.clone());
    }

    fn execute(&self, work: &mut Work<'_>) -> Result<Answer, Fault> {
        let row = own(work, &self.admission, &self.monitor)?;
        let row = match row.state.as_str() {
            "active" => end(work, row, "asker")?,
            _ => row,
        };
        Ok(Answer::ok(&shown(&row), Some(&row.person)))
    }
}

/// Ends a monitor, by an entry.
fn end(work: &mut Work<'_>, row: MonitorRow, reason: &str) -> Result<MonitorRow, Fault> {
    let draft = Draft::new("monitor_ended", PublicKind::Inquiry)
        .about(&row.person)
        .says("asker", row.partner.clone())
        .says("scenario", row.scenario.clone())
        .says("reason", reason)
        .holds(json!({ "person": row.person, "monitor": row.id }));
    let index = work.append(draft)?.index;
    let row = MonitorRow {
        state: "ended".to_string(),
        reason: Some(reason.to_string()),
        ended_us: Some(work.now.micros()),
        idx: index as i64,
        ..row
    };
    work.put_monitor(row.clone());
    Ok(row)
}

/// Looks of one command at most: a few, so that nobody who asks waits for long.
pub const LOOKS_MAX: usize = 16;

/// A look at each of some persons, for a monitor each.
pub struct Look {
    /// The bureau.
    pub admission: Admission,
    /// The monitors, as they were read before.
    pub monitors: Vec<MonitorRow>,
}

impl Command for Look {
    fn admission(&self) -> &Admission {
        &self.admission
    }

    fn is_bulk(&self) -> bool {
        true
    }

    fn needs(&self, needs: &mut Needs) {
        needs_of_admission(&self.admission, needs);
        for monitor in &self.monitors {
            needs.monitors.insert(monitor.id.clone());
            needs.subjects.insert(monitor.subject.clone());
            needs.consents.insert(monitor.consent.clone());
            needs.inquiries.insert(monitor.inquiry.clone());
        }
        needs.scored = true;
    }

    fn execute(&self, work: &mut Work<'_>) -> Result<Answer, Fault> {
        let mut told = 0_u64;
        for monitor in &self.monitors {
            told += u64::from(look(work, &monitor.id)?);
        }
        Ok(Answer::ok(&json!({ "told": told }), None))
    }
}

/// One look; whether something was told.
fn look(work: &mut Work<'_>, monitor: &str) -> Result<bool, Fault> {
    let row = work.loaded.monitors.get(monitor).cloned();
    let known =
        row.filter(|row| row.state == "active" && work.loaded.inquiries.contains_key(&row.inquiry));
    // Ended, forgotten with the person, or told of by another node meanwhile.
    let Some(row) = known else { return Ok(false) };
    let asking = Admission::console(&row.partner);
    let look = inquire(asking, &row.subject, &row.consent, &row.scenario);
    match look.peek(work)? {
        Peek::Unscored => Ok(false),
        Peek::Refused(code) => {
            if ends_it(&code) {
                end(work, row, &code)?;
            }
            Ok(false)
        }
        Peek::Valued(valued) => {
            let band = valued.value.get(BAND).and_then(Value::as_str).map(str::to_string);
            let before = before(work, &row)?;
            let watches = |what: &str| row.watch.split(',').any(|one| one == what);
            let moved = watches(BAND) && crossed(&row, before.as_deref(), band.as_deref());
            let adverse = watches(ADVERSE) && appeared(work, &row)?;
            match moved || adverse {
                true => tell(work, &look, row, Found { before, moved, adverse }),
                false => Ok(false),
            }
        }
    }
}

/// The band of the last answer of a monitor.
fn before(work: &Work<'_>, row: &MonitorRow) -> Result<Option<String>, Fault> {
    let last: Option<&InquiryRow> = work.loaded.inquiries.get(&row.inquiry);
    let Some(last) = last else { return Ok(None) };
    let body = kept_answer(work, last)?;
    let answer: Value = serde_json::from_slice(&body).map_err(|_| Problem::internal())?;
    Ok(band_of(&answer))
}

/// What a look found.
struct Found {
    before: Option<String>,
    moved: bool,
    adverse: bool,
}

/// Whether the score entered or left a band that is told of. Somebody who cannot be assessed for
/// the moment has left none.
fn crossed(row: &MonitorRow, before: Option<&str>, after: Option<&str>) -> bool {
    let Some(after) = after else { return false };
    let listed = |band: &str| row.bands.is_empty() || row.bands.split(',').any(|one| one == band);
    before != Some(after) && (listed(after) || before.is_some_and(listed))
}

/// Whether something adverse came since the monitor last spoke that counts and is shown, and that
/// was not adverse before under the same name.
fn appeared(work: &mut Work<'_>, row: &MonitorRow) -> Result<bool, Fault> {
    let person = work.loaded.canonical(&row.person).to_string();
    let seen = row.idx.unsigned_abs();
    if work.folded(&person)?.index <= seen {
        // Nothing came, and nothing was settled.
        return Ok(false);
    }
    let counted = counted_of(work, &person)?;
    let over = over_today(work, &person, &counted);
    let name = |one: &Logged| {
        let fact = &one.observation.fact;
        (one.furnisher.clone(), fact.type_name(), fact.identity())
    };
    let scope = work.loaded.consents.get(&row.consent).map(|row| row.standing()).transpose()?;
    let covered = |one: &Logged| {
        let dimension = one.observation.fact.dimension().name();
        scope.as_ref().is_some_and(|scope| scope.covers_dimension(dimension))
    };
    let (mut before, mut last) = (BTreeSet::new(), BTreeMap::new());
    for one in &counted.logged {
        let stands = one.observation.op != Operation::Delete;
        let adverse = stands && one.observation.fact.is_adverse() && covered(one);
        let adverse =
            adverse && !(counted.withheld.contains(&one.index) || over.contains(&one.index));
        if one.index <= seen {
            if adverse {
                before.insert(name(one));
            } else {
                before.remove(&name(one));
            }
        }
        last.insert(name(one), adverse && one.index > seen);
    }
    Ok(last.into_iter().any(|(name, fresh)| fresh && !before.contains(&name)))
}

/// Asks, on record, and tells: never twice for one crossing, since both stand in one batch.
fn tell(work: &mut Work<'_>, look: &Inquire, row: MonitorRow, found: Found) -> Result<bool, Fault> {
    let told = match look.execute(work) {
        Ok(told) => told,
        // No inquiry is left of the day's: the next turn tells.
        Err(Fault::Problem(..)) => return Ok(false),
        Err(fault) => return Err(fault),
    };
    let answer: Value = serde_json::from_slice(&told.body).map_err(|_| Problem::internal())?;
    let (inquiry, after) = (told.inquiry.unwrap_or_default(), band_of(&answer));
    let draft = Draft::new("monitor_alert", PublicKind::Inquiry)
        .about(&row.person)
        .says("asker", row.partner.clone())
        .says("scenario", row.scenario.clone())
        .says("band_crossed", found.moved)
        .says("adverse_appeared", found.adverse)
        .says("inquiry", inquiry.clone())
        .says("tells", 1)
        .holds(json!({ "person": row.person, "monitor": row.id, "inquiry": inquiry }));
    let index = work.append(draft)?.index;
    let mut about = json!({
        "monitor": row.id, "subject": row.subject, "scenario": row.scenario, "inquiry": inquiry,
    });
    if found.moved {
        about["band"] = json!({ "before": found.before, "after": after });
    }
    if found.adverse {
        about["adverse"] = json!("adverse item appeared");
    }
    let event = vec![Told::new(&row.partner, "alert", about)];
    work.tell(event, Some(&row.person), index)?;
    work.put_monitor(MonitorRow { inquiry, idx: index as i64, ..row });
    Ok(true)
}
