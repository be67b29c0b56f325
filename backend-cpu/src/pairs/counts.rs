//! Distances of blocks of individuals without missing calls.

use epitile_core::genotypes::Genotypes;
use epitile_core::pairs::PAIR_EDGE;
use rayon::prelude::*;

use super::Job;
use crate::simd::count::Count;
use crate::simd::dosages::{self, Calls, Factor, GROUP, Grid};
use crate::simd::line::LINE;
use crate::simd::popcount::{self, Distance, NO_WORD, Packed};
use crate::slice::{self, Slice};

/// Lines of a plane counted in one go: packed, a block's rows take half of a second-level cache
/// and the columns at work half of a first-level one.
const LINES: usize = 16;

/// Distances over the planes, packed once for all blocks: as much memory as the planes.
pub(super) struct Counts {
    distance: Distance,
    rows: Side,
    /// `None` if rows and columns are the same individuals.
    cols: Option<Side>,
}

/// One set of individuals, by block.
enum Side {
    /// Planes, by block and [`LINES`].
    Bits(Vec<Vec<Packed>>),
    /// Calls, and of every individual Σx² or Σx.
    Bytes(Vec<(Calls, Vec<u32>)>),
}

impl Side {
    /// `words` are those with SNPs.
    fn new(genotypes: &Genotypes, words: &[u32], distance: Distance) -> Self {
        let blocks = (0..genotypes.samples().div_ceil(PAIR_EDGE)).into_par_iter();
        let slice = |b| Slice::block(genotypes, b);
        if dosages::are_fast() {
            let calls = |b| calls(slice(b), words, distance);
            return Side::Bytes(blocks.map(calls).collect());
        }
        let (full, rest) = words.as_chunks::<LINE>();
        let mut lines = full.to_vec();
        if !rest.is_empty() {
            let mut last = [NO_WORD; LINE];
            last[..rest.len()].copy_from_slice(rest);
            lines.push(last);
        }
        let packed = |b| {
            let chunks = lines.chunks(LINES);
            chunks.map(|w| Packed::new(slice(b).planes(), w)).collect()
        };
        Side::Bits(blocks.map(packed).collect())
    }
}

/// The calls of a block of individuals, and what each adds to its distances.
fn calls(slice: Slice<'_>, words: &[u32], distance: Distance) -> (Calls, Vec<u32>) {
    let mut own = vec![0; slice.count.next_multiple_of(GROUP)];
    let calls = slice.calls(words, |i, some, two| {
        own[i] += match distance {
            Distance::Squared => some.count_ones() + 3 * two.count_ones(),
            Distance::Absolute => some.count_ones() + two.count_ones(),
        };
    });
    (calls, own)
}

impl Counts {
    pub(super) fn new(distance: Distance, rows: &Genotypes, cols: Option<&Genotypes>) -> Self {
        let words = slice::words(rows);
        let side = |g: &Genotypes| Side::new(g, &words, distance);
        Counts {
            distance,
            rows: side(rows),
            cols: cols.map(side),
        }
    }

    fn sides(&self) -> (&Side, &Side) {
        (&self.rows, self.cols.as_ref().unwrap_or(&self.rows))
    }

    pub(super) fn edge(&self) -> usize {
        match self.rows {
            Side::Bits(_) => 1,
            Side::Bytes(_) => dosages::EDGE,
        }
    }

    /// Products of bytes of a job, if there are bytes.
    pub(super) fn multiply(&self, job: &Job, grid: &mut Grid) {
        let (Side::Bytes(rows), Side::Bytes(cols)) = self.sides() else {
            return;
        };
        let (rows, cols) = (&rows[job.rows.clone()], &cols[job.cols.clone()]);
        let [rows, cols] = [rows, cols].map(|side| side.iter().map(|(c, _)| c).collect::<Vec<_>>());
        grid.clear(rows.len(), cols.len());
        let factors = match self.distance {
            Distance::Squared => &[Factor::Dosages][..],
            Distance::Absolute => &[Factor::Dosages, Factor::Heterozygous],
        };
        for &factor in factors {
            dosages::multiply((&rows, &cols), factor, job.diagonal, grid);
        }
    }

    /// The distances of a block of a job instead of zeros, row-major with [`PAIR_EDGE`] columns, if
    /// there are bytes.
    pub(super) fn fill<T: Count>(
        &self,
        job: &Job,
        (rows, cols): (Slice<'_>, Slice<'_>),
        grid: &Grid,
        sums: &mut [T],
    ) -> bool {
        let (Side::Bytes(a), Side::Bytes(b)) = self.sides() else {
            return false;
        };
        let own = (&a[rows.index()].1[..], &b[cols.index()].1[..]);
        let place = (rows.index() - job.rows.start, cols.index() - job.cols.start);
        let times = match self.distance {
            Distance::Squared => 2,
            Distance::Absolute => 1,
        };
        dosages::distances(grid, place, own, times, sums);
        true
    }

    /// The same by counting bits, if there are planes.
    pub(super) fn count(&self, sides: (Slice<'_>, Slice<'_>), diagonal: bool, sums: &mut [u32]) {
        if let (Side::Bits(a), Side::Bits(b)) = self.sides() {
            for (a, b) in a[sides.0.index()].iter().zip(&b[sides.1.index()]) {
                popcount::count(a, b, self.distance, diagonal, sums);
            }
        }
    }
}

/// Zeros past the last individuals; if rows and columns are the same, both halves.
pub(super) fn finish<T: Copy + Default>(
    (rows, cols): (Slice<'_>, Slice<'_>),
    diagonal: bool,
    sums: &mut [T],
) {
    // Groups of individuals were filled up with some that have no alleles.
    for (i, sums) in sums.chunks_exact_mut(PAIR_EDGE).enumerate() {
        let used = if i < rows.count { cols.count } else { 0 };
        sums[used..].fill(T::default());
    }
    if diagonal {
        mirror(sums);
    }
}

/// Fills the upper half of a block on the diagonal.
fn mirror<T: Copy>(block: &mut [T]) {
    for i in 0..PAIR_EDGE {
        for j in i + 1..PAIR_EDGE {
            block[i * PAIR_EDGE + j] = block[j * PAIR_EDGE + i];
        }
    }
}
