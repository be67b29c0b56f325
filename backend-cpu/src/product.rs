//! Σ w (x − μ)(y − μ) of all pairs, as integers.
//!
//! With the dosages x = h + 2t and |·| a sum of weights,
//!
//! Σ w x y = Σ w x + Σ w y − |A| − 2|B|,
//!
//! A = h ∨ h′ and B the opposite homozygotes (see `simd/popcount.rs`). The bits are counted once
//! for every round of [`PairStatistic::chunks`], in whose order the planes are sorted first; the
//! rest depends on one individual, or on missing calls as in distances. N²M operations a round,
//! and as much memory as the planes.

use epitile_core::genotypes::Genotypes;
use epitile_core::pairs::{Chunk, GROUP, NO_SNP, PAIR_EDGE, PairStatistic, Term, dosage_sums};
use rayon::prelude::*;

use crate::missing::Missing;
use crate::pairs::mirror;
use crate::simd::line::{LINE, Line};
use crate::simd::popcount::Packed;
use crate::simd::popcount::weighted::{self, WEIGHTS};
use crate::simd::transpose::{Column, SNPS, restore, transpose};
use crate::slice::Slice;

/// What products of two sets of individuals are made of.
pub(crate) struct Products {
    chunks: Vec<Weights>,
    /// Σ v.
    constant: i64,
    rows: Side,
    /// `None` if rows and columns are the same individuals.
    cols: Option<Side>,
    /// `None` if no call is missing.
    missing: Option<Missing>,
}

/// The weights of a chunk, in units of 2^shift.
struct Weights {
    lines: Vec<Line>,
    shift: u32,
}

/// One set of individuals.
struct Side {
    /// Sorted planes, by block and chunk.
    packed: Vec<Vec<Packed>>,
    /// Σ (w − u) x of every individual.
    own: Vec<i64>,
}

impl Products {
    /// For the pairs of `rows` with `cols`, or with themselves.
    pub(crate) fn new(
        statistic: &PairStatistic,
        rows: &Genotypes,
        cols: Option<&Genotypes>,
    ) -> Self {
        let terms = statistic.terms();
        let weights = |chunk: &Chunk| Weights {
            lines: chunk.values.chunks(WEIGHTS).map(weighted::line).collect(),
            shift: chunk.shift,
        };
        let side = |g: &Genotypes| Side::new(statistic, g);
        let missing = rows.has_missing() || cols.is_some_and(Genotypes::has_missing);
        Products {
            chunks: statistic.chunks().iter().map(weights).collect(),
            constant: terms.iter().map(|term| term.constant).sum(),
            rows: side(rows),
            cols: cols.map(side),
            missing: missing.then(|| {
                let corrections: Vec<_> = terms.iter().map(corrections).collect();
                Missing::new(&corrections, rows, cols)
            }),
        }
    }

    /// A block, row-major with [`PAIR_EDGE`] columns; `diagonal` if rows and columns are the same
    /// individuals. `space` is overwritten.
    pub(crate) fn block(
        &self,
        rows: Slice<'_>,
        cols: Slice<'_>,
        diagonal: bool,
        space: &mut Vec<i64>,
    ) -> Vec<i64> {
        let other = self.cols.as_ref().unwrap_or(&self.rows);
        let mut sums = vec![0; PAIR_EDGE * PAIR_EDGE];
        let packed = self.rows.packed[rows.index()].iter();
        let packed = packed.zip(&other.packed[cols.index()]);
        for (packed, weights) in packed.zip(&self.chunks) {
            let Weights { lines, shift } = weights;
            weighted::subtract(packed, lines, *shift, diagonal, &mut sums);
        }
        for (sums, i) in sums.chunks_exact_mut(PAIR_EDGE).zip(rows.range()) {
            let own = self.rows.own[i] + self.constant;
            for (sum, other) in sums.iter_mut().zip(&other.own[cols.range()]) {
                *sum += own + other;
            }
        }
        if diagonal {
            mirror(&mut sums);
        }
        if let Some(missing) = &self.missing {
            missing.add(rows, cols, diagonal, space, &mut sums);
        }
        // Groups of individuals were filled up with some that have no alleles.
        for (i, sums) in sums.chunks_exact_mut(PAIR_EDGE).enumerate() {
            let used = if i < rows.count { cols.count } else { 0 };
            sums[used..].fill(0);
        }
        sums
    }
}

/// What a missing call changes, by the other individual's call (missing last), where it counts
/// as dosage 0 otherwise: it adds nothing, and two of them are corrected by half each.
fn corrections(term: &Term) -> [i64; 4] {
    let &Term {
        slope, constant, ..
    } = term;
    [
        -constant,
        slope - constant,
        2 * slope - constant,
        -constant / 2,
    ]
}

impl Side {
    fn new(statistic: &PairStatistic, genotypes: &Genotypes) -> Self {
        let bit = |m: usize| {
            let (word, bit) = genotypes.position(m);
            word * SNPS + bit as usize
        };
        let bits: Vec<usize> = (0..genotypes.snps()).map(bit).collect();
        let alone = |term: &Term| {
            let one = term.weight - term.slope;
            [0, one, 2 * one, 0]
        };
        let numbers: Vec<_> = statistic.terms().iter().map(alone).collect();
        let (packed, own): (_, Vec<_>) = (0..genotypes.samples().div_ceil(PAIR_EDGE))
            .into_par_iter()
            .map(|b| {
                let slice = Slice::block(genotypes, b);
                let own = dosage_sums(genotypes, slice.range(), &numbers);
                // Core bounds the sums by 2⁶².
                let own: Vec<i64> = own.into_iter().map(|sum| sum as i64).collect();
                (sorted(slice, &bits, statistic.chunks()), own)
            })
            .unzip();
        Side {
            packed,
            own: own.concat(),
        }
    }
}

/// The planes of a block of individuals in the order of every chunk.
fn sorted(slice: Slice<'_>, bits: &[usize], chunks: &[Chunk]) -> Vec<Packed> {
    let words = slice.genotypes.words();
    let mut calls = vec![Line::default(); words * SNPS];
    for (w, lines) in calls.as_chunks_mut().0.iter_mut().enumerate() {
        transpose(&slice.column(w), lines);
    }
    let [low, high] = [[0; PAIR_EDGE]; 2];
    let mut column = Column { low, high };
    let mut sort = |chunk: &Chunk| {
        let steps = chunk.values.len().div_ceil(WEIGHTS);
        let mut packed = Packed::zeros(slice.count, steps);
        for (w, snps) in chunk.snps.chunks(SNPS).enumerate() {
            let mut lines = [Line::default(); SNPS];
            for (line, &m) in lines.iter_mut().zip(snps) {
                if m != NO_SNP {
                    *line = calls[bits[m as usize]];
                }
            }
            restore(&mut lines, &mut column);
            let Column { low, high } = &column;
            for (i, (low, high)) in low.iter().zip(high).take(slice.count).enumerate() {
                let [het, two] = packed.planes_mut(i, w / LINE);
                het.0[w % LINE] = low & !high;
                two.0[w % LINE] = low & high;
            }
        }
        packed
    };
    chunks.iter().map(&mut sort).collect()
}

const _: () = assert!(SNPS.is_multiple_of(GROUP) && WEIGHTS * GROUP == LINE * SNPS);
