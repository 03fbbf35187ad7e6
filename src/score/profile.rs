//! The profile: everything a score may read about one person, in at most four kilobytes of
//! integers.
//!
//! It is a projection of the person's live entries, never a source: when one of them is corrected,
//! disputed, purged or falls out of consent, the profile is folded anew (data-model.md, "the
//! profile must be able to forget").

use serde::{Deserialize, Serialize};

use super::ScoreError;
use super::ring::Nibbles;
use super::slots::{
    AccountOverflow, AccountSlot, CapacitySlot, MonthNo, PublicRecordSlot, TenureSlot, TiesSlot,
    VerificationSlot,
};
use crate::collect::observation::{CapacityCategory, Dimension, StatusKind, TenureKind};
use crate::kernel::Currency;

/// Version of the folding rules; it stands in the profile and in every answer (decisions.md 17).
pub const FOLD_VERSION: u16 = 1;
/// The most bytes an encoded profile takes, whatever was sent.
pub const PROFILE_BYTES_MAX: usize = 4_096;
/// Accounts with a slot of their own; further ones go into the overflow sums.
pub const ACCOUNT_SLOTS_MAX: usize = 15;
/// Public records with a slot of their own.
pub const PUBLIC_RECORD_SLOTS_MAX: usize = 8;
/// Verifications with a slot of their own.
pub const VERIFICATION_SLOTS_MAX: usize = 12;
/// Months of spending totals: the running month and 24 complete ones.
pub const SPENDING_MONTHS: usize = 25;
/// Months of spending by category group: the running month and 12 complete ones.
pub const GROUP_MONTHS: usize = 13;
/// Coarse groups of spending categories.
pub const SPENDING_GROUPS: usize = 6;

/// The bounded history of one person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// [`FOLD_VERSION`] of the rules that folded it.
    pub fold_version: u16,
    /// The pack's currency: sums are formed in it alone.
    pub base: Currency,
    /// One more than the index of the newest live entry folded; zero when there is none.
    pub through: u64,
    /// First month of each dimension, in the order of [`Dimension::ALL`].
    pub first: [Option<MonthNo>; 5],
    /// Last month of each dimension.
    pub last: [Option<MonthNo>; 5],
    /// Accounts, sorted by their digests.
    pub accounts: Vec<AccountSlot>,
    /// Accounts beyond [`ACCOUNT_SLOTS_MAX`].
    pub account_overflow: AccountOverflow,
    /// Public records, sorted by their digests.
    pub public_records: Vec<PublicRecordSlot>,
    /// Public records beyond [`PUBLIC_RECORD_SLOTS_MAX`] that have not ended.
    pub public_overflow_open: u16,
    /// Newest filing among the records beyond the slots.
    pub public_overflow_filed: Option<MonthNo>,
    /// Hard inquiries made elsewhere.
    pub inquiries: MonthlyCounts,
    /// Spending.
    pub spending: SpendingMonths,
    /// Payments.
    pub payments: PaymentMonths,
    /// Promises.
    pub obligations: ObligationMonths,
    /// Newest amount of each restricted category, in the order of `CapacityCategory::ALL`.
    pub capacity: [Option<CapacitySlot>; 6],
    /// Verified channels, sorted.
    pub verifications: Vec<VerificationSlot>,
    /// Channels verified beyond [`VERIFICATION_SLOTS_MAX`], one bit each in the order of
    /// `Channel::ALL`, and when last: so that no channel is lost to many sources of another.
    pub verification_overflow: (u16, Option<MonthNo>),
    /// Address, phone and employer, in the order of `TenureKind::ALL`.
    pub tenures: [Option<TenureSlot>; 3],
    /// Ties.
    pub ties: Option<TiesSlot>,
    /// Since when each status event holds, in the order of `StatusKind::ALL`.
    pub status: [Option<MonthNo>; 4],
}

/// Counts of 32 months, each at most 15.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MonthlyCounts {
    /// Anchor.
    pub newest: MonthNo,
    /// The counts.
    pub counts: Nibbles,
}

/// Spending by month; the newest month stands first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpendingMonths {
    /// Anchor.
    pub newest: MonthNo,
    /// Totals, pack currency, minor units.
    pub totals: [i64; SPENDING_MONTHS],
    /// Purchases.
    pub counts: [u16; SPENDING_MONTHS],
    /// Totals by category group, whole hundreds of minor units (each amount cut before it is
    /// added, so that the order of entries does not matter).
    pub groups: [[u32; GROUP_MONTHS]; SPENDING_GROUPS],
}

/// Payments by month.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentMonths {
    /// Anchor.
    pub newest: MonthNo,
    /// Payments of each kind, in the order of `PaymentKind::ALL`.
    pub counts: [Nibbles; 4],
    /// Payments returned for want of funds, of all kinds.
    pub returned: Nibbles,
}

/// Promises by the month in which they were due.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObligationMonths {
    /// Anchor.
    pub newest: MonthNo,
    /// For each kind (order of `ObligationKind::ALL`): open, kept, late, broken.
    pub kinds: [[Nibbles; 4]; 7],
}

impl Profile {
    /// The profile of a person about whom nothing is known, summing in `base`.
    pub fn new(base: Currency) -> Profile {
        Profile {
            fold_version: FOLD_VERSION,
            base,
            through: 0,
            first: [None; 5],
            last: [None; 5],
            accounts: Vec::new(),
            account_overflow: AccountOverflow::default(),
            public_records: Vec::new(),
            public_overflow_open: 0,
            public_overflow_filed: None,
            inquiries: MonthlyCounts::default(),
            spending: SpendingMonths::default(),
            payments: PaymentMonths::default(),
            obligations: ObligationMonths::default(),
            capacity: [None; 6],
            verifications: Vec::new(),
            verification_overflow: (0, None),
            tenures: [None; 3],
            ties: None,
            status: [None; 4],
        }
    }

    /// The stored form (postcard), at most [`PROFILE_BYTES_MAX`] bytes.
    pub fn encode(&self) -> Vec<u8> {
        // Writing integers and vectors into a growing vector has no way to fail.
        postcard::to_stdvec(self).unwrap_or_default()
    }

    /// Reads [`Profile::encode`].
    ///
    /// # Errors
    /// When the bytes are damaged, or folded by rules of another version.
    pub fn decode(bytes: &[u8]) -> Result<Profile, ScoreError> {
        let unreadable = ScoreError::ProfileUnreadable;
        let (version, _): (u16, _) =
            postcard::take_from_bytes(bytes).map_err(|_| unreadable("not a profile"))?;
        if version != FOLD_VERSION {
            return Err(unreadable("folded by another version of the rules"));
        }
        let (profile, rest): (Profile, _) =
            postcard::take_from_bytes(bytes).map_err(|_| unreadable("damaged"))?;
        let bounded = profile.accounts.len() <= ACCOUNT_SLOTS_MAX
            && profile.public_records.len() <= PUBLIC_RECORD_SLOTS_MAX
            && profile.verifications.len() <= VERIFICATION_SLOTS_MAX;
        if rest.is_empty() && bounded { Ok(profile) } else { Err(unreadable("out of bounds")) }
    }

    /// Whether any account was ever late: then a further month can start the clock of an earlier
    /// one.
    pub fn has_lateness(&self) -> bool {
        use super::slots::Bucket;
        let slots = self.accounts.iter().filter_map(|slot| slot.moving.as_ref());
        slots.map(|moving| moving.worst).chain([self.account_overflow.worst]).max()
            > Some(Bucket::CURRENT)
    }

    /// Since when a status event holds.
    pub fn status_since(&self, event: StatusKind) -> Option<MonthNo> {
        self.status.get(event as usize).copied().flatten()
    }

    /// A tenure.
    pub fn tenure(&self, kind: TenureKind) -> Option<TenureSlot> {
        self.tenures.get(kind as usize).copied().flatten()
    }

    /// The newest amount of a restricted category.
    pub fn capacity(&self, category: CapacityCategory) -> Option<CapacitySlot> {
        self.capacity.get(category as usize).copied().flatten()
    }

    /// First and last month in which a dimension was heard of.
    pub fn span(&self, dimension: Dimension) -> Option<(MonthNo, MonthNo)> {
        let place = dimension as usize;
        self.first.get(place).copied().flatten().zip(self.last.get(place).copied().flatten())
    }
}
