//! Kernel tiles: stored pair statistics through a kernel function.

use core::ops::Range;

use epitile_core::kernel::{Kernel, KernelMap};
use epitile_core::pairs::{PAIR_EDGE, PairMatrix, PairTile};
use epitile_core::precision::Precision;
use epitile_core::tile::Tile;

use crate::error::CpuError;
use crate::operand::Real;
use crate::pairs::{Pairs, Table};
use crate::simd::convert::to_nearest;
use crate::simd::decode::prefetch;
use crate::simd::kernel::{Number, WIDE, apply, distances, gather, look_up, look_up_narrow, turn};
use crate::spare;

/// Lines of a stored block turned together: a cache line of a column of the tile.
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
    let mut tile = spare::tile((rows.len(), cols.len()), precision);
    let mut view = tile.as_mut();
    let table = pairs.table(map);
    let table = table.as_deref();
    let part = Part {
        map,
        table,
        rows,
        cols,
    };
    match precision {
        Precision::F64 => part.fill(pairs.matrix(), view.f64s().expect("an F64 tile")),
        Precision::F32 => part.fill(pairs.matrix(), view.f32s().expect("an F32 tile")),
        precision => {
            return Err(CpuError::Unsupported {
                operation: "kernel_tile",
                precision,
            });
        }
    }
    Ok(tile)
}

/// A tile to be filled.
struct Part<'a> {
    map: &'a KernelMap,
    /// Kernel values of whole statistics, if they depend on nothing else: a third of the time.
    table: Option<&'a Table>,
    rows: &'a [u32],
    cols: &'a [u32],
}

/// What kernel values are rounded to.
trait Value: Real {
    /// `out` ← what `fill` writes (into `room`, if it must be rounded), rounded once.
    fn write(out: &mut [Self], room: &mut [f64; PAIR_EDGE], fill: impl FnOnce(&mut [f64]));

    /// `out` ← the values of `table` at `places`.
    fn look_up(table: &Table, places: &[u32], out: &mut [Self]);
}

impl Value for f64 {
    fn write(out: &mut [f64], _: &mut [f64; PAIR_EDGE], fill: impl FnOnce(&mut [f64])) {
        fill(out);
    }

    fn look_up(table: &Table, places: &[u32], out: &mut [f64]) {
        look_up(&table.wide, places, out);
    }
}

impl Value for f32 {
    fn write(out: &mut [f32], room: &mut [f64; PAIR_EDGE], fill: impl FnOnce(&mut [f64])) {
        let room = &mut room[..out.len()];
        fill(room);
        to_nearest(room, [1.0; 3], out);
    }

    fn look_up(table: &Table, places: &[u32], out: &mut [f32]) {
        look_up_narrow(&table.narrow, places, out);
    }
}

impl Part<'_> {
    /// Writes the tile, column-major.
    fn fill<V: Value>(&self, matrix: &PairMatrix, out: &mut [V]) {
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
                match (&matrix.blocks()[block], turned) {
                    (PairTile::Whole(v), false) => self.straight((v, unit), place, out),
                    (PairTile::Fixed(v), false) => self.straight((v, unit), place, out),
                    (PairTile::Whole(v), true) => self.turned((v, unit), place, out),
                    (PairTile::Fixed(v), true) => self.turned((v, unit), place, out),
                }
            }
        }
    }

    /// The part that lies in a stored block whose lines are columns of the part.
    fn straight<N: Number, V: Value>(
        &self,
        (block, unit): (&[N], i32),
        (rows, cols): (Range<usize>, Range<usize>),
        out: &mut [V],
    ) {
        let mut room = [0.0; PAIR_EDGE];
        for rows in pieces(rows, PAIR_EDGE) {
            let few = &self.rows[rows.clone()];
            let lines = Lines::new(block, few);
            let offsets = Offsets::new(self.map, few, true);
            for c in cols.clone() {
                let ahead = self.cols[..cols.end].get(c + AHEAD);
                let out = &mut out[c * self.rows.len() + rows.start..][..few.len()];
                let out = (&mut room, out);
                self.line(&lines, unit, (self.cols[c], ahead), &offsets, out);
            }
        }
    }

    /// The part that lies in a stored block whose lines are rows of the part.
    fn turned<N: Number, V: Value>(
        &self,
        (block, unit): (&[N], i32),
        (rows, cols): (Range<usize>, Range<usize>),
        out: &mut [V],
    ) {
        let mut room = [0.0; PAIR_EDGE];
        let mut square = [V::of_f64(0.0); TURNED * WIDE];
        for cols in pieces(cols, PAIR_EDGE) {
            let few = &self.cols[cols.clone()];
            let lines = Lines::new(block, few);
            let offsets = Offsets::new(self.map, few, false);
            for rows in pieces(rows.clone(), TURNED) {
                for (r, wide) in rows.clone().zip(square.chunks_exact_mut(WIDE)) {
                    let ahead = self.rows.get(r + AHEAD);
                    let out = (&mut room, &mut wide[..few.len()]);
                    self.line(&lines, unit, (self.rows[r], ahead), &offsets, out);
                }
                let ld = self.rows.len();
                turn(
                    &square,
                    (rows.len(), few.len()),
                    ld,
                    &mut out[cols.start * ld + rows.start..],
                );
            }
        }
    }

    /// Kernel values along a stored line, that of `ahead` asked for.
    fn line<N: Number, V: Value>(
        &self,
        lines: &Lines<'_, N>,
        unit: i32,
        (individual, ahead): (u32, Option<&u32>),
        offsets: &Offsets<'_>,
        (room, out): (&mut [f64; PAIR_EDGE], &mut [V]),
    ) {
        if let Some(&ahead) = ahead {
            lines.prefetch(ahead);
        }
        let mut numbers = [N::default(); PAIR_EDGE];
        let numbers = lines.numbers(individual, &mut numbers);
        if let (Some(table), Some(places)) = (self.table, N::places(numbers)) {
            return V::look_up(table, places, out);
        }
        V::write(out, room, |values| {
            let mut room = [0.0; PAIR_EDGE];
            let offsets = offsets.with(individual, &mut room);
            apply(self.map, unit, numbers, offsets, values);
        });
    }
}

/// What kernel values of pairs with a few individuals depend on beside their statistic, see
/// [`KernelMap::offset`].
struct Offsets<'a> {
    map: &'a KernelMap,
    /// Whether the few are rows.
    rows: bool,
    count: usize,
    /// Norms of the few, or their covariates one after the other.
    values: Vec<f64>,
}

impl<'a> Offsets<'a> {
    fn new(map: &'a KernelMap, few: &[u32], rows: bool) -> Self {
        let values = match (&map.covariates, map.is_of_statistic()) {
            (_, true) => Vec::new(),
            (Some(c), false) if map.has_covariate_distance() => {
                let values = if rows { &c.rows } else { &c.cols };
                let of = |k| few.iter().map(move |&i| values[i as usize * c.count + k]);
                (0..c.count).flat_map(of).collect()
            }
            (_, false) => {
                let norms = if rows { &map.rows } else { &map.cols };
                few.iter().map(|&i| norms[i as usize]).collect()
            }
        };
        Offsets {
            map,
            rows,
            count: few.len(),
            values,
        }
    }

    /// Those of the few with another `individual`, in `room`; none if they are zeros.
    fn with<'b>(&self, individual: u32, room: &'b mut [f64; PAIR_EDGE]) -> &'b [f64] {
        if self.map.is_of_statistic() {
            return &[];
        }
        let (i, room) = (individual as usize, &mut room[..self.count]);
        match &self.map.covariates {
            Some(c) if self.map.has_covariate_distance() => {
                let own = if self.rows { &c.cols } else { &c.rows };
                let own = &own[i * c.count..][..c.count];
                let absolute = self.map.kernel == Kernel::Laplacian;
                distances(absolute, own, &self.values, room);
            }
            _ => {
                let norms = if self.rows {
                    &self.map.cols
                } else {
                    &self.map.rows
                };
                for (o, norm) in room.iter_mut().zip(&self.values) {
                    *o = norm + norms[i];
                }
            }
        }
        room
    }
}

/// Lines of a stored block, at the places of a few individuals.
struct Lines<'a, N> {
    block: &'a [N],
    places: [u32; PAIR_EDGE],
    count: usize,
    /// The places, if they are neighbours.
    range: Option<Range<usize>>,
}

impl<'a, N: Number> Lines<'a, N> {
    /// Of at most [`PAIR_EDGE`] individuals.
    fn new(block: &'a [N], individuals: &[u32]) -> Self {
        let mut places = [0; PAIR_EDGE];
        for (place, &i) in places.iter_mut().zip(individuals) {
            *place = i % PAIR_EDGE as u32;
        }
        let count = individuals.len();
        let range = contiguous(&places[..count]);
        Lines {
            block,
            places,
            count,
            range,
        }
    }

    fn line(&self, individual: u32) -> &'a [N] {
        &self.block[individual as usize % PAIR_EDGE * PAIR_EDGE..][..PAIR_EDGE]
    }

    /// Numbers of `individual` with the few, in `room` unless they stand side by side.
    fn numbers<'b>(&self, individual: u32, room: &'b mut [N; PAIR_EDGE]) -> &'b [N]
    where
        'a: 'b,
    {
        let line = self.line(individual);
        match self.range.clone() {
            Some(range) => &line[range],
            None => {
                let room = &mut room[..self.count];
                gather(line, &self.places[..self.count], room);
                room
            }
        }
    }

    /// Asks for what [`numbers`](Self::numbers) will read, if it is side by side.
    fn prefetch(&self, individual: u32) {
        if let Some(range) = self.range.clone() {
            prefetch(&self.line(individual)[range]);
        }
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

/// The range that `at` counts up, if it is one.
fn contiguous(at: &[u32]) -> Option<Range<usize>> {
    let first = at[0] as usize;
    let counts = at.windows(2).all(|w| w[1] == w[0] + 1);
    counts.then_some(first..first + at.len())
}

#[cfg(test)]
mod tests;
