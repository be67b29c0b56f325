//! Missing calls in distances: their share, where one of two individuals has no call.
//!
//! What a missing call adds to a pair depends on the SNP and on the other individual's call. For
//! each individual with missing calls it is looked up for a block of others at a time, two SNPs
//! in one go: N²M·f/2 lookups and additions of 64 bits, f the share of missing calls.

use epitile_core::genotypes::Genotypes;
use epitile_core::pairs::PAIR_EDGE;

use crate::codes::{Codes, tables};
use crate::simd::line::{LINE, Line};
use crate::simd::lookup::{self, Table};
use crate::simd::transpose::SNPS;
use crate::slice::Slice;

/// What the missing calls of two sets of individuals add to their pairs.
pub(crate) struct Missing {
    tables: Vec<Table>,
    /// Calls that the missing calls of the columns meet; of both sides if they are the same.
    rows: Codes,
    /// Calls that the missing calls of the rows meet; `None` if rows and columns are the same.
    cols: Option<Codes>,
}

impl Missing {
    /// `corrections` by SNP and dosage of the other individual, for the pairs of `rows` with
    /// `cols`, or with themselves.
    pub(crate) fn new(
        corrections: &[[i64; 3]],
        rows: &Genotypes,
        cols: Option<&Genotypes>,
    ) -> Self {
        let met = |calls: &Genotypes, by: &Genotypes| match by.has_missing() {
            true => Codes::new(calls),
            false => Codes::default(),
        };
        Missing {
            tables: tables(rows, corrections),
            rows: met(rows, cols.unwrap_or(rows)),
            cols: cols.map(|cols| met(cols, rows)),
        }
    }

    /// Adds the corrections of both sides to a block of sums.
    pub(crate) fn add(&self, rows: Slice<'_>, cols: Slice<'_>, diagonal: bool, sums: &mut [i64]) {
        let met = self.cols.as_ref().unwrap_or(&self.rows);
        let mut side = vec![0; PAIR_EDGE * PAIR_EDGE];
        if diagonal {
            self.one_side(rows, met, cols, &mut side);
            for (sum, v) in sums.iter_mut().zip(&side) {
                *sum += v;
            }
        } else {
            self.one_side(rows, met, cols, sums);
            self.one_side(cols, &self.rows, rows, &mut side);
        }
        add_transposed(&side, sums);
    }

    /// Adds to `sums[i · PAIR_EDGE + j]` what the missing calls of individual `i` of `missing`
    /// add to its pair with `j` of `other`, whose calls are among `met`.
    fn one_side(&self, missing: Slice<'_>, met: &Codes, other: Slice<'_>, sums: &mut [i64]) {
        if !missing.genotypes.has_missing() {
            return;
        }
        let lines: &[Line] = met.block(other.index());
        let mut snps = Vec::new();
        for (i, sums) in missing.range().zip(sums.as_chunks_mut().0) {
            find(missing.genotypes.missing(i).unwrap_or(&[]), &mut snps);
            if snps.len() % 2 == 1 {
                // The last has no calls and adds nothing.
                snps.push(lines.len() as u32 - 1);
            }
            lookup::add(lines, &self.tables, &snps, sums);
        }
    }
}

/// Places of the one bits of a plane.
fn find(plane: &[u64], places: &mut Vec<u32>) {
    places.clear();
    for (line, words) in plane.chunks(LINE).enumerate() {
        // Few calls are missing: most lines are empty.
        if words.iter().fold(0, |any, word| any | word) == 0 {
            continue;
        }
        for (w, &word) in words.iter().enumerate() {
            let mut rest = word;
            while rest != 0 {
                let first = (line * LINE + w) * SNPS;
                places.push(first as u32 + rest.trailing_zeros());
                rest &= rest - 1;
            }
        }
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
