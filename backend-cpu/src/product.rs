//! Weighted sums of all pairs, as integers: Σ w (x − μ)(y − μ), or Σ w (x − y)².
//!
//! Each is a sum of weighted products x·y and of what depends on one individual
//! ([`PairStatistic::terms`]). With the dosages x = h + 2t and |·| a sum of weights,
//!
//! Σ w x y = Σ w x + Σ w y − |A| − 2|B|,
//!
//! A = h ∨ h′ and B the opposite homozygotes (see `simd/popcount.rs`). The bits are counted once
//! for every round of [`PairStatistic::chunks`], in whose order the planes are sorted first; the
//! rest depends on one individual, or on missing calls as in distances. N²M operations a round,
//! and as much memory as the planes.
//!
//! Where a matrix unit multiplies bytes faster, it does Σ w x y: each w of a round is a product of two
//! factors, one for the bytes of either individual. N²M operations a round as well.

use epitile_core::genotypes::Genotypes;
use epitile_core::pairs::{
    CHUNK_GROUPS, Chunk, FACTORS, GROUP, NO_SNP, PAIR_EDGE, PairStatistic, Term,
};
use rayon::prelude::*;

use crate::missing::Missing;
use crate::pairs::Job;
use crate::room::Block;
use crate::simd::alone;
use crate::simd::count::Count;
use crate::simd::dosages::{self, Calls, Factor, Grid};
use crate::simd::line::{LINE, Line};
use crate::simd::popcount::Packed;
use crate::simd::popcount::weighted::{self, WEIGHTS};
use crate::simd::transpose::{Column, SNPS, restore, transpose};
use crate::slice::Slice;

/// What products of two sets of individuals are made of.
pub(crate) struct Products {
    chunks: Vec<Weights>,
    rows: Side,
    /// `None` if rows and columns are the same individuals.
    cols: Option<Side>,
    /// `None` if no call is missing.
    missing: Option<Missing>,
}

/// The weights of a chunk, in units of 2^shift.
struct Weights {
    numbers: Numbers,
    shift: u32,
}

/// Weights as what they multiply needs them.
enum Numbers {
    /// Those of counts of bits.
    Bits(Vec<Line>),
    /// Factors for rows and, unless all are 1, for columns.
    Bytes(Vec<Line>, Option<Vec<Line>>),
}

impl Numbers {
    fn new(values: &[i16]) -> Self {
        if !dosages::are_fast() {
            return Numbers::Bits(values.chunks(WEIGHTS).map(weighted::line).collect());
        }
        let factors: Vec<[u8; 2]> = values.iter().map(|&v| factors(v)).collect();
        let side = |k: usize| {
            let line = |factors: &[[u8; 2]]| {
                dosages::weights(|s| factors.get(s / GROUP).map_or(0, |of| of[k]))
            };
            factors.chunks(SNPS / GROUP).map(line).collect()
        };
        let some = factors.iter().any(|&[_, second]| second != 1);
        Numbers::Bytes(side(0), some.then(|| side(1)))
    }
}

/// A number as a product of two factors, the first as i8.
fn factors(v: i16) -> [u8; 2] {
    let v = i64::from(v);
    let mut seconds = 1..=FACTORS[1];
    let second = seconds.find(|second| v % second == 0 && v.abs() / second <= FACTORS[0]);
    let second = second.expect("numbers of a chunk are products");
    [(v / second) as i8 as u8, second as u8]
}

/// One set of individuals.
struct Side {
    /// Sorted calls, by block and chunk.
    calls: Vec<Vec<Sorted>>,
    /// By individual, whole blocks: what it adds alone, its half of the constants, and Σ w x beside
    /// counts of bits.
    own: Vec<i64>,
}

/// Calls of a block of individuals in the order of a chunk.
enum Sorted {
    Bits(Packed),
    Bytes(Calls),
}

impl Sorted {
    fn bits(&self) -> &Packed {
        match self {
            Sorted::Bits(packed) => packed,
            Sorted::Bytes(_) => unreachable!("calls are packed as the weights are"),
        }
    }

    fn bytes(&self) -> &Calls {
        match self {
            Sorted::Bytes(calls) => calls,
            Sorted::Bits(_) => unreachable!("calls are packed as the weights are"),
        }
    }
}

impl Products {
    /// For the pairs of `rows` with `cols`, or with themselves; sums in units of 2^unit, by which all
    /// can be divided.
    pub(crate) fn new(
        statistic: &PairStatistic,
        rows: &Genotypes,
        cols: Option<&Genotypes>,
        unit: i32,
    ) -> Self {
        let fraction = (unit - statistic.unit()) as u32;
        let mut chunks = match dosages::are_fast() {
            true => joined(statistic.chunks()),
            false => statistic.chunks().to_vec(),
        };
        chunks.iter_mut().for_each(reduce);
        let weights = |chunk: &Chunk| Weights {
            numbers: Numbers::new(&chunk.values),
            shift: chunk.shift - fraction,
        };
        let side = |g: &Genotypes| Side::new(statistic, &chunks, g, fraction);
        let missing = rows.has_missing() || cols.is_some_and(Genotypes::has_missing);
        Products {
            chunks: chunks.iter().map(weights).collect(),
            rows: side(rows),
            cols: cols.map(side),
            missing: missing.then(|| Missing::new(statistic.corrections(), rows, cols)),
        }
    }

    /// Blocks along a side of a job.
    pub(crate) fn edge(&self) -> usize {
        match self.chunks.first().map(|c| &c.numbers) {
            Some(Numbers::Bytes(..)) => 2,
            _ => 1,
        }
    }

    /// The sums of every block of a job, row-major with [`PAIR_EDGE`] columns, as if all calls were
    /// there.
    pub(crate) fn sum<T: Count>(&self, job: &Job, grid: &mut Grid, blocks: &mut [Block<'_, T>]) {
        let other = self.cols.as_ref().unwrap_or(&self.rows);
        let (a, b) = (
            &self.rows.calls[job.rows.clone()],
            &other.calls[job.cols.clone()],
        );
        let own = |(i, j): (usize, usize)| (self.rows.own(i), other.own(j));
        // The first products of bytes are written with the rest, once.
        if self.edge() == 1 {
            for (place, sums) in job.places().zip(&mut *blocks) {
                let (rows, cols) = own(place);
                for (sums, own) in sums.chunks_exact_mut(PAIR_EDGE).zip(rows) {
                    for (sum, other) in sums.iter_mut().zip(cols) {
                        *sum = T::of_sum(own + other);
                    }
                }
            }
        }
        for (chunk, Weights { numbers, shift }) in self.chunks.iter().enumerate() {
            match numbers {
                Numbers::Bits(lines) => {
                    for ((i, j), sums) in job.places().zip(&mut *blocks) {
                        let (a, b) = (&self.rows.calls[i], &other.calls[j]);
                        let sides = (a[chunk].bits(), b[chunk].bits());
                        weighted::subtract(sides, lines, *shift, job.diagonal && i == j, sums);
                    }
                }
                Numbers::Bytes(first, second) => {
                    let [a, b] = [a, b]
                        .map(|side| side.iter().map(|c| c[chunk].bytes()).collect::<Vec<_>>());
                    grid.clear(a.len(), b.len());
                    let factor = Factor::Weighted(first, second.as_deref());
                    dosages::multiply((&a, &b), factor, job.diagonal, grid);
                    for ((i, j), sums) in job.places().zip(&mut *blocks) {
                        let place = (i - job.rows.start, j - job.cols.start);
                        match chunk {
                            0 => dosages::weighted(grid, place, *shift, own((i, j)), sums),
                            _ => dosages::add(grid, place, *shift, sums),
                        }
                    }
                }
            }
        }
    }

    /// What missing calls change, if any are missing.
    pub(crate) fn missing(&self) -> Option<&Missing> {
        self.missing.as_ref()
    }
}

/// Chunks whose products are summed in 32 bits together: their SNPs' products are below 2¹⁴.
const CHUNKS: usize = 8;

const _: () = assert!((CHUNKS * CHUNK_GROUPS * GROUP) << 14 < 1 << 31);

/// The same weights in fewer chunks, as long as they are in the same units.
fn joined(chunks: &[Chunk]) -> Vec<Chunk> {
    let mut joined: Vec<Chunk> = Vec::new();
    for chunk in chunks {
        match joined.last_mut() {
            Some(last)
                if last.shift == chunk.shift
                    && last.values.len() + chunk.values.len() <= CHUNKS * CHUNK_GROUPS =>
            {
                last.values.extend(&chunk.values);
                last.snps.extend(&chunk.snps);
            }
            _ => joined.push(chunk.clone()),
        }
    }
    joined
}

/// Takes out of the numbers of a chunk what powers of two they have in common.
fn reduce(chunk: &mut Chunk) {
    let values = chunk.values.iter().filter(|&&v| v != 0);
    let bits = values.map(|v| v.trailing_zeros()).min().unwrap_or(0);
    chunk.values.iter_mut().for_each(|v| *v >>= bits);
    chunk.shift += bits;
}

impl Side {
    fn new(
        statistic: &PairStatistic,
        chunks: &[Chunk],
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
            sorted(slice, &bits, chunks)
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
    fn own(&self, b: usize) -> &[i64] {
        &self.own[b * PAIR_EDGE..][..PAIR_EDGE]
    }
}

/// The calls of a block of individuals in the order of every chunk.
fn sorted(slice: Slice<'_>, bits: &[usize], chunks: &[Chunk]) -> Vec<Sorted> {
    let words = slice.genotypes.words();
    let mut calls = vec![Line::default(); words * SNPS];
    for (w, lines) in calls.as_chunks_mut().0.iter_mut().enumerate() {
        transpose(&slice.column(w), lines);
    }
    let [low, high] = [[0; PAIR_EDGE]; 2];
    let mut column = Column { low, high };
    let mut sort = |chunk: &Chunk| {
        let words = chunk.snps.len().div_ceil(SNPS);
        let mut sorted = match dosages::are_fast() {
            true => Sorted::Bytes(Calls::zeros(slice.count, words)),
            false => Sorted::Bits(Packed::zeros(slice.count, words.div_ceil(LINE))),
        };
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
                // Missing calls have the high bit alone.
                let (het, two) = (low & !high, low & high);
                match &mut sorted {
                    Sorted::Bits(packed) => {
                        let [hets, twos] = packed.planes_mut(i, w / LINE);
                        (hets.0[w % LINE], twos.0[w % LINE]) = (het, two);
                    }
                    Sorted::Bytes(calls) => calls.set(i, w, het, two),
                }
            }
        }
        sorted
    };
    chunks.iter().map(&mut sort).collect()
}

const _: () = assert!(SNPS.is_multiple_of(GROUP) && WEIGHTS * GROUP == LINE * SNPS);
