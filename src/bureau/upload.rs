//! An upload before it is applied: cut into lines, every line read, the batch header held against
//! what arrived. The same for every door, so that a file gets the same receipt everywhere.
//!
//! A file is gone through once before anything of it is applied, and, unless it is short enough to
//! keep what was read, once more while it is: memory does not grow with it.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::Engine;
use super::command::observe::{Line, SliceOutcome};
use crate::collect::{
    BatchHeader, FieldError, LineError, Lines, ReadContext, Receipt, Rows, SharedBlob, Totals,
    ends_batch, read_observation,
};
use crate::error::{Problem, Reason};
use crate::kernel::Time;
use crate::kernel::bytes::Digest;

/// The largest file that is taken, in bytes.
pub const UPLOAD_BYTES_MAX: u64 = 1 << 30;

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

    /// `ndjson` or `parquet`.
    pub fn name(self) -> &'static str {
        match self {
            Format::Ndjson => "ndjson",
            Format::Parquet => "parquet",
        }
    }

    /// The format of this name.
    pub fn from_name(name: &str) -> Option<Format> {
        [Format::Ndjson, Format::Parquet].into_iter().find(|format| format.name() == name)
    }
}

/// A file of observations.
#[derive(Clone)]
pub struct UploadFile {
    /// How it is written.
    pub format: Format,
    /// Its bytes.
    pub blob: SharedBlob,
    /// SHA-256 of them.
    pub digest: Digest,
}

/// An upload whose batch holds together.
pub struct Checked {
    /// The observations, with their line numbers, if they were to be kept.
    pub lines: Vec<Line>,
    /// How many observations there are.
    pub count: u64,
    /// The receipt so far: it lists the lines that cannot be read.
    pub receipt: Receipt,
}

type Cut = (u64, Result<Map<String, Value>, FieldError>);
type Header = Option<Result<BatchHeader, Vec<FieldError>>>;

fn opened(file: &UploadFile) -> Result<(Header, Box<dyn Iterator<Item = Cut>>), Problem> {
    if file.blob.length() > UPLOAD_BYTES_MAX {
        let text = format!("at most {UPLOAD_BYTES_MAX} bytes in one upload: send it in parts");
        return Err(refused(vec![FieldError::whole("file_too_large", text)]));
    }
    Ok(match file.format {
        Format::Ndjson => {
            let mut lines = Lines::open(file.blob.clone());
            (lines.header(), Box::new(lines))
        }
        Format::Parquet => {
            let rows = Rows::open(file.blob.clone()).map_err(refused)?;
            (rows.header(), Box::new(rows))
        }
    })
}

/// What the reading of a line depends on.
struct Context {
    allowed: BTreeSet<String>,
    now: Time,
}

impl Context {
    fn new(engine: &Engine, now: Time) -> Context {
        let allowed = engine.rules.categories().iter().map(|(name, _)| name.to_string()).collect();
        Context { allowed, now }
    }

    fn read(&self) -> ReadContext<'_> {
        // The latest date on earth: nobody's today is refused as a tomorrow.
        let today = self.now.date_at(14);
        let oldest = self.now.plus_days(-366 * HISTORY_YEARS).date_at(0);
        ReadContext { today, oldest, allowed_categories: &self.allowed }
    }
}

/// Reads a whole upload; keeps what was read when `keep` says so.
///
/// # Errors
/// What refuses the batch as a whole, before anything is applied: a file that cannot be cut into
/// lines, or a declared count or total that does not match.
pub fn check(
    engine: &Engine,
    now: Time,
    file: &UploadFile,
    keep: bool,
) -> Result<Checked, Problem> {
    let (header, cuts) = opened(file)?;
    let context = Context::new(engine, now);
    let context = context.read();
    let mut checked = Checked { lines: Vec::new(), count: 0, receipt: Receipt::new(&file.digest) };
    let mut totals = Totals::default();
    for (number, cut) in cuts {
        if let Err(error) = &cut
            && ends_batch(error.code)
        {
            return Err(refused(vec![error.clone()]));
        }
        totals.add(&cut);
        match cut.map_err(|e| vec![e]).and_then(|map| read_observation(&map, &context)) {
            Ok(observation) => {
                checked.count += 1;
                if keep {
                    checked.lines.push((number, observation));
                }
            }
            Err(errors) => checked.receipt.reject(number, errors),
        }
    }
    if let Some(header) = header {
        header.and_then(|header| header.check(&totals)).map_err(refused)?;
    }
    checked.receipt.control_totals = totals.summary();
    Ok(checked)
}

/// The readable lines of a file that was checked, from line `from` on, as it was read at `now`.
///
/// # Errors
/// The file cannot be opened any more; and in place of a line, that it cannot be read to its end.
pub fn lines(
    engine: &Engine,
    now: Time,
    file: &UploadFile,
    from: u64,
) -> Result<impl Iterator<Item = Result<Line, Problem>>, Problem> {
    let (_, cuts) = opened(file)?;
    let context = Context::new(engine, now);
    let later = cuts.skip_while(move |(number, cut)| *number < from && cut.is_ok());
    Ok(later.filter_map(move |(number, cut)| match cut {
        Err(error) if ends_batch(error.code) => Some(Err(refused(vec![error]))),
        cut => {
            let observation = read_observation(&cut.ok()?, &context.read()).ok()?;
            (number >= from).then_some(Ok((number, observation)))
        }
    }))
}

fn refused(errors: Vec<FieldError>) -> Problem {
    let code = errors.first().map_or("invalid_request", |e| e.code);
    let errors = errors.into_iter().map(|e| Reason::new(e.pointer, e.code, e.message)).collect();
    let text = "The file as a whole cannot be taken, and nothing of it was applied.";
    Problem { errors, ..Problem::new(code, text) }
}

/// Adds what became of a slice to the receipt.
pub fn add_slice(receipt: &mut Receipt, outcome: &SliceOutcome) {
    receipt.accepted += outcome.accepted;
    receipt.duplicates += outcome.duplicates;
    for (line, code, message) in &outcome.rejected {
        receipt.rejected += 1;
        if receipt.errors.len() < crate::collect::receipt::ERRORS_LISTED_MAX {
            let (code, message) = (code.clone(), message.clone());
            receipt.errors.push(LineError { line: *line, pointer: String::new(), code, message });
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
