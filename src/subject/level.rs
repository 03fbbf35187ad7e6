//! How well a person's identity is known: the level 0 to 4, derived from checks and never taken
//! from anyone's word.
//!
//! The ladder is the one of PBC 2015 No. 43 (payment accounts of class I, II and III: one, three
//! or five external channels, or face to face), with a top step for what NIST SP 800-63 calls
//! IAL3. It gates what may be released and moves a score little.

use std::collections::BTreeSet;

use jiff::ToSpan;
use jiff::civil::Date;

/// The channel that is worth three by itself.
const IN_PERSON: &str = "in_person";

/// Channels that count as an independent source, beside being face to face. A questionnaire is not
/// among them: knowing a number is not evidence of being the person.
const COUNTED: [&str; 9] = [
    "card",
    "document_photo",
    "face",
    "authority",
    "utility_bill",
    "ticket",
    "telecom",
    "employer",
    IN_PERSON,
];

/// The highest level.
pub const LEVEL_MAX: u8 = 4;

/// Whether a check through `channel` counts towards a level.
pub fn counts(channel: &str) -> bool {
    COUNTED.contains(&channel)
}

/// The identity level that `verifications` (channel, checking source, date) support on `today`.
///
/// | level | needs |
/// | --- | --- |
/// | 0 | nothing: the person's own word |
/// | 1 | one source |
/// | 2 | three independent sources |
/// | 3 | five independent sources, or one check face to face |
/// | 4 | face to face, and the issuing authority, and a face compared |
///
/// A source counts once however many channels and times it was asked: five checks by one bank are
/// one opinion. Names of sources are compared without case and outer spaces. Unknown channels,
/// questionnaires, checks dated after `today` and checks at least `lapse_years` old count for
/// nothing; 29 February plus years without one lapses on 28 February.
///
/// ```
/// use fivefold::subject::level::level;
/// use jiff::civil::date;
/// let checks = [("card", "Bank A", date(2026, 3, 1)), ("face", "Bank A", date(2026, 3, 1))];
/// assert_eq!(level(checks.into_iter(), date(2026, 10, 1), 5), 1);
/// ```
pub fn level<'a>(
    verifications: impl Iterator<Item = (&'a str, &'a str, Date)>,
    today: Date,
    lapse_years: u8,
) -> u8 {
    let named = verifications
        .map(|(channel, source, verified)| (channel, source.trim().to_lowercase(), verified));
    level_of(named.filter(|(_, source, _)| !source.is_empty()), today, lapse_years)
}

/// The same, where sources are compared as they are.
pub fn level_of<'a, S: Ord>(
    verifications: impl Iterator<Item = (&'a str, S, Date)>,
    today: Date,
    lapse_years: u8,
) -> u8 {
    let mut sources = BTreeSet::new();
    let mut channels = BTreeSet::new();
    for (channel, source, verified) in verifications {
        if counts(channel) && holds(verified, today, lapse_years) {
            sources.insert(source);
            channels.insert(channel);
        }
    }
    let has = |channel| channels.contains(channel);
    match sources.len() {
        _ if has(IN_PERSON) && has("authority") && has("face") => LEVEL_MAX,
        _ if has(IN_PERSON) => 3,
        5.. => 3,
        3.. => 2,
        1.. => 1,
        0 => 0,
    }
}

fn holds(verified: Date, today: Date, lapse_years: u8) -> bool {
    // Beyond the calendar's last year nothing lapses.
    let lapses = verified.checked_add(i64::from(lapse_years).years()).unwrap_or(Date::MAX);
    verified <= today && today < lapses
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use proptest::prelude::*;

    use super::*;

    const TODAY: Date = date(2026, 10, 1);

    fn on(checks: &[(&str, &str)]) -> u8 {
        level(checks.iter().map(|(c, s)| (*c, *s, date(2026, 1, 5))), TODAY, 5)
    }

    #[test]
    fn the_ladder_is_climbed_by_independent_sources() {
        let five = [("card", "a"), ("card", "b"), ("ticket", "c"), ("telecom", "d"), ("face", "e")];
        for (taken, expected) in [(0, 0), (1, 1), (2, 1), (3, 2), (4, 2), (5, 3)] {
            assert_eq!(on(&five[..taken]), expected);
        }
        assert_eq!(on(&[("in_person", "a")]), 3);
        assert_eq!(on(&[("in_person", "a"), ("authority", "b")]), 3);
        assert_eq!(on(&[("in_person", "a"), ("authority", "b"), ("face", "a")]), 4);
        assert_eq!(on(&[("authority", "b"), ("face", "a")]), 1);
    }

    #[test]
    fn one_source_asked_five_ways_is_one_source() {
        let same = [("card", "A"), ("face", "a "), ("ticket", "a"), ("telecom", "a")];
        assert_eq!(on(&same), 1);
    }

    #[test]
    fn questionnaires_and_unknown_channels_count_for_nothing() {
        assert_eq!(on(&[("questionnaire", "a"), ("level3", "b"), ("", "c"), ("card", " ")]), 0);
    }

    #[test]
    fn a_check_lapses_on_its_anniversary_and_none_counts_before_it_happened() {
        let leap = [("in_person", "a", date(2024, 2, 29))];
        assert_eq!(level(leap.into_iter(), date(2029, 2, 27), 5), 3);
        assert_eq!(level(leap.into_iter(), date(2029, 2, 28), 5), 0);
        assert_eq!(level(leap.into_iter(), date(2024, 2, 28), 5), 0);
    }

    proptest! {
        #[test]
        fn one_more_check_never_lowers_the_level(
            checks in proptest::collection::vec((0..COUNTED.len(), "[a-f]"), 0..8),
            extra in (0..COUNTED.len(), "[a-f]"),
        ) {
            let day = date(2026, 1, 5);
            let of = |all: &[(usize, String)]| {
                level(all.iter().map(|(c, s)| (COUNTED[*c], s.as_str(), day)), TODAY, 5)
            };
            let before = of(&checks);
            let mut more = checks;
            more.push(extra);
            prop_assert!(of(&more) >= before);
        }
    }
}
