//! Sums of products of bytes, and what becomes of them.

use epitile_core::pairs::PAIR_EDGE;

use super::{GROUP, STRIP, TILE};
use crate::simd::count::Count;
use crate::simd::level::multiversion;
use crate::simd::line::Line;

/// Sixteen sums of a row.
#[derive(Clone, Copy, Default)]
#[repr(C, align(64))]
pub(super) struct Sums(pub(super) [i32; STRIP]);

/// Sums of 32 × 32 pairs: 16 × 16 of them after the other, those of the same rows neighbours.
pub(super) const SQUARE: usize = 4 * TILE;

/// Groups of a block.
pub(super) const BLOCK: usize = PAIR_EDGE / GROUP;

/// Sums of some blocks of rows × some of columns, and what is needed on the way.
#[derive(Default)]
pub(crate) struct Grid {
    /// By group of columns, then of rows.
    pub(super) sums: Vec<Sums>,
    /// Groups of rows.
    pub(super) rows: usize,
    pub(super) panel: Vec<Line>,
    pub(super) column: Vec<Line>,
}

impl Grid {
    /// Zero sums of some numbers of blocks.
    pub(crate) fn clear(&mut self, rows: usize, cols: usize) {
        self.sums.clear();
        self.rows = rows * BLOCK;
        self.sums
            .resize(self.rows * cols * BLOCK * SQUARE, Sums::default());
    }

    /// The sums of groups of rows and columns: 16 rows and 16 columns, the next columns, then the next
    /// rows.
    #[inline(always)]
    pub(super) fn square(&self, row: usize, col: usize) -> &[Sums; SQUARE] {
        let at = (col * self.rows + row) * SQUARE;
        let (squares, _) = self.sums[at..].as_chunks();
        &squares[0]
    }

    /// Calls `of` with row, first column and sums of 16 columns, for all of the block at `place`.
    #[inline(always)]
    fn each(&self, place: (usize, usize), mut of: impl FnMut(usize, usize, &[i32; STRIP])) {
        for (i, j) in (0..BLOCK).flat_map(|i| (0..BLOCK).map(move |j| (i, j))) {
            let square = self.square(place.0 * BLOCK + i, place.1 * BLOCK + j);
            for (k, sums) in square.iter().enumerate() {
                let (tile, row) = (k / TILE, k % TILE);
                let (row, col) = (tile / 2 * STRIP + row, tile % 2 * STRIP);
                of(i * GROUP + row, j * GROUP + col, &sums.0);
            }
        }
    }
}

multiversion! {
    /// `out` ← own numbers of rows and of columns, less the sums of the block at `place` `times`;
    /// row-major with [`PAIR_EDGE`] columns, modulo 2³². Left as it is past the own numbers.
    fn distances<T: Count>(
        grid: &Grid,
        place: (usize, usize),
        own: (&[u32], &[u32]),
        times: u32,
        out: &mut [T],
    ) = distances_body::<T>, distances_body::<T>
}

#[inline(always)]
fn distances_body<T: Count>(
    grid: &Grid,
    place: (usize, usize),
    (rows, cols): (&[u32], &[u32]),
    times: u32,
    out: &mut [T],
) {
    grid.each(place, |row, col, sums| {
        let (Some(own), Some(others)) = (rows.get(row), cols.get(col..col + STRIP)) else {
            return;
        };
        let out = &mut out[row * PAIR_EDGE + col..][..STRIP];
        for ((out, sum), other) in out.iter_mut().zip(sums).zip(others) {
            let products = (*sum as u32).wrapping_mul(times);
            *out = T::of(own.wrapping_add(*other).wrapping_sub(products));
        }
    });
}

multiversion! {
    /// `out` ← own numbers of rows and of columns, [`PAIR_EDGE`] of each, and the sums of the block at
    /// `place` times 2^shift; row-major.
    fn weighted<T: Count>(
        grid: &Grid,
        place: (usize, usize),
        shift: u32,
        own: (&[i64], &[i64]),
        out: &mut [T],
    ) = weighted_body::<T>, weighted_body::<T>
}

#[inline(always)]
fn weighted_body<T: Count>(
    grid: &Grid,
    place: (usize, usize),
    shift: u32,
    (rows, cols): (&[i64], &[i64]),
    out: &mut [T],
) {
    grid.each(place, |row, col, sums| {
        let (own, others) = (rows[row], &cols[col..][..STRIP]);
        let out = &mut out[row * PAIR_EDGE + col..][..STRIP];
        for ((out, sum), other) in out.iter_mut().zip(sums).zip(others) {
            *out = T::of_sum(own + other).plus(i64::from(*sum) << shift);
        }
    });
}

multiversion! {
    /// `out` += the sums of the block at `place`, times 2^shift; row-major with [`PAIR_EDGE`] columns.
    fn add<T: Count>(grid: &Grid, place: (usize, usize), shift: u32, out: &mut [T])
        = add_body::<T>, add_body::<T>
}

#[inline(always)]
fn add_body<T: Count>(grid: &Grid, place: (usize, usize), shift: u32, out: &mut [T]) {
    grid.each(place, |row, col, sums| {
        let out = &mut out[row * PAIR_EDGE + col..][..STRIP];
        for (out, sum) in out.iter_mut().zip(sums) {
            *out = out.plus(i64::from(*sum) << shift);
        }
    });
}
