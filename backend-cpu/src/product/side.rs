//! One set of individuals of weighted sums.

use std::sync::Arc;

use epitile_core::genotypes::Genotypes;
use epitile_core::pairs::{NO_SNP, PAIR_EDGE, PairStatistic, Term};
use rayon::prelude::*;

use super::rounds::{Order, Round};
use crate::simd::alone;
use crate::simd::dosages::{self, Calls};
use crate::simd::line::{LINE, Line};
use crate::simd::popcount::Packed;
use crate::simd::transpose::{Column, SNPS, restore, transpose};
use crate::slice::Slice;

/// One set of individuals.
pub(super) struct Side {
    /// By block and round.
    pub(super) calls: Vec<Vec<Ordered>>,
    /// By individual, whole blocks: what it adds alone, its half of the constants, and Σ w x beside
    /// counts of bits.
    own: Vec<i64>,
}

/// Calls of a block of individuals in the order of a round.
pub(super) enum Ordered {
    Bits(Packed),
    Bytes(Arc<Calls>),
}

impl Ordered {
    pub(super) fn bits(&self) -> &Packed {
        match self {
            Ordered::Bits(packed) => packed,
            Ordered::Bytes(_) => unreachable!("calls are packed as the weights are"),
        }
    }

    pub(super) fn bytes(&self) -> &Calls {
        match self {
            Ordered::Bytes(calls) => calls,
            Ordered::Bits(_) => unreachable!("calls are packed as the weights are"),
        }
    }
}

impl Side {
    /// Sums are in units 2^`fraction` times those of the statistic.
    pub(super) fn new(
        statistic: &PairStatistic,
        rounds: &[Round],
        genotypes: &Genotypes,
        fraction: u32,
    ) -> Self {
        let bit = |m: usize| {
            let (word, bit) = genotypes.position(m);
            word * SNPS + bit as usize
        };
        let bits: Vec<usize> = (0..genotypes.snps()).map(bit).collect();
        let alone = |term: &Term| {
            let counted = if dosages::are_fast() { 0 } else { term.weight };
            let [none, one, two] = term.alone;
            [none, one + counted, two + 2 * counted, none]
        };
        let numbers: Vec<_> = statistic.terms().iter().map(alone).collect();
        let blocks = 0..genotypes.samples().div_ceil(PAIR_EDGE);
        let calls = blocks.into_par_iter().map(|b| {
            let slice = Slice::block(genotypes, b);
            ordered(slice, &bits, rounds)
        });
        // Constants are even: half of them for either individual.
        let constant: i64 = statistic.terms().iter().map(|t| t.constant / 2).sum();
        let own = alone::sums(genotypes, &numbers).into_iter();
        // Core bounds the sums by 2⁶².
        let mut own: Vec<i64> = own.map(|sum| (sum as i64 + constant) >> fraction).collect();
        own.resize(own.len().next_multiple_of(PAIR_EDGE), 0);
        Side {
            calls: calls.collect(),
            own,
        }
    }

    /// What the individuals of block `b` add alone.
    pub(super) fn own(&self, b: usize) -> &[i64] {
        &self.own[b * PAIR_EDGE..][..PAIR_EDGE]
    }
}

/// The calls of a block of individuals in the order of every round.
fn ordered(slice: Slice<'_>, bits: &[usize], rounds: &[Round]) -> Vec<Ordered> {
    // Made for the first round that needs them.
    let (mut by_bit, mut by_word) = (Vec::new(), None);
    let mut calls = |round: &Round| match &round.order {
        Order::Words(words) => {
            let calls = by_word.get_or_insert_with(|| Arc::new(slice.calls(words, |_, _, _| {})));
            Ordered::Bytes(calls.clone())
        }
        Order::Snps(snps) => {
            if by_bit.is_empty() {
                by_bit = transposed(slice);
            }
            sorted(slice, snps, (&by_bit, bits))
        }
    };
    rounds.iter().map(&mut calls).collect()
}

/// The calls of every SNP, by its bit in a row.
fn transposed(slice: Slice<'_>) -> Vec<Line> {
    let mut calls = vec![Line::default(); slice.genotypes.words() * SNPS];
    for (w, lines) in calls.as_chunks_mut().0.iter_mut().enumerate() {
        transpose(&slice.column(w), lines);
    }
    calls
}

/// The calls in the order of `snps`, from those of every SNP by its bit.
fn sorted(slice: Slice<'_>, snps: &[u32], (by_bit, bits): (&[Line], &[usize])) -> Ordered {
    let words = snps.len().div_ceil(SNPS);
    let [low, high] = [[0; PAIR_EDGE]; 2];
    let mut column = Column { low, high };
    // Calls word by word, as planes of dosages 1 and 2.
    let mut each = |of: &mut dyn FnMut(usize, usize, u64, u64)| {
        for (w, snps) in snps.chunks(SNPS).enumerate() {
            let mut lines = [Line::default(); SNPS];
            for (line, &m) in lines.iter_mut().zip(snps) {
                if m != NO_SNP {
                    *line = by_bit[bits[m as usize]];
                }
            }
            restore(&mut lines, &mut column);
            let both = column.low.iter().zip(&column.high);
            for (i, (low, high)) in both.take(slice.count).enumerate() {
                // Missing calls have the high bit alone.
                of(i, w, low & !high, low & high);
            }
        }
    };
    if dosages::are_fast() {
        let mut calls = Calls::zeros(slice.count, words);
        each(&mut |i, w, het, two| calls.set(i, w, het, two));
        return Ordered::Bytes(Arc::new(calls));
    }
    let mut packed = Packed::zeros(slice.count, words.div_ceil(LINE));
    each(&mut |i, w, het, two| {
        let [hets, twos] = packed.planes_mut(i, w / LINE);
        (hets.0[w % LINE], twos.0[w % LINE]) = (het, two);
    });
    Ordered::Bits(packed)
}
