//! When the content of a version that no longer stands must go: what was corrected or deleted has
//! a clock of its own, which cannot be longer than that of what it said, and ends at the latest
//! when everything else of its record goes.

use std::collections::{BTreeMap, BTreeSet};

use jiff::ToSpan;
use jiff::civil::Date;

use super::fold::FoldContext;
use super::forget::{self, End, Events, alone, end, last_day};
use super::live;
use crate::collect::Operation;
use crate::collect::observation::{
    AccountMonth, AccountStatus, Fact, Obligation, Observation, PublicRecord,
};
use crate::policy::{AtEnd, Kept, Retention};

/// When an observation's time is over by what it says itself, without the records around it.
/// `replaced`: the day on which it was corrected or deleted; from then on nobody claims that the
/// debt, the spell or the measure that it speaks of goes on. `None`: no clock runs yet.
pub fn own_end<'r>(
    fact: &Fact,
    index: u64,
    retention: &'r Retention,
    replaced: Option<Date>,
) -> Option<End<'r>> {
    let positive = |day: Date| end(retention, Kept::Positive, index, alone(day));
    match fact {
        Fact::AccountMonth(f) => month(retention, index, f, replaced),
        Fact::Account(f) => f.closed.or(replaced).and_then(positive),
        Fact::StatusEvent(_) => replaced.and_then(positive),
        Fact::PublicRecord(f) => {
            let ended = f.ended.or(replaced);
            forget::public_record(retention, index, &PublicRecord { ended, ..f.clone() })
        }
        Fact::Obligation(f) => {
            let fulfilled = f.fulfilled.or(replaced);
            forget::obligation(retention, index, &Obligation { fulfilled, ..f.clone() })
        }
        Fact::InquiryHistory(f) => end(retention, Kept::Inquiry, index, alone(last_day(f.month))),
        other => positive(forget::day_of(other)),
    }
}

/// From when an observation is kept by no clock, whatever was said around it; `None`: some clock
/// may run on, or none runs yet. A month in order may be the end of a spell, and is kept as long.
pub fn surely_over(fact: &Fact, retention: &Retention) -> Option<Date> {
    let own = own_end(fact, 0, retention, None).filter(|end| end.then == AtEnd::Purge)?;
    let Fact::AccountMonth(month) = fact else { return Some(own.from) };
    let ending = [Kept::Adverse, Kept::Collection].map(|item| {
        end(retention, item, 0, alone(last_day(month.month))).map_or(own.from, |end| end.from)
    });
    ending.into_iter().chain([own.from]).max()
}

fn month<'r>(
    retention: &'r Retention,
    index: u64,
    fact: &AccountMonth,
    replaced: Option<Date>,
) -> Option<End<'r>> {
    if fact.dpd == 0 && !fact.status.is_adverse() {
        return end(retention, Kept::Positive, index, alone(last_day(fact.month)));
    }
    let collected = matches!(fact.status, AccountStatus::Collection | AccountStatus::ChargedOff);
    let item = if collected { Kept::Collection } else { Kept::Adverse };
    let settled = fact.status == AccountStatus::SettledLess;
    let ended = settled.then_some(fact.date_of_information).or(replaced);
    let began = fact.date_of_information.checked_sub(i64::from(fact.dpd).days());
    let events = Events {
        spell_end: ended,
        first_delinquency: Some(began.unwrap_or(fact.date_of_information)),
        month: Some(last_day(fact.month)),
        filed: None,
        ended,
    };
    end(retention, item, index, events)
}

/// One record under all its versions: furnisher, its subject, type, reference, period.
pub type Name<'a> = (&'a str, &'a str, &'static str, String, String);

/// The name of an observation's record.
pub fn name<'a>(furnisher: &'a str, observation: &'a Observation) -> Name<'a> {
    let (reference, period) = observation.fact.identity();
    (furnisher, &observation.subject, observation.fact.type_name(), reference, period)
}

/// When each entry of a person must be purged, standing or not, for those that have a clock that
/// runs; `entries` in the order of the ledger.
pub fn purges<'r>(
    entries: &[(FoldContext<'_>, &Observation)],
    retention: &'r Retention,
) -> Vec<End<'r>> {
    let standing = live(entries.iter().cloned());
    let mut of_standing: BTreeMap<u64, End<'r>> = BTreeMap::new();
    for end in forget::ends(&standing, retention) {
        if end.then == AtEnd::Purge {
            of_standing.insert(end.index, end);
        }
    }
    let stands: BTreeSet<u64> = standing.iter().map(|(at, _)| at.index).collect();
    let mut with_record: BTreeMap<Name<'_>, End<'r>> = BTreeMap::new();
    for (at, observation) in &standing {
        if let Some(end) = of_standing.get(&at.index) {
            with_record.insert(name(at.furnisher, observation), end.clone());
        }
    }
    let mut out: Vec<End<'r>> = of_standing.into_values().collect();
    // Backwards: what replaced a version comes after it.
    let mut replaced: BTreeMap<Name<'_>, Date> = BTreeMap::new();
    for (at, observation) in entries.iter().rev() {
        let name = name(at.furnisher, observation);
        let recorded = at.recorded.date_at(at.utc_offset_hours);
        if !stands.contains(&at.index) {
            // a deletion ends itself
            let day = replaced.get(&name).copied().unwrap_or(recorded);
            let own = own_end(&observation.fact, at.index, retention, Some(day));
            let own = own.filter(|end| end.then == AtEnd::Purge);
            let record = with_record.get(&name).map(|end| End { index: at.index, ..end.clone() });
            out.extend(own.into_iter().chain(record).min_by_key(|end| end.from));
        }
        if observation.op != Operation::Report {
            replaced.insert(name, recorded);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::kernel::Month;
    use crate::policy::Rules;
    use crate::score::testing::{account_month, ctx, report};

    fn ends(entries: &[(FoldContext<'_>, &Observation)]) -> BTreeMap<u64, Date> {
        let rules = Rules::embedded().expect("rules");
        let clocks = &rules.pack("uk").expect("a pack").retention;
        purges(entries, clocks).into_iter().map(|end| (end.index, end.from)).collect()
    }

    fn said(op: Operation, (year, month): (i32, i32), dpd: u16) -> Observation {
        let month = Month(year * 12 + month - 1);
        Observation { op, ..report(account_month("a", month, 1_000, 100, dpd)) }
    }

    #[test]
    fn the_month_that_ended_a_spell_is_kept_as_long_as_the_spell() {
        let all = [((2020, 12), 0), ((2021, 1), 40), ((2021, 2), 0), ((2021, 3), 0)]
            .map(|(of, dpd)| said(Operation::Report, of, dpd));
        let entries: Vec<_> = (0..).zip(&all).map(|(at, one)| (ctx(at, "bank"), one)).collect();
        let ends = ends(&entries);
        // Four years for what was in order; six from the end of the spell for what was late, and
        // for the month without which nobody would know that it has ended.
        assert_eq!(ends[&0], date(2024, 12, 31));
        assert_eq!(ends[&1], date(2027, 2, 1));
        assert_eq!(ends[&2], date(2027, 2, 1));
        assert_eq!(ends[&3], date(2025, 3, 31));
        // When the others have gone, the end of the spell still stands.
        assert_eq!(self::ends(&entries[1..3])[&1], date(2027, 2, 1));
    }

    #[test]
    fn what_was_put_right_goes_by_its_own_clock() {
        let wrong = said(Operation::Report, (2026, 5), 40);
        let right = said(Operation::Correct, (2026, 5), 0);
        let entries = [(ctx(1, "bank"), &wrong), (ctx(2, "bank"), &right)];
        let ends = ends(&entries);
        // Put right on 2026-10-20: late no longer than that, and gone with the record itself.
        assert_eq!(ends[&2], date(2030, 5, 31));
        assert_eq!(ends[&1], date(2030, 5, 31));
        let deleted = said(Operation::Delete, (2026, 5), 0);
        let ends = self::ends(&[(ctx(1, "bank"), &wrong), (ctx(2, "bank"), &deleted)]);
        assert_eq!(ends[&1], date(2032, 10, 20), "six years from the day that it was taken back");
        assert_eq!(ends[&2], date(2030, 5, 31));
    }
}
