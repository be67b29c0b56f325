//! Exact products of integer codes.

use crate::simd::level::multiversion;

/// Codes of some individuals, SNP by SNP: code of SNP m and individual i is `m · width + i`.
#[derive(Clone, Copy)]
pub(crate) struct Codes<'a> {
    /// Individuals, a multiple of [`COLS`].
    pub(crate) width: usize,
    pub(crate) values: &'a [i32],
}

multiversion! {
    /// `sums[i · width + j]` += Σ_m a·b of the individuals `i` of `a` and `j` of `b`; with
    /// `lower`, perhaps not those with j > i.
    ///
    /// The caller knows that the sums fit.
    fn accumulate(a: Codes<'_>, b: Codes<'_>, lower: bool, width: usize, sums: &mut [i64])
        = body, body
}

/// Individuals of a register block.
const ROWS: usize = 4;
pub(crate) const COLS: usize = 16;

#[inline(always)]
fn body(a: Codes<'_>, b: Codes<'_>, lower: bool, width: usize, sums: &mut [i64]) {
    assert!(a.width.is_multiple_of(COLS) && b.width.is_multiple_of(COLS));
    for j in (0..b.width).step_by(COLS) {
        let first = if lower { j } else { 0 };
        for i in (first..a.width).step_by(ROWS) {
            let mut block = [[0i64; COLS]; ROWS];
            let snps = a.values.chunks_exact(a.width);
            for (a, b) in snps.zip(b.values.chunks_exact(b.width)) {
                let (a, b) = (&a[i..i + ROWS], &b[j..j + COLS]);
                for r in 0..ROWS {
                    let a = i64::from(a[r]);
                    for c in 0..COLS {
                        // Exact: PairStatistic::standardised bounds the sums below 2⁶².
                        block[r][c] = block[r][c].wrapping_add(a.wrapping_mul(b[c].into()));
                    }
                }
            }
            for (r, block) in block.iter().enumerate() {
                let sums = &mut sums[(i + r) * width + j..][..COLS];
                for (s, v) in sums.iter_mut().zip(block) {
                    *s = s.wrapping_add(*v);
                }
            }
        }
    }
}
