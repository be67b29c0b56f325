//! AVX-512 with BITALG and VNNI: six instructions for 512 SNPs of a pair, as without weights.

use core::arch::x86_64::*;

use super::less;
use crate::simd::count::Count;
use crate::simd::line::Line;
use crate::simd::popcount::avx512::load;
use crate::simd::popcount::{COLS, GROUP, Packed, Sums, sweep};

/// See [`subtract`](super::subtract).
#[target_feature(enable = "avx512f,avx512vl,avx512bitalg,avx512vnni")]
pub(super) fn subtract<T: Count>(
    packed: (&Packed, &Packed),
    weights: &[Line],
    shift: u32,
    lower: bool,
    sums: &mut [T],
) {
    sweep(
        packed,
        lower,
        |(a, _), (b, _), half| block(a, b, weights, half),
        |at, new| less(sums, shift, at, new),
    );
}

/// |A| + 2|B| of four rows and two columns.
#[inline]
#[target_feature(enable = "avx512f,avx512vl,avx512bitalg,avx512vnni")]
fn block(a: &[Line], b: &[Line], weights: &[Line], half: usize) -> Sums {
    let zero = _mm512_setzero_si512();
    let mut any = [[zero; COLS]; GROUP];
    let mut opposite = [[zero; COLS]; GROUP];
    let steps = a.chunks_exact(2 * GROUP).zip(b.chunks_exact(2 * GROUP));
    for ((a, b), weights) in steps.zip(weights) {
        let (b, weights) = (&b[half * 2 * COLS..][..2 * COLS], load(weights));
        for c in 0..COLS {
            let (het, two) = (load(&b[2 * c]), load(&b[2 * c + 1]));
            for r in 0..GROUP {
                let either = _mm512_or_si512(load(&a[2 * r]), het);
                // (t ⊕ t′) ∧ ¬A, by the bits of (t, t′, A) = 010 and 100.
                let differ =
                    _mm512_ternarylogic_epi64::<0b0001_0100>(load(&a[2 * r + 1]), two, either);
                let (either, differ) = (_mm512_popcnt_epi16(either), _mm512_popcnt_epi16(differ));
                any[r][c] = _mm512_dpwssd_epi32(any[r][c], either, weights);
                opposite[r][c] = _mm512_dpwssd_epi32(opposite[r][c], differ, weights);
            }
        }
    }
    let sum = |k: usize| {
        let (any, opposite) = (any[k / COLS][k % COLS], opposite[k / COLS][k % COLS]);
        _mm512_add_epi32(any, _mm512_add_epi32(opposite, opposite))
    };
    totals(core::array::from_fn(sum))
}

/// The sum of each register's sixteen numbers, modulo 2³².
#[inline]
#[target_feature(enable = "avx512f,avx512vl")]
fn totals(v: [__m512i; 8]) -> Sums {
    // Each step halves the numbers of every sum: twice within lanes of 128 bits, twice lanes.
    let pairs = |a, b| _mm512_add_epi32(_mm512_unpacklo_epi32(a, b), _mm512_unpackhi_epi32(a, b));
    let fours = |a, b| _mm512_add_epi32(_mm512_unpacklo_epi64(a, b), _mm512_unpackhi_epi64(a, b));
    let lanes = |a, b| {
        let even = _mm512_shuffle_i64x2::<0b10_00_10_00>(a, b);
        _mm512_add_epi32(even, _mm512_shuffle_i64x2::<0b11_01_11_01>(a, b))
    };
    let low = fours(pairs(v[0], v[1]), pairs(v[2], v[3]));
    let high = fours(pairs(v[4], v[5]), pairs(v[6], v[7]));
    let both = lanes(low, high);
    let mut sums = [0; 8];
    // SAFETY: `sums` has room for the 32 bytes stored; no alignment is asked.
    unsafe {
        let all = _mm512_castsi512_si256(lanes(both, both));
        _mm256_storeu_si256(sums.as_mut_ptr().cast(), all);
    }
    sums
}
