//! Blocks of individuals.

use std::ops::Range;

use epitile_core::genotypes::Genotypes;
use epitile_core::pairs::PAIR_EDGE;

use crate::simd::spread::Words;

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

    /// `words` of the planes `some` and `two` of every individual.
    pub(crate) fn planes(&self, words: Range<usize>) -> impl ExactSizeIterator<Item = [&[u64]; 2]> {
        let planes = [Genotypes::some, Genotypes::two];
        self.range()
            .map(move |i| planes.map(|plane| &plane(self.genotypes, i)[words.clone()]))
    }

    /// Word `w` of the planes of every individual.
    pub(crate) fn words(&self, w: usize) -> Column {
        let mut column = Column([[0; PAIR_EDGE]; 3]);
        for (place, i) in self.range().enumerate() {
            column.0[0][place] = self.genotypes.some(i)[w];
            column.0[1][place] = self.genotypes.two(i)[w];
            column.0[2][place] = self.genotypes.missing(i).map_or(0, |plane| plane[w]);
        }
        column
    }
}

/// One word of the planes `some`, `two` and `missing` of the individuals of a slice.
pub(crate) struct Column([[u64; PAIR_EDGE]; 3]);

impl Column {
    /// The words by plane.
    pub(crate) fn as_ref(&self) -> Words<'_> {
        let [some, two, missing] = &self.0;
        Words { some, two, missing }
    }
}
