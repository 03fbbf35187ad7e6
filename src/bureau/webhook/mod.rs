//! Webhooks: the same events that a partner can pull, sent to an address of its choice.
//!
//! Each delivery is what `GET /v1/events` answers, signed by the bureau (RFC 9421, tag
//! `fivefold-event`), in order and at least once: it is done when the receiver says 2xx, and what
//! comes later waits behind it. How far it has come stands in the database, so that a restart goes
//! on; before a delivery its row is claimed, so that of several bureaus on one database one sends,
//! and what was set back meanwhile stays set back. After the last attempt the events are given up,
//! which the partner and the operator see; the pull still has them, and a retry sends them again.

pub mod address;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use http::header::{CONTENT_TYPE, HeaderValue};
use serde_json::Value;
use ureq::Agent;
use ureq::tls::TlsConfig;
use ureq::unversioned::transport::DefaultConnector;

use super::Bureau;
use super::admission::Admission;
use super::command::events::{EVENTS_MAX, ReadEvents};
use crate::error::Problem;
use crate::kernel::Time;
use crate::kernel::bytes::base64url;
use crate::partner::rows::{self as partner_rows, DeadLetterRow, WebhookRow};
use crate::partner::signature::sign_event;
use crate::rights::rows as rights_rows;
use crate::store::StoreError;
use address::Guarded;

/// Seconds between looks for something to send.
const LOOK_SECONDS: u64 = 1;
/// Seconds that a receiver has to answer, all of it.
const ANSWER_SECONDS_MAX: u64 = 5;
/// Bytes of an answer that are read: what it says is of no use.
const ANSWER_BYTES_MAX: u64 = 16 * 1024;
/// Attempts before events are given up: with these pauses, about a day and a half.
pub const ATTEMPTS_MAX: i64 = 16;
/// Seconds before the second attempt; doubled for each further one.
const PAUSE_SECONDS: i64 = 2;
/// Seconds between two attempts at most.
const PAUSE_SECONDS_MAX: i64 = 6 * 3600;
/// Receivers that are waited for at the same time.
const AT_ONCE: usize = 8;
/// Characters of an error that are kept.
const ERROR_CHARS_MAX: usize = 200;

/// Seconds for which a delivery is one process's own: more than a receiver has, so that only a
/// process that died lets another begin.
const CLAIM_SECONDS: i64 = 30;

/// Seconds to wait after so many failed attempts.
pub fn pause_seconds(attempts: i64) -> i64 {
    let doubled = PAUSE_SECONDS.saturating_mul(1 << attempts.clamp(1, 20).saturating_sub(1));
    doubled.min(PAUSE_SECONDS_MAX)
}

fn agent(loopback: bool) -> Agent {
    let tls = TlsConfig::builder()
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .build();
    let config = Agent::config_builder()
        .tls_config(tls)
        .http_status_as_error(false)
        // Somewhere else was not checked.
        .max_redirects(0)
        // A proxy would look the name up itself.
        .proxy(None)
        .max_idle_connections(0)
        .timeout_global(Some(Duration::from_secs(ANSWER_SECONDS_MAX)))
        .user_agent(concat!("fivefold/", env!("CARGO_PKG_VERSION")))
        .build();
    Agent::with_parts(config, DefaultConnector::default(), Guarded::new(loopback))
}

/// Sends events; for the life of a server.
pub struct Sending {
    stop: Arc<Stop>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Default)]
struct Stop {
    asked: Mutex<bool>,
    told: Condvar,
}

impl Stop {
    /// Waits a moment; whether to go on.
    fn go_on(&self) -> bool {
        let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let pause = Duration::from_secs(LOOK_SECONDS);
        let waited = self.told.wait_timeout_while(asked, pause, |asked| !*asked);
        !*waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

impl Sending {
    /// Starts the thread.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn start(bureau: Arc<Bureau>) -> std::io::Result<Sending> {
        let stop = Arc::new(Stop::default());
        let inner = stop.clone();
        let thread = std::thread::Builder::new().name("webhooks".to_string()).spawn(move || {
            while inner.go_on() {
                if let Err(error) = bureau.deliver() {
                    tracing::error!(%error, "events were not sent; the next look goes on");
                }
            }
        })?;
        Ok(Sending { stop, thread: Mutex::new(Some(thread)) })
    }

    /// Lets what is on its way finish, then stops.
    pub fn close(&self) {
        *self.stop.asked.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.stop.told.notify_all();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            let _ = thread.join();
        }
    }
}

/// What is to be sent: the body, and the last event in it.
struct Letter {
    body: Vec<u8>,
    first: i64,
    last: i64,
}

impl Bureau {
    /// Sends what is due, one delivery for each partner at most. Gives how many were attempted.
    ///
    /// # Errors
    /// The database's. What a receiver does is no error.
    pub fn deliver(&self) -> Result<usize, StoreError> {
        let now = self.engine.env.now();
        let due = self.store.read(|conn| partner_rows::webhooks_due(conn, now))?;
        let agent = agent(self.engine.sends_to_itself());
        let mut attempted = 0;
        for some in due.chunks(AT_ONCE) {
            let failed = AtomicBool::new(false);
            let done: Vec<bool> = std::thread::scope(|scope| {
                let each = some.iter().map(|row| {
                    scope.spawn(|| {
                        self.deliver_one(&agent, row).unwrap_or_else(|error| {
                            tracing::error!(%error, "a webhook could not be worked on");
                            failed.store(true, Ordering::Relaxed);
                            false
                        })
                    })
                });
                let each: Vec<_> = each.collect();
                each.into_iter().map(|one| one.join().unwrap_or(false)).collect()
            });
            attempted += done.into_iter().filter(|sent| *sent).count();
            if failed.load(Ordering::Relaxed) {
                break;
            }
        }
        Ok(attempted)
    }

    /// Whether there was something to send.
    fn deliver_one(&self, agent: &Agent, row: &WebhookRow) -> Result<bool, StoreError> {
        let Some(first) = self.first_event(row)? else { return Ok(false) };
        let Some(row) = &self.claimed(row)? else { return Ok(false) };
        let Some(letter) = self.letter(row, first)? else { return Ok(false) };
        let outcome = self.post(agent, &row.url, &letter);
        let now = self.engine.env.now();
        match outcome {
            Ok(()) => {
                let next = WebhookRow {
                    sent: letter.last,
                    attempts: 0,
                    next_us: now.micros(),
                    error: None,
                    ..row.clone()
                };
                self.stand(row, &next, None)?;
            }
            Err(error) => self.failed(row, &letter, error, now)?,
        }
        Ok(true)
    }

    /// The next event that is to be sent, if there is one.
    fn first_event(&self, row: &WebhookRow) -> Result<Option<i64>, StoreError> {
        let known = self
            .store
            .read(|conn| rights_rows::events_after(conn, &[row.partner.as_str()], row.sent, 1))?;
        Ok(known.first().map(|event| event.id))
    }

    /// The row with this process's claim on it; `None` when somebody else was first.
    fn claimed(&self, row: &WebhookRow) -> Result<Option<WebhookRow>, StoreError> {
        let until = self.engine.env.now().plus_seconds(CLAIM_SECONDS);
        let mine = self.store.writer().write(
            "webhook",
            |conn| partner_rows::claim_webhook(conn, row, until),
            |_, _| Ok(true),
        )?;
        Ok(mine.then(|| WebhookRow { next_us: until.micros(), ..row.clone() }))
    }

    /// The next events; `None` when the partner may not read them.
    fn letter(&self, row: &WebhookRow, first: i64) -> Result<Option<Letter>, StoreError> {
        let admission = Admission::console(&row.partner);
        let read = ReadEvents { admission, after: row.sent, limit: EVENTS_MAX };
        let registry = self.registry()?;
        let standing = registry.partners.get(&row.partner).is_some_and(|one| !one.suspended);
        // A suspended partner is told nothing; its events wait.
        let Some(Ok(body)) = standing.then(|| self.run(read).value()) else {
            let next_us = self.engine.env.now().plus_seconds(PAUSE_SECONDS_MAX).micros();
            self.stand(row, &WebhookRow { next_us, ..row.clone() }, None)?;
            return Ok(None);
        };
        let last = body["last"].as_i64().filter(|last| *last >= first);
        let last = last.ok_or_else(|| StoreError::inconsistent("events do not end"))?;
        Ok(Some(Letter { body: body.to_string().into_bytes(), first, last }))
    }

    fn post(&self, agent: &Agent, url: &str, letter: &Letter) -> Result<(), String> {
        let env = &self.engine.env;
        let nonce = base64url(&env.random::<16>());
        let extra = [(CONTENT_TYPE, HeaderValue::from_static("application/json"))];
        let key = &*self.engine.keys.response();
        let signed = sign_event(key, url, &extra, &letter.body, env.now(), &nonce)
            .map_err(|error| error.to_string())?;
        let mut request = http::Request::builder().method(http::Method::POST).uri(url);
        for (name, value) in &signed {
            request = request.header(name, value);
        }
        let request = request.body(letter.body.clone()).map_err(|error| error.to_string())?;
        let mut answer = agent.run(request).map_err(|error| error.to_string())?;
        // Read to its end, so that a receiver which never ends is one that failed.
        let read = answer.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_to_vec();
        let status = answer.status();
        if !status.is_success() {
            return Err(format!("it answered {status}"));
        }
        read.map(drop).map_err(|error| format!("its answer: {error}"))
    }

    fn failed(
        &self,
        row: &WebhookRow,
        letter: &Letter,
        error: String,
        now: Time,
    ) -> Result<(), StoreError> {
        let error: String = error.chars().take(ERROR_CHARS_MAX).collect();
        let attempts = row.attempts + 1;
        if attempts < ATTEMPTS_MAX {
            let next_us = now.plus_seconds(pause_seconds(attempts)).micros();
            let next = WebhookRow { attempts, next_us, error: Some(error), ..row.clone() };
            return self.stand(row, &next, None);
        }
        tracing::error!(partner = row.partner, "events were given up: see `fivefold webhook list`");
        let dead = DeadLetterRow {
            partner: row.partner.clone(),
            first_event: letter.first,
            last_event: letter.last,
            error: error.clone(),
            at_us: now.micros(),
        };
        // What comes later is tried anew: the receiver may be back.
        let next = WebhookRow {
            sent: letter.last,
            attempts: 0,
            next_us: now.micros(),
            error: Some(error),
            ..row.clone()
        };
        self.stand(row, &next, Some(&dead))
    }

    /// Writes the outcome of a claimed delivery. When the row is no longer as it was claimed the
    /// outcome is nobody's: whoever changed it begins from where they said.
    fn stand(
        &self,
        was: &WebhookRow,
        row: &WebhookRow,
        dead: Option<&DeadLetterRow>,
    ) -> Result<(), StoreError> {
        self.store.writer().write(
            "webhook",
            |conn| {
                let mine = partner_rows::advance_webhook(conn, was, row)?;
                if let Some(dead) = dead.filter(|_| mine) {
                    partner_rows::put_dead_letter(conn, dead)?;
                }
                Ok(())
            },
            |_, ()| Ok(true),
        )
    }

    /// How a partner's webhook stands; `None` when it has none.
    ///
    /// # Errors
    /// The database's.
    pub fn webhook(&self, partner: &str) -> Result<Option<Value>, StoreError> {
        let (rows, dead) = self.store.read(|conn| {
            let rows = partner_rows::webhooks(conn)?;
            Ok((rows, partner_rows::dead_letters(conn, Some(partner))?))
        })?;
        let row = rows.into_iter().find(|row| row.partner == partner);
        Ok(row.map(|row| shown(&row, &dead)))
    }

    /// Sends again from the oldest event that was given up, or tries at once.
    ///
    /// # Errors
    /// `webhook_not_found`, or the database's as a problem.
    pub fn retry_webhook(&self, partner: &str) -> Result<Value, Problem> {
        let now = self.engine.env.now();
        let known = self.store.writer().write(
            "webhook",
            |conn| {
                let rows = partner_rows::webhooks(conn)?;
                let Some(row) = rows.into_iter().find(|row| row.partner == partner) else {
                    return Ok(false);
                };
                let dead = partner_rows::dead_letters(conn, Some(partner))?;
                let oldest = dead.iter().map(|letter| letter.first_event - 1).min();
                let sent = oldest.map_or(row.sent, |oldest| oldest.min(row.sent));
                partner_rows::clear_dead_letters(conn, partner)?;
                let next = WebhookRow { sent, attempts: 0, next_us: now.micros(), ..row.clone() };
                // The row was read in this transaction; a delivery that is on its way finds
                // another, and its outcome is dropped.
                partner_rows::put_webhook(conn, partner, Some(&next))?;
                Ok(true)
            },
            |_, _| Ok(true),
        );
        let failed = |error: StoreError| {
            tracing::error!(%error, "a webhook could not be set back");
            Problem::internal()
        };
        match known.map_err(failed)? {
            true => Ok(self.webhook(partner).map_err(failed)?.unwrap_or(Value::Null)),
            false => Err(not_found()),
        }
    }
}

/// That there is none.
pub fn not_found() -> Problem {
    let text = "No address is set. PUT /v1/webhook with {\"url\": \"https://…\"}.";
    Problem::new("webhook_not_found", text)
}

/// A webhook as its partner reads it.
pub fn shown(row: &WebhookRow, dead: &[DeadLetterRow]) -> Value {
    let dead: Vec<Value> = dead
        .iter()
        .map(|letter| {
            serde_json::json!({
                "first_event": letter.first_event, "last_event": letter.last_event,
                "error": letter.error, "given_up_at": Time::from_micros(letter.at_us),
            })
        })
        .collect();
    serde_json::json!({
        "url": row.url, "delivered": row.sent, "attempts": row.attempts, "error": row.error,
        "next_attempt": Time::from_micros(row.next_us), "dead_letters": dead,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_limit() {
        let pauses: Vec<i64> = (1..=5).map(pause_seconds).collect();
        assert_eq!(pauses, [2, 4, 8, 16, 32]);
        assert_eq!(pause_seconds(40), PAUSE_SECONDS_MAX);
        let all: i64 = (1..ATTEMPTS_MAX).map(pause_seconds).sum();
        assert!((12 * 3600..48 * 3600).contains(&all), "{all}");
    }
}
