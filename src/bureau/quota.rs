//! How much each partner may ask, and has asked.
//!
//! Two limits. `minute` counts signed requests at the door: it keeps a runaway loop from the
//! others, so it lives in memory and starts anew with the process; a restart forgives one minute at
//! most. `day` counts the inquiries of a UTC day that are on record, where a contract limits them:
//! it is read from the log, so it survives a restart, counts what other nodes recorded, and never
//! what was rolled back. While one node writes, each check is a look into a map.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::admission::Principal;
use crate::error::Problem;
use crate::inquiry::rows as inquiry_rows;
use crate::kernel::Time;
use crate::ledger::rows as ledger_rows;
use crate::partner::{Partner, Quota, Registry};
use crate::store::{AnyConn, StoreError};

/// Signed requests a minute of a partner whose contract says nothing: more than an honest client
/// of one machine sends.
pub const REQUESTS_PER_MINUTE: u32 = 600_000;
/// Signed requests a minute of a person.
pub const PERSON_REQUESTS_PER_MINUTE: u32 = 600;

const MINUTE_SECONDS: i64 = 60;
const DAY_SECONDS: i64 = 86_400;

/// One limit and how much of it is left, as the `RateLimit` fields say it
/// (draft-ietf-httpapi-ratelimit-headers).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// Its name.
    pub name: &'static str,
    /// How much is allowed in a window.
    pub quota: u32,
    /// Seconds of a window.
    pub window_seconds: i64,
    /// How much is left of this one.
    pub remaining: u32,
    /// Seconds until the next one.
    pub reset_seconds: i64,
}

#[derive(Default)]
struct Inner {
    terms: BTreeMap<String, Quota>,
    /// The minute that `knocks` counts.
    minute: i64,
    knocks: BTreeMap<String, u32>,
    /// The day that `told` counts.
    day: i64,
    /// Entries of the log that `told` has counted.
    upto: u64,
    told: BTreeMap<String, u32>,
    /// Of the batch at work: counted once it is committed.
    pending: BTreeMap<String, u32>,
}

impl Inner {
    fn minute_at(&mut self, now: Time) {
        let minute = now.seconds().div_euclid(MINUTE_SECONDS);
        if self.minute != minute {
            self.minute = minute;
            self.knocks.clear();
        }
    }

    fn asked(&self, partner: &str, now: Time) -> u32 {
        if self.day != now.seconds().div_euclid(DAY_SECONDS) {
            return 0;
        }
        let of = |counts: &BTreeMap<String, u32>| counts.get(partner).copied().unwrap_or_default();
        of(&self.told).saturating_add(of(&self.pending))
    }

    fn per_minute(&self, principal: &Principal) -> Option<u32> {
        match principal {
            Principal::Partner(id) => {
                let agreed = self.terms.get(id).and_then(|quota| quota.requests_per_minute);
                Some(agreed.unwrap_or(REQUESTS_PER_MINUTE))
            }
            Principal::Person(_) => Some(PERSON_REQUESTS_PER_MINUTE),
            Principal::Operator { .. } | Principal::Applicant(_) => None,
        }
    }

    fn per_day(&self, partner: &str) -> Option<u32> {
        self.terms.get(partner).and_then(|quota| quota.inquiries_per_day)
    }
}

fn left(now: Time, window_seconds: i64) -> i64 {
    window_seconds - now.seconds().rem_euclid(window_seconds)
}

/// The limits of everybody.
#[derive(Default)]
pub struct Quotas {
    inner: Mutex<Inner>,
}

impl Quotas {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Counts are whole at each step, so a poisoned lock is usable.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a partner's terms as they now are.
    pub fn agree(&self, partner: &Partner) {
        self.lock().terms.insert(partner.id.clone(), partner.quota);
    }

    /// Takes everybody's terms.
    pub fn agree_all(&self, registry: &Registry) {
        let terms = registry.partners.values().filter(|partner| !partner.quota.is_open());
        self.lock().terms = terms.map(|partner| (partner.id.clone(), partner.quota)).collect();
    }

    /// Counts a signed request.
    ///
    /// # Errors
    /// `rate_exceeded`: the minute's requests are used up.
    pub fn knock(&self, principal: &Principal, now: Time) -> Result<(), Problem> {
        let mut inner = self.lock();
        let Some(quota) = inner.per_minute(principal) else { return Ok(()) };
        inner.minute_at(now);
        let count = inner.knocks.entry(principal.key()).or_default();
        if *count < quota {
            *count += 1;
            return Ok(());
        }
        let text = format!(
            "{quota} requests a minute are agreed, and they are used up. Wait as Retry-After says; \
             RateLimit tells beforehand how many are left."
        );
        Err(Problem::new("rate_exceeded", text).retry_after(left(now, MINUTE_SECONDS) as u32))
    }

    /// The limits of somebody, as they stand.
    pub fn limits(&self, principal: &Principal, now: Time) -> Vec<Limit> {
        let mut inner = self.lock();
        inner.minute_at(now);
        let mut limits = Vec::new();
        if let Some(quota) = inner.per_minute(principal) {
            let used = inner.knocks.get(&principal.key()).copied().unwrap_or_default();
            limits.push(Limit {
                name: "minute",
                quota,
                window_seconds: MINUTE_SECONDS,
                remaining: quota.saturating_sub(used),
                reset_seconds: left(now, MINUTE_SECONDS),
            });
        }
        if let Principal::Partner(id) = principal
            && let Some(quota) = inner.per_day(id)
        {
            limits.push(Limit {
                name: "day",
                quota,
                window_seconds: DAY_SECONDS,
                remaining: quota.saturating_sub(inner.asked(id, now)),
                reset_seconds: left(now, DAY_SECONDS),
            });
        }
        limits
    }

    /// Counts what others recorded since this process last wrote, and all of the day after a start
    /// or at midnight. Called by the writer, with the log's head in its hand.
    ///
    /// # Errors
    /// The database's.
    pub fn resume(&self, conn: &mut AnyConn, size: u64, now: Time) -> Result<(), StoreError> {
        let day = now.seconds().div_euclid(DAY_SECONDS);
        let mut inner = self.lock();
        inner.pending.clear();
        if inner.day != day {
            let midnight = Time::from_micros(day * DAY_SECONDS * 1_000_000);
            inner.upto = ledger_rows::first_at(conn, midnight)?;
            inner.told.clear();
            inner.day = day;
        }
        if inner.upto < size {
            for (asker, count) in inquiry_rows::asked_between(conn, inner.upto, size)? {
                let told = inner.told.entry(asker).or_default();
                *told = told.saturating_add(u32::try_from(count).unwrap_or(u32::MAX));
            }
            inner.upto = size;
        }
        Ok(())
    }

    /// Whether this asker may record one more inquiry today.
    ///
    /// # Errors
    /// `quota_exceeded`: the day's inquiries are used up.
    pub fn check(&self, asker: &str, now: Time) -> Result<(), Problem> {
        let inner = self.lock();
        let Some(quota) = inner.per_day(asker) else { return Ok(()) };
        if inner.asked(asker, now) < quota {
            return Ok(());
        }
        let text = format!(
            "{quota} inquiries a day (UTC) are contracted, and they are used up. Ask again \
             tomorrow, or speak with the bureau about the contract."
        );
        Err(Problem::new("quota_exceeded", text).retry_after(left(now, DAY_SECONDS) as u32))
    }

    /// One more inquiry is on record, if the batch is.
    pub fn count(&self, asker: &str) {
        *self.lock().pending.entry(asker.to_string()).or_default() += 1;
    }

    /// The batch is committed; the log now has `size` entries.
    pub fn settle(&self, size: u64) {
        let mut inner = self.lock();
        for (asker, count) in std::mem::take(&mut inner.pending) {
            *inner.told.entry(asker).or_default() += count;
        }
        inner.upto = inner.upto.max(size);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn agreed(quota: Quota) -> Quotas {
        let quotas = Quotas::default();
        let partner = Partner {
            id: "par_1".to_string(),
            name: "Bank".to_string(),
            kind: Default::default(),
            country: String::new(),
            export_basis: None,
            sector: "bank".to_string(),
            roles: Default::default(),
            scenarios: BTreeMap::new(),
            quota,
            delivery: None,
            suspended: false,
            resumed: None,
            created: Time::default(),
        };
        quotas.agree(&partner);
        quotas
    }

    #[test]
    fn a_minute_has_its_requests_and_the_next_one_has_them_again() {
        let quotas = agreed(Quota { requests_per_minute: Some(2), inquiries_per_day: None });
        let bank = Principal::Partner("par_1".to_string());
        let at = Time::from_micros(1_000_000 * (60 * 1_000 + 50));
        assert!(quotas.knock(&bank, at).is_ok());
        assert!(quotas.knock(&bank, at.plus_seconds(1)).is_ok());
        let refused = quotas.knock(&bank, at.plus_seconds(2)).expect_err("used up");
        assert_eq!(
            (refused.code.as_str(), refused.retry_after_seconds),
            ("rate_exceeded", Some(8))
        );
        let left = quotas.limits(&bank, at.plus_seconds(2));
        assert_eq!((left[0].remaining, left[0].reset_seconds), (0, 8));
        assert!(quotas.knock(&bank, at.plus_seconds(10)).is_ok());
        assert!(quotas.knock(&Principal::Partner("par_2".to_string()), at).is_ok());
    }

    #[test]
    fn a_rolled_back_batch_is_not_counted() {
        let quotas = agreed(Quota { requests_per_minute: None, inquiries_per_day: Some(1) });
        let now = Time::from_micros(5);
        quotas.count("par_1");
        assert!(quotas.check("par_1", now).is_err());
        quotas.lock().pending.clear();
        assert!(quotas.check("par_1", now).is_ok());
        quotas.count("par_1");
        quotas.settle(7);
        assert_eq!(quotas.check("par_1", now).expect_err("used up").code, "quota_exceeded");
        assert!(quotas.check("par_1", now.plus_days(1)).is_ok());
    }
}
