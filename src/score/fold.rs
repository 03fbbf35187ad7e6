//! Folding: one entry into the profile, in constant time.
//!
//! Counts are saturating sums, marks are maxima, "newest" goes by the month a record is about:
//! so, while no slot runs out, the same set of entries gives the same profile in any order, and a
//! late furnisher does no harm. What cannot be subtracted is folded anew ([`super::live()`]).

use super::profile::{
    ACCOUNT_SLOTS_MAX, PUBLIC_RECORD_SLOTS_MAX, Profile, SPENDING_GROUPS, VERIFICATION_SLOTS_MAX,
};
use super::ring::{Cells, Nibbles, advance, age, shift_array, small_amount};
use super::slots::{
    AccountSlot, Bucket, CapacitySlot, FixedPart, MonthNo, MovingPart, PublicRecordSlot,
    TenureSlot, TiesSlot, VerificationSlot, month_no, short_digest,
};
use crate::collect::observation::{
    Account, AccountMonth, Capacity, Channel, Dimension, Fact, InquiryHistory, Obligation,
    Observation, Operation, PartyRole, PaymentActivity, Promise, PublicRecord, Spending,
    StatusEvent, Tenure, Ties, Verification,
};
use crate::kernel::money::AMOUNT_MINOR_MAX;
use crate::kernel::{Amount, Currency, Month, Time};

/// The highest rate that is believed: a million to one.
const RATE_MICROS_MAX: u64 = 1_000_000_000_000;

/// What stands beside an observation in its ledger entry and in the rule pack.
#[derive(Clone, Copy, Debug)]
pub struct FoldContext<'a> {
    /// The entry's index in the ledger.
    pub index: u64,
    /// When it was recorded.
    pub recorded: Time,
    /// The furnisher's id.
    pub furnisher: &'a str,
    /// The pack's fixed offset from UTC, hours (decisions.md 16).
    pub utc_offset_hours: i8,
    /// For each currency, how many millionths of the pack's minor unit one of its minor units is
    /// worth. An amount without a rate is not summed.
    pub rates: &'a [(Currency, u64)],
}

impl FoldContext<'_> {
    /// The civil month in which the entry was recorded.
    pub fn month(&self) -> Month {
        Month::of(self.recorded.date_at(self.utc_offset_hours))
    }
}

/// A currency's rate in millionths; one for the pack's own.
fn rate_micros(ctx: &FoldContext<'_>, base: Currency, currency: Currency) -> Option<u64> {
    if currency == base {
        return Some(1_000_000);
    }
    let rate = ctx.rates.iter().find(|(c, _)| *c == currency);
    rate.map(|(_, rate)| (*rate).min(RATE_MICROS_MAX))
}

/// `minor` at a rate in millionths, kept within what is believed of an amount.
pub fn convert(minor: i64, rate_micros: u64) -> i64 {
    let converted = i128::from(minor) * i128::from(rate_micros) / 1_000_000;
    let max = i128::from(AMOUNT_MINOR_MAX);
    converted.clamp(-max, max) as i64
}

fn believed(amount: Amount) -> i64 {
    amount.minor.clamp(-AMOUNT_MINOR_MAX, AMOUNT_MINOR_MAX)
}

fn sum(a: i64, b: i64) -> i64 {
    a.saturating_add(b).clamp(-AMOUNT_MINOR_MAX, AMOUNT_MINOR_MAX)
}

/// The later of two months, of which one may be missing.
fn latest(mark: Option<MonthNo>, month: MonthNo) -> Option<MonthNo> {
    Some(mark.map_or(month, |m| m.max(month)))
}

fn earliest(mark: Option<MonthNo>, month: MonthNo) -> Option<MonthNo> {
    Some(mark.map_or(month, |m| m.min(month)))
}

impl Profile {
    /// Folds one live entry in. A `delete` changes nothing here: it takes another entry out of
    /// the live set. A record about a month that has not come yet is left out: it can be nothing
    /// but a mistake, and would push real months out of the rings.
    pub fn fold(&mut self, observation: &Observation, ctx: &FoldContext<'_>) {
        self.through = self.through.max(ctx.index.saturating_add(1));
        if observation.op == Operation::Delete {
            return;
        }
        let now = month_no(ctx.month());
        match &observation.fact {
            Fact::Account(f) => self.fold_account(f, ctx, now),
            Fact::AccountMonth(f) if f.month.0 <= now => self.fold_account_month(f, ctx),
            Fact::InquiryHistory(f) if f.month.0 <= now => self.fold_inquiries(f),
            Fact::PublicRecord(f) => self.fold_public_record(f, now),
            Fact::Spending(f) if f.month.0 <= now => self.fold_spending(f, ctx),
            Fact::PaymentActivity(f) if f.month.0 <= now => self.fold_payments(f),
            Fact::Obligation(f) if Month::of(f.due).0 <= now => self.fold_obligation(f),
            Fact::Capacity(f) if f.month.0 <= now => self.fold_capacity(f, ctx),
            Fact::Verification(f) => self.fold_verification(f, now),
            Fact::Tenure(f) => self.fold_tenure(f, now),
            Fact::Ties(f) if f.month.0 <= now => self.fold_ties(f),
            Fact::StatusEvent(f) => self.fold_status(f),
            _ => {}
        }
    }

    fn heard(&mut self, dimension: Dimension, month: MonthNo) {
        let place = dimension as usize;
        if let (Some(first), Some(last)) = (self.first.get_mut(place), self.last.get_mut(place)) {
            *first = earliest(*first, month);
            *last = latest(*last, month);
        }
    }

    fn account_slot(&mut self, key: &str, ctx: &FoldContext<'_>) -> Option<&mut AccountSlot> {
        let (furnisher, account) = (short_digest(ctx.furnisher), short_digest(key));
        let key = |s: &AccountSlot| (s.furnisher, s.account);
        let place = match self.accounts.binary_search_by_key(&(furnisher, account), key) {
            Ok(place) => place,
            Err(place) if self.accounts.len() < ACCOUNT_SLOTS_MAX => {
                let empty = AccountSlot { furnisher, account, fixed: None, moving: None };
                self.accounts.insert(place, empty);
                place
            }
            Err(_) => return None,
        };
        self.accounts.get_mut(place)
    }

    fn fold_account(&mut self, fact: &Account, ctx: &FoldContext<'_>, now: MonthNo) {
        let opened = Month::of(fact.opened).0.min(now);
        let own = fact.role != PartyRole::AuthorisedUser;
        if own {
            // An opening begins the history; only reported months say that it goes on.
            let first = self.first.get_mut(Dimension::CreditHistory as usize);
            first.into_iter().for_each(|first| *first = earliest(*first, opened));
        }
        let in_currency =
            |a: Option<Amount>| a.filter(|a| a.currency == fact.currency).map(believed);
        let fixed = FixedPart {
            portfolio: fact.portfolio,
            role: fact.role,
            opened,
            closed: fact.closed.map(|date| Month::of(date).0),
            close_reason: fact.close_reason,
            currency: fact.currency,
            limit: in_currency(fact.limit),
            original: in_currency(fact.original_amount),
        };
        if let Some(slot) = self.account_slot(&fact.account_key, ctx) {
            slot.fixed = Some(fixed);
        } else if own {
            let over = &mut self.account_overflow;
            over.accounts = over.accounts.saturating_add(1);
            over.oldest_opened = earliest(over.oldest_opened, opened);
            over.opened.shift(advance(&mut over.opened_newest, opened));
            over.opened.add(age(over.opened_newest, opened), 1);
        }
    }

    fn fold_account_month(&mut self, fact: &AccountMonth, ctx: &FoldContext<'_>) {
        let (month, base) = (fact.month.0, self.base);
        self.heard(Dimension::CreditHistory, month);
        let rate = rate_micros(ctx, base, fact.balance.currency);
        match self.account_slot(&fact.account_key, ctx) {
            Some(slot) => {
                let moving = slot.moving.get_or_insert_with(|| empty_moving(fact));
                fold_month(moving, fact, rate);
            }
            None => self.fold_overflow_month(fact, rate),
        }
    }

    fn fold_overflow_month(&mut self, fact: &AccountMonth, rate: Option<u64>) {
        let (over, month, bucket) = (&mut self.account_overflow, fact.month.0, Bucket::of(fact));
        over.months = over.months.saturating_add(1);
        let by = advance(&mut over.newest, month);
        over.buckets.shift(by);
        over.late_counts.shift(by);
        over.buckets.raise(age(over.newest, month), u32::from(bucket.0));
        if by > 0 {
            (over.balance, over.due, over.past_due) = (0, 0, 0);
        }
        if month == over.newest
            && bucket > Bucket::TRANSFERRED
            && let Some(rate) = rate
        {
            let owed = |a: Option<Amount>| {
                a.filter(|a| a.currency == fact.balance.currency)
                    .map_or(0, |a| convert(believed(a).max(0), rate))
            };
            over.balance = sum(over.balance, owed(Some(fact.balance)));
            over.due = sum(over.due, owed(fact.due));
            over.past_due = sum(over.past_due, owed(fact.past_due));
        }
        over.worst = over.worst.max(bucket);
        if bucket.is_30_plus() {
            over.late_counts.add(age(over.newest, month), 1);
            over.last_30_plus = latest(over.last_30_plus, month);
        }
    }

    fn fold_inquiries(&mut self, fact: &InquiryHistory) {
        let inquiries = &mut self.inquiries;
        inquiries.counts.shift(advance(&mut inquiries.newest, fact.month.0));
        inquiries.counts.add(age(inquiries.newest, fact.month.0), fact.count);
    }

    fn fold_public_record(&mut self, fact: &PublicRecord, now: MonthNo) {
        let filed = Month::of(fact.filed).0.min(now);
        let ended = fact.ended.map(|date| Month::of(date).0);
        let record = short_digest(&fact.record_key);
        let key = |slot: &PublicRecordSlot| (slot.record, slot.kind);
        match self.public_records.binary_search_by_key(&(record, fact.kind), key) {
            // The same record from a second furnisher: one record, ended when either says so.
            Ok(place) => {
                if let Some(slot) = self.public_records.get_mut(place) {
                    slot.filed = slot.filed.min(filed);
                    slot.ended = ended.map_or(slot.ended, |month| earliest(slot.ended, month));
                }
            }
            Err(place) if self.public_records.len() < PUBLIC_RECORD_SLOTS_MAX => {
                let slot = PublicRecordSlot { record, kind: fact.kind, filed, ended };
                self.public_records.insert(place, slot);
            }
            Err(_) => {
                self.public_overflow_filed = latest(self.public_overflow_filed, filed);
                self.public_overflow_open =
                    self.public_overflow_open.saturating_add(u16::from(ended.is_none()));
            }
        }
    }

    fn fold_spending(&mut self, fact: &Spending, ctx: &FoldContext<'_>) {
        let month = fact.month.0;
        self.heard(Dimension::Behavior, month);
        let spending = &mut self.spending;
        let by = advance(&mut spending.newest, month);
        if by > 0 {
            shift_array(&mut spending.totals, by);
            shift_array(&mut spending.counts, by);
            spending.groups.iter_mut().for_each(|group| shift_array(group, by));
        }
        let Ok(place) = usize::try_from(age(spending.newest, month)) else { return };
        if let Some(count) = spending.counts.get_mut(place) {
            *count = count.saturating_add(u16::try_from(fact.count).unwrap_or(u16::MAX));
        }
        let Some(rate) = rate_micros(ctx, self.base, fact.amount.currency) else { return };
        let amount = convert(believed(fact.amount).max(0), rate);
        if let Some(total) = spending.totals.get_mut(place) {
            *total = sum(*total, amount);
        }
        let group = spending.groups.get_mut(category_group(&fact.category));
        if let Some(cell) = group.and_then(|group| group.get_mut(place)) {
            *cell = cell.saturating_add(u32::try_from(amount / 100).unwrap_or(u32::MAX));
        }
    }

    fn fold_payments(&mut self, fact: &PaymentActivity) {
        let month = fact.month.0;
        self.heard(Dimension::Behavior, month);
        let payments = &mut self.payments;
        let by = advance(&mut payments.newest, month);
        payments.counts.iter_mut().for_each(|cells| cells.shift(by));
        payments.returned.shift(by);
        let back = age(payments.newest, month);
        if let Some(cells) = payments.counts.get_mut(fact.kind as usize) {
            cells.add(back, fact.count);
        }
        payments.returned.add(back, fact.returned);
    }

    fn fold_obligation(&mut self, fact: &Obligation) {
        let month = Month::of(fact.due).0;
        if fact.outcome != Promise::Open {
            self.heard(Dimension::Performance, month);
        }
        let obligations = &mut self.obligations;
        let by = advance(&mut obligations.newest, month);
        obligations.kinds.iter_mut().flatten().for_each(|cells| cells.shift(by));
        let back = age(obligations.newest, month);
        let kind = obligations.kinds.get_mut(fact.kind as usize);
        if let Some(cells) = kind.and_then(|kind| kind.get_mut(fact.outcome as usize)) {
            cells.add(back, 1);
        }
    }

    fn fold_capacity(&mut self, fact: &Capacity, ctx: &FoldContext<'_>) {
        let Some(rate) = rate_micros(ctx, self.base, fact.amount.currency) else { return };
        let amount = convert(believed(fact.amount), rate);
        let new = CapacitySlot { month: fact.month.0, verified: fact.verified, amount };
        if let Some(slot) = self.capacity.get_mut(fact.category as usize) {
            *slot = (*slot).max(Some(new));
        }
    }

    fn fold_verification(&mut self, fact: &Verification, now: MonthNo) {
        let verified = Month::of(fact.verified).0.min(now);
        self.heard(Dimension::Identity, verified);
        let (channel, source) = (fact.channel, short_digest(&fact.source));
        let key = |s: &VerificationSlot| (s.channel, s.source);
        match self.verifications.binary_search_by_key(&(channel, source), key) {
            Ok(place) => {
                if let Some(slot) = self.verifications.get_mut(place) {
                    slot.verified = slot.verified.max(verified);
                }
            }
            Err(place) if self.verifications.len() < VERIFICATION_SLOTS_MAX => {
                let slot = VerificationSlot { channel, source, verified };
                self.verifications.insert(place, slot);
            }
            Err(_) if channel != Channel::Questionnaire => {
                let (channels, newest) = &mut self.verification_overflow;
                *channels |= 1 << (channel as u16);
                *newest = latest(*newest, verified);
            }
            Err(_) => {}
        }
    }

    fn fold_tenure(&mut self, fact: &Tenure, now: MonthNo) {
        let confirmed = Month::of(fact.confirmed).0.min(now);
        let since = Month::of(fact.since).0.min(confirmed);
        self.heard(Dimension::Identity, confirmed);
        if let Some(slot) = self.tenures.get_mut(fact.kind as usize) {
            // The newest confirmation holds; of two in one month, the longer known.
            let better = slot.is_none_or(|old| {
                (confirmed, -i64::from(since)) > (old.confirmed, -i64::from(old.since))
            });
            if better {
                *slot = Some(TenureSlot { confirmed, since });
            }
        }
    }

    fn fold_ties(&mut self, fact: &Ties) {
        self.heard(Dimension::Relationships, fact.month.0);
        let reciprocal = fact.reciprocal.min(fact.verified);
        let new = TiesSlot { month: fact.month.0, verified: fact.verified, reciprocal };
        self.ties = self.ties.max(Some(new));
    }

    fn fold_status(&mut self, fact: &StatusEvent) {
        if let Some(since) = self.status.get_mut(fact.event as usize) {
            *since = earliest(*since, Month::of(fact.since).0);
        }
    }
}

fn empty_moving(fact: &AccountMonth) -> MovingPart {
    MovingPart {
        first: fact.month.0,
        newest: fact.month.0,
        buckets: Nibbles::default(),
        balances: Cells::default(),
        paid_percent: Cells::default(),
        currency: fact.balance.currency,
        rate_micros: None,
        balance: 0,
        due: None,
        past_due: None,
        worst: Bucket::NONE,
        last_30_plus: None,
    }
}

fn fold_month(moving: &mut MovingPart, fact: &AccountMonth, rate: Option<u64>) {
    let (month, bucket) = (fact.month.0, Bucket::of(fact));
    let currency = fact.balance.currency;
    let in_currency = |a: Option<Amount>| a.filter(|a| a.currency == currency).map(believed);
    let (due, paid) = (in_currency(fact.due), in_currency(fact.paid));
    moving.first = moving.first.min(month);
    let by = advance(&mut moving.newest, month);
    moving.buckets.shift(by);
    moving.balances.shift(by);
    moving.paid_percent.shift(by);
    let back = age(moving.newest, month);
    moving.buckets.raise(back, u32::from(bucket.0));
    moving.balances.raise(back, small_amount(fact.balance.minor));
    if let (Some(due @ 1..), Some(paid)) = (due, paid) {
        let percent = (i128::from(paid.max(0)) * 100 / i128::from(due)).min(250);
        moving.paid_percent.raise(back, percent as u32 + 1);
    }
    if month == moving.newest {
        moving.currency = currency;
        moving.rate_micros = rate;
        moving.balance = believed(fact.balance);
        moving.due = due;
        moving.past_due = in_currency(fact.past_due);
    }
    moving.worst = moving.worst.max(bucket);
    if bucket.is_30_plus() {
        moving.last_30_plus = latest(moving.last_30_plus, month);
    }
}

/// The coarse group of a spending category: food, home, travel, goods, services, other. Changing
/// this map is a new [`super::FOLD_VERSION`].
fn category_group(category: &str) -> usize {
    const GROUPS: [&[&str]; SPENDING_GROUPS - 1] = [
        &["grocer", "supermarket", "food", "dining", "restaurant"],
        &["home", "household", "housing", "rent", "utilit", "furnitur", "telecom"],
        &["travel", "transport", "fuel", "hotel", "transit", "car"],
        &["retail", "shop", "cloth", "electronic", "goods", "apparel", "department"],
        &["educat", "service", "entertain", "leisure", "sport", "subscript", "culture", "book"],
    ];
    let found = |words: &&[&str]| words.iter().any(|word| category.starts_with(word));
    GROUPS.iter().position(found).unwrap_or(SPENDING_GROUPS - 1)
}
