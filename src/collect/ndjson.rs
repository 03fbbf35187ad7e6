//! Lines of `application/x-ndjson`, one JSON object each, read lazily and with limits.
//!
//! `serde_json` alone keeps the last of two equal keys and says nothing; two readers that keep
//! different ones would then see different records behind one signature. Here such a line is
//! refused (`duplicate_key`).

use std::cell::RefCell;
use std::fmt;
use std::io::BufRead;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::blob::{BlobReader, SharedBlob};
use super::fields::{FieldError, child};
use super::header::{self, BatchHeader};

/// Longest line, in bytes without its end.
pub const LINE_BYTES_MAX: usize = 16 * 1024;
/// Most lines of one upload, the batch header and blank lines included.
pub const LINES_MAX: u64 = 5_000_000;

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// A line's number from 1, and its object or what is wrong with it.
pub type Line = (u64, Result<Map<String, Value>, FieldError>);

/// The lines of one upload. Iterating yields (line number from 1, object or what is wrong with the
/// line); blank lines are skipped. `too_many_lines` or `file_unreadable` among them ends the file;
/// the batch must then be refused as a whole.
pub struct Lines {
    reader: BlobReader,
    line: u64,
    lines_max: u64,
    /// A first line that was looked at and was no header.
    pending: Option<Line>,
    buffer: Vec<u8>,
    ended: bool,
}

impl std::fmt::Debug for Lines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lines").field("line", &self.line).finish_non_exhaustive()
    }
}

impl Lines {
    /// The lines of a file. A byte order mark and `\r\n` line ends are put up with.
    pub fn open(file: SharedBlob) -> Lines {
        Lines::up_to(file, LINES_MAX)
    }

    fn up_to(file: SharedBlob, lines_max: u64) -> Lines {
        let marked = file.read_at(0, BYTE_ORDER_MARK.len());
        let skip = match marked {
            Ok(head) if head == BYTE_ORDER_MARK => BYTE_ORDER_MARK.len() as u64,
            // What cannot be read is met again, and told, at the first line.
            _ => 0,
        };
        let reader = BlobReader::new(file, skip);
        let (pending, buffer) = (None, Vec::new());
        Lines { reader, line: 0, lines_max, pending, buffer, ended: false }
    }

    /// The batch header, if the first line that is not blank is one; it is consumed then.
    ///
    /// # Errors
    /// Everything that is wrong with the header: the whole batch is refused.
    pub fn header(&mut self) -> Option<Result<BatchHeader, Vec<FieldError>>> {
        let first = self.next()?;
        if let (_, Ok(map)) = &first
            && header::is_header(map)
        {
            return Some(BatchHeader::read(map));
        }
        self.pending = Some(first);
        None
    }

    /// Takes the next line into the buffer, or as much of it as tells that it is too long.
    /// `false` at the end of the file.
    fn cut(&mut self) -> std::io::Result<bool> {
        self.buffer.clear();
        let mut any = false;
        loop {
            let block = self.reader.fill_buf()?;
            if block.is_empty() {
                return Ok(any);
            }
            any = true;
            let end = block.iter().position(|b| *b == b'\n');
            let (part, used) = match end {
                Some(end) => (block.get(..end).unwrap_or_default(), end + 1),
                None => (block, block.len()),
            };
            let room = (LINE_BYTES_MAX + 2).saturating_sub(self.buffer.len());
            self.buffer.extend(part.iter().take(room));
            self.reader.consume(used);
            if end.is_some() {
                return Ok(true);
            }
        }
    }

    fn last(&mut self, code: &'static str, message: String) -> Option<Line> {
        self.ended = true;
        Some((self.line + 1, Err(FieldError::whole(code, message))))
    }
}

impl Iterator for Lines {
    type Item = Line;

    fn next(&mut self) -> Option<Line> {
        if let Some(first) = self.pending.take() {
            return Some(first);
        }
        while !self.ended {
            match self.cut() {
                Ok(true) if self.line >= self.lines_max => {
                    let message = format!("at most {} lines in one upload", self.lines_max);
                    return self.last("too_many_lines", message);
                }
                Ok(true) => {
                    self.line += 1;
                    let line = self.buffer.trim_ascii();
                    if !line.is_empty() {
                        return Some((self.line, parse_line(line)));
                    }
                }
                Ok(false) => self.ended = true,
                Err(_) => {
                    let message = "the file cannot be read back: send it again".to_string();
                    return self.last("file_unreadable", message);
                }
            }
        }
        None
    }
}

/// Reads one line as one JSON object without duplicate keys.
///
/// # Errors
/// `line_too_long`, `not_utf8`, `not_json`, `not_an_object`, or `duplicate_key` at its place.
pub fn parse_line(line: &[u8]) -> Result<Map<String, Value>, FieldError> {
    if line.len() > LINE_BYTES_MAX {
        let message = format!("at most {LINE_BYTES_MAX} bytes in one line");
        return Err(FieldError::whole("line_too_long", message));
    }
    let text = std::str::from_utf8(line).map_err(|e| {
        FieldError::whole("not_utf8", format!("not UTF-8 after {} bytes", e.valid_up_to()))
    })?;
    let duplicate = RefCell::new(None);
    let mut reader = serde_json::Deserializer::from_str(text);
    let seed = Strict { here: Step::Root, duplicate: &duplicate };
    // The parser's own words could quote the line, so only the place is passed on.
    let value = seed
        .deserialize(&mut reader)
        .and_then(|value| reader.end().map(|()| value))
        .map_err(|e| FieldError::whole("not_json", format!("not JSON at column {}", e.column())))?;
    if let Some(pointer) = duplicate.into_inner() {
        let message = "this key stands twice in one object".to_string();
        return Err(FieldError { pointer, code: "duplicate_key", message });
    }
    match value {
        Value::Object(map) => Ok(map),
        _ => Err(FieldError::whole("not_an_object", "a line must be one JSON object")),
    }
}

/// Where the parser is: a list from the innermost key outwards, on the parser's own stack.
#[derive(Clone, Copy)]
enum Step<'s> {
    Root,
    Key(&'s Step<'s>, &'s str),
    Item(&'s Step<'s>, usize),
}

impl Step<'_> {
    fn pointer(&self) -> String {
        match self {
            Step::Root => String::new(),
            Step::Key(outer, key) => child(&outer.pointer(), key),
            Step::Item(outer, n) => child(&outer.pointer(), &n.to_string()),
        }
    }
}

/// Builds a [`Value`] and remembers the first key that stood twice.
#[derive(Clone, Copy)]
struct Strict<'s> {
    here: Step<'s>,
    duplicate: &'s RefCell<Option<String>>,
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<Value, D::Error> {
        d.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_string()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element_seed(Strict {
            here: Step::Item(&self.here, items.len()),
            duplicate: self.duplicate,
        })? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(key) = access.next_key::<String>()? {
            let here = Step::Key(&self.here, &key);
            let value = access.next_value_seed(Strict { here, duplicate: self.duplicate })?;
            if map.contains_key(&key) {
                self.duplicate.borrow_mut().get_or_insert_with(|| here.pointer());
            }
            map.insert(key, value);
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;

    use super::*;

    fn blob(bytes: &[u8]) -> SharedBlob {
        Arc::new(Bytes::copy_from_slice(bytes))
    }

    fn codes(bytes: &[u8]) -> Vec<(u64, &'static str, String)> {
        let verdict = |line: Result<_, FieldError>| match line {
            Ok(_) => ("ok", String::new()),
            Err(e) => (e.code, e.pointer),
        };
        Lines::open(blob(bytes))
            .map(|(n, line)| (n, verdict(line)))
            .map(|(n, (c, p))| (n, c, p))
            .collect()
    }

    #[test]
    fn each_bad_line_has_its_own_code_and_stops_nothing() {
        let long = format!("{{\"a\":\"{}\"}}", "x".repeat(LINE_BYTES_MAX));
        for (line, code, pointer) in [
            (b"{\"a\":1}".as_slice(), "ok", ""),
            (b"{\"a\":1}\r", "ok", ""),
            (b"\xFF", "not_utf8", ""),
            (b"{\"a\":", "not_json", ""),
            (b"{\"a\":1} {}", "not_json", ""),
            (b"{\"a\":1e999}", "not_json", ""),
            (b"NaN", "not_json", ""),
            (b"[1]", "not_an_object", ""),
            (b"7", "not_an_object", ""),
            (b"{\"a\":1,\"a\":1}", "duplicate_key", "/a"),
            (b"{\"a\":1,\"\\u0061\":1}", "duplicate_key", "/a"),
            (b"{\"x\":[{\"b\":1,\"b/\":2,\"b/\":3}]}", "duplicate_key", "/x/0/b~1"),
            (long.as_bytes(), "line_too_long", ""),
            ("[".repeat(9000).as_bytes(), "not_json", ""),
        ] {
            let bytes = [b"{}\n", line, b"\n{}"].concat();
            let expected = [(1, "ok", ""), (2, code, pointer), (3, "ok", "")];
            let expected = expected.map(|(n, c, p)| (n, c, p.to_string()));
            assert_eq!(codes(&bytes), expected, "{code}");
        }
    }

    #[test]
    fn blank_lines_are_skipped_and_counted() {
        let seen = codes(b"\xEF\xBB\xBF{}\n\n  \r\n{}\n");
        assert_eq!(seen.iter().map(|(n, ..)| *n).collect::<Vec<_>>(), [1, 4]);
        assert!(codes(b"").is_empty() && codes(b"\n\n").is_empty());
    }

    #[test]
    fn a_line_too_many_ends_the_file() {
        let verdicts = |bytes: &[u8]| -> Vec<Option<&'static str>> {
            Lines::up_to(blob(bytes), 3).map(|(_, line)| line.err().map(|e| e.code)).collect()
        };
        assert_eq!(verdicts(b"{}\n{}\n{}\n"), [None; 3]);
        assert_eq!(verdicts(b"{}\n{}\n{}"), [None; 3]);
        let last = Some("too_many_lines");
        assert_eq!(verdicts(b"{}\n{}\n{}\n{}\n{}\n"), [None, None, None, last]);
    }

    #[test]
    fn lines_are_the_same_wherever_a_block_ends() {
        let line = format!("{{\"a\":\"{}\"}}\n", "x".repeat(997));
        let bytes = line.repeat(1_200);
        let seen = codes(bytes.as_bytes());
        assert!(bytes.len() > 4 * 256 * 1024 && seen.len() == 1_200);
        assert!(seen.iter().all(|(_, code, _)| *code == "ok"));
    }

    #[test]
    fn only_the_first_line_can_be_a_header() {
        let header = br#"{"type":"batch","count":1}"#;
        let mut lines = Lines::open(blob(b"\n{\"type\":\"batch\",\"count\":1}\n{}\n"));
        assert!(matches!(lines.header(), Some(Ok(BatchHeader { count: Some(1), .. }))));
        assert_eq!(lines.next().map(|(n, _)| n), Some(3));
        let later = [b"{}\n", header.as_slice()].concat();
        let mut lines = Lines::open(blob(&later));
        assert!(lines.header().is_none());
        assert_eq!(lines.count(), 2);
        let mut lines = Lines::open(blob(br#"{"type":"batch","cuont":1}"#));
        assert_eq!(lines.header().expect("a header").expect_err("wrong")[0].pointer, "/cuont");
    }
}
