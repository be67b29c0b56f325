//! AVX2: a register holds a SNP's four numbers, and one instruction looks up eight.

use core::arch::x86_64::*;

use epitile_core::pairs::PAIR_EDGE;

use super::{LOW_BITS, MOST, Parts};
use crate::simd::line::{LINE, Line};

/// 32-bit lanes.
const LANES: usize = 8;
/// Calls in a lane of a line.
const CALLS: usize = 16;
/// Those looked at together.
const PLACES: usize = 4;

/// See [`add`](super::add).
#[target_feature(enable = "avx2")]
pub(super) fn add(lines: &[Line], tables: &[Parts], snps: &[u32], sums: &mut [i64; PAIR_EDGE]) {
    for snps in snps.chunks(MOST) {
        for (part, first) in (0..2).flat_map(|p| (0..CALLS).step_by(PLACES).map(move |f| (p, f))) {
            let mut low = [_mm256_setzero_si256(); PLACES];
            let mut high = [_mm256_setzero_si256(); PLACES];
            for &snp in snps {
                let table = &tables[snp as usize];
                let (low_table, high_table) = (broadcast(&table.low), broadcast(&table.high));
                let calls = half(&lines[snp as usize], part);
                let calls = _mm256_srl_epi32(calls, _mm_cvtsi32_si128(2 * first as i32));
                for place in 0..PLACES {
                    let codes = _mm256_srlv_epi32(calls, _mm256_set1_epi32(2 * place as i32));
                    let l = _mm256_castps_si256(_mm256_permutevar_ps(low_table, codes));
                    let h = _mm256_castps_si256(_mm256_permutevar_ps(high_table, codes));
                    low[place] = _mm256_add_epi32(low[place], l);
                    high[place] = _mm256_add_epi32(high[place], h);
                }
            }
            for (place, (low, high)) in low.into_iter().zip(high).enumerate() {
                let (low, high) = (numbers(low), numbers(high));
                for lane in 0..LANES {
                    // See `transpose` for where calls stand.
                    let call = lane % 2 * CALLS + first + place;
                    let (e, g, l) = (call % 2, call / 2, part * LANES / 2 + lane / 2);
                    sums[e * PAIR_EDGE / 2 + g * LINE + l] +=
                        (i64::from(high[lane]) << LOW_BITS) + i64::from(low[lane]);
                }
            }
        }
    }
}

#[inline]
#[target_feature(enable = "avx2")]
fn broadcast(numbers: &[i32; 4]) -> __m256 {
    // SAFETY: there are 16 bytes; no alignment is asked.
    let numbers = unsafe { _mm_loadu_si128(numbers.as_ptr().cast()) };
    _mm256_castsi256_ps(_mm256_broadcastsi128_si256(numbers))
}

#[inline]
#[target_feature(enable = "avx2")]
fn half(line: &Line, half: usize) -> __m256i {
    // SAFETY: half a line is 32 bytes, aligned to 32.
    unsafe { _mm256_load_si256(line.0[4 * half..][..4].as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx2")]
fn numbers(v: __m256i) -> [i32; LANES] {
    let mut numbers = [0; LANES];
    // SAFETY: there is room for 32 bytes; no alignment is asked.
    unsafe { _mm256_storeu_si256(numbers.as_mut_ptr().cast(), v) };
    numbers
}
