//! Kernel tiles: stored pair statistics through a kernel function.

use std::ops::Range;

use epitile_core::kernel::KernelMap;
use epitile_core::pairs::{PAIR_EDGE, PairMatrix, PairTile};
use epitile_core::precision::Precision;
use epitile_core::round::FLUSH_BELOW;
use epitile_core::tile::Tile;

use crate::error::CpuError;
use crate::pairs::Pairs;

/// Columns gathered together: one cache line of whole statistics.
const COLS: usize = 16;
/// Rows gathered together: their lines stay in the first-level cache.
const ROWS: usize = 32;

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
    match precision {
        Precision::F64 => {
            let out = view.f64s().expect("an F64 tile");
            values(map, pairs, rows, cols, |at, v| out[at] = v);
        }
        Precision::F32 => {
            let out = view.f32s().expect("an F32 tile");
            values(map, pairs, rows, cols, |at, v| {
                out[at] = if v.abs() < FLUSH_BELOW {
                    0f32.copysign(v as f32)
                } else {
                    v as f32
                };
            });
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

/// Calls `store` with the column-major place and the kernel value of every pair.
fn values(
    map: &KernelMap,
    pairs: &Pairs,
    rows: &[u32],
    cols: &[u32],
    mut store: impl FnMut(usize, f64),
) {
    let (matrix, unit) = (pairs.matrix(), pairs.matrix().unit());
    match pairs.table(map) {
        Some(table) => gather(matrix, rows, cols, |r, c, raw| {
            store(c * rows.len() + r, table[raw as usize]);
        }),
        None => gather(matrix, rows, cols, |r, c, raw| {
            let value = map.value(raw, unit, rows[r] as usize, cols[c] as usize);
            store(c * rows.len() + r, value);
        }),
    }
}

/// Calls `each` with the row, column and stored number of every pair, in small square blocks
/// inside which all pairs come from one stored block.
#[inline(always)]
fn gather(
    matrix: &PairMatrix,
    rows: &[u32],
    cols: &[u32],
    mut each: impl FnMut(usize, usize, i64),
) {
    let row_runs = runs(rows, ROWS);
    for c in runs(cols, COLS) {
        for r in &row_runs {
            let (bi, bj) = (
                rows[r.start] as usize / PAIR_EDGE,
                cols[c.start] as usize / PAIR_EDGE,
            );
            // Only one triangle of blocks is stored; blocks on the diagonal are full.
            let mirrored = matrix.is_symmetric() && bi < bj;
            let block = match (matrix.is_symmetric(), mirrored) {
                (true, true) => bj * (bj + 1) / 2 + bi,
                (true, false) => bi * (bi + 1) / 2 + bj,
                (false, _) => bi * matrix.shape().1.div_ceil(PAIR_EDGE) + bj,
            };
            let (down, along) = if mirrored {
                (1, PAIR_EDGE)
            } else {
                (PAIR_EDGE, 1)
            };
            let places = Places {
                rows,
                cols,
                down,
                along,
            };
            match &matrix.blocks()[block] {
                PairTile::Whole(v) => places.visit(r.clone(), c.clone(), v, &mut each),
                PairTile::Fixed(v) => places.visit(r.clone(), c.clone(), v, &mut each),
            }
        }
    }
}

/// Where pairs stand inside a stored block.
struct Places<'a> {
    rows: &'a [u32],
    cols: &'a [u32],
    down: usize,
    along: usize,
}

impl Places<'_> {
    #[inline(always)]
    fn visit<T: Copy + Into<i64>>(
        &self,
        rows: Range<usize>,
        cols: Range<usize>,
        block: &[T],
        each: &mut impl FnMut(usize, usize, i64),
    ) {
        for c in cols {
            let column = self.cols[c] as usize % PAIR_EDGE * self.along;
            for r in rows.clone() {
                let row = self.rows[r] as usize % PAIR_EDGE * self.down;
                each(r, c, block[row + column].into());
            }
        }
    }
}

/// Runs of at most `most` neighbouring indices that lie in the same stored block.
fn runs(indices: &[u32], most: usize) -> Vec<Range<usize>> {
    let mut runs: Vec<Range<usize>> = Vec::new();
    for (at, i) in indices.iter().enumerate() {
        match runs.last_mut() {
            Some(run)
                if run.len() < most
                    && indices[run.start] as usize / PAIR_EDGE == *i as usize / PAIR_EDGE =>
            {
                run.end = at + 1;
            }
            _ => runs.push(at..at + 1),
        }
    }
    runs
}

#[cfg(test)]
mod tests;
