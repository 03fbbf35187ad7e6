//! The receipt of an upload: what was taken, what was not, and every reason by line and field.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::fields::FieldError;
use super::header::ControlTotals;
use crate::kernel::Month;
use crate::kernel::bytes::{Digest, hex};

/// Most errors that are listed; the rest are counted in `errors_omitted`.
pub const ERRORS_LISTED_MAX: usize = 10_000;

/// What a furnisher gets for an upload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    /// Lines that became entries of the log.
    pub accepted: u64,
    /// Lines whose bytes were already known: no effect.
    pub duplicates: u64,
    /// Lines with at least one error: not stored.
    pub rejected: u64,
    /// What is wrong, in order of lines, at most [`ERRORS_LISTED_MAX`].
    pub errors: Vec<LineError>,
    /// How many errors are not listed.
    pub errors_omitted: u64,
    /// What arrived, accepted or not.
    pub control_totals: ControlTotals,
    /// The entries that this upload made; absent when there are none, as after a dry run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<LogRange>,
    /// SHA-256 of the file as it was sent, `sha-256:` and lower-case hex.
    pub file_digest: String,
    /// The month that the file reports: as its header says, else the newest month of its
    /// statements.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub period: Option<Month>,
    /// Accepted lines by type (`account_month`), and how many of them fill each optional field
    /// (`account_month.due`).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub filled: BTreeMap<String, u64>,
    /// Lines that came after the contracted window closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub late: Option<Late>,
    /// Accounts that should have a statement of that month and have none, this file's included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing: Option<Lacking>,
}

/// Lines that came after the window that the furnisher's contract says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Late {
    /// How many.
    pub lines: u64,
    /// Days, begun ones counted, by which the latest came after the window closed.
    pub days_max: i64,
}

/// Accounts without a statement of a month. They are counted here, and named when the receipt is
/// given: what is kept of it names nobody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lacking {
    /// The month.
    pub month: Month,
    /// How many.
    pub count: u64,
    /// Whether all accounts were looked at; if not, `GET /v1/coverage` knows the others.
    pub all_looked_at: bool,
    /// The first of them by name; absent in what is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accounts: Option<Vec<Named>>,
    /// How many are not named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub more: Option<u64>,
}

impl Lacking {
    /// None so far.
    pub fn of(month: Month) -> Lacking {
        Lacking { month, count: 0, all_looked_at: true, accounts: None, more: None }
    }
}

/// An account in its furnisher's own words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Named {
    /// The furnisher's id of the person.
    pub subject: String,
    /// Its key of the account.
    pub account_key: String,
}

/// One error of one line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LineError {
    /// The line from 1, header and blank lines counted; of a Parquet file, the row from 1;
    /// of a Metro 2 file, the record from 1, the header's.
    pub line: u64,
    /// A JSON pointer into the line; empty for the whole of it.
    pub pointer: String,
    /// The stable code.
    pub code: String,
    /// What is wrong, in words; never the value.
    pub message: String,
}

/// A closed range of log indices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogRange {
    /// The first entry of the upload.
    pub first_index: u64,
    /// Its last entry.
    pub last_index: u64,
}

impl Receipt {
    /// An empty receipt for the file with this digest.
    pub fn new(file: &Digest) -> Receipt {
        Receipt {
            accepted: 0,
            duplicates: 0,
            rejected: 0,
            errors: Vec::new(),
            errors_omitted: 0,
            control_totals: ControlTotals::default(),
            log: None,
            file_digest: format!("sha-256:{}", hex(file)),
            period: None,
            filled: BTreeMap::new(),
            late: None,
            missing: None,
        }
    }

    /// Counts a line as rejected and lists its errors while there is room.
    pub fn reject(&mut self, line: u64, errors: impl IntoIterator<Item = FieldError>) {
        self.rejected += 1;
        for FieldError { pointer, code, message } in errors {
            if self.errors.len() < ERRORS_LISTED_MAX {
                self.errors.push(LineError { line, pointer, code: code.to_string(), message });
            } else {
                self.errors_omitted += 1;
            }
        }
    }

    /// Widens the range of log indices to take in `index`.
    pub fn logged(&mut self, index: u64) {
        let range = self.log.unwrap_or(LogRange { first_index: index, last_index: index });
        self.log = Some(LogRange {
            first_index: range.first_index.min(index),
            last_index: range.last_index.max(index),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::bytes::sha256;

    #[test]
    fn errors_beyond_the_limit_are_counted_and_none_is_lost() {
        let mut receipt = Receipt::new(&sha256(b"abc"));
        for line in 0..6_000 {
            receipt.reject(line, ["one", "two"].map(|code| FieldError::whole(code, "wrong")));
        }
        assert_eq!((receipt.rejected, receipt.errors.len()), (6_000, ERRORS_LISTED_MAX));
        assert_eq!(receipt.errors_omitted, 2_000);
    }

    #[test]
    fn a_receipt_round_trips_as_json() {
        let mut receipt = Receipt::new(&sha256(b"abc"));
        receipt.reject(3, [FieldError::whole("not_json", "not JSON at column 1")]);
        receipt.logged(8);
        receipt.logged(5);
        assert_eq!(receipt.log, Some(LogRange { first_index: 5, last_index: 8 }));
        let text = serde_json::to_string(&receipt).expect("JSON");
        assert_eq!(serde_json::from_str::<Receipt>(&text).expect("a receipt"), receipt);
    }
}
