//! The daily sweep: what falls due without anybody asking for it.

use serde::Serialize;

use super::Bureau;
use super::admission::Admission;
use super::command::Reply;
use super::command::answering::CloseOverdue;
use super::command::erase::EndEvidence;
use super::command::purge::PurgeItems;
use super::command::refold::day_number;
use super::command::remind::RemindDispute;
use crate::error::Problem;
use crate::ledger::body::{evidence_until, person_key_name};
use crate::ledger::rows as ledger_rows;
use crate::rights::rows as rights_rows;
use crate::score::rows as score_rows;
use crate::store::{AnyConn, StoreError};
use crate::subject::rows as subject_rows;

/// The longest time before a dispute's own due day in which a furnisher may have to be reminded.
const REMINDED_DAYS_MAX: i64 = 60;
/// Rows looked at together.
const PAGE: i64 = 200;

/// What a sweep did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Swept {
    /// Keys of forgotten persons that a failure had left.
    pub keys_destroyed: u64,
    /// Files from which something went whose time was over.
    pub files_purged: u64,
    /// Evidence about forgotten persons that ended with its day.
    pub evidence_ended: u64,
    /// Disputes closed because their clock ran out.
    pub disputes_closed: u64,
    /// Furnishers reminded of disputes: disputes of which they were.
    pub disputes_reminded: u64,
    /// Alerts told by the day's turn of the monitors.
    pub alerts_told: u64,
    /// Data requests opened because a contracted window has passed.
    pub requests_opened: u64,
    /// Data requests ended because the consent to furnish has.
    pub requests_ended: u64,
    /// Scorecards that were looked at.
    pub models_watched: u64,
    /// Acts that were due and could not be done; the log of the program says why.
    pub failed: u64,
}

/// Why a sweep stopped. What it did until then is on record, and the next one goes on.
#[derive(Debug, thiserror::Error)]
pub enum SweepError {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An act was refused.
    #[error(transparent)]
    Refused(#[from] Problem),
}

impl Swept {
    fn failed(&mut self, problem: &Problem, what: &str) {
        tracing::error!(code = problem.code, what, "something due could not be done");
        self.failed += 1;
    }
}

impl Bureau {
    /// Does what is due now, each act an entry of its own. It may be called at any time, and
    /// twice as well as once.
    ///
    /// # Errors
    /// [`SweepError`].
    pub fn sweep(&self) -> Result<Swept, SweepError> {
        self.settle_keys()?;
        let keys_destroyed = self.destroy_lingering()?;
        let mut swept = Swept { keys_destroyed, ..Swept::default() };
        self.close_overdue(&mut swept)?;
        self.purge(&mut swept)?;
        self.end_evidence(&mut swept)?;
        self.remind(&mut swept)?;
        match self.watch_everybody() {
            Ok(told) => swept.alerts_told = told,
            Err(SweepError::Refused(problem)) => swept.failed(&problem, "monitors did not look"),
            Err(error) => return Err(error),
        }
        swept.requests_ended = self.end_moot_requests()?;
        swept.requests_opened = self.ask_for_missing()?;
        self.measure_missing()?;
        swept.models_watched = u64::from(self.watch_if_due()?);
        Ok(swept)
    }

    /// Finishes what a failure after a commit has left of replaced keys: one that waits takes its
    /// place if what it seals is in the database, and is dropped if not. It holds the head
    /// meanwhile: a key that waits for a batch which is not committed yet must not be dropped, be
    /// the batch this process's or another's.
    ///
    /// # Errors
    /// The database's or the key store's.
    pub fn settle_keys(&self) -> Result<(), StoreError> {
        if self.keystore.waiting()?.is_empty() {
            return Ok(());
        }
        self.store.writer().write(
            "keys.settle",
            |conn| {
                ledger_rows::lock_head(conn)?;
                self.settle_waiting(conn)
            },
            |_, ()| Ok(true),
        )
    }

    fn settle_waiting(&self, conn: &mut AnyConn) -> Result<(), StoreError> {
        for name in self.keystore.waiting()? {
            let person = name.trim_start_matches("person:");
            let rows = subject_rows::persons(conn, &[person])?;
            let next = self.keystore.next(&name)?;
            let sealed = rows
                .first()
                .zip(next)
                .is_some_and(|(row, key)| super::work::open_identity(row, &key).is_ok());
            match sealed {
                true => self.keystore.promote(&self.engine.env, &name)?,
                false => self.keystore.discard(&name)?,
            }
        }
        Ok(())
    }

    /// Destroys the keys of forgotten persons that a failure after the commit has left.
    ///
    /// # Errors
    /// The database's or the key store's.
    pub fn destroy_lingering(&self) -> Result<u64, StoreError> {
        self.keystore.wipe()?;
        let mut destroyed = 0;
        let mut after = String::new();
        loop {
            let rows = self.store.read(|conn| subject_rows::erased_after(conn, &after))?;
            let Some(last) = rows.last() else { return Ok(destroyed) };
            after.clone_from(&last.id);
            let names: Vec<String> = rows.iter().map(|row| person_key_name(&row.id)).collect();
            let left = self.keystore.get(names.iter().map(String::as_str))?;
            for name in left.keys() {
                destroyed += u64::from(self.keystore.destroy(name)?);
            }
        }
    }

    /// Destroys what was kept of forgotten persons until a day that has come.
    fn end_evidence(&self, swept: &mut Swept) -> Result<(), SweepError> {
        let today = self.engine.env.now().date_at(-12);
        for name in self.keystore.kept_as_evidence()? {
            if evidence_until(&name).is_none_or(|day| day > today) {
                continue;
            }
            let admission = Admission::operator("sweep", "the evidence's time is over");
            match self.run(EndEvidence { admission, name }) {
                Reply::Done(_) => swept.evidence_ended += 1,
                Reply::Refused(problem) => swept.failed(&problem, "evidence not ended"),
            }
        }
        Ok(())
    }

    /// Purges what is past its time. A score asked before would have left it out all the same.
    fn purge(&self, swept: &mut Swept) -> Result<(), SweepError> {
        let mut after = String::new();
        loop {
            // The latest date on earth may be a day early somewhere; such a person comes again.
            let today = day_number(self.engine.env.now().date_at(-12));
            let due = self.store.read(|conn| score_rows::due_by(conn, today, &after, PAGE))?;
            // Somebody under a legal hold stays due, and must not keep the others waiting.
            let Some(last) = due.last() else { return Ok(()) };
            after.clone_from(last);
            for person in due {
                let admission = Admission::operator("sweep", "something's time is over");
                match self.run(PurgeItems { admission, person }).value() {
                    Ok(done) => swept.files_purged += u64::from(done["purged"] != 0),
                    // One file that cannot be purged must not keep the others past their time.
                    Err(problem) => swept.failed(&problem, "not purged"),
                }
            }
        }
    }

    /// Reminds furnishers, once, of disputes that they must answer soon.
    fn remind(&self, swept: &mut Swept) -> Result<(), SweepError> {
        let mut after = String::new();
        loop {
            let horizon = self.engine.env.now().plus_days(REMINDED_DAYS_MAX).micros();
            let near =
                self.store.read(|conn| rights_rows::unreminded(conn, horizon, &after, PAGE))?;
            let Some(last) = near.last() else { return Ok(()) };
            after.clone_from(last);
            for dispute in near {
                let admission = Admission::operator("sweep", "the time to answer runs out");
                match self.run(RemindDispute { admission, dispute }).value() {
                    Ok(done) => swept.disputes_reminded += u64::from(done["reminded"] == true),
                    Err(problem) => swept.failed(&problem, "nobody reminded"),
                }
            }
        }
    }

    fn close_overdue(&self, swept: &mut Swept) -> Result<(), SweepError> {
        let mut after = String::new();
        loop {
            let now = self.engine.env.now().micros();
            let due = self.store.read(|conn| rights_rows::overdue(conn, now, &after, PAGE))?;
            let Some(last) = due.last() else { return Ok(()) };
            after.clone_from(last);
            for dispute in due {
                let admission = Admission::operator("sweep", "the time to answer has run out");
                let name = dispute.clone();
                match self.run(CloseOverdue { admission, dispute }) {
                    Reply::Done(_) => swept.disputes_closed += 1,
                    // One that cannot be closed must not keep the others open past their day.
                    Reply::Refused(problem) => {
                        tracing::error!(code = problem.code, dispute = name, "not closed in time");
                        swept.failed += 1;
                    }
                }
            }
        }
    }
}
