//! Lines of `application/x-ndjson`, one JSON object each, read lazily and with limits.
//!
//! `serde_json` alone keeps the last of two equal keys and says nothing; two readers that keep
//! different ones would then see different records behind one signature. Here such a line is
//! refused (`duplicate_key`).

use std::cell::RefCell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::fields::{FieldError, child};
use super::header::{self, BatchHeader};

/// Longest line, in bytes without its end.
pub const LINE_BYTES_MAX: usize = 16 * 1024;
/// Most lines of one upload, the batch header and blank lines included.
pub const LINES_MAX: usize = 100_000;

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// The lines of one upload. Iterating yields (line number from 1, object or what is wrong with the
/// line); blank lines are skipped.
#[derive(Debug)]
pub struct Lines<'b> {
    rest: &'b [u8],
    line: u64,
}

impl<'b> Lines<'b> {
    /// The lines of `bytes`. A byte order mark and `\r\n` line ends are put up with.
    ///
    /// # Errors
    /// `too_many_lines`, before any is read, so that nothing is half applied.
    pub fn open(bytes: &'b [u8]) -> Result<Lines<'b>, FieldError> {
        let ends = bytes.iter().filter(|b| **b == b'\n').count();
        let last = usize::from(!bytes.is_empty() && !bytes.ends_with(b"\n"));
        if ends + last > LINES_MAX {
            let message = format!("at most {LINES_MAX} lines in one upload");
            return Err(FieldError::whole("too_many_lines", message));
        }
        Ok(Lines { rest: bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes), line: 0 })
    }

    /// The batch header, if the first line that is not blank is one; it is consumed then.
    ///
    /// # Errors
    /// Everything that is wrong with the header: the whole batch is refused.
    pub fn header(&mut self) -> Option<Result<BatchHeader, Vec<FieldError>>> {
        let (rest, line) = (self.rest, self.line);
        if let Some((_, Ok(map))) = self.next()
            && header::is_header(&map)
        {
            return Some(BatchHeader::read(&map));
        }
        (self.rest, self.line) = (rest, line);
        None
    }
}

impl Iterator for Lines<'_> {
    type Item = (u64, Result<Map<String, Value>, FieldError>);

    fn next(&mut self) -> Option<Self::Item> {
        while !self.rest.is_empty() {
            let end = self.rest.iter().position(|b| *b == b'\n').unwrap_or(self.rest.len());
            let (line, rest) = self.rest.split_at_checked(end)?;
            self.rest = rest.get(1..).unwrap_or_default();
            self.line += 1;
            let line = line.trim_ascii();
            if !line.is_empty() {
                return Some((self.line, parse_line(line)));
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
    use super::*;

    fn codes(bytes: &[u8]) -> Vec<(u64, &'static str, String)> {
        let verdict = |line: Result<_, FieldError>| match line {
            Ok(_) => ("ok", String::new()),
            Err(e) => (e.code, e.pointer),
        };
        let lines = Lines::open(bytes).expect("few lines");
        lines.map(|(n, line)| (n, verdict(line))).map(|(n, (c, p))| (n, c, p)).collect()
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
    fn too_many_lines_are_refused_before_the_first_is_read() {
        assert!(Lines::open(&b"{}\n".repeat(LINES_MAX)).is_ok());
        let more = [b"{}\n".repeat(LINES_MAX), b"{}".to_vec()].concat();
        assert_eq!(Lines::open(&more).expect_err("one too many").code, "too_many_lines");
    }

    #[test]
    fn only_the_first_line_can_be_a_header() {
        let header = br#"{"type":"batch","count":1}"#;
        let mut lines = Lines::open(b"\n{\"type\":\"batch\",\"count\":1}\n{}\n").expect("lines");
        assert!(matches!(lines.header(), Some(Ok(BatchHeader { count: Some(1), .. }))));
        assert_eq!(lines.next().map(|(n, _)| n), Some(3));
        let later = [b"{}\n", header.as_slice()].concat();
        let mut lines = Lines::open(&later).expect("lines");
        assert!(lines.header().is_none());
        assert_eq!(lines.count(), 2);
        let mut lines = Lines::open(br#"{"type":"batch","cuont":1}"#).expect("lines");
        assert_eq!(lines.header().expect("a header").expect_err("wrong")[0].pointer, "/cuont");
    }
}
