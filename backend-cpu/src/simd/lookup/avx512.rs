//! AVX-512: a register holds the sixteen sums of two SNPs, and one instruction looks up sixteen.

use core::arch::x86_64::*;

use epitile_core::pairs::PAIR_EDGE;

use super::{LOW_BITS, MOST, Parts};
use crate::simd::line::{LINE, Line};

/// Places of a 32-bit lane at which the codes of two SNPs stand.
const PLACES: usize = 8;

/// See [`add`](super::add).
#[target_feature(enable = "avx512f")]
pub(super) fn add(
    lines: &[Line],
    tables: &[Parts],
    snps: &[u32],
    then: &[u32],
    sums: &mut [i64; PAIR_EDGE],
) {
    let mut then = then.iter();
    for snps in snps.chunks(MOST) {
        for (half, sums) in sums.chunks_exact_mut(PAIR_EDGE / 2).enumerate() {
            let mut low = [_mm512_setzero_si512(); PLACES];
            let mut high = [_mm512_setzero_si512(); PLACES];
            let mut add = |[first, second]: [u32; 2], tables: [&Parts; 2]| {
                let codes = joined(&lines[first as usize], &lines[second as usize], half);
                let low_table = table(tables.map(|t| &t.low));
                let high_table = table(tables.map(|t| &t.high));
                for place in 0..PLACES {
                    let codes = _mm512_srlv_epi32(codes, _mm512_set1_epi32(4 * place as i32));
                    let (l, h) = (
                        _mm512_permutexvar_epi32(codes, low_table),
                        _mm512_permutexvar_epi32(codes, high_table),
                    );
                    low[place] = _mm512_add_epi32(low[place], l);
                    high[place] = _mm512_add_epi32(high[place], h);
                }
            };
            let (pairs, last) = snps.as_chunks();
            for &pair in pairs {
                // The second half finds its SNPs in the cache.
                if half == 0 {
                    for &snp in then.by_ref().take(2) {
                        prefetch(&lines[snp as usize]);
                        prefetch(&tables[snp as usize]);
                    }
                }
                add(pair, pair.map(|snp| &tables[snp as usize]));
            }
            for &snp in last {
                add([snp; 2], [&tables[snp as usize], &Parts::default()]);
            }
            // Individuals of the lower halves of the words first.
            let (first, second) = sums.split_at_mut(PLACES * LINE);
            let (first, second) = (first.chunks_exact_mut(LINE), second.chunks_exact_mut(LINE));
            for ((first, second), (low, high)) in first.zip(second).zip(low.into_iter().zip(high)) {
                const SHIFT: u32 = 32 - LOW_BITS;
                let word = _mm512_set1_epi64(i64::from(u32::MAX));
                let shifted = _mm512_srai_epi64::<SHIFT>(_mm512_slli_epi64::<32>(high));
                more(
                    first,
                    _mm512_add_epi64(_mm512_and_si512(low, word), shifted),
                );
                let shifted = _mm512_slli_epi64::<LOW_BITS>(_mm512_srai_epi64::<32>(high));
                more(
                    second,
                    _mm512_add_epi64(_mm512_srli_epi64::<32>(low), shifted),
                );
            }
        }
    }
}

/// Sums of the numbers of two SNPs, by the codes of both.
#[inline]
#[target_feature(enable = "avx512f")]
fn table([first, second]: [&[i32; 4]; 2]) -> __m512i {
    // SAFETY: each load is of four numbers of 32 bits; no alignment is asked.
    let [first, second] = unsafe {
        [first, second].map(|t| _mm512_broadcast_i32x4(_mm_loadu_si128(t.as_ptr().cast())))
    };
    let each = _mm512_set_epi32(3, 3, 3, 3, 2, 2, 2, 2, 1, 1, 1, 1, 0, 0, 0, 0);
    _mm512_add_epi32(first, _mm512_permutexvar_epi32(each, second))
}

/// Adds eight numbers.
#[inline]
#[target_feature(enable = "avx512f")]
pub(in crate::simd) fn more(sums: &mut [i64], lanes: __m512i) {
    assert_eq!(sums.len(), LINE);
    // SAFETY: there are eight numbers; no alignment is asked.
    unsafe {
        let sum = _mm512_add_epi64(_mm512_loadu_epi64(sums.as_ptr()), lanes);
        _mm512_storeu_epi64(sums.as_mut_ptr(), sum);
    }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn prefetch<T>(v: &T) {
    _mm_prefetch::<_MM_HINT_T0>(core::ptr::from_ref(v).cast());
}

/// Codes of two SNPs in four bits, for every place of one half of the individuals.
#[inline]
#[target_feature(enable = "avx512f")]
pub(in crate::simd) fn joined(first: &Line, second: &Line, half: usize) -> __m512i {
    let low = _mm512_set1_epi8(0x33);
    let (first, second) = (load(first), load(second));
    let (first, second) = match half {
        0 => (first, _mm512_slli_epi64::<2>(second)),
        _ => (_mm512_srli_epi64::<2>(first), second),
    };
    // By the bits of (mask, first, second): the first where the mask is set, else the second.
    _mm512_ternarylogic_epi64::<0b1100_1010>(low, first, second)
}

#[inline]
#[target_feature(enable = "avx512f")]
pub(in crate::simd) fn load(line: &Line) -> __m512i {
    // SAFETY: a line is 64 bytes, aligned to 64.
    unsafe { _mm512_load_si512(line.0.as_ptr().cast()) }
}
