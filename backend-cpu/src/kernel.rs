//! Kernel tiles: stored pair statistics through a kernel function.

use core::ops::Range;

use epitile_core::kernel::KernelMap;
use epitile_core::pairs::{PAIR_EDGE, PairMatrix, PairTile};
use epitile_core::precision::Precision;
use epitile_core::tile::Tile;

use crate::error::CpuError;
use crate::pairs::Pairs;
use crate::simd::convert::to_nearest;
use crate::simd::decode::prefetch;
use crate::simd::kernel::{Number, apply, gather, look_up};

/// Lines of a stored block turned together: a cache line of its narrower numbers.
const TURNED: usize = 16;

/// Lines read ahead: stored statistics rarely are in a cache.
const AHEAD: usize = 4;

/// The kernel tile of individuals `rows` × `cols`, rounded once to F64 or F32.
///
/// # Errors
/// [`CpuError::Unsupported`] in another precision.
///
/// # Panics
/// If an index is out of range.
pub(crate) fn tile(
    map: &KernelMap,
    pairs: &Pairs,
    rows: &[u32],
    cols: &[u32],
    precision: Precision,
) -> Result<Tile, CpuError> {
    let (n, m) = pairs.matrix().shape();
    assert!(rows.iter().all(|&i| (i as usize) < n), "a row of {n}");
    assert!(cols.iter().all(|&j| (j as usize) < m), "a column of {m}");
    let mut tile = Tile::zeros(rows.len(), cols.len(), precision);
    let mut view = tile.as_mut();
    let table = pairs.table(map);
    let table = table.as_ref().map(|t| &t[..]);
    let part = Part {
        map,
        table,
        rows,
        cols,
    };
    match precision {
        Precision::F64 => {
            let out = view.f64s().expect("an F64 tile");
            part.values(pairs.matrix(), &mut Double(out));
        }
        Precision::F32 => {
            let out = view.f32s().expect("an F32 tile");
            let values = [0.0; PAIR_EDGE];
            part.values(pairs.matrix(), &mut Single { out, values });
        }
        precision => {
            return Err(CpuError::Unsupported {
                operation: "kernel_tile",
                precision,
            });
        }
    }
    Ok(tile)
}

/// Where pieces of columns go.
trait Sink {
    /// Takes the piece of length `len` at the column-major place `at`, which `fill` writes.
    fn take(&mut self, at: usize, len: usize, fill: impl FnOnce(&mut [f64]));
}

/// The numbers of an F64 tile.
struct Double<'a>(&'a mut [f64]);

impl Sink for Double<'_> {
    fn take(&mut self, at: usize, len: usize, fill: impl FnOnce(&mut [f64])) {
        fill(&mut self.0[at..at + len]);
    }
}

/// The numbers of an F32 tile, and room for a piece before it is rounded.
struct Single<'a> {
    out: &'a mut [f32],
    values: [f64; PAIR_EDGE],
}

impl Sink for Single<'_> {
    fn take(&mut self, at: usize, len: usize, fill: impl FnOnce(&mut [f64])) {
        fill(&mut self.values[..len]);
        to_nearest(&self.values[..len], [1.0; 3], &mut self.out[at..at + len]);
    }
}

/// A tile to be filled.
struct Part<'a> {
    map: &'a KernelMap,
    /// Kernel values of whole statistics, if they depend on nothing else: a third of the time.
    table: Option<&'a [f64]>,
    rows: &'a [u32],
    cols: &'a [u32],
}

impl Part<'_> {
    /// Gives all pieces of columns to `sink`.
    fn values(&self, matrix: &PairMatrix, sink: &mut impl Sink) {
        let (symmetric, unit) = (matrix.is_symmetric(), matrix.unit());
        let across = matrix.shape().1.div_ceil(PAIR_EDGE);
        for cols in runs(self.cols) {
            let bj = self.cols[cols.start] as usize / PAIR_EDGE;
            for rows in runs(self.rows) {
                let bi = self.rows[rows.start] as usize / PAIR_EDGE;
                // Only one triangle of blocks is stored; blocks on the diagonal are full. In a
                // stored block numbers run along its own rows.
                let (block, turned) = match symmetric {
                    true if bi <= bj => (bj * (bj + 1) / 2 + bi, false),
                    true => (bi * (bi + 1) / 2 + bj, true),
                    false => (bi * across + bj, true),
                };
                let place = (rows.clone(), cols.clone());
                match &matrix.blocks()[block] {
                    PairTile::Whole(v) => self.block((v, unit), turned, place, sink),
                    PairTile::Fixed(v) => self.block((v, unit), turned, place, sink),
                }
            }
        }
    }

    /// The part that lies in one stored block, whose rows are the part's columns unless `turned`.
    fn block<N: Number>(
        &self,
        (block, unit): (&[N], i32),
        turned: bool,
        (rows, cols): (Range<usize>, Range<usize>),
        sink: &mut impl Sink,
    ) {
        let line = |i: u32| &block[i as usize % PAIR_EDGE * PAIR_EDGE..][..PAIR_EDGE];
        let mut at = [0; PAIR_EDGE];
        let mut numbers = vec![
            N::default();
            if turned {
                TURNED * PAIR_EDGE
            } else {
                PAIR_EDGE
            }
        ];
        for rows in pieces(rows, PAIR_EDGE) {
            let few = &self.rows[rows.clone()];
            let len = few.len();
            if !turned {
                let at = places(few, &mut at);
                let range = contiguous(at);
                for c in cols.clone() {
                    let from = line(self.cols[c]);
                    if let Some(&later) = self.cols[..cols.end].get(c + AHEAD) {
                        let (first, last) = (at[0] as usize, at[len - 1] as usize);
                        prefetch(line(later).get(first..=last).unwrap_or(&[]));
                    }
                    let numbers = match range.clone() {
                        Some(range) => &from[range],
                        None => {
                            gather(from, at, &mut numbers[..len]);
                            &numbers[..len]
                        }
                    };
                    self.line((numbers, unit), few, c, rows.start, sink);
                }
                continue;
            }
            for cols in pieces(cols.clone(), TURNED) {
                let at = places(&self.cols[cols.clone()], &mut at);
                for (r, &i) in few.iter().enumerate() {
                    let from = line(i);
                    let next = at[at.len() - 1] as usize + 1;
                    prefetch(&from[next..PAIR_EDGE.min(next + 1)]);
                    for (c, &j) in at.iter().enumerate() {
                        numbers[c * PAIR_EDGE + r] = from[j as usize];
                    }
                }
                for (c, numbers) in cols.zip(numbers.chunks_exact(PAIR_EDGE)) {
                    self.line((&numbers[..len], unit), few, c, rows.start, sink);
                }
            }
        }
    }

    /// Kernel values of the individuals `few`, rows from `first` on, with column `c`.
    fn line<N: Number>(
        &self,
        (numbers, unit): (&[N], i32),
        few: &[u32],
        c: usize,
        first: usize,
        sink: &mut impl Sink,
    ) {
        let fill = |values: &mut [f64]| {
            if let (Some(table), Some(places)) = (self.table, N::places(numbers)) {
                look_up(table, places, values);
            } else if self.map.is_of_statistic() {
                apply(self.map, unit, numbers, &[], values);
            } else {
                let mut offsets = [0.0; PAIR_EDGE];
                for (o, &i) in offsets.iter_mut().zip(few) {
                    *o = self.map.offset(i as usize, self.cols[c] as usize);
                }
                apply(self.map, unit, numbers, &offsets[..few.len()], values);
            }
        };
        sink.take(c * self.rows.len() + first, few.len(), fill);
    }
}

/// Ranges of neighbouring `indices` that lie in one stored block.
fn runs(indices: &[u32]) -> impl Iterator<Item = Range<usize>> {
    let mut start = 0;
    indices
        .chunk_by(|i, j| *i as usize / PAIR_EDGE == *j as usize / PAIR_EDGE)
        .map(move |run| {
            start += run.len();
            start - run.len()..start
        })
}

/// `range` in pieces of at most `len`.
fn pieces(range: Range<usize>, len: usize) -> impl Iterator<Item = Range<usize>> {
    let end = range.end;
    range
        .step_by(len)
        .map(move |start| start..(start + len).min(end))
}

/// Places in their stored block of at most [`PAIR_EDGE`] individuals.
fn places<'a>(individuals: &[u32], out: &'a mut [u32; PAIR_EDGE]) -> &'a [u32] {
    for (o, &i) in out.iter_mut().zip(individuals) {
        *o = i % PAIR_EDGE as u32;
    }
    &out[..individuals.len()]
}

/// The range that `at` counts up, if it is one.
fn contiguous(at: &[u32]) -> Option<Range<usize>> {
    let first = at[0] as usize;
    let counts = at.windows(2).all(|w| w[1] == w[0] + 1);
    counts.then_some(first..first + at.len())
}

#[cfg(test)]
mod tests;
