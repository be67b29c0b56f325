//! Sums of numbers that depend on the SNP and on another individual's call.

use epitile_core::pairs::PAIR_EDGE;

use crate::simd::level::{Level, level};
use crate::simd::line::{LINE, Line};

/// Numbers of a SNP by code (see [`by_code`](super::transpose::by_code)), in two parts so that
/// sums of a few thousand fit 32 bits each: high·2¹⁸ + low, 0 ≤ low < 2¹⁸.
#[derive(Clone, Copy, Default)]
#[repr(C, align(32))]
pub(crate) struct Parts {
    low: [i32; 4],
    high: [i32; 4],
}

/// Bits of the low part.
const LOW_BITS: u32 = 18;
/// Numbers of at most 2³⁶, in magnitude, of which the high parts sum to less than 2³¹.
#[cfg(target_arch = "x86_64")]
const MOST: usize = 1 << 12;

impl Parts {
    /// # Panics
    /// If a number exceeds 2³⁶ in magnitude.
    pub(crate) fn new(numbers: [i64; 4]) -> Self {
        assert!(
            numbers.iter().all(|v| v.unsigned_abs() <= 1 << 36),
            "numbers {numbers:?}"
        );
        Parts {
            low: numbers.map(|v| (v & ((1 << LOW_BITS) - 1)) as i32),
            high: numbers.map(|v| (v >> LOW_BITS) as i32),
        }
    }

    #[inline(always)]
    fn number(&self, code: usize) -> i64 {
        (i64::from(self.high[code]) << LOW_BITS) + i64::from(self.low[code])
    }
}

/// `sums[j]` += Σ over the `snps` of the number for the call of individual `j` of a block, whose
/// codes are `lines`. The SNPs that the next call looks at, `then`, are brought into the cache.
///
/// The caller knows that the sums fit.
pub(crate) fn add(
    lines: &[Line],
    tables: &[Parts],
    snps: &[u32],
    #[cfg_attr(not(target_arch = "x86_64"), allow(unused_variables))] then: &[u32],
    sums: &mut [i64; PAIR_EDGE],
) {
    match level() {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: `level` has found every feature that `avx512::add` enables.
        Level::Avx512 => unsafe { avx512::add(lines, tables, snps, then, sums) },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: `level` has found every feature that `avx2::add` enables.
        Level::Avx2 => unsafe { avx2::add(lines, tables, snps, sums) },
        Level::Portable => one_by_one(lines, tables, snps, sums),
    }
}

/// See [`add`].
fn one_by_one(lines: &[Line], tables: &[Parts], snps: &[u32], sums: &mut [i64; PAIR_EDGE]) {
    for (place, sums) in sums.chunks_exact_mut(LINE).enumerate() {
        let shift = 4 * (place % 16) + 2 * (place / 16);
        let mut lanes = [0i64; LINE];
        for &snp in snps {
            let line = &lines[snp as usize];
            let [none, one, gone, two] =
                core::array::from_fn(|code| tables[snp as usize].number(code));
            // What the code's low bit, its high bit, and both together change.
            let (low, high) = (one.wrapping_sub(none), gone.wrapping_sub(none));
            let both = two.wrapping_sub(one).wrapping_sub(high);
            for (lane, word) in lanes.iter_mut().zip(line.0) {
                let code = word >> shift;
                let first = ((code & 1) as i64).wrapping_neg();
                let second = ((code >> 1 & 1) as i64).wrapping_neg();
                let more = (first & low).wrapping_add(second & high);
                let more = more.wrapping_add(first & second & both);
                *lane = lane.wrapping_add(none.wrapping_add(more));
            }
        }
        for (sum, lane) in sums.iter_mut().zip(lanes) {
            *sum = sum.wrapping_add(lane);
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
pub(in crate::simd) mod avx512;
