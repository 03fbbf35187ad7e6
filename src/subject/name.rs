//! Names as people write them, brought to one form so that two spellings of one name are equal.
//!
//! This is for comparison only; what is shown is what was given.

use unicode_normalization::UnicodeNormalization;

/// The dot inside a name such as 阿不都·热西提, as it is kept.
const MIDDLE_DOT: char = '\u{B7}';

/// Longest name that is read, in characters; GB/T 36094 and ICAO Doc 9303 both need fewer.
pub const NAME_CHARS_MAX: usize = 128;

/// The form of `name` that is compared and looked up.
///
/// Compatibility forms are unified (Unicode NFKC: full-width letters, ideographic spaces), case is
/// folded to lower, runs of white space become one space, the dots that are typed inside names
/// become U+00B7 without spaces around it, and invisible characters go. Traditional and simplified
/// characters stay apart: they are different names on a document.
///
/// ```
/// use fivefold::subject::name::normalise;
/// assert_eq!(normalise(" ＬＩ　Ｍｉｎｇ "), "li ming");
/// assert_eq!(normalise("阿不都•热西提"), normalise("阿不都・热西提"));
/// ```
pub fn normalise(name: &str) -> String {
    // Lower-casing can leave the normal form, so it is brought back; the second pass settles it.
    let lower: String = name.nfkc().flat_map(char::to_lowercase).nfkc().collect();
    let mut out = String::with_capacity(lower.len());
    for c in lower.chars() {
        match c {
            _ if is_dot(c) => {
                out.truncate(out.trim_end().len());
                if !out.ends_with(MIDDLE_DOT) {
                    out.push(MIDDLE_DOT);
                }
            }
            _ if c.is_whitespace() => {
                if !out.is_empty() && !out.ends_with([' ', MIDDLE_DOT]) {
                    out.push(' ');
                }
            }
            _ if is_invisible(c) => {}
            _ => out.push(c),
        }
    }
    out.truncate(out.trim_end().len());
    out
}

/// Whether two names are one name in another spelling. An empty name is equal to none.
pub fn same_name(a: &str, b: &str) -> bool {
    let a = normalise(a);
    !a.is_empty() && a == normalise(b)
}

/// Whether `name` can be a name: letters in it, no control characters, not too long.
pub fn is_plausible(name: &str) -> bool {
    name.chars().count() <= NAME_CHARS_MAX
        && name.chars().any(char::is_alphabetic)
        && !name.chars().any(char::is_control)
}

/// The dots that are typed between the parts of a name: middle dot, bullet, katakana middle dot,
/// hyphenation point, dot operator.
fn is_dot(c: char) -> bool {
    matches!(c, MIDDLE_DOT | '\u{2022}' | '\u{30FB}' | '\u{2027}' | '\u{22C5}')
}

/// Zero-width and direction-changing characters, the soft hyphen and controls: two names that look
/// the same must not differ by them.
fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{AD}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}'
            | '\u{2060}'..='\u{2069}' | '\u{FEFF}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn spellings_of_one_name_are_equal() {
        for (a, b) in [
            ("Li Ming", "LI  MING"),
            ("李明", " 李明\u{3000}"),
            ("阿不都·热西提", "阿不都 • 热西提"),
            ("阿不都\u{FF65}热西提", "阿不都\u{30FB}热西提"),
            ("Jos\u{E9}", "JOSE\u{301}"),
            ("张\u{200B}伟", "张伟"),
        ] {
            assert!(same_name(a, b), "{a} {b}");
        }
    }

    #[test]
    fn different_names_stay_different() {
        for (a, b) in [("李明", "李铭"), ("Li Ming", "Liming"), ("", ""), ("张偉", "张伟")]
        {
            assert!(!same_name(a, b), "{a} {b}");
        }
    }

    #[test]
    fn a_name_needs_letters() {
        assert!(is_plausible("李明") && is_plausible("O'Neil-Smith"));
        assert!(!is_plausible("") && !is_plausible("12345") && !is_plausible("Li\nMing"));
        assert!(!is_plausible(&"a".repeat(NAME_CHARS_MAX + 1)));
    }

    proptest! {
        #[test]
        fn normalising_twice_changes_nothing(name in "\\PC{0,24}") {
            let once = normalise(&name);
            prop_assert_eq!(normalise(&once), once);
        }
    }
}
