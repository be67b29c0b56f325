//! Sums of numbers that depend on the SNP and on another individual's call.

use epitile_core::pairs::PAIR_EDGE;

use crate::simd::level::{Level, level, multiversion};
use crate::simd::line::{LINE, Line};

/// Numbers of a SNP by code (see [`by_code`](super::transpose::by_code)).
#[derive(Clone, Copy, Default)]
#[repr(align(32))]
pub(crate) struct Table(pub(crate) [i64; 4]);

/// `sums[j]` += Σ over the `snps` of the number for the call of individual `j` of a block, whose
/// codes are `lines`.
///
/// The caller knows that the sums fit.
pub(crate) fn add(lines: &[Line], tables: &[Table], snps: &[u32], sums: &mut [i64; PAIR_EDGE]) {
    match level() {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: `level` has found every feature that `avx512::add` enables.
        Level::Avx512 => unsafe { avx512::add(lines, tables, snps, sums) },
        _ => one_by_one(lines, tables, snps, sums),
    }
}

multiversion! {
    /// See [`add`].
    fn one_by_one(lines: &[Line], tables: &[Table], snps: &[u32], sums: &mut [i64; PAIR_EDGE])
        = body, body
}

#[inline(always)]
fn body(lines: &[Line], tables: &[Table], snps: &[u32], sums: &mut [i64; PAIR_EDGE]) {
    for (place, sums) in sums.chunks_exact_mut(LINE).enumerate() {
        let shift = 4 * (place % 16) + 2 * (place / 16);
        let mut lanes = [0i64; LINE];
        for &snp in snps {
            let (line, [none, one, gone, two]) = (&lines[snp as usize], tables[snp as usize].0);
            // What the code's low bit, its high bit, and both together change.
            let (low, high) = (one.wrapping_sub(none), gone.wrapping_sub(none));
            let both = two.wrapping_sub(one).wrapping_sub(high);
            for l in 0..LINE {
                let code = line.0[l] >> shift;
                let first = ((code & 1) as i64).wrapping_neg();
                let second = ((code >> 1 & 1) as i64).wrapping_neg();
                let more = (first & low).wrapping_add(second & high);
                let more = more.wrapping_add(first & second & both);
                lanes[l] = lanes[l].wrapping_add(none.wrapping_add(more));
            }
        }
        for (sum, lane) in sums.iter_mut().zip(lanes) {
            *sum = sum.wrapping_add(lane);
        }
    }
}

#[cfg(target_arch = "x86_64")]
pub(in crate::simd) mod avx512;
