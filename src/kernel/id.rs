//! Identifiers: a short prefix that says what is named, and 128 random bits.

use super::env::Env;

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// Mints `prefix_` followed by 26 characters of Crockford base 32 (128 random bits).
pub fn mint(env: &Env, prefix: &str) -> String {
    encode(prefix, u128::from_be_bytes(env.random::<16>()))
}

/// The id that spells `bits`.
pub fn encode(prefix: &str, bits: u128) -> String {
    let mut out = String::with_capacity(prefix.len() + 27);
    out.push_str(prefix);
    out.push('_');
    for place in (0..26).rev() {
        let digit = (bits >> (place * 5)) & 31;
        out.push(char::from(ALPHABET[digit as usize]));
    }
    out
}

/// Whether `text` has the shape of an id with this prefix.
pub fn is_id(text: &str, prefix: &str) -> bool {
    text.strip_prefix(prefix)
        .and_then(|t| t.strip_prefix('_'))
        .is_some_and(|digits| digits.len() == 26 && digits.bytes().all(|b| ALPHABET.contains(&b)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_has_its_prefix_and_all_its_bits() {
        assert_eq!(encode("sub", 0), format!("sub_{}", "0".repeat(26)));
        assert_eq!(encode("sub", u128::MAX), format!("sub_7{}", "z".repeat(25)));
        assert!(is_id(&encode("inq", 77), "inq"));
        assert!(!is_id(&encode("inq", 77), "sub"));
        assert!(!is_id("inq_1", "inq"));
    }
}
