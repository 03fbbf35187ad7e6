//! Which entries are past their time: the clocks of a pack, applied to a person's live entries.
//!
//! Pure, and a function of the day that is asked about: whether a sweep has run or not, an entry
//! whose time is over is in no profile, and so in no characteristic, reason or score.

use std::collections::{BTreeMap, BTreeSet};

use jiff::ToSpan;
use jiff::civil::Date;

use super::fold::FoldContext;
use crate::collect::observation::{
    AccountMonth, AccountStatus, CloseReason, Fact, Obligation, ObligationKind, Observation,
    Promise, PublicRecord, PublicRecordKind,
};
use crate::kernel::Month;
use crate::policy::{AtEnd, ClockStart, Keep, Kept, Overdue, Retention};

/// When an entry's time is over, and by which rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End<'r> {
    /// Index of its entry.
    pub index: u64,
    /// The first day on which it no longer counts.
    pub from: Date,
    /// What becomes of it.
    pub then: AtEnd,
    /// The rule.
    pub rule: &'r str,
}

/// A live entry.
type Live<'a> = (FoldContext<'a>, &'a Observation);

/// The days that a clock may run from, as far as they have come.
#[derive(Clone, Copy, Default)]
pub(super) struct Events {
    pub spell_end: Option<Date>,
    pub first_delinquency: Option<Date>,
    pub month: Option<Date>,
    pub filed: Option<Date>,
    pub ended: Option<Date>,
}

impl Events {
    fn of(&self, keep: &Keep) -> Option<Date> {
        match keep.from {
            ClockStart::SpellEnd => self.spell_end,
            ClockStart::FirstDelinquency => self.first_delinquency,
            ClockStart::Month | ClockStart::Recorded => self.month,
            ClockStart::Filed => self.filed,
            ClockStart::Ended => self.ended,
        }
    }
}

pub(super) fn end<'r>(
    retention: &'r Retention,
    item: Kept,
    index: u64,
    events: Events,
) -> Option<End<'r>> {
    let keep = retention.keep(item)?;
    let from = keep.until(events.of(keep))?;
    Some(End { index, from, then: keep.then, rule: &keep.id })
}

pub(super) fn last_day(month: Month) -> Date {
    month.first_day().last_of_month()
}

pub(super) fn alone(day: Date) -> Events {
    let day = Some(day);
    Events { spell_end: day, first_delinquency: day, month: day, filed: day, ended: day }
}

/// When each entry's time is over, for those that have a clock that runs. `live` are the live
/// entries of one person.
pub fn ends<'r>(live: &[Live<'_>], retention: &'r Retention) -> Vec<End<'r>> {
    let mut out = Vec::new();
    let mut accounts: BTreeMap<(&str, &str), Vec<&Live<'_>>> = BTreeMap::new();
    for entry in live {
        let (context, observation) = entry;
        let found = match &observation.fact {
            Fact::Account(f) => {
                accounts.entry((context.furnisher, &f.account_key)).or_default().push(entry);
                None
            }
            Fact::AccountMonth(f) => {
                accounts.entry((context.furnisher, &f.account_key)).or_default().push(entry);
                None
            }
            Fact::PublicRecord(f) => public_record(retention, context.index, f),
            Fact::Obligation(f) => obligation(retention, context.index, f),
            Fact::StatusEvent(_) => None,
            Fact::InquiryHistory(f) => {
                end(retention, Kept::Inquiry, context.index, alone(last_day(f.month)))
            }
            other => end(retention, Kept::Positive, context.index, alone(day_of(other))),
        };
        out.extend(found);
    }
    for entries in accounts.values() {
        account(retention, entries, &mut out);
    }
    out
}

/// The day that an observation without a clock of its own kind is about.
pub fn day_of(fact: &Fact) -> Date {
    match fact {
        Fact::Account(f) => f.closed.unwrap_or(Date::MAX),
        Fact::AccountMonth(f) => last_day(f.month),
        Fact::InquiryHistory(f) => last_day(f.month),
        Fact::PublicRecord(f) => f.filed,
        Fact::Spending(f) => last_day(f.month),
        Fact::PaymentActivity(f) => last_day(f.month),
        Fact::Obligation(f) => f.due,
        Fact::Capacity(f) => last_day(f.month),
        Fact::Verification(f) => f.verified,
        Fact::Tenure(f) => f.confirmed,
        Fact::Ties(f) => last_day(f.month),
        Fact::StatusEvent(_) => Date::MAX,
    }
}

pub(super) fn public_record<'r>(
    retention: &'r Retention,
    index: u64,
    fact: &PublicRecord,
) -> Option<End<'r>> {
    let item = match fact.kind {
        PublicRecordKind::Judgment => Kept::Judgment,
        PublicRecordKind::Enforcement => Kept::Enforcement,
        PublicRecordKind::Bankruptcy => Kept::Bankruptcy,
        PublicRecordKind::AdministrativePenalty => Kept::AdministrativePenalty,
        PublicRecordKind::TaxLien => Kept::TaxLien,
    };
    let (filed, ended) = (Some(fact.filed), fact.ended);
    let events = Events { filed, ended, spell_end: ended, month: filed, ..Events::default() };
    end(retention, item, index, events)
}

pub(super) fn obligation<'r>(
    retention: &'r Retention,
    index: u64,
    fact: &Obligation,
) -> Option<End<'r>> {
    // What could only be done on the day is over with it; what is still owed is not.
    let of_a_day = matches!(fact.kind, ObligationKind::Booking | ObligationKind::Deposit);
    let ended = match fact.outcome {
        Promise::Late | Promise::Broken if fact.fulfilled.is_some() => fact.fulfilled,
        Promise::Late => Some(fact.due),
        Promise::Broken => of_a_day.then_some(fact.due),
        Promise::Kept | Promise::Open => {
            return end(retention, Kept::Positive, index, alone(fact.due));
        }
    };
    let due = Some(fact.due);
    let events =
        Events { spell_end: ended, first_delinquency: due, month: due, ..Events::default() };
    end(retention, Kept::Adverse, index, events)
}

/// A spell of lateness on one account.
struct Spell {
    began: Date,
    ended: Option<Date>,
    collected: bool,
    most: Option<i64>,
    currency_same: bool,
    indexes: Vec<(u64, Date)>,
    /// The month in order that ended it.
    closing: Option<(u64, Date)>,
}

impl Spell {
    fn beginning(fact: &AccountMonth) -> Spell {
        let days = i64::from(fact.dpd);
        let began = fact.date_of_information.checked_sub(days.days());
        Spell {
            began: began.unwrap_or(fact.date_of_information),
            ended: None,
            collected: false,
            most: None,
            currency_same: true,
            indexes: Vec::new(),
            closing: None,
        }
    }

    fn take(&mut self, index: u64, fact: &AccountMonth) {
        self.indexes.push((index, last_day(fact.month)));
        self.collected |=
            matches!(fact.status, AccountStatus::Collection | AccountStatus::ChargedOff);
        if let Some(amount) = &fact.past_due {
            self.currency_same &= amount.currency == fact.balance.currency;
            self.most = Some(self.most.map_or(amount.minor, |most| most.max(amount.minor)));
        }
        if fact.status == AccountStatus::SettledLess {
            self.ended = Some(fact.date_of_information);
        }
    }
}

fn account<'r>(retention: &'r Retention, entries: &[&Live<'_>], out: &mut Vec<End<'r>>) {
    let mut months: Vec<(u64, &AccountMonth)> = Vec::new();
    let mut closed: Option<(Date, Option<CloseReason>)> = None;
    let mut fixed: Vec<u64> = Vec::new();
    for (context, observation) in entries {
        match &observation.fact {
            Fact::AccountMonth(f) => months.push((context.index, f)),
            Fact::Account(f) => {
                fixed.push(context.index);
                closed = f.closed.map(|date| (date, f.close_reason)).or(closed);
            }
            _ => {}
        }
    }
    months.sort_by_key(|(index, fact)| (fact.month, *index));
    let mut spells: Vec<Spell> = Vec::new();
    let mut open: Option<Spell> = None;
    for (index, fact) in &months {
        let adverse = fact.dpd > 0 || fact.status.is_adverse();
        if !adverse {
            let day = last_day(fact.month);
            match open.take() {
                None => out.extend(end(retention, Kept::Positive, *index, alone(day))),
                Some(mut spell) => {
                    spell.ended = Some(fact.date_of_information);
                    spell.closing = Some((*index, day));
                    spells.push(spell);
                }
            }
            continue;
        }
        let mut spell = open.take().unwrap_or_else(|| Spell::beginning(fact));
        spell.take(*index, fact);
        match spell.ended {
            Some(_) => spells.push(spell),
            None => open = Some(spell),
        }
    }
    if let Some(mut spell) = open {
        spell.ended = closed.map(|(date, _)| date);
        spells.push(spell);
    }
    for spell in &spells {
        ends_of_spell(retention, spell, months.first().map(|(_, fact)| *fact), out);
    }
    if let Some((date, reason)) = closed {
        let adverse = matches!(reason, Some(CloseReason::SettledLess | CloseReason::ChargedOff));
        let item = if adverse { Kept::Collection } else { Kept::Positive };
        let began = spells.last().map_or(date, |spell| spell.began);
        let events = Events { first_delinquency: Some(began), ..alone(date) };
        out.extend(fixed.iter().filter_map(|index| end(retention, item, *index, events)));
    }
}

fn ends_of_spell<'r>(
    retention: &'r Retention,
    spell: &Spell,
    first: Option<&AccountMonth>,
    out: &mut Vec<End<'r>>,
) {
    let item = if spell.collected { Kept::Collection } else { Kept::Adverse };
    let hidden = retention.suppressions.iter().find_map(|rule| {
        let currency = first.is_some_and(|fact| fact.balance.currency == rule.amount_max.currency);
        let most = spell.most.filter(|_| currency && spell.currency_same);
        let overdue = Overdue { began: spell.began, most_minor: most, repaid: spell.ended };
        Some((rule.hidden_from(&overdue)?, rule.id.as_str()))
    });
    let mut last: Option<End<'r>> = None;
    for (index, month) in &spell.indexes {
        let events = Events {
            spell_end: spell.ended,
            first_delinquency: Some(spell.began),
            month: Some(*month),
            filed: None,
            ended: spell.ended,
        };
        let own = end(retention, item, *index, events);
        last = last.into_iter().chain(own.clone()).max_by_key(|end| end.from);
        out.extend(own);
        if let Some((from, rule)) = hidden {
            out.push(End { index: *index, from, then: AtEnd::Suppress, rule });
        }
    }
    // Without the month that ended it a spell would never end: that month is kept as long.
    if let Some((index, day)) = spell.closing {
        let own = end(retention, Kept::Positive, index, alone(day));
        let last = last.map(|end| End { index, ..end });
        out.extend(own.and_then(|own| last.into_iter().chain([own]).max_by_key(|end| end.from)));
    }
}

/// The entries that no longer count on `day`, and the next day on which that changes.
pub fn over(live: &[Live<'_>], retention: &Retention, day: Date) -> (BTreeSet<u64>, Option<Date>) {
    let ends = ends(live, retention);
    let over = ends.iter().filter(|end| end.from <= day).map(|end| end.index).collect();
    let next = ends.iter().map(|end| end.from).filter(|from| *from > day).min();
    (over, next)
}

/// Whether an observation could put an end to something today, or be over itself: then the
/// profile must be folded anew. Else the earliest day on which it could be over.
pub fn earliest(fact: &Fact, retention: &Retention, late_before: bool) -> Option<Date> {
    if late_before || matches!(fact, Fact::PublicRecord(_)) {
        return None;
    }
    let items: &[Kept] = match fact {
        Fact::InquiryHistory(_) => &[Kept::Inquiry],
        _ => &[Kept::Positive, Kept::Adverse, Kept::Collection],
    };
    let months = items.iter().filter_map(|item| retention.keep(*item)).map(|keep| keep.months);
    let months = i64::from(months.min().unwrap_or(0));
    let day = day_of(fact);
    Some(day.checked_add(months.months()).unwrap_or(Date::MAX))
}
