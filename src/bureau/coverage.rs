//! What the bureau has of a furnisher and what it lacks: statements by month, accounts that
//! stopped, gaps between statements, persons who consented and of whom nothing came.
//!
//! Read from the last word on every record ([`crate::collect::rows`]), beside the sequencer.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::{Value, json};

use super::Bureau;
use super::command::data_request::stands;
use super::command::refold::{self, merged_at, stands_for};
use super::meters;
use crate::collect::coverage::{Months, Statements};
use crate::collect::receipt::Lacking;
use crate::collect::rows::{self as fact_rows, DataRequestRow, FactRow, Span};
use crate::consent::rows as consent_rows;
use crate::kernel::bytes::{from_hex, hex};
use crate::kernel::{Month, Time};
use crate::partner::Role;
use crate::store::{AnyConn, StoreError};
use crate::subject::rows as subject_rows;

/// Accounts, or persons, of one page at most.
pub const PAGE_MAX: usize = 200;
/// Accounts read at a time.
const SPANS: i64 = 1_000;
/// Months for which is said how many accounts have a statement.
const MONTHS_SHOWN: i32 = 12;
/// Days after the end of a month by which its statements are in time where no contract says so
/// (the `timeliness` table counts with the same number).
pub const IN_TIME_DAYS: i64 = 40;
/// Accounts that a receipt is looked through for at least, and for each line of the file.
const LOOKED_AT_MIN: usize = 50_000;
const LOOKED_AT_PER_LINE: u64 = 20;
/// Accounts that a receipt names at most.
pub const NAMED_MAX: usize = 100;

/// The newest month whose statements are due at `now` without a contract.
pub fn customary(now: Time, utc_offset_hours: i8) -> Month {
    let due = now.plus_days(-IN_TIME_DAYS).date_at(utc_offset_hours);
    Month::of(due).plus(-1)
}

/// An account with something missing.
#[derive(Clone, Debug)]
pub struct Incomplete {
    account: Vec<u8>,
    /// The newest record about it.
    idx: i64,
    person: String,
    /// Its first and last statement.
    pub span: (i32, i32),
    /// Whether further statements are expected.
    pub open: bool,
    /// What should be there.
    pub missing: Vec<Months>,
    /// A request that is open.
    pub request: Option<String>,
}

/// How a furnisher's accounts stand together.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// Accounts of which anything stands.
    pub accounts: u64,
    /// With every statement that is due.
    pub complete: u64,
    /// Open ones whose last statements are missing.
    pub stopped: u64,
    /// With a gap between statements.
    pub with_gaps: u64,
    /// Reported as accounts, and never with a statement.
    pub without_statements: u64,
    /// Data requests that are open.
    pub requests_open: u64,
}

/// Everybody's merges, so that a consent of one is one of all.
pub(super) struct Merged {
    into: BTreeMap<String, String>,
}

impl Merged {
    pub(super) fn read(conn: &mut AnyConn) -> Result<Merged, StoreError> {
        let resolutions = subject_rows::resolutions(conn)?;
        Ok(Merged { into: merged_at(&resolutions, u64::MAX) })
    }

    /// Everybody who is the same person.
    pub(super) fn members(&self, person: &str) -> BTreeSet<String> {
        let own = stands_for(&self.into, person);
        let others = self.into.keys().filter(|id| stands_for(&self.into, id) == own);
        others.cloned().chain([own.to_string(), person.to_string()]).collect()
    }
}

/// A walk through the accounts of one furnisher.
struct Walk<'a> {
    furnisher: &'a str,
    now: Time,
    merged: Merged,
    after: Vec<u8>,
    totals: Totals,
}

/// What one step of a walk found.
struct Step {
    spans: Vec<Span>,
    incomplete: Vec<Incomplete>,
}

/// An account's records.
#[derive(Default)]
struct Records {
    statements: Statements,
    newest: Option<(i64, String)>,
    request: Option<String>,
}

impl Records {
    fn take(&mut self, row: &FactRow) {
        if self.newest.as_ref().is_none_or(|(idx, _)| *idx < row.idx) {
            self.newest = Some((row.idx, row.person.clone()));
        }
        let narrow = |month: i64| i32::try_from(month).unwrap_or(i32::MAX);
        match row.month {
            Some(month) => {
                let ends = row.ends.filter(|_| !row.deleted).map(narrow);
                self.statements.months.insert(narrow(month), ends);
            }
            None => self.statements.closed |= row.ends.is_some() || row.deleted,
        }
    }

    fn asked(&mut self, row: &DataRequestRow) {
        let narrow = |month: i64| Month(i32::try_from(month).unwrap_or(i32::MAX));
        match (row.state.as_str(), row.reason.as_deref()) {
            ("open", _) => self.request = Some(row.id.clone()),
            // What is not theirs, or over, is not expected from them any more.
            (_, Some("not_ours" | "account_closed")) => self.statements.closed = true,
            ("answered", _) => self
                .statements
                .excused
                .push(Months { from: narrow(row.from_month), until: narrow(row.until_month) }),
            _ => {}
        }
    }
}

impl<'a> Walk<'a> {
    fn begin(conn: &mut AnyConn, furnisher: &'a str, now: Time) -> Result<Walk<'a>, StoreError> {
        let merged = Merged::read(conn)?;
        Ok(Walk { furnisher, now, merged, after: Vec::new(), totals: Totals::default() })
    }

    /// The next accounts; `None` at the end. What is missing is counted up to `due`.
    fn step(&mut self, conn: &mut AnyConn, due: Month) -> Result<Option<Step>, StoreError> {
        let spans = fact_rows::spans(conn, self.furnisher, &self.after, SPANS)?;
        let Some(last) = spans.last() else { return Ok(None) };
        self.after.clone_from(&last.account);
        let due_no = i64::from(due.0);
        // Most are whole: first to last without a gap, and the last is the one that is due.
        let whole = |span: &&Span| {
            let reach = span.first.zip(span.last).map(|(first, last)| last - first + 1);
            reach == Some(span.months) && span.last.is_some_and(|last| last >= due_no)
        };
        let doubtful: Vec<&[u8]> = spans
            .iter()
            .filter(|span| span.months > 0 && !whole(span))
            .map(|span| span.account.as_slice())
            .collect();
        let mut found: BTreeMap<Vec<u8>, Records> = BTreeMap::new();
        for row in fact_rows::of_accounts(conn, self.furnisher, &doubtful)? {
            let account = row.account.clone().unwrap_or_default();
            found.entry(account).or_default().take(&row);
        }
        for row in fact_rows::requests_about(conn, &doubtful)? {
            if let Some(records) = found.get_mut(&row.account) {
                records.asked(&row);
            }
        }
        let mut incomplete = Vec::new();
        for (account, records) in found {
            let Records { statements, newest, request } = records;
            let missing = statements.missing(due);
            let span = statements.months.keys().next().copied().zip(statements.last());
            let (Some((idx, person)), Some(span)) = (newest, span) else { continue };
            if !missing.is_empty() {
                let open = statements.is_open();
                incomplete.push(Incomplete { account, idx, person, span, open, missing, request });
            }
        }
        self.consented(conn, &mut incomplete)?;
        self.count(&spans, &incomplete);
        Ok(Some(Step { spans, incomplete }))
    }

    /// Leaves out whom the furnisher may not speak of any more.
    fn consented(
        &self,
        conn: &mut AnyConn,
        incomplete: &mut Vec<Incomplete>,
    ) -> Result<(), StoreError> {
        let members: BTreeMap<String, BTreeSet<String>> = incomplete
            .iter()
            .map(|one| (one.person.clone(), self.merged.members(&one.person)))
            .collect();
        let all: BTreeSet<&str> =
            members.values().flat_map(|ids| ids.iter().map(String::as_str)).collect();
        let all: Vec<&str> = all.into_iter().collect();
        let mut given: BTreeMap<String, Vec<consent_rows::ConsentRow>> = BTreeMap::new();
        for row in consent_rows::by_person(conn, &all)? {
            given.entry(row.person.clone()).or_default().push(row);
        }
        incomplete.retain(|one| {
            let ids = members.get(&one.person).into_iter().flatten();
            let rows: Vec<_> = ids.filter_map(|id| given.get(id)).flatten().cloned().collect();
            stands(&rows, self.furnisher, self.now)
        });
        Ok(())
    }

    fn count(&mut self, spans: &[Span], incomplete: &[Incomplete]) {
        let totals = &mut self.totals;
        totals.accounts += spans.len() as u64;
        let bare = spans.iter().filter(|span| span.months == 0).count() as u64;
        totals.without_statements += bare;
        totals.complete += spans.len() as u64 - bare - incomplete.len() as u64;
        for one in incomplete {
            let stops = one.open && one.missing.last().is_some_and(|m| m.from.0 > one.span.1);
            totals.stopped += u64::from(stops);
            totals.with_gaps += u64::from(one.missing.iter().any(|m| m.from.0 < one.span.1));
            totals.requests_open += u64::from(one.request.is_some());
        }
    }
}

/// What a furnisher asks for.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// The account after which to go on, hexadecimal; from the first when absent.
    pub after: Option<String>,
    /// The subject after which to go on with persons of whom nothing came.
    pub persons_after: Option<String>,
    /// At most so many of each.
    pub limit: usize,
}

impl Bureau {
    /// What the bureau has of a furnisher, and what it lacks. Totals come with the first page.
    ///
    /// # Errors
    /// The database's, or a record does not open.
    pub fn coverage(&self, furnisher: &str, page: &Page) -> Result<Value, StoreError> {
        let now = self.engine.env.now();
        let due = self.newest_due(furnisher, now)?;
        let limit = page.limit.clamp(1, PAGE_MAX);
        let first = page.after.is_none() && page.persons_after.is_none();
        let mut body = json!({ "furnisher": furnisher, "as_of": now, "due": due });
        body["window"] = self.window(furnisher, now)?;
        if first {
            body["fields"] = self.fields(furnisher)?;
            body["late"] = self.late(furnisher)?;
        }
        let (listed, next) = self.store.read(|conn| {
            let mut walk = Walk::begin(conn, furnisher, now)?;
            walk.after = page.after.as_deref().and_then(from_hex).unwrap_or_default();
            let (mut listed, mut next) = (Vec::new(), None);
            let mut lacking: BTreeMap<i32, u64> = BTreeMap::new();
            while let Some(step) = walk.step(conn, due)? {
                for one in step.incomplete {
                    if first {
                        tally(&mut lacking, &one, due);
                    }
                    if listed.len() < limit {
                        listed.push(one);
                    } else if next.is_none() {
                        next = listed.last().map(|last| hex(&last.account));
                    }
                }
                if next.is_some() && !first {
                    break;
                }
            }
            if first {
                let from = i64::from(due.0 - MONTHS_SHOWN + 1);
                let reported = fact_rows::reported(conn, furnisher, from)?;
                body["totals"] = json!(walk.totals);
                body["months"] = months(&reported, &lacking);
            }
            Ok((listed, next))
        })?;
        body["accounts"] = json!(self.opened(&listed)?);
        body["next"] = json!(next);
        let after = page.persons_after.as_deref().unwrap_or_default();
        let (persons, next) = self.unspoken(furnisher, after, limit)?;
        body["persons_without_data"] = json!(persons);
        body["persons_next"] = json!(next);
        Ok(body)
    }

    /// What came after its contracted window closed, this month and in the one before.
    fn late(&self, furnisher: &str) -> Result<Value, StoreError> {
        let month = self.this_month();
        let mut late = Vec::new();
        for recorded in [month.plus(-1), month] {
            for row in self.reported_about(recorded, furnisher)? {
                if row["late_lines"] != 0 {
                    late.push(json!({
                        "recorded_in": recorded, "month": row["period"],
                        "lines": row["late_lines"], "days_max": row["days_after_max"],
                    }));
                }
            }
        }
        Ok(late.into())
    }

    /// How far the optional fields of what a furnisher sent this month and in the one before are
    /// filled, the emptiest first.
    fn fields(&self, furnisher: &str) -> Result<Value, StoreError> {
        let month = self.this_month();
        let mut all: BTreeMap<String, (u64, u64)> = BTreeMap::new();
        for month in [month, month.plus(-1)] {
            for (field, lines, filled) in self.filled(month, furnisher)? {
                let sum = all.entry(field).or_default();
                *sum = (sum.0 + lines, sum.1 + filled);
            }
        }
        let mut rows: Vec<(String, (u64, u64))> = all.into_iter().collect();
        // By share, without a fraction: a/b < c/d is ad < cb.
        let share = |a: &(u64, u64), b: &(u64, u64)| (a.1 * b.0).cmp(&(b.1 * a.0));
        rows.sort_by(|a, b| share(&a.1, &b.1).then(a.0.cmp(&b.0)));
        let row =
            |(field, (lines, filled))| json!({ "field": field, "lines": lines, "filled": filled });
        Ok(rows.into_iter().map(row).collect())
    }

    /// Tells the meters how many accounts lack something, over all furnishers.
    ///
    /// # Errors
    /// The database's.
    pub fn measure_missing(&self) -> Result<(), StoreError> {
        let now = self.engine.env.now();
        let (mut incomplete, mut open) = (0, 0);
        for partner in self.registry()?.partners.values() {
            if !partner.roles.contains(&Role::Furnisher) {
                continue;
            }
            let due = self.newest_due(&partner.id, now)?;
            let totals = self.store.read(|conn| {
                let mut walk = Walk::begin(conn, &partner.id, now)?;
                while walk.step(conn, due)?.is_some() {}
                Ok(walk.totals)
            })?;
            incomplete += totals.accounts - totals.complete - totals.without_statements;
            open += totals.requests_open;
        }
        meters::missing(incomplete, open);
        Ok(())
    }

    /// The accounts of a furnisher that lack what is due at `now`, one after the other until
    /// `each` says that it is enough.
    ///
    /// # Errors
    /// The database's, or what `each` answers.
    pub fn each_incomplete(
        &self,
        furnisher: &str,
        due: Month,
        each: &mut dyn FnMut(Value) -> bool,
    ) -> Result<(), StoreError> {
        let now = self.engine.env.now();
        let mut after = Vec::new();
        loop {
            let step = self.store.read(|conn| {
                let mut walk = Walk::begin(conn, furnisher, now)?;
                walk.after.clone_from(&after);
                let step = walk.step(conn, due)?;
                after = walk.after;
                Ok(step)
            })?;
            let Some(step) = step else { return Ok(()) };
            for one in self.opened(&step.incomplete)? {
                if !each(one) {
                    return Ok(());
                }
            }
        }
    }

    /// How many accounts have no statement of `month` and should, as the receipt of a file of
    /// `lines` lines says; the first of them by name, at most `names`.
    ///
    /// # Errors
    /// The database's, or a record does not open.
    pub fn lacking(
        &self,
        furnisher: &str,
        month: Month,
        (lines, names): (u64, usize),
    ) -> Result<(Lacking, Vec<Value>), StoreError> {
        let now = self.engine.env.now();
        let per_line = usize::try_from(lines.saturating_mul(LOOKED_AT_PER_LINE));
        let most = per_line.unwrap_or(usize::MAX).max(LOOKED_AT_MIN);
        let (named, lacking) = self.store.read(|conn| {
            let mut walk = Walk::begin(conn, furnisher, now)?;
            let mut lacking = Lacking::of(month);
            let (mut named, mut looked_at) = (Vec::new(), 0);
            while let Some(step) = walk.step(conn, month)? {
                looked_at += step.spans.len();
                let lacks = |one: &Incomplete| one.missing.iter().any(|m| m.holds(month.0));
                for one in step.incomplete.into_iter().filter(lacks) {
                    lacking.count += 1;
                    if named.len() < names {
                        named.push(one);
                    }
                }
                lacking.all_looked_at = looked_at < most || step.spans.len() < SPANS as usize;
                if !lacking.all_looked_at {
                    break;
                }
            }
            Ok((named, lacking))
        })?;
        let account =
            |one: &Value| json!({ "subject": one["subject"], "account_key": one["account_key"] });
        Ok((lacking, self.opened(&named)?.iter().map(account).collect()))
    }

    /// Names in a receipt the accounts that it only counts: what is kept of a receipt names nobody,
    /// so that a person can be forgotten.
    pub fn name_missing(&self, furnisher: &str, receipt: &mut Value) {
        let month = receipt["missing"]["month"].as_str().and_then(|text| text.parse().ok());
        let Some(month) = month else { return };
        let lines = receipt["control_totals"]["count"].as_u64().unwrap_or_default();
        match self.lacking(furnisher, month, (lines, NAMED_MAX)) {
            Ok((lacking, accounts)) => {
                let more = lacking.count.saturating_sub(accounts.len() as u64);
                receipt["missing"]["accounts"] = json!(accounts);
                receipt["missing"]["more"] = json!(more);
            }
            // The receipt is the receipt without it.
            Err(error) => tracing::error!(%error, "the missing accounts could not be named"),
        }
    }

    /// Accounts in the furnisher's own words: its subject, its key of the account. One whose
    /// person was forgotten meanwhile is left out.
    fn opened(&self, listed: &[Incomplete]) -> Result<Vec<Value>, StoreError> {
        let mut out = Vec::new();
        for one in listed {
            let Some((body, key)) = self.body_at(one.idx.unsigned_abs())? else { continue };
            let logged = refold::open(&body, &key)?;
            out.push(json!({
                "subject": logged.observation.subject,
                "account_key": logged.observation.fact.account_key(),
                "first": Month(one.span.0), "last": Month(one.span.1), "open": one.open,
                "missing": one.missing, "request": one.request,
            }));
        }
        Ok(out)
    }

    /// Subjects whose consent stands and of whom nothing came.
    fn unspoken(
        &self,
        furnisher: &str,
        after: &str,
        limit: usize,
    ) -> Result<(Vec<String>, Option<String>), StoreError> {
        let now = self.engine.env.now();
        self.store.read(|conn| {
            let most = limit as i64 + 1;
            let mut rows = fact_rows::unspoken(conn, furnisher, after, now, most)?;
            let more = rows.len() > limit;
            rows.truncate(limit);
            let next = rows.last().filter(|_| more).map(|(subject, _)| subject.clone());
            let merged = Merged::read(conn)?;
            let mut subjects = Vec::new();
            for (subject, person) in rows {
                let ids = merged.members(&person);
                let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
                // What came about somebody who was found to be the same person came about them.
                if ids.len() == 1 || !fact_rows::speaks_of(conn, furnisher, &ids)? {
                    subjects.push(subject);
                }
            }
            Ok((subjects, next))
        })
    }
}

/// One more account that lacks these months.
fn tally(lacking: &mut BTreeMap<i32, u64>, one: &Incomplete, due: Month) {
    let shown = due.0 - MONTHS_SHOWN + 1..=due.0;
    for months in &one.missing {
        for month in (months.from.0..=months.until.0).filter(|month| shown.contains(month)) {
            *lacking.entry(month).or_default() += 1;
        }
    }
}

/// Month by month: how many accounts have a statement, and how many lack one.
fn months(reported: &[(i64, i64)], lacking: &BTreeMap<i32, u64>) -> Value {
    let mut all: BTreeMap<i32, (u64, u64)> = BTreeMap::new();
    for (month, n) in reported {
        all.entry(i32::try_from(*month).unwrap_or(i32::MAX)).or_default().0 = n.unsigned_abs();
    }
    for (month, n) in lacking {
        all.entry(*month).or_default().1 = *n;
    }
    let shown = all.into_iter().map(|(month, (reported, missing))| {
        json!({ "month": Month(month), "reported": reported, "missing": missing })
    });
    shown.collect()
}
