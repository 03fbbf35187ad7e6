//! The bounded slots a profile is made of, and what can be read from one of them alone.

use serde::{Deserialize, Serialize};

use super::ring::{Cells, Nibbles, age};
use crate::collect::observation::{
    AccountMonth, AccountStatus, Channel, CloseReason, PartyRole, Portfolio, PublicRecordKind,
};
use crate::kernel::bytes::sha256;
use crate::kernel::{Currency, Month};

/// A month as the profile counts it ([`Month`]'s number).
pub type MonthNo = i32;

/// The first eight bytes of a SHA-256: tells slots apart and names nobody.
pub type ShortDigest = [u8; 8];

/// The short digest of a furnisher's id, an account key or a source's name.
pub fn short_digest(text: &str) -> ShortDigest {
    let mut out = [0; 8];
    out.iter_mut().zip(sha256(text.as_bytes())).for_each(|(o, b)| *o = b);
    out
}

/// The month number of `month`.
pub fn month_no(month: Month) -> MonthNo {
    month.0
}

/// What one account was in one month, in rising order of gravity; zero is "not reported".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Bucket(pub u8);

impl Bucket {
    /// Nothing was reported.
    pub const NONE: Bucket = Bucket(0);
    /// Closed, nothing owed.
    pub const CLOSED: Bucket = Bucket(1);
    /// Passed to another creditor.
    pub const TRANSFERRED: Bucket = Bucket(2);
    /// Paid as agreed.
    pub const CURRENT: Bucket = Bucket(3);
    /// 30 to 59 days past due; the five codes after it are the further steps of 30 days.
    pub const LATE_30: Bucket = Bucket(5);
    /// 180 days past due and more.
    pub const LATE_180: Bucket = Bucket(10);
    /// Settled for less than owed.
    pub const SETTLED_LESS: Bucket = Bucket(11);
    /// With a collector.
    pub const COLLECTION: Bucket = Bucket(12);
    /// Written off.
    pub const CHARGED_OFF: Bucket = Bucket(13);

    /// The bucket of a reported month (domain.md section 7: M0, M1 1–29, M2 30–59 … M7 180+).
    pub fn of(fact: &AccountMonth) -> Bucket {
        match fact.status {
            AccountStatus::Closed => Bucket::CLOSED,
            AccountStatus::Transferred => Bucket::TRANSFERRED,
            AccountStatus::SettledLess => Bucket::SETTLED_LESS,
            AccountStatus::Collection => Bucket::COLLECTION,
            AccountStatus::ChargedOff => Bucket::CHARGED_OFF,
            AccountStatus::Current | AccountStatus::Late => match fact.dpd {
                0 if fact.status == AccountStatus::Current => Bucket::CURRENT,
                0..30 => Bucket(4),
                dpd => Bucket((4 + dpd / 30).min(10) as u8),
            },
        }
    }

    /// From a ring's cell.
    pub fn from_cell(cell: u32) -> Bucket {
        Bucket(cell.min(15) as u8)
    }

    /// The fewest days past due that the bucket stands for; settled, collected and written-off
    /// accounts count as the lateness that usually leads there.
    pub fn days(self) -> i64 {
        match self.0 {
            0..=3 => 0,
            4 => 1,
            5..=10 => (i64::from(self.0) - 4) * 30,
            11 => 150,
            12 => 180,
            _ => 240,
        }
    }

    /// Whether the month was reported at all.
    pub fn is_reported(self) -> bool {
        self != Bucket::NONE
    }

    /// Whether any payment was late, by a day or more.
    pub fn is_late(self) -> bool {
        self > Bucket::CURRENT
    }

    /// Whether it was 30 days past due or worse.
    pub fn is_30_plus(self) -> bool {
        self >= Bucket::LATE_30
    }

    /// Whether it was 90 days past due or worse, or ended in loss.
    pub fn is_serious(self) -> bool {
        self.days() >= 90
    }
}

/// How a delinquency spell ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpellEnd {
    /// Everything overdue was paid.
    Cured,
    /// Settled for less than owed.
    SettledLess,
    /// Written off.
    ChargedOff,
    /// Passed to another creditor.
    Sold,
}

/// A delinquency spell: months at 30 days past due or worse without a current month between.
/// Retention clocks hang on spells; a cured account that is late again starts a new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spell {
    /// Month of first delinquency.
    pub first: MonthNo,
    /// The worst month of the spell.
    pub worst: Bucket,
    /// When and how it ended; `None` while it lasts.
    pub ended: Option<(MonthNo, SpellEnd)>,
}

/// One account of one furnisher: a tradeline in a few dozen bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountSlot {
    /// Whose account it is.
    pub furnisher: ShortDigest,
    /// Which account.
    pub account: ShortDigest,
    /// From the `account` record.
    pub fixed: Option<FixedPart>,
    /// From the `account_month` records.
    pub moving: Option<MovingPart>,
}

/// What an account is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FixedPart {
    /// How it is repaid.
    pub portfolio: Portfolio,
    /// The person's part in it.
    pub role: PartyRole,
    /// First opened.
    pub opened: MonthNo,
    /// Closed.
    pub closed: Option<MonthNo>,
    /// Why it was closed.
    pub close_reason: Option<CloseReason>,
    /// Currency of the two amounts below.
    pub currency: Currency,
    /// Credit limit, minor units.
    pub limit: Option<i64>,
    /// Amount originally lent, minor units.
    pub original: Option<i64>,
}

/// What an account did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MovingPart {
    /// First month reported.
    pub first: MonthNo,
    /// Newest month reported: the anchor of the three rings.
    pub newest: MonthNo,
    /// [`Bucket`] of each of 32 months.
    pub buckets: Nibbles,
    /// Balance of each of 8 months ([`super::ring::small_amount`]).
    pub balances: Cells<16, 8>,
    /// Paid of what was due, in percent plus one, of each of 8 months; at most 250 percent.
    pub paid_percent: Cells<8, 8>,
    /// Currency of the amounts below.
    pub currency: Currency,
    /// Millionths of the pack's minor unit for one minor unit; `None` when the table has no rate.
    pub rate_micros: Option<u64>,
    /// Newest balance, minor units; negative for a credit balance.
    pub balance: i64,
    /// Newest amount due in a month.
    pub due: Option<i64>,
    /// Newest amount overdue.
    pub past_due: Option<i64>,
    /// The worst bucket among the live months, however old.
    pub worst: Bucket,
    /// Newest month at 30 days past due or worse, however old.
    pub last_30_plus: Option<MonthNo>,
}

impl AccountSlot {
    /// Whether the person owes on it: an authorised user does not.
    pub fn is_own(&self) -> bool {
        self.fixed.as_ref().is_none_or(|f| f.role != PartyRole::AuthorisedUser)
    }

    /// Whether its balance is still a debt of the person at `month`: not closed as paid, not
    /// passed on, so that no debt is counted twice.
    pub fn is_owed(&self, month: MonthNo) -> bool {
        let gone = self.fixed.as_ref().is_some_and(|f| {
            f.closed.is_some_and(|closed| closed <= month)
                && !matches!(f.close_reason, Some(CloseReason::ChargedOff | CloseReason::ByLender))
        });
        self.is_own() && !gone && self.moving.as_ref().is_some_and(|m| m.latest() > Bucket(2))
    }

    /// The month it began to exist for the bureau: opened, or first reported.
    pub fn since(&self) -> Option<MonthNo> {
        let opened = self.fixed.as_ref().map(|f| f.opened);
        let first = self.moving.as_ref().map(|m| m.first);
        match (opened, first) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }
}

impl MovingPart {
    /// The bucket of a month.
    pub fn bucket(&self, month: MonthNo) -> Bucket {
        Bucket::from_cell(self.buckets.get(age(self.newest, month)))
    }

    /// The newest bucket.
    pub fn latest(&self) -> Bucket {
        Bucket::from_cell(self.buckets.get(0))
    }

    /// The delinquency spells in the 32 months of the ring, oldest first.
    pub fn spells(&self) -> impl Iterator<Item = Spell> + '_ {
        let mut months = (0..32).rev().map(|back| {
            (self.newest.saturating_sub(back), Bucket::from_cell(self.buckets.get(back.into())))
        });
        std::iter::from_fn(move || {
            let (first, bucket) = months.by_ref().find(|(_, bucket)| bucket.is_30_plus())?;
            let mut spell = Spell { first, worst: bucket, ended: None };
            let mut current = (first, bucket);
            loop {
                spell.worst = spell.worst.max(current.1);
                if let Some(end) = spell_end(current.1) {
                    spell.ended = Some((current.0, end));
                    return Some(spell);
                }
                match months.next() {
                    Some(next) => current = next,
                    None => return Some(spell),
                }
            }
        })
    }
}

fn spell_end(bucket: Bucket) -> Option<SpellEnd> {
    match bucket {
        Bucket::CLOSED | Bucket::CURRENT => Some(SpellEnd::Cured),
        Bucket::TRANSFERRED => Some(SpellEnd::Sold),
        Bucket::SETTLED_LESS => Some(SpellEnd::SettledLess),
        Bucket::CHARGED_OFF => Some(SpellEnd::ChargedOff),
        _ => None,
    }
}

/// The accounts that came when every slot was taken, in sum: nothing adverse is lost, and nothing
/// is counted twice.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountOverflow {
    /// How many `account` records.
    pub accounts: u32,
    /// How many `account_month` records.
    pub months: u32,
    /// The oldest opening.
    pub oldest_opened: Option<MonthNo>,
    /// Anchor of `opened`.
    pub opened_newest: MonthNo,
    /// Accounts opened in each of 32 months.
    pub opened: Nibbles,
    /// Anchor of `buckets` and month of the sums.
    pub newest: MonthNo,
    /// The worst [`Bucket`] of each of 32 months.
    pub buckets: Nibbles,
    /// Account-months at 30 days past due or worse, of each of 32 months.
    pub late_counts: Nibbles,
    /// Balances of the newest month, pack currency, minor units.
    pub balance: i64,
    /// Amounts due in the newest month.
    pub due: i64,
    /// Amounts overdue in the newest month.
    pub past_due: i64,
    /// The worst bucket, however old.
    pub worst: Bucket,
    /// Newest month at 30 days past due or worse, however old.
    pub last_30_plus: Option<MonthNo>,
}

/// One public record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicRecordSlot {
    /// Digest of its number.
    pub record: ShortDigest,
    /// Its kind.
    pub kind: PublicRecordKind,
    /// Filed.
    pub filed: MonthNo,
    /// Ended.
    pub ended: Option<MonthNo>,
}

/// One verified channel of one source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerificationSlot {
    /// How the identity was checked.
    pub channel: Channel,
    /// Digest of the source's name.
    pub source: ShortDigest,
    /// Last checked.
    pub verified: MonthNo,
}

/// Since when an address, phone or employer is the person's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TenureSlot {
    /// Last confirmed.
    pub confirmed: MonthNo,
    /// Since when.
    pub since: MonthNo,
}

/// A restricted amount (CN-02), newest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CapacitySlot {
    /// The month it is about.
    pub month: MonthNo,
    /// Whether the furnisher saw proof.
    pub verified: bool,
    /// Pack currency, minor units.
    pub amount: i64,
}

/// Verified ties, newest count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TiesSlot {
    /// The month they were counted in.
    pub month: MonthNo,
    /// Verified ties.
    pub verified: u32,
    /// Of them, reciprocal.
    pub reciprocal: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moving(cells: &[u8]) -> MovingPart {
        let mut buckets = Nibbles::default();
        for (back, cell) in cells.iter().rev().enumerate() {
            buckets.raise(back as i64, u32::from(*cell));
        }
        MovingPart {
            first: 0,
            newest: 24_310,
            buckets,
            balances: Cells::default(),
            paid_percent: Cells::default(),
            currency: Currency::CNY,
            rate_micros: None,
            balance: 0,
            due: None,
            past_due: None,
            worst: Bucket::NONE,
            last_30_plus: None,
        }
    }

    #[test]
    fn a_cured_account_that_is_late_again_starts_a_new_spell() {
        let spells: Vec<Spell> = moving(&[3, 5, 6, 3, 4, 5, 0, 7]).spells().collect();
        assert_eq!(
            spells,
            [
                Spell { first: 24_304, worst: Bucket(6), ended: Some((24_306, SpellEnd::Cured)) },
                Spell { first: 24_308, worst: Bucket(7), ended: None },
            ]
        );
    }

    #[test]
    fn a_spell_says_how_it_ended() {
        let end = |cells: &[u8]| moving(cells).spells().next().and_then(|s| s.ended).map(|e| e.1);
        assert_eq!(end(&[5, 11]), Some(SpellEnd::SettledLess));
        assert_eq!(end(&[5, 13]), Some(SpellEnd::ChargedOff));
        assert_eq!(end(&[5, 2]), Some(SpellEnd::Sold));
        assert_eq!(end(&[5, 1]), Some(SpellEnd::Cured));
        assert_eq!(end(&[5, 4]), None);
    }
}
