//! Calls of all individuals SNP by SNP.

use epitile_core::genotypes::Genotypes;
use epitile_core::pairs::PAIR_EDGE;
use rayon::prelude::*;

use crate::simd::line::Line;
use crate::simd::transpose::{SNPS, by_code, transpose};
use crate::slice::Slice;

/// Two bits per call, as much memory as the planes `some` and `two`. SNPs are numbered by their
/// bit in a row, padding included.
#[derive(Default)]
pub(crate) struct Codes(Vec<Vec<Line>>);

impl Codes {
    /// The calls of `genotypes`, transposed on the current rayon pool.
    pub(crate) fn new(genotypes: &Genotypes) -> Self {
        let blocks = genotypes.samples().div_ceil(PAIR_EDGE);
        let block = |b| {
            let slice = Slice::block(genotypes, b);
            let mut lines = vec![Line::default(); genotypes.words() * SNPS];
            for (w, lines) in lines.as_chunks_mut().0.iter_mut().enumerate() {
                transpose(&slice.column(w), lines);
            }
            lines
        };
        Codes((0..blocks).into_par_iter().map(block).collect())
    }

    /// Lines of the individuals of block `b`, by SNP.
    pub(crate) fn block(&self, b: usize) -> &[Line] {
        &self.0[b]
    }
}

/// What `of` makes of numbers by SNP and call (dosage 0, 1, 2, missing), by the SNP's bit in a row
/// and the code; zeros in the padding.
pub(crate) fn by_bit<R>(
    genotypes: &Genotypes,
    numbers: &[[i64; 4]],
    of: impl Fn([i64; 4]) -> R,
) -> Vec<R> {
    let mut codes = vec![[0; 4]; genotypes.words() * SNPS];
    for segment in genotypes.segments() {
        let codes = &mut codes[segment.words.start * SNPS..];
        for (code, number) in codes.iter_mut().zip(&numbers[segment.snps.clone()]) {
            *code = by_code(*number);
        }
    }
    codes.into_iter().map(of).collect()
}
