//! AVX-512 with VPOPCNTDQ: six instructions for 512 SNPs of a pair.

use core::arch::x86_64::*;

use super::{COLS, Distance, GROUP, Packed, Sums, add, sweep, without_het};
use crate::simd::line::Line;

/// See [`count`](super::count).
#[target_feature(enable = "avx512f,avx512vl,avx512vpopcntdq")]
pub(super) fn count(a: &Packed, b: &Packed, distance: Distance, lower: bool, sums: &mut [u32]) {
    let shift = distance.shift();
    sweep(
        (a, b),
        lower,
        |(a, ha), (b, hb), half| without_het(block(a, b, half, shift), ha, hb, half),
        |at, new| add(sums, at, new),
    );
}

/// |A| + |B|·2ˢ of four rows and two columns.
#[inline]
#[target_feature(enable = "avx512f,avx512vl,avx512vpopcntdq")]
fn block(a: &[Line], b: &[Line], half: usize, shift: u32) -> Sums {
    let zero = _mm512_setzero_si512();
    let mut any = [[zero; COLS]; GROUP];
    let mut opposite = [[zero; COLS]; GROUP];
    let steps = a.chunks_exact(2 * GROUP).zip(b.chunks_exact(2 * GROUP));
    for (a, b) in steps {
        let b = &b[half * 2 * COLS..][..2 * COLS];
        for c in 0..COLS {
            let (het, two) = (load(&b[2 * c]), load(&b[2 * c + 1]));
            for r in 0..GROUP {
                let either = _mm512_or_si512(load(&a[2 * r]), het);
                // (t ⊕ t′) ∧ ¬A, by the bits of (t, t′, A) = 010 and 100.
                let differ =
                    _mm512_ternarylogic_epi64::<0b0001_0100>(load(&a[2 * r + 1]), two, either);
                any[r][c] = _mm512_add_epi64(any[r][c], _mm512_popcnt_epi64(either));
                opposite[r][c] = _mm512_add_epi64(opposite[r][c], _mm512_popcnt_epi64(differ));
            }
        }
    }
    let shift = _mm_cvtsi32_si128(shift as i32);
    let sum = |k: usize| {
        let (any, opposite) = (any[k / COLS][k % COLS], opposite[k / COLS][k % COLS]);
        _mm512_add_epi64(any, _mm512_sll_epi64(opposite, shift))
    };
    totals(core::array::from_fn(sum))
}

#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn load(line: &Line) -> __m512i {
    // SAFETY: a line is 64 bytes, aligned to 64.
    unsafe { _mm512_load_si512(line.0.as_ptr().cast()) }
}

/// The sum of each register's eight numbers, modulo 2³².
#[inline]
#[target_feature(enable = "avx512f,avx512vl")]
fn totals(v: [__m512i; 8]) -> Sums {
    // Each step halves the numbers of every sum: neighbours, then registers' lanes of 128 bits.
    let neighbours =
        |a, b| _mm512_add_epi64(_mm512_unpacklo_epi64(a, b), _mm512_unpackhi_epi64(a, b));
    let lanes = |a, b| {
        let even = _mm512_shuffle_i64x2::<0b10_00_10_00>(a, b);
        _mm512_add_epi64(even, _mm512_shuffle_i64x2::<0b11_01_11_01>(a, b))
    };
    let low = lanes(neighbours(v[0], v[1]), neighbours(v[2], v[3]));
    let high = lanes(neighbours(v[4], v[5]), neighbours(v[6], v[7]));
    let mut sums = [0; 8];
    // SAFETY: `sums` has room for the 32 bytes stored; no alignment is asked.
    unsafe {
        _mm256_storeu_si256(
            sums.as_mut_ptr().cast(),
            _mm512_cvtepi64_epi32(lanes(low, high)),
        );
    }
    sums
}
