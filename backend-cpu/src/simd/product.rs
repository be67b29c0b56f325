//! Exact products of integer codes.

use crate::simd::multiversion;

multiversion! {
    /// `sums[i · width + j]` += Σ_m a\[m\]\[i\] · b\[m\]\[j\], the codes SNP by SNP, `width`
    /// individuals each (a multiple of [`COLS`]).
    fn accumulate(a: &[i32], b: &[i32], width: usize, sums: &mut [i64]) = body, body
}

/// Individuals of a register block.
const ROWS: usize = 4;
pub(crate) const COLS: usize = 16;

#[inline(always)]
fn body(a: &[i32], b: &[i32], width: usize, sums: &mut [i64]) {
    assert!(a.len() == b.len() && width.is_multiple_of(COLS) && sums.len() == width * width);
    for j in (0..width).step_by(COLS) {
        for i in (0..width).step_by(ROWS) {
            let mut block = [[0i64; COLS]; ROWS];
            for (a, b) in a.chunks_exact(width).zip(b.chunks_exact(width)) {
                let (a, b) = (&a[i..i + ROWS], &b[j..j + COLS]);
                for r in 0..ROWS {
                    let a = i64::from(a[r]);
                    for c in 0..COLS {
                        block[r][c] += a * i64::from(b[c]);
                    }
                }
            }
            for (r, block) in block.iter().enumerate() {
                let sums = &mut sums[(i + r) * width + j..][..COLS];
                for (s, v) in sums.iter_mut().zip(block) {
                    *s += v;
                }
            }
        }
    }
}
