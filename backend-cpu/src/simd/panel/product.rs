//! Products of a tile with a panel.

use super::{Lane, Matrix, Work, dispatch, multiply_add};

/// Columns of op(A) after which sums are put aside, so that what is read again, of both operands,
/// stays in the first-level cache.
const DEPTH: usize = 64;

/// S ← S + op(A)·X with X and S in rows, group of columns by group.
pub(crate) struct Product<'a, T, const L: usize> {
    pub(crate) a: Matrix<'a, T>,
    /// Rows of op(A) and its columns.
    pub(crate) shape: (usize, usize),
    /// X: rows of each group, and the first of them that is used.
    pub(crate) x: (&'a [[T; L]], usize, usize),
    /// S likewise.
    pub(crate) sums: (&'a mut [[T; L]], usize, usize),
}

impl<T: Lane, const L: usize> Product<'_, T, L> {
    /// Computes it.
    pub(crate) fn add(self) {
        dispatch(self);
    }
}

impl<T: Lane, const L: usize> Work for Product<'_, T, L> {
    #[inline(always)]
    fn run<const WIDE: bool, const FUSED: bool, const R: usize, const V: usize>(self) {
        let (m, k) = self.shape;
        let (down, along) = self.a.steps();
        let (x, x_rows, x_first) = self.x;
        let (sums, rows, first_row) = self.sums;
        let groups = sums.len() / rows;
        for first in (0..k).step_by(DEPTH) {
            let depth = DEPTH.min(k - first);
            let mut r = 0;
            while r < m {
                let a = &self.a.values[r * down + first * along..];
                let few = if r + R <= m { R } else { 1 };
                let mut g = 0;
                while g < groups {
                    let two = if g + V <= groups { V } else { 1 };
                    let x = &x[g * x_rows + x_first + first..];
                    let sums = &mut sums[g * rows + first_row + r..];
                    let (of, x, sums) = ((a, self.a, depth), (x, x_rows), (sums, rows));
                    match (few == R, two == V) {
                        (true, true) => strip::<T, L, FUSED, R, V>(of, x, sums),
                        (true, false) => strip::<T, L, FUSED, R, 1>(of, x, sums),
                        (false, true) => strip::<T, L, FUSED, 1, V>(of, x, sums),
                        (false, false) => strip::<T, L, FUSED, 1, 1>(of, x, sums),
                    }
                    g += two;
                }
                r += few;
            }
        }
    }
}

/// `depth` terms of R rows of op(A), the first of which is at the start of `a`, with V groups of
/// columns.
#[inline(always)]
pub(super) fn strip<T: Lane, const L: usize, const FUSED: bool, const R: usize, const V: usize>(
    (a, of, depth): (&[T], Matrix<'_, T>, usize),
    (x, x_rows): (&[[T; L]], usize),
    (sums, rows): (&mut [[T; L]], usize),
) {
    if depth == 0 {
        return;
    }
    // Places between neighbours among the R rows, and among the terms.
    let (down, along) = of.steps();
    assert!(a.len() > (R - 1) * down + (depth - 1) * along, "rows of A");
    assert!(x.len() >= (V - 1) * x_rows + depth, "rows of X");
    let (a, x) = (a.as_ptr(), x.as_ptr());
    let mut held = [[[T::ZERO; L]; V]; R];
    for (i, held) in held.iter_mut().enumerate() {
        for (v, held) in held.iter_mut().enumerate() {
            *held = sums[v * rows + i];
        }
    }
    for k in 0..depth {
        // SAFETY: the last row read is (V − 1)·x_rows + depth − 1, which x has.
        let x: [[T; L]; V] = core::array::from_fn(|v| unsafe { *x.add(v * x_rows + k) });
        for (i, held) in held.iter_mut().enumerate() {
            // SAFETY: the last place read is (R − 1)·down + (depth − 1)·along, which a has.
            let a = unsafe { *a.add(i * down + k * along) };
            for v in 0..V {
                multiply_add::<T, L, FUSED>(a, &x[v], &mut held[v]);
            }
        }
    }
    for (i, held) in held.iter().enumerate() {
        for (v, held) in held.iter().enumerate() {
            sums[v * rows + i] = *held;
        }
    }
}
