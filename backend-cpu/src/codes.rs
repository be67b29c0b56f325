//! Calls of all individuals SNP by SNP.

use epitile_core::genotypes::Genotypes;
use epitile_core::pairs::PAIR_EDGE;
use rayon::prelude::*;

use crate::room::Large;
use crate::simd::line::{LINE, Line};
use crate::simd::transpose::{Column, SNPS, by_code, transpose};
use crate::slice::Slice;

/// Two bits per call, as much memory as the planes `some` and `two`. SNPs are numbered by their
/// bit in a row, padding included.
#[derive(Default)]
pub(crate) struct Codes {
    lines: Large<Line>,
    /// Lines of a block.
    stride: usize,
}

impl Codes {
    /// The calls of `genotypes`, transposed on the current rayon pool.
    pub(crate) fn new(genotypes: &Genotypes) -> Self {
        let stride = genotypes.words() * SNPS;
        let blocks = genotypes.samples().div_ceil(PAIR_EDGE);
        let mut lines = Large::zeros(blocks * stride);
        let block = |(b, lines): (usize, &mut [Line])| {
            let slice = Slice::block(genotypes, b);
            let mut columns = [const { Column::MISSING }; LINE];
            let words = lines.as_chunks_mut::<SNPS>().0.chunks_mut(LINE);
            for (w, lines) in words.enumerate() {
                slice.columns(w * LINE, &mut columns);
                for (column, lines) in columns.iter().zip(lines) {
                    transpose(column, lines);
                }
            }
        };
        lines
            .par_chunks_exact_mut(stride.max(1))
            .enumerate()
            .for_each(block);
        Codes { lines, stride }
    }

    /// Lines of the individuals of block `b`, by SNP.
    pub(crate) fn block(&self, b: usize) -> &[Line] {
        &self.lines[b * self.stride..][..self.stride]
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
