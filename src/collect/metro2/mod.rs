//! Metro 2, the format in which American furnishers report accounts (CDIA, Credit Reporting
//! Resource Guide), in and out.
//!
//! ```text
//!  bytes ──> Cutter ──> record ──> parts ──> told ──> one account and one month a consumer
//!            blocks,    number,    segments,  codes,
//!            lengths    bytes      characters dates, rules
//! ```
//!
//! - [`layout`] is the standard's tables: which field lies where, in character and packed form.
//! - [`cut`] finds blocks and records and holds one of them at a time.
//! - [`record`] brings a record into characters, whatever form it came in.
//! - [`map`] says what a record says about each consumer; `docs/metro2.md` is its table.
//! - [`totals`] counts what a trailer counts.
//! - [`mod@write`] puts records into a file in any of the four forms.
//!
//! A record with errors is rejected alone, with all of them. A file whose records cannot be told
//! apart, or whose trailer counts otherwise, is refused as a whole.

pub mod codes;
pub mod cut;
pub mod kept;
pub mod layout;
pub mod map;
mod packed;
pub mod record;
#[cfg(test)]
mod tests;
pub mod totals;
pub mod write;

pub use cut::Form;
pub use kept::{Metro2Account, Metro2Month};
pub use map::{Told, Whom, Wish};

use std::collections::VecDeque;

use cut::{Cutter, lost};
use layout::Segment;
use record::{Where, kind_of, parts};
use totals::Counts;

use super::blob::SharedBlob;
use super::fields::FieldError;

/// Bits below the record's number in the number of a line: eight say which consumer, eight which
/// of the consumer's observations.
const RECORD_SHIFT: u32 = 16;
const CONSUMER_SHIFT: u32 = 8;

/// The number of a line: unique, and in the order of the file.
pub fn line_number(record: u64, consumer: u64, item: u64) -> u64 {
    (record << RECORD_SHIFT) | (consumer.min(255) << CONSUMER_SHIFT) | item.min(255)
}

/// The record in which a line stands.
pub fn record_of(line: u64) -> u64 {
    line >> RECORD_SHIFT
}

/// What one consumer of one record is said to have, or what is wrong with it. The number is the
/// one of the consumer's first line.
pub type Line = (u64, Result<Told, Vec<FieldError>>);

/// Whether a file begins like one of this format.
pub fn is_metro2(head: &[u8]) -> bool {
    Form::of(head).is_some()
}

/// The consumers of one file, record by record. An error that ends the batch
/// ([`super::ends_batch`]) comes last.
pub struct Consumers {
    cutter: Cutter,
    counts: Counts,
    waiting: VecDeque<Line>,
    /// Number of the trailer, once it came.
    trailer: Option<u64>,
    record: u64,
    ended: bool,
}

impl Consumers {
    /// The consumers in `file`.
    pub fn open(file: SharedBlob) -> Consumers {
        Consumers {
            cutter: Cutter::open(file),
            counts: Counts::default(),
            waiting: VecDeque::new(),
            trailer: None,
            record: 0,
            ended: false,
        }
    }

    /// What was counted so far.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    fn end(&mut self, errors: Vec<FieldError>) {
        self.ended = true;
        self.waiting.push_back((line_number(self.record, 0, 0), Err(errors)));
    }

    /// Reads the next record into what waits.
    fn advance(&mut self) {
        let (number, bytes) = match self.cutter.next() {
            Some(Ok(record)) => record,
            Some(Err(error)) => return self.end(vec![error]),
            None if self.trailer.is_none() => {
                let error = lost(self.record + 1, "no trailer record ends the file");
                return self.end(vec![error]);
            }
            None => {
                self.ended = true;
                return;
            }
        };
        self.record = number;
        let Some(form) = self.cutter.form() else { return };
        let (parts, errors) = parts(number, &bytes, form.packed);
        match (kind_of(&bytes), number) {
            (Segment::Header, 1) if errors.is_empty() => {}
            (Segment::Header, 1) => {
                let why = "the header record does not read";
                self.end([vec![lost(1, why)], errors].concat());
            }
            (_, 1) => self.end(vec![lost(1, "a header record comes first")]),
            _ if self.trailer.is_some() => {
                self.end(vec![lost(number, "nothing comes after the trailer record")]);
            }
            (Segment::Header, _) => {
                let at = Where { record: number, segment: Segment::Header, nth: 1 };
                let text = "there is one header record, at the beginning";
                let error = at.whole("unreadable_record", text);
                self.waiting.push_back((line_number(number, 0, 0), Err(vec![error])));
                self.counts.add(&[], false);
            }
            (Segment::Trailer, _) => {
                self.trailer = Some(number);
                let blocks = self.cutter.blocks();
                let whole = parts.first().filter(|_| errors.is_empty());
                let checked = match whole {
                    Some(trailer) => self.counts.check(number, trailer, form, blocks),
                    None => Err([vec![lost(number, "the trailer does not read")], errors].concat()),
                };
                if let Err(errors) = checked {
                    self.end(errors);
                }
            }
            _ => {
                self.counts.add(&parts, errors.is_empty());
                if !errors.is_empty() {
                    self.waiting.push_back((line_number(number, 0, 0), Err(errors)));
                    return;
                }
                for (consumer, told) in (0..).zip(map::told(number, &parts)) {
                    self.waiting.push_back((line_number(number, consumer, 0), told));
                }
            }
        }
    }
}

impl Iterator for Consumers {
    type Item = Line;

    fn next(&mut self) -> Option<Line> {
        loop {
            if let Some(line) = self.waiting.pop_front() {
                return Some(line);
            }
            if self.ended {
                return None;
            }
            self.advance();
        }
    }
}
