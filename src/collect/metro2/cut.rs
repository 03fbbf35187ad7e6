//! From bytes to records, one at a time: blocks, records, and where one ends.

use std::io::{BufRead, Read};

use super::packed::descriptor;
use crate::collect::blob::{BlobReader, SharedBlob};
use crate::collect::fields::FieldError;

/// Longest block or record, in bytes: what a binary descriptor word can say (IBM's limit).
pub const RECORD_BYTES_MAX: usize = 32_760;
/// Records of one file at most, header and trailer counted.
pub const RECORDS_MAX: u64 = 5_000_000;
/// Bytes that tell how a file is written.
pub const HEAD_BYTES: usize = 16;

/// How a file is written on its medium.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Form {
    /// Header, base segment and trailer in packed form (366 bytes), else in characters (426).
    pub packed: bool,
    /// A block descriptor word before each block.
    pub blocked: bool,
}

impl Form {
    /// All four.
    pub const ALL: [Form; 4] = [
        Form { packed: false, blocked: false },
        Form { packed: false, blocked: true },
        Form { packed: true, blocked: false },
        Form { packed: true, blocked: true },
    ];

    /// The form that a file's first bytes speak of; `None` where it does not begin with a header
    /// record.
    pub fn of(head: &[u8]) -> Option<Form> {
        let blocked = match (head.get(4..10), head.get(8..14)) {
            (Some(b"HEADER"), _) => false,
            (_, Some(b"HEADER")) => true,
            _ => return None,
        };
        let word: [u8; 4] = head.get(..4)?.try_into().ok()?;
        let packed = !word.iter().all(u8::is_ascii_digit);
        descriptor(word, packed)?;
        Some(Form { packed, blocked })
    }

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match (self.packed, self.blocked) {
            (false, false) => "character",
            (false, true) => "character-blocked",
            (true, false) => "packed",
            (true, true) => "packed-blocked",
        }
    }
}

/// An error about record `record`, after which nobody can say where the next one begins.
pub fn lost(record: u64, why: &str) -> FieldError {
    let message = format!("record {record}: {why}; what follows it cannot be found");
    FieldError::whole("metro2_unreadable", message)
}

/// The records of a file, each with its number from 1 (the header's) and its descriptor word.
pub struct Cutter {
    reader: BlobReader,
    form: Option<Form>,
    record: u64,
    blocks: u64,
    /// Bytes of the open block that were not read yet.
    left: usize,
    ended: bool,
}

impl Cutter {
    /// The records of `file`.
    pub fn open(file: SharedBlob) -> Cutter {
        let head = file.read_at(0, HEAD_BYTES).unwrap_or_default();
        let form = Form::of(&head);
        let reader = BlobReader::new(file, 0);
        Cutter { reader, form, record: 0, blocks: 0, left: 0, ended: false }
    }

    /// How the file is written, if it is this format at all.
    pub fn form(&self) -> Option<Form> {
        self.form
    }

    /// Blocks begun so far; 0 in a file without them.
    pub fn blocks(&self) -> u64 {
        self.blocks
    }

    /// Skips the line ends that stand between records of a file in characters. `false` at the end.
    fn more(&mut self, packed: bool) -> Result<bool, FieldError> {
        loop {
            let block = self.reader.fill_buf().map_err(|_| gone())?;
            let Some(first) = block.first() else { return Ok(false) };
            // A packed record may begin with any byte.
            if packed || !matches!(first, b'\r' | b'\n') {
                return Ok(true);
            }
            self.reader.consume(1);
        }
    }

    fn word(&mut self, packed: bool, what: &str) -> Result<usize, FieldError> {
        let mut word = [0; 4];
        let record = self.record;
        self.reader
            .read_exact(&mut word)
            .map_err(|_| lost(record, "the file ends in its middle"))?;
        descriptor(word, packed)
            .ok_or_else(|| lost(record, &format!("no {what} stands where one must")))
    }

    fn cut(&mut self, form: Form) -> Result<Option<Vec<u8>>, FieldError> {
        if !self.more(form.packed)? {
            return match self.left {
                0 => Ok(None),
                _ => Err(lost(self.record, "its block is longer than the file")),
            };
        }
        self.record += 1;
        if self.record > RECORDS_MAX {
            let message = format!("at most {RECORDS_MAX} records in one upload");
            return Err(FieldError::whole("too_many_lines", message));
        }
        if form.blocked && self.left == 0 {
            let block = self.word(form.packed, "Block Descriptor Word")?;
            let fits = (8..=RECORD_BYTES_MAX).contains(&block);
            if !fits {
                return Err(lost(self.record, "its Block Descriptor Word is out of range"));
            }
            self.blocks += 1;
            self.left = block - 4;
            // Some put a line end after the word as well.
            self.more(form.packed)?;
        }
        let length = self.word(form.packed, "Record Descriptor Word")?;
        let room = if form.blocked { self.left } else { RECORD_BYTES_MAX };
        if !(5..=room).contains(&length) {
            return Err(lost(self.record, "its Record Descriptor Word is out of range"));
        }
        self.left = self.left.saturating_sub(length);
        let mut record = vec![b'0'; length];
        let rest = record.get_mut(4..).unwrap_or_default();
        let record_no = self.record;
        self.reader.read_exact(rest).map_err(|_| lost(record_no, "the file ends in its middle"))?;
        Ok(Some(record))
    }
}

fn gone() -> FieldError {
    FieldError::whole("file_unreadable", "the file cannot be read back: send it again")
}

impl Iterator for Cutter {
    /// Number and bytes; of the descriptor word only its room is left.
    type Item = Result<(u64, Vec<u8>), FieldError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let Some(form) = self.form else {
            self.ended = true;
            let why = "no header record stands at the beginning, in ASCII, with or without blocks";
            return Some(Err(lost(1, why)));
        };
        match self.cut(form) {
            Ok(Some(record)) => Some(Ok((self.record, record))),
            Ok(None) => {
                self.ended = true;
                None
            }
            Err(error) => {
                self.ended = true;
                Some(Err(error))
            }
        }
    }
}
