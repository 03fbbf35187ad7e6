//! A person's profile: sealed in its row, open in memory while a batch runs.

use crate::kernel::seal::{Place, SealKey};
use crate::score::Profile;
use crate::score::rows::ProfileRow;
use crate::store::StoreError;

/// Where a profile is kept sealed.
pub(super) fn profile_place(person: &str, index: u64) -> Place<'_> {
    Place { table: "profiles", column: "sealed", row: person, index }
}

/// A profile in memory.
pub struct Folded {
    /// The profile.
    pub profile: Profile,
    /// How many observations were folded.
    pub observations: u64,
    /// Index of the last entry folded.
    pub index: u64,
    /// The first day on which it changes without a new entry: something's time is over.
    pub until_day: i64,
    /// The first day on which something of it must be purged, until that is done.
    pub purge_day: i64,
    pub(super) dirty: bool,
}

impl Folded {
    /// One more observation was folded, by the entry of this index.
    pub fn touched(&mut self, index: u64) {
        self.observations += 1;
        self.index = index;
        self.dirty = true;
    }
}

/// Opens a profile's row.
///
/// # Errors
/// It does not open, or was folded by a version this program does not know.
pub fn open_profile(row: &ProfileRow, key: &SealKey) -> Result<Folded, StoreError> {
    let index = row.idx as u64;
    let bytes = key
        .open(profile_place(&row.person, index), &row.sealed)
        .map_err(|e| StoreError::inconsistent(e.to_string()))?;
    let profile = Profile::decode(&bytes).map_err(|e| StoreError::inconsistent(e.to_string()))?;
    let (observations, until_day) = (row.observations as u64, row.until_day);
    let purge_day = row.purge_day;
    Ok(Folded { profile, observations, index, until_day, purge_day, dirty: false })
}
