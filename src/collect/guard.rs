//! What a Parquet file says about its own size, read before anything of it is decoded.
//!
//! A decoder believes the numbers in a file: a page header of twenty bytes can ask for two
//! gigabytes, a footer can nest groups until the stack ends. Such requests abort the process, and
//! nothing can catch that. So the few numbers that matter are read here first, with a reader of
//! Thrift's compact protocol that allocates nothing, and the file is refused if any is beyond what
//! an honest upload needs. Layout: parquet-format `parquet.thrift` and `README.md`.

use super::blob::Blob;

/// Longest footer, in bytes.
pub const FOOTER_BYTES_MAX: usize = 1024 * 1024;
/// Most schema elements: columns and groups.
pub const SCHEMA_ELEMENTS_MAX: u64 = 512;
/// Most bytes that all pages of a file may unpack to.
pub const UNCOMPRESSED_BYTES_MAX: u64 = 4 * 1024 * 1024 * 1024;
/// Most bytes that the pages held at the same time may unpack to: dictionary and page of each
/// column of a row group.
pub const PAGES_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// Most bytes of one column of one row group, as they lie in the file.
pub const CHUNK_BYTES_MAX: u64 = 64 * 1024 * 1024;

const MAGIC: &[u8] = b"PAR1";
/// Deepest nesting of Thrift structs that is skipped; real headers have three.
const DEPTH_MAX: u8 = 16;

/// Encodings whose decoder never makes more than the page holds: plain, the dictionaries, RLE,
/// DELTA_BINARY_PACKED, BYTE_STREAM_SPLIT. The two delta encodings of texts are left out: a short
/// page can spell texts without end in them.
const ENCODINGS: [i64; 6] = [0, 2, 3, 5, 8, 9];

/// Checks the ends of the file and its footer. `None` when it is no Parquet file that is taken.
pub fn check_footer(file: &dyn Blob) -> Option<()> {
    let head = file.read_at(0, MAGIC.len()).ok()?;
    let end = file.length().checked_sub(8)?;
    let tail = file.read_at(end, 8).ok()?;
    let (length, magic) = tail.split_at_checked(4)?;
    let length = usize::try_from(u32::from_le_bytes(length.try_into().ok()?)).ok()?;
    if magic != MAGIC || head != MAGIC || length > FOOTER_BYTES_MAX {
        return None;
    }
    let footer = file.read_at(end.checked_sub(length as u64)?, length).ok()?;
    let footer = footer.as_ref();
    let mut thrift = Thrift { bytes: footer };
    let mut last = 0;
    while let Some((id, kind)) = thrift.field(&mut last)? {
        if (id, kind) == (2, LIST) {
            let (elements, _) = thrift.list()?;
            return (elements <= SCHEMA_ELEMENTS_MAX).then_some(());
        }
        thrift.skip(kind, DEPTH_MAX)?;
    }
    None
}

/// What the pages of one column chunk unpack to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unpacked {
    /// Bytes of all pages.
    pub total: u64,
    /// Bytes of the largest page.
    pub largest: u64,
}

/// What the pages of one column chunk unpack to, by their headers. `None` when a header is broken,
/// reaches beyond the chunk, has an encoding that is not taken, or speaks of more than `values_max`
/// values.
pub fn unpacked(chunk: &[u8], values_max: u64) -> Option<Unpacked> {
    let mut thrift = Thrift { bytes: chunk };
    let mut size = Unpacked::default();
    while !thrift.bytes.is_empty() {
        let page = thrift.page_header()?;
        if page.values > values_max || !ENCODINGS.contains(&page.encoding) {
            return None;
        }
        size.total = size.total.checked_add(page.unpacked)?;
        size.largest = size.largest.max(page.unpacked);
        thrift.bytes = thrift.bytes.get(usize::try_from(page.packed).ok()?..)?;
    }
    Some(size)
}

struct Page {
    unpacked: u64,
    packed: u64,
    values: u64,
    encoding: i64,
}

const I32: u8 = 5;
const LIST: u8 = 9;
const STRUCT: u8 = 12;

/// A reader of Thrift's compact protocol that shortens its slice as it goes.
struct Thrift<'b> {
    bytes: &'b [u8],
}

impl Thrift<'_> {
    /// `PageHeader`: sizes, and from the header of its kind the number of values and the encoding.
    fn page_header(&mut self) -> Option<Page> {
        let mut page = Page { unpacked: 0, packed: 0, values: 0, encoding: 0 };
        let mut last = 0;
        while let Some((id, kind)) = self.field(&mut last)? {
            match (id, kind) {
                (2, I32) => page.unpacked = u64::try_from(self.zigzag()?).ok()?,
                (3, I32) => page.packed = u64::try_from(self.zigzag()?).ok()?,
                // data page, dictionary page: values, encoding; data page v2: …, rows, encoding
                (5 | 7, STRUCT) => (page.values, page.encoding) = self.page_kind(2)?,
                (8, STRUCT) => (page.values, page.encoding) = self.page_kind(4)?,
                _ => self.skip(kind, DEPTH_MAX)?,
            }
        }
        Some(page)
    }

    fn page_kind(&mut self, encoding_id: i16) -> Option<(u64, i64)> {
        let (mut values, mut encoding, mut last) = (0, 0, 0);
        while let Some((id, kind)) = self.field(&mut last)? {
            match (id, kind) {
                (1, I32) => values = u64::try_from(self.zigzag()?).ok()?,
                (id, I32) if id == encoding_id => encoding = self.zigzag()?,
                _ => self.skip(kind, DEPTH_MAX)?,
            }
        }
        Some((values, encoding))
    }

    /// The next field's id and type, `None` inside at the end of the struct.
    fn field(&mut self, last: &mut i16) -> Option<Option<(i16, u8)>> {
        let head = self.byte()?;
        if head == 0 {
            return Some(None);
        }
        let id = match head >> 4 {
            0 => i16::try_from(self.zigzag()?).ok()?,
            delta => last.checked_add(i16::from(delta))?,
        };
        *last = id;
        Some(Some((id, head & 15)))
    }

    /// A list's length and element type.
    fn list(&mut self) -> Option<(u64, u8)> {
        let head = self.byte()?;
        let length = match head >> 4 {
            15 => self.varint()?,
            short => u64::from(short),
        };
        Some((length, head & 15))
    }

    fn skip(&mut self, kind: u8, depth: u8) -> Option<()> {
        let depth = depth.checked_sub(1)?;
        match kind {
            1 | 2 => Some(()),
            3 => self.byte().map(drop),
            4..=6 => self.varint().map(drop),
            7 => self.advance(8),
            8 => {
                let length = self.varint()?;
                self.advance(length)
            }
            LIST | 10 => {
                let (length, kind) = self.list()?;
                (0..length).try_for_each(|_| self.skip_element(kind, depth))
            }
            11 => {
                let length = self.varint()?;
                let kinds = if length == 0 { 0 } else { self.byte()? };
                (0..length).try_for_each(|_| {
                    self.skip_element(kinds >> 4, depth)?;
                    self.skip_element(kinds & 15, depth)
                })
            }
            STRUCT => {
                let mut last = 0;
                while let Some((_, kind)) = self.field(&mut last)? {
                    self.skip(kind, depth)?;
                }
                Some(())
            }
            _ => None,
        }
    }

    /// Inside a collection a truth value is a byte; as a field it is in the field's type.
    fn skip_element(&mut self, kind: u8, depth: u8) -> Option<()> {
        if matches!(kind, 1 | 2) { self.advance(1) } else { self.skip(kind, depth) }
    }

    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.bytes.split_first()?;
        self.bytes = rest;
        Some(*first)
    }

    fn advance(&mut self, length: u64) -> Option<()> {
        self.bytes = self.bytes.get(usize::try_from(length).ok()?..)?;
        Some(())
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 127) << shift;
            if byte < 128 {
                return Some(value);
            }
        }
        None
    }

    fn zigzag(&mut self) -> Option<i64> {
        let n = self.varint()?;
        Some((n >> 1) as i64 ^ -((n & 1) as i64))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn footer(file: &[u8]) -> Option<()> {
        check_footer(&bytes::Bytes::copy_from_slice(file))
    }

    fn total(chunk: &[u8]) -> Option<u64> {
        unpacked(chunk, 100).map(|size| size.total)
    }

    /// A data page header: type 0, sizes, and {values, encoding, 3, 3}; then `packed` zero bytes.
    fn page(unpacked: u64, packed: u64, values: u64, encoding: u64) -> Vec<u8> {
        let mut out = vec![0x15, 0];
        for (head, number) in [(0x15, unpacked), (0x15, packed), (0x2C, 0), (0x15, values)] {
            out.push(head);
            if head != 0x2C {
                push_varint(&mut out, number * 2);
            }
        }
        out.push(0x15);
        push_varint(&mut out, encoding * 2);
        out.extend([0x15, 6, 0x15, 6, 0, 0]);
        out.extend(std::iter::repeat_n(0, packed as usize));
        out
    }

    fn push_varint(out: &mut Vec<u8>, mut n: u64) {
        while n > 127 {
            out.push(n as u8 | 128);
            n >>= 7;
        }
        out.push(n as u8);
    }

    #[test]
    fn pages_are_summed_by_what_they_unpack_to() {
        let two = [page(1000, 10, 5, 0), page(2_000_000_000, 3, 5, 8)].concat();
        assert_eq!(total(&two), Some(2_000_001_000));
        assert_eq!(total(&[]), Some(0));
    }

    #[test]
    fn a_page_that_lies_is_refused() {
        let mut beyond = page(10, 10, 5, 0);
        beyond.pop();
        assert_eq!(total(&beyond), None);
        assert_eq!(total(&page(10, 10, 101, 0)), None);
        for encoding in [1, 4, 6, 7] {
            assert_eq!(total(&page(10, 10, 5, encoding)), None);
        }
    }

    #[test]
    fn a_footer_with_too_many_schema_elements_is_refused() {
        let file = |elements: u64| {
            let mut footer = vec![0x15, 2, 0x19, 0xFC];
            push_varint(&mut footer, elements);
            let length = u32::try_from(footer.len()).expect("short").to_le_bytes();
            [b"PAR1".as_slice(), &footer, &length, b"PAR1"].concat()
        };
        assert_eq!(footer(&file(SCHEMA_ELEMENTS_MAX)), Some(()));
        assert_eq!(footer(&file(SCHEMA_ELEMENTS_MAX + 1)), None);
        assert_eq!(footer(b"PAR1"), None);
        assert_eq!(footer(b"PAR1\xFF\xFF\xFF\xFFPAR1"), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_measured_or_refused(
            bytes in proptest::collection::vec(any::<u8>(), 0..200),
        ) {
            let _ = total(&bytes);
            let _ = footer(&bytes);
        }
    }
}
