//! Exact products of integer codes.

use epitile_core::pairs::PAIR_EDGE;

use crate::simd::level::{Level, level, multiversion};
use crate::simd::transpose::{Column, SNPS};

/// Numbers of a SNP by code (see [`by_code`](super::transpose::by_code)).
#[derive(Clone, Copy, Default)]
#[repr(align(32))]
pub(crate) struct Table(pub(crate) [i64; 4]);

/// Space that [`Products::add`] needs.
#[derive(Default)]
pub(crate) struct Products {
    #[cfg(target_arch = "x86_64")]
    lookups: avx512::Lookups,
    a: Vec<i32>,
    b: Vec<i32>,
}

impl Products {
    /// `sums[i · PAIR_EDGE + j]` += Σ_m of the product of the numbers, which fit 32 bits, that
    /// `tables` has for the calls of the individuals `i` of `a` and `j` of `b`; with `lower`,
    /// perhaps not those with j > i. Only the first `rows` individuals of `a` count.
    ///
    /// The caller knows that the sums fit.
    pub(crate) fn add(
        &mut self,
        tables: &[Table; SNPS],
        (a, rows): (&Column, usize),
        b: &Column,
        lower: bool,
        sums: &mut [i64],
    ) {
        match level() {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: `level` has found every feature that `Lookups::add` enables.
            Level::Avx512 => unsafe { self.lookups.add(tables, (a, rows), b, lower, sums) },
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 => {
                self.decode(tables, a, b);
                // SAFETY: `level` has found every feature that `avx2::multiply` enables.
                unsafe { avx2::multiply((&self.a, rows), &self.b, lower, sums) }
            }
            Level::Portable => {
                self.decode(tables, a, b);
                multiply((&self.a, rows), &self.b, lower, sums);
            }
        }
    }

    fn decode(&mut self, tables: &[Table; SNPS], a: &Column, b: &Column) {
        decode(tables, a, &mut self.a);
        decode(tables, b, &mut self.b);
    }
}

multiversion! {
    /// `values[m · PAIR_EDGE + i]` ← the number of individual `i` at SNP `m`.
    fn decode(tables: &[Table; SNPS], column: &Column, values: &mut Vec<i32>)
        = decode_body, decode_body
}

#[inline(always)]
fn decode_body(tables: &[Table; SNPS], column: &Column, values: &mut Vec<i32>) {
    values.resize(SNPS * PAIR_EDGE, 0);
    for (m, (values, table)) in values.chunks_exact_mut(PAIR_EDGE).zip(tables).enumerate() {
        let [none, one, gone, two] = table.0.map(|v| v as i32);
        let (low, high) = (one ^ none, gone ^ none);
        let both = two ^ one ^ high;
        let words = column.low.iter().zip(&column.high);
        for (value, (&first, &second)) in values.iter_mut().zip(words) {
            let mask = |word: u64| ((word >> m & 1) as i32).wrapping_neg();
            let (first, second) = (mask(first), mask(second));
            *value = none ^ first & low ^ second & high ^ first & second & both;
        }
    }
}

/// Individuals of a register block.
const ROWS: usize = 4;
const COLS: usize = 8;

/// See [`Products::add`].
fn multiply((a, rows): (&[i32], usize), b: &[i32], lower: bool, sums: &mut [i64]) {
    for j in (0..PAIR_EDGE).step_by(COLS) {
        let first = if lower { j } else { 0 };
        for i in (first..rows).step_by(ROWS) {
            let mut block = [[0i64; COLS]; ROWS];
            let snps = a.chunks_exact(PAIR_EDGE);
            for (a, b) in snps.zip(b.chunks_exact(PAIR_EDGE)) {
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
                let sums = &mut sums[(i + r) * PAIR_EDGE + j..][..COLS];
                for (s, v) in sums.iter_mut().zip(block) {
                    *s = s.wrapping_add(*v);
                }
            }
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
