//! Missing calls in distances: their share, where one of two individuals has no call.
//!
//! For 64 SNPs at a time, what a missing call adds is laid out once for every individual of the
//! other side (a row of integers per SNP that anyone misses) and then added up over the missing
//! calls of each individual: N²M·f/2 additions of whole registers, f the share of missing calls.

use epitile_core::pairs::PAIR_EDGE;

use crate::simd::spread::{accumulate, spread};
use crate::slice::Slice;

/// Words of SNPs laid out together.
const WORDS: usize = 4;

/// Adds the corrections of both sides to a block of sums.
pub(crate) fn add(
    corrections: &[[i64; 3]],
    rows: Slice<'_>,
    cols: Slice<'_>,
    diagonal: bool,
    sums: &mut [i64],
) {
    let mut side = vec![0; PAIR_EDGE * PAIR_EDGE];
    one_side(corrections, rows, cols, &mut side);
    for (sum, v) in sums.iter_mut().zip(&side) {
        *sum += v;
    }
    if !diagonal {
        side.fill(0);
        one_side(corrections, cols, rows, &mut side);
    }
    for i in 0..rows.count {
        for j in 0..cols.count {
            sums[i * PAIR_EDGE + j] += side[j * PAIR_EDGE + i];
        }
    }
}

/// Adds to `sums[i · PAIR_EDGE + j]` what the missing calls of individual `i` of `missing` add to
/// its pair with `j` of `other`.
fn one_side(corrections: &[[i64; 3]], missing: Slice<'_>, other: Slice<'_>, sums: &mut [i64]) {
    if !missing.genotypes.has_missing() {
        return;
    }
    let mut layout = Layout::default();
    for segment in missing.genotypes.segments() {
        for first in segment.words.clone().step_by(WORDS) {
            let words = first..segment.words.end.min(first + WORDS);
            layout.clear();
            for w in words.clone() {
                let snp = segment.snps.start + (w - segment.words.start) * 64;
                layout.push(corrections, snp, w, missing, other);
            }
            layout.accumulate(words, missing, sums);
        }
    }
}

/// What missing calls at some SNPs add, for every individual of the other side.
#[derive(Default)]
struct Layout {
    /// Rows of [`PAIR_EDGE`] integers, one per SNP that anyone misses.
    added: Vec<i64>,
    /// By word: the bits that have a row, and the first of their rows.
    bits: Vec<(u64, u32)>,
}

impl Layout {
    fn clear(&mut self) {
        self.added.clear();
        self.bits.clear();
    }

    /// Lays out word `w`, whose first SNP is `snp`.
    fn push(
        &mut self,
        corrections: &[[i64; 3]],
        snp: usize,
        w: usize,
        missing: Slice<'_>,
        other: Slice<'_>,
    ) {
        let row = self.added.len() / PAIR_EDGE;
        let bits = missing.range().fold(0, |b, i| b | word(missing, i, w));
        self.bits.push((bits, row as u32));
        if bits == 0 {
            return;
        }
        let words = other.words(w);
        for bit in Bits(bits) {
            let from = self.added.len();
            self.added.resize(from + PAIR_EDGE, 0);
            let corrections = corrections[snp + bit as usize];
            spread(words.as_ref(), bit, corrections, &mut self.added[from..]);
        }
    }

    /// Adds the rows of each individual's missing calls.
    fn accumulate(&self, words: std::ops::Range<usize>, missing: Slice<'_>, sums: &mut [i64]) {
        if self.added.is_empty() {
            return;
        }
        let mut rows = Vec::new();
        for (i, sums) in missing.range().zip(sums.chunks_exact_mut(PAIR_EDGE)) {
            rows.clear();
            for (w, &(bits, first)) in words.clone().zip(&self.bits) {
                // A bit's row: how many bits below it have one.
                let row = |bit: u32| first + (bits & ((1 << bit) - 1)).count_ones();
                rows.extend(Bits(word(missing, i, w)).map(row));
            }
            accumulate(&rows, &self.added, PAIR_EDGE, sums);
        }
    }
}

/// Word `w` of the missing plane of individual `i`.
fn word(slice: Slice<'_>, i: usize, w: usize) -> u64 {
    slice.genotypes.missing(i).map_or(0, |plane| plane[w])
}

/// Positions of the one bits of a word, ascending.
struct Bits(u64);

impl Iterator for Bits {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        (self.0 != 0).then(|| {
            let bit = self.0.trailing_zeros();
            self.0 &= self.0 - 1;
            bit
        })
    }
}
