//! Missing calls: what they change, where one of two individuals has no call, or both.
//!
//! What a missing call adds to a pair depends on the SNP and on the other individual's call. For
//! each individual with missing calls it is looked up for a block of others at a time, two SNPs
//! in one go: N²M·f/2 lookups and additions of 64 bits, f the share of missing calls.

use epitile_core::genotypes::Genotypes;
use epitile_core::pairs::PAIR_EDGE;

use crate::codes::{Codes, by_bit};
use crate::simd::lookup::{self, Parts};
use crate::simd::transpose::SNPS;
use crate::slice::Slice;

/// What the missing calls of two sets of individuals add to their pairs.
pub(crate) struct Missing {
    tables: Vec<Parts>,
    rows: Side,
    /// `None` if rows and columns are the same individuals.
    cols: Option<Side>,
}

/// One set of individuals.
struct Side {
    missing: Places,
    /// Calls that missing calls of the other side meet, if there are any.
    calls: Codes,
}

impl Side {
    fn new(genotypes: &Genotypes, other: &Genotypes) -> Self {
        Side {
            missing: Places::new(genotypes),
            calls: match other.has_missing() {
                true => Codes::new(genotypes),
                false => Codes::default(),
            },
        }
    }
}

impl Missing {
    /// `corrections` by SNP and call of the other individual (dosage 0, 1, 2, missing), for the
    /// pairs of `rows` with `cols`, or with themselves.
    pub(crate) fn new(
        corrections: &[[i64; 4]],
        rows: &Genotypes,
        cols: Option<&Genotypes>,
    ) -> Self {
        Missing {
            tables: by_bit(rows, corrections, Parts::new),
            rows: Side::new(rows, cols.unwrap_or(rows)),
            cols: cols.map(|cols| Side::new(cols, rows)),
        }
    }

    /// Adds the corrections of both sides to a block of sums. `space` is overwritten.
    pub(crate) fn add(
        &self,
        (rows, cols): (Slice<'_>, Slice<'_>),
        diagonal: bool,
        space: &mut Vec<i64>,
        sums: &mut [i64],
    ) {
        let other = self.cols.as_ref().unwrap_or(&self.rows);
        space.clear();
        space.resize(PAIR_EDGE * PAIR_EDGE, 0);
        if diagonal {
            self.one_side((&self.rows, rows), (other, cols), space);
            for (sum, v) in sums.iter_mut().zip(&*space) {
                *sum += v;
            }
        } else {
            self.one_side((&self.rows, rows), (other, cols), sums);
            self.one_side((other, cols), (&self.rows, rows), space);
        }
        add_transposed(space, sums);
    }

    /// Adds to `sums[i · PAIR_EDGE + j]` what the missing calls of individual `i` of the first
    /// side add to its pair with `j` of the second.
    fn one_side(
        &self,
        (missing, by): (&Side, Slice<'_>),
        (met, of): (&Side, Slice<'_>),
        sums: &mut [i64],
    ) {
        let mut rest = by.range().map(|i| missing.missing.of(i));
        let mut rest: [&[u32]; PAIR_EDGE] = core::array::from_fn(|_| rest.next().unwrap_or(&[]));
        if rest.iter().all(|places| places.is_empty()) {
            return;
        }
        let lines = met.calls.block(of.index());
        let mut end = 0;
        while rest.iter().any(|places| !places.is_empty()) {
            end += missing.missing.chunk;
            let now = rest.each_mut().map(|rest| {
                let (now, later) = rest.split_at(rest.partition_point(|&place| place < end));
                *rest = later;
                now
            });
            for (i, sums) in sums.as_chunks_mut().0.iter_mut().enumerate() {
                let then = now.get(i + 1).copied().unwrap_or(&[]);
                lookup::add(lines, &self.tables, now[i], then, sums);
            }
        }
    }
}

/// SNPs whose calls and numbers stay in a second-level cache.
const CHUNK: u32 = 1 << 12;
/// Missing calls of an individual that are worth going through all sums of its row.
const WORTH: u64 = 32;

/// Where calls are missing: four bytes per missing call.
struct Places {
    /// By individual, one after the other: the bits in a row, ascending.
    places: Vec<u32>,
    /// Ends of the individuals.
    ends: Vec<usize>,
    /// Bits of a row to look at together.
    chunk: u32,
}

impl Places {
    fn new(genotypes: &Genotypes) -> Self {
        let (mut places, mut ends) = (Vec::new(), Vec::new());
        for i in 0..genotypes.samples() {
            let missing = genotypes.missing_snps(i);
            places.extend(missing.map(|(_, word, bit)| (word * SNPS) as u32 + bit));
            ends.push(places.len());
        }
        let bits = (genotypes.words() * SNPS * genotypes.samples()) as u64;
        let worth = WORTH * bits / (places.len() as u64).max(1);
        Places {
            places,
            ends,
            // Pairs::new bounds the SNPs; the padding of as many segments at most fits too.
            chunk: CHUNK.max(worth.min(1 << 31) as u32),
        }
    }

    /// Those of individual `i`.
    fn of(&self, i: usize) -> &[u32] {
        let first = if i == 0 { 0 } else { self.ends[i - 1] };
        &self.places[first..self.ends[i]]
    }
}

/// `sums[i · PAIR_EDGE + j]` += `side[j · PAIR_EDGE + i]`, by squares that stay in the first-level
/// cache.
fn add_transposed(side: &[i64], sums: &mut [i64]) {
    const SQUARE: usize = 16;
    for first in (0..PAIR_EDGE).step_by(SQUARE) {
        for start in (0..PAIR_EDGE).step_by(SQUARE) {
            for i in first..first + SQUARE {
                let sums = &mut sums[i * PAIR_EDGE + start..][..SQUARE];
                for (j, sum) in sums.iter_mut().enumerate() {
                    *sum += side[(start + j) * PAIR_EDGE + i];
                }
            }
        }
    }
}
