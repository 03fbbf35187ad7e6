//! Packed decimal, and the descriptor words of variable-length records.
//!
//! Packed decimal is IBM's: two digits in a byte, the last half byte a sign (`C` and `F` plus, `D`
//! minus). The standard writes a packed date `0MMDDYYYYs`, "where s is the sign": ten half bytes.
//! A descriptor word is two bytes of length, big end first, and two of zeros; in character form it
//! is four digits.

/// The digits that `bytes` spell, as many as `width`; `None` where a half byte is no digit, the
/// sign is none or minus, or a digit before the field is not zero. All zeros, as unset storage
/// has them, and all blanks read as zero.
pub fn unpacked(bytes: &[u8], width: usize) -> Option<String> {
    if bytes.iter().all(|b| *b == 0) || bytes.iter().all(|b| *b == b' ') {
        return Some("0".repeat(width));
    }
    let mut halves: Vec<u8> = bytes.iter().flat_map(|b| [b >> 4, b & 0xF]).collect();
    if !matches!(halves.pop()?, 0xC | 0xF) {
        return None;
    }
    let spare = halves.len().checked_sub(width)?;
    let digit = |half: &u8| (*half < 10).then(|| char::from(b'0' + half));
    if halves.iter().take(spare).any(|half| *half != 0) {
        return None;
    }
    halves.iter().skip(spare).map(digit).collect()
}

/// `digits`, packed into `length` bytes. What is no digit is written as 0.
pub fn pack(digits: &str, length: usize) -> Vec<u8> {
    let room = (length * 2).saturating_sub(1);
    let mut halves = vec![0u8; room.saturating_sub(digits.len())];
    halves.extend(digits.bytes().map(|b| if b.is_ascii_digit() { b - b'0' } else { 0 }));
    halves.truncate(room);
    halves.push(0xC);
    halves.chunks(2).map(|pair| pair.iter().fold(0, |byte, half| (byte << 4) | half)).collect()
}

/// What a descriptor word says; `None` where it is none.
pub fn descriptor(bytes: [u8; 4], packed: bool) -> Option<usize> {
    if packed {
        let [high, low, 0, 0] = bytes else { return None };
        return Some(usize::from(u16::from_be_bytes([high, low])));
    }
    let text = std::str::from_utf8(&bytes).ok().filter(|t| t.bytes().all(|b| b.is_ascii_digit()));
    text?.parse().ok()
}

/// A descriptor word for `length` bytes, these four counted; `None` for more than it can say.
pub fn describe(length: usize, packed: bool) -> Option<[u8; 4]> {
    if packed {
        let [high, low] = u16::try_from(length).ok()?.to_be_bytes();
        return Some([high, low, 0, 0]);
    }
    let text = format!("{length:04}");
    text.as_bytes().try_into().ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_packed_date_is_zero_digits_and_a_sign() {
        let bytes = pack("10312026", 5);
        assert_eq!(bytes, [0x01, 0x03, 0x12, 0x02, 0x6C]);
        assert_eq!(unpacked(&bytes, 8).as_deref(), Some("10312026"));
    }

    #[test]
    fn what_is_no_packed_decimal_is_refused() {
        assert_eq!(unpacked(&[0x12, 0x34, 0x56, 0x78, 0x9D], 9), None, "minus");
        assert_eq!(unpacked(&[0x12, 0x34, 0x56, 0x78, 0x90], 9), None, "no sign");
        assert_eq!(unpacked(&[0x1A, 0x34, 0x56, 0x78, 0x9C], 9), None, "no digit");
        assert_eq!(unpacked(&[0x10, 0x31, 0x20, 0x26, 0x1C], 8), None, "a digit too many");
        assert_eq!(unpacked(&[0; 5], 9).as_deref(), Some("000000000"));
        assert_eq!(unpacked(&[0x12, 0x34, 0x56, 0x78, 0x9F], 9).as_deref(), Some("123456789"));
    }

    #[test]
    fn descriptor_words_say_lengths() {
        assert_eq!(describe(426, false), Some(*b"0426"));
        assert_eq!(describe(366, true), Some([0x01, 0x6E, 0, 0]));
        assert_eq!((describe(10_000, false), describe(70_000, true)), (None, None));
        assert_eq!((descriptor(*b"04 6", false), descriptor([1, 0x6E, 0, 1], true)), (None, None));
    }

    proptest! {
        #[test]
        fn digits_come_back(width in 1usize..15, seed in any::<u64>()) {
            let digits: String = format!("{seed:020}").chars().take(width).collect();
            let bytes = pack(&digits, width / 2 + 1);
            prop_assert_eq!(unpacked(&bytes, width), Some(digits));
        }
    }
}
