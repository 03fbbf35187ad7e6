//! What furnishers are asked for: when it is due, what the sweep asks, what they read; and records
//! from before it was kept whose account they are of.

use serde_json::{Value, json};

use super::Bureau;
use super::admission::Admission;
use super::command::Reply;
use super::command::data_request::{
    AnswerRequest, CONSENT_ENDED, RequestAnswerSent, RequestData, shown, stands,
};
use super::command::observe::{Said, fact_row};
use super::command::refold;
use super::coverage::customary;
use crate::collect::coverage::Months;
use crate::collect::rows::{self as fact_rows, DataRequestRow, FactRow};
use crate::consent::rows as consent_rows;
use crate::kernel::bytes::Digest;
use crate::kernel::{Month, Time};
use crate::ledger::body::{PersonalPart, open_part, person_key_name};
use crate::ledger::rows::{self as ledger_rows, BodyRow};
use crate::store::StoreError;
use crate::subject::rows::{self as subject_rows, By};

/// Records named in one transaction.
const NAMED_AT_ONCE: i64 = 500;
/// Requests that one sweep opens to one furnisher at most; the next goes on.
const REQUESTS_PER_SWEEP: u64 = 1_000;
/// Stands where nobody can tell any more who said it; an audit says so.
const NOBODY: &str = "unknown";

impl Bureau {
    /// What a furnisher is asked for, in order of ids: the open requests or all of them.
    ///
    /// # Errors
    /// The database's, or an entry does not open.
    pub fn data_requests(
        &self,
        furnisher: &str,
        after: &str,
        only_open: bool,
        limit: i64,
    ) -> Result<Value, StoreError> {
        let rows = self
            .store
            .read(|conn| fact_rows::requests_to(conn, furnisher, after, only_open, limit))?;
        let mut requests = Vec::new();
        for row in &rows {
            if let Some(asked) = self.asked(row)? {
                requests.push(shown(row, &asked));
            }
        }
        let next = rows.last().filter(|_| rows.len() as i64 == limit).map(|row| row.id.as_str());
        Ok(json!({ "requests": requests, "next": next }))
    }

    /// The personal part of the entry of a request; `None` when the person was forgotten.
    fn asked(&self, row: &DataRequestRow) -> Result<Option<Value>, StoreError> {
        let Some((body, key)) = self.body_at(row.opened_idx.unsigned_abs())? else {
            return Ok(None);
        };
        let index = body.idx.unsigned_abs();
        let part: PersonalPart = open_part(&key, "personal", index, &body.personal)
            .map_err(|e| StoreError::inconsistent(e.to_string()))?;
        serde_json::from_str(&part.text)
            .map(Some)
            .map_err(|e| StoreError::inconsistent(e.to_string()))
    }

    /// A body about a person, and the key that opens it; `None` when the person was forgotten.
    pub(super) fn body_at(
        &self,
        index: u64,
    ) -> Result<Option<(BodyRow, crate::kernel::seal::SealKey)>, StoreError> {
        let rows = self.store.read(|conn| ledger_rows::bodies(conn, index, index + 1))?;
        let body = rows.into_iter().next().filter(|body| !body.personal.is_empty());
        let Some(body) = body else { return Ok(None) };
        let name = person_key_name(body.person.as_deref().unwrap_or_default());
        let key = self.keystore.get([name.as_str()])?.remove(&name);
        Ok(key.map(|key| (body, key)))
    }

    /// Ends the open requests that may not be filled any more: the person took the consent back.
    /// Gives how many.
    ///
    /// # Errors
    /// The database's.
    pub fn end_moot_requests(&self) -> Result<u64, StoreError> {
        let now = self.engine.env.now();
        let mut ended = 0;
        let mut after = String::new();
        loop {
            let rows = self.store.read(|conn| fact_rows::data_requests_page(conn, &after))?;
            let Some(last) = rows.last() else { return Ok(ended) };
            after.clone_from(&last.id);
            for row in rows.into_iter().filter(|row| row.state == "open") {
                let person = row.person.as_str();
                let given = self.store.read(|conn| consent_rows::by_person(conn, &[person]))?;
                if stands(&given, &row.furnisher, now) {
                    continue;
                }
                let admission = Admission::operator("sweep", "the consent to furnish has ended");
                let sent = RequestAnswerSent { reason: CONSENT_ENDED.to_string() };
                let command = AnswerRequest { admission, request: row.id.clone(), sent };
                match self.run(command) {
                    Reply::Done(_) => ended += 1,
                    Reply::Refused(problem) => {
                        tracing::error!(code = problem.code, "a request could not be ended");
                    }
                }
            }
        }
    }

    /// The newest month whose statements are due from a furnisher.
    ///
    /// # Errors
    /// The database's.
    pub fn newest_due(&self, furnisher: &str, now: Time) -> Result<Month, StoreError> {
        let registry = self.registry()?;
        let partner = registry.partners.get(furnisher);
        let window = partner.and_then(|partner| Some((partner, partner.delivery?)));
        Ok(match window {
            Some((partner, delivery)) => {
                delivery.newest_due(now, refold::offset_of(&self.engine, partner))
            }
            None => {
                let (_, offset) = refold::terms(&self.engine, &self.engine.home);
                customary(now, offset)
            }
        })
    }

    /// A furnisher's contracted window: what was agreed, and when it closes next.
    ///
    /// # Errors
    /// The database's.
    pub fn window(&self, furnisher: &str, now: Time) -> Result<Value, StoreError> {
        let registry = self.registry()?;
        let Some(partner) = registry.partners.get(furnisher) else { return Ok(Value::Null) };
        let Some(delivery) = partner.delivery else { return Ok(Value::Null) };
        let offset = refold::offset_of(&self.engine, partner);
        let next = delivery.newest_due(now, offset).plus(1);
        let mut shown = json!(delivery);
        shown["next"] = json!({ "month": next, "closes": delivery.due(next, offset) });
        Ok(shown)
    }

    /// Asks every furnisher whose contracted window has passed for what is missing since the
    /// contract stands, account by account, so many in one call at most. Gives how many requests
    /// were opened.
    ///
    /// # Errors
    /// The database's.
    pub fn ask_for_missing(&self) -> Result<u64, StoreError> {
        let now = self.engine.env.now();
        let mut opened = 0;
        for partner in self.registry()?.partners.values().filter(|partner| !partner.suspended) {
            let Some(delivery) = partner.delivery else { continue };
            let offset = refold::offset_of(&self.engine, partner);
            let due = delivery.newest_due(now, offset);
            let agreed = |month: Month| delivery.since < delivery.due(month, offset);
            let mut left = REQUESTS_PER_SWEEP;
            self.each_incomplete(&partner.id, due, &mut |one| {
                let missing = serde_json::from_value::<Vec<Months>>(one["missing"].clone());
                let missing = missing.unwrap_or_default();
                let newest = missing.last().filter(|range| agreed(range.until));
                if let (true, Some(range)) = (one["request"].is_null(), newest) {
                    let first = (range.from.0..=range.until.0).map(Month).find(|m| agreed(*m));
                    let months = Months { from: first.unwrap_or(range.until), ..*range };
                    opened += u64::from(self.ask(&partner.id, &one, months));
                    left -= 1;
                }
                left > 0
            })?;
        }
        Ok(opened)
    }

    /// Whether a request could be opened.
    fn ask(&self, furnisher: &str, account: &Value, months: Months) -> bool {
        let text = |name: &str| account[name].as_str().unwrap_or_default().to_string();
        let command = RequestData {
            admission: Admission::operator("sweep", "the contracted window has passed"),
            furnisher: furnisher.to_string(),
            subject: text("subject"),
            account_key: text("account_key"),
            months,
        };
        match self.run(command) {
            Reply::Done(_) => true,
            Reply::Refused(problem) => {
                tracing::error!(code = problem.code, "what is missing could not be asked for");
                false
            }
        }
    }

    /// Fills in, once after an upgrade, whose account the records of before are of.
    ///
    /// # Errors
    /// The database's, or the key store's.
    pub fn name_facts(&self) -> Result<(), StoreError> {
        loop {
            let rows = self.store.read(|conn| fact_rows::unnamed(conn, NAMED_AT_ONCE))?;
            if rows.is_empty() {
                return Ok(());
            }
            let named = rows.into_iter().map(|row| self.named(row));
            let named = named.collect::<Result<Vec<_>, _>>()?;
            let write = |conn: &mut _| fact_rows::write(conn, &named);
            self.store.writer().write("facts.name", write, |_, ()| Ok(false))?;
        }
    }

    fn named(&self, row: FactRow) -> Result<FactRow, StoreError> {
        let unknown = FactRow { furnisher: NOBODY.to_string(), ..row.clone() };
        let index = row.idx.unsigned_abs();
        let Some((body, key)) = self.body_at(index)? else { return Ok(unknown) };
        let logged = refold::open(&body, &key)?;
        let subject = logged.observation.subject.as_str();
        let own = self.store.read(|conn| subject_rows::pairwise(conn, By::Key, &[subject]))?;
        let digest = |bytes: &[u8]| Digest::try_from(bytes).ok();
        let (Some(own), Some(identity), Some(said)) =
            (own.first(), digest(&row.identity), digest(&row.digest))
        else {
            return Ok(unknown);
        };
        let names = Said { holder: &own.person, person: &row.person, furnisher: &logged.furnisher };
        let digests = (&identity, &said);
        Ok(fact_row(&self.engine, names, digests, &logged.observation, index))
    }
}
