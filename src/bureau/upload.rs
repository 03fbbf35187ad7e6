//! An upload before it is applied: cut into lines, every line read, the batch header held against
//! what arrived. The same for every door, so that a file gets the same receipt everywhere.

use std::collections::BTreeSet;

use bytes::Bytes;

use super::Engine;
use super::command::observe::{Line, SliceOutcome};
use crate::collect::{
    BatchHeader, FieldError, LineError, Lines, ReadContext, Receipt, Rows, Totals, ends_batch,
    read_observation,
};
use crate::error::{Problem, Reason};
use crate::kernel::Time;
use crate::kernel::bytes::sha256;

/// The largest file that is read, in bytes.
pub const UPLOAD_BYTES_MAX: u64 = 256 << 20;

/// Years of history taken at most: the longest retention of any pack.
const HISTORY_YEARS: i64 = 11;

/// How an upload is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `application/x-ndjson`: one JSON object a line.
    Ndjson,
    /// `application/vnd.apache.parquet`.
    Parquet,
}

impl Format {
    /// The format that the first bytes speak of.
    pub fn of(bytes: &[u8]) -> Format {
        if bytes.starts_with(b"PAR1") { Format::Parquet } else { Format::Ndjson }
    }
}

/// An upload whose batch holds together: what can be applied, and a receipt that lists the lines
/// that cannot be read.
pub struct Checked {
    /// The observations, with their line numbers.
    pub lines: Vec<Line>,
    /// The receipt so far.
    pub receipt: Receipt,
}

/// Reads a whole upload.
///
/// # Errors
/// What refuses the batch as a whole, before anything is applied: a file that cannot be cut into
/// lines, or a declared count or total that does not match.
pub fn check(
    engine: &Engine,
    now: Time,
    format: Format,
    bytes: &Bytes,
) -> Result<Checked, Problem> {
    if bytes.len() as u64 > UPLOAD_BYTES_MAX {
        let text = format!("at most {UPLOAD_BYTES_MAX} bytes in one upload: send it in parts");
        return Err(refused(vec![FieldError::whole("file_too_large", text)]));
    }
    let mut reading = Reading {
        receipt: Receipt::new(&sha256(bytes)),
        lines: Vec::new(),
        totals: Totals::default(),
    };
    let allowed: BTreeSet<String> =
        engine.rules.categories().iter().map(|(name, _)| name.to_string()).collect();
    // The latest date on earth: nobody's today is refused as a tomorrow.
    let today = now.date_at(14);
    let oldest = now.plus_days(-366 * HISTORY_YEARS).date_at(0);
    let context = ReadContext { today, oldest, allowed_categories: &allowed };
    let header = match format {
        Format::Ndjson => {
            let mut lines = Lines::open(bytes).map_err(|e| refused(vec![e]))?;
            let header = lines.header();
            reading.all(lines, &context)?;
            header
        }
        Format::Parquet => {
            let rows = Rows::open(bytes).map_err(refused)?;
            let header = rows.header();
            reading.all(rows, &context)?;
            header
        }
    };
    reading.finish(header)
}

fn refused(errors: Vec<FieldError>) -> Problem {
    let code = errors.first().map_or("invalid_request", |e| e.code);
    let errors = errors.into_iter().map(|e| Reason::new(e.pointer, e.code, e.message)).collect();
    let text = "The file as a whole cannot be taken, and nothing of it was applied.";
    Problem { errors, ..Problem::new(code, text) }
}

struct Reading {
    receipt: Receipt,
    lines: Vec<Line>,
    totals: Totals,
}

type Cut = Result<serde_json::Map<String, serde_json::Value>, FieldError>;

impl Reading {
    fn all(
        &mut self,
        lines: impl Iterator<Item = (u64, Cut)>,
        context: &ReadContext<'_>,
    ) -> Result<(), Problem> {
        for (number, line) in lines {
            if let Err(error) = &line
                && ends_batch(error.code)
            {
                return Err(refused(vec![error.clone()]));
            }
            self.totals.add(&line);
            match line.map_err(|e| vec![e]).and_then(|map| read_observation(&map, context)) {
                Ok(observation) => self.lines.push((number, observation)),
                Err(errors) => self.receipt.reject(number, errors),
            }
        }
        Ok(())
    }

    fn finish(
        mut self,
        header: Option<Result<BatchHeader, Vec<FieldError>>>,
    ) -> Result<Checked, Problem> {
        if let Some(header) = header {
            header.and_then(|header| header.check(&self.totals)).map_err(refused)?;
        }
        self.receipt.control_totals = self.totals.summary();
        Ok(Checked { lines: self.lines, receipt: self.receipt })
    }
}

/// Adds what became of a slice to the receipt.
pub fn add_slice(receipt: &mut Receipt, outcome: SliceOutcome) {
    receipt.accepted += outcome.accepted;
    receipt.duplicates += outcome.duplicates;
    for (line, code, message) in outcome.rejected {
        receipt.rejected += 1;
        if receipt.errors.len() < crate::collect::receipt::ERRORS_LISTED_MAX {
            receipt.errors.push(LineError { line, pointer: String::new(), code, message });
        } else {
            receipt.errors_omitted += 1;
        }
    }
    if let Some((first, last)) = outcome.range {
        receipt.logged(first);
        receipt.logged(last);
    }
}

/// Puts the receipt's errors in order of lines, as a reader of the file meets them.
pub fn close(receipt: &mut Receipt) {
    receipt.errors.sort_by_key(|error| error.line);
}
