//! AVX2: four products of 32 bits in one instruction.

use core::arch::x86_64::*;

use epitile_core::pairs::PAIR_EDGE;

/// Rows of a register block, and the groups of four columns.
const ROWS: usize = 4;
const GROUPS: usize = 2;
const LANES: usize = 4;

/// See [`multiply`](super::multiply).
#[target_feature(enable = "avx2")]
pub(super) fn multiply((a, rows): (&[i32], usize), b: &[i32], lower: bool, sums: &mut [i64]) {
    for column in (0..PAIR_EDGE).step_by(GROUPS * LANES) {
        let first = if lower { column / ROWS * ROWS } else { 0 };
        for row in (first..rows).step_by(ROWS) {
            let mut lanes = [[_mm256_setzero_si256(); GROUPS]; ROWS];
            let (a, b) = (a.chunks_exact(PAIR_EDGE), b.chunks_exact(PAIR_EDGE));
            for (a, b) in a.zip(b) {
                let (a, b) = (&a[row..][..ROWS], &b[column..][..GROUPS * LANES]);
                // SAFETY: each load of four numbers is within the columns; no alignment is asked.
                let b: [_; GROUPS] = core::array::from_fn(|g| unsafe {
                    _mm256_cvtepi32_epi64(_mm_loadu_si128(b[g * LANES..].as_ptr().cast()))
                });
                for (lanes, &a) in lanes.iter_mut().zip(a) {
                    let a = _mm256_set1_epi32(a);
                    for (lanes, b) in lanes.iter_mut().zip(b) {
                        *lanes = _mm256_add_epi64(*lanes, _mm256_mul_epi32(a, b));
                    }
                }
            }
            for (r, lanes) in lanes.iter().enumerate() {
                let sums = sums[(row + r) * PAIR_EDGE + column..].chunks_exact_mut(LANES);
                for (sums, lanes) in sums.zip(lanes) {
                    let sums = sums.as_mut_ptr().cast();
                    // SAFETY: a chunk has the four numbers loaded and stored; no alignment is
                    // asked.
                    unsafe {
                        let sum = _mm256_add_epi64(_mm256_loadu_si256(sums), *lanes);
                        _mm256_storeu_si256(sums, sum);
                    }
                }
            }
        }
    }
}
