//! The database half of an extract: which entries a period has, what ties them to the log, and
//! their records, opened a chunk at a time.

use std::collections::BTreeMap;
use std::collections::VecDeque;
use std::path::Path;

use super::Bureau;
use super::admission::Admission;
use super::command::Reply;
use super::command::governance::{Exported, IntendExtract};
use crate::error::Problem;
use crate::kernel::Month;
use crate::kernel::bytes::hex;
use crate::kernel::seal::SealKey;
use crate::ledger::body::{SealedRecord, open_part};
use crate::ledger::rows::{self as ledger_rows, BodyRow, EntryRow};
use crate::ledger::source::DirSource;
use crate::ledger::tile::TiledHashes;
use crate::report::extract::{
    Bounds, ExtractEntry, ExtractError, ExtractInput, ExtractReport, Period, extract,
};
use crate::report::personal::PersonalError;
use crate::store::{Store, StoreError};

/// Entries read at a time.
const CHUNK: u64 = 1_000;

/// Why an extract was not made.
#[derive(Debug, thiserror::Error)]
pub enum ExtractFailure {
    /// The period is not one that can be extracted.
    #[error("{0}")]
    Period(String),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The published log, or the extract itself.
    #[error(transparent)]
    Extract(#[from] ExtractError),
    /// The export of personal parts.
    #[error(transparent)]
    Personal(PersonalError),
    /// The published log does not read.
    #[error("the published log does not read: {0}")]
    Log(std::io::Error),
    /// The entry that records the export was refused.
    #[error(transparent)]
    Refused(#[from] Problem),
}

/// Opens entries one after the other, a chunk of rows at a time: memory does not grow with them.
struct Entries<'a> {
    store: &'a Store,
    bureau: &'a Bureau,
    keys: BTreeMap<String, SealKey>,
    at: u64,
    end: u64,
    waiting: VecDeque<(EntryRow, BodyRow)>,
}

impl Entries<'_> {
    fn fill(&mut self) -> Result<(), StoreError> {
        let to = self.end.min(self.at + CHUNK);
        let from = self.at;
        let (leaves, bodies) = self.store.read(|conn| {
            let leaves = ledger_rows::leaves(conn, from, to)?;
            Ok((leaves, ledger_rows::bodies(conn, from, to)?))
        })?;
        if leaves.len() as u64 != to - from || bodies.len() != leaves.len() {
            return Err(StoreError::inconsistent(format!(
                "entries or bodies are missing between {from} and {to}: run `fivefold audit`"
            )));
        }
        self.waiting = leaves.into_iter().zip(bodies).collect();
        self.at = to;
        Ok(())
    }

    fn open(&mut self, leaf: EntryRow, body: &BodyRow) -> Result<ExtractEntry, StoreError> {
        let index = leaf.idx as u64;
        if !self.keys.contains_key(&body.period) {
            let found = self.bureau.keystore.get([body.period.as_str()])?;
            self.keys.extend(found);
        }
        let key = self
            .keys
            .get(&body.period)
            .ok_or_else(|| StoreError::inconsistent(format!("the key {} is gone", body.period)))?;
        let sealed: SealedRecord = open_part(key, "record", index, &body.record)
            .map_err(|e| StoreError::inconsistent(e.to_string()))?;
        let SealedRecord { part, personal_hash } = sealed;
        Ok(ExtractEntry { index, leaf: leaf.leaf, record: part, personal_hash })
    }
}

impl Iterator for Entries<'_> {
    type Item = Result<ExtractEntry, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.waiting.is_empty() {
            if self.at >= self.end {
                return None;
            }
            if let Err(error) = self.fill() {
                self.at = self.end;
                return Some(Err(error));
            }
        }
        let (leaf, body) = self.waiting.pop_front()?;
        Some(self.open(leaf, &body))
    }
}

impl Bureau {
    /// Reads a period's name: a month `2026-10` or a year `2026`, in the home pack's time.
    ///
    /// # Errors
    /// It is neither.
    pub fn period(&self, name: &str) -> Result<Period, ExtractFailure> {
        let (_, offset) = super::command::refold::terms(&self.engine, &self.engine.home);
        if let Ok(month) = name.parse::<Month>() {
            return Ok(Period::month(month, offset));
        }
        match name.parse::<i16>() {
            Ok(year @ 1970..=9999) if name.len() == 4 => Ok(Period::year(year, offset)),
            _ => Err(ExtractFailure::Period(
                "a period is a month such as 2026-10, or a year such as 2026".to_string(),
            )),
        }
    }

    /// Writes an extract of the period into `out`, and records that it was made and by whom.
    ///
    /// # Errors
    /// [`ExtractFailure`].
    pub fn extract(
        &self,
        period: &Period,
        by: Admission,
        out: &Path,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<ExtractReport, ExtractFailure> {
        let intended = IntendExtract { admission: by.clone(), period: period.name.clone() };
        let intent = self.run(intended).value()?["log"]["index"].as_u64().unwrap_or_default();
        self.publish().map_err(|e| ExtractFailure::Log(std::io::Error::other(e)))?;
        let (start, end) = self.store.read(|conn| {
            let start = ledger_rows::first_at(conn, period.from)?;
            Ok((start, ledger_rows::first_at(conn, period.until)?))
        })?;
        let bounds = self.bounds(start, end)?;
        let input = ExtractInput {
            origin: self.engine.origin.clone(),
            period: period.clone(),
            bounds,
            log_keys: self.engine.keys.log_verifiers(),
        };
        let entries = Entries {
            store: &self.store,
            bureau: self,
            keys: BTreeMap::new(),
            at: start,
            end,
            waiting: VecDeque::new(),
        };
        let report = self.with_report_keys(|keys| extract(&input, entries, keys, out, progress))?;
        let command = Exported {
            admission: by,
            period: period.name.clone(),
            from: start,
            until: end,
            manifest: hex(&report.manifest),
            intent,
        };
        if let Reply::Refused(problem) = self.run(command) {
            return Err(problem.into());
        }
        Ok(report)
    }

    fn bounds(&self, start: u64, end: u64) -> Result<Bounds, ExtractFailure> {
        let (before, after) = self.store.read(|conn| {
            let before = ledger_rows::checkpoint_at_or_before(conn, start)?;
            Ok((before, ledger_rows::newest_checkpoint(conn)?))
        })?;
        let (size, note) =
            after.ok_or_else(|| ExtractFailure::Period("nothing was published yet".to_string()))?;
        let source = DirSource::new(self.log_dir());
        let hashes = TiledHashes::new(&source, size);
        let mut leaf = |index: u64| -> std::io::Result<Vec<u8>> {
            let rows = self
                .store
                .read(|conn| ledger_rows::leaves(conn, index, index + 1))
                .map_err(std::io::Error::other)?;
            rows.into_iter()
                .next()
                .map(|row| row.leaf)
                .ok_or_else(|| std::io::Error::other(format!("entry {index} is missing")))
        };
        let checkpoint_start = before.map(|(_, note)| note);
        Bounds::gather(&hashes, &mut leaf, start..end, checkpoint_start, note)
            .map_err(ExtractFailure::Log)
    }
}
