//! An upload before it is applied: cut into lines, every line read, the batch header held against
//! what arrived. The same for every door, so that a file gets the same receipt everywhere.
//!
//! A file is gone through once before anything of it is applied, and, unless it is short enough to
//! keep what was read, once more while it is: memory does not grow with it.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::admission::Admission;
use super::command::observe::{Line, SliceOutcome};
use super::metro2::{Accounts, by_record};
use super::{Bureau, Engine};
use crate::collect::coverage::cover;
use crate::collect::metro2::is_metro2;
use crate::collect::receipt::Late;
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
    /// `application/x-metro2`: records of the Credit Reporting Resource Guide.
    Metro2,
}

impl Format {
    /// The format that the first bytes speak of.
    pub fn of(bytes: &[u8]) -> Format {
        if bytes.starts_with(b"PAR1") {
            Format::Parquet
        } else if is_metro2(bytes) {
            Format::Metro2
        } else {
            Format::Ndjson
        }
    }

    /// `ndjson`, `parquet` or `metro2`.
    pub fn name(self) -> &'static str {
        match self {
            Format::Ndjson => "ndjson",
            Format::Parquet => "parquet",
            Format::Metro2 => "metro2",
        }
    }

    /// The format of this name.
    pub fn from_name(name: &str) -> Option<Format> {
        [Format::Ndjson, Format::Parquet, Format::Metro2]
            .into_iter()
            .find(|format| format.name() == name)
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

fn within(file: &UploadFile) -> Result<(), Problem> {
    if file.blob.length() > UPLOAD_BYTES_MAX {
        let text = format!("at most {UPLOAD_BYTES_MAX} bytes in one upload: send it in parts");
        return Err(refused(vec![FieldError::whole("file_too_large", text)]));
    }
    Ok(())
}

fn opened(file: &UploadFile) -> Result<(Header, Box<dyn Iterator<Item = Cut>>), Problem> {
    within(file)?;
    Ok(match file.format {
        Format::Ndjson => {
            let mut lines = Lines::open(file.blob.clone());
            (lines.header(), Box::new(lines))
        }
        Format::Parquet => {
            let rows = Rows::open(file.blob.clone()).map_err(refused)?;
            (rows.header(), Box::new(rows))
        }
        // Its lines are not found without the database: see [`Bureau::checked`].
        Format::Metro2 => return Err(Problem::internal()),
    })
}

/// What the reading of a line depends on.
pub(super) struct Context {
    allowed: BTreeSet<String>,
    pub(super) now: Time,
}

impl Context {
    pub(super) fn new(engine: &Engine, now: Time) -> Context {
        let allowed = engine.rules.categories().iter().map(|(name, _)| name.to_string()).collect();
        Context { allowed, now }
    }

    pub(super) fn read(&self) -> ReadContext<'_> {
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
    let mut newest = None;
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
                newest = newest.max(cover(&observation.fact).and_then(|cover| cover.month));
                if keep {
                    checked.lines.push((number, observation));
                }
            }
            Err(errors) => checked.receipt.reject(number, errors),
        }
    }
    checked.receipt.period = newest;
    if let Some(header) = header {
        let header = header.map_err(refused)?;
        header.check(&totals).map_err(refused)?;
        checked.receipt.period = header.period.or(newest);
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

impl Bureau {
    /// [`check`], for a file of any format that the sender of `admission` sent.
    ///
    /// # Errors
    /// As [`check`]; and the database's.
    pub fn checked(
        &self,
        admission: &Admission,
        now: Time,
        file: &UploadFile,
        keep: bool,
    ) -> Result<Checked, Problem> {
        if file.format != Format::Metro2 {
            return check(&self.engine, now, file, keep);
        }
        within(file)?;
        let mut accounts = self.accounts(admission, now, file);
        let (mut lines, mut count) = (Vec::new(), 0);
        let mut receipt = Receipt::new(&file.digest);
        for line in &mut accounts {
            match line? {
                (number, Ok(observation)) => {
                    count += 1;
                    if keep {
                        lines.push((number, observation));
                    }
                }
                (_, Err(errors)) if errors.first().is_some_and(|e| ends_batch(e.code)) => {
                    return Err(refused(errors));
                }
                (number, Err(errors)) => receipt.reject(number, errors),
            }
        }
        receipt.control_totals = accounts.totals.summary();
        Ok(Checked { lines, count, receipt })
    }

    /// [`lines`], for a file of any format that the sender of `admission` sent.
    ///
    /// # Errors
    /// As [`lines`].
    pub fn lines<'a>(
        &'a self,
        admission: &Admission,
        now: Time,
        file: &'a UploadFile,
        from: u64,
    ) -> Result<Box<dyn Iterator<Item = Result<Line, Problem>> + 'a>, Problem> {
        if file.format != Format::Metro2 {
            return Ok(Box::new(lines(&self.engine, now, file, from)?));
        }
        let accounts = self.accounts(admission, now, file);
        Ok(Box::new(accounts.filter_map(move |line| match line {
            Ok((number, Ok(observation))) if number >= from => Some(Ok((number, observation))),
            Ok((_, Err(errors))) if errors.first().is_some_and(|e| ends_batch(e.code)) => {
                Some(Err(refused(errors)))
            }
            Ok(_) => None,
            Err(problem) => Some(Err(problem)),
        })))
    }

    fn accounts(&self, admission: &Admission, now: Time, file: &UploadFile) -> Accounts<'_> {
        let (furnisher, signed) = (admission.principal.key(), !admission.is_console());
        Accounts::open(self, now, file.blob.clone(), &furnisher, signed)
    }
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
    if outcome.late > 0 {
        let late = receipt.late.get_or_insert(Late { lines: 0, days_max: 0 });
        late.lines += outcome.late;
        late.days_max = late.days_max.max(outcome.late_days);
    }
    for (name, count) in &outcome.filled {
        *receipt.filled.entry(name.clone()).or_default() += count;
    }
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
pub fn close(receipt: &mut Receipt, format: Format) {
    receipt.errors.sort_by_key(|error| error.line);
    if format == Format::Metro2 {
        by_record(receipt);
    }
}
