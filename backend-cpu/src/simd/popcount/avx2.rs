//! AVX2: the distance of two SNPs of a pair is looked up by their four differing bits.

use core::arch::x86_64::*;

use super::{COLS, Distance, GROUP, Packed, Sums, add, sweep};
use crate::simd::line::Line;

/// Lines (of 64 bytes) whose distances fit a byte: each adds at most 2 · 2 · 2 · 4 to one.
const STEPS: usize = 3;

/// See [`count`](super::count).
#[target_feature(enable = "avx2")]
pub(super) fn count(a: &Packed, b: &Packed, distance: Distance, lower: bool, sums: &mut [u32]) {
    let far = 2 << distance.shift();
    // Bits 0 and 1: x ≥ 1 differs; bits 2 and 3: x = 2 differs.
    let of = |p: usize, q: usize| match (p & 1, q & 1) {
        (0, 0) => 0u8,
        (1, 1) => far,
        _ => 1,
    };
    let table: [u8; 16] = core::array::from_fn(|n| of(n, n >> 2) + of(n >> 1, n >> 3));
    sweep(
        (a, b),
        lower,
        |(a, _), (b, _), half| block(a, b, half, &table),
        |at, new| add(sums, at, new),
    );
}

/// Distances of four rows and two columns.
#[inline]
#[target_feature(enable = "avx2")]
fn block(a: &[Line], b: &[Line], half: usize, table: &[u8; 16]) -> Sums {
    // SAFETY: `table` has the 16 bytes loaded; no alignment is asked.
    let table = _mm256_broadcastsi128_si256(unsafe { _mm_loadu_si128(table.as_ptr().cast()) });
    let (zero, low) = (_mm256_setzero_si256(), _mm256_set1_epi8(15));
    let mut sums = [[zero; COLS]; GROUP];
    const GROUP_LINES: usize = 2 * GROUP;
    for (a, b) in a
        .chunks(STEPS * GROUP_LINES)
        .zip(b.chunks(STEPS * GROUP_LINES))
    {
        let mut bytes = [[zero; COLS]; GROUP];
        let steps = a.chunks_exact(GROUP_LINES).zip(b.chunks_exact(GROUP_LINES));
        for (a, b) in steps {
            let b = &b[half * 2 * COLS..][..2 * COLS];
            for part in 0..4 {
                let (line, place) = (part / 2, part % 2);
                let b: [_; COLS] = core::array::from_fn(|c| load(&b[2 * c + line], place));
                for r in 0..GROUP {
                    let a = load(&a[2 * r + line], place);
                    for c in 0..COLS {
                        let differ = _mm256_xor_si256(a, b[c]);
                        let first = _mm256_and_si256(differ, low);
                        let second = _mm256_and_si256(_mm256_srli_epi16::<4>(differ), low);
                        let first = _mm256_shuffle_epi8(table, first);
                        let second = _mm256_shuffle_epi8(table, second);
                        let both = _mm256_add_epi8(first, second);
                        bytes[r][c] = _mm256_add_epi8(bytes[r][c], both);
                    }
                }
            }
        }
        for (sums, bytes) in sums.iter_mut().zip(&bytes) {
            for (sum, bytes) in sums.iter_mut().zip(bytes) {
                *sum = _mm256_add_epi64(*sum, _mm256_sad_epu8(*bytes, zero));
            }
        }
    }
    core::array::from_fn(|k| total(sums[k / COLS][k % COLS]))
}

#[inline]
#[target_feature(enable = "avx2")]
fn load(line: &Line, half: usize) -> __m256i {
    // SAFETY: half a line is 32 bytes, aligned to 32.
    unsafe { _mm256_load_si256(line.0[4 * half..][..4].as_ptr().cast()) }
}

/// The sum of four numbers, modulo 2³².
#[inline]
#[target_feature(enable = "avx2")]
fn total(v: __m256i) -> u32 {
    let two = _mm_add_epi64(_mm256_castsi256_si128(v), _mm256_extracti128_si256::<1>(v));
    _mm_cvtsi128_si32(_mm_add_epi64(two, _mm_unpackhi_epi64(two, two))) as u32
}
