//! The auditor with the database: believes the keys and nothing else, reads the whole log again
//! and compares everything that was derived from it (decisions.md 4).
//!
//! Three passes. The published files are verified as an outsider would ([`verify_log`]). The log
//! is read in chunks (`log`): leaves, bodies, and the rows that belong to single entries. Then
//! the tables that many entries together make (`tables`) are compared with what the entries
//! read say (`expected`), and every profile is folded anew.
//!
//! Nothing is repaired: each finding names a row and says what contradicts it.

mod expected;
mod log;
mod rights;
mod rules;
mod supply;
mod tables;
mod watch;

use serde::Serialize;

use super::Bureau;
use crate::ledger::checkpoint::Checkpoint;
use crate::ledger::rows as ledger_rows;
use crate::ledger::source::DirSource;
use crate::ledger::verify::verify_log;
use crate::store::StoreError;
use expected::Expected;

/// Findings that are listed; more are counted.
pub const FINDINGS_LISTED_MAX: usize = 1_000;

/// One thing that does not fit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What does not fit: `log`, or the name of a table.
    pub what: &'static str,
    /// Which entry or row.
    pub row: String,
    /// What contradicts it.
    pub why: String,
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}: {}", self.what, self.row, self.why)
    }
}

/// What an audit found.
#[derive(Clone, Debug, Default, Serialize)]
pub struct AuditReport {
    /// Entries read.
    pub entries: u64,
    /// Entries that the verified published files cover.
    pub published: u64,
    /// Checkpoints compared.
    pub checkpoints: u64,
    /// Observations compared.
    pub observations: u64,
    /// Inquiries compared.
    pub inquiries: u64,
    /// Profiles folded anew.
    pub profiles: u64,
    /// What does not fit, at most [`FINDINGS_LISTED_MAX`].
    pub findings: Vec<Finding>,
    /// Findings that are not listed.
    pub findings_omitted: u64,
}

impl AuditReport {
    /// Whether everything fits.
    pub fn is_clean(&self) -> bool {
        self.findings.is_empty()
    }

    fn add(&mut self, what: &'static str, row: impl ToString, why: impl Into<String>) {
        if self.findings.len() < FINDINGS_LISTED_MAX {
            self.findings.push(Finding { what, row: row.to_string(), why: why.into() });
        } else {
            self.findings_omitted += 1;
        }
    }

    /// A finding, unless it holds.
    fn hold(&mut self, holds: bool, what: &'static str, row: impl ToString, why: &str) {
        if !holds {
            self.add(what, row, why);
        }
    }
}

/// Told how far an audit has come: what is read, how much of it is done, and how much there is.
pub type Progress<'a> = &'a mut dyn FnMut(&'static str, u64, u64);

impl Bureau {
    /// Audits the published log, the log in the database, and everything derived from it, as of
    /// now; commands may go on meanwhile.
    ///
    /// # Errors
    /// The database cannot be read at all. What does not fit is a finding, not an error.
    pub fn audit(&self, progress: Progress<'_>) -> Result<AuditReport, StoreError> {
        let mut report = AuditReport::default();
        // The files first: what they cover must be in the database that is read afterwards.
        let published = self.audit_files(&mut report, progress);
        self.store.snapshot(|conn| {
            let head = ledger_rows::read_head(conn)?;
            let head = head.ok_or_else(|| StoreError::inconsistent("the log has no head"))?;
            let mut expected = Expected::default();
            let mut pass = log::Pass::new(self, &head, published, &mut report, &mut expected);
            pass.run(conn, progress)?;
            tables::compare(self, conn, &head, &expected, &mut report, progress)
        })?;
        Ok(report)
    }

    fn audit_files(&self, report: &mut AuditReport, progress: Progress<'_>) -> Option<Checkpoint> {
        let source = DirSource::new(self.log_dir());
        let keys = self.engine.keys.log_verifiers();
        let mut told = |done, of| progress("published entries", done, of);
        match verify_log(&source, &keys, None, &[], &mut told) {
            Ok(verified) => {
                report.published = verified.checkpoint.size;
                Some(verified.checkpoint)
            }
            Err(error) => {
                report.add("published log", error.code(), error.to_string());
                None
            }
        }
    }
}
