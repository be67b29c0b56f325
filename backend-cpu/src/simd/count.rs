//! Numbers in which pairs are counted.

use epitile_core::pairs::MEAN_BITS;

/// A stored number: whole, modulo 2³², or in units of the statistic.
pub(crate) trait Count: Copy + Default {
    /// A count of alleles.
    fn of(count: u32) -> Self;

    /// A weighted sum, in the unit in which it is stored.
    fn of_sum(sum: i64) -> Self;

    /// `self` and a weighted sum.
    fn plus(self, sum: i64) -> Self;
}

impl Count for u32 {
    #[inline(always)]
    fn of(count: u32) -> u32 {
        count
    }

    #[inline(always)]
    fn of_sum(sum: i64) -> u32 {
        sum as u32
    }

    #[inline(always)]
    fn plus(self, sum: i64) -> u32 {
        self.wrapping_add(sum as u32)
    }
}

/// Counts are in units of 2⁻³².
impl Count for i64 {
    #[inline(always)]
    fn of(count: u32) -> i64 {
        i64::from(count) << MEAN_BITS
    }

    #[inline(always)]
    fn of_sum(sum: i64) -> i64 {
        sum
    }

    // Core bounds the sums by 2⁶².
    #[inline(always)]
    fn plus(self, sum: i64) -> i64 {
        self.wrapping_add(sum)
    }
}
