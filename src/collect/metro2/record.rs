//! A record's segments in character form, whatever form they came in.

use super::layout::{Field, Kind, Segment};
use super::packed::unpacked;
use crate::collect::fields::FieldError;

/// One segment, as characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Which.
    pub segment: Segment,
    /// Where among the segments of its kind, from 1.
    pub nth: usize,
    text: String,
}

impl Part {
    /// A field's content without the blanks that fill it; empty for one that it does not have.
    pub fn get(&self, no: &str) -> &str {
        let found = self.segment.field(no);
        let text = found.and_then(|(field, at)| self.text.get(at..at + field.width));
        text.map_or("", str::trim_end)
    }

    /// Whether nothing but filling stands in it: in files of fixed length an appendage without
    /// content is there all the same.
    pub fn is_blank(&self) -> bool {
        let rest = self.text.get(2..).unwrap_or_default();
        rest.bytes().all(|b| matches!(b, b' ' | b'0'))
    }

    /// Whether a number, a date or a telephone number stands in the field.
    pub fn has_digits(&self, no: &str) -> bool {
        self.get(no).bytes().any(|b| b.is_ascii_digit() && b != b'0')
    }

    /// Whether a social security number stands in the field: zeros or nines say that none does.
    pub fn has_ssn(&self, no: &str) -> bool {
        self.has_digits(no) && self.get(no).bytes().any(|b| b != b'9')
    }
}

/// Where an error is, in the words of the standard.
#[derive(Clone, Copy, Debug)]
pub struct Where {
    /// The record's number, from 1, the header's.
    pub record: u64,
    /// The segment.
    pub segment: Segment,
    /// Which of that kind.
    pub nth: usize,
}

impl Where {
    /// The place of a part.
    pub fn of(record: u64, part: &Part) -> Where {
        Where { record, segment: part.segment, nth: part.nth }
    }

    fn pointer(&self) -> String {
        match self.nth {
            0 | 1 => format!("/{}", self.segment.id()),
            nth => format!("/{}[{nth}]", self.segment.id()),
        }
    }

    fn title(&self) -> String {
        match self.nth {
            0 | 1 => format!("record {}, {}", self.record, self.segment.title()),
            nth => format!("record {}, {} {nth}", self.record, self.segment.title()),
        }
    }

    /// An error about the segment.
    pub fn whole(&self, code: &'static str, message: &str) -> FieldError {
        let message = format!("{}: {message}", self.title());
        FieldError { pointer: self.pointer(), code, message }
    }

    /// An error about one of its fields. No message repeats a value (decisions.md 1).
    pub fn field(&self, no: &str, code: &'static str, message: &str) -> FieldError {
        let name = self.segment.field(no).map_or("", |(field, _)| field.name);
        let message = format!("{}, field {no} {name}: {message}", self.title());
        FieldError { pointer: format!("{}/{no}", self.pointer()), code, message }
    }
}

/// What a record is, by its first characters.
pub fn kind_of(record: &[u8]) -> Segment {
    if record.get(4..10) == Some(b"HEADER") {
        Segment::Header
    } else if record.get(4..11) == Some(b"TRAILER") {
        Segment::Trailer
    } else {
        Segment::Base
    }
}

/// The segments of a record, and everything that is wrong with how it is put together.
pub fn parts(number: u64, record: &[u8], packed: bool) -> (Vec<Part>, Vec<FieldError>) {
    let lead = kind_of(record);
    let at = Where { record: number, segment: lead, nth: 1 };
    let mut errors = Vec::new();
    let length = lead.length(packed);
    let Some((first, mut rest)) = record.split_at_checked(length) else {
        let text = format!("{} bytes where {length} are needed", record.len());
        return (Vec::new(), vec![at.whole("unreadable_record", &text)]);
    };
    let mut parts = vec![characters(first, at, packed, &mut errors)];
    if lead != Segment::Base {
        return (parts, errors);
    }
    let mut last = Segment::Base;
    // In a record of fixed length the rest may be blank.
    while !rest.iter().all(|b| *b == b' ' || *b == 0) {
        let id = rest.get(..2).and_then(|id| std::str::from_utf8(id).ok());
        let Some(segment) = Segment::APPENDED.into_iter().find(|s| Some(s.id()) == id) else {
            let text = "what follows it begins with no segment identifier (J1, J2, K1, K2, K3, \
                        K4, L1, N1)";
            errors.push(Where { segment: last, ..at }.whole("unreadable_record", text));
            break;
        };
        let nth = 1 + parts.iter().filter(|part| part.segment == segment).count();
        let here = Where { record: number, segment, nth };
        let Some((own, after)) = rest.split_at_checked(segment.length(false)) else {
            let text = format!("{} bytes where {} are needed", rest.len(), segment.length(false));
            errors.push(here.whole("unreadable_record", &text));
            break;
        };
        if segment < last {
            let text = "segments come in the order J1, J2, K1, K2, K3, K4, L1, N1";
            errors.push(here.whole("unreadable_record", text));
        }
        if nth > 1 && !matches!(segment, Segment::J1 | Segment::J2) {
            errors.push(here.whole("unreadable_record", "only J1 and J2 may be repeated"));
        }
        parts.push(characters(own, here, false, &mut errors));
        (rest, last) = (after, segment.max(last));
    }
    parts.retain(|part| part.segment == Segment::Base || !part.is_blank());
    (parts, errors)
}

fn characters(bytes: &[u8], at: Where, packed: bool, errors: &mut Vec<FieldError>) -> Part {
    let mut text = String::with_capacity(at.segment.length(false));
    let mut rest = bytes;
    for field in at.segment.fields() {
        let width = if packed { field.packed } else { field.width };
        let (own, after) = rest.split_at(width.min(rest.len()));
        rest = after;
        match content(own, field, packed) {
            Ok(content) => text.push_str(&content),
            Err(why) => {
                errors.push(at.field(field.no, "unreadable_record", why));
                text.extend(std::iter::repeat_n('0', field.width));
            }
        }
    }
    Part { segment: at.segment, nth: at.nth, text }
}

/// A field's content in character form.
fn content(bytes: &[u8], field: &Field, packed: bool) -> Result<String, &'static str> {
    if field.kind == Kind::Descriptor {
        return Ok("0".repeat(field.width));
    }
    if packed && field.is_packed() {
        return unpacked(bytes, field.width)
            .ok_or("is not packed decimal of so many digits with a plus sign");
    }
    if bytes.iter().any(|b| !(b' '..=b'~').contains(b)) {
        return Err("must be printable ASCII characters");
    }
    let text = String::from_utf8_lossy(bytes);
    // Reserved fields differ in length between the forms.
    Ok(format!("{text:<width$.width$}", width = field.width))
}
