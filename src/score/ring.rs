//! Small rings of monthly cells: a fixed number of months packed into one integer.
//!
//! Every ring hangs on an anchor, the newest month it has seen. A month that is too old for the
//! ring is dropped whether it comes before or after newer ones, so that the order in which
//! entries arrive does not matter.

use serde::{Deserialize, Serialize};

use crate::kernel::money::AMOUNT_MINOR_MAX;

/// `N` cells of `BITS` bits (at most 128 together), one a month, the newest lowest. Zero is empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cells<const BITS: u32, const N: u32>(u128);

impl<const BITS: u32, const N: u32> Cells<BITS, N> {
    const CELL_MAX: u128 = (1 << BITS) - 1;
    const USED: u128 = u128::MAX >> (128 - BITS * N);

    /// Makes every cell `months` older; what grows too old falls out.
    pub fn shift(&mut self, months: i64) {
        let bits = months.clamp(0, i64::from(N)) as u32 * BITS;
        self.0 = self.0.checked_shl(bits).unwrap_or(0) & Self::USED;
    }

    /// The cell `age` months before the anchor; zero outside the ring.
    pub fn get(&self, age: i64) -> u32 {
        match Self::offset(age) {
            Some(offset) => ((self.0 >> offset) & Self::CELL_MAX) as u32,
            None => 0,
        }
    }

    /// Puts the larger of `value` and what is there into the cell.
    pub fn raise(&mut self, age: i64, value: u32) {
        self.set(age, value.max(self.get(age)));
    }

    /// Adds to the cell, which stays at its maximum when full.
    pub fn add(&mut self, age: i64, count: u32) {
        self.set(age, self.get(age).saturating_add(count));
    }

    /// Whether no cell is set.
    pub fn is_empty(&self) -> bool {
        self.0 == 0
    }

    fn set(&mut self, age: i64, value: u32) {
        if let Some(offset) = Self::offset(age) {
            let value = u128::from(value).min(Self::CELL_MAX);
            self.0 = (self.0 & !(Self::CELL_MAX << offset)) | (value << offset);
        }
    }

    fn offset(age: i64) -> Option<u32> {
        (0..i64::from(N)).contains(&age).then(|| age as u32 * BITS)
    }
}

/// Counts or buckets of 32 months.
pub type Nibbles = Cells<4, 32>;

impl Nibbles {
    const LOW_BITS: u128 = u128::MAX / 15;
    const LOW_NIBBLES: u128 = u128::MAX / 17;

    /// Only the cells that are `from` to `to` months old, both ends in.
    pub fn aged(self, from: i64, to: i64) -> Nibbles {
        let (from, to) = (from.clamp(0, 32) as u32, to.clamp(-1, 31));
        let above = u128::MAX.checked_shl(from * 4).unwrap_or(0);
        let below = u128::MAX.checked_shr(124 - (to.max(0) as u32) * 4).unwrap_or(0);
        Cells(if to < 0 { 0 } else { self.0 & above & below })
    }

    /// The sum of all cells.
    pub fn sum(self) -> u32 {
        // Two cells to a byte, and eight bytes at a time: none of these sums reaches 256.
        let pairs = (self.0 & Self::LOW_NIBBLES) + ((self.0 >> 4) & Self::LOW_NIBBLES);
        let bytes = |half: u64| (half.wrapping_mul(0x0101_0101_0101_0101) >> 56) as u32;
        bytes(pairs as u64) + bytes((pairs >> 64) as u64)
    }

    /// How many cells are not empty.
    pub fn filled(self) -> u32 {
        let any = self.0 | (self.0 >> 1) | (self.0 >> 2) | (self.0 >> 3);
        (any & Self::LOW_BITS).count_ones()
    }

    /// Cells that are empty only where they are in both: what they hold otherwise means nothing.
    pub fn or(self, other: Nibbles) -> Nibbles {
        Cells(self.0 | other.0)
    }
}

/// Moves the anchor to `month` when that is newer; says by how many months the rings must shift.
pub fn advance(newest: &mut i32, month: i32) -> i64 {
    let by = age(month, *newest).max(0);
    *newest = month.max(*newest);
    by
}

/// How many months `month` lies before `newest`; negative when after.
pub fn age(newest: i32, month: i32) -> i64 {
    i64::from(newest) - i64::from(month)
}

/// Makes every element of a monthly array `months` older; the newest stands first.
pub fn shift_array<T: Copy + Default>(cells: &mut [T], months: i64) {
    let by = usize::try_from(months).unwrap_or(0).min(cells.len());
    cells.rotate_right(by);
    cells.iter_mut().take(by).for_each(|cell| *cell = T::default());
}

/// The element of a monthly array `age` months before its anchor.
pub fn at<T: Copy + Default>(cells: &[T], age: i64) -> T {
    usize::try_from(age).ok().and_then(|i| cells.get(i)).copied().unwrap_or_default()
}

/// An amount in 16 bits, correct to one part in 500: six bits of exponent, ten of mantissa. Never
/// zero, which is the empty cell; zero and credit balances are 1.
pub fn small_amount(minor: i64) -> u32 {
    let value = minor.clamp(0, AMOUNT_MINOR_MAX) as u64 + 1;
    let exponent = (64 - value.leading_zeros()).saturating_sub(10);
    (exponent << 10) | (value >> exponent) as u32
}

/// Reads [`small_amount`]; `None` for the empty cell.
pub fn from_small_amount(cell: u32) -> Option<i64> {
    (cell != 0).then(|| (i64::from(cell & 1023) << (cell >> 10).min(50)) - 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_small_amount_is_right_to_one_part_in_five_hundred(minor in 0..AMOUNT_MINOR_MAX) {
            let read = from_small_amount(small_amount(minor)).unwrap();
            prop_assert!(read <= minor && (minor - read) <= minor / 500 + 1);
        }

        #[test]
        fn a_ring_does_not_mind_the_order_of_months(
            months in prop::collection::vec((24_000..24_060_i32, 1..20_u32), 1..20),
        ) {
            let fill = |list: &[(i32, u32)]| {
                let (mut newest, mut cells) = (0, Nibbles::default());
                for (month, count) in list {
                    cells.shift(advance(&mut newest, *month));
                    cells.add(age(newest, *month), *count);
                }
                (newest, cells)
            };
            let mut sorted = months.clone();
            sorted.sort_unstable();
            prop_assert_eq!(fill(&months), fill(&sorted));
        }
    }

    proptest! {
        #[test]
        fn whole_windows_are_what_their_cells_are(
            cells in prop::collection::vec((-3_i64..40, 0..20_u32), 0..40),
            from in -40_i64..40,
            length in 0_i64..40,
        ) {
            let mut ring = Nibbles::default();
            cells.iter().for_each(|(age, count)| ring.add(*age, *count));
            let window = || (from..=from + length).map(|age| ring.get(age));
            let aged = ring.aged(from, from + length);
            prop_assert_eq!(aged.sum(), window().sum::<u32>());
            prop_assert_eq!(aged.filled() as usize, window().filter(|cell| *cell > 0).count());
            let other = ring.aged(3, 9);
            let both = aged.or(other);
            let either = |a| aged.get(a) > 0 || other.get(a) > 0;
            prop_assert!((0..32).all(|a| (both.get(a) > 0) == either(a)));
        }
    }

    #[test]
    fn cells_outside_the_ring_are_empty_and_ignored() {
        let mut cells = Cells::<16, 8>::default();
        cells.raise(7, 70_000);
        cells.raise(8, 5);
        cells.raise(-1, 5);
        assert_eq!((cells.get(7), cells.get(8), cells.get(-1)), (65_535, 0, 0));
        cells.shift(1);
        assert!(cells.is_empty());
    }
}
