//! Triangular solves with a panel.

use super::product::strip;
use super::{Lane, Matrix, Work, dispatch, multiply_add};

/// Rows solved together: one product with all that are solved already, then a small triangle.
const ROWS: usize = 8;

/// X ← L⁻¹ X, or L⁻ᵀ X if the matrix is transposed; X in rows, group of columns by group.
pub(crate) struct Triangle<'a, T, const L: usize> {
    /// L, lower triangular.
    pub(crate) l: Matrix<'a, T>,
    /// Order of L.
    pub(crate) order: usize,
    /// X.
    pub(crate) x: &'a mut [[T; L]],
}

impl<T: Lane, const L: usize> Triangle<'_, T, L> {
    /// Computes it.
    pub(crate) fn solve(self) {
        dispatch(self);
    }
}

impl<T: Lane, const L: usize> Work for Triangle<'_, T, L> {
    #[inline(always)]
    fn run<const WIDE: bool, const FUSED: bool, const R: usize, const V: usize>(self) {
        let n = self.order;
        let mut groups = self.x.chunks_mut(V * n);
        for x in &mut groups {
            match x.len() == V * n {
                true => group::<T, L, FUSED, R, V>(self.l, n, x),
                false => x
                    .chunks_mut(n)
                    .for_each(|x| group::<T, L, FUSED, R, 1>(self.l, n, x)),
            }
        }
    }
}

/// V groups of columns.
#[inline(always)]
fn group<T: Lane, const L: usize, const FUSED: bool, const R: usize, const V: usize>(
    l: Matrix<'_, T>,
    n: usize,
    x: &mut [[T; L]],
) {
    let (down, along) = l.steps();
    let blocks = n.div_ceil(ROWS);
    for b in 0..blocks {
        // Blocks begin at multiples of ROWS in both directions.
        let b = if l.transposed { blocks - 1 - b } else { b };
        let first = b * ROWS;
        let rows = ROWS.min(n - first);
        let mut sums = [[T::ZERO; L]; 2 * ROWS];
        let sums = &mut sums[..V * ROWS];
        // What is solved already: the rows before the block, or after it.
        let (start, end) = match l.transposed {
            false => (0, first),
            true => (first + rows, n),
        };
        let mut r = 0;
        while r < rows {
            let a = l.values.get((first + r) * down + start * along..);
            let of = (a.unwrap_or(&[]), l, end - start);
            let (x, sums) = ((x.get(start..).unwrap_or(&[]), n), (&mut sums[r..], ROWS));
            if r + R <= rows {
                strip::<T, L, FUSED, R, V>(of, x, sums);
                r += R;
            } else {
                strip::<T, L, FUSED, 1, V>(of, x, sums);
                r += 1;
            }
        }
        for i in 0..rows {
            let i = if l.transposed { rows - 1 - i } else { i };
            let row = &l.values[(first + i) * down..];
            for v in 0..V {
                let sum = &mut sums[v * ROWS + i];
                if l.transposed {
                    for k in (first + i + 1..first + rows).rev() {
                        multiply_add::<T, L, FUSED>(row[k * along], &x[v * n + k], sum);
                    }
                } else {
                    for k in first..first + i {
                        multiply_add::<T, L, FUSED>(row[k * along], &x[v * n + k], sum);
                    }
                }
                let pivot = row[(first + i) * along];
                for (x, sum) in x[v * n + first + i].iter_mut().zip(sum) {
                    *x = (*x - *sum) / pivot;
                }
            }
        }
    }
}
