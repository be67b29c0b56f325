//! Blocks of individuals.

use std::ops::Range;

use epitile_core::genotypes::Genotypes;
use epitile_core::pairs::PAIR_EDGE;

use crate::simd::dosages::Calls;
use crate::simd::transpose::{Column, SNPS};

/// The words of a row that have SNPs: those of nothing but padding are left out.
pub(crate) fn words(genotypes: &Genotypes) -> Vec<u32> {
    let segments = genotypes.segments().iter();
    segments
        .flat_map(|s| (s.words.start..).take(s.snps.len().div_ceil(SNPS)))
        .map(|word| word as u32)
        .collect()
}

/// At most [`PAIR_EDGE`] individuals of a set.
#[derive(Clone, Copy)]
pub(crate) struct Slice<'a> {
    pub(crate) genotypes: &'a Genotypes,
    pub(crate) first: usize,
    pub(crate) count: usize,
}

impl<'a> Slice<'a> {
    /// Individuals of block `b`.
    pub(crate) fn block(genotypes: &'a Genotypes, b: usize) -> Self {
        let first = b * PAIR_EDGE;
        Slice {
            genotypes,
            first,
            count: PAIR_EDGE.min(genotypes.samples() - first),
        }
    }

    /// Indices of the individuals.
    pub(crate) fn range(&self) -> Range<usize> {
        self.first..self.first + self.count
    }

    /// The planes `some` and `two` of every individual.
    pub(crate) fn planes(&self) -> impl ExactSizeIterator<Item = [&[u64]; 2]> {
        let planes = [Genotypes::some, Genotypes::two];
        self.range()
            .map(move |i| planes.map(|plane| plane(self.genotypes, i)))
    }

    /// Number of the block.
    pub(crate) fn index(&self) -> usize {
        self.first / PAIR_EDGE
    }

    /// The calls at the SNPs of some words, as bytes are made of. `each` is told the individual's place
    /// and its words of the planes.
    pub(crate) fn calls(&self, words: &[u32], mut each: impl FnMut(usize, u64, u64)) -> Calls {
        let mut calls = Calls::zeros(self.count, words.len());
        for (i, [some, two]) in self.planes().enumerate() {
            for (step, &word) in words.iter().enumerate() {
                let (some, two) = (some[word as usize], two[word as usize]);
                calls.set(i, step, some ^ two, two);
                each(i, some, two);
            }
        }
        calls
    }

    /// Word `w` of the calls of every individual; past the last, missing calls.
    pub(crate) fn column(&self, w: usize) -> Column {
        let mut column = [Column::MISSING];
        self.columns(w, &mut column);
        let [column] = column;
        column
    }

    /// The words from `w` on, as long as there are any. Past the last individual columns stay as they
    /// are.
    pub(crate) fn columns(&self, w: usize, columns: &mut [Column]) {
        let words = w..self.genotypes.words().min(w + columns.len());
        for (place, i) in self.range().enumerate() {
            let some = &self.genotypes.some(i)[words.clone()];
            let two = &self.genotypes.two(i)[words.clone()];
            let missing = self.genotypes.missing(i);
            let missing = missing.map_or(&[][..], |plane| &plane[words.clone()]);
            for (k, (column, (some, two))) in
                columns.iter_mut().zip(some.iter().zip(two)).enumerate()
            {
                column.low[place] = *some;
                column.high[place] = two | missing.get(k).copied().unwrap_or(0);
            }
        }
    }
}
