//! From written numbers to whole digits and a number of decimals, without a float in between.

/// The most digits behind the point that are kept.
const DECIMALS_MAX: i32 = 15;
/// Powers of ten that fit.
const TENS: [i64; 19] = {
    let mut tens = [1_i64; 19];
    let mut i = 1;
    while i < 19 {
        tens[i] = tens[i - 1] * 10;
        i += 1;
    }
    tens
};
/// Beyond this a number is cut to it: no characteristic means anything there.
pub const LARGEST: i64 = 9_000_000_000_000_000_000;

/// Ten to the power of `n`, at most 10^18.
pub fn ten(n: u32) -> i64 {
    TENS.get(n as usize).copied().unwrap_or(TENS[18])
}

/// `(digits, decimals)` of a written number: sign, digits, point, exponent, and around them a
/// currency sign or a per cent sign. With `comma` a comma is the decimal point; without, commas
/// may part thousands. Digits beyond the fifteenth decimal are cut towards minus infinity.
pub fn parse(text: &[u8], comma: bool) -> Option<(i64, u32)> {
    plain(text).or_else(|| written(text, comma))
}

/// The usual case: up to 18 digits, a sign, a point.
fn plain(text: &[u8]) -> Option<(i64, u32)> {
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    if digits.is_empty() || digits.len() > 18 {
        return None;
    }
    let (mut value, mut decimals, mut point) = (0_i64, 0_u32, false);
    for &byte in digits {
        match byte {
            b'0'..=b'9' => {
                value = value * 10 + i64::from(byte - b'0');
                decimals += u32::from(point);
            }
            b'.' if !point => point = true,
            _ => return None,
        }
    }
    if decimals > DECIMALS_MAX as u32 || (point && digits.len() == 1) {
        return None;
    }
    Some((if negative { -value } else { value }, decimals))
}

/// Every other form.
fn written(text: &[u8], comma: bool) -> Option<(i64, u32)> {
    let text = std::str::from_utf8(text).ok()?.trim();
    let text = text.strip_suffix('%').unwrap_or(text).trim_end();
    let (sign, text) = match text.strip_prefix('-') {
        Some(rest) => (-1_i128, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let text = text.trim_start_matches(['$', '€', '£', '¥']).trim_start();
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (point, group) = if comma { (',', '.') } else { ('.', ',') };
    let (whole, fraction) = mantissa.split_once(point).unwrap_or((mantissa, ""));
    let whole = ungrouped(whole, group)?;
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let mut digits = 0_i128;
    let mut dropped = 0_i32;
    let mut rest = false;
    for c in whole.chars().chain(fraction.chars()) {
        let digit = i128::from(c.to_digit(10)?);
        if digits >= 10_i128.pow(24) {
            dropped += 1;
            rest |= digit != 0;
        } else {
            digits = digits * 10 + digit;
        }
    }
    let decimals = i32::try_from(fraction.len()).ok()?.checked_sub(dropped)?;
    Some(shifted(sign * digits, decimals.checked_sub(exponent)?, rest))
}

/// `1,234,567` without its commas; `None` where they do not part thousands.
fn ungrouped(whole: &str, group: char) -> Option<String> {
    let mut parts = whole.split(group);
    let first = parts.next()?;
    let mut out = first.to_string();
    for part in parts {
        if part.len() != 3 || first.is_empty() || first.len() > 3 {
            return None;
        }
        out.push_str(part);
    }
    Some(out)
}

/// `digits · 10^−decimals` with 0 to 15 decimals, cut towards minus infinity.
fn shifted(mut digits: i128, mut decimals: i32, rest: bool) -> (i64, u32) {
    if rest && digits < 0 {
        digits -= 1;
    }
    while decimals < 0 && digits != 0 && digits.abs() < i128::from(LARGEST) {
        digits *= 10;
        decimals += 1;
    }
    let mut decimals = decimals.max(0);
    while decimals > DECIMALS_MAX || (digits.abs() > i128::from(LARGEST) && decimals > 0) {
        digits = digits.div_euclid(10);
        decimals -= 1;
        if digits == 0 || digits == -1 {
            decimals = decimals.min(DECIMALS_MAX);
        }
    }
    let largest = i128::from(LARGEST);
    (digits.clamp(-largest, largest) as i64, decimals as u32)
}

/// The decimal that a double is printed as, with at least `known` decimals where that is exact:
/// `None` for what is not a number. Cut towards minus infinity at 15 digits.
pub fn of_double(x: f64, known: u32) -> Option<(i64, u32)> {
    const EXACT: f64 = 1e15;
    if !x.is_finite() {
        return None;
    }
    if x.abs() >= EXACT {
        let largest = LARGEST as f64;
        return Some((x.clamp(-largest, largest) as i64, 0));
    }
    for decimals in std::iter::once(known).chain(0..=DECIMALS_MAX as u32) {
        let scale = ten(decimals) as f64;
        let digits = (x * scale).round();
        if digits.abs() >= EXACT {
            continue;
        }
        // both are exact doubles, so the quotient is the double nearest to the decimal
        if digits / scale == x {
            return Some((digits as i64, decimals));
        }
    }
    let decimals = (0..=DECIMALS_MAX as u32).rev().find(|d| (x * ten(*d) as f64).abs() < EXACT)?;
    let scale = ten(decimals) as f64;
    let nearest = (x * scale).round();
    let digits = if nearest / scale <= x { nearest } else { nearest - 1.0 };
    Some((digits as i64, decimals))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_they_are_written() {
        let read = |text: &str| parse(text.as_bytes(), false);
        assert_eq!(read("12.50"), Some((1250, 2)));
        assert_eq!(read("-7"), Some((-7, 0)));
        assert_eq!(read("+.5"), Some((5, 1)));
        assert_eq!(read("5."), Some((5, 0)));
        assert_eq!(read("1.5e3"), Some((1500, 0)));
        assert_eq!(read("2E-3"), Some((2, 3)));
        assert_eq!(read("13.56%"), Some((1356, 2)));
        assert_eq!(read("$1,234.5"), Some((12345, 1)));
        assert_eq!(read("1e30"), Some((LARGEST, 0)));
        assert_eq!(read("0.12345678901234567"), Some((123_456_789_012_345, 15)));
        assert_eq!(read("-0.12345678901234567"), Some((-123_456_789_012_346, 15)));
        assert_eq!(parse(b"12,5", true), Some((125, 1)));
        for text in ["", "-", ".", "abc", "1.2.3", "1,23", "12a", "e5", "1e", "--1"] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn a_double_is_the_decimal_that_it_prints_as() {
        for (x, want) in
            [(0.29, (29, 2)), (3.0, (3, 0)), (-1.1, (-11, 1)), (1e14, (10_i64.pow(14), 0))]
        {
            assert_eq!(of_double(x, 0), Some(want));
        }
        assert_eq!(of_double(0.5, 3), Some((500, 3)));
        assert_eq!(of_double(f64::NAN, 0), None);
        let third = of_double(1.0 / 3.0, 0).expect("a number");
        assert_eq!(third, (333_333_333_333_333, 15));
    }
}
