//! The two ways in which the log's text formats spell a number and a hash, read strictly.

use crate::kernel::bytes::{Digest, from_base64};

/// A decimal without sign or leading zeros; `None` for any other spelling.
pub(super) fn decimal(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let leading_zero = text.len() > 1 && text.starts_with('0');
    if digits && !leading_zero { text.parse().ok() } else { None }
}

/// A 32-byte hash in padded base64 of the standard alphabet; `None` for anything else.
pub(super) fn hash(text: &str) -> Option<Digest> {
    from_base64(text)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_has_one_spelling() {
        assert_eq!(decimal("0"), Some(0));
        assert_eq!(decimal("18446744073709551615"), Some(u64::MAX));
        for wrong in ["", "00", "01", "+1", "-1", " 1", "1 ", "18446744073709551616", "1e3"] {
            assert_eq!(decimal(wrong), None, "{wrong:?}");
        }
    }
}
