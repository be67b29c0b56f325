//! Blocks of individuals.

use std::ops::Range;

use epitile_core::genotypes::Genotypes;
use epitile_core::pairs::PAIR_EDGE;

use crate::simd::transpose::Column;

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

    /// Word `w` of the calls of every individual; past the last, missing calls.
    pub(crate) fn column(&self, w: usize) -> Column {
        let mut column = Column {
            low: [0; PAIR_EDGE],
            high: [u64::MAX; PAIR_EDGE],
        };
        for (place, i) in self.range().enumerate() {
            let missing = self.genotypes.missing(i).map_or(0, |plane| plane[w]);
            column.low[place] = self.genotypes.some(i)[w];
            column.high[place] = self.genotypes.two(i)[w] | missing;
        }
        column
    }
}
