//! Kernel tiles: stored pair statistics through a kernel function.

use epitile_core::kernel::KernelMap;
use epitile_core::pairs::{PAIR_EDGE, PairMatrix, PairTile};
use epitile_core::precision::Precision;
use epitile_core::round::FLUSH_BELOW;
use epitile_core::tile::Tile;

use crate::error::CpuError;
use crate::pairs::Pairs;
use crate::simd::kernel::apply;

/// Rows and columns gathered together: their cache lines all stay in the first level.
const EDGE: usize = 16;

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
    let table = pairs.table(map);
    let mut numbers = [0i64; EDGE * EDGE];
    let mut values = [0f64; EDGE * EDGE];
    for (c, cols) in cols.chunks(EDGE).enumerate() {
        for (r, few) in rows.chunks(EDGE).enumerate() {
            let len = few.len() * cols.len();
            gather(matrix, few, cols, &mut numbers[..len]);
            match &table {
                Some(table) => {
                    for (v, &n) in values.iter_mut().zip(&numbers[..len]) {
                        *v = table[n as usize];
                    }
                }
                None => apply(map, unit, few, cols, &numbers[..len], &mut values[..len]),
            }
            for (j, column) in values[..len].chunks_exact(few.len()).enumerate() {
                let at = (c * EDGE + j) * rows.len() + r * EDGE;
                for (i, &v) in column.iter().enumerate() {
                    store(at + i, v);
                }
            }
        }
    }
}

/// Stored numbers of the pairs of a few `rows` × `cols`, column-major.
fn gather(matrix: &PairMatrix, rows: &[u32], cols: &[u32], out: &mut [i64]) {
    let (Some(bi), Some(bj)) = (common_block(rows), common_block(cols)) else {
        let pairs = cols.iter().flat_map(|&j| rows.iter().map(move |&i| (i, j)));
        for (o, (i, j)) in out.iter_mut().zip(pairs) {
            *o = matrix.get(i as usize, j as usize);
        }
        return;
    };
    // Only one triangle of blocks is stored; blocks on the diagonal are full.
    let mirrored = matrix.is_symmetric() && bi < bj;
    let (block, down, along) = match (matrix.is_symmetric(), mirrored) {
        (true, true) => (bj * (bj + 1) / 2 + bi, 1, PAIR_EDGE),
        (true, false) => (bi * (bi + 1) / 2 + bj, PAIR_EDGE, 1),
        (false, _) => (bi * matrix.shape().1.div_ceil(PAIR_EDGE) + bj, PAIR_EDGE, 1),
    };
    match &matrix.blocks()[block] {
        PairTile::Whole(v) => visit(v, (rows, down), (cols, along), out),
        PairTile::Fixed(v) => visit(v, (rows, down), (cols, along), out),
    }
}

/// The stored block in which all `indices` lie, if there is one.
fn common_block(indices: &[u32]) -> Option<usize> {
    let block = indices[0] as usize / PAIR_EDGE;
    let inside = |&i: &u32| i as usize / PAIR_EDGE == block;
    indices.iter().all(inside).then_some(block)
}

fn visit<T: Copy + Into<i64>>(
    block: &[T],
    (rows, down): (&[u32], usize),
    (cols, along): (&[u32], usize),
    out: &mut [i64],
) {
    for (&j, out) in cols.iter().zip(out.chunks_exact_mut(rows.len())) {
        let column = j as usize % PAIR_EDGE * along;
        for (&i, o) in rows.iter().zip(out) {
            *o = block[i as usize % PAIR_EDGE * down + column].into();
        }
    }
}

#[cfg(test)]
mod tests;
