//! Files in the format: fields in, bytes out, in any of the four forms.
//!
//! A block holds one record. In files without blocks a record is as long as its segments; a
//! reader that expects one length for all finds it in each descriptor word.

use super::cut::{Form, RECORD_BYTES_MAX};
use super::layout::{Kind, Segment};
use super::packed::{describe, pack};
use super::record::parts;
use super::totals::Counts;

/// A segment to be written: its fields by number. What is not named is blank or zero.
#[derive(Clone, Debug)]
pub struct Written {
    /// Which.
    pub segment: Segment,
    /// Number and content: texts as they are, numbers and dates as digits.
    pub fields: Vec<(&'static str, String)>,
}

/// Why a file was not written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    /// A content does not fit into its field.
    #[error("the {segment} has no room for its field {no} {name}")]
    TooLong {
        /// The segment's name.
        segment: &'static str,
        /// The field's number.
        no: &'static str,
        /// The field's name.
        name: &'static str,
    },
    /// The segments of one record are more than a descriptor word can say.
    #[error("a record of {0} bytes is longer than the format allows")]
    RecordTooLong(usize),
}

/// Writes one file.
pub struct Writer {
    form: Form,
    out: Vec<u8>,
    records: u64,
    counts: Counts,
}

impl Writer {
    /// Begins a file with its header record.
    ///
    /// # Errors
    /// [`WriteError`].
    pub fn begin(
        form: Form,
        mut header: Vec<(&'static str, String)>,
    ) -> Result<Writer, WriteError> {
        let mut writer = Writer { form, out: Vec::new(), records: 0, counts: Counts::default() };
        header.push(("2", "HEADER".to_string()));
        writer.record(&[Written { segment: Segment::Header, fields: header }])?;
        Ok(writer)
    }

    /// Adds a data record: a base segment and what is appended to it, in the standard's order.
    ///
    /// # Errors
    /// [`WriteError`].
    pub fn push(&mut self, segments: &[Written]) -> Result<(), WriteError> {
        let record = self.record(segments)?;
        let (parts, errors) = parts(self.records, &record, self.form.packed);
        self.counts.add(&parts, errors.is_empty());
        Ok(())
    }

    /// Ends the file with a trailer record that counts what is in it.
    ///
    /// # Errors
    /// [`WriteError`].
    pub fn finish(mut self) -> Result<Vec<u8>, WriteError> {
        let mut fields: Vec<(&'static str, String)> =
            self.counts.fields().map(|(no, count)| (no, count.to_string())).collect();
        fields.push(("2", "TRAILER".to_string()));
        fields.push(("8", (self.records + 1).to_string()));
        self.record(&[Written { segment: Segment::Trailer, fields }])?;
        Ok(self.out)
    }

    /// Writes one record and gives its bytes, descriptor word first.
    fn record(&mut self, segments: &[Written]) -> Result<Vec<u8>, WriteError> {
        let mut record = Vec::new();
        for written in segments {
            compose(written, self.form.packed, &mut record)?;
        }
        let length = record.len();
        let too_long = || WriteError::RecordTooLong(length);
        if length + 4 > RECORD_BYTES_MAX {
            return Err(too_long());
        }
        let word = describe(length, self.form.packed).ok_or_else(too_long)?;
        if let Some(place) = record.get_mut(..4) {
            place.copy_from_slice(&word);
        }
        if self.form.blocked {
            let block = describe(length + 4, self.form.packed).ok_or_else(too_long)?;
            self.out.extend(block);
        }
        self.out.extend(&record);
        self.records += 1;
        Ok(record)
    }
}

fn compose(written: &Written, packed: bool, out: &mut Vec<u8>) -> Result<(), WriteError> {
    let segment = written.segment;
    let lead = matches!(segment, Segment::Header | Segment::Base | Segment::Trailer);
    for field in segment.fields() {
        let content = written.fields.iter().find(|(no, _)| *no == field.no);
        let mut content = content.map_or("", |(_, content)| content.as_str());
        if field.no == "1" && !lead {
            content = segment.id();
        }
        let width = field.width;
        if content.len() > width {
            let (segment, no, name) = (segment.title(), field.no, field.name);
            return Err(WriteError::TooLong { segment, no, name });
        }
        let packed = packed && lead;
        match field.kind {
            Kind::Descriptor => out.extend([0; 4]),
            Kind::Text => {
                let width = if packed { field.packed } else { width };
                out.extend(format!("{content:<width$}").into_bytes());
            }
            _ if packed && field.is_packed() => out.extend(pack(content, field.packed)),
            Kind::Number | Kind::Date | Kind::Stamp => {
                out.extend(format!("{content:0>width$}").into_bytes());
            }
        }
    }
    Ok(())
}
