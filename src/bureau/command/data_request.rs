//! What the bureau asks a furnisher for, tracked until it comes: asked by staff, or by the sweep
//! when a contracted window has passed; filled by the batch that brings it; or answered with why
//! it does not come. Each an entry.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::{Value, json};

use super::observe::account_id;
use super::{Answer, Command, Fault, needs_of_admission};
use crate::bureau::admission::{Admission, Principal};
use crate::bureau::authority;
use crate::bureau::matter::Told;
use crate::bureau::needs::Needs;
use crate::bureau::work::Work;
use crate::collect::coverage::Months;
use crate::collect::rows::DataRequestRow;
use crate::consent::rows as consent_rows;
use crate::error::{Problem, Reason};
use crate::kernel::{Month, Time};
use crate::ledger::body::Draft;
use crate::ledger::leaf::PublicKind;
use crate::partner::Role;
use crate::policy::Action;

/// Why a furnisher does not send what it is asked for.
pub const REASONS: [&str; 5] =
    ["no_activity", "not_ours", "account_closed", "no_consent", "not_available"];
/// The reason with which the bureau itself ends a request: the person took the consent back.
pub const CONSENT_ENDED: &str = "consent_ended";
/// Months that one request asks for at most.
pub const MONTHS_MAX: i32 = 120;
/// Data requests of one page at most.
pub const REQUESTS_MAX: i64 = 200;

/// Asks a furnisher for statements of one account.
pub struct RequestData {
    /// Which member of staff, and why; or the sweep.
    pub admission: Admission,
    /// Id or name of the furnisher.
    pub furnisher: String,
    /// The furnisher's own id of the person.
    pub subject: String,
    /// The furnisher's key of the account.
    pub account_key: String,
    /// Which months.
    pub months: Months,
}

/// The account that a request is about.
struct Account {
    furnisher: String,
    person: String,
    id: Vec<u8>,
}

impl RequestData {
    fn account(&self, work: &mut Work<'_>) -> Result<Account, Fault> {
        let Some(partner) = work.registry.find(&self.furnisher).cloned() else {
            let text = "There is no such partner. `fivefold partner list` shows them.";
            return Err(Problem::new("partner_not_found", text).into());
        };
        if !partner.roles.contains(&Role::Furnisher) {
            let text = "Only a partner in the role of a furnisher is asked for data.";
            return Err(Problem::new("role_missing", text).into());
        }
        let row = work.loaded.pairwise.get(&self.subject).filter(|row| row.partner == partner.id);
        let Some(row) = row.cloned() else {
            let text = "This furnisher has no such subject: use its own id of the person.";
            return Err(Problem::new("subject_not_found", text).into());
        };
        let id = account_id(work.engine, &row.person, &partner.id, &self.account_key);
        let whole = work.loaded.canonical(&row.person).to_string();
        if !may_speak(work, &partner.id, &whole)? {
            let text = "The person's consent does not stand: nothing may be asked for.";
            return Err(Problem::new("consent_not_found", text).into());
        }
        // About whom the furnisher knows: after a split it is theirs and nobody else's.
        Ok(Account { furnisher: partner.id, person: row.person, id })
    }

    /// The first to the last month that is asked for and not there.
    fn lacking(&self, work: &mut Work<'_>, account: &Account) -> Result<Months, Fault> {
        let Months { from, until } = self.months;
        let today = Month::of(work.now.date_at(0));
        if until < from || until.since(from) >= MONTHS_MAX || until >= today {
            let text = format!("months that are over, in order, at most {MONTHS_MAX}");
            let fault = Reason::new("/months", "dates_out_of_order", text);
            return Err(Problem::invalid(vec![fault]).into());
        }
        let held = work.statements(&account.furnisher, &account.id)?;
        if held.is_empty() {
            let text = "This furnisher never sent anything about such an account.";
            return Err(Problem::new("item_not_found", text).into());
        }
        let lacks = |month: &i32| !held.contains(&i64::from(*month));
        let first = (from.0..=until.0).find(lacks);
        let last = (from.0..=until.0).rev().find(lacks);
        match first.zip(last) {
            Some((first, last)) => Ok(Months { from: Month(first), until: Month(last) }),
            None => {
                let text = "Every month of these is there.";
                Err(Problem::new("nothing_missing", text).into())
            }
        }
    }
}

/// Whether the furnisher may speak of the person: a consent to furnish stands, or it never needed
/// one.
fn may_speak(work: &mut Work<'_>, furnisher: &str, person: &str) -> Result<bool, Fault> {
    let same = |id: &&String| work.loaded.canonical(id) == person;
    let ids: Vec<String> = work.loaded.persons.keys().filter(same).cloned().collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let now = work.now;
    let mut rows = consent_rows::by_person(work.conn, &ids)?;
    // What this batch has changed of them.
    rows.iter_mut().for_each(|row| {
        if let Some(changed) = work.loaded.consents.get(&row.id) {
            row.clone_from(changed);
        }
    });
    Ok(stands(&rows, furnisher, now))
}

/// Whether one of these consents of a person lets a furnisher speak; or none was ever given, since
/// it furnishes on another basis.
pub fn stands(rows: &[consent_rows::ConsentRow], furnisher: &str, now: Time) -> bool {
    let to =
        |row: &&consent_rows::ConsentRow| row.recipient == furnisher && row.purpose == "furnish";
    let at = now.micros();
    let mut own = rows.iter().filter(to).peekable();
    own.peek().is_none()
        || own.any(|row| row.revoked_us.is_none() && row.valid_from_us <= at && at < row.expires_us)
}

impl Command for RequestData {
    fn admission(&self) -> &Admission {
        &self.admission
    }

    fn needs(&self, needs: &mut Needs) {
        needs_of_admission(&self.admission, needs);
        needs.subjects.insert(self.subject.clone());
    }

    fn execute(&self, work: &mut Work<'_>) -> Result<Answer, Fault> {
        authority::permit_staff(work, &self.admission, Action::HandleCase)?;
        let account = self.account(work)?;
        let months = self.lacking(work, &account)?;
        let asked = work.requests_about(&account.id)?;
        let overlaps = |row: &&DataRequestRow| {
            row.state == "open"
                && row.from_month <= i64::from(months.until.0)
                && i64::from(months.from.0) <= row.until_month
        };
        if let Some(row) = asked.iter().find(overlaps) {
            let text = format!("{} asks for some of these months already.", row.id);
            return Err(Problem::new("request_exists", text).into());
        }
        let id = work.mint("drq");
        let (actor, _) = authority::actor(work, &self.admission);
        let draft = Draft::new("data_requested", PublicKind::Observation)
            .about(&account.person)
            .says("by", actor)
            .says("furnisher", account.furnisher.clone())
            .says("request", id.clone())
            .says("months", months.until.since(months.from) + 1)
            .says("reason", self.admission.reason())
            .says("tells", 1)
            .holds(json!({
                "person": account.person, "request": id, "subject": self.subject,
                "account_key": self.account_key, "from": months.from, "until": months.until,
            }));
        let recorded = work.append(draft)?;
        let about = json!({
            "request": id, "subject": self.subject, "account_key": self.account_key,
            "from": months.from, "until": months.until,
        });
        let told = vec![Told::new(&account.furnisher, "data_requested", about.clone())];
        work.tell(told, Some(&account.person), recorded.index)?;
        work.put_data_request(DataRequestRow {
            id,
            furnisher: account.furnisher,
            person: account.person.clone(),
            account: account.id,
            from_month: i64::from(months.from.0),
            until_month: i64::from(months.until.0),
            state: "open".to_string(),
            reason: None,
            opened_us: work.now.micros(),
            closed_us: None,
            opened_idx: recorded.index as i64,
            idx: recorded.index as i64,
        });
        let mut body = about;
        body["index"] = json!(recorded.index);
        Ok(Answer::created(&body, Some(&account.person)))
    }
}

/// `POST /v1/data-requests/{id}/answer`.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RequestAnswerSent {
    /// `no_activity` (there is no statement of these months), `not_ours` (the account is not this
    /// furnisher's), `account_closed`, `no_consent`, `not_available`.
    pub reason: String,
}

/// A furnisher says why it does not send what it was asked for; or the bureau ends a request that
/// may no longer be filled.
pub struct AnswerRequest {
    /// Who answers.
    pub admission: Admission,
    /// Which request.
    pub request: String,
    /// Why.
    pub sent: RequestAnswerSent,
}

fn closed(
    row: DataRequestRow,
    state: &str,
    reason: Option<&str>,
    at: (Time, u64),
) -> DataRequestRow {
    DataRequestRow {
        state: state.to_string(),
        reason: reason.map(str::to_string),
        closed_us: Some(at.0.micros()),
        idx: at.1 as i64,
        ..row
    }
}

fn days_since(work: &Work<'_>, row: &DataRequestRow) -> i64 {
    (work.now.micros() - row.opened_us) / 86_400_000_000
}

impl Command for AnswerRequest {
    fn admission(&self) -> &Admission {
        &self.admission
    }

    fn needs(&self, needs: &mut Needs) {
        needs_of_admission(&self.admission, needs);
        needs.data_requests.insert(self.request.clone());
    }

    fn execute(&self, work: &mut Work<'_>) -> Result<Answer, Fault> {
        let bureau = matches!(self.admission.principal, Principal::Operator { .. });
        let me = self.admission.principal.key();
        let row = work.loaded.data_requests.get(&self.request).cloned();
        let row = row.filter(|row| bureau || row.furnisher == me);
        if bureau {
            authority::permit_staff(work, &self.admission, Action::HandleCase)?;
        } else {
            let home = work.engine.home.clone();
            let mut facts = authority::facts(work, &self.admission, Action::AnswerRequest, &home);
            facts.item.found = row.is_some();
            facts.item.own = row.is_some();
            let kind = PublicKind::Observation;
            authority::permit(work, &self.admission, &facts, kind, None)?.spend();
        }
        let Some(row) = row else {
            let text = "There is no such data request.";
            return Err(Problem::new("item_not_found", text).into());
        };
        let reason = self.sent.reason.as_str();
        if !(REASONS.contains(&reason) || (bureau && reason == CONSENT_ENDED)) {
            let text = format!("one of {}", REASONS.join(", "));
            let fault = Reason::new("/reason", "unknown_value", text);
            return Err(Problem::invalid(vec![fault]).into());
        }
        if row.state != "open" {
            let text = "It was filled or answered before.";
            return Err(Problem::new("request_closed", text).into());
        }
        let (actor, _) = authority::actor(work, &self.admission);
        let draft = Draft::new("data_request_answered", PublicKind::Observation)
            .about(&row.person)
            .says("by", actor)
            .says("furnisher", row.furnisher.clone())
            .says("request", row.id.clone())
            .says("reason", reason)
            .says("days", days_since(work, &row))
            .holds(json!({ "person": row.person, "request": row.id }));
        let recorded = work.append(draft)?;
        let body = json!({
            "request": row.id, "state": "answered", "reason": reason,
            "log": recorded.receipt(),
        });
        let at = (work.now, recorded.index);
        let person = row.person.clone();
        work.put_data_request(closed(row, "answered", Some(reason), at));
        Ok(Answer::ok(&body, Some(&person)))
    }
}

/// Closes the open requests about these accounts that what came fills: all of their months are
/// there now. Part of the batch that brought the last of them.
///
/// # Errors
/// The database's, or a person has no key.
pub fn fill(
    work: &mut Work<'_>,
    furnisher: &str,
    accounts: &BTreeSet<Vec<u8>>,
) -> Result<(), Fault> {
    for row in work.open_requests(accounts)? {
        let held = work.statements(furnisher, &row.account)?;
        if (row.from_month..=row.until_month).any(|month| !held.contains(&month)) {
            continue;
        }
        let draft = Draft::new("data_request_filled", PublicKind::Observation)
            .about(&row.person)
            .says("furnisher", furnisher)
            .says("request", row.id.clone())
            .says("days", days_since(work, &row))
            .holds(json!({ "person": row.person, "request": row.id }));
        let index = work.append(draft)?.index;
        let at = (work.now, index);
        work.put_data_request(closed(row, "filled", None, at));
    }
    Ok(())
}

/// A data request as its furnisher reads it; `asked` is the personal part of its entry.
pub fn shown(row: &DataRequestRow, asked: &Value) -> Value {
    let mut body = json!({
        "request": row.id, "state": row.state,
        "subject": asked["subject"], "account_key": asked["account_key"],
        "from": asked["from"], "until": asked["until"],
        "opened_at": Time::from_micros(row.opened_us), "index": row.opened_idx,
    });
    if let Some(closed) = row.closed_us {
        body["closed_at"] = json!(Time::from_micros(closed));
    }
    if let Some(reason) = &row.reason {
        body["reason"] = json!(reason);
    }
    body
}
